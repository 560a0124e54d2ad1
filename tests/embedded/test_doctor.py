import pytest

from lms_graph.embedded import parts
from lms_graph.embedded.doctor import doctor

SERVERS = ("database", "Redis", "object store")


def findings(capsys):
    """The verdict on each part."""
    lines = [line for line in capsys.readouterr().out.splitlines() if line[:4].strip() in ("ok", "warn", "fail")]
    return {line[6:22].strip(): (line[:4].strip(), line[24:]) for line in lines}


class TestDoctor:
    @pytest.mark.slow
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
