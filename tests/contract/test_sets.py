"""Sets of entities: unique, in the order in which they were added."""

from __future__ import annotations

import pytest

from cheap.core.edits import AddMembers, RemoveMembers
from cheap.errors import InvalidNameError
from cheap.store import Store
from tests.contract.samples import A, B, C, D, entities, items, new_catalog, set_of


def test_add_keeps_order(store: Store) -> None:
    catalog = new_catalog(store, *set_of("set", [C, A]))
    done = store.commit(catalog, [AddMembers("set", [B, A, D, B])])
    assert done.written == 2
    assert items(store, catalog, "set") == [C, A, B, D]
    assert list(store.load_catalog(catalog).entity_set("set")) == [C, A, B, D]
    assert store.list_hierarchies(catalog)[0].size == 4


def test_a_member_stays_where_it_is(store: Store) -> None:
    catalog = new_catalog(store, *set_of("set", [C, A, B]))
    assert store.commit(catalog, [AddMembers("set", [C])]).written == 0
    assert items(store, catalog, "set") == [C, A, B]


def test_adding_a_member_twice_is_not_a_change(store: Store) -> None:
    catalog = new_catalog(store, *set_of("set", [C]))
    done = store.commit(catalog, [AddMembers("set", [C])])
    assert (done.revision, done.written) == (2, 0)
    assert store.list_hierarchies(catalog)[0].revision == 1
    assert store.read_changes(catalog, 1).items == ()


def test_remove(store: Store) -> None:
    catalog = new_catalog(store, *set_of("set", [C, A, B]))
    assert store.commit(catalog, [RemoveMembers("set", [A, D, A])]).written == 1
    assert items(store, catalog, "set") == [C, B]
    assert store.commit(catalog, [RemoveMembers("set", [A])]).written == 0


def test_removed_and_added_again_goes_to_the_end(store: Store) -> None:
    catalog = new_catalog(store, *set_of("set", [C, A, B]))
    store.commit(catalog, [RemoveMembers("set", [C])])
    store.commit(catalog, [AddMembers("set", [C])])
    assert items(store, catalog, "set") == [A, B, C]
    done = store.commit(catalog, [RemoveMembers("set", [A]), AddMembers("set", [A])])
    assert done.written == 2
    assert items(store, catalog, "set") == [B, C, A]


def test_many_members(store: Store) -> None:
    ids = entities(12_000)
    catalog = new_catalog(store, *set_of("set", ids[:6000]))
    assert store.commit(catalog, [AddMembers("set", ids)]).written == 6000
    assert items(store, catalog, "set") == ids
    assert store.commit(catalog, [RemoveMembers("set", ids[1:])]).written == 11_999
    assert items(store, catalog, "set") == ids[:1]


@pytest.mark.parametrize("wrong", ["x", None, 5], ids=repr)
def test_only_entities_are_members(store: Store, wrong: object) -> None:
    catalog = new_catalog(store, *set_of("set", [A]))
    for edit in (AddMembers("set", [B, wrong]), RemoveMembers("set", [A, wrong])):  # type: ignore[list-item]
        with pytest.raises(InvalidNameError):
            store.commit(catalog, [edit])
    assert items(store, catalog, "set") == [A]
