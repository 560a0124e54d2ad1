"""What must not be written down is not, wherever it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_graph.telemetry.redaction import DEEPEST, LONGEST_TEXT, REDACTED, hide, redacted, text_redacted

SECRET = "hunter2hunter2"


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "password",
            "newPassword",
            "refreshToken",
            "secondFactorToken",
            "recoveryCode",
            "currentPassword",
            "access_token",
            "Authorization",
            "set-cookie",
            "email",
            "eMail",
            "code",
            "client_secret",
            "X-Api-Key",
            "apiKey",
            "dsn",
        ],
    )
    def test_what_stands_under_a_telling_name_is_taken_out(self, name: str) -> None:
        assert redacted({name: SECRET, "kept": 1}) == {name: REDACTED, "kept": 1}

    @pytest.mark.parametrize("name", ["codes", "close_code", "name", "status", "path"])
    def test_what_stands_under_a_harmless_name_stays(self, name: str) -> None:
        assert redacted({name: "NOT_FOUND"}) == {name: "NOT_FOUND"}

    def test_it_is_found_at_any_depth(self) -> None:
        assert redacted({"a": [{"b": ({"password": SECRET},)}]}) == {"a": [{"b": [{"password": REDACTED}]}]}

    def test_what_is_nested_without_end_is_cut(self) -> None:
        endless: dict[str, object] = {}
        endless["again"] = endless

        assert str(redacted(endless)).count("again") == DEEPEST + 1

    def test_an_object_is_searched_as_its_repr(self) -> None:
        class Form:
            def __repr__(self) -> str:
                return f"Form(password='{SECRET}')"

        assert redacted([Form()]) == [f"Form(password={REDACTED})"]

    def test_an_object_whose_repr_fails_is_named_by_its_class(self) -> None:
        class Broken:
            def __repr__(self) -> str:
                raise ValueError(SECRET)

        assert redacted(Broken()) == "<Broken>"


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "left"),
        [
            (f"Authorization: Bearer {SECRET}", f"Authorization: {REDACTED}"),
            (f"sent bearer {SECRET}!", f"sent bearer {REDACTED}!"),
            ("mail to ada.b+c@school.example now", f"mail to {REDACTED} now"),
            ("Key (email)=(ada@school.example) exists", f"Key (email)=({REDACTED}) exists"),
            ("Key (token_hash)=(\\x6162) exists", f"Key (token_hash)={REDACTED} exists"),
            (f"postgres://lms:{SECRET}@db/lms", f"postgres://{REDACTED}@db/lms"),
            (f"{{'password': '{SECRET}', 'n': 1}}", f"{{'password': {REDACTED}, 'n': 1}}"),
            ('{"newPassword": "a \\"quoted\\" one", "n": 1}', f'{{"newPassword": {REDACTED}, "n": 1}}'),
            ('{\\"password\\": \\"two words\\", \\"n\\": 1}', f'{{\\"password\\": {REDACTED}, \\"n\\": 1}}'),
            (f"password={SECRET}&n=1", f"password={REDACTED}&n=1"),
            ("got lms_sk_" + "a1B2" * 10 + "_abc123!", f"got {REDACTED}!"),
            ("X: lms_pk_abc", f"X: {REDACTED}"),
            ("https://store/file?X-Amz-Signature=0a1b2c&n=1", f"https://store/file?X-Amz-Signature={REDACTED}&n=1"),
            ("nothing to hide: 3 of 4 tokens", "nothing to hide: 3 of 4 tokens"),
        ],
    )
    def test_what_looks_like_a_secret_is_taken_out(self, text: str, left: str) -> None:
        assert text_redacted(text) == left

    def test_a_long_text_keeps_its_beginning_and_its_end(self) -> None:
        shown = text_redacted("begin" + "x" * 1_000_000 + "end")

        assert len(shown) < LONGEST_TEXT + 10
        assert shown.startswith("begin")
        assert shown.endswith("end")

    @given(st.text(alphabet=" \"'\\=:@.{}[](),token passwrdbemil\n", max_size=200))
    def test_no_text_fails(self, text: str) -> None:
        assert isinstance(text_redacted(text), str)


class TestHide:
    @pytest.fixture(autouse=True)
    def _end(self) -> object:
        yield
        hide(None)

    @pytest.mark.parametrize("secret", [SECRET, 'with "quotes" and \\', "zwei\nZeilen", "schlüssel-äöü"])
    @pytest.mark.parametrize("quoting", ["{}", "got {!r} there", "{!a}"])
    def test_what_was_sent_is_taken_out_of_any_text(self, secret: str, quoting: str) -> None:
        hide({"input": {"password": secret, "kept": "visible"}})

        shown = text_redacted(quoting.format(secret) + " visible")

        assert secret not in shown
        assert ascii(secret)[1:-1] not in shown
        assert REDACTED in shown
        assert shown.endswith(" visible")

    def test_a_number_under_a_telling_name_is_taken_out_as_text(self) -> None:
        hide({"code": 271828, "newPassword": [31.4159], "seconds": 1618})

        assert text_redacted("of 271828, 31.4159 and 1618") == f"of {REDACTED}, {REDACTED} and 1618"

    def test_what_else_was_sent_is_asked_for_when_something_is_written_and_once(self) -> None:
        asked = []

        def more() -> list[dict[str, str]]:
            asked.append(1)
            return [{"password": SECRET}, {"name": "Ada"}]

        hide({"token": "from a variable"}, more)
        assert asked == []

        assert [text_redacted(f"from a variable, {SECRET}, Ada") for _ in range(2)] == [f"{REDACTED}, {REDACTED}, Ada"] * 2
        assert asked == [1]

    def test_it_ends(self) -> None:
        hide({"password": SECRET})
        hide(None)

        assert text_redacted(f"x {SECRET}") == f"x {SECRET}"
