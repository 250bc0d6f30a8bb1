"""The ways in which calls are cancelled."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

Call = Callable[[], Awaitable[Any]]

WAIT = 120
"""Seconds that ``asyncio.wait_for`` is given; it cannot be told later."""

BOTH = ("asyncio", "trio")
WAYS = {
    "task.cancel": ("asyncio",),
    "asyncio.wait_for": ("asyncio",),
    "asyncio.timeout": ("asyncio",),
    "anyio.fail_after": BOTH,
    "task group": BOTH,
}
"""The ways, and the event loops in which they exist."""


async def until(event: threading.Event) -> None:
    """Wait for something that a thread tells."""
    with anyio.fail_after(30):
        while not event.is_set():
            await anyio.sleep(0.001)


async def cancel(way: str, call: Call, reached: Callable[[], Awaitable[None]]) -> None:
    """Make a call and cancel it as soon as a point is reached; return when the caller is back.

    Raises:
        AssertionError: the call was not cancelled.
    """
    await {
        "task.cancel": _by_task,
        "asyncio.wait_for": _by_wait_for,
        "asyncio.timeout": _by_timeout,
        "anyio.fail_after": _by_fail_after,
        "task group": _by_group,
    }[way](call, reached)


async def _by_task(call: Call, reached: Call) -> None:
    async def run() -> None:
        await call()

    task = asyncio.create_task(run())
    await reached()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def _by_wait_for(call: Call, reached: Call) -> None:
    async def run() -> None:
        try:
            await asyncio.wait_for(call(), WAIT)
        except TimeoutError:
            return
        raise AssertionError("not cancelled")

    task = asyncio.create_task(run())
    await reached()
    # Its time is over now, and not before, however slow the machine: the event loop's clock jumps.
    loop = asyncio.get_running_loop()
    clock = loop.time
    loop.time = lambda: clock() + WAIT
    await task


async def _by_timeout(call: Call, reached: Call) -> None:
    timeout = asyncio.timeout(None)

    async def run() -> None:
        try:
            async with timeout:
                await call()
        except TimeoutError:
            return
        raise AssertionError("not cancelled")

    task = asyncio.create_task(run())
    await reached()
    timeout.reschedule(asyncio.get_running_loop().time())
    await task


async def _by_fail_after(call: Call, reached: Call) -> None:
    async with anyio.create_task_group() as group:
        scope = anyio.fail_after(math.inf)

        async def run() -> None:
            try:
                with scope as inner:
                    group.start_soon(watch, inner)
                    await call()
            except TimeoutError:
                return
            raise AssertionError("not cancelled")

        async def watch(inner: anyio.CancelScope) -> None:
            await reached()
            inner.deadline = anyio.current_time()

        await run()


async def _by_group(call: Call, reached: Call) -> None:
    ended = False
    async with anyio.create_task_group() as group:

        async def run() -> None:
            nonlocal ended
            await call()
            ended = True

        group.start_soon(run)
        await reached()
        group.cancel_scope.cancel()
    assert not ended, "not cancelled"
