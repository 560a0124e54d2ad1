"""Importing a course that is written as a folder of files."""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from uuid import UUID

import yaml
from pydantic import ValidationError

from lms_graph.domain.assessment.operations import quizzes
from lms_graph.domain.assessment.queries import quizzes as quiz_queries
from lms_graph.domain.catalog.operations import courses
from lms_graph.domain.catalog.operations.courses import CourseSource, LectureSource, Published, ResourceSource, SectionSource
from lms_graph.domain.catalog.queries import browse, outline
from lms_graph.domain.identity.queries import accounts as people
from lms_graph.domain.identity.queries import instructors as pages
from lms_graph.domain.interop.rules import course_manifest as manifests
from lms_graph.domain.interop.rules.course_manifest import CourseManifest, LectureManifest, Part, QuizManifest
from lms_graph.domain.media import operations as media
from lms_graph.domain.media.operations import PutObject
from lms_graph.domain.media.ports import ObjectStore, VideoProbe
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import public_id
from lms_graph.kit.text import pictures
from lms_graph.models import database
from lms_graph.models.assessment import QuestionKind
from lms_graph.models.catalog import CompletionKind
from lms_graph.outbox.unit_of_work import unit_of_work

MAX_FILES = 2_000
MAX_TEXT_BYTES = 1_000_000
MAX_MEDIA_BYTES = 500_000_000
MEDIA_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".vtt": "text/vtt",
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
}
PICTURES = {".svg", ".png", ".jpg", ".jpeg", ".webp"}

_PICTURE = re.compile(r"(!\[[^\]]*\]\()([^)\s]+)(\))")
P = TypeVar("P", bound=Part)


@dataclass
class CourseFolder:
    """A folder that has been read and found sound; nothing of it is stored yet."""

    root: Path
    course: CourseManifest
    description: str
    texts: dict[str, str]
    quizzes: dict[str, QuizManifest]
    pictures: dict[tuple[str, str], str]  # (Markdown file, as written there) → path in the folder
    sha256: str

    def lectures(self) -> Iterator[LectureManifest]:
        return (lecture for section in self.course.sections for lecture in section.lectures)

    def public_files(self) -> set[str]:
        return set(self.pictures.values()) | ({self.course.cover} if self.course.cover else set())

    def private_files(self) -> set[str]:
        return {
            path
            for lecture in self.lectures()
            for path in (lecture.video, *(resource.file for resource in lecture.resources), *(captions.file for captions in lecture.captions))
            if path
        }


def read_folder(root: Path) -> CourseFolder:
    """Read and check a whole folder. Raises Invalid with everything that is wrong, by file and place."""
    return _Reader(root).read()


async def import_course(*, caller: Caller, folder: CourseFolder, objects: ObjectStore, probe: VideoProbe) -> Published:
    """Store a folder's files, write its course as a new version and publish it; the same folder again changes nothing.

    Files are put first, then all rows in one unit of work: a crash in between leaves nothing that anybody sees. Raises Invalid, Unavailable. Records
    CoursePublished.
    """
    async with database.reading(caller):
        unchanged = await _unchanged(caller, folder)
        if unchanged:
            return unchanged
        category_id, instructors = await _people_and_shelf(caller, folder)
        known_quizzes = await _known_quizzes(caller, folder)
    put = {path: await _put(caller, objects, folder, path, is_public=True) for path in sorted(folder.public_files())}
    put |= {path: await _put(caller, objects, folder, path, is_public=False) for path in sorted(folder.private_files() - put.keys())}
    durations = {lecture.video: await probe.duration_ms(folder.root / lecture.video) for lecture in folder.lectures() if lecture.video}
    async with unit_of_work(caller):
        files = {path: await media.record_file(caller=caller, file=file) for path, file in put.items()}
        sections = []
        for section in folder.course.sections:
            lectures = [await _lecture(caller, folder, lecture, files, durations, known_quizzes.get(lecture.key)) for lecture in section.lectures]
            sections.append(SectionSource(key=section.key, title=section.title, lectures=tuple(lectures)))
        course = folder.course
        source = CourseSource(
            slug=course.slug,
            title=course.title,
            short_description=course.short_description,
            description=_with_pictures(folder, "description.md", folder.description, files),
            category_id=category_id,
            tags=tuple(course.tags),
            level=course.level,
            language=course.language,
            enrollment_policy=course.enrollment_policy,
            is_featured=course.is_featured,
            cover_file_id=files[course.cover] if course.cover else None,
            outcomes=tuple(course.outcomes),
            requirements=tuple(course.requirements),
            instructors=tuple(instructors),
            sections=tuple(sections),
            sha256=folder.sha256,
        )
        return await courses.publish_course(caller=caller, source=source)


async def _unchanged(caller: Caller, folder: CourseFolder) -> Published | None:
    row, _ = await browse.course_by_slug(caller=caller, slug=folder.course.slug)
    if row is None:
        return None
    source = await outline.source_of_version(caller=caller, version_id=row["published_version_id"])
    return Published(row["id"], row["published_version_id"], is_new=False) if source == folder.sha256 else None


async def _people_and_shelf(caller: Caller, folder: CourseFolder) -> tuple[UUID, list[tuple[UUID, Any]]]:
    issues = []
    shelves = {row["slug"]: row["id"] for row in await browse.categories(caller=caller)}
    if folder.course.category not in shelves:
        issues.append(Issue(f"course.yaml: the school has no category `{folder.course.category}`.", ("course.yaml",)))
    instructors = []
    for instructor in folder.course.instructors:
        id = await people.account_id_by_email(caller=caller, email=instructor.email)
        if id is None or not await pages.instructors_by_ids(caller=caller, account_ids=[id]):
            issues.append(Issue(f"course.yaml: {instructor.email} does not teach in this school.", ("course.yaml",)))
        else:
            instructors.append((id, instructor.role))
    if issues:
        raise Invalid(*issues)
    return shelves[folder.course.category], instructors


async def _known_quizzes(caller: Caller, folder: CourseFolder) -> dict[str, UUID]:
    """The quiz that each lecture has shown, by the lecture's key: its attempts go on with the next revision."""
    revisions = await outline.quiz_revisions_of_course(caller=caller, slug=folder.course.slug)
    quizzes_of = await quiz_queries.quizzes_of_revisions(caller=caller, revision_ids=list(revisions.values()))
    return {key: quizzes_of[revision] for key, revision in revisions.items()}


async def _put(caller: Caller, objects: ObjectStore, folder: CourseFolder, path: str, *, is_public: bool) -> PutObject:
    body = await asyncio.to_thread((folder.root / path).read_bytes)
    return await media.put_object(caller=caller, objects=objects, body=body, content_type=_type(path), key_hint=f"course/{folder.course.slug}", is_public=is_public)


async def _lecture(caller: Caller, folder: CourseFolder, lecture: LectureManifest, files: dict[str, UUID], durations: dict[str, int], quiz_id: UUID | None) -> LectureSource:
    video_id = quiz_revision_id = markdown = None
    seconds = lecture.duration_seconds or 0
    if lecture.video:
        captions = [{"language": one.language, "label": one.label, "fileId": str(files[one.file])} for one in lecture.captions]
        chapters = [{"title": chapter.title, "startSeconds": chapter.start_seconds} for chapter in lecture.chapters]
        video_id = await media.record_video(caller=caller, file_id=files[lecture.video], duration_ms=durations[lecture.video], chapters=chapters, captions=captions)
        seconds = -(-durations[lecture.video] // 1000)
    elif lecture.quiz:
        quiz = folder.quizzes[lecture.quiz]
        quiz_revision_id = (await quizzes.save_revision(caller=caller, quiz_id=quiz_id, draft=_draft(quiz))).quiz_revision_id
        seconds = lecture.duration_seconds if lecture.duration_seconds is not None else (quiz.time_limit_minutes or 0) * 60
    else:
        assert lecture.text
        markdown = _with_pictures(folder, lecture.text, folder.texts[lecture.text], files)
    completion = None
    if lecture.completion:
        completion = lecture.completion.kind, lecture.completion.percent or (90 if lecture.completion.kind is CompletionKind.WATCHED else None)
    return LectureSource(
        key=lecture.key,
        title=lecture.title,
        markdown=markdown,
        video_id=video_id,
        quiz_revision_id=quiz_revision_id,
        duration_seconds=seconds,
        is_preview=lecture.is_preview,
        is_required=lecture.is_required,
        completion=completion,
        opens_after=tuple(lecture.opens_after),
        resources=tuple(ResourceSource(title=resource.title, file_id=files[resource.file]) for resource in lecture.resources),
    )


def _draft(quiz: QuizManifest) -> quizzes.QuizDraft:
    return quizzes.QuizDraft(
        title=quiz.title,
        passing_score=quiz.passing_score,
        time_limit_minutes=quiz.time_limit_minutes,
        max_attempts=quiz.max_attempts,
        shuffle=quiz.shuffle,
        draw_count=quiz.draw_count,
        questions=tuple(
            quizzes.QuestionDraft(key=question.key, kind=QuestionKind(question.type.upper()), prompt=question.prompt, points=question.points, body=question.body())
            for question in quiz.questions
        ),
    )


def _with_pictures(folder: CourseFolder, file: str, markdown: str, files: dict[str, UUID]) -> str:
    """Pictures in the folder become addresses on this server, relative to its root: they hold on every domain."""

    def address(found: re.Match[str]) -> str:
        path = folder.pictures.get((file, found[2]))
        return f"{found[1]}/files/{public_id('fil', files[path])}{found[3]}" if path else found[0]

    return _PICTURE.sub(address, markdown)


def _type(path: str) -> str:
    return MEDIA_TYPES[PurePosixPath(path).suffix.lower()]


class _NoAliases(yaml.SafeLoader):
    """YAML without anchors: a few lines of them can name millions of values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("anchors and aliases are not allowed")
        return super().compose_node(parent, index)


class _Reader:
    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.issues: list[Issue] = []

    def read(self) -> CourseFolder:
        course = self._manifest("course.yaml", CourseManifest)
        if course is None:
            raise Invalid(*self.issues)
        description = self._text("description.md") or ""
        folder = CourseFolder(self.root, course, description, {}, {}, {}, "")
        self._pictures(folder, "description.md", description)
        for lecture in folder.lectures():
            if lecture.text and (text := self._text(lecture.text)) is not None:
                folder.texts[lecture.text] = text
                self._pictures(folder, lecture.text, text)
            if lecture.quiz and (quiz := self._manifest(lecture.quiz, QuizManifest)) is not None:
                folder.quizzes[lecture.quiz] = quiz
                shown = [question.key for question in quiz.questions if pictures(question.prompt)]
                self.issues += [Issue(f"{lecture.quiz}: the prompt of `{key}` has a picture; prompts take none.", (lecture.quiz,)) for key in shown]
        for path in sorted(folder.public_files() | folder.private_files()):
            self._media(path, pictures_only=path in folder.public_files())
        if self.issues:
            raise Invalid(*self.issues)
        folder.sha256 = self._sha256(folder)
        return folder

    def _file(self, path: str, limit: int) -> Path | None:
        """A regular file inside the folder, within the limit; links that lead out of it are not followed."""
        full = (self.root / path).resolve()
        if not full.is_relative_to(self.root):
            self.issues.append(Issue(f"{path} lies outside the folder.", (path,)))
        elif not full.is_file():
            self.issues.append(Issue(f"{path} is missing.", (path,)))
        elif full.stat().st_size > limit:
            self.issues.append(Issue(f"{path} is larger than {limit:,} bytes.", (path,)))
        else:
            return full
        return None

    def _text(self, path: str) -> str | None:
        full = self._file(path, MAX_TEXT_BYTES)
        if full is None:
            return None
        try:
            return full.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            self.issues.append(Issue(f"{path} is not UTF-8.", (path,)))
            return None

    def _manifest(self, path: str, kind: type[P]) -> P | None:
        text = self._text(path)
        if text is None:
            return None
        try:
            return kind.model_validate(yaml.load(text, Loader=_NoAliases))  # a SafeLoader
        except yaml.YAMLError as error:
            self.issues.append(Issue(f"{path} is not YAML that can be read: {error}.", (path,)))
        except ValidationError as error:
            self.issues += manifests.issues_of(error, path)
        return None

    def _pictures(self, folder: CourseFolder, file: str, markdown: str) -> None:
        simple = {found[2] for found in _PICTURE.finditer(markdown)}
        for written in pictures(markdown):
            if "://" in written or written.startswith(("/", "data:")):
                self.issues.append(Issue(f"{file}: the picture {written} must lie in the folder.", (file,)))
                continue
            if written not in simple:
                self.issues.append(Issue(f"{file}: write the picture {written} as ![what it shows](path), with nothing else in the brackets.", (file,)))
                continue
            full = (self.root / file).parent.joinpath(written).resolve()
            if full.is_relative_to(self.root):
                folder.pictures[file, written] = full.relative_to(self.root).as_posix()
            else:
                self.issues.append(Issue(f"{file}: the picture {written} lies outside the folder.", (file,)))

    def _media(self, path: str, *, pictures_only: bool) -> None:
        suffix = PurePosixPath(path).suffix.lower()
        if suffix not in (PICTURES if pictures_only else MEDIA_TYPES):
            self.issues.append(Issue(f"{path}: files of the kind `{suffix}` are not taken here.", (path,)))
        self._file(path, MAX_MEDIA_BYTES)

    def _sha256(self, folder: CourseFolder) -> str:
        named = {"course.yaml", "description.md", *folder.texts, *folder.quizzes, *folder.public_files(), *folder.private_files()}
        if len(named) > MAX_FILES:
            raise Invalid(Issue(f"A course folder has at most {MAX_FILES:,} files."))
        whole = hashlib.sha256()
        for path in sorted(named):
            with (self.root / path).open("rb") as file:
                whole.update(path.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()
