"""The second factor over the API: `totpEnroll`, `totpConfirm`, `secondFactorConfirm`, `totpDisable`, `recoveryCodesRenew`."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.factories.accounts import PASSWORD, account, address, app_code, with_app
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


def code(secret: str, **later: float) -> str:
    return app_code(secret, datetime.now(UTC) + timedelta(**later))


async def test_the_whole_way(visitor: Client, sign_in: SignIn, school: School, house: House, clients: list[Client]) -> None:
    id = await account(school.system, email=(email := address()), password=PASSWORD)
    ada = await sign_in(id)
    assert (await ada.data("MySecurity"))["twoFactorEnabled"] is False

    enrolled = await ada.data("StartTotp", input={"password": PASSWORD})
    assert enrolled["otpauthUrl"].startswith("otpauth://totp/")
    confirmed = await ada.data("ConfirmTotp", input={"code": code(enrolled["secret"], seconds=-30)})
    assert len(confirmed["recoveryCodes"]) == 10
    shown = await ada.data("MySecurity")
    assert (shown["twoFactorEnabled"], shown["recoveryCodesLeft"]) == (True, 10)

    first = await visitor.data("SignIn", input={"email": email, "password": PASSWORD})
    assert (first["session"], first["errors"]) == (None, [])
    assert await visitor.codes("SecondFactor", input={"secondFactorToken": first["secondFactorToken"], "code": "000000"}) == ["CODE_WRONG"]
    second = await visitor.data("SecondFactor", input={"secondFactorToken": first["secondFactorToken"], "code": code(enrolled["secret"])})
    clients.append(Client(house, school.slug, second["session"]["accessToken"]))
    assert (await clients[-1].data("MySecurity"))["email"] == email

    again = await visitor.data("SignIn", input={"email": email, "password": PASSWORD})
    by_recovery = {"secondFactorToken": again["secondFactorToken"], "recoveryCode": confirmed["recoveryCodes"][0]}
    assert await visitor.codes("SecondFactor", input=by_recovery) == []
    assert await visitor.codes("SecondFactor", input=by_recovery) == ["TOKEN_INVALID"]
    assert (await ada.data("MySecurity"))["recoveryCodesLeft"] == 9

    renewed = await ada.data("RenewRecoveryCodes", input={"password": PASSWORD, "code": code(enrolled["secret"], seconds=30)})
    assert len(renewed["recoveryCodes"]) == 10
    off = await ada.data("DisableTotp", input={"password": PASSWORD, "recoveryCode": renewed["recoveryCodes"][0]})
    assert (off["errors"], off["viewer"]["id"]) == ([], shown["id"])
    assert (await ada.data("MySecurity"))["twoFactorEnabled"] is False
    assert (await visitor.data("SignIn", input={"email": email, "password": PASSWORD}))["session"] is not None


async def test_a_wrong_password_never_asks_for_it(visitor: Client, school: School, house: House) -> None:
    id = await account(school.system, email=(email := address()), password=PASSWORD)
    await with_app(school.system, house.adapters.secret_keys, id)

    answers = [await visitor.data("SignIn", input={"email": asked, "password": "another long one"}) for asked in (email, address())]

    assert answers[0] == answers[1]
    assert answers[0]["secondFactorToken"] is None


@pytest.mark.parametrize(
    ("document", "input"),
    [
        ("StartTotp", {"password": PASSWORD}),
        ("ConfirmTotp", {"code": "000000"}),
        ("DisableTotp", {"password": PASSWORD, "code": "000000"}),
        ("RenewRecoveryCodes", {"password": PASSWORD, "code": "000000"}),
        ("EndOtherSessions", {}),
    ],
)
async def test_is_for_who_is_signed_in(visitor: Client, document: str, input: dict[str, str]) -> None:
    assert await visitor.codes(document, input=input) == ["UNAUTHENTICATED"]


async def test_an_account_without_a_password_signs_in_again(sign_in: SignIn) -> None:
    fresh = await sign_in()

    assert await fresh.codes("StartTotp", input={}) == []
    assert await fresh.codes("DisableTotp", input={"code": "000000"}) == ["CONFLICT"]


async def test_a_token_of_another_school_is_none(visitor: Client, school: School, other_school: School, house: House, clients: list[Client]) -> None:
    id = await account(school.system, email=(email := address()), password=PASSWORD)
    secret, _ = await with_app(school.system, house.adapters.secret_keys, id)
    token = (await visitor.data("SignIn", input={"email": email, "password": PASSWORD}))["secondFactorToken"]
    clients.append(elsewhere := Client(house, other_school.slug))

    assert await elsewhere.codes("SecondFactor", input={"secondFactorToken": token, "code": code(secret)}) == ["TOKEN_INVALID"]
    assert await visitor.codes("SecondFactor", input={"secondFactorToken": token, "code": code(secret)}) == []
