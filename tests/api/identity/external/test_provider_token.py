"""Tokens of the school's own provider, as `Authorization: Bearer` and for `providerSignIn`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from lms_graph.integrations.twins.openid import OpenIdTwin
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.api.identity.external.conftest import Clock, as_bearer, at_once, claims, set_provider
from tests.factories.accounts import PASSWORD, account, give_role, suspend, take_role
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.sockets import greeted

pytestmark = pytest.mark.anyio

Twins = Callable[[], Awaitable[OpenIdTwin]]


async def accounts_with(school: School, email: str) -> list[Any]:
    async with database.reading(school.system):
        return list(await database.fetch("SELECT id, email_verified_at, name, password_hash FROM accounts WHERE tenant_id = $1 AND email_key = $2", school.id, email))


async def identities(school: School) -> list[tuple[str, str]]:
    async with database.reading(school.system):
        found = await database.fetch("SELECT issuer, subject FROM external_identities WHERE tenant_id = $1 ORDER BY subject", school.id)
    return [(row["issuer"], row["subject"]) for row in found]


async def verify_address(school: School, account_id: Any) -> None:
    async with unit_of_work(school.system):
        await rows.Account.for_caller(school.system, id=account_id).update(email_verified_at=school.system.now)


def viewer(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert not body.get("errors"), body
    return body["data"]["viewer"]


class TestBearer:
    async def test_the_first_use_makes_a_students_account(self, house: House, school: School, provider: OpenIdTwin) -> None:
        answer = await as_bearer(house, school.slug, provider.sign(claims(provider)))

        assert viewer(answer) == {"email": "ada@people.example", "name": "Ada Outside", "roles": ["STUDENT"], "emailVerified": True}
        assert await identities(school) == [(provider.url, "u1")]

    async def test_later_uses_find_it_by_subject_whatever_the_address(self, house: House, school: School, provider: OpenIdTwin) -> None:
        await as_bearer(house, school.slug, provider.sign(claims(provider)))

        again = await as_bearer(house, school.slug, provider.sign(claims(provider, email="new@people.example", name="Other")))
        without = await as_bearer(house, school.slug, provider.sign(claims(provider, email=None)))

        assert viewer(again)["email"] == viewer(without)["email"] == "ada@people.example"
        assert len(await identities(school)) == 1
        assert await accounts_with(school, "new@people.example") == []

    async def test_an_address_that_the_provider_has_not_verified_is_not_verified(self, house: House, school: School, provider: OpenIdTwin) -> None:
        answer = await as_bearer(house, school.slug, provider.sign(claims(provider, email_verified=False)))

        assert viewer(answer)["emailVerified"] is False

    async def test_many_first_uses_at_once_make_one_account(self, house: House, school: School, provider: OpenIdTwin) -> None:
        token = provider.sign(claims(provider))

        answers = await at_once(house, school.slug, [token] * 12)

        assert {viewer(answer)["email"] for answer in answers} == {"ada@people.example"}
        assert len(await accounts_with(school, "ada@people.example")) == 1
        assert len(await identities(school)) == 1

    async def test_two_people_with_one_address_at_once_get_one_account_and_a_refusal(self, house: House, school: School, provider: OpenIdTwin) -> None:
        tokens = [provider.sign(claims(provider, sub=f"s{number}", email_verified=False)) for number in range(6)]

        answers = await at_once(house, school.slug, tokens)

        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401, 401]
        assert len(await identities(school)) == 1

    async def test_a_suspended_account_is_refused(self, house: House, school: School, provider: OpenIdTwin) -> None:
        token = provider.sign(claims(provider))
        await as_bearer(house, school.slug, token)
        (made,) = await accounts_with(school, "ada@people.example")
        await suspend(school.system, made["id"])

        answer = await as_bearer(house, school.slug, token)

        assert answer.status_code == 401
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

    async def test_is_good_at_its_own_school_only(self, house: House, school: School, other_school: School, provider: OpenIdTwin, twins: Twins, sign_in: SignIn) -> None:
        other = await twins()
        await set_provider(await sign_in(at=other_school, roles=("TENANT_ADMIN",)), other)

        answers = [await as_bearer(house, other_school.slug, provider.sign(claims(provider))), await as_bearer(house, school.slug, other.sign(claims(other)))]

        assert [answer.status_code for answer in answers] == [401, 401]
        assert await identities(school) == await identities(other_school) == []

    async def test_the_same_person_has_an_account_at_each_school(self, house: House, school: School, other_school: School, provider: OpenIdTwin, sign_in: SignIn) -> None:
        await set_provider(await sign_in(at=other_school, roles=("TENANT_ADMIN",)), provider)
        token = provider.sign(claims(provider))

        for slug in (school.slug, other_school.slug):
            viewer(await as_bearer(house, slug, token))

        (here,), (there,) = await accounts_with(school, "ada@people.example"), await accounts_with(other_school, "ada@people.example")
        assert here["id"] != there["id"]

    async def test_names_no_school(self, house: House, provider: OpenIdTwin) -> None:
        import httpx2 as httpx

        async with httpx.AsyncClient(base_url=house.url) as http:
            answer = await http.post("/graphql", json={"query": "{ viewer { id } }"}, headers={"Authorization": f"Bearer {provider.sign(claims(provider))}"})

        assert answer.status_code == 404
        assert "X-Tenant" in answer.json()["errors"][0]["message"]

    async def test_gives_the_accounts_roles(self, house: House, school: School, provider: OpenIdTwin) -> None:
        token = provider.sign(claims(provider))
        await as_bearer(house, school.slug, token)
        (made,) = await accounts_with(school, "ada@people.example")
        await give_role(school.system, made["id"], "TENANT_ADMIN")

        answer = await as_bearer(house, school.slug, token, "{ tenant { name } viewer { roles permissions } }")

        assert answer.json()["data"]["tenant"] == {"name": "A School"}
        assert "TENANT_MANAGE" in answer.json()["data"]["viewer"]["permissions"]


class TestShapes:
    """As the vendors' tokens are."""

    async def test_clerk(self, house: House, school: School, admin: Client, twins: Twins) -> None:
        twin = await twins()
        await set_provider(admin, twin, audience=[], authorizedParties=["https://shop.example"])
        said = claims(twin, aud=None, sub="user_2abc", azp="https://shop.example", sid="sess_1", v=2, fva=[7, -1], nbf=claims(twin)["iat"] - 10, sts="active")

        good = await as_bearer(house, school.slug, twin.sign(said, headers={"cat": "cl_B7d4PD111AAA"}))
        without = await as_bearer(house, school.slug, twin.sign({name: value for name, value in said.items() if name != "azp"}))
        elsewhere = await as_bearer(house, school.slug, twin.sign(said | {"azp": "https://evil.example"}))
        meant_for_another = await as_bearer(house, school.slug, twin.sign(said | {"aud": "other"}))

        assert viewer(good)["email"] == "ada@people.example"
        assert [answer.status_code for answer in (without, elsewhere, meant_for_another)] == [401, 401, 401]

    async def test_auth0(self, house: House, school: School, admin: Client, twins: Twins) -> None:
        twin = await twins()
        issuer = f"{twin.url}/"
        answer = await admin.data(
            "SetIdentityProvider",
            input={
                "issuer": issuer,
                "audience": "https://api.school.example",
                "jwksUrl": f"{twin.url}/jwks",
                "emailClaim": "https://school.example/email",
                "emailVerifiedClaim": "https://school.example/email_verified",
                "nameClaim": "https://school.example/name",
            },
        )
        assert answer["errors"] == []
        said = claims(
            twin,
            iss=issuer,
            sub="auth0|64f",
            aud=["https://api.school.example", f"{twin.url}/userinfo"],
            azp="client",
            gty="authorization_code",
            scope="openid profile email",
            email=None,
            email_verified=None,
            name=None,
            **{"https://school.example/email": "ada@people.example", "https://school.example/email_verified": True, "https://school.example/name": "Ada"},
        )

        good = await as_bearer(house, school.slug, twin.sign(said, headers={"typ": "at+jwt"}))
        without_slash = await as_bearer(house, school.slug, twin.sign(said | {"iss": twin.url}))

        assert viewer(good) == {"email": "ada@people.example", "name": "Ada", "roles": ["STUDENT"], "emailVerified": True}
        assert without_slash.status_code == 401

    async def test_keycloak(self, house: House, school: School, admin: Client, twins: Twins) -> None:
        twin = await twins()
        twin.rotate(algorithm="ES256")
        await set_provider(admin, twin, audience=["account"], authorizedParties=["storefront"])
        said = claims(twin, sub="9f2c", aud=["account", "broker"], azp="storefront", typ="Bearer", acr="1", realm_access={"roles": ["offline_access"]}, preferred_username="ada")

        good = await as_bearer(house, school.slug, twin.sign(said))
        refresh = await as_bearer(house, school.slug, twin.sign(said | {"typ": "Refresh"}))

        assert viewer(good)["name"] == "Ada Outside"
        assert refresh.status_code == 401


class TestLinking:
    async def test_a_verified_address_finds_the_account_whose_own_is_verified(self, house: House, school: School, provider: OpenIdTwin) -> None:
        held = await account(school.system, email="ada@people.example", password=PASSWORD)
        await verify_address(school, held)

        answer = await as_bearer(house, school.slug, provider.sign(claims(provider, email="Ada@People.example")))

        assert viewer(answer)["name"] == "Ada Example"
        assert [row["id"] for row in await accounts_with(school, "ada@people.example")] == [held]

    async def test_an_account_that_somebody_may_have_made_in_their_name_is_not_given(self, visitor: Client, house: House, school: School, provider: OpenIdTwin) -> None:
        await account(school.system, email="ada@people.example", password=PASSWORD)
        token = provider.sign(claims(provider))

        answer = await as_bearer(house, school.slug, token)

        assert answer.status_code == 401
        assert await visitor.codes("ProviderSignIn", input={"token": token}) == ["ACCOUNT_EXISTS"]
        assert await identities(school) == []

    async def test_an_unverified_address_finds_nothing(self, visitor: Client, school: School, provider: OpenIdTwin) -> None:
        held = await account(school.system, email="ada@people.example", password=PASSWORD)
        await verify_address(school, held)

        for said in (False, None, "yes", 1, "false"):
            assert await visitor.codes("ProviderSignIn", input={"token": provider.sign(claims(provider, email_verified=said))}) == ["ACCOUNT_EXISTS"]
        assert await identities(school) == []

    async def test_an_invited_account_that_nobody_was_in_is_theirs(self, house: House, school: School, provider: OpenIdTwin) -> None:
        held = await account(school.system, email="ada@people.example")

        assert viewer(await as_bearer(house, school.slug, provider.sign(claims(provider))))["emailVerified"] is True
        assert [row["id"] for row in await accounts_with(school, "ada@people.example")] == [held]

    async def test_a_suspended_account_is_not_reached_by_its_address(self, visitor: Client, school: School, provider: OpenIdTwin) -> None:
        held = await account(school.system, email="ada@people.example", password=PASSWORD)
        await verify_address(school, held)
        await suspend(school.system, held)

        assert await visitor.codes("ProviderSignIn", input={"token": provider.sign(claims(provider))}) == ["ACCOUNT_CLOSED"]
        assert await identities(school) == []

    @pytest.mark.parametrize("email", [None, "", "no address", "two@at@signs.example", 7])
    async def test_without_an_address_no_account_is_made(self, email: Any, visitor: Client, school: School, provider: OpenIdTwin) -> None:
        assert await visitor.codes("ProviderSignIn", input={"token": provider.sign(claims(provider, email=email))}) == ["EMAIL_MISSING"]
        assert await identities(school) == []

    async def test_who_is_signed_in_links_a_token(self, sign_in: SignIn, school: School, provider: OpenIdTwin, house: House) -> None:
        client, other = await sign_in(), await sign_in()
        token = provider.sign(claims(provider))

        for _ in range(2):
            assert (await client.data("LinkIdentity", input={"token": token}))["errors"] == []

        assert viewer(await as_bearer(house, school.slug, token, "{ viewer { id } }"))["id"] == (await client.data("{ viewer { id } }"))["id"]
        assert await other.codes("LinkIdentity", input={"token": token}) == ["CONFLICT"]
        assert len(await identities(school)) == 1

    async def test_a_visitor_links_nothing(self, visitor: Client, school: School, provider: OpenIdTwin) -> None:
        assert await visitor.codes("LinkIdentity", input={"token": provider.sign(claims(provider))}) == ["UNAUTHENTICATED"]
        assert await identities(school) == []


class TestProviderSignIn:
    async def test_gives_a_session_of_our_own(self, visitor: Client, house: House, school: School, provider: OpenIdTwin) -> None:
        answer = await visitor.data("ProviderSignIn", input={"token": provider.sign(claims(provider))})

        assert answer["errors"] == []
        assert viewer(await as_bearer(house, school.slug, answer["session"]["accessToken"]))["email"] == "ada@people.example"
        refreshed = await visitor.data("RefreshSession", input={"refreshToken": answer["session"]["refreshToken"]})
        assert refreshed["errors"] == []

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"token": "a.b.c", "code": "x"},
            {"token": "a.b.c", "state": "x"},
            {"code": "x"},
            {"state": "x"},
            {"code": "x", "state": "y"},
            {"code": "", "state": "", "redirectUri": ""},
        ],
    )
    async def test_takes_one_kind_of_proof(self, given: dict[str, str], visitor: Client, provider: OpenIdTwin) -> None:
        assert await visitor.codes("ProviderSignIn", input=given) == ["INVALID"]

    async def test_a_school_without_a_provider_takes_no_token(self, visitor: Client, twins: Twins) -> None:
        twin = await twins()

        assert await visitor.codes("ProviderSignIn", input={"token": twin.sign(claims(twin))}) == ["TOKEN_INVALID"]

    async def test_a_disabled_provider_is_none(self, visitor: Client, admin: Client, provider: OpenIdTwin) -> None:
        await set_provider(admin, provider, enabled=False)

        assert await visitor.codes("ProviderSignIn", input={"token": provider.sign(claims(provider))}) == ["TOKEN_INVALID"]


class TestKeys:
    async def test_a_new_key_is_taken_once_the_minute_is_over(self, house: House, school: School, provider: OpenIdTwin, clock: Clock) -> None:
        provider.rotate()
        asked = len(provider.asked)

        early = [(await as_bearer(house, school.slug, provider.sign(claims(provider)))).status_code for _ in range(3)]
        none = len(provider.asked) - asked
        clock.ahead += 61
        late = await at_once(house, school.slug, [provider.sign(claims(provider))] * 8)

        assert early == [401, 401, 401]
        assert none == 0
        assert {answer.status_code for answer in late} == {200}
        assert len(provider.asked) - asked == 1, "however many wait, the provider is asked once"

    async def test_a_key_that_was_taken_back_ends_after_ten_minutes(self, house: House, school: School, provider: OpenIdTwin, clock: Clock) -> None:
        (old,) = provider.keys
        token = provider.sign(claims(provider))
        viewer(await as_bearer(house, school.slug, token))
        provider.rotate(keep=False)

        clock.ahead += 601
        answer = await as_bearer(house, school.slug, provider.sign(claims(provider), key=old))

        assert answer.status_code == 401

    async def test_a_provider_that_is_away_locks_nobody_out_for_a_day(self, house: House, school: School, provider: OpenIdTwin, clock: Clock) -> None:
        token = provider.sign(claims(provider))
        provider.is_down = True

        clock.ahead += 3_600
        answers = [await as_bearer(house, school.slug, token) for _ in range(3)]
        asked = provider.asked.count("/jwks")
        clock.ahead += 86_400
        later = await as_bearer(house, school.slug, token)

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert asked == 2, "the setting asked once, the first request once more; a failure is remembered"
        assert later.status_code == 503
        assert later.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


class TestSockets:
    async def test_a_socket_ends_when_the_token_does(self, house: House, school: School, provider: OpenIdTwin) -> None:
        now = claims(provider)["iat"]

        async with greeted(house.url, school.slug, provider.sign(claims(provider, iat=now - 60, exp=now + 2))) as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 20)

        assert closed.value.rcvd and closed.value.rcvd.code == 4403

    @pytest.mark.parametrize("what", ["suspended", "role", "removed", "set anew"])
    async def test_a_socket_ends_with_the_right_to_it(self, what: str, house: House, school: School, provider: OpenIdTwin, admin: Client) -> None:
        async with greeted(house.url, school.slug, provider.sign(claims(provider))) as socket:
            (made,) = await accounts_with(school, "ada@people.example")
            match what:
                case "suspended":
                    await suspend(school.system, made["id"])
                case "role":
                    await take_role(school.system, made["id"], "STUDENT")
                case "removed":
                    id = (await admin.data("Providers"))["identityProvider"]["id"]
                    assert (await admin.data("RemoveIdentityProvider", input={"id": id}))["ok"] is True
                case _:
                    await set_provider(admin, provider)
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 20)

        assert closed.value.rcvd and closed.value.rcvd.code == 4403

    async def test_a_socket_stays_while_nothing_changes(self, house: House, school: School, provider: OpenIdTwin) -> None:
        async with greeted(house.url, school.slug, provider.sign(claims(provider))) as socket:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 3)
