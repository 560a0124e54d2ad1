"""Loaders of community."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, matched
from lms_graph.domain.community.queries import reviews
from lms_graph.domain.community.rules.reviews import Rating
from lms_graph.kit.pages import PageRequest
from lms_graph.types.community.reviews import CourseRating, Review, ReviewConnection

Ratings = tuple[int, ...] | None


class CommunityLoaders(AreaLoaders):
    @batch
    async def review(self, ids: list[UUID]) -> list[Review | None]:
        """Those that the caller may see."""
        return matched(await reviews.reviews_by_ids(caller=self.caller, ids=ids), "id", ids, Review.from_row)

    @batch
    async def own_review(self, course_ids: list[UUID]) -> list[Review | None]:
        return matched(await reviews.own_reviews(caller=self.caller, course_ids=course_ids), "course_id", course_ids, Review.from_row)

    @batch
    async def rating(self, course_ids: list[UUID]) -> list[CourseRating]:
        found = await reviews.ratings_of_courses(caller=self.caller, course_ids=course_ids)
        return [CourseRating.of(found.get(id, Rating())) for id in course_ids]

    @batch
    async def of_course(self, keys: list[tuple[UUID, PageRequest, Ratings]]) -> list[ReviewConnection]:
        """Pages of the same kind are read together: one statement however many courses."""
        pages: dict[tuple[PageRequest, Ratings], dict[UUID, Any]] = {}
        for request, ratings in {(request, ratings) for _, request, ratings in keys}:
            ids = [id for id, *asked in keys if asked == [request, ratings]]
            pages[request, ratings] = await reviews.reviews_of_courses(caller=self.caller, course_ids=ids, ratings=ratings, cursors=self.adapters.cursors, request=request)
        return [ReviewConnection.of(pages[request, ratings][id], Review.from_row, self._count(id, ratings)) for id, request, ratings in keys]

    @batch
    async def for_moderators(self, keys: list[tuple[PageRequest, UUID | None, bool | None]]) -> list[ReviewConnection]:
        """A page a request."""
        found = []
        for request, course_id, is_hidden in keys:
            wanted: dict[str, Any] = {"course_id": course_id, "is_hidden": is_hidden}
            page = await reviews.page_for_moderators(caller=self.caller, cursors=self.adapters.cursors, request=request, **wanted)
            found.append(ReviewConnection.of(page, Review.from_row, lambda wanted=wanted: reviews.count_for_moderators(caller=self.caller, **wanted)))
        return found

    def _count(self, course_id: UUID, ratings: Ratings) -> Callable[[], Awaitable[int]]:
        """From the numbers that are kept: they are exact."""

        async def count() -> int:
            rating: CourseRating = await self.rating.load(course_id)
            return sum(each.count for each in rating.histogram if ratings is None or each.rating in ratings)

        return count
