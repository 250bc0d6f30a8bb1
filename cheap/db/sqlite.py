"""SQLite: a file (or memory), one writer, few readers. The only place that imports sqlite3."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextvars import ContextVar
from os import PathLike
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import quote

from cheap.db.adapter import Adapter, Params, Row, Session, chosen
from cheap.db.calls import STEP, steps
from cheap.db.dao import SqlDao
from cheap.db.dialect import SqliteDialect
from cheap.db.faults import SQLITE_FAULTS
from cheap.db.migrations import prepare
from cheap.db.pool import Pool, check_sizes
from cheap.db.schema import Table
from cheap.db.statements import Statements
from cheap.errors import (
    AccessDeniedError,
    BusyError,
    CheapError,
    ClosedError,
    ConfigurationError,
    NotOursError,
    ReadOnlyError,
    SchemaVersionError,
    StoreError,
)

Durability = Literal["full", "normal", "off"]

APPLICATION_ID: Final = 0x43_48_45_50
"""Marks a file as ours (``PRAGMA application_id``): "CHEP"."""

HEADER_SIZE: Final = 100
"""Bytes at the beginning of every SQLite database."""

IOERR_SHMSIZE: Final = 4874
"""No room for the index of the write-ahead log: how a full device shows when a file is opened."""

CANTOPEN: Final = 14

_ADVICE: Final = {
    5: "another process holds the file's lock; try again, or raise busy_timeout",
    8: "the file, its folder or the connection is read-only",
    13: "the device is full; nothing was written",
    CANTOPEN: "the file or its folder cannot be opened; check path and permissions",
}


class SqliteSession(Session):
    """One SQLite connection."""

    is_remote = False

    def __init__(self, adapter: SqliteAdapter, connection: sqlite3.Connection) -> None:
        super().__init__(adapter)
        self.connection = connection
        self.broken = False
        self._adapter = adapter

    def rows(self, statement: str, params: Params) -> list[Row]:
        self.check_call()
        try:
            return self.connection.execute(statement, params).fetchall()
        except sqlite3.Error as error:
            raise self._adapter.error(error) from error

    def run(self, statement: str, params: Params) -> int:
        self.check_call()
        try:
            return self.connection.execute(statement, params).rowcount
        except sqlite3.Error as error:
            raise self._adapter.error(error) from error

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        self._run_many(self.statements.inserts[table.name], rows)

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        self._run_many(self.statements.upserts[table.name], rows)

    def _run_many(self, statement: str, rows: Sequence[Row]) -> None:
        self.check_call()
        try:
            self.connection.executemany(statement, rows)
        except sqlite3.Error as error:
            raise self._adapter.error(error) from error

    def interrupt(self) -> None:
        self.connection.interrupt()

    def begin(self, *, write: bool) -> None:
        # IMMEDIATE takes the writer's lock at once and waits for it; a deferred transaction that
        # turns into a writer later fails at once when somebody else wrote.
        if not write:
            self.run("BEGIN", {})
        elif self.call is None:
            self.run("BEGIN IMMEDIATE", {})
        else:
            self._begin_unless_stopped(self._adapter.patience)

    def _begin_unless_stopped(self, patience: float) -> None:
        # SQLite's own waiting cannot be interrupted, so it is done in small steps.
        self.connection.execute(f"PRAGMA busy_timeout = {STEP * 1000:.0f}")
        try:
            failure: BusyError | None = None
            for _ in steps(patience):
                try:
                    self.run("BEGIN IMMEDIATE", {})
                    return
                except BusyError as error:
                    failure = error
            raise failure or BusyError("no time was given to wait")
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")

    def commit(self) -> None:
        self.run("COMMIT", {})

    def rollback(self) -> None:
        try:
            if self.connection.in_transaction:  # else SQLite did by itself (full disk, I/O error)
                self.connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.broken = True


_lease: ContextVar[object] = ContextVar("cheap_sqlite_lease", default=None)
"""Stands for the time in which the present call has an adapter's only writer."""


class SqliteAdapter(Adapter):
    """A SQLite file with one writer connection and a few for reading; or memory, with one."""

    dialect = SqliteDialect()
    statements = Statements(dialect)
    retries = 0  # the busy handler has waited already

    def __init__(
        self,
        path: str,
        *,
        readers: int,
        busy_timeout: float,
        durability: Durability,
        read_only: bool,
    ) -> None:
        super().__init__()
        self._path = path
        # Connections are opened later, when the working directory may be another one.
        self._file = Path(os.path.realpath(path))
        self._busy_timeout = busy_timeout
        self._durability = durability
        self._read_only = read_only
        self._in_memory = path == ":memory:"
        self._mode = "rw"
        self._turn = threading.Lock()
        self._writer: SqliteSession | None = None
        self._lease: object | None = None
        self._readers: Pool[SqliteSession] = Pool(
            lambda: self._open(read_only=True),
            lambda session: session.connection.close(),
            min_size=0,
            max_size=readers,
            timeout=busy_timeout,
            max_idle=60.0,
        )

    @classmethod
    def create(
        cls,
        path: str | PathLike[str],
        *,
        init_schema: bool = False,
        readers: int = 2,
        busy_timeout: float = 30.0,
        durability: Durability = "normal",
        read_only: bool = False,
    ) -> Self:
        """Open a database file.

        A process that forks must do so before the file is opened, or start its children anew
        (``spawn``): SQLite's locks do not survive a fork.

        Args:
            path: the file; missing folders are made. ``":memory:"`` is a database that lives as
                long as the adapter.
            init_schema: make the file and the schema if they are missing, and bring an old schema
                forward.
            readers: most connections for reading. More threads do not read faster: they share
                the interpreter's lock.
            busy_timeout: seconds to wait for another process that writes, or for a connection.
            durability: ``"normal"``: after a power failure the last commits may be missing, never
                half of one; ``"full"``: every commit is on disk; ``"off"``: the operating system
                decides, a power failure can destroy the file.
            read_only: refuse every write.

        Raises:
            NotOursError: the file is not a database, or not one of ours; it was left untouched.
            AccessDeniedError: the file or its folder cannot be opened.
            SchemaVersionError: the schema is missing (and not wanted), or newer than this CheapPy.
            BusyError: another process held the file for longer than ``busy_timeout``.
        """
        name = os.fspath(path)
        if durability not in ("full", "normal", "off"):
            raise ConfigurationError(
                f"durability: expected full, normal or off, got {durability!r}"
            )
        if name.__class__ is not str or not name or "\0" in name:
            raise ConfigurationError(f"path: expected a file name as text, got {name!r}")
        check_sizes(0, readers, busy_timeout, 0)
        adapter = cls(
            name,
            readers=readers,
            busy_timeout=busy_timeout,
            durability=durability,
            read_only=read_only,
        )
        try:
            adapter._prepare(init_schema and not read_only)
        except BaseException:
            adapter.close()
            raise
        return adapter

    def _prepare(self, init_schema: bool) -> None:
        try:
            exists = not self._in_memory and self._is_ours()
            if not exists and not self._in_memory:
                if not init_schema:
                    raise SchemaVersionError(
                        f"{self._path} is not there, or empty; create the adapter with "
                        "init_schema=True to make it"
                    )
                self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AccessDeniedError(
                f"{self._path} cannot be opened: {error.strerror or error}; check path and "
                "permissions"
            ) from error
        if not exists and init_schema:
            self._mode = "rwc"
            with self.session(write=True) as session:
                session.run(f"PRAGMA application_id = {APPLICATION_ID}", {})
        prepare(self, exists=exists, init_schema=init_schema)
        self._mode = "rw"  # or a file that is removed later would come back empty

    def _is_ours(self) -> bool:
        """Look at a file without changing it; raise NotOursError, or tell if it has our schema."""
        if not self._file.exists():
            return False
        if not self._file.is_file():
            raise AccessDeniedError(f"{self._path} is not a file")
        size = self._file.stat().st_size
        if size == 0:
            return False
        if size < HEADER_SIZE:  # SQLite takes a file of one byte for an empty database
            raise NotOursError(f"{self._path} is not a SQLite database; it was left untouched")
        # Reading a file in WAL mode makes two more files, which only a connection that may write
        # takes away again; but such a connection also completes what a crash left in them.
        beside = any(Path(f"{self._file}{end}").exists() for end in ("-wal", "-journal"))
        session = self._connect("ro" if beside or self._read_only else "rw")
        try:
            mark = session.rows("PRAGMA application_id", {})[0][0]
            tables = {bytes(row[0]) for row in session.rows("SELECT name FROM sqlite_master", {})}
        except CheapError as error:
            if isinstance(error, NotOursError):
                raise NotOursError(
                    f"{self._path} is not a SQLite database; it was left untouched"
                ) from error.__cause__
            raise
        finally:
            session.connection.close()
        ours = b"cheap_store" in tables
        if not ours and (tables or mark not in (0, APPLICATION_ID)):
            raise NotOursError(
                f"{self._path} is a SQLite database of something else (application id {mark}); "
                "it was left untouched"
            )
        return ours

    def _connect(self, mode: str) -> SqliteSession:
        self.check_open()
        target = f"file://{quote(os.fsencode(self._file))}?mode={mode}"
        if mode == "ro" and _is_unchangeable(self._file):
            target += "&immutable=1"
        try:
            connection = sqlite3.connect(
                ":memory:" if self._in_memory else target,
                uri=not self._in_memory,
                timeout=self._busy_timeout,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
        except sqlite3.Error as error:
            raise self.error(error) from error
        # Text arrives as the bytes it is stored as; records are decoded when they are looked at.
        connection.text_factory = bytes
        return SqliteSession(self, connection)

    def _open(self, *, read_only: bool) -> SqliteSession:
        # The last connection that is closed tidies up, for which it must be able to write.
        session = self._connect("ro" if self._read_only else "rw" if read_only else self._mode)
        try:
            if read_only or self._read_only:
                session.run("PRAGMA query_only = ON", {})
            else:
                self._use_wal(session)
                session.run(f"PRAGMA synchronous = {self._durability}", {})
            # KB for each connection: a stream of all records fills it, whatever it is.
            session.run("PRAGMA cache_size = -4096", {})
        except BaseException:
            session.connection.close()
            raise
        return session

    def _use_wal(self, session: SqliteSession) -> None:
        """Switch to a write-ahead log, for which SQLite does not wait for others by itself."""
        deadline = time.monotonic() + self._busy_timeout
        while True:
            try:
                session.rows("PRAGMA journal_mode = WAL", {})
                return
            except BusyError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.001, 0.02))

    @property
    def width(self) -> int:
        return 1 if self._in_memory else 1 + self._readers.max_size

    @property
    def writers(self) -> int:
        return 1

    @property
    def eager_readers(self) -> int:
        # It works in our own process, where a second thread mostly waits for Python's lock.
        return 1

    @property
    def checked_out(self) -> int:
        return int(self._lease is not None) + self._readers.lent

    @property
    def patience(self) -> float:
        return self._busy_timeout

    def _acquire(self, *, write: bool) -> Session:
        if write or self._in_memory:
            return self._acquire_writer(write)
        self.check_open()
        return self._readers.acquire()

    def _acquire_writer(self, write: bool) -> Session:
        self.check_open()
        if write and self._read_only:
            raise ReadOnlyError(f"{self._path} was opened with read_only=True")
        if self._lease is not None and _lease.get() is self._lease:
            raise BusyError(
                "this thread is in the middle of another call that writes (pieces that are "
                "read from the same store while they are written?); do one after the other, or "
                "both inside transaction()"
            )
        if not any(self._turn.acquire(timeout=each) for each in steps(self._busy_timeout)):
            raise BusyError(
                f"another thread wrote for longer than {self._busy_timeout:g} s; try again, "
                "or raise busy_timeout"
            )
        try:
            self.check_open()
            if self._writer is None:
                self._writer = self._open(read_only=False)
            self._lease = object()
            _lease.set(self._lease)
        except BaseException:
            self._turn.release()
            raise
        return self._writer

    def _release(self, session: Session) -> None:
        assert isinstance(session, SqliteSession)
        if session is self._writer:
            self._lease = None
            if session.broken:
                self._close_writer()
            self._turn.release()
            if self._closed:  # while it was lent
                self._close()
        else:
            self._readers.release(session, broken=session.broken)

    def error(self, error: Exception) -> CheapError:
        if isinstance(error, sqlite3.ProgrammingError):
            kind = ClosedError if "closed database" in str(error) else StoreError
            return kind(f"{self._path}: {error}")
        code = getattr(error, "sqlite_errorcode", 0)
        code = 13 if code == IOERR_SHMSIZE else code & 0xFF
        advice = _ADVICE.get(code, "")
        if code == CANTOPEN and self._mode == "rw" and not self._file.exists():
            advice = "it was removed or renamed since it was opened; create the adapter anew"
        found = chosen(SQLITE_FAULTS, code, error, advice)
        return type(found)(f"{self._path}: {found}")

    def server_version(self) -> str:
        return sqlite3.sqlite_version

    def _close(self) -> None:
        self._readers.close()
        # A call that is still running closes the writer when it gives it back.
        if self._turn.acquire(blocking=False):
            self._close_writer()
            self._turn.release()

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.connection.close()
            self._writer = None

    def __repr__(self) -> str:
        return f"<SqliteAdapter {self._path!r}>"


def _is_unchangeable(file: Path) -> bool:
    """Tell whether a file lies on a medium that nobody can write on."""
    try:
        return bool(os.statvfs(file).f_flag & os.ST_RDONLY)
    except OSError:
        return False


class SqliteDao(SqlDao):
    """Catalogs in a SQLite database.

    Example:
        >>> with SqliteAdapter.create("data/catalog.db", init_schema=True) as adapter:
        ...     dao = SqliteDao(adapter)
        ...     dao.save_catalog(catalog)
    """

    def __init__(self, adapter: SqliteAdapter) -> None:
        super().__init__(adapter)
