"""What an instructor's public page must be."""

import re
from collections.abc import Iterator

from lms_graph.kit.errors import Issue
from lms_graph.kit.text import is_one_line, is_storable

MAX_SLUG, MAX_HEADLINE, MAX_BIO = 80, 200, 20_000

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def issues_with_page(*, slug: str, headline: str | None, bio_markdown: str) -> Iterator[Issue]:
    if len(slug) > MAX_SLUG or not _SLUG.fullmatch(slug):
        yield Issue(f"A slug is made of lower-case letters, digits and single hyphens between them, from 1 to {MAX_SLUG} characters.", ("slug",))
    if headline is not None and (not headline or len(headline) > MAX_HEADLINE or not is_one_line(headline)):
        yield Issue(f"A headline is one line of 1 to {MAX_HEADLINE} characters, or null.", ("headline",))
    if len(bio_markdown) > MAX_BIO or not is_storable(bio_markdown):
        yield Issue(f"A biography has at most {MAX_BIO} characters, none of them NUL.", ("bio",))
