"""Streams of the clients, blocking and awaited side by side: lines, records, pieces."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, TypeVar, cast
from uuid import UUID

from cheap.core import AspectDef, Catalog, read_catalog
from cheap.core.codecs import codec_of
from cheap.core.names import check_id, is_storable_text
from cheap.core.records import pack_records
from cheap.errors import CorruptError, Fault, InvalidDocumentError, InvalidValueError
from cheap.rest.client.calls import Reply

T = TypeVar("T")

_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that the server refused.

    Attributes:
        line: which, from 1 on.
        entity: whose, where that could be read.
        code: the error's code.
        detail: what is wrong, in words.
        faults: each thing that is wrong.
    """

    line: int
    entity: UUID | None
    code: str
    detail: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of a stream of records.

    Attributes:
        revision: the catalog's revision after it.
        received: how many records came.
        written: how many of them are stored.
        refused: the others; the first thousand of them.
    """

    revision: int
    received: int
    written: int
    refused: tuple[Refusal, ...]


def read_uploaded(reply: Reply) -> Uploaded:
    """Return what became of a stream of records."""
    form = reply.json()
    refused = [
        Refusal(
            each["line"],
            each["entity"] and UUID(each["entity"]),
            each["code"],
            each["detail"],
            tuple(Fault(**fault) for fault in each["errors"]),
        )
        for each in form["refused"]
    ]
    return Uploaded(form["revision"], form["received"], form["written"], tuple(refused))


def read_catalog_line(line: bytes) -> Catalog:
    """Return the catalog that stands on a line.

    Raises:
        CorruptError: it is none.
    """
    try:
        return read_catalog(line)
    except InvalidDocumentError as error:
        raise CorruptError(f"the server's answer cannot be read: {error}") from error


# --- lines --------------------------------------------------------------------------------------


class Lines:
    """Cuts what comes in pieces of any size into lines."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def take(self, chunk: bytes) -> list[bytes]:
        """Take a piece; return the lines that end in it."""
        first, *more = chunk.split(b"\n")
        self._parts.append(first)
        if not more:
            return []
        lines = [b"".join(self._parts), *more[:-1]]
        self._parts = [more[-1]]
        return [each for each in lines if each]

    def finish(self) -> None:
        """See that nothing is left.

        Raises:
            CorruptError: the last line has no end: the answer broke off.
        """
        if any(self._parts):
            raise CorruptError("the server's answer broke off in the middle of a line")


def cut_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a body."""
    lines = Lines()
    for chunk in chunks:
        yield from lines.take(chunk)
    lines.finish()


async def acut_lines(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    """Yield the lines of a body."""
    lines = Lines()
    async for chunk in chunks:
        for line in lines.take(chunk):
            yield line
    lines.finish()


# --- records ------------------------------------------------------------------------------------


def _line(entity: UUID, record: object, definition: AspectDef) -> bytes:
    codec = codec_of(definition)
    packed = pack_records({check_id(entity): record}, codec)[entity]
    return b'{"entity":"%s","aspect":%s}\n' % (str(entity).encode(), codec.to_json(packed))


def as_lines(records: Iterable[tuple[UUID, object]], definition: AspectDef) -> Iterator[bytes]:
    """Yield records as lines, some 64 KB at once."""
    buffer = bytearray()
    for entity, record in records:
        buffer += _line(entity, record, definition)
        if len(buffer) >= _PIECE:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)


async def aas_lines(
    records: Iterable[tuple[UUID, object]] | AsyncIterable[tuple[UUID, object]],
    definition: AspectDef,
) -> AsyncGenerator[bytes]:
    """Yield records as lines, some 64 KB at once."""
    buffer = bytearray()
    async with aclosing(each_of(records)) as given:
        async for entity, record in given:
            buffer += _line(entity, record, definition)
            if len(buffer) >= _PIECE:
                yield bytes(buffer)
                buffer.clear()
    yield bytes(buffer)


# --- pieces -------------------------------------------------------------------------------------


async def each_of(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T]:
    """Yield what an iterable of either kind yields."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


NOTHING: Final = object()
"""The first piece of a value that has none."""


class Encoder:
    """Turns the pieces of one large value into bytes; all are text, or all are bytes.

    Args:
        name: the definition's name.
        entity: whose record.
        property: the property.
        first: the first piece, if there is one.
    """

    def __init__(self, name: str, entity: UUID, property: str, first: object) -> None:
        self._place = (name, entity, property)
        self._is_text = isinstance(first, str)

    def encode(self, piece: object) -> bytes:
        """Return a piece as bytes.

        Raises:
            InvalidValueError: it is of another kind than the first one, or no text that is kept.
        """
        if self._is_text and isinstance(piece, str) and is_storable_text(piece):
            return piece.encode()
        if not self._is_text and isinstance(piece, (bytes, bytearray, memoryview)):
            return bytes(cast("bytes", piece))
        name, entity, prop = self._place
        kind = "text without NUL and lone surrogates" if self._is_text else "bytes"
        fault = Fault(prop, f"pieces of {kind}", repr(piece)[:60])
        raise InvalidValueError(name, [fault], str(entity))

    def pieces(self, first: object, rest: Iterable[object]) -> Iterator[bytes]:
        """Yield every piece as bytes."""
        if first is not NOTHING:
            yield self.encode(first)
        for piece in rest:
            yield self.encode(piece)

    async def apieces(self, first: object, rest: AsyncIterable[object]) -> AsyncGenerator[bytes]:
        """Yield every piece as bytes."""
        if first is not NOTHING:
            yield self.encode(first)
        async for piece in rest:
            yield self.encode(piece)
