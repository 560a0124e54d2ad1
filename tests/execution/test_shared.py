"""What a loader gives several objects alike is written once, and answered as if it had been written for each."""

from inspect import isawaitable
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, build_schema, execute, parse
from graphql.execution.incremental import IncrementalExecutor

from lms_graph.execution import Child, CompiledExecutor, Derived

pytestmark = pytest.mark.anyio


@strawberry.type
class Shelf:
    label: str
    number: int

    @strawberry.field
    def reads(self, info: strawberry.Info[Any, None]) -> int:
        info.context["reads"] += 1
        if self.number < 0:
            raise ValueError(f"{self.label} is below the ground")
        return self.number


def shelf_of(context: Any) -> Any:
    async def load(keys: list[str]) -> list[Shelf]:
        return [context["shelves"][key] for key in keys]

    return load


def on_shelf(**options: Any) -> Any:
    async def resolve(root: Any, info: strawberry.Info[Any, None]) -> Any:
        (found,) = await shelf_of(info.context)([root.key])
        return found

    return strawberry.field(resolver=resolve, metadata={"child": Child(shelf_of, "key")}, **options)


def shout(root: Any) -> str:
    return f"{root.key}!"


@strawberry.type
class Book:
    key: str
    shelf: Shelf = on_shelf()
    spare: Shelf | None = on_shelf()
    loud: str = strawberry.field(resolver=shout, metadata={"derived": Derived(lambda _: "{}!".format, "key")})


@strawberry.type
class Query:
    @strawberry.field
    def books(self) -> list[Book | None]:
        return [Book(key=key) for key in "aabaa"]


schema = strawberry.Schema(Query)


async def answered(executor: Any, query: str, numbers: dict[str, int]) -> tuple[Any, list[Any], int]:
    context = {"shelves": {key: Shelf(label=f"shelf {key}", number=number) for key, number in numbers.items()}, "reads": 0}
    result: Any = execute(schema._schema, parse(query), context_value=context, executor_class=executor)
    result = await result if isawaitable(result) else result
    return result.data, [error.formatted for error in result.errors or ()], context["reads"]


@pytest.mark.parametrize("field", ["shelf", "spare"])
async def test_one_object_stands_in_all_its_places(field: str) -> None:
    query = f"{{ books {{ key loud {field} {{ label reads }} }} }}"
    theirs = await answered(IncrementalExecutor, query, {"a": 1, "b": 2})
    ours = await answered(CompiledExecutor, query, {"a": 1, "b": 2})

    assert ours[:2] == theirs[:2]
    assert ours[0]["books"][4] == {"key": "a", "loud": "a!", field: {"label": "shelf a", "reads": 1}}
    assert (theirs[2], ours[2]) == (5, 2)


@pytest.mark.parametrize("field", ["shelf", "spare"])
async def test_each_place_tells_its_error_and_nulls_what_is_around_it(field: str) -> None:
    query = f"{{ books {{ key {field} {{ label reads }} }} }}"
    theirs = await answered(IncrementalExecutor, query, {"a": -1, "b": 2})
    ours = await answered(CompiledExecutor, query, {"a": -1, "b": 2})

    assert ours[:2] == theirs[:2]
    assert [error["path"] for error in ours[1]] == [["books", number, field, "reads"] for number in (0, 1, 3, 4)]


def test_a_field_may_be_called_what_python_keeps_for_itself() -> None:
    schema = build_schema("type Query { from: String class: Int }")

    for source in (SimpleNamespace(**{"from": "here", "class": 1}), {"from": "here", "class": 1}):
        result = execute(schema, parse("{ from in: class }"), source, executor_class=CompiledExecutor)
        assert result == ExecutionResult({"from": "here", "in": 1}, None)
