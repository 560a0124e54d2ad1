"""Orders: whose they are, how the school finds them, and as a file for accounting."""

import csv
import io
from collections.abc import Awaitable, Callable

import httpx2 as httpx
import pytest

from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.permissions import Permission
from tests.factories import offers
from tests.factories.checkouts import begin, session_of, shop
from tests.factories.keys import admin, made_key
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


async def bought(stripe: StripeTwin, school: School, buyer: Client, settle: Settle) -> str:
    checkout = await begin(buyer, (await shop(school)).offer)
    stripe.checkout.pay(await session_of(school.system, checkout))
    await stripe.events.quiet()
    await settle()
    id: str = checkout["order"]["id"]
    return id


class TestWhoSees:
    async def test_buyers_their_own_and_the_school_all_with_its_sums(
        self, stripe: StripeTwin, school: School, other_school: School, student: Client, sign_in: SignIn, visitor: Client, settle: Settle
    ) -> None:
        id = await bought(stripe, school, student, settle)
        admin = await sign_in(roles=("TENANT_ADMIN",))

        assert (await student.data("OrderParts", id=id))["email"] is not None
        (seen,) = (await admin.data("OrderParts", id=id))["payments"]
        assert seen["stripePaymentId"].startswith("pi_") and seen["platformFee"]["currency"] == "EUR" and seen["instructorPayout"]["currency"] == "EUR"
        for stranger in (await sign_in(), visitor, await sign_in(at=other_school), await sign_in(at=other_school, roles=("TENANT_ADMIN",))):
            assert await stranger.data("OrderParts", id=id) is None
            assert await stranger.data("query ($id: ID!) { node(id: $id) { id } }", id=id) is None
        assert (await student.data("MyOrders"))["orders"]["nodes"][0]["id"] == id
        assert (await (await sign_in()).data("MyOrders"))["orders"]["nodes"] == []

    async def test_the_list_is_for_who_may_read_orders(
        self, stripe: StripeTwin, school: School, other_school: School, student: Client, sign_in: SignIn, visitor: Client, settle: Settle
    ) -> None:
        id = await bought(stripe, school, student, settle)

        assert await student.codes("Orders") == ["FORBIDDEN"] and await visitor.codes("Orders") == ["UNAUTHENTICATED"]
        assert await student.codes("ExportOrders") == ["FORBIDDEN"] and await visitor.codes("ExportOrders") == ["UNAUTHENTICATED"]
        assert (await (await sign_in(at=other_school, roles=("TENANT_ADMIN",))).data("Orders"))["nodes"] == []
        assert [node["id"] for node in (await (await sign_in(roles=("TENANT_ADMIN",))).data("Orders"))["nodes"]] == [id]


DOCUMENTS_OF = "query ($id: ID!) { order(id: $id) { id email invoice { number url } payments { invoiceUrl } } }"


class TestInvoicePdf:
    """The buyer's address stands in it."""

    async def test_is_shown_to_whom_the_address_is(
        self, house: House, stripe: StripeTwin, school: School, student: Client, sign_in: SignIn, clients: list[Client], settle: Settle
    ) -> None:
        id = await bought(stripe, school, student, settle)
        await settle()
        boss = await sign_in(roles=("TENANT_ADMIN",))
        _, secret = await made_key(await admin(school.system), scopes=(Permission.ORDERS_READ,))
        _, reads_all = await made_key(await admin(school.system), scopes=(Permission.ORDERS_READ, Permission.PERSONAL_READ))
        keys = [Client(house, school.slug, token) for token in (secret, reads_all)]
        masked = [
            Client(house, school.slug, (await owner.data("CreateExplorerToken", input={"idempotencyKey": "masked"}))["accessToken"], owner.account_id) for owner in (student, boss)
        ]
        clients += [*keys, *masked]

        async def told(client: Client) -> tuple[bool, bool, bool]:
            order = await client.data(DOCUMENTS_OF, id=id)
            assert order["invoice"]["number"] == "INV-000001"
            return order["email"] is not None, order["invoice"]["url"] is not None, order["payments"][0]["invoiceUrl"] is not None

        assert [await told(client) for client in (student, boss, keys[1])] == [(True, True, True)] * 3
        assert [await told(client) for client in (keys[0], *masked)] == [(False, False, False)] * 3


class TestLists:
    async def test_pages_filters_and_orders(self, stripe: StripeTwin, school: School, student: Client, sign_in: SignIn) -> None:
        made = await shop(school)
        dear = await shop(school, offers.price("30.00"))
        ids = [(await begin(student, offer))["order"]["id"] for offer in (made.offer, dear.offer, made.offer)]
        admin = await sign_in(roles=("TENANT_ADMIN",))

        first = await admin.data("Orders", first=2)
        rest = await admin.data("Orders", first=2, after=first["pageInfo"]["endCursor"])
        assert [node["id"] for page in (first, rest) for node in page["nodes"]] == ids[::-1] and first["totalCount"] == 3
        assert (await admin.data("Orders", where={"status": {"eq": "PAID"}}))["nodes"] == []
        by_total = await admin.data("Orders", orderBy=[{"field": "TOTAL", "direction": "DESC"}], first=1)
        assert [node["id"] for node in by_total["nodes"]] == [ids[1]]
        number = first["nodes"][0]["number"]
        assert [node["id"] for node in (await admin.data("Orders", where={"number": {"eq": number}}))["nodes"]] == [ids[2]]

    async def test_a_page_takes_as_many_statements_however_long(self, stripe: StripeTwin, school: School, student: Client, sign_in: SignIn, statements: list[str]) -> None:
        made = await shop(school)
        admin = await sign_in(roles=("TENANT_ADMIN",))
        counts = []
        for _ in range(2):
            await begin(student, made.offer)
            statements.clear()
            await admin.data("Orders", first=50)
            counts.append(len(statements))

        assert counts[0] == counts[1]


class TestExport:
    async def test_exact_amounts_and_cells_that_no_spreadsheet_runs(self, stripe: StripeTwin, school: School, student: Client, sign_in: SignIn, visitor: Client) -> None:
        made = await shop(school)
        yen = await shop(school, offers.price("1050", "JPY"), title='=HYPERLINK("https://evil.example")')
        await begin(student, made.offer)
        await begin(visitor, yen.offer, email="guest@home.example", name="@cmd")
        admin = await sign_in(roles=("TENANT_ADMIN",))

        export = await admin.data("ExportOrders", where={"status": {"eq": "PENDING"}})
        async with httpx.AsyncClient() as http:
            answer = await http.get(export["url"])
            tampered = await http.get(export["url"][:-3] + "abc")

        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert answer.headers["content-type"] == "text/csv; charset=utf-8" and tampered.status_code == 404
        assert [(row["currency"], row["total"], row["name"], row["status"]) for row in rows] == [("EUR", "20.00", "", "PENDING"), ("JPY", "1050", "'@cmd", "PENDING")]
        assert rows[1]["lines"] == '1 × =HYPERLINK("https://evil.example")' and rows[1]["email"] == "guest@home.example"
