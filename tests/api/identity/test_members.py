"""`members` and `member`: whom a school has, for those who run it."""

from typing import Any

import pytest

from lms_graph.domain.identity.queries.members import Members, members_by_ids
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account, address, suspend
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.rights import key

pytestmark = pytest.mark.anyio

LIST = (
    "query ($first: Int, $where: MemberWhere, $orderBy: [MemberOrder!], $search: String, $after: String) "
    "{ members(first: $first, where: $where, orderBy: $orderBy, search: $search, after: $after) { nodes { name email } pageInfo { endCursor hasNextPage } totalCount } }"
)
ONE = "query ($id: ID!) { member(id: $id) { id name email status lastSeenAt profile { id name } } }"
NODE = "query ($id: ID!) { node(id: $id) { __typename } }"


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"), name="Zoe Admin")


async def names(client: Client, **variables: Any) -> list[str]:
    return [node["name"] for node in (await client.data(LIST, **variables))["nodes"]]


class TestMembers:
    async def test_shows_everybody_newest_first_with_addresses(self, admin: Client, school: School) -> None:
        email = address()
        await account(school.system, name="Ada Example", email=email)

        page = await admin.data("Members")

        assert [(node["name"], node["roles"]) for node in page["nodes"]] == [("Ada Example", ["STUDENT"]), ("Zoe Admin", ["STUDENT", "TENANT_ADMIN"])]
        assert page["nodes"][0]["email"] == email
        assert page["nodes"][0]["id"].startswith("mbr_")

    async def test_goes_on_after_a_cursor(self, admin: Client, school: School) -> None:
        for number in range(4):
            await account(school.system, name=f"Member {number}")

        first = await admin.data(LIST, first=3)
        rest = await admin.data(LIST, first=3, after=first["pageInfo"]["endCursor"])

        assert [node["name"] for node in first["nodes"]] == ["Member 3", "Member 2", "Member 1"]
        assert [node["name"] for node in rest["nodes"]] == ["Member 0", "Zoe Admin"]
        assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"], first["totalCount"]) == (True, False, 5)

    async def test_is_ordered_by_name(self, admin: Client, school: School) -> None:
        for name in ("bob", "Anna", "Carl"):
            await account(school.system, name=name)

        assert await names(admin, orderBy=[{"field": "NAME", "direction": "ASC"}]) == ["Anna", "bob", "Carl", "Zoe Admin"]

    async def test_refuses_an_order_that_names_a_field_twice(self, admin: Client) -> None:
        twice = [{"field": "NAME", "direction": "ASC"}, {"field": "NAME", "direction": "DESC"}]

        assert await admin.codes(LIST, orderBy=twice) == ["BAD_USER_INPUT"]

    async def test_is_filtered_by_role_and_status(self, admin: Client, school: School) -> None:
        await account(school.system, name="Ida", roles=("STUDENT", "INSTRUCTOR"))
        await suspend(school.system, await account(school.system, name="Out"))

        assert await names(admin, where={"role": {"in": ["INSTRUCTOR", "TENANT_ADMIN"]}}) == ["Ida", "Zoe Admin"]
        assert await names(admin, where={"role": {"eq": "INSTRUCTOR"}}) == ["Ida"]
        assert await names(admin, where={"status": {"eq": "SUSPENDED"}}) == ["Out"]
        assert await names(admin, where={"status": {"eq": "SUSPENDED"}, "role": {"eq": "INSTRUCTOR"}}) == []

    async def test_leaves_erased_accounts_out(self, admin: Client, school: School) -> None:
        gone = await account(school.system, name="Gone")
        async with unit_of_work(school.system):
            await rows.Account.for_caller(school.system, id=gone).update(status=rows.AccountStatus.ERASED)

        assert await names(admin) == ["Zoe Admin"]
        assert await admin.data(ONE, id=public_id("mbr", gone)) is None

    @pytest.mark.parametrize("searched", ["ängström", "ANGSTROM", "jos", "jose ang", "ang jose", "d'ar", "арк"])
    async def test_finds_by_the_beginnings_of_words(self, admin: Client, school: School, searched: str) -> None:
        await account(school.system, name="José d'Arc-Ångström Аркадий")
        await account(school.system, name="Bob Example")

        assert await names(admin, search=searched) == ["José d'Arc-Ångström Аркадий"]

    @pytest.mark.parametrize("searched", ["rc", "jose bob", "%", "_", "\\", "'", "!?"])
    async def test_finds_nothing_else(self, admin: Client, school: School, searched: str) -> None:
        await account(school.system, name="José d'Arc")
        await account(school.system, name="Bob Example")

        assert await names(admin, search=searched) == []

    async def test_finds_by_the_beginning_of_an_address(self, admin: Client, school: School) -> None:
        await account(school.system, name="One", email="Ada.Love_lace@example.com")
        await account(school.system, name="Two", email="ada.lovexlace@example.com")

        assert await names(admin, search="ADA.love_lace@EX") == ["One"]
        assert await names(admin, search="lace@example.com") == []
        assert await names(admin, search="ada") == ["Two", "One"]
        assert await names(admin, search="ad") == ["Zoe Admin"]  # by name

    async def test_counts_what_is_found(self, admin: Client, school: School) -> None:
        for number in range(3):
            await account(school.system, name=f"Ada {number}")

        assert (await admin.data(LIST, search="ada", first=1))["totalCount"] == 3

    async def test_refuses_a_long_search(self, admin: Client) -> None:
        assert await admin.codes(LIST, search="a" * 201) == ["BAD_USER_INPUT"]

    async def test_who_may_not_see_addresses_neither_reads_nor_finds_them(self, house: House, school: School) -> None:
        await account(school.system, name="Ada Example", email="findme@example.com")
        without, having = key(school, Permission.MEMBERS_READ), key(school, Permission.MEMBERS_READ, Permission.PERSONAL_READ)

        found = {}
        for caller in (without, having):
            for searched in ("ada", "findme", "findme@example.com"):
                async with database.reading(caller):
                    page = await Members(caller=caller, search=searched).page(house.adapters.cursors, PageRequest(first=10), [])
                    count = await Members(caller=caller, search=searched).count()
                found[caller is having, searched] = ([row["email"] for row in page.rows], count)

        assert found == {
            (False, "ada"): ([None], 1),
            (False, "findme"): ([], 0),
            (False, "findme@example.com"): ([], 0),
            (True, "ada"): (["findme@example.com"], 1),
            (True, "findme"): (["findme@example.com"], 1),
            (True, "findme@example.com"): (["findme@example.com"], 1),
        }

    async def test_who_may_not_see_addresses_is_told_none_by_id_either(self, school: School) -> None:
        ada = await account(school.system, email="findme@example.com")

        told = {}
        for scopes in ((Permission.MEMBERS_READ,), (Permission.MEMBERS_MANAGE, Permission.PERSONAL_READ), (Permission.PERSONAL_READ,)):
            caller = key(school, *scopes)
            async with database.reading(caller):
                told[scopes] = [row["email"] for row in await members_by_ids(caller=caller, account_ids=[ada])]

        assert list(told.values()) == [[None], ["findme@example.com"], []]

    async def test_is_refused_to_everybody_else(self, visitor: Client, student: Client, sign_in: SignIn) -> None:
        assert await visitor.codes("Members") == ["UNAUTHENTICATED"]
        assert await student.codes("Members") == ["FORBIDDEN"]
        assert await (await sign_in(roles=("STUDENT", "INSTRUCTOR", "APPLICANT"))).codes("Members") == ["FORBIDDEN"]
        assert (await (await sign_in(roles=("STUDENT", "SUPPORT"))).data("Members"))["nodes"] != []

    async def test_another_schools_are_never_among_them(self, admin: Client, other_school: School, sign_in: SignIn) -> None:
        await account(other_school.system, name="Ada Stranger", email="ada.stranger@example.com")

        assert await names(admin) == ["Zoe Admin"]
        assert await names(admin, search="ada") == []
        assert await names(admin, search="ada.stranger@example.com") == []
        assert await names(await sign_in(at=other_school, roles=("TENANT_ADMIN",), name="There"), search="zoe") == []

    @pytest.mark.parametrize("variables", [{}, {"search": "member"}, {"where": {"role": {"eq": "STUDENT"}}}])
    async def test_takes_as_many_statements_for_fifty_as_for_two(self, admin: Client, school: School, statements: list[str], variables: dict[str, Any]) -> None:
        document = LIST.replace("nodes { name email }", "nodes { id name email roles status lastSeenAt invitationExpiresAt profile { name } }")
        for number in range(50):
            await account(school.system, name=f"Member {number}")

        counts = {}
        for first in (2, 50):
            statements.clear()
            assert len((await admin.data(document, first=first, **variables))["nodes"]) == first
            counts[first] = len(statements)

        assert counts == {2: 3, 50: 3}  # the page, the profiles, the count

    async def test_counts_only_when_asked(self, admin: Client, statements: list[str]) -> None:
        await admin.data("Members")

        assert len(statements) == 1


class TestMember:
    async def test_shows_one(self, admin: Client, student: Client) -> None:
        assert student.account_id
        id = public_id("mbr", student.account_id)

        member = await admin.data(ONE, id=id)

        assert (member["id"], member["name"], member["status"]) == (id, "Ada Example", "ACTIVE")
        assert member["profile"] == {"id": public_id("prf", student.account_id), "name": "Ada Example"}
        assert member["lastSeenAt"] is not None
        assert await admin.data(NODE, id=id) == {"__typename": "Member"}

    async def test_is_hidden_from_everybody_else(self, student: Client, visitor: Client, sign_in: SignIn, other_school: School) -> None:
        assert student.account_id
        id = public_id("mbr", student.account_id)
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        for client in (student, visitor, there, await sign_in(roles=("STUDENT", "INSTRUCTOR"))):
            assert await client.data(NODE, id=id) is None
        assert await there.data(ONE, id=id) is None
        assert await student.codes(ONE, id=id) == ["FORBIDDEN"]
        assert await visitor.codes(ONE, id=id) == ["UNAUTHENTICATED"]

    @pytest.mark.parametrize("id", ["", "nonsense", "vwr_00000000000000000000000000"])
    async def test_is_null_for_what_is_no_member(self, admin: Client, id: str) -> None:
        assert await admin.data(ONE, id=id) is None
