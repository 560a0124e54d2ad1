"""Accounts as administrators see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.domain.identity.rules.members import MAX_SEARCH, SHORTEST_ADDRESS
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.kit.text import email_key
from lms_graph.models import database

# $2 is whether the caller may see addresses: else they do not leave the database.
MEMBER = (
    "a.id, a.name, CASE WHEN $2::boolean THEN a.email END AS email, a.email_verified_at, a.status, a.suspended_at, a.suspension_reason, a.created_at, "
    "ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id ORDER BY r.role) AS roles, "
    "(SELECT max(s.last_seen_at) FROM sessions s WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id) AS last_seen_at, "
    "(SELECT max(c.expires_at) FROM challenges c WHERE c.tenant_id = a.tenant_id AND c.account_id = a.id AND c.kind = 'INVITATION' AND c.used_at IS NULL) AS invitation_expires_at"
)
_TERMS = {"CREATED_AT": ("a.created_at", "timestamptz"), "NAME": ("lower(a.name)", "text")}


@dataclass(frozen=True)
class Sort:
    field: str
    descending: bool


@dataclass(frozen=True, kw_only=True)
class Members:
    """One way of looking at the tenant's accounts, but for erased ones: the page and the count are both asked of it."""

    caller: Caller
    search: str | None
    roles: Sequence[str] | None = None
    statuses: Sequence[str] | None = None

    async def page(self, cursors: Cursors, request: PageRequest, order: Sequence[Sort]) -> Page[Any]:
        """Newest first unless ordered otherwise. Raises SignedOut, NotAllowed; Invalid for a search over 200 characters, a field named twice, or a cursor of another order."""
        source, conditions, parameters = self._matching()
        chosen = list(order) or [Sort("CREATED_AT", descending=True)]
        if len({sort.field for sort in chosen}) < len(chosen):
            raise Invalid(Issue("`orderBy` names a field twice.", ("orderBy",)))
        terms = [*(Term(sort.field, *_TERMS[sort.field], descending=sort.descending) for sort in chosen), Term("ID", "a.id", "uuid", descending=chosen[-1].descending)]
        keys = keyset(cursors, request, terms, of=("members", self.caller.tenant_id), offset=len(parameters))
        listed = ", ".join(f'{term.expression} AS "_{term.name}"' for term in terms)
        rows = await database.fetch(
            f"SELECT {MEMBER}, {listed} FROM {source} WHERE {conditions} AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}", *parameters, *keys.parameters
        )
        return keys.page(rows)

    async def count(self) -> int:
        source, conditions, parameters = self._matching()
        return int(await database.fetch_value(f"SELECT count(*) FROM {source} WHERE {conditions} AND $2::boolean IS NOT NULL", *parameters))

    def _matching(self) -> tuple[str, str, list[Any]]:
        """FROM, WHERE and their parameters. Whoever may not see addresses does not find by them: else each could be guessed letter by letter."""
        self.caller.require(Permission.MEMBERS_READ)
        if self.search is not None and len(self.search) > MAX_SEARCH:
            raise Invalid(Issue(f"`search` has at most {MAX_SEARCH} characters.", ("search",)))
        sees_addresses = self.caller.may(Permission.PERSONAL_READ)
        parameters: list[Any] = [self.caller.tenant_id, sees_addresses]
        source, conditions = "accounts a", ["a.tenant_id = $1", "a.status <> 'ERASED'"]
        if self.search:
            address = email_key(self.search)
            parameters += [self.search, address if sees_addresses and len(address) >= SHORTEST_ADDRESS else None]
            source = "search_members($3, $4) f JOIN accounts a ON a.id = f.account_id"
        if self.roles is not None:
            parameters.append(self.roles)
            conditions.append(f"a.id IN (SELECT r.account_id FROM account_roles r WHERE r.tenant_id = $1 AND r.role = ANY(${len(parameters)}::text[]))")
        if self.statuses is not None:
            parameters.append(self.statuses)
            conditions.append(f"a.status = ANY(${len(parameters)}::text[])")
        return source, " AND ".join(conditions), parameters


async def members_by_ids(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """None of them for those who may not see members."""
    if not caller.may(Permission.MEMBERS_READ, Permission.MEMBERS_MANAGE):
        return []
    return await database.fetch(
        f"SELECT {MEMBER} FROM accounts a WHERE a.tenant_id = $1 AND a.id = ANY($3) AND a.status <> 'ERASED'", caller.tenant_id, caller.may(Permission.PERSONAL_READ), account_ids
    )


async def member_for_update(*, caller: Caller, account_id: UUID) -> database.Record | None:
    """An account that is not erased, locked: changes of one account's rights come one after another."""
    return await database.fetch_one(
        "SELECT id, name, email, email_key, email_verified_at, status FROM accounts WHERE tenant_id = $1 AND id = $2 AND status <> 'ERASED' FOR NO KEY UPDATE",
        caller.tenant_id,
        account_id,
    )


async def roles_of(*, caller: Caller, account_id: UUID) -> frozenset[str]:
    rows = await database.fetch("SELECT role FROM account_roles WHERE tenant_id = $1 AND account_id = $2", caller.tenant_id, account_id)
    return frozenset(row["role"] for row in rows)


async def active_holders_for_update(*, caller: Caller, role: str) -> set[UUID]:
    """Who holds a role and is active, locked in one order: of two who take it from each other at once, the second finds itself alone."""
    rows = await database.fetch(
        "SELECT r.account_id FROM account_roles r JOIN accounts a ON a.tenant_id = r.tenant_id AND a.id = r.account_id "
        "WHERE r.tenant_id = $1 AND r.role = $2 AND a.status = 'ACTIVE' ORDER BY r.account_id FOR NO KEY UPDATE OF r, a",
        caller.tenant_id,
        role,
    )
    return {row["account_id"] for row in rows}


async def has_open_invitation(*, caller: Caller, account_id: UUID) -> bool:
    """Whether the account was invited and has not accepted yet, in time or no more."""
    return bool(
        await database.fetch_value("SELECT true FROM challenges WHERE tenant_id = $1 AND account_id = $2 AND kind = 'INVITATION' AND used_at IS NULL", caller.tenant_id, account_id)
    )
