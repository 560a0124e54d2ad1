"""What comes in as JSON: read by orjson, and as strictly as if it were read slowly."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lms_graph.web.graphql.refusals import Refused
from lms_graph.web.graphql.requests import _parse_carefully, parse_json

STRINGS = st.text(st.sampled_from('ab:"\\/{}[],é\u2028😀 \n'), max_size=6)
NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["NaN", "Infinity", "-0", "1e400", "18446744073709551615", "18446744073709551616", "01", "1.", "1e18", "-1e18"]),
)


def written(text: str) -> st.SearchStrategy[str]:
    """A string in one of its spellings."""
    return st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False), '"' + "".join(f"\\u{ord(letter):04x}" for letter in text if ord(letter) < 0x10000) + '"'])


SEPARATORS = st.sampled_from([",", " , "])


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """With names that come twice now and then."""
    pairs = st.tuples(STRINGS.flatmap(written), st.sampled_from([":", " : "]), values).map("".join)
    return st.tuples(SEPARATORS, st.lists(pairs, max_size=4)).map(lambda found: "{" + found[0].join(found[1]) + "}")


TEXTS = st.recursive(
    st.one_of(STRINGS.flatmap(written), NUMBERS, st.sampled_from(["true", "false", "null", '"\\ud800"', "nul", ""])),
    lambda values: st.one_of(objects(values), st.tuples(SEPARATORS, st.lists(values, max_size=4)).map(lambda found: "[" + found[0].join(found[1]) + "]")),
    max_leaves=8,
)


def told(parse: Any, raw: bytes) -> tuple[str, str]:
    """The value with the classes of its parts, or the words of the refusal."""
    try:
        return "value", repr(parse(raw, "The body"))
    except Refused as refusal:
        return "refused", str(refusal)


@given(text=TEXTS)
@example('{"a":1,"a":2}')
@example('{"a":{"b":":"},"a":":"}')
@example('{"a":"\\u003a","a":1}')
@example('{"\\u003A":1,":":2}')
@example('{"query":"{ a: b }","query":"x"}')
@example("18446744073709551616")
@example("\ufeff{}")
def test_orjson_reads_what_a_slow_and_strict_reader_reads(text: str) -> None:
    raw = text.encode(errors="surrogatepass")

    assert told(parse_json, raw) == told(_parse_carefully, raw)


@pytest.mark.parametrize("raw", [b"\xff", b'{"a":', b"[" * 900 + b"]" * 900, b'{"a":NaN}', b"9" * 5000, b'{"a":1}x'])
def test_what_cannot_be_read_is_refused_in_words(raw: bytes) -> None:
    kind, words = told(parse_json, raw)

    assert (kind, words) == told(_parse_carefully, raw) or raw.startswith(b"[[")
    assert "Traceback" not in words
