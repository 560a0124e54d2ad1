"""A tenant: what everybody may know of it, and what its administrators set."""

from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import public_id
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child


@strawberry.type(description="A host name under which the storefront is reached.")
class StorefrontDomain:
    host: str = strawberry.field(description="Lower case, without port.")
    primary: bool = strawberry.field(description="Whether links should use this one.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(host=row["host"], primary=row["is_primary"])


@strawberry.type(description="What a school shows of itself, whoever looks.")
class Brand(Node):
    slug: str = strawberry.field(description="The tenant's name in `X-Tenant`: lower-case letters, digits and hyphens, 1 to 63.")
    name: str = strawberry.field(description="The school's name, 1 to 200 characters.")
    primary_color: str = strawberry.field(description="The brand's color as `#rrggbb`.")
    locale: str = strawberry.field(description="BCP 47 language tag of pages and mails, such as `en` or `pt-BR`.")
    currency: str = strawberry.field(description="ISO 4217 code of the currency in which prices are kept.")
    support_email: str | None = strawberry.field(description="Where learners ask for help.")
    logo_file_id: strawberry.Private[UUID | None]

    @strawberry.field(description="Address of the logo, SVG or PNG; null when there is none.")
    def logo_url(self, info: Info) -> str | None:
        return info.context.file_url(self.logo_file_id)


def _brand(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("slug", "name", "primary_color", "locale", "currency", "support_email", "logo_file_id")}


@strawberry.type(description="The tenant as its visitors see it. Everybody may read all of it.")
class Storefront(Brand):
    tenant_id: strawberry.Private[UUID]
    domains: list[StorefrontDomain] = child("tenancy.domains", key="tenant_id", size=3, description="Verified domains, primary first; at most 20.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(id=strawberry.ID(public_id("sto", row["id"])), tenant_id=row["id"], **_brand(row))


@strawberry.type(description="What a tenant opens of its API. A server in development opens the first two whatever is set, and takes pages of its own machine.")
class TenantApi:
    introspection: bool = strawberry.field(description="Whether anybody may ask for the schema, and misspelled fields get suggestions.")
    explorer: bool = strawberry.field(description="Whether a browser that opens `/graphql` gets the explorer.")
    allowed_origins: list[str] = strawberry.field(
        description="Origins whose pages may use the API from a browser (CORS, WebSocket), at most 50; `*` alone means any. The tenant's verified domains may without being listed."
    )


@strawberry.type(description="The tenant as those see it who run it. Its administrators only.")
class Tenant(Brand):
    api: TenantApi = strawberry.field(description="What it opens of its API.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        api = TenantApi(introspection=row["is_introspection_open"], explorer=row["is_explorer_served"], allowed_origins=row["allowed_origins"])
        return cls(id=strawberry.ID(public_id("tnt", row["id"])), api=api, **_brand(row))


@strawberry.input(description="What the tenant opens of its API. What is left out stays as it is.")
class TenantApiInput:
    introspection: strawberry.Maybe[bool | None] = strawberry.field(default=None, description="Whether anybody may ask for the schema.")
    explorer: strawberry.Maybe[bool | None] = strawberry.field(default=None, description="Whether a browser that opens `/graphql` gets the explorer.")
    allowed_origins: strawberry.Maybe[list[str] | None] = strawberry.field(
        default=None,
        description="All origins whose pages may use the API from a browser, at most 50; they replace those before. Each is `https://host`, perhaps with `:port`, or `http://localhost`, "
        "perhaps with `:port`; or the list is `*` alone, for any.",
    )


@strawberry.input(description="What changes of the tenant. What is left out stays as it is.")
class TenantUpdateInput:
    name: strawberry.Maybe[str | None] = strawberry.field(default=None, description="The school's name: one line of 1 to 200 characters.")
    primary_color: strawberry.Maybe[str | None] = strawberry.field(default=None, description="The brand's color as `#rrggbb`.")
    support_email: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Where learners ask for help, up to 254 characters; null for nowhere.")
    api: strawberry.Maybe[TenantApiInput | None] = strawberry.field(default=None, description="What it opens of its API.")

    def as_arguments(self) -> dict[str, Any]:
        """Raises Invalid for each null but `supportEmail`'s, which means something."""
        api = (self.api and self.api.value) or TenantApiInput()
        given = {
            ("name",): ("name", self.name),
            ("primaryColor",): ("primary_color", self.primary_color),
            ("api",): ("api", self.api),
            ("api", "introspection"): ("is_introspection_open", api.introspection),
            ("api", "explorer"): ("is_explorer_served", api.explorer),
            ("api", "allowedOrigins"): ("allowed_origins", api.allowed_origins),
        }
        if nulls := [path for path, (_, some) in given.items() if some and some.value is None]:
            raise Invalid(*(Issue("This cannot be null. Leave it out to keep it as it is.", path) for path in nulls))
        changes = {column: some.value for column, some in (*given.values(), ("support_email", self.support_email)) if some and column != "api"}
        return {"changes": changes}


@strawberry.type(description="What `tenantUpdate` answers.")
class TenantUpdatePayload(Payload):
    tenant_id: strawberry.Private[UUID | None] = None
    tenant: Tenant | None = child("tenancy.tenant", key="tenant_id", description="The tenant as it is now.")
