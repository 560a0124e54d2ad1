"""Inviting people, and taking the account that an invitation made."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.identity.operations import challenges, invitations
from lms_graph.domain.identity.queries import challenges as queries
from lms_graph.kit.errors import DomainError
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.kit.permissions import Permission
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import Role
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import PASSWORD, account, address, suspend
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.rights import audit_of, facts_of, fetch, key, roles_of

pytestmark = pytest.mark.anyio

FACTS = ("MemberInvited", "InvitationAccepted", "EmailVerified", "SessionOpened", "RoleGranted")


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"), name="Zoe Admin")


def invitation(**differs: Any) -> dict[str, Any]:
    return {"email": address(), "name": "Ida Invited", "roles": [], "idempotencyKey": uuid4().hex} | differs


async def account_id_of(answer: Any) -> UUID:
    parsed = parse_id(answer["member"]["id"])
    assert parsed
    return parsed[1]


async def link(house: House, school: School, account_id: UUID, *, nth: int = -1) -> str:
    """The token in the mail that the invitation's fact has sent; by default the last one's."""
    told = [payload for name, payload in await facts_of(school, ["MemberInvited"]) if payload["account_id"] == str(account_id)]
    caller = school.system
    async with database.reading(caller):
        challenge = await queries.challenge_or_none(caller=caller, challenge_id=UUID(told[nth]["challenge_id"]))
    assert challenge
    return challenges.token_of(challenge, house.adapters.secret_keys)


class TestInvite:
    async def test_makes_an_account_that_waits(self, admin: Client, school: School) -> None:
        wanted = invitation(email="Ida.Invited@example.com", roles=["SUPPORT", "INSTRUCTOR"])

        answer = await admin.data("InviteMember", input=wanted)

        assert answer["errors"] == []
        member = answer["member"]
        assert (member["name"], member["email"], member["emailVerified"]) == ("Ida Invited", "Ida.Invited@example.com", False)
        assert member["roles"] == ["INSTRUCTOR", "STUDENT", "SUPPORT"]
        assert timedelta(days=6, hours=23) < datetime.fromisoformat(member["invitationExpiresAt"]) - datetime.now(UTC) < timedelta(days=7)
        account_id = await account_id_of(answer)
        assert [name for name, _ in await facts_of(school, FACTS) if name != "SessionOpened"] == ["RoleGranted", "RoleGranted", "MemberInvited"]
        assert ("MemberInvited", public_id("mbr", account_id), admin.account_id) in await audit_of(school)
        ((password_hash,),) = [tuple(row.values()) for row in await fetch(school, "SELECT password_hash FROM accounts WHERE tenant_id = $1 AND id = $2", account_id)]
        assert password_hash is None

    async def test_nobody_signs_in_before_accepting(self, admin: Client, visitor: Client) -> None:
        wanted = invitation()
        await admin.data("InviteMember", input=wanted)

        assert await visitor.codes("SignIn", input={"email": wanted["email"], "password": ""}) == ["CREDENTIALS_WRONG"]

    async def test_the_same_again_invites_once(self, admin: Client, school: School) -> None:
        wanted = invitation()

        answers = await asyncio.gather(*(admin.data("InviteMember", input=wanted) for _ in range(4)))

        assert {answer["member"]["id"] for answer in answers} == {answers[0]["member"]["id"]}
        assert [name for name, _ in await facts_of(school, ["MemberInvited"])] == ["MemberInvited"]

    async def test_who_has_an_account_is_not_invited_and_gets_no_role(self, admin: Client, school: School) -> None:
        known = await account(school.system, email="known@example.com")

        answer = await admin.data("InviteMember", input=invitation(email=" KNOWN@example.com", roles=["TENANT_ADMIN"]))

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("EMAIL_TAKEN", ["email"])]
        assert await roles_of(school, known) == ["STUDENT"]
        assert await facts_of(school, ["MemberInvited", "RoleGranted"]) == []

    async def test_one_address_many_times_at_once_gives_one_account(self, admin: Client, school: School) -> None:
        email = address()

        answers = await asyncio.gather(*(admin.data("InviteMember", input=invitation(email=email)) for _ in range(5)))

        assert sorted([error["code"] for error in answer["errors"]] for answer in answers) == [[], *[["EMAIL_TAKEN"]] * 4]
        assert len(await facts_of(school, ["MemberInvited"])) == 1

    async def test_an_address_of_another_school_is_free(self, admin: Client, other_school: School) -> None:
        await account(other_school.system, email="there@example.com")

        assert (await admin.data("InviteMember", input=invitation(email="there@example.com")))["errors"] == []

    async def test_tells_everything_that_is_wrong_at_once(self, admin: Client, school: School) -> None:
        answer = await admin.data("InviteMember", input=invitation(email="nobody", name=" "))

        assert [error["path"] for error in answer["errors"]] == [["email"], ["name"]]
        assert await facts_of(school, ["MemberInvited"]) == []

    @pytest.mark.parametrize("role", ["PLATFORM_ADMIN", "APPLICANT"])
    async def test_roles_that_the_inviter_may_not_give_are_refused(self, admin: Client, school: School, role: str) -> None:
        assert await admin.codes("InviteMember", input=invitation(email="new@example.com", roles=[role])) == ["FORBIDDEN"]
        assert await fetch(school, "SELECT 1 FROM accounts WHERE tenant_id = $1 AND email_key = 'new@example.com'") == []

    async def test_a_key_invites_within_its_scopes(self, school: School) -> None:
        server = key(school, Permission.MEMBERS_MANAGE)

        made = await invitations.invite(caller=server, email=address(), name="By a key", given=[Role.STUDENT], idempotency_key="a", throttle=MemoryThrottle())
        with pytest.raises(DomainError) as refused:
            await invitations.invite(caller=server, email=address(), name="Too much", given=[Role.SUPPORT], idempotency_key="b", throttle=MemoryThrottle())

        assert await roles_of(school, made) == ["STUDENT"]
        assert refused.value.code == "FORBIDDEN"

    @pytest.mark.parametrize("roles", [("STUDENT",), ("STUDENT", "SUPPORT"), ("STUDENT", "INSTRUCTOR")])
    async def test_nobody_else_invites(self, sign_in: SignIn, school: School, roles: tuple[str, ...]) -> None:
        assert await (await sign_in(roles=roles)).codes("InviteMember", input=invitation()) == ["FORBIDDEN"]
        assert await facts_of(school, ["MemberInvited"]) == []


class TestAccept:
    async def test_signs_in_with_the_roles_that_were_given(self, admin: Client, visitor: Client, house: House, school: School, clients: list[Client]) -> None:
        wanted = invitation(roles=["SUPPORT"])
        account_id = await account_id_of(await admin.data("InviteMember", input=wanted))

        answer = await visitor.data("TakeInvitation", input={"token": await link(house, school, account_id), "name": " Ida Renamed ", "password": PASSWORD})

        assert answer["errors"] == []
        clients.append(Client(house, school.slug, answer["session"]["accessToken"]))
        me = await clients[-1].data("{ viewer { id name email emailVerified roles permissions } }")
        assert me == {
            "id": public_id("vwr", account_id),
            "name": "Ida Renamed",
            "email": wanted["email"],
            "emailVerified": True,
            "roles": ["STUDENT", "SUPPORT"],
            "permissions": ["ENROLLMENTS_READ", "ENTITLEMENTS_READ", "MEMBERS_READ", "ORDERS_READ", "PERSONAL_READ"],
        }
        assert (await visitor.data("SignIn", input={"email": wanted["email"], "password": PASSWORD}))["errors"] == []
        assert [name for name, payload in await facts_of(school, ["EmailVerified", "InvitationAccepted"]) if payload["account_id"] == str(account_id)] == [
            "EmailVerified",
            "InvitationAccepted",
        ]
        ((_, email),) = [(row["id"], row["email"]) for row in await fetch(school, "SELECT id, email FROM accounts WHERE tenant_id = $1 AND id = $2", account_id)]
        assert email == wanted["email"]

    async def test_keeps_the_name_that_the_invitation_gave(self, admin: Client, visitor: Client, house: House, school: School) -> None:
        account_id = await account_id_of(await admin.data("InviteMember", input=invitation()))

        await visitor.data("TakeInvitation", input={"token": await link(house, school, account_id), "password": PASSWORD})

        assert [row["name"] for row in await fetch(school, "SELECT name FROM accounts WHERE tenant_id = $1 AND id = $2", account_id)] == ["Ida Invited"]

    async def test_works_once_also_at_once(self, admin: Client, visitor: Client, house: House, school: School) -> None:
        account_id = await account_id_of(await admin.data("InviteMember", input=invitation()))
        token = await link(house, school, account_id)

        answers = await asyncio.gather(*(visitor.data("TakeInvitation", input={"token": token, "password": f"{PASSWORD} {number}"}) for number in range(3)))

        assert sorted([error["code"] for error in answer["errors"]] for answer in answers) == [[], ["LINK_INVALID"], ["LINK_INVALID"]]
        assert await visitor.codes("TakeInvitation", input={"token": token, "password": PASSWORD}) == ["LINK_INVALID"]
        assert len(await fetch(school, "SELECT 1 FROM sessions WHERE tenant_id = $1 AND account_id = $2", account_id)) == 1

    async def test_a_weak_password_does_not_use_the_link_up(self, admin: Client, visitor: Client, house: House, school: School) -> None:
        wanted = invitation()
        account_id = await account_id_of(await admin.data("InviteMember", input=wanted))
        token = await link(house, school, account_id)

        answer = await visitor.data("TakeInvitation", input={"token": token, "name": "", "password": wanted["email"]})

        assert [error["path"] for error in answer["errors"]] == [["name"], ["password"]]
        assert (await visitor.data("TakeInvitation", input={"token": token, "password": PASSWORD}))["errors"] == []

    @pytest.mark.parametrize(
        "spoil", [lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"), lambda token: token.partition(".")[0], lambda token: "", lambda token: token + "é"]
    )
    async def test_a_misspelled_link_is_refused(self, admin: Client, visitor: Client, house: House, school: School, spoil: Callable[[str], str]) -> None:
        account_id = await account_id_of(await admin.data("InviteMember", input=invitation()))

        assert await visitor.codes("TakeInvitation", input={"token": spoil(await link(house, school, account_id)), "password": PASSWORD}) == ["LINK_INVALID"]
        assert await facts_of(school, ["InvitationAccepted"]) == []

    async def test_at_another_schools_door_the_link_is_none(self, admin: Client, house: House, school: School, other_school: School, clients: list[Client]) -> None:
        account_id = await account_id_of(await admin.data("InviteMember", input=invitation()))
        clients.append(Client(house, other_school.slug))

        assert await clients[-1].codes("TakeInvitation", input={"token": await link(house, school, account_id), "password": PASSWORD}) == ["LINK_INVALID"]

    async def test_after_seven_days_it_is_over(self, admin: Client, house: House, school: School) -> None:
        account_id = await account_id_of(await admin.data("InviteMember", input=invitation()))
        token = await link(house, school, account_id)
        later = school.system.at(datetime.now(UTC) + timedelta(days=7, seconds=1))

        with pytest.raises(DomainError) as refused:
            await invitations.accept(caller=later, token=token, name=None, password=PASSWORD, secret_keys=house.adapters.secret_keys)

        assert refused.value.code == "LINK_INVALID"

    async def test_who_is_suspended_or_has_another_address_cannot_accept(self, admin: Client, visitor: Client, house: House, school: School) -> None:
        out, moved = [await account_id_of(await admin.data("InviteMember", input=invitation())) for _ in range(2)]
        tokens = [await link(house, school, account_id) for account_id in (out, moved)]
        await suspend(school.system, out)
        async with unit_of_work(school.system):
            await rows.Account.for_caller(school.system, id=moved).update(email="moved@example.com", email_key="moved@example.com")

        for token in tokens:
            assert await visitor.codes("TakeInvitation", input={"token": token, "password": PASSWORD}) == ["LINK_INVALID"]
        assert await facts_of(school, ["InvitationAccepted"]) == []


class TestResend:
    async def test_sends_a_new_link_and_the_former_is_no_longer_good(self, admin: Client, visitor: Client, house: House, school: School) -> None:
        account_id = await account_id_of(await admin.data("InviteMember", input=invitation()))
        former = await link(house, school, account_id)

        answer = await admin.data("ResendInvitation", input={"memberId": public_id("mbr", account_id), "idempotencyKey": "again"})
        await admin.data("ResendInvitation", input={"memberId": public_id("mbr", account_id), "idempotencyKey": "again"})

        assert answer["errors"] == []
        assert len(await facts_of(school, ["MemberInvited"])) == 2
        assert await visitor.codes("TakeInvitation", input={"token": former, "password": PASSWORD}) == ["LINK_INVALID"]
        assert (await visitor.data("TakeInvitation", input={"token": await link(house, school, account_id), "password": PASSWORD}))["errors"] == []

    async def test_there_is_nothing_to_send_to_who_was_not_invited_has_accepted_or_is_suspended(
        self, admin: Client, visitor: Client, house: House, school: School, student: Client
    ) -> None:
        accepted, out = [await account_id_of(await admin.data("InviteMember", input=invitation())) for _ in range(2)]
        await visitor.data("TakeInvitation", input={"token": await link(house, school, accepted), "password": PASSWORD})
        await suspend(school.system, out)

        for account_id in (student.account_id, accepted, out):
            assert account_id
            assert await admin.codes("ResendInvitation", input={"memberId": public_id("mbr", account_id), "idempotencyKey": uuid4().hex}) == ["CONFLICT"]
        assert len(await facts_of(school, ["MemberInvited"])) == 2

    async def test_another_school_sends_nothing(self, admin: Client, school: School, other_school: School, sign_in: SignIn, student: Client) -> None:
        account_id = await account_id_of(await admin.data("InviteMember", input=invitation()))
        wanted = {"memberId": public_id("mbr", account_id), "idempotencyKey": "x"}

        assert await (await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))).codes("ResendInvitation", input=wanted) == ["NOT_FOUND"]
        assert await student.codes("ResendInvitation", input=wanted) == ["FORBIDDEN"]
        assert len(await facts_of(school, ["MemberInvited"])) == 1
