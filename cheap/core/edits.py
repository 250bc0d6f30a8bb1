"""Edits: changes to a catalog, as values.

An edit names a hierarchy and says what to do with its content. A store takes any number of them
in one ``commit``, all or nothing; they go through a thread or over a wire unchanged. A text where
a list is meant is refused, as is a list where a mapping is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from cheap.core.arguments import mapping, several
from cheap.core.definitions import AspectDef, HierarchyType
from cheap.core.values import show
from cheap.errors import InvalidEditError

Path = tuple[str, ...]
"""The way to a node of a tree: the names from the root down; the root itself is ``()``."""


@dataclass(frozen=True, slots=True)
class SetHeader:
    """Change a catalog's own labels; ``None`` leaves one as it is.

    Attributes:
        version: the user's version label.
        uri: where the catalog is known; ``""`` removes it.
    """

    version: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class PutDefinition:
    """Add an aspect definition, or put a new one in the place of its namesake.

    Attributes:
        definition: the definition. One that takes the place of another must accept every record
            that is stored under the name.
    """

    definition: AspectDef


@dataclass(frozen=True, slots=True)
class CreateHierarchy:
    """Create an empty hierarchy.

    Attributes:
        name: its name; that of the definition for an aspect map.
        type: its kind.
        indexes: the properties of an aspect map that are indexed from the beginning.
    """

    name: str
    type: HierarchyType
    indexes: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "indexes", several(self.indexes, "CreateHierarchy.indexes"))


@dataclass(frozen=True, slots=True)
class DropHierarchy:
    """Remove a hierarchy and all that is in it.

    Attributes:
        name: the hierarchy.
    """

    name: str


@dataclass(frozen=True, slots=True)
class DropDefinition:
    """Remove a definition that has no aspect map; one that is not there is passed over.

    Attributes:
        name: the definition. One that has an aspect map goes with it: see ``DropHierarchy``.
    """

    name: str


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """Ask for an index on a property of an aspect map; asking twice is harmless.

    Attributes:
        hierarchy: the aspect map.
        property: the property.
    """

    hierarchy: str
    property: str


@dataclass(frozen=True, slots=True)
class DropIndex:
    """Give up the index on a property; giving up one that is not there is harmless.

    Attributes:
        hierarchy: the aspect map.
        property: the property.
    """

    hierarchy: str
    property: str


@dataclass(frozen=True, slots=True)
class PutAspects:
    """Put whole records into an aspect map; those that are there are replaced.

    Attributes:
        hierarchy: the aspect map.
        aspects: entity → record: an ``Aspect``, a mapping, a dataclass or a pydantic model.
    """

    hierarchy: str
    aspects: Mapping[UUID, object]

    def __post_init__(self) -> None:
        mapping(self.aspects, "PutAspects.aspects")


@dataclass(frozen=True, slots=True)
class RemoveAspects:
    """Remove records from an aspect map; those that are not there are passed over.

    Attributes:
        hierarchy: the aspect map.
        entities: whose records.
    """

    hierarchy: str
    entities: Sequence[UUID]

    def __post_init__(self) -> None:
        object.__setattr__(self, "entities", several(self.entities, "RemoveAspects.entities"))


@dataclass(frozen=True, slots=True)
class Append:
    """Append entities to a list. Two writers may append at the same time; neither conflicts.

    Attributes:
        hierarchy: the list.
        entities: what to append, in order.
    """

    hierarchy: str
    entities: Sequence[UUID]

    def __post_init__(self) -> None:
        object.__setattr__(self, "entities", several(self.entities, "Append.entities"))


@dataclass(frozen=True, slots=True)
class Splice:
    """Put entities into the place of some others of a list.

    Attributes:
        hierarchy: the list.
        index: place of the first entity taken out, 0 to the length of the list.
        remove: how many are taken out.
        insert: what is put in.
    """

    hierarchy: str
    index: int
    remove: int = 0
    insert: Sequence[UUID] = ()

    def __post_init__(self) -> None:
        for place in (self.index, self.remove):
            if isinstance(place, bool) or not isinstance(place, int):
                raise InvalidEditError(f"Splice: expected whole numbers, got {show(place)}")
        object.__setattr__(self, "insert", several(self.insert, "Splice.insert"))


@dataclass(frozen=True, slots=True)
class AddMembers:
    """Add entities to a set; those that are there stay where they are.

    Attributes:
        hierarchy: the set.
        entities: what to add, in order.
    """

    hierarchy: str
    entities: Sequence[UUID]

    def __post_init__(self) -> None:
        object.__setattr__(self, "entities", several(self.entities, "AddMembers.entities"))


@dataclass(frozen=True, slots=True)
class RemoveMembers:
    """Remove entities from a set; those that are not there are passed over.

    Attributes:
        hierarchy: the set.
        entities: what to remove.
    """

    hierarchy: str
    entities: Sequence[UUID]

    def __post_init__(self) -> None:
        object.__setattr__(self, "entities", several(self.entities, "RemoveMembers.entities"))


@dataclass(frozen=True, slots=True)
class PutEntries:
    """Put entries into a directory; keys that are there keep their place.

    Attributes:
        hierarchy: the directory.
        entries: key → entity.
    """

    hierarchy: str
    entries: Mapping[str, UUID]

    def __post_init__(self) -> None:
        mapping(self.entries, "PutEntries.entries")


@dataclass(frozen=True, slots=True)
class RemoveEntries:
    """Remove entries from a directory; keys that are not there are passed over.

    Attributes:
        hierarchy: the directory.
        keys: what to remove.
    """

    hierarchy: str
    keys: Sequence[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", several(self.keys, "RemoveEntries.keys"))


@dataclass(frozen=True, slots=True)
class PutNodes:
    """Put nodes into a tree; those on the way are made, those that are there keep their place.

    Attributes:
        hierarchy: the tree.
        nodes: path → entity, or ``None`` for a node without one. The root is ``()``.
    """

    hierarchy: str
    nodes: Mapping[Path, UUID | None]

    def __post_init__(self) -> None:
        mapping(self.nodes, "PutNodes.nodes")


@dataclass(frozen=True, slots=True)
class RemoveNodes:
    """Remove nodes from a tree, each with all that is below it; missing ones are passed over.

    Attributes:
        hierarchy: the tree.
        paths: the nodes; the root cannot be removed.
    """

    hierarchy: str
    paths: Sequence[Path] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", several(self.paths, "RemoveNodes.paths"))


Edit = (
    SetHeader
    | PutDefinition
    | CreateHierarchy
    | DropHierarchy
    | DropDefinition
    | CreateIndex
    | DropIndex
    | PutAspects
    | RemoveAspects
    | Append
    | Splice
    | AddMembers
    | RemoveMembers
    | PutEntries
    | RemoveEntries
    | PutNodes
    | RemoveNodes
)
"""Any of the edits."""
