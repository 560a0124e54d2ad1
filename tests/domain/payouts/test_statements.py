"""Statements: what stands in the ledger, to the minor unit, as CSV and PDF; made once."""

import asyncio
import csv
import io
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pypdfium2 as pdfium
import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.payouts.operations import statements
from lms_graph.domain.payouts.rules import statements as rules
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.errors import Invalid
from lms_graph.models import media
from lms_graph.models import payouts as rows
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import payees as factory
from tests.factories.accounts import account
from tests.factories.keys import as_admin
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio

MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
async def payee_id(school: School) -> UUID:
    payee_id = await factory.payee(school, await account(school.system, name="Zoë Øster"))
    async with unit_of_work(school.system):
        await rows.Payee.for_caller(school.system, id=payee_id).update(created_at=MAY - timedelta(days=60))
    return payee_id


async def ask(school: School, payee_id: UUID, month: str = "2026-05") -> UUID:
    admin = as_admin(school.system, await account(school.system, roles=("TENANT_ADMIN",)))
    return await statements.create_statement(caller=admin, payee_id=payee_id, month=month, key=uuid4().hex)


class TestMakeStatement:
    async def test_says_each_entry_and_what_there_was_and_is(self, school: School, stripe: StripeTwin, adapters: Adapters, payee_id: UUID) -> None:
        for at, amount in ((MAY - timedelta(seconds=1), 700), (MAY, 4200), (MAY + timedelta(days=20), 100), (datetime(2026, 6, 1, tzinfo=UTC), 9)):
            await factory.sold(school, stripe, [(payee_id, amount)], at=at)
        await factory.sold(school, stripe, [(payee_id, 500)], currency="JPY", at=MAY + timedelta(days=2))

        ids = [await ask(school, payee_id) for _ in range(2)]
        await asyncio.gather(
            *(statements.make_statement(caller=school.system, statement_id=ids[0], closes=None, printer=adapters.statement_printer, objects=adapters.objects) for _ in range(2))
        )

        assert ids[0] == ids[1]
        async with unit_of_work(school.system):
            made = await rows.Statement.for_caller(school.system, id=ids[0]).get()
            files = {file.id: file for file in await media.File.for_caller(school.system)}
        assert len(files) == 2
        table = list(csv.reader(io.StringIO((await adapters.objects.get(files[made.csv_file_id].object_key)).decode())))
        assert table[0] == list(rules.COLUMNS)
        assert [(row[0], row[1], *row[4:]) for row in table[1:]] == [
            ("2026-05-01T00:00:00Z", "OPENING", "EUR", "", "7.00"),
            ("2026-05-01T00:00:00Z", "SALE", "EUR", "42.00", "49.00"),
            ("2026-05-21T00:00:00Z", "SALE", "EUR", "1.00", "50.00"),
            ("2026-06-01T00:00:00Z", "CLOSING", "EUR", "", "50.00"),
            ("2026-05-01T00:00:00Z", "OPENING", "JPY", "", "0"),
            ("2026-05-03T00:00:00Z", "SALE", "JPY", "500", "500"),
            ("2026-06-01T00:00:00Z", "CLOSING", "JPY", "", "500"),
        ]
        pdf = await adapters.objects.get(files[made.pdf_file_id].object_key)
        text = re.sub(r"\s+", "", unicodedata.normalize("NFC", "".join(page.get_textpage().get_text_range() for page in pdfium.PdfDocument(pdf))))
        for said in ("Statement", "May2026", "ZoëØster", "Balancebefore€7.00", "Sales€43.00", "Balanceafter€50.00", "¥500"):
            assert said in text

    async def test_is_of_a_month_that_is_over(self, school: School, payee_id: UUID) -> None:
        for month in (f"{datetime.now(UTC):%Y-%m}", "2099-01", "2026-13", "2020-01", "May", ""):
            with pytest.raises(Invalid):
                await ask(school, payee_id, month)
        async with unit_of_work(school.system):
            assert await rows.Statement.for_caller(school.system).count() == 0
