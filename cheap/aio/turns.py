"""Turns: how many calls work at once, and who is next."""

from __future__ import annotations

import time
from collections import OrderedDict

import anyio

from cheap.errors import PoolTimeoutError


class _Waiter:
    """One who waits for a turn."""

    __slots__ = ("has_turn", "woken")

    def __init__(self) -> None:
        self.has_turn = False
        self.woken = anyio.Event()


class Turns:
    """Lets so many calls of one event loop work at once; the others wait, first come first served.

    Args:
        width: how many.
        patience: seconds after which one who waits gives up, if nobody's turn has ended meanwhile.
            A long queue that moves is no reason.
    """

    # Not anyio's CapacityLimiter: taking a free turn must cost no round of the event loop, and one
    # who waits must be able to give up without losing the place to a timeout that was extended.

    def __init__(self, width: int, patience: float) -> None:
        self._width = width
        self._patience = patience
        self._free = width
        self._waiting: OrderedDict[_Waiter, None] = OrderedDict()
        # Only one of those who wait watches the time, for a timer costs more than the rest of it.
        self._watching: _Waiter | None = None
        self._moved = time.monotonic()

    @property
    def taken(self) -> int:
        """How many turns are taken."""
        return self._width - self._free

    async def take(self) -> None:
        """Take a turn, or wait for one.

        Raises:
            PoolTimeoutError: none came in time.
        """
        if self._free:
            self._free -= 1
            return
        mine = _Waiter()
        self._waiting[mine] = None
        start = time.monotonic()
        try:
            while not mine.has_turn:
                self._watching = self._watching or mine
                if self._watching is not mine:
                    await mine.woken.wait()
                    mine.woken = anyio.Event()
                    continue
                left = max(start, self._moved) + self._patience - time.monotonic()
                if left <= 0:
                    raise PoolTimeoutError(
                        f"no turn came: {self._width} at once are at work, and none has ended for "
                        f"{self._patience:g} s; do less at once, keep transactions short, or raise "
                        "the pool's size"
                    )
                with anyio.move_on_after(left):
                    await mine.woken.wait()
        except BaseException:
            if mine.has_turn:
                self.give_back()
            else:
                del self._waiting[mine]
            raise
        finally:
            if self._watching is mine:
                self._watch_on(after_timeout=not mine.has_turn)

    def _watch_on(self, *, after_timeout: bool) -> None:
        """Let somebody else watch the time.

        After a timeout it is the first, whose own time is the next to be over. Else something has
        moved, so everybody's time begins anew, and it is the last, who will be here the longest.
        """
        self._watching = None
        if self._waiting:
            self._watching = next(iter(self._waiting) if after_timeout else reversed(self._waiting))
            self._watching.woken.set()

    def give_back(self) -> None:
        """End a turn: it is the next one's."""
        self._moved = time.monotonic()
        if self._waiting:
            first, _ = self._waiting.popitem(last=False)
            first.has_turn = True
            first.woken.set()
        else:
            self._free += 1
