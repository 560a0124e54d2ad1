"""Printing: the PDF says what the record says, and a crash at any step leaves nothing twice."""

import asyncio
import hashlib
import re
import unicodedata

import pypdfium2 as pdfium
import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.certificates import errors, operations
from lms_graph.domain.certificates.ports import CertificateDocument
from lms_graph.domain.certificates.rules import records
from lms_graph.domain.media import operations as files
from lms_graph.kit.errors import NotFound, Unavailable
from lms_graph.kit.pdf import dated
from lms_graph.models import certificates, media
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import certificates as factory
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


def squeezed(text: str) -> str:
    """Without the blanks, which a PDF sets by place."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", text))


def text_of(pdf: bytes) -> str:
    return squeezed("".join(page.get_textpage().get_text_range() for page in pdfium.PdfDocument(pdf)))


async def render(school: School, adapters: Adapters, row: certificates.Certificate) -> None:
    await operations.render_certificate(caller=school.system, certificate_id=row.id, closes=None, renderer=adapters.certificate_renderer, objects=adapters.objects)


async def files_of(school: School) -> list[media.File]:
    async with unit_of_work(school.system):
        return await media.File.for_caller(school.system)


class Mute:
    """A renderer that prints nothing, and counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked = 0

    async def render(self, document: CertificateDocument) -> bytes:
        self.asked += 1
        if self.error:
            raise self.error
        return b"%PDF-1.4 a certificate"


async def test_the_pdf_says_what_the_snapshot_says(school: School, adapters: Adapters) -> None:
    row = await factory.printed(school, adapters, await factory.run(school))

    (file,) = await files_of(school)
    body = await adapters.objects.get(file.object_key)
    text = text_of(body)
    said = row.snapshot
    for value in (said["student"]["name"], said["course"]["title"], said["tenant"]["name"], said["code"], said["number"], said["verifyUrl"]):
        assert squeezed(value) in text
    for instructor in said["instructors"]:
        assert squeezed(instructor["name"]) in text
    assert (row.pdf_file_id, file.sha256, file.content_type, file.is_public) == (file.id, hashlib.sha256(body).hexdigest(), "application/pdf", False)


async def test_the_qr_code_leads_to_the_public_page(school: School, adapters: Adapters) -> None:
    import zxingcpp

    row = await factory.printed(school, adapters, await factory.run(school))
    (file,) = await files_of(school)
    image = pdfium.PdfDocument(await adapters.objects.get(file.object_key))[0].render(scale=4).to_pil()

    assert [code.text for code in zxingcpp.read_barcodes(image)] == [row.snapshot["verifyUrl"]]


async def test_printed_twice_it_is_the_same_to_the_byte(school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))
    document = records.document(row.snapshot, logo=None)

    first = dated(await adapters.certificate_renderer.render(document), document.issued_at)
    await asyncio.sleep(1.1)
    again = dated(await adapters.certificate_renderer.render(document), document.issued_at)

    assert first == again
    assert document.issued_at.strftime("D:%Y%m%d%H%M%S").encode() in first


async def test_ten_at_once_keep_one_file_and_tell_once(school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))

    await asyncio.gather(*(render(school, adapters, row) for _ in range(10)))

    (file,) = await files_of(school)
    assert hashlib.sha256(await adapters.objects.get(file.object_key)).hexdigest() == file.sha256
    assert await factory.value(school, "SELECT count(*) FROM facts WHERE tenant_id = $1 AND name = 'CertificateReady'") == 1


async def test_a_crash_after_the_browser_leaves_nothing(school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))
    await adapters.certificate_renderer.render(records.document(row.snapshot, logo=None))
    assert await files_of(school) == []

    await render(school, adapters, row)

    assert len(await files_of(school)) == 1


async def test_a_crash_after_the_object_is_put_ends_with_one_file(school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))
    document = records.document(row.snapshot, logo=None)
    pdf = dated(await adapters.certificate_renderer.render(document), document.issued_at)
    put = await files.put_object(caller=school.system, objects=adapters.objects, body=pdf, content_type="application/pdf", key_hint=f"certificate {row.code}")
    assert await files_of(school) == []

    await render(school, adapters, row)

    (file,) = await files_of(school)
    assert (file.object_key, file.sha256) == (put.key, put.sha256)


async def test_a_crash_after_the_settlement_prints_no_second_time(school: School, adapters: Adapters) -> None:
    row = await factory.printed(school, adapters, await factory.run(school))
    renderer = Mute()

    await operations.render_certificate(caller=school.system, certificate_id=row.id, closes=None, renderer=renderer, objects=adapters.objects)

    assert renderer.asked == 0
    assert len(await files_of(school)) == 1


async def test_a_late_second_print_changes_nothing(school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))

    class Slow(Mute):
        async def render(self, document: CertificateDocument) -> bytes:
            await render(school, adapters, row)  # another worker is done in the meantime
            return await super().render(document)

    await operations.render_certificate(caller=school.system, certificate_id=row.id, closes=None, renderer=Slow(), objects=adapters.objects)

    (file,) = await files_of(school)
    assert (await adapters.objects.get(file.object_key)).startswith(b"%PDF-1.4\n")
    assert (await factory.value(school, "SELECT pdf_file_id FROM certificates WHERE tenant_id = $1")) == file.id


async def test_what_was_not_signed_is_not_printed(school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))
    await factory.change(school, row.id, snapshot=row.snapshot | {"number": "2026-FORGED"})
    renderer = Mute()

    with pytest.raises(errors.NotGenuine):
        await operations.render_certificate(caller=school.system, certificate_id=row.id, closes=None, renderer=renderer, objects=adapters.objects)

    assert renderer.asked == 0


async def test_without_a_browser_nothing_is_kept(school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))

    with pytest.raises(Unavailable):
        await operations.render_certificate(caller=school.system, certificate_id=row.id, closes=None, renderer=Mute(Unavailable("no browser")), objects=adapters.objects)

    assert await files_of(school) == []


async def test_another_tenant_cannot_print_it(school: School, other_school: School, adapters: Adapters) -> None:
    row = await factory.issued(school, adapters, await factory.run(school))

    with pytest.raises(NotFound):
        await render(other_school, adapters, row)
