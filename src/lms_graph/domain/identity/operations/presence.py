"""Asking somebody who is signed in for the password again, before what an open session must not do by itself."""

from uuid import UUID

from lms_graph.domain.identity import errors, policies
from lms_graph.domain.identity.queries import accounts, sessions
from lms_graph.domain.identity.rules import throttles
from lms_graph.domain.identity.rules.second_factor import PRESENCE
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import SignedOut
from lms_graph.kit.passwords import verify_password
from lms_graph.kit.throttle import Throttle, attempt
from lms_graph.models import database


async def require_presence(*, caller: Caller, password: str | None, throttle: Throttle, field: str = "password", accepts_fresh_session: bool = True) -> database.Record:
    """The caller's account (`id`, `email`, `password_hash`), once its password fits. An account without one proves by a session opened in the last ten minutes.

    Raises SignedOut, NotAllowed, PasswordWrong, SignInTooOld, Busy. Compare the hash again under the lock. Takes tens of milliseconds: not inside a unit of work.
    """
    account_id = policies.require_in_person(caller)
    async with database.reading(caller):
        found = await accounts.password_or_none(caller=caller, account_id=account_id)
        has_just_signed_in = accepts_fresh_session and await is_fresh(caller)
    if found is None:
        raise SignedOut()
    if found["password_hash"] is None and accepts_fresh_session:
        if not has_just_signed_in:
            raise errors.SignInTooOld()
        return found
    bucket = throttles.of_account(throttles.PASSWORD_OF_ACCOUNT, caller, account_id)
    async with attempt(throttle, bucket, wrong=errors.PasswordWrong):
        if found["password_hash"] is None or not (await verify_password(found["password_hash"], password or "")).fits:
            raise errors.PasswordWrong(field)
    await throttle.clear(bucket)
    return found


async def lock_present(*, caller: Caller, proved: database.Record, field: str = "password") -> database.Record:
    """The account that `require_presence` gave, locked in the present unit of work. Raises PasswordWrong when the password was changed meanwhile."""
    account = await accounts.active_account_for_update(caller=caller, account_id=caller.account)
    if account is None or account["password_hash"] != proved["password_hash"]:
        raise errors.PasswordWrong(field)
    return account


async def is_fresh(caller: Caller) -> bool:
    """Whether the caller has signed in within the last ten minutes."""
    session_id: UUID | None = caller.session_id
    opened_at = await sessions.opened_at(caller=caller, session_id=session_id) if session_id else None
    return opened_at is not None and caller.now - opened_at <= PRESENCE
