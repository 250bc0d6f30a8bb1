"""Aspects that are handed out: one for a record at a time, whoever looks, however long."""

from __future__ import annotations

import copy
import gc
from collections.abc import Iterator
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cheap.core import Aspect, AspectDef, AspectMap, Catalog, PropertyDef, PropertyType
from cheap.core.hierarchies import aspect_map
from cheap.core.hierarchies.looking import RECENT, STEPS
from cheap.errors import MisuseError, NotReadableError

THING = AspectDef("thing", [PropertyDef("x", PropertyType.INTEGER)])
MANY = RECENT * 3
IDS = [UUID(int=i) for i in range(MANY)]


@pytest.fixture
def made() -> AspectMap:
    """A large map that was just loaded."""
    return AspectMap.of_packed(THING, {each: b'{"x":%d}' % each.int for each in IDS})


def test_in_a_loop(made: AspectMap) -> None:
    for entity, aspect in made.items():
        assert made[entity] is aspect
        made[entity]["x"] = -entity.int
        assert aspect["x"] == -entity.int
    assert [each["x"] for each in made.values()] == [-each.int for each in IDS]


def test_who_keeps_what_a_loop_gave(made: AspectMap) -> None:
    kept = list(made.values())
    assert all(made[entity] is each for entity, each in zip(IDS, kept, strict=True))
    kept[5]["x"] = -5
    assert made[IDS[5]]["x"] == -5


def test_a_loop_that_is_left(made: AspectMap) -> None:
    kept: list[Aspect] = []
    for aspect in made.values():
        kept.append(aspect)
        if len(kept) == STEPS - 1:
            break
    assert all(made[entity] is each for entity, each in zip(IDS, kept, strict=False))


def test_loops_in_loops(made: AspectMap) -> None:
    for one, other in zip(made.values(), made.values(), strict=True):
        assert one is other
    first = next(walk := iter(made.values()))
    assert next(iter(made.values())) is first
    assert next(walk)["x"] == 1


def test_what_is_replaced_or_removed_in_a_loop(made: AspectMap) -> None:
    walk = iter(made.values())
    replaced, removed = next(walk), next(walk)
    made[IDS[0]] = {"x": 1000}
    del made[IDS[1]]
    replaced["x"] = removed["x"] = 77
    assert made[IDS[0]]["x"] == 1000
    assert IDS[1] not in made
    with pytest.raises(RuntimeError, match="changed size"):  # as with a dict
        next(walk)
    assert made[IDS[0]] is not replaced


def test_what_is_edited_and_then_replaced_in_a_loop(made: AspectMap) -> None:
    for aspect in made.values():
        aspect["x"] = 1
        made[IDS[0]] = {"x": 2}
        assert made[IDS[0]]["x"] == 2
        assert made[IDS[0]] is not aspect
        made[IDS[0]]["x"] = 3
        assert aspect["x"] == 1
        break
    assert made.packed([IDS[0]]) == {IDS[0]: b'{"x":3}'}


def test_a_definition_that_changes_in_a_loop() -> None:
    catalog = Catalog()
    made = catalog.define(THING, {each: {"x": each.int} for each in IDS})
    walk = iter(made.values())
    before = next(walk)
    catalog.redefine(AspectDef("thing", [*THING.properties, PropertyDef("y", PropertyType.TEXT)]))
    with pytest.raises(MisuseError, match="loop over list"):
        next(walk)
    before["x"] = 77
    assert made[IDS[0]]["x"] == 0


def test_a_copy_that_is_made_in_a_loop(made: AspectMap) -> None:
    walk = iter(made.values())
    aspect = next(walk)
    copied = copy.deepcopy(made)
    copied[IDS[0]]["x"] = 77
    assert aspect["x"] == made[IDS[0]]["x"] == 0


def test_reading_all_of_a_large_map_keeps_nothing(made: AspectMap) -> None:
    gc.collect()
    before = len(gc.get_objects())
    assert sum(aspect["x"] for aspect in made.values()) == sum(range(MANY))  # type: ignore[misc]
    assert len(gc.get_objects()) - before < 50


def test_what_may_not_be_read() -> None:
    hidden = AspectDef("hidden", [PropertyDef("x", PropertyType.INTEGER)], readable=False)
    made = AspectMap.of_packed(hidden, dict.fromkeys(IDS, b'{"x":1}'))
    with pytest.raises(NotReadableError):
        next(iter(made.values()))


entities = st.sampled_from(IDS[:8])
values = st.integers(0, 3)


class Looking(RuleBasedStateMachine):
    """Loops, looks, edits and replacements in any order, against a dict of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.model = {each: each.int for each in IDS[:8]}
        self.map = AspectMap.of_packed(THING, {e: b'{"x":%d}' % x for e, x in self.model.items()})
        self.loops: list[Iterator[Aspect]] = []
        self.kept: dict[UUID, Aspect] = {}
        self.small = mock.patch.object(aspect_map, "RECENT", 0)
        self.small.start()

    def teardown(self) -> None:
        self.small.stop()

    def see(self, aspect: Aspect, keep: bool) -> None:
        assert aspect.entity is not None
        known = self.kept.get(aspect.entity)
        assert known is None or known is aspect
        assert aspect["x"] == self.model[aspect.entity]
        if keep:
            self.kept[aspect.entity] = aspect

    @rule()
    def begin(self) -> None:
        self.loops.append(iter(self.map.values()))

    @precondition(lambda self: self.loops)
    @rule(which=st.integers(0, 9), steps=st.integers(1, 4), keep=st.booleans())
    def step(self, which: int, steps: int, keep: bool) -> None:
        loop = self.loops[which % len(self.loops)]
        for _ in range(steps):
            aspect = next(loop, None)
            if aspect is None:
                self.loops.remove(loop)
                return
            self.see(aspect, keep)

    @precondition(lambda self: self.loops)
    @rule()
    def leave(self) -> None:
        self.loops.pop()

    @rule(entity=entities, keep=st.booleans())
    def look(self, entity: UUID, keep: bool) -> None:
        self.see(self.map[entity], keep)

    @rule(entity=entities, x=values)
    def edit(self, entity: UUID, x: int) -> None:
        self.map[entity]["x"] = self.model[entity] = x

    @precondition(lambda self: self.kept)
    @rule(x=values)
    def edit_what_was_kept(self, x: int) -> None:
        entity, aspect = next(iter(self.kept.items()))
        aspect["x"] = self.model[entity] = x

    @rule(entity=entities, x=values)
    def replace(self, entity: UUID, x: int) -> None:
        if self.model[entity] != x:
            self.kept.pop(entity, None)
        self.map[entity] = {"x": x}
        self.model[entity] = x

    @precondition(lambda self: self.kept)
    @rule()
    def forget(self) -> None:
        del self.kept[next(iter(self.kept))]

    @invariant()
    def holds(self) -> None:
        assert self.map.packed() == {e: b'{"x":%d}' % x for e, x in self.model.items()}


TestLooking = Looking.TestCase
TestLooking.settings = settings(max_examples=100)
