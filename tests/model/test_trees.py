"""Entity trees: nested mappings of any depth that know what was edited."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cheap.core import EntityTree, Node
from cheap.core.edits import PutNodes, RemoveNodes
from cheap.core.hierarchies.entity_tree import as_path
from cheap.errors import InvalidNameError, MissingKeyError, ReadOnlyError
from tests.model.applier import Plain, apply, plain, plain_node, same

A, B, C = (UUID(int=i) for i in range(1, 4))
DEEP = 50_000
ids = st.sampled_from([A, B, None])
names = st.sampled_from(["", "a", "b", "a/b"])
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
contents = st.dictionaries(paths, ids, max_size=4)


# --- against nested dicts -------------------------------------------------------------------
# A plain tree is [entity, {name: tree}]; each step does the same to both.


def find(tree: Plain, path: tuple[str, ...]) -> Plain:
    for name in path:
        tree = tree[1][name]
    return tree


def put(tree: Plain, path: tuple[str, ...], entity: UUID | None) -> None:
    for name in path:
        tree = tree[1].setdefault(name, [None, {}])
    tree[0] = entity


Step = Callable[[Any, Any], object]


def both(mine: Callable[[EntityTree], object], builtin: Callable[[Plain], object]) -> Step:
    def step(tree: EntityTree, model: Plain) -> None:
        outcomes: list[object] = []
        for act, it in ((mine, tree), (builtin, model)):
            try:
                act(it)  # type: ignore[arg-type]
                outcomes.append(None)
            except KeyError:
                outcomes.append(KeyError)
        assert outcomes[0] == outcomes[1]

    return step


def graft(model: Plain, to: tuple[str, ...], come_from: tuple[str, ...]) -> None:
    """Put a copy of one node into the place of another; a node on itself changes nothing."""
    copy = eval(repr(find(model, come_from)))  # a copy that shares nothing
    above = model
    for name in to[:-1]:
        above = above[1].setdefault(name, [None, {}])
    place = above[1].setdefault(to[-1], [None, {}])
    if to != come_from:
        place[0], place[1] = copy[0], {}
        place[1].update(copy[1])


steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(paths, ids).map(
        lambda pair: both(lambda it: it.__setitem__(*pair), lambda it: put(it, *pair))
    ),
    paths.map(
        lambda path: both(
            lambda it: it.__delitem__(path), lambda it: find(it, path[:-1])[1].__delitem__(path[-1])
        )
    ),
    paths.map(
        lambda path: both(
            lambda it: it.pop(path),  # type: ignore[arg-type]
            lambda it: find(it, path[:-1])[1].pop(path[-1]),
        )
    ),
    st.tuples(paths, ids).map(
        lambda pair: both(
            lambda it: setattr(it[pair[0]], "entity", pair[1]),
            lambda it: operator.setitem(find(it, pair[0]), 0, pair[1]),
        )
    ),
    paths.map(
        lambda path: both(lambda it: it[path].popitem(), lambda it: find(it, path)[1].popitem())
    ),
    paths.map(lambda path: both(lambda it: it[path].clear(), lambda it: find(it, path)[1].clear())),
    st.tuples(paths, names, ids).map(
        lambda three: both(
            lambda it: it[three[0]].__setitem__(three[1], three[2]),
            lambda it: put(find(it, three[0]), (three[1],), three[2]),
        )
    ),
    st.tuples(paths, paths).map(
        lambda pair: both(
            lambda it: it.__setitem__(pair[0], it[pair[1]]), lambda it: graft(it, *pair)
        )
    ),
    ids.map(
        lambda entity: both(
            lambda it: setattr(it.root, "entity", entity),
            lambda it: operator.setitem(it, 0, entity),
        )
    ),
    st.just(
        both(lambda it: it.clear(), lambda it: it.__setitem__(slice(None), [None, {}])),
    ),
)


@given(contents, st.lists(steps, max_size=8))
def test_it_behaves_as_nested_dicts_do(
    start: dict[tuple[str, ...], UUID | None], edits: list[Step]
) -> None:
    mine, model = EntityTree("t", start), [None, {}]
    for path, entity in start.items():
        put(model, path, entity)
    for step in edits:
        step(mine, model)
        assert same(plain(mine), model)
    walked = [node.path for node in mine.walk()]
    assert len(set(walked)) == len(walked)
    assert [mine[path].path for path in walked] == walked
    assert all(path in mine for path in walked)
    assert [node.name for node in mine.walk()] == [path[-1] for path in walked]


@given(contents, st.lists(steps, max_size=8), st.lists(steps, max_size=4), st.booleans())
def test_its_edits_make_the_same_of_a_copy(
    start: dict[tuple[str, ...], UUID | None], edits: list[Step], later: list[Step], saved: bool
) -> None:
    mine = EntityTree("t", start)
    if saved:
        mine.take()
    before = plain(mine) if saved else [None, {}]
    scratch = plain(mine)
    for step in edits:
        step(mine, scratch)
    pending = mine.pending_edits() if saved else mine.content_edits()
    assert same(apply(eval(repr(before)), pending), plain(mine))
    undo = mine.take().give_back
    assert mine.pending_edits() == []
    for step in later:
        step(mine, scratch)
    undo()
    again = mine.pending_edits() if saved else mine.content_edits()
    assert same(apply(before, again), plain(mine))


# --- nodes ----------------------------------------------------------------------------------


def tree(*paths: tuple[str, ...]) -> EntityTree:
    return EntityTree("t", dict.fromkeys(paths, A))


def test_a_tree_reads_like_its_root() -> None:
    made = EntityTree("folders")
    made["reports", "2026"] = A
    made["x"] = None
    made[()] = B
    assert list(made) == ["reports", "x"]
    assert len(made) == 2
    assert made["reports"]["2026"].entity == A
    assert made["reports", "2026"] is made["reports"]["2026"]
    assert made["reports"].entity is None
    assert made[()] is made.root
    assert made.root.entity == B
    assert made.root.path == ()
    assert made.root.name == ""
    assert made.root.parent is None
    assert made["reports", "2026"].parent is made["reports"]
    assert [node.path for node in made.walk()] == [("reports",), ("reports", "2026"), ("x",)]
    assert [*reversed(made)] == ["x", "reports"]
    assert dict(made.items()) == {"reports": made["reports"], "x": made["x"]}
    assert repr(made["reports"]) == "<Node 'reports' entity=None children=1>"
    assert made.get("y") is None
    assert made.get(("reports", "y")) is None  # type: ignore[call-overload]


def test_any_text_is_a_name() -> None:
    made = EntityTree("t")
    for name in ("", "a/b", "/", ".", "..", "x" * 10_000, "😀"):
        made[name] = A
        made[name, name] = B
    assert len(made) == 7
    assert made["", ""].path == ("", "")
    assert [node.path for node in made["a/b"].walk()] == [("a/b",), ("a/b", "a/b")]


@pytest.mark.parametrize("name", ["\0", "\ud800", "a\0b"])
def test_names_that_no_store_keeps(name: str) -> None:
    made = tree(("a",))
    for edit in (
        lambda: made.__setitem__(name, A),
        lambda: made.__setitem__(("a", name), A),
        lambda: made.__setitem__((name, "a"), A),
        lambda: made["a"].__setitem__(name, A),
        lambda: made["a"].setdefault(name),
    ):
        with pytest.raises(InvalidNameError, match="node name"):
            edit()
    assert plain(made) == [None, {"a": [A, {}]}]


def test_what_is_not_there() -> None:
    made = tree(("a", "b"))
    for read in (
        lambda: made["x"],
        lambda: made["a", "x"],
        lambda: made["a"]["x"],
        lambda: made["a", "b", "c"],
        lambda: made.__delitem__(("a", "x")),
        lambda: made.pop("x"),
    ):
        with pytest.raises(MissingKeyError, match=r"node \(.*\) has no child '[xc]'"):
            read()
    assert made.pop("x", None) is None
    for path in ("x", ("a", "x"), 5, None, (1,), ["a"], ("a", 5)):
        assert path not in made
    assert "x" not in made["a"]
    assert () in made
    with pytest.raises(InvalidNameError, match="the root cannot be removed"):
        del made[()]
    with pytest.raises(InvalidNameError, match="the root cannot be replaced"):
        made[()] = made["a"]
    with pytest.raises(MissingKeyError, match="has no children"):
        EntityTree("t").popitem()


def test_only_ids_and_nodes_are_held() -> None:
    made = tree(("a",))
    wrong: Any
    for wrong in (str(B), 5, {}, {"x": A}, EntityTree("t")):
        for edit in (
            lambda wrong=wrong: made.__setitem__("x", wrong),
            lambda wrong=wrong: made.__setitem__(("x", "y"), wrong),
            lambda wrong=wrong: made.__setitem__("a", wrong),
            lambda wrong=wrong: made["a"].__setitem__("x", wrong),
            lambda wrong=wrong: setattr(made["a"], "entity", wrong),
        ):
            with pytest.raises(InvalidNameError, match=r"expected a uuid.UUID"):
                edit()
    assert plain(made) == [None, {"a": [A, {}]}]


def test_paths() -> None:
    assert as_path("a/b") == ("a/b",)
    assert as_path(()) == ()
    assert as_path(("a", "")) == ("a", "")
    for wrong in (None, 5, ["a"], ("a", 5), b"a"):
        with pytest.raises(InvalidNameError, match="path: expected a name or a tuple of names"):
            as_path(wrong)


def test_removing_a_node_removes_what_is_below() -> None:
    made = tree(("a", "b", "c"), ("d",))
    a, c = made["a"], made["a", "b", "c"]
    del made["a"]
    assert plain(made) == [None, {"d": [A, {}]}]
    # It can be read, but no longer edited.
    assert a.parent is None
    assert not a.is_attached
    assert c.path == ("b", "c")
    assert plain_node(a) == [None, {"b": [None, {"c": [A, {}]}]}]
    for edit in (
        lambda: a.__setitem__("x", A),
        lambda: a.__delitem__("b"),
        lambda: setattr(c, "entity", B),
        lambda: c.setdefault("x"),
        lambda: a.clear(),
    ):
        with pytest.raises(MissingKeyError, match=r"node '.' was removed from its tree"):
            edit()


def test_moving_and_copying() -> None:
    made = tree(("a", "b"), ("a", "c", "d"), ("e",))
    made["moved"] = made.pop("a")
    assert list(made) == ["e", "moved"]
    assert [node.path for node in made["moved"].walk()] == [
        ("moved",), ("moved", "b"), ("moved", "c"), ("moved", "c", "d")
    ]  # fmt: skip
    made["e"] = made["moved", "c"]
    assert list(made) == ["e", "moved"]  # e stays where it is
    assert plain_node(made["e"]) == plain_node(made["moved", "c"]) == [None, {"d": [A, {}]}]
    made["e", "d"].entity = B
    assert made["moved", "c", "d"].entity == A
    made["moved"] = made["moved"]
    made["moved", "c", "inside"] = made["moved"]  # a copy of itself in itself
    assert list(made["moved", "c"]) == ["d", "inside"]
    assert list(made["moved", "c", "inside", "c"]) == ["d"]
    made["moved"] = made["moved", "c"]  # what is below takes the place
    assert list(made["moved"]) == ["d", "inside"]
    other = EntityTree("other", {("x",): C})
    other["y"] = made["moved"]
    assert plain_node(other["y"]) == plain_node(made["moved"])
    other.update(made)
    assert list(other) == ["x", "y", "e", "moved"]


def test_setdefault_gives_a_node() -> None:
    made = EntityTree("t")
    assert made.setdefault(("a", "b"), A) is made["a", "b"]
    assert made.setdefault(("a", "b"), B).entity == A
    assert made["a"].setdefault("c").entity is None


def test_equality_is_by_content() -> None:
    one, other = tree(("a", "b"), ("c",)), tree(("a", "b"), ("c",))
    assert one == other
    assert one["a"] == other["a"]
    assert one != tree(("c",), ("a", "b"))
    assert one["a"] != one["c"]
    assert one != {"a": 5}
    assert one["a"] != 5
    assert one.same_content(other)
    other["a", "b"].entity = B
    assert one != other
    for each in (one, one["a"]):
        with pytest.raises(TypeError):
            hash(each)


# --- edits ----------------------------------------------------------------------------------


def test_what_is_edited() -> None:
    made = tree(("a", "b"), ("c",))
    made.take()
    made["c"] = A
    made["a"].entity = None
    assert made.pending_edits() == []
    made["a", "x"] = B
    made["a"].entity = C
    del made["c"]
    made["c"] = None
    assert made.pending_edits() == [
        RemoveNodes("t", (("c",),)),
        PutNodes("t", {("a", "x"): B, ("a",): C, ("c",): None}),
    ]
    made.take()
    made["a", "x", "y"] = A
    del made["a"]
    assert made.pending_edits() == [RemoveNodes("t", (("a",),))]


def test_the_content_names_only_what_does_not_come_by_itself() -> None:
    made = EntityTree("t", {("a", "b"): A, ("a", "c"): None, (): B})
    assert made.content_edits() == [PutNodes("t", {(): B, ("a", "b"): A, ("a", "c"): None})]
    assert EntityTree("t").content_edits() == []


def test_a_locked_tree() -> None:
    made = tree(("a", "b"))
    made.lock("locked")
    for edit in (
        lambda: made.__setitem__("a", A),
        lambda: made.__setitem__("x", A),
        lambda: made["a"].__setitem__("x", A),
        lambda: made["a"].__setitem__("b", made["a"]),
        lambda: made.__delitem__("a"),
        lambda: setattr(made["a"], "entity", A),
        lambda: made["a"].clear(),
        lambda: made.clear(),
    ):
        with pytest.raises(ReadOnlyError, match="locked"):
            edit()
    assert plain(made) == [None, {"a": [None, {"b": [A, {}]}]}]


# --- deep trees -----------------------------------------------------------------------------


def deep(depth: int = DEEP, entity: UUID | None = A) -> EntityTree:
    made = EntityTree("deep")
    made[("n",) * depth] = entity
    return made


def test_deep_trees() -> None:
    start = time.process_time()
    one, other = deep(), deep()
    walked = list(one.walk())
    last = walked[-1]
    assert len(walked) == DEEP
    assert last.path == ("n",) * DEEP
    assert one[last.path] is last
    assert one == other
    last.entity = B
    assert one != other
    assert one.content_edits() == [PutNodes("deep", {("n",) * DEEP: B})]
    one.take()
    top: Node = one.pop("n")
    assert one.pending_edits() == [RemoveNodes("deep", (("n",),))]
    assert not last.is_attached
    one["m"] = top
    assert one["m"] == top
    one.clear()
    del one, other, top, last, walked
    assert time.process_time() - start < 5


def test_a_wide_tree_is_edited_quickly() -> None:
    start = time.process_time()
    made = EntityTree("wide", {(f"a{i % 100}", f"b{i}"): A for i in range(20_000)})
    made.take()
    for node in list(made.walk()):
        node.entity = B
    made.clear()
    assert len(made.pending_edits()[0].paths) == 100  # type: ignore[union-attr]
    assert time.process_time() - start < 5
