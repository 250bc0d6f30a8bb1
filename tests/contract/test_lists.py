"""Lists of entities: ordered, with duplicates."""

from __future__ import annotations

import itertools
import random
from uuid import UUID

import pytest

from cheap.core.edits import Append, Edit, Splice
from cheap.errors import InvalidEditError, InvalidNameError
from cheap.store import Store
from tests.contract.samples import A, B, C, D, E, entities, items, list_of, new_catalog, revision_of


def test_append_keeps_order_and_duplicates(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list", [B, A, B]))
    store.commit(catalog, [Append("list", [C]), Append("list", []), Append("list", [A, A])])
    assert items(store, catalog, "list") == [B, A, B, C, A, A]
    assert list(store.load_catalog(catalog).entity_list("list")) == [B, A, B, C, A, A]
    assert store.list_hierarchies(catalog)[0].size == 6


@pytest.mark.parametrize("insert", [(), (E,), (E, A, E)], ids=len)
def test_splice(store: Store, insert: tuple[UUID, ...]) -> None:
    before = [A, B, C, D]
    for index, remove in itertools.product(range(5), range(5)):
        catalog = new_catalog(store, *list_of("list", before))
        edit = Splice("list", index, remove, insert)
        if index + remove > len(before):
            with pytest.raises(InvalidEditError, match="list"):
                store.commit(catalog, [edit])
            assert items(store, catalog, "list") == before
            assert revision_of(store, catalog) == 1
            continue
        done = store.commit(catalog, [edit])
        expected = [*before[:index], *insert, *before[index + remove :]]
        assert items(store, catalog, "list") == expected
        assert list(store.load_catalog(catalog).entity_list("list")) == expected
        assert store.list_hierarchies(catalog)[0].size == len(expected)
        assert done.written == remove + len(insert)


@pytest.mark.parametrize("edit", [Splice("list", -1, 1), Splice("list", 0, -1), Splice("list", 3)])
def test_a_place_outside_of_the_list(store: Store, edit: Splice) -> None:
    catalog = new_catalog(store, *list_of("list", [A, B]))
    with pytest.raises(InvalidEditError):
        store.commit(catalog, [edit])
    assert items(store, catalog, "list") == [A, B]


def test_splices_of_an_empty_list(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list"))
    store.commit(catalog, [Splice("list", 0, 0, [A]), Splice("list", 0, 1, []), Splice("list", 0)])
    assert items(store, catalog, "list") == []
    store.commit(catalog, [Splice("list", 0, 0, [B, C])])
    assert items(store, catalog, "list") == [B, C]


def test_splices_see_each_other(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list", [A, B, C]))
    store.commit(
        catalog,
        [
            Splice("list", 0, 1),
            Append("list", [D]),
            Splice("list", 3, 0, [E]),
            Splice("list", 1, 2, [A, A]),
            Append("list", [B]),
        ],
    )
    assert items(store, catalog, "list") == [B, A, A, E, B]


@pytest.mark.parametrize("spot", ["front", "second", "before the last"])
def test_many_insertions_at_one_place(store: Store, spot: str) -> None:
    """However often: there is always room between two items."""
    catalog = new_catalog(store, *list_of("list", [A, B, C]))
    expected: list[UUID] = [A, B, C]
    ids = entities(120, start=500)
    for start in range(0, 120, 6):
        edits: list[Edit] = []
        for each in ids[start : start + 6]:
            index = {"front": 0, "second": 1, "before the last": len(expected) - 1}[spot]
            expected.insert(index, each)
            edits.append(Splice("list", index, 0, [each]))
        assert store.commit(catalog, edits).written == 6
    assert items(store, catalog, "list") == expected
    store.commit(catalog, [Append("list", [D])])
    assert items(store, catalog, "list") == [*expected, D]
    assert list(store.load_catalog(catalog).entity_list("list")) == [*expected, D]


def test_large_insertions_into_the_middle(store: Store) -> None:
    ids = entities(6000)
    catalog = new_catalog(store, *list_of("list", ids[:3000]))
    store.commit(catalog, [Splice("list", 1500, 10, ids[3000:5000])])
    store.commit(catalog, [Splice("list", 1, 0, ids[5000:])])
    expected = [ids[0], *ids[5000:], *ids[1:1500], *ids[3000:5000], *ids[1510:3000]]
    assert items(store, catalog, "list") == expected
    store.commit(catalog, [Splice("list", 1, len(expected) - 2)])
    assert items(store, catalog, "list") == [expected[0], expected[-1]]


def test_the_whole_list_can_be_replaced(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list", [A, B, C]))
    done = store.commit(catalog, [Splice("list", 0, 3, [C, B, A])])
    assert done.written == 6
    assert items(store, catalog, "list") == [C, B, A]


def test_a_random_list(store: Store) -> None:
    chance = random.Random(7)
    ids = entities(50)
    catalog = new_catalog(store, *list_of("list"))
    expected: list[UUID] = []
    for _ in range(20):
        edits: list[Edit] = []
        for _ in range(chance.randrange(1, 6)):
            insert = chance.choices(ids, k=chance.randrange(4))
            index = chance.randrange(len(expected) + 1)
            remove = min(chance.randrange(3), len(expected) - index)
            expected[index : index + remove] = insert
            edits.append(Splice("list", index, remove, insert))
        store.commit(catalog, edits)
    assert items(store, catalog, "list") == expected


@pytest.mark.parametrize("wrong", ["x", None, 5, str(A)], ids=repr)
def test_only_entities_are_items(store: Store, wrong: object) -> None:
    catalog = new_catalog(store, *list_of("list", [A]))
    for edit in (Append("list", [B, wrong]), Splice("list", 0, 1, [wrong])):  # type: ignore[list-item]
        with pytest.raises(InvalidNameError):
            store.commit(catalog, [edit])
    assert items(store, catalog, "list") == [A]


def test_places_that_no_list_has(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list", [A, B]))
    for index, remove in ((2**63, 0), (10**30, 0), (0, 2**63), (1, 10**30)):
        with pytest.raises(InvalidEditError):
            store.commit(catalog, [Splice("list", index, remove)])
    assert items(store, catalog, "list") == [A, B]
