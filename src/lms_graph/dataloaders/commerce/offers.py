"""Loaders of what is sold: offers, bundles, coupons, and how."""

from typing import Any
from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, grouped, matched
from lms_graph.domain.commerce import policies
from lms_graph.domain.commerce.queries import coupons, offers, selling, subjects
from lms_graph.domain.commerce.queries.subjects import Subject
from lms_graph.types.catalog.courses import Course
from lms_graph.types.commerce.bundles import Bundle
from lms_graph.types.commerce.coupons import Coupon
from lms_graph.types.commerce.offers import Offer, OfferItem
from lms_graph.types.commerce.selling import CommerceSettings, TaxRate


class OfferLoaders(AreaLoaders):
    @batch
    async def offer(self, ids: list[UUID]) -> list[Offer | None]:
        """In any state: for those whose plan or order it is."""
        return matched(await offers.offers_by_ids(caller=self.caller, ids=ids), "id", ids, Offer.from_row)

    @batch
    async def visible_offer(self, ids: list[UUID]) -> list[Offer | None]:
        return matched(await offers.visible_offers_by_ids(caller=self.caller, ids=ids), "id", ids, Offer.from_row)

    @batch
    async def offers_of_subject(self, keys: list[tuple[UUID, str | None]]) -> list[list[Offer]]:
        """On sale now, with the prices of a market: one statement however many subjects and markets."""
        rows = await offers.offers_on_sale(caller=self.caller, subject_ids=list({id for id, _ in keys}))
        return [[Offer.from_row(row, market) for row in rows if row["subject_id"] == id and row["subject"] != "SEATS"] for id, market in keys]

    @batch
    async def items(self, keys: list[Subject]) -> list[list[OfferItem]]:
        found = await subjects.contents_of(caller=self.caller, subjects=[key for key in keys if key[0] != "PATH"])
        return [
            [OfferItem(course_id=None, path_id=key[1])] if key[0] == "PATH" else [OfferItem(course_id=id) for id in found[key].course_ids] if key in found else [] for key in keys
        ]

    @batch
    async def bundle(self, ids: list[UUID]) -> list[Bundle | None]:
        return matched(await subjects.visible_bundles_by_ids(caller=self.caller, ids=ids), "id", ids, Bundle.from_row)

    @batch
    async def courses_of_bundle(self, ids: list[UUID]) -> list[list[Course]]:
        rows: dict[UUID, Any] = {row["id"]: row["course_ids"] for row in await subjects.bundles_by_ids(caller=self.caller, ids=ids)}
        return [await self._courses(rows.get(id, [])) for id in ids]

    @batch
    async def coupon(self, ids: list[UUID]) -> list[Coupon | None]:
        return matched(await coupons.coupons_by_ids(caller=self.caller, ids=ids), "id", ids, Coupon.from_row)

    @batch
    async def courses_of_coupon(self, ids: list[UUID]) -> list[list[Course]]:
        found = grouped(await coupons.courses_of_coupons(caller=self.caller, coupon_ids=ids), "coupon_id", ids, lambda row: row["course_id"])
        return [await self._courses(course_ids) for course_ids in found]

    async def _courses(self, ids: list[UUID]) -> list[Course]:
        """The published ones, in order."""
        return [course for course in await self.context.loaders.catalog.visible_course.load_many(ids) if course is not None]

    @batch
    async def settings(self, tenant_ids: list[UUID]) -> list[CommerceSettings]:
        return [CommerceSettings.from_selling(await selling.selling_of(caller=self.caller))] * len(tenant_ids)

    @batch
    async def tax_rate(self, ids: list[UUID]) -> list[TaxRate | None]:
        """For who holds OFFERS_MANAGE."""
        if not policies.may_manage_offers(self.caller):
            return [None] * len(ids)
        return matched(await selling.tax_rates_by_ids(caller=self.caller, ids=ids), "id", ids, TaxRate.from_row)
