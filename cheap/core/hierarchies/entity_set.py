"""A set of entities that keeps the order of insertion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet, Sequence, Set
from typing import Any
from uuid import UUID

from cheap.core.definitions import HierarchyType
from cheap.core.edits import AddMembers, Edit, RemoveMembers
from cheap.core.hierarchies.tracking import Hierarchy, KeyedHierarchy
from cheap.core.names import check_id


class EntitySet(KeyedHierarchy[UUID], MutableSet[UUID]):
    """Unique entities, in the order in which they were added.

    It is used like a ``set``; the operators ``|``, ``&``, ``-`` and ``^`` give a plain ``set``.

    Example:
        >>> staff = catalog.create_set("staff", [alice])
        >>> alice in staff
        True
    """

    type = HierarchyType.ENTITY_SET
    __slots__ = ("_members",)

    def __init__(self, name: str, entities: Iterable[UUID] = ()) -> None:
        super().__init__(name)
        self._members: dict[UUID, None] = dict.fromkeys(check_id(entity) for entity in entities)

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> Set[Any]:  # type: ignore[override]
        return set(it)

    def __contains__(self, value: object) -> bool:
        return value in self._members

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, value: UUID) -> None:
        """Add an entity; one that is there stays where it is."""
        self._check_editable()
        if check_id(value) not in self._members:
            self._members[value] = None
            self._did_put(value)

    def update(self, values: Iterable[UUID]) -> None:
        """Add many entities."""
        for value in values:
            self.add(value)

    def discard(self, value: UUID) -> None:
        """Remove an entity if it is there."""
        self._check_editable()
        if value in self._members:
            del self._members[value]
            self._did_remove(value)

    def clear(self) -> None:
        """Remove everything."""
        for value in list(self._members):
            self.discard(value)

    def same_content(self, other: Hierarchy) -> bool:
        return isinstance(other, EntitySet) and list(self._members) == list(other._members)

    def content_edits(self) -> list[Edit]:
        return [AddMembers(self.name, tuple(self._members))] if self._members else []

    def _removal(self, keys: Sequence[UUID]) -> Edit:
        return RemoveMembers(self.name, tuple(keys))

    def _addition(self, keys: Sequence[UUID]) -> Edit:
        return AddMembers(self.name, tuple(keys))
