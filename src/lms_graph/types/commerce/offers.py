"""Offers: what is sold, and how it is paid."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.commerce.rules.offers import Amount, OfferDraft, PriceDraft, price_in
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import public_id
from lms_graph.models import commerce as rows
from lms_graph.types.connections import Connection
from lms_graph.types.costs import listed
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.money import Money, MoneyInput
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.public import WITHIN

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course
    from lms_graph.types.catalog.paths import LearningPath

OfferKind = described(
    rows.OfferKind,
    "OfferKind",
    "How an offer is paid.",
    ONE_TIME="Once.",
    RECURRING="Each month or year, until it is canceled.",
    INSTALLMENTS="In a number of equal payments.",
    FREE="Not at all: the course is open to all who enroll.",
    PAY_WHAT_YOU_WANT="Once, as much as the buyer says, but no less than the price.",
)
OfferSubject = described(
    rows.OfferSubject,
    "OfferSubject",
    "What an offer sells.",
    COURSE="A course.",
    BUNDLE="The courses of a bundle.",
    PATH="The courses of a learning path.",
    ALL_ACCESS="All courses, also those to come.",
    SEATS="Seats of a course, for others.",
    INSTRUCTOR_PREMIUM="The lower commission for premium instructors, to who teaches: it opens no course.",
)
BillingInterval = described(rows.BillingInterval, "BillingInterval", "How often a plan is paid.", MONTH="Each month.", YEAR="Each year.")
DefaultRule = described(
    rows.DefaultRule,
    "DefaultRule",
    "What becomes of what was bought in installments when they are not paid, after dunning and grace.",
    SUSPEND="It is closed until they are paid.",
    KEEP="The learner keeps it.",
)
SUBJECT_PREFIXES = {rows.OfferSubject.COURSE: "crs", rows.OfferSubject.SEATS: "crs", rows.OfferSubject.BUNDLE: "bun", rows.OfferSubject.PATH: "pth"}


@strawberry.type(description="What an offer costs in a market. Everybody.", directives=[WITHIN])
class OfferPrice:
    market: str | None = strawberry.field(description="A country's two letters by ISO 3166; null for the price that holds where no other does.")
    price: Money = strawberry.field(description="Each payment, for one; the least of PAY_WHAT_YOU_WANT. Whether tax is in it says `taxIncluded` of a quote.")
    compare_at_price: Money | None = strawberry.field(description="A higher price to show beside it.")
    suggested_price: Money | None = strawberry.field(description="What is suggested for PAY_WHAT_YOU_WANT.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            market=row["market"],
            price=Money.of(row["amount"], row["currency"]),
            compare_at_price=Money.maybe(row["compare_at_amount"], row["currency"]),
            suggested_price=Money.maybe(row["suggested_amount"], row["currency"]),
        )


@strawberry.type(description="Something that an offer opens.")
class OfferItem:
    course_id: strawberry.Private[UUID | None]
    path_id: strawberry.Private[UUID | None] = None
    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child(
        "catalog.visible_course", key="course_id", description="A course; null for a path, and while the course is not published."
    )
    path: Annotated["LearningPath", strawberry.lazy("lms_graph.types.catalog.paths")] | None = child(
        "catalog.path", key="path_id", description="A learning path, which opens its courses; null for a course, and while the path is not published."
    )


@strawberry.type(description="A way to get something. Everybody sees it while it is on sale; buyers keep its name; who holds OFFERS_MANAGE sees all.", directives=[WITHIN])
class Offer(Node):
    kind: OfferKind = strawberry.field(description="How it is paid.")
    subject: OfferSubject = strawberry.field(description="What it sells.")
    title: str = strawberry.field(description="1 to 200 characters.")
    price: Money = strawberry.field(description="What it costs in the market asked for, as in `prices`.")
    compare_at_price: Money | None = strawberry.field(description="A higher price to show beside it.")
    suggested_price: Money | None = strawberry.field(description="What is suggested for PAY_WHAT_YOU_WANT.")
    prices: list[OfferPrice] = listed(2, description="In each market, that for everywhere first; at most 50.")
    interval: BillingInterval | None = strawberry.field(description="How often RECURRING and INSTALLMENTS are paid.")
    trial_days: int = strawberry.field(description="How many days of RECURRING are free at its beginning: 0 to 730.")
    installments: int | None = strawberry.field(description="How many payments INSTALLMENTS has: 2 to 36.")
    on_default: DefaultRule = strawberry.field(description="What becomes of INSTALLMENTS that are not paid.")
    access_days: int | None = strawberry.field(description="How many days after the sale it closes; null for never.")
    min_quantity: int = strawberry.field(description="How many are sold at once at least; 1 but for SEATS.")
    max_quantity: int = strawberry.field(description="How many are sold at once at most; 1 but for SEATS.")
    active: bool = strawberry.field(description="Whether it is sold at all.")
    sale_starts_at: datetime | None = strawberry.field(description="From when it is on sale; null for as long as it is there.")
    sale_ends_at: datetime | None = strawberry.field(description="From when it is on sale no more; null for never.")
    tax_code: str | None = strawberry.field(description="What it is to the payment provider's tax calculation.")
    uuid: strawberry.Private[UUID]
    subject_key: strawberry.Private[tuple[rows.OfferSubject, UUID | None]]
    items: list[OfferItem] = child(
        "commerce.items", key="subject_key", size=3, description="What it opens, in order; nothing for ALL_ACCESS, which opens everything, and for INSTRUCTOR_PREMIUM."
    )

    @classmethod
    def from_row(cls, row: Any, market: str | None = None) -> Self:
        price = OfferPrice.from_row(price_in(row["prices"], market))
        return cls(
            id=strawberry.ID(public_id("off", row["id"])),
            kind=rows.OfferKind(row["kind"]),
            subject=rows.OfferSubject(row["subject"]),
            title=row["title"],
            price=price.price,
            compare_at_price=price.compare_at_price,
            suggested_price=price.suggested_price,
            prices=[OfferPrice.from_row(each) for each in row["prices"]],
            interval=rows.BillingInterval(row["billing_interval"]) if row["billing_interval"] else None,
            trial_days=row["trial_days"],
            installments=row["installments"],
            on_default=rows.DefaultRule(row["on_default"]),
            access_days=row["access_days"],
            min_quantity=row["min_quantity"],
            max_quantity=row["max_quantity"],
            active=row["is_active"],
            sale_starts_at=row["sale_starts_at"],
            sale_ends_at=row["sale_ends_at"],
            tax_code=row["tax_code"],
            uuid=row["id"],
            subject_key=(rows.OfferSubject(row["subject"]), row["subject_id"]),
        )


@strawberry.type(description="A page of offers.")
class OfferConnection(Connection[Offer]):
    pass


def amount_of(money: MoneyInput) -> Amount:
    return Amount(amount=money.amount, currency=money.currency)


@strawberry.input(description="What an offer costs in a market.")
class OfferPriceInput:
    market: str | None = strawberry.field(default=None, description="A country's two letters by ISO 3166, in capitals; left out for the price that holds where no other does.")
    price: MoneyInput = strawberry.field(description="Each payment, for one; the least of PAY_WHAT_YOU_WANT, which may be 0.")
    compare_at_price: MoneyInput | None = strawberry.field(default=None, description="A higher price to show beside it, in the same currency.")
    suggested_price: MoneyInput | None = strawberry.field(default=None, description="What is suggested for PAY_WHAT_YOU_WANT, in the same currency.")

    def as_draft(self) -> PriceDraft:
        return PriceDraft(
            market=self.market,
            price=amount_of(self.price),
            compare_at=amount_of(self.compare_at_price) if self.compare_at_price else None,
            suggested=amount_of(self.suggested_price) if self.suggested_price else None,
        )


@strawberry.input(description="An offer, the whole of it: what is left out has its default, also when an offer is changed.")
class OfferSaveInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The offer to change; left out for a new one.")
    kind: OfferKind = strawberry.field(
        description="How it is paid: of COURSE any way, of BUNDLE and PATH any but FREE, of ALL_ACCESS and INSTRUCTOR_PREMIUM ONE_TIME and RECURRING, of SEATS ONE_TIME. It stays."
    )
    subject: OfferSubject = strawberry.field(description="What it sells. It stays.")
    subject_id: strawberry.ID | None = strawberry.field(default=None, description="Which course, bundle or path; left out for ALL_ACCESS and INSTRUCTOR_PREMIUM. It stays.")
    title: str | None = strawberry.field(default=None, description="One line of 1 to 200 characters; that of what is sold when left out.")
    prices: list[OfferPriceInput] = strawberry.field(default_factory=list, description="One for each market and one without a market, at most 50. None for FREE.")
    interval: BillingInterval | None = strawberry.field(default=None, description="For RECURRING and INSTALLMENTS.")
    trial_days: int = strawberry.field(default=0, description="For RECURRING: 0 to 730.")
    installments: int | None = strawberry.field(default=None, description="For INSTALLMENTS: 2 to 36.")
    on_default: DefaultRule = strawberry.field(default=rows.DefaultRule.SUSPEND, description="For INSTALLMENTS.")
    access_days: int | None = strawberry.field(
        default=None, description="1 to 36,500; never closed when left out. Not for RECURRING and FREE; INSTRUCTOR_PREMIUM that is paid once needs it."
    )
    min_quantity: int = strawberry.field(default=1, description="For SEATS.")
    max_quantity: int = strawberry.field(default=1, description="For SEATS: at most 10,000.")
    active: bool = strawberry.field(default=True, description="Whether it is sold. What is sold must be published.")
    sale_starts_at: datetime | None = strawberry.field(default=None, description="From when it is on sale. Not for FREE.")
    sale_ends_at: datetime | None = strawberry.field(default=None, description="From when it is on sale no more. Not for FREE.")
    tax_code: str | None = strawberry.field(default=None, description="What it is to the payment provider's tax calculation: `txcd_` and eight digits.")
    idempotency_key: str | None = strawberry.field(default=None, description="For a new offer: 1 to 255 characters, new for each offer that is meant.")

    def as_arguments(self) -> dict[str, Any]:
        """Raises NotFound for the id of an offer that is none, Invalid for a subject of another kind than said."""
        prefix = SUBJECT_PREFIXES.get(self.subject)
        if self.subject_id is not None and prefix is None:
            raise Invalid(Issue(f"{self.subject.value} is of no single thing: leave `subjectId` out.", ("subjectId",)))
        draft = OfferDraft(
            kind=self.kind,
            subject=self.subject,
            subject_id=decode_id(self.subject_id, prefix, path="subjectId") if self.subject_id is not None and prefix else None,
            title=self.title,
            prices=tuple(price.as_draft() for price in self.prices),
            interval=self.interval,
            trial_days=self.trial_days,
            installments=self.installments,
            on_default=self.on_default,
            access_days=self.access_days,
            min_quantity=self.min_quantity,
            max_quantity=self.max_quantity,
            tax_code=self.tax_code,
            sale_starts_at=self.sale_starts_at,
            sale_ends_at=self.sale_ends_at,
            is_active=self.active,
        )
        return {"offer_id": decode_id(self.id, "off", path="id") if self.id is not None else None, "draft": draft, "key": self.idempotency_key}


@strawberry.type(description="What `offerSave` answers.")
class OfferSavePayload(Payload):
    offer_id: strawberry.Private[UUID | None] = None
    offer: Offer | None = child("commerce.offer", key="offer_id", description="The offer as it is now.")


@strawberry.input(description="Which offer is sold no more.")
class OfferArchiveInput:
    id: strawberry.ID = strawberry.field(description="The offer.")

    def as_arguments(self) -> dict[str, Any]:
        return {"offer_id": decode_id(self.id, "off", path="id")}


@strawberry.type(description="What `offerArchive` answers.")
class OfferArchivePayload(Payload):
    offer_id: strawberry.Private[UUID | None] = None
    offer: Offer | None = child("commerce.offer", key="offer_id", description="The offer as it is now.")
