"""The house under test: real servers, started once for the whole run; a database per test process, cloned from a migrated template."""

import asyncio
import base64
import gc
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog

pytest_plugins = [f"tests.fixtures.{name}" for name in ("house", "executors", "client", "callers", "serving", "mails", "payments", "plans", "past_the_application")]

# Left out by `./test --quick`: what starts processes or browsers, waits for mails, or fills a large school. Single tests elsewhere are marked `slow`.
SLOW = (
    *("bench", "cli", "clients", "docs", "embedded", "explorer", "fuzz", "integrations", "journeys", "telemetry"),
    *("api/certificates/test_certificates", "api/commerce/test_paying", "api/commerce/test_refunds", "api/identity/external", "api/test_isolation", "api/test_loaders"),
    *("domain/certificates/test_render", "domain/commerce/test_settlement", "domain/identity/test_throttles", "domain/models/test_migrate", "domain/notifications"),
    *("execution/test_variables", "web/graphql/test_held", "web/graphql/test_sockets", "web/graphql/test_streams", "web/test_dev_mail", "web/test_health", "web/test_proxies"),
)

_stack = ExitStack()
_parts: dict[str, str] = {}


def pytest_configure(config: pytest.Config) -> None:
    from httpx2._transports import default as transports

    from lms_graph.telemetry import bound

    gc.set_threshold(50_000, 20, 100)  # as the server has it: what was collected stays, and would be looked through again and again
    # Each client would read the machine's certificates anew: a third of the time of most tests.
    transports.create_ssl_context = cache(transports.create_ssl_context)

    config.addinivalue_line("markers", "slow: left out by `./test --quick`")
    # What we log in this process can be seen by `caplog`, tracebacks and all.
    structlog.configure(
        processors=[bound.merged, structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer(key_order=["event"])],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _start() -> dict[str, str]:
    """The servers and the template database; the same for every process of the run."""
    from lms_graph.embedded.parts import running
    from lms_graph.embedded.postgres import create_database, database_url
    from lms_graph.models.database import migrate

    folder = Path(_stack.enter_context(tempfile.TemporaryDirectory(prefix="lms-graph-test-")))
    parts = _stack.enter_context(running(folder, environment={}, durable=False))
    assert parts.superuser_url
    create_database(parts.superuser_url, "template", template="lms")
    owner = database_url(parts.environment["DATABASE_OWNER_URL"], "template")
    asyncio.run(migrate(owner, parts.environment["DATABASE_URL"], database_url(parts.environment["DATABASE_SYSTEM_URL"], "template")))
    return {**parts.environment, "SUPERUSER_URL": parts.superuser_url, "LMS_SECRET_KEYS": base64.b64encode(os.urandom(32)).decode(), "LMS_THROTTLE_FACTOR": "1000"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares something that is made once per module, such as a server, stays in one process: in three it would be made three times."""
    tests = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(tests).as_posix()
        if place.startswith(SLOW) or place.endswith("_plan.py"):
            item.add_marker(pytest.mark.slow)
        if isinstance(item, pytest.Function) and not item.get_closest_marker("xdist_group"):
            made = {name: found[-1] for name, found in item._fixtureinfo.name2fixturedefs.items()}
            if any(fixture.scope == "module" for fixture in made.values()):
                item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_configure_node(node: Any) -> None:
    """xdist: the controller starts the servers, its workers are told where they are."""
    if not _parts:
        _parts.update(_start())
    node.workerinput["parts"] = dict(_parts)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _stack.close()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where the servers are, for this run."""
    if hasattr(request.config, "workerinput"):
        return dict(request.config.workerinput["parts"])
    if not _parts:
        _parts.update(_start())
    return dict(_parts)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def environment(servers: dict[str, str], worker_id: str) -> Iterator[dict[str, str]]:
    """The environment of this test process: the servers, and a database, bucket prefix and Redis database of its own."""
    from lms_graph.embedded.postgres import create_database, database_url, drop_database
    from lms_graph.embedded.processes import free_port
    from lms_graph.integrations.twins.stripe import TEST_KEY, WEBHOOK_SECRET

    name = f"test_{worker_id}_{os.getpid()}"
    create_database(servers["SUPERUSER_URL"], name, template="template")
    number = int(worker_id.removeprefix("gw")) + 1 if worker_id.startswith("gw") else 0
    own = {key: value for key, value in servers.items() if key != "SUPERUSER_URL"}
    own |= {key: database_url(own[key], name) for key in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SYSTEM_URL")}
    own["LMS_DNS_SERVERS"] = f"127.0.0.1:{free_port()}"  # where the `dns` fixture's twin listens
    own |= {
        "LMS_STRIPE_SECRET_KEY": TEST_KEY,
        "LMS_STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "LMS_STRIPE_URL": f"http://127.0.0.1:{free_port()}",
    }  # where the `stripe` fixture's twin listens
    own["LMS_HOLD_ANSWERS"] = "false"  # factories change rows that no relay tells of; `tests/web/graphql/test_held.py` turns it on
    own["REDIS_URL"] = f"{own['REDIS_URL'].rstrip('/').removesuffix('/0')}/{number}"
    yield own
    drop_database(servers["SUPERUSER_URL"], name)
