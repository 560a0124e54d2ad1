"""What is kept of who asks: no longer than five seconds, and not for a moment once something has happened to it."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.identity.operations import sessions
from lms_graph.domain.identity.operations.sessions import SignedIn
from lms_graph.domain.tenancy.queries.identification import Identified
from lms_graph.kit.caller import Caller
from lms_graph.kit.live import topic
from lms_graph.kit.secrets import token_hash
from lms_graph.models import database
from lms_graph.web.graphql.known import KEEP_SECONDS, Known
from tests.factories.accounts import account, signed_in
from tests.factories.tenants import domain
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.processes import until

pytestmark = pytest.mark.anyio


@dataclass
class Door:
    """Somebody at a school's door, and a clock that can be put forward."""

    school: School
    session: SignedIn
    seconds: float = 0.0
    known: Known = field(init=False)

    def __post_init__(self) -> None:
        self.known = Known(clock=lambda: self.seconds)

    async def enter(self, **asked: Any) -> Identified:
        return await self.known.identify(**{"host": None, "slug": self.school.slug, "token_hash": token_hash(self.session.access_token), "now": datetime.now(UTC)} | asked)


async def take_role_unheard(caller: Caller, account_id: UUID, role: str) -> None:
    """As another process would, whose message has not come yet."""
    async with database.writing(caller):
        await database.fetch("DELETE FROM account_roles WHERE tenant_id = $1 AND account_id = $2 AND role = $3", caller.tenant_id, account_id, role)


@pytest.fixture
async def door(school: School) -> Door:
    account_id = await account(school.system, roles=("STUDENT", "INSTRUCTOR"))
    return Door(school, await signed_in(school.system, account_id))


class TestKept:
    async def test_for_five_seconds(self, door: Door) -> None:
        await door.enter()
        await take_role_unheard(door.school.system, door.session.account_id, "INSTRUCTOR")

        within = await door.enter()
        door.seconds = KEEP_SECONDS
        after = await door.enter()

        assert within.roles == {"STUDENT", "INSTRUCTOR"}
        assert after.roles == {"STUDENT"}

    async def test_for_its_own_door_only(self, door: Door, other_school: School) -> None:
        await door.enter()

        elsewhere = await door.enter(slug=other_school.slug)

        assert (elsewhere.tenant_id, elsewhere.session_tenant_id) == (other_school.id, door.school.id)

    async def test_not_beyond_the_tokens_life(self, door: Door) -> None:
        await door.enter()

        late = await door.enter(now=door.session.expires_at + timedelta(seconds=1))

        assert late.account_id is None

    async def test_not_when_nothing_was_found(self, door: Door) -> None:
        host = f"{uuid4().hex}.example"
        assert (await door.enter(host=host, slug=None, token_hash=None)).tenant_id is None

        await domain(door.school.id, host=host)

        assert (await door.enter(host=host, slug=None, token_hash=None)).tenant_id == door.school.id

    async def test_only_so_much(self, door: Door, other_school: School) -> None:
        door.known = Known(most=1, clock=lambda: door.seconds)
        await door.enter()
        await door.enter(slug=other_school.slug, token_hash=None)
        await take_role_unheard(door.school.system, door.session.account_id, "INSTRUCTOR")

        assert (await door.enter()).roles == {"STUDENT"}


class TestHappened:
    async def test_what_it_is_about_is_looked_up_anew(self, door: Door) -> None:
        await door.enter()
        await take_role_unheard(door.school.system, door.session.account_id, "INSTRUCTOR")

        door.known.happened([uuid4()])
        before = await door.enter()
        door.known.happened([door.session.account_id])
        after = await door.enter()

        assert before.roles == {"STUDENT", "INSTRUCTOR"}
        assert after.roles == {"STUDENT"}

    @pytest.mark.parametrize("missed", [False, True])
    async def test_what_was_read_before_it_and_arrives_after_it_is_not_kept(self, door: Door, missed: bool) -> None:
        looking_up = asyncio.create_task(door.enter())
        await asyncio.sleep(0)

        if missed:
            door.known.forget()
        else:
            door.known.happened([door.session.account_id])
        await looking_up
        await take_role_unheard(door.school.system, door.session.account_id, "INSTRUCTOR")

        assert (await door.enter()).roles == {"STUDENT"}

    async def test_nothing_is_kept_when_messages_may_have_been_missed(self, door: Door) -> None:
        await door.enter()
        await take_role_unheard(door.school.system, door.session.account_id, "INSTRUCTOR")

        door.known.forget()

        assert (await door.enter()).roles == {"STUDENT"}


class TestServer:
    async def test_a_session_that_ends_here_is_refused_at_once(self, door: Door, house: House, clients: list[Client]) -> None:
        client = Client(house, door.school.slug, door.session.access_token)
        clients.append(client)
        await client.data("{ viewer { id } }")

        await sessions.sign_out(caller=door.school.system, refresh_token=door.session.refresh_token)

        assert await client.codes("{ viewer { id } }") == ["UNAUTHENTICATED"]

    async def test_what_happens_elsewhere_is_heard_over_the_bus(self, door: Door, house: House, clients: list[Client]) -> None:
        client = Client(house, door.school.slug, door.session.access_token)
        clients.append(client)
        assert (await client.data("{ viewer { roles } }"))["roles"] == ["INSTRUCTOR", "STUDENT"]
        await take_role_unheard(door.school.system, door.session.account_id, "INSTRUCTOR")

        await house.adapters.live.publish([topic(door.school.id, door.session.account_id)])

        async def heard() -> bool:
            return not (await client.data("{ viewer { permissions } }"))["permissions"]

        await until(heard, seconds=KEEP_SECONDS - 1)
