"""Reviews of courses: who may write, answer and hide them, and what they come to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from lms_graph.domain.community.operations import ratings, reviews
from lms_graph.kit.errors import DomainError
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.models.catalog import InstructorRole
from lms_graph.models.learning import Enrollment, EnrollmentStatus
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import instructor, suspend
from tests.factories.courses import MadeCourse, course, text
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, facts_of, fetch, key, person

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]
NODE = "query ($id: ID!) { node(id: $id) { ... on Review { id body hiddenReason } } }"


@pytest.fixture
async def lead(school: School) -> UUID:
    return await instructor(school.system, name="Lea Lead")


@pytest.fixture
async def made(school: School, lead: UUID) -> MadeCourse:
    return await course(school.system, text("one"), text("two"), instructors=((lead, InstructorRole.LEAD),))


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"))


Learns = Callable[..., Awaitable[Client]]


@pytest.fixture
def learns(sign_in: SignIn, made: MadeCourse) -> Learns:
    """Somebody who has read half of the course."""

    async def learn(name: str = "Ada Example", *, of: MadeCourse = made) -> Client:
        client = await sign_in(name=name)
        await progress(client, of)
        return client

    return learn


async def progress(client: Client, made: MadeCourse) -> None:
    run = (await client.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
    assert (await client.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("one")}))["errors"] == []


async def save(client: Client, made: MadeCourse, rating: int = 5, body: str = "Good.") -> dict[str, Any]:
    saved: dict[str, Any] = await client.data("Review", input={"courseId": made.public_id, "rating": rating, "body": body})
    assert saved["errors"] == [], saved
    return saved


async def numbers(client: Client, made: MadeCourse) -> tuple[float | None, int, list[int]]:
    """Average, count, and how many give 5, 4, 3, 2 and 1."""
    shown = await client.data("CourseReviews", slug=made.slug)
    return shown["averageRating"], shown["reviewCount"], [each["count"] for each in shown["ratingHistogram"]]


async def shown(client: Client, made: MadeCourse, **more: Any) -> list[tuple[int, str]]:
    page = (await client.data("CourseReviews", slug=made.slug, **more))["reviews"]
    assert page["totalCount"] >= len(page["nodes"])
    return [(review["rating"], review["body"]) for review in page["nodes"]]


class TestSave:
    async def test_gives_the_review_and_the_new_numbers_at_once(self, learns: Learns, made: MadeCourse, visitor: Client, school: School) -> None:
        ada, ben = await learns("Ada"), await learns("Ben")

        first, second = await save(ada, made, 5, "  Fine.\nReally. "), await save(ben, made, 2, "")

        assert (first["review"]["rating"], first["review"]["body"], first["review"]["verified"]) == (5, "Fine.\nReally.", True)
        assert (first["course"], second["course"]) == ({"averageRating": 5.0, "reviewCount": 1}, {"averageRating": 3.5, "reviewCount": 2})
        page = (await visitor.data("CourseReviews", slug=made.slug))["reviews"]
        assert [(each["author"]["name"], each["rating"], each["body"], each["verified"], each["editedAt"], each["reply"]) for each in page["nodes"]] == [
            ("Ben", 2, "", True, None, None),
            ("Ada", 5, "Fine.\nReally.", True, None, None),
        ]
        assert await numbers(visitor, made) == (3.5, 2, [1, 0, 0, 1, 0])
        assert [name for name, _ in await facts_of(school, ("ReviewPosted", "ReviewEdited"))] == ["ReviewPosted"] * 2

    async def test_again_changes_it_and_the_same_changes_nothing(self, learns: Learns, made: MadeCourse, visitor: Client, school: School) -> None:
        ada = await learns()
        first = await save(ada, made, 1, "Poor.")
        second, third = await save(ada, made, 4, "Better."), await save(ada, made, 4, "Better.")

        assert first["review"]["id"] == second["review"]["id"] == third["review"]["id"]
        assert await shown(visitor, made) == [(4, "Better.")]
        assert await numbers(visitor, made) == (4.0, 1, [0, 1, 0, 0, 0])
        assert (await visitor.data("CourseReviews", slug=made.slug))["reviews"]["nodes"][0]["editedAt"] is not None
        assert [name for name, _ in await facts_of(school, ("ReviewPosted", "ReviewEdited", "CourseRatingChanged"))].count("ReviewEdited") == 1

    async def test_needs_progress_in_a_run_also_of_one_that_was_canceled(self, school: School, sign_in: SignIn, made: MadeCourse, learns: Learns) -> None:
        stranger, beginner, gone = await sign_in(), await sign_in(), await learns()
        await beginner.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"})
        async with unit_of_work(school.system):
            await Enrollment.for_caller(school.system, account_id=gone.account_id).update(status=EnrollmentStatus.CANCELED)
        given = {"courseId": made.public_id, "rating": 5, "body": ""}

        assert await stranger.codes("Review", input=given) == ["REVIEW_NOT_EARNED"]
        assert await beginner.codes("Review", input=given) == ["REVIEW_NOT_EARNED"]
        assert await gone.codes("Review", input=given) == []
        assert [row["account_id"] for row in await fetch(school, "SELECT account_id FROM reviews WHERE tenant_id = $1")] == [gone.account_id]

    async def test_is_for_signed_in_learners_of_this_school_and_not_for_the_courses_team(
        self, visitor: Client, sign_in: SignIn, other_school: School, school: School, made: MadeCourse, lead: UUID
    ) -> None:
        given = {"courseId": made.public_id, "rating": 5, "body": ""}
        teacher = await sign_in(lead)
        await progress(teacher, made)
        there = await sign_in(at=other_school)

        assert await visitor.codes("Review", input=given) == ["UNAUTHENTICATED"]
        assert await teacher.codes("Review", input=given) == ["FORBIDDEN"]
        assert await there.codes("Review", input=given) == ["NOT_FOUND"]
        assert await fetch(school, "SELECT id FROM reviews WHERE tenant_id = $1") == []

    @pytest.mark.parametrize(("rating", "body", "path"), [(0, "", "rating"), (6, "", "rating"), (5, "x" * 5001, "body")])
    async def test_refuses_what_is_out_of_bounds(self, learns: Learns, made: MadeCourse, school: School, rating: int, body: str, path: str) -> None:
        ada = await learns()
        answer = await ada.data("Review", input={"courseId": made.public_id, "rating": rating, "body": body})

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", [path])]
        assert await fetch(school, "SELECT id FROM course_ratings WHERE tenant_id = $1") == []

    async def test_ten_tabs_at_once_make_one_review(self, learns: Learns, made: MadeCourse, visitor: Client) -> None:
        ada = await learns()

        answers = await asyncio.gather(*(ada.data("Review", input={"courseId": made.public_id, "rating": 1 + number % 5, "body": ""}) for number in range(10)))

        assert {answer["review"]["id"] for answer in answers} == {answers[0]["review"]["id"]}
        (last,) = await shown(visitor, made)
        assert await numbers(visitor, made) == (float(last[0]), 1, [int(last[0] == rating) for rating in (5, 4, 3, 2, 1)])

    async def test_many_at_once_are_counted_exactly_whatever_becomes_of_them(self, school: School, made: MadeCourse, learns: Learns, visitor: Client, settle: Settle) -> None:
        """Written, changed, hidden, restored and deleted in one heap: the numbers are those of what is left."""
        people = [await learns(f"P{number}") for number in range(6)]
        for number, each in enumerate(people):
            await save(each, made, 1 + number % 5)
        mods = [row["id"] for row in await fetch(school, "SELECT id FROM reviews WHERE tenant_id = $1 ORDER BY created_at")]
        callers = [person(school, each.account_id or UUID(int=0)) for each in people]

        await asyncio.gather(
            *(reviews.save_review(caller=caller, course_id=made.course_id, rating=rating, body="again") for caller in callers for rating in (2, 5)),
            *(reviews.hide(caller=school.system, review_id=id, reason="Rude.") for id in mods[:3]),
            *(reviews.restore(caller=school.system, review_id=id) for id in mods[:2]),
            reviews.delete_review(caller=callers[5], review_id=mods[5]),
            return_exceptions=True,
        )
        await settle()

        left = await fetch(school, "SELECT rating, count(*) AS number FROM reviews WHERE tenant_id = $1 AND hidden_at IS NULL GROUP BY rating")
        by_rating = {row["rating"]: row["number"] for row in left}
        average, count, histogram = await numbers(visitor, made)
        assert histogram == [by_rating.get(rating, 0) for rating in (5, 4, 3, 2, 1)]
        assert count == sum(by_rating.values())
        copy = (await fetch(school, "SELECT rating_hundredths, rating_count FROM courses WHERE tenant_id = $1 AND id = $2", made.course_id))[0]
        assert (copy["rating_hundredths"] / 100, copy["rating_count"]) == (average or 0, count)


class TestDelete:
    async def test_takes_it_back_with_its_numbers(self, learns: Learns, made: MadeCourse, visitor: Client, school: School) -> None:
        ada = await learns()
        review = (await save(ada, made))["review"]["id"]

        answer = await ada.data("DeleteReview", input={"reviewId": review})

        assert (answer["course"]["averageRating"], answer["course"]["reviewCount"], answer["errors"]) == (None, 0, [])
        assert await shown(visitor, made) == []
        assert await ada.codes("DeleteReview", input={"reviewId": review}) == ["NOT_FOUND"]
        assert [name for name, _ in await facts_of(school, ("ReviewDeleted",))] == ["ReviewDeleted"]

    async def test_is_for_its_author(self, learns: Learns, made: MadeCourse, admin: Client, visitor: Client, sign_in: SignIn, other_school: School) -> None:
        review = (await save(await learns(), made))["review"]["id"]

        for client, code in ((await learns(), "NOT_FOUND"), (admin, "NOT_FOUND"), (visitor, "UNAUTHENTICATED"), (await sign_in(at=other_school), "NOT_FOUND")):
            assert await client.codes("DeleteReview", input={"reviewId": review}) == [code]
        assert len(await shown(visitor, made)) == 1

    async def test_cannot_undo_what_the_school_decided(self, learns: Learns, made: MadeCourse, admin: Client) -> None:
        ada = await learns()
        review = (await save(ada, made))["review"]["id"]
        await admin.data("HideReview", input={"reviewId": review, "reason": "Rude."})

        assert await ada.codes("DeleteReview", input={"reviewId": review}) == ["CONFLICT"]
        assert (await save(ada, made, 5, "Kinder."))["course"]["reviewCount"] == 0
        assert (await admin.data("RestoreReview", input={"reviewId": review}))["review"]["course"]["averageRating"] == 5.0


class TestReply:
    async def test_is_one_that_can_be_changed_and_taken_back(self, learns: Learns, made: MadeCourse, lead: UUID, sign_in: SignIn, visitor: Client, school: School) -> None:
        review = (await save(await learns(), made))["review"]["id"]
        teacher = await sign_in(lead)

        async def reply() -> Any:
            return (await visitor.data("CourseReviews", slug=made.slug))["reviews"]["nodes"][0]["reply"]

        first = await teacher.data("ReplyToReview", input={"reviewId": review, "body": "Thanks."})
        told = await reply()
        await teacher.data("ReplyToReview", input={"reviewId": review, "body": "Thanks a lot."})
        changed = await reply()
        await teacher.data("ReplyToReview", input={"reviewId": review, "body": None})

        assert first["review"]["reply"] == {"body": "Thanks."}
        assert (told["body"], told["editedAt"], told["author"]) == ("Thanks.", None, {"name": "Lea Lead"})
        assert (changed["body"], changed["createdAt"], changed["editedAt"] is not None) == ("Thanks a lot.", told["createdAt"], True)
        assert await reply() is None
        assert len(await facts_of(school, ("ReviewReplied",))) == 3

    async def test_is_for_those_who_write_the_course(
        self, learns: Learns, made: MadeCourse, admin: Client, visitor: Client, student: Client, sign_in: SignIn, school: School, other_school: School
    ) -> None:
        author = await learns()
        review = (await save(author, made))["review"]["id"]
        colleague = await instructor(school.system)
        await course(school.system, text(), instructors=((colleague, InstructorRole.LEAD),))
        given = {"reviewId": review, "body": "Thanks."}
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        for client, code in ((author, "FORBIDDEN"), (student, "FORBIDDEN"), (await sign_in(colleague), "FORBIDDEN"), (visitor, "UNAUTHENTICATED"), (there, "NOT_FOUND")):
            assert await client.codes("ReplyToReview", input=given) == [code]
        assert (await visitor.data("CourseReviews", slug=made.slug))["reviews"]["nodes"][0]["reply"] is None
        assert await admin.codes("ReplyToReview", input=given) == []

    async def test_refuses_an_empty_one(self, learns: Learns, made: MadeCourse, admin: Client) -> None:
        review = (await save(await learns(), made))["review"]["id"]

        assert await admin.codes("ReplyToReview", input={"reviewId": review, "body": " "}) == ["INVALID"]


class TestHide:
    async def test_hides_it_from_all_but_its_author_and_moderators(
        self, learns: Learns, made: MadeCourse, admin: Client, visitor: Client, student: Client, lead: UUID, sign_in: SignIn, school: School
    ) -> None:
        ada = await learns()
        review = (await save(ada, made, 1, "Rude words."))["review"]["id"]
        await save(await learns("Ben"), made, 4, "Fine.")

        hidden = await admin.data("HideReview", input={"reviewId": review, "reason": "Insults people."})
        again = await admin.data("HideReview", input={"reviewId": review, "reason": "Another."})

        assert (hidden["review"]["hiddenReason"], again["review"]["hiddenReason"]) == ("Insults people.", "Insults people.")
        assert hidden["review"]["course"]["averageRating"] == 4.0
        for client in (visitor, student, await sign_in(lead)):
            assert await shown(client, made) == [(4, "Fine.")]
            assert await client.data(NODE, id=review) is None
        own = (await ada.data("CourseReviews", slug=made.slug))["viewerReview"]
        assert (own["body"], own["hiddenReason"], own["hiddenAt"] is not None) == ("Rude words.", "Insults people.", True)
        assert (await ada.data(NODE, id=review))["hiddenReason"] == "Insults people."
        assert (await admin.data(NODE, id=review))["body"] == "Rude words."
        assert await (await sign_in(lead)).codes("ReplyToReview", input={"reviewId": review, "body": "!"}) == ["NOT_FOUND"]
        assert [entry for entry in await audit_of(school) if entry[0] == "ReviewHidden"] == [("ReviewHidden", review, admin.account_id)]

    async def test_restoring_shows_it_again_as_it_reads_now(self, learns: Learns, made: MadeCourse, admin: Client, visitor: Client, school: School) -> None:
        ada = await learns()
        review = (await save(ada, made, 1, "Rude."))["review"]["id"]
        await admin.data("HideReview", input={"reviewId": review, "reason": "Rude."})
        await save(ada, made, 3, "Kinder.")
        assert await numbers(visitor, made) == (None, 0, [0, 0, 0, 0, 0])

        for _ in range(2):
            assert (await admin.data("RestoreReview", input={"reviewId": review}))["review"]["hiddenAt"] is None

        assert await shown(visitor, made) == [(3, "Kinder.")]
        assert await numbers(visitor, made) == (3.0, 1, [0, 0, 1, 0, 0])
        assert [action for action, *_ in await audit_of(school)].count("ReviewRestored") == 1

    async def test_is_for_those_who_moderate_in_this_school(
        self, learns: Learns, made: MadeCourse, visitor: Client, lead: UUID, sign_in: SignIn, other_school: School, school: School
    ) -> None:
        ada = await learns()
        review = (await save(ada, made))["review"]["id"]
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        for client, code in ((ada, "FORBIDDEN"), (await sign_in(lead), "FORBIDDEN"), (visitor, "UNAUTHENTICATED"), (there, "NOT_FOUND")):
            assert await client.codes("HideReview", input={"reviewId": review, "reason": "No."}) == [code]
            assert await client.codes("RestoreReview", input={"reviewId": review}) == [code]
        assert await there.data(NODE, id=review) is None
        assert len(await shown(visitor, made)) == 1
        with pytest.raises(DomainError):
            await reviews.hide(caller=key(school), review_id=_uuid(review), reason="No.")

    async def test_needs_a_reason(self, learns: Learns, made: MadeCourse, admin: Client, visitor: Client) -> None:
        review = (await save(await learns(), made))["review"]["id"]

        for reason in ("", "two\nlines", "x" * 301):
            assert await admin.codes("HideReview", input={"reviewId": review, "reason": reason}) == ["INVALID"]
        assert len(await shown(visitor, made)) == 1

    async def test_moderators_find_what_is_hidden(
        self, learns: Learns, made: MadeCourse, admin: Client, student: Client, school: School, sign_in: SignIn, other_school: School
    ) -> None:
        other = await course(school.system, text("one"), text("two"))
        reviewed = [(await save(await learns(f"P{number}"), made, 3, f"n{number}"))["review"]["id"] for number in range(3)]
        await save(await learns("Q", of=other), other, 5, "other")
        await admin.data("HideReview", input={"reviewId": reviewed[1], "reason": "No."})

        async def found(**where: Any) -> tuple[list[str], int]:
            page = await admin.data("ReviewsToModerate", where=where)
            return [each["body"] for each in page["nodes"]], page["totalCount"]

        assert await found() == (["other", "n2", "n1", "n0"], 4)
        assert await found(hidden={"eq": True}) == (["n1"], 1)
        assert await found(hidden={"eq": False}, courseId=made.public_id) == (["n2", "n0"], 2)
        assert await student.codes("ReviewsToModerate") == ["FORBIDDEN"]
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))
        assert (await there.data("ReviewsToModerate", where={"courseId": made.public_id}))["nodes"] == []


class TestCourse:
    async def test_reviews_come_in_pages_and_by_rating(self, learns: Learns, made: MadeCourse, visitor: Client) -> None:
        for number in range(5):
            await save(await learns(f"P{number}"), made, 4 + number % 2, f"n{number}")

        first = (await visitor.data("CourseReviews", slug=made.slug, first=2))["reviews"]
        rest = (await visitor.data("CourseReviews", slug=made.slug, first=10, after=first["pageInfo"]["endCursor"]))["reviews"]
        fives = (await visitor.data("CourseReviews", slug=made.slug, ratings=[5, 1]))["reviews"]

        assert [each["body"] for each in (*first["nodes"], *rest["nodes"])] == ["n4", "n3", "n2", "n1", "n0"]
        assert (first["totalCount"], first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (5, True, False)
        assert ([each["body"] for each in fives["nodes"]], fives["totalCount"]) == (["n3", "n1"], 2)
        assert await visitor.codes("CourseReviews", slug=made.slug, ratings=[7]) == ["BAD_USER_INPUT"]

    async def test_takes_as_many_statements_for_many_courses_as_for_one(self, school: School, learns: Learns, sign_in: SignIn, statements: list[str]) -> None:
        client = await sign_in()
        for number in range(5):
            each = await course(school.system, text("one"), text("two"))
            await save(await learns(f"P{number}", of=each), each)
        counts = {}
        for first in (1, 5):
            statements.clear()
            await client.data(
                "query ($first: Int) { courses(first: $first) { nodes { averageRating reviewCount ratingHistogram { count } viewerReview { id } "
                "reviews(first: 3) { totalCount nodes { author { name } reply { body } } } } } }",
                first=first,
            )
            counts[first] = len(statements)

        assert counts == {1: 5, 5: 5}  # the page, the numbers, one's own, the reviews, their authors

    async def test_suspended_authors_keep_their_name(self, learns: Learns, made: MadeCourse, visitor: Client, school: School) -> None:
        ada = await learns("Ada Author")
        await save(ada, made)
        await suspend(school.system, ada.account_id or UUID(int=0))

        page = (await visitor.data("CourseReviews", slug=made.slug))["reviews"]

        assert [each["author"]["name"] for each in page["nodes"]] == ["Ada Author"]

    async def test_the_catalog_sorts_filters_and_counts_by_rating(self, school: School, learns: Learns, visitor: Client, settle: Settle, made: MadeCourse, admin: Client) -> None:
        best, worst = await course(school.system, text("one"), text("two")), await course(school.system, text("one"), text("two"))
        await save(await learns("P", of=best), best, 5)
        hidden = (await save(await learns("Q", of=worst), worst, 5))["review"]["id"]
        await save(await learns("R", of=worst), worst, 2)
        await admin.data("HideReview", input={"reviewId": hidden, "reason": "Paid for."})
        assert set(await settle()) >= {"community.share_rating"}

        async def slugs(**more: Any) -> list[str]:
            return [each["node"]["slug"] for each in (await visitor.data("Catalog", **more))["edges"]]

        assert await slugs(orderBy=[{"field": "RATING", "direction": "DESC"}]) == [best.slug, worst.slug, made.slug]
        assert await slugs(where={"rating": {"gte": 4.5}}) == [best.slug]
        assert await slugs(where={"rating": {"lte": 4.5}}) == [worst.slug]
        facets = (await visitor.data("Catalog"))["facets"]["rating"]
        assert {each["value"]: each["count"] for each in facets} == {"4_5_AND_UP": 1, "UNDER_3": 1}

    async def test_the_copy_is_told_again_without_harm(self, school: School, learns: Learns, made: MadeCourse) -> None:
        await save(await learns(), made, 4)

        await asyncio.gather(*(ratings.share_rating(caller=school.system, course_id=made.course_id, closes=None) for _ in range(5)))

        (row,) = await fetch(school, "SELECT rating_hundredths, rating_count FROM courses WHERE tenant_id = $1 AND id = $2", made.course_id)
        assert tuple(row.values()) == (400, 1)


def _uuid(id: str) -> UUID:
    parsed = parse_id(id)
    assert parsed and public_id(*parsed) == id
    return parsed[1]
