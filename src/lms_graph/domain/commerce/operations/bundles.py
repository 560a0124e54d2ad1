"""Bundles: courses that are sold together."""

from typing import Any
from uuid import UUID

from lms_graph.domain.catalog.queries import browse
from lms_graph.domain.commerce import errors, events, policies
from lms_graph.domain.commerce.rules import offers as rules
from lms_graph.domain.commerce.rules.offers import BundleDraft
from lms_graph.kit import text
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import new_id
from lms_graph.models import commerce as rows
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import unit_of_work


async def save_bundle(*, caller: Caller, bundle_id: UUID | None, draft: BundleDraft) -> UUID:
    """Make a bundle, or change one to be as the draft says; gives its id. Who bought it before keeps the courses of then.

    Raises SignedOut, NotAllowed, BundleNotFound, SlugTaken (also for the later of two at once), Invalid with every issue. Records BundleSaved.
    """
    policies.require_may_manage_offers(caller)
    if issues := rules.issues_with_bundle(draft):
        raise Invalid(*issues)
    description = text.render_markdown(draft.description)
    values: dict[str, Any] = {
        "slug": draft.slug,
        "title": draft.title,
        "description_markdown": description.markdown,
        "description_html": description.html,
        "is_active": draft.is_active,
    }
    async with unit_of_work(caller) as work:
        found = {row["id"] for row in await browse.courses_by_ids(caller=caller, ids=list(draft.course_ids))}
        if missing := [Issue("There is no such course here.", ("courseIds", str(index))) for index, id in enumerate(draft.course_ids) if id not in found]:
            raise Invalid(*missing)
        with database.unique(otherwise=errors.SlugTaken):
            if bundle_id is None:
                bundle_id = new_id()
                await rows.Bundle.create(id=bundle_id, tenant_id=caller.tenant_id, created_at=caller.now, **values)
            elif await rows.Bundle.for_caller(caller, id=bundle_id).update(**values) == 0:
                raise errors.BundleNotFound()
        await rows.BundleCourse.for_caller(caller, bundle_id=bundle_id).delete()
        await rows.BundleCourse.bulk_create(
            rows.BundleCourse(tenant_id=caller.tenant_id, bundle_id=bundle_id, course_id=course_id, position=position) for position, course_id in enumerate(draft.course_ids)
        )
        work.record(events.BundleSaved(bundle_id=bundle_id, is_active=draft.is_active))
    return bundle_id
