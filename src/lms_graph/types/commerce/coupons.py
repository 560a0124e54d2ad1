"""Coupons."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.commerce.rules.offers import CouponDraft
from lms_graph.kit.ids import public_id
from lms_graph.models import commerce as rows
from lms_graph.types.commerce.offers import amount_of
from lms_graph.types.connections import Connection
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.identity.accounts import Profile
from lms_graph.types.money import Money, MoneyInput
from lms_graph.types.nodes import PERSON, Node, child, decode_id

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course

CouponKind = described(
    rows.CouponKind,
    "CouponKind",
    "What a coupon does to the first payment.",
    PERCENT="Takes a share off.",
    AMOUNT="Takes an amount off, of all it is for together.",
    FIXED_PRICE="Makes each cost as much, where it costs more.",
)


def _percent(basis_points: int | None) -> Decimal | None:
    return None if basis_points is None else Decimal(basis_points).scaleb(-2)


@strawberry.type(
    description="A code that lowers the first payment. Who holds OFFERS_MANAGE sees all; who holds COURSES_SELL such as are for courses of their teams alone. Nobody lists them for buyers."
)
class Coupon(Node):
    code: str = strawberry.field(description="What the buyer types, in capitals; how they write it makes no difference. 3 to 40 characters.")
    kind: CouponKind = strawberry.field(description="What it does.")
    percent_off: Decimal | None = strawberry.field(description="For PERCENT: more than 0, at most 100, with two decimals.")
    amount_off: Money | None = strawberry.field(description="For AMOUNT.")
    fixed_price: Money | None = strawberry.field(description="For FIXED_PRICE: what each costs.")
    for_all: bool = strawberry.field(description="Whether it is for all offers, or for those of `courses` alone.")
    max_redemptions: int | None = strawberry.field(description="How often it can be used in all; null for any number.")
    max_per_learner: int | None = strawberry.field(description="How often one buyer can use it; null for any number.")
    first_purchase_only: bool = strawberry.field(description="Whether it is for those alone who have bought nothing before.")
    minimum: Money | None = strawberry.field(description="What the lines that it is for must cost at least together, after credit, before the discount.")
    starts_at: datetime | None = strawberry.field(description="From when it holds.")
    ends_at: datetime | None = strawberry.field(description="From when it holds no more, this moment included.")
    redemptions: int = strawberry.field(description="How many paid orders have used it.")
    held: int = strawberry.field(description="How many open checkouts hold it.")
    active: bool = strawberry.field(description="False once it was disabled.")
    affiliate_share_percent: Decimal | None = strawberry.field(description="The affiliate's share of what is sold with it, with two decimals.")
    created_at: datetime = strawberry.field(description="When it was made.")
    uuid: strawberry.Private[UUID]
    affiliate_id: strawberry.Private[UUID | None]
    courses: list[Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")]] = child(
        "commerce.courses_of_coupon", key="uuid", size=3, description="The courses that it is for; none for all offers. A bundle is meant where all its courses are."
    )
    affiliate: Profile | None = child("identity.profile", key="affiliate_id", description="Who brings the buyers, and has a share of what is sold with it.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        kind = rows.CouponKind(row["kind"])
        return cls(
            id=strawberry.ID(public_id("cpn", row["id"])),
            code=row["code"],
            kind=kind,
            percent_off=_percent(row["percent_off_bps"]),
            amount_off=Money.of(row["amount"], row["currency"]) if kind is rows.CouponKind.AMOUNT else None,
            fixed_price=Money.of(row["amount"], row["currency"]) if kind is rows.CouponKind.FIXED_PRICE else None,
            for_all=row["is_for_all"],
            max_redemptions=row["max_redemptions"],
            max_per_learner=row["max_per_learner"],
            first_purchase_only=row["is_first_purchase_only"],
            minimum=Money.maybe(row["minimum_amount"], row["currency"]),
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            redemptions=row["redemptions"],
            held=row["held"],
            active=row["is_active"],
            affiliate_share_percent=_percent(row["affiliate_share_bps"]),
            created_at=row["created_at"],
            uuid=row["id"],
            affiliate_id=row["affiliate_account_id"],
        )


@strawberry.type(description="A page of coupons.")
class CouponConnection(Connection[Coupon]):
    pass


@strawberry.input(description="A new coupon: one of `percentOff`, `amountOff` and `fixedPrice`. It never changes; disable it, and make another.")
class CouponCreateInput:
    code: str = strawberry.field(description="3 to 40 letters and digits of ASCII, with single hyphens and underscores between; capitals make no difference. Unique in the tenant.")
    percent_off: Decimal | None = strawberry.field(default=None, description='More than 0, at most 100, with at most two decimals, such as "12.5".')
    amount_off: MoneyInput | None = strawberry.field(default=None, description="Of all lines that it is for together; never more than they cost.")
    fixed_price: MoneyInput | None = strawberry.field(default=None, description="What each costs, where it costs more; may be 0.")
    course_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description="For offers of these courses alone, at most 100; for all offers when there are none.")
    max_redemptions: int | None = strawberry.field(default=None, description="1 to 1,000,000; any number when left out.")
    max_per_learner: int | None = strawberry.field(default=None, description="1 to 1,000,000; any number when left out.")
    first_purchase_only: bool = strawberry.field(default=False, description="For those alone who have bought nothing before. Each can use it once.")
    minimum: MoneyInput | None = strawberry.field(default=None, description="What the lines that it is for must cost at least together, after credit, before the discount.")
    starts_at: datetime | None = strawberry.field(default=None, description="From when it holds; now when left out.")
    ends_at: datetime | None = strawberry.field(default=None, description="From when it holds no more; never when left out.")
    affiliate_id: strawberry.ID | None = strawberry.field(default=None, description="Who has a share of what is sold with it: the id of a profile. Takes OFFERS_MANAGE.")
    affiliate_share_percent: Decimal | None = strawberry.field(default=None, description="Their share: 0 to 100 percent with at most two decimals.")
    idempotency_key: str = strawberry.field(description="1 to 255 characters, new for each coupon that is meant.")

    def as_arguments(self) -> dict[str, Any]:
        draft = CouponDraft(
            code=self.code,
            percent_off=self.percent_off,
            amount_off=amount_of(self.amount_off) if self.amount_off else None,
            fixed_price=amount_of(self.fixed_price) if self.fixed_price else None,
            course_ids=tuple(decode_id(id, "crs", path="courseIds") for id in self.course_ids),
            max_redemptions=self.max_redemptions,
            max_per_learner=self.max_per_learner,
            is_first_purchase_only=self.first_purchase_only,
            minimum=amount_of(self.minimum) if self.minimum else None,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            affiliate_account_id=decode_id(self.affiliate_id, *PERSON, path="affiliateId") if self.affiliate_id is not None else None,
            affiliate_share_percent=self.affiliate_share_percent,
        )
        return {"draft": draft, "key": self.idempotency_key}


@strawberry.type(description="What `couponCreate` answers.")
class CouponCreatePayload(Payload):
    coupon_id: strawberry.Private[UUID | None] = None
    coupon: Coupon | None = child("commerce.coupon", key="coupon_id", description="The new coupon.")


@strawberry.input(description="Which coupon holds no more.")
class CouponDisableInput:
    id: strawberry.ID = strawberry.field(description="The coupon.")

    def as_arguments(self) -> dict[str, Any]:
        return {"coupon_id": decode_id(self.id, "cpn", path="id")}


@strawberry.type(description="What `couponDisable` answers.")
class CouponDisablePayload(Payload):
    coupon_id: strawberry.Private[UUID | None] = None
    coupon: Coupon | None = child("commerce.coupon", key="coupon_id", description="The coupon as it is now.")
