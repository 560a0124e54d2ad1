"""Resend as far as we speak with it, in memory: keys, sending with idempotency, reading what was sent. Its answers and errors are worded as theirs.

https://resend.com/docs/api-reference
"""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

_ADDRESS = re.compile(r'(?:(?P<name>"(?:[^"\\]|\\.)*"|[^<>"]*)\s*<(?P<inside>[^<>\s]+@[^<>\s@]+\.[^<>\s@]+)>|(?P<bare>[^<>\s]+@[^<>\s@]+\.[^<>\s@]+))')
MAX_KEY = 256


@dataclass
class ResendTwin:
    """`keys` are the API keys it knows, `domains` those that may send. `fail_next` answers the next request so, once each: `(503, "application_error")`, and does nothing."""

    keys: set[str] = field(default_factory=lambda: {"re_test"})
    sending_keys: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=lambda: {"school.example"})
    fail_next: list[tuple[int, str]] = field(default_factory=list)
    takes_example_com: bool = False
    """They refuse addresses that nobody has."""
    lose_next_answer: bool = False
    """Do what is asked, and answer 502: as when a connection breaks after they took it."""
    emails: dict[str, dict[str, Any]] = field(default_factory=dict)
    _by_key: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    _under_way: set[tuple[str, str]] = field(default_factory=set)
    slow: asyncio.Event | None = None

    def application(self) -> Starlette:
        return Starlette(routes=[Route("/emails", self._send, methods=["POST"]), Route("/emails/{id}", self._email), Route("/domains", self._domains)])

    async def _send(self, request: Request) -> JSONResponse:
        refused = self._refused(request, {*self.keys, *self.sending_keys})
        if refused:
            return refused
        body = await request.body()
        key = request.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= MAX_KEY:
            return _error(400, "invalid_idempotency_key", "The key must be between 1-256 chars.")
        place = (request.headers["authorization"], key or str(uuid4()))
        if place in self._under_way:
            return _error(409, "concurrent_idempotent_requests", "Another request with the same idempotency key is in progress.")
        if place in self._by_key:
            known, id = self._by_key[place]
            if known != body:
                return _error(409, "invalid_idempotent_request", "Same idempotency key used with a different request payload.")
            return JSONResponse({"id": id})
        try:
            mail = await request.json()
        except ValueError:
            return _error(400, "validation_error", "The request body is not valid JSON.")
        if problem := self._problem(mail):
            return problem
        self._under_way.add(place)
        try:
            if self.slow:
                await self.slow.wait()
            id = str(uuid4())
            shown = {name: mail.get(name) for name in ("from", "to", "subject", "html", "text", "headers", "attachments")}
            reply_to = mail.get("reply_to") or []
            made = {"object": "email", "id": id, "created_at": datetime.now(UTC).isoformat(), "last_event": "delivered", "cc": [], "bcc": []}
            self.emails[id] = shown | made | {"reply_to": [reply_to] if isinstance(reply_to, str) else reply_to}
            self._by_key[place] = (body, id)
        finally:
            self._under_way.discard(place)
        if self.lose_next_answer:
            self.lose_next_answer = False
            return _error(502, "application_error", "Bad gateway")
        return JSONResponse({"id": id})

    async def _email(self, request: Request) -> JSONResponse:
        if refused := self._refused(request, self.keys):
            return refused
        mail = self.emails.get(request.path_params["id"])
        return JSONResponse(mail) if mail else _error(404, "not_found", "Email not found")

    async def _domains(self, request: Request) -> JSONResponse:
        if refused := self._refused(request, self.keys):
            return refused
        return JSONResponse({"object": "list", "has_more": False, "data": [{"id": str(uuid4()), "name": name, "status": "verified"} for name in sorted(self.domains)]})

    def _refused(self, request: Request, allowed: set[str]) -> JSONResponse | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return _error(401, "missing_api_key", "Missing API Key")
        if key not in self.keys | self.sending_keys:
            return _error(403, "invalid_api_key", "API key is invalid")
        if key not in allowed:
            return _error(401, "restricted_api_key", "This API key is restricted to only send emails")
        if self.fail_next:
            status, name = self.fail_next.pop(0)
            return _error(status, name, "As the test wants it")
        return None

    def _problem(self, mail: Any) -> JSONResponse | None:
        if not isinstance(mail, dict):
            return _error(422, "validation_error", "The body must be an object.")
        for name in ("from", "to", "subject"):
            if not mail.get(name):
                return _error(422, "missing_required_field", f"Missing `{name}` field.")
        if not (mail.get("html") or mail.get("text")):
            return _error(422, "missing_required_field", "Missing `html` or `text` field.")
        sender = _ADDRESS.fullmatch(mail["from"]) if isinstance(mail["from"], str) else None
        if sender is None:
            return _error(422, "invalid_from_address", "Invalid `from` field. The email address needs to follow the `email@example.com` or `Name <email@example.com>` format.")
        to = [mail["to"]] if isinstance(mail["to"], str) else mail["to"]
        reply_to = [mail["reply_to"]] if isinstance(mail.get("reply_to"), str) else mail.get("reply_to") or []
        if len(to) > 50 or not all(isinstance(address, str) and address.isascii() and _ADDRESS.fullmatch(address) for address in [*to, *reply_to]):
            return _error(422, "validation_error", "Invalid `to` field. The email address needs to follow the `email@example.com` or `Name <email@example.com>` format.")
        if not self.takes_example_com and any(address.endswith("@example.com") for address in to):
            return _error(422, "validation_error", "Invalid `to` field. Please use our testing email address instead of domains like `example.com`.")
        domain = (sender["inside"] or sender["bare"]).rpartition("@")[2]
        if domain not in self.domains:
            return _error(403, "validation_error", f"The {domain} domain is not verified. Please, add and verify your domain")
        if "\n" in mail["subject"] or any("\n" in value or "\r" in value for value in (mail.get("headers") or {}).values()):
            return _error(422, "validation_error", "Headers must be of one line.")
        return None


def _error(status: int, name: str, message: str) -> JSONResponse:
    return JSONResponse({"statusCode": status, "name": name, "message": message}, status_code=status)
