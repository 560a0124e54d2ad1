"""`/unsubscribe/…`: mails of one kind turned off and on by who has the mail, without a sign-in, and by nobody else."""

import re
from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest

from lms_graph.domain.notifications.queries import mails as queries
from lms_graph.domain.notifications.rules import unsubscribe
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models import database
from lms_graph.models.identity import Account, AccountStatus
from lms_graph.models.notifications import MailKind
from lms_graph.models.tenancy import Tenant
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account
from tests.factories.tenants import domain
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


def token(house: House, school: School, account_id: UUID, kind: MailKind = MailKind.SIGN_IN_ALERT) -> str:
    return unsubscribe.token(house.adapters.secret_keys.derived("unsubscribe"), tenant_id=school.id, account_id=account_id, kind=kind)


async def ask(house: House, method: str, token: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=house.url, timeout=30) as client:
        return await client.request(method, f"/unsubscribe/{token}", **options)


async def is_off(school: School, account_id: UUID) -> bool:
    async with database.reading(school.system):
        return await queries.is_off(caller=school.system, account_id=account_id, kind=MailKind.SIGN_IN_ALERT)


@pytest.fixture
async def account_id(school: School) -> UUID:
    return await account(school.system)


async def test_looking_changes_nothing(house: House, school: School, account_id: UUID) -> None:
    for method in ("GET", "HEAD"):
        page = await ask(house, method, token(house, school, account_id))
        assert page.status_code == 200

    assert not await is_off(school, account_id)
    page = await ask(house, "GET", token(house, school, account_id))
    assert "Mails about new sign-ins are on" in page.text
    assert "A School" in page.text


@pytest.mark.parametrize(
    "options",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {},
        {"content": b"\x00" * 10_000},
    ],
)
async def test_one_post_turns_them_off_whatever_the_program_sends(options: dict[str, Any], house: House, school: School, account_id: UUID) -> None:
    page = await ask(house, "POST", token(house, school, account_id), **options)

    assert page.status_code == 200
    assert "Mails about new sign-ins are off" in page.text
    assert await is_off(school, account_id)


async def test_twice_is_once_and_the_button_turns_them_on_again(house: House, school: School, account_id: UUID) -> None:
    for _ in range(2):
        page = await ask(house, "POST", token(house, school, account_id))
    (action,) = re.findall(r'<form action="(/unsubscribe/[^"]+)" method="post">', page.text)

    async with httpx.AsyncClient(base_url=house.url) as client:
        page = await client.post(action)

    assert "Mails about new sign-ins are on" in page.text
    assert not await is_off(school, account_id)


async def test_is_in_the_accounts_language_and_tells_nothing_of_the_account(house: House, school: School) -> None:
    account_id = await account(school.system, email="private.person@example.com", name="Private Person")
    async with unit_of_work(school.system):
        await Account.for_caller(school.system, id=account_id).update(locale="de-AT")
        await Tenant.for_caller(school.system).update(name="<i>Schule</i>")

    page = await ask(house, "GET", token(house, school, account_id))

    assert '<html lang="de">' in page.text
    assert "Mails über neue Anmeldungen sind an" in page.text
    assert "Private" not in page.text
    assert "private" not in page.text
    assert "<i>" not in page.text
    assert "&lt;i&gt;Schule" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("change", ["forged", "cut", "nonsense", "long", "otherkind"])
async def test_a_token_that_we_did_not_make_turns_nothing_off(change: str, house: House, school: School, account_id: UUID) -> None:
    good = token(house, school, account_id)
    bad = {
        "forged": unsubscribe.token(SecretKeys([b"x" * 32]).derived("unsubscribe"), tenant_id=school.id, account_id=account_id, kind=MailKind.SIGN_IN_ALERT),
        "cut": good[:-5],
        "nonsense": "x",
        "long": "A" * 2_000,
        "otherkind": token(house, school, account_id, MailKind.PASSWORD_CHANGED),
    }[change]

    page = await ask(house, "POST", bad)

    assert page.status_code == 404
    assert "This link does not work" in page.text
    assert not await is_off(school, account_id)


async def test_a_token_of_another_school_is_none_at_this_ones_host(house: House, school: School, other_school: School, account_id: UUID) -> None:
    good = token(house, school, account_id)

    foreign = await ask(house, "POST", good, headers={"Host": await domain(other_school.id)})
    assert (foreign.status_code, await is_off(school, account_id)) == (404, False)
    own = await ask(house, "POST", good, headers={"Host": await domain(school.id)})
    assert (own.status_code, await is_off(school, account_id)) == (200, True)


async def test_of_an_account_under_another_school_or_of_none_is_none(house: House, other_school: School, school: School, account_id: UUID) -> None:
    for strange in (token(house, other_school, account_id), token(house, school, uuid4()), unsubscribe.token(
        house.adapters.secret_keys.derived("unsubscribe"), tenant_id=uuid4(), account_id=account_id, kind=MailKind.SIGN_IN_ALERT
    )):  # fmt: skip
        page = await ask(house, "POST", strange)
        assert page.status_code == 404
    assert not await is_off(school, account_id)


async def test_of_an_erased_account_is_none(house: House, school: School, account_id: UUID) -> None:
    async with unit_of_work(school.system):
        await Account.for_caller(school.system, id=account_id).update(status=AccountStatus.ERASED)

    assert (await ask(house, "POST", token(house, school, account_id))).status_code == 404
