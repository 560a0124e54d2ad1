"""Numbers for Prometheus, on a port of their own. Off unless a port is set.

Labels come from closed sets only: never a tenant, a person, or a name that a client chose.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from prometheus_client import Metric

log = structlog.get_logger(__name__)

READ_SECONDS = 2.0
OPERATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
JOB_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)
TYPES = ("query", "mutation", "subscription")
_CODE = re.compile(r"[A-Z_]{1,40}")


@dataclass(frozen=True)
class Reading:
    """A gauge that is read at each scrape, on the loop of the process: one value per combination of labels."""

    name: str
    description: str
    labels: tuple[str, ...]
    read: Callable[[], Awaitable[Mapping[tuple[str, ...], float]]]


class Metrics:
    """The counters of one process, and the server that shows them."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
        from prometheus_client.core import GaugeMetricFamily

        loop = asyncio.get_running_loop()
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._operations = Counter("lms_operations", "GraphQL operations, by type and outcome.", ["type", "outcome"], registry=self.registry)
        self._operation_seconds = Histogram("lms_operation_seconds", "Seconds that queries and mutations took.", ["type"], buckets=OPERATION_BUCKETS, registry=self.registry)
        self._errors = Counter("lms_operation_errors", "Operations that met an error, by its code; at top level or in a payload.", ["code"], registry=self.registry)
        self._sockets = Gauge("lms_sockets_open", "WebSockets that are open.", registry=self.registry)
        self._subscriptions = Gauge("lms_subscriptions_open", "Subscriptions that run, over WebSockets and event streams.", registry=self.registry)
        self._jobs = Counter("lms_jobs", "Jobs that ran, by name and outcome.", ["job", "outcome"], registry=self.registry)
        self._job_seconds = Histogram("lms_job_seconds", "Seconds that jobs took.", ["job"], buckets=JOB_BUCKETS, registry=self.registry)

        class Read:
            """Asked by the server's threads."""

            def collect(self) -> "Iterator[Metric]":
                for reading in readings:
                    waiting = asyncio.run_coroutine_threadsafe(_values(reading), loop)
                    try:
                        values = waiting.result(READ_SECONDS)
                    except Exception as error:  # noqa: BLE001  # the database is away, say: the other numbers are wanted all the more
                        waiting.cancel()
                        log.warning("metrics.not_read", name=reading.name, error=f"{type(error).__name__}: {error}")
                        continue
                    gauge = GaugeMetricFamily(reading.name, reading.description, labels=reading.labels)
                    for labels, value in values.items():
                        gauge.add_metric(labels, value)
                    yield gauge

        self.registry.register(Read())

    def operation(self, *, type: str | None, outcome: str, codes: Sequence[str], seconds: float) -> None:
        known = type if type in TYPES else "unknown"
        self._operations.labels(known, outcome).inc()
        if known != "subscription":  # it lasts as long as somebody looks
            self._operation_seconds.labels(known).observe(seconds)
        for code in codes:
            self._errors.labels(code if _CODE.fullmatch(code) else "OTHER").inc()

    def job(self, *, name: str, outcome: str, seconds: float) -> None:
        self._jobs.labels(name, outcome).inc()
        self._job_seconds.labels(name).observe(seconds)

    def socket(self, change: int) -> None:
        self._sockets.inc(change)

    def subscription(self, change: int) -> None:
        self._subscriptions.inc(change)


async def _values(reading: Reading) -> Mapping[tuple[str, ...], float]:
    return await reading.read()


current: Metrics | None = None


def set_up(*, host: str, port: int, readings: Sequence[Reading]) -> Callable[[], None]:
    """Begin to count, and serve `/metrics` on a port of its own; gives what ends it. Raises SystemExit when the port is taken."""
    global current
    from prometheus_client import start_http_server

    counting = Metrics(readings)
    try:
        server, thread = start_http_server(port, host, counting.registry)
    except OSError as error:
        raise SystemExit(f"Metrics cannot be served on {host}:{port} ({error.strerror}). Each process needs a port of its own: set LMS_METRICS_PORT.") from None

    def end() -> None:
        global current
        current = None
        server.shutdown()
        server.server_close()
        thread.join()

    current = counting
    return end
