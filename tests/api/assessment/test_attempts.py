"""Sitting a quiz over the API: the key stays here, and what was saved is there on every device."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lms_graph.kit.ids import parse_id, public_id
from lms_graph.models.assessment import Attempt
from lms_graph.models.learning import Entitlement
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.learners import Learner, Seat, learner, seat
from tests.factories.quizzes import choice, quiz, true_false
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import DOCUMENTS, Client
from tests.fixtures.house import House
from tests.fixtures.sockets import greeted, hear, say

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


@dataclass
class Desk:
    learner: Learner
    seat: Seat
    client: Client

    async def start(self) -> dict[str, Any]:
        payload = await self.client.data("StartAttempt", input=self.seat.input)
        assert payload["errors"] == []
        attempt: dict[str, Any] = payload["attempt"]
        return attempt

    async def let_time_run_out(self, attempt: dict[str, Any]) -> None:
        parsed = parse_id(attempt["id"])
        assert parsed
        async with unit_of_work(self.learner.caller):
            await Attempt.for_caller(self.learner.caller, id=parsed[1]).update(deadline_at=datetime.now(UTC) - timedelta(seconds=1))


@pytest.fixture
async def desk(school: School, sign_in: SignIn) -> Desk:
    """A quiz of ten choices and a statement, shuffled, half an hour, twice."""
    questions = [choice(f"q{n}", right=("Paris", "Oslo") if n % 2 else ("Paris",), wrong=("Lyon", "Nice", "Metz")) for n in range(10)]
    saved = await quiz(school.system, *questions, true_false("q10"), time_limit_minutes=30, max_attempts=2, shuffle=True)
    somebody = await learner(school.id)
    return Desk(somebody, await seat(somebody, saved.quiz_revision_id), await sign_in(somebody.account_id))


def _answers(attempt: dict[str, Any], *texts: str) -> list[dict[str, Any]]:
    """An input per question: the options of these texts, and that the statement is true."""
    inputs = []
    for question in attempt["questions"]:
        if question["__typename"] == "ChoicePrompt":
            answer: dict[str, Any] = {"choice": [option["id"] for option in question["options"] if option["text"] in texts]}
        else:
            answer = {"trueFalse": True}
        inputs.append({"attemptId": attempt["id"], "questionId": question["id"], "answer": answer})
    return inputs


async def test_a_sitting_from_start_to_result(desk: Desk) -> None:
    attempt = await desk.start()
    assert (attempt["number"], attempt["status"], attempt["result"], attempt["answers"]) == (1, "OPEN", None, [])
    assert 1790 <= attempt["secondsLeft"] <= 1800
    assert len(attempt["questions"]) == 11

    for answer in _answers(attempt, "Paris"):
        saved = await desk.client.data("SaveAnswer", input=answer)
        assert saved["errors"] == []
        assert saved["secondsLeft"] <= 1800
    closed = await desk.client.data("SubmitAttempt", input={"attemptId": attempt["id"]})

    result = closed["attempt"]["result"]
    assert closed["errors"] == []
    assert closed["attempt"]["status"] == "GRADED"
    assert closed["attempt"]["secondsLeft"] is None
    assert closed["enrollment"] == {"id": desk.seat.input["enrollmentId"], "progressPercent": 100}
    assert (result["score"], result["passed"], result["pendingManual"]) == ("77.27", True, 0)
    assert {(item["earned"], item["possible"], item["correct"]) for item in result["items"]} == {("1.00", "1.00", True), ("0.50", "1.00", False)}
    assert {item["feedback"] for item in result["items"]} == {"About Paris.", "It is a globe."}
    assert [item["questionId"] for item in result["items"]] == [question["id"] for question in attempt["questions"]]


async def test_an_open_attempt_holds_nothing_of_the_key(desk: Desk) -> None:
    attempt = await desk.start()
    for answer in _answers(attempt, "Paris", "Oslo", "Lyon"):
        await desk.client.data("SaveAnswer", input={**answer})
    again = await desk.client.data("Attempt", id=attempt["id"])

    for told in (attempt, again):
        text = re.sub(r'"[a-z]{3}_[0-9a-z]{26}"', "", json.dumps(told).lower())  # an id may spell anything
        assert "key" not in text
        assert "about" not in text
        assert "globe" not in text
        assert told["result"] is None
        for question in told["questions"]:
            for option in question.get("options", ()):
                assert set(option) == {"id", "text"}


async def test_right_options_stand_in_no_place_of_their_own(desk: Desk) -> None:
    attempt = await desk.start()

    places = {[option["text"] for option in question["options"]].index("Paris") for question in attempt["questions"] if "options" in question}

    assert len(places) > 1


async def test_another_device_goes_on_where_the_first_stopped(desk: Desk, sign_in: SignIn) -> None:
    attempt = await desk.start()
    first, *_ = _answers(attempt, "Nice")
    await desk.client.data("SaveAnswer", input=first)

    other = await sign_in(desk.learner.account_id)
    seen = await other.data("Attempt", id=attempt["id"])
    started = (await other.data("StartAttempt", input=desk.seat.input))["attempt"]

    given = first["answer"].get("choice", True)
    assert seen["questions"] == started["questions"] == attempt["questions"]
    assert [(answer["questionId"], answer["response"]) for answer in seen["answers"]] == [(first["questionId"], given)]
    assert started["id"] == attempt["id"]
    assert seen["deadlineAt"] == attempt["deadlineAt"]


async def test_a_late_answer_is_refused_and_what_was_saved_is_graded(desk: Desk) -> None:
    attempt = await desk.start()
    first, second, *_ = _answers(attempt, "Paris")
    await desk.client.data("SaveAnswer", input=first)
    await desk.let_time_run_out(attempt)

    refused = await desk.client.data("SaveAnswer", input=second)

    closed = await desk.client.data("Attempt", id=attempt["id"])
    assert (refused["savedAt"], refused["secondsLeft"]) == (None, None)
    assert [(error["__typename"], error["code"], error["path"]) for error in refused["errors"]] == [("StateConflict", "ATTEMPT_CLOSED", ["attemptId"])]
    assert closed["status"] == "GRADED"
    assert [answer["questionId"] for answer in closed["answers"]] == [first["questionId"]]
    assert await desk.client.codes("SaveAnswer", input=second) == ["ATTEMPT_CLOSED"]


async def test_ten_submits_at_once_give_one_result(desk: Desk) -> None:
    attempt = await desk.start()
    for answer in _answers(attempt, "Paris"):
        await desk.client.data("SaveAnswer", input=answer)

    payloads = await asyncio.gather(*(desk.client.data("SubmitAttempt", input={"attemptId": attempt["id"]}) for _ in range(10)))

    assert len({json.dumps(payload) for payload in payloads}) == 1


async def test_a_repeated_start_gives_the_same_and_too_many_are_refused(desk: Desk) -> None:
    first = desk.seat.input
    attempt = (await desk.client.data("StartAttempt", input=first))["attempt"]
    await desk.client.data("SubmitAttempt", input={"attemptId": attempt["id"]})

    assert (await desk.client.data("StartAttempt", input=first))["attempt"]["status"] == "GRADED"
    second = await desk.start()
    await desk.client.data("SubmitAttempt", input={"attemptId": second["id"]})
    assert (second["number"], second["questions"] != attempt["questions"]) == (2, True)
    assert await desk.client.codes("StartAttempt", input=desk.seat.input) == ["LIMIT_REACHED"]
    assert await desk.client.codes("StartAttempt", input={**first, "lectureId": first["enrollmentId"]}) == ["NOT_FOUND"]
    assert await desk.client.codes("StartAttempt", input={**first, "idempotencyKey": ""}) == ["INVALID"]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["another learner", "another tenant's learner"])
async def test_nobody_else_sees_or_touches_it(other_school: School, desk: Desk, sign_in: SignIn, elsewhere: bool) -> None:
    stranger = await sign_in(at=other_school if elsewhere else None)
    attempt = await desk.start()
    answer, *_ = _answers(attempt, "Paris")

    assert await stranger.data("Attempt", id=attempt["id"]) is None
    assert await stranger.data("query ($id: ID!) { node(id: $id) { id } }", id=attempt["id"]) is None
    assert await stranger.codes("SaveAnswer", input=answer) == ["NOT_FOUND"]
    assert await stranger.codes("SubmitAttempt", input={"attemptId": attempt["id"]}) == ["NOT_FOUND"]
    assert await stranger.codes("StartAttempt", input=desk.seat.input) == ["NOT_FOUND"]
    assert (await desk.client.data("Attempt", id=attempt["id"]))["answers"] == []


async def test_a_quiz_that_is_closed_to_the_learner_is_not_started(desk: Desk) -> None:
    async with unit_of_work(desk.learner.caller):
        await Entitlement.for_caller(desk.learner.caller, id=desk.seat.entitlement_id).update(revoked_at=datetime.now(UTC))

    assert await desk.client.codes("StartAttempt", input=desk.seat.input) == ["ACCESS_DENIED"]


async def test_an_attempt_goes_on_when_access_ends(desk: Desk) -> None:
    attempt = await desk.start()
    answer, *_ = _answers(attempt, "Paris")
    async with unit_of_work(desk.learner.caller):
        await Entitlement.for_caller(desk.learner.caller, id=desk.seat.entitlement_id).update(revoked_at=datetime.now(UTC))

    assert await desk.client.codes("SaveAnswer", input=answer) == []
    assert await desk.client.codes("SubmitAttempt", input={"attemptId": attempt["id"]}) == []


async def test_the_lecture_tells_of_its_quiz_and_the_attempts_that_are_left(desk: Desk) -> None:
    document = "query ($id: ID!) { lecture(id: $id) { content { ... on QuizContent { quiz { title passingScore timeLimitMinutes maxAttempts attemptsLeft questionCount } } } } }"
    lecture = {"title": "Geography", "passingScore": "70.00", "timeLimitMinutes": 30, "maxAttempts": 2, "questionCount": 11}
    left = []
    for _ in range(2):
        told = (await desk.client.data(document, id=desk.seat.input["lectureId"]))["content"]["quiz"]
        left.append(told.pop("attemptsLeft"))
        assert told == lecture
        await desk.start()

    assert left == [2, 1]


async def test_a_visitor_is_told_to_sign_in(desk: Desk, visitor: Client) -> None:
    attempt = await desk.start()
    answer, *_ = _answers(attempt, "Paris")

    assert await visitor.codes("Attempt", id=attempt["id"]) == ["UNAUTHENTICATED"]
    assert await visitor.codes("StartAttempt", input=desk.seat.input) == ["UNAUTHENTICATED"]
    assert await visitor.codes("SaveAnswer", input=answer) == ["UNAUTHENTICATED"]
    assert await visitor.codes("SubmitAttempt", input={"attemptId": attempt["id"]}) == ["UNAUTHENTICATED"]


async def test_what_is_no_answer_is_refused_with_its_path(desk: Desk) -> None:
    attempt = await desk.start()
    single = next(question for question in attempt["questions"] if question.get("multiple") is False)
    ids = {"attemptId": attempt["id"], "questionId": single["id"]}

    refused = [
        await desk.client.data("SaveAnswer", input={**ids, "answer": answer})
        for answer in ({"choice": [option["id"] for option in single["options"]]}, {"choice": ["nothing"]}, {"trueFalse": True})
    ]

    assert [[(error["code"], error["path"]) for error in payload["errors"]] for payload in refused] == [
        [("INVALID", ["answer", "choice"])],
        [("INVALID", ["answer", "choice"])],
        [("INVALID", ["answer"])],
    ]
    for answer in ({}, {"choice": [], "trueFalse": True}, {"choice": None}):
        assert (await desk.client.send("SaveAnswer", input={**ids, "answer": answer}))["errors"]
    assert await desk.client.codes("SaveAnswer", input={**ids, "questionId": "x", "answer": {"choice": []}}) == ["ID_INVALID"]
    assert await desk.client.codes("SaveAnswer", input={**ids, "questionId": attempt["id"], "answer": {"choice": []}}) == ["NOT_FOUND"]


async def test_a_whole_sitting_takes_five_statements(desk: Desk, statements: list[str]) -> None:
    attempt = await desk.start()
    await desk.client.data("SubmitAttempt", input={"attemptId": attempt["id"]})
    statements.clear()

    await desk.client.data("Attempt", id=attempt["id"])

    assert len(statements) == 5  # the attempt, its questions, its answers, and of the result what was earned and the questions again


async def test_node_resolves_an_attempt_and_the_quiz_that_was_sat(desk: Desk, sign_in: SignIn) -> None:
    attempt = await desk.start()
    parsed = parse_id(attempt["id"])
    assert parsed
    async with unit_of_work(desk.learner.caller):
        quiz_id = public_id("qzo", (await Attempt.for_caller(desk.learner.caller, id=parsed[1]).get()).quiz_revision_id)
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Attempt { number } ... on QuizOverview { title questionCount attemptsLeft } } }"

    assert await desk.client.data(document, ids=[attempt["id"], quiz_id]) == [
        {"id": attempt["id"], "number": 1},
        {"id": quiz_id, "title": "Geography", "questionCount": 11, "attemptsLeft": 1},
    ]
    assert await (await sign_in()).data(document, ids=[attempt["id"], quiz_id]) == [None, None]


async def _watch(house: House, client: Client, attempt_id: str, on_event: Callable[[dict[str, Any]], Awaitable[None]]) -> dict[str, Any]:
    """Watch an attempt on a socket until it ends; gives the last message before `complete`, or the error."""
    last: dict[str, Any] = {}
    async with greeted(house.url, client.tenant, client.token) as socket:
        await say(socket, id="1", type="subscribe", payload={"query": DOCUMENTS["AttemptClock"], "variables": {"id": attempt_id}})
        while (message := await hear(socket))["type"] == "next":
            last = message["payload"]
            if last.get("data"):
                await on_event(last["data"]["attemptUpdated"])
    return last or message


async def test_the_clock_tells_the_state_at_once_and_ends_with_the_result(house: House, desk: Desk, settle: Settle) -> None:
    attempt = await desk.start()
    seen: list[dict[str, Any]] = []

    async def on_event(event: dict[str, Any]) -> None:
        seen.append(event)
        if len(seen) == 1:
            await desk.client.data("SubmitAttempt", input={"attemptId": attempt["id"]})
            await settle()

    await _watch(house, desk.client, attempt["id"], on_event)

    assert (seen[0]["status"], seen[0]["result"]) == ("OPEN", None)
    assert 1790 <= seen[0]["secondsLeft"] <= 1800
    assert (seen[-1]["status"], seen[-1]["result"]) == ("GRADED", {"score": "0.00", "passed": False})


async def test_the_clock_of_somebody_else_is_not_found(house: House, desk: Desk, sign_in: SignIn) -> None:
    attempt = await desk.start()

    async def nothing(event: dict[str, Any]) -> None:
        raise AssertionError(event)

    told = await _watch(house, await sign_in(), attempt["id"], nothing)

    assert (told["type"], told["payload"][0]["extensions"]["code"]) == ("error", "NOT_FOUND")
