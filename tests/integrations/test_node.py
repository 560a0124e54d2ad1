"""Packages from npm: as the lock names them, once, and with words when they cannot be had."""

import json
from pathlib import Path

import pytest

from lms_graph.integrations.node import NoPackages, install

REPORT = ["Fetching the packages of project/ from npm …"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One that needs what lies beside it, and no network."""
    folder = tmp_path / "project"
    (folder / "one").mkdir(parents=True)
    package = {"name": "project", "dependencies": {"one": "file:one"}}
    lock = {
        "name": "project",
        "lockfileVersion": 3,
        "requires": True,
        "packages": {"": package, "node_modules/one": {"resolved": "one", "link": True}, "one": {"version": "1.0.0"}},
    }
    (folder / "package.json").write_text(json.dumps(package))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    (folder / "one" / "package.json").write_text(json.dumps({"name": "one", "version": "1.0.0", "scripts": {"install": "touch ran"}}))
    (folder / ".npmrc").write_text("")
    return folder


def reported(folder: Path) -> list[str]:
    said: list[str] = []
    install(folder, said.append)
    return said


class TestInstall:
    def test_is_made_once_and_runs_no_script(self, project: Path) -> None:
        assert reported(project) == REPORT
        assert (project / "node_modules" / "one" / "package.json").is_file()
        assert not (project / "one" / "ran").exists()
        assert reported(project) == []

    def test_is_made_again_when_the_lock_changes(self, project: Path) -> None:
        install(project)
        with (project / "package-lock.json").open("a") as lock:
            lock.write("\n")

        assert reported(project) == REPORT

    def test_that_fails_says_why_and_is_tried_again(self, project: Path) -> None:
        locked = (project / "package-lock.json").read_text()
        (project / "package-lock.json").write_text("{")

        with pytest.raises(NoPackages, match=r"(?s)`npm ci` failed in .*project:.*package-lock"):
            install(project)

        (project / "package-lock.json").write_text(locked)
        assert reported(project) == REPORT
