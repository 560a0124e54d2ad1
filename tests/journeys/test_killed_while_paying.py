"""Money, while API and worker die between any two steps of reserve → call → settle: paid once, opened once, booked once, given back once.

Real processes, killed at chosen moments: a row that they must lock is held, or the provider's twin lets them wait. The twin keeps what happened, and tells of it again until it is heard.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2 as httpx
import pytest

from lms_graph.embedded.processes import free_port
from lms_graph.integrations.twins.stripe import WEBHOOK_SECRET, StripeTwin
from tests.factories.checkouts import asked, uuid_of
from tests.fixtures.databases import own_database
from tests.fixtures.house import served
from tests.fixtures.processes import until
from tests.journeys.town import Town, seed, town

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("crashes")]

PATIENCE = 90  # processes start meanwhile, and tests share the machine


@pytest.fixture(scope="module")
def outset(servers: dict[str, str], environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[tuple[dict[str, str], str, Path]]:
    folder = tmp_path_factory.mktemp("shop")
    with own_database(servers, environment, f"shop_{worker_id}_{folder.name}") as (own, superuser_url):
        yield own | {"LMS_STRIPE_URL": f"http://127.0.0.1:{free_port()}"}, superuser_url, folder


@pytest.fixture(scope="module")
async def twin(outset: tuple[dict[str, str], str, Path], anyio_backend: str) -> AsyncIterator[StripeTwin]:
    url = outset[0]["LMS_STRIPE_URL"]
    made = StripeTwin(url)
    async with served(made.app(), int(url.rpartition(":")[2])):
        yield made
        await made.events.stop()


@pytest.fixture(scope="module")
async def place(outset: tuple[dict[str, str], str, Path], twin: StripeTwin) -> AsyncIterator[Town]:
    own, superuser_url, folder = outset
    async with town(own, superuser_url, folder, await asyncio.to_thread(seed, own, "tests.journeys.seed_shop")) as made:
        twin.listen(f"{made.url}/webhooks/stripe", WEBHOOK_SECRET)
        twin.events.retry_after = [1.0] * PATIENCE
        await made.start_api()
        made.start_worker()
        yield made


@asynccontextmanager
async def held(place: Town, sql: str, *parameters: Any) -> AsyncIterator[None]:
    """Somebody else holds what a process needs next, and one of them waits for it."""
    host, port = place.database._addr
    connection = await asyncpg.connect(host=host, port=port, user="postgres", database=place.database._params.database)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '10s'")
            await connection.fetch(sql, *parameters) if parameters else await connection.execute(sql)
            yield
    finally:
        await connection.close()


@asynccontextmanager
async def waiting(twin: StripeTwin, method: str, path: str) -> AsyncIterator[None]:
    """Within, a request of the provider has come and is not answered; afterwards it has its effect."""
    twin.asked.clear()
    twin.pause = asyncio.Event()

    async def asked_for() -> bool:
        return any(each[0] == method and each[1].startswith(path) for each in twin.asked)

    try:
        yield
    finally:
        twin.pause.set()
        twin.pause = None
    assert await asked_for()


async def is_asked(twin: StripeTwin, method: str, path: str, place: Town) -> None:
    async def came() -> bool:
        return any(each[0] == method and each[1].startswith(path) for each in twin.asked)

    await until(came, seconds=PATIENCE, else_tell=place.tails)


async def locked_out(place: Town) -> None:
    await until(place.waiting_for_locks, seconds=PATIENCE, else_tell=place.tails)


def die(place: Town, name: str) -> None:
    place.running(name).kill()


async def swept(place: Town) -> None:
    """The time of every look has come."""
    await place.value("UPDATE deliveries SET due_at = now() WHERE state = 'PENDING' AND reaction LIKE 'commerce.%'")
    await place.quiet(seconds=PATIENCE)


class Purchase:
    """One buyer's order, at the twin and in the tables."""

    def __init__(self, place: Town, twin: StripeTwin) -> None:
        self.place, self.twin = place, twin
        self.token = place.seed["tokens"].pop()
        self.input = asked(place.seed["offer"])
        self.checkout: dict[str, Any] = {}

    async def begin(self) -> None:
        self.checkout = (await self.place.ask("StartCheckout", self.token, input=self.input))["checkout"]

    async def pay(self) -> None:
        async with httpx.AsyncClient() as browser:
            await browser.post(self.checkout["paymentUrl"], data={"choice": "pay"})

    @property
    def order_id(self) -> Any:
        return uuid_of(self.checkout["order"]["id"])

    async def status(self) -> str:
        return str(await self.place.value("SELECT status FROM orders WHERE id = $1", self.order_id))

    async def reach(self, status: str) -> None:
        async def there() -> bool:
            return await self.status() == status

        await until(there, seconds=PATIENCE, else_tell=self.place.tails)
        await self.place.quiet(seconds=PATIENCE)

    async def require_paid_once(self) -> None:
        of_order = {
            "payments": "SELECT count(*) FROM payments WHERE order_id = $1",
            "succeeded": "SELECT count(*) FROM payments WHERE order_id = $1 AND status <> 'FAILED'",
            "grants": "SELECT count(*) FROM entitlements e JOIN order_lines l ON l.id = e.source_id WHERE l.order_id = $1",
            "runs": "SELECT count(*) FROM enrollments n JOIN orders o ON o.account_id = n.account_id WHERE o.id = $1",
            "sales": "SELECT count(*) FROM ledger_transactions WHERE order_id = $1 AND kind = 'SALE'",
            "invoices": "SELECT count(*) FROM invoices WHERE order_id = $1 AND kind = 'INVOICE'",
            "facts": "SELECT count(*) FROM facts WHERE name = 'OrderPaid' AND payload->>'order_id' = $1::uuid::text",
            "receipts": "SELECT count(*) FROM mails m JOIN invoices i ON i.id = m.about_id WHERE i.order_id = $1 AND m.kind = 'RECEIPT' AND m.state = 'SENT'",
        }
        assert {name: await self.place.value(sql, self.order_id) for name, sql in of_order.items()} == dict.fromkeys(of_order, 1)
        charges = [charge for charge in self.twin.store.all("charge") if charge["transfer_group"] == str(self.order_id)]
        assert [(charge["status"], charge["amount"]) for charge in charges] == [("succeeded", 2000)]
        sessions = [each for each in self.twin.store.all("checkout.session") if each["metadata"]["order"] == str(self.order_id)]
        assert len(sessions) == 1
        await self.require_balance()

    async def require_balance(self) -> None:
        """The books are even, and hold what lies at the provider."""
        assert await self.place.value("SELECT coalesce(sum(amount), 0) FROM ledger_entries") == 0
        assert await self.place.value("SELECT sum(amount) FROM ledger_entries WHERE account = 'PROVIDER'") == self.twin.holdings()["platform"]["eur"]
        assert await self.place.value("SELECT count(*) FROM deliveries WHERE state = 'BURIED'") == 0


async def test_api_dies_while_the_provider_opens_the_checkout(place: Town, twin: StripeTwin) -> None:
    purchase = Purchase(place, twin)
    async with waiting(twin, "POST", "/v1/checkout/sessions"):
        asking = asyncio.create_task(purchase.begin())
        await is_asked(twin, "POST", "/v1/checkout/sessions", place)
        die(place, "serve")
        with pytest.raises(httpx.TransportError):
            await asking
    await place.start_api()

    await purchase.begin()  # the client did not hear, and asks again under its key
    await purchase.pay()
    await purchase.reach("PAID")
    await swept(place)

    await purchase.require_paid_once()


async def test_api_dies_while_it_keeps_the_event_and_the_worker_while_it_settles(place: Town, twin: StripeTwin) -> None:
    purchase = Purchase(place, twin)
    await purchase.begin()
    async with held(place, "LOCK TABLE provider_events IN EXCLUSIVE MODE"):
        await purchase.pay()
        await locked_out(place)
        die(place, "serve")
    assert await purchase.status() == "PENDING"

    async with held(place, "SELECT FROM orders WHERE id = $1 FOR UPDATE", purchase.order_id):
        await place.start_api()
        await locked_out(place)
        die(place, "worker")
    assert await purchase.status() == "PENDING"
    place.start_worker()
    await purchase.reach("PAID")
    await swept(place)

    await purchase.require_paid_once()


async def test_worker_dies_while_it_asks_how_the_payment_is_and_nobody_tells_again(place: Town, twin: StripeTwin) -> None:
    purchase = Purchase(place, twin)
    await purchase.begin()
    twin.events.lost = lambda event: True
    await purchase.pay()
    twin.events.lost = lambda event: False

    async def brought_forward() -> Any:  # once the relay has told of the checkout
        return await place.value("UPDATE deliveries SET due_at = now() WHERE state = 'PENDING' AND reaction = 'commerce.sweep_checkout' RETURNING true")

    async with waiting(twin, "GET", "/v1/checkout/sessions"):
        await until(brought_forward, seconds=PATIENCE, else_tell=place.tails)
        await is_asked(twin, "GET", "/v1/checkout/sessions", place)
        die(place, "worker")
    assert await purchase.status() == "PENDING"
    place.start_worker()

    await purchase.reach("PAID")

    await purchase.require_paid_once()


async def test_worker_dies_around_the_refund_that_it_asks_for(place: Town, twin: StripeTwin) -> None:
    purchase = Purchase(place, twin)
    await purchase.begin()
    await purchase.pay()
    await purchase.reach("PAID")
    asked_back = {"orderId": purchase.checkout["order"]["id"], "reason": "Not mine.", "idempotencyKey": uuid4().hex}

    async with waiting(twin, "POST", "/v1/refunds"):
        await asyncio.gather(*(place.ask("Refund", place.seed["admin"], input=asked_back) for _ in range(2)))
        await is_asked(twin, "POST", "/v1/refunds", place)
        die(place, "worker")  # the provider gives the money back all the same
    async with held(place, "SELECT FROM orders WHERE id = $1 FOR UPDATE", purchase.order_id):
        place.start_worker()
        await locked_out(place)
        die(place, "worker")  # it knows, and has not written it
        die(place, "serve")
    await place.start_api()
    place.start_worker()
    await purchase.reach("REFUNDED")
    await swept(place)

    refunds = [each for each in twin.store.all("refund") if each["metadata"].get("order") == str(purchase.order_id) or each["amount"] == 2000]
    assert [(each["status"], each["amount"]) for each in refunds] == [("succeeded", 2000)]
    once = {
        "refunds": "SELECT count(*) FROM refunds WHERE order_id = $1 AND status = 'SUCCEEDED'",
        "notes": "SELECT count(*) FROM invoices WHERE order_id = $1 AND kind = 'CREDIT_NOTE'",
        "booked": "SELECT count(*) FROM ledger_transactions WHERE order_id = $1 AND kind = 'REFUND'",
        "closed": "SELECT count(*) FROM entitlements e JOIN order_lines l ON l.id = e.source_id WHERE l.order_id = $1 AND e.revoked_at IS NOT NULL",
        "told": "SELECT count(*) FROM mails m JOIN invoices i ON i.id = m.about_id WHERE i.order_id = $1 AND m.kind = 'REFUND' AND m.state = 'SENT'",
    }
    assert {name: await place.value(sql, purchase.order_id) for name, sql in once.items()} == dict.fromkeys(once, 1)
    assert await place.value("SELECT count(*) FROM refunds WHERE order_id = $1", purchase.order_id) == 1
    await purchase.require_balance()
