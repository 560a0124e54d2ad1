"""What a badge's addresses lead to: the public key that signed it, and the issuer."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lms_graph.domain.certificates import queries
from lms_graph.domain.certificates.rules import badges

_HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600"}


async def key(request: Request) -> Response:
    """A key as a JWK: what a badge's `kid` names."""
    id = _uuid(request)
    found = await queries.public_key(key_id=id) if id else None
    if id is None or found is None:
        return _missing()
    url = badges.key_url(request.app.state.adapters.base_url, id)
    return JSONResponse(badges.jwk(public_key=found, url=url), headers=_HEADERS, media_type="application/jwk+json")


async def issuer(request: Request) -> Response:
    """An Open Badges profile, with all keys of the school."""
    id = _uuid(request)
    found = await queries.issuer(tenant_id=id, base_url=request.app.state.adapters.base_url) if id else None
    return JSONResponse(found, headers=_HEADERS) if found else _missing()


def _uuid(request: Request) -> UUID | None:
    try:
        return UUID(request.path_params["id"])
    except ValueError:
        return None


def _missing() -> Response:
    return JSONResponse({"error": "not found"}, status_code=404)
