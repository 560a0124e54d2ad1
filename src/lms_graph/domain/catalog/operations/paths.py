"""Learning paths: courses in an order. What somebody has bought of a path stays theirs when it changes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog import errors, events, policies, rules
from lms_graph.domain.catalog.queries import browse
from lms_graph.domain.catalog.queries import paths as queries
from lms_graph.domain.catalog.rules import PathStep
from lms_graph.kit import text
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.models import catalog as rows
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import unit_of_work


async def save_path(*, caller: Caller, path_id: UUID | None, slug: str, title: str, description: str, steps: Sequence[PathStep], is_published: bool) -> UUID:
    """Make a path, or with its id change it, in whole; gives its id. The same again changes nothing.

    Raises SignedOut, NotAllowed for others than those who manage all courses, Invalid with every issue (a slug that another path has among them), PathNotFound. Records LearningPathSaved.
    """
    policies.require_may_manage_catalog(caller)
    if issues := rules.path_issues(slug=slug, title=title, description=description, course_ids=[step.course_id for step in steps], is_published=is_published):
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        known = {row["id"] for row in await browse.courses_by_ids(caller=caller, ids=[step.course_id for step in steps])}
        if missing := [Issue("There is no such course here.", ("courses", str(place), "courseId"), "NOT_FOUND") for place, step in enumerate(steps) if step.course_id not in known]:
            raise Invalid(*missing)
        present = await queries.lock_path(caller=caller, path_id=path_id) if path_id else None
        if path_id and present is None:
            raise errors.PathNotFound()
        before = [
            PathStep(course_id=row["course_id"], is_required=row["is_required"]) for row in (await queries.steps_of_paths(caller=caller, path_ids=[path_id]) if path_id else ())
        ]
        was = (present["slug"], present["title"], present["description_markdown"], present["published_at"] is not None) if present else None
        if path_id and was == (slug, title, description, is_published) and before == list(steps):
            return path_id
        values: dict[str, Any] = {
            "slug": slug,
            "title": title,
            "description_markdown": description,
            "description_html": text.render_markdown(description).html,
            "published_at": (present and present["published_at"]) or caller.now if is_published else None,
            "updated_at": caller.now,
        }
        with database.unique(otherwise=lambda: Invalid(Issue("Another path has this slug.", ("slug",)))):
            if path_id:
                await rows.LearningPath.for_caller(caller, id=path_id).update(**values)
                id = path_id
            else:
                id = (await rows.LearningPath.create(tenant_id=caller.tenant_id, created_at=caller.now, **values)).id
        await _write_steps(caller, id, steps)
        work.record(events.LearningPathSaved(path_id=id, is_published=is_published))
    return id


async def _write_steps(caller: Caller, path_id: UUID, steps: Sequence[PathStep]) -> None:
    await rows.PathCourse.for_caller(caller, path_id=path_id).delete()
    for place, step in enumerate(steps, start=1):
        await rows.PathCourse.create(tenant_id=caller.tenant_id, path_id=path_id, course_id=step.course_id, position=place, is_required=step.is_required)
