"""Manifests of trusted documents, as the build of a client writes them: ids and texts."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HEX = re.compile(r"[0-9a-f]{64}")
PREFIX = "sha256:"
APOLLO = "apollo-persisted-query-manifest"


class ManifestRefused(Exception):
    """A manifest cannot be read, or something in it is not what it says. Names the file and the document."""


def read(paths: Iterable[Path]) -> dict[str, tuple[str, str]]:
    """The texts of all documents by their ids, each with where it comes from. Of a folder all `*.json` are read. Raises ManifestRefused."""
    found: dict[str, tuple[str, str]] = {}
    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            raise ManifestRefused(f"{path}: the folder has no manifest, a file that ends in .json.")
        for file in files:
            for id, text in _documents(file):
                if id in found and found[id][0] != text:
                    raise ManifestRefused(f"{file}: document {id} has another text in {found[id][1]}.")
                found[id] = text, str(file)
    return found


def _documents(file: Path) -> Iterator[tuple[str, str]]:
    """What graphql-codegen and Relay write is an object of texts by id; what Apollo writes a list of operations, each with `id` and `body`."""
    try:
        manifest: Any = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ManifestRefused(f"{file}: no manifest of documents can be read: {error}") from None
    if isinstance(manifest, dict) and manifest.get("format") == APOLLO and isinstance(manifest.get("operations"), list):
        pairs = [(each.get("id"), each.get("body")) if isinstance(each, dict) else (None, None) for each in manifest["operations"]]
    elif isinstance(manifest, dict):
        pairs = list(manifest.items())
    else:
        pairs = [(None, None)]
    for id, text in pairs:
        if not isinstance(id, str) or not id or not isinstance(text, str):
            raise ManifestRefused(f"{file}: this is no manifest of documents. It is an object of texts by id, or what Apollo's generate-persisted-query-manifest writes.")
        name = id.removeprefix(PREFIX)
        if HEX.fullmatch(name) and hashlib.sha256(text.encode(errors="replace")).hexdigest() != name:
            raise ManifestRefused(f"{file}: document {id} does not have the text of which this is the SHA-256.")
        yield name, text


def called(text: str) -> str:
    """What a document is called, for people: by its first operation's name, else by its first words."""
    name = re.search(r"\b(?:query|mutation|subscription)\s+(\w+)", text)
    return name[1] if name else " ".join(text.split())[:60]
