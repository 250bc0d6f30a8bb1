"""The tables, as data. DDL, inserts and upserts of each database are made from this.

Every key, unique key and index begins with the catalog (so that a cluster can be cut by catalog),
and nothing needs a sequence, a trigger or a foreign key. Rows of content stand in the order of
their *position*, an ascending number that is made of the revision of the commit that put them
(:mod:`cheap.db.positions`): saving appends, loading reads straight through.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Kind(Enum):
    """What a column holds; each dialect has its own word for it."""

    ID = "a UUID, as 16 bytes"
    ITEM = "the key of an item in its hierarchy, 16 bytes"
    NUMBER = "a 64-bit integer"
    NAME = "a name of at most 255 characters, compared by bytes"
    TEXT = "text of any length"
    DOCUMENT = "a JSON document that SQL can query"
    KEY = "a sort key of at most 300 bytes"
    DATA = "bytes of any length"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: its name.
        kind: what it holds.
        null: whether it may be null.
    """

    name: str
    kind: Kind
    null: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """A further way into a table.

    Attributes:
        name: its name, unique in the database.
        columns: what it is ordered by.
        unique: whether two rows may agree in it.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        name: its name.
        columns: in the order in which rows are written.
        key: the columns of the primary key, by which rows are clustered where that can be.
        indexes: further indexes.
        replaces: the columns whose agreement makes a row take the place of another.
        keeps: columns that keep their value when a row takes the place of another.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    replaces: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)


VERSION: Final = 2
"""The version of this schema; see :mod:`cheap.db.migrations`."""

STORE: Final = Table(
    "cheap_store",
    (
        Column("one", Kind.NUMBER),
        Column("store_id", Kind.ID),
        Column("schema_version", Kind.NUMBER),
    ),
    key=("one",),
    replaces=("one",),
    keeps=("store_id", "schema_version"),
)
"""One row. Of two programs that make the schema at once, the first one's stays."""

CATALOG: Final = Table(
    "cheap_catalog",
    (
        Column("catalog_id", Kind.ID),
        Column("species", Kind.NAME),
        Column("version", Kind.TEXT),
        Column("uri", Kind.TEXT, null=True),
        Column("upstream", Kind.ID, null=True),
        Column("revision", Kind.NUMBER),
        Column("header_revision", Kind.NUMBER),
    ),
    key=("catalog_id",),
    replaces=("catalog_id",),
)

DEFINITION: Final = Table(
    "cheap_definition",
    (
        Column("catalog_id", Kind.ID),
        Column("name", Kind.NAME),
        Column("position", Kind.NUMBER),
        Column("revision", Kind.NUMBER),
        Column("document", Kind.DOCUMENT),
    ),
    key=("catalog_id", "name"),
    replaces=("catalog_id", "name"),
    keeps=("position",),
)

HIERARCHY: Final = Table(
    "cheap_hierarchy",
    (
        Column("catalog_id", Kind.ID),
        Column("number", Kind.NUMBER),
        Column("name", Kind.NAME),
        Column("type", Kind.NAME),
        Column("position", Kind.NUMBER),
        Column("created", Kind.NUMBER),
        Column("revision", Kind.NUMBER),
        Column("indexes", Kind.DOCUMENT),
    ),
    key=("catalog_id", "number"),
    indexes=(Index("cheap_hierarchy_name", ("catalog_id", "name"), unique=True),),
    replaces=("catalog_id", "name"),
    keeps=("number",),
)
"""Hierarchies. A number stands for one hierarchy under one definition and is never used again: who
remembers it needs not ask whether the definition is still the same.
"""

ASPECT: Final = Table(
    "cheap_aspect",
    (
        Column("catalog_id", Kind.ID),
        Column("hierarchy", Kind.NUMBER),
        Column("position", Kind.NUMBER),
        Column("entity_id", Kind.ID),
        Column("revision", Kind.NUMBER),
        Column("pieces", Kind.NUMBER),
        Column("document", Kind.DOCUMENT, null=True),
    ),
    key=("catalog_id", "hierarchy", "position"),
    indexes=(
        Index("cheap_aspect_entity", ("catalog_id", "hierarchy", "entity_id"), unique=True),
        Index("cheap_aspect_revision", ("catalog_id", "revision", "hierarchy", "position")),
    ),
    replaces=("catalog_id", "hierarchy", "entity_id"),
    keeps=("position",),
)
"""One row an aspect, its properties as one document.

``pieces`` is 0, or 1 when parts of the record lie in PIECE; the document is null when all of it
does.
"""

ENTRY: Final = Table(
    "cheap_entry",
    (
        Column("catalog_id", Kind.ID),
        Column("hierarchy", Kind.NUMBER),
        Column("position", Kind.NUMBER),
        Column("item", Kind.ITEM),
        Column("revision", Kind.NUMBER),
        Column("parent", Kind.ITEM, null=True),
        Column("name", Kind.TEXT, null=True),
        Column("entity_id", Kind.ID, null=True),
    ),
    key=("catalog_id", "hierarchy", "position"),
    indexes=(
        Index("cheap_entry_item", ("catalog_id", "hierarchy", "item"), unique=True),
        Index("cheap_entry_revision", ("catalog_id", "revision", "hierarchy", "position")),
        Index("cheap_entry_parent", ("catalog_id", "hierarchy", "parent", "position")),
    ),
    replaces=("catalog_id", "hierarchy", "item"),
    keeps=("position",),
)
"""One row for an item of a list, a member of a set, an entry of a directory, a node of a tree.

``item`` identifies it: the position in a list, the entity in a set, a digest of the key or of the
path elsewhere (so that keys may be of any length and compare by bytes on every database).
"""

REMOVAL: Final = Table(
    "cheap_removal",
    (
        Column("catalog_id", Kind.ID),
        Column("hierarchy", Kind.NUMBER),
        Column("item", Kind.ITEM),
        Column("revision", Kind.NUMBER),
        Column("name", Kind.TEXT, null=True),
    ),
    key=("catalog_id", "hierarchy", "item"),
    indexes=(Index("cheap_removal_revision", ("catalog_id", "revision", "hierarchy", "item")),),
    replaces=("catalog_id", "hierarchy", "item"),
)
"""Tombstones: what was removed, and when. Hierarchy 0 stands for removed hierarchies."""

PROPERTY: Final = Table(
    "cheap_property",
    (
        Column("catalog_id", Kind.ID),
        Column("hierarchy", Kind.NUMBER),
        Column("property", Kind.NUMBER),
        Column("sort_key", Kind.KEY),
        Column("entity_id", Kind.ID),
    ),
    key=("catalog_id", "hierarchy", "property", "sort_key", "entity_id"),
    indexes=(Index("cheap_property_entity", ("catalog_id", "hierarchy", "entity_id")),),
    replaces=("catalog_id", "hierarchy", "property", "sort_key", "entity_id"),
)
"""Indexes on properties: one row for each value of an indexed property."""

PIECE: Final = Table(
    "cheap_piece",
    (
        Column("catalog_id", Kind.ID),
        Column("hierarchy", Kind.NUMBER),
        Column("value_id", Kind.ID),
        Column("number", Kind.NUMBER),
        Column("data", Kind.DATA),
    ),
    key=("catalog_id", "hierarchy", "value_id", "number"),
    replaces=("catalog_id", "hierarchy", "value_id", "number"),
)
"""Large values, cut into pieces of at most 256 KB."""

DELETION: Final = Table(
    "cheap_deletion",
    (Column("catalog_id", Kind.ID), Column("due", Kind.NUMBER)),
    key=("catalog_id",),
    indexes=(Index("cheap_deletion_due", ("due",)),),
    replaces=("catalog_id",),
)
"""Catalogs that a server is to delete later: the second, since 1970. Since version 2."""

ANSWER: Final = Table(
    "cheap_answer",
    (
        Column("answer_id", Kind.ID),
        Column("fingerprint", Kind.ID),
        Column("made", Kind.NUMBER),
        Column("document", Kind.DATA),
    ),
    key=("answer_id",),
    indexes=(Index("cheap_answer_made", ("made",)),),
    replaces=("answer_id",),
)
"""What a server answered to requests with an idempotency key, which is no catalog's: a request may
create one. Since version 2.
"""

DESK: Final = (DELETION, ANSWER)
"""The notes of servers."""

TABLES: Final = (
    *(STORE, CATALOG, DEFINITION, HIERARCHY, ASPECT, ENTRY, REMOVAL, PROPERTY, PIECE),
    *DESK,
)
"""All tables, in the order in which they are created."""

CONTENT: Final = (ASPECT, ENTRY, REMOVAL, PROPERTY, PIECE)
"""The tables whose rows belong to a hierarchy."""
