"""`lms-graph doctor`: tries every part for real, the given servers or the embedded ones, and names the mend of each failure."""

import asyncio
import importlib.metadata
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from lms_graph.embedded import parts, postgres
from lms_graph.embedded.dev import require_free
from lms_graph.embedded.processes import PartFailed

if TYPE_CHECKING:
    import asyncpg
    from playwright.sync_api import Playwright

LOCK = Path(__file__).parents[3] / "requirements.lock"
FETCH_CHROMIUM = f"{sys.executable} -m lms_graph.integrations.chromium fetch"
EXTENSIONS = ("pg_trgm", "unaccent", "btree_gin")
GIGABYTE = 2**30
STRIPE = "https://api.stripe.com"


class Broken(Exception):
    """A part that does not work; `mend` is what to run or to set."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(problem)
        self.mend = mend


class Lacking(Broken):
    """Something the product works without, only less well."""


@dataclass(frozen=True)
class Check:
    part: str
    run: Callable[[Mapping[str, str]], str]
    """Says what was found; raises when it is broken."""
    mend: str
    """For failures that `run` did not foresee."""


def doctor(environment: Mapping[str, str], *, only: Collection[str] = ()) -> int:
    """Prints one line per part (of `only`, or of all), ok, warn or fail; returns 1 when anything failed."""
    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    failed = 0
    checks = [check for check in CHECKS if not only or check.part in only]
    for check in checks:
        with console.status(f"{check.part} …"):
            verdict, said, mend = _result(check, environment)
        failed += verdict == "fail"
        console.print(f"{verdict:<4}  {check.part:<16}  {said}")
        if mend:
            console.print(f"{'':24}→ {mend}")
    console.print(f"{failed} of {len(checks)} parts failed." if failed else "Everything needed is here.")
    return 1 if failed else 0


def _result(check: Check, environment: Mapping[str, str]) -> tuple[str, str, str | None]:
    try:
        return "ok", check.run(environment), None
    except Lacking as lack:
        return "warn", str(lack), lack.mend
    except Broken as broken:
        return "fail", str(broken), broken.mend
    except Exception as error:  # noqa: BLE001 — whatever a broken part may raise is a finding
        return "fail", f"{type(error).__name__}: {error}".strip(), check.mend


def _python(environment: Mapping[str, str]) -> str:
    return f"{sys.version.split()[0]} at {sys.executable}"


def _packages(environment: Mapping[str, str]) -> str:
    from packaging.requirements import Requirement

    lines = importlib.metadata.requires("lms-graph") or []
    if LOCK.exists():  # in a checkout
        lines = [line.rstrip(" \\") for line in LOCK.read_text().splitlines() if line[:1].isalnum()]
    wrong = []
    for requirement in map(Requirement, lines):
        if requirement.marker and not requirement.marker.evaluate({"extra": "embedded"}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            version = "missing"
        if not (version != "missing" and requirement.specifier.contains(version, prereleases=True)):
            wrong.append(f"{requirement} ({version})")
    if wrong:
        raise Broken(f"{len(wrong)} of {len(lines)} are not as locked: {', '.join(wrong[:5])}", "run ./dev, which installs them")
    return f"{len(lines)} requirements, as locked"


def _database(environment: Mapping[str, str]) -> str:
    with _part(environment, parts.DATABASE_VARIABLES) as found:
        return asyncio.run(_try_database(found))


async def _try_database(found: Mapping[str, str]) -> str:
    import asyncpg

    from lms_graph.models import database

    roles = []
    for variable in parts.DATABASE_VARIABLES:
        try:
            connection = await asyncio.wait_for(database.connect(found[variable]), 10)
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            raise Broken(f"{variable}: {error or type(error).__name__}", f"start that server, or correct {variable}") from None
        try:
            role = await connection.fetchval("SELECT current_user")
            roles.append(role)
            if variable == "DATABASE_OWNER_URL":
                await _require_extensions(connection)
                continue
            mighty = await connection.fetchval("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            if mighty:
                raise Broken(f"{variable}: role {role} is not bound by row policies", f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS")
            open_tables = await connection.fetchval(
                "SELECT string_agg(oid::regclass::text, ', ') FROM pg_class WHERE relkind IN ('r', 'p') AND relrowsecurity AND NOT row_security_active(oid)"
            )
            if open_tables:
                raise Broken(f"{variable}: row policies do not bind {role} on {open_tables}", "use a role that owns no table")
            version = await connection.fetchval("SHOW server_version")
        finally:
            await connection.close()
    if len(set(roles)) != len(roles):
        raise Broken(f"the three addresses share a role: {', '.join(roles)}", "use three roles: application, owner, system")
    return f"PostgreSQL {version}, roles {', '.join(roles)}; row policies bind"


async def _require_extensions(connection: "asyncpg.Connection") -> None:
    there = await connection.fetch("SELECT extname FROM pg_extension")
    lacking = set(EXTENSIONS) - {row["extname"] for row in there}
    if lacking:
        statements = " ".join(f"CREATE EXTENSION {name};" for name in sorted(lacking))
        raise Broken(f"lacks {', '.join(sorted(lacking))}", f"run lms-graph migrate, or as a superuser: {statements}")


def _redis(environment: Mapping[str, str]) -> str:
    import redis

    with _part(environment, parts.REDIS_VARIABLES) as found, redis.Redis.from_url(found["REDIS_URL"], socket_timeout=10) as client:
        try:
            facts = client.info()
        except redis.RedisError as error:
            raise Broken(f"REDIS_URL: {error}", "start that server, or correct REDIS_URL") from None
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise Lacking(f"forgets jobs when memory is short ({policy})", "CONFIG SET maxmemory-policy noeviction")
    return f"{facts.get('server_name', 'redis')} {facts.get('valkey_version') or facts['redis_version']}, keeps all keys"


def _store(environment: Mapping[str, str]) -> str:
    with _part(environment, parts.S3_VARIABLES) as found:
        asyncio.run(_try_store(found))
        return f"wrote, read and deleted a file in bucket {found['S3_BUCKET']}"


async def _try_store(found: Mapping[str, str]) -> None:
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    key, body = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(1000)
    async with get_session().create_client(
        "s3",
        endpoint_url=found["S3_ENDPOINT"],
        region_name=found["S3_REGION"],
        aws_access_key_id=found["S3_ACCESS_KEY_ID"],
        aws_secret_access_key=found["S3_SECRET_ACCESS_KEY"],
        config=AioConfig(s3={"addressing_style": "path"}, connect_timeout=10, retries={"max_attempts": 1}),
    ) as client:
        await client.put_object(Bucket=found["S3_BUCKET"], Key=key, Body=body)
        read = await (await client.get_object(Bucket=found["S3_BUCKET"], Key=key))["Body"].read()
        await client.delete_object(Bucket=found["S3_BUCKET"], Key=key)
    if read != body:
        raise Broken("what was read is not what was written", "look into the store at S3_ENDPOINT")


def _mail(environment: Mapping[str, str]) -> str:
    from lms_graph.integrations.no_mailer import MEND

    if not environment.get("LMS_MAIL_URL"):
        raise Lacking("LMS_MAIL_URL is not set: mails wait, and after half a day are given up (./dev brings a mailbox)", MEND)
    if not environment.get("LMS_MAIL_FROM"):
        raise Broken("LMS_MAIL_FROM is not set: mails have no sender", MEND)
    return asyncio.run(_try_mail(environment["LMS_MAIL_URL"]))


async def _try_mail(url: str) -> str:
    from lms_graph.kit.errors import Unavailable
    from lms_graph.wiring import mail_carrier

    try:
        async with mail_carrier(url) as mailer:
            return await mailer.check()
    except SystemExit as wrong:
        raise Broken(str(wrong), "correct LMS_MAIL_URL") from None
    except Unavailable as error:
        raise Broken(str(error), "start that server, or correct LMS_MAIL_URL") from None


def _payments(environment: Mapping[str, str]) -> str:
    key = environment.get("LMS_STRIPE_SECRET_KEY")
    if not key:
        raise Lacking("LMS_STRIPE_SECRET_KEY is not set: only schools with keys of their own can sell (./dev brings a twin)", "set it and LMS_STRIPE_WEBHOOK_SECRETS")
    if not key.startswith(("sk_", "rk_")):
        raise Broken("LMS_STRIPE_SECRET_KEY is no secret key: those begin with sk_ or rk_", "take it from Stripe's dashboard, under API keys")
    secrets = [secret.strip() for secret in environment.get("LMS_STRIPE_WEBHOOK_SECRETS", "").split(",") if secret.strip()]
    if not secrets:
        raise Broken("LMS_STRIPE_WEBHOOK_SECRETS is not set: nobody hears that something was paid", "make the webhook endpoints at Stripe, and set their signing secrets")
    if not all(secret.startswith("whsec_") for secret in secrets):
        raise Broken("LMS_STRIPE_WEBHOOK_SECRETS holds what is no signing secret: those begin with whsec_", "take them from the webhook endpoints at Stripe")
    mode = "test" if "_test_" in key else "live"
    currencies = asyncio.run(_try_payments(key, environment.get("LMS_STRIPE_URL") or STRIPE))
    return f"takes the key ({mode} mode), balances in {', '.join(currencies) or 'no currency yet'}; {len(secrets)} webhook secret{'s' if len(secrets) > 1 else ''}"


async def _try_payments(key: str, url: str) -> list[str]:
    from lms_graph.domain.payouts.ports import PaymentRefused
    from lms_graph.integrations.stripe import StripePayments
    from lms_graph.kit.errors import Unavailable

    payments = StripePayments(secret_key=key, webhook_secrets=(), url=url, timeout=10)
    try:
        return [balance.currency for balance in await payments.gateway().balance()]
    except (Unavailable, PaymentRefused) as error:
        raise Broken(str(error), "correct LMS_STRIPE_SECRET_KEY, or LMS_STRIPE_URL where it is set") from None
    finally:
        await payments.aclose()


@contextmanager
def _part(environment: Mapping[str, str], variables: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """The given server of one part, or an embedded one for as long as the check takes."""
    others = {name: "-" for name in parts.VARIABLES if name not in variables}
    given = {name: environment[name] for name in variables if name in environment}
    with tempfile.TemporaryDirectory(prefix="lms-graph-doctor-") as folder:
        try:
            with parts.running(Path(folder), environment=others | given, durable=False) as running:
                yield running.environment
        except PartFailed as failure:
            raise Broken(str(failure), f"run ./dev, or set {', '.join(variables)} to a server of your own") from None


def _driver(environment: Mapping[str, str]) -> str:
    with _playwright():
        return "starts"


def _chromium(environment: Mapping[str, str]) -> str:
    with _page(environment) as (program, version, _):
        return f"{version} at {program}"


def _fonts(environment: Mapping[str, str]) -> str:
    # Without any font Chromium prints pages with no text at all, and says nothing.
    with _page(environment) as (_, _, width):
        if width < 10:
            raise Broken("Chromium finds none: certificates would have no text", "apt-get install -y fonts-dejavu-core")
    return "Chromium finds one"


@contextmanager
def _playwright() -> Iterator["Playwright"]:
    from playwright.sync_api import sync_playwright

    from lms_graph.integrations.chromium import prepare_driver

    prepare_driver()
    try:
        started = sync_playwright().start()
    except Exception as error:  # noqa: BLE001 — it has no type for this
        raise Broken(f"Playwright's Node does not start ({error})", "apt-get install -y libatomic1") from None
    try:
        yield started
    finally:
        started.stop()


@contextmanager
def _page(environment: Mapping[str, str]) -> Iterator[tuple[Path, str, float]]:
    """Chromium's path and version, and how wide it draws a word."""
    from lms_graph.integrations.chromium import browser_env, find_chromium

    program = find_chromium(environment.get("CHROMIUM_PATH"))
    if program is None:
        raise Lacking("not found: certificates wait for it", FETCH_CHROMIUM)
    with _playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            env={**browser_env(program)},
        )
        try:
            page = browser.new_page()
            page.set_content("<span>certificate</span>")
            yield program, browser.version, page.evaluate("document.querySelector('span').getBoundingClientRect().width")
        finally:
            browser.close()


def _ffmpeg(environment: Mapping[str, str]) -> str:
    import imageio_ffmpeg

    program = imageio_ffmpeg.get_ffmpeg_exe()
    shown = subprocess.run([program, "-version"], capture_output=True, text=True, check=True, timeout=30).stdout
    return f"{' '.join(shown.split()[:3])} at {program}"


def _namespaces(environment: Mapping[str, str]) -> str:
    if os.geteuid() != 0:
        return "not needed: not root"
    if not postgres.user_namespaces_work():
        raise Lacking("root cannot make them: embedded PostgreSQL runs as nobody instead", "run as an ordinary user, or allow them")
    return "allowed"


def _disk(environment: Mapping[str, str]) -> str:
    free = shutil.disk_usage(Path.cwd()).free / GIGABYTE
    said = f"{free:.1f} GB free in {Path.cwd()}"
    if free < 0.5:
        raise Broken(said, "make room, or use --data on another disk")
    if free < 3:
        raise Lacking(said, "make room: videos take some")
    return said


def _port(environment: Mapping[str, str]) -> str:
    try:
        require_free(8000)
    except PartFailed:
        raise Lacking("8000 is taken (perhaps by lms-graph itself)", "lms-graph dev --port 8001") from None
    return "8000 is free"


CHECKS = (
    Check("Python", _python, "install Python 3.11 or later"),
    Check("packages", _packages, "run ./dev, which installs them"),
    Check("database", _database, "start the server that DATABASE_URL names, or unset it"),
    Check("Redis", _redis, "start the server that REDIS_URL names, or unset it"),
    Check("object store", _store, "check S3_ENDPOINT, the bucket and the keys, or unset all S3_ variables"),
    Check("mail", _mail, "correct LMS_MAIL_URL"),
    Check("payments", _payments, "correct LMS_STRIPE_SECRET_KEY"),
    Check("Playwright", _driver, "run ./dev, which installs it"),
    Check("Chromium", _chromium, FETCH_CHROMIUM),
    Check("fonts", _fonts, FETCH_CHROMIUM),
    Check("ffmpeg", _ffmpeg, "run ./dev, which installs it"),
    Check("user namespaces", _namespaces, "run as an ordinary user"),
    Check("disk", _disk, "make room"),
    Check("port", _port, "lms-graph dev --port 8001"),
)
