"""What a review may say, and what many of them come to."""

from collections.abc import Iterator
from dataclasses import dataclass

from lms_graph.kit.errors import Issue
from lms_graph.kit.text import is_one_line

MAX_BODY = 5000
MAX_REASON = 300
RATINGS = (1, 2, 3, 4, 5)


def issues_with_review(*, rating: int, body: str) -> Iterator[Issue]:
    if rating not in RATINGS:
        yield Issue("A rating is a whole number from 1 to 5.", ("rating",))
    if len(body) > MAX_BODY:
        yield Issue(f"A review has at most {MAX_BODY:,} characters.", ("body",))


def issues_with_reply(body: str | None) -> Iterator[Issue]:
    if body is not None and not (body.strip() and len(body) <= MAX_BODY):
        yield Issue(f"A reply has from 1 to {MAX_BODY:,} characters; null takes it back.", ("body",))


def issues_with_reason(reason: str) -> Iterator[Issue]:
    if not (reason.strip() and len(reason) <= MAX_REASON and is_one_line(reason)):
        yield Issue(f"A reason is one line of 1 to {MAX_REASON} characters.", ("reason",))


@dataclass(frozen=True)
class Rating:
    """How many reviews give 1, 2, 3, 4 and 5."""

    counts: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def hundredths(self) -> int:
        """A hundred times the average, rounded half up; 0 where there is none."""
        total, count = sum(rating * number for rating, number in zip(RATINGS, self.counts, strict=True)), self.count
        return (200 * total + count) // (2 * count) if count else 0
