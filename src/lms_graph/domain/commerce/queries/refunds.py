"""Refunds: what one would be, and those there are."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce.rules import disputes as dispute_rules
from lms_graph.domain.commerce.rules import refunds as rules
from lms_graph.domain.learning.queries import consumption
from lms_graph.domain.payouts.queries import shares
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit import money
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models.commerce import OfferSubject, OrderStatus, RefundStatus

COLUMNS = (
    "r.id, r.order_id, r.payment_id, r.status, r.currency, r.amount, r.reason, r.access_change, r.allocation, r.requested_by_account_id, r.decided_by_account_id, r.decision_note, "
    "r.failure_message, r.created_at, r.decided_at, r.settled_at, o.account_id"
)
_ORDER = (
    "o.id, o.number, o.kind, o.status, o.account_id, o.email, o.name, o.country, o.postal_code, o.currency, o.tax_amount, o.total_amount, o.refunded_amount, o.refund_requested_amount, "
    "o.subscription_id, o.placed_at, o.paid_at, EXISTS (SELECT FROM payments p WHERE p.tenant_id = o.tenant_id AND p.order_id = o.id AND p.status = 'SUCCEEDED') AS is_paid_here"
)
_PAID = (OrderStatus.PAID, OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED)
_TERMS = (Term("created_at", "r.created_at", "timestamptz", descending=True), Term("id", "r.id", "uuid", descending=True))
TO_SEE = (Permission.ORDERS_READ, Permission.REFUNDS_DECIDE)


@dataclass(frozen=True, kw_only=True)
class Sale:
    """An order as a refund sees it: what each line has left, and what stands in the way. Under the order's lock it stays so until the unit of work ends."""

    order: Any
    rows: Sequence[Any]
    lines: Sequence[rules.Line]
    is_disputed: bool
    is_waiting: bool

    @property
    def is_paid(self) -> bool:
        """Through the provider, which can give it back, or with nothing at all. What came in elsewhere goes back as it came."""
        return self.order["status"] in _PAID and (self.order["is_paid_here"] or self.order["total_amount"] == 0)

    def among(self, line_ids: Collection[UUID] | None) -> list[rules.Line]:
        """These lines, in the order's order; all of them where none is named."""
        return [line for line in self.lines if line_ids is None or line.id in line_ids]

    @property
    def sources(self) -> list[UUID]:
        """What the grants of this sale carry as their source."""
        return [line.id for line in self.lines] + ([self.order["subscription_id"]] if self.order["subscription_id"] else [])


@dataclass(frozen=True, kw_only=True)
class RefundParty:
    """Somebody whose money a refund moves, and how much of it. The first is the buyer, who gets it."""

    name: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class RefundPreview:
    policy: rules.Policy
    obstacle: rules.Obstacle | None
    consumed_percent: int
    currency: str
    refundable: int
    amount: int
    parties: Sequence[RefundParty]
    closed_course_ids: Sequence[UUID]
    closes: bool
    asks_often: bool | None


@dataclass(frozen=True, kw_only=True)
class RefundRecord:
    """How often somebody had money back, of the orders they paid within `rules.SERIAL_WINDOW`."""

    orders: int
    refunded: int

    @property
    def is_serial(self) -> bool:
        return rules.is_serial(orders=self.orders, refunded=self.refunded)


def sees_all(caller: Caller) -> bool:
    """Whether the caller sees others' refunds."""
    return caller.may(*TO_SEE)


async def sale_or_none(*, caller: Caller, order_id: UUID, lock: bool = False) -> Sale | None:
    """An order with its lines; with `lock` it is held until the unit of work ends, and first of all that is locked."""
    order = await database.fetch_one(f"SELECT {_ORDER} FROM orders o WHERE o.tenant_id = $1 AND o.id = $2 {'FOR UPDATE' if lock else ''}", caller.tenant_id, order_id)
    if order is None:
        return None
    rows = await database.fetch(
        "SELECT id, offer_id, offer_kind, subject, subject_id, title, quantity, total_amount, tax_amount, refunded_amount, refunded_tax_amount, terms FROM order_lines "
        "WHERE tenant_id = $1 AND order_id = $2 ORDER BY position",
        caller.tenant_id,
        order_id,
    )
    refunds = await database.fetch(
        "SELECT status, allocation FROM refunds WHERE tenant_id = $1 AND order_id = $2 AND status IN ('REQUESTED', 'PENDING')", caller.tenant_id, order_id
    )
    disputed = await database.fetch_value(
        "SELECT count(*) FROM disputes d JOIN payments p ON p.tenant_id = d.tenant_id AND p.id = d.payment_id AND p.status = 'SUCCEEDED' "
        "WHERE d.tenant_id = $1 AND d.order_id = $2 AND d.status <> 'WON' AND (d.status <> 'LOST' OR d.is_held)",
        caller.tenant_id,
        order_id,
    )
    pending = rules.taken_by_line(database.from_json(row["allocation"]) for row in refunds if row["status"] == RefundStatus.PENDING)
    return Sale(
        order=order,
        rows=rows,
        lines=[_line(row, *pending.get(row["id"], (0, 0))) for row in rows],
        is_disputed=disputed > 0,
        is_waiting=any(row["status"] == RefundStatus.REQUESTED for row in refunds),
    )


def _line(row: Any, pending: int, pending_tax: int) -> rules.Line:
    return rules.Line(id=row["id"], total=row["total_amount"], tax=row["tax_amount"], taken=row["refunded_amount"] + pending, taken_tax=row["refunded_tax_amount"] + pending_tax)


async def policy_of(*, caller: Caller) -> rules.Policy:
    row = await tenants.storefront(caller=caller)
    return rules.Policy(days=row["refund_days"], max_progress_percent=row["refund_max_progress_percent"], is_automatic=row["is_refund_automatic"])


async def consumed(*, caller: Caller, sale: Sale, line_ids: Collection[UUID] | None = None) -> int:
    """How many percent were used of that line, among these, of which most was: of courses by what was learned, of seats by how many were taken up."""
    by_source = await consumption.consumed_by_sources(caller=caller, source_ids=sale.sources)
    plan = by_source.get(sale.order["subscription_id"], {})
    seats = await _seats_used(caller, [row["id"] for row in sale.rows])
    lines = [row for row in sale.rows if line_ids is None or row["id"] in line_ids]
    return max((max(_consumed(row, by_source.get(row["id"], {}) | plan), seats.get(row["id"], 0)) for row in lines), default=0)


async def _seats_used(caller: Caller, line_ids: list[UUID]) -> dict[UUID, int]:
    """Of lines that sold seats or a gift, how many percent somebody ever began with; rounded up."""
    rows = await database.fetch(
        "SELECT p.order_line_id, least(100, ceil(100.0 * count(a.id) / p.seats))::int AS used FROM seat_pools p "
        "LEFT JOIN seat_assignments a ON a.tenant_id = p.tenant_id AND a.pool_id = p.id AND a.redeemed_at IS NOT NULL "
        "WHERE p.tenant_id = $1 AND p.order_line_id = ANY($2) GROUP BY p.order_line_id, p.seats",
        caller.tenant_id,
        line_ids,
    )
    return {row["order_line_id"]: row["used"] for row in rows}


def _consumed(row: Any, used: dict[UUID, int]) -> int:
    courses = [(UUID(course["id"]), int(course["weight"])) for course in database.from_json(row["terms"]).get("courses", ())]
    return rules.consumed_percent(courses, used, is_closed=row["subject"] != OfferSubject.ALL_ACCESS)


async def standing(*, caller: Caller, sale: Sale, line_ids: Collection[UUID] | None = None) -> tuple[rules.Policy, rules.Obstacle | None, int]:
    """The policy, what stands between the sale and a refund by it, and how much was used."""
    policy = await policy_of(caller=caller)
    used = await consumed(caller=caller, sale=sale, line_ids=line_ids)
    obstacle = rules.obstacle(
        policy=policy,
        is_paid=sale.is_paid,
        paid_at=sale.order["paid_at"],
        rest=sum(line.rest for line in sale.among(line_ids)),
        consumed_percent=used,
        is_disputed=sale.is_disputed,
        is_waiting=sale.is_waiting,
        now=caller.now,
    )
    return policy, obstacle, used


async def preview(*, caller: Caller, order_id: UUID, amount: Decimal | None = None, line_ids: Collection[UUID] | None = None) -> RefundPreview | None:
    """What a refund of the order would be, of all that is left or of `amount`: for its buyer, and for who may see orders; None for anybody else.

    The buyer, and who only reads orders, are told what the buyer gets; who decides on refunds is told what each party gives. Raises Invalid for an amount that cannot be meant.
    """
    sale = await sale_or_none(caller=caller, order_id=order_id)
    if sale is None or not (is_buyer(caller, sale.order) or sees_all(caller)):
        return None
    currency, decides = sale.order["currency"], caller.may(Permission.REFUNDS_DECIDE)
    policy, obstacle, used = await standing(caller=caller, sale=sale, line_ids=line_ids)
    lines = sale.among(line_ids) if sale.is_paid else []
    rest = sum(line.rest for line in lines)
    wanted = rest if amount is None else minor(amount, currency)
    if wanted > rest:
        raise Invalid(Issue(f"No more than {money.to_decimal(rest, currency)} {currency} can go back.", ("amount",)))
    parts = rules.allocate(lines, wanted, money.charge_step(currency)) if wanted else []
    parties = [RefundParty(name=sale.order["name"] or sale.order["email"], amount=wanted)] if parts else []
    if decides and parts:
        told = await shares.parties_of_refund(caller=caller, order_id=order_id, lines=[(part.line_id, part.amount - part.tax, part.tax) for part in parts])
        parties += [RefundParty(name=party.name, amount=party.amount) for party in told]
    closed = {part.line_id for part in parts if rules.closes(_of(lines, part.line_id), part)}
    buyer = sale.order["account_id"]
    return RefundPreview(
        policy=policy,
        obstacle=obstacle,
        consumed_percent=used,
        currency=currency,
        refundable=rest,
        amount=wanted,
        parties=parties,
        closes=bool(closed),
        closed_course_ids=list(dict.fromkeys(id for row in sale.rows if row["id"] in closed for id in courses_of(row))),
        asks_often=(await records(caller=caller, account_ids=[buyer]))[buyer].is_serial if decides and buyer else None,
    )


def courses_of(row: Any) -> list[UUID]:
    """The courses that a line opened, in order."""
    return [UUID(course["id"]) for course in database.from_json(row["terms"]).get("courses", ())]


def _of(lines: Iterable[rules.Line], id: UUID) -> rules.Line:
    return next(line for line in lines if line.id == id)


def is_buyer(caller: Caller, order: Any) -> bool:
    return caller.account_id is not None and order["account_id"] == caller.account_id


def minor(amount: Decimal, currency: str, path: tuple[str, ...] = ("amount",)) -> int:
    """An amount that is to go back, in minor units. Raises Invalid."""
    try:
        units = money.to_charge(amount, currency)
    except ValueError as error:
        raise Invalid(Issue(str(error), path)) from None
    if units <= 0:
        raise Invalid(Issue("Give an amount above zero; leave it out for all that is left.", path))
    return units


async def payment_of_order(*, caller: Caller, order_id: UUID) -> database.Record | None:
    """The payment that paid an order; None where nothing was due."""
    return await database.fetch_one(
        "SELECT id, order_id, amount, currency, provider_payment_id, provider_charge_id FROM payments WHERE tenant_id = $1 AND order_id = $2 AND status = 'SUCCEEDED'",
        caller.tenant_id,
        order_id,
    )


async def paid_by(*, caller: Caller, payment_id: str | None, charge_id: str | None = None) -> database.Record | None:
    """The settled payment that the provider calls so; None for one of others, and for one that is not settled here yet."""
    return await database.fetch_one(
        "SELECT id, order_id, amount, currency, provider_payment_id, provider_charge_id FROM payments "
        "WHERE tenant_id = $1 AND status = 'SUCCEEDED' AND (provider_payment_id = $2 OR ($2::text IS NULL AND provider_charge_id = $3))",
        caller.tenant_id,
        payment_id,
        charge_id,
    )


async def refund_at_provider(*, caller: Caller, provider_id: str) -> UUID | None:
    """Our row of a refund, by the provider's name for it."""
    id: UUID | None = await database.fetch_value("SELECT id FROM refunds WHERE tenant_id = $1 AND provider_refund_id = $2", caller.tenant_id, provider_id)
    return id


async def to_send(*, caller: Caller, refund_id: UUID) -> database.Record | None:
    """A refund with what its payment is called at the provider."""
    return await database.fetch_one(
        "SELECT r.id, r.order_id, r.payment_id, r.status, r.amount, r.currency, r.failure_message, r.asked_at, r.decided_at, r.provider_refund_id, p.provider_payment_id "
        "FROM refunds r JOIN payments p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id WHERE r.tenant_id = $1 AND r.id = $2",
        caller.tenant_id,
        refund_id,
    )


async def refunds_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Those of these that the caller may see: of their own orders, or anybody's for who may see orders."""
    return await database.fetch(
        f"SELECT {COLUMNS} FROM refunds r JOIN orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id WHERE r.tenant_id = $1 AND r.id = ANY($2) AND ($3 OR o.account_id = $4)",
        caller.tenant_id,
        ids,
        sees_all(caller),
        caller.account_id,
    )


async def refunds_of_orders(*, caller: Caller, order_ids: list[UUID]) -> list[database.Record]:
    """All refunds of orders, the first first: as `refunds_by_ids`."""
    return await database.fetch(
        f"SELECT {COLUMNS} FROM refunds r JOIN orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id "
        "WHERE r.tenant_id = $1 AND r.order_id = ANY($2) AND ($3 OR o.account_id = $4) ORDER BY r.created_at, r.id",
        caller.tenant_id,
        order_ids,
        sees_all(caller),
        caller.account_id,
    )


async def page_of_refunds(*, caller: Caller, cursors: Cursors, request: PageRequest, statuses: list[str] | None) -> Page[Any]:
    """All refunds, the latest first. Raises SignedOut, NotAllowed."""
    caller.require(*TO_SEE)
    keys = keyset(cursors, request, _TERMS, of=("refunds", caller.tenant_id), offset=2)
    rows = await database.fetch(
        f"SELECT {COLUMNS}, r.created_at AS _created_at, r.id AS _id FROM refunds r JOIN orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id "
        f"WHERE r.tenant_id = $1 AND {_status(statuses)} AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        _chosen(statuses),
        *keys.parameters,
    )
    return keys.page(rows)


async def count_refunds(*, caller: Caller, statuses: list[str] | None) -> int:
    """Raises SignedOut, NotAllowed."""
    caller.require(*TO_SEE)
    return int(await database.fetch_value(f"SELECT count(*) FROM refunds r WHERE r.tenant_id = $1 AND {_status(statuses)}", caller.tenant_id, _chosen(statuses)))


def _status(statuses: list[str] | None) -> str:
    """A condition on `$2`; of one status an index has the rows in order."""
    return "r.status = $2" if statuses is not None and len(statuses) == 1 else "($2::text[] IS NULL OR r.status = ANY($2))"


def _chosen(statuses: list[str] | None) -> str | list[str] | None:
    return statuses[0] if statuses is not None and len(statuses) == 1 else statuses


async def records(*, caller: Caller, account_ids: Collection[UUID]) -> dict[UUID, RefundRecord]:
    """How often each of these had money back, whole or in part, by refund or by their bank. Whoever asks has decided who may know."""
    rows = await database.fetch(
        "SELECT account_id, count(*) AS orders, count(*) FILTER (WHERE refunded_amount + refund_requested_amount > 0) AS refunded FROM orders "
        "WHERE tenant_id = $1 AND account_id = ANY($2) AND placed_at > $3 AND status IN ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') AND total_amount > 0 GROUP BY account_id",
        caller.tenant_id,
        list(account_ids),
        caller.now - rules.SERIAL_WINDOW,
    )
    found = {row["account_id"]: RefundRecord(orders=row["orders"], refunded=row["refunded"]) for row in rows}
    return {id: found.get(id, RefundRecord(orders=0, refunded=0)) for id in account_ids}


async def records_for_deciders(*, caller: Caller, account_ids: list[UUID]) -> list[RefundRecord | None]:
    """As `records`, for who decides on refunds; None for anybody else."""
    if not caller.may(Permission.REFUNDS_DECIDE):
        return [None] * len(account_ids)
    found = await records(caller=caller, account_ids=account_ids)
    return [found[id] for id in account_ids]


def is_open(status: str) -> bool:
    return status in dispute_rules.OPEN


def due_since(row: Any) -> datetime:
    """Since when a refund is on its way."""
    at: datetime = row["asked_at"] or row["decided_at"]
    return at


def allocation_of(row: Any) -> list[dict[str, Any]]:
    """What each line gives, as it was frozen."""
    found: list[dict[str, Any]] = database.from_json(row["allocation"])
    return found
