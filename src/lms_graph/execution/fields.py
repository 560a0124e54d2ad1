"""What a schema's own declarations tell ahead: fields that are only read, fields that lead to other rows, types that are known by class."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from graphql import GraphQLField, GraphQLNamedType, GraphQLObjectType, GraphQLSchema, is_abstract_type
from graphql.execution.executor import default_field_resolver
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE
from strawberry.types.field import StrawberryField
from strawberry.types.union import StrawberryUnion

DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF


class Child(NamedTuple):
    """A field that leads to other rows: told in a Strawberry field's `metadata["child"]`. Its resolver must do the same, for other executors.

    `bind` takes the context of an operation and gives what loads a list of keys: a list of values in their order, an exception where one failed, or what gives it once awaited. `key` names the attribute that holds it: None there is answered with null and loads nothing.
    `then` names the attribute of what was loaded that is the field's value; None for all of it.
    """

    bind: Callable[[Any], Callable[[list[Any]], Awaitable[Sequence[Any]] | list[Any]]]
    key: str
    then: str | None = None


class Derived(NamedTuple):
    """A field whose value follows from an attribute and the context alone: told in a Strawberry field's `metadata["derived"]`. Its resolver must do the same, for other executors.

    `bind` takes the context of an operation and gives what makes the value of the attribute `key`; nothing of it is awaited.
    """

    bind: Callable[[Any], Callable[[Any], Any]]
    key: str


def attribute_of(field: GraphQLField, name: str, default: Any) -> str | None:
    """The attribute that the field's resolver reads and gives as it is; None where it does more."""
    if field.resolve is None:
        return name if default is default_field_resolver else None
    declared = field.extensions.get(DEFINITION)
    if not isinstance(declared, StrawberryField) or type(declared).get_result is not StrawberryField.get_result:
        return None
    if getattr(field.resolve, "_is_default", False) and declared.is_basic_field and declared.default_resolver is getattr:
        return declared.python_name
    return None


def child_of(field: GraphQLField) -> Child | None:
    child = _declared(field, "child")
    return child if isinstance(child, Child) else None


def derived_of(field: GraphQLField) -> Derived | None:
    derived = _declared(field, "derived")
    return derived if isinstance(derived, Derived) else None


def _declared(field: GraphQLField, name: str) -> object:
    declared = field.extensions.get(DEFINITION)
    return declared.metadata.get(name) if isinstance(declared, StrawberryField) and not declared.extensions and not field.args else None


def told_by_class(type_: GraphQLNamedType, schema: GraphQLSchema) -> bool:
    """Whether a value's class alone says if it is of the type, and of which: nobody wrote an `is_type_of` or `resolve_type` of their own. Values that were `strawberry.cast` are the exception."""
    declared = type_.extensions.get(DEFINITION)
    if is_abstract_type(type_):
        # What a generic type is made of is told by its values.
        if any(getattr(possible.extensions.get(DEFINITION), "concrete_of", None) for possible in schema.get_possible_types(type_)):
            return False
        ours = isinstance(declared, StrawberryUnion) or (isinstance(declared, StrawberryObjectDefinition) and declared.resolve_type is None)
        return ours and all(told_by_class(possible, schema) for possible in schema.get_possible_types(type_))
    return isinstance(type_, GraphQLObjectType) and (type_.is_type_of is None or (isinstance(declared, StrawberryObjectDefinition) and declared.is_type_of is None))


def is_cast(value: object) -> bool:
    return hasattr(value, TYPE_CAST_ATTRIBUTE)
