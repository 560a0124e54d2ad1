"""The root field of the ledger."""

import strawberry

from lms_graph.context import Info
from lms_graph.domain.payouts.queries import ledger
from lms_graph.kit.permissions import Permission
from lms_graph.types.costs import usually
from lms_graph.types.errors import query
from lms_graph.types.payouts.ledger import TrialBalanceRow


@strawberry.type
class LedgerQuery:
    @query(
        description="What was booked on each account of the school's ledger, by currency; accounts without entries are left out. Takes LEDGER_READ.",
        size=usually(16),
        requires=[Permission.LEDGER_READ],
    )
    async def trial_balance(self, info: Info) -> list[TrialBalanceRow]:
        return [TrialBalanceRow.from_row(row) for row in await ledger.trial_balance(caller=info.context.caller)]
