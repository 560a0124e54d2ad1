"""`identityProviderSet`, `identityProviderRemove`, `socialProviderSet`, `socialProviderRemove`, and what is told of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lms_graph.domain.identity import errors
from lms_graph.domain.identity.operations import providers
from lms_graph.domain.identity.rules.providers import ProviderSettings
from lms_graph.integrations.http import GuardedHttp
from lms_graph.integrations.openid import OpenIdClient
from lms_graph.integrations.twins.openid import OpenIdTwin
from lms_graph.models import database
from tests.api.identity.external.conftest import as_bearer, claims, set_provider
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

Twins = Callable[[], Awaitable[OpenIdTwin]]


async def audited(school: School) -> list[tuple[str, str]]:
    async with database.reading(school.system):
        found = await database.fetch("SELECT action, subject FROM audit_entries WHERE tenant_id = $1 AND action <> 'TenantCreated' ORDER BY at, id", school.id)
    return [(row["action"], row["subject"][:3]) for row in found]


async def stored(school: School, table: str) -> list[Any]:
    async with database.reading(school.system):
        return list(await database.fetch(f"SELECT * FROM {table} WHERE tenant_id = $1", school.id))


class TestIdentityProviderSet:
    async def test_sets_what_it_was_told(self, admin: Client, visitor: Client, school: School, twins: Twins) -> None:
        twin = await twins()

        answer = await admin.data("SetIdentityProvider", input={"issuer": twin.url, "audience": "school", "jwksUrl": f"{twin.url}/jwks"})

        assert answer == {"identityProvider": {"issuer": twin.url, "audience": ["school"], "jwksUrl": f"{twin.url}/jwks"}, "errors": []}
        told = await admin.data("Providers")
        assert told["identityProvider"] | {"id": None} == {
            "id": None,
            "issuer": twin.url,
            "audience": ["school"],
            "jwksUrl": f"{twin.url}/jwks",
            "algorithms": ["RS256", "ES256"],
            "authorizedParties": [],
            "emailClaim": "email",
            "emailVerifiedClaim": "email_verified",
            "nameClaim": "name",
            "enabled": True,
        }
        assert (await visitor.data("Providers"))["storefront"] == {"signInProviders": ["TENANT"]}
        assert await audited(school) == [("IdentityProviderSet", "idp")]

    async def test_asks_the_provider_where_its_keys_are(self, admin: Client, twins: Twins) -> None:
        twin = await twins()

        answer = await admin.data("SetIdentityProvider", input={"issuer": twin.url, "audience": ["school"]})

        assert answer["identityProvider"]["jwksUrl"] == f"{twin.url}/jwks"
        assert twin.asked == ["/.well-known/openid-configuration", "/jwks"]

    async def test_replaces_the_one_before_and_keeps_its_id(self, admin: Client, school: School, house: House, twins: Twins) -> None:
        first, second = await twins(), await twins()
        await set_provider(admin, first)
        id = (await admin.data("Providers"))["identityProvider"]["id"]

        await set_provider(admin, second, algorithms=["ES256", "RS256", "RS256"], authorizedParties=["app"], nameClaim="full_name", enabled=True)

        told = (await admin.data("Providers"))["identityProvider"]
        assert (told["id"], told["issuer"], told["algorithms"], told["nameClaim"]) == (id, second.url, ["ES256", "RS256"], "full_name")
        assert (await as_bearer(house, school.slug, first.sign(claims(first)))).status_code == 401
        assert len(await stored(school, "identity_providers")) == 1

    async def test_two_at_once_leave_one(self, admin: Client, school: School, twins: Twins) -> None:
        made = [await twins(), await twins()]

        await asyncio.gather(*(set_provider(admin, made[number % 2]) for number in range(6)))

        assert len(await stored(school, "identity_providers")) == 1
        assert await audited(school) == [("IdentityProviderSet", "idp")] * 6

    @pytest.mark.parametrize("what", ["nobody there", "down", "not JSON", "no keys", "weak keys", "redirect", "another issuer", "no jwks_uri"])
    async def test_keys_that_cannot_be_read_change_nothing(self, what: str, admin: Client, school: School, twins: Twins) -> None:
        good, twin = await twins(), await twins()
        await set_provider(admin, good)
        before = await stored(school, "identity_providers")
        given: dict[str, Any] = {"issuer": twin.url, "audience": ["school"], "jwksUrl": f"{twin.url}/jwks"}
        match what:
            case "nobody there":
                given["jwksUrl"] = "http://127.0.0.1:9/jwks"
            case "down":
                twin.is_down = True
            case "not JSON":
                given["jwksUrl"] = f"{twin.url}/authorize"
            case "no keys":
                twin.keys = []
            case "weak keys":
                twin.keys, twin.more_keys = [], [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "s"}]
            case "redirect":
                given["jwksUrl"] = f"{twin.url}/jwks/"
            case "another issuer":
                given |= {"issuer": f"{twin.url}/", "jwksUrl": None}
            case _:
                given |= {"issuer": f"{twin.url}/jwks", "jwksUrl": None}

        answer = await admin.data("SetIdentityProvider", input=given)

        assert [error["code"] for error in answer["errors"]] == ["PROVIDER_UNREACHABLE"]
        assert answer["errors"][0]["path"] == (["issuer"] if given["jwksUrl"] is None else ["jwksUrl"])
        assert await stored(school, "identity_providers") == before
        assert await audited(school) == [("IdentityProviderSet", "idp")]

    @pytest.mark.parametrize(
        "url", ["https://127.0.0.1/jwks", "https://169.254.169.254/latest", "http://127.0.0.1:1/jwks", "https://[::ffff:10.0.0.1]/jwks", "https://localhost/jwks"]
    )
    async def test_in_production_an_address_inside_is_not_asked(self, url: str, school: School) -> None:
        openid = OpenIdClient(GuardedHttp(development=False))

        with pytest.raises(errors.ProviderUnreachable):
            await providers.set_identity_provider(caller=school.system, openid=openid, settings=ProviderSettings(issuer="https://auth.example", audience=["school"], jwks_url=url))

        assert await stored(school, "identity_providers") == []

    @pytest.mark.parametrize(
        ("wrong", "path"),
        [
            ({"issuer": ""}, "issuer"),
            ({"issuer": "auth.example"}, "issuer"),
            ({"issuer": "http://auth.example"}, "issuer"),
            ({"issuer": "http://localhost.evil.example"}, "issuer"),
            ({"issuer": "https://auth.example/?x=1"}, "issuer"),
            ({"issuer": "https://auth.example/#x"}, "issuer"),
            ({"issuer": "https://auth.example/" + "x" * 255}, "issuer"),
            ({"issuer": "https://accounts.google.com"}, "issuer"),
            ({"issuer": "https://github.com/"}, "issuer"),
            ({"audience": []}, "audience"),
            ({"audience": [""]}, "audience"),
            ({"audience": ["a"] * 21}, "audience"),
            ({"audience": ["a\nb"]}, "audience"),
            ({"authorizedParties": ["x" * 256]}, "authorizedParties"),
            ({"algorithms": []}, "algorithms"),
            ({"jwksUrl": "file:///etc/passwd"}, "jwksUrl"),
            ({"jwksUrl": "https://auth.example/" + "x" * 1_000}, "jwksUrl"),
            ({"emailClaim": ""}, "emailClaim"),
            ({"emailVerifiedClaim": "a b"}, "emailVerifiedClaim"),
            ({"nameClaim": "x" * 101}, "nameClaim"),
        ],
    )
    async def test_what_breaks_a_rule_is_told_and_nothing_asked(self, wrong: dict[str, Any], path: str, admin: Client, school: School, twins: Twins) -> None:
        twin = await twins()

        answer = await admin.data("SetIdentityProvider", input={"issuer": twin.url, "audience": ["school"], "jwksUrl": f"{twin.url}/jwks"} | wrong)

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", [path])]
        assert twin.asked == []
        assert await stored(school, "identity_providers") == []

    async def test_keys_of_no_algorithm_that_is_taken_are_told(self, admin: Client, school: School, twins: Twins) -> None:
        twin = await twins()

        answer = await admin.data("SetIdentityProvider", input={"issuer": twin.url, "audience": ["school"], "algorithms": ["ES384", "EDDSA"]})

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", ["algorithms"])]
        assert "RS256" in answer["errors"][0]["message"]
        assert await stored(school, "identity_providers") == []

    async def test_an_algorithm_with_a_shared_secret_is_none(self, admin: Client, twins: Twins) -> None:
        twin = await twins()

        body = await admin.send("SetIdentityProvider", input={"issuer": twin.url, "audience": ["school"], "algorithms": ["HS256"]})

        assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


class TestWhoMay:
    @pytest.mark.parametrize("roles", [("STUDENT",), ("STUDENT", "INSTRUCTOR"), ("SUPPORT",), None])
    async def test_others_set_and_see_nothing(self, roles: tuple[str, ...] | None, sign_in: SignIn, visitor: Client, school: School, provider: OpenIdTwin, admin: Client) -> None:
        client = await sign_in(roles=roles) if roles else visitor
        code = ["FORBIDDEN"] if roles else ["UNAUTHENTICATED"]
        await admin.data("SetSocialProvider", input={"provider": "GOOGLE", "clientId": "app", "clientSecret": "a secret of the school".replace(" ", "-")})
        own = await admin.data("Providers")
        before = await stored(school, "identity_providers"), await stored(school, "social_providers")

        assert await client.codes("SetIdentityProvider", input={"issuer": provider.url, "audience": ["evil"]}) == code
        assert await client.codes("RemoveIdentityProvider", input={"id": own["identityProvider"]["id"]}) == code
        assert await client.codes("SetSocialProvider", input={"provider": "GOOGLE", "clientId": "evil", "clientSecret": "evil-secret"}) == code
        assert await client.codes("RemoveSocialProvider", input={"id": own["socialProviders"][0]["id"]}) == code
        told = await client.data("Providers")
        assert (told["identityProvider"], told["socialProviders"]) == (None, [])
        ids = [own["identityProvider"]["id"], own["socialProviders"][0]["id"]]
        assert await client.data("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids) == [None, None]
        assert (await stored(school, "identity_providers"), await stored(school, "social_providers")) == before

    async def test_another_schools_administrator_is_nobody_here(self, sign_in: SignIn, other_school: School, school: School, provider: OpenIdTwin, admin: Client) -> None:
        stranger = await sign_in(at=other_school, roles=("TENANT_ADMIN",))
        id = (await admin.data("Providers"))["identityProvider"]["id"]

        assert await stranger.codes("RemoveIdentityProvider", input={"id": id}) == ["NOT_FOUND"]
        assert await stranger.data("query ($id: ID!) { node(id: $id) { id } }", id=id) is None
        await set_provider(stranger, provider, audience=["theirs"])
        told = await admin.data("Providers")
        assert told["identityProvider"]["audience"] == ["school"]
        assert len(await stored(school, "identity_providers")) == 1


class TestRemove:
    async def test_its_tokens_are_taken_no_more_until_it_is_back(self, admin: Client, house: House, school: School, provider: OpenIdTwin) -> None:
        token = provider.sign(claims(provider))
        first = (await as_bearer(house, school.slug, token, "{ viewer { id } }")).json()["data"]
        id = (await admin.data("Providers"))["identityProvider"]["id"]

        assert (await admin.data("RemoveIdentityProvider", input={"id": id})) == {"ok": True, "errors": []}
        refused = await as_bearer(house, school.slug, token)
        again = await admin.codes("RemoveIdentityProvider", input={"id": id})
        await set_provider(admin, provider)
        back = (await as_bearer(house, school.slug, token, "{ viewer { id } }")).json()["data"]

        assert refused.status_code == 401
        assert again == ["NOT_FOUND"]
        assert back == first
        assert [action for action, _ in await audited(school)] == ["IdentityProviderSet", "ExternalIdentityLinked", "IdentityProviderRemoved", "IdentityProviderSet"]


class TestSocialProviderSet:
    async def test_keeps_the_secret_sealed_and_tells_its_end(self, admin: Client, visitor: Client, school: School) -> None:
        secret = "gho-0123456789-abcd"

        answer = await admin.data("SetSocialProvider", input={"provider": "GITHUB", "clientId": "Iv1.app", "clientSecret": secret})
        await admin.data("SetSocialProvider", input={"provider": "GOOGLE", "clientId": "x.apps", "clientSecret": "another-secret-wxyz"})

        assert answer["errors"] == []
        assert answer["socialProvider"] | {"id": None} == {"id": None, "kind": "GITHUB", "clientId": "Iv1.app", "secretLastFour": "abcd"}
        for table in ("social_providers", "facts", "audit_entries"):
            assert secret not in repr(await stored(school, table))
        told = await visitor.data("Providers")
        assert told["storefront"] == {"signInProviders": ["GOOGLE", "GITHUB"]}
        assert await audited(school) == [("SocialProviderSet", "sop")] * 2

    @pytest.mark.parametrize(
        ("wrong", "path"),
        [({"clientId": ""}, "clientId"), ({"clientId": "a b"}, "clientId"), ({"clientSecret": "short"}, "clientSecret"), ({"clientSecret": "x" * 513}, "clientSecret")],
    )
    async def test_what_breaks_a_rule_is_told(self, wrong: dict[str, str], path: str, admin: Client, school: School) -> None:
        answer = await admin.data("SetSocialProvider", input={"provider": "GITHUB", "clientId": "app", "clientSecret": "long-enough"} | wrong)

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", [path])]
        assert await stored(school, "social_providers") == []
