"""`auditLog`: who changed rights or money."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from lms_graph.domain.identity.operations import keys
from lms_graph.kit.ids import public_id
from tests.factories.accounts import account
from tests.factories.keys import as_admin, made_key
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

LOG = """query ($first: Int, $after: String, $last: Int, $before: String, $where: AuditLogWhere) {
  auditLog(first: $first, after: $after, last: $last, before: $before, where: $where) {
    nodes { id at action subjectId bySystem ipAddress actor { id name } impersonator { id } apiKey { id name } details { name value } }
    pageInfo { endCursor startCursor hasNextPage hasPreviousPage }
  } }"""
NODE = "query ($id: ID!) { node(id: $id) { ... on AuditEntry { id action } } }"


@pytest.fixture
async def boss(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",), name="Bo Boss")


async def create(client: Client, **differs: Any) -> dict[str, Any]:
    made = await client.data("CreateApiKey", input={"name": "k", "kind": "SECRET", "scopes": [], "idempotencyKey": uuid4().hex} | differs)
    assert made["errors"] == []
    return dict(made)


async def told(client: Client, **variables: Any) -> list[dict[str, Any]]:
    """All but the first: that the school was made."""
    return [entry for entry in (await client.data(LOG, **variables))["nodes"] if entry["action"] != "TenantCreated"]


class TestEntries:
    async def test_say_who_did_what_from_where(self, boss: Client) -> None:
        assert boss.account_id
        made = await create(boss, scopes=["AUDIT_READ", "MEMBERS_READ"])

        (entry,) = await told(boss)

        profile = public_id("prf", boss.account_id)
        assert entry.pop("id").startswith("aud_")
        assert datetime.now(UTC) - timedelta(minutes=1) < datetime.fromisoformat(entry.pop("at")) <= datetime.now(UTC)
        assert entry == {
            "action": "ApiKeyCreated",
            "subjectId": made["apiKey"]["id"],
            "bySystem": False,
            "ipAddress": "127.0.0.1",
            "actor": {"id": profile, "name": "Bo Boss"},
            "impersonator": None,
            "apiKey": None,
            "details": [
                {"name": "kind", "value": "SECRET"},
                {"name": "keyId", "value": made["apiKey"]["id"]},
                {"name": "scopes", "value": '["AUDIT_READ","MEMBERS_READ"]'},
                {"name": "accountId", "value": profile},
            ],
        }
        assert made["secret"] not in str(await told(boss))

    async def test_of_an_api_key_name_it(self, boss: Client, house: House, school: School, clients: list[Client]) -> None:
        made = await create(boss, name="robot", scopes=["API_KEYS_MANAGE", "AUDIT_READ"])
        other = await create(boss)
        clients.append(Client(house, school.slug, made["secret"]))
        await clients[-1].data("RevokeApiKey", input={"id": other["apiKey"]["id"]})

        entry = (await told(boss))[0]

        assert (entry["action"], entry["actor"], entry["bySystem"]) == ("ApiKeyRevoked", None, False)
        assert entry["apiKey"] == {"id": made["apiKey"]["id"], "name": "robot"}

    async def test_of_the_house_itself_say_so(self, boss: Client, school: School) -> None:
        made = await create(boss)
        assert boss.account_id
        (id,) = [entry["subjectId"] for entry in await told(boss)]
        assert id == made["apiKey"]["id"]
        key_id, _ = await made_key(as_admin(school.system, boss.account_id))
        await keys.revoke_key(caller=school.system, key_id=key_id)

        entry = (await told(boss))[0]

        assert (entry["action"], entry["bySystem"], entry["actor"], entry["apiKey"], entry["ipAddress"]) == ("ApiKeyRevoked", True, None, None, None)

    async def test_hide_addresses_from_who_may_not_read_personal_data(self, boss: Client, house: House, school: School, clients: list[Client]) -> None:
        narrow = await create(boss, scopes=["AUDIT_READ"])
        wide = await create(boss, scopes=["AUDIT_READ", "PERSONAL_READ"])
        masked = await boss.data("CreateExplorerToken", input={"idempotencyKey": "k"})
        for token in (narrow["secret"], wide["secret"], masked["accessToken"]):
            clients.append(Client(house, school.slug, token))

        seen = [{entry["ipAddress"] for entry in await told(client)} for client in clients[-3:]]

        assert seen == [{None}, {"127.0.0.1"}, {None}]

    async def test_can_be_asked_for_by_id(self, boss: Client) -> None:
        await create(boss)
        (entry,) = await told(boss)

        assert await boss.data(NODE, id=entry["id"]) == {"id": entry["id"], "action": "ApiKeyCreated"}

    async def test_are_for_who_may_read_them_in_that_school(self, boss: Client, student: Client, visitor: Client, sign_in: SignIn, other_school: School) -> None:
        await create(boss)
        (entry,) = await told(boss)
        strange = await sign_in(at=other_school, roles=("TENANT_ADMIN",))

        assert await student.codes(LOG) == ["FORBIDDEN"]
        assert await (await sign_in(roles=("INSTRUCTOR", "SUPPORT"))).codes(LOG) == ["FORBIDDEN"]
        assert await visitor.codes(LOG) == ["UNAUTHENTICATED"]
        assert await told(strange) == []
        assert await told(strange, where={"subjectId": entry["subjectId"]}) == []
        for client in (student, visitor, strange):
            assert await client.data(NODE, id=entry["id"]) is None


class TestPages:
    async def test_go_latest_first_and_back(self, boss: Client) -> None:
        ids = [(await create(boss))["apiKey"]["id"] for _ in range(5)][::-1]

        first = await boss.data(LOG, first=2)
        second = await boss.data(LOG, first=2, after=first["pageInfo"]["endCursor"])
        back = await boss.data(LOG, last=2, before=second["pageInfo"]["startCursor"])

        assert [[entry["subjectId"] for entry in page["nodes"]] for page in (first, second, back)] == [ids[:2], ids[2:4], ids[:2]]
        assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"], back["pageInfo"]["hasPreviousPage"]) == (True, True, False)

    async def test_take_no_more_statements_when_they_are_long(
        self, boss: Client, sign_in: SignIn, school: School, house: House, clients: list[Client], statements: list[str]
    ) -> None:
        made = await create(boss, scopes=["API_KEYS_MANAGE"])
        clients.append(Client(house, school.slug, made["secret"]))
        by_key = clients[-1]
        for number in range(12):
            admin = await sign_in(roles=("TENANT_ADMIN",), name=f"Admin {number}")
            other = await create(admin)
            if number % 2:
                assert await by_key.codes("RevokeApiKey", input={"id": other["apiKey"]["id"]}) == []
            else:
                student = await account(school.system)
                await admin.data("Impersonate", input={"accountId": public_id("prf", student), "reason": "x"})
        statements.clear()

        entries = await told(boss, first=100)

        assert len(entries) == 1 + 12 + 6 + 6
        assert len({entry["actor"]["name"] for entry in entries if entry["actor"]}) == 13
        assert len(statements) == 3, "entries, profiles, keys"

    async def test_are_of_what_is_asked(self, boss: Client, sign_in: SignIn, school: School, environment: dict[str, str]) -> None:
        assert boss.account_id
        other = await sign_in(roles=("TENANT_ADMIN",), name="Other")
        assert other.account_id
        mine, theirs = (await create(boss))["apiKey"]["id"], (await create(other))["apiKey"]["id"]
        await boss.data("RevokeApiKey", input={"id": theirs})
        owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
        await owner.execute("UPDATE audit_entries SET at = at - interval '2 days' WHERE tenant_id = $1 AND subject = $2", school.id, mine)
        await owner.close()
        yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()

        async def of(**where: Any) -> list[tuple[str, str]]:
            return [(entry["action"], entry["subjectId"]) for entry in await told(boss, where=where)]

        revoked, made, old = ("ApiKeyRevoked", theirs), ("ApiKeyCreated", theirs), ("ApiKeyCreated", mine)
        assert await of() == [revoked, made, old]
        assert await of(action={"eq": "ApiKeyCreated"}) == [made, old]
        assert await of(action={"in": ["ApiKeyRevoked", "Nothing"]}) == [revoked]
        assert await of(action={"in": []}) == []
        assert await of(actorId=public_id("prf", boss.account_id)) == [revoked, old]
        assert await of(actorId=public_id("prf", other.account_id), subjectId=theirs) == [made]
        assert await of(subjectId=mine) == [old]
        assert await of(at={"gte": yesterday}) == [revoked, made]
        assert await of(at={"lt": yesterday}) == [old]
        assert await of(at={"gte": yesterday, "lt": yesterday}) == []
        assert await boss.codes(LOG, where={"actorId": "nonsense"}) == ["BAD_USER_INPUT"]

    async def test_by_actor_have_what_was_done_as_somebody_else(self, boss: Client, school: School, house: House, clients: list[Client]) -> None:
        assert boss.account_id
        student = await account(school.system, name="Lea Learner")
        made = await boss.data("Impersonate", input={"accountId": public_id("prf", student), "reason": "x"})
        clients.append(Client(house, school.slug, made["accessToken"]))
        await clients[-1].data("SignOut", input={})

        entries = await told(boss, where={"actorId": public_id("prf", boss.account_id)})

        assert [(entry["action"], entry["actor"]["name"]) for entry in entries] == [("ImpersonationEnded", "Lea Learner"), ("ImpersonationStarted", "Bo Boss")]
        assert [entry["impersonator"] and entry["impersonator"]["id"] for entry in entries] == [public_id("prf", boss.account_id), None]
        assert {detail["name"]: detail["value"] for detail in entries[1]["details"]}["reason"] == "x"
        assert await told(boss, where={"actorId": public_id("prf", student)}) == []
