"""What runs have seen, and the plans they follow."""

from collections import OrderedDict
from uuid import UUID

from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.learning.queries.runs import may_read
from lms_graph.domain.learning.rules.progress import PlannedLecture, Seen
from lms_graph.domain.media import queries as media
from lms_graph.kit.caller import Caller
from lms_graph.models import database

_SEEN = "p.enrollment_id, p.lecture_id, p.covered_ms, p.watch_time_ms, p.last_position_ms, p.completed_at, p.last_event_at"

Plan = tuple[PlannedLecture, ...]

_plans: OrderedDict[tuple[UUID, UUID], Plan] = OrderedDict()
_MAX_PLANS = 512


async def plan_of(*, caller: Caller, version_id: UUID) -> Plan:
    """The lectures of a published version in order. Kept in the process: a published version never changes."""
    key = (caller.tenant_id, version_id)
    if (plan := _plans.get(key)) is None:
        rows = await outline.lectures_of_versions(caller=caller, version_ids=[version_id])
        videos = await outline.videos_of_version(caller=caller, version_id=version_id)
        lengths = await media.video_lengths(caller=caller, ids=list(videos.values())) if videos else {}
        plan = _plans[key] = tuple(
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
            for row in rows
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


async def progress_of_runs(*, caller: Caller, enrollment_ids: list[UUID]) -> list[database.Record]:
    """What runs have seen: those of these that the caller may read."""
    return await database.fetch(
        f"SELECT {_SEEN} FROM lecture_progress p JOIN enrollments e ON e.tenant_id = p.tenant_id AND e.id = p.enrollment_id "
        f"WHERE p.tenant_id = $1 AND p.enrollment_id = ANY($3) AND {may_read(caller, '$2')}",
        caller.tenant_id,
        caller.account_id,
        enrollment_ids,
    )
