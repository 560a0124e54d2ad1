"""The school that is measured: as many published courses and learners as asked, the same each time, made by a few statements as the owner."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from bench import courses as catalog
from bench import learners as people
from lms_graph.domain.tenancy.operations import tenants as tenancy
from lms_graph.kit.caller import Caller
from lms_graph.kit.secrets import new_token, token_hash
from lms_graph.models import identity
from lms_graph.models.tenancy import Domain
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account

HOST = "school.bench.example"


@dataclass(frozen=True)
class School:
    """A school, and somebody signed in who browses it and has no run."""

    tenant_id: UUID
    account_id: UUID
    token: str
    slugs: list[str]
    learners: int = 0


async def make(owner_url: str, *, courses: int) -> School:
    """The school under `HOST` with its courses. The database must be open (`wiring.running`): people come through the domain, the courses by SQL."""
    tenant_id = await tenancy.create_tenant(slug="bench", name="Harbor School")
    caller = Caller.system(tenant_id)
    async with unit_of_work(caller):
        await Domain.create(tenant_id=tenant_id, host=HOST, is_primary=True, status="VERIFIED", verified_at=caller.now)
    visitor = await account(caller, name="Vera Visitor")
    school = School(tenant_id, visitor, await sign_in(caller, visitor), sorted(f"course-{number + 1}" for number in range(courses)))
    await _fill(owner_url, school, catalog.ROWS)
    return school


async def grow(owner_url: str, school: School, learners: int) -> School:
    """The school with that many learners, to whom those belong that it has."""
    if learners > school.learners:
        await _fill(owner_url, school, people.ROWS, first=school.learners + 1, last=learners)
    return replace(school, learners=max(learners, school.learners))


async def _fill(owner_url: str, school: School, statements: Sequence[str], **numbers: int) -> None:
    connection = await asyncpg.connect(owner_url)
    try:
        async with connection.transaction():
            await connection.execute(catalog.TOOLS)
            for name, value in {"tenant": school.tenant_id, "courses": len(school.slugs), **numbers}.items():
                await connection.execute("SELECT set_config($1, $2, true)", f"bench.{name}", str(value))
            for statement in statements:
                await connection.execute(statement)
        await connection.execute("VACUUM (ANALYZE)")  # as autovacuum leaves it: what was loaded a moment ago would be looked at row by row
    finally:
        await connection.close()


async def sign_in(caller: Caller, account_id: UUID) -> str:
    """An access token that outlasts the run of the bench."""
    token, now = new_token(), datetime.now(UTC)
    here: dict[str, Any] = {"tenant_id": caller.tenant_id, "created_at": now, "expires_at": now + timedelta(days=1)}
    async with unit_of_work(caller):
        session = await identity.Session.create(**here, account_id=account_id, last_seen_at=now)
        await identity.SessionToken.create(**here, session_id=session.id, kind="ACCESS", token_hash=token_hash(token))
    return token
