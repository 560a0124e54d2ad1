"""The ledger: its trial balance, and the entries of a payee."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.models import payouts as rows
from lms_graph.types.connections import Connection
from lms_graph.types.enums import described
from lms_graph.types.money import CurrencyCode, Money
from lms_graph.types.nodes import Node, child

if TYPE_CHECKING:
    from lms_graph.types.commerce.orders import OrderReference

LedgerAccount = described(
    rows.LedgerAccount,
    "LedgerAccount",
    "An account of the ledger. Further ones may come.",
    PROVIDER="Money that lies with the payment provider.",
    PAYEE="What is owed to payees: the school, instructors, affiliates.",
    PLATFORM="The platform's commission.",
    FEE_TAX="Tax on that commission, owed by the platform.",
    TAX="Tax on sales, owed to tax offices.",
    POOL="What came in for all-access and is not yet divided.",
    DISPUTED="What buyers' banks hold.",
    IN_TRANSIT="Payouts under way.",
)
LedgerEntryKind = described(
    rows.TransactionKind,
    "LedgerEntryKind",
    "What an entry came from. Further ones may come.",
    SALE="A paid order.",
    PROVIDER_FEE="What the payment provider keeps of a payment; the school bears it.",
    REFUND="Money that went back to a buyer.",
    DISPUTE_HELD="A buyer's bank took the money for now, and the provider its fee.",
    DISPUTE_WON="The bank gave it back.",
    DISPUTE_LOST="The bank keeps it.",
    POOL_CLOSED="A period of all-access was divided.",
    PAYOUT="A payout began.",
    PAYOUT_PAID="A payout arrived.",
    PAYOUT_RETURNED="A payout came back.",
)


@strawberry.type(description="An account of the ledger in one currency. Over all accounts of a currency, debit and credit are equal: nothing is ever lost between them.")
class TrialBalanceRow:
    account: LedgerAccount = strawberry.field(description="Which account.")
    currency: CurrencyCode = strawberry.field(description="Its currency. Currencies are never added up.")
    debit: Money = strawberry.field(description="All that was ever booked to its debit.")
    credit: Money = strawberry.field(description="All that was ever booked to its credit.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        currency = row["currency"]
        return cls(account=LedgerAccount(row["account"]), currency=CurrencyCode(currency), debit=Money.of(row["debit"], currency), credit=Money.of(row["credit"], currency))


@strawberry.type(description="An amount on a payee's account. Never changed: a mistake is booked back. Seen by the payee, and by who holds LEDGER_READ or PAYOUTS_MANAGE.")
class LedgerEntry(Node):
    at: datetime = strawberry.field(description="When it was booked.")
    kind: LedgerEntryKind = strawberry.field(description="What it came from.")
    amount: Money = strawberry.field(description="Positive for what came to the payee, negative for what went.")
    available_at: datetime = strawberry.field(description="From when on it counts as available, rather than pending.")
    order_id: strawberry.Private[UUID | None]
    order: Annotated["OrderReference", strawberry.lazy("lms_graph.types.commerce.orders")] | None = child(
        "commerce.order_reference", key="order_id", description="The sale that it came from; null for a payout, and where a month's all-access was divided."
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("led", row["id"])),
            at=row["at"],
            kind=LedgerEntryKind(row["kind"]),
            amount=Money.of(-row["amount"], row["currency"]),
            available_at=row["available_at"],
            order_id=row["order_id"],
        )


@strawberry.type(description="A page of a payee's entries.")
class LedgerEntryConnection(Connection[LedgerEntry]):
    pass
