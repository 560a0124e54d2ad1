"""The operator's verbs: `lms-graph --help` lists them.

Each verb imports what it needs when it runs, so that help comes at once.
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from lms_graph.settings import Settings

T = TypeVar("T")

app = App(
    name="lms-graph",
    help="A headless course-commerce backend: one GraphQL API for catalog, access, learning and certificates.",
)


@app.command
def dev(
    *,
    port: Annotated[int, Parameter(help="Where the API listens.")] = 8000,
    data: Annotated[Path, Parameter(help="Folder for database, files and logs; made when missing.")] = Path(".data"),
) -> int:
    """Start everything on this machine: database, Redis, file store, mailbox, the API, the worker and a demo school.

    Nothing needs to be installed or configured. To use servers of your own, set DATABASE_URL, DATABASE_OWNER_URL and
    DATABASE_SYSTEM_URL, or REDIS_URL, or S3_ENDPOINT, S3_REGION, S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY,
    or LMS_MAIL_URL and LMS_MAIL_FROM.
    Ctrl-C stops everything; what you did stays in the data folder.
    """
    from lms_graph.embedded.dev import dev

    return dev(port=port, data=data)


@app.command
def doctor() -> int:
    """Check every part this machine needs, and say what mends those that are missing or broken."""
    import os

    from lms_graph.embedded.doctor import doctor

    return doctor(os.environ)


@app.command
def serve(
    *,
    host: Annotated[str, Parameter(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="The port to listen on.")] = 8000,
) -> None:
    """Serve the API. Reads the environment: `lms-graph doctor` says what is missing."""
    import gc

    settings = _settings()  # first: what is missing is told at once
    gc.disable()  # until the server has started: what is loaded stays, and looking through it takes an eighth of the time

    from lms_graph.asgi import application
    from lms_graph.web.server import Server

    server = Server(application(settings), host=host, port=port, drain_seconds=settings.drain_seconds)
    server.run()
    if not server.started:
        raise SystemExit(3)


@app.command
def worker() -> None:
    """Run jobs, the relay of facts and the clock. Any number of workers may run."""
    import asyncio

    settings = _settings()

    from lms_graph.worker import work

    asyncio.run(work(settings))


@app.command
def migrate() -> None:
    """Bring roles, extensions and tables up to date, as the owner of the tables (DATABASE_OWNER_URL)."""
    import asyncio

    from lms_graph.models.database import TablesInUse, migrate

    settings = _settings()
    if settings.database_owner_url is None:
        raise SystemExit("DATABASE_OWNER_URL is missing: migrations run as the owner of the tables.")
    try:
        asyncio.run(migrate(settings.database_owner_url.get_secret_value(), settings.database_url.get_secret_value(), settings.database_system_url.get_secret_value()))
    except (PermissionError, TablesInUse) as refused:
        raise SystemExit(str(refused)) from None
    print("The database is up to date.")


@app.command
def seed() -> None:
    """Make the demo school, or bring it up to date: courses, people, sign-ins, offers. Doing it again is safe."""
    import asyncio

    asyncio.run(_seed())


async def _seed() -> None:
    from rich.console import Console
    from rich.progress import Progress

    from lms_graph.domain.interop.operations.school_folder import import_school
    from lms_graph.wiring import running

    console = Console()
    async with running(_settings()) as adapters:
        with Progress(console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("Demo school", total=None)
            async for step in import_school(root=Path(__file__).parent / "demo", objects=adapters.objects, probe=adapters.video_probe):
                progress.update(task, total=step.of, completed=step.number, description=step.what)
                if not console.is_terminal:
                    print(f"{step.number}/{step.of} {step.what}", flush=True)


@app.command
def demo(
    *,
    url: Annotated[str, Parameter(help="The server to play on.")] = "http://localhost:8000",
    tenant: Annotated[str, Parameter(help="The school's slug.")] = "demo",
    out: Annotated[Path, Parameter(help="Where to leave the certificate's PDF.")] = Path("out"),
) -> None:
    """Play a learner's whole way on a running server: browse, sign up, enroll, watch, pass the quiz, get the certificate."""
    import asyncio

    from lms_graph.embedded.story import StoryBroken, play

    try:
        asyncio.run(play(url=url, tenant=tenant, out=out))
    except StoryBroken as broken:
        raise SystemExit(str(broken)) from None


schema = App(name="schema", help="The GraphQL schema.")
app.command(schema)


@schema.command
def export(path: Annotated[Path, Parameter(help="Where to write it.")] = Path("schema.graphql")) -> None:
    """Write the schema in SDL, sorted, as it is checked in."""
    from lms_graph.schema import sdl

    path.write_text(sdl())
    print(f"{path} written.")


platform = App(name="platform", help="Those who run the platform: they make schools, over the API.")
app.command(platform)


@platform.command(name="admin")
def platform_admin(
    email: Annotated[str, Parameter(help="Their address.")], *, name: Annotated[str, Parameter(help="Their name, for a new account.")] = "Platform administrator"
) -> None:
    """Let an address run the platform. The platform's own tenant, slug `platform`, is made at first need.

    An account that is there keeps its password. For a new one it is asked, or read from standard input.
    """
    import getpass

    from lms_graph.domain.identity.operations import schools
    from lms_graph.kit.errors import DomainError

    password = getpass.getpass("Password, for a new account: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        _in_database(lambda: schools.make_platform_admin(email=email, name=name, password=password))
    except DomainError as refused:
        raise SystemExit(str(refused)) from None
    print(f"{email} runs the platform: sign in with `X-Tenant: {schools.PLATFORM}`.")


tenant = App(name="tenant", help="Schools.")
app.command(tenant)


@tenant.command(name="create")
def create_tenant(
    slug: Annotated[str, Parameter(help="Its name in X-Tenant, for good.")],
    name: Annotated[str, Parameter(help="What it is called.")],
    *,
    admin_email: Annotated[str | None, Parameter(help="Its first administrator, who gets an invitation.")] = None,
    locale: Annotated[str, Parameter(help="Language tag of pages and mails.")] = "en",
    currency: Annotated[str, Parameter(help="ISO 4217 code of its prices.")] = "USD",
) -> None:
    """Make a school, as `tenantCreate` does over the API."""
    from lms_graph.domain.identity.operations import schools
    from lms_graph.kit.caller import Caller
    from lms_graph.kit.errors import DomainError
    from lms_graph.kit.ids import public_id

    async def create() -> str:
        caller = Caller.system(await schools.platform_id())
        return public_id("tnt", await schools.open_school(caller=caller, slug=slug, name=name, admin_email=admin_email, locale=locale, currency=currency))

    try:
        print(f"{_in_database(create)} {slug}")
    except DomainError as refused:
        raise SystemExit(str(refused)) from None


explorer = App(name="explorer", help="The page that a browser gets at /graphql.")
app.command(explorer)


@explorer.command
def build() -> None:
    """Build it from a checkout, where it is missing or older than its sources. `lms-graph dev` does so by itself."""
    from lms_graph.embedded.explorer import build
    from lms_graph.embedded.processes import PartFailed

    try:
        build(lambda line: print(line, flush=True))
    except PartFailed as failure:
        raise SystemExit(str(failure)) from None


jobs = App(name="jobs", help="Work that follows from facts.")
app.command(jobs)
dead = App(name="dead", help="Work that was given up after many tries.")
jobs.command(dead)


@dead.command(name="list")
def list_dead(*, limit: Annotated[int, Parameter(help="How many at most.")] = 100) -> None:
    """List what was given up, latest first: id, job, fact, tries and the last error."""
    from lms_graph.outbox import store

    rows = _in_database(lambda: store.dead(limit=limit))
    for row in rows:
        print(f"{row.id}  {row.reaction}  after {row.fact}  {row.attempts} tries  {row.error}")
    print(f"{len(rows)} given up." if rows else "Nothing was given up.")


@dead.command
def requeue(*ids: Annotated[str, Parameter(help="Ids from `jobs dead list`; none means all.")]) -> None:
    """Try again what was given up."""
    from uuid import UUID

    from lms_graph.outbox import store

    count = _in_database(lambda: store.requeue([UUID(id) for id in ids] or None))
    print(f"{count} will be tried again.")


def _in_database(call: Callable[[], Awaitable[T]]) -> T:
    """Run one call with the environment's database open."""
    import asyncio

    from lms_graph.models.database import close_database, open_database

    settings = _settings()

    async def run() -> T:
        await open_database(settings.database_url.get_secret_value(), settings.database_system_url.get_secret_value())
        try:
            return await call()
        finally:
            await close_database()

    return asyncio.run(run())


def _settings() -> "Settings":
    """The environment's settings, and the log set up as they say."""
    from lms_graph.settings import Settings
    from lms_graph.telemetry import logs

    settings = Settings.from_env()
    logs.set_up(level=settings.log_level, format=settings.log_format)
    return settings


def main() -> None:
    sys.exit(app())


if __name__ == "__main__":
    main()
