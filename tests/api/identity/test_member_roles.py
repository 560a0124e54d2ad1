"""`memberRoleGrant` and `memberRoleRevoke`: who gives which role to whom."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.identity.operations import members
from lms_graph.kit.errors import DomainError, NotAllowed
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import ALL, Permission
from lms_graph.models.identity import Role
from tests.factories.accounts import account, suspend, take_role
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, facts_of, fetch, key, person, roles_of

pytestmark = pytest.mark.anyio

NOBODY = UUID("019aa000-0000-7000-8000-000000000000")

FACTS = ("RoleGranted", "RoleRevoked", "InstructorPageSaved")


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"), name="Zoe Admin")


@pytest.fixture
async def ada(school: School) -> UUID:
    return await account(school.system, name="Ada Example")


def grant(account_id: UUID | None, role: str, **differs: str) -> dict[str, str]:
    assert account_id
    return {"memberId": public_id("mbr", account_id), "role": role, "idempotencyKey": uuid4().hex} | differs


def revoke(account_id: UUID | None, role: str) -> dict[str, str]:
    assert account_id
    return {"memberId": public_id("mbr", account_id), "role": role}


class TestGrant:
    @pytest.mark.parametrize("role", ["TENANT_ADMIN", "SUPPORT", "INSTRUCTOR"])
    async def test_gives_a_role_that_counts_at_once(self, admin: Client, sign_in: SignIn, school: School, role: str) -> None:
        client = await sign_in()

        answer = await admin.data("GrantRole", input=grant(client.account_id, role))

        assert client.account_id and admin.account_id
        assert answer == {"member": {"id": public_id("mbr", client.account_id), "roles": sorted(["STUDENT", role])}, "errors": []}
        assert (await client.data("MyApplication"))["roles"] == sorted(["STUDENT", role])
        assert (await facts_of(school, FACTS))[0] == ("RoleGranted", {"account_id": str(client.account_id), "role": role})
        assert ("RoleGranted", public_id("mbr", client.account_id), admin.account_id) in await audit_of(school)

    async def test_again_changes_nothing_and_says_the_same(self, admin: Client, ada: UUID, school: School) -> None:
        wanted = grant(ada, "SUPPORT")

        answers = [await admin.data("GrantRole", input=wanted), await admin.data("GrantRole", input=wanted), await admin.data("GrantRole", input=grant(ada, "SUPPORT"))]

        assert answers[0] == answers[1] == answers[2]
        assert await facts_of(school, FACTS) == [("RoleGranted", {"account_id": str(ada), "role": "SUPPORT"})]

    async def test_at_once_gives_it_once(self, admin: Client, ada: UUID, school: School) -> None:
        answers = await asyncio.gather(*(admin.data("GrantRole", input=grant(ada, "SUPPORT")) for _ in range(6)))

        assert [answer["member"]["roles"] for answer in answers] == [["STUDENT", "SUPPORT"]] * 6
        assert len(await facts_of(school, FACTS)) == 1

    async def test_a_key_that_was_used_otherwise_is_refused(self, admin: Client, ada: UUID, school: School) -> None:
        await admin.data("GrantRole", input=grant(ada, "SUPPORT", idempotencyKey="one"))

        assert await admin.codes("GrantRole", input=grant(ada, "TENANT_ADMIN", idempotencyKey="one")) == ["IDEMPOTENCY_CONFLICT"]
        assert await roles_of(school, ada) == ["STUDENT", "SUPPORT"]

    async def test_an_instructor_gets_a_page_under_the_first_free_name(self, admin: Client, ada: UUID, school: School) -> None:
        other = await account(school.system, name="Ada Example")

        for account_id in (ada, other):
            await admin.data("GrantRole", input=grant(account_id, "INSTRUCTOR"))

        pages = await fetch(school, "SELECT id, slug FROM instructors WHERE tenant_id = $1 ORDER BY slug")
        assert [tuple(row.values()) for row in pages] == [(ada, "ada-example"), (other, "ada-example-2")]

    async def test_two_of_one_name_at_once_get_two_pages(self, admin: Client, school: School) -> None:
        several = [await account(school.system, name="李雷") for _ in range(4)]

        await asyncio.gather(*(admin.data("GrantRole", input=grant(account_id, "INSTRUCTOR")) for account_id in several))

        pages = await fetch(school, "SELECT slug FROM instructors WHERE tenant_id = $1 ORDER BY slug")
        assert [row["slug"] for row in pages] == ["instructor", "instructor-2", "instructor-3", "instructor-4"]

    async def test_platform_admins_are_of_the_platform_and_made_by_their_like(self, admin: Client, ada: UUID, school: School, platform: School, sign_in: SignIn) -> None:
        colleague = await account(platform.system)
        tenant_admin = await sign_in(at=platform, roles=("STUDENT", "TENANT_ADMIN"))
        root = await sign_in(at=platform, roles=("STUDENT", "PLATFORM_ADMIN"))

        assert await admin.codes("GrantRole", input=grant(ada, "PLATFORM_ADMIN")) == ["FORBIDDEN"]
        assert await tenant_admin.codes("GrantRole", input=grant(colleague, "PLATFORM_ADMIN")) == ["FORBIDDEN"]
        assert await tenant_admin.codes("RevokeRole", input=revoke(root.account_id, "PLATFORM_ADMIN")) == ["FORBIDDEN"]
        with pytest.raises(NotAllowed, match="platform's own"):  # not even where somebody held it against the rules
            await members.grant_role(caller=replace(person(school, uuid4(), "PLATFORM_ADMIN"), permissions=ALL), account_id=ada, role=Role.PLATFORM_ADMIN, idempotency_key="x")
        assert await roles_of(school, ada) == ["STUDENT"]
        assert await roles_of(platform, colleague) == ["STUDENT"]

        assert (await root.data("GrantRole", input=grant(colleague, "PLATFORM_ADMIN")))["errors"] == []
        assert await tenant_admin.codes("RevokeRole", input=revoke(colleague, "PLATFORM_ADMIN")) == ["FORBIDDEN"]
        assert await roles_of(platform, colleague) == ["PLATFORM_ADMIN", "STUDENT"]

    async def test_who_applied_is_no_role_to_give_or_take(self, admin: Client, ada: UUID, school: School) -> None:
        assert await admin.codes("GrantRole", input=grant(ada, "APPLICANT")) == ["FORBIDDEN"]
        assert await admin.codes("RevokeRole", input=revoke(ada, "APPLICANT")) == ["FORBIDDEN"]
        assert await facts_of(school, FACTS) == []

    @pytest.mark.parametrize("roles", [("STUDENT",), ("STUDENT", "INSTRUCTOR"), ("STUDENT", "SUPPORT"), ("STUDENT", "APPLICANT")])
    async def test_nobody_else_gives_or_takes_roles(self, sign_in: SignIn, ada: UUID, school: School, roles: tuple[str, ...]) -> None:
        client = await sign_in(roles=roles)

        assert await client.codes("GrantRole", input=grant(client.account_id, "TENANT_ADMIN")) == ["FORBIDDEN"]
        assert await client.codes("RevokeRole", input=revoke(ada, "STUDENT")) == ["FORBIDDEN"]
        assert client.account_id
        assert await roles_of(school, client.account_id) == sorted(roles)

    async def test_visitors_must_sign_in(self, visitor: Client, ada: UUID) -> None:
        assert await visitor.codes("GrantRole", input=grant(ada, "SUPPORT")) == ["UNAUTHENTICATED"]

    async def test_another_schools_administrator_finds_nobody(self, ada: UUID, school: School, other_school: School, sign_in: SignIn) -> None:
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert await there.codes("GrantRole", input=grant(ada, "SUPPORT")) == ["NOT_FOUND"]
        assert await there.codes("RevokeRole", input=revoke(ada, "SUPPORT")) == ["NOT_FOUND"]
        assert await facts_of(school, FACTS) == await facts_of(other_school, FACTS) == []

    @pytest.mark.parametrize(("id", "code"), [("nonsense", "ID_INVALID"), (public_id("prf", NOBODY), "NOT_FOUND"), (public_id("mbr", NOBODY), "NOT_FOUND")])
    async def test_ids_of_nobody_are_refused(self, admin: Client, id: str, code: str) -> None:
        assert await admin.codes("GrantRole", input=grant(uuid4(), "SUPPORT", memberId=id)) == [code]


class TestGrantByKey:
    async def test_within_its_scopes(self, ada: UUID, school: School) -> None:
        server = key(school, Permission.MEMBERS_MANAGE, Permission.COURSES_DRAFT, Permission.COURSES_SELL)

        await members.grant_role(caller=server, account_id=ada, role=Role.INSTRUCTOR, idempotency_key="x")

        assert await roles_of(school, ada) == ["INSTRUCTOR", "STUDENT"]
        ((_, _, by),) = [entry for entry in await audit_of(school) if entry[0] == "RoleGranted"]
        ((by_key,),) = [tuple(row.values()) for row in await fetch(school, "SELECT api_key_id FROM audit_entries WHERE tenant_id = $1 AND action = 'RoleGranted'")]
        assert (by, by_key) == (None, server.key_id)

    @pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.SUPPORT, Role.TENANT_ADMIN])
    async def test_not_beyond_them(self, ada: UUID, school: School, role: Role) -> None:
        server = key(school, Permission.MEMBERS_MANAGE, Permission.COURSES_DRAFT)

        for change in (members.grant_role(caller=server, account_id=ada, role=role, idempotency_key="x"), members.revoke_role(caller=server, account_id=ada, role=role)):
            with pytest.raises(DomainError) as refused:
                await change
            assert refused.value.code == "FORBIDDEN"
        assert await roles_of(school, ada) == ["STUDENT"]

    async def test_no_key_makes_or_unmakes_administrators_whatever_its_scopes(self, ada: UUID, school: School) -> None:
        other = await account(school.system, roles=("STUDENT", "TENANT_ADMIN"))
        await account(school.system, roles=("STUDENT", "TENANT_ADMIN"))
        server = key(school, *ALL)

        with pytest.raises(NotAllowed):
            await members.grant_role(caller=server, account_id=ada, role=Role.TENANT_ADMIN, idempotency_key="x")
        with pytest.raises(NotAllowed):
            await members.revoke_role(caller=server, account_id=other, role=Role.TENANT_ADMIN)
        with pytest.raises(NotAllowed):
            await members.suspend(caller=server, account_id=other, reason="By a key.")
        assert await roles_of(school, ada) == ["STUDENT"]
        assert await roles_of(school, other) == ["STUDENT", "TENANT_ADMIN"]


class TestRevoke:
    async def test_takes_a_role_at_once(self, admin: Client, sign_in: SignIn, school: School) -> None:
        client = await sign_in(roles=("STUDENT", "SUPPORT"))
        assert client.account_id
        await client.data("Members")

        answer = await admin.data("RevokeRole", input=revoke(client.account_id, "SUPPORT"))

        assert answer == {"member": {"id": public_id("mbr", client.account_id), "roles": ["STUDENT"]}, "errors": []}
        assert await client.codes("Members") == ["FORBIDDEN"]
        assert await facts_of(school, FACTS) == [("RoleRevoked", {"account_id": str(client.account_id), "role": "SUPPORT"})]
        assert await audit_of(school) == [("RoleRevoked", public_id("mbr", client.account_id), admin.account_id)]

    async def test_of_a_role_that_nobody_holds_changes_nothing(self, admin: Client, ada: UUID, school: School) -> None:
        answer = await admin.data("RevokeRole", input=revoke(ada, "TENANT_ADMIN"))

        assert (answer["member"]["roles"], answer["errors"]) == (["STUDENT"], [])
        assert await facts_of(school, FACTS) == []

    async def test_never_takes_student(self, admin: Client, ada: UUID, school: School) -> None:
        answer = await admin.data("RevokeRole", input=revoke(ada, "STUDENT"))

        assert [(error["__typename"], error["code"], error["path"]) for error in answer["errors"]] == [("InvalidInput", "INVALID", ["role"])]
        assert await roles_of(school, ada) == ["STUDENT"]

    async def test_never_takes_the_last_administrator(self, admin: Client, school: School, sign_in: SignIn) -> None:
        assert admin.account_id
        await suspend(school.system, await account(school.system, roles=("STUDENT", "TENANT_ADMIN")))

        answer = await admin.data("RevokeRole", input=revoke(admin.account_id, "TENANT_ADMIN"))

        assert [(error["__typename"], error["code"]) for error in answer["errors"]] == [("StateConflict", "LAST_ADMIN")]
        assert await roles_of(school, admin.account_id) == ["STUDENT", "TENANT_ADMIN"]
        second = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
        assert (await second.data("RevokeRole", input=revoke(admin.account_id, "TENANT_ADMIN")))["errors"] == []

    async def test_two_who_take_it_from_each_other_at_once_leave_one(self, school: School) -> None:
        for _ in range(5):
            first, second = [await account(school.system, roles=("STUDENT", "TENANT_ADMIN")) for _ in range(2)]

            outcomes = await asyncio.gather(
                members.revoke_role(caller=person(school, first, "TENANT_ADMIN"), account_id=second, role=Role.TENANT_ADMIN),
                members.revoke_role(caller=person(school, second, "TENANT_ADMIN"), account_id=first, role=Role.TENANT_ADMIN),
                return_exceptions=True,
            )

            assert sorted(getattr(outcome, "code", "DONE") for outcome in outcomes) == ["DONE", "LAST_ADMIN"]
            (left,) = await fetch(school, "SELECT account_id FROM account_roles WHERE tenant_id = $1 AND role = 'TENANT_ADMIN'")
            assert left["account_id"] in (first, second)
            await take_role(school.system, left["account_id"], "TENANT_ADMIN")

    async def test_taking_it_and_suspending_at_once_leave_one(self, school: School) -> None:
        first, second = [await account(school.system, roles=("STUDENT", "TENANT_ADMIN")) for _ in range(2)]

        outcomes = await asyncio.gather(
            members.revoke_role(caller=person(school, first, "TENANT_ADMIN"), account_id=second, role=Role.TENANT_ADMIN),
            members.suspend(caller=person(school, second, "TENANT_ADMIN"), account_id=first, reason="At once."),
            return_exceptions=True,
        )

        assert sorted(getattr(outcome, "code", "DONE") for outcome in outcomes) == ["DONE", "LAST_ADMIN"]
        left = await fetch(
            school,
            "SELECT a.id FROM accounts a JOIN account_roles r ON r.tenant_id = a.tenant_id AND r.account_id = a.id WHERE a.tenant_id = $1 AND r.role = 'TENANT_ADMIN' AND a.status = 'ACTIVE'",
        )
        assert len(left) == 1
