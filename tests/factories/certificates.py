"""Finished runs, and the certificates that follow from them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from lms_graph.adapters import Adapters
from lms_graph.domain.certificates import operations
from lms_graph.domain.learning import events
from lms_graph.kit.caller import Caller
from lms_graph.kit.secrets import new_token, token_hash
from lms_graph.models import catalog, certificates, database, identity, learning
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.fixtures.callers import School

STUDENT = "Šárka Łukasiewicz-Brânză"
COURSE = "Größere Brücken bauen: Statik für Anfänger"


@dataclass(frozen=True)
class Run:
    """A run and its learner, who is signed in with `token`."""

    id: UUID
    account_id: UUID
    course_id: UUID
    version_id: UUID
    instructor_names: list[str]
    token: str = field(default_factory=new_token)

    def caller(self, school: School) -> Caller:
        return Caller(tenant_id=school.id, account_id=self.account_id, now=datetime.now(UTC))


async def run(school: School, *, student: str = STUDENT, title: str = COURSE, instructors: tuple[str, ...] = ("Zoë Øster", "A. De Morgan"), finished: bool = True) -> Run:
    """A run of a course of its own."""
    now = datetime.now(UTC)
    caller = school.system
    async with unit_of_work(caller):
        learner = await _account(caller, student)
        made = await catalog.Course.create(tenant_id=caller.tenant_id, slug=uuid4().hex[:20], title=title)
        version = await catalog.CourseVersion.create(
            tenant_id=caller.tenant_id, course_id=made.id, number=1, published_at=now, title=title, short_description="", level="ALL_LEVELS", language="en"
        )
        for position, name in enumerate(instructors):
            teacher = await _account(caller, name)
            await identity.Instructor.create(id=teacher.id, tenant_id=caller.tenant_id, slug=uuid4().hex[:20])
            await catalog.CourseInstructor.create(tenant_id=caller.tenant_id, course_id=made.id, account_id=teacher.id, role="ASSISTANT" if position else "LEAD", position=position)
        row = await learning.Enrollment.create(
            tenant_id=caller.tenant_id,
            account_id=learner.id,
            course_id=made.id,
            version_id=version.id,
            run_number=1,
            status="COMPLETED" if finished else "ACTIVE",
            progress_percent=100 if finished else 40,
            enrolled_at=now - timedelta(days=30),
            completed_at=now if finished else None,
        )
        done = Run(row.id, learner.id, made.id, version.id, list(instructors))
        session = await identity.Session.create(tenant_id=caller.tenant_id, account_id=learner.id, created_at=now, last_seen_at=now, expires_at=now + timedelta(days=1))
        await identity.SessionToken.create(
            tenant_id=caller.tenant_id, session_id=session.id, kind="ACCESS", token_hash=token_hash(done.token), created_at=now, expires_at=now + timedelta(hours=1)
        )
    return done


async def _account(caller: Caller, name: str) -> identity.Account:
    email = f"{uuid4().hex}@example.com"
    return await identity.Account.create(tenant_id=caller.tenant_id, email=email, email_key=email, name=name)


async def rename(school: School, run: Run, name: str) -> None:
    """Give the run's learner another name."""
    async with unit_of_work(school.system):
        await identity.Account.for_caller(school.system, id=run.account_id).update(name=name)


async def complete(school: School, run: Run) -> None:
    """Tell that the run is finished, as learning does; it may be told more than once."""
    async with unit_of_work(school.system) as work:
        work.record(events.CourseCompleted(enrollment_id=run.id, account_id=run.account_id, course_id=run.course_id))


async def issued(school: School, adapters: Adapters, run: Run) -> certificates.Certificate:
    """The run's certificate, not yet printed."""
    await operations.issue_certificate(caller=school.system, enrollment_id=run.id, closes=None, base_url=adapters.base_url, secret_keys=adapters.secret_keys)
    (row,) = await rows(school, run)
    return row


async def printed(school: School, adapters: Adapters, run: Run) -> certificates.Certificate:
    """The run's certificate with its PDF."""
    row = await issued(school, adapters, run)
    await operations.render_certificate(caller=school.system, certificate_id=row.id, closes=None, renderer=adapters.certificate_renderer, objects=adapters.objects)
    (row,) = await rows(school, run)
    return row


async def rows(school: School, run: Run) -> list[certificates.Certificate]:
    """All certificates of the run."""
    async with unit_of_work(school.system):
        return await certificates.Certificate.for_caller(school.system, subject_id=run.id).order_by("issued_at")


async def change(school: School, certificate_id: UUID, **values: Any) -> None:
    """Write into a certificate's row, as an operation to come will, or somebody who should not."""
    async with unit_of_work(school.system):
        await certificates.Certificate.for_caller(school.system, id=certificate_id).update(**values)


async def value(school: School, sql: str, *parameters: Any) -> Any:
    """One value; the tenant is `$1`."""
    async with database.reading(school.system):
        return await database.fetch_value(sql, school.id, *parameters)
