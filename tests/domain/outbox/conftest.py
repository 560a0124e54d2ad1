"""The outbox is one for all tenants: what other tests left in it is settled first."""

from datetime import datetime
from typing import Any

import pytest

from lms_graph.models import database
from lms_graph.outbox import store
from tests.fixtures.house import House


@pytest.fixture(autouse=True)
async def _quiet(house: House) -> None:
    def nothing(name: str, payload: dict[str, Any]) -> list[tuple[str, datetime | None]]:
        return []

    while await store.tell(nothing):
        pass
    async with database.as_system() as connection:
        await connection.execute("UPDATE deliveries SET state = 'DONE', done_at = now() WHERE state <> 'DONE'")
