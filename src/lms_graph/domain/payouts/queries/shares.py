"""How sold lines were split."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.payouts.rules import splits
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models.payouts import Party

_SHARE = "SELECT s.id, s.line_id, s.order_id, s.party, s.payee_id, s.course_id, s.rate_bps, s.currency, s.amount, s.reversed_amount, s.available_at, p.account_id"
_FROM = "FROM line_shares s LEFT JOIN payees p ON p.tenant_id = s.tenant_id AND p.id = s.payee_id"


@dataclass(frozen=True, kw_only=True)
class PartyAmount:
    """What one party gives of what goes back. `account_id` is a person's."""

    kind: Party
    account_id: UUID | None
    name: str
    amount: int


async def lock_shares(*, caller: Caller, line_ids: list[UUID]) -> list[database.Record]:
    """The shares of lines in their order, locked until the unit of work ends."""
    return await database.fetch(f"{_SHARE} {_FROM} WHERE s.tenant_id = $1 AND s.line_id = ANY($2) ORDER BY s.line_id, s.position FOR UPDATE OF s", caller.tenant_id, line_ids)


async def available_at(*, caller: Caller, order_id: UUID) -> datetime | None:
    """From when on the shares of an order may be paid out; None where none were made."""
    found: datetime | None = await database.fetch_value("SELECT max(available_at) FROM line_shares WHERE tenant_id = $1 AND order_id = $2", caller.tenant_id, order_id)
    return found


async def shares_of_lines(*, caller: Caller, line_ids: list[UUID]) -> list[database.Record]:
    return await database.fetch(f"{_SHARE} {_FROM} WHERE s.tenant_id = $1 AND s.line_id = ANY($2) ORDER BY s.line_id, s.position", caller.tenant_id, line_ids)


async def parties_of_refund(caller: Caller, order_id: UUID, lines: Sequence[tuple[UUID, int, int]]) -> list[PartyAmount]:
    """Who would give how much, were these parts of an order's lines (without tax, and tax) to go back now; each party once. Raises ValueError for more than remains."""
    frozen = await shares_of_lines(caller=caller, line_ids=[id for id, _, _ in lines])
    sums: dict[tuple[Party, UUID | None], int] = {}
    for line_id, net, tax in lines:
        for is_tax, amount in ((False, net), (True, tax)):
            own = [share for share in frozen if share["line_id"] == line_id and (share["party"] == Party.TAX) == is_tax]
            for share, part in zip(own, splits.take_back(amount, [share["amount"] for share in own], [share["reversed_amount"] for share in own]), strict=True):
                key = (Party(share["party"]), share["account_id"])
                sums[key] = sums.get(key, 0) + part
    names = await accounts.names_of_accounts(caller=caller, account_ids=[id for _, id in sums if id])
    school = (await tenants.sender(caller=caller)).name
    return [
        PartyAmount(
            kind=kind,
            account_id=account_id,
            name=names.get(account_id, "") if account_id else school if kind is Party.SCHOOL else kind.replace("_", " ").capitalize(),
            amount=amount,
        )
        for (kind, account_id), amount in sums.items()
        if amount
    ]


async def sums_of_orders(caller: Caller, order_ids: list[UUID]) -> dict[UUID, tuple[int, int]]:
    """Of each order what the platform kept and what went to instructors, less what went back since."""
    rows = await database.fetch(
        "SELECT order_id, coalesce(sum(amount - reversed_amount) FILTER (WHERE party = 'PLATFORM'), 0)::bigint AS platform, "
        "coalesce(sum(amount - reversed_amount) FILTER (WHERE party = 'INSTRUCTOR'), 0)::bigint AS instructors "
        "FROM line_shares WHERE tenant_id = $1 AND order_id = ANY($2) GROUP BY order_id",
        caller.tenant_id,
        order_ids,
    )
    return {row["order_id"]: (row["platform"], row["instructors"]) for row in rows}
