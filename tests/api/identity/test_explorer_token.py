"""`explorerTokenCreate`: to look around without changing anything, or showing what is personal."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from lms_graph.domain.identity.events import SessionEnded
from lms_graph.domain.identity.operations import explorers
from lms_graph.embedded.postgres import database_url
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.api.test_isolation import MUTATIONS, Filler, document, rows_of
from tests.factories.accounts import account, signed_in, suspend
from tests.factories.courses import course, text
from tests.factories.keys import admin, made_key
from tests.factories.schools import full_school
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import DOCUMENTS, Client
from tests.fixtures.house import House
from tests.fixtures.sockets import greeted
from tests.web.graphql.test_sockets import closed
from tests.web.graphql.test_streams import events, streaming

pytestmark = pytest.mark.anyio

MYSELF = "{ viewer { email permissions sessions { kind current readOnly masked ipAddress } } }"


def wanted(**differs: Any) -> dict[str, Any]:
    return {"idempotencyKey": uuid4().hex} | differs


async def explorer(client: Client, clients: list[Client], **differs: Any) -> Client:
    """The same person with an explorer's token."""
    made = await client.data("CreateExplorerToken", input=wanted(**differs))
    assert made["errors"] == []
    clients.append(Client(client.house, client.tenant, made["accessToken"], client.account_id))
    return clients[-1]


class TestExplorerTokenCreate:
    async def test_is_read_only_and_masked_unless_asked(self, student: Client, school: School) -> None:
        before = datetime.now(UTC)

        made = await student.data("CreateExplorerToken", input=wanted())

        session = made["session"]
        assert (session["kind"], session["readOnly"], session["masked"]) == ("EXPLORER", True, True)
        assert before + timedelta(hours=8) <= datetime.fromisoformat(session["expiresAt"]) <= datetime.now(UTC) + timedelta(hours=8)
        async with database.reading(school.system):
            entry = await database.fetch_one("SELECT action, account_id, subject, details FROM audit_entries WHERE tenant_id = $1 AND action <> 'TenantCreated'", school.id)
            kinds = await database.fetch("SELECT kind FROM session_tokens WHERE tenant_id = $1 ORDER BY created_at DESC, id LIMIT 1", school.id)
        assert entry and (entry["action"], entry["account_id"], entry["subject"]) == ("ExplorerSessionOpened", student.account_id, session["id"])
        assert made["accessToken"] not in entry["details"]
        assert [row["kind"] for row in kinds] == ["ACCESS"], "there is nothing to refresh it with"

    async def test_again_gives_the_same_session_without_its_token(self, student: Client) -> None:
        asked = wanted()
        first = await student.data("CreateExplorerToken", input=asked)

        assert await student.data("CreateExplorerToken", input=asked) == first | {"accessToken": None}
        assert await student.codes("CreateExplorerToken", input=asked | {"writable": True}) == ["IDEMPOTENCY_CONFLICT"]

    async def test_past_ten_the_oldest_ends_and_no_sign_in(self, student: Client, school: School, clients: list[Client]) -> None:
        made = [await explorer(student, clients) for _ in range(11)]

        assert await made[0].codes("Me") == ["UNAUTHENTICATED"]
        assert await made[1].data("{ viewer { id } }")
        assert await student.data("{ viewer { id } }")

    async def test_is_for_who_has_signed_in(self, visitor: Client, student: Client, house: House, school: School, clients: list[Client]) -> None:
        writable = await explorer(student, clients, writable=True)
        _, secret = await made_key(await admin(school.system), scopes=[Permission.API_KEYS_MANAGE])
        clients.append(Client(house, school.slug, secret))

        assert await visitor.codes("CreateExplorerToken", input=wanted()) == ["UNAUTHENTICATED"]
        assert await clients[-1].codes("CreateExplorerToken", input=wanted()) == ["FORBIDDEN"]
        assert await writable.codes("CreateExplorerToken", input=wanted()) == ["FORBIDDEN"], "else it would go on without end"

    def test_does_not_show_its_token_by_accident(self, school: School) -> None:
        assert "hush" not in repr(explorers.ExplorerToken(session_id=school.id, access_token="hush"))


class TestReadOnly:
    @pytest.mark.parametrize("roles", [("STUDENT",), ("STUDENT", "TENANT_ADMIN")])
    async def test_no_mutation_of_the_schema_changes_anything(
        self, house: House, school: School, sign_in: SignIn, clients: list[Client], environment: dict[str, str], servers: dict[str, str], roles: tuple[str, ...]
    ) -> None:
        full = await full_school(house)
        clients.append(full.student)
        if roles == ("STUDENT",):
            owner = full.student
        else:
            owner = await sign_in(at=full.school, roles=roles)
        reader = await explorer(owner, clients)
        superuser = environment | {"SUPERUSER_URL_OF_TEST": database_url(servers["SUPERUSER_URL"], urlsplit(environment["DATABASE_URL"]).path.lstrip("/"))}
        before = await rows_of(superuser, full.school)
        words = {name: values[0] for name, values in full.words.items()}

        answers = {}
        for name, field in MUTATIONS.items():
            if name != "signOut":
                given = Filler(full.ids, words).arguments(field)
                answers[name] = await reader.send(document("mutation", name, field, given, 1), **given)

        assert {name: [(error["extensions"]["code"], error["path"]) for error in body["errors"]] for name, body in answers.items()} == {
            name: [("FORBIDDEN", [name])] for name in answers
        }
        assert len(answers) == len(MUTATIONS) - 1
        assert all("read-only" in body["errors"][0]["message"] for body in answers.values())
        assert await rows_of(superuser, full.school) == before

    async def test_signing_out_is_allowed(self, student: Client, clients: list[Client]) -> None:
        reader = await explorer(student, clients)

        assert await reader.data("SignOut", input={}) == {"ok": True, "errors": []}
        assert await reader.codes("Me") == ["UNAUTHENTICATED"]
        assert await student.data("{ viewer { id } }")

    async def test_watching_is_allowed(self, student: Client, school: School, clients: list[Client]) -> None:
        made = await course(school.system, text("a"))
        run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
        reader = await explorer(student, clients)

        async with streaming(reader, DOCUMENTS["MyProgress"], enrollmentId=run) as answer, asyncio.timeout(10):
            name, payload = await anext(events(answer))
        assert (name, payload["data"]["enrollmentProgress"]["enrollment"]["progressPercent"]) == ("next", 0)

    async def test_a_writable_one_changes_what_its_owner_may(self, student: Client, school: School, clients: list[Client]) -> None:
        made = await course(school.system, text("a"))
        writer = await explorer(student, clients, writable=True)

        assert await writer.codes("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}) == []
        assert await writer.codes("BrandTenant", input={"name": "Mine"}) == ["FORBIDDEN"]


class TestMasked:
    async def test_hides_what_is_personal_the_owners_too(self, school: School, sign_in: SignIn, clients: list[Client]) -> None:
        owner = await sign_in(await account(school.system, email="ada@mail.example.com", roles=("TENANT_ADMIN",)))
        reader = await explorer(owner, clients)

        body = await reader.data(MYSELF)

        assert body["email"] == "a•••@m•••.com"
        assert {session["ipAddress"] for session in body["sessions"]} == {None}
        assert [(session["kind"], session["current"]) for session in body["sessions"] if session["masked"]] == [("EXPLORER", True)]
        assert "PERSONAL_READ" not in body["permissions"]
        assert "MEMBERS_READ" in body["permissions"]

    async def test_shows_it_when_asked(self, school: School, sign_in: SignIn, clients: list[Client]) -> None:
        owner = await sign_in(await account(school.system, email="ada@mail.example.com", roles=("TENANT_ADMIN",)))
        reader = await explorer(owner, clients, personalData=True)

        body = await reader.data(MYSELF)

        assert body["email"] == "ada@mail.example.com"
        assert [session["ipAddress"] for session in body["sessions"] if session["current"]] == ["127.0.0.1"]
        assert "PERSONAL_READ" in body["permissions"]

    async def test_the_owner_sees_their_own(self, school: School, sign_in: SignIn) -> None:
        owner = await sign_in(await account(school.system, email="ada@mail.example.com"))

        assert (await owner.data(MYSELF))["email"] == "ada@mail.example.com"


class TestTheEnd:
    async def test_comes_with_the_sign_in_that_opened_it(self, student: Client, school: School, clients: list[Client]) -> None:
        assert student.account_id
        reader = await explorer(student, clients)
        elsewhere = await signed_in(school.system, student.account_id)
        clients.append(Client(student.house, school.slug, elsewhere.access_token))

        await student.data("SignOut", input={})

        assert await reader.codes("Me") == ["UNAUTHENTICATED"]
        assert [session["kind"] for session in (await clients[-1].data(MYSELF))["sessions"]] == ["SIGN_IN"]
        async with database.reading(school.system):
            ended = await database.fetch("SELECT payload FROM facts WHERE tenant_id = $1 AND name = 'SessionEnded' ORDER BY payload->>'reason'", school.id)
            assert await database.fetch_value("SELECT count(*) FROM session_tokens WHERE tenant_id = $1", school.id) == 2
        assert [json.loads(fact["payload"])["reason"] for fact in ended] == ["OPENER_ENDED", "SIGNED_OUT"]

    async def test_comes_with_it_however_that_ended(self, student: Client, school: School, clients: list[Client]) -> None:
        """Even if nobody ended this one by name."""
        reader = await explorer(student, clients)
        async with unit_of_work(school.system) as work:
            (ended,) = await database.fetch("UPDATE sessions SET revoked_at = now() WHERE tenant_id = $1 AND kind = 'SIGN_IN' RETURNING id, account_id", school.id)
            work.record(SessionEnded(session_id=ended["id"], account_id=ended["account_id"], reason="REVOKED"))

        assert await reader.codes("Me") == ["UNAUTHENTICATED"]

    async def test_closes_its_sockets(self, student: Client, clients: list[Client]) -> None:
        reader = await explorer(student, clients)
        async with greeted(reader.house.url, reader.tenant, reader.token) as socket:
            await student.data("SignOut", input={})
            assert (await closed(socket))[0] == 4403

    async def test_comes_when_the_account_is_suspended(self, student: Client, school: School, clients: list[Client]) -> None:
        assert student.account_id
        reader = await explorer(student, clients)
        await suspend(school.system, student.account_id)

        assert await reader.codes("Me") == ["UNAUTHENTICATED"]

    async def test_a_token_of_one_school_is_refused_at_another(self, student: Client, other_school: School, house: House, clients: list[Client]) -> None:
        reader = await explorer(student, clients)
        clients.append(Client(house, other_school.slug, reader.token))

        assert await clients[-1].codes("Me") == ["UNAUTHENTICATED"]
