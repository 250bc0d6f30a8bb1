"""Event loops, asyncio's and trio's, as those who keep them know them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anyio.lowlevel import current_token


def running_loop() -> Any:
    """Return the event loop whose task runs here: asyncio's, or what stands for trio's."""
    # anyio's token says the same for both, but takes three times as long to find out.
    try:
        if asyncio.current_task() is not None:  # else trio may be a guest of asyncio's
            return asyncio.get_running_loop()
    except RuntimeError:
        pass
    return current_token().native_token


def soon(loop: Any, call: Callable[[], object]) -> None:
    """Call something in an event loop, from a thread; nothing happens when the loop is over."""
    # from_thread.run_sync would wait for the answer, for ever if the loop ends just now.
    ask = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
    with suppress(RuntimeError):  # also trio's RunFinishedError
        ask(call)


def is_over(loop: Any) -> bool:
    """Tell whether an event loop has ended, so that no task in it goes on."""
    is_closed: Callable[[], bool] | None = getattr(loop, "is_closed", None)
    if is_closed is not None:
        return is_closed()
    try:
        loop.run_sync_soon(_nothing, idempotent=True)
    except RuntimeError:  # trio's RunFinishedError
        return True
    return False


def _nothing() -> None: ...
