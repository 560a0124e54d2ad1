"""DNS as it is asked: by dnspython, of a server that speaks DNS over UDP and TCP and says what it should not."""

import os
from collections.abc import AsyncIterator
from itertools import pairwise

import dns.message
import dns.rrset
import pytest

from lms_graph.embedded.processes import free_port
from lms_graph.integrations.dns import DnsPython
from lms_graph.integrations.twins.dns import DnsTwin
from lms_graph.kit.errors import Unavailable

pytestmark = pytest.mark.anyio

NAME = "_lms-graph-challenge.school.example"


@pytest.fixture
async def twin() -> AsyncIterator[DnsTwin]:
    twin = DnsTwin()
    await twin.open()
    yield twin
    await twin.aclose()


@pytest.fixture
def asked(twin: DnsTwin) -> DnsPython:
    return DnsPython([("127.0.0.1", twin.port)], timeout=0.3, lifetime=1)


async def test_gives_each_text_in_one_piece(twin: DnsTwin, asked: DnsPython) -> None:
    twin.publish(NAME, "TXT", "lms-graph=abc", "x" * 300, "")

    assert sorted(await asked.texts(NAME)) == ["", "lms-graph=abc", "x" * 300]
    assert twin.questions == [(NAME, "TXT")]


async def test_a_name_that_is_not_there_has_none(twin: DnsTwin, asked: DnsPython) -> None:
    assert list(await asked.texts(NAME)) == []


async def test_a_name_with_other_records_has_none(twin: DnsTwin, asked: DnsPython) -> None:
    twin.publish(NAME, "A", "192.0.2.1")
    twin.publish(f"below.{NAME}", "TXT", "lms-graph=abc")

    assert list(await asked.texts(NAME)) == []


async def test_follows_aliases(twin: DnsTwin, asked: DnsPython) -> None:
    twin.publish(NAME, "CNAME", "proof.elsewhere.example")
    twin.publish("proof.elsewhere.example", "TXT", "lms-graph=abc")

    assert list(await asked.texts(NAME)) == ["lms-graph=abc"]


async def test_an_answer_too_large_for_udp_comes_by_tcp(twin: DnsTwin, asked: DnsPython) -> None:
    twin.publish(NAME, "TXT", *(f"{number:04}" + "x" * 200 for number in range(80)), "lms-graph=abc")

    assert len(await asked.texts(NAME)) == 81
    assert twin.questions == [(NAME, "TXT")] * 2


async def test_of_very_many_some_and_of_very_long_none_are_read(twin: DnsTwin, asked: DnsPython) -> None:
    twin.publish(NAME, "TXT", *(f"{number:04}" for number in range(2000)))
    twin.publish("long.example", "TXT", "x" * 60_000, "lms-graph=abc")

    assert len(await asked.texts(NAME)) == 100
    assert list(await asked.texts("long.example")) == ["lms-graph=abc"]


async def test_bytes_that_are_no_text_are_borne(twin: DnsTwin, asked: DnsPython) -> None:
    def answer(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", r'"\255\254\000"'))
        return response.to_wire()

    twin.say(NAME, answer)

    assert list(await asked.texts(NAME)) == ["\ufffd\ufffd\0"]


def loop(twin: DnsTwin) -> None:
    twin.publish(NAME, "CNAME", "a.example")
    twin.publish("a.example", "CNAME", NAME)


def raw_loop(twin: DnsTwin) -> None:
    """As a server says that follows nothing."""

    def answer(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "CNAME", "a.example."))
        response.answer.append(dns.rrset.from_text("a.example.", 60, "IN", "CNAME", f"{NAME}."))
        return response.to_wire()

    twin.say(NAME, answer)


def long_chain(twin: DnsTwin) -> None:
    def answer(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        names = [NAME, *(f"n{number}.example" for number in range(40))]
        for name, target in pairwise(names):
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{target}."))
        return response.to_wire()

    twin.say(NAME, answer)


def of_another_question(query: dns.message.Message) -> bytes:
    """A guess at an answer: right but for its number."""
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", '"lms-graph=abc"'))
    response.id = (response.id + 1) % 65536
    return response.to_wire()


@pytest.mark.parametrize(
    "arrange",
    [
        lambda twin: twin.fail(NAME),
        lambda twin: twin.fail(NAME, "REFUSED"),
        lambda twin: twin.fail(NAME, "FORMERR"),
        lambda twin: twin.silence(NAME),
        lambda twin: twin.say(NAME, lambda query: os.urandom(300)),
        lambda twin: twin.say(NAME, lambda query: b""),
        lambda twin: twin.say(NAME, lambda query: query.to_wire()),
        lambda twin: twin.say(NAME, of_another_question),
        loop,
        raw_loop,
        long_chain,
    ],
    ids=["SERVFAIL", "REFUSED", "FORMERR", "silence", "noise", "nothing", "its own question", "another number", "a loop", "a loop told", "a long chain"],
)
async def test_what_makes_no_sense_says_nothing_of_the_name(twin: DnsTwin, asked: DnsPython, arrange: object) -> None:
    arrange(twin)  # type: ignore[operator]

    with pytest.raises(Unavailable):
        await asked.texts(NAME)


async def test_a_server_that_fails_is_passed_over(twin: DnsTwin) -> None:
    broken = DnsTwin()
    await broken.open()
    broken.fail(NAME)
    twin.publish(NAME, "TXT", "lms-graph=abc")

    asked = DnsPython([("127.0.0.1", free_port()), ("127.0.0.1", broken.port), ("127.0.0.1", twin.port)], timeout=0.3, lifetime=3)

    assert list(await asked.texts(NAME)) == ["lms-graph=abc"]
    await broken.aclose()


async def test_what_was_missing_is_seen_as_soon_as_it_is_there(twin: DnsTwin, asked: DnsPython) -> None:
    assert list(await asked.texts(NAME)) == []

    twin.publish(NAME, "TXT", "lms-graph=abc")

    assert list(await asked.texts(NAME)) == ["lms-graph=abc"]


async def test_a_records_file_is_read_at_each_question(tmp_path_factory: pytest.TempPathFactory) -> None:
    records = tmp_path_factory.mktemp("dns") / "records"
    twin = DnsTwin(records)
    await twin.open()
    asked = DnsPython([("127.0.0.1", twin.port)])
    assert list(await asked.texts(NAME)) == []

    records.write_text(f'# proofs\n{NAME} TXT "lms-graph=abc"\n{NAME} TXT another one\n\nnonsense\n')

    assert sorted(await asked.texts(NAME)) == ["another one", "lms-graph=abc"]
    await twin.aclose()
