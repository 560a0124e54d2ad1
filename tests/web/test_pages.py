"""The public page of a certificate: what each state says, and that nobody's words become markup."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import UndefinedError

from lms_graph.web.pages import page

STATES = ("valid", "expired", "revoked", "superseded", "preparing", "not_found")
TENANT = {"name": "Northwind Academy", "color": "#b3541e", "logo_uri": "/media/logo.png", "home_url": "https://academy.example.com"}


def certificate(**changes: Any) -> SimpleNamespace:
    plain: dict[str, Any] = {
        "code": "K7QF-3MZ9-XW2D",
        "number": "2026-000123",
        "student_name": "Šárka Łukasiewicz-Brânză",
        "course_title": "Foundations of Analytical Engines",
        "instructor_names": ("Charles Babbage", "Zoë Øster"),
        "issued_at": datetime(2026, 11, 23, tzinfo=UTC),
        "expires_at": None,
        "revoked_at": None,
        "revocation_reason": None,
        "pdf_url": "/certificates/K7QF-3MZ9-XW2D.pdf",
        "pdf_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "replaced_by_url": None,
    }
    return SimpleNamespace(**(plain | changes))


def verify(state: str = "valid", **changes: Any) -> str:
    variables: dict[str, Any] = {
        "state": state,
        "code": "K7QF-3MZ9-XW2D",
        "nonce": "n0nce",
        "form_action": "/verify",
        "tenant": TENANT,
        "certificate": None if state == "not_found" else certificate(expires_at=datetime(2026, 11, 30, tzinfo=UTC)),
    }
    return page("pages/verify.html.j2", **(variables | changes))


class Reader(HTMLParser):
    """Elements with their attributes, visible text, and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input", "circle", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("circle", "path"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "title" not in self.open:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


class TestEveryState:
    @pytest.mark.parametrize("state", STATES)
    def test_is_one_well_formed_page_without_scripts_or_foreign_parts(self, state: str) -> None:
        html = verify(state)
        read = Reader(html)

        assert read.open == []
        assert len(read.all("h1")) == 1 and len(read.all("main")) == 1 and read.all("html") == [{"lang": "en"}]
        assert read.all("script") == [] and read.all("link") == []
        assert read.all("style") == [{"nonce": "n0nce"}]
        assert not any("style" in attributes or any(name.startswith("on") for name in attributes) for _, attributes in read.elements)
        assert [image["src"] for image in read.all("img")] == ["/media/logo.png"]
        assert not re.search(r"url\(|@import", html)
        assert "Northwind Academy" in read.text and "--brand: #b3541e;" in html

    @pytest.mark.parametrize("state", STATES)
    def test_has_a_labelled_form_for_another_code(self, state: str) -> None:
        read = Reader(verify(state))

        assert read.all("form") == [{"action": "/verify", "method": "get", "role": "search"}]
        assert read.all("label") == [{"for": "code"}]
        assert [(field["id"], field["name"], "required" in field) for field in read.all("input")] == [("code", "code", True)]

    @pytest.mark.parametrize("state", [state for state in STATES if state != "not_found"])
    def test_shows_every_detail(self, state: str) -> None:
        shown = certificate()
        read = Reader(verify(state, certificate=certificate(expires_at=datetime(2026, 11, 30, tzinfo=UTC))))

        for value in [
            shown.student_name,
            shown.course_title,
            shown.number,
            shown.code,
            shown.pdf_sha256,
            *shown.instructor_names,
            "November 23, 2026",
            "November 30, 2026",
        ]:
            assert value in read.text
        assert shown.pdf_url in [link["href"] for link in read.all("a")]


class TestOneState:
    def test_valid_says_so(self) -> None:
        assert "This certificate is valid" in Reader(verify("valid")).text
        assert "no end" in Reader(verify("valid", certificate=certificate())).text

    def test_expired_says_until_when(self) -> None:
        assert "has expired It was issued by Northwind Academy and was valid until November 30, 2026 ." in Reader(verify("expired")).text.replace("2026.", "2026 .")

    def test_revoked_says_when_and_why(self) -> None:
        text = Reader(verify("revoked", certificate=certificate(revoked_at=datetime(2026, 12, 1, tzinfo=UTC), revocation_reason="Somebody else sat the exam."))).text

        assert "was revoked" in text and "withdrawn it on December 1, 2026" in text and "Somebody else sat the exam." in text

    def test_superseded_leads_to_the_current_one(self) -> None:
        read = Reader(verify("superseded", certificate=certificate(replaced_by_url="/verify/NEW")))

        assert "was replaced" in read.text and "/verify/NEW" in [link["href"] for link in read.all("a")]

    def test_preparing_has_no_pdf_yet(self) -> None:
        read = Reader(verify("preparing", certificate=certificate(pdf_url=None, pdf_sha256=None)))

        assert "is being prepared" in read.text and "Open the PDF" not in read.text and "SHA-256" not in read.text

    def test_not_found_names_the_code_and_keeps_it_in_the_form(self) -> None:
        read = Reader(verify("not_found", code="WRONG"))

        assert "No certificate with this code" in read.text and "WRONG" in read.text
        assert read.all("input")[0]["value"] == "WRONG"

    def test_no_code_asks_for_one(self) -> None:
        text = Reader(verify("not_found", code="")).text

        assert "Check a certificate" in text and "No certificate" not in text


class TestHostileWords:
    HOSTILE = '"><script>alert(1)</script></title></style>{{7*7}}'

    def test_stay_text(self) -> None:
        shown = certificate(
            student_name=self.HOSTILE,
            course_title=self.HOSTILE,
            instructor_names=(self.HOSTILE,),
            number=self.HOSTILE,
            code=self.HOSTILE,
            revocation_reason=self.HOSTILE,
        )

        for html in (verify("revoked", certificate=shown, tenant=TENANT | {"name": self.HOSTILE}), verify("not_found", code=self.HOSTILE)):
            read = Reader(html)
            assert read.open == [] and read.all("script") == []
            assert self.HOSTILE in read.text and "49" not in read.text

    def test_lead_nowhere_and_colour_nothing(self) -> None:
        html = verify(
            "superseded",
            tenant=TENANT | {"home_url": "javascript:alert(1)", "color": "red} body{display:none"},
            certificate=certificate(pdf_url="javascript:alert(1)", replaced_by_url="//evil.example.com"),
        )

        assert "javascript:" not in html and "evil.example.com" not in html and "display:none" not in html
        assert "--brand: #1f3a5f;" in html


def test_a_forgotten_variable_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        page("pages/verify.html.j2", state="valid")
