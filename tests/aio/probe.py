"""A probe in asyncio's event loop: code of ours that blocks it raises."""

from __future__ import annotations

import _thread
import asyncio
import ctypes
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import forbiddenfruit  # what blockbuster patches with
from blockbuster import BlockBuster, BlockingError

import cheap

HOUSE = str(Path(cheap.__file__).parent)
LONG = 0.1
"""Seconds that ``with lock:`` may wait: the locks that event loops take are held for a moment."""


@contextmanager
def no_blocking() -> Generator[None]:
    """Let everything raise BlockingError that blocks an event loop on behalf of ``cheap``."""
    probe = BlockBuster("cheap")
    # It looks at ``lock.acquire()`` only, which ``with lock:`` does not go through.
    methods = forbiddenfruit.patchable_builtin(_thread.LockType)
    original, acquire = methods["__enter__"], methods["acquire"]

    def enter(lock: Any) -> bool:
        if not lock.locked() or not _in_loop():
            return bool(original(lock))
        if not acquire(lock, True, LONG):
            raise BlockingError("with lock")
        return True

    probe.activate()
    _patch(methods, enter)
    try:
        yield
    finally:
        _patch(methods, original)
        probe.deactivate()


def _patch(methods: dict[str, Any], enter: Any) -> None:
    methods["__enter__"] = enter
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(_thread.LockType))


def _in_loop() -> bool:
    """Whether we are called by ``cheap`` in an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith(HOUSE):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
