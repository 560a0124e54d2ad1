"""Those who are told: an OTLP collector and a Sentry, as small HTTP servers that take what really comes."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fixtures.house import served


@dataclass(frozen=True)
class Span:
    """A span as the collector got it."""

    service: str
    name: str
    kind: int
    trace_id: str
    parent_id: str
    failed: bool
    attributes: dict[str, Any]


@dataclass
class Outside:
    """What has come, and where to send it."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    raw: bytes = b""

    @property
    def environment(self) -> dict[str, str]:
        """The settings that turn tracing and reports on."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "SENTRY_DSN": self.url.replace("//", "//public@") + "/1",
            "SENTRY_ENVIRONMENT": "testing",
        }

    async def _take_spans(self, request: Request) -> Response:
        body = await _body(request)
        self.raw += body
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = {attribute.key: _plain(attribute.value) for attribute in of_resource.resource.attributes}
            for scope in of_resource.scope_spans:
                for span in scope.spans:
                    attributes = {attribute.key: _plain(attribute.value) for attribute in span.attributes}
                    self.spans.append(
                        Span(
                            resource["service.name"],
                            span.name,
                            span.kind,
                            span.trace_id.hex(),
                            span.parent_span_id.hex(),
                            span.status.code == span.status.STATUS_CODE_ERROR,
                            attributes,
                        )
                    )
        return Response(b"", media_type="application/x-protobuf")

    async def _take_report(self, request: Request) -> Response:
        body = await _body(request)
        self.raw += body
        _, *items = body.split(b"\n")
        for head, content in zip(items[::2], items[1::2], strict=False):
            if head and json.loads(head)["type"] == "event":
                self.reports.append(json.loads(content))
        return JSONResponse({})


async def _body(request: Request) -> bytes:
    body = await request.body()
    return gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return [_plain(inner) for inner in value.array_value.values] if kind == "array_value" else getattr(value, kind or "string_value")


@asynccontextmanager
async def outside() -> AsyncIterator[Outside]:
    """Both on one port, in this process."""
    made = Outside()
    async with served(Starlette(routes=[Route("/v1/traces", made._take_spans, methods=["POST"]), Route("/api/1/envelope/", made._take_report, methods=["POST"])])) as url:
        made.url = url
        yield made
