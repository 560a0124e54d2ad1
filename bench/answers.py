"""The answers of the servers are held against each other before they are measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2 as httpx

from bench.load import Target
from bench.operations import Operation

_LECTURES = ("versionSectionsByTenantIdAndVersionId", "lectures")
_TITLES = {
    "CoursePage": (("course", "sections", "lectures"), ("courseByTenantIdAndSlug", "courseVersionByTenantIdAndPublishedVersionId", *_LECTURES)),
    "PublicPage": (("course", "sections", "lectures"), ("courseByTenantIdAndSlug", "courseVersionByTenantIdAndPublishedVersionId", *_LECTURES)),
    "Catalog": (("courses", "edges", "node"), ("allCourses", "edges", "node")),
    "Learn": (("enrollment", "sections", "lectures"), ("allEnrollments", "courseVersionByTenantIdAndVersionId", *_LECTURES)),
}


async def require_equal(ports: Mapping[str, int], operations: Sequence[Operation], *, samples: int = 5) -> None:
    """The same `data` from each, here and there. Raises AssertionError."""
    async with httpx.AsyncClient(timeout=60) as client:
        for operation in operations:
            for number in range(0, len(operation.variables), max(1, len(operation.variables) // samples)):
                answers = {name: await _data(client, operation.target(port), number) for name, port in ports.items()}
                first, *others = answers
                assert answers[first], f"{first} gives no data"
                for other in others:
                    assert answers[first] == answers[other], f"{first} and {other} answer {operation.name} differently: {_difference(answers[first], answers[other])}"


async def require_alike(native: int, ours: int, operations: Sequence[Operation]) -> None:
    """PostGraphile speaks in other names: its pages have the same lectures in the same order, and its list the same courses. Raises AssertionError."""
    async with httpx.AsyncClient(timeout=60) as client:
        for operation in operations:
            told = [await _data(client, operation.target(ours), 0), await _data(client, operation.target(native, native=True), 0)]
            titles = [_titles(data, path) for data, path in zip(told, _TITLES[operation.name], strict=True)]
            assert titles[0] == titles[1] != [], f"PostGraphile's {operation.name} shows something else: {titles}"


async def _data(client: httpx.AsyncClient, target: Target, number: int) -> Any:
    answer = await client.post(f"http://127.0.0.1:{target.port}{target.path}", content=target.bodies[number], headers=target.headers_of(number))
    assert answer.status_code == 200, f"{answer.status_code} {answer.text[:1000]}"
    told = answer.json()
    assert not told.get("errors"), told["errors"]
    return told["data"]


def _titles(data: Any, path: tuple[str, ...]) -> list[str]:
    """The titles at the end of a path through objects and lists."""
    reached = [data]
    for name in path:
        reached = [inner for value in reached for inner in _list(value[name])]
    return [value["title"] for value in reached]


def _list(value: Any) -> list[Any]:
    if isinstance(value, dict) and "nodes" in value and "edges" not in value:
        value = value["nodes"]
    return value if isinstance(value, list) else [value]


def _difference(this: Any, that: Any, path: str = "data") -> str:
    """Where two answers part."""
    if isinstance(this, dict) and isinstance(that, dict) and this.keys() == that.keys():
        return next((_difference(this[key], that[key], f"{path}.{key}") for key in this if this[key] != that[key]), path)
    if isinstance(this, list) and isinstance(that, list) and len(this) == len(that):
        return next((_difference(one, other, f"{path}[{number}]") for number, (one, other) in enumerate(zip(this, that, strict=True)) if one != other), path)
    return f"{path}: {str(this)[:200]} and {str(that)[:200]}"
