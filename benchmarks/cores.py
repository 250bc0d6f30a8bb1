"""Which processor cores do the work while short calls are measured.

A call on a server is mostly waiting for the other side to wake up, and what that costs depends on
which cores the two happen to stand on: on a virtual machine, the same call takes 45 or 90 µs for
minutes on end. So client and server take turns on one core, and no core falls asleep.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_PROCESSES: Final = Path("/proc")
_SPIN: Final = """
import os
parent = os.getppid()
try:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
except (AttributeError, OSError):
    os.nice(19)
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def cores_awake() -> Generator[None]:
    """Keep every core busy with something that gives way to all else."""
    spinners = [
        subprocess.Popen([sys.executable, "-c", _SPIN], stdin=subprocess.DEVNULL)
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        time.sleep(0.1)
        yield
    finally:
        for each in spinners:
            each.kill()
            each.wait()


@contextmanager
def one_core(server: int | None) -> Generator[None]:
    """Put this process and a server's processes onto one core (on Linux; elsewhere, nothing).

    Args:
        server: the server's first process, if there is one that is ours.
    """
    if server is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    _place((os.getpid(), server), {max(before)})
    try:
        yield
    finally:
        _place((os.getpid(), server), before)


def _place(processes: tuple[int, ...], cores: set[int]) -> None:
    for process in processes:
        for each in _family(process):
            for thread in (_PROCESSES / str(each) / "task").iterdir():
                with suppress(ProcessLookupError):  # it ended just now
                    os.sched_setaffinity(int(thread.name), cores)


def _family(process: int) -> Iterator[int]:
    """Yield a process and those that it started, and so on; but not our own spinners."""
    yield process
    if process == os.getpid():
        return
    for stat in _PROCESSES.glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == process:
                yield from _family(int(stat.parent.name))
