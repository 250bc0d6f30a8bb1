"""Entity sets: they behave as set does, keep their order, and know what was edited."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cheap.core import EntitySet
from cheap.core.edits import AddMembers, RemoveMembers
from cheap.errors import InvalidNameError, MissingKeyError, ReadOnlyError
from tests.model.applier import apply, plain, same

IDS = [UUID(int=i) for i in range(6)]
A, B, C, *_ = IDS
ids = st.sampled_from(IDS)
many = st.lists(ids, max_size=4)
sets = st.sets(ids, max_size=4)

Step = Callable[[Any], object]
steps: st.SearchStrategy[Step] = st.one_of(
    ids.map(lambda each: lambda it: it.add(each)),
    ids.map(lambda each: lambda it: it.discard(each)),
    ids.map(lambda each: lambda it: it.remove(each)),
    st.tuples(many, many).map(lambda pair: lambda it: it.update(*pair)),
    st.tuples(many, many).map(lambda pair: lambda it: it.difference_update(*pair)),
    st.tuples(many, many).map(lambda pair: lambda it: it.intersection_update(*pair)),
    many.map(lambda each: lambda it: it.symmetric_difference_update(each)),
    st.just(lambda it: it.clear()),
    sets.map(lambda each: lambda it: operator.ior(it, each) and None),
    sets.map(lambda each: lambda it: operator.iand(it, each) and None),
    sets.map(lambda each: lambda it: operator.isub(it, each) and None),
    sets.map(lambda each: lambda it: operator.ixor(it, each) and None),
    st.just(lambda it: it.update(it)),
    st.just(lambda it: it.difference_update(it)),
    st.just(lambda it: it.symmetric_difference_update(it)),
)


def outcome(step: Step, it: Any) -> object:
    try:
        result = step(it)
    except KeyError:
        return KeyError
    return None if result is it else result


@given(many, st.lists(steps, max_size=8))
def test_it_behaves_as_set_does(start: list[UUID], edits: list[Step]) -> None:
    mine, builtin = EntitySet("s", start), set(start)
    assert list(mine) == list(dict.fromkeys(start))
    for step in edits:
        assert outcome(step, mine) == outcome(step, builtin)
        assert set(mine) == builtin
        assert len(mine) == len(builtin)
    assert list(reversed(mine)) == list(mine)[::-1]


@given(sets, sets)
def test_it_compares_and_combines_as_set_does(one: set[UUID], other: set[UUID]) -> None:
    mine = EntitySet("s", one)
    for theirs in (other, frozenset(other), EntitySet("t", other)):
        for operate in (
            operator.or_, operator.and_, operator.sub, operator.xor,
            operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge,
        ):  # fmt: skip
            assert operate(mine, theirs) == operate(one, other)
            assert operate(theirs, mine) == operate(other, one)
        assert type(mine | theirs) is set
        assert mine.isdisjoint(theirs) == one.isdisjoint(other)
        for name in (
            "union", "intersection", "difference", "symmetric_difference", "issubset", "issuperset"
        ):  # fmt: skip
            for argument in (theirs, list(theirs)):
                assert getattr(mine, name)(argument) == getattr(one, name)(other)
    assert mine.union() == mine.copy() == one


@given(many, st.lists(steps, max_size=8), st.lists(steps, max_size=4), st.booleans())
def test_its_edits_make_the_same_of_a_copy(
    start: list[UUID], edits: list[Step], later: list[Step], saved: bool
) -> None:
    mine = EntitySet("s", start)
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


def test_what_is_edited() -> None:
    made = EntitySet("s", [A, B])
    made.take()
    made.add(A)
    made.discard(C)
    assert made.pending_edits() == []
    made.add(C)
    made.remove(A)
    made.add(A)
    assert list(made) == [B, C, A]
    assert made.pending_edits() == [RemoveMembers("s", (A,)), AddMembers("s", (C, A))]
    assert EntitySet("s").content_edits() == []


def test_pop_takes_one() -> None:
    made = EntitySet("s", [A, B])
    assert {made.pop(), made.pop()} == {A, B}
    with pytest.raises(MissingKeyError, match=r"'s'.* is empty"):
        made.pop()
    with pytest.raises(MissingKeyError, match="set 's' has no 0000"):
        made.remove(A)


def test_only_ids_are_held() -> None:
    wrong: Any = str(B)
    made = EntitySet("s", [A])
    for edit in (
        lambda: made.add(wrong),
        lambda: made.update([wrong]),
        lambda: EntitySet("s", [wrong]),
    ):
        with pytest.raises(InvalidNameError):
            edit()
    made.discard(wrong)
    assert wrong not in made
    assert made == {A}
    with pytest.raises(TypeError):
        hash(made)


def test_order_is_content_but_not_equality() -> None:
    one, other = EntitySet("s", [A, B]), EntitySet("s", [B, A])
    assert one == other
    assert not one.same_content(other)
    assert one.same_content(EntitySet("t", [A, B]))


def test_a_locked_set() -> None:
    made = EntitySet("s", [A])
    made.lock("locked")
    for edit in (lambda: made.add(A), lambda: made.discard(B), made.clear, made.pop):
        with pytest.raises(ReadOnlyError, match="locked"):
            edit()
