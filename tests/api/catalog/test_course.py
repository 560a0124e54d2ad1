"""`course`, `lecture`, `instructor` and `nodes`: the pages that visitors and learners open."""

import pytest

from lms_graph.domain.catalog.operations.courses import ResourceSource, SectionSource, save_category
from lms_graph.domain.learning.operations.entitlements import grant_course
from lms_graph.kit.ids import public_id
from lms_graph.models import database
from lms_graph.models.catalog import EnrollmentPolicy
from tests.factories.accounts import instructor
from tests.factories.courses import MadeCourse, course, quiz_lecture, text, video
from tests.fixtures.callers import School
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio


async def enroll(client: Client, made: MadeCourse) -> str:
    payload = await client.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": made.slug})
    assert payload["errors"] == []
    return str(payload["enrollment"]["id"])


class TestCoursePage:
    async def test_shows_the_published_version(self, visitor: Client, school: School) -> None:
        teacher = await instructor(school.system, name="Ida Example")
        shelf = await save_category(caller=school.system, slug="music", name="Music")
        made = await course(
            school.system,
            title="Ears",
            description="# Hello\n\n<script>alert(1)</script>",
            outcomes=("Hear.",),
            requirements=("Ears.",),
            category_id=shelf,
            instructors=((teacher, "LEAD"),),
        )

        page = await visitor.data("CoursePage", slug=made.slug)

        assert page["title"] == "Ears"
        assert page["description"]["html"].startswith("<h1>Hello</h1>")
        assert "<script" not in page["description"]["html"]
        assert page["outcomes"] == ["Hear."]
        assert page["version"]["number"] == 1
        assert page["category"] == {"slug": "music", "name": "Music"}
        assert [part["instructor"]["name"] for part in page["instructors"]] == ["Ida Example"]
        assert page["instructors"][0]["instructor"]["courseCount"] == 1
        assert [lecture["contentType"] for lecture in page["sections"][0]["lectures"]] == ["TEXT", "VIDEO", "QUIZ"]

    async def test_says_what_is_open_to_whom(self, visitor: Client, student: Client, school: School) -> None:
        made = await course(school.system)

        anonymous = await visitor.data("CoursePage", slug=made.slug)
        before = await student.data("CoursePage", slug=made.slug)
        await enroll(student, made)
        after = await student.data("CoursePage", slug=made.slug)

        def answers(page: dict[str, object]) -> list[str]:
            return [lecture["access"]["__typename"] for lecture in page["sections"][0]["lectures"]]  # type: ignore[index]

        assert anonymous["access"]["__typename"] == "SignInRequired"
        assert answers(anonymous) == ["AccessGranted", "SignInRequired", "SignInRequired"]
        assert before["access"] == {"__typename": "NotEnrolled", "allowed": False, "course": {"id": made.public_id, "slug": made.slug}, "offers": []}
        assert after["access"] == {"__typename": "AccessGranted", "allowed": True, "sources": [{"kind": "OPEN", "endsAt": None}], "until": None}
        assert answers(after) == ["AccessGranted"] * 3
        assert after["viewerEnrollment"]["progressPercent"] == 0
        assert after["viewerEnrollment"]["resume"]["lecture"]["id"] == made.lecture("text")

    async def test_is_null_for_unknown_slugs_and_other_schools(self, visitor: Client, other_school: School) -> None:
        hidden = await course(other_school.system)

        assert await visitor.data("CoursePage", slug="nothing") is None
        assert await visitor.data("CoursePage", slug=hidden.slug) is None

    async def test_statements_do_not_grow_with_the_outline(self, visitor: Client, student: Client, school: School, statements: list[str]) -> None:
        counts = []
        for size in (2, 40):
            teachers = tuple([(await instructor(school.system), "LEAD") for _ in range(2)])
            sections = tuple(SectionSource(key=f"s{part}", title="Part", lectures=tuple(text(f"l{part}-{number}") for number in range(size // 2))) for part in range(2))
            made = await course(school.system, sections=sections, instructors=teachers)
            await enroll(student, made)
            for client in (visitor, student):
                statements.clear()
                await client.data("CoursePage", slug=made.slug)
                counts.append(len(statements))

        # course with who teaches and their counts, numbers of reviews, reviews, offers; a learner's also run, grants, progress. The version and its outline are kept since somebody enrolled.
        assert counts == [4, 7, 4, 7]

    async def test_a_version_is_read_once_and_the_next_one_too(self, visitor: Client, school: School, statements: list[str]) -> None:
        slug, counts, titles = "kept", [], []
        for lecture in ("first", "second"):
            made = await course(school.system, text(lecture), slug=slug)
            for _ in range(2):
                statements.clear()
                page = await visitor.data("CoursePage", slug=made.slug)
                counts.append(len(statements))
                titles.append(page["version"]["number"])

        assert counts == [6, 4, 6, 4]
        assert titles == [1, 1, 2, 2]


class TestLecturePlayer:
    async def test_shows_a_preview_to_everybody(self, visitor: Client, school: School) -> None:
        made = await course(school.system)

        lecture = await visitor.data("LecturePlayer", id=made.lecture("text"))

        assert lecture["content"]["__typename"] == "TextContent"
        assert "<h1>text</h1>" in lecture["content"]["html"]
        assert lecture["access"]["sources"] == [{"kind": "PREVIEW", "endsAt": None}]
        assert lecture["previous"] is None
        assert lecture["next"]["id"] == made.lecture("video")
        assert lecture["viewerProgress"] is None

    async def test_keeps_the_content_of_what_is_closed(self, visitor: Client, student: Client, school: School) -> None:
        made = await course(school.system, text("closed", resources=()), await video(school.system), await quiz_lecture(school.system))

        for client in (visitor, student):
            for key in ("closed", "video", "quiz"):
                lecture = await client.data("LecturePlayer", id=made.lecture(key))
                assert lecture["content"] is None
                assert lecture["resources"] is None
                assert lecture["title"]

    async def test_shows_a_learner_everything(self, student: Client, school: School) -> None:
        made = await course(school.system)
        await enroll(student, made)

        watch = await student.data("LecturePlayer", id=made.lecture("video"))
        check = await student.data("LecturePlayer", id=made.lecture("quiz"))

        assert watch["content"] == {
            "__typename": "VideoContent",
            "durationSeconds": 100.0,
            "chapters": [{"title": "Start", "startSeconds": 0.0}],
            "captions": [],
            "status": "READY",
        }
        assert watch["resources"] == []
        assert watch["viewerProgress"]["completed"] is False
        assert check["content"]["quiz"]["title"] == "Geography"

    async def test_closes_when_the_last_grant_ends_and_not_before(self, student: Client, school: School) -> None:
        made = await course(school.system, enrollment_policy=EnrollmentPolicy.BY_GRANT)
        account = student.account_id
        first = await grant_course(caller=school.system, account_id=account, course_id=made.course_id)
        second = await grant_course(caller=school.system, account_id=account, course_id=made.course_id)
        await enroll(student, made)

        async def access_after(sql: str, id: object) -> str:
            async with database.writing(school.system):
                await database.fetch(sql, school.id, id)
            return str((await student.data("LecturePlayer", id=made.lecture("video")))["access"]["__typename"])

        revoke = "UPDATE entitlements SET revoked_at = now() - interval '1 second' WHERE tenant_id = $1 AND id = $2"
        assert await access_after(revoke, first) == "AccessGranted"
        assert await access_after("UPDATE entitlements SET state = 'PAST_DUE', grace_until = now() + interval '1 day' WHERE tenant_id = $1 AND id = $2", second) == "AccessGranted"
        assert await access_after("UPDATE entitlements SET grace_until = now() - interval '1 day' WHERE tenant_id = $1 AND id = $2", second) == "PaymentPastDue"
        assert await access_after(revoke, second) == "EntitlementExpired"

    async def test_waits_for_what_must_be_done_before(self, student: Client, school: School) -> None:
        made = await course(school.system, text("one"), text("two", opens_after=("one",)))
        run = await enroll(student, made)

        closed = await student.data("LecturePlayer", id=made.lecture("two"))
        refused = await student.codes("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("two")})
        await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("one")})
        opened = await student.data("LecturePlayer", id=made.lecture("two"))

        assert closed["access"]["__typename"] == "PrerequisiteUnmet"
        assert closed["access"]["requirements"] == [
            {
                "kind": "LECTURE_COMPLETED",
                "met": False,
                "value": 0,
                "target": 1,
                "lecture": {"id": made.lecture("one"), "title": "Lecture one"},
                "course": {"id": made.public_id, "slug": made.slug},
            }
        ]
        assert refused == ["ACCESS_DENIED"]
        assert opened["access"]["allowed"] is True

    async def test_gives_downloads_that_work(self, student: Client, school: School) -> None:
        from lms_graph.domain.media.operations import store_file

        file = await store_file(caller=school.system, objects=student.house.adapters.objects, body=b"a,b\n1,2\n", content_type="text/csv", key_hint="x")
        made = await course(school.system, text(resources=(ResourceSource(title="Table.csv", file_id=file),)))
        await enroll(student, made)

        (resource,) = (await student.data("LecturePlayer", id=made.lecture("text")))["resources"]

        assert resource["sizeBytes"] == 8
        assert (await student.http.get(resource["url"], headers={"Authorization": "", "X-Tenant": ""})).content == b"a,b\n1,2\n"


class TestVersions:
    async def test_a_learner_stays_on_the_version_he_started(self, visitor: Client, student: Client, school: School) -> None:
        made = await course(school.system, text("one", title="First words"))
        run = await enroll(student, made)

        again = await course(school.system, text("one", title="Second words", markdown="New."), text("two"), slug=made.slug)

        assert again.lectures["one"] == made.lectures["one"]
        assert (await visitor.data("LecturePlayer", id=made.lecture("one")))["title"] == "Second words"
        assert (await student.data("LecturePlayer", id=made.lecture("one")))["title"] == "First words"
        learn = await student.data("Learn", id=run)
        assert [lecture["title"] for lecture in learn["sections"][0]["lectures"]] == ["First words"]
        assert learn["version"]["number"] == 1

    async def test_the_same_source_again_makes_no_version(self, visitor: Client, school: School) -> None:
        made = await course(school.system, text(), sha256="a" * 64)
        again = await course(school.system, text(), sha256="a" * 64, slug=made.slug)

        assert again.version_id == made.version_id


class TestInstructorPage:
    async def test_pages_their_courses(self, visitor: Client, school: School) -> None:
        teacher = await instructor(school.system, slug="ida")
        for number in range(14):
            await course(school.system, text(), title=f"Course {number}", instructors=((teacher, "LEAD"),))

        page = await visitor.data("InstructorPage", slug="ida")

        assert [node["title"] for node in page["courses"]["nodes"]] == [f"Course {number}" for number in range(13, 1, -1)]
        assert page["courses"]["pageInfo"]["hasNextPage"] is True


class TestRefetch:
    async def test_gives_each_by_its_id(self, visitor: Client, school: School, other_school: School) -> None:
        made, foreign = await course(school.system), await course(other_school.system)
        page = await visitor.data("CoursePage", slug=made.slug)
        section = page["sections"][0]["id"]

        found = await visitor.data(
            "Refetch", ids=[made.public_id, section, made.lecture("video"), page["version"]["id"], foreign.public_id, "nonsense", public_id("crs", made.version_id)]
        )

        assert [node and node["__typename"] for node in found] == ["Course", "Section", "Lecture", "CourseVersion", None, None, None]
