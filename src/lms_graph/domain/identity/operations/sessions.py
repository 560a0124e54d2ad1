"""Signing in and out, keeping signed in, and ending sessions.

A session has an access token of 15 minutes and a refresh token of 30 days; both are random, and only their SHA-256 is kept. Each refresh uses the refresh
token up and makes a new pair, so a session lives on while it is used once in 30 days.

A used refresh token that comes back was copied: the whole session ends. But a client whose answer was lost sends its token again, and two tabs may send
the same one at once. So within ten seconds of its use, and until its successor is used, a token gets *the same* pair again. The pair is derived from the
token and from the new rows' ids, which nobody outside sees: nothing readable is stored for it, and there is never more than one living refresh token, so
that a copy is found out at the first rotation that thief and owner do not make within ten seconds of each other. (docs/decisions/0007-refresh-tokens.md)
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from lms_graph.domain.identity import errors, events
from lms_graph.domain.identity.queries import accounts as account_queries
from lms_graph.domain.identity.queries import second_factor as second_factor_queries
from lms_graph.domain.identity.queries import sessions as queries
from lms_graph.domain.identity.rules import second_factor as second_factor_rules
from lms_graph.domain.identity.rules import sessions as rules
from lms_graph.domain.identity.rules import throttles
from lms_graph.domain.identity.rules.devices import KNOWN_FOR, agent_of
from lms_graph.domain.identity.rules.permissions import permissions_of
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed, NotFound, SignedOut
from lms_graph.kit.ids import new_id
from lms_graph.kit.passwords import hash_password, verify_password
from lms_graph.kit.secrets import following_token, new_token, token_hash
from lms_graph.kit.throttle import Throttle, attempt, network_of
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import SessionKind, TokenKind
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A session's tokens in clear: the only moment at which they exist outside the client. `expires_at` is the access token's."""

    account_id: UUID
    session_id: UUID
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime

    def as_student(self, asking: Caller) -> Caller:
        """Who `asking` is once it has signed up."""
        roles = frozenset({rows.Role.STUDENT.value})
        return replace(asking, account_id=self.account_id, session_id=self.session_id, key_id=None, roles=roles, permissions=permissions_of(roles))


@dataclass(frozen=True, kw_only=True)
class Entered:
    """What a first factor opens: a session, or, where a second factor is on, a token to give with that one."""

    account_id: UUID
    session: SignedIn | None
    second_factor_token: str | None = field(default=None, repr=False)


async def sign_in(*, caller: Caller, email: str, password: str, throttle: Throttle) -> Entered:
    """Let in for an address and its password.

    Raises CredentialsWrong, after the same work for a known and an unknown address, and Busy: after too many wrong ones, before any of that work. Records SessionOpened.
    """
    async with database.reading(caller):
        found = await account_queries.credentials_or_none(caller=caller, email=email)
    guess = throttles.password_guess(caller, email, is_known_network=bool(found and found["is_known_network"]))
    async with attempt(throttle, *guess, wrong=errors.CredentialsWrong):
        entered = await _sign_in(caller, found, password)
    await throttle.clear(throttles.password_pair(caller, email))
    return entered


async def _sign_in(caller: Caller, found: database.Record | None, password: str) -> Entered:
    stored: str | None = found["password_hash"] if found else None
    verified = await verify_password(stored, password)
    if found is None or stored is None or not verified.fits:
        raise errors.CredentialsWrong()
    renewed = await hash_password(password) if verified.is_outdated else None
    async with unit_of_work(caller):
        # The hash is compared again under the lock: another request may have changed the password meanwhile.
        account = await account_queries.active_account_for_update(caller=caller, account_id=found["id"])
        if account is None or account["password_hash"] != stored:
            raise errors.CredentialsWrong()
        if renewed:
            await rows.Account.for_caller(caller, id=account["id"]).update(password_hash=renewed)
        return await enter(caller=caller, account_id=account["id"])


async def enter(*, caller: Caller, account_id: UUID) -> Entered:
    """Let in an account that has proved who it is by one factor, inside the unit of work that has locked it: a session, or the question for the second one. Records SessionOpened."""
    async with unit_of_work(caller):
        if not await second_factor_queries.is_on(caller=caller, account_id=account_id):
            return Entered(account_id=account_id, session=await open_session(caller=caller, account_id=account_id))
        token = new_token()
        await rows.SecondFactorToken.for_caller(caller, account_id=account_id, expires_at__lte=caller.now).delete()
        await rows.SecondFactorToken.create(
            tenant_id=caller.tenant_id,
            account_id=account_id,
            token_hash=token_hash(token),
            network=network_of(caller.address)[:64],
            created_at=caller.now,
            expires_at=caller.now + second_factor_rules.TOKEN_LIFE,
        )
    return Entered(account_id=account_id, session=None, second_factor_token=token)


async def open_session(*, caller: Caller, account_id: UUID, at_sign_up: bool = False) -> SignedIn:
    """Open a session for an account that has proved who it is by all its factors. Past 50 the longest unseen one ends. Records SessionOpened, perhaps SessionEnded."""
    now = caller.now
    seen = _seen(caller)
    async with unit_of_work(caller) as work:
        is_known = at_sign_up or await queries.is_known_device(caller=caller, account_id=account_id, network=seen["network"], agent=seen["agent"], since=now - KNOWN_FOR)
        session = await rows.Session.create(tenant_id=caller.tenant_id, account_id=account_id, created_at=now, last_seen_at=now, expires_at=now + rules.REFRESH_TOKEN_LIFE, **seen)
        signed_in = await _issue(caller, account_id, session.id, {kind: (new_id(), new_token()) for kind in TokenKind})
        work.record(events.SessionOpened(session_id=session.id, account_id=account_id, is_new_device=not is_known))
        for surplus in await queries.surplus_sessions(caller=caller, account_id=account_id, kind=SessionKind.SIGN_IN, keep=rules.MAX_SESSIONS):
            await end(work, caller, surplus, "CROWDED_OUT")
    return signed_in


@dataclass(frozen=True, kw_only=True)
class ShortSession:
    """A session of one access token and its own end, which goes on by no refresh."""

    session_id: UUID
    access_token: str = field(repr=False)
    expires_at: datetime


async def open_short_session(
    *, caller: Caller, account_id: UUID, kind: SessionKind, life: timedelta, is_read_only: bool, is_masked: bool, impersonator_id: UUID | None = None
) -> ShortSession:
    """Open a session out of the caller's own, with which it ends. Inside a unit of work, whose operation records what it is for."""
    if caller.session_id is None:
        raise NotAllowed("This takes one of our own sessions, with which it ends: give the provider's token to `providerSignIn` first.")
    now, token = caller.now, new_token()
    async with unit_of_work(caller):
        session = await rows.Session.create(
            tenant_id=caller.tenant_id,
            account_id=account_id,
            kind=kind,
            is_read_only=is_read_only,
            is_masked=is_masked,
            opener_id=caller.session_id,
            impersonator_id=impersonator_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + life,
            **_seen(caller),
        )
        await rows.SessionToken.create(
            tenant_id=caller.tenant_id, session_id=session.id, kind=TokenKind.ACCESS, token_hash=token_hash(token), created_at=now, expires_at=now + life
        )
    return ShortSession(session_id=session.id, access_token=token, expires_at=now + life)


def _seen(caller: Caller) -> dict[str, Any]:
    """By what a session shows from where it is used."""
    return {
        "ip_address": (caller.address or "")[:45] or None,
        "user_agent": (caller.user_agent or "")[:400] or None,
        "network": network_of(caller.address)[:64],
        "agent": agent_of(caller.user_agent),
    }


async def refresh(*, caller: Caller, refresh_token: str, throttle: Throttle) -> SignedIn:
    """A new pair of tokens for a refresh token. Raises TokenInvalid. A used one ends its session (see the module's words) and records SessionEnded.

    Wrong ones from one network meet a limit (Busy); a right one always passes, for 256 bits are not guessed, and a broken client must not sign out its neighbors.
    """
    try:
        return await _refresh(caller, refresh_token)
    except errors.TokenInvalid:
        await throttle.take(throttles.from_network(throttles.REFRESH_FROM_NETWORK, caller))
        raise


async def _refresh(caller: Caller, refresh_token: str) -> SignedIn:
    if not refresh_token.isascii():
        raise errors.TokenInvalid()
    async with unit_of_work(caller) as work:
        token = await queries.refresh_token_for_update(caller=caller, token_hash=token_hash(refresh_token))
        if token is None or not token["is_live"]:
            raise errors.TokenInvalid()
        if token["used_at"] is None:
            return await _rotate(caller, token, refresh_token)
        if (again := await _repeat(caller, token, refresh_token)) is not None:
            return again
        await end(work, caller, token["session_id"], "TOKEN_REUSED")
    raise errors.TokenInvalid()  # after the commit: the session stays ended


async def sign_out(*, caller: Caller, refresh_token: str | None = None) -> None:
    """End the session of the refresh token, else the caller's own. A token that names no living session is as good as signed out. Raises SignedOut when neither is given."""
    if refresh_token is None and caller.session_id is None:
        raise SignedOut("Nobody is signed in: send `Authorization: Bearer <accessToken>` or a `refreshToken`.")
    async with unit_of_work(caller) as work:
        if refresh_token is None:
            assert caller.session_id is not None
            await end(work, caller, caller.session_id, "SIGNED_OUT")
        elif refresh_token.isascii() and (token := await queries.refresh_token_for_update(caller=caller, token_hash=token_hash(refresh_token))):
            await end(work, caller, token["session_id"], "SIGNED_OUT")


async def end(work: UnitOfWork, caller: Caller, session_id: UUID, reason: str) -> None:
    """End a session and those opened out of it, and forget their tokens; nothing happens to what has ended. Records SessionEnded, and ImpersonationEnded where it was one."""
    found = await database.fetch(
        "UPDATE sessions SET revoked_at = $3, revoked_reason = CASE WHEN id = $2 THEN $4 ELSE 'OPENER_ENDED' END "
        "WHERE tenant_id = $1 AND (id = $2 OR (opener_id = $2 AND expires_at > $3)) AND revoked_at IS NULL RETURNING id, account_id, impersonator_id, revoked_reason",
        caller.tenant_id,
        session_id,
        caller.now,
        reason,
    )
    for ended in found:
        await rows.SessionToken.for_caller(caller, session_id=ended["id"]).delete()
        work.record(events.SessionEnded(session_id=ended["id"], account_id=ended["account_id"], reason=ended["revoked_reason"]))
        if ended["impersonator_id"] is not None:
            work.record(events.ImpersonationEnded(session_id=ended["id"], account_id=ended["account_id"], impersonator_id=ended["impersonator_id"], reason=ended["revoked_reason"]))


async def revoke(*, caller: Caller, session_id: UUID) -> None:
    """End one of one's own sessions, if it has not ended yet. Raises SignedOut, NotFound. Records SessionEnded."""
    _ = caller.account
    async with unit_of_work(caller) as work:
        if not await queries.own_session(caller=caller, session_id=session_id):
            raise NotFound("You have no session with this id.", path=("sessionId",))
        await end(work, caller, session_id, "REVOKED")


async def revoke_others(*, caller: Caller, keep: Collection[UUID] = ()) -> None:
    """End all one's own sessions but the present one and those named. Raises SignedOut; NotFound when one that is named is not one's own. Records SessionEnded for each."""
    account_id = caller.account
    async with unit_of_work(caller) as work:
        for session_id in set(keep):
            if not await queries.own_session(caller=caller, session_id=session_id):
                raise NotFound("You have no session with this id.", path=("keep",))
        await end_sessions(work=work, caller=caller, account_id=account_id, reason="REVOKED", keep={caller.session_id, *keep})


async def end_sessions(*, work: UnitOfWork, caller: Caller, account_id: UUID, reason: str, keep: Collection[UUID | None] = ()) -> None:
    """End an account's sessions, and sign-ins that wait for their second factor. Records SessionEnded for each."""
    await rows.SecondFactorToken.for_caller(caller, account_id=account_id).delete()
    for session_id in await queries.live_session_ids(caller=caller, account_id=account_id):
        if session_id not in keep:
            await end(work, caller, session_id, reason)


async def _rotate(caller: Caller, token: database.Record, refresh_token: str) -> SignedIn:
    now = caller.now
    pair = {kind: (id, following_token(refresh_token, salt=str(id))) for kind, id in ((kind, new_id()) for kind in TokenKind)}
    await rows.SessionToken.for_caller(caller, session_id=token["session_id"], expires_at__lte=now).delete()
    await rows.SessionToken.for_caller(caller, id=token["id"]).update(used_at=now)
    await rows.Session.for_caller(caller, id=token["session_id"]).update(
        last_seen_at=now,
        expires_at=now + rules.REFRESH_TOKEN_LIFE,
        **_seen(caller),
    )
    return await _issue(caller, token["account_id"], token["session_id"], pair)


async def _repeat(caller: Caller, token: database.Record, refresh_token: str) -> SignedIn | None:
    """The pair that the token's first use was answered with, while that is still a retry."""
    if caller.now - token["used_at"] > rules.RETRY_WINDOW:
        return None
    made = await queries.tokens_made_at(caller=caller, session_id=token["session_id"], made_at=token["used_at"])
    pair = {row["kind"]: row for row in made if row["id"] != token["id"]}
    if set(pair) != set(TokenKind) or pair[TokenKind.REFRESH]["used_at"] is not None:
        return None
    access, following = (following_token(refresh_token, salt=str(pair[kind]["id"])) for kind in (TokenKind.ACCESS, TokenKind.REFRESH))
    return SignedIn(account_id=token["account_id"], session_id=token["session_id"], access_token=access, refresh_token=following, expires_at=pair[TokenKind.ACCESS]["expires_at"])


async def _issue(caller: Caller, account_id: UUID, session_id: UUID, pair: dict[TokenKind, tuple[UUID, str]]) -> SignedIn:
    """Keep the hashes of a new pair."""
    now = caller.now
    ends = {TokenKind.ACCESS: now + rules.ACCESS_TOKEN_LIFE, TokenKind.REFRESH: now + rules.REFRESH_TOKEN_LIFE}
    await rows.SessionToken.bulk_create(
        rows.SessionToken(id=id, tenant_id=caller.tenant_id, session_id=session_id, kind=kind, token_hash=token_hash(token), created_at=now, expires_at=ends[kind])
        for kind, (id, token) in pair.items()
    )
    return SignedIn(
        account_id=account_id,
        session_id=session_id,
        access_token=pair[TokenKind.ACCESS][1],
        refresh_token=pair[TokenKind.REFRESH][1],
        expires_at=ends[TokenKind.ACCESS],
    )
