"""Everything that a measurement stands on: embedded servers in a folder of its own, a migrated database with the school, and processes that end with us."""

import base64
import http.client
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from bench import school
from bench.school import HOST, School
from lms_graph import wiring
from lms_graph.adapters import Adapters
from lms_graph.embedded import parts, processes
from lms_graph.embedded.postgres import run_sql
from lms_graph.embedded.processes import Child
from lms_graph.models.database import migrate
from lms_graph.settings import Settings

ROOT = Path(__file__).parents[1]
# The limits are on, and wide enough for load.
GENEROUS = {"LMS_COST_BUCKET": "1000000000", "LMS_COST_PER_SECOND": "1000000000", "LMS_THROTTLE_FACTOR": "1000000"}


@dataclass
class House:
    """Where the servers are, the school in them, and the product's adapters in this process."""

    environment: dict[str, str]
    superuser_url: str
    folder: processes.DataFolder
    school: School
    adapters: Adapters
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def headers(self) -> dict[str, str]:
        """Of somebody signed in, at the school's own door."""
        return {"Host": HOST, "Authorization": f"Bearer {self.school.token}"}

    def start(self, name: str, *command: str | Path, environment: Mapping[str, str] | None = None) -> Child:
        """A process that ends with the bench."""
        child = self.folder.start(name, command, environment={**self.environment, **(environment or {})}, grace=15, directory=ROOT)
        self._stack.callback(child.stop)
        return child

    def stop(self) -> None:
        """End what `start` has started."""
        self._stack.close()

    async def grow(self, learners: int) -> None:
        """See to it that the school has that many learners."""
        self.school = await school.grow(self.environment["DATABASE_OWNER_URL"], self.school, learners)

    def serve(self, name: str = "serve", **environment: str) -> int:
        """The product, one process; gives its port."""
        return self.listening(name, sys.executable, "-m", "lms_graph.cli", "serve", "--port", environment=environment)

    def comparator(self, module: str) -> int:
        """A comparator of ours; gives its port."""
        return self.listening(module, sys.executable, "-m", "bench.serving", f"bench.{module}")

    def listening(self, name: str, *command: str | Path, environment: Mapping[str, str] | None = None) -> int:
        """A server that is told its port by a last argument; gives the port once it answers."""
        port = processes.free_port()
        child = self.start(name, *command, str(port), environment=environment)
        processes.wait_until(lambda: _answers(port), child)
        return port


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def _folder() -> Iterator[Path]:
    """A new folder, gone afterwards. Open to others, for PostgreSQL may have to run as another user."""
    with tempfile.TemporaryDirectory(prefix="lms-graph-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@asynccontextmanager
async def opened(*, courses: int) -> AsyncIterator[House]:
    """The house with a school of that many courses, in which nobody learns yet. The database keeps what it is told, as in production."""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        running = stack.enter_context(parts.running(folder, environment={}))
        assert running.superuser_url
        own = {"LMS_SECRET_KEYS": base64.b64encode(os.urandom(32)).decode(), "LMS_BASE_URL": f"http://{HOST}", **GENEROUS}
        environment = {**os.environ, **running.environment, **own}
        owner, app, system = (environment[name] for name in ("DATABASE_OWNER_URL", "DATABASE_URL", "DATABASE_SYSTEM_URL"))
        await migrate(owner, app, system)
        for name in ("public_id", "postgraphile"):
            run_sql(owner, (Path(__file__).parent / "sql" / f"{name}.sql").read_text())
        with patch.dict("os.environ", environment):
            settings = Settings.from_env()
        async with wiring.running(settings) as adapters:
            made = await school.make(owner, courses=courses)
            house = House(environment, running.superuser_url, running.folder, made, adapters)
            stack.callback(house.stop)
            yield house
