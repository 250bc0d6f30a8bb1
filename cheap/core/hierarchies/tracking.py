"""How a hierarchy knows what was edited since it was loaded or saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from cheap.core.definitions import HierarchyDef, HierarchyType
from cheap.core.edits import CreateHierarchy, Edit
from cheap.core.names import check_name
from cheap.errors import AlreadyExistsError, MissingKeyError, ReadOnlyError

K = TypeVar("K")


@dataclass(slots=True)
class Journal(Generic[K]):
    """The keys that were touched since the last save.

    Attributes:
        put: keys whose value is new or different, in the order of the first touch.
        removed: keys that were taken out, whether or not they came back later.
    """

    put: dict[K, None] = field(default_factory=dict[K, None])
    removed: dict[K, None] = field(default_factory=dict[K, None])

    def did_put(self, key: K) -> None:
        """Note that a key has a new value."""
        self.put[key] = None

    def did_remove(self, key: K) -> None:
        """Note that a key is gone (and that its place in the order is lost)."""
        self.removed[key] = None
        self.put.pop(key, None)

    def __bool__(self) -> bool:
        return bool(self.put or self.removed)

    def before(self, later: Journal[K]) -> Journal[K]:
        """Return the journal of this one's edits followed by a later one's."""
        put = {key: None for key in list(self.put) if key not in later.removed}
        return Journal(put | later.put, self.removed | later.removed)


@dataclass(frozen=True, slots=True)
class Taken:
    """Edits that were taken to be saved; what is edited from then on is noted anew.

    Attributes:
        edits: returns the edits, in an order in which they can be applied.
        give_back: notes them again, before the later ones, for they were not saved.
    """

    edits: Callable[[], list[Edit]]
    give_back: Callable[[], None]


class Hierarchy(ABC):
    """What the five kinds of hierarchy have in common: a name, a kind, and a memory of edits.

    A hierarchy that was never saved is *new*: all of it is to be written. One that was loaded or
    saved keeps notes of what was edited, so that saving costs what was changed.

    While a thread saves, another (the event loop, say) may go on editing: so every edit changes
    first and is noted then, and what is taken is taken the other way around, first the notes and
    then what they speak of. An edit in between may be saved twice, and never gets lost.
    """

    type: ClassVar[HierarchyType]
    __slots__ = ("_is_new", "_joined", "_locked", "_name")

    def __init__(self, name: str) -> None:
        self._name = check_name(name, "hierarchy")
        self._is_new = True
        self._joined = False
        self._locked: str | None = None

    @property
    def name(self) -> str:
        """The name, unique in its catalog."""
        return self._name

    @property
    def definition(self) -> HierarchyDef:
        """Name and kind as a value."""
        return HierarchyDef(self._name, self.type)

    @property
    def is_new(self) -> bool:
        """Whether this hierarchy was never saved nor loaded."""
        return self._is_new

    @abstractmethod
    def content_edits(self) -> list[Edit]:
        """Return the edits that fill an empty hierarchy with this one's content."""

    @abstractmethod
    def pending_edits(self) -> list[Edit]:
        """Return the edits made since the last save, in an order in which they can be applied."""

    @abstractmethod
    def same_content(self, other: Hierarchy) -> bool:
        """Tell whether another hierarchy is of the same kind, with the same content and order."""

    def creation_edits(self) -> list[Edit]:
        """Return the edits that create this hierarchy with all of its content."""
        return [CreateHierarchy(self._name, self.type), *self.content_edits()]

    def take(self, *, whole: bool = False) -> Taken:
        """Take the edits since the last save, for they are to be saved.

        Args:
            whole: take what creates it instead, as of a new hierarchy.
        """
        was_new, self._is_new = self._is_new, False
        notes = self._take_notes()

        def give_back() -> None:
            self._is_new = was_new
            notes.give_back()

        return Taken(self.creation_edits if whole or was_new else notes.edits, give_back)

    @abstractmethod
    def _take_notes(self) -> Taken:
        """Take what was noted of edits."""

    def join(self) -> None:
        """Note that a catalog took this hierarchy; it stays with that one.

        Raises:
            AlreadyExistsError: a catalog has it already (or had, and dropped it).
        """
        if self._joined:
            raise AlreadyExistsError(
                f"hierarchy {self._name!r} belongs to a catalog already; make a copy of it"
            )
        self._joined = True

    def lock(self, reason: str | None) -> None:
        """Refuse edits from now on with this sentence, or allow them again (``None``)."""
        self._locked = reason

    def _check_editable(self) -> None:
        if self._locked is not None:
            raise ReadOnlyError(self._locked)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r}>"


class KeyedHierarchy(Hierarchy, Generic[K]):
    """A hierarchy whose content is known by keys: set, directory, tree, aspect map."""

    __slots__ = ("_journal",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._journal: Journal[K] = Journal()

    def pending_edits(self) -> list[Edit]:
        """Return the edits made since the last save: removals, then additions."""
        return self._edits_of(self._journal)

    def _take_notes(self) -> Taken:
        old = self._journal
        self._journal = Journal()

        def give_back() -> None:
            later = self._journal
            self._journal = old.before(later)
            # Once more what may have been noted between the two.
            for key in [key for key in list(later.removed) if key not in self._journal.removed]:
                self._did_remove(key)
            for key in [key for key in list(later.put) if key not in self._journal.put]:
                self._did_put(key)

        return Taken(lambda: self._edits_of(old), give_back)

    def _edits_of(self, journal: Journal[K]) -> list[Edit]:
        edits: list[Edit] = []
        if removed := list(journal.removed):
            edits.append(self._removal(removed))
        if put := list(journal.put):
            edits += self._addition(put)
        return edits

    @abstractmethod
    def _removal(self, keys: Sequence[K]) -> Edit:
        """Return the edit that removes these keys."""

    @abstractmethod
    def _addition(self, keys: Sequence[K]) -> list[Edit]:
        """Return the edit that puts those of these keys that are there, with present values."""

    def _did_put(self, key: K) -> None:
        while not self._is_new:
            journal = self._journal
            journal.did_put(key)
            if journal is self._journal:
                return  # else it was taken meanwhile, with this note or without

    def _did_remove(self, key: K) -> None:
        while not self._is_new:
            journal = self._journal
            journal.did_remove(key)
            if journal is self._journal:
                return  # as above


def last_key(keys: dict[K, Any], owner: Hierarchy) -> K:
    """Return the key that was added last, for ``popitem``.

    Raises:
        MissingKeyError: there is none.
    """
    for key in reversed(keys):
        return key
    raise MissingKeyError(f"{owner!r} is empty")
