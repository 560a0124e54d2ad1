"""Builds the explorer from a checkout: its packages from npm by `explorer/package-lock.json`, its files by Vite, on the Node that PyPI brings."""

import fcntl
import gzip
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lms_graph.embedded.processes import PartFailed
from lms_graph.integrations.node import NoPackages, install, with_node
from lms_graph.web.explorer import BUNDLE

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "explorer"
OPERATIONS = ROOT / "tests" / "operations"  # the shelf's examples are made from them
WORTH_COMPRESSING = 1_000
NOT_BUILT = "The explorer could not be built. Try again, with a network: lms-graph explorer build"

Report = Callable[[str], None]


def is_current() -> bool:
    """Whether the built explorer is what its sources say. Without sources, in an installed package, it always is."""
    return not _has_sources() or _read(BUNDLE / "stamp") == _stamp()


def build(report: Report) -> None:
    """Builds it when it is missing or older than its sources (a minute on a fresh checkout). Raises `PartFailed` with what mends it.

    Any number of processes may call this at once: one builds, the others wait and take what it made. A build that is killed leaves the one before in place.
    """
    if not _has_sources():
        raise PartFailed("No sources of the explorer here: an installed package brings it built.")
    with _only_one(ROOT / ".dev" / "explorer.lock"):
        if is_current():
            report("The explorer is up to date.")
            return
        stamp = _stamp()
        try:
            node = install(SOURCES, report)
        except NoPackages as error:
            raise PartFailed(f"{NOT_BUILT}\n{error}") from None
        report("Building the explorer …")
        fresh = BUNDLE.with_name(f"{BUNDLE.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        _run([node, "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn", "--outDir", fresh], node)
        _compress(fresh)
        (fresh / "stamp").write_text(stamp)
        _replace(BUNDLE, fresh)
        report("The explorer is built.")


def _has_sources() -> bool:
    return (SOURCES / "package-lock.json").is_file()


def _stamp() -> str:
    """Changes with every file that the explorer is made from."""
    files = [path for path in SOURCES.glob("*") if path.is_file()]
    files += [path for folder in (SOURCES / "src", OPERATIONS) for path in folder.rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _run(command: list[str | Path], node: Path) -> None:
    done = subprocess.run(command, cwd=SOURCES, env=with_node(node), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-25:])
        raise PartFailed(f"{NOT_BUILT}\n{said}")


def _compress(folder: Path) -> None:
    for path in folder.joinpath("assets").iterdir():
        if path.stat().st_size > WORTH_COMPRESSING:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def _replace(target: Path, fresh: Path) -> None:
    gone = target.with_name(f"{target.name}.old")
    shutil.rmtree(gone, ignore_errors=True)
    if target.exists():
        target.rename(gone)
    fresh.rename(target)
    shutil.rmtree(gone, ignore_errors=True)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released by the system when the process dies
        yield
