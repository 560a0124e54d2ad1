"""Accounts, their sessions, and instructors."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pyotp

from lms_graph.domain.identity import events
from lms_graph.domain.identity.operations import accounts, challenges, instructors, second_factor, sessions
from lms_graph.kit.caller import Caller
from lms_graph.kit.secrets import SecretKeys
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import unit_of_work

PASSWORD = "a quiet blue harbour"


def address() -> str:
    """An address that no other account has."""
    return f"{uuid4().hex[:12]}@example.com"


async def account(caller: Caller, *, email: str | None = None, name: str = "Ada Example", password: str | None = None, roles: Collection[str] = ("STUDENT",)) -> UUID:
    """An account of the caller's tenant (`school.system`). Without a password, for that takes time."""
    return await accounts.register(caller=caller, email=email or address(), name=name, password=password, roles=roles)


async def signed_in(caller: Caller, account_id: UUID | None = None, *, roles: Collection[str] = ("STUDENT",), name: str = "Ada Example") -> sessions.SignedIn:
    """A session with its tokens, of the account given or of a new one."""
    return await sessions.open_session(caller=caller, account_id=account_id or await account(caller, name=name, roles=roles))


async def instructor(caller: Caller, *, slug: str | None = None, name: str = "Ida Example", headline: str | None = "Teaches", bio: str = "Knows *much*.") -> UUID:
    """An account that teaches, with its public page; gives the account's id."""
    account_id = await account(caller, name=name, roles=("STUDENT", "INSTRUCTOR"))
    await instructors.save_page(caller=caller, account_id=account_id, slug=slug or f"i-{uuid4().hex[:12]}", headline=headline, bio_markdown=bio)
    return account_id


async def link(caller: Caller, secret_keys: SecretKeys, account_id: UUID, kind: str) -> str:
    """The token of the link that an account's mail would carry now."""
    async with database.reading(caller):
        row = await database.fetch_one(
            "SELECT id, salt FROM challenges WHERE tenant_id = $1 AND account_id = $2 AND kind = $3 AND used_at IS NULL", caller.tenant_id, account_id, kind
        )
    assert row is not None, f"no {kind} was asked for"
    return challenges.token_of(row, secret_keys)


async def with_app(caller: Caller, secret_keys: SecretKeys, account_id: UUID) -> tuple[str, list[str]]:
    """Turn an account's second factor on at `caller.now`, with a code of the step before; gives the secret and the recovery codes."""
    session = await sessions.open_session(caller=caller, account_id=account_id)
    owner = replace(caller, account_id=account_id, session_id=session.session_id, is_system=False)
    secret, _ = await second_factor.enroll(caller=owner, password=PASSWORD, secret_keys=secret_keys, throttle=MemoryThrottle())
    codes = await second_factor.confirm_device(caller=owner, code=app_code(secret, caller.now - timedelta(seconds=30)), secret_keys=secret_keys, throttle=MemoryThrottle())
    return secret, codes


def app_code(secret: str, at: datetime) -> str:
    """What the app shows then."""
    return pyotp.TOTP(secret).at(at)


async def suspend(caller: Caller, account_id: UUID) -> None:
    """Its sessions go on in the table, as those that are opened at the same moment would."""
    async with unit_of_work(caller) as work:
        await rows.Account.for_caller(caller, id=account_id).update(status=rows.AccountStatus.SUSPENDED)
        work.record(events.MemberSuspended(account_id=account_id))


async def take_role(caller: Caller, account_id: UUID, role: str) -> None:
    async with unit_of_work(caller) as work:
        await rows.AccountRole.for_caller(caller, account_id=account_id, role=role).delete()
        work.record(events.RoleRevoked(account_id=account_id, role=role))


async def give_role(caller: Caller, account_id: UUID, role: str) -> None:
    async with unit_of_work(caller) as work:
        await rows.AccountRole.create(tenant_id=caller.tenant_id, account_id=account_id, role=role)
        work.record(events.RoleGranted(account_id=account_id, role=role))


async def verify_address(caller: Caller, account_id: UUID) -> None:
    async with unit_of_work(caller):
        await rows.Account.for_caller(caller, id=account_id).update(email_verified_at=caller.now)
