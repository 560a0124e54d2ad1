"""`docs/api/limits.md` says what the code does."""

import re

import pytest

from lms_graph.limits.bounds import MAX_MESSAGE, Bounds
from lms_graph.limits.documents import MAX_ERRORS, Documents
from lms_graph.limits.values import MAX_DIGITS
from lms_graph.schema import schema
from lms_graph.settings import Settings
from tests.architecture.sources import ROOT
from tests.fixtures.client import DOCUMENTS

PAGE = (ROOT / "docs" / "api" / "limits.md").read_text()
OURS = Documents(schema._schema)
BOUNDS = Bounds()


def figure(row: str) -> int:
    """The number in the table's row that begins so."""
    found = re.search(rf"^\| {re.escape(row)}[^|]*\| ([\d,]+) \|", PAGE, re.MULTILINE)
    assert found, row
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize(
    ("row", "bound"),
    [
        ("characters of a document", BOUNDS.length),
        ("tokens of a document", BOUNDS.tokens),
        ("levels of fields", BOUNDS.depth),
        ("aliases", BOUNDS.aliases),
        ("root fields of a query", BOUNDS.query_fields),
        ("root fields of a mutation", BOUNDS.mutation_fields),
        ("directives in a document", BOUNDS.directives),
        ("directives in one place", BOUNDS.directives_at_once),
        ("the cost of an operation", BOUNDS.cost),
        ("bytes of a subscription's variables", BOUNDS.kept),
        ("items of one list", BOUNDS.items),
        ("levels of lists and objects", BOUNDS.value_depth),
        ("values in all variables", BOUNDS.values),
        ("digits of a number", MAX_DIGITS),
        ("`LMS_COST_LIMIT`", Settings.model_fields["cost_limit"].default),
        ("`LMS_COST_BUCKET`", Settings.model_fields["cost_bucket"].default),
        ("`LMS_COST_PER_SECOND`", Settings.model_fields["cost_per_second"].default),
    ],
)
def test_the_figures(row: str, bound: int) -> None:
    assert figure(row) == bound


def test_the_figures_in_sentences() -> None:
    assert f"the first {MAX_ERRORS} of them, each of at most {MAX_MESSAGE} characters" in PAGE
    assert BOUNDS.cost == Settings.model_fields["cost_limit"].default


@pytest.mark.parametrize("name", ["Me", "SignIn", "Learn", "Catalog", "CoursePage"])
def test_the_costs_of_documents(name: str) -> None:
    assert figure(f"`{name}`") == OURS.prepare(DOCUMENTS[name]).operation(None).cost({})


def test_the_example() -> None:
    (document,) = re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)

    assert "With `first: 10` this costs 51." in PAGE
    assert OURS.prepare(document).operation(None).cost({"first": 10}) == 51
