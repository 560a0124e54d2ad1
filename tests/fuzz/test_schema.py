"""Requests that fit the schema: schemathesis makes them, for each root field."""

import io
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from lms_graph.schema import sdl
from tests.fuzz.target import BY_HAND, SECONDS, WHO, Target

pytestmark = pytest.mark.xdist_group("fuzz-schema")

schemathesis.graphql.scalar("DateTime", st.datetimes().map(lambda moment: nodes.String(moment.isoformat() + "Z")) | st.text(max_size=40).map(nodes.String))
schemathesis.graphql.scalar("Decimal", st.decimals().map(lambda number: nodes.String(str(number))))
schemathesis.graphql.scalar("CurrencyCode", (st.sampled_from(["EUR", "JPY", "KWD", "XXX", "eur"]) | st.text(max_size=40)).map(nodes.String))
schemathesis.graphql.scalar("JSON", st.text().map(nodes.String) | st.integers().map(nodes.Int))

SCHEMA = schemathesis.graphql.from_file(io.StringIO(sdl()))
FIELDS = [result.ok() for result in SCHEMA.get_all_operations()]
EXAMPLES = max(2, int(SECONDS * 30 / len(FIELDS) / len(WHO)))
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=not BY_HAND,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.label)
def test_what_fits_the_schema(target: Target, field: Any, who: str) -> None:
    headers = target.headers(who)

    @SETTINGS
    @given(field.as_strategy())
    def attack(case: Any) -> None:
        target.post({"query": case.body}, headers)

    attack()
