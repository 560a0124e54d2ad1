"""`lms-graph`: its verbs, run as an operator runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

VERBS = ["dev", "serve", "worker", "migrate", "schema", "seed", "demo", "doctor", "explorer", "jobs", "platform", "tenant"]


def run(*arguments: str, environment: dict[str, str] | None = None, cwd: Path | None = None, said: str = "") -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("LMS_", "DATABASE_", "REDIS_", "S3_"))}
    return subprocess.run([sys.executable, "-m", "lms_graph.cli", *arguments], env=clean | (environment or {}), cwd=cwd, input=said, capture_output=True, text=True, timeout=120)


def test_help_lists_every_verb() -> None:
    said = run("--help").stdout

    assert all(f" {verb} " in said for verb in VERBS)


def test_export_writes_the_checked_in_schema(tmp_path: Path) -> None:
    assert run("schema", "export", cwd=tmp_path).returncode == 0
    assert (tmp_path / "schema.graphql").read_text() == (Path(__file__).parents[2] / "schema.graphql").read_text()


@pytest.mark.parametrize("verb", ["serve", "worker", "migrate", "seed"])
def test_a_verb_without_settings_lists_what_is_missing(verb: str) -> None:
    said = run(verb)

    assert said.returncode != 0
    assert "DATABASE_URL" in said.stderr + said.stdout
    assert "S3_BUCKET" in said.stderr + said.stdout
    assert "Traceback" not in said.stderr


def test_migrate_and_seed_can_be_run_again(environment: dict[str, str]) -> None:
    assert run("migrate", environment=environment).returncode == 0
    given_up = run("jobs", "dead", "list", environment=environment).stdout  # by other tests, on the same database
    first = run("seed", environment=environment)
    second = run("seed", environment=environment)

    assert first.returncode == 0, first.stderr
    assert first.stdout.count("(published)") == 7
    assert second.stdout.count("(unchanged)") == 7
    assert run("jobs", "dead", "list", environment=environment).stdout == given_up


def test_demo_says_when_no_server_answers() -> None:
    said = run("demo", "--url", "http://127.0.0.1:9")

    assert said.returncode == 1
    assert "./dev" in said.stderr


def test_a_fresh_deployment_gets_its_first_platform_admin_and_school(environment: dict[str, str]) -> None:
    made = run("platform", "admin", "pat@platform.example", environment=environment, said="a quiet blue harbour\n")
    again = run("platform", "admin", "pat@platform.example", environment=environment)
    weak = run("platform", "admin", "other@platform.example", environment=environment, said="short\n")
    school = run("tenant", "create", "first-school", "First School", "--admin-email", "head@school.example", environment=environment)
    twice = run("tenant", "create", "first-school", "First School", environment=environment)

    assert made.returncode == 0, made.stderr
    assert again.returncode == 0, again.stderr
    assert weak.returncode == 1 and "10 to 128 characters" in weak.stderr
    assert school.returncode == 0 and school.stdout.startswith("tnt_"), school.stderr
    assert twice.returncode == 1 and "Another school has this slug" in twice.stderr
    assert "Traceback" not in weak.stderr + twice.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        {"LMS_DNS_SERVERS": "dns.school.example"},
        {"LMS_DNS_SERVERS": "192.0.2.1,192.0.2.1:x"},
        {"LMS_MAIL_DKIM": "s1"},
        {"LMS_MAIL_SPF": 'a"b'},
        {"LMS_STRIPE_SECRET_KEY": "pk_test_public"},
        {"LMS_STRIPE_WEBHOOK_SECRETS": "sk_test_hidden"},
        {"LMS_STRIPE_SECRET_KEY": "sk_test_hidden", "LMS_STRIPE_WEBHOOK_SECRETS": ""},
    ],
)
def test_a_setting_that_makes_no_sense_is_named(environment: dict[str, str], wrong: dict[str, str]) -> None:
    said = run("tenant", "create", "a-school", "A School", environment=environment | wrong)

    assert said.returncode != 0
    assert next(iter(wrong)) in said.stderr and "Traceback" not in said.stderr
    assert "hidden" not in said.stderr
