"""Large values: CLOBs and BLOBs that are written and read in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from uuid import UUID

from msgspec import UNSET

from cheap.core import LargeValue, PropertyDef, PropertyType
from cheap.core.codecs import Codec
from cheap.core.names import is_storable_text
from cheap.core.values import show
from cheap.db.adapter import Session
from cheap.db.rows import HierarchyRow, id_of_value, packed_records
from cheap.errors import (
    CorruptError,
    Fault,
    InvalidEditError,
    InvalidQueryError,
    InvalidValueError,
    MissingKeyError,
    NotReadableError,
)
from cheap.store import PIECE_SIZE, Piece


def large_property(codec: Codec, name: str) -> PropertyDef:
    """Return the definition of a property that can be written in pieces.

    Raises:
        MissingKeyError: there is no such property.
        InvalidEditError: it is not a CLOB or BLOB, or is multivalued.
    """
    prop = codec.definition[name]
    if name not in codec.large:
        kind = f"multivalued {prop.type.value}" if prop.multivalued else prop.type.value
        raise InvalidEditError(
            f"property {name!r} of aspect {codec.definition.name!r} is a {kind}: "
            "only a single CLOB or BLOB is read and written in pieces"
        )
    return prop


def digest_of(data: bytes) -> LargeValue:
    """Return size and digest of a value that is held whole."""
    return LargeValue(len(data), blake2b(data, digest_size=16).hexdigest())


def whole_piece(data: bytes, offset: int) -> Piece:
    """Return a piece of a value that is held whole."""
    value = digest_of(data)
    check_offset(offset, value)
    part = data[offset : offset + PIECE_SIZE]
    end = offset + len(part)
    return Piece(part, value, end if end < value.size else None)


def check_offset(offset: object, value: LargeValue) -> int:
    """Return an offset that lies in a value.

    Raises:
        InvalidQueryError: it does not.
    """
    inside = isinstance(offset, int) and (0 <= offset < value.size or offset == 0)
    if not inside or isinstance(offset, bool):
        raise InvalidQueryError(f"offset: expected 0 to {value.size - 1:,}, got {show(offset)}")
    return offset  # type: ignore[return-value]


def read_piece(
    session: Session,
    place: Mapping[str, object],
    hierarchy: HierarchyRow,
    entity: UUID,
    name: str,
    offset: int,
) -> Piece:
    """Return the piece of a large value that begins at an offset. See ``Store.read_piece``."""
    codec = hierarchy.readable_codec()
    if not large_property(codec, name).readable:
        raise NotReadableError(f"property {name!r} of aspect {hierarchy.name!r} is not readable")
    ids = session.dialect.pack_ids([entity.bytes])
    rows = session.rows(session.statements.get_aspects, {**place, "ids": ids})
    if not rows:
        raise MissingKeyError(f"no aspect {hierarchy.name!r} of entity {entity}")
    row = codec.unpack(packed_records(session, place, rows)[entity])
    value = codec.get(row, name)
    if value is UNSET:
        value = codec.definition[name].unset_value
    if value is None:
        raise MissingKeyError(f"property {name!r} of {entity} in {hierarchy.name!r} is null")
    if not isinstance(value, LargeValue):
        return whole_piece(value.encode() if isinstance(value, str) else value, offset)  # type: ignore[arg-type]
    check_offset(offset, value)
    if value.size == 0:
        return Piece(b"", value, None)
    number, start = divmod(offset, PIECE_SIZE)
    params = {**place, "value_id": id_of_value(entity.bytes, name), "number": number}
    found = session.rows(session.statements.get_piece, params)
    if not found:
        raise CorruptError(f"piece {number} of {name!r} of {entity} is missing")
    data = bytes(found[0][0])[start:]
    end = offset + len(data)
    return Piece(data, value, end if end < value.size else None)


class PieceCutter:
    """Cuts what comes in any pieces into pieces of one size, and sums it up.

    Args:
        hierarchy: the aspect's name, for messages.
        prop: a CLOB or BLOB property.
        entity: whose value, for messages.
    """

    def __init__(self, hierarchy: str, prop: PropertyDef, entity: UUID) -> None:
        self._hierarchy = hierarchy
        self._prop = prop
        self._entity = entity
        self._digest = blake2b(digest_size=16)
        self._size = 0

    def cut(self, pieces: Iterable[bytes | str]) -> Iterator[bytes]:
        """Yield pieces of 256 KB, the last one shorter."""
        buffer = bytearray()
        for each in pieces:
            buffer += self._checked(each)
            while len(buffer) >= PIECE_SIZE:
                yield self._counted(bytes(buffer[:PIECE_SIZE]))
                del buffer[:PIECE_SIZE]
        if buffer:
            yield self._counted(bytes(buffer))

    @property
    def value(self) -> LargeValue:
        """Size and digest of all that was cut."""
        return LargeValue(self._size, self._digest.hexdigest())

    def _counted(self, piece: bytes) -> bytes:
        self._digest.update(piece)
        self._size += len(piece)
        return piece

    def _checked(self, piece: object) -> bytes:
        if self._prop.type is PropertyType.BLOB:
            if isinstance(piece, (bytes, bytearray, memoryview)):
                return bytes(piece)  # pyright: ignore[reportUnknownArgumentType]
            raise self._refusal("pieces of bytes", type(piece).__name__)
        if not isinstance(piece, str):
            raise self._refusal("pieces of text", type(piece).__name__)
        if not is_storable_text(piece):
            raise self._refusal("text without NUL and lone surrogates", "such a character")
        return piece.encode()

    def _refusal(self, expected: str, got: str) -> InvalidValueError:
        fault = Fault(self._prop.name, expected, got)
        return InvalidValueError(self._hierarchy, [fault], str(self._entity))
