"""The twin's door: keys, accounts, parameters, idempotency, lists and expansion, as Stripe's API has them."""

from typing import Any

import httpx2 as httpx
import pytest
import stripe as library

from lms_graph.integrations.twins.stripe import DAY, TEST_KEY, StripeTwin
from lms_graph.integrations.twins.stripe.errors import StripeError
from lms_graph.integrations.twins.stripe.forms import nested
from tests.integrations.stripe.conftest import Client
from tests.integrations.stripe.test_checkout import sale

pytestmark = pytest.mark.anyio


async def post(twin: StripeTwin, path: str, form: dict[str, Any], *, key: str | None = None, **headers: str) -> httpx.Response:
    idempotency = {"Idempotency-Key": key} if key else {}
    async with httpx.AsyncClient(timeout=10) as http:
        return await http.post(twin.url + path, data=form, headers={"Authorization": f"Bearer {TEST_KEY}", **idempotency, **headers})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[0]=x&a[1]=y", {"a": ["x", "y"]}),
        ("a[]=x&a[]=y", {"a": ["x", "y"]}),
        ("a[10]=k&a[2]=c", {"a": ["c", "k"]}),
        ("a[0][b]=1&a[1][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("metadata[%C3%BC]=%E2%82%AC", {"metadata": {"ü": "€"}}),
    ],
)
def test_brackets_nest(text: str, said: dict[str, Any]) -> None:
    assert nested(text) == said


@pytest.mark.parametrize("text", ["a[b=1", "[a]=1", "a]=1", "a=1&a[b]=2"])
def test_brackets_that_do_not_close_are_refused(text: str) -> None:
    with pytest.raises(StripeError):
        nested(text)


async def test_only_its_keys_open_the_door(twin: StripeTwin, client: Client) -> None:
    with pytest.raises(library.AuthenticationError, match=r"Invalid API Key provided: sk_test_\*"):
        await client.v1(twin, "sk_test_wrong").balance.retrieve_async()
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{twin.url}/v1/balance")).status_code == 401
    assert twin.asked == []


async def test_the_two_modes_do_not_see_each_other(twin: StripeTwin, client: Client, v1: Any) -> None:
    twin.keys["sk_live_twin"] = True
    made = await v1.customers.create_async({"email": "ada@home.example"})
    live = client.v1(twin, "sk_live_twin")
    with pytest.raises(library.InvalidRequestError, match="a similar object exists in test mode, but a live mode key was used"):
        await live.customers.retrieve_async(made.id)
    assert (await live.customers.list_async()).data == []
    assert (await live.customers.create_async({})).livemode is True


async def test_an_account_sees_what_is_its_own(twin: StripeTwin, v1: Any) -> None:
    account = await v1.accounts.create_async({"country": "FR", "type": "express"})
    theirs = {"stripe_account": account.id}
    made = await v1.customers.create_async({}, theirs)
    assert (await v1.customers.retrieve_async(made.id, {}, theirs)).id == made.id
    with pytest.raises(library.InvalidRequestError):
        await v1.customers.retrieve_async(made.id)
    with pytest.raises(library.PermissionError, match="does not have access to account"):
        await v1.balance.retrieve_async({}, {"stripe_account": "acct_unknown"})


async def test_what_is_not_there_is_said_as_stripe_says_it(twin: StripeTwin, v1: Any) -> None:
    unknown = await post(twin, "/v1/colors", {})
    assert (unknown.status_code, unknown.json()["error"]["message"]) == (404, "Unrecognized request URL (POST: /v1/colors).")
    with pytest.raises(library.InvalidRequestError, match="No such customer: 'cus_x'") as missing:
        await v1.customers.retrieve_async("cus_x")
    assert (missing.value.http_status, missing.value.code, missing.value.param) == (404, "resource_missing", "id")


async def test_a_key_answers_again_what_it_answered_first(twin: StripeTwin) -> None:
    first = await post(twin, "/v1/customers", {"email": "ada@home.example"}, key="k1")
    again = await post(twin, "/v1/customers", {"email": "ada@home.example"}, key="k1")
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert "idempotent-replayed" not in first.headers
    other = await post(twin, "/v1/customers", {"email": "grace@home.example"}, key="k1")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    elsewhere = await post(twin, "/v1/products", {"email": "ada@home.example"}, key="k1")
    assert elsewhere.json()["error"]["type"] == "idempotency_error"
    assert len(twin.store.all("customer")) == 1


async def test_a_key_is_each_accounts_own_and_is_forgotten_after_a_day(twin: StripeTwin, v1: Any) -> None:
    account = await v1.accounts.create_async({"country": "FR", "type": "express"})
    ids = {(await post(twin, "/v1/customers", {}, key="k1")).json()["id"], (await post(twin, "/v1/customers", {}, key="k1", **{"Stripe-Account": account.id})).json()["id"]}
    assert len(ids) == 2
    twin.advance(DAY + 1)
    assert (await post(twin, "/v1/customers", {}, key="k1")).json()["id"] not in ids


async def test_what_never_began_is_not_kept_and_what_failed_is(twin: StripeTwin) -> None:
    assert (await post(twin, "/v1/payment_intents", {"amount": "x", "currency": "eur"}, key="k1")).status_code == 400
    assert (await post(twin, "/v1/payment_intents", {"amount": "500", "currency": "eur"}, key="k1")).status_code == 200
    paying = {"amount": "500", "currency": "eur", "confirm": "true", "payment_method": "pm_card_chargeDeclined"}
    declined = await post(twin, "/v1/payment_intents", paying, key="k2")
    again = await post(twin, "/v1/payment_intents", paying, key="k2")
    assert (declined.status_code, again.json()) == (402, declined.json())
    assert len(twin.store.all("charge")) == 1
    assert (await post(twin, "/v1/customers", {}, key="k" * 256)).status_code == 400


async def test_a_failure_of_its_own_is_kept_and_what_it_had_no_time_for_is_not(twin: StripeTwin) -> None:
    twin.fault("error", "/v1/customers")
    assert [(await post(twin, "/v1/customers", {}, key="k1")).status_code for _ in range(2)] == [500, 500]
    twin.fault("limited", "/v1/customers")
    assert [(await post(twin, "/v1/customers", {}, key="k2")).status_code for _ in range(2)] == [429, 200]
    assert len(twin.store.all("customer")) == 1


async def test_lists_have_pages_in_both_directions(v1: Any) -> None:
    made = [(await v1.customers.create_async({"email": f"c{number}@home.example"})).id for number in range(7)]
    newest = await v1.customers.list_async({"limit": 3})
    older = await v1.customers.list_async({"limit": 3, "starting_after": newest.data[-1].id})
    back = await v1.customers.list_async({"limit": 2, "ending_before": older.data[-1].id})
    assert [each.id for each in [*newest.data, *older.data]] == made[::-1][:6]
    assert (newest.has_more, older.has_more, [each.id for each in back.data]) == (True, True, [older.data[0].id, older.data[1].id])
    assert (await v1.customers.list_async({"starting_after": made[0]})).data == []
    with pytest.raises(library.InvalidRequestError):
        await v1.customers.list_async({"limit": 101})


async def test_only_what_can_be_expanded_is(v1: Any) -> None:
    made = await v1.checkout.sessions.create_async(sale())
    with pytest.raises(library.InvalidRequestError, match="cannot be expanded"):
        await v1.checkout.sessions.retrieve_async(made.id, {"expand": ["colors"]})
    with pytest.raises(library.InvalidRequestError, match="more than 4 levels"):
        await v1.checkout.sessions.retrieve_async(made.id, {"expand": ["a.b.c.d.e"]})


async def test_metadata_is_merged_and_bounded(v1: Any) -> None:
    made = await v1.customers.create_async({"metadata": {"a": "1", "b": "2"}})
    changed = await v1.customers.update_async(made.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert (await v1.customers.update_async(made.id, {"metadata": ""})).metadata.to_dict() == {}
    for wrong in ({"k" * 41: "v"}, {"k": "v" * 501}, {f"k{number}": "v" for number in range(51)}):
        with pytest.raises(library.InvalidRequestError):
            await v1.customers.update_async(made.id, {"metadata": wrong})


async def test_a_saved_card_pays_while_its_owner_is_away_unless_the_bank_asks(twin: StripeTwin, v1: Any) -> None:
    customer = await v1.customers.create_async({"email": "ada@home.example"})
    setup = await v1.setup_intents.create_async({"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True})
    assert setup.status == "succeeded"
    paying = {"amount": 2000, "currency": "eur", "customer": customer.id, "off_session": True, "confirm": True}
    assert (await v1.payment_intents.create_async({**paying, "payment_method": setup.payment_method})).status == "succeeded"
    asking = await v1.payment_methods.attach_async("pm_card_authenticationRequired", {"customer": customer.id})
    with pytest.raises(library.CardError) as asked:
        await v1.payment_intents.create_async({**paying, "payment_method": asking.id})
    assert (asked.value.code, asked.value.error.payment_intent.status) == ("authentication_required", "requires_payment_method")
    assert twin.holdings() == {"platform": {"eur": 2000 - 88}}
