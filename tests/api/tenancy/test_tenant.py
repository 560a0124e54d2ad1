"""`tenant` and `tenantUpdate`: what a school says of itself and opens of its API, in the hands of its administrators."""

from typing import Any

import pytest

from lms_graph.kit.ids import public_id
from lms_graph.models import database
from lms_graph.models.tenancy import DomainStatus
from tests.factories.tenants import domain
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

CLOSED = {"introspection": False, "explorer": False, "allowedOrigins": []}
NODE = "query ($id: ID!) { node(id: $id) { __typename ... on Tenant { id api { introspection } } } }"


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",))


async def row(school: School) -> dict[str, Any]:
    async with database.reading(school.system):
        found = await database.fetch_one("SELECT * FROM tenants WHERE tenant_id = $1", school.id)
        facts = await database.fetch_value("SELECT count(*) FROM facts WHERE tenant_id = $1 AND name = 'TenantUpdated'", school.id)
    assert found
    return {**found, "facts": facts}


class TestTenant:
    async def test_shows_its_administrator_that_all_is_closed_at_first(self, admin: Client, school: School) -> None:
        tenant = await admin.data("MyTenant")

        assert tenant == {
            "id": public_id("tnt", school.id),
            "name": "A School",
            "logoUrl": None,
            "primaryColor": "#1f2937",
            "supportEmail": None,
            "platformFeePercent": "0.00",
            "api": CLOSED,
        }

    async def test_can_be_asked_for_by_id(self, admin: Client, school: School) -> None:
        id = public_id("tnt", school.id)

        assert await admin.data(NODE, id=id) == {"__typename": "Tenant", "id": id, "api": {"introspection": False}}

    async def test_is_null_for_everybody_else(self, student: Client, visitor: Client, sign_in: SignIn, school: School, other_school: School) -> None:
        id = public_id("tnt", school.id)

        for client in (student, visitor, await sign_in(roles=("STUDENT", "INSTRUCTOR", "SUPPORT"))):
            assert await client.data("MyTenant") is None
            assert await client.data(NODE, id=id) is None
        assert await (await sign_in(at=other_school, roles=("TENANT_ADMIN",))).data(NODE, id=id) is None


class TestTenantUpdate:
    async def test_changes_what_is_given(self, admin: Client, school: School) -> None:
        api = {"introspection": True, "explorer": True, "allowedOrigins": ["https://Shop.example", "http://localhost:3000"]}

        updated = await admin.data("BrandTenant", input={"name": "New Name", "primaryColor": "#A1B2C3", "supportEmail": "help@school.example", "api": api})

        assert updated["errors"] == []
        assert updated["tenant"] == {
            "id": public_id("tnt", school.id),
            "name": "New Name",
            "logoUrl": None,
            "primaryColor": "#a1b2c3",
            "supportEmail": "help@school.example",
            "platformFeePercent": "0.00",
            "api": {"introspection": True, "explorer": True, "allowedOrigins": ["https://shop.example", "http://localhost:3000"]},
        }
        assert (await row(school))["facts"] == 1

    async def test_keeps_what_is_left_out(self, admin: Client) -> None:
        await admin.data("BrandTenant", input={"name": "New Name", "supportEmail": "help@school.example", "api": {"explorer": True, "allowedOrigins": ["*"]}})

        updated = await admin.data("BrandTenant", input={"api": {"introspection": True}})

        assert updated["tenant"]["api"] == {"introspection": True, "explorer": True, "allowedOrigins": ["*"]}
        assert (updated["tenant"]["name"], updated["tenant"]["supportEmail"]) == ("New Name", "help@school.example")

    async def test_takes_back_what_is_null_or_empty(self, admin: Client) -> None:
        await admin.data("BrandTenant", input={"supportEmail": "help@school.example", "api": {"allowedOrigins": ["*"]}})

        updated = await admin.data("BrandTenant", input={"supportEmail": None, "api": {"allowedOrigins": []}})

        assert updated["tenant"]["supportEmail"] is None
        assert updated["tenant"]["api"] == CLOSED

    async def test_of_nothing_tells_nothing(self, admin: Client, school: School) -> None:
        before = await row(school)

        assert (await admin.data("BrandTenant", input={}))["tenant"]["name"] == "A School"
        assert await row(school) == before

    async def test_tells_everything_that_is_wrong_at_once(self, admin: Client, school: School) -> None:
        before = await row(school)
        api = {"introspection": True, "allowedOrigins": ["https://shop.example", "http://shop.example", "*"]}

        updated = await admin.data("BrandTenant", input={"name": "", "primaryColor": "red", "supportEmail": "help", "api": api})

        assert updated["tenant"] is None
        assert [(error["code"], error["path"]) for error in updated["errors"]] == [
            ("INVALID", ["name"]),
            ("INVALID", ["primaryColor"]),
            ("INVALID", ["supportEmail"]),
            ("INVALID", ["api", "allowedOrigins", "1"]),
            ("INVALID", ["api", "allowedOrigins", "2"]),
        ]
        assert await row(school) == before

    async def test_takes_no_null_for_what_must_be_something(self, admin: Client, school: School) -> None:
        before = await row(school)
        input = {"name": None, "primaryColor": None, "supportEmail": None, "api": {"introspection": None, "explorer": None, "allowedOrigins": None}}

        updated = await admin.data("BrandTenant", input=input)

        assert {error["code"] for error in updated["errors"]} == {"INVALID"}
        assert [".".join(error["path"]) for error in updated["errors"]] == ["name", "primaryColor", "api.introspection", "api.explorer", "api.allowedOrigins"]
        assert await admin.codes("BrandTenant", input={"api": None}) == ["INVALID"]
        assert await row(school) == before

    async def test_is_for_the_schools_administrators_only(self, student: Client, visitor: Client, sign_in: SignIn, school: School, other_school: School) -> None:
        before = await row(school)
        change = {"name": "Mine now", "api": {"introspection": True}}

        assert await student.codes("BrandTenant", input=change) == ["FORBIDDEN"]
        assert await (await sign_in(roles=("INSTRUCTOR", "SUPPORT"))).codes("BrandTenant", input=change) == ["FORBIDDEN"]
        assert await visitor.codes("BrandTenant", input=change) == ["UNAUTHENTICATED"]
        assert await (await sign_in(at=other_school, roles=("TENANT_ADMIN",))).codes("BrandTenant", input=change) == []
        assert await row(school) == before
        assert (await row(other_school))["name"] == "Mine now"


SETTINGS = "query { tenant { locale currency storefrontUrl refundPolicy { days maxProgressPercent } mail { fromName from } } }"


class TestTerms:
    async def test_are_shown_on_the_storefront(self, admin: Client, visitor: Client, school: School) -> None:
        await admin.data("BrandTenant", input={"locale": "ZH-tw", "currency": " eur ", "refundPolicy": {"days": 14, "maxProgressPercent": 30}})
        await admin.data("BrandTenant", input={"refundPolicy": {"days": 30}})

        shown = await visitor.data("{ storefront { locale currency refundPolicy { days maxProgressPercent } } }")

        assert shown == {"locale": "zh-Hant-TW", "currency": "EUR", "refundPolicy": {"days": 30, "maxProgressPercent": 30}}

    async def test_give_nothing_back_at_first(self, visitor: Client) -> None:
        assert await visitor.data("{ storefront { refundPolicy { days maxProgressPercent } } }") == {"refundPolicy": {"days": 0, "maxProgressPercent": 100}}

    @pytest.mark.parametrize(
        ("input", "path"),
        [
            *[({"locale": locale}, "locale") for locale in ("", "english", "en_US", "xx-YY", "en-XX", "de-u-co-phonebk", "und", "root", "en-US-POSIX", "../en", "a" * 1000)],
            *[({"currency": currency}, "currency") for currency in ("", "EURO", "XXX", "XAU", "DEM", "€", "us")],
            *[({"refundPolicy": {"days": days}}, "refundPolicy.days") for days in (-1, 366, 2**31 - 1)],
            *[({"refundPolicy": {"maxProgressPercent": percent}}, "refundPolicy.maxProgressPercent") for percent in (-1, 101)],
            *[
                ({"storefrontUrl": url}, "storefrontUrl")
                for url in ("https://shop.example", "http://shop.example", "javascript:alert(1)", "https://localhost:8000/x", "https://u@localhost", "//localhost", "https://")
            ],
            *[({"mail": {"from": address}}, "mail.from") for address in ("school.example", "a@localhost", "a@127.0.0.1", "ä@school.example", "a@co.uk", "a@b@school.example", "a b@school.example")],
            *[({"mail": {"fromName": name}}, "mail.fromName") for name in ("a\nBcc: all@school.example", "x" * 101)],
        ],
    )  # fmt: skip
    async def test_that_make_no_sense_are_refused(self, admin: Client, school: School, input: dict[str, Any], path: str) -> None:
        before = await row(school)

        refused = await admin.data("BrandTenant", input=input)

        assert [(error["code"], ".".join(error["path"])) for error in refused["errors"]] == [("INVALID", path)]
        assert await row(school) == before

    async def test_take_no_null_but_where_it_means_something(self, admin: Client) -> None:
        nulls = {"locale": None, "currency": None, "refundPolicy": {"days": None, "maxProgressPercent": None}, "storefrontUrl": None, "mail": {"from": None, "fromName": None}}

        refused = await admin.data("BrandTenant", input=nulls)

        assert [".".join(error["path"]) for error in refused["errors"]] == ["locale", "currency", "refundPolicy.days", "refundPolicy.maxProgressPercent"]
        assert [error["path"] for error in (await admin.data("BrandTenant", input={"refundPolicy": None, "mail": None}))["errors"]] == [["refundPolicy"], ["mail"]]

    async def test_links_lead_to_the_schools_own_verified_domains_or_the_platform(self, house: House, admin: Client, school: School, other_school: School) -> None:
        mine, pending, theirs = await domain(school.id), await domain(school.id, DomainStatus.PENDING), await domain(other_school.id)

        for url, kept in (
            (f"https://{mine.upper()}:443/", f"https://{mine}"),
            (f"https://{mine}:8443", f"https://{mine}:8443"),
            (house.adapters.base_url, house.adapters.base_url),
        ):
            assert await admin.codes("BrandTenant", input={"storefrontUrl": url}) == []
            assert (await admin.data(SETTINGS))["storefrontUrl"] == kept
        for url in (f"http://{mine}", f"https://{pending}", f"https://{theirs}", f"https://x.{mine}"):
            assert await admin.codes("BrandTenant", input={"storefrontUrl": url}) == ["INVALID"]


class TestAudit:
    async def test_says_what_changed_and_by_whom_once(self, admin: Client, school: School) -> None:
        change = {"name": "New Name", "currency": "USD", "refundPolicy": {"days": 14}, "mail": {"fromName": "The Office"}}
        await admin.data("BrandTenant", input=change)
        await admin.data("BrandTenant", input=change)

        async with database.reading(school.system):
            entries = await database.fetch("SELECT account_id, subject, details FROM audit_entries WHERE tenant_id = $1 AND action = 'TenantUpdated'", school.id)

        (entry,) = entries
        assert (entry["account_id"], entry["subject"]) == (admin.account_id, public_id("tnt", school.id))
        assert database.from_json(entry["details"])["changes"] == {"name": "New Name", "refund_days": 14, "from_name": "The Office"}
