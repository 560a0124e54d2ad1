"""The explorer's build, on its real sources: once, whole or not at all, and with words when it fails."""

import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from lms_graph.embedded import explorer
from lms_graph.embedded.processes import PartFailed
from lms_graph.integrations.node import find_node


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources with the packages of this checkout; `explorer_bundle` is where a build goes."""
    explorer.build(print)
    root = tmp_path / "checkout"
    shutil.copytree(explorer.SOURCES, root / "explorer", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(explorer.OPERATIONS, root / "tests" / "operations")
    (root / "explorer" / "node_modules").symlink_to(explorer.SOURCES / "node_modules")
    monkeypatch.setattr(explorer, "ROOT", root)
    monkeypatch.setattr(explorer, "SOURCES", root / "explorer")
    monkeypatch.setattr(explorer, "OPERATIONS", root / "tests" / "operations")
    monkeypatch.setattr(explorer, "BUNDLE", tmp_path / "explorer_bundle")
    return root


class TestBuild:
    def test_its_types_are_right(self, checkout: Path) -> None:
        node = find_node()
        assert node

        checked = subprocess.run([node, "node_modules/typescript/bin/tsc", "--noEmit"], cwd=checkout / "explorer", capture_output=True, text=True)

        assert checked.stdout == ""

    def test_brings_the_licenses_of_what_is_in_it(self, checkout: Path, tmp_path: Path) -> None:
        explorer.build(print)

        licenses = (tmp_path / "explorer_bundle" / "licenses.md").read_text()
        assert all(name in licenses for name in ("graphiql", "monaco-editor", "react-dom", "graphql-ws"))

    def test_makes_it_once_for_many_that_ask(self, checkout: Path, tmp_path: Path) -> None:
        said: list[str] = []
        threads = [threading.Thread(target=explorer.build, args=(said.append,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(said) == ["Building the explorer …", "The explorer is built.", "The explorer is up to date.", "The explorer is up to date."]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["checkout", "explorer_bundle"]
        page = (tmp_path / "explorer_bundle" / "index.html").read_text()
        assert 'src="/graphql/assets/index-' in page
        assert '<script type="application/json" id="settings"></script>' in page

    def test_a_build_that_fails_says_why_and_leaves_the_one_before(self, checkout: Path, tmp_path: Path) -> None:
        explorer.build(print)
        before = sorted((tmp_path / "explorer_bundle").rglob("*"))
        (checkout / "explorer" / "src" / "main.tsx").write_text("import './nowhere';\n")
        assert not explorer.is_current()

        with pytest.raises(PartFailed, match=r"(?s)lms-graph explorer build.*nowhere"):
            explorer.build(print)

        assert sorted((tmp_path / "explorer_bundle").rglob("*")) == before


class TestSources:
    def test_an_example_that_changes_makes_it_old(self, checkout: Path, tmp_path: Path) -> None:
        (tmp_path / "explorer_bundle").mkdir()
        (tmp_path / "explorer_bundle" / "stamp").write_text(explorer._stamp())
        assert explorer.is_current()

        (checkout / "tests" / "operations" / "catalog.graphql").write_text("query Other { __typename }")

        assert not explorer.is_current()

    def test_an_installed_package_has_none_and_needs_no_build(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(explorer, "SOURCES", tmp_path)

        assert explorer.is_current()
        with pytest.raises(PartFailed, match="an installed package brings it built"):
            explorer.build(print)

    def test_the_lock_names_no_place_to_download_from(self) -> None:
        lock = (explorer.SOURCES / "package-lock.json").read_text()

        assert '"resolved"' not in lock
        assert '"integrity"' in lock
