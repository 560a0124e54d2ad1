"""Reports to Sentry of what nobody expected: whatever is logged as an error together with its exception. Off without a DSN.

A report says where and what, with the ids that lead into the log; it holds no request, no variables of any kind and no person.
"""

import sys
from collections.abc import Callable, MutableMapping
from typing import Any

from lms_graph.telemetry import redaction

FLUSH_SECONDS = 1.0
_TAGS = ("trace_id", "request_id", "tenant_id", "operation", "document", "job", "delivery", "event")

_capture: Callable[[BaseException, dict[str, str]], None] | None = None


def set_up(*, dsn: str, release: str) -> Callable[[], None]:
    """Begin to report; gives what ends it, after at most `FLUSH_SECONDS`. The SDK reads SENTRY_ENVIRONMENT by itself."""
    global _capture
    import sentry_sdk  # here, so that who does not use it pays neither time nor memory

    def scrub(event: Any, hint: Any) -> Any:
        return {**redaction.redacted(event), "release": release}  # which looks like an address

    sentry_sdk.init(
        dsn=dsn,
        release=release,
        default_integrations=False,  # they gather breadcrumbs, arguments and requests
        auto_enabling_integrations=False,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=scrub,
    )

    def capture(error: BaseException, tags: dict[str, str]) -> None:
        with sentry_sdk.new_scope() as scope:
            scope.set_tags(tags)
            scope.capture_exception(error)

    def end() -> None:
        global _capture
        _capture = None
        sentry_sdk.get_client().close(timeout=FLUSH_SECONDS)

    _capture = capture
    return end


def note(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The log's processor that reports errors that carry an exception. It comes before the exception is made a text."""
    if _capture and line.get("level") in ("error", "critical") and (error := _exception(line.get("exc_info"))):
        _capture(error, {name: str(line[name]) for name in _TAGS if line.get(name)})
    return line


def _exception(info: Any) -> BaseException | None:
    if isinstance(info, tuple):
        info = info[1]
    if isinstance(info, BaseException):
        return info
    return sys.exc_info()[1] if info else None
