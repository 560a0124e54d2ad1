"""Answers over HTTP: which media type, which status."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response

from lms_graph.web.graphql.refusals import Refused

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
HTML = "text/html"


def encode(value: object) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)


def accepted(headers: Headers, *offered: str) -> str | None:
    """Of what is offered, the best of what is accepted: by quality, then what is named before what a wildcard takes, then in the order of the offer."""
    header = ",".join(headers.getlist("accept")).lower()
    if not header.strip():
        return offered[0]
    wanted: dict[str, float] = {}
    for part in header.split(",")[:100]:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        wanted[name] = _quality(parameters)
    best = max(offered, key=lambda media_type: _wish(wanted, media_type))
    return best if _wish(wanted, best)[0] > 0 else None


def _wish(wanted: Mapping[str, float], media_type: str) -> tuple[float, int]:
    """How much a media type is wanted. The newer one for answers comes before the older where it is named; events are never taken by a wildcard."""
    if media_type in wanted or media_type == EVENTS:
        return wanted.get(media_type, 0.0), 2 if media_type == GRAPHQL else 1
    wildcards = [wanted[name] for name in (f"{media_type.partition('/')[0]}/*", "*/*") if name in wanted]
    return wildcards[0] if wildcards else 0.0, 0


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return max(0.0, min(1.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


def answer(payload: Mapping[str, Any], media_type: str) -> Response:
    """What an operation gave. Without `data` it was not run, which only the newer media type tells by the status (section 6.4 of GraphQL over HTTP)."""
    return _response(400 if media_type == GRAPHQL and "data" not in payload else 200, payload, media_type)


def refusal(refused: Refused, media_type: str) -> Response:
    """`understood` refusals are told to readers of `application/json` with 200, as section 6.4.1 says."""
    return _response(200 if refused.understood and media_type == JSON else refused.status, refused.body, media_type, refused.headers)


def _response(status: int, payload: Mapping[str, Any], media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(payload), status, {"Content-Type": f"{media_type}; charset=utf-8", "Vary": "Accept", **(headers or {})})
