"""Facts about payees and what is paid to them."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class PayoutAccountMade(Event, about="payee_id", audited="pye"):
    """The payee has an account at the payment provider from now on. `account_id` is None for the school's own."""

    payee_id: UUID
    account_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class PayoutAccountChanged(Event, about="payee_id", audited="pye"):
    """The provider pays, or does not pay, to this account from now on."""

    payee_id: UUID
    account_id: UUID | None
    is_enabled: bool


@dataclass(frozen=True, kw_only=True)
class PayoutScheduleSet(Event, about="payee_id", audited="pye"):
    payee_id: UUID
    account_id: UUID | None
    kind: str


@dataclass(frozen=True, kw_only=True)
class PayoutRunDue(Event, about="payee_id"):
    """At `due_at` what is available is paid out, and the next run is set."""

    payee_id: UUID
    due_at: str


@dataclass(frozen=True, kw_only=True)
class PayoutReserved(Event, about="payout_id", audited="pot"):
    """An amount has left a payee's balance, and is to be sent."""

    payout_id: UUID
    payee_id: UUID


@dataclass(frozen=True, kw_only=True)
class PayoutDelayed(Event, about="payout_id"):
    """It is tried again at `again_at`: the provider holds too little now."""

    payout_id: UUID
    again_at: str


@dataclass(frozen=True, kw_only=True)
class PayoutPaid(Event, about="payout_id", audited="pot"):
    """The money lies on the payee's account at the provider."""

    payout_id: UUID
    payee_id: UUID
    account_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class PayoutFailed(Event, about="payout_id", audited="pot"):
    """The provider refused it, and the amount is back on the payee's balance."""

    payout_id: UUID
    payee_id: UUID
    account_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class PayoutReversed(Event, about="payout_id", audited="pot"):
    """The provider took money back from the payee's account; it is on the payee's balance again."""

    payout_id: UUID
    payee_id: UUID


@dataclass(frozen=True, kw_only=True)
class StatementRequested(Event, about="statement_id"):
    statement_id: UUID
    payee_id: UUID


@dataclass(frozen=True, kw_only=True)
class InstructorPremiumSet(Event, about="payee_id", audited="pye"):
    """The lower commission for premium instructors holds until then (RFC 3339), or with None no more."""

    payee_id: UUID
    account_id: UUID
    until: str | None


@dataclass(frozen=True, kw_only=True)
class CommissionSet(Event, about="tenant_id", audited="tnt"):
    """How the platform's share differs with what is sold, and with who teaches."""

    tenant_id: UUID
    premium_bps: int | None
    fee_tax_ppm: int
    tiers: int


@dataclass(frozen=True, kw_only=True)
class PaymentProviderSet(Event, about="tenant_id", audited="tnt"):
    """The school sells through an account of its own."""

    tenant_id: UUID


@dataclass(frozen=True, kw_only=True)
class PaymentProviderRemoved(Event, about="tenant_id", audited="tnt"):
    """The school sells through the deployment's account again."""

    tenant_id: UUID
