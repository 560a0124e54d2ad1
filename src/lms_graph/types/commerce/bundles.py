"""Bundles: courses that are sold together."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.rules.offers import BundleDraft
from lms_graph.kit.ids import public_id
from lms_graph.types.commerce.offers import Offer
from lms_graph.types.connections import Connection
from lms_graph.types.costs import usually
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.text import FormattedText

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course

MARKET = strawberry.argument(description="A country's two letters by ISO 3166, in capitals, for whose prices; those for everywhere when left out.")


@strawberry.type(description="Courses that are sold together. Everybody sees it while it is active; who holds OFFERS_MANAGE always.")
class Bundle(Node):
    slug: str = strawberry.field(description="Its name in addresses: at most 80 characters, unique in the tenant.")
    title: str = strawberry.field(description="1 to 200 characters.")
    description: FormattedText = strawberry.field(description="What it is about.")
    active: bool = strawberry.field(description="Whether it is sold at all.")
    created_at: datetime = strawberry.field(description="When it was made.")
    uuid: strawberry.Private[UUID]
    courses: list[Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")]] = child(
        "commerce.courses_of_bundle", key="uuid", size=5, description="Its published courses, in order; at most 100. While one is not published, the bundle is not sold."
    )

    @strawberry.field(description="The ways to buy it that are on sale now, in the order in which they were made.", directives=[usually(2)])
    def offers(self, info: Info, market: Annotated[str | None, MARKET] = None) -> list[Offer]:
        return info.context.loaders.commerce.offers_of_subject.load((self.uuid, market))  # type: ignore[return-value]

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("bun", row["id"])),
            slug=row["slug"],
            title=row["title"],
            description=FormattedText(markdown=row["description_markdown"], html=row["description_html"]),
            active=row["is_active"],
            created_at=row["created_at"],
            uuid=row["id"],
        )


@strawberry.type(description="A page of bundles.")
class BundleConnection(Connection[Bundle]):
    pass


@strawberry.input(description="A bundle, the whole of it: what is left out has its default, also when a bundle is changed.")
class BundleSaveInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The bundle to change; left out for a new one.")
    slug: str = strawberry.field(description="Lower-case letters and digits with single hyphens, at most 80; unique in the tenant.")
    title: str = strawberry.field(description="One line of 1 to 200 characters.")
    description: str = strawberry.field(default="", description="Markdown, at most 20,000 characters.")
    course_ids: list[strawberry.ID] = strawberry.field(description="2 to 100 courses, in the order in which they are shown.")
    active: bool = strawberry.field(default=True, description="Whether it is sold.")

    def as_arguments(self) -> dict[str, Any]:
        draft = BundleDraft(
            slug=self.slug,
            title=self.title,
            description=self.description,
            course_ids=tuple(decode_id(id, "crs", path="courseIds") for id in self.course_ids),
            is_active=self.active,
        )
        return {"bundle_id": decode_id(self.id, "bun", path="id") if self.id is not None else None, "draft": draft}


@strawberry.type(description="What `bundleSave` answers.")
class BundleSavePayload(Payload):
    bundle_id: strawberry.Private[UUID | None] = None
    bundle: Bundle | None = child("commerce.bundle", key="bundle_id", description="The bundle as it is now.")
