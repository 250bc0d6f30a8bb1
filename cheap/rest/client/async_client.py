"""The client for async programs: a server seen as an ``AsyncStore``."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Collection,
    Iterable,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from typing import Any, Self, TypeVar
from uuid import UUID

import anyio
import httpx

from cheap.aio.iterators import AsyncIterators
from cheap.core import (
    Aspect,
    AspectDef,
    Basis,
    Catalog,
    CatalogSpecies,
    Filter,
    HierarchyType,
    LargeValue,
    Order,
)
from cheap.core.edits import Edit
from cheap.errors import CheapError, ClosedError, MissingKeyError
from cheap.rest.client.calls import Call, Reply, Steps, call, value_call
from cheap.rest.client.config import CheapClientConfig
from cheap.rest.client.lines import (
    NOTHING,
    Encoder,
    Uploaded,
    aas_lines,
    acut_lines,
    each_of,
    read_catalog_line,
    read_uploaded,
)
from cheap.rest.client.sending import (
    AsyncBody,
    Tries,
    config_of,
    failure_of,
    is_refused,
    options_of,
    reply_of,
    request_of,
)
from cheap.rest.client.verbs import Verbs
from cheap.rest.wire import contents, routes
from cheap.rest.wire.problems import error_of
from cheap.rest.wire.routes import LINES
from cheap.store import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    CatalogHeader,
    Change,
    Commit,
    Entry,
    HierarchyHeader,
    Page,
    Piece,
    check_known,
    check_limit,
)
from cheap.store.answers import check_offset
from cheap.store.saving import basis_after, basis_of, being_saved, creation_of, is_new_to

T = TypeVar("T")


class AsyncCheapClient(AsyncIterators):
    """A server, as a store that is awaited, on asyncio and on trio. Tasks may share it.

    It has every verb of :class:`~cheap.store.Store`, and raises what a DAO raises. Calls that were
    lost on the way are repeated; the server sees to it that this does nothing twice.

    Args:
        base_url: where the server is, as ``http://host:port``; in the place of the config's.
        config: all else; see :class:`CheapClientConfig`.
        transport: what carries requests, in the place of sockets (an app under test).

    Example:
        >>> async with AsyncCheapClient("http://localhost:8000") as client:
        ...     await client.save_catalog(catalog)
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        config: CheapClientConfig | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config_of(base_url, config)
        self._verbs = Verbs(self._config.page_size)
        self._store_id: UUID | None = None
        self._closed = False
        self._http = httpx.AsyncClient(**options_of(self._config), transport=transport)

    # --- sending --------------------------------------------------------------------------

    async def _run(self, steps: Steps[T]) -> T:
        """Send what a verb asks for, until it has its result."""
        try:
            step = next(steps)
            while True:
                try:
                    reply = await self._send(step)
                except CheapError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration as done:
            result: T = done.value
            return result

    async def _send(self, step: Call, body: AsyncBody | None = None) -> Reply:
        return reply_of(await self._answer(step, body))

    async def _answer(
        self, step: Call, body: AsyncBody | None = None, *, stream: bool = False
    ) -> httpx.Response:
        """Send a call until it goes well; return the answer, whose body a stream has not read.

        Raises:
            CheapError: it goes wrong, and sending it again does not help.
        """
        self._check_open()
        tries = Tries(step, self._config)
        while True:
            headers: Any = {}
            try:
                response = await self._http.send(self._request(step, body), stream=stream)
                headers = response.headers
                if not is_refused(step, response):
                    return response
                async with aclosing(response):
                    failure = error_of(response.status_code, await response.aread(), headers)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                failure = failure_of(step, error)
                failure.__cause__ = error
            if body is not None and body.failure is not None:
                raise body.failure
            await anyio.sleep(tries.pause_after(failure, headers))

    def _request(self, step: Call, body: AsyncBody | None = None) -> httpx.Request:
        parts = request_of(step, self._config)
        if body is None:
            return self._http.build_request(**parts)
        parts["headers"] = {**step.headers, "transfer-encoding": "chunked"}
        request = self._http.build_request(**parts)
        request.stream = body
        return request

    @asynccontextmanager
    async def _streaming(self, step: Call) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Lend the body of an answer, as it comes."""
        async with aclosing(await self._answer(step, stream=True)) as response:
            try:
                yield response.aiter_bytes()
            except httpx.HTTPError as error:
                raise failure_of(step, error) from error

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this client was closed; create another one")

    async def close(self) -> None:
        self._closed = True
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    # --- the server -----------------------------------------------------------------------

    async def _id(self) -> UUID:
        if self._store_id is None:
            self._store_id = await self._run(self._verbs.store_id())
        return self._store_id

    async def health_check(self) -> dict[str, Any]:
        """Return how the server is: ``{"status": "healthy", "database": …, "version": …}``.

        Raises:
            UnavailableError: nobody answers.
        """
        return await self._run(self._verbs.health())

    async def about(self) -> dict[str, Any]:
        """Return what the server is: the id of its store, its database, version and limits."""
        return await self._run(self._verbs.about())

    async def schedule_deletion(self, catalog_id: UUID, after: int) -> dict[str, Any]:
        """Have a catalog deleted later; the server notes it durably.

        Args:
            catalog_id: which.
            after: seconds from now.

        Returns:
            ``{"status": "deletion scheduled", "catalog_id": …, "due": …}``, in seconds since 1970.
        """
        return await self._run(self._verbs.schedule_deletion(catalog_id, after))

    # --- the verbs ------------------------------------------------------------------------

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
        return await self._run(
            self._verbs.create_catalog(species, version, uri, upstream, catalog_id, edits)
        )

    async def get_catalog(self, catalog_id: UUID) -> CatalogHeader:
        return await self._run(self._verbs.get_catalog(catalog_id))

    async def list_catalogs(
        self,
        *,
        species: CatalogSpecies | None = None,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[CatalogHeader]:
        return await self._run(self._verbs.list_catalogs(species, cursor, limit))

    async def delete_catalog(self, catalog_id: UUID) -> bool:
        return await self._run(self._verbs.delete_catalog(catalog_id))

    async def catalog_exists(self, catalog_id: UUID) -> bool:
        return await self._run(self._verbs.catalog_exists(catalog_id))

    async def load_catalog(
        self, catalog_id: UUID, *, only: Collection[str] | None = None
    ) -> Catalog:
        return await self._run(self._verbs.load_catalog(catalog_id, only, await self._id()))

    async def save_catalog(self, catalog: Catalog, *, replace: bool = False) -> int:
        store_id = await self._id()
        is_new = is_new_to(store_id, catalog)
        with being_saved(catalog, whole=replace or is_new) as taken:
            if replace:
                basis = Basis(store_id, await self._run(self._verbs.replace_catalog(catalog)))
            elif is_new:
                made = await self.create_catalog(**creation_of(catalog, taken))
                basis = Basis(store_id, made.revision)
            else:
                basis = basis_of(catalog)
                if edits := taken.edits():
                    done = await self.commit(
                        catalog.global_id, edits, expect=basis.revision, own=basis.own
                    )
                    basis = basis_after(done, catalog)
                else:
                    present = (await self.get_catalog(catalog.global_id)).revision
                    check_known(catalog.global_id, catalog.revision, present)
            catalog.settle(basis, taken)
        return catalog.revision

    async def list_catalog_ids(self) -> list[UUID]:
        return [each.catalog_id async for each in self.iter_catalogs(page_size=MAX_LIMIT)]

    async def load_catalogs_page(self, offset: int, page_size: int = 10) -> list[Catalog]:
        check_offset(offset)
        check_limit(page_size)
        found: list[UUID] = []
        async for header in self.iter_catalogs():
            if len(found) >= offset + page_size:
                break
            found.append(header.catalog_id)
        return [await self.load_catalog(each) for each in found[offset:]]

    async def add_aspect_def(self, catalog_id: UUID, definition: AspectDef) -> int:
        return await self._run(self._verbs.add_aspect_def(catalog_id, definition))

    async def get_aspect_def(self, catalog_id: UUID, name: str | UUID) -> AspectDef:
        return await self._run(self._verbs.get_aspect_def(catalog_id, name))

    async def list_aspect_defs(self, catalog_id: UUID) -> list[AspectDef]:
        return await self._run(self._verbs.list_aspect_defs(catalog_id))

    async def create_hierarchy(
        self, catalog_id: UUID, name: str, type: HierarchyType, *, indexes: Sequence[str] = ()
    ) -> int:
        return await self._run(self._verbs.create_hierarchy(catalog_id, name, type, indexes))

    async def list_hierarchies(self, catalog_id: UUID) -> list[HierarchyHeader]:
        return await self._run(self._verbs.list_hierarchies(catalog_id))

    async def read_hierarchy(
        self, catalog_id: UUID, name: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Entry]:
        return await self._run(self._verbs.read_hierarchy(catalog_id, name, cursor, limit))

    async def drop_hierarchy(self, catalog_id: UUID, name: str) -> bool:
        return await self._run(self._verbs.drop_hierarchy(catalog_id, name))

    async def get_aspects(
        self, catalog_id: UUID, name: str, entities: Collection[UUID]
    ) -> dict[UUID, Aspect]:
        return await self._run(self._verbs.get_aspects(catalog_id, name, entities))

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
        return await self._run(
            self._verbs.find_aspects(catalog_id, name, where, order_by, cursor, limit)
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
        return await self._run(self._verbs.commit(catalog_id, edits, expect, own, refresh))

    async def read_changes(
        self,
        catalog_id: UUID,
        since: int = 0,
        *,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Change]:
        return await self._run(self._verbs.read_changes(catalog_id, since, cursor, limit))

    async def read_piece(
        self, catalog_id: UUID, name: str, entity: UUID, property: str, offset: int = 0
    ) -> Piece:
        return await self._run(self._verbs.read_piece(catalog_id, name, entity, property, offset))

    async def wait_for_changes(
        self, catalog_id: UUID, since: int, *, seconds: float = 30.0, limit: int = DEFAULT_LIMIT
    ) -> Page[Change]:
        """Return what changed after a revision, as soon as something did.

        Args:
            catalog_id: which.
            since: the revision that is known.
            seconds: how long the server waits, at most 60; the page is empty when nothing came.
            limit: most items on the page.
        """
        return await self._run(self._verbs.read_changes(catalog_id, since, None, limit, seconds))

    # --- streams --------------------------------------------------------------------------

    async def stream_hierarchy(self, catalog_id: UUID, name: str) -> AsyncIterator[Entry]:
        """Yield every item of a hierarchy, from one answer, in constant memory.

        Faster than ``iter_hierarchy`` for all of a large one; leaving early closes a connection.
        """
        try:
            definition = await self.get_aspect_def(catalog_id, name)
        except MissingKeyError:
            definition = None
        step = call(routes.STREAM_HIERARCHY, catalog_id, name)
        async with self._streaming(step) as chunks, aclosing(acut_lines(chunks)) as lines:
            async for line in lines:
                yield contents.read_line(line, definition)

    async def stream_catalogs(self) -> AsyncIterator[Catalog]:
        """Yield every catalog of the server, whole, one after the other."""
        step = call(routes.STREAM_CATALOGS)
        async with self._streaming(step) as chunks, aclosing(acut_lines(chunks)) as lines:
            async for line in lines:
                yield read_catalog_line(line)

    async def upload_aspects(
        self,
        catalog_id: UUID,
        name: str,
        records: Iterable[tuple[UUID, object]] | AsyncIterable[tuple[UUID, object]],
    ) -> Uploaded:
        """Put any number of records, as they come; the server keeps those that are right.

        Args:
            catalog_id: where.
            name: the definition's name.
            records: entities and their records: aspects, mappings, dataclasses, pydantic models.

        Returns:
            How many came and were written, and which were refused, and why.

        Raises:
            InvalidValueError: a record is refused before it is sent.
        """
        definition = await self.get_aspect_def(catalog_id, name)
        made = call(routes.PUT_ASPECTS, catalog_id, name)
        made.headers = {"content-type": LINES}
        made.safe = False
        async with aclosing(aas_lines(records, definition)) as body:
            return read_uploaded(await self._send(made, AsyncBody(body)))

    async def write_value(
        self,
        catalog_id: UUID,
        name: str,
        entity: UUID,
        property: str,
        pieces: Iterable[bytes | str] | AsyncIterable[bytes | str],
    ) -> LargeValue:
        async with aclosing(each_of(pieces)) as given:
            first = await anext(given, NOTHING)
            made = value_call(catalog_id, name, entity, property, first)
            encoder = Encoder(name, entity, property, first)
            async with aclosing(encoder.apieces(first, given)) as body:
                reply = await self._send(made, AsyncBody(body))
        return contents.read_large(reply.body)
