"""What the platform keeps of a tenant's sales beyond its one share: the platform sets it."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from lms_graph.domain.payouts import events
from lms_graph.domain.payouts.rules import commissions as rules
from lms_graph.domain.payouts.rules.commissions import Tier
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit import money
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, NotFound
from lms_graph.kit.ids import new_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models import payouts as rows
from lms_graph.outbox.unit_of_work import on_behalf_of, unit_of_work


async def set_commission(*, caller: Caller, tenant_id: UUID, premium_percent: Decimal | None, fee_tax_percent: Decimal, tiers: Sequence[Tier]) -> UUID:
    """Set all of it, for the sales that follow; what was sold keeps its split. Raises SignedOut, NotAllowed, NotFound, Invalid. Records CommissionSet, for the platform's log and the tenant's."""
    caller.require(Permission.TENANTS_MANAGE)
    if issues := [*rules.issues_with_commission(premium_percent=premium_percent, fee_tax_percent=fee_tax_percent, tiers=tiers)]:
        raise Invalid(*issues)
    premium_bps = None if premium_percent is None else money.to_parts(premium_percent, money.WHOLE_BPS)
    fee_tax_ppm = money.to_parts(fee_tax_percent, money.WHOLE_PPM)
    async with unit_of_work(caller) as work, on_behalf_of(work, tenant_id) as theirs:
        if await tenants.lock_tenant(caller=theirs.caller) is None:
            raise NotFound("There is no such school.", path=("tenantId",))
        await database.fetch(
            "INSERT INTO commissions (tenant_id, id, premium_bps, fee_tax_ppm, updated_at) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (tenant_id) DO UPDATE SET premium_bps = excluded.premium_bps, fee_tax_ppm = excluded.fee_tax_ppm, updated_at = excluded.updated_at",
            tenant_id,
            new_id(),
            premium_bps,
            fee_tax_ppm,
            caller.now,
        )
        await rows.CommissionTier.for_caller(theirs.caller).delete()
        for tier in tiers:
            await rows.CommissionTier.create(
                tenant_id=tenant_id,
                currency=tier.currency,
                from_amount=money.to_minor(tier.from_amount, tier.currency),
                rate_bps=money.to_parts(tier.rate_percent, money.WHOLE_BPS),
            )
        fact = events.CommissionSet(tenant_id=tenant_id, premium_bps=premium_bps, fee_tax_ppm=fee_tax_ppm, tiers=len(tiers))
        theirs.record(fact)
        if tenant_id != caller.tenant_id:
            work.record(fact)
    return tenant_id
