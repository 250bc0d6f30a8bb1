"""Calls that can be stopped from outside: by a task that was cancelled, in another thread.

A call runs in one thread; :data:`current_call` leads from there to it. While the call has a
session, stopping it stops the statement in the database itself. Once its commit is on the way it
is not stopped any more, so that its outcome is known.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from enum import Enum
from typing import Protocol

from cheap.errors import StoppedError


class Outcome(Enum):
    """What became of a call."""

    NOT_STARTED = "not started"
    """It waited for its turn and never began."""
    RUNNING = "running"
    """It has not ended; if it was stopped, nothing of it will be committed."""
    DONE = "done"
    """It ended without writing anything."""
    COMMITTED = "committed"
    """What it wrote is in the store."""
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
        outcome: what became of it so far.
    """

    __slots__ = ("_committing", "_lock", "_session", "outcome", "stopped")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Interruptible | None = None
        self._committing = False
        self.stopped = False
        self.outcome = Outcome.NOT_STARTED

    @property
    def is_committing(self) -> bool:
        """Whether a commit is on its way, or was made."""
        return self._committing

    def attach(self, session: Interruptible) -> None:
        """Note that the call works on a session; StoppedError when it was stopped before."""
        with self._lock:
            if self.stopped:
                raise StoppedError("the call was stopped before it had a connection")
            self._session = session
            session.call = self

    def detach(self, session: Interruptible) -> None:
        """Note that the call gives the session back."""
        # Under the lock: an interrupt that is under way must not reach the session's next user.
        with self._lock:
            self._session = None
            session.call = None

    def will_commit(self) -> None:
        """Note that a commit is about to be sent; StoppedError when the call was stopped."""
        with self._lock:
            if self.stopped:
                raise StoppedError("the call was stopped; nothing was written")
            self._committing = True

    def did_commit(self) -> None:
        """Note that the commit succeeded."""
        self.outcome = Outcome.COMMITTED

    def keep(self, take: Callable[[], object]) -> None:
        """Hand over what the call made, unless it was stopped: then StoppedError."""
        with self._lock:
            if self.stopped:
                raise StoppedError("the call was stopped; nothing was written")
            take()

    def refuse(self) -> None:
        """Stop the call at its next statement, unless it is committing already."""
        with self._lock:
            if not self._committing:
                self.stopped = True

    def interrupt(self) -> None:
        """Stop the statement that runs, if the call was refused; from another thread.

        May be repeated: an interrupt that falls between two statements has no effect.
        """
        with self._lock:
            if self.stopped and self._session is not None:
                self._session.interrupt()

    @property
    def has_ended(self) -> bool:
        """Whether the call holds nothing any more."""
        with self._lock:
            return self._session is None


current_call: ContextVar[Call | None] = ContextVar("cheap_call", default=None)
"""The call that the present thread works on, if it can be stopped."""
