"""Public files: covers and logos, for everybody who has the address."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from lms_graph.domain.media import queries
from lms_graph.kit.errors import NotFound, Unavailable
from lms_graph.kit.ids import parse_id

_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",  # an SVG opened by itself is a page: it runs nothing and loads nothing
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
}


async def public_file(request: Request) -> Response:
    """The bytes, to be kept for a year: another body would be another file. Only images are shown in place, whatever else was stored is downloaded."""
    parsed = parse_id(request.path_params["id"])
    file = await queries.public_file(file_id=parsed[1]) if parsed and parsed[0] == "fil" else None
    if file is None:
        return _missing()
    headers = _SAFE | {"ETag": f'"{file.sha256}"', "Cache-Control": "public, max-age=31536000, immutable"}
    if not file.content_type.startswith("image/"):
        headers["Content-Disposition"] = "attachment"
    if _has(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    try:
        body = await request.app.state.adapters.objects.get(file.object_key)
    except NotFound:
        return _missing()
    except Unavailable:
        return PlainTextResponse("The file store does not answer. Try again.", status_code=503, headers={"Retry-After": "5", **_SAFE})
    return Response(body, headers=headers, media_type=file.content_type)


def _has(if_none_match: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]


def _missing() -> Response:
    return PlainTextResponse("No such file.", status_code=404, headers=_SAFE)
