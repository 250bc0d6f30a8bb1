"""How much a run measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Plan:
    """How much a run measures.

    Attributes:
        sizes: how many records the catalogs have that are streamed; of the first, all else is
            asked.
        connections: from how many at once requests are sent.
        rounds: how often everything is measured, turn by turn; the median counts.
        warming: rounds before them that do not count, of loads.
        seconds: how long a load lasts.
        calls: calls of a client in one round; of slower ones, fewer.
        streamed: about how many records one round streams; small catalogs come again and again.
        quick: whether this is a run to try things, whose figures mean little.
    """

    sizes: tuple[int, ...] = (10_000, 1_000_000)
    connections: tuple[int, ...] = (1, 10, 100)
    rounds: int = 5
    warming: int = 1
    seconds: int = 2
    calls: int = 500
    streamed: int = 200_000
    quick: bool = False


FULL: Final = Plan()
QUICK: Final = Plan(
    sizes=(2_000, 20_000), rounds=1, seconds=1, calls=50, streamed=10_000, quick=True
)
