"""The storefront: what everybody may know of a tenant."""

from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.kit.ids import public_id
from lms_graph.types.nodes import Node, child


@strawberry.type(description="A host name under which the storefront is reached.")
class StorefrontDomain:
    host: str = strawberry.field(description="Lower case, without port.")
    primary: bool = strawberry.field(description="Whether links should use this one.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(host=row["host"], primary=row["is_primary"])


@strawberry.type(description="The tenant as its visitors see it. Everybody may read all of it.")
class Storefront(Node):
    slug: str = strawberry.field(description="The tenant's name in `X-Tenant`: lower-case letters, digits and hyphens, 1 to 63.")
    name: str = strawberry.field(description="The school's name, 1 to 200 characters.")
    primary_color: str = strawberry.field(description="The brand's color as `#rrggbb`.")
    locale: str = strawberry.field(description="BCP 47 language tag of pages and mails, such as `en` or `pt-BR`.")
    currency: str = strawberry.field(description="ISO 4217 code of the currency in which prices are kept.")
    support_email: str | None = strawberry.field(description="Where learners ask for help.")
    logo_file_id: strawberry.Private[UUID | None]
    tenant_id: strawberry.Private[UUID]
    domains: list[StorefrontDomain] = child("tenancy.domains", key="tenant_id", size=3, description="Verified domains, primary first; at most 20.")

    @strawberry.field(description="Address of the logo, SVG or PNG; null when there is none.")
    def logo_url(self, info: Info) -> str | None:
        return info.context.file_url(self.logo_file_id)

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("sto", row["id"])),
            slug=row["slug"],
            name=row["name"],
            primary_color=row["primary_color"],
            locale=row["locale"],
            currency=row["currency"],
            support_email=row["support_email"],
            logo_file_id=row["logo_file_id"],
            tenant_id=row["id"],
        )
