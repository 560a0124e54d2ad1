"""Mails about accounts that follow from facts, each sent once (`sending`). A link that is no longer good is not sent."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from lms_graph.domain.identity.operations.challenges import token_of
from lms_graph.domain.identity.queries import accounts as account_queries
from lms_graph.domain.identity.queries import applications as application_queries
from lms_graph.domain.identity.queries import challenges as challenge_queries
from lms_graph.domain.identity.queries import sessions as session_queries
from lms_graph.domain.notifications.operations import sending
from lms_graph.domain.notifications.ports import Post
from lms_graph.domain.notifications.queries import mails as queries
from lms_graph.domain.notifications.rules import devices, texts
from lms_graph.kit.caller import Caller
from lms_graph.kit.text import email_key
from lms_graph.models import database
from lms_graph.models.identity import ApplicationStatus, ChallengeKind
from lms_graph.models.notifications import MailKind
from lms_graph.outbox.store import Delivery


async def mail_link(*, caller: Caller, challenge_id: UUID, inviter_id: UUID | None = None, closes: Delivery, post: Post) -> None:
    """Mail the link of a challenge to the address that it is to prove: for verifying it, a new password, a change of address, an invitation.

    A challenge that is used, expired or replaced is not mailed. Raises Unavailable and MailRefused.
    """
    async with database.reading(caller):
        challenge = await challenge_queries.challenge_or_none(caller=caller, challenge_id=challenge_id)
        account = challenge and await sending.reader(caller, challenge["account_id"])
        inviter = (await account_queries.names_of_accounts(caller=caller, account_ids=[inviter_id])).get(inviter_id, "") if inviter_id else ""
    if not challenge or not account:
        await sending.drop(caller, (MailKind.EMAIL_VERIFICATION, MailKind.PASSWORD_RESET, MailKind.EMAIL_CHANGE, MailKind.INVITATION), challenge_id, closes)
        return
    if challenge["kind"] == ChallengeKind.EMAIL_CHANGE and _differ(account["email"], challenge["email"]):
        await sending.reserve(caller, _change_notice(account, challenge), again=False)  # before the link goes out: once it is followed, nobody knows the old address
    plan = sending.Plan(
        account=account,
        kind=MailKind(challenge["kind"]),
        about_id=challenge_id,
        email=challenge["email"],
        token=token_of(challenge, post.secret_keys),
        values={"until": challenge["expires_at"], "inviter": texts.name(inviter)},
    )
    await sending.send(caller, plan, closes, post)


async def mail_change_notice(*, caller: Caller, challenge_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell the present address that a change to another was asked for; nothing where there is no such change any more. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        challenge = await challenge_queries.challenge_or_none(caller=caller, challenge_id=challenge_id)
        reserved = await queries.mail_or_none(caller=caller, kind=MailKind.EMAIL_CHANGE_NOTICE, about_id=challenge_id)
        account_id = reserved["account_id"] if reserved else challenge["account_id"] if challenge else None
        account = account_id and await sending.reader(caller, account_id)
    if account and (reserved or (challenge and _differ(account["email"], challenge["email"]))):
        await sending.send(caller, _change_notice(account, challenge or {"id": challenge_id}), closes, post)
    else:
        await sending.drop(caller, (MailKind.EMAIL_CHANGE_NOTICE,), challenge_id, closes)


async def mail_email_changed(*, caller: Caller, account_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell the former address that the account has another now; nothing where it is not known any more. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        account = await sending.reader(caller, account_id)
        before = account and await queries.address_before(caller=caller, account_id=account_id, now=account["email"])
    if account and before:
        await sending.send(caller, sending.Plan(account=account, kind=MailKind.EMAIL_CHANGED, about_id=closes.id, email=before), closes, post)
    else:
        await sending.drop(caller, (MailKind.EMAIL_CHANGED,), closes.id, closes)


async def mail_password_changed(*, caller: Caller, account_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell an account that its password was changed. Raises Unavailable and MailRefused."""
    await _notice(caller, account_id, MailKind.PASSWORD_CHANGED, closes, post)


async def mail_application_decision(*, caller: Caller, application_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell an applicant what became of the application, with the reason in the words of who decided. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        application = next(iter(await application_queries.applications_by_ids(caller=caller, ids=[application_id])), None)
    if application is None:
        await sending.drop(caller, (MailKind.APPLICATION_APPROVED, MailKind.APPLICATION_REFUSED), closes.id, closes)
        return
    kind = MailKind.APPLICATION_APPROVED if application["status"] == ApplicationStatus.APPROVED else MailKind.APPLICATION_REFUSED
    await _notice(caller, application["account_id"], kind, closes, post, quote=texts.quote(application["reason"] or "") or None)


async def mail_sign_in_alert(*, caller: Caller, session_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell an account that somebody signed in from a device that it was not seen with, unless it wants no such mails. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        session = await session_queries.session_or_none(caller=caller, session_id=session_id)
        account = session and await sending.reader(caller, session["account_id"])
        unwanted = session and await queries.is_off(caller=caller, account_id=session["account_id"], kind=MailKind.SIGN_IN_ALERT)
    if not session or not account or unwanted:
        await sending.drop(caller, (MailKind.SIGN_IN_ALERT,), session_id, closes)
        return
    details = {"at": session["created_at"], "device": devices.device(session["user_agent"]), "network": devices.network(session["ip_address"])}
    await sending.send(caller, sending.Plan(account=account, kind=MailKind.SIGN_IN_ALERT, about_id=session_id, email=account["email"], details=details), closes, post)


async def sweep() -> None:
    """Forget mails after 30 days. The policy of the system role shows it no younger ones."""
    async with database.as_system() as connection:
        await connection.execute("DELETE FROM mails WHERE created_at < now() - interval '30 days'")


async def _notice(caller: Caller, account_id: UUID, kind: MailKind, closes: Delivery, post: Post, *, quote: str | None = None) -> None:
    """A mail about what has just happened to an account, to its present address. Its delivery is what it is about: the same may happen again."""
    async with database.reading(caller):
        account = await sending.reader(caller, account_id)
    if account:
        await sending.send(caller, sending.Plan(account=account, kind=kind, about_id=closes.id, email=account["email"], quote=quote), closes, post)
    else:
        await sending.drop(caller, (kind,), closes.id, closes)


def _change_notice(account: database.Record, challenge: Mapping[str, Any]) -> sending.Plan:
    return sending.Plan(account=account, kind=MailKind.EMAIL_CHANGE_NOTICE, about_id=challenge["id"], email=account["email"])


def _differ(one: str, other: str) -> bool:
    return email_key(one) != email_key(other)
