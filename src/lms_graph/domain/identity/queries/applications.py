"""Those who apply to teach."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

APPLICATION = "p.id, p.account_id, p.motivation, p.links, p.slug, p.headline, p.bio_markdown, p.status, p.reason, p.decided_by, p.applied_at, p.decided_at"


@dataclass(frozen=True, kw_only=True)
class Applications:
    """The tenant's applications: the page and the count are both asked of it."""

    caller: Caller
    statuses: Sequence[str] | None = None

    async def page(self, cursors: Cursors, request: PageRequest) -> Page[Any]:
        """Newest first. Raises SignedOut, NotAllowed, Invalid for a cursor of another list."""
        conditions, parameters = self._matching()
        terms = [Term("APPLIED_AT", "p.applied_at", "timestamptz", descending=True), Term("ID", "p.id", "uuid", descending=True)]
        keys = keyset(cursors, request, terms, of=("applications", self.caller.tenant_id), offset=len(parameters))
        rows = await database.fetch(
            f'SELECT {APPLICATION}, p.applied_at AS "_APPLIED_AT", p.id AS "_ID" FROM instructor_applications p '
            f"WHERE {conditions} AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}",
            *parameters,
            *keys.parameters,
        )
        return keys.page(rows)

    async def count(self) -> int:
        conditions, parameters = self._matching()
        return int(await database.fetch_value(f"SELECT count(*) FROM instructor_applications p WHERE {conditions}", *parameters))

    def _matching(self) -> tuple[str, list[Any]]:
        self.caller.require(Permission.APPLICATIONS_DECIDE)
        if self.statuses is None:
            return "p.tenant_id = $1", [self.caller.tenant_id]
        return "p.tenant_id = $1 AND p.status = ANY($2::text[])", [self.caller.tenant_id, self.statuses]


async def applications_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """One's own, and all for those who decide."""
    return await database.fetch(
        f"SELECT {APPLICATION} FROM instructor_applications p WHERE p.tenant_id = $1 AND p.id = ANY($2) AND ($3::boolean OR p.account_id = $4)",
        caller.tenant_id,
        ids,
        caller.may(Permission.APPLICATIONS_DECIDE),
        caller.account_id,
    )


async def latest_of_accounts(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """Of these accounts the caller's own: the last application."""
    return await database.fetch(
        f"SELECT {APPLICATION} FROM instructor_applications p WHERE p.tenant_id = $1 AND p.account_id = ANY($2) AND p.account_id = $3 ORDER BY p.applied_at DESC, p.id DESC LIMIT 1",
        caller.tenant_id,
        account_ids,
        caller.account_id,
    )


async def application_for_update(*, caller: Caller, application_id: UUID) -> database.Record | None:
    """Locked: of two who decide it at once, the second finds it decided."""
    return await database.fetch_one(f"SELECT {APPLICATION} FROM instructor_applications p WHERE p.tenant_id = $1 AND p.id = $2 FOR UPDATE", caller.tenant_id, application_id)
