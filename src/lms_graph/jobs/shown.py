"""What visitors see of what happens: which facts, and which jobs when they are done, make held answers old. By the types that those answers show.

Whatever is not here shows itself when an answer's time is over, at the latest after a minute: how many enrolled, somebody's new name.
"""

from collections.abc import Iterable
from uuid import UUID

from lms_graph.domain.catalog import events as catalog
from lms_graph.domain.commerce import events as commerce
from lms_graph.domain.community import events as community
from lms_graph.domain.identity import events as identity
from lms_graph.domain.tenancy import events as tenancy
from lms_graph.kit.facts import Event
from lms_graph.kit.live import LiveBus, shown
from lms_graph.kit.shelf import Shelf

FACTS: dict[type[Event], frozenset[str]] = {
    catalog.CoursePublished: frozenset({"Course", "CourseConnection", "Category", "Instructor"}),  # who has none yet may have their first, and be counted
    community.ReviewPosted: frozenset({"ReviewConnection"}),
    community.ReviewEdited: frozenset({"ReviewConnection"}),
    community.ReviewDeleted: frozenset({"ReviewConnection"}),
    community.ReviewReplied: frozenset({"ReviewConnection"}),
    community.ReviewHidden: frozenset({"ReviewConnection"}),
    community.ReviewRestored: frozenset({"ReviewConnection"}),
    community.CourseRatingChanged: frozenset({"Course"}),
    commerce.OfferSaved: frozenset({"Course"}),  # which leads to its offers
    identity.InstructorPageSaved: frozenset({"Instructor"}),
    identity.IdentityProviderSet: frozenset({"Storefront"}),
    identity.IdentityProviderRemoved: frozenset({"Storefront"}),
    identity.SocialProviderSet: frozenset({"Storefront"}),
    identity.SocialProviderRemoved: frozenset({"Storefront"}),
    tenancy.TenantUpdated: frozenset({"Storefront"}),
    tenancy.DomainVerified: frozenset({"Storefront"}),
    tenancy.DomainMadePrimary: frozenset({"Storefront"}),
    tenancy.DomainLapsed: frozenset({"Storefront"}),
    tenancy.DomainRemoved: frozenset({"Storefront"}),
}
JOBS: dict[str, frozenset[str]] = {
    "commerce.share_price": frozenset({"CourseConnection"}),
    "commerce.keep_free_course_open": frozenset({"Course"}),
    "community.share_rating": frozenset({"CourseConnection"}),
}
_BY_NAME = {fact.name: kinds for fact, kinds in FACTS.items()}


def kinds_of(happened: Iterable[tuple[UUID, str]]) -> dict[UUID, frozenset[str]]:
    """Of facts and jobs, each with its tenant and name: the types that are shown otherwise, by tenant."""
    found: dict[UUID, frozenset[str]] = {}
    for tenant_id, name in happened:
        if kinds := _BY_NAME.get(name) or JOBS.get(name):
            found[tenant_id] = found.get(tenant_id, frozenset()) | kinds
    return found


async def tell(happened: Iterable[tuple[UUID, str]], *, answers: Shelf, live: LiveBus) -> None:
    """Let all processes know. The shelf first: who hears of it asks there."""
    kinds = kinds_of(happened)
    for tenant_id, changed in kinds.items():
        await answers.changed(tenant_id, sorted(changed))
    await live.publish([shown(tenant_id) for tenant_id in kinds])
