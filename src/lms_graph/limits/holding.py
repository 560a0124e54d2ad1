"""For how long, if at all, others may hold an answer: what the schema says of the fields that a document selects."""

from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)

from lms_graph.limits.directives import CacheControl, CacheControlScope, said

AS_ITS_PARENT = 2**31 - 1


@dataclass(frozen=True)
class Holding:
    """For how many seconds an answer may be held by anybody, and which types it shows."""

    seconds: int
    kinds: frozenset[str]


class Hints:
    """What a schema says of its fields, looked up when first asked."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._seconds: dict[tuple[str, str], int] = {}

    def seconds(self, parent: Any, name: str) -> int:
        """For how long a field's value may be held: 0 where it may not, AS_ITS_PARENT where that says it."""
        key = (parent.name, name)
        if key not in self._seconds:
            self._seconds[key] = self._stated(parent, name)
        return self._seconds[key]

    def _stated(self, parent: Any, name: str) -> int:
        """An interface's field is whatever it is in any of the types."""
        if name == "__typename":
            return AS_ITS_PARENT
        if name not in getattr(parent, "fields", {}):  # introspection
            return 0
        types = [parent, *(self.schema.get_possible_types(parent) if is_abstract_type(parent) else ())]
        return min(_of_field(each, each.fields[name], is_root=each is self.schema.query_type) for each in types)


def _of_field(parent: Any, field: Any, *, is_root: bool) -> int:
    """The field's own word, else its type's. A plain value is as its parent, an object of which nothing is said belongs to nobody but who asked, and a root has nothing above it."""
    kind = get_named_type(field.type)
    hint = said(field, CacheControl) or (said(kind, CacheControl) if is_composite_type(kind) else CacheControl(inherit_max_age=True))
    if hint is None or hint.scope is CacheControlScope.PRIVATE:
        return 0
    if isinstance(hint.max_age, int):
        return hint.max_age
    return 0 if is_root or not hint.inherit_max_age else AS_ITS_PARENT


def holding(hints: Hints, document: DocumentNode, operation: OperationDefinitionNode) -> Holding | None:
    """Of a valid document's operation; None where its answer is for nobody else. What `@skip` and `@include` leave out counts as if it were asked."""
    if operation.operation is not OperationType.QUERY:
        return None
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    kinds: set[str] = set()
    least = AS_ITS_PARENT
    waiting: list[tuple[SelectionSetNode, Any]] = [(operation.selection_set, hints.schema.query_type)]
    entered: set[str] = set()
    while waiting:
        selections, parent = waiting.pop()
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                seconds = hints.seconds(parent, selection.name.value)
                if seconds == 0:
                    return None
                least = min(least, seconds)
                if selection.selection_set:
                    kind = get_named_type(parent.fields[selection.name.value].type)
                    kinds.add(kind.name)
                    waiting.append((selection.selection_set, kind))
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                waiting.append((selection.selection_set, hints.schema.type_map[condition.name.value] if condition else parent))
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in entered:
                entered.add(selection.name.value)
                fragment = fragments[selection.name.value]
                waiting.append((fragment.selection_set, hints.schema.type_map[fragment.type_condition.name.value]))
    return None if least == AS_ITS_PARENT else Holding(least, frozenset(kinds))
