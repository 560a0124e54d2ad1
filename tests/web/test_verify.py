"""`/verify`: anybody checks a certificate by its code, without a script and without a tenant in the address."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx
import jwt
import pytest

from lms_graph.adapters import Adapters
from tests.factories import certificates as factory
from tests.factories.tenants import domain
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


async def get(house: House, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=house.url, timeout=30) as client:
        return await client.get(path, **options)


async def test_shows_a_valid_certificate(house: House, school: School, adapters: Adapters) -> None:
    row = await factory.printed(school, adapters, await factory.run(school))

    page = await get(house, f"/verify/{row.code}")

    assert page.status_code == 200
    assert "This certificate is valid" in page.text
    for value in (factory.STUDENT, factory.COURSE, "Zoë Øster", "A School", row.code, row.number):
        assert value in page.text
    assert "X-Amz-Signature" in page.text


async def test_the_pdf_link_gives_the_pdf_under_a_good_name(house: House, visitor: Any, school: School, adapters: Adapters) -> None:
    row = await factory.printed(school, adapters, await factory.run(school))

    url = (await visitor.data("VerifyCertificate", code=row.code))["pdfUrl"]
    async with httpx.AsyncClient() as client:
        answer = await client.get(url)

    assert answer.content.startswith(b"%PDF-")
    assert f'filename="groere-brucken-bauen-statik-fur-anfanger-{row.number}.pdf"' in answer.headers["content-disposition"]


async def test_runs_no_script_and_loads_nothing(house: House, school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school, student="<script>alert(1)</script>"))

    page = await get(house, f"/verify/{row.code}")

    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy
    assert "unsafe" not in policy
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("change", [str.lower, lambda code: code.replace("-", ""), lambda code: code.replace("-", "%20"), lambda code: code.replace("0", "o").replace("1", "l")])
async def test_takes_any_spelling(house: House, school: School, adapters: Adapters, change: Any) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))

    assert (await get(house, f"/verify/{change(row.code)}")).status_code == 200


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"expires_at": datetime.now(UTC) - timedelta(days=1)}, "This certificate has expired"),
        ({"revoked_at": datetime.now(UTC), "revocation_reason": "Issued by mistake"}, "This certificate was revoked"),
        ({"superseded_at": datetime.now(UTC)}, "This certificate was replaced"),
    ],
)
async def test_tells_how_it_stands(house: House, school: School, adapters: Adapters, values: dict[str, Any], words: str) -> None:
    row = await factory.printed(school, adapters, await factory.run(school))
    await factory.change(school, row.id, **values)

    page = await get(house, f"/verify/{row.code}")

    assert page.status_code == 200
    assert words in page.text
    assert "This certificate is valid" not in page.text
    if "revoked_at" in values:
        assert "Issued by mistake" in page.text
        assert "X-Amz-Signature" not in page.text


@pytest.mark.parametrize("code", ["00000-00000-00000-00000", "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ", "x", "%00", "' OR 1=1 --", "<b>"])
async def test_an_unknown_code_is_not_found(house: House, code: str) -> None:
    page = await get(house, f"/verify/{code}")

    assert page.status_code == 404
    assert "No certificate with this code" in page.text
    assert "<b>" not in page.text


async def test_all_wrong_codes_look_alike(house: House) -> None:
    first, second = await get(house, "/verify/00000-00000-00000-00000"), await get(house, "/verify/11111-11111-11111-11111")

    assert len(first.content) == len(second.content)


async def test_another_schools_host_does_not_know_it(house: House, school: School, other_school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))

    own = await get(house, f"/verify/{row.code}", headers={"Host": await domain(school.id)})
    foreign = await get(house, f"/verify/{row.code}", headers={"Host": await domain(other_school.id)})

    assert (own.status_code, foreign.status_code) == (200, 404)
    assert factory.STUDENT not in foreign.text


async def test_the_form_leads_to_the_page(house: House) -> None:
    form = await get(house, "/verify")
    sent = await get(house, "/verify?code=0123456789abcdefghjk")
    odd = await get(house, "/verify", params={"code": "//evil.example.com"})

    assert form.status_code == 200
    assert "<form" in form.text
    assert "Check a certificate" in form.text
    assert (sent.status_code, sent.headers["location"]) == (303, "/verify/01234-56789-ABCDE-FGHJK")
    assert odd.headers["location"].startswith("/verify/%2F%2F")


async def test_the_badge_verifies_with_nothing_but_its_own_addresses(house: House, school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))
    kid = jwt.get_unverified_header(row.open_badge)["kid"]
    assert kid.startswith(adapters.base_url)

    key = (await get(house, kid.removeprefix(adapters.base_url))).json()
    claims = jwt.decode(row.open_badge, jwt.PyJWK(key).key, algorithms=["EdDSA"])
    issuer = (await get(house, claims["iss"].removeprefix(adapters.base_url))).json()

    assert key["kid"] == kid
    assert "d" not in key
    assert issuer["id"] == claims["issuer"]["id"]
    assert issuer["name"] == "A School"
    assert [one["kid"] for one in issuer["jwks"]["keys"]] == [kid]


@pytest.mark.parametrize("path", ["/keys/nothing", "/keys/018f0000-0000-7000-8000-000000000000", "/issuers/nothing", "/issuers/018f0000-0000-7000-8000-000000000000"])
async def test_unknown_keys_and_issuers_are_not_found(house: House, path: str) -> None:
    assert (await get(house, path)).status_code == 404
