"""The record of a certificate: what it says, frozen at issue and signed, and how it stands today."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lms_graph.domain.certificates.ports import CertificateDocument

FORMAT = 1


class Status(StrEnum):
    VALID = "VALID"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    SUPERSEDED = "SUPERSEDED"


def status(*, revoked_at: datetime | None, superseded_at: datetime | None, expires_at: datetime | None, now: datetime) -> Status:
    """How a certificate stands: what was taken back outweighs what was replaced, and that what ran out."""
    if revoked_at is not None:
        return Status.REVOKED
    if superseded_at is not None:
        return Status.SUPERSEDED
    if expires_at is not None and expires_at <= now:
        return Status.EXPIRED
    return Status.VALID


def snapshot(
    *,
    certificate_id: UUID,
    code: str,
    number: str,
    verify_url: str,
    student: tuple[UUID, str],
    course: tuple[UUID, UUID, str],
    instructors: Sequence[tuple[UUID, str]],
    run_id: UUID,
    completed_at: datetime,
    issued_at: datetime,
    expires_at: datetime | None,
    tenant: Mapping[str, Any],
) -> dict[str, Any]:
    """What the certificate says, in plain JSON: strings, whole numbers, null, lists and objects only. `course` is id, version id and title."""
    return {
        "format": FORMAT,
        "id": str(certificate_id),
        "code": code,
        "number": number,
        "verifyUrl": verify_url,
        "student": {"id": str(student[0]), "name": student[1]},
        "course": {"id": str(course[0]), "versionId": str(course[1]), "title": course[2]},
        "instructors": [{"id": str(id), "name": name} for id, name in instructors],
        "run": {"id": str(run_id), "completedAt": moment(completed_at)},
        "issuedAt": moment(issued_at),
        "expiresAt": moment(expires_at) if expires_at else None,
        "tenant": {
            "id": str(tenant["id"]),
            "slug": tenant["slug"],
            "name": tenant["name"],
            "locale": tenant["locale"],
            "primaryColor": tenant["primary_color"],
            "logoFileId": str(tenant["logo_file_id"]) if tenant["logo_file_id"] else None,
        },
    }


def moment(value: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def canonical(snapshot: Mapping[str, Any]) -> bytes:
    """The one spelling of a snapshot, whose bytes are signed: UTF-8, keys sorted, no blanks. For the values that a snapshot may hold it is RFC 8785."""
    return orjson.dumps(snapshot, option=orjson.OPT_SORT_KEYS)


def digest(snapshot: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical snapshot, hexadecimal."""
    return hashlib.sha256(canonical(snapshot)).hexdigest()


def is_genuine(*, snapshot: Mapping[str, Any], sha256: str, signature: bytes, public_key: bytes, code: str) -> bool:
    """Whether the snapshot is the one that was signed, and stands under its own code."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, canonical(snapshot))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return digest(snapshot) == sha256 and snapshot.get("code") == code


def document(snapshot: Mapping[str, Any], *, logo: bytes | None) -> CertificateDocument:
    """What is printed: nothing but the snapshot."""
    return CertificateDocument(
        code=snapshot["code"],
        verify_url=snapshot["verifyUrl"],
        student_name=snapshot["student"]["name"],
        course_title=snapshot["course"]["title"],
        instructor_names=tuple(instructor["name"] for instructor in snapshot["instructors"]),
        tenant_name=snapshot["tenant"]["name"],
        issued_at=datetime.fromisoformat(snapshot["issuedAt"]),
        expires_at=datetime.fromisoformat(snapshot["expiresAt"]) if snapshot["expiresAt"] else None,
        locale=snapshot["tenant"]["locale"],
        primary_color=snapshot["tenant"]["primaryColor"],
        logo_svg_or_png=logo,
        number=snapshot["number"],
    )
