"""What each of the six species may do once it was saved."""

from __future__ import annotations

import pytest

from cheap.core import Catalog, CatalogSpecies
from cheap.core.edits import Append, CreateHierarchy, DropHierarchy, PutDefinition, SetHeader
from cheap.errors import ReadOnlyError
from cheap.store import Store
from tests.contract.samples import (
    LIST,
    MAP,
    NOTE,
    PERSON,
    A,
    B,
    full_catalog,
    items,
    map_of,
    new_catalog,
    one_of_each,
    revision_of,
)
from tests.contract.test_commit import EDITS, NAMES

READ_ONLY = [each for each in CatalogSpecies if not each.rules.editable]
EDITABLE = [each for each in CatalogSpecies if each.rules.editable]


def test_two_species_are_read_only() -> None:
    assert READ_ONLY == [CatalogSpecies.SOURCE, CatalogSpecies.MIRROR]


@pytest.mark.parametrize("species", READ_ONLY)
def test_no_edit_of_a_read_only_species(store: Store, species: CatalogSpecies) -> None:
    catalog = new_catalog(store, *one_of_each(), species=species)
    edits = [make(NAMES[kind]) for kind, make in EDITS.values()]
    edits += [PutDefinition(NOTE), CreateHierarchy("x", LIST), DropHierarchy("list")]
    for edit in edits:
        for batch in ([edit], [SetHeader("2"), edit]):
            with pytest.raises(ReadOnlyError, match=species.value):
                store.commit(catalog, batch)
    for call in (
        lambda: store.add_aspect_def(catalog, NOTE),
        lambda: store.create_hierarchy(catalog, "x", LIST),
        lambda: store.drop_hierarchy(catalog, "list"),
        lambda: store.drop_hierarchy(catalog, "no such list"),
    ):
        with pytest.raises(ReadOnlyError, match=species.value):
            call()
    assert store.get_catalog(catalog).version == "1.0.0"
    assert revision_of(store, catalog) == 1
    assert items(store, catalog, "list") == [A, B, A]


@pytest.mark.parametrize("species", READ_ONLY)
def test_no_large_value_of_a_read_only_species(store: Store, species: CatalogSpecies) -> None:
    catalog = new_catalog(store, *map_of(NOTE, {A: {"text": "x"}}), species=species)
    with pytest.raises(ReadOnlyError, match=species.value):
        store.write_value(catalog, "note", A, "text", ["y"])
    assert b"".join(store.read_value(catalog, "note", A, "text")) == b"x"


@pytest.mark.parametrize("species", CatalogSpecies)
def test_labels_can_change(store: Store, species: CatalogSpecies) -> None:
    catalog = new_catalog(store, species=species)
    assert store.commit(catalog, [SetHeader("2", "a:b")]).revision == 2
    assert store.get_catalog(catalog).version == "2"
    loaded = store.load_catalog(catalog)
    loaded.version = "3"
    store.save_catalog(loaded)
    assert store.get_catalog(catalog).version == "3"


@pytest.mark.parametrize("species", CatalogSpecies)
def test_any_species_can_be_refreshed(store: Store, species: CatalogSpecies) -> None:
    catalog = new_catalog(store, *one_of_each(), species=species)
    edits = [make(NAMES[kind]) for kind, make in EDITS.values()]
    done = store.commit(catalog, [*edits, PutDefinition(NOTE)], refresh=True)
    assert done.revision == 2
    assert len(items(store, catalog, "list")) == 5
    assert store.list_aspect_defs(catalog) == [PERSON, NOTE]


@pytest.mark.parametrize("species", EDITABLE)
def test_editable_species_are_edited(store: Store, species: CatalogSpecies) -> None:
    catalog = new_catalog(store, *one_of_each(), species=species)
    store.commit(catalog, [Append("list", [A]), PutDefinition(NOTE), CreateHierarchy("note", MAP)])
    loaded = store.load_catalog(catalog)
    loaded.entity_list("list").clear()
    assert store.save_catalog(loaded) == 3
    assert store.load_catalog(catalog) == loaded


@pytest.mark.parametrize("species", READ_ONLY)
def test_a_loaded_copy_is_locked(store: Store, species: CatalogSpecies) -> None:
    catalog = full_catalog(species)
    store.save_catalog(catalog)  # filled and saved as a whole
    for copy in (catalog, store.load_catalog(catalog.global_id)):
        with pytest.raises(ReadOnlyError, match=species.value):
            copy.entity_list("queue").append(A)
        with pytest.raises(ReadOnlyError):
            copy.aspect_map(PERSON.name)[A]["age"] = 5
        with pytest.raises(ReadOnlyError):
            copy.create_list("x")
        assert store.save_catalog(copy) == 1


@pytest.mark.parametrize("species", READ_ONLY)
def test_a_new_version_takes_its_place(store: Store, species: CatalogSpecies) -> None:
    first = full_catalog(species)
    store.save_catalog(first)
    second = Catalog(species=species, version="next", global_id=first.global_id)
    second.define(PERSON)[B] = {"name": "Bo"}
    second.create_list("queue", [B])
    assert store.save_catalog(second, replace=True) == 2
    assert store.load_catalog(first.global_id) == second
    with pytest.raises(ReadOnlyError):
        second.entity_list("queue").append(A)
