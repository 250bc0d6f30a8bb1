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
from functools import partial
from typing import Any, Protocol

import anyio
from anyio import to_thread

from cheap.aio.limits import unlimited
from cheap.aio.loops import soon
from cheap.errors import StoppedError


class Waiter:
    """One who waits for a turn, or for what a thread that has one is to do for it.

    Args:
        work: what is to be done, which never raises; ``None``: the turn itself is wanted.
        loop: the event loop in which it waits.

    Attributes:
        has_turn: whether the turn has come.
        ends_before: how many turns had ended by then.
        is_served: whether there is nothing more to wait for.
        woken: set when one of both may have changed.
        failure: why nothing was done, if so.
    """

    __slots__ = ("ends_before", "failure", "has_turn", "is_served", "loop", "woken", "work")

    def __init__(self, work: Callable[[], object] | None = None, loop: Any = None) -> None:
        self.work = work
        self.loop = loop
        self.has_turn = False
        self.ends_before = 0
        self.is_served = False
        self.woken = anyio.Event()
        self.failure: Exception | None = None

    def serve(self) -> None:
        """End the wait; in the event loop."""
        self.is_served = True
        self.woken.set()


class Line(Protocol):
    """Where they wait."""

    def pass_on(self, ended: Waiter | None) -> Waiter | None:
        """End a turn, in any thread; return whose it is now, if anybody's."""
        ...

    def give_back(self) -> None:
        """End a turn, in the event loop."""
        ...

    def look_again(self) -> None:
        """Hear that a turn may be free, in the event loop."""
        ...


class Relay:
    """A thread with a turn, which works for one waiter after the other while there are some.

    Args:
        line: where they wait.
        first: the one whose turn it is.
    """

    def __init__(self, line: Line, first: Waiter) -> None:
        self._line = line
        self._first = first
        self._loop = first.loop
        self._task: asyncio.Task[None] | None = None  # whom event loops do not keep alive
        self._done: deque[Waiter] = deque()
        self._is_told = False
        self._last: list[Waiter] = []
        self._lock = threading.Lock()  # for what is below
        self._has_begun = False
        self._is_left = False

    def start(self) -> None:
        """Begin; in the event loop."""
        # In a task of its own: the thread goes on for others, so no caller's task can wait for it.
        if not isinstance(self._loop, asyncio.AbstractEventLoop):
            import trio  # which is there when it runs

            trio.lowlevel.spawn_system_task(self._run, name="cheap relay")
        elif not self._loop.is_closed():
            create = partial(self._loop.create_task, name="cheap relay")
            self._task = Context().run(create, self._run())
            self._task.add_done_callback(self._never_ran)

    async def _run(self) -> None:
        try:
            await to_thread.run_sync(self._work, abandon_on_cancel=True, limiter=unlimited())
        except GeneratorExit:  # the event loop is gone, and with it all who waited
            raise
        except Exception as error:  # there is no thread to be had
            self._leave(error)
        except BaseException:
            self._leave(None)
            raise
        else:
            self._leave(None)

    def _never_ran(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():  # somebody cancels all tasks there are, and was quicker
            self._leave(None)

    def _leave(self, error: Exception | None) -> None:
        with self._lock:
            if self._is_left:
                return
            self._is_left = True
        if not self._has_begun:
            self._first.failure = error or StoppedError(
                "the tasks of the event loop were cancelled"
            )
            self._first.serve()
            self._line.give_back()
        self._serve_last()

    def _work(self) -> None:
        """Work for all of them; in the thread."""
        with self._lock:
            if self._is_left:
                return
            self._has_begun = True
        mine = self._first
        while True:
            assert mine.work is not None
            mine.work()
            following = self._line.pass_on(mine)
            if following is None or following.work is None or _is_closed(self._loop):
                break
            self._done.append(mine)
            if not self._is_told:
                self._is_told = True
                soon(self._loop, self._serve)
            mine = following
        # The last one hears of it when the task ends, so that it is not left in an event loop that
        # is ended then; and one who wants the turn itself is handed it.
        self._last = [mine] if following is None or following.work else [mine, following]
        with self._lock:
            if not self._is_left:
                return
        soon(self._loop, self._serve_last)

    def _serve(self) -> None:
        self._is_told = False
        while self._done:
            self._done.popleft().serve()

    def _serve_last(self) -> None:
        self._serve()
        for each in self._last:
            each.serve()
        self._line.look_again()


def _is_closed(loop: Any) -> bool:
    """Tell whether an event loop was closed while tasks wait in it; trio has them end before."""
    return isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed()
