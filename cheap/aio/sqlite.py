"""SQLite, awaited: the guide's names over :mod:`cheap.db.sqlite`."""

from __future__ import annotations

import threading
from functools import partial
from os import PathLike
from typing import Self

from anyio import to_thread

from cheap.aio.adapter import AsyncAdapter, opened
from cheap.aio.dao import AsyncDao
from cheap.aio.limits import unlimited
from cheap.db import sqlite as blocking


class SqliteAdapter(AsyncAdapter):
    """A SQLite database, for use from an event loop. See ``cheap.db.sqlite.SqliteAdapter``."""

    @classmethod
    async def create(
        cls,
        path: str | PathLike[str],
        *,
        init_schema: bool = False,
        readers: int = 2,
        busy_timeout: float = 30.0,
        durability: blocking.Durability = "normal",
        read_only: bool = False,
    ) -> Self:
        """Open the database; arguments and errors are those of the blocking ``create``."""
        made = await opened(
            partial(
                blocking.SqliteAdapter.create,
                path,
                init_schema=init_schema,
                readers=readers,
                busy_timeout=busy_timeout,
                durability=durability,
                read_only=read_only,
            )
        )
        return cls(made)


class SqliteDao(AsyncDao):
    """Catalogs in a SQLite database, awaited.

    Example:
        >>> async with await SqliteAdapter.create("catalog.db", init_schema=True) as adapter:
        ...     dao = SqliteDao(adapter)
        ...     await dao.save_catalog(catalog)
    """

    def __init__(self, adapter: SqliteAdapter) -> None:
        made = adapter.blocking
        assert isinstance(made, blocking.SqliteAdapter)
        super().__init__(blocking.SqliteDao(made))


_shared: SqliteAdapter | None = None
_shared_lock = threading.Lock()  # taken in worker threads only


def use_adapter(adapter: SqliteAdapter | None) -> None:
    """Name the adapter over which :func:`get_dao` gives DAOs; ``None`` forgets it."""
    global _shared
    _shared = adapter


async def get_dao() -> SqliteDao:
    """Return a DAO over the adapter of this process: a dependency for web frameworks.

    The adapter is the one named with :func:`use_adapter`, usually at start-up; without one, a
    database in memory is made by the first call.
    """
    if _shared is None:
        return SqliteDao(await to_thread.run_sync(_make_shared, limiter=unlimited()))
    return SqliteDao(_shared)


def _make_shared() -> SqliteAdapter:
    global _shared
    with _shared_lock:
        if _shared is None:
            made = blocking.SqliteAdapter.create(":memory:", init_schema=True)
            _shared = SqliteAdapter(made)
        return _shared
