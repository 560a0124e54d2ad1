"""Events: what happened, as it was then; and their way to the endpoints that want them, signed.

By default each endpoint hears of events one by one, in the order in which they happened. Tests make them late, doubled, shuffled, lost or held.
"""

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2 as httpx

from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, page, shown

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

API_VERSION = "2026-10-28.endive"
DELIVERY_SECONDS = 20.0


def signature(body: bytes, secrets: Sequence[str], at: int | None = None) -> str:
    """The `Stripe-Signature` header; while a secret is rolled there are two."""
    at = int(time.time()) if at is None else at
    signed = (hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={at}", *(f"v1={each}" for each in signed), f"v0={'0' * 64}"])


@dataclass
class WebhookEndpoint:
    """Who wants to hear. `connect`: of connected accounts' events (True), of the platform's own (False), of both (None)."""

    url: str
    secrets: list[str]
    connect: bool | None = None
    enabled: frozenset[str] = frozenset({"*"})
    id: str = field(default_factory=lambda: fresh("we"))
    queue: list[Object] = field(default_factory=list)
    worker: asyncio.Task[None] | None = None

    def wants(self, event: Object) -> bool:
        return (self.connect is None or self.connect == ("account" in event)) and ("*" in self.enabled or event["type"] in self.enabled)


@dataclass
class Attempt:
    """One try to tell an endpoint; `status` is 0 when nothing was answered."""

    event: Object
    endpoint: str
    status: int


class Events:
    """Makes events and carries them."""

    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self.endpoints: list[WebhookEndpoint] = []
        self.attempts: list[Attempt] = []
        self.retry_after: Sequence[float] = (0.05, 0.1, 0.2, 0.4)
        """Seconds between the tries of one event that is not answered with 2xx."""
        self.held: list[Object] | None = None
        """A list while events wait to be released."""
        self.doubled = False
        self.late = 0.0
        self.lost: Callable[[Object], bool] = lambda event: False
        self._later: set[asyncio.Task[None]] = set()

    def emit(self, type: str, about: Object, *, owner: Owner | None = None, previous: dict[str, Any] | None = None) -> Object:
        """Record that something happened to an object; tell of it. `owner` differs from the object's for accounts, whose events are their own."""
        owner = owner or about["_owner"]
        event: Object = {
            "id": fresh("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self._twin.now(),
            "data": {"object": shown(about), **({"previous_attributes": previous} if previous is not None else {})},
            "livemode": owner.livemode,
            "pending_webhooks": 0,
            "request": dict(self._twin.request),
            "type": type,
            **({"account": owner.account} if owner.account else {}),
        }
        self._twin.store.add("event", owner, event)
        if self.held is not None:
            self.held.append(event)
        else:
            self._hand_over(event)
        return event

    def hold(self) -> None:
        self.held = self.held or []

    def release(self, *, order: str = "real", seed: int = 0) -> None:
        """Let go of what was held: in `real` order, `reversed` or `shuffled`."""
        held, self.held = self.held or [], None
        if order == "reversed":
            held.reverse()
        elif order == "shuffled":
            random.Random(seed).shuffle(held)
        for event in held:
            self._hand_over(event)

    def send_again(self, event_id: str) -> None:
        """As the button in Stripe's dashboard does."""
        self._hand_over(self._twin.store.by_id[event_id])

    async def quiet(self) -> None:
        """Until nobody has anything to hear any more; held events wait on."""
        while running := [*self._later, *(each.worker for each in self.endpoints if each.worker and not each.worker.done())]:
            await asyncio.wait(running)

    async def stop(self) -> None:
        running = [*self._later, *(each.worker for each in self.endpoints if each.worker)]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._later.clear()

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [("GET", "/v1/events", self._list, "type types created delivery_success limit starting_after ending_before"), ("GET", "/v1/events/{id}", self._retrieve, "")]

    def _list(self, call: "Call") -> Object:
        types = [call.params.needed("type")] if "type" in call.params else call.params.texts("types")
        rows = [each for each in reversed(self._twin.store.all("event", call.owner)) if not types or each["type"] in types]
        return page("/v1/events", rows, call.params)

    def _retrieve(self, call: "Call") -> Object:
        return self._twin.store.get("event", call.path["id"], call.owner)

    def _hand_over(self, event: Object) -> None:
        for endpoint in self.endpoints:
            if endpoint.wants(event) and not self.lost(event):
                endpoint.queue += [event, event] if self.doubled else [event]
                if endpoint.worker is None or endpoint.worker.done():
                    endpoint.worker = asyncio.get_running_loop().create_task(self._work(endpoint))

    async def _work(self, endpoint: WebhookEndpoint) -> None:
        async with httpx.AsyncClient(timeout=DELIVERY_SECONDS, trust_env=False) as http:
            while endpoint.queue:
                event = endpoint.queue.pop(0)
                if self.late:
                    await asyncio.sleep(self.late)
                if not await self._deliver(http, endpoint, event):
                    self._retry(endpoint, event)

    def _retry(self, endpoint: WebhookEndpoint, event: Object) -> None:
        async def again() -> None:
            async with httpx.AsyncClient(timeout=DELIVERY_SECONDS, trust_env=False) as http:
                for seconds in self.retry_after:
                    await asyncio.sleep(seconds)
                    if await self._deliver(http, endpoint, event):
                        return

        task = asyncio.get_running_loop().create_task(again())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _deliver(self, http: httpx.AsyncClient, endpoint: WebhookEndpoint, event: Object) -> bool:
        body = json.dumps(shown(event), indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(body, endpoint.secrets),
        }
        try:
            status = (await http.post(endpoint.url, content=body, headers=headers)).status_code
        except httpx.HTTPError:
            status = 0
        self.attempts.append(Attempt(event, endpoint.id, status))
        return 200 <= status < 300
