"""What a buyer holds already, and what they paid for it."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from lms_graph.domain.learning.queries import entitlements
from lms_graph.kit.caller import Caller
from lms_graph.kit.money import split
from lms_graph.models import database
from lms_graph.models.learning import EntitlementKind

_BOUGHT = (EntitlementKind.ORDER, EntitlementKind.BUNDLE)
_PASSING = (EntitlementKind.SUBSCRIPTION, EntitlementKind.OPEN, EntitlementKind.PREVIEW)


@dataclass(frozen=True)
class Owned:
    """`course_ids` are held for good: not through a plan that renews, an open course or a grant that ends. `paid` is what was paid for bought ones, by currency and course. `is_premium` is asked where it matters."""

    course_ids: frozenset[UUID] = frozenset()
    bought: frozenset[UUID] = frozenset()
    paid: Mapping[str, Mapping[UUID, int]] = field(default_factory=dict)
    has_all: bool = False
    is_premium: bool = False


async def owned_by(*, caller: Caller, account_id: UUID, course_ids: Collection[UUID]) -> Owned:
    """Of these courses. What was refunded counts as not paid."""
    grants = await entitlements.grants_that_open(caller=caller, account_id=account_id, course_ids=list(course_ids))
    for_good = [grant for grant in grants if grant["subject_id"] is not None and grant["ends_at"] is None and grant["kind"] not in _PASSING]
    sources = {grant["source_id"] for grant in for_good if grant["kind"] in _BOUGHT and grant["source_id"] is not None}
    paid: dict[str, dict[UUID, int]] = defaultdict(lambda: defaultdict(int))
    for line in await _lines(caller, sources) if sources else ():
        courses = [(UUID(course["id"]), course["weight"]) for course in database.from_json(line["terms"])["courses"]]
        for (course_id, _), amount in zip(courses, split(max(0, line["kept"]), [weight for _, weight in courses]), strict=True):
            paid[line["currency"]][course_id] += amount
    return Owned(
        course_ids=frozenset(grant["subject_id"] for grant in for_good),
        bought=frozenset(grant["subject_id"] for grant in for_good if grant["kind"] in _BOUGHT),
        paid=paid,
        has_all=any(grant["subject_id"] is None for grant in grants),
    )


async def _lines(caller: Caller, ids: Collection[UUID]) -> list[database.Record]:
    return await database.fetch(
        "SELECT l.terms, l.subtotal_amount - l.discount_amount - l.credit_amount - l.refunded_amount AS kept, o.currency FROM order_lines l "
        "JOIN orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id WHERE l.tenant_id = $1 AND l.id = ANY($2) AND o.paid_at IS NOT NULL",
        caller.tenant_id,
        list(ids),
    )
