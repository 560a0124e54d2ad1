"""Invoices and credit notes: issued once, numbered without gaps, frozen, printed once."""

import asyncio
import re
import unicodedata
from uuid import UUID, uuid4

import asyncpg
import pypdfium2 as pdfium
import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.commerce.operations import invoices
from lms_graph.domain.commerce.ports import InvoiceDocument
from lms_graph.domain.commerce.queries import invoices as queries
from lms_graph.domain.commerce.rules import invoices as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound, Unavailable
from lms_graph.models import commerce as rows
from lms_graph.models import database, media
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import documents as sales
from tests.factories.accounts import account
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


def text_of(pdf: bytes) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", "".join(page.get_textpage().get_text_range() for page in pdfium.PdfDocument(pdf))))


async def issue(school: School, order_id: UUID) -> None:
    await invoices.issue_invoice(caller=school.system, order_id=order_id, closes=None)


async def all_of(school: School) -> list[rows.Invoice]:
    async with unit_of_work(school.system):
        return await rows.Invoice.for_caller(school.system).order_by("kind", "serial")


class TestIssueInvoice:
    async def test_says_what_was_sold(self, school: School) -> None:
        order = await sales.paid_order(school, titles=("Typography", "Counterpoint"))

        await issue(school, order.id)

        (invoice,) = await all_of(school)
        said = invoice.snapshot
        assert (invoice.number, invoice.total_amount, invoice.tax_amount, invoice.currency, invoice.pdf_file_id) == ("INV-000001", 10000, 1597, "EUR", None)
        assert [(line["title"], line["total"]) for line in said["lines"]] == [("Typography", 5000), ("Counterpoint", 5000)]
        assert said["buyer"] == {"name": "Bo Buyer", "email": "buyer@mail.example", "country": "DE", "postal_code": "10115"}
        assert said["tax_lines"] == [{"name": "VAT", "rate_ppm": 190000, "amount": 1597}]

    async def test_twice_at_once_gives_one(self, school: School) -> None:
        order = await sales.paid_order(school)

        await asyncio.gather(*(issue(school, order.id) for _ in range(5)))

        assert [invoice.serial for invoice in await all_of(school)] == [1]

    async def test_numbers_have_no_gaps_whatever_fails_in_between(self, school: School) -> None:
        orders = [await sales.paid_order(school) for _ in range(12)]

        async def undone(order_id: UUID) -> None:
            async with unit_of_work(school.system):
                await issue(school, order_id)
                raise RuntimeError

        async def fail(order_id: UUID) -> None:
            with pytest.raises(RuntimeError):
                await undone(order_id)

        await asyncio.gather(*(fail(order.id) if place % 3 == 0 else issue(school, order.id) for place, order in enumerate(orders)))
        await asyncio.gather(*(issue(school, order.id) for order in orders))

        assert [invoice.serial for invoice in await all_of(school)] == list(range(1, 13))

    async def test_each_school_counts_for_itself(self, school: School, other_school: School) -> None:
        for each in (school, other_school):
            await issue(each, (await sales.paid_order(each)).id)

        assert [invoice.number for invoice in await all_of(school) + await all_of(other_school)] == ["INV-000001"] * 2

    async def test_what_costs_nothing_has_none(self, school: School) -> None:
        await issue(school, (await sales.paid_order(school, total=0, tax=0)).id)

        assert await all_of(school) == []

    async def test_refuses_what_is_not_paid_or_not_the_schools(self, school: School, other_school: School) -> None:
        pending = await sales.paid_order(school, status=rows.OrderStatus.PENDING, paid_at=None)
        foreign = await sales.paid_order(other_school)

        for id in (pending.id, foreign.id, uuid4()):
            with pytest.raises(NotFound):
                await issue(school, id)
        assert await all_of(school) == []

    async def test_is_never_changed(self, school: School) -> None:
        order = await sales.paid_order(school)
        await issue(school, order.id)

        async def change(sql: str) -> None:
            async with unit_of_work(school.system):
                await database.fetch(sql)

        for sql in ("UPDATE invoices SET total_amount = 1", "DELETE FROM invoices"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await change(sql)

    async def test_names_the_school_as_it_wants_to_be_named(self, school: School) -> None:
        async with unit_of_work(school.system):
            await rows.CommerceSettings.create(
                tenant_id=school.id,
                seller={"name": "Werkstatt GmbH", "address": "Lange Straße 3\n10243 Berlin", "country": "DE", "tax_id": "DE1"},
                updated_at=school.system.now,
            )
        order = await sales.paid_order(school)

        await issue(school, order.id)

        (invoice,) = await all_of(school)
        assert invoice.snapshot["seller"] == {"name": "Werkstatt GmbH", "address": ["Lange Straße 3", "10243 Berlin", "DE"], "tax_id": "DE1", "email": None}


class TestIssueCreditNote:
    async def test_says_what_went_back_and_which_invoice_it_corrects(self, school: School) -> None:
        order = await sales.paid_order(school)
        refund = await sales.settled_refund(school, order, 2500, 399)

        await asyncio.gather(*(invoices.issue_credit_note(caller=school.system, refund_id=refund.id, closes=None) for _ in range(3)))

        note, invoice = await all_of(school)
        assert (invoice.number, note.number, note.total_amount, note.tax_amount, note.refund_id) == ("INV-000001", "CN-000001", 2500, 399, refund.id)
        assert note.snapshot["corrects"] == "INV-000001"
        assert note.snapshot["lines"] == [{"title": "All courses", "quantity": 1, "unit": 2500, "discount": 0, "tax": 399, "total": 2500}]
        assert note.snapshot["tax_lines"] == [{"name": "VAT", "rate_ppm": 190000, "amount": 399}]

    async def test_of_an_order_that_tells_no_rates_tells_its_tax_alone(self, school: School) -> None:
        order = await sales.paid_order(school)
        async with unit_of_work(school.system):  # as the renewal of what was free at first, or not taxed yet
            await rows.Order.for_caller(school.system, id=order.id).update(tax_lines=[])
        refund = await sales.settled_refund(school, order, 2500, 399)

        await invoices.issue_credit_note(caller=school.system, refund_id=refund.id, closes=None)

        note, _ = await all_of(school)
        assert (note.tax_amount, note.snapshot["tax_lines"]) == (399, [])

    async def test_refuses_a_refund_that_is_not_settled(self, school: School) -> None:
        order = await sales.paid_order(school)
        refund = await sales.settled_refund(school, order, 2500, 399)
        async with unit_of_work(school.system):
            await rows.Refund.for_caller(school.system, id=refund.id).update(status=rows.RefundStatus.PENDING, settled_at=None)

        with pytest.raises(NotFound):
            await invoices.issue_credit_note(caller=school.system, refund_id=refund.id, closes=None)
        assert await all_of(school) == []


class TestPrintInvoice:
    async def test_the_pdf_says_what_was_frozen_and_is_kept_once(self, school: School, adapters: Adapters) -> None:
        order = await sales.paid_order(school, titles=tuple(f"Course {number} of a long list of courses" for number in range(50)), total=123450, tax=0)
        await issue(school, order.id)
        (invoice,) = await all_of(school)

        for _ in range(2):
            await invoices.print_invoice(caller=school.system, invoice_id=invoice.id, closes=None, printer=adapters.invoice_printer, objects=adapters.objects)

        async with unit_of_work(school.system):
            (file,) = await media.File.for_caller(school.system, content_type="application/pdf")
        pdf = await adapters.objects.get(file.object_key)
        text = text_of(pdf)
        assert [invoice.pdf_file_id for invoice in await all_of(school)] == [file.id]
        assert len(pdfium.PdfDocument(pdf)) == 3
        for said in ("Invoice", "INV-000001", order.number, "BoBuyer", "buyer@mail.example", "€1,234.50", "Course49ofalonglistofcourses"):
            assert said in text

    async def test_without_a_printer_nothing_is_kept(self, school: School, adapters: Adapters) -> None:
        class Broken:
            async def print_invoice(self, document: InvoiceDocument) -> bytes:
                raise Unavailable("no browser")

        await issue(school, (await sales.paid_order(school)).id)
        (invoice,) = await all_of(school)

        with pytest.raises(Unavailable):
            await invoices.print_invoice(caller=school.system, invoice_id=invoice.id, closes=None, printer=Broken(), objects=adapters.objects)
        assert [row.pdf_file_id for row in await all_of(school)] == [None]


class TestWhoSees:
    async def test_the_buyer_and_who_may_read_orders(self, school: School, other_school: School) -> None:
        buyer, stranger = await account(school.system), await account(school.system)
        order = await sales.paid_order(school, account_id=buyer)
        await issue(school, order.id)

        async def seen(caller: Caller) -> int:
            async with database.reading(caller):
                return len(await queries.invoices_of_orders(caller=caller, order_ids=[order.id]))

        def of(account_id: UUID) -> Caller:
            return Caller(tenant_id=school.id, account_id=account_id, now=school.system.now)

        assert await seen(of(buyer)) == 1
        assert await seen(school.system) == 1
        assert await seen(of(stranger)) == 0
        assert await seen(other_school.system) == 0


class TestNumber:
    def test_has_six_digits_and_more_where_they_are_needed(self) -> None:
        assert [rules.number(kind, serial) for kind, serial in (("INVOICE", 123), ("CREDIT_NOTE", 1_234_567))] == ["INV-000123", "CN-1234567"]
