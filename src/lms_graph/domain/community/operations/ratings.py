"""The numbers of a course's reviews: counted with the review itself, and told to the catalog afterwards, which sorts by them."""

from uuid import UUID

from lms_graph.domain.catalog.operations import courses
from lms_graph.domain.community import events
from lms_graph.domain.community.queries import reviews as queries
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def count(work: UnitOfWork, *, caller: Caller, course_id: UUID, plus: int | None = None, minus: int | None = None) -> None:
    """One review more of a rating, one less of another, in the unit of work that changes the review, whose row is locked before. Records CourseRatingChanged."""
    if plus == minus:
        return
    await database.fetch(
        "INSERT INTO course_ratings (tenant_id, id, course_id, ones, twos, threes, fours, fives) VALUES ($1, $2, $3, 0, 0, 0, 0, 0) ON CONFLICT (tenant_id, course_id) DO NOTHING",
        caller.tenant_id,
        new_id(),
        course_id,
    )
    changes = [f"{column} = {column} {sign} 1" for rating, sign in ((plus, "+"), (minus, "-")) if rating is not None and (column := queries.COLUMN_OF[rating])]
    await database.fetch(f"UPDATE course_ratings SET {', '.join(changes)} WHERE tenant_id = $1 AND course_id = $2", caller.tenant_id, course_id)
    work.record(events.CourseRatingChanged(course_id=course_id))


async def share_rating(*, caller: Caller, course_id: UUID, closes: Delivery | None) -> None:
    """Let the catalog have a course's numbers as they are now. Those who come at once take turns, so the last one's copy is the latest."""
    async with unit_of_work(caller, closes=closes):
        rating = await queries.lock_rating(caller=caller, course_id=course_id)
        await courses.keep_rating(caller=caller, course_id=course_id, hundredths=rating.hundredths, count=rating.count)
