"""Applying to teach, and what is decided about it."""

from collections.abc import Sequence
from uuid import UUID

from lms_graph.domain.identity import errors, events, policies
from lms_graph.domain.identity.operations import instructors, roles
from lms_graph.domain.identity.queries import applications as queries
from lms_graph.domain.identity.queries import members
from lms_graph.domain.identity.rules import applications as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict, Invalid
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import AccountStatus, ApplicationStatus, Role
from lms_graph.outbox.unit_of_work import unit_of_work


async def apply(*, caller: Caller, motivation: str, links: Sequence[str], slug: str | None, headline: str | None, bio_markdown: str) -> UUID:
    """Ask to become an instructor; gives the application's id. From now on the applicant may write drafts.

    Raises SignedOut, NotAllowed for keys, Invalid with every issue, EmailUnverified; Conflict for an instructor, for who waits for a decision already, and within 30 days of a refusal.
    Records InstructorApplied, RoleGranted.
    """
    account_id = caller.account
    if issues := [*rules.issues_with_application(motivation=motivation, links=links, slug=slug, headline=headline, bio_markdown=bio_markdown)]:
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        account = await members.member_for_update(caller=caller, account_id=account_id)
        if account is None or account["email_verified_at"] is None:
            raise errors.EmailUnverified()
        if Role.INSTRUCTOR in await members.roles_of(caller=caller, account_id=account_id):
            raise Conflict("You are an instructor.")
        _require_free(caller, await queries.latest_of_accounts(caller=caller, account_ids=[account_id]))
        application = await rows.InstructorApplication.create(
            tenant_id=caller.tenant_id,
            account_id=account_id,
            motivation=motivation,
            links=list(links),
            slug=slug,
            headline=headline,
            bio_markdown=bio_markdown,
            applied_at=caller.now,
        )
        await roles.give(work, caller=caller, account_id=account_id, name=account["name"], role=Role.APPLICANT)
        work.record(events.InstructorApplied(application_id=application.id, account_id=account_id))
    return application.id


async def withdraw(*, caller: Caller, application_id: UUID) -> UUID:
    """Take one's application back; one may apply again at once. Raises SignedOut, ApplicationNotFound for another's, Conflict once it is decided. Records InstructorApplicationWithdrawn, RoleRevoked."""
    account_id = caller.account
    async with unit_of_work(caller) as work:
        application = await queries.application_for_update(caller=caller, application_id=application_id)
        if application is None or application["account_id"] != account_id:
            raise errors.ApplicationNotFound()
        if application["status"] == ApplicationStatus.WITHDRAWN:
            return application_id
        _require_pending(application)
        await rows.InstructorApplication.for_caller(caller, id=application_id).update(status=ApplicationStatus.WITHDRAWN, decided_at=caller.now)
        await roles.take(work, caller=caller, account_id=account_id, role=Role.APPLICANT)
        work.record(events.InstructorApplicationWithdrawn(application_id=application_id, account_id=account_id))
    return application_id


async def decide(*, caller: Caller, application_id: UUID, is_approval: bool, reason: str | None) -> UUID:
    """Approve: the applicant becomes an instructor with a public page. Or refuse, and say why. Decided once.

    Raises SignedOut, NotAllowed (see `policies.require_may_decide`), Invalid, ApplicationNotFound, Conflict for one that is decided or withdrawn, or whose applicant is suspended and would be approved.
    Records InstructorApplicationDecided, RoleGranted, RoleRevoked, InstructorPageSaved.
    """
    policies.require_may_decide(caller, approving=is_approval)
    if issues := [*rules.issues_with_decision(is_approval=is_approval, reason=reason)]:
        raise Invalid(*issues)
    status = ApplicationStatus.APPROVED if is_approval else ApplicationStatus.REFUSED
    async with unit_of_work(caller) as work:
        application = await queries.application_for_update(caller=caller, application_id=application_id)
        if application is None:
            raise errors.ApplicationNotFound()
        _require_pending(application)
        account_id = application["account_id"]
        account = await members.member_for_update(caller=caller, account_id=account_id)
        if is_approval:
            if account is None or account["status"] != AccountStatus.ACTIVE:
                raise Conflict("The applicant is suspended. Restore the account first, or refuse.", path=("id",))
            await instructors.ensure_page(
                work,
                caller=caller,
                account_id=account_id,
                name=account["name"],
                slug=application["slug"],
                headline=application["headline"],
                bio_markdown=application["bio_markdown"],
            )
            await roles.give(work, caller=caller, account_id=account_id, name=account["name"], role=Role.INSTRUCTOR)
        await roles.take(work, caller=caller, account_id=account_id, role=Role.APPLICANT)
        await rows.InstructorApplication.for_caller(caller, id=application_id).update(status=status, reason=reason, decided_by=caller.account_id, decided_at=caller.now)
        work.record(events.InstructorApplicationDecided(application_id=application_id, account_id=account_id, status=status.value))
    return application_id


def _require_free(caller: Caller, latest: Sequence[database.Record]) -> None:
    if not latest:
        return
    (last,) = latest
    if last["status"] == ApplicationStatus.PENDING:
        raise Conflict("Your application waits for a decision. Withdraw it to apply anew.")
    if last["status"] == ApplicationStatus.REFUSED and (again := rules.opens_again_at(last["decided_at"])) > caller.now:
        raise Conflict(f"You may apply again from {again:%Y-%m-%d %H:%M} UTC.")


def _require_pending(application: database.Record) -> None:
    if application["status"] != ApplicationStatus.PENDING:
        raise Conflict(f"The application is {application['status'].lower()} already.", path=("id",))
