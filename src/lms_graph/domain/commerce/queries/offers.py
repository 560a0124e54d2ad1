"""Offers and their prices. A storefront sees those that are on sale now; who manages offers sees all."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

OFFER = (
    "o.id, o.kind, o.subject, o.subject_id, o.title, o.billing_interval, o.trial_days, o.installments, o.on_default, o.access_days, o.min_quantity, o.max_quantity, o.tax_code, "
    "o.sale_starts_at, o.sale_ends_at, o.is_active, o.created_at, o.updated_at, (SELECT json_agg(json_build_object('market', p.market, 'currency', p.currency, 'amount', p.amount, "
    "'compare_at_amount', p.compare_at_amount, 'suggested_amount', p.suggested_amount) ORDER BY p.market NULLS FIRST) FROM offer_prices p "
    "WHERE p.tenant_id = o.tenant_id AND p.offer_id = o.id) AS prices"
)


def on_sale(now: str) -> str:
    """The condition that an offer `o` is on sale at the moment of a parameter, as far as itself goes."""
    return f"(o.is_active AND (o.sale_starts_at IS NULL OR o.sale_starts_at <= {now}) AND (o.sale_ends_at IS NULL OR o.sale_ends_at > {now}))"


def sees_all(caller: Caller) -> bool:
    return caller.may(Permission.OFFERS_MANAGE)


async def offers_by_ids(*, caller: Caller, ids: Sequence[UUID]) -> list[database.Record]:
    """In any state: what was bought stays named."""
    return await database.fetch(f"SELECT {OFFER} FROM offers o WHERE o.tenant_id = $1 AND o.id = ANY($2)", caller.tenant_id, list(ids))


async def offers_on_sale(*, caller: Caller, subject_ids: Sequence[UUID], with_all_access: bool = False) -> list[database.Record]:
    """Of these subjects, and of all-access, in the order in which they were made."""
    return await database.fetch(
        f"SELECT {OFFER} FROM offers o WHERE o.tenant_id = $1 AND (o.subject_id = ANY($2) OR ($3 AND o.subject = 'ALL_ACCESS')) AND {on_sale('$4')} ORDER BY o.created_at, o.id",
        caller.tenant_id,
        list(subject_ids),
        with_all_access,
        caller.now,
    )


def price_in(offer: Any, market: str | None) -> Any | None:
    """The price that holds in a market: its own, else the one for everywhere."""
    prices = {price["market"]: price for price in prices_of(offer)}
    return prices.get(market) or prices.get(None)


def prices_of(offer: Any) -> list[Any]:
    """All prices, the one for everywhere first."""
    prices: list[Any] = database.from_json(offer["prices"]) or []
    return prices


async def list_prices(*, caller: Caller, course_ids: Sequence[UUID], market: str | None) -> list[database.Record]:
    """What each course costs by itself: its first active one-time offer in the market, on sale just now or not."""
    return await database.fetch(
        "SELECT DISTINCT ON (o.subject_id, p.currency) o.subject_id, p.currency, p.amount FROM offers o CROSS JOIN LATERAL (SELECT i.currency, i.amount FROM offer_prices i "
        "WHERE i.tenant_id = o.tenant_id AND i.offer_id = o.id AND (i.market = $3 OR i.market IS NULL) ORDER BY i.market NULLS LAST LIMIT 1) p "
        "WHERE o.tenant_id = $1 AND o.subject = 'COURSE' AND o.subject_id = ANY($2) AND o.kind = 'ONE_TIME' AND o.is_active ORDER BY o.subject_id, p.currency, o.created_at, o.id",
        caller.tenant_id,
        list(course_ids),
        market,
    )
