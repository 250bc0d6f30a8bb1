"""The hop: one blocking call, run in a worker thread, bounded and stoppable.

* Calls take turns, as many at once as the store can work on, so they neither overload the store
  nor delay other threads of the program. Where few of them can write, those that write have turns
  of their own: one who waits to write is in no reader's way.
* A call whose task is cancelled while it waits for its turn never starts.
* One that runs is stopped in the database itself and rolled back. The task is let go as soon as
  the thread has ended, or after :data:`~cheap.aio.flights.GRACE` seconds; the turn ends when the
  thread does.
* While a commit is on its way its end is awaited, so that the outcome is known (:func:`watch`);
  what the call does after that is stopped like anything else.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, Protocol, Self, TypeVar

from cheap.aio.flights import Flight
from cheap.aio.loops import running_loop
from cheap.aio.turns import Turns
from cheap.db.adapter import Adapter
from cheap.db.calls import Call, Outcome
from cheap.db.memory import MemoryDao
from cheap.errors import ClosedError

T = TypeVar("T")


class Watch:
    """What became of the calls that were made in a ``watch()`` block.

    Attributes:
        calls: every call, in the order in which they were made; the end of a transaction is one.
        is_over: whether the block is.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.is_over = False

    @property
    def outcome(self) -> Outcome:
        """The outcome of the last call."""
        return self.calls[-1].outcome if self.calls else Outcome.NOT_STARTED

    def __enter__(self) -> Self:
        self.is_over = False
        _watches.set((*_open_watches(), self))
        return self

    def __exit__(self, *error: object) -> None:
        self.is_over = True
        # No reset(): an asynchronous generator that was left early ends in another context.
        _watches.set(_open_watches())


_watches: ContextVar[tuple[Watch, ...]] = ContextVar("cheap_watches", default=())


def _open_watches() -> tuple[Watch, ...]:
    return tuple(each for each in _watches.get() if not each.is_over)


def watch() -> Watch:
    """See what became of calls, also of those that were cancelled.

    Example:
        >>> with watch() as seen:
        ...     try:
        ...         async with asyncio.timeout(1):
        ...             await dao.save_catalog(catalog)
        ...     except TimeoutError:
        ...         if seen.outcome is Outcome.COMMITTED: ...
    """
    return Watch()


def watched_call() -> Call:
    """Return a new call, which the open watches see."""
    call = Call()
    for each in _open_watches():
        each.calls.append(call)
    return call


class Open(Protocol):
    """A transaction that is open.

    Attributes:
        loop: the event loop whose task has it.
    """

    loop: Any

    @property
    def is_ending(self) -> bool:
        """Whether a thread commits it or rolls it back right now."""
        ...

    def abandon(self) -> None:
        """Roll it back in the place of its task, in a thread, and give its connection back.

        Nothing happens when it is ending already.
        """
        ...


class Hop:
    """Runs the calls on one store.

    Args:
        width: how many calls run at once.
        writers: how many of them write.
        eager: how many read while none of them takes long.
        patience: see :class:`Turns`.
        stoppable: whether the store heeds that a call is stopped.

    Attributes:
        flights: the calls that wait for their turn or run, in any event loop.
        transactions: those whose connection was not given back yet.
        is_closed: whether new calls are refused.
    """

    def __init__(
        self, width: int, writers: int, eager: int, patience: float, *, stoppable: bool
    ) -> None:
        self._width: Final = width
        self._eager: Final = eager
        self._writers: Final = writers
        self._patience: Final = patience
        self._stoppable: Final = stoppable
        self.flights: set[Flight] = set()
        self.transactions: set[Open] = set()
        self.is_closed = False
        # For each event loop that uses the store, one after the other or at once.
        self._turns: weakref.WeakKeyDictionary[Any, tuple[Turns, Turns]] = (
            weakref.WeakKeyDictionary()
        )

    def turns(self, *, write: bool) -> Turns:
        """The turns of the running event loop: of calls that write, or of the others."""
        return self._turns_in(running_loop(), write=write)

    def _turns_in(self, loop: Any, *, write: bool) -> Turns:
        turns = self._turns.get(loop)
        if turns is None:
            turns = self._turns[loop] = self._new_turns()
        return turns[write]

    def _new_turns(self) -> tuple[Turns, Turns]:
        writing = Turns(self._writers, self._patience)
        readers = self._width - self._writers
        if not readers:
            return writing, writing
        return Turns(readers, self._patience, self._eager), writing

    @property
    def taken(self) -> int:
        """How many turns are taken in the running event loop."""
        return sum(each.taken for each in {self.turns(write=False), self.turns(write=True)})

    async def run(self, work: Callable[[], T], *, write: bool) -> T:
        """Run a call when its turn comes."""
        flight, turns = self._announce(write=write)
        if turns.take_free():
            return await self.fly(flight, work, turns.give_back)
        return await flight.relayed(work, turns)

    def _announce(self, *, write: bool) -> tuple[Flight, Turns]:
        self.check_open()
        flight = self.flight()
        return flight, self._turns_in(flight.loop, write=write)

    async def ready(self, *, write: bool) -> tuple[Flight, Turns]:
        """Wait for a turn; return a flight that has it, and to where it is given back."""
        flight, turns = self._announce(write=write)
        try:
            await turns.take()
        except BaseException:
            flight.stop()
            raise
        return flight, turns

    def flight(self) -> Flight:
        """Return a new flight, whose end ``close`` awaits."""
        loop = running_loop()
        flight = Flight(watched_call(), loop, stoppable=self._stoppable)
        self.flights.add(flight)
        flight.ending.then(partial(self.flights.discard, flight))
        return flight

    async def fly(self, flight: Flight, work: Callable[[], T], at_end: Callable[[], object]) -> T:
        """Run a call that has its turn, and something in the event loop when its thread ended."""
        try:
            return await flight.fly(work)
        finally:
            flight.ending.then_in_loop(at_end)

    def check_open(self) -> None:
        """Raise ClosedError after ``close``."""
        if self.is_closed:
            raise ClosedError("the facade was closed; create another one")


_hops: weakref.WeakKeyDictionary[Any, Hop] = weakref.WeakKeyDictionary()
_hops_lock = threading.Lock()


def hop_of(owner: object) -> Hop:
    """Return the hop of an adapter or a store: facades over the same thing share it."""
    with _hops_lock:
        hop = _hops.get(owner)
        if hop is None:
            if isinstance(owner, Adapter):
                hop = Hop(
                    *(owner.width, owner.writers, owner.eager_readers, owner.patience),
                    stoppable=True,
                )
            else:
                hop = Hop(1, 1, 1, math.inf, stoppable=isinstance(owner, MemoryDao))
            _hops[owner] = hop
        return hop
