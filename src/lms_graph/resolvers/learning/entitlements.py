"""Root fields of grants."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.learning.operations import entitlements, granting
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query
from lms_graph.types.learning.entitlements import (
    EntitlementConnection,
    EntitlementGrantInput,
    EntitlementGrantPayload,
    EntitlementRestoreInput,
    EntitlementRestorePayload,
    EntitlementRevokeInput,
    EntitlementRevokePayload,
    EntitlementUpdateInput,
    EntitlementUpdatePayload,
    EntitlementWhere,
)


@strawberry.type
class EntitlementsQuery:
    @query(description="All grants of the tenant, latest first. Who may read or manage entitlements.", requires=[Permission.ENTITLEMENTS_READ, Permission.ENTITLEMENTS_MANAGE])
    async def entitlements(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[EntitlementWhere | None, strawberry.argument(description="What the grants must be like.")] = None,
    ) -> EntitlementConnection:
        request = PageRequest(first, after, last, before)
        page: EntitlementConnection = await info.context.loaders.learning.entitlements.load((request, (where or EntitlementWhere()).as_filter()))
        return page


@strawberry.type
class EntitlementsMutation:
    @mutation(
        description="Grant a course, or all of them, without a payment, and perhaps open the run at once. Administrators, and API keys with this scope. The same `sourceReference` again gives the "
        "grant there is. Codes: NOT_FOUND, IDEMPOTENCY_CONFLICT, INVALID.",
        requires=[Permission.ENTITLEMENTS_MANAGE],
    )
    async def entitlement_grant(self, info: Info, input: Annotated[EntitlementGrantInput, strawberry.argument(description="Who is granted what.")]) -> EntitlementGrantPayload:
        return EntitlementGrantPayload(entitlement_id=await granting.grant_access(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="End a grant, now or later. What else its learner holds stays open. Again it changes nothing. Codes: NOT_FOUND, GRANT_NOT_BY_HAND, INVALID.",
        requires=[Permission.ENTITLEMENTS_MANAGE],
    )
    async def entitlement_revoke(self, info: Info, input: Annotated[EntitlementRevokeInput, strawberry.argument(description="Which grant.")]) -> EntitlementRevokePayload:
        return EntitlementRevokePayload(entitlement_id=await entitlements.revoke(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Take a revocation back: the grant is as it was. One that is not revoked stays as it is. Codes: NOT_FOUND, GRANT_NOT_BY_HAND.",
        requires=[Permission.ENTITLEMENTS_MANAGE],
    )
    async def entitlement_restore(self, info: Info, input: Annotated[EntitlementRestoreInput, strawberry.argument(description="Which grant.")]) -> EntitlementRestorePayload:
        return EntitlementRestorePayload(entitlement_id=await entitlements.restore(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Make a grant longer or shorter, or note something with it. Codes: NOT_FOUND, GRANT_NOT_BY_HAND, CONFLICT when it is revoked, INVALID.",
        requires=[Permission.ENTITLEMENTS_MANAGE],
    )
    async def entitlement_update(self, info: Info, input: Annotated[EntitlementUpdateInput, strawberry.argument(description="What changes.")]) -> EntitlementUpdatePayload:
        return EntitlementUpdatePayload(entitlement_id=await entitlements.update(caller=info.context.caller, **input.as_arguments()))
