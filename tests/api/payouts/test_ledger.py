"""`trialBalance`, and entries of the ledger as nodes."""

import pytest

from lms_graph.domain.payouts.operations import sales
from lms_graph.kit.ids import new_id, public_id
from tests.factories import sales as factory
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import fetch

pytestmark = pytest.mark.anyio


def row(account: str, currency: str, debit: str, credit: str) -> dict[str, object]:
    return {"account": account, "currency": currency, "debit": {"amount": debit, "currency": currency}, "credit": {"amount": credit, "currency": currency}}


async def entry_of(school: School, account_id: object) -> str:
    (found,) = await fetch(
        school,
        "SELECT e.id FROM ledger_entries e JOIN payees p ON p.tenant_id = e.tenant_id AND p.id = e.payee_id WHERE e.tenant_id = $1 AND p.account_id IS NOT DISTINCT FROM $2 AND e.kind = 'SALE'",
        account_id,
    )
    return public_id("led", found["id"])


class TestTrialBalance:
    async def test_tells_debit_and_credit_of_each_account_by_currency(self, school: School, sign_in: SignIn) -> None:
        await factory.terms(school.system, fee_bps=1000)
        sale = await factory.sold(school.system, factory.line(10000, tax=1900))
        await factory.sold(school.system, factory.line(500), currency="JPY")
        await sales.post_refund(caller=school.system, refund_id=new_id(), order_id=sale.order_id, currency="EUR", lines=[(sale.lines[0].line_id, 5000, 950)])
        client = await sign_in(roles=("TENANT_ADMIN",))

        assert await client.data("TrialBalance") == [
            row("PAYEE", "EUR", "45.00", "90.00"),
            row("PLATFORM", "EUR", "5.00", "10.00"),
            row("PROVIDER", "EUR", "119.00", "59.50"),
            row("TAX", "EUR", "9.50", "19.00"),
            row("PAYEE", "JPY", "0", "450"),
            row("PLATFORM", "JPY", "0", "50"),
            row("PROVIDER", "JPY", "500", "0"),
        ]

    async def test_is_for_who_may_read_the_ledger(self, visitor: Client, school: School, other_school: School, sign_in: SignIn) -> None:
        await factory.sold(school.system, factory.line(10000))
        student, stranger = await sign_in(), await sign_in(at=other_school, roles=("TENANT_ADMIN",))

        assert await visitor.codes("TrialBalance") == ["UNAUTHENTICATED"]
        assert await student.codes("TrialBalance") == ["FORBIDDEN"]
        assert await stranger.data("TrialBalance") == []


class TestEntries:
    async def test_an_entry_is_seen_by_its_payee_and_by_who_reads_the_ledger(self, school: School, other_school: School, sign_in: SignIn) -> None:
        ida = await factory.teacher(school.system)
        course = await factory.earning(school.system, {ida: 6000})
        await factory.sold(school.system, factory.line(10000, (course, 1)))
        own, admin, student = await sign_in(ida), await sign_in(roles=("TENANT_ADMIN",)), await sign_in()
        stranger = await sign_in(at=other_school, roles=("TENANT_ADMIN",))
        id, schools = await entry_of(school, ida), await entry_of(school, None)

        said = await own.data("LedgerEntryById", id=id)
        assert (said["id"], said["kind"], said["amount"]) == (id, "SALE", {"amount": "60.00", "currency": "EUR"})
        assert await admin.data("LedgerEntryById", id=id) == said
        assert (await admin.data("LedgerEntryById", id=schools))["amount"]["amount"] == "40.00"
        assert [await somebody.data("LedgerEntryById", id=id) for somebody in (student, stranger)] == [None, None]
        assert await own.data("LedgerEntryById", id=schools) is None

    async def test_what_is_no_payees_is_no_node(self, school: School, sign_in: SignIn) -> None:
        await factory.sold(school.system, factory.line(10000))
        (found,) = await fetch(school, "SELECT id FROM ledger_entries WHERE tenant_id = $1 AND account = 'PROVIDER'")

        assert await (await sign_in(roles=("TENANT_ADMIN",))).data("LedgerEntryById", id=public_id("led", found["id"])) is None
