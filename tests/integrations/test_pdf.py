"""Certificates as they come out of a real Chromium: what is printed, where it stands, and what happens when the browser does not behave."""

import asyncio
import contextlib
import logging
import os
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
import pytest
import zxingcpp

from lms_graph.domain.certificates.ports import CertificateDocument
from lms_graph.integrations import chromium, pdf
from lms_graph.integrations.pdf import ChromiumCertificateRenderer, certificate_html, image_uri, rare_characters, safe_color
from lms_graph.kit.errors import Unavailable

pytestmark = pytest.mark.anyio

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40" width="40" height="40"><circle cx="20" cy="20" r="18" fill="#7a1f3d"/></svg>'


def document(**changes: object) -> CertificateDocument:
    plain = CertificateDocument(
        code="K7QF-3MZ9-XW2D",
        verify_url="https://academy.example.com/verify/K7QF-3MZ9-XW2D",
        student_name="Ada Lovelace",
        course_title="Foundations of Analytical Engines",
        instructor_names=("Charles Babbage",),
        tenant_name="Northwind Academy",
        issued_at=datetime(2026, 11, 23, tzinfo=UTC),
        expires_at=None,
        locale="en",
        primary_color="#1f3a5f",
        logo_svg_or_png=LOGO,
        number="2026-000123",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
async def renderer(browser_program: Path, anyio_backend: str) -> AsyncIterator[ChromiumCertificateRenderer]:
    renderer = ChromiumCertificateRenderer(chromium_path=str(browser_program))
    yield renderer
    await renderer.aclose()


def text_of(body: bytes) -> str:
    """The text without white space, soft line ends (U+FFFE) and marks of direction: lines may break anywhere."""
    return squeezed(pdfium.PdfDocument(body)[0].get_textpage().get_text_range())


def squeezed(text: str) -> str:
    return re.sub(r"[\s\ufffe\u202a-\u202e]", "", text)


def fonts_of(body: bytes) -> set[tuple[str, bool, int]]:
    """Name, whether embedded, and weight of the fonts that print text."""
    fonts = set()
    for item in pdfium.PdfDocument(body)[0].get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_TEXT], max_depth=8):
        font = pdfium_c.FPDFTextObj_GetFont(item.raw)
        name = bytes(100)
        length = pdfium_c.FPDFFont_GetBaseFontName(font, name, 100)
        fonts.add((name[: length - 1].decode(), bool(pdfium_c.FPDFFont_GetIsEmbedded(font)), pdfium_c.FPDFFont_GetWeight(font)))
    return fonts


def assert_inside_the_frame(body: bytes) -> None:
    """No letter stands on the frame (16.5 mm) or beyond."""
    opened = pdfium.PdfDocument(body)
    assert len(opened) == 1
    page = opened[0]
    text = page.get_textpage()
    margin, (width, height) = 16.5 / 25.4 * 72, page.get_size()
    assert (round(width), round(height)) == (842, 595)
    for index in range(text.count_chars()):
        left, bottom, right, top = text.get_charbox(index)
        if right > left and top > bottom:
            assert margin < left and right < width - margin and margin < bottom and top < height - margin, text.get_text_range(index, 1)


class TestWhatIsPrinted:
    async def test_every_value_is_on_one_page(self, renderer: ChromiumCertificateRenderer) -> None:
        printed = document(expires_at=datetime(2029, 5, 1, tzinfo=UTC), instructor_names=("Charles Babbage", "Mary Somerville", "Zoë Øster", "A. De Morgan"))

        body = await renderer.render(printed)

        assert body.startswith(b"%PDF-")
        assert_inside_the_frame(body)
        text = text_of(body)
        values = [printed.student_name, printed.course_title, printed.tenant_name, printed.number, printed.code, printed.verify_url, *printed.instructor_names]
        for value in [*values, "November 23, 2026", "May 1, 2029", "CERTIFICATE OF COMPLETION", "VALID UNTIL"]:
            assert squeezed(value) in text

    async def test_letters_beyond_ascii_are_printed_from_our_own_fonts(self, renderer: ChromiumCertificateRenderer) -> None:
        printed = document(
            student_name="Šárka Łukasiewicz-Brânză",
            course_title="Εισαγωγή στη φιλοσοφία — Вступ до філософії",
            instructor_names=("Đặng Thị Hường", "Ғабит Мүсірепов", "Наталія Їжакевич"),
            tenant_name="Žluťoučký kůň",
            locale="de-AT",
            logo_svg_or_png=None,
        )

        body = await renderer.render(printed)

        text = text_of(body)
        for value in [printed.student_name, printed.course_title, printed.tenant_name, *printed.instructor_names, "23. November 2026", "ZERTIFIKAT"]:
            assert squeezed(value) in text
        assert rare_characters(printed) == ""
        fonts = fonts_of(body)
        assert fonts
        # A Type 3 font has no name, and a font of the box another one.
        assert all("Garamond" in name and embedded for name, embedded, _ in fonts), fonts

    async def test_the_qr_code_leads_to_the_public_page(self, renderer: ChromiumCertificateRenderer) -> None:
        printed = document(verify_url="https://academy.example.com/verify/K7QF-3MZ9-XW2D?tenant=north&lang=de")

        picture = pdfium.PdfDocument(await renderer.render(printed))[0].render(scale=3).to_pil()

        assert [found.text for found in zxingcpp.read_barcodes(picture)] == [printed.verify_url]

    async def test_the_file_carries_a_title(self, renderer: ChromiumCertificateRenderer) -> None:
        metadata = pdfium.PdfDocument(await renderer.render(document())).get_metadata_dict()

        assert metadata["Title"] == "Certificate of Completion – Ada Lovelace – Foundations of Analytical Engines"

    async def test_the_frame_has_the_tenants_colour_and_a_wrong_colour_is_replaced(self, renderer: ChromiumCertificateRenderer) -> None:
        picture = pdfium.PdfDocument(await renderer.render(document(primary_color="#008040")))[0].render(scale=4).to_pil().convert("RGB")
        red, green, blue = (band for band in picture.crop((0, 900, 240, 1400)).resize((1, 1)).getpixel((0, 0)))
        html = certificate_html(document(primary_color="red; } body { display: none"))

        assert green > red and green > blue
        assert "display: none" not in html and f"--brand: {pdf.DEFAULT_COLOR};" in html


class TestLongWords:
    @pytest.mark.parametrize(
        "changes",
        [
            {
                "student_name": "Maximiliana Konstantina Alexandra Philippa " * 4,
                "course_title": "Design, Verification and Long-Term Maintenance of Systems " * 5,
            },
            {"student_name": "W" * 150, "course_title": "M" * 250, "tenant_name": "Akademie" * 15, "number": "N" * 60},
            {
                "instructor_names": tuple(f"Prof. Dr. Bartholomäus Freiherr von und zu Guttenstein {n}" for n in range(8)),
                "tenant_name": "Academy of Letters " * 8,
            },
            {"verify_url": "https://a-very-long-name-of-a-custom-domain.of-a-training-company.example.com/verify/" + "K7QF-" * 8 + "END"},
        ],
        ids=["many words", "one word", "eight instructors", "long address"],
    )
    async def test_shrink_and_stay_on_the_page(self, renderer: ChromiumCertificateRenderer, changes: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
        printed = document(**changes)

        body = await renderer.render(printed)

        assert_inside_the_frame(body)
        assert "no room" not in caplog.text
        text = text_of(body)
        values = [printed.student_name, printed.course_title, printed.tenant_name, printed.number, printed.verify_url, *printed.instructor_names]
        # PDFium tells a hyphen at the end of a line as a soft one, and reads across columns.
        for word in [word.replace("-", "") for value in values for word in value.split()]:
            assert word in text.replace("-", "")
        assert text.count("Guttenstein") == str(values).count("Guttenstein")


class TestHostileWords:
    async def test_markup_and_template_code_print_as_text(self, renderer: ChromiumCertificateRenderer) -> None:
        printed = document(
            student_name="<script>document.title='x'</script>",
            course_title="{{7*7}} {% raw %} </style><h1>x</h1>",
            instructor_names=("<img src=http://127.0.0.1:9/x>", "&amp; \"'"),
            tenant_name="</title></svg>--><!--",
        )

        body = await renderer.render(printed)

        assert_inside_the_frame(body)
        text = text_of(body)
        for value in [printed.student_name, printed.course_title, printed.tenant_name, *printed.instructor_names]:
            assert squeezed(value) in text

    async def test_a_mark_of_direction_turns_nothing_but_the_name(self, renderer: ChromiumCertificateRenderer) -> None:
        text = text_of(await renderer.render(document(student_name="\u202eecalevoL adA")))

        assert "FoundationsofAnalyticalEngines" in text and "Thisistocertifythat" in text

    async def test_nothing_is_loaded(self, renderer: ChromiumCertificateRenderer, browser_program: Path) -> None:
        asked: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readline())
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x.png"
        logo = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{address}" width="9" height="9"/><script>fetch("{address}")</script></svg>'
        html = certificate_html(document(logo_svg_or_png=logo.encode()))
        # Even a template that wants to must not get out.
        html = html.replace("</main>", f'<img src="{address}"><iframe src="{address}"></iframe><script>fetch("{address}")</script></main>')

        async with server, asyncio.timeout(15):
            await renderer.print(html)
            await asyncio.sleep(0.2)

        assert asked == []

    def test_only_pictures_become_logos(self) -> None:
        assert image_uri(b"\x89PNG\r\n\x1a\n...") == "data:image/png;base64,iVBORw0KGgouLi4="
        assert (image_uri(LOGO) or "").startswith("data:image/svg+xml;base64,")
        assert image_uri(b"<html>") is None and image_uri(b"") is None and image_uri(None) is None

    @pytest.mark.parametrize("color", ["", "red", "#12", "#12345g", "#123456;", "url(x)", "#123456\n"])
    def test_only_hexadecimal_colours_are_taken(self, color: str) -> None:
        assert safe_color(color) == pdf.DEFAULT_COLOR
        assert safe_color("#AbCdEf") == "#AbCdEf" and safe_color("#abc") == "#abc"


class TestOtherScripts:
    async def test_a_letter_that_no_font_has_is_told(self, renderer: ChromiumCertificateRenderer, caplog: pytest.LogCaptureFixture) -> None:
        # U+10D40, a digit so new that no font of a Debian box has it.
        with caplog.at_level(logging.WARNING):
            await renderer.render(document(student_name="Ada \U00010d40"))

        assert "no font on this machine has \U00010d40" in caplog.text

    def test_those_beyond_our_fonts_are_known(self) -> None:
        assert rare_characters(document(student_name="王 Ada", tenant_name="Žižka Ελένη Їжак")) == "王"

    @pytest.mark.parametrize("locale", ["xx", "", "../..", "zz-ZZ-zz", "en-US", "pt_BR", "zh-Hant-TW"])
    def test_every_locale_gives_a_page(self, locale: str) -> None:
        assert "2026" in certificate_html(document(locale=locale))


class TestBrowser:
    async def test_a_killed_browser_is_replaced(self, renderer: ChromiumCertificateRenderer) -> None:
        await renderer.render(document())
        before = renderer._running
        _signal_browser(signal.SIGKILL)

        body = await renderer.render(document())

        assert squeezed("Ada Lovelace") in text_of(body)
        assert renderer._running is not before

    async def test_a_browser_killed_while_printing_is_replaced(self, renderer: ChromiumCertificateRenderer) -> None:
        await renderer.render(document())
        printing = [asyncio.create_task(renderer.render(document(student_name=f"Ada {n}"))) for n in range(4)]
        await asyncio.sleep(0.1)
        _signal_browser(signal.SIGKILL)

        bodies = await asyncio.gather(*printing)

        assert [f"Ada{n}" in text_of(body) for n, body in enumerate(bodies)] == [True] * 4

    async def test_many_at_once_are_each_their_own_and_few_at_a_time(self, browser_program: Path) -> None:
        renderer = ChromiumCertificateRenderer(chromium_path=str(browser_program), concurrency=2)
        pages: list[int] = []

        async def watch() -> None:
            while True:
                pages.append(len(renderer._running.browser.contexts) if renderer._running else 0)
                await asyncio.sleep(0.02)

        watching = asyncio.create_task(watch())
        bodies = await asyncio.gather(*[renderer.render(document(student_name=f"Student {n:02d}")) for n in range(12)])
        watching.cancel()
        await renderer.aclose()

        assert [f"Student{n:02d}" in text_of(body) for n, body in enumerate(bodies)] == [True] * 12
        assert max(pages) == 2

    async def test_what_takes_too_long_is_unavailable_and_the_next_one_works(self, browser_program: Path) -> None:
        renderer = ChromiumCertificateRenderer(chromium_path=str(browser_program), timeout=0.01)

        with pytest.raises(Unavailable, match=r"longer than 0\.01 s"):
            await renderer.render(document())
        renderer._timeout = 20.0
        body = await renderer.render(document())
        await renderer.aclose()

        assert body.startswith(b"%PDF-")

    async def test_a_browser_that_hangs_is_unavailable(self, browser_program: Path) -> None:
        renderer = ChromiumCertificateRenderer(chromium_path=str(browser_program))
        await renderer.render(document())
        renderer._timeout = 1.0
        stopped = _signal_browser(signal.SIGSTOP)

        with pytest.raises(Unavailable):
            await renderer.render(document())
        _signal_browser(signal.SIGKILL, stopped)
        renderer._timeout = 20.0
        body = await renderer.render(document())
        await renderer.aclose()

        assert body.startswith(b"%PDF-")

    async def test_no_browser_is_unavailable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(Unavailable, match="CHROMIUM_PATH"):
            await ChromiumCertificateRenderer(chromium_path="/no/such/browser").render(document())
        monkeypatch.setattr(chromium, "find_chromium", lambda configured: None)
        with pytest.raises(Unavailable, match="switched off"):
            await ChromiumCertificateRenderer(fetch=False).render(document())

    async def test_a_browser_that_does_not_start_is_unavailable(self) -> None:
        with pytest.raises(Unavailable, match="failed to print"):
            await ChromiumCertificateRenderer(chromium_path="/bin/false").render(document())

    async def test_a_failed_fetch_is_not_tried_again_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fetches = []

        def fetch(report: object) -> Path:
            fetches.append(report)
            raise Unavailable("no network")

        monkeypatch.setattr(chromium, "find_chromium", lambda configured: None)
        monkeypatch.setattr(chromium, "fetch_chromium", fetch)
        renderer = ChromiumCertificateRenderer()

        for _ in range(3):
            with pytest.raises(Unavailable, match="no network"):
                await renderer.render(document())

        assert len(fetches) == 1

    async def test_closing_leaves_no_process(self, browser_program: Path) -> None:
        before = set(_children())
        renderer = ChromiumCertificateRenderer(chromium_path=str(browser_program))
        await renderer.render(document())
        assert set(_children()) > before

        await renderer.aclose()

        for _ in range(50):
            if set(_children()) <= before:
                break
            await asyncio.sleep(0.1)
        assert set(_children()) <= before


def _children(*names: str) -> list[int]:
    """Our descendants that run, those with one of the names in their command when names are given."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if after[0] != "Z":
            parents[int(status.parent.name)] = int(after[1])
    found, generation = set[int](), {os.getpid()}
    while generation := {child for child, parent in parents.items() if parent in generation} - found:
        found |= generation
    return [child for child in found if not names or any(name in _command(child) for name in names)]


def _signal_browser(number: signal.Signals, processes: list[int] | None = None) -> list[int]:
    processes = _children("headless", "chrom") if processes is None else processes
    for process in processes:
        with contextlib.suppress(ProcessLookupError):  # in its sandbox, some die with others
            os.kill(process, number)
    return processes


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return ""
