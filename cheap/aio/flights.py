"""Flights: one call on its way through a worker thread, from its first wait to its end."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, Final, TypeVar

from anyio import to_thread

from cheap.aio.endings import Ending, in_thread
from cheap.aio.limits import unlimited
from cheap.aio.turns import Turns
from cheap.db.calls import Call, Outcome, current_call
from cheap.errors import ClosedError, CommitUnknownError

try:
    import sniffio
except ModuleNotFoundError:  # anyio needs it up to 4.11
    sniffio = None  # type: ignore[assignment]

T = TypeVar("T")

GRACE: Final = 0.015
"""Seconds that a cancelled task waits for its thread, before it leaves it to end by itself.

Twice as long measured 51 ms until the caller of a save was back, at worst; it is to be under 50.
"""

AGAIN: Final = 0.003
"""Seconds from the first interrupt to the second: one that falls between two statements has no
effect. The time doubles with each, up to :data:`RARELY`."""

RARELY: Final = 0.5

_SETTLED: Final = (Outcome.COMMITTED, Outcome.UNKNOWN)
"""Outcomes that stay, whatever the call does after its commit."""


class Flight:
    """One call in a worker thread.

    Args:
        call: what can be stopped.
        loop: the event loop whose task awaits it.
        stoppable: whether the store heeds that; else the end is awaited.

    Attributes:
        ending: comes when the thread has ended, or will never begin.
    """

    __slots__ = ("_lock", "_pursued", "_stoppable", "call", "ending", "has_started", "loop")

    def __init__(self, call: Call, loop: Any, *, stoppable: bool) -> None:
        self.call = call
        self.loop = loop
        self.ending = Ending()
        self.has_started = False
        self._stoppable = stoppable
        self._pursued = False
        self._lock = threading.Lock()

    async def fly(self, work: Callable[[], T]) -> T:
        """Run the work in a thread; stop it when the task is cancelled meanwhile."""
        return await self._watched(
            to_thread.run_sync(self._work, work, abandon_on_cancel=True, limiter=unlimited())
        )

    async def relayed(self, work: Callable[[], T], turns: Turns) -> T:
        """Have the work run by a thread that has a turn, when it comes to it; stop it likewise."""
        results: list[T] = []
        failures: list[BaseException] = []
        context = copy_context()
        if sniffio is not None:  # anyio's own do that, too: in the thread no library runs
            context.run(sniffio.current_async_library_cvar.set, None)

        def run() -> None:
            try:
                results.append(context.run(self._work, work))
            except BaseException as error:
                failures.append(error)

        await self._watched(turns.relay(run, self.loop))
        if failures:
            raise failures.pop()
        return results.pop()

    async def _watched(self, way: Awaitable[T]) -> T:
        try:
            return await way
        except GeneratorExit:  # the event loop is gone, and there is no waiting any more
            self.stop()
            raise
        except BaseException:
            if not self.ending.has_come:
                await self._stop_and_wait()
            raise

    def _work(self, work: Callable[[], T]) -> T:
        self._start()
        # The thread runs in a copy of the task's context: what is set here stays here.
        current_call.set(self.call)
        outcome = Outcome.ROLLED_BACK
        try:
            result = work()
            outcome = Outcome.DONE
            return result
        except CommitUnknownError:  # of a store that tells no call about its commits
            outcome = Outcome.UNKNOWN
            raise
        finally:
            if self.call.outcome not in _SETTLED:
                self.call.outcome = outcome
            self.ending.come()

    def _start(self) -> None:
        with self._lock:
            if self.ending.has_come:
                raise ClosedError("the facade was closed before the call began")
            self.has_started = True
            self.call.outcome = Outcome.RUNNING

    async def _stop_and_wait(self) -> None:
        self.stop()
        if not self._stoppable:
            await self.ending.wait()
            return
        stopped = Ending()  # which comes late when a commit is on its way
        self.ending.then(stopped.come)
        self.call.when_stopped(stopped.come)
        await stopped.wait()
        await self.ending.wait(GRACE)
        if not self.ending.has_come and self.call.outcome not in _SETTLED:
            self.call.outcome = Outcome.ROLLED_BACK  # all that it can come to by now

    def stop(self) -> None:
        """Stop the call: in the database if it runs, for ever if it has not begun."""
        self.call.refuse()
        with self._lock:
            if not self.has_started and not self.ending.has_come:
                self.call.outcome = Outcome.NOT_STARTED
                self.ending.come()
            if self.ending.has_come or self._pursued:
                return
            self._pursued = True
        # In a thread of its own: it goes on when the task has left, and after its event loop.
        in_thread(self._pursue)

    def _pursue(self) -> None:
        over = threading.Event()
        self.ending.then(over.set)
        pause = AGAIN
        while not over.is_set():
            self.call.interrupt()
            over.wait(pause)
            pause = min(2 * pause, RARELY)
