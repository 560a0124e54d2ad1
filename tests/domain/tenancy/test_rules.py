"""What a tenant may say of itself, and which origins may use its API."""

import pytest

from lms_graph.domain.tenancy.rules import origins as origin_rules
from lms_graph.domain.tenancy.rules import tenants as rules


def paths(**changes: object) -> list[str]:
    return [".".join(issue.path) for issue in rules.issues_with_changes(changes)]  # type: ignore[arg-type]


class TestOrigins:
    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("https://school.example", "https://school.example"),
            (" HTTPS://School.Example ", "https://school.example"),
            ("https://school.example:443", "https://school.example"),
            ("https://school.example:8443", "https://school.example:8443"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
            ("https://localhost:3000", "https://localhost:3000"),
            ("http://localhost", "http://localhost"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("*", "*"),
        ],
    )
    def test_are_kept_as_browsers_spell_them(self, sent: str, kept: str) -> None:
        assert paths(allowed_origins=[sent]) == []
        assert rules.clean_changes({"allowed_origins": [sent, sent]}) == {"allowed_origins": [kept]}

    @pytest.mark.parametrize(
        "origin",
        [
            "", "null", "school.example", "http://school.example", "https://", "https://school.example/", "https://school.example/shop", "https://school.example?x",
            "https://*.school.example", "https://user@school.example", "https://school.example:", "https://school.example:0", "https://school.example:65536",
            "https://school.example:http", "https://bücher.example", "https://school..example", "https://-school.example", "https://school_.example", "ftp://school.example",
            "https://[::1]", "http://localhost.evil.example", "http://localhost:3000.evil.example", "https://school.example\n", "https://school.example https://other.example",
            f"https://{'.'.join(['a' * 60] * 5)}", "*:", "**", "https://school.example\0",
        ],
    )  # fmt: skip
    def test_that_no_browser_sends_are_refused(self, origin: str) -> None:
        expected = [] if origin.strip() == "https://school.example" else ["api.allowedOrigins.1"]

        assert paths(allowed_origins=["https://good.example", origin]) == expected

    def test_any_stands_alone(self) -> None:
        assert paths(allowed_origins=["https://school.example", "*"]) == ["api.allowedOrigins.1"]

    def test_are_fifty_at_most(self) -> None:
        assert paths(allowed_origins=[f"https://s{number}.example" for number in range(50)]) == []
        assert paths(allowed_origins=[f"https://s{number}.example" for number in range(51)]) == ["api.allowedOrigins"]


def allowed(origin: str, *origins: str, host: str | None = "api.example", development: bool = False) -> bool:
    return origin_rules.is_origin_allowed(origin, origins, host=host, development=development)


class TestIsOriginAllowed:
    def test_takes_what_is_listed_to_the_letter(self) -> None:
        listed = "https://school.example"

        assert allowed(listed, listed)
        assert not any(
            allowed(origin, listed)
            for origin in ("http://school.example", "https://school.example:8443", "https://www.school.example", "https://school.example.evil.example", "null", "")
        )

    def test_takes_any_where_any_is_listed(self) -> None:
        assert allowed("https://anywhere.example", "*") and allowed("null", "*")

    def test_takes_pages_of_the_server_itself(self) -> None:
        assert allowed("https://api.example:8443", host="API.example:8443")
        assert not allowed("https://api.example", host="api.example:8443")
        assert not allowed("null", host="") and not allowed("null", host=None)

    @pytest.mark.parametrize("origin", ["http://localhost:3000", "http://localhost", "https://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:3000"])
    def test_takes_pages_of_this_machine_in_development_only(self, origin: str) -> None:
        assert allowed(origin, development=True)
        assert not allowed(origin)

    @pytest.mark.parametrize("origin", ["http://localhost.evil.example", "http://localhost:3000.evil.example", "http://127.0.0.1.evil.example", "https://evil.example"])
    def test_takes_no_other_page_in_development(self, origin: str) -> None:
        assert not allowed(origin, development=True)


class TestWhatATenantSays:
    def test_is_trimmed(self) -> None:
        said = rules.clean_changes({"name": " A School ", "primary_color": " #1F6F5C", "support_email": " "})

        assert said == {"name": "A School", "primary_color": "#1f6f5c", "support_email": None}

    @pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0", "\ud800", "a\u202eb", "x" * 201])
    def test_is_named_in_one_line(self, name: str) -> None:
        assert paths(name=name) == ["name"]

    @pytest.mark.parametrize("color", ["", "red", "#fff", "#12345g", "#1234567", "#123456; background: url(x)"])
    def test_has_a_color_in_six_digits(self, color: str) -> None:
        assert paths(primary_color=color) == ["primaryColor"]

    @pytest.mark.parametrize("email", ["help", "help@school", "a b@school.example", f"{'x' * 65}@school.example"])
    def test_has_an_address_for_help_or_none(self, email: str) -> None:
        assert paths(support_email=email) == ["supportEmail"]
        assert paths(support_email=None) == []
