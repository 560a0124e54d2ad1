"""`apiKeyCreate`, `apiKeyRevoke` and `apiKeys`: keys for programs, each narrower than who made it."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.kit.ids import parse_id, public_id
from lms_graph.kit.permissions import Permission
from lms_graph.kit.secrets import token_hash
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.keys import admin, made_key
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

NODE = "query ($id: ID!) { node(id: $id) { ... on ApiKey { id name } } }"


@pytest.fixture
async def boss(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",), name="Bo Boss")


def wanted(**differs: Any) -> dict[str, Any]:
    return {"name": "Nightly sync", "kind": "SECRET", "scopes": ["MEMBERS_READ"], "idempotencyKey": uuid4().hex} | differs


async def kept(school: School) -> list[database.Record]:
    async with database.reading(school.system):
        return await database.fetch("SELECT * FROM api_keys WHERE tenant_id = $1 ORDER BY created_at, id", school.id)


async def facts(school: School, *names: str) -> list[str]:
    """Names of facts, and of entries of the audit log, in order."""
    async with database.reading(school.system):
        told = await database.fetch("SELECT name FROM facts WHERE tenant_id = $1 AND name = ANY($2) ORDER BY recorded_at", school.id, list(names))
        audited = await database.fetch("SELECT action FROM audit_entries WHERE tenant_id = $1 AND action = ANY($2) ORDER BY at, id", school.id, list(names))
    assert [fact["name"] for fact in told] == [entry["action"] for entry in audited]
    return [fact["name"] for fact in told]


async def fill(school: School, account_id: UUID, count: int, *, kind: str = "SECRET", **differs: Any) -> None:
    now = datetime.now(UTC)
    values = {"scopes": [], "created_at": now, "expires_at": now + timedelta(days=1), "account_id": account_id, "last_four": "abcd", "name": "x", "kind": kind} | differs
    async with unit_of_work(school.system):
        await rows.ApiKey.bulk_create(rows.ApiKey(tenant_id=school.id, key_hash=token_hash(uuid4().hex), **values) for _ in range(count))


class TestApiKeyCreate:
    async def test_shows_the_secret_and_keeps_its_hash(self, boss: Client, school: School) -> None:
        before = datetime.now(UTC)

        made = await boss.data("CreateApiKey", input=wanted(name="  Nightly sync ", scopes=["MEMBERS_READ", "AUDIT_READ", "MEMBERS_READ"]))

        assert made["errors"] == []
        assert re.fullmatch(r"lms_sk_[0-9A-Za-z]{40}_[0-9A-Za-z]{6}", made["secret"])
        ends = datetime.fromisoformat(made["apiKey"].pop("expiresAt"))
        assert before + timedelta(days=365) <= ends <= datetime.now(UTC) + timedelta(days=365)
        (row,) = await kept(school)
        id = public_id("key", row["id"])
        assert made["apiKey"] == {"id": id, "name": "Nightly sync", "kind": "SECRET", "scopes": ["AUDIT_READ", "MEMBERS_READ"], "lastFour": made["secret"][-4:]}
        assert (bytes(row["key_hash"]), row["account_id"]) == (token_hash(made["secret"]), boss.account_id)
        assert made["secret"] not in str(dict(row))
        assert await facts(school, "ApiKeyCreated") == ["ApiKeyCreated"]

    async def test_again_gives_the_same_key_without_its_secret(self, boss: Client, school: School) -> None:
        asked = wanted()
        first = await boss.data("CreateApiKey", input=asked)

        again = await boss.data("CreateApiKey", input=asked)

        assert again == first | {"secret": None}
        assert await boss.codes("CreateApiKey", input=asked | {"scopes": []}) == ["IDEMPOTENCY_CONFLICT"]
        assert len(await kept(school)) == 1

    async def test_of_the_same_key_at_once_makes_one(self, boss: Client, school: School) -> None:
        asked = wanted()

        made = await asyncio.gather(*(boss.data("CreateApiKey", input=asked) for _ in range(6)))

        assert len({each["apiKey"]["id"] for each in made}) == 1
        assert sorted(each["secret"] is not None for each in made) == [False] * 5 + [True]
        assert len(await kept(school)) == 1

    async def test_a_publishable_key_holds_nothing_and_goes_on(self, boss: Client) -> None:
        made = await boss.data("CreateApiKey", input=wanted(kind="PUBLISHABLE", scopes=[]))

        assert made["errors"] == []
        assert made["secret"].startswith("lms_pk_")
        assert (made["apiKey"]["expiresAt"], made["apiKey"]["scopes"]) == (None, [])

    @pytest.mark.parametrize("scope", Permission)
    async def test_a_publishable_key_takes_no_scope(self, boss: Client, school: School, scope: Permission) -> None:
        codes = await boss.codes("CreateApiKey", input=wanted(kind="PUBLISHABLE", scopes=[scope]))

        assert codes == (["FORBIDDEN"] if scope is Permission.TENANTS_MANAGE else ["INVALID"])
        assert await kept(school) == []

    async def test_tells_everything_that_is_wrong_at_once(self, boss: Client, school: School) -> None:
        late = (datetime.now(UTC) + timedelta(days=800)).isoformat()

        made = await boss.data("CreateApiKey", input=wanted(name="two\nlines", kind="PUBLISHABLE", expiresAt=late))

        assert (made["apiKey"], made["secret"]) == (None, None)
        assert [(error["code"], error["path"]) for error in made["errors"]] == [("INVALID", ["name"]), ("INVALID", ["scopes"]), ("INVALID", ["expiresAt"])]
        for wrong in ({"name": ""}, {"name": "x" * 101}, {"expiresAt": datetime.now(UTC).isoformat()}, {"idempotencyKey": ""}):
            assert await boss.codes("CreateApiKey", input=wanted(**wrong)) == ["INVALID"]
        assert await kept(school) == []

    async def test_gives_no_scope_that_its_maker_lacks(self, boss: Client, school: School) -> None:
        """Nobody holds TENANTS_MANAGE in a school of the platform's."""
        assert await boss.codes("CreateApiKey", input=wanted(scopes=["MEMBERS_READ", "TENANTS_MANAGE"])) == ["FORBIDDEN"]
        assert await kept(school) == []

    async def test_is_for_who_manages_keys(self, student: Client, visitor: Client, sign_in: SignIn, school: School, other_school: School) -> None:
        assert await student.codes("CreateApiKey", input=wanted(scopes=[])) == ["FORBIDDEN"]
        assert await (await sign_in(roles=("INSTRUCTOR", "SUPPORT"))).codes("CreateApiKey", input=wanted(scopes=[])) == ["FORBIDDEN"]
        assert await visitor.codes("CreateApiKey", input=wanted(scopes=[])) == ["UNAUTHENTICATED"]
        assert await (await sign_in(at=other_school, roles=("TENANT_ADMIN",))).codes("CreateApiKey", input=wanted()) == []
        assert (await kept(school), len(await kept(other_school))) == ([], 1)

    async def test_a_key_makes_no_key(self, house: House, school: School, clients: list[Client]) -> None:
        _, secret = await made_key(await admin(school.system), scopes=[Permission.API_KEYS_MANAGE])
        clients.append(Client(house, school.slug, secret))

        assert await clients[-1].codes("CreateApiKey", input=wanted(scopes=[])) == ["FORBIDDEN"]
        assert len(await kept(school)) == 1

    async def test_of_many_at_once_the_hundredth_is_the_last(self, boss: Client, school: School) -> None:
        assert boss.account_id
        await fill(school, boss.account_id, 98)

        codes = await asyncio.gather(*(boss.codes("CreateApiKey", input=wanted()) for _ in range(5)))

        assert sorted(codes) == [[], [], ["LIMIT_REACHED"], ["LIMIT_REACHED"], ["LIMIT_REACHED"]]
        assert len(await kept(school)) == 100

    async def test_only_living_ones_of_its_kind_count(self, boss: Client, school: School) -> None:
        assert boss.account_id
        now = datetime.now(UTC)
        await fill(school, boss.account_id, 99)
        await fill(school, boss.account_id, 50, revoked_at=now)
        await fill(school, boss.account_id, 50, created_at=now - timedelta(days=2), expires_at=now - timedelta(days=1))
        await fill(school, boss.account_id, 100, kind="PUBLISHABLE")

        assert await boss.codes("CreateApiKey", input=wanted(kind="PUBLISHABLE", scopes=[])) == ["LIMIT_REACHED"]
        assert await boss.codes("CreateApiKey", input=wanted()) == []
        assert await boss.codes("CreateApiKey", input=wanted()) == ["LIMIT_REACHED"]


class TestApiKeyRevoke:
    async def test_ends_the_key_at_once(self, boss: Client, house: House, school: School, clients: list[Client]) -> None:
        id, secret = await made_key(await admin(school.system), scopes=[Permission.API_KEYS_MANAGE])
        clients.append(Client(house, school.slug, secret))
        assert (await clients[-1].data("ApiKeys"))["totalCount"] == 1

        revoked = await boss.data("RevokeApiKey", input={"id": public_id("key", id)})

        assert revoked["errors"] == []
        assert (revoked["apiKey"]["id"], revoked["apiKey"]["revokedAt"] is None) == (public_id("key", id), False)
        assert await clients[-1].codes("ApiKeys") == ["UNAUTHENTICATED"]

    async def test_again_changes_nothing(self, boss: Client, school: School) -> None:
        id, _ = await made_key(await admin(school.system))
        first = await boss.data("RevokeApiKey", input={"id": public_id("key", id)})

        assert await boss.data("RevokeApiKey", input={"id": public_id("key", id)}) == first
        assert await facts(school, "ApiKeyRevoked") == ["ApiKeyRevoked"]

    async def test_a_key_with_the_scope_can_revoke_itself(self, house: House, school: School, clients: list[Client]) -> None:
        id, secret = await made_key(await admin(school.system), scopes=[Permission.API_KEYS_MANAGE])
        clients.append(Client(house, school.slug, secret))

        assert await clients[-1].codes("RevokeApiKey", input={"id": public_id("key", id)}) == []
        assert await clients[-1].codes("ApiKeys") == ["UNAUTHENTICATED"]
        async with database.reading(school.system):
            entry = await database.fetch_one("SELECT account_id, api_key_id FROM audit_entries WHERE tenant_id = $1 AND action = 'ApiKeyRevoked'", school.id)
        assert entry and (entry["account_id"], entry["api_key_id"]) == (None, id)

    async def test_is_for_who_manages_keys_of_that_school(self, boss: Client, student: Client, visitor: Client, sign_in: SignIn, school: School, other_school: School) -> None:
        id, _ = await made_key(await admin(school.system))
        asked = {"id": public_id("key", id)}

        assert await student.codes("RevokeApiKey", input=asked) == ["FORBIDDEN"]
        assert await visitor.codes("RevokeApiKey", input=asked) == ["UNAUTHENTICATED"]
        assert await (await sign_in(at=other_school, roles=("TENANT_ADMIN",))).codes("RevokeApiKey", input=asked) == ["NOT_FOUND"]
        assert await boss.codes("RevokeApiKey", input={"id": public_id("prf", id)}) == ["NOT_FOUND"]
        assert await boss.codes("RevokeApiKey", input={"id": "nonsense"}) == ["ID_INVALID"]
        assert [row["revoked_at"] for row in await kept(school)] == [None]


class TestApiKeys:
    async def test_lists_them_newest_first_with_who_made_them(self, boss: Client, statements: list[str], school: School) -> None:
        for name in ("one", "two", "three"):
            await boss.data("CreateApiKey", input=wanted(name=name))
        statements.clear()

        page = await boss.data("ApiKeys", first=2)

        assert len(statements) == 3
        assert (page["totalCount"], [key["name"] for key in page["nodes"]]) == (3, ["three", "two"])
        assert {key["createdBy"]["name"] for key in page["nodes"]} == {"Bo Boss"}
        rest = await boss.data("ApiKeys", first=2, after=page["pageInfo"]["endCursor"])
        assert ([key["name"] for key in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == (["one"], False)

    async def test_is_for_who_manages_keys_of_that_school(self, student: Client, visitor: Client, sign_in: SignIn, school: School, other_school: School) -> None:
        id, _ = await made_key(await admin(school.system))
        strange = await sign_in(at=other_school, roles=("TENANT_ADMIN",))

        assert await student.codes("ApiKeys") == ["FORBIDDEN"]
        assert await visitor.codes("ApiKeys") == ["UNAUTHENTICATED"]
        assert (await strange.data("ApiKeys"))["totalCount"] == 0
        for client in (student, visitor, strange):
            assert await client.data(NODE, id=public_id("key", id)) is None

    async def test_can_be_asked_for_by_id(self, boss: Client) -> None:
        made = await boss.data("CreateApiKey", input=wanted(name="by id"))

        assert await boss.data(NODE, id=made["apiKey"]["id"]) == {"id": made["apiKey"]["id"], "name": "by id"}
        assert parse_id(made["apiKey"]["id"])
