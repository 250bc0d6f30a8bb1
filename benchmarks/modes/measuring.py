"""What is measured on each database, turn by turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final
from uuid import UUID

from benchmarks.cores import cores_awake
from benchmarks.data import DEFINITION, Data
from benchmarks.modes.natives import NATIVES, Statement, statement_of
from benchmarks.modes.ways import AsyncCall, Loop, from_tasks, from_threads, in_a_row
from benchmarks.places import Ground, Place
from benchmarks.results import Results
from benchmarks.timing import Turn, turn_by_turn
from cheap import Catalog
from cheap.aio import AsyncDao
from cheap.core import new_id
from cheap.core.edits import PutAspects
from cheap.db.dao import SqlDao

Tell = Callable[[str], None]

TASKS: Final = (1, 10, 100)
"""How many tasks call at once."""

THREADS: Final = (1, 2, 3, 4, 6, 8, 12, 16)
"""How many threads call at once: among so many the best number is looked for."""

BATCHES: Final = (1, 10, 100, 1000)
"""How many records one commit writes."""

NAME: Final = DEFINITION.name


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        backends: the databases.
        size: how many aspects the catalog has.
        rounds: how often everything is measured, turn by turn; the median counts.
        calls: calls in one round of what takes microseconds; of slower ones, fewer.
        cancels: how many calls are cancelled, of a kind.
        quick: whether this is a run to try things, whose figures mean little.
    """

    backends: tuple[str, ...] = ("sqlite", "postgres", "mariadb")
    size: int = 10_000
    rounds: int = 9
    calls: int = 1_000
    cancels: int = 200
    quick: bool = False


FULL: Final = Plan()
QUICK: Final = Plan(size=2_000, rounds=3, calls=100, cancels=10, quick=True)


class Nothing(SqlDao):
    """A DAO with a verb that does nothing: what is left of its cost is that of the way."""

    def catalog_exists(self, catalog_id: UUID) -> bool:
        return True


class Plain(SqlDao):
    """A DAO with a verb that sends a statement and gives back its rows, as the drivers do."""

    def catalog_exists(self, catalog_id: Any) -> Any:
        with self.adapter.session() as session:
            return session.rows(*catalog_id)


class Modes:
    """Both modes on one database, and what else does the same there.

    Args:
        ground: the database.
        data: the records.
        plan: how much to measure.
        results: where to note it.
        tell: says what is going on.
    """

    def __init__(
        self, ground: Ground, data: Data, plan: Plan, results: Results, tell: Tell
    ) -> None:
        self._ground = ground
        self._data = data
        self._plan = plan
        self._results = results
        self._tell = tell
        self._id = new_id()

    def run(self, loops: Mapping[str, Loop]) -> None:
        """Measure everything on one database.

        Args:
            loops: an event loop of each kind.
        """
        place = self._ground.place("modes")
        with place.connect() as dao:
            catalog = Catalog(global_id=self._id)
            catalog.define(DEFINITION, self._data.records)
            dao.save_catalog(catalog)
            self._ground.calm(place)
            with cores_awake():
                for kind, loop in loops.items():
                    self._nothing(dao, loop, kind)
                self._reads(dao, place, loops["asyncio"])
            # All cores are at work here, and what keeps them awake would take its share.
            self._throughput(dao, loops["asyncio"])
            self._batches(dao, loops["asyncio"])

    # --- the hop --------------------------------------------------------------------------

    def _nothing(self, dao: SqlDao, loop: Loop, kind: str) -> None:
        nothing = Nothing(dao.adapter)
        awaited = AsyncDao(nothing)
        ways = {
            "bare": loop.bare(nothing.catalog_exists, dao.adapter.width),
            "awaited": awaited.catalog_exists,
        }
        self._alone_and_among(f"nothing_{kind}", ways, loop, lambda _: [self._id])

    def _alone_and_among(
        self,
        task: str,
        ways: Mapping[str, AsyncCall],
        loop: Loop,
        values: Callable[[int], Sequence[Any]],
        blocking: Callable[[Any], object] | None = None,
        calls: int | None = None,
    ) -> None:
        """Measure calls by one task, and shared by a hundred."""
        calls = calls or self._plan.calls
        for count in (1, 100):

            def feed(number: int) -> list[Any]:
                given = values(number)
                return [given[i % len(given)] for i in range(calls)]

            turns: dict[str, Turn] = {
                name: _tasks_turn(loop, call, feed, count) for name, call in ways.items()
            }
            if blocking is not None:
                turns = {"blocking": _row_turn(blocking, feed), **turns}
            self._turns(f"{task}_{count}", turns)

    # --- reads ----------------------------------------------------------------------------

    def _reads(self, dao: SqlDao, place: Place, loop: Loop) -> None:
        """Read 1 aspect and 100 in every way, and send the same statement in other ways."""
        awaited = AsyncDao(dao)

        def one(entity: UUID) -> object:
            return dao.get_aspects(self._id, NAME, [entity])

        def hundred(entities: Sequence[UUID]) -> object:
            return dao.get_aspects(self._id, NAME, entities)

        def one_awaited(entity: UUID) -> Awaitable[object]:
            return awaited.get_aspects(self._id, NAME, [entity])

        def hundred_awaited(entities: Sequence[UUID]) -> Awaitable[object]:
            return awaited.get_aspects(self._id, NAME, entities)

        plain = AsyncDao(Plain(dao.adapter))
        width = dao.adapter.width
        calls = self._plan.calls
        for task, call, call_awaited, values, count in (
            ("read_1", one, one_awaited, self._data.some(100, 1), calls),
            ("read_100", hundred, hundred_awaited, self._hundreds(20, 1), max(10, calls // 5)),
        ):
            call(values[0])  # the DAO learns where the map is
            statements = [statement_of(dao, partial(call, each)) for each in values]
            with ExitStack() as stack:
                ways = {"bare": loop.bare(call, width), "awaited": call_awaited}
                ways["statement"] = _on_statements(plain.catalog_exists, values, statements)
                for name, native in self._natives(place, loop, stack).items():
                    ways[name] = _on_statements(native, values, statements)
                self._alone_and_among(task, ways, loop, lambda _, v=values: v, call, count)

    def _natives(self, place: Place, loop: Loop, stack: ExitStack) -> dict[str, AsyncCall]:
        """Open the native async drivers for the length of a block."""
        opened = AsyncExitStack()
        stack.callback(lambda: loop.run(opened.aclose))
        return {
            name: loop.run(opened.enter_async_context, open_(place))
            for name, open_ in NATIVES[place.backend].items()
        }

    def _hundreds(self, count: int, number: int) -> list[list[UUID]]:
        return [[*self._data.changed(100, number * 1000 + i)] for i in range(count)]

    def _throughput(self, dao: SqlDao, loop: Loop) -> None:
        """Read 100 aspects a call, from ever more threads and from ever more tasks."""
        awaited = AsyncDao(dao)
        values = self._hundreds(20, 2)

        def call(entities: Sequence[UUID]) -> object:
            return dao.get_aspects(self._id, NAME, entities)

        def call_awaited(entities: Sequence[UUID]) -> Awaitable[object]:
            return awaited.get_aspects(self._id, NAME, entities)

        def feed(_: int) -> list[Any]:
            return values * max(1, self._plan.calls // 200)

        turns: dict[str, Turn] = {}
        for count in THREADS:
            if count <= dao.adapter.width:
                turns[f"threads_{count}"] = _threads_turn(call, feed, count)
        for count in TASKS:
            turns[f"tasks_{count}"] = _tasks_turn(loop, call_awaited, feed, count)
        self._turns("throughput", turns)

    # --- writes ---------------------------------------------------------------------------

    def _batches(self, dao: SqlDao, loop: Loop) -> None:
        """Write 1, 10, 100 and 1,000 records a commit, in both modes."""
        awaited = AsyncDao(dao)

        def call(edit: PutAspects) -> object:
            return dao.commit(self._id, [edit])

        def call_awaited(edit: PutAspects) -> Awaitable[object]:
            return awaited.commit(self._id, [edit])

        for size in BATCHES:
            calls = max(3, self._plan.calls // (10 if size <= 10 else size // 2))

            def feed(number: int, size: int = size, calls: int = calls) -> list[Any]:
                seeds = (number * 10_000 + i for i in range(calls))
                return [PutAspects(NAME, self._data.changed(size, seed)) for seed in seeds]

            turns = {
                "blocking": _row_turn(call, feed),
                "awaited": _tasks_turn(loop, call_awaited, feed, 1),
            }
            self._turns(f"batch_{size}", turns)

    # --- noting ---------------------------------------------------------------------------

    def _turns(self, task: str, turns: Mapping[str, Turn]) -> None:
        found = turn_by_turn(turns, self._plan.rounds, lambda text: self._tell(f"{task}: {text}"))
        backend, size = self._ground.backend, self._data.size
        self._results.add(task, found, backend=backend, size=size)


def _on_statements(
    native: AsyncCall, values: Sequence[Any], statements: Sequence[Statement]
) -> AsyncCall:
    """Return what sends the statement that belongs to a value."""
    found = {id(value): each for value, each in zip(values, statements, strict=True)}

    def run(value: Any) -> Awaitable[object]:
        return native(found[id(value)])

    return run


def _row_turn(call: Callable[[Any], object], feed: Callable[[int], list[Any]]) -> Turn:
    return lambda number: in_a_row(call, feed(number))


def _threads_turn(
    call: Callable[[Any], object], feed: Callable[[int], list[Any]], count: int
) -> Turn:
    return lambda number: from_threads(call, feed(number), count)


def _tasks_turn(loop: Loop, call: AsyncCall, feed: Callable[[int], list[Any]], count: int) -> Turn:
    return lambda number: loop.run(from_tasks, call, feed(number), count)


def paired(results: Results, task: str, over: str, under: str, backend: str) -> float | None:
    """Return the ratio of two contenders: the median of what each round gave.

    Turns of one round follow each other closely, so a machine that is slower for a while is
    slower for both.
    """
    top, bottom = (results.find(task, each, backend) for each in (over, under))
    if top is None or bottom is None:
        return None
    return median(a / b for a, b in zip(top.rounds, bottom.rounds, strict=True))


def best_threads(results: Results, backend: str) -> str | None:
    """Return the number of threads, as a contender, that read most."""
    found = [
        each
        for each in results.of_task("throughput")
        if each.backend == backend and each.contender.startswith("threads")
    ]
    return min(found, key=lambda each: each.value).contender if found else None
