"""Measuring: turn by turn, with the garbage collector on and no core asleep."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

Turn = Callable[[int], float]
"""One round of one contender: it is given the round's number and returns seconds."""

Calls = Sequence[Callable[[], object]]
"""The calls of one round of one contender."""

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


def clocked(work: Callable[[], object]) -> float:
    """Return how long some work takes, in seconds; what it returns is kept until the clock stops.

    The garbage collector is on, as a user has it, and begins with a clean slate.
    """
    gc.collect()
    start = time.perf_counter()
    kept = work()
    taken = time.perf_counter() - start
    del kept
    return taken


def turn_by_turn(
    turns: Mapping[str, Turn], rounds: int, tell: Callable[[str], None]
) -> dict[str, list[float]]:
    """Measure all contenders in turn, round after round (A B C A B C ...).

    So whatever disturbs the machine for a while disturbs all of them alike. One round more, the
    first, warms up and does not count.

    Returns:
        The seconds of every round, by contender.
    """
    found: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds + 1):
        for name, turn in turns.items():
            tell(f"round {number} of {rounds}: {name}" if number else f"warming up: {name}")
            seconds = turn(number)
            if number:
                found[name].append(seconds)
    return found


def call_by_call(
    calls_of: Mapping[str, Callable[[int], Calls]], rounds: int, tell: Callable[[str], None]
) -> dict[str, list[float]]:
    """Measure short calls of all contenders in turn, call after call (A B C A B C ...).

    So nobody has the processor's caches and the server's attention to itself, as nobody has in a
    program that does more than one thing.

    Args:
        calls_of: makes the calls of a round ready, by contender.
        rounds: how many rounds; one more, the first, warms up and does not count.
        tell: says what is going on.

    Returns:
        The seconds of a call, on average, in every round, by contender.
    """
    found: dict[str, list[float]] = {name: [] for name in calls_of}
    clock = time.perf_counter
    with cores_awake():
        for number in range(rounds + 1):
            tell(f"round {number} of {rounds}" if number else "warming up")
            calls = {name: make(number) for name, make in calls_of.items()}
            spent = dict.fromkeys(calls, 0.0)
            gc.collect()
            for i in range(max(map(len, calls.values()))):
                for name, mine in calls.items():
                    if i < len(mine):
                        start = clock()
                        mine[i]()
                        spent[name] += clock() - start
            if number:
                for name, seconds in spent.items():
                    found[name].append(seconds / len(calls[name]))
    return found


@contextmanager
def cores_awake() -> Generator[None]:
    """Keep every core busy with something that gives way to all else.

    On a virtual machine, waking a core that went to sleep while the program waited for the disk or
    for a server takes longer than the call itself.
    """
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
