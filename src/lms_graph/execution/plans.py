"""Operations compiled: which fields a selection gives for objects of one type, how each value is found, and what becomes of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from keyword import iskeyword
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Node,
    Undefined,
    VariableNode,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet, collect_fields, collect_subfields
from graphql.execution.executor import Executor, to_nodes
from graphql.execution.values import VariableValues, get_argument_values
from graphql.type import TypeNameMetaFieldDef

from lms_graph.execution import fields
from lms_graph.execution.leaves import Write, as_it_is, writer
from lms_graph.execution.resolvers import straight


class Kind(Enum):
    LEAF = 1
    OBJECT = 2
    ABSTRACT = 3
    LIST = 4


class Shape:
    """A return type taken apart: what becomes of a value. The writers of leaves and the classes met are remembered."""

    __slots__ = ("by_class", "is_plain", "item", "kind", "not_awaited", "nullable", "type", "types", "writers")

    def __init__(self, type_: GraphQLOutputType, schema: GraphQLSchema) -> None:
        self.nullable = not is_non_null_type(type_)
        self.type: Any = type_ if self.nullable else type_.of_type  # type: ignore[union-attr]
        self.item = Shape(self.type.of_type, schema) if is_list_type(self.type) else None
        self.kind = Kind.LIST if self.item else Kind.LEAF if is_leaf_type(self.type) else Kind.ABSTRACT if is_abstract_type(self.type) else Kind.OBJECT
        self.by_class = self.kind in {Kind.OBJECT, Kind.ABSTRACT} and fields.told_by_class(self.type, schema)
        self.types: dict[type, GraphQLObjectType] = {}  # of an abstract type, by class
        self.is_plain = self.kind is Kind.LEAF or (self.item is not None and self.item.kind is Kind.LEAF)
        self.writers: dict[type, Write | None] = {}  # of a plain type, by class
        self.not_awaited: set[type] = set()

    def writer(self, cls: type) -> Write | None:
        try:
            return self.writers[cls]
        except KeyError:
            found = self.writers[cls] = writer(self.type, cls) if self.item is None else self._write_items if cls in (list, tuple) else None
            return found

    def _write_items(self, items: Sequence[Any]) -> list[Any]:
        """A list of leaves. Raises for those among which one is unusual: it is told where it stands."""
        item = self.item
        assert item is not None
        writers = {cls: item.writer(cls) for cls in set(map(type, items)) if not (cls is type(None) and item.nullable)}
        if all(write is as_it_is for write in writers.values()):
            return list(items)
        return [None if each is None and item.nullable else writers[type(each)](each) for each in items]  # type: ignore[misc]  # what has no writer fails here


class Field:
    """One key of an answer, for objects of one type."""

    __slots__ = (
        "attribute",
        "child",
        "definition",
        "derived",
        "details",
        "fixed",
        "has_arguments",
        "key",
        "node",
        "nodes",
        "parent_type",
        "passed",
        "position",
        "resolve",
        "selections",
        "shape",
        "varies",
    )

    def __init__(self, key: str, position: int, details: FieldDetailsList, definition: GraphQLField, parent_type: GraphQLObjectType, plan: "Plan") -> None:
        self.key, self.position, self.details, self.definition, self.parent_type = key, position, details, definition, parent_type
        self.nodes = to_nodes(details)
        self.node = self.nodes[0]
        self.shape = Shape(definition.type, plan.schema)
        self.attribute = fields.attribute_of(definition, self.node.name.value, plan.field_resolver)
        self.child = fields.child_of(definition)
        self.derived = fields.derived_of(definition)
        self.resolve = straight(definition, plan.schema) or definition.resolve or plan.field_resolver
        self.selections: dict[GraphQLObjectType, Selection] = {}
        self.has_arguments = bool(definition.args or self.node.arguments)
        self.varies = any(isinstance(each, VariableNode) for each in walk(self.node.arguments))
        self.fixed: dict[str, Any] | None = None
        self.passed = _passed(definition, self.node)
        if not self.has_arguments:
            self.fixed = {}
        elif not self.varies:
            try:
                arguments = get_argument_values(definition, self.node, hide_suggestions=plan.hide_suggestions)
            except GraphQLError:  # told where the field is met
                arguments = None
            if arguments is not None and shareable(arguments):
                self.fixed = arguments

    def values(self, coerced: Mapping[str, Any]) -> dict[str, Any] | None:
        """The arguments where all are variables; None where graphql-core has to be asked."""
        if self.passed is None:
            return None
        made = {}
        for name, variable, is_needed in self.passed:
            value = coerced.get(variable, Undefined)
            if is_needed and (value is None or value is Undefined):
                return None
            if value is not Undefined:
                made[name] = value
        return made


def _passed(definition: GraphQLField, node: FieldNode) -> tuple[tuple[str, str, bool], ...] | None:
    """Of a field to which only variables are passed, and that has no defaults: what each argument is called where it arrives, the variable, and whether it must be there."""
    given = {each.name.value: each.value for each in node.arguments or ()}
    made = []
    for name, argument in definition.args.items():
        value, is_needed = given.get(name), is_non_null_type(argument.type)
        if argument.default is not None or argument.default_value is not Undefined or (is_needed and value is None):
            return None
        if isinstance(value, VariableNode):
            made.append((argument.out_name or name, value.name.value, is_needed))
        elif value is not None:
            return None
    return tuple(made)


class Selection:
    """The fields of objects of one type at one place of an operation."""

    __slots__ = (
        "as_is",
        "by_class",
        "checked",
        "fields",
        "fill",
        "looks_up",
        "others",
        "plain",
        "sure",
        "template",
        "type",
        "written",
    )

    def __init__(self, type_: GraphQLObjectType, grouped: GroupedFieldSet, plan: "Plan") -> None:
        self.type = type_
        self.template: dict[str, Any] = {}
        self.fields: list[Field] = []
        for key, details in grouped.items():
            definition = plan.schema.get_field(type_, details[0].node.name.value)
            if definition is TypeNameMetaFieldDef:
                self.template[key] = type_.name
            elif definition:
                self.template[key] = None
                self.fields.append(Field(key, len(self.template), details, definition, type_, plan))
        self.plain = [field for field in self.fields if field.attribute and field.shape.is_plain]
        self.others = [field for field in self.fields if field not in self.plain]
        self.looks_up = any(field.definition.resolve is None for field in self.plain)  # graphql-core's own resolver takes mappings apart
        # Of each plain field: the classes that were met and are written as they are, and what writes the others.
        self.as_is: list[set[type]] = [set() for _ in self.plain]
        self.written: list[dict[type, Write]] = [{} for _ in self.plain]
        self.fill = _filling(self.plain, self.as_is, self.written) if self.plain else None
        # Classes whose values, as far as they were met, are of the type for certain.
        self.checked = type_.is_type_of is not None
        self.by_class = fields.told_by_class(type_, plan.schema)
        self.sure: set[type] = set()

    def learn(self, values: Sequence[Any]) -> dict[str, Any] | None:
        """The plain values as they are written, whose classes are known from now on; None where one has to be looked at by itself. Raises what a value raises."""
        made = {}
        for field, value, as_is, written in zip(self.plain, values, self.as_is, self.written, strict=True):
            write = as_it_is if value is None and field.shape.nullable else field.shape.writer(type(value))
            if write is None:
                return None
            made[field.key] = write(value)
            if write is as_it_is:
                as_is.add(type(value))
            else:
                written[type(value)] = write
        return made


def _filling(plain: list[Field], as_is: list[set[type]], written: list[dict[type, Write]]) -> Callable[[dict[str, Any], Any], tuple[Any, ...] | None]:
    """A function that reads an object's attributes and writes them into an answer: a line for each, as it would be written by hand, in a fifth of the time of a loop over them.
    Gives what it has read where a value is of a class that was not met before, or cannot be written. Raises what an attribute raises.

    Its source holds nothing but names: a schema's attributes, and keys that the grammar of GraphQL allows.
    """
    reads, writes = [], []
    for number, field in enumerate(plain):
        assert field.attribute
        assert field.attribute.isidentifier()
        # A schema of graphql-core's own may have a field called `from`.
        read_it = f"getattr(source, '{field.attribute}')" if iskeyword(field.attribute) else f"source.{field.attribute}"
        assert field.key.isidentifier()
        reads.append(f"    v{number} = {read_it}")
        writes.append(f"        out['{field.key}'] = v{number} if type(v{number}) in as_is_{number} else written_{number}[type(v{number})](v{number})")
    read = "".join(f"v{number}, " for number in range(len(plain)))
    source = "\n".join(["def fill(out, source):", *reads, "    try:", *writes, "    except Exception:", f"        return ({read})"])
    scope: dict[str, Any] = {f"as_is_{number}": classes for number, classes in enumerate(as_is)} | {f"written_{number}": by_class for number, by_class in enumerate(written)}
    exec(source, scope)
    filling: Callable[[dict[str, Any], Any], tuple[Any, ...] | None] = scope["fill"]
    return filling


class Plan:
    """A compiled operation, for one set of values of the variables of its `@skip` and `@include`. Selections of what is not reached are never made."""

    def __init__(self, executor: Executor[Any], variables: VariableValues) -> None:
        """Raises GraphQLError as collecting fields does."""
        self.schema, self.fragments, self.operation = executor.schema, executor.fragments, executor.operation
        self.field_resolver, self.hide_suggestions, self._variables = executor.field_resolver, executor.hide_suggestions, variables
        root_type = self.schema.get_root_type(self.operation.operation)
        assert root_type is not None
        grouped = collect_fields(self.schema, self.fragments, variables, root_type, self.operation, self.hide_suggestions).grouped_field_set
        self.root = Selection(root_type, grouped, self)

    def selection(self, field: Field, type_: GraphQLObjectType) -> Selection:
        try:
            return field.selections[type_]
        except KeyError:
            collected = collect_subfields(self.schema, self.fragments, self._variables, self.operation, type_, field.details, self.hide_suggestions)
            made = field.selections[type_] = Selection(type_, collected.grouped_field_set, self)
            return made


def shareable(value: Any) -> bool:
    """Whether nobody who is given the value can change it for the next."""
    if isinstance(value, dict):  # of arguments: each call takes it apart
        return all(type(each) in _SHARED or isinstance(each, Enum) for each in value.values())
    return False


_SHARED = frozenset({str, int, float, bool, bytes, type(None)})


def walk(nodes: Any) -> Iterator[Node]:
    """All nodes of a syntax tree, each once, however deep: without recursion."""
    waiting = list(nodes or ())
    while waiting:
        node = waiting.pop()
        yield node
        for key in node.keys:
            below = getattr(node, key, None)
            if isinstance(below, Node):
                waiting.append(below)
            elif isinstance(below, list | tuple):
                waiting.extend(each for each in below if isinstance(each, Node))
