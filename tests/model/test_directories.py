"""Entity directories: they behave as dict does, and know what was edited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cheap.core import EntityDirectory
from cheap.core.edits import PutEntries, RemoveEntries
from cheap.errors import InvalidNameError, MissingKeyError, ReadOnlyError
from tests.model.applier import apply, plain, same

IDS = [UUID(int=i) for i in range(4)]
A, B, *_ = IDS
ids = st.sampled_from(IDS)
keys = st.sampled_from(["", "a", "b", "a/b", " ", "😀"])
entries = st.dictionaries(keys, ids, max_size=3)

Step = Callable[[Any], object]
steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(keys, ids).map(lambda pair: lambda it: it.__setitem__(*pair)),
    keys.map(lambda key: lambda it: it.__delitem__(key)),
    keys.map(lambda key: lambda it: it.pop(key)),
    keys.map(lambda key: lambda it: it.pop(key, None)),
    st.tuples(keys, ids).map(lambda pair: lambda it: it.setdefault(*pair)),
    entries.map(lambda each: lambda it: it.update(each)),
    entries.map(lambda each: lambda it: it.update(list(each.items()))),
    st.just(lambda it: it.popitem()),
    st.just(lambda it: it.clear()),
)


def outcome(step: Step, it: Any) -> object:
    try:
        return step(it)
    except KeyError:
        return KeyError


@given(entries, st.lists(steps, max_size=8))
def test_it_behaves_as_dict_does(start: dict[str, UUID], edits: list[Step]) -> None:
    mine, builtin = EntityDirectory("d", start), dict(start)
    for step in edits:
        assert outcome(step, mine) == outcome(step, builtin)
        assert list(mine.items()) == list(builtin.items())
    assert mine == builtin
    assert mine.copy() == builtin
    assert list(mine.keys()) == list(builtin)
    assert list(mine.values()) == list(builtin.values())
    assert list(reversed(mine)) == list(reversed(builtin))
    assert mine.get("zz") is None
    assert "zz" not in mine


@given(entries, st.lists(steps, max_size=8), st.lists(steps, max_size=4), st.booleans())
def test_its_edits_make_the_same_of_a_copy(
    start: dict[str, UUID], edits: list[Step], later: list[Step], saved: bool
) -> None:
    mine = EntityDirectory("d", start)
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
    made = EntityDirectory("d", {"a": A, "b": B})
    made.take()
    made["a"] = A
    assert made.pending_edits() == []
    made["c"] = A
    made["a"] = B
    del made["b"]
    assert made.pending_edits() == [
        RemoveEntries("d", ("b",)),
        PutEntries("d", {"c": A, "a": B}),
    ]


def test_keys_are_any_text() -> None:
    made = EntityDirectory("d")
    for key in ("", "a/b", "x" * 10_000, "😀", " a", "A", "a"):
        made[key] = A
    assert len(made) == 7
    wrong: Any
    for wrong in ("\0", "\ud800", None, 5, b"a"):
        with pytest.raises(InvalidNameError):
            made[wrong] = A
        with pytest.raises(MissingKeyError):
            made[wrong]
    wrong = "text"
    with pytest.raises(InvalidNameError):
        made["x"] = wrong
    with pytest.raises(MissingKeyError, match="directory 'd' has no key 'x'"):
        made["x"]
    with pytest.raises(MissingKeyError, match="directory 'd' has no key 'x'"):
        del made["x"]


def test_order_is_content_but_not_equality() -> None:
    one, other = EntityDirectory("d", {"a": A, "b": B}), EntityDirectory("d", {"b": B, "a": A})
    assert one == other
    assert not one.same_content(other)
    with pytest.raises(TypeError):
        hash(one)


def test_a_locked_directory() -> None:
    made = EntityDirectory("d", {"a": A})
    made.lock("locked")
    for edit in (
        lambda: made.__setitem__("a", A),
        lambda: made.__delitem__("a"),
        made.clear,
        made.popitem,
    ):
        with pytest.raises(ReadOnlyError, match="locked"):
            edit()
