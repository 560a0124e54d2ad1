"""Who asks, and at which school: from host, header and token, in one statement."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit
from uuid import UUID

from lms_graph.domain.identity.ports import OpenIdProviders
from lms_graph.domain.identity.queries.external import ProviderVersion
from lms_graph.domain.identity.rules.keys import ApiKeyKind, is_spelled_right, kind_of, rights_of_key
from lms_graph.domain.identity.rules.permissions import permissions_of
from lms_graph.domain.identity.rules.sessions import may_impersonate, rights_of_session
from lms_graph.domain.tenancy.queries import identification as tenancy
from lms_graph.domain.tenancy.rules.origins import ApiSettings
from lms_graph.kit.caller import Caller
from lms_graph.kit.secrets import token_hash
from lms_graph.kit.throttle import Throttle
from lms_graph.web.graphql import external
from lms_graph.web.graphql.known import Known
from lms_graph.web.graphql.refusals import refused

_SLUG = re.compile(r"[a-z0-9-]{1,63}")


@dataclass(frozen=True)
class Visit:
    """Who asks, with which API key if with one, and what the school lets them ask. A publishable key is nobody's: its caller is the visitor or the person beside it."""

    caller: Caller
    api: ApiSettings
    base_url: str
    token_expires_at: datetime | None = None
    key: tenancy.FoundKey | None = None
    provider: ProviderVersion | None = None  # by which somebody came in whose token is not ours

    @property
    def publishable_key_id(self) -> UUID | None:
        return self.key.id if self.key and not self.key.is_secret else None

    @property
    def is_visitor(self) -> bool:
        """Nobody in particular: no account, and no server."""
        return self.caller.account_id is None and self.caller.key_id is None

    @property
    def introspection(self) -> bool:
        return self.api.introspection


async def identify(
    headers: Mapping[str, str], *, known: Known, openid: OpenIdProviders, throttle: Throttle, address: str | None, default_tenant: str | None, development: bool, base_url: str
) -> Visit:
    """Whose request it is. In development every school opens introspection and explorer. Raises Refused when no tenant is named, a token or key is no good, or it and the
    host disagree."""
    now = datetime.now(UTC)
    token, key = _credentials(headers)
    host = host_name(headers.get("host"))
    slug = headers.get("x-tenant")
    if slug is not None and not _SLUG.fullmatch(slug):
        raise refused(404, "NOT_FOUND", "No school answers to this `X-Tenant`.")
    is_foreign = token is not None and external.is_foreign(token)
    hashed = token_hash(token) if token and not is_foreign else None
    found = await known.identify(host=host, slug=slug, token_hash=hashed, now=now, key_hash=token_hash(key) if key else None)
    if hashed and (found.account_id is None or not _is_impersonation_good(found)):
        raise refused(401, "UNAUTHENTICATED", "The access token is unknown, expired or its session has ended. Refresh the session or sign in again.")
    if key and found.key is None:
        raise refused(401, "UNAUTHENTICATED", "The API key is unknown, expired or revoked. An administrator of the school can make another.")
    named_by_token = found.key.tenant_id if found.key else found.session_tenant_id
    tenant_id, api, is_suspended = found.tenant_id or (named_by_token if slug is None else None), found.api, found.is_suspended
    if tenant_id is None and slug is None and default_tenant:
        default = await known.identify(host=None, slug=default_tenant, token_hash=None, now=now)
        tenant_id, api, is_suspended = default.tenant_id, default.api, default.is_suspended
    if tenant_id is None or api is None:
        raise refused(404, "NOT_FOUND", "No school answers here. Ask under its own domain or send its slug as `X-Tenant`.")
    if found.key is not None and found.key.tenant_id != tenant_id:
        raise refused(401, "UNAUTHENTICATED", "The API key belongs to another school.")
    if found.session_tenant_id is not None and found.session_tenant_id != tenant_id:
        raise refused(401, "UNAUTHENTICATED", "The access token belongs to another school.")
    if is_suspended:
        raise refused(404, "NOT_FOUND", "This school is closed for now: the platform has suspended it. Its administrators can ask the platform why.")
    secret = found.key if found.key and found.key.is_secret else None
    caller = Caller(
        tenant_id=tenant_id,
        account_id=found.account_id,
        session_id=found.session_id,
        key_id=secret.id if secret else None,
        impersonator_id=found.impersonator_id,
        roles=found.roles,
        permissions=rights_of_key(secret.scopes, permissions_of(secret.maker_roles, in_platform=found.in_platform))
        if secret
        else rights_of_session(found.roles, is_masked=found.is_masked, in_platform=found.in_platform),
        in_platform=found.in_platform,
        is_read_only=found.is_read_only,
        is_masked=found.is_masked,
        locale=found.locale or "en",
        address=address,
        user_agent=(headers.get("user-agent") or "")[:400] or None,
        now=now,
    )
    if development:
        api = replace(api, introspection=True, explorer=True)
    ends = [end for end in (found.token_expires_at, found.key.expires_at if found.key else None) if end]
    if token and is_foreign:
        guest = await external.let_in(caller, token, openid, throttle)
        return Visit(guest.caller, api, base_url, min([*ends, guest.expires_at]), found.key, guest.provider)
    return Visit(caller, api, base_url, min(ends, default=None), found.key)


@lru_cache(maxsize=1000)
def host_name(host: str | None) -> str | None:
    """The name in a Host header, without its port; None where it makes no sense."""
    try:
        return urlsplit(f"//{host or ''}").hostname
    except ValueError:
        return None


def _credentials(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The access token and the API key of a request, at most one key. Raises Refused for what is neither, or stands in the wrong place."""
    bearer, key = _bearer(headers.get("authorization")), headers.get("x-api-key")
    kind = kind_of(bearer) if bearer else None
    if kind is ApiKeyKind.PUBLISHABLE:
        raise refused(401, "UNAUTHENTICATED", "A publishable key is sent as `X-Api-Key`, not as `Authorization`.")
    if key is not None and kind_of(key) is ApiKeyKind.SECRET:
        raise refused(401, "UNAUTHENTICATED", "A secret key is sent as `Authorization: Bearer lms_sk_…`, not as `X-Api-Key`.")
    if key is not None and kind:
        raise refused(401, "UNAUTHENTICATED", "Send one API key: a server's secret one names the school by itself.")
    if kind and headers.get("origin") is not None:
        message = "A secret key came from a web page, where everybody can read it. Revoke it now, make another for your server, and give pages a publishable key."
        raise refused(403, "FORBIDDEN", message)
    if kind:
        bearer, key = None, bearer
    if key is not None and not is_spelled_right(key):
        raise refused(401, "UNAUTHENTICATED", "This is not a whole API key: its checksum does not fit. It was cut off or mistyped.")
    return bearer, key


def _is_impersonation_good(found: tenancy.Identified) -> bool:
    """Where the session is one: whether whoever looks still may, and the account is still a student's alone."""
    return found.impersonator_id is None or may_impersonate(impersonator_roles=found.impersonator_roles, roles=found.roles)


def _bearer(authorization: str | None) -> str | None:
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or not token.isascii():
        raise refused(401, "UNAUTHENTICATED", "Send the token as `Authorization: Bearer <accessToken>`.")
    return token.strip()
