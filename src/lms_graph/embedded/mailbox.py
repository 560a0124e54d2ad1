"""A mail server for one machine: takes every mail, sends none on, and leaves each as a file. The newest few hundred stay."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from lms_graph.embedded.processes import PartFailed, free_port

KEPT = 500
MAX_BYTES = 5_000_000
SENDER = "mail@school.example"


class _Keep:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        unfinished = self._folder / f"{secrets.token_hex(8)}.new"
        unfinished.write_bytes(envelope.content or b"")
        unfinished.rename(self._folder / f"{time.time_ns() // 1_000_000:013}-{secrets.token_hex(4)}.eml")
        for old in sorted(self._folder.glob("*.eml"))[:-KEPT]:
            old.unlink(missing_ok=True)
        return "250 OK"


@contextmanager
def mailbox(folder: Path) -> Iterator[dict[str, str]]:
    """Takes mails until the block ends, in a thread of this process; gives the settings that lead to it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    port = free_port()
    server = Controller(_Keep(folder), hostname="127.0.0.1", port=port, data_size_limit=MAX_BYTES, enable_SMTPUTF8=True)
    try:
        server.start()
    except OSError as error:
        raise PartFailed(f"The mailbox does not start on port {port}: {error}") from None
    try:
        yield {"LMS_MAIL_URL": f"smtp://127.0.0.1:{port}?tls=none", "LMS_MAIL_FROM": SENDER, "LMS_MAIL_FOLDER": str(folder.resolve())}
    finally:
        server.stop()
