"""PostgreSQL, awaited: the guide's names over :mod:`cheap.db.postgres`."""

from __future__ import annotations

from functools import partial
from typing import Self

from cheap.aio.adapter import AsyncAdapter, opened
from cheap.aio.dao import AsyncDao
from cheap.db import postgres as blocking


class PostgresAdapter(AsyncAdapter):
    """A PostgreSQL database for an event loop. See ``cheap.db.postgres.PostgresAdapter``."""

    @classmethod
    async def create(
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
        """Open the database; arguments and errors are those of the blocking ``create``."""
        made = await opened(
            partial(
                blocking.PostgresAdapter.create,
                host=host,
                port=port,
                dbname=dbname,
                user=user,
                password=password,
                init_schema=init_schema,
                pool_min_size=pool_min_size,
                pool_max_size=pool_max_size,
                pool_max_idle=pool_max_idle,
                pool_timeout=pool_timeout,
                connect_timeout=connect_timeout,
                statement_timeout=statement_timeout,
                prepare=prepare,
            )
        )
        return cls(made)


class PostgresDao(AsyncDao):
    """Catalogs in a PostgreSQL database, awaited.

    Example:
        >>> adapter = await PostgresAdapter.create(dbname="shop", user="shop", init_schema=True)
        >>> async with adapter:
        ...     dao = PostgresDao(adapter)
        ...     await dao.save_catalog(catalog)
    """

    def __init__(self, adapter: PostgresAdapter) -> None:
        made = adapter.blocking
        assert isinstance(made, blocking.PostgresAdapter)
        super().__init__(blocking.PostgresDao(made))
