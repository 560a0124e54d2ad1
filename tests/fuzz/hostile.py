"""Requests made of the schema to do harm: at each place of each argument of each root field stands, in turn, each value that may hurt there."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from graphql import GraphQLEnumType, GraphQLField, GraphQLInputObjectType, GraphQLList, GraphQLNonNull, get_named_type, is_leaf_type

from lms_graph.types.nodes import PREFIXES
from tests.api.test_isolation import MUTATIONS, QUERIES, SUBSCRIPTIONS, Filler, document
from tests.factories.schools import FullSchool

LONG = 100_000
ROOTS = [(operation, name, field) for operation, fields in (("query", QUERIES), ("mutation", MUTATIONS), ("subscription", SUBSCRIPTIONS)) for name, field in fields.items()]


class Raw(str):
    """A piece of JSON that no Python value stands for."""


def sent(value: Any) -> bytes:
    """As JSON, raw pieces as they are; in ASCII, so that halves of surrogate pairs can be sent."""
    pieces: list[str] = []

    def hide(inner: Any) -> Any:
        if isinstance(inner, Raw):
            pieces.append(str(inner))
            return f"@raw {len(pieces) - 1}@"
        if isinstance(inner, dict):
            return {key: hide(each) for key, each in inner.items()}
        return [hide(each) for each in inner] if isinstance(inner, list) else inner

    text = json.dumps(hide(value))
    for number, piece in enumerate(pieces):
        text = text.replace(f'"@raw {number}@"', piece)
    return text.encode()


WRONG_KINDS: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    [],
    [None],
    [[]],
    {},
    {"a": 1},
    {"__proto__": {}, "constructor": None},
    Raw("[" * 19 + "]" * 19),
    Raw('{"a":' * 19 + "1" + "}" * 19),
]
TEXTS = [
    " ",
    "x" * 256,
    "x" * LONG,
    "\U0001f469\u200d\U0001f52c" * 100,
    "\0",
    "a\0b",
    "\ud800",
    "\udc00\ud800",
    "\u202e\u2066",
    "\ufeff",
    "\uffff",
    "\x1b[31m\r\n\x7f",
    "e\u0301" * 1000,
    "\u0130ss\u00df\u017f",
    "' OR 1=1; --",
    "%' _\\",
    "a & | ! <-> :*",
    "{{7*7}}${7*7}",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "null",
    "a@b@c",
    "a@" + "b." * 120 + "c",
    "\u0430@\u0435xample.com",
]
NUMBERS = [
    -0.0,
    2**31 - 1,
    2**31,
    -(2**31),
    -(2**31) - 1,
    2**53 + 1,
    2**63,
    -(2**63) - 1,
    2**64,
    1.0,
    1e308,
    5e-324,
    "1",
    "NaN",
    *map(Raw, ("-0", "1e400", "-1e400", "1E2", "1" * 400, "1" * 4300, "0." + "1" * 4000)),
]
DECIMALS = [*NUMBERS, "", "-0", "1e5", "1e999999999", "-1e-999999999", "Infinity", "sNaN", "1_000", "1,5", "\u0661\u0662", "0x10", "1" * LONG, "1." + "0" * LONG]
MOMENTS = [
    0,
    1e18,
    "",
    "now",
    "infinity",
    "epoch",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-23:59",
    "9999-12-31T23:59:60Z",
    "9999-12-31T24:00:00Z",
    "10000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-11-23T09:30:00+24:00",
    "2026-11-23T09:30:00-24:00",
    "2026-11-23T09:30:00+99:99",
    "2026-11-23T09:30:00+00:00:00.000001",
    "2026-11-23T09:30:00",
    "2026-11-23",
    "2026-W01-1T00:00:00Z",
    "20261123T093000Z",
    "2026-11-23 09:30:00Z",
    "2026-11-23T09:30:00." + "1" * 1000 + "Z",
    "\u0662\u0660\u0662\u0666-11-23T09:30:00Z",
    "2026-11-23T09:30:00Z\0",
    "2" * LONG,
]
DIGITS = "0" * 26


def _ids(school: FullSchool) -> list[Any]:
    """Of every kind, well formed and not; and what an id has never been."""
    known = next(iter(school.ids.values()))
    made = [f"{prefix}_{letters}" for prefix in PREFIXES.values() for letters in (DIGITS, "7" + "z" * 25)]
    odd = [
        f"crs_8{'z' * 25}",
        f"_{DIGITS}",
        DIGITS,
        "crs_" + "\u0660" * 26,
        "crs_" + "\u0967" * 26,
        f"crs_{DIGITS}\0",
        f"crs_{DIGITS}\n",
        f"CRS_{DIGITS}",
        f"crs__{DIGITS}",
        f"crs_{'_' * 26}",
    ]
    return [
        *school.ids.values(),
        *made,
        *odd,
        known.upper(),
        f" {known}",
        f"{known} ",
        known[:-1],
        known[:-1] + "i",
        known.replace("_", "\uff3f"),
        "crs_" * (LONG // 4),
        2**63,
        Raw("1" * 400),
    ]


def values(kind: Any, name: str, school: FullSchool, filler: Filler) -> Iterator[Any]:
    """What is sent where a value of a type is awaited."""
    of = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    yield from WRONG_KINDS
    if isinstance(of, GraphQLList):
        one = filler.value(of.of_type, name.removesuffix("s"))
        yield from (one, [one, None], [one, one], [one] * 100, [one] * 101, [one] * 250, [one] * 251, [[one]])
    elif isinstance(of, GraphQLInputObjectType):
        whole = filler.value(of, name)
        yield from ({**whole, "unknown": 1}, {**whole, "": 1}, {**whole, "\0": 1}, {**whole, "x" * LONG: 1}, {**whole, "__typename": of.name}, [whole], json.dumps(whole))
        yield {field: filler.value(its.type, field) for field, its in of.fields.items()}
        yield from ({key: value for key, value in whole.items() if key != gone} for gone in whole)
    elif isinstance(of, GraphQLEnumType):
        first = next(iter(of.values))
        yield from (first.lower(), first.title(), f" {first}", f"{first}\0", "__typename", "x" * LONG, 2**63, *list(of.values)[1:])
    elif of.name == "ID":
        yield from (*_ids(school), *TEXTS)
    elif of.name in ("Int", "Float"):
        yield from NUMBERS
    elif of.name == "Decimal":
        yield from DECIMALS
    elif of.name == "DateTime":
        yield from MOMENTS
    else:
        yield from TEXTS


def _places(kind: Any, name: str, filler: Filler, path: tuple[str | int, ...] = (), seen: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any, str]]:
    """Every place inside an argument: itself, the items of lists, the fields of inputs."""
    yield path, kind, name
    of = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(of, GraphQLList):
        yield from _places(of.of_type, name.removesuffix("s"), filler, (*path, 0), seen)
    elif isinstance(of, GraphQLInputObjectType) and of.name not in seen:
        for field, its in of.fields.items():
            yield from _places(its.type, field, filler, (*path, field), (*seen, of.name))


def _with(whole: Any, path: tuple[str | int, ...], value: Any, kind: Any, name: str, filler: Filler) -> Any:
    """`whole`, valid else, with the value at its place."""
    if not path:
        return value
    of = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    step, *rest = path
    if isinstance(of, GraphQLList):
        inner = whole[0] if isinstance(whole, list) and whole else filler.value(of.of_type, name.removesuffix("s"))
        return [_with(inner, tuple(rest), value, of.of_type, name.removesuffix("s"), filler)]
    field = of.fields[step].type
    others = {} if of.is_one_of else (whole if isinstance(whole, dict) else filler.value(of, name))
    return {**others, step: _with(others.get(step), tuple(rest), value, field, str(step), filler)}


@dataclass(frozen=True)
class Request:
    """What is sent, and where in it the harm is meant."""

    place: str
    body: bytes


def requests(operation: str, name: str, field: GraphQLField, school: FullSchool, *, one_in: int = 1) -> Iterator[Request]:
    """Each value at each place, as a variable; and where it is short enough, written into the document. `one_in` so many, an odd number, other ones of each field: a value that hurts does so at many places."""
    filler = Filler(school.ids, {key: values[0] for key, values in school.words.items()})
    turn = crc32(name.encode())
    for argument, its in field.args.items():
        given = {other: filler.value(another.type, other, of=get_named_type(field.type).name) for other, another in field.args.items() if isinstance(another.type, GraphQLNonNull)}
        for path, kind, called in _places(its.type, argument, filler):
            for value in values(kind, called, school, filler):
                turn += 2
                is_sent, is_written = turn % one_in == 0, (turn + 1) % one_in == 0
                if not is_sent and not is_written:
                    continue
                filled = {**given, argument: _with(given.get(argument), path, value, its.type, argument, filler)}
                place = ".".join(map(str, (name, argument, *path)))
                if is_sent:
                    yield Request(f"{place} = {str(value)[:60]!r}", sent({"query": document(operation, name, field, filled, depth=1), "variables": filled}))
                if is_written and (literal := _literal(filled)) and len(literal) < 5000:
                    below = "" if is_leaf_type(get_named_type(field.type)) else "{ __typename }"
                    yield Request(f"{place} = {literal[:60]}, written", sent({"query": f"{operation} {{ {name}({literal[1:-1]}) {below} }}"}))


def _literal(value: Any) -> str:
    """As it is written in a document."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return str(value) if isinstance(value, Raw) else json.dumps(value)
