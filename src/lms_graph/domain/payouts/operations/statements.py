"""Statements: asked for once per payee and month, made by a job from the ledger, which never changes; kept as CSV and PDF."""

from datetime import date
from uuid import UUID

from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.media import operations as files
from lms_graph.domain.media import queries as media
from lms_graph.domain.media.ports import ObjectStore
from lms_graph.domain.payouts import events, policies
from lms_graph.domain.payouts.ports import StatementDocument, StatementPrinter
from lms_graph.domain.payouts.queries import payees as queries
from lms_graph.domain.payouts.rules import statements as rules
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit import pdf
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue, NotFound
from lms_graph.models import database
from lms_graph.models import payouts as rows
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def create_statement(*, caller: Caller, payee_id: UUID, month: str, key: str) -> UUID:
    """The statement of a payee for a month that is over (`2026-05`), the same for whoever asks; its files follow. Raises SignedOut, NotFound, Invalid. Records StatementRequested."""
    if caller.account_id is None:
        policies.require_may_manage_payouts(caller)
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Invalid(Issue("A month is a year and two digits, such as 2026-05.", ("month",))) from None
    if not rules.is_over(first, caller.now):
        raise Invalid(Issue("There are statements of months that are over, from an hour after their end (UTC).", ("month",)))

    async def run(work: UnitOfWork) -> UUID:
        payee = await queries.lock_payee(caller=caller, payee_id=payee_id)
        policies.require_own_or_managed(caller, payee["account_id"] if payee else None)
        if payee is None:
            raise policies.no_payee()
        if first < payee["created_at"].date().replace(day=1):
            raise Invalid(Issue("There was nothing for this payee in that month yet.", ("month",)))
        found = await queries.statement_of_month(caller=caller, payee_id=payee_id, month=first)
        if found is not None:
            return found
        made = await rows.Statement.create(tenant_id=caller.tenant_id, payee_id=payee_id, month=first, created_at=caller.now)
        work.record(events.StatementRequested(statement_id=made.id, payee_id=payee_id))
        return made.id

    return await once(caller, field="statementCreate", key=key, body={"payee_id": payee_id, "month": month}, run=run)


async def make_statement(*, caller: Caller, statement_id: UUID, closes: Delivery | None, printer: StatementPrinter, objects: ObjectStore) -> None:
    """Write and print a statement, and keep both files, once; a repeat after a crash puts the same bytes at the same place. Raises NotFound and Unavailable."""
    async with database.reading(caller):  # ends here: no connection is held while the browser works
        statement = await queries.statement_to_make(caller=caller, statement_id=statement_id)
        if statement is None:
            raise NotFound("There is no such statement.")
        start, end = rules.bounds(statement["month"])
        opening = await queries.sums_before(caller=caller, payee_id=statement["payee_id"], moment=start)
        parts = rules.parts(opening, await queries.entries_between(caller=caller, payee_id=statement["payee_id"], start=start, end=end))
        brand = await tenants.storefront(caller=caller)
        people = await accounts.accounts_by_ids(caller=caller, account_ids=[statement["account_id"]]) if statement["account_id"] else []
        logos = await media.files_by_ids(caller=caller, file_ids=[brand["logo_file_id"]]) if brand["logo_file_id"] else []
    if statement["pdf_file_id"] is not None:
        return
    document = StatementDocument(
        payee_name=people[0]["name"] if people else brand["name"],
        school_name=brand["name"],
        primary_color=brand["primary_color"],
        logo=await _body(objects, logos[0].object_key) if logos else None,
        locale=(people[0]["locale"] if people else None) or brand["locale"],
        month=statement["month"],
        issued_at=statement["created_at"],
        parts=parts,
    )
    hint = f"statement {statement_id}"
    table = await files.put_object(caller=caller, objects=objects, body=rules.as_csv(parts, start=start, end=end), content_type="text/csv; charset=utf-8", key_hint=hint)
    printed = pdf.dated(await printer.print_statement(document), statement["created_at"])
    sheet = await files.put_object(caller=caller, objects=objects, body=printed, content_type="application/pdf", key_hint=hint)
    async with unit_of_work(caller, closes=closes):
        row = await queries.statement_to_make(caller=caller, statement_id=statement_id, lock=True)
        if row is not None and row["pdf_file_id"] is None:
            csv_file_id, pdf_file_id = await files.record_file(caller=caller, file=table), await files.record_file(caller=caller, file=sheet)
            await rows.Statement.for_caller(caller, id=statement_id).update(csv_file_id=csv_file_id, pdf_file_id=pdf_file_id)


async def _body(objects: ObjectStore, key: str) -> bytes | None:
    try:
        return await objects.get(key)
    except NotFound:  # a statement without a logo is one too
        return None
