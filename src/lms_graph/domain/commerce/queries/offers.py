"""Offers and their prices. A storefront sees those that are on sale now; who manages offers sees all."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog.queries import browse, paths
from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

OFFER = (
    "o.id, o.kind, o.subject, o.subject_id, o.title, o.billing_interval, o.trial_days, o.installments, o.on_default, o.access_days, o.min_quantity, o.max_quantity, o.tax_code, "
    "o.sale_starts_at, o.sale_ends_at, o.is_active, o.created_at, o.updated_at, (SELECT json_agg(json_build_object('market', p.market, 'currency', p.currency, 'amount', p.amount, "
    "'compare_at_amount', p.compare_at_amount, 'suggested_amount', p.suggested_amount) ORDER BY p.market NULLS FIRST) FROM offer_prices p "
    "WHERE p.tenant_id = o.tenant_id AND p.offer_id = o.id) AS prices"
)


def on_sale(now: str) -> str:
    """The condition that an offer `o` is on sale at the moment of a parameter; of a bundle or path only its courses' own state is left open."""
    return (
        f"(o.is_active AND (o.sale_starts_at IS NULL OR o.sale_starts_at <= {now}) AND (o.sale_ends_at IS NULL OR o.sale_ends_at > {now}) "
        f"AND (o.subject NOT IN ('COURSE', 'SEATS') OR {browse.is_published('o.subject_id')}) "
        f"AND (o.subject <> 'PATH' OR {paths.is_published('o.subject_id')}) "
        "AND (o.subject <> 'BUNDLE' OR EXISTS (SELECT FROM bundles b WHERE b.tenant_id = o.tenant_id AND b.id = o.subject_id AND b.is_active)))"
    )


_BY_AGE = [Term("created_at", "o.created_at", "timestamptz", descending=True), Term("id", "o.id", "uuid", descending=True)]
# With the subjects' kinds, for the index begins with them.
_OF_SUBJECTS = "(o.subject IN ('COURSE', 'SEATS', 'BUNDLE', 'PATH') AND o.subject_id = ANY($2))"


def sees_all(caller: Caller) -> bool:
    return caller.may(Permission.OFFERS_MANAGE)


def _read(row: Any) -> dict[str, Any]:
    return {**row, "prices": database.from_json(row["prices"]) or []}


async def offers_by_ids(*, caller: Caller, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """In any state: what was bought stays named."""
    return [_read(row) for row in await database.fetch(f"SELECT {OFFER} FROM offers o WHERE o.tenant_id = $1 AND o.id = ANY($2)", caller.tenant_id, list(ids))]


async def visible_offers_by_ids(*, caller: Caller, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Those on sale now; for who manages offers any."""
    rows = await database.fetch(
        f"SELECT {OFFER} FROM offers o WHERE o.tenant_id = $1 AND o.id = ANY($2) AND ($3 OR {on_sale('$4')})", caller.tenant_id, list(ids), sees_all(caller), caller.now
    )
    return [_read(row) for row in rows]


async def has_offer(*, caller: Caller, kind: str, subject: str, subject_id: UUID | None) -> bool:
    """Whether this was ever sold in this way."""
    return bool(
        await database.fetch_value(
            "SELECT EXISTS (SELECT FROM offers WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND subject_id IS NOT DISTINCT FROM $4)",
            caller.tenant_id,
            kind,
            subject,
            subject_id,
        )
    )


async def page_of_offers(*, caller: Caller, cursors: Cursors, request: PageRequest, subject_id: UUID | None) -> Page[Any]:
    """The latest first, all or those of a subject: such as are on sale now; for who manages offers any."""
    listed, parameters = _listed(caller, subject_id)
    keys = keyset(cursors, request, _BY_AGE, of=("offers", caller.tenant_id, subject_id, sees_all(caller)), offset=len(parameters))
    rows = await database.fetch(
        f"SELECT {OFFER}, o.created_at AS _created_at, o.id AS _id FROM offers o WHERE {listed} AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}",
        *parameters,
        *keys.parameters,
    )
    return keys.page(rows).map(_read)


async def count_offers(*, caller: Caller, subject_id: UUID | None) -> int:
    listed, parameters = _listed(caller, subject_id)
    return int(await database.fetch_value(f"SELECT count(*) FROM offers o WHERE {listed}", *parameters))


def _listed(caller: Caller, subject_id: UUID | None) -> tuple[str, list[Any]]:
    """The condition of a list, and its parameters."""
    parameters: list[Any] = [caller.tenant_id]
    clauses = ["o.tenant_id = $1"]
    if subject_id is not None:
        parameters.append([subject_id])
        clauses.append(_OF_SUBJECTS)
    if not sees_all(caller):
        parameters.append(caller.now)
        clauses.append(on_sale(f"${len(parameters)}"))
    return " AND ".join(clauses), parameters


async def offers_on_sale(*, caller: Caller, subject_ids: Sequence[UUID], with_all_access: bool = False) -> list[dict[str, Any]]:
    """Of these subjects, and of all-access, in the order in which they were made."""
    rows = await database.fetch(
        f"SELECT {OFFER} FROM offers o WHERE o.tenant_id = $1 AND ({_OF_SUBJECTS} OR ($3 AND o.subject = 'ALL_ACCESS')) AND {on_sale('$4')} ORDER BY o.created_at, o.id",
        caller.tenant_id,
        list(subject_ids),
        with_all_access,
        caller.now,
    )
    return [_read(row) for row in rows]


async def price_of_course(*, caller: Caller, course_id: UUID, currency: str) -> database.Record:
    """Whether it has an active offer of its own that is paid, on sale just now or not; and the lowest price of those paid once, where no market has one of its own."""
    row = await database.fetch_one(
        "SELECT count(*) > 0 AS is_sold, min(p.amount) FILTER (WHERE o.kind = 'ONE_TIME') AS amount FROM offers o "
        "LEFT JOIN offer_prices p ON p.tenant_id = o.tenant_id AND p.offer_id = o.id AND p.market IS NULL AND p.currency = $3 "
        "WHERE o.tenant_id = $1 AND o.subject = 'COURSE' AND o.subject_id = $2 AND o.kind <> 'FREE' AND o.is_active",
        caller.tenant_id,
        course_id,
        currency,
    )
    assert row is not None, "an aggregate has a row"
    return row


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
