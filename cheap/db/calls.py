"""Calls that can be stopped from outside: by a task that was cancelled, in another thread.

A call runs in one thread; :data:`current_call` leads from there to it. While the call has a
session, stopping it stops the statement in the database itself. While a commit is on its way it
is not stopped, so that the outcome is known; afterwards it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Final, Protocol

from cheap.errors import CommitUnknownError, StoppedError


class Outcome(Enum):
    """What became of a call."""

    NOT_STARTED = "not started"
    """It waited for its turn and never began."""
    RUNNING = "running"
    """It has not ended; if it was stopped, nothing of it will be committed."""
    DONE = "done"
    """It ended, and committed nothing by itself; in a transaction, the end of that decides."""
    COMMITTED = "committed"
    """What it wrote is in the store; of a call that commits more than once, at least the first."""
    ROLLED_BACK = "rolled back"
    """Nothing of what it wrote is in the store."""
    UNKNOWN = "unknown"
    """The connection was lost while the commit was on its way."""


class Interruptible(Protocol):
    """What a call has in its hands: a session."""

    call: Call | None

    def interrupt(self) -> None:
        """Stop the statement that runs; called from another thread."""
        ...


class Call:
    """One call on a store.

    Attributes:
        stopped: whether it was stopped; statements and commits are refused from then on.
        is_committing: whether a commit is on its way.
        outcome: what became of it so far.
    """

    __slots__ = (
        "_on_stop",
        "_reach",
        "_session",
        "_state",
        "_wanted_stop",
        "is_committing",
        "outcome",
        "stopped",
    )

    def __init__(self) -> None:
        # Never held for long: event loops take it.
        self._state = threading.Lock()
        # Held while an interrupt is under way: it must not reach the session's next user.
        self._reach = threading.Lock()
        self._session: Interruptible | None = None
        self._on_stop: tuple[Callable[[], object], ...] = ()
        self._wanted_stop = False
        self.is_committing = False
        self.stopped = False
        self.outcome = Outcome.NOT_STARTED

    # --- in the thread of the call --------------------------------------------------------

    def check(self) -> None:
        """Raise StoppedError when the call was stopped."""
        if self.stopped:
            is_in = self.outcome is Outcome.COMMITTED
            rest = "what it had committed before stays" if is_in else "nothing was written"
            raise StoppedError(f"the call was stopped; {rest}")

    def attach(self, session: Interruptible) -> None:
        """Note that the call works on a session; StoppedError when it was stopped before."""
        with self._state:
            self.check()
            self._session = session
            session.call = self

    def detach(self, session: Interruptible) -> None:
        """Note that the call gives the session back, or that it may not be interrupted any more."""
        with self._reach:
            self._session = None
            session.call = None

    def will_commit(self) -> None:
        """Note that a commit is about to be sent; StoppedError when the call was stopped."""
        with self._state:
            self.check()
            self.is_committing = True

    def commit_is_over(self, outcome: Outcome | None) -> None:
        """Note how a commit ended; if a stop was wanted meanwhile, the call is stopped now.

        Args:
            outcome: what became of what was written; ``None``: the store refused the commit.
        """
        with self._state:
            self.is_committing = False
            if outcome is not None:
                self.outcome = outcome
        if self._wanted_stop:
            self.refuse()

    def keep(self, take: Callable[[], object]) -> None:
        """Hand over what the call made, unless it was stopped: then StoppedError."""
        with self._state:
            self.check()
            take()

    def when_stopped(self, tell: Callable[[], object]) -> None:
        """Call something when the call is stopped, or now, if it was; it must not block."""
        with self._state:
            if not self.stopped:
                self._on_stop += (tell,)
                return
        tell()

    # --- from outside ---------------------------------------------------------------------

    def refuse(self) -> None:
        """Stop the call at its next statement, or when its commit is over. Never blocks."""
        with self._state:
            self._wanted_stop = True
            if self.is_committing or self.stopped:
                return
            self.stopped = True
            tells = self._on_stop
        for tell in tells:
            tell()

    def interrupt(self) -> None:
        """Stop the statement that runs, if the call was refused. Blocks, as the database does.

        May be repeated: an interrupt that falls between two statements has no effect.
        """
        with self._reach:
            if self.stopped and self._session is not None:
                self._session.interrupt()


current_call: ContextVar[Call | None] = ContextVar("cheap_call", default=None)
"""The call that the present thread works on, if it can be stopped."""


STEP: Final = 0.02
"""Seconds after which a call that waits looks whether it was stopped."""


def steps(patience: float) -> Iterator[float]:
    """Yield for how long to wait at a time: to the end, or in steps if the call can be stopped.

    Args:
        patience: how many seconds to wait altogether, at least once.

    Raises:
        StoppedError: the call was stopped meanwhile.
    """
    call, left = current_call.get(), patience
    deadline = time.monotonic() + patience
    while left >= 0:
        if call is not None:
            call.check()
        yield left if call is None else min(left, STEP)
        left = deadline - time.monotonic()


@contextmanager
def committing() -> Generator[None]:
    """Note that the block commits what the present call wrote; StoppedError if it was stopped."""
    call = current_call.get()
    if call is None:
        yield
        return
    call.will_commit()
    outcome: Outcome | None = None
    try:
        yield
        outcome = Outcome.COMMITTED
    except CommitUnknownError:
        outcome = Outcome.UNKNOWN
        raise
    finally:
        call.commit_is_over(outcome)
