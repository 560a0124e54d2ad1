"""Checkouts over the API, and what stands in the tables afterwards."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from lms_graph.domain.commerce.operations import checkouts
from lms_graph.domain.commerce.operations.checkouts import Till
from lms_graph.domain.payouts.ports import PaymentGateway
from lms_graph.domain.tenancy.operations import tenants
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.models import database
from lms_graph.models.catalog import EnrollmentPolicy
from tests.factories import offers
from tests.factories.courses import MadeCourse, course
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House

HOME = "https://shop.example"


@dataclass(frozen=True)
class Shop:
    """A school that sells one course for 20 EUR."""

    school: School
    course: MadeCourse
    offer_id: UUID

    @property
    def offer(self) -> str:
        return public_id("off", self.offer_id)


async def shop(school: School, *prices: Any, **differs: Any) -> Shop:
    """What `differs` says of the offer is another than usual."""
    await tenants.update_tenant(caller=school.system, changes={"allowed_origins": [HOME]})
    made = await course(school.system, enrollment_policy=EnrollmentPolicy.BY_GRANT)
    return Shop(school, made, await offers.offer(school.system, made.course_id, *prices, **differs))


def asked(*offer_ids: str, **differs: Any) -> dict[str, Any]:
    """The input of a checkout."""
    return {
        "lines": [{"offerId": id} for id in offer_ids],
        "successUrl": f"{HOME}/thanks?session={{CHECKOUT_SESSION_ID}}",
        "cancelUrl": f"{HOME}/cart",
        "idempotencyKey": uuid4().hex,
    } | differs


async def begin(client: Client, *offer_ids: str, **differs: Any) -> dict[str, Any]:
    """A checkout that was begun, with its guest token if there is one."""
    payload = await client.data("StartCheckout", input=asked(*offer_ids, **differs))
    assert payload["errors"] == [], payload["errors"]
    return payload["checkout"] | {"token": payload["guestToken"]}


async def rows_of(caller: Caller, table: str, columns: str = "*", order: str = "id") -> list[dict[str, Any]]:
    """What stands in a table of the tenant."""
    async with database.reading(caller):
        return [dict(row) for row in await database.fetch(f"SELECT {columns} FROM {table} WHERE tenant_id = $1 ORDER BY {order}", caller.tenant_id)]


async def session_of(caller: Caller, checkout: dict[str, Any]) -> str:
    """What the provider calls a checkout."""
    (row,) = [row for row in await rows_of(caller, "checkouts") if public_id("chk", row["id"]) == checkout["id"]]
    session: str = row["provider_session_id"]
    return session


def uuid_of(id: str) -> UUID:
    parsed = parse_id(id)
    assert parsed
    return parsed[1]


def till(house: House) -> Till:
    return Till(payments=house.adapters.payments, secret_keys=house.adapters.secret_keys, throttle=house.adapters.throttle)


def gateway(house: House) -> PaymentGateway:
    return house.adapters.payments.gateway()


async def sweep(house: House, school: School) -> None:
    """Every checkout of the school is looked at, as when its time has come."""
    for row in await rows_of(school.system, "checkouts"):
        async with database.reading(school.system):
            await checkouts.sweep_checkout(caller=school.system, checkout_id=row["id"], gateway=gateway(house))


async def state(caller: Caller) -> dict[str, Any]:
    """What a sale has left, in few words: to compare it with what must be."""
    return {
        "orders": [row["status"] for row in await rows_of(caller, "orders")],
        "checkouts": [row["status"] for row in await rows_of(caller, "checkouts")],
        "payments": [(row["status"], row["amount"]) for row in await rows_of(caller, "payments", order="created_at, id")],
        "grants": len(await rows_of(caller, "entitlements")),
        "runs": len(await rows_of(caller, "enrollments")),
        "paid": [row["name"] for row in await rows_of(caller, "facts", order="recorded_at")].count("OrderPaid"),
    }


PAID = {"orders": ["PAID"], "checkouts": ["COMPLETED"], "payments": [("SUCCEEDED", 2000)], "grants": 1, "runs": 1, "paid": 1}
OPEN = {"orders": ["PENDING"], "checkouts": ["OPEN"], "payments": [], "grants": 0, "runs": 0, "paid": 0}
GONE = {"orders": ["CANCELED"], "checkouts": ["EXPIRED"], "payments": [], "grants": 0, "runs": 0, "paid": 0}
