"""Rights, as the schema says them: which there are, and which field takes which."""

from collections.abc import Collection
from typing import Any

import strawberry
from strawberry.schema_directive import Location

from lms_graph.kit import permissions
from lms_graph.types.enums import described

Permission = described(
    permissions.Permission,
    "Permission",
    "A right in the tenant, held through a role or an API key's scopes. Further values may come.",
    TENANTS_MANAGE="Make tenants and change what the platform sets of them. In the platform's own tenant only.",
    TENANT_MANAGE="Change the tenant: brand, API, domains, mail, identity provider.",
    MEMBERS_READ="Find the tenant's accounts, by name. Their addresses take PERSONAL_READ as well.",
    MEMBERS_MANAGE="Invite and suspend accounts, grant and take roles.",
    MEMBERS_IMPERSONATE="Look at the tenant as one of its students does.",
    PERSONAL_READ="See other people's personal data: e-mail addresses, IP addresses.",
    APPLICATIONS_DECIDE="Approve or refuse those who apply to teach.",
    API_KEYS_MANAGE="Make and revoke API keys.",
    AUDIT_READ="Read who changed rights or money.",
    ENTITLEMENTS_READ="See who was granted what.",
    ENTITLEMENTS_MANAGE="Grant courses without a payment, and revoke grants.",
    ENROLLMENTS_READ="See who learns what, and how far they are.",
    COURSES_DRAFT="Make courses and write their drafts.",
    COURSES_SELL="Publish one's courses.",
    COURSES_MANAGE="Write and publish every course of the tenant, and its learning paths.",
    OFFERS_MANAGE="Set offers, prices, bundles, coupons, tax and what the school sells through.",
    ORDERS_READ="See who bought what, refunds, disputes and plans.",
    REFUNDS_DECIDE="Give money back, decide on requests for it, and answer disputes.",
    SEATS_MANAGE="Make vouchers, and manage every pool of seats.",
    BUYERS_ERASE="Erase who bought from sales, but for what the law of accounts keeps.",
    PAYOUTS_MANAGE="Set commissions and schedules, and see every payee.",
    LEDGER_READ="Read the ledger's balances.",
    REVIEWS_MODERATE="Hide reviews of courses, and show them again.",
)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="requires",
    description="The caller must hold one of these permissions; `viewer.permissions` are a person's, the scopes a key's. A root field is refused with FORBIDDEN, or UNAUTHENTICATED for "
    "visitors; any other field is null.",
)
class Requires:
    any_of: list[Permission] = strawberry.field(name="anyOf", description="One of these is enough.")


def requiring(requires: Collection[permissions.Permission]) -> list[Any]:
    """The directive that tells, where there is something to tell."""
    return [Requires(any_of=sorted(requires))] if requires else []
