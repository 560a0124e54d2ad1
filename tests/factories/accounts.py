"""Accounts, their sessions, and instructors."""

from collections.abc import Collection
from uuid import UUID, uuid4

from lms_graph.domain.identity.operations import accounts, instructors, sessions
from lms_graph.kit.caller import Caller
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


async def suspend(caller: Caller, account_id: UUID) -> None:
    async with unit_of_work(caller):
        await rows.Account.for_caller(caller, id=account_id).update(status=rows.AccountStatus.SUSPENDED)


async def take_role(caller: Caller, account_id: UUID, role: str) -> None:
    async with unit_of_work(caller):
        await rows.AccountRole.for_caller(caller, account_id=account_id, role=role).delete()


async def verify_address(caller: Caller, account_id: UUID) -> None:
    async with unit_of_work(caller):
        await rows.Account.for_caller(caller, id=account_id).update(email_verified_at=caller.now)
