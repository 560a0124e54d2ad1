"""The pages of the documentation, and the fenced blocks in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.architecture.sources import PACKAGE, ROOT

PAGES = [path.relative_to(ROOT).as_posix() for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))]


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    page: str
    line: int
    language: str
    body: str
    lead: str
    """What stands between the block before, or the heading, and this one."""
    not_run: str | None
    """Why it is not run: `<!-- not run: reason -->` before the block says so."""
    before: "Block | None"
    """The block that this one directly follows, with nothing between them: a request and its answer."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that the block is, or a part of: its first line names it in a comment."""
        found = re.match(r"(?:#|//) ([\w./-]+\.\w+)(?: .*)?\n", self.body)
        return found[1] if found and self.language != "sh" else None

    @property
    def source(self) -> str | None:
        """The file of this repository that the block quotes: the last one that is named in the sentence before it."""
        endings = {"python": r"py", "graphql": r"graphql"}
        if self.language not in endings:
            return None
        named = re.findall(rf"`([\w./]+\.{endings[self.language]})`", self.lead.rpartition("\n\n")[2])
        for folder in (ROOT, PACKAGE):
            if named and (folder / named[-1]).is_file():
                return (folder / named[-1]).relative_to(ROOT).as_posix()
        return None


def blocks(page: str, text: str | None = None) -> Iterator[Block]:
    """Every fenced block of a page, in order."""
    lead: list[str] = []
    inside: list[str] | None = None
    before: Block | None = None
    began, language = 0, ""
    for number, line in enumerate((text if text is not None else (ROOT / page).read_text()).splitlines(), 1):
        if inside is not None:
            if line.strip() != "```":
                inside.append(line)
                continue
            said = "\n".join(lead).strip()
            reason = re.search(r"<!-- not run: (.+?) -->$", said)
            block = Block(page, began, language, "\n".join(inside) + "\n", said, reason[1] if reason else None, before if not said else None)
            yield block
            before, inside, lead = block, None, []
        elif line.startswith("```"):
            began, language, inside = number, line.removeprefix("```").strip(), []
        elif line.startswith("#"):
            before, lead = None, []
        else:
            lead.append(line)
    assert inside is None, f"{page}:{began}: the block does not end"


BLOCKS = [block for page in PAGES for block in blocks(page)]
