"""Endings: how tasks learn that something in a thread has ended."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import partial

import anyio
from anyio import CancelScope, get_cancelled_exc_class

from cheap.aio.loops import running_loop, soon


class Ending:
    """The end of something that happens in a thread."""

    __slots__ = ("_lock", "_then", "has_come")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._then: list[Callable[[], object]] = []
        self.has_come = False

    def come(self) -> None:
        """Tell all who want to know; nothing happens the second time."""
        with self._lock:
            self.has_come = True
            calls, self._then = self._then, []
        for call in calls:
            call()

    def then(self, call: Callable[[], object]) -> None:
        """Call something at the end, in its thread; or now, if it has come. It must not block."""
        with self._lock:
            if not self.has_come:
                self._then.append(call)
                return
        call()

    def then_in_loop(self, call: Callable[[], object]) -> None:
        """Call something at the end, in the event loop that runs here; or now, if it has come."""
        if self.has_come:
            call()
        else:
            self.then(partial(soon, running_loop(), call))

    async def wait(self, seconds: float = math.inf, *, shield: bool = True) -> None:
        """Wait for the end, but not longer than told.

        Args:
            seconds: how long.
            shield: go on waiting when the task is cancelled.
        """
        over = anyio.Event()
        self.then_in_loop(over.set)
        deadline = anyio.current_time() + seconds
        while not over.is_set() and anyio.current_time() < deadline:
            try:
                with CancelScope(shield=shield, deadline=deadline):
                    await over.wait()
            except get_cancelled_exc_class():
                # asyncio's Task.cancel() reaches through shields. The exception that made us wait
                # goes on after this, so nothing is swallowed.
                if not shield:
                    raise


def in_thread(work: Callable[[], object]) -> Ending:
    """Run something in a thread of its own, which starts whatever happens to the task."""
    ending = Ending()

    def run() -> None:
        try:
            work()
        finally:
            ending.come()

    threading.Thread(target=run, name="cheap").start()
    return ending
