"""Edits of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cheap.core import HierarchyType
from cheap.core.edits import (
    Splice,
)
from cheap.core.names import check_id
from cheap.db import positions
from cheap.db.commits.entries import take_out
from cheap.db.commits.work import Work
from cheap.db.rows import (
    HierarchyRow,
)
from cheap.db.schema import ENTRY
from cheap.errors import (
    ConflictError,
    InvalidEditError,
)

_LONGEST: Final = 2**62
"""No list is as long; databases count up to twice that."""


def append(work: Work, name: str, entities: Sequence[UUID]) -> None:
    """Append entities to a list."""
    found = work.hierarchy(name, HierarchyType.ENTITY_LIST)
    append_to(work, found, [check_id(each).bytes for each in entities])


def append_to(work: Work, hierarchy: HierarchyRow, entities: list[bytes]) -> None:
    """Append entities, given as bytes, to a list."""
    if entities:
        used = work.list_room.get(hierarchy.number, 0)
        places = positions.spread(work.revision, used, len(entities))
        work.list_room[hierarchy.number] = places[-1] - positions.first_position(work.revision)
        put_items(work, hierarchy, places, entities)


def put_items(
    work: Work, hierarchy: HierarchyRow, places: Sequence[int], entities: Sequence[bytes]
) -> None:
    """Write items of a list at some positions."""
    number = hierarchy.number
    work.session.insert(
        ENTRY,
        [
            (
                work.id,
                number,
                place,
                positions.item_of_position(place),
                work.revision,
                None,
                None,
                entity,
            )
            for place, entity in zip(places, entities, strict=True)
        ],
    )
    work.empty.discard(number)
    work.touched.add(number)
    work.written += len(places)


def splice(work: Work, edit: Splice) -> None:
    """Put entities into the place of some others of a list."""
    found = work.hierarchy(edit.hierarchy, HierarchyType.ENTITY_LIST)
    refuse_list(work, found)
    entities = [check_id(each).bytes for each in edit.insert]
    start, remove = edit.index, edit.remove
    if min(start, remove) < 0 or max(start, remove) > _LONGEST:
        raise outside(work, found, edit)
    # From the item before the place to the one behind what is taken out.
    offset = max(0, start - 1)
    params = work.at(found.number, limit=remove + (start > 0) + 1, offset=offset)
    rows = work.session.rows(work.statements.slice_list, params)
    before = rows[:1] if start > 0 else []
    doomed = rows[len(before) : len(before) + remove]
    if len(doomed) < remove or len(before) < (start > 0):
        raise outside(work, found, edit)
    behind = rows[len(before) + remove :]
    if doomed:
        items = [positions.item_of_position(row[0]) for row in doomed]
        take_out(work, found, items, dict.fromkeys(items))
    if not entities:
        return
    if not behind:
        append_to(work, found, entities)
        return
    low = before[0][0] if before else None
    places = positions.between(low, behind[0][0], len(entities))
    if places is None:
        make_room(work, found, behind[0][0], entities)
    else:
        put_items(work, found, places, entities)


def make_room(work: Work, hierarchy: HierarchyRow, behind: int, entities: list[bytes]) -> None:
    """Insert where two neighbours stand too close: spread them and more around them anew."""
    number = hierarchy.number
    size = 64
    while True:
        params = work.at(number, position=behind, limit=size)
        left = work.session.rows(work.statements.list_before, params)[::-1]
        right = work.session.rows(work.statements.list_from, params)
        moved = [*left, *right]
        low = left[0][0] - 1 if len(left) == size else None
        high = right[-1][0] + 1
        if len(right) < size:  # the end of the list: up to where this commit's numbers begin
            high = max(high, positions.first_position(work.revision))
        everything = [*(r[1] for r in left), *entities, *(r[1] for r in right)]
        places = positions.between(low, high, len(everything))
        if places is not None:
            break
        size *= 4
    items = [positions.item_of_position(row[0]) for row in moved]
    take_out(work, hierarchy, items, dict.fromkeys(items))
    put_items(work, hierarchy, places, everything)
    work.written -= 2 * len(moved)  # they only moved


def refuse_list(work: Work, hierarchy: HierarchyRow) -> None:
    """Raise ConflictError when somebody else changed the list: then its places have shifted."""
    if work.expect is None or hierarchy.revision <= work.expect:
        return
    for statement in (work.statements.changed_entries, work.statements.removed_entries):
        for revision in work.revisions_since(hierarchy.number, statement):
            if work.is_foreign(revision):
                raise ConflictError(f"list {hierarchy.name!r}", revision)


def outside(work: Work, hierarchy: HierarchyRow, edit: Splice) -> InvalidEditError:
    """Return the error for a splice outside of the list."""
    rows = work.session.rows(work.statements.count_list, work.at(hierarchy.number))
    return InvalidEditError(
        f"list {hierarchy.name!r} has {rows[0][0]} items: cannot take out {edit.remove} "
        f"from place {edit.index}"
    )
