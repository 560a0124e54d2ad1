import asyncio

import pytest

from lms_graph.embedded import parts
from lms_graph.embedded.doctor import doctor

SERVERS = ("database", "Redis", "object store")


def findings(capsys):
    """The verdict on each part."""
    lines = [line for line in capsys.readouterr().out.splitlines() if line[:4].strip() in ("ok", "warn", "fail")]
    return {line[6:22].strip(): (line[:4].strip(), line[24:]) for line in lines}


class TestDoctor:
    def test_finds_the_embedded_parts_in_order(self, capsys):
        doctor({})

        found = findings(capsys)
        for part in ("Python", "packages", "database", "Redis", "object store", "Playwright", "ffmpeg", "disk"):
            assert found[part][0] == "ok", found[part]

    def test_finds_given_parts_in_order(self, capsys, servers):
        code = doctor(servers, only=SERVERS)

        found = findings(capsys)
        assert code == 0
        for part in SERVERS:
            assert found[part][0] == "ok", found[part]

    def test_fails_with_the_mend_when_nothing_answers(self, capsys):
        nowhere = dict.fromkeys(parts.S3_VARIABLES, "http://127.0.0.1:9")
        nowhere |= dict.fromkeys(parts.DATABASE_VARIABLES, "postgres://lms@127.0.0.1:9/lms")

        code = doctor(nowhere | {"REDIS_URL": "redis://127.0.0.1:9"}, only=SERVERS)

        printed = capsys.readouterr()
        assert code == 1
        assert "start that server, or correct DATABASE_URL" in printed.out
        assert "start that server, or correct REDIS_URL" in printed.out
        assert "check S3_ENDPOINT" in printed.out

    def test_fails_when_the_application_is_not_bound_by_row_policies(self, capsys, servers):
        code = doctor(servers | {"DATABASE_URL": servers["SUPERUSER_URL"]}, only=["database"])

        verdict, said = findings(capsys)["database"]
        assert code == 1
        assert verdict == "fail"
        assert "postgres is not bound by row policies" in said


class TestPayments:
    async def look(self, capsys, **environment):
        code = await asyncio.to_thread(doctor, environment, only=["payments"])
        printed = capsys.readouterr().out
        line = next(line for line in printed.splitlines() if line[6:].startswith("payments"))
        return code, line[:4].strip(), printed

    @pytest.mark.anyio
    async def test_with_a_good_key_are_in_order(self, capsys, environment, stripe):
        stripe.top_up(1200, "jpy")

        code, verdict, printed = await self.look(capsys, **environment)

        assert (code, verdict) == (0, "ok")
        assert "test mode" in printed
        assert "JPY" in printed
        assert "1 webhook secret" in printed
        assert environment["LMS_STRIPE_SECRET_KEY"] not in printed

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"LMS_STRIPE_SECRET_KEY": "sk_test_unknown"}, "does not accept the key"),
            ({"LMS_STRIPE_SECRET_KEY": "pk_test_open"}, "sk_ or rk_"),
            ({"LMS_STRIPE_URL": "http://127.0.0.1:9"}, "does not answer"),
            ({"LMS_STRIPE_WEBHOOK_SECRETS": " "}, "nobody hears that something was paid"),
            ({"LMS_STRIPE_WEBHOOK_SECRETS": "whsec_one,sk_test_two"}, "begin with whsec_"),
        ],
    )
    async def test_that_would_not_work_fail_with_the_mend(self, capsys, environment, stripe, changes, said):
        code, verdict, printed = await self.look(capsys, **environment | changes)

        assert (code, verdict) == (1, "fail")
        assert said in printed
        assert "→" in printed

    @pytest.mark.anyio
    async def test_that_are_not_set_are_a_warning(self, capsys):
        code, verdict, printed = await self.look(capsys)

        assert (code, verdict) == (0, "warn")
        assert "LMS_STRIPE_SECRET_KEY is not set" in printed
