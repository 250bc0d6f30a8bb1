"""Many threads on one store: every write happens once, and nobody sees half of one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from uuid import UUID

from cheap.core import Catalog, new_id
from cheap.core.edits import AddMembers, Append, PutAspects, PutEntries, Splice
from cheap.errors import CatalogNotFoundError, ConflictError, MisuseError
from cheap.store import Store
from tests.contract.samples import (
    PERSON,
    SET,
    A,
    B,
    changes_since,
    entities,
    full_catalog,
    items,
    keyed,
    list_of,
    map_of,
    new_catalog,
    one_of_each,
    revision_of,
    set_of,
)

P = PERSON.name


def together(*works: Callable[[], object]) -> None:
    """Run each in a thread of its own, all at once; raise what one of them raises."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            barrier.wait(timeout=20)
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if errors:
        raise errors[0]


def test_no_append_is_lost(store: Store, other: Store) -> None:
    catalog = new_catalog(store, *list_of("list"), *set_of("set"))
    ids = entities(40)

    def work(each: Store, part: list[UUID]) -> None:
        for entity in part:
            each.commit(catalog, [Append("list", [entity, entity]), AddMembers("set", [entity])])

    together(*(lambda n=n: work((store, other)[n % 2], ids[n::4]) for n in range(4)))
    found = items(store, catalog, "list")
    assert found[::2] == found[1::2]  # two at a time
    assert set(found) == set(ids)
    for n in range(4):
        assert [each for each in found[::2] if each in ids[n::4]] == ids[n::4]
    assert revision_of(store, catalog) == 41
    assert len(items(store, catalog, "set")) == 40


def test_what_is_edited_during_a_save_waits_for_the_next(store: Store) -> None:
    """Whatever moment of the save an edit meets: it is saved now or then, and never forgotten."""
    catalog = Catalog()
    people = catalog.define(PERSON, {entity: {"name": "new"} for entity in entities(200)})
    queue, staff = catalog.create_list("queue"), catalog.create_set("staff")
    codes, trees = catalog.create_directory("codes"), [catalog.create_tree("folders")]
    first = next(iter(people))
    for round_ in range(4):
        saved = threading.Event()

        def save(saved: threading.Event = saved) -> None:
            try:
                store.save_catalog(catalog)
            finally:
                saved.set()

        def edit(saved: threading.Event = saved, round_: int = round_) -> None:
            for entity in entities(1000):
                people[entity] = {"name": "late"}
                people[first]["age"] = len(people)
                queue.insert(len(queue) // 2, entity)
                staff.add(entity)
                codes[str(entity)] = entity
                trees[-1]["a", str(entity)] = entity
                catalog.version = str(entity)
                if len(staff) % 3 == 0:
                    del people[entity], codes[str(entity)], trees[-1]["a"], queue[0]
                    staff.discard(entity)
                    staff.add(first)
                    catalog.create_list("brief", [entity])
                    catalog.drop("brief")
                if saved.is_set():
                    break
            if round_ == 3:
                catalog.create_set(f"set {len(people)}", [first])

        together(save, edit)
        if round_ == 1:
            catalog.drop("folders")
            trees.append(catalog.create_tree("folders"))
    store.save_catalog(catalog)
    assert not catalog.is_modified
    assert store.load_catalog(catalog.global_id) == catalog


def test_a_catalog_is_saved_by_one_at_a_time(store: Store) -> None:
    """The second is told, or comes after the first; never is half of it counted as saved."""
    catalog = Catalog()
    catalog.create_list("list", entities(3000))
    refused: list[MisuseError] = []

    def save() -> None:
        try:
            store.save_catalog(catalog)
        except MisuseError as error:
            refused.append(error)

    together(save, save, save)
    assert len(refused) <= 2
    assert not catalog.is_modified
    assert store.load_catalog(catalog.global_id) == catalog


def test_no_count_is_lost(store: Store, other: Store) -> None:
    """Read, add one, write with what was read as the expectation; again when it clashed."""
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "counter", "age": 0}}))

    def work(each: Store) -> None:
        for _ in range(8):
            while True:
                known = each.get_catalog(catalog).revision
                age = each.get_aspects(catalog, P, [A])[A]["age"]
                assert isinstance(age, int)
                record = {"name": "counter", "age": age + 1}
                try:
                    each.commit(catalog, [PutAspects(P, {A: record})], expect=known)
                except ConflictError:
                    continue
                break

    together(*(lambda n=n: work((store, other)[n % 2]) for n in range(4)))
    assert store.get_aspects(catalog, P, [A])[A]["age"] == 32


def test_a_reader_sees_whole_commits(store: Store, other: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {e: {"name": "0"} for e in entities(20)}))
    done = threading.Event()

    def write() -> None:
        try:
            for i in range(1, 25):
                record = {"name": str(i)}
                store.commit(catalog, [PutAspects(P, dict.fromkeys(entities(20), record))])
        finally:
            done.set()

    def read() -> None:
        last = 0
        while not done.is_set():
            loaded = other.load_catalog(catalog)
            names = {aspect["name"] for aspect in loaded.aspect_map(P).values()}
            assert names == {str(loaded.revision - 1)}
            page = other.read_hierarchy(catalog, P)
            seen = {each.aspect["name"] for each in page.items if each.aspect}
            assert len(seen) == 1
            assert loaded.revision >= last
            last = loaded.revision

    together(write, read, read)


def test_one_wins_where_all_want_the_same(store: Store, other: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    won: list[int] = []

    def work(number: int) -> None:
        each = (store, other)[number % 2]
        edits = [PutEntries("directory", {"a": UUID(int=number)}), Splice("list", 0, 1)]
        try:
            each.commit(catalog, edits, expect=1)
            won.append(number)
        except ConflictError:
            pass

    together(*(lambda n=n: work(n) for n in range(6)))
    assert len(won) == 1
    assert dict(keyed(store, catalog, "directory"))["a"] == UUID(int=won[0])
    assert items(store, catalog, "list") == [B, A]
    assert revision_of(store, catalog) == 2


def test_catalogs_come_and_go(store: Store, other: Store) -> None:
    def work(each: Store) -> None:
        for _ in range(4):
            catalog = full_catalog()
            each.save_catalog(catalog)
            catalog.entity_list("queue").append(A)
            each.save_catalog(catalog)
            assert each.load_catalog(catalog.global_id) == catalog
            assert len(changes_since(each, catalog.global_id, 1)) == 1
            assert each.delete_catalog(catalog.global_id)

    together(*(lambda n=n: work((store, other)[n % 2]) for n in range(4)))
    assert store.list_catalog_ids() == []


def test_a_catalog_that_is_deleted_while_others_write(store: Store, other: Store) -> None:
    catalog = new_catalog(store, *one_of_each())

    def write(each: Store) -> None:
        deadline = time.monotonic() + 30
        try:
            while time.monotonic() < deadline:
                each.commit(catalog, [Append("list", [A])])
        except CatalogNotFoundError:
            return
        raise AssertionError("the catalog was never deleted")

    def delete() -> None:
        while revision_of(other, catalog) < 5:
            time.sleep(0.001)
        assert other.delete_catalog(catalog)

    together(lambda: write(store), lambda: write(other), delete)
    # Nothing was left behind by a commit that was under way.
    assert store.create_catalog(catalog_id=catalog).revision == 1
    assert store.list_hierarchies(catalog) == []
    assert len(changes_since(store, catalog)) == 1


def test_two_who_refresh(store: Store, other: Store) -> None:
    """One after the other: what is there at the end is what one of them saved."""
    for start in (None, Catalog()):  # neither finds anything, and both do
        gid = new_id() if start is None else start.global_id
        if start is not None:
            start.create_list("old")
            store.save_catalog(start)
        revisions: list[int] = []

        def work(each: Store, who: str, gid: UUID = gid, revisions: list[int] = revisions) -> None:
            for i in range(5):
                fresh = Catalog(version=who, global_id=gid)
                for n in range(4):
                    fresh.create_list(f"{who}{i}{n}", [A])
                revisions.append(each.save_catalog(fresh, replace=True))

        together(lambda: work(store, "a"), lambda: work(other, "b"))
        last = store.load_catalog(gid)
        assert list(last) == [f"{last.version}4{n}" for n in range(4)]
        assert sorted(revisions) == list(range(last.revision - 9, last.revision + 1))


def test_a_refresh_leaves_nothing_of_what_came_before_it(store: Store, other: Store) -> None:
    catalog = new_catalog(store, *list_of("list"))
    refreshed: list[int] = []
    done = threading.Event()

    def refresh() -> None:
        try:
            for i in range(10):
                fresh = Catalog(version=str(i), global_id=catalog)
                fresh.create_list("list", [A])
                refreshed.append(store.save_catalog(fresh, replace=True))
        finally:
            done.set()

    def add() -> None:
        i = 0
        while not done.is_set():
            i += 1
            other.create_hierarchy(catalog, f"extra{i}", SET)
            other.drop_hierarchy(catalog, f"extra{i - 1}")

    together(refresh, add)
    left = {each.name: each.revision for each in store.list_hierarchies(catalog)}
    assert left.pop("list") == refreshed[-1]
    assert all(revision > refreshed[-1] for revision in left.values())
