"""Inviting people: an account that waits for its owner, and the link by which they take it."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from lms_graph.domain.identity import errors, events, policies
from lms_graph.domain.identity.operations import accounts, challenges, roles, sessions
from lms_graph.domain.identity.queries import members as queries
from lms_graph.domain.identity.queries import second_factor as second_factor_queries
from lms_graph.domain.identity.rules import accounts as account_rules
from lms_graph.domain.identity.rules import members as rules
from lms_graph.domain.identity.rules import throttles
from lms_graph.domain.tenancy.queries import tenants as tenancy
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict, Invalid
from lms_graph.kit.passwords import hash_password
from lms_graph.kit.permissions import Permission
from lms_graph.kit.secrets import SecretKeys
from lms_graph.kit.text import email_key
from lms_graph.kit.throttle import Throttle
from lms_graph.models import identity as rows
from lms_graph.models.identity import AccountStatus, ChallengeKind, Role
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def invite(*, caller: Caller, email: str, name: str, given: Collection[Role], idempotency_key: str, throttle: Throttle) -> UUID:
    """Make an account without a password, a student's with these roles besides, and have its owner sent a link; gives its id.

    Whoever has an account is not invited: its roles are changed by `grant_role`. Raises SignedOut, NotAllowed (see `policies.require_may_set_role`), Invalid with
    every issue, EmailTaken, IdempotencyConflict, Busy. Records AccountRegistered, RoleGranted for each further role, MemberInvited.
    """
    caller.require(Permission.MEMBERS_MANAGE)
    await throttle.take(throttles.invitation(caller))
    further = sorted(set(given) - {Role.STUDENT})

    async def run(work: UnitOfWork) -> UUID:
        is_platform = await tenancy.is_platform(caller=caller)
        for role in further:
            policies.require_may_set_role(caller, role, is_platform=is_platform)
        account_id = await accounts.register(caller=caller, email=email, name=name, password=None)
        for role in further:
            await roles.give(work, caller=caller, account_id=account_id, name=name, role=role)
        await _pose(work, caller, account_id, account_rules.clean_email(email))
        return account_id

    return await once(caller, field="memberInvite", key=idempotency_key, body={"email": email, "name": name, "roles": sorted(set(given))}, run=run)


async def resend(*, caller: Caller, account_id: UUID, idempotency_key: str, throttle: Throttle) -> UUID:
    """Have a new link sent to somebody who has not accepted yet; earlier links are no longer good.

    Raises SignedOut, NotAllowed, MemberNotFound, IdempotencyConflict, Busy, Conflict where no invitation is open or the account is suspended. Records MemberInvited.
    """
    caller.require(Permission.MEMBERS_MANAGE)
    await throttle.take(throttles.invitation(caller))

    async def run(work: UnitOfWork) -> UUID:
        member = await queries.member_for_update(caller=caller, account_id=account_id)
        if member is None:
            raise errors.MemberNotFound()
        if member["status"] != AccountStatus.ACTIVE or not await queries.has_open_invitation(caller=caller, account_id=account_id):
            raise Conflict("No invitation of this member is open: they were not invited, have accepted, or are suspended.", path=("memberId",))
        await _pose(work, caller, account_id, member["email"])
        return account_id

    return await once(caller, field="memberInvitationResend", key=idempotency_key, body={"memberId": account_id}, run=run)


async def accept(*, caller: Caller, token: str, name: str | None, password: str, secret_keys: SecretKeys) -> sessions.SignedIn:
    """Take an invited account by the link's token: its password, perhaps another name, and a session. The address is proved to be theirs.

    Works once, within seven days, while the account has this address and is active. Raises LinkInvalid, Invalid with every issue, Busy. Records InvitationAccepted,
    EmailVerified, SessionOpened.
    """
    found = await challenges.look(caller=caller, token=token, kinds=(ChallengeKind.INVITATION,), secret_keys=secret_keys)
    if issues := account_rules.issues_with_account(email=found["email"], name="x" if name is None else account_rules.clean_name(name), password=password):
        raise Invalid(*issues)
    password_hash = await hash_password(password)
    async with unit_of_work(caller) as work:
        member = await queries.member_for_update(caller=caller, account_id=found["account_id"])  # the account first, as everybody does
        challenge = await challenges.redeem(caller=caller, token=token, kinds=(ChallengeKind.INVITATION,), secret_keys=secret_keys)
        if await second_factor_queries.is_on(caller=caller, account_id=challenge["account_id"]):
            raise errors.LinkInvalid()  # its owner has come in another way
        if member is None or member["status"] != AccountStatus.ACTIVE or member["email_key"] != email_key(challenge["email"]):
            raise errors.LinkInvalid()
        changes: dict[str, Any] = {"password_hash": password_hash}
        if name is not None:
            changes["name"] = account_rules.clean_name(name)
        if member["email_verified_at"] is None:
            changes["email_verified_at"] = caller.now
            work.record(events.EmailVerified(account_id=member["id"]))
        await rows.Account.for_caller(caller, id=member["id"]).update(**changes)
        work.record(events.InvitationAccepted(account_id=member["id"]))
        return await sessions.open_session(caller=caller, account_id=member["id"])


async def _pose(work: UnitOfWork, caller: Caller, account_id: UUID, email: str) -> None:
    challenge_id = await challenges.pose(caller=caller, account_id=account_id, kind=ChallengeKind.INVITATION, email=email, life=rules.INVITATION_LIFE)
    work.record(events.MemberInvited(challenge_id=challenge_id, account_id=account_id, inviter_id=caller.account_id))
