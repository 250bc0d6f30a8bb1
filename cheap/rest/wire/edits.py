"""Edits as JSON, in and out. Records stay as they are until a store reads them by a definition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, cast
from uuid import UUID

from msgspec import Raw

from cheap.core import AspectDef, HierarchyType
from cheap.core.documents import read_aspect_def
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
from cheap.core.values import show
from cheap.errors import InvalidEditError, InvalidNameError
from cheap.rest.wire import shapes
from cheap.rest.wire.bodies import members, objects, plain
from cheap.rest.wire.contents import definition_json

_BEYOND: Final = 2**62

# --- in -----------------------------------------------------------------------------------------


def with_raw_records(body: bytes | memoryview | Raw, path: str = "$") -> dict[str, Any]:
    """Decode a body that may have ``edits``; the records among them are left as they are."""
    parts: dict[str, Any] = {}
    for key, raw in members(body, path).items():
        if key == "edits":
            parts[key] = [
                _decoded_edit(each, f"{path}.edits[{i}]")
                for i, each in enumerate(objects(raw, f"{path}.edits"))
            ]
        else:
            parts[key] = plain(raw, f"{path}.{key}")
    return parts


def _decoded_edit(edit: dict[str, Raw], path: str) -> dict[str, Any]:
    return {
        key: members(part, f"{path}.aspects") if key == "aspects" else plain(part, f"{path}.{key}")
        for key, part in edit.items()
    }


def read_edits(given: Sequence[shapes.EditShape], path: str = "$") -> list[Edit]:
    """Return the edits that shapes describe.

    Raises:
        InvalidError: a definition contradicts itself, or the like; with the place.
    """
    return [read_edit(each, f"{path}.edits[{i}]") for i, each in enumerate(given)]


def read_edit(given: shapes.EditShape, path: str) -> Edit:
    """Return the edit that a shape describes."""
    match given:
        case shapes.SetHeaderShape():
            return SetHeader(given.version, given.uri)
        case shapes.PutDefinitionShape():
            return PutDefinition(read_aspect_def(given.definition, f"{path}.definition"))
        case shapes.CreateHierarchyShape():
            return CreateHierarchy(given.name, given.type, tuple(given.indexes))
        case shapes.DropHierarchyShape():
            return DropHierarchy(given.name)
        case shapes.DropDefinitionShape():
            return DropDefinition(given.name)
        case shapes.CreateIndexShape():
            return CreateIndex(given.hierarchy, given.property)
        case shapes.DropIndexShape():
            return DropIndex(given.hierarchy, given.property)
        case shapes.PutAspectsShape():
            return PutAspects(given.hierarchy, JsonRecords(given.aspects, given.definition))
        case shapes.RemoveAspectsShape():
            return RemoveAspects(given.hierarchy, given.entities)
        case shapes.AppendShape():
            return Append(given.hierarchy, given.entities)
        case shapes.SpliceShape():
            index, remove = _bounded(given.index), _bounded(given.remove)
            return Splice(given.hierarchy, index, remove, given.insert)
        case shapes.AddMembersShape():
            return AddMembers(given.hierarchy, given.entities)
        case shapes.RemoveMembersShape():
            return RemoveMembers(given.hierarchy, given.entities)
        case shapes.PutEntriesShape():
            return PutEntries(given.hierarchy, given.entries)
        case shapes.RemoveEntriesShape():
            return RemoveEntries(given.hierarchy, given.keys)
        case shapes.PutNodesShape():
            nodes = {tuple(each.path): each.entity for each in given.nodes}
            return PutNodes(given.hierarchy, nodes)
        case shapes.RemoveNodesShape():
            return RemoveNodes(given.hierarchy, [tuple(each) for each in given.paths])


def _bounded(place: int) -> int:
    """A place beyond the end of every list, and which databases can count, for one beyond that."""
    return max(-_BEYOND, min(place, _BEYOND))


# --- out ----------------------------------------------------------------------------------------

Records = Callable[[PutAspects], tuple[dict[str, Raw], str]]
"""Writes the records of an edit: entity → JSON object, and the definition's hash version."""


def write_edit(edit: Edit, records: Records) -> dict[str, Any]:
    """Return an edit as JSON, to be encoded.

    Args:
        edit: the edit.
        records: writes records.

    Raises:
        InvalidNameError: a name is no text, or an id no UUID.
        InvalidEditError: it is no edit.
    """
    match edit:
        case SetHeader(version, uri):
            return {"edit": "set_header", "version": _label(version), "uri": _label(uri)}
        case PutDefinition(definition):
            return {"edit": "put_definition", "definition": written_definition(definition)}
        case CreateHierarchy(name, kind, indexes):
            return {
                "edit": "create_hierarchy",
                "name": _name(name),
                "type": type_code(kind),
                "indexes": [_name(each) for each in indexes],
            }
        case DropHierarchy(name):
            return {"edit": "drop_hierarchy", "name": _name(name)}
        case DropDefinition(name):
            return {"edit": "drop_definition", "name": _name(name)}
        case CreateIndex(name, prop):
            return {"edit": "create_index", "hierarchy": _name(name), "property": _name(prop)}
        case DropIndex(name, prop):
            return {"edit": "drop_index", "hierarchy": _name(name), "property": _name(prop)}
        case PutAspects(name):
            aspects, written_by = records(edit)
            return {
                "edit": "put_aspects",
                "hierarchy": _name(name),
                "aspects": aspects,
                "definition": written_by,
            }
        case RemoveAspects(name, entities):
            return {"edit": "remove_aspects", "hierarchy": _name(name), "entities": _ids(entities)}
        case Append(name, entities):
            return {"edit": "append", "hierarchy": _name(name), "entities": _ids(entities)}
        case Splice(name, index, remove, insert):
            return {
                "edit": "splice",
                "hierarchy": _name(name),
                "index": index,
                "remove": remove,
                "insert": _ids(insert),
            }
        case AddMembers(name, entities):
            return {"edit": "add_members", "hierarchy": _name(name), "entities": _ids(entities)}
        case RemoveMembers(name, entities):
            return {"edit": "remove_members", "hierarchy": _name(name), "entities": _ids(entities)}
        case PutEntries(name, entries):
            found = {_key(key): check_id(entity) for key, entity in entries.items()}
            return {"edit": "put_entries", "hierarchy": _name(name), "entries": found}
        case RemoveEntries(name, keys):
            found_keys = [_key(key) for key in keys]
            return {"edit": "remove_entries", "hierarchy": _name(name), "keys": found_keys}
        case PutNodes(name, nodes):
            return {
                "edit": "put_nodes",
                "hierarchy": _name(name),
                "nodes": [
                    {"path": _path(path), "entity": None if entity is None else check_id(entity)}
                    for path, entity in nodes.items()
                ],
            }
        case RemoveNodes(name, paths):
            found_paths = [_path(path) for path in paths]
            return {"edit": "remove_nodes", "hierarchy": _name(name), "paths": found_paths}
        case _:
            raise InvalidEditError(f"expected an edit, got {show(edit)}")


def definitions_after(edit: Edit) -> dict[str, AspectDef | None]:
    """Return the definition that an edit makes, or None under the name of one that it drops."""
    match edit:
        case PutDefinition(definition):
            return {definition.name: definition}
        case DropDefinition(name) | DropHierarchy(name):
            return {name: None}
        case _:
            return {}


def written_definition(definition: object) -> Raw:
    """Return a definition as JSON.

    Raises:
        InvalidEditError: it is none.
    """
    if not isinstance(definition, AspectDef):
        raise InvalidEditError(f"expected an AspectDef, got {type(definition).__name__}")
    return definition_json(definition)


def type_code(kind: object) -> str:
    """Return the code of a kind of hierarchy.

    Raises:
        InvalidEditError: it is none.
    """
    if not isinstance(kind, HierarchyType):
        raise InvalidEditError(f"expected a HierarchyType, got {kind!r}")
    return kind.value


def _name(value: object) -> str:
    return check_key(value, "name")


def _key(value: object) -> str:
    return check_key(value, "key")


def _path(path: object) -> list[str]:
    if isinstance(path, str):  # a path of one name
        path = (path,)
    if not isinstance(path, Iterable):
        raise InvalidNameError(f"path: expected names, got {show(path)}")
    return [check_key(each, "node name") for each in cast("Iterable[object]", path)]


def _label(value: str | None) -> str | None:
    return None if value is None else check_key(value, "label")


def _ids(entities: Iterable[object]) -> list[UUID]:
    return [check_id(each) for each in entities]
