"""A tenant: what everybody may know of it, and what its administrators set."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.tenancy.rules import tenants as rules
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import public_id
from lms_graph.types.connections import Connection
from lms_graph.types.errors import Payload
from lms_graph.types.identity.providers import SignInProvider
from lms_graph.types.nodes import Node, child, decode_id, file_url
from lms_graph.types.public import WITHIN
from lms_graph.types.tenancy.domains import Domain, MailDomain


@strawberry.type(description="A host name under which the storefront is reached.", directives=[WITHIN])
class StorefrontDomain:
    host: str = strawberry.field(description="Lower case, without port.")
    primary: bool = strawberry.field(description="Whether links should use this one.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(host=row["host"], primary=row["is_primary"])


@strawberry.type(description="The terms on which a school gives money back by its own word. What the law gives a buyer stays.", directives=[WITHIN])
class RefundPolicy:
    days: int = strawberry.field(description="How many days after buying a refund can be asked for: 0 (none) to 365.")
    max_progress_percent: int = strawberry.field(description="Up to how much of the course may be done by then: 0 to 100 percent.")
    automatic: bool = strawberry.field(description="Whether a request within these terms is granted at once; else somebody decides.")


@strawberry.type(description="What a school shows of itself, whoever looks.")
class Brand(Node):
    slug: str = strawberry.field(description="The tenant's name in `X-Tenant`: lower-case letters, digits and hyphens, 1 to 63.")
    name: str = strawberry.field(description="The school's name, 1 to 200 characters.")
    primary_color: str = strawberry.field(description="The brand's color as `#rrggbb`.")
    locale: str = strawberry.field(description="BCP 47 language tag of pages and mails, such as `en` or `pt-BR`.")
    currency: str = strawberry.field(description="ISO 4217 code of the currency in which prices are kept, such as `EUR`.")
    support_email: str | None = strawberry.field(description="Where learners ask for help.")
    refund_policy: RefundPolicy = strawberry.field(description="When it gives money back.")
    logo_file_id: strawberry.Private[UUID | None]

    logo_url: str | None = file_url(key="logo_file_id", description="Address of the logo, SVG or PNG; null when there is none.")


def _brand(row: Any) -> dict[str, Any]:
    policy = RefundPolicy(days=row["refund_days"], max_progress_percent=row["refund_max_progress_percent"], automatic=row["is_refund_automatic"])
    return {"refund_policy": policy} | {name: row[name] for name in ("slug", "name", "primary_color", "locale", "currency", "support_email", "logo_file_id")}


@strawberry.type(description="The tenant as its visitors see it. Everybody may read all of it.", directives=[WITHIN])
class Storefront(Brand):
    tenant_id: strawberry.Private[UUID]
    domains: list[StorefrontDomain] = child("tenancy.domains", key="tenant_id", size=3, description="Verified domains, primary first; at most 20.")
    sign_in_providers: list[SignInProvider] = child(
        "identity.sign_in_providers", key="tenant_id", description="Which ways to sign in there are beside address and password, each once."
    )

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


@strawberry.type(description="From whom a tenant's mails come.")
class MailSender:
    from_name: str | None = strawberry.field(description="The sender's name, up to 100 characters; null for the school's own.")
    address: str | None = strawberry.field(name="from", description="The address that mails are to come from; they do while its domain is verified. Null for the platform's.")
    tenant_id: strawberry.Private[UUID]
    domain: MailDomain | None = child("tenancy.mail_domain", key="tenant_id", description="The domain of that address and its proof; null without an address.")


@strawberry.type(description="The tenant as those see it who run it. Its administrators, and the platform's.")
class Tenant(Brand):
    api: TenantApi = strawberry.field(description="What it opens of its API.")
    platform_fee_percent: Decimal = strawberry.field(description="The platform's share of its sales, 0 to 100 percent with two decimals. The platform sets it.")
    dispute_suspends_access: bool = strawberry.field(
        description="Whether what was bought is closed while its payment is contested at a bank; else it stays open until the dispute is lost."
    )
    storefront_url: str | None = strawberry.field(description="Where links in mails lead: an origin on a verified domain, or the platform's; null for the primary domain.")
    mail: MailSender = strawberry.field(description="From whom its mails come.")
    suspended_at: datetime | None = strawberry.field(description="Since when the platform has suspended it; its API answers nobody then.")
    created_at: datetime = strawberry.field(description="When the platform made it.")
    tenant_id: strawberry.Private[UUID]
    domains: list[Domain] = child(
        "tenancy.claimed_domains",
        key="tenant_id",
        size=3,
        description="The hosts that it claims, primary first; at most 20. The platform's administrators see those that are verified.",
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        api = TenantApi(introspection=row["is_introspection_open"], explorer=row["is_explorer_served"], allowed_origins=row["allowed_origins"])
        mail = MailSender(from_name=row["from_name"], address=row["mail_from"], tenant_id=row["id"])
        return cls(
            id=strawberry.ID(public_id("tnt", row["id"])),
            api=api,
            platform_fee_percent=rules.percent(row["platform_fee_bps"]),
            dispute_suspends_access=row["is_access_suspended_by_dispute"],
            storefront_url=row["storefront_url"],
            mail=mail,
            suspended_at=row["suspended_at"],
            created_at=row["created_at"],
            tenant_id=row["id"],
            **_brand(row),
        )


@strawberry.type(description="A page of tenants.")
class TenantConnection(Connection[Tenant]):
    pass


@strawberry.input(description="What the tenant opens of its API. What is left out stays as it is.")
class TenantApiInput:
    introspection: strawberry.Maybe[bool | None] = strawberry.field(default=None, description="Whether anybody may ask for the schema.")
    explorer: strawberry.Maybe[bool | None] = strawberry.field(default=None, description="Whether a browser that opens `/graphql` gets the explorer.")
    allowed_origins: strawberry.Maybe[list[str] | None] = strawberry.field(
        default=None,
        description="All origins whose pages may use the API from a browser, at most 50; they replace those before. Each is `https://host`, perhaps with `:port`, or `http://localhost`, "
        "perhaps with `:port`; or the list is `*` alone, for any.",
    )


@strawberry.input(description="When the school gives money back. What is left out stays as it is.")
class RefundPolicyInput:
    days: strawberry.Maybe[int | None] = strawberry.field(default=None, description="How many days after buying a refund can be asked for: 0 (none) to 365.")
    max_progress_percent: strawberry.Maybe[int | None] = strawberry.field(default=None, description="Up to how much of the course may be done by then: 0 to 100 percent.")
    automatic: strawberry.Maybe[bool | None] = strawberry.field(
        default=None, description="Whether a request within these terms is granted at once. Not for buyers who ask for refunds often: those wait for a decision."
    )


@strawberry.input(description="From whom mails come. What is left out stays as it is.")
class MailSenderInput:
    from_name: strawberry.Maybe[str | None] = strawberry.field(default=None, description="The sender's name: one line of up to 100 characters; null for the school's own.")
    address: strawberry.Maybe[str | None] = strawberry.field(
        name="from",
        default=None,
        description="The address that mails are to come from, in ASCII, up to 254 characters; null for the platform's. One of another domain than before begins a new proof: set its `dnsRecords`, "
        "then `mailDomainVerify`. Until then mails come from the platform's address.",
    )


@strawberry.input(description="What changes of the tenant. What is left out stays as it is.")
class TenantUpdateInput:
    name: strawberry.Maybe[str | None] = strawberry.field(default=None, description="The school's name: one line of 1 to 200 characters.")
    primary_color: strawberry.Maybe[str | None] = strawberry.field(default=None, description="The brand's color as `#rrggbb`.")
    support_email: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Where learners ask for help, up to 254 characters; null for nowhere.")
    locale: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="BCP 47 language tag of pages, mails and certificates, such as `en`, `pt-BR` or `zh-Hant-TW`."
    )
    currency: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="ISO 4217 code of the currency in which prices are kept. Choose it before anything is sold: with the first sale it is settled."
    )
    refund_policy: strawberry.Maybe[RefundPolicyInput | None] = strawberry.field(default=None, description="When it gives money back, as its storefront states it.")
    dispute_suspends_access: strawberry.Maybe[bool | None] = strawberry.field(
        default=None, description="Whether what was bought is closed while its payment is contested at a bank. By default it stays open until the dispute is lost."
    )
    storefront_url: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="Where links in mails lead: `https://` and a verified domain, perhaps with `:port`, or the platform's own address; null for the primary domain."
    )
    mail: strawberry.Maybe[MailSenderInput | None] = strawberry.field(default=None, description="From whom its mails come.")
    api: strawberry.Maybe[TenantApiInput | None] = strawberry.field(default=None, description="What it opens of its API.")

    def as_arguments(self) -> dict[str, Any]:
        """Raises Invalid for each null but those that mean something: of `supportEmail`, `storefrontUrl` and the sender's."""
        api = (self.api and self.api.value) or TenantApiInput()
        refunds = (self.refund_policy and self.refund_policy.value) or RefundPolicyInput()
        mail = (self.mail and self.mail.value) or MailSenderInput()
        given = {
            ("name",): ("name", self.name),
            ("primaryColor",): ("primary_color", self.primary_color),
            ("locale",): ("locale", self.locale),
            ("currency",): ("currency", self.currency),
            ("refundPolicy",): (None, self.refund_policy),
            ("refundPolicy", "days"): ("refund_days", refunds.days),
            ("refundPolicy", "maxProgressPercent"): ("refund_max_progress_percent", refunds.max_progress_percent),
            ("refundPolicy", "automatic"): ("is_refund_automatic", refunds.automatic),
            ("disputeSuspendsAccess",): ("is_access_suspended_by_dispute", self.dispute_suspends_access),
            ("mail",): (None, self.mail),
            ("api",): (None, self.api),
            ("api", "introspection"): ("is_introspection_open", api.introspection),
            ("api", "explorer"): ("is_explorer_served", api.explorer),
            ("api", "allowedOrigins"): ("allowed_origins", api.allowed_origins),
        }
        if nulls := [path for path, (_, some) in given.items() if some and some.value is None]:
            raise Invalid(*(Issue("This cannot be null. Leave it out to keep it as it is.", path) for path in nulls))
        may_be_null = (("support_email", self.support_email), ("storefront_url", self.storefront_url), ("from_name", mail.from_name), ("mail_from", mail.address))
        changes = {column: some.value for column, some in (*given.values(), *may_be_null) if some and column}
        return {"changes": changes}


@strawberry.type(description="What `tenantUpdate` answers.")
class TenantUpdatePayload(Payload):
    tenant_id: strawberry.Private[UUID | None] = None
    tenant: Tenant | None = child("tenancy.tenant", key="tenant_id", description="The tenant as it is now.")


@strawberry.input(description="A new tenant.")
class TenantCreateInput:
    slug: str = strawberry.field(
        description="Its name in `X-Tenant`, for good: lower-case letters, digits and single hyphens between them, 2 to 63; none of the platform's own, such as `www` or `api`."
    )
    name: str = strawberry.field(description="The school's name: one line of 1 to 200 characters.")
    locale: str | None = strawberry.field(default=None, description="BCP 47 language tag of pages, mails and certificates; `en` when left out.")
    currency: str | None = strawberry.field(default=None, description="ISO 4217 code of the currency in which prices are kept; `USD` when left out.")
    platform_fee_percent: Decimal | None = strawberry.field(
        default=None, description="The platform's share of its sales: 0 to 100 percent with at most two decimals; 0 when left out."
    )
    admin_email: str | None = strawberry.field(
        default=None, description="The address of its first administrator, who gets an invitation that is good for seven days; up to 254 characters."
    )
    admin_name: str | None = strawberry.field(default=None, description="Their name, 1 to 200 characters; what stands before the @ when left out.")
    idempotency_key: str = strawberry.field(description="1 to 255 characters. The same key again makes nothing new and gives the same outcome.")


@strawberry.type(description="What `tenantCreate` answers.")
class TenantCreatePayload(Payload):
    tenant_id: strawberry.Private[UUID | None] = None
    tenant: Tenant | None = child("tenancy.tenant", key="tenant_id", description="The new tenant.")


@strawberry.input(description="What the platform sets of a tenant.")
class TenantTermsSetInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant (`Tenant.id`).")
    platform_fee_percent: Decimal = strawberry.field(
        description="The platform's share of its sales: 0 to 100 percent with at most two decimals. Holds for what is sold from now on."
    )

    def as_arguments(self) -> dict[str, Any]:
        return {"tenant_id": decode_id(self.tenant_id, "tnt", path="tenantId"), "fee_bps": rules.basis_points(self.platform_fee_percent)}


@strawberry.type(description="What `tenantTermsSet` answers.")
class TenantTermsSetPayload(Payload):
    tenant_id: strawberry.Private[UUID | None] = None
    tenant: Tenant | None = child("tenancy.tenant", key="tenant_id", description="The tenant as it is now.")


@strawberry.input(description="A tenant to close.")
class TenantSuspendInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant (`Tenant.id`).")

    def as_arguments(self) -> dict[str, Any]:
        return {"tenant_id": decode_id(self.tenant_id, "tnt", path="tenantId")}


@strawberry.type(description="What `tenantSuspend` answers.")
class TenantSuspendPayload(Payload):
    tenant_id: strawberry.Private[UUID | None] = None
    tenant: Tenant | None = child("tenancy.tenant", key="tenant_id", description="The tenant as it is now.")


@strawberry.input(description="A suspended tenant to open again.")
class TenantRestoreInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant (`Tenant.id`).")

    def as_arguments(self) -> dict[str, Any]:
        return {"tenant_id": decode_id(self.tenant_id, "tnt", path="tenantId")}


@strawberry.type(description="What `tenantRestore` answers.")
class TenantRestorePayload(Payload):
    tenant_id: strawberry.Private[UUID | None] = None
    tenant: Tenant | None = child("tenancy.tenant", key="tenant_id", description="The tenant as it is now.")
