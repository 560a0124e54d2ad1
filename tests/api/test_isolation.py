"""No tenant sees or changes what is another's, and no student what is another student's.

Nothing here names a field: calls are made from the schema, so that a root field is covered from the day it is added. A school with one of everything
(`tests/factories/schools.py`) gives the ids; each is put into every argument that takes an id.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from lms_graph.embedded.postgres import database_url
from lms_graph.jobs import runtime
from lms_graph.jobs.relay import Relay
from lms_graph.kit.budget import MemoryBudget, Rate
from lms_graph.limits.bounds import Bounds
from lms_graph.limits.documents import Documents
from lms_graph.outbox.store import Message
from lms_graph.schema import schema, sdl
from lms_graph.types.nodes import PREFIXES
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.operations import Operations
from tests.factories.accounts import signed_in
from tests.factories.keys import admin, made_key
from tests.factories.schools import FullSchool, full_school
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House, served
from tests.fixtures.sockets import greeted, hear, say

pytestmark = pytest.mark.anyio

SCHEMA = build_schema(sdl())
DEPTH = 4
ID = re.compile(r"^([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}$")

# What every student of a school may read of it by its id, though nobody gave it to them.
OF_THE_CATALOG = {"Storefront", "Category", "Course", "CourseVersion", "Section", "Lecture", "Instructor", "Profile", "Review", "LearningPath", "Offer", "Bundle"}
# Mutations that another student of the same school may do with such an id, and why.
OPEN_TO_STUDENTS: dict[str, str] = {"checkoutCreate": "An offer is there to be bought; here it comes as far as the payment provider, which is away."}


@pytest.fixture(scope="module")
async def house(house: House) -> AsyncIterator[House]:
    """The same house behind a wider door: these documents ask for everything at once."""
    documents = Documents(schema._schema, Bounds(length=10**6, tokens=10**6, depth=100, aliases=10**6, query_fields=1000, cost=10**9))
    adapters = replace(house.adapters, budget=MemoryBudget(Rate(10**12, 10**9)))
    endpoint = Endpoint(Operations(schema, adapters, documents), default_tenant=None, base_url=adapters.base_url)
    async with served(Starlette(routes=[Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint)])) as url:
        yield House(url, house.adapters)


# --- Documents from the schema. ---


@cache
def selection(kind: Any, depth: int = DEPTH, path: tuple[str, ...] = ()) -> str:
    """Everything below a type that needs no argument; each type once on every way down. Fields of fragments are renamed, for two types may differ in one."""
    if is_leaf_type(kind):
        return ""
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        parts = [f"... on {of.name} {inner}" for of in SCHEMA.get_possible_types(kind) if of.name not in path and (inner := selection(of, depth, path))]
        return "{ __typename " + " ".join(parts) + " }"
    fields = []
    for name, field in kind.fields.items():
        of = get_named_type(field.type)
        if of.name in path or any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values()) or (depth == 0 and not is_leaf_type(of)):
            continue
        below = selection(of, depth - 1, (*path, kind.name))
        if below or is_leaf_type(of):
            fields.append(f"{kind.name}_{name}: {name}{'(first: 5)' if 'first' in field.args else ''} {below}")
    return "{ " + " ".join(fields) + " }" if fields else ""


def takes_rights(field: GraphQLField) -> bool:
    """Whether who lacks a permission is refused, whatever the ids."""
    return any(directive.name.value == "requires" for directive in (field.ast_node.directives if field.ast_node else ()) or ())


def takes_ids(kind: Any, seen: tuple[str, ...] = ()) -> bool:
    of = get_named_type(kind)
    return of.name == "ID" or (isinstance(of, GraphQLInputObjectType) and of.name not in seen and any(takes_ids(field.type, (*seen, of.name)) for field in of.fields.values()))


ASKS_GUESTS = {"checkoutCreate"}  # for an address, before it looks anything up: the signed-in strangers come further

# What some arguments take, where any word or number would be refused before an id is looked at.
SOUND = {"embedded": True, "expiresInMinutes": 60, "month": "2026-05"}


class Filler:
    """Fills arguments: ids with those of the school, by the argument's name or all with one; words with the school's own, or with strange ones."""

    def __init__(self, ids: dict[str, str], words: dict[str, str], *, always: str | None = None) -> None:
        self.ids, self.words, self.always = ids, words, always

    def value(self, kind: Any, name: str, *, of: str = "") -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self.value(kind.of_type, name, of=of)
        if isinstance(kind, GraphQLList):
            return [self.value(kind.of_type, name.removesuffix("s"), of=of)]
        if isinstance(kind, GraphQLEnumType):
            return next(iter(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            fields = list(kind.fields.items())
            if kind.ast_node and any(directive.name.value == "oneOf" for directive in kind.ast_node.directives or ()):
                fields = fields[:1]
            return {field: self.value(its.type, field) for field, its in fields if self._wanted(its)}
        if kind.name == "ID":
            return self.always or self._id(name, of)
        if name in SOUND:
            return SOUND[name]
        known = {"Int": 1, "Float": 1.0, "Boolean": False, "DateTime": datetime.now(UTC).isoformat(), "Date": "2030-01-01", "Decimal": "1.00", "JSON": {}, "CurrencyCode": "USD"}
        return known.get(kind.name) if kind.name in known else self.words.get(name, f"x{uuid4().hex[:12]}")

    def _wanted(self, field: GraphQLInputField) -> bool:
        return isinstance(field.type, GraphQLNonNull) or takes_ids(field.type)

    def _id(self, name: str, of: str) -> str:
        """`enrollmentId` is an Enrollment's, `id` that of what the field gives."""
        stem = name.removesuffix("Id").removesuffix("ID").lower() if name.lower() not in {"id", "ids"} else of.lower()
        fitting = sorted(kind for kind in self.ids if kind.lower() == stem) or sorted(kind for kind in self.ids if stem in kind.lower() or kind.lower() in stem)
        return self.ids[fitting[0]] if fitting else next(iter(self.ids.values()))

    def arguments(self, field: GraphQLField) -> dict[str, Any]:
        of = get_named_type(field.type).name
        return {
            name: self.value(its.type, name, of=of)
            for name, its in field.args.items()
            if isinstance(its.type, GraphQLNonNull) or takes_ids(its.type) or name in self.words or name == "first"
        }


def document(operation: str, name: str, field: GraphQLField, given: dict[str, Any], depth: int = DEPTH) -> str:
    variables = ", ".join(f"${argument}: {field.args[argument].type}" for argument in given)
    passed = ", ".join(f"{argument}: ${argument}" for argument in given)
    return f"{operation} {f'({variables})' if variables else ''} {{ {name}{f'({passed})' if passed else ''} {selection(get_named_type(field.type), depth)} }}"


def codes(body: dict[str, Any]) -> list[str]:
    """All codes of an answer, at top level and in payloads."""
    found = [error["extensions"]["code"] for error in body.get("errors") or ()]
    for payload in (body.get("data") or {}).values():
        if isinstance(payload, dict):
            found += [value for key, values in payload.items() if key.endswith("_errors") for error in values for name, value in error.items() if name.endswith("_code")]
    return found


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


QUERIES = SCHEMA.query_type.fields if SCHEMA.query_type else {}
MUTATIONS = SCHEMA.mutation_type.fields if SCHEMA.mutation_type else {}
SUBSCRIPTIONS = SCHEMA.subscription_type.fields if SCHEMA.subscription_type else {}
KINDS = {prefix: name for name, prefix in PREFIXES.items()}


# --- The school, and what its own student sees of it. ---


@pytest.fixture(scope="module")
async def full(house: House, anyio_backend: str) -> AsyncIterator[FullSchool]:
    async def settle() -> list[str]:
        waiting: list[Message] = []
        relay = Relay(live=house.adapters.live, answers=house.adapters.answers, send=waiting.append, resend_after=60, sweep_every=1)
        while await relay.drain() or waiting:
            while waiting:
                message = waiting.pop(0)
                await runtime.run(house.adapters, message.reaction, message.delivery.tenant_id, message.delivery.id, message.payload)
        return []

    made = await full_school(house, settle)
    await _collect(made)
    yield made
    await made.student.http.aclose()


async def _collect(full: FullSchool) -> None:
    """Ask every query for everything, as the school's own student, until no new kind of id comes."""
    seen: dict[str, str] = {}
    texts: list[str] = []
    while True:
        filler = Filler(full.ids, {name: values[0] for name, values in full.words.items() if name in {"code"}})
        for name, field in QUERIES.items():
            for slug in full.words["slug"] if "slug" in field.args else [None]:
                given = filler.arguments(field) | ({"slug": slug} if slug else {})
                if "slug" in given:
                    given.pop("id", None)
                body = await full.student.send(document("query", name, field, given), **given)
                assert "INTERNAL" not in codes(body), (name, body["errors"])
                assert "COST_EXCEEDED" not in codes(body), "ask for less: DEPTH"
                texts += strings(body)
        for id in list(full.ids.values()):
            body = await full.student.send(document("query", "node", QUERIES["node"], {"id": id}), id=id)
            assert "INTERNAL" not in codes(body), (id, body["errors"])
            texts += strings(body)
        for each in texts:
            if (match := ID.match(each)) and match[1] in KINDS:
                seen.setdefault(KINDS[match[1]], each)
        if set(seen) <= set(full.ids):
            break
        full.ids.update({kind: id for kind, id in seen.items() if kind not in full.ids})
    told = " ".join(texts)
    assert all(marker in told for marker in {*full.catalog_markers, *full.private_markers, full.name_marker}), "the student sees it all: else nothing here could leak"


async def test_the_school_has_one_of_everything(full: FullSchool) -> None:
    """A new kind of node needs a sample in `tests/factories/schools.py`; then every field is tried with its id."""
    interface = SCHEMA.type_map["Node"]
    assert isinstance(interface, GraphQLInterfaceType)

    assert {kind.name for kind in SCHEMA.get_possible_types(interface)} - set(full.ids) == set()


# --- Strangers. ---


class Stranger:
    """Somebody who must learn nothing. `renew` gives a session of its own to each call, for some calls end it."""

    def __init__(
        self, house: House, school: School, *, signed: bool, forbidden: set[str], of_the_same_school: bool = False, course_id: str | None = None, with_key: bool = False
    ) -> None:
        self.house, self.school, self.signed, self.forbidden, self.same, self.course_id = house, school, signed, forbidden, of_the_same_school, course_id
        self.with_key = with_key
        self.account_id: Any = None
        self.secret: str | None = None

    async def client(self) -> Client:
        if self.with_key and self.secret is None:
            _, self.secret = await made_key(await admin(self.school.system))
        if not self.signed:
            return Client(self.house, self.school.slug, self.secret)
        session = await signed_in(self.school.system, self.account_id, name="A Stranger")
        client = Client(self.house, self.school.slug, session.access_token, session.account_id)
        if self.account_id is None and self.course_id:
            assert (await client.data("Enroll", input={"courseId": self.course_id, "idempotencyKey": "learns"}))["enrollment"]
        self.account_id = session.account_id
        return client

    def check(self, name: str, body: Any, sent: Any = None) -> None:
        told = json.dumps(body, ensure_ascii=False)
        for own in strings(sent):  # what a stranger said may come back
            told = told.replace(own, "…")
        assert [marker for marker in self.forbidden if marker in told] == [], f"{name} tells what is another's"
        assert "INTERNAL" not in told, f"{name} fails in a way that nobody thought of: {told[:500]}"
        assert "COST_EXCEEDED" not in told, "ask for less: DEPTH"


@pytest.fixture
def strangers(house: House, full: FullSchool, other_school: School) -> dict[str, Stranger]:
    everything = {*full.catalog_markers, *full.private_markers, full.name_marker}
    return {
        "a student of another school": Stranger(house, other_school, signed=True, forbidden=everything),
        "a visitor of another school": Stranger(house, other_school, signed=False, forbidden=everything),
        "another student of the school": Stranger(house, full.school, signed=True, forbidden=full.private_markers, of_the_same_school=True),
        "a student of another course": Stranger(house, full.school, signed=True, forbidden=full.private_markers, of_the_same_school=True, course_id=full.other_course_id),
        "a visitor of the school": Stranger(house, full.school, signed=False, forbidden=full.private_markers, of_the_same_school=True),
        "a key without scope": Stranger(house, full.school, signed=False, forbidden=full.private_markers, of_the_same_school=True, with_key=True),
    }


WHO = [
    "a student of another school",
    "a visitor of another school",
    "another student of the school",
    "a student of another course",
    "a visitor of the school",
    "a key without scope",
]


async def rows_of(environment: dict[str, str], school: School) -> dict[str, dict[str, str]]:
    """Every row of a tenant, as a digest: by table and key."""
    connection = await asyncpg.connect(environment["SUPERUSER_URL_OF_TEST"])
    try:
        tables = await connection.fetch(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        )
        found = {}
        for (table,) in tables:
            rows = await connection.fetch(f"SELECT to_jsonb(t) - 'search' AS row FROM {table} t WHERE tenant_id = $1", school.id)
            found[table] = {str(json.loads(row["row"]).get("id", row["row"])): row["row"] for row in rows}
        return found
    finally:
        await connection.close()


@pytest.fixture
def everywhere(environment: dict[str, str], servers: dict[str, str]) -> dict[str, str]:
    """The environment, with a way past all row policies."""
    name = urlsplit(environment["DATABASE_URL"]).path.lstrip("/")
    return environment | {"SUPERUSER_URL_OF_TEST": database_url(servers["SUPERUSER_URL"], name)}


def _attempts(full: FullSchool, stranger: Stranger) -> list[Filler]:
    """Each argument with the id that fits it; then all with each id in turn. To another school's door the school's own words are carried too, its secrets among them."""
    words = {} if stranger.same else {name: values[0] for name, values in full.words.items()}
    return [Filler(full.ids, words), *(Filler(full.ids, words, always=id) for id in full.ids.values())]


@pytest.mark.parametrize("who", WHO)
async def test_queries_tell_nothing(who: str, strangers: dict[str, Stranger], full: FullSchool) -> None:
    stranger = strangers[who]
    client = await stranger.client()
    for name, field in QUERIES.items():
        for filler in _attempts(full, stranger)[: None if any(takes_ids(its.type) for its in field.args.values()) else 1]:
            given = filler.arguments(field)
            if {"slug", "id"} <= set(given):
                variants: list[dict[str, Any]] = [{"slug": slug} for slug in full.words["slug"]] + [{"id": given["id"]}]
            else:
                variants = [given]
            for variant in variants:
                body = await client.send(document("query", name, field, variant, DEPTH if filler.always is None else 0), **variant)
                stranger.check(name, body, variant)
                meant = {KINDS[match[1]] for text in strings(variant) if (match := ID.match(text)) and match[1] in KINDS}
                if (meant - OF_THE_CATALOG if stranger.same else meant) and not isinstance(field.type, GraphQLNonNull):
                    assert (body.get("data") or {}).get(name) is None, f"{name} answers {variant}"
    await client.http.aclose()


def is_for_few(field: GraphQLField) -> bool:
    """Whether the schema says that it takes a permission, which no stranger holds: then it is refused before anybody looks at the ids."""
    return any(directive.name.value == "requires" for directive in (field.ast_node and field.ast_node.directives) or ())


def takes_ids_of(field: GraphQLField) -> bool:
    return any(takes_ids(its.type) for its in field.args.values())


@pytest.mark.parametrize("who", WHO)
async def test_node_and_nodes_answer_null(who: str, strangers: dict[str, Stranger], full: FullSchool) -> None:
    stranger = strangers[who]
    client = await stranger.client()
    hidden = {kind: id for kind, id in full.ids.items() if not (stranger.same and kind in OF_THE_CATALOG)}

    alone = {kind: (await client.data("query ($id: ID!) { node(id: $id) { id } }", id=id)) for kind, id in hidden.items()}
    together = await client.data("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=list(hidden.values()))

    assert {kind for kind, node in alone.items() if node is not None} == set()
    assert together == [None] * len(hidden)
    await client.http.aclose()


@pytest.mark.parametrize("who", WHO)
async def test_mutations_change_nothing(who: str, strangers: dict[str, Stranger], full: FullSchool, everywhere: dict[str, str]) -> None:
    stranger = strangers[who]
    before = await rows_of(everywhere, full.school)
    client = await stranger.client()
    for name, field in MUTATIONS.items():
        with_ids = takes_ids_of(field)
        for index, filler in enumerate(_attempts(full, stranger) if with_ids else _attempts(full, stranger)[:1]):
            given = filler.arguments(field)
            body = await client.send(document("mutation", name, field, given, DEPTH if filler.always is None else 1), **given)
            stranger.check(name, body, given)
            if with_ids and not (stranger.same and name in OPEN_TO_STUDENTS):
                assert codes(body), f"{name} takes {given}"
                if index == 0:  # each id where it fits: nothing else can be wrong with it
                    early = ({"FORBIDDEN"} if is_for_few(field) else set()) | ({"INVALID"} if name in ASKS_GUESTS and not stranger.signed else set())
                    fitting = {"NOT_FOUND", "UNAUTHENTICATED"} | early | ({"GRANT_REQUIRED", "REVIEW_NOT_EARNED", "FORBIDDEN", "ACCESS_DENIED"} if stranger.same else set())
                    assert codes(body)[0] in fitting, (name, codes(body))
            if not with_ids:  # it may have ended the session
                await client.http.aclose()
                client = await stranger.client()
    await client.http.aclose()

    after = await rows_of(everywhere, full.school)
    changed = {f"{table} {key}" for table, rows in before.items() for key, row in rows.items() if after[table].get(key) != row}
    assert changed == set()
    if not stranger.same:
        assert {table: len(rows) for table, rows in after.items()} == {table: len(rows) for table, rows in before.items()}


@pytest.mark.parametrize("who", WHO)
async def test_subscriptions_send_nothing(who: str, strangers: dict[str, Stranger], full: FullSchool, house: House) -> None:
    stranger = strangers[who]
    client = await stranger.client()
    async with greeted(house.url, client.tenant, client.token) as socket:
        asked: dict[str, str] = {}
        for name, field in SUBSCRIPTIONS.items():
            for number, filler in enumerate(_attempts(full, stranger) if takes_ids_of(field) else _attempts(full, stranger)[:1]):
                given = filler.arguments(field)
                asked[f"{name} {number}"] = name
                payload = {"query": document("subscription", name, field, given), "variables": given}
                await say(socket, id=f"{name} {number}", type="subscribe", payload=payload)
        refused = set()
        waiting_for = {id for id, name in asked.items() if takes_ids_of(SUBSCRIPTIONS[name])}
        while not waiting_for <= refused:
            message = await hear(socket)
            stranger.check(message.get("id", ""), message)
            if message["type"] == "error" or (message["type"] == "next" and message["payload"].get("errors")):
                refused.add(message["id"])
            elif message["type"] == "next":
                assert message["id"] not in waiting_for, f"{message['id']} sends {message['payload']}"
    await client.http.aclose()


async def test_a_token_is_good_at_its_own_school_only(full: FullSchool, other_school: School, house: House) -> None:
    client = Client(house, other_school.slug, full.student.token)
    answer = await client.http.post("/graphql", json={"query": "{ viewer { id email } storefront { slug } }"})
    await client.http.aclose()

    assert answer.status_code == 401
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAUTHENTICATED"]
    assert answer.json().get("data") is None


async def test_every_argument_can_be_filled(full: FullSchool) -> None:
    """A scalar that this test does not know would make its calls void: each document is valid."""
    for operation, fields in (("query", QUERIES), ("mutation", MUTATIONS), ("subscription", SUBSCRIPTIONS)):
        for name, field in fields.items():
            assert validate(SCHEMA, parse(document(operation, name, field, Filler(full.ids, {}).arguments(field)))) == [], name
