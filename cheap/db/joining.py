"""Calls and transactions: how a call on a SQL DAO gets its session, and joins others into one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Self, TypeVar

from cheap.core import (
    Basis,
    Catalog,
)
from cheap.core.hierarchies.tracking import Taken
from cheap.db.adapter import Adapter, Lent, Session
from cheap.db.transactions import Transaction, current, opened
from cheap.errors import (
    BusyError,
    CheapError,
)
from cheap.store import (
    Store,
)

T = TypeVar("T")

PATIENCE: Final = 10.0
"""Seconds after which a write that keeps meeting deadlocks is given up."""


class Joinable(Store):
    """A store over an adapter, whose calls can be joined into one transaction."""

    adapter: Adapter

    @contextmanager
    def transaction(self) -> Generator[Self]:
        """Join the calls of a ``with`` block into one transaction.

        All calls made on this DAO (and on others over its adapter) inside the block, in the same
        thread or task, see each other's writes; they are committed together at the end, or rolled
        back together when the block raises. A call that fails leaves nothing of itself, and the
        rest may go on if the error is caught. Blocks inside of blocks join the outermost.

        Example:
            >>> with dao.transaction():
            ...     dao.save_catalog(first)
            ...     dao.save_catalog(second)
        """
        if current(self.adapter) is not None:
            yield self
            return
        joined: Transaction[Session] | None = None
        try:
            with self.adapter.transaction(write=True) as session:
                joined = Transaction(self.adapter, session)
                with opened(joined):
                    yield self
                joined.check()
        except BaseException:
            for undo in reversed(joined.undos if joined else []):
                undo()
            raise

    def _settle(self, catalog: Catalog, basis: Basis, taken: Taken) -> None:
        undo = catalog.settle(basis, taken)
        joined = current(self.adapter)
        if joined is not None:
            joined.undos.append(undo)

    def _reading(self, *, snapshot: bool = False) -> AbstractContextManager[Session]:
        """Lend a session for reading: the joined transaction's, or one of its own."""
        joined = current(self.adapter)
        if joined is not None:
            return _joining(joined)  # type: ignore[arg-type]
        if snapshot:
            return self.adapter.transaction(write=False)
        return Lent(self.adapter, write=False)

    def _write(self, work: Callable[[Session], T], *, repeatable: bool = True) -> T:
        """Do some work in a transaction; again from the start after a deadlock or the like."""
        joined = current(self.adapter)
        if joined is not None:
            return self._write_joined(joined, work)  # type: ignore[arg-type]
        deadline = time.monotonic() + PATIENCE
        tries = self.adapter.retries if repeatable else 0
        while True:
            try:
                with self.adapter.transaction(write=True) as session:
                    return work(session)
            except BusyError:
                if tries <= 0 or time.monotonic() > deadline:
                    raise
                tries -= 1
            # Jitter, so that two that met do not meet again.
            time.sleep(random.uniform(0.001, 0.02) * (self.adapter.retries - tries))

    def _write_together(self, work: Callable[[Session], T]) -> T:
        """Do some work as ``_write`` does; the calls on this DAO that it makes join it."""

        def together(session: Session) -> T:
            with opened(Transaction(self.adapter, session)):
                return work(session)

        return self._write(together)

    @staticmethod
    def _write_joined(joined: Transaction[Session], work: Callable[[Session], T]) -> T:
        """Do some work inside a joined transaction; should it fail, nothing is left of it."""
        with _joining(joined) as session:
            # A call inside of a call (by an iterator that is being written) has its own name,
            # since MariaDB gives up a savepoint for a new one of the same name.
            savepoint = f"cheap_call_{joined.depth}"
            joined.depth += 1
            try:
                session.run(f"SAVEPOINT {savepoint}", {})
                try:
                    result = work(session)
                    session.run(f"RELEASE SAVEPOINT {savepoint}", {})
                except BaseException as error:
                    session.forget()
                    try:
                        session.run(f"ROLLBACK TO SAVEPOINT {savepoint}", {})
                        session.run(f"RELEASE SAVEPOINT {savepoint}", {})
                    except CheapError:
                        # The database gave up the whole transaction (a deadlock, a lost
                        # connection).
                        joined.failure = error
                    raise
            finally:
                joined.depth -= 1
            return result


@contextmanager
def _joining(joined: Transaction[Session]) -> Generator[Session]:
    """Lend the session of a joined transaction to one call at a time."""
    with joined.turn:
        joined.check()
        yield joined.session
