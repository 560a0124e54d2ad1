"""Links in mails that prove who reads them: asked for by one operation, mailed by a job, redeemed by another.

A link's token is the row's id and an HMAC of id and salt under a key derived from `LMS_SECRET_KEYS`. So the job that writes the mail can make it at any time, as often as it must, and
neither the database nor a fact holds anything with which one could get in.
"""

import base64
import hmac
import os
from datetime import timedelta
from uuid import UUID

from lms_graph.domain.identity import errors
from lms_graph.domain.identity.queries import challenges as queries
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import ChallengeKind
from lms_graph.outbox.unit_of_work import unit_of_work

_PREFIX = "lnk"  # of no node: an id that is part of a secret


async def pose(*, caller: Caller, account_id: UUID, kind: ChallengeKind, email: str, life: timedelta) -> UUID:
    """A new challenge, in place of the account's earlier ones of this kind; gives its id. Inside a unit of work."""
    async with unit_of_work(caller):
        await rows.Challenge.for_caller(caller, account_id=account_id, kind=kind, used_at__isnull=True).delete()
        made = await rows.Challenge.create(
            tenant_id=caller.tenant_id, account_id=account_id, kind=kind, email=email, salt=os.urandom(16), created_at=caller.now, expires_at=caller.now + life
        )
    return made.id


def token_of(challenge: database.Record, secret_keys: SecretKeys) -> str:
    """The token that a link in a mail carries, for a row of `queries.challenge_or_none`."""
    id: UUID = challenge["id"]
    return f"{public_id(_PREFIX, id)}.{_proofs(challenge, secret_keys)[0]}"


async def find(*, caller: Caller, token: str, kinds: tuple[ChallengeKind, ...], secret_keys: SecretKeys) -> database.Record:
    """The challenge that a token meets, without using it up: for what must be known before. Raises LinkInvalid as `redeem` does."""
    challenge = await queries.challenge_or_none(caller=caller, challenge_id=_id_of(token))
    return _sound(caller, challenge, token, kinds, secret_keys)


async def redeem(*, caller: Caller, token: str, kinds: tuple[ChallengeKind, ...], secret_keys: SecretKeys) -> database.Record:
    """The challenge that a token meets, used up with the present unit of work: `id`, `account_id`, `kind`, `email`. Raises LinkInvalid, one error for every reason."""
    async with unit_of_work(caller):
        challenge = _sound(caller, await queries.challenge_for_update(caller=caller, challenge_id=_id_of(token)), token, kinds, secret_keys)
        await rows.Challenge.for_caller(caller, id=challenge["id"]).update(used_at=caller.now)
    return challenge


def _id_of(token: str) -> UUID:
    parsed = parse_id(token.partition(".")[0])
    if parsed is None or parsed[0] != _PREFIX:
        raise errors.LinkInvalid()
    return parsed[1]


def _sound(caller: Caller, challenge: database.Record | None, token: str, kinds: tuple[ChallengeKind, ...], secret_keys: SecretKeys) -> database.Record:
    proof = token.partition(".")[2]
    if challenge is None or challenge["kind"] not in kinds or challenge["used_at"] is not None or challenge["expires_at"] <= caller.now or not proof.isascii():
        raise errors.LinkInvalid()
    if not any(hmac.compare_digest(proof, valid) for valid in _proofs(challenge, secret_keys)):
        raise errors.LinkInvalid()
    return challenge


def _proofs(challenge: database.Record, secret_keys: SecretKeys) -> list[str]:
    """One per secret key: the first makes, all are taken."""
    return [base64.urlsafe_b64encode(hmac.digest(key, challenge["id"].bytes + bytes(challenge["salt"]), "sha256")).rstrip(b"=").decode() for key in secret_keys.derived("links")]
