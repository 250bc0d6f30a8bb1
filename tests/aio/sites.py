"""Real databases for the facade's tests, seen from both sides: awaited, and by the driver."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import Any, ClassVar
from unittest import mock

from cheap.aio import mariadb, postgres, sqlite
from cheap.aio.adapter import AsyncAdapter
from cheap.aio.dao import AsyncDao
from cheap.db import mariadb as blocking_mariadb
from cheap.db import sqlite as blocking_sqlite
from cheap.db.adapter import Session
from cheap.db.postgres_session import PostgresSession
from cheap.db.schema import STORE, TABLES
from tests.db.places import MariaDbSite, PostgresSite, ServerSite, Site, SqliteSite


class AioSite(ABC):
    """One empty database.

    Args:
        site: the same, with the bare driver.
    """

    session: ClassVar[type[Session]]
    endless: ClassVar[str]
    """A statement that does not end by itself, at least not during a test."""
    pause: ClassVar[float] = 0.005
    """How long it waits between two looks at what the database does, in seconds."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @abstractmethod
    async def create(self, **options: Any) -> AsyncAdapter:
        """An adapter with room for four calls at once, on SQLite for three."""

    @abstractmethod
    def dao(self, adapter: Any) -> AsyncDao: ...

    @abstractmethod
    def at_work(self) -> list[Any]:
        """What the database does for us right now, transactions that do nothing included."""

    @abstractmethod
    def connections(self) -> int:
        """How many connections we have, as the database counts them."""

    def connections_left(self, most: int = 0) -> int:
        """How many connections stay; the database notices a moment later that some were closed."""
        deadline = time.monotonic() + 10
        while (count := self.connections()) > most and time.monotonic() < deadline:
            time.sleep(0.005)
        return count

    def catalogs(self) -> int:
        return int(self.site.ask("SELECT COUNT(*) FROM cheap_catalog")[0][0])

    def clear(self) -> None:
        """Delete every catalog."""
        with closing(self.site.connect()) as connection:
            for table in TABLES:
                if table is not STORE:
                    self.site.ask_on(connection, f"DELETE FROM {table.name}")

    def settled(self) -> bool:
        """Whether the database does nothing for us any more; a moment is granted."""
        deadline = time.monotonic() + 10
        while self.at_work():
            if time.monotonic() > deadline:
                return False
            time.sleep(self.pause)
        return True

    @contextmanager
    def before(self, step: str, do: Callable[[Session], object], *, times: int = 1) -> Generator:
        """Do something in a call's thread just before its session takes a step, so many times."""
        original = getattr(self.session, step)
        left = times

        def stepping(session: Session, *args: Any, **kwargs: Any) -> Any:
            nonlocal left
            if left > 0 and (session.call is not None or step == "rollback"):
                left -= 1
                do(session)
            return original(session, *args, **kwargs)

        with mock.patch.object(self.session, step, stepping):
            yield

    @contextmanager
    def slow(self, step: str = "rows", *, times: int = 1) -> Generator[threading.Event]:
        """Let sessions run an endless statement first; yields what tells that one has begun."""
        begun = threading.Event()

        def be_slow(session: Session) -> None:
            session.flush()
            begun.set()
            type(session).run(session, self.endless, {})

        with self.before(step, be_slow, times=times):
            yield begun

    @contextmanager
    def held(
        self, step: str, *, times: int = 1
    ) -> Generator[tuple[threading.Event, threading.Event]]:
        """Hold calls just before a step, where nothing can stop them.

        Yields what tells that one is held, and what lets them go on; which the end does too.
        """
        held, go = threading.Event(), threading.Event()

        def hold(_: Session) -> None:
            held.set()
            assert go.wait(30)

        with self.before(step, hold, times=times):
            try:
                yield held, go
            finally:
                go.set()


class SqliteAioSite(AioSite):
    session = blocking_sqlite.SqliteSession
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
    site: SqliteSite

    async def create(self, **options: Any) -> sqlite.SqliteAdapter:
        if timeout := options.pop("pool_timeout", None):
            options["busy_timeout"] = timeout
        if size := options.pop("pool_max_size", None):
            options["readers"] = max(1, size - 1)
        given = {"init_schema": True, "durability": "off", **options}
        return await sqlite.SqliteAdapter.create(self.site.file, **given)

    def dao(self, adapter: Any) -> sqlite.SqliteDao:
        return sqlite.SqliteDao(adapter)

    def at_work(self) -> list[Any]:
        import sqlite3

        with closing(self.site.connect()) as connection:
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                return [error]
            connection.execute("ROLLBACK")
            return []

    def connections(self) -> int:
        return 0  # SQLite does not know


class PostgresAioSite(AioSite):
    session = PostgresSession
    endless = "SELECT pg_sleep(60)"
    site: ServerSite

    async def create(self, **options: Any) -> postgres.PostgresAdapter:
        given = {"pool_max_size": 4, "init_schema": True, **options, **self.site.login}
        return await postgres.PostgresAdapter.create(dbname=self.site.name, **given)

    def dao(self, adapter: Any) -> postgres.PostgresDao:
        return postgres.PostgresDao(adapter)

    def at_work(self) -> list[Any]:
        return self.site.ask(
            "SELECT state, query FROM pg_stat_activity WHERE datname = ? AND state <> 'idle'"
            " AND pid <> pg_backend_pid()",
            self.site.name,
        )

    def connections(self) -> int:
        count = (
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid()"
        )
        return int(self.site.ask(count, self.site.name)[0][0])


class MariaDbAioSite(AioSite):
    session = blocking_mariadb.MariaDbSession
    endless = "SELECT BENCHMARK(100000000000, 1 + 1)"
    # innodb_trx is a copy that is renewed only when nobody has read it for 100 ms.
    pause = 0.11
    site: ServerSite

    async def create(self, **options: Any) -> mariadb.MariaDbAdapter:
        given = {"pool_max_size": 4, "init_schema": True, **options, **self.site.login}
        return await mariadb.MariaDbAdapter.create(database=self.site.name, **given)

    def dao(self, adapter: Any) -> mariadb.MariaDbDao:
        return mariadb.MariaDbDao(adapter)

    def at_work(self) -> list[Any]:
        return self.site.ask(
            "SELECT p.command, p.info, t.trx_state FROM information_schema.processlist p"
            " LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id"
            " WHERE p.db = ? AND p.id <> connection_id()"
            " AND (p.command <> 'Sleep' OR t.trx_id IS NOT NULL)",
            self.site.name,
        )

    def connections(self) -> int:
        count = (
            "SELECT COUNT(*) FROM information_schema.processlist"
            " WHERE db = ? AND id <> connection_id()"
        )
        return int(self.site.ask(count, self.site.name)[0][0])


AIO_SITES: dict[str, tuple[type[AioSite], type[Site]]] = {
    "sqlite": (SqliteAioSite, SqliteSite),
    "postgres": (PostgresAioSite, PostgresSite),
    "mariadb": (MariaDbAioSite, MariaDbSite),
}
