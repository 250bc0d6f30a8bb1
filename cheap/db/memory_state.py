"""What the memory store keeps of a catalog, and how it is read.

A kept catalog is never changed once others can see it: a commit works on a copy and puts it in
the place of the old one (:mod:`cheap.db.memory_commit`). So half a commit is seen by nobody, and
taking one back is forgetting the copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast
from uuid import UUID

from cheap.core import (
    Aspect,
    AspectDef,
    AspectMap,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    Hierarchy,
    HierarchyType,
    LargeValue,
    Value,
)
from cheap.core.codecs import codec_of
from cheap.core.edits import Path
from cheap.core.names import check_id, check_name, is_storable_text
from cheap.errors import (
    Fault,
    InvalidEditError,
    InvalidValueError,
    MissingKeyError,
    NotReadableError,
)
from cheap.store import CatalogHeader, Change, ChangeKind, Entry

Key = UUID | str | Path | int
"""What an item is known by: an entity, a directory's key, a path, a place in a list."""


@dataclass(frozen=True, slots=True)
class Row:
    """One item: where it stands, who put it there, and an entity or a packed record."""

    place: int
    revision: int
    value: UUID | bytes | None


@dataclass(slots=True)
class Kept:
    """A hierarchy: items by key, tombstones by key, large values."""

    name: str
    type: HierarchyType
    number: int
    created: int
    revision: int
    indexes: dict[str, None] = field(default_factory=dict[str, None])
    rows: dict[Key, Row] = field(default_factory=dict[Key, Row])
    removals: dict[Key, Row] = field(default_factory=dict[Key, Row])
    large: dict[tuple[UUID, str], bytes] = field(default_factory=dict[tuple[UUID, str], bytes])
    next_place: int = 1

    def copy(self) -> Kept:
        """Return a copy that can be changed."""
        return replace(
            self,
            indexes=dict(self.indexes),
            rows=dict(self.rows),
            removals=dict(self.removals),
            large=dict(self.large),
        )

    def ordered(self) -> list[tuple[Key, Row]]:
        """Return the items in order; a tree's root is one of them when it has an entity."""
        found = sorted(self.rows.items(), key=lambda item: item[1].place)
        return [(key, row) for key, row in found if key != () or row.value is not None]

    def packed(self) -> dict[UUID, bytes]:
        """Return the packed records of an aspect map, in order."""
        return {
            key: row.value
            for key, row in self.ordered()
            if isinstance(key, UUID) and isinstance(row.value, bytes)
        }


@dataclass(frozen=True, slots=True)
class KeptDefinition:
    """A definition, and the revision that put it."""

    number: int
    revision: int
    definition: AspectDef


@dataclass(slots=True)
class KeptCatalog:
    """A catalog. Numbers keep the order of definitions and hierarchies."""

    header: CatalogHeader
    header_revision: int
    definitions: dict[str, KeptDefinition] = field(default_factory=dict[str, KeptDefinition])
    hierarchies: dict[str, Kept] = field(default_factory=dict[str, Kept])
    dropped: dict[str, Row] = field(default_factory=dict[str, Row])
    next_number: int = 1

    def copy(self) -> KeptCatalog:
        """Return a copy that can be changed, but for the hierarchies in it."""
        return replace(
            self,
            definitions=dict(self.definitions),
            hierarchies=dict(self.hierarchies),
            dropped=dict(self.dropped),
        )

    def number(self) -> int:
        """Return the next number."""
        self.next_number += 1
        return self.next_number


def find_hierarchy(kept: KeptCatalog, name: str) -> Kept:
    """Return a hierarchy; MissingKeyError when there is none."""
    try:
        return kept.hierarchies[check_name(name, "hierarchy")]
    except KeyError:
        raise MissingKeyError(
            f"catalog has no hierarchy {name!r}; it has {list(kept.hierarchies)}"
        ) from None


def find_map(kept: KeptCatalog, name: str) -> Kept:
    """Return an aspect map; MissingKeyError when there is none of this name."""
    hierarchy = find_hierarchy(kept, name)
    if hierarchy.type is not HierarchyType.ASPECT_MAP:
        raise MissingKeyError(f"hierarchy {name!r} is {hierarchy.type.name}, no aspect map")
    return hierarchy


def readable_definition(kept: KeptCatalog, name: str) -> AspectDef:
    """Return the definition of an aspect map; NotReadableError when it hides its records."""
    find_map(kept, name)
    definition = kept.definitions[name].definition
    if not definition.readable:
        raise NotReadableError(f"aspect {name!r} is not readable")
    return definition


def aspect_of(definition: AspectDef, entity: UUID, packed: bytes) -> Aspect:
    """Return a packed record as an aspect."""
    codec = codec_of(definition)
    return Aspect.from_row(codec, codec.unpack(packed), None, entity, packed)


def load_hierarchy(kept: KeptCatalog, hierarchy: Kept) -> Hierarchy:
    """Return a hierarchy as a collection."""
    name, rows = hierarchy.name, hierarchy.ordered()
    entities = [row.value for _, row in rows if isinstance(row.value, UUID)]
    match hierarchy.type:
        case HierarchyType.ENTITY_LIST:
            return EntityList(name, entities)
        case HierarchyType.ENTITY_SET:
            return EntitySet(name, entities)
        case HierarchyType.ENTITY_DIR:
            keys = [key for key, _ in rows if isinstance(key, str)]
            return EntityDirectory(name, dict(zip(keys, entities, strict=True)))
        case HierarchyType.ENTITY_TREE:
            tree = EntityTree(name)
            for key, row in rows:
                assert isinstance(key, tuple)
                assert not isinstance(row.value, bytes)
                tree[key] = row.value
            return tree
        case HierarchyType.ASPECT_MAP:
            definition = kept.definitions[name].definition
            made = AspectMap.of_packed(definition, hierarchy.packed())
            made.note_indexes(hierarchy.indexes)
            return made


def entry_of(kept: KeptCatalog, hierarchy: Kept, key: Key, row: Row) -> Entry:
    """Return an item as it is read."""
    value = row.value
    if isinstance(value, bytes):
        assert isinstance(key, UUID)
        definition = kept.definitions[hierarchy.name].definition
        return Entry(None, key, aspect_of(definition, key, value))
    return Entry(key if isinstance(key, (str, tuple)) else None, value)


def changes_of(kept: KeptCatalog) -> Iterator[tuple[tuple[int, int, int], Change]]:
    """Yield all that the catalog knows of its past, with its rank within the revision."""
    header, at = kept.header, kept.header_revision
    yield (0, 0, 0), Change(at, ChangeKind.HEADER, False, None, None, header)
    kind = ChangeKind.HIERARCHY
    for name, row in kept.dropped.items():
        yield (1, row.place, 0), Change(row.revision, kind, True, name, None, None)
    for name, known in kept.definitions.items():
        value = known.definition
        change = Change(known.revision, ChangeKind.DEFINITION, False, name, None, value)
        yield (2, known.number, 0), change
    for name, each in kept.hierarchies.items():
        yield (3, each.number, 0), Change(each.created, kind, False, name, None, each.type)
        for rank, change in _item_changes(kept, each):
            yield rank, change


def _item_changes(
    kept: KeptCatalog, hierarchy: Kept
) -> Iterator[tuple[tuple[int, int, int], Change]]:
    name, number = hierarchy.name, hierarchy.number
    put, kind = 5, ChangeKind.ITEM
    if hierarchy.type is HierarchyType.ASPECT_MAP:
        put, kind = 6, ChangeKind.ASPECT
    for key, row in hierarchy.removals.items():
        yield (4, number, row.place), Change(row.revision, kind, True, name, key, None)
    for key, row in hierarchy.rows.items():
        entry = entry_of(kept, hierarchy, key, row)
        value = entry.entity if entry.aspect is None else entry.aspect
        yield (put, number, row.place), Change(row.revision, kind, False, name, key, value)


# --- large values -----------------------------------------------------------------------------


def stub_for(data: bytes) -> LargeValue:
    """Return what stands for a large value in its record."""
    return LargeValue(len(data), hashlib.blake2b(data, digest_size=16).hexdigest())


def large_value(kept: KeptCatalog, name: str, entity: UUID, property: str) -> Value:
    """Return the CLOB or BLOB of a record, or what stands for it."""
    prop = readable_definition(kept, name)[property]
    if not prop.type.is_large or prop.multivalued:
        raise InvalidEditError(
            f"property {property!r} of aspect {name!r} is no single CLOB or BLOB"
        )
    packed = find_map(kept, name).packed()
    if check_id(entity) not in packed:
        raise MissingKeyError(f"no aspect {name!r} of entity {entity}")
    return aspect_of(readable_definition(kept, name), entity, packed[entity])[property]


def checked_piece(name: str, entity: UUID, property: str, kind: type, piece: object) -> bytes:
    """Return a piece of a large value as bytes, if it is of the right kind."""
    if kind is str and isinstance(piece, str) and is_storable_text(piece):
        return piece.encode()
    if kind is bytes and isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(cast(bytes, piece))
    expected = "text without NUL and lone surrogates" if kind is str else "bytes"
    fault = Fault(property, f"pieces of {expected}", repr(piece)[:60])
    raise InvalidValueError(name, [fault], str(entity))
