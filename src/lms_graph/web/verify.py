"""The public page on which anybody checks a certificate by its code."""

import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from lms_graph.adapters import Adapters
from lms_graph.domain.certificates import queries
from lms_graph.domain.certificates.rules import codes, records
from lms_graph.kit.errors import Busy
from lms_graph.kit.ids import public_id
from lms_graph.web.graphql.callers import host_name
from lms_graph.web.pages import DEFAULT_COLOR, page

PDF_SECONDS = 900
MAX_ECHO = 40


async def form(request: Request) -> Response:
    """`/verify` asks for a code, and sends whoever gave one to its page."""
    code = request.query_params.get("code", "").strip()
    if code:
        return RedirectResponse(f"/verify/{quote(codes.normalize(code) or code[:MAX_ECHO], safe='')}", status_code=303)
    return await _answer(request, "", found_status=200)


async def certificate(request: Request) -> Response:
    """`/verify/<code>`: 200 with the certificate, also a revoked one, or 404 with the form; 429 after many wrong codes from one network."""
    return await _answer(request, request.path_params["code"], found_status=404)


async def _answer(request: Request, code: str, *, found_status: int) -> Response:
    now = datetime.now(UTC)
    host = host_name(request.headers.get("host"))
    adapters: Adapters = request.app.state.adapters
    try:
        checked = await queries.check(code=code, host=host, address=request.client.host if request.client else None, now=now, throttle=adapters.throttle)
    except Busy as busy:
        return PlainTextResponse(str(busy), status_code=429, headers={"Retry-After": str(busy.retry_after_seconds)})
    nonce = secrets.token_urlsafe(16)
    row = checked.certificate
    state = records.status(revoked_at=row["revoked_at"], superseded_at=row["superseded_at"], expires_at=row["expires_at"], now=now) if row else None
    html = page(
        "pages/verify.html.j2",
        state=state.lower() if state else "not_found",
        code=row["code"] if row else code[:MAX_ECHO],
        nonce=nonce,
        form_action="/verify",
        tenant=_tenant(checked),
        certificate=await _certificate(checked, state, adapters) if row else None,
    )
    headers = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "X-Robots-Tag": "noindex",
    }
    return HTMLResponse(html, status_code=200 if row else found_status, headers=headers)


def _tenant(checked: queries.Checked) -> dict[str, Any]:
    tenant = checked.tenant
    if tenant is None:
        return {"name": "Certificates", "color": DEFAULT_COLOR, "logo_uri": None, "home_url": None}
    logo = f"/files/{public_id('fil', tenant['logo_file_id'])}" if tenant["logo_file_id"] else None
    return {"name": tenant["name"], "color": tenant["primary_color"], "logo_uri": logo, "home_url": checked.home}


async def _certificate(checked: queries.Checked, state: records.Status | None, adapters: Adapters) -> dict[str, Any]:
    row: Any = checked.certificate
    pdf_url = None
    if checked.pdf and state is not records.Status.REVOKED:
        name = codes.file_name(course_title=row["course_title"], number=row["number"])
        pdf_url = await adapters.objects.signed_url(checked.pdf.object_key, seconds=PDF_SECONDS, file_name=name)
    shown = ("code", "number", "student_name", "course_title", "instructor_names", "issued_at", "expires_at", "revoked_at", "revocation_reason")
    # The new certificate's code is its owner's to show: who has the old one learns only that it was replaced.
    return {name: row[name] for name in shown} | {"pdf_url": pdf_url, "pdf_sha256": checked.pdf.sha256 if checked.pdf else None, "replaced_by_url": None}
