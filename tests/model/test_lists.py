"""Entity lists: they behave as list does, and know what was edited."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cheap.core import EntityList
from cheap.core.edits import Append, Splice
from cheap.errors import InvalidNameError, MissingIndexError, ReadOnlyError
from tests.model.applier import apply

IDS = [UUID(int=i) for i in range(6)]
A, B, C, D, *_ = IDS
ids = st.sampled_from(IDS)
places = st.integers(-8, 8)
slices = st.builds(
    slice,
    st.none() | places,
    st.none() | places,
    st.none() | st.sampled_from([1, 2, 3, -1, -2]),
)
many = st.lists(ids, max_size=4)

Step = Callable[[Any], object]
steps: st.SearchStrategy[Step] = st.one_of(
    ids.map(lambda each: lambda it: it.append(each)),
    many.map(lambda each: lambda it: it.extend(each)),
    st.tuples(places, ids).map(lambda pair: lambda it: it.insert(*pair)),
    st.tuples(places, ids).map(lambda pair: lambda it: it.__setitem__(*pair)),
    st.tuples(slices, many).map(lambda pair: lambda it: it.__setitem__(*pair)),
    places.map(lambda place: lambda it: it.__delitem__(place)),
    slices.map(lambda place: lambda it: it.__delitem__(place)),
    places.map(lambda place: lambda it: it.pop(place)),
    st.just(lambda it: it.pop()),
    ids.map(lambda each: lambda it: it.remove(each)),
    st.just(lambda it: it.reverse()),
    st.booleans().map(lambda turned: lambda it: it.sort(reverse=turned)),
    st.just(lambda it: it.sort(key=lambda each: -each.int)),
    st.just(lambda it: it.clear()),
    many.map(lambda each: lambda it: it.__iadd__(each) and None),
    st.just(lambda it: it.extend(it)),
    st.just(lambda it: it.__setitem__(slice(None), it)),
    st.just(lambda it: it.__setitem__(slice(1, 1), list(it))),
)


def outcome(step: Step, it: Any) -> object:
    try:
        return step(it)
    except (IndexError, ValueError) as error:
        return IndexError if isinstance(error, IndexError) else ValueError


@given(many, st.lists(steps, max_size=8))
def test_it_behaves_as_list_does(start: list[UUID], edits: list[Step]) -> None:
    mine, builtin = EntityList("l", start), list(start)
    for step in edits:
        assert outcome(step, mine) == outcome(step, builtin)
        assert list(mine) == builtin
    assert mine == builtin
    assert len(mine) == len(builtin)
    assert list(reversed(mine)) == builtin[::-1]
    for each in IDS:
        assert (each in mine) == (each in builtin)
        assert mine.count(each) == builtin.count(each)


@given(many, places, slices)
def test_it_reads_as_list_does(start: list[UUID], place: int, part: slice) -> None:
    mine = EntityList("l", start)
    assert outcome(lambda it: it[place], mine) == outcome(lambda it: it[place], start)
    assert mine[part] == start[part]
    for each in IDS:
        for ends in ((), (1,), (-2,), (1, 3), (0, -1)):
            assert outcome(lambda it, e=each, x=ends: it.index(e, *x), mine) == outcome(
                lambda it, e=each, x=ends: it.index(e, *x), start
            )
    assert mine.copy() == start


@given(many, st.lists(steps, max_size=8), st.lists(steps, max_size=4), st.booleans())
def test_its_edits_make_the_same_of_a_copy(
    start: list[UUID], edits: list[Step], later: list[Step], saved: bool
) -> None:
    mine = EntityList("l", start)
    if saved:
        mine.take()
    before = list(mine) if saved else []
    for step in edits:
        outcome(step, mine)
    pending = mine.pending_edits() if saved else mine.content_edits()
    assert apply(list(before), pending) == list(mine)
    # What was saved can be taken back, with edits made since.
    undo = mine.take().give_back
    assert mine.pending_edits() == []
    for step in later:
        outcome(step, mine)
    undo()
    assert mine.is_new != saved
    again = mine.pending_edits() if saved else mine.content_edits()
    assert apply(list(before), again) == list(mine)


@settings(max_examples=50)
@given(many, st.lists(st.lists(steps, max_size=3), max_size=4))
def test_saves_in_saves_are_taken_back(start: list[UUID], rounds: list[list[Step]]) -> None:
    mine = EntityList("l", start)
    mine.take()
    before = list(mine)
    undos = []
    for edits in rounds:
        for step in edits:
            outcome(step, mine)
        undos.append(mine.take().give_back)
    for undo in reversed(undos):
        undo()
    assert apply(before, mine.pending_edits()) == list(mine)


# --- what is edited -------------------------------------------------------------------------


def loaded(*entities: UUID) -> EntityList:
    made = EntityList("l", entities)
    made.take()
    return made


def edits_of(*steps: Step, start: tuple[UUID, ...] = (A, B, C)) -> list[Any]:
    made = loaded(*start)
    for step in steps:
        step(made)
    return list(made.pending_edits())


def test_appends_are_appends() -> None:
    assert edits_of(lambda it: it.append(D)) == [Append("l", (D,))]
    assert edits_of(lambda it: it.append(D), lambda it: it.extend([A, B])) == [
        Append("l", (D, A, B))
    ]
    # An append stays one beside other edits, for appends do not conflict.
    assert edits_of(lambda it: it.__setitem__(2, D), lambda it: it.append(A)) == [
        Splice("l", 2, 1, (D,)),
        Append("l", (A,)),
    ]
    assert edits_of(
        lambda it: it.pop(), lambda it: it.append(D), lambda it: it.append(A), lambda it: it.pop()
    ) == [Splice("l", 2, 1, ()), Append("l", (D,))]


def test_neighbouring_edits_are_one() -> None:
    pop_front: Step = lambda it: it.pop(0)  # noqa: E731
    pop: Step = lambda it: it.pop()  # noqa: E731
    assert edits_of(pop_front, pop_front) == [Splice("l", 0, 2, ())]
    assert edits_of(pop, pop) == [Splice("l", 1, 2, ())]
    assert edits_of(lambda it: it.__setitem__(0, D), lambda it: it.__setitem__(1, A)) == [
        Splice("l", 0, 2, (D, A))
    ]
    assert edits_of(lambda it: it.insert(1, D), lambda it: it.insert(2, A)) == [
        Splice("l", 1, 0, (D, A))
    ]
    assert edits_of(lambda it: it.insert(0, D), pop) == [
        Splice("l", 0, 0, (D,)),
        Splice("l", 3, 1, ()),
    ]


def test_what_comes_to_nothing_is_no_edit() -> None:
    assert edits_of(lambda it: it.append(D), lambda it: it.pop()) == []
    assert edits_of(lambda it: it.insert(1, D), lambda it: it.remove(D)) == []
    assert edits_of(lambda it: it.__setitem__(0, A)) == []
    assert edits_of(lambda it: it.sort()) == []
    assert edits_of(lambda it: it.extend([])) == []
    assert edits_of(lambda it: it.clear(), start=()) == []


def test_after_very_many_edits_all_of_it_is_written() -> None:
    made = EntityList("l", IDS * 500)
    made.take()
    for place in range(0, 3000, 6):
        made[place] = IDS[1]
    (edit,) = made.pending_edits()
    assert edit == Splice("l", 0, 3000, tuple(made))
    undo = made.take().give_back
    made.append(A)
    assert made.pending_edits() == [Append("l", (A,))]
    undo()
    assert apply(list(IDS * 500), made.pending_edits()) == list(made)


def test_long_lists_are_edited_quickly() -> None:
    made = EntityList("l", IDS * 50_000)
    made.take()
    start = time.process_time()
    for _ in range(50):
        made.pop(0)
    del made[::2]
    made[::3] = made[::3][::-1]
    for _ in range(20_000):
        made.append(A)
    assert time.process_time() - start < 3


# --- the rest -------------------------------------------------------------------------------


def test_equality_is_by_content() -> None:
    assert EntityList("a", [A, B]) == EntityList("b", [A, B])
    assert EntityList("a", [A, B]) != EntityList("a", [B, A])
    assert EntityList("a", [A, B]) == [A, B]
    assert EntityList("a", [A, B]) != (A, B)
    assert [A, B].__eq__(EntityList("a", [A, B])) is NotImplemented  # so ours decides
    with pytest.raises(TypeError):
        hash(EntityList("a"))


def test_only_ids_are_held() -> None:
    made = EntityList("l", [A])
    wrong: Any = str(B)
    for edit in (
        lambda: made.append(wrong),
        lambda: made.extend([B, wrong]),
        lambda: made.insert(0, wrong),
        lambda: made.__setitem__(0, wrong),
        lambda: made.__setitem__(slice(0, 1), [wrong]),
        lambda: EntityList("l", [wrong]),
    ):
        with pytest.raises(InvalidNameError, match=r"expected a uuid.UUID, got str"):
            edit()
    assert made == [A]


def test_places_outside() -> None:
    made = EntityList("queue", [A])
    for edit in (
        lambda: made[1],
        lambda: made[-2],
        lambda: made.__setitem__(1, B),
        lambda: made.__delitem__(-2),
        lambda: made.pop(5),
    ):
        with pytest.raises(MissingIndexError, match="list 'queue' has 1 entities, no place"):
            edit()
    with pytest.raises(IndexError):
        EntityList("l").pop()
    with pytest.raises(ValueError, match="extended slice of 1"):
        made[::2] = [A, B]
    place: Any = "0"
    for wrong in (lambda: made[place], lambda: made.__setitem__(place, A)):
        with pytest.raises(TypeError):
            wrong()


class Place:
    def __index__(self) -> int:
        return 0


def test_whatever_has_an_index_is_one() -> None:
    made = EntityList("l", [A])
    made[Place()] = B
    made.insert(Place(), C)
    assert made[Place()] == C
    del made[Place()]
    assert made == [B]


def test_a_locked_list() -> None:
    made = loaded(A, B)
    made.lock("this list is locked")
    for edit in (
        lambda: made.append(A),
        lambda: made.extend([]),
        lambda: made.clear(),
        lambda: made.sort(),
        lambda: made.pop(),
        lambda: made.__setitem__(0, A),
    ):
        with pytest.raises(ReadOnlyError, match="this list is locked"):
            edit()
    assert made == [A, B]
    made.lock(None)
    made.append(A)


def test_repr() -> None:
    assert repr(EntityList("queue")) == "<EntityList 'queue'>"
