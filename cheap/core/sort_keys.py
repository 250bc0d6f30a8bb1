"""Sort keys: short byte strings that compare (memcmp) as the values they stand for do.

They give every database, and Python, one order. Keys of long values are cut: such values are
ordered by what the key holds, and it never puts a smaller value behind a larger one.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

MAX_SORT_KEY: Final = 256
"""Longest sort key of a value, in bytes; values that agree in them are ordered by entity id."""

_MIDDLE: Final = 1 << 63
_DIGITS_KEPT: Final = MAX_SORT_KEY - 32
_EPOCH: Final = datetime(1, 1, 1, tzinfo=UTC)


def _mirrored(key: bytes) -> bytes:
    return bytes(255 - byte for byte in key)


def integer_key(value: int) -> bytes:
    """Order by size."""
    return (value + _MIDDLE).to_bytes(8, "big")


def float_key(value: float) -> bytes:
    """Order by size."""
    bits: int = struct.unpack(">Q", struct.pack(">d", value))[0]
    # IEEE 754: with all bits of a negative flipped, and the sign bit of a positive, bytes order
    # as numbers.
    return (bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else _MIDDLE)).to_bytes(8, "big")


def boolean_key(value: bool) -> bytes:
    """False first."""
    return b"\1" if value else b"\0"


def text_key(value: str) -> bytes:
    """Order by code point, which is how UTF-8 bytes order."""
    # Cut first: four bytes are the most that a character takes, one the least.
    return value[:MAX_SORT_KEY].encode()[:MAX_SORT_KEY]


def big_integer_key(value: int) -> bytes:
    """Order by size."""
    size = (abs(value).bit_length() + 7) // 8
    body = size.to_bytes(6, "big") + abs(value).to_bytes(size, "big")[: MAX_SORT_KEY - 8]
    return b"\0" + _mirrored(body) if value < 0 else b"\1" + body


def big_decimal_key(value: Decimal) -> bytes:
    """Order by size, then by scale: 1.5 before 1.50 (equal, but not the same value)."""
    return b"".join(_number_and_scale(value))


def big_decimal_keys(value: Decimal) -> tuple[bytes, bytes]:
    """Bounds of the keys of all that equal the value, whatever their scale."""
    number, _ = _number_and_scale(value)
    return number, number + b"\xff"  # no scale begins so


def _number_and_scale(value: Decimal) -> tuple[bytes, bytes]:
    """The two parts of a key: what equal numbers share, and what then tells them apart."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # finite
    scale = (_MIDDLE - exponent).to_bytes(9, "big") + bytes([1 - sign])
    if not value:
        return b"\1", scale
    # The number is 0.d1d2d3… × 10^magnitude, without leading and trailing zeros.
    magnitude = (len(digits) + exponent + _MIDDLE).to_bytes(9, "big")
    significant = bytes(digits[: _DIGITS_KEPT + 1]).rstrip(b"\0")
    if len(significant) > _DIGITS_KEPT or any(digits[_DIGITS_KEPT + 1 :]):
        # Cut: behind the number that ends here (whose mark is 0), and without a scale, which
        # would order numbers that still differ.
        body, scale = magnitude + _shown(significant) + b"\1", b""
    else:
        body = magnitude + _shown(significant) + b"\0"
    return b"\0" + _mirrored(body) if sign else b"\2" + body, scale


def _shown(digits: bytes) -> bytes:
    """Digits as bytes above the end marks."""
    return bytes(digit + 48 for digit in digits[:_DIGITS_KEPT])


def date_time_key(value: datetime) -> bytes:
    """Order by instant."""
    since = value - _EPOCH
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return micros.to_bytes(8, "big")


def uuid_key(value: UUID) -> bytes:
    """Order by bytes."""
    return value.bytes


def blob_key(value: bytes) -> bytes:
    """Order by bytes."""
    return value[:MAX_SORT_KEY]
