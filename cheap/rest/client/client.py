"""The blocking client: a server seen as a ``Store``."""

from __future__ import annotations

import time
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, TypeVar
from uuid import UUID

import httpx

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
from cheap.core.hierarchies.tracking import Taken
from cheap.errors import CheapError, ClosedError, MissingKeyError
from cheap.rest.client.calls import Call, Reply, Steps, call, value_call
from cheap.rest.client.config import CheapClientConfig
from cheap.rest.client.lines import (
    NOTHING,
    Encoder,
    Uploaded,
    as_lines,
    cut_lines,
    read_catalog_line,
    read_uploaded,
)
from cheap.rest.client.sending import (
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
    CatalogHeader,
    Change,
    Commit,
    Entry,
    HierarchyHeader,
    Page,
    Piece,
    Store,
)

T = TypeVar("T")


class CheapClient(Store):
    """A server, as a store that blocks. Threads may share it.

    It has every verb of :class:`~cheap.store.Store`, and raises what a DAO raises. Calls that were
    lost on the way are repeated; the server sees to it that this does nothing twice.

    Args:
        base_url: where the server is, as ``http://host:port``; in the place of the config's.
        config: all else; see :class:`CheapClientConfig`.
        transport: what carries requests, in the place of sockets (an app under test).

    Example:
        >>> with CheapClient("http://localhost:8000") as client:
        ...     client.save_catalog(catalog)
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        config: CheapClientConfig | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._config = config_of(base_url, config)
        self._verbs = Verbs(self._config.page_size)
        self._store_id: UUID | None = None
        self._closed = False
        self._http = httpx.Client(**options_of(self._config), transport=transport)

    # --- sending --------------------------------------------------------------------------

    def _run(self, steps: Steps[T]) -> T:
        """Send what a verb asks for, until it has its result."""
        try:
            step = next(steps)
            while True:
                try:
                    reply = self._send(step)
                except CheapError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration as done:
            result: T = done.value
            return result

    def _send(self, step: Call, body: Iterable[bytes] | None = None) -> Reply:
        return reply_of(self._answer(step, body))

    def _answer(
        self, step: Call, body: Iterable[bytes] | None = None, *, stream: bool = False
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
                response = self._http.send(self._request(step, body), stream=stream)
                headers = response.headers
                if not is_refused(step, response):
                    return response
                with closing(response):
                    failure = error_of(response.status_code, response.read(), headers)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                failure = failure_of(step, error)
                failure.__cause__ = error
            time.sleep(tries.pause_after(failure, headers))

    def _request(self, step: Call, body: Iterable[bytes] | None = None) -> httpx.Request:
        parts = request_of(step, self._config)
        if body is not None:
            parts["content"] = body
        return self._http.build_request(**parts)

    @contextmanager
    def _streaming(self, step: Call) -> Generator[Iterator[bytes]]:
        """Lend the body of an answer, as it comes."""
        with closing(self._answer(step, stream=True)) as response:
            try:
                yield response.iter_bytes()
            except httpx.HTTPError as error:
                raise failure_of(step, error) from error

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this client was closed; create another one")

    def close(self) -> None:
        self._closed = True
        self._http.close()

    # --- the server -----------------------------------------------------------------------

    @property
    def store_id(self) -> UUID:
        if self._store_id is None:
            self._store_id = self._run(self._verbs.store_id())
        return self._store_id

    def health_check(self) -> dict[str, Any]:
        """Return how the server is: ``{"status": "healthy", "database": …, "version": …}``.

        Raises:
            UnavailableError: nobody answers.
        """
        return self._run(self._verbs.health())

    def about(self) -> dict[str, Any]:
        """Return what the server is: the id of its store, its database, version and limits."""
        return self._run(self._verbs.about())

    def schedule_deletion(self, catalog_id: UUID, after: int) -> dict[str, Any]:
        """Have a catalog deleted later; the server notes it durably.

        Args:
            catalog_id: which.
            after: seconds from now.

        Returns:
            ``{"status": "deletion scheduled", "catalog_id": …, "due": …}``, in seconds since 1970.
        """
        return self._run(self._verbs.schedule_deletion(catalog_id, after))

    # --- the verbs ------------------------------------------------------------------------

    def create_catalog(
        self,
        *,
        species: CatalogSpecies = CatalogSpecies.SINK,
        version: str = "1.0.0",
        uri: str | None = None,
        upstream: UUID | None = None,
        catalog_id: UUID | None = None,
        edits: Sequence[Edit] = (),
    ) -> CatalogHeader:
        return self._run(
            self._verbs.create_catalog(species, version, uri, upstream, catalog_id, edits)
        )

    def get_catalog(self, catalog_id: UUID) -> CatalogHeader:
        return self._run(self._verbs.get_catalog(catalog_id))

    def list_catalogs(
        self,
        *,
        species: CatalogSpecies | None = None,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[CatalogHeader]:
        return self._run(self._verbs.list_catalogs(species, cursor, limit))

    def delete_catalog(self, catalog_id: UUID) -> bool:
        return self._run(self._verbs.delete_catalog(catalog_id))

    def catalog_exists(self, catalog_id: UUID) -> bool:
        return self._run(self._verbs.catalog_exists(catalog_id))

    def load_catalog(self, catalog_id: UUID, *, only: Collection[str] | None = None) -> Catalog:
        return self._run(self._verbs.load_catalog(catalog_id, only, self.store_id))

    def _replace(self, catalog: Catalog, taken: Taken) -> int:
        return self._run(self._verbs.replace_catalog(catalog))

    def add_aspect_def(self, catalog_id: UUID, definition: AspectDef) -> int:
        return self._run(self._verbs.add_aspect_def(catalog_id, definition))

    def get_aspect_def(self, catalog_id: UUID, name: str | UUID) -> AspectDef:
        return self._run(self._verbs.get_aspect_def(catalog_id, name))

    def list_aspect_defs(self, catalog_id: UUID) -> list[AspectDef]:
        return self._run(self._verbs.list_aspect_defs(catalog_id))

    def create_hierarchy(
        self, catalog_id: UUID, name: str, type: HierarchyType, *, indexes: Sequence[str] = ()
    ) -> int:
        return self._run(self._verbs.create_hierarchy(catalog_id, name, type, indexes))

    def list_hierarchies(self, catalog_id: UUID) -> list[HierarchyHeader]:
        return self._run(self._verbs.list_hierarchies(catalog_id))

    def read_hierarchy(
        self, catalog_id: UUID, name: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Entry]:
        return self._run(self._verbs.read_hierarchy(catalog_id, name, cursor, limit))

    def drop_hierarchy(self, catalog_id: UUID, name: str) -> bool:
        return self._run(self._verbs.drop_hierarchy(catalog_id, name))

    def get_aspects(
        self, catalog_id: UUID, name: str, entities: Collection[UUID]
    ) -> dict[UUID, Aspect]:
        return self._run(self._verbs.get_aspects(catalog_id, name, entities))

    def find_aspects(
        self,
        catalog_id: UUID,
        name: str,
        where: Filter | None = None,
        *,
        order_by: str | Order | Sequence[str | Order] = (),
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Aspect]:
        return self._run(self._verbs.find_aspects(catalog_id, name, where, order_by, cursor, limit))

    def commit(
        self,
        catalog_id: UUID,
        edits: Sequence[Edit],
        *,
        expect: int | None = None,
        own: Collection[int] = (),
        refresh: bool = False,
    ) -> Commit:
        return self._run(self._verbs.commit(catalog_id, edits, expect, own, refresh))

    def read_changes(
        self,
        catalog_id: UUID,
        since: int = 0,
        *,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Change]:
        return self._run(self._verbs.read_changes(catalog_id, since, cursor, limit))

    def read_piece(
        self, catalog_id: UUID, name: str, entity: UUID, property: str, offset: int = 0
    ) -> Piece:
        return self._run(self._verbs.read_piece(catalog_id, name, entity, property, offset))

    def wait_for_changes(
        self, catalog_id: UUID, since: int, *, seconds: float = 30.0, limit: int = DEFAULT_LIMIT
    ) -> Page[Change]:
        """Return what changed after a revision, as soon as something did.

        Args:
            catalog_id: which.
            since: the revision that is known.
            seconds: how long the server waits, at most 60; the page is empty when nothing came.
            limit: most items on the page.
        """
        return self._run(self._verbs.read_changes(catalog_id, since, None, limit, seconds))

    # --- streams --------------------------------------------------------------------------

    def stream_hierarchy(self, catalog_id: UUID, name: str) -> Iterator[Entry]:
        """Yield every item of a hierarchy, from one answer, in constant memory.

        Faster than ``iter_hierarchy`` for all of a large one; leaving early closes a connection.
        """
        try:
            definition = self.get_aspect_def(catalog_id, name)
        except MissingKeyError:
            definition = None
        with self._streaming(call(routes.STREAM_HIERARCHY, catalog_id, name)) as chunks:
            for line in cut_lines(chunks):
                yield contents.read_line(line, definition)

    def stream_catalogs(self) -> Iterator[Catalog]:
        """Yield every catalog of the server, whole, one after the other."""
        with self._streaming(call(routes.STREAM_CATALOGS)) as chunks:
            for line in cut_lines(chunks):
                yield read_catalog_line(line)

    def upload_aspects(
        self, catalog_id: UUID, name: str, records: Iterable[tuple[UUID, object]]
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
        definition = self.get_aspect_def(catalog_id, name)
        made = call(routes.PUT_ASPECTS, catalog_id, name)
        made.headers = {"content-type": LINES}
        made.safe = False
        return read_uploaded(self._send(made, as_lines(records, definition)))

    def write_value(
        self,
        catalog_id: UUID,
        name: str,
        entity: UUID,
        property: str,
        pieces: Iterable[bytes | str],
    ) -> LargeValue:
        given = iter(pieces)
        first = next(given, NOTHING)
        made = value_call(catalog_id, name, entity, property, first)
        reply = self._send(made, Encoder(name, entity, property, first).pieces(first, given))
        return contents.read_large(reply.body)
