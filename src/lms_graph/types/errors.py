"""Expected failures as the API tells them: entries of a payload's `errors`, or top-level errors with a code. The one place where they are turned."""

import inspect
from collections.abc import Awaitable, Callable, Collection
from enum import Enum
from typing import Any, get_type_hints

import strawberry
from graphql import GraphQLError
from strawberry.extensions import FieldExtension

from lms_graph.context import Info
from lms_graph.kit import errors
from lms_graph.kit.permissions import Permission
from lms_graph.limits.directives import CacheControl, ListSize
from lms_graph.telemetry import operations as telemetry
from lms_graph.types.costs import PAGE, listed, weight
from lms_graph.types.permissions import requiring


@strawberry.enum(description="What kept a mutation from doing what it was asked. Further values may come.")
class ErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="An input breaks a rule; `path` says which.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="It does not exist, or not for you.")
    CONFLICT = strawberry.enum_value("CONFLICT", description="The state has moved: read again and decide anew.")
    LIMIT_REACHED = strawberry.enum_value("LIMIT_REACHED", description="A stated limit is used up.")
    IDEMPOTENCY_CONFLICT = strawberry.enum_value("IDEMPOTENCY_CONFLICT", description="The key belongs to another request, or that request still runs.")
    ID_INVALID = strawberry.enum_value("ID_INVALID", description="Not an id of this API.")
    EMAIL_TAKEN = strawberry.enum_value("EMAIL_TAKEN", description="An account with this address exists.")
    CREDENTIALS_WRONG = strawberry.enum_value("CREDENTIALS_WRONG", description="Address and password do not go together, or the account is closed.")
    TOKEN_INVALID = strawberry.enum_value("TOKEN_INVALID", description="The token is unknown, used, expired or its session has ended.")
    CODE_WRONG = strawberry.enum_value("CODE_WRONG", description="The code of the second factor is wrong, or was used.")
    SIGN_IN_AGAIN = strawberry.enum_value("SIGN_IN_AGAIN", description="This takes a fresh sign-in: sign in again, then repeat it within ten minutes.")
    LINK_INVALID = strawberry.enum_value("LINK_INVALID", description="The link from a mail was used, replaced by a newer one, or its time is over.")
    LAST_ADMIN = strawberry.enum_value("LAST_ADMIN", description="It would leave the tenant without an active administrator.")
    EMAIL_UNVERIFIED = strawberry.enum_value("EMAIL_UNVERIFIED", description="Your e-mail address must be verified first.")
    ACCESS_DENIED = strawberry.enum_value("ACCESS_DENIED", description="This is closed to you now; its `access` field says why and what opens it.")
    DOMAIN_UNPROVEN = strawberry.enum_value("DOMAIN_UNPROVEN", description="DNS answers, and a domain's proof is not in what it says.")
    DOMAIN_TAKEN = strawberry.enum_value("DOMAIN_TAKEN", description="Another tenant has proven the host before, and has it still.")
    GRANT_REQUIRED = strawberry.enum_value("GRANT_REQUIRED", description="The course needs a grant, and you hold none that no run has used.")
    REVIEW_NOT_EARNED = strawberry.enum_value("REVIEW_NOT_EARNED", description="Who reviews a course has learned something of it first.")
    GRANT_NOT_BY_HAND = strawberry.enum_value("GRANT_NOT_BY_HAND", description="The grant came from a purchase or a team, and changes with that alone.")
    RUN_CLOSED = strawberry.enum_value("RUN_CLOSED", description="The run was canceled.")
    ATTEMPT_CLOSED = strawberry.enum_value("ATTEMPT_CLOSED", description="The attempt was handed in, or its time is over.")
    PROVIDER_UNREACHABLE = strawberry.enum_value("PROVIDER_UNREACHABLE", description="What an identity provider must publish could not be read; the message says why.")
    SIGN_IN_EXPIRED = strawberry.enum_value("SIGN_IN_EXPIRED", description="The sign-in with a provider was used, is too old, or the provider does not take its code. Start again.")
    ACCOUNT_EXISTS = strawberry.enum_value("ACCOUNT_EXISTS", description="An account has the provider's address, and may be another person's: sign in to it, and link.")
    ACCOUNT_CLOSED = strawberry.enum_value("ACCOUNT_CLOSED", description="The account is closed.")
    EMAIL_MISSING = strawberry.enum_value("EMAIL_MISSING", description="The provider gives no address that could be an account's.")
    PAYMENT_REFUSED = strawberry.enum_value("PAYMENT_REFUSED", description="The payment provider says no; the message says why.")
    PAYMENTS_NOT_CONFIGURED = strawberry.enum_value("PAYMENTS_NOT_CONFIGURED", description="The school has no account at a payment provider yet.")
    COUPON_REJECTED = strawberry.enum_value("COUPON_REJECTED", description="The coupon does not hold; `reason` says why.")
    PRICE_CHANGED = strawberry.enum_value("PRICE_CHANGED", description="The total is another one than the buyer saw; `total` is what it is now.")
    OFFER_NOT_SOLD = strawberry.enum_value("OFFER_NOT_SOLD", description="The offer is not for sale now, or not in this market.")
    CURRENCIES_DIFFER = strawberry.enum_value("CURRENCIES_DIFFER", description="What is bought together has prices in several currencies.")
    REFUND_EXCEEDS_BALANCE = strawberry.enum_value("REFUND_EXCEEDS_BALANCE", description="More is to go back than is left; `refundable` says how much is.")
    REFUND_NOT_ELIGIBLE = strawberry.enum_value("REFUND_NOT_ELIGIBLE", description="The school's refund policy does not cover it; `obstacle` says why.")
    ORDER_DISPUTED = strawberry.enum_value(
        "ORDER_DISPUTED", description="The payment is contested at the buyer's bank, or was taken back by it: nothing can be refunded beside it."
    )
    CHECKOUT_CLOSED = strawberry.enum_value("CHECKOUT_CLOSED", description="The checkout was paid, or its payment is under way, so it cannot be canceled.")
    PAYMENT_DIFFERS = strawberry.enum_value("PAYMENT_DIFFERS", description="Another amount or currency came in than was agreed; somebody of the school must look at it.")
    PLAN_NOT_CHANGEABLE = strawberry.enum_value("PLAN_NOT_CHANGEABLE", description="The plan's state does not allow it; `allowedTransitions` says what does.")
    UNAVAILABLE = strawberry.enum_value("UNAVAILABLE", description="A part of the service does not answer. Try again later.")


@strawberry.interface(description="Something that kept a mutation from doing what it was asked. Types that implement it carry more data.")
class UserError:
    code: ErrorCode = strawberry.field(description="Stable; meant for programs.")
    message: str = strawberry.field(description="English, for developers: what to do next.")
    path: list[str] = strawberry.field(description="Where in the input, from its root; empty when it is about the whole.")


@strawberry.type(description="An input breaks a rule.")
class InvalidInput(UserError):
    pass


@strawberry.type(description="It does not exist, or not for you.")
class ObjectNotFound(UserError):
    pass


@strawberry.type(description="The state does not allow it now.")
class StateConflict(UserError):
    pass


@strawberry.type(description="A stated limit is used up.")
class LimitExhausted(UserError):
    pass


@strawberry.type(description="A part of the service does not answer. Try again later.")
class ServiceUnavailable(UserError):
    pass


# By code, not by class: a replayed failure has only the first one's code.
_KINDS: dict[str, type[UserError]] = {
    "NOT_FOUND": ObjectNotFound,
    "LIMIT_REACHED": LimitExhausted,
    "UNAVAILABLE": ServiceUnavailable,
    "PAYMENTS_NOT_CONFIGURED": ServiceUnavailable,
}
USER_ERRORS = [InvalidInput, ObjectNotFound, StateConflict, LimitExhausted, ServiceUnavailable]
_CONDITIONS: dict[str, Callable[[errors.DomainError], UserError]] = {}
TOP_LEVEL = {"UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED"}


def user_errors(error: errors.DomainError) -> list[UserError]:
    """The entries that an expected failure becomes."""
    if issues := getattr(error, "issues", ()):
        return [InvalidInput(code=_code(issue.code), message=issue.message, path=list(issue.path)) for issue in issues]
    if condition_of := _CONDITIONS.get(error.code):
        return [condition_of(error)]
    kind = _KINDS.get(error.code, StateConflict)
    return [kind(code=_code(error.code), message=error.message, path=list(error.path))]


def condition(code: str, kind: type[UserError], values: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Tell failures of this code as `kind`, whose own fields `values` makes from the failure's data. For conditions that carry data."""
    _CONDITIONS[code] = lambda error: kind(code=_code(error.code), message=error.message, path=list(error.path), **values(error.data))
    USER_ERRORS.append(kind)


def _code(code: str) -> ErrorCode:
    return ErrorCode[code]


def top_level(error: errors.DomainError) -> GraphQLError:
    """The top-level error that an expected failure becomes outside mutations."""
    code = error.code if error.code in TOP_LEVEL | {"NOT_FOUND", "UNAVAILABLE"} else "BAD_USER_INPUT"
    extensions: dict[str, Any] = {"code": code}
    if issues := getattr(error, "issues", ()):
        extensions["issues"] = [{"code": issue.code, "message": issue.message, "path": list(issue.path)} for issue in issues]
    if isinstance(error, errors.Busy):
        extensions["retryAfter"] = error.retry_after_seconds
    return GraphQLError(str(error), extensions=extensions)


def unexpected(trace_id: str) -> GraphQLError:
    """What nobody expected, as it is told: the log has the rest under the trace id."""
    return GraphQLError(f"Something went wrong on our side. Support can find it by its trace id: {trace_id}", extensions={"code": "INTERNAL", "traceId": trace_id})


class _TellErrors(FieldExtension):
    def __init__(self, payload: Callable[..., Any] | None, requires: Collection[Permission], *, writes: bool = False) -> None:
        self.payload = payload
        self.writes = writes
        self.requires = tuple(requires)

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        if self.payload is not None:
            info.context.renew()
            if info.context.reads:
                await info.context.reads.release()  # a mutation begins with nothing held
        try:
            if self.writes:
                info.context.caller.require_may_write()
            if self.requires:
                info.context.caller.require(*self.requires)
            return await next_(source, info, **kwargs)
        except errors.DomainError as error:
            if self.payload is None or error.code in TOP_LEVEL:
                raise top_level(error) from error
            info.context.renew()
            telemetry.met(error.code)
            return self.payload(errors=user_errors(error))


def mutation(*, description: str, cost: int = 10, requires: Collection[Permission] = (), open_to_readers: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """A root mutation field: its expected failures become the payload's `errors`; what was loaded before it is forgotten. `cost` is that of the change itself.
    `requires` are permissions of which the caller must hold one; the operation's policy has the last word. Read-only tokens are refused, unless it is `open_to_readers`."""

    def wrap(resolver: Callable[..., Any]) -> Any:
        payload = get_type_hints(resolver)["return"]
        tells = _TellErrors(payload, requires, writes=not open_to_readers)
        return strawberry.mutation(resolver, description=description, extensions=[tells], directives=[weight(cost), *requiring(requires)])

    return wrap


def query(
    *, description: str, cost: int | None = None, size: ListSize | None = None, requires: Collection[Permission] = (), held: CacheControl | None = None
) -> Callable[[Callable[..., Any]], Any]:
    """A root query field: its expected failures become top-level errors with a code. `cost` is that of finding it at all; one that takes `first` has the size it is asked for.
    `requires` are permissions of which the caller must hold one; who holds none gets FORBIDDEN, or UNAUTHENTICATED.
    `held` says that it answers everybody the same."""

    def wrap(resolver: Callable[..., Any]) -> Any:
        asked = PAGE if "first" in inspect.signature(resolver).parameters else size
        directives = [*([asked] if asked else []), *([weight(cost)] if cost is not None else []), *requiring(requires), *([held] if held else [])]
        return strawberry.field(resolver, description=description, extensions=[_TellErrors(None, requires)], directives=directives)

    return wrap


@strawberry.type(description="What every mutation answers.")
class Payload:
    errors: list[UserError] = listed(2, default_factory=list, description="Why it was not done; empty when it was.")
