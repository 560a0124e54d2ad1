"""Root fields of disputes."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.operations import disputes as operations
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.commerce.disputes import DisputeConnection, DisputeEvidenceSubmitInput, DisputeEvidenceSubmitPayload, DisputeWhere
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query


@strawberry.type
class DisputesQuery:
    @query(description="All disputes of the tenant, latest first. Who holds ORDERS_READ or REFUNDS_DECIDE.", requires=[Permission.ORDERS_READ, Permission.REFUNDS_DECIDE])
    async def disputes(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[DisputeWhere | None, strawberry.argument(description="What the disputes must be like.")] = None,
    ) -> DisputeConnection:
        request = PageRequest(first, after, last, before)
        page: DisputeConnection = await info.context.loaders.commerce.disputes.load(
            (request, tuple(chosen) if (chosen := (where or DisputeWhere()).statuses()) is not None else None)
        )
        return page


@strawberry.type
class DisputesMutation:
    @mutation(
        description="Answer a dispute, once: with what is given, and for the rest with what the school's records say. Codes: NOT_FOUND, CONFLICT when it can no longer be answered, "
        "IDEMPOTENCY_CONFLICT, INVALID.",
        cost=30,
        requires=[Permission.REFUNDS_DECIDE],
    )
    async def dispute_evidence_submit(
        self, info: Info, input: Annotated[DisputeEvidenceSubmitInput, strawberry.argument(description="Which, and what to say.")]
    ) -> DisputeEvidenceSubmitPayload:
        return DisputeEvidenceSubmitPayload(dispute_id=await operations.submit_evidence(caller=info.context.caller, **input.as_arguments()))
