"""How a school sells: tax mode, seller, grace of plans, and tax rates of its own."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce import errors, events, policies
from lms_graph.domain.commerce.queries import selling
from lms_graph.domain.commerce.rules import offers as rules
from lms_graph.domain.commerce.rules.offers import TaxRateDraft
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue, LimitReached
from lms_graph.kit.ids import new_id
from lms_graph.models import commerce as rows
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import unit_of_work

MAX_RATES = 500


async def set_selling(*, caller: Caller, changes: dict[str, Any]) -> UUID:
    """Change `tax_mode`, `prices_include_tax`, `grace_days` or parts of `seller`; what is left out stays. Holds for what is sold from now on.

    Raises SignedOut, NotAllowed, Invalid with every issue. Records CommerceSettingsChanged, if anything is to change.
    """
    policies.require_may_manage_offers(caller)
    issues = [*rules.issues_with_seller(changes.get("seller") or {})]
    if not 0 <= changes.get("grace_days", 0) <= 60:
        issues.append(Issue("From 0 to 60 days.", ("graceDays",)))
    if issues:
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        # The row is there and locked before it is read: of two at once, the later changes what the earlier has left.
        await database.fetch(
            "INSERT INTO commerce_settings (tenant_id, id, tax_mode, prices_include_tax, seller, grace_days, updated_at) VALUES ($1, $2, 'NONE', true, '{}', 7, $3) "
            "ON CONFLICT (tenant_id) DO UPDATE SET updated_at = commerce_settings.updated_at",
            caller.tenant_id,
            new_id(),
            caller.now,
        )
        before = asdict(await selling.selling_of(caller=caller))
        seller = {**before["seller"], **(changes.get("seller") or {})}
        after = {**before, **changes, "seller": {name: value for name, value in seller.items() if value is not None}}
        if after != before:
            await rows.CommerceSettings.for_caller(caller).update(**after, updated_at=caller.now)
            work.record(
                events.CommerceSettingsChanged(
                    tenant_id=caller.tenant_id, tax_mode=after["tax_mode"].value, prices_include_tax=after["prices_include_tax"], grace_days=after["grace_days"]
                )
            )
    return caller.tenant_id


async def save_tax_rate(*, caller: Caller, draft: TaxRateDraft) -> UUID:
    """Set the rate of a country, or of a region of one; gives its id. Again changes nothing.

    Raises SignedOut, NotAllowed, Invalid with every issue, LimitReached past 500. Records TaxRateSaved, if it differs from before.
    """
    policies.require_may_manage_offers(caller)
    ppm = rules.rate_ppm(draft)
    async with unit_of_work(caller) as work:
        await database.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 7020511))", str(caller.tenant_id))  # of many at once, each counts those before it
        before = await rows.TaxRate.for_caller(caller, country=draft.country, region=draft.region).get_or_none()
        if before is None and await rows.TaxRate.for_caller(caller).count() >= MAX_RATES:
            raise LimitReached(f"A school has at most {MAX_RATES} tax rates of its own. Delete one, or let the payment provider calculate.")
        if before is None:
            rate = await rows.TaxRate.create(tenant_id=caller.tenant_id, country=draft.country, region=draft.region, name=draft.name, rate_ppm=ppm, created_at=caller.now)
        else:
            rate = before
            await rows.TaxRate.for_caller(caller, id=rate.id).update(name=draft.name, rate_ppm=ppm)
        if before is None or (before.name, before.rate_ppm) != (draft.name, ppm):
            work.record(events.TaxRateSaved(tax_rate_id=rate.id, rate_ppm=ppm))
    return rate.id


async def delete_tax_rate(*, caller: Caller, rate_id: UUID) -> UUID:
    """Raises SignedOut, NotAllowed, TaxRateNotFound. Records TaxRateDeleted."""
    policies.require_may_manage_offers(caller)
    async with unit_of_work(caller) as work:
        if not await rows.TaxRate.for_caller(caller, id=rate_id).delete():
            raise errors.TaxRateNotFound()
        work.record(events.TaxRateDeleted(tax_rate_id=rate_id))
    return rate_id
