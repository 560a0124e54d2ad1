"""Mails over SMTP, to whatever server takes them: a provider's, the house's own, the mailbox of development.

`smtp://user:password@host:587` asks for STARTTLS and goes no further without it; `smtps://…:465` speaks TLS from the first byte; `smtp://host:25?tls=none` speaks in clear, for a server on the same
machine or in the same private network. A password is not sent in clear.
"""

import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from urllib.parse import parse_qsl, unquote, urlsplit

import aiosmtplib

from lms_graph.domain.notifications.errors import MailRefused
from lms_graph.domain.notifications.ports import Message
from lms_graph.kit.errors import Unavailable

TIMEOUT_SECONDS = 20.0
MAX_TOLD = 300  # characters of what a server says


class SmtpMailer:
    """A connection per mail. Whatever the server refuses for good (5xx to sender, recipient or content) is refused; the rest may work later, a wrong password too."""

    def __init__(self, url: str, *, context: ssl.SSLContext | None = None) -> None:
        """Raises ValueError, without the password, for an address that is not one. `context` says which certificates are trusted; those of the system by default."""
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        tls = options.pop("tls", "tls" if parts.scheme == "smtps" else "starttls")
        allowed = {"smtp": ("starttls", "none"), "smtps": ("tls",)}.get(parts.scheme, ())
        if not parts.hostname or tls not in allowed or options or parts.path.strip("/"):
            raise ValueError("LMS_MAIL_URL is not an address such as smtp://user:password@host:587, smtps://user:password@host:465 or smtp://host:25?tls=none.")
        if parts.username and tls == "none":
            raise ValueError("LMS_MAIL_URL has a password and `tls=none`: it would be sent in clear.")
        self._host, self._port = parts.hostname, parts.port or (465 if tls == "tls" else 587)
        self._tls = tls
        self._user, self._password = (unquote(value) if value else None for value in (parts.username, parts.password))
        self._context = context

    async def send(self, message: Message) -> str | None:
        built, sender, recipient = built_of(message), _ascii_domain(message.sender), _ascii_domain(message.recipient)
        try:
            async with self._connection() as server:
                await server.send_message(built, sender=sender, recipients=[recipient])
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise self._refusal(refused.recipients[0], message) from None
        except aiosmtplib.SMTPAuthenticationError as error:
            raise Unavailable(f"The mail server does not take user and password of LMS_MAIL_URL: {error.code}.") from None
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            raise self._refusal(error, message) from None
        except aiosmtplib.SMTPNotSupported as error:
            if recipient.isascii() and sender.isascii():
                raise Unavailable(f"The mail server lacks what is needed: {_told(error.message, message)}") from None
            raise MailRefused("The mail server takes no address with letters beyond ASCII before its @.") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable(f"The mail server at {self._host}:{self._port} does not answer as it should: {_told(str(error), message) or type(error).__name__}") from None
        return built["Message-ID"]

    async def check(self) -> str:
        try:
            async with self._connection() as server:
                await server.noop()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise Unavailable(f"the server at {self._host}:{self._port} does not take user and password ({error.code})") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable(f"the server at {self._host}:{self._port} does not answer as it should: {str(error)[:MAX_TOLD] or type(error).__name__}") from None
        return f"SMTP server at {self._host}:{self._port}, {'in clear' if self._tls == 'none' else 'with TLS'}{', signed in' if self._user else ''}"

    def _connection(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._tls == "tls",
            start_tls=self._tls == "starttls",
            tls_context=self._context,
            timeout=TIMEOUT_SECONDS,
        )

    def _refusal(self, error: aiosmtplib.SMTPResponseException, message: Message) -> Exception:
        said = f"{error.code} {_told(error.message, message)}"
        return MailRefused(f"The mail server refused the mail: {said}") if error.code >= 500 else Unavailable(f"The mail server does not take the mail now: {said}")


def built_of(message: Message) -> EmailMessage:
    """The mail as it goes out; of the same message always the same, to its Message-ID and the lines between its parts."""
    built = EmailMessage(policy=WIRE)
    built["Message-ID"] = f"<{message.key}@{_ascii_domain(message.sender).rpartition('@')[2]}>"
    built["Date"] = message.sent_at
    built["From"] = _address(message.sender, message.sender_name)
    built["To"] = _address(message.recipient)
    if message.reply_to:
        built["Reply-To"] = _address(message.reply_to)
    built["Subject"] = message.written.subject
    for name, value in message.headers.items():
        built[name] = value
    built.set_content(message.written.text, cte="quoted-printable")
    built.add_alternative(message.written.html, subtype="html", cte="quoted-printable")
    built.set_boundary(f"=_{message.key}")
    for attachment in message.attachments:
        built.add_attachment(attachment.body, maintype="application", subtype="pdf", filename=attachment.file_name)
    if message.attachments:
        built.set_boundary(f"=_{message.key}_with")
    return built


def _address(address: str, name: str = "") -> Address:
    local, _, domain = _ascii_domain(address).rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def _ascii_domain(address: str) -> str:
    """With the domain as DNS knows it. What stands before the @ is the other server's to read."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def _told(said: str, message: Message) -> str:
    """What a server said, without the person's address: it is kept."""
    for address in (message.recipient, _ascii_domain(message.recipient)):
        said = said.replace(address, "…")
    return " ".join(said.split())[:MAX_TOLD]
