"""The one SQL DAO: the verbs of the contract over any adapter."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Self, TypeVar
from uuid import UUID

from cheap.core import (
    Aspect,
    AspectDef,
    AspectMap,
    Basis,
    Catalog,
    CatalogSpecies,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    Filter,
    HierarchyType,
    LargeValue,
    Node,
    Order,
)
from cheap.core.edits import CreateHierarchy, DropHierarchy, Edit, PutAspects, PutDefinition
from cheap.core.filters import Selection
from cheap.core.names import check_id, check_name, id_from_bytes, ids_from_bytes, new_id
from cheap.db.adapter import Adapter, Lent, Row, Session
from cheap.db.commits import CHUNK, Work, apply, write_large
from cheap.db.cursors import read_cursor, write_cursor
from cheap.db.feed import Feed
from cheap.db.finding import Finder
from cheap.db.large import read_piece
from cheap.db.rows import (
    ROOT,
    HierarchyRow,
    Paths,
    as_bytes,
    as_text,
    aspects_of,
    definition_of,
    header_of,
    hierarchy_of,
    missing_hierarchy,
    packed_records,
)
from cheap.db.schema import CATALOG
from cheap.db.transactions import Transaction, current, opened
from cheap.errors import (
    AlreadyExistsError,
    BusyError,
    CatalogNotFoundError,
    CheapError,
    InvalidQueryError,
    MissingKeyError,
)
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
    check_limit,
)

T = TypeVar("T")

PATIENCE: Final = 10.0
"""Seconds after which a write that keeps meeting deadlocks is given up."""


class SqlDao(Store):
    """Catalogs in a SQL database: the same code for each, over an adapter.

    A DAO holds no state of its own beyond the adapter's: threads may share one, and several may
    share an adapter.
    """

    def __init__(self, adapter: Adapter, *, owns_adapter: bool = False) -> None:
        self.adapter: Final = adapter
        self.owns_adapter: Final = owns_adapter
        self._sql = adapter.statements
        self._maps: dict[tuple[UUID, str], HierarchyRow] = {}

    @property
    def store_id(self) -> UUID:
        return self.adapter.store_id

    def close(self) -> None:
        """Close the adapter, if this DAO was made by ``cheap.connect``; else nothing."""
        if self.owns_adapter:
            self.adapter.close()

    # --- transactions ---------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Generator[Self]:
        """Join the calls of a ``with`` block into one transaction.

        All calls made on this DAO (and on others over its adapter) inside the block, in the same
        thread or task, see each other's writes; they are committed together at the end, or rolled
        back together when the block raises. A call that fails leaves nothing of itself, and the
        rest may go on if the error is caught. Blocks inside of blocks join the outermost.

        Example:
            >>> with dao.transaction():
            ...     dao.save_catalog(first)
            ...     dao.save_catalog(second)
        """
        if current(self.adapter) is not None:
            yield self
            return
        joined: Transaction[Session] | None = None
        try:
            with self.adapter.transaction(write=True) as session:
                joined = Transaction(self.adapter, session)
                with opened(joined):
                    yield self
                joined.check()
        except BaseException:
            for undo in reversed(joined.undos if joined else []):
                undo()
            raise

    def _settle(self, catalog: Catalog, basis: Basis) -> None:
        undo = catalog.settle(basis)
        joined = current(self.adapter)
        if joined is not None:
            joined.undos.append(undo)

    def _reading(self, *, snapshot: bool = False) -> AbstractContextManager[Session]:
        """Lend a session for reading: the joined transaction's, or one of its own."""
        joined = current(self.adapter)
        if joined is not None:
            return _joining(joined)  # type: ignore[arg-type]
        if snapshot:
            return self.adapter.transaction(write=False)
        return Lent(self.adapter, write=False)

    def _write(self, work: Callable[[Session], T], *, repeatable: bool = True) -> T:
        """Do some work in a transaction; again from the start after a deadlock or the like."""
        joined = current(self.adapter)
        if joined is not None:
            return self._write_joined(joined, work)  # type: ignore[arg-type]
        deadline = time.monotonic() + PATIENCE
        tries = self.adapter.retries if repeatable else 0
        while True:
            try:
                with self.adapter.transaction(write=True) as session:
                    return work(session)
            except BusyError:
                if tries <= 0 or time.monotonic() > deadline:
                    raise
                tries -= 1
            # Jitter, so that two that met do not meet again.
            time.sleep(random.uniform(0.001, 0.02) * (self.adapter.retries - tries))

    @staticmethod
    def _write_joined(joined: Transaction[Session], work: Callable[[Session], T]) -> T:
        """Do some work inside a joined transaction; should it fail, nothing is left of it."""
        with _joining(joined) as session:
            # A call inside of a call (by an iterator that is being written) has its own name,
            # since MariaDB gives up a savepoint for a new one of the same name.
            savepoint = f"cheap_call_{joined.depth}"
            joined.depth += 1
            try:
                session.run(f"SAVEPOINT {savepoint}", {})
                try:
                    result = work(session)
                    session.run(f"RELEASE SAVEPOINT {savepoint}", {})
                except BaseException as error:
                    session.forget()
                    try:
                        session.run(f"ROLLBACK TO SAVEPOINT {savepoint}", {})
                        session.run(f"RELEASE SAVEPOINT {savepoint}", {})
                    except CheapError:
                        # The database gave up the whole transaction (a deadlock, a lost
                        # connection).
                        joined.failure = error
                    raise
            finally:
                joined.depth -= 1
            return result

    # --- catalogs -------------------------------------------------------------------------

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
        new = Catalog(  # checks the labels
            species=species,
            version=version,
            uri=uri or None,
            upstream=upstream,
            global_id=catalog_id or new_id(),
        )
        row = (
            new.global_id.bytes,
            species.value,
            new.version,
            new.uri,
            None if upstream is None else upstream.bytes,
            1,
            1,
        )

        def work(session: Session) -> CatalogHeader:
            try:
                session.insert(CATALOG, [row])
                session.flush()
            except AlreadyExistsError as error:
                raise AlreadyExistsError(
                    f"catalog {new.global_id} is in this store already; load it to change it, or "
                    "save with replace=True to put this one in its place"
                ) from error.__cause__
            if edits:
                work = Work(session, new.global_id, edits, privileged=True, is_new=True)
                apply(work, edits)
            return header_of(row)

        return self._write(work)

    def get_catalog(self, catalog_id: UUID) -> CatalogHeader:
        with self._reading() as session:
            return header_of(self._catalog_row(session, catalog_id))

    def _catalog_row(self, session: Session, catalog_id: UUID) -> Row:
        rows = session.rows(self._sql.get_catalog, _catalog(catalog_id))
        if not rows:
            raise CatalogNotFoundError(catalog_id)
        return rows[0]

    def list_catalogs(
        self,
        *,
        species: CatalogSpecies | None = None,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[CatalogHeader]:
        check_limit(limit)
        after = b"" if cursor is None else read_cursor(cursor, ("catalogs", bytes))[1]
        params: dict[str, object] = {"after": after, "limit": limit + 1}
        statement = self._sql.list_catalogs
        if species is not None:
            params["species"] = species.value
            statement = self._sql.list_catalogs_of
        with self._reading() as session:
            rows = session.rows(statement, params)
        return _page(rows, limit, header_of, lambda row: write_cursor("catalogs", row[0]))

    def delete_catalog(self, catalog_id: UUID) -> bool:
        def work(session: Session) -> bool:
            # The lock first, so that a commit that is under way leaves nothing behind.
            if not session.run(self._sql.raise_revision, _catalog(catalog_id)):
                return False
            session.run_all(self._sql.delete_catalog, _catalog(catalog_id))
            return True

        return self._write(work)

    def catalog_exists(self, catalog_id: UUID) -> bool:
        with self._reading() as session:
            return bool(session.rows(self._sql.get_catalog, _catalog(catalog_id)))

    def load_catalog(self, catalog_id: UUID, *, only: Collection[str] | None = None) -> Catalog:
        with self._reading(snapshot=True) as session, _gc_held():
            row = self._catalog_row(session, catalog_id)
            header = header_of(row)
            hierarchies = self._hierarchy_rows(session, catalog_id)
            if only is not None:
                for name in only:
                    if name not in hierarchies:
                        raise missing_hierarchy(name)
            catalog = Catalog(
                species=header.species,
                version=header.version,
                uri=header.uri,
                upstream=header.upstream,
                global_id=header.catalog_id,
            )
            for name, document, _ in session.rows(self._sql.list_definitions, _catalog(catalog_id)):
                if only is None or as_text(name) in only:
                    catalog.define_without_map(definition_of(as_bytes(document)))
            for each in hierarchies.values():
                if only is None or each.name in only:
                    self._load(session, catalog, each)
        kept = None if only is None else frozenset(only)
        catalog.settle(Basis(self.store_id, header.revision, only=kept))
        return catalog

    def _load(self, session: Session, catalog: Catalog, found: HierarchyRow) -> None:
        place = {**_catalog(catalog.global_id), "hierarchy": found.number}
        if found.type is HierarchyType.ASPECT_MAP:
            rows = session.rows(self._sql.load_aspects, place)
            packed = packed_records(session, place, rows)
            made = AspectMap.of_packed(found.codec.definition, packed)
            made.note_indexes(found.indexes)
            catalog.add_hierarchy(made)
            return
        rows = session.rows(self._sql.load_entries, place)
        match found.type:
            case HierarchyType.ENTITY_LIST:
                catalog.add_hierarchy(EntityList(found.name, _entities(rows)))
            case HierarchyType.ENTITY_SET:
                catalog.add_hierarchy(EntitySet(found.name, _entities(rows)))
            case HierarchyType.ENTITY_DIR:
                keys = [as_text(row[3]) for row in rows]
                entries = dict(zip(keys, _entities(rows), strict=True))
                catalog.add_hierarchy(EntityDirectory(found.name, entries))
            case HierarchyType.ENTITY_TREE:
                tree = EntityTree(found.name)
                _grow(tree, rows)
                catalog.add_hierarchy(tree)

    # --- definitions ----------------------------------------------------------------------

    def add_aspect_def(self, catalog_id: UUID, definition: AspectDef) -> int:
        return self.commit(catalog_id, [PutDefinition(definition)]).revision

    def get_aspect_def(self, catalog_id: UUID, name: str | UUID) -> AspectDef:
        for each in self.list_aspect_defs(catalog_id):
            if name in (each.name, each.id):
                return each
        raise MissingKeyError(f"catalog {catalog_id} has no aspect definition {str(name)!r}")

    def list_aspect_defs(self, catalog_id: UUID) -> list[AspectDef]:
        with self._reading() as session:
            rows = session.rows(self._sql.list_definitions, _catalog(catalog_id))
            if not rows:
                self._catalog_row(session, catalog_id)
        return [definition_of(as_bytes(document)) for _, document, _ in rows]

    # --- contents -------------------------------------------------------------------------

    def create_hierarchy(
        self, catalog_id: UUID, name: str, type: HierarchyType, *, indexes: Sequence[str] = ()
    ) -> int:
        edit = CreateHierarchy(name, type, tuple(indexes))
        return self.commit(catalog_id, [edit]).revision

    def list_hierarchies(self, catalog_id: UUID) -> list[HierarchyHeader]:
        with self._reading(snapshot=True) as session:
            self._catalog_row(session, catalog_id)
            found = self._hierarchy_rows(session, catalog_id)
            sizes: dict[int, int] = {}
            for statement in (self._sql.count_aspects, self._sql.count_entries):
                sizes.update(session.rows(statement, _catalog(catalog_id)))  # type: ignore[arg-type]
        return [
            HierarchyHeader(
                each.name, each.type, each.revision, sizes.get(each.number, 0), each.indexes
            )
            for each in found.values()
        ]

    def _hierarchy_rows(self, session: Session, catalog_id: UUID) -> dict[str, HierarchyRow]:
        rows = session.rows(self._sql.list_hierarchies, _catalog(catalog_id))
        return {each.name: each for each in map(hierarchy_of, rows)}

    def _hierarchy(self, session: Session, catalog_id: UUID, name: str) -> HierarchyRow:
        check_name(name, "hierarchy")
        names = session.dialect.pack_names([name])
        params = {**_catalog(catalog_id), "names": names}
        rows = session.rows(self._sql.get_hierarchies, params)
        if not rows:
            self._catalog_row(session, catalog_id)
            raise missing_hierarchy(name)
        return hierarchy_of(rows[0])

    def _aspect_map(self, session: Session, catalog_id: UUID, name: str) -> HierarchyRow:
        found = self._hierarchy(session, catalog_id, name)
        if found.type is not HierarchyType.ASPECT_MAP:
            raise MissingKeyError(f"hierarchy {name!r} is not an aspect map")
        return found

    def read_hierarchy(
        self, catalog_id: UUID, name: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Entry]:
        check_limit(limit)
        after = -(2**63) if cursor is None else read_cursor(cursor, ("items", int))[1]
        with self._reading(snapshot=True) as session:
            found = self._hierarchy(session, catalog_id, name)
            place = {**_catalog(catalog_id), "hierarchy": found.number}
            params = {**place, "after": after, "limit": limit + 1}
            if found.type is HierarchyType.ASPECT_MAP:
                codec = found.readable_codec()
                rows = session.rows(self._sql.page_aspects, params)
                more = write_cursor("items", rows[limit - 1][3]) if len(rows) > limit else None
                packed = packed_records(session, place, [row[:3] for row in rows[:limit]])
                aspects = aspects_of(packed, codec)
                return Page(tuple(Entry(None, e, a) for e, a in aspects.items()), more)
            rows = session.rows(self._sql.page_entries, params)
            more = write_cursor("items", rows[limit - 1][0]) if len(rows) > limit else None
            return Page(_entries(session, place, found.type, rows[:limit]), more)

    def drop_hierarchy(self, catalog_id: UUID, name: str) -> bool:
        try:
            self.commit(catalog_id, [DropHierarchy(name)])
        except MissingKeyError:
            return False
        return True

    def get_aspects(
        self, catalog_id: UUID, name: str, entities: Collection[UUID]
    ) -> dict[UUID, Aspect]:
        place: dict[str, object] = {"catalog_id": check_id(catalog_id, "catalog id").bytes}
        known = self._maps.get((catalog_id, name))
        if known is not None and len(entities) <= CHUNK:
            # One statement sees the store as of one moment, without a transaction.
            place["hierarchy"] = known.number
            with self._reading() as session:
                rows = self._aspect_rows(session, place, entities)
                if rows and all(row[1] is not None for row in rows):
                    packed = packed_records(session, place, rows)
                    return _in_order(entities, aspects_of(packed, known.readable_codec()))
        # Not seen yet; or nothing there, maybe because the map is another one by now; or some of
        # it lies in pieces, which another statement reads.
        with self._reading(snapshot=True) as session:
            known = self._aspect_map(session, catalog_id, name)
            place["hierarchy"] = known.number
            rows = self._aspect_rows(session, place, entities)
            packed = packed_records(session, place, rows)
        self._remember(catalog_id, known)
        return _in_order(entities, aspects_of(packed, known.readable_codec()))

    def _aspect_rows(
        self, session: Session, place: dict[str, object], entities: Collection[UUID]
    ) -> list[Row]:
        if len(entities) == 1:
            (entity,) = entities
            return session.rows(self._sql.get_aspect, {**place, "entity": check_id(entity).bytes})
        rows: list[Row] = []
        ids = [check_id(each).bytes for each in entities]
        for start in range(0, len(ids), CHUNK):
            packed_ids = session.dialect.pack_ids(ids[start : start + CHUNK])
            rows += session.rows(self._sql.get_aspects, {**place, "ids": packed_ids})
        return rows

    def _remember(self, catalog_id: UUID, found: HierarchyRow) -> None:
        if current(self.adapter) is not None:
            return  # what is not committed may never be
        if len(self._maps) > 10_000:
            self._maps.clear()
        self._maps[catalog_id, found.name] = found

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
        check_limit(limit)
        with self._reading(snapshot=True) as session:
            found = self._aspect_map(session, catalog_id, name)
            selection = Selection(found.readable_codec().definition, where, order_by)
            place = {**_catalog(catalog_id), "hierarchy": found.number}
            return Finder(session, place, found, selection).page(cursor, limit)

    # --- writing --------------------------------------------------------------------------

    def commit(
        self,
        catalog_id: UUID,
        edits: Sequence[Edit],
        *,
        expect: int | None = None,
        own: Collection[int] = (),
        refresh: bool = False,
    ) -> Commit:
        edits = list(edits)
        if not edits:
            revision = self.get_catalog(catalog_id).revision
            return Commit(revision, revision, 0)

        def run(session: Session) -> Commit:
            work = Work(session, catalog_id, edits, expect=expect, own=own, privileged=refresh)
            apply(work, edits)
            return Commit(work.revision, work.revision - 1, work.written)

        return self._write(run)

    # --- following ------------------------------------------------------------------------

    def read_changes(
        self,
        catalog_id: UUID,
        since: int = 0,
        *,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Change]:
        check_limit(limit)
        if since < 0:
            raise InvalidQueryError(f"since: expected 0 or more, got {since}")
        with self._reading(snapshot=True) as session:
            header = self._catalog_row(session, catalog_id)
            if header[5] <= since:
                return Page(())
            rows = self._hierarchy_rows(session, catalog_id)
            definitions = session.rows(self._sql.list_definitions, _catalog(catalog_id))
            by_number = {each.number: each for each in rows.values()}
            feed = Feed(session, _catalog(catalog_id), header, by_number, definitions)
            return feed.page(since, cursor, limit)

    # --- large values ---------------------------------------------------------------------

    def read_piece(
        self, catalog_id: UUID, name: str, entity: UUID, property: str, offset: int = 0
    ) -> Piece:
        with self._reading(snapshot=True) as session:
            found = self._aspect_map(session, catalog_id, name)
            place = {**_catalog(catalog_id), "hierarchy": found.number}
            return read_piece(session, place, found, check_id(entity), property, offset)

    def write_value(
        self,
        catalog_id: UUID,
        name: str,
        entity: UUID,
        property: str,
        pieces: Iterable[bytes | str],
    ) -> LargeValue:
        def run(session: Session) -> LargeValue:
            work = Work(session, catalog_id, [PutAspects(name, {})])
            return write_large(work, name, check_id(entity), property, pieces)

        # The pieces come from an iterator: they cannot be had twice.
        return self._write(run, repeatable=False)


@contextmanager
def _joining(joined: Transaction[Session]) -> Generator[Session]:
    """Lend the session of a joined transaction to one call at a time."""
    with joined.turn:
        joined.check()
        yield joined.session


# --- rows to collections --------------------------------------------------------------------


def _catalog(catalog_id: UUID) -> dict[str, object]:
    return {"catalog_id": check_id(catalog_id, "catalog id").bytes}


def _in_order(entities: Collection[UUID], found: dict[UUID, T]) -> dict[UUID, T]:
    """Return what was found in the order in which it was asked for."""
    if len(found) < 2:
        return found
    return {each: found[each] for each in entities if each in found}


def _page(
    rows: Sequence[Row], limit: int, value: Callable[[Row], T], cursor: Callable[[Row], str]
) -> Page[T]:
    more = cursor(rows[limit - 1]) if len(rows) > limit else None
    return Page(tuple(map(value, rows[:limit])), more)


def _entities(rows: Sequence[Row]) -> list[UUID]:
    return ids_from_bytes([row[4] for row in rows])


def _grow(tree: EntityTree, rows: Sequence[Row]) -> None:
    """Fill a tree from rows in which parents come before their children."""
    nodes: dict[bytes, Node] = {ROOT: tree.root}
    for _, item, parent, name, entity in rows:
        value = None if entity is None else id_from_bytes(entity)
        if parent is None:
            tree.root.entity = value
        else:
            nodes[item] = nodes[parent].attach(as_text(name), value)


def _entries(
    session: Session, place: dict[str, object], kind: HierarchyType, rows: Sequence[Row]
) -> tuple[Entry, ...]:
    entities = [None if row[4] is None else id_from_bytes(row[4]) for row in rows]
    if kind is HierarchyType.ENTITY_DIR:
        return tuple(
            Entry(as_text(row[3]), entity) for row, entity in zip(rows, entities, strict=True)
        )
    if kind is HierarchyType.ENTITY_TREE:
        paths = Paths(session, place)
        paths.note(rows)
        return tuple(
            Entry(paths.of(row[1]), entity) for row, entity in zip(rows, entities, strict=True)
        )
    return tuple(Entry(None, entity) for entity in entities)


_held = 0
_held_lock = threading.Lock()


@contextmanager
def _gc_held() -> Generator[None]:
    """Hold the garbage collector off: it doubles the time of a large load, and finds nothing."""
    global _held
    with _held_lock:
        if _held == 0 and not gc.isenabled():
            yield_plain = True
        else:
            yield_plain = False
            gc.disable()
            _held += 1
    try:
        yield
    finally:
        if not yield_plain:
            with _held_lock:
                _held -= 1
                if _held == 0:
                    gc.enable()
