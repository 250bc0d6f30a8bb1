"""Transactions that join several calls on one store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Generic, TypeVar

S = TypeVar("S")


@dataclass(slots=True, eq=False)
class Transaction(Generic[S]):
    """A transaction that is open in the current context.

    Attributes:
        owner: what it belongs to (an adapter, or a memory store).
        session: what its calls work on.
        undos: what takes back that catalogs count as saved, should it be rolled back.
        failure: why it can only be rolled back, if so.
        turn: held by the call that works on the session; threads may share a context.
        depth: how many calls are under way, one inside of the other.
        ended: whether its block is over; a context that outlives it is on its own again.
    """

    owner: object
    session: S
    undos: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])
    failure: BaseException | None = None
    turn: threading.RLock = field(default_factory=threading.RLock)
    depth: int = 0
    ended: bool = False

    def check(self) -> None:
        """Raise why the transaction can only be rolled back, if so."""
        if self.failure is not None:
            raise self.failure


# A context variable follows a call into a worker thread and a task, and stays out of others.
_open: ContextVar[tuple[Transaction[object], ...]] = ContextVar("cheap_transactions", default=())


def current(owner: object) -> Transaction[object] | None:
    """Return the transaction that is open on something in this context, if any."""
    for each in _open.get():
        if each.owner is owner and not each.ended:
            return each
    return None


@contextmanager
def opened(transaction: Transaction[S]) -> Generator[None]:
    """Make the calls of a block join the transaction."""
    _open.set((*_still_open(), transaction))  # type: ignore[arg-type]
    try:
        yield
    finally:
        transaction.ended = True
        # No reset(): an asynchronous generator that was left early ends in another context.
        _open.set(_still_open())


def _still_open() -> tuple[Transaction[object], ...]:
    return tuple(each for each in _open.get() if not each.ended)
