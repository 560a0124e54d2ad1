"""Limits on guessing, as they are met over HTTP, with the figures that a deployment has."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.limits.bounds import Bounds
from lms_graph.limits.documents import Documents
from lms_graph.schema import schema
from lms_graph.web import verify
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.operations import Operations
from lms_graph.web.proxies import TrustedProxies
from tests.factories import certificates
from tests.factories.accounts import PASSWORD, account, address, app_code, with_app
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House, served

pytestmark = pytest.mark.anyio

WRONG = "another long one"


@pytest.fixture
async def strict(house: House) -> AsyncIterator[House]:
    """The same house with the limits of a deployment, which do not fill meanwhile, behind no proxy that it trusts."""
    adapters = replace(house.adapters, throttle=MemoryThrottle(clock=lambda: 1_000.0))
    endpoint = Endpoint(Operations(schema, adapters, Documents(schema._schema, Bounds())), default_tenant=None, base_url=adapters.base_url)
    routes = [Route("/graphql", endpoint), Route("/verify", verify.form), Route("/verify/{code}", verify.certificate)]
    app = Starlette(routes=routes, middleware=[Middleware(TrustedProxies, trusted=[])])
    app.state.adapters = adapters
    async with served(app) as url:
        yield House(url, adapters)


@pytest.fixture
def guesser(strict: House, school: School, clients: list[Client]) -> Client:
    clients.append(client := Client(strict, school.slug))
    return client


async def test_twenty_guesses_meet_a_limit(guesser: Client, school: School) -> None:
    await account(school.system, email=(email := address()), password=PASSWORD)

    answers = [await guesser.send("SignIn", input={"email": email, "password": WRONG}) for _ in range(20)]

    codes = [answer["errors"][0]["extensions"]["code"] if answer.get("errors") else answer["data"]["signIn"]["errors"][0]["code"] for answer in answers]
    assert codes == ["CREDENTIALS_WRONG"] * 10 + ["RATE_LIMITED"] * 10
    assert answers[-1]["errors"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 360}
    assert answers[-1]["data"] is None
    assert await guesser.codes("SignIn", input={"email": email.upper(), "password": PASSWORD}) == ["RATE_LIMITED"]


async def test_an_unknown_address_answers_alike(guesser: Client, school: School) -> None:
    await account(school.system, email=(email := address()), password=PASSWORD)

    known = [await guesser.codes("SignIn", input={"email": email, "password": WRONG}) for _ in range(12)]
    unknown = [await guesser.codes("SignIn", input={"email": "nobody@example.com", "password": WRONG}) for _ in range(12)]

    assert known == unknown


async def test_aliases_in_one_document_each_count(guesser: Client, school: School) -> None:
    await account(school.system, email=(email := address()), password=PASSWORD)
    guesses = " ".join(f'g{number}: signIn(input: {{ email: "{email}", password: "{WRONG}" }}) {{ errors {{ code }} }}' for number in range(10))

    body = await guesser.send(f"mutation {{ {guesses} }}")

    assert len(body["data"]) == 10
    assert await guesser.codes("SignIn", input={"email": email, "password": PASSWORD}) == ["RATE_LIMITED"]


async def test_a_made_up_proxy_does_not_lift_it(guesser: Client, school: School) -> None:
    await account(school.system, email=(email := address()), password=PASSWORD)
    for number in range(20):
        guesser.http.headers["X-Forwarded-For"] = f"198.51.100.{number}"
        guesser.http.headers["Forwarded"] = f"for=198.51.100.{number}"
        codes = await guesser.codes("SignIn", input={"email": email, "password": WRONG})

    assert codes == ["RATE_LIMITED"]


async def test_codes_of_the_second_factor_meet_a_limit_whatever_the_token(guesser: Client, school: School, house: House) -> None:
    id = await account(school.system, email=(email := address()), password=PASSWORD)
    secret, _ = await with_app(school.system, house.adapters.secret_keys, id)

    async def token() -> Any:
        return (await guesser.data("SignIn", input={"email": email, "password": PASSWORD}))["secondFactorToken"]

    codes = [await guesser.codes("SecondFactor", input={"secondFactorToken": await token(), "code": "000000"}) for _ in range(12)]

    assert codes == [["CODE_WRONG"]] * 10 + [["RATE_LIMITED"]] * 2
    right = app_code(secret, datetime.now(UTC))
    assert await guesser.codes("SecondFactor", input={"secondFactorToken": await token(), "code": right}) == ["RATE_LIMITED"]


async def test_mails_of_a_kind_to_one_address_meet_a_limit(guesser: Client) -> None:
    email = address()
    codes = {document: [await guesser.codes(document, input={"email": email}) for _ in range(6)] for document in ("AskPasswordReset", "AskVerification")}

    assert codes == dict.fromkeys(codes, [[]] * 4 + [["RATE_LIMITED"]] * 2)


async def test_wrong_codes_of_certificates_meet_one_limit_on_page_and_api(guesser: Client, strict: House, school: School) -> None:
    row = await certificates.issued(school, strict.adapters, await certificates.run(school))
    async with httpx.AsyncClient(base_url=strict.url) as browser:
        statuses = [(await browser.get(f"/verify/{number:020}", headers={"Host": "x.example"})).status_code for number in range(40)]
        answers = [await guesser.send("query ($code: String!) { certificate(code: $code) { id } }", code=f"{number:020}") for number in range(25)]
        right = await browser.get(f"/verify/{row.code}")

    assert statuses == [404] * 40
    codes = [answer["errors"][0]["extensions"]["code"] if answer.get("errors") else None for answer in answers]
    assert codes == [None] * 20 + ["RATE_LIMITED"] * 5
    assert (right.status_code, right.headers["retry-after"]) == (429, "1")


async def test_right_codes_are_looked_at_as_often_as_one_likes(strict: House, school: School) -> None:
    row = await certificates.issued(school, strict.adapters, await certificates.run(school))

    async with httpx.AsyncClient(base_url=strict.url) as browser:
        statuses = {(await browser.get(f"/verify/{row.code}")).status_code for _ in range(70)}

    assert statuses == {200}
