"""Checks of the texts and fields of what an author wrote. Each gives what is wrong, with its path."""

from collections.abc import Collection
from typing import Any

from lms_graph.kit.errors import Issue

Path = tuple[str, ...]


def check_text(value: Any, path: Path, *, longest: int, shortest: int = 1) -> list[Issue]:
    """A text of `shortest` to `longest` characters that the database can hold and, where one is asked for, that shows something."""
    name = path[-1]
    if not isinstance(value, str):
        return [Issue(f"`{name}` must be a text.", path)]
    if len(value) > longest or len(value.strip()) < shortest:
        return [Issue(f"`{name}` must have from {shortest} to {longest} characters.", path)]
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        return [Issue(f"`{name}` holds a character that is not text.", path)]
    return []


def check_fields(value: Any, path: Path, *, known: Collection[str], needed: Collection[str]) -> list[Issue]:
    """An object with the needed fields and no unknown one: a misspelled field is told, not passed over."""
    if not isinstance(value, dict):
        return [Issue(f"`{path[-1]}` must be an object.", path)]
    missing = [Issue(f"`{name}` is missing.", (*path, name)) for name in needed if name not in value]
    return missing + [Issue(f"`{name}` is not a field here. Use {', '.join(sorted(known))}.", (*path, str(name))) for name in value if name not in known]
