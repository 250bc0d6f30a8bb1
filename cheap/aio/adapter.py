"""What the three asynchronous adapters have in common."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from anyio import to_thread

from cheap.aio.hop import hop_of
from cheap.db.adapter import Adapter

A = TypeVar("A", bound=Adapter)


class AsyncAdapter:
    """A blocking adapter that is made and closed without blocking the event loop.

    An async context manager: ``async with adapter:`` closes it at the end.

    Args:
        blocking: the adapter that does the work.
    """

    def __init__(self, blocking: Adapter) -> None:
        self._blocking = blocking

    @property
    def blocking(self) -> Adapter:
        """The blocking adapter."""
        return self._blocking

    @property
    def checked_out(self) -> int:
        """How many connections are in use right now."""
        return self._blocking.checked_out

    async def close(self, *, cancel: bool = False) -> None:
        """Close every connection, after the calls that still run; twice is harmless.

        Args:
            cancel: stop those calls instead of letting them finish.
        """
        hop = hop_of(self._blocking)
        await hop.drain(cancel=cancel)
        await hop.run_last(self._blocking.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def opened(create: Callable[[], A]) -> A:
    """Make a blocking adapter in a thread; one that was made is always handed over."""
    return await to_thread.run_sync(create)
