"""The native async drivers, which run a statement of CheapPy's on CheapPy's own tables."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

from benchmarks.modes.ways import AsyncCall
from benchmarks.places import Place
from cheap.db.adapter import Session
from cheap.db.dao import SqlDao

POOL = 10
"""Connections of each pool; that of CheapPy has as many."""

Statement = tuple[str, dict[str, Any]]


def statement_of(dao: SqlDao, work: Callable[[], object]) -> Statement:
    """Return the one statement that some work on a DAO sends, with its values."""
    seen: list[Statement] = []
    with dao.adapter.session() as session:
        kind: type[Session] = type(session)
    rows = kind.rows

    def noting(self: Session, statement: str, params: Any) -> Any:
        seen.append((statement, dict(params)))
        return rows(self, statement, params)

    with patch.object(kind, "rows", noting):
        work()
    assert len(seen) == 1, seen
    return seen[0]


@asynccontextmanager
async def aiosqlite_calls(place: Place) -> AsyncGenerator[AsyncCall]:
    """One connection, whose thread does everything; used as its documentation shows."""
    import aiosqlite

    async with aiosqlite.connect(place.path, isolation_level=None) as connection:
        await connection.execute_fetchall("PRAGMA cache_size = -16384")

        async def run(statement: Statement) -> object:
            async with connection.execute(*statement) as cursor:
                return await cursor.fetchall()

        yield run


@asynccontextmanager
async def aiosqlite_in_one_calls(place: Place) -> AsyncGenerator[AsyncCall]:
    """The same, by the method that goes to the thread and back only once."""
    import aiosqlite

    async with aiosqlite.connect(place.path, isolation_level=None) as connection:
        await connection.execute_fetchall("PRAGMA cache_size = -16384")

        async def run(statement: Statement) -> object:
            return await connection.execute_fetchall(*statement)

        yield run


@asynccontextmanager
async def asyncpg_calls(place: Place) -> AsyncGenerator[AsyncCall]:
    """Its own pool, and its own way to write bound values."""
    import asyncpg

    numbered: dict[str, tuple[str, list[str]]] = {}

    def says(text: str) -> tuple[str, list[str]]:
        names: list[str] = []

        def number(found: re.Match[str]) -> str:
            names.append(found[1])
            return f"${len(names)}"

        return re.sub(r"%\((\w+)\)[sb]", number, text), names

    async with asyncpg.create_pool(place.url, min_size=POOL, max_size=POOL) as pool:

        async def run(statement: Statement) -> object:
            text, params = statement
            if text not in numbered:
                numbered[text] = says(text)
            text, names = numbered[text]
            async with pool.acquire() as connection:
                return await connection.fetch(text, *[params[name] for name in names])

        yield run


@asynccontextmanager
async def psycopg_calls(place: Place) -> AsyncGenerator[AsyncCall]:
    """The async side of the driver that CheapPy uses."""
    from psycopg_pool import AsyncConnectionPool

    options = {"autocommit": True, "prepare_threshold": 3}
    async with AsyncConnectionPool(place.url, kwargs=options, min_size=POOL, open=False) as pool:
        await pool.wait()

        async def run(statement: Statement) -> object:
            async with pool.connection() as connection:
                cursor = await connection.execute(*statement, binary=True)
                return await cursor.fetchall()

        yield run


@asynccontextmanager
async def aiomysql_calls(place: Place) -> AsyncGenerator[AsyncCall]:
    """PyMySQL, rewritten for asyncio.

    aiomysql 0.3 cannot write bytes with PyMySQL 1.2 (``'str' object is not callable``), so it is
    given the statement with the values in it, as PyMySQL writes them for CheapPy.
    """
    import aiomysql
    import pymysql

    offline = pymysql.connect(charset="utf8mb4", defer_connect=True).cursor()
    written: dict[int, tuple[Statement, str]] = {}

    def says(statement: Statement) -> str:
        found = written.get(id(statement))
        if found is None:
            found = written[id(statement)] = statement, offline.mogrify(*statement)
        return found[1]

    url = urlsplit(place.url)
    pool = await aiomysql.create_pool(
        host=url.hostname,
        port=url.port,
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        db=url.path[1:],
        charset="utf8mb4",
        autocommit=True,
        minsize=POOL,
        maxsize=POOL,
    )
    try:

        async def run(statement: Statement) -> object:
            async with pool.acquire() as connection, connection.cursor() as cursor:
                await cursor.execute(says(statement))
                return await cursor.fetchall()

        yield run
    finally:
        pool.close()
        await pool.wait_closed()


NATIVES = {
    "sqlite": {"aiosqlite": aiosqlite_calls, "aiosqlite in one": aiosqlite_in_one_calls},
    "postgres": {"asyncpg": asyncpg_calls, "psycopg": psycopg_calls},
    "mariadb": {"aiomysql": aiomysql_calls},
}
