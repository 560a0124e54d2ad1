"""The catalog as visitors browse it: published courses, searched, filtered, sorted, counted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog import rules
from lms_graph.domain.catalog.queries import teachers
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.models import database

COLUMNS = (
    "c.id, c.slug, c.status, c.enrollment_policy, c.category_id, c.is_featured, c.published_version_id, c.updated_at, c.enrollment_count, c.title, c.short_description, "
    "c.cover_file_id, c.tags, c.level, c.language, c.lecture_count, c.duration_seconds, g.slug AS category_slug, g.name AS category_name"
)
_SHELVED = "LEFT JOIN categories g ON g.tenant_id = c.tenant_id AND g.id = c.category_id"
MAX_SEARCH = 200
MAX_VALUES = 100

_TERMS = {
    "RELEVANCE": ("s.relevance", "real"),
    "TITLE": ("lower(c.title)", "text"),
    "PUBLISHED_AT": ("c.first_published_at", "timestamptz"),
    "POPULARITY": ("c.enrollment_count", "int"),
    "DURATION": ("c.duration_seconds", "int"),
    "RATING": ("c.rating_hundredths", "int"),
    "PRICE": (f"(CASE WHEN c.enrollment_policy = 'OPEN' THEN 0 ELSE coalesce(c.price_amount, {rules.UNPRICED}) END)", "bigint"),
}
_PRICE = "(CASE WHEN c.enrollment_policy = 'OPEN' THEN 'FREE' WHEN c.is_sold THEN 'PAID' END)"  # null where it is not sold by itself


@dataclass(frozen=True, kw_only=True)
class CourseFilter:
    """What the courses must be like; None leaves a matter open."""

    categories: Sequence[str] | None = None
    levels: Sequence[str] | None = None
    languages: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    policies: Sequence[str] | None = None
    is_featured: bool | None = None
    duration_from: int | None = None
    duration_to: int | None = None
    rating_from: int | None = None
    rating_to: int | None = None
    prices: Sequence[str] | None = None


@dataclass(frozen=True)
class Sort:
    field: str
    descending: bool


@dataclass(frozen=True)
class Bucket:
    value: str
    label: str
    count: int


@dataclass(frozen=True)
class Summary:
    """How many there are, in all and by facet; of facets that were not asked nothing."""

    total: int
    facets: dict[str, list[Bucket]]


_BY_LENGTH = "CASE " + " ".join(f"WHEN c.duration_seconds < {below} THEN '{value}'" for value, below in rules.DURATIONS if below) + f" ELSE '{rules.DURATIONS[-1][0]}' END"
_BY_RATING = "CASE WHEN c.rating_count = 0 THEN NULL " + " ".join(f"WHEN c.rating_hundredths >= {above} THEN '{value}'" for value, above in rules.RATINGS) + " END"
# What a course counts for in each facet; null where for nothing.
FACETS = {"category": "c.category_id", "level": "c.level", "duration": _BY_LENGTH, "rating": _BY_RATING, "price": _PRICE}
# What that is called; of a category, by its row.
_VALUES = {name: f"kinds.{name}" for name in FACETS} | {"category": "g.slug"}


@dataclass(frozen=True, kw_only=True)
class Browse:
    """One way of looking at the catalog: the page and the counts are both asked of it."""

    caller: Caller
    search: str | None
    where: CourseFilter

    async def page(
        self, cursors: Cursors, request: PageRequest, order: Sequence[Sort], wanted: teachers.Wanted | None = None
    ) -> tuple[Page[Any], Sequence[database.Record] | None]:
        """The page, and who teaches its courses, if `wanted`. Raises Invalid for a search over 200 characters, RELEVANCE without a search, or a cursor of another order."""
        source, conditions, parameters = self._matching()
        terms = self._terms(order)
        keys = keyset(cursors, request, terms, of=("courses", self.caller.tenant_id), offset=len(parameters))
        chosen = ", ".join(f'{term.expression} AS "_{term.name}"' for term in terms)
        sql = f"SELECT {COLUMNS}, {chosen} FROM {source} {_SHELVED} WHERE {conditions} AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}"
        if wanted is None:
            return keys.page(await database.fetch(sql, *parameters, *keys.parameters)), None
        rows = await database.fetch(wanted.beside(f"SELECT *, row_number() OVER () AS place FROM ({sql}) AS page"), *parameters, *keys.parameters)
        courses, taught = teachers.apart(rows)
        page = keys.page(courses)
        shown = {row["id"] for row in page.rows}
        return page, taught if len(shown) == len(courses) else [teacher for teacher in taught if teacher["course_id"] in shown]

    async def summary(self, facets: Collection[str]) -> Summary:
        """Total and the named ones of `FACETS` in one statement. Counts are within the result: a chosen value keeps its own count."""
        source, conditions, parameters = self._matching()
        if not facets:
            (row,) = await database.fetch(f"SELECT count(*) AS count FROM {source} WHERE {conditions}", *parameters)
            return Summary(row["count"], {})
        # Courses that are alike in all of it are counted first: each course is looked at once, however many the facets are.
        kinds = f"SELECT {', '.join(f'{FACETS[name]} AS {name}' for name in facets)}, count(*) AS number FROM {source} WHERE {conditions} GROUP BY {', '.join(map(str, range(1, len(facets) + 1)))}"
        shelved, label = ("LEFT JOIN categories g ON g.tenant_id = $1 AND g.id = kinds.category", "coalesce(g.name, '')") if "category" in facets else ("", "''")
        sets = [f"({_VALUES[name]}{', g.name' if name == 'category' else ''})" for name in facets]
        rows = await database.fetch(
            f"""
            SELECT CASE {" ".join(f"WHEN grouping({_VALUES[name]}) = 0 THEN '{name}'" for name in facets)} END AS facet, coalesce({", ".join(_VALUES[name] for name in facets)}) AS value,
                {label} AS label, coalesce(sum(kinds.number), 0)::bigint AS count
            FROM ({kinds}) AS kinds {shelved}
            GROUP BY GROUPING SETS ({", ".join(sets)}, ())
            ORDER BY count DESC, value
            """,
            *parameters,
        )
        found: dict[str, list[Bucket]] = {name: [] for name in facets}
        for row in rows:
            if row["facet"] is not None and row["value"] is not None:
                found[row["facet"]].append(Bucket(row["value"], row["label"] or row["value"], row["count"]))
        return Summary(next(row["count"] for row in rows if row["facet"] is None), found)

    def _terms(self, order: Sequence[Sort]) -> list[Term]:
        searching = bool(self.search)
        chosen = list(order) or [Sort("RELEVANCE" if searching else "PUBLISHED_AT", descending=True)]
        if not searching and any(sort.field == "RELEVANCE" for sort in chosen):
            raise Invalid(Issue("RELEVANCE orders the results of a search: give `search` too.", ("orderBy",)))
        if len({sort.field for sort in chosen}) < len(chosen):
            raise Invalid(Issue("`orderBy` names a field twice.", ("orderBy",)))
        terms = [Term(sort.field, *_TERMS[sort.field], descending=sort.descending) for sort in chosen]
        return [*terms, Term("ID", "c.id", "uuid", descending=chosen[-1].descending)]

    def _matching(self) -> tuple[str, str, list[Any]]:
        """FROM, WHERE and their parameters."""
        if self.search is not None and len(self.search) > MAX_SEARCH:
            raise Invalid(Issue(f"`search` has at most {MAX_SEARCH} characters.", ("search",)))
        where = self.where
        parameters: list[Any] = [self.caller.tenant_id]
        source, conditions = "courses c", ["c.tenant_id = $1", "c.status = 'PUBLISHED'"]
        if self.search:
            parameters.append(self.search)
            source = "search_courses($2) s JOIN courses c ON c.id = s.course_id"

        def add(condition: str, value: Any) -> None:
            if value is not None:
                parameters.append(value)
                conditions.append(condition.format(f"${len(parameters)}"))

        for name, values in (("category", where.categories), ("level", where.levels), ("language", where.languages), ("tags", where.tags)):
            if values is not None and len(values) > MAX_VALUES:
                raise Invalid(Issue(f"A list in `where` has at most {MAX_VALUES} values.", ("where", name)))
        add("c.category_id IN (SELECT g.id FROM categories g WHERE g.tenant_id = $1 AND g.slug = ANY({}::text[]))", where.categories)
        add("c.level = ANY({}::text[])", where.levels)
        add("c.language = ANY({}::text[])", where.languages)
        add("c.tags && {}::text[]", where.tags)
        add("c.enrollment_policy = ANY({}::text[])", where.policies)
        add("c.is_featured = {}", where.is_featured)
        add("c.duration_seconds >= {}", where.duration_from)
        add("c.duration_seconds <= {}", where.duration_to)
        if where.rating_from is not None or where.rating_to is not None:
            conditions.append("c.rating_count > 0")
        add("c.rating_hundredths >= {}", where.rating_from)
        add("c.rating_hundredths <= {}", where.rating_to)
        add(f"{_PRICE} = ANY({{}}::text[])", where.prices)
        return source, " AND ".join(conditions), parameters


def is_published(course: str) -> str:
    """The condition that a course is in the catalog, for statements of areas above; `$1` is the tenant, the other is a column or parameter."""
    return f"EXISTS (SELECT FROM courses c WHERE c.tenant_id = $1 AND c.id = {course} AND c.status = 'PUBLISHED')"


async def course_by_slug(*, caller: Caller, slug: str, wanted: teachers.Wanted | None = None) -> tuple[database.Record | None, Sequence[database.Record] | None]:
    """A published course, or None; and who teaches it, if `wanted`."""
    sql = f"SELECT {COLUMNS}, 1 AS place FROM courses c {_SHELVED} WHERE c.tenant_id = $1 AND c.slug = $2 AND c.status = 'PUBLISHED'"
    if wanted is None:
        return await database.fetch_one(sql, caller.tenant_id, slug), None
    courses, taught = teachers.apart(await database.fetch(wanted.beside(sql), caller.tenant_id, slug))
    return (courses[0] if courses else None), taught


async def published_courses_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    return await database.fetch(f"SELECT {COLUMNS} FROM courses c {_SHELVED} WHERE c.tenant_id = $1 AND c.id = ANY($2) AND c.status = 'PUBLISHED'", caller.tenant_id, ids)


async def courses_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Courses in any state, for those who have them already: a learner keeps a course that left the catalog."""
    return await database.fetch(f"SELECT {COLUMNS} FROM courses c {_SHELVED} WHERE c.tenant_id = $1 AND c.id = ANY($2)", caller.tenant_id, ids)


async def courses_of_instructors(*, caller: Caller, account_ids: list[UUID], cursors: Cursors, request: PageRequest) -> dict[UUID, Page[Any]]:
    """Each instructor's published courses, newest first: one statement however many instructors."""
    terms = [Term("PUBLISHED_AT", "c.first_published_at", "timestamptz", descending=True), Term("ID", "c.id", "uuid", descending=True)]
    keys = keyset(cursors, request, terms, of=("courses of an instructor", caller.tenant_id), offset=2)
    rows = await database.fetch(
        f"""
        SELECT asked.account_id AS of_account, page.* FROM unnest($2::uuid[]) AS asked(account_id) CROSS JOIN LATERAL (
            SELECT {COLUMNS}, c.first_published_at AS "_PUBLISHED_AT", c.id AS "_ID"
            FROM course_instructors i JOIN courses c ON c.tenant_id = i.tenant_id AND c.id = i.course_id {_SHELVED}
            WHERE i.tenant_id = $1 AND i.account_id = asked.account_id AND c.status = 'PUBLISHED' AND {keys.where}
            ORDER BY {keys.order_by} LIMIT {keys.limit}
        ) AS page
        """,
        caller.tenant_id,
        account_ids,
        *keys.parameters,
    )
    return {id: keys.page([row for row in rows if row["of_account"] == id]) for id in account_ids}


async def course_counts_of_instructors(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """How many published courses, and how many enrollments in them."""
    return await database.fetch(
        "SELECT i.account_id, count(*) AS courses, sum(c.enrollment_count) AS students FROM course_instructors i JOIN courses c ON c.tenant_id = i.tenant_id AND c.id = i.course_id "
        "WHERE i.tenant_id = $1 AND i.account_id = ANY($2) AND c.status = 'PUBLISHED' GROUP BY i.account_id",
        caller.tenant_id,
        account_ids,
    )


async def categories(*, caller: Caller) -> list[database.Record]:
    """All categories, in the tenant's order."""
    return await database.fetch("SELECT id, slug, name FROM categories WHERE tenant_id = $1 ORDER BY position, name LIMIT 500", caller.tenant_id)


async def categories_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    return await database.fetch("SELECT id, slug, name FROM categories WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, ids)


async def course_counts_of_categories(*, caller: Caller, ids: list[UUID]) -> dict[UUID, int]:
    """How many published courses stand on each; nothing of those with none."""
    rows = await database.fetch(
        "SELECT category_id, count(*) AS courses FROM courses WHERE tenant_id = $1 AND category_id = ANY($2) AND status = 'PUBLISHED' GROUP BY category_id", caller.tenant_id, ids
    )
    return {row["category_id"]: row["courses"] for row in rows}
