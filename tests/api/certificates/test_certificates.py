"""`certificate(code)`, `node` and `certificateUpdated`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from lms_graph.adapters import Adapters
from lms_graph.kit.ids import new_id, public_id
from tests.factories import certificates as factory
from tests.fixtures.callers import School
from tests.fixtures.client import DOCUMENTS, Client
from tests.fixtures.house import House
from tests.fixtures.sockets import greeted, hear, say

pytestmark = pytest.mark.anyio


def owner(house: House, school: School, run: factory.Run, clients: list[Client]) -> Client:
    client = Client(house, school.slug, run.token)
    clients.append(client)
    return client


class TestByCode:
    async def test_anybody_with_the_code_sees_all_of_it(self, visitor: Client, school: School, adapters: Adapters) -> None:
        row = await factory.printed(school, adapters, await factory.run(school))

        said = await visitor.data("VerifyCertificate", code=row.code)

        assert said["id"] == public_id("crt", row.id)
        assert said["code"] == row.code
        assert said["status"] == "VALID"
        assert said["studentName"] == factory.STUDENT
        assert said["courseTitle"] == factory.COURSE
        assert said["instructorNames"] == ["Zoë Øster", "A. De Morgan"]
        assert said["verifyUrl"] == f"{adapters.base_url}/verify/{row.code}"
        assert said["openBadge"].count(".") == 2
        assert len(said["pdfSha256"]) == 64
        assert said["pdfUrl"].startswith("http")
        assert (said["expiresAt"], said["revokedAt"], said["revocationReason"]) == (None, None, None)

    async def test_is_valid_before_its_pdf_is_printed(self, visitor: Client, school: School, adapters: Adapters) -> None:
        row = await factory.issued(school, adapters, await factory.run(school))

        said = await visitor.data("VerifyCertificate", code=row.code.lower().replace("-", " "))

        assert (said["status"], said["pdfUrl"], said["pdfSha256"]) == ("VALID", None, None)

    @pytest.mark.parametrize(
        ("values", "status"),
        [
            ({"expires_at": datetime.now(UTC) - timedelta(days=1)}, "EXPIRED"),
            ({"revoked_at": datetime.now(UTC), "revocation_reason": "Issued by mistake"}, "REVOKED"),
            ({"superseded_at": datetime.now(UTC)}, "SUPERSEDED"),
        ],
    )
    async def test_tells_how_it_stands(self, visitor: Client, school: School, adapters: Adapters, values: dict[str, Any], status: str) -> None:
        row = await factory.printed(school, adapters, await factory.run(school))
        await factory.change(school, row.id, **values)

        said = await visitor.data("VerifyCertificate", code=row.code)

        assert said["status"] == status
        assert said["revocationReason"] == values.get("revocation_reason")
        assert (said["pdfUrl"] is None) == (status == "REVOKED")

    async def test_says_what_was_true_at_issue(self, visitor: Client, school: School, adapters: Adapters) -> None:
        run = await factory.run(school)
        row = await factory.issued(school, adapters, run)
        await factory.rename(school, run, "Somebody Else")

        assert (await visitor.data("VerifyCertificate", code=row.code))["studentName"] == factory.STUDENT

    @pytest.mark.parametrize("code", ["", "x", "00000-00000-00000-00000", "0" * 5000, "é"])
    async def test_another_code_gives_null(self, visitor: Client, code: str) -> None:
        assert await visitor.data("VerifyCertificate", code=code) is None

    async def test_another_tenant_sees_null(self, house: House, school: School, other_school: School, adapters: Adapters, clients: list[Client]) -> None:
        row = await factory.issued(school, adapters, await factory.run(school))
        stranger = Client(house, other_school.slug)
        clients.append(stranger)

        assert await stranger.data("VerifyCertificate", code=row.code) is None

    async def test_two_statements(self, visitor: Client, school: School, adapters: Adapters, statements: list[str]) -> None:
        row = await factory.printed(school, adapters, await factory.run(school))
        statements.clear()

        await visitor.data("VerifyCertificate", code=row.code)

        assert len(statements) == 2


class TestNode:
    async def test_shows_it_to_its_owner_only(self, house: House, visitor: Client, school: School, adapters: Adapters, clients: list[Client]) -> None:
        run, other = await factory.run(school), await factory.run(school)
        id = public_id("crt", (await factory.printed(school, adapters, run)).id)

        own = await owner(house, school, run, clients).data("NodeCertificate", id=id)

        assert own["status"] == "VALID"
        assert own["pdfUrl"]
        assert await owner(house, school, other, clients).data("NodeCertificate", id=id) is None
        assert await visitor.data("NodeCertificate", id=id) is None


class TestOfTheViewer:
    async def test_are_listed_and_stand_beside_their_runs(self, house: House, school: School, adapters: Adapters, clients: list[Client]) -> None:
        run = await factory.run(school)
        await factory.issued(school, adapters, await factory.run(school))
        id = public_id("crt", (await factory.printed(school, adapters, run)).id)

        viewer = await owner(house, school, run, clients).data("MyCertificates", first=5)

        assert [node["id"] for node in viewer["certificates"]["nodes"]] == [id]
        assert viewer["certificates"]["nodes"][0]["pdfUrl"]
        assert viewer["certificates"]["totalCount"] == 1
        assert viewer["enrollments"]["nodes"] == [{"id": public_id("enr", run.id), "certificate": {"id": id}}]


@asynccontextmanager
async def watching(house: House, school: School, token: str | None, enrollment_id: UUID | str) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """A graphql-transport-ws subscription; calling what it gives waits for the next message."""
    async with greeted(house.url, school.slug, token) as socket:
        id = public_id("enr", enrollment_id) if isinstance(enrollment_id, UUID) else enrollment_id
        await say(socket, id="1", type="subscribe", payload={"query": DOCUMENTS["CertificateReady"], "variables": {"enrollmentId": id}})

        async def following(seconds: float = 20) -> Any:
            message = await hear(socket, seconds)
            if message["type"] == "error":
                return [error["extensions"]["code"] for error in message["payload"]]
            if message["payload"].get("errors"):
                return [error["extensions"]["code"] for error in message["payload"]["errors"]]
            return message["payload"]["data"]["certificateUpdated"]

        yield following


class TestWatching:
    async def test_sends_what_is_there_at_once(self, house: House, school: School, adapters: Adapters) -> None:
        run = await factory.run(school)
        row = await factory.printed(school, adapters, run)

        async with watching(house, school, run.token, run.id) as following:
            said = await following()

        assert said["id"] == public_id("crt", row.id)
        assert said["pdfUrl"]

    async def test_sends_issue_and_print_as_they_come(self, house: House, school: School, adapters: Adapters, settle: Callable[[], Awaitable[list[str]]]) -> None:
        run = await factory.run(school)

        async with watching(house, school, run.token, run.id) as following:
            with pytest.raises(TimeoutError):
                await following(0.5)
            await factory.complete(school, run)
            await settle()
            said = await following()
            while said["pdfUrl"] is None:
                said = await following()

        (row,) = await factory.rows(school, run)
        assert (said["code"], said["status"]) == (row.code, "VALID")

    async def test_comes_without_a_wake_up_too(self, house: House, school: School, adapters: Adapters) -> None:
        run = await factory.run(school)

        async with watching(house, school, run.token, run.id) as following:
            with pytest.raises(TimeoutError):
                await following(0.5)
            await factory.issued(school, adapters, run)  # no relay runs: nobody says a word on Redis
            said = await following()

        assert said["pdfUrl"] is None

    async def test_waits_without_a_connection(self, house: House, school: School, adapters: Adapters) -> None:
        run = await factory.run(school)
        printed = await factory.run(school)
        await factory.printed(school, adapters, printed)

        async with watching(house, school, run.token, run.id), watching(house, school, printed.token, printed.id) as following:
            await following()
            await asyncio.sleep(0.5)
            busy = await factory.value(
                school, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND $1::uuid IS NOT NULL"
            )

        assert busy == 0

    async def test_anything_but_a_run_of_ones_own_is_not_found(self, house: House, school: School, other_school: School, adapters: Adapters) -> None:
        run, other, foreign = await factory.run(school), await factory.run(school), await factory.run(other_school)

        for id in (other.id, foreign.id, new_id(), public_id("crs", run.course_id)):
            async with watching(house, school, run.token, id) as following:
                assert await following() == ["NOT_FOUND"]
        async with watching(house, school, run.token, "nonsense") as following:
            assert await following() == ["BAD_USER_INPUT"]

    async def test_a_visitor_must_sign_in(self, house: House, school: School) -> None:
        run = await factory.run(school)

        async with watching(house, school, None, run.id) as following:
            assert await following() == ["UNAUTHENTICATED"]
