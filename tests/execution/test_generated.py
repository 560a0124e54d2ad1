"""Generated schemas, values, failures and queries: the answers are those of graphql-core, byte for byte."""

import asyncio
import gc
import json
from collections.abc import Iterator
from inspect import isawaitable
from typing import Any

import pytest
from graphql import DocumentNode, ExecutionResult, execute, validate
from graphql.execution import Executor
from graphql.execution.incremental import IncrementalExecutor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lms_graph.execution import CompiledExecutor
from tests.execution.generated import World

Places = dict[tuple[Any, ...], list[tuple[tuple[Any, ...], str]]]

pytestmark = pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # values that no field asks for are never awaited


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """They complain here, and not in the middle of another test."""
    yield
    gc.collect()


def answered(executor: type[Executor[Any]], world: World, document: DocumentNode, variables: dict[str, Any]) -> ExecutionResult:
    async def run() -> ExecutionResult:
        result: Any = execute(world.schema, document, context_value={}, variable_values=variables, executor_class=executor)
        found: ExecutionResult = await result if isawaitable(result) else result
        return found

    return asyncio.run(run())


def by_place(result: ExecutionResult) -> Places:
    """The errors, by the place that became null for them."""
    places: Places = {}
    for error in result.errors or []:
        place: list[Any] = []
        value: Any = result.data
        for key in error.path or []:
            if value is None:
                break
            place.append(key)
            value = value[key]
        places.setdefault(tuple(place), []).append((tuple(error.path or ()), error.message))
    return places


@given(
    seed=st.integers(0, 2**32),
    asked=st.integers(0, 2**32),
    kind=st.sampled_from(["query", "mutation"]),
    trouble=st.sampled_from([0.0, 0.05, 0.3]),
    waiting=st.sampled_from([0.0, 0.3, 0.8]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_answers_are_graphql_cores(seed: int, asked: int, kind: str, trouble: float, waiting: float) -> None:
    world = World(seed, trouble=trouble, waiting=waiting)
    document, variables = world.document(asked, kind)
    if validate(world.schema, document):  # fields that cannot be merged
        return
    theirs, ours = answered(IncrementalExecutor, world, document, variables), answered(CompiledExecutor, world, document, variables)

    assert json.dumps(ours.data) == json.dumps(theirs.data)
    told_by_them, told_by_us = by_place(theirs), by_place(ours)
    assert told_by_us.keys() == told_by_them.keys()
    for place, told in told_by_us.items():
        # Which of several errors takes a place is left open by the specification, and differs from run to run where fields are awaited.
        if all(path == place for path, _ in [*told, *told_by_them[place]]):
            assert told == told_by_them[place]


@given(seed=st.integers(0, 2**32), asked=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_is_used_again_and_answers_the_same(seed: int, asked: int) -> None:
    world = World(seed, trouble=0.1, waiting=0.3)
    document, variables = world.document(asked)
    first, again = answered(CompiledExecutor, world, document, variables), answered(CompiledExecutor, world, document, variables)
    assert (json.dumps(again.data), [str(each) for each in again.errors or []]) == (json.dumps(first.data), [str(each) for each in first.errors or []])
