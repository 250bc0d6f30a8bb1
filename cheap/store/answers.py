"""What a store answers with: headers, pages, commits, changes. Values, like all that travels."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar
from uuid import UUID

from cheap.core import (
    Aspect,
    AspectDef,
    CatalogSpecies,
    HierarchyType,
    LargeValue,
)
from cheap.core.arguments import several
from cheap.core.edits import Path
from cheap.core.values import show
from cheap.errors import ConflictError, InvalidQueryError

T = TypeVar("T")

DEFAULT_LIMIT = 100
"""Items on a page when the caller does not say."""

MAX_LIMIT = 10_000
"""Most items on a page."""

PIECE_SIZE = 256 * 1024
"""Bytes in a piece of a large value: small against MariaDB's 16 MB packet, large against a call."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, and where the rest of it begins.

    Attributes:
        items: the items of this page, in order.
        next: the cursor to ask for the next page with, or ``None`` after the last one.
    """

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class CatalogHeader:
    """A catalog without its content.

    Attributes:
        catalog_id: its id.
        species: what it is a copy of.
        version: the user's label.
        uri: where it is known, or ``None``.
        upstream: the catalog it is a copy of, or ``None``.
        revision: counted by the store; each commit raises it by one.
    """

    catalog_id: UUID
    species: CatalogSpecies
    version: str
    uri: str | None = None
    upstream: UUID | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class HierarchyHeader:
    """A hierarchy without its content.

    Attributes:
        name: unique in its catalog.
        type: one of the five kinds.
        revision: the catalog revision of its last change.
        size: how many entities, entries, nodes or aspects it has.
        indexes: the indexed properties of an aspect map.
    """

    name: str
    type: HierarchyType
    revision: int
    size: int
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a hierarchy.

    Attributes:
        key: a directory's key, a tree's path, or ``None`` in lists, sets and aspect maps.
        entity: the entity, or ``None`` for a node without one.
        aspect: the record, in an aspect map.
    """

    key: str | Path | None
    entity: UUID | None
    aspect: Aspect | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit did.

    Attributes:
        revision: the catalog's revision after it.
        previous: the revision before it; when that is not the one the caller knew, somebody else
            committed something unrelated in between.
        written: how many rows of content were put or removed.
    """

    revision: int
    previous: int
    written: int


class ChangeKind(Enum):
    """What a change is about."""

    HEADER = "header"
    DEFINITION = "definition"
    HIERARCHY = "hierarchy"
    ITEM = "item"
    ASPECT = "aspect"


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a catalog's history: the last thing that happened to one item of it.

    Attributes:
        revision: the catalog revision that did it.
        kind: what it is about.
        removed: whether the thing is gone; else it was put.
        hierarchy: the hierarchy's name; ``None`` for the header. For a definition, its name.
        key: what was put or removed: the entity of an aspect or set member, the key of a
            directory, the path of a node (with all below it, when removed), the place of a list
            item (an ascending number that stays the item's own).
        value: what was put: an Aspect, an entity, a definition, a header, a hierarchy's type.
    """

    revision: int
    kind: ChangeKind
    removed: bool
    hierarchy: str | None
    key: UUID | str | Path | int | None
    value: Aspect | UUID | AspectDef | CatalogHeader | HierarchyType | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a large value.

    Attributes:
        data: the bytes (of a CLOB: of its UTF-8 form, cut at any byte).
        value: size and digest of the whole.
        next: the offset of the next piece, or ``None`` after the last one.
    """

    data: bytes
    value: LargeValue
    next: int | None


def check_species(species: object) -> CatalogSpecies | None:
    """Return the species that catalogs are listed of, or ``None`` for all.

    Raises:
        InvalidQueryError: it is something else.
    """
    if species is not None and not isinstance(species, CatalogSpecies):
        raise InvalidQueryError(
            f"species: expected a CatalogSpecies such as CatalogSpecies.SINK, got {show(species)}"
        )
    return species


def check_limit(limit: object) -> int:
    """Return a page's limit.

    Raises:
        InvalidQueryError: it is not a whole number from 1 to 10,000.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise InvalidQueryError(f"limit: expected 1 to {MAX_LIMIT:,}, got {show(limit)}")
    return limit


def check_offset(offset: object) -> int:
    """Return an offset.

    Raises:
        InvalidQueryError: it is not a whole number from 0.
    """
    return _check_count(offset, "offset")


def check_since(since: object) -> int:
    """Return the revision that somebody knows.

    Raises:
        InvalidQueryError: it is not a whole number from 0.
    """
    return _check_count(since, "since")


def check_expect(expect: object) -> int | None:
    """Return the revision that a commit expects, or ``None`` for any.

    Raises:
        InvalidQueryError: it is not a whole number from 0.
    """
    return None if expect is None else _check_count(expect, "expect")


def check_own(own: Collection[int]) -> tuple[int, ...]:
    """Return the later revisions that who commits has made.

    Raises:
        InvalidError: it is no list.
        InvalidQueryError: one of them is not a whole number from 0.
    """
    return tuple(_check_count(each, "own") for each in several(own, "own"))


def _check_count(count: object, what: str) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise InvalidQueryError(f"{what}: expected a number from 0, got {show(count)}")
    return count


def check_known(
    catalog_id: UUID, known: int | None, present: int, own: Collection[int] = ()
) -> None:
    """Check that a catalog has come to the revisions that somebody knows of it.

    Args:
        catalog_id: the catalog.
        known: the revision that somebody looked at, or ``None`` for any.
        present: the one that it is at.
        own: later revisions that somebody made.

    Raises:
        ConflictError: it has not: under its id there is another one now.
    """
    if known is not None and max((known, *own)) > present:
        raise ConflictError(f"catalog {catalog_id} (deleted and made anew)", present)
