"""What a storefront reads of offers stays on indexes at the largest school, as the application role and under row policies."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from lms_graph.domain.commerce.queries import coupons, offers, subjects
from lms_graph.kit.pages import PageRequest
from lms_graph.models import database
from tests.domain.learning.test_grants_plan import Explained
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

MANY = 10_000


@pytest.fixture
async def shop(house: House, school: School, environment: dict[str, str]) -> AsyncIterator[None]:
    """A school with 10,000 offers, each with a price, and as many coupons."""
    owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    try:
        await owner.execute(
            "INSERT INTO offers (tenant_id, id, kind, subject, subject_id, title, trial_days, on_default, min_quantity, max_quantity, is_active, created_at, updated_at) "
            "SELECT $1, gen_random_uuid(), 'ONE_TIME', (ARRAY['COURSE', 'BUNDLE', 'SEATS', 'PATH'])[1 + n % 4], gen_random_uuid(), 'x', 0, 'SUSPEND', 1, 1, true, "
            "now() - n * interval '1 minute', now() FROM generate_series(1, $2) AS n",
            school.id, MANY,
        )  # fmt: skip
        await owner.execute(
            "INSERT INTO offer_prices (tenant_id, id, offer_id, currency, amount) SELECT tenant_id, gen_random_uuid(), id, 'EUR', 1 FROM offers WHERE tenant_id = $1", school.id
        )
        await owner.execute(
            "INSERT INTO coupons (tenant_id, id, code, kind, percent_off_bps, is_for_all, is_first_purchase_only, held, redemptions, is_active, created_at) "
            "SELECT $1, gen_random_uuid(), 'C' || n, 'PERCENT', 1, true, false, 0, 0, true, now() - n * interval '1 minute' FROM generate_series(1, $2) AS n",
            school.id, MANY,
        )  # fmt: skip
        await owner.execute("ANALYZE offers, offer_prices, coupons, coupon_courses")
        yield
    finally:
        for table in ("offer_prices", "offers", "coupons"):
            await owner.execute(f"DELETE FROM {table} WHERE tenant_id = $1", school.id)
        await owner.execute("ANALYZE offers, offer_prices, coupons")
        await owner.close()


async def test_lists_and_quotes_read_indexes(house: House, school: School, shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    caller, cursors = school.system, house.adapters.cursors
    explained = Explained(caller, monkeypatch)
    ids = [uuid4() for _ in range(24)]

    async with database.reading(caller):
        first = await offers.page_of_offers(caller=caller, cursors=cursors, request=PageRequest(first=20), subject_id=None)
        await offers.page_of_offers(caller=caller, cursors=cursors, request=PageRequest(first=20, after=first.cursors[-1]), subject_id=None)
        await offers.page_of_offers(caller=caller, cursors=cursors, request=PageRequest(first=20), subject_id=ids[0])
        await offers.offers_by_ids(caller=caller, ids=[row["id"] for row in first.rows])
        await offers.offers_on_sale(caller=caller, subject_ids=ids, with_all_access=True)
        await offers.list_prices(caller=caller, course_ids=ids, market="DE")
        await subjects.subjects_with_course(caller=caller, course_id=ids[0])
        page = await coupons.page_of_coupons(caller=caller, cursors=cursors, request=PageRequest(first=20))
        await coupons.terms_of_code(caller=caller, code="C77", buyers=[])

    assert (len(first.rows), len(page.rows)) == (20, 20)
    assert len(explained.plans) >= 9
    for plan in explained.plans:
        assert not re.search(r"Seq Scan on (offers|offer_prices|coupons)\b", plan), plan
