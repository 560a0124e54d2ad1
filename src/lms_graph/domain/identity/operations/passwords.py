"""Setting a password: by a link from the account's mail, or by the present one."""

from uuid import UUID

from lms_graph.domain.identity import errors, events
from lms_graph.domain.identity.operations import challenges, presence, sessions
from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.identity.rules import accounts as rules
from lms_graph.domain.identity.rules import throttles
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.passwords import hash_password
from lms_graph.kit.secrets import SecretKeys
from lms_graph.kit.throttle import Throttle, attempt
from lms_graph.models import identity as rows
from lms_graph.models.identity import ChallengeKind
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def reset(*, caller: Caller, token: str, password: str, secret_keys: SecretKeys, throttle: Throttle) -> sessions.Entered:
    """Set a password by a followed link, which proves the address too, end all sessions, and let in; where a second factor is on, it is asked for.

    Raises LinkInvalid, Invalid (the link stays good), Busy. Records PasswordChanged, SessionEnded for each, perhaps EmailVerified and SessionOpened.
    """
    kinds = (ChallengeKind.PASSWORD_RESET,)
    async with attempt(throttle, throttles.from_network(throttles.LINK_FROM_NETWORK, caller), wrong=errors.LinkInvalid):
        seen = await challenges.look(caller=caller, token=token, kinds=kinds, secret_keys=secret_keys)
        _require_good(password, email=seen["email"], field="password")
        password_hash = await hash_password(password)
        async with unit_of_work(caller) as work:
            account = await accounts.active_account_for_update(caller=caller, account_id=seen["account_id"])
            await challenges.redeem(caller=caller, token=token, kinds=kinds, secret_keys=secret_keys)
            if account is None:
                raise errors.LinkInvalid()
            await _set(work, caller, account["id"], password_hash)
            if account["email_verified_at"] is None:
                await rows.Account.for_caller(caller, id=account["id"]).update(email_verified_at=caller.now)
                work.record(events.EmailVerified(account_id=account["id"]))
            await sessions.end_sessions(work=work, caller=caller, account_id=account["id"], reason="PASSWORD_CHANGED")
            entered = await sessions.enter(caller=caller, account_id=account["id"])
    await throttle.clear(throttles.password_pair(caller, account["email"]), throttles.password_of_everybody(caller, account["email"]))
    return entered


async def change(*, caller: Caller, current_password: str, new_password: str, throttle: Throttle) -> None:
    """Set a new password by the present one; other sessions end. Raises Invalid, PasswordWrong (also when there is none), Busy. Records PasswordChanged, SessionEnded for each."""
    proved = await presence.require_presence(caller=caller, password=current_password, throttle=throttle, field="currentPassword", accepts_fresh_session=False)
    _require_good(new_password, email=proved["email"], field="newPassword")
    password_hash = await hash_password(new_password)
    async with unit_of_work(caller) as work:
        account = await presence.lock_present(caller=caller, proved=proved, field="currentPassword")
        await _set(work, caller, account["id"], password_hash)
        await sessions.end_sessions(work=work, caller=caller, account_id=account["id"], reason="PASSWORD_CHANGED", keep={caller.session_id})


async def _set(work: UnitOfWork, caller: Caller, account_id: UUID, password_hash: str) -> None:
    """Links that were asked for under the old password end, for whoever asked may have been another; and an invitation has been taken."""
    await rows.Account.for_caller(caller, id=account_id).update(password_hash=password_hash)
    await rows.Challenge.for_caller(
        caller, account_id=account_id, used_at__isnull=True, kind__in=[ChallengeKind.PASSWORD_RESET, ChallengeKind.EMAIL_CHANGE, ChallengeKind.INVITATION]
    ).delete()
    work.record(events.PasswordChanged(account_id=account_id))


def _require_good(password: str, *, email: str, field: str) -> None:
    if issues := [Issue(issue.message, (field,)) for issue in rules.issues_with_password(password, email=email)]:
        raise Invalid(*issues)
