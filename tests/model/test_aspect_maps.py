"""Aspect maps: they behave as dict does, check what is put, and know what was edited."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from cheap.core import Aspect, AspectDef, AspectMap, PropertyDef, PropertyType
from cheap.core.edits import CreateIndex, DropIndex, PutAspects, RemoveAspects
from cheap.core.hierarchies.looking import RECENT
from cheap.errors import (
    InvalidDefinitionError,
    InvalidNameError,
    InvalidValueError,
    MissingKeyError,
    ReadOnlyError,
)
from tests.model.applier import apply, plain, same

T = PropertyType
IDS = [UUID(int=i) for i in range(4)]
A, B, C, _ = IDS
THING = AspectDef(
    "thing", [PropertyDef("x", T.INTEGER), PropertyDef("price", T.BIG_DECIMAL)],
)  # fmt: skip
ids = st.sampled_from(IDS)
records = st.fixed_dictionaries(
    {},
    optional={
        "x": st.integers(0, 2),
        "price": st.none() | st.sampled_from([Decimal("1.5"), Decimal("1.50")]),
    },
)

Step = Callable[[Any], object]
steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(ids, records).map(lambda pair: lambda it: it.__setitem__(*pair)),
    ids.map(lambda key: lambda it: it.__delitem__(key)),
    ids.map(lambda key: lambda it: it.pop(key)),
    st.tuples(ids, records).map(lambda pair: lambda it: it.setdefault(*pair)),
    st.dictionaries(ids, records, max_size=2).map(lambda each: lambda it: it.update(each)),
    st.just(lambda it: it.popitem()),
    st.just(lambda it: it.clear()),
    st.tuples(ids, st.integers(0, 2)).map(
        lambda pair: lambda it: it[pair[0]].__setitem__("x", pair[1])
    ),
    ids.map(lambda key: lambda it: it[key].pop("price", None)),
)


def settle(value: object) -> object:
    """Aspects as the plain dicts they hold."""
    if isinstance(value, Aspect):
        return value.set_values()
    return tuple(map(settle, value)) if isinstance(value, tuple) else value


def outcome(step: Step, it: Any) -> object:
    try:
        return settle(step(it))
    except KeyError:
        return KeyError


def copied(records: dict[UUID, dict[str, Any]]) -> dict[UUID, dict[str, Any]]:
    return {key: dict(record) for key, record in records.items()}


class Copying(dict[UUID, Any]):
    """A dict that copies what is put into it, as the map does."""

    def __setitem__(self, key: UUID, value: Any) -> None:
        super().__setitem__(key, dict(value))

    def setdefault(self, key: UUID, value: Any = None) -> Any:
        return super().setdefault(key, dict(value))

    def update(self, *others: Any) -> None:  # type: ignore[override]
        super().update(*map(copied, others))


maps = st.dictionaries(ids, records, max_size=3)


@given(maps, st.lists(steps, max_size=8))
def test_it_behaves_as_dict_does(start: dict[UUID, dict[str, Any]], edits: list[Step]) -> None:
    mine, builtin = AspectMap(THING, start), Copying(copied(start))
    for step in edits:
        one, other = outcome(step, mine), outcome(step, builtin)
        if one is KeyError or other is KeyError:
            # Reading a property that is unset is no error.
            assert one is other or "price" in str(step.__code__.co_consts)
        assert {key: settle(each) for key, each in mine.items()} == builtin
        assert list(mine) == list(builtin)
    assert list(reversed(mine)) == list(reversed(builtin))
    assert len(mine) == len(builtin)
    assert mine == AspectMap(THING, builtin)


@given(maps, st.lists(steps, max_size=8), st.lists(steps, max_size=4), st.booleans())
def test_its_edits_make_the_same_of_a_copy(
    start: dict[UUID, dict[str, Any]], edits: list[Step], later: list[Step], saved: bool
) -> None:
    mine = AspectMap(THING, start)
    if saved:
        mine.take()
    before = plain(mine) if saved else {}
    for step in edits:
        outcome(step, mine)
    pending = mine.pending_edits() if saved else mine.content_edits()
    assert same(apply(dict(before), pending), plain(mine))
    undo = mine.take().give_back
    assert mine.pending_edits() == []
    for step in later:
        outcome(step, mine)
    undo()
    again = mine.pending_edits() if saved else mine.content_edits()
    assert same(apply(dict(before), again), plain(mine))


# --- what can be put ------------------------------------------------------------------------


@dataclass
class Record:
    x: int | None = None


class Model(BaseModel):
    x: int | None = None


@pytest.mark.parametrize(
    "value",
    [
        {"x": 5},
        MappingProxyType({"x": 5}),
        Record(5),
        Model(x=5),
        Aspect(THING, {"x": 5}),
        Aspect(AspectDef("other", [PropertyDef("x", T.BIG_INTEGER)]), {"x": 5}),
    ],
)
def test_what_can_be_put(value: Any) -> None:
    made = AspectMap(THING)
    made[A] = value
    assert made[A].set_values() == {"x": 5}
    assert AspectMap(THING, {A: value}) == made


def test_only_ids_are_keys() -> None:
    made = AspectMap(THING)
    wrong: Any
    for wrong in (str(A), 5, None):
        with pytest.raises(InvalidNameError, match=r"entity id: expected a uuid.UUID"):
            made[wrong] = {"x": 5}
        with pytest.raises(InvalidNameError):
            AspectMap(THING, {wrong: {"x": 5}})
        with pytest.raises(MissingKeyError, match="no aspect 'thing' of entity"):
            made[wrong]
        assert wrong not in made
    assert len(made) == 0


def test_a_wrong_record_changes_nothing() -> None:
    made = AspectMap(THING, {A: {"x": 1}})
    made.take()
    with pytest.raises(InvalidValueError):
        made[A] = {"x": "y"}
    with pytest.raises(InvalidValueError):
        made[B] = {"x": "y"}
    with pytest.raises(InvalidValueError):
        made[A]["x"] = "y"
    assert made.pending_edits() == []
    assert made == AspectMap(THING, {A: {"x": 1}})


def test_reading() -> None:
    made = AspectMap(THING, {A: {"x": 1}})
    assert made.get(B) is None
    assert made[A] is made[A]
    assert made.name == "thing"
    assert made.aspect_def == THING
    assert repr(made) == "<AspectMap 'thing' of 1 aspects>"
    with pytest.raises(MissingKeyError, match=f"no aspect 'thing' of entity {B}"):
        made[B]
    with pytest.raises(MissingKeyError):
        del made[B]
    with pytest.raises(MissingKeyError, match="is empty"):
        AspectMap(THING).popitem()
    assert made.setdefault(B, {"x": 2}) is made[B]


def test_equality_is_by_content() -> None:
    one = AspectMap(THING, {A: {"x": 1}, B: {"x": 2}})
    assert one == AspectMap(THING, {B: {"x": 2}, A: {"x": 1}})
    assert not one.same_content(AspectMap(THING, {B: {"x": 2}, A: {"x": 1}}))
    assert one != AspectMap(THING, {A: {"x": 1}})
    assert one != AspectMap(AspectDef("thing", []), {})
    assert one == {A: {"x": 1, "price": None}, B: {"x": 2, "price": None}}
    assert one != 5
    with pytest.raises(TypeError):
        hash(one)


# --- edits ----------------------------------------------------------------------------------


def test_what_is_edited() -> None:
    made = AspectMap(THING, {A: {"x": 1}, B: {"x": 2}})
    made.take()
    made[A] = {"x": 1}
    made[A] = made[A]
    assert made.pending_edits() == []
    made[A]["x"] = 5
    made[C] = {"x": 3}
    del made[B]
    removal, put = made.pending_edits()
    assert removal == RemoveAspects("thing", (B,))
    assert isinstance(put, PutAspects)
    assert put.aspects == AspectMap(THING, {A: {"x": 5}, C: {"x": 3}})
    # An edit is a value: it does not change with the map.
    made[A]["x"] = 6
    assert put.aspects == AspectMap(THING, {A: {"x": 5}, C: {"x": 3}})


def test_indexes() -> None:
    definition = AspectDef(
        "thing",
        [PropertyDef("x", T.INTEGER), PropertyDef("y", T.TEXT), PropertyDef("z", T.CLOB)],
    )
    made = AspectMap(definition, indexes=["x"])
    assert made.indexes == ("x",)
    made.create_index("x")
    made.take()
    made.create_index("y")
    made.drop_index("x")
    made.drop_index("unknown")
    assert made.pending_edits() == [DropIndex("thing", "x"), CreateIndex("thing", "y")]
    undo = made.take().give_back
    assert made.pending_edits() == []
    undo()
    assert made.pending_edits() == [DropIndex("thing", "x"), CreateIndex("thing", "y")]
    with pytest.raises(MissingKeyError):
        made.create_index("w")
    with pytest.raises(InvalidDefinitionError, match=r"'z' .* is a CLOB, which cannot be indexed"):
        made.create_index("z")


def test_a_locked_map() -> None:
    made = AspectMap(THING, {A: {"x": 1}})
    made.lock("locked")
    for edit in (
        lambda: made.__setitem__(A, {"x": 1}),
        lambda: made.__setitem__(B, {"x": 1}),
        lambda: made.__delitem__(A),
        lambda: made[A].__setitem__("x", 1),
        lambda: made[A].__delitem__("x"),
        lambda: made[A].clear(),
        lambda: made.create_index("x"),
        lambda: made.drop_index("x"),
        lambda: made.redefine(THING),
        made.clear,
        made.popitem,
    ):
        with pytest.raises(ReadOnlyError, match="locked"):
            edit()
    assert made[A]["x"] == 1


# --- loading --------------------------------------------------------------------------------


def test_loaded_records_are_decoded_when_they_are_read() -> None:
    made = AspectMap.of_packed(THING, {A: b'{"x":1}', B: b"damaged"})
    assert made[A]["x"] == 1
    assert list(made) == [A, B]
    assert made.packed() == {A: b'{"x":1}', B: b"damaged"}
    made.hold({C: b'{"x":3}'})
    assert made.selection([C]) == AspectMap(THING, {C: {"x": 3}})
    assert made.packed([C, A]) == {C: b'{"x":3}', A: b'{"x":1}'}


def test_a_loaded_record_costs_little_until_it_is_read() -> None:
    records = {UUID(int=i): b'{"x":1}' for i in range(1000)}
    made = AspectMap.of_packed(THING, records)
    gc.collect()
    tracked = len(gc.get_objects())
    assert len(made) == 1000
    assert made.packed() == records
    assert len(gc.get_objects()) - tracked < 100


# --- looking --------------------------------------------------------------------------------


def many(count: int) -> AspectMap:
    records = {UUID(int=i): b'{"x":%d}' % i for i in range(count)}
    return AspectMap.of_packed(THING, records)


def test_an_aspect_is_the_same_as_long_as_somebody_has_it() -> None:
    made = many(RECENT * 3)
    first = made[UUID(int=0)]
    assert [aspect["x"] for aspect in made.values()] == list(range(RECENT * 3))
    assert made[UUID(int=0)] is first
    assert next(iter(made.values())) is first
    assert next(iter(made.items())) == (UUID(int=0), first)
    first["x"] = 7
    assert made[UUID(int=0)]["x"] == 7
    assert made.packed([UUID(int=0)]) == {UUID(int=0): b'{"x":7}'}


def test_an_edit_is_kept_by_the_map_alone() -> None:
    made = many(RECENT * 3)
    made.take()
    for aspect in made.values():
        if aspect["x"] == 5:
            aspect["x"] = -5
    del aspect
    assert [aspect["x"] for aspect in made.values()][4:7] == [4, -5, 6]
    (edit,) = made.pending_edits()
    assert edit == PutAspects("thing", AspectMap(THING, {UUID(int=5): {"x": -5}}))


def test_what_is_replaced_or_removed_belongs_to_no_map() -> None:
    made = many(2)
    one, other = made[UUID(int=0)], made[UUID(int=1)]
    made[UUID(int=0)] = {"x": 9}
    del made[UUID(int=1)]
    one["x"] = other["x"] = 100
    assert {entity: aspect["x"] for entity, aspect in made.items()} == {UUID(int=0): 9}


def test_a_copy_of_a_map_that_was_read() -> None:
    made = many(3)
    made[UUID(int=0)]["x"] = 5
    looked = made[UUID(int=1)]
    copied = copy.deepcopy(made)
    assert copied == made
    copied[UUID(int=1)]["x"] = 6
    assert looked["x"] == made[UUID(int=1)]["x"] == 1
