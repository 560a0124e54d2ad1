"""Loaders of payees, payouts and statements."""

from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, matched
from lms_graph.domain.media import queries as media
from lms_graph.domain.payouts.queries import ledger
from lms_graph.domain.payouts.queries import payees as queries
from lms_graph.domain.payouts.queries.ledger import PayeeBalance as Sum
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit.pages import PageRequest
from lms_graph.types.money import Money
from lms_graph.types.payouts.payees import Payee, PayeeBalance, PayeeStatement, PayeeStatementConnection, Payout, PayoutConnection


class PayeeLoaders(AreaLoaders):
    @batch
    async def payee(self, payee_ids: list[UUID]) -> list[Payee | None]:
        """Oneself; for who manages payouts, all."""
        return matched(await queries.payees_by_ids(caller=self.caller, payee_ids=payee_ids), "id", payee_ids, Payee.from_row)

    @batch
    async def payee_of_account(self, account_ids: list[UUID]) -> list[Payee | None]:
        return matched(await queries.payees_of_accounts(caller=self.caller, account_ids=account_ids), "account_id", account_ids, Payee.from_row)

    @batch
    async def sums(self, payee_ids: list[UUID]) -> list[list[Sum]]:
        """Whoever was given a payee may see what is due to it."""
        found = await ledger.balances_of_payees(caller=self.caller, payee_ids=payee_ids)
        return [[each for each in found if each.payee_id == id] for id in payee_ids]

    @batch
    async def currency(self, tenant_ids: list[UUID]) -> list[str]:
        return [(await tenants.selling_terms(caller=self.caller)).currency] * len(tenant_ids)

    @batch
    async def balance(self, payee_ids: list[UUID]) -> list[PayeeBalance]:
        currency = await self.currency.load(self.caller.tenant_id)
        sums = await self.sums.load_many(payee_ids)
        return [next((_balance(each) for each in of if each.currency == currency), PayeeBalance(available=Money.of(0, currency), pending=Money.of(0, currency))) for of in sums]

    @batch
    async def balances(self, payee_ids: list[UUID]) -> list[list[PayeeBalance]]:
        return [[_balance(each) for each in of] for of in await self.sums.load_many(payee_ids)]

    @batch
    async def payout(self, payout_ids: list[UUID]) -> list[Payout | None]:
        return matched(await queries.payouts_by_ids(caller=self.caller, payout_ids=payout_ids), "id", payout_ids, Payout.from_row)

    @batch
    async def payouts_of(self, asked: list[tuple[UUID, PageRequest]]) -> list[PayoutConnection]:
        """A page a request."""
        pages = [await queries.page_of_payouts(caller=self.caller, payee_id=id, request=request, cursors=self.adapters.cursors) for id, request in asked]
        return [PayoutConnection.of(page, Payout.from_row) for page in pages]

    @batch
    async def statement(self, statement_ids: list[UUID]) -> list[PayeeStatement | None]:
        return matched(await queries.statements_by_ids(caller=self.caller, statement_ids=statement_ids), "id", statement_ids, PayeeStatement.from_row)

    @batch
    async def statements_of(self, asked: list[tuple[UUID, PageRequest]]) -> list[PayeeStatementConnection]:
        """A page a request."""
        pages = [await queries.page_of_statements(caller=self.caller, payee_id=id, request=request, cursors=self.adapters.cursors) for id, request in asked]
        return [PayeeStatementConnection.of(page, PayeeStatement.from_row) for page in pages]

    @batch
    async def statement_file(self, file_ids: list[UUID]) -> list[media.StoredFile | None]:
        """Whoever may see the statement may see its files."""
        found = {file.id: file for file in await media.files_by_ids(caller=self.caller, file_ids=file_ids)}
        return [found.get(id) for id in file_ids]


def _balance(each: Sum) -> PayeeBalance:
    return PayeeBalance(available=Money.of(each.available, each.currency), pending=Money.of(each.pending, each.currency))
