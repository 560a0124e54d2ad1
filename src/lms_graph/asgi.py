"""The ASGI application: routes, and what opens and closes with the process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from lms_graph.kit.live import aggregate_of, is_shown, tenant_of
from lms_graph.limits import manifests
from lms_graph.limits.bounds import Bounds, DocumentRefused
from lms_graph.limits.documents import Documents
from lms_graph.models import database
from lms_graph.outbox import unit_of_work
from lms_graph.schema import schema
from lms_graph.settings import Settings
from lms_graph.telemetry.requests import Requests
from lms_graph.web import badges, dev_mail, explorer, exports, files, health, unsubscribe, verify, webhooks
from lms_graph.web.cors import Cors
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.held import Held
from lms_graph.web.graphql.known import Known
from lms_graph.web.graphql.operations import Operations
from lms_graph.web.proxies import TrustedProxies
from lms_graph.web.security_headers import SecurityHeaders, failed
from lms_graph.wiring import CONNECTIONS, observed, running

log = structlog.get_logger(__name__)


def application(settings: Settings | None = None) -> Starlette:
    """The application for these settings, by default the environment's."""
    settings = settings or Settings.from_env()
    documents = _documents(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with observed(settings, service="lms-graph-serve", readings=[CONNECTIONS]), running(settings) as adapters:
            app.state.adapters = adapters
            app.state.reachable = database.reachable
            known, held = Known(), Held(adapters.answers) if settings.hold_answers else None
            operations = Operations(schema if settings.executor == "compiled" else schema.plain(), adapters, documents, only_trusted=settings.only_trusted_documents, held=held)
            adapters.live.overhear(lambda topics: _heard(topics, known, held))
            unit_of_work.committed.append(known.happened)
            app.state.endpoint = Endpoint(operations, known=known, default_tenant=settings.default_tenant, base_url=adapters.base_url, development=settings.development)
            app.state.end_streams = app.state.endpoint.end_streams
            app.state.stopping = False
            log.info("serve.ready")
            yield
            unit_of_work.committed.remove(known.happened)
            log.info("serve.stopped")

    return Starlette(
        lifespan=lifespan,
        middleware=[
            Middleware(Requests, quiet=["/healthz", "/readyz"]),
            Middleware(TrustedProxies, trusted=[str(network) for network in settings.trusted_proxies]),
            Middleware(SecurityHeaders),
            Middleware(Cors, path="/graphql", development=settings.development),
            Middleware(_Straight, path="/graphql"),
        ],
        exception_handlers={Exception: failed},
        routes=[
            Route("/graphql", _Graphql()),  # `_Straight` takes it before; here it stands for who asks for `/graphql/`, and is led to it
            WebSocketRoute("/graphql", _Graphql()),
            explorer.assets,
            Route("/verify", verify.form),
            Route("/verify/{code}", verify.certificate),
            Route("/keys/{id}", badges.key),
            Route("/issuers/{id}", badges.issuer),
            Route("/files/{id}", files.public_file),
            Route("/unsubscribe/{token}", unsubscribe.page, methods=["GET", "POST"]),
            Route("/exports/orders/{token}", exports.orders),
            Route("/webhooks/stripe", webhooks.stripe, methods=["POST"]),
            Route("/webhooks/stripe/{slug}", webhooks.stripe, methods=["POST"]),
            *(dev_mail.routes(settings.mail_folder, base_url=settings.base_url) if settings.development and settings.mail_folder else []),
            Route("/healthz", health.healthz),
            Route("/readyz", health.readyz),
        ],
    )


def _heard(topics: list[str] | None, known: Known, held: Held | None) -> None:
    """What this process keeps is forgotten when it may be otherwise."""
    if topics is None:
        known.forget()
        if held:
            held.forget()
        return
    known.happened([aggregate_of(topic) for topic in topics if not is_shown(topic)])
    for topic in filter(is_shown, topics) if held else ():
        held.changed(tenant_of(topic))  # type: ignore[union-attr]


def _documents(settings: Settings) -> Documents:
    """With the trusted ones. Raises SystemExit, which names what does not fit the schema."""
    documents = Documents(schema._schema, Bounds(cost=settings.cost_limit))
    try:
        for id, (text, file) in manifests.read(settings.trusted_documents).items():
            try:
                documents.trust(id, text)
            except DocumentRefused as error:
                raise SystemExit(f"{file}: the trusted document {id} ({manifests.called(text)}) cannot be taken: {error}") from None
    except manifests.ManifestRefused as error:
        raise SystemExit(str(error)) from None
    return documents


class _Graphql:
    """The endpoint, which is made when the process has begun. An instance of a class is what Starlette takes for an application of its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].state.endpoint(scope, receive, send)


class _Straight:
    """Hands what is for the endpoint to it without a look through the routes: nearly everything is, and it answers for itself whatever happens."""

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self._app = app
        self._graphql = _Graphql()
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] == self.path:
            scope["route"] = self  # the log tells its path
            await self._graphql(scope, receive, send)
        else:
            await self._app(scope, receive, send)
