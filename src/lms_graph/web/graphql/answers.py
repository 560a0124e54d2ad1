"""Answers over HTTP: which media type, which status."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response

from lms_graph.web.graphql.refusals import Refused

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
HTML = "text/html"
VARY = "Accept, Authorization, X-Api-Key, X-Tenant"


def encode(value: object) -> bytes:
    try:
        return orjson.dumps(value, default=str)
    except TypeError:  # names that are no strings, in some JSON scalar: to look out for them takes as long again
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)


def accepted(header: str, *offered: str) -> str | None:
    """Of what is offered, the best of what an `Accept` takes: by quality, then what is named before what a wildcard takes, then in the order of the offer."""
    return (_best if len(header) <= 200 else _best.__wrapped__)(header, offered)


@lru_cache(maxsize=1000)  # a client sends the same all its life
def _best(header: str, offered: tuple[str, ...]) -> str | None:
    header = header.lower()
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


def private(payload: Mapping[str, Any], media_type: str) -> Response:
    """As `answer`, to a GET: it is nobody else's."""
    response = answer(payload, media_type)
    response.headers.update({"Cache-Control": "private, no-store", "Vary": VARY})
    return response


def held(payload: Mapping[str, Any], media_type: str, seconds: int, asked: Headers) -> Response:
    """As `answer`, to a GET, which anybody may hold for so long. What it cost is told, what is left in the bucket of who asked is not."""
    cost = payload["extensions"]["cost"]
    body = encode({**payload, "extensions": {"cost": {name: cost[name] for name in ("requested", "limit")}}})
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"Cache-Control": f"public, max-age={seconds}", "ETag": tag, "Vary": VARY}
    known = {each.strip().removeprefix("W/") for each in ",".join(asked.getlist("if-none-match")).split(",")}
    if known & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, 200, {"Content-Type": f"{media_type}; charset=utf-8", **headers})


def refusal(refused: Refused, media_type: str) -> Response:
    """`understood` refusals are told to readers of `application/json` with 200, as section 6.4.1 says."""
    return _response(200 if refused.understood and media_type == JSON else refused.status, refused.body, media_type, refused.headers)


def _response(status: int, payload: Mapping[str, Any], media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(payload), status, {"Content-Type": f"{media_type}; charset=utf-8", "Vary": "Accept", **(headers or {})})
