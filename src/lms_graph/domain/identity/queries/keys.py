"""API keys, as those see them who manage them. Never their hashes."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

_KEY = "SELECT k.id, k.name, k.kind, k.scopes, k.last_four, k.account_id, k.created_at, k.expires_at, k.last_used_at, k.revoked_at"
_BY_AGE = [Term("created_at", "k.created_at", "timestamptz", descending=True), Term("id", "k.id", "uuid", descending=True)]


async def keys_by_ids(*, caller: Caller, key_ids: list[UUID]) -> list[database.Record]:
    """Of these keys those of the tenant, for who manages them; none for others."""
    if not caller.may(Permission.API_KEYS_MANAGE):
        return []
    return await database.fetch(f"{_KEY} FROM api_keys k WHERE k.tenant_id = $1 AND k.id = ANY($2)", caller.tenant_id, key_ids)


async def page_of_keys(*, caller: Caller, cursors: Cursors, request: PageRequest) -> Page[database.Record]:
    """The tenant's keys, newest first, the ended ones too. Raises SignedOut, NotAllowed."""
    caller.require(Permission.API_KEYS_MANAGE)
    page = keyset(cursors, request, _BY_AGE, of=("api_keys", caller.tenant_id), offset=1)
    rows = await database.fetch(
        f"{_KEY}, k.created_at AS _created_at, k.id AS _id FROM api_keys k WHERE k.tenant_id = $1 AND {page.where} ORDER BY {page.order_by} LIMIT {page.limit}",
        caller.tenant_id,
        *page.parameters,
    )
    return page.page(rows)


async def count_keys(*, caller: Caller) -> int:
    return int(await database.fetch_value("SELECT count(*) FROM api_keys WHERE tenant_id = $1", caller.tenant_id))


async def count_living_keys(*, caller: Caller, kind: str) -> int:
    """How many of a kind are neither revoked nor over."""
    sql = "SELECT count(*) FROM api_keys WHERE tenant_id = $1 AND kind = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)"
    return int(await database.fetch_value(sql, caller.tenant_id, kind, caller.now))
