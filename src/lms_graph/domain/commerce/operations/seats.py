"""Pools of seats: opened by a sale or as a voucher, assigned, redeemed, taken back, expired, closed.

Whatever changes a pool locks its row first: seats of one pool are given one after another. A gift is a pool of one, which never enrolls who gave it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog import errors as catalog_errors
from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.commerce import errors, events
from lms_graph.domain.commerce.queries import disputes
from lms_graph.domain.commerce.queries import seats as queries
from lms_graph.domain.commerce.rules import seats as rules
from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.learning.operations import enrollments, entitlements
from lms_graph.domain.learning.queries import runs
from lms_graph.domain.learning.queries.entitlements import grants_that_open
from lms_graph.kit import codes
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.permissions import Permission
from lms_graph.kit.text import email_key, is_email, is_one_line
from lms_graph.kit.throttle import Throttle, attempt
from lms_graph.models import commerce as rows
from lms_graph.models import database
from lms_graph.models.commerce import PoolKind, SeatStatus
from lms_graph.models.identity import AccountStatus
from lms_graph.models.learning import EntitlementKind, EntitlementState
from lms_graph.outbox import idempotency
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def open_pool(
    *,
    caller: Caller,
    order_id: UUID,
    line_id: UUID,
    owner_account_id: UUID,
    course_id: UUID,
    seats: int,
    gift_email: str | None = None,
    gift_message: str | None = None,
    expires_at: datetime | None = None,
) -> UUID:
    """What a line of an order has bought, inside the settlement's unit of work; gives the pool's id, that of the first time on a repeat. Nobody is enrolled by it but the owner of `gift_email`.

    With an address or a message it is a gift; its seat is assigned to the address, unless that is the giver's own. Records SeatPoolOpened, and what `assign` does.
    """
    is_gift = gift_email is not None or gift_message is not None
    async with unit_of_work(caller) as work:
        if known := await queries.lock_pool_of_line(caller=caller, line_id=line_id):
            present: UUID = known["id"]
            return present
        with database.unique(otherwise=lambda: errors.PoolClosed("The pool of this line is being opened. Ask again in a moment.")):
            pool = await _open(
                work,
                caller,
                kind=PoolKind.GIFT if is_gift else PoolKind.SEATS,
                owner_account_id=owner_account_id,
                order_id=order_id,
                order_line_id=line_id,
                course_id=course_id,
                seats=seats,
                message=gift_message,
                expires_at=expires_at,
            )
        if gift_email is not None and is_email(gift_email) and not await _is_address_of(caller, owner_account_id, gift_email):
            await _assign(work, caller, await queries.lock_any_pool(caller=caller, pool_id=pool.id), gift_email)
    return pool.id


async def close_pool(*, caller: Caller, line_id: UUID, reason: str) -> None:
    """Take back everything that a line has bought, redeemed or not, inside the refund's unit of work. Again, or for a line that bought no seats, it changes nothing.

    Records SeatPoolClosed, and what ending the grants does.
    """
    async with unit_of_work(caller) as work:
        pool = await queries.lock_pool_of_line(caller=caller, line_id=line_id)
        if pool is None or pool["closed_at"] is not None:
            return
        for seat in await queries.seats_in_use(caller=caller, pool_id=pool["id"]):
            await _end(caller, seat, SeatStatus.REVOKED)
            await entitlements.end_by_source(caller=caller, source_id=seat["id"], reason=reason[: rules.MAX_REASON])
        await _change_pool(caller, pool["id"], taken=0, closed_at=caller.now, closed_reason=reason[: rules.MAX_REASON])
        work.record(events.SeatPoolClosed(pool_id=pool["id"]))


async def create_voucher(*, caller: Caller, course_id: UUID, redemptions: int, expires_at: datetime | None, idempotency_key: str) -> UUID:
    """A code that opens a course without a payment, for so many people; gives the pool's id. Raises SignedOut, NotAllowed, Invalid, CourseNotFound, IdempotencyConflict. Records SeatPoolOpened."""
    caller.require(Permission.SEATS_MANAGE)
    if issues := [*rules.issues_with_voucher(redemptions=redemptions, expires_at=expires_at, now=caller.now)]:
        raise Invalid(*issues)

    async def create(work: UnitOfWork) -> UUID:
        if await outline.course_terms(caller=caller, course_id=course_id) is None:
            raise catalog_errors.CourseNotFound()
        return (await _open(work, caller, kind=PoolKind.VOUCHER, course_id=course_id, seats=redemptions, expires_at=expires_at)).id

    body = {"courseId": course_id, "redemptions": redemptions, "expiresAt": expires_at}
    return await idempotency.once(caller, field="voucherCreate", key=idempotency_key, body=body, run=create)


async def close_voucher(*, caller: Caller, pool_id: UUID, reason: str) -> UUID:
    """Let nobody redeem a voucher any more; those who have keep what it gave them. Again it changes nothing. Raises SignedOut, NotAllowed, Invalid, PoolNotFound, also for what was sold. Records SeatPoolClosed."""
    caller.require(Permission.SEATS_MANAGE)
    if not (reason.strip() and len(reason) <= rules.MAX_REASON and is_one_line(reason)):
        raise Invalid(Issue(f"A reason is one line of 1 to {rules.MAX_REASON} characters.", ("reason",)))
    async with unit_of_work(caller) as work:
        pool = await queries.lock_pool(caller=caller, pool_id=pool_id)
        if pool is None or pool["kind"] != PoolKind.VOUCHER:
            raise errors.PoolNotFound()
        if pool["closed_at"] is None:
            await _change_pool(caller, pool_id, closed_at=caller.now, closed_reason=reason)
            work.record(events.SeatPoolClosed(pool_id=pool_id))
    return pool_id


async def assign(*, caller: Caller, pool_id: UUID, email: str, throttle: Throttle) -> UUID:
    """Give a seat to whoever owns an address; gives the pool's id. An account that has proved the address gets grant and run at once; for others the seat waits with a code of its own.

    The same address again changes nothing. Raises SignedOut, PoolNotFound for others than the owner and those who manage seats, Invalid, PoolClosed, SeatsUsedUp, GiftToOneself; Busy
    where the same address was given seats of the pool too often, or the caller gives too many. Records SeatAssigned or SeatRedeemed.
    """
    buckets = rules.assignments(caller, pool_id, email)
    await throttle.take(*buckets)
    is_given = False
    try:
        is_given = await _assign_once(caller, pool_id, email)
    finally:
        if not is_given:
            await throttle.give(*buckets)
    return pool_id


async def _assign_once(caller: Caller, pool_id: UUID, email: str) -> bool:
    """Whether the address has a seat by this call."""
    async with unit_of_work(caller) as work:
        pool = await _own_pool(caller, pool_id)
        if issues := [*rules.issues_with_address(email)]:
            raise Invalid(*issues)
        if await queries.seat_of_address(caller=caller, pool_id=pool_id, email_key=email_key(email)) is not None:
            return False
        _require_open(caller, pool)
        if pool["kind"] == PoolKind.GIFT and await _is_address_of(caller, pool["owner_account_id"], email):
            raise errors.GiftToOneself()
        await _assign(work, caller, pool, email)
    return True


async def reclaim(*, caller: Caller, seat_id: UUID) -> UUID:
    """Take a seat back into its pool; gives the pool's id. What it granted ends; see `rules.seats` for until when that may be. One that was taken back before changes nothing.

    Raises SignedOut, SeatNotFound for others than the pool's owner and those who manage seats, SeatInUse. Records SeatReclaimed, and what ending the grant does.
    """
    if caller.account_id is None:
        caller.require(Permission.SEATS_MANAGE)
    async with unit_of_work(caller) as work:
        found = await queries.seats_by_ids(caller=caller, ids=[seat_id])
        pool = await queries.lock_pool(caller=caller, pool_id=found[0]["pool_id"]) if found else None
        if pool is None:
            raise errors.SeatNotFound()
        pool_id: UUID = pool["id"]
        seat = await queries.seat(caller=caller, seat_id=seat_id)
        if seat["status"] not in (SeatStatus.ASSIGNED, SeatStatus.REDEEMED):
            return pool_id
        await _require_little_progress(caller, seat)
        await _end(caller, seat, SeatStatus.RECLAIMED)
        await database.fetch("UPDATE seat_pools SET taken = taken - 1 WHERE tenant_id = $1 AND id = $2", caller.tenant_id, pool_id)
        await entitlements.end_by_source(caller=caller, source_id=seat_id, reason="The seat was taken back.")
        work.record(events.SeatReclaimed(seat_id=seat_id, pool_id=pool_id, course_id=pool["course_id"], account_id=seat["account_id"]))
    return pool_id


async def redeem(*, caller: Caller, code: str, throttle: Throttle) -> tuple[UUID, UUID]:
    """Take the seat that a code opens: a pool's code any that is free, a seat's code that one. Gives the ids of the seat and of the run that it opened; the same account again, the same ones.

    Raises SignedOut, Busy after many wrong codes, CodeUnknown, PoolClosed, SeatsUsedUp, SeatTaken, GiftToOneself for who gave it, CourseOwned, CourseNotOpen. Records SeatRedeemed, EntitlementGranted, EnrollmentOpened.
    """
    account_id = caller.account
    async with attempt(throttle, *rules.guesses(caller), wrong=errors.CodeUnknown), unit_of_work(caller) as work:
        spelled = codes.normalize(code)
        found = await queries.pool_of_code(caller=caller, code_sha256=rules.code_hash(spelled)) if spelled else None
        if found is None:
            raise errors.CodeUnknown()
        pool_id, seat_id = found
        pool = await queries.lock_any_pool(caller=caller, pool_id=pool_id)
        if own := await queries.seat_of_account(caller=caller, pool_id=pool_id, account_id=account_id):
            run_id = own["enrollment_id"] or await _give(work, caller, pool, own["id"], account_id)  # the course may not have been published then
            if run_id is None:
                raise errors.CourseNotOpen()
            return own["id"], run_id
        _require_open(caller, pool)
        if pool["kind"] == PoolKind.GIFT and pool["owner_account_id"] == account_id:
            raise errors.GiftToOneself()
        if any(grant["subject_id"] is not None for grant in await grants_that_open(caller=caller, account_id=account_id, course_ids=[pool["course_id"]])):
            raise errors.CourseOwned()
        if seat_id is None:
            seat_id = await _any_seat(caller, pool, account_id)
        elif (await queries.seat(caller=caller, seat_id=seat_id))["status"] != SeatStatus.ASSIGNED:
            raise errors.SeatTaken()
        run_id = await _give(work, caller, pool, seat_id, account_id)
        if run_id is None:
            raise errors.CourseNotOpen()
    return seat_id, run_id


async def take_waiting(*, caller: Caller, account_id: UUID, closes: Delivery | None) -> None:
    """The seats that wait for an account's address, now that it is proved: each is redeemed. Records SeatRedeemed, EntitlementGranted, EnrollmentOpened."""
    async with unit_of_work(caller, closes=closes) as work:
        account = _proved(await accounts.accounts_by_ids(caller=caller, account_ids=[account_id]))
        for waiting in await queries.waiting_for(caller=caller, email_key=email_key(account["email"])) if account else ():
            pool = await queries.lock_any_pool(caller=caller, pool_id=waiting["pool_id"])
            seat = await queries.seat(caller=caller, seat_id=waiting["id"])
            is_free = seat["status"] == SeatStatus.ASSIGNED and not rules.is_over(closed_at=pool["closed_at"], expires_at=pool["expires_at"], now=caller.now)
            if is_free and not await queries.seat_of_account(caller=caller, pool_id=pool["id"], account_id=account_id):
                await _give(work, caller, pool, seat["id"], account_id)


async def expire_pool(*, caller: Caller, pool_id: UUID, closes: Delivery | None) -> None:
    """Void what was assigned and not redeemed, once a pool's time is over. What was redeemed stays. Records SeatPoolExpired."""
    async with unit_of_work(caller, closes=closes) as work:
        pool = await queries.lock_any_pool(caller=caller, pool_id=pool_id)
        if pool["closed_at"] is not None or pool["expires_at"] is None or pool["expires_at"] > caller.now:
            return
        void = [seat for seat in await queries.seats_in_use(caller=caller, pool_id=pool_id) if seat["status"] == SeatStatus.ASSIGNED]
        for seat in void:
            await _end(caller, seat, SeatStatus.EXPIRED)
        await _change_pool(caller, pool_id, taken=pool["taken"] - len(void), closed_at=caller.now, closed_reason="Expired.")
        work.record(events.SeatPoolExpired(pool_id=pool_id))


async def _open(work: UnitOfWork, caller: Caller, **values: Any) -> rows.SeatPool:
    code, code_sha256 = rules.new_code()
    pool = await rows.SeatPool.create(tenant_id=caller.tenant_id, code=code, code_sha256=code_sha256, created_at=caller.now, **values)
    until = pool.expires_at.isoformat() if pool.expires_at else None
    work.record(events.SeatPoolOpened(pool_id=pool.id, account_id=pool.owner_account_id, course_id=pool.course_id, seats=pool.seats, expires_at=until))
    return pool


async def _assign(work: UnitOfWork, caller: Caller, pool: database.Record, email: str) -> None:
    seat_id = await _take(caller, pool, email=email)
    known = await accounts.account_id_by_email(caller=caller, email=email)
    account = _proved(await accounts.accounts_by_ids(caller=caller, account_ids=[known])) if known else None
    if account and not await queries.seat_of_account(caller=caller, pool_id=pool["id"], account_id=account["id"]):
        await _give(work, caller, pool, seat_id, account["id"])
    else:
        work.record(events.SeatAssigned(seat_id=seat_id, pool_id=pool["id"], course_id=pool["course_id"]))


async def _take(caller: Caller, pool: database.Record, *, email: str | None) -> UUID:
    """A free seat of a pool, with a code of its own. Raises SeatsUsedUp."""
    taken = await database.fetch_one("UPDATE seat_pools SET taken = taken + 1 WHERE tenant_id = $1 AND id = $2 AND taken < seats RETURNING id", caller.tenant_id, pool["id"])
    if taken is None:
        raise errors.SeatsUsedUp()
    code, code_sha256 = rules.new_code()
    seat = await rows.SeatAssignment.create(
        tenant_id=caller.tenant_id,
        pool_id=pool["id"],
        status=SeatStatus.ASSIGNED,
        email=email,
        email_key=email and email_key(email),
        code=code,
        code_sha256=code_sha256,
        assigned_at=caller.now,
    )
    return seat.id


async def _any_seat(caller: Caller, pool: database.Record, account_id: UUID) -> UUID:
    """The seat that waits for an account's proved address, else a free one. Who hands out seats reads the address; who gives a gift does not."""
    account = _proved(await accounts.accounts_by_ids(caller=caller, account_ids=[account_id]))
    if account is None or pool["kind"] != PoolKind.SEATS:
        return await _take(caller, pool, email=None)
    given = await queries.seat_of_address(caller=caller, pool_id=pool["id"], email_key=email_key(account["email"]))
    if given is None:
        return await _take(caller, pool, email=account["email"])
    waiting: UUID = given["id"]
    return waiting if given["status"] == SeatStatus.ASSIGNED else await _take(caller, pool, email=None)


async def _give(work: UnitOfWork, caller: Caller, pool: database.Record, seat_id: UUID, account_id: UUID) -> UUID | None:
    """Grant what a seat is for, and open the run; None where the course is not published now, and the grant waits."""
    kind = EntitlementKind.SEAT if pool["kind"] == PoolKind.SEATS else EntitlementKind.GIFT
    grant_id = await entitlements.grant_course(caller=caller, account_id=account_id, course_id=pool["course_id"], kind=kind, source_id=seat_id)
    run_id = await enrollments.open_granted(caller=caller, entitlement_id=grant_id, account_id=account_id, course_id=pool["course_id"])
    if pool["order_id"] is not None and await disputes.is_suspended(caller=caller, order_id=pool["order_id"]):
        await entitlements.change_by_source(caller=caller, source_id=seat_id, state=EntitlementState.PAUSED)
    values: dict[str, Any] = {"status": SeatStatus.REDEEMED, "account_id": account_id, "enrollment_id": run_id, "redeemed_at": caller.now}
    await rows.SeatAssignment.for_caller(caller, id=seat_id).update(**values)
    work.record(events.SeatRedeemed(seat_id=seat_id, pool_id=pool["id"], course_id=pool["course_id"], account_id=account_id))
    return run_id


async def _end(caller: Caller, seat: database.Record, status: SeatStatus) -> None:
    await rows.SeatAssignment.for_caller(caller, id=seat["id"]).update(status=status, ended_at=caller.now)


async def _change_pool(caller: Caller, pool_id: UUID, **values: Any) -> None:
    await rows.SeatPool.for_caller(caller, id=pool_id).update(**values)


async def _own_pool(caller: Caller, pool_id: UUID) -> database.Record:
    if caller.account_id is None:
        caller.require(Permission.SEATS_MANAGE)
    pool = await queries.lock_pool(caller=caller, pool_id=pool_id)
    if pool is None:
        raise errors.PoolNotFound()
    return pool


def _require_open(caller: Caller, pool: database.Record) -> None:
    if rules.is_over(closed_at=pool["closed_at"], expires_at=pool["expires_at"], now=caller.now):
        is_expired = pool["expires_at"] is not None and pool["expires_at"] <= caller.now
        raise errors.PoolClosed("These seats have expired." if is_expired else "These seats are no longer given.")


async def _require_little_progress(caller: Caller, seat: database.Record) -> None:
    if seat["enrollment_id"] is not None:
        run = await runs.run_of(caller=Caller.system(caller.tenant_id, now=caller.now), enrollment_id=seat["enrollment_id"])
        if run is not None and run.progress_percent >= rules.RECLAIM_BELOW_PERCENT:
            raise errors.SeatInUse(rules.RECLAIM_BELOW_PERCENT)


def _proved(found: list[database.Record]) -> database.Record | None:
    """The account, if it is active and its address proved."""
    return next((row for row in found if row["status"] == AccountStatus.ACTIVE and row["email_verified_at"] is not None), None)


async def _is_address_of(caller: Caller, account_id: UUID, email: str) -> bool:
    return any(email_key(row["email"]) == email_key(email) for row in await accounts.accounts_by_ids(caller=caller, account_ids=[account_id]))
