"""`memberSuspend` and `memberRestore`: keeping somebody out."""

import asyncio
from uuid import UUID

import pytest

from lms_graph.domain.identity.operations import members
from lms_graph.kit.errors import DomainError
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from tests.factories.accounts import PASSWORD, account, signed_in
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, facts_of, fetch, key, person, roles_of

pytestmark = pytest.mark.anyio

FACTS = ("MemberSuspended", "MemberRestored", "SessionEnded")
REASON = "Shared an account."


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"), name="Zoe Admin")


def suspension(account_id: UUID | None, reason: str = REASON) -> dict[str, str]:
    assert account_id
    return {"memberId": public_id("mbr", account_id), "reason": reason}


async def status_of(school: School, account_id: UUID) -> str:
    ((status,),) = [tuple(row.values()) for row in await fetch(school, "SELECT status FROM accounts WHERE tenant_id = $1 AND id = $2", account_id)]
    return str(status)


class TestSuspend:
    async def test_ends_every_session_and_opens_none(self, admin: Client, visitor: Client, school: School, sign_in: SignIn) -> None:
        email = "ada@example.com"
        ada = await account(school.system, email=email, password=PASSWORD)
        session = await signed_in(school.system, ada)
        client = await sign_in(ada)

        answer = await admin.data("SuspendMember", input=suspension(ada))

        assert answer["errors"] == []
        assert (answer["member"]["status"], answer["member"]["suspensionReason"]) == ("SUSPENDED", REASON)
        assert answer["member"]["suspendedAt"] is not None
        assert await client.codes("Me") == ["UNAUTHENTICATED"]
        assert await visitor.codes("RefreshSession", input={"refreshToken": session.refresh_token}) == ["TOKEN_INVALID"]
        assert await visitor.codes("SignIn", input={"email": email, "password": PASSWORD}) == ["CREDENTIALS_WRONG"]
        facts = await facts_of(school, FACTS)
        assert [(name, payload.get("reason")) for name, payload in facts] == [("MemberSuspended", None), ("SessionEnded", "SUSPENDED"), ("SessionEnded", "SUSPENDED")]
        assert (
            await fetch(
                school, "SELECT 1 FROM session_tokens t JOIN sessions s ON s.tenant_id = t.tenant_id AND s.id = t.session_id WHERE t.tenant_id = $1 AND s.account_id = $2", ada
            )
            == []
        )
        assert await audit_of(school) == [("MemberSuspended", public_id("mbr", ada), admin.account_id)]

    async def test_roles_stay(self, admin: Client, school: School) -> None:
        ida = await account(school.system, roles=("STUDENT", "INSTRUCTOR"))

        await admin.data("SuspendMember", input=suspension(ida))

        assert await roles_of(school, ida) == ["INSTRUCTOR", "STUDENT"]

    async def test_again_changes_nothing(self, admin: Client, school: School, student: Client) -> None:
        first = await admin.data("SuspendMember", input=suspension(student.account_id))

        again = await admin.data("SuspendMember", input=suspension(student.account_id, "For another reason."))

        assert again == first
        assert [name for name, _ in await facts_of(school, FACTS)] == ["MemberSuspended", "SessionEnded"]

    async def test_the_reason_is_not_for_the_log(self, admin: Client, school: School, student: Client) -> None:
        await admin.data("SuspendMember", input=suspension(student.account_id))

        kept = str(await fetch(school, "SELECT payload FROM facts WHERE tenant_id = $1")) + str(await fetch(school, "SELECT details FROM audit_entries WHERE tenant_id = $1"))
        assert REASON not in kept

    @pytest.mark.parametrize("reason", ["", "x" * 1001])
    async def test_needs_a_reason(self, admin: Client, student: Client, school: School, reason: str) -> None:
        answer = await admin.data("SuspendMember", input=suspension(student.account_id, reason))

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", ["reason"])]
        assert await facts_of(school, FACTS) == []

    async def test_nobody_suspends_themselves(self, admin: Client, school: School) -> None:
        assert admin.account_id
        await account(school.system, roles=("STUDENT", "TENANT_ADMIN"))

        assert await admin.codes("SuspendMember", input=suspension(admin.account_id)) == ["FORBIDDEN"]
        assert await status_of(school, admin.account_id) == "ACTIVE"

    async def test_nobody_suspends_the_last_administrator(self, school: School, admin: Client) -> None:
        with pytest.raises(DomainError) as refused:
            await members.suspend(caller=school.system, account_id=admin.account_id or UUID(int=0), reason=REASON)

        assert refused.value.code == "LAST_ADMIN"

    async def test_two_administrators_who_suspend_each_other_at_once_leave_one(self, school: School) -> None:
        first, second = [await account(school.system, roles=("STUDENT", "TENANT_ADMIN")) for _ in range(2)]

        outcomes = await asyncio.gather(
            members.suspend(caller=person(school, first, "TENANT_ADMIN"), account_id=second, reason=REASON),
            members.suspend(caller=person(school, second, "TENANT_ADMIN"), account_id=first, reason=REASON),
            return_exceptions=True,
        )

        assert sorted(getattr(outcome, "code", "DONE") for outcome in outcomes) == ["DONE", "LAST_ADMIN"]
        assert sorted([await status_of(school, first), await status_of(school, second)]) == ["ACTIVE", "SUSPENDED"]

    async def test_a_session_opened_at_the_same_time_does_not_outlive_it(self, admin: Client, visitor: Client, school: School) -> None:
        ada = await account(school.system, email="ada@example.com", password=PASSWORD)

        await asyncio.gather(
            admin.data("SuspendMember", input=suspension(ada)), *(visitor.codes("SignIn", input={"email": "ada@example.com", "password": PASSWORD}) for _ in range(3))
        )

        assert await fetch(school, "SELECT 1 FROM sessions WHERE tenant_id = $1 AND account_id = $2 AND revoked_at IS NULL", ada) == []

    async def test_nobody_suspends_who_may_do_more(self, school: School) -> None:
        support = await account(school.system, roles=("STUDENT", "SUPPORT"))

        with pytest.raises(DomainError) as refused:
            await members.suspend(caller=key(school, Permission.MEMBERS_MANAGE), account_id=support, reason=REASON)

        assert refused.value.code == "FORBIDDEN"
        assert await status_of(school, support) == "ACTIVE"

    async def test_is_for_administrators_of_the_school_only(self, school: School, other_school: School, student: Client, visitor: Client, sign_in: SignIn) -> None:
        ada = await account(school.system)
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert await there.codes("SuspendMember", input=suspension(ada)) == ["NOT_FOUND"]
        assert await there.codes("RestoreMember", input={"memberId": public_id("mbr", ada)}) == ["NOT_FOUND"]
        assert await student.codes("SuspendMember", input=suspension(ada)) == ["FORBIDDEN"]
        assert await visitor.codes("SuspendMember", input=suspension(ada)) == ["UNAUTHENTICATED"]
        assert await (await sign_in(roles=("STUDENT", "SUPPORT"))).codes("SuspendMember", input=suspension(ada)) == ["FORBIDDEN"]
        assert await status_of(school, ada) == "ACTIVE"


class TestRestore:
    async def test_lets_somebody_in_again(self, admin: Client, visitor: Client, school: School) -> None:
        ada = await account(school.system, email="ada@example.com", password=PASSWORD)
        await admin.data("SuspendMember", input=suspension(ada))

        answers = [await admin.data("RestoreMember", input={"memberId": public_id("mbr", ada)}) for _ in range(2)]

        assert answers[0] == answers[1] == {"member": {"id": public_id("mbr", ada), "status": "ACTIVE", "suspendedAt": None, "suspensionReason": None}, "errors": []}
        assert (await visitor.data("SignIn", input={"email": "ada@example.com", "password": PASSWORD}))["errors"] == []
        assert [name for name, _ in await facts_of(school, FACTS)] == ["MemberSuspended", "MemberRestored"]
