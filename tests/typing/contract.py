"""What type checkers make of CheapPy. Nothing here runs: ``scripts/check`` reads it.

Every line is a promise to a user's editor; one that no longer holds is an error of mypy or
basedpyright.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import assert_type
from uuid import UUID

from pydantic import BaseModel

from cheap import Aspect, AspectDef, Catalog, HierarchyType, Page, Store, connect, field
from cheap.core import (
    AspectMap,
    CatalogImpl,
    CatalogSpecies,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    Filter,
    Hierarchy,
    LargeValue,
    Node,
    PropertyDef,
    PropertyType,
    SpeciesRules,
    Value,
    new_id,
    read_catalog,
    read_catalog_file,
    write_catalog,
)
from cheap.core.edits import Append, Edit, PutAspects, Splice
from cheap.db.dao import SqlDao
from cheap.db.mariadb import MariaDbAdapter, MariaDbDao
from cheap.db.memory import MemoryDao
from cheap.db.postgres import PostgresAdapter, PostgresDao
from cheap.db.sqlite import SqliteAdapter, SqliteDao
from cheap.errors import CheapError, ConflictError, Fault, InvalidValueError
from cheap.store import (
    CatalogHeader,
    Change,
    Commit,
    Entry,
    HierarchyHeader,
    Piece,
)


@dataclass
class Person:
    name: str
    age: int | None = None


class Model(BaseModel):
    name: str


def definitions() -> None:
    person = AspectDef.of(Person)
    assert_type(person, AspectDef)
    assert_type(person["age"], PropertyDef)
    assert_type(person["age"].type, PropertyType)
    assert_type(person.hash_version, int)
    assert_type(AspectDef.of(Model), AspectDef)
    assert_type(CatalogSpecies.SINK.rules, SpeciesRules)


def catalogs(catalog: Catalog, alice: UUID) -> None:
    people = catalog.define(Person, indexes=["age"])
    assert_type(people, AspectMap)
    people[alice] = {"name": "Alice"}
    people[alice] = Person("Alice", 30)
    people[alice] = Model(name="Alice")
    people[alice]["name"] = "Alice"
    assert_type(people[alice], Aspect)
    assert_type(people[alice]["name"], Value)
    assert_type(people[alice].to(Person), Person)
    assert_type(people[alice].to(Model), Model)
    assert_type(people[alice].entity, UUID | None)

    assert_type(catalog.create_list("list", [alice]), EntityList)
    assert_type(catalog.create_set("set"), EntitySet)
    assert_type(catalog.create_directory("directory", {"a": alice}), EntityDirectory)
    assert_type(catalog.create_tree("tree", {("a", "b"): alice}), EntityTree)
    assert_type(catalog["list"], Hierarchy)
    assert_type(catalog.hierarchies, Mapping[str, Hierarchy])
    assert_type(catalog.aspects_of(alice), dict[str, Aspect])
    assert_type(Catalog.new_entity(), UUID)
    assert_type(new_id(), UUID)
    assert_type(CatalogImpl(), Catalog)

    assert_type(catalog.entity_list("list")[0], UUID)
    assert_type(catalog.entity_list("list")[:2], list[UUID])
    assert_type(next(iter(catalog.entity_set("set"))), UUID)
    assert_type(catalog.directory("directory")["a"], UUID)
    assert_type(catalog.tree("tree")["a", "b"], Node)
    assert_type(catalog.tree("tree")["a"].entity, UUID | None)

    assert_type(catalog.json(), str)
    assert_type(Catalog.from_json("{}"), Catalog)
    assert_type(write_catalog(catalog), Iterator[bytes])
    assert_type(read_catalog(b"{}"), Catalog)
    assert_type(read_catalog_file("catalog.json"), Catalog)


def filters(before: datetime, price: Decimal) -> None:
    condition: Filter = (field("price") > price) & ~field("name").starts_with("x")
    condition |= field("at").is_null()
    condition &= field("at") < before
    condition &= field("name") == "Alice"
    condition &= field("tags").contains("new")
    condition &= field("name").is_in(["Alice", "Bob"])


def stores(store: Store, catalog: Catalog, key: UUID, edits: list[Edit]) -> None:
    assert_type(store.store_id, UUID)
    assert_type(store.create_catalog(), CatalogHeader)
    assert_type(store.get_catalog(key), CatalogHeader)
    assert_type(store.list_catalogs(), Page[CatalogHeader])
    assert_type(store.list_catalogs().next, str | None)
    assert_type(store.iter_catalogs(), Iterator[CatalogHeader])
    assert_type(store.delete_catalog(key), bool)
    assert_type(store.catalog_exists(key), bool)
    assert_type(store.save_catalog(catalog), int)
    assert_type(store.load_catalog(key, only=["people"]), Catalog)
    assert_type(store.list_catalog_ids(), list[UUID])
    assert_type(store.load_catalogs_page(0, page_size=5), list[Catalog])

    assert_type(store.add_aspect_def(key, AspectDef.of(Person)), int)
    assert_type(store.get_aspect_def(key, "Person"), AspectDef)
    assert_type(store.list_aspect_defs(key), list[AspectDef])
    assert_type(store.create_hierarchy(key, "list", HierarchyType.ENTITY_LIST), int)
    assert_type(store.list_hierarchies(key), list[HierarchyHeader])
    assert_type(store.drop_hierarchy(key, "list"), bool)
    assert_type(store.read_hierarchy(key, "list"), Page[Entry])
    assert_type(store.iter_hierarchy(key, "list"), Iterator[Entry])

    assert_type(store.get_aspects(key, "Person", [key]), dict[UUID, Aspect])
    assert_type(store.find_aspects(key, "Person", field("age") > 30, order_by="-age"), Page[Aspect])
    assert_type(store.iter_aspects(key, "Person"), Iterator[Aspect])
    assert_type(store.commit(key, edits, expect=3), Commit)
    assert_type(store.commit(key, [PutAspects("Person", {key: Person("Bob")})]), Commit)
    assert_type(store.commit(key, [Append("list", [key]), Splice("list", 0, 1)]), Commit)
    assert_type(store.read_changes(key, 3), Page[Change])
    assert_type(store.iter_changes(key), Iterator[Change])
    assert_type(store.read_piece(key, "Person", key, "photo"), Piece)
    assert_type(store.read_value(key, "Person", key, "photo"), Iterator[bytes])
    assert_type(store.write_value(key, "Person", key, "photo", [b"..."]), LargeValue)


def doors() -> None:
    assert_type(connect("memory:"), SqlDao | MemoryDao)
    with connect("sqlite:///catalog.db") as opened:
        assert_type(opened, SqlDao | MemoryDao)
        store: Store = opened  # any of them is a Store
        assert_type(store.list_catalog_ids(), list[UUID])
        with opened.transaction() as joined:
            assert_type(joined, SqlDao | MemoryDao)

    sqlite = SqliteAdapter.create("catalog.db", init_schema=True)
    postgres = PostgresAdapter.create(dbname="shop", user="shop")
    mariadb = MariaDbAdapter.create(database="shop", user="shop")
    assert_type(sqlite, SqliteAdapter)
    with SqliteDao(sqlite).transaction() as dao:
        assert_type(dao, SqliteDao)
    assert_type(PostgresDao(postgres).load_catalog(new_id()), Catalog)
    assert_type(MariaDbDao(mariadb).load_catalog(new_id()), Catalog)


def errors(catalog: Catalog, store: Store) -> None:
    try:
        store.save_catalog(catalog)
    except ConflictError as error:
        assert_type(error.what, str)
        assert_type(error.revision, int | None)
    except InvalidValueError as error:
        assert_type(error.faults, tuple[Fault, ...])
        assert_type(error.faults[0].path, str)
    except CheapError as error:
        assert_type(error.code, str)
        assert_type(error.retryable, bool)
