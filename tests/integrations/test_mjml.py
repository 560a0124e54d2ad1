"""Letters as they are written out: every kind in every language, as HTML and as text."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from jinja2 import Environment, meta

from lms_graph.domain.notifications.ports import Brand, Letter
from lms_graph.integrations import mjml
from lms_graph.integrations.mjml import MjmlMailRenderer
from lms_graph.kit.money import Amount
from lms_graph.models.notifications import MailKind

BRAND = Brand(name="Näh & Co", color="#ffd400", on_color="#14161a", ink="#806a00", logo_url=None, home_url="https://school.example", support_email="help@school.example")
LINK = "https://school.example/account/x?token=lnk_1.abc"
UNTIL = datetime(2026, 11, 29, 14, 5, tzinfo=UTC)
SALE = {"items": "Typography, Letters & more", "total": Amount(123456, "EUR"), "invoice": "INV-000001", "order": "K7X2M9QPRT"}
AMOUNTS = {"en": "€1,234.56", "de": "1.234,56\xa0€", "fr": "1\u202f234,56\xa0€", "es": "1.234,56\xa0€"}
DETAILS: dict[MailKind, dict[str, Any]] = {
    MailKind.SIGN_IN_ALERT: {"at": UNTIL, "device": None, "network": "203.0.113.*"},
    MailKind.RECEIPT: SALE,
    MailKind.REFUND: SALE,
    MailKind.PAYMENT_FAILED: {name: SALE[name] for name in ("items", "total")},
    MailKind.PAYOUT: {"total": Amount(1050, "JPY")},
    MailKind.SEAT: {"code": "7F3K9-QXM2P-00000-ZZZZZ", "until": UNTIL},
}


def letter(kind: MailKind = MailKind.EMAIL_VERIFICATION, **changes: Any) -> Letter:
    values: dict[str, Any] = {
        "values": {"until": UNTIL, "inviter": "Ida", "giver": "Gil", "gift": "gift", "course": "Typography", "order": "K7X2M9QPRT", "plan": "All courses"},
        "link": LINK,
        "has_token": True,
    }
    return Letter(**({"text": kind.lower(), "locale": "en", "fallback": "en", "brand": BRAND, "name": "Ada O'Neill"} | values | changes))


def phrases(language: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((mjml.PHRASES / f"{language}.yaml").read_text())
    return read


def shape(value: Any, path: str = "") -> dict[str, frozenset[str]]:
    """Every phrase by its place, with the names that it uses."""
    if isinstance(value, str):
        return {path: frozenset(meta.find_undeclared_variables(Environment().parse(value)))}
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    return {place: names for key, inner in inside for place, names in shape(inner, f"{path}/{key}").items()}


class TestPhrases:
    def test_are_there_in_four_languages(self) -> None:
        assert mjml.languages() == ["de", "en", "es", "fr"]

    @pytest.mark.parametrize("language", ["de", "es", "fr"])
    def test_are_the_same_in_each_with_the_same_values(self, language: str) -> None:
        ours, english = shape(phrases(language)), shape(phrases("en"))

        assert ours.keys() == english.keys()
        assert {place: names for place, names in ours.items() if names != english[place]} == {}

    def test_are_there_for_every_kind(self) -> None:
        assert set(phrases("en")) - {"common"} == {kind.lower() for kind in MailKind}


class TestEveryLetter:
    @pytest.mark.parametrize("kind", MailKind)
    @pytest.mark.parametrize("language", ["de", "en", "es", "fr"])
    def test_says_the_same_as_html_and_as_text(self, kind: MailKind, language: str) -> None:
        details = DETAILS.get(kind, {})
        written = MjmlMailRenderer().render(letter(kind, locale=language, details=details, quote="So & so", unsubscribe_url="https://api.example/unsubscribe/x"))

        said = phrases(language)[kind.lower()]
        assert ("Näh & Co" in written.subject) == (kind not in (MailKind.ENROLLMENT, MailKind.PAYMENT_FAILED, MailKind.SEAT))  # these name the course or plan
        assert "\n" not in written.subject
        shown = re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<!--.*?-->|<[^>]+>", " ", written.html, flags=re.DOTALL))
        for phrase in [said["heading"], *([said["button"]] if "button" in said else [])]:
            assert phrase in written.text
            assert phrase.replace("’", "’") in shown
        assert (LINK in written.text, f'href="{LINK}"' in written.html) == ("button" in said,) * 2
        assert "Ada O'Neill" in written.text
        assert "Ada O&#39;Neill" in written.html
        assert "Näh &amp; Co" in written.html
        assert "https://api.example/unsubscribe/x" in written.text
        assert 'href="https://api.example/unsubscribe/x"' in written.html
        assert "{{" not in written.html + written.text + written.subject
        assert "{%" not in written.html + written.text + written.subject
        assert "mj-" not in re.sub(r"mj-(?:column|outlook|full)[\w-]*", "", written.html)
        assert f'<html lang="{language}"' in written.html

    def test_is_the_same_each_time(self) -> None:
        assert MjmlMailRenderer().render(letter()) == MjmlMailRenderer().render(letter())


class TestALetter:
    def test_in_english(self) -> None:
        written = MjmlMailRenderer().render(letter())

        assert written.subject == "Confirm your e-mail address for Näh & Co"
        assert written.text.split("\n\n")[:4] == [
            "Confirm your e-mail address",
            "Hello Ada O'Neill,",
            "Please confirm that this is your address, so that we can reach you and you can get back into your account should you forget your password.",
            f"Confirm address:\n{LINK}",
        ]
        assert "The link works once, until November 29, 2026, 2:05\u202fPM UTC." in written.text
        assert written.text.endswith(
            "-- \nNäh & Co\nhttps://school.example\n\nYou get this mail because somebody gave this address at Näh & Co.\nQuestions? Write to help@school.example.\n"
        )

    def test_tells_moments_in_the_readers_language(self) -> None:
        assert "bis 29. November 2026, 14:05 UTC." in MjmlMailRenderer().render(letter(locale="de-CH")).text
        assert "jusqu’au 29 novembre 2026, 14:05 UTC." in MjmlMailRenderer().render(letter(locale="fr_CA")).text.replace("14 h 05", "14:05")

    def test_greets_nobody_by_name_whose_name_is_not_known(self) -> None:
        assert "\n\nHello,\n\n" in MjmlMailRenderer().render(letter(name=None)).text

    def test_shows_the_schools_colors_and_logo(self) -> None:
        plain = MjmlMailRenderer().render(letter()).html
        with_logo = MjmlMailRenderer().render(letter(brand=replace(BRAND, logo_url="https://api.example/files/fil_1"))).html

        assert "background:#ffd400" in plain
        assert "color:#14161a" in plain
        assert "<img" not in plain
        assert '<img src="https://api.example/files/fil_1" alt="Näh &amp; Co"' in with_logo

    @pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=1>', "--><b>", "{{ 7*7 }}", "{% for x in y %}", "</mj-text>", "]]>", "<![endif]-->"])
    def test_puts_what_people_wrote_in_as_text(self, hostile: str) -> None:
        usual = MjmlMailRenderer().render(letter(quote="x", values={"until": UNTIL, "inviter": "x"}))
        written = MjmlMailRenderer().render(letter(name=hostile, brand=replace(BRAND, name=hostile), quote=hostile, values={"until": UNTIL, "inviter": hostile}))

        assert re.findall(r"<!?[\w/\[-]+", written.html) == re.findall(r"<!?[\w/\[-]+", usual.html)
        assert hostile in written.text
        assert hostile in written.subject

    def test_has_a_subject_of_bounded_length(self) -> None:
        assert len(MjmlMailRenderer().render(letter(brand=replace(BRAND, name="x" * 500))).subject) == 150

    def test_of_a_text_that_lacks_a_value_is_an_error(self) -> None:
        with pytest.raises(Exception, match="until"):
            MjmlMailRenderer().render(letter(values={}))


class TestAnAmount:
    def test_is_told_in_the_readers_language(self) -> None:
        assert {
            language: MjmlMailRenderer().render(letter(MailKind.RECEIPT, locale=language, details=SALE)).text.count(amount) for language, amount in AMOUNTS.items()
        } == dict.fromkeys(AMOUNTS, 1)

    def test_has_the_decimals_of_its_currency(self) -> None:
        assert "¥1,050" in MjmlMailRenderer().render(letter(MailKind.PAYOUT, details={"total": Amount(1050, "JPY")})).text
        assert "KWD1.050" in MjmlMailRenderer().render(letter(MailKind.PAYOUT, details={"total": Amount(1050, "KWD")})).text
