"""Who is asking: every domain call carries one."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from lms_graph.kit.errors import SignedOut


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The person or process behind a domain call, and the moment at which it asks.

    `account_id` is None for visitors and for the system. `now` is the one clock of the call: rules never read another.
    """

    tenant_id: UUID
    account_id: UUID | None = None
    session_id: UUID | None = None
    roles: frozenset[str] = frozenset()
    locale: str = "en"
    address: str | None = None
    user_agent: str | None = None
    now: datetime
    is_system: bool = False

    @classmethod
    def system(cls, tenant_id: UUID, *, now: datetime | None = None) -> "Caller":
        """The house itself, acting for a tenant: jobs, the importer, the seed."""
        return cls(tenant_id=tenant_id, is_system=True, now=now or datetime.now(UTC))

    @property
    def account(self) -> UUID:
        """The signed-in account. Raises SignedOut."""
        if self.account_id is None:
            raise SignedOut()
        return self.account_id

    def has_role(self, *roles: str) -> bool:
        return self.is_system or not self.roles.isdisjoint(roles)

    def at(self, now: datetime) -> "Caller":
        return replace(self, now=now)
