"""Tokens for explorers: to look around with, without the risk of changing anything or of showing other people's data to whoever looks on."""

from dataclasses import dataclass, field
from uuid import UUID

from lms_graph.domain.identity import events, policies
from lms_graph.domain.identity.operations import sessions
from lms_graph.domain.identity.queries import sessions as queries
from lms_graph.domain.identity.rules import sessions as rules
from lms_graph.kit.caller import Caller
from lms_graph.models.identity import SessionKind
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.unit_of_work import UnitOfWork


@dataclass(frozen=True, kw_only=True)
class ExplorerToken:
    """The session, and its token in clear: None for a request that was repeated."""

    session_id: UUID
    access_token: str | None = field(repr=False)


async def open_explorer(*, caller: Caller, shows_personal: bool, may_write: bool, key: str) -> ExplorerToken:
    """Open an explorer's session for the one who is signed in. Past 10 of an account the oldest ends.

    Raises SignedOut, NotAllowed for whoever is not there by a sign-in of their own, and what `once` raises. Records ExplorerSessionOpened, perhaps SessionEnded.
    """
    account_id, token = caller.account, None

    async def open(work: UnitOfWork) -> UUID:
        nonlocal token
        policies.require_sign_in(await queries.own_kind_or_none(caller=caller))
        opened = await sessions.open_short_session(
            caller=caller, account_id=account_id, kind=SessionKind.EXPLORER, life=rules.EXPLORER_LIFE, is_read_only=not may_write, is_masked=not shows_personal
        )
        token = opened.access_token
        work.record(events.ExplorerSessionOpened(session_id=opened.session_id, account_id=account_id, is_read_only=not may_write, is_masked=not shows_personal))
        for surplus in await queries.surplus_sessions(caller=caller, account_id=account_id, kind=SessionKind.EXPLORER, keep=rules.MAX_EXPLORERS):
            await sessions.end(work, caller, surplus, "CROWDED_OUT")
        return opened.session_id

    session_id = await once(caller, field="explorerTokenCreate", key=key, body={"shows_personal": shows_personal, "may_write": may_write}, run=open)
    return ExplorerToken(session_id=session_id, access_token=token)
