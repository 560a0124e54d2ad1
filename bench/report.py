"""The figures as lines for a terminal, and as the page of the docs."""

import json
from pathlib import Path
from typing import Any

from bench.prose import COMPARED, INTRODUCTION
from bench.tables import TABLES

ROOT = Path(__file__).parents[1]


def read(folder: Path) -> dict[str, Any]:
    """The results that are there, by part."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def lines(part: str, found: dict[str, Any]) -> list[str]:
    """What a part has found, for people at a terminal."""
    return ["", *TABLES[part](found), ""]


def write_page(path: Path, found: dict[str, Any]) -> None:
    """Render the results that are there. Raises SystemExit when there are none."""
    if not found:
        raise SystemExit("There are no results to write: run `python -m bench` first.")
    told = [INTRODUCTION]
    for part, heading in _HEADINGS.items():
        if part in found:
            one = found[part]
            machine = one["machine"]
            warning = " **A quick run: not to be believed.**" if one["quick"] else ""
            if machine["load"] > 0.5:
                warning += f" **Provisional: the machine was busy with other work (load average {machine['load']}).**"
            told += [f"## {heading}", "", f"{one['when']}, {machine['processor']}, {machine['cores']} cores, {machine['system']}.{warning}", "", *TABLES[part](one), ""]
    told += [COMPARED, "## Versions", "", ", ".join(f"{name} {version}" for name, version in next(iter(found.values()))["versions"].items()) + ".", ""]
    path.write_text("\n".join(told))


_HEADINGS = {
    "pages": "Pages",
    "held": "Held answers",
    "progress": "Progress",
    "growth": "As a school grows",
    "process": "A process",
    "typename": "What every request pays",
    "certificates": "Certificates",
    "live": "Live",
    "timing": "What a clock can tell",
}
