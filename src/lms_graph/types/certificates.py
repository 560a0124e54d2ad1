"""Certificates."""

from datetime import datetime
from enum import Enum
from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.certificates.rules import codes, records
from lms_graph.kit.ids import public_id
from lms_graph.types.connections import Connection
from lms_graph.types.nodes import Node

PDF_SECONDS = 900


@strawberry.enum(description="How a certificate stands now. Whether its PDF is printed is another matter: `pdfUrl` is null until then.")
class CertificateStatus(Enum):
    VALID = strawberry.enum_value("VALID", description="Issued and neither expired, revoked nor replaced. So from its first moment, also before its PDF is printed.")
    EXPIRED = strawberry.enum_value("EXPIRED", description="Its `expiresAt` has passed.")
    REVOKED = strawberry.enum_value("REVOKED", description="Taken back by the school; `revocationReason` may say why. Outweighs the other states.")
    SUPERSEDED = strawberry.enum_value("SUPERSEDED", description="Replaced by a later certificate for the same run.")


@strawberry.type(
    description="Proof that a learner finished a run of a course. What it says was frozen and signed at issue; later renames do not change it. "
    "Seen by its owner, and by everybody who has its code."
)
class Certificate(Node):
    code: str = strawberry.field(
        description="The verification code: 20 letters and digits in groups of five, 100 random bits. Who has it may check the certificate; "
        "ask in any case, with or without hyphens."
    )
    number: str = strawberry.field(description="The number for people's files: the year and ten random letters and digits. No secret, and no running count.")
    status: CertificateStatus = strawberry.field(description="How it stands now.")
    student_name: str = strawberry.field(description="The learner's name as it was at issue, 1 to 200 characters.")
    course_title: str = strawberry.field(description="The title of the course version that the run was pinned to.")
    instructor_names: list[str] = strawberry.field(description="The course's instructors at issue, the lead first.")
    issued_at: datetime = strawberry.field(description="When it was issued.")
    expires_at: datetime | None = strawberry.field(description="From when on it is EXPIRED; null when it stays good.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked; null when it was not.")
    revocation_reason: str | None = strawberry.field(description="Why it was revoked, in the school's words, at most 300 characters.")
    verify_url: str = strawberry.field(description="The public page of this certificate. It is what the PDF's QR code holds, and the badge's id.")
    open_badge: str = strawberry.field(
        description="The certificate as an Open Badges 3.0 credential: a compact JWS (EdDSA), whose `kid` is the address of the public key as a JWK."
    )
    pdf_file_id: strawberry.Private[UUID | None]

    @strawberry.field(
        description="Where the PDF can be fetched for the next 15 minutes; do not keep it, ask again. Null until it is printed, a few seconds after issue, and once revoked."
    )
    async def pdf_url(self, info: Info) -> str | None:
        file = await self._pdf(info)
        if file is None or self.status is CertificateStatus.REVOKED:
            return None
        name = codes.file_name(course_title=self.course_title, number=self.number)
        url: str = await info.context.adapters.objects.signed_url(file.object_key, seconds=PDF_SECONDS, file_name=name)
        return url

    @strawberry.field(description="SHA-256 of the PDF, 64 hexadecimal digits; null until it is printed.")
    async def pdf_sha256(self, info: Info) -> str | None:
        file = await self._pdf(info)
        return file.sha256 if file else None

    async def _pdf(self, info: Info) -> Any:
        return await info.context.loaders.certificates.pdf.load(self.pdf_file_id) if self.pdf_file_id else None

    @classmethod
    def from_row(cls, row: Any, now: datetime) -> Self:
        status = records.status(revoked_at=row["revoked_at"], superseded_at=row["superseded_at"], expires_at=row["expires_at"], now=now)
        return cls(
            id=strawberry.ID(public_id("crt", row["id"])),
            code=row["code"],
            number=row["number"],
            status=CertificateStatus[status],
            student_name=row["student_name"],
            course_title=row["course_title"],
            instructor_names=row["instructor_names"],
            issued_at=row["issued_at"],
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
            revocation_reason=row["revocation_reason"],
            verify_url=row["verify_url"],
            open_badge=row["open_badge"],
            pdf_file_id=row["pdf_file_id"],
        )


@strawberry.type(description="A page of certificates.")
class CertificateConnection(Connection[Certificate]):
    pass
