import http.client
import os
import signal
import socket
import subprocess
import sys

import pytest

from lms_graph.embedded.processes import free_port

DEV = [sys.executable, "-m", "lms_graph.cli", "dev"]


@pytest.fixture
def start_dev(tmp_path):
    """Starts `lms-graph dev`, and reads what it says until it is ready."""
    started = []

    def start(port, data=tmp_path / "data"):
        process = subprocess.Popen([*DEV, "--port", str(port), "--data", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.append(process)
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Ctrl-C stops"):
                return process, "".join(said)
        pytest.fail(f"dev ended with code {process.wait()}:\n{''.join(said)}")

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


def status(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


class TestDev:
    def test_names_a_taken_port_and_the_mend(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

            done = subprocess.run([*DEV, "--port", str(port), "--data", tmp_path / "data"], capture_output=True, text=True)

        assert done.returncode == 1
        assert f"Port {port} is taken" in done.stdout
        assert "--port" in done.stdout
        assert not (tmp_path / "data").exists()

    def test_ends_at_a_signal_while_it_starts(self, tmp_path, processes_with):
        data = tmp_path / "data"
        process = subprocess.Popen([*DEV, "--port", str(free_port()), "--data", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        process.stdout.readline()

        process.terminate()
        said, _ = process.communicate(timeout=30)

        assert process.returncode == 0, said
        assert said.endswith("Stopped.\n")
        assert processes_with(data) == []

    def test_leaves_nothing_when_killed_and_serves_again_until_told_to_stop(self, tmp_path, start_dev, processes_with, soon):
        port, data = free_port(), tmp_path / "data"
        killed, said = start_dev(port)
        keys = (data / "secret-keys").read_text()
        assert status(port, "/readyz") == 200
        assert f"http://localhost:{port}/graphql" in said
        assert "student@demo.example" in said
        assert (data / "secret-keys").stat().st_mode & 0o777 == 0o600

        killed.kill()
        killed.communicate()
        assert soon(lambda: not processes_with(data), 40)

        again, _ = start_dev(port)
        assert status(port, "/readyz") == 200
        assert (data / "secret-keys").read_text() == keys

        again.send_signal(signal.SIGINT)
        again.communicate(timeout=60)
        assert again.returncode == 0
        assert processes_with(data) == []
        with pytest.raises(ConnectionRefusedError):
            status(port, "/readyz")

    def test_stops_and_tells_when_the_worker_ends(self, tmp_path, start_dev, processes_with):
        process, _ = start_dev(free_port())
        worker = (tmp_path / "data" / "run" / "worker.pid").read_text().split()[0]

        os.kill(int(worker), signal.SIGKILL)
        said, _ = process.communicate(timeout=60)

        assert process.returncode == 1
        assert "worker ended with code 137" in said
        assert processes_with(tmp_path / "data") == []
