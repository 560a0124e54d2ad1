"""Payees with something due to them, and with an account at the provider."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from lms_graph.domain.payouts.operations import accounts, ledger
from lms_graph.domain.payouts.operations.ledger import Entry
from lms_graph.domain.payouts.ports import PaymentGateway
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.models import database
from lms_graph.models import payouts as rows
from lms_graph.models.payouts import LedgerAccount, TransactionKind
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.fixtures.callers import School


async def sold(school: School, stripe: StripeTwin, shares: Sequence[tuple[UUID, int]], *, currency: str = "EUR", at: datetime | None = None, is_there: bool = True) -> UUID:
    """A sale whose shares are these payees' at once; the money lies with the provider, unless it is not there yet."""
    payment_id = uuid4()
    total = sum(amount for _, amount in shares)
    caller = school.system.at(at) if at else school.system
    entries = [Entry(account=LedgerAccount.PAYEE, payee_id=payee_id, amount=-amount, currency=currency) for payee_id, amount in shares]
    await ledger.post(caller=caller, kind=TransactionKind.SALE, source_id=payment_id, entries=[Entry(account=LedgerAccount.PROVIDER, amount=total, currency=currency), *entries])
    if is_there:
        stripe.top_up(total, currency.lower())
    return payment_id


async def refunded(school: School, stripe: StripeTwin, payee_id: UUID, amount: int, currency: str = "EUR") -> None:
    """Money that went back to a buyer, all of it from this payee's share."""
    await ledger.post(
        caller=school.system,
        kind=TransactionKind.REFUND,
        source_id=uuid4(),
        entries=[
            Entry(account=LedgerAccount.PAYEE, payee_id=payee_id, amount=amount, currency=currency),
            Entry(account=LedgerAccount.PROVIDER, amount=-amount, currency=currency),
        ],
    )
    stripe.top_up(-amount, currency.lower())


async def payee(school: School, account_id: UUID | None) -> UUID:
    return await accounts.payee_of(caller=school.system, account_id=account_id)


async def connected(school: School, stripe: StripeTwin, gateway: PaymentGateway, account_id: UUID | None) -> UUID:
    """A payee whose account at the provider is complete."""
    payee_id = await payee(school, account_id)
    made = await gateway.make_account(country="DE", email="payee@mail.example", metadata={}, key=f"test {payee_id}")
    async with unit_of_work(school.system):
        await rows.Payee.for_caller(school.system, id=payee_id).update(provider_account_id=made.id, country="DE")
    stripe.connect.onboard(made.id)
    await accounts.refresh(caller=school.system, provider_id=made.id, gateway=gateway)
    return payee_id


async def row(school: School, payee_id: UUID) -> rows.Payee:
    async with unit_of_work(school.system):
        return await rows.Payee.for_caller(school.system, id=payee_id).get()


async def payouts_of(school: School, payee_id: UUID) -> list[rows.Payout]:
    async with unit_of_work(school.system):
        return await rows.Payout.for_caller(school.system, payee_id=payee_id).order_by("created_at")


async def booked(school: School) -> dict[tuple[str, UUID | None, str], int]:
    """The balance of each account of the ledger, by account, payee and currency; debits are positive. What is zero is left out."""
    async with database.reading(school.system):
        found = await database.fetch(
            "SELECT account, payee_id, currency, sum(amount)::bigint AS amount FROM ledger_entries WHERE tenant_id = $1 GROUP BY account, payee_id, currency HAVING sum(amount) <> 0",
            school.id,
        )
    return {(each["account"], each["payee_id"], each["currency"]): each["amount"] for each in found}
