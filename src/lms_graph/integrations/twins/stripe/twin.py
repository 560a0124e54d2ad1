"""The twin as a whole: its clock, its keys, its faults, and one door through which every request comes."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from lms_graph.integrations.twins.stripe.balances import Balances
from lms_graph.integrations.twins.stripe.checkout import Checkout
from lms_graph.integrations.twins.stripe.connect import Connect
from lms_graph.integrations.twins.stripe.control import control_routes
from lms_graph.integrations.twins.stripe.customers import Customers
from lms_graph.integrations.twins.stripe.disputes import Disputes
from lms_graph.integrations.twins.stripe.errors import StripeError
from lms_graph.integrations.twins.stripe.events import Events, WebhookEndpoint
from lms_graph.integrations.twins.stripe.forms import Params, nested
from lms_graph.integrations.twins.stripe.idempotency import Kept, Keys
from lms_graph.integrations.twins.stripe.invoices import Invoices
from lms_graph.integrations.twins.stripe.objects import Object, Owner, Store, fresh
from lms_graph.integrations.twins.stripe.payments import Payments
from lms_graph.integrations.twins.stripe.payouts import Payouts
from lms_graph.integrations.twins.stripe.products import Products
from lms_graph.integrations.twins.stripe.refunds import Refunds
from lms_graph.integrations.twins.stripe.subscriptions import Subscriptions
from lms_graph.integrations.twins.stripe.tax import Tax
from lms_graph.integrations.twins.stripe.transfers import Transfers

DAY = 24 * 3600
TEST_KEY = "sk_test_twin"
WEBHOOK_SECRET = "whsec_twin"


@dataclass(frozen=True)
class Call:
    """A request of the API: who asks, about what, with which parameters."""

    owner: Owner
    params: Params
    path: dict[str, str]


@dataclass
class Fault:
    """Something that goes wrong with the next `times` requests of this method whose path begins so.

    `lost`: the effect, and no answer. `error`: 500 that the idempotency key keeps, no effect. `down`: 503, nothing began. `limited`: 429. `slow`: the effect, after so many seconds.
    """

    kind: str
    path: str = "/v1/"
    method: str = "POST"
    times: int = 1
    seconds: float = 30.0

    def meets(self, request: Request, path: str) -> bool:
        return self.times > 0 and request.method == self.method and path.startswith(self.path)


class StripeTwin:
    """One Stripe with its state. `url` is where it listens, known once it does; `keys` are its secret keys and whether they are of live mode."""

    def __init__(self, url: str = "", *, keys: dict[str, bool] | None = None) -> None:
        self.url = url
        self.keys = keys or {TEST_KEY: False}
        self.store = Store()
        self.idempotency = Keys()
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        """Every request that had a good key: method, path and parameters."""
        self.pause: asyncio.Event | None = None
        """While it is there and not set, requests wait after their key was taken: to have two at once."""
        self.request: dict[str, str | None] = {"id": None, "idempotency_key": None}
        self._ahead = 0
        self._stopped_at: int | None = None
        self.events = Events(self)
        self.balances = Balances(self)
        self.products = Products(self)
        self.customers = Customers(self)
        self.payments = Payments(self)
        self.refunds = Refunds(self)
        self.disputes = Disputes(self)
        self.invoices = Invoices(self)
        self.subscriptions = Subscriptions(self)
        self.checkout = Checkout(self)
        self.connect = Connect(self)
        self.transfers = Transfers(self)
        self.payouts = Payouts(self)
        self.tax = Tax(self)
        self._nouns: list[Any] = [
            *(self.events, self.balances, self.products, self.customers, self.payments, self.refunds, self.disputes, self.invoices),
            *(self.subscriptions, self.checkout, self.connect, self.transfers, self.payouts, self.tax),
        ]
        self._timed = [self.balances, self.checkout, self.subscriptions, self.invoices, self.payouts]

    def now(self) -> int:
        """The twin's time: ours, and as far ahead as it was advanced."""
        return int(time.time()) + self._ahead if self._stopped_at is None else self._stopped_at

    def advance(self, seconds: int = 0, *, days: int = 0) -> None:
        """Let time pass: everything that falls due on the way happens, in its order, each at its time."""
        until = self.now() + seconds + days * DAY
        while (due := self._next_due()) is not None and due <= until:
            self._stopped_at = max(due, self.now())
            for each in self._timed:
                each.run_due(self._stopped_at)
            self._ahead = self._stopped_at - int(time.time())
            self._stopped_at = None
        self._ahead = until - int(time.time())

    def fault(self, kind: str, path: str = "/v1/", *, method: str = "POST", times: int = 1, seconds: float = 30.0) -> None:
        self.faults.append(Fault(kind, path, method, times, seconds))

    def listen(self, url: str, *secrets: str, connect: bool | None = None, enabled: str = "*") -> WebhookEndpoint:
        """A webhook endpoint, as one made in the dashboard."""
        endpoint = WebhookEndpoint(url, list(secrets), connect, frozenset(enabled.split()))
        self.events.endpoints.append(endpoint)
        return endpoint

    def holdings(self) -> dict[str, dict[str, int]]:
        return self.balances.holdings()

    def top_up(self, amount: int, currency: str, *, account: str | None = None) -> None:
        """Money from a bank to the platform, or to a connected account."""
        self.balances.move(Owner(False, account), amount, currency, "topup", {"id": fresh("tu")})

    async def reset(self) -> None:
        """As new: no objects, no endpoints, no faults, and the time of the clock on the wall."""
        await self.events.stop()
        self.store.forget()
        for noun in self._nouns:
            noun.__init__(self)
        self.idempotency, self.faults, self.asked, self.pause = Keys(), [], [], None
        self._ahead, self._stopped_at = 0, None

    def app(self) -> Starlette:
        api = [Route(path, self._door(handler, allowed), methods=[method]) for noun in self._nouns for method, path, handler, allowed in noun.routes()]
        unknown = Route("/v1/{rest:path}", self._unknown, methods=["GET", "POST", "DELETE"])
        return Starlette(routes=[*api, unknown, *self.checkout.pages(), *self.connect.pages(), *control_routes(self)])

    def _next_due(self) -> int | None:
        return min((due for each in self._timed if (due := each.next_due()) is not None), default=None)

    def _door(self, handler: Callable[[Call], Object], allowed: str) -> Callable[[Request], Any]:
        names = frozenset(allowed.split()) | {"expand"}

        async def answer(request: Request) -> Response:
            return await self._answer(request, handler, names)

        return answer

    async def _unknown(self, request: Request) -> Response:
        return _json(404, {"error": {"type": "invalid_request_error", "message": f"Unrecognized request URL ({request.method}: /v1/{request.path_params['rest']})."}})

    async def _answer(self, request: Request, handler: Callable[[Call], Object], names: frozenset[str]) -> Response:
        request_id = fresh("req", 14)
        text = request.url.query if request.method in ("GET", "DELETE") else (await request.body()).decode("utf-8", "replace")
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        try:
            owner = self._owner(request)
            given = nested(text)
            self.asked.append((request.method, path, given))
        except StripeError as error:
            return _json(error.status, {"error": error.body}, request_id)
        fault = next((each for each in self.faults if each.meets(request, path)), None)
        if fault:
            fault.times -= 1
        if fault and fault.kind in ("limited", "down"):
            status, words = (429, "Request rate limit exceeded.") if fault.kind == "limited" else (503, "Stripe is not available.")
            return _json(
                status,
                {"error": {"type": "invalid_request_error" if status == 429 else "api_error", "message": words, **({"code": "rate_limit"} if status == 429 else {})}},
                request_id,
            )
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        kept: Kept | None = None
        if key:
            try:
                kept = self.idempotency.begin(owner, key, (request.method, path, json.dumps(given, sort_keys=True)), self.now())
            except StripeError as error:
                return _json(error.status, {"error": error.body}, request_id)
            if kept.answer:
                return _json(*kept.answer, request_id, replayed=True)
        try:
            if fault and fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            if self.pause:
                await self.pause.wait()
        except asyncio.CancelledError:
            self.idempotency.forget(owner, key or "")
            raise
        status, body, keep = self._execute(Call(owner, Params(given), dict(request.path_params)), handler, names, fault, (request_id, key))
        if kept and keep:
            kept.answer = (status, body)
        elif key:
            self.idempotency.forget(owner, key)
        return _Broken() if fault and fault.kind == "lost" else _json(status, body, request_id)

    def _execute(
        self, call: Call, handler: Callable[[Call], Object], names: frozenset[str], fault: Fault | None, request: tuple[str, str | None]
    ) -> tuple[int, dict[str, Any], bool]:
        """Status, body, and whether the idempotency key keeps them."""
        if fault and fault.kind == "error":
            return 500, {"error": {"type": "api_error", "message": "An unknown error occurred"}}, True
        self.request = {"id": request[0], "idempotency_key": request[1]}
        try:
            for name in call.params.given:
                if name not in names:
                    raise StripeError(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name, kept=False)
            self.advance(0)
            return 200, self.store.expand(handler(call), call.params.texts("expand")), True
        except StripeError as error:
            return error.status, {"error": error.body}, error.kept
        finally:
            self.request = {"id": None, "idempotency_key": None}

    def _owner(self, request: Request) -> Owner:
        key = _key_of(request)
        if key not in self.keys:
            message = (
                f"Invalid API Key provided: {key[:8]}{'*' * 8}{key[-4:]}"
                if key
                else "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth."
            )
            raise StripeError(401, message, kept=False)
        livemode = self.keys[key]
        account = request.headers.get("stripe-account")
        if account:
            found = self.store.find("account", account)
            if found is None or found["_owner"].livemode != livemode:
                message = f"The provided key '{key[:8]}{'*' * 8}{key[-4:]}' does not have access to account '{account}' (or that account does not exist). Application access may have been revoked."
                raise StripeError(403, message, code="account_invalid", kept=False)
        return Owner(livemode, account)


def _key_of(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _json(status: int, body: dict[str, Any], request_id: str | None = None, *, replayed: bool = False) -> Response:
    headers = {"Request-Id": request_id or fresh("req", 14), "Stripe-Version": "2026-10-28.endive", **({"Idempotent-Replayed": "true"} if replayed else {})}
    if status == 500:
        headers["Stripe-Should-Retry"] = "false"
    return JSONResponse(body, status, headers=headers)


class _Broken(Response):
    """A connection that ends within the answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"), (b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b'{"id": ', "more_body": True})
