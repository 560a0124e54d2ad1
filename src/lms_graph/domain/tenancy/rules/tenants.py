"""What a tenant may say of itself."""

import re
from collections.abc import Iterator
from typing import TypedDict
from uuid import UUID

from lms_graph.domain.tenancy.rules.origins import clean_origin, issues_with_origins
from lms_graph.kit.errors import Issue
from lms_graph.kit.text import MAX_EMAIL, is_email, is_one_line

MAX_NAME = 200

_COLOR = re.compile(r"#[0-9a-f]{6}")


class TenantChanges(TypedDict, total=False):
    """What is to change of a tenant, by its columns' names; what is not there stays as it is."""

    name: str
    primary_color: str
    locale: str
    currency: str
    support_email: str | None
    logo_file_id: UUID | None
    is_introspection_open: bool
    is_explorer_served: bool
    allowed_origins: list[str]


def clean_changes(changes: TenantChanges) -> TenantChanges:
    """As they are kept: without spaces around; origins as browsers spell them, each once."""
    clean = changes.copy()
    if "name" in clean:
        clean["name"] = clean["name"].strip()
    if "primary_color" in clean:
        clean["primary_color"] = clean["primary_color"].strip().lower()
    if "support_email" in clean:
        clean["support_email"] = (clean["support_email"] or "").strip() or None
    if "allowed_origins" in clean:
        clean["allowed_origins"] = list(dict.fromkeys(clean_origin(origin) for origin in clean["allowed_origins"]))
    return clean


def issues_with_changes(changes: TenantChanges) -> Iterator[Issue]:
    """Everything that is wrong with them. Takes them as they were sent, so that an issue's path says which origin."""
    clean = clean_changes(changes)
    if "name" in clean and not (0 < len(clean["name"]) <= MAX_NAME and is_one_line(clean["name"])):
        yield Issue(f"A name is one line of 1 to {MAX_NAME} characters.", ("name",))
    if "primary_color" in clean and not _COLOR.fullmatch(clean["primary_color"]):
        yield Issue("A color is written as `#rrggbb`, such as `#1f6f5c`.", ("primaryColor",))
    if (email := clean.get("support_email")) and not is_email(email):
        yield Issue(f"This is not an e-mail address such as `help@school.example`, of at most {MAX_EMAIL} characters.", ("supportEmail",))
    yield from issues_with_origins(changes.get("allowed_origins", []))
