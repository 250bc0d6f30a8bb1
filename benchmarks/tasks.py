"""The tasks that every contender does in every database, turn by turn."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from benchmarks.contenders import Contender, make_contender
from benchmarks.data import Data
from benchmarks.places import Ground
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.timing import Calls, Turn, calls_in_turn, clocked, turn_by_turn

Tell = Callable[[str], None]

FILLED = {"load", "point", "upsert", "edit", "page", "memory"}
"""The benchmarks that go by tables which are filled once."""

PLANNED = FILLED | {"save", "filter"}
"""The benchmarks that are run here."""


class Tasks:
    """The tasks on one database with records of one size.

    Args:
        ground: the database.
        data: the records.
        plan: what to measure.
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
        self._filled: dict[str, Contender] = {}

    def run(self) -> None:
        """Do all tasks that are planned."""
        names = self._plan.names
        with ExitStack() as stack:
            if "save" in names:
                self._save()
            if FILLED & {*names}:
                self._fill(stack)
            if "memory" in names:
                sizes = {
                    name: [float(self._ground.size(each.place))]
                    for name, each in self._filled.items()
                }
                self._note("disk", sizes, unit="bytes")
            if "load" in names:
                self._whole("load", lambda contender: contender.load())
                self._whole("read", lambda contender: contender.read())
                self._whole("read_names", lambda contender: contender.read_names())
            if "page" in names:
                self._whole("pages", lambda contender: contender.pages())
                self._whole("find_pages", lambda contender: contender.find_pages())
            if "point" in names:
                self._point()
            if "upsert" in names:
                self._upsert(1, "upsert")
                self._upsert(100, "upsert_100")
            if "edit" in names:
                self._edit()
            if "filter" in names:
                self._fill(stack, indexed=True)
                self._filter()

    # --- whole catalogs -------------------------------------------------------------------

    def _save(self) -> None:
        def turn_of(name: str) -> Turn:
            def turn(_: int) -> float:
                # A database that was never used, so that no round inherits from the one before.
                place = self._ground.place(name)
                contender = make_contender(name, place, self._data)
                contender.open()
                try:
                    feed = contender.feed()
                    self._ground.calm(place)
                    return clocked(lambda: contender.save(feed))
                finally:
                    contender.close()

            return turn

        self._turns(
            "save", {name: turn_of(name) for name in (*self._plan.contenders, "cheap_built")}
        )

    def _fill(self, stack: ExitStack, *, indexed: bool = False) -> None:
        """Save the records once for every contender, and see to it that they are there."""
        self._filled = {}
        for name in self._plan.contenders:
            self._tell(f"filling the tables of {name}")
            place = self._ground.place(f"{name}_indexed" if indexed else f"{name}_filled")
            contender = make_contender(name, place, self._data, indexed=indexed)
            contender.open()
            stack.callback(contender.close)
            contender.save(contender.feed())
            self._ground.calm(place)
            self._check(contender)
            self._filled[name] = contender
        gc.collect()

    def _check(self, contender: Contender) -> None:
        """Nobody is fast by giving back something else."""
        if contender.name != "raw":
            for entity in self._data.some(20, seed=4):
                expected = [*self._data.records[entity].values()]
                found = [list(v) if v.__class__ is tuple else v for v in contender.point(entity)]
                assert found == expected, (contender.name, found, expected)

    def _whole(self, task: str, work: Callable[[Contender], object]) -> None:
        def turn_of(contender: Contender) -> Turn:
            return lambda _: clocked(lambda: work(contender))

        self._turns(task, {name: turn_of(each) for name, each in self._filled.items()})

    # --- single calls ---------------------------------------------------------------------

    def _each(self, task: str, calls_of: Callable[[Contender, int], Calls]) -> None:
        """Measure many short calls a round, made ready before the clock starts."""
        found = calls_in_turn(
            {name: partial(calls_of, each) for name, each in self._filled.items()},
            self._plan.rounds,
            lambda text: self._tell(f"{task}: {text}"),
            self._ground.process,
        )
        self._note(task, found)

    def _point(self) -> None:
        def one(contender: Contender, number: int) -> Calls:
            return [partial(contender.point, e) for e in self._data.some(self._plan.calls, number)]

        def hundred(contender: Contender, number: int) -> Calls:
            count = max(3, self._plan.calls // 10)
            ids = [[*self._data.changed(100, number * 1000 + i)] for i in range(count)]
            return [partial(contender.some, each) for each in ids]

        self._each("point", one)
        self._each("point_100", hundred)

    def _upsert(self, size: int, task: str) -> None:
        def calls(contender: Contender, number: int) -> Calls:
            count = max(3, self._plan.calls // (4 if size == 1 else 20))
            feeds = (
                contender.upsert_feed(self._data.changed(size, number * 1000 + i))
                for i in range(count)
            )
            return [partial(contender.upsert, each) for each in feeds]

        self._each(task, calls)

    def _edit(self) -> None:
        for name, contender in self._filled.items():
            self._tell(f"loading what {name} edits")
            contender.start_edits()

        def calls(contender: Contender, number: int) -> Calls:
            entities = self._data.some(max(3, self._plan.calls // 4), number)
            return [
                partial(contender.edit, contender.edit_feed(entity, number * 10_000 + i))
                for i, entity in enumerate(entities)
            ]

        self._each("edit", calls)

    def _filter(self) -> None:
        def calls(contender: Contender, number: int) -> Calls:
            count = 3 if contender.name == "rows" else max(3, self._plan.calls // 20)
            bounds = [self._data.bounds(number * 1000 + i) for i in range(count)]
            return [partial(contender.filter, *each) for each in bounds]

        expected = min(100, self._data.size)
        for contender in self._filled.values():
            found = contender.filter(*self._data.bounds(1))
            assert found == expected, (contender.name, found)
        self._each("filter", calls)

    # --- noting ---------------------------------------------------------------------------

    def _turns(self, task: str, turns: dict[str, Turn]) -> None:
        def tell(text: str) -> None:
            self._tell(f"{task}: {text}")

        self._note(task, turn_by_turn(turns, self._plan.rounds, tell))

    def _note(self, task: str, found: dict[str, list[float]], unit: str = "s") -> None:
        self._results.add(
            task, found, backend=self._ground.backend, size=self._data.size, unit=unit
        )
