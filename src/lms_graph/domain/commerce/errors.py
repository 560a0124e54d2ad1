"""What can go wrong with offers, coupons and sales."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from lms_graph.kit.errors import Conflict, DomainError, LimitReached, NotFound


class CouponReason(StrEnum):
    """Why a coupon does not hold."""

    UNKNOWN = "UNKNOWN"
    NOT_YET = "NOT_YET"
    EXPIRED = "EXPIRED"
    USED_UP = "USED_UP"
    USED_BY_BUYER = "USED_BY_BUYER"
    FIRST_PURCHASE_ONLY = "FIRST_PURCHASE_ONLY"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    OTHER_CURRENCY = "OTHER_CURRENCY"
    NOT_APPLICABLE = "NOT_APPLICABLE"


_WORDS = {
    CouponReason.UNKNOWN: "There is no such coupon, or no longer.",
    CouponReason.NOT_YET: "This coupon holds later.",
    CouponReason.EXPIRED: "This coupon has expired.",
    CouponReason.USED_UP: "This coupon is used up. One that an open checkout holds may become free again.",
    CouponReason.USED_BY_BUYER: "You have used this coupon as often as one may.",
    CouponReason.FIRST_PURCHASE_ONLY: "This coupon is for a first purchase.",
    CouponReason.BELOW_MINIMUM: "What this coupon is for costs less than the least it takes.",
    CouponReason.OTHER_CURRENCY: "This coupon is in another currency than the prices.",
    CouponReason.NOT_APPLICABLE: "This coupon lowers nothing here: it is for something else, or nothing is due now.",
}


class CouponRejected(DomainError):
    code = "COUPON_REJECTED"

    def __init__(self, reason: CouponReason) -> None:
        super().__init__(_WORDS[reason], path=("couponCode",), data={"reason": reason.value})
        self.reason = reason


class PriceChanged(Conflict):
    """The buyer saw another total; `total_amount` is what it is now."""

    code = "PRICE_CHANGED"

    def __init__(self, *, total_amount: int, currency: str) -> None:
        super().__init__("The total is another one now. Show it, and check out again with it.", data={"amount": total_amount, "currency": currency})


class OfferNotFound(NotFound):
    def __init__(self, path: tuple[str, ...] = ("offerId",)) -> None:
        super().__init__("There is no such offer here.", path=path)


class OfferNotSold(Conflict):
    """It is here, and not for sale now, or not in this market. Says why."""

    code = "OFFER_NOT_SOLD"

    def __init__(self, why: str) -> None:
        super().__init__(why, path=("offerId",))


class CurrenciesDiffer(Conflict):
    """Amounts of two currencies are never added."""

    code = "CURRENCIES_DIFFER"

    def __init__(self, currencies: Iterable[str]) -> None:
        super().__init__(f"These offers are sold in {' and '.join(sorted(set(currencies)))} here. Buy them one by one.")


class BundleNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such bundle here.", path=("id",))


class SlugTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("Another bundle has this slug. Choose another.", path=("slug",))


class CouponNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such coupon here.", path=("id",))


class CodeTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("There is a coupon with this code already, perhaps a disabled one. Choose another.", path=("code",))


class TaxRateNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such tax rate here.", path=("id",))


class RefundNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such refund here.", path=("refundId",))


class DisputeNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such dispute here.", path=("disputeId",))


class RefundExceedsBalance(Conflict):
    """More is to go back than is left: of the order, or of a line of it."""

    code = "REFUND_EXCEEDS_BALANCE"

    def __init__(self, *, refundable: int, currency: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(
            "No more can go back than was paid, less what went back or is on its way. `refundable` is what is left.", path=path, data={"amount": refundable, "currency": currency}
        )


class RefundNotEligible(Conflict):
    """The school's policy gives this buyer nothing back by itself."""

    code = "REFUND_NOT_ELIGIBLE"

    def __init__(self, obstacle: str) -> None:
        super().__init__("The school's refund policy does not cover this. `obstacle` says why; ask the school itself.", data={"obstacle": obstacle})


class OrderDisputed(Conflict):
    """The bank decides about this money now."""

    code = "ORDER_DISPUTED"

    def __init__(self) -> None:
        super().__init__("The payment is contested at the buyer's bank, or was taken back by it. Answer the dispute; nothing can be refunded beside it.")


class SubscriptionNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such plan here, or it is not yours.", path=("id",))


class PlanNotChangeable(Conflict):
    """The plan's state does not allow it. Says why."""

    code = "PLAN_NOT_CHANGEABLE"


class CheckoutNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such checkout of yours.", path=("id",))


class CheckoutClosed(Conflict):
    """It was paid or is over, so nothing can be done with it."""

    code = "CHECKOUT_CLOSED"

    def __init__(self, status: str) -> None:
        super().__init__(f"This checkout is {status}: it cannot be canceled. Begin another one, or ask for a refund.")


class OrderNotFound(NotFound):
    def __init__(self, *path: str) -> None:
        super().__init__("There is no such order here.", path=path or ("id",))


class PaymentDiffers(Conflict):
    """Another amount or currency than was agreed came in: somebody must look at it. Never settled by itself."""

    code = "PAYMENT_DIFFERS"

    def __init__(self, *, agreed: tuple[int, str], came: tuple[int, str]) -> None:
        super().__init__(f"The order is of {agreed[0]} {agreed[1]} in minor units, and {came[0]} {came[1]} came in.")


class PaymentBelongsElsewhere(Conflict):
    """The money was counted for another order: one payment settles one."""

    def __init__(self) -> None:
        super().__init__("This payment was counted for another order.")


class PurchaseNotClaimable(NotFound):
    """There is no such purchase, or its link was used, or it is not this account's to take."""

    def __init__(self) -> None:
        super().__init__(
            "There is no purchase to claim under this. Use the link in the mail, or sign in with the address that bought and verify it first.",
            path=("token",),
        )


class PoolNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such pool of seats of yours.", path=("poolId",))


class SeatNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such seat in a pool of yours.", path=("seatId",))


class CodeUnknown(NotFound):
    def __init__(self) -> None:
        super().__init__("This code opens nothing here. Check it letter by letter.", path=("code",))


class SeatsUsedUp(LimitReached):
    def __init__(self) -> None:
        super().__init__("Every seat of this pool is taken.")


class PoolClosed(Conflict):
    def __init__(self, what: str) -> None:
        super().__init__(what)


class SeatTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("This seat was redeemed by another account, or is no longer given.", path=("code",))


class GiftToOneself(Conflict):
    def __init__(self) -> None:
        super().__init__("A gift is for somebody else: pass its code on, or assign it to their address.")


class CourseOwned(Conflict):
    """A seat would be used up for nothing."""

    def __init__(self) -> None:
        super().__init__("You have this course already. The code stays good: pass it on, or use it when your access has ended.", path=("code",))


class SeatInUse(Conflict):
    def __init__(self, percent: int) -> None:
        super().__init__(f"Whoever has this seat is through {percent} % of the course or more: it stays theirs.", path=("seatId",))


class CourseNotOpen(Conflict):
    def __init__(self) -> None:
        super().__init__("The course is not published now. The code stays good: try again later.", path=("code",))


class BuyerNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such member here.", path=("memberId",))


class BuyerNotErasable(Conflict):
    """Something of the buyer's is under way that needs their name."""

    def __init__(self, why: Sequence[str]) -> None:
        super().__init__(f"Not yet: {', and '.join(why)}. End it or wait for it, and erase then.")
