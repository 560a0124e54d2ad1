"""A server as a process of its own, with a school in which there is one of everything."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lms_graph.embedded.postgres import database_url
from lms_graph.embedded.processes import free_port
from tests.factories.accounts import PASSWORD, account
from tests.factories.schools import full_school
from tests.fixtures.house import House
from tests.fixtures.processes import Process
from tests.fixtures.serving import Serve
from tests.fuzz.target import BY_HAND, Target


@pytest.fixture(scope="module")
async def serving_target(house: House, serve: Serve, environment: dict[str, str], servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    made = await full_school(house)
    await made.student.http.aclose()
    emails = {"student": made.words["email"][0]}
    for who, roles in (("instructor", ("STUDENT", "INSTRUCTOR")), ("admin", ("STUDENT", "TENANT_ADMIN"))):
        emails[who] = f"{who}@example.com"
        await account(made.school.system, email=emails[who], password=PASSWORD, roles=roles)
    twins = free_port()  # the twins of the tests' own process stand still while these tests run
    log: Path = tmp_path_factory.mktemp("fuzz") / "twins.log"
    twin = Process("twins", [sys.executable, "-m", "lms_graph.integrations.twins", str(twins)], log, environment)
    serving = await serve(LMS_STRIPE_URL=f"http://localhost:{twins}/stripe", LMS_COST_BUCKET=str(10**9), LMS_COST_PER_SECOND=str(10**8))
    name = urlsplit(environment["DATABASE_URL"]).path.lstrip("/")
    target = Target(serving, made, emails, database_url(servers["SUPERUSER_URL"], name))
    yield target
    twin.end()
    if BY_HAND:
        print(f"{target.requests:,} requests")


@pytest.fixture
def target(serving_target: Target) -> Iterator[Target]:
    """After whatever was sent, the server stands as before."""
    yield serving_target
    serving_target.still_stands()
