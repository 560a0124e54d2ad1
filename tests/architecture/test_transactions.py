"""Inside a unit of work: no tasks, for they would copy its transaction; no network, for it would hold its locks as long as a stranger takes."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import modules

TASKS = {"gather", "create_task", "ensure_future", "TaskGroup", "to_thread", "run_in_executor"}
PORTS = {"objects", "renderer", "probe", "live", "payments", "mailer", "video", "gateway", "adapters", "http", "client"}


def breaches(tree: ast.AST) -> Iterator[str]:
    """What a module does inside `async with unit_of_work(…)` (or `once(…)`, which opens one) that it must not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncWith) and any(_opens(item.context_expr) for item in node.items):
            for inner in (each for statement in node.body for each in ast.walk(statement)):
                if isinstance(inner, ast.Call):
                    parts = _parts(inner.func)
                    if parts and (parts[-1] in TASKS or PORTS & set(parts[:-1])):
                        yield f"{'.'.join(parts)} in line {inner.lineno}"


def _opens(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Call) and bool(parts := _parts(expression.func)) and parts[-1] in {"unit_of_work", "once", "writing", "in_transaction"}


def _parts(expression: ast.expr) -> list[str]:
    if isinstance(expression, ast.Attribute):
        return [*_parts(expression.value), expression.attr]
    return [expression.id] if isinstance(expression, ast.Name) else []


def test_units_of_work_start_no_tasks_and_call_no_ports() -> None:
    found = [f"{path}: {breach}" for path, tree in modules() for breach in breaches(tree)]

    assert found == []


def test_only_operations_open_units_of_work() -> None:
    allowed = ("/operations", "/outbox/", "/models/database.py")
    strange = [
        f"{path}:{node.lineno}"
        for path, tree in modules()
        if not any(part in path for part in allowed)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (parts := _parts(node.func)) and parts[-1] in {"unit_of_work", "writing", "in_transaction"}
    ]

    assert strange == []


@pytest.mark.parametrize(
    "inside",
    ["await asyncio.gather(a(), b())", "asyncio.create_task(a())", "await objects.put(a)", "x = await adapters.renderer.render(a)", "await self.gateway.pay(a)"],
)
def test_a_breach_is_seen(inside: str) -> None:
    tree = ast.parse(f"async def f():\n    async with unit_of_work(caller) as work:\n        if a:\n            {inside}\n")

    assert len(list(breaches(tree))) == 1
