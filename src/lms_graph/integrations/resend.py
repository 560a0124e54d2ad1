"""Mails by Resend's HTTP API: `resend://<API key>@api.resend.com`. `?tls=none` speaks plain HTTP, for a twin on the same machine."""

import base64
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx2 as httpx
import structlog

from lms_graph.domain.notifications.errors import MailRefused
from lms_graph.domain.notifications.ports import Message
from lms_graph.kit.errors import Unavailable

TIMEOUT_SECONDS = 20.0
HOST = "api.resend.com"
MAX_TOLD = 300

log = structlog.get_logger(__name__)


class ResendMailer:
    """One POST per mail. Their idempotency key is made of the mail's id and holds for a day.

    Refused is what they will never take (400, 404, 422). A key that is no good may be mended, a quota (429) ends, and so do failures of their own: those mails wait.
    """

    def __init__(self, url: str) -> None:
        """Raises ValueError, without the key, for an address that is not one."""
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        tls = options.pop("tls", "yes")
        if parts.scheme != "resend" or not parts.username or parts.password or tls not in ("yes", "none") or options or parts.path.strip("/"):
            raise ValueError("LMS_MAIL_URL is not an address such as resend://<API key>@api.resend.com.")
        host = f"{parts.hostname or HOST}{f':{parts.port}' if parts.port else ''}"
        self._client = httpx.AsyncClient(
            base_url=f"{'http' if tls == 'none' else 'https'}://{host}",
            headers={"Authorization": f"Bearer {unquote(parts.username)}", "User-Agent": "lms-graph"},
            timeout=TIMEOUT_SECONDS,
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def send(self, message: Message) -> str | None:
        body: dict[str, Any] = {
            "from": f"{_quoted(message.sender_name)} <{message.sender}>",
            "to": [message.recipient],
            "subject": message.written.subject,
            "html": message.written.html,
            "text": message.written.text,
            "headers": {**message.headers, "X-Entity-Ref-ID": message.key},
        }
        if message.attachments:
            body["attachments"] = [{"filename": attachment.file_name, "content": base64.b64encode(attachment.body).decode()} for attachment in message.attachments]
        if message.reply_to:
            body["reply_to"] = message.reply_to
        answer = await self._ask("POST", "/emails", json=body, headers={"Idempotency-Key": message.key})
        if answer.is_success:
            return str(_json(answer).get("id") or "") or None
        name, said = _error(answer)
        said = f"{answer.status_code} {name}: {said.replace(message.recipient, '…')[:MAX_TOLD]}"
        if name == "invalid_idempotent_request":
            log.warning("mail.taken_before", mail=message.key)  # under this id, worded a little differently: the school has changed its name since, say
            return None
        if answer.status_code in (400, 404, 422):
            raise MailRefused(f"Resend refused the mail: {said}")
        raise Unavailable(f"Resend does not take the mail now: {said}")

    async def check(self) -> str:
        answer = await self._ask("GET", "/domains")
        name, said = ("", "") if answer.is_success else _error(answer)
        if answer.is_success or name == "restricted_api_key":  # a key that may only send may not list
            return f"Resend at {self._client.base_url.host}, which knows the key"
        raise Unavailable(f"Resend says {answer.status_code} {name}: {said[:MAX_TOLD]}")

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return await self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Unavailable(f"Resend at {self._client.base_url.host} does not answer: {type(error).__name__}") from None


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _error(answer: httpx.Response) -> tuple[str, str]:
    body = _json(answer)
    return str(body.get("name") or "no_name"), str(body.get("message") or "")
