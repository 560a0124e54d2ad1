"""Where two ways into an account meet: none goes round what another asks for."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.identity import errors
from lms_graph.domain.identity.operations import challenges, emails, explorers, external, invitations, keys, passwords, providers, schools, sessions
from lms_graph.domain.identity.queries.sessions import opened_at
from lms_graph.domain.identity.rules import throttles
from lms_graph.domain.identity.rules.keys import ApiKeyKind
from lms_graph.domain.learning.operations import granting
from lms_graph.domain.tenancy.operations import domains, tenants
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Busy, Invalid, NotAllowed, NotFound
from lms_graph.kit.permissions import ALL, Permission
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from lms_graph.models.identity import ChallengeKind, Role, SocialKind
from lms_graph.models.learning import EntitlementKind
from tests.factories.accounts import PASSWORD, account, address, link, verify_address, with_app
from tests.fixtures.callers import School
from tests.fixtures.house import House
from tests.fixtures.rights import key

pytestmark = pytest.mark.anyio

BACK = "https://shop.example/back"


async def invited(school: School, email: str) -> UUID:
    id = await account(school.system, email=email)
    await challenges.pose(caller=school.system, account_id=id, kind=ChallengeKind.INVITATION, email=email, life=timedelta(days=7))
    return id


async def open_links(school: School, account_id: UUID) -> int:
    async with database.reading(school.system):
        return int(await database.fetch_value("SELECT count(*) FROM challenges WHERE tenant_id = $1 AND account_id = $2 AND used_at IS NULL", school.id, account_id))


async def at_home(school: School, account_id: UUID) -> Caller:
    """The account, just signed in."""
    session = await sessions.open_session(caller=school.system, account_id=account_id)
    return replace(school.system, is_system=False, account_id=account_id, session_id=session.session_id, permissions=ALL)


def ways(house: House) -> external.Ways:
    return external.Ways(house.adapters.openid, house.adapters.social, house.adapters.secret_keys, MemoryThrottle())


class TestKeys:
    """Whoever vouches for people, or says where their links lead, can become any of them."""

    async def test_set_no_provider(self, school: School, house: House) -> None:
        server = key(school, Permission.TENANT_MANAGE)

        with pytest.raises(NotAllowed):
            await providers.set_social_provider(caller=server, secret_keys=house.adapters.secret_keys, kind=SocialKind.GITHUB, client_id="x", client_secret="y")

    async def test_lead_nobody_elsewhere(self, school: School) -> None:
        server = key(school, Permission.TENANT_MANAGE)

        for changes in ({"storefront_url": "https://elsewhere.example"}, {"mail_from": "a@elsewhere.example"}):
            with pytest.raises(NotAllowed):
                await tenants.update_tenant(caller=server, changes=changes)  # type: ignore[arg-type]
        with pytest.raises(NotAllowed):
            await domains.add_domain(caller=server, host="elsewhere.example", own_url="https://platform.example")
        await tenants.update_tenant(caller=server, changes={"name": "A School by another name"})

    async def test_of_the_platform_are_not_vouched_for_by_its_lesser_administrators(self, platform: School, house: House) -> None:
        lesser = replace(platform.system, is_system=False, account_id=await account(platform.system), in_platform=True, permissions=ALL - {Permission.TENANTS_MANAGE})

        with pytest.raises(NotAllowed):
            await providers.set_social_provider(caller=lesser, secret_keys=house.adapters.secret_keys, kind=SocialKind.GITHUB, client_id="x", client_secret="y")


class TestThePlatformsFirst:
    async def test_is_nobody_who_came_before_and_showed_nothing(self, platform: School) -> None:
        squatted = await account(platform.system, email=(email := address()), password=PASSWORD)

        with pytest.raises(Invalid):
            await schools.make_platform_admin(email=email, name="Operator", password=PASSWORD)

        async with database.reading(platform.system):
            held = await database.fetch("SELECT role FROM account_roles WHERE tenant_id = $1 AND account_id = $2", platform.id, squatted)
        assert [row["role"] for row in held] == [Role.STUDENT]


class TestInvitation:
    async def test_ends_with_a_password_by_another_link(self, school: School, house: House) -> None:
        id = await invited(school, email := address())
        await challenges.pose(caller=school.system, account_id=id, kind=ChallengeKind.PASSWORD_RESET, email=email, life=timedelta(hours=1))
        invitation = await link(school.system, house.adapters.secret_keys, id, "INVITATION")
        reset = await link(school.system, house.adapters.secret_keys, id, "PASSWORD_RESET")

        await passwords.reset(caller=school.system, token=reset, password=PASSWORD, secret_keys=house.adapters.secret_keys, throttle=MemoryThrottle())

        with pytest.raises(errors.LinkInvalid):
            await invitations.accept(caller=school.system, token=invitation, name=None, password="another quiet harbor", secret_keys=house.adapters.secret_keys)

    async def test_goes_round_no_second_factor(self, school: School, house: House) -> None:
        id = await account(school.system, email=(email := address()), password=PASSWORD)
        await with_app(school.system, house.adapters.secret_keys, id)
        await challenges.pose(caller=school.system, account_id=id, kind=ChallengeKind.INVITATION, email=email, life=timedelta(days=7))
        token = await link(school.system, house.adapters.secret_keys, id, "INVITATION")

        with pytest.raises(errors.LinkInvalid):
            await invitations.accept(caller=school.system, token=token, name=None, password="another quiet harbor", secret_keys=house.adapters.secret_keys)

        assert await open_links(school, id) == 1


class TestAMereToken:
    """Of an open session, which somebody may have copied."""

    async def test_makes_no_session_that_counts_as_a_fresh_sign_in(self, school: School) -> None:
        owner = await at_home(school, await account(school.system))
        explorer = await explorers.open_explorer(caller=owner, shows_personal=True, may_write=True, key="x")

        async with database.reading(owner):
            assert await opened_at(caller=owner, session_id=owner.session_id) is not None  # type: ignore[arg-type]
            assert await opened_at(caller=owner, session_id=explorer.session_id) is None

    async def test_links_nobody_else_when_the_sign_in_is_old(self, school: School, house: House) -> None:
        owner = await at_home(school, await account(school.system))
        later = owner.at(owner.now + timedelta(minutes=11))

        with pytest.raises(errors.SignInTooOld):
            await external.start_sign_in(caller=later, ways=ways(house), kind=SocialKind.GITHUB, redirect_uri=BACK, link=True)
        with pytest.raises(errors.SignInTooOld):
            await external.link(caller=later, ways=ways(house), proof=external.Proof(code="x", state="y", redirect_uri=BACK))

    async def test_of_an_explorer_makes_no_key_and_links_nobody(self, school: School, house: House) -> None:
        owner = await at_home(school, await account(school.system))
        explorer = await explorers.open_explorer(caller=owner, shows_personal=True, may_write=True, key="x")
        there = replace(owner, session_id=explorer.session_id)

        with pytest.raises(NotAllowed):
            await keys.create_key(caller=there, name="k", kind=ApiKeyKind.SECRET, scopes=(), expires_at=None, key="x")
        with pytest.raises(NotAllowed):
            await external.link(caller=there, ways=ways(house), proof=external.Proof(code="x", state="y", redirect_uri=BACK))

    async def test_of_another_provider_opens_nothing_that_outlives_it(self, school: School) -> None:
        guest = replace(school.system, is_system=False, account_id=await account(school.system))

        with pytest.raises(NotAllowed):
            await explorers.open_explorer(caller=guest, shows_personal=False, may_write=False, key="x")


class TestMails:
    async def test_that_are_not_sent_keep_no_other_from_being_sent(self, school: School) -> None:
        await verify_address(school.system, await account(school.system, email=(email := address())))
        throttle = MemoryThrottle()
        with pytest.raises(Busy):
            await _ask_for_verification(school, email, throttle)

        await emails.request_password_reset(caller=replace(school.system, address="203.0.113.9"), email=email, throttle=throttle)


class TestStrangers:
    async def test_of_the_schools_own_provider_are_mailed_no_more_often_than_invitations(self, school: School) -> None:
        throttle, tried = MemoryThrottle(), 0
        caller = Caller(tenant_id=school.id, now=school.system.now)

        async def come(number: int) -> None:
            person = external.ExternalPerson(issuer="https://id.example", subject=str(number), email=f"s{number}@example.com", is_email_verified=False, name="S")
            await external._limit_strangers(caller, person, throttle)

        while tried < throttles.INVITATION_OF_SCHOOL.at_once:
            await come(tried)
            tried += 1
        with pytest.raises(Busy):
            await come(tried)

        assert tried == throttles.INVITATION_OF_SCHOOL.at_once


class TestGranting:
    async def test_without_effect_tells_not_whose_an_address_is(self, school: School) -> None:
        await account(school.system, email=(email := address()))
        server = key(school, Permission.ENTITLEMENTS_MANAGE)

        for asked in (email, address()):
            with pytest.raises(NotFound) as refused:
                await granting.grant_access(
                    caller=server,
                    account_id=None,
                    email=asked,
                    course_id=uuid4(),
                    all_access=False,
                    kind=EntitlementKind.MANUAL,
                    source_reference=None,
                    starts_at=None,
                    ends_at=None,
                    note=None,
                    enroll=False,
                    idempotency_key=asked,
                )
            assert refused.value.path == ("courseId",)


async def _ask_for_verification(school: School, email: str, throttle: MemoryThrottle) -> None:
    for number in range(100):
        await emails.request_verification(caller=replace(school.system, address=f"198.51.100.{number}"), email=email, throttle=throttle)
