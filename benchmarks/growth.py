"""What happens when a catalog grows: to the time of a record, and of a page at its end."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from uuid import UUID

from benchmarks.data import DEFINITION, make_ids, make_records
from benchmarks.places import Ground, Place
from benchmarks.timing import calls_in_turn, clocked
from cheap import Catalog
from cheap.core import HierarchyType
from cheap.core.edits import CreateHierarchy, PutAspects, PutDefinition
from cheap.db.dao import SqlDao

Tell = Callable[[str], None]
_PART = 10_000
_LIMIT = 100


def measure_scale(ground: Ground, size: int, tell: Tell) -> tuple[float, float]:
    """Save a catalog of some size from Python values, and load it; return the seconds of a record.

    The values are made in parts, outside of the clock, so that only the catalog takes memory.
    """
    catalog = Catalog()
    made = catalog.define(DEFINITION)
    records = zip(make_ids(size), make_records(size), strict=True)
    spent = 0.0
    while part := dict(islice(records, _PART)):
        start = time.perf_counter()
        made.update(part)  # type: ignore[arg-type]
        spent += time.perf_counter() - start
        tell(f"{size:,} aspects: {len(made):,} put")
    with ground.place("scale").connect() as dao:
        tell(f"{size:,} aspects: saving")
        gc.collect()
        start = time.perf_counter()
        dao.save_catalog(catalog)
        spent += time.perf_counter() - start
        tell(f"{size:,} aspects: loading")
        key = catalog.global_id
        del catalog, made
        loading = clocked(lambda: dao.load_catalog(key))
    return spent / size, loading / size


def measure_pages(
    ground: Ground, size: int, rounds: int, calls: int, tell: Tell
) -> dict[str, list[float]]:
    """Read pages of 100 at the start and at the end of a large catalog; seconds of one page."""
    place = ground.place("pages")
    key = _fill(place, size, tell)
    ground.calm(place)
    with place.connect() as dao:
        tell("walking to the end")
        end = _cursor_before_end(dao, key, size)

        def read(cursor: str | None) -> object:
            return dao.read_hierarchy(key, DEFINITION.name, cursor=cursor, limit=_LIMIT)

        return calls_in_turn(
            {
                "start": lambda _: [partial(read, None)] * calls,
                "end": lambda _: [partial(read, end)] * calls,
            },
            rounds,
            tell,
            ground.process,
        )


def _fill(place: Place, size: int, tell: Tell) -> UUID:
    records = zip(make_ids(size), make_records(size), strict=True)
    with place.connect() as dao:
        edits = [PutDefinition(DEFINITION)]
        create = CreateHierarchy(DEFINITION.name, HierarchyType.ASPECT_MAP)
        key = dao.create_catalog(edits=[*edits, create]).catalog_id
        done = 0
        while part := dict(islice(records, _PART)):
            dao.commit(key, [PutAspects(DEFINITION.name, part)])
            done += len(part)
            tell(f"{done:,} of {size:,} aspects saved")
    return key


def _cursor_before_end(dao: SqlDao, key: UUID, size: int) -> str | None:
    """Return the cursor of the last full page."""
    cursor, left = None, size - _LIMIT
    while left > 0:
        limit = min(10_000, left)
        page = dao.read_hierarchy(key, DEFINITION.name, cursor=cursor, limit=limit)
        cursor, left = page.next, left - limit
    return cursor
