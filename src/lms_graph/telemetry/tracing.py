"""Spans by OpenTelemetry, sent in batches by OTLP over HTTP. Off unless an endpoint is set; a collector that does not answer costs a warning in the log and nothing else.

The SDK and its exporter read the standard variables (OTEL_EXPORTER_OTLP_…, OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_…) by themselves.
"""

import threading
from collections.abc import Callable, Mapping
from random import getrandbits
from typing import TYPE_CHECKING, Any

from lms_graph.telemetry import bound

if TYPE_CHECKING:
    from opentelemetry.trace import Span

FLUSH_SECONDS = 2.0

_start: Callable[[str, str, Mapping[str, str] | None], "Span"] | None = None


def set_up(*, service: str, release: str) -> Callable[[], None]:
    """Begin to trace as `service`; gives what ends it, after at most `FLUSH_SECONDS`."""
    global _start
    # Here, so that who does not trace pays neither time nor memory.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    named = Resource.create({"service.name": service, "service.version": release}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("lms_graph", release)
    incoming = TraceContextTextMapPropagator()

    def start(name: str, kind: str, headers: Mapping[str, str] | None) -> "Span":
        return tracer.start_span(name, context=incoming.extract(headers) if headers else None, kind=SpanKind[kind])

    def end() -> None:
        global _start
        _start = None
        # The SDK would wait for half a minute when the collector is away.
        flushing = threading.Thread(target=provider.shutdown, daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)

    _start = start
    return end


def present_id() -> str:
    """The id of what is being done here: the operation's or the job's, else a new one."""
    return str(bound.value("trace_id") or new_trace_id())


def new_trace_id() -> str:
    """32 digits of hex, as W3C's Trace Context has them: nobody's secret, so not worth a call of the system each time."""
    return f"{getrandbits(128):032x}"


class Traced:
    """What is traced, if anything is: it has an id in any case, for the log and for people who ask."""

    def __init__(self, name: str, kind: str, headers: Mapping[str, str] | None = None) -> None:
        """`kind` is SERVER or CONSUMER. A W3C `traceparent` among the headers makes this its child: hand on only those of whom the operator trusts."""
        self._span = _start(name, kind, headers) if _start else None
        context = self._span.get_span_context() if self._span else None
        self.id = f"{context.trace_id:032x}" if context and context.is_valid else new_trace_id()

    def end(self, *, name: str, failed: bool, attributes: Mapping[str, Any]) -> None:
        """`name` is what it turned out to be; attributes that are None are left out."""
        if self._span is None:
            return
        self._span.update_name(name)
        self._span.set_attributes({key: value for key, value in attributes.items() if value is not None})
        if failed:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR)
        self._span.end()
