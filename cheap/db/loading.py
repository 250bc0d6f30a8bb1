"""Rows become collections: a hierarchy whole, or a page of it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from uuid import UUID

from cheap.core import (
    AspectMap,
    Catalog,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    HierarchyType,
    Node,
)
from cheap.core.names import id_from_bytes, ids_from_bytes
from cheap.db.adapter import Row, Session
from cheap.db.rows import (
    ROOT,
    HierarchyRow,
    Paths,
    as_text,
    packed_parts,
)
from cheap.store import (
    Entry,
)


def load_hierarchy(session: Session, catalog: Catalog, found: HierarchyRow) -> None:
    """Load one hierarchy into a catalog."""
    place = {"catalog_id": catalog.global_id.bytes, "hierarchy": found.number}
    if found.type is HierarchyType.ASPECT_MAP:
        packed = packed_parts(session, place, session.statements.load_aspects)
        made = AspectMap.of_packed(found.codec.definition, packed)
        made.note_indexes(found.indexes)
        catalog.add_hierarchy(made)
        return
    rows = session.rows(session.statements.load_entries, place)
    match found.type:
        case HierarchyType.ENTITY_LIST:
            catalog.add_hierarchy(EntityList(found.name, entities_in(rows)))
        case HierarchyType.ENTITY_SET:
            catalog.add_hierarchy(EntitySet(found.name, entities_in(rows)))
        case HierarchyType.ENTITY_DIR:
            keys = [as_text(row[3]) for row in rows]
            entries = dict(zip(keys, entities_in(rows), strict=True))
            catalog.add_hierarchy(EntityDirectory(found.name, entries))
        case HierarchyType.ENTITY_TREE:
            tree = EntityTree(found.name)
            grow(tree, rows)
            catalog.add_hierarchy(tree)


def entities_in(rows: Sequence[Row]) -> list[UUID]:
    """Return the entities in rows of items that each have one."""
    return ids_from_bytes([row[4] for row in rows])


def grow(tree: EntityTree, rows: Sequence[Row]) -> None:
    """Fill a tree from rows in which parents come before their children."""
    nodes: dict[bytes, Node] = {ROOT: tree.root}
    for _, item, parent, name, entity in rows:
        value = None if entity is None else id_from_bytes(entity)
        if parent is None:
            tree.root.entity = value
        else:
            nodes[item] = nodes[parent].attach(as_text(name), value)


def entries_in(
    session: Session, place: dict[str, object], kind: HierarchyType, rows: Sequence[Row]
) -> tuple[Entry, ...]:
    """Return rows of items as the entries of a page."""
    entities = [None if row[4] is None else id_from_bytes(row[4]) for row in rows]
    if kind is HierarchyType.ENTITY_DIR:
        return tuple(
            Entry(as_text(row[3]), entity) for row, entity in zip(rows, entities, strict=True)
        )
    if kind is HierarchyType.ENTITY_TREE:
        paths = Paths(session, place)
        paths.note(rows)
        return tuple(
            Entry(paths.of(row[1]), entity) for row, entity in zip(rows, entities, strict=True)
        )
    return tuple(Entry(None, entity) for entity in entities)


_held = 0
_held_lock = threading.Lock()


@contextmanager
def gc_held() -> Generator[None]:
    """Hold the garbage collector off: it doubles the time of a large load, and finds nothing."""
    global _held
    with _held_lock:
        if _held == 0 and not gc.isenabled():
            was_on = False
        else:
            was_on = True
            gc.disable()
            _held += 1
    try:
        yield
    finally:
        if was_on:
            with _held_lock:
                _held -= 1
                if _held == 0:
                    gc.enable()
