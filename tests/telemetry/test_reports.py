"""Reports as Sentry gets them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.processes import until
from tests.telemetry.conftest import Watched

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("watched")]


UNLUCKY = "mutation Reported($input: SignUpInput!) { signUp(input: $input) { errors { code } } }"


async def report_of_a_surprise(watched: Watched) -> dict[str, Any]:
    """What was reported of a sign-up that fails as nobody expected, as soon as it has come."""
    answer = await watched.send(UNLUCKY, input={"email": f"unlucky.{uuid4().hex}@school.example", "name": "Ada Reported", "password": "candle-window-4"})
    trace_id = answer.json()["errors"][0]["extensions"]["traceId"]

    async def come() -> list[dict[str, Any]]:
        return [report for report in watched.told.reports if report.get("tags", {}).get("trace_id") == trace_id]

    await until(come)
    (report,) = await come()
    return report


async def test_a_surprise_is_reported_with_its_trace_and_tenant_and_nothing_about_people(watched: Watched) -> None:
    report = await report_of_a_surprise(watched)

    tags = report["tags"]
    line = await watched.line("serve", event="operation", trace_id=tags["trace_id"])
    assert (tags["tenant_id"], tags["operation"], tags["event"]) == (line["tenant_id"], "Reported", "operation.failed")
    assert report["environment"] == "testing"
    assert str(report["release"]).startswith("lms-graph@")
    assert report.keys().isdisjoint({"user", "request", "extra", "modules"})
    assert report["breadcrumbs"] == {"values": []}
    assert "no luck for [redacted] with token=[redacted]" in str(report["exception"])
    assert "'vars'" not in str(report)
    for personal in ("unlucky.", "candle-window-4", "Ada Reported", "tok-Zm9vYmFy"):
        assert personal not in str(report)


async def test_expected_failures_are_nobodys_concern(watched: Watched) -> None:
    before = len(watched.told.reports)
    answer = await watched.send("mutation Expected($input: SignOutInput!) { signOut(input: $input) { ok errors { code } } }", input={})
    await watched.send("query Unlikely { nothing }", name="Unlikely")

    report = await report_of_a_surprise(watched)  # they are sent in order: those of the failures would have come before it

    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert watched.told.reports[before:] == [report]
