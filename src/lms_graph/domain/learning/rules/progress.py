"""How far a run has come: derived here and nowhere else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from lms_graph.models.catalog import CompletionKind


@dataclass(frozen=True)
class PlannedLecture:
    """A lecture of a run's version, as far as progress asks."""

    lecture_id: UUID
    content_id: UUID
    content_type: str
    position: int
    duration_ms: int
    is_preview: bool
    is_required: bool
    completion_kind: str
    completion_target: int | None
    opens_after: tuple[UUID, ...]


class Plan(tuple[PlannedLecture, ...]):
    """The lectures of a version, in order."""

    @cached_property
    def by_id(self) -> Mapping[UUID, PlannedLecture]:
        return {lecture.lecture_id: lecture for lecture in self}

    @cached_property
    def due(self) -> Sequence[PlannedLecture]:
        return _due(self)


class Seen(NamedTuple):
    """What a run has seen of a lecture. A tuple: one is made for each lecture of each run that beats."""

    covered_ms: int = 0
    last_position_ms: int = 0
    completed_at: datetime | None = None
    last_event_at: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """How far a run is, and where its learner goes on. `last` is where they were last."""

    is_complete: bool
    percent: int
    last: UUID
    resume: UUID
    resume_position_ms: int


def joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Half-open ranges as few as they can be, in order: those that overlap or touch are one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def coverage_percent(seen: Seen, lecture: PlannedLecture) -> int:
    """The watched share of a video, rounded down; 100 for what is done, else 0 where nothing is to be watched."""
    if lecture.duration_ms <= 0 or lecture.completion_kind != CompletionKind.WATCHED:
        return 100 if seen.completed_at else 0
    return min(100, seen.covered_ms * 100 // lecture.duration_ms)


def is_watched_enough(seen: Seen, lecture: PlannedLecture) -> bool:
    return lecture.completion_kind == CompletionKind.WATCHED and lecture.completion_target is not None and coverage_percent(seen, lecture) >= lecture.completion_target


def due(plan: Sequence[PlannedLecture]) -> Sequence[PlannedLecture]:
    """What a run must do: the required lectures, or all of them where none is required."""
    return plan.due if isinstance(plan, Plan) else _due(plan)


def _due(plan: Sequence[PlannedLecture]) -> Sequence[PlannedLecture]:
    return [lecture for lecture in plan if lecture.is_required] or plan


def ready(plan: Sequence[PlannedLecture], seen: Mapping[UUID, Seen]) -> list[UUID]:
    """Videos that are watched enough and not done yet. One that opens after others waits for them: watching ahead opens nothing."""
    done = {id for id, known in seen.items() if known.completed_at}
    return [
        lecture.lecture_id
        for lecture in plan
        if (known := seen.get(lecture.lecture_id)) is not None and not known.completed_at and is_watched_enough(known, lecture) and done.issuperset(lecture.opens_after)
    ]


def latest(seen: Mapping[UUID, Seen]) -> UUID | None:
    """Where the learner was last, by the clocks of the devices, whichever of them told first."""
    moments = {id: (known.last_event_at, id) for id, known in seen.items() if known.last_event_at is not None}
    return max(moments, key=lambda id: moments[id]) if moments else None


def percent(plan: Sequence[PlannedLecture], seen: Mapping[UUID, Seen]) -> int:
    """What is due counts alike; a video that is being watched counts in part. 100 only when all is done."""
    hundredths, wanted = 0, due(plan)
    for lecture in wanted:
        known = seen.get(lecture.lecture_id)
        if known is None:
            continue
        if known.completed_at:
            hundredths += 100
        elif lecture.completion_kind == CompletionKind.WATCHED:
            hundredths += min(99, coverage_percent(known, lecture) * 100 // (lecture.completion_target or 100))
    return hundredths // len(wanted) if plan else 0


def consumed_percent(plan: Sequence[PlannedLecture], seen: Mapping[UUID, Seen]) -> int:
    """How much was used, whether it is due or not: every lecture counts alike, a done one in full, one that was watched by the share of it that was; rounded up."""
    hundredths = 0
    for lecture in plan:
        known = seen.get(lecture.lecture_id, Seen())
        hundredths += 100 if known.completed_at else min(100, known.covered_ms * 100 // lecture.duration_ms) if lecture.duration_ms > 0 else 0
    return -(-hundredths // len(plan)) if plan else 0


def is_complete(plan: Sequence[PlannedLecture], seen: Mapping[UUID, Seen]) -> bool:
    """Everything that is due is done."""
    return all((known := seen.get(lecture.lecture_id)) is not None and known.completed_at for lecture in due(plan))


def resume_after(plan: Sequence[PlannedLecture], seen: Mapping[UUID, Seen], lecture_id: UUID) -> UUID:
    """Where to go on: here while it is not done, else the next lecture that is not, else here."""
    if not seen.get(lecture_id, Seen()).completed_at:
        return lecture_id
    here = next((lecture.position for lecture in plan if lecture.lecture_id == lecture_id), -1)
    open_ones = [lecture for lecture in plan if (known := seen.get(lecture.lecture_id)) is None or not known.completed_at]
    following = [lecture for lecture in open_ones if lecture.position > here] or open_ones
    return following[0].lecture_id if following else lecture_id


def standing(plan: Sequence[PlannedLecture], seen: Mapping[UUID, Seen], *, is_active: bool, was_completed: bool, here: UUID | None) -> Standing:
    """Of a run that follows the plan: `here` is the lecture that was just done, if one was. An active run is complete when nothing is missing; a completed one stays at 100."""
    how_far = percent(plan, seen)
    complete = is_active and how_far == 100 and is_complete(plan, seen)  # looked through once more only there
    last = here or latest(seen) or plan[0].lecture_id
    resume = resume_after(plan, seen, last)
    return Standing(complete, 100 if complete or was_completed else how_far, last, resume, seen.get(resume, Seen()).last_position_ms)
