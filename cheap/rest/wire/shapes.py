"""The shapes of requests and answers, as pydantic models: what OpenAPI shows, and what is checked.

Keys are snake_case; definitions and whole catalogs stand in their document form
(:mod:`cheap.core.documents`), records in their JSON form.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cheap.core import CatalogSpecies, HierarchyType
from cheap.core.forms import is_object
from cheap.rest.wire.forms import Definition, FilterShape, Key, Label, Name, Record
from cheap.rest.wire.parts import (
    Count,
    Entries,
    Expected,
    Many,
    Place,
    Records,
    Revision,
    Species,
)
from cheap.rest.wire.problems import MAX_FAULTS


class Shape(BaseModel):
    """The root of all shapes: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _some_unknown_keys(cls, given: object) -> object:
        """Leave out unknown keys beyond those that are told."""
        known = cls.model_fields
        if not is_object(given) or len(given) <= len(known) + MAX_FAULTS:
            return given
        unknown = [key for key in given if key not in known]
        return {key: given[key] for key in (*(given.keys() & known), *unknown[:MAX_FAULTS])}


# --- edits --------------------------------------------------------------------------------------


class SetHeaderShape(Shape):
    """Change a catalog's own labels; null leaves one as it is, an empty uri removes it."""

    edit: Literal["set_header"]
    version: Label | None = None
    uri: Label | None = None


class PutDefinitionShape(Shape):
    """Add an aspect definition, or put a new one in the place of its namesake."""

    edit: Literal["put_definition"]
    definition: Definition


class CreateHierarchyShape(Shape):
    """Create an empty hierarchy; an aspect map bears its definition's name."""

    edit: Literal["create_hierarchy"]
    name: Name
    type: HierarchyType
    indexes: Many[Name] = []


class DropHierarchyShape(Shape):
    """Remove a hierarchy and all that is in it."""

    edit: Literal["drop_hierarchy"]
    name: Name


class DropDefinitionShape(Shape):
    """Remove a definition that has no aspect map."""

    edit: Literal["drop_definition"]
    name: Name


class CreateIndexShape(Shape):
    """Ask for an index on a property of an aspect map."""

    edit: Literal["create_index"]
    hierarchy: Name
    property: Name


class DropIndexShape(Shape):
    """Give up the index on a property."""

    edit: Literal["drop_index"]
    hierarchy: Name
    property: Name


class PutAspectsShape(Shape):
    """Put whole records into an aspect map; those that are there are replaced.

    ``definition`` is the hash version of the definition by which they were written, if that is to
    be checked.
    """

    edit: Literal["put_aspects"]
    hierarchy: Name
    aspects: Records
    definition: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None


class RemoveAspectsShape(Shape):
    """Remove records from an aspect map."""

    edit: Literal["remove_aspects"]
    hierarchy: Name
    entities: Many[UUID]


class AppendShape(Shape):
    """Append entities to a list."""

    edit: Literal["append"]
    hierarchy: Name
    entities: Many[UUID]


class SpliceShape(Shape):
    """Put entities into the place of some others of a list."""

    edit: Literal["splice"]
    hierarchy: Name
    index: Place
    remove: Place = 0
    insert: Many[UUID] = []


class AddMembersShape(Shape):
    """Add entities to a set."""

    edit: Literal["add_members"]
    hierarchy: Name
    entities: Many[UUID]


class RemoveMembersShape(Shape):
    """Remove entities from a set."""

    edit: Literal["remove_members"]
    hierarchy: Name
    entities: Many[UUID]


class PutEntriesShape(Shape):
    """Put entries into a directory."""

    edit: Literal["put_entries"]
    hierarchy: Name
    entries: Entries


class RemoveEntriesShape(Shape):
    """Remove entries from a directory."""

    edit: Literal["remove_entries"]
    hierarchy: Name
    keys: Many[Key]


class NodeShape(Shape):
    """A node of a tree: the names from the root down, and its entity or null."""

    path: Many[Key]
    entity: UUID | None = None


class PutNodesShape(Shape):
    """Put nodes into a tree; those on the way are made."""

    edit: Literal["put_nodes"]
    hierarchy: Name
    nodes: Many[NodeShape]


class RemoveNodesShape(Shape):
    """Remove nodes from a tree, each with all that is below it."""

    edit: Literal["remove_nodes"]
    hierarchy: Name
    paths: Many[Many[Key]]


EditShape = Annotated[
    SetHeaderShape
    | PutDefinitionShape
    | CreateHierarchyShape
    | DropHierarchyShape
    | DropDefinitionShape
    | CreateIndexShape
    | DropIndexShape
    | PutAspectsShape
    | RemoveAspectsShape
    | AppendShape
    | SpliceShape
    | AddMembersShape
    | RemoveMembersShape
    | PutEntriesShape
    | RemoveEntriesShape
    | PutNodesShape
    | RemoveNodesShape,
    Field(discriminator="edit"),
]

# --- requests -----------------------------------------------------------------------------------


class NewCatalog(Shape):
    """A catalog to create, with its first content in one go."""

    species: Species = CatalogSpecies.SINK
    version: Label = "1.0.0"
    uri: Label | None = None
    upstream: UUID | None = None
    catalog_id: UUID | None = None
    edits: Many[EditShape] = []


class Labels(Shape):
    """Labels of a catalog to change; null leaves one as it is, an empty uri removes it."""

    version: Label | None = None
    uri: Label | None = None


class NewHierarchy(Shape):
    """A hierarchy to create."""

    name: Name
    type: HierarchyType
    indexes: Many[Name] = []


class CommitRequest(Shape):
    """Edits to apply, all or nothing.

    ``expect`` is the revision at which the caller read what the edits touch, ``own`` are later
    revisions of the caller's own, ``refresh`` allows edits of a read-only species.
    """

    edits: Many[EditShape]
    expect: Expected | None = None
    own: Many[Revision] = []
    refresh: Annotated[bool, Field(strict=True)] = False


class Upsert(Shape):
    """Records to put, all or nothing."""

    aspects: Records


class OrderShape(Shape):
    """One step of an order."""

    property: Name
    descending: Annotated[bool, Field(strict=True)] = False


class AspectQuery(Shape):
    """Records to read: of some entities, or those that a filter finds, in an order.

    ``definition`` is the hash version of the definition by which the filter's values were written,
    if that is to be checked.
    """

    aspect: Name
    entities: Many[UUID] | None = None
    where: FilterShape = None
    order_by: Many[str | OrderShape] = []
    cursor: str | None = None
    limit: Count | None = None
    definition: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None


# --- answers ------------------------------------------------------------------------------------


class CatalogAnswer(Shape):
    """A catalog's header. ``sizes`` of its hierarchies come when asked for: they are counted."""

    catalog_id: UUID
    species: CatalogSpecies
    version: str
    uri: str | None
    upstream: UUID | None
    revision: int
    sizes: dict[str, int] | None = None


class CatalogPage(Shape):
    """Headers, and the cursor of the next page or null."""

    items: list[CatalogAnswer]
    next: str | None


class RevisionAnswer(Shape):
    """The catalog's revision after the call."""

    revision: int


class CommitAnswer(Shape):
    """What a commit did: the revision after and before it, and how many rows it wrote."""

    revision: int
    previous: int
    written: int


class FaultAnswer(Shape):
    """One thing that is wrong, and where."""

    path: str
    expected: str
    got: str


class RefusedRecord(Shape):
    """A record of a stream that was refused: its line from 1 on, and why."""

    line: int
    entity: str | None
    code: str
    detail: str
    errors: list[FaultAnswer]


class UpsertAnswer(Shape):
    """What became of a stream of records; those that are not refused are stored."""

    revision: int
    received: int
    written: int
    refused: list[RefusedRecord]


class DefinitionList(Shape):
    """The definitions of a catalog, in order."""

    items: list[Definition]


class HierarchyAnswer(Shape):
    """A hierarchy without its content."""

    name: str
    type: HierarchyType
    revision: int
    size: int
    indexes: list[str]


class HierarchyList(Shape):
    """The hierarchies of a catalog, in order."""

    items: list[HierarchyAnswer]


class EntryAnswer(Shape):
    """An item of a hierarchy: with a key in a directory, a path in a tree, a record in a map."""

    entity: UUID | None
    key: str | None = None
    path: list[str] | None = None
    aspect: Record = None


class EntryPage(Shape):
    """Items of a hierarchy. ``definition`` is that of the records, where there are any."""

    items: list[EntryAnswer]
    next: str | None
    definition: Definition = None


class ItemKey(Shape):
    """What an item of a hierarchy is known by: one of the four."""

    entity: UUID | None = None
    key: str | None = None
    path: list[str] | None = None
    place: int | None = None


class ChangeAnswer(Shape):
    """The last thing that happened to one item of a catalog.

    ``value`` is a header, a definition, the type of a hierarchy, an entity or a record, as the
    kind says.
    """

    revision: int
    kind: Literal["header", "definition", "hierarchy", "item", "aspect"]
    removed: bool
    hierarchy: str | None
    key: ItemKey | None
    value: Any


class ChangePage(Shape):
    """Changes, oldest first; ``definitions`` are those of the records among them."""

    items: list[ChangeAnswer]
    next: str | None
    definitions: dict[str, Definition]


class LargeValueAnswer(Shape):
    """Size in bytes, and BLAKE2b-128 digest, of a large value."""

    size: int
    digest: str


class DeletionAnswer(Shape):
    """A catalog will be deleted at this time, in seconds since 1970."""

    status: Literal["deletion scheduled"]
    catalog_id: UUID
    due: int


class Limits(Shape):
    """What the server takes at most."""

    page_size: int
    batch_size: int
    body: int
    depth: int


class About(Shape):
    """What the server is: the id of its store, its database, its version and limits."""

    store_id: UUID
    database: str
    version: str
    limits: Limits


class Health(Shape):
    """Whether the database answers."""

    status: Literal["healthy", "unhealthy"]
    database: str
    version: str


class Problem(Shape):
    """What went wrong (RFC 9457), with our stable code, and each fault with its path."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    message: str
    retryable: bool
    errors: list[FaultAnswer]
