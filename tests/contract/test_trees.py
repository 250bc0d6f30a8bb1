"""Trees of named nodes, each with or without an entity."""

from __future__ import annotations

import pytest

from cheap.core.edits import Path, PutNodes, RemoveNodes
from cheap.errors import InvalidEditError, InvalidNameError
from cheap.store import Store
from tests.contract.samples import (
    ODD_NAMES,
    A,
    B,
    C,
    entities,
    keyed,
    new_catalog,
    revision_of,
    tree_of,
)


def size(store: Store, catalog: object) -> int:
    return store.list_hierarchies(catalog)[0].size  # type: ignore[arg-type]


def test_nodes_on_the_way_are_made(store: Store) -> None:
    catalog = new_catalog(store, *tree_of("tree"))
    done = store.commit(catalog, [PutNodes("tree", {("a", "b", "c"): A})])
    assert done.written == 3
    assert keyed(store, catalog, "tree") == [
        (("a",), None),
        (("a", "b"), None),
        (("a", "b", "c"), A),
    ]
    assert size(store, catalog) == 3
    assert store.load_catalog(catalog).tree("tree")["a", "b", "c"].entity == A


def test_a_node_that_is_made_on_the_way_and_then_put_is_one(store: Store) -> None:
    catalog = new_catalog(store, *tree_of("tree"))
    done = store.commit(catalog, [PutNodes("tree", {("a", "b"): A, ("a",): B})])
    assert done.written == 2
    assert keyed(store, catalog, "tree") == [(("a",), B), (("a", "b"), A)]


def test_nodes_on_the_way_stay_as_they_are(store: Store) -> None:
    catalog = new_catalog(store, *tree_of("tree", {("a",): A, ("a", "b"): B}))
    done = store.commit(catalog, [PutNodes("tree", {("a", "b", "c"): None})])
    assert done.written == 1
    assert keyed(store, catalog, "tree") == [
        (("a",), A),
        (("a", "b"), B),
        (("a", "b", "c"), None),
    ]


def test_a_node_keeps_its_place(store: Store) -> None:
    catalog = new_catalog(store, *tree_of("tree", {("z",): A, ("a",): B, ("z", "y"): None}))
    assert store.commit(catalog, [PutNodes("tree", {("z",): None, ("z", "y"): C})]).written == 2
    assert keyed(store, catalog, "tree") == [(("z",), None), (("a",), B), (("z", "y"), C)]
    loaded = store.load_catalog(catalog).tree("tree")
    assert [node.path for node in loaded.walk()] == [("z",), ("z", "y"), ("a",)]


def test_children_keep_the_order_in_which_they_came(store: Store) -> None:
    nodes: dict[Path, None] = dict.fromkeys([("m",), ("z", "2"), ("a",), ("z", "1"), ("m", "0")])
    catalog = new_catalog(store, *tree_of("tree", nodes))
    tree = store.load_catalog(catalog).tree("tree")
    assert list(tree) == ["m", "z", "a"]
    assert list(tree["z"]) == ["2", "1"]
    found = [path for path, _ in keyed(store, catalog, "tree")]
    assert found == [("m",), ("z",), ("z", "2"), ("a",), ("z", "1"), ("m", "0")]


def test_remove_takes_all_below(store: Store) -> None:
    nodes: dict[Path, None] = dict.fromkeys([("a", "b", "c"), ("a", "d"), ("e",), ("ab",)])
    catalog = new_catalog(store, *tree_of("tree", nodes))
    done = store.commit(catalog, [RemoveNodes("tree", [("a",)])])
    assert done.written == 4
    assert keyed(store, catalog, "tree") == [(("e",), None), (("ab",), None)]
    assert size(store, catalog) == 2


def test_remove_passes_over_what_is_gone(store: Store) -> None:
    catalog = new_catalog(store, *tree_of("tree", {("a", "b"): A, ("c",): B}))
    paths = [("no",), ("a", "no"), ("a",), ("a", "b"), ("a",)]
    done = store.commit(catalog, [RemoveNodes("tree", paths)])
    assert done.written == 2
    assert keyed(store, catalog, "tree") == [(("c",), B)]
    assert store.commit(catalog, [RemoveNodes("tree", [("a",)])]).written == 0


def test_removed_and_put_again_goes_to_the_end(store: Store) -> None:
    nodes: dict[Path, None] = dict.fromkeys([("a", "x"), ("b",), ("c",)])
    catalog = new_catalog(store, *tree_of("tree", nodes))
    store.commit(catalog, [RemoveNodes("tree", [("a",)])])
    store.commit(catalog, [PutNodes("tree", {("a",): A})])
    assert keyed(store, catalog, "tree") == [(("b",), None), (("c",), None), (("a",), A)]
    store.commit(catalog, [RemoveNodes("tree", [("b",)]), PutNodes("tree", {("b", "y"): B})])
    tree = store.load_catalog(catalog).tree("tree")
    assert [node.path for node in tree.walk()] == [("c",), ("a",), ("b",), ("b", "y")]


def test_a_string_is_a_path_of_one_name(store: Store) -> None:
    catalog = new_catalog(store, *tree_of("tree"))
    store.commit(catalog, [PutNodes("tree", {"a/b": A})])  # type: ignore[dict-item]
    assert keyed(store, catalog, "tree") == [(("a/b",), A)]
    store.commit(catalog, [RemoveNodes("tree", ["a/b"])])  # type: ignore[list-item]
    assert keyed(store, catalog, "tree") == []


def test_any_text_is_a_name(store: Store) -> None:
    names = ["", *ODD_NAMES, "n" * 50_000]
    nodes: dict[Path, object] = {}
    for name, entity in zip(names, entities(len(names)), strict=True):
        nodes |= {(name,): entity, (name, name): entity, ("deep", name, "", name): None}
    catalog = new_catalog(store, *tree_of("tree", nodes))  # type: ignore[arg-type]
    expected = store.load_catalog(catalog).tree("tree")
    assert {n.path: n.entity for n in expected.walk() if n.path in nodes} == nodes
    assert dict(keyed(store, catalog, "tree")).keys() >= nodes.keys()
    for name in names:
        assert store.commit(catalog, [RemoveNodes("tree", [(name,)])]).written == 2
    assert {path[0] for path, _ in keyed(store, catalog, "tree")} == {"deep"}  # type: ignore[index]


def test_paths_do_not_run_together(store: Store) -> None:
    nodes: dict[Path, object] = {
        ("a", "b"): A,
        ("ab",): B,
        ("a/b",): C,
        ("", "ab"): A,
        ("ab", ""): B,
    }
    catalog = new_catalog(store, *tree_of("tree", nodes))  # type: ignore[arg-type]
    found = dict(keyed(store, catalog, "tree"))
    assert {path: found[path] for path in nodes} == nodes
    assert len(found) == len(nodes) + 2  # "a" and ""


def test_a_deep_tree(store: Store) -> None:
    path = tuple(str(i) for i in range(400))
    catalog = new_catalog(store, *tree_of("tree", {path: A}))
    found = keyed(store, catalog, "tree")
    assert [each for each, _ in found] == [path[:depth] for depth in range(1, 401)]
    page = store.read_hierarchy(catalog, "tree", limit=399)
    last = store.read_hierarchy(catalog, "tree", cursor=page.next)
    assert [(each.key, each.entity) for each in last.items] == [(path, A)]
    assert store.commit(catalog, [RemoveNodes("tree", [("0",)])]).written == 400


def test_a_wide_tree(store: Store) -> None:
    nodes: dict[Path, object] = {("top", str(i)): e for i, e in enumerate(entities(6000))}
    catalog = new_catalog(store, *tree_of("tree", nodes))  # type: ignore[arg-type]
    assert keyed(store, catalog, "tree")[1:] == list(nodes.items())
    assert store.commit(catalog, [RemoveNodes("tree", [("top",)])]).written == 6001


# --- the root -------------------------------------------------------------------------------


def test_the_root_can_have_an_entity(store: Store) -> None:
    catalog = new_catalog(store, *tree_of("tree", {("a",): A}))
    assert store.load_catalog(catalog).tree("tree").root.entity is None
    store.commit(catalog, [PutNodes("tree", {(): B})])
    assert store.load_catalog(catalog).tree("tree").root.entity == B
    # Above all others, though it came later.
    assert keyed(store, catalog, "tree") == [((), B), (("a",), A)]
    assert size(store, catalog) == 2
    first = store.read_hierarchy(catalog, "tree", limit=1)
    assert [each.key for each in first.items] == [()]


def test_a_root_without_entity_is_no_item(store: Store) -> None:
    catalog = new_catalog(store, *tree_of("tree", {(): B, ("a",): A}))
    store.commit(catalog, [PutNodes("tree", {(): None})])
    assert store.load_catalog(catalog).tree("tree").root.entity is None
    assert keyed(store, catalog, "tree") == [(("a",), A)]
    assert size(store, catalog) == 1
    first = store.read_hierarchy(catalog, "tree", limit=1)
    assert ([each.key for each in first.items], first.next) == ([("a",)], None)


def test_the_root_cannot_be_removed(store: Store) -> None:
    catalog = new_catalog(store, *tree_of("tree", {("a",): A}))
    with pytest.raises(InvalidEditError, match="root"):
        store.commit(catalog, [RemoveNodes("tree", [("a",), ()])])
    assert keyed(store, catalog, "tree") == [(("a",), A)]


# --- what cannot be a path ------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [("a", "b\0"), ("\udfff",), ("a", 5), None, 5, b"x", ("a", ("b",))], ids=repr
)
def test_what_cannot_be_a_path(store: Store, path: object) -> None:
    catalog = new_catalog(store, *tree_of("tree", {("a",): A}))
    for edit in (PutNodes("tree", {("b",): A, path: A}), RemoveNodes("tree", [("a",), path])):  # type: ignore[dict-item, list-item]
        with pytest.raises(InvalidNameError):
            store.commit(catalog, [edit])
    assert keyed(store, catalog, "tree") == [(("a",), A)]
    assert revision_of(store, catalog) == 1


def test_a_node_holds_an_entity_or_nothing(store: Store) -> None:
    catalog = new_catalog(store, *tree_of("tree"))
    with pytest.raises(InvalidNameError):
        store.commit(catalog, [PutNodes("tree", {("a",): "x"})])  # type: ignore[dict-item]
