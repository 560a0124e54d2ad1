"""For how long others may hold an answer, and of what."""

import strawberry
from graphql import GraphQLObjectType, get_named_type, is_composite_type

from lms_graph.jobs import registered, runtime, shown  # noqa: F401  # `registered` makes the jobs known
from lms_graph.limits.directives import CacheControl, CacheControlScope
from lms_graph.limits.documents import Documents
from lms_graph.limits.holding import Hints
from lms_graph.schema import schema
from tests.fixtures.client import DOCUMENTS

# Everything that may be public: what visitors, learners and those who run the school see alike. Whoever adds a field here says that its value depends on nobody who asks.
PUBLIC = {
    "Query": "storefront instructor courses course categories",
    "Storefront": "id slug name primaryColor locale currency supportEmail refundPolicy logoUrl domains signInProviders",
    "StorefrontDomain": "host primary",
    "RefundPolicy": "days maxProgressPercent automatic",
    "Category": "id slug name courseCount",
    "CourseConnection": "edges nodes pageInfo totalCount facets",
    "CourseEdge": "node cursor",
    "CourseFacets": "category level duration rating price",
    "FacetValue": "value label count",
    "PageInfo": "hasNextPage hasPreviousPage startCursor endCursor",
    "Course": "id slug status enrollmentPolicy title shortDescription tags level language isFeatured enrollmentCount lectureCount durationSeconds updatedAt category instructors version "
    "description outcomes requirements sections averageRating reviewCount ratingHistogram reviews offers thumbnailUrl",
    "CourseVersion": "id number publishedAt",
    "FormattedText": "markdown html",
    "CourseInstructor": "role instructor",
    "Instructor": "id slug name headline bio courseCount studentCount avatarUrl courses",
    "Section": "id title sortOrder lectures",
    "Lecture": "id title contentType sortOrder durationSeconds isPreview isRequired previous next resourceCount",
    "RatingCount": "rating count",
    "ReviewConnection": "edges nodes pageInfo totalCount",
    "ReviewEdge": "node cursor",
    "Review": "id rating body verified createdAt editedAt reply author course",
    "ReviewReply": "body createdAt editedAt author",
    "Profile": "id name avatarUrl",  # of who wrote a review or its answer
    "Offer": "id kind subject title price compareAtPrice suggestedPrice prices interval trialDays installments onDefault accessDays minQuantity maxQuantity active saleStartsAt saleEndsAt taxCode",
    "OfferPrice": "market price compareAtPrice suggestedPrice",
    "Money": "amount currency",
}

# What public types have beside that depends on who asks: an account, its runs and rights, what it bought. Never public.
DEPENDS_ON_WHO_ASKS = {
    "Course": "team viewerPermissions access viewerEnrollment viewerReview",
    "Lecture": "access content resources viewerProgress",
    "Review": "hiddenAt hiddenReason",
    "Offer": "items",
}

SCHEMA = schema._schema
HINTS = Hints(SCHEMA)
OURS = Documents(SCHEMA)


def public() -> dict[str, set[str]]:
    """The fields of the schema that a public answer can hold, by their type."""
    found: dict[str, set[str]] = {}
    waiting = [SCHEMA.query_type]
    while waiting:
        kind = waiting.pop()
        assert isinstance(kind, GraphQLObjectType)  # no interface and no union: it would hide who is meant
        if kind.name not in found:
            found[kind.name] = {name for name in kind.fields if HINTS.seconds(kind, name)}
            waiting.extend(get_named_type(kind.fields[name].type) for name in found[kind.name] if is_composite_type(get_named_type(kind.fields[name].type)))
    return found


class TestOurSchema:
    def test_nothing_is_public_but_what_stands_here(self) -> None:
        assert public() == {kind: set(names.split()) for kind, names in PUBLIC.items()}

    def test_of_public_types_everything_else_depends_on_who_asks(self) -> None:
        others = {kind: set(SCHEMA.type_map[kind].fields) - set(names.split()) for kind, names in PUBLIC.items() if kind != "Query"}

        assert {kind: names for kind, names in others.items() if names} == {kind: set(names.split()) for kind, names in DEPENDS_ON_WHO_ASKS.items()}

    def test_nothing_of_a_viewer_is(self) -> None:
        """By name, beside the list: whatever speaks of the viewer, or leads to what is somebody's own."""
        own = (
            "viewer",
            "access",
            "enrollment",
            "progress",
            "permission",
            "entitlement",
            "attempt",
            "certificate",
            "order",
            "checkout",
            "subscription",
            "session",
            "email",
            "token",
        )
        known = {
            "Course.enrollmentPolicy",
            "Course.enrollmentCount",
            "Section.sortOrder",
            "Lecture.sortOrder",
            "Storefront.supportEmail",
            "Offer.accessDays",
            "RefundPolicy.maxProgressPercent",
        }

        assert {f"{kind}.{name}" for kind, names in public().items() for name in names if any(word in name.lower() for word in own)} == known

    def test_which_documents_of_a_storefront_may_be_held(self) -> None:
        held = {name for name, text in DOCUMENTS.items() if OURS.prepare(text).operation(None).holding}

        assert held == {"Storefront", "Catalog", "InstructorPage"}  # a course page tells who looks what is open to them

    def test_what_changes_what_is_shown_names_types_that_are(self) -> None:
        assert {kind for kinds in (*shown.FACTS.values(), *shown.JOBS.values()) for kind in kinds} <= set(PUBLIC)
        assert set(shown.JOBS) <= set(runtime.JOBS)

    def test_whatever_is_public_is_reached_by_what_some_fact_changes(self) -> None:
        """Each root field shows a type that a fact or a job makes old."""
        told = {kind for kinds in shown.FACTS.values() for kind in kinds}

        assert {get_named_type(SCHEMA.query_type.fields[name].type).name for name in PUBLIC["Query"].split()} <= told  # type: ignore[union-attr]


def hint(**said: object) -> list[object]:
    return [CacheControl(**said)]  # type: ignore[arg-type]


PRIVATE = hint(scope=CacheControlScope.PRIVATE)
WITHIN = hint(inherit_max_age=True)


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Unsaid(Named):
    more: int


@strawberry.type(directives=WITHIN)
class Thing(Named):
    own: str = strawberry.field(directives=PRIVATE)
    short: str = strawberry.field(directives=hint(max_age=5))
    unsaid: Unsaid
    led_to: Unsaid = strawberry.field(directives=WITHIN)
    thing: "Thing"
    hidden: "Thing" = strawberry.field(directives=PRIVATE)


@strawberry.type(directives=hint(max_age=30))
class Dated:
    name: str


@strawberry.type
class Query:
    thing: Thing = strawberry.field(directives=hint(max_age=60))
    unhinted: Thing
    dated: Dated
    plain: str
    said: str = strawberry.field(directives=hint(max_age=10))
    anything: Named = strawberry.field(directives=hint(max_age=60))
    own: str = strawberry.field(directives=hint(max_age=60, scope=CacheControlScope.PRIVATE))


@strawberry.type
class Mutation:
    change: Dated


SMALL = Documents(strawberry.Schema(Query, Mutation, types=[Unsaid, Thing])._schema)


def seconds(text: str) -> int | None:
    holding = SMALL.prepare(text).operations[0].holding
    return holding and holding.seconds


class TestHolding:
    def test_is_the_least_of_all_that_is_asked_for(self) -> None:
        assert seconds("{ thing { name } }") == 60
        assert seconds("{ thing { thing { name } } dated { name } }") == 30
        assert seconds("{ thing { name short } dated { name } }") == 5
        assert seconds("{ said }") == 10

    def test_what_is_somebodys_own_anywhere_is_held_nowhere(self) -> None:
        for text in ("{ thing { own } }", "{ thing { thing { thing { own } } } said }", "{ own }", "{ thing { hidden { name } } }"):
            assert seconds(text) is None, text

    def test_an_object_of_which_nothing_is_said_is_not_held(self) -> None:
        assert seconds("{ thing { unsaid { more } } }") is None
        assert seconds("{ thing { ledTo { more } } }") == 60

    def test_a_root_says_it_itself_or_its_type_by_a_time(self) -> None:
        assert seconds("{ unhinted { name } }") is None
        assert seconds("{ plain }") is None
        assert seconds("{ dated { name } }") == 30

    def test_skipped_fields_and_all_fragments_count(self) -> None:
        assert seconds("query ($a: Boolean!) { thing { name own @skip(if: $a) } }") is None
        assert seconds("{ thing { ...F } } fragment F on Thing { thing { ...G } } fragment G on Thing { short }") == 5
        assert seconds("{ thing { ... on Thing { ... { own } } } }") is None

    def test_an_interfaces_field_is_whatever_it_is_in_any_type(self) -> None:
        assert seconds("{ anything { name } }") == 60
        assert seconds("{ anything { ... on Thing { own } } }") is None

    def test_names_of_types_are_nobodys(self) -> None:
        assert seconds("{ __typename thing { __typename } }") == 60
        assert seconds("{ __typename }") is None
        assert seconds("{ __schema { description } }") is None

    def test_a_mutation_is_never_held(self) -> None:
        assert seconds("mutation { change { name } }") is None

    def test_it_knows_which_types_are_shown(self) -> None:
        holding = SMALL.prepare("{ thing { ...F } said } fragment F on Thing { ledTo { more } }").operations[0].holding

        assert holding and holding.kinds == {"Thing", "Unsaid"}

    def test_each_operation_has_its_own(self) -> None:
        both = SMALL.prepare("query A { said } query B { own }")

        assert [operation.holding is not None for operation in both.operations] == [True, False]
