"""Rows and values: both directions side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

import msgspec

from cheap.core import Aspect, AspectDef, CatalogSpecies, HierarchyType
from cheap.core.codecs import Codec, codec_of
from cheap.core.documents import aspect_def_document, read_aspect_def
from cheap.core.edits import Path
from cheap.core.names import id_from_bytes, ids_from_bytes
from cheap.db.adapter import Row, Session
from cheap.errors import CorruptError, InvalidError, MissingKeyError, NotReadableError
from cheap.store import CatalogHeader

CHUNK: Final = 5_000
"""Keys that one query asks for."""

ROOT: bytes = bytes(16)
"""The item of a tree's root."""


def as_text(value: str | bytes) -> str:
    """Return a text column; SQLite gives it as bytes."""
    return value.decode() if isinstance(value, bytes) else value


def as_bytes(value: str | bytes) -> bytes:
    """Return a document column; MariaDB gives it as text."""
    return value.encode() if isinstance(value, str) else value


# --- keys -----------------------------------------------------------------------------------


def _digest(data: bytes, size: int = 16) -> bytes:
    return blake2b(data, digest_size=size).digest()


def item_of_key(key: str) -> bytes:
    """Return the item of a directory's key: a digest, so that keys may be of any length."""
    return _digest(key.encode())


def child_item(parent: bytes, name: str) -> bytes:
    """Return the item of a node from that of its parent."""
    return _digest(parent + name.encode())


def items_of_path(path: Path) -> list[bytes]:
    """Return the items of a node and of all above it, the root first."""
    items = [ROOT]
    for name in path:
        items.append(child_item(items[-1], name))
    return items


def number_of_property(name: str) -> int:
    """Return the number by which an indexed property is known."""
    return int.from_bytes(_digest(name.encode(), 8), "big", signed=True)


def id_of_value(entity: bytes, name: str) -> bytes:
    """Return the id of a large value's pieces; the whole record's have the name ``""``."""
    return _digest(entity + name.encode())


# --- definitions and headers ----------------------------------------------------------------


def document_of(definition: AspectDef) -> bytes:
    """Return a definition as it is stored."""
    return msgspec.json.encode(aspect_def_document(definition))


@lru_cache(maxsize=4096)
def definition_of(document: bytes) -> AspectDef:
    """Return a stored definition: the same object for the same document, so its codec is kept.

    Raises:
        CorruptError: it is none.
    """
    try:
        return read_aspect_def(msgspec.json.decode(document))
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidError) as error:
        raise CorruptError(f"a stored definition cannot be read: {error}") from error


def species_of(text: str | bytes) -> CatalogSpecies:
    """Return a stored species.

    Raises:
        CorruptError: it is none.
    """
    try:
        return CatalogSpecies(as_text(text))
    except ValueError as error:
        raise CorruptError(f"the species of a stored catalog cannot be read: {error}") from error


def header_of(row: Row) -> CatalogHeader:
    """Return the header in a row of the catalog table."""
    catalog_id, species, version, uri, upstream, revision, _ = row
    return CatalogHeader(
        id_from_bytes(catalog_id),
        species_of(species),
        as_text(version),
        None if uri is None else as_text(uri),
        None if upstream is None else id_from_bytes(upstream),
        revision,
    )


@dataclass(frozen=True, slots=True)
class HierarchyRow:
    """A row of the hierarchy table, with the definition of an aspect map.

    Attributes:
        number: identifies it in its catalog, under its present definition.
        name: its name.
        type: its kind.
        created: the revision that created it.
        revision: the revision of the last change of its content.
        indexes: the indexed properties.
        definition: of an aspect map.
    """

    number: int
    name: str
    type: HierarchyType
    created: int
    revision: int
    indexes: tuple[str, ...]
    definition: AspectDef | None

    @property
    def codec(self) -> Codec:
        """The codec of an aspect map."""
        if self.definition is None:
            raise CorruptError(f"the definition of aspect map {self.name!r} is missing")
        return codec_of(self.definition)

    def readable_codec(self) -> Codec:
        """The codec of an aspect map whose definition lets it be read."""
        codec = self.codec
        if not codec.definition.readable:
            raise NotReadableError(f"aspect {self.name!r} is not readable")
        return codec


_NAMES: Final = tuple[str, ...]


def hierarchy_of(row: Sequence[Any]) -> HierarchyRow:
    """Return what is in a row of the hierarchy table joined with the definition's document."""
    number, name, kind, created, revision, indexes, document = row
    try:
        found, indexed = HierarchyType(as_text(kind)), msgspec.json.decode(indexes, type=_NAMES)
    except (msgspec.DecodeError, ValueError) as error:
        raise CorruptError(f"hierarchy {as_text(name)!r} cannot be read: {error}") from error
    return HierarchyRow(
        number,
        as_text(name),
        found,
        created,
        revision,
        indexed,
        None if document is None else definition_of(as_bytes(document)),
    )


# --- aspects --------------------------------------------------------------------------------


def packed_records(
    session: Session, place: Mapping[str, object], rows: Sequence[Row]
) -> dict[UUID, bytes]:
    """Return the packed records in rows of (entity, document), in order.

    Args:
        session: fetches what lies in pieces.
        place: ``catalog_id`` and ``hierarchy``.
        rows: the rows.
    """
    if not rows:
        return {}
    entities = [row[0] for row in rows]
    documents: list[Any] = [row[1] for row in rows]
    if not all(documents):
        documents = _completed(session, place, entities, documents)
    if isinstance(documents[0], str):
        documents = [each.encode() for each in documents]
    return dict(zip(ids_from_bytes(entities), documents, strict=True))


def packed_parts(
    session: Session, place: Mapping[str, object], statement: str
) -> dict[UUID, bytes]:
    """Return the packed records of a query for many; see ``packed_records``."""
    packed: dict[UUID, bytes] = {}
    late: list[Row] = []
    with closing(session.parts(statement, place)) as parts:
        for rows in parts:
            if any(row[1] is None for row in rows):
                # What lies in pieces is fetched when all parts came; its place is kept for it.
                late += [row for row in rows if row[1] is None]
                rows = [(row[0], as_bytes(row[1] or b"")) for row in rows]
            packed |= packed_records(session, place, rows)
    packed |= packed_records(session, place, late)
    return packed


def _completed(
    session: Session,
    place: Mapping[str, object],
    entities: Sequence[bytes],
    documents: Sequence[Any],
) -> list[Any]:
    wanted = {
        id_of_value(entity, ""): entity
        for entity, document in zip(entities, documents, strict=True)
        if document is None
    }
    parts: dict[bytes, list[bytes]] = {entity: [] for entity in wanted.values()}
    keys = list(wanted)
    for start in range(0, len(keys), CHUNK):
        ids = session.dialect.pack_ids(keys[start : start + CHUNK])
        for value_id, data in session.rows(session.statements.get_pieces, {**place, "ids": ids}):
            parts[wanted[bytes(value_id)]].append(data)
    first_text = next((each for each in documents if isinstance(each, str)), None)
    whole: list[Any] = []
    for entity, document in zip(entities, documents, strict=True):
        if document is None:
            document = b"".join(parts[entity])
        elif first_text is not None:
            document = as_bytes(document)
        whole.append(document)
    return whole


def aspects_of(packed: Mapping[UUID, bytes], codec: Codec) -> dict[UUID, Aspect]:
    """Return packed records as aspects that belong to nobody."""
    return {
        entity: Aspect.from_row(codec, codec.unpack(document), None, entity, document)
        for entity, document in packed.items()
    }


# --- trees ----------------------------------------------------------------------------------


class Paths:
    """Finds the paths of nodes whose rows know only their parent and their own name."""

    def __init__(self, session: Session, place: Mapping[str, object]) -> None:
        self._session = session
        self._place = place
        self._above: dict[bytes, tuple[bytes, str]] = {}

    def note(self, rows: Sequence[Row]) -> None:
        """Learn from rows of (position, item, parent, name, entity, ...), and from those above."""
        missing = self._learn(rows)
        while missing:
            ids = self._session.dialect.pack_ids(list(missing))
            params = {**self._place, "ids": ids}
            found = self._session.rows(self._session.statements.get_entries, params)
            if not found:
                raise CorruptError("a node of a tree has lost its parent")
            missing = self._learn(found)

    def _learn(self, rows: Sequence[Row]) -> set[bytes]:
        for _, item, parent, name, *_ in rows:
            if parent is not None:
                self._above[item] = (parent, as_text(name))
        parents = {row[2] for row in rows if row[2] is not None}
        return {each for each in parents if each != ROOT and each not in self._above}

    def of(self, item: bytes) -> Path:
        """Return the path of a node that was noted."""
        names: list[str] = []
        while item != ROOT:
            item, name = self._above[item]
            names.append(name)
        return tuple(reversed(names))


def missing_hierarchy(name: str) -> MissingKeyError:
    """Return the error for a hierarchy that is not there."""
    return MissingKeyError(f"catalog has no hierarchy {name!r}")
