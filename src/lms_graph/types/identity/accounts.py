"""People: the one who is signed in, and anybody as others see them."""

from typing import TYPE_CHECKING, Annotated, Any, Optional, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.rules.orders import OrderFilter
from lms_graph.domain.learning.rules.grants import GrantFilter
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.models import identity as rows
from lms_graph.types.connections import After, Before, First, Last, connection
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.identity.sessions import EMAIL, Session, SignedInSession
from lms_graph.types.nodes import Node, child, file_url
from lms_graph.types.permissions import Permission
from lms_graph.types.personal import masked_email, personal

if TYPE_CHECKING:
    from lms_graph.types.certificates import CertificateConnection
    from lms_graph.types.commerce.orders import OrderConnection, PaymentConnection, ViewerOrderWhere
    from lms_graph.types.commerce.seats import SeatPoolConnection
    from lms_graph.types.commerce.subscriptions import PlanConnection, ViewerSubscriptionWhere
    from lms_graph.types.identity.applications import InstructorApplication
    from lms_graph.types.learning.enrollments import EnrollmentConnection, EnrollmentWhere
    from lms_graph.types.learning.entitlements import EntitlementConnection, ViewerEntitlementWhere
    from lms_graph.types.payouts.payees import Payee


Role = described(
    rows.Role,
    "Role",
    "What a person may do in the whole tenant. Further values may come.",
    PLATFORM_ADMIN="Runs the platform: makes tenants. Held in the platform's own tenant only.",
    TENANT_ADMIN="Runs the tenant: people, brand, every course and grant.",
    INSTRUCTOR="Makes courses and has a public page.",
    APPLICANT="Has applied to teach: may write drafts, not publish them.",
    SUPPORT="Helps learners: reads accounts with their addresses, grants and runs.",
    STUDENT="Buys and learns.",
)


@strawberry.type(description="The one who is signed in. Nobody sees another's.")
class Viewer(Node):
    email: str = personal(
        "address",
        of="account_id",
        permission=None,
        masked=masked_email,
        description="The address, as it was typed; up to 254 characters. Masked (`a•••@e•••.com`) for a token that masks personal data.",
    )
    name: str = strawberry.field(description="The name shown to others; 1 to 200 characters.")
    email_verified: bool = strawberry.field(description="Whether the address was proved to be theirs.")
    roles: list[Role] = strawberry.field(description="What they may do in this tenant, each once, by name.")
    two_factor_enabled: bool = strawberry.field(description="Whether signing in asks for a code of an authenticator app too.")
    recovery_codes_left: int = strawberry.field(description="How many recovery codes have not been used: 0 to 10; 0 while the second factor is off.")
    account_id: strawberry.Private[UUID]
    address: strawberry.Private[str]
    avatar_file_id: strawberry.Private[UUID | None]

    @strawberry.field(description="What this request may do in the tenant beyond what is the viewer's own: the rights of their roles, less what the token takes away. By name.")
    def permissions(self, info: Info) -> list[Permission]:
        return sorted(info.context.caller.permissions)

    instructor_application: Annotated["InstructorApplication", strawberry.lazy("lms_graph.types.identity.applications")] | None = child(
        "identity.latest_application", key="account_id", description="Their last application to teach; null when there is none."
    )
    payee: Annotated["Payee", strawberry.lazy("lms_graph.types.payouts.payees")] | None = child(
        "payouts.payee_of_account", key="account_id", description="What they earn here; null before they first earn something or connect an account to be paid to."
    )
    sessions: list[SignedInSession] = child(
        "identity.sessions",
        key="account_id",
        size=5,
        description="Where they are signed in, last seen first: at most 50 sign-ins and 10 of explorers; and who looks at the school as them.",
    )

    @strawberry.field(description="Who is at work in truth, when somebody of the school looks at it as the viewer; null when it is the viewer. Mark it on the page.")
    def impersonated_by(self, info: Info) -> Optional["Profile"]:
        id = info.context.caller.impersonator_id
        return None if id is None else info.context.loaders.identity.profile.load(id)  # type: ignore[return-value]  # the executor awaits it

    avatar_url: str | None = file_url(key="avatar_file_id", description="Address of the picture; null when there is none.")

    @connection(description="Their runs of courses, latest first.")
    def enrollments(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[
            Annotated["EnrollmentWhere", strawberry.lazy("lms_graph.types.learning.enrollments")] | None, strawberry.argument(description="What the runs must be like.")
        ] = None,
    ) -> Annotated["EnrollmentConnection", strawberry.lazy("lms_graph.types.learning.enrollments")]:
        request = PageRequest(first, after, last, before)
        return info.context.loaders.learning.runs_of_account.load((self.account_id, request, where.statuses() if where else None))

    @connection(description="What was granted to them, latest first, also what has ended.")
    def entitlements(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[
            Annotated["ViewerEntitlementWhere", strawberry.lazy("lms_graph.types.learning.entitlements")] | None, strawberry.argument(description="What the grants must be like.")
        ] = None,
    ) -> Annotated["EntitlementConnection", strawberry.lazy("lms_graph.types.learning.entitlements")]:
        request = PageRequest(first, after, last, before)
        return info.context.loaders.learning.own_entitlements.load((request, where.as_filter() if where else GrantFilter()))

    @connection(description="Their plans, latest first, also those that have ended.")
    def subscriptions(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[
            Annotated["ViewerSubscriptionWhere", strawberry.lazy("lms_graph.types.commerce.subscriptions")] | None, strawberry.argument(description="What the plans must be like.")
        ] = None,
    ) -> Annotated["PlanConnection", strawberry.lazy("lms_graph.types.commerce.subscriptions")]:
        return info.context.loaders.commerce.own_subscriptions.load((PageRequest(first, after, last, before), where.as_filter() if where else None))

    @connection(description="Payments for their orders, latest first, also those that failed.")
    def payment_history(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Annotated["PaymentConnection", strawberry.lazy("lms_graph.types.commerce.orders")]:
        return info.context.loaders.commerce.own_payments.load(PageRequest(first, after, last, before))

    @connection(description="Their certificates, latest first.")
    def certificates(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Annotated["CertificateConnection", strawberry.lazy("lms_graph.types.certificates")]:
        return info.context.loaders.certificates.of_learner.load(PageRequest(first, after, last, before))

    @connection(description="Pools of seats and gifts that they bought, latest first.")
    def seat_pools(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Annotated["SeatPoolConnection", strawberry.lazy("lms_graph.types.commerce.seats")]:
        return info.context.loaders.commerce.own_seat_pools.load(PageRequest(first, after, last, before))

    @connection(description="Their orders, latest first. What they bought as a guest is among them once it is claimed.")
    def orders(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[
            Annotated["ViewerOrderWhere", strawberry.lazy("lms_graph.types.commerce.orders")] | None, strawberry.argument(description="What the orders must be like.")
        ] = None,
    ) -> Annotated["OrderConnection", strawberry.lazy("lms_graph.types.commerce.orders")]:
        return info.context.loaders.commerce.own_orders.load((PageRequest(first, after, last, before), where.as_filter() if where else OrderFilter()))

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("vwr", row["id"])),
            address=row["email"],
            name=row["name"],
            email_verified=row["email_verified_at"] is not None,
            roles=[rows.Role(role) for role in row["roles"]],
            two_factor_enabled=row["two_factor_enabled"],
            recovery_codes_left=row["recovery_codes_left"],
            account_id=row["id"],
            avatar_file_id=row["avatar_file_id"],
        )


@strawberry.type(description="A person as others see them. Everybody who holds the id may read all of it.")
class Profile(Node):
    name: str = strawberry.field(description="1 to 200 characters.")
    account_id: strawberry.Private[UUID]
    avatar_file_id: strawberry.Private[UUID | None]

    avatar_url: str | None = file_url(key="avatar_file_id", description="Address of the picture; null when there is none.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(id=strawberry.ID(public_id("prf", row["id"])), name=row["name"], account_id=row["id"], avatar_file_id=row["avatar_file_id"])


@strawberry.input(description="A new account.")
class SignUpInput:
    email: str = strawberry.field(description=EMAIL)
    name: str = strawberry.field(description="The name shown to others and printed on certificates: one line of 1 to 200 characters.")
    password: str = strawberry.field(description="10 to 128 characters, not the address and not one of the commonest.")


@strawberry.type(description="What `signUp` answers.")
class SignUpPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The tokens of the new account's first session.")
    account_id: strawberry.Private[UUID | None] = None
    viewer: Viewer | None = child("identity.viewer", key="account_id", description="The new account.")
