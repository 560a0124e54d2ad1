"""Lists for accounting, behind links that are good for minutes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from lms_graph.domain.commerce.queries import orders as queries
from lms_graph.domain.commerce.rules import exports
from lms_graph.kit.caller import Caller

_HEADERS = {"Content-Disposition": 'attachment; filename="orders.csv"', "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


async def orders(request: Request) -> Response:
    """Orders as CSV in UTF-8, sent as they are read. 404 for a link that is none of ours, or whose time is over."""
    export = exports.opened(request.app.state.adapters.secret_keys, request.path_params["token"], datetime.now(UTC))
    if export is None:
        return PlainTextResponse("This link is not good any more. Ask for another with `ordersExport`.", status_code=404)
    tenant_id, where, has_personal = export

    async def parts() -> AsyncIterator[str]:
        yield exports.head()
        async for rows in queries.exported(caller=Caller.system(tenant_id), where=where):
            yield exports.lines(rows, has_personal=has_personal)

    return StreamingResponse(parts(), media_type="text/csv; charset=utf-8", headers=_HEADERS)
