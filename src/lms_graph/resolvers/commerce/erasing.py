"""Root fields about erasing buyers."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.operations import erasing
from lms_graph.kit.permissions import Permission
from lms_graph.types.commerce.erasing import BuyerEraseInput, BuyerErasePayload
from lms_graph.types.errors import mutation


@strawberry.type
class ErasingMutation:
    @mutation(
        description="Erase who bought from orders, checkouts, gifts, seats and uses of coupons. Amounts, the country, the ledger, and invoices and credit notes as they were issued stay, for the law "
        "of accounts demands them. Whoever was erased before stays so, and an address that bought nothing is no error. What was bought stays open. Codes: NOT_FOUND, INVALID, IDEMPOTENCY_CONFLICT, "
        "CONFLICT while something of theirs is under way: a checkout, a plan, a refund, a dispute, an invoice.",
        cost=20,
        requires=[Permission.BUYERS_ERASE],
    )
    async def buyer_erase(self, info: Info, input: Annotated[BuyerEraseInput, strawberry.argument(description="Who.")]) -> BuyerErasePayload:
        await erasing.erase_buyer(caller=info.context.caller, **input.as_arguments())
        return BuyerErasePayload(erased=True)
