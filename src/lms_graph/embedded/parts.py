"""Starts the servers the product needs and the environment does not name: PostgreSQL, Redis, an S3 store and a mail server."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lms_graph.embedded import postgres
from lms_graph.embedded.mailbox import mailbox
from lms_graph.embedded.object_store import ObjectStore
from lms_graph.embedded.postgres import Postgres
from lms_graph.embedded.processes import DataFolder, PartFailed, data_folder
from lms_graph.embedded.valkey import Valkey

DATABASE_VARIABLES = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SYSTEM_URL")
REDIS_VARIABLES = ("REDIS_URL",)
S3_VARIABLES = ("S3_ENDPOINT", "S3_REGION", "S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
MAIL_VARIABLES = ("LMS_MAIL_URL", "LMS_MAIL_FROM")
VARIABLES = DATABASE_VARIABLES + REDIS_VARIABLES + S3_VARIABLES + MAIL_VARIABLES


@dataclass(frozen=True)
class Parts:
    environment: dict[str, str]
    """Where the parts are, in the variables the product reads; given ones as they were given."""
    superuser_url: str | None
    """PostgreSQL's superuser, for tests that make databases; None when the database was given."""
    folder: DataFolder
    """The locked data folder, for those who start more in it."""


@contextmanager
def running(
    data: Path,
    *,
    environment: Mapping[str, str],
    durable: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Parts]:
    """Runs what `environment` does not name until the block ends, with its files in `data`.

    Without `durable`, data may be lost at the end: for tests. Raises `PartFailed` when a part does not start, when
    `data` is in use, or when only some of the variables of one part are given.
    """
    found: dict[str, str] = {}
    for variables in (DATABASE_VARIABLES, REDIS_VARIABLES, S3_VARIABLES, MAIL_VARIABLES):
        found |= _given(environment, variables)

    with ExitStack() as stack:
        folder = stack.enter_context(data_folder(data))
        # Start all, then wait for each: Swift takes longest, and PostgreSQL is made ready meanwhile.
        objects = valkey = database = None
        if "S3_ENDPOINT" not in found:
            objects = ObjectStore(folder)
            stack.callback(objects.child.stop)
        if "REDIS_URL" not in found:
            valkey = Valkey(folder, durable=durable)
            stack.callback(valkey.child.stop)
        if "DATABASE_URL" not in found:
            if not (folder.path / "postgres").exists():
                say("PostgreSQL: making the database (once) …")
            database = Postgres(folder, durable=durable)
            if not durable:
                stack.callback(database.forget_elsewhere)
            stack.callback(database.child.stop)
            database.wait()
            found |= {
                "DATABASE_URL": database.url(postgres.APP),
                "DATABASE_OWNER_URL": database.url(postgres.OWNER),
                "DATABASE_SYSTEM_URL": database.url(postgres.SYSTEM),
            }
            say("PostgreSQL is ready.")
        if valkey:
            valkey.wait()
            found["REDIS_URL"] = valkey.url
            say("Valkey (Redis) is ready.")
        if objects:
            objects.wait()
            found |= objects.environment
            say("Object store (S3) is ready.")
        if "LMS_MAIL_URL" not in found:
            found |= stack.enter_context(mailbox(folder.path / "mail"))
            say("Mailbox (SMTP) is ready.")
        yield Parts(found, database.superuser_url if database else None, folder)


def _given(environment: Mapping[str, str], variables: tuple[str, ...]) -> dict[str, str]:
    given = {name: environment[name] for name in variables if environment.get(name)}
    lacking = [name for name in variables if name not in given]
    if given and lacking:
        raise PartFailed(
            f"{' and '.join(given)} given, but not {', '.join(lacking)}. Set all of {', '.join(variables)} to use your own, or none of them to have it started for you."
        )
    return given
