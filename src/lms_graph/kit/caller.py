"""Who is asking: every domain call carries one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from lms_graph.kit import permissions as rights
from lms_graph.kit.errors import NotAllowed, SignedOut
from lms_graph.kit.permissions import Permission


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The person, server or process behind a domain call, and the moment at which it asks.

    `account_id` is None for visitors, for servers with an API key and for the system. `permissions` are what the caller may do now: those of the account's roles or of the key,
    less what the session takes away. A read-only caller changes nothing; to a masked one, personal data are not shown. `now` is the one clock of the call: rules never read another.
    """

    tenant_id: UUID
    account_id: UUID | None = None
    session_id: UUID | None = None
    in_platform: bool = False
    key_id: UUID | None = None
    impersonator_id: UUID | None = None
    roles: frozenset[str] = frozenset()
    permissions: frozenset[Permission] = frozenset()
    locale: str = "en"
    address: str | None = None
    user_agent: str | None = None
    now: datetime
    is_system: bool = False
    is_read_only: bool = False
    is_masked: bool = False

    @classmethod
    def system(cls, tenant_id: UUID, *, now: datetime | None = None) -> "Caller":
        """The house itself, acting for a tenant: jobs, the importer, the seed."""
        return cls(tenant_id=tenant_id, is_system=True, permissions=rights.ALL, now=now or datetime.now(UTC))

    @property
    def account(self) -> UUID:
        """The signed-in account. Raises SignedOut; NotAllowed for a key, which is nobody's account."""
        if self.account_id is None:
            if self.key_id is not None:
                raise NotAllowed("This is for people: send an account's access token instead of an API key.")
            raise SignedOut()
        return self.account_id

    @property
    def identity(self) -> str:
        """Who it is, in one word: what an idempotency key or a budget belongs to. Raises SignedOut for visitors."""
        return f"key:{self.key_id}" if self.account_id is None and self.key_id is not None else str(self.account)

    def has_role(self, *roles: str) -> bool:
        return self.is_system or not self.roles.isdisjoint(roles)

    def may(self, *permissions: Permission) -> bool:
        """Whether the caller holds one of these."""
        return not self.permissions.isdisjoint(permissions)

    def require(self, *permissions: Permission) -> None:
        """Raises SignedOut for visitors and NotAllowed for others who hold none of these."""
        if self.may(*permissions):
            return
        if self.account_id is None and self.key_id is None:
            raise SignedOut()
        raise NotAllowed(f"This needs the permission {' or '.join(permissions)}, which you do not hold here.")

    def require_may_write(self) -> None:
        """Raises NotAllowed for who may only read."""
        if self.is_read_only:
            raise NotAllowed("This token is read-only: it is an explorer's, or somebody's who looks at the school as another person. Nothing can be changed with it but `signOut`.")

    def at(self, now: datetime) -> "Caller":
        later = object.__new__(Caller)
        later.__dict__.update(self.__dict__, now=now)  # as `replace` does, which takes each operation twenty microseconds
        return later
