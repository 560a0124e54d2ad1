"""The shelf's examples: each is an operation of `tests/operations` with variables that the schema takes."""

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values

from tests.fixtures.client import DOCUMENTS

ROOT = Path(__file__).parents[2]
SHELF = json.loads((ROOT / "explorer" / "src" / "examples.json").read_text())
EXAMPLES = [example for group in SHELF for example in group["examples"]]
SCHEMA = build_schema((ROOT / "schema.graphql").read_text())


def filled(value: Any) -> Any:
    """The variables with something of the right kind in the place of each text that the explorer fills in."""
    if isinstance(value, dict):
        return {name: filled(part) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part) for part in value]
    return {"@new.number": 1, "@new.time": "2026-11-23T08:00:00Z"}.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["title"])
def test_an_example_is_a_valid_operation_with_its_variables(example: dict[str, Any]) -> None:
    document = parse(DOCUMENTS[example["operation"]])
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)

    assert validate(SCHEMA, document) == []
    given = filled(example.get("variables", {}))
    definitions = operation.variable_definitions or ()
    assert set(given) <= {variable.variable.name.value for variable in definitions}
    assert not isinstance(get_variable_values(SCHEMA, definitions, given), list)


def test_each_group_has_titles_of_its_own() -> None:
    for group in SHELF:
        titles = [example["title"] for example in group["examples"]]
        assert len(set(titles)) == len(titles)
