"""``connect``, awaited."""

from __future__ import annotations

from functools import partial

from cheap import connecting
from cheap.aio.adapter import opened
from cheap.aio.dao import AsyncDao


async def connect(url: str, *, init_schema: bool = True) -> AsyncDao:
    """Open the store at an address; it closes what it opened.

    Arguments and errors are those of :func:`cheap.connect`.

    Example:
        >>> async with await connect("sqlite:///catalog.db") as dao:
        ...     await dao.save_catalog(catalog)
    """
    return AsyncDao(await opened(partial(connecting.connect, url, init_schema=init_schema)))
