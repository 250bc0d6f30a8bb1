"""What may be a name, and ids."""

from __future__ import annotations

import os
import threading
import time
from uuid import UUID

from msgspec import ValidationError, convert

from cheap.errors import InvalidNameError

MAX_NAME = 255
"""Longest name of a definition, a property or a hierarchy, in characters.

255 characters of four UTF-8 bytes fit into an index of each database together with the other
columns of the key (InnoDB allows 3,072 bytes, a PostgreSQL B-tree 2,704).
"""

MAX_TEXT_LABEL = 8192
"""Longest version or URI label of a catalog, in characters."""


def is_storable_text(value: str) -> bool:
    """Tell whether every database can keep this text: no NUL, no lone surrogate."""
    if "\0" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_name(value: object, what: str) -> str:
    """Return a name that every store can keep, or say what is wrong with it.

    Args:
        value: the name given.
        what: what it names, for the message ("hierarchy", "property", ...).

    Raises:
        InvalidNameError: it is not text, is empty, is longer than 255 characters, or holds NUL
            or a lone surrogate.
    """
    if not isinstance(value, str):
        raise InvalidNameError(f"{what} name: expected text, got {type(value).__name__}")
    if not 0 < len(value) <= MAX_NAME:
        raise InvalidNameError(
            f"{what} name: expected 1 to {MAX_NAME} characters, got {len(value):,}"
        )
    return check_key(value, f"{what} name")


def check_key(value: object, what: str) -> str:
    """Return a directory key or a node name: any text without NUL and lone surrogates.

    Raises:
        InvalidNameError: it is not such a text.
    """
    if not isinstance(value, str):
        raise InvalidNameError(f"{what}: expected text, got {type(value).__name__}")
    if not is_storable_text(value):
        raise InvalidNameError(
            f"{what}: expected text without NUL and lone surrogates, got {value[:40]!r}"
        )
    return str.__str__(value)  # str() of an Enum member would give its own idea of a name


def check_label(value: object, what: str) -> str:
    """Return a catalog's version or URI: text of at most 8,192 characters.

    Raises:
        InvalidNameError: it is not such a text.
    """
    label = check_key(value, what)
    if len(label) > MAX_TEXT_LABEL:
        raise InvalidNameError(
            f"{what}: expected at most {MAX_TEXT_LABEL:,} characters, got {len(label):,}"
        )
    return label


def check_id(value: object, what: str = "entity id") -> UUID:
    """Return the UUID that was given.

    Raises:
        InvalidNameError: it is something else (a string is not an id: write ``UUID(text)``).
    """
    if not isinstance(value, UUID):
        raise InvalidNameError(
            f"{what}: expected a uuid.UUID, got {type(value).__name__} {str(value)[:40]!r}"
        )
    return value


_lock = threading.Lock()
_last = 0


def new_id() -> UUID:
    """Make a new UUIDv7 (RFC 9562): ids made later sort later, so B-trees append.

    Within one process ids are strictly ascending, also when the clock steps back: the 12 bits
    after the version count fractions of a millisecond.
    """
    global _last
    now = time.time_ns() * 4096 // 1_000_000
    with _lock:
        _last = now = max(now, _last + 1)
    bits = (now >> 12) << 80 | 0x7 << 76 | (now & 0xFFF) << 64
    bits |= 0b10 << 62 | int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=bits)


def ids_from_bytes(values: list[bytes]) -> list[UUID]:
    """Turn 16-byte ids into UUIDs, many at a time.

    ``msgspec`` builds a UUID in C: 0.3 µs against 0.9 µs for ``UUID(bytes=…)`` (CPython 3.11).
    """
    try:
        return convert(values, list[UUID])
    except ValidationError:  # pragma: no cover - a damaged row; name the error as Python does
        return [UUID(bytes=bytes(value)) for value in values]


def id_from_bytes(value: bytes) -> UUID:
    """Turn one 16-byte id into a UUID."""
    return convert(value, UUID)
