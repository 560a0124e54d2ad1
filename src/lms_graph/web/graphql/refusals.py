"""Answers to what is not run: coded, and the same whichever way the request came."""

from collections.abc import Mapping
from typing import Any

import structlog

from lms_graph.telemetry import tracing
from lms_graph.types.errors import unexpected

log = structlog.get_logger(__name__)


class Refused(Exception):
    """A request, or its document, that is not run. `errors` are as GraphQL answers them, each with `extensions.code`."""

    def __init__(
        self, status: int, errors: list[dict[str, Any]], *, headers: Mapping[str, str] | None = None, extensions: dict[str, Any] | None = None, understood: bool = False
    ) -> None:
        """`understood`: it was a well-formed request whose document is refused, which clients of `application/json` are told with status 200."""
        super().__init__(errors[0]["message"])
        self.status = status
        self.errors = errors
        self.headers = dict(headers or {})
        self.extensions = extensions
        self.understood = understood

    @property
    def code(self) -> str:
        return str(self.errors[0]["extensions"]["code"])

    @property
    def body(self) -> dict[str, Any]:
        return {"errors": self.errors} | ({"extensions": self.extensions} if self.extensions else {})


def refused(
    status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None, extensions: dict[str, Any] | None = None, understood: bool = False, **more: Any
) -> Refused:
    """With one error; `more` is told in its extensions."""
    return Refused(status, [{"message": message, "extensions": {"code": code, **more}}], headers=headers, extensions=extensions, understood=understood)


def internal(event: str) -> Refused:
    """What nobody expected, called where it is caught: told with a trace id, under which the log has it."""
    trace_id = tracing.present_id()
    log.exception(event, trace_id=trace_id)
    return Refused(500, [unexpected(trace_id).formatted])  # type: ignore[list-item]
