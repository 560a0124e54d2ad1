"""`courses`: the catalog searched, filtered, sorted, counted and paged."""

from collections.abc import Awaitable, Callable

import pytest

from lms_graph.domain.catalog.operations.courses import save_category
from lms_graph.models.catalog import Level
from tests.factories.accounts import instructor
from tests.factories.courses import course, text
from tests.fixtures.callers import School
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio


async def titles(client: Client, **variables: object) -> list[str]:
    found = await client.data(
        "query ($search: String, $where: CourseWhere, $orderBy: [CourseOrder!], $first: Int, $after: String, $last: Int, $before: String) "
        "{ courses(search: $search, where: $where, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) { nodes { title } } }",
        **variables,
    )
    return [node["title"] for node in found["nodes"]]


@pytest.fixture
async def shelf(school: School) -> School:
    """Four courses that differ in everything one can look for."""
    cooking = await save_category(caller=school.system, slug="cooking", name="Cooking")
    music = await save_category(caller=school.system, slug="music", name="Music")
    await course(
        school.system, text(duration_seconds=600), title="Sourdough from Flour and Water", category_id=cooking, tags=("bread", "baking"), level=Level.BEGINNER, is_featured=True
    )
    await course(school.system, text(duration_seconds=4000), title="Counterpoint", category_id=music, tags=("theory",), level=Level.ADVANCED, language="de")
    await course(
        school.system, text(duration_seconds=12000), title="Crème Brûlée", short_description="A dessert of custard and caramel.", category_id=cooking, level=Level.BEGINNER
    )
    await course(school.system, text(duration_seconds=60), title="Ear Training", category_id=music, tags=("theory", "listening"), level=Level.INTERMEDIATE)
    return school


class TestSearch:
    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("sourdough", ["Sourdough from Flour and Water"]),
            ("sourdogh", ["Sourdough from Flour and Water"]),
            ("conterpiont", ["Counterpoint"]),
            ("creme brulee", ["Crème Brûlée"]),
            ("custards", ["Crème Brûlée"]),
            ("bread", ["Sourdough from Flour and Water"]),
            ("flour watr", ["Sourdough from Flour and Water"]),
            ("zymurgy", []),
        ],
    )
    async def test_finds_words_and_forgives_typing_errors(self, visitor: Client, shelf: School, search: str, found: list[str]) -> None:
        assert await titles(visitor, search=search) == found

    async def test_puts_the_best_match_first(self, visitor: Client, school: School) -> None:
        await course(school.system, text(), title="Cooking", short_description="With a chapter about bread.")
        await course(school.system, text(), title="Bread")

        assert await titles(visitor, search="bread") == ["Bread", "Cooking"]

    @pytest.mark.parametrize("search", ["'; DROP TABLE courses; --", '"', "a & | ! ( :*", "%", "\\", "-", "\u202e", "x" * 200])
    async def test_takes_any_text(self, visitor: Client, shelf: School, search: str) -> None:
        assert await titles(visitor, search=search) == []

    async def test_refuses_more_than_200_characters(self, visitor: Client, school: School) -> None:
        assert await visitor.codes("Catalog", search="x" * 201) == ["BAD_USER_INPUT"]

    async def test_finds_nothing_of_another_school(self, visitor: Client, shelf: School, other_school: School) -> None:
        await course(other_school.system, text(), title="Sourdough of the Others")

        assert await titles(visitor, search="sourdough") == ["Sourdough from Flour and Water"]


class TestWhere:
    @pytest.mark.parametrize(
        ("where", "found"),
        [
            ({"category": {"in": ["music"]}}, ["Counterpoint", "Ear Training"]),
            ({"category": {"eq": "nowhere"}}, []),
            ({"level": {"in": ["BEGINNER"]}}, ["Crème Brûlée", "Sourdough from Flour and Water"]),
            ({"tag": {"in": ["theory", "bread"]}}, ["Counterpoint", "Ear Training", "Sourdough from Flour and Water"]),
            ({"language": {"eq": "de"}}, ["Counterpoint"]),
            ({"isFeatured": {"eq": True}}, ["Sourdough from Flour and Water"]),
            ({"durationSeconds": {"gte": 600, "lte": 4000}}, ["Counterpoint", "Sourdough from Flour and Water"]),
            ({"enrollmentPolicy": {"eq": "BY_GRANT"}}, []),
            ({"category": {"eq": "music"}, "level": {"eq": "ADVANCED"}}, ["Counterpoint"]),
        ],
    )
    async def test_keeps_what_fits_all(self, visitor: Client, shelf: School, where: dict[str, object], found: list[str]) -> None:
        assert await titles(visitor, where=where, orderBy=[{"field": "TITLE", "direction": "ASC"}]) == found

    async def test_refuses_a_list_over_100(self, visitor: Client, school: School) -> None:
        assert await visitor.codes("Catalog", where={"tag": {"in": ["x"] * 101}}) == ["BAD_USER_INPUT"]


class TestFacets:
    async def test_counts_within_the_result(self, visitor: Client, shelf: School) -> None:
        found = await visitor.data("Catalog", where={"level": {"in": ["BEGINNER", "INTERMEDIATE"]}})

        assert found["totalCount"] == 3
        assert found["facets"]["category"] == [{"value": "cooking", "label": "Cooking", "count": 2}, {"value": "music", "label": "Music", "count": 1}]
        assert found["facets"]["level"] == [{"value": "BEGINNER", "count": 2}, {"value": "INTERMEDIATE", "count": 1}]
        assert {bucket["value"]: bucket["count"] for bucket in found["facets"]["duration"]} == {"UNDER_1_HOUR": 2, "3_TO_10_HOURS": 1}

    async def test_are_empty_for_an_empty_catalog(self, visitor: Client, school: School) -> None:
        found = await visitor.data("Catalog")

        assert found["totalCount"] == 0
        assert found["edges"] == []
        assert found["facets"] == {"category": [], "level": [], "duration": [], "rating": [], "price": []}

    async def test_only_what_is_asked_is_counted(self, visitor: Client, shelf: School, statements: list[str]) -> None:
        counted = {}
        for asked in ("totalCount", "facets { length: duration { value count } } totalCount", "nodes { title level }", "facets { level { value } price { value } }"):
            statements.clear()
            await visitor.data(f"{{ courses {{ {asked} }} }}")
            counted[asked] = [sum(f"'{name}'" in statement for statement in statements) for name in ("category", "level", "duration", "rating", "price")]
            counted[asked].append(len(statements))

        assert list(counted.values()) == [[0, 0, 0, 0, 0, 2], [0, 0, 1, 0, 0, 2], [0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 2]]


class TestPages:
    @pytest.mark.parametrize("order", [[], [{"field": "TITLE", "direction": "DESC"}], [{"field": "POPULARITY", "direction": "DESC"}, {"field": "TITLE", "direction": "ASC"}]])
    async def test_walk_the_whole_list_both_ways(self, visitor: Client, school: School, order: list[object]) -> None:
        for number in range(7):
            await course(school.system, text(), title=f"Course {number}")
        whole = await titles(visitor, orderBy=order, first=100)

        forward, after = [], None
        while True:
            page = await visitor.data("Catalog", first=3, after=after, orderBy=order)
            forward += [edge["node"]["title"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        last_three = await titles(visitor, last=3, orderBy=order)
        before_the_end = await titles(visitor, last=3, before=after, orderBy=order)

        assert forward == whole
        assert last_three == whole[-3:]
        assert before_the_end == whole[-4:-1]

    async def test_survive_a_course_that_comes_in_between(self, visitor: Client, school: School) -> None:
        for number in range(4):
            await course(school.system, text(), title=f"Course {number}")
        first = await visitor.data("Catalog", first=2)

        await course(school.system, text(), title="Newcomer")

        assert await titles(visitor, first=10, after=first["pageInfo"]["endCursor"]) == ["Course 1", "Course 0"]

    @pytest.mark.parametrize("variables", [{"first": 101}, {"first": -1}, {"after": "nonsense"}, {"after": "AAAA"}, {"first": 1, "after": ""}])
    async def test_refuse_what_cannot_be_meant(self, visitor: Client, school: School, variables: dict[str, object]) -> None:
        assert await visitor.codes("Catalog", **variables) == ["BAD_USER_INPUT"]

    async def test_refuse_a_cursor_of_another_order(self, visitor: Client, shelf: School) -> None:
        page = await visitor.data("Catalog", first=1)

        assert await visitor.codes("Catalog", after=page["pageInfo"]["endCursor"], orderBy=[{"field": "TITLE", "direction": "ASC"}]) == ["BAD_USER_INPUT"]

    async def test_refuse_relevance_without_a_search(self, visitor: Client, shelf: School) -> None:
        assert await visitor.codes("Catalog", orderBy=[{"field": "RELEVANCE", "direction": "DESC"}]) == ["BAD_USER_INPUT"]


class TestStatements:
    async def test_do_not_grow_with_the_page(self, visitor: Client, school: School, statements: list[str]) -> None:
        shelf = await save_category(caller=school.system, slug="all", name="All")
        for _ in range(12):
            teacher = await instructor(school.system)
            await course(school.system, text(), category_id=shelf, instructors=((teacher, "LEAD"),))

        counts = []
        for size in (2, 12):
            statements.clear()
            assert len((await visitor.data("Catalog", first=size))["nodes"]) == size
            counts.append(len(statements))

        # courses with their categories and who teaches, summary, numbers of reviews, offers
        assert counts == [4, 4]

    async def test_a_shelf_comes_with_its_courses_and_counts_them_when_asked(self, visitor: Client, shelf: School, statements: list[str]) -> None:
        for asked, expected in (("slug", 1), ("slug courseCount", 2)):
            statements.clear()
            found = await visitor.data(f"{{ courses {{ nodes {{ title category {{ {asked} }} }} }} }}")
            assert len(statements) == expected
        assert [node["category"] for node in found["nodes"]] == [{"slug": slug, "courseCount": 2} for slug in ("music", "cooking", "music", "cooking")]

        statements.clear()
        assert await visitor.data("{ categories { slug courseCount } }") == [{"slug": "cooking", "courseCount": 2}, {"slug": "music", "courseCount": 2}]
        assert len(statements) == 2

    async def test_biographies_are_read_where_one_is_asked(self, visitor: Client, school: School, statements: list[str]) -> None:
        await course(school.system, text(), instructors=((await instructor(school.system), "LEAD"),))
        read = []
        for asked in ("name", "name bio { html }"):
            statements.clear()
            await visitor.data(f"{{ courses {{ nodes {{ instructors {{ instructor {{ {asked} }} }} }} }} }}")
            read.append(sum("bio_html" in each and "'' AS bio_html" not in each for each in statements))

        assert read == [0, 1]


async def test_popularity_follows_enrollments(visitor: Client, school: School, sign_in: Callable[..., Awaitable[Client]], settle: Callable[[], Awaitable[list[str]]]) -> None:
    liked = await course(school.system, text(), title="Liked")
    await course(school.system, text(), title="Left")
    for _ in range(2):
        await (await sign_in()).data("Enroll", input={"courseId": liked.public_id, "idempotencyKey": "k"})

    await settle()

    found = await visitor.data("Catalog", orderBy=[{"field": "POPULARITY", "direction": "DESC"}])
    assert [edge["node"]["enrollmentCount"] for edge in found["edges"]] == [2, 0]


@pytest.mark.parametrize("text", ["a\0b", "\ud83d"])
async def test_a_text_that_cannot_be_kept_is_refused(visitor: Client, school: School, text: str) -> None:
    assert await visitor.codes("Catalog", search=text) == ["BAD_USER_INPUT"]
    assert (await visitor.send("query ($slug: String!) { course(slug: $slug) { id } storefront { slug } }", slug=text))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
