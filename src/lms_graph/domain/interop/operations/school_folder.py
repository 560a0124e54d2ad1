"""Setting up a whole school from a folder: the tenant, its people, its shelves, its courses, and what it sells. Meant for the demo: passwords in it are public."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml

from lms_graph.domain.catalog.operations import courses
from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.commerce.errors import CodeTaken
from lms_graph.domain.commerce.operations import bundles, coupons, offers
from lms_graph.domain.commerce.operations import selling as selling_settings
from lms_graph.domain.commerce.queries import offers as offer_queries
from lms_graph.domain.commerce.queries import selling, subjects
from lms_graph.domain.commerce.rules.offers import Amount, BundleDraft, CouponDraft, OfferDraft, PriceDraft, TaxRateDraft
from lms_graph.domain.identity.operations import accounts, instructors
from lms_graph.domain.identity.queries import accounts as identity
from lms_graph.domain.interop.operations import course_folder
from lms_graph.domain.learning.operations import entitlements
from lms_graph.domain.media import operations as media
from lms_graph.domain.media.ports import ObjectStore, VideoProbe
from lms_graph.domain.tenancy.operations import tenants as tenancy
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.domain.tenancy.rules.tenants import TenantChanges
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models.commerce import BillingInterval, OfferKind, OfferSubject, TaxMode
from lms_graph.models.identity import Role


@dataclass(frozen=True)
class Step:
    """One thing done, for a progress bar: which, of how many, and what."""

    number: int
    of: int
    what: str


async def import_school(*, root: Path, objects: ObjectStore, probe: VideoProbe) -> AsyncIterator[Step]:
    """Make the school or bring it up to date, a step at a time; doing it again changes nothing that is as it should be. Raises Invalid, Unavailable."""
    plan: dict[str, Any] = yaml.safe_load((root / "tenant.yaml").read_text())
    folders = sorted(path for path in (root / "courses").iterdir() if (path / "course.yaml").is_file())
    total = 4 + len(folders)
    caller = Caller.system(await _tenant(root, plan, objects))
    yield Step(1, total, plan["name"])
    for account in plan["accounts"]:
        await _account(caller, account)
    for position, category in enumerate(plan["categories"]):
        await courses.save_category(caller=caller, slug=category["slug"], name=category["name"], position=position)
    yield Step(2, total, f"{len(plan['accounts'])} people, {len(plan['categories'])} categories")
    for index, path in enumerate(folders):
        folder = course_folder.read_folder(path)
        made = await course_folder.import_course(caller=caller, folder=folder, objects=objects, probe=probe)
        yield Step(3 + index, total, f"{folder.course.title} ({'published' if made.is_new else 'unchanged'})")
    for grant in plan["grants"]:
        await _grant(caller, grant)
    yield Step(total - 1, total, f"{len(plan['grants'])} grants")
    await _selling(caller, plan["selling"], plan["currency"])
    yield Step(total, total, f"{len(plan['selling']['offers'])} offers")


async def _tenant(root: Path, plan: dict[str, Any], objects: ObjectStore) -> UUID:
    id = await tenants.tenant_id_by_slug(slug=plan["slug"]) or await tenancy.create_tenant(slug=plan["slug"], name=plan["name"])
    caller = Caller.system(id)
    logo = await media.store_file(caller=caller, objects=objects, body=(root / plan["logo"]).read_bytes(), content_type="image/svg+xml", key_hint="logo", is_public=True)
    changes: TenantChanges = {
        "name": plan["name"],
        "primary_color": plan["primaryColor"],
        "locale": plan["locale"],
        "currency": plan["currency"],
        "support_email": plan["supportEmail"],
        "logo_file_id": logo,
        "is_introspection_open": plan["api"]["introspection"],
        "is_explorer_served": plan["api"]["explorer"],
        "allowed_origins": plan["api"]["allowedOrigins"],
    }
    await tenancy.update_tenant(caller=caller, changes=changes)
    return id


async def _account(caller: Caller, plan: dict[str, Any]) -> None:
    async with database.reading(caller):
        id = await identity.account_id_by_email(caller=caller, email=plan["email"])
    if id is None:
        id = await accounts.register(
            caller=caller, email=plan["email"], name=plan["name"], password=plan["password"], roles=[Role(role) for role in plan["roles"]], is_email_verified=True
        )
    if "slug" in plan:
        await instructors.save_page(caller=caller, account_id=id, slug=plan["slug"], headline=plan["headline"], bio_markdown=plan["bio"])


async def _grant(caller: Caller, plan: dict[str, str]) -> None:
    async with database.reading(caller):
        account_id = await identity.account_id_by_email(caller=caller, email=plan["account"])
        course_id = await outline.course_id_by_slug(caller=caller, slug=plan["course"])
    assert account_id is not None, f"tenant.yaml grants to {plan['account']}, who has no account"
    assert course_id is not None, f"tenant.yaml grants {plan['course']}, which is no course"
    source = uuid5(NAMESPACE_URL, f"{caller.tenant_id}/{plan['account']}/{plan['course']}")
    await entitlements.grant_course(caller=caller, account_id=account_id, course_id=course_id, source_id=source)


async def _selling(caller: Caller, plan: dict[str, Any], currency: str) -> None:
    """What is there already stays as it is, also what was archived: the school may have changed it."""
    async with database.reading(caller):
        is_new = not await selling.is_set(caller=caller)
    if is_new:
        refunds = plan["refunds"]
        await tenancy.update_tenant(caller=caller, changes={"refund_days": refunds["days"], "refund_max_progress_percent": refunds["maxProgressPercent"]})
        seller = {"name": plan["seller"]["name"], "address": plan["seller"]["address"], "country": plan["seller"]["country"], "tax_id": plan["seller"]["taxId"]}
        await selling_settings.set_selling(caller=caller, changes={"tax_mode": TaxMode(plan["taxMode"]), "prices_include_tax": plan["pricesIncludeTax"], "seller": seller})
        for rate in plan["taxRates"]:
            await selling_settings.save_tax_rate(caller=caller, draft=TaxRateDraft(country=rate["country"], region=None, name=rate["name"], percent=Decimal(rate["percent"])))
    for bundle in plan["bundles"]:
        await _bundle(caller, bundle)
    for offer in plan["offers"]:
        await _offer(caller, offer, currency)
    for coupon in plan["coupons"]:
        with suppress(CodeTaken):
            await coupons.create_coupon(caller=caller, draft=CouponDraft(code=coupon["code"], percent_off=Decimal(coupon["percentOff"])), key=None)


async def _bundle(caller: Caller, plan: dict[str, Any]) -> None:
    async with database.reading(caller):
        if await subjects.bundle_by_slug(caller=caller, slug=plan["slug"]) is not None:
            return
        course_ids = tuple([await _course_id(caller, slug) for slug in plan["courses"]])
    await bundles.save_bundle(caller=caller, bundle_id=None, draft=BundleDraft(slug=plan["slug"], title=plan["title"], description=plan["description"], course_ids=course_ids))


async def _offer(caller: Caller, plan: dict[str, Any], currency: str) -> None:
    kind, subject, subject_id = OfferKind(plan["kind"]), OfferSubject.ALL_ACCESS, None
    async with database.reading(caller):
        if "course" in plan:
            subject, subject_id = OfferSubject.COURSE, await _course_id(caller, plan["course"])
        elif "bundle" in plan:
            bundle = await subjects.bundle_by_slug(caller=caller, slug=plan["bundle"])
            assert bundle is not None, f"tenant.yaml sells {plan['bundle']}, which is no bundle"
            subject, subject_id = OfferSubject.BUNDLE, bundle["id"]
        if await offer_queries.has_offer(caller=caller, kind=kind, subject=subject, subject_id=subject_id):
            return
    compare_at = Amount(amount=Decimal(plan["compareAtPrice"]), currency=currency) if "compareAtPrice" in plan else None
    prices = () if kind is OfferKind.FREE else (PriceDraft(market=None, price=Amount(amount=Decimal(plan["price"]), currency=currency), compare_at=compare_at),)
    draft = OfferDraft(
        kind=kind,
        subject=subject,
        subject_id=subject_id,
        title=plan.get("title"),
        prices=prices,
        interval=BillingInterval(plan["interval"]) if "interval" in plan else None,
        trial_days=plan.get("trialDays", 0),
    )
    await offers.save_offer(caller=caller, offer_id=None, draft=draft, key=None)


async def _course_id(caller: Caller, slug: str) -> UUID:
    course_id = await outline.course_id_by_slug(caller=caller, slug=slug)
    assert course_id is not None, f"tenant.yaml sells {slug}, which is no course"
    return course_id
