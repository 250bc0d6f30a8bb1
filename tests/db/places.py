"""Real databases, empty, for tests that look behind the DAOs.

A ``Site`` is one database of one kind: it makes adapters on it, and raw connections of the driver.
"""

from __future__ import annotations

import sqlite3
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import psycopg
import pymysql

from cheap.db.adapter import Adapter
from cheap.db.dao import SqlDao
from cheap.db.mariadb import MariaDbAdapter
from cheap.db.postgres import PostgresAdapter
from cheap.db.schema import STORE, TABLES, VERSION
from cheap.db.sqlite import SqliteAdapter
from tests.servers import Server

PYTHON = sys.executable


class Site(ABC):
    """One empty database."""

    kind: ClassVar[str]

    def __init__(self) -> None:
        self.stack = ExitStack()

    def adapter(self, *, init_schema: bool = True, **options: Any) -> Adapter:
        """An adapter, closed when the test ends."""
        adapter = self.new_adapter(init_schema=init_schema, **options)
        self.stack.callback(adapter.close)
        return adapter

    def dao(self, **options: Any) -> SqlDao:
        """A DAO over an adapter of its own, closed when the test ends."""
        return SqlDao(self.adapter(**options))

    @property
    @abstractmethod
    def url(self) -> str:
        """What ``cheap.connect`` takes."""

    @abstractmethod
    def new_adapter(self, *, init_schema: bool = True, **options: Any) -> Adapter: ...

    @abstractmethod
    def tables(self) -> set[str]:
        """The tables that are there."""

    @abstractmethod
    def connect(self) -> Any:
        """A raw connection, without our settings, where each statement is a transaction."""

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement with the bare driver; ``?`` stands for a value."""
        with closing(self.connect()) as connection:
            return self.ask_on(connection, statement, *values)

    def ask_on(self, connection: Any, statement: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = connection.cursor()
        cursor.execute(statement.replace("?", "%s") if values else statement, values or None)
        return list(cursor.fetchall()) if cursor.description else []

    @abstractmethod
    def plan(
        self, statement: str, params: dict[str, object], *, without: Sequence[str] = ()
    ) -> str:
        """How the database would answer a statement of ours, in its own words.

        Args:
            statement: the statement.
            params: its values.
            without: ways that PostgreSQL is kept from (``seqscan``, ``bitmapscan``, ``sort``). It
                decides by cost, and for tables as small as those of a test it is as cheap to read
                all of one and sort it; so what it would do with large ones must be asked for.
        """


class SqliteSite(Site):
    kind = "sqlite"

    def tables(self) -> set[str]:
        rows = self.ask("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {row[0] for row in rows}

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    def new_adapter(self, *, init_schema: bool = True, **options: Any) -> SqliteAdapter:
        given = {"durability": "off", **options}
        return SqliteAdapter.create(self.file, init_schema=init_schema, **given)

    def connect(self) -> Any:
        return sqlite3.connect(self.file, isolation_level=None)

    def ask_on(self, connection: Any, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return list(connection.execute(statement, values))

    def plan(
        self, statement: str, params: dict[str, object], *, without: Sequence[str] = ()
    ) -> str:
        with closing(self.connect()) as connection:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", params)
            return "\n".join(row[3] for row in rows)


class ServerSite(Site):
    """A database on a server."""

    schema: ClassVar[str]

    def __init__(self, server: Server, url: str) -> None:
        super().__init__()
        self.server = server
        self._url = url
        self.name = urlsplit(url).path.strip("/")

    @property
    def url(self) -> str:
        return self._url

    @property
    def login(self) -> dict[str, Any]:
        server = self.server
        return {
            "host": server.host,
            "port": server.port,
            "user": server.user,
            "password": server.password,
        }

    def clear(self) -> bool:
        """Empty our tables; tell whether all is as it is after the schema was made."""
        if self.tables() != {each.name for each in TABLES}:
            return False
        columns = "SELECT COUNT(*) FROM information_schema.columns WHERE table_name = ?"
        columns += f" AND table_schema = {self.schema}"
        for table in TABLES:
            if self.ask(columns, table.name) != [(len(table.columns),)]:
                return False
            if table is not STORE:
                self.ask(f"DELETE FROM {table.name}")
        return self.ask("SELECT schema_version FROM cheap_store") == [(VERSION,)]

    @abstractmethod
    def end_connections(self, *, but: Sequence[int] = ()) -> int:
        """End every connection to this database from outside; return how many there were."""


class PostgresSite(ServerSite):
    kind = "postgres"
    schema = "'public'"

    def tables(self) -> set[str]:
        rows = self.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row[0] for row in rows}

    def new_adapter(self, *, init_schema: bool = True, **options: Any) -> PostgresAdapter:
        given = {**self.login, "pool_max_size": 4, **options}
        given["dbname"] = given.pop("name", self.name)
        return PostgresAdapter.create(init_schema=init_schema, **given)

    def connect(self) -> Any:
        return psycopg.connect(dbname=self.name, autocommit=True, **self.login)

    def end_connections(self, *, but: Sequence[int] = ()) -> int:
        rows = self.ask(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = ? AND pid <> pg_backend_pid() AND application_name = 'cheappy'",
            self.name,
        )
        return len(rows)

    def plan(
        self, statement: str, params: dict[str, object], *, without: Sequence[str] = ()
    ) -> str:
        with closing(self.connect()) as connection:
            for way in without:
                connection.execute(f"SET enable_{way} = off")
            rows = connection.execute(f"EXPLAIN {statement}", params).fetchall()
            return "\n".join(row[0] for row in rows)


class MariaDbSite(ServerSite):
    kind = "mariadb"
    schema = "DATABASE()"

    def tables(self) -> set[str]:
        return {row[0] for row in self.ask("SHOW TABLES")}

    def new_adapter(self, *, init_schema: bool = True, **options: Any) -> MariaDbAdapter:
        given = {**self.login, "pool_max_size": 4, **options}
        given["database"] = given.pop("name", self.name)
        return MariaDbAdapter.create(init_schema=init_schema, **given)

    def connect(self) -> Any:
        return pymysql.connect(
            database=self.name,
            autocommit=True,
            charset="utf8mb4",
            ssl_disabled=self.server.private,  # as tests.servers does
            **self.login,
        )

    def end_connections(self, *, but: Sequence[int] = ()) -> int:
        with closing(self.connect()) as connection:
            found = self.ask_on(
                connection,
                "SELECT id FROM information_schema.processlist"
                " WHERE db = ? AND id <> connection_id()",
                self.name,
            )
            for (number,) in found:
                self.ask_on(connection, f"KILL {number}")
            return len(found)

    def plan(
        self, statement: str, params: dict[str, object], *, without: Sequence[str] = ()
    ) -> str:
        with closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(f"EXPLAIN {statement}", params)
            names = [each[0] for each in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            return "\n".join(
                " ".join(
                    f"{name}={row[name]}" for name in ("table", "type", "key", "rows", "Extra")
                )
                for row in rows
            )


SITES = {"postgres": PostgresSite, "mariadb": MariaDbSite}
