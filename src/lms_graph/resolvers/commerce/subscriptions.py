"""Root fields of plans."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.operations import plan_requests
from lms_graph.domain.commerce.queries import plan_changes, subscriptions
from lms_graph.domain.payouts.ports import PaymentGateway
from lms_graph.domain.payouts.queries import providers
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.commerce.subscriptions import (
    PlanConnection,
    Subscription,
    SubscriptionCancelInput,
    SubscriptionCancelPayload,
    SubscriptionChangeInput,
    SubscriptionChangePayload,
    SubscriptionChangePreview,
    SubscriptionPauseInput,
    SubscriptionPausePayload,
    SubscriptionResumeInput,
    SubscriptionResumePayload,
    SubscriptionWhere,
)
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query
from lms_graph.types.money import Money
from lms_graph.types.nodes import decode_id, decode_or_none

CODES = "Codes: NOT_FOUND, PLAN_NOT_CHANGEABLE, PAYMENT_REFUSED, PAYMENTS_NOT_CONFIGURED, UNAVAILABLE (it is finished later, and the same key tells how), IDEMPOTENCY_CONFLICT, INVALID."


async def _gateway(info: Info) -> PaymentGateway:
    adapters = info.context.adapters
    return await providers.gateway_of(caller=info.context.caller, payments=adapters.payments, secret_keys=adapters.secret_keys)


@strawberry.type
class SubscriptionsQuery:
    @query(description="A plan: one's own, or any for who holds ORDERS_READ; else null.")
    async def subscription(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The plan.")]) -> Subscription | None:
        plan_id = decode_or_none(id, "sub")
        found: Subscription | None = await info.context.loaders.commerce.subscription.load(plan_id) if plan_id else None
        return found

    @query(description="All plans of the tenant, latest first. Who holds ORDERS_READ.", requires=[Permission.ORDERS_READ])
    async def subscriptions(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[SubscriptionWhere | None, strawberry.argument(description="What the plans must be like.")] = None,
    ) -> PlanConnection:
        caller, chosen = info.context.caller, (where or SubscriptionWhere()).as_filter()
        page = await subscriptions.page_of_subscriptions(caller=caller, cursors=info.context.adapters.cursors, request=PageRequest(first, after, last, before), where=chosen)
        return PlanConnection.of(page, Subscription.from_row, lambda: subscriptions.count_subscriptions(caller=caller, where=chosen))

    @query(
        description="What it would cost to make a plan one for another offer now. Of one's own plan, or any for who holds REFUNDS_DECIDE. NOT_FOUND for others; BAD_USER_INPUT says why it cannot be.",
        cost=20,
    )
    async def subscription_change_preview(
        self,
        info: Info,
        subscription_id: Annotated[strawberry.ID, strawberry.argument(description="The plan.")],
        offer_id: Annotated[strawberry.ID, strawberry.argument(description="An offer on sale that is paid each month or year, in the plan's currency.")],
    ) -> SubscriptionChangePreview:
        target = await plan_changes.target(
            caller=info.context.caller,
            subscription_id=decode_id(subscription_id, "sub", path="subscriptionId"),
            offer_id=decode_id(offer_id, "off", path="offerId"),
            gateway=await _gateway(info),
        )
        return SubscriptionChangePreview.from_target(target)


@strawberry.type
class SubscriptionsMutation:
    @mutation(
        description=f"End a plan with its period, or at once. Its learner, and who holds REFUNDS_DECIDE; a purchase in installments the latter alone, for its learner owes the rest. {CODES}"
    )
    async def subscription_cancel(self, info: Info, input: Annotated[SubscriptionCancelInput, strawberry.argument(description="Which plan.")]) -> SubscriptionCancelPayload:
        arguments = input.as_arguments()
        return SubscriptionCancelPayload(subscription_id=await plan_requests.cancel(caller=info.context.caller, gateway=await _gateway(info), **arguments))

    @mutation(
        description=f"Skip payments for 1 to 90 days. What is paid stays open to its end, and what the plan opens is open again with its next payment. Its learner, and who holds REFUNDS_DECIDE. {CODES}"
    )
    async def subscription_pause(self, info: Info, input: Annotated[SubscriptionPauseInput, strawberry.argument(description="Which plan.")]) -> SubscriptionPausePayload:
        arguments = input.as_arguments()
        return SubscriptionPausePayload(subscription_id=await plan_requests.pause(caller=info.context.caller, gateway=await _gateway(info), **arguments))

    @mutation(description=f"Take back that a plan is to end, and end its pause. Its learner, and who holds REFUNDS_DECIDE. {CODES}")
    async def subscription_resume(self, info: Info, input: Annotated[SubscriptionResumeInput, strawberry.argument(description="Which plan.")]) -> SubscriptionResumePayload:
        arguments = input.as_arguments()
        return SubscriptionResumePayload(subscription_id=await plan_requests.resume(caller=info.context.caller, gateway=await _gateway(info), **arguments))

    @mutation(
        description="Make a plan one for another offer at once. The rest of the period is reckoned by the second: what is due is taken at once, what was paid too much is credit against the next "
        f"payments. Where it cannot be taken nothing changes. Its learner, and who holds REFUNDS_DECIDE. {CODES[:-1]}, OFFER_NOT_SOLD.",
        cost=20,
    )
    async def subscription_change(
        self, info: Info, input: Annotated[SubscriptionChangeInput, strawberry.argument(description="Which plan, and to what.")]
    ) -> SubscriptionChangePayload:
        arguments = input.as_arguments()
        changed = await plan_requests.change(caller=info.context.caller, gateway=await _gateway(info), **arguments)
        return SubscriptionChangePayload(subscription_id=changed.subscription_id, prorated=Money.of(changed.prorated_amount, changed.currency))
