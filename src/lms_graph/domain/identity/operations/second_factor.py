"""The second factor: an authenticator app and recovery codes; turning it on and off, and signing in with it.

Everything happens under the lock of the account's row, so that of two who send one code at once, one gets in.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pyotp

from lms_graph.domain.identity import errors, events, policies
from lms_graph.domain.identity.operations import presence
from lms_graph.domain.identity.operations.sessions import SignedIn, open_session
from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.identity.queries import second_factor as queries
from lms_graph.domain.identity.rules import second_factor as rules
from lms_graph.domain.identity.rules import throttles
from lms_graph.domain.tenancy.queries import tenants as tenancy
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict, Invalid, Issue, SignedOut
from lms_graph.kit.secrets import SecretKeys, token_hash
from lms_graph.kit.throttle import Throttle, attempt, network_of
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def confirm(*, caller: Caller, token: str, code: str | None, recovery_code: str | None, secret_keys: SecretKeys, throttle: Throttle) -> SignedIn:
    """Give the second factor of a sign-in: a session. Raises Invalid, SecondFactorTokenInvalid, CodeWrong, Busy. Records SessionOpened, perhaps RecoveryCodeUsed.

    A token is good for five tries; all tokens of an account share one limit.
    """
    _require_one(code, recovery_code)
    hashed, network = token_hash(token) if token.isascii() else b"", network_of(caller.address)[:64]
    async with attempt(throttle, throttles.from_network(throttles.SECOND_FACTOR_FROM_NETWORK, caller), wrong=errors.SecondFactorTokenInvalid):
        async with database.reading(caller):
            waiting = await queries.waiting_or_none(caller=caller, token_hash=hashed, network=network)
        if waiting is None:
            raise errors.SecondFactorTokenInvalid()
        async with _guess(caller, waiting["account_id"], throttle):
            signed_in = None
            async with unit_of_work(caller) as work:
                account = await accounts.active_account_for_update(caller=caller, account_id=waiting["account_id"])
                waiting = await queries.waiting_or_none(caller=caller, token_hash=hashed, network=network)
                if account is None or waiting is None:
                    raise errors.SecondFactorTokenInvalid()
                fits = await _use(work, caller, account["id"], code, recovery_code, secret_keys)
                if fits or waiting["tries"] + 1 >= rules.MAX_TRIES:
                    await rows.SecondFactorToken.for_caller(caller, id=waiting["id"]).delete()
                else:
                    await rows.SecondFactorToken.for_caller(caller, id=waiting["id"]).update(tries=waiting["tries"] + 1)
                if fits:
                    signed_in = await open_session(caller=caller, account_id=account["id"])
            if signed_in is None:  # after the commit: the try stays counted
                raise _wrong(recovery_code)
    return signed_in


async def enroll(*, caller: Caller, password: str | None, secret_keys: SecretKeys, throttle: Throttle) -> tuple[str, str]:
    """A new secret for an authenticator app, and the address that its QR code says; on once `confirm_device` has had a code. An earlier one that was not confirmed is replaced.

    Raises Conflict when the second factor is on, and what `require_presence` does.
    """
    proved = await presence.require_presence(caller=caller, password=password, throttle=throttle)
    secret = pyotp.random_base32(length=rules.SECRET_BYTES * 8 // 5)
    async with unit_of_work(caller):
        account = await presence.lock_present(caller=caller, proved=proved)
        if await queries.is_on(caller=caller, account_id=account["id"]):
            raise Conflict("The second factor is on. Turn it off before you set up another app.")
        await rows.TotpDevice.for_caller(caller, account_id=account["id"]).delete()
        await rows.TotpDevice.create(
            tenant_id=caller.tenant_id,
            account_id=account["id"],
            sealed_secret=secret_keys.seal(secret.encode(), about=_about(account["id"])),
            created_at=caller.now,
        )
        issuer: str = (await tenancy.storefront(caller=caller))["name"]
    return secret, rules.otpauth_url(secret, account=account["email"], issuer=issuer)


async def confirm_device(*, caller: Caller, code: str, secret_keys: SecretKeys, throttle: Throttle) -> list[str]:
    """Turn the second factor on by the app's first code; gives the recovery codes, which nobody sees again. Raises SignedOut, Conflict, CodeWrong, Busy. Records TotpEnabled."""
    account_id = policies.require_in_person(caller)
    async with _guess(caller, account_id, throttle), unit_of_work(caller) as work:
        if await accounts.active_account_for_update(caller=caller, account_id=account_id) is None:
            raise SignedOut()
        device = await queries.device_or_none(caller=caller, account_id=account_id)
        if device is None or device["confirmed_at"] is not None or caller.now - device["created_at"] > rules.ENROLLMENT_LIFE:
            raise Conflict("There is no app that waits for its first code. Begin with `totpEnroll`.")
        step = rules.matching_step(_secret(device, account_id, secret_keys), code, now=caller.now, after=None)
        if step is None:
            raise errors.CodeWrong()
        await rows.TotpDevice.for_caller(caller, id=device["id"]).update(confirmed_at=caller.now, last_step=step)
        codes = await _renew(caller, account_id)
        work.record(events.TotpEnabled(account_id=account_id))
    return codes


async def disable(*, caller: Caller, password: str | None, code: str | None, recovery_code: str | None, secret_keys: SecretKeys, throttle: Throttle) -> None:
    """Turn the second factor off, by both factors. Raises Invalid, Conflict when it is off, CodeWrong, and what `require_presence` does. Records TotpDisabled."""
    _require_one(code, recovery_code)
    proved = await presence.require_presence(caller=caller, password=password, throttle=throttle)
    async with _guess(caller, caller.account, throttle), unit_of_work(caller) as work:
        account_id = await _prove(work, caller, proved, code, recovery_code, secret_keys)
        await rows.TotpDevice.for_caller(caller, account_id=account_id).delete()
        await rows.RecoveryCode.for_caller(caller, account_id=account_id).delete()
        await rows.SecondFactorToken.for_caller(caller, account_id=account_id).delete()
        work.record(events.TotpDisabled(account_id=account_id))


async def renew_recovery_codes(*, caller: Caller, password: str | None, code: str, secret_keys: SecretKeys, throttle: Throttle) -> list[str]:
    """New recovery codes in place of the old ones, by both factors. Raises Conflict when the second factor is off, CodeWrong, and what `require_presence` does. Records RecoveryCodesRenewed."""
    proved = await presence.require_presence(caller=caller, password=password, throttle=throttle)
    async with _guess(caller, caller.account, throttle), unit_of_work(caller) as work:
        account_id = await _prove(work, caller, proved, code, None, secret_keys)
        codes = await _renew(caller, account_id)
        work.record(events.RecoveryCodesRenewed(account_id=account_id))
    return codes


@asynccontextmanager
async def _guess(caller: Caller, account_id: UUID, throttle: Throttle) -> AsyncIterator[None]:
    """An attempt at an account's codes, whichever way: all share one limit, and a right one fills it again."""
    bucket = throttles.of_account(throttles.SECOND_FACTOR_OF_ACCOUNT, caller, account_id)
    async with attempt(throttle, bucket, wrong=errors.CodeWrong):
        yield
    await throttle.clear(bucket)


async def _prove(work: UnitOfWork, caller: Caller, proved: database.Record, code: str | None, recovery_code: str | None, secret_keys: SecretKeys) -> UUID:
    """The caller's account, locked, with the second factor on and a code that fits."""
    account = await presence.lock_present(caller=caller, proved=proved)
    account_id: UUID = account["id"]
    if not await queries.is_on(caller=caller, account_id=account_id):
        raise Conflict("The second factor is off.")
    if not await _use(work, caller, account_id, code, recovery_code, secret_keys):
        raise _wrong(recovery_code)
    return account_id


async def _use(work: UnitOfWork, caller: Caller, account_id: UUID, code: str | None, recovery_code: str | None, secret_keys: SecretKeys) -> bool:
    """Whether a code of the app or a recovery code fits; then it is used up."""
    if recovery_code is not None:
        return await _use_recovery_code(work, caller, account_id, recovery_code)
    device = await queries.device_or_none(caller=caller, account_id=account_id)
    if device is None or device["confirmed_at"] is None or code is None:
        return False
    step = rules.matching_step(_secret(device, account_id, secret_keys), code, now=caller.now, after=device["last_step"])
    if step is None:
        return False
    await rows.TotpDevice.for_caller(caller, id=device["id"]).update(last_step=step)
    return True


async def _use_recovery_code(work: UnitOfWork, caller: Caller, account_id: UUID, text: str) -> bool:
    code = rules.normal_recovery_code(text)
    used = code is not None and await database.fetch_one(
        "UPDATE recovery_codes SET used_at = $4 WHERE tenant_id = $1 AND account_id = $2 AND code_hash = $3 AND used_at IS NULL RETURNING id",
        caller.tenant_id,
        account_id,
        token_hash(code),
        caller.now,
    )
    if used:
        work.record(events.RecoveryCodeUsed(account_id=account_id))
    return bool(used)


async def _renew(caller: Caller, account_id: UUID) -> list[str]:
    codes = [rules.new_recovery_code() for _ in range(rules.RECOVERY_CODES)]
    await rows.RecoveryCode.for_caller(caller, account_id=account_id).delete()
    await rows.RecoveryCode.bulk_create(rows.RecoveryCode(tenant_id=caller.tenant_id, account_id=account_id, code_hash=token_hash(code)) for code in codes)
    return codes


def _require_one(code: str | None, recovery_code: str | None) -> None:
    if (code is None) == (recovery_code is None):
        raise Invalid(Issue("Give `code` or `recoveryCode`: one of the two.", ("code",)))


def _wrong(recovery_code: str | None) -> errors.CodeWrong:
    return errors.CodeWrong("code" if recovery_code is None else "recoveryCode")


def _secret(device: database.Record, account_id: UUID, secret_keys: SecretKeys) -> str:
    return secret_keys.open(bytes(device["sealed_secret"]), about=_about(account_id)).decode()


def _about(account_id: UUID) -> str:
    return f"totp:{account_id}"
