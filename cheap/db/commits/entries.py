"""Edits of sets and directories; rows of items of any kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from cheap.core import HierarchyType
from cheap.core.names import check_id, check_key
from cheap.db import positions
from cheap.db.commits.work import Work
from cheap.db.rows import (
    HierarchyRow,
    item_of_key,
)
from cheap.db.schema import ENTRY
from cheap.errors import (
    ConflictError,
)


def add_members(work: Work, name: str, entities: Iterable[UUID]) -> None:
    """Add entities to a set."""
    found = work.hierarchy(name, HierarchyType.ENTITY_SET)
    wanted = {check_id(each).bytes: f"member {each} of {name!r}" for each in entities}
    for row in work.asked(work.statements.get_entries, found.number, wanted):
        del wanted[row[1]]
    work.refuse_removed(found.number, wanted)
    add_entries(work, found, [(item, None, None, item) for item in wanted])


def put_entries(work: Work, name: str, entries: Mapping[str, UUID]) -> None:
    """Put entries into a directory."""
    found = work.hierarchy(name, HierarchyType.ENTITY_DIR)
    wanted: dict[bytes, tuple[str, bytes]] = {}
    for key, entity in entries.items():
        check_key(key, "directory key")
        wanted[item_of_key(key)] = (key, check_id(entity).bytes)
    names = {item: f"key {key!r} of {name!r}" for item, (key, _) in wanted.items()}
    present = refuse_entries(work, found.number, names)
    add_entries(
        work,
        found,
        [(item, None, key, entity) for item, (key, entity) in wanted.items()],
        present,
    )


def refuse_entries(work: Work, number: int, names: Mapping[bytes, str]) -> set[bytes]:
    """Return which items are there; raise ConflictError when somebody else changed one."""
    present: set[bytes] = set()
    for row in work.asked(work.statements.get_entries, number, names):
        item, revision = row[1], row[5]
        present.add(item)
        if work.is_foreign(revision):
            raise ConflictError(names[item], revision)
    gone = {item: what for item, what in names.items() if item not in present}
    work.refuse_removed(number, gone)
    return present


def add_entries(
    work: Work,
    hierarchy: HierarchyRow,
    entries: Sequence[tuple[bytes, bytes | None, str | None, bytes | None]],
    present: Collection[bytes] = (),
    front: bytes | None = None,
) -> None:
    """Write rows of (item, parent, name, entity); those present keep their place.

    Args:
        work: the commit.
        hierarchy: where.
        entries: the rows.
        present: items that are there.
        front: an item that comes before all others, whenever it is written.
    """
    if not entries:
        return
    number = hierarchy.number
    rows = [
        (
            work.id,
            number,
            positions.FRONT if item == front else next(work.positions),
            item,
            work.revision,
            parent,
            name,
            entity,
        )
        for item, parent, name, entity in entries
    ]
    fresh = [row for row in rows if row[3] not in present]
    if fresh:
        work.session.insert(ENTRY, fresh)
    if len(fresh) < len(rows):
        work.session.upsert(ENTRY, [row for row in rows if row[3] in present])
    work.empty.discard(number)
    work.touched.add(number)
    work.written += len(rows)


def remove_entries(
    work: Work, hierarchy: HierarchyRow, wanted: Mapping[bytes, tuple[str | None, str]]
) -> None:
    """Remove items, given as item → (name for the tombstone, words for the conflict)."""
    rows = work.asked(work.statements.get_entries, hierarchy.number, wanted)
    for row in rows:
        if work.is_foreign(row[5]):
            raise ConflictError(wanted[row[1]][1], row[5])
    take_out(work, hierarchy, [row[1] for row in rows], {r[1]: wanted[r[1]][0] for r in rows})


def take_out(
    work: Work, hierarchy: HierarchyRow, items: Sequence[bytes], buried: Mapping[bytes, str | None]
) -> None:
    """Delete rows of items and leave tombstones for some of them."""
    if items:
        work.delete(work.statements.delete_entries, hierarchy.number, items)
        work.bury(hierarchy.number, buried)
        work.touched.add(hierarchy.number)
        work.written += len(items)
