"""Which aspects of a map somebody has: one record never has two of them at once.

A record is held packed, and is decoded for whoever looks at it. The map knows that aspect as long
as somebody has it, but keeps none that is not edited, except for the last few: so who reads all of
a large map takes no memory for it, and has no garbage collector going through what was decoded
(among 100,000 records that took half as long again as the reading).

A loop over a large map does not even tell the map of an aspect, for most are let go at the next
step, and to know one costs as much as to decode it: only those that outlive a few steps are made
known. The last few of each loop that is under way are found in its :class:`Walk`.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID
from weakref import ref

from cheap.core.aspects import Aspect

RECENT: Final = 256
"""How many decoded aspects a map keeps although nobody else does, for those who look again."""

STEPS: Final = 3
"""How many aspects a loop remembers. While its next step runs, the loop's variable still has the
one before."""


class Looked(ref[Aspect]):
    """A record that was looked at: the aspect that was handed out, while somebody has it."""

    __slots__ = ("packed",)
    packed: bytes

    def __deepcopy__(self, memo: dict[int, Any]) -> bytes:
        return self.packed


Held = bytes | Looked | Aspect
"""A record in a map: packed, looked at, or edited."""


def packed_of(held: Held) -> bytes:
    """Return the packed form of what is held."""
    if isinstance(held, Aspect):
        return held.packed()
    return held.packed if isinstance(held, Looked) else held


class Walks:
    """The loops over a map that are under way, each with the aspects that it gave last.

    Attributes:
        under_way: the last aspects of each loop; always the same list.
    """

    __slots__ = ("under_way",)

    def __init__(self) -> None:
        self.under_way: list[list[Aspect]] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> Walks:
        return Walks()

    def begin(self) -> list[Aspect]:
        """Begin a loop; return where it is to put the aspects that it gives."""
        walk: list[Aspect] = []
        self.under_way.append(walk)
        return walk

    def end(self, walk: list[Aspect]) -> None:
        """End a loop."""
        # In place, and by identity: walks that remember equal aspects are equal.
        self.under_way[:] = [each for each in self.under_way if each is not walk]

    def find(self, entity: UUID) -> Aspect | None:
        """Return the aspect of an entity that one of the loops has given, if one remembers it."""
        for walk in self.under_way:
            for aspect in walk:
                if aspect.entity == entity:
                    return aspect
        return None

    def release(self, entity: UUID) -> None:
        """Cut the tie between the map and the aspect of a record that it no longer holds."""
        for walk in self.under_way:
            for place, aspect in enumerate(walk):
                if aspect.entity == entity:
                    aspect.release()
                    del walk[place]
                    break
