"""Turns: how many calls work at once, and who is next."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import anyio

from cheap.aio.relays import Relay, Waiter
from cheap.errors import PoolTimeoutError

HESITATION: Final = 0.02
"""Seconds without any end after which more turns are given than is best for short calls."""


class Turns:
    """Lets so many calls of one event loop work at once; the others wait, first come first served.

    Args:
        width: how many.
        patience: seconds after which one who waits gives up, if nobody's turn has ended meanwhile.
            A long queue that moves is no reason.
        eager: how many while none of them takes long; all, when not given.
    """

    # Not anyio's CapacityLimiter: taking a free turn must cost no round of the event loop, and one
    # who waits must be able to give up without losing the place to a timeout that was extended.

    def __init__(self, width: int, patience: float, eager: int | None = None) -> None:
        self._width = width
        self._patience = patience
        self._eager = width if eager is None else eager
        self._lock = threading.Lock()  # for what is below: threads end turns, too
        self._free = width
        self._waiting: OrderedDict[Waiter, None] = OrderedDict()
        self._taken_at = self._moved = time.monotonic()  # when one was last taken, or ended
        self._ends = 0
        # Only one of those who wait watches the time, for a timer costs more than the rest of it.
        self._watching: Waiter | None = None

    @property
    def taken(self) -> int:
        """How many turns are taken."""
        return self._width - self._free

    async def take(self) -> None:
        """Take a turn, or wait for one.

        Raises:
            PoolTimeoutError: none came in time.
        """
        if self.take_free():
            return
        mine = Waiter()
        try:
            await self._wait(mine)
        except BaseException:
            if mine.has_turn:
                self.give_back()
            raise

    def take_free(self) -> bool:
        """Take a turn if one is to be had; tell whether."""
        with self._lock:
            if self._waiting or self._until_free() > 0:
                return False
            self._take()
            return True

    async def relay(self, work: Callable[[], object], loop: Any) -> None:
        """Wait until a thread that has a turn has done some work.

        Args:
            work: what is to be done, which never raises. When the wait ends early, it may have
                begun.
            loop: the event loop that runs here.

        Raises:
            PoolTimeoutError: no turn came in time.
        """
        await self._wait(Waiter(work, loop))

    def give_back(self) -> None:
        """End a turn: it is the next one's."""
        self._begin(self.pass_on(None))

    def look_again(self) -> None:
        """Have whoever watches the time do so by what holds now; in the event loop."""
        if self._watching is not None:
            self._watching.woken.set()

    # --- waiting --------------------------------------------------------------------------

    async def _wait(self, mine: Waiter) -> None:
        with self._lock:
            self._waiting[mine] = None
        start = time.monotonic()
        try:
            while not mine.is_served:
                if self._watching is mine and mine.has_turn:
                    self._watch_on(after_timeout=True)
                elif self._watching is None and not mine.has_turn:
                    self._watching = mine
                if mine.woken.is_set():
                    mine.woken = anyio.Event()
                if self._watching is not mine:
                    await mine.woken.wait()
                    continue
                left = self._time_left(start)
                if left > 0:
                    with anyio.move_on_after(left):
                        await mine.woken.wait()
                elif self._free:
                    self._begin(self._take_for_first())
                elif self._withdraw(mine):
                    raise PoolTimeoutError(
                        f"no turn came: {self._width} at once are at work, and none has ended for "
                        f"{self._patience:g} s; do less at once, keep transactions short, or raise "
                        "the pool's size"
                    )
        except GeneratorExit:  # the event loop is gone, and who is left waits in vain
            self._withdraw(mine)
            raise
        except BaseException:
            self._withdraw(mine)
            self._watch_no_more(mine)
            raise
        self._watch_no_more(mine)
        if mine.failure is not None:
            raise mine.failure

    def _time_left(self, start: float) -> float:
        """Return the seconds until a turn is to be had, or until nobody waits for it any more."""
        with self._lock:
            if self._free:
                return self._until_free()
            return max(start, self._moved) + self._patience - time.monotonic()

    def _withdraw(self, waiter: Waiter) -> bool:
        """Wait no longer; tell whether the turn has not come."""
        with self._lock:
            self._waiting.pop(waiter, None)
            return not waiter.has_turn

    def _watch_no_more(self, mine: Waiter) -> None:
        if self._watching is mine:
            self._watch_on(after_timeout=not mine.is_served)

    def _watch_on(self, *, after_timeout: bool) -> None:
        """Let somebody else watch the time.

        After a timeout it is the first, whose own time is the next to be over. Else something has
        moved, so everybody's time begins anew, and it is the last, who will be here the longest.
        """
        with self._lock:
            order = iter(self._waiting) if after_timeout else reversed(self._waiting)
            self._watching = next(order, None)
        self.look_again()

    # --- turns; those that say so with the lock held -------------------------------------------

    def _until_free(self) -> float:
        """Return the seconds until a turn is to be had, if none ends meanwhile; with the lock."""
        if not self._free:
            return math.inf
        if self.taken < self._eager:
            return 0
        return max(self._moved, self._taken_at) + HESITATION - time.monotonic()

    def _take(self) -> None:
        """Take a turn; with the lock."""
        self._free -= 1
        self._taken_at = time.monotonic()

    def _take_for_first(self) -> Waiter | None:
        with self._lock:
            if not self._waiting or self._until_free() > 0:
                return None
            self._take()
            return self._pop()

    def _pop(self) -> Waiter:
        """Return who is the next to have a turn; with the lock."""
        first, _ = self._waiting.popitem(last=False)
        first.has_turn = True
        first.ends_before = self._ends
        return first

    def pass_on(self, ended: Waiter | None) -> Waiter | None:
        """End a turn, in any thread; return whose it is now, if anybody's.

        Args:
            ended: whose it was, if a thread worked for one who waited.
        """
        with self._lock:
            self._moved = time.monotonic()
            # What helped out, while another took long, is not wanted when that has ended.
            others = 0 if ended is None else self._ends - ended.ends_before
            self._ends += 1
            if self._waiting and not (others and self.taken > self._eager):
                return self._pop()
            self._free += 1
            return None

    def _begin(self, first: Waiter | None) -> None:
        """Do what one whose turn has come waits for; in the event loop."""
        if first is None:
            self.look_again()
        elif first.work is None:
            first.serve()
        else:
            Relay(self, first).start()
