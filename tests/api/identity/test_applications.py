"""Applying to teach, and what is decided about it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.identity.operations import applications
from lms_graph.domain.identity.queries import instructors
from lms_graph.kit.errors import DomainError
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from tests.factories.accounts import account, instructor, suspend, verify_address
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, facts_of, fetch, key, person, roles_of

pytestmark = pytest.mark.anyio

FACTS = ("InstructorApplied", "InstructorApplicationWithdrawn", "InstructorApplicationDecided", "RoleGranted", "RoleRevoked", "InstructorPageSaved")
NODE = "query ($id: ID!) { node(id: $id) { ... on InstructorApplication { id motivation links slug headline bio applicant { name } member { email } decidedBy { id } } } }"


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"), name="Zoe Admin")


@pytest.fixture
async def ada(sign_in: SignIn, school: School) -> Client:
    """A student who may apply."""
    client = await sign_in(name="Ada Example")
    await verify_address(school.system, account_of(client))
    return client


def account_of(client: Client) -> UUID:
    assert client.account_id
    return client.account_id


def application(**differs: Any) -> dict[str, Any]:
    return {"motivation": "I know *bread*.", "links": ["https://example.com/bread"]} | differs


async def applied(client: Client, **differs: Any) -> str:
    answer = await client.data("ApplyAsInstructor", input=application(**differs))
    assert answer["errors"] == []
    id: str = answer["application"]["id"]
    return id


def decision(id: str, decision: str = "APPROVE", **differs: Any) -> dict[str, Any]:
    return {"id": id, "decision": decision} | ({"reason": "Not yet."} if decision == "REFUSE" else {}) | differs


def uuid_of(id: str) -> UUID:
    parsed = parse_id(id)
    assert parsed
    return parsed[1]


class TestApply:
    async def test_waits_for_a_decision_and_may_draft_meanwhile(self, ada: Client, school: School) -> None:
        answer = await ada.data("ApplyAsInstructor", input=application())

        id = answer["application"]["id"]
        assert answer == {"application": {"id": id, "status": "PENDING"}, "errors": []}
        me = await ada.data("MyApplication")
        assert me["instructorApplication"] == {"id": id, "status": "PENDING", "reason": None, "decidedAt": None}
        assert (me["roles"], me["permissions"]) == (["APPLICANT", "STUDENT"], ["COURSES_DRAFT"])
        about = {"application_id": str(uuid_of(id)), "account_id": str(ada.account_id)}
        assert await facts_of(school, ["InstructorApplied"]) == [("InstructorApplied", about)]
        assert await facts_of(school, ["RoleGranted"]) == [("RoleGranted", {"account_id": str(ada.account_id), "role": "APPLICANT"})]
        assert ("InstructorApplied", id, ada.account_id) in await audit_of(school)

    async def test_needs_a_verified_address(self, student: Client, school: School) -> None:
        answer = await student.data("ApplyAsInstructor", input=application())

        assert [(error["__typename"], error["code"]) for error in answer["errors"]] == [("StateConflict", "EMAIL_UNVERIFIED")]
        assert await facts_of(school, FACTS) == []
        assert await roles_of(school, account_of(student)) == ["STUDENT"]

    async def test_is_for_people_who_are_signed_in(self, visitor: Client, school: School) -> None:
        assert await visitor.codes("ApplyAsInstructor", input=application()) == ["UNAUTHENTICATED"]
        with pytest.raises(DomainError) as refused:
            await applications.apply(caller=key(school, Permission.COURSES_DRAFT), motivation="A key.", links=[], slug=None, headline=None, bio_markdown="")
        assert refused.value.code == "FORBIDDEN"

    async def test_twice_waits_once_also_at_once(self, ada: Client, school: School) -> None:
        answers = await asyncio.gather(*(ada.data("ApplyAsInstructor", input=application()) for _ in range(5)))

        assert sorted([error["code"] for error in answer["errors"]] for answer in answers) == [[], *[["CONFLICT"]] * 4]
        assert await ada.codes("ApplyAsInstructor", input=application()) == ["CONFLICT"]
        assert len(await fetch(school, "SELECT 1 FROM instructor_applications WHERE tenant_id = $1")) == 1

    async def test_an_instructor_is_one(self, sign_in: SignIn, school: School) -> None:
        client = await sign_in(await instructor(school.system))
        await verify_address(school.system, account_of(client))

        assert await client.codes("ApplyAsInstructor", input=application()) == ["CONFLICT"]

    async def test_tells_everything_that_is_wrong_at_once(self, ada: Client, school: School) -> None:
        wrong = application(motivation="", links=["ftp://example.com"], slug="Not A Slug", headline="two\nlines", bio="x" * 20_001)

        answer = await ada.data("ApplyAsInstructor", input=wrong)

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", [name]) for name in ("motivation", "links", "slug", "headline", "bio")]
        assert await facts_of(school, FACTS) == []

    @pytest.mark.parametrize("links", [["https://example.com"] * 11, ["javascript:alert(1)"], ["https://" + "x" * 500], ["https://a\nb"]])
    async def test_links_have_bounds(self, ada: Client, links: list[str]) -> None:
        assert await ada.codes("ApplyAsInstructor", input=application(links=links)) == ["INVALID"]


class TestDecide:
    async def test_approving_makes_an_instructor_with_a_page(self, ada: Client, admin: Client, school: School) -> None:
        id = await applied(ada, slug="ada-bakes", headline="Bakes", bio="Knows **bread**.")

        answer = await admin.data("DecideApplication", input=decision(id))

        assert answer["errors"] == []
        assert (answer["application"]["id"], answer["application"]["status"]) == (id, "APPROVED")
        assert answer["application"]["decidedAt"] is not None
        assert await roles_of(school, account_of(ada)) == ["INSTRUCTOR", "STUDENT"]
        assert (await ada.data("MyApplication"))["permissions"] == ["COURSES_DRAFT", "COURSES_SELL"]
        async with database.reading(school.system):
            page = await instructors.instructor_by_slug(caller=school.system, slug="ada-bakes")
        assert page and (page["id"], page["headline"], page["bio_html"]) == (ada.account_id, "Bakes", "<p>Knows <strong>bread</strong>.</p>\n")
        told = [(name, payload.get("status", payload.get("role"))) for name, payload in await facts_of(school, FACTS)]
        assert set(told[-4:]) == {("InstructorPageSaved", None), ("RoleGranted", "INSTRUCTOR"), ("RoleRevoked", "APPLICANT"), ("InstructorApplicationDecided", "APPROVED")}
        assert ("InstructorApplicationDecided", id, admin.account_id) in await audit_of(school)

    async def test_a_page_is_named_after_the_person_where_no_name_is_wished_or_free(self, ada: Client, admin: Client, school: School, sign_in: SignIn) -> None:
        await instructor(school.system, slug="bakes")
        other = await sign_in(name="Bea Baker")
        await verify_address(school.system, account_of(other))

        for id in (await applied(ada), await applied(other, slug="bakes")):
            await admin.data("DecideApplication", input=decision(id))

        pages = await fetch(school, "SELECT slug FROM instructors WHERE tenant_id = $1 ORDER BY slug")
        assert [row["slug"] for row in pages] == ["ada-example", "bakes", "bakes-2"]

    async def test_refusing_says_why_and_takes_drafting(self, ada: Client, admin: Client, school: School) -> None:
        id = await applied(ada)

        answer = await admin.data("DecideApplication", input=decision(id, "REFUSE", reason="Show us more first."))

        assert (answer["application"]["status"], answer["errors"]) == ("REFUSED", [])
        me = await ada.data("MyApplication")
        assert (me["instructorApplication"]["status"], me["instructorApplication"]["reason"]) == ("REFUSED", "Show us more first.")
        assert (me["roles"], me["permissions"]) == (["STUDENT"], [])
        assert await fetch(school, "SELECT 1 FROM instructors WHERE tenant_id = $1") == []

    @pytest.mark.parametrize("reason", [None, "", "x" * 2001])
    async def test_refusing_needs_a_reason(self, ada: Client, admin: Client, reason: str | None) -> None:
        id = await applied(ada)

        answer = await admin.data("DecideApplication", input=decision(id, "REFUSE", reason=reason))

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", ["reason"])]
        assert (await ada.data("MyApplication"))["instructorApplication"]["status"] == "PENDING"

    async def test_twice_is_a_conflict(self, ada: Client, admin: Client, school: School) -> None:
        id = await applied(ada)
        await admin.data("DecideApplication", input=decision(id))

        for again in ("APPROVE", "REFUSE"):
            assert await admin.codes("DecideApplication", input=decision(id, again)) == ["CONFLICT"]
        assert await roles_of(school, account_of(ada)) == ["INSTRUCTOR", "STUDENT"]

    async def test_many_at_once_decide_once(self, ada: Client, admin: Client, school: School, sign_in: SignIn) -> None:
        id = await applied(ada)
        other = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))

        answers = await asyncio.gather(
            *(client.data("DecideApplication", input=decision(id, which)) for client in (admin, other) for which in ("APPROVE", "REFUSE")),
            ada.data("WithdrawApplication", input={"id": id}),
        )

        assert sorted([error["code"] for error in answer["errors"]] for answer in answers) == [[], *[["CONFLICT"]] * 4]
        (status,) = [answer["application"]["status"] for answer in answers if not answer["errors"]]
        assert await roles_of(school, account_of(ada)) == (["INSTRUCTOR", "STUDENT"] if status == "APPROVED" else ["STUDENT"])
        assert len(await facts_of(school, ["InstructorApplicationDecided", "InstructorApplicationWithdrawn"])) == 1

    async def test_who_was_suspended_is_not_approved_but_may_be_refused(self, ada: Client, admin: Client, school: School) -> None:
        id = await applied(ada)
        await suspend(school.system, account_of(ada))

        assert await admin.codes("DecideApplication", input=decision(id)) == ["CONFLICT"]
        assert await roles_of(school, account_of(ada)) == ["APPLICANT", "STUDENT"]
        assert (await admin.data("DecideApplication", input=decision(id, "REFUSE")))["errors"] == []

    @pytest.mark.parametrize("roles", [("STUDENT",), ("STUDENT", "INSTRUCTOR"), ("STUDENT", "SUPPORT")])
    async def test_others_decide_nothing(self, ada: Client, sign_in: SignIn, roles: tuple[str, ...]) -> None:
        id = await applied(ada)

        assert await (await sign_in(roles=roles)).codes("DecideApplication", input=decision(id)) == ["FORBIDDEN"]
        assert await ada.codes("DecideApplication", input=decision(id)) == ["FORBIDDEN"]
        assert (await ada.data("MyApplication"))["instructorApplication"]["status"] == "PENDING"

    async def test_another_school_decides_nothing(self, ada: Client, sign_in: SignIn, other_school: School) -> None:
        id = await applied(ada)
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert await there.codes("DecideApplication", input=decision(id)) == ["NOT_FOUND"]
        assert (await there.data("Applications"))["nodes"] == []
        assert await there.data(NODE, id=id) is None

    async def test_a_key_approves_only_what_it_may_do_itself(self, ada: Client, school: School) -> None:
        id = uuid_of(await applied(ada))

        with pytest.raises(DomainError) as refused:
            await applications.decide(caller=key(school, Permission.APPLICATIONS_DECIDE), application_id=id, is_approval=True, reason=None)
        assert refused.value.code == "FORBIDDEN"
        assert await roles_of(school, account_of(ada)) == ["APPLICANT", "STUDENT"]

        wide = key(school, Permission.APPLICATIONS_DECIDE, Permission.COURSES_DRAFT, Permission.COURSES_SELL)
        await applications.decide(caller=wide, application_id=id, is_approval=True, reason=None)
        assert await roles_of(school, account_of(ada)) == ["INSTRUCTOR", "STUDENT"]


class TestWithdraw:
    async def test_takes_it_back_and_one_may_apply_anew(self, ada: Client, school: School) -> None:
        id = await applied(ada)

        answers = [await ada.data("WithdrawApplication", input={"id": id}) for _ in range(2)]

        assert answers[0] == answers[1] == {"application": {"id": id, "status": "WITHDRAWN"}, "errors": []}
        assert await roles_of(school, account_of(ada)) == ["STUDENT"]
        assert await applied(ada) != id

    async def test_once_decided_it_stays(self, ada: Client, admin: Client) -> None:
        id = await applied(ada)
        await admin.data("DecideApplication", input=decision(id))

        assert await ada.codes("WithdrawApplication", input={"id": id}) == ["CONFLICT"]

    async def test_is_for_the_applicant(self, ada: Client, admin: Client, student: Client, visitor: Client, sign_in: SignIn, other_school: School) -> None:
        id = await applied(ada)

        for client in (admin, student, await sign_in(at=other_school)):
            assert await client.codes("WithdrawApplication", input={"id": id}) == ["NOT_FOUND"]
        assert await visitor.codes("WithdrawApplication", input={"id": id}) == ["UNAUTHENTICATED"]
        assert (await ada.data("MyApplication"))["instructorApplication"]["status"] == "PENDING"


class TestAgain:
    async def test_thirty_days_after_a_refusal(self, school: School) -> None:
        applicant = await account(school.system)
        await verify_address(school.system, applicant)
        now = datetime.now(UTC)
        asked = {"motivation": "I know bread.", "links": [], "slug": None, "headline": None, "bio_markdown": ""}
        first = await applications.apply(caller=person(school, applicant, now=now), **asked)
        await applications.decide(caller=school.system.at(now), application_id=first, is_approval=False, reason="Not yet.")

        with pytest.raises(DomainError, match="apply again from") as refused:
            await applications.apply(caller=person(school, applicant, now=now + timedelta(days=30) - timedelta(seconds=1)), **asked)
        assert refused.value.code == "CONFLICT"
        assert await roles_of(school, applicant) == ["STUDENT"]

        await applications.apply(caller=person(school, applicant, now=now + timedelta(days=30)), **asked)
        assert await roles_of(school, applicant) == ["APPLICANT", "STUDENT"]


class TestApplications:
    async def test_are_listed_latest_first(self, ada: Client, admin: Client, school: School, sign_in: SignIn) -> None:
        other = await sign_in(name="Bea Baker")
        await verify_address(school.system, account_of(other))
        first, second = await applied(ada), await applied(other)

        page = await admin.data("Applications")

        assert [(node["id"], node["status"], node["member"]["name"]) for node in page["nodes"]] == [(second, "PENDING", "Bea Baker"), (first, "PENDING", "Ada Example")]
        assert page["nodes"][0]["member"]["id"] == public_id("mbr", account_of(other))

    async def test_are_filtered_by_status_and_counted(self, ada: Client, admin: Client) -> None:
        id = await applied(ada)
        document = "query ($where: InstructorApplicationWhere) { instructorApplications(where: $where) { totalCount nodes { id } } }"

        assert await admin.data(document, where={"status": {"eq": "PENDING"}}) == {"totalCount": 1, "nodes": [{"id": id}]}
        assert await admin.data(document, where={"status": {"in": ["APPROVED", "REFUSED"]}}) == {"totalCount": 0, "nodes": []}

    async def test_are_for_those_who_decide(self, student: Client, visitor: Client, sign_in: SignIn) -> None:
        assert await visitor.codes("Applications") == ["UNAUTHENTICATED"]
        assert await student.codes("Applications") == ["FORBIDDEN"]
        assert await (await sign_in(roles=("STUDENT", "SUPPORT", "INSTRUCTOR"))).codes("Applications") == ["FORBIDDEN"]

    async def test_one_is_seen_by_its_applicant_and_those_who_decide(self, ada: Client, admin: Client, student: Client, visitor: Client, school: School) -> None:
        id = await applied(ada, slug="ada", headline="Bakes", bio="Bread.")
        await admin.data("DecideApplication", input=decision(id))
        shown = {"id": id, "motivation": "I know *bread*.", "links": ["https://example.com/bread"], "slug": "ada", "headline": "Bakes", "bio": "Bread."}
        shown |= {"applicant": {"name": "Ada Example"}, "decidedBy": {"id": public_id("prf", account_of(admin))}}
        (email,) = [row["email"] for row in await fetch(school, "SELECT email FROM accounts WHERE tenant_id = $1 AND id = $2", ada.account_id)]

        assert await ada.data(NODE, id=id) == shown | {"member": None}
        assert await admin.data(NODE, id=id) == shown | {"member": {"email": email}}
        assert await student.data(NODE, id=id) is None
        assert await visitor.data(NODE, id=id) is None

    async def test_take_as_many_statements_for_fifty_as_for_two(self, admin: Client, school: School, statements: list[str]) -> None:
        document = (
            "query ($first: Int) { instructorApplications(first: $first) { totalCount nodes { id status member { id name email roles } applicant { name } decidedBy { name } } } }"
        )
        for _ in range(50):
            applicant = await account(school.system)
            await verify_address(school.system, applicant)
            await applications.apply(caller=person(school, applicant), motivation=uuid4().hex, links=[], slug=None, headline=None, bio_markdown="")

        counts = {}
        for first in (2, 50):
            statements.clear()
            assert len((await admin.data(document, first=first))["nodes"]) == first
            counts[first] = len(statements)

        assert counts == {2: 4, 50: 4}  # the page, the members, the profiles, the count
