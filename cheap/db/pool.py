"""A small pool of connections, for the drivers that have none: sqlite3's readers and pymysql."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

from cheap.db.calls import steps
from cheap.errors import ClosedError, ConfigurationError, PoolTimeoutError

C = TypeVar("C")

MAX_SECONDS: Final = 1_000_000
"""Longest time an option may name; far above, locks and drivers overflow."""


class Pool(Generic[C]):
    """Lends connections to threads, the one that was used last first.

    Args:
        open: opens a connection.
        close: closes one; must not raise.
        min_size: connections kept open while idle.
        max_size: most connections at once.
        timeout: seconds to wait for one that is lent out.
        max_idle: seconds after which an idle connection above ``min_size`` is closed.

    Raises:
        ConfigurationError: the sizes make no sense.
    """

    def __init__(
        self,
        open: Callable[[], C],
        close: Callable[[C], None],
        *,
        min_size: int,
        max_size: int,
        timeout: float,
        max_idle: float,
    ) -> None:
        check_sizes(min_size, max_size, timeout, max_idle)
        self._open = open
        self._close_one = close
        self._min_size = min_size
        self.max_size = max_size
        self.timeout = timeout
        self._max_idle = max_idle
        self._idle: deque[tuple[C, float]] = deque()
        self._lent = 0
        self._closed = False
        # The lock itself, and no call when nobody waits: half the price of going by the Condition.
        # One that its thread may take twice: a generator that the garbage collector closes in
        # here gives its connection back.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._waiting = 0

    @property
    def lent(self) -> int:
        """How many connections are in use right now."""
        return self._lent

    def fill(self) -> None:
        """Open the first ``min_size`` connections, so that a wrong address shows at once."""
        for _ in range(self._min_size):
            with self._lock:
                self._idle.append((self._open(), time.monotonic()))

    def acquire(self) -> C:
        """Lend a connection; open a new one when none is idle and there is room.

        Raises:
            PoolTimeoutError: none came free in time.
            ClosedError: the pool was closed.
        """
        waits: Iterator[float] | None = None
        with self._lock:
            while True:
                if self._closed:
                    raise ClosedError("the pool of connections was closed")
                if self._idle:
                    self._lent += 1
                    return self._idle.pop()[0]
                if self._lent < self.max_size:
                    self._lent += 1
                    break
                waits = waits or steps(self.timeout)
                if (wait := next(waits, None)) is None:
                    raise PoolTimeoutError(
                        f"all {self.max_size} connections were in use for {self.timeout:g} s; "
                        "raise the pool's size, or do less at once"
                    )
                self._waiting += 1
                try:
                    self._changed.wait(wait)
                finally:
                    self._waiting -= 1
        try:
            return self._open()
        except BaseException:
            with self._lock:
                self._lent -= 1
                self._changed.notify()
            raise

    def release(self, connection: C, *, broken: bool = False) -> None:
        """Take a connection back; a broken one is closed."""
        surplus: list[C] = [connection] if broken else []
        with self._lock:
            self._lent -= 1
            if self._closed and not broken:
                surplus.append(connection)
            elif not broken:
                now = time.monotonic()
                self._idle.append((connection, now))
                # The oldest stand in front.
                while len(self._idle) + self._lent > self._min_size and (
                    now - self._idle[0][1] > self._max_idle
                ):
                    surplus.append(self._idle.popleft()[0])
            if self._waiting:
                self._changed.notify()
        for each in surplus:
            self._close_one(each)

    def drop_idle(self) -> None:
        """Close every idle connection: after one broke, the others probably did too."""
        with self._lock:
            idle, self._idle = self._idle, deque()
        for connection, _ in idle:
            self._close_one(connection)

    def close(self) -> None:
        """Close idle connections now and lent ones when they come back."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()
        self.drop_idle()


def check_sizes(min_size: int, max_size: int, timeout: float, max_idle: float) -> None:
    """Raise ConfigurationError when a pool's numbers make no sense."""
    if not 0 <= min_size <= max_size or max_size < 1:
        raise ConfigurationError(
            f"pool sizes: expected 0 <= min <= max and max >= 1, got min {min_size} max {max_size}"
        )
    if not (0 < timeout <= MAX_SECONDS and 0 <= max_idle <= MAX_SECONDS):  # also refuses nan
        raise ConfigurationError(
            f"pool times: expected a timeout above 0 and max_idle from 0 on, both at most "
            f"{MAX_SECONDS:,} seconds, got {timeout} and {max_idle}"
        )
