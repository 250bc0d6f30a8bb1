"""Private PostgreSQL and MariaDB servers for the tests and the benchmarks.

    with postgres_server() as server:
        url = server.create_database("one")  # postgresql://cheap:…@127.0.0.1:23456/one
        ...
        server.stop()   # what does a program do now?
        server.start()  # the same port, the same data

Each server lives in a temporary folder of its own (in memory, if it need not be durable and there
is room), listens on a free loopback port and knows one user, who may do everything. No service of
the machine is used or touched. When we are root, the server runs as an unprivileged account, for
PostgreSQL refuses anything else. It is stopped, waited for and removed when the block ends; should
this process die before, a small watcher does that.

The programs are the machine's own (in Debian's folders or on ``PATH``), or those in
``.cache/servers``, where ``scripts/servers`` unpacks them for a user who may not install packages.
``CHEAP_TEST_POSTGRES_URL`` and ``CHEAP_TEST_MARIADB_URL`` name servers to use instead: databases
made there get names that nobody else has and are dropped at the end; ``stop`` is refused.

``python tests/servers.py`` prints the servers that this machine lacks, one a line.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, unquote, urlsplit

__all__ = [
    "MariaDbServer",
    "PostgresServer",
    "Server",
    "ServerFailed",
    "ServerMissing",
    "mariadb_server",
    "postgres_server",
]

S = TypeVar("S", bound="Server")

UNPACKED = Path(__file__).resolve().parent.parent / ".cache" / "servers"
MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3
"""How much memory must be free before servers live there; they take some 200 MB each."""
PATIENCE = 30.0
"""Seconds that a server may take to start or to stop; both usually need a tenth of one."""


class ServerMissing(RuntimeError):
    """This machine has no such server; the message says what to type."""


class ServerFailed(RuntimeError):
    """A server did not start or not stop; the message ends with the last lines of its log."""


class Server(ABC):
    """What the two kinds have in common."""

    kind: ClassVar[str]
    scheme: ClassVar[str]
    variable: ClassVar[str]
    """The environment variable that names a server to use instead of a private one."""

    _account: ClassVar[str]
    """The account that runs it when we are root; ``nobody`` where there is no such account."""
    _fast: ClassVar[signal.Signals]
    """The signal for a quick and orderly end."""
    _crash: ClassVar[signal.Signals]
    """The signal for the hardest end that lets it start again at once."""
    _quotes: ClassVar[str]
    """What stands around a name in SQL."""
    _default_port: ClassVar[int]
    _default_database: ClassVar[str]

    def __init__(self, *, durable: bool = True) -> None:
        self.durable = durable
        """Whether a commit waits for the disk, as is the default of both kinds."""
        self.socket: Path | None = None
        """Where a private server listens beside the port: PostgreSQL's folder, MariaDB's file."""
        named = os.environ.get(self.variable, "")
        self.private = not named
        """Whether the server is ours to stop, not the one named in the environment."""
        if not named:
            self._programs = self.find_programs()
            login = f"cheap:{secrets.token_hex(8)}"
            named = f"{self.scheme}://{login}@127.0.0.1:{_free_port()}/{self._default_database}"
        parts = urlsplit(named)
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or self._default_port
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")
        self._login_database = parts.path.strip("/") or self._default_database
        self._options = f"?{parts.query}" if parts.query else ""
        self._prefix = "" if self.private else f"cheap_{secrets.token_hex(4)}_"
        self._made: set[str] = set()
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------------ databases

    def url(self, name: str) -> str:
        """The URL of the database that ``create_database`` makes under this name."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        place = f"{self.host}:{self.port}/{self._prefix}{name}"
        return f"{self.scheme}://{login}@{place}{self._options}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        self._query(f"CREATE DATABASE {self._quoted(name)}")
        self._made.add(name)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, and end the connections that still use it."""
        self._drop(name)
        self._made.discard(name)

    def _quoted(self, name: str) -> str:
        return f"{self._quotes}{self._prefix}{name}{self._quotes}"

    # ------------------------------------------------------------------ start and stop

    @property
    def pid(self) -> int | None:
        """The server's process, or None while it is stopped or when it is not ours."""
        return self._process.pid if self._process else None

    @property
    def folder(self) -> Path:
        """Where a private server lives, with its ``data`` and its ``log``."""
        if not self._folder:
            raise RuntimeError(f"this {self.kind} server is closed, or is not a private one")
        return self._folder

    def open(self) -> None:
        """Make a private server's folder and data, and start it; try to reach a named one."""
        if not self.private:
            self._query("SELECT 1")
            return
        prefix = f"cheap-{self.kind.lower()}-"
        self._folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_folders(durable=self.durable)))
        self._watcher = _watch(self._folder)
        self._give_to_account(self._folder)
        self._make_data()
        self.start()

    def start(self) -> None:
        """Start a stopped server, and return when it answers."""
        if self.pid:
            raise RuntimeError(f"this {self.kind} server is running already")
        process = self._process = self._popen(self._command())
        (self.folder / "server.pid").write_text(str(process.pid))  # for the watcher
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._query("SELECT 1")
            except Exception as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    self.stop(crash=True)
                    raise self._failed(f"did not start on port {self.port}: {error}") from error
                time.sleep(0.02)
            else:
                return

    def stop(self, *, crash: bool = False) -> None:
        """Stop the server and wait for its end; with ``crash``, in the middle of its work."""
        if not self.private:
            raise RuntimeError(f"the server named by {self.variable} is not ours to stop")
        if not self._process:
            return
        try:
            self._process.send_signal(self._crash if crash else self._fast)
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise self._failed(f"did not stop within {PATIENCE:.0f} s and was killed") from None
        finally:
            self._process.kill()
            self._process.wait()
            self._process = None
            (self.folder / "server.pid").unlink(missing_ok=True)

    def close(self) -> None:
        """Leave nothing behind: no database on a named server, nothing at all of a private one."""
        if not self.private:
            for name in sorted(self._made):
                self.drop_database(name)
            return
        try:
            self.stop()
        finally:
            if self._folder:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None
            if self._watcher:
                self._watcher.communicate(b"done\n")
                self._watcher = None

    # ------------------------------------------------------------------ what the kinds differ in

    @classmethod
    @abstractmethod
    def find_programs(cls) -> Path:
        """The folder with the server's programs, or ServerMissing."""

    @abstractmethod
    def _make_data(self) -> None:
        """Fill the data folder of a new server."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The server's command line."""

    @abstractmethod
    def _query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement in a connection of its own and return its rows, if any."""

    @abstractmethod
    def _drop(self, name: str) -> None: ...

    # ------------------------------------------------------------------ programs and files

    def _popen(
        self, command: list[str], stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Start a program as the unprivileged account, out of reach of the terminal's Ctrl-C."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        if self._programs.is_relative_to(UNPACKED):
            libraries = [str(path) for path in UNPACKED.glob("**/lib/*-linux-gnu*")]
            environment["LD_LIBRARY_PATH"] = ":".join(libraries)
        account = _account_ids(self._account)
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
                user=account and account[0],
                group=account and account[1],
                extra_groups=account and [],
            )

    def _run(self, command: list[str], script: str = "") -> None:
        """Run one of the programs to its end, with the script as its input."""
        with self._popen(command, stdin=subprocess.PIPE) as process:
            try:
                process.communicate(script.encode(), timeout=PATIENCE)
            finally:
                process.kill()
        if process.returncode:
            raise self._failed(f"{Path(command[0]).name} ended with code {process.returncode}")

    def _write(self, name: str, text: str) -> Path:
        """Write a file that only the server's account can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        self._give_to_account(path)
        return path

    def _give_to_account(self, path: Path) -> None:
        if account := _account_ids(self._account):
            os.chown(path, *account)

    def _failed(self, what: str) -> ServerFailed:
        """An error that shows the end of the log, which is kept."""
        kept = self.folder.with_suffix(".log")
        shutil.copyfile(self.folder / "log", kept)
        lines = kept.read_text(errors="replace").splitlines()[-20:]
        tail = "\n".join(f"    {line}" for line in lines)
        return ServerFailed(f"{self.kind}: {what}\nThe end of its log, kept as {kept}:\n{tail}")


class PostgresServer(Server):
    """A PostgreSQL server."""

    kind = "PostgreSQL"
    scheme = "postgresql"
    variable = "CHEAP_TEST_POSTGRES_URL"
    _account = "postgres"
    _fast = signal.SIGINT
    _crash = signal.SIGQUIT  # after SIGKILL, its children would hold the data for a while
    _quotes = '"'
    _default_port = 5432
    _default_database = "postgres"

    @classmethod
    def find_programs(cls) -> Path:
        """The newest of the machine, else those on PATH, else the unpacked ones."""
        for root in (Path("/"), UNPACKED):
            found = (root / "usr/lib/postgresql").glob("*/bin/initdb")
            versions = {int(path.parts[-3]): path.parent for path in found}
            if versions:
                return versions[max(versions)]
            if on_path := shutil.which("initdb"):
                return Path(on_path).resolve().parent
        raise _missing(cls)

    def _make_data(self) -> None:
        password = self._write("password", self.password)
        self._run(
            [
                f"{self._programs}/initdb",
                f"--pgdata={self.folder}/data",
                f"--username={self.user}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-instructions",
                "--no-sync",
            ]
        )
        password.unlink()

    def _command(self) -> list[str]:
        self.socket = self.folder
        settings = [
            f"listen_addresses={self.host}",
            f"port={self.port}",
            f"unix_socket_directories={self.socket}",
            "shared_buffers=64MB",
        ]
        if not self.durable:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
            settings += ["max_wal_size=128MB"]  # it may take no more memory than it needs
        command = [f"{self._programs}/postgres", "-D", f"{self.folder}/data"]
        return command + [f"--{setting}" for setting in settings]

    def _query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(
            f"{self.scheme}://{self.host}/{self._options}",
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self._login_database,
            connect_timeout=10,
            autocommit=True,
        ) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def _drop(self, name: str) -> None:
        self._query(f"DROP DATABASE IF EXISTS {self._quoted(name)} WITH (FORCE)")


class MariaDbServer(Server):
    """A MariaDB server."""

    kind = "MariaDB"
    scheme = "mariadb"
    variable = "CHEAP_TEST_MARIADB_URL"
    _account = "mysql"
    _fast = signal.SIGTERM
    _crash = signal.SIGKILL
    _quotes = "`"
    _default_port = 3306
    _default_database = "mysql"

    @classmethod
    def find_programs(cls) -> Path:
        """Those in Debian's folder, else those on PATH, else the unpacked ones."""
        places = ["/usr/sbin", *os.get_exec_path(), f"{UNPACKED}/usr/sbin"]
        if found := shutil.which("mariadbd", path=os.pathsep.join(places)):
            return Path(found).resolve().parent
        raise _missing(cls)

    def _make_data(self) -> None:
        # What mariadb-install-db does, without its shell script and the programs that it needs.
        for name in ("data", "tmp"):
            (self.folder / name).mkdir(mode=0o700)
            self._give_to_account(self.folder / name)
        script = ["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket = NULL;"]
        for part in ("system_tables", "performance_tables", "system_tables_data"):
            [path] = self._shared().glob(f"*_{part}.sql")
            script.append(path.read_text())
        script.append("DELETE FROM global_priv WHERE User = 'root';")  # who has no password
        self._run([*self._common(), "--bootstrap"], "\n".join(script))
        # Run at every start, before the server can be reached; one statement a line.
        self._write(
            "init.sql",
            f"CREATE USER IF NOT EXISTS {self.user}@'%' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO {self.user}@'%' WITH GRANT OPTION;\n",
        )

    def _shared(self) -> Path:
        shares = self._programs.parent / "share"
        for folder in (shares / "mysql", shares / "mariadb", shares):
            if any(folder.glob("*_system_tables.sql")):
                return folder
        raise ServerFailed(f"MariaDB has no *_system_tables.sql in {shares}")

    def _common(self) -> list[str]:
        shared = self._shared()
        return [
            f"{self._programs}/mariadbd",
            "--no-defaults",
            f"--basedir={self._programs.parent}",
            f"--lc-messages-dir={shared}",
            f"--character-sets-dir={shared}/charsets",
            f"--plugin-dir={next(self._programs.parent.glob('lib/**/plugin'), self.folder)}",
            f"--datadir={self.folder}/data",
            f"--tmpdir={self.folder}/tmp",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=32M",
        ]

    def _command(self) -> list[str]:
        self.socket = self.folder / "socket"
        command = [
            *self._common(),
            f"--bind-address={self.host}",
            f"--port={self.port}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder}/pid",
            f"--init-file={self.folder}/init.sql",
            "--skip-name-resolve",
        ]
        if not self.durable:
            command += ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"]
        return command

    def _query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        import pymysql

        connection = pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            connect_timeout=10,
            read_timeout=PATIENCE,
            autocommit=True,
            ssl_disabled=self.private,  # or a certificate store is read for each connection
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def _drop(self, name: str) -> None:
        # MariaDB would wait for the transactions of others, for a day by default.
        users = "SELECT id FROM information_schema.processlist WHERE db = %s"
        for (connection,) in self._query(users, self._prefix + name):
            with contextlib.suppress(Exception):  # it may be gone by now
                self._query(f"KILL {connection}")
        self._query(f"DROP DATABASE IF EXISTS {self._quoted(name)}")


@contextmanager
def postgres_server(*, durable: bool = True) -> Generator[PostgresServer]:
    """A PostgreSQL server for the time of the block; not ``durable`` is faster."""
    with _serving(PostgresServer(durable=durable)) as server:
        yield server


@contextmanager
def mariadb_server(*, durable: bool = True) -> Generator[MariaDbServer]:
    """A MariaDB server for the time of the block; not ``durable`` is faster."""
    with _serving(MariaDbServer(durable=durable)) as server:
        yield server


@contextmanager
def _serving(server: S) -> Generator[S]:
    try:
        server.open()
        yield server
    finally:
        server.close()


def _missing(kind: type[Server]) -> ServerMissing:
    return ServerMissing(
        f"{kind.kind} is not on this machine: run scripts/servers, or name a server, as in "
        f"{kind.variable}={kind.scheme}://user:password@host:port/database"
    )


def _account_ids(name: str) -> tuple[int, int] | None:
    """The user and group to run as when we are root: those of the account, or of ``nobody``."""
    if os.geteuid():
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _folders(*, durable: bool) -> Path | None:
    """Where the folders of servers are made; ``None``: with all that is temporary.

    MariaDB waits for the disk with each table and database that is made or dropped, whatever it is
    told; in memory it is ten times as fast.
    """
    if durable or "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK | os.X_OK):
        return None
    return MEMORY if shutil.disk_usage(MEMORY).free >= ROOM else None


def _free_port() -> int:
    """A free port below those that the kernel hands out, for it must still be free at a restart."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _watch(folder: Path) -> subprocess.Popen[bytes]:
    """Start the shell that tidies up when we end without telling it that all is done."""
    script = """
        read -r done && exit
        if pid=$(cat "$1/server.pid"); then
            kill -QUIT "$pid"
            for i in $(seq 100); do
                kill -0 "$pid" || break
                sleep 0.1
            done
            kill -KILL "$pid"
        fi
        rm -rf -- "$1"
    """
    return subprocess.Popen(
        ["sh", "-c", script, "watcher", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def _print_missing() -> None:
    for kind in (PostgresServer, MariaDbServer):
        if not os.environ.get(kind.variable):
            try:
                kind.find_programs()
            except ServerMissing:
                print(kind.kind)


if __name__ == "__main__":
    _print_missing()
