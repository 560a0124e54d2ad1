"""What an application to teach must be, and when one may apply again."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from lms_graph.domain.identity.rules.instructors import MAX_SLUG, issues_with_page
from lms_graph.kit.errors import Issue
from lms_graph.kit.text import is_one_line, is_storable, slugify

MAX_MOTIVATION, MAX_LINKS, MAX_LINK, MAX_REASON = 5_000, 10, 500, 2_000
PAUSE_AFTER_REFUSAL = timedelta(days=30)


def issues_with_application(*, motivation: str, links: Sequence[str], slug: str | None, headline: str | None, bio_markdown: str) -> Iterator[Issue]:
    if not 1 <= len(motivation) <= MAX_MOTIVATION or not is_storable(motivation):
        yield Issue(f"A motivation has from 1 to {MAX_MOTIVATION:,} characters, none of them NUL.", ("motivation",))
    if len(links) > MAX_LINKS:
        yield Issue(f"At most {MAX_LINKS} links.", ("links",))
    elif any(not link.startswith(("https://", "http://")) or len(link) > MAX_LINK or not is_one_line(link) for link in links):
        yield Issue(f"A link begins with `https://` or `http://` and is one line of at most {MAX_LINK} characters.", ("links",))
    yield from issues_with_page(slug="any" if slug is None else slug, headline=headline, bio_markdown=bio_markdown)


def issues_with_decision(*, is_approval: bool, reason: str | None) -> Iterator[Issue]:
    """Whoever is refused is told why."""
    if reason is None:
        if not is_approval:
            yield Issue("Say why: the applicant reads it.", ("reason",))
    elif not 1 <= len(reason) <= MAX_REASON or not is_storable(reason):
        yield Issue(f"A reason has from 1 to {MAX_REASON:,} characters, none of them NUL.", ("reason",))


def opens_again_at(refused_at: datetime) -> datetime:
    return refused_at + PAUSE_AFTER_REFUSAL


def slugs(wished: str | None, name: str) -> Iterator[str]:
    """Names for a page, until one is free: as wished, else of the person's name, then with numbers."""
    stem = wished or slugify(name)[:MAX_SLUG].strip("-") or "instructor"
    yield stem
    number = 2
    while True:
        yield f"{stem[: MAX_SLUG - 8].strip('-')}-{number}"
        number += 1
