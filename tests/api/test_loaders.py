"""A loader serves its own viewer and nobody else: whoever asks on the same process, on the same socket, or before and after on the same context."""

import asyncio
import gc
import inspect
import json
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from lms_graph.context import Context
from lms_graph.dataloaders import Loaders
from lms_graph.dataloaders.assessment import AssessmentLoaders
from lms_graph.dataloaders.certificates import CertificatesLoaders
from lms_graph.dataloaders.commerce import CommerceLoaders
from lms_graph.dataloaders.community import CommunityLoaders
from lms_graph.dataloaders.learning import LearningLoaders
from lms_graph.dataloaders.loading import Loader, batch
from lms_graph.dataloaders.payouts import PayoutsLoaders
from lms_graph.domain.certificates import operations as certificates
from lms_graph.domain.commerce.rules.orders import OrderFilter
from lms_graph.domain.learning.operations.entitlements import grant_course
from lms_graph.domain.learning.rules.grants import GrantFilter
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed
from lms_graph.kit.ids import new_id, parse_id, public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.models import database
from lms_graph.models.commerce import OfferSubject
from lms_graph.models.learning import EntitlementKind
from lms_graph.types.catalog.lectures import Lecture, Place
from tests.factories.accounts import PASSWORD, address
from tests.factories.courses import MadeCourse, course, quiz_lecture, text
from tests.factories.schools import FullSchool, full_school, traded
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.sockets import greeted, hear, say

pytestmark = pytest.mark.anyio

START = "mutation ($input: AttemptStartInput!) { attemptStart(input: $input) { attempt { id questions { id } } errors { code } } }"
SAVE = "mutation ($input: AttemptAnswerSaveInput!) { attemptAnswerSave(input: $input) { errors { code } } }"
SUBMIT = "mutation ($input: AttemptSubmitInput!) { attemptSubmit(input: $input) { errors { code } } }"
AREAS = {
    "learning": LearningLoaders,
    "assessment": AssessmentLoaders,
    "certificates": CertificatesLoaders,
    "commerce": CommerceLoaders,
    "payouts": PayoutsLoaders,
    "community": CommunityLoaders,
}
LOADERS = [f"{area}.{name}" for area, loaders in AREAS.items() for name in dir(loaders) if isinstance(inspect.getattr_static(loaders, name), batch)]

# Keyed by what is not a person's, or for those with a right that these viewers lack: each viewer gets their own answer to the same key.
SHARED = {"latest_run", "unused_grant", "own_entitlements", "grants", "course_decision", "course_access", "resource", "lecture", "sat_quiz", "of_learner", "roster", "entitlements"}
SHARED |= {"own_orders", "own_payments", "own_subscriptions", "own_seat_pools", "own_review", "of_course"}
# What is no secret between viewers by itself, and why.
OPEN = {
    "certificates.pdf": "the row of a file, by an id that only a certificate tells",
    "commerce.order_reference": "a number and a time, for who was shown something of the order",
    "commerce.seat_count": "a number, for who was given the pool",
    "payouts.sums": "for who was given the payee",
    "payouts.balance": "the same",
    "payouts.balances": "the same",
    "payouts.entries_of_payee": "the same",
    "community.review": "an opinion is for everybody",
}
TRADED = "Order OrderLine Payment Refund Dispute Invoice Checkout Plan Payee LedgerEntry Payout PayeeStatement SeatPool SeatAssignment Review".split()


@dataclass(frozen=True)
class Learner:
    """Somebody with a run, an attempt, a grant and perhaps a certificate, and whatever else one has of sales, by type; or the ids of nobody's."""

    account_id: UUID
    run: UUID
    grant: UUID
    attempt: UUID
    certificate: UUID
    source: UUID
    traded: dict[str, UUID] = field(default_factory=lambda: {kind: new_id() for kind in TRADED})


NOBODY = Learner(*(new_id() for _ in range(6)))


@dataclass(frozen=True)
class Scene:
    """A school with two learners of one course, of whom only the first has finished it."""

    school: School
    made: MadeCourse
    revision: UUID
    lectures: list[Any]
    learners: tuple[Learner, Learner]
    file: UUID


async def a_learner(student: Client, school: School, made: MadeCourse, *, finishes: bool, house: House) -> Learner:
    def uuid(id: str) -> UUID:
        parsed = parse_id(id)
        assert parsed
        return parsed[1]

    run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
    attempt = (await student.data(START, input={"enrollmentId": run, "lectureId": made.lecture("quiz"), "idempotencyKey": "k"}))["attempt"]
    certificate = new_id()
    if finishes:
        await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("read")})
        for question in attempt["questions"]:
            await student.send(SAVE, input={"attemptId": attempt["id"], "questionId": question["id"], "answer": {"trueFalse": True}})
        await student.data(SUBMIT, input={"attemptId": attempt["id"]})
        await certificates.issue_certificate(caller=school.system, enrollment_id=uuid(run), closes=None, base_url=house.adapters.base_url, secret_keys=house.adapters.secret_keys)
        certificate = uuid((await student.data("query ($id: ID!) { enrollment(id: $id) { certificate { id } } }", id=run))["certificate"]["id"])
    async with database.reading(school.system):
        grant = await database.fetch_value("SELECT id FROM entitlements WHERE tenant_id = $1 AND account_id = $2", school.id, student.account_id)
    assert student.account_id
    source = new_id()
    await grant_course(caller=school.system, account_id=student.account_id, course_id=made.course_id, kind=EntitlementKind.ORDER, source_id=source)
    sales = await traded(school, student, made.course_id, new_id().hex[:16], seats_of=made.course_id) if finishes else {}
    others = {kind: uuid(id) for kind, id in sales.items()} or {kind: new_id() for kind in TRADED}
    return Learner(student.account_id, uuid(run), grant, uuid(attempt["id"]), certificate, source, others)


@pytest.fixture
async def scene(house: House, school: School, sign_in: SignIn) -> Scene:
    made = await course(school.system, text("read"), await quiz_lecture(school.system, is_required=False))
    first = await a_learner(await sign_in(name="First"), school, made, finishes=True, house=house)
    second = await a_learner(await sign_in(name="Second"), school, made, finishes=False, house=house)
    await grant_course(caller=school.system, account_id=first.account_id, course_id=made.course_id)
    async with database.reading(school.system):
        revision = await database.fetch_value("SELECT quiz_revision_id FROM attempts WHERE tenant_id = $1 AND id = $2", school.id, first.attempt)
        context = a_context(house, Caller.system(school.id))
        lectures = await context.loaders.catalog.lecture_in_version.load_many([(made.version_id, id, None) for id in made.lectures.values()])
    return Scene(school, made, revision, lectures, (first, second), new_id())


def a_context(house: House, caller: Caller) -> Context:
    return Context(caller=caller, adapters=house.adapters, make_loaders=Loaders, base_url="http://x", trace_id="t")


def keys(scene: Scene, whose: Learner) -> dict[str, list[Any]]:
    """Keys of every loader that mean this learner's."""
    course_id, version = scene.made.course_id, scene.made.version_id
    places = [Place(course_id, version, id, whose.run) for id in scene.made.lectures.values()]
    lectures = [Lecture.from_row(lecture.row, whose.run) for lecture in scene.lectures]
    by_run, by_course, by_attempt = [whose.run], [course_id], [whose.attempt]
    by = {kind: [id] for kind, id in whose.traded.items()}
    first = PageRequest()
    return {
        "learning.enrollment": by_run,
        "learning.latest_run": by_course,
        "learning.run_of_grant": [whose.grant],
        "learning.grant_of_source": [whose.source],
        "learning.grants_of_source": [whose.source],
        "learning.runs_of_account": [(whose.account_id, PageRequest(), None)],
        "learning.roster": [(course_id, PageRequest(), None)],
        "learning.entitlement": [whose.grant],
        "learning.unused_grant": by_course,
        "learning.entitlements": [(PageRequest(), GrantFilter())],
        "learning.own_entitlements": [(PageRequest(), GrantFilter())],
        "learning.progress": by_run,
        "learning.grants": by_course,
        "learning.course_decision": by_course,
        "learning.course_access": by_course,
        "learning.lecture_decision": lectures,
        "learning.lecture_access": lectures,
        "learning.lecture_progress": places,
        "learning.requirements": [(version, whose.run)],
        "learning.content": lectures,
        "learning.resources": lectures,
        "learning.resource": [scene.file],
        "learning.lecture": list(scene.made.lectures.values()),
        "assessment.quiz_overview": [(scene.revision, whose.run)],
        "assessment.sat_quiz": [scene.revision],
        "assessment.attempt": by_attempt,
        "assessment.prompts": by_attempt,
        "assessment.answers": by_attempt,
        "assessment.items": by_attempt,
        "certificates.certificate": [whose.certificate],
        "certificates.of_enrollment": by_run,
        "certificates.of_learner": [PageRequest()],
        "certificates.pdf": [scene.file],
        "commerce.offer": [scene.file],
        "commerce.visible_offer": [scene.file],
        "commerce.offers_of_subject": [(course_id, None)],
        "commerce.items": [(OfferSubject.COURSE, course_id)],
        "commerce.bundle": [scene.file],
        "commerce.courses_of_bundle": [scene.file],
        "commerce.coupon": [scene.file],
        "commerce.courses_of_coupon": [scene.file],
        "commerce.settings": [scene.file],
        "commerce.tax_rate": [scene.file],
        "commerce.checkout": by["Checkout"],
        "commerce.order": by["Order"],
        "commerce.order_reference": by["Order"],
        "commerce.order_line": by["OrderLine"],
        "commerce.payment": by["Payment"],
        "commerce.sums_of_payment": by["Order"],
        "commerce.lines_of_order": by["Order"],
        "commerce.payments_of_order": by["Order"],
        "commerce.own_orders": [(first, OrderFilter())],
        "commerce.own_payments": [first],
        "commerce.refund": by["Refund"],
        "commerce.refunds_of_order": by["Order"],
        "commerce.refunds": [(first, None)],
        "commerce.refund_record": [whose.account_id],
        "commerce.courses": [(course_id,)],
        "commerce.dispute": by["Dispute"],
        "commerce.disputes_of_order": by["Order"],
        "commerce.disputes": [(first, None)],
        "commerce.evidence_at_hand": by["Order"],
        "commerce.subscription": by["Plan"],
        "commerce.own_subscriptions": [(first, None)],
        "commerce.invoice": by["Invoice"],
        "commerce.invoice_of_order": by["Order"],
        "commerce.credit_note": by["Refund"],
        "commerce.invoice_pdf": [scene.file],
        "commerce.seat_pool": by["SeatPool"],
        "commerce.seat": by["SeatAssignment"],
        "commerce.seats_of_pool": [(id, first) for id in by["SeatPool"]],
        "commerce.seat_count": by["SeatPool"],
        "commerce.own_seat_pools": [first],
        "payouts.payee": by["Payee"],
        "payouts.payee_of_account": [whose.account_id],
        "payouts.sums": by["Payee"],
        "payouts.currency": [scene.file],
        "payouts.balance": by["Payee"],
        "payouts.balances": by["Payee"],
        "payouts.payout": by["Payout"],
        "payouts.payouts_of": [(id, first) for id in by["Payee"]],
        "payouts.statement": by["PayeeStatement"],
        "payouts.statements_of": [(id, first) for id in by["Payee"]],
        "payouts.statement_file": [scene.file],
        "payouts.entry": by["LedgerEntry"],
        "payouts.entries_of_payee": [(id, first) for id in by["Payee"]],
        "community.review": by["Review"],
        "community.own_review": by_course,
        "community.rating": by_course,
        "community.of_course": [(course_id, first, None)],
        "community.for_moderators": [(first, None, None)],
    }


async def told(context: Context, loader: str, wanted: list[Any]) -> str:
    """What a loader gives, as text; of what changes by itself, nothing."""
    area, name = loader.split(".")
    try:
        values: Any = await getattr(getattr(context.loaders, area), name).load_many(wanted)
    except NotAllowed:
        values = "not allowed"
    return re.sub(r" at 0x[0-9a-f]+|\?[^'\"]*Signature[^'\"]*|seconds_left=\d+", "", repr(values))


def masked(text: str, whose: Learner) -> str:
    """The ids that were asked with come back in some values: not they are the secret."""
    for prefix, id in (("enr", whose.run), ("ent", whose.grant), ("att", whose.attempt), ("crt", whose.certificate), ("prf", whose.account_id)):
        text = text.replace(public_id(prefix, id), prefix).replace(repr(id), prefix)
    return text


@pytest.fixture
async def viewers(house: House, scene: Scene) -> tuple[Caller, Caller]:
    now = datetime.now(UTC)
    first, second = (Caller(tenant_id=scene.school.id, account_id=learner.account_id, now=now) for learner in scene.learners)
    return first, second


async def everything(house: House, caller: Caller, asked: dict[str, list[Any]]) -> dict[str, str]:
    async with database.reading(caller):
        return {loader: await told(a_context(house, caller), loader, wanted) for loader, wanted in asked.items()}


def test_every_loader_is_tried() -> None:
    assert set(keys(Scene(None, MadeCourse(new_id(), new_id(), "x", {}), new_id(), [], (NOBODY, NOBODY), new_id()), NOBODY)) == set(LOADERS)  # type: ignore[arg-type]


async def test_what_is_anothers_is_as_if_it_were_nobodys(house: House, scene: Scene, viewers: tuple[Caller, Caller]) -> None:
    first, second = scene.learners

    own = await everything(house, viewers[0], keys(scene, first))
    foreign = await everything(house, viewers[1], keys(scene, first))
    nobodys = await everything(house, viewers[1], keys(scene, NOBODY))

    for loader in LOADERS:
        if loader.split(".")[1] not in SHARED and loader not in OPEN and loader != "learning.runs_of_account":
            assert masked(foreign[loader], first) == masked(nobodys[loader], NOBODY), loader
    private = {
        "learning.enrollment",
        "learning.entitlement",
        "learning.grants_of_source",
        "learning.progress",
        "learning.requirements",
        "assessment.attempt",
        "assessment.items",
        "certificates.certificate",
        "commerce.checkout",
        "commerce.order",
        "commerce.order_line",
        "commerce.payment",
        "commerce.lines_of_order",
        "commerce.payments_of_order",
        "commerce.refund",
        "commerce.refunds_of_order",
        "commerce.subscription",
        "commerce.invoice",
        "commerce.invoice_of_order",
        "commerce.seat_pool",
        "commerce.seat",
        "commerce.seats_of_pool",
        "payouts.payee",
        "payouts.payee_of_account",
        "payouts.payout",
        "payouts.payouts_of",
        "payouts.statement",
        "payouts.statements_of",
        "payouts.entry",
        "payouts.entries_of_payee",
    }
    assert {loader for loader in private if masked(own[loader], first) == masked(nobodys[loader], NOBODY)} == set(), "there is something to see at all"
    assert second.run != first.run


async def test_two_viewers_at_once_get_what_each_gets_alone(house: House, scene: Scene, viewers: tuple[Caller, Caller]) -> None:
    asked = [keys(scene, learner) for learner in scene.learners]
    alone = [await everything(house, caller, {**asked[index]}) for index, caller in enumerate(viewers)]
    turns = [(index, loader) for index in (0, 1) for loader in LOADERS] * 3
    random.Random(4).shuffle(turns)

    async def turn(index: int, loader: str) -> str:
        async with database.reading(viewers[index]):
            return await told(a_context(house, viewers[index]), loader, asked[index][loader])

    together = await asyncio.gather(*(turn(index, loader) for index, loader in turns))

    assert [(loader, text) for (_, loader), text in zip(turns, together, strict=True)] == [(loader, alone[index][loader]) for index, loader in turns]


async def test_a_context_that_becomes_another_has_forgotten(house: House, scene: Scene, viewers: tuple[Caller, Caller]) -> None:
    asked = keys(scene, scene.learners[0])
    alone = [await everything(house, caller, asked) for caller in viewers]

    async with database.reading(viewers[0]):
        context = a_context(house, viewers[0])
        for index in (0, 1, 0):
            context.become(viewers[index])
            assert {loader: await told(context, loader, wanted) for loader, wanted in asked.items()} == alone[index]
        before = context.loaders
        context.renew()

    assert context.loaders is not before
    assert context.caller.account_id == viewers[0].account_id


async def test_a_sign_up_on_a_socket_is_of_its_own_operation(house: House, school: School, student: Client) -> None:
    """It goes on as who has just signed up, while operations beside it, and after it, are of the socket's viewer."""
    sign_up = "mutation ($input: SignUpInput!) { signUp(input: $input) { viewer { id } errors { code } } }"
    own = public_id("vwr", student.account_id or UUID(int=0))
    async with greeted(house.url, school.slug, student.token) as socket:
        for number in range(30):
            new = {"input": {"email": address(), "name": "New", "password": PASSWORD}}
            payload = {"query": sign_up, "variables": new} if number % 10 == 5 else {"query": "{ viewer { id } }"}
            await say(socket, id=str(number), type="subscribe", payload=payload)
        answers: dict[str, str] = {}
        done = 0
        while done < 30:
            message = await hear(socket)
            done += message["type"] == "complete"
            if message["type"] == "next":
                data = message["payload"]["data"]
                answers[message["id"]] = (data.get("viewer") or data["signUp"]["viewer"])["id"]

    assert {id for number, id in answers.items() if int(number) % 10 != 5} == {own}
    assert len({id for number, id in answers.items() if int(number) % 10 == 5} | {own}) == 4


@pytest.fixture
async def two_schools(house: House) -> AsyncIterator[tuple[FullSchool, FullSchool]]:
    a, b = await full_school(house), await full_school(house)
    yield a, b
    for full in (a, b):
        await full.student.http.aclose()


ASKED = """
query ($ids: [ID!]!, $run: ID!) {
  nodes(ids: $ids) { id ... on Lecture { title content { ... on TextContent { markdown } } } }
  enrollment(id: $run) { id course { title } }
  viewer { name email }
}
"""


async def test_two_thousand_requests_of_two_schools_carry_no_foreign_marker(house: House, two_schools: tuple[FullSchool, FullSchool]) -> None:
    """Each asks for the ids of both schools, and gets its own: twenty clients that take turns as they come."""
    ids = [[full.ids[kind] for kind in ("Course", "Lecture", "Enrollment", "Attempt")] for full in two_schools]
    marks = [full.name_marker.removesuffix("nam") for full in two_schools]

    async def client(index: int) -> list[str]:
        own = two_schools[index].student
        one = Client(house, own.tenant, own.token, own.account_id)
        wanted = [*ids[0], *ids[1]]
        answers = [json.dumps(await one.send(ASKED, ids=wanted, run=two_schools[index if number % 4 else 1 - index].ids["Enrollment"])) for number in range(100)]
        await one.http.aclose()
        return answers

    turns = [0, 1] * 10
    answers = [(index, answer) for index, of_one in zip(turns, await asyncio.gather(*map(client, turns)), strict=True) for answer in of_one]

    assert len(answers) == 2000
    assert [answer for index, answer in answers if marks[1 - index] in answer] == []
    assert [answer for index, answer in answers if any(id in answer for id in ids[1 - index])] == []
    assert all(f"{marks[index]}pub" in answer and f"{marks[index]}prv" in answer and '"errors"' not in answer for index, answer in answers)


async def test_an_operation_leaves_none_of_its_loaders(house: House, school: School, visitor: Client) -> None:
    """What it has read is gone with it, without a garbage collection: those stop the loop."""
    made = await course(school.system, text("read"))
    asked = "query ($slug: String!) { course(slug: $slug) { title sections { lectures { title access { allowed } } } access { allowed } } }"

    def left() -> int:
        return sum(isinstance(each, Loader) for each in gc.get_objects())

    gc.collect()
    before = left()
    gc.disable()
    try:
        for _ in range(5):
            assert (await visitor.data(asked, slug=made.slug))["title"]
        after = left()
    finally:
        gc.enable()
    assert after <= before
