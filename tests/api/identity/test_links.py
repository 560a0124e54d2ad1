"""Links in mails over the API: `emailVerify`, `passwordResetRequest`, `passwordResetConfirm` and their like, as a visitor follows them."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from lms_graph.kit.ids import parse_id
from tests.factories.accounts import PASSWORD, account, address, link
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

OTHER_PASSWORD = "a louder green mountain"
Settle = Callable[[], Awaitable[list[str]]]


async def test_a_visitor_verifies_an_address(visitor: Client, school: School, house: House, clients: list[Client]) -> None:
    email = address()
    signed_up = await visitor.data("SignUp", input={"email": email, "name": "Ada", "password": PASSWORD})
    clients.append(ada := Client(house, school.slug, signed_up["session"]["accessToken"]))
    assert (await ada.data("MySecurity"))["emailVerified"] is False
    token = await link(school.system, house.adapters.secret_keys, await _id(ada), "EMAIL_VERIFICATION")

    answer = await visitor.data("VerifyEmail", input={"token": token})

    assert answer == {"viewer": {"id": signed_up["viewer"]["id"], "emailVerified": True}, "errors": []}
    assert (await ada.data("MySecurity"))["emailVerified"] is True
    assert await visitor.codes("VerifyEmail", input={"token": token}) == ["LINK_INVALID"]


async def test_a_followed_link_signs_nobody_in(visitor: Client, school: School, house: House) -> None:
    signed_up = await visitor.data("SignUp", input={"email": address(), "name": "Ada", "password": PASSWORD})
    ada = Client(house, school.slug, signed_up["session"]["accessToken"])
    token = await link(school.system, house.adapters.secret_keys, await _id(ada), "EMAIL_VERIFICATION")
    await ada.http.aclose()

    body = await visitor.send(
        "mutation ($input: EmailVerifyInput!, $none: SessionsRevokeOthersInput!) "
        "{ emailVerify(input: $input) { viewer { id } } then: sessionsRevokeOthers(input: $none) { viewer { id } } }",
        input={"token": token},
        none={},
    )

    assert [(error["path"], error["extensions"]["code"]) for error in body["errors"]] == [(["then"], "UNAUTHENTICATED")]


async def _id(client: Client) -> UUID:
    parsed = parse_id((await client.data("MySecurity"))["id"])
    assert parsed
    return parsed[1]


async def test_a_forgotten_password_is_set_anew(visitor: Client, school: School, house: House, clients: list[Client], settle: Settle) -> None:
    email = address()
    id = await account(school.system, email=email, password=PASSWORD)

    assert await visitor.data("AskPasswordReset", input={"email": email}) == {"ok": True, "errors": []}
    await settle()
    token = await link(school.system, house.adapters.secret_keys, id, "PASSWORD_RESET")
    answer = await visitor.data("ConfirmPasswordReset", input={"token": token, "password": OTHER_PASSWORD})

    assert (answer["errors"], answer["secondFactorToken"]) == ([], None)
    clients.append(Client(house, school.slug, answer["session"]["accessToken"]))
    assert (await clients[-1].data("MySecurity"))["emailVerified"] is True
    assert await visitor.codes("ConfirmPasswordReset", input={"token": token, "password": OTHER_PASSWORD}) == ["LINK_INVALID"]


async def test_asking_says_the_same_of_every_address(visitor: Client, school: School) -> None:
    known = address()
    await account(school.system, email=known)

    for document in ("AskPasswordReset", "AskVerification"):
        answers = [await visitor.data(document, input={"email": email}) for email in (known, address())]
        assert answers[0] == answers[1]
        assert await visitor.codes(document, input={"email": "no address"}) == ["INVALID"]


async def test_a_link_of_another_school_is_none(visitor: Client, school: School, other_school: School, house: House, clients: list[Client], settle: Settle) -> None:
    email = address()
    id = await account(school.system, email=email, password=PASSWORD)
    await visitor.data("AskPasswordReset", input={"email": email})
    await settle()
    token = await link(school.system, house.adapters.secret_keys, id, "PASSWORD_RESET")
    clients.append(elsewhere := Client(house, other_school.slug))

    assert await elsewhere.codes("ConfirmPasswordReset", input={"token": token, "password": OTHER_PASSWORD}) == ["LINK_INVALID"]
    assert await elsewhere.codes("VerifyEmail", input={"token": token}) == ["LINK_INVALID"]
    assert await elsewhere.codes("ConfirmEmailChange", input={"token": token}) == ["LINK_INVALID"]

    assert await visitor.codes("SignIn", input={"email": email, "password": PASSWORD}) == []


async def test_an_address_is_changed_by_its_new_owner_reading_the_mail(visitor: Client, sign_in: SignIn, school: School, house: House) -> None:
    id = await account(school.system, email=address(), password=PASSWORD)
    ada, new = await sign_in(id), address()

    assert await ada.codes("AskEmailChange", input={"email": new, "password": "another long one"}) == ["CREDENTIALS_WRONG"]
    assert await ada.data("AskEmailChange", input={"email": new, "password": PASSWORD}) == {"ok": True, "errors": []}
    token = await link(school.system, house.adapters.secret_keys, id, "EMAIL_CHANGE")
    answer = await visitor.data("ConfirmEmailChange", input={"token": token})

    assert answer["viewer"] == {"id": (await ada.data("MySecurity"))["id"], "email": new, "emailVerified": True}
    assert await visitor.codes("AskEmailChange", input={"email": new, "password": PASSWORD}) == ["UNAUTHENTICATED"]


async def test_a_password_is_changed_by_the_present_one(visitor: Client, sign_in: SignIn, school: School) -> None:
    id = await account(school.system, email=(email := address()), password=PASSWORD)
    ada, elsewhere = await sign_in(id), await sign_in(id)

    assert await ada.codes("ChangePassword", input={"currentPassword": "x", "newPassword": OTHER_PASSWORD}) == ["CREDENTIALS_WRONG"]
    assert await elsewhere.data("MySecurity")
    assert await ada.codes("ChangePassword", input={"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD}) == []

    assert len((await ada.data("MySecurity"))["sessions"]) == 1
    assert await elsewhere.codes("ChangePassword", input={"currentPassword": OTHER_PASSWORD, "newPassword": PASSWORD}) == ["UNAUTHENTICATED"]
    assert await visitor.codes("SignIn", input={"email": email, "password": OTHER_PASSWORD}) == []
    assert await visitor.codes("ChangePassword", input={"currentPassword": OTHER_PASSWORD, "newPassword": PASSWORD}) == ["UNAUTHENTICATED"]
