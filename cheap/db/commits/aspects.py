"""Edits of aspect maps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from cheap.core import HierarchyType
from cheap.core.codecs import Codec
from cheap.core.hierarchies.aspect_map import AspectMap
from cheap.core.names import check_id
from cheap.core.records import pack_records
from cheap.db.adapter import FEW, Row
from cheap.db.commits.indexes import index
from cheap.db.commits.pieces import spill, stored
from cheap.db.commits.work import Work
from cheap.db.rows import (
    HierarchyRow,
    id_of_value,
)
from cheap.db.schema import ASPECT
from cheap.errors import (
    ConflictError,
    ReadOnlyError,
)


def put_aspects(work: Work, name: str, aspects: Mapping[UUID, object]) -> None:
    """Put whole records into an aspect map."""
    found = work.hierarchy(name, HierarchyType.ASPECT_MAP)
    codec = found.codec
    packed = pack_all(aspects, codec)
    if not packed:
        return
    if not codec.definition.writable and not work.privileged:
        raise ReadOnlyError(f"aspect {name!r} is not writable")
    known: dict[bytes, tuple[int, int]] | None = {}
    unseen = work.expect is None and not codec.fixed and work.session.is_remote
    if unseen and len(packed) <= FEW:
        known = None  # nothing to compare with: to put them unseen is faster than to look first
    elif found.number not in work.empty:
        rows = known_rows(work, found.number, packed)
        known = {entity: (revision, pieces) for entity, revision, pieces in rows}
        refuse_changed(work, found, packed, known)
        if codec.fixed and known and not work.privileged:
            refuse_fixed(work, found, packed)
    write_aspects(work, found, packed, known)
    work.empty.discard(found.number)
    work.touched.add(found.number)
    work.written += len(packed)


def known_rows(work: Work, number: int, entities: Collection[UUID]) -> list[Row]:
    """Rows of (entity, revision, pieces) of those records that are there."""
    if len(entities) == 1:
        place = work.at(number, entity=next(iter(entities)).bytes)
        return work.session.rows(work.statements.known_aspect, place)
    ids = [each.bytes for each in entities]
    return work.asked(work.statements.known_aspects, number, ids)


def refuse_changed(
    work: Work,
    hierarchy: HierarchyRow,
    entities: Iterable[UUID],
    known: Mapping[bytes, tuple[int, int]],
) -> None:
    """Raise ConflictError when somebody else changed or removed one of the records since."""
    if work.expect is None:
        return
    what = f"aspect {hierarchy.name!r} of "
    gone: dict[bytes, str] = {}
    for entity in entities:
        row = known.get(entity.bytes)
        if row is None:
            gone[entity.bytes] = what + str(entity)
        elif work.is_foreign(row[0]):
            raise ConflictError(what + str(entity), row[0])
    work.refuse_removed(hierarchy.number, gone)


def refuse_fixed(work: Work, hierarchy: HierarchyRow, packed: Mapping[UUID, bytes]) -> None:
    """Raise ReadOnlyError when a property that is not writable would change."""
    codec = hierarchy.codec
    for entity, old in stored(work, hierarchy.number, packed).items():
        fixed = codec.changed_fixed(old, packed[entity])
        if fixed is not None:
            raise ReadOnlyError(f"property {fixed!r} of aspect {hierarchy.name!r} is not writable")


def write_aspects(
    work: Work,
    hierarchy: HierarchyRow,
    packed: Mapping[UUID, bytes],
    known: Mapping[bytes, tuple[int, int]] | None,
) -> None:
    """Write records; ``known`` are the rows that are there (``None``: any may be)."""
    number, revision, catalog = hierarchy.number, work.revision, work.id
    with_pieces = spill(work, hierarchy, packed, known)
    kept: Mapping[UUID, bytes | None] = {**packed, **with_pieces} if with_pieces else packed
    rows: list[Row] = [
        (catalog, number, position, entity.bytes, revision, 0, document)
        for (entity, document), position in zip(kept.items(), work.positions, strict=False)
    ]
    if with_pieces:
        rows = [
            (*row[:5], int(entity in with_pieces), row[6])
            for entity, row in zip(kept, rows, strict=True)
        ]
    fresh = present = rows
    if known:
        fresh = [row for row in rows if row[3] not in known]
        present = [row for row in rows if row[3] in known]
    elif known is None:
        fresh = []
    else:
        present = []
    if fresh:
        work.session.insert(ASPECT, fresh)
    if present:
        work.session.upsert(ASPECT, present)
    if hierarchy.indexes:
        if present:
            work.delete(work.statements.unindex_aspects, number, [row[3] for row in present])
        index(work, hierarchy, packed, hierarchy.indexes)


def remove_aspects(work: Work, name: str, entities: Iterable[UUID]) -> None:
    """Remove records from an aspect map."""
    found = work.hierarchy(name, HierarchyType.ASPECT_MAP)
    codec, number = found.codec, found.number
    wanted = {check_id(each).bytes: each for each in entities}
    if wanted and not codec.definition.writable and not work.privileged:
        raise ReadOnlyError(f"aspect {name!r} is not writable")
    rows = work.asked(work.statements.known_aspects, number, wanted)
    for entity, revision, _ in rows:
        if work.is_foreign(revision):
            raise ConflictError(f"aspect {name!r} of {wanted[entity]}", revision)
    if not rows:
        return
    keys = [row[0] for row in rows]
    work.delete(work.statements.delete_aspects, number, keys)
    if found.indexes:
        work.delete(work.statements.unindex_aspects, number, keys)
    stale = [id_of_value(row[0], each) for row in rows if row[2] for each in ("", *codec.large)]
    work.delete(work.statements.delete_pieces, number, stale)
    work.bury(number, dict.fromkeys(keys))
    work.touched.add(number)
    work.written += len(rows)


def pack_all(aspects: Mapping[UUID, object], codec: Codec) -> dict[UUID, bytes]:
    """Check and pack records; a map of the same definition has done so already."""
    if isinstance(aspects, AspectMap) and aspects.aspect_def == codec.definition:
        return aspects.packed()
    return pack_records(aspects, codec)
