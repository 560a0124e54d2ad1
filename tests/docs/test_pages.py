"""What the pages say without being run: links, quotes, names, settings."""

import json
import re
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest
import yaml
from graphql import build_schema, parse, validate

from lms_graph.cli import app
from lms_graph.domain.interop.rules.course_manifest import QuizManifest
from lms_graph.settings import Settings
from lms_graph.types.errors import ErrorCode
from tests.architecture.sources import PACKAGE, ROOT
from tests.docs.pages import BLOCKS, PAGES, Block, blocks

SCHEMA = build_schema((ROOT / "schema.graphql").read_text())

RUN = {"sh", "sql", "ts"}
"""Kinds of blocks that `test_snippets.py` runs."""
LOOKED_AT = {"graphql", "json", "jsonc", "yaml", "python", "text"}
"""Kinds that are compared with something here, and with what a request before them answers there."""


def prose(page: str) -> str:
    """A page without its blocks."""
    return re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: str) -> set[str]:
    """What a link may lead to inside a page, as GitHub makes it of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


def links(page: str) -> Iterator[str]:
    yield from re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]+`", "", prose(page)))


def params(found: list[Block]) -> list[object]:
    return [pytest.param(block, id=str(block)) for block in found]


class TestBlocks:
    def test_are_of_a_kind_that_is_run_or_looked_at(self) -> None:
        """What can be neither says why: `<!-- not run: reason -->`."""
        assert [str(block) for block in BLOCKS if block.language not in RUN | LOOKED_AT and not block.not_run] == []

    def test_that_are_not_run_are_listed(self) -> None:
        """They do not fail: they are in the summary."""
        if found := [f"{block}: {block.not_run}" for block in BLOCKS if block.not_run]:
            warnings.warn("not run:\n" + "\n".join(found), stacklevel=1)

    def test_no_reason_is_given_for_nothing(self) -> None:
        told = sum(len(re.findall(r"^<!-- not run:", (ROOT / page).read_text(), re.MULTILINE)) for page in PAGES)

        assert told == sum(block.not_run is not None for block in BLOCKS)

    def test_are_found_with_what_goes_before(self) -> None:
        text = "# A\n\n<!-- not run: no time -->\n\n```sh\nls\n```\n\n```json\n{}\n```\n\nMore.\n\n```ts\n// src/a.ts\n```\n"

        ls, answer, file = blocks("a.md", text)

        assert (ls.line, ls.language, ls.body, ls.not_run) == (5, "sh", "ls\n", "no time")
        assert (answer.before, answer.not_run) == (ls, None)
        assert (file.before, file.lead, file.file) == (None, "More.", "src/a.ts")

    @pytest.mark.parametrize("block", params([block for block in BLOCKS if block.language == "sh" and block.not_run]))
    def test_that_are_not_run_name_commands_that_there_are(self, block: Block) -> None:
        for line in block.body.splitlines():
            command = line.partition("#")[0].split()
            if command and command[0].endswith("lms-graph"):
                app.parse_args(command[1:], print_error=False, exit_on_error=False)
            elif command:
                assert (ROOT / command[0]).exists() or command[0] in ("pre-commit",), f"{block}: {command[0]}"


class TestQuotes:
    @pytest.mark.parametrize("block", params([block for block in BLOCKS if block.language == "python" or block.source]))
    def test_stand_in_the_source(self, block: Block) -> None:
        """Line by line and in order; `…` is where something was left out."""
        assert block.source, f"{block}: the sentence before it names no file"
        said = [line.strip() for line in (ROOT / block.source).read_text().splitlines()]
        place = 0
        for part in re.split(r"^\s*…$", block.body, flags=re.MULTILINE):
            quoted = [line.strip() for line in part.strip().splitlines()]
            found = next((at for at in range(place, len(said)) if said[at : at + len(quoted)] == quoted), None)
            assert found is not None, f"{block}: not in {block.source}:\n{part.strip()}"
            place = found + len(quoted)


class TestDocuments:
    @pytest.mark.parametrize("block", params([block for block in BLOCKS if block.language == "graphql" and not block.source]))
    def test_fit_the_schema(self, block: Block) -> None:
        assert [error.message for error in validate(SCHEMA, parse(block.body))] == []

    @pytest.mark.parametrize("block", params([block for block in BLOCKS if block.language in ("json", "jsonc")]))
    def test_are_json(self, block: Block) -> None:
        json.loads(re.sub(r"^//.*\n", "", block.body) if block.language == "jsonc" else block.body)

    @pytest.mark.parametrize("block", params([block for block in BLOCKS if block.language == "yaml"]))
    def test_are_yaml(self, block: Block) -> None:
        assert yaml.safe_load(block.body)

    def test_the_quiz_is_one_that_is_taken(self) -> None:
        (block,) = [block for block in BLOCKS if block.page == "docs/course-folders.md" and block.language == "yaml"]

        QuizManifest.model_validate(yaml.safe_load(block.body))


class TestLinks:
    @pytest.mark.parametrize("page", PAGES)
    def test_lead_somewhere(self, page: str) -> None:
        lost = []
        for link in links(page):
            if re.match(r"https?:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (ROOT / page).parent / path if path else ROOT / page
            if not target.exists() or (anchor and anchor not in anchors(target.resolve().relative_to(ROOT).as_posix())):
                lost.append(link)

        assert lost == []

    def test_lead_to_every_page(self) -> None:
        """From the README, in one step or several."""
        seen, waiting = set(), ["README.md"]
        while waiting:
            page = waiting.pop()
            seen.add(page)
            for link in links(page):
                target = ((ROOT / page).parent / link.partition("#")[0]).resolve()
                if target.is_dir() and target != ROOT:
                    found = [path.relative_to(ROOT).as_posix() for path in target.glob("*.md")]
                else:
                    found = [target.relative_to(ROOT).as_posix()] if target.suffix == ".md" and target.is_relative_to(ROOT) else []
                waiting += [name for name in found if name not in seen and name in PAGES]

        assert sorted(set(PAGES) - seen) == []


class TestNames:
    @pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("docs/decisions")])
    def test_of_files_are_of_files_that_there_are(self, page: str) -> None:
        """`resolvers/learning/enrollments.py` and its like: from the root, from the package, or inside the area of which the sentence speaks."""
        named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", prose(page))
        made = ("out/", ".data", "node_modules", "src/gql", "tests/clients/gql", "src/lms_graph/web/explorer_bundle")
        folders = [ROOT, PACKAGE, PACKAGE / "domain", *(PACKAGE / "domain").iterdir()]
        lost = [
            name
            for name in named
            if (PurePosixPath(name).suffix in (".py", ".md", ".yaml", ".yml", ".graphql", ".ts", ".tsx", ".json") or name.endswith("/"))
            and not name.startswith(made)
            and not any((folder / name).exists() for folder in folders)
        ]

        assert lost == []

    @pytest.mark.parametrize("page", PAGES)
    def test_of_packages_are_of_the_versions_that_are_tested(self, page: str) -> None:
        tested = json.loads((ROOT / "package.json").read_text())["devDependencies"]
        for line in re.findall(r"npm install ([^`\n]+)", (ROOT / page).read_text()):
            for name, _, version in (word.rpartition("@") for word in line.split() if not word.startswith("-")):
                assert (name, version) == (name, tested.get(name)), f"{page}: npm install {line}"

    def test_of_extras_and_programs_are_those_of_the_package(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

        assert set(re.findall(r"extra `(\w+)`", prose("README.md"))) <= set(project["optional-dependencies"])
        assert list(project["scripts"]) == ["lms-graph"]


class TestCodes:
    PAGE = "docs/api/errors.md"

    def test_of_payloads_are_all_told_and_no_others(self) -> None:
        section = prose(self.PAGE).partition("## In a payload")[2].partition("\n## ")[0]

        assert set(re.findall(r"^\| `([A-Z_]+)` \|", section, re.MULTILINE)) == {code.name for code in ErrorCode}

    def test_of_sockets_are_all_told_and_no_others(self) -> None:
        """1001, 1009 and 1012 are what the server itself closes with."""
        sockets = "".join(path.read_text() for path in sorted((PACKAGE / "web" / "graphql").glob("*.py")))
        told = {code for row in re.findall(r"^\| (\d{4}[^|]*) \|", prose("docs/api/live.md"), re.MULTILINE) for code in row.split(", ")}

        assert told == {"1001", "1009", "1012"} | set(re.findall(r"\b[Cc]lose\((\d{4}),", sockets))


class TestSettings:
    PAGE = "docs/operations.md"

    def rows(self) -> dict[str, str]:
        """The table's variables, each with its default as it stands there."""
        section = prose(self.PAGE).partition("## Settings")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| (`[^|]+`) \| .+ \| ([^|]+) \|$", section, re.MULTILINE)
        return {name: default.strip() for names, default in rows for name in re.findall(r"`(\w+)`", names)}

    def variables(self) -> dict[str, tuple[object, bool]]:
        """The variables that are read, each with its default and whether it must be given."""
        found: dict[str, tuple[object, bool]] = {}
        for name, field in Settings.model_fields.items():
            alias = field.validation_alias
            names = [str(choice) for choice in alias.choices][-1:] if hasattr(alias, "choices") else [str(alias or name.upper())]
            found |= {each: (field.default, field.is_required()) for each in names}
        return found

    def test_are_all_told_and_no_others(self) -> None:
        assert sorted(self.rows()) == sorted(self.variables())

    def test_say_what_must_be_given(self) -> None:
        assert [name for name, default in self.rows().items() if (default == "required") != self.variables()[name][1]] == []

    def test_say_their_defaults(self) -> None:
        wrong = []
        for name, (default, required) in self.variables().items():
            said = self.rows()[name]
            if not required and default not in (None, ()):
                expected = str(default).lower() if isinstance(default, bool) else str(default)
                wrong += [] if said == f"`{expected}`" else [f"{name}: {said}, but it is `{expected}`"]
            elif not required:
                wrong += [f"{name}: {said}, but there is none"] if said.startswith("`") else []

        assert wrong == []

    def test_are_told_in_the_limits_too_by_their_names(self) -> None:
        named = {name for page in PAGES for name in re.findall(r"`((?:LMS|DATABASE|S3)_[A-Z_]+)`", prose(page))}

        assert sorted(named - set(self.variables())) == []
