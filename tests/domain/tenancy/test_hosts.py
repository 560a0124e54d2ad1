"""Which host names can be a tenant's, what proves them, and how long a proof may be gone."""

from datetime import UTC, datetime, timedelta

import pytest

from lms_graph.domain.tenancy.rules import hosts, proofs
from lms_graph.models.tenancy import DomainProblem, DomainStatus

OWN = "lms.example"
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def taken(text: str, own_host: str = OWN) -> str | None:
    """The host as it is kept, or None when it is refused."""
    host = hosts.clean_host(text)
    return host if hosts.problem_with_host(host, own_host=own_host) is None else None


class TestHosts:
    @pytest.mark.parametrize(
        ("said", "kept"),
        [
            ("learn.school.example", "learn.school.example"),
            (" Learn.SCHOOL.example. ", "learn.school.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("faß.example", "xn--fa-hia.example"),
            ("школа.рф", "xn--80atdl2c.xn--p1ai"),
            ("school。example", "school.example"),
            ("school.co.uk", "school.co.uk"),
            ("notlms.example", "notlms.example"),
            ("a.b.c.d.e.f.example", "a.b.c.d.e.f.example"),
            (f"{'a' * 63}.example", f"{'a' * 63}.example"),
        ],
    )
    def test_are_kept_as_dns_spells_them(self, said: str, kept: str) -> None:
        assert taken(said) == kept

    def test_that_look_alike_stay_apart(self) -> None:
        """A Cyrillic letter is seen in what is kept."""
        assert taken("аpple.example") == "xn--pple-43d.example"
        assert taken("apple.example") == "apple.example"

    @pytest.mark.parametrize(
        "host",
        [
            "", ".", "..", " ", "school", "localhost", "app.localhost", "printer.local", "db.internal", "x.home", "x.onion", "1.0.0.127.in-addr.arpa",
            "127.0.0.1", "10.1", "0x7f.1", "2130706433", "１２７.0.0.1", "[::1]", "::1", "2001:db8::1", "*.school.example", "*", "school.example:443", "https://school.example",
            "school.example/shop", "school.example?x", "user@school.example", "school..example", ".school.example", "school.example..", "-school.example", "school-.example", "my_school.example",
            "school .example", "school.example\n.evil.example", "school\0.example", "\ud800.example", "xn--zzzz.example", "xn--a.example", "☃.example", "a\u200d.example", "\u202eschool.example",
            "co.uk", "com.au", f"{'a' * 64}.example", ".".join(["a" * 60] * 4), ".".join(["a"] * 127), "a" * 100_000, "é" * 250 + ".example",
            "lms.example", "LMS.example", "demo.lms.example", "a.b.lms.example", "lms.example.",
        ],
    )  # fmt: skip
    def test_that_nobody_can_own_are_refused(self, host: str) -> None:
        assert taken(host) is None

    def test_below_the_platform_are_the_platforms_to_give(self) -> None:
        assert taken("demo.lms.example", own_host="") == "demo.lms.example"

    def test_leave_room_for_the_proof(self) -> None:
        longest = ".".join(["a" * 57] * 4)

        assert len(longest) == 231 and taken(longest) == longest
        assert taken("b." + longest) is None
        assert len(hosts.challenge_name(longest)) <= 253


class TestRecords:
    def test_are_a_proof_and_the_way_to_the_platform(self) -> None:
        assert hosts.records_of_host("learn.school.example", "abc", own_host=OWN) == [
            hosts.DnsRecord("TXT", "_lms-graph-challenge.learn.school.example", "lms-graph=abc"),
            hosts.DnsRecord("CNAME", "learn.school.example", OWN),
        ]

    @pytest.mark.parametrize(("own", "type"), [("192.0.2.1", "A"), ("2001:db8::1", "AAAA")])
    def test_name_an_address_where_the_platform_has_no_name(self, own: str, type: str) -> None:
        assert hosts.records_of_host("school.example", None, own_host=own) == [hosts.DnsRecord(type, "school.example", own)]  # type: ignore[arg-type]

    def test_of_mail_are_a_proof_and_what_the_mail_service_wants(self) -> None:
        records = hosts.MailRecords(spf="include:spf.mail.example", dkim=(("s1", "s1.dkim.mail.example"),))

        assert hosts.records_of_mail("school.example", "abc", records) == [
            hosts.DnsRecord("TXT", "_lms-graph-challenge.school.example", "lms-graph=abc"),
            hosts.DnsRecord("TXT", "school.example", "v=spf1 include:spf.mail.example ~all"),
            hosts.DnsRecord("CNAME", "s1._domainkey.school.example", "s1.dkim.mail.example"),
        ]

    def test_prove_by_their_whole_text_only(self) -> None:
        assert hosts.is_proven([" lms-graph=abc\t"], "abc")
        assert not any(hosts.is_proven([text], "abc") for text in ("abc", "lms-graph=abcd", "lms-graph=ab", "LMS-GRAPH=abc", "x lms-graph=abc", ""))
        assert not hosts.is_proven([], "abc")


def state(status: DomainStatus = DomainStatus.VERIFIED, *, since: timedelta | None = None, missed: int = 0) -> dict[str, object]:
    return {"status": status, "verified_at": NOW - timedelta(days=30), "missing_since": NOW - since if since is not None else None, "missed_checks": missed}


class TestProofs:
    @pytest.mark.parametrize("status", [DomainStatus.PENDING, DomainStatus.LAPSED])
    def test_that_are_found_verify(self, status: DomainStatus) -> None:
        assert proofs.after_check(state(status), None, NOW) == {"status": "VERIFIED", "verified_at": NOW, "missing_since": None, "missed_checks": 0, "problem": None}

    def test_that_are_found_again_end_the_count(self) -> None:
        after = proofs.after_check(state(since=timedelta(days=6), missed=6), None, NOW)

        assert (after["status"], after["verified_at"], after["missing_since"], after["missed_checks"]) == ("VERIFIED", NOW - timedelta(days=30), None, 0)

    @pytest.mark.parametrize(
        ("since", "missed", "status"),
        [
            (None, 0, "VERIFIED"),
            (timedelta(days=6, hours=23), 7, "VERIFIED"),
            (timedelta(days=30), 1, "VERIFIED"),
            (timedelta(days=7), 2, "LAPSED"),
        ],
    )
    def test_that_are_gone_lapse_after_seven_days_and_three_looks(self, since: timedelta | None, missed: int, status: str) -> None:
        after = proofs.after_check(state(since=since, missed=missed), DomainProblem.PROOF_MISSING, NOW)

        assert after == {"status": status, "missing_since": NOW - (since or timedelta()), "missed_checks": missed + 1, "problem": "PROOF_MISSING"}

    def test_do_not_lapse_while_dns_is_silent(self) -> None:
        assert proofs.after_check(state(since=timedelta(days=90), missed=90), DomainProblem.DNS_UNREACHABLE, NOW) == {"problem": "DNS_UNREACHABLE"}

    @pytest.mark.parametrize("status", [DomainStatus.PENDING, DomainStatus.LAPSED])
    def test_that_never_stood_do_not_lapse(self, status: DomainStatus) -> None:
        assert proofs.after_check(state(status, since=timedelta(days=90), missed=90), DomainProblem.PROOF_MISSING, NOW) == {"problem": "PROOF_MISSING"}

    def test_are_looked_up_once_in_ten_seconds(self) -> None:
        waits = [proofs.seconds_to_wait(NOW - timedelta(seconds=ago), NOW) for ago in (0, 0.1, 9.7, 10, 11)]

        assert waits == [10, 10, 1, 0, 0]
        assert proofs.seconds_to_wait(None, NOW) == 0
