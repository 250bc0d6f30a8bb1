"""Iterating over what comes in pages: sugar on top of an ``AsyncStore``'s verbs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from cheap.aio.pages import AsyncPages
from cheap.async_store import AsyncStore
from cheap.core import Aspect, CatalogSpecies, Filter, LargeValue, Order
from cheap.errors import ConflictError
from cheap.store import DEFAULT_LIMIT, CatalogHeader, Change, Entry, Page


class AsyncIterators(AsyncStore):
    """The iterators of an ``AsyncStore``, made of the verbs that fetch one page."""

    def iter_catalogs(
        self, *, species: CatalogSpecies | None = None, page_size: int = DEFAULT_LIMIT
    ) -> AsyncPages[CatalogHeader]:
        async def page(cursor: str | None) -> Page[CatalogHeader]:
            return await self.list_catalogs(species=species, cursor=cursor, limit=page_size)

        return AsyncPages(page)

    def iter_aspects(
        self,
        catalog_id: UUID,
        name: str,
        where: Filter | None = None,
        *,
        order_by: str | Order | Sequence[str | Order] = (),
        page_size: int = 1000,
    ) -> AsyncPages[Aspect]:
        async def page(cursor: str | None) -> Page[Aspect]:
            return await self.find_aspects(
                catalog_id, name, where, order_by=order_by, cursor=cursor, limit=page_size
            )

        return AsyncPages(page)

    def iter_hierarchy(
        self, catalog_id: UUID, name: str, *, page_size: int = 1000
    ) -> AsyncPages[Entry]:
        async def page(cursor: str | None) -> Page[Entry]:
            return await self.read_hierarchy(catalog_id, name, cursor=cursor, limit=page_size)

        return AsyncPages(page)

    def iter_changes(
        self, catalog_id: UUID, since: int = 0, *, page_size: int = 1000
    ) -> AsyncPages[Change]:
        async def page(cursor: str | None) -> Page[Change]:
            return await self.read_changes(catalog_id, since, cursor=cursor, limit=page_size)

        return AsyncPages(page)

    def read_value(
        self, catalog_id: UUID, name: str, entity: UUID, property: str
    ) -> AsyncPages[bytes]:
        whole: LargeValue | None = None

        async def page(cursor: str | None) -> Page[bytes]:
            nonlocal whole
            piece = await self.read_piece(catalog_id, name, entity, property, int(cursor or 0))
            if whole is not None and piece.value != whole:
                raise ConflictError(f"property {property!r} of {entity} in {name!r}")
            whole = piece.value
            return Page((piece.data,), None if piece.next is None else str(piece.next))

        return AsyncPages(page)
