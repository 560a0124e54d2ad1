"""Root fields of how a school sells."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.operations import selling
from lms_graph.domain.commerce.queries import selling as queries
from lms_graph.kit.permissions import Permission
from lms_graph.types.commerce.selling import (
    CommerceSettings,
    CommerceSettingsSetInput,
    CommerceSettingsSetPayload,
    TaxRate,
    TaxRateDeleteInput,
    TaxRateDeletePayload,
    TaxRateSaveInput,
    TaxRateSavePayload,
)
from lms_graph.types.costs import usually
from lms_graph.types.errors import mutation, query


@strawberry.type
class SellingQuery:
    @query(description="How the school sells.", requires=[Permission.OFFERS_MANAGE])
    async def commerce_settings(self, info: Info) -> CommerceSettings:
        return CommerceSettings.from_selling(await queries.selling_of(caller=info.context.caller))

    @query(description="The school's own tax rates, by place; at most 500.", requires=[Permission.OFFERS_MANAGE], size=usually(30))
    async def tax_rates(self, info: Info) -> list[TaxRate]:
        return [TaxRate.from_row(row) for row in await queries.tax_rates(caller=info.context.caller)]


@strawberry.type
class SellingMutation:
    @mutation(description="Change how the school sells, for what is sold from now on. Codes: INVALID.", requires=[Permission.OFFERS_MANAGE])
    async def commerce_settings_set(self, info: Info, input: Annotated[CommerceSettingsSetInput, strawberry.argument(description="What changes.")]) -> CommerceSettingsSetPayload:
        return CommerceSettingsSetPayload(tenant_id=await selling.set_selling(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Set the tax rate of a country, or of a region of one, for what is sold from now on. Again it changes nothing. Codes: INVALID, LIMIT_REACHED.",
        requires=[Permission.OFFERS_MANAGE],
    )
    async def tax_rate_save(self, info: Info, input: Annotated[TaxRateSaveInput, strawberry.argument(description="The rate.")]) -> TaxRateSavePayload:
        return TaxRateSavePayload(rate_id=await selling.save_tax_rate(caller=info.context.caller, **input.as_arguments()))

    @mutation(description="Delete a tax rate. What was sold keeps its tax. Codes: NOT_FOUND.", requires=[Permission.OFFERS_MANAGE])
    async def tax_rate_delete(self, info: Info, input: Annotated[TaxRateDeleteInput, strawberry.argument(description="Which rate.")]) -> TaxRateDeletePayload:
        await selling.delete_tax_rate(caller=info.context.caller, **input.as_arguments())
        return TaxRateDeletePayload(deleted_id=input.id)
