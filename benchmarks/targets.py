"""The targets: the numbers of docs/benchmarks.md, said once, and whether a run met them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.results import Results

FLOOR: Final = {
    "save": {"sqlite": 1.8, "postgres": 2.0, "mariadb": 1.7},
    "load": {"sqlite": 2.5, "postgres": 2.0, "mariadb": 2.0},
    "read": {"sqlite": 9.0, "postgres": 4.0, "mariadb": 3.5},
    "read_names": {"sqlite": 9.0, "postgres": 4.0, "mariadb": 3.5},
    "point": {"sqlite": 2.5, "postgres": 1.5, "mariadb": 1.3},
    "upsert": {"sqlite": 4.0, "postgres": 2.5, "mariadb": 2.0},
    "edit": {"sqlite": 6.0, "postgres": 4.0, "mariadb": 3.0},
}
"""Most that CheapPy may take, as a multiple of the raw driver's time (an edit: of its upsert)."""

RIVALS: Final = {"orm": 4.0, "rows": 5.0}
"""Least that others must take for a save and for a load, as a multiple of CheapPy's time."""

PUT: Final = 1.5
"""Most that putting a record may take, as a multiple of making a pydantic model of it."""

ASPECT_BYTES: Final = 300
"""Most bytes that a loaded aspect may take beyond its document and its id."""

LINEAR: Final = 1.5
"""Most that a record may take in the largest catalog, as a multiple of the smallest."""

PAGE: Final = 1.2
"""Most that a page may take at the end of a catalog, as a multiple of one at its start."""


@dataclass(frozen=True)
class Verdict:
    """Whether a target was met.

    Attributes:
        target: what it is about, in words.
        found: the number that was measured.
        limit: the number that it is held against.
        at_least: whether the limit is the least that is wanted, not the most.
    """

    target: str
    found: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it was met."""
        return self.found >= self.limit if self.at_least else self.found <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        word = "met" if self.met else "MISSED"
        return f"{word}: {self.target}: {self.found:.2f} (target {sign} {self.limit:g})"


def floor_ratio(results: Results, task: str, backend: str, size: int) -> float | None:
    """Return CheapPy's time as a multiple of the raw driver's."""
    return _ratio(results, (task, "cheap"), (task, "raw"), backend, size)


def judge(results: Results, backends: tuple[str, ...], size: int) -> list[Verdict]:
    """Hold everything that was measured against the targets, in catalogs of one size."""
    verdicts: list[Verdict] = []
    for backend in backends:
        for task, limits in FLOOR.items():
            found = floor_ratio(results, task, backend, size)
            if found is not None:
                name = f"{backend}: {task} {size:,}, to the raw driver"
                verdicts.append(Verdict(name, found, limits[backend]))
        for task in ("save", "load"):
            for rival, least in RIVALS.items():
                found = _ratio(results, (task, rival), (task, "cheap"), backend, size)
                if found is not None:
                    name = f"{backend}: {task} {size:,}, {rival} to CheapPy"
                    verdicts.append(Verdict(name, found, least, at_least=True))
        found = _ratio(results, ("large_page", "end"), ("large_page", "start"), backend, 0)
        if found is not None:
            name = f"{backend}: a page at the end, to one at the start"
            verdicts.append(Verdict(name, found, PAGE))
    found = _ratio(results, ("put", "cheap"), ("put", "pydantic"), "", 0)
    if found is not None:
        verdicts.append(Verdict("a record put, to a pydantic model made", found, PUT))
    for aspect in results.of_task("aspect"):
        name = "bytes of a loaded aspect beyond its document and id"
        verdicts.append(Verdict(name, aspect.value, ASPECT_BYTES))
    for task in ("scale_save", "scale_load"):
        steps = sorted(results.of_task(task), key=lambda each: each.size)
        if steps:
            name = f"{task}: a record among {steps[-1].size:,}, to one among {steps[0].size:,}"
            verdicts.append(Verdict(name, steps[-1].value / steps[0].value, LINEAR))
    return verdicts


def _ratio(
    results: Results, over: tuple[str, str], under: tuple[str, str], backend: str, size: int
) -> float | None:
    top, bottom = (results.find(*each, backend, size) for each in (over, under))
    return None if top is None or bottom is None else top.value / bottom.value
