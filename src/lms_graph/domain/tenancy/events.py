"""Facts about tenants."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class TenantCreated(Event, about="tenant_id"):
    tenant_id: UUID


@dataclass(frozen=True, kw_only=True)
class TenantUpdated(Event, about="tenant_id"):
    tenant_id: UUID
