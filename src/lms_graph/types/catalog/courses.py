"""Courses, their versions, and how the catalog is browsed."""

from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.catalog.rules import DURATIONS, RATINGS
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.models import catalog as rows
from lms_graph.types.catalog.categories import Category
from lms_graph.types.catalog.lectures import Section
from lms_graph.types.catalog.teams import CoursePermission, CourseTeamMember
from lms_graph.types.connections import After, Before, Connection, First, Last, connection
from lms_graph.types.costs import listed, usually, weight
from lms_graph.types.enums import described
from lms_graph.types.filters import StringFilter, chosen
from lms_graph.types.identity.instructors import Instructor
from lms_graph.types.nodes import Node, child, file_url
from lms_graph.types.public import PRIVATE, WITHIN
from lms_graph.types.text import FormattedText

if TYPE_CHECKING:
    from lms_graph.types.commerce.offers import Offer
    from lms_graph.types.community.reviews import RatingCount, Review, ReviewConnection
    from lms_graph.types.learning.access import AccessDecision
    from lms_graph.types.learning.enrollments import Enrollment

CourseStatus = described(
    rows.CourseStatus,
    "CourseStatus",
    "Where a course stands.",
    DRAFT="Being written; not published yet.",
    PUBLISHED="In the catalog.",
    UNPUBLISHED="Taken out of the catalog; its learners keep it.",
    ARCHIVED="Put away; its learners keep it.",
)
EnrollmentPolicy = described(rows.EnrollmentPolicy, "EnrollmentPolicy", "Who may enroll.", OPEN="Anybody who signs in.", BY_GRANT="Who holds a grant that no enrollment has used.")
CourseLevel = described(
    rows.Level,
    "CourseLevel",
    "For whom a course is meant.",
    BEGINNER="Nothing is presumed.",
    INTERMEDIATE="The basics are presumed.",
    ADVANCED="Practice is presumed.",
    ALL_LEVELS="Anybody gains by it.",
)
InstructorRole = described(rows.InstructorRole, "InstructorRole", "A part in teaching a course.", LEAD="Answers for the course.", ASSISTANT="Helps.")


@strawberry.type(description="An immutable published version of a course. Everybody may read it while the course is published; learners keep theirs.", directives=[WITHIN])
class CourseVersion(Node):
    number: int = strawberry.field(description="Counts the course's versions from 1.")
    published_at: datetime = strawberry.field(description="When it was published.")
    description: strawberry.Private[FormattedText]
    outcomes: strawberry.Private[list[str]]
    requirements: strawberry.Private[list[str]]

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("ver", row["id"])),
            number=row["number"],
            published_at=row["published_at"],
            description=FormattedText(markdown=row["description_markdown"], html=row["description_html"]),
            outcomes=row["outcomes"],
            requirements=row["requirements"],
        )


@strawberry.type(description="Somebody's part in a course.", directives=[WITHIN])
class CourseInstructor:
    role: InstructorRole = strawberry.field(description="The part.")
    instructor: Instructor = strawberry.field(description="Who it is.")

    @classmethod
    def from_row(cls, row: Any, known: dict[UUID, Instructor]) -> Self:
        """`known` are those who were met before: on a page of courses the same people teach."""
        id = row["instructor_id"]
        if id not in known:
            known[id] = Instructor.from_row(row, prefix="instructor_")
        return cls(role=rows.InstructorRole[row["role"]], instructor=known[id])


@strawberry.type(
    description="A course. Its plain fields are its latest published version; everybody may read them while it is published, and its learners afterwards.", directives=[WITHIN]
)
class Course(Node):
    slug: str = strawberry.field(description="Its name in addresses: at most 80 characters, unique in the tenant.")
    status: CourseStatus = strawberry.field(description="Where it stands.")
    enrollment_policy: EnrollmentPolicy = strawberry.field(description="Who may enroll.")
    title: str = strawberry.field(description="1 to 200 characters.")
    short_description: str = strawberry.field(description="Plain text, at most 300 characters.")
    tags: list[str] = strawberry.field(description="At most 20.")
    level: CourseLevel = strawberry.field(description="For whom it is meant.")
    language: str = strawberry.field(description="BCP 47 tag of the language it is taught in.")
    is_featured: bool = strawberry.field(description="Whether the school puts it forward.")
    enrollment_count: int = strawberry.field(description="How many enrollments there have been; a moment behind.")
    lecture_count: int = strawberry.field(description="How many lectures it has, at most 1,000.")
    duration_seconds: int = strawberry.field(description="All lectures together.")
    updated_at: datetime = strawberry.field(description="When it or its settings last changed.")
    uuid: strawberry.Private[UUID]
    cover_file_id: strawberry.Private[UUID | None]
    version_id: strawberry.Private[UUID | None]
    version_in_no_run: strawberry.Private[tuple[UUID | None, None]]

    category: Category | None = strawberry.field(description="The shelf it stands on.")
    instructors: list[CourseInstructor] = child("catalog.instructors", key="uuid", size=3, description="Who teaches it, in the school's order; at most 20.")
    team: list[CourseTeamMember] | None = child(
        "catalog.team", key="uuid", size=5, description="Who may do what with it, the creator first; at most 50. Null but for the team itself and COURSES_MANAGE."
    )
    viewer_permissions: list[CoursePermission] = child(
        "catalog.viewer_permissions",
        key="uuid",
        held=PRIVATE,
        description="What the viewer may do with it beyond what every learner may, through its team or COURSES_MANAGE; by name, mostly nothing.",
    )
    version: CourseVersion | None = child("catalog.version", key="version_id", description="The latest published version.")
    description: FormattedText | None = child("catalog.version", key="version_id", then="description", description="What it is about.")
    outcomes: list[str] | None = child("catalog.version", key="version_id", then="outcomes", description="What one can do afterwards; at most 20.")
    requirements: list[str] | None = child("catalog.version", key="version_id", then="requirements", description="What one needs before; at most 20.")
    sections: list[Section] = child("catalog.sections", key="version_in_no_run", size=10, description="Its parts in order; none before it is first published.")
    access: Annotated["AccessDecision", strawberry.lazy("lms_graph.types.learning.access")] = child(
        "learning.course_access", key="uuid", description="Whether the viewer may open its lectures, and if not, why and what would open them."
    )
    viewer_enrollment: Annotated["Enrollment", strawberry.lazy("lms_graph.types.learning.enrollments")] | None = child(
        "learning.latest_run", key="uuid", description="The viewer's latest run of it; null when signed out or not enrolled."
    )

    average_rating: float | None = child(
        "community.rating", key="uuid", then="average", description="The average of its shown reviews, 1 to 5, to two places; null while there is none."
    )
    review_count: int = child("community.rating", key="uuid", then="count", description="How many shown reviews it has.")
    rating_histogram: list[Annotated["RatingCount", strawberry.lazy("lms_graph.types.community.reviews")]] = child(
        "community.rating", key="uuid", then="histogram", size=5, description="How many shown reviews give each rating: always five entries, 5 first."
    )
    viewer_review: Annotated["Review", strawberry.lazy("lms_graph.types.community.reviews")] | None = child(
        "community.own_review", key="uuid", held=PRIVATE, description="The viewer's own review of it, also while the school hides it; null when there is none."
    )

    @connection(description="What its learners say of it, latest first; shown reviews only.")
    def reviews(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        ratings: Annotated[list[int] | None, strawberry.argument(description="Only those that give one of these ratings, 1 to 5.")] = None,
    ) -> Annotated["ReviewConnection", strawberry.lazy("lms_graph.types.community.reviews")]:
        if ratings is not None and not set(ratings) <= {1, 2, 3, 4, 5}:
            raise Invalid(Issue("A rating is a whole number from 1 to 5.", ("ratings",)))
        wanted = None if ratings is None else tuple(sorted(set(ratings)))
        return info.context.loaders.community.of_course.load((self.uuid, PageRequest(first, after, last, before), wanted))

    @strawberry.field(
        description="The ways to buy the course itself that are on sale now, in the order in which they were made; `offersFor` tells bundles, seats and all-access too.",
        directives=[usually(2)],
    )
    def offers(
        self,
        info: Info,
        market: Annotated[
            str | None, strawberry.argument(description="A country's two letters by ISO 3166, in capitals, for whose prices; those for everywhere when left out.")
        ] = None,
    ) -> list[Annotated["Offer", strawberry.lazy("lms_graph.types.commerce.offers")]]:
        return info.context.loaders.commerce.offers_of_subject.load((self.uuid, market))  # type: ignore[return-value]

    thumbnail_url: str | None = file_url(key="cover_file_id", description="Address of its picture; null when it has none.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("crs", row["id"])),
            slug=row["slug"],
            status=rows.CourseStatus[row["status"]],
            enrollment_policy=rows.EnrollmentPolicy[row["enrollment_policy"]],
            title=row["title"],
            short_description=row["short_description"],
            tags=row["tags"],
            level=rows.Level[row["level"]],
            language=row["language"],
            is_featured=row["is_featured"],
            enrollment_count=row["enrollment_count"],
            lecture_count=row["lecture_count"],
            duration_seconds=row["duration_seconds"],
            updated_at=row["updated_at"],
            uuid=row["id"],
            category=Category.of(row["category_id"], row["category_slug"], row["category_name"]) if row["category_id"] else None,
            cover_file_id=row["cover_file_id"],
            version_id=row["published_version_id"],
            version_in_no_run=(row["published_version_id"], None),
        )


@strawberry.type(description="A value of a facet and how many courses of the result have it.", directives=[WITHIN])
class FacetValue:
    value: str = strawberry.field(description="For `where`.")
    label: str = strawberry.field(description="For people.")
    count: int = strawberry.field(description="How many courses of the whole result have it.")

    @classmethod
    def from_bucket(cls, bucket: Any) -> Self:
        return cls(value=bucket.value, label=bucket.label, count=bucket.count)


@strawberry.type(description="How the whole result divides. Counted only when asked, within the result: a chosen value keeps its own count.", directives=[WITHIN])
class CourseFacets:
    category: list[FacetValue] = listed(10, description="By category slug, most frequent first; at most 500.")
    level: list[FacetValue] = listed(4, description="By level, most frequent first.")
    duration: list[FacetValue] = listed(4, description=f"By length: {', '.join(value for value, _ in DURATIONS)}; most frequent first.")
    rating: list[FacetValue] = listed(
        4, description=f"By average rating: {', '.join(value for value, _ in RATINGS)}; most frequent first. Courses without reviews are in none; a moment behind."
    )
    price: list[FacetValue] = listed(2, description="FREE or PAID, most frequent first. Courses that are not sold by themselves are in none; a moment behind.")


@strawberry.type(description="A page of the catalog.", directives=[WITHIN])
class CourseConnection(Connection[Course]):
    summary: strawberry.Private[Any] = None

    @strawberry.field(description="How the whole result divides.", directives=[weight(20)])
    async def facets(self) -> CourseFacets | None:
        if self.summary is None:
            return None
        found = (await self.summary()).facets
        return CourseFacets(**{each.name: [FacetValue.from_bucket(bucket) for bucket in found.get(each.name, ())] for each in fields(CourseFacets)})


@strawberry.input(description="The level must be one of these.")
class CourseLevelFilter:
    in_: list[CourseLevel] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: CourseLevel | None = strawberry.field(default=None, description="Exactly this.")

    def values(self) -> list[str] | None:
        wanted = chosen(self.in_, self.eq)
        return wanted and [level.value for level in wanted]


@strawberry.enum(description="What a course costs by itself.")
class CoursePrice(Enum):
    FREE = strawberry.enum_value("FREE", description="Nothing: it is open to all who enroll.")
    PAID = strawberry.enum_value("PAID", description="It has an active offer of its own, in whichever way it is paid.")


@strawberry.input(description="It must cost something, or nothing.")
class CoursePriceFilter:
    in_: list[CoursePrice] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: CoursePrice | None = strawberry.field(default=None, description="Exactly this.")

    def values(self) -> list[str] | None:
        wanted = chosen(self.in_, self.eq)
        return wanted and [price.value for price in wanted]


@strawberry.input(description="The policy must be one of these.")
class EnrollmentPolicyFilter:
    in_: list[EnrollmentPolicy] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: EnrollmentPolicy | None = strawberry.field(default=None, description="Exactly this.")

    def values(self) -> list[str] | None:
        wanted = chosen(self.in_, self.eq)
        return wanted and [policy.value for policy in wanted]


@strawberry.input(description="It must be so, or not so.")
class BooleanFilter:
    eq: bool = strawberry.field(description="Exactly this.")


@strawberry.input(description="A number within bounds, both included.")
class IntRangeFilter:
    gte: int | None = strawberry.field(default=None, description="At least this.")
    lte: int | None = strawberry.field(default=None, description="At most this.")


@strawberry.input(description="A number within bounds, both included.")
class FloatRangeFilter:
    gte: float | None = strawberry.field(default=None, description="At least this.")
    lte: float | None = strawberry.field(default=None, description="At most this.")


@strawberry.input(description="What the courses must be like: all of what is given.")
class CourseWhere:
    category: StringFilter | None = strawberry.field(default=None, description="By category slug.")
    level: CourseLevelFilter | None = strawberry.field(default=None, description="By level.")
    language: StringFilter | None = strawberry.field(default=None, description="By BCP 47 tag, as the course has it.")
    tag: StringFilter | None = strawberry.field(default=None, description="Has any of these tags.")
    enrollment_policy: EnrollmentPolicyFilter | None = strawberry.field(default=None, description="By who may enroll.")
    is_featured: BooleanFilter | None = strawberry.field(default=None, description="Put forward by the school, or not.")
    duration_seconds: IntRangeFilter | None = strawberry.field(default=None, description="By length in seconds.")
    rating: FloatRangeFilter | None = strawberry.field(default=None, description="By average rating, 1 to 5; courses without reviews have none. A moment behind.")
    price: CoursePriceFilter | None = strawberry.field(default=None, description="Free or paid; courses that are not sold by themselves are neither. A moment behind.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "categories": self.category and self.category.values(),
            "levels": self.level and self.level.values(),
            "languages": self.language and self.language.values(),
            "tags": self.tag and self.tag.values(),
            "policies": self.enrollment_policy and self.enrollment_policy.values(),
            "is_featured": self.is_featured.eq if self.is_featured else None,
            "duration_from": self.duration_seconds and self.duration_seconds.gte,
            "duration_to": self.duration_seconds and self.duration_seconds.lte,
            "rating_from": self.rating and _hundredths(self.rating.gte),
            "rating_to": self.rating and _hundredths(self.rating.lte),
            "prices": self.price and self.price.values(),
        }


def _hundredths(rating: float | None) -> int | None:
    """Beyond the scale is as good as its end."""
    return None if rating is None else round(100 * min(max(rating, 0.0), 6.0))
