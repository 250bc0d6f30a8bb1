"""Pieces of a large value, on their way from the event loop to the worker thread."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Generator, Iterator
from queue import SimpleQueue
from typing import Generic, TypeVar

import anyio
from anyio import CancelScope

from cheap.aio.loops import running_loop, soon
from cheap.db.calls import current_call
from cheap.errors import StoppedError

P = TypeVar("P")
T = TypeVar("T")


class Pieces(Generic[P]):
    """What an asynchronous iterable yields, for a worker thread; at most one piece ahead of it.

    Args:
        source: iterated by ``feed``, in one task from beginning to end.
    """

    def __init__(self, source: AsyncIterable[P]) -> None:
        self._source = source
        self._loop = running_loop()
        self._wanted = anyio.Event()
        # A piece; or none, and why there is none.
        self._given: SimpleQueue[tuple[P, None] | tuple[None, BaseException]] = SimpleQueue()

    async def feed(self) -> None:
        """Give one piece after the other; in the event loop."""
        try:
            async for piece in self._source:
                await self._wanted.wait()
                self._wanted = anyio.Event()
                self._given.put((piece, None))
            self._end(StopAsyncIteration())
        except Exception as error:
            self._end(error)
        finally:
            self._stop()

    def _end(self, reason: BaseException) -> None:
        self._given.put((None, reason))

    def _stop(self) -> None:
        self._end(StoppedError("the call was stopped; nothing was written"))

    def _want(self) -> None:
        self._wanted.set()

    def __iter__(self) -> Generator[P]:
        """Iterate; in the worker thread."""
        call = current_call.get()
        if call is not None:
            call.when_stopped(self._stop)
        while True:
            soon(self._loop, self._want)
            match self._given.get():
                case None, StopAsyncIteration():
                    return
                case None, BaseException() as error:
                    raise error
                case piece, _:
                    yield piece


async def with_pieces(source: AsyncIterable[P], run: Callable[[Iterator[P]], Awaitable[T]]) -> T:
    """Run a call that iterates over what an asynchronous iterable yields."""
    pieces = Pieces(source)
    results: list[T] = []
    failures: list[Exception] = []
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(pieces.feed)
            try:
                results.append(await run(iter(pieces)))
            except Exception as error:  # shall not become part of the group's ExceptionGroup
                failures.append(error)
            group.cancel_scope.cancel()
    finally:
        # A generator that was left in the middle.
        close = getattr(source, "aclose", None)
        if close is not None:
            with CancelScope(shield=True):
                await close()
    for failure in failures:
        raise failure
    return results[0]
