"""Certificates as their owners, and those who have a code, see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from lms_graph.domain.certificates import events
from lms_graph.domain.certificates.rules import badges, codes, records
from lms_graph.domain.learning.queries import runs
from lms_graph.domain.media import queries as media
from lms_graph.domain.tenancy.queries import identification
from lms_graph.domain.tenancy.queries import tenants as tenancy
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.throttle import Throttle
from lms_graph.models import database
from lms_graph.outbox import store

log = structlog.get_logger(__name__)

# What a certificate says comes from the snapshot, never from today's names and titles.
_COLUMNS = """
    c.id, c.account_id, c.subject_id, c.course_id, c.code, c.number, c.issued_at, c.expires_at, c.revoked_at, c.revocation_reason, c.superseded_at,
    c.pdf_file_id, c.open_badge, c.snapshot ->> 'verifyUrl' AS verify_url, c.snapshot #>> '{student,name}' AS student_name,
    c.snapshot #>> '{course,title}' AS course_title,
    ARRAY(SELECT one ->> 'name' FROM jsonb_array_elements(c.snapshot -> 'instructors') WITH ORDINALITY AS each(one, place) ORDER BY place) AS instructor_names
"""
_RECORD = "c.snapshot, c.snapshot_sha256, c.signature, k.public_key"
_KEY = "JOIN signing_keys k ON k.tenant_id = c.tenant_id AND k.id = c.signing_key_id"
_PAGE = (Term("issued_at", "c.issued_at", "timestamptz", descending=True), Term("id", "c.id", "uuid", descending=True))


async def checked_certificate(*, caller: Caller, code: str, throttle: Throttle) -> database.Record | None:
    """`certificate_by_code` for anybody. Raises Busy after many wrong codes from one network."""
    bucket = codes.checks(caller.address)
    await throttle.take(bucket)
    row = await certificate_by_code(caller=caller, code=code)
    if row is not None:
        await throttle.give(bucket)
    return row


async def certificate_by_code(*, caller: Caller, code: str) -> database.Record | None:
    """The certificate with this code, in any spelling of it, also a revoked or replaced one. For everybody who has the code."""
    spelled = codes.normalize(code)
    if spelled is None:
        return None
    row = await database.fetch_one(
        f"SELECT {_COLUMNS}, {_RECORD} FROM certificates c {_KEY} WHERE c.tenant_id = $1 AND c.code = $2",
        caller.tenant_id,
        spelled,
    )
    if row is not None and not is_genuine(row):
        log.error("certificate.not_genuine", certificate=str(row["id"]))  # nobody must be told that it is valid
        return None
    return row


def is_genuine(row: database.Record) -> bool:
    """Whether a row's record and signature agree."""
    return records.is_genuine(
        snapshot=database.from_json(row["snapshot"]), sha256=row["snapshot_sha256"], signature=row["signature"], public_key=row["public_key"], code=row["code"]
    )


async def certificates_by_ids(*, caller: Caller, certificate_ids: list[UUID]) -> list[database.Record]:
    """The caller's own among the ids."""
    return await database.fetch(
        f"SELECT {_COLUMNS} FROM certificates c WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.id = ANY($3)", caller.tenant_id, caller.account_id, certificate_ids
    )


async def current_of_enrollments(*, caller: Caller, enrollment_ids: list[UUID]) -> list[database.Record]:
    """The current certificate of each of the caller's own runs that has one; `subject_id` is the run."""
    return await database.fetch(
        f"SELECT {_COLUMNS} FROM certificates c WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.subject_kind = 'COURSE_RUN' AND c.subject_id = ANY($3) "
        "AND c.superseded_at IS NULL",
        caller.tenant_id,
        caller.account_id,
        enrollment_ids,
    )


async def page_of_learner(*, caller: Caller, request: PageRequest, cursors: Cursors) -> Page[Any]:
    """The caller's own current certificates, latest first. Raises SignedOut."""
    part = keyset(cursors, request, _PAGE, of=("certificates", caller.tenant_id, caller.account), offset=2)
    rows = await database.fetch(
        f"SELECT {_COLUMNS}, c.issued_at AS _issued_at, c.id AS _id FROM certificates c WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.superseded_at IS NULL "
        f"AND {part.where} ORDER BY {part.order_by} LIMIT {part.limit}",
        caller.tenant_id,
        caller.account,
        *part.parameters,
    )
    return part.page(rows)


async def count_of_learner(*, caller: Caller) -> int:
    """How many the list has."""
    count: int = await database.fetch_value(
        "SELECT count(*) FROM certificates WHERE tenant_id = $1 AND account_id = $2 AND superseded_at IS NULL", caller.tenant_id, caller.account
    )
    return count


async def changes(*, caller: Caller, enrollment_id: UUID, after: int | None) -> tuple[bool, int]:
    """Whether a stream about a run's certificate that has told everything up to `after` has something to tell, and up to where it has then told all.
    At its beginning, with None, it always has. The run is looked up anew each time: rights may have gone.

    Raises SignedOut, or NotFound for anything but a run of the caller's own.
    """
    _ = caller.account
    if await runs.run_of(caller=caller, enrollment_id=enrollment_id) is None:
        raise NotFound("There is no such run of yours.", path=("enrollmentId",))
    if after is None:
        return True, await store.last_sequence(caller, enrollment_id)
    changed = False
    while facts := await store.facts_since(caller, enrollment_id, after):
        after = facts[-1].sequence
        changed = changed or any(fact.name in events.CHANGES for fact in facts)
    return changed, after


async def to_print(*, caller: Caller, certificate_id: UUID) -> database.Record | None:
    """The record of a certificate with its signature, and whether it is printed."""
    return await database.fetch_one(
        f"SELECT c.id, c.subject_id, c.code, c.pdf_file_id, {_RECORD} FROM certificates c {_KEY} WHERE c.tenant_id = $1 AND c.id = $2", caller.tenant_id, certificate_id
    )


async def lock_printed(*, caller: Caller, certificate_id: UUID) -> bool:
    """Whether it is printed, with its row locked."""
    file_id = await database.fetch_value("SELECT pdf_file_id FROM certificates WHERE tenant_id = $1 AND id = $2 FOR UPDATE", caller.tenant_id, certificate_id)
    return file_id is not None


async def current_signing_key(*, caller: Caller) -> database.Record | None:
    """The key that signs for the tenant now."""
    return await database.fetch_one("SELECT id, sealed_private_key FROM signing_keys WHERE tenant_id = $1 AND retired_at IS NULL", caller.tenant_id)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the public page shows: the tenant whose page it is, and the certificate under the code, each None when there is none."""

    tenant: database.Record | None = None
    home: str | None = None
    certificate: database.Record | None = None
    pdf: media.StoredFile | None = None


async def check(*, code: str, host: str | None, address: str | None, now: datetime, throttle: Throttle) -> Checked:
    """The public page of a code. Raises Busy after many wrong codes from one network; the empty code is no guess. Its address names no tenant: the host does, or, where that decides nothing, the code itself, which is unique by its 100
    random bits. A code of another school than the host's is unknown here.
    """
    bucket = codes.checks(address)
    if code:
        await throttle.take(bucket)
    checked = await _check(code, host, now)
    if checked.certificate is not None:
        await throttle.give(bucket)
    return checked


async def _check(code: str, host: str | None, now: datetime) -> Checked:
    at_host = (await identification.identify(host=host, slug=None, token_hash=None, now=now)).tenant_id
    spelled = codes.normalize(code)
    owner = await _tenant_of_code(spelled) if spelled else None
    tenant_id = at_host or owner
    if tenant_id is None:
        return Checked()
    caller = Caller.system(tenant_id, now=now)
    async with database.reading(caller):
        row = await certificate_by_code(caller=caller, code=code)
        files = await media.files_by_ids(caller=caller, file_ids=[row["pdf_file_id"]]) if row and row["pdf_file_id"] else []
        return Checked(
            tenant=await tenancy.storefront(caller=caller),
            home=(await tenancy.sender(caller=caller)).home_url,
            certificate=row,
            pdf=files[0] if files else None,
        )


async def _tenant_of_code(code: str) -> UUID | None:
    async with database.as_system() as connection:
        tenant_id: UUID | None = await connection.fetchval("SELECT tenant_id FROM certificates WHERE code = $1", code)
    return tenant_id


async def public_key(*, key_id: UUID) -> bytes | None:
    """The public half of any tenant's key, present or retired: who checks a badge has nothing but the key's address."""
    async with database.as_system() as connection:
        key: bytes | None = await connection.fetchval("SELECT public_key FROM signing_keys WHERE id = $1", key_id)
    return key


async def issuer(*, tenant_id: UUID, base_url: str) -> dict[str, Any] | None:
    """A tenant as the issuer of badges: an Open Badges profile with all its public keys. None for one that has never issued any."""
    async with database.as_system() as connection:
        keys = await connection.fetch("SELECT id, public_key FROM signing_keys WHERE tenant_id = $1 ORDER BY id", tenant_id)
    if not keys:
        return None
    caller = Caller.system(tenant_id)
    async with database.reading(caller):
        tenant = await tenancy.storefront(caller=caller)
    return {
        "@context": badges.CONTEXT,
        "id": badges.issuer_url(base_url, tenant_id),
        "type": ["Profile"],
        "name": tenant["name"],
        "jwks": {"keys": [badges.jwk(public_key=key["public_key"], url=badges.key_url(base_url, key["id"])) for key in keys]},
    }
