"""How long sessions and tokens live, and who may look at the school as whom."""

from collections.abc import Collection
from datetime import timedelta

from lms_graph.domain.identity.rules.permissions import permissions_of
from lms_graph.kit.errors import Issue
from lms_graph.kit.permissions import Permission
from lms_graph.kit.text import is_storable
from lms_graph.models.identity import Role

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
REFRESH_TOKEN_LIFE = timedelta(days=30)
RETRY_WINDOW = timedelta(seconds=10)
MAX_SESSIONS = 50  # live ones of an account; the longest unseen gives way
KEPT_AFTER_END = timedelta(days=90)  # rows of ended sessions, by which a known device is told from a new one
EXPLORER_LIFE = timedelta(hours=8)
MAX_EXPLORERS = 10  # as above
IMPERSONATION_LIFE = timedelta(minutes=30)
MAX_REASON = 500


def may_impersonate(*, impersonator_roles: Collection[str], roles: Collection[str]) -> bool:
    """Whether somebody of these roles may look at the school as an account of those: as a student and nothing more, so that nobody gains a right by it."""
    return Permission.MEMBERS_IMPERSONATE in permissions_of(impersonator_roles, in_platform=True) and set(roles) <= {Role.STUDENT}


def rights_of_session(roles: Collection[str], *, is_masked: bool, in_platform: bool) -> frozenset[Permission]:
    """What may be done with a session of an account with these roles: one that masks personal data does not read them."""
    return permissions_of(roles, in_platform=in_platform) - ({Permission.PERSONAL_READ} if is_masked else frozenset())


def issues_with_reason(reason: str) -> list[Issue]:
    """What is wrong with the reason that somebody gives."""
    return [] if 0 < len(reason) <= MAX_REASON and is_storable(reason) else [Issue(f"Say why, in 1 to {MAX_REASON} characters. It stands in the audit log.", ("reason",))]
