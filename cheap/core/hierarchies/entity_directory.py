"""A directory: names for entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from uuid import UUID

from cheap.core.arguments import mapping
from cheap.core.definitions import HierarchyType
from cheap.core.edits import Edit, PutEntries, RemoveEntries
from cheap.core.hierarchies.tracking import Hierarchy, KeyedHierarchy, last_key
from cheap.core.names import check_id, check_key
from cheap.errors import MissingKeyError


class EntityDirectory(KeyedHierarchy[str], MutableMapping[str, UUID]):
    """Keys (any text, also the empty one) for entities, in the order in which they were added.

    It is used like a ``dict``.

    Args:
        name: unique in its catalog.
        entries: the first entries.

    Example:
        >>> by_code = catalog.create_directory("by code")
        >>> by_code["DE"] = germany
    """

    type = HierarchyType.ENTITY_DIR
    __slots__ = ("_entries",)

    def __init__(self, name: str, entries: Mapping[str, UUID] | None = None) -> None:
        super().__init__(name)
        self._entries: dict[str, UUID] = {}
        for key, entity in mapping(entries or {}, "entries").items():
            self[key] = entity

    def __getitem__(self, key: str) -> UUID:
        try:
            return self._entries[key]
        except KeyError:
            raise self._missing(key) from None

    def __setitem__(self, key: str, value: UUID) -> None:
        self._check_editable()
        key, entity = check_key(key, "directory key"), check_id(value)
        if self._entries.get(key) != entity:
            self._entries[key] = entity
            self._did_put(key)

    def __delitem__(self, key: str) -> None:
        self._check_editable()
        if key not in self._entries:
            raise self._missing(key)
        del self._entries[key]
        self._did_remove(key)

    def _missing(self, key: object) -> MissingKeyError:
        return MissingKeyError(f"directory {self.name!r} has no key {key!r}")

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def copy(self) -> dict[str, UUID]:
        """Return the entries as a plain dict."""
        return dict(self._entries)

    def popitem(self) -> tuple[str, UUID]:
        """Remove the entry that was added last, and return it.

        Raises:
            MissingKeyError: there is none.
        """
        key = last_key(self._entries, self)
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove everything."""
        for key in list(self._entries):
            del self[key]

    def same_content(self, other: Hierarchy) -> bool:
        """Tell whether another directory has the same entries, in the same order."""
        return isinstance(other, EntityDirectory) and list(self._entries.items()) == list(
            other._entries.items()
        )

    def content_edits(self) -> list[Edit]:
        """Return the edits that fill an empty directory with the entries of this one."""
        return [PutEntries(self.name, dict(self._entries))] if self._entries else []

    def _removal(self, keys: Sequence[str]) -> Edit:
        return RemoveEntries(self.name, tuple(keys))

    def _addition(self, keys: Sequence[str]) -> list[Edit]:
        entries = {key: entity for key in keys if (entity := self._entries.get(key)) is not None}
        return [PutEntries(self.name, entries)] if entries else []
