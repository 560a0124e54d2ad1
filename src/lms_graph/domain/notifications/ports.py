"""What notifications need from the world: somebody who writes a mail out, and somebody who carries it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from lms_graph.kit.ids import public_id
from lms_graph.kit.money import Amount
from lms_graph.kit.secrets import SecretKeys

_PREFIX = "mai"  # of no node: an id for carriers


@dataclass(frozen=True, kw_only=True)
class Brand:
    """A school as its mails show it. Colors are `#rrggbb`: `color` fills, `on_color` is readable on it, `ink` is readable on white."""

    name: str
    color: str
    on_color: str
    ink: str
    logo_url: str | None
    home_url: str
    support_email: str | None


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a mail says, in values that are harmless already: which text, and what stands in its places.

    `locale` is the reader's, `fallback` the school's: the first of them in which there is a text, else English. `values` fill the text's places; `details` are told in a table, under labels
    of the text's own; moments and amounts in either are told in the reader's language. `quote` is what somebody wrote. `link` is told as an address too where it `has_token`.
    """

    text: str
    locale: str
    fallback: str
    brand: Brand
    name: str | None
    link: str | None = field(default=None, repr=False)
    has_token: bool = False
    values: Mapping[str, str | datetime | Amount] = field(default_factory=dict)
    details: Mapping[str, str | datetime | Amount | None] = field(default_factory=dict)
    quote: str | None = None
    unsubscribe_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Written:
    """A letter written out: a subject of one line, and the same words as HTML and as text."""

    subject: str
    html: str = field(repr=False)
    text: str = field(repr=False)


class MailRenderer(Protocol):
    """Writes letters out."""

    def render(self, letter: Letter) -> Written:
        """The same letter always gives the same mail."""
        ...


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A PDF that goes with a mail."""

    file_name: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One finished mail. `id` is the same whenever the same mail is sent again, and so is all the rest."""

    id: UUID
    sender_name: str
    sender: str
    reply_to: str | None
    recipient: str
    written: Written
    sent_at: str
    """As the header `Date` has it (RFC 5322)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()

    @property
    def key(self) -> str:
        """The id as carriers get it: what makes a repetition one."""
        return public_id(_PREFIX, self.id)


class Mailer(Protocol):
    """Carries mails."""

    async def send(self, message: Message) -> str | None:
        """Hand it over, and give the carrier's own id of it, if it has one. The same message again is the same mail, not a second one, as far as the carrier can tell.

        Raises Unavailable for what may work later, and MailRefused for what never will.
        """
        ...

    async def check(self) -> str:
        """Say in a few words whom mails are handed to, after a try that sends none. Raises Unavailable with what is wrong."""
        ...


@dataclass(frozen=True, kw_only=True)
class Post:
    """All that a mail is made and sent with. `sender` is the address of a school that has none of its own, `base_url` where people reach this server."""

    renderer: MailRenderer
    mailer: Mailer
    sender: str
    base_url: str
    secret_keys: SecretKeys
