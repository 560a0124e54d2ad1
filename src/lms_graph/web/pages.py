"""HTML pages that people open in a browser, rendered from `lms_graph/templates`; what is on them is decided by the caller."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.dates import format_date
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

TEMPLATES = Path(__file__).parents[1] / "templates"
DEFAULT_COLOR = "#1f3a5f"


def page(name: str, **variables: Any) -> str:
    """The page as HTML: `page("pages/verify.html.j2", …)`. The template's head lists its variables; one that is missing is an error."""
    return _environment().get_template(name).render(variables)


@lru_cache
def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(color=_color, long_date=_long_date, web_address=_web_address)
    return environment


def _color(value: str | None) -> str:
    """Only a hexadecimal colour goes into CSS, where escaping HTML protects nothing."""
    return value if value and re.fullmatch(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", value) else DEFAULT_COLOR


def _long_date(value: datetime) -> str:
    return format_date(value.astimezone(UTC).date(), format="long", locale="en")


def _web_address(value: str | None) -> str | None:
    """The address when a link may lead there: `javascript:` and its like may not."""
    return value if value and re.match(r"(?:https?://|/(?!/))", value) else None
