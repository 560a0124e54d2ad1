"""Loaders of learning: runs, progress, access, and what lectures show once access is granted."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, grouped, matched
from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.learning import policies
from lms_graph.domain.learning.queries import access as access_queries
from lms_graph.domain.learning.queries import entitlements, progress, runs
from lms_graph.domain.learning.rules import access as access_rules
from lms_graph.domain.learning.rules import progress as rules
from lms_graph.domain.learning.rules.access import Decision, Granted, PrerequisiteUnmet
from lms_graph.domain.learning.rules.grants import GrantFilter
from lms_graph.domain.media import queries as media
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.types.catalog.lectures import Lecture, Place
from lms_graph.types.learning.access import AccessDecision, Requirement, RequirementKind, from_decision
from lms_graph.types.learning.content import LectureResource, QuizContent, TextContent
from lms_graph.types.learning.enrollments import Enrollment, EnrollmentConnection, LectureProgress
from lms_graph.types.learning.entitlements import Entitlement, EntitlementConnection
from lms_graph.types.media import VideoCaptions, VideoChapter, VideoContent, VideoStatus

URL_SECONDS = 3600

View = tuple[UUID, UUID, UUID | None]  # course, version, and the run from which it is looked at


class LearningLoaders(AreaLoaders):
    @batch
    async def enrollment(self, ids: list[UUID]) -> list[Enrollment | None]:
        return matched(await runs.runs_by_ids(caller=self.caller, ids=ids), "id", ids, Enrollment.from_row)

    @batch
    async def latest_run(self, course_ids: list[UUID]) -> list[Enrollment | None]:
        found = matched(await runs.latest_runs(caller=self.caller, course_ids=course_ids), "course_id", course_ids, Enrollment.from_row)
        for run in found:
            if run is not None:
                self.enrollment.prime(run.uuid, run)
        return found

    @batch
    async def run_of_grant(self, entitlement_ids: list[UUID]) -> list[Enrollment | None]:
        """The latest run of the grant's learner in its course."""
        return matched(await runs.runs_of_grants(caller=self.caller, entitlement_ids=entitlement_ids), "grant_id", entitlement_ids, Enrollment.from_row)

    @batch
    async def runs_of_account(self, keys: list[tuple[UUID, PageRequest, tuple[str, ...] | None]]) -> list[EnrollmentConnection]:
        """Only the viewer has such a list, so there is one key a page."""
        return [await self._runs(*key) for key in keys]

    async def _runs(self, account_id: UUID, request: PageRequest, statuses: tuple[str, ...] | None) -> EnrollmentConnection:
        wanted = None if statuses is None else list(statuses)
        page = await runs.page_of_runs(caller=self.caller, account_id=account_id, cursors=self.adapters.cursors, request=request, statuses=wanted)
        return EnrollmentConnection.of(page, Enrollment.from_row, lambda: runs.count_runs(caller=self.caller, account_id=account_id, statuses=wanted))

    @batch
    async def roster(self, keys: list[tuple[UUID, PageRequest, tuple[str, ...] | None]]) -> list[EnrollmentConnection | None]:
        """A root field asks for it, so there is one key a page."""
        courses = dict(zip(ids := [id for id, _, _ in keys], await self.context.loaders.catalog.course.load_many(ids), strict=True))
        return [await self._roster(*key) if courses[key[0]] else None for key in keys]

    async def _roster(self, course_id: UUID, request: PageRequest, statuses: tuple[str, ...] | None) -> EnrollmentConnection:
        wanted = None if statuses is None else list(statuses)
        page = await runs.page_of_roster(caller=self.caller, course_id=course_id, cursors=self.adapters.cursors, request=request, statuses=wanted)
        return EnrollmentConnection.of(page, Enrollment.from_row, lambda: runs.count_roster(caller=self.caller, course_id=course_id, statuses=wanted))

    @batch
    async def entitlement(self, ids: list[UUID]) -> list[Entitlement | None]:
        return matched(await entitlements.grants_by_ids(caller=self.caller, ids=ids), "id", ids, self._entitlement)

    @batch
    async def grants_of_source(self, source_ids: list[UUID]) -> list[list[Entitlement]]:
        """Every grant that a line of an order, or a plan, has made."""
        return grouped(await entitlements.grants_of_sources(caller=self.caller, source_ids=source_ids), "source_id", source_ids, self._entitlement)

    @batch
    async def grant_of_source(self, source_ids: list[UUID]) -> list[Entitlement | None]:
        return [grants[0] if grants else None for grants in await self.grants_of_source.load_many(source_ids)]

    @batch
    async def unused_grant(self, course_ids: list[UUID]) -> list[Entitlement | None]:
        return matched(await entitlements.unused_grants(caller=self.caller, course_ids=course_ids), "subject_id", course_ids, self._entitlement)

    @batch
    async def entitlements(self, keys: list[tuple[PageRequest, GrantFilter]]) -> list[EntitlementConnection]:
        """Anybody's: a root field that takes the right to see them asks. One key a page."""
        return [await self._entitlements(*key) for key in keys]

    @batch
    async def own_entitlements(self, keys: list[tuple[PageRequest, GrantFilter]]) -> list[EntitlementConnection]:
        """The viewer's: one key a page."""
        return [await self._entitlements(request, replace(where, account_id=self.caller.account)) for request, where in keys]

    async def _entitlements(self, request: PageRequest, where: GrantFilter) -> EntitlementConnection:
        page = await entitlements.page_of_grants(caller=self.caller, cursors=self.adapters.cursors, request=request, where=where)
        return EntitlementConnection.of(page, self._entitlement, lambda: entitlements.count_grants(caller=self.caller, where=where))

    def _entitlement(self, row: Any) -> Entitlement:
        return Entitlement.from_row(row, self.caller.now, sees_all=entitlements.sees_all(self.caller))

    @batch
    async def progress(self, enrollment_ids: list[UUID]) -> list[dict[UUID, Any]]:
        """What each run has seen, by lecture."""
        found: dict[UUID, dict[UUID, Any]] = {id: {} for id in enrollment_ids}
        for row in await progress.progress_of_runs(caller=self.caller, enrollment_ids=enrollment_ids):
            found[row["enrollment_id"]][row["lecture_id"]] = row
        return list(found.values())

    @batch
    async def grants(self, course_ids: list[UUID]) -> list[list[access_rules.Grant]]:
        found = await access_queries.grants_of_courses(caller=self.caller, course_ids=course_ids)
        return [found[id] for id in course_ids]

    @batch
    async def course_decision(self, course_ids: list[UUID]) -> list[Decision]:
        signed_in = self.caller.account_id is not None
        courses = await self.context.loaders.catalog.course.load_many(course_ids)
        taken = await self.latest_run.load_many(course_ids) if signed_in else [None] * len(course_ids)
        grants = await self.grants.load_many(course_ids) if any(taken) else [[] for _ in course_ids]
        return [
            access_rules.decide_course(
                now=self.caller.now,
                course_id=id,
                signed_in=signed_in,
                published=course is not None and course.status.value == "PUBLISHED",
                has_run=run is not None,
                grants=held,
                may_preview=course is not None and policies.may_preview(self.caller, id),
            )
            for id, course, run, held in zip(course_ids, courses, taken, grants, strict=True)
        ]

    @batch
    async def course_access(self, course_ids: list[UUID]) -> list[AccessDecision]:
        return [from_decision(decision) for decision in await self.course_decision.load_many(course_ids)]

    @batch
    async def lecture_decision(self, lectures: list[Lecture]) -> list[Decision]:
        """What lectures of a version have in common is looked at once."""
        views = {lecture.place.view for lecture in lectures}
        ids = list({course_id for course_id, _, _ in views})
        decisions = dict(zip(ids, await self.course_decision.load_many(ids), strict=True))
        courses = dict(zip(ids, await self.context.loaders.catalog.course.load_many(ids), strict=True))
        seen = await self._seen_from(views) if any(isinstance(decision, Granted) for decision in decisions.values()) else {}
        looked_at = await self._runs_looked_at(views)
        common = {}
        for view in views:
            course_id, version_id, _ = view
            course = courses[course_id]
            common[view] = (
                self._in_run(decisions[course_id], view, looked_at),
                course is not None and course.status.value == "PUBLISHED" and course.version_id == version_id,
                {id for id, row in seen[view].items() if row["completed_at"]} if seen else frozenset(),
            )
        decided = []
        for lecture in lectures:
            decision, published, done = common[lecture.place.view]
            opens_after = progress.opens_after(lecture.row["release"])
            decided.append(
                access_rules.decide_lecture(
                    decision, is_preview=lecture.is_preview, published=published, opens_after=opens_after, completed=done, is_completed=lecture.place.lecture_id in done
                )
            )
        return decided

    async def _runs_looked_at(self, views: Collection[View]) -> dict[UUID, Enrollment]:
        """The runs from which lectures are looked at: the viewer's own, and others' that they may read."""
        ids = list({run for _, _, run in views if run is not None})
        return {run.uuid: run for run in await self.enrollment.load_many(ids) if run is not None}

    def _is_own(self, run: Enrollment | None) -> bool:
        return run is not None and run.account_id == self.caller.account_id

    def _in_run(self, course: Decision, view: View, looked_at: dict[UUID, Enrollment]) -> Decision:
        course_id, _, run_id = view
        if run_id is None:
            return course
        run = looked_at.get(run_id)
        return access_rules.decide_in_run(
            course,
            course_id=course_id,
            is_own=self._is_own(run),
            is_canceled=run is not None and run.status.value == "CANCELED",
            may_preview=policies.may_preview(self.caller, course_id),
        )

    @batch
    async def lecture_access(self, lectures: list[Lecture]) -> list[AccessDecision]:
        """Most lectures of a course share its decision: they are given one answer, which is then written once."""
        decisions = await self.lecture_decision.load_many(lectures)
        shared = {key: from_decision(decision) for key, decision in {id(each): each for each in decisions}.items() if not isinstance(decision, PrerequisiteUnmet)}
        return [shared.get(id(decision)) or from_decision(decision, _unmet(lecture)) for decision, lecture in zip(decisions, lectures, strict=True)]

    async def _runs_from(self, views: Collection[View]) -> dict[View, UUID | None]:
        """The run from which lectures are looked at: their own, else the viewer's latest of the course."""
        without = list({course_id for course_id, _, run in views if run is None})
        latest = dict(zip(without, await self.latest_run.load_many(without), strict=True)) if self.caller.account_id and without else {}
        return {view: view[2] or (run.uuid if (run := latest.get(view[0])) else None) for view in views}

    async def _seen_from(self, views: Collection[View]) -> dict[View, dict[UUID, Any]]:
        """What that run has seen; nothing without one."""
        run_of = await self._runs_from(views)
        ids = list({id for id in run_of.values() if id is not None})
        seen = dict(zip(ids, await self.progress.load_many(ids), strict=True)) if ids else {}
        return {view: seen[id] if id is not None else {} for view, id in run_of.items()}

    @batch
    async def lecture_progress(self, places: list[Place]) -> list[LectureProgress | None]:
        views = {place.view for place in places}
        run_of = await self._runs_from(views)
        if not any(run_of.values()):
            return [None] * len(places)
        seen = await self._seen_from(views)
        versions = {version_id for _, version_id, _ in views}
        plans = {id: {lecture.lecture_id: lecture for lecture in await progress.plan_of(caller=self.caller, version_id=id)} for id in versions}
        told = []
        for place in places:
            view, id = place.view, place.lecture_id
            told.append(_progress(seen[view].get(id), plans[place.version_id][id]) if run_of[view] else None)
        return told

    @batch
    async def requirements(self, keys: list[tuple[UUID, UUID]]) -> list[list[Requirement]]:
        seen = await self.progress.load_many([run for _, run in keys])
        courses = {row["id"]: row["course_id"] for row in await outline.versions_by_ids(caller=self.caller, ids=list({version for version, _ in keys}))}
        told = []
        for (version_id, run_id), known in zip(keys, seen, strict=True):
            plan = await progress.plan_of(caller=self.caller, version_id=version_id)
            told.append([_requirement(lecture, known.get(lecture.lecture_id), version_id, run_id, courses[version_id]) for lecture in rules.due(plan)])
        return told

    @batch
    async def content(self, lectures: list[Lecture]) -> list[Any]:
        """Null for what is closed: the decision is taken here, below every field that could ask."""
        decisions = await self.lecture_decision.load_many(lectures)
        open_ones = [lecture for lecture, decision in zip(lectures, decisions, strict=True) if isinstance(decision, Granted)]
        rows = {row["id"]: row for row in await outline.contents_by_ids(caller=self.caller, ids=[lecture.content_id for lecture in open_ones])} if open_ones else {}
        videos = await self._videos([row["video_id"] for row in rows.values() if row["video_id"]])
        views = {lecture.place.view for lecture in open_ones}
        own = {id for id, run in (await self._runs_looked_at(views)).items() if self._is_own(run)}
        # A quiz is sat in a run of one's own.
        run_of = {view: None if view[2] is not None and view[2] not in own else run for view, run in (await self._runs_from(views)).items()}
        shown = {lecture: self._content(rows[lecture.content_id], run_of[lecture.place.view], videos) for lecture in open_ones}
        return [shown.get(lecture) for lecture in lectures]

    @staticmethod
    def _content(row: Any, run_id: UUID | None, videos: dict[UUID, VideoContent]) -> Any:
        if row["video_id"]:
            return videos[row["video_id"]]
        if row["quiz_revision_id"]:
            return QuizContent(quiz_key=(row["quiz_revision_id"], run_id))
        return TextContent(markdown=row["markdown"], html=row["html"])

    async def _videos(self, ids: list[UUID]) -> dict[UUID, VideoContent]:
        if not ids:
            return {}
        videos = await media.videos_by_ids(caller=self.caller, ids=ids)
        wanted = [UUID(caption["fileId"]) for video in videos for caption in video.captions]
        files = {file.id: file for file in await media.files_by_ids(caller=self.caller, file_ids=wanted)} if wanted else {}
        return {
            video.id: VideoContent(
                duration_seconds=video.duration_ms / 1000,
                chapters=[VideoChapter(title=chapter["title"], start_seconds=chapter["startSeconds"]) for chapter in video.chapters],
                captions=[
                    VideoCaptions(
                        language=caption["language"],
                        label=caption["label"],
                        url=await self.adapters.objects.signed_url(files[UUID(caption["fileId"])].object_key, seconds=URL_SECONDS),
                    )
                    for caption in video.captions
                ],
                status=VideoStatus(video.status),
            )
            for video in videos
        }

    @batch
    async def resources(self, lectures: list[Lecture]) -> list[list[LectureResource] | None]:
        open_ones = await self._open_ones(lectures)
        made = await self._resources(list(open_ones), open_ones)
        return [made[lecture] if lecture in open_ones else None for lecture in lectures]

    async def _open_ones(self, lectures: list[Lecture]) -> set[Lecture]:
        return {lecture for lecture, decision in zip(lectures, await self.lecture_decision.load_many(lectures), strict=True) if isinstance(decision, Granted)}

    async def _resources(self, lectures: list[Lecture], open_ones: set[Lecture]) -> dict[Lecture, list[LectureResource]]:
        """What lies beside lectures, with addresses for those that are open."""
        places = list({lecture.version_and_lecture for lecture in lectures})
        rows = await outline.resources_of_lectures(caller=self.caller, places=places) if places else []
        files = {file.id: file for file in await media.files_by_ids(caller=self.caller, file_ids=[row["file_id"] for row in rows])} if rows else {}
        beside: dict[tuple[UUID, UUID], list[Any]] = {place: [] for place in places}
        for row in rows:
            beside[row["version_id"], row["lecture_id"]].append(row)
        made: dict[Lecture, list[LectureResource]] = {lecture: [] for lecture in lectures}
        for lecture in lectures:
            for row in beside[lecture.version_and_lecture]:
                file = files[row["file_id"]]
                url = await self.adapters.objects.signed_url(file.object_key, seconds=URL_SECONDS, file_name=row["title"]) if lecture in open_ones else None
                made[lecture].append(LectureResource.from_row(row, file, url, lecture))
        return made

    @batch
    async def resource(self, ids: list[UUID]) -> list[LectureResource | None]:
        """Downloads beside the lectures as the viewer sees them: those of other versions are not theirs. Of a closed lecture only its learner sees that there is one."""
        lecture_of = await outline.lectures_of_resources(caller=self.caller, ids=ids)
        lectures = [lecture for lecture in await self.lecture.load_many(list(set(lecture_of.values()))) if lecture]
        open_ones = await self._open_ones(lectures)
        shown = [lecture for lecture in lectures if lecture in open_ones or lecture.place.enrollment_id is not None]
        found = {resource.id: resource for resources in (await self._resources(shown, open_ones)).values() for resource in resources}
        return [found.get(public_id("res", id)) for id in ids]

    @batch
    async def lecture(self, ids: list[UUID]) -> list[Lecture | None]:
        """By lasting identity: from the viewer's run's version, else from the one that visitors see."""
        places = {row["lecture_id"]: row for row in await outline.published_places(caller=self.caller, lecture_ids=ids)}
        courses = list({row["course_id"] for row in places.values()})
        taken = dict(zip(courses, await self.latest_run.load_many(courses), strict=True)) if self.caller.account_id else {}
        keys = {}
        for id, row in places.items():
            run = taken.get(row["course_id"])
            if run is not None:
                keys[id] = (run.version_id, id, run.uuid)
            elif row["version_id"] is not None:
                keys[id] = (row["version_id"], id, None)
        found = dict(zip(keys, await self.context.loaders.catalog.lecture_in_version.load_many(list(keys.values())), strict=True))
        lost = [id for id, key in keys.items() if found[id] is None and key[2] is not None and places[id]["version_id"]]  # newer than the run's version
        newer = await self.context.loaders.catalog.lecture_in_version.load_many([(places[id]["version_id"], id, None) for id in lost])
        found.update(zip(lost, newer, strict=True))
        return [found.get(id) for id in ids]


def _progress(row: Any, lecture: rules.PlannedLecture) -> LectureProgress:
    if row is None:
        return LectureProgress(completed=False, coverage_percent=0, last_position_seconds=0, watch_time_seconds=0, completed_at=None)
    seen = rules.Seen(row["covered_ms"], row["last_position_ms"], row["completed_at"])
    return LectureProgress(
        completed=seen.completed_at is not None,
        coverage_percent=rules.coverage_percent(seen, lecture),
        last_position_seconds=seen.last_position_ms / 1000,
        watch_time_seconds=row["watch_time_ms"] / 1000,
        completed_at=seen.completed_at,
    )


_KINDS = {"OPENED": RequirementKind.LECTURE_OPENED, "WATCHED": RequirementKind.VIDEO_WATCHED, "PASSED": RequirementKind.QUIZ_PASSED}


def _requirement(lecture: rules.PlannedLecture, row: Any, version_id: UUID, run_id: UUID, course_id: UUID) -> Requirement:
    seen = rules.Seen(row["covered_ms"], row["last_position_ms"], row["completed_at"]) if row else rules.Seen()
    watched = lecture.completion_kind == "WATCHED"
    return Requirement(
        kind=_KINDS[lecture.completion_kind],
        met=seen.completed_at is not None,
        value=rules.coverage_percent(seen, lecture) if watched else int(seen.completed_at is not None),
        target=lecture.completion_target or 1,
        lecture_key=(version_id, lecture.lecture_id, run_id),
        course_id=course_id,
    )


def _unmet(lecture: Lecture) -> Any:
    def requirement(id: UUID) -> Requirement:
        place = lecture.place
        return Requirement(kind=RequirementKind.LECTURE_COMPLETED, met=False, value=0, target=1, lecture_key=(place.version_id, id, place.enrollment_id), course_id=place.course_id)

    return requirement
