"""API keys as they are sent: where, by whom, with which rights, and for how long."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from lms_graph.domain.identity.events import ApiKeyRevoked
from lms_graph.domain.identity.operations import keys
from lms_graph.domain.identity.rules.keys import new_key
from lms_graph.domain.identity.rules.permissions import PERMISSIONS, permissions_of
from lms_graph.kit.budget import MemoryBudget, Rate
from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.limits.documents import Documents
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import AccountStatus, ApiKeyKind, Role
from lms_graph.outbox.unit_of_work import unit_of_work
from lms_graph.schema import schema
from lms_graph.web.graphql.callers import identify
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.known import Known
from lms_graph.web.graphql.operations import Operations
from lms_graph.web.proxies import TrustedProxies
from tests.factories.accounts import give_role, suspend, take_role
from tests.factories.courses import course, text
from tests.factories.keys import admin, made_key
from tests.factories.tenants import domain
from tests.fixtures.callers import School
from tests.fixtures.client import DOCUMENTS, Client
from tests.fixtures.house import House, served
from tests.fixtures.processes import until
from tests.fixtures.sockets import hear, opened, say
from tests.web.graphql.test_sockets import closed
from tests.web.graphql.test_streams import events, streaming

pytestmark = pytest.mark.anyio

STOREFRONT = "{ storefront { slug } }"


async def ask(house: House, document: str = STOREFRONT, **headers: str) -> tuple[int, dict[str, Any]]:
    """Status and body, with these headers alone: `x_tenant` is sent as `X-Tenant`."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{house.url}/graphql", json={"query": document}, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return answer.status_code, answer.json()


def told(answer: tuple[int, dict[str, Any]]) -> tuple[int, str, str]:
    """Status, code and message of a refusal, which has no data."""
    assert "data" not in answer[1]
    (error,) = answer[1]["errors"]
    return answer[0], error["extensions"]["code"], error["message"]


async def who(house: House, secret: str) -> Caller:
    """As whom a bearer is taken."""
    return (
        await identify(
            {"authorization": f"Bearer {secret}"},
            known=Known(),
            openid=house.adapters.openid,
            throttle=house.adapters.throttle,
            address="192.0.2.1",
            default_tenant=None,
            development=False,
            base_url="",
        )
    ).caller


async def change(school: School, id: UUID, **values: Any) -> None:
    async with unit_of_work(school.system) as work:
        await rows.ApiKey.for_caller(school.system, id=id).update(**values)
        work.record(ApiKeyRevoked(key_id=id))  # whatever it is that happens to a key: it is looked up anew


class TestRights:
    async def test_are_the_keys_scopes_and_nobodys_account(self, house: House, school: School) -> None:
        boss = await admin(school.system)
        for scope in boss.permissions:
            id, secret = await made_key(boss, scopes=[scope])

            caller = await who(house, secret)

            assert (caller.tenant_id, caller.account_id, caller.session_id, caller.key_id) == (school.id, None, None, id)
            assert (caller.permissions, caller.roles) == (frozenset({scope}), frozenset())

    async def test_end_with_those_of_the_maker(self, house: House, school: School) -> None:
        boss = await admin(school.system)
        assert boss.account_id
        _, secret = await made_key(boss, scopes=boss.permissions)
        assert (await who(house, secret)).permissions == boss.permissions

        await give_role(school.system, boss.account_id, Role.SUPPORT)
        await take_role(school.system, boss.account_id, "TENANT_ADMIN")

        assert (await who(house, secret)).permissions == PERMISSIONS[Role.SUPPORT]

    @pytest.mark.parametrize("roles", [(role,) for role in Role] + [(Role.INSTRUCTOR, Role.SUPPORT)])
    async def test_never_exceed_the_makers(self, house: House, school: School, roles: tuple[Role, ...]) -> None:
        """Whatever a key was given: it may have been more than its maker holds now."""
        boss = await admin(school.system)
        id, secret = await made_key(boss)
        await change(school, id, scopes=[scope.value for scope in Permission] + ["GONE"])
        assert boss.account_id
        await take_role(school.system, boss.account_id, Role.TENANT_ADMIN)
        for role in roles:
            await give_role(school.system, boss.account_id, role)

        assert (await who(house, secret)).permissions == permissions_of(roles)

    async def test_of_a_suspended_maker_are_a_visitors(self, house: House, school: School) -> None:
        boss = await admin(school.system)
        assert boss.account_id
        _, secret = await made_key(boss, scopes=[Permission.API_KEYS_MANAGE])
        await suspend(school.system, boss.account_id)

        assert (await who(house, secret)).permissions == frozenset()
        _, body = await ask(house, "{ apiKeys { totalCount } }", authorization=f"Bearer {secret}")
        assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"

    async def test_of_an_erased_maker_are_none_but_the_shop_goes_on(self, house: House, school: School) -> None:
        boss = await admin(school.system)
        _, secret = await made_key(boss, scopes=[Permission.API_KEYS_MANAGE])
        _, publishable = await made_key(boss, kind="PUBLISHABLE")
        async with unit_of_work(school.system):
            await rows.Account.for_caller(school.system, id=boss.account_id).update(status=AccountStatus.ERASED)

        assert told(await ask(house, authorization=f"Bearer {secret}"))[:2] == (401, "UNAUTHENTICATED")
        assert (await ask(house, x_api_key=publishable))[1]["data"] == {"storefront": {"slug": school.slug}}

    async def test_without_a_scope_are_a_visitors(self, house: House, school: School) -> None:
        _, secret = await made_key(await admin(school.system))
        made = await course(school.system, text("a"))
        document = f'{{ storefront {{ slug }} viewer {{ id }} course(slug: "{made.slug}") {{ id }} node(id: "{made.public_id}") {{ id }} }}'

        _, by_key = await ask(house, document, authorization=f"Bearer {secret}")
        _, by_visitor = await ask(house, document, x_tenant=school.slug)

        assert by_key["data"] == by_visitor["data"]
        _, body = await ask(
            house, 'mutation { courseEnroll(input: {courseId: "' + made.public_id + '", idempotencyKey: "k"}) { errors { code } } }', authorization=f"Bearer {secret}"
        )
        assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"


class TestWhichSchool:
    async def test_a_key_names_its_own(self, house: House, school: School) -> None:
        boss = await admin(school.system)
        for headers in ({"authorization": f"Bearer {(await made_key(boss))[1]}"}, {"x_api_key": (await made_key(boss, kind="PUBLISHABLE"))[1]}):
            assert (await ask(house, **headers))[1]["data"]["storefront"]["slug"] == school.slug
            assert (await ask(house, **headers, x_tenant=school.slug))[1]["data"]["storefront"]["slug"] == school.slug
            assert (await ask(house, **headers, host=await domain(school.id)))[1]["data"]["storefront"]["slug"] == school.slug

    async def test_a_key_is_refused_at_another(self, house: House, school: School, other_school: School) -> None:
        boss = await admin(school.system)
        for headers in ({"authorization": f"Bearer {(await made_key(boss))[1]}"}, {"x_api_key": (await made_key(boss, kind="PUBLISHABLE"))[1]}):
            belongs = (401, "UNAUTHENTICATED", "The API key belongs to another school.")
            assert told(await ask(house, **headers, x_tenant=other_school.slug)) == belongs
            assert told(await ask(house, **headers, host=await domain(other_school.id))) == belongs
            assert told(await ask(house, **headers, x_tenant="nowhere"))[:2] == (404, "NOT_FOUND")

    async def test_a_session_of_another_than_the_keys_is_refused(self, house: House, student: Client, other_school: School) -> None:
        _, publishable = await made_key(await admin(other_school.system), kind="PUBLISHABLE")

        refused = await ask(house, x_api_key=publishable, authorization=f"Bearer {student.token}")

        assert told(refused) == (401, "UNAUTHENTICATED", "The access token belongs to another school.")

    async def test_a_publishable_key_stands_beside_a_session(self, house: House, student: Client, school: School) -> None:
        _, publishable = await made_key(await admin(school.system), kind="PUBLISHABLE")

        _, body = await ask(house, "{ viewer { permissions } storefront { slug } }", x_api_key=publishable, authorization=f"Bearer {student.token}")

        assert body["data"] == {"viewer": {"permissions": []}, "storefront": {"slug": school.slug}}

    async def test_a_publishable_key_alone_is_a_visitor(self, house: House, school: School) -> None:
        _, publishable = await made_key(await admin(school.system), kind="PUBLISHABLE")

        _, body = await ask(house, "{ viewer { id } apiKeys { totalCount } }", x_api_key=publishable)

        assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


class TestRefusals:
    async def test_tell_a_key_that_is_not_whole_from_one_that_is_not_good(self, house: House, school: School) -> None:
        id, secret = await made_key(await admin(school.system))
        not_whole = (401, "UNAUTHENTICATED", "This is not a whole API key: its checksum does not fit. It was cut off or mistyped.")
        not_good = (401, "UNAUTHENTICATED", "The API key is unknown, expired or revoked. An administrator of the school can make another.")

        for wrong in (secret[:-1], secret[:-1] + ("0" if secret[-1] != "0" else "1"), secret[:20] + secret[21:], secret.replace("sk", "pk", 1), "lms_sk_", secret.swapcase()):
            header = {"x_api_key": wrong} if wrong.startswith("lms_pk") else {"authorization": f"Bearer {wrong}"}
            if wrong.startswith("lms_"):
                assert told(await ask(house, **header, x_tenant=school.slug)) == not_whole, wrong
        assert told(await ask(house, authorization=f"Bearer {new_key(ApiKeyKind.SECRET)}", x_tenant=school.slug)) == not_good
        await change(school, id, expires_at=datetime.now(UTC), created_at=datetime.now(UTC) - timedelta(days=1))
        assert told(await ask(house, authorization=f"Bearer {secret}")) == not_good

    async def test_of_a_key_in_the_wrong_place(self, house: House, school: School) -> None:
        boss = await admin(school.system)
        (_, secret), (_, publishable) = await made_key(boss), await made_key(boss, kind="PUBLISHABLE")

        assert told(await ask(house, x_api_key=secret))[2].startswith("A secret key is sent as `Authorization")
        assert told(await ask(house, authorization=f"Bearer {publishable}"))[2].startswith("A publishable key is sent as `X-Api-Key`")
        assert told(await ask(house, x_api_key=publishable, authorization=f"Bearer {secret}"))[2].startswith("Send one API key")
        for nonsense in ("", "nonsense", "Bearer x", "lms_pk_\ud800" + "x" * 39 + "_abcdef"):
            async with opened(house.url) as socket:
                await say(socket, type="connection_init", payload={"apiKey": nonsense, "tenant": school.slug})
                assert (await closed(socket))[0] == 4403, nonsense

    async def test_of_a_secret_key_from_a_web_page(self, house: House, school: School) -> None:
        _, secret = await made_key(await admin(school.system))
        own = house.url

        status, code, message = told(await ask(house, authorization=f"Bearer {secret}", origin=own))

        assert (status, code) == (403, "FORBIDDEN")
        assert "Revoke it now" in message
        async with opened(house.url, origin=own) as socket:
            await say(socket, type="connection_init", payload={"authorization": f"Bearer {secret}"})
            assert (await closed(socket))[0] == 4403

    async def test_never_quote_the_key(self, house: House, school: School, caplog: pytest.LogCaptureFixture) -> None:
        _, secret = await made_key(await admin(school.system))

        for headers in ({"authorization": f"Bearer {secret[:-2]}"}, {"x_api_key": secret}, {"authorization": f"Bearer {secret}", "origin": "https://shop.example"}):
            assert "lms_sk_" + secret[7:12] not in str(await ask(house, **headers, x_tenant=school.slug))
        assert secret[7:40] not in caplog.text


class TestBudgets:
    async def test_a_key_has_its_own_and_shoppers_do_not_share_one(self, house: House, school: School) -> None:
        boss = await admin(school.system)
        secrets = [(await made_key(boss))[1] for _ in range(2)]
        publishable = [(await made_key(boss, kind="PUBLISHABLE"))[1] for _ in range(2)]
        adapters = replace(house.adapters, budget=MemoryBudget(Rate(600, 1)))
        endpoint = Endpoint(Operations(schema, adapters, Documents(schema._schema)), default_tenant=None, base_url=adapters.base_url)
        # Who comes by way of a proxy has the address that it tells.
        app = Starlette(routes=[Route("/graphql", endpoint)], middleware=[Middleware(TrustedProxies, trusted=("127.0.0.1",))])
        async with served(app) as url:
            poor = House(url, adapters)

            async def spend(**headers: str) -> list[str]:
                """The codes of two operations that cost more than half of a budget."""
                answers = [
                    await ask(poor, "{ a: courses(first: 100) { nodes { id } } b: courses(first: 100) { nodes { id } } c: courses(first: 100) { nodes { id } } }", **headers)
                    for _ in range(2)
                ]
                return [error["extensions"]["code"] for _, body in answers for error in body.get("errors", ())]

            everybody = [{"authorization": f"Bearer {each}"} for each in secrets] + [{"x_api_key": each} for each in publishable]
            everybody += [{"x_api_key": publishable[0], "x_forwarded_for": "192.0.2.7"}, {"x_tenant": school.slug}]
            assert [await spend(**headers) for headers in everybody] == [["RATE_LIMITED"]] * 6
            assert await spend(authorization=f"Bearer {secrets[0]}", x_forwarded_for="192.0.2.7") == ["RATE_LIMITED"] * 2


class TestLastUse:
    async def test_is_noted_beside_the_request_and_at_most_once_a_minute(self, house: House, school: School) -> None:
        id, secret = await made_key(await admin(school.system))
        other_id, _ = await made_key(await admin(school.system))

        async def noted() -> list[datetime | None]:
            async with database.reading(school.system):
                found = await database.fetch("SELECT last_used_at FROM api_keys WHERE tenant_id = $1 AND id = ANY($2) ORDER BY array_position($2, id)", school.id, [id, other_id])
            return [row["last_used_at"] for row in found]

        await ask(house, authorization=f"Bearer {secret}")

        async def is_noted() -> bool:
            return (await noted())[0] is not None

        await until(is_noted)
        first = await noted()
        assert first[1] is None
        caller = (await who(house, secret)).at(first[0])  # type: ignore[arg-type]
        for seconds, moves in ((1, False), (59, False), (60, True)):
            await keys.note_use(caller=caller.at(caller.now + timedelta(seconds=seconds)), key_id=id)
            assert ((await noted())[0] != first[0]) is moves


class TestOpenConnections:
    async def test_of_a_key_carry_its_rights(self, house: House, school: School) -> None:
        _, secret = await made_key(await admin(school.system), scopes=[Permission.API_KEYS_MANAGE])
        async with opened(house.url) as socket:
            await say(socket, type="connection_init", payload={"authorization": f"Bearer {secret}"})
            assert await hear(socket) == {"type": "connection_ack"}
            await say(socket, type="subscribe", id="1", payload={"query": "{ apiKeys { totalCount } }"})
            assert (await hear(socket))["payload"]["data"] == {"apiKeys": {"totalCount": 1}}

    @pytest.mark.parametrize("kind", ["SECRET", "PUBLISHABLE"])
    async def test_end_when_the_key_is_revoked(self, house: House, school: School, kind: str) -> None:
        boss = await admin(school.system)
        (id, mine), (_, others) = await made_key(boss, kind=kind), await made_key(boss, kind=kind)
        async with opened(house.url) as socket, opened(house.url) as going_on:
            for each, key in ((socket, mine), (going_on, others)):
                await say(each, type="connection_init", payload={"apiKey": key} if kind == "PUBLISHABLE" else {"authorization": f"Bearer {key}"})
                assert await hear(each) == {"type": "connection_ack"}

            await keys.revoke_key(caller=boss, key_id=id)

            assert await closed(socket) == (4403, "UNAUTHENTICATED: the access token, its session or the API key has ended")
            await say(going_on, type="ping")
            assert await hear(going_on) == {"type": "pong"}

    @pytest.mark.parametrize("how", ["demoted", "suspended", "expired"])
    async def test_end_with_a_right_of_a_secret_key(self, house: House, school: School, how: str) -> None:
        boss = await admin(school.system)
        assert boss.account_id
        _, secret = await made_key(boss, scopes=[Permission.MEMBERS_READ], expires_at=datetime.now(UTC) + timedelta(seconds=3 if how == "expired" else 300))
        async with opened(house.url) as socket:
            await say(socket, type="connection_init", payload={"authorization": f"Bearer {secret}"})
            assert await hear(socket) == {"type": "connection_ack"}

            if how == "demoted":
                await take_role(school.system, boss.account_id, "TENANT_ADMIN")
            elif how == "suspended":
                await suspend(school.system, boss.account_id)

            assert (await closed(socket, within=8))[0] == 4403

    async def test_a_stream_beside_a_publishable_key_ends_with_it(self, house: House, school: School, student: Client) -> None:
        boss = await admin(school.system)
        id, publishable = await made_key(boss, kind="PUBLISHABLE")
        made = await course(school.system, text("a"))
        run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
        student.http.headers["X-Api-Key"] = publishable
        async with streaming(student, DOCUMENTS["MyProgress"], enrollmentId=run) as answer:
            heard = events(answer)
            await anext(heard)
            await keys.revoke_key(caller=boss, key_id=id)

            async with asyncio.timeout(5):
                name, payload = await anext(heard)
                assert (name, [error["extensions"]["code"] for error in payload["errors"]]) == ("next", ["UNAUTHENTICATED"])
                assert await anext(heard) == ("complete", None)
