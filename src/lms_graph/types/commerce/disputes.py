"""Payments that are contested at a bank, and what a school says to it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.commerce.rules import disputes as rules
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import commerce as rows
from lms_graph.types.connections import Connection
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.filters import chosen
from lms_graph.types.money import Money
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.permissions import requiring
from lms_graph.types.personal import personal

if TYPE_CHECKING:
    from lms_graph.types.commerce.orders import Order

DisputeStatus = described(
    rows.DisputeStatus,
    "DisputeStatus",
    "Where a dispute stands.",
    NEEDS_RESPONSE="The bank waits for the school's evidence, until `evidenceDueAt`.",
    UNDER_REVIEW="The bank decides.",
    WON="The money is the school's.",
    LOST="The money is the buyer's again, and what was bought is closed.",
)

DECIDERS = requiring([Permission.REFUNDS_DECIDE])


@strawberry.type(description="What is said to a bank. Each is a text of up to 20,000 characters, all together of up to 150,000.")
class DisputeEvidence:
    access_activity_log: str | None = strawberry.field(description="What the learner did, line by line, with its time.")
    cancellation_policy_disclosure: str | None = strawberry.field(description="How the buyer was told how to cancel.")
    cancellation_rebuttal: str | None = strawberry.field(description="Why the buyer's plan was not canceled.")
    customer_name: str | None = strawberry.field(description="The buyer's name.")
    duplicate_charge_explanation: str | None = strawberry.field(description="Why it is no second charge for the same.")
    duplicate_charge_id: str | None = strawberry.field(description="The provider's id of the charge that it is said to repeat.")
    product_description: str | None = strawberry.field(description="What was bought.")
    refund_policy_disclosure: str | None = strawberry.field(description="The refund policy, and how the buyer was told of it.")
    refund_refusal_explanation: str | None = strawberry.field(description="Why nothing was refunded.")
    service_date: str | None = strawberry.field(description="Since when the buyer could use it.")
    uncategorized_text: str | None = strawberry.field(description="Whatever else there is to say.")
    buyer_id: strawberry.Private[UUID | None]
    place: strawberry.Private[str | None]
    address: strawberry.Private[str | None]
    network: strawberry.Private[str | None]

    billing_address: str | None = personal("place", of="buyer_id", description="The address that the buyer gave. Null without PERSONAL_READ.")
    customer_email_address: str | None = personal("address", of="buyer_id", description="The buyer's e-mail address. Null without PERSONAL_READ.")
    customer_purchase_ip: str | None = personal("network", of="buyer_id", description="The IP address from which it was bought. Null without PERSONAL_READ.")

    @classmethod
    def of(cls, said: Any, buyer_id: UUID | None) -> Self | None:
        if not said:
            return None
        hidden = {"place": "billing_address", "address": "customer_email_address", "network": "customer_purchase_ip"}
        shown = {name: said.get(name) for name in rules.FIELDS if name not in hidden.values()}
        return cls(**shown, **{held: said.get(name) for held, name in hidden.items()}, buyer_id=buyer_id)


@strawberry.type(description="A payment that its buyer contests at their bank. ORDERS_READ or REFUNDS_DECIDE; for everybody else there is none of this id.")
class Dispute(Node):
    status: DisputeStatus = strawberry.field(description="Where it stands.")
    amount: Money = strawberry.field(description="What is contested. The bank holds it until it decides.")
    fee: Money = strawberry.field(description="What the provider charges the school for it.")
    reason: str = strawberry.field(description="The bank's word for why, such as `fraudulent` or `product_not_received`.")
    opened_at: datetime = strawberry.field(description="When it was heard of.")
    closed_at: datetime | None = strawberry.field(description="When the bank had decided; null before.")
    evidence_due_at: datetime | None = strawberry.field(description="Until when evidence can be sent; null where none can.")
    evidence_submitted_at: datetime | None = strawberry.field(description="When the provider had the evidence; null before.")
    evidence_problem: str | None = strawberry.field(description="Why the provider did not take what was said last, up to 500 characters: mend it and send it again. Null else.")
    order_id: strawberry.Private[UUID]

    order: Annotated["Order", strawberry.lazy("lms_graph.types.commerce.orders")] | None = child("commerce.order", key="order_id", description="The order that was paid.")
    evidence: DisputeEvidence | None = strawberry.field(description="What was said to the bank; null before. REFUNDS_DECIDE, else null.", directives=DECIDERS)
    evidence_at_hand: DisputeEvidence | None = child(
        "commerce.evidence_at_hand",
        key="order_id",
        description="What the school's records say now. It is sent with what `disputeEvidenceSubmit` leaves out. REFUNDS_DECIDE, else null.",
        requires=[Permission.REFUNDS_DECIDE],
    )

    @classmethod
    def from_row(cls, row: Any, *, evidence: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("dsp", row["id"])),
            status=rows.DisputeStatus(row["status"]),
            amount=Money.of(row["amount"], row["currency"]),
            fee=Money.of(row["fee_amount"], row["currency"]),
            reason=row["reason"],
            opened_at=row["opened_at"],
            closed_at=row["closed_at"],
            evidence_due_at=row["evidence_due_at"],
            evidence_submitted_at=row["evidence_submitted_at"],
            evidence_problem=row["evidence_problem"],
            evidence=DisputeEvidence.of(evidence, row["account_id"]),
            order_id=row["order_id"],
        )


@strawberry.type(description="A page of disputes.")
class DisputeConnection(Connection[Dispute]):
    pass


@strawberry.input(description="The status must be one of these.")
class DisputeStatusFilter:
    in_: list[DisputeStatus] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: DisputeStatus | None = strawberry.field(default=None, description="Exactly this.")


@strawberry.input(description="What the disputes must be like: all of what is given.")
class DisputeWhere:
    status: DisputeStatusFilter | None = strawberry.field(default=None, description="By where they stand.")

    def statuses(self) -> list[str] | None:
        found = chosen(self.status.in_, self.status.eq) if self.status else None
        return None if found is None else [status.value for status in found]


@strawberry.input(description="What to say to a bank. What is left out is said from the school's records; an empty text says nothing instead. Each up to 20,000 characters.")
class DisputeEvidenceInput:
    access_activity_log: str | None = strawberry.field(default=None, description="What the learner did, with its times.")
    billing_address: str | None = strawberry.field(default=None, description="The address that the buyer gave.")
    cancellation_policy_disclosure: str | None = strawberry.field(default=None, description="How the buyer was told how to cancel.")
    cancellation_rebuttal: str | None = strawberry.field(default=None, description="Why the buyer's plan was not canceled.")
    customer_email_address: str | None = strawberry.field(default=None, description="The buyer's address.")
    customer_name: str | None = strawberry.field(default=None, description="The buyer's name.")
    customer_purchase_ip: str | None = strawberry.field(default=None, description="The IP address from which it was bought.")
    duplicate_charge_explanation: str | None = strawberry.field(default=None, description="Why it is no second charge for the same.")
    duplicate_charge_id: str | None = strawberry.field(default=None, description="The provider's id of the charge that it is said to repeat.")
    product_description: str | None = strawberry.field(default=None, description="What was bought.")
    refund_policy_disclosure: str | None = strawberry.field(default=None, description="The refund policy, and how the buyer was told of it.")
    refund_refusal_explanation: str | None = strawberry.field(default=None, description="Why nothing was refunded.")
    service_date: str | None = strawberry.field(default=None, description="Since when the buyer could use it.")
    uncategorized_text: str | None = strawberry.field(default=None, description="Whatever else there is to say.")


@strawberry.input(description="How a dispute is answered.")
class DisputeEvidenceSubmitInput:
    dispute_id: strawberry.ID = strawberry.field(description="A dispute that needs a response and was not answered yet.")
    evidence: DisputeEvidenceInput | None = strawberry.field(default=None, description="What to say beside or instead of what the school's records say.")
    idempotency_key: str = strawberry.field(description="1 to 255 characters, new for each intended answer: the same again gives the same outcome.")

    def as_arguments(self) -> dict[str, Any]:
        given = self.evidence or DisputeEvidenceInput()
        return {
            "dispute_id": decode_id(self.dispute_id, "dsp", path="disputeId"),
            "evidence": {name: text for name in rules.FIELDS if (text := getattr(given, name)) is not None},
            "idempotency_key": self.idempotency_key,
        }


@strawberry.type(description="What `disputeEvidenceSubmit` answers.")
class DisputeEvidenceSubmitPayload(Payload):
    dispute_id: strawberry.Private[UUID | None] = None
    dispute: Dispute | None = child(
        "commerce.dispute", key="dispute_id", description="The dispute. Its evidence is on its way to the bank: `evidenceSubmittedAt` says when it is there."
    )
