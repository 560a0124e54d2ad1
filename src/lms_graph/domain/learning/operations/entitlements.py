"""Grants: who may open what, from which source, in which window. Ending or changing one touches no other."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from lms_graph.domain.learning import errors, events, policies
from lms_graph.domain.learning.rules import grants as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models import learning as rows
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

CLOCKS_DIFFER = timedelta(minutes=5)


async def grant_course(
    *,
    caller: Caller,
    account_id: UUID,
    course_id: UUID | None,
    kind: rows.EntitlementKind = rows.EntitlementKind.MANUAL,
    source_id: UUID | None = None,
    source_reference: str | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    note: str | None = None,
) -> UUID:
    """Grant a course, or with None all of them, to an account; the same source again gives the grant there is, as it is. Records EntitlementGranted, and AccessChanged of its runs."""
    async with unit_of_work(caller) as work:
        made = await database.fetch_one(
            "INSERT INTO entitlements (tenant_id, id, account_id, subject_kind, subject_id, kind, source_id, source_reference, state, starts_at, ends_at, terms, "
            "granted_by_account_id, granted_by_key_id, note, created_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ACTIVE', $9, $10, '{}', $11, $12, $13, $14) ON CONFLICT DO NOTHING RETURNING id",
            caller.tenant_id,
            new_id(),
            account_id,
            rows.SubjectKind.ALL_ACCESS if course_id is None else rows.SubjectKind.COURSE,
            course_id,
            kind.value,
            source_id,
            source_reference,
            starts_at or caller.now,
            ends_at,
            caller.account_id,
            caller.key_id,
            note,
            caller.now,
        )
        if made is None:  # the source has granted it before
            source = {"source_reference": source_reference} if source_id is None else {"source_id": source_id}
            return (await rows.Entitlement.for_caller(caller, kind=kind, account_id=account_id, subject_id=course_id, **source).get()).id
        id: UUID = made["id"]
        work.record(events.EntitlementGranted(entitlement_id=id, account_id=account_id, course_id=course_id))
        await _tell_runs(work, caller, id, account_id, course_id)
    return id


async def change_by_source(*, caller: Caller, source_id: UUID, **changes: Any) -> list[UUID]:
    """For who made the grants: change `state`, `grace_until`, `ends_at` or `account_id` of all grants of a source of theirs, revoked ones left alone; gives their ids.

    Records EntitlementChanged, and AccessChanged of their runs, for each that is another one now.
    """
    async with unit_of_work(caller) as work:
        grants = await _of_source(caller, source_id)
        for grant in grants:
            if any(grant[name] != value for name, value in changes.items()):
                await _change(caller, grant["id"], **changes)
                await _tell(work, caller, {**grant, **changes}, events.EntitlementChanged)
    return [grant["id"] for grant in grants]


async def end_by_source(*, caller: Caller, source_id: UUID, reason: str, course_id: UUID | None = None) -> list[UUID]:
    """For who made the grants: revoke all of a source of theirs, or the one of a course, now; gives the ids of those that were open. Nothing else that their learners hold is touched.

    Records EntitlementRevoked, and AccessChanged of their runs.
    """
    async with unit_of_work(caller) as work:
        grants = [grant for grant in await _of_source(caller, source_id) if course_id in (None, grant["subject_id"])]
        for grant in grants:
            await _change(caller, grant["id"], revoked_at=caller.now, revoked_reason=reason)
            await _tell(work, caller, grant, events.EntitlementRevoked)
    return [grant["id"] for grant in grants]


async def reopen_by_source(*, caller: Caller, source_id: UUID, course_id: UUID | None) -> bool:
    """For who made the grant: take back that it was revoked, of a course or with None of all access; True if it was. Records EntitlementRestored, and AccessChanged of its runs."""
    async with unit_of_work(caller) as work:
        grant = await database.fetch_one(
            "UPDATE entitlements SET revoked_at = NULL, revoked_reason = NULL WHERE tenant_id = $1 AND source_id = $2 AND subject_id IS NOT DISTINCT FROM $3 "
            "AND revoked_at IS NOT NULL RETURNING id, account_id, subject_id",
            caller.tenant_id,
            source_id,
            course_id,
        )
        if grant is not None:
            await _tell(work, caller, grant, events.EntitlementRestored)
    return grant is not None


async def _of_source(caller: Caller, source_id: UUID) -> list[database.Record]:
    """The grants of a source that were not revoked, locked in one order."""
    return await database.fetch(
        "SELECT id, account_id, subject_id, kind, state, starts_at, ends_at, grace_until, revoked_at, note FROM entitlements "
        "WHERE tenant_id = $1 AND source_id = $2 AND revoked_at IS NULL ORDER BY id FOR UPDATE",
        caller.tenant_id,
        source_id,
    )


async def revoke(*, caller: Caller, entitlement_id: UUID, reason: str, at: datetime | None = None) -> UUID:
    """End a grant by hand, now or at a moment to come; again changes nothing, but for an earlier moment. Nothing else that its learner holds is touched.

    Raises SignedOut, NotAllowed, GrantNotFound, GrantNotByHand, Invalid. Records EntitlementRevoked, and AccessChanged of its runs.
    """
    policies.require_may_grant(caller)
    issues = [*rules.issues_with_reason(reason)]
    if at is not None and at < caller.now - CLOCKS_DIFFER:
        issues.append(Issue("`at` has passed. Leave it out to revoke now.", ("at",)))
    if issues:
        raise Invalid(*issues)
    end = max(at or caller.now, caller.now)
    async with unit_of_work(caller) as work:
        grant = await _lock(caller, entitlement_id)
        if grant["revoked_at"] is None or grant["revoked_at"] > end:
            await _change(caller, entitlement_id, revoked_at=end, revoked_reason=reason)
            await _tell(work, caller, grant, events.EntitlementRevoked)
    return entitlement_id


async def restore(*, caller: Caller, entitlement_id: UUID) -> UUID:
    """Take a revocation back: the grant is as it was, with the window it has. One that was not revoked stays as it is.

    Raises SignedOut, NotAllowed, GrantNotFound, GrantNotByHand. Records EntitlementRestored, and AccessChanged of its runs.
    """
    policies.require_may_grant(caller)
    async with unit_of_work(caller) as work:
        grant = await _lock(caller, entitlement_id)
        if grant["revoked_at"] is not None:
            await _change(caller, entitlement_id, revoked_at=None, revoked_reason=None)
            await _tell(work, caller, grant, events.EntitlementRestored)
    return entitlement_id


async def update(*, caller: Caller, entitlement_id: UUID, changes: dict[str, Any]) -> UUID:
    """Change the window (`starts_at`, `ends_at`) or the `note` of a grant; what is left out stays.

    Raises SignedOut, NotAllowed, GrantNotFound, GrantNotByHand, GrantRevoked, Invalid. Records EntitlementChanged, and AccessChanged of its runs, if anything is to change.
    """
    policies.require_may_grant(caller)
    async with unit_of_work(caller) as work:
        grant = await _lock(caller, entitlement_id)
        if grant["revoked_at"] is not None and grant["revoked_at"] <= caller.now:
            raise errors.GrantRevoked()
        after: dict[str, Any] = {name: changes.get(name, grant[name]) for name in ("starts_at", "ends_at", "note")}
        if issues := [*rules.issues_with_window(after["starts_at"], after["ends_at"]), *rules.issues_with_note(after["note"])]:
            raise Invalid(*issues)
        if any(grant[name] != value for name, value in after.items()):
            await _change(caller, entitlement_id, **after)
            await _tell(work, caller, grant, events.EntitlementChanged)
    return entitlement_id


async def _lock(caller: Caller, entitlement_id: UUID) -> database.Record:
    """A grant that may be changed by hand, locked until the unit of work ends."""
    grant = await database.fetch_one(
        "SELECT id, account_id, subject_id, kind, starts_at, ends_at, revoked_at, note FROM entitlements WHERE tenant_id = $1 AND id = $2 FOR UPDATE",
        caller.tenant_id,
        entitlement_id,
    )
    if grant is None:
        raise errors.GrantNotFound()
    if grant["kind"] not in rules.BY_HAND:
        raise errors.GrantNotByHand(grant["kind"])
    return grant


async def _change(caller: Caller, entitlement_id: UUID, **values: Any) -> None:
    await rows.Entitlement.for_caller(caller, id=entitlement_id).update(**values)


_Told = type[events.EntitlementRevoked] | type[events.EntitlementRestored] | type[events.EntitlementChanged]


async def _tell(work: UnitOfWork, caller: Caller, grant: database.Record, what: _Told) -> None:
    work.record(what(entitlement_id=grant["id"], account_id=grant["account_id"], course_id=grant["subject_id"]))
    await _tell_runs(work, caller, grant["id"], grant["account_id"], grant["subject_id"])


async def _tell_runs(work: UnitOfWork, caller: Caller, entitlement_id: UUID, account_id: UUID, course_id: UUID | None) -> None:
    """The live streams of the runs on which the grant bears say so."""
    runs = await database.fetch(
        "SELECT id FROM enrollments WHERE tenant_id = $1 AND account_id = $2 AND ($3::uuid IS NULL OR course_id = $3) AND status <> 'CANCELED'",
        caller.tenant_id,
        account_id,
        course_id,
    )
    for run in runs:
        work.record(events.AccessChanged(enrollment_id=run["id"], entitlement_id=entitlement_id))
