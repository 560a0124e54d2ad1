"""Every query is scoped to its tenant by its own words. The row policy stands behind it, as the second wall."""

import ast
import importlib
import re
from collections.abc import Iterator

import pytest
from tortoise.models import Model

from lms_graph.models.base import TenantRow
from lms_graph.models.database import MODELS
from tests.architecture.sources import modules

QUERY_SETS = {"all", "annotate", "bulk_update", "count", "earliest", "exclude", "exists", "fetch_for_list", "filter", "first", "get", "get_or_create", "get_or_none", "in_bulk"}
QUERY_SETS |= {"last", "latest", "raw", "select_for_update", "update_from_dict", "update_or_create", "values", "values_list"}
READS = {"fetch", "fetch_one", "fetch_value", "fetchrow", "fetchval", "execute", "executemany"}


def _rows() -> dict[str, type[TenantRow]]:
    """The models with a table, by name."""
    found = {}
    for name in MODELS:
        for model in vars(importlib.import_module(name)).values():
            if isinstance(model, type) and issubclass(model, TenantRow) and not model._meta.abstract:
                found[model.__name__] = model
    return found


ROWS = _rows()
TABLES = {model._meta.db_table for model in ROWS.values()} | {"progress_events"}


def unscoped_models(tree: ast.AST) -> Iterator[str]:
    """Queries on a model that do not start from `for_caller`: `rows.Course.filter(…)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in QUERY_SETS:
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else None
            if name in ROWS:
                yield f"{name}.{node.func.attr} in line {node.lineno}"


def unscoped_statements(tree: ast.AST) -> Iterator[str]:
    """SQL whose tables are not each held to the tenant. What the system role runs (`as_system`) looks across tenants on purpose: named policies bound it."""
    across = {inner for node in ast.walk(tree) if isinstance(node, ast.AsyncWith) and "as_system" in ast.dump(node.items[0]) for inner in ast.walk(node)}
    texts = " ".join(node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS and node.args) or node in across:
            continue
        sql, has_parts = _text(node.args[0])
        tables = [table for table in re.findall(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)", sql) if table in TABLES]
        inserted = len(re.findall(r"\bINTO\s+\w+\s*(?:AS\s+\w+\s*)?\(tenant_id,", sql))
        held = len(re.findall(r"tenant_id (?:= |IN)", sql)) + inserted
        named = "tenant_id = $1" in sql or bool(inserted) or (has_parts and "tenant_id = $1" in texts)
        if (tables or has_parts) and (not named or (held < len(tables) and not has_parts)):
            yield f"line {node.lineno}: {' '.join(sql.split())[:100]}"


def _text(node: ast.expr) -> tuple[str, bool]:
    """The literal words of a statement, and whether parts are put in from elsewhere."""
    if isinstance(node, ast.Constant):
        return str(node.value), False
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
        return "".join(map(str, parts)), True
    if isinstance(node, ast.BinOp):
        (left, a), (right, b) = _text(node.left), _text(node.right)
        return left + right, a or b
    return "", isinstance(node, ast.Name)


def test_queries_on_models_start_from_the_caller() -> None:
    assert [f"{path}: {breach}" for path, tree in modules("domain", "outbox", "jobs", "web", "resolvers", "dataloaders", "types") for breach in unscoped_models(tree)] == []


def test_statements_name_their_tenant() -> None:
    assert [f"{path}: {breach}" for path, tree in modules("domain", "outbox") for breach in unscoped_statements(tree)] == []


def test_made_rows_name_their_tenant() -> None:
    """`create(…)` says `tenant_id=`, by itself or by `**values`."""
    strange = [
        f"{path}:{node.lineno}"
        for path, tree in modules("domain", "outbox")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "create"
        and getattr(node.func.value, "attr", getattr(node.func.value, "id", None)) in ROWS
        and not {"tenant_id", None} & {keyword.arg for keyword in node.keywords}
    ]

    assert strange == []


@pytest.mark.parametrize("call", ["rows.Course.filter(id=1)", "Course.all()", "rows.Account.get_or_none(email=email)"])
def test_a_model_that_is_asked_past_the_caller_is_seen(call: str) -> None:
    assert len(list(unscoped_models(ast.parse(call)))) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM courses WHERE id = $1",
        "SELECT c.id FROM courses c JOIN course_versions v ON v.id = c.published_version_id WHERE c.tenant_id = $1",
        "UPDATE accounts SET name = $2 WHERE id = $1",
        "DELETE FROM sessions",
        "INSERT INTO jobs (id, kind) VALUES ($1, $2)",
    ],
)
def test_a_statement_without_its_tenant_is_seen(sql: str) -> None:
    assert len(list(unscoped_statements(ast.parse(f"database.fetch({sql!r}, a)")))) == 1


def test_every_table_has_a_tenant() -> None:
    """Whatever Tortoise knows is a `TenantRow`: nothing is shared between tenants."""
    models = {model for name in MODELS for model in vars(importlib.import_module(name)).values() if isinstance(model, type) and issubclass(model, Model)}

    assert {model.__name__ for model in models if not issubclass(model, TenantRow)} == set()
