"""`commerceSettingsSet`, `taxRateSave`, `taxRateDelete`, and their queries."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.kit.ids import public_id
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, facts_of, fetch

pytestmark = pytest.mark.anyio


@pytest.fixture
async def boss(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",))


NOTHING_SET = {"taxMode": "NONE", "pricesIncludeTax": True, "seller": {"name": None, "address": None, "country": None, "taxId": None}, "graceDays": 7}


class TestSettings:
    async def test_are_defaults_until_something_is_set_and_change_one_by_one(self, boss: Client, school: School) -> None:
        assert (await boss.data("CommerceSettings"))["commerceSettings"] == NOTHING_SET

        first = await boss.data("SetCommerceSettings", input={"taxMode": "RATES", "seller": {"name": "ACME", "country": "DE"}})
        second = await boss.data("SetCommerceSettings", input={"pricesIncludeTax": False, "graceDays": 0, "seller": {"name": None, "taxId": "DE 1"}})
        await boss.data("SetCommerceSettings", input={"graceDays": 0})

        assert first["settings"] == NOTHING_SET | {"taxMode": "RATES", "seller": NOTHING_SET["seller"] | {"name": "ACME", "country": "DE"}}  # type: ignore[operator]
        assert second["settings"] == {
            "taxMode": "RATES",
            "pricesIncludeTax": False,
            "seller": NOTHING_SET["seller"] | {"country": "DE", "taxId": "DE 1"},  # type: ignore[operator]
            "graceDays": 0,
        }
        assert (await boss.data("CommerceSettings"))["commerceSettings"] == second["settings"]
        told = [facts for _, facts in await facts_of(school, ["CommerceSettingsChanged"])]
        assert [(fact["tax_mode"], fact["prices_include_tax"], fact["grace_days"]) for fact in told] == [("RATES", True, 7), ("RATES", False, 0)]
        assert [entry for entry in await audit_of(school) if entry[0] == "CommerceSettingsChanged"] == [
            ("CommerceSettingsChanged", public_id("tnt", school.id), boss.account_id)
        ] * 2

    async def test_of_two_at_once_none_is_lost(self, boss: Client, school: School) -> None:
        changes: list[dict[str, Any]] = [{"taxMode": "RATES"}, {"graceDays": 3}, {"pricesIncludeTax": False}, {"seller": {"name": "ACME"}}, {"seller": {"country": "FR"}}]

        await asyncio.gather(*(boss.data("SetCommerceSettings", input=each) for each in changes))

        assert (await boss.data("CommerceSettings"))["commerceSettings"] == {
            "taxMode": "RATES",
            "pricesIncludeTax": False,
            "seller": NOTHING_SET["seller"] | {"name": "ACME", "country": "FR"},  # type: ignore[operator]
            "graceDays": 3,
        }

    @pytest.mark.parametrize(
        ("changes", "paths"),
        [
            ({"graceDays": 61, "seller": {"country": "Germany", "name": ""}}, [["seller", "name"], ["seller", "country"], ["seller", "country"], ["graceDays"]]),
            ({"taxMode": None, "graceDays": None}, [["taxMode"], ["graceDays"]]),
            ({"seller": {"taxId": "x" * 41, "address": "x" * 501}}, [["seller", "address"], ["seller", "taxId"]]),
        ],
    )
    async def test_tell_what_is_wrong(self, boss: Client, school: School, changes: dict[str, Any], paths: list[list[str]]) -> None:
        refused = await boss.data("SetCommerceSettings", input=changes)

        assert (refused["settings"], [error["path"] for error in refused["errors"]]) == (None, paths)
        assert await fetch(school, "SELECT FROM commerce_settings WHERE tenant_id = $1") == []


class TestTaxRates:
    async def test_are_saved_by_place_and_deleted(self, boss: Client, school: School) -> None:
        whole = await boss.data("SaveTaxRate", input={"country": "US", "name": "Sales tax", "percent": "5"})
        part = await boss.data("SaveTaxRate", input={"country": "US", "region": "NY", "name": "Sales tax", "percent": "8.875"})
        again = await boss.data("SaveTaxRate", input={"country": "US", "name": "Sales tax", "percent": "6"})
        await boss.data("SaveTaxRate", input={"country": "US", "name": "Sales tax", "percent": "6"})

        assert (again["taxRate"]["id"], again["taxRate"]["percent"]) == (whole["taxRate"]["id"], "6.0000")
        assert [(rate["region"], rate["percent"]) for rate in (await boss.data("CommerceSettings"))["taxRates"]] == [(None, "6.0000"), ("NY", "8.8750")]
        assert await boss.data("DeleteTaxRate", input={"id": part["taxRate"]["id"]}) == {"deletedId": part["taxRate"]["id"], "errors": []}
        assert await boss.codes("DeleteTaxRate", input={"id": part["taxRate"]["id"]}) == ["NOT_FOUND"]
        assert [name for name, _ in await facts_of(school, ["TaxRateSaved", "TaxRateDeleted"])] == ["TaxRateSaved", "TaxRateSaved", "TaxRateSaved", "TaxRateDeleted"]
        assert ("TaxRateDeleted", part["taxRate"]["id"], boss.account_id) in await audit_of(school)

    async def test_of_one_place_at_once_are_one(self, boss: Client, school: School) -> None:
        saved = await asyncio.gather(*(boss.data("SaveTaxRate", input={"country": "FR", "name": "TVA", "percent": "20"}) for _ in range(5)))

        assert len({each["taxRate"]["id"] for each in saved}) == len(await fetch(school, "SELECT FROM tax_rates WHERE tenant_id = $1")) == 1

    async def test_tell_what_is_wrong(self, boss: Client, school: School) -> None:
        refused = await boss.data("SaveTaxRate", input={"country": "usa", "region": "N-Y", "name": "", "percent": "100.00001"})

        assert [error["path"] for error in refused["errors"]] == [["country"], ["region"], ["name"], ["percent"]]
        assert await fetch(school, "SELECT FROM tax_rates WHERE tenant_id = $1") == []


async def test_selling_is_for_who_manages_offers_of_the_school(boss: Client, student: Client, visitor: Client, sign_in: SignIn, school: School, other_school: School) -> None:
    rate = (await boss.data("SaveTaxRate", input={"country": "FR", "name": "TVA", "percent": "20"}))["taxRate"]["id"]
    stranger, teacher = await sign_in(at=other_school, roles=("TENANT_ADMIN",)), await sign_in(roles=("INSTRUCTOR", "SUPPORT"))

    for document, asked in (
        ("SetCommerceSettings", {"taxMode": "RATES"}),
        ("SaveTaxRate", {"country": "DE", "name": "VAT", "percent": "19"}),
        ("DeleteTaxRate", {"id": rate}),
    ):
        assert [await each.codes(document, input=asked) for each in (student, teacher, visitor)] == [["FORBIDDEN"], ["FORBIDDEN"], ["UNAUTHENTICATED"]]
    assert set(await student.codes("CommerceSettings")) == {"FORBIDDEN"}
    assert await stranger.data("CommerceSettings") == {"commerceSettings": NOTHING_SET, "taxRates": []}
    assert await stranger.codes("DeleteTaxRate", input={"id": rate}) == ["NOT_FOUND"]
    assert await stranger.codes("DeleteTaxRate", input={"id": public_id("txr", uuid4())}) == ["NOT_FOUND"]
    assert [await each.data("query ($id: ID!) { node(id: $id) { id } }", id=rate) for each in (student, visitor, stranger, boss)] == [None, None, None, {"id": rate}]
