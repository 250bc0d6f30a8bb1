"""Iterating over pages, asynchronously."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from cheap.errors import MisuseError
from cheap.store import Page

T = TypeVar("T")


class AsyncPages(AsyncIterator[T], Generic[T]):
    """Yields the items of pages, and fetches the next page when it is needed.

    It holds one page and no connection, so it may be left at any item. It belongs to one task at
    a time: two that draw from one share its items, and get a MisuseError where both need a page.

    Args:
        fetch: fetches the page behind a cursor, or the first one.
    """

    def __init__(self, fetch: Callable[[str | None], Awaitable[Page[T]]]) -> None:
        self._fetch = fetch
        self._items: list[T] = []
        self._cursor: str | None = None
        self._exhausted = False
        self._busy = False

    @property
    def at_hand(self) -> int:
        """How many items can be had without waiting."""
        return len(self._items)

    def __aiter__(self) -> AsyncPages[T]:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._exhausted:
                raise StopAsyncIteration
            self._check_free()
            self._busy = True
            try:
                page = await self._fetch(self._cursor)
            finally:
                self._busy = False
            self._items = list(reversed(page.items))
            self._cursor = page.next
            self._exhausted = page.next is None
        return self._items.pop()

    async def aclose(self) -> None:
        """End the iteration; for ``contextlib.aclosing``, since nothing is held that must be freed.

        Raises:
            MisuseError: another task waits for the next page.
        """
        self._check_free()
        self._items = []
        self._exhausted = True

    def _check_free(self) -> None:
        if self._busy:
            raise MisuseError("two tasks iterate over one iterator; give each its own")
