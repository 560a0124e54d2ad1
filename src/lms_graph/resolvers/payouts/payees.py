"""Root fields about payees, payouts and statements."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.payouts.operations import accounts, commissions, statements, transfers
from lms_graph.domain.payouts.operations import providers as own_accounts
from lms_graph.domain.payouts.queries import payees as queries
from lms_graph.domain.payouts.queries import providers
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query
from lms_graph.types.payouts.payees import (
    InstructorPremiumSetInput,
    InstructorPremiumSetPayload,
    Payee,
    PayeeConnection,
    PayoutAccountLinkInput,
    PayoutAccountLinkPayload,
    PayoutCreateInput,
    PayoutCreatePayload,
    PayoutScheduleSetInput,
    PayoutScheduleSetPayload,
    StatementCreateInput,
    StatementCreatePayload,
)
from lms_graph.types.payouts.providers import (
    CommissionSetInput,
    CommissionSetPayload,
    PaymentProvider,
    PaymentProviderRemoveInput,
    PaymentProviderRemovePayload,
    PaymentProviderSetInput,
    PaymentProviderSetPayload,
)


@strawberry.type
class PayeesQuery:
    @query(description="Everybody who is paid here, oldest first. Who manages payouts.", requires=[Permission.PAYOUTS_MANAGE])
    async def payees(self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None) -> PayeeConnection:
        caller = info.context.caller
        page = await queries.page_of_payees(caller=caller, cursors=info.context.adapters.cursors, request=PageRequest(first, after, last, before))
        return PayeeConnection.of(page, Payee.from_row, lambda: queries.count_payees(caller=caller))

    @query(description="Through which account at the payment provider the school sells. Its administrators.", requires=[Permission.TENANT_MANAGE])
    async def payment_provider(self, info: Info) -> PaymentProvider:
        return PaymentProvider(**await providers.shown(caller=info.context.caller, base_url=info.context.adapters.base_url))


@strawberry.type
class PayeesMutation:
    @mutation(
        description="Lead yourself, or the school, to the payment provider's page on which a payee tells what it has to know. The account there is made the first time. Instructors, who has earned something, and "
        "for the school who manages payouts; not API keys. Codes: INVALID, CONFLICT, PAYMENT_REFUSED, PAYMENTS_NOT_CONFIGURED, UNAVAILABLE."
    )
    async def payout_account_link(
        self, info: Info, input: Annotated[PayoutAccountLinkInput, strawberry.argument(description="Who, and where it leads.")]
    ) -> PayoutAccountLinkPayload:
        adapters, caller = info.context.adapters, info.context.caller
        gateway = await providers.gateway_of(caller=caller, payments=adapters.payments, secret_keys=adapters.secret_keys)
        made = await accounts.link_account(caller=caller, gateway=gateway, **input.as_arguments())
        return PayoutAccountLinkPayload(payee_id=made.payee_id, url=made.link.url, expires_at=made.link.expires_at)

    @mutation(description="Say when you are paid, or, for who manages payouts, when the school is. Codes: INVALID.")
    async def payout_schedule_set(self, info: Info, input: Annotated[PayoutScheduleSetInput, strawberry.argument(description="When.")]) -> PayoutScheduleSetPayload:
        return PayoutScheduleSetPayload(payee_id=await accounts.set_schedule(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Pay out all that is available to a payee in a currency, now; one that is PENDING already is tried again. Who manages payouts. Codes: NOT_FOUND, CONFLICT (nothing available; or the provider "
        "does not pay to them).",
        requires=[Permission.PAYOUTS_MANAGE],
    )
    async def payout_create(self, info: Info, input: Annotated[PayoutCreateInput, strawberry.argument(description="To whom.")]) -> PayoutCreatePayload:
        return PayoutCreatePayload(payout_id=await transfers.pay_now(caller=info.context.caller, **input.as_arguments()))

    @mutation(description="Make a payee's statement of a month that is over, or give the one that is there. The payee, and who manages payouts. Codes: NOT_FOUND, INVALID.")
    async def statement_create(self, info: Info, input: Annotated[StatementCreateInput, strawberry.argument(description="Whose, and of when.")]) -> StatementCreatePayload:
        return StatementCreatePayload(statement_id=await statements.create_statement(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Let the commission for premium instructors hold for somebody, for what is sold from now on. Who manages payouts. Codes: NOT_FOUND.",
        requires=[Permission.PAYOUTS_MANAGE],
    )
    async def instructor_premium_set(
        self, info: Info, input: Annotated[InstructorPremiumSetInput, strawberry.argument(description="Who, and until when.")]
    ) -> InstructorPremiumSetPayload:
        return InstructorPremiumSetPayload(payee_id=await accounts.set_premium_by_hand(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Set what the platform keeps of a tenant's sales beside its one share: steps by what is sold, a share for premium instructors, the tax on it. For what is sold from now on. The platform's "
        "administrators. Codes: NOT_FOUND, INVALID.",
        requires=[Permission.TENANTS_MANAGE],
    )
    async def commission_set(self, info: Info, input: Annotated[CommissionSetInput, strawberry.argument(description="Whose, and how much.")]) -> CommissionSetPayload:
        return CommissionSetPayload(tenant_id=await commissions.set_commission(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Sell through the school's own account at the payment provider, once it has taken the key. New keys of the same account may be set at any time; another account only while no money of the "
        "school's sales lies in the one before, and payees connect to it anew. Its administrators, not API keys. Codes: INVALID, CONFLICT.",
        requires=[Permission.TENANT_MANAGE],
    )
    async def payment_provider_set(self, info: Info, input: Annotated[PaymentProviderSetInput, strawberry.argument(description="The keys.")]) -> PaymentProviderSetPayload:
        adapters, caller = info.context.adapters, info.context.caller
        await own_accounts.set_provider(caller=caller, payments=adapters.payments, secret_keys=adapters.secret_keys, **input.as_arguments())
        return PaymentProviderSetPayload(provider=PaymentProvider(**await providers.shown(caller=caller, base_url=adapters.base_url)))

    @mutation(
        description="Sell through the deployment's account again, and forget the school's keys; only while no money of the school's sales lies in its own account. Its administrators, not API keys. Codes: "
        "NOT_FOUND, CONFLICT.",
        requires=[Permission.TENANT_MANAGE],
    )
    async def payment_provider_remove(self, info: Info, input: Annotated[PaymentProviderRemoveInput, strawberry.argument(description="Which.")]) -> PaymentProviderRemovePayload:
        caller = info.context.caller
        await own_accounts.remove_provider(caller=caller, **input.as_arguments())
        return PaymentProviderRemovePayload(provider=PaymentProvider(**await providers.shown(caller=caller, base_url=info.context.adapters.base_url)))
