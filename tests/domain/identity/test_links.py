"""Links in mails: verifying an address, changing it, setting a password."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.identity import errors
from lms_graph.domain.identity.operations import accounts, emails, passwords, second_factor, sessions
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Busy, Invalid, NotAllowed, SignedOut
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import PASSWORD, account, address, app_code, link, signed_in, suspend, with_app
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio

OTHER_PASSWORD = "a louder green mountain"
Settle = Callable[[], Awaitable[list[str]]]


class Desk:
    """A school's identity, as one who has its keys uses it."""

    def __init__(self, school: School, adapters: Adapters, settle: Settle) -> None:
        self.school, self.keys, self.settle = school, adapters.secret_keys, settle
        self.throttle = MemoryThrottle(factor=100)
        self.now = datetime.now(UTC)  # jobs act at the true time

    def at(self, **later: float) -> Caller:
        return Caller(tenant_id=self.school.id, address="192.0.2.7", user_agent="Browser/1", now=self.now + timedelta(**later))

    async def link(self, account_id: UUID, kind: str) -> str:
        return await link(self.school.system, self.keys, account_id, kind)

    async def ask_reset(self, email: str) -> None:
        await emails.request_password_reset(caller=self.at(), email=email, throttle=self.throttle)
        await self.settle()

    async def reset(self, token: str, password: str = OTHER_PASSWORD, *, caller: Caller | None = None) -> sessions.Entered:
        return await passwords.reset(caller=caller or self.at(), token=token, password=password, secret_keys=self.keys, throttle=self.throttle)

    async def verify(self, token: str, *, caller: Caller | None = None) -> Any:
        return await emails.verify(caller=caller or self.at(), token=token, secret_keys=self.keys, throttle=self.throttle)

    async def sign_in(self, email: str, password: str) -> sessions.Entered:
        return await sessions.sign_in(caller=self.at(), email=email, password=password, throttle=self.throttle)

    async def facts(self, *names: str) -> list[str]:
        async with database.reading(self.school.system):
            told = await database.fetch("SELECT name FROM facts WHERE tenant_id = $1 AND name = ANY($2) ORDER BY recorded_at, sequence", self.school.id, list(names))
        return [row["name"] for row in told]

    async def value(self, sql: str) -> Any:
        async with database.reading(self.school.system):
            return await database.fetch_value(sql, self.school.id)


@pytest.fixture
def desk(school: School, adapters: Adapters, settle: Settle) -> Desk:
    return Desk(school, adapters, settle)


@pytest.fixture
async def ada(desk: Desk) -> tuple[UUID, str]:
    """An account that has just signed up, and its address."""
    email = address()
    signed_in = await accounts.sign_up(caller=desk.at(), email=email, name="Ada", password=PASSWORD, throttle=desk.throttle)
    return signed_in.account_id, email


IS_VERIFIED = "SELECT email_verified_at IS NOT NULL FROM accounts WHERE tenant_id = $1"
CHALLENGES = "SELECT count(*) FROM challenges WHERE tenant_id = $1 AND used_at IS NULL"


class TestVerify:
    async def test_verifies_the_address_of_a_sign_up(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        owner = await desk.verify(await desk.link(ada[0], "EMAIL_VERIFICATION"))

        assert (owner["id"], owner["email"]) == ada
        assert owner["email_verified_at"] is not None
        assert await desk.value(IS_VERIFIED)
        assert await desk.facts("EmailVerificationRequested", "EmailVerified") == ["EmailVerificationRequested", "EmailVerified"]

    async def test_a_second_use_is_harmless(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        token = await desk.link(ada[0], "EMAIL_VERIFICATION")
        await desk.verify(token)

        with pytest.raises(errors.LinkInvalid):
            await desk.verify(token)

        assert await desk.value(IS_VERIFIED)
        assert await desk.facts("EmailVerified") == ["EmailVerified"]

    async def test_of_many_at_once_one_counts(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        token = await desk.link(ada[0], "EMAIL_VERIFICATION")

        answers = await asyncio.gather(*(desk.verify(token) for _ in range(6)), return_exceptions=True)

        assert [type(answer) for answer in answers].count(errors.LinkInvalid) == 5
        assert await desk.facts("EmailVerified") == ["EmailVerified"]

    @pytest.mark.parametrize(("hours", "lives"), [(47.99, True), (48.01, False)])
    async def test_a_link_lives_two_days(self, desk: Desk, ada: tuple[UUID, str], hours: float, lives: bool) -> None:
        verifying = desk.verify(await desk.link(ada[0], "EMAIL_VERIFICATION"), caller=desk.at(hours=hours))

        if lives:
            await verifying
        else:
            with pytest.raises(errors.LinkInvalid):
                await verifying
        assert await desk.value(IS_VERIFIED) is lives

    async def test_is_good_at_its_own_school_only(self, desk: Desk, ada: tuple[UUID, str], other_school: School) -> None:
        token = await desk.link(ada[0], "EMAIL_VERIFICATION")

        with pytest.raises(errors.LinkInvalid):
            await desk.verify(token, caller=replace(desk.at(), tenant_id=other_school.id))

        assert not await desk.value(IS_VERIFIED)
        await desk.verify(token)

    async def test_what_is_no_token_is_refused_alike(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        token = await desk.link(ada[0], "EMAIL_VERIFICATION")
        id, _, proof = token.partition(".")

        for wrong in ("", ".", id, f"{id}.", f"{id}.{proof[:-1]}", f"{id}.{proof}x", f"lnk_00000000000000000000000000.{proof}", f"{id}.\ud800", "é", "x" * 10_000):
            with pytest.raises(errors.LinkInvalid):
                await desk.verify(wrong)

        assert not await desk.value(IS_VERIFIED)

    async def test_a_link_of_another_kind_is_none(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        token = await desk.link(ada[0], "EMAIL_VERIFICATION")

        with pytest.raises(errors.LinkInvalid):
            await desk.reset(token)

        await desk.verify(token)

    async def test_a_suspended_account_is_not_verified(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await suspend(desk.school.system, ada[0])

        with pytest.raises(errors.LinkInvalid):
            await desk.verify(await desk.link(ada[0], "EMAIL_VERIFICATION"))

        assert not await desk.value(IS_VERIFIED)

    async def test_guesses_meet_a_limit(self, desk: Desk) -> None:
        desk.throttle = MemoryThrottle()
        for _ in range(60):
            with pytest.raises(errors.LinkInvalid):
                await desk.verify("lnk_00000000000000000000000000.x")

        with pytest.raises(Busy):
            await desk.verify("lnk_00000000000000000000000000.x")


class TestRequestVerification:
    async def request(self, desk: Desk, email: str) -> list[str]:
        await emails.request_verification(caller=desk.at(), email=email, throttle=desk.throttle)
        return await desk.settle()

    async def test_replaces_the_link(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        first = await desk.link(ada[0], "EMAIL_VERIFICATION")

        assert "identity.answer_link_request" in await self.request(desk, ada[1].upper())

        with pytest.raises(errors.LinkInvalid):
            await desk.verify(first)
        await desk.verify(await desk.link(ada[0], "EMAIL_VERIFICATION"))

    async def test_asks_nobody_who_is_verified(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await desk.verify(await desk.link(ada[0], "EMAIL_VERIFICATION"))

        await self.request(desk, ada[1])

        assert await desk.value(CHALLENGES) == 0
        assert await desk.facts("EmailVerificationRequested") == ["EmailVerificationRequested"]


class TestRequestPasswordReset:
    async def test_poses_a_link_for_an_hour(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await desk.ask_reset(f" {ada[1].upper()} ")

        assert await desk.facts("PasswordResetRequested") == ["PasswordResetRequested"]
        life = await desk.value("SELECT expires_at - created_at FROM challenges WHERE tenant_id = $1 AND kind = 'PASSWORD_RESET'")
        assert life == timedelta(hours=1)

    async def test_keeps_no_request(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        for email in (ada[1], address()):
            await desk.ask_reset(email)

        assert await desk.value("SELECT count(*) FROM link_requests WHERE tenant_id = $1") == 0
        kept = await desk.value("SELECT string_agg(payload::text, '') FROM facts WHERE tenant_id = $1")
        assert "@" not in kept

    async def test_does_the_same_for_an_unknown_address(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        seen: list[list[str]] = []
        for email in (ada[1], address()):
            statements: list[str] = []
            watch = statements.append
            database.watchers.append(watch)
            await emails.request_password_reset(caller=desk.at(), email=email, throttle=desk.throttle)
            database.watchers.remove(watch)
            seen.append(statements)

        assert seen[0] == seen[1]
        assert len(seen[0]) == 1  # the fact; the row is Tortoise's
        await desk.settle()
        assert await desk.facts("LinkRequested", "PasswordResetRequested") == ["LinkRequested", "LinkRequested", "PasswordResetRequested"]

    async def test_asks_no_closed_account_and_no_other_school(self, desk: Desk, ada: tuple[UUID, str], other_school: School) -> None:
        await emails.request_password_reset(caller=replace(desk.at(), tenant_id=other_school.id), email=ada[1], throttle=desk.throttle)
        await suspend(desk.school.system, ada[0])
        await desk.ask_reset(ada[1])

        assert await desk.facts("PasswordResetRequested") == []

    async def test_what_is_no_address_is_told_so(self, desk: Desk) -> None:
        for wrong in ("", "ada", "a\0b@example.com", f"{'a' * 300}@example.com"):
            with pytest.raises(Invalid):
                await emails.request_password_reset(caller=desk.at(), email=wrong, throttle=desk.throttle)

    @pytest.mark.parametrize("known", [True, False])
    async def test_meets_a_limit_for_one_address_from_one_network(self, desk: Desk, ada: tuple[UUID, str], known: bool) -> None:
        email, desk.throttle = ada[1] if known else address(), MemoryThrottle()
        for spelled in (email, email.upper(), f" {email}", email.title()):
            await emails.request_password_reset(caller=desk.at(), email=spelled, throttle=desk.throttle)

        with pytest.raises(Busy):
            await emails.request_password_reset(caller=desk.at(), email=email, throttle=desk.throttle)

        assert await desk.facts("LinkRequested") == ["LinkRequested"] * 4
        await emails.request_password_reset(caller=replace(desk.at(), address="192.0.2.8"), email=email, throttle=desk.throttle)

    async def test_the_job_bears_repetition(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await desk.ask_reset(ada[1])
        token = await desk.link(ada[0], "PASSWORD_RESET")

        async with unit_of_work(desk.school.system) as work:
            work.record(emails.events.LinkRequested(request_id=uuid4()))  # as one that was answered
        await desk.settle()

        await desk.reset(token)


class TestReset:
    async def test_sets_the_password_and_lets_in(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await desk.ask_reset(ada[1])

        entered = await desk.reset(await desk.link(ada[0], "PASSWORD_RESET"))

        assert entered.session is not None
        assert (await desk.sign_in(ada[1], OTHER_PASSWORD)).session is not None
        with pytest.raises(errors.CredentialsWrong):
            await desk.sign_in(ada[1], PASSWORD)
        assert await desk.value(IS_VERIFIED)
        assert await desk.value("SELECT array_agg(action) FROM audit_entries WHERE tenant_id = $1 AND action <> 'TenantCreated'") == ["PasswordChanged"]

    async def test_ends_every_session_that_was_open(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        before = [await signed_in(desk.school.system, ada[0]) for _ in range(3)]
        await desk.ask_reset(ada[1])

        entered = await desk.reset(await desk.link(ada[0], "PASSWORD_RESET"))

        for session in before:
            with pytest.raises(errors.TokenInvalid):
                await sessions.refresh(caller=desk.at(), refresh_token=session.refresh_token, throttle=desk.throttle)
        assert entered.session is not None
        await sessions.refresh(caller=desk.at(), refresh_token=entered.session.refresh_token, throttle=desk.throttle)

    async def test_does_not_pass_by_the_second_factor(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        secret, _ = await with_app(desk.at(), desk.keys, ada[0])
        await desk.ask_reset(ada[1])

        entered = await desk.reset(await desk.link(ada[0], "PASSWORD_RESET"), caller=desk.at(minutes=1))

        assert entered.session is None
        assert entered.second_factor_token is not None
        assert await desk.value("SELECT count(*) FROM sessions WHERE tenant_id = $1 AND revoked_at IS NULL") == 0
        late = desk.at(minutes=1)
        await give_second_factor(desk, late, entered.second_factor_token, app_code(secret, late.now))

    async def test_ends_a_sign_in_that_waits_for_its_second_factor(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await with_app(desk.at(), desk.keys, ada[0])
        await desk.sign_in(ada[1], PASSWORD)
        await desk.ask_reset(ada[1])

        await desk.reset(await desk.link(ada[0], "PASSWORD_RESET"))

        assert await desk.value("SELECT count(*) FROM second_factor_tokens WHERE tenant_id = $1") == 1

    async def test_sets_the_first_password_of_an_account_without_one(self, desk: Desk) -> None:
        email = address()
        id = await account(desk.school.system, email=email)
        await desk.ask_reset(email)

        await desk.reset(await desk.link(id, "PASSWORD_RESET"))

        assert (await desk.sign_in(email, OTHER_PASSWORD)).session is not None

    async def test_a_bad_password_keeps_the_link_good(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await desk.ask_reset(ada[1])
        token = await desk.link(ada[0], "PASSWORD_RESET")

        for bad in ("short", "1234567890", ada[1], "x" * 129):
            with pytest.raises(Invalid) as refused:
                await desk.reset(token, bad)
            assert {issue.path for issue in refused.value.issues} == {("password",)}

        assert (await desk.sign_in(ada[1], PASSWORD)).session is not None
        await desk.reset(token)

    async def test_works_once(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await desk.ask_reset(ada[1])
        token = await desk.link(ada[0], "PASSWORD_RESET")
        await desk.reset(token)

        with pytest.raises(errors.LinkInvalid):
            await desk.reset(token, "a third and thin one")

        assert (await desk.sign_in(ada[1], OTHER_PASSWORD)).session is not None

    async def test_of_many_at_once_one_counts(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await desk.ask_reset(ada[1])
        token = await desk.link(ada[0], "PASSWORD_RESET")

        answers = await asyncio.gather(*(desk.reset(token, f"a password of try {number}") for number in range(6)), return_exceptions=True)

        (winner,) = [number for number, answer in enumerate(answers) if not isinstance(answer, Exception)]
        assert [type(answer) for answer in answers].count(errors.LinkInvalid) == 5
        assert (await desk.sign_in(ada[1], f"a password of try {winner}")).session is not None
        assert await desk.facts("PasswordChanged") == ["PasswordChanged"]

    @pytest.mark.parametrize(("minutes", "lives"), [(59, True), (61, False)])
    async def test_lives_an_hour(self, desk: Desk, ada: tuple[UUID, str], minutes: float, lives: bool) -> None:
        await desk.ask_reset(ada[1])
        resetting = desk.reset(await desk.link(ada[0], "PASSWORD_RESET"), caller=desk.at(minutes=minutes))

        if lives:
            await resetting
        else:
            with pytest.raises(errors.LinkInvalid):
                await resetting
            assert (await desk.sign_in(ada[1], PASSWORD)).session is not None

    async def test_is_good_at_its_own_school_only(self, desk: Desk, ada: tuple[UUID, str], other_school: School) -> None:
        await desk.ask_reset(ada[1])
        token = await desk.link(ada[0], "PASSWORD_RESET")

        with pytest.raises(errors.LinkInvalid):
            await desk.reset(token, caller=replace(desk.at(), tenant_id=other_school.id))

        assert (await desk.sign_in(ada[1], PASSWORD)).session is not None

    async def test_a_suspended_account_stays_closed(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await desk.ask_reset(ada[1])
        token = await desk.link(ada[0], "PASSWORD_RESET")
        await suspend(desk.school.system, ada[0])

        with pytest.raises(errors.LinkInvalid):
            await desk.reset(token)

        assert await desk.facts("PasswordChanged") == []

    async def test_gets_in_who_was_kept_out_by_guesses_of_others(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        desk.throttle = MemoryThrottle()
        for number in range(30):
            with pytest.raises(errors.CredentialsWrong):
                await sessions.sign_in(caller=replace(desk.at(), address=f"198.51.100.{number}"), email=ada[1], password="no", throttle=desk.throttle)
        stranger = replace(desk.at(), address="203.0.113.9")
        with pytest.raises(Busy):
            await sessions.sign_in(caller=stranger, email=ada[1], password=PASSWORD, throttle=desk.throttle)
        await desk.ask_reset(ada[1])

        await desk.reset(await desk.link(ada[0], "PASSWORD_RESET"))

        assert (await sessions.sign_in(caller=stranger, email=ada[1], password=OTHER_PASSWORD, throttle=desk.throttle)).session is not None


async def give_second_factor(desk: Desk, caller: Caller, token: str, code: str) -> sessions.SignedIn:
    return await second_factor.confirm(caller=caller, token=token, code=code, recovery_code=None, secret_keys=desk.keys, throttle=desk.throttle)


class TestChangePassword:
    async def change(self, desk: Desk, caller: Caller, current: str = PASSWORD, new: str = OTHER_PASSWORD) -> None:
        await passwords.change(caller=caller, current_password=current, new_password=new, throttle=desk.throttle)

    async def test_ends_the_other_sessions(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        own, other = [await signed_in(desk.school.system, ada[0]) for _ in range(2)]

        await self.change(desk, replace(desk.at(), account_id=ada[0], session_id=own.session_id))

        await sessions.refresh(caller=desk.at(), refresh_token=own.refresh_token, throttle=desk.throttle)
        with pytest.raises(errors.TokenInvalid):
            await sessions.refresh(caller=desk.at(), refresh_token=other.refresh_token, throttle=desk.throttle)
        assert (await desk.sign_in(ada[1], OTHER_PASSWORD)).session is not None
        assert await desk.value("SELECT array_agg(action) FROM audit_entries WHERE tenant_id = $1 AND action <> 'TenantCreated'") == ["PasswordChanged"]

    async def test_ends_links_that_were_asked_for_under_the_old_one(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        caller = replace(desk.at(), account_id=ada[0])
        await desk.ask_reset(ada[1])
        await emails.request_change(caller=caller, email=address(), password=PASSWORD, throttle=desk.throttle)
        links = [await desk.link(ada[0], "PASSWORD_RESET"), await desk.link(ada[0], "EMAIL_CHANGE")]

        await self.change(desk, caller)

        with pytest.raises(errors.LinkInvalid):
            await desk.reset(links[0])
        with pytest.raises(errors.LinkInvalid):
            await emails.confirm_change(caller=desk.at(), token=links[1], secret_keys=desk.keys, throttle=desk.throttle)
        await desk.verify(await desk.link(ada[0], "EMAIL_VERIFICATION"))

    async def test_a_refusal_changes_nothing(self, desk: Desk, ada: tuple[UUID, str], other_school: School) -> None:
        own = replace(desk.at(), account_id=ada[0])

        with pytest.raises(errors.PasswordWrong):
            await self.change(desk, own, current="another long one")
        with pytest.raises(Invalid) as refused:
            await self.change(desk, own, new="1234567890")
        assert {issue.path for issue in refused.value.issues} == {("newPassword",)}
        with pytest.raises(NotAllowed):
            await self.change(desk, replace(own, impersonator_id=uuid4()))
        with pytest.raises(SignedOut):
            await self.change(desk, desk.at())
        with pytest.raises(SignedOut):
            await self.change(desk, replace(own, tenant_id=other_school.id))

        assert (await desk.sign_in(ada[1], PASSWORD)).session is not None
        assert await desk.facts("PasswordChanged") == []

    async def test_is_not_for_an_account_without_one(self, desk: Desk) -> None:
        session = await signed_in(desk.school.system)

        with pytest.raises(errors.PasswordWrong):
            await self.change(desk, replace(desk.at(), account_id=session.account_id, session_id=session.session_id), current="")

    async def test_of_two_at_once_one_counts(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        own = replace(desk.at(), account_id=ada[0])

        answers = await asyncio.gather(*(self.change(desk, own, new=f"a password of try {number}") for number in range(5)), return_exceptions=True)

        assert [type(answer) for answer in answers].count(errors.PasswordWrong) == 4
        assert (await desk.sign_in(ada[1], f"a password of try {answers.index(None)}")).session is not None

    async def test_guesses_meet_a_limit(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        desk.throttle = MemoryThrottle()
        for _ in range(10):
            with pytest.raises(errors.PasswordWrong):
                await self.change(desk, replace(desk.at(), account_id=ada[0]), current="another long one")

        with pytest.raises(Busy):
            await self.change(desk, replace(desk.at(), account_id=ada[0]))


class TestChangeEmail:
    async def request(self, desk: Desk, account_id: UUID, email: str, password: str | None = PASSWORD) -> str:
        await emails.request_change(caller=replace(desk.at(), account_id=account_id), email=email, password=password, throttle=desk.throttle)
        return await desk.link(account_id, "EMAIL_CHANGE")

    async def confirm(self, desk: Desk, token: str, **later: float) -> Any:
        return await emails.confirm_change(caller=desk.at(**later), token=token, secret_keys=desk.keys, throttle=desk.throttle)

    async def test_changes_once_the_new_mail_was_read(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        new = address().title()
        token = await self.request(desk, ada[0], f" {new} ")
        assert (await desk.sign_in(ada[1], PASSWORD)).session is not None

        owner = await self.confirm(desk, token)

        assert (owner["id"], owner["email"], owner["email_verified_at"] is not None) == (ada[0], new, True)
        assert (await desk.sign_in(new, PASSWORD)).session is not None
        with pytest.raises(errors.CredentialsWrong):
            await desk.sign_in(ada[1], PASSWORD)
        assert await desk.facts("EmailChangeRequested", "EmailChanged") == ["EmailChangeRequested", "EmailChanged"]
        assert await desk.value("SELECT array_agg(action) FROM audit_entries WHERE tenant_id = $1 AND action <> 'TenantCreated'") == ["EmailChanged"]

    async def test_links_to_the_old_address_end(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        await desk.ask_reset(ada[1])
        old = [await desk.link(ada[0], "PASSWORD_RESET"), await desk.link(ada[0], "EMAIL_VERIFICATION")]

        await self.confirm(desk, await self.request(desk, ada[0], address()))

        with pytest.raises(errors.LinkInvalid):
            await desk.reset(old[0])
        with pytest.raises(errors.LinkInvalid):
            await desk.verify(old[1])

    async def test_a_taken_address_is_told_to_who_reads_its_mail(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        taken = address()
        await account(desk.school.system, email=taken)
        token = await self.request(desk, ada[0], taken)

        with pytest.raises(errors.EmailTaken):
            await self.confirm(desk, token)

        assert (await desk.sign_in(ada[1], PASSWORD)).session is not None
        assert await desk.facts("EmailChanged") == []

    @pytest.mark.parametrize(("minutes", "lives"), [(59, True), (60.1, False)])
    async def test_lives_an_hour(self, desk: Desk, ada: tuple[UUID, str], minutes: float, lives: bool) -> None:
        token = await self.request(desk, ada[0], address())

        if lives:
            await self.confirm(desk, token, minutes=minutes)
        else:
            with pytest.raises(errors.LinkInvalid):
                await self.confirm(desk, token, minutes=minutes)

    async def test_asks_for_the_password(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        for wrong in (None, "", "another long one"):
            with pytest.raises(errors.PasswordWrong):
                await self.request(desk, ada[0], address(), wrong)

        assert await desk.facts("EmailChangeRequested") == []

    async def test_two_who_take_one_address_at_once_do_not_both_get_it(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        new = address()
        other = await account(desk.school.system, password=PASSWORD)
        links = [await self.request(desk, id, new) for id in (ada[0], other)]

        answers = await asyncio.gather(*(self.confirm(desk, token) for token in links), return_exceptions=True)

        assert [type(answer) for answer in answers].count(errors.EmailTaken) == 1

    async def test_an_earlier_links_address_is_not_verified_by_it(self, desk: Desk, ada: tuple[UUID, str]) -> None:
        token = await desk.link(ada[0], "EMAIL_VERIFICATION")
        async with unit_of_work(desk.school.system):
            await rows.Account.for_caller(desk.school.system, id=ada[0]).update(email="new@example.com", email_key="new@example.com")

        with pytest.raises(errors.LinkInvalid):
            await desk.verify(token)

        assert not await desk.value(IS_VERIFIED)
