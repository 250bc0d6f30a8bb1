"""Relays: where calls wait for their turn, one thread goes from each to the next.

A way to a thread and back costs more than many a call does. So of the calls that wait, a thread
that has ended one takes the next by itself, and only their ends go to the event loop, several at
once where it is busy.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final

import anyio
from anyio import to_thread

from cheap.aio.endings import soon
from cheap.aio.limits import unlimited


class Waiter:
    """One who waits for a turn, or for what a thread that has one is to do for it.

    Args:
        work: what is to be done, which never raises; ``None``: the turn itself is wanted.
        loop: the event loop in which it waits.

    Attributes:
        has_turn: whether the turn has come.
        is_served: whether there is nothing more to wait for.
        woken: set when one of both may have changed.
    """

    __slots__ = ("has_turn", "is_served", "loop", "woken", "work")

    def __init__(self, work: Callable[[], object] | None = None, loop: Any = None) -> None:
        self.work = work
        self.loop = loop
        self.has_turn = False
        self.is_served = False
        self.woken = anyio.Event()

    def serve(self) -> None:
        """End the wait; in the event loop."""
        self.is_served = True
        self.woken.set()


class Relay:
    """A thread with a turn, which works for one waiter after the other while there are some.

    Args:
        loop: the event loop in which they wait.
        pass_on: ends the turn, and returns whose it is now, if anybody's; called in the thread.

    Attributes:
        has_ended: whether the thread has, or is about to.
    """

    def __init__(self, loop: Any, pass_on: Callable[[Relay], Waiter | None]) -> None:
        self._loop = loop
        self._pass_on = pass_on
        self._done: deque[Waiter] = deque()
        self._is_told = False
        self._lock = threading.Lock()
        self.has_ended = False
        self._is_left = False

    def start(self, first: Waiter) -> None:
        """Begin with one whose turn it is; in the event loop."""
        # In a task of its own: the thread goes on for others, so no caller's task can wait for it.
        if isinstance(self._loop, asyncio.AbstractEventLoop):
            task = self._loop.create_task(self._run(first), name="cheap relay", context=Context())
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)
        else:
            import trio  # which is there when it runs

            trio.lowlevel.spawn_system_task(self._run, first, name="cheap relay")

    async def _run(self, first: Waiter) -> None:
        try:
            await to_thread.run_sync(self._work, first, abandon_on_cancel=True, limiter=unlimited())
        except BaseException:  # the event loop comes to its end; some may wait nevertheless
            with self._lock:
                self._is_left = True
                if not self.has_ended:
                    raise
            self._serve()
            raise
        # Those who came last hear of it here and not before: no task may be left when they go.
        self._serve()

    def _work(self, first: Waiter) -> None:
        mine: Waiter | None = first
        while mine is not None and mine.work is not None:
            mine.work()
            self._done.append(mine)
            mine = self._pass_on(self)
            if mine is not None and not self._is_told:
                self._is_told = True
                soon(self._loop, self._serve)
        if mine is not None:
            self._done.append(mine)  # it wanted the turn itself
        with self._lock:
            self.has_ended = True
            if not self._is_left:
                return
        soon(self._loop, self._serve)

    def _serve(self) -> None:
        self._is_told = False
        while self._done:
            self._done.popleft().serve()


_tasks: Final[set[asyncio.Task[None]]] = set()
"""An event loop itself does not keep its tasks alive."""
