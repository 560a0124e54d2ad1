"""`entitlementGrant`, `entitlementRevoke`, `entitlementRestore`, `entitlementUpdate`, `entitlements` and `viewer.entitlements`."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.learning.operations import entitlements, granting
from lms_graph.domain.learning.operations.entitlements import grant_course
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed
from lms_graph.kit.ids import new_id, public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models.catalog import Course, CourseStatus, EnrollmentPolicy
from lms_graph.models.identity import Account, AccountStatus
from lms_graph.models.learning import EntitlementKind
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account, address, suspend
from tests.factories.courses import MadeCourse, course, text
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.sockets import greeted, hear, say

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"), name="Max Admin")


@pytest.fixture
async def made(school: School) -> MadeCourse:
    return await course(school.system, text("one"), text("two"), enrollment_policy=EnrollmentPolicy.BY_GRANT)


def profile(client: Client) -> str:
    return public_id("prf", client.account_id)


def granting_to(client: Client, made: MadeCourse, **more: Any) -> dict[str, Any]:
    return {"memberId": profile(client), "courseId": made.public_id, "idempotencyKey": uuid4().hex, **more}


def iso(moment: datetime) -> str:
    return moment.isoformat()


async def rows(school: School, sql: str, *parameters: Any) -> list[Any]:
    async with database.reading(school.system):
        return await database.fetch(sql, school.id, *parameters)


async def count(school: School, table: str) -> int:
    return int((await rows(school, f"SELECT count(*) FROM {table} WHERE tenant_id = $1"))[0]["count"])


async def facts(school: School, like: str) -> list[str]:
    return [row["name"] for row in await rows(school, "SELECT name FROM facts WHERE tenant_id = $1 AND name LIKE $2 ORDER BY recorded_at, sequence", like)]


async def access(client: Client, made: MadeCourse) -> str:
    page = await client.data("query ($id: ID!) { course(id: $id) { access { __typename } } }", id=made.public_id)
    return str(page["access"]["__typename"])


class TestGrant:
    async def test_opens_the_course_once_its_learner_enrolls(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        payload = await admin.data("GrantAccess", input=granting_to(student, made, note="Won the raffle"))

        assert payload["errors"] == []
        assert (payload["entitlement"]["kind"], payload["entitlement"]["endsAt"], payload["enrollment"]) == ("MANUAL", None, None)
        assert await access(student, made) == "NotEnrolled"
        await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"})
        assert await access(student, made) == "AccessGranted"
        (grant,) = (await student.data("MyGrants"))["entitlements"]["nodes"]
        assert (grant["live"], grant["course"]["id"], grant["member"]["id"]) == (True, made.public_id, profile(student))
        assert (grant["note"], grant["sourceReference"], grant["grantedBy"]) == (None, None, None), "the school's own"
        (grant,) = (await admin.data("Grants"))["nodes"]
        assert (grant["note"], grant["grantedBy"]["name"], grant["member"]["id"]) == ("Won the raffle", "Max Admin", profile(student))

    async def test_enrolls_at_once(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        payload = await admin.data("GrantAccess", input=granting_to(student, made, enroll=True))

        assert (payload["enrollment"]["status"], payload["enrollment"]["runNumber"]) == ("ACTIVE", 1)
        assert await access(student, made) == "AccessGranted"
        assert await access(admin, made) == "AccessGranted", "as one who makes courses"
        assert (await student.data("Learn", id=payload["enrollment"]["id"]))["id"] == payload["enrollment"]["id"]
        assert await facts(school, "En%") == ["EntitlementGranted", "EnrollmentOpened"]

    async def test_is_told_to_learners_before_they_enroll(self, admin: Client, student: Client, made: MadeCourse) -> None:
        asked = "query ($id: ID!) { course(id: $id) { access { ... on NotEnrolled { entitlement { id } } } } }"

        before = await student.data(asked, id=made.public_id)
        granted = await admin.data("GrantAccess", input=granting_to(student, made))
        after = await student.data(asked, id=made.public_id)

        assert before["access"]["entitlement"] is None
        assert after["access"]["entitlement"]["id"] == granted["entitlement"]["id"]

    async def test_finds_the_person_by_address_however_it_is_spelled(self, admin: Client, made: MadeCourse, school: School) -> None:
        email = address()
        someone = await account(school.system, email=email)

        payload = await admin.data("GrantAccess", input={"email": f" {email.upper()} ", "courseId": made.public_id, "idempotencyKey": "k"})

        assert payload["errors"] == []
        assert [row["account_id"] for row in await rows(school, "SELECT account_id FROM entitlements WHERE tenant_id = $1")] == [someone]

    async def test_the_same_source_again_gives_the_grant_there_is(self, admin: Client, student: Client, sign_in: SignIn, made: MadeCourse, school: School) -> None:
        order = {"kind": "EXTERNAL", "sourceReference": "order 17", "enroll": True}
        other = await course(school.system, text())

        first = await admin.data("GrantAccess", input=granting_to(student, made, **order))
        again = await admin.data("GrantAccess", input=granting_to(student, made, **order, endsAt=iso(datetime.now(UTC) + DAY)))
        as_a_gift = await admin.data("GrantAccess", input=granting_to(student, made, **{**order, "kind": "GIFT"}))
        of_another_course = await admin.data("GrantAccess", input=granting_to(student, other, **order))
        of_somebody_else = await admin.data("GrantAccess", input=granting_to(await sign_in(), made, **order))

        assert again == first, "as it is, window and all"
        ids = {answer["entitlement"]["id"] for answer in (first, as_a_gift, of_another_course, of_somebody_else)}
        assert len(ids) == 4
        assert await facts(school, "EntitlementGranted") == ["EntitlementGranted"] * 4
        assert await count(school, "enrollments") == 3, "a second grant of the same course keeps the run that is open"

    async def test_a_revoked_source_stays_revoked(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        order = {"kind": "EXTERNAL", "sourceReference": "order 17"}
        first = await admin.data("GrantAccess", input=granting_to(student, made, **order))
        await admin.data("RevokeAccess", input={"id": first["entitlement"]["id"], "reason": "Refunded"})

        again = await admin.data("GrantAccess", input=granting_to(student, made, **order, enroll=True))

        assert (again["entitlement"]["id"], again["enrollment"]) == (first["entitlement"]["id"], None)
        assert await count(school, "enrollments") == 0

    async def test_the_same_key_gives_the_same_and_another_body_a_conflict(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        asked = granting_to(student, made, enroll=True)

        first, second = await admin.data("GrantAccess", input=asked), await admin.data("GrantAccess", input=asked)

        assert first == second
        assert await admin.codes("GrantAccess", input=asked | {"note": "Another"}) == ["IDEMPOTENCY_CONFLICT"]
        assert await count(school, "entitlements") == 1

    async def test_of_an_unpublished_course_opens_no_run(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        async with unit_of_work(school.system):
            await Course.for_caller(school.system, id=made.course_id).update(status=CourseStatus.UNPUBLISHED)

        payload = await admin.data("GrantAccess", input=granting_to(student, made, enroll=True))

        assert payload["entitlement"]["id"]
        assert payload["enrollment"] is None
        assert await count(school, "enrollments") == 0

    async def test_that_begins_later_has_its_run_and_opens_then(self, admin: Client, student: Client, made: MadeCourse) -> None:
        starts = datetime.now(UTC) + DAY

        payload = await admin.data("GrantAccess", input=granting_to(student, made, enroll=True, startsAt=iso(starts)))
        page = await student.data("query ($id: ID!) { course(id: $id) { access { __typename ... on ScheduledFor { at } } } }", id=made.public_id)

        assert payload["enrollment"]["status"] == "ACTIVE"
        assert page["access"] == {"__typename": "ScheduledFor", "at": iso(starts)}

    async def test_of_a_completed_course_opens_a_new_run(self, admin: Client, student: Client, school: School) -> None:
        made = await course(school.system, text())
        run = (await admin.data("GrantAccess", input=granting_to(student, made, enroll=True)))["enrollment"]
        await student.data("CompleteLecture", input={"enrollmentId": run["id"], "lectureId": made.lecture("text")})

        again = await admin.data("GrantAccess", input=granting_to(student, made, enroll=True))

        assert (again["enrollment"]["runNumber"], again["enrollment"]["status"]) == (2, "ACTIVE")
        assert (await student.data("Learn", id=run["id"]))["status"] == "COMPLETED"

    async def test_all_access_opens_every_course_while_it_lasts(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        other = await course(school.system, text(), enrollment_policy=EnrollmentPolicy.BY_GRANT)
        asked = {"memberId": profile(student), "allAccess": True, "kind": "EXTERNAL", "sourceReference": "plan 3", "idempotencyKey": "k"}

        granted = await admin.data("GrantAccess", input=asked)
        for each in (made, other):
            assert (await student.data("Enroll", input={"courseId": each.public_id, "idempotencyKey": each.slug}))["enrollment"]
            assert await access(student, each) == "AccessGranted"
        await admin.data("RevokeAccess", input={"id": granted["entitlement"]["id"], "reason": "Left"})

        assert [await access(student, each) for each in (made, other)] == ["EntitlementExpired"] * 2
        again = await admin.data("GrantAccess", input=asked | {"idempotencyKey": "k2"})
        assert again["entitlement"]["id"] == granted["entitlement"]["id"]
        assert await count(school, "entitlements") == 1

    async def test_all_access_keeps_what_was_given_for_one_course(self, admin: Client, student: Client, made: MadeCourse) -> None:
        single = await admin.data("GrantAccess", input=granting_to(student, made))
        everything = await admin.data("GrantAccess", input={"memberId": profile(student), "allAccess": True, "idempotencyKey": "all"})
        await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"})

        await admin.data("RevokeAccess", input={"id": everything["entitlement"]["id"], "reason": "Left"})
        still = await access(student, made)
        await admin.data("RevokeAccess", input={"id": single["entitlement"]["id"], "reason": "Left"})

        assert (still, await access(student, made)) == ("AccessGranted", "EntitlementExpired")

    @pytest.mark.parametrize(
        ("more", "codes"),
        [
            ({"memberId": None}, ["INVALID"]),
            ({"email": "a@example.com"}, ["INVALID"]),
            ({"courseId": None}, ["INVALID"]),
            ({"allAccess": True}, ["INVALID"]),
            ({"allAccess": True, "courseId": None, "enroll": True}, ["INVALID"]),
            ({"kind": "ORDER"}, ["INVALID"]),
            ({"kind": "OPEN"}, ["INVALID"]),
            ({"kind": "PREVIEW", "note": ""}, ["INVALID", "INVALID"]),
            ({"sourceReference": ""}, ["INVALID"]),
            ({"sourceReference": "x" * 201}, ["INVALID"]),
            ({"sourceReference": "a\nb"}, ["INVALID"]),
            ({"note": "x" * 1001}, ["INVALID"]),
            ({"startsAt": "2026-06-01T00:00:00Z", "endsAt": "2026-06-01T00:00:00Z"}, ["INVALID"]),
            ({"startsAt": "2026-06-01T00:00:00+14:00", "endsAt": "2026-05-31T10:00:00Z"}, ["INVALID"]),
            ({"endsAt": "2020-01-01T00:00:00Z"}, ["INVALID"]),
            ({"memberId": "nonsense"}, ["ID_INVALID"]),
            ({"memberId": None, "email": "nobody@example.com"}, ["NOT_FOUND"]),
            ({"memberId": public_id("prf", new_id())}, ["NOT_FOUND"]),
            ({"memberId": public_id("crs", new_id())}, ["NOT_FOUND"]),
            ({"courseId": public_id("crs", new_id())}, ["NOT_FOUND"]),
            ({"idempotencyKey": ""}, ["INVALID"]),
        ],
    )
    async def test_refuses_what_breaks_a_rule(self, admin: Client, student: Client, made: MadeCourse, school: School, more: dict[str, Any], codes: list[str]) -> None:
        assert await admin.codes("GrantAccess", input=granting_to(student, made) | more) == codes
        assert await count(school, "entitlements") == 0

    @pytest.mark.parametrize("name", ["note", "sourceReference", "idempotencyKey"])
    @pytest.mark.parametrize("words", ["a\0b", "\ud800"], ids=["NUL", "half a surrogate pair"])
    async def test_refuses_texts_that_cannot_be_kept(self, admin: Client, student: Client, made: MadeCourse, school: School, name: str, words: str) -> None:
        assert await admin.codes("GrantAccess", input=granting_to(student, made) | {name: words}) == ["BAD_USER_INPUT"]
        assert await count(school, "entitlements") == 0

    @pytest.mark.parametrize(
        "moment",
        [
            "2026-06-01",
            "2026-06-01T00:00:00",
            "infinity",
            "-infinity",
            "10000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
            "9999-12-31T09:59:59.999999-14:00",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "0001-01-01T00:00:00+01:00",
        ],
    )
    async def test_takes_moments_with_a_zone_only(self, admin: Client, student: Client, made: MadeCourse, school: School, moment: str) -> None:
        body = await admin.send("GrantAccess", input=granting_to(student, made, endsAt=moment))

        assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]
        assert await count(school, "entitlements") == 0

    async def test_keeps_the_farthest_moment(self, admin: Client, student: Client, made: MadeCourse) -> None:
        payload = await admin.data("GrantAccess", input=granting_to(student, made, endsAt="9999-12-31T23:59:59.999998Z", enroll=True))
        page = await student.data("query ($id: ID!) { course(id: $id) { access { ... on AccessGranted { until } } } }", id=made.public_id)

        assert payload["entitlement"]["endsAt"] == page["access"]["until"] == "9999-12-31T23:59:59.999998+00:00"

    async def test_a_suspended_person_may_be_given_something_an_erased_one_not(self, admin: Client, made: MadeCourse, school: School) -> None:
        suspended, erased = await account(school.system), await account(school.system)
        await suspend(school.system, suspended)
        async with unit_of_work(school.system):
            await Account.for_caller(school.system, id=erased).update(status=AccountStatus.ERASED)

        assert await admin.codes("GrantAccess", input={"memberId": public_id("prf", suspended), "courseId": made.public_id, "idempotencyKey": "a"}) == []
        assert await admin.codes("GrantAccess", input={"memberId": public_id("mbr", erased), "courseId": made.public_id, "idempotencyKey": "b"}) == ["NOT_FOUND"]

    async def test_is_for_those_who_manage_entitlements(self, sign_in: SignIn, visitor: Client, student: Client, made: MadeCourse, school: School, other_school: School) -> None:
        asked = granting_to(student, made)
        stranger = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert await visitor.codes("GrantAccess", input=asked) == ["UNAUTHENTICATED"]
        for roles in (("STUDENT",), ("STUDENT", "INSTRUCTOR"), ("STUDENT", "SUPPORT")):
            assert await (await sign_in(roles=roles)).codes("GrantAccess", input=asked) == ["FORBIDDEN"]
        assert await stranger.codes("GrantAccess", input=asked) == ["NOT_FOUND"]
        assert await stranger.codes("GrantAccess", input=asked | {"memberId": profile(stranger), "idempotencyKey": "b"}) == ["NOT_FOUND"]
        assert await count(school, "entitlements") == await count(other_school, "entitlements") == 0

    async def test_two_at_once_with_one_source_make_one_grant_and_one_run(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        asked = {"kind": "EXTERNAL", "sourceReference": "order 17", "enroll": True}

        answers = await asyncio.gather(*(admin.data("GrantAccess", input=granting_to(student, made, **asked)) for _ in range(8)))

        assert len({answer["entitlement"]["id"] for answer in answers}) == len({answer["enrollment"]["id"] for answer in answers}) == 1
        assert (await count(school, "entitlements"), await count(school, "enrollments")) == (1, 1)
        assert await facts(school, "EntitlementGranted") == ["EntitlementGranted"]

    async def test_a_learner_who_enrolls_meanwhile_gets_one_run(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        await grant_course(caller=school.system, account_id=student.account_id, course_id=made.course_id)

        await asyncio.gather(
            *(admin.data("GrantAccess", input=granting_to(student, made, enroll=True)) for _ in range(4)),
            *(student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": str(number)}) for number in range(4)),
        )

        assert await count(school, "enrollments") == 1


class TestKey:
    """A caller with an API key: nobody's account."""

    @staticmethod
    def key(school: School, *scopes: Permission) -> Caller:
        return Caller(tenant_id=school.id, key_id=new_id(), permissions=frozenset(scopes), now=datetime.now(UTC))

    @staticmethod
    async def grant(caller: Caller, student: Client, made: MadeCourse) -> UUID:
        return await granting.grant_access(
            caller=caller, account_id=student.account_id, email=None, course_id=made.course_id, all_access=False, kind=EntitlementKind.EXTERNAL,
            source_reference="order 17", starts_at=None, ends_at=None, note=None, enroll=True, idempotency_key="k",
        )  # fmt: skip

    async def test_grants_from_a_shop_of_its_own(self, student: Client, made: MadeCourse, school: School) -> None:
        key = self.key(school, Permission.ENTITLEMENTS_MANAGE)

        id = await self.grant(key, student, made)
        assert await self.grant(key, student, made) == id
        assert await access(student, made) == "AccessGranted"
        await entitlements.revoke(caller=key, entitlement_id=id, reason="Refunded")

        assert await access(student, made) == "EntitlementExpired"
        (row,) = await rows(school, "SELECT granted_by_account_id, granted_by_key_id FROM entitlements WHERE tenant_id = $1")
        assert (row["granted_by_account_id"], row["granted_by_key_id"]) == (None, key.key_id)
        audited = await rows(school, "SELECT action, subject, api_key_id, account_id FROM audit_entries WHERE tenant_id = $1 AND action <> 'TenantCreated' ORDER BY at")
        assert [tuple(entry.values()) for entry in audited] == [(name, public_id("ent", id), key.key_id, None) for name in ("EntitlementGranted", "EntitlementRevoked")]

    async def test_without_the_scope_does_nothing(self, student: Client, made: MadeCourse, school: School) -> None:
        key = self.key(school, *(set(Permission) - {Permission.ENTITLEMENTS_MANAGE}))

        with pytest.raises(NotAllowed):
            await self.grant(key, student, made)
        assert await count(school, "entitlements") == 0


class TestRevoke:
    async def test_closes_at_once_and_tells(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        granted = await admin.data("GrantAccess", input=granting_to(student, made, enroll=True))
        run, id = granted["enrollment"]["id"], granted["entitlement"]["id"]

        payload = await admin.data("RevokeAccess", input={"id": id, "reason": "Charged back"})

        assert payload["entitlement"]["revokedAt"]
        assert await access(student, made) == "EntitlementExpired"
        assert await student.codes("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("one")}) == ["ACCESS_DENIED"]
        (grant,) = (await student.data("MyGrants"))["entitlements"]["nodes"]
        assert (grant["live"], grant["revokedReason"]) == (False, "Charged back")
        assert [*await facts(school, "Ent%"), *await facts(school, "AccessCh%")] == ["EntitlementGranted", "EntitlementRevoked", "AccessChanged"]
        audited = await rows(school, "SELECT action, subject, account_id FROM audit_entries WHERE tenant_id = $1 AND action <> 'TenantCreated' ORDER BY at")
        assert [tuple(entry.values()) for entry in audited] == [("EntitlementGranted", id, admin.account_id), ("EntitlementRevoked", id, admin.account_id)]

    async def test_is_heard_live_by_its_learner(self, house: House, admin: Client, student: Client, made: MadeCourse, settle: Callable[[], Awaitable[list[str]]]) -> None:
        granted = await admin.data("GrantAccess", input=granting_to(student, made, enroll=True))
        query = "subscription ($id: ID!) { enrollmentProgress(enrollmentId: $id) { accessChanged lecture { id } enrollment { course { access { __typename } } } } }"

        async with greeted(house.url, student.tenant, student.token) as socket:
            await say(socket, id="1", type="subscribe", payload={"query": query, "variables": {"id": granted["enrollment"]["id"]}})
            first = (await hear(socket))["payload"]["data"]["enrollmentProgress"]
            await admin.data("RevokeAccess", input={"id": granted["entitlement"]["id"], "reason": "Refunded"})
            await settle()
            second = (await hear(socket))["payload"]["data"]["enrollmentProgress"]

        assert first == {"accessChanged": False, "lecture": None, "enrollment": {"course": {"access": {"__typename": "AccessGranted"}}}}
        assert second == {"accessChanged": True, "lecture": None, "enrollment": {"course": {"access": {"__typename": "EntitlementExpired"}}}}

    async def test_again_changes_nothing(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        id = (await admin.data("GrantAccess", input=granting_to(student, made)))["entitlement"]["id"]
        first = await admin.data("RevokeAccess", input={"id": id, "reason": "Once"})
        before = await count(school, "facts")

        assert await admin.data("RevokeAccess", input={"id": id, "reason": "Twice"}) == first
        assert await admin.data("RevokeAccess", input={"id": id, "reason": "Later", "at": iso(datetime.now(UTC) + DAY)}) == first
        assert await count(school, "facts") == before
        assert (await admin.data("Grants"))["nodes"][0]["revokedReason"] == "Once"

    async def test_at_a_moment_to_come_lets_it_open_until_then(self, admin: Client, student: Client, made: MadeCourse) -> None:
        id = (await admin.data("GrantAccess", input=granting_to(student, made, enroll=True)))["entitlement"]["id"]
        end = datetime.now(UTC) + DAY

        await admin.data("RevokeAccess", input={"id": id, "reason": "Leaves", "at": iso(end)})
        page = await student.data("query ($id: ID!) { course(id: $id) { access { ... on AccessGranted { until sources { kind endsAt } } } } }", id=made.public_id)
        await admin.data("RevokeAccess", input={"id": id, "reason": "Now, then"})

        assert page["access"] == {"until": iso(end), "sources": [{"kind": "MANUAL", "endsAt": iso(end)}]}
        assert await access(student, made) == "EntitlementExpired"

    async def test_refuses_a_moment_that_has_passed_and_bad_reasons(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        id = (await admin.data("GrantAccess", input=granting_to(student, made)))["entitlement"]["id"]

        assert await admin.codes("RevokeAccess", input={"id": id, "reason": "x", "at": iso(datetime.now(UTC) - DAY)}) == ["INVALID"]
        for reason in ("", "x" * 201, "a\nb"):
            assert await admin.codes("RevokeAccess", input={"id": id, "reason": reason}) == ["INVALID"]
        assert await admin.codes("RevokeAccess", input={"id": id, "reason": "", "at": iso(datetime.now(UTC) - DAY)}) == ["INVALID", "INVALID"]
        assert (await admin.data("Grants"))["nodes"][0]["revokedAt"] is None
        assert await admin.codes("RevokeAccess", input={"id": id, "reason": "x", "at": iso(datetime.now(UTC) - timedelta(minutes=1))}) == [], "clocks differ a little"

    @pytest.mark.parametrize("kind", ["ORDER", "SUBSCRIPTION", "INSTALLMENT_PLAN", "BUNDLE", "SEAT", "PREVIEW"])
    async def test_leaves_what_was_bought_to_the_purchase(self, admin: Client, student: Client, made: MadeCourse, school: School, kind: str) -> None:
        id = await grant_course(caller=school.system, account_id=student.account_id, course_id=made.course_id, kind=EntitlementKind(kind), source_id=new_id())
        given = {"id": public_id("ent", id)}

        assert await admin.codes("RevokeAccess", input=given | {"reason": "x"}) == ["GRANT_NOT_BY_HAND"]
        assert await admin.codes("RestoreAccess", input=given) == ["GRANT_NOT_BY_HAND"]
        assert await admin.codes("ChangeAccess", input=given | {"endsAt": None}) == ["GRANT_NOT_BY_HAND"]
        assert (await admin.data("Grants"))["nodes"][0]["live"] is True

    async def test_of_an_open_door_stays_closed(self, admin: Client, student: Client, school: School) -> None:
        made = await course(school.system, text())
        run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
        await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("text")})
        (grant,) = (await admin.data("Grants"))["nodes"]

        await admin.data("RevokeAccess", input={"id": grant["id"], "reason": "Shared the files"})

        assert grant["kind"] == "OPEN"
        assert await student.codes("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k2", "newRun": True}) == ["GRANT_REQUIRED"]
        await admin.data("RestoreAccess", input={"id": grant["id"]})
        assert await student.codes("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k3", "newRun": True}) == []

    async def test_leaves_access_iff_another_grant_lives(self, student: Client, made: MadeCourse, school: School) -> None:
        """Random sets of grants as rows: what the API decides is what the rules say of the others, and `where: {live}` says the same in SQL."""
        now = datetime.now(UTC)
        rng = random.Random(7)
        await grant_course(caller=school.system, account_id=student.account_id, course_id=made.course_id)
        await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"})
        for _ in range(25):
            async with unit_of_work(school.system):
                await database.fetch("UPDATE enrollments SET entitlement_id = NULL WHERE tenant_id = $1", school.id)
                await database.fetch("DELETE FROM entitlements WHERE tenant_id = $1", school.id)
            ids = []
            for _ in range(rng.randint(1, 4)):
                starts = now + rng.choice([-3, -2, -1, 1]) * DAY
                id = await grant_course(
                    caller=school.system, account_id=student.account_id, course_id=rng.choice([made.course_id, None]), kind=rng.choice([EntitlementKind.GIFT, EntitlementKind.MANUAL]),
                    starts_at=starts, ends_at=rng.choice([None, starts + DAY, now + 2 * DAY, now + 3 * DAY]),
                )  # fmt: skip
                async with unit_of_work(school.system):
                    await database.fetch(
                        "UPDATE entitlements SET state = $3, grace_until = $4, revoked_at = $5 WHERE tenant_id = $1 AND id = $2",
                        school.id, id, rng.choice(["ACTIVE", "ACTIVE", "PAST_DUE", "PAUSED"]), rng.choice([None, now - DAY, now + DAY]), rng.choice([None, None, now - DAY, now + DAY]),
                    )  # fmt: skip
                ids.append(id)
            revoked = rng.choice(ids)

            told = {node["id"]: node["live"] for node in (await student.data("MyGrants"))["entitlements"]["nodes"]}
            live = (await student.data("MyGrants", where={"live": {"eq": True}}))["entitlements"]
            dead = (await student.data("MyGrants", where={"live": {"eq": False}}))["entitlements"]
            before = await access(student, made)
            await entitlements.revoke(caller=school.system, entitlement_id=revoked, reason="x")

            others = [told[public_id("ent", id)] for id in ids if id != revoked]
            assert (before == "AccessGranted") == any(told.values())
            assert (await access(student, made) == "AccessGranted") == any(others)
            assert {node["id"] for node in live["nodes"]} == {id for id, lives in told.items() if lives}
            assert live["totalCount"] + dead["totalCount"] == len(ids)

    async def test_at_once_with_a_grant_and_an_enrollment_leaves_no_way_in(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        order = {"kind": "EXTERNAL", "sourceReference": "order 17"}
        id = (await admin.data("GrantAccess", input=granting_to(student, made, **order)))["entitlement"]["id"]

        await asyncio.gather(
            *(admin.data("RevokeAccess", input={"id": id, "reason": "Refunded"}) for _ in range(3)),
            *(admin.data("GrantAccess", input=granting_to(student, made, **order, enroll=True)) for _ in range(3)),
            student.send("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}),
        )

        assert await access(student, made) in {"EntitlementExpired", "NotEnrolled"}
        assert await facts(school, "EntitlementRevoked") == ["EntitlementRevoked"]
        assert await count(school, "entitlements") == 1


class TestRestoreAndUpdate:
    async def test_restore_takes_a_revocation_back(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        end = datetime.now(UTC) + DAY
        id = (await admin.data("GrantAccess", input=granting_to(student, made, enroll=True, endsAt=iso(end))))["entitlement"]["id"]
        await admin.data("RevokeAccess", input={"id": id, "reason": "By mistake"})

        back = (await admin.data("RestoreAccess", input={"id": id}))["entitlement"]
        again = (await admin.data("RestoreAccess", input={"id": id}))["entitlement"]

        assert (back["revokedAt"], back["revokedReason"], back["live"], back["endsAt"]) == (None, None, True, iso(end))
        assert again == back
        assert await access(student, made) == "AccessGranted"
        assert await facts(school, "EntitlementRestored") == ["EntitlementRestored"]

    async def test_update_changes_the_window(self, admin: Client, student: Client, made: MadeCourse, school: School) -> None:
        now = datetime.now(UTC)
        id = (await admin.data("GrantAccess", input=granting_to(student, made, enroll=True, startsAt=iso(now - 3 * DAY), endsAt=iso(now - DAY))))["entitlement"]["id"]
        assert (await admin.data("Grants"))["nodes"][0]["live"] is False

        longer = (await admin.data("ChangeAccess", input={"id": id, "endsAt": iso(now + DAY), "note": "Was ill"}))["entitlement"]
        for_ever = (await admin.data("ChangeAccess", input={"id": id, "endsAt": None}))["entitlement"]
        await admin.data("ChangeAccess", input={"id": id})

        assert (longer["endsAt"], longer["live"], longer["note"]) == (iso(now + DAY), True, "Was ill")
        assert (for_ever["endsAt"], for_ever["startsAt"], for_ever["note"]) == (None, iso(now - 3 * DAY), "Was ill")
        assert await facts(school, "EntitlementChanged") == ["EntitlementChanged"] * 2

    async def test_update_refuses_a_window_without_inside_and_a_revoked_grant(self, admin: Client, student: Client, made: MadeCourse) -> None:
        granted = (await admin.data("GrantAccess", input=granting_to(student, made)))["entitlement"]
        id = granted["id"]

        assert await admin.codes("ChangeAccess", input={"id": id, "endsAt": granted["startsAt"]}) == ["INVALID"]
        assert await admin.codes("ChangeAccess", input={"id": id, "startsAt": None}) == ["INVALID"]
        assert await admin.codes("ChangeAccess", input={"id": id, "note": ""}) == ["INVALID"]
        await admin.data("RevokeAccess", input={"id": id, "reason": "x"})
        assert await admin.codes("ChangeAccess", input={"id": id, "endsAt": iso(datetime.now(UTC) + DAY)}) == ["CONFLICT"]

    async def test_changes_are_for_those_who_manage_entitlements(
        self, admin: Client, sign_in: SignIn, visitor: Client, student: Client, made: MadeCourse, school: School, other_school: School
    ) -> None:
        id = (await admin.data("GrantAccess", input=granting_to(student, made)))["entitlement"]["id"]
        support, stranger = await sign_in(roles=("STUDENT", "SUPPORT")), await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))
        before = await rows(school, "SELECT to_jsonb(g) FROM entitlements g WHERE tenant_id = $1")

        for document, given in (("RevokeAccess", {"id": id, "reason": "x"}), ("RestoreAccess", {"id": id}), ("ChangeAccess", {"id": id, "note": "x"})):
            assert await visitor.codes(document, input=given) == ["UNAUTHENTICATED"]
            assert await student.codes(document, input=given) == await support.codes(document, input=given) == ["FORBIDDEN"]
            assert await stranger.codes(document, input=given) == ["NOT_FOUND"]
            assert await admin.codes(document, input=given | {"id": public_id("ent", new_id())}) == ["NOT_FOUND"]
        assert await rows(school, "SELECT to_jsonb(g) FROM entitlements g WHERE tenant_id = $1") == before


class TestEntitlements:
    async def test_filters_and_pages(self, admin: Client, student: Client, sign_in: SignIn, made: MadeCourse, school: School) -> None:
        other, second = await course(school.system, text()), await sign_in()
        now = datetime.now(UTC)
        ids = {}
        for name, asked in {
            "gift": granting_to(student, made, kind="GIFT"),
            "ended": granting_to(student, other, startsAt=iso(now - 2 * DAY), endsAt=iso(now - DAY)),
            "all": {"memberId": profile(student), "allAccess": True, "idempotencyKey": "all"},
            "of another": granting_to(second, made),
        }.items():
            ids[name] = (await admin.data("GrantAccess", input=asked))["entitlement"]["id"]
        names = {id: name for name, id in ids.items()}

        async def found(where: dict[str, Any] | None, **more: Any) -> list[str]:
            page = await admin.data("Grants", where=where, **more)
            assert page["totalCount"] == len(page["nodes"]) or more
            return [names[node["id"]] for node in page["nodes"]]

        assert await found(None) == ["of another", "all", "ended", "gift"]
        assert await found({"courseId": {"eq": made.public_id}}) == ["of another", "gift"]
        assert await found({"memberId": {"eq": profile(student)}, "live": {"eq": True}}) == ["all", "gift"]
        assert await found({"live": {"eq": False}}) == ["ended"]
        assert await found({"kind": {"in": ["GIFT", "SEAT"]}}) == ["gift"]
        assert await found({"kind": {"in": []}}) == []
        assert await found({"allAccess": {"eq": True}}) == ["all"]
        assert await found({"allAccess": {"eq": False}, "memberId": {"eq": profile(student)}}) == ["ended", "gift"]
        assert await found({"courseId": {"eq": "nonsense"}}) == await found({"memberId": {"eq": public_id("prf", new_id())}}) == []
        first = await admin.data("Grants", first=3)
        assert await found(None, first=3, after=first["pageInfo"]["endCursor"]) == ["gift"]
        own = (await student.data("MyGrants", where={"courseId": {"eq": made.public_id}}))["entitlements"]
        assert [names[node["id"]] for node in own["nodes"]] == ["gift"]

    async def test_is_for_those_who_read_or_manage_entitlements(
        self, admin: Client, sign_in: SignIn, visitor: Client, student: Client, made: MadeCourse, other_school: School
    ) -> None:
        id = (await admin.data("GrantAccess", input=granting_to(student, made)))["entitlement"]["id"]
        support, fellow = await sign_in(roles=("STUDENT", "SUPPORT")), await sign_in()
        stranger = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert [node["id"] for node in (await support.data("Grants"))["nodes"]] == [id]
        assert await visitor.codes("Grants") == ["UNAUTHENTICATED"]
        assert await student.codes("Grants") == ["FORBIDDEN"]
        assert (await stranger.data("Grants", where={"memberId": {"eq": profile(student)}}))["nodes"] == []
        assert await student.data("query ($id: ID!) { node(id: $id) { id } }", id=id) == {"id": id}
        for client in (fellow, stranger, visitor):
            assert await client.data("query ($id: ID!) { node(id: $id) { id } }", id=id) is None
        assert (await fellow.data("MyGrants"))["entitlements"]["nodes"] == []

    async def test_statements_do_not_grow_with_the_page(self, admin: Client, made: MadeCourse, school: School, statements: list[str]) -> None:
        counts = []
        for _ in range(2):
            for _ in range(5):
                await grant_course(caller=Caller.system(school.id), account_id=await account(school.system), course_id=made.course_id)
            await admin.data("Grants")
            statements.clear()
            await admin.data("Grants")
            counts.append(len(statements))

        assert counts[0] == counts[1]
        assert counts[0] <= 6
