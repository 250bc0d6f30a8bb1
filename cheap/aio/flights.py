"""Flights: one call on its way through a worker thread, from its first wait to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, Self, TypeVar

from anyio import CapacityLimiter, to_thread

from cheap.aio.endings import Ending, in_thread
from cheap.db.calls import Call, Outcome, current_call
from cheap.errors import CommitUnknownError, StoppedError

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
        self.call.outcome = Outcome.RUNNING
        try:
            return await to_thread.run_sync(
                self._work, work, abandon_on_cancel=True, limiter=unlimited()
            )
        except GeneratorExit:  # the event loop is gone, and there is no waiting any more
            self.stop()
            raise
        except BaseException:
            if not self.ending.has_come:
                await self._stop_and_wait()
            raise

    def _work(self, work: Callable[[], T]) -> T:
        with self._lock:
            if self.ending.has_come:
                raise StoppedError("the call was stopped before it began")
            self.has_started = True
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


class Unlimited(CapacityLimiter):
    """A limiter without a limit, for threads that are bounded otherwise.

    One of anyio's own, as wide as it may be, costs a round of the event loop for each call.
    """

    def __new__(cls) -> Self:
        return object.__new__(cls)

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *error: object) -> None:
        pass

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        pass

    def release_on_behalf_of(self, borrower: object) -> None:
        pass


_unlimited: Final = Unlimited()


def unlimited() -> CapacityLimiter:
    """The limiter without a limit."""
    return _unlimited
