"""Who wants which mails, changed by a link in one of them."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.notifications.ports import Brand, Post
from lms_graph.domain.notifications.queries import mails as queries
from lms_graph.domain.notifications.queries import senders
from lms_graph.domain.notifications.rules import unsubscribe
from lms_graph.domain.tenancy.queries import identification
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound
from lms_graph.models import database
from lms_graph.models import notifications as rows
from lms_graph.models.notifications import MailKind
from lms_graph.outbox.unit_of_work import unit_of_work


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What somebody has chosen of one kind of mail, as a page shows it."""

    kind: MailKind
    is_off: bool
    locales: tuple[str, str]
    """The account's, perhaps empty, and the school's."""
    brand: Brand


async def choice(*, token: str, host: str | None, post: Post, change_to: bool | None = None) -> Choice:
    """What the token's account has chosen, after a change to off (False) or on (True) if one is asked for. Doing it again changes nothing.

    Raises NotFound for a token that we did not make, one of an account that is no more, and one of another school than the host's.
    """
    read = unsubscribe.read(post.secret_keys.derived("unsubscribe"), token)
    if read is None:
        raise _unknown()
    tenant_id, account_id, kind = read
    caller = Caller.system(tenant_id)
    at_host = (await identification.identify(host=host, slug=None, token_hash=None, now=caller.now)).tenant_id
    if at_host not in (None, tenant_id):
        raise _unknown()
    async with database.reading(caller):
        account = next(iter(await accounts.accounts_by_ids(caller=caller, account_ids=[account_id])), None)
        if account is None or account["status"] == "ERASED":
            raise _unknown()
        house = await senders.house(caller=caller, base_url=post.base_url, default_sender=post.sender)
        is_off = await queries.is_off(caller=caller, account_id=account_id, kind=kind)
    if change_to is not None:
        await set_preference(caller=caller, account_id=account_id, kind=kind, wanted=change_to)
        is_off = not change_to
    return Choice(kind=kind, is_off=is_off, locales=(account["locale"] or "", house.locale), brand=house.brand)


async def set_preference(*, caller: Caller, account_id: UUID, kind: MailKind, wanted: bool) -> None:
    """Turn a kind of mail on or off for an account of the caller's tenant."""
    async with unit_of_work(caller):
        if wanted:
            await rows.MailPreference.for_caller(caller, account_id=account_id, kind=kind).delete()
            return
        await database.fetch(
            "INSERT INTO mail_preferences (tenant_id, id, account_id, kind, off_at) VALUES ($1, gen_random_uuid(), $2, $3, $4) ON CONFLICT (tenant_id, account_id, kind) DO NOTHING",
            caller.tenant_id,
            account_id,
            kind,
            caller.now,
        )


def _unknown() -> NotFound:
    return NotFound("This link is none of ours. Open the one in the mail again, whole.")
