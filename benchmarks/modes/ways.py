"""Ways of making many calls: in a row, from threads, from tasks."""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.from_thread import start_blocking_portal

T = TypeVar("T")
Call = Callable[[Any], object]
AsyncCall = Callable[[Any], Awaitable[object]]

WARM = 100
"""Calls of a kind that are made before any is timed."""


def in_a_row(call: Call, values: Iterable[Any]) -> float:
    """Make one call after the other; return the seconds of one."""
    values = list(values)
    gc.collect()
    start = time.perf_counter()
    for value in values:
        call(value)
    return (time.perf_counter() - start) / len(values)


def from_threads(call: Call, values: Iterable[Any], count: int) -> float:
    """Share the calls among threads, which are there already; return the seconds of one call."""
    left = deque(values)
    size = len(left)
    barrier = threading.Barrier(count + 1)

    def work() -> None:
        barrier.wait()
        while left:
            try:
                value = left.popleft()
            except IndexError:
                break
            call(value)
        barrier.wait()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for each in threads:
        each.start()
    gc.collect()
    start = time.perf_counter()
    barrier.wait()
    barrier.wait()
    taken = time.perf_counter() - start
    for each in threads:
        each.join()
    return taken / size


async def from_tasks(call: AsyncCall, values: Iterable[Any], count: int) -> float:
    """Share the calls among tasks (one: this one); return the seconds of one call."""
    left = deque(values)
    size = len(left)
    gc.collect()

    async def work() -> None:
        while left:
            await call(left.popleft())

    start = time.perf_counter()
    if count == 1:
        await work()
    else:
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(work)
    return (time.perf_counter() - start) / size


class Loop:
    """An event loop in a thread of its own, for as long as a run takes."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal

    def run(self, call: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        """Run a coroutine function in the loop, and return what it returns."""
        result: T = self._portal.call(partial(call, *args, **kwargs))
        return result

    def bare(self, call: Call, width: int) -> AsyncCall:
        """Return the floor: the same call by ``to_thread.run_sync``, with a limiter."""

        async def limiter() -> CapacityLimiter:
            return CapacityLimiter(width)

        shared = self.run(limiter)

        async def run(value: Any) -> object:
            return await to_thread.run_sync(partial(call, value), limiter=shared)

        return run


@contextmanager
def loop(kind: str) -> Generator[Loop]:
    """Run an event loop: ``asyncio`` or ``trio``."""
    with start_blocking_portal(kind) as portal:
        yield Loop(portal)
