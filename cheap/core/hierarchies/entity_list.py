"""A list of entities: ordered, with duplicates."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, SupportsIndex, cast, overload
from uuid import UUID

from cheap.core.arguments import several
from cheap.core.definitions import HierarchyType
from cheap.core.edits import Append, Edit, Splice
from cheap.core.hierarchies.tracking import Hierarchy, Taken
from cheap.core.names import check_id
from cheap.errors import MissingIndexError

_NOTING: Final = Lock()
"""Held while a list changes and that is noted (places only mean something together with all that
came before), or while its notes are taken; one for all lists, so that these can be copied."""
_SPLICES_KEPT = 256
"""After so many separate splices since the last save, the list is written anew instead."""


@dataclass(slots=True)
class _Splice:
    """One edit since the last save, which a later one that touches it may become part of."""

    index: int
    remove: int
    insert: list[UUID]

    def absorb(self, index: int, remove: int, insert: list[UUID]) -> bool:
        """Take in the splice that came right after this one, if the two touch."""
        start, end = self.index, self.index + len(self.insert)
        if index > end or index + remove < start:
            return False
        # What the later one removes before and behind our own insertion was there before us.
        self.index = min(index, start)
        self.remove += max(0, start - index) + max(0, index + remove - end)
        self.insert[max(0, index - start) : max(0, index + remove - start)] = insert
        return True


class EntityList(Hierarchy, MutableSequence[UUID]):
    """An ordered list of entities; the same entity may stand in it more than once.

    It is used like a ``list``; two lists are equal when their entities are, in order.

    Args:
        name: unique in its catalog.
        entities: the first entities.

    Example:
        >>> queue = catalog.create_list("queue", [alice, bob])
        >>> queue.insert(0, carol)
        >>> queue[-1] == bob
        True
    """

    type = HierarchyType.ENTITY_LIST
    __slots__ = ("_items", "_saved_length", "_splices")

    def __init__(self, name: str, entities: Iterable[UUID] = ()) -> None:
        super().__init__(name)
        self._items = [check_id(entity) for entity in several(entities, "entities")]
        self._splices: list[_Splice] | None = []  # None: too many, write all of it
        self._saved_length = 0

    @overload
    def __getitem__(self, index: SupportsIndex) -> UUID: ...
    @overload
    def __getitem__(self, index: slice) -> list[UUID]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> UUID | list[UUID]:
        try:
            return self._items[index]
        except IndexError:
            raise self._outside(index) from None

    @overload
    def __setitem__(self, index: SupportsIndex, value: UUID) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[UUID]) -> None: ...
    def __setitem__(self, index: SupportsIndex | slice, value: UUID | Iterable[UUID]) -> None:
        if not isinstance(index, slice):
            self._splice(self._place(index), 1, [check_id(value)])
            return
        entities = [check_id(each) for each in cast("Iterable[UUID]", value)]
        places = range(*index.indices(len(self._items)))
        if places.step == 1:
            self._splice(places.start, len(places), entities)
            return
        if len(places) != len(entities):
            raise ValueError(
                f"cannot put {len(entities)} entities into an extended slice of {len(places)}"
            )
        self._rewrite(places, dict(zip(places, entities, strict=True)))

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        if not isinstance(index, slice):
            self._splice(self._place(index), 1, [])
            return
        places = range(*index.indices(len(self._items)))
        if places.step == 1:
            self._splice(places.start, len(places), [])
        else:
            self._rewrite(places, {})

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._items)

    def __reversed__(self) -> Iterator[UUID]:
        return reversed(self._items)

    def __contains__(self, value: object) -> bool:
        return value in self._items

    def index(self, value: object, start: int = 0, stop: int = sys.maxsize) -> int:
        """Return the first place of an entity, as ``list.index`` does."""
        return self._items.index(cast("UUID", value), start, stop)

    def count(self, value: object) -> int:
        """Return how often an entity is in the list."""
        return self._items.count(cast("UUID", value))

    def insert(self, index: SupportsIndex, value: UUID) -> None:
        """Insert an entity before a place, as ``list.insert`` does."""
        place = slice(operator.index(index), None).indices(len(self._items))[0]
        self._splice(place, 0, [check_id(value)])

    def extend(self, values: Iterable[UUID]) -> None:
        """Append many entities."""
        self._splice(len(self._items), 0, [check_id(value) for value in values])

    def clear(self) -> None:
        """Remove everything."""
        self._splice(0, len(self._items), [])

    def copy(self) -> list[UUID]:
        """Return the entities as a plain list."""
        return list(self._items)

    def sort(self, *, key: Callable[[UUID], Any] | None = None, reverse: bool = False) -> None:
        """Sort in place, as ``list.sort`` does."""
        self[:] = sorted(self._items, key=key, reverse=reverse)

    def reverse(self) -> None:
        """Turn the order around."""
        self[:] = self._items[::-1]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, EntityList):
            return self._items == other._items
        return self._items == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def _place(self, index: SupportsIndex) -> int:
        place = operator.index(index)
        place += len(self._items) if place < 0 else 0
        if not 0 <= place < len(self._items):
            raise self._outside(index)
        return place

    def _outside(self, index: object) -> MissingIndexError:
        return MissingIndexError(f"list {self.name!r} has {len(self)} entities, no place {index}")

    # --- edits ----------------------------------------------------------------------------

    def _rewrite(self, places: range, entities: dict[int, UUID]) -> None:
        """Put entities into the places of an extended slice, or take those places out."""
        if not places:
            return
        low, high = min(places), max(places) + 1
        if entities:
            span = [entities.get(i, each) for i, each in enumerate(self._items[low:high], low)]
        else:
            span = [each for i, each in enumerate(self._items[low:high], low) if i not in places]
        self._splice(low, high - low, span)

    def _splice(self, start: int, remove: int, entities: list[UUID]) -> None:
        self._check_editable()
        if self._items[start : start + remove] == entities:
            return
        with _NOTING:
            appends = start == len(self._items)
            self._items[start : start + remove] = entities
            if not self._is_new and self._splices is not None:
                self._note(start, remove, entities, appends=appends)

    def _note(self, start: int, remove: int, entities: list[UUID], *, appends: bool) -> None:
        assert self._splices is not None
        if self._splices:
            last = self._splices[-1]
            # What is appended stays apart from other edits, for appends never conflict.
            if (not appends or not last.remove) and last.absorb(start, remove, entities):
                if not last.remove and not last.insert:
                    self._splices.pop()
                return
        self._splices.append(_Splice(start, remove, list(entities)))
        if len(self._splices) > _SPLICES_KEPT:
            self._splices = None

    def same_content(self, other: Hierarchy) -> bool:
        """Tell whether another list has the same entities, in the same order."""
        return isinstance(other, EntityList) and self._items == other._items

    def content_edits(self) -> list[Edit]:
        """Return the edits that fill an empty list with the entities of this one."""
        return [Append(self.name, tuple(self._items))] if self._items else []

    def pending_edits(self) -> list[Edit]:
        """Return the edits made since the last save, in order."""
        return self._edits_of(self._splices, self._saved_length)

    def _edits_of(self, splices: list[_Splice] | None, length: int) -> list[Edit]:
        if splices is None:
            return [Splice(self.name, 0, length, tuple(self._items))]
        edits: list[Edit] = []
        for each in splices:
            entities = tuple(each.insert)
            if not each.remove and each.index == length:
                edits.append(Append(self.name, entities))
            else:
                edits.append(Splice(self.name, each.index, each.remove, entities))
            length += len(entities) - each.remove
        return edits

    def take(self, *, whole: bool = False) -> Taken:
        with _NOTING:
            taken = super().take(whole=whole)
            # At once: a later edit would be part of what the list holds, and noted beside.
            edits = taken.edits()
        return Taken(lambda: edits, taken.give_back)

    def _take_notes(self) -> Taken:
        old, length = self._splices, self._saved_length
        self._splices, self._saved_length = [], len(self._items)

        def give_back() -> None:
            with _NOTING:
                later = self._splices
                self._saved_length = length
                self._splices = None if old is None or later is None else [*old, *later]

        return Taken(lambda: self._edits_of(old, length), give_back)
