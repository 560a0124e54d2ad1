"""`memberImpersonate`: looking at the school as one of its students, marked and limited."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.identity.operations import impersonations
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import AccountStatus, Role
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account, give_role, signed_in, suspend, take_role
from tests.factories.courses import course, text
from tests.factories.keys import admin, made_key
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.sockets import greeted
from tests.web.graphql.test_sockets import closed

pytestmark = pytest.mark.anyio

MYSELF = "{ viewer { id name permissions impersonatedBy { id name } sessions { kind readOnly current impersonator { name } } } }"


@pytest.fixture
async def boss(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",), name="Bo Boss")


@pytest.fixture
async def learner(school: School) -> UUID:
    return await account(school.system, name="Lea Learner")


def wanted(account_id: UUID, **differs: Any) -> dict[str, Any]:
    return {"accountId": public_id("prf", account_id), "reason": "Ticket 4711: cannot open lecture 2"} | differs


async def looking(boss: Client, clients: list[Client], account_id: UUID) -> Client:
    """The administrator, as somebody else."""
    made = await boss.data("Impersonate", input=wanted(account_id))
    assert made["errors"] == []
    clients.append(Client(boss.house, boss.tenant, made["accessToken"], account_id))
    return clients[-1]


async def log(school: School) -> list[tuple[str, UUID | None, UUID | None, str, dict[str, Any]]]:
    async with database.reading(school.system):
        found = await database.fetch(
            "SELECT action, account_id, impersonator_id, subject, details FROM audit_entries WHERE tenant_id = $1 AND action LIKE 'Impersonation%' ORDER BY at, id", school.id
        )
    return [(row["action"], row["account_id"], row["impersonator_id"], row["subject"], json.loads(row["details"])) for row in found]


async def opened(school: School) -> int:
    async with database.reading(school.system):
        return int(await database.fetch_value("SELECT count(*) FROM sessions WHERE tenant_id = $1 AND kind = 'IMPERSONATION' AND revoked_at IS NULL", school.id))


class TestMemberImpersonate:
    async def test_shows_the_school_as_the_student_sees_it_and_marks_it(self, boss: Client, learner: UUID, school: School, clients: list[Client]) -> None:
        before = datetime.now(UTC)
        made = await boss.data("Impersonate", input=wanted(learner))
        clients.append(Client(boss.house, boss.tenant, made["accessToken"], learner))

        me = await clients[-1].data(MYSELF)

        assert boss.account_id
        assert made["profile"] == {"id": public_id("prf", learner), "name": "Lea Learner"}
        assert before + timedelta(minutes=30) <= datetime.fromisoformat(made["expiresAt"]) <= datetime.now(UTC) + timedelta(minutes=30)
        assert (me["id"], me["name"], me["permissions"]) == (public_id("vwr", learner), "Lea Learner", [])
        assert me["impersonatedBy"] == {"id": public_id("prf", boss.account_id), "name": "Bo Boss"}
        assert me["sessions"] == [{"kind": "IMPERSONATION", "readOnly": True, "current": True, "impersonator": {"name": "Bo Boss"}}]
        assert (await boss.data(MYSELF))["impersonatedBy"] is None

    async def test_is_seen_by_the_student_and_in_the_log(self, boss: Client, learner: UUID, school: School, clients: list[Client], sign_in: SignIn) -> None:
        assert boss.account_id
        own = await sign_in(learner)
        looks = await looking(boss, clients, learner)

        seen = (await own.data(MYSELF))["sessions"]
        await looks.data("SignOut", input={})

        assert [(session["kind"], session["impersonator"]) for session in seen] == [("IMPERSONATION", {"name": "Bo Boss"}), ("SIGN_IN", None)]
        assert [session["kind"] for session in (await own.data(MYSELF))["sessions"]] == ["SIGN_IN"]
        (started, ended) = await log(school)
        assert started[:4] == ("ImpersonationStarted", boss.account_id, None, public_id("prf", learner))
        assert ended[:4] == ("ImpersonationEnded", learner, boss.account_id, public_id("prf", learner)), "who did it, and as whom"
        assert (started[4]["reason"], ended[4]["reason"]) == ("Ticket 4711: cannot open lecture 2", "SIGNED_OUT")

    async def test_changes_nothing(self, boss: Client, learner: UUID, school: School, clients: list[Client]) -> None:
        made = await course(school.system, text("a"))
        looks = await looking(boss, clients, learner)

        assert await looks.codes("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}) == ["FORBIDDEN"]
        assert await looks.codes("Impersonate", input=wanted(await account(school.system))) == ["FORBIDDEN"]
        assert await looks.codes("CreateExplorerToken", input={"idempotencyKey": "k"}) == ["FORBIDDEN"]
        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM enrollments WHERE tenant_id = $1", school.id) == 0

    @pytest.mark.parametrize("role", [role for role in Role if role is not Role.STUDENT])
    async def test_never_as_somebody_with_a_further_role(self, boss: Client, school: School, role: Role) -> None:
        for roles in ((role,), ("STUDENT", role)):
            assert await boss.codes("Impersonate", input=wanted(await account(school.system, roles=roles))) == ["FORBIDDEN"]
        assert (await opened(school), await log(school)) == (0, [])

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
    async def test_takes_a_reason(self, boss: Client, learner: UUID, school: School, reason: str) -> None:
        made = await boss.data("Impersonate", input=wanted(learner, reason=reason))

        assert [(error["code"], error["path"]) for error in made["errors"]] == [("INVALID", ["reason"])]
        assert await opened(school) == 0

    async def test_of_nobody_is_not_found(self, boss: Client, school: School, other_school: School) -> None:
        suspended, erased = await account(school.system), await account(school.system)
        await suspend(school.system, suspended)
        async with unit_of_work(school.system):
            await rows.Account.for_caller(school.system, id=erased).update(status=AccountStatus.ERASED)

        for account_id in (suspended, erased, uuid4(), await account(other_school.system)):
            assert await boss.codes("Impersonate", input=wanted(account_id)) == ["NOT_FOUND"]
        assert await boss.codes("Impersonate", input=wanted(suspended, accountId=public_id("crs", suspended))) == ["NOT_FOUND"]
        assert await boss.codes("Impersonate", input=wanted(suspended, accountId="nonsense")) == ["ID_INVALID"]
        assert await opened(school) == 0

    async def test_is_for_people_with_the_permission(
        self, student: Client, visitor: Client, boss: Client, learner: UUID, school: School, sign_in: SignIn, house: House, clients: list[Client]
    ) -> None:
        _, secret = await made_key(await admin(school.system), scopes=[Permission.MEMBERS_IMPERSONATE])
        clients.append(Client(house, school.slug, secret))
        by_key = clients[-1]
        explorer = await boss.data("CreateExplorerToken", input={"writable": True, "personalData": True, "idempotencyKey": "k"})
        clients.append(Client(house, school.slug, explorer["accessToken"]))

        assert await student.codes("Impersonate", input=wanted(learner)) == ["FORBIDDEN"]
        assert await (await sign_in(roles=("SUPPORT", "INSTRUCTOR"))).codes("Impersonate", input=wanted(learner)) == ["FORBIDDEN"]
        assert await visitor.codes("Impersonate", input=wanted(learner)) == ["UNAUTHENTICATED"]
        assert await by_key.codes("Impersonate", input=wanted(learner)) == ["FORBIDDEN"]
        assert await clients[-1].codes("Impersonate", input=wanted(learner)) == ["FORBIDDEN"]
        assert await opened(school) == 0

    async def test_another_takes_the_place_of_the_first(self, boss: Client, learner: UUID, school: School, clients: list[Client]) -> None:
        first = await looking(boss, clients, learner)
        second = await looking(boss, clients, await account(school.system))

        assert await first.codes("Me") == ["UNAUTHENTICATED"]
        assert await second.data("{ viewer { id } }")
        assert [(entry[0], entry[4]["reason"]) for entry in await log(school)][1] == ("ImpersonationEnded", "REPLACED")

    async def test_of_two_at_once_one_is_left(self, boss: Client, learner: UUID, school: School) -> None:
        made = await asyncio.gather(*(boss.data("Impersonate", input=wanted(learner)) for _ in range(5)))

        assert all(each["accessToken"] for each in made)
        assert await opened(school) == 1

    async def test_two_administrators_do_not_end_each_others(self, boss: Client, learner: UUID, sign_in: SignIn, clients: list[Client]) -> None:
        first = await looking(boss, clients, learner)
        await looking(await sign_in(roles=("TENANT_ADMIN",)), clients, learner)

        assert await first.data("{ viewer { id } }")


class TestTheEnd:
    @pytest.mark.parametrize("how", ["the administrator signs out", "loses the role", "is suspended", "the student is suspended", "gets a role"])
    async def test_comes_when_it_must(self, boss: Client, learner: UUID, school: School, clients: list[Client], how: str) -> None:
        assert boss.account_id
        looks = await looking(boss, clients, learner)
        async with greeted(looks.house.url, looks.tenant, looks.token) as socket:
            match how:
                case "the administrator signs out":
                    await boss.data("SignOut", input={})
                case "loses the role":
                    await take_role(school.system, boss.account_id, "TENANT_ADMIN")
                case "is suspended":
                    await suspend(school.system, boss.account_id)
                case "the student is suspended":
                    await suspend(school.system, learner)
                case "gets a role":
                    await give_role(school.system, learner, Role.SUPPORT)

            assert await looks.codes("Me") == ["UNAUTHENTICATED"]
            assert (await closed(socket))[0] == 4403

    async def test_comes_after_half_an_hour(self, school: School, learner: UUID, house: House, clients: list[Client]) -> None:
        boss = await admin(school.system)
        session = await signed_in(school.system, boss.account_id)
        caller = replace(boss, session_id=session.session_id)
        for minutes, good in ((29, True), (31, False)):
            made = await impersonations.impersonate(caller=caller.at(datetime.now(UTC) - timedelta(minutes=minutes)), account_id=learner, reason="x")
            clients.append(Client(house, school.slug, made.access_token))
            body = await clients[-1].send("{ viewer { id } }")
            assert ("data" in body) is good

    async def test_of_a_session_at_another_school(self, boss: Client, learner: UUID, other_school: School, house: House, clients: list[Client]) -> None:
        looks = await looking(boss, clients, learner)
        clients.append(Client(house, other_school.slug, looks.token))

        assert await clients[-1].codes("Me") == ["UNAUTHENTICATED"]


async def test_personal_data_is_masked_for_who_may_not_see_it(school: School, learner: UUID, house: House, clients: list[Client]) -> None:
    boss = await admin(school.system)
    assert boss.account_id
    boss = replace(boss, session_id=(await signed_in(school.system, boss.account_id)).session_id)
    narrow = replace(boss, permissions=boss.permissions - {Permission.PERSONAL_READ})
    for caller, masked in ((boss, False), (narrow, True)):
        made = await impersonations.impersonate(caller=caller, account_id=learner, reason="x")
        clients.append(Client(house, school.slug, made.access_token))
        assert ("•" in (await clients[-1].data("{ viewer { email } }"))["email"]) is masked
