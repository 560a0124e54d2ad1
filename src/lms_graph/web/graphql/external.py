"""Requests that carry a token of the school's own OpenID provider instead of a session's."""

from dataclasses import dataclass, replace
from datetime import datetime

from lms_graph.domain.identity.operations import external
from lms_graph.domain.identity.ports import OpenIdProviders
from lms_graph.domain.identity.queries.external import ProviderVersion
from lms_graph.domain.identity.rules.permissions import permissions_of
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Busy, DomainError, Unavailable
from lms_graph.kit.throttle import Throttle
from lms_graph.web.graphql.refusals import refused


@dataclass(frozen=True)
class Guest:
    """Somebody who came in by a provider's token, until when it holds, and by which setting of the provider."""

    caller: Caller
    expires_at: datetime
    provider: ProviderVersion


def is_foreign(token: str) -> bool:
    """Whether it could be a JWT: our own tokens have no dots."""
    return token.count(".") >= 2


async def let_in(visitor: Caller, token: str, openid: OpenIdProviders, throttle: Throttle) -> Guest:
    """Who it is that was a visitor of the school until now. Raises Refused."""
    try:
        entered = await external.enter(caller=visitor, openid=openid, token=token, throttle=throttle)
    except Unavailable as error:
        raise refused(503, "UNAVAILABLE", error.message, headers={"Retry-After": "30"}) from None
    except Busy as error:
        raise refused(429, "RATE_LIMITED", error.message, headers={"Retry-After": str(error.retry_after_seconds)}, retryAfter=error.retry_after_seconds) from None
    except DomainError as error:
        raise refused(401, "UNAUTHENTICATED", error.message) from None
    caller = replace(
        visitor,
        account_id=entered.account_id,
        roles=entered.roles,
        permissions=permissions_of(entered.roles, in_platform=visitor.in_platform),
        locale=entered.locale or visitor.locale,
    )
    return Guest(caller, entered.expires_at, entered.provider)
