"""Edits of indexes on properties, and their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import msgspec

from cheap.core import HierarchyType
from cheap.core.hierarchies.aspect_map import check_indexable
from cheap.db.commits.work import Work
from cheap.db.finding import index_keys
from cheap.db.rows import (
    CHUNK,
    HierarchyRow,
    number_of_property,
    packed_records,
)
from cheap.db.schema import PROPERTY


def create_index(work: Work, name: str, property_: str) -> None:
    """Index a property, and the records that are there."""
    found = work.hierarchy(name, HierarchyType.ASPECT_MAP)
    check_indexable(found.codec.definition, property_)
    if property_ in found.indexes:
        return
    changed = replace(found, indexes=(*found.indexes, property_))
    work.hierarchies[name] = changed
    store_indexes(work, changed)
    after = b""
    while found.number not in work.empty:
        params = work.at(found.number, after=after, limit=CHUNK)
        rows = work.session.rows(work.statements.scan_aspects, params)
        if not rows:
            return
        packed = packed_records(work.session, work.at(found.number), rows)
        index(work, found, packed, (property_,))
        after = rows[-1][0]


def drop_index(work: Work, name: str, property_: str) -> None:
    """Give up the index on a property."""
    found = work.hierarchy(name, HierarchyType.ASPECT_MAP)
    if property_ in found.indexes:
        kept = tuple(each for each in found.indexes if each != property_)
        work.hierarchies[name] = replace(found, indexes=kept)
        store_indexes(work, work.hierarchies[name])
        forget_index(work, found.number, property_)


def store_indexes(work: Work, hierarchy: HierarchyRow) -> None:
    """Write down which properties of a map are indexed."""
    document = msgspec.json.encode(hierarchy.indexes).decode()
    params = work.at(hierarchy.number, indexes=document)
    work.session.later(work.statements.set_indexes, params)


def forget_index(work: Work, number: int, property_: str) -> None:
    """Delete the rows of an index."""
    params = work.at(number, property=number_of_property(property_))
    work.session.run_all([work.statements.drop_index], params)


def index(
    work: Work, hierarchy: HierarchyRow, packed: Mapping[UUID, bytes], indexes: tuple[str, ...]
) -> None:
    """Write the rows of some indexes for some records."""
    codec, number = hierarchy.codec, hierarchy.number
    rows = [
        (work.id, number, property_, key, entity.bytes)
        for entity, document in packed.items()
        for property_, key in index_keys(hierarchy, codec.unpack(document), indexes)
    ]
    work.session.insert(PROPERTY, rows)
