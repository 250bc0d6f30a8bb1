"""MariaDB, awaited: the guide's names over :mod:`cheap.db.mariadb`."""

from __future__ import annotations

from functools import partial
from typing import Self

from cheap.aio.adapter import AsyncAdapter, opened
from cheap.aio.dao import AsyncDao
from cheap.db import mariadb as blocking


class MariaDbAdapter(AsyncAdapter):
    """A MariaDB database, for use from an event loop. See ``cheap.db.mariadb.MariaDbAdapter``."""

    @classmethod
    async def create(
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
        """Open the database; arguments and errors are those of the blocking ``create``."""
        made = await opened(
            partial(
                blocking.MariaDbAdapter.create,
                host=host,
                port=port,
                database=database,
                user=user,
                password=password,
                init_schema=init_schema,
                pool_min_size=pool_min_size,
                pool_max_size=pool_max_size,
                pool_max_idle=pool_max_idle,
                pool_timeout=pool_timeout,
                connect_timeout=connect_timeout,
                statement_timeout=statement_timeout,
                unix_socket=unix_socket,
            )
        )
        return cls(made)


class MariaDbDao(AsyncDao):
    """Catalogs in a MariaDB database, awaited.

    Example:
        >>> adapter = await MariaDbAdapter.create(database="shop", user="shop", init_schema=True)
        >>> async with adapter:
        ...     dao = MariaDbDao(adapter)
        ...     await dao.save_catalog(catalog)
    """

    def __init__(self, adapter: MariaDbAdapter) -> None:
        made = adapter.blocking
        assert isinstance(made, blocking.MariaDbAdapter)
        super().__init__(blocking.MariaDbDao(made))
