"""Mails as they were written down."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models.notifications import MailKind

_MAIL = "SELECT id, account_id, kind, email, locale, state, created_at FROM mails "


async def mail_or_none(*, caller: Caller, kind: MailKind, about_id: UUID) -> database.Record | None:
    """The one mail of this kind about this."""
    return await database.fetch_one(_MAIL + "WHERE tenant_id = $1 AND kind = $2 AND about_id = $3", caller.tenant_id, kind, about_id)


async def address_before(*, caller: Caller, account_id: UUID, now: str) -> str | None:
    """The address that was told last of a change to another, and is not the account's any more; while that mail is kept."""
    email: str | None = await database.fetch_value(
        "SELECT email FROM mails WHERE tenant_id = $1 AND account_id = $2 AND kind = 'EMAIL_CHANGE_NOTICE' AND email <> $3 ORDER BY created_at DESC, id DESC LIMIT 1",
        caller.tenant_id,
        account_id,
        now,
    )
    return email


async def is_off(*, caller: Caller, account_id: UUID, kind: MailKind) -> bool:
    """Whether the account has turned mails of this kind off."""
    return bool(await database.fetch_value("SELECT true FROM mail_preferences WHERE tenant_id = $1 AND account_id = $2 AND kind = $3", caller.tenant_id, account_id, kind))
