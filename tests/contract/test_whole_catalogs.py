"""Catalogs saved and loaded as a whole: nothing is lost, and saving costs what changed."""

from __future__ import annotations

import random
from collections.abc import Callable
from uuid import UUID

import pytest

from cheap.core import AspectDef, Catalog, CatalogSpecies, PropertyDef
from cheap.core.edits import Append, PutEntries, Splice
from cheap.errors import (
    AlreadyExistsError,
    CatalogNotFoundError,
    ConflictError,
    InvalidEditError,
    InvalidValueError,
    MissingKeyError,
)
from cheap.store import Store
from tests.contract.samples import (
    EVERYTHING,
    NOTE,
    OPEN,
    PERSON,
    A,
    B,
    C,
    D,
    T,
    entities,
    full_catalog,
    items,
    list_of,
    map_of,
    new_catalog,
    one_of_each,
    revision_of,
)
from tests.lanes import Lane

P = PERSON.name


# --- there and back -------------------------------------------------------------------------


def test_everything_there_and_back(store: Store, other: Store) -> None:
    catalog = full_catalog()
    assert store.save_catalog(catalog) == 1
    for each in (store, other):
        loaded = each.load_catalog(catalog.global_id)
        assert loaded == catalog
        assert list(loaded) == list(catalog)
        assert loaded.json() == catalog.json()  # order included
        assert loaded.revision == 1
        assert not loaded.is_modified
        assert loaded.aspect_map(P).indexes == ("age",)


def test_an_empty_catalog(store: Store) -> None:
    for species in CatalogSpecies:
        catalog = Catalog(species=species)
        store.save_catalog(catalog)
        assert store.load_catalog(catalog.global_id) == catalog


def test_definitions_without_maps(store: Store) -> None:
    catalog = store.load_catalog(new_catalog(store))
    store.add_aspect_def(catalog.global_id, PERSON)
    loaded = store.load_catalog(catalog.global_id)
    assert loaded.aspect_defs == {P: PERSON}
    assert list(loaded) == []
    people = loaded.define(PERSON, {A: {"name": "Al"}})
    assert store.save_catalog(loaded) == 3
    assert store.load_catalog(catalog.global_id).aspect_map(P) == people


def test_an_unknown_catalog(store: Store) -> None:
    with pytest.raises(CatalogNotFoundError):
        store.load_catalog(A)


def test_a_loaded_catalog_belongs_to_the_caller(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    first, second = (store.load_catalog(catalog.global_id) for _ in range(2))
    first.entity_list("queue").clear()
    first.aspect_map(P)[A]["age"] = 99
    first.drop("folders")
    assert second == catalog
    assert store.load_catalog(catalog.global_id) == catalog


def test_several_catalogs_side_by_side(store: Store) -> None:
    catalogs = []
    for i, kind in enumerate((T.INTEGER, T.STRING, T.FLOAT)):
        catalog = Catalog(version=str(i))
        things = catalog.define(AspectDef("thing", [PropertyDef("x", kind)]), indexes=["x"])
        things[A] = {"x": kind.python_type(i)}  # type: ignore[call-arg, arg-type]
        catalog.create_list("list", entities(i + 1))
        store.save_catalog(catalog)
        catalogs.append(catalog)
    for catalog in catalogs:
        assert store.load_catalog(catalog.global_id) == catalog
    store.delete_catalog(catalogs[1].global_id)
    for catalog in (catalogs[0], catalogs[2]):
        assert store.load_catalog(catalog.global_id) == catalog


def test_a_large_catalog(store: Store, lane: Lane) -> None:
    """More of everything than a database is told at once, or than fits a piece of a body."""
    ids = entities(7000 if lane.door == "dao" else 2500)
    catalog = Catalog()
    catalog.define(
        PERSON, {e: {"name": f"n{i}", "age": i} for i, e in enumerate(ids)}, indexes=["age"]
    )
    catalog.create_list("list", ids * 2)
    catalog.create_set("set", reversed(ids))
    catalog.create_directory("dir", {f"k{i}": e for i, e in enumerate(ids)})
    catalog.create_tree("tree", {(f"a{i % 70}", f"b{i}"): e for i, e in enumerate(ids)})
    store.save_catalog(catalog)
    assert store.load_catalog(catalog.global_id) == catalog


# --- edits ----------------------------------------------------------------------------------

EDITS: dict[str, tuple[Callable[[Catalog], object], int]] = {
    "nothing": (lambda c: None, 0),
    "a property": (lambda c: c.aspect_map(P)[A].update(age=31), 1),
    "two properties of one record": (lambda c: c.aspect_map(P)[A].update(age=31, name="x"), 1),
    "a new record": (lambda c: c.aspect_map(P).update({D: {"name": "Dora"}}), 1),
    "a removed record": (lambda c: c.aspect_map(P).pop(A), 1),
    "a dynamic property": (lambda c: c.aspect_map("open")[B].update(shoe=42), 1),
    "all records": (lambda c: [each.update(age=1) for each in c.aspect_map(P).values()], 3),
    "a member": (lambda c: c.entity_set("staff").add(B), 1),
    "a member that is there": (lambda c: c.entity_set("staff").add(A), 0),
    "a member less": (lambda c: c.entity_set("staff").remove(A), 1),
    "an entry": (lambda c: c.directory("by code").update(x=B), 1),
    "an entry that is there": (lambda c: c.directory("by code").update(c=C), 0),
    "another entry": (lambda c: c.directory("by code").update(c=A), 1),
    "an entry less": (lambda c: c.directory("by code").pop(""), 1),
    "an item": (lambda c: c.entity_list("queue").append(B), 1),
    "an item in the middle": (lambda c: c.entity_list("queue").insert(2, B), 1),
    "an item less": (lambda c: c.entity_list("queue").pop(1), 1),
    "a node": (lambda c: c.tree("folders").update({"new": B}), 1),
    "a node's entity": (lambda c: setattr(c.tree("folders")["a"], "entity", C), 1),
    "the root": (lambda c: setattr(c.tree("folders").root, "entity", A), 1),
    "a branch less": (lambda c: c.tree("folders").pop("z"), 1),
    "a label": (lambda c: setattr(c, "version", "9"), 1),
    "an index": (lambda c: c.aspect_map(P).create_index("name"), 0),
}  # fmt: skip
"""An edit of a full catalog, and how many changes the feed shows after it was saved."""


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("copy", ["as saved", "as loaded"])
def test_saving_writes_what_changed(store: Store, name: str, copy: str) -> None:
    edit, changes = EDITS[name]
    catalog = full_catalog()
    catalog.drop(EVERYTHING.name)  # large, and edited by none
    store.save_catalog(catalog)
    if copy == "as loaded":
        catalog = store.load_catalog(catalog.global_id)
    edit(catalog)
    modified = catalog.is_modified
    assert store.save_catalog(catalog) == 1 + modified
    assert not catalog.is_modified
    assert len(list(store.iter_changes(catalog.global_id, 1))) == changes
    assert store.load_catalog(catalog.global_id) == catalog


def test_rows_written_by_a_save(store: Store) -> None:
    ids = entities(1000)
    catalog = Catalog()
    catalog.define(PERSON, {e: {"name": "x"} for e in ids})
    catalog.create_list("list", ids)
    catalog.create_tree("tree", {("top", str(e)): e for e in ids})
    store.save_catalog(catalog)
    loaded = store.load_catalog(catalog.global_id)
    loaded.aspect_map(P)[ids[500]]["age"] = 1
    loaded.entity_list("list").insert(500, A)
    loaded.tree("tree")["top"]["new"] = A
    edits = loaded.pending_edits()
    assert store.commit(catalog.global_id, edits, expect=1).written == 3


def test_removals_stay_removed(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    catalog = store.load_catalog(catalog.global_id)
    del catalog.aspect_map(P)[A]
    catalog.aspect_map("open").clear()
    del catalog.entity_list("queue")[1:3]
    catalog.entity_set("staff").clear()
    del catalog.directory("by code")["c"]
    del catalog.tree("folders")["z"]
    catalog.drop("nothing")
    catalog.drop(EVERYTHING.name)
    store.save_catalog(catalog)
    loaded = store.load_catalog(catalog.global_id)
    assert loaded == catalog
    assert A not in loaded.aspect_map(P)
    assert "nothing" not in loaded
    assert EVERYTHING.name not in loaded.aspect_defs


def test_order_is_kept_through_saves(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    for _ in range(3):
        people, codes = catalog.aspect_map(P), catalog.directory("by code")
        first = next(iter(people))
        people[first] = people.pop(first).set_values()  # type: ignore[assignment]
        key = next(iter(codes))
        codes[key] = codes.pop(key)
        catalog.entity_set("staff").add(D)
        member = next(iter(catalog.entity_set("staff")))
        catalog.entity_set("staff").remove(member)
        catalog.entity_set("staff").add(member)
        queue = catalog.entity_list("queue")
        queue.insert(1, queue.pop())
        tree = catalog.tree("folders")
        name = next(iter(tree))
        tree.pop(name)
        tree[name] = B
        store.save_catalog(catalog)
        loaded = store.load_catalog(catalog.global_id)
        assert loaded == catalog
        assert loaded.json() == catalog.json()
        catalog = loaded


def test_a_kind_can_change(store: Store) -> None:
    catalog = store.load_catalog(new_catalog(store, *one_of_each()))
    catalog.drop("list")
    catalog.create_tree("list", {("a",): A})
    catalog.drop(P)
    catalog.define(AspectDef(P, [PropertyDef("mail", T.STRING)]), {B: {"mail": "x"}})
    catalog.drop("set")
    catalog.define(AspectDef("set", [PropertyDef("x", T.INTEGER)]), {B: {"x": 1}}, indexes=["x"])
    store.save_catalog(catalog)
    assert store.load_catalog(catalog.global_id) == catalog


def test_redefine(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    people = catalog.redefine(
        PERSON.without_properties("age").with_properties(PropertyDef("mail", T.STRING, default=""))
    )
    people[A]["mail"] = "a@b.c"
    people.create_index("mail")
    del people[B]
    store.save_catalog(catalog)
    assert store.load_catalog(catalog.global_id) == catalog
    again = store.load_catalog(catalog.global_id)
    again.redefine(PERSON)
    store.save_catalog(again)
    assert store.load_catalog(catalog.global_id) == again


def test_many_rounds(store: Store) -> None:
    """Random edits, saved by one copy after the other."""
    chance = random.Random(11)
    ids = entities(30)
    catalog = full_catalog()
    store.save_catalog(catalog)
    for step in range(15):
        for _ in range(chance.randrange(1, 9)):
            _edit_at_random(catalog, chance, ids)
        store.save_catalog(catalog)
        loaded = store.load_catalog(catalog.global_id)
        assert loaded == catalog
        if step % 3 == 2:
            catalog = loaded
    assert store.load_catalog(catalog.global_id).json() == catalog.json()


def _edit_at_random(catalog: Catalog, chance: random.Random, ids: list[UUID]) -> None:
    entity, key = chance.choice(ids), chance.choice("abcdef")
    people, queue = catalog.aspect_map(P), catalog.entity_list("queue")
    match chance.randrange(10):
        case 0:
            people[entity] = {"name": key, "age": chance.randrange(9)}  # type: ignore[assignment]
        case 1:
            people.pop(entity, None)
        case 2:
            queue.insert(chance.randrange(len(queue) + 1), entity)
        case 3:
            del queue[chance.randrange(3) : chance.randrange(5)]
        case 4:
            catalog.entity_set("staff").add(entity)
        case 5:
            catalog.entity_set("staff").discard(entity)
        case 6:
            catalog.directory("by code")[key] = entity
        case 7:
            catalog.directory("by code").pop(key, None)
        case 8:
            catalog.tree("folders")[key, chance.choice("xyz")] = entity
        case _:
            catalog.tree("folders").pop(key, None)


# --- parts ----------------------------------------------------------------------------------


def test_loading_named_hierarchies(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    for names in (["queue"], ["folders", P], {P, "staff", "by code"}, (P, P), list(catalog)):
        loaded = store.load_catalog(catalog.global_id, only=names)
        assert list(loaded) == [name for name in catalog if name in names]
        assert list(loaded.aspect_defs) == [name for name in catalog.aspect_defs if name in names]
        for name in loaded:
            assert loaded[name].same_content(catalog[name])
        assert not loaded.is_modified
        assert loaded.version == catalog.version


def test_loading_no_hierarchy(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    loaded = store.load_catalog(catalog.global_id, only=[])
    assert list(loaded) == []
    assert dict(loaded.aspect_defs) == {}
    loaded.version = "8"
    store.save_catalog(loaded)
    assert len(store.load_catalog(catalog.global_id)) == len(catalog)
    with pytest.raises(InvalidEditError):
        store.save_catalog(loaded, replace=True)


def test_a_part_that_is_not_there(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    for names in (["nowhere"], ["queue", "Queue"], ("q",), [""]):
        with pytest.raises(MissingKeyError):
            store.load_catalog(catalog.global_id, only=names)


def test_saving_a_part_leaves_the_rest(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    part = store.load_catalog(catalog.global_id, only=["queue", P])
    part.entity_list("queue").append(D)
    part.aspect_map(P)[A]["age"] = 77
    part.drop("queue")
    part.create_set("fresh", [A])
    store.save_catalog(part)
    catalog.drop("queue")
    catalog.aspect_map(P)[A]["age"] = 77
    catalog.create_set("fresh", [A])
    assert store.load_catalog(catalog.global_id) == catalog


def test_a_part_meets_what_it_did_not_load(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    part = store.load_catalog(catalog.global_id, only=["queue"])
    part.create_list("staff")  # the store has a set of this name
    with pytest.raises(AlreadyExistsError, match="staff"):
        store.save_catalog(part)
    assert store.load_catalog(catalog.global_id) == catalog


# --- conflicts ------------------------------------------------------------------------------


def test_a_newer_change_is_not_overwritten(store: Store, other: Store) -> None:
    mine = full_catalog()
    store.save_catalog(mine)
    theirs = other.load_catalog(mine.global_id)
    theirs.aspect_map(P)[A]["age"] = 50
    other.save_catalog(theirs)
    mine.aspect_map(P)[A]["age"] = 60
    mine.entity_set("staff").add(D)
    with pytest.raises(ConflictError) as caught:
        store.save_catalog(mine)
    assert caught.value.what == f"aspect {P!r} of {A}"
    assert caught.value.revision == 2
    assert store.load_catalog(mine.global_id) == theirs
    assert mine.is_modified  # it still holds its edits
    # The way out: load again, repeat, save.
    again = store.load_catalog(mine.global_id)
    again.aspect_map(P)[A]["age"] = 60
    again.entity_set("staff").add(D)
    assert store.save_catalog(again) == 3


def test_unrelated_changes_go_through(store: Store, other: Store) -> None:
    mine = full_catalog()
    store.save_catalog(mine)
    theirs = other.load_catalog(mine.global_id)
    theirs.aspect_map(P)[A]["age"] = 50
    theirs.directory("by code")["d"] = D
    assert other.save_catalog(theirs) == 2
    mine.aspect_map(P)[B]["age"] = 60
    mine.directory("by code")["e"] = A
    mine.entity_list("queue").append(D)
    assert store.save_catalog(mine) == 3
    mine.aspect_map(P)[B]["age"] = 61  # again what I changed myself
    mine.entity_list("queue").pop()
    assert store.save_catalog(mine) == 4
    loaded = store.load_catalog(mine.global_id)
    assert loaded.aspect_map(P)[A]["age"] == 50
    assert loaded.aspect_map(P)[B]["age"] == 61
    assert list(loaded.directory("by code"))[-2:] == ["d", "e"]


def test_what_i_did_not_see_stays_a_conflict(store: Store, other: Store) -> None:
    """Saving something unrelated does not make me know what the others did."""
    mine = full_catalog()
    store.save_catalog(mine)
    theirs = other.load_catalog(mine.global_id)
    theirs.aspect_map(P)[A]["age"] = 50
    other.save_catalog(theirs)
    mine.directory("by code")["e"] = A
    assert store.save_catalog(mine) == 3
    mine.aspect_map(P)[A]["age"] = 60
    with pytest.raises(ConflictError) as caught:
        store.save_catalog(mine)
    assert caught.value.revision == 2


def test_two_who_take_turns(store: Store, other: Store) -> None:
    mine = full_catalog()
    store.save_catalog(mine)
    theirs = other.load_catalog(mine.global_id)
    for i in range(4):
        mine.aspect_map(P)[A]["age"] = i
        store.save_catalog(mine)
        theirs.aspect_map(P)[B]["age"] = i
        other.save_catalog(theirs)
    loaded = store.load_catalog(mine.global_id)
    assert loaded.aspect_map(P)[A]["age"] == loaded.aspect_map(P)[B]["age"] == 3
    assert loaded.revision == 9


def test_somebody_deleted_it(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    part = store.load_catalog(catalog.global_id, only=[P])
    store.delete_catalog(catalog.global_id)
    for version in (catalog.version, "x"):  # nothing to save, and something
        catalog.version = part.version = version
        with pytest.raises(CatalogNotFoundError, match="save with replace=True to put it back"):
            store.save_catalog(catalog)
        with pytest.raises(CatalogNotFoundError) as caught:
            store.save_catalog(part)
        assert "replace" not in str(caught.value)
    assert catalog.is_modified
    assert store.save_catalog(catalog, replace=True) == 1
    assert store.load_catalog(catalog.global_id) == catalog


def test_somebody_made_it_anew(store: Store, other: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    document = catalog.json()
    for age in (31, 32):
        catalog.aspect_map(P)[A]["age"] = age
        store.save_catalog(catalog)
    other.delete_catalog(catalog.global_id)
    newer = Catalog.from_json(document)
    newer.aspect_map(P)[A]["age"] = 99
    other.save_catalog(newer)
    for age in (32, 33):  # nothing to save, and something
        catalog.aspect_map(P)[A]["age"] = age
        with pytest.raises(ConflictError, match=r"made anew.*load it again"):
            store.save_catalog(catalog)
    assert store.load_catalog(catalog.global_id) == newer


REMAKERS: dict[str, Callable[[Store, Catalog], object]] = {
    "replaced": lambda store, catalog: store.save_catalog(
        Catalog.from_json(catalog.json()), replace=True
    ),
    "dropped and made": lambda store, catalog: store.save_catalog(catalog),
}


@pytest.mark.parametrize("how", REMAKERS)
@pytest.mark.parametrize("name", [P, "staff", "by code", "folders", "queue"])
def test_what_is_not_in_the_new_one_is_not_brought_back(
    store: Store, other: Store, how: str, name: str
) -> None:
    """A hierarchy that was made anew has no memory of what the old one held."""
    catalog = full_catalog()
    store.save_catalog(catalog)
    mine, theirs = (each.load_catalog(catalog.global_id) for each in (store, other))
    theirs.drop(name)
    match name:
        case "staff":
            theirs.create_set(name, [C])
            mine.entity_set(name).discard(C)
        case "by code":
            theirs.create_directory(name)
            mine.directory(name)["c"] = A
        case "folders":
            theirs.create_tree(name)
            mine.tree(name)["a"] = A
        case "queue":
            theirs.create_list(name)
            mine.entity_list(name).append(A)
        case _:
            theirs.define(PERSON)
            mine.aspect_map(P)[A]["age"] = 31
    REMAKERS[how](other, theirs)
    with pytest.raises(ConflictError) as caught:
        store.save_catalog(mine)
    assert (caught.value.what, caught.value.revision) == (f"hierarchy {name!r}", 2)
    assert store.load_catalog(catalog.global_id) == theirs


def test_a_redefinition_meets_a_newer_record(store: Store, other: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    mine, theirs = (each.load_catalog(catalog.global_id) for each in (store, other))
    theirs.aspect_map(P)[A]["name"] = "Alicia"
    other.save_catalog(theirs)
    mine.redefine(PERSON.without_properties("age"))
    with pytest.raises(ConflictError, match=f"aspect '{P}' of {A}"):
        store.save_catalog(mine)
    assert store.load_catalog(catalog.global_id) == theirs


def test_a_drop_after_ones_own_save(store: Store, other: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    mine, theirs = (each.load_catalog(catalog.global_id) for each in (store, other))
    theirs.entity_list("queue").append(A)
    other.save_catalog(theirs)
    mine.entity_list("queue").append(B)
    store.save_catalog(mine)
    mine.drop("queue")
    with pytest.raises(ConflictError, match="hierarchy 'queue'"):
        store.save_catalog(mine)
    assert items(store, catalog.global_id, "queue") == [A, B, A, C, A, B]


def test_an_id_that_is_taken(store: Store) -> None:
    first = full_catalog()
    store.save_catalog(first)
    second = Catalog(global_id=first.global_id)
    with pytest.raises(AlreadyExistsError):
        store.save_catalog(second)
    assert second.basis is None
    assert store.load_catalog(first.global_id) == first


# --- into another store, and in the place of another ----------------------------------------


def test_saving_into_another_store_copies(store: Store, reference: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    catalog = store.load_catalog(catalog.global_id)
    assert reference.save_catalog(catalog) == 1
    assert reference.load_catalog(catalog.global_id) == catalog
    catalog.entity_list("queue").append(D)
    assert reference.save_catalog(catalog) == 2  # now it belongs there
    assert items(store, catalog.global_id, "queue") == [A, B, A, C]
    with pytest.raises(AlreadyExistsError):
        store.save_catalog(catalog)
    back = reference.load_catalog(catalog.global_id)
    assert store.save_catalog(back, replace=True) == 2
    assert store.load_catalog(catalog.global_id) == back


def test_a_part_is_not_copied(store: Store, reference: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    part = store.load_catalog(catalog.global_id, only=["queue"])
    for replace in (False, True):
        with pytest.raises(InvalidEditError, match="part"):
            reference.save_catalog(part, replace=replace)
    with pytest.raises(InvalidEditError, match="part"):
        store.save_catalog(part, replace=True)
    assert not reference.catalog_exists(catalog.global_id)


def test_replace(store: Store) -> None:
    first = full_catalog()
    store.save_catalog(first)
    second = Catalog(global_id=first.global_id, version="other", uri=None)
    second.create_set("queue", [B])
    second.define(AspectDef(P, [PropertyDef("mail", T.STRING)]), {B: {"mail": "m"}})
    assert store.save_catalog(second, replace=True) == 2
    assert store.load_catalog(first.global_id) == second
    assert not second.is_modified
    second.entity_set("queue").add(A)
    assert store.save_catalog(second) == 3


def test_replace_what_is_not_there_creates(store: Store) -> None:
    catalog = full_catalog()
    assert store.save_catalog(catalog, replace=True) == 1
    assert store.load_catalog(catalog.global_id) == catalog


def test_replace_overrides_newer_changes(store: Store) -> None:
    mine = full_catalog()
    store.save_catalog(mine)
    store.commit(mine.global_id, [Append("queue", [D]), PutEntries("by code", {"c": D})])
    mine.directory("by code")["c"] = A
    assert store.save_catalog(mine, replace=True) == 3
    assert store.load_catalog(mine.global_id) == mine
    mine.entity_list("queue").append(A)
    assert store.save_catalog(mine) == 4


def test_replace_leaves_nothing_of_the_old(store: Store) -> None:
    """Also no definition that has no map, and no trace of another species."""
    first = new_catalog(store, *one_of_each(), *map_of(NOTE)[:1])
    second = Catalog(global_id=first)
    second.define(OPEN)
    store.save_catalog(second, replace=True)
    loaded = store.load_catalog(first)
    assert loaded.aspect_defs == {"open": OPEN}
    assert loaded == second


def test_species_and_upstream_are_not_replaced(store: Store) -> None:
    first = store.create_catalog(species=CatalogSpecies.FORK, upstream=A).catalog_id
    for species, upstream in (
        (CatalogSpecies.SINK, None),
        (CatalogSpecies.FORK, None),
        (CatalogSpecies.FORK, B),
        (CatalogSpecies.MIRROR, A),
    ):
        second = Catalog(species=species, upstream=upstream, global_id=first)
        with pytest.raises(InvalidEditError, match="FORK"):
            store.save_catalog(second, replace=True)
        assert second.basis is None
    assert revision_of(store, first) == 1


def test_a_wrong_replacement_changes_nothing(store: Store) -> None:
    first = full_catalog()
    store.save_catalog(first)
    store.commit(first.global_id, map_of(NOTE, {A: {}}))
    store.write_value(first.global_id, "note", A, "text", ["x"])
    loaded = store.load_catalog(first.global_id)
    second = Catalog(global_id=first.global_id)
    second.define(NOTE)[A] = {"text": loaded.aspect_map("note")[A]["text"]}
    store.drop_hierarchy(first.global_id, "note")
    before = store.load_catalog(first.global_id)
    with pytest.raises(InvalidValueError):  # the value that the stub stands for is gone
        store.save_catalog(second, replace=True)
    assert store.load_catalog(first.global_id) == before


def test_a_splice_of_all_after_very_many_edits(store: Store) -> None:
    ids = entities(40)
    catalog = store.load_catalog(new_catalog(store, *list_of("list", ids)))
    chance = random.Random(5)
    queue = catalog.entity_list("list")
    for _ in range(300):
        queue.insert(chance.randrange(len(queue)), chance.choice(ids))
    assert [type(each) for each in catalog.pending_edits()] == [Splice]
    store.save_catalog(catalog)
    assert store.load_catalog(catalog.global_id) == catalog
