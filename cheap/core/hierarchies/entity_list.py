"""A list of entities: ordered, with duplicates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableSequence
from typing import overload
from uuid import UUID

from cheap.core.definitions import HierarchyType
from cheap.core.edits import Append, Edit, Splice
from cheap.core.hierarchies.tracking import Hierarchy
from cheap.core.names import check_id
from cheap.errors import MissingIndexError

_SPLICES_KEPT = 256
"""After so many separate splices since the last save, the list is written anew instead."""


class EntityList(Hierarchy, MutableSequence[UUID]):
    """An ordered list of entities; the same entity may stand in it more than once.

    It is used like a ``list``; two lists are equal when their entities are, in order.

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
        self._items = [check_id(entity) for entity in entities]
        self._splices: list[Splice] | None = []  # None: too many, write all of it
        self._saved_length = 0

    @overload
    def __getitem__(self, index: int) -> UUID: ...
    @overload
    def __getitem__(self, index: slice) -> list[UUID]: ...
    def __getitem__(self, index: int | slice) -> UUID | list[UUID]:
        try:
            return self._items[index]
        except IndexError:
            raise self._outside(index) from None

    @overload
    def __setitem__(self, index: int, value: UUID) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[UUID]) -> None: ...
    def __setitem__(self, index: int | slice, value: UUID | Iterable[UUID]) -> None:
        if isinstance(index, int):
            self._splice(self._place(index), 1, [check_id(value)])
            return
        entities = [check_id(each) for each in value]  # type: ignore[union-attr]
        start, stop, step = index.indices(len(self._items))
        if step == 1:
            self._splice(start, max(0, stop - start), entities)
            return
        places = range(start, stop, step)
        if len(places) != len(entities):
            raise ValueError(
                f"cannot put {len(entities)} entities into an extended slice of {len(places)}"
            )
        for place, entity in zip(places, entities, strict=True):
            self._splice(place, 1, [entity])

    def __delitem__(self, index: int | slice) -> None:
        if isinstance(index, int):
            self._splice(self._place(index), 1, [])
            return
        start, stop, step = index.indices(len(self._items))
        if step == 1:
            self._splice(start, max(0, stop - start), [])
            return
        for place in sorted(range(start, stop, step), reverse=True):
            self._splice(place, 1, [])

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._items)

    def __contains__(self, value: object) -> bool:
        return value in self._items

    def insert(self, index: int, value: UUID) -> None:
        """Insert an entity before a place, as ``list.insert`` does."""
        place = slice(index, None).indices(len(self._items))[0]
        self._splice(place, 0, [check_id(value)])

    def extend(self, values: Iterable[UUID]) -> None:
        """Append many entities."""
        self._splice(len(self._items), 0, [check_id(value) for value in values])

    def clear(self) -> None:
        """Remove everything."""
        self._splice(0, len(self._items), [])

    def sort(self, *, key: Callable[[UUID], object] | None = None, reverse: bool = False) -> None:
        """Sort in place, as ``list.sort`` does."""
        self[:] = sorted(self._items, key=key, reverse=reverse)  # type: ignore[type-var, arg-type]

    def reverse(self) -> None:
        """Turn the order around."""
        self[:] = self._items[::-1]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, EntityList):
            return self._items == other._items
        return self._items == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def _place(self, index: int) -> int:
        place = index + len(self._items) if index < 0 else index
        if not 0 <= place < len(self._items):
            raise self._outside(index)
        return place

    def _outside(self, index: object) -> MissingIndexError:
        return MissingIndexError(f"list {self.name!r} has {len(self)} entities, no place {index}")

    def _splice(self, start: int, remove: int, entities: list[UUID]) -> None:
        self._check_editable()
        if not remove and not entities:
            return
        self._items[start : start + remove] = entities
        if self._is_new or self._splices is None:
            return
        last = self._splices[-1] if self._splices else None
        if (
            last is not None
            and not remove
            and not last.remove
            and start == last.index + len(last.insert)
        ):
            # Goes on where the last insertion ended; grow it instead of starting another. The
            # list inside was made here and is only read after settle() or pending_edits().
            assert isinstance(last.insert, list)
            last.insert.extend(entities)
            return
        self._splices.append(Splice(self.name, start, remove, entities))
        if len(self._splices) > _SPLICES_KEPT:
            self._splices = None

    def same_content(self, other: Hierarchy) -> bool:
        return isinstance(other, EntityList) and self._items == other._items

    def content_edits(self) -> list[Edit]:
        return [Append(self.name, tuple(self._items))] if self._items else []

    def pending_edits(self) -> list[Edit]:
        if self._splices is None:
            return [Splice(self.name, 0, self._saved_length, tuple(self._items))]
        edits: list[Edit] = []
        length = self._saved_length
        for splice in self._splices:
            if not splice.remove and splice.index == length:
                edits.append(Append(self.name, tuple(splice.insert)))
            else:
                edits.append(
                    Splice(self.name, splice.index, splice.remove, tuple(splice.insert))
                )
            length += len(splice.insert) - splice.remove
        return edits

    def settle(self) -> Callable[[], None]:
        was_new, old, length = self._is_new, self._splices, self._saved_length
        self._is_new, self._splices, self._saved_length = False, [], len(self._items)

        def undo() -> None:
            later = self._splices
            self._is_new, self._saved_length = was_new, length
            self._splices = None if old is None or later is None else [*old, *later]

        return undo
