"""One GraphQL operation as seen from outside: a line in the log, a span and a count, whatever came of it. Never its text, never its variables."""

import re
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any
from uuid import UUID

import structlog

from lms_graph.telemetry import bound, metrics, redaction, requests
from lms_graph.telemetry.tracing import Traced

log = structlog.get_logger(__name__)

MOST_CODES = 20
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,99}")
_UNREAD = "GraphQL operation"  # a span's name must be one of few: its type as soon as that is known, never a name that a client chose


class Operation:
    """From the moment somebody asks for it. It ends either by `refused`, or as a context manager around its run, a subscription's until nobody watches it any more.

    What it binds to the log's context stays: a request, and each operation on a socket, is a task of its own, and what is said after the run belongs to it too.
    """

    def __init__(self, *, transport: str, tenant_id: UUID, account_id: UUID | None, name: str | None, headers: Mapping[str, str], variables: Any) -> None:
        """`transport` is http, sse or websocket; `name` what the client calls it, if it says so. Of the headers only a W3C `traceparent` is read; of the
        variables only the secrets, to be taken out of whatever is logged meanwhile. Those in its document are added when it is run.
        """
        self.transport = transport
        self.type: str | None = None
        self.name = _name(name)
        self.sha256: str | None = None
        self.cost: int | None = None
        self._tenant_id = str(tenant_id)
        self._codes: list[str] = []
        self._began = time.perf_counter()
        self._traced = Traced(_UNREAD, "SERVER", headers)
        self.trace_id = self._traced.id
        redaction.hide(variables)
        bound.bind(trace_id=self.trace_id, tenant_id=self._tenant_id, **({"account_id": str(account_id)} if account_id else {}))

    def is_a(self, type: str, name: str | None, *, sha256: str) -> None:
        """What its document turned out to be: a query, mutation or subscription, the name that the client gave it, and the document's hash in hex."""
        self.type = type
        self.name = _name(name)
        self.sha256 = sha256
        bound.bind(document=sha256[:16], **({"operation": self.name} if self.name else {}))

    def met(self, code: str) -> None:
        """It met an error with this code; each is told once."""
        if code not in self._codes and len(self._codes) < MOST_CODES:
            self._codes.append(code)

    def refused(self, codes: Iterable[str]) -> None:
        """It will not be run."""
        for code in codes:
            self.met(code)
        redaction.hide(None)
        self._tell(canceled=False)

    def __enter__(self) -> "Operation":
        _current.set(self)
        if self.type == "subscription" and metrics.current:
            metrics.current.subscription(1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if isinstance(error, Exception):
            self.met("INTERNAL")
        else:
            redaction.hide(None)  # nothing more will be said that could quote what was sent
        if self.type == "subscription" and metrics.current:
            metrics.current.subscription(-1)
        # Canceled, or closed from outside: the client has gone. Subscriptions have no other end.
        self._tell(canceled=error is not None and self.type != "subscription")

    def _tell(self, *, canceled: bool) -> None:
        seconds = time.perf_counter() - self._began
        failed = "INTERNAL" in self._codes
        outcome = "failed" if failed else "refused" if self._codes else "canceled" if canceled else "ok"
        requests.told()
        log.info(
            "operation",
            type=self.type,
            operation=self.name,
            transport=self.transport,
            outcome=outcome,
            codes=self._codes,
            cost=self.cost,
            ms=round(seconds * 1000, 2),
        )
        if metrics.current:
            metrics.current.operation(type=self.type, outcome=outcome, codes=self._codes, seconds=seconds)
        self._traced.end(
            name=self.type or _UNREAD,
            failed=failed,
            attributes={
                "graphql.operation.type": self.type,
                "graphql.operation.name": self.name,
                "graphql.document.hash": self.sha256,
                "error.type": self._codes[0] if self._codes else None,
                "lms.error.codes": self._codes or None,
                "lms.outcome": outcome,
                "lms.cost": self.cost,
                "lms.tenant.id": self._tenant_id,
                "lms.transport": self.transport,
            },
        )


def _name(name: str | None) -> str | None:
    """If it is one: what a client says may be anything."""
    return name if name and _NAME.fullmatch(name) else None


_current: ContextVar[Operation | None] = ContextVar("operation", default=None)


def met(code: str) -> None:
    """The operation that runs, if one does, met an error with this code."""
    if operation := _current.get():
        operation.met(code)
