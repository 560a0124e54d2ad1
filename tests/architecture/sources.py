"""The package's own source, as trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "lms_graph"


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Every module below the folders of the package, by its path from the root."""
    for folder in folders or ("",):
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())
