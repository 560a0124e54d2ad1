"""A course folder's files as they must be written. `docs/course-folders.md` tells authors the same."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from lms_graph.domain.catalog.rules import MAX_INSTRUCTORS
from lms_graph.kit.errors import Issue
from lms_graph.models.catalog import CompletionKind, EnrollmentPolicy, InstructorRole, Level

Key = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Title = Annotated[str, Field(min_length=1, max_length=200)]
Line = Annotated[str, Field(min_length=1, max_length=300)]
Path = Annotated[str, Field(min_length=1, max_length=200)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class Resource(Part):
    title: Title
    file: Path


class Captions(Part):
    language: Language
    label: Title
    file: Path


class Chapter(Part):
    title: Title
    start_seconds: float = Field(ge=0, le=86_400)


class Completion(Part):
    kind: CompletionKind
    percent: int | None = Field(None, ge=1, le=100)


class LectureManifest(Part):
    key: Key
    title: Title
    text: Path | None = None
    video: Path | None = None
    quiz: Path | None = None
    is_preview: bool = False
    is_required: bool = True
    duration_seconds: int | None = Field(None, ge=0, le=86_400)
    opens_after: list[Key] = Field(default_factory=list, max_length=20)
    completion: Completion | None = None
    resources: list[Resource] = Field(default_factory=list, max_length=20)
    captions: list[Captions] = Field(default_factory=list, max_length=50)
    chapters: list[Chapter] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _one_content(self) -> "LectureManifest":
        if sum(path is not None for path in (self.text, self.video, self.quiz)) != 1:
            raise ValueError("exactly one of text, video and quiz is needed")
        if (self.captions or self.chapters) and self.video is None:
            raise ValueError("only a video has captions and chapters")
        if len({captions.language for captions in self.captions}) < len(self.captions):
            raise ValueError("a language has captions once")
        starts = [chapter.start_seconds for chapter in self.chapters]
        if starts != sorted(set(starts)):
            raise ValueError("chapters follow each other")
        return self


class SectionManifest(Part):
    key: Key
    title: Title
    lectures: list[LectureManifest] = Field(min_length=1, max_length=1000)


class InstructorManifest(Part):
    email: str
    role: InstructorRole = InstructorRole.LEAD


class CourseManifest(Part):
    slug: Key
    title: Title
    short_description: str = Field(max_length=300)
    category: Key
    tags: list[Key] = Field(default_factory=list, max_length=20)
    level: Level = Level.ALL_LEVELS
    language: Language = "en"
    enrollment_policy: EnrollmentPolicy = EnrollmentPolicy.BY_GRANT
    is_featured: bool = False
    cover: Path | None = None
    outcomes: list[Line] = Field(default_factory=list, max_length=20)
    requirements: list[Line] = Field(default_factory=list, max_length=20)
    instructors: list[InstructorManifest] = Field(min_length=1, max_length=MAX_INSTRUCTORS)
    sections: list[SectionManifest] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _one_lead(self) -> "CourseManifest":
        if [instructor.role for instructor in self.instructors].count(InstructorRole.LEAD) != 1:
            raise ValueError("exactly one instructor is LEAD")
        return self


class Option(Part):
    key: Key
    text: Line
    correct: bool = False
    feedback: str | None = Field(None, max_length=1000)


class ChoiceQuestion(Part):
    key: Key
    type: Literal["choice"]
    prompt: str = Field(min_length=1, max_length=10_000)
    points: Decimal = Field(Decimal(1), gt=0, le=1000)
    multiple: bool = False
    options: list[Option] = Field(min_length=2, max_length=20)

    def body(self) -> dict[str, Any]:
        return {"multiple": self.multiple, "options": [option.model_dump() for option in self.options]}


class TrueFalseQuestion(Part):
    key: Key
    type: Literal["true_false"]
    prompt: str = Field(min_length=1, max_length=10_000)
    points: Decimal = Field(Decimal(1), gt=0, le=1000)
    answer: bool
    feedback: str | None = Field(None, max_length=1000)

    def body(self) -> dict[str, Any]:
        return {"answer": self.answer, "feedback": self.feedback}


class QuizManifest(Part):
    title: Title
    passing_score: Decimal = Field(Decimal(70), ge=0, le=100)
    time_limit_minutes: int | None = Field(None, ge=1, le=10_080)
    max_attempts: int | None = Field(None, ge=1, le=100)
    shuffle: bool = False
    draw_count: int | None = Field(None, ge=1, le=500)
    questions: list[Annotated[ChoiceQuestion | TrueFalseQuestion, Field(discriminator="type")]] = Field(min_length=1, max_length=500)


def issues_of(error: ValidationError, file: str) -> list[Issue]:
    """What is wrong, with the file and the place in it."""
    return [Issue(f"{file}, at {'.'.join(str(part) for part in found['loc']) or 'the top'}: {found['msg']}.", (file,)) for found in error.errors()]
