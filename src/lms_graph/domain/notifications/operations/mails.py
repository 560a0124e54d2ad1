"""Mails that follow from facts. Each is sent once: its row is reserved, it is handed to the carrier under an id made of the row's, and the row is settled with the delivery that asked for it.

A run that dies between the last two sends again, and what it sends is the same mail, by its Message-ID or its idempotency key. What a row holds is to whom and in which language; what the mail
says, and the token in its link, is made when it is sent. A link that is no longer good is not sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import structlog

from lms_graph.domain.identity.operations.challenges import token_of
from lms_graph.domain.identity.queries import accounts as account_queries
from lms_graph.domain.identity.queries import applications as application_queries
from lms_graph.domain.identity.queries import challenges as challenge_queries
from lms_graph.domain.identity.queries import sessions as session_queries
from lms_graph.domain.notifications.errors import MailRefused
from lms_graph.domain.notifications.ports import Letter, Message, Post
from lms_graph.domain.notifications.queries import mails as queries
from lms_graph.domain.notifications.queries import senders
from lms_graph.domain.notifications.rules import devices, links, texts, unsubscribe
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.kit.text import email_key
from lms_graph.models import database
from lms_graph.models import notifications as rows
from lms_graph.models.identity import AccountStatus, ApplicationStatus, ChallengeKind
from lms_graph.models.notifications import MailKind, MailState
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)

_GONE = (AccountStatus.SUSPENDED, AccountStatus.ERASED)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A mail that may be sent: to whom, and what stands in it besides names and links. Moments are told in the reader's language."""

    account: database.Record
    kind: MailKind
    about_id: UUID
    email: str
    token: str | None = field(default=None, repr=False)
    values: Mapping[str, str | datetime] = field(default_factory=dict)
    details: Mapping[str, str | datetime | None] = field(default_factory=dict)
    quote: str | None = None


async def mail_link(*, caller: Caller, challenge_id: UUID, inviter_id: UUID | None = None, closes: Delivery, post: Post) -> None:
    """Mail the link of a challenge to the address that it is to prove: for verifying it, a new password, a change of address, an invitation.

    A challenge that is used, expired or replaced is not mailed. Raises Unavailable and MailRefused.
    """
    async with database.reading(caller):
        challenge = await challenge_queries.challenge_or_none(caller=caller, challenge_id=challenge_id)
        account = challenge and await _account(caller, challenge["account_id"])
        inviter = (await account_queries.names_of_accounts(caller=caller, account_ids=[inviter_id])).get(inviter_id, "") if inviter_id else ""
    if not challenge or not account:
        await _drop(caller, (MailKind.EMAIL_VERIFICATION, MailKind.PASSWORD_RESET, MailKind.EMAIL_CHANGE, MailKind.INVITATION), challenge_id, closes)
        return
    if challenge["kind"] == ChallengeKind.EMAIL_CHANGE and _differ(account["email"], challenge["email"]):
        await _reserve(caller, _change_notice(account, challenge), again=False)  # before the link goes out: once it is followed, nobody knows the old address
    plan = _Plan(
        account=account,
        kind=MailKind(challenge["kind"]),
        about_id=challenge_id,
        email=challenge["email"],
        token=token_of(challenge, post.secret_keys),
        values={"until": challenge["expires_at"], "inviter": texts.name(inviter)},
    )
    await _send(caller, plan, closes, post)


async def mail_change_notice(*, caller: Caller, challenge_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell the present address that a change to another was asked for; nothing where there is no such change any more. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        challenge = await challenge_queries.challenge_or_none(caller=caller, challenge_id=challenge_id)
        reserved = await queries.mail_or_none(caller=caller, kind=MailKind.EMAIL_CHANGE_NOTICE, about_id=challenge_id)
        account_id = reserved["account_id"] if reserved else challenge["account_id"] if challenge else None
        account = account_id and await _account(caller, account_id)
    if account and (reserved or (challenge and _differ(account["email"], challenge["email"]))):
        await _send(caller, _change_notice(account, challenge or {"id": challenge_id}), closes, post)
    else:
        await _drop(caller, (MailKind.EMAIL_CHANGE_NOTICE,), challenge_id, closes)


async def mail_email_changed(*, caller: Caller, account_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell the former address that the account has another now; nothing where it is not known any more. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        account = await _account(caller, account_id)
        before = account and await queries.address_before(caller=caller, account_id=account_id, now=account["email"])
    if account and before:
        await _send(caller, _Plan(account=account, kind=MailKind.EMAIL_CHANGED, about_id=closes.id, email=before), closes, post)
    else:
        await _drop(caller, (MailKind.EMAIL_CHANGED,), closes.id, closes)


async def mail_password_changed(*, caller: Caller, account_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell an account that its password was changed. Raises Unavailable and MailRefused."""
    await _notice(caller, account_id, MailKind.PASSWORD_CHANGED, closes, post)


async def mail_application_decision(*, caller: Caller, application_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell an applicant what became of the application, with the reason in the words of who decided. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        application = next(iter(await application_queries.applications_by_ids(caller=caller, ids=[application_id])), None)
    if application is None:
        await _drop(caller, (MailKind.APPLICATION_APPROVED, MailKind.APPLICATION_REFUSED), closes.id, closes)
        return
    kind = MailKind.APPLICATION_APPROVED if application["status"] == ApplicationStatus.APPROVED else MailKind.APPLICATION_REFUSED
    await _notice(caller, application["account_id"], kind, closes, post, quote=texts.quote(application["reason"] or "") or None)


async def mail_sign_in_alert(*, caller: Caller, session_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell an account that somebody signed in from a device that it was not seen with, unless it wants no such mails. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        session = await session_queries.session_or_none(caller=caller, session_id=session_id)
        account = session and await _account(caller, session["account_id"])
        unwanted = session and await queries.is_off(caller=caller, account_id=session["account_id"], kind=MailKind.SIGN_IN_ALERT)
    if not session or not account or unwanted:
        await _drop(caller, (MailKind.SIGN_IN_ALERT,), session_id, closes)
        return
    details = {"at": session["created_at"], "device": devices.device(session["user_agent"]), "network": devices.network(session["ip_address"])}
    await _send(caller, _Plan(account=account, kind=MailKind.SIGN_IN_ALERT, about_id=session_id, email=account["email"], details=details), closes, post)


async def sweep() -> None:
    """Forget mails after 30 days. The policy of the system role shows it no younger ones."""
    async with database.as_system() as connection:
        await connection.execute("DELETE FROM mails WHERE created_at < now() - interval '30 days'")


async def _notice(caller: Caller, account_id: UUID, kind: MailKind, closes: Delivery, post: Post, *, quote: str | None = None) -> None:
    """A mail about what has just happened to an account, to its present address. Its delivery is what it is about: the same may happen again."""
    async with database.reading(caller):
        account = await _account(caller, account_id)
    if account:
        await _send(caller, _Plan(account=account, kind=kind, about_id=closes.id, email=account["email"], quote=quote), closes, post)
    else:
        await _drop(caller, (kind,), closes.id, closes)


def _change_notice(account: database.Record, challenge: Mapping[str, Any]) -> _Plan:
    return _Plan(account=account, kind=MailKind.EMAIL_CHANGE_NOTICE, about_id=challenge["id"], email=account["email"])


async def _account(caller: Caller, account_id: UUID) -> database.Record | None:
    """An account of the tenant that may be written to."""
    rows = await account_queries.accounts_by_ids(caller=caller, account_ids=[account_id])
    return next((row for row in rows if row["status"] not in _GONE), None)


def _differ(one: str, other: str) -> bool:
    return email_key(one) != email_key(other)


async def _reserve(caller: Caller, plan: _Plan, *, again: bool = True) -> database.Record:
    """The mail's row, made at the first try. A later one finds it, with the address and the language of the first; with `again` what has failed is queued anew."""
    async with unit_of_work(caller):
        made = await database.fetch_one(
            """
            INSERT INTO mails AS m (tenant_id, id, account_id, kind, about_id, email, locale, state, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'QUEUED', $8)
            ON CONFLICT (tenant_id, kind, about_id) DO UPDATE SET state = CASE WHEN m.state = 'FAILED' AND $9 THEN 'QUEUED' ELSE m.state END
            RETURNING id, email, locale, state, created_at
            """,
            caller.tenant_id,
            new_id(),
            plan.account["id"],
            plan.kind,
            plan.about_id,
            plan.email,
            plan.account["locale"] or "",
            caller.now,
            again,
        )
    assert made is not None, "inserted or found"
    return made


async def _send(caller: Caller, plan: _Plan, closes: Delivery, post: Post) -> None:
    async with database.reading(caller):  # ends here: no connection is held while a stranger is spoken to
        house = await senders.house(caller=caller, base_url=post.base_url, default_sender=post.sender)
    mail = await _reserve(caller, plan)
    if mail["state"] != MailState.QUEUED:
        return
    message = _message(caller, plan, mail, house, post)
    try:
        provider_id = await post.mailer.send(message)
    except MailRefused as refused:
        async with unit_of_work(caller):
            await rows.Mail.for_caller(caller, id=mail["id"]).update(state=MailState.FAILED, error=str(refused))
        raise
    async with unit_of_work(caller, closes=closes):
        await rows.Mail.for_caller(caller, id=mail["id"]).update(state=MailState.SENT, sent_at=caller.now, provider_id=(provider_id or "")[:200] or None, error=None)
    log.info("mail.sent", kind=str(plan.kind), mail=str(mail["id"]))


async def _drop(caller: Caller, kinds: tuple[MailKind, ...], about_id: UUID, closes: Delivery) -> None:
    """There is nothing to tell any more: whatever was reserved stays unsent."""
    async with unit_of_work(caller, closes=closes):
        await rows.Mail.for_caller(caller, kind__in=kinds, about_id=about_id, state__in=(MailState.QUEUED, MailState.FAILED)).update(state=MailState.DROPPED)


def _message(caller: Caller, plan: _Plan, mail: database.Record, house: senders.House, post: Post) -> Message:
    """The finished mail: the same each time it is made for one row."""
    off = None
    if plan.kind in unsubscribe.OPTIONAL:
        token = unsubscribe.token(post.secret_keys.derived("unsubscribe"), tenant_id=caller.tenant_id, account_id=plan.account["id"], kind=plan.kind)
        off = f"{post.base_url}/unsubscribe/{token}"
    letter = Letter(
        text=plan.kind.lower(),
        locale=mail["locale"] or house.locale,
        fallback=house.locale,
        brand=house.brand,
        name=texts.name(plan.account["name"]) or None,
        link=links.address(house.brand.home_url, plan.kind, plan.token),
        has_token=plan.token is not None,
        values=plan.values,
        details=plan.details,
        quote=plan.quote,
        unsubscribe_url=off,
    )
    headers = {"Auto-Submitted": "auto-generated"}
    if off:
        headers |= {"List-Unsubscribe": f"<{off}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return Message(
        id=mail["id"],
        sender_name=house.sender.name,
        sender=house.sender.address,
        reply_to=house.sender.reply_to,
        recipient=mail["email"],
        written=post.renderer.render(letter),
        sent_at=format_datetime(mail["created_at"].astimezone(UTC)),
        headers=headers,
    )
