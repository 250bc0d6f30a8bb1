"""PostgreSQL's binary COPY: rows as it wants them (postgresql.org/docs/current/sql-copy.html)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from cheap.db.adapter import Row
from cheap.db.schema import Kind, Table

COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TAIL: Final = b"\xff\xff"
_LENGTH = struct.Struct(">i").pack
_NUMBER = struct.Struct(">iq").pack
_NULL = _LENGTH(-1)


def packer(table: Table) -> Callable[[Row], bytes]:
    """Return a function that writes one row in the binary form of COPY."""
    head = struct.pack(">h", len(table.columns))
    numbers = [column.kind is Kind.NUMBER for column in table.columns]

    def pack(row: Row) -> bytes:
        parts = [head]
        for is_number, value in zip(numbers, row, strict=True):
            if value is None:
                parts.append(_NULL)
            elif is_number:
                parts.append(_NUMBER(8, value))
            else:
                data = value.encode() if value.__class__ is str else value
                parts.append(_LENGTH(len(data)))
                parts.append(data)
        return b"".join(parts)

    return pack
