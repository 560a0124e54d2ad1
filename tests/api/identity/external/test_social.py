"""Signing in by way of Google and GitHub, against their twins."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lms_graph.domain.identity import errors
from lms_graph.domain.identity.operations import external
from lms_graph.domain.identity.rules import throttles
from lms_graph.integrations.twins.openid import OpenIdTwin, SigningKey
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Busy
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.tenancy import DomainStatus
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.api.identity.external.conftest import Parties, come_back
from tests.factories.accounts import PASSWORD, account, app_code, suspend, verify_address, with_app
from tests.factories.tenants import domain
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

BACK = "https://shop.example/signed-in?from=school"
SECRET = "the-apps-own-secret"
KINDS = ["GOOGLE", "GITHUB"]


@pytest.fixture(autouse=True)
async def apps(admin: Client, parties: Parties) -> AsyncIterator[None]:
    """The school's app at both, and its storefront."""
    for desk in (parties.google.desk, parties.github.desk):
        desk.clients = {"app": (SECRET, frozenset({BACK, "https://shop.example/other"}))}
    for kind in KINDS:
        assert (await admin.data("SetSocialProvider", input={"provider": kind, "clientId": "app", "clientSecret": SECRET}))["errors"] == []
    assert (await admin.data("BrandTenant", input={"api": {"allowedOrigins": ["https://shop.example", "http://localhost:3000"]}}))["errors"] == []
    yield
    parties.google.issuer = parties.google.url
    parties.google.keys = parties.google.keys[:1]


async def start(client: Client, kind: str, **more: Any) -> dict[str, Any]:
    started = await client.data("StartProviderSignIn", input={"provider": kind, "redirectUri": BACK, **more})
    assert started["errors"] == []
    return dict(started)


async def proof(client: Client, kind: str, person: int, **more: Any) -> dict[str, str]:
    """What `providerSignIn` is given once somebody has been there and back."""
    started = await start(client, kind, **more)
    back = await come_back(started["authorizationUrl"], person)
    assert back["state"] == started["state"]
    return {"code": back["code"], "state": back["state"], "redirectUri": BACK}


async def count(school: School, table: str) -> int:
    async with database.reading(school.system):
        return int(await database.fetch_value(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", school.id))


async def who(visitor: Client, session: dict[str, str]) -> Any:
    answer = await visitor.http.post("/graphql", json={"query": "{ viewer { id email name emailVerified roles } }"}, headers={"Authorization": f"Bearer {session['accessToken']}"})
    return answer.json()["data"]["viewer"]


class TestSignIn:
    @pytest.mark.parametrize("kind", KINDS)
    async def test_the_first_makes_an_account_and_the_next_finds_it(self, kind: str, visitor: Client, school: School) -> None:
        before = await count(school, "accounts")

        first = await visitor.data("ProviderSignIn", input=await proof(visitor, kind, 1001))
        second = await visitor.data("ProviderSignIn", input=await proof(visitor, kind, 1001))

        assert first["errors"] == second["errors"] == []
        viewer = await who(visitor, first["session"])
        assert viewer | {"id": None} == {"id": None, "email": "amina@people.example", "name": "Amina Vos", "emailVerified": True, "roles": ["STUDENT"]}
        assert await who(visitor, second["session"]) == viewer
        assert await count(school, "accounts") == before + 1
        assert await count(school, "login_attempts") == 0

    async def test_what_is_asked_is_what_the_parties_want(self, visitor: Client, parties: Parties) -> None:
        google = urlsplit((await start(visitor, "GOOGLE"))["authorizationUrl"])
        github = urlsplit((await start(visitor, "GITHUB"))["authorizationUrl"])

        asked = {name: values[0] for name, values in parse_qs(google.query).items()}
        assert f"{google.scheme}://{google.netloc}{google.path}" == f"{parties.url}/google/authorize"
        assert asked.pop("state") and asked.pop("nonce")
        assert len(asked.pop("code_challenge")) == 43
        assert asked == {"client_id": "app", "redirect_uri": BACK, "response_type": "code", "scope": "openid email profile", "code_challenge_method": "S256"}
        assert f"{github.scheme}://{github.netloc}{github.path}" == f"{parties.url}/github/login/oauth/authorize"
        assert parse_qs(github.query)["scope"] == ["read:user user:email"]

    async def test_nothing_of_it_is_stored_in_clear(self, visitor: Client, school: School) -> None:
        started = await start(visitor, "GOOGLE")

        async with database.reading(school.system):
            (row,) = await database.fetch("SELECT * FROM login_attempts WHERE tenant_id = $1", school.id)
        asked = parse_qs(urlsplit(started["authorizationUrl"]).query)
        kept = b"".join(value for value in row.values() if isinstance(value, bytes))
        assert started["state"].encode() not in kept
        assert asked["nonce"][0].encode() not in kept
        assert row["redirect_uri"] == BACK

    async def test_google_writes_its_issuer_in_two_ways(self, visitor: Client, parties: Parties) -> None:
        parties.google.issuer = parties.google.url.partition("://")[2]

        assert (await visitor.data("ProviderSignIn", input=await proof(visitor, "GOOGLE", 1001)))["errors"] == []

    async def test_the_two_are_two_ways_into_one_account_once_linked(self, visitor: Client, school: School) -> None:
        session = (await visitor.data("ProviderSignIn", input=await proof(visitor, "GOOGLE", 1001)))["session"]

        other = await visitor.data("ProviderSignIn", input=await proof(visitor, "GITHUB", 1001))

        assert other["errors"] == [], "both have verified the address, and so have we by the first"
        assert (await who(visitor, other["session"]))["id"] == (await who(visitor, session))["id"]
        assert await count(school, "external_identities") == 2


class TestSecondFactor:
    @pytest.fixture
    async def secret(self, school: School, house: House) -> str:
        """Amina has an account with an authenticator app, and an address that we have verified."""
        held = await account(school.system, email="amina@people.example", password=PASSWORD)
        await verify_address(school.system, held)
        return (await with_app(school.system, house.adapters.secret_keys, held))[0]

    @pytest.mark.parametrize("kind", KINDS)
    async def test_is_asked_for_where_the_account_has_one(self, kind: str, secret: str, visitor: Client, school: School) -> None:
        sessions = await count(school, "sessions")

        first = await visitor.data("ProviderSignIn", input=await proof(visitor, kind, 1001))
        opened = await count(school, "sessions") - sessions
        wrong = await visitor.codes("SecondFactor", input={"secondFactorToken": first["secondFactorToken"], "code": "000000"})
        second = await visitor.data("SecondFactor", input={"secondFactorToken": first["secondFactorToken"], "code": app_code(secret, datetime.now(UTC))})

        assert (first["session"], first["errors"], opened, wrong) == (None, [], 0, ["CODE_WRONG"])
        assert (await who(visitor, second["session"]))["email"] == "amina@people.example"


class TestNews:
    async def test_who_is_new_is_not_warned_of_themselves(self, visitor: Client, school: School) -> None:
        await visitor.data("ProviderSignIn", input=await proof(visitor, "GOOGLE", 1001))

        async with database.reading(school.system):
            opened = await database.fetch(
                "SELECT payload->'is_new_device' AS new FROM facts WHERE tenant_id = $1 AND name = 'SessionOpened' ORDER BY recorded_at DESC LIMIT 1", school.id
            )
        assert [row["new"] for row in opened] == ["false"]

    async def test_an_address_that_google_has_not_verified_is_to_be_verified_by_us(self, visitor: Client, school: School) -> None:
        session = (await visitor.data("ProviderSignIn", input=await proof(visitor, "GOOGLE", 1003)))["session"]

        assert (await who(visitor, session))["emailVerified"] is False
        async with database.reading(school.system):
            assert await database.fetch_value("SELECT email FROM challenges WHERE tenant_id = $1 AND kind = 'EMAIL_VERIFICATION'", school.id) == "sam@people.example"


class TestLimits:
    async def test_wrong_ones_from_one_network_meet_a_limit_and_right_ones_do_not_count(self, school: School, house: House) -> None:
        ways = external.Ways(house.adapters.openid, house.adapters.social, house.adapters.secret_keys, MemoryThrottle())
        caller = Caller(tenant_id=school.id, address="192.0.2.7", now=datetime.now(UTC))
        wrong = external.Proof(code="x", state="nobody-gave-it", redirect_uri=BACK)
        tried = 0

        async with database.reading(caller):
            while tried < 100:
                try:
                    await external.sign_in(caller=caller, ways=ways, proof=wrong)
                except errors.SignInExpired:
                    tried += 1
                except Busy:
                    break

        assert tried == throttles.PROVIDER_FROM_NETWORK.at_once


class TestRefused:
    @pytest.mark.parametrize("kind", KINDS)
    async def test_a_state_works_once(self, kind: str, visitor: Client) -> None:
        given = await proof(visitor, kind, 1001)
        assert await visitor.codes("ProviderSignIn", input=given) == []

        assert await visitor.codes("ProviderSignIn", input=given) == ["SIGN_IN_EXPIRED"]

    async def test_at_once_it_works_once(self, visitor: Client, school: School) -> None:
        given = await proof(visitor, "GITHUB", 1001)

        codes = await asyncio.gather(*(visitor.codes("ProviderSignIn", input=given) for _ in range(8)))

        assert sorted(codes) == [[], *[["SIGN_IN_EXPIRED"]] * 7]
        assert await count(school, "external_identities") == 1

    @pytest.mark.parametrize("kind", KINDS)
    async def test_another_redirect_is_refused_and_uses_it_up(self, kind: str, visitor: Client, school: School) -> None:
        given = await proof(visitor, kind, 1001)

        assert await visitor.codes("ProviderSignIn", input=given | {"redirectUri": "https://shop.example/other"}) == ["SIGN_IN_EXPIRED"]
        assert await visitor.codes("ProviderSignIn", input=given) == ["SIGN_IN_EXPIRED"]
        assert await count(school, "external_identities") == 0

    @pytest.mark.parametrize("kind", KINDS)
    async def test_a_code_of_another_sign_in_does_not_fit_its_verifier(self, kind: str, visitor: Client, school: School) -> None:
        stolen, own = await proof(visitor, kind, 1001), await start(visitor, kind)

        assert await visitor.codes("ProviderSignIn", input=stolen | {"state": own["state"]}) == ["SIGN_IN_EXPIRED"]
        assert await count(school, "external_identities") == 0

    @pytest.mark.parametrize("state", ["", "unknown", "ünknown", "\ud800", "a\0b", "x" * 10_000])
    async def test_a_state_that_nobody_gave_is_refused(self, state: str, visitor: Client, school: School) -> None:
        assert await visitor.codes("ProviderSignIn", input={"code": "x", "state": state, "redirectUri": BACK}) in (["SIGN_IN_EXPIRED"], ["INVALID"], ["BAD_USER_INPUT"])
        assert await count(school, "external_identities") == 0

    async def test_another_schools_state_is_none_here(self, visitor: Client, sign_in: SignIn, other_school: School, house: Any) -> None:
        given = await proof(visitor, "GOOGLE", 1001)
        stranger = Client(house, other_school.slug)

        assert await stranger.codes("ProviderSignIn", input=given) == ["SIGN_IN_EXPIRED"]
        assert await visitor.codes("ProviderSignIn", input=given) == []
        await stranger.http.aclose()

    async def test_after_ten_minutes_it_is_over_and_swept(self, visitor: Client, school: School) -> None:
        given = await proof(visitor, "GOOGLE", 1001)
        await start(visitor, "GITHUB")
        async with unit_of_work(school.system):
            await rows.LoginAttempt.for_caller(school.system).update(created_at=school.system.now - timedelta(minutes=11), expires_at=school.system.now - timedelta(minutes=1))

        assert await visitor.codes("ProviderSignIn", input=given) == ["SIGN_IN_EXPIRED"]
        await start(visitor, "GITHUB")
        assert await count(school, "login_attempts") == 1

    async def test_a_code_that_the_party_does_not_know_is_refused(self, visitor: Client) -> None:
        for kind in KINDS:
            started = await start(visitor, kind)
            assert await visitor.codes("ProviderSignIn", input={"code": "made-up", "state": started["state"], "redirectUri": BACK}) == ["SIGN_IN_EXPIRED"]

    @pytest.mark.parametrize("kind", KINDS)
    async def test_a_wrong_secret_of_the_app_lets_nobody_in(self, kind: str, visitor: Client, admin: Client, school: School) -> None:
        await admin.data("SetSocialProvider", input={"provider": kind, "clientId": "app", "clientSecret": "not-the-apps-secret"})

        assert await visitor.codes("ProviderSignIn", input=await proof(visitor, kind, 1001)) == ["SIGN_IN_EXPIRED"]
        assert await count(school, "external_identities") == 0

    @pytest.mark.parametrize("what", ["nonce", "audience", "issuer", "key", "expired"])
    async def test_an_id_token_that_does_not_hold_is_refused(self, what: str, visitor: Client, school: School, parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
        """Google's twin is made to lie."""
        twin = parties.google
        honest = OpenIdTwin._claims

        def lying(self: OpenIdTwin, granted: Any) -> dict[str, Any]:
            lies: dict[str, dict[str, Any]] = {
                "nonce": {"nonce": "another"},
                "audience": {"aud": "another-app"},
                "issuer": {"iss": "https://evil.example"},
                "expired": {"exp": 1_000_000_000},
            }
            return honest(self, granted) | lies.get(what, {})

        monkeypatch.setattr(OpenIdTwin, "_claims", lying)
        if what == "key":
            published, unknown = list(twin.keys), SigningKey()
            sign = twin.sign
            monkeypatch.setattr(twin, "sign", lambda claims, **more: sign(claims, key=unknown))
            assert twin.keys == published

        assert await visitor.codes("ProviderSignIn", input=await proof(visitor, "GOOGLE", 1001)) == ["SIGN_IN_EXPIRED"]
        assert await count(school, "external_identities") == 0

    async def test_an_address_that_is_not_verified_at_github_is_none(self, visitor: Client, school: School) -> None:
        assert await visitor.codes("ProviderSignIn", input=await proof(visitor, "GITHUB", 1003)) == ["EMAIL_MISSING"]
        assert await count(school, "external_identities") == 0

    @pytest.mark.parametrize("kind", KINDS)
    async def test_an_account_with_the_address_is_not_given_to_them(self, kind: str, visitor: Client, school: School) -> None:
        await account(school.system, email="amina@people.example", password=PASSWORD)
        await account(school.system, email="jonas@people.example")

        assert await visitor.codes("ProviderSignIn", input=await proof(visitor, kind, 1001)) == ["ACCOUNT_EXISTS"]
        assert await visitor.codes("ProviderSignIn", input=await proof(visitor, kind, 1002)) == ["ACCOUNT_EXISTS"]
        assert await count(school, "external_identities") == 0

    async def test_unless_both_have_verified_it(self, visitor: Client, school: School) -> None:
        held = await account(school.system, email="amina@people.example", password=PASSWORD)
        async with unit_of_work(school.system):
            await rows.Account.for_caller(school.system, id=held).update(email_verified_at=school.system.now)

        assert await visitor.codes("ProviderSignIn", input=await proof(visitor, "GOOGLE", 1001)) == []
        assert await count(school, "external_identities") == 1

    async def test_an_unverified_address_at_google_finds_no_account(self, visitor: Client, school: School) -> None:
        held = await account(school.system, email="sam@people.example", password=PASSWORD)
        async with unit_of_work(school.system):
            await rows.Account.for_caller(school.system, id=held).update(email_verified_at=school.system.now)

        assert await visitor.codes("ProviderSignIn", input=await proof(visitor, "GOOGLE", 1003)) == ["ACCOUNT_EXISTS"]

    async def test_a_suspended_account_stays_closed(self, visitor: Client, school: School) -> None:
        await visitor.data("ProviderSignIn", input=await proof(visitor, "GOOGLE", 1001))
        async with database.reading(school.system):
            id = await database.fetch_value("SELECT account_id FROM external_identities WHERE tenant_id = $1", school.id)
        await suspend(school.system, id)
        before = await count(school, "sessions")

        assert await visitor.codes("ProviderSignIn", input=await proof(visitor, "GOOGLE", 1001)) == ["ACCOUNT_CLOSED"]
        assert await count(school, "sessions") == before

    async def test_a_way_that_the_school_has_closed_leads_nowhere(self, visitor: Client, admin: Client) -> None:
        given = await proof(visitor, "GOOGLE", 1001)
        for app in (await admin.data("Providers"))["socialProviders"]:
            assert (await admin.data("RemoveSocialProvider", input={"id": app["id"]}))["ok"] is True

        assert await visitor.codes("ProviderSignIn", input=given) == ["SIGN_IN_EXPIRED"]
        assert await visitor.codes("StartProviderSignIn", input={"provider": "GOOGLE", "redirectUri": BACK}) == ["NOT_FOUND"]

    @pytest.mark.parametrize(
        "redirect",
        [
            "https://evil.example/",
            "https://shop.example.evil.example/",
            "https://shop.example@evil.example/",
            "https://evil.example#https://shop.example/",
            "https://shop.example/#token",
            "https://shop.example\\@evil.example/",
            "https://shop.example/\\evil",
            "https://shop.example:8443/",
            "http://shop.example/",
            "https://SHOP.example/",
            "https://sub.shop.example/",
            "//shop.example/",
            "/signed-in",
            "javascript:alert(1)",
            "http://localhost:3001/",
            "http://localhost/",
            "http://localhost:3000.evil.example/",
            "https://shop.example/ x",
            "https://shop.example/\r\nx",
            "https://shop.example/" + "x" * 1_000,
            "",
        ],
    )
    async def test_it_leads_back_to_the_schools_own_pages_only(self, redirect: str, visitor: Client, school: School) -> None:
        answer = await visitor.data("StartProviderSignIn", input={"provider": "GITHUB", "redirectUri": redirect})

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", ["redirectUri"])]
        assert answer["authorizationUrl"] is None
        assert await count(school, "login_attempts") == 0

    async def test_a_star_lists_no_origin(self, visitor: Client, admin: Client) -> None:
        await admin.data("BrandTenant", input={"api": {"allowedOrigins": ["*"]}})

        assert await visitor.codes("StartProviderSignIn", input={"provider": "GITHUB", "redirectUri": BACK}) == ["INVALID"]

    async def test_a_verified_domain_is_listed_and_a_pending_one_is_not(self, visitor: Client, school: School) -> None:
        verified, pending = await domain(school.id), await domain(school.id, DomainStatus.PENDING)

        assert await visitor.codes("StartProviderSignIn", input={"provider": "GITHUB", "redirectUri": f"https://{verified}/back"}) == []
        assert await visitor.codes("StartProviderSignIn", input={"provider": "GITHUB", "redirectUri": f"https://{pending}/back"}) == ["INVALID"]


class TestLink:
    @pytest.mark.parametrize("kind", KINDS)
    async def test_links_to_the_account_that_began_it(self, kind: str, sign_in: SignIn, visitor: Client, school: School) -> None:
        client = await sign_in()

        linked = await client.data("LinkIdentity", input=await proof(client, kind, 1001, link=True))

        assert linked["errors"] == []
        session = (await visitor.data("ProviderSignIn", input=await proof(visitor, kind, 1001)))["session"]
        assert (await who(visitor, session))["id"] == linked["viewer"]["id"]

    async def test_a_sign_in_is_no_link_and_a_link_no_sign_in(self, sign_in: SignIn, visitor: Client, school: School) -> None:
        """Else who slips their own code into another's browser would be let into the other's account from then on."""
        client, attacker = await sign_in(), await sign_in()

        assert await client.codes("LinkIdentity", input=await proof(visitor, "GITHUB", 1001)) == ["SIGN_IN_EXPIRED"]
        assert await client.codes("LinkIdentity", input=await proof(attacker, "GITHUB", 1001, link=True)) == ["SIGN_IN_EXPIRED"]
        assert await visitor.codes("ProviderSignIn", input=await proof(client, "GITHUB", 1001, link=True)) == ["SIGN_IN_EXPIRED"]
        assert await visitor.codes("StartProviderSignIn", input={"provider": "GITHUB", "redirectUri": BACK, "link": True}) == ["UNAUTHENTICATED"]
        assert await count(school, "external_identities") == 0

    async def test_anothers_identity_stays_theirs(self, sign_in: SignIn, visitor: Client, school: School) -> None:
        client = await sign_in()
        await visitor.data("ProviderSignIn", input=await proof(visitor, "GOOGLE", 1001))

        assert await client.codes("LinkIdentity", input=await proof(client, "GOOGLE", 1001, link=True)) == ["CONFLICT"]
        assert await count(school, "external_identities") == 1

    async def test_an_account_has_at_most_ten(self, sign_in: SignIn, school: School) -> None:
        client = await sign_in()
        assert client.account_id
        async with unit_of_work(school.system):
            await rows.ExternalIdentity.bulk_create(
                rows.ExternalIdentity(tenant_id=school.id, account_id=client.account_id, issuer="https://auth.example", subject=str(number), created_at=school.system.now)
                for number in range(10)
            )

        assert await client.codes("LinkIdentity", input=await proof(client, "GOOGLE", 1001, link=True)) == ["LIMIT_REACHED"]
        assert await count(school, "external_identities") == 10
