"""Hash versions of definitions: FNV-1a, 64 bit, over a fixed order of fields.

The rules and the known values are those of the original Java project, so that both sides agree
on whether two definitions are the same: http://www.isthe.com/chongo/tech/comp/fnv/ for FNV-1a.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

OFFSET: Final = 0xCBF29CE484222325
PRIME: Final = 0x100000001B3
_MASK: Final = 0xFFFFFFFFFFFFFFFF


class Fnv1a:
    """A running FNV-1a hash; each method adds one field and returns the hash itself."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = OFFSET

    def raw(self, data: bytes) -> Fnv1a:
        """Add bytes as they are."""
        value = self.value
        for byte in data:
            value = (value ^ byte) * PRIME & _MASK
        self.value = value
        return self

    def text(self, text: str | None) -> Fnv1a:
        """Add text as UTF-8 without its length; null is the byte FF."""
        return self.raw(b"\xff" if text is None else text.encode())

    def flag(self, flag: bool) -> Fnv1a:
        """Add a boolean as one byte."""
        return self.raw(b"\x01" if flag else b"\x00")

    def long(self, number: int) -> Fnv1a:
        """Add an integer or another hash as 8 bytes, little-endian."""
        return self.raw((number & _MASK).to_bytes(8, "little"))

    def uuid(self, value: UUID) -> Fnv1a:
        """Add a UUID: its high half, then its low half, each little-endian."""
        return self.long(value.int >> 64).long(value.int & _MASK)
