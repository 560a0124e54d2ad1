"""How a school shows itself in its mails, and from whom they come."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.domain.media import queries as media
from lms_graph.domain.notifications.ports import Brand
from lms_graph.domain.notifications.rules import colors, texts
from lms_graph.domain.tenancy.queries import tenants as tenancy
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id

_LOGOS = {"image/png", "image/jpeg", "image/gif"}  # what mail programs show; an SVG they do not


@dataclass(frozen=True, kw_only=True)
class Sender:
    """From whom a mail comes, and where an answer goes."""

    name: str
    address: str
    reply_to: str | None


@dataclass(frozen=True, kw_only=True)
class House:
    """A school as its mails need it: its brand, its sender, and the language of those who have chosen none."""

    brand: Brand
    sender: Sender
    locale: str


async def house(*, caller: Caller, base_url: str, default_sender: str) -> House:
    """The caller's school."""
    tenant = await tenancy.sender(caller=caller)
    brand = Brand(
        name=texts.name(tenant.name),
        color=tenant.primary_color,
        on_color=colors.on(tenant.primary_color),
        ink=colors.ink(tenant.primary_color),
        logo_url=await _logo(caller, tenant.logo_file_id, base_url),
        home_url=tenant.home_url or base_url,
        support_email=tenant.support_email,
    )
    return House(brand=brand, sender=_sender_of(tenant, default_sender), locale=tenant.locale)


def _sender_of(tenant: tenancy.Sender, default: str) -> Sender:
    """The school's name before its own address, while that is proven, else before the deployment's; answers go to the school."""
    return Sender(name=texts.one_line(tenant.from_name or tenant.name), address=tenant.mail_from or default, reply_to=tenant.support_email)


async def _logo(caller: Caller, file_id: UUID | None, base_url: str) -> str | None:
    files = await media.files_by_ids(caller=caller, file_ids=[file_id]) if file_id else []
    shown = next((file for file in files if file.is_public and file.content_type in _LOGOS), None)
    return f"{base_url}/files/{public_id('fil', shown.id)}" if shown else None
