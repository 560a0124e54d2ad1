"""What runs have seen, and the plans they follow."""

import re
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.learning.queries.runs import Run, may_read
from lms_graph.domain.learning.rules.access import Grant
from lms_graph.domain.learning.rules.counters import Taken
from lms_graph.domain.learning.rules.progress import Plan, PlannedLecture, Seen
from lms_graph.domain.media import queries as media
from lms_graph.kit.caller import Caller
from lms_graph.models import database

_SEEN = "p.enrollment_id, p.lecture_id, p.covered_ms, p.watch_time_ms, p.last_position_ms, p.completed_at, p.last_event_at"

_RANGE = re.compile(r"\[(\d+),(\d+)\)")

_plans: OrderedDict[tuple[UUID, UUID], Plan] = OrderedDict()
_MAX_PLANS = 512


async def plan_of(*, caller: Caller, version_id: UUID) -> Plan:
    """The lectures of a published version in order. Kept in the process: a published version never changes."""
    key = (caller.tenant_id, version_id)
    if (plan := _plans.get(key)) is None:
        found = (await outline.outlines_of_versions(caller=caller, version_ids=[version_id])).get(version_id, outline.Outline())
        videos = await outline.videos_of_version(caller=caller, version_id=version_id)
        lengths = await media.video_lengths(caller=caller, ids=list(videos.values())) if videos else {}
        plan = _plans[key] = Plan(
            PlannedLecture(
                lecture_id=row["lecture_id"],
                content_id=row["content_id"],
                content_type=row["content_type"],
                position=row["position"],
                duration_ms=lengths[videos[row["lecture_id"]]] if row["lecture_id"] in videos else row["duration_seconds"] * 1000,
                is_preview=row["is_preview"],
                is_required=row["is_required"],
                completion_kind=row["completion_kind"],
                completion_target=row["completion_target"],
                opens_after=opens_after(row["release"]),
            )
            for _, row in sorted(found.at.items())
        )
        if len(_plans) > _MAX_PLANS:
            _plans.popitem(last=False)
    _plans.move_to_end(key)
    return plan


def opens_after(release: str | None) -> tuple[UUID, ...]:
    """The lectures that a release rule wants done before."""
    return tuple(UUID(id) for id in database.from_json(release)["completed"]) if release else ()


async def seen_in(*, caller: Caller, enrollment_id: UUID) -> dict[UUID, Seen]:
    """What one run has seen, by lecture. Whoever asks has locked the run as their own."""
    rows = await database.fetch(f"SELECT {_SEEN} FROM lecture_progress p WHERE p.tenant_id = $1 AND p.enrollment_id = $2", caller.tenant_id, enrollment_id)
    return {row["lecture_id"]: Seen(row["covered_ms"], row["last_position_ms"], row["completed_at"], row["last_event_at"]) for row in rows}


@dataclass
class Before:
    """A locked run as a device's events find it: the numbers that the device has taken, the grants that bear on the run, and what it has seen. `ranges` are of the lectures asked about."""

    taken: Taken
    grants: list[Grant]
    seen: dict[UUID, Seen]
    ranges: dict[UUID, list[tuple[int, int]]]


async def before_events(*, caller: Caller, places: Sequence[tuple[Run, str]], lecture_ids: Collection[UUID]) -> list[Before]:
    """Of each run and device, in one statement. Whoever asks has locked the runs."""
    # In subqueries, so that PostgreSQL does not see how few they are: for few it would make a plan each time, which takes longer than the statement.
    rows = await database.fetch(
        """
        SELECT d.high_water, d.ahead, g.*, s.*
        FROM unnest((SELECT $2::uuid[]), (SELECT $3::text[]), (SELECT $4::uuid[]), (SELECT $5::uuid[])) WITH ORDINALITY AS c(run_id, device_id, account_id, course_id, nth)
        LEFT JOIN progress_devices d ON d.tenant_id = $1 AND d.enrollment_id = c.run_id AND d.device_id = c.device_id
        CROSS JOIN LATERAL (
            SELECT array_agg(e.kind) AS kinds, array_agg(e.starts_at) AS starts, array_agg(e.ends_at) AS ends, array_agg(e.state) AS states, array_agg(e.grace_until) AS graces,
                array_agg(e.revoked_at) AS revoked
            FROM entitlements e WHERE e.tenant_id = $1 AND e.account_id = c.account_id AND (e.subject_kind = 'ALL_ACCESS' OR e.subject_id = c.course_id)
        ) AS g
        CROSS JOIN LATERAL (
            SELECT array_agg(p.lecture_id) AS lectures, array_agg(p.covered_ms) AS covered, array_agg(p.last_position_ms) AS positions, array_agg(p.completed_at) AS completed,
                array_agg(p.last_event_at) AS moments, array_agg(CASE WHEN p.lecture_id = ANY($6) THEN p.ranges::text END) AS ranges
            FROM lecture_progress p WHERE p.tenant_id = $1 AND p.enrollment_id = c.run_id
        ) AS s
        ORDER BY c.nth
        """,
        caller.tenant_id,
        [run.id for run, _ in places],
        [device_id for _, device_id in places],
        [run.account_id for run, _ in places],
        [run.course_id for run, _ in places],
        list(lecture_ids),
    )
    return [_before(row) for row in rows]


def _before(row: database.Record) -> Before:
    high_water, ahead, kinds, starts, ends, states, graces, revoked, lectures, covered, positions, completed, moments, ranges = row.values()
    return Before(
        taken=Taken() if high_water is None else Taken(high_water, [(part.lower, part.upper) for part in ahead]),
        grants=list(map(Grant, kinds, starts, ends, states, graces, revoked)) if kinds else [],
        seen=dict(zip(lectures, map(Seen, covered, positions, completed, moments), strict=True)) if lectures else {},
        ranges={id: [(int(start), int(end)) for start, end in _RANGE.findall(text)] for id, text in zip(lectures, ranges, strict=True) if text} if lectures else {},
    )


async def progress_of_runs(*, caller: Caller, enrollment_ids: list[UUID]) -> list[database.Record]:
    """What runs have seen: those of these that the caller may read."""
    return await database.fetch(
        f"SELECT {_SEEN} FROM lecture_progress p JOIN enrollments e ON e.tenant_id = p.tenant_id AND e.id = p.enrollment_id "
        f"WHERE p.tenant_id = $1 AND p.enrollment_id = ANY($3) AND {may_read(caller, '$2')}",
        caller.tenant_id,
        caller.account_id,
        enrollment_ids,
    )
