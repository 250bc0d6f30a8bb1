"""Edits applied to plain Python containers, in the simplest way: what a store makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from cheap.core import (
    AspectMap,
    Catalog,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    Hierarchy,
    HierarchyType,
    Node,
)
from cheap.core.edits import (
    AddMembers,
    Append,
    CreateHierarchy,
    CreateIndex,
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

Plain = Any
"""A list, a dict, or for a tree [entity, {name: tree}]."""


def plain(hierarchy: Hierarchy) -> Plain:
    """The content of a hierarchy, with its order."""
    match hierarchy:
        case EntityList():
            return list(hierarchy)
        case EntitySet():
            return dict.fromkeys(hierarchy)
        case EntityDirectory():
            return dict(hierarchy)
        case AspectMap():
            return hierarchy.packed()
        case EntityTree():
            return plain_node(hierarchy.root)
        case _:
            raise TypeError(type(hierarchy).__name__)


def plain_node(node: Node) -> Plain:
    return [node.entity, {name: plain_node(child) for name, child in node.items()}]


def same(one: Plain, other: Plain) -> bool:
    """Equality with order, also of what is inside of a tree."""
    return repr(one) == repr(other)


def apply(content: Plain, edits: Iterable[Edit]) -> Plain:
    """Apply edits of one hierarchy to its plain content, in place; return it."""
    for edit in edits:
        match edit:
            case Append(_, entities):
                assert entities
                content.extend(entities)
            case Splice(_, index, remove, insert):
                assert 0 <= index <= index + remove <= len(content)
                content[index : index + remove] = insert
            case AddMembers(_, entities):
                for entity in entities:
                    content.setdefault(entity, None)
            case RemoveMembers(_, keys) | RemoveEntries(_, keys) | RemoveAspects(_, keys):
                for key in keys:
                    content.pop(key, None)
            case PutEntries(_, entries):
                content.update(entries)
            case PutAspects(_, aspects):
                assert isinstance(aspects, AspectMap)
                content.update(aspects.packed())
            case RemoveNodes(_, paths):
                for path in paths:
                    _remove_node(content, path)
            case PutNodes(_, nodes):
                for path, entity in nodes.items():
                    _put_node(content, path, entity)
            case CreateIndex() | DropIndex():
                pass
            case _:
                raise TypeError(type(edit).__name__)
    return content


def _put_node(tree: Plain, path: tuple[str, ...], entity: UUID | None) -> None:
    for name in path:
        tree = tree[1].setdefault(name, [None, {}])
    tree[0] = entity


def _remove_node(tree: Plain, path: tuple[str, ...]) -> None:
    assert path
    for name in path[:-1]:
        if name not in tree[1]:
            return
        tree = tree[1][name]
    tree[1].pop(path[-1], None)


EMPTY: dict[HierarchyType, Any] = {
    HierarchyType.ENTITY_LIST: list,
    HierarchyType.ENTITY_SET: dict,
    HierarchyType.ENTITY_DIR: dict,
    HierarchyType.ENTITY_TREE: lambda: [None, {}],
    HierarchyType.ASPECT_MAP: dict,
}


class PlainStore:
    """One catalog, kept in plain containers."""

    def __init__(self) -> None:
        self.header: tuple[str | None, str | None] | None = None
        self.definitions: dict[str, Any] = {}
        self.hierarchies: dict[str, Plain] = {}
        self.indexes: dict[str, dict[str, None]] = {}

    def apply(self, edits: Iterable[Edit]) -> None:
        for edit in edits:
            match edit:
                case SetHeader(version, uri):
                    self.header = (version, uri)
                case PutDefinition(definition):
                    self.definitions[definition.name] = definition
                case CreateHierarchy(name, kind, indexes):
                    assert name not in self.hierarchies
                    assert (kind is HierarchyType.ASPECT_MAP) == (name in self.definitions)
                    self.hierarchies[name] = EMPTY[kind]()
                    self.indexes[name] = dict.fromkeys(indexes)
                case DropHierarchy(name):
                    del self.hierarchies[name], self.indexes[name]
                    self.definitions.pop(name, None)
                case CreateIndex(name, prop):
                    self.indexes[name][prop] = None
                case DropIndex(name, prop):
                    self.indexes[name].pop(prop, None)
                case _:
                    apply(self.hierarchies[edit.hierarchy], [edit])

    def holds(self, catalog: Catalog) -> bool:
        """Whether this is what the catalog holds, order included."""
        return (
            same(
                self.hierarchies, {name: plain(each) for name, each in catalog.hierarchies.items()}
            )
            and list(self.definitions.items()) == list(catalog.aspect_defs.items())
            and all(
                tuple(self.indexes[name]) == (each.indexes if isinstance(each, AspectMap) else ())
                for name, each in catalog.hierarchies.items()
            )
        )
