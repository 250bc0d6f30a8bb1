"""What the tables hold, read with the bare driver: a DAO that lies the same way twice is caught."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from cheap.core import AspectDef, CatalogSpecies, PropertyDef
from cheap.core.edits import (
    Append,
    PutAspects,
    RemoveAspects,
    RemoveEntries,
    RemoveMembers,
    Splice,
)
from cheap.db.schema import CONTENT, TABLES
from tests.contract.samples import (
    NOTE,
    PERSON,
    A,
    B,
    C,
    D,
    T,
    directory_of,
    list_of,
    map_of,
    new_catalog,
    one_of_each,
    set_of,
    tree_of,
)
from tests.db.places import Site

RECORD = AspectDef(
    "record",
    [
        PropertyDef("name", T.STRING, nullable=True),
        PropertyDef("count", T.INTEGER, nullable=True),
        PropertyDef("ratio", T.FLOAT, nullable=True),
        PropertyDef("good", T.BOOLEAN, nullable=True),
        PropertyDef("price", T.BIG_DECIMAL, nullable=True),
        PropertyDef("huge", T.BIG_INTEGER, nullable=True),
        PropertyDef("when", T.DATE_TIME, nullable=True),
        PropertyDef("link", T.URI, nullable=True),
        PropertyDef("id", T.UUID, nullable=True),
        PropertyDef("data", T.BLOB, nullable=True),
        PropertyDef("tags", T.STRING, nullable=True, multivalued=True),
    ],
)
VALUES: dict[str, object] = {
    "name": "Ä'\"\\😀",
    "count": 2**63 - 1,
    "ratio": 0.5,
    "good": True,
    "price": Decimal("1.50"),
    "huge": 10**30,
    "when": datetime(2026, 3, 29, 2, 30, tzinfo=UTC),
    "link": "https://example.com/",
    "id": UUID(int=7),
    "data": b"\0\xff",
    "tags": ["b", "a", "b"],
}
EXTRACT = {
    "sqlite": "json_extract(document, '$.{0}')",
    "postgres": "document ->> '{0}'",
    "mariadb": "JSON_VALUE(document, '$.{0}')",
}


def as_bytes(value: object) -> bytes:
    return bytes(value)  # type: ignore[call-overload, no-any-return]


def test_the_catalog(site: Site) -> None:
    dao = site.dao()
    made = dao.create_catalog(
        species=CatalogSpecies.MIRROR, version="v 1", uri="u:i", upstream=UUID(int=9)
    ).catalog_id
    plain = dao.create_catalog().catalog_id
    rows = site.ask(
        "SELECT catalog_id, species, version, uri, upstream, revision FROM cheap_catalog"
        " ORDER BY catalog_id"
    )
    assert [tuple(bytes(x) if isinstance(x, memoryview) else x for x in row) for row in rows] == [
        (made.bytes, "MIRROR", "v 1", "u:i", UUID(int=9).bytes, 1),
        (plain.bytes, "SINK", "1.0.0", None, None, 1),
    ]


def test_a_record_is_a_document_that_sql_can_query(site: Site) -> None:
    dao = site.dao()
    catalog = new_catalog(dao, *map_of(RECORD, {A: VALUES, B: {"name": "b"}}))
    [(entity, revision, pieces, document)] = site.ask(
        "SELECT entity_id, revision, pieces, document FROM cheap_aspect"
        " WHERE catalog_id = ? AND entity_id = ?",
        catalog.bytes,
        A.bytes,
    )
    assert (as_bytes(entity), revision, pieces) == (A.bytes, 1, 0)
    found = document if isinstance(document, dict) else json.loads(document)
    assert found["name"] == VALUES["name"]
    assert found["count"] == 2**63 - 1
    assert found["ratio"] == 0.5
    assert found["good"] is True
    assert found["tags"] == ["b", "a", "b"]
    assert found["link"] == "https://example.com/"
    assert UUID(found["id"]) == UUID(int=7)
    assert "2026-03-29" in found["when"]
    assert Decimal(found["price"]).as_tuple() == Decimal("1.50").as_tuple()
    assert int(found["huge"]) == 10**30
    for name, expected in (("name", VALUES["name"]), ("count", 2**63 - 1), ("price", "1.50")):
        extract = EXTRACT[site.kind].format(name)
        [(got,)] = site.ask(f"SELECT {extract} FROM cheap_aspect WHERE entity_id = ?", A.bytes)
        assert str(got) == str(expected)
        assert site.ask(
            f"SELECT COUNT(*) FROM cheap_aspect WHERE {extract} = ?",
            str(expected) if site.kind != "sqlite" else expected,
        ) == [(1,)]


def test_every_stored_document_is_json(site: Site) -> None:
    dao = site.dao()
    new_catalog(dao, *one_of_each(), *map_of(RECORD, {A: VALUES}, "count", "tags"))
    valid = {
        "sqlite": "json_valid({})",
        "mariadb": "json_valid({})",
        "postgres": "json_typeof({}) IS NOT NULL",
    }[site.kind]
    for table, column in (
        ("cheap_aspect", "document"),
        ("cheap_definition", "document"),
        ("cheap_hierarchy", "indexes"),
    ):
        [(rows, good)] = site.ask(
            f"SELECT COUNT(*), SUM(CASE WHEN {valid.format(column)} THEN 1 ELSE 0 END) FROM {table}"
        )
        assert rows == good > 0, table


def test_order_stands_in_the_positions(site: Site) -> None:
    dao = site.dao()
    catalog = new_catalog(
        dao,
        *list_of("list", [C, A, B, A]),
        *set_of("set", [B, A]),
        *directory_of("directory", {"z": A, "a": B}),
        *tree_of("tree", {("z",): A, ("a", "b"): None}),
        *map_of(PERSON, {B: {"name": "b"}, A: {"name": "a"}}),
    )
    dao.commit(catalog, [Splice("list", 1, 0, (D,))])

    def entries(name: str, column: str = "e.entity_id") -> list[Any]:
        rows = site.ask(
            f"SELECT {column} FROM cheap_entry e JOIN cheap_hierarchy h"
            " ON h.catalog_id = e.catalog_id AND h.number = e.hierarchy"
            " WHERE h.name = ? AND e.catalog_id = ? ORDER BY e.position",
            name,
            catalog.bytes,
        )
        return [row[0] if isinstance(row[0], str | None) else bytes(row[0]) for row in rows]

    assert entries("list") == [each.bytes for each in (C, D, A, B, A)]
    assert entries("set") == [B.bytes, A.bytes]
    assert entries("directory", "e.name") == ["z", "a"]
    assert [each for each in entries("tree", "e.name") if each] == ["z", "a", "b"]
    rows = site.ask("SELECT entity_id FROM cheap_aspect ORDER BY position")
    assert [as_bytes(row[0]) for row in rows] == [B.bytes, A.bytes]


def test_what_is_removed_is_gone_and_leaves_a_tombstone(site: Site) -> None:
    dao = site.dao()
    catalog = new_catalog(dao, *one_of_each())
    dao.commit(
        catalog,
        [
            RemoveAspects(PERSON.name, [A]),
            RemoveMembers("set", [A]),
            RemoveEntries("directory", ["a"]),
        ],
    )
    assert site.ask("SELECT COUNT(*) FROM cheap_aspect WHERE entity_id = ?", A.bytes) == [(0,)]
    assert site.ask("SELECT COUNT(*), MIN(revision), MAX(revision) FROM cheap_removal") == [
        (3, 2, 2)
    ]
    [(items,)] = site.ask("SELECT COUNT(*) FROM cheap_removal WHERE item = ?", A.bytes)
    assert items == 2  # a directory's key is known by its digest


def test_deleting_a_catalog_leaves_nothing_of_it(site: Site) -> None:
    dao = site.dao()
    kept = new_catalog(dao, *one_of_each(), *map_of(NOTE, {A: {"text": "x" * 300_000}}))
    counts = {table.name: site.ask(f"SELECT COUNT(*) FROM {table.name}") for table in TABLES}
    doomed = new_catalog(
        dao,
        *one_of_each(),
        *map_of(NOTE, {A: {"text": "y" * 300_000}}),
        *map_of(RECORD, {A: VALUES}, "count", "tags"),
    )
    dao.write_value(doomed, "note", A, "data", [b"z" * 300_000])
    dao.commit(doomed, [RemoveAspects(PERSON.name, [A])])
    for table in CONTENT:
        assert site.ask(
            f"SELECT COUNT(*) > 0 FROM {table.name} WHERE catalog_id = ?", doomed.bytes
        ) == [(True,)], table.name
    assert dao.delete_catalog(doomed)
    after = {table.name: site.ask(f"SELECT COUNT(*) FROM {table.name}") for table in TABLES}
    assert after == counts
    assert dao.load_catalog(kept)


def test_large_values_lie_in_pieces(site: Site) -> None:
    dao = site.dao()
    catalog = new_catalog(dao, *map_of(NOTE, {A: {"title": "a"}}))
    data = bytes(range(256)) * 4096  # 1 MB
    dao.write_value(catalog, "note", A, "data", [data[:700_000], data[700_000:]])
    rows = site.ask("SELECT data FROM cheap_piece ORDER BY number")
    assert [len(bytes(row[0])) for row in rows] == [262_144] * 4
    assert b"".join(bytes(row[0]) for row in rows) == data
    [(document, pieces)] = site.ask("SELECT document, pieces FROM cheap_aspect")
    text = document if isinstance(document, str) else json.dumps(document)
    assert pieces == 1
    assert hashlib.blake2b(data, digest_size=16).hexdigest() in text
    assert len(text) < 500
    # Written whole and small again, no piece of it is left.
    dao.commit(catalog, [PutAspects("note", {A: {"data": b"small"}})])
    assert site.ask("SELECT COUNT(*) FROM cheap_piece") == [(0,)]


def test_what_an_edit_touches(site: Site) -> None:
    """One edit of a catalog writes its own rows, and one number in each place above them."""
    dao = site.dao()
    people = {UUID(int=i): {"name": str(i), "age": i} for i in range(1, 1001)}
    catalog = new_catalog(dao, *map_of(PERSON, people, "age"), *list_of("list", list(people)))
    loaded = dao.load_catalog(catalog)
    loaded[PERSON.name][UUID(int=500)] = {"name": "new", "age": -5}  # type: ignore[index]
    loaded["list"].insert(500, A)  # type: ignore[attr-defined]
    dao.save_catalog(loaded)
    assert site.ask("SELECT COUNT(*) FROM cheap_aspect WHERE revision = 2") == [(1,)]
    assert site.ask("SELECT COUNT(*) FROM cheap_entry WHERE revision = 2") == [(1,)]
    assert site.ask("SELECT COUNT(*) FROM cheap_aspect") == [(1000,)]
    assert site.ask("SELECT COUNT(*) FROM cheap_entry") == [(1001,)]
    assert site.ask("SELECT COUNT(*) FROM cheap_property") == [(1000,)]
    assert site.ask("SELECT COUNT(*) FROM cheap_removal") == [(0,)]


def test_names_are_values(site: Site) -> None:
    """Whatever they hold, no table is hurt, and the names stand there as they were given."""
    dao = site.dao()
    bad = "'; DROP TABLE cheap_aspect; -- \" ` \\ %s :name ? 😀"
    definition = AspectDef(bad, [PropertyDef(bad, T.STRING)])
    catalog = new_catalog(
        dao,
        *map_of(definition, {A: {bad: bad}}, bad),
        *list_of(bad + "list", [A]),
        *directory_of(bad + "directory", {bad: A, bad * 500: B}),
    )
    dao.commit(catalog, [Append(bad + "list", [B])])
    assert dao.find_aspects(catalog, bad).items[0][bad] == bad
    assert site.ask("SELECT COUNT(*) FROM cheap_hierarchy WHERE name = ?", bad) == [(1,)]
    rows = site.ask("SELECT name FROM cheap_entry WHERE name IS NOT NULL ORDER BY position")
    assert [row[0] for row in rows] == [bad, bad * 500]
    assert site.tables() == {each.name for each in TABLES}


def test_letters_that_databases_like_to_merge(site: Site) -> None:
    dao = site.dao()
    keys = ["a", "A", "ä", "a\u0308", "x", "x ", "x\t", "ss", "ß", "😀", "😁"]
    catalog = new_catalog(dao, *directory_of("d", dict.fromkeys(keys, A)))
    for key in keys:
        new_catalog(dao, *list_of(key))
    rows = site.ask("SELECT name FROM cheap_entry ORDER BY position")
    assert [row[0] for row in rows] == keys
    assert dao.load_catalog(catalog)["d"].keys() == dict.fromkeys(keys).keys()  # type: ignore[attr-defined]
