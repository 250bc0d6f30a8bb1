"""Measuring: turn by turn, with the garbage collector on and no core asleep."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from benchmarks.cores import cores_awake, one_core

Turn = Callable[[int], float]
"""One round of one contender: it is given the round's number and returns seconds."""

Calls = Sequence[Callable[[], object]]
"""The calls of one round of one contender."""


@contextmanager
def _as_a_program_has_it() -> Generator[None]:
    """Keep the garbage collector on, as it is; but what is there already is no business of it.

    For that is the benchmark's own: the records, and what other contenders hold.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def clocked(work: Callable[[], object]) -> float:
    """Return how long some work takes, in seconds; its result is kept until the clock stops."""
    with _as_a_program_has_it():
        start = time.perf_counter()
        kept = work()
        taken = time.perf_counter() - start
        del kept
        return taken


def clocked_each(calls: Calls) -> float:
    """Return how long one of many calls takes: the time of all, divided."""
    with _as_a_program_has_it():
        start = time.perf_counter()
        for call in calls:
            call()
        return (time.perf_counter() - start) / len(calls)


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


def calls_in_turn(
    calls_of: Mapping[str, Callable[[int], Calls]],
    rounds: int,
    tell: Callable[[str], None],
    server: int | None,
) -> dict[str, list[float]]:
    """Measure short calls, of which many make a round; client and server share a core meanwhile.

    Args:
        calls_of: makes the calls of a round ready, by contender.
        rounds: how many rounds.
        tell: says what is going on.
        server: the process of the server that is called, if there is one.

    Returns:
        The seconds of a call in every round, by contender.
    """
    turns = {
        name: lambda number, make=make: clocked_each(make(number))
        for name, make in calls_of.items()
    }
    with cores_awake(), one_core(server):
        return turn_by_turn(turns, rounds, tell)
