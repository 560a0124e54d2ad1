"""Statements of payees printed with Chromium: A4 upright. Drawn in `templates/documents`."""

from datetime import datetime
from functools import lru_cache

import yaml
from babel.dates import format_date, format_skeleton

from lms_graph.domain.payouts.ports import StatementDocument
from lms_graph.integrations import amounts
from lms_graph.integrations.pdf import TEMPLATES, ChromiumPrinter, environment, font_faces, image_uri, locale_of, rare_in, safe_color

PHRASES = TEMPLATES / "documents" / "statement_phrases.yaml"
MAX_ENTRIES = 400  # of a currency; the sums are of all, and the table as CSV has each


class ChromiumStatementPrinter:
    """A `StatementPrinter`, with the browser that prints certificates too."""

    def __init__(self, printer: ChromiumPrinter) -> None:
        self._printer = printer

    async def print_statement(self, document: StatementDocument) -> bytes:
        return await self._printer.print(statement_html(document), rare=rare_in(document.payee_name + document.school_name))


def statement_html(document: StatementDocument) -> str:
    """The page that is printed; the same document always gives the same page."""
    locale = locale_of(document.locale)
    phrases = _phrases().get(locale.language, _phrases()["en"])
    month = format_skeleton("yMMMM", datetime(document.month.year, document.month.month, 1), locale=locale)

    def date(moment: datetime) -> str:
        return format_date(moment, format="medium", locale=locale)

    written = [amounts.told(number, part.currency, locale) for part in document.parts for number in (part.opening, part.closing, *part.by_kind.values())]
    words = [document.payee_name, document.school_name, month, date(document.issued_at), *phrases.values(), *written]
    words += [date(entry["at"]) for part in document.parts for entry in part.entries[:MAX_ENTRIES]]
    return (
        environment()
        .get_template("documents/statement.html.j2")
        .render(
            document=document,
            phrases=phrases,
            lang=locale.language,
            month=month,
            color=safe_color(document.primary_color),
            logo=image_uri(document.logo),
            issued_on=date(document.issued_at),
            amount=lambda minor, currency: amounts.told(minor, currency, locale),
            date=date,
            most=MAX_ENTRIES,
            font_faces=font_faces(frozenset("".join(words) + "0123456789-−.,' ")),
        )
    )


@lru_cache
def _phrases() -> dict[str, dict[str, str]]:
    phrases: dict[str, dict[str, str]] = yaml.safe_load(PHRASES.read_text(encoding="utf-8"))
    return phrases
