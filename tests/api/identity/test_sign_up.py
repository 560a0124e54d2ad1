"""`signUp`: an account and its first session."""

import asyncio
import logging

import pytest

from lms_graph.models import database
from tests.factories.accounts import PASSWORD, address
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


def new_account(**differs: object) -> dict[str, object]:
    return {"email": address(), "name": "Ada Example", "password": PASSWORD} | differs


async def accounts(school: School) -> int:
    async with database.reading(school.system):
        return int(await database.fetch_value("SELECT count(*) FROM accounts WHERE tenant_id = $1", school.id))


async def test_answers_the_account_and_tokens_that_work(visitor: Client, house: House, clients: list[Client]) -> None:
    wanted = new_account(email="Ada.Lovelace@Example.com", name="  Ada Lovelace ")

    answer = await visitor.data("SignUp", input=wanted)

    assert answer["errors"] == []
    assert answer["viewer"]["id"].startswith("vwr_")
    assert (answer["viewer"]["email"], answer["viewer"]["name"]) == ("Ada.Lovelace@Example.com", "Ada Lovelace")
    clients.append(Client(house, visitor.tenant, answer["session"]["accessToken"]))
    me = await clients[-1].data("Me")
    assert me["id"] == answer["viewer"]["id"]
    assert me["roles"] == ["STUDENT"]


async def test_what_follows_in_the_document_is_the_new_accounts(visitor: Client) -> None:
    document = "mutation($input: SignUpInput!) { signUp(input: $input) { viewer { emailVerified sessions { current } } errors { code } } }"

    answer = await visitor.data(document, input=new_account())

    assert answer == {"viewer": {"emailVerified": False, "sessions": [{"current": True}]}, "errors": []}


async def test_refuses_a_taken_address_however_it_is_spelled(visitor: Client, school: School) -> None:
    await visitor.data("SignUp", input=new_account(email="ada@example.com"))

    answer = await visitor.data("SignUp", input=new_account(email=" ADA@Example.com"))

    assert answer["session"] is None
    assert answer["viewer"] is None
    assert [(error["__typename"], error["code"], error["path"]) for error in answer["errors"]] == [("StateConflict", "EMAIL_TAKEN", ["email"])]
    assert await accounts(school) == 1


async def test_tells_everything_that_is_wrong_at_once(visitor: Client, school: School) -> None:
    answer = await visitor.data("SignUp", input=new_account(email="ada@localhost", name=" ", password="short"))

    assert answer["session"] is None
    assert [(error["__typename"], error["code"], error["path"]) for error in answer["errors"]] == [
        ("InvalidInput", "INVALID", ["email"]),
        ("InvalidInput", "INVALID", ["name"]),
        ("InvalidInput", "INVALID", ["password"]),
    ]
    assert await accounts(school) == 0


async def test_one_address_sent_many_times_at_once_gives_one_account(visitor: Client, school: School) -> None:
    wanted = new_account()

    answers = await asyncio.gather(*(visitor.data("SignUp", input=wanted | {"name": f"Ada {number}"}) for number in range(6)))

    outcomes = sorted(tuple(error["code"] for error in answer["errors"]) for answer in answers)
    assert outcomes == [()] + [("EMAIL_TAKEN",)] * 5
    assert await accounts(school) == 1


async def test_one_address_in_two_tenants_is_two_accounts(visitor: Client, other_school: School, house: House, clients: list[Client]) -> None:
    clients.append(Client(house, other_school.slug))
    wanted = new_account()

    here = await visitor.data("SignUp", input=wanted)
    there = await clients[-1].data("SignUp", input=wanted)

    assert there["errors"] == []
    assert here["viewer"]["id"] != there["viewer"]["id"]


@pytest.mark.parametrize("hostile", ["a\u202eb", "a\nb"])
async def test_text_that_cannot_be_kept_is_an_input_error(visitor: Client, hostile: str) -> None:
    answer = await visitor.data("SignUp", input=new_account(name=f"Ada{hostile}Example", email=f"ada{hostile}@example.com"))

    assert [error["path"] for error in answer["errors"]] == [["email"], ["name"]]


async def test_passwords_and_tokens_are_kept_nowhere_in_clear(visitor: Client, school: School, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wanted = new_account(password="never to be written down")

    answer = await visitor.data("SignUp", input=wanted)
    await visitor.codes("SignIn", input={"email": wanted["email"], "password": "nor this one, mistyped"})

    async with database.reading(school.system):
        tables = ("accounts", "account_roles", "sessions", "session_tokens", "facts")
        kept = "".join([str(await database.fetch(f"SELECT * FROM {table} WHERE tenant_id = $1", school.id)) for table in tables])
    secrets = ["never to be written down", "nor this one", answer["session"]["accessToken"], answer["session"]["refreshToken"]]
    assert [secret for secret in secrets if secret in kept or secret in caplog.text] == []
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in kept


async def test_a_document_with_a_misspelled_input_does_not_put_the_password_into_the_log(visitor: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    assert await visitor.codes("SignUp", input={"email": address(), "password": "never to be written down"}) == ["BAD_USER_INPUT"]

    assert "never to be written down" not in caplog.text


async def test_records_the_facts(visitor: Client, school: School) -> None:
    await visitor.data("SignUp", input=new_account())

    async with database.reading(school.system):
        rows = await database.fetch("SELECT name FROM facts WHERE tenant_id = $1 AND name <> 'TenantCreated' ORDER BY name", school.id)
    assert [row["name"] for row in rows] == ["AccountRegistered", "EmailVerificationRequested", "SessionOpened"]
