"""`docs/typescript.md` does what it says: a project made of its blocks is generated, compiled and run."""

import json
import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.clients.conftest import MODULES, Run
from tests.factories.courses import course, text
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.xdist_group("clients")]

PAGE = (ROOT / "docs" / "typescript.md").read_text()


def files() -> dict[str, str]:
    """The page's blocks that begin with a file's name, by that name; what is said of a file later is added to it."""
    found: dict[str, str] = {}
    for name, body in re.findall(r"^```\w+\n(?:#|//) (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        found[name] = found.get(name, "") + body
    return found


@pytest.fixture
def project(tmp_path: Path, packages: None) -> Path:
    """A storefront's folder, as the page makes it."""
    (tmp_path / "src").mkdir()
    for name, body in files().items():
        (tmp_path / name).write_text(body)
    (tmp_path / "schema.graphql").write_text((ROOT / "schema.graphql").read_text())
    (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
    options = json.loads((ROOT / "tests" / "clients" / "tsconfig.json").read_text())
    (tmp_path / "tsconfig.json").write_text(json.dumps(options))
    (tmp_path / "node_modules").symlink_to(MODULES)
    return tmp_path


class TestThePage:
    async def test_is_generated_compiled_and_run(self, project: Path, program: Run, node: Run, house: House, school: School) -> None:
        titles = ["One", "Three", "Two"]
        for title in titles:
            await course(school.system, text(), title=title)
        script = project / "src" / "catalog.ts"
        script.write_text(script.read_text().replace("http://localhost:8000", house.url).replace("'demo'", f"'{school.slug}'"))

        generated = await program("graphql-codegen", "--config", "codegen.yml", cwd=project)
        compiled = await program("tsc", "--project", project)
        ran = await node(script)

        assert generated.status == 0, generated.told
        assert (compiled.status, compiled.told) == (0, "")
        told = ran.told.splitlines()
        assert (sorted(told[:3]), told[3:]) == (titles, ["CREDENTIALS_WRONG", "BAD_USER_INPUT"])

    async def test_names_packages_that_are_tested(self) -> None:
        tested = json.loads((ROOT / "package.json").read_text())["devDependencies"]
        named = [name for line in re.findall(r"npm install (?:--save-dev )?([^`\n]+)", PAGE) for name in line.split()]

        assert named
        assert set(named) - set(tested) == set()
