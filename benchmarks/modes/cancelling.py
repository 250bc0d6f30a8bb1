"""How soon a caller is back after it was cancelled, and what became of its call."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from benchmarks.data import DEFINITION, Data
from benchmarks.modes.ways import Loop
from benchmarks.places import Ground
from benchmarks.results import Results
from cheap import Catalog
from cheap.aio import AsyncDao, Outcome, watch
from cheap.core import new_id
from cheap.core.edits import PutAspects

Tell = Callable[[str], None]


def measure_cancels(
    ground: Ground, data: Data, count: int, loop: Loop, results: Results, tell: Tell
) -> None:
    """Cancel loads and saves at random moments; note the seconds until the caller was back."""
    place = ground.place("cancel")
    with place.connect() as dao:
        catalog = Catalog(global_id=new_id())
        catalog.define(DEFINITION, data.records)
        dao.save_catalog(catalog)
        ground.calm(place)
        awaited = AsyncDao(dao)
        catalog_id = catalog.global_id
        everything = PutAspects(DEFINITION.name, data.records)

        async def load() -> object:
            return await awaited.load_catalog(catalog_id)

        async def save() -> object:
            return await awaited.commit(catalog_id, [everything])

        for task, call in (("cancel_load", load), ("cancel_save", save)):
            tell(f"{task}: {count} times")
            back, committed = loop.run(_cancel_often, call, count)
            found = {"back": back}
            if committed:
                found["committed"] = committed
            results.add(task, found, backend=ground.backend, size=data.size)
        deadline = time.monotonic() + 10
        while dao.adapter.checked_out:  # the last thread may still be at its end
            assert time.monotonic() < deadline, "a connection was lost"
            time.sleep(0.01)
        assert len(dao.load_catalog(catalog_id).aspect_map(DEFINITION.name)) == data.size


async def _cancel_often(
    call: Callable[[], Awaitable[Any]], count: int
) -> tuple[list[float], list[float]]:
    """Return the seconds of calls that were stopped, and of those that were committed."""
    start = time.perf_counter()
    await call()
    whole = time.perf_counter() - start
    chance = random.Random(1)
    stopped: list[float] = []
    committed: list[float] = []
    while len(stopped) < count and len(committed) < count:
        cancelled = ended = 0.0
        with watch() as seen:
            async with anyio.create_task_group() as group:

                async def work() -> None:
                    nonlocal ended
                    try:
                        await call()
                    finally:
                        ended = time.perf_counter()

                group.start_soon(work)
                await anyio.sleep(chance.uniform(0.02, 0.9) * whole)
                cancelled = time.perf_counter()
                group.cancel_scope.cancel()
        if ended < cancelled:
            continue  # it was done before
        kind = committed if seen.outcome is Outcome.COMMITTED else stopped
        kind.append(ended - cancelled)
        await anyio.sleep(0.02)  # let the thread of a call that was left come to its end
    return stopped, committed
