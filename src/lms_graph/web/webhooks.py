"""Events of the payment provider as they come in: read, kept, answered. What follows from one is a job's."""

import asyncio

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from lms_graph.domain.commerce.operations import inbox
from lms_graph.domain.payouts.ports import EventRefused

MAX_BODY_BYTES = 512_000
BODY_SECONDS = 10.0

log = structlog.get_logger(__name__)


async def stripe(request: Request) -> Response:
    """`POST /webhooks/stripe` for the deployment's account, `/webhooks/stripe/{slug}` for a school's own. 200 once an event is kept, or is none of ours; 400 for what the provider did not
    sign, and nothing said of why."""
    body = await _body(request)
    if body is None:
        return Response(status_code=413, headers={"Connection": "close"})
    adapters = request.app.state.adapters
    try:
        await inbox.receive(
            body=body,
            signature=request.headers.get("stripe-signature"),
            slug=request.path_params.get("slug"),
            payments=adapters.payments,
            secret_keys=adapters.secret_keys,
        )
    except EventRefused as refused:
        log.warning("webhooks.refused", reason=str(refused))
        return Response(status_code=400)
    return Response(status_code=200)


async def _body(request: Request) -> bytes | None:
    """The bytes as they were signed; None where they are too many or do not arrive."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY_BYTES:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(body)
