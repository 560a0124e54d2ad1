"""What was used of what somebody got from a source, for those who gave it: how much of each course, and when. Whoever asks has decided who may know."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.learning.queries import progress
from lms_graph.domain.learning.rules import progress as rules
from lms_graph.kit.caller import Caller
from lms_graph.models import database

# Those whose source is one of our rows; an index begins with them.
_KINDS = "('ORDER', 'SUBSCRIPTION', 'INSTALLMENT_PLAN', 'BUNDLE', 'SEAT', 'GIFT')"


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Something that a learner did in a run."""

    at: datetime
    course_title: str
    lecture_title: str | None  # None for the run itself
    is_done: bool
    covered_ms: int


async def consumed_by_sources(*, caller: Caller, source_ids: Collection[UUID]) -> dict[UUID, dict[UUID, int]]:
    """By source and course, how many percent of it was used in the run that the source's grant opened; of several learners the one who used most. A run that was there before counts for its own source."""
    runs = await database.fetch(
        "SELECT g.source_id, e.id, e.course_id, e.version_id FROM entitlements g JOIN enrollments e ON e.tenant_id = g.tenant_id AND e.entitlement_id = g.id "
        f"WHERE g.tenant_id = $1 AND g.kind IN {_KINDS} AND g.source_id = ANY($2)",
        caller.tenant_id,
        list(source_ids),
    )
    seen: dict[UUID, dict[UUID, rules.Seen]] = {row["id"]: {} for row in runs}
    rows = await database.fetch(
        "SELECT enrollment_id, lecture_id, covered_ms, last_position_ms, completed_at, last_event_at FROM lecture_progress WHERE tenant_id = $1 AND enrollment_id = ANY($2)",
        caller.tenant_id,
        list(seen),
    )
    for row in rows:
        seen[row["enrollment_id"]][row["lecture_id"]] = rules.Seen(row["covered_ms"], row["last_position_ms"], row["completed_at"], row["last_event_at"])
    found: dict[UUID, dict[UUID, int]] = {id: {} for id in source_ids}
    for run in runs:
        plan = await progress.plan_of(caller=caller, version_id=run["version_id"])
        of_source = found[run["source_id"]]
        of_source[run["course_id"]] = max(of_source.get(run["course_id"], 0), rules.consumed_percent(plan, seen[run["id"]]))
    return found


async def activity_of_sources(*, caller: Caller, source_ids: Collection[UUID]) -> list[Activity]:
    """What the learners of a source's grants did in the runs that these opened, the first first: beginnings, and each lecture as it was last seen or done."""
    runs = await database.fetch(
        "SELECT e.id, e.version_id, e.enrolled_at FROM entitlements g JOIN enrollments e ON e.tenant_id = g.tenant_id AND e.entitlement_id = g.id "
        f"WHERE g.tenant_id = $1 AND g.kind IN {_KINDS} AND g.source_id = ANY($2)",
        caller.tenant_id,
        list(source_ids),
    )
    versions = {row["id"]: row["version_id"] for row in runs}
    rows = await database.fetch(
        "SELECT enrollment_id, lecture_id, covered_ms, completed_at, coalesce(completed_at, last_event_at) AS at FROM lecture_progress "
        "WHERE tenant_id = $1 AND enrollment_id = ANY($2) AND coalesce(completed_at, last_event_at) IS NOT NULL",
        caller.tenant_id,
        list(versions),
    )
    titles = {id: (await outline.version_title(caller=caller, version_id=id)).title for id in dict.fromkeys(versions.values())}
    outlines = await outline.outlines_of_versions(caller=caller, version_ids=list(titles))
    done = [Activity(at=row["enrolled_at"], course_title=titles[row["version_id"]], lecture_title=None, is_done=False, covered_ms=0) for row in runs]
    for row in rows:
        version = versions[row["enrollment_id"]]
        seen = outlines[version].lectures.get(row["lecture_id"])
        done.append(
            Activity(at=row["at"], course_title=titles[version], lecture_title=seen["title"] if seen else "", is_done=row["completed_at"] is not None, covered_ms=row["covered_ms"])
        )
    return sorted(done, key=lambda each: (each.at, each.lecture_title or ""))
