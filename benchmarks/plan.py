"""What a run measures, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BACKENDS: Final = ("sqlite", "postgres", "mariadb")

CONTENDERS: Final = ("cheap", "raw", "core", "orm", "rows")
"""The contenders of every task, in the order of the tables."""

BENCHMARKS: Final = {
    "save": "save a new catalog",
    "load": "load a catalog, and read every property of it",
    "point": "read 1 aspect, and 100, by id",
    "upsert": "write 1 aspect, and 100, committed",
    "edit": "save a loaded catalog after one edit",
    "page": "read every aspect, page by page",
    "filter": "find some hundred aspects by an indexed property",
    "put": "put records into a catalog, beside making pydantic models",
    "memory": "peak memory, bytes on disk, and bytes of a loaded aspect",
    "pages": "a page at the start and at the end of a large catalog",
    "scale": "time of a record in ever larger catalogs (SQLite)",
}
"""Every benchmark by name."""

LARGE: Final = ("pages", "scale")
"""Benchmarks that a quick run leaves out, for they need a million aspects."""


@dataclass(frozen=True)
class Plan:
    """What a run measures, and how often.

    Attributes:
        names: the benchmarks.
        backends: the databases.
        contenders: who is measured; the memory of all is.
        sizes: how many aspects the catalogs have; targets are judged at the last.
        rounds: how often everything is measured, turn by turn; the median counts.
        calls: calls in one round of what takes microseconds; of slower ones, fewer.
        large: how many aspects a large catalog has.
        puts: records in one round of ``put``.
        memory_of: the contenders whose peak memory is measured.
        quick: whether this is a run to try things, whose figures mean little.
    """

    names: tuple[str, ...] = tuple(BENCHMARKS)
    backends: tuple[str, ...] = BACKENDS
    contenders: tuple[str, ...] = CONTENDERS
    sizes: tuple[int, ...] = (10_000, 100_000)
    rounds: int = 5
    calls: int = 2_000
    large: int = 1_000_000
    puts: int = 10_000
    memory_of: tuple[str, ...] = CONTENDERS
    quick: bool = False

    @property
    def scale_sizes(self) -> tuple[int, ...]:
        """The sizes of ``scale``."""
        return (self.large // 100, self.large // 10, self.large)


FULL: Final = Plan()
QUICK: Final = Plan(
    names=tuple(name for name in BENCHMARKS if name not in LARGE),
    sizes=(2_000, 10_000),
    rounds=3,
    calls=500,
    large=100_000,
    puts=2_000,
    quick=True,
)
