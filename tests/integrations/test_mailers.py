"""Carriers of mails: one contract, on real SMTP and on Resend's twin; and what each does by itself."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lms_graph.domain.notifications.errors import MailRefused
from lms_graph.domain.notifications.ports import Mailer, Message, Written
from lms_graph.embedded.processes import free_port
from lms_graph.integrations.no_mailer import NoMailer
from lms_graph.integrations.resend import ResendMailer
from lms_graph.integrations.smtp import SmtpMailer, built_of
from lms_graph.integrations.twins.resend import ResendTwin
from lms_graph.kit.errors import Unavailable
from tests.fixtures.house import served
from tests.fixtures.processes import until

pytestmark = pytest.mark.anyio


def message(**changes: Any) -> Message:
    usual: dict[str, Any] = {
        "id": uuid4(),
        "sender_name": 'Schule "Grün", GmbH',
        "sender": "mail@school.example",
        "reply_to": "hilfe@school.example",
        "recipient": "ada@home.example",
        "written": Written(subject="Bestätigen Sie Ihre Adresse – jetzt", html="<p>Grüße</p>", text="Grüße\n.\nEnde\n"),
        "sent_at": "Sat, 28 Nov 2026 12:00:00 +0000",
        "headers": {"Auto-Submitted": "auto-generated", "List-Unsubscribe": "<https://api.school.example/unsubscribe/" + "x" * 150 + ">"},
    }
    return Message(**(usual | changes))


@dataclass
class Said:
    """A mail as the carrier took it."""

    sender: str
    recipient: str
    reply_to: str
    subject: str
    html: str
    text: str
    headers: dict[str, str]


@dataclass
class Server:
    """A real SMTP server. `answers` are given in place of its own, by command, once each."""

    port: int
    taken: list[bytes] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    sleep: float = 0

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        envelope.mail_from = address
        return self.answers.pop("MAIL", "250 OK")

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if "RCPT" in self.answers:
            return self.answers.pop("RCPT")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        if "DATA" in self.answers:
            return self.answers.pop("DATA")
        self.taken.append(envelope.content)
        return "250 OK"


@dataclass
class Carrier:
    """An adapter, how to make what it speaks with fail, and what that has taken."""

    mailer: Mailer
    taken: Callable[[], list[Said]]
    fail: Callable[[], None]
    """The next mail is not taken now."""
    refuse: Callable[[], str]
    """The next mail to the address given is refused for good."""
    stop: Callable[[], Awaitable[None]]


def smtp_server(**options: Any) -> tuple[Server, Controller]:
    server = Server(free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **({"enable_SMTPUTF8": False} | options))
    controller.start()
    return server, controller


def said_by(content: bytes) -> Said:
    mail = BytesParser(EmailMessage, policy=policy.default).parsebytes(content)
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None and text is not None
    return Said(
        str(mail["From"]),
        str(mail["To"]),
        str(mail["Reply-To"]),
        str(mail["Subject"]),
        html.get_content().replace("\r\n", "\n"),
        text.get_content().replace("\r\n", "\n"),
        {name: str(value) for name, value in mail.items()},
    )


@pytest.fixture(params=["smtp", "resend"])
async def carrier(request: pytest.FixtureRequest) -> AsyncIterator[Carrier]:
    if request.param == "smtp":
        server, controller = smtp_server()
        stopped = False

        async def stop() -> None:
            nonlocal stopped
            stopped = True
            await asyncio.to_thread(controller.stop)

        def refuse() -> str:
            server.answers["RCPT"] = "550 5.1.1 <ada@home.example>: no such user"
            return "ada@home.example"

        mailer = SmtpMailer(f"smtp://127.0.0.1:{server.port}?tls=none")
        yield Carrier(mailer, lambda: [said_by(each) for each in server.taken], lambda: server.answers.update(RCPT="451 4.7.1 greylisted"), refuse, stop)
        if not stopped:
            await stop()
        return
    twin = ResendTwin()

    def taken() -> list[Said]:
        return [Said(each["from"], each["to"][0], each["reply_to"][0], each["subject"], each["html"], each["text"], each["headers"]) for each in twin.emails.values()]

    async with served(twin.application()) as url:
        resend = ResendMailer(f"resend://re_test@{url.removeprefix('http://')}?tls=none")

        async def away() -> None:
            await resend.aclose()
            resend._client = httpx.AsyncClient(base_url="http://127.0.0.1:9")

        yield Carrier(resend, taken, lambda: twin.fail_next.append((503, "application_error")), lambda: "ada@example.com", away)
        await resend.aclose()


class TestEveryCarrier:
    async def test_hands_over_what_was_written(self, carrier: Carrier) -> None:
        id = await carrier.mailer.send(message())

        assert id
        (said,) = carrier.taken()
        assert (said.recipient, said.reply_to, said.subject) == ("ada@home.example", "hilfe@school.example", "Bestätigen Sie Ihre Adresse – jetzt")
        assert said.sender == '"Schule \\"Grün\\", GmbH" <mail@school.example>'
        assert (said.html.strip(), said.text) == ("<p>Grüße</p>", "Grüße\n.\nEnde\n")
        assert said.headers["Auto-Submitted"] == "auto-generated"
        assert said.headers["List-Unsubscribe"] == "<https://api.school.example/unsubscribe/" + "x" * 150 + ">"

    async def test_what_may_work_later_is_unavailable_and_then_works(self, carrier: Carrier) -> None:
        carrier.fail()
        mail = message()

        with pytest.raises(Unavailable):
            await carrier.mailer.send(mail)
        assert carrier.taken() == []
        await carrier.mailer.send(mail)

        assert len(carrier.taken()) == 1

    async def test_an_address_that_there_is_not_is_refused_and_not_repeated_in_the_error(self, carrier: Carrier) -> None:
        address = carrier.refuse()

        with pytest.raises(MailRefused) as refused:
            await carrier.mailer.send(message(recipient=address))

        assert address not in str(refused.value)
        assert carrier.taken() == []

    async def test_one_that_is_away_is_unavailable(self, carrier: Carrier) -> None:
        await carrier.stop()

        with pytest.raises(Unavailable):
            await carrier.mailer.send(message())
        with pytest.raises(Unavailable):
            await carrier.mailer.check()

    async def test_says_that_it_works_without_sending_anything(self, carrier: Carrier) -> None:
        assert "127.0.0.1" in await carrier.mailer.check()
        assert carrier.taken() == []


class TestSmtp:
    def test_the_same_mail_is_the_same_to_the_last_byte(self) -> None:
        mail = message()

        assert built_of(mail).as_bytes() == built_of(mail).as_bytes()
        assert built_of(mail)["Message-ID"] == f"<{mail.key}@school.example>"
        assert built_of(message())["Message-ID"] != built_of(mail)["Message-ID"]

    def test_is_text_and_html_of_seven_bits_in_short_lines(self) -> None:
        built = built_of(message(written=Written(subject="ü" * 150, html="<p>" + "ü" * 5_000, text="é" * 5_000)))

        raw = built.as_bytes()
        assert built.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in built.iter_parts()] == ["text/plain", "text/html"]
        assert raw.isascii()
        assert max(map(len, raw.split(b"\r\n"))) <= 78
        assert built["Date"] == "Sat, 28 Nov 2026 12:00:00 +0000"

    @pytest.mark.parametrize("place", ["subject", "sender_name", "recipient", "reply_to"])
    def test_a_line_break_makes_no_header(self, place: str) -> None:
        """The last wall: what comes here has none."""
        bad = "a@home.example\r\nBcc: victim@home.example"
        mail = message(written=Written(subject=bad, html="x", text="x")) if place == "subject" else message(**{place: bad})

        with pytest.raises(ValueError):  # noqa: PT011  # of `email`, in several words
            built_of(mail)

    @pytest.mark.parametrize(("command", "answer"), [("MAIL", "553 5.7.1 not yours"), ("RCPT", "550 5.1.1 nobody"), ("DATA", "554 5.7.1 looks like spam")])
    async def test_five_hundreds_are_refusals(self, command: str, answer: str) -> None:
        server, controller = smtp_server()
        try:
            server.answers[command] = answer
            with pytest.raises(MailRefused, match=answer):
                await SmtpMailer(f"smtp://127.0.0.1:{server.port}?tls=none").send(message())
        finally:
            controller.stop()

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    async def test_four_hundreds_may_work_later(self, command: str) -> None:
        server, controller = smtp_server()
        try:
            server.answers[command] = "451 4.3.0 not now"
            with pytest.raises(Unavailable, match=r"451 4\.3\.0 not now"):
                await SmtpMailer(f"smtp://127.0.0.1:{server.port}?tls=none").send(message())
        finally:
            controller.stop()

    async def test_a_domain_beyond_ascii_is_sent_as_dns_knows_it(self) -> None:
        server, controller = smtp_server()
        try:
            await SmtpMailer(f"smtp://127.0.0.1:{server.port}?tls=none").send(message(recipient="ada@bücher.example"))
        finally:
            controller.stop()
        assert said_by(server.taken[0]).recipient == "ada@xn--bcher-kva.example"

    async def test_a_name_beyond_ascii_needs_a_server_that_takes_it(self) -> None:
        mail = message(recipient="jürgen@home.example")
        server, controller = smtp_server()
        try:
            with pytest.raises(MailRefused):
                await SmtpMailer(f"smtp://127.0.0.1:{server.port}?tls=none").send(mail)
        finally:
            controller.stop()
        server, controller = smtp_server(enable_SMTPUTF8=True)
        try:
            await SmtpMailer(f"smtp://127.0.0.1:{server.port}?tls=none").send(mail)
        finally:
            controller.stop()
        assert "jürgen@home.example".encode() in server.taken[0]

    async def test_does_without_starttls_nothing(self) -> None:
        server, controller = smtp_server()
        try:
            with pytest.raises(Unavailable):
                await SmtpMailer(f"smtp://127.0.0.1:{server.port}").send(message())
        finally:
            controller.stop()
        assert server.taken == []

    async def test_signs_in_over_starttls_and_over_tls(self, certificate: tuple[Path, Path]) -> None:
        for scheme in ("smtp", "smtps"):
            server, controller = secured(scheme, certificate)
            try:
                mailer = SmtpMailer(f"{scheme}://post:s%3Acret@localhost:{server.port}", context=ssl.create_default_context(cafile=str(certificate[0])))
                await mailer.send(message())
                assert "with TLS, signed in" in await mailer.check()
            finally:
                controller.stop()
            assert len(server.taken) == 1

    async def test_waits_when_the_password_is_wrong(self, certificate: tuple[Path, Path]) -> None:
        server, controller = secured("smtps", certificate)
        try:
            mailer = SmtpMailer(f"smtps://post:wrong@localhost:{server.port}", context=ssl.create_default_context(cafile=str(certificate[0])))
            with pytest.raises(Unavailable) as error:
                await mailer.send(message())
        finally:
            controller.stop()
        assert "wrong" not in str(error.value)
        assert server.taken == []

    async def test_hands_nothing_to_a_server_whose_certificate_nobody_signed(self, certificate: tuple[Path, Path]) -> None:
        for scheme in ("smtp", "smtps"):
            server, controller = secured(scheme, certificate)
            try:
                with pytest.raises(Unavailable):
                    await SmtpMailer(f"{scheme}://post:s%3Acret@localhost:{server.port}").send(message())
            finally:
                controller.stop()
            assert server.taken == []

    @pytest.mark.parametrize(
        "url",
        [
            "smtp://",
            "http://x",
            "smtp://u:geheim@host?tls=none",
            "smtp://u:geheim@host?tls=maybe",
            "smtps://u:geheim@host?tls=none",
            "smtp://u:geheim@host/path",
            "smtp://u:geheim@host?x=1",
        ],
    )
    def test_an_address_that_is_none_is_refused_without_its_password(self, url: str) -> None:
        with pytest.raises(ValueError, match="LMS_MAIL_URL") as error:
            SmtpMailer(url)

        assert "geheim" not in str(error.value)


class TestResend:
    @pytest.fixture
    async def twin(self) -> AsyncIterator[tuple[ResendTwin, str]]:
        twin = ResendTwin(sending_keys={"re_sending"})
        async with served(twin.application()) as url:
            yield twin, url.removeprefix("http://")

    async def test_the_same_mail_again_is_one_mail(self, twin: tuple[ResendTwin, str]) -> None:
        server, place = twin
        mailer, mail = ResendMailer(f"resend://re_test@{place}?tls=none"), message()

        first, second = await mailer.send(mail), await mailer.send(mail)

        assert first == second
        assert list(server.emails) == [first]
        assert server.emails[str(first)]["headers"]["X-Entity-Ref-ID"] == mail.key

    async def test_worded_otherwise_it_was_taken_before(self, twin: tuple[ResendTwin, str]) -> None:
        server, place = twin
        mailer, mail = ResendMailer(f"resend://re_test@{place}?tls=none"), message()
        await mailer.send(mail)

        assert await mailer.send(replace(mail, sender_name="Renamed")) is None

        assert len(server.emails) == 1

    async def test_one_under_way_is_waited_for(self, twin: tuple[ResendTwin, str]) -> None:
        server, place = twin
        mailer, mail = ResendMailer(f"resend://re_test@{place}?tls=none"), message()
        server.slow = asyncio.Event()
        first = asyncio.create_task(mailer.send(mail))

        async def under_way() -> bool:
            return bool(server._under_way)

        await until(under_way)

        with pytest.raises(Unavailable, match="concurrent_idempotent_requests"):
            await mailer.send(mail)
        server.slow.set()
        await first

        assert len(server.emails) == 1

    @pytest.mark.parametrize("answer", [(429, "rate_limit_exceeded"), (429, "daily_quota_exceeded"), (500, "internal_server_error"), (502, "?"), (401, "missing_api_key")])
    async def test_what_ends_or_can_be_mended_waits(self, twin: tuple[ResendTwin, str], answer: tuple[int, str]) -> None:
        server, place = twin
        server.fail_next.append(answer)

        with pytest.raises(Unavailable, match=str(answer[0])):
            await ResendMailer(f"resend://re_test@{place}?tls=none").send(message())

    async def test_a_key_that_is_no_good_and_a_sender_that_is_not_verified_wait(self, twin: tuple[ResendTwin, str]) -> None:
        _, place = twin

        with pytest.raises(Unavailable, match="invalid_api_key"):
            await ResendMailer(f"resend://re_wrong@{place}?tls=none").send(message())
        with pytest.raises(Unavailable, match="not verified"):
            await ResendMailer(f"resend://re_test@{place}?tls=none").send(message(sender="mail@other.example"))

    @pytest.mark.parametrize("answer", [(422, "validation_error"), (400, "validation_error"), (422, "missing_required_field")])
    async def test_what_never_will_be_is_refused(self, twin: tuple[ResendTwin, str], answer: tuple[int, str]) -> None:
        server, place = twin
        server.fail_next.append(answer)

        with pytest.raises(MailRefused, match=answer[1]):
            await ResendMailer(f"resend://re_test@{place}?tls=none").send(message())

    async def test_a_key_that_may_only_send_is_good_and_an_unknown_one_is_not(self, twin: tuple[ResendTwin, str]) -> None:
        _, place = twin

        assert "knows the key" in await ResendMailer(f"resend://re_sending@{place}?tls=none").check()
        with pytest.raises(Unavailable, match="invalid_api_key"):
            await ResendMailer(f"resend://re_wrong@{place}?tls=none").check()

    async def test_the_twin_shows_what_was_sent_to_who_may_read(self, twin: tuple[ResendTwin, str]) -> None:
        _, place = twin
        id = await ResendMailer(f"resend://re_test@{place}?tls=none").send(message())
        async with httpx.AsyncClient(base_url=f"http://{place}") as client:
            shown = await client.get(f"/emails/{id}", headers={"Authorization": "Bearer re_test"})
            unknown = await client.get("/emails/1", headers={"Authorization": "Bearer re_test"})
            foreign = await client.get(f"/emails/{id}", headers={"Authorization": "Bearer re_sending"})
            nobody = await client.get(f"/emails/{id}")

        assert (shown.json()["to"], shown.json()["last_event"]) == (["ada@home.example"], "delivered")
        assert [(answer.status_code, answer.json()["name"]) for answer in (unknown, foreign, nobody)] == [
            (404, "not_found"),
            (401, "restricted_api_key"),
            (401, "missing_api_key"),
        ]

    @pytest.mark.parametrize("url", ["resend://api.resend.com", "resend://re_geheim:x@host", "resend://re_geheim@host?tls=maybe", "resend://re_geheim@host/v1"])
    def test_an_address_that_is_none_is_refused_without_its_key(self, url: str) -> None:
        with pytest.raises(ValueError, match="LMS_MAIL_URL") as error:
            ResendMailer(url)

        assert "geheim" not in str(error.value)


async def test_without_a_carrier_nothing_is_taken() -> None:
    with pytest.raises(Unavailable, match="LMS_MAIL_URL"):
        await NoMailer().send(message())
    with pytest.raises(Unavailable, match="LMS_MAIL_URL"):
        await NoMailer().check()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for `localhost` that only itself vouches for, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return folder / "certificate.pem", folder / "key.pem"


def secured(scheme: str, certificate: tuple[Path, Path]) -> tuple[Server, Controller]:
    """A server that wants TLS and a sign-in as `post` with `s:cret`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"post", b"s:cret"))

    common: dict[str, Any] = {"authenticator": authenticate, "auth_required": True}
    if scheme == "smtps":
        return smtp_server(ssl_context=context, auth_require_tls=False, **common)
    return smtp_server(tls_context=context, require_starttls=True, **common)
