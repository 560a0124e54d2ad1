"""Reports as Sentry gets them."""

import pytest

from tests.journeys.town import until
from tests.telemetry.conftest import Watched

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("watched")]


async def test_a_surprise_is_reported_with_its_trace_and_tenant_and_nothing_about_people(watched: Watched) -> None:
    answer = await watched.send(
        "mutation Reported($input: SignUpInput!) { signUp(input: $input) { errors { code } } }",
        input={"email": "unlucky.report@school.example", "name": "Ada Reported", "password": "candle-window-4"},
    )

    trace_id = answer.json()["errors"][0]["extensions"]["traceId"]

    async def come() -> list[dict[str, object]]:
        return [report for report in watched.told.reports if report.get("tags", {}).get("trace_id") == trace_id]

    await until(come)
    (report,) = await come()
    line = await watched.line("serve", event="operation", trace_id=trace_id)
    tags = report["tags"]
    assert isinstance(tags, dict)
    assert (tags["tenant_id"], tags["operation"], tags["event"]) == (line["tenant_id"], "Reported", "operation.failed")
    assert report["environment"] == "testing"
    assert str(report["release"]).startswith("lms-graph@")
    assert report.keys().isdisjoint({"user", "request", "extra", "modules"})
    assert report["breadcrumbs"] == {"values": []}
    assert "no luck for [redacted] with token=[redacted]" in str(report["exception"])
    assert "'vars'" not in str(report)
    for personal in ("unlucky.report", "candle-window-4", "Ada Reported", "tok-Zm9vYmFy"):
        assert personal not in str(report)


async def test_expected_failures_are_nobodys_concern(watched: Watched) -> None:
    answer = await watched.send("mutation Expected($input: SignOutInput!) { signOut(input: $input) { ok errors { code } } }", input={})
    await watched.send("query Unlikely { nothing }", name="Unlikely")

    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert [report for report in watched.told.reports if report["tags"].get("operation") in ("Expected", "Unlikely")] == []
