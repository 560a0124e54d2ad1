"""Issuing: one current certificate per run, and a record that cannot be changed unseen."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lms_graph.adapters import Adapters
from lms_graph.domain.certificates import operations, queries
from lms_graph.domain.certificates.rules import badges, codes, records
from lms_graph.kit.errors import NotFound
from lms_graph.kit.pages import PageRequest
from lms_graph.models import database
from tests.factories import certificates as factory
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


async def issue(school: School, adapters: Adapters, run: factory.Run) -> None:
    await operations.issue_certificate(caller=school.system, enrollment_id=run.id, closes=None, base_url=adapters.base_url, secret_keys=adapters.secret_keys)


async def facts(school: School, name: str) -> int:
    count: int = await factory.value(school, "SELECT count(*) FROM facts WHERE tenant_id = $1 AND name = $2", name)
    return count


class TestIssuing:
    async def test_ten_at_once_give_one_certificate_and_one_key(self, school: School, adapters: Adapters) -> None:
        run = await factory.run(school)

        await asyncio.gather(*(issue(school, adapters, run) for _ in range(10)))

        assert len(await factory.rows(school, run)) == 1
        assert await facts(school, "CertificateIssued") == 1
        assert await factory.value(school, "SELECT count(*) FROM signing_keys WHERE tenant_id = $1") == 1

    async def test_ten_runs_at_once_share_one_key(self, school: School, adapters: Adapters) -> None:
        runs = [await factory.run(school) for _ in range(10)]

        await asyncio.gather(*(issue(school, adapters, run) for run in runs))

        assert await factory.value(school, "SELECT count(DISTINCT signing_key_id) FROM certificates WHERE tenant_id = $1") == 1
        assert await factory.value(school, "SELECT count(DISTINCT number) FROM certificates WHERE tenant_id = $1") == 10

    async def test_a_run_that_is_not_finished_gets_none(self, school: School, adapters: Adapters) -> None:
        run = await factory.run(school, finished=False)

        with pytest.raises(NotFound):
            await issue(school, adapters, run)

        assert await factory.rows(school, run) == []

    async def test_another_tenants_run_is_not_found(self, school: School, other_school: School, adapters: Adapters) -> None:
        run = await factory.run(school)

        with pytest.raises(NotFound):
            await issue(other_school, adapters, run)

    async def test_the_snapshot_says_everything(self, school: School, adapters: Adapters) -> None:
        run = await factory.run(school)
        row = await factory.issued(school, adapters, run)

        assert row.snapshot == {
            "format": 1,
            "id": str(row.id),
            "code": row.code,
            "number": row.number,
            "verifyUrl": f"{adapters.base_url}/verify/{row.code}",
            "student": {"id": str(run.account_id), "name": factory.STUDENT},
            "course": {"id": str(run.course_id), "versionId": str(run.version_id), "title": factory.COURSE},
            "instructors": [{"id": row.snapshot["instructors"][place]["id"], "name": name} for place, name in enumerate(run.instructor_names)],
            "run": {"id": str(run.id), "completedAt": row.snapshot["run"]["completedAt"]},
            "issuedAt": records.moment(row.issued_at),
            "expiresAt": None,
            "tenant": {"id": str(school.id), "slug": school.slug, "name": "A School", "locale": "en", "primaryColor": "#1f2937", "logoFileId": None},
        }


class TestSignature:
    async def test_verifies_and_every_changed_byte_is_seen(self, school: School, adapters: Adapters) -> None:
        row = await factory.issued(school, adapters, await factory.run(school))
        async with database.reading(school.system):
            record = await queries.to_print(caller=school.system, certificate_id=row.id)
        assert record
        text = records.canonical(row.snapshot)
        kept = {"signature": record["signature"], "public_key": record["public_key"], "code": row.code}

        assert records.is_genuine(snapshot=row.snapshot, sha256=row.snapshot_sha256, **kept)
        changed = 0
        for place in range(len(text)):
            other = bytearray(text)
            other[place] = ord("7") if text[place] != ord("7") else ord("8")
            try:
                snapshot = json.loads(other)
            except ValueError:
                continue
            changed += 1
            assert not records.is_genuine(snapshot=snapshot, sha256=records.digest(snapshot), **kept)
        assert changed > 300

    async def test_a_changed_row_is_not_shown_as_a_certificate(self, school: School, adapters: Adapters) -> None:
        row = await factory.issued(school, adapters, await factory.run(school))

        await factory.change(school, row.id, snapshot=row.snapshot | {"student": {"id": row.snapshot["student"]["id"], "name": "Somebody Else"}})

        async with database.reading(school.system):
            assert await queries.certificate_by_code(caller=school.system, code=row.code) is None

    async def test_the_private_key_opens_for_its_own_row_only(self, school: School, adapters: Adapters) -> None:
        await factory.issued(school, adapters, await factory.run(school))
        async with database.reading(school.system):
            key = await queries.current_signing_key(caller=school.system)
        assert key

        assert len(adapters.secret_keys.open(key["sealed_private_key"], about=f"signing key {key['id']}")) == 32
        with pytest.raises(ValueError, match="sealed"):
            adapters.secret_keys.open(key["sealed_private_key"], about="signing key of another row")


class TestBadge:
    async def test_says_what_the_record_says(self, school: School, adapters: Adapters) -> None:
        row = await factory.issued(school, adapters, await factory.run(school))
        key = await self.published_key(school, row.signing_key_id)

        claims = jwt.decode(row.open_badge, key, algorithms=["EdDSA"], options={"require": ["iss", "jti", "sub", "nbf"]})

        url = row.snapshot["verifyUrl"]
        assert claims["@context"][0] == "https://www.w3.org/ns/credentials/v2"
        assert claims["type"] == ["VerifiableCredential", "AchievementCredential"]
        assert (claims["id"], claims["jti"]) == (url, url)
        assert claims["issuer"] == {"id": badges.issuer_url(adapters.base_url, school.id), "type": ["Profile"], "name": "A School"}
        assert claims["iss"] == claims["issuer"]["id"]
        assert claims["validFrom"] == row.snapshot["issuedAt"]
        assert "validUntil" not in claims
        subject = claims["credentialSubject"]
        assert subject["id"] == claims["sub"]
        assert subject["identifier"] == [{"type": "IdentityObject", "hashed": False, "identityHash": factory.STUDENT, "identityType": "name"}]
        assert subject["achievement"]["name"] == factory.COURSE
        assert subject["achievement"]["criteria"]["narrative"]
        assert subject["licenseNumber"] == row.number
        assert row.snapshot_sha256 in claims["evidence"][0]["narrative"]
        assert "@example.com" not in json.dumps(claims)

    async def test_every_field_is_bound(self, school: School, adapters: Adapters) -> None:
        row = await factory.issued(school, adapters, await factory.run(school))
        key = await self.published_key(school, row.signing_key_id)
        header, body, signature = row.open_badge.split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))

        for path in paths(claims):
            forged = json.loads(json.dumps(claims))
            spoil(forged, path)
            text = base64.urlsafe_b64encode(json.dumps(forged, separators=(",", ":")).encode()).rstrip(b"=").decode()
            with pytest.raises(jwt.InvalidTokenError):
                jwt.decode(f"{header}.{text}.{signature}", key, algorithms=["EdDSA"])

    def test_ends_when_the_certificate_does(self) -> None:
        tenant = {"id": 1, "slug": "s", "name": "S", "locale": "en", "primary_color": "#000000", "logo_file_id": None}
        now = datetime.now(UTC)
        a: Any = 1
        said = {"certificate_id": a, "code": "C", "number": "N", "verify_url": "U", "student": (a, "A"), "course": (a, a, "T"), "instructors": [], "run_id": a}
        snapshot = records.snapshot(**said, completed_at=now, issued_at=now, expires_at=now + timedelta(days=365), tenant=tenant)
        key = Ed25519PrivateKey.generate()

        badge = badges.signed(snapshot, key=key, key_url="k", issuer_url="i")

        claims = jwt.decode(badge, key.public_key(), algorithms=["EdDSA"])
        assert claims["validUntil"] == snapshot["expiresAt"]
        assert claims["exp"] == int((now + timedelta(days=365)).timestamp())

    async def published_key(self, school: School, key_id: Any) -> Any:
        public = await queries.public_key(key_id=key_id)
        assert public
        return jwt.PyJWK(badges.jwk(public_key=public, url="k")).key


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path for key, part in value.items() for path in paths(part, (*at, key))]
    if isinstance(value, list):
        return [path for index, part in enumerate(value) for path in paths(part, (*at, index))]
    return [at]


def spoil(value: Any, path: tuple[Any, ...]) -> None:
    *way, last = path
    for step in way:
        value = value[step]
    value[last] = value[last] - 1 if isinstance(value[last], int) else f"{value[last]}x"


class TestQueries:
    async def test_a_learner_sees_only_their_own(self, school: School, adapters: Adapters) -> None:
        mine, theirs = await factory.run(school), await factory.run(school)
        row, other = await factory.issued(school, adapters, mine), await factory.issued(school, adapters, theirs)
        caller = mine.caller(school)

        async with database.reading(caller):
            found = await queries.certificates_by_ids(caller=caller, certificate_ids=[row.id, other.id])
            current = await queries.current_of_enrollments(caller=caller, enrollment_ids=[mine.id, theirs.id])
            page = await queries.page_of_learner(caller=caller, request=PageRequest(first=5), cursors=adapters.cursors)
            assert await queries.count_of_learner(caller=caller) == 1

        assert [one["id"] for one in found] == [one["id"] for one in current] == [one["id"] for one in page.rows] == [row.id]

    async def test_pages_go_on_where_they_ended(self, school: School, adapters: Adapters) -> None:
        run = await factory.run(school)
        first = await factory.issued(school, adapters, run)
        async with database.reading(run.caller(school)):
            page = await queries.page_of_learner(caller=run.caller(school), request=PageRequest(first=1), cursors=adapters.cursors)
            rest = await queries.page_of_learner(caller=run.caller(school), request=PageRequest(after=page.cursors[0]), cursors=adapters.cursors)

        assert [row["id"] for row in page.rows] == [first.id]
        assert (page.has_next, list(rest.rows)) == (False, [])

    async def test_the_system_role_sees_codes_and_nothing_else(self, house: object) -> None:
        for column in ("snapshot", "account_id", "id"):
            with pytest.raises(Exception, match="permission denied"):
                async with database.as_system() as connection:
                    await connection.fetch(f"SELECT {column} FROM certificates")
        with pytest.raises(Exception, match="permission denied"):
            async with database.as_system() as connection:
                await connection.fetch("SELECT sealed_private_key FROM signing_keys")


class TestCodes:
    def test_have_a_hundred_random_bits(self) -> None:
        made = {codes.new_code() for _ in range(1000)}

        assert len(made) == 1000
        assert all(len(code.replace("-", "")) * 5 == 100 for code in made)

    @pytest.mark.parametrize("spelling", ["01234-56789-ABCDE-FGHJK", "0123456789abcdefghjk", " o1234 56789 abcde fghjk ", "Ol234–56789–abcde–fghjk", "0I23456789ABCDEFGHJK"])
    def test_are_known_in_any_spelling(self, spelling: str) -> None:
        assert codes.normalize(spelling) == "01234-56789-ABCDE-FGHJK"

    @pytest.mark.parametrize("text", ["", "0123456789", "01234-56789-ABCDE-FGHJKM", "01234-56789-ABCDE-FGHJU", "é" * 20, "0" * 10_000, "01234-56789-ABCDE-FGHJ%"])
    def test_what_is_none_is_none(self, text: str) -> None:
        assert codes.normalize(text) is None


class TestStatus:
    NOW = datetime(2026, 1, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("revoked", "superseded", "expires", "expected"),
        [(None, None, None, "VALID"), (None, None, 1, "VALID"), (None, None, 0, "EXPIRED"), (None, 0, -1, "SUPERSEDED"), (0, 0, -1, "REVOKED")],
    )
    def test_tells_the_strongest(self, revoked: int | None, superseded: int | None, expires: int | None, expected: str) -> None:
        at = {days: self.NOW + timedelta(days=days) for days in (-1, 0, 1)} | {None: None}

        assert records.status(revoked_at=at[revoked], superseded_at=at[superseded], expires_at=at[expires], now=self.NOW) == expected
