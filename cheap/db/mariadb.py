"""MariaDB, through pymysql and our own pool. The only place that imports pymysql."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Self

import pymysql
from pymysql.constants import CLIENT

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
from cheap.db.dao import SqlDao
from cheap.db.dialect import MariaDbDialect
from cheap.db.faults import MARIADB_ADVICE, MARIADB_FAULTS
from cheap.db.migrations import prepare
from cheap.db.pool import Pool
from cheap.db.schema import Table
from cheap.db.statements import Statements
from cheap.errors import (
    CheapError,
    CommitUnknownError,
    ConfigurationError,
    StoreError,
    UnavailableError,
)

BATCH_BYTES: Final = 1_000_000
"""Size of a multi-row INSERT: larger ones are not faster, and a server may take 1 MB at most."""


_Connection = Any
"""A pymysql.connections.Connection; what is known of its types is wrong in places."""


_Base: Any = pymysql.connections.Connection


class _OneContext(_Base):  # type: ignore[misc]
    """A connection that makes no TLS context of its own.

    By default pymysql makes one for each, and reads all certificates of the machine for it, which
    nobody then looks at. That takes 25 ms, also from the KILL that a cancelled task waits for.
    """

    def _create_ssl_ctx(self, sslp: Any) -> object:
        if sslp:
            return _Base._create_ssl_ctx(self, sslp)
        if not _contexts:
            _contexts.append(_Base._create_ssl_ctx(self, {}))
        return _contexts[0]


_contexts: list[object] = []


class MariaDbSession(Session):
    """One MariaDB connection; thrown away after anything but a clean SQL error."""

    def __init__(self, adapter: MariaDbAdapter, connection: _Connection) -> None:
        super().__init__(adapter)
        self.connection = connection
        self.thread_id: int = connection.thread_id()
        self.broken = False
        self.killed = False
        self.asked = True
        self._adapter = adapter
        self._queue: list[str] = []
        self._queued = 0

    def _execute(self, statement: str, params: Params | None) -> Any:
        self.check_call()
        return self._send(statement, params)

    def _send(self, statement: str, params: Params | None) -> Any:
        self._check_whole()
        queue = self._queue
        self.forget()
        first, self.asked = not self.asked, True
        try:
            return self._send_on(queue, statement, params)
        except UnavailableError:
            if not first or self.killed:
                raise
        # It died while it was idle, and nothing was asked of it before: another one will do.
        self._adapter.replace(self)
        self.check_call()
        return self._send_on(queue, statement, params)

    def _send_on(self, queue: list[str], statement: str, params: Params | None) -> Any:
        # Whatever ends a statement but its own answer leaves the rest of that answer in the pipe.
        self.broken = True
        cursor = self.connection.cursor()
        try:
            if queue:
                # What was put off goes ahead, in the same packet; the last answer is ours.
                for packet in _packets([*queue, cursor.mogrify(statement, params)]):
                    cursor.execute("; ".join(packet))
                    for _ in packet[1:]:
                        cursor.nextset()
            else:
                cursor.execute(statement, params)
        except pymysql.err.MySQLError as error:
            found = self._adapter.error(error)
            self.broken = isinstance(found, UnavailableError) or not self.connection.open
            raise found from error
        except (OSError, ValueError) as error:  # pymysql lets some of the socket's errors through
            raise UnavailableError(f"{self._adapter.where}: {error}") from error
        self.broken = False
        return cursor

    def _check_whole(self) -> None:
        """Raise UnavailableError when the connection can only be thrown away."""
        if self.broken:
            raise UnavailableError(
                f"{self._adapter.where}: the connection broke, or was left in the middle of an "
                "answer; what was not committed is rolled back"
            )

    def rows(self, statement: str, params: Params) -> list[Row]:
        return list(self._execute(statement, params).fetchall())

    def run(self, statement: str, params: Params) -> int:
        return int(self._execute(statement, params).rowcount)

    def later(self, statement: str, params: Params) -> None:
        self._put_off(self.connection.cursor().mogrify(statement, params))

    def _put_off(self, statement: str) -> None:
        self._check_whole()
        self._queue.append(statement)
        self._queued += len(statement)
        if self._queued > BATCH_BYTES:
            self.flush()

    def forget(self) -> None:
        self._queue, self._queued = [], 0

    def flush(self) -> None:
        if self._queue:
            self._execute(self._queue.pop(), None)

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        self._run_batches(self.statements.inserts[table.name], rows, "")

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        end = "\n" + self.dialect.on_conflict(table)
        self._run_batches(self.statements.inserts[table.name], rows, end)

    def _run_batches(self, head: str, rows: Sequence[Row], end: str) -> None:
        # pymysql's executemany falls back to one statement a row for forms it does not know.
        run = self._put_off if len(rows) <= FEW else self._run_text
        for values in self._batches(rows):
            run(f"{head} {values}{end}")

    def _run_text(self, statement: str) -> None:
        self._execute(statement, None)

    def _batches(self, rows: Sequence[Row]) -> Iterator[str]:
        batch: list[str] = []
        size = 0
        for row in rows:
            literal = self._literal(row)
            length = 1 + (len(literal) if literal.isascii() else len(literal.encode()))
            if batch and size + length > BATCH_BYTES:
                yield ",".join(batch)
                batch, size = [], 0
            batch.append(literal)
            size += length
        if batch:
            yield ",".join(batch)

    def _literal(self, row: Row) -> str:
        """Quote a row: text by the driver, bytes as hexadecimal digits, which need no quoting."""
        escape = self.connection.escape
        parts: list[str] = []
        for value in row:
            if value is None:
                parts.append("NULL")
            elif value.__class__ is bytes:
                parts.append(f"x'{value.hex()}'")
            elif value.__class__ is int:
                parts.append(str(value))
            else:
                parts.append(escape(value))
        return f"({','.join(parts)})"

    def interrupt(self) -> None:
        self._adapter.kill_query(self)

    def begin(self, *, write: bool) -> None:
        if write:
            # Not READ WRITE: a user who may only read is then told so by the write itself.
            self._put_off("START TRANSACTION")
        else:
            # A snapshot needs REPEATABLE READ, for this one transaction.
            self._put_off("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self._put_off("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def commit(self) -> None:
        self._check_whole()
        self.asked = True  # it is not sent twice
        try:
            self._execute("COMMIT", None)
        except UnavailableError as error:
            raise CommitUnknownError(
                f"the connection broke during COMMIT: {error}; "
                "read the catalog's revision to find out whether it happened"
            ) from error

    def rollback(self) -> None:
        self.forget()
        if self.broken or self.killed:
            return  # the server rolls back when the connection is closed
        try:
            self._send("ROLLBACK", None)  # also when the call was stopped
        except CheapError:
            self.broken = True


def _packets(statements: list[str]) -> Iterator[list[str]]:
    """Put statements together as far as a packet may hold them."""
    packet: list[str] = []
    size = 0
    for statement in statements:
        length = len(statement) if statement.isascii() else len(statement.encode())
        if packet and size + length > BATCH_BYTES:
            yield packet
            packet, size = [], 0
        packet.append(statement)
        size += length
    yield packet


class MariaDbAdapter(Adapter):
    """A MariaDB database and a pool of connections to it."""

    dialect = MariaDbDialect()
    statements = Statements(dialect)

    def __init__(
        self,
        options: dict[str, Any],
        *,
        pool_min_size: int,
        pool_max_size: int,
        pool_max_idle: float,
        pool_timeout: float,
    ) -> None:
        super().__init__()
        address = options["unix_socket"] or f"{options['host']}:{options['port']}"
        self.where = f"MariaDB {options['database']!r} at {address}"
        self._options = options
        self._pool: Pool[MariaDbSession] = Pool(
            self._open,
            lambda session: _hang_up(session.connection),
            min_size=pool_min_size,
            max_size=pool_max_size,
            timeout=pool_timeout,
            max_idle=pool_max_idle,
        )

    @classmethod
    def create(
        cls,
        *,
        host: str = "localhost",
        port: int = 3306,
        database: str,
        user: str,
        password: str | None = None,
        init_schema: bool = False,
        pool_min_size: int = 1,
        pool_max_size: int = 10,
        pool_max_idle: float = 600.0,
        pool_timeout: float = 30.0,
        connect_timeout: float = 10.0,
        statement_timeout: float | None = None,
        unix_socket: str | None = None,
    ) -> Self:
        """Connect to a database.

        Args:
            host: the server's name or address.
            port: its port.
            database: the database; it must be there.
            user: who connects.
            password: the password, if one is needed.
            init_schema: make the schema if it is missing, and bring an old one forward.
            pool_min_size: connections kept open while idle.
            pool_max_size: most connections at once.
            pool_max_idle: seconds after which an idle connection above the minimum is closed.
            pool_timeout: seconds to wait for a connection that is in use.
            connect_timeout: seconds to wait for the server.
            statement_timeout: seconds after which the server stops a statement; ``None``: never.
                (A network that is silent for ten minutes ends a call in any case.)
            unix_socket: path of the server's socket, used instead of host and port.

        Raises:
            UnavailableError: no server answers there.
            AccessDeniedError: wrong user or password.
            ConfigurationError: no such database, or sizes that make no sense.
            SchemaVersionError: the schema is missing (and not wanted), or newer than this CheapPy.
        """
        check_port(port)
        check_database("database", database)
        check_seconds("connect_timeout", connect_timeout)
        if statement_timeout is not None:
            check_seconds("statement_timeout", statement_timeout)
        mode = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO"
        settings = [
            f"sql_mode = '{mode}'",
            "time_zone = '+00:00'",
            "SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        ]
        if statement_timeout is not None:
            settings.insert(0, f"max_statement_time = {float(statement_timeout)}")
        options = {
            "host": host,
            "port": port,
            "database": database,
            "user": user,
            "password": password or "",
            "unix_socket": unix_socket,
            "charset": "utf8mb4",
            "collation": "utf8mb4_nopad_bin",
            "autocommit": True,
            "connect_timeout": connect_timeout,
            "read_timeout": 600,
            "write_timeout": 600,
            # UPDATE then counts the rows it found, not those that differ; and several statements
            # may share a packet (Session.later). Values are quoted by the driver in each of them.
            "client_flag": CLIENT.FOUND_ROWS | CLIENT.MULTI_STATEMENTS,
            "init_command": None,
            "settings": settings,
        }
        adapter = cls(
            options,
            pool_min_size=pool_min_size,
            pool_max_size=pool_max_size,
            pool_max_idle=pool_max_idle,
            pool_timeout=pool_timeout,
        )
        try:
            adapter._pool.fill()
            with adapter.session() as session:
                rows = session.rows(
                    "SELECT COUNT(*) FROM information_schema.tables"
                    " WHERE table_schema = DATABASE() AND table_name = 'cheap_store'",
                    {},
                )
            prepare(adapter, exists=bool(rows[0][0]), init_schema=init_schema)
        except BaseException:
            adapter.close()
            raise
        return adapter

    def _open(self) -> MariaDbSession:
        return MariaDbSession(self, self._connect())

    def _connect(self) -> _Connection:
        options = dict(self._options)
        settings: list[str] = options.pop("settings")
        connection: _Connection | None = None
        try:
            connection = _OneContext(**options)
            cursor = connection.cursor()
            cursor.execute("; ".join(f"SET {each}" for each in settings))
            while cursor.nextset():
                pass
            return connection
        except BaseException as error:
            if connection is not None:
                _hang_up(connection)
            if isinstance(error, (pymysql.err.MySQLError, OSError)):
                raise self.error(error) from error
            if isinstance(error, RuntimeError):  # the account's way to log in needs a package
                raise ConfigurationError(f"{self.where}: {error}") from error
            raise

    def replace(self, session: MariaDbSession) -> None:
        """Give a session another connection, in the place of one that died."""
        _hang_up(session.connection)
        self._pool.drop_idle()  # the others probably died, too
        session.connection = self._connect()
        session.thread_id = session.connection.thread_id()
        session.broken = False

    @property
    def width(self) -> int:
        return self._pool.max_size

    @property
    def checked_out(self) -> int:
        return self._pool.lent

    @property
    def patience(self) -> float:
        return self._pool.timeout

    def _acquire(self, *, write: bool) -> Session:
        self.check_open()
        session = self._pool.acquire()
        session.asked = False
        return session

    def _release(self, session: Session) -> None:
        assert isinstance(session, MariaDbSession)
        session.forget()
        # A KILL that came late would hit the connection's next statement.
        self._pool.release(session, broken=session.broken or session.killed)
        if session.broken:
            self._pool.drop_idle()

    def kill_query(self, session: MariaDbSession) -> None:
        """Stop what runs on a session's connection, by way of another one."""
        session.killed = True
        options: dict[str, Any] = {**self._options, "connect_timeout": 2, "read_timeout": 5}
        del options["settings"]
        # It may have ended by itself; and without a server nothing runs.
        with suppress(pymysql.err.MySQLError, OSError):
            connection: _Connection = _OneContext(**options)
            with suppress(pymysql.err.MySQLError, OSError):
                connection.cursor().execute(f"KILL QUERY {session.thread_id:d}")
            connection.close()

    def error(self, error: Exception) -> CheapError:
        if isinstance(error, OSError):
            return UnavailableError(f"{self.where}: {error} (is the server running?)")
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        text = error.args[1] if len(error.args) > 1 else str(error)
        if isinstance(error, pymysql.err.InterfaceError):
            code = 0
        elif code == 0:
            return StoreError(f"{self.where}: {text}")
        if code == 1030 and "28 " in text:  # "Got error 28 … from storage engine": ENOSPC
            code = 1021
        found = chosen(MARIADB_FAULTS, code, Exception(text), MARIADB_ADVICE.get(code, ""))
        return type(found)(f"{self.where}: {found}")

    def server_version(self) -> str:
        with self.session() as session:
            return str(session.rows("SELECT VERSION()", {})[0][0])

    def _close(self) -> None:
        self._pool.close()

    def __repr__(self) -> str:
        return f"<MariaDbAdapter {self.where}>"


def _hang_up(connection: _Connection) -> None:
    with suppress(pymysql.err.MySQLError, OSError):  # it is gone, which is what was wanted
        connection.close()


class MariaDbDao(SqlDao):
    """Catalogs in a MariaDB database.

    Example:
        >>> with MariaDbAdapter.create(database="shop", user="shop", init_schema=True) as adapter:
        ...     dao = MariaDbDao(adapter)
        ...     dao.save_catalog(catalog)
    """

    def __init__(self, adapter: MariaDbAdapter) -> None:
        super().__init__(adapter)
