"""Transactions that join several calls on one store."""

from __future__ import annotations

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
    """

    owner: object
    session: S
    undos: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])
    failure: BaseException | None = None


# A context variable follows a call into a worker thread and a task, and stays out of others.
_open: ContextVar[tuple[Transaction[object], ...]] = ContextVar("cheap_transactions", default=())


def current(owner: object) -> Transaction[object] | None:
    """Return the transaction that is open on something in this context, if any."""
    for each in _open.get():
        if each.owner is owner:
            return each
    return None


@contextmanager
def opened(transaction: Transaction[S]) -> Generator[None]:
    """Make calls join the transaction; on any error take back what was noted in it."""
    token = _open.set((*_open.get(), transaction))  # type: ignore[arg-type]
    try:
        yield
    finally:
        _open.reset(token)
