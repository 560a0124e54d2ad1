"""Making accounts."""

import pytest

from lms_graph.domain.identity import errors
from lms_graph.domain.identity.operations import accounts
from lms_graph.domain.identity.queries import accounts as queries
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed
from lms_graph.models import database
from lms_graph.models.identity import Role
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account, address
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


class TestRegister:
    async def test_keeps_roles_locale_and_proof(self, school: School) -> None:
        id = await accounts.register(
            caller=school.system, email="Ida@Example.com", name="Ida", password=None, roles=(Role.STUDENT, Role.INSTRUCTOR), locale="de", is_email_verified=True
        )

        async with database.reading(school.system):
            (row,) = await queries.accounts_by_ids(caller=school.system, account_ids=[id])
        assert (row["email"], row["name"], row["locale"], row["roles"], row["status"]) == ("Ida@Example.com", "Ida", "de", ["INSTRUCTOR", "STUDENT"], "ACTIVE")
        assert row["email_verified_at"] is not None

    @pytest.mark.parametrize("roles", [(Role.INSTRUCTOR,), (Role.STUDENT, Role.TENANT_ADMIN), (Role.PLATFORM_ADMIN,), ()])
    async def test_refuses_a_visitor_any_role_but_student(self, school: School, roles: tuple[Role, ...]) -> None:
        visitor = Caller(tenant_id=school.id, now=school.system.now)

        with pytest.raises(NotAllowed):
            await accounts.register(caller=visitor, email=address(), name="Ida", password=None, roles=roles)

    async def test_a_taken_address_undoes_the_unit_of_work_it_is_part_of(self, school: School) -> None:
        await account(school.system, email="ida@example.com")

        async def make_two() -> None:
            async with unit_of_work(school.system):
                await account(school.system, email="eda@example.com")
                await account(school.system, email="IDA@example.com")

        with pytest.raises(errors.EmailTaken):
            await make_two()

        async with database.reading(school.system):
            assert await queries.account_id_by_email(caller=school.system, email="eda@example.com") is None


class TestQueries:
    async def test_a_second_tenant_finds_nothing(self, school: School, other_school: School) -> None:
        id = await account(school.system, email="ida@example.com", name="Ida")

        async with database.reading(school.system):
            assert await queries.names_of_accounts(caller=school.system, account_ids=[id]) == {id: "Ida"}
            assert await queries.account_id_by_email(caller=school.system, email="IDA@example.com") == id
        async with database.reading(other_school.system):
            assert await queries.names_of_accounts(caller=other_school.system, account_ids=[id]) == {}
            assert await queries.accounts_by_ids(caller=other_school.system, account_ids=[id]) == []
            assert await queries.account_id_by_email(caller=other_school.system, email="ida@example.com") is None

    async def test_row_policies_hide_accounts_from_a_query_that_names_the_wrong_tenant(self, school: School, other_school: School) -> None:
        id = await account(school.system)

        async with database.reading(other_school.system):
            assert await queries.accounts_by_ids(caller=school.system, account_ids=[id]) == []
