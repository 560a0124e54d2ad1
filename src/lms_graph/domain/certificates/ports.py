"""What certificates need from the world: somebody who can print one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class CertificateDocument:
    """Everything that is printed: a frozen snapshot, so that a later rename changes no certificate."""

    code: str
    verify_url: str
    student_name: str
    course_title: str
    instructor_names: tuple[str, ...]
    tenant_name: str
    issued_at: datetime
    expires_at: datetime | None
    locale: str
    primary_color: str
    logo_svg_or_png: bytes | None
    number: str


class CertificateRenderer(Protocol):
    """Prints a certificate."""

    async def render(self, document: CertificateDocument) -> bytes:
        """The PDF, always one page. Raises `Unavailable` when no browser can be had or it takes too long."""
        ...
