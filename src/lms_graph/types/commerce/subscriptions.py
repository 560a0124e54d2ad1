"""Plans: what is paid each month or year, or in installments."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.commerce.rules.plans import SubscriptionFilter, Target
from lms_graph.kit.ids import public_id
from lms_graph.models import commerce as rows
from lms_graph.types.commerce.offers import BillingInterval
from lms_graph.types.connections import Connection
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.filters import chosen
from lms_graph.types.learning.entitlements import NOBODY, IDFilter
from lms_graph.types.money import Money
from lms_graph.types.nodes import PERSON, Node, child, decode_id, decode_or_none

if TYPE_CHECKING:
    from lms_graph.types.commerce.offers import Offer
    from lms_graph.types.commerce.orders import Order
    from lms_graph.types.identity.accounts import Profile
    from lms_graph.types.learning.entitlements import Entitlement

KEY = "1 to 255 characters, new for each intended change: the same again does nothing more and gives the same answer."

SubscriptionStatus = described(
    rows.SubscriptionStatus,
    "SubscriptionStatus",
    "How a plan stands.",
    INCOMPLETE="Its first payment is under way.",
    TRIALING="Its free trial runs.",
    ACTIVE="It is paid, or its next payment is under way.",
    PAST_DUE="A payment failed, and is tried again. What it opens stays open until `graceUntil`.",
    PAUSED="No payments are taken until `resumesAt`. What is paid stays open to its end.",
    CANCELED="It has ended.",
    COMPLETED="All installments are paid: what was bought is theirs.",
)
SubscriptionTransition = described(
    rows.RequestKind,
    "SubscriptionTransition",
    "What can be asked of a plan.",
    CANCEL="`subscriptionCancel`.",
    PAUSE="`subscriptionPause`.",
    RESUME="`subscriptionResume`.",
    CHANGE="`subscriptionChange`.",
)


@strawberry.type(name="Plan", description="A plan: all-access or courses for as long as it is paid, or a purchase in installments. Its learner, and who holds ORDERS_READ.")
class Subscription(Node):
    status: SubscriptionStatus = strawberry.field(description="How it stands.")
    amount: Money = strawberry.field(description="What each payment is, tax in it.")
    interval: BillingInterval = strawberry.field(description="How often it is paid.")
    current_period_start: datetime | None = strawberry.field(description="When the running period began.")
    current_period_end: datetime | None = strawberry.field(description="When the running period, or trial, ends: the next payment, unless it is to end.")
    paid_until: datetime | None = strawberry.field(description="To which moment it is paid.")
    cancel_at_period_end: bool = strawberry.field(description="Whether it is to end at `currentPeriodEnd`.")
    canceled_at: datetime | None = strawberry.field(description="When somebody asked for its end, or it ended; null for neither.")
    resumes_at: datetime | None = strawberry.field(description="When payments go on; null where it is not paused.")
    grace_until: datetime | None = strawberry.field(description="Until when what it opens stays open though a payment failed; null where none did.")
    installments_paid: int | None = strawberry.field(description="How many installments are paid; null where it is none of installments.")
    installments_total: int | None = strawberry.field(description="How many installments there are: 2 to 36; null where it is none of installments.")
    created_at: datetime = strawberry.field(description="When it began.")
    allowed_transitions: list[SubscriptionTransition] = strawberry.field(
        description="What can be asked of it now; nothing while a change is under way. Of installments only CANCEL, and that by who holds REFUNDS_DECIDE."
    )
    uuid: strawberry.Private[UUID]
    account_id: strawberry.Private[UUID]
    offer_id: strawberry.Private[UUID]
    order_id: strawberry.Private[UUID]

    offer: Annotated["Offer", strawberry.lazy("lms_graph.types.commerce.offers")] | None = child(
        "commerce.offer", key="offer_id", description="What is paid for, as it is offered now."
    )
    order: Annotated["Order", strawberry.lazy("lms_graph.types.commerce.orders")] | None = child("commerce.order", key="order_id", description="The sale that began it.")
    member: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child("identity.profile", key="account_id", description="Whose it is.")
    entitlements: list[Annotated["Entitlement", strawberry.lazy("lms_graph.types.learning.entitlements")]] = child(
        "learning.grants_of_source", key="uuid", size=2, description="What it opens. For its learner, and who holds ENTITLEMENTS_READ or ENTITLEMENTS_MANAGE."
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        plan = rules.plan_of(row, {})  # what its terms say bears on its grants alone
        return cls(
            id=strawberry.ID(public_id("sub", row["id"])),
            status=plan.status,
            amount=Money.of(row["amount"], row["currency"]),
            interval=rows.BillingInterval(row["interval"]),
            current_period_start=row["current_period_start"],
            current_period_end=row["current_period_end"],
            paid_until=row["paid_until"],
            cancel_at_period_end=row["cancel_at_period_end"],
            canceled_at=row["canceled_at"],
            resumes_at=row["resumes_at"],
            grace_until=row["grace_until"],
            installments_paid=row["installments_paid"] if plan.is_installments else None,
            installments_total=row["installments_total"],
            created_at=row["created_at"],
            allowed_transitions=list(rules.allowed(plan, is_pending=row["is_pending"])),
            uuid=row["id"],
            account_id=row["account_id"],
            offer_id=row["offer_id"],
            order_id=row["first_order_id"],
        )


@strawberry.type(description="A page of plans.")
class PlanConnection(Connection[Subscription]):
    pass


@strawberry.input(description="The status must be one of these.")
class SubscriptionStatusFilter:
    in_: list[SubscriptionStatus] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: SubscriptionStatus | None = strawberry.field(default=None, description="Exactly this.")


@strawberry.input(description="What the viewer's plans must be like: all of what is given.")
class ViewerSubscriptionWhere:
    status: SubscriptionStatusFilter | None = strawberry.field(default=None, description="How they stand.")
    offer_id: IDFilter | None = strawberry.field(default=None, description="For this offer.")

    def as_filter(self, account_id: UUID | None = None) -> SubscriptionFilter:
        statuses = chosen(self.status.in_, self.status.eq) if self.status else None
        return SubscriptionFilter(
            account_id=account_id,
            offer_id=(decode_or_none(self.offer_id.eq, "off") or NOBODY) if self.offer_id else None,
            statuses=None if statuses is None else tuple(status.value for status in statuses),
        )


@strawberry.input(description="What the plans must be like: all of what is given.")
class SubscriptionWhere(ViewerSubscriptionWhere):
    member_id: IDFilter | None = strawberry.field(default=None, description="Of this person: the id of a profile.")

    def as_filter(self, account_id: UUID | None = None) -> SubscriptionFilter:
        return super().as_filter((decode_or_none(self.member_id.eq, *PERSON) or NOBODY) if self.member_id else account_id)


@strawberry.input(description="Which plan ends, and when.")
class SubscriptionCancelInput:
    id: strawberry.ID = strawberry.field(description="The plan: one's own, or any for who holds REFUNDS_DECIDE.")
    at_period_end: bool = strawberry.field(default=True, description="With the running period; else at once, and nothing goes back by itself. Installments always end at once.")
    idempotency_key: str = strawberry.field(description=KEY)

    def as_arguments(self) -> dict[str, Any]:
        return {"subscription_id": decode_id(self.id, "sub", path="id"), "at_period_end": self.at_period_end, "idempotency_key": self.idempotency_key}


@strawberry.input(description="Which plan is paused, and until when.")
class SubscriptionPauseInput:
    id: strawberry.ID = strawberry.field(description="The plan: one's own, or any for who holds REFUNDS_DECIDE.")
    resumes_at: datetime = strawberry.field(description="When payments go on: 1 to 90 days from now.")
    idempotency_key: str = strawberry.field(description=KEY)

    def as_arguments(self) -> dict[str, Any]:
        return {"subscription_id": decode_id(self.id, "sub", path="id"), "resumes_at": self.resumes_at, "idempotency_key": self.idempotency_key}


@strawberry.input(description="Which plan goes on.")
class SubscriptionResumeInput:
    id: strawberry.ID = strawberry.field(description="The plan: one's own, or any for who holds REFUNDS_DECIDE.")
    idempotency_key: str = strawberry.field(description=KEY)

    def as_arguments(self) -> dict[str, Any]:
        return {"subscription_id": decode_id(self.id, "sub", path="id"), "idempotency_key": self.idempotency_key}


@strawberry.input(description="Which plan becomes one for which offer.")
class SubscriptionChangeInput:
    id: strawberry.ID = strawberry.field(description="The plan: one's own, or any for who holds REFUNDS_DECIDE.")
    offer_id: strawberry.ID = strawberry.field(description="An offer on sale that is paid each month or year, in the plan's currency.")
    idempotency_key: str = strawberry.field(description=KEY)

    def as_arguments(self) -> dict[str, Any]:
        return {
            "subscription_id": decode_id(self.id, "sub", path="id"),
            "offer_id": decode_id(self.offer_id, "off", path="offerId"),
            "idempotency_key": self.idempotency_key,
        }


@strawberry.type(description="What a change of a plan would cost.")
class SubscriptionChangePreview:
    prorated: Money = strawberry.field(
        description="What would be due at once for the rest of the period, tax in it; negative for credit against the next payments. It changes with each second."
    )
    amount: Money = strawberry.field(description="What each later payment would be, tax in it.")

    @classmethod
    def from_target(cls, target: Target) -> Self:
        return cls(prorated=Money.of(target.due_amount, target.currency), amount=Money.of(target.amount, target.currency))


@strawberry.type(description="What `subscriptionCancel` answers.")
class SubscriptionCancelPayload(Payload):
    subscription_id: strawberry.Private[UUID | None] = None
    subscription: Subscription | None = child("commerce.subscription", key="subscription_id", description="The plan as it stands now.")


@strawberry.type(description="What `subscriptionPause` answers.")
class SubscriptionPausePayload(Payload):
    subscription_id: strawberry.Private[UUID | None] = None
    subscription: Subscription | None = child("commerce.subscription", key="subscription_id", description="The plan as it stands now.")


@strawberry.type(description="What `subscriptionResume` answers.")
class SubscriptionResumePayload(Payload):
    subscription_id: strawberry.Private[UUID | None] = None
    subscription: Subscription | None = child("commerce.subscription", key="subscription_id", description="The plan as it stands now.")


@strawberry.type(description="What `subscriptionChange` answers.")
class SubscriptionChangePayload(Payload):
    subscription_id: strawberry.Private[UUID | None] = None
    subscription: Subscription | None = child("commerce.subscription", key="subscription_id", description="The plan as it stands now.")
    prorated: Money | None = strawberry.field(default=None, description="What was taken at once, tax in it; negative for credit against the next payments.")
