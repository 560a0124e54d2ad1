"""Proving an address, changing it, and asking for mails with links.

Who asks for a mail without being signed in must not learn whether somebody has the address, not even by the clock. So all that is done then is to keep the request; a job looks the
address up, poses the challenge that belongs to it, and forgets the request.
"""

from uuid import UUID

from lms_graph.domain.identity import errors, events
from lms_graph.domain.identity.operations import challenges, presence
from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.identity.queries import links as queries
from lms_graph.domain.identity.rules import accounts as account_rules
from lms_graph.domain.identity.rules import links as rules
from lms_graph.domain.identity.rules import throttles
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid
from lms_graph.kit.secrets import SecretKeys
from lms_graph.kit.text import email_key
from lms_graph.kit.throttle import Throttle, attempt
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import ChallengeKind
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import unit_of_work


async def request_verification(*, caller: Caller, email: str, throttle: Throttle) -> None:
    """Ask for a mail by which to verify an address. The same for one that nobody has. Raises Invalid, Busy. Records LinkRequested."""
    await _request(caller, email, ChallengeKind.EMAIL_VERIFICATION, throttle)


async def request_password_reset(*, caller: Caller, email: str, throttle: Throttle) -> None:
    """Ask for a mail by which to set a password. The same for an address that nobody has. Raises Invalid, Busy. Records LinkRequested."""
    await _request(caller, email, ChallengeKind.PASSWORD_RESET, throttle)


async def _request(caller: Caller, email: str, kind: ChallengeKind, throttle: Throttle) -> None:
    email = account_rules.clean_email(email)
    if issues := [*account_rules.issues_with_email(email)]:
        raise Invalid(*issues)
    await throttle.take(*throttles.mail_to(caller, email, kind))
    async with unit_of_work(caller) as work:
        request = await rows.LinkRequest.create(tenant_id=caller.tenant_id, kind=kind, email_key=email_key(email), created_at=caller.now)
        work.record(events.LinkRequested(request_id=request.id))


async def answer_link_request(*, caller: Caller, request_id: UUID, closes: Delivery) -> None:
    """Look up who was meant, and pose the challenge whose link is mailed: to active accounts, and for verifying to those that are not verified. Forgets the request.

    Records PasswordResetRequested or EmailVerificationRequested, or nothing.
    """
    async with unit_of_work(caller, closes=closes) as work:
        request = await queries.request_with_account(caller=caller, request_id=request_id)
        if request is None:
            return
        await rows.LinkRequest.for_caller(caller, id=request_id).delete()
        account = await accounts.active_account_for_update(caller=caller, account_id=request["account_id"]) if request["account_id"] else None
        if account is None:
            return
        if request["kind"] == ChallengeKind.PASSWORD_RESET:
            id = await challenges.pose(caller=caller, account_id=account["id"], kind=ChallengeKind.PASSWORD_RESET, email=account["email"], life=rules.PASSWORD_RESET_LIFE)
            work.record(events.PasswordResetRequested(challenge_id=id, account_id=account["id"]))
        elif account["email_verified_at"] is None:
            await pose_verification(caller=caller, account_id=account["id"], email=account["email"])


async def pose_verification(*, caller: Caller, account_id: UUID, email: str) -> None:
    """Ask for the proof that an address is theirs. Records EmailVerificationRequested."""
    async with unit_of_work(caller) as work:
        id = await challenges.pose(caller=caller, account_id=account_id, kind=ChallengeKind.EMAIL_VERIFICATION, email=email, life=rules.EMAIL_VERIFICATION_LIFE)
        work.record(events.EmailVerificationRequested(challenge_id=id, account_id=account_id))


async def verify(*, caller: Caller, token: str, secret_keys: SecretKeys, throttle: Throttle) -> database.Record:
    """Take a followed link as the proof that an address is theirs; gives the account as it is then. Raises LinkInvalid, Busy. Records EmailVerified."""
    kinds = (ChallengeKind.EMAIL_VERIFICATION,)
    async with attempt(throttle, throttles.from_network(throttles.LINK_FROM_NETWORK, caller), wrong=errors.LinkInvalid):
        seen = await challenges.look(caller=caller, token=token, kinds=kinds, secret_keys=secret_keys)
        async with unit_of_work(caller) as work:
            account = await accounts.active_account_for_update(caller=caller, account_id=seen["account_id"])
            challenge = await challenges.redeem(caller=caller, token=token, kinds=kinds, secret_keys=secret_keys)
            if account is None or email_key(challenge["email"]) != account["email_key"]:
                raise errors.LinkInvalid()
            if account["email_verified_at"] is None:
                await rows.Account.for_caller(caller, id=account["id"]).update(email_verified_at=caller.now)
                work.record(events.EmailVerified(account_id=account["id"]))
            return await _owner(caller, account["id"])


async def request_change(*, caller: Caller, email: str, password: str | None, throttle: Throttle) -> None:
    """Ask for a mail to a new address, with the link that makes it the account's. Raises Invalid and what `require_presence` does. Records EmailChangeRequested.

    That somebody else has the address is told to who reads its mail, and not here.
    """
    proved = await presence.require_presence(caller=caller, password=password, throttle=throttle)
    email = account_rules.clean_email(email)
    if issues := [*account_rules.issues_with_email(email)]:
        raise Invalid(*issues)
    await throttle.take(*throttles.mail_to(caller, email, ChallengeKind.EMAIL_CHANGE))
    async with unit_of_work(caller) as work:
        account = await presence.lock_present(caller=caller, proved=proved)
        id = await challenges.pose(caller=caller, account_id=account["id"], kind=ChallengeKind.EMAIL_CHANGE, email=email, life=rules.EMAIL_CHANGE_LIFE)
        work.record(events.EmailChangeRequested(challenge_id=id, account_id=account["id"]))


async def confirm_change(*, caller: Caller, token: str, secret_keys: SecretKeys, throttle: Throttle) -> database.Record:
    """Make the address whose mail was read the account's, verified; links to the old one end. Gives the account as it is then. Raises LinkInvalid, EmailTaken, Busy. Records EmailChanged."""
    kinds = (ChallengeKind.EMAIL_CHANGE,)
    async with attempt(throttle, throttles.from_network(throttles.LINK_FROM_NETWORK, caller), wrong=errors.LinkInvalid):
        seen = await challenges.look(caller=caller, token=token, kinds=kinds, secret_keys=secret_keys)
        async with unit_of_work(caller) as work:
            account = await accounts.active_account_for_update(caller=caller, account_id=seen["account_id"])
            challenge = await challenges.redeem(caller=caller, token=token, kinds=kinds, secret_keys=secret_keys)
            if account is None:
                raise errors.LinkInvalid()
            email: str = challenge["email"]
            with database.unique(otherwise=errors.EmailTaken):
                await rows.Account.for_caller(caller, id=account["id"]).update(email=email, email_key=email_key(email), email_verified_at=caller.now)
            await rows.Challenge.for_caller(
                caller, account_id=account["id"], used_at__isnull=True, kind__in=[ChallengeKind.EMAIL_VERIFICATION, ChallengeKind.PASSWORD_RESET]
            ).delete()
            work.record(events.EmailChanged(account_id=account["id"]))
            return await _owner(caller, account["id"])


async def _owner(caller: Caller, account_id: UUID) -> database.Record:
    account = await accounts.active_account_for_update(caller=caller, account_id=account_id)
    assert account is not None  # it is locked
    return account
