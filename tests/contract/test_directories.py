"""Directories: keys for entities, in the order in which they were added."""

from __future__ import annotations

import pytest

from cheap.core.edits import PutEntries, RemoveEntries
from cheap.errors import InvalidNameError
from cheap.store import Store
from tests.contract.samples import (
    ODD_NAMES,
    A,
    B,
    C,
    directory_of,
    entities,
    keyed,
    new_catalog,
)


def test_put_keeps_order(store: Store) -> None:
    catalog = new_catalog(store, *directory_of("dir", {"z": A, "a": B}))
    store.commit(catalog, [PutEntries("dir", {"m": A})])
    assert keyed(store, catalog, "dir") == [("z", A), ("a", B), ("m", A)]
    assert list(store.load_catalog(catalog).directory("dir").items()) == [
        ("z", A),
        ("a", B),
        ("m", A),
    ]
    assert store.list_hierarchies(catalog)[0].size == 3


def test_a_key_keeps_its_place(store: Store) -> None:
    catalog = new_catalog(store, *directory_of("dir", {"z": A, "a": B}))
    done = store.commit(catalog, [PutEntries("dir", {"b": B, "z": C})])
    assert done.written == 2
    assert keyed(store, catalog, "dir") == [("z", C), ("a", B), ("b", B)]


def test_remove(store: Store) -> None:
    catalog = new_catalog(store, *directory_of("dir", {"z": A, "a": B, "": C}))
    assert store.commit(catalog, [RemoveEntries("dir", ["", "no", "z", "z"])]).written == 2
    assert keyed(store, catalog, "dir") == [("a", B)]
    assert store.commit(catalog, [RemoveEntries("dir", ["z"])]).written == 0


def test_removed_and_put_again_goes_to_the_end(store: Store) -> None:
    catalog = new_catalog(store, *directory_of("dir", {"z": A, "a": B, "m": C}))
    store.commit(catalog, [RemoveEntries("dir", ["z"])])
    store.commit(catalog, [PutEntries("dir", {"z": A})])
    assert [key for key, _ in keyed(store, catalog, "dir")] == ["a", "m", "z"]
    store.commit(catalog, [RemoveEntries("dir", ["a"]), PutEntries("dir", {"a": A})])
    assert keyed(store, catalog, "dir") == [("m", C), ("z", A), ("a", A)]


def test_keys_that_look_alike_are_different(store: Store) -> None:
    keys = ["", *ODD_NAMES, "k" * 100_000, "k" * 100_001]
    entries = dict(zip(keys, entities(len(keys)), strict=True))
    assert len(entries) == len(keys)
    catalog = new_catalog(store, *directory_of("dir", entries))
    assert keyed(store, catalog, "dir") == list(entries.items())
    assert dict(store.load_catalog(catalog).directory("dir")) == entries
    for key in keys:
        assert store.commit(catalog, [PutEntries("dir", {key: A})]).written == 1
        assert store.commit(catalog, [RemoveEntries("dir", [key])]).written == 1
    assert keyed(store, catalog, "dir") == []
    removed = [each.key for each in store.iter_changes(catalog, 1)]
    assert removed == keys


def test_many_entries(store: Store) -> None:
    entries = {f"key {i}": entity for i, entity in enumerate(entities(6000))}
    catalog = new_catalog(store, *directory_of("dir", entries))
    again = dict.fromkeys(list(entries)[::2], A)
    assert store.commit(catalog, [PutEntries("dir", again)]).written == 3000
    assert keyed(store, catalog, "dir") == list((entries | again).items())


@pytest.mark.parametrize("key", ["a\0b", "\ud800", None, 5, b"x"], ids=repr)
def test_what_cannot_be_a_key(store: Store, key: object) -> None:
    catalog = new_catalog(store, *directory_of("dir", {"a": A}))
    for edit in (PutEntries("dir", {"b": A, key: A}), RemoveEntries("dir", ["a", key])):  # type: ignore[dict-item, list-item]
        with pytest.raises(InvalidNameError):
            store.commit(catalog, [edit])
    assert keyed(store, catalog, "dir") == [("a", A)]


@pytest.mark.parametrize("wrong", ["x", None], ids=repr)
def test_a_key_stands_for_an_entity(store: Store, wrong: object) -> None:
    catalog = new_catalog(store, *directory_of("dir"))
    with pytest.raises(InvalidNameError):
        store.commit(catalog, [PutEntries("dir", {"a": wrong})])  # type: ignore[dict-item]
