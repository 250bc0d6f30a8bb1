"""Streams that go out, page by page, in constant memory."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec

from cheap.core import Catalog, HierarchyType, LargeValue, write_catalog
from cheap.core.documents import hierarchy_pieces
from cheap.errors import (
    CatalogNotFoundError,
    InvalidError,
)
from cheap.rest.endpoints import Pause
from cheap.rest.messages import Answer, Request, etag, unchanged
from cheap.rest.serving import Serving
from cheap.rest.wire import contents
from cheap.store import CatalogHeader, Page, Store

PAGE: Final = 500
"""Items that a stream reads at once: some 0.25 MB of records."""

_PIECE: Final = 256 * 1024
_encode = msgspec.json.encode

Chunks = AsyncIterator[bytes]

# --- out ----------------------------------------------------------------------------------------


async def hierarchy_lines(serving: Serving, request: Request) -> Chunks:
    """Yield the lines of a hierarchy, a page at a time."""
    catalog_id, name = request.path
    cursor: str | None = None
    while True:
        chunk, cursor = await serving.run(partial(_page_of_lines, catalog_id, name, cursor))
        yield chunk
        if cursor is None:
            return


def _page_of_lines(
    catalog_id: UUID, name: str, cursor: str | None, store: Store
) -> tuple[bytes, str | None]:
    page = store.read_hierarchy(catalog_id, name, cursor=cursor, limit=PAGE)
    return contents.lines(page.items), page.next


async def catalog_lines(serving: Serving, request: Request) -> Chunks:
    """Yield every catalog as a line; what is deleted meanwhile is left out."""
    cursor: str | None = None
    while True:
        page = await serving.run(partial(_page_of_catalogs, cursor))
        for header in page.items:
            try:
                async with aclosing(_catalog_line(serving, header.catalog_id)) as line:
                    async for chunk in line:
                        yield chunk
            except CatalogNotFoundError:
                continue
        if not page.items:
            yield b""
        if (cursor := page.next) is None:
            return


def _page_of_catalogs(cursor: str | None, store: Store) -> Page[CatalogHeader]:
    return store.list_catalogs(cursor=cursor, limit=100)


async def _catalog_line(serving: Serving, catalog_id: UUID) -> AsyncGenerator[bytes]:
    """A catalog's document: its records by pages, all the rest of it in one go."""
    opening, maps, names = await serving.run(partial(_opening, catalog_id))
    yield opening
    comma = b""
    for name in names:
        if name not in maps:
            yield comma + await serving.run(partial(_whole_hierarchy, catalog_id, name))
        else:
            yield comma + maps[name]
            cursor, separator = None, b"{"
            while True:
                chunk, cursor = await serving.run(partial(_page_of_map, catalog_id, name, cursor))
                yield separator + chunk if chunk else b""
                separator = b"," if chunk else separator
                if cursor is None:
                    break
            yield b"{}}" if separator == b"{" else b"}}"
        comma = b","
    yield b"}}\n"


def _opening(catalog_id: UUID, store: Store) -> tuple[bytes, dict[str, bytes], list[str]]:
    """The beginning of a document, of each of its aspect maps, and the names of all hierarchies."""
    header = store.get_catalog(catalog_id)
    empty = Catalog(
        species=header.species,
        version=header.version,
        uri=header.uri,
        upstream=header.upstream,
        global_id=catalog_id,
    )
    for definition in store.list_aspect_defs(catalog_id):
        empty.define_without_map(definition)
    maps: dict[str, bytes] = {}
    names: list[str] = []
    for each in store.list_hierarchies(catalog_id):
        names.append(each.name)
        if each.type is HierarchyType.ASPECT_MAP:
            indexes = b',"indexes":' + _encode(each.indexes) if each.indexes else b""
            name = _encode(each.name)
            maps[each.name] = name + b':{"type":"AM","name":' + name + indexes + b',"contents":'
    document = b"".join(write_catalog(empty))
    return document.removesuffix(b"}}"), maps, names


def _whole_hierarchy(catalog_id: UUID, name: str, store: Store) -> bytes:
    loaded = store.load_catalog(catalog_id, only=[name])
    return _encode(name) + b":" + b"".join(hierarchy_pieces(loaded[name]))


def _page_of_map(
    catalog_id: UUID, name: str, cursor: str | None, store: Store
) -> tuple[bytes, str | None]:
    page = store.read_hierarchy(catalog_id, name, cursor=cursor, limit=PAGE)
    members = {
        each.entity: contents.record_json(each.aspect)
        for each in page.items
        if each.aspect is not None
    }
    return _encode(members)[1:-1], page.next  # without the braces


async def document(serving: Serving, request: Request) -> tuple[dict[str, str], Chunks] | Answer:
    """Return the headers and the pieces of a whole catalog's document, as of one moment."""
    (catalog_id,) = request.path

    def load(store: Store) -> Catalog | str:
        if "if-none-match" in request.headers:
            tag = etag(store.get_catalog(catalog_id).revision)
            if request.knows(tag):
                return tag
        return store.load_catalog(catalog_id, only=request.query.only)

    found = await serving.run(load)
    if isinstance(found, str):
        return unchanged(found)
    return {"etag": etag(found.revision)}, _written(serving, found)


async def _written(serving: Serving, catalog: Catalog) -> Chunks:
    pieces = write_catalog(catalog)

    def gather(_: object) -> bytes:
        found = bytearray()
        for piece in pieces:
            found += piece
            if len(found) >= _PIECE:
                break
        return bytes(found)

    while chunk := await serving.run(gather):
        yield chunk


async def large_value(serving: Serving, request: Request) -> tuple[dict[str, str], Chunks] | Answer:
    """Return the headers and the pieces of a large value."""
    catalog_id, name, entity, prop = request.path

    def read(offset: int) -> Callable[[Store], Any]:
        return lambda store: store.read_piece(catalog_id, name, entity, prop, offset)

    first = await serving.run(read(0))
    value: LargeValue = first.value
    tag = f'"{value.digest}"'
    if request.knows(tag):
        return unchanged(tag)

    async def pieces() -> Chunks:
        piece = first
        yield piece.data
        while piece.next is not None:
            piece = await serving.run(read(piece.next))
            if piece.value != value:
                raise InvalidError("the value was written anew while it was being read")
            yield piece.data

    headers = {"etag": tag, "content-length": str(value.size)}
    return headers, pieces()


# --- waiting ------------------------------------------------------------------------------------

_LOOK_AGAIN: Final = 0.2


async def awaited_changes(
    serving: Serving, request: Request, read: Callable[[], Any], pause: Pause
) -> Answer:
    """Answer when there is a change, or after the seconds that the query names."""
    (catalog_id,) = request.path
    deadline = time.monotonic() + request.query.wait
    while True:
        header = await serving.run(lambda store: store.get_catalog(catalog_id))
        left = deadline - time.monotonic()
        if header.revision != request.query.since or left <= 0 or serving.stopping.is_set():
            found: Answer = await read()
            return found
        await pause(min(_LOOK_AGAIN, left))
