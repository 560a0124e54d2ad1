"""Offers: made, changed, and put away. A free offer opens its course to all who enroll."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog.operations import courses
from lms_graph.domain.catalog.queries import teams
from lms_graph.domain.commerce import errors, events, policies
from lms_graph.domain.commerce.queries import offers as queries
from lms_graph.domain.commerce.queries import subjects
from lms_graph.domain.commerce.rules import offers as rules
from lms_graph.domain.commerce.rules.offers import OfferDraft, Price
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import new_id
from lms_graph.models import commerce as rows
from lms_graph.models.catalog import EnrollmentPolicy
from lms_graph.models.commerce import OfferKind, OfferSubject
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

_NAMES = {OfferSubject.COURSE: "course", OfferSubject.SEATS: "course", OfferSubject.BUNDLE: "bundle", OfferSubject.PATH: "path"}


async def save_offer(*, caller: Caller, offer_id: UUID | None, draft: OfferDraft, key: str | None) -> UUID:
    """Make an offer, or change one to be as the draft says; gives its id. Kind and subject stay what they are. What was sold stays as it was sold.

    A new one needs `key`, under which it is made once; the house itself may leave it out. Raises SignedOut, NotAllowed, OfferNotFound, Invalid with every issue, IdempotencyConflict. Records OfferSaved.
    """
    policies.require_may_manage_offers(caller)
    prices, wrong = rules.prices_of(draft)
    issues = [*rules.issues_with_offer(draft), *wrong]
    if offer_id is None and key is None and not caller.is_system:
        issues.append(Issue("A new offer needs an `idempotencyKey`.", ("idempotencyKey",)))
    if issues:
        raise Invalid(*issues)

    async def save(work: UnitOfWork) -> UUID:
        contents = (await subjects.contents_of(caller=caller, subjects=[(draft.subject, draft.subject_id)])).get((draft.subject, draft.subject_id))
        if contents is None:
            raise Invalid(Issue(f"There is no such {_NAMES[draft.subject]} here.", ("subjectId",)))
        if contents.problem and draft.is_active:
            raise Invalid(Issue(f"{contents.problem} Publish first, or save the offer with `active: false`.", ("subjectId",)))
        if draft.subject is OfferSubject.COURSE and draft.subject_id:
            await teams.lock_course(caller=caller, course_id=draft.subject_id)
        if draft.kind is OfferKind.FREE:
            prices.append(Price(market=None, currency=(await tenants.storefront(caller=caller))["currency"], amount=0))
        id = await _write(caller, offer_id, draft, draft.title or contents.title, prices)
        await _open_or_close(caller, draft.kind, draft.subject, draft.subject_id)
        work.record(events.OfferSaved(offer_id=id, is_active=draft.is_active))
        return id

    if offer_id is None and key is not None:
        return await once(caller, field="offerSave", key=key, body=asdict(draft), run=save)
    async with unit_of_work(caller) as work:
        return await save(work)


async def _write(caller: Caller, offer_id: UUID | None, draft: OfferDraft, title: str, prices: list[Price]) -> UUID:
    values: dict[str, Any] = {
        "title": title,
        "billing_interval": draft.interval,
        "trial_days": draft.trial_days,
        "installments": draft.installments,
        "on_default": draft.on_default,
        "access_days": draft.access_days,
        "min_quantity": draft.min_quantity,
        "max_quantity": draft.max_quantity,
        "tax_code": draft.tax_code,
        "sale_starts_at": draft.sale_starts_at,
        "sale_ends_at": draft.sale_ends_at,
        "is_active": draft.is_active,
        "updated_at": caller.now,
    }
    if offer_id is None:
        offer_id = new_id()
        await rows.Offer.create(id=offer_id, tenant_id=caller.tenant_id, kind=draft.kind, subject=draft.subject, subject_id=draft.subject_id, created_at=caller.now, **values)
    else:
        offer = await rows.Offer.for_caller(caller, id=offer_id).select_for_update().get_or_none()
        if offer is None:
            raise errors.OfferNotFound(path=("id",))
        if (offer.kind, offer.subject, offer.subject_id) != (draft.kind, draft.subject, draft.subject_id):
            raise Invalid(Issue("Kind and subject of an offer stay what they are. Archive it, and make another.", ("kind",)))
        await rows.Offer.for_caller(caller, id=offer_id).update(**values)
        await rows.OfferPrice.for_caller(caller, offer_id=offer_id).delete()
    await rows.OfferPrice.bulk_create(rows.OfferPrice(tenant_id=caller.tenant_id, offer_id=offer_id, **asdict(price)) for price in prices)
    return offer_id


async def archive_offer(*, caller: Caller, offer_id: UUID) -> UUID:
    """Sell it no more; again changes nothing. Who has bought it keeps what they have. Raises SignedOut, NotAllowed, OfferNotFound. Records OfferSaved, once."""
    policies.require_may_manage_offers(caller)
    async with unit_of_work(caller) as work:
        offer = await rows.Offer.for_caller(caller, id=offer_id).get_or_none()
        if offer is None:
            raise errors.OfferNotFound(path=("id",))
        if offer.subject is OfferSubject.COURSE and offer.subject_id:
            await teams.lock_course(caller=caller, course_id=offer.subject_id)
        if await rows.Offer.for_caller(caller, id=offer_id, is_active=True).update(is_active=False, updated_at=caller.now):
            await _open_or_close(caller, offer.kind, offer.subject, offer.subject_id)
            work.record(events.OfferSaved(offer_id=offer_id, is_active=False))
    return offer_id


async def _open_or_close(caller: Caller, kind: OfferKind, subject: OfferSubject, course_id: UUID | None) -> None:
    """A course is open while a free offer of it is active. Its row is locked: of two at once, the later sees the earlier's offer."""
    if kind is OfferKind.FREE and subject is OfferSubject.COURSE and course_id is not None:
        is_free = await _is_free(caller, course_id)
        await courses.set_enrollment_policy(caller=caller, course_id=course_id, policy=EnrollmentPolicy.OPEN if is_free else EnrollmentPolicy.BY_GRANT)


async def share_price(*, caller: Caller, offer_id: UUID, closes: Delivery | None) -> None:
    """Let the catalog have what the offer's course costs now. Those who come at once take turns, so the last one's copy is the latest."""
    async with unit_of_work(caller, closes=closes):
        offer = await rows.Offer.for_caller(caller, id=offer_id).get_or_none()
        if offer is None or offer.subject is not OfferSubject.COURSE or offer.subject_id is None:
            return
        await teams.lock_course(caller=caller, course_id=offer.subject_id)
        currency = (await tenants.storefront(caller=caller))["currency"]
        price = await queries.price_of_course(caller=caller, course_id=offer.subject_id, currency=currency)
        await courses.keep_price(caller=caller, course_id=offer.subject_id, is_sold=price["is_sold"], amount=price["amount"])


async def _is_free(caller: Caller, course_id: UUID) -> bool:
    return await rows.Offer.for_caller(caller, kind=OfferKind.FREE, subject=OfferSubject.COURSE, subject_id=course_id, is_active=True).exists()


async def keep_free_course_open(*, caller: Caller, course_id: UUID, closes: Delivery) -> None:
    """A version was published, and the course's own source may have closed it: while it has an active free offer it is open."""
    async with unit_of_work(caller, closes=closes):
        await teams.lock_course(caller=caller, course_id=course_id)
        if await _is_free(caller, course_id):
            await courses.set_enrollment_policy(caller=caller, course_id=course_id, policy=EnrollmentPolicy.OPEN)
