"""Who may set what a school sells, and see what is not shown to everybody."""

from collections.abc import Collection

from lms_graph.domain.catalog.rules import CoursePermission
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed
from lms_graph.kit.permissions import Permission


def may_manage_offers(caller: Caller) -> bool:
    return caller.may(Permission.OFFERS_MANAGE)


def require_may_manage_offers(caller: Caller) -> None:
    """Raises SignedOut, NotAllowed."""
    caller.require(Permission.OFFERS_MANAGE)


def require_may_see_coupons(caller: Caller) -> None:
    """Who sells courses sees the coupons that are for their own alone. Raises SignedOut, NotAllowed."""
    caller.require(Permission.OFFERS_MANAGE, Permission.COURSES_SELL)


def require_may_make_coupon(caller: Caller, on_courses: Collection[Collection[CoursePermission]], *, has_affiliate: bool) -> None:
    """Who manages offers any; who may publish a course such for their own courses, without an affiliate. `on_courses` is what the caller may do with each course that it is for.

    Raises SignedOut, NotAllowed.
    """
    caller.require(Permission.OFFERS_MANAGE, Permission.COURSES_SELL)
    if caller.may(Permission.OFFERS_MANAGE):
        return
    if not on_courses or any(CoursePermission.PUBLISH not in held for held in on_courses):
        raise NotAllowed("Without the permission OFFERS_MANAGE a coupon is for courses that you may publish: name them in `courseIds`.")
    if has_affiliate:
        raise NotAllowed("An affiliate's share takes the permission OFFERS_MANAGE.")


def may_read_orders(caller: Caller) -> bool:
    return caller.may(Permission.ORDERS_READ)


def require_may_erase_buyers(caller: Caller) -> None:
    """Raises SignedOut, NotAllowed."""
    caller.require(Permission.BUYERS_ERASE)
