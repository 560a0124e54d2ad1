"""Seats, gifts and vouchers: who gives, who takes, and what is taken back."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.commerce.operations import refunds, seats
from lms_graph.domain.commerce.queries import refunds as refund_queries
from lms_graph.domain.commerce.queries import seats as seat_queries
from lms_graph.domain.commerce.rules import seats as rules
from lms_graph.domain.identity.operations import accounts
from lms_graph.domain.learning.operations.entitlements import grant_course
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Busy, DomainError, Invalid, NotFound
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.kit.permissions import Permission
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from lms_graph.models.catalog import Course, CourseStatus, EnrollmentPolicy
from lms_graph.models.identity import Account
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account, address
from tests.factories.courses import MadeCourse, course, text
from tests.factories.keys import admin as an_admin
from tests.factories.keys import made_key
from tests.factories.seats import Bought, bought
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, facts_of, fetch, person

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


@pytest.fixture
async def made(school: School) -> MadeCourse:
    return await course(school.system, *(text(f"l{number}") for number in range(5)), enrollment_policy=EnrollmentPolicy.BY_GRANT)


@pytest.fixture
async def buyer(sign_in: SignIn) -> Client:
    return await sign_in(name="Bea Buyer")


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"))


@pytest.fixture
async def pool(school: School, buyer: Client, made: MadeCourse) -> Bought:
    assert buyer.account_id
    return await bought(school.system, buyer.account_id, made.course_id)


async def code_of(client: Client, pool: Bought) -> str:
    code: str = (await client.data("SeatPool", id=pool.id))["code"]
    return code


async def given(client: Client, pool: Bought) -> list[tuple[str | None, str]]:
    """Addresses and states of a pool's seats, as a client sees them."""
    return [(each["email"], each["status"]) for each in (await client.data("SeatPool", id=pool.id))["assignments"]["nodes"]]


async def proved(school: School, email: str) -> UUID:
    """An account that has proved its address."""
    id = await account(school.system, email=email)
    async with unit_of_work(school.system):
        await Account.for_caller(school.system, id=id).update(email_verified_at=datetime.now(UTC))
    return id


async def grants(school: School) -> list[tuple[UUID, str, bool]]:
    rows = await fetch(school, "SELECT account_id, kind, revoked_at IS NULL AS open FROM entitlements WHERE tenant_id = $1 ORDER BY created_at, id")
    return [tuple(row.values()) for row in rows]


def uuid(id: str) -> UUID:
    parsed = parse_id(id)
    assert parsed
    return parsed[1]


class TestPool:
    async def test_is_its_owners_who_alone_reads_the_code(
        self, pool: Bought, buyer: Client, admin: Client, student: Client, visitor: Client, sign_in: SignIn, other_school: School, made: MadeCourse
    ) -> None:
        own = await buyer.data("SeatPool", id=pool.id)

        assert (own["kind"], own["seats"], own["assigned"], own["available"], own["course"]["slug"]) == ("SEATS", 3, 0, 3, made.slug)
        assert len(own["code"]) == 23
        assert (await buyer.data("MySeatPools"))["seatPools"]["nodes"][0]["id"] == pool.id
        seen = await admin.data("SeatPool", id=pool.id)
        assert (seen["seats"], seen["code"]) == (3, None)
        for client in (student, visitor, await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))):
            assert await client.data("SeatPool", id=pool.id) is None
            assert await client.data("query ($id: ID!) { node(id: $id) { id } }", id=pool.id) is None
        assert (await student.data("MySeatPools"))["seatPools"]["nodes"] == []

    async def test_is_opened_once_per_line_and_enrolls_nobody(self, pool: Bought, buyer: Client, school: School, made: MadeCourse) -> None:
        assert buyer.account_id
        again = [
            await seats.open_pool(caller=school.system, order_id=pool.order_id, line_id=pool.line_id, owner_account_id=buyer.account_id, course_id=made.course_id, seats=3)
            for _ in range(2)
        ]

        assert again == [pool.pool_id] * 2
        assert await grants(school) == []
        assert [action for action, *_ in await audit_of(school)].count("SeatPoolOpened") == 1

    async def test_lists_take_as_many_statements_for_many_as_for_one(self, school: School, buyer: Client, made: MadeCourse, statements: list[str]) -> None:
        assert buyer.account_id
        for _ in range(4):
            each = await bought(school.system, buyer.account_id, made.course_id)
            await buyer.data("AssignSeat", input={"poolId": each.id, "email": address()})
        counts = {}
        for first in (1, 4):
            statements.clear()
            await buyer.data(
                "query ($first: Int) { viewer { seatPools(first: $first) { nodes { course { slug } assignments(first: 5) { totalCount nodes { email } } } } } }", first=first
            )
            counts[first] = len(statements)

        assert counts[1] == counts[4] <= 6


class TestAssign:
    async def test_an_account_that_proved_the_address_has_the_course_at_once(self, pool: Bought, buyer: Client, school: School, made: MadeCourse, sign_in: SignIn) -> None:
        email = address()
        learner = await proved(school, email)

        answer = await buyer.data("AssignSeat", input={"poolId": pool.id, "email": email.upper()})

        assert answer == {"pool": {"id": pool.id, "available": 2}, "errors": []}
        assert await given(buyer, pool) == [(email.upper(), "REDEEMED")]
        assert await grants(school) == [(learner, "SEAT", True)]
        page = await (await sign_in(learner)).data("CoursePage", slug=made.slug)
        assert page["access"]["allowed"] and page["viewerEnrollment"]
        assert {action for action, *_ in await audit_of(school)} >= {"SeatPoolOpened", "SeatRedeemed", "EntitlementGranted"}

    async def test_for_others_the_seat_waits_until_the_address_is_proved(self, pool: Bought, buyer: Client, school: School, settle: Settle) -> None:
        email = address()
        unproved = await account(school.system, email=email)

        for _ in range(2):
            assert (await buyer.data("AssignSeat", input={"poolId": pool.id, "email": email}))["pool"]["available"] == 2

        assert await given(buyer, pool) == [(email, "ASSIGNED")]
        assert await grants(school) == []
        assert len(await facts_of(school, ("SeatAssigned",))) == 1
        async with unit_of_work(school.system):
            await Account.for_caller(school.system, id=unproved).update(email_verified_at=datetime.now(UTC))
        await asyncio.gather(*(seats.take_waiting(caller=school.system, account_id=unproved, closes=None) for _ in range(3)))
        assert await given(buyer, pool) == [(email, "REDEEMED")]
        assert await grants(school) == [(unproved, "SEAT", True)]

    async def test_who_comes_with_a_proved_address_finds_what_waited_for_it(self, pool: Bought, buyer: Client, school: School, settle: Settle) -> None:
        email = address()
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": email})

        learner = await accounts.register(caller=school.system, email=email, name="New Here", password=None, is_email_verified=True)
        assert "commerce.take_waiting_seats" in await settle()

        assert await given(buyer, pool) == [(email, "REDEEMED")]
        assert await grants(school) == [(learner, "SEAT", True)]

    async def test_its_code_opens_that_seat_once(self, pool: Bought, buyer: Client, school: School, sign_in: SignIn) -> None:
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": address()})
        (seat,) = (await buyer.data("SeatPool", id=pool.id))["assignments"]["nodes"]
        first, second = await sign_in(), await sign_in()

        run = await first.data("RedeemCode", input={"code": seat["code"].lower().replace("-", " ")})

        assert run["enrollment"] and run["errors"] == []
        assert await second.codes("RedeemCode", input={"code": seat["code"]}) == ["CONFLICT"]
        assert (await first.data("RedeemCode", input={"code": seat["code"]}))["enrollment"] == run["enrollment"]
        (after,) = (await buyer.data("SeatPool", id=pool.id))["assignments"]["nodes"]
        assert (after["status"], after["code"]) == ("REDEEMED", None)
        assert await grants(school) == [(first.account_id, "SEAT", True)]

    async def test_is_for_the_owner_and_those_who_manage_seats(
        self, pool: Bought, admin: Client, student: Client, visitor: Client, sign_in: SignIn, other_school: School, school: School
    ) -> None:
        given = {"poolId": pool.id, "email": address()}

        assert await visitor.codes("AssignSeat", input=given) == ["UNAUTHENTICATED"]
        assert await student.codes("AssignSeat", input=given) == ["NOT_FOUND"]
        assert await (await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))).codes("AssignSeat", input=given) == ["NOT_FOUND"]
        assert await fetch(school, "SELECT id FROM seat_assignments WHERE tenant_id = $1") == []
        assert await admin.codes("AssignSeat", input=given) == []

    async def test_refuses_what_is_no_address_and_more_than_there_are(self, pool: Bought, buyer: Client) -> None:
        assert await buyer.codes("AssignSeat", input={"poolId": pool.id, "email": "nobody"}) == ["INVALID"]

        answers = await asyncio.gather(*(buyer.data("AssignSeat", input={"poolId": pool.id, "email": address()}) for _ in range(8)))

        assert sorted(len(answer["errors"]) for answer in answers) == [0] * 3 + [1] * 5
        assert {error["code"] for answer in answers for error in answer["errors"]} == {"LIMIT_REACHED"}
        assert len(await given(buyer, pool)) == 3

    async def test_addresses_are_masked_for_who_may_not_read_personal_data(self, pool: Bought, buyer: Client, school: School) -> None:
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": "ada@example.com"})
        _, secret = await made_key(await an_admin(school.system), scopes=(Permission.SEATS_MANAGE,))
        key = Client(buyer.house, school.slug, secret)
        try:
            assert await given(key, pool) == [("a•••@e•••.com", "ASSIGNED")]
        finally:
            await key.http.aclose()


class TestRedeem:
    async def test_twenty_at_once_take_the_last_seat_once(self, school: School, buyer: Client, made: MadeCourse, sign_in: SignIn) -> None:
        assert buyer.account_id
        one = await bought(school.system, buyer.account_id, made.course_id, 1)
        code = await code_of(buyer, one)
        people = [person(school, await account(school.system)) for _ in range(20)]

        async def take(caller: Any) -> str:
            try:
                await seats.redeem(caller=caller, code=code, throttle=MemoryThrottle())
            except DomainError as error:
                return error.code
            return "DONE"

        outcomes = await asyncio.gather(*(take(caller) for caller in people))

        assert sorted(outcomes) == ["DONE"] + ["LIMIT_REACHED"] * 19
        assert len(await grants(school)) == 1
        assert len(await fetch(school, "SELECT id FROM enrollments WHERE tenant_id = $1")) == 1
        assert [row["taken"] for row in await fetch(school, "SELECT taken FROM seat_pools WHERE tenant_id = $1")] == [1]

    async def test_ten_times_by_one_account_takes_one_seat(self, pool: Bought, buyer: Client, student: Client, school: School) -> None:
        code = await code_of(buyer, pool)

        answers = await asyncio.gather(*(student.data("RedeemCode", input={"code": code}) for _ in range(10)))

        assert len({answer["enrollment"]["id"] for answer in answers}) == 1
        assert len(await grants(school)) == 1
        assert (await buyer.data("SeatPool", id=pool.id))["assigned"] == 1

    async def test_an_owner_may_take_a_seat_of_their_own_pool_but_not_their_gift(self, pool: Bought, buyer: Client, school: School, made: MadeCourse) -> None:
        assert buyer.account_id
        own_email = (await fetch(school, "SELECT email FROM accounts WHERE tenant_id = $1 AND id = $2", buyer.account_id))[0]["email"]
        gift = await bought(school.system, buyer.account_id, made.course_id, 1, gift_email=own_email, gift_message="For you")

        assert await buyer.codes("RedeemCode", input={"code": await code_of(buyer, gift)}) == ["CONFLICT"]
        assert await buyer.codes("AssignSeat", input={"poolId": gift.id, "email": own_email}) == ["CONFLICT"]
        assert await grants(school) == []
        assert (await buyer.data("SeatPool", id=gift.id))["available"] == 1
        assert await buyer.codes("RedeemCode", input={"code": await code_of(buyer, pool)}) == []
        assert await grants(school) == [(buyer.account_id, "SEAT", True)]

    async def test_refuses_who_has_the_course_and_keeps_the_seat(self, pool: Bought, buyer: Client, student: Client, school: School, made: MadeCourse) -> None:
        assert student.account_id
        await grant_course(caller=school.system, account_id=student.account_id, course_id=made.course_id)

        assert await student.codes("RedeemCode", input={"code": await code_of(buyer, pool)}) == ["CONFLICT"]
        assert (await buyer.data("SeatPool", id=pool.id))["available"] == 3

    async def test_a_course_that_is_not_published_keeps_the_code_good(self, pool: Bought, buyer: Client, student: Client, school: School, made: MadeCourse) -> None:
        code = await code_of(buyer, pool)
        async with unit_of_work(school.system):
            await Course.for_caller(school.system, id=made.course_id).update(status=CourseStatus.UNPUBLISHED)

        assert await student.codes("RedeemCode", input={"code": code}) == ["CONFLICT"]

        assert await grants(school) == []
        assert (await buyer.data("SeatPool", id=pool.id))["available"] == 3

    async def test_a_code_is_unknown_in_another_school_and_to_visitors(self, pool: Bought, buyer: Client, visitor: Client, sign_in: SignIn, other_school: School) -> None:
        code = await code_of(buyer, pool)

        assert await visitor.codes("RedeemCode", input={"code": code}) == ["UNAUTHENTICATED"]
        assert await (await sign_in(at=other_school)).codes("RedeemCode", input={"code": code}) == ["NOT_FOUND"]
        for wrong in ("", "x" * 200, "00000-00000-00000-00000"):
            assert await buyer.codes("RedeemCode", input={"code": wrong}) == ["NOT_FOUND"]

    async def test_guesses_are_limited_and_right_codes_are_none(self, pool: Bought, buyer: Client, school: School) -> None:
        caller, throttle = person(school, await account(school.system)), MemoryThrottle()
        code = await code_of(buyer, pool)
        for _ in range(40):
            await seats.redeem(caller=caller, code=code, throttle=throttle)

        refused, wrong = 0, 0
        for _ in range(25):
            try:
                await seats.redeem(caller=caller, code="00000-00000-00000-00000", throttle=throttle)
            except Busy:
                refused += 1
            except NotFound:
                wrong += 1

        assert (wrong, refused) == (20, 5)
        with pytest.raises(Busy):
            await seats.redeem(caller=caller, code=code, throttle=throttle)

    async def test_the_pools_code_takes_the_seat_that_waits_for_ones_address(self, pool: Bought, buyer: Client, school: School, sign_in: SignIn) -> None:
        email = address()
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": email})
        learner = await sign_in(await proved(school, email))

        assert await learner.codes("RedeemCode", input={"code": await code_of(buyer, pool)}) == []

        assert await given(buyer, pool) == [(email, "REDEEMED")]


class TestReclaim:
    async def test_a_seat_goes_back_with_its_access_and_can_be_given_again(self, pool: Bought, buyer: Client, school: School, sign_in: SignIn, made: MadeCourse) -> None:
        email, next_email = address(), address()
        learner = await proved(school, email)
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": email})
        seat = (await buyer.data("SeatPool", id=pool.id))["assignments"]["nodes"][0]["id"]

        for _ in range(2):
            assert await buyer.data("ReclaimSeat", input={"seatId": seat}) == {"pool": {"id": pool.id, "available": 3}, "errors": []}

        assert await grants(school) == [(learner, "SEAT", False)]
        assert not (await (await sign_in(learner)).data("CoursePage", slug=made.slug))["access"]["allowed"]
        assert [action for action, *_ in await audit_of(school)].count("SeatReclaimed") == 1
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": next_email})
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": email})
        assert await given(buyer, pool) == [(email, "RECLAIMED"), (next_email, "ASSIGNED"), (email, "REDEEMED")]
        assert await grants(school) == [(learner, "SEAT", False), (learner, "SEAT", True)]

    async def test_a_seat_through_a_fifth_of_the_course_stays(self, pool: Bought, buyer: Client, student: Client, school: School, made: MadeCourse) -> None:
        run = (await student.data("RedeemCode", input={"code": await code_of(buyer, pool)}))["enrollment"]["id"]
        seat = (await buyer.data("SeatPool", id=pool.id))["assignments"]["nodes"][0]["id"]
        await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("l0")})

        assert await buyer.codes("ReclaimSeat", input={"seatId": seat}) == ["CONFLICT"]

        assert await grants(school) == [(student.account_id, "SEAT", True)]
        assert (await buyer.data("SeatPool", id=pool.id))["available"] == 2

    async def test_what_waits_goes_back_and_its_code_opens_nothing(self, pool: Bought, buyer: Client, student: Client) -> None:
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": address()})
        (seat,) = (await buyer.data("SeatPool", id=pool.id))["assignments"]["nodes"]

        assert (await buyer.data("ReclaimSeat", input={"seatId": seat["id"]}))["pool"]["available"] == 3

        assert await student.codes("RedeemCode", input={"code": seat["code"]}) == ["CONFLICT"]

    async def test_reclaiming_and_redeeming_at_once_leave_one_of_both(self, pool: Bought, buyer: Client, school: School) -> None:
        assert buyer.account_id
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": address()})
        (seat,) = (await buyer.data("SeatPool", id=pool.id))["assignments"]["nodes"]
        people = [person(school, await account(school.system)) for _ in range(4)]

        await asyncio.gather(
            *(seats.redeem(caller=caller, code=seat["code"], throttle=MemoryThrottle()) for caller in people),
            *(seats.reclaim(caller=person(school, buyer.account_id), seat_id=uuid(seat["id"])) for _ in range(4)),
            return_exceptions=True,
        )

        after = await buyer.data("SeatPool", id=pool.id)
        live = [each for each in await grants(school) if each[2]]
        assert (after["assigned"], after["assignments"]["nodes"][0]["status"], live) == (0, "RECLAIMED", [])

    async def test_a_refund_of_several_lines_takes_their_pools_in_the_order_of_everybody(self, school: School, made: MadeCourse) -> None:
        """Who takes two pools, one after the other, never waits for a refund that waits for them."""
        owner = await account(school.system)
        pools = sorted([await bought(school.system, owner, made.course_id) for _ in range(2)], key=lambda each: each.pool_id)
        first_is_held, refund_began = asyncio.Event(), asyncio.Event()

        async def take_both() -> None:
            async with unit_of_work(school.system):
                await seat_queries.lock_any_pool(caller=school.system, pool_id=pools[0].pool_id)
                first_is_held.set()
                await refund_began.wait()
                await seat_queries.lock_any_pool(caller=school.system, pool_id=pools[1].pool_id)

        async def refund() -> None:
            await first_is_held.wait()
            async with unit_of_work(school.system):
                sale = await refund_queries.sale_or_none(caller=school.system, order_id=pools[0].order_id, lock=True)
                assert sale is not None
                asyncio.get_running_loop().call_later(0.2, refund_began.set)
                await refunds.close(school.system, sale, [pools[1].line_id, pools[0].line_id], reason="Refunded.")

        await asyncio.gather(take_both(), refund())

        assert [row["closed_reason"] for row in await fetch(school, "SELECT closed_reason FROM seat_pools WHERE tenant_id = $1")] == ["Refunded."] * 2

    async def test_is_for_the_pools_owner(self, pool: Bought, buyer: Client, student: Client, visitor: Client, sign_in: SignIn, other_school: School) -> None:
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": address()})
        seat = {"seatId": (await buyer.data("SeatPool", id=pool.id))["assignments"]["nodes"][0]["id"]}

        assert await visitor.codes("ReclaimSeat", input=seat) == ["UNAUTHENTICATED"]
        assert await student.codes("ReclaimSeat", input=seat) == ["NOT_FOUND"]
        assert await (await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))).codes("ReclaimSeat", input=seat) == ["NOT_FOUND"]
        assert (await buyer.data("SeatPool", id=pool.id))["assigned"] == 1


class TestGift:
    async def test_enrolls_the_one_it_is_for_and_never_the_giver(self, school: School, buyer: Client, made: MadeCourse, sign_in: SignIn) -> None:
        assert buyer.account_id
        known, unknown = address(), address()
        friend = await proved(school, known)

        at_once = await bought(school.system, buyer.account_id, made.course_id, 1, gift_email=known, gift_message="Happy birthday")
        waits = await bought(school.system, buyer.account_id, made.course_id, 1, gift_email=unknown)

        assert await grants(school) == [(friend, "GIFT", True)]
        assert await given(buyer, at_once) == [(known, "REDEEMED")]
        assert await given(buyer, waits) == [(unknown, "ASSIGNED")]
        shown = await buyer.data("SeatPool", id=at_once.id)
        assert (shown["kind"], shown["message"], shown["available"]) == ("GIFT", "Happy birthday", 0)
        assert (await buyer.data("CoursePage", slug=made.slug))["viewerEnrollment"] is None

    async def test_what_it_grants_is_not_taken_by_hand(self, school: School, buyer: Client, made: MadeCourse, admin: Client) -> None:
        assert buyer.account_id
        email = address()
        friend = await proved(school, email)
        await bought(school.system, buyer.account_id, made.course_id, 1, gift_email=email)
        (row,) = await fetch(school, "SELECT id FROM entitlements WHERE tenant_id = $1")

        assert await admin.codes("RevokeAccess", input={"id": public_id("ent", row["id"]), "reason": "No."}) == ["GRANT_NOT_BY_HAND"]

        assert await grants(school) == [(friend, "GIFT", True)]

    async def test_who_takes_it_by_its_code_shows_no_address_to_the_giver(self, school: School, buyer: Client, made: MadeCourse, student: Client) -> None:
        assert buyer.account_id
        gift = await bought(school.system, buyer.account_id, made.course_id, 1, gift_message="For whoever finds this")

        assert await student.codes("RedeemCode", input={"code": await code_of(buyer, gift)}) == []

        assert await given(buyer, gift) == [(None, "REDEEMED")]
        assert (await buyer.data("SeatPool", id=gift.id))["assignments"]["nodes"][0]["enrollment"] is None


class TestEnd:
    async def test_closing_takes_everything_back_once(self, pool: Bought, buyer: Client, student: Client, school: School) -> None:
        code = await code_of(buyer, pool)
        await student.data("RedeemCode", input={"code": code})
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": address()})

        for _ in range(2):
            await seats.close_pool(caller=school.system, line_id=pool.line_id, reason="Refunded.")
        await seats.close_pool(caller=school.system, line_id=uuid4(), reason="No such line.")

        after = await buyer.data("SeatPool", id=pool.id)
        assert ([each["status"] for each in after["assignments"]["nodes"]], after["available"], after["closedAt"] is not None) == (["REVOKED", "REVOKED"], 0, True)
        assert await grants(school) == [(student.account_id, "SEAT", False)]
        assert await buyer.codes("RedeemCode", input={"code": code}) == ["CONFLICT"]
        assert await buyer.codes("AssignSeat", input={"poolId": pool.id, "email": address()}) == ["CONFLICT"]
        assert [action for action, *_ in await audit_of(school)].count("SeatPoolClosed") == 1

    async def test_closing_and_redeeming_at_once_leave_nobody_with_a_seat(self, pool: Bought, buyer: Client, school: School) -> None:
        code = await code_of(buyer, pool)
        people = [person(school, await account(school.system)) for _ in range(6)]

        await asyncio.gather(
            *(seats.redeem(caller=caller, code=code, throttle=MemoryThrottle()) for caller in people),
            seats.close_pool(caller=school.system, line_id=pool.line_id, reason="Refunded."),
            return_exceptions=True,
        )

        assert [grant for grant in await grants(school) if grant[2]] == []

    async def test_what_nobody_redeemed_in_time_is_void(self, school: School, buyer: Client, made: MadeCourse, student: Client) -> None:
        assert buyer.account_id
        soon = datetime.now(UTC) + timedelta(hours=1)
        pool = await bought(school.system, buyer.account_id, made.course_id, 3, expires_at=soon)
        code = await code_of(buyer, pool)
        await student.data("RedeemCode", input={"code": code})
        await buyer.data("AssignSeat", input={"poolId": pool.id, "email": address()})
        await seats.expire_pool(caller=school.system, pool_id=pool.pool_id, closes=None)  # too early: nothing happens
        later = person(school, await account(school.system), now=soon)

        with pytest.raises(DomainError, match="expired"):
            await seats.redeem(caller=later, code=code, throttle=MemoryThrottle())
        before = [status for _, status in await given(buyer, pool)]
        for _ in range(2):
            await seats.expire_pool(caller=type(later).system(school.id, now=soon), pool_id=pool.pool_id, closes=None)

        assert before == ["REDEEMED", "ASSIGNED"]
        assert [status for _, status in await given(buyer, pool)] == ["REDEEMED", "EXPIRED"]
        assert await grants(school) == [(student.account_id, "SEAT", True)]
        assert len(await facts_of(school, ("SeatPoolExpired",))) == 1

    async def test_expiry_is_due_at_its_time(self, school: School, buyer: Client, made: MadeCourse, settle: Settle) -> None:
        assert buyer.account_id
        await bought(school.system, buyer.account_id, made.course_id, 1, expires_at=datetime.now(UTC) + timedelta(hours=1))
        await settle()

        due = await fetch(school, "SELECT due_at > now() + interval '50 minutes' AS later, state FROM deliveries WHERE tenant_id = $1 AND reaction = 'commerce.expire_seat_pool'")
        assert [(row["later"], row["state"]) for row in due] == [(True, "PENDING")]


class TestVoucher:
    async def test_opens_the_course_for_so_many(self, admin: Client, school: School, made: MadeCourse, sign_in: SignIn) -> None:
        given = {"courseId": made.public_id, "redemptions": 2, "idempotencyKey": "k"}
        first, again = await admin.data("CreateVoucher", input=given), await admin.data("CreateVoucher", input=given)
        code, people = first["pool"]["code"], [await sign_in() for _ in range(3)]

        outcomes = [await each.codes("RedeemCode", input={"code": code}) for each in people]

        assert first == again
        assert outcomes == [[], [], ["LIMIT_REACHED"]]
        assert await grants(school) == [(people[0].account_id, "GIFT", True), (people[1].account_id, "GIFT", True)]
        listed = (await admin.data("AllSeatPools", where={"kind": {"eq": "VOUCHER"}}))["nodes"]
        assert [(each["id"], each["available"], each["owner"]) for each in listed] == [(first["pool"]["id"], 0, None)]
        assert (await admin.data("AllSeatPools", where={"kind": {"in": ["GIFT"]}}))["nodes"] == []

    async def test_ends_without_taking_anything_from_those_who_have_it(self, admin: Client, school: School, made: MadeCourse, sign_in: SignIn, pool: Bought) -> None:
        voucher = (await admin.data("CreateVoucher", input={"courseId": made.public_id, "redemptions": 2, "idempotencyKey": "k"}))["pool"]
        first, second = await sign_in(), await sign_in()
        await first.data("RedeemCode", input={"code": voucher["code"]})

        for _ in range(2):
            assert (await admin.data("CloseVoucher", input={"poolId": voucher["id"], "reason": "Leaked."}))["pool"]["available"] == 0

        assert await second.codes("RedeemCode", input={"code": voucher["code"]}) == ["CONFLICT"]
        assert await grants(school) == [(first.account_id, "GIFT", True)]
        assert await admin.codes("CloseVoucher", input={"poolId": pool.id, "reason": "Sold."}) == ["NOT_FOUND"]

    async def test_is_for_those_who_manage_seats_of_this_school(
        self, made: MadeCourse, student: Client, visitor: Client, sign_in: SignIn, other_school: School, school: School
    ) -> None:
        given = {"courseId": made.public_id, "redemptions": 1, "idempotencyKey": "k"}

        assert await visitor.codes("CreateVoucher", input=given) == ["UNAUTHENTICATED"]
        assert await student.codes("CreateVoucher", input=given) == ["FORBIDDEN"]
        assert await student.codes("AllSeatPools") == ["FORBIDDEN"]
        assert await (await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))).codes("CreateVoucher", input=given) == ["NOT_FOUND"]
        assert await fetch(school, "SELECT id FROM seat_pools WHERE tenant_id = $1") == []

    @pytest.mark.parametrize(
        ("differs", "path"), [({"redemptions": 0}, "redemptions"), ({"redemptions": 10_001}, "redemptions"), ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt")]
    )
    async def test_refuses_what_is_out_of_bounds(self, admin: Client, made: MadeCourse, differs: dict[str, Any], path: str) -> None:
        answer = await admin.data("CreateVoucher", input={"courseId": made.public_id, "idempotencyKey": "k"} | differs)

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", [path])]


class TestGivingTooMuch:
    async def assign(self, caller: Caller, pool: Bought, email: str, throttle: MemoryThrottle) -> bool:
        """Give a seat, and take it back; False where it was refused as too much."""
        try:
            await seats.assign(caller=caller, pool_id=pool.pool_id, email=email, throttle=throttle)
        except Busy:
            return False
        async with database.reading(caller):
            (seat,) = await database.fetch("SELECT id FROM seat_assignments WHERE tenant_id = $1 AND pool_id = $2 AND status = 'ASSIGNED'", caller.tenant_id, pool.pool_id)
        await seats.reclaim(caller=caller, seat_id=seat["id"])
        return True

    async def test_of_one_address_is_counted_by_the_hour_in_each_school(self, school: School, other_school: School) -> None:
        at, email = [0.0], address()
        throttle = MemoryThrottle(clock=lambda: at[0])
        pools = []
        for each in (school, other_school):
            owner = await account(each.system)
            pools.append((person(each, owner), await bought(each.system, owner, (await course(each.system, text())).course_id)))
        (caller, pool), (stranger, elsewhere) = pools

        assert [await self.assign(caller, pool, email, throttle) for _ in range(6)] == [True] * 4 + [False] * 2
        assert await self.assign(stranger, elsewhere, email, throttle), "what happens at one school keeps nobody out of another"
        at[0] = 3599.9
        assert not await self.assign(caller, pool, email, throttle)
        at[0] = 3600
        assert [await self.assign(caller, pool, email, throttle) for _ in range(2)] == [True, False]
        at[0] = 5 * 3600
        assert [await self.assign(caller, pool, email, throttle) for _ in range(5)] == [True] * 4 + [False]

    async def test_what_gives_nothing_is_not_counted(self, school: School, other_school: School, pool: Bought, buyer: Client) -> None:
        assert buyer.account_id
        throttle, owner = MemoryThrottle(clock=lambda: 0.0), person(school, buyer.account_id)
        strangers = [person(school, await account(school.system)), person(other_school, await account(other_school.system), "TENANT_ADMIN")]

        for caller in strangers * 4:
            with pytest.raises(NotFound):
                await seats.assign(caller=caller, pool_id=pool.pool_id, email="ada@example.com", throttle=throttle)
        for _ in range(6):
            with pytest.raises(Invalid):
                await seats.assign(caller=owner, pool_id=pool.pool_id, email="nobody", throttle=throttle)

        assert [await self.assign(owner, pool, "ada@example.com", throttle) for _ in range(5)] == [True] * 4 + [False]

    async def test_of_one_person_meets_a_limit_whatever_the_address(self, school: School, buyer: Client, pool: Bought) -> None:
        assert buyer.account_id
        at, caller = [0.0], person(school, buyer.account_id)
        throttle = MemoryThrottle(clock=lambda: at[0])

        for number in range(1_000):
            await throttle.take(*rules.assignments(caller, pool.pool_id, f"a{number}@example.com"))

        with pytest.raises(Busy) as told:
            await seats.assign(caller=caller, pool_id=pool.pool_id, email=address(), throttle=throttle)
        assert told.value.retry_after_seconds == 5
        assert await fetch(school, "SELECT id FROM seat_assignments WHERE tenant_id = $1") == []
        at[0] = 5
        assert await self.assign(caller, pool, address(), throttle)
