"""An S3 store for one machine: OpenStack Swift on Linux, rclone on macOS, with the product's bucket in it."""

import http.client
import importlib.util
import os
import sys
import sysconfig
from pathlib import Path

from lms_graph.embedded.processes import Child, DataFolder, PartFailed, free_port, wait_until

REGION = "us-east-1"
BUCKET = "lms"
ACCESS_KEY_ID = "lms:dev"
SECRET_ACCESS_KEY = "lms-dev-secret"

MISSING = "is not installed. Run ./dev, which installs everything, or set S3_ENDPOINT and the other S3_ variables to your own."


class ObjectStore:
    def __init__(self, folder: DataFolder) -> None:
        self._data = folder.path / "objects"
        self._data.mkdir(exist_ok=True)
        self._port_file = self._data / "port"
        self._port_file.unlink(missing_ok=True)
        self.child: Child = self._start_rclone(folder) if sys.platform == "darwin" else self._start_swift(folder)

    def _start_swift(self, folder: DataFolder) -> Child:
        if importlib.util.find_spec("swift") is None:
            raise PartFailed(f"The object store (OpenStack Swift) {MISSING}")
        try:
            os.setxattr(self._data, "user.lms", b"probe")
        except OSError as error:
            raise PartFailed(
                f"The disk of {self._data} keeps no extended attributes ({error.strerror}), and the object store needs them. Choose a folder on another disk with --data."
            ) from None
        command = [sys.executable, "-P", "-m", "lms_graph.embedded.swift_server"]
        return folder.start("objects", [*command, self._data, REGION, ACCESS_KEY_ID, SECRET_ACCESS_KEY])

    def _start_rclone(self, folder: DataFolder) -> Child:
        files = self._data / "files"
        (files / BUCKET).mkdir(parents=True, exist_ok=True)
        port = free_port()
        self._port_file.write_text(str(port))
        address = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY_ID},{SECRET_ACCESS_KEY}"]
        return folder.start("objects", [rclone(), "serve", "s3", *address, "--allow-origin", "*", files])

    def wait(self) -> None:
        wait_until(self._answers, self.child)
        self._make_bucket()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "S3_ENDPOINT": f"http://127.0.0.1:{self._port}",
            "S3_REGION": REGION,
            "S3_BUCKET": BUCKET,
            "S3_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "S3_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        }

    @property
    def _port(self) -> int:
        return int(self._port_file.read_text())

    def _answers(self) -> bool:
        return self._port_file.exists() and self._status("GET", "/healthcheck", {}) is not None

    def _make_bucket(self) -> None:
        # Imported here: it takes a while, and the server starts meanwhile.
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        request = AWSRequest("PUT", f"http://127.0.0.1:{self._port}/{BUCKET}")
        S3SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "s3", REGION).add_auth(request)
        status = self._status("PUT", f"/{BUCKET}", dict(request.headers))
        if status not in (200, 409):  # 409: it is there, and ours
            raise PartFailed(f"The object store answered {status} to making its bucket. The end of its log:\n{self.child.tail()}")

    def _status(self, method: str, path: str, headers: dict[str, str]) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()


def rclone() -> Path:
    # The wheel is the bare program, installed beside Python; one from elsewhere may be too old to serve S3.
    program = Path(sysconfig.get_path("scripts")) / "rclone"
    if not program.exists():
        raise PartFailed(f"The object store (rclone) {MISSING}")
    return program
