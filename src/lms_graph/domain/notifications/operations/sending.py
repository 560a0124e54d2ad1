"""One mail, sent once: its row is reserved, it is handed to the carrier under an id made of the row's, and the row is settled with the delivery that asked for it.

A run that dies between the last two sends again, and what it sends is the same mail, by its Message-ID or its idempotency key. What a row holds is to whom and in which language; what the mail
says, and the token in its link, is made when it is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import structlog

from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.notifications.errors import MailRefused
from lms_graph.domain.notifications.ports import Attachment, Letter, Message, Post
from lms_graph.domain.notifications.queries import senders
from lms_graph.domain.notifications.rules import links, texts, unsubscribe
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.kit.money import Amount
from lms_graph.models import database
from lms_graph.models import notifications as rows
from lms_graph.models.identity import AccountStatus
from lms_graph.models.notifications import MailKind, MailState
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A mail that may be sent: to whom, and what stands in it besides names and links. Moments are told in the reader's language."""

    account: Mapping[str, Any]  # with `id` None for a guest
    kind: MailKind
    about_id: UUID
    email: str
    token: str | None = field(default=None, repr=False)
    values: Mapping[str, str | datetime | Amount] = field(default_factory=dict)
    details: Mapping[str, str | datetime | Amount | None] = field(default_factory=dict)
    quote: str | None = None
    path: str | None = None  # what follows the kind's page in the address
    attachments: Sequence[Attachment] = ()


async def reader(caller: Caller, account_id: UUID) -> database.Record | None:
    """An account of the tenant that may be written to."""
    found = await accounts.accounts_by_ids(caller=caller, account_ids=[account_id])
    return next((row for row in found if row["status"] not in (AccountStatus.SUSPENDED, AccountStatus.ERASED)), None)


async def send(caller: Caller, plan: Plan, closes: Delivery, post: Post) -> None:
    async with database.reading(caller):  # ends here: no connection is held while a stranger is spoken to
        house = await senders.house(caller=caller, base_url=post.base_url, default_sender=post.sender)
    mail = await reserve(caller, plan)
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


async def drop(caller: Caller, kinds: tuple[MailKind, ...], about_id: UUID, closes: Delivery) -> None:
    """There is nothing to tell any more: whatever was reserved stays unsent."""
    async with unit_of_work(caller, closes=closes):
        await rows.Mail.for_caller(caller, kind__in=kinds, about_id=about_id, state__in=(MailState.QUEUED, MailState.FAILED)).update(state=MailState.DROPPED)


async def reserve(caller: Caller, plan: Plan, *, again: bool = True) -> database.Record:
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


def _message(caller: Caller, plan: Plan, mail: database.Record, house: senders.House, post: Post) -> Message:
    """The finished mail: the same each time it is made for one row."""
    off = None
    if plan.kind in unsubscribe.OPTIONAL and plan.account["id"]:
        token = unsubscribe.token(post.secret_keys.derived("unsubscribe"), tenant_id=caller.tenant_id, account_id=plan.account["id"], kind=plan.kind)
        off = f"{post.base_url}/unsubscribe/{token}"
    letter = Letter(
        text=plan.kind.lower(),
        locale=mail["locale"] or house.locale,
        fallback=house.locale,
        brand=house.brand,
        name=texts.name(plan.account["name"]) or None,
        link=links.address(house.brand.home_url, plan.kind, plan.token, below=plan.path),
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
        attachments=tuple(plan.attachments),
    )
