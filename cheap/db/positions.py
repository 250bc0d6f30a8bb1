"""Positions: the numbers that keep the order of rows.

Content put by the commit of revision R gets the positions from ``R << 32`` on, so later content
comes after earlier content without looking at what is there. In a list, items are spread, and an
insertion takes numbers between its neighbours; when there is no room, some rows around it move.
"""

from __future__ import annotations

import random
import threading
import time
from typing import Final

ROOM: Final = 1 << 32
"""Positions that belong to one revision."""

FRONT: Final = 0
"""The position of a tree's root: before all that any revision puts."""

SPREAD: Final = 1 << 20
"""Widest gap between two items of a list that are appended together."""


_lock = threading.Lock()
_last = 0


def new_number() -> int:
    """Return a number for a hierarchy: one that no other hierarchy of its catalog has or had.

    Milliseconds and six random bits, ascending within a process: 48 bits until the year 2109, also
    for a catalog that was deleted and made anew under its old id.
    """
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1_000_000 << 6 | random.getrandbits(6))
        return _last


def first_position(revision: int) -> int:
    """Return the first position that belongs to a revision."""
    return revision * ROOM


def spread(revision: int, used: int, count: int) -> list[int]:
    """Return positions for items appended to a list.

    Args:
        revision: of the commit.
        used: how much of the revision's room was used before in this list.
        count: how many items.
    """
    step = max(1, min(SPREAD, (ROOM - used) // (2 * count + 1)))
    start = first_position(revision) + used
    return [start + i * step for i in range(1, count + 1)]


def between(low: int | None, high: int, count: int) -> list[int] | None:
    """Return positions strictly between two others, or ``None`` when there is no room.

    Args:
        low: the neighbour before, or ``None`` at the front.
        high: the neighbour behind.
        count: how many positions.
    """
    if low is None:
        low = high - min(SPREAD * (count + 1), ROOM)
        if high - low <= count:
            low = high - count - 1
    step = (high - low) // (count + 1)
    return None if step == 0 else [low + step * i for i in range(1, count + 1)]


def item_of_position(position: int) -> bytes:
    """Return the key of a list item: its position as 16 bytes that sort alike."""
    return (position + (1 << 63)).to_bytes(16, "big")


def position_of_item(item: bytes) -> int:
    """Return the position that is the key of a list item."""
    return int.from_bytes(item, "big") - (1 << 63)
