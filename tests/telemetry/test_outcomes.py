"""What is told of operations and jobs, however they end."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from lms_graph.telemetry import bound, operations
from lms_graph.telemetry.jobs import job
from lms_graph.telemetry.operations import MOST_CODES, Operation
from lms_graph.telemetry.tracing import present_id

SHA256 = "0123456789abcdef" * 4


def begun(type: str = "query", **differs: Any) -> Operation:
    made = Operation(**({"transport": "http", "tenant_id": uuid4(), "account_id": None, "name": None, "headers": {}, "variables": None} | differs))
    made.is_a(type, "Some", sha256=SHA256)
    return made


class TestOperation:
    @pytest.fixture(autouse=True)
    def _no_context(self) -> object:
        yield
        bound.begin()

    @pytest.mark.parametrize(
        ("type", "error", "outcome", "codes"),
        [
            ("query", ValueError, "failed", ["INTERNAL"]),
            ("query", asyncio.CancelledError, "canceled", []),
            ("mutation", GeneratorExit, "canceled", []),
            ("subscription", asyncio.CancelledError, "ok", []),
            ("subscription", GeneratorExit, "ok", []),
            ("subscription", ValueError, "failed", ["INTERNAL"]),
        ],
    )
    def test_what_breaks_it_off_is_its_outcome(self, type: str, error: type[BaseException], outcome: str, codes: list[str]) -> None:
        with capture_logs() as lines, pytest.raises(error), begun(type):
            raise error

        (line,) = lines
        assert (line["event"], line["type"], line["outcome"], line["codes"]) == ("operation", type, outcome, codes)

    def test_it_is_refused_without_a_run(self) -> None:
        with capture_logs() as lines:
            begun().refused(["COST_EXCEEDED"])

        (line,) = lines
        assert (line["outcome"], line["codes"]) == ("refused", ["COST_EXCEEDED"])

    def test_a_code_is_told_once_and_many_are_cut(self) -> None:
        with capture_logs() as lines, begun():
            for number in [1, *range(MOST_CODES + 5)]:
                operations.met(f"CODE_{number}")

        assert len(lines[0]["codes"]) == len(set(lines[0]["codes"])) == MOST_CODES

    def test_what_is_logged_meanwhile_and_after_belongs_to_it(self) -> None:
        with capture_logs(processors=[bound.merged]) as lines, begun() as seen:
            pass

        (line,) = lines
        assert (line["operation"], line["document"], line["trace_id"]) == ("Some", SHA256[:16], seen.trace_id)
        assert present_id() == seen.trace_id


class TestJob:
    @pytest.mark.parametrize("outcome", ["done", "refused", "failed"])
    def test_its_line_says_what_came_of_it(self, outcome: str) -> None:
        delivery = uuid4()

        with capture_logs(processors=[bound.merged]) as lines, job("tests.react", tenant_id=uuid4(), delivery_id=delivery) as run:
            run.outcome = outcome

        (line,) = lines
        assert (line["event"], line["job"], line["delivery"], line["outcome"]) == ("job", "tests.react", str(delivery), outcome)

    @pytest.mark.parametrize("error", [asyncio.CancelledError, ValueError])
    def test_what_comes_through_has_cut_it_short(self, error: type[BaseException]) -> None:
        with capture_logs() as lines, pytest.raises(error), job("tests.react", tenant_id=uuid4(), delivery_id=uuid4()):
            raise error

        assert [line["outcome"] for line in lines] == ["cut_short"]
