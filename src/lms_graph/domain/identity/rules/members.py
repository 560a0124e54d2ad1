"""What is written when somebody is suspended, and how long an invitation is good."""

from collections.abc import Iterator
from datetime import timedelta

from lms_graph.kit.errors import Issue
from lms_graph.kit.text import is_storable

INVITATION_LIFE = timedelta(days=7)
MAX_REASON = 1000
MAX_SEARCH = 200
SHORTEST_ADDRESS = 3  # characters of its beginning: fewer fit half a school


def issues_with_suspension(reason: str) -> Iterator[Issue]:
    if not 1 <= len(reason) <= MAX_REASON or not is_storable(reason):
        yield Issue(f"A reason has from 1 to {MAX_REASON:,} characters, none of them NUL.", ("reason",))
