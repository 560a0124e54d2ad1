"""Issuing certificates and printing them."""

from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.certificates import errors, events, queries
from lms_graph.domain.certificates.ports import CertificateRenderer
from lms_graph.domain.certificates.rules import badges, codes, records
from lms_graph.domain.identity.queries import accounts as identity
from lms_graph.domain.learning.queries import runs
from lms_graph.domain.media import operations as files
from lms_graph.domain.media import queries as media
from lms_graph.domain.media.ports import ObjectStore
from lms_graph.domain.tenancy.queries import tenants as tenancy
from lms_graph.kit import pdf
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound
from lms_graph.kit.ids import new_id
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models import certificates as rows
from lms_graph.models import database
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import unit_of_work


async def issue_certificate(*, caller: Caller, enrollment_id: UUID, closes: Delivery | None, base_url: str, secret_keys: SecretKeys) -> None:
    """Give a finished run its certificate, signed, unless it has a current one: however often and by however many this is asked, there is one.

    Raises NotFound for a run that is not finished. Records CertificateIssued.
    """
    async with unit_of_work(caller, closes=closes) as work:
        run = await runs.finished_run(caller=caller, enrollment_id=enrollment_id)
        if run is None:
            raise NotFound("There is no such finished run.")
        key_id, key = await _signing_key(caller, secret_keys)
        certificate_id = new_id()
        snapshot = await _snapshot(caller, run, certificate_id, base_url)
        badge = badges.signed(snapshot, key=key, key_url=badges.key_url(base_url, key_id), issuer_url=badges.issuer_url(base_url, caller.tenant_id))
        issued = await database.fetch_one(
            "INSERT INTO certificates (tenant_id, id, subject_kind, subject_id, account_id, course_id, code, number, snapshot, snapshot_sha256, signing_key_id, "
            "signature, open_badge, issued_at) VALUES ($1, $2, 'COURSE_RUN', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
            "ON CONFLICT (tenant_id, subject_kind, subject_id) WHERE superseded_at IS NULL DO NOTHING RETURNING id",
            caller.tenant_id,
            certificate_id,
            run.id,
            run.account_id,
            run.course_id,
            snapshot["code"],
            snapshot["number"],
            records.canonical(snapshot).decode(),
            records.digest(snapshot),
            key_id,
            key.sign(records.canonical(snapshot)),
            badge,
            caller.now,
        )
        if issued is not None:
            work.record(events.CertificateIssued(certificate_id=certificate_id, enrollment_id=run.id))


async def _snapshot(caller: Caller, run: runs.FinishedRun, certificate_id: UUID, base_url: str) -> dict[str, Any]:
    version = await outline.version_title(caller=caller, version_id=run.version_id)
    names = await identity.names_of_accounts(caller=caller, account_ids=[run.account_id, *version.instructor_ids])
    if run.account_id not in names:
        raise NotFound("There is nobody whose certificate this could be.")
    code = codes.new_code()
    return records.snapshot(
        certificate_id=certificate_id,
        code=code,
        number=codes.new_number(caller.now),
        verify_url=f"{base_url}/verify/{code}",
        student=(run.account_id, names[run.account_id]),
        course=(run.course_id, run.version_id, version.title),
        instructors=[(id, names[id]) for id in version.instructor_ids if id in names],
        run_id=run.id,
        completed_at=run.completed_at,
        issued_at=caller.now,
        expires_at=None,
        tenant=await tenancy.storefront(caller=caller),
    )


async def _signing_key(caller: Caller, secret_keys: SecretKeys) -> tuple[UUID, Ed25519PrivateKey]:
    """The tenant's present key, made at first need. Of two that make one at a time the index lets one stand, and both use that."""
    row = await queries.current_signing_key(caller=caller)
    if row is None:
        id, key = new_id(), Ed25519PrivateKey.generate()
        await database.fetch(
            "INSERT INTO signing_keys (tenant_id, id, public_key, sealed_private_key, created_at) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (tenant_id) WHERE retired_at IS NULL DO NOTHING",
            caller.tenant_id,
            id,
            key.public_key().public_bytes_raw(),
            secret_keys.seal(key.private_bytes_raw(), about=f"signing key {id}"),
            caller.now,
        )
        row = await queries.current_signing_key(caller=caller)
        assert row is not None, "one of them stands"
    return row["id"], Ed25519PrivateKey.from_private_bytes(secret_keys.open(row["sealed_private_key"], about=f"signing key {row['id']}"))


async def render_certificate(*, caller: Caller, certificate_id: UUID, closes: Delivery | None, renderer: CertificateRenderer, objects: ObjectStore) -> None:
    """Print a certificate from its record and keep the PDF, once.

    Nothing is written before the PDF lies in the store; a repeat after a crash prints the same bytes to the same place. Raises NotFound, NotGenuine
    (nothing is printed that was not signed) and Unavailable. Records CertificateReady.
    """
    async with database.reading(caller):  # ends here: no connection is held while the browser works
        row = await queries.to_print(caller=caller, certificate_id=certificate_id)
        if row is None:
            raise NotFound("There is no such certificate.")
        if not queries.is_genuine(row):
            raise errors.NotGenuine("The certificate's record does not carry its signature; it is not printed. Find out who changed it.")
        snapshot: dict[str, Any] = database.from_json(row["snapshot"])
        logos = await media.files_by_ids(caller=caller, file_ids=[UUID(snapshot["tenant"]["logoFileId"])]) if snapshot["tenant"]["logoFileId"] else []
    if row["pdf_file_id"] is not None:
        return
    document = records.document(snapshot, logo=await _body(objects, logos[0].object_key) if logos else None)
    body = pdf.dated(await renderer.render(document), document.issued_at)
    file = await files.put_object(caller=caller, objects=objects, body=body, content_type="application/pdf", key_hint=f"certificate {row['code']}")
    async with unit_of_work(caller, closes=closes) as work:
        if await queries.lock_printed(caller=caller, certificate_id=certificate_id):
            return
        file_id = await files.record_file(caller=caller, file=file)
        await rows.Certificate.for_caller(caller, id=certificate_id).update(pdf_file_id=file_id, pdf_ready_at=caller.now)
        work.record(events.CertificateReady(certificate_id=certificate_id, enrollment_id=row["subject_id"]))


async def _body(objects: ObjectStore, key: str) -> bytes | None:
    try:
        return await objects.get(key)
    except NotFound:  # a certificate without a logo is one too
        return None
