"""PostgreSQL, through psycopg and its pool. The only place that imports them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Self, TypeGuard, cast

import psycopg
import psycopg_pool
from psycopg.types.string import ByteaBinaryLoader

from cheap.db.adapter import (
    FEW,
    Adapter,
    Params,
    Row,
    Session,
    check_database,
    check_port,
    check_seconds,
    chosen,
)
from cheap.db.calls import steps
from cheap.db.copying import COPY_HEAD, COPY_TAIL, packer
from cheap.db.dao import SqlDao
from cheap.db.dialect import PostgresDialect
from cheap.db.faults import POSTGRES_ADVICE, POSTGRES_FAULTS, POSTGRES_WORDS
from cheap.db.migrations import prepare
from cheap.db.pool import check_sizes
from cheap.db.schema import Kind, Table
from cheap.db.statements import Statements
from cheap.errors import (
    CheapError,
    CommitUnknownError,
    PoolTimeoutError,
    StatementTimeoutError,
    StoreError,
    UnavailableError,
)


class Connection(psycopg.Connection[Row]):
    """A connection that keeps a cursor: to make one takes longer than to read a record with it."""

    kept: psycopg.Cursor[Row] | None = None


CANCEL_TIMEOUT: Final = 5.0
"""Seconds to wait for the server's answer to a request to stop a statement."""

QUEUE_BYTES: Final = 1_000_000
"""How much is put off at most: a large value that is written in pieces is not held in memory."""

COPY_FROM: Final = FEW
"""From so many new rows on, COPY is faster than arrays."""


_ROLLBACKS: Final = itertools.count(1)


class PostgresSession(Session):
    """One PostgreSQL connection, lent by the pool; in autocommit until ``begin``."""

    def __init__(
        self, adapter: PostgresAdapter, connection: Connection, *, pooled: bool = True
    ) -> None:
        super().__init__(adapter)
        self.connection = connection
        self.pooled = pooled
        self._adapter = adapter
        self._asked = False
        self._queue: list[tuple[str, Params]] = []
        self._queued = 0

    def _execute(self, statement: str, params: Params) -> psycopg.Cursor[Row]:
        self.check_call()
        try:
            return self._send(statement, params)
        except psycopg.Error as error:
            raise self._adapter.error(error) from error

    def _send(self, statement: str, params: Params) -> psycopg.Cursor[Row]:
        """Send a statement, and with it what was put off: one way there and back for all."""
        queue = self._queue
        self.forget()
        first, self._asked = not self._asked, True
        try:
            return self._send_on(queue, statement, params)
        except psycopg.OperationalError:
            if not (first and self.connection.closed):
                raise
        # It died while it was idle, and nothing was asked of it before: another one will do.
        self._adapter.replace(self)
        self.check_call()
        return self._send_on(queue, statement, params)

    def _send_on(
        self, queue: list[tuple[str, Params]], statement: str, params: Params
    ) -> psycopg.Cursor[Row]:
        connection = self.connection
        if (cursor := connection.kept) is None:
            cursor = connection.kept = connection.cursor(binary=True)
        if not queue:
            return self._run(cursor, statement, params)
        with connection.pipeline():
            for each, values in queue:
                self._run(connection.cursor(binary=True), each, values)
            return self._run(cursor, statement, params)

    @staticmethod
    def _run(cursor: psycopg.Cursor[Row], statement: str, params: Params) -> psycopg.Cursor[Row]:
        # After five runs the server would plan a prepared statement for any list, and look through
        # the list from its beginning for each row: 2.4 s instead of 0.06 s for 6,000 ids.
        prepare = False if "= ANY(" in statement else None
        return cursor.execute(
            statement,  # pyright: ignore[reportArgumentType]
            params or None,
            prepare=prepare,
        )

    def later(self, statement: str, params: Params) -> None:
        self._queue.append((statement, params))

    def forget(self) -> None:
        self._queue, self._queued = [], 0

    def flush(self) -> None:
        if self._queue:
            self._execute(*self._queue.pop())

    def rows(self, statement: str, params: Params) -> list[Row]:
        try:
            found = self._execute(statement, params).fetchall()
        except psycopg.Error as error:
            raise self._adapter.error(error) from error
        if len(found) > 1:
            self.connection.kept = None  # with the cursor goes the answer, which may be large
        return found

    def run(self, statement: str, params: Params) -> int:
        return self._execute(statement, params).rowcount

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        if len(rows) < COPY_FROM:
            self._run_arrays(self.statements.inserts[table.name], table, rows)
            return
        self.flush()
        self.check_call()
        statement = cast(PostgresDialect, self.dialect).copy_many(table)
        pack = packer(table)
        try:
            with (
                self.connection.cursor() as cursor,
                cursor.copy(statement) as copy,  # pyright: ignore[reportArgumentType]
            ):
                copy.write(COPY_HEAD)
                for start in range(0, len(rows), COPY_FROM):
                    copy.write(b"".join(map(pack, rows[start : start + COPY_FROM])))
                copy.write(COPY_TAIL)
        except psycopg.Error as error:
            raise self._adapter.error(error) from error

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        # Arrays of some thousand rows: larger ones are not faster and take memory twice.
        for start in range(0, len(rows), 5_000):
            self._run_arrays(
                self.statements.upserts[table.name], table, rows[start : start + 5_000]
            )

    def _run_arrays(self, statement: str, table: Table, rows: Sequence[Row]) -> None:
        if not rows:
            return
        params: dict[str, object] = {}
        for column, values in zip(table.columns, zip(*rows, strict=True), strict=True):
            as_text = column.kind is Kind.DOCUMENT
            params[column.name] = (
                [each.decode() if each.__class__ is bytes else each for each in values]
                if as_text
                else list(values)
            )
        if len(rows) <= FEW:
            self.later(statement, params)
            self._queued += sum(len(each) for row in rows for each in row if _has_length(each))
            if self._queued > QUEUE_BYTES:
                self.flush()
        else:
            self._execute(statement, params)

    def interrupt(self) -> None:
        with suppress(psycopg.Error):  # it may have ended by itself
            self.connection.cancel_safe(timeout=CANCEL_TIMEOUT)

    def begin(self, *, write: bool) -> None:
        # A write sees what others committed before it got the catalog's row; a read sees the
        # database as of one moment. Not READ WRITE: a standby, or a user who may only read, then
        # refuses the write itself.
        self.later(
            "BEGIN ISOLATION LEVEL READ COMMITTED"
            if write
            else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            {},
        )

    def commit(self) -> None:
        if self.connection.closed:
            raise UnavailableError(f"{self._adapter}: the connection broke before the commit")
        self._asked = True  # it is not sent twice
        try:
            done = self._send("COMMIT", {}).statusmessage
        except psycopg.OperationalError as error:
            if self.connection.closed and not _was_refused(error):
                raise CommitUnknownError(
                    f"the connection broke during COMMIT: {error}; "
                    "read the catalog's revision to find out whether it happened"
                ) from error
            raise self._adapter.error(error) from error
        except psycopg.Error as error:
            raise self._adapter.error(error) from error
        if done != "COMMIT":  # after a failed statement it rolls back and calls that a success
            raise StoreError("the transaction had failed before its end and was rolled back")

    def rollback(self) -> None:
        self.forget()
        try:
            if not self.connection.closed:
                # Each is another text: psycopg (3.3.9) counts on statements that it sent to be
                # prepared behind one that failed, until it sees a ROLLBACK, and it looks at the
                # first of each text only.
                self.connection.execute(f"ROLLBACK -- {next(_ROLLBACKS)}".encode())
        except psycopg.Error:
            self.connection.close()  # the pool replaces it


class PostgresAdapter(Adapter):
    """A PostgreSQL database and a pool of connections to it."""

    dialect = PostgresDialect()
    statements = Statements(dialect)

    def __init__(
        self,
        pool: psycopg_pool.ConnectionPool[Connection],
        options: dict[str, Any],
        width: int,
        where: str,
    ) -> None:
        super().__init__()
        self._pool = pool
        self._options = options
        self._width = width
        self._where = where
        self._lent = 0
        self._lost = False

    @classmethod
    def create(
        cls,
        *,
        host: str = "localhost",
        port: int = 5432,
        dbname: str,
        user: str,
        password: str | None = None,
        init_schema: bool = False,
        pool_min_size: int = 1,
        pool_max_size: int = 10,
        pool_max_idle: float = 600.0,
        pool_timeout: float = 30.0,
        connect_timeout: float = 10.0,
        statement_timeout: float | None = None,
        prepare: bool = True,
    ) -> Self:
        """Connect to a database.

        Args:
            host: the server's name or address, or the folder of its socket.
            port: its port.
            dbname: the database; it must be there.
            user: who connects.
            password: the password, if one is needed.
            init_schema: make the schema if it is missing, and bring an old one forward.
            pool_min_size: connections kept open while idle.
            pool_max_size: most connections at once.
            pool_max_idle: seconds after which an idle connection above the minimum is closed.
            pool_timeout: seconds to wait for a connection that is in use.
            connect_timeout: seconds to wait for the server.
            statement_timeout: seconds after which the server stops a statement; ``None``: never.
            prepare: let statements be prepared; ``False`` behind a pooler in transaction mode.

        Raises:
            UnavailableError: no server answers there.
            AccessDeniedError: wrong user or password.
            ConfigurationError: no such database, or sizes that make no sense.
            SchemaVersionError: the schema is missing (and not wanted), or newer than this CheapPy.
        """
        check_sizes(pool_min_size, pool_max_size, pool_timeout, pool_max_idle)
        check_port(port)
        check_database("dbname", dbname)
        check_seconds("connect_timeout", connect_timeout)
        if statement_timeout is not None:
            check_seconds("statement_timeout", statement_timeout)
        options: dict[str, Any] = {
            "host": host,
            "port": port,
            "dbname": dbname,
            "user": user,
            "password": password,
            "connect_timeout": max(2, round(connect_timeout)),
            "autocommit": True,
            "prepare_threshold": 3 if prepare else None,
            "application_name": "cheappy",
            "client_encoding": "UTF8",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        }
        if statement_timeout is not None:
            options["options"] = f"-c statement_timeout={math.ceil(statement_timeout * 1000)}"
        where = f"PostgreSQL {dbname!r} at {host}:{port}"
        exists = cls._look(options, where)
        pool: psycopg_pool.ConnectionPool[Connection] = psycopg_pool.ConnectionPool(
            kwargs=options,
            connection_class=Connection,
            min_size=pool_min_size,
            max_size=pool_max_size,
            max_idle=pool_max_idle,
            timeout=pool_timeout,
            reconnect_timeout=connect_timeout,
            configure=_configure,
            open=False,
            name="cheappy",
        )
        adapter = cls(pool, options, pool_max_size, where)
        try:
            pool.open()
            _prepare(adapter, exists=exists, init_schema=init_schema)
        except BaseException:
            adapter.close()
            raise
        return adapter

    @classmethod
    def _look(cls, options: dict[str, Any], where: str) -> bool:
        """Connect without the pool, whose errors hide the reason; tell if the schema is there."""
        try:
            with psycopg.connect(**options) as connection:
                row = connection.execute("SELECT to_regclass('cheap_store') IS NOT NULL").fetchone()
        except psycopg.Error as error:
            raise _translate(error, where) from error
        return bool(row and row[0])

    @property
    def width(self) -> int:
        return self._width

    @property
    def checked_out(self) -> int:
        return self._lent

    @property
    def patience(self) -> float:
        return self._pool.timeout

    def _acquire(self, *, write: bool) -> Session:
        self.check_open()
        session = self._fresh() if self._is_lost() and self._lent < self._width else None
        if session is None:
            try:
                session = PostgresSession(self, self._from_pool())
            except psycopg_pool.PoolClosed as error:
                self.check_open()
                raise self.error(error) from error
            except psycopg_pool.PoolTimeout as error:
                if self._lent >= self._width:
                    raise PoolTimeoutError(
                        f"{self._where}: all {self._width} connections were in use for "
                        f"{self._pool.timeout:g} s; raise pool_max_size, or do less at once"
                    ) from error
                session = self._fresh()  # the pool could not make one, and does not say why
        with self._state:
            self._lent += 1
        return session

    def _from_pool(self) -> Connection:
        failure: psycopg_pool.PoolTimeout | None = None
        for wait in steps(self._pool.timeout):
            try:
                return self._pool.getconn(wait)
            except psycopg_pool.PoolTimeout as error:
                failure = error
        raise failure or psycopg_pool.PoolTimeout

    def replace(self, session: PostgresSession) -> None:
        """Give a session another connection, in the place of one that died."""
        self._take_back(session)
        session.pooled = False
        session.connection = self._connect()

    def _is_lost(self) -> bool:
        """Tell whether a connection broke, and the pool has no new one yet."""
        if self._lost and self._pool.get_stats()["pool_available"]:
            self._lost = False
        return self._lost

    def _fresh(self) -> PostgresSession:
        """Connect without the pool, which would wait for a server that is gone until it times out.

        Raises:
            UnavailableError: no server answers.
        """
        return PostgresSession(self, self._connect(), pooled=False)

    def _connect(self) -> Connection:
        try:
            connection = Connection.connect(**self._options)
        except psycopg.Error as error:
            raise self.error(error) from error
        _configure(connection)
        return connection

    def _release(self, session: Session) -> None:
        assert isinstance(session, PostgresSession)
        with self._state:
            self._lent -= 1
        self._take_back(session)

    def _take_back(self, session: PostgresSession) -> None:
        broken = session.connection.closed
        if session.pooled:
            self._pool.putconn(session.connection)
        else:
            session.connection.close()
        if broken:
            self._lost = True
        if (broken or not session.pooled) and not self._closed:
            # The idle ones probably broke too, and each would fail one more call. When there are
            # none, this makes the pool connect again.
            self._pool.check()

    def error(self, error: Exception) -> CheapError:
        return _translate(error, self._where)

    def server_version(self) -> str:
        with self.session() as session:
            return str(session.rows("SHOW server_version", {})[0][0])

    def _close(self) -> None:
        self._pool.close(timeout=5.0)

    def __repr__(self) -> str:
        return f"<PostgresAdapter {self._where}>"


_prepare = prepare


def _configure(connection: Connection) -> None:
    # Stored documents arrive as the bytes they are; the default would parse them.
    connection.adapters.register_loader("json", ByteaBinaryLoader)


def _translate(error: Exception, where: str) -> CheapError:
    state = getattr(error, "sqlstate", None)
    if state is None and isinstance(error, psycopg.OperationalError):
        text = str(error)
        for words, kind, advice in POSTGRES_WORDS:
            if words in text:
                return kind(f"{where}: {text.strip()} ({advice})")
        return UnavailableError(f"{where}: {text.strip()} (is the server running?)")
    if state is not None and state.startswith("08"):
        return UnavailableError(f"{where}: {error}")
    if state == "57014" and "timeout" in str(error):
        return StatementTimeoutError(f"{where}: {error}; ask for less at once, or raise it")
    found = chosen(POSTGRES_FAULTS, state, error, POSTGRES_ADVICE.get(state or "", ""))
    return type(found)(f"{where}: {found}")


def _has_length(value: object) -> TypeGuard[str | bytes]:
    return value.__class__ is bytes or value.__class__ is str


def _was_refused(error: psycopg.Error) -> bool:
    """Whether the server itself said no (then nothing was committed)."""
    return error.sqlstate is not None and not error.sqlstate.startswith(("08", "57P"))


class PostgresDao(SqlDao):
    """Catalogs in a PostgreSQL database.

    Example:
        >>> with PostgresAdapter.create(dbname="shop", user="shop", init_schema=True) as adapter:
        ...     dao = PostgresDao(adapter)
        ...     dao.save_catalog(catalog)
    """

    def __init__(self, adapter: PostgresAdapter) -> None:
        super().__init__(adapter)
