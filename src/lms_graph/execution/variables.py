"""Values of variables, coerced by functions that are made once per type. What they do not take, and what they cannot, graphql-core is asked about: it tells errors, or takes it after all."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLError, GraphQLInputType, GraphQLSchema, OperationDefinitionNode, Undefined, is_input_object_type, is_list_type, is_non_null_type
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, input_is_nested_too_deeply
from graphql.type import is_required_input_field
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

Coerce = Callable[[Any], Any]


class NotTaken(Exception):
    """A value that is wrong, or of a kind that is seldom sent; a variable of no input type."""


class Variables:
    """The variables of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        """Raises NotTaken."""
        self._each: list[tuple[str, GraphQLVariableSignature, VariableValueSource, bool, Coerce]] = []
        for node in operation.variable_definitions or ():
            signature = get_variable_signature(schema, node)
            if isinstance(signature, GraphQLError):
                raise NotTaken
            self._each.append((signature.name, signature, VariableValueSource(signature), is_non_null_type(signature.type), _coercing(signature.type)))

    def values(self, given: Mapping[str, Any]) -> VariableValues | None:
        """As graphql-core's `get_variable_values` gives them; None where it has to be asked."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        try:
            for name, signature, unset, is_needed, coerce in self._each:
                if name in given:
                    value = given[name]
                    coerced[name] = coerce(value)
                    sources[name] = VariableValueSource(signature, value)
                elif signature.default is not None:
                    coerced[name] = coerce_default_value(signature)
                    sources[name] = unset
                elif is_needed:
                    return None
                else:
                    sources[name] = unset
        except Exception:  # noqa: BLE001  # whatever a scalar raises
            return None
        return VariableValues(sources, coerced)


def _coercing(type_: GraphQLInputType) -> Coerce:
    """Made when a value first comes: an input may have many fields, and most are sent by nobody."""
    made: Coerce | None = None
    is_needed = is_non_null_type(type_)

    def coerce(value: Any) -> Any:
        nonlocal made
        if value is None and not is_needed:
            return None
        if made is None:
            try:
                made = _of(type_, ())
            except _RefersToItself:
                made = _plainly(type_)
        return made(value)

    return coerce


class _RefersToItself(Exception):
    """How deep the values of such a type may be is graphql-core's affair."""


def _plainly(type_: GraphQLInputType) -> Coerce:
    def coerce(value: Any) -> Any:
        coerced = Undefined if input_is_nested_too_deeply(value, type_) else coerce_input_value(value, type_)
        if coerced is Undefined:
            raise NotTaken
        return coerced

    return coerce


def _of(type_: GraphQLInputType, above: tuple[GraphQLInputType, ...]) -> Coerce:
    """What gives the value, or raises. `above` are the objects around it; raises _RefersToItself where one comes again."""
    if not is_non_null_type(type_):
        optional = _of_value(type_, above)
        return lambda value: None if value is None else optional(value)
    needed = _of_value(type_.of_type, above)

    def take(value: Any) -> Any:
        if value is None:
            raise NotTaken
        return needed(value)

    return take


def _of_value(type_: Any, above: tuple[GraphQLInputType, ...]) -> Coerce:
    if is_list_type(type_):
        return _of_list(_of(type_.of_type, above))
    if is_input_object_type(type_):
        if type_ in above:
            raise _RefersToItself
        return _of_object(type_, (*above, type_))
    coerce: Coerce = type_.coerce_input_value

    def leaf(value: Any) -> Any:
        coerced = coerce(value)
        if coerced is Undefined:
            raise NotTaken
        return coerced

    return leaf


def _of_list(item: Coerce) -> Coerce:
    def take(value: Any) -> Any:
        if type(value) is not list:  # one value stands for a list of one
            raise NotTaken
        return [item(each) for each in value]

    return take


def _of_object(type_: Any, above: tuple[GraphQLInputType, ...]) -> Coerce:
    fields = [(name, field.out_name or name, field, is_required_input_field(field), _of(field.type, above)) for name, field in type_.fields.items()]

    def take(value: Any) -> Any:
        if type(value) is not dict:
            raise NotTaken
        made, met = {}, 0
        for name, out_name, field, is_required, coerce in fields:
            if name in value:
                made[out_name] = coerce(value[name])
                met += 1
            elif is_required:
                raise NotTaken
            elif (default := coerce_default_value(field)) is not Undefined:
                made[out_name] = default
        if met != len(value):
            raise NotTaken
        if type_.is_one_of and (met != 1 or len(made) != 1 or any(each is None for each in made.values())):
            raise NotTaken
        return type_.out_type(made)

    return take
