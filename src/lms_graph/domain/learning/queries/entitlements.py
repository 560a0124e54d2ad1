"""Grants, as their learners and those who make them see them."""

from typing import Any
from uuid import UUID

from lms_graph.domain.learning.rules.grants import GrantFilter
from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

COLUMNS = (
    "g.id, g.account_id, g.subject_kind, g.subject_id, g.kind, g.source_reference, g.state, g.starts_at, g.ends_at, g.grace_until, g.revoked_at, g.revoked_reason, "
    "g.granted_by_account_id, g.note, g.created_at"
)
_TO_SEE = (Permission.ENTITLEMENTS_READ, Permission.ENTITLEMENTS_MANAGE)
_TERMS = (Term("created_at", "g.created_at", "timestamptz", descending=True), Term("id", "g.id", "uuid", descending=True))


def sees_all(caller: Caller) -> bool:
    """Whether the caller sees others' grants, and what the school says of them to itself. Who may change grants must find them."""
    return caller.may(*_TO_SEE)


def _require(caller: Caller, account_id: UUID | None) -> None:
    if account_id is None or account_id != caller.account_id:
        caller.require(*_TO_SEE)


def live(now: str) -> str:
    """The condition that a grant `g` is live at the moment of a parameter: `rules.access.is_live` in SQL."""
    return (
        f"(g.starts_at <= {now} AND (g.ends_at IS NULL OR g.ends_at > {now}) AND (g.revoked_at IS NULL OR g.revoked_at > {now}) "
        f"AND (g.state = 'ACTIVE' OR (g.state = 'PAST_DUE' AND g.grace_until IS NOT NULL AND g.grace_until > {now})))"
    )


def _conditions(caller: Caller, where: GrantFilter) -> tuple[str, list[Any]]:
    """Conditions after the tenant, which is $1, and their parameters from $2 on."""
    parameters: list[Any] = []

    def given(value: Any) -> str:
        parameters.append(value)
        return f"${len(parameters) + 1}"

    clauses = ["TRUE"]
    if where.account_id is not None:
        clauses.append(f"g.account_id = {given(where.account_id)}")
    if where.course_id is not None:
        clauses.append(f"g.subject_id = {given(where.course_id)}")
    if where.all_access is not None:
        clauses.append(f"g.subject_id IS {'' if where.all_access else 'NOT '}NULL")
    if where.kinds is not None and len(where.kinds) == 1:
        clauses.append(f"g.kind = {given(where.kinds[0])}")  # an index has them in order
    elif where.kinds is not None:
        clauses.append(f"g.kind = ANY({given(list(where.kinds))}::text[])")
    if where.live is not None:
        clauses.append(f"{'' if where.live else 'NOT '}{live(given(caller.now) + '::timestamptz')}")
    return " AND ".join(clauses), parameters


async def grants_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """The caller's own among these; of anybody for those who may see grants."""
    return await database.fetch(
        f"SELECT {COLUMNS} FROM entitlements g WHERE g.tenant_id = $1 AND g.id = ANY($2) AND ($3 OR g.account_id = $4)",
        caller.tenant_id,
        ids,
        sees_all(caller),
        caller.account_id,
    )


async def page_of_grants(*, caller: Caller, cursors: Cursors, request: PageRequest, where: GrantFilter) -> Page[Any]:
    """Grants, the latest first: one's own, or for who may see them anybody's. Raises SignedOut, NotAllowed."""
    _require(caller, where.account_id)
    condition, parameters = _conditions(caller, where)
    keys = keyset(cursors, request, _TERMS, of=("grants", caller.tenant_id, where.account_id), offset=1 + len(parameters))
    rows = await database.fetch(
        f"SELECT {COLUMNS}, g.created_at AS _created_at, g.id AS _id FROM entitlements g WHERE g.tenant_id = $1 AND {condition} AND {keys.where} "
        f"ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        *parameters,
        *keys.parameters,
    )
    return keys.page(rows)


async def count_grants(*, caller: Caller, where: GrantFilter) -> int:
    """Raises SignedOut, NotAllowed."""
    _require(caller, where.account_id)
    condition, parameters = _conditions(caller, where)
    return int(await database.fetch_value(f"SELECT count(*) FROM entitlements g WHERE g.tenant_id = $1 AND {condition}", caller.tenant_id, *parameters))


async def unused_grants(*, caller: Caller, course_ids: list[UUID]) -> list[database.Record]:
    """The caller's grant of each course that `courseEnroll` would use: live, and of no run."""
    return await database.fetch(
        f"SELECT DISTINCT ON (g.subject_id) {COLUMNS} FROM entitlements g WHERE g.tenant_id = $1 AND g.account_id = $2 AND g.subject_id = ANY($3) AND {live('$4')} "
        "AND NOT EXISTS (SELECT FROM enrollments e WHERE e.tenant_id = g.tenant_id AND e.entitlement_id = g.id) ORDER BY g.subject_id, g.created_at, g.id",
        caller.tenant_id,
        caller.account_id,
        course_ids,
        caller.now,
    )


async def grants_that_open(*, caller: Caller, account_id: UUID, course_ids: list[UUID]) -> list[database.Record]:
    """An account's live grants of these courses, and of all of them (`subject_id` null): for areas above, that ask for somebody."""
    return await database.fetch(
        f"SELECT g.subject_id, g.kind, g.source_id, g.ends_at FROM entitlements g WHERE g.tenant_id = $1 AND g.account_id = $2 AND (g.subject_id = ANY($3) OR g.subject_id IS NULL) "
        f"AND {live('$4')}",
        caller.tenant_id,
        account_id,
        course_ids,
        caller.now,
    )


async def grants_of_sources(*, caller: Caller, source_ids: list[UUID]) -> list[database.Record]:
    """What purchases have granted, by the purchase, the first first: the caller's own; of anybody for those who may see grants."""
    return await database.fetch(
        f"SELECT {COLUMNS}, g.source_id FROM entitlements g WHERE g.tenant_id = $1 AND g.source_id = ANY($2) AND ($3 OR g.account_id = $4) ORDER BY g.source_id, g.created_at, g.id",
        caller.tenant_id,
        source_ids,
        sees_all(caller),
        caller.account_id,
    )
