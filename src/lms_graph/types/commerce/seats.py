"""Pools of seats: bought by the dozen, given as a gift, or handed out as a voucher."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.rules.seats import is_over
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.models import commerce as rows
from lms_graph.types.connections import After, Before, Connection, First, Last, connection
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.filters import chosen
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.personal import masked_email, personal

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course
    from lms_graph.types.identity.accounts import Profile
    from lms_graph.types.learning.enrollments import Enrollment

SeatPoolKind = described(
    rows.PoolKind,
    "SeatPoolKind",
    "What a pool of seats is.",
    SEATS="Seats that somebody bought to give to others, or to take one.",
    GIFT="One seat, bought for somebody else: who gave it never gets it.",
    VOUCHER="Made by the school, without a payment.",
)
SeatStatus = described(
    rows.SeatStatus,
    "SeatStatus",
    "What became of a seat.",
    ASSIGNED="It waits for the owner of an address, or for who brings its code.",
    REDEEMED="Somebody has it, and the run that it opened.",
    RECLAIMED="The pool has it back.",
    EXPIRED="Nobody redeemed it in time.",
    REVOKED="Its money went back.",
)


@strawberry.type(description="A seat that somebody has, or had. The pool's owner, and who holds SEATS_MANAGE.")
class SeatAssignment(Node):
    email: str | None = personal(
        "address",
        of="owner_id",
        masked=masked_email,
        description="The address that it was assigned to, or that of who took it with the pool's code; null where a gift or voucher was taken with its code. Masked but for the pool's owner and PERSONAL_READ.",
    )
    status: SeatStatus = strawberry.field(description="What became of it.")
    code: str | None = strawberry.field(description="What opens this seat, while it is ASSIGNED; for the pool's owner, to pass on. Null for others, and in other states.")
    assigned_at: datetime = strawberry.field(description="When it was given.")
    redeemed_at: datetime | None = strawberry.field(description="When somebody took it; null when nobody has.")
    ended_at: datetime | None = strawberry.field(description="When it was taken back, expired or was revoked; null while it was not.")
    address: strawberry.Private[str | None]
    owner_id: strawberry.Private[UUID | None]
    enrollment_id: strawberry.Private[UUID | None]

    enrollment: Annotated["Enrollment", strawberry.lazy("lms_graph.types.learning.enrollments")] | None = child(
        "learning.enrollment",
        key="enrollment_id",
        description="The run that it opened, for those who may read that: its learner, the course's team, ENROLLMENTS_READ. Null for others.",
    )

    @classmethod
    def from_row(cls, row: Any, caller: Caller) -> Self:
        status = rows.SeatStatus(row["status"])
        return cls(
            id=strawberry.ID(public_id("sas", row["id"])),
            status=status,
            code=row["code"] if status is rows.SeatStatus.ASSIGNED and _may_see_code(row["owner_account_id"], caller) else None,
            assigned_at=row["assigned_at"],
            redeemed_at=row["redeemed_at"],
            ended_at=row["ended_at"],
            address=row["email"],
            owner_id=row["owner_account_id"],
            enrollment_id=row["enrollment_id"],
        )


def _may_see_code(owner_id: UUID | None, caller: Caller) -> bool:
    """Of what was bought its owner, of a voucher who makes them. Nobody who looks at the school as another person."""
    if caller.is_masked:
        return False
    return caller.may(Permission.SEATS_MANAGE) if owner_id is None else owner_id == caller.account_id


@strawberry.type(description="A page of seats.")
class SeatAssignmentConnection(Connection[SeatAssignment]):
    pass


@strawberry.type(description="Seats of a course. Their owner, and who holds SEATS_MANAGE.")
class SeatPool(Node):
    kind: SeatPoolKind = strawberry.field(description="Whether they were bought, are a gift, or a voucher.")
    seats: int = strawberry.field(description="How many there are in all.")
    assigned: int = strawberry.field(description="How many are assigned or redeemed now.")
    available: int = strawberry.field(description="How many can be given now; 0 once it is closed.")
    code: str | None = strawberry.field(
        description="What opens any free seat: whoever brings it to `codeRedeem`. For its owner, of a voucher for SEATS_MANAGE; null for others. 100 random bits in groups of five."
    )
    message: str | None = strawberry.field(description="What the giver of a gift says to who gets it; at most 1,000 characters.")
    expires_at: datetime | None = strawberry.field(description="From when no seat is assigned or redeemed any more; null for never. What was redeemed stays.")
    closed_at: datetime | None = strawberry.field(description="Since when none is; null while it is open.")
    created_at: datetime = strawberry.field(description="When it was made.")
    uuid: strawberry.Private[UUID]
    course_id: strawberry.Private[UUID]
    owner_id: strawberry.Private[UUID | None]

    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child("catalog.course", key="course_id", description="What a seat opens.")
    owner: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile", key="owner_id", description="Whose they are; null for a voucher, and once their data were erased."
    )

    @connection(description="Who has, or had, a seat, first come first.")
    def assignments(self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None) -> SeatAssignmentConnection:
        return info.context.loaders.commerce.seats_of_pool.load((self.uuid, PageRequest(first, after, last, before)))  # type: ignore[no-any-return]  # the executor awaits it

    @classmethod
    def from_row(cls, row: Any, caller: Caller) -> Self:
        over = is_over(closed_at=row["closed_at"], expires_at=row["expires_at"], now=caller.now)
        return cls(
            id=strawberry.ID(public_id("sea", row["id"])),
            kind=rows.PoolKind(row["kind"]),
            seats=row["seats"],
            assigned=row["taken"],
            available=0 if over else row["seats"] - row["taken"],
            code=row["code"] if _may_see_code(row["owner_account_id"], caller) else None,
            message=row["message"],
            expires_at=row["expires_at"],
            closed_at=row["closed_at"] or (row["expires_at"] if over else None),
            created_at=row["created_at"],
            uuid=row["id"],
            course_id=row["course_id"],
            owner_id=row["owner_account_id"],
        )


@strawberry.type(description="A page of pools.")
class SeatPoolConnection(Connection[SeatPool]):
    pass


@strawberry.input(description="The kind must be one of these.")
class SeatPoolKindFilter:
    in_: list[SeatPoolKind] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: SeatPoolKind | None = strawberry.field(default=None, description="Exactly this.")

    def values(self) -> list[str] | None:
        wanted = chosen(self.in_, self.eq)
        return None if wanted is None else [kind.value for kind in wanted]


@strawberry.input(description="What the pools must be like: all of what is given.")
class SeatPoolWhere:
    kind: SeatPoolKindFilter | None = strawberry.field(default=None, description="By what they are.")


@strawberry.input(description="Who gets a seat.")
class SeatAssignInput:
    pool_id: strawberry.ID = strawberry.field(description="The pool.")
    email: str = strawberry.field(description="The address of who gets it, with or without an account.")

    def as_arguments(self) -> dict[str, Any]:
        return {"pool_id": decode_id(self.pool_id, "sea", path="poolId"), "email": self.email}


@strawberry.type(description="What `seatAssign` answers.")
class SeatAssignPayload(Payload):
    pool_id: strawberry.Private[UUID | None] = None
    pool: SeatPool | None = child("commerce.seat_pool", key="pool_id", description="The pool as it stands.")


@strawberry.input(description="Which seat goes back.")
class SeatReclaimInput:
    seat_id: strawberry.ID = strawberry.field(description="The SeatAssignment.")

    def as_arguments(self) -> dict[str, Any]:
        return {"seat_id": decode_id(self.seat_id, "sas", path="seatId")}


@strawberry.type(description="What `seatReclaim` answers.")
class SeatReclaimPayload(Payload):
    pool_id: strawberry.Private[UUID | None] = None
    pool: SeatPool | None = child("commerce.seat_pool", key="pool_id", description="The pool as it stands.")


@strawberry.input(description="A code that opens a course.")
class CodeRedeemInput:
    code: str = strawberry.field(description="Of a pool, a seat, a gift or a voucher. Case, spaces and hyphens do not count, nor O for 0 and I or L for 1.")


@strawberry.type(description="What `codeRedeem` answers.")
class CodeRedeemPayload(Payload):
    enrollment_id: strawberry.Private[UUID | None] = None
    enrollment: Annotated["Enrollment", strawberry.lazy("lms_graph.types.learning.enrollments")] | None = child(
        "learning.enrollment", key="enrollment_id", description="The run that it opened."
    )


@strawberry.input(description="A code that opens a course without a payment.")
class VoucherCreateInput:
    course_id: strawberry.ID = strawberry.field(description="The course, published or not; it is redeemed while the course is published.")
    redemptions: int = strawberry.field(default=1, description="For how many people: 1 to 10,000.")
    expires_at: datetime | None = strawberry.field(default=None, description="From when it is redeemed no more; null for never.")
    idempotency_key: str = strawberry.field(description="1 to 255 characters. The same key gives the same voucher.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "course_id": decode_id(self.course_id, "crs", path="courseId"),
            "redemptions": self.redemptions,
            "expires_at": self.expires_at,
            "idempotency_key": self.idempotency_key,
        }


@strawberry.type(description="What `voucherCreate` answers.")
class VoucherCreatePayload(Payload):
    pool_id: strawberry.Private[UUID | None] = None
    pool: SeatPool | None = child("commerce.seat_pool", key="pool_id", description="The voucher, with its code.")


@strawberry.input(description="Which voucher ends.")
class VoucherCloseInput:
    pool_id: strawberry.ID = strawberry.field(description="The voucher: a SeatPool of this kind.")
    reason: str = strawberry.field(description="Why: one line of 1 to 200 characters, for the school.")

    def as_arguments(self) -> dict[str, Any]:
        return {"pool_id": decode_id(self.pool_id, "sea", path="poolId"), "reason": self.reason}


@strawberry.type(description="What `voucherClose` answers.")
class VoucherClosePayload(Payload):
    pool_id: strawberry.Private[UUID | None] = None
    pool: SeatPool | None = child("commerce.seat_pool", key="pool_id", description="The voucher as it stands.")
