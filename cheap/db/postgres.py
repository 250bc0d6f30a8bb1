"""PostgreSQL, through psycopg and its pool, which only this and its session know."""

from __future__ import annotations

import math
from typing import Any, Self

import psycopg
import psycopg_pool
from psycopg.types.string import ByteaBinaryLoader

from cheap.db.adapter import (
    Adapter,
    Session,
    check_database,
    check_port,
    check_seconds,
    chosen,
)
from cheap.db.calls import steps
from cheap.db.dao import SqlDao
from cheap.db.dialect import PostgresDialect
from cheap.db.faults import POSTGRES_ADVICE, POSTGRES_FAULTS, POSTGRES_WORDS
from cheap.db.migrations import prepare
from cheap.db.pool import check_sizes
from cheap.db.postgres_session import Connection, PostgresSession
from cheap.db.statements import Statements
from cheap.errors import (
    CheapError,
    PoolTimeoutError,
    StatementTimeoutError,
    UnavailableError,
)


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


class PostgresDao(SqlDao):
    """Catalogs in a PostgreSQL database.

    Example:
        >>> with PostgresAdapter.create(dbname="shop", user="shop", init_schema=True) as adapter:
        ...     dao = PostgresDao(adapter)
        ...     dao.save_catalog(catalog)
    """

    def __init__(self, adapter: PostgresAdapter) -> None:
        super().__init__(adapter)
