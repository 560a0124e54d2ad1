"""The public pages of those who teach."""

from typing import Any
from uuid import UUID

from lms_graph.domain.identity import errors, events, policies
from lms_graph.domain.identity.rules import applications as application_rules
from lms_graph.domain.identity.rules import instructors as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, NotFound
from lms_graph.kit.text import render_markdown
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def save_page(*, caller: Caller, account_id: UUID, slug: str, headline: str | None, bio_markdown: str) -> None:
    """Make or change an instructor's page. Raises NotAllowed, Invalid with every issue, NotFound, SlugTaken. Records InstructorPageSaved."""
    policies.require_may_edit_page(caller, account_id)
    if issues := [*rules.issues_with_page(slug=slug, headline=headline, bio_markdown=bio_markdown)]:
        raise Invalid(*issues)
    page: dict[str, Any] = {"slug": slug, "headline": headline, "bio_markdown": bio_markdown, "bio_html": render_markdown(bio_markdown).html}
    async with unit_of_work(caller) as work:
        if await rows.Account.for_caller(caller, id=account_id).select_for_update().get_or_none() is None:
            raise NotFound("There is no such account.", path=("accountId",))
        with database.unique(otherwise=errors.SlugTaken):
            if not await rows.Instructor.for_caller(caller, id=account_id).update(**page):
                await rows.Instructor.create(id=account_id, tenant_id=caller.tenant_id, **page)
        work.record(events.InstructorPageSaved(account_id=account_id))


async def ensure_page(work: UnitOfWork, *, caller: Caller, account_id: UUID, name: str, slug: str | None = None, headline: str | None = None, bio_markdown: str = "") -> None:
    """Make the page of somebody who becomes an instructor, under the first free slug, in the present unit of work; one that they have stays. Records InstructorPageSaved."""
    if await rows.Instructor.for_caller(caller, id=account_id).exists():
        return
    bio = render_markdown(bio_markdown)
    for candidate in application_rules.slugs(slug, name):
        # Not a look before: of two who would take the same name at once, one waits here and takes the next.
        made = await database.fetch(
            "INSERT INTO instructors (tenant_id, id, slug, headline, bio_markdown, bio_html, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id",
            caller.tenant_id,
            account_id,
            candidate,
            headline,
            bio.markdown,
            bio.html,
            caller.now,
        )
        if made:
            break
    work.record(events.InstructorPageSaved(account_id=account_id))
