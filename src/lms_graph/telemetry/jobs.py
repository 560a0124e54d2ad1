"""One run of a job as seen from outside: a line in the log, a span and a count."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog

from lms_graph.telemetry import bound, metrics
from lms_graph.telemetry.tracing import Traced

log = structlog.get_logger(__name__)


class Run:
    """What becomes of it: done unless somebody says otherwise."""

    def __init__(self) -> None:
        self.outcome = "done"


@contextmanager
def job(name: str, *, tenant_id: UUID, delivery_id: UUID) -> Iterator[Run]:
    """Around one run. `name` is one of the registered jobs': it is a label. An exception that comes through is an outcome too."""
    began = time.perf_counter()
    traced = Traced(name, "CONSUMER")
    run = Run()
    with bound.during(trace_id=traced.id, tenant_id=str(tenant_id), job=name, delivery=str(delivery_id)):
        try:
            yield run
        except BaseException:  # the process stops, or the database is away
            run.outcome = "cut_short"
            raise
        finally:
            seconds = time.perf_counter() - began
            log.info("job", outcome=run.outcome, ms=round(seconds * 1000, 2))
            if metrics.current:
                metrics.current.job(name=name, outcome=run.outcome, seconds=seconds)
            attributes = {"lms.job": name, "lms.outcome": run.outcome, "lms.tenant.id": str(tenant_id), "messaging.message.id": str(delivery_id)}
            traced.end(name=name, failed=run.outcome not in ("done", "already_done"), attributes=attributes)
