"""Closing: after the calls that were made, but not after those that nobody can make any more."""

from __future__ import annotations

import time
from collections.abc import Callable

from cheap.aio.endings import in_thread
from cheap.aio.flights import AGAIN
from cheap.aio.hop import Hop
from cheap.aio.loops import is_over
from cheap.aio.transactions import joined_in
from cheap.errors import MisuseError


async def close(hop: Hop, last: Callable[[], object], *, cancel: bool) -> None:
    """Refuse new calls, wait for those that were made, then run a last one.

    Args:
        hop: whose calls.
        last: closes the store.
        cancel: stop the calls instead; the same is done when the task is cancelled.

    Raises:
        MisuseError: it was called inside of a transaction, for whose end others may wait.
    """
    if joined_in(hop) is not None:
        raise MisuseError(
            "close() inside of a transaction would wait for itself; call it after the block"
        )
    hop.is_closed = True
    failures: list[BaseException] = []

    def finish() -> None:
        while _left(hop):
            time.sleep(AGAIN)
        try:
            last()
        except BaseException as error:
            failures.append(error)

    ending = in_thread(finish)
    try:
        if not cancel:
            await ending.wait(shield=False)
    finally:
        for each in list(hop.flights):
            each.stop()
        await ending.wait()
    if failures:
        raise failures[0]


def _left(hop: Hop) -> bool:
    """Tell whether anything is under way; end what an event loop that is over has left behind."""
    for flight in list(hop.flights):
        if not flight.has_started and is_over(flight.loop):
            flight.stop()
    for transaction in list(hop.transactions):
        if is_over(transaction.loop):
            transaction.abandon()
    return bool(hop.flights) or any(each.is_ending for each in list(hop.transactions))
