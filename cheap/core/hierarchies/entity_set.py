"""A set of entities that keeps the order of insertion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet, Sequence
from typing import TypeVar
from uuid import UUID

from cheap.core.arguments import several
from cheap.core.definitions import HierarchyType
from cheap.core.edits import AddMembers, Edit, RemoveMembers
from cheap.core.hierarchies.tracking import Hierarchy, KeyedHierarchy, last_key
from cheap.core.names import check_id
from cheap.errors import MissingKeyError

T = TypeVar("T")


class EntitySet(KeyedHierarchy[UUID], MutableSet[UUID]):
    """Unique entities, in the order in which they were added.

    It is used like a ``set``; the operators ``|``, ``&``, ``-`` and ``^`` and the methods of the
    same meaning give a plain ``set``.

    Args:
        name: unique in its catalog.
        entities: the first members.

    Example:
        >>> staff = catalog.create_set("staff", [alice])
        >>> alice in staff
        True
    """

    type = HierarchyType.ENTITY_SET
    __slots__ = ("_members",)

    def __init__(self, name: str, entities: Iterable[UUID] = ()) -> None:
        super().__init__(name)
        self._members: dict[UUID, None] = dict.fromkeys(
            map(check_id, several(entities, "entities"))
        )

    @classmethod
    def _from_iterable(cls, it: Iterable[T]) -> set[T]:
        return set(it)

    def __contains__(self, value: object) -> bool:
        return value in self._members

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._members)

    def __reversed__(self) -> Iterator[UUID]:
        return reversed(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, value: UUID) -> None:
        """Add an entity; one that is there stays where it is."""
        self._check_editable()
        if check_id(value) not in self._members:
            self._members[value] = None
            self._did_put(value)

    def discard(self, value: object) -> None:
        """Remove an entity if it is there."""
        self._check_editable()
        if isinstance(value, UUID) and value in self._members:
            del self._members[value]
            self._did_remove(value)

    def remove(self, value: object) -> None:
        """Remove an entity.

        Raises:
            MissingKeyError: it is not there.
        """
        if value not in self._members:
            raise MissingKeyError(f"set {self.name!r} has no {value}")
        self.discard(value)

    def pop(self) -> UUID:
        """Remove the entity that was added last, and return it.

        Raises:
            MissingKeyError: there is none.
        """
        value = last_key(self._members, self)
        self.discard(value)
        return value

    def clear(self) -> None:
        """Remove everything."""
        for value in list(self._members):
            self.discard(value)

    # --- what set has beside the operators ------------------------------------------------

    def copy(self) -> set[UUID]:
        """Return the entities as a plain set."""
        return set(self._members)

    def union(self, *others: Iterable[T]) -> set[UUID | T]:
        """Return the entities of this set and of all others."""
        return self.copy().union(*others)

    def intersection(self, *others: Iterable[object]) -> set[UUID]:
        """Return the entities that are in this set and in all others."""
        return self.copy().intersection(*others)

    def difference(self, *others: Iterable[object]) -> set[UUID]:
        """Return the entities that are in this set and in none of the others."""
        return self.copy().difference(*others)

    def symmetric_difference(self, other: Iterable[T]) -> set[UUID | T]:
        """Return the entities that are in one of the two only."""
        return self.copy().symmetric_difference(other)

    def issubset(self, other: Iterable[object]) -> bool:
        """Tell whether the other has every entity of this set."""
        return self.copy().issubset(other)

    def issuperset(self, other: Iterable[object]) -> bool:
        """Tell whether this set has everything in the other."""
        return self.copy().issuperset(other)

    def update(self, *others: Iterable[UUID]) -> None:
        """Add many entities, in order."""
        for other in others:
            for value in list(other):
                self.add(value)

    def intersection_update(self, *others: Iterable[object]) -> None:
        """Remove the entities that are not in all of the others."""
        for value in self.difference(self.intersection(*others)):
            self.discard(value)

    def difference_update(self, *others: Iterable[object]) -> None:
        """Remove the entities that are in one of the others."""
        for other in others:
            for value in list(other):
                self.discard(value)

    def symmetric_difference_update(self, other: Iterable[UUID]) -> None:
        """Remove what is in both, and add what is in the other only."""
        for value in list(dict.fromkeys(other)):
            if value in self:
                self.discard(value)
            else:
                self.add(value)

    # --- for catalogs and stores ----------------------------------------------------------

    def same_content(self, other: Hierarchy) -> bool:
        """Tell whether another set has the same entities, in the same order."""
        return isinstance(other, EntitySet) and list(self._members) == list(other._members)

    def content_edits(self) -> list[Edit]:
        """Return the edits that fill an empty set with the entities of this one."""
        return [AddMembers(self.name, tuple(self._members))] if self._members else []

    def _removal(self, keys: Sequence[UUID]) -> Edit:
        return RemoveMembers(self.name, tuple(keys))

    def _addition(self, keys: Sequence[UUID]) -> list[Edit]:
        members = tuple(key for key in keys if key in self._members)
        return [AddMembers(self.name, members)] if members else []
