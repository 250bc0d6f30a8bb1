"""Adapters and sessions: how one database is reached, and how its failures become ours."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from types import TracebackType
from typing import Any, ClassVar, Self
from uuid import UUID

from cheap.db.calls import Call, committing, current_call
from cheap.db.dialect import Dialect
from cheap.db.pool import MAX_SECONDS
from cheap.db.schema import Table
from cheap.db.statements import Statements
from cheap.errors import (
    CheapError,
    ClosedError,
    ConfigurationError,
    StoreError,
)

Row = tuple[Any, ...]
Params = Mapping[str, object]

FEW = 200
"""Up to so many rows are written together with the next statement."""


class Session(ABC):
    """One connection, in the hands of one call. Every driver error leaves it as one of ours."""

    is_remote: ClassVar[bool] = True
    """Whether a statement takes a way there and back, so that few are better than cheap ones."""

    def __init__(self, adapter: Adapter) -> None:
        self.dialect = adapter.dialect
        self.statements = adapter.statements
        self.call: Call | None = None

    @abstractmethod
    def rows(self, statement: str, params: Params) -> list[Row]:
        """Run a query and return all of its rows."""

    def parts(self, statement: str, params: Params) -> Generator[Sequence[Row]]:
        """Run a query for many rows and yield them some at a time, as they come.

        Nothing else can be run on the session until the last part was taken, or this was closed.
        """
        yield self.rows(statement, params)

    @abstractmethod
    def run(self, statement: str, params: Params) -> int:
        """Run a statement and return how many rows it touched."""

    def later(self, statement: str, params: Params) -> None:
        """Run a statement whose answer nobody needs: now, or together with the next one.

        Behind a network that saves a way there and back; its errors come with the next answer.
        """
        self.run(statement, params)

    def flush(self) -> None:  # noqa: B027 - not all sessions put anything off
        """Run what was put off by ``later``, so that its errors come now."""

    def forget(self) -> None:  # noqa: B027
        """Drop what was put off by ``later``: it is not wanted any more."""

    @abstractmethod
    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Write rows that are not there yet, in the fastest way there is; few of them ``later``."""

    @abstractmethod
    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Write rows that take the place of those that are there; few of them ``later``."""

    @abstractmethod
    def begin(self, *, write: bool) -> None:
        """Begin a transaction; one that only reads sees the database as of one moment."""

    @abstractmethod
    def commit(self) -> None:
        """Commit; raises CommitUnknownError when the answer did not come back."""

    @abstractmethod
    def rollback(self) -> None:
        """Roll back, as well as a broken connection allows; never raises."""

    @abstractmethod
    def interrupt(self) -> None:
        """Stop the statement that runs on this connection; called from another thread.

        What runs fails with an error; when nothing runs, nothing happens.
        """

    def check_call(self) -> None:
        """Raise StoppedError when the call that has this session was stopped."""
        if self.call is not None:
            self.call.check()

    def leave_call(self) -> None:
        """Be out of reach of the call that has this session: it interrupts nothing any more."""
        if (call := self.call) is not None:
            call.detach(self)

    def run_all(self, statements: Iterable[str], params: Params) -> None:
        """Run several statements with the same values, ``later``."""
        for each in statements:
            self.later(each, params)
        if self.call is not None:
            # They may touch any number of rows, and a commit, once it is on its way with what was
            # put off, is not stopped any more.
            self.flush()


class Adapter(ABC):
    """One database: its dialect, its connections, and its errors.

    An adapter is a context manager and may be shared by threads, but not by processes: after a
    fork, the child needs its own. Closing it twice is harmless.
    """

    dialect: ClassVar[Dialect]
    statements: ClassVar[Statements]
    retries: ClassVar[int] = 5
    """How often a write is repeated after a deadlock or a serialization failure."""

    def __init__(self) -> None:
        self._closed = False
        self._process = os.getpid()
        self._identity: UUID | None = None
        self._state = threading.Lock()

    @property
    @abstractmethod
    def width(self) -> int:
        """How many calls can work at once."""

    @property
    def writers(self) -> int:
        """How many of them can write; if not all, the others have connections of their own."""
        return self.width

    @property
    def eager_readers(self) -> int:
        """How many calls that read are best worked on at once, while none of them takes long."""
        return self.width

    @property
    @abstractmethod
    def checked_out(self) -> int:
        """How many connections are in use right now."""

    @property
    @abstractmethod
    def patience(self) -> float:
        """How many seconds to wait for a connection that is in use."""

    def acquire(self, *, write: bool) -> Session:
        """Lend a session; PoolTimeoutError when none comes free in time."""
        session = self._acquire(write=write)
        call = current_call.get()
        if call is not None:
            try:
                call.attach(session)
            except BaseException:
                self._release(session)
                raise
        return session

    def release(self, session: Session) -> None:
        """Take a session back; one that broke is thrown away."""
        session.leave_call()
        self._release(session)

    @abstractmethod
    def _acquire(self, *, write: bool) -> Session:
        """Lend a session; whoever waits for one goes in ``steps``."""

    @abstractmethod
    def _release(self, session: Session) -> None:
        """Take a session back."""

    @abstractmethod
    def error(self, error: Exception) -> CheapError:
        """Return our error for a driver's."""

    @abstractmethod
    def server_version(self) -> str:
        """Return the version of the database, in its own words."""

    @abstractmethod
    def _close(self) -> None:
        """Close every connection."""

    def session(self, *, write: bool = False) -> Lent:
        """Lend a session for one statement, which is a transaction of its own."""
        return Lent(self, write=write)

    @contextmanager
    def transaction(self, *, write: bool) -> Generator[Session]:
        """Lend a session inside a transaction: committed at the end, rolled back on any error."""
        session = self.begin(write=write)
        try:
            yield session
            with committing() if write else nullcontext():
                session.commit()
                session.leave_call()  # which can be stopped again after this
        except BaseException:
            session.leave_call()
            session.rollback()
            raise
        finally:
            self.release(session)

    def begin(self, *, write: bool) -> Session:
        """Lend a session in a new transaction."""
        session = self.acquire(write=write)
        try:
            session.begin(write=write)
            return session
        except BaseException:  # also when it has begun, and Ctrl-C came before we heard of it
            session.leave_call()
            session.rollback()
            self.release(session)
            raise

    def remember_store_id(self, store_id: bytes) -> None:
        """Take over the id of the store, which is read once, when the adapter is made.

        Later would be too late: a call that is in a transaction may hold the last connection.
        """
        self._identity = UUID(bytes=bytes(store_id))

    @property
    def store_id(self) -> UUID:
        """Identifies the database; made when its schema was."""
        assert self._identity is not None, "known since the schema was looked at"
        return self._identity

    def close(self) -> None:
        """Close every connection."""
        with self._state:
            if self._closed:
                return
            self._closed = True
        if self._process == os.getpid():  # else the connections are those of another process
            self._close()

    def check_open(self) -> None:
        """Raise ClosedError after ``close()``, and in a process that was forked off."""
        if self._closed:
            raise ClosedError(f"this {type(self).__name__} was closed; create another one")
        if self._process != os.getpid():
            raise ClosedError(
                f"this {type(self).__name__} belongs to the process that made it, and "
                "connections cannot be shared; fork first, then create one in each process"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Lent:
    """A session lent for the length of a ``with`` block.

    A class, since a generator would double the cost of reading one record.
    """

    __slots__ = ("_adapter", "_session", "_write")

    def __init__(self, adapter: Adapter, *, write: bool) -> None:
        self._adapter = adapter
        self._write = write

    def __enter__(self) -> Session:
        self._session = self._adapter.acquire(write=self._write)
        return self._session

    def __exit__(self, *error: object) -> None:
        self._adapter.release(self._session)


def chosen(
    faults: Mapping[Any, type[CheapError]], code: Any, error: Exception, advice: str = ""
) -> CheapError:
    """Return our error for a driver's code; StoreError when the table does not know it."""
    kind = faults.get(code, StoreError)
    text = str(error).strip() or type(error).__name__
    return kind(f"{text} ({advice})" if advice else text)


def check_seconds(name: str, seconds: float) -> None:
    """Raise ConfigurationError when a number of seconds is not above 0 and at most a million."""
    if not 0 < seconds <= MAX_SECONDS:  # also refuses nan
        raise ConfigurationError(
            f"{name}: expected more than 0 and at most {MAX_SECONDS:,} seconds, got {seconds}"
        )


def check_database(name: str, database: object) -> None:
    """Raise ConfigurationError when a database is not named.

    A server that is told no name takes the one it thinks of, as that of the user.

    Args:
        name: what the option is called.
        database: what was given.
    """
    if not isinstance(database, str) or not database or "\0" in database:
        raise ConfigurationError(
            f"{name}: expected the name of a database that is there, got {database!r}"
        )


def check_port(port: int) -> None:
    """Raise ConfigurationError when a port is none."""
    if not 0 < port < 65_536:
        raise ConfigurationError(f"port: expected 1 to 65535, got {port}")
