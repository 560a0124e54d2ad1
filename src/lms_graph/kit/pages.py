"""Keyset pages: arguments, order terms, signed cursors, and the SQL they become.

A cursor is the sort key of a row plus its id, signed with a key derived from `LMS_SECRET_KEYS`: it survives inserts and deletes, and cannot be
made up. It is bound to the list and the order it was made for: another tenant's, or another person's, is none.
"""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson

from lms_graph.kit.errors import Invalid, Issue

DEFAULT_SIZE = 20
MAX_SIZE = 100
_SIGNATURE_BYTES = 12

T = TypeVar("T")


@dataclass(frozen=True)
class Term:
    """One term of an order: an SQL expression that is never null, its PostgreSQL type, and its direction."""

    name: str
    expression: str
    type: str
    descending: bool = False


@dataclass(frozen=True)
class PageRequest:
    """What a connection field was asked for; raises Invalid when it cannot be meant."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        issues = []
        for name, value in (("first", self.first), ("last", self.last)):
            if value is not None and not 0 <= value <= MAX_SIZE:
                issues.append(Issue(f"`{name}` must be from 0 to {MAX_SIZE}.", (name,)))
        if self.first is not None and self.last is not None:
            issues.append(Issue("Give `first` or `last`, not both.", ("last",)))
        if issues:
            raise Invalid(*issues)

    @property
    def backward(self) -> bool:
        return self.last is not None

    @property
    def size(self) -> int:
        if self.last is not None:
            return self.last
        return DEFAULT_SIZE if self.first is None else self.first


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows in the asked order, a cursor for each, and whether there are more on either side."""

    rows: Sequence[T]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool

    def map(self, change: Callable[[T], Any]) -> "Page[Any]":
        return Page([change(row) for row in self.rows], self.cursors, self.has_next, self.has_previous)


class Cursors:
    """Makes and reads cursors. One per process, from the deployment's secret."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = keys

    def encode(self, order: str, values: Sequence[Any]) -> str:
        body = orjson.dumps(values, default=str)
        return base64.urlsafe_b64encode(_signature(self._keys[0], order, body) + body).decode().rstrip("=")

    def decode(self, order: str, cursor: str, path: str) -> list[Any]:
        """The values of a cursor made for this order. Raises Invalid for any other text."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
            if any(hmac.compare_digest(signature, _signature(key, order, body)) for key in self._keys):
                values: list[Any] = orjson.loads(body)
                return values
        except ValueError:
            pass
        raise Invalid(Issue(f"`{path}` is not a cursor of this list in this order. Take cursors from `pageInfo` or `edges`.", (path,), "CURSOR_INVALID"))


def _signature(key: bytes, order: str, body: bytes) -> bytes:
    return hmac.digest(key, order.encode() + b"\0" + body, "sha256")[:_SIGNATURE_BYTES]


@dataclass(frozen=True)
class Keyset:
    """The SQL of one page: put `where` into the WHERE clause, `order_by` and `limit` after it; parameters follow `offset` others."""

    where: str
    order_by: str
    limit: int
    parameters: list[Any]
    _terms: Sequence[Term]
    _request: PageRequest
    _cursors: Cursors
    _order: str

    def page(self, rows: Sequence[Mapping[str, Any]]) -> Page[Any]:
        """Cut the extra row, put the rows in the asked order, and make their cursors. Each row carries the terms as `_<name>`."""
        more = len(rows) > self._request.size
        kept = list(rows[: self._request.size])
        if self._request.backward:
            kept.reverse()
        names = [f"_{term.name}" for term in self._terms]
        cursors = [self._cursors.encode(self._order, [row[name] for name in names]) for row in kept]
        if self._request.backward:
            return Page(kept, cursors, has_next=self._request.before is not None, has_previous=more)
        return Page(kept, cursors, has_next=more, has_previous=self._request.after is not None)


def keyset(cursors: Cursors, request: PageRequest, terms: Sequence[Term], *, of: Sequence[object], offset: int = 0) -> Keyset:
    """The page of `request` over `terms`; the last term must be unique (the id). `of` says which list it is: its name, the tenant, and whose it is.

    Raises Invalid for a cursor of another list or order.
    """
    order = ",".join([*map(str, of), *(f"{term.name}{'-' if term.descending else '+'}" for term in terms)])
    parameters: list[Any] = []
    clauses = []
    for path, cursor, forward in (("after", request.after, True), ("before", request.before, False)):
        if cursor is None:
            continue
        values = cursors.decode(order, cursor, path)
        places = []
        for term, value in zip(terms, values, strict=True):
            parameters.append(UUID(value) if term.type == "uuid" else str(value))
            places.append(f"${offset + len(parameters)}::text::{term.type}" if term.type != "uuid" else f"${offset + len(parameters)}::uuid")
        clauses.append(_beyond(terms, places, forward=forward))
    directions = [term.descending ^ request.backward for term in terms]
    order_by = ", ".join(f"{term.expression} {'DESC' if down else 'ASC'}" for term, down in zip(terms, directions, strict=True))
    return Keyset(" AND ".join(clauses) or "TRUE", order_by, request.size + 1, parameters, terms, request, cursors, order)


def _beyond(terms: Sequence[Term], places: Sequence[str], *, forward: bool) -> str:
    """Rows strictly beyond a key: `(a > x) OR (a = x AND b > y) …`, each term in its own direction."""
    if len({term.descending for term in terms}) == 1:
        sign = ">" if forward ^ terms[0].descending else "<"
        return f"({', '.join(term.expression for term in terms)}) {sign} ({', '.join(places)})"
    alternatives = []
    for index, term in enumerate(terms):
        equal = [f"{earlier.expression} = {place}" for earlier, place in zip(terms[:index], places[:index], strict=True)]
        sign = ">" if forward ^ term.descending else "<"
        alternatives.append(" AND ".join([*equal, f"{term.expression} {sign} {places[index]}"]))
    return "(" + " OR ".join(f"({alternative})" for alternative in alternatives) + ")"
