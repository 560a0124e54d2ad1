"""The second factor: turning it on and off, and signing in with it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID, uuid4

import pyotp
import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.identity import errors
from lms_graph.domain.identity.operations import second_factor, sessions
from lms_graph.domain.identity.rules import second_factor as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Busy, Conflict, Invalid, NotAllowed, SignedOut
from lms_graph.kit.secrets import SecretKeys
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from tests.factories.accounts import PASSWORD, account, address, app_code, signed_in, suspend, with_app
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Person:
    """Somebody with an account at a school, a password, and perhaps an app."""

    def __init__(self, school: School, keys: SecretKeys, account_id: UUID, email: str) -> None:
        self.school, self.keys, self.id, self.email = school, keys, account_id, email
        self.throttle = MemoryThrottle(factor=100)
        self.secret = ""
        self.recovery_codes: list[str] = []

    def at(self, **later: float) -> Caller:
        return Caller(tenant_id=self.school.id, address="192.0.2.7", user_agent="Browser/1", now=NOON + timedelta(**later))

    def signed_in_at(self, **later: float) -> Caller:
        return replace(self.at(**later), account_id=self.id)

    def code(self, **later: float) -> str:
        return app_code(self.secret, NOON + timedelta(**later))

    async def token(self, **later: float) -> str:
        entered = await sessions.sign_in(caller=self.at(**later), email=self.email, password=PASSWORD, throttle=self.throttle)
        assert entered.session is None
        assert entered.second_factor_token is not None
        return entered.second_factor_token

    async def confirm(self, caller: Caller, token: str, code: str | None = None, recovery_code: str | None = None) -> sessions.SignedIn:
        return await second_factor.confirm(caller=caller, token=token, code=code, recovery_code=recovery_code, secret_keys=self.keys, throttle=self.throttle)

    async def count(self, what: str) -> int:
        async with database.reading(self.school.system):
            return int(await database.fetch_value(f"SELECT count(*) FROM {what} AND tenant_id = $1", self.school.id))

    async def audited(self) -> list[str]:
        async with database.reading(self.school.system):
            return [
                row["action"] for row in await database.fetch("SELECT action FROM audit_entries WHERE tenant_id = $1 AND action <> 'TenantCreated' ORDER BY at, id", self.school.id)
            ]


@pytest.fixture
async def ada(school: School, adapters: Adapters) -> Person:
    """With a password and no app."""
    email = address()
    return Person(school, adapters.secret_keys, await account(school.system, email=email, password=PASSWORD), email)


@pytest.fixture
async def ida(ada: Person) -> Person:
    """With an app since noon; the code of the half minute before is used."""
    ada.secret, ada.recovery_codes = await with_app(ada.at(), ada.keys, ada.id)
    return ada


class TestMatchingStep:
    SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B

    @pytest.mark.parametrize(("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")])
    def test_is_that_of_the_standard(self, seconds: int, code: str) -> None:
        assert rules.matching_step(self.SECRET, code, now=datetime.fromtimestamp(seconds, UTC), after=None) == seconds // 30

    @pytest.mark.parametrize(("late", "fits"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
    def test_a_step_before_and_after_count(self, late: int, fits: bool) -> None:
        code = pyotp.TOTP(self.SECRET).at(NOON)

        step = rules.matching_step(self.SECRET, code, now=NOON + timedelta(seconds=late), after=None)

        assert step == (int(NOON.timestamp()) // 30 if fits else None)

    def test_a_step_counts_once_and_no_earlier_one_after_it(self) -> None:
        step = int(NOON.timestamp()) // 30

        assert rules.matching_step(self.SECRET, pyotp.TOTP(self.SECRET).at(NOON), now=NOON, after=step) is None
        assert rules.matching_step(self.SECRET, pyotp.TOTP(self.SECRET).at(NOON - timedelta(seconds=30)), now=NOON, after=step) is None
        assert rules.matching_step(self.SECRET, pyotp.TOTP(self.SECRET).at(NOON + timedelta(seconds=30)), now=NOON, after=step) == step + 1

    @pytest.mark.parametrize("code", ["", "12345", "\ud800", "٢٨٧٠٨٢", "287082" * 1000])
    def test_what_is_no_code_fits_nothing(self, code: str) -> None:
        assert rules.matching_step(self.SECRET, code, now=datetime.fromtimestamp(59, UTC), after=None) is None

    def test_a_space_in_the_middle_is_nothing(self) -> None:
        assert rules.matching_step(self.SECRET, " 287 082 ", now=datetime.fromtimestamp(59, UTC), after=None) == 1


class TestRecoveryCodes:
    def test_have_eighty_bits(self) -> None:
        codes = {rules.new_recovery_code() for _ in range(100)}

        assert len(codes) == 100
        assert {len(code.replace("-", "")) * 5 for code in codes} == {80}

    def test_are_read_as_people_write(self) -> None:
        assert rules.normal_recovery_code(" o1l0 abcd-efgh jkmn ") == "0110-ABCD-EFGH-JKMN"

    @pytest.mark.parametrize("text", ["", "ABCD", "ABCD-EFGH-JKMN-PQR", "ABCD-EFGH-JKMN-PQRU", "A" * 10_000, "\ud800" * 16])
    def test_other_texts_are_none(self, text: str) -> None:
        assert rules.normal_recovery_code(text) is None


class TestEnroll:
    async def test_gives_what_an_app_reads(self, ada: Person) -> None:
        secret, url = await second_factor.enroll(caller=ada.signed_in_at(), password=PASSWORD, secret_keys=ada.keys, throttle=ada.throttle)

        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, unquote(parts.path)) == ("otpauth", "totp", f"/A School:{ada.email}")
        assert parse_qs(parts.query)["secret"] == [secret]
        assert parse_qs(parts.query)["issuer"] == ["A School"]
        assert len(secret) == 32

    async def test_is_not_on_before_the_first_code(self, ada: Person) -> None:
        await second_factor.enroll(caller=ada.signed_in_at(), password=PASSWORD, secret_keys=ada.keys, throttle=ada.throttle)

        assert (await sessions.sign_in(caller=ada.at(), email=ada.email, password=PASSWORD, throttle=ada.throttle)).session is not None
        assert await ada.audited() == []

    async def test_keeps_the_secret_sealed_for_its_account(self, ada: Person) -> None:
        secret, _ = await second_factor.enroll(caller=ada.signed_in_at(), password=PASSWORD, secret_keys=ada.keys, throttle=ada.throttle)

        async with database.reading(ada.school.system):
            sealed = bytes(await database.fetch_value("SELECT sealed_secret FROM totp_devices WHERE tenant_id = $1", ada.school.id))
        assert secret.encode() not in sealed
        assert ada.keys.open(sealed, about=f"totp:{ada.id}") == secret.encode()
        with pytest.raises(ValueError, match="sealed under"):
            ada.keys.open(sealed, about=f"totp:{uuid4()}")

    @pytest.mark.parametrize("password", ["another long one", "", None])
    async def test_asks_for_the_password(self, ada: Person, password: str | None) -> None:
        with pytest.raises(errors.PasswordWrong):
            await second_factor.enroll(caller=ada.signed_in_at(), password=password, secret_keys=ada.keys, throttle=ada.throttle)

        assert await ada.count("totp_devices WHERE true") == 0

    @pytest.mark.parametrize(("minutes", "passes"), [(10, True), (10.01, False)])
    async def test_without_a_password_a_fresh_session_is_the_proof(self, school: School, adapters: Adapters, minutes: float, passes: bool) -> None:
        opened = await signed_in(school.system.at(NOON))
        caller = Caller(tenant_id=school.id, account_id=opened.account_id, session_id=opened.session_id, now=NOON + timedelta(minutes=minutes))
        enrolling = second_factor.enroll(caller=caller, password=None, secret_keys=adapters.secret_keys, throttle=MemoryThrottle())

        if passes:
            await enrolling
        else:
            with pytest.raises(errors.SignInTooOld):
                await enrolling

    async def test_is_not_for_who_acts_in_anothers_place(self, ada: Person) -> None:
        caller = replace(ada.signed_in_at(), impersonator_id=uuid4())

        with pytest.raises(NotAllowed):
            await second_factor.enroll(caller=caller, password=PASSWORD, secret_keys=ada.keys, throttle=ada.throttle)

    async def test_is_not_for_visitors_and_other_schools(self, ada: Person, other_school: School) -> None:
        for caller in (ada.at(), replace(ada.signed_in_at(), tenant_id=other_school.id)):
            with pytest.raises(SignedOut):
                await second_factor.enroll(caller=caller, password=PASSWORD, secret_keys=ada.keys, throttle=ada.throttle)

    async def test_refuses_when_it_is_on(self, ida: Person) -> None:
        with pytest.raises(Conflict):
            await second_factor.enroll(caller=ida.signed_in_at(), password=PASSWORD, secret_keys=ida.keys, throttle=ida.throttle)

        assert await ida.token()


class TestConfirmDevice:
    async def begin(self, ada: Person) -> None:
        ada.secret, _ = await second_factor.enroll(caller=ada.signed_in_at(), password=PASSWORD, secret_keys=ada.keys, throttle=ada.throttle)

    async def test_turns_it_on_and_gives_ten_codes(self, ada: Person) -> None:
        await self.begin(ada)

        codes = await second_factor.confirm_device(caller=ada.signed_in_at(), code=ada.code(), secret_keys=ada.keys, throttle=ada.throttle)

        assert len(set(codes)) == 10
        assert await ada.audited() == ["TotpEnabled"]
        assert await ada.token()

    async def test_the_first_code_is_used_up(self, ada: Person) -> None:
        await self.begin(ada)
        await second_factor.confirm_device(caller=ada.signed_in_at(), code=ada.code(), secret_keys=ada.keys, throttle=ada.throttle)
        token = await ada.token(seconds=5)

        with pytest.raises(errors.CodeWrong):
            await ada.confirm(ada.at(seconds=5), token, ada.code())

    async def test_a_wrong_code_changes_nothing(self, ada: Person) -> None:
        await self.begin(ada)

        with pytest.raises(errors.CodeWrong):
            await second_factor.confirm_device(caller=ada.signed_in_at(), code=ada.code(hours=1), secret_keys=ada.keys, throttle=ada.throttle)

        assert await ada.count("recovery_codes WHERE true") == 0
        assert (await sessions.sign_in(caller=ada.at(), email=ada.email, password=PASSWORD, throttle=ada.throttle)).session is not None

    async def test_comes_too_late_after_an_hour(self, ada: Person) -> None:
        await self.begin(ada)

        with pytest.raises(Conflict):
            await second_factor.confirm_device(caller=ada.signed_in_at(hours=1, seconds=1), code=ada.code(hours=1, seconds=1), secret_keys=ada.keys, throttle=ada.throttle)

    async def test_of_two_at_once_one_gets_the_codes(self, ada: Person) -> None:
        await self.begin(ada)

        async def confirm() -> list[str]:
            return await second_factor.confirm_device(caller=ada.signed_in_at(), code=ada.code(), secret_keys=ada.keys, throttle=ada.throttle)

        answers = await asyncio.gather(*(confirm() for _ in range(6)), return_exceptions=True)

        assert sorted(type(answer).__name__ for answer in answers) == ["Conflict"] * 5 + ["list"]
        assert await ada.count("recovery_codes WHERE true") == 10


class TestConfirm:
    async def test_opens_a_session(self, ida: Person) -> None:
        token = await ida.token(minutes=1)

        session = await ida.confirm(ida.at(minutes=1), token, ida.code(minutes=1))

        assert session.account_id == ida.id

    async def test_before_it_there_is_no_session(self, ida: Person) -> None:
        before = await ida.count("sessions WHERE true")

        await ida.token(minutes=1)

        assert await ida.count("sessions WHERE true") == before

    async def test_the_token_is_used_up(self, ida: Person) -> None:
        token = await ida.token(minutes=1)
        await ida.confirm(ida.at(minutes=1), token, ida.code(minutes=1))

        with pytest.raises(errors.SecondFactorTokenInvalid):
            await ida.confirm(ida.at(minutes=1), token, ida.code(minutes=1, seconds=30))

    async def test_a_code_works_once_whatever_the_token(self, ida: Person) -> None:
        await ida.confirm(ida.at(minutes=1), await ida.token(minutes=1), ida.code(minutes=1))
        token = await ida.token(minutes=1)

        for seconds in (0, -30):
            with pytest.raises(errors.CodeWrong):
                await ida.confirm(ida.at(minutes=1), token, ida.code(minutes=1, seconds=seconds))

    async def test_of_many_at_once_one_gets_in(self, ida: Person) -> None:
        tokens = [await ida.token(minutes=1) for _ in range(6)]
        before = await ida.count("sessions WHERE true")

        answers = await asyncio.gather(*(ida.confirm(ida.at(minutes=1), token, ida.code(minutes=1)) for token in tokens), return_exceptions=True)

        assert sorted(type(answer).__name__ for answer in answers) == ["CodeWrong"] * 5 + ["SignedIn"]
        assert await ida.count("sessions WHERE true") == before + 1

    @pytest.mark.parametrize("wrong", ["000000", "", "\ud800"])
    async def test_five_wrong_ones_end_the_token(self, ida: Person, wrong: str) -> None:
        token = await ida.token(minutes=1)
        for _ in range(5):
            with pytest.raises(errors.CodeWrong):
                await ida.confirm(ida.at(minutes=1), token, wrong)

        with pytest.raises(errors.SecondFactorTokenInvalid):
            await ida.confirm(ida.at(minutes=1), token, ida.code(minutes=1))

    async def test_new_tokens_do_not_lift_the_limit(self, ida: Person) -> None:
        ida.throttle = MemoryThrottle()
        for _ in range(10):
            with pytest.raises(errors.CodeWrong):
                await ida.confirm(ida.at(minutes=1), await ida.token(minutes=1), "000000")

        with pytest.raises(Busy):
            await ida.confirm(ida.at(minutes=1), await ida.token(minutes=1), ida.code(minutes=1))

    @pytest.mark.parametrize(("seconds", "lives"), [(299, True), (300, False)])
    async def test_a_token_lives_five_minutes(self, ida: Person, seconds: float, lives: bool) -> None:
        token = await ida.token(minutes=1)
        late = {"minutes": 1, "seconds": seconds}
        confirming = ida.confirm(ida.at(**late), token, ida.code(**late))

        if lives:
            await confirming
        else:
            with pytest.raises(errors.SecondFactorTokenInvalid):
                await confirming

    async def test_a_token_is_bound_to_its_network_and_school(self, ida: Person, other_school: School) -> None:
        token = await ida.token(minutes=1)
        here = ida.at(minutes=1)

        for caller in (replace(here, address="192.0.2.8"), replace(here, tenant_id=other_school.id)):
            with pytest.raises(errors.SecondFactorTokenInvalid):
                await ida.confirm(caller, token, ida.code(minutes=1))

    async def test_a_recovery_code_gets_in_once(self, ida: Person) -> None:
        recovery_code = ida.recovery_codes[3]
        await ida.confirm(ida.at(minutes=1), await ida.token(minutes=1), recovery_code=recovery_code.lower().replace("-", " "))
        token = await ida.token(minutes=1)

        with pytest.raises(errors.CodeWrong):
            await ida.confirm(ida.at(minutes=1), token, recovery_code=recovery_code)

        assert await ida.audited() == ["TotpEnabled", "RecoveryCodeUsed"]

    async def test_of_many_with_one_recovery_code_one_gets_in(self, ida: Person) -> None:
        tokens = [await ida.token(minutes=1) for _ in range(6)]

        answers = await asyncio.gather(*(ida.confirm(ida.at(minutes=1), token, recovery_code=ida.recovery_codes[0]) for token in tokens), return_exceptions=True)

        assert sorted(type(answer).__name__ for answer in answers) == ["CodeWrong"] * 5 + ["SignedIn"]

    async def test_another_accounts_recovery_code_is_wrong(self, ida: Person) -> None:
        other = Person(ida.school, ida.keys, await account(ida.school.system, email=(email := address()), password=PASSWORD), email)
        _, codes = await with_app(other.at(), other.keys, other.id)

        with pytest.raises(errors.CodeWrong):
            await ida.confirm(ida.at(minutes=1), await ida.token(minutes=1), recovery_code=codes[0])

        await other.confirm(other.at(minutes=1), await other.token(minutes=1), recovery_code=codes[0])

    async def test_a_suspended_account_gets_no_session(self, ida: Person) -> None:
        token = await ida.token(minutes=1)
        await suspend(ida.school.system, ida.id)

        with pytest.raises(errors.SecondFactorTokenInvalid):
            await ida.confirm(ida.at(minutes=1), token, ida.code(minutes=1))

    @pytest.mark.parametrize("both", [True, False])
    async def test_wants_one_of_the_two(self, ida: Person, both: bool) -> None:
        with pytest.raises(Invalid):
            await ida.confirm(ida.at(), "x", *(("1", "2") if both else (None, None)))

    async def test_keys_are_rotated_without_setting_up_the_app_again(self, ida: Person) -> None:
        rotated = SecretKeys([b"n" * 32, *ida.keys._keys])

        session = await second_factor.confirm(
            caller=ida.at(minutes=1), token=await ida.token(minutes=1), code=ida.code(minutes=1), recovery_code=None, secret_keys=rotated, throttle=ida.throttle
        )

        assert session.account_id == ida.id


class TestDisable:
    async def disable(self, ida: Person, password: str = PASSWORD, code: str | None = None, recovery_code: str | None = None) -> None:
        caller = ida.signed_in_at(minutes=1)
        await second_factor.disable(caller=caller, password=password, code=code, recovery_code=recovery_code, secret_keys=ida.keys, throttle=ida.throttle)

    async def test_turns_it_off(self, ida: Person) -> None:
        token = await ida.token(minutes=1)

        await self.disable(ida, code=ida.code(minutes=1))

        assert (await sessions.sign_in(caller=ida.at(), email=ida.email, password=PASSWORD, throttle=ida.throttle)).session is not None
        assert await ida.audited() == ["TotpEnabled", "TotpDisabled"]
        for table in ("totp_devices", "recovery_codes", "second_factor_tokens"):
            assert await ida.count(f"{table} WHERE true") == 0, table
        with pytest.raises(errors.SecondFactorTokenInvalid):
            await ida.confirm(ida.at(minutes=1), token, ida.code(minutes=1))

    async def test_a_recovery_code_does_for_a_lost_app(self, ida: Person) -> None:
        await self.disable(ida, recovery_code=ida.recovery_codes[0])

        assert await ida.count("totp_devices WHERE true") == 0

    async def test_wants_both_factors(self, ida: Person) -> None:
        with pytest.raises(errors.PasswordWrong):
            await self.disable(ida, "another long one", ida.code(minutes=1))
        with pytest.raises(errors.CodeWrong):
            await self.disable(ida, code="000000")
        with pytest.raises(errors.CodeWrong):
            await self.disable(ida, recovery_code="ABCD-EFGH-JKMN-PQRS")

        assert await ida.audited() == ["TotpEnabled"]
        assert await ida.token(minutes=1)

    async def test_refuses_when_it_is_off(self, ada: Person) -> None:
        with pytest.raises(Conflict):
            await self.disable(ada, code="000000")


class TestRenewRecoveryCodes:
    async def renew(self, ida: Person, code: str) -> list[str]:
        return await second_factor.renew_recovery_codes(caller=ida.signed_in_at(minutes=1), password=PASSWORD, code=code, secret_keys=ida.keys, throttle=ida.throttle)

    async def test_voids_the_old_ones(self, ida: Person) -> None:
        codes = await self.renew(ida, ida.code(minutes=1))

        assert len({*codes, *ida.recovery_codes}) == 20
        with pytest.raises(errors.CodeWrong):
            await ida.confirm(ida.at(minutes=1), await ida.token(minutes=1), recovery_code=ida.recovery_codes[0])
        await ida.confirm(ida.at(minutes=1), await ida.token(minutes=1), recovery_code=codes[0])
        assert await ida.audited() == ["TotpEnabled", "RecoveryCodesRenewed", "RecoveryCodeUsed"]

    async def test_a_wrong_code_voids_nothing(self, ida: Person) -> None:
        with pytest.raises(errors.CodeWrong):
            await self.renew(ida, "000000")

        await ida.confirm(ida.at(minutes=1), await ida.token(minutes=1), recovery_code=ida.recovery_codes[0])
