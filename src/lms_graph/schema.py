"""The schema: roots composed from the areas, and what surrounds every operation."""

from collections.abc import AsyncIterator
from copy import copy
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
import structlog
from graphql import ExecutionResult, GraphQLError
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionContext

from lms_graph.context import Context
from lms_graph.execution import CompiledExecutor, compile_inputs
from lms_graph.kit.errors import DomainError
from lms_graph.limits.documents import MAX_ERRORS
from lms_graph.limits.values import written
from lms_graph.resolvers.assessment import AssessmentMutation, AssessmentQuery, AssessmentSubscription
from lms_graph.resolvers.catalog.courses import CatalogQuery
from lms_graph.resolvers.catalog.paths import PathsMutation, PathsQuery
from lms_graph.resolvers.catalog.teams import CourseTeamsMutation
from lms_graph.resolvers.certificates import CertificatesQuery, CertificatesSubscription
from lms_graph.resolvers.commerce.bundles import BundlesMutation, BundlesQuery
from lms_graph.resolvers.commerce.checkouts import CheckoutsMutation, CheckoutsQuery, CheckoutsSubscription
from lms_graph.resolvers.commerce.coupons import CouponsMutation, CouponsQuery
from lms_graph.resolvers.commerce.disputes import DisputesMutation, DisputesQuery
from lms_graph.resolvers.commerce.erasing import ErasingMutation
from lms_graph.resolvers.commerce.offers import OffersMutation, OffersQuery
from lms_graph.resolvers.commerce.orders import OrdersQuery
from lms_graph.resolvers.commerce.refunds import RefundsMutation, RefundsQuery
from lms_graph.resolvers.commerce.seats import SeatsMutation, SeatsQuery
from lms_graph.resolvers.commerce.selling import SellingMutation, SellingQuery
from lms_graph.resolvers.commerce.subscriptions import SubscriptionsMutation, SubscriptionsQuery
from lms_graph.resolvers.community.reviews import ReviewsMutation, ReviewsQuery
from lms_graph.resolvers.identity.accounts import AccountsMutation, AccountsQuery
from lms_graph.resolvers.identity.applications import ApplicationsMutation, ApplicationsQuery
from lms_graph.resolvers.identity.audit import AuditQuery
from lms_graph.resolvers.identity.emails import EmailsMutation
from lms_graph.resolvers.identity.instructors import InstructorsQuery
from lms_graph.resolvers.identity.keys import KeysMutation, KeysQuery
from lms_graph.resolvers.identity.members import MembersMutation, MembersQuery
from lms_graph.resolvers.identity.passwords import PasswordsMutation
from lms_graph.resolvers.identity.providers import ProvidersMutation, ProvidersQuery
from lms_graph.resolvers.identity.second_factor import SecondFactorMutation
from lms_graph.resolvers.identity.sessions import SessionsMutation
from lms_graph.resolvers.learning.enrollments import LearningMutation, LearningQuery, LearningSubscription
from lms_graph.resolvers.learning.entitlements import EntitlementsMutation, EntitlementsQuery
from lms_graph.resolvers.nodes import NodeQuery
from lms_graph.resolvers.payouts.ledger import LedgerQuery
from lms_graph.resolvers.payouts.payees import PayeesMutation, PayeesQuery
from lms_graph.resolvers.tenancy.domains import DomainsMutation
from lms_graph.resolvers.tenancy.tenants import TenancyMutation, TenancyQuery
from lms_graph.telemetry import redaction
from lms_graph.types.assessment import questions
from lms_graph.types.commerce import conditions  # noqa: F401  # tells its conditions to `types.errors`
from lms_graph.types.errors import USER_ERRORS, top_level, unexpected
from lms_graph.types.identity.accounts import Profile
from lms_graph.types.learning.access import CASES
from lms_graph.types.money import CURRENCY_CODE, DECIMAL, CurrencyCode
from lms_graph.types.payouts.ledger import LedgerEntry
from lms_graph.types.times import DATE_TIME

log = structlog.get_logger(__name__)


@strawberry.type(description="Everything that can be read.")
class Query(
    TenancyQuery,
    AccountsQuery,
    MembersQuery,
    InstructorsQuery,
    ApplicationsQuery,
    ProvidersQuery,
    KeysQuery,
    AuditQuery,
    CatalogQuery,
    LearningQuery,
    EntitlementsQuery,
    AssessmentQuery,
    CertificatesQuery,
    OffersQuery,
    BundlesQuery,
    CouponsQuery,
    SellingQuery,
    RefundsQuery,
    DisputesQuery,
    ReviewsQuery,
    PathsQuery,
    SeatsQuery,
    CheckoutsQuery,
    OrdersQuery,
    SubscriptionsQuery,
    PayeesQuery,
    LedgerQuery,
    NodeQuery,
):
    pass


@strawberry.type(description="Everything that can be changed.")
class Mutation(
    TenancyMutation,
    DomainsMutation,
    AccountsMutation,
    SessionsMutation,
    EmailsMutation,
    PasswordsMutation,
    SecondFactorMutation,
    MembersMutation,
    ApplicationsMutation,
    ProvidersMutation,
    KeysMutation,
    CourseTeamsMutation,
    LearningMutation,
    EntitlementsMutation,
    AssessmentMutation,
    OffersMutation,
    BundlesMutation,
    CouponsMutation,
    SellingMutation,
    RefundsMutation,
    DisputesMutation,
    ErasingMutation,
    ReviewsMutation,
    PathsMutation,
    SeatsMutation,
    CheckoutsMutation,
    SubscriptionsMutation,
    PayeesMutation,
):
    pass


@strawberry.type(description="Everything that can be watched, over graphql-transport-ws or server-sent events.")
class Subscription(LearningSubscription, AssessmentSubscription, CertificatesSubscription, CheckoutsSubscription):
    pass


def own(context: Context, variables: dict[str, Any]) -> Context:
    """The context of one operation; from now on what it was sent is kept out of the log."""
    if document := context.document:
        redaction.hide(variables, lambda: written(document, variables))
    return context.fresh()


class OwnContext(SchemaExtension):
    """An operation has a context of its own, whose document was validated before, and one read scope, given back before an answer is sent."""

    async def on_operation(self) -> AsyncIterator[None]:  # type: ignore[override]
        context: Context = own(self.execution_context.context, self.execution_context.variables or {})
        self.execution_context.context = context
        self.execution_context.graphql_document = context.document
        self.execution_context.validation_rules = ()
        async with context.reading():
            yield

    async def on_stream_result(self, result: Any) -> AsyncIterator[None]:  # type: ignore[override]
        if reads := self.execution_context.context.reads:
            await reads.release()
        yield


class Mask(MaskErrors):
    """What nobody expected is told as INTERNAL with a trace id, never with a class name, SQL or stack; expected failures keep their words."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=lambda error: True)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        return masked(error, self.execution_context.context.trace_id)


def masked(error: GraphQLError, trace_id: str) -> GraphQLError:
    original = error.original_error
    if isinstance(original, DomainError):
        told = top_level(original)
    elif (error.extensions or {}).get("code") or (error.path is None and (original is None or isinstance(original, GraphQLError))):
        told = GraphQLError(error.message, extensions={"code": "BAD_USER_INPUT", **(error.extensions or {})})
    else:
        told = unexpected(trace_id)
    return GraphQLError(told.message, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path, extensions=told.extensions)


class Schema(strawberry.Schema):
    async def answer(self, context: Context, *, variables: dict[str, Any], operation_name: str | None, suggestions: bool) -> ExecutionResult:
        """The answer of a query or a mutation whose document was validated before, as `execute` gives it: what `OwnContext` and `Mask` do, without Strawberry's hooks for
        parsing, validating and extensions that are not there, which take longer than a small query. Errors of values suggest names only with `suggestions`."""
        context = own(context, variables)
        assert context.document is not None
        try:
            async with context.reading():
                executor = self.execution_context_class.build(
                    self._schema,
                    context.document,
                    raw_variable_values=variables,
                    context_value=context,
                    operation_name=operation_name,
                    is_awaitable=optimized_is_awaitable,
                    max_coercion_errors=MAX_ERRORS,
                    hide_suggestions=not suggestions,
                )
                made = ExecutionResult(None, executor) if isinstance(executor, list) else executor.execute_operation()
                result: ExecutionResult = made if isinstance(made, ExecutionResult) else await made
            errors = result.errors or []
        except Exception as error:  # noqa: BLE001  # not of a resolver: the read scope could not be given back, say
            result, errors = ExecutionResult(None, None), [GraphQLError(str(error), original_error=error)]
        self.process_errors(errors)
        return ExecutionResult(result.data, [masked(error, context.trace_id) for error in errors] or None)

    def plain(self) -> "Schema":
        """The same schema, executed by graphql-core alone."""
        plain = copy(self)
        plain.execution_context_class = StrawberryGraphQLCoreExecutionContext
        return plain

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log what nobody expected, under the operation's trace id. Expected failures and bad documents are the client's affair, and quote what was sent: passwords too."""
        for error in errors:
            original = error.original_error
            if original is not None and not isinstance(original, GraphQLError | DomainError):
                log.error("operation.failed", path=error.path, exc_info=original)


schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[*USER_ERRORS, *CASES, *questions.KINDS.values(), Profile, LedgerEntry],
    extensions=[OwnContext, Mask],
    execution_context_class=CompiledExecutor,
    config=StrawberryConfig(scalar_map={datetime: DATE_TIME, Decimal: DECIMAL, CurrencyCode: CURRENCY_CODE}),
)
compile_inputs(schema)


def sdl() -> str:
    """The schema in SDL, types by name: what `schema.graphql` holds."""
    return schema.as_str() + "\n"
