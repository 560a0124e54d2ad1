"""The house's walls hold: imports, style and types, each by its own tool; and by a small program what imports cannot say."""

import ast
import importlib
import subprocess
import sys
from enum import Enum
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, ROOT, modules

BIN = Path(sys.executable).parent


def _run(*command: str) -> None:
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"`{' '.join(command)}` finds:\n{done.stdout}{done.stderr}"


def test_imports_keep_the_contracts() -> None:
    _run("lint-imports", "--no-logo", "--no-cache")


def test_ruff_finds_nothing() -> None:
    _run("ruff", "check", "--quiet", "src", "tests", "bench")


def test_the_formatter_changes_nothing() -> None:
    """Mend it with `ruff format src tests bench`."""
    _run("ruff", "format", "--check", "--quiet", "src", "tests", "bench")


def test_mypy_finds_nothing() -> None:
    _run("mypy")


def test_every_area_of_the_models_has_an_owner() -> None:
    """Contract 10 names its tables one by one: a new module of tables needs a line there."""
    owned = (ROOT / "pyproject.toml").read_text()
    tables = {path.stem for path in (PACKAGE / "models").glob("*.py")} - {"__init__", "base", "database", "ddl", "lending", "migrating"}

    assert {area for area in tables if f'protected_modules = ["lms_graph.models.{area}"]' not in owned} == set()


def test_an_area_uses_only_the_words_of_another_areas_tables() -> None:
    """Rows stay home: of another area's `models` an area imports enums by name, never the module, a row or a field."""
    strange = []
    for path, tree in modules("domain"):
        area = path.split("/")[3]
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lms_graph.models"):
                for alias in node.names:
                    owner = alias.name if node.module == "lms_graph.models" else (node.module or "").split(".")[2]
                    if owner in {area, "database"}:
                        continue
                    named = None if node.module == "lms_graph.models" else getattr(importlib.import_module(node.module or ""), alias.name)
                    if not (isinstance(named, type) and issubclass(named, Enum)):
                        strange.append(f"{path}:{node.lineno} imports {alias.name} of {node.module}")

    assert strange == []


@pytest.mark.xdist_group("kept-together")
def test_what_is_to_stay_in_one_process_does(request: pytest.FixtureRequest) -> None:
    """A release of pytest that hides this from pytest-xdist makes each server of the tests three times, and tells nobody."""
    assert request.node.nodeid.endswith("@kept-together") or not request.config.getoption("loadgroup", False)
