"""The log: one line per event on standard error, as JSON for machines or in columns for people.

What libraries say by the standard library's `logging` comes out of the same pipe as our own lines.
"""

import json
import logging
import re
import sys
import threading
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Literal

import orjson
import structlog

from lms_graph.telemetry import bound, redaction, reports

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]
Line = MutableMapping[str, Any]

# Whatever some reader of lines takes for the end of one, or a terminal for a command.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def set_up(*, level: Level, format: Format) -> None:
    """Once per process, by its root. `auto` writes columns where standard error is a terminal, else JSON."""
    console = format == "console" or (format == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=processors(console=console, colors=sys.stderr.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Writer,
        cache_logger_on_first_use=True,
    )
    # Libraries spell out statements, headers and whole answers at DEBUG, and addresses with their queries at INFO: that is not for any log.
    least = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(handlers=[_FromLogging()], level=max(least, logging.WARNING), force=True)
    logging.getLogger("lms_graph").setLevel(least)
    logging.captureWarnings(True)
    sys.excepthook = _crashed
    threading.excepthook = lambda crash: _crashed(crash.exc_type, crash.exc_value, crash.exc_traceback)


def processors(*, console: bool, colors: bool = False) -> list[structlog.typing.Processor]:
    """What a line goes through. Reports are made of the exception itself; the text of it is made before redaction, so that it is searched too."""
    shared: list[structlog.typing.Processor] = [
        _begun,
        structlog.processors.add_log_level,
        reports.note,
        structlog.processors.format_exc_info,
        _redact,
    ]
    if console:
        return [*shared, _on_one_line, structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback), _to_bytes]
    return [*shared, _to_json]


def _begun(logger: Any, method: str, line: Line) -> Line:
    return {
        **bound.merged(logger, method, line),
        "time": datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z",
        "logger": line.get("logger") or getattr(logger, "name", None),
    }


def _redact(logger: Any, method: str, line: Line) -> Line:
    return {
        name: value if name in _OURS else redaction.REDACTED if _is_secret(name) else value if type(value) in _HARMLESS else redaction.redacted(value)
        for name, value in line.items()
    }


_HARMLESS = frozenset({int, float, bool, type(None)})
_is_secret = lru_cache(maxsize=1000)(redaction.is_secret)  # the names in lines are few
_OURS = frozenset({"time", "level", "logger", "request_id", "trace_id", "tenant_id", "account_id", "document"})  # made by us, and in every line


def _to_json(logger: Any, method: str, line: Line) -> bytes:
    try:
        text = orjson.dumps(line)
    except TypeError:  # half a surrogate pair, or an integer beyond 64 bits
        text = json.dumps(line, default=str).encode()
    for separator, escaped in _SEPARATORS:
        text = text.replace(separator, escaped)
    return text


# JSON allows these in a string as they are, and some readers end a line there.
_SEPARATORS = tuple((character.encode(), f"\\u{ord(character):04x}".encode()) for character in "\x7f\x85\u2028\u2029")


def _on_one_line(logger: Any, method: str, line: Line) -> Line:
    """Escape what could end the line or command the terminal; a traceback keeps its lines, set in from the margin where an event begins."""
    shown = {name: _escaped(value if isinstance(value, str) else repr(value)) for name, value in line.items() if name != "exception"}
    if exception := line.get("exception"):
        shown["exception"] = "\n".join(f"    {_escaped(part)}" for part in exception.split("\n"))
    return shown


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def _to_bytes(logger: Any, method: str, text: Any) -> bytes:
    return str(text).encode("utf-8", "backslashreplace")


class _Writer(structlog.BytesLogger):
    """Writes to standard error. When nobody reads it any more, the line is lost and the request is not."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(sys.stderr.buffer, name=name)

    def msg(self, message: bytes) -> None:
        try:
            super().msg(message)
        except (OSError, ValueError):
            return

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg


class _FromLogging(logging.Handler):
    """Hands a record of `logging` to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = record.getMessage()
        except Exception:  # noqa: BLE001  # a library's mistake in its own line
            said = str(record.msg)
        level = next(name for least, name in _LEVELS if record.levelno >= least)
        getattr(structlog.get_logger(record.name), level)(said, **({"exc_info": record.exc_info} if record.exc_info else {}))


_LEVELS = ((logging.CRITICAL, "critical"), (logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.INFO, "info"), (0, "debug"))


def _crashed(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    structlog.get_logger(__name__).critical("process.crashed", exc_info=(kind, error, traceback))
