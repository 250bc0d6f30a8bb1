"""Catalogs written as JSON, in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from cheap.core.catalogs import Catalog
from cheap.core.codecs import codec_of
from cheap.core.documents.definitions import aspect_def_document
from cheap.core.hierarchies import (
    AspectMap,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    Hierarchy,
    Node,
)

_encode = msgspec.json.encode
_PIECE: Final = 64 * 1024


def write_catalog(catalog: Catalog) -> Iterator[bytes]:
    """Write a catalog as a JSON document, in pieces of some 64 KB.

    Example:
        >>> with open("catalog.json", "wb") as file:
        ...     file.writelines(write_catalog(catalog))
    """
    return _gathered(_catalog_pieces(catalog))


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= _PIECE:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


def _catalog_pieces(catalog: Catalog) -> Iterator[bytes]:
    header: dict[str, object] = {"globalId": catalog.global_id, "uri": catalog.uri}
    header["species"] = catalog.species.value.lower()
    if catalog.upstream is not None:
        header["upstream"] = catalog.upstream
    header["version"] = catalog.version
    header["aspectDefs"] = {
        name: aspect_def_document(each) for name, each in catalog.aspect_defs.items()
    }
    yield _encode(header)[:-1] + b',"hierarchies":{'
    comma = b""
    for name, each in catalog.hierarchies.items():
        yield comma + _encode(name) + b":"
        yield from hierarchy_pieces(each)
        comma = b","
    yield b"}}"


def hierarchy_pieces(hierarchy: Hierarchy) -> Iterator[bytes]:
    """Write one hierarchy as a JSON object, in pieces."""
    start = b'{"type":"' + hierarchy.type.value.encode() + b'","name":' + _encode(hierarchy.name)
    if isinstance(hierarchy, AspectMap) and hierarchy.indexes:
        start += b',"indexes":' + _encode(hierarchy.indexes)
    yield start + b',"contents":'
    match hierarchy:
        case AspectMap():
            to_json = codec_of(hierarchy.aspect_def).to_json
            items = ((str(key), to_json(value)) for key, value in hierarchy.packed().items())
            yield from _object_pieces(items)
        case EntityDirectory():
            yield from _object_pieces((key, _encode(value)) for key, value in hierarchy.items())
        case EntityTree():
            yield from _node_pieces(hierarchy.root)
        case EntityList() | EntitySet():
            comma = b"["
            for entity in hierarchy:
                yield comma + _encode(entity)
                comma = b","
            yield b"[]" if comma == b"[" else b"]"
        case _:
            raise TypeError(type(hierarchy).__name__)
    yield b"}"


def _object_pieces(items: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    comma = b"{"
    for key, value in items:
        yield comma + _encode(key) + b":" + value
        comma = b","
    yield b"{}" if comma == b"{" else b"}"


def _node_pieces(root: Node) -> Iterator[bytes]:
    # A stack instead of recursion: a tree may be deeper than Python's stack.
    stack: list[bytes | Node] = [root]
    while stack:
        part = stack.pop()
        if isinstance(part, bytes):
            yield part
            continue
        fields = b"" if part.entity is None else b'"entityId":' + _encode(part.entity)
        if not part:
            yield b"{" + fields + b"}"
            continue
        yield b"{" + fields + (b"," if fields else b"") + b'"children":{'
        stack.append(b"}}")
        names = list(part)
        for i in range(len(names) - 1, -1, -1):
            stack.append(part[names[i]])
            stack.append((b"," if i else b"") + _encode(names[i]) + b":")
