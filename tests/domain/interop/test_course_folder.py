"""Course folders: what is read, what is refused, and what importing writes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import lms_graph
from lms_graph.domain.catalog.operations.courses import save_category
from lms_graph.domain.interop.operations.course_folder import import_course, read_folder
from lms_graph.kit.errors import Invalid
from lms_graph.models import database
from tests.factories.accounts import account, instructor
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

DEMO = Path(lms_graph.__file__).parent / "demo/courses"
COURSE = """
slug: small
title: Small
shortDescription: A small course.
category: art
instructors: [{email: ida@example.com}]
sections:
  - key: one
    title: One
    lectures:
      - {key: read, title: Read, text: lectures/read.md}
      - {key: check, title: Check, quiz: quizzes/check.yaml}
"""
QUIZ = """
title: Check
questions:
  - {key: a, type: true_false, prompt: Is it so, answer: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, body in (("course.yaml", COURSE), ("description.md", "# Small"), ("lectures/read.md", "Read *this*."), ("quizzes/check.yaml", QUIZ)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(body)
    return tmp_path


@pytest.fixture
async def staffed(school: School) -> School:
    """A school with the shelf and the teacher that the folder names."""
    await save_category(caller=school.system, slug="art", name="Art")
    from lms_graph.domain.identity.operations.instructors import save_page

    id = await account(school.system, email="ida@example.com", roles=("INSTRUCTOR",))
    await save_page(caller=school.system, account_id=id, slug="ida", headline=None, bio_markdown="")
    return school


class TestReadFolder:
    @pytest.mark.parametrize("path", sorted(DEMO.iterdir()), ids=lambda path: path.name)
    def test_takes_every_course_of_the_demo(self, path: Path) -> None:
        assert read_folder(path).course.slug == path.name

    @pytest.mark.parametrize(
        ("spoil", "told"),
        [
            (lambda root: (root / "course.yaml").unlink(), "course.yaml is missing."),
            (lambda root: (root / "course.yaml").write_text("a: [1"), "course.yaml is not YAML"),
            (lambda root: (root / "course.yaml").write_text("a: &x [1]\nb: *x"), "anchors and aliases are not allowed"),
            (lambda root: (root / "course.yaml").write_text("!!python/object/apply:os.system ['true']"), "course.yaml is not YAML"),
            (lambda root: (root / "course.yaml").write_text("[1, 2]"), "course.yaml, at the top"),
            (lambda root: (root / "course.yaml").write_text(COURSE + "surprise: 1\n"), "surprise"),
            (lambda root: (root / "course.yaml").write_text(COURSE.replace("lectures/read.md", "../../etc/passwd")), "lies outside the folder"),
            (lambda root: (root / "course.yaml").write_text(COURSE.replace("lectures/read.md", "/etc/passwd")), "lies outside the folder"),
            (lambda root: (root / "course.yaml").write_text(COURSE.replace("text: lectures/read.md", "title: Twice")), "exactly one of text, video and quiz"),
            (lambda root: (root / "course.yaml").write_text(COURSE.replace("key: read,", "key: Read This,")), "lectures.0.key"),
            (lambda root: (root / "lectures/read.md").unlink(), "lectures/read.md is missing."),
            (lambda root: (root / "lectures/read.md").write_bytes(b"\xff\xfe"), "lectures/read.md is not UTF-8."),
            (lambda root: (root / "lectures/read.md").write_text("x" * 1_000_001), "is larger than"),
            (lambda root: (root / "lectures/read.md").write_text("![x](https://example.com/x.png)"), "must lie in the folder"),
            (lambda root: (root / "lectures/read.md").write_text("![x](../../x.png)"), "lies outside the folder"),
            (lambda root: (root / "lectures/read.md").write_text("![x](../media/none.png)"), "media/none.png is missing"),
            (lambda root: (root / "lectures/read.md").write_text("![x](../media/x.exe)"), "are not taken here"),
            (lambda root: (root / "quizzes/check.yaml").write_text(QUIZ.replace("true_false", "essay")), "quizzes/check.yaml"),
            (lambda root: (root / "quizzes/check.yaml").write_text("title: Empty\nquestions: []"), "questions"),
        ],
    )
    def test_tells_what_is_wrong_and_where(self, folder: Path, spoil: Callable[[Path], object], told: str) -> None:
        spoil(folder)

        with pytest.raises(Invalid) as refused:
            read_folder(folder)

        assert told in str(refused.value)

    def test_follows_no_link_out_of_the_folder(self, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        secret = tmp_path_factory.mktemp("elsewhere") / "secret.md"
        secret.write_text("secret")
        (folder / "lectures/read.md").unlink()
        (folder / "lectures/read.md").symlink_to(secret)

        with pytest.raises(Invalid, match="lies outside the folder"):
            read_folder(folder)

    def test_tells_everything_at_once(self, folder: Path) -> None:
        (folder / "lectures/read.md").unlink()
        (folder / "quizzes/check.yaml").unlink()

        with pytest.raises(Invalid) as refused:
            read_folder(folder)

        assert len(refused.value.issues) == 2


class TestImportCourse:
    async def importing(self, house: House, school: School, folder: Path) -> bool:
        made = await import_course(caller=school.system, folder=read_folder(folder), objects=house.adapters.objects, probe=house.adapters.video_probe)
        return made.is_new

    async def test_publishes_what_the_folder_says(self, house: House, staffed: School, folder: Path, visitor: Client) -> None:
        assert await self.importing(house, staffed, folder)

        page = await visitor.data("CoursePage", slug="small")
        assert page["title"] == "Small"
        assert page["instructors"][0]["role"] == "LEAD"
        assert [lecture["contentType"] for lecture in page["sections"][0]["lectures"]] == ["TEXT", "QUIZ"]

    async def test_the_same_folder_again_writes_nothing(self, house: House, staffed: School, folder: Path) -> None:
        await self.importing(house, staffed, folder)

        assert not await self.importing(house, staffed, folder)

    async def test_a_change_makes_a_version_that_keeps_identities(self, house: House, staffed: School, folder: Path, visitor: Client) -> None:
        await self.importing(house, staffed, folder)
        before = await visitor.data("CoursePage", slug="small")
        (folder / "lectures/read.md").write_text("Read *that*.")

        assert await self.importing(house, staffed, folder)

        after = await visitor.data("CoursePage", slug="small")
        assert after["version"]["number"] == 2
        assert [lecture["id"] for lecture in after["sections"][0]["lectures"]] == [lecture["id"] for lecture in before["sections"][0]["lectures"]]
        async with database.reading(staffed.system):
            contents = await database.fetch_value("SELECT count(*) FROM lecture_contents WHERE tenant_id = $1", staffed.id)
            quizzes = await database.fetch_value("SELECT count(*) FROM quizzes WHERE tenant_id = $1", staffed.id)
        assert (contents, quizzes) == (3, 1)  # the text twice, the unchanged quiz shared by both versions

    async def test_serves_pictures_and_plays_videos(self, house: House, school: School, sign_in: SignIn, tmp_path: Path) -> None:
        await save_category(caller=school.system, slug="photography", name="Photography")
        from lms_graph.domain.identity.operations.instructors import save_page

        id = await account(school.system, email="yuki@demo.example", roles=("INSTRUCTOR",))
        await save_page(caller=school.system, account_id=id, slug="yuki", headline=None, bio_markdown="")
        root = tmp_path / "exposure-in-an-evening"
        shutil.copytree(DEMO / "exposure-in-an-evening", root)
        first = next((root / "lectures").glob("01-*.md"))
        first.write_text(first.read_text() + "\n\n![The cover](../cover.svg)\n")
        await self.importing(house, school, root)
        student = await sign_in()

        page = await student.data("CoursePage", slug="exposure-in-an-evening")
        await student.data("Enroll", input={"courseId": page["id"], "idempotencyKey": "k"})
        lectures = {lecture["contentType"]: lecture["id"] for section in page["sections"] for lecture in reversed(section["lectures"])}
        watch = (await student.data("LecturePlayer", id=lectures["VIDEO"]))["content"]
        cover = await student.http.get(page["thumbnailUrl"])

        assert cover.status_code == 200
        assert cover.headers["content-type"] == "image/svg+xml"
        assert 27.5 < watch["durationSeconds"] < 28.5
        assert watch["chapters"][0]["startSeconds"] == 0
        assert (await student.http.get(watch["captions"][0]["url"], headers={"Authorization": "", "X-Tenant": ""})).text.startswith("WEBVTT")
        opening = page["sections"][0]["lectures"][0]["id"]
        picture = (await student.data("LecturePlayer", id=opening))["content"]["html"].split('src="')[1].split('"')[0]
        assert (await student.http.get(picture)).headers["content-type"] == "image/svg+xml"

    async def test_refuses_unknown_people_and_shelves_before_storing(self, house: House, school: School, folder: Path) -> None:
        await instructor(school.system)

        with pytest.raises(Invalid) as refused:
            await self.importing(house, school, folder)

        assert [issue.message for issue in refused.value.issues] == [
            "course.yaml: the school has no category `art`.",
            "course.yaml: ida@example.com does not teach in this school.",
        ]
        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM courses WHERE tenant_id = $1", school.id) == 0
