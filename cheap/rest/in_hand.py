"""Requests in hand: how long each of their steps may take, and how they are cut off."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

import anyio

from cheap.aio import Outcome, Watch
from cheap.errors import CheapError, CommitUnknownError, OverloadedError, RequestTimeoutError

T = TypeVar("T")

IN_HAND: Final = "cheap.in_hand"
"""Where the scope of a request has its :class:`InHand`."""
_SETTLED: Final = (Outcome.COMMITTED, Outcome.UNKNOWN)


class Clock(Protocol):
    """Sees to it that no step takes too long, in one event loop.

    Attributes:
        seconds: how long a step may take.
    """

    seconds: float

    def begin(self, scope: anyio.CancelScope) -> None:
        """Cancel this when the time is over."""
        ...

    def end(self, scope: anyio.CancelScope) -> None:
        """Do so no more."""
        ...


class OneTimer:
    """On asyncio: one timer for all steps, for most end long before.

    To set a timer for each, and to take it back, took as long as a tenth of a short request.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._late_from: dict[anyio.CancelScope, float] = {}  # in this order
        self._is_set = False

    def begin(self, scope: anyio.CancelScope) -> None:
        """See :class:`Clock`."""
        self._late_from[scope] = time.monotonic() + self.seconds
        if not self._is_set:
            self._set(self.seconds)

    def end(self, scope: anyio.CancelScope) -> None:
        """See :class:`Clock`."""
        self._late_from.pop(scope, None)

    def _set(self, seconds: float) -> None:
        # Nothing here knows the event loop, which would otherwise be kept for ever.
        asyncio.get_running_loop().call_later(seconds, self._look)
        self._is_set = True

    def _look(self) -> None:
        now = time.monotonic()
        while self._late_from:
            scope, late_from = next(iter(self._late_from.items()))
            if late_from > now:
                self._set(late_from - now)
                return
            del self._late_from[scope]
            scope.cancel()
        self._is_set = False


class OwnDeadlines:
    """On trio, which keeps deadlines itself: a deadline of its own for each."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def begin(self, scope: anyio.CancelScope) -> None:
        """See :class:`Clock`."""
        scope.deadline = anyio.current_time() + self.seconds

    def end(self, scope: anyio.CancelScope) -> None:
        """See :class:`Clock`."""
        scope.deadline = math.inf


def clock_of(loop: Any, seconds: float) -> Clock:
    """Make the clock of an event loop."""
    is_asyncio = isinstance(loop, asyncio.AbstractEventLoop)
    return OneTimer(seconds) if is_asyncio else OwnDeadlines(seconds)


class InHand:
    """A request in hand, which ends when a step takes too long or the server does not wait for it.

    All steps share one cancel scope, so that a step which is late ends the whole request.

    Args:
        clock: of the event loop.
        seen: the calls that it makes on the store, if any of them can matter.

    Attributes:
        scope: in which it is answered.
    """

    __slots__ = ("_clock", "_is_cut", "_late", "_seen", "scope")

    def __init__(self, clock: Clock, seen: Watch) -> None:
        self.scope = anyio.CancelScope()
        self._clock = clock
        self._seen = seen
        self._is_cut = False
        self._late: CheapError | None = None

    async def within(self, step: Callable[[], Awaitable[T]], otherwise: str) -> T:
        """Take a step in bounded time; one step at a time.

        Args:
            step: what is awaited.
            otherwise: what to say when the time is over; ``{}`` stands for the seconds.
        """
        self._clock.begin(self.scope)
        try:
            return await step()
        except anyio.get_cancelled_exc_class():
            text = otherwise.format(f"{self._clock.seconds:g} s")
            self._late = self._late or RequestTimeoutError(text)
            raise
        finally:
            self._clock.end(self.scope)

    def cut(self) -> None:
        """End it: what it has not committed is rolled back."""
        self._is_cut = True
        self.scope.cancel()

    def error(self) -> CheapError:
        """Return why it was ended."""
        if any(each.outcome in _SETTLED for each in self._seen.calls):
            why = "the server stopped" if self._is_cut else "the request took too long"
            what = f"{why} when this was done, or partly done: read again to see"
            return CommitUnknownError(what)
        if self._is_cut or self._late is None:
            return OverloadedError("the server stopped before this was done; it was rolled back")
        return self._late
