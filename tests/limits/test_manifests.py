"""What the builds of clients write."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from lms_graph.limits.manifests import ManifestRefused, called, read

TEXT = "query Q {\n  __typename\n}"
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


def written(folder: Path, manifest: Any, name: str = "persisted-documents.json") -> Path:
    path = folder / name
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return path


class TestRead:
    @pytest.mark.parametrize(
        ("manifest", "id"),
        [
            ({SHA256: TEXT}, SHA256),
            ({f"sha256:{SHA256}": TEXT}, SHA256),
            ({"0" * 32: TEXT}, "0" * 32),  # as Relay names it by default, by its MD5
            ({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": SHA256, "name": "Q", "type": "query", "body": TEXT}]}, SHA256),
        ],
        ids=["codegen", "prefixed", "relay", "apollo"],
    )
    def test_each_shape(self, tmp_path: Path, manifest: Any, id: str) -> None:
        path = written(tmp_path, manifest)

        assert read([path]) == {id: (TEXT, str(path))}

    def test_several_files_and_all_of_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "shops").mkdir()
        one = written(tmp_path, {"one": "{ a }"})
        for name in ("two", "three"):
            written(tmp_path / "shops", {name: "{ b }", "both": "{ c }"}, f"{name}.json")
        written(tmp_path / "shops", "not looked at", "README.md")

        assert {id: text for id, (text, _) in read([one, tmp_path / "shops"]).items()} == {"one": "{ a }", "two": "{ b }", "three": "{ b }", "both": "{ c }"}

    @pytest.mark.parametrize(
        ("manifest", "told"),
        [
            ("{", "can be read"),
            ("[]", "no manifest"),
            ({"a": 1}, "no manifest"),
            ({"": "{ a }"}, "no manifest"),
            ({"format": "apollo-persisted-query-manifest", "operations": [{"id": "a"}]}, "no manifest"),
            ({"format": "apollo-persisted-query-manifest", "operations": ["a"]}, "no manifest"),
            ({SHA256: TEXT + " "}, f"document {SHA256} does not have the text"),
        ],
    )
    def test_what_is_none_is_told_with_its_file(self, tmp_path: Path, manifest: Any, told: str) -> None:
        path = written(tmp_path, manifest)

        with pytest.raises(ManifestRefused, match=told) as refused:
            read([path])

        assert str(refused.value).startswith(str(path))

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ManifestRefused, match=r"nowhere\.json: no manifest"):
            read([tmp_path / "nowhere.json"])

    def test_a_folder_without_any(self, tmp_path: Path) -> None:
        with pytest.raises(ManifestRefused, match="the folder has no manifest"):
            read([tmp_path])

    def test_one_id_has_one_text(self, tmp_path: Path) -> None:
        one, two = written(tmp_path, {"a": "{ a }"}, "1.json"), written(tmp_path, {"a": "{ b }"}, "2.json")

        with pytest.raises(ManifestRefused, match=r"2\.json: document a has another text in .*1\.json"):
            read([one, two])


@pytest.mark.parametrize(("text", "name"), [(TEXT, "Q"), ("fragment F on A { b } subscription S { c }", "S"), ("{\n  a\n}", "{ a }")])
def test_documents_are_called_by_their_operation(text: str, name: str) -> None:
    assert called(text) == name
