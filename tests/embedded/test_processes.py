import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from lms_graph.embedded import keeper
from lms_graph.embedded.processes import PartFailed, data_folder, wait_until

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


class TestChild:
    def test_is_stopped_politely(self, tmp_path):
        script = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('up', flush=True); time.sleep(600)"
        with data_folder(tmp_path) as folder:
            child = folder.start("polite", [sys.executable, "-c", script])
            wait_until(lambda: "up" in child.tail(), child)

            child.stop()

            assert child.exit_code == 7

    def test_is_killed_when_it_will_not_stop(self, tmp_path):
        with data_folder(tmp_path) as folder:
            child = folder.start("stubborn", [sys.executable, "-c", STUBBORN], grace=0.2)
            wait_until(lambda: "up" in child.tail(), child)

            child.stop()

            assert child.exit_code == 128 + signal.SIGKILL

    def test_takes_along_what_it_left_in_other_sessions(self, tmp_path, processes_with):
        script = f"import subprocess; subprocess.Popen(['sh', '-c', 'sleep 600; : {tmp_path}'], start_new_session=True); print('up', flush=True)"
        with data_folder(tmp_path) as folder:
            child = folder.start("parent", [sys.executable, "-c", script])

            child.wait()

        assert processes_with(tmp_path) == []

    def test_dies_with_a_killed_parent(self, tmp_path, processes_with, soon):
        script = f"""
            import sys
            from pathlib import Path
            from lms_graph.embedded.processes import data_folder, wait_until
            with data_folder(Path({str(tmp_path)!r})) as folder:
                child = folder.start("child", [sys.executable, "-c", {STUBBORN + f"# {tmp_path}"!r}], grace=0.2)
                wait_until(lambda: "up" in child.tail(), child)
                print("up", flush=True)
                child.wait()
        """
        parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
        assert parent.stdout.readline() == "up\n"
        assert processes_with(tmp_path)

        parent.kill()
        parent.communicate()

        assert soon(lambda: not processes_with(tmp_path))

    def test_leaves_its_last_words_and_the_log_of_the_run_before(self, tmp_path):
        with data_folder(tmp_path) as folder:
            for words in ("first", "second"):
                child = folder.start("speaker", [sys.executable, "-c", f"print({words!r})"])
                child.wait()

            assert child.tail() == "second"
            assert (tmp_path / "log" / "speaker.log.1").read_text() == "first\n"


class TestWaitUntil:
    def test_tells_why_a_child_ended(self, tmp_path):
        with data_folder(tmp_path) as folder:
            child = folder.start("broken", [sys.executable, "-c", "raise SystemExit('no disk')"])

            with pytest.raises(PartFailed, match=r"(?s)broken ended with code 1.*no disk"):
                wait_until(lambda: False, child)


class TestDataFolder:
    def test_refuses_a_second_start_and_names_the_first(self, tmp_path):
        with (
            data_folder(tmp_path),
            pytest.raises(PartFailed, match=f"in use by process {os.getpid()}"),
            data_folder(tmp_path),
        ):
            pass

    def test_is_free_again_afterwards(self, tmp_path):
        with data_folder(tmp_path):
            pass
        with data_folder(tmp_path):
            pass

    def test_waits_for_the_keepers_of_a_killed_start(self, tmp_path):
        script = f"""
            import os, signal, sys, time
            from pathlib import Path
            from lms_graph.embedded.processes import data_folder, wait_until
            with data_folder(Path({str(tmp_path)!r})) as folder:
                child = folder.start("child", [sys.executable, "-c", {STUBBORN!r}], grace=1)
                wait_until(lambda: "up" in child.tail(), child)
                os.kill(os.getpid(), signal.SIGKILL)
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(script)])
        assert list((tmp_path / "run").glob("*.pid"))

        with data_folder(tmp_path):
            assert not list((tmp_path / "run").glob("*.pid"))

    def test_ends_a_child_whose_keeper_was_killed_too(self, tmp_path):
        orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "orphan.pid").write_text(f"{orphan.pid} {keeper.birth(orphan.pid)}\n")

        with data_folder(tmp_path):
            assert orphan.wait(5) != 0

    def test_spares_a_stranger_with_the_number_of_an_old_child(self, tmp_path):
        stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "old.pid").write_text(f"{stranger.pid} 12345\n")

        with data_folder(tmp_path):
            time.sleep(0.1)

        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()
