"""Indexes on properties: asked for, given up, and never seen in an answer."""

from __future__ import annotations

import pytest

from cheap.core import AspectDef, PropertyDef, field
from cheap.core.edits import CreateIndex, DropIndex, PutAspects, PutDefinition, RemoveAspects
from cheap.errors import InvalidDefinitionError, InvalidEditError, MissingKeyError
from cheap.store import Store
from tests.contract.samples import (
    EVERYTHING,
    MAP,
    NOTE,
    PERSON,
    A,
    B,
    C,
    T,
    entities,
    list_of,
    map_of,
    new_catalog,
)

P = PERSON.name


def indexes(store: Store, catalog: object) -> tuple[str, ...]:
    return store.list_hierarchies(catalog)[0].indexes  # type: ignore[arg-type]


def ages(store: Store, catalog: object) -> list[object]:
    page = store.find_aspects(catalog, P, field("age") >= 2, order_by="age")  # type: ignore[arg-type]
    return [each["age"] for each in page.items]


def test_create_and_drop(store: Store) -> None:
    people = {e: {"name": "x", "age": i} for i, e in enumerate(entities(5))}
    catalog = new_catalog(store, *map_of(PERSON, people))
    for edit, expected in (
        (CreateIndex(P, "name"), ("name",)),
        (CreateIndex(P, "age"), ("name", "age")),
        (CreateIndex(P, "age"), ("name", "age")),  # asking twice is harmless
        (DropIndex(P, "name"), ("age",)),
        (DropIndex(P, "name"), ("age",)),
        (DropIndex(P, "nonsense"), ("age",)),
        (CreateIndex(P, "tags"), ("age", "tags")),
        (DropIndex(P, "age"), ("tags",)),
    ):
        assert store.commit(catalog, [edit]).written == 0
        assert indexes(store, catalog) == expected
        assert ages(store, catalog) == [2, 3, 4]
        assert store.load_catalog(catalog).aspect_map(P).indexes == expected


def test_from_the_beginning(store: Store) -> None:
    catalog = new_catalog(store, PutDefinition(PERSON))
    store.create_hierarchy(catalog, P, MAP, indexes=["age", "name", "age"])
    assert indexes(store, catalog) == ("age", "name")
    store.commit(catalog, [PutAspects(P, {A: {"name": "a", "age": 5}})])
    assert ages(store, catalog) == [5]


def test_an_index_of_many_records(store: Store) -> None:
    people = {e: {"name": "x", "age": i} for i, e in enumerate(entities(6000))}
    catalog = new_catalog(store, *map_of(PERSON, people))
    store.commit(catalog, [CreateIndex(P, "age")])
    page = store.find_aspects(catalog, P, field("age") >= 5990, order_by="-age", limit=5)
    assert [each["age"] for each in page.items] == [5999, 5998, 5997, 5996, 5995]


def test_an_index_that_was_dropped_and_made_anew(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "a", "age": 2}}, "age"))
    store.commit(catalog, [DropIndex(P, "age")])
    store.commit(catalog, [PutAspects(P, {A: {"name": "a", "age": 7}, B: {"name": "b", "age": 3}})])
    store.commit(catalog, [CreateIndex(P, "age"), RemoveAspects(P, [B])])
    store.commit(catalog, [PutAspects(P, {C: {"name": "c", "age": 4}})])
    assert ages(store, catalog) == [4, 7]


def test_within_one_commit(store: Store) -> None:
    catalog = new_catalog(store)
    store.commit(
        catalog,
        [
            *map_of(PERSON, {A: {"name": "a", "age": 2}}, "name"),
            CreateIndex(P, "age"),
            PutAspects(P, {B: {"name": "b", "age": 9}, A: {"name": "a", "age": 8}}),
            DropIndex(P, "name"),
            RemoveAspects(P, [B]),
        ],
    )
    assert indexes(store, catalog) == ("age",)
    assert ages(store, catalog) == [8]


def test_what_cannot_be_indexed(store: Store) -> None:
    catalog = new_catalog(store, *map_of(NOTE), *list_of("list"))
    for edit, error in (
        (CreateIndex("note", "no"), MissingKeyError),
        (CreateIndex("note", "text"), InvalidDefinitionError),
        (CreateIndex("note", "data"), InvalidDefinitionError),
        (CreateIndex("list", "title"), InvalidEditError),
        (DropIndex("list", "title"), InvalidEditError),
        (CreateIndex("nothing", "title"), MissingKeyError),
    ):
        with pytest.raises(error):
            store.commit(catalog, [CreateIndex("note", "title"), edit])
    assert indexes(store, catalog) == ()


def test_saved_and_loaded(store: Store) -> None:
    catalog = store.load_catalog(new_catalog(store))
    people = catalog.define(PERSON, {A: {"name": "a", "age": 3}}, indexes=["age"])
    store.save_catalog(catalog)
    assert indexes(store, catalog.global_id) == ("age",)
    people.create_index("name")
    people.drop_index("age")
    people[B] = {"name": "b", "age": 2}
    store.save_catalog(catalog)
    assert indexes(store, catalog.global_id) == ("name",)
    assert ages(store, catalog.global_id) == [2, 3]
    assert store.load_catalog(catalog.global_id) == catalog


def test_two_catalogs_do_not_share_an_index(store: Store) -> None:
    first = new_catalog(store, *map_of(PERSON, {A: {"name": "a", "age": 5}}, "age"))
    second = new_catalog(store, *map_of(PERSON, {A: {"name": "a", "age": 6}}, "age"))
    store.commit(first, [DropIndex(P, "age")])
    assert (ages(store, first), ages(store, second)) == ([5], [6])
    store.delete_catalog(first)
    assert ages(store, second) == [6]


def test_an_index_on_every_type(store: Store) -> None:
    names = [prop.name for prop in EVERYTHING.properties if not prop.type.is_large]
    catalog = new_catalog(store, *map_of(EVERYTHING, {A: {}}, *names))
    assert list(indexes(store, catalog)) == names
    for name in names:
        page = store.find_aspects(catalog, EVERYTHING.name, field(name).is_null())
        assert [each.entity for each in page.items] == [A]


def test_a_hidden_property_can_be_indexed(store: Store) -> None:
    definition = AspectDef("t", [PropertyDef("x", T.STRING, readable=False)])
    catalog = new_catalog(store, *map_of(definition, {A: {"x": "a"}}, "x"))
    assert indexes(store, catalog) == ("x",)
    assert len(store.find_aspects(catalog, "t").items) == 1
