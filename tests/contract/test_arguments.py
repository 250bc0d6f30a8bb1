"""Arguments of the wrong shape: refused alike everywhere, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cheap.core import Catalog, CatalogSpecies
from cheap.core.edits import (
    AddMembers,
    Append,
    CreateHierarchy,
    Edit,
    PutAspects,
    PutEntries,
    PutNodes,
    RemoveAspects,
    RemoveEntries,
    RemoveMembers,
    RemoveNodes,
    Splice,
)
from cheap.errors import InvalidEditError, InvalidError, InvalidQueryError
from cheap.store import Store
from tests.contract.samples import (
    DIRECTORY,
    MAP,
    PERSON,
    TREE,
    A,
    B,
    contents,
    directory_of,
    keyed,
    map_of,
    new_catalog,
    one_of_each,
    revision_of,
    tree_of,
)

OF_A_TEXT: dict[str, Callable[[Any], Edit]] = {
    "create a hierarchy": lambda given: CreateHierarchy("new", MAP, given),
    "remove aspects": lambda given: RemoveAspects(PERSON.name, given),
    "append": lambda given: Append("list", given),
    "splice": lambda given: Splice("list", 0, 0, given),
    "add members": lambda given: AddMembers("set", given),
    "remove members": lambda given: RemoveMembers("set", given),
    "remove entries": lambda given: RemoveEntries("directory", given),
    "remove nodes": lambda given: RemoveNodes("tree", given),
}
OF_A_LIST: dict[str, Callable[[Any], Edit]] = {
    "put aspects": lambda given: PutAspects(PERSON.name, given),
    "put entries": lambda given: PutEntries("directory", given),
    "put nodes": lambda given: PutNodes("tree", given),
}


def test_a_text_is_not_a_list_of_its_letters(store: Store) -> None:
    catalog = new_catalog(
        store, *directory_of("by code", {"D": A, "E": A}), *tree_of("t", {("D",): A, ("E",): A})
    )
    text: Any = "DE"
    for make in (lambda: RemoveEntries("by code", text), lambda: RemoveNodes("t", text)):
        with pytest.raises(
            InvalidError, match=r"expected a list, got the text 'DE'; write \['DE'\]"
        ):
            store.commit(catalog, [make()])
    assert [key for key, _ in keyed(store, catalog, "by code")] == ["D", "E"]
    assert [key for key, _ in keyed(store, catalog, "t")] == [("D",), ("E",)]
    with pytest.raises(InvalidError, match=r"only: expected a list, got the text 'by code'"):
        store.load_catalog(catalog, only="by code")
    with pytest.raises(InvalidError, match=r"indexes: expected a list, got the text 'price'"):
        store.create_hierarchy(catalog, "new", MAP, indexes="price")
    assert revision_of(store, catalog) == 1


@pytest.mark.parametrize("edit", OF_A_TEXT)
def test_edits_that_take_several(edit: str) -> None:
    make = OF_A_TEXT[edit]
    for given in ("DE", "", "x" * 10_000, None, 5, A):
        with pytest.raises(InvalidError, match=r"^[A-Z]\w+\.\w+: expected a list, got ") as caught:
            make(given)
        assert len(str(caught.value)) < 200
    # What can be looked at only once is kept.
    once: Any = (each for each in [A, B])
    assert make(once) == make([A, B]) == make((A, B))


@pytest.mark.parametrize("edit", OF_A_LIST)
def test_edits_that_take_a_mapping(edit: str) -> None:
    make = OF_A_LIST[edit]
    for given in ([A], [("a", A)], None, "DE", A):
        with pytest.raises(InvalidError, match=r"^Put\w+\.\w+: expected a mapping such as a dict"):
            make(given)
    assert make({})


def test_places_of_a_splice_are_whole_numbers() -> None:
    splice: Any = Splice
    for index, remove in (("0", 0), (0, "0"), (0.0, 0), (True, 0), (None, 0)):
        with pytest.raises(InvalidEditError, match="expected whole numbers"):
            splice("list", index, remove)


def test_what_can_be_looked_at_only_once(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    names = ["list", PERSON.name]
    whole = store.load_catalog(catalog, only=names)
    assert list(whole) == names
    once: Any = (each for each in names)
    assert store.load_catalog(catalog, only=once) == whole
    once = (each for each in [A, B])
    assert store.get_aspects(catalog, PERSON.name, once) == store.get_aspects(
        catalog, PERSON.name, [A, B]
    )
    once = (each for each in ["age"])
    other = new_catalog(store, map_of(PERSON)[0])
    store.create_hierarchy(other, PERSON.name, MAP, indexes=once)
    assert store.list_hierarchies(other)[0].indexes == ("age",)
    keys: Any = (key for key in "ab")
    once = (each for each in [RemoveEntries("directory", keys)])
    store.commit(catalog, once)
    assert contents(store, catalog, "directory") == []


def test_arguments_that_no_store_can_use(store: Store) -> None:
    loose: Any = store
    catalog = new_catalog(store, *one_of_each())
    edits = [RemoveEntries("directory", ["a"])]
    for call in (
        lambda: loose.load_catalog(catalog, only=5),
        lambda: loose.get_aspects(catalog, PERSON.name, None),
        lambda: loose.get_aspects(catalog, PERSON.name, "abc"),
        lambda: loose.get_aspects(catalog, PERSON.name, A),
        lambda: loose.create_hierarchy(catalog, "new", DIRECTORY, indexes=None),
        lambda: loose.create_hierarchy(catalog, "new", TREE, indexes="x"),
        lambda: loose.commit(catalog, None),
        lambda: loose.commit(catalog, edits[0]),
        lambda: loose.commit(catalog, edits, expect="1"),
        lambda: loose.commit(catalog, edits, expect=-1),
        lambda: loose.commit(catalog, edits, own=5),
        lambda: loose.commit(catalog, edits, expect=1, own=["x"]),
        lambda: loose.commit(catalog, edits, own=[None]),
        lambda: loose.commit(catalog, edits, own=[True]),
        lambda: loose.commit(catalog, [], expect=1, own=[-1]),
        lambda: loose.create_catalog(edits=None),
        lambda: loose.save_catalog(None),
        lambda: loose.save_catalog(None, replace=True),
        lambda: loose.save_catalog({}),
        lambda: loose.save_catalog(Catalog().json()),
        lambda: loose.read_changes(catalog, "1"),
        lambda: loose.read_changes(catalog, 10**5000 * -1),
        lambda: loose.list_catalogs(limit=10**5000),
        lambda: loose.load_catalogs_page("0"),
    ):
        with pytest.raises(InvalidError):
            call()
    assert revision_of(store, catalog) == 1


@pytest.mark.parametrize("given", ["", 0, False, b""])
def test_only_none_stands_for_a_new_id(store: Store, given: Any) -> None:
    with pytest.raises(InvalidError):
        store.create_catalog(catalog_id=given)
    assert not store.list_catalogs().items


def test_a_species_is_no_text(store: Store) -> None:
    """A page that is empty, since nothing is of the species "SINK", would be a lie."""
    loose: Any = store
    loose.create_catalog()
    for species in ("SINK", "sink", 5, CatalogSpecies):
        with pytest.raises(InvalidQueryError, match=r"such as CatalogSpecies\.SINK"):
            loose.list_catalogs(species=species)
        with pytest.raises(InvalidQueryError, match=r"such as CatalogSpecies\.SINK"):
            list(loose.iter_catalogs(species=species))
    assert len(loose.list_catalogs(species=CatalogSpecies.SINK).items) == 1


def test_an_empty_uri_is_none(store: Store) -> None:
    catalog = Catalog(uri="")
    assert catalog.uri is None
    store.save_catalog(catalog)
    assert store.load_catalog(catalog.global_id) == catalog
    catalog.uri = "a:b"
    store.save_catalog(catalog)
    catalog.uri = ""
    store.save_catalog(catalog)
    assert store.load_catalog(catalog.global_id) == catalog
    assert store.get_catalog(catalog.global_id).uri is None
    assert store.create_catalog(uri="").uri is None
