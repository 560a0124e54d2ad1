"""`/dev/mail`: the mailbox of development, which is there in development alone."""

import re
from typing import Any

import httpx2 as httpx
import pytest

from lms_graph.domain.notifications.ports import Message, Written
from lms_graph.integrations.smtp import SmtpMailer
from lms_graph.kit.ids import new_id
from tests.factories.accounts import address
from tests.factories.mails import Inbox
from tests.fixtures.house import House
from tests.fixtures.serving import Serve

pytestmark = pytest.mark.anyio

HTML = "<p>Hello</p><script>document.title='run'</script><img src='https://tracker.example/x.png'>"


async def drop(environment: dict[str, str], inbox: Inbox, subject: str = "Grüße <b>an</b> alle") -> str:
    """Send a mail to the mailbox; gives the name under which it is shown."""
    to = address()
    written = Written(subject=subject, html=HTML, text="Hello\n\nhttp://localhost:8000/account/verify?token=lnk_1.abc\njavascript:alert(1)\n")
    mail = Message(id=new_id(), sender_name="A School", sender="mail@school.example", reply_to=None, recipient=to, written=written, sent_at="Sat, 28 Nov 2026 12:00:00 +0000")
    await SmtpMailer(environment["LMS_MAIL_URL"]).send(mail)
    ((name, _),) = inbox.named(lambda message: message["To"] == to)
    return name


async def get(url: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        return await client.get(path, **options)


async def test_is_not_there_outside_development(house: House, environment: dict[str, str], inbox: Inbox) -> None:
    name = await drop(environment, inbox)

    for path in ("/dev/mail", f"/dev/mail/{name}", f"/dev/mail/{name}/html", f"/dev/mail/{name}/source"):
        assert (await get(house.url, path)).status_code == 404


async def test_lists_and_shows_each_mail(serve: Serve, environment: dict[str, str], inbox: Inbox) -> None:
    name = await drop(environment, inbox)
    serving = await serve(LMS_DEVELOPMENT="true")

    listed, shown = await get(serving.url, "/dev/mail"), await get(serving.url, f"/dev/mail/{name}")

    assert f'href="/dev/mail/{name}"' in listed.text
    assert "Grüße &lt;b&gt;an&lt;/b&gt; alle" in listed.text
    assert "<b>" not in listed.text + shown.text
    assert '<a href="http://localhost:8000/account/verify?token=lnk_1.abc"' in shown.text
    assert 'href="javascript' not in shown.text
    assert "Message-ID" in shown.text
    assert f'<iframe src="/dev/mail/{name}/html" sandbox ' in shown.text
    assert "script" not in listed.headers["content-security-policy"] + shown.headers["content-security-policy"]
    assert "From: A School <mail@school.example>" in (await get(serving.url, f"/dev/mail/{name}/source")).text


async def test_runs_nothing_of_a_mail(serve: Serve, environment: dict[str, str], inbox: Inbox) -> None:
    name = await drop(environment, inbox)
    serving = await serve(LMS_DEVELOPMENT="true")

    frame = await get(serving.url, f"/dev/mail/{name}/html")

    policy = frame.headers["content-security-policy"]
    assert "<script>" in frame.text  # as the mail has it; what follows keeps it from running
    assert re.search(r"(?:^|; )sandbox(?:;|$)", policy)
    assert policy.startswith("default-src 'none'; ")
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert frame.headers["x-frame-options"] == "SAMEORIGIN"


async def test_gives_nothing_to_a_page_under_another_name_nor_any_other_file(serve: Serve, environment: dict[str, str], inbox: Inbox) -> None:
    name = await drop(environment, inbox)
    serving = await serve(LMS_DEVELOPMENT="true")

    for path in ("/dev/mail", f"/dev/mail/{name}", f"/dev/mail/{name}/html", f"/dev/mail/{name}/source"):
        assert (await get(serving.url, path, headers={"Host": "rebound.example"})).status_code == 404
    for strange in ("..%2f..%2fsecret-keys", "0-0", "%00", "....", f"{name}.eml", "..%2fmail%2f" + name):
        assert (await get(serving.url, f"/dev/mail/{strange}")).status_code == 404
