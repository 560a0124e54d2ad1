"""`node` and `nodes` for people: who may resolve whose ids."""

from uuid import UUID

import pytest

from lms_graph.kit.ids import public_id
from tests.factories.accounts import instructor, signed_in
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


async def kinds(client: Client, account_id: UUID, session_id: UUID) -> list[str | None]:
    """The types of viewer, session, instructor and profile as `client` finds them."""
    ids = [public_id("vwr", account_id), public_id("ses", session_id), public_id("ins", account_id), public_id("prf", account_id)]
    found = await client.data(NODES, ids=ids)
    assert [node["id"] for node in found if node] == [id for id, node in zip(ids, found, strict=True) if node]
    return [node and node["__typename"] for node in found]


async def test_viewer_and_sessions_are_for_oneself_and_pages_for_everybody(visitor: Client, student: Client, school: School, other_school: School, sign_in: SignIn) -> None:
    account_id = await instructor(school.system)
    session = await signed_in(school.system, account_id)
    oneself, admin = await sign_in(account_id), await sign_in(roles=("TENANT_ADMIN",))
    foreigner, foreign_admin = await sign_in(at=other_school), await sign_in(at=other_school, roles=("TENANT_ADMIN",))

    assert await kinds(oneself, account_id, session.session_id) == ["Viewer", "SignedInSession", "Instructor", "Profile"]
    for other in (visitor, student, admin):
        assert await kinds(other, account_id, session.session_id) == [None, None, "Instructor", "Profile"]
    for foreign in (foreigner, foreign_admin):
        assert await kinds(foreign, account_id, session.session_id) == [None] * 4


async def test_all_kinds_of_a_page_take_a_statement_each(school: School, sign_in: SignIn, statements: list[str]) -> None:
    teachers = [await instructor(school.system) for _ in range(5)]
    client = await sign_in()
    statements.clear()

    found = await client.data(NODES, ids=[public_id(prefix, id) for id in teachers for prefix in ("ins", "prf", "vwr")])

    assert sum(node is not None for node in found) == 10
    assert len(statements) == 2  # nobody is asked for others' viewers


async def test_a_profile_tells_the_name_only(visitor: Client, school: School) -> None:
    id = await instructor(school.system, name="Ida")

    assert await visitor.data("query($id: ID!) { node(id: $id) { ... on Profile { name avatarUrl } } }", id=public_id("prf", id)) == {"name": "Ida", "avatarUrl": None}
