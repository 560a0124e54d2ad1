"""Prints with Chromium: one warm browser per process, one PDF per document. Certificates are drawn here; invoices in `invoices.py`.

What is drawn is in `templates/certificates`; where the browser comes from is in `chromium.py`.

Latin (Vietnamese too), Greek and Cyrillic are printed from our own fonts. Other scripts are left to the fonts of the machine
(`fonts-noto-cjk`, `fonts-noto-core`); a letter that none has is printed as an empty box and told in the log.
"""

import asyncio
import base64
import json
import logging
import math
import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import segno
from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup
from playwright.async_api import Browser, BrowserContext, Playwright, Route, ViewportSize, async_playwright
from playwright.async_api import Error as BrowserError

from lms_graph.domain.certificates.ports import CertificateDocument
from lms_graph.integrations import chromium
from lms_graph.kit.errors import Unavailable

log = logging.getLogger(__name__)

TEMPLATES = Path(__file__).parents[1] / "templates"
FONTS = TEMPLATES / "certificates" / "fonts"
DEFAULT_COLOR = "#1f3a5f"
FETCH_AGAIN_AFTER = 300.0
A4_LANDSCAPE: ViewportSize = {"width": 1123, "height": 794}  # in CSS pixels, so that measuring on the screen is measuring on paper

# The files' subsets, as their makers cut them. What is outside of these is left to the fonts of the box.
SUBSETS = {
    "latin": "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,U+2000-206F,U+20AC,U+2122,U+2191,U+2193,U+2212,U+2215,U+FEFF,U+FFFD",
    "latin-ext": "U+0100-02BA,U+02BD-02C5,U+02C7-02CC,U+02CE-02D7,U+02DD-02FF,U+0304,U+0308,U+0329,U+1D00-1DBF,U+1E00-1E9F,U+1EF2-1EFF,U+2020,"
    "U+20A0-20AB,U+20AD-20C0,U+2113,U+2C60-2C7F,U+A720-A7FF",
    "vietnamese": "U+0102-0103,U+0110-0111,U+0128-0129,U+0168-0169,U+01A0-01A1,U+01AF-01B0,U+0300-0301,U+0303-0304,U+0308-0309,U+0323,U+0329,U+1EA0-1EF9,U+20AB",
    "greek": "U+0370-0377,U+037A-037F,U+0384-038A,U+038C,U+038E-03A1,U+03A3-03FF",
    "greek-ext": "U+1F00-1FFF",
    "cyrillic": "U+0301,U+0400-045F,U+0490-0491,U+04B0-04B1,U+2116",
    "cyrillic-ext": "U+0460-052F,U+1C80-1C8A,U+20B4,U+2DE0-2DFF,U+A640-A69F,U+FE2E-FE2F",
}

# Runs from outside: the page itself may not run scripts. Waits for the fonts, then shrinks what does not fit its box. Answers with the
# boxes that are still too full and with the characters no font has: those come out as the same empty box as a private one.
FIT = """
async (rare) => {
  await document.fonts.ready;
  const full = [];
  for (const box of document.querySelectorAll("[data-fit]")) {
    const size = parseFloat(getComputedStyle(box).fontSize);
    const over = () => box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1;
    for (let part = 0.97; over() && part >= 0.2; part *= 0.97) box.style.fontSize = size * part + "px";
    if (over()) full.push(box.dataset.fit);
  }
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [48, 48];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.font = "24px serif";
  const drawn = (text) => {
    context.clearRect(0, 0, 48, 48);
    context.fillText(text, 8, 32);
    return context.getImageData(0, 0, 48, 48).data.join();
  };
  const empty = drawn("\\uF8FE");
  return { full, missing: Array.from(rare).filter((letter) => drawn(letter) === empty) };
}
"""


class ChromiumPrinter:
    """Prints pages of ours. Make one per process, and `aclose()` it in the event loop it worked in."""

    def __init__(self, *, chromium_path: str | None = None, fetch: bool = True, concurrency: int = 2, timeout: float = 20.0) -> None:
        self._chromium_path = chromium_path
        self._may_fetch = fetch
        self._timeout = timeout
        self._slots = asyncio.Semaphore(concurrency)
        self._starting = asyncio.Lock()
        self._running: _Running | None = None
        self._fetch_failed: tuple[float, Unavailable] | None = None

    async def print(self, html: str, *, rare: str = "", pages: str = "") -> bytes:
        """The page as PDF, or those `pages` of it; `rare` are characters that our own fonts lack. Raises `Unavailable` when no browser can be had or it takes too long.

        The time limit counts from the turn's beginning: neither waiting for a turn nor fetching a browser is charged to it.
        """
        async with self._slots:
            program = await self._program()
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._print(program, html, rare, pages)
            except TimeoutError as error:
                raise Unavailable(f"the document took longer than {self._timeout:g} s to print; try again") from error
            except _Gone as error:
                raise Unavailable("the browser died twice while printing; try again") from error
            except BrowserError as error:
                raise Unavailable(f"the browser failed to print: {error.message.splitlines()[0]}") from error

    async def aclose(self) -> None:
        """Close the browser; a later `render` starts another."""
        async with self._starting:
            await self._stop()

    async def _print(self, program: Path, html: str, rare: str, pages: str) -> bytes:
        running = await self._started(program)
        try:
            return await running.print(html, rare, pages)
        except _Gone:
            # It died under us: killed for its memory, say. The next one gets one try.
            running = await self._started(program)
            return await running.print(html, rare, pages)

    async def _started(self, program: Path) -> "_Running":
        async with self._starting:
            if self._running is None or self._running.is_gone():
                await self._stop()
                self._running = await _start(program)
            return self._running

    async def _stop(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.stop()

    async def _program(self) -> Path:
        found = chromium.find_chromium(self._chromium_path)
        if found is None and not self._may_fetch:
            raise Unavailable("no Chromium here and fetching is switched off; set CHROMIUM_PATH")
        if found is not None:
            return found
        async with self._starting:
            # A fetch that fails takes a minute to do so; a queue of documents must not wait for it one by one.
            if self._fetch_failed and monotonic() - self._fetch_failed[0] < FETCH_AGAIN_AFTER:
                raise Unavailable(str(self._fetch_failed[1]))
            try:
                return await asyncio.to_thread(chromium.fetch_chromium, log.info)
            except Unavailable as error:
                self._fetch_failed = (monotonic(), error)
                raise


class ChromiumCertificateRenderer(ChromiumPrinter):
    """A `CertificateRenderer`."""

    async def render(self, document: CertificateDocument) -> bytes:
        """The PDF, always one page. Raises `Unavailable` when no browser can be had or it takes too long."""
        return await self.print(certificate_html(document), rare=rare_characters(document), pages="1")


class _Gone(Exception):
    """The browser died before it was done."""


class _Running:
    """A browser, Playwright's driver of it, and the news of its death."""

    def __init__(self, driver: Playwright, browser: Browser) -> None:
        self.browser = browser
        self._driver = driver
        self._gone = asyncio.Event()
        browser.on("disconnected", lambda _: self._gone.set())

    def is_gone(self) -> bool:
        return self._gone.is_set() or not self.browser.is_connected()

    async def print(self, html: str, rare: str, pages: str) -> bytes:
        """The page as PDF. Raises `_Gone` as soon as the browser dies: some calls to a dead one are never answered."""
        working, waiting = asyncio.create_task(self._print(html, rare, pages)), asyncio.create_task(self._gone.wait())
        try:
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                # The page's death is often told before the browser's.
                if isinstance(working.exception(), BrowserError):
                    await asyncio.wait({waiting}, timeout=0.5)
                if not (working.exception() and self.is_gone()):
                    return working.result()
            raise _Gone
        finally:
            working.cancel()
            waiting.cancel()
            await asyncio.gather(working, waiting, return_exceptions=True)

    async def _print(self, html: str, rare: str, pages: str) -> bytes:
        context = await self.browser.new_context(java_script_enabled=False, offline=True, viewport=A4_LANDSCAPE, accept_downloads=False)
        try:
            await context.route("**/*", _refuse)
            page = await context.new_page()
            await page.emulate_media(media="print")
            await page.set_content(html, wait_until="load")
            result = await page.evaluate(FIT, rare)
            if result["full"]:
                log.warning("print: no room for the whole of %s", ", ".join(result["full"]))
            if result["missing"]:
                log.warning("print: no font on this machine has %s; install one that does", " ".join(result["missing"]))
            return await page.pdf(prefer_css_page_size=True, print_background=True, tagged=True, outline=True, page_ranges=pages)
        finally:
            await self._close(context)

    async def _close(self, context: BrowserContext) -> None:
        if self.is_gone():
            return
        try:
            async with asyncio.timeout(2):
                await context.close()
        except (BrowserError, TimeoutError):
            # A page that does not even close has hung its browser: the next document gets a new one.
            self._gone.set()

    async def stop(self) -> None:
        self._gone.set()
        for end in (self.browser.close, self._driver.stop):
            # The dead are closed too, and say so in several ways.
            with suppress(Exception):
                async with asyncio.timeout(3):
                    await end()


async def _start(program: Path) -> _Running:
    await asyncio.to_thread(chromium.prepare_driver)
    env: dict[str, str | float | bool] = {**await asyncio.to_thread(chromium.browser_env, program)}
    driver = await async_playwright().start()
    try:
        return _Running(driver, await _launch(driver, program, env))
    except BaseException:
        with suppress(Exception):
            await driver.stop()
        raise


async def _launch(driver: Playwright, program: Path, env: dict[str, str | float | bool]) -> Browser:
    arguments = ["--disable-gpu", "--disable-dev-shm-usage"]
    # Chromium refuses its sandbox to root, and containers without user namespaces refuse it to anybody. Without it there is still no
    # script, no network and no markup but our template's in the page.
    if os.geteuid() != 0:
        try:
            return await driver.chromium.launch(executable_path=program, args=arguments, env=env, chromium_sandbox=True)
        except BrowserError:
            log.warning("chromium: no sandbox to be had here, starting without")
    return await driver.chromium.launch(executable_path=program, args=[*arguments, "--no-sandbox"], env=env)


async def _refuse(route: Route) -> None:
    await route.abort()


def certificate_html(document: CertificateDocument, *, template: str = "certificates/default.html.j2") -> str:
    """The page that is printed; the same document always gives the same page."""
    phrases = _phrases(document.locale)
    issued_on = date_of(document.issued_at, document.locale)
    expires_on = date_of(document.expires_at, document.locale) if document.expires_at else None
    return (
        environment()
        .get_template(template)
        .render(
            document=document,
            phrases=phrases,
            lang=locale_of(document.locale).language,
            issued_on=issued_on,
            expires_on=expires_on,
            color=safe_color(document.primary_color),
            logo=image_uri(document.logo_svg_or_png),
            qr=_qr(document.verify_url),
            font_faces=font_faces(frozenset(_words(document, phrases, issued_on, expires_on or ""))),
            border=Markup(_border()),
            rosette=Markup(_rosette()),
        )
    )


def rare_characters(document: CertificateDocument) -> str:
    """The printed characters that our own fonts lack, each once."""
    return rare_in(_words(document, {}))


def rare_in(words: str) -> str:
    """The letters of these words that our own fonts lack, each once."""
    ours = [span for subset in SUBSETS for span in _spans(subset)]
    return "".join(sorted(letter for letter in set(words) if not any(ord(letter) in span for span in ours)))


def safe_color(color: str) -> str:
    """The colour when it is a hexadecimal one, else ours: it is written into CSS, where escaping HTML protects nothing."""
    return color if re.fullmatch(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", color) else DEFAULT_COLOR


def image_uri(body: bytes | None) -> str | None:
    """The picture as a data: URI, or nothing when it is no PNG, JPEG, WebP or SVG. A picture runs no scripts and loads nothing, SVG included."""
    if body is None:
        return None
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        kind = "image/png"
    elif body.startswith(b"\xff\xd8\xff"):
        kind = "image/jpeg"
    elif body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        kind = "image/webp"
    elif b"<svg" in body[:2048]:
        kind = "image/svg+xml"
    else:
        return None
    return f"data:{kind};base64,{base64.b64encode(body).decode()}"


def locale_of(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def date_of(moment: datetime, locale: str) -> str:
    return format_date(moment.astimezone(UTC).date(), format="long", locale=locale_of(locale))


@lru_cache
def _all_phrases() -> dict[str, dict[str, str]]:
    phrases: dict[str, dict[str, str]] = json.loads((TEMPLATES / "certificates" / "phrases.json").read_text("utf-8"))
    return phrases


def _phrases(locale: str) -> dict[str, str]:
    return _all_phrases().get(locale_of(locale).language, _all_phrases()["en"])


@lru_cache
def environment() -> SandboxedEnvironment:
    return SandboxedEnvironment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _qr(url: str) -> Markup:
    code: Any = segno.make(url, error="m", micro=False)
    return Markup(code.svg_inline(border=0, omitsize=True, dark="#14161a", svgclass=None, lineclass=None))


def _words(document: CertificateDocument, phrases: dict[str, str], *more: str) -> str:
    names = [document.student_name, document.course_title, document.tenant_name, document.number, document.code, *document.instructor_names]
    words = "".join([*names, *phrases.values(), *more])
    return words + words.upper()  # labels are printed in capitals


def font_faces(letters: frozenset[str]) -> Markup:
    # Only the subsets that have a letter of this document: reading all of them again would cost a third of the time of a certificate.
    wanted = [subset for subset in SUBSETS if any(ord(letter) in span for span in _spans(subset) for letter in letters)]
    return Markup("\n".join(_font_face(subset, style) for style in ("normal", "italic") for subset in wanted))


@lru_cache
def _font_face(subset: str, style: str) -> str:
    body = base64.b64encode((FONTS / f"eb-garamond-{subset}-400-{style}.woff2").read_bytes()).decode()
    return (
        f"@font-face {{ font-family: 'EB Garamond'; font-weight: 400; font-style: {style}; "
        f"src: url(data:font/woff2;base64,{body}) format('woff2'); unicode-range: {SUBSETS[subset]}; }}"
    )


@lru_cache
def _spans(subset: str) -> tuple[range, ...]:
    spans = []
    for part in SUBSETS[subset].split(","):
        first, _, last = part.removeprefix("U+").partition("-")
        spans.append(range(int(first, 16), int(last or first, 16) + 1))
    return tuple(spans)


@lru_cache
def _border() -> str:
    """A band of guilloche along the edges of an A4 page, in hundredths of a millimetre: phase-shifted waves with a rosette at each corner."""
    inset, corner, width, height = 11.2, 6.0, 297.0, 210.0
    paths = []
    for horizontal, across in ((True, inset), (True, height - inset), (False, inset), (False, width - inset)):
        length = (width if horizontal else height) - 2 * (inset + corner)
        waves = round(length / 7.0)
        for amplitude, shift in ((2.4, 0.0), (2.4, 0.25), (2.4, 0.5), (2.4, 0.75), (1.1, 0.0), (1.1, 0.5)):
            points = []
            steps = waves * 8
            for step in range(steps + 1):
                along = inset + corner + length * step / steps
                offset = across + amplitude * math.sin(2 * math.pi * (waves * step / steps + shift))
                points.append((along, offset) if horizontal else (offset, along))
            paths.append(_path(points))
    for x in (inset, width - inset):
        for y in (inset, height - inset):
            # A white disc first: the lines of the frame end at the medallion.
            paths.append(f'<circle cx="{100 * x:g}" cy="{100 * y:g}" r="670" fill="#fff" stroke="none"/>')
            paths += [_path(_rose(x, y, radius, petals=8, depth=0.42, turn=turn)) for radius in (6.6, 4.4) for turn in (0.0, 0.25, 0.5, 0.75)]
    return "".join(paths)


@lru_cache
def _rosette() -> str:
    """The large rosette behind the name, around the origin, in hundredths of a millimetre."""
    return "".join(
        _path(_rose(0, 0, radius, petals=petals, depth=depth, turn=turn / 6)) for radius, petals, depth in ((62, 18, 0.22), (47, 12, 0.34), (28, 9, 0.5)) for turn in range(6)
    )


def _rose(x: float, y: float, radius: float, *, petals: int, depth: float, turn: float) -> list[tuple[float, float]]:
    steps = petals * 8
    points = []
    for step in range(steps + 2):  # one more, so that the line closes
        angle = 2 * math.pi * step / steps
        reach = radius * (1 - depth / 2 + depth / 2 * math.sin(petals * angle + 2 * math.pi * turn))
        points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
    return points


def _path(points: list[tuple[float, float]]) -> str:
    """A smooth line that the points pull towards them: it starts and ends in the middle between the outermost two."""
    # Steps in hundredths of a millimetre: short, and Chromium reads them again for every certificate.
    pulls = [(round(100 * x), round(100 * y)) for x, y in points]
    ends = [((x + next_x) // 2, (y + next_y) // 2) for (x, y), (next_x, next_y) in pairwise(pulls)]
    curves = "".join(f"q{pull_x - x} {pull_y - y} {end_x - x} {end_y - y}" for (x, y), (pull_x, pull_y), (end_x, end_y) in zip(ends, pulls[1:], ends[1:], strict=False))
    return f'<path d="M{ends[0][0]} {ends[0][1]}{curves}"/>'
