"""What an operation costs: objects counted as if every list were full, multiplied through nesting, and the weights that the schema states.

A document's cost is a plan: sums of constants and of steps, each the size of a list that variables decide, times what is asked of an item. It is made once; an operation's cost for given
variables is then a loop over the steps. Sums are kept per fragment, so that a fragment is counted once however often it is spread.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_introspection_type,
    is_list_type,
)

from lms_graph.kit.pages import MAX_SIZE
from lms_graph.limits.bounds import MAX_NUMBER
from lms_graph.limits.directives import Cost, ListSize, said

UNSTATED_SIZE = 100  # of a list whose size nobody has stated

# Introspection reads no row, so its lists count as far less than they hold: the whole introspection query is to cost about half of what one operation may.
INTROSPECTION_SIZE = {"types": 50, "fields": 6}
OTHER_INTROSPECTION_SIZE = 2


@dataclass
class Sum:
    """A constant and multiples of steps, by the steps' index."""

    constant: int = 0
    steps: dict[int, int] = field(default_factory=dict)

    def add(self, other: "Sum", times: int = 1) -> None:
        self.constant += times * other.constant
        for step, factor in other.steps.items():
            self.steps[step] = self.steps.get(step, 0) + times * factor

    def value(self, steps: list[int]) -> int:
        return self.constant + sum(factor * steps[step] for step, factor in self.steps.items())


@dataclass(frozen=True)
class Size:
    """The size of a list that variables decide: the largest of those that are given and of `known`, or `assumed` when none is given."""

    variables: tuple[str, ...]
    known: int | None
    assumed: int

    def value(self, variables: Mapping[str, Any], defaults: Mapping[str, int | None]) -> int:
        sizes = [_counted(variables[name]) if name in variables else defaults.get(name) for name in self.variables]
        return max((size for size in (*sizes, self.known) if size is not None), default=self.assumed)


def _counted(value: Any) -> int | None:
    """A size as a variable gives it: a number, or the length of a list; None for null. Whatever makes no sense counts as the most."""
    if value is None:
        return None
    if isinstance(value, list):
        value = len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_SIZE else MAX_SIZE


def _written(value: ValueNode) -> int | None:
    """A size as a literal gives it."""
    if isinstance(value, NullValueNode):
        return None
    if isinstance(value, ListValueNode):
        return _counted(list(value.values))
    return _counted(int(value.value)) if isinstance(value, IntValueNode) and len(value.value) < 10 else MAX_SIZE


class Plan:
    """The costs of a valid document's operations."""

    def __init__(self, weights: "Weights", document: DocumentNode) -> None:
        self._weights = weights
        self._steps: list[tuple[Size, Sum]] = []
        self._fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        self._counted: dict[str, tuple[Sum, dict[str, Sum]]] = {}
        self._totals: dict[int, tuple[Sum, dict[str, int | None]]] = {}
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                root = weights.schema.get_root_type(node.operation)
                assert root, "validated"
                total, open_lists = self._selections(node.selection_set, root)
                self._close(total, open_lists, (), UNSTATED_SIZE)
                defaults = {definition.variable.name.value: _written(definition.default_value) for definition in node.variable_definitions or () if definition.default_value}
                self._totals[id(node)] = total, defaults

    def cost(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """What the operation of this document costs with these variables, whatever they are. A thousand million stands for more."""
        total, defaults = self._totals[id(operation)]
        values: list[int] = []
        for size, each in self._steps if total.steps else ():
            values.append(min(size.value(variables, defaults) * each.value(values), MAX_NUMBER))
        return min(total.value(values), MAX_NUMBER)

    def _selections(self, selections: SelectionSetNode, parent: GraphQLCompositeType) -> tuple[Sum, dict[str, Sum]]:
        """The cost of what is asked of one object; and apart, by name, that of one item of each list whose size the field above states."""
        total, open_lists = Sum(), dict[str, Sum]()
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                self._field(selection, parent, total, open_lists)
                continue
            if isinstance(selection, FragmentSpreadNode):
                inner, inner_lists = self._fragment(selection.name.value)
            else:
                assert isinstance(selection, InlineFragmentNode)
                condition = selection.type_condition
                inner, inner_lists = self._selections(selection.selection_set, self._weights.type(condition.name.value) if condition else parent)
            total.add(inner)
            for name, each in inner_lists.items():
                open_lists.setdefault(name, Sum()).add(each)
        return total, open_lists

    def _fragment(self, name: str) -> tuple[Sum, dict[str, Sum]]:
        if name not in self._counted:
            node = self._fragments[name]
            self._counted[name] = self._selections(node.selection_set, self._weights.type(node.type_condition.name.value))
        return self._counted[name]

    def _field(self, node: FieldNode, parent: GraphQLCompositeType, total: Sum, open_lists: dict[str, Sum]) -> None:
        weight = self._weights.field(parent, node.name.value)
        total.constant += weight.once + sum(weight.arguments.get(argument.name.value, 0) for argument in node.arguments or () if not isinstance(argument.value, NullValueNode))
        each = Sum(weight.each or int(node.alias is not None))  # under other names, even what costs nothing can be asked again and again
        if node.selection_set and weight.type:
            inner, inner_lists = self._selections(node.selection_set, weight.type)
            each.add(inner)
            size = _size(weight.size, node) if weight.size else UNSTATED_SIZE
            sized = weight.size.sized_fields or () if weight.size else ()
            self._close(each, inner_lists, sized, size)
        else:
            size, sized = UNSTATED_SIZE, ()
        if not weight.is_list or sized:
            total.add(each)
        elif weight.size:
            self._multiply(total, each, size)
        elif each.constant or each.steps:
            open_lists.setdefault(node.name.value, Sum()).add(each)

    def _close(self, total: Sum, open_lists: dict[str, Sum], sized: Iterable[str], size: "int | Size") -> None:
        for name, each in open_lists.items():
            self._multiply(total, each, size if name in sized else UNSTATED_SIZE)

    def _multiply(self, total: Sum, each: Sum, size: "int | Size") -> None:
        if isinstance(size, int):
            total.add(each, size)
        else:
            self._steps.append((size, each))
            total.add(Sum(0, {len(self._steps) - 1: 1}))


def _size(stated: ListSize, node: FieldNode) -> "int | Size":
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    values = [given[name] for name in stated.slicing_arguments or () if name in given]
    assumed = stated.assumed_size if isinstance(stated.assumed_size, int) else UNSTATED_SIZE
    known = max((size for value in values if not isinstance(value, VariableNode) and (size := _written(value)) is not None), default=None)
    variables = tuple(value.name.value for value in values if isinstance(value, VariableNode))
    if variables:
        return Size(variables, known, assumed)
    return assumed if known is None else known


@dataclass(frozen=True)
class Weight:
    """What the schema states of a field: its cost once, that of each object it gives, and the size of its list."""

    once: int
    each: int
    arguments: dict[str, int]
    is_list: bool
    size: ListSize | None
    type: GraphQLCompositeType | None


class Weights:
    """What a schema states of its fields, looked up when first asked."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._fields: dict[tuple[str, str], Weight] = {}

    def type(self, name: str) -> Any:
        return self.schema.type_map[name]

    def field(self, parent: GraphQLCompositeType, name: str) -> Weight:
        key = (parent.name, name)
        if key not in self._fields:
            self._fields[key] = self._stated(parent, name)
        return self._fields[key]

    def _stated(self, parent: Any, name: str) -> Weight:
        definition: GraphQLField | None = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}.get(name) or getattr(parent, "fields", {}).get(name)
        if definition is None:  # __typename
            return Weight(0, 0, {}, False, None, None)
        kind = get_named_type(definition.type)
        is_list = is_composite_type(kind) and is_list_type(definition.type.of_type if isinstance(definition.type, GraphQLNonNull) else definition.type)
        size = said(definition, ListSize)
        if is_introspection_type(parent) and is_list:
            size = ListSize(assumed_size=INTROSPECTION_SIZE.get(name, OTHER_INTROSPECTION_SIZE))
        return Weight(
            once=_weight(definition, 0),
            each=_weight(kind, 1) if is_composite_type(kind) and name != "ofType" else 0,  # tools ask nine of them inside each other, nearly all of them null
            arguments={name: weight for name, argument in definition.args.items() if (weight := _weight(argument, 0))},
            is_list=is_list,
            size=size,
            type=kind if is_composite_type(kind) else None,
        )


def _weight(definition: Any, otherwise: int) -> int:
    cost = said(definition, Cost)
    return int(cost.weight) if cost else otherwise
