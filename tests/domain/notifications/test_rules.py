"""Texts made harmless, colors that can be read, devices and networks in words, tokens that turn mails off."""

import re
from uuid import uuid4

import pytest

from lms_graph.domain.notifications.rules import colors, devices, links, texts, unsubscribe
from lms_graph.models.notifications import MailKind

KEYS = (b"a" * 32, b"b" * 32)


class TestTexts:
    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ("A School", "A School"),
            ("  A\t School ", "A School"),
            ("A\r\nBcc: x", "A Bcc: x"),
            ("A\u2028B\u0085C\x00D", "A B C D"),
            ("\u202eloohcS\u202c", "loohcS"),
            ("A\u200bB\ufeffC\u2060D", "ABCD"),
            ("می\u200cخواهم", "می\u200cخواهم"),
            ("Zoë 👩‍💻", "Zoë 👩‍💻"),
        ],
    )
    def test_one_line_is_one(self, written: str, shown: str) -> None:
        assert texts.one_line(written) == shown

    def test_a_long_name_ends_after_a_word(self) -> None:
        assert texts.one_line("school " * 40) == " ".join(["school"] * 11) + "…"
        assert texts.one_line("x" * 200) == "x" * 79 + "…"

    @pytest.mark.parametrize("written", ["http://evil.example", "evil.example/now", "www.evil.example", "me@evil.example", "ftp:evil", "1.2.3.4", "evil。example/x"])
    def test_nothing_in_a_name_is_an_address(self, written: str) -> None:
        shown = texts.name(f"Ada {written}")

        assert shown.replace("\u2060", "") == f"Ada {written}"
        assert not re.search(r"\w[.:/@。]\w|//", shown)

    @pytest.mark.parametrize("written", ["Dr. Ada Lovelace", "St. Gallen", "Ada, Countess", "Schule: Nord", "A / B"])
    def test_common_punctuation_stays_as_it_is(self, written: str) -> None:
        assert texts.name(written) == written

    def test_a_quote_keeps_its_lines(self) -> None:
        assert texts.quote("One.\r\n\r\n\r\n\r\nTwo\x00 \t x") == "One.\n\nTwo x"
        assert len(texts.quote("a" * 5_000)) == 2_001


class TestColors:
    @pytest.mark.parametrize("color", ["#ffffff", "#000000", "#ffd400", "#1f6f5c", "#777777", "#ff0000", "#00ff00", "#1f2937"])
    def test_words_on_it_and_in_it_can_be_read(self, color: str) -> None:
        assert colors.contrast(colors.on(color), color) >= 4.5
        assert colors.contrast(colors.ink(color), "#ffffff") >= 4.5

    def test_one_that_can_be_read_already_stays(self) -> None:
        assert colors.ink("#1f6f5c") == "#1f6f5c"
        assert colors.contrast("#000000", "#ffffff") == 21


class TestDevices:
    @pytest.mark.parametrize(
        ("agent", "told"),
        [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox, Windows"),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0", "Edge, Windows"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", "Safari, iPhone"),
            ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36", "Chrome, Android"),
            ("Mozilla/5.0 (X11; CrOS x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", "Chrome, ChromeOS"),
            ("curl/8.5 <b>Click http://evil.example</b>", None),
            ("", None),
            (None, None),
        ],
    )
    def test_are_told_in_our_words(self, agent: str | None, told: str | None) -> None:
        assert devices.device(agent) == told

    @pytest.mark.parametrize(
        ("address", "told"),
        [
            ("203.0.113.77", "203.0.113.*"),
            ("2001:db8:12:34::1", "2001:db8:12:*"),
            ("::1", "0:0:0:*"),
            ("::ffff:203.0.113.77", "203.0.113.*"),
            ("nonsense", None),
            ("", None),
            (None, None),
        ],
    )
    def test_networks_are_told_roughly(self, address: str | None, told: str | None) -> None:
        assert devices.network(address) == told


class TestLinks:
    def test_carry_the_token_where_there_is_one(self) -> None:
        assert links.address("https://a.example", MailKind.PASSWORD_RESET, "lnk_1.a+b&c") == "https://a.example/account/reset?token=lnk_1.a%2Bb%26c"
        assert links.address("https://a.example", MailKind.SIGN_IN_ALERT) == "https://a.example/account/sessions"
        assert links.address("https://a.example", MailKind.EMAIL_CHANGED) is None


class TestUnsubscribe:
    def test_a_token_says_whose_and_what(self) -> None:
        tenant_id, account_id = uuid4(), uuid4()

        token = unsubscribe.token(KEYS, tenant_id=tenant_id, account_id=account_id, kind=MailKind.SIGN_IN_ALERT)

        assert unsubscribe.read(KEYS, token) == (tenant_id, account_id, MailKind.SIGN_IN_ALERT)
        assert unsubscribe.read(KEYS[::-1], token) == (tenant_id, account_id, MailKind.SIGN_IN_ALERT)
        assert unsubscribe.read((b"c" * 32,), token) is None

    @pytest.mark.parametrize("kind", sorted(set(MailKind) - unsubscribe.OPTIONAL))
    def test_what_must_be_told_cannot_be_turned_off(self, kind: MailKind) -> None:
        assert unsubscribe.read(KEYS, unsubscribe.token(KEYS, tenant_id=uuid4(), account_id=uuid4(), kind=kind)) is None

    def test_a_token_that_was_touched_is_none(self) -> None:
        token = unsubscribe.token(KEYS, tenant_id=uuid4(), account_id=uuid4(), kind=MailKind.SIGN_IN_ALERT)

        for index in range(0, len(token) - 1):
            changed = token[:index] + ("A" if token[index] != "A" else "B") + token[index + 1 :]
            assert unsubscribe.read(KEYS, changed) is None
        for wrong in ("", "x", token[:-4], token[40:], "é", "=", "a" * 3, "A" * 300, token + "AAAA"):
            assert unsubscribe.read(KEYS, wrong) is None
