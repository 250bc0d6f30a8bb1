"""Applying edits inside one transaction: what each edit means as rows."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any
from uuid import UUID

from cheap.core import HierarchyType
from cheap.core.edits import (
    AddMembers,
    Append,
    CreateHierarchy,
    CreateIndex,
    DropDefinition,
    DropHierarchy,
    DropIndex,
    Edit,
    PutAspects,
    PutDefinition,
    PutEntries,
    PutNodes,
    RemoveAspects,
    RemoveEntries,
    RemoveMembers,
    RemoveNodes,
    SetHeader,
    Splice,
)
from cheap.core.names import check_id, check_key
from cheap.core.records import JsonRecords
from cheap.db.commits.aspects import put_aspects, remove_aspects
from cheap.db.commits.definitions import (
    create_hierarchy,
    drop_definition,
    drop_hierarchy,
    put_definition,
    set_header,
)
from cheap.db.commits.entries import add_members, put_entries, remove_entries
from cheap.db.commits.indexes import create_index, drop_index
from cheap.db.commits.lists import append, splice
from cheap.db.commits.trees import put_nodes, remove_nodes
from cheap.db.commits.work import Work
from cheap.db.rows import (
    item_of_key,
)
from cheap.errors import (
    InvalidEditError,
)


def apply(work: Work, edits: Iterable[Edit]) -> None:
    """Apply the edits, in order."""
    for edit in merged(edits):
        apply_one(work, edit)
    for number in work.touched:
        if number in work.created:
            continue  # made by this commit, its revision is right already
        work.session.later(work.statements.touch_hierarchy, work.at(number, revision=True))


def apply_one(work: Work, edit: Edit) -> None:
    """Apply one edit."""
    match edit:
        case PutAspects():
            put_aspects(work, edit.hierarchy, edit.aspects)
        case RemoveAspects():
            remove_aspects(work, edit.hierarchy, edit.entities)
        case Append():
            append(work, edit.hierarchy, edit.entities)
        case Splice():
            splice(work, edit)
        case AddMembers():
            add_members(work, edit.hierarchy, edit.entities)
        case RemoveMembers(name, entities):
            found = work.hierarchy(name, HierarchyType.ENTITY_SET)
            items = {
                check_id(each).bytes: (None, f"member {each} of {name!r}") for each in entities
            }
            remove_entries(work, found, items)
        case PutEntries():
            put_entries(work, edit.hierarchy, edit.entries)
        case RemoveEntries(name, keys):
            found = work.hierarchy(name, HierarchyType.ENTITY_DIR)
            for key in keys:
                check_key(key, "directory key")
            remove_entries(
                work, found, {item_of_key(key): (key, f"key {key!r} of {name!r}") for key in keys}
            )
        case PutNodes():
            put_nodes(work, edit.hierarchy, edit.nodes)
        case RemoveNodes():
            remove_nodes(work, edit.hierarchy, edit.paths)
        case SetHeader():
            set_header(work, edit)
        case PutDefinition():
            put_definition(work, edit.definition)
        case CreateHierarchy():
            create_hierarchy(work, edit)
        case DropDefinition():
            drop_definition(work, edit.name)
        case DropHierarchy():
            drop_hierarchy(work, edit.name)
        case CreateIndex():
            create_index(work, edit.hierarchy, edit.property)
        case DropIndex():
            drop_index(work, edit.hierarchy, edit.property)
        case _:
            raise InvalidEditError(f"expected an edit, got {type(edit).__name__}")


def merged(edits: Iterable[Edit]) -> list[Edit]:
    """Join neighbouring puts into one aspect map: many small edits then cost like a large one."""
    result: list[Edit] = []
    joined: dict[UUID, object] | None = None
    for edit in edits:
        last = result[-1] if result else None
        if (
            isinstance(edit, PutAspects)
            and isinstance(last, PutAspects)
            and last.hierarchy == edit.hierarchy
            and isinstance(last.aspects, dict)
            and isinstance(edit.aspects, dict)
            and _written_by(last.aspects) == _written_by(edit.aspects)
            and last.aspects.keys().isdisjoint(edit.aspects)
        ):
            if joined is None or last.aspects is not joined:
                joined = copy(last.aspects)
                result[-1] = PutAspects(edit.hierarchy, joined)
            joined.update(edit.aspects)
        else:
            result.append(edit)
    return result


def _written_by(aspects: dict[UUID, Any]) -> tuple[type, str | None]:
    """What must agree in records that are joined: their kind, and the definition they follow."""
    written_by = aspects.definition if isinstance(aspects, JsonRecords) else None
    return type(aspects), written_by
