"""What every contender can do: the same tasks on the same records."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar
from uuid import UUID

from benchmarks.data import Data, Record
from benchmarks.places import Place


class Contender(ABC):
    """A way of keeping records in a database.

    Args:
        place: an empty database, or one that this contender has filled before.
        data: the records.
        indexed: whether ``number`` is indexed, for ``filter``.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, place: Place, data: Data, *, indexed: bool = False) -> None:
        self.place = place
        self.data = data
        self.indexed = indexed

    @abstractmethod
    def open(self) -> None:
        """Connect, and make the tables if they are not there."""

    @abstractmethod
    def close(self) -> None:
        """Disconnect."""

    def feed(self) -> Any:
        """Return what ``save`` takes: the records as Python values, where nothing else is said."""
        return self.data.records

    @abstractmethod
    def save(self, feed: Any) -> None:
        """Save all records into the empty database, and commit."""

    @abstractmethod
    def load(self) -> object:
        """Load all records, and return what holds them."""

    @abstractmethod
    def read(self) -> object:
        """Load all records, read all values of each, and return what holds them."""

    @abstractmethod
    def read_names(self) -> object:
        """The same, property by property."""

    @abstractmethod
    def point(self, entity: UUID) -> Any:
        """Read one record by its id, and return its ten values in order."""

    @abstractmethod
    def some(self, entities: Collection[UUID]) -> Any:
        """Read some records by their ids, and return all their values."""

    @abstractmethod
    def upsert(self, records: Mapping[UUID, Record]) -> None:
        """Write some records that may be there already, and commit."""

    def upsert_feed(self, records: Mapping[UUID, Record]) -> Any:
        """Return what ``upsert`` takes: the records, where nothing else is said."""
        return records

    @abstractmethod
    def start_edits(self) -> None:
        """Get ready for ``edit``: load what has to be."""

    def edit_feed(self, entity: UUID, number: int) -> Any:
        """Return what ``edit`` takes: an entity and its new number, where nothing else is said."""
        return entity, number

    @abstractmethod
    def edit(self, feed: Any) -> None:
        """Change one property of one record, and commit."""

    @abstractmethod
    def pages(self) -> int:
        """Read all records in pages of 1,000, look at nothing, and return how many there were."""

    @abstractmethod
    def filter(self, low: int, below: int) -> int:
        """Find the records whose ``number`` is in a range, read them, and return how many."""

    def find_pages(self) -> int:
        """Like ``pages``, in the order of the ids; for those to whom that is something else."""
        return self.pages()
