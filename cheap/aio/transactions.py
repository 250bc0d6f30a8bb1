"""Transactions of the facade: one task, one connection, its calls one after the other."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TypeVar

import anyio

from cheap.aio.endings import in_thread
from cheap.aio.flights import GRACE, Flight
from cheap.aio.hop import Hop, watched_call
from cheap.aio.loops import is_over, running_loop
from cheap.aio.turns import Turns
from cheap.db.adapter import Adapter, Session
from cheap.db.calls import Outcome, committing
from cheap.db.transactions import Transaction, opened
from cheap.errors import MisuseError, StoppedError

T = TypeVar("T")


class Joined:
    """A transaction that is open in one task, and holds a connection and a turn.

    Args:
        hop: whose calls it joins.
        adapter: takes the session back.
        turns: takes the turn back.
        session: in a transaction.

    Attributes:
        loop: the event loop whose task has it.
    """

    def __init__(self, hop: Hop, adapter: Adapter, turns: Turns, session: Session) -> None:
        self.hop = hop
        self.transaction = Transaction(adapter, session)
        self._adapter = adapter
        self._turns = turns
        self._session = session
        self._task = anyio.get_current_task().id
        self.loop = running_loop()
        self._ending = threading.Lock()  # who takes it ends the transaction; it is never released
        hop.transactions.add(self)
        self._last: Flight | None = None

    @classmethod
    async def begin(cls, hop: Hop, adapter: Adapter) -> Joined:
        """Begin a transaction when its turn comes."""
        flight, turns = await hop.ready(write=True)
        begun: list[Session] = []

        def begin() -> None:
            session = adapter.begin(write=True)
            session.leave_call()
            try:
                flight.call.keep(partial(begun.append, session))
            except BaseException:
                session.rollback()
                adapter.release(session)
                raise

        def at_end() -> None:
            if not begun:
                turns.give_back()

        try:
            await hop.fly(flight, begin, at_end)
        except BaseException:
            if begun:  # but the task was cancelled before it heard of it
                await cls(hop, adapter, turns, begun[0]).roll_back(GRACE)
            raise
        return cls(hop, adapter, turns, begun[0])

    @contextmanager
    def open(self) -> Generator[None]:
        """Make the calls of a block join the transaction."""
        _open.set((*_still_open(), self))
        try:
            with opened(self.transaction):
                yield
        finally:
            _open.set(_still_open())  # no reset(), as in ``opened``

    def check_task(self) -> None:
        """Raise MisuseError in any task but the one that opened the transaction."""
        if anyio.get_current_task().id != self._task:
            raise MisuseError(
                "this transaction belongs to another task; make the call before or after its "
                "block, or in the task that opened it (on Python 3.11, asyncio.wait_for starts "
                "another task; asyncio.timeout does not)"
            )

    async def run(self, work: Callable[[], T]) -> T:
        """Run a call on the transaction's connection."""
        self.hop.check_open()
        self.check_task()
        self.transaction.check()
        flight = self._last = self.hop.flight()

        def attached() -> T:
            flight.call.attach(self._session)
            try:
                return work()
            finally:
                self._session.leave_call()

        try:
            return await self.hop.fly(flight, attached, _nothing)
        finally:
            if flight.call.stopped and flight.has_started:
                # Nobody knows how far it got; and its thread may still be at it.
                self.transaction.failure = StoppedError(
                    "a call of this transaction was stopped, so it can only be rolled back"
                )

    async def commit(self) -> None:
        """Commit, and give everything back; roll back when that is all that can be done."""
        flight, transaction, session = self.hop.flight(), self.transaction, self._session

        def commit() -> None:
            if not self._ending.acquire(blocking=False):  # by close(), after the event loop
                raise StoppedError("the transaction was rolled back before its commit began")
            self._await_last()
            try:
                flight.call.attach(session)
                transaction.check()
                with committing():
                    session.commit()
                    session.leave_call()
            except BaseException:
                self._undo()
                raise
            finally:
                self._give_back()

        def at_end() -> None:
            if flight.has_started:
                self._turns.give_back()

        try:
            await self.hop.fly(flight, commit, at_end)
        except BaseException:
            if not flight.has_started:
                await self.roll_back(GRACE)
            raise

    async def roll_back(self, patience: float | None) -> None:
        """Roll back, and give everything back.

        Args:
            patience: how many seconds the task waits for that if it was cancelled; ``None``: it
                was not, and waits until it is.
        """
        watched_call().outcome = Outcome.ROLLED_BACK
        if not self._ending.acquire(blocking=False):
            return
        ending = in_thread(self._roll_back)
        if is_over(self.loop):  # the task is thrown away, and can wait for nothing any more
            return
        ending.then_in_loop(self._turns.give_back)
        if patience is None:
            await ending.wait(shield=False)
        else:
            await ending.wait(patience)

    @property
    def is_ending(self) -> bool:
        """Whether a thread commits it or rolls it back right now."""
        return self._ending.locked()

    def abandon(self) -> None:
        """Roll back, and give the connection back, unless that is done elsewhere; in a thread."""
        if self._ending.acquire(blocking=False):
            self._roll_back()

    def _roll_back(self) -> None:
        self._await_last()
        try:
            self._undo()
        finally:
            self._give_back()

    def _give_back(self) -> None:
        try:
            self._adapter.release(self._session)
        finally:
            self.hop.transactions.discard(self)

    def _await_last(self) -> None:
        """Wait until the thread of the last call, which may have been left, is off the session."""
        if self._last is not None:
            over = threading.Event()
            self._last.ending.then(over.set)
            over.wait()

    def _undo(self) -> None:
        self._session.leave_call()
        self._session.rollback()
        for undo in reversed(self.transaction.undos):
            undo()


_open: ContextVar[tuple[Joined, ...]] = ContextVar("cheap_joined", default=())


def _still_open() -> tuple[Joined, ...]:
    return tuple(each for each in _open.get() if not each.transaction.ended)


def joined_in(hop: Hop) -> Joined | None:
    """Return the transaction that the calls of this context join, if any."""
    for each in _open.get():
        if each.hop is hop and not each.transaction.ended:
            return each
    return None


@asynccontextmanager
async def transaction(hop: Hop, adapter: Adapter) -> AsyncGenerator[None]:
    """Join the calls of a block; see ``AsyncDao.transaction``."""
    hop.check_open()
    outer = joined_in(hop)
    if outer is not None:
        outer.check_task()
        yield
        return
    joined = await Joined.begin(hop, adapter)
    try:
        with joined.open():
            yield
    except BaseException as error:
        await joined.roll_back(None if isinstance(error, Exception) else GRACE)
        raise
    await joined.commit()


def _nothing() -> None: ...
