"""Definitions, entities and catalogs that many scenarios use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

from cheap.core import (
    Aspect,
    AspectDef,
    Catalog,
    CatalogSpecies,
    HierarchyType,
    PropertyDef,
    PropertyType,
    Value,
)
from cheap.core.edits import (
    AddMembers,
    Append,
    CreateHierarchy,
    Edit,
    PutAspects,
    PutDefinition,
    PutEntries,
    PutNodes,
)
from cheap.store import Change, ChangeKind, Entry, Store

T = PropertyType
LIST, SET, DIRECTORY, TREE, MAP = (
    HierarchyType.ENTITY_LIST,
    HierarchyType.ENTITY_SET,
    HierarchyType.ENTITY_DIR,
    HierarchyType.ENTITY_TREE,
    HierarchyType.ASPECT_MAP,
)


def entities(count: int, start: int = 0) -> list[UUID]:
    """Ids that do not sort in the order of the list, so that no store can cheat."""
    return [
        UUID(int=(i * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)
        for i in range(start + 1, start + count + 1)
    ]


A, B, C, D, E = entities(5)

PERSON = AspectDef(
    "com.example.person",
    [
        PropertyDef("name", T.STRING, nullable=False),
        PropertyDef("age", T.INTEGER),
        PropertyDef("tags", T.STRING, multivalued=True),
    ],
)
NOTE = AspectDef(
    "note",
    [
        PropertyDef("title", T.STRING, default="untitled"),
        PropertyDef("text", T.CLOB),
        PropertyDef("data", T.BLOB),
        PropertyDef("parts", T.CLOB, multivalued=True),
    ],
)
OPEN = AspectDef("open", [PropertyDef("name", T.STRING)], can_add_properties=True)
EVERYTHING = AspectDef(
    "every type",
    [PropertyDef(kind.value, kind) for kind in T]
    + [PropertyDef(f"{kind.value}s", kind, multivalued=True) for kind in T],
)

SAMPLES: Mapping[PropertyType, Sequence[Value]] = {
    T.INTEGER: (0, 1, -1, 2**63 - 1, -(2**63), 10**15),
    T.FLOAT: (0.0, 1.5, -1.5, 5e-324, 1.7976931348623157e308, 0.1, 1e22, 123456789.123456789),
    T.BOOLEAN: (True, False),
    T.STRING: (
        "",
        "a",
        "Ä",
        "x ",
        "'; DROP TABLE cheap_aspect; --",
        "😀",
        '\x01\x7f\n\t\\"',
        "ß" * 8192,
    ),
    T.TEXT: ("", "  ", "line\r\nline", "\u2028\u202e", "z" * 70_000, "😀" * 20_000),
    T.BIG_INTEGER: (0, -1, 2**63, -(2**64), 10**400, 7),
    T.BIG_DECIMAL: (
        Decimal("1.5"),
        Decimal("1.50"),
        Decimal("-0"),
        Decimal("1E+400"),
        Decimal("-1E-400"),
        Decimal("3." + "1" * 400),
    ),
    T.DATE_TIME: (
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 29, 2, 30, 0, 1, tzinfo=UTC),
        datetime(1969, 7, 20, 20, 17, 40, tzinfo=UTC),
    ),
    T.URI: ("", "https://example.com/a?b=c#d", "urn:isbn:0451450523", "a/b", "//h", "mailto:a@b.c"),
    T.UUID: (UUID(int=0), UUID(int=2**128 - 1), A),
    T.CLOB: ("", "clob", "ä" * 50_000),
    T.BLOB: (b"", b"\0", bytes(range(256)), b"\xff" * 70_000),
}
"""Values that some database or driver is known to trip over, in their canonical form."""

ODD_MOMENT = datetime(2026, 3, 29, 4, 30, 0, 1, tzinfo=timezone(timedelta(hours=2)))
"""The third DateTime above, told by a clock two hours east."""

ODD_NAMES = (
    "'",
    '"',
    "`",
    ";",
    "'; DROP TABLE cheap_catalog; --",
    "%s %(name)s :name ? $1 {0}",
    "\\",
    "😀",
    "a",
    "A",
    "ä",
    "a\u0308",  # the same letter in two code points
    "å",
    "ß",
    "ss",
    "x",
    "x ",
    " x",
    "x\t",
    "a/b",
    "a.b",
    "[0]",
    "$.a",
    "+",
    "~a",
    "\x01",
    "\x7f",
    "\u2028",
    "null",
    "n" * 255,
    "😀" * 255,
)
"""Names that are all different, whatever a database thinks of them."""


def new_catalog(store: Store, *edits: Edit, species: CatalogSpecies = CatalogSpecies.SINK) -> UUID:
    """Create a catalog from edits and return its id."""
    return store.create_catalog(species=species, edits=edits).catalog_id


def map_of(
    definition: AspectDef, aspects: Mapping[UUID, object] | None = None, *indexes: str
) -> list[Edit]:
    """Return the edits that make an aspect map."""
    create = CreateHierarchy(definition.name, MAP, indexes)
    return [PutDefinition(definition), create, PutAspects(definition.name, aspects or {})]


def list_of(name: str, items: Iterable[UUID] = ()) -> list[Edit]:
    return [CreateHierarchy(name, LIST), Append(name, tuple(items))]


def set_of(name: str, items: Iterable[UUID] = ()) -> list[Edit]:
    return [CreateHierarchy(name, SET), AddMembers(name, tuple(items))]


def directory_of(name: str, entries: Mapping[str, UUID] | None = None) -> list[Edit]:
    return [CreateHierarchy(name, DIRECTORY), PutEntries(name, entries or {})]


def tree_of(name: str, nodes: Mapping[tuple[str, ...], UUID | None] | None = None) -> list[Edit]:
    return [CreateHierarchy(name, TREE), PutNodes(name, nodes or {})]


def one_of_each() -> list[Edit]:
    """Edits that make a small hierarchy of each kind, called by its kind."""
    return [
        *list_of("list", [A, B, A]),
        *set_of("set", [B, A]),
        *directory_of("directory", {"b": B, "a": A}),
        *tree_of("tree", {("x",): A, ("x", "y"): None, ("z",): B}),
        *map_of(PERSON, {B: {"name": "Bob"}, A: {"name": "Alice", "age": 30}}),
    ]


def full_catalog(species: CatalogSpecies = CatalogSpecies.SINK) -> Catalog:
    """A catalog with content of every kind."""
    catalog = Catalog(species=species, version="2.1.0-beta", uri="https://example.com/full")
    people = catalog.define(PERSON, indexes=["age"])
    people[C] = {"name": "Carol", "age": None, "tags": ["x", "", "x"]}
    people[A] = {"name": "Alice", "age": 30}
    people[B] = {"name": "Bob", "tags": []}
    records = catalog.define(EVERYTHING)
    for entity, record in sample_records().items():
        records[entity] = record
    extras = catalog.define(OPEN)
    extras[A] = {"name": "a", "height": 1.5, "born": ODD_MOMENT, "big": 2**70, "list": [1, 2]}
    extras[B] = {}
    catalog.create_list("queue", [A, B, A, C])
    catalog.create_list("nothing")
    catalog.create_set("staff", [C, A])
    catalog.create_directory("by code", {"c": C, "": A, "C": A, "a/b": B})
    tree = catalog.create_tree("folders", {(): E, ("z", "b"): None, ("z", "a"): A, ("a",): B})
    tree["", "", ""] = C
    tree["a/b", "😀"] = None
    return catalog


def sample_records() -> dict[UUID, dict[str, Value]]:
    """Records with each of the samples, alone and in a list, one of nulls, one of nothing."""
    longest = max(map(len, SAMPLES.values()))
    ids = entities(longest + 2, start=100)
    records: dict[UUID, dict[str, Value]] = {
        entity: {kind.value: values[i % len(values)] for kind, values in SAMPLES.items()}
        for i, entity in enumerate(ids[:longest])
    }
    for kind, values in SAMPLES.items():
        records[ids[0]][f"{kind.value}s"] = tuple(values)
        records[ids[1]][f"{kind.value}s"] = ()
    records[ids[longest]] = {prop.name: None for prop in EVERYTHING.properties}
    records[ids[longest + 1]] = {}
    return records


# --- reading --------------------------------------------------------------------------------


def contents(store: Store, catalog_id: UUID, name: str) -> list[Entry]:
    """All entries of a hierarchy."""
    return list(store.iter_hierarchy(catalog_id, name, page_size=5000))


def items(store: Store, catalog_id: UUID, name: str) -> list[UUID | None]:
    """The entities of a hierarchy, in order."""
    return [each.entity for each in contents(store, catalog_id, name)]


def keyed(store: Store, catalog_id: UUID, name: str) -> list[tuple[object, UUID | None]]:
    """The keys or paths of a hierarchy with their entities, in order."""
    return [(each.key, each.entity) for each in contents(store, catalog_id, name)]


def records(store: Store, catalog_id: UUID, name: str) -> list[tuple[UUID | None, Aspect]]:
    """The records of an aspect map, in order."""
    found = contents(store, catalog_id, name)
    return [(each.entity, each.aspect) for each in found if each.aspect is not None]


def values(aspect: Aspect) -> list[tuple[str, Value, type]]:
    """What an aspect holds, with types: 1 is not True and not 1.0, 1.5 is not 1.50."""
    return [(name, value, type(value)) for name, value in aspect.set_values().items()]


def revision_of(store: Store, catalog_id: UUID) -> int:
    return store.get_catalog(catalog_id).revision


def changes_since(store: Store, catalog_id: UUID, since: int = 0) -> list[Change]:
    return list(store.iter_changes(catalog_id, since))


def told(change: Change) -> tuple[object, ...]:
    """A change without its value, in few words."""
    word = "removed" if change.removed else "put"
    if change.kind is ChangeKind.HEADER:
        return change.revision, "header"
    return change.revision, word, change.kind.value, change.hierarchy, change.key
