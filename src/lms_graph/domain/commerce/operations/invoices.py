"""Invoices and credit notes: issued once for each paid order and each settled refund, numbered without gaps, then printed."""

from typing import Any
from uuid import UUID

from lms_graph.domain.commerce import events
from lms_graph.domain.commerce.ports import InvoiceDocument, InvoicePrinter
from lms_graph.domain.commerce.queries import invoices as queries
from lms_graph.domain.commerce.rules import invoices as rules
from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.media import operations as files
from lms_graph.domain.media import queries as media
from lms_graph.domain.media.ports import ObjectStore
from lms_graph.domain.tenancy.queries import tenants as tenancy
from lms_graph.kit import pdf
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound
from lms_graph.kit.ids import new_id
from lms_graph.models import commerce as rows
from lms_graph.models import database
from lms_graph.models.commerce import InvoiceKind
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def issue_invoice(*, caller: Caller, order_id: UUID, closes: Delivery | None) -> None:
    """Issue the invoice of a paid order, once. An order for which nothing is due has none.

    What it says is frozen here. Raises NotFound for an order that is not paid. Records InvoiceIssued.
    """
    async with unit_of_work(caller, closes=closes) as work:
        order = await queries.order_to_bill(caller=caller, order_id=order_id)  # locked: a second one waits here, and finds the first one's
        if order is None:
            raise NotFound("There is no such paid order.")
        if order["total_amount"] and await queries.invoice_of_order(caller=caller, order_id=order_id) is None:
            named, seller, locale = await _parties(caller, order)
            serial = await _next_serial(caller, InvoiceKind.INVOICE)
            snapshot = rules.invoice_of(
                order=named,
                lines=await queries.lines_to_bill(caller=caller, order_id=order_id),
                seller=seller,
                number=rules.number("INVOICE", serial),
                issued_at=caller.now,
                locale=locale,
                paid_at=order["paid_at"],
            )
            await _write(work, caller, order, snapshot, serial, refund_id=None)


async def issue_credit_note(*, caller: Caller, refund_id: UUID, closes: Delivery | None) -> None:
    """Issue the credit note of a settled refund, once, and the order's invoice first where that is not there yet; none for money that was no line's any more.

    Raises NotFound for a refund that is not settled. Records InvoiceIssued.
    """
    async with unit_of_work(caller, closes=closes) as work:
        refund = await queries.refund_to_credit(caller=caller, refund_id=refund_id)
        if refund is None:
            raise NotFound("There is no such settled refund.")
        if not refund["allocation"]:
            return
        await issue_invoice(caller=caller, order_id=refund["order_id"], closes=None)
        order = await queries.order_to_bill(caller=caller, order_id=refund["order_id"])
        invoice = await queries.invoice_of_order(caller=caller, order_id=refund["order_id"])
        assert order is not None and invoice is not None, "what was refunded was paid"
        if await queries.credit_note_of_refund(caller=caller, refund_id=refund_id) is None:
            named, seller, locale = await _parties(caller, order)
            serial = await _next_serial(caller, InvoiceKind.CREDIT_NOTE)
            snapshot = rules.credit_note_of(
                order=named,
                lines=await queries.lines_to_bill(caller=caller, order_id=order["id"]),
                refund=refund,
                seller=seller,
                number=rules.number("CREDIT_NOTE", serial),
                invoice_number=invoice["number"],
                issued_at=caller.now,
                locale=locale,
            )
            corrected = await queries.invoice_to_print(caller=caller, invoice_id=invoice["id"])
            assert corrected is not None, "it was just found"
            snapshot["buyer"] = database.from_json(corrected["snapshot"])["buyer"]  # whom it was issued to, also once the order does not say it any more
            await _write(work, caller, order, snapshot, serial, refund_id=refund_id)


async def print_invoice(*, caller: Caller, invoice_id: UUID, closes: Delivery | None, printer: InvoicePrinter, objects: ObjectStore) -> None:
    """Print an invoice or a credit note from what was frozen, and keep the PDF, once; a repeat after a crash prints the same bytes to the same place.

    Raises NotFound and Unavailable. Records InvoicePrinted.
    """
    async with database.reading(caller):  # ends here: no connection is held while the browser works
        invoice = await queries.invoice_to_print(caller=caller, invoice_id=invoice_id)
        if invoice is None:
            raise NotFound("There is no such invoice.")
        brand = await tenancy.storefront(caller=caller)
        logos = await media.files_by_ids(caller=caller, file_ids=[brand["logo_file_id"]]) if brand["logo_file_id"] else []
    if invoice["pdf_file_id"] is not None:
        return
    snapshot: dict[str, Any] = database.from_json(invoice["snapshot"])
    document = InvoiceDocument(
        snapshot=snapshot, school_name=brand["name"], primary_color=brand["primary_color"], logo=await _body(objects, logos[0].object_key) if logos else None
    )
    body = pdf.dated(await printer.print_invoice(document), invoice["issued_at"])
    file = await files.put_object(caller=caller, objects=objects, body=body, content_type="application/pdf", key_hint=f"invoice {invoice_id}")
    async with unit_of_work(caller, closes=closes) as work:
        file_id = await files.record_file(caller=caller, file=file)
        if await rows.Invoice.for_caller(caller, id=invoice_id, pdf_file_id=None).update(pdf_file_id=file_id):
            work.record(events.InvoicePrinted(invoice_id=invoice_id, order_id=invoice["order_id"], refund_id=invoice["refund_id"]))


async def _parties(caller: Caller, order: database.Record) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The order with its buyer's name, the seller as it is printed, and the language: the buyer's, else the school's."""
    tenant = await tenancy.sender(caller=caller)
    settings = await rows.CommerceSettings.for_caller(caller).first()
    buyers = await accounts.accounts_by_ids(caller=caller, account_ids=[order["account_id"]]) if order["account_id"] else []
    said = settings.seller if settings else {}
    seller = {
        "name": said.get("name") or tenant.name,
        "address": [*(said.get("address") or "").splitlines(), *filter(None, [said.get("country")])],
        "tax_id": said.get("tax_id"),
        "email": tenant.support_email,
    }
    named = {**order, "name": order["name"] or (buyers[0]["name"] if buyers else None)}
    return named, seller, (buyers[0]["locale"] if buyers else None) or tenant.locale


async def _next_serial(caller: Caller, kind: InvoiceKind) -> int:
    """The counter's row stays locked until the commit, and an undone document gives its serial back: no gaps."""
    serial: int = await database.fetch_value(
        "INSERT INTO invoice_counters AS c (tenant_id, id, kind, last_serial) VALUES ($1, $2, $3, 1) "
        "ON CONFLICT (tenant_id, kind) DO UPDATE SET last_serial = c.last_serial + 1 RETURNING last_serial",
        caller.tenant_id,
        new_id(),
        kind.value,
    )
    return serial


async def _write(work: UnitOfWork, caller: Caller, order: database.Record, snapshot: dict[str, Any], serial: int, *, refund_id: UUID | None) -> None:
    invoice = await rows.Invoice.create(
        tenant_id=caller.tenant_id,
        kind=snapshot["kind"],
        serial=serial,
        number=snapshot["number"],
        order_id=order["id"],
        refund_id=refund_id,
        currency=order["currency"],
        total_amount=snapshot["total"],
        tax_amount=snapshot["tax"],
        snapshot=snapshot,
        issued_at=caller.now,
    )
    work.record(events.InvoiceIssued(invoice_id=invoice.id, order_id=order["id"], refund_id=refund_id))


async def _body(objects: ObjectStore, key: str) -> bytes | None:
    try:
        return await objects.get(key)
    except NotFound:  # an invoice without a logo is one too
        return None
