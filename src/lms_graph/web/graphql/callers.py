"""Who asks, and at which school: from host, header and token, in one statement."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from lms_graph.domain.identity.rules.permissions import permissions_of
from lms_graph.domain.tenancy.queries import identification as tenancy
from lms_graph.domain.tenancy.rules.origins import ApiSettings
from lms_graph.kit.caller import Caller
from lms_graph.kit.secrets import token_hash
from lms_graph.web.graphql.refusals import refused

_SLUG = re.compile(r"[a-z0-9-]{1,63}")


@dataclass(frozen=True)
class Visit:
    """Who asks, and what the school lets them ask."""

    caller: Caller
    api: ApiSettings
    base_url: str
    token_expires_at: datetime | None = None

    @property
    def introspection(self) -> bool:
        return self.api.introspection


async def identify(headers: Mapping[str, str], *, address: str | None, default_tenant: str | None, development: bool, base_url: str) -> Visit:
    """Whose request it is. In development every school opens introspection and explorer. Raises Refused when no tenant is named, a token is no good, or token and host disagree."""
    now = datetime.now(UTC)
    token = _bearer(headers.get("authorization"))
    host = host_name(headers.get("host"))
    slug = headers.get("x-tenant")
    if slug is not None and not _SLUG.fullmatch(slug):
        raise refused(404, "NOT_FOUND", "No school answers to this `X-Tenant`.")
    found = await tenancy.identify(host=host, slug=slug, token_hash=token_hash(token) if token else None, now=now)
    if token and found.account_id is None:
        raise refused(401, "UNAUTHENTICATED", "The access token is unknown, expired or its session has ended. Refresh the session or sign in again.")
    tenant_id, api, is_suspended = found.tenant_id or (found.session_tenant_id if slug is None else None), found.api, found.is_suspended
    if tenant_id is None and slug is None and default_tenant:
        default = await tenancy.identify(host=None, slug=default_tenant, token_hash=None, now=now)
        tenant_id, api, is_suspended = default.tenant_id, default.api, default.is_suspended
    if tenant_id is None or api is None:
        raise refused(404, "NOT_FOUND", "No school answers here. Ask under its own domain or send its slug as `X-Tenant`.")
    if found.session_tenant_id is not None and found.session_tenant_id != tenant_id:
        raise refused(401, "UNAUTHENTICATED", "The access token belongs to another school.")
    if is_suspended:
        raise refused(404, "NOT_FOUND", "This school is closed for now: the platform has suspended it. Its administrators can ask the platform why.")
    caller = Caller(
        tenant_id=tenant_id,
        account_id=found.account_id,
        session_id=found.session_id,
        roles=found.roles,
        permissions=permissions_of(found.roles, in_platform=found.in_platform),
        locale=found.locale or "en",
        address=address,
        user_agent=(headers.get("user-agent") or "")[:400] or None,
        now=now,
    )
    if development:
        api = replace(api, introspection=True, explorer=True)
    return Visit(caller, api, base_url, found.token_expires_at)


def host_name(host: str | None) -> str | None:
    """The name in a Host header, without its port; None where it makes no sense."""
    try:
        return urlsplit(f"//{host or ''}").hostname
    except ValueError:
        return None


def _bearer(authorization: str | None) -> str | None:
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or not token.isascii():
        raise refused(401, "UNAUTHENTICATED", "Send the token as `Authorization: Bearer <accessToken>`.")
    return token.strip()
