"""From bytes to what is asked. Whatever is sent ends as `Asked` or as a coded refusal.

As https://graphql.github.io/graphql-over-http/draft/ says (sections 5.2 to 5.4), and a little stricter: a JSON object that has a name twice is refused,
for two readers would see two requests, and so are arrays of requests.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson
from starlette.requests import ClientDisconnect, Request

from lms_graph.kit.eager import begin
from lms_graph.kit.text import is_storable
from lms_graph.web.graphql.refusals import refused

MAX_BODY_BYTES = 1_000_000
MAX_BRACKETS = 20_000  # each costs a hundred times the time of a plain character
MAX_DROPPED_BYTES = 10_000_000
MAX_ID_CHARACTERS = 200
BODY_SECONDS = 10.0


@dataclass(frozen=True)
class Asked:
    """One request of GraphQL over any transport: its document by text, by an id, or by both, for the next time by its id alone."""

    query: str | None
    operation_name: str | None = None
    variables: Mapping[str, Any] | None = None
    document_id: str | None = None  # without its prefix `sha256:`
    of_apollo: bool = False  # the id came as Apollo's clients send it


async def read_post(request: Request, headers: Mapping[str, str]) -> Asked:
    """The request in a body. Raises Refused."""
    media_type, charset = _content_type(headers.get("content-type", ""))
    if media_type != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise refused(415, "BAD_USER_INPUT", "Send the request as `Content-Type: application/json`, in UTF-8.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise refused(415, "BAD_USER_INPUT", "Send the body as it is: compressed bodies are not taken.")
    return from_object(parse_json(await _body(request), "The body"))


def read_get(request: Request) -> Asked:
    """The request in an address. Raises Refused."""
    asked: dict[str, Any] = {}
    for name in ("documentId", "query", "operationName", "variables", "extensions"):
        values = request.query_params.getlist(name)
        if len(values) > 1:
            raise refused(400, "BAD_USER_INPUT", f"`{name}` is given {len(values)} times.")
        if values:
            asked[name] = parse_json(values[0].encode(errors="surrogatepass"), f"`{name}`") if name in ("variables", "extensions") and values[0] else values[0]
    return from_object(asked)


def parse_json(raw: bytes, what: str) -> Any:
    """A JSON text. Raises Refused, which names `what`."""
    if raw.count(b"{") + raw.count(b"[") > MAX_BRACKETS:
        raise refused(400, "BAD_USER_INPUT", f"{what} has more than {MAX_BRACKETS:,} objects and arrays.")
    try:
        value = orjson.loads(raw)
        if orjson.dumps(value) == raw:  # it was read as it stands: orjson drops names that come twice, and makes integers of over 64 bits floats
            return value
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass
    return _parse_carefully(raw, what)


def _parse_carefully(raw: bytes, what: str) -> Any:
    """What orjson does not take, or would write otherwise: with spaces, say. Raises Refused, which says why."""
    try:
        return json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise refused(400, "BAD_USER_INPUT", f"{what} is not UTF-8.") from None
    except RecursionError:
        raise refused(400, "BAD_USER_INPUT", f"{what} is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise refused(400, "BAD_USER_INPUT", f"{what} is not JSON: {error.msg} at character {error.pos}.") from None
    except _Unreadable as error:
        raise refused(400, "BAD_USER_INPUT", f"{what} is not JSON that can be read: {error}.") from None
    except ValueError:
        raise refused(400, "BAD_USER_INPUT", f"{what} has a number of too many digits.") from None


def from_object(asked: Any) -> Asked:
    """What a parsed request asks. Raises Refused where a part has the wrong type."""
    if isinstance(asked, list):
        raise refused(400, "BAD_USER_INPUT", "Send one request at a time: arrays of requests are not taken.")
    if not isinstance(asked, dict):
        raise refused(400, "BAD_USER_INPUT", 'A request is a JSON object: {"query": "…", "variables": {…}}.')
    query, operation_name, variables, extensions = (asked.get(name) for name in ("query", "operationName", "variables", "extensions"))
    if operation_name is not None and not isinstance(operation_name, str):
        raise refused(400, "BAD_USER_INPUT", "`operationName` is a string or null.")
    for name, value in (("variables", variables), ("extensions", extensions)):
        if value is not None and not isinstance(value, dict):
            raise refused(400, "BAD_USER_INPUT", f"`{name}` is an object or null.")
    document_id, of_apollo = _document_id(asked.get("documentId"), extensions or {})
    if document_id is None and (not isinstance(query, str) or not query.strip()):
        raise refused(400, "BAD_USER_INPUT", "`query` is missing: the document as a string. Or send the `documentId` of one that is known here.")
    if query is not None and not isinstance(query, str):
        raise refused(400, "BAD_USER_INPUT", "`query` is a string.")
    for name, text in (("query", query), ("operationName", operation_name), ("documentId", document_id)):
        if not is_storable(text or ""):
            raise refused(400, "BAD_USER_INPUT", f"`{name}` has a NUL character or half of a surrogate pair, which no text may have.")
    return Asked(query or None, operation_name or None, variables, document_id, of_apollo)


def _document_id(id: object, extensions: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The id of a document, and whether it came in Apollo's words. `documentId` is that of appendix A of the draft. Raises Refused."""
    if id is None and (persisted := extensions.get("persistedQuery")) is not None:
        if not isinstance(persisted, dict) or persisted.get("version") != 1 or not isinstance(sha256 := persisted.get("sha256Hash"), str):
            raise refused(400, "BAD_USER_INPUT", '`persistedQuery` is {"version": 1, "sha256Hash": "…"}.')
        id, of_apollo = sha256.lower(), True
    else:
        of_apollo = False
    if id is None:
        return None, False
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID_CHARACTERS:
        raise refused(400, "BAD_USER_INPUT", f"`documentId` is a string of 1 to {MAX_ID_CHARACTERS} characters.")
    return id.removeprefix("sha256:"), of_apollo


class _Unreadable(ValueError):
    """What two readers would not read alike."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unreadable("an object has a name twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise _Unreadable(f"{name} is not a JSON number")


def _content_type(header: str) -> tuple[str, str]:
    if header == "application/json":
        return header, ""
    media_type, *parameters = (part.strip().lower() for part in header.split(";"))
    charsets = [value.strip('" ') for name, _, value in (parameter.partition("=") for parameter in parameters) if name.strip() == "charset"]
    return media_type, charsets[0] if charsets else ""


async def _body(request: Request) -> bytes:
    """The body. What is too large is read on for a while and dropped, for who still sends does not hear."""
    body, length = bytearray(), 0

    async def read() -> None:
        nonlocal length
        async for part in request.stream():
            length += len(part)
            if length <= MAX_BODY_BYTES:
                body.extend(part)
            elif length > MAX_DROPPED_BYTES:
                break

    try:
        if rest := begin(read()):  # most bodies have come with their heads: nothing is to be timed
            async with asyncio.timeout(BODY_SECONDS):
                await rest
    except TimeoutError:
        raise refused(408, "BAD_USER_INPUT", f"The body did not arrive within {BODY_SECONDS:.0f} seconds.", headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise Gone from None
    if length > MAX_BODY_BYTES:
        raise refused(413, "BAD_USER_INPUT", f"A request may have at most {MAX_BODY_BYTES:,} bytes.", headers={"Connection": "close"})
    return bytes(body)


class Gone(Exception):
    """The client is, and nobody waits for an answer."""
