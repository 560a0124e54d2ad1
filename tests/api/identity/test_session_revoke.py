"""`sessionRevoke` and `sessionsRevokeOthers`: ending sessions from another one."""

import pytest

from lms_graph.kit.ids import public_id
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio


async def test_ends_a_session_on_another_device(sign_in: SignIn) -> None:
    phone = await sign_in()
    desk = await sign_in(phone.account_id)
    (of_phone,) = [session["id"] for session in (await desk.data("MySecurity"))["sessions"] if not session["current"]]

    answer = await desk.data("EndSession", input={"sessionId": of_phone})

    assert answer == {"viewer": {"id": (await desk.data("MySecurity"))["id"]}, "errors": []}
    assert (await phone.send("MySecurity"))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await desk.codes("EndSession", input={"sessionId": of_phone}) == []


async def test_the_present_one_too(sign_in: SignIn) -> None:
    desk = await sign_in()
    (own,) = (await desk.data("MySecurity"))["sessions"]

    assert await desk.codes("EndSession", input={"sessionId": own["id"]}) == []

    assert (await desk.send("MySecurity"))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_is_for_ones_own_only(visitor: Client, sign_in: SignIn, other_school: School) -> None:
    victim = await sign_in()
    (theirs,) = (await victim.data("MySecurity"))["sessions"]

    for stranger in (await sign_in(), await sign_in(roles=("TENANT_ADMIN",)), await sign_in(at=other_school)):
        assert await stranger.codes("EndSession", input={"sessionId": theirs["id"]}) == ["NOT_FOUND"]
        assert await stranger.codes("EndOtherSessions", input={"keep": [theirs["id"]]}) == ["NOT_FOUND"]
    assert await visitor.codes("EndSession", input={"sessionId": theirs["id"]}) == ["UNAUTHENTICATED"]

    assert await victim.data("MySecurity")


async def test_what_is_no_session_is_told(student: Client) -> None:
    assert await student.codes("EndSession", input={"sessionId": "x"}) == ["ID_INVALID"]
    assert await student.codes("EndSession", input={"sessionId": public_id("crs", student.account_id)}) == ["NOT_FOUND"]  # type: ignore[arg-type]


async def test_all_but_the_present_one_and_those_kept(sign_in: SignIn) -> None:
    desk = await sign_in()
    phone, tablet = await sign_in(desk.account_id), await sign_in(desk.account_id)
    (of_phone,) = [session["id"] for session in (await phone.data("MySecurity"))["sessions"] if session["current"]]

    answer = await desk.data("EndOtherSessions", input={"keep": [of_phone]})

    assert len(answer["viewer"]["sessions"]) == 2
    assert await phone.data("MySecurity")
    assert (await tablet.send("MySecurity"))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
