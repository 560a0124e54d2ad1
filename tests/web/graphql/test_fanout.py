"""Subscriptions that go on alike go on as one, and nobody hears what another may hear only."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLNonNull, GraphQLObjectType, get_named_type, is_leaf_type
from hypothesis import given, settings
from hypothesis import strategies as st

from lms_graph.context import Context
from lms_graph.jobs.relay import Relay
from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.schema import schema
from lms_graph.web.graphql.fanout import MAX_BEHIND, Fanout, Listener, Message
from lms_graph.web.graphql.refusals import refused
from tests.factories.courses import course, text
from tests.factories.schools import full_school
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.sockets import greeted, hear, say

pytestmark = pytest.mark.anyio


class Log:
    """What happens, and who looks at it: each look is a run of a subscription's source."""

    def __init__(self) -> None:
        self.last = 0
        self.happened = asyncio.Condition()
        self.looks = 0
        self.is_over = False

    async def happen(self) -> None:
        async with self.happened:
            self.last += 1
            self.happened.notify_all()

    async def end(self) -> None:
        async with self.happened:
            self.is_over = True
            self.happened.notify_all()


class Source:
    """First the present, then each event: as `enrollmentProgress`. `budget` is how many messages can be paid for."""

    def __init__(self, log: Log, who: str = "Ada", budget: list[int] | None = None) -> None:
        self.log, self.who, self.budget = log, who, budget or [10_000]
        self.at = 0

    def alike(self) -> Hashable:
        return self.who

    def place(self, payload: Mapping[str, Any]) -> Hashable:
        return self.at

    async def pay(self, times: int) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self.budget[0] < times:
            raise refused(429, "RATE_LIMITED", "Too much.")
        self.budget[0] -= times
        return {"remaining": self.budget[0]}

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        await asyncio.sleep(0)
        self.at = self.log.last
        while True:
            self.log.looks += 1
            yield {"data": {"n": self.at, "who": self.who}}
            async with self.log.happened:
                await self.log.happened.wait_for(lambda: self.log.last > self.at or self.log.is_over)
            if self.log.last == self.at:
                return
            self.at += 1
            await asyncio.sleep(0)


here: list["Heard"] = []


@pytest.fixture(autouse=True)
async def nobody_stays() -> AsyncIterator[None]:
    yield
    for each in here:
        await each.leave()
    here.clear()


class Heard:
    """A listener's end of it. `reads` may be cleared, then nothing is taken."""

    def __init__(self, fanout: Fanout, source: Source) -> None:
        self.numbers: list[int] = []
        self.whose: set[str] = set()
        self.codes: list[str] = []
        self.deaf = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self.listener = Listener(self._take, deaf=self.deaf, met=self.codes.append)
        self.listening = asyncio.create_task(fanout.listen(source, self.listener, {"remaining": "first"}))
        here.append(self)

    async def _take(self, message: Message) -> None:
        await self.reads.wait()
        data = json.loads(message.json)["data"]
        self.numbers.append(data["n"])
        self.whose.add(data["who"])

    async def leave(self) -> None:
        self.listening.cancel()
        await asyncio.wait({self.listening})


async def quiet() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


class TestGoingOnAsOne:
    async def test_each_event_is_run_once(self) -> None:
        fanout, log = Fanout(), Log()
        listeners = [Heard(fanout, Source(log)) for _ in range(10)]  # they come at once, and begin as one
        await quiet()
        later = []
        for _ in range(3):
            later.append(Heard(fanout, Source(log)))  # begins by itself
            await quiet()
            await log.happen()
            await quiet()

        assert [each.numbers for each in listeners] == [[0, 1, 2, 3]] * 10
        assert [each.numbers for each in later] == [[0, 1, 2, 3], [1, 2, 3], [2, 3]]
        assert log.looks == 1 + 3 + 3

    async def test_who_led_may_leave(self) -> None:
        fanout, log = Fanout(), Log()
        listeners = [Heard(fanout, Source(log)) for _ in range(3)]
        await quiet()

        await listeners[0].leave()
        await log.happen()
        await quiet()
        await listeners[1].leave()
        await listeners[2].leave()

        assert [each.numbers for each in listeners] == [[0], [0, 1], [0, 1]]
        assert not fanout._standing

    async def test_others_are_apart(self) -> None:
        fanout, log = Fanout(), Log()
        listeners = [Heard(fanout, Source(log, who)) for who in ("Ada", "Bela", "Ada")]
        await quiet()
        await log.happen()
        await quiet()

        assert [each.whose for each in listeners] == [{"Ada"}, {"Bela"}, {"Ada"}]
        assert log.looks == 4

    async def test_the_end_is_everybodys(self) -> None:
        fanout, log = Fanout(), Log()
        listeners = [Heard(fanout, Source(log)) for _ in range(3)]
        await quiet()
        await log.end()

        assert await asyncio.gather(*(each.listening for each in listeners)) == [None] * 3
        assert not fanout._standing

    async def test_what_breaks_is_told_to_all(self) -> None:
        class Breaking(Source):
            async def events(self) -> AsyncGenerator[dict[str, Any], None]:
                async for event in super().events():
                    if event["data"]["n"] == 2:
                        raise LookupError
                    yield event

        fanout, log = Fanout(), Log()
        listeners = [Heard(fanout, Breaking(log)) for _ in range(3)]
        for _ in range(2):
            await quiet()
            await log.happen()

        told = await asyncio.gather(*(each.listening for each in listeners), return_exceptions=True)
        assert [type(each) for each in told] == [LookupError] * 3

    async def test_each_pays_and_who_cannot_is_told(self) -> None:
        fanout, log, budget = Fanout(), Log(), [5]
        listeners = [Heard(fanout, Source(log, budget=budget)) for _ in range(3)]
        await quiet()
        await log.happen()  # three are paid for together
        await quiet()
        await log.happen()  # two more, one by one
        await quiet()

        assert [each.numbers for each in listeners] == [[0, 1, 2], [0, 1, 2], [0, 1]]
        assert [each.codes for each in listeners] == [[], [], ["RATE_LIMITED"]]
        last = await listeners[2].listening
        assert last and last["errors"][0]["extensions"]["code"] == "RATE_LIMITED"

    @settings(max_examples=150, deadline=None)
    @given(steps=st.lists(st.tuples(st.sampled_from(["event", "event", "join", "join", "leave", "wait", "tick", "block", "read"]), st.integers(0, 30)), max_size=40))
    async def test_whoever_comes_when_hears_each_event_once(self, steps: list[tuple[str, int]]) -> None:
        fanout, log, listeners, gone = Fanout(), Log(), [], []
        for step, number in steps:
            if step == "event":
                await log.happen()
            elif step == "join":
                listeners.append(Heard(fanout, Source(log)))
            elif step in ("leave", "block", "read") and listeners:
                one = listeners[number % len(listeners)]
                if step == "leave":
                    listeners.remove(one)
                    gone.append(one)
                    await one.leave()
                elif step == "block":
                    one.reads.clear()
                else:
                    one.reads.set()
            elif step == "wait":
                await quiet()
            else:
                for _ in range(number % 4):
                    await asyncio.sleep(0)
        for one in listeners:
            one.reads.set()
        for _ in range(5):
            await quiet()
        before = log.looks
        await log.happen()
        for _ in range(5):
            await quiet()

        for one in [*listeners, *gone]:
            assert one.numbers == list(range(one.numbers[0], one.numbers[-1] + 1)) if one.numbers else one in gone
        assert all(one.numbers[-1] == log.last for one in listeners)
        assert log.looks - before == bool(listeners)
        for one in listeners:
            await one.leave()
        here.clear()
        assert not fanout._standing


class TestSlowReaders:
    async def test_hold_up_nobody(self) -> None:
        fanout, log = Fanout(), Log()
        slow, *others = [Heard(fanout, Source(log)) for _ in range(3)]
        await quiet()
        slow.reads.clear()
        for _ in range(5):
            await log.happen()
            await quiet()

        assert [each.numbers for each in others] == [[0, 1, 2, 3, 4, 5]] * 2
        assert slow.numbers == [0]
        slow.reads.set()
        await quiet()
        assert slow.numbers == [0, 1, 2, 3, 4, 5]

    async def test_are_given_up_when_they_are_far_behind(self) -> None:
        fanout, log = Fanout(), Log()
        slow, other = [Heard(fanout, Source(log)) for _ in range(2)]
        await quiet()
        slow.reads.clear()
        for _ in range(MAX_BEHIND + 2):
            assert not slow.deaf.is_set()
            await log.happen()
            await quiet()

        assert slow.deaf.is_set()
        assert other.numbers[-1] == MAX_BEHIND + 2

    async def test_alone_set_the_pace(self) -> None:
        fanout, log = Fanout(), Log()
        slow = Heard(fanout, Source(log))
        await quiet()
        slow.reads.clear()
        for _ in range(2 * MAX_BEHIND):
            await log.happen()
        await quiet()
        looked = log.looks
        new = Heard(fanout, Source(log))
        await quiet()

        assert looked == 2
        assert not slow.deaf.is_set()
        assert new.numbers == [2 * MAX_BEHIND]
        slow.reads.set()
        for _ in range(200):
            await quiet()
        assert slow.numbers == list(range(2 * MAX_BEHIND + 1))


async def test_a_frame_differs_by_its_id_only() -> None:
    message = Message(b'{"data":{"a":"\xc3\xa4"}}')

    assert message.frame('"1"') == '{"id":"1","type":"next","payload":{"data":{"a":"ä"}}}'
    assert message.frame('"\\"2"') == '{"id":"\\"2","type":"next","payload":{"data":{"a":"ä"}}}'
    assert message.event == b'event: next\ndata: {"data":{"a":"\xc3\xa4"}}\n\n'


OTHER: dict[str, Any] = {"roles": frozenset({"SUPPORT"}), "permissions": frozenset({Permission.ENROLLMENTS_READ}), "locale": "de", "address": "192.0.2.7", "user_agent": "other"}


class TestWhoIsAlike:
    """Everything about a caller counts but the moment, also what is added to `Caller` later."""

    @pytest.mark.parametrize("name", [each.name for each in fields(Caller)])
    async def test_each_field_of_a_caller_tells_them_apart(self, name: str, house: House) -> None:
        one = Caller(tenant_id=uuid4(), now=datetime.now(UTC))
        value = getattr(one, name)
        other = OTHER.get(name, not value if isinstance(value, bool) else datetime(2026, 1, 1, tzinfo=UTC) if name == "now" else uuid4())

        here = Context(caller=one, adapters=house.adapters, make_loaders=None, base_url="http://a", trace_id="1")  # type: ignore[arg-type]
        there = replace(here, caller=replace(one, **{name: other}), trace_id="2")

        assert (here.who_and_where() == there.who_and_where()) is (name == "now")

    async def test_the_address_under_which_they_ask_does_too(self, house: House) -> None:
        here = Context(caller=Caller.system(uuid4()), adapters=house.adapters, make_loaders=None, base_url="http://a", trace_id="1")  # type: ignore[arg-type]

        assert here.who_and_where() != replace(here, base_url="http://b").who_and_where()


PROGRESS = "subscription ($id: ID!, $after: Int) { enrollmentProgress(enrollmentId: $id, after: $after) { sequence enrollment { id progressPercent } } }"


@pytest.fixture
def relay(house: House) -> Relay:
    return Relay(live=house.adapters.live, answers=house.adapters.answers, send=lambda message: None, resend_after=60, sweep_every=1)


def loads(statements: Iterable[str]) -> int:
    """How many times a run was loaded for an answer."""
    return sum("e.id = ANY($3)" in statement and "enrollments e" in statement for statement in statements)


class TestOverSockets:
    async def test_one_event_is_loaded_once_for_all_and_each_has_its_own_frame(self, student: Client, school: School, relay: Relay, statements: list[str]) -> None:
        made = await course(school.system, text("a"), text("b"))
        run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
        async with AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(greeted(student.house.url, student.tenant, student.token)) for _ in range(5)]
            for number, socket in enumerate(sockets):
                await say(socket, type="subscribe", id=f"s{number}", payload={"query": PROGRESS, "variables": {"id": run}})
            await say(sockets[0], type="subscribe", id="again", payload={"query": PROGRESS, "variables": {"id": run}})
            first = [await hear(socket) for socket in sockets] + [await hear(sockets[0])]
            await student.data(
                "mutation ($input: LectureCompleteInput!) { lectureComplete(input: $input) { errors { code } } }", input={"enrollmentId": run, "lectureId": made.lecture("a")}
            )
            statements.clear()
            await relay.drain()
            heard = [await hear(socket) for socket in sockets] + [await hear(sockets[0])]
            counted = loads(statements)

        assert counted == 1
        assert sorted(each["id"] for each in heard) == sorted(each["id"] for each in first) == ["again", "s0", "s1", "s2", "s3", "s4"]
        assert {json.dumps(each["payload"]) for each in heard} == {json.dumps(heard[0]["payload"])}
        assert heard[0]["payload"]["data"]["enrollmentProgress"] == {
            "sequence": first[0]["payload"]["data"]["enrollmentProgress"]["sequence"] + 1,
            "enrollment": {"id": run, "progressPercent": 50},
        }

    async def test_two_sessions_of_one_person_are_apart(self, student: Client, sign_in: SignIn, school: School, relay: Relay, statements: list[str]) -> None:
        made = await course(school.system, text("a"), text("b"))
        run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
        elsewhere = await sign_in(student.account_id)
        async with greeted(student.house.url, student.tenant, student.token) as one, greeted(student.house.url, student.tenant, elsewhere.token) as other:
            for socket in (one, other):
                await say(socket, type="subscribe", id="1", payload={"query": PROGRESS, "variables": {"id": run}})
                await hear(socket)
            await student.data(
                "mutation ($input: LectureCompleteInput!) { lectureComplete(input: $input) { errors { code } } }", input={"enrollmentId": run, "lectureId": made.lecture("a")}
            )
            statements.clear()
            await relay.drain()
            heard = [await hear(socket) for socket in (one, other)]

        assert loads(statements) == 2
        assert heard[0]["payload"]["data"] == heard[1]["payload"]["data"]

    async def test_with_after_nothing_is_lost_and_then_it_goes_on_as_one(self, student: Client, school: School, relay: Relay, statements: list[str]) -> None:
        made = await course(school.system, *(text(key) for key in "abcd"))
        run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]

        async def complete(key: str) -> None:
            done = {"enrollmentId": run, "lectureId": made.lecture(key)}
            await student.data("mutation ($input: LectureCompleteInput!) { lectureComplete(input: $input) { errors { code } } }", input=done)
            await relay.drain()

        async def sequences(socket: Any, many: int) -> list[int]:
            return [(await hear(socket))["payload"]["data"]["enrollmentProgress"]["sequence"] for _ in range(many)]

        payload = {"query": PROGRESS, "variables": {"id": run, "after": 1}}
        async with greeted(student.house.url, student.tenant, student.token) as early, greeted(student.house.url, student.tenant, student.token) as late:
            await say(early, type="subscribe", id="1", payload=payload)
            await complete("a")
            assert await sequences(early, 1) == [2]
            await complete("b")
            assert await sequences(early, 1) == [3]
            await say(late, type="subscribe", id="1", payload=payload)
            assert await sequences(late, 2) == [2, 3]
            statements.clear()
            await complete("c")
            assert await sequences(early, 1) == await sequences(late, 1) == [4]
            assert loads(statements) == 1


assert schema._schema.subscription_type
SUBSCRIPTIONS = schema._schema.subscription_type.fields
# What each subscription is about: one of a student's own things, in a school that has everything.
ABOUT = {"enrollmentProgress": "Enrollment", "certificateUpdated": "Enrollment", "attemptUpdated": "Attempt", "checkoutUpdated": "Checkout"}


def everything_of(field: str) -> str:
    """A document for a subscription with all that its event has itself, and nothing that another would ask of it."""
    definition = SUBSCRIPTIONS[field]
    (argument,) = (name for name, argument in definition.args.items() if isinstance(argument.type, GraphQLNonNull))
    kind = get_named_type(definition.type)
    assert isinstance(kind, GraphQLObjectType)
    leaves = [name for name, each in kind.fields.items() if is_leaf_type(get_named_type(each.type)) and not each.args]
    return f"subscription ($id: ID!) {{ {field}({argument}: $id) {{ __typename {' '.join(leaves)} }} }}"


@pytest.mark.parametrize("field", SUBSCRIPTIONS)
async def test_two_viewers_of_each_subscription_hear_what_is_theirs(field: str, house: House, sign_in: SignIn, other_school: School, clients: list[Client]) -> None:
    """The same words at the same moment: to whom it belongs hears it, nobody else hears anything, whoever comes first."""
    whole = await full_school(house)
    owner, school = whole.student, whole.school
    others = [await sign_in(at=school), await sign_in(at=school, roles=("STUDENT", "TENANT_ADMIN")), await sign_in(at=other_school), Client(house, school.slug)]
    clients += [owner, others[-1]]
    payload = {"query": everything_of(field), "variables": {"id": whole.ids[ABOUT[field]]}}
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(greeted(house.url, client.tenant, client.token)) for client in (others[0], owner, *others[1:], owner)]
        for socket in sockets:
            await say(socket, type="subscribe", id="1", payload=payload)
        told = [await hear(socket) for socket in sockets]

    kinds = ["error", "next", "error", "error", "error", "next"]
    assert [message["type"] for message in told] == kinds
    assert told[1]["payload"]["data"] == told[5]["payload"]["data"]
    assert told[1]["payload"]["data"][field]
    assert {message["payload"][0]["extensions"]["code"] for message in told if message["type"] == "error"} <= {"NOT_FOUND", "UNAUTHENTICATED"}
