"""Making accounts."""

from collections.abc import Collection
from uuid import UUID

from lms_graph.domain.identity import errors, events, policies
from lms_graph.domain.identity.operations import emails, sessions
from lms_graph.domain.identity.rules import accounts as rules
from lms_graph.domain.identity.rules import throttles
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid
from lms_graph.kit.passwords import hash_password
from lms_graph.kit.text import email_key
from lms_graph.kit.throttle import Throttle, attempt
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import Role
from lms_graph.outbox.unit_of_work import unit_of_work


async def sign_up(*, caller: Caller, email: str, name: str, password: str, throttle: Throttle) -> sessions.SignedIn:
    """Make a student's account and sign it in. Raises what `register` and `open_session` do, and Busy. Records what they do, and EmailVerificationRequested.

    EmailTaken tells that somebody has an account: so it is told only so often to one network.
    """
    every, taken = throttles.sign_up(caller)
    async with attempt(throttle, taken, wrong=errors.EmailTaken):
        await throttle.take(every)
        password_hash = await _checked(caller, (Role.STUDENT,), email, name, password)
        async with unit_of_work(caller):
            account_id = await _create(caller, email, name, password_hash, (Role.STUDENT,), None, is_verified=False)
            await emails.pose_verification(caller=caller, account_id=account_id, email=rules.clean_email(email))
            return await sessions.open_session(caller=caller, account_id=account_id, at_sign_up=True)


async def register(
    *,
    caller: Caller,
    email: str,
    name: str,
    password: str | None,
    roles: Collection[str] = (Role.STUDENT,),
    locale: str | None = None,
    is_email_verified: bool = False,
) -> UUID:
    """Make an account and give its id; without a password it can only sign in another way.

    Raises Invalid with every issue, EmailTaken (also for the later of two at once), NotAllowed for roles beyond the caller's right, Busy.
    Records AccountRegistered, and EmailVerified where it was proved elsewhere. A password is hashed before anything else, for some tens of milliseconds: do not call it with one inside a unit of work.
    """
    given = {Role(role) for role in roles}
    password_hash = await _checked(caller, given, email, name, password)
    return await _create(caller, email, name, password_hash, given, locale, is_verified=is_email_verified)


async def _checked(caller: Caller, roles: Collection[Role], email: str, name: str, password: str | None) -> str | None:
    """The password's hash, once everything else that can be known beforehand is right."""
    policies.require_may_register(caller, roles)
    if issues := rules.issues_with_account(email=rules.clean_email(email), name=rules.clean_name(name), password=password):
        raise Invalid(*issues)
    return None if password is None else await hash_password(password)


async def _create(caller: Caller, email: str, name: str, password_hash: str | None, roles: Collection[Role], locale: str | None, *, is_verified: bool) -> UUID:
    email = rules.clean_email(email)
    async with unit_of_work(caller) as work:
        with database.unique(otherwise=errors.EmailTaken):
            account = await rows.Account.create(
                tenant_id=caller.tenant_id,
                email=email,
                email_key=email_key(email),
                name=rules.clean_name(name),
                password_hash=password_hash,
                locale=locale,
                email_verified_at=caller.now if is_verified else None,
            )
        await rows.AccountRole.bulk_create(rows.AccountRole(tenant_id=caller.tenant_id, account_id=account.id, role=role) for role in sorted(roles))
        work.record(events.AccountRegistered(account_id=account.id))
        if is_verified:
            work.record(events.EmailVerified(account_id=account.id))
    return account.id
