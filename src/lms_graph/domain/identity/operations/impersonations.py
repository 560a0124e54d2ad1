"""Looking at the school as one of its students does: marked, read-only, for half an hour, and never as somebody with rights."""

from uuid import UUID

from lms_graph.domain.identity import events, policies
from lms_graph.domain.identity.operations import sessions
from lms_graph.domain.identity.queries import accounts as account_queries
from lms_graph.domain.identity.queries import sessions as queries
from lms_graph.domain.identity.rules import sessions as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, NotFound
from lms_graph.kit.permissions import Permission
from lms_graph.models import identity as rows
from lms_graph.models.identity import AccountStatus, SessionKind
from lms_graph.outbox.unit_of_work import unit_of_work


async def impersonate(*, caller: Caller, account_id: UUID, reason: str) -> sessions.ShortSession:
    """Open a session as a student of the school, in place of the one in which the caller already looks at it as somebody.

    Raises SignedOut, NotAllowed (without the right, not by a sign-in of their own, for an account that holds more than a student's role), Invalid, NotFound.
    Records ImpersonationStarted, perhaps SessionEnded and ImpersonationEnded.
    """
    policies.require_may_impersonate(caller)
    reason = reason.strip()
    if issues := rules.issues_with_reason(reason):
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        policies.require_sign_in(await queries.own_kind_or_none(caller=caller))
        await rows.Account.for_caller(caller, id=caller.account).select_for_update().get()  # of two at once, the second ends the first
        (account,) = await account_queries.accounts_by_ids(caller=caller, account_ids=[account_id]) or (None,)
        if account is None or account["status"] != AccountStatus.ACTIVE:
            raise NotFound("There is no such account.", path=("accountId",))
        policies.require_student(account["roles"])
        for earlier in await queries.impersonations_by(caller=caller):
            await sessions.end(work, caller, earlier, "REPLACED")
        opened = await sessions.open_short_session(
            caller=caller,
            account_id=account_id,
            kind=SessionKind.IMPERSONATION,
            life=rules.IMPERSONATION_LIFE,
            is_read_only=True,
            is_masked=not caller.may(Permission.PERSONAL_READ),
            impersonator_id=caller.account,
        )
        work.record(events.ImpersonationStarted(session_id=opened.session_id, account_id=account_id, impersonator_id=caller.account, reason=reason))
    return opened
