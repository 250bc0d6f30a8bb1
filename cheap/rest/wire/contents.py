"""What a store answers with, as JSON and back: headers, entries, records, changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from cheap.core import Aspect, AspectDef, CatalogSpecies, HierarchyType, LargeValue
from cheap.core.codecs import codec_of
from cheap.core.documents import aspect_def_document, read_aspect_def
from cheap.errors import CorruptError
from cheap.store import (
    CatalogHeader,
    Change,
    ChangeKind,
    Commit,
    Entry,
    HierarchyHeader,
    Page,
)

encode: Final = msgspec.json.encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines

# --- definitions and records --------------------------------------------------------------------


@lru_cache(maxsize=1024)
def definition_json(definition: AspectDef) -> Raw:
    """Return a definition as JSON; it is written once and kept."""
    return Raw(encode(aspect_def_document(definition)))


def read_definition(raw: bytes | memoryview | Raw) -> AspectDef:
    """Return the definition that a server sent; read once and kept."""
    return _read_definition(bytes(raw))


@lru_cache(maxsize=1024)
def _read_definition(document: bytes) -> AspectDef:
    return read_aspect_def(msgspec.json.decode(document))


def record_json(aspect: Aspect) -> Raw:
    """Return a record in its JSON form."""
    return Raw(codec_of(aspect.definition).to_json(aspect.packed()))


def read_record(raw: bytes | Raw, definition: AspectDef, entity: UUID) -> Aspect:
    """Return the record that a server sent."""
    codec = codec_of(definition)
    return Aspect.from_row(codec, codec.unpack_json(raw), None, entity)


# --- headers ------------------------------------------------------------------------------------


def header_form(header: CatalogHeader) -> dict[str, Any]:
    """Return a catalog's header, to be encoded."""
    return {
        "catalog_id": header.catalog_id,
        "species": header.species.value,
        "version": header.version,
        "uri": header.uri,
        "upstream": header.upstream,
        "revision": header.revision,
    }


class _Header(msgspec.Struct):
    catalog_id: UUID
    species: CatalogSpecies
    version: str
    uri: str | None
    upstream: UUID | None
    revision: int

    def value(self) -> CatalogHeader:
        return CatalogHeader(
            self.catalog_id, self.species, self.version, self.uri, self.upstream, self.revision
        )


class _Headers(msgspec.Struct):
    items: list[_Header]
    next: str | None


class _Hierarchy(msgspec.Struct):
    name: str
    type: HierarchyType
    revision: int
    size: int
    indexes: tuple[str, ...] = ()


class _Hierarchies(msgspec.Struct):
    items: list[_Hierarchy]


class _Definitions(msgspec.Struct):
    items: list[Raw]


class _Revision(msgspec.Struct):
    revision: int


class _Commit(msgspec.Struct):
    revision: int
    previous: int
    written: int


class _About(msgspec.Struct):
    store_id: UUID
    limits: dict[str, int]


class _Large(msgspec.Struct):
    size: int
    digest: str


def read_header(body: bytes) -> CatalogHeader:
    """Return a catalog's header."""
    found: _Header = _decoded(_Header, body)
    return found.value()


def read_headers(body: bytes) -> Page[CatalogHeader]:
    """Return a page of headers."""
    found = _decoded(_Headers, body)
    return Page(tuple(each.value() for each in found.items), found.next)


def hierarchy_form(header: HierarchyHeader) -> dict[str, Any]:
    """Return a hierarchy's header, to be encoded."""
    return {
        "name": header.name,
        "type": header.type.value,
        "revision": header.revision,
        "size": header.size,
        "indexes": list(header.indexes),
    }


def read_hierarchies(body: bytes) -> list[HierarchyHeader]:
    """Return the hierarchies of a catalog."""
    return [
        HierarchyHeader(each.name, each.type, each.revision, each.size, each.indexes)
        for each in _decoded(_Hierarchies, body).items
    ]


def read_definitions(body: bytes) -> list[AspectDef]:
    """Return the definitions of a catalog."""
    return [read_definition(each) for each in _decoded(_Definitions, body).items]


def read_revision(body: bytes) -> int:
    """Return a catalog's revision."""
    found: _Revision = _decoded(_Revision, body)
    return found.revision


def commit_form(done: Commit) -> dict[str, Any]:
    """Return what a commit did, to be encoded."""
    return {"revision": done.revision, "previous": done.previous, "written": done.written}


def read_commit(body: bytes) -> Commit:
    """Return what a commit did."""
    found = _decoded(_Commit, body)
    return Commit(found.revision, found.previous, found.written)


def read_about(body: bytes) -> tuple[UUID, dict[str, int]]:
    """Return the id of a server's store, and the server's limits by their names."""
    found = _decoded(_About, body)
    return found.store_id, found.limits


def read_large(body: bytes) -> LargeValue:
    """Return the size and digest of a large value."""
    found = _decoded(_Large, body)
    return LargeValue(found.size, found.digest)


def _decoded(kind: type[Any], body: bytes) -> Any:
    try:
        return _DECODERS[kind].decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptError(f"the server's answer cannot be read: {error}") from error


# --- entries ------------------------------------------------------------------------------------


class _Entry(msgspec.Struct):
    entity: UUID | None
    key: str | None = None
    path: tuple[str, ...] | None = None
    aspect: Raw | UnsetType = UNSET


class _Entries(msgspec.Struct):
    items: list[_Entry]
    next: str | None
    definition: Raw | UnsetType = UNSET


def entry_forms(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return items of one hierarchy, to be encoded."""
    aspects = [each.aspect for each in entries if each.aspect is not None]
    return record_forms(aspects) if aspects else list(map(_entry_form, entries))


def record_forms(aspects: Sequence[Aspect]) -> list[dict[str, Any]]:
    """Return records of one definition, each with its entity, to be encoded."""
    if not aspects:
        return []
    to_json = codec_of(aspects[0].definition).to_json
    return [{"entity": each.entity, "aspect": Raw(to_json(each.packed()))} for each in aspects]


def _entry_form(entry: Entry) -> dict[str, Any]:
    if entry.key is None:
        return {"entity": entry.entity}
    if isinstance(entry.key, str):
        return {"key": entry.key, "entity": entry.entity}
    return {"path": entry.key, "entity": entry.entity}


def entries_form(page: Page[Entry]) -> dict[str, Any]:
    """Return a page of a hierarchy, to be encoded."""
    form: dict[str, Any] = {"items": entry_forms(page.items), "next": page.next}
    if page.items and page.items[0].aspect is not None:
        form["definition"] = definition_json(page.items[0].aspect.definition)
    return form


def aspects_form(aspects: Sequence[Aspect], cursor: str | None = None) -> dict[str, Any]:
    """Return a page of records, to be encoded."""
    form: dict[str, Any] = {
        "items": record_forms(aspects),
        "next": cursor,
    }
    if aspects:
        form["definition"] = definition_json(aspects[0].definition)
    return form


def read_entries(body: bytes) -> Page[Entry]:
    """Return a page of a hierarchy."""
    found: _Entries = _decoded(_Entries, body)
    definition = None
    if not isinstance(found.definition, UnsetType):
        definition = read_definition(found.definition)
    return Page(tuple(_read_entry(each, definition) for each in found.items), found.next)


def _read_entry(form: _Entry, definition: AspectDef | None) -> Entry:
    aspect = None
    if not isinstance(form.aspect, UnsetType) and definition is not None and form.entity:
        aspect = read_record(form.aspect, definition, form.entity)
    return Entry(form.key if form.path is None else form.path, form.entity, aspect)


def read_aspects(body: bytes) -> Page[Aspect]:
    """Return a page of records."""
    found: _Entries = _decoded(_Entries, body)
    if not found.items or isinstance(found.definition, UnsetType):
        return Page((), found.next)
    codec = codec_of(read_definition(found.definition))
    aspects = [
        Aspect.from_row(codec, codec.unpack_json(each.aspect), None, each.entity)
        for each in found.items
        if not isinstance(each.aspect, UnsetType)
    ]
    return Page(tuple(aspects), found.next)


# --- changes ------------------------------------------------------------------------------------


class _Key(msgspec.Struct):
    entity: UUID | None = None
    key: str | None = None
    path: tuple[str, ...] | None = None
    place: int | None = None

    def value(self) -> UUID | str | tuple[str, ...] | int | None:
        for each in (self.entity, self.key, self.path, self.place):
            if each is not None:
                return each
        return None


class _Change(msgspec.Struct):
    revision: int
    kind: ChangeKind
    removed: bool
    hierarchy: str | None
    key: _Key | None
    value: Raw


class _Changes(msgspec.Struct):
    items: list[_Change]
    next: str | None
    definitions: dict[str, Raw]


def changes_form(page: Page[Change]) -> dict[str, Any]:
    """Return a page of the change feed, to be encoded."""
    definitions = {
        each.value.definition.name: definition_json(each.value.definition)
        for each in page.items
        if isinstance(each.value, Aspect)
    }
    items = list(map(_change_form, page.items))
    return {"items": items, "next": page.next, "definitions": definitions}


def _change_form(change: Change) -> dict[str, Any]:
    return {
        "revision": change.revision,
        "kind": change.kind.value,
        "removed": change.removed,
        "hierarchy": change.hierarchy,
        "key": _key_form(change.key),
        "value": _value_form(change.value),
    }


def _key_form(key: UUID | str | tuple[str, ...] | int | None) -> dict[str, Any] | None:
    match key:
        case None:
            return None
        case UUID():
            return {"entity": key}
        case str():
            return {"key": key}
        case int():
            return {"place": key}
        case _:
            return {"path": key}


def _value_form(value: object) -> object:
    match value:
        case Aspect():
            return record_json(value)
        case AspectDef():
            return definition_json(value)
        case CatalogHeader():
            return header_form(value)
        case HierarchyType():
            return value.value
        case _:
            return value


def read_changes(body: bytes) -> Page[Change]:
    """Return a page of the change feed."""
    found: _Changes = _decoded(_Changes, body)
    definitions = {name: read_definition(raw) for name, raw in found.definitions.items()}
    return Page(tuple(_read_change(each, definitions) for each in found.items), found.next)


def _read_change(form: _Change, definitions: dict[str, AspectDef]) -> Change:
    key = None if form.key is None else form.key.value()
    value = None if bytes(form.value) == b"null" else _read_value(form, key, definitions)
    return Change(form.revision, form.kind, form.removed, form.hierarchy, key, value)


def _read_value(form: _Change, key: object, definitions: dict[str, AspectDef]) -> Any:
    match form.kind:
        case ChangeKind.HEADER:
            return read_header(bytes(form.value))
        case ChangeKind.DEFINITION:
            return read_definition(form.value)
        case ChangeKind.HIERARCHY:
            return _decoded(HierarchyType, bytes(form.value))
        case ChangeKind.ITEM:
            return _decoded(UUID, bytes(form.value))
        case ChangeKind.ASPECT:
            assert isinstance(key, UUID)
            return read_record(form.value, definitions[form.hierarchy or ""], key)


# --- lines --------------------------------------------------------------------------------------


def lines(entries: Sequence[Entry]) -> bytes:
    """Return items of one hierarchy as lines of JSON, one each."""
    return _encode_lines(entry_forms(entries))


def read_line(line: bytes | str, definition: AspectDef | None) -> Entry:
    """Return the item of a hierarchy that stands on a line.

    Raises:
        CorruptError: it is no such line.
    """
    found: _Entry = _decoded(_Entry, line if isinstance(line, bytes) else line.encode())
    return _read_entry(found, definition)


# Made here, and not by the first who needs one: threads that have msgspec find out about the same
# class at the same moment crash it (0.22.0: a segmentation fault).
_DECODERS: Final[Mapping[type[Any], msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (
        _Header,
        _Headers,
        _Hierarchies,
        _Definitions,
        _Revision,
        _Commit,
        _About,
        _Large,
        _Entry,
        _Entries,
        _Changes,
        HierarchyType,
        UUID,
    )
}
