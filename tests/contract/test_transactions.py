"""Several calls as one, where the door offers it: all of them happen, or none."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cheap.core import Catalog
from cheap.core.edits import AddMembers, Append, PutAspects
from cheap.errors import AlreadyExistsError, ConflictError, MissingKeyError
from cheap.store import Store
from tests.contract.samples import (
    NOTE,
    PERSON,
    A,
    B,
    full_catalog,
    items,
    list_of,
    map_of,
    new_catalog,
    one_of_each,
    revision_of,
    set_of,
)

pytestmark = pytest.mark.transactions


class Oops(Exception):
    pass


def transaction(store: Store) -> Any:
    return store.transaction()  # type: ignore[attr-defined]


def test_all_of_it_happens(store: Store, other: Store) -> None:
    catalog = full_catalog()
    with transaction(store):
        first = new_catalog(store, *list_of("list", [A]))
        store.commit(first, [Append("list", [B])])
        store.save_catalog(catalog)
        store.drop_hierarchy(catalog.global_id, "queue")
    assert items(other, first, "list") == [A, B]
    assert "queue" not in other.load_catalog(catalog.global_id)
    assert revision_of(store, first) == 2


def test_or_none_of_it(store: Store, other: Store) -> None:
    kept = new_catalog(store, *one_of_each())
    doomed = new_catalog(store, *list_of("list"))
    with pytest.raises(Oops), transaction(store):
        store.commit(kept, [Append("list", [A])])
        store.add_aspect_def(kept, NOTE)
        first = new_catalog(store)
        assert store.delete_catalog(doomed)
        raise Oops
    for each in (store, other):
        assert each.get_catalog(kept).revision == 1
        assert items(each, kept, "list") == [A, B, A]
        assert each.catalog_exists(doomed)
        assert not each.catalog_exists(first)
    assert store.commit(kept, [Append("list", [A])]).revision == 2


def test_calls_inside_see_each_other(store: Store) -> None:
    with transaction(store):
        catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "Al"}}, "name"))
        assert store.catalog_exists(catalog)
        assert store.list_catalog_ids() == [catalog]
        store.commit(catalog, [PutAspects(PERSON.name, {A: {"name": "Bo"}})])
        assert store.get_aspects(catalog, PERSON.name, [A])[A]["name"] == "Bo"
        assert [a["name"] for a in store.iter_aspects(catalog, PERSON.name, order_by="name")] == [
            "Bo"
        ]
        assert store.load_catalog(catalog).aspect_map(PERSON.name)[A]["name"] == "Bo"
        assert [each.revision for each in store.iter_changes(catalog)][-1] == 2
        store.delete_catalog(catalog)
        assert not store.catalog_exists(catalog)
    assert store.list_catalog_ids() == []


def test_others_see_nothing_until_the_end(store: Store, other: Store) -> None:
    if other is store:
        other = store  # one object: another thread is another reader
    catalog = new_catalog(store, *list_of("list", [A]))
    seen: list[object] = []

    def look() -> None:
        seen.append(items(other, catalog, "list"))
        seen.append(other.get_catalog(catalog).revision)

    with transaction(store):
        store.commit(catalog, [Append("list", [B])])
        reader = threading.Thread(target=look)
        reader.start()
        reader.join(timeout=20)
    assert seen == [[A], 1]
    assert items(other, catalog, "list") == [A, B]


def test_a_call_that_fails_leaves_nothing_of_itself(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list", [A]), *set_of("set"))
    with transaction(store):
        store.commit(catalog, [Append("list", [B])])
        with pytest.raises(MissingKeyError):
            store.commit(catalog, [AddMembers("set", [A]), Append("nowhere", [A])])
        with pytest.raises(AlreadyExistsError):
            store.create_catalog(catalog_id=catalog, edits=list_of("x"))
        with pytest.raises(ConflictError):
            store.commit(catalog, [Append("list", [A]), *set_of("new"), *_clash()], expect=1)
        with pytest.raises(OSError, match="gone"):
            store.commit(catalog, map_of(NOTE, {A: {}}))
            store.write_value(catalog, "note", A, "data", _failing())
        store.commit(catalog, [Append("list", [A])])
    assert items(store, catalog, "list") == [A, B, A]
    assert items(store, catalog, "set") == []
    assert [each.name for each in store.list_hierarchies(catalog)] == ["list", "set", "note"]
    assert revision_of(store, catalog) == 4


def _clash() -> list[Any]:
    from cheap.core.edits import Splice

    return [Splice("list", 0, 1)]


def _failing() -> Any:
    yield b"x" * 300_000
    raise OSError("gone")


def test_blocks_within_blocks_are_one(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list"))
    with pytest.raises(Oops), transaction(store):
        with transaction(store):
            store.commit(catalog, [Append("list", [A])])
            with transaction(store):
                store.commit(catalog, [Append("list", [B])])
        assert items(store, catalog, "list") == [A, B]
        raise Oops
    assert items(store, catalog, "list") == []
    with transaction(store), transaction(store):
        store.commit(catalog, [Append("list", [A])])
    assert items(store, catalog, "list") == [A]


def test_one_after_the_other(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list"))
    for i in range(3):
        with transaction(store):
            store.commit(catalog, [Append("list", [A])])
        with pytest.raises(Oops), transaction(store):
            store.commit(catalog, [Append("list", [B])])
            raise Oops
        assert items(store, catalog, "list") == [A] * (i + 1)


def test_an_empty_transaction(store: Store) -> None:
    with transaction(store):
        pass
    with pytest.raises(Oops), transaction(store):
        raise Oops
    assert store.list_catalog_ids() == []


# --- catalogs that were saved inside --------------------------------------------------------


def test_a_save_that_was_rolled_back_is_still_to_do(store: Store) -> None:
    catalog = full_catalog()
    with pytest.raises(Oops), transaction(store):
        store.save_catalog(catalog)
        assert not catalog.is_modified
        raise Oops
    assert catalog.basis is None
    assert catalog.is_modified
    assert not store.catalog_exists(catalog.global_id)
    assert store.save_catalog(catalog) == 1
    assert store.load_catalog(catalog.global_id) == catalog


def test_edits_around_a_rollback_are_all_saved_in_the_end(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    queue, staff = catalog.entity_list("queue"), catalog.entity_set("staff")
    tree, people = catalog.tree("folders"), catalog.aspect_map(PERSON.name)
    catalog.version = "3"
    queue.append(B)
    staff.discard(A)
    del tree["z"]
    people[A]["age"] = 31
    with pytest.raises(Oops), transaction(store):
        assert store.save_catalog(catalog) == 2
        queue.insert(0, A)
        staff.add(A)
        people[A]["age"] = 32
        assert store.save_catalog(catalog) == 3
        catalog.drop("nothing")
        tree["z"] = B
        catalog.create_list("late", [A])
        raise Oops
    assert revision_of(store, catalog.global_id) == 1
    assert catalog.revision == 1
    people[B]["age"] = 33
    assert store.save_catalog(catalog) == 2
    assert store.load_catalog(catalog.global_id) == catalog
    assert not catalog.is_modified


def test_a_save_that_was_committed_is_done(store: Store) -> None:
    catalog = full_catalog()
    with transaction(store):
        store.save_catalog(catalog)
        catalog.entity_list("queue").append(A)
        store.save_catalog(catalog)
    assert not catalog.is_modified
    assert catalog.revision == 2
    assert store.save_catalog(catalog) == 2
    assert store.load_catalog(catalog.global_id) == catalog


def test_a_conflict_inside_takes_all_back(store: Store) -> None:
    mine = full_catalog()
    store.save_catalog(mine)
    theirs = store.load_catalog(mine.global_id)
    theirs.directory("by code")["c"] = B
    store.save_catalog(theirs)
    fresh = Catalog()
    mine.directory("by code")["c"] = A
    with pytest.raises(ConflictError), transaction(store):
        store.save_catalog(fresh)
        store.save_catalog(mine)
    assert not store.catalog_exists(fresh.global_id)
    assert fresh.basis is None
    assert mine.is_modified


def test_replace_is_part_of_a_transaction(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    again = Catalog(global_id=catalog.global_id, version="new")
    with pytest.raises(Oops), transaction(store):
        store.save_catalog(again, replace=True)
        assert len(store.load_catalog(catalog.global_id)) == 0
        raise Oops
    assert again.basis is None
    assert store.load_catalog(catalog.global_id) == catalog


def test_many_threads_each_in_its_own(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list"))
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(4):
                try:
                    with transaction(store):
                        store.commit(catalog, [Append("list", [A])])
                        store.commit(catalog, [Append("list", [B])])
                        if (i + number) % 2:
                            raise Oops
                except Oops:
                    pass
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert items(store, catalog, "list") == [A, B] * 8  # never one inside of another
    assert revision_of(store, catalog) == 17
