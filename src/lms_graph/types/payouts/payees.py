"""Payees, their payouts and statements."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.models import payouts as rows
from lms_graph.types.connections import After, Before, Connection, First, Last, connection
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.identity.accounts import Profile
from lms_graph.types.money import CurrencyCode, Money, MoneyInput
from lms_graph.types.nodes import PERSON, Node, child, decode_id
from lms_graph.types.payouts.ledger import LedgerEntryConnection

FILE_SECONDS = 900

PayeeKind = described(rows.PayeeKind, "PayeeKind", "Whom a payee is.", TENANT="The school itself.", PERSON="Somebody who teaches, or brings buyers.")
PayoutScheduleKind = described(
    rows.ScheduleKind,
    "PayoutScheduleKind",
    "When what is available is paid out, at 4 o'clock UTC.",
    WEEKLY="On one day of each week.",
    MONTHLY="On one day of each month.",
    THRESHOLD="On the day on which at least the threshold is available in its currency. Other currencies are paid as they are available.",
    MANUAL="Only when who manages payouts says so.",
)
PayoutStatus = described(
    rows.PayoutStatus,
    "PayoutStatus",
    "How a payout stands.",
    PENDING="The amount has left the balance, and is being sent.",
    PAID="It lies on the payee's account at the payment provider.",
    FAILED="The provider refused it; the amount is on the balance again. `problem` says why.",
    REVERSED="The provider took all of it back; it is on the balance again.",
)
BankStatus = described(
    rows.BankStatus,
    "BankStatus",
    "What became of a payout between the provider and the payee's bank.",
    IN_TRANSIT="On its way.",
    PAID="It arrived.",
    FAILED="The bank refused it; it lies on the payee's account at the provider until they correct their bank details there.",
)


@strawberry.type(description="When a payee is paid.")
class PayoutSchedule:
    kind: PayoutScheduleKind = strawberry.field(description="By day or by amount.")
    day: int | None = strawberry.field(description="WEEKLY: 1 (Monday) to 7; MONTHLY: 1 to 28; null is 1, and null for the others.")
    threshold: Money | None = strawberry.field(description="THRESHOLD: from how much on; null for the others.")
    next_at: datetime | None = strawberry.field(description="The next time; null for MANUAL, and while the provider does not pay to the payee.")


@strawberry.type(description="What is due to a payee in one currency: the sum of their entries in the ledger.")
class PayeeBalance:
    available: Money = strawberry.field(description="To be paid out at the next run. Negative where more went back than came in: it is set off against what follows.")
    pending: Money = strawberry.field(description="Earned, and not available before the time for refunds is over.")


@strawberry.type(description="Money sent to a payee. Seen by them and by who manages payouts.")
class Payout(Node):
    amount: Money = strawberry.field(description="All that was available when it was made.")
    status: PayoutStatus = strawberry.field(description="How it stands.")
    reversed_amount: Money = strawberry.field(description="What the provider took back of it since.")
    problem: str | None = strawberry.field(description="What keeps it, or made it fail, and what to do; null where nothing does.")
    bank_status: BankStatus | None = strawberry.field(description="How far it is on the way to the bank; null before it left for it.")
    arrives_at: datetime | None = strawberry.field(description="When the bank has it, as the provider expects or says; null before it left for it.")
    created_at: datetime = strawberry.field(description="When it left the balance.")
    paid_at: datetime | None = strawberry.field(description="When it reached the payee's account at the provider; null before.")
    payee_id: strawberry.Private[UUID]
    payee: Annotated["Payee", strawberry.lazy("lms_graph.types.payouts.payees")] | None = child("payouts.payee", key="payee_id", description="Whom it pays.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("pot", row["id"])),
            amount=Money.of(row["amount"], row["currency"]),
            status=rows.PayoutStatus(row["status"]),
            reversed_amount=Money.of(row["reversed_amount"], row["currency"]),
            problem=row["problem"],
            bank_status=rows.BankStatus(row["bank_status"]) if row["bank_status"] else None,
            arrives_at=row["arrives_at"],
            created_at=row["created_at"],
            paid_at=row["paid_at"],
            payee_id=row["payee_id"],
        )


@strawberry.type(description="A page of payouts.")
class PayoutConnection(Connection[Payout]):
    pass


@strawberry.type(description="A payee's month, as files. Seen by them and by who manages payouts.")
class PayeeStatement(Node):
    month: str = strawberry.field(description="The calendar month (UTC), such as `2026-05`.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    csv_file_id: strawberry.Private[UUID | None]
    pdf_file_id: strawberry.Private[UUID | None]

    @strawberry.field(
        description="Where the table can be fetched for the next 15 minutes, as CSV: one row per entry, amounts exact, with the balance before and after each; null until it is made, some seconds later."
    )
    async def csv_url(self, info: Info) -> str | None:
        return await self._url(info, self.csv_file_id, "csv")

    @strawberry.field(description="Where the PDF can be fetched for the next 15 minutes: sums, and the first 400 entries of each currency; null until it is made.")
    async def pdf_url(self, info: Info) -> str | None:
        return await self._url(info, self.pdf_file_id, "pdf")

    async def _url(self, info: Info, file_id: UUID | None, ending: str) -> str | None:
        file = await info.context.loaders.payouts.statement_file.load(file_id) if file_id else None
        if file is None:
            return None
        url: str = await info.context.adapters.objects.signed_url(file.object_key, seconds=FILE_SECONDS, file_name=f"statement-{self.month}.{ending}")
        return url

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("stm", row["id"])),
            month=f"{row['month']:%Y-%m}",
            created_at=row["created_at"],
            csv_file_id=row["csv_file_id"],
            pdf_file_id=row["pdf_file_id"],
        )


@strawberry.type(description="A page of statements.")
class PayeeStatementConnection(Connection[PayeeStatement]):
    pass


@strawberry.type(description="Whom the school's sales owe something: the school, who teaches, who brings buyers. Seen by them and by who manages payouts (PAYOUTS_MANAGE).")
class Payee(Node):
    kind: PayeeKind = strawberry.field(description="The school or a person.")
    country: str | None = strawberry.field(description="Where they are taxed, by ISO 3166-1; null until they have an account at the payment provider.")
    charges_enabled: bool = strawberry.field(description="Whether the provider lets their account take part in payments, as it last said.")
    payouts_enabled: bool = strawberry.field(description="Whether the provider pays to them, as it last said. Until then what they earn stays on the balance.")
    details_submitted: bool = strawberry.field(description="Whether they have told the provider what it first asked.")
    schedule: PayoutSchedule = strawberry.field(description="When they are paid.")
    premium_until: datetime | None = strawberry.field(
        description="Until when the commission for premium instructors holds; in the past once that is over, null where it was ended or never held."
    )
    created_at: datetime = strawberry.field(description="When they first had something to get.")
    uuid: strawberry.Private[UUID]
    account_id: strawberry.Private[UUID | None]
    wanted: strawberry.Private[list[str]]
    person: Profile | None = child("identity.profile", key="account_id", description="Who it is; null for the school, and once they are erased.")

    @strawberry.field(
        description="What the provider still asks of them, in its own words, such as `external_account`; at most 100. Null for others, whom it is none of the business of."
    )
    def requirements(self, info: Info) -> list[str] | None:
        caller = info.context.caller
        return self.wanted if self.account_id in (None, caller.account_id) and not caller.is_masked else None

    balance: PayeeBalance = child("payouts.balance", key="uuid", description="What is due to them in the school's currency.")
    balances: list[PayeeBalance] = child(
        "payouts.balances", key="uuid", size=2, description="What is due to them, in each currency in which there ever was something, by its code."
    )

    @connection(description="Each amount that came and went, latest first. Positive is theirs.")
    def ledger(self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None) -> LedgerEntryConnection:
        return info.context.loaders.payouts.entries_of_payee.load((self.uuid, PageRequest(first, after, last, before)))  # type: ignore[no-any-return]

    @connection(description="What was paid to them, latest first.")
    def payouts(self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None) -> PayoutConnection:
        return info.context.loaders.payouts.payouts_of.load((self.uuid, PageRequest(first, after, last, before)))  # type: ignore[no-any-return]

    @connection(description="Their statements, latest month first.")
    def statements(self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None) -> PayeeStatementConnection:
        return info.context.loaders.payouts.statements_of.load((self.uuid, PageRequest(first, after, last, before)))  # type: ignore[no-any-return]

    @classmethod
    def from_row(cls, row: Any) -> Self:
        kind = rows.ScheduleKind(row["schedule_kind"])
        return cls(
            id=strawberry.ID(public_id("pye", row["id"])),
            kind=rows.PayeeKind(row["kind"]),
            country=row["country"],
            charges_enabled=row["charges_enabled"],
            payouts_enabled=row["payouts_enabled"],
            details_submitted=row["details_submitted"],
            schedule=PayoutSchedule(
                kind=kind,
                day=row["schedule_day"],
                threshold=Money.of(row["schedule_threshold_amount"], row["schedule_currency"]) if row["schedule_currency"] else None,
                next_at=row["next_due_at"],
            ),
            premium_until=row["is_premium_until"],
            created_at=row["created_at"],
            uuid=row["id"],
            account_id=row["account_id"],
            wanted=row["requirements"][:100],
        )


@strawberry.type(description="A page of the school's payees.")
class PayeeConnection(Connection[Payee]):
    pass


@strawberry.input(description="Who is to tell the payment provider about themselves, and where it leads afterwards.")
class PayoutAccountLinkInput:
    return_url: str = strawberry.field(
        description="Where the provider leads when they are done, or leave: a page of the storefront, a verified domain or an origin among `api.allowedOrigins`."
    )
    refresh_url: str = strawberry.field(description="Where it leads when the link is used or too old: a page that asks for another. As `returnUrl`.")
    country: str | None = strawberry.field(default=None, description="Where the payee is taxed, by ISO 3166-1, such as DE. Needed the first time, and never changed.")
    for_school: bool = strawberry.field(default=False, description="The school's own account, for who manages payouts; else one's own.")

    def as_arguments(self) -> dict[str, Any]:
        return {"is_school": self.for_school, "country": self.country, "return_url": self.return_url, "refresh_url": self.refresh_url}


@strawberry.type(description="What `payoutAccountLink` answers.")
class PayoutAccountLinkPayload(Payload):
    payee_id: strawberry.Private[UUID | None] = None
    url: str | None = strawberry.field(default=None, description="Where to lead them. Good once; hand it to nobody else.")
    expires_at: datetime | None = strawberry.field(default=None, description="Until when: some minutes.")
    payee: Payee | None = child("payouts.payee", key="payee_id", description="The payee.")


@strawberry.input(description="When a payee is paid.")
class PayoutScheduleSetInput:
    kind: PayoutScheduleKind = strawberry.field(description="By day or by amount.")
    day: int | None = strawberry.field(default=None, description="WEEKLY: 1 (Monday) to 7; MONTHLY: 1 to 28; left out it is 1.")
    threshold: MoneyInput | None = strawberry.field(default=None, description="THRESHOLD: from how much on.")
    for_school: bool = strawberry.field(default=False, description="The school's own, for who manages payouts; else one's own.")

    def as_arguments(self) -> dict[str, Any]:
        threshold = (self.threshold.amount, self.threshold.currency) if self.threshold else None
        return {"is_school": self.for_school, "kind": self.kind, "day": self.day, "threshold": threshold}


@strawberry.type(description="What `payoutScheduleSet` answers.")
class PayoutScheduleSetPayload(Payload):
    payee_id: strawberry.Private[UUID | None] = None
    payee: Payee | None = child("payouts.payee", key="payee_id", description="The payee.")


@strawberry.input(description="A payout out of turn.")
class PayoutCreateInput:
    payee_id: strawberry.ID = strawberry.field(description="Whom.")
    currency: CurrencyCode = strawberry.field(description="All that is available in it.")
    idempotency_key: str = strawberry.field(description="Of your making, 1 to 255 characters, new for each payout that is meant.")

    def as_arguments(self) -> dict[str, Any]:
        return {"payee_id": decode_id(self.payee_id, "pye", path="payeeId"), "currency": self.currency, "key": self.idempotency_key}


@strawberry.type(description="What `payoutCreate` answers.")
class PayoutCreatePayload(Payload):
    payout_id: strawberry.Private[UUID | None] = None
    payout: Payout | None = child("payouts.payout", key="payout_id", description="The payout, PENDING; it is sent some seconds later.")


@strawberry.input(description="Which statement.")
class StatementCreateInput:
    payee_id: strawberry.ID = strawberry.field(description="Whose.")
    month: str = strawberry.field(description="A calendar month that is over (UTC), such as `2026-05`.")
    idempotency_key: str = strawberry.field(description="Of your making, 1 to 255 characters.")

    def as_arguments(self) -> dict[str, Any]:
        return {"payee_id": decode_id(self.payee_id, "pye", path="payeeId"), "month": self.month, "key": self.idempotency_key}


@strawberry.type(description="What `statementCreate` answers.")
class StatementCreatePayload(Payload):
    statement_id: strawberry.Private[UUID | None] = None
    statement: PayeeStatement | None = child("payouts.statement", key="statement_id", description="The statement; its files are there some seconds later.")


@strawberry.input(description="Who is a premium instructor, and for how long.")
class InstructorPremiumSetInput:
    member_id: strawberry.ID = strawberry.field(description="A person (`Profile.id` or `Member.id`).")
    until: datetime | None = strawberry.field(default=None, description="Until when; null for no more.")

    def as_arguments(self) -> dict[str, Any]:
        return {"account_id": decode_id(self.member_id, *PERSON, path="memberId"), "until": self.until}


@strawberry.type(description="What `instructorPremiumSet` answers.")
class InstructorPremiumSetPayload(Payload):
    payee_id: strawberry.Private[UUID | None] = None
    payee: Payee | None = child("payouts.payee", key="payee_id", description="The payee.")


@strawberry.input(description="A step of the platform's commission.")
class CommissionTierInput:
    from_: Decimal = strawberry.field(name="from", description="From so much sold within a calendar month (UTC), in the currency's main unit, more than 0.")
    currency: CurrencyCode = strawberry.field(description="Sold in this currency.")
    rate_percent: Decimal = strawberry.field(description="The platform's share of what follows, 0 to 100 with two decimals. What is above the tenant's own share has no effect.")
