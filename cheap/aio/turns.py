"""Turns: how many calls work at once, and who is next."""

from __future__ import annotations

import time
from collections import OrderedDict

import anyio

from cheap.errors import PoolTimeoutError


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
        self._waiting: OrderedDict[anyio.Event, None] = OrderedDict()
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
        turn = anyio.Event()
        self._waiting[turn] = None
        start = time.monotonic()
        try:
            while not turn.is_set():
                left = max(start, self._moved) + self._patience - time.monotonic()
                if left <= 0:
                    raise PoolTimeoutError(
                        f"{self._width} calls at once have worked for {self._patience:g} s without "
                        "an end; raise the pool's size, or do less at once"
                    )
                with anyio.move_on_after(left):
                    await turn.wait()
        except BaseException:
            if turn.is_set():
                self.give_back()
            else:
                del self._waiting[turn]
            raise

    def give_back(self) -> None:
        """End a turn: it is the next one's."""
        self._moved = time.monotonic()
        if self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            turn.set()
        else:
            self._free += 1
