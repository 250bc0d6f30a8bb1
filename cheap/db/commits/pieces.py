"""Records that lie, wholly or in part, in pieces."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from cheap.core import HierarchyType
from cheap.core.codecs import Codec
from cheap.core.values import LargeValue, not_held
from cheap.db.commits.work import Work
from cheap.db.large import PieceCutter, large_property
from cheap.db.rows import (
    HierarchyRow,
    id_of_value,
    packed_records,
)
from cheap.db.schema import ASPECT, PIECE
from cheap.errors import (
    InvalidValueError,
    MissingKeyError,
    ReadOnlyError,
)
from cheap.store import PIECE_SIZE


def stored(work: Work, number: int, entities: Iterable[UUID]) -> dict[UUID, bytes]:
    """Return the packed records of those entities that have one."""
    rows = work.asked(work.statements.get_aspects, number, [each.bytes for each in entities])
    return packed_records(work.session, work.at(number), rows)


def spill(
    work: Work,
    hierarchy: HierarchyRow,
    packed: Mapping[UUID, bytes],
    known: Mapping[bytes, tuple[int, int]] | None,
) -> dict[UUID, bytes | None]:
    """Sort out records that have, or had, something in pieces.

    Returns:
        The records that keep pieces: ``None`` for one that lies in pieces wholly, else the
        document, in which a LargeValue stands for what does.
    """
    codec = hierarchy.codec
    had: Collection[UUID] = packed if known is None else ()
    if known:
        had = [entity for entity in packed if known.get(entity.bytes, (0, 0))[1]]
    found: dict[UUID, bytes | None] = {}
    stubs: dict[UUID, dict[str, LargeValue]] = {}
    if codec.large:
        stubs = {
            entity: held
            for entity, document in packed.items()
            # An object inside of the record is a stub; looking for one byte is fast.
            if document.find(b"{", 1) > 0 and (held := large_values(codec, document))
        }
    if stubs:
        check_stubs(work, hierarchy, stubs)
    stale: list[bytes] = []
    for entity in had:
        kept = stubs.get(entity, {})
        stale += [
            id_of_value(entity.bytes, name) for name in ("", *codec.large) if name not in kept
        ]
    work.delete(work.statements.delete_pieces, hierarchy.number, stale)
    if not stubs and max(map(len, packed.values()), default=0) <= PIECE_SIZE:
        return found
    for entity, document in packed.items():
        if entity in stubs:
            found[entity] = document
        elif len(document) > PIECE_SIZE:
            write_pieces(work, hierarchy.number, id_of_value(entity.bytes, ""), document)
            found[entity] = None
    return found


def check_stubs(
    work: Work, hierarchy: HierarchyRow, stubs: Mapping[UUID, Mapping[str, LargeValue]]
) -> None:
    """Raise InvalidValueError when a LargeValue is not the one that is stored."""
    present = stored(work, hierarchy.number, stubs)
    for entity, held in stubs.items():
        old = large_values(hierarchy.codec, present[entity]) if entity in present else {}
        definition = hierarchy.codec.definition
        faults = [
            not_held(name, definition[name].type, value)
            for name, value in held.items()
            if old.get(name) != value
        ]
        if faults:
            raise InvalidValueError(hierarchy.name, faults, str(entity))


def write_pieces(work: Work, number: int, value_id: bytes, data: bytes) -> None:
    """Write a value that is held whole as pieces."""
    for i, start in enumerate(range(0, len(data), PIECE_SIZE)):
        row = (work.id, number, value_id, i, data[start : start + PIECE_SIZE])
        work.session.insert(PIECE, [row])


def write_large(
    work: Work, name: str, entity: UUID, property_: str, pieces: Iterable[bytes | str]
) -> LargeValue:
    """Write a CLOB or BLOB from pieces. See ``Store.write_value``."""
    known = work.hierarchies.get(name)
    if known is not None and known.type is not HierarchyType.ASPECT_MAP:
        # As for read_value. An edit of the wrong type is something else: here nobody made an edit.
        raise MissingKeyError(f"hierarchy {name!r} is not an aspect map")
    found = work.hierarchy(name, HierarchyType.ASPECT_MAP)
    codec, number = found.codec, found.number
    prop = large_property(codec, property_)
    if not (codec.definition.writable and prop.writable):
        raise ReadOnlyError(f"property {property_!r} of aspect {name!r} is not writable")
    present = stored(work, number, [entity])
    if entity not in present:
        raise MissingKeyError(f"no aspect {name!r} of entity {entity}")
    value_id = id_of_value(entity.bytes, property_)
    stale = [value_id, id_of_value(entity.bytes, "")]
    work.delete(work.statements.delete_pieces, number, stale)
    cutter = PieceCutter(name, prop, entity)
    for i, piece in enumerate(cutter.cut(pieces)):
        work.session.insert(PIECE, [(work.id, number, value_id, i, piece)])
    row = codec.unpack(present[entity])
    codec.put(row, property_, cutter.value)
    document = work.document(codec.encode(row))
    place = next(work.positions)
    work.session.upsert(
        ASPECT, [(work.id, number, place, entity.bytes, work.revision, 1, document)]
    )
    work.session.later(work.statements.touch_hierarchy, work.at(number, revision=True))
    return cutter.value


def large_values(codec: Codec, document: bytes) -> dict[str, LargeValue]:
    """Return the LargeValues of a packed record, by property."""
    row = codec.unpack(document)
    values = {name: codec.get(row, name) for name in codec.large}
    return {name: value for name, value in values.items() if isinstance(value, LargeValue)}
