"""How a school sells: its tax mode, and the rates of its own."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models.commerce import TaxMode


@dataclass(frozen=True)
class Selling:
    """What a school has set, or what holds where it has set nothing."""

    tax_mode: TaxMode = TaxMode.NONE
    prices_include_tax: bool = True
    seller: dict[str, Any] = field(default_factory=dict)
    grace_days: int = 7


async def selling_of(*, caller: Caller) -> Selling:
    row = await database.fetch_one("SELECT tax_mode, prices_include_tax, seller, grace_days FROM commerce_settings WHERE tenant_id = $1", caller.tenant_id)
    return Selling(TaxMode(row["tax_mode"]), row["prices_include_tax"], database.from_json(row["seller"]) or {}, row["grace_days"]) if row else Selling()


async def is_set(*, caller: Caller) -> bool:
    """Whether the school has ever said how it sells."""
    return bool(await database.fetch_value("SELECT EXISTS (SELECT FROM commerce_settings WHERE tenant_id = $1)", caller.tenant_id))


async def rate_at(*, caller: Caller, country: str, region: str | None) -> database.Record | None:
    """The rate of a place: the region's own, else its country's."""
    return await database.fetch_one(
        "SELECT name, rate_ppm FROM tax_rates WHERE tenant_id = $1 AND country = $2 AND (region = $3 OR region IS NULL) ORDER BY region NULLS LAST LIMIT 1",
        caller.tenant_id,
        country,
        region,
    )


async def tax_rates(*, caller: Caller) -> list[database.Record]:
    """All of them, by place."""
    return await database.fetch("SELECT id, country, region, name, rate_ppm FROM tax_rates WHERE tenant_id = $1 ORDER BY country, region NULLS FIRST", caller.tenant_id)


async def tax_rates_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    return await database.fetch("SELECT id, country, region, name, rate_ppm FROM tax_rates WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, ids)
