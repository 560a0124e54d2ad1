"""Letters written out: MJML for how they look, a file of phrases per language for what they say.

`templates/mail/letter.mjml` is compiled once per process to HTML that works in mail programs, and that HTML is a Jinja template; so are the phrases. What people wrote is put in last,
escaped, into a page that is compiled already: it can be neither markup of MJML nor of HTML.
"""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import mjml
import yaml
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from jinja2 import StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from lms_graph.domain.notifications.ports import Letter, Written
from lms_graph.integrations import amounts
from lms_graph.kit.money import Amount

TEMPLATES = Path(__file__).parents[1] / "templates" / "mail"
PHRASES = TEMPLATES / "phrases"
ENGLISH = "en"
MAX_SUBJECT = 150  # characters; programs show some 70


class MjmlMailRenderer:
    """Renders in a few hundred microseconds, without asking anybody."""

    def render(self, letter: Letter) -> Written:
        locale = locale_of(letter.locale, letter.fallback)
        phrases = _phrases(locale.language)
        said = phrases[letter.text]
        told = _Told(phrases, said, letter, locale)
        subject = " ".join(told.plain(said["subject"]).split())
        return Written(
            subject=subject if len(subject) <= MAX_SUBJECT else subject[: MAX_SUBJECT - 1].rstrip() + "…",
            html=_page().render(told.variables(html=True), subject=subject, lang=locale.language),
            text=_text().render(told.variables(html=False), subject=subject),
        )


class _Told:
    """One letter's words, as text and as HTML."""

    def __init__(self, phrases: dict[str, Any], said: dict[str, Any], letter: Letter, locale: Locale) -> None:
        self._phrases, self._said, self._letter = phrases, said, letter
        told = {name: _said(value, locale) for name, value in letter.values.items()}
        self._values = {"school": letter.brand.name, "name": letter.name, "support": letter.brand.support_email, "inviter": "", "has_quote": letter.quote is not None} | told
        self._details = {name: value and _said(value, locale) for name, value in letter.details.items()}

    def plain(self, phrase: str) -> str:
        return _phrase(phrase, html=False).render(self._values).strip()

    def variables(self, *, html: bool) -> dict[str, Any]:
        def tell(phrase: str) -> str:
            told = _phrase(phrase, html=html).render(self._values).strip()
            return Markup(told) if html else told

        letter, said, common = self._letter, self._said, self._phrases["common"]
        return {
            "brand": letter.brand,
            "preview": tell(said["preview"]),
            "heading": tell(said["heading"]),
            "greeting": tell(common["greeting"]),
            "before": [tell(phrase) for phrase in said.get("before", ())],
            "details": [(tell(common["details"][name]), value or tell(common["unknown"])) for name, value in self._details.items()],
            "quote": letter.quote and (_lines(letter.quote) if html else letter.quote),
            "link": letter.link if "button" in said else None,
            "button": tell(said["button"]) if "button" in said else None,
            "copy": tell(common["copy"]) if letter.has_token else None,
            "after": [tell(phrase) for phrase in said.get("after", ())],
            "help": tell(common["help"]) if letter.brand.support_email else None,
            "why": tell(said.get("why", common["why"])),
            "unsubscribe": tell(said.get("unsubscribe", common["unsubscribe"])),
            "unsubscribe_url": letter.unsubscribe_url,
        }


def languages() -> list[str]:
    """Those in which there are texts."""
    return sorted(path.stem for path in PHRASES.glob("*.yaml"))


def locale_of(*wanted: str) -> Locale:
    """The first of these whose language there are texts in, else English."""
    for name in wanted:
        try:
            locale = Locale.parse(name.replace("-", "_"))
        except (UnknownLocaleError, ValueError):
            continue
        if locale.language in languages():
            return locale
    return Locale(ENGLISH)


def _said(value: str | datetime | Amount, locale: Locale) -> str:
    if isinstance(value, Amount):
        return amounts.told(value.minor, value.currency, locale)
    if not isinstance(value, datetime):
        return value
    at = value.astimezone(UTC)
    return f"{format_date(at.date(), format='long', locale=locale)}, {format_time(at, format='short', locale=locale)} UTC"


def _lines(text: str) -> Markup:
    return Markup("<br>").join(escape(line) for line in text.split("\n"))


@lru_cache
def _phrases(language: str) -> dict[str, Any]:
    phrases: dict[str, Any] = yaml.safe_load((PHRASES / f"{language}.yaml").read_text(encoding="utf-8"))
    return phrases


@lru_cache
def _environment(*, html: bool) -> SandboxedEnvironment:
    return SandboxedEnvironment(autoescape=html, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@lru_cache(maxsize=1_000)
def _phrase(phrase: str, *, html: bool) -> Template:
    return _environment(html=html).from_string(phrase)


@lru_cache
def _page() -> Template:
    compiled = mjml.mjml2html((TEMPLATES / "letter.mjml").read_text(encoding="utf-8"), fonts={})
    return _environment(html=True).from_string(compiled)


@lru_cache
def _text() -> Template:
    return _environment(html=False).from_string((TEMPLATES / "letter.txt.j2").read_text(encoding="utf-8"))
