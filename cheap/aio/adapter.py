"""What the three asynchronous adapters have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypeVar

from anyio import to_thread

from cheap.aio.closing import close
from cheap.aio.endings import in_thread
from cheap.aio.hop import hop_of
from cheap.aio.limits import unlimited
from cheap.db.adapter import Adapter
from cheap.db.calls import Call


class Closable(Protocol):
    """An adapter or a store."""

    def close(self) -> None:
        """Close it."""
        ...


C = TypeVar("C", bound=Closable)


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
        """Close every connection, after the calls that were made; twice is harmless.

        A transaction that is open can only be rolled back from then on. One that was left open
        in an event loop that is over is rolled back, and calls that wait in one are dropped.

        Args:
            cancel: stop those calls instead of letting them finish; the same is done when the
                task is cancelled meanwhile.

        Raises:
            MisuseError: it was called inside of a transaction.
        """
        await close(hop_of(self._blocking), self._blocking.close, cancel=cancel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def opened(create: Callable[[], C]) -> C:
    """Open something in a thread; it is closed there if the task is cancelled meanwhile."""
    call = Call()
    opened: list[C] = []

    def open_() -> None:
        made = create()
        try:
            call.keep(partial(opened.append, made))
        except BaseException:
            made.close()
            raise

    try:
        await to_thread.run_sync(open_, abandon_on_cancel=True, limiter=unlimited())
    except BaseException:
        call.refuse()
        for made in opened:  # but the task was cancelled before it heard of it
            in_thread(made.close)
        raise
    return opened[0]
