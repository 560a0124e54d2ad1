"""What a course must be like, how long it is, and what a part in its team allows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from lms_graph.kit.errors import Issue
from lms_graph.kit.text import is_one_line
from lms_graph.models.catalog import CompletionKind, ContentType, CourseTeamRole

KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_LECTURES = 1000
MAX_CATEGORIES = 500
MAX_TEAM = 50
MAX_INSTRUCTORS = 20
MAX_PATH = 50
MAX_DESCRIPTION = 20_000

DEFAULT_COMPLETION: dict[ContentType, tuple[CompletionKind, int | None]] = {
    ContentType.TEXT: (CompletionKind.OPENED, None),
    ContentType.VIDEO: (CompletionKind.WATCHED, 90),
    ContentType.QUIZ: (CompletionKind.PASSED, None),
}

DURATIONS = (("UNDER_1_HOUR", 3_600), ("1_TO_3_HOURS", 10_800), ("3_TO_10_HOURS", 36_000), ("OVER_10_HOURS", None))
"""The buckets of the duration facet, each with its upper bound in seconds."""

RATINGS = (("4_5_AND_UP", 450), ("4_TO_4_5", 400), ("3_TO_4", 300), ("UNDER_3", 100))
"""The buckets of the rating facet, each with its lower bound in hundredths."""

UNPRICED = 2**63 - 1
"""Where a course without a price stands among prices: above all."""


def key_issues(keys: Sequence[str], what: str) -> list[Issue]:
    """Keys are lower-case words joined by hyphens, at most 80 characters, and unique."""
    issues = [Issue(f"The {what} key `{key}` must be lower-case letters and digits with single hyphens, at most 80.") for key in keys if len(key) > 80 or not KEY.fullmatch(key)]
    doubled = sorted({key for key in keys if keys.count(key) > 1})
    return issues + [Issue(f"The {what} key `{key}` is used more than once.") for key in doubled]


def fits_completion(content_type: ContentType, kind: CompletionKind, target: int | None) -> bool:
    """A lecture is opened, a video watched to a percentage from 1 to 100, a quiz passed."""
    if kind is CompletionKind.WATCHED:
        return content_type is ContentType.VIDEO and target is not None and 1 <= target <= 100
    if kind is CompletionKind.PASSED:
        return content_type is ContentType.QUIZ and target is None
    return content_type is not ContentType.QUIZ and target is None


class CoursePermission(StrEnum):
    """What one may do with a single course."""

    EDIT = "EDIT"
    PUBLISH = "PUBLISH"
    GRADE = "GRADE"
    MANAGE_TEAM = "MANAGE_TEAM"


_OF_THE_TEAM = {
    CourseTeamRole.CREATOR: frozenset(CoursePermission),
    CourseTeamRole.EDITOR: frozenset({CoursePermission.EDIT, CoursePermission.PUBLISH}),
    CourseTeamRole.GRADER: frozenset({CoursePermission.GRADE}),
}


def course_permissions(team_role: CourseTeamRole | None, *, may_manage: bool, may_sell: bool) -> frozenset[CoursePermission]:
    """`may_manage`: COURSES_MANAGE; `may_sell`: COURSES_SELL, without which nobody of the team publishes."""
    if may_manage:
        return frozenset(CoursePermission)
    of_the_team = _OF_THE_TEAM[team_role] if team_role else frozenset()
    return of_the_team if may_sell else of_the_team - {CoursePermission.PUBLISH}


@dataclass(frozen=True, kw_only=True)
class PathStep:
    """A course of a path; those that are not required may be left out by who finishes it."""

    course_id: UUID
    is_required: bool = True


def path_issues(*, slug: str, title: str, description: str, course_ids: Sequence[UUID], is_published: bool) -> list[Issue]:
    """Everything that is wrong with a path."""
    issues = [Issue(issue.message, ("slug",)) for issue in key_issues([slug], "path")]
    if not (title.strip() and len(title) <= 200 and is_one_line(title)):
        issues.append(Issue("The title is one line of 1 to 200 characters.", ("title",)))
    if len(description) > MAX_DESCRIPTION:
        issues.append(Issue(f"The description has at most {MAX_DESCRIPTION:,} characters.", ("description",)))
    if len(course_ids) > MAX_PATH:
        issues.append(Issue(f"A path has at most {MAX_PATH} courses.", ("courses",)))
    if len(set(course_ids)) < len(course_ids):
        issues.append(Issue("A course stands in a path once.", ("courses",)))
    if is_published and not course_ids:
        issues.append(Issue("A path needs at least one course before it is published.", ("courses",)))
    return issues
