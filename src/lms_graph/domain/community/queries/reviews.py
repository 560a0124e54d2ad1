"""Reviews as visitors, their authors and those who moderate see them, and the numbers of a course."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog.queries import browse, teams
from lms_graph.domain.community.rules.reviews import RATINGS, Rating
from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

_COLUMNS = (
    "r.id, r.course_id, r.account_id, r.enrollment_id, r.rating, r.body, r.created_at, r.edited_at, r.hidden_at, r.hidden_reason, "
    "r.reply_body, r.reply_account_id, r.reply_created_at, r.reply_edited_at"
)
_TERMS = [Term("CREATED_AT", "r.created_at", "timestamptz", descending=True), Term("ID", "r.id", "uuid", descending=True)]
_PLACE = 'r.created_at AS "_CREATED_AT", r.id AS "_ID"'
# One's own, all for those who moderate ($3), and what is shown of courses that are in the catalog or that one makes; $2 is the caller.
_SEEN = f"(r.account_id = $2 OR $3::boolean OR (r.hidden_at IS NULL AND ({browse.is_published('r.course_id')} OR {teams.in_team('r.course_id', '$2')})))"


async def reviews_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Those of these that the caller may see."""
    return await database.fetch(
        f"SELECT {_COLUMNS} FROM reviews r WHERE r.tenant_id = $1 AND r.id = ANY($4) AND {_SEEN}", caller.tenant_id, caller.account_id, caller.may(Permission.REVIEWS_MODERATE), ids
    )


async def lock_review(*, caller: Caller, review_id: UUID) -> database.Record | None:
    """A review that the caller may see, locked until the unit of work ends."""
    return await database.fetch_one(
        f"SELECT {_COLUMNS} FROM reviews r WHERE r.tenant_id = $1 AND r.id = $4 AND {_SEEN} FOR UPDATE",
        caller.tenant_id,
        caller.account_id,
        caller.may(Permission.REVIEWS_MODERATE),
        review_id,
    )


async def lock_own(*, caller: Caller, course_id: UUID) -> database.Record | None:
    """The caller's own review of a course, locked until the unit of work ends."""
    return await database.fetch_one(
        f"SELECT {_COLUMNS} FROM reviews r WHERE r.tenant_id = $1 AND r.account_id = $2 AND r.course_id = $3 FOR UPDATE", caller.tenant_id, caller.account, course_id
    )


async def own_reviews(*, caller: Caller, course_ids: list[UUID]) -> list[database.Record]:
    """The caller's own of these courses, hidden or not."""
    if caller.account_id is None:
        return []
    return await database.fetch(
        f"SELECT {_COLUMNS} FROM reviews r WHERE r.tenant_id = $1 AND r.account_id = $2 AND r.course_id = ANY($3)", caller.tenant_id, caller.account_id, course_ids
    )


async def reviews_of_courses(*, caller: Caller, course_ids: list[UUID], ratings: Sequence[int] | None, cursors: Cursors, request: PageRequest) -> dict[UUID, Page[Any]]:
    """Each course's shown reviews, latest first: one statement however many courses."""
    keys = keyset(cursors, request, _TERMS, of=("reviews of a course", caller.tenant_id), offset=3)
    rows = await database.fetch(
        f"""
        SELECT page.* FROM unnest($2::uuid[]) AS asked(course_id) CROSS JOIN LATERAL (
            SELECT {_COLUMNS}, {_PLACE} FROM reviews r
            WHERE r.tenant_id = $1 AND r.course_id = asked.course_id AND r.hidden_at IS NULL AND ($3::int[] IS NULL OR r.rating = ANY($3)) AND {keys.where}
            ORDER BY {keys.order_by} LIMIT {keys.limit}
        ) AS page
        """,
        caller.tenant_id,
        course_ids,
        ratings,
        *keys.parameters,
    )
    return {id: keys.page([row for row in rows if row["course_id"] == id]) for id in course_ids}


async def page_for_moderators(*, caller: Caller, course_id: UUID | None, is_hidden: bool | None, cursors: Cursors, request: PageRequest) -> Page[Any]:
    """All of the tenant, latest first. Raises SignedOut, NotAllowed."""
    caller.require(Permission.REVIEWS_MODERATE)
    conditions, parameters = _chosen(course_id, is_hidden)
    keys = keyset(cursors, request, _TERMS, of=("reviews", caller.tenant_id), offset=1 + len(parameters))
    rows = await database.fetch(
        f"SELECT {_COLUMNS}, {_PLACE} FROM reviews r WHERE r.tenant_id = $1 AND {conditions} AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        *parameters,
        *keys.parameters,
    )
    return keys.page(rows)


async def count_for_moderators(*, caller: Caller, course_id: UUID | None, is_hidden: bool | None) -> int:
    """Raises SignedOut, NotAllowed."""
    caller.require(Permission.REVIEWS_MODERATE)
    conditions, parameters = _chosen(course_id, is_hidden)
    return int(await database.fetch_value(f"SELECT count(*) FROM reviews r WHERE r.tenant_id = $1 AND {conditions}", caller.tenant_id, *parameters))


def _chosen(course_id: UUID | None, is_hidden: bool | None) -> tuple[str, list[Any]]:
    conditions = ["TRUE"] if is_hidden is None else [f"r.hidden_at IS {'NOT ' if is_hidden else ''}NULL"]
    return " AND ".join(conditions + (["r.course_id = $2"] if course_id else [])), [course_id] if course_id else []


async def ratings_of_courses(*, caller: Caller, course_ids: list[UUID]) -> dict[UUID, Rating]:
    """The numbers of each course that has any, as they stand at this moment."""
    rows: list[Any] = await database.fetch(
        "SELECT course_id, ones, twos, threes, fours, fives FROM course_ratings WHERE tenant_id = $1 AND course_id = ANY($2)", caller.tenant_id, course_ids
    )
    return {row["course_id"]: _rating(row) for row in rows}


async def lock_rating(*, caller: Caller, course_id: UUID) -> Rating:
    """The numbers of a course, which stay so until the unit of work ends."""
    row = await database.fetch_one("SELECT ones, twos, threes, fours, fives FROM course_ratings WHERE tenant_id = $1 AND course_id = $2 FOR UPDATE", caller.tenant_id, course_id)
    return _rating(row) if row else Rating()


COLUMN_OF = dict(zip(RATINGS, ("ones", "twos", "threes", "fours", "fives"), strict=True))


def _rating(row: database.Record) -> Rating:
    return Rating((row["ones"], row["twos"], row["threes"], row["fours"], row["fives"]))
