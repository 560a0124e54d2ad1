"""How much one operation may ask, and how it is told when it asks too much."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphql import GraphQLError, Node

MAX_MESSAGE = 300
MAX_NUMBER = 1_000_000_000


@dataclass(frozen=True)
class Bounds:
    """The most of everything; what is at the bound passes. Fragments count wherever they are spread, as if they were written there."""

    length: int = 100_000  # characters of a document: reading them takes a few dozen milliseconds at most
    tokens: int = 2_000
    depth: int = 15  # levels of fields; the longest common introspection query has 15
    aliases: int = 100  # in one operation
    query_fields: int = 20  # root fields of one query
    mutation_fields: int = 10  # root fields of one mutation
    directives: int = 50  # in one document
    directives_at_once: int = 10  # on one field, fragment or operation
    cost: int = 5_000  # of one operation
    items: int = 250  # of one list or object, in variables and in literals
    value_depth: int = 20  # levels of lists and objects in a value
    values: int = 10_000  # in all variables together
    kept: int = 10_000  # bytes of a subscription's variables as JSON: they are kept for as long as it runs, and a caller may have many


class DocumentRefused(Exception):
    """A document or its variables cannot be taken. Each error carries its code in `extensions.code`; nothing was executed."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = list(errors)


def wrong(message: str, node: Node | None = None) -> DocumentRefused:
    """The refusal of what cannot be meant."""
    return DocumentRefused([GraphQLError(shortened(message), node, extensions={"code": "BAD_USER_INPUT"})])


def too_much(message: str, *, limit: int | None = None, requested: int | None = None, node: Node | None = None) -> DocumentRefused:
    """The refusal of what is well formed and asks too much. `limit` and `requested` are left out where they are no numbers that a client could count."""
    extensions: dict[str, object] = {"code": "COST_EXCEEDED"}
    if limit is not None:
        extensions["limit"] = limit
    if requested is not None:
        extensions["requested"] = min(requested, MAX_NUMBER)
    return DocumentRefused([GraphQLError(shortened(message), node, extensions=extensions)])


def shortened(message: str) -> str:
    """The message without what somebody sent at length: errors quote names and values."""
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
