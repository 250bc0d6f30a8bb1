"""Edits of the header, of definitions and of hierarchies themselves."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import msgspec

from cheap.core import AspectDef, HierarchyType
from cheap.core.codecs import codec_of
from cheap.core.edits import (
    CreateHierarchy,
    SetHeader,
)
from cheap.core.hierarchies.aspect_map import check_indexable, is_indexable
from cheap.core.names import check_label, check_name
from cheap.db.commits.aspects import write_aspects
from cheap.db.commits.indexes import forget_index, index, store_indexes
from cheap.db.commits.work import Work
from cheap.db.positions import new_number
from cheap.db.rows import (
    CHUNK,
    HierarchyRow,
    as_bytes,
    definition_of,
    document_of,
    item_of_key,
    missing_hierarchy,
    packed_records,
)
from cheap.db.schema import DEFINITION, HIERARCHY
from cheap.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidEditError,
    MissingKeyError,
)


def set_header(work: Work, edit: SetHeader) -> None:
    """Change the catalog's labels."""
    if work.is_foreign(work.header_revision):
        raise ConflictError("the header", work.header_revision)
    version, uri = work.labels
    if edit.version is not None:
        version = check_label(edit.version, "version")
    if edit.uri is not None:
        uri = check_label(edit.uri, "uri") or None
    work.labels = (version, uri)
    work.session.later(
        work.statements.set_header,
        {**work.catalog, "version": version, "uri": uri, "revision": work.revision},
    )


def put_definition(work: Work, definition: AspectDef) -> None:
    """Add a definition, or put it in the place of its namesake."""
    if not isinstance(definition, AspectDef):
        raise InvalidEditError(f"expected an AspectDef, got {type(definition).__name__}")
    name = definition.name
    hierarchy = work.hierarchies.get(name)
    if hierarchy is not None and hierarchy.type is not HierarchyType.ASPECT_MAP:
        raise AlreadyExistsError(f"a hierarchy is named {name!r} already")
    rows = work.session.rows(work.statements.get_definition, {**work.catalog, "name": name})
    document = document_of(definition)
    if rows:
        if definition_of(as_bytes(rows[0][1])) == definition:
            return
        if work.is_foreign(rows[0][2]):
            raise ConflictError(f"definition {name!r}", rows[0][2])
    row = (work.id, name, next(work.positions), work.revision, work.document(document))
    work.session.upsert(DEFINITION, [row])
    if hierarchy is not None:
        redefine(work, hierarchy, definition)


def redefine(work: Work, hierarchy: HierarchyRow, definition: AspectDef) -> None:
    """Bring the stored records of a map under a new definition.

    Raises:
        ConflictError: somebody else wrote one that would be rewritten, and so look like ours.
    """
    number = hierarchy.number
    old, new = hierarchy.codec, codec_of(definition)
    kept = tuple(each for each in hierarchy.indexes if is_indexable(definition, each))
    for each in hierarchy.indexes:  # another type or default gives other sort keys
        forget_index(work, number, each)
    # A number stands for one definition: see the schema.
    renumbered = new_number()
    params = {**work.at(number), "number": renumbered}
    work.session.run_all(work.statements.renumber, params)
    if number in work.empty:
        work.empty.add(renumbered)
    number = renumbered
    changed = replace(hierarchy, number=number, definition=definition, indexes=kept)
    work.hierarchies[hierarchy.name] = changed
    work.session.later(work.statements.touch_hierarchy, work.at(number, revision=True))
    if kept != hierarchy.indexes:
        store_indexes(work, changed)
    after = b""
    while True:
        params = work.at(number, after=after, limit=CHUNK)
        rows = work.session.rows(work.statements.scan_aspects, params)
        if not rows:
            return
        packed = packed_records(work.session, work.at(number), rows)
        again: dict[UUID, bytes] = {}
        for (entity, document), row in zip(packed.items(), rows, strict=True):
            fresh = new.repack(document, old, entity)
            if fresh != document:
                if work.is_foreign(row[2]):
                    raise ConflictError(f"aspect {hierarchy.name!r} of {entity}", row[2])
                again[entity] = fresh
        write_aspects(work, replace(changed, indexes=()), again, known=None)
        if kept:
            index(work, changed, packed | again, kept)
        after = rows[-1][0]


def create_hierarchy(work: Work, edit: CreateHierarchy) -> None:
    """Create an empty hierarchy."""
    name = check_name(edit.name, "hierarchy")
    if not isinstance(edit.type, HierarchyType):
        raise InvalidEditError(f"expected a HierarchyType, got {edit.type!r}")
    if name in work.hierarchies:
        raise AlreadyExistsError(f"a hierarchy is named {name!r} already")
    rows = work.session.rows(work.statements.get_definition, {**work.catalog, "name": name})
    definition: AspectDef | None = None
    if edit.type is HierarchyType.ASPECT_MAP:
        if not rows:
            raise MissingKeyError(f"catalog has no aspect definition {name!r}: add it first")
        definition = definition_of(as_bytes(rows[0][1]))
        for each in edit.indexes:
            check_indexable(definition, each)
    elif rows:
        raise AlreadyExistsError(f"an aspect definition is named {name!r} already")
    elif edit.indexes:
        raise InvalidEditError(f"hierarchy {name!r}: only an aspect map has indexes")
    found = HierarchyRow(
        new_number(),
        name,
        edit.type,
        work.revision,
        work.revision,
        tuple(dict.fromkeys(edit.indexes)),
        definition,
    )
    work.session.insert(
        HIERARCHY,
        [
            (
                work.id,
                found.number,
                name,
                edit.type.value,
                next(work.positions),
                work.revision,
                work.revision,
                work.document(msgspec.json.encode(found.indexes)),
            )
        ],
    )
    work.hierarchies[name] = found
    work.empty.add(found.number)
    work.created.add(found.number)


def drop_definition(work: Work, name: str) -> None:
    """Remove a definition that has no aspect map."""
    if name in work.hierarchies:
        raise InvalidEditError(f"definition {name!r} is in use: drop its aspect map")
    rows = work.session.rows(work.statements.get_definition, {**work.catalog, "name": name})
    if rows and work.is_foreign(rows[0][2]):
        raise ConflictError(f"definition {name!r}", rows[0][2])
    work.session.later(work.statements.delete_definition, {**work.catalog, "name": name})


def drop_hierarchy(work: Work, name: str) -> None:
    """Remove a hierarchy, all that is in it, and the definition of an aspect map."""
    found = work.hierarchies.get(name)
    if found is None:
        raise missing_hierarchy(name)
    refuse_hierarchy(work, found)
    work.session.run_all(work.statements.drop_hierarchy, work.at(found.number))
    if found.type is HierarchyType.ASPECT_MAP:
        work.session.later(work.statements.delete_definition, {**work.catalog, "name": name})
    work.bury(0, {item_of_key(name): name})
    del work.hierarchies[name]
    work.touched.discard(found.number)


def refuse_hierarchy(work: Work, hierarchy: HierarchyRow) -> None:
    """Raise ConflictError when somebody else changed the hierarchy, or anything in it, since."""
    name, statements = hierarchy.name, work.statements
    if work.expect is None or hierarchy.revision <= work.expect:
        return
    # The last change may be the caller's own, and hide what somebody else did before it.
    revisions = [hierarchy.revision, hierarchy.created]
    if hierarchy.type is HierarchyType.ASPECT_MAP:
        rows = work.session.rows(statements.get_definition, {**work.catalog, "name": name})
        revisions += [row[2] for row in rows]
        revisions += work.revisions_since(hierarchy.number, statements.changed_aspects)
    else:
        revisions += work.revisions_since(hierarchy.number, statements.changed_entries)
    revisions += work.revisions_since(hierarchy.number, statements.removed_entries)
    for revision in revisions:
        if work.is_foreign(revision):
            raise ConflictError(f"hierarchy {name!r}", revision)
