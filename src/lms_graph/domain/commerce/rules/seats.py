"""Seats: how many, for how long, what may be guessed, and when one is taken back.

A seat that nobody has redeemed goes back to its pool at any time. One that was redeemed goes back with its access until its learner is through `RECLAIM_BELOW_PERCENT` of the course: a company may
replace somebody who left early, and must not pass one seat through a class.
"""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from lms_graph.kit import codes
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Issue
from lms_graph.kit.text import email_key, is_email
from lms_graph.kit.throttle import Bucket, Limit, network_of

MAX_SEATS = 10_000
RECLAIM_BELOW_PERCENT = 20
MAX_REASON = 200

CODE_OF_ACCOUNT = Limit("seat-code-account", at_once=20, every=60)
CODE_FROM_NETWORK = Limit("seat-code-network", at_once=60, every=10)
ASSIGNED_TO_ADDRESS = Limit("seat-address", at_once=4, every=3600)
ASSIGNED_BY_CALLER = Limit("seat-assigner", at_once=1_000, every=5)


def new_code() -> tuple[str, str]:
    """A code of 100 random bits, and the hash by which it is looked up."""
    code = codes.random_code()
    return code, code_hash(code)


def code_hash(code: str) -> str:
    return sha256(code.encode()).hexdigest()


def guesses(caller: Caller) -> tuple[Bucket, Bucket]:
    """What bringing a code takes from; a right one is given back."""
    return CODE_OF_ACCOUNT.of(caller.tenant_id, caller.account), CODE_FROM_NETWORK.of(caller.tenant_id, network_of(caller.address))


def assignments(caller: Caller, pool_id: UUID, email: str) -> tuple[Bucket, ...]:
    """What giving a seat to an address takes from, for each mails somebody who has not asked for it: nobody is mailed without end by taking the seat back and giving it again. Raises SignedOut."""
    if caller.is_system:
        return ()
    return ASSIGNED_TO_ADDRESS.of(caller.tenant_id, pool_id, email_key(email)), ASSIGNED_BY_CALLER.of(caller.tenant_id, caller.identity)


def issues_with_voucher(*, redemptions: int, expires_at: datetime | None, now: datetime) -> Iterator[Issue]:
    if not 1 <= redemptions <= MAX_SEATS:
        yield Issue(f"A voucher is for 1 to {MAX_SEATS:,} people.", ("redemptions",))
    if expires_at is not None and expires_at <= now:
        yield Issue("`expiresAt` has passed.", ("expiresAt",))


def issues_with_address(email: str) -> Iterator[Issue]:
    if not is_email(email):
        yield Issue("This is not an e-mail address.", ("email",))


def is_over(*, closed_at: datetime | None, expires_at: datetime | None, now: datetime) -> bool:
    """Whether nothing of a pool can be assigned or redeemed any more."""
    return closed_at is not None or (expires_at is not None and expires_at <= now)
