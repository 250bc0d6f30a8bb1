"""Catalogs as such: making, finding, listing, deleting them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from cheap.core import Catalog, CatalogSpecies, new_id
from cheap.core.edits import Append, SetHeader
from cheap.errors import (
    AlreadyExistsError,
    CatalogNotFoundError,
    CheapError,
    ClosedError,
    InvalidDefinitionError,
    InvalidNameError,
    InvalidQueryError,
    MissingKeyError,
)
from cheap.store import CatalogHeader, Store
from tests.contract.samples import (
    LIST,
    NOTE,
    PERSON,
    A,
    changes_since,
    entities,
    full_catalog,
    items,
    list_of,
    map_of,
    new_catalog,
    one_of_each,
)

VERBS: dict[str, Callable[[Store, Any], object]] = {
    "get_catalog": lambda s, c: s.get_catalog(c),
    "load_catalog": lambda s, c: s.load_catalog(c),
    "load_part": lambda s, c: s.load_catalog(c, only=["list"]),
    "add_aspect_def": lambda s, c: s.add_aspect_def(c, PERSON),
    "get_aspect_def": lambda s, c: s.get_aspect_def(c, "person"),
    "list_aspect_defs": lambda s, c: s.list_aspect_defs(c),
    "create_hierarchy": lambda s, c: s.create_hierarchy(c, "list", LIST),
    "list_hierarchies": lambda s, c: s.list_hierarchies(c),
    "read_hierarchy": lambda s, c: s.read_hierarchy(c, "list"),
    "drop_hierarchy": lambda s, c: s.drop_hierarchy(c, "list"),
    "get_aspects": lambda s, c: s.get_aspects(c, "person", [A]),
    "get_no_aspects": lambda s, c: s.get_aspects(c, "person", []),
    "find_aspects": lambda s, c: s.find_aspects(c, "person"),
    "commit": lambda s, c: s.commit(c, [Append("list", [A])]),
    "commit_nothing": lambda s, c: s.commit(c, []),
    "read_changes": lambda s, c: s.read_changes(c),
    "read_piece": lambda s, c: s.read_piece(c, "note", A, "text"),
    "read_value": lambda s, c: list(s.read_value(c, "note", A, "text")),
    "write_value": lambda s, c: s.write_value(c, "note", A, "text", ["x"]),
    "iter_hierarchy": lambda s, c: list(s.iter_hierarchy(c, "list")),
    "iter_aspects": lambda s, c: list(s.iter_aspects(c, "person")),
    "iter_changes": lambda s, c: list(s.iter_changes(c)),
}
"""Every verb that takes a catalog's id, but for the two that answer False to an unknown one."""


def test_create(store: Store) -> None:
    made = store.create_catalog(
        species=CatalogSpecies.CLONE, version="3.0", uri="https://a.example/b", upstream=A
    )
    assert made == CatalogHeader(
        made.catalog_id, CatalogSpecies.CLONE, "3.0", "https://a.example/b", A, revision=1
    )
    assert store.get_catalog(made.catalog_id) == made
    assert store.catalog_exists(made.catalog_id)


def test_defaults_of_create(store: Store) -> None:
    made = store.create_catalog()
    assert (made.species, made.version, made.uri, made.upstream, made.revision) == (
        CatalogSpecies.SINK,
        "1.0.0",
        None,
        None,
        1,
    )


@pytest.mark.parametrize("species", CatalogSpecies)
def test_every_species_is_kept(store: Store, species: CatalogSpecies) -> None:
    upstream = A if species.rules.may_have_upstream else None
    made = store.create_catalog(species=species, upstream=upstream)
    without = store.create_catalog(species=species)
    assert store.get_catalog(made.catalog_id).upstream == upstream
    assert store.load_catalog(made.catalog_id).upstream == upstream
    assert store.load_catalog(without.catalog_id).species is species


@pytest.mark.parametrize("species", [CatalogSpecies.SOURCE, CatalogSpecies.SINK])
def test_some_species_have_no_upstream(store: Store, species: CatalogSpecies) -> None:
    with pytest.raises(InvalidDefinitionError, match=species.value):
        store.create_catalog(species=species, upstream=A)
    assert store.list_catalog_ids() == []


def test_new_ids_ascend(store: Store) -> None:
    made = [store.create_catalog().catalog_id for _ in range(5)]
    assert made == sorted(made)
    assert {each.version for each in made} == {7}


@pytest.mark.parametrize("given", [UUID(int=0), UUID(int=2**128 - 1), uuid4(), new_id()])
def test_any_uuid_can_be_an_id(store: Store, given: UUID) -> None:
    assert store.create_catalog(catalog_id=given).catalog_id == given
    assert store.load_catalog(given).global_id == given


def test_an_id_is_taken_once(store: Store) -> None:
    made = store.create_catalog(version="first", edits=list_of("list", [A]))
    with pytest.raises(AlreadyExistsError, match=str(made.catalog_id)):
        store.create_catalog(version="second", catalog_id=made.catalog_id)
    assert store.get_catalog(made.catalog_id) == made
    assert items(store, made.catalog_id, "list") == [A]


def test_content_comes_with_creation(store: Store) -> None:
    made = store.create_catalog(edits=one_of_each())
    assert made.revision == 1
    assert items(store, made.catalog_id, "list")[0] == A
    assert {each.revision for each in store.list_hierarchies(made.catalog_id)} == {1}


def test_a_wrong_edit_leaves_no_catalog(store: Store) -> None:
    with pytest.raises(MissingKeyError):
        store.create_catalog(catalog_id=A, edits=[*one_of_each(), Append("nowhere", [A])])
    assert not store.catalog_exists(A)
    assert store.list_catalog_ids() == []
    assert store.create_catalog(catalog_id=A).revision == 1
    assert store.list_hierarchies(A) == []


def test_an_unknown_catalog_is_not_found(store: Store) -> None:
    new_catalog(store, *one_of_each(), *map_of(NOTE, {A: {}}))
    for verb, call in VERBS.items():
        assert _raised(call, store, A) is CatalogNotFoundError, verb


def _raised(call: Callable[[Store, Any], object], store: Store, given: object) -> type | None:
    try:
        call(store, given)
    except CheapError as error:
        return type(error) if str(given) in str(error) else None
    return None


def test_an_unknown_catalog_does_not_exist(store: Store) -> None:
    assert store.catalog_exists(A) is False
    assert store.delete_catalog(A) is False


@pytest.mark.parametrize("given", [None, str(A), 7], ids=repr)
def test_only_a_uuid_is_an_id(store: Store, given: object) -> None:
    calls = VERBS | {
        "catalog_exists": lambda s, c: s.catalog_exists(c),
        "delete_catalog": lambda s, c: s.delete_catalog(c),
    }
    for verb, call in calls.items():
        assert _raised(call, store, given) is InvalidNameError, verb


def test_create_refuses_what_is_no_id(store: Store) -> None:
    with pytest.raises(InvalidNameError):
        store.create_catalog(catalog_id="x")  # type: ignore[arg-type]
    with pytest.raises(InvalidNameError):
        store.create_catalog(species=CatalogSpecies.FORK, upstream="x")  # type: ignore[arg-type]
    with pytest.raises(InvalidDefinitionError):
        store.create_catalog(species="SINK")  # type: ignore[arg-type]


# --- lists of catalogs ----------------------------------------------------------------------


def test_list_is_ordered_by_id(store: Store) -> None:
    given = entities(7)
    for each in given:
        store.create_catalog(catalog_id=each)
    expected = sorted(given, key=lambda each: each.bytes)
    assert [each.catalog_id for each in store.list_catalogs().items] == expected
    assert store.list_catalog_ids() == expected
    assert [each.catalog_id for each in store.iter_catalogs(page_size=3)] == expected


def test_list_shows_headers(store: Store) -> None:
    made = store.create_catalog(version="x", uri="u:v")
    store.commit(made.catalog_id, [SetHeader(version="y")])
    assert list(store.iter_catalogs()) == [store.get_catalog(made.catalog_id)]
    assert store.list_catalogs().items[0].revision == 2


def test_list_of_one_species(store: Store) -> None:
    made = {
        each: [store.create_catalog(species=each).catalog_id for _ in range(3)]
        for each in CatalogSpecies
    }
    for species, ids in made.items():
        found = store.iter_catalogs(species=species, page_size=2)
        assert [each.catalog_id for each in found] == ids


def test_pages_of_catalogs(store: Store) -> None:
    given = sorted(entities(5), key=lambda each: each.bytes)
    for each in given:
        store.create_catalog(catalog_id=each)
    first = store.list_catalogs(limit=2)
    assert [each.catalog_id for each in first.items] == given[:2]
    store.delete_catalog(given[1])  # where the page ended
    second = store.list_catalogs(limit=2, cursor=first.next)
    assert [each.catalog_id for each in second.items] == given[2:4]
    last = store.list_catalogs(limit=2, cursor=second.next)
    assert [each.catalog_id for each in last.items] == given[4:]
    assert last.next is None
    assert store.list_catalogs(limit=4).next is None


def test_load_catalogs_page(store: Store) -> None:
    for each in entities(5):
        store.create_catalog(catalog_id=each, edits=list_of("list", [each]))
    ids = store.list_catalog_ids()
    assert [c.global_id for c in store.load_catalogs_page(0)] == ids
    assert [c.global_id for c in store.load_catalogs_page(1, page_size=2)] == ids[1:3]
    assert [list(c.entity_list("list")) for c in store.load_catalogs_page(4, page_size=9)] == [
        [ids[4]]
    ]
    assert store.load_catalogs_page(5) == []
    with pytest.raises(InvalidQueryError):
        store.load_catalogs_page(-1)
    with pytest.raises(InvalidQueryError):
        store.load_catalogs_page(0, page_size=0)


def test_no_catalogs(store: Store) -> None:
    assert store.list_catalogs().items == ()
    assert store.list_catalogs().next is None
    assert store.list_catalog_ids() == []


# --- deletion -------------------------------------------------------------------------------


def test_delete_leaves_nothing(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    store.commit(catalog.global_id, list_of("more", [A]))
    store.drop_hierarchy(catalog.global_id, "queue")  # leaves a tombstone
    assert store.delete_catalog(catalog.global_id) is True
    assert store.catalog_exists(catalog.global_id) is False
    assert store.delete_catalog(catalog.global_id) is False
    # Under the same id everything begins anew.
    assert store.create_catalog(catalog_id=catalog.global_id).revision == 1
    assert store.list_aspect_defs(catalog.global_id) == []
    assert store.list_hierarchies(catalog.global_id) == []
    assert len(changes_since(store, catalog.global_id)) == 1
    assert store.load_catalog(catalog.global_id) == Catalog(global_id=catalog.global_id)


def test_delete_touches_no_other(store: Store) -> None:
    first, second, third = full_catalog(), full_catalog(), full_catalog()
    for each in (first, second, third):
        store.save_catalog(each)
    store.delete_catalog(second.global_id)
    assert store.load_catalog(first.global_id) == first
    assert store.load_catalog(third.global_id) == third
    assert store.list_catalog_ids() == sorted([first.global_id, third.global_id])


# --- the store ------------------------------------------------------------------------------


def test_two_doors_lead_to_one_store(store: Store, other: Store) -> None:
    assert store.store_id == other.store_id
    made = store.create_catalog(edits=list_of("list", [A]))
    assert other.get_catalog(made.catalog_id) == made
    other.commit(made.catalog_id, [Append("list", [A])])
    assert items(store, made.catalog_id, "list") == [A, A]
    assert other.delete_catalog(made.catalog_id)
    assert not store.catalog_exists(made.catalog_id)


def test_each_store_has_its_own_id(store: Store, reference: Store) -> None:
    assert store.store_id != reference.store_id
    assert store.store_id == store.store_id


def test_a_closed_store_says_so(closing: Store) -> None:
    catalog = Catalog()
    catalog.create_list("list")
    closing.save_catalog(catalog)
    closing.close()
    closing.close()
    calls = VERBS | {
        "create": lambda s, _: s.create_catalog(),
        "list": lambda s, _: s.list_catalogs(),
        "save": lambda s, _: s.save_catalog(Catalog()),
        "catalog_exists": lambda s, c: s.catalog_exists(c),
        "delete_catalog": lambda s, c: s.delete_catalog(c),
    }
    answered: list[str] = []
    for verb, call in calls.items():
        try:
            call(closing, catalog.global_id)
            answered.append(verb)
        except ClosedError:
            pass
    assert answered == []


def test_a_store_closes_itself_at_the_end_of_a_block(closing: Store) -> None:
    with closing as same:
        assert same.list_catalog_ids() == []
    with pytest.raises(ClosedError):
        closing.list_catalogs()
