"""The one SQL DAO: the verbs of the contract over any adapter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

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
from cheap.core.arguments import several
from cheap.core.edits import CreateHierarchy, DropHierarchy, Edit, PutAspects, PutDefinition
from cheap.core.filters import Selection
from cheap.core.hierarchies.tracking import Taken
from cheap.core.names import check_id, check_name, id_from_bytes, ids_from_bytes
from cheap.db.adapter import Adapter, Row, Session
from cheap.db.commits import Work, apply, write_large
from cheap.db.cursors import read_cursor, tag_of, write_cursor
from cheap.db.desks import SqlDesk
from cheap.db.feed import Feed
from cheap.db.finding import Finder
from cheap.db.large import read_piece
from cheap.db.loading import entries_in, gc_held, load_hierarchy
from cheap.db.rows import (
    CHUNK,
    HierarchyRow,
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
from cheap.db.transactions import current
from cheap.errors import (
    AlreadyExistsError,
    CatalogNotFoundError,
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
    check_expect,
    check_known,
    check_limit,
    check_own,
    check_since,
    check_species,
)

T = TypeVar("T")


class SqlDao(SqlDesk):
    """Catalogs in a SQL database: the same code for each, over an adapter.

    A DAO holds no state of its own beyond the adapter's: threads may share one, and several may
    share an adapter.
    """

    def __init__(self, adapter: Adapter, *, owns_adapter: bool = False) -> None:
        self.adapter = adapter
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
        edits = several(edits, "edits")
        new = Catalog(  # checks the labels
            species=species,
            version=version,
            uri=uri,
            upstream=upstream,
            global_id=catalog_id,
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
        check_species(species)
        tag = tag_of("catalogs", species)
        after = b"" if cursor is None else read_cursor(cursor, (tag, bytes))[1]
        params: dict[str, object] = {"after": after, "limit": limit + 1}
        statement = self._sql.list_catalogs
        if species is not None:
            params["species"] = species.value
            statement = self._sql.list_catalogs_of
        with self._reading() as session:
            rows = session.rows(statement, params)
        return _page(rows, limit, header_of, lambda row: write_cursor(tag, row[0]))

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
        only = None if only is None else several(only, "only")
        with self._reading(snapshot=True) as session, gc_held():
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
                    load_hierarchy(session, catalog, each)
        kept = None if only is None else frozenset(only)
        catalog.settle(Basis(self.store_id, header.revision, only=kept))
        return catalog

    def _replace(self, catalog: Catalog, taken: Taken) -> int:
        def work(session: Session) -> int:
            # The lock first, so that what is dropped is what is there.
            locked = session.run(self._sql.lock_catalog, _catalog(catalog.global_id))
            if not locked and self.catalog_exists(catalog.global_id):
                raise AlreadyExistsError("somebody made it after we had looked for it")
            return super(SqlDao, self)._replace(catalog, taken)

        try:
            return self._write_together(work)
        except AlreadyExistsError:  # it was not there to be locked, and somebody was faster
            return self._write_together(work)

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
        edit = CreateHierarchy(name, type, indexes)
        return self.commit(catalog_id, [edit]).revision

    def list_hierarchies(self, catalog_id: UUID) -> list[HierarchyHeader]:
        with self._reading(snapshot=True) as session:
            self._catalog_row(session, catalog_id)
            found = self._hierarchy_rows(session, catalog_id)
            sizes: dict[int, int] = {}
            for statement in (self._sql.count_aspects, self._sql.count_entries):
                rows = session.rows(statement, _catalog(catalog_id))
                sizes.update({number: size for number, size in rows})  # noqa: C416 - typed
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
        tag = tag_of("items", catalog_id, name)
        after = -(2**63) if cursor is None else read_cursor(cursor, (tag, int))[1]
        with self._reading(snapshot=True) as session:
            found = self._hierarchy(session, catalog_id, name)
            place = {**_catalog(catalog_id), "hierarchy": found.number}
            params = {**place, "after": after, "limit": limit + 1}
            if found.type is HierarchyType.ASPECT_MAP:
                codec = found.readable_codec()
                rows = session.rows(self._sql.page_aspects, params)
                more = write_cursor(tag, rows[limit - 1][2]) if len(rows) > limit else None
                packed = packed_records(session, place, [row[:2] for row in rows[:limit]])
                # Decoded when somebody looks at them: a server passes them on as they are.
                wrap = partial(Aspect.from_packed, codec)
                return Page(tuple(Entry(None, e, wrap(d, e)) for e, d in packed.items()), more)
            rows = session.rows(self._sql.page_entries, params)
            more = write_cursor(tag, rows[limit - 1][0]) if len(rows) > limit else None
            return Page(entries_in(session, place, found.type, rows[:limit]), more)

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
        entities = several(entities, "entities")
        known = self._maps.get((catalog_id, name))
        if known is not None and len(entities) <= CHUNK:
            # One statement sees the store as of one moment, without a transaction.
            place["hierarchy"] = known.number
            with self._reading() as session:
                rows = self._aspect_rows(session, place, entities)
            if len(rows) == 1 and (document := rows[0][1]):
                # What is asked most often, without the lists that only many are worth.
                entity, codec = id_from_bytes(rows[0][0]), known.readable_codec()
                return {entity: Aspect.from_row(codec, codec.unpack(document), None, entity)}
            if rows and all(row[1] for row in rows):
                documents = [as_bytes(row[1]) for row in rows]
                packed = dict(zip(ids_from_bytes([row[0] for row in rows]), documents, strict=True))
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
        """Return rows of (entity, document)."""
        if len(entities) == 1:
            (entity,) = entities
            key = check_id(entity).bytes
            found = session.rows(self._sql.get_aspect, {**place, "entity": key})
            return [(key, *found[0])] if found else found
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
            tag = tag_of("find", catalog_id, name, where, selection.order)
            return Finder(session, place, found, selection).page(tag, cursor, limit)

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
        edits, expect, own = several(edits, "edits"), check_expect(expect), check_own(own)
        if not edits:
            revision = self.get_catalog(catalog_id).revision
            check_known(catalog_id, expect, revision, own)
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
        check_since(since)
        with self._reading(snapshot=True) as session:
            header = self._catalog_row(session, catalog_id)
            check_known(catalog_id, since, header[5])
            if header[5] == since:
                return Page(())
            rows = self._hierarchy_rows(session, catalog_id)
            definitions = session.rows(self._sql.list_definitions, _catalog(catalog_id))
            by_number = {each.number: each for each in rows.values()}
            feed = Feed(session, _catalog(catalog_id), header, by_number, definitions)
            return feed.page(since, tag_of("changes", catalog_id, since), cursor, limit)

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
