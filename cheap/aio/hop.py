"""The hop: one blocking call, run in a worker thread, bounded and stoppable.

* Calls have a limiter of their own, as wide as the store can work, so they neither overload the
  store nor delay other threads of the program.
* A call whose task is cancelled while it waits for its turn never starts.
* One that runs is stopped in the database itself and rolled back. The task is let go as soon as
  the thread has ended, or after :data:`GRACE` seconds; the slot is free when the thread has ended.
* Once a commit is on its way its end is awaited, so that the outcome is known (:func:`watch`).
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

import anyio
from anyio import CancelScope, CapacityLimiter, from_thread, to_thread
from anyio.lowlevel import EventLoopToken, RunVar, current_token

from cheap.db.adapter import Adapter, Session
from cheap.db.calls import Call, Outcome, current_call
from cheap.db.transactions import Transaction, opened
from cheap.errors import ClosedError, CommitUnknownError, MisuseError, StoppedError

P = ParamSpec("P")
T = TypeVar("T")

GRACE: Final = 0.03
"""Seconds that a cancelled task waits for its thread, before it leaves it to end by itself."""

AGAIN: Final = 0.003
"""Seconds between two interrupts: one that falls between two statements has no effect."""


class Watch:
    """What became of the calls that were made in a ``watch()`` block.

    Attributes:
        calls: every call, in the order in which they were made.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []

    @property
    def outcome(self) -> Outcome:
        """The outcome of the last call."""
        return self.calls[-1].outcome if self.calls else Outcome.NOT_STARTED


_watches: ContextVar[tuple[Watch, ...]] = ContextVar("cheap_watches", default=())


@contextmanager
def watch() -> Generator[Watch]:
    """See what became of calls, also of those that were cancelled.

    Example:
        >>> with watch() as seen:
        ...     try:
        ...         async with asyncio.timeout(1):
        ...             await dao.save_catalog(catalog)
        ...     except TimeoutError:
        ...         if seen.outcome is Outcome.COMMITTED: ...
    """
    seen = Watch()
    token = _watches.set((*_watches.get(), seen))
    try:
        yield seen
    finally:
        _watches.reset(token)


class Flight:
    """One call on its way through a worker thread.

    Args:
        hop: where it belongs.
        call: what can be stopped.
        slot: gives back the limiter's slot; called in the event loop, once.
    """

    __slots__ = ("_ended", "_left", "_lock", "_slot", "_started", "_token", "call", "done", "hop")

    def __init__(self, hop: Hop, call: Call, slot: Callable[[], object]) -> None:
        self.hop = hop
        self.call = call
        self.done: anyio.Event | None = None
        self._slot = slot
        self._lock = threading.Lock()
        self._started = False
        self._ended = False
        self._left = False
        self._token: EventLoopToken | None = None

    def work(self, call: Callable[[], T]) -> T:
        """Run the call; in the worker thread."""
        # The thread runs in a copy of the task's context: what is set here stays here.
        with self._lock:
            if self._ended:
                raise StoppedError("the call was stopped before it began")
            self._started = True
        current_call.set(self.call)
        outcome = Outcome.ROLLED_BACK
        try:
            result = call()
            outcome = Outcome.DONE
            return result
        except CommitUnknownError:
            outcome = Outcome.UNKNOWN
            raise
        finally:
            if self.call.outcome is not Outcome.COMMITTED:
                self.call.outcome = outcome
            with self._lock:
                self._ended = True
                token = self._token
            if token is not None:
                self._tell(token)

    def _tell(self, token: EventLoopToken) -> None:
        """Wake a task that waits for the end, or give back the slot of one that has left."""
        try:
            from_thread.run_sync(self._landed, token=token)
        except (RuntimeError, anyio.RunFinishedError):
            self.hop.flights.discard(self)  # the event loop is gone, and its limiter with it

    def _landed(self) -> None:
        if self.done is not None:
            self.done.set()
        if self._left:
            self._give_back()

    def _give_back(self) -> None:
        self.hop.flights.discard(self)
        self._slot()

    def leave(self) -> None:
        """Give back the slot, now or when the thread has ended; in the event loop."""
        with self._lock:
            if not self._ended:
                self._left = True
                self._token = self._token or current_token()
                return
        self._give_back()

    async def stop(self) -> None:
        """Stop the call and wait for its end: as long as a commit is on its way, else briefly."""
        call = self.call
        call.refuse()
        self.done = anyio.Event()
        with self._lock:
            if not self._started:
                # No thread has taken it up; one that does so now will find that it has ended.
                self._ended = True
                call.outcome = Outcome.NOT_STARTED
            if self._ended:
                return
            self._token = current_token()
        with CancelScope(shield=True):
            deadline = anyio.current_time() + GRACE
            while not self.done.is_set():
                if call.is_committing or not self.hop.stoppable:
                    await self.done.wait()
                    return
                left = deadline - anyio.current_time()
                if left <= 0:
                    # It can only roll back by now: see Call.will_commit.
                    call.outcome = Outcome.ROLLED_BACK
                    return
                with anyio.move_on_after(left):
                    await to_thread.run_sync(
                        call.interrupt, abandon_on_cancel=True, limiter=self.hop.free()
                    )
                with anyio.move_on_after(min(left, AGAIN)):
                    await self.done.wait()


class Hop:
    """Runs the calls on one store.

    Args:
        width: how many calls run at once.
        stoppable: whether calls can be stopped (they pass through an adapter).
    """

    def __init__(self, width: int, *, stoppable: bool) -> None:
        self.width: Final = width
        self.stoppable: Final = stoppable
        self.flights: set[Flight] = set()
        self._closed = False
        # One limiter for each event loop that uses the store, one after the other or at once.
        self._limiter: RunVar[CapacityLimiter] = RunVar("cheap_limiter")
        self._free: RunVar[CapacityLimiter] = RunVar("cheap_free")

    def limiter(self) -> CapacityLimiter:
        """The limiter of the running event loop."""
        try:
            return self._limiter.get()
        except LookupError:
            limiter = CapacityLimiter(self.width)
            self._limiter.set(limiter)
            return limiter

    def free(self) -> CapacityLimiter:
        """A limiter without a limit, for threads that are bounded otherwise."""
        try:
            return self._free.get()
        except LookupError:
            limiter = CapacityLimiter(math.inf)
            self._free.set(limiter)
            return limiter

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call when its turn comes."""
        self._check_open()
        joined = _joined.get()
        if joined is not None and joined.hop is self:
            return await joined.run(partial(call, *args, **kwargs))
        return await self._fly(partial(call, *args, **kwargs))

    async def _fly(self, work: Callable[[], T]) -> T:
        call = self._new_call()
        limiter = self.limiter()
        await limiter.acquire_on_behalf_of(call)
        return await self.in_flight(call, work, partial(limiter.release_on_behalf_of, call))

    def _new_call(self) -> Call:
        call = Call()
        for each in _watches.get():
            each.calls.append(call)
        return call

    async def in_flight(self, call: Call, work: Callable[[], T], slot: Callable[[], object]) -> T:
        """Run a call that has its slot; give the slot back in the end."""
        try:
            self._check_open()  # it may have been closed while the call waited for its turn
        except ClosedError:
            slot()
            raise
        flight = Flight(self, call, slot)
        self.flights.add(flight)
        call.outcome = Outcome.RUNNING
        try:
            return await to_thread.run_sync(
                flight.work, work, abandon_on_cancel=True, limiter=self.free()
            )
        except anyio.get_cancelled_exc_class():
            await flight.stop()
            raise
        finally:
            flight.leave()

    # --- transactions ---------------------------------------------------------------------

    @asynccontextmanager
    async def transaction(self, adapter: Adapter) -> AsyncGenerator[None]:
        """Hold one connection and one slot for the calls of a block; see ``AsyncDao``."""
        self._check_open()
        outer = _joined.get()
        if outer is not None and outer.hop is self:
            outer.check_task()
            yield
            return
        limiter, holder = self.limiter(), Call()
        await limiter.acquire_on_behalf_of(holder)
        try:
            session = await self._begin(adapter)
            joined = Joined(self, adapter, Transaction(adapter, session))
            token = _joined.set(joined)
            try:
                with opened(joined.transaction):
                    yield
            except BaseException:
                await joined.roll_back()
                raise
            finally:
                _joined.reset(token)
            await joined.commit()
        finally:
            limiter.release_on_behalf_of(holder)

    async def _begin(self, adapter: Adapter) -> Session:
        call = self._new_call()
        box: list[Session] = []

        def begin() -> None:
            session = adapter.acquire(write=True)
            try:
                session.begin(write=True)
                call.keep(lambda: box.append(session))
            except BaseException:
                session.rollback()
                adapter.release(session)
                raise
            call.detach(session)

        try:
            await self.in_flight(call, begin, lambda: None)
        except BaseException:
            if box:  # begun, but the task was cancelled before it heard of it
                with CancelScope(shield=True):
                    await to_thread.run_sync(_give_up, adapter, box[0], limiter=self.free())
            raise
        return box[0]

    # --- closing --------------------------------------------------------------------------

    async def drain(self, *, cancel: bool = False) -> None:
        """Refuse new calls and wait for those that run; or stop them."""
        self._closed = True
        while self.flights:
            if cancel:
                for each in list(self.flights):
                    each.call.refuse()
                    await to_thread.run_sync(each.call.interrupt, limiter=self.free())
            await anyio.sleep(AGAIN)

    async def run_last(self, call: Callable[[], T]) -> T:
        """Run a call after ``drain``; it is not stopped."""
        return await to_thread.run_sync(call, limiter=self.free())

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the facade was closed; create another one")


class Joined:
    """A transaction of the facade: one connection, one task, its calls one after the other."""

    def __init__(self, hop: Hop, adapter: Adapter, transaction: Transaction[Session]) -> None:
        self.hop = hop
        self.transaction = transaction
        self._adapter = adapter
        self._task = anyio.get_current_task().id
        self._busy = False

    def check_task(self) -> None:
        """Raise MisuseError in any task but the one that opened the transaction."""
        if anyio.get_current_task().id != self._task:
            raise MisuseError(
                "this transaction belongs to another task; make the call before or after its "
                "block, or in the task that opened it"
            )

    async def run(self, work: Callable[[], T]) -> T:
        """Run a call on the transaction's connection."""
        self.check_task()
        call = self.hop._new_call()
        session = self.transaction.session

        def attached() -> T:
            call.attach(session)
            try:
                return work()
            finally:
                call.detach(session)

        try:
            return await self.hop.in_flight(call, attached, lambda: None)
        except anyio.get_cancelled_exc_class():
            # Its thread may still be at it: nothing else may use the connection before it ends.
            with CancelScope(shield=True):
                while not call.has_ended:
                    await anyio.sleep(AGAIN)
            raise

    async def commit(self) -> None:
        """Commit, and give the connection back; roll back when that is all that can be done."""
        call = self.hop._new_call()
        transaction, session = self.transaction, self.transaction.session

        def commit() -> None:
            try:
                call.attach(session)
                if transaction.failure is not None:
                    raise transaction.failure
                call.will_commit()
                session.commit()
                call.did_commit()
            except BaseException:
                session.rollback()
                raise
            finally:
                self._adapter.release(session)

        try:
            await self.hop.in_flight(call, commit, lambda: None)
        except BaseException:
            if call.outcome is not Outcome.COMMITTED:
                self._undo()
            raise

    async def roll_back(self) -> None:
        """Roll back, and give the connection back."""
        with CancelScope(shield=True):
            await to_thread.run_sync(
                _give_up, self._adapter, self.transaction.session, limiter=self.hop.free()
            )
        self._undo()

    def _undo(self) -> None:
        for undo in reversed(self.transaction.undos):
            undo()


_joined: ContextVar[Joined | None] = ContextVar("cheap_joined", default=None)


def _give_up(adapter: Adapter, session: Session) -> None:
    session.rollback()
    adapter.release(session)


_hops: weakref.WeakKeyDictionary[Any, Hop] = weakref.WeakKeyDictionary()
_hops_lock = threading.Lock()


def hop_of(owner: object) -> Hop:
    """Return the hop of an adapter or a store: facades over the same thing share it."""
    with _hops_lock:
        hop = _hops.get(owner)
        if hop is None:
            is_adapter = isinstance(owner, Adapter)
            width = owner.width if isinstance(owner, Adapter) else 1
            hop = _hops[owner] = Hop(width, stoppable=is_adapter)
        return hop
