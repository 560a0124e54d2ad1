"""What must not be written down, taken out of everything that leaves by the log or a report: passwords, tokens, cookies, codes, e-mail addresses.

Three nets, each for what the others cannot see: values under a telling name, texts that look like a secret, and what the present operation was sent under a telling name.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from datetime import date, datetime
from typing import Any
from uuid import UUID

REDACTED = "[redacted]"
LONGEST_TEXT = 32_000  # characters; a traceback of a deep recursion is longer than anybody reads
DEEPEST = 12  # levels of nesting; a report of an exception has nine
SHORTEST_SECRET = 4  # shorter ones would shred every other word

_WORDS = r"pass(?:word|wd|phrase)|secret|token|authori[sz]ation|cookie|credential|api[-_]?key|private[-_]?key|signature"
_NAME = re.compile(rf"{_WORDS}|e-?mail", re.IGNORECASE)
_NAMES = {"code", "recoverycode", "recovery_code", "dsn"}  # only as the whole name: `codes` and `close_code` are harmless

# Every repetition is bounded: who writes to the log must not be able to stop the process with a long text.
_VALUE = r"""b?"(?:[^"\\]|\\.){0,4096}"?|b?'(?:[^'\\]|\\.){0,4096}'?|\\{1,4}["'].{0,4096}?\\{1,4}["']|\([^)]{0,4096}\)?|(?:(?:bearer|basic)\s{1,4})?[^\s,;&)}\]"']{1,4096}"""
_NAMED = re.compile(rf"""((?:{_WORDS})[\w-]{{0,40}}[\\"')\]]{{0,4}}\s{{0,4}}[:=]\s{{0,4}})(?:{_VALUE})""", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"\b(bearer|basic) {1,4}[\w.~+/=-]{6,4096}", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^\s/@]{1,512}@")
_API_KEY = re.compile(r"\blms_[sp]k_\w{1,200}")
_EMAIL = re.compile(r"[^\s@<>()\[\]{}\"',;:=\\]{1,64}@[\w.-]{1,255}")

_sent: ContextVar[Callable[[], Iterable[str]] | None] = ContextVar("sent", default=None)


def is_secret(name: str) -> bool:
    """Whether what stands under this name is nobody's business."""
    return name.lower() in _NAMES or _NAME.search(name) is not None


def hide(sent: Any, more: Callable[[], Any] | None = None) -> None:
    """From now on, what `sent` (an operation's variables, say) holds under telling names is taken out of every text of this context. None ends it.

    `more` gives what else was sent, when something is written at all. By setting, not by token: a stream may be closed by another task than the one that opened it.
    """
    if not sent and not more:
        _sent.set(None)
        return
    found: list[str] = []  # gathered when something is written at all, and once

    def secrets() -> Iterable[str]:
        if not found:
            found.extend(sorted({form for text in _secrets([sent, more and more()]) for form in _forms(text)}, key=len, reverse=True) or [REDACTED])
        return found

    _sent.set(secrets)


def redacted(value: Any, *, depth: int = 0) -> Any:
    """The same in plain values, without its secrets. What is not a plain value becomes its `repr`, as a text that is searched too."""
    if isinstance(value, str):
        return text_redacted(value)
    if value is None or isinstance(value, (bool, int, float, UUID, datetime, date)):
        return value
    if depth > DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {text_redacted(str(name)): REDACTED if is_secret(str(name)) and inner is not None else redacted(inner, depth=depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(inner, depth=depth + 1) for inner in value]
    try:
        return text_redacted(repr(value))
    except Exception:  # noqa: BLE001  # somebody's `__repr__`: a line in the log is not worth a failure
        return f"<{type(value).__name__}>"


def text_redacted(text: str) -> str:
    """A text without what looks like a secret, and cut where it is too long."""
    if (sent := _sent.get()) is not None:
        for secret in sent():
            text = text.replace(secret, REDACTED)
    if len(text) > LONGEST_TEXT:
        text = f"{text[: LONGEST_TEXT // 2]}\n…\n{text[-LONGEST_TEXT // 2 :]}"
    # What each pattern cannot do without is looked for first: most texts have none of it.
    if ":" in text or "=" in text:
        text = _NAMED.sub(rf"\1{REDACTED}", text)
    if " " in text:
        text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    if "k_" in text:
        text = _API_KEY.sub(REDACTED, text)
    if "@" in text:
        text = _EMAIL.sub(REDACTED, _LOGIN.sub(f"{REDACTED}@", text))
    return text


def _secrets(value: Any, *, secret: bool = False, depth: int = 0) -> Iterable[str]:
    if isinstance(value, str):
        if secret and len(value) >= SHORTEST_SECRET:
            yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _secrets(str(value), secret=secret)
    elif isinstance(value, Mapping) and depth <= DEEPEST:
        for name, inner in value.items():
            yield from _secrets(inner, secret=secret or is_secret(str(name)), depth=depth + 1)
    elif isinstance(value, list | tuple) and depth <= DEEPEST:
        for inner in value:
            yield from _secrets(inner, secret=secret, depth=depth + 1)


def _forms(text: str) -> Iterable[str]:
    """As it was sent, and as it looks inside a `repr` or a piece of JSON."""
    return text, repr(text)[1:-1], ascii(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
