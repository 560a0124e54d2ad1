"""What a lecture shows. Comes only through learning's loader, after the access check."""

from typing import TYPE_CHECKING, Annotated, Any, Self

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.types.media import VideoContent
from lms_graph.types.nodes import Node, child
from lms_graph.types.text import LONG

if TYPE_CHECKING:
    from lms_graph.types.assessment.quizzes import QuizOverview
    from lms_graph.types.learning.access import AccessDecision


@strawberry.type(description="A text to read.")
class TextContent:
    markdown: str = strawberry.field(description="As it was written.", directives=[LONG])
    html: str = strawberry.field(description="Safe to show: sanitized when it was written.", directives=[LONG])


@strawberry.type(description="A quiz to take.")
class QuizContent:
    quiz_key: strawberry.Private[Any]
    quiz: Annotated["QuizOverview", strawberry.lazy("lms_graph.types.assessment.quizzes")] = child(
        "assessment.quiz_overview", key="quiz_key", description="What the learner may know of it beforehand."
    )


LectureContent = Annotated[VideoContent | TextContent | QuizContent, strawberry.union("LectureContent", description="What a lecture shows. Further kinds may come.")]


@strawberry.type(description="A file to download beside a lecture. Whoever may open the lecture; its learner finds it by `node` also when it is closed.")
class LectureResource(Node):
    title: str = strawberry.field(description="1 to 200 characters.")
    content_type: str = strawberry.field(description="Its media type.")
    size_bytes: int = strawberry.field(description="Its size.")
    url: str | None = strawberry.field(description="Where to fetch it; good for an hour. Null unless `access.allowed`.")
    lecture: strawberry.Private[Any]
    access: Annotated["AccessDecision", strawberry.lazy("lms_graph.types.learning.access")] = child(
        "learning.lecture_access", key="lecture", description="Whether the viewer may fetch it, and if not, why and what would open it: as its lecture's."
    )

    @classmethod
    def from_row(cls, row: Any, file: Any, url: str | None, lecture: Any) -> Self:
        return cls(id=strawberry.ID(public_id("res", row["id"])), title=row["title"], content_type=file.content_type, size_bytes=file.size_bytes, url=url, lecture=lecture)
