"""The async facade: it adds waiting, bounding and stopping to any blocking store, no more."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Sequence,
)
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec, Self, TypeVar
from uuid import UUID

from cheap.aio.closing import close
from cheap.aio.hop import hop_of
from cheap.aio.iterators import AsyncIterators
from cheap.aio.pieces import with_pieces
from cheap.aio.transactions import joined_in, transaction
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
from cheap.db.dao import SqlDao
from cheap.errors import MisuseError
from cheap.store import (
    DEFAULT_LIMIT,
    CatalogHeader,
    Change,
    Commit,
    Entry,
    HierarchyHeader,
    Page,
    Piece,
    Store,
)

P = ParamSpec("P")
T = TypeVar("T")


class AsyncDao(AsyncIterators):
    """A blocking store, awaited: each call runs whole in one worker thread.

    At most as many calls run at once as the store can work on; others wait for their turn, which
    costs a task nothing. A cancelled call that waits never starts; one that runs is stopped in the
    database and rolled back. Works on asyncio and on trio.

    Args:
        store: the blocking store; several facades may share one.

    Example:
        >>> dao = AsyncDao(SqliteDao(adapter))
        >>> await dao.save_catalog(catalog)
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hop = hop_of(store.adapter if isinstance(store, SqlDao) else store)

    @property
    def store(self) -> Store:
        """The blocking store behind this facade."""
        return self._store

    def _read(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self._call(partial(verb, *args, **kwargs), write=False)

    def _write(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self._call(partial(verb, *args, **kwargs), write=True)

    async def _call(self, work: Callable[[], T], *, write: bool) -> T:
        joined = joined_in(self._hop)
        if joined is not None:
            return await joined.run(work)
        return await self._hop.run(work, write=write)

    async def run(self, work: Callable[[Store], T], *, write: bool = False) -> T:
        """Run several calls, or a call and what is made of its answer, in one hop.

        A hop costs more than many a call, so this is the way to batch what no verb takes together.
        It counts as one call, and is stopped like any other: at its next statement or commit. It
        is no transaction by itself: what it committed before it was stopped stays, and its
        outcome is then ``COMMITTED``. Inside of ``transaction()`` it is all or nothing.

        Args:
            work: is given the blocking store, and runs in a worker thread.
            write: whether it may write. It may without, but where one can write at a time, on
                SQLite, it then waits for that in the place of one who reads.

        Example:
            >>> await dao.run(lambda store: [store.load_catalog(each) for each in ids])
        """
        return await self._call(partial(work, self._store), write=write)

    async def close(self, *, cancel: bool = False) -> None:
        """Close what the store opened, after the calls that still run; twice is harmless.

        An adapter that was made by itself stays open: it is closed by whoever made it.

        Args:
            cancel: stop those calls instead of letting them finish.

        Raises:
            MisuseError: it was called inside of a transaction.
        """
        if isinstance(self._store, SqlDao) and not self._store.owns_adapter:
            return
        await close(self._hop, self._store.close, cancel=cancel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Self]:
        """Join the calls of an ``async with`` block into one transaction.

        It stays on one connection and belongs to the task that opened it: calls on this facade
        from other tasks that were started inside are refused. It is committed at the end, and
        rolled back on any error and on cancellation, also when a cancelled call is survived.
        Blocks inside of blocks join the outermost.

        Raises:
            MisuseError: the store is not a SQL DAO, or the block was entered from another task.

        Example:
            >>> async with dao.transaction():
            ...     await dao.save_catalog(first)
            ...     await dao.save_catalog(second)
        """
        if not isinstance(self._store, SqlDao):
            raise MisuseError("transaction() needs a SQL DAO behind the facade")
        async with transaction(self._hop, self._store.adapter):
            yield self

    # --- the verbs, each one hop ----------------------------------------------------------

    async def create_catalog(
        self,
        *,
        species: CatalogSpecies = CatalogSpecies.SINK,
        version: str = "1.0.0",
        uri: str | None = None,
        upstream: UUID | None = None,
        catalog_id: UUID | None = None,
        edits: Sequence[Edit] = (),
    ) -> CatalogHeader:
        return await self._write(
            self._store.create_catalog,
            species=species,
            version=version,
            uri=uri,
            upstream=upstream,
            catalog_id=catalog_id,
            edits=edits,
        )

    async def get_catalog(self, catalog_id: UUID) -> CatalogHeader:
        return await self._read(self._store.get_catalog, catalog_id)

    async def list_catalogs(
        self,
        *,
        species: CatalogSpecies | None = None,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[CatalogHeader]:
        return await self._read(
            self._store.list_catalogs, species=species, cursor=cursor, limit=limit
        )

    async def delete_catalog(self, catalog_id: UUID) -> bool:
        return await self._write(self._store.delete_catalog, catalog_id)

    async def catalog_exists(self, catalog_id: UUID) -> bool:
        return await self._read(self._store.catalog_exists, catalog_id)

    async def load_catalog(
        self, catalog_id: UUID, *, only: Collection[str] | None = None
    ) -> Catalog:
        return await self._read(self._store.load_catalog, catalog_id, only=only)

    async def save_catalog(self, catalog: Catalog, *, replace: bool = False) -> int:
        return await self._write(self._store.save_catalog, catalog, replace=replace)

    async def list_catalog_ids(self) -> list[UUID]:
        return await self._read(
            self._store.list_catalog_ids,
        )

    async def load_catalogs_page(self, offset: int, page_size: int = 10) -> list[Catalog]:
        return await self._read(self._store.load_catalogs_page, offset, page_size)

    async def add_aspect_def(self, catalog_id: UUID, definition: AspectDef) -> int:
        return await self._write(self._store.add_aspect_def, catalog_id, definition)

    async def get_aspect_def(self, catalog_id: UUID, name: str | UUID) -> AspectDef:
        return await self._read(self._store.get_aspect_def, catalog_id, name)

    async def list_aspect_defs(self, catalog_id: UUID) -> list[AspectDef]:
        return await self._read(self._store.list_aspect_defs, catalog_id)

    async def create_hierarchy(
        self, catalog_id: UUID, name: str, type: HierarchyType, *, indexes: Sequence[str] = ()
    ) -> int:
        return await self._write(
            self._store.create_hierarchy, catalog_id, name, type, indexes=indexes
        )

    async def list_hierarchies(self, catalog_id: UUID) -> list[HierarchyHeader]:
        return await self._read(self._store.list_hierarchies, catalog_id)

    async def read_hierarchy(
        self, catalog_id: UUID, name: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Entry]:
        return await self._read(
            self._store.read_hierarchy, catalog_id, name, cursor=cursor, limit=limit
        )

    async def drop_hierarchy(self, catalog_id: UUID, name: str) -> bool:
        return await self._write(self._store.drop_hierarchy, catalog_id, name)

    async def get_aspects(
        self, catalog_id: UUID, name: str, entities: Collection[UUID]
    ) -> dict[UUID, Aspect]:
        return await self._read(self._store.get_aspects, catalog_id, name, entities)

    async def find_aspects(
        self,
        catalog_id: UUID,
        name: str,
        where: Filter | None = None,
        *,
        order_by: str | Order | Sequence[str | Order] = (),
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Aspect]:
        return await self._read(
            self._store.find_aspects,
            catalog_id,
            name,
            where,
            order_by=order_by,
            cursor=cursor,
            limit=limit,
        )

    async def commit(
        self,
        catalog_id: UUID,
        edits: Sequence[Edit],
        *,
        expect: int | None = None,
        own: Collection[int] = (),
        refresh: bool = False,
    ) -> Commit:
        return await self._write(
            self._store.commit, catalog_id, edits, expect=expect, own=own, refresh=refresh
        )

    async def read_changes(
        self,
        catalog_id: UUID,
        since: int = 0,
        *,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Change]:
        return await self._read(
            self._store.read_changes, catalog_id, since, cursor=cursor, limit=limit
        )

    async def read_piece(
        self, catalog_id: UUID, name: str, entity: UUID, property: str, offset: int = 0
    ) -> Piece:
        return await self._read(self._store.read_piece, catalog_id, name, entity, property, offset)

    async def write_value(
        self,
        catalog_id: UUID,
        name: str,
        entity: UUID,
        property: str,
        pieces: Iterable[bytes | str] | AsyncIterable[bytes | str],
    ) -> LargeValue:

        async def write(given: Iterable[bytes | str]) -> LargeValue:
            return await self._write(
                self._store.write_value, catalog_id, name, entity, property, given
            )

        if isinstance(pieces, AsyncIterable):
            return await with_pieces(pieces, write)
        return await write(pieces)
