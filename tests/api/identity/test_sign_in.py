"""`signIn`: a session for an address and its password."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from argon2 import PasswordHasher

from lms_graph.domain.identity.operations import sessions
from lms_graph.kit import passwords
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import PASSWORD, account, address
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


async def change(school: School, account_id: UUID, **values: Any) -> None:
    async with unit_of_work(school.system):
        await rows.Account.for_caller(school.system, id=account_id).update(**values)


async def live_sessions(school: School) -> int:
    async with database.reading(school.system):
        return int(await database.fetch_value("SELECT count(*) FROM sessions WHERE tenant_id = $1 AND revoked_at IS NULL", school.id))


async def test_answers_tokens_that_work(visitor: Client, school: School, house: House, clients: list[Client]) -> None:
    await account(school.system, email="ada@example.com", password=PASSWORD)

    answer = await visitor.data("SignIn", input={"email": " Ada@EXAMPLE.com", "password": PASSWORD})

    assert answer["errors"] == []
    lives = datetime.fromisoformat(answer["session"]["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < lives <= timedelta(minutes=15)
    clients.append(Client(house, school.slug, answer["session"]["accessToken"]))
    assert (await clients[-1].data("Me"))["email"] == "ada@example.com"


async def test_one_message_for_every_reason(visitor: Client, school: School) -> None:
    known, without, suspended = address(), address(), address()
    await account(school.system, email=known, password=PASSWORD)
    await account(school.system, email=without)
    await change(school, await account(school.system, email=suspended, password=PASSWORD), status="SUSPENDED")

    answers = [
        await visitor.data("SignIn", input={"email": known, "password": "wrong but long"}),
        await visitor.data("SignIn", input={"email": known, "password": ""}),
        await visitor.data("SignIn", input={"email": address(), "password": PASSWORD}),
        await visitor.data("SignIn", input={"email": "no address", "password": PASSWORD}),
        await visitor.data("SignIn", input={"email": "a\u202eb@example.com", "password": "é"}),
        await visitor.data("SignIn", input={"email": without, "password": PASSWORD}),
        await visitor.data("SignIn", input={"email": suspended, "password": PASSWORD}),
    ]

    assert [answer["errors"][0]["code"] for answer in answers] == ["CREDENTIALS_WRONG"] * 7
    assert all(answer == answers[0] for answer in answers)
    assert await live_sessions(school) == 0


async def test_does_the_same_work_for_an_unknown_address(visitor: Client, school: School, statements: list[str]) -> None:
    known = address()
    await account(school.system, email=known, password=PASSWORD)
    verified: list[str] = []

    def verify(stored: str, plain: bytes) -> passwords.Verified:
        verified.append(stored)
        return original(stored, plain)

    original = passwords._verify
    with patch.object(passwords, "_verify", verify):
        statements.clear()
        await visitor.data("SignIn", input={"email": known, "password": "wrong but long"})
        of_known = statements.copy()
        statements.clear()
        await visitor.data("SignIn", input={"email": address(), "password": "wrong but long"})

    assert statements == of_known
    assert len(statements) == 1
    parameters = [stored.rsplit("$", 2)[0] for stored in verified]
    assert parameters == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2
    assert [len(stored) for stored in verified] == [len(verified[0])] * 2


async def test_a_password_of_one_tenant_does_not_open_another(visitor: Client, other_school: School) -> None:
    await account(other_school.system, email="ada@example.com", password=PASSWORD)

    assert await visitor.codes("SignIn", input={"email": "ada@example.com", "password": PASSWORD}) == ["CREDENTIALS_WRONG"]


async def test_makes_the_hash_anew_when_the_parameters_have_changed(visitor: Client, school: School) -> None:
    id = await account(school.system, email="ada@example.com")
    await change(school, id, password_hash=PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD))

    assert await visitor.codes("SignIn", input={"email": "ada@example.com", "password": PASSWORD}) == []

    async with database.reading(school.system):
        kept = await database.fetch_value("SELECT password_hash FROM accounts WHERE tenant_id = $1 AND id = $2", school.id, id)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await visitor.codes("SignIn", input={"email": "ada@example.com", "password": PASSWORD}) == []


async def test_a_password_changed_meanwhile_opens_nothing(school: School) -> None:
    id = await account(school.system, email="ada@example.com", password=PASSWORD)
    original = sessions.verify_password

    async def verify(stored: str | None, password: str) -> passwords.Verified:
        verified = await original(stored, password)
        await change(school, id, password_hash=await passwords.hash_password("another long one"))
        return verified

    with patch.object(sessions, "verify_password", verify), pytest.raises(sessions.errors.CredentialsWrong):
        await sessions.sign_in(caller=school.system, email="ada@example.com", password=PASSWORD, throttle=MemoryThrottle())

    assert await live_sessions(school) == 0


async def test_one_password_typed_in_two_ways_is_one(visitor: Client, school: School) -> None:
    await account(school.system, email="ada@example.com", password="caf\u00e9 in the harbour")

    assert await visitor.codes("SignIn", input={"email": "ada@example.com", "password": "cafe\u0301 in the harbour"}) == []


@asynccontextmanager
async def crowded() -> AsyncIterator[None]:
    """As many wait for their passwords to be hashed as may, and none gets on."""
    go_on = threading.Event()
    stuck = [passwords._threads.submit(go_on.wait) for _ in range(2)]
    waiting = [asyncio.create_task(passwords.verify_password(None, PASSWORD)) for _ in range(passwords.MOST_AT_ONCE)]
    await asyncio.sleep(0)
    try:
        yield
    finally:
        for task in waiting:
            task.cancel()
        go_on.set()
        await asyncio.gather(*waiting, *map(asyncio.wrap_future, stuck), return_exceptions=True)


async def test_a_crowd_is_refused_at_once_and_told_when_to_come_again(visitor: Client, school: School) -> None:
    email = address()
    await account(school.system, email=email, password=PASSWORD)

    async with crowded():
        signing_in = await visitor.send("SignIn", input={"email": email, "password": PASSWORD})
        signing_up = await visitor.send("SignUp", input={"email": address(), "name": "Ada", "password": PASSWORD})

    for answer in (signing_in, signing_up):
        (error,) = answer["errors"]
        assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 2}
        assert answer["data"] is None
    assert await visitor.codes("SignIn", input={"email": email, "password": PASSWORD}) == []
    assert await live_sessions(school) == 1
