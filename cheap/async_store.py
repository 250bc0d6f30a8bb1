"""The contract, awaited: the verbs of :class:`~cheap.store.Store` with the same signatures.

What each verb does, takes, returns and raises is said once, on ``Store``. Here every verb is a
coroutine, and what iterates there iterates asynchronously here. A test by reflection holds the two
together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Sequence
from uuid import UUID

from cheap.core import (
    Aspect,
    AspectDef,
    Catalog,
    CatalogSpecies,
    Filter,
    HierarchyType,
    LargeValue,
    Order,
)
from cheap.core.edits import Edit
from cheap.store import (
    DEFAULT_LIMIT,
    CatalogHeader,
    Change,
    Commit,
    Entry,
    HierarchyHeader,
    Page,
    Piece,
)


class AsyncStore(ABC):
    """Everything that holds catalogs and is awaited has this shape."""

    @abstractmethod
    async def create_catalog(
        self,
        *,
        species: CatalogSpecies = CatalogSpecies.SINK,
        version: str = "1.0.0",
        uri: str | None = None,
        upstream: UUID | None = None,
        catalog_id: UUID | None = None,
        edits: Sequence[Edit] = (),
    ) -> CatalogHeader: ...

    @abstractmethod
    async def get_catalog(self, catalog_id: UUID) -> CatalogHeader: ...

    @abstractmethod
    async def list_catalogs(
        self,
        *,
        species: CatalogSpecies | None = None,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[CatalogHeader]: ...

    @abstractmethod
    async def delete_catalog(self, catalog_id: UUID) -> bool: ...

    @abstractmethod
    async def catalog_exists(self, catalog_id: UUID) -> bool: ...

    @abstractmethod
    async def load_catalog(
        self, catalog_id: UUID, *, only: Collection[str] | None = None
    ) -> Catalog: ...

    @abstractmethod
    async def save_catalog(self, catalog: Catalog, *, replace: bool = False) -> int: ...

    @abstractmethod
    async def list_catalog_ids(self) -> list[UUID]: ...

    @abstractmethod
    async def load_catalogs_page(self, offset: int, page_size: int = 10) -> list[Catalog]: ...

    @abstractmethod
    def iter_catalogs(
        self, *, species: CatalogSpecies | None = None, page_size: int = DEFAULT_LIMIT
    ) -> AsyncIterator[CatalogHeader]: ...

    @abstractmethod
    async def add_aspect_def(self, catalog_id: UUID, definition: AspectDef) -> int: ...

    @abstractmethod
    async def get_aspect_def(self, catalog_id: UUID, name: str | UUID) -> AspectDef: ...

    @abstractmethod
    async def list_aspect_defs(self, catalog_id: UUID) -> list[AspectDef]: ...

    @abstractmethod
    async def create_hierarchy(
        self, catalog_id: UUID, name: str, type: HierarchyType, *, indexes: Sequence[str] = ()
    ) -> int: ...

    @abstractmethod
    async def list_hierarchies(self, catalog_id: UUID) -> list[HierarchyHeader]: ...

    @abstractmethod
    async def read_hierarchy(
        self, catalog_id: UUID, name: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Entry]: ...

    @abstractmethod
    async def drop_hierarchy(self, catalog_id: UUID, name: str) -> bool: ...

    @abstractmethod
    async def get_aspects(
        self, catalog_id: UUID, name: str, entities: Collection[UUID]
    ) -> dict[UUID, Aspect]: ...

    @abstractmethod
    async def find_aspects(
        self,
        catalog_id: UUID,
        name: str,
        where: Filter | None = None,
        *,
        order_by: str | Order | Sequence[str | Order] = (),
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Aspect]: ...

    @abstractmethod
    def iter_aspects(
        self,
        catalog_id: UUID,
        name: str,
        where: Filter | None = None,
        *,
        order_by: str | Order | Sequence[str | Order] = (),
        page_size: int = 1000,
    ) -> AsyncIterator[Aspect]: ...

    @abstractmethod
    def iter_hierarchy(
        self, catalog_id: UUID, name: str, *, page_size: int = 1000
    ) -> AsyncIterator[Entry]: ...

    @abstractmethod
    async def commit(
        self,
        catalog_id: UUID,
        edits: Sequence[Edit],
        *,
        expect: int | None = None,
        own: Collection[int] = (),
        refresh: bool = False,
    ) -> Commit: ...

    @abstractmethod
    async def read_changes(
        self,
        catalog_id: UUID,
        since: int = 0,
        *,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Change]: ...

    @abstractmethod
    def iter_changes(
        self, catalog_id: UUID, since: int = 0, *, page_size: int = 1000
    ) -> AsyncIterator[Change]: ...

    @abstractmethod
    async def read_piece(
        self, catalog_id: UUID, name: str, entity: UUID, property: str, offset: int = 0
    ) -> Piece: ...

    @abstractmethod
    def read_value(
        self, catalog_id: UUID, name: str, entity: UUID, property: str
    ) -> AsyncIterator[bytes]: ...

    @abstractmethod
    async def write_value(
        self,
        catalog_id: UUID,
        name: str,
        entity: UUID,
        property: str,
        pieces: Iterable[bytes | str] | AsyncIterable[bytes | str],
    ) -> LargeValue: ...

    @abstractmethod
    async def close(self) -> None: ...
