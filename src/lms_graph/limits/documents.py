"""From the text of a request to a document that may be executed: bounded, parsed, validated and weighed. Kept by its hash, trusted ones for good."""

import hashlib
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    ValidationContext,
    get_variable_values,
    parse,
    specified_rules,
    validate,
)
from graphql.language.parser import MAX_NESTING_DEPTH
from graphql.validation import OverlappingFieldsCanBeMergedRule
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from lms_graph.execution.plans import walk
from lms_graph.kit.text import is_storable
from lms_graph.limits.bounds import Bounds, DocumentRefused, shortened, too_much, wrong
from lms_graph.limits.costs import Plan, Weights
from lms_graph.limits.holding import Hints, Holding, holding
from lms_graph.limits.shape import check_shape

MAX_ERRORS = 10
MAX_COMPARISONS = 10_000
BYTES_A_DOCUMENT = 20_000  # measured, as is the next: a parsed document takes a hundred times its text
BYTES_A_TOKEN = 900


class Operation:
    """One operation of a document."""

    def __init__(self, node: OperationDefinitionNode, plan: Plan, holding: Holding | None) -> None:
        """`holding`: for how long its answer to a visitor may be held by anybody, if at all."""
        self.holding = holding
        self.type: OperationType = node.operation
        self.name = node.name.value if node.name else None
        self.node = node
        self._plan = plan

    def cost(self, variables: Mapping[str, Any]) -> int:
        """What it costs with these variables. They need not be valid: a size that makes no sense counts as the most that can be asked."""
        return self._plan.cost(self.node, variables)


@dataclass(frozen=True)
class Document:
    """A valid document within its bounds. `introspects`: whether an operation asks `__schema` or `__type`. `fields`: the names of all fields that stand in it, wherever."""

    node: DocumentNode
    sha256: str
    introspects: bool
    operations: tuple[Operation, ...]
    fields: frozenset[str]

    def operation(self, name: str | None) -> Operation:
        """The operation of this name, or the only one. Raises DocumentRefused when that is none."""
        if not name:
            if len(self.operations) != 1:
                raise wrong(
                    f"The document has {len(self.operations)} operations. Say in `operationName` which one is meant." if self.operations else "The document has no operation."
                )
            return self.operations[0]
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise wrong(f"The document has no operation named `{name[:80]}`.")


class Documents:
    """Prepares documents for one schema, and keeps the valid ones: those asked last, and not more of them than `cache_size`, nor than `cache_bytes` of memory, as estimated.

    Trusted ones are prepared by `trust` before anybody asks, and kept beside that.
    """

    def __init__(self, schema: GraphQLSchema, bounds: Bounds = Bounds(), cache_size: int = 2000, cache_bytes: int = 100_000_000) -> None:
        self.bounds = bounds
        self._schema = schema
        self._weights = Weights(schema)
        self._hints = Hints(schema)
        self._cache_size = cache_size
        self._cache_bytes = cache_bytes
        self._kept: OrderedDict[str, tuple[Document, int]] = OrderedDict()
        self._bytes = 0
        self._trusted: dict[str, Document] = {}
        self._by_id: dict[str, Document] = {}

    def trust(self, id: str, text: str) -> None:
        """Keep this document for good, under its hash and under `id`. Raises DocumentRefused."""
        sha256 = _hash(self._checked(text))
        document = self._trusted.get(sha256) or self._prepare(text, sha256, suggestions=True)
        self._trusted[sha256] = self._by_id[sha256] = self._by_id[id] = document

    def is_trusted(self, document: Document) -> bool:
        return document.sha256 in self._trusted

    def named(self, id: str) -> Document | None:
        """The document of this id: a trusted one by the id that its manifest gives it, any that is kept by its SHA-256 in hex."""
        return self._by_id.get(id) or self._recent(id)

    def trusted(self, text: str) -> Document | None:
        """The trusted document of this text."""
        return self._trusted.get(_hash(text)) if self._trusted and is_storable(text) else None

    def prepare(self, text: str, *, suggestions: bool = True) -> Document:
        """The document of this text. Raises DocumentRefused: BAD_USER_INPUT for what cannot be read or does not fit the schema, COST_EXCEEDED for what is beyond the bounds.

        Without `suggestions` the errors don't say which names the schema has.
        """
        sha256 = _hash(self._checked(text))
        if found := self._trusted.get(sha256) or self._recent(sha256):
            return found
        document = self._prepare(text, sha256, suggestions)
        self._keep(document, sys.getsizeof(text) + BYTES_A_DOCUMENT + BYTES_A_TOKEN * document.node.token_count)
        return document

    def check_values(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        """That the variables are what the operation takes. Raises DocumentRefused (BAD_USER_INPUT), without suggestions: executing it would find the same, and suggest names."""
        found = get_variable_values(self._schema, operation.node.variable_definitions or (), dict(variables), MAX_ERRORS, hide_suggestions=True)
        if isinstance(found, list):
            raise self._invalid(found)

    def _checked(self, text: str) -> str:
        if len(text) > self.bounds.length:
            raise too_much(
                f"The document has {len(text)} characters; at most {self.bounds.length} are taken. Send values as variables.", limit=self.bounds.length, requested=len(text)
            )
        if not is_storable(text):
            raise wrong("The document has a NUL character or half of a surrogate pair, which no text may have.")
        return text

    def _recent(self, sha256: str) -> Document | None:
        if kept := self._kept.get(sha256):
            self._kept.move_to_end(sha256)
            return kept[0]
        return None

    def _prepare(self, text: str, sha256: str, suggestions: bool) -> Document:
        node = self._parse(text)
        introspects = check_shape(node, self.bounds)
        errors = validate(self._schema, node, RULES, MAX_ERRORS, hide_suggestions=not suggestions)
        if errors:
            raise self._invalid(errors)
        plan = Plan(self._weights, node)
        operations = tuple(
            Operation(definition, plan, holding(self._hints, node, definition)) for definition in node.definitions if isinstance(definition, OperationDefinitionNode)
        )
        return Document(node, sha256, introspects, operations, frozenset(each.name.value for each in walk(node.definitions) if isinstance(each, FieldNode)))

    def _parse(self, text: str) -> DocumentNode:
        try:
            return parse(text, max_lexical_tokens=self.bounds.tokens, max_comments=self.bounds.tokens)
        except GraphQLSyntaxError as error:
            # Its limits have no code of their own. A name cannot have spaces, so nobody can write these words into another message's beginning.
            description = error.description
            if description.startswith("Document contains more than"):
                raise too_much(f"The document has more than {self.bounds.tokens} tokens or comments. Send values as variables.", limit=self.bounds.tokens) from None
            if description.startswith("Document is nested too deeply"):
                raise too_much(
                    f"The document is nested too deeply; at most {MAX_NESTING_DEPTH} braces and brackets are taken inside each other.", limit=MAX_NESTING_DEPTH
                ) from None
            raise DocumentRefused([_coded(error)]) from None

    def _invalid(self, errors: list[GraphQLError]) -> DocumentRefused:
        """The errors of a validation. One that was stopped before it found any says nothing of the document but that it is too much."""
        if isinstance(errors[0], ValidationAbortedError):
            return too_much("The document repeats too many fields, or nests its fragments too deeply, to be validated.")
        return DocumentRefused([_coded(error) for error in errors])

    def _keep(self, document: Document, size: int) -> None:
        self._kept[document.sha256] = document, size
        self._bytes += size
        while len(self._kept) > self._cache_size or self._bytes > self._cache_bytes:
            _, (_, gone) = self._kept.popitem(last=False)
            self._bytes -= gone


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _coded(error: GraphQLError) -> GraphQLError:
    return GraphQLError(shortened(error.message), error.nodes, error.source, error.positions, extensions={"code": "BAD_USER_INPUT"})


class _BoundedOverlaps(OverlappingFieldsCanBeMergedRule):
    """The library's own budget takes more than a second to use up: 480 times `course { id }` do. The documents of the contract need at most 28 comparisons."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = MAX_COMPARISONS


RULES = [
    *(_BoundedOverlaps if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules),
    MaybeNullValidationRule,  # Strawberry's own, for its own kinds of input
    OneOfInputValidationRule,
]
