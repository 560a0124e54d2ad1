"""Facts about tenants and their domains.

What the platform changes of a tenant is told twice, in one commit: in the tenant's own log, and, with who did it, in the platform's.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class TenantCreated(Event, about="tenant_id", audited="tnt"):
    tenant_id: UUID


@dataclass(frozen=True, kw_only=True)
class TenantUpdated(Event, about="tenant_id", audited="tnt"):
    """`changes`: the new values of what changed, by their columns."""

    tenant_id: UUID
    changes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class TenantTermsSet(Event, about="tenant_id", audited="tnt"):
    """The platform's share of sales, in hundredths of a percent."""

    tenant_id: UUID
    platform_fee_bps: int


@dataclass(frozen=True, kw_only=True)
class TenantSuspended(Event, about="tenant_id", audited="tnt"):
    tenant_id: UUID


@dataclass(frozen=True, kw_only=True)
class TenantRestored(Event, about="tenant_id", audited="tnt"):
    tenant_id: UUID


@dataclass(frozen=True, kw_only=True)
class DomainAdded(Event, about="domain_id", audited="dom"):
    domain_id: UUID
    host: str


@dataclass(frozen=True, kw_only=True)
class DomainVerified(Event, about="domain_id", audited="dom"):
    """From now on the host selects the tenant. `by_platform`: it vouches for it, without a proof."""

    domain_id: UUID
    host: str
    by_platform: bool = False


@dataclass(frozen=True, kw_only=True)
class DomainMadePrimary(Event, about="domain_id", audited="dom"):
    domain_id: UUID
    host: str


@dataclass(frozen=True, kw_only=True)
class DomainLapsed(Event, about="domain_id", audited="dom"):
    """Its proof was gone for seven days: the host selects the tenant no more."""

    domain_id: UUID
    host: str


@dataclass(frozen=True, kw_only=True)
class DomainRemoved(Event, about="domain_id", audited="dom"):
    domain_id: UUID
    host: str


@dataclass(frozen=True, kw_only=True)
class MailDomainVerified(Event, about="tenant_id", audited="tnt"):
    """From now on mails come from the tenant's own address."""

    tenant_id: UUID
    host: str


@dataclass(frozen=True, kw_only=True)
class MailDomainLapsed(Event, about="tenant_id", audited="tnt"):
    tenant_id: UUID
    host: str
