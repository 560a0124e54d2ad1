"""`lms-graph dev`: the whole product on one machine, until Ctrl-C."""

import base64
import errno
import http.client
import os
import secrets
import signal
import socket
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import yaml
from rich.console import Console

from lms_graph.embedded import explorer
from lms_graph.embedded.parts import Parts, running
from lms_graph.embedded.processes import Child, PartFailed, free_port, wait_until
from lms_graph.integrations.twins.stripe import TEST_KEY, WEBHOOK_SECRET

CLI = (sys.executable, "-m", "lms_graph.cli")
DEMO = Path(__file__).parents[1] / "demo" / "tenant.yaml"


def dev(*, port: int, data: Path) -> int:
    """Runs parts, migration, demo data, API and worker; returns the exit code once all of it has stopped."""
    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    _stop_on_signals()
    try:
        require_free(port)
        with ExitStack() as stack:
            # Without a terminal there is no spinner: the plain lines between are the progress.
            with console.status("Starting …"):
                parts = stack.enter_context(running(data, environment=os.environ, say=console.print))
                children = _start(parts, port, console, stack)
            console.print(_ready(port, parts))
            build = _build_explorer(parts, stack)
            return _watch(children, build, console)
    except PartFailed as failure:
        console.print(str(failure))
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 0


def _start(parts: Parts, port: int, console: Console, stack: ExitStack) -> list[Child]:
    twins_port = _twins_port(parts)
    twins = f"http://localhost:{twins_port}"
    environment = {
        "LMS_BASE_URL": f"http://localhost:{port}",
        "LMS_GOOGLE_URL": f"{twins}/google",
        "LMS_GITHUB_URL": f"{twins}/github",
        "LMS_GITHUB_API_URL": f"{twins}/github/api",
        "LMS_DEVELOPMENT": "true",
        **(
            {}
            if os.environ.get("LMS_STRIPE_SECRET_KEY")
            else {"LMS_STRIPE_SECRET_KEY": TEST_KEY, "LMS_STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET, "LMS_STRIPE_URL": f"{twins}/stripe"}
        ),
        **{name: value for name, value in os.environ.items() if value or not name.startswith("LMS_STRIPE_")},
        **parts.environment,
        "LMS_DNS_SERVERS": os.environ.get("LMS_DNS_SERVERS") or _start_dns(parts, stack),
        "LMS_DEFAULT_TENANT": os.environ.get("LMS_DEFAULT_TENANT") or "demo",
        "LMS_SECRET_KEYS": os.environ.get("LMS_SECRET_KEYS") or _secret_keys(parts.folder.path / "secret-keys"),
        "PYTHONUNBUFFERED": "1",
    }

    def start(*arguments: str) -> Child:
        child = parts.folder.start(arguments[0], [*CLI, *arguments], environment=environment, grace=30, directory=Path.cwd())
        stack.callback(child.stop)
        return child

    for step, says in (("migrate", "Preparing the database …"), ("seed", "Filling in the demo school …")):
        console.print(says)
        child = start(step)
        if child.wait() != 0:
            raise PartFailed(f"`lms-graph {step}` failed with code {child.exit_code}. The end of {child.log}:\n{child.tail()}")
    console.print("Starting the API and the worker …")
    command = [sys.executable, "-m", "lms_graph.integrations.twins", str(twins_port), "--webhooks", f"http://localhost:{port}/webhooks/stripe"]
    outside = parts.folder.start("twins", command, directory=Path.cwd())
    stack.callback(outside.stop)
    children = [start("serve", "--port", str(port)), start("worker"), outside]
    for child in children:  # the first to run at the end: both hear of it at once, then each is waited for
        stack.callback(child.ask_to_stop)
    wait_until(lambda: _answers(port), children[0])
    return children


def _start_dns(parts: Parts, stack: ExitStack) -> str:
    """A DNS of this machine's own, so that proofs of domains can be tried: what it says stands in a file. Gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "lms_graph.integrations.twins.dns", "--port", str(port), "--records", str(parts.folder.path / "dns-records")]
    child = parts.folder.start("dns", command, directory=Path.cwd())
    stack.callback(child.stop)
    return f"127.0.0.1:{port}"


def _build_explorer(parts: Parts, stack: ExitStack) -> Child | None:
    """Begins to build the explorer where it is not what its sources say: the API does not wait for it, nor fail with it."""
    if explorer.is_current():
        return None
    child = parts.folder.start("explorer", [*CLI, "explorer", "build"], directory=Path.cwd())
    stack.callback(child.stop)
    return child


def _watch(children: list[Child], build: Child | None, console: Console) -> int:
    while True:
        if build and build.exit_code is not None:
            console.print("The explorer is built." if build.exit_code == 0 else build.tail())
            build = None
        for child in children:
            if child.exit_code is not None:
                console.print(f"{child.name} ended with code {child.exit_code}. The end of {child.log}:\n{child.tail()}")
                return 1
        time.sleep(0.2)


def _stop_on_signals() -> None:
    """Makes SIGTERM and a closed terminal the same as Ctrl-C, and a second one harmless: stopping is under way and ends."""
    signals = {signal.SIGINT, signal.SIGTERM}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signals.add(signal.SIGHUP)

    def stop(number: int, frame: FrameType | None) -> None:
        for sent in signals:
            signal.signal(sent, signal.SIG_IGN)
        raise KeyboardInterrupt

    for awaited in signals:
        signal.signal(awaited, stop)


def require_free(port: int) -> None:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except PermissionError:
            raise PartFailed(f"Port {port} is for root only. Choose another one: --port {port + 8000}") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:  # others: no IPv6 here
                raise PartFailed(f"Port {port} is taken by another program. Stop that one, or choose another port: --port {port + 1}") from None


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _twins_port(parts: Parts) -> int:
    """Where twins of other parties listen. The same each time while it is free: whoever came in by them is known by their address."""
    path = parts.folder.path / "twins-port"
    if path.exists():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port := int(path.read_text())))
                return port
    path.write_text(f"{free_port()}\n")
    return int(path.read_text())


def _secret_keys(path: Path) -> str:
    """The keys that seal secrets in this data folder's database, made once."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        fresh.rename(path)
    return path.read_text().strip()


def _ready(port: int, parts: Parts) -> str:
    address = f"http://localhost:{port}"
    twins = f"http://localhost:{(parts.folder.path / 'twins-port').read_text().strip()}"
    demo: dict[str, Any] = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    accounts = demo["accounts"]
    email_width = max(len(account["email"]) for account in accounts)
    password_width = max(len(account["password"]) for account in accounts)
    lines = [
        "",
        "ready",
        "",
        f"  GraphQL       {address}/graphql",
        f"  Explorer      {address}/graphql{'' if explorer.is_current() else '  (in a browser; it is built in the background: about a minute, once)'}",
        f"  Certificates  {address}/verify",
        f"  Twins         {twins}/openid, …/google and …/github: other parties to sign in with (docs/single-sign-on.md)",
        *([] if os.environ.get("LMS_STRIPE_SECRET_KEY") else [f"  Stripe        {twins}/stripe/_twin, its twin: no money moves (docs/stripe.md)"]),
        *([f"  Mails         {address}/dev/mail"] if "LMS_MAIL_FOLDER" in parts.environment else []),
        f"  Logs          {parts.folder.path / 'log'}",
        *([] if os.environ.get("LMS_DNS_SERVERS") else [f"  DNS           says what {parts.folder.path / 'dns-records'} says: name TYPE value, one a line"]),
        "",
        f"  Demo sign-ins (tenant {demo['slug']}):",
        *(f"    {account['email']:<{email_width}}  {account['password']:<{password_width}}  {', '.join(account['roles'])}" for account in accounts),
        "",
        *_chromium_note(),
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def _chromium_note() -> list[str]:
    from lms_graph.integrations.chromium import find_chromium
    from lms_graph.kit.errors import Unavailable

    try:
        if find_chromium(os.environ.get("CHROMIUM_PATH")):
            return []
        note = f"No Chromium here: certificates wait for it. This fetches one: {sys.executable} -m lms_graph.integrations.chromium fetch"
    except Unavailable as error:
        note = f"Certificates wait for Chromium: {error}"
    return [note, ""]
