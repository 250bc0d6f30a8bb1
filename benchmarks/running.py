"""A whole run: every benchmark that is planned, on every database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.data import make_data
from benchmarks.growth import measure_pages, measure_scale
from benchmarks.machine import about
from benchmarks.memory import measured
from benchmarks.places import Ground, ground
from benchmarks.plan import Plan
from benchmarks.put import measure_put
from benchmarks.results import Results
from benchmarks.tasks import PLANNED, Tasks

Tell = Callable[[str], None]


def run(plan: Plan, folder: Path, tell: Tell, json: Path | None = None) -> Results:
    """Measure what is planned.

    Args:
        plan: what to measure.
        folder: where the files of SQLite may lie.
        tell: says what is going on.
        json: where to write what was found, as it is found.
    """
    results = Results(about(plan, {}), path=json)
    names = {*plan.names}
    for backend in plan.backends:
        mine = PLANNED | {"pages"} | ({"scale"} if backend == "sqlite" else set())
        if mine & names:
            with ground(backend, folder) as place:
                results.about["databases"][backend] = place.version()
                _run_on(place, plan, results, _behind(backend, tell))
    if "put" in names:
        found = measure_put(make_data(plan.puts), plan.rounds, _behind("put", tell))
        results.add("put", found, size=plan.puts)
    return results


def _run_on(place: Ground, plan: Plan, results: Results, tell: Tell) -> None:
    names, backend = {*plan.names}, place.backend
    for size in plan.sizes if PLANNED & names else ():
        tell(f"making {size:,} records")
        data = make_data(size)
        Tasks(place, data, plan, results, _behind(f"{size:,}", tell)).run()
    if "memory" in names:
        _measure_memory(place, plan, results, tell)
    if "scale" in names and backend == "sqlite":
        _measure_scale(place, plan, results, tell)
    if "pages" in names:
        found = measure_pages(place, plan.large, plan.rounds, max(3, plan.calls // 10), tell)
        results.add("large_page", found, backend=backend, size=plan.large)


def _measure_scale(place: Ground, plan: Plan, results: Results, tell: Tell) -> None:
    for size in plan.scale_sizes:
        saves: list[float] = []
        loads: list[float] = []
        for _ in range(1 if size == plan.large else 3):
            save, load = measure_scale(place, size, tell)
            saves.append(save)
            loads.append(load)
        results.add("scale_save", {"cheap": saves}, backend=place.backend, size=size)
        results.add("scale_load", {"cheap": loads}, backend=place.backend, size=size)


def _measure_memory(ground: Ground, plan: Plan, results: Results, tell: Tell) -> None:
    size, backend = plan.sizes[-1], ground.backend
    for name in plan.memory_of:
        place = ground.place(f"{name}_memory")
        for task in ("save", "load"):
            tell(f"peak memory: {task}: {name}")
            found = {name: [measured(task, name, place, size)]}
            results.add(f"peak_{task}", found, backend=backend, size=size, unit="bytes")
        if name == "cheap" and backend == "sqlite":
            found = {name: [measured("aspect", name, place, size)]}
            results.add("aspect", found, backend=backend, size=size, unit="bytes")


def _behind(words: str, tell: Tell) -> Tell:
    """Say where something happens before saying what."""
    return lambda text: tell(f"{words}: {text}")
