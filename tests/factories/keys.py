"""API keys, and callers who make them."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from lms_graph.domain.identity.operations import keys
from lms_graph.domain.identity.rules.permissions import permissions_of
from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.models.identity import ApiKeyKind
from tests.factories.accounts import account


def as_admin(system: Caller, account_id: UUID) -> Caller:
    """An administrator of the school, as the domain sees them."""
    roles = frozenset({"TENANT_ADMIN"})
    return replace(system, account_id=account_id, is_system=False, roles=roles, permissions=permissions_of(roles))


async def admin(system: Caller) -> Caller:
    """An administrator of their own."""
    return as_admin(system, await account(system, roles=("TENANT_ADMIN",)))


async def made_key(caller: Caller, *, kind: str = "SECRET", scopes: Collection[Permission] = (), name: str = "A key", expires_at: datetime | None = None) -> tuple[UUID, str]:
    """A new key of an administrator: its id and secret."""
    made = await keys.create_key(caller=caller, name=name, kind=ApiKeyKind(kind), scopes=scopes, expires_at=expires_at, key=uuid4().hex)
    assert made.secret
    return made.id, made.secret


async def api_key(caller: Caller, *, scopes: Collection[Permission] = (), name: str = "A key") -> UUID:
    """A new secret key of an administrator: its id."""
    return (await made_key(caller, scopes=scopes, name=name))[0]
