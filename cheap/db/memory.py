"""The memory store: a whole store in a few dictionaries. The reference for all others.

It is written to be obvious. Tests hold every other store against it, and programs use it where
nothing needs to outlive them.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar, cast
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
    new_id,
)
from cheap.core.arguments import several
from cheap.core.codecs import codec_of
from cheap.core.edits import CreateHierarchy, DropHierarchy, Edit, PutDefinition
from cheap.core.filters import Selection
from cheap.core.hierarchies.tracking import Taken
from cheap.core.names import check_id
from cheap.core.species import read_only_reason
from cheap.core.values import show
from cheap.db.calls import committing
from cheap.db.cursors import read_cursor, tag_of, write_cursor
from cheap.db.desks import MemoryDesk
from cheap.db.memory_commit import Writing
from cheap.db.memory_state import (
    KeptCatalog,
    aspect_of,
    changes_of,
    checked_piece,
    entry_of,
    find_hierarchy,
    find_map,
    large_value,
    load_hierarchy,
    readable_definition,
    stub_for,
)
from cheap.db.transactions import Transaction, current, opened
from cheap.errors import (
    AlreadyExistsError,
    CatalogNotFoundError,
    ClosedError,
    InvalidQueryError,
    MissingKeyError,
    ReadOnlyError,
)
from cheap.store import (
    DEFAULT_LIMIT,
    PIECE_SIZE,
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


class MemoryDao(MemoryDesk):
    """A store in memory; it lives as long as the object. Threads may share it.

    Example:
        >>> with MemoryDao() as dao:
        ...     dao.save_catalog(catalog)
    """

    # The published dictionary is never changed: a transaction works on a copy and publishes that.
    # Readers need no lock and see one moment; rolling back is forgetting the copy.

    def __init__(self) -> None:
        super().__init__()
        self._id = new_id()
        self._catalogs: dict[UUID, KeptCatalog] = {}
        self._turn = threading.Lock()
        self._step = threading.RLock()
        self._closed = False

    @contextmanager
    def transaction(self) -> Generator[Self]:
        """Join all calls of this block into one: all of them happen, or none when it raises.

        Calls made inside, in the same thread or task, see each other's writes; others see them
        at the end. A call that fails leaves nothing of itself, and the block goes on if the error
        is caught. Blocks inside of blocks join the outermost.

        Example:
            >>> with dao.transaction():
            ...     dao.save_catalog(first)
            ...     dao.save_catalog(second)
        """
        if current(self) is not None:
            yield self
            return
        with self._turn:
            joined = Transaction(self, dict(self._seen()))
            try:
                with opened(joined):
                    yield self
                with committing():
                    self._catalogs = joined.session
            except BaseException:
                for undo in reversed(joined.undos):
                    undo()
                raise

    def _seen(self) -> dict[UUID, KeptCatalog]:
        """Return the catalogs as they are for the caller."""
        if self._closed:
            raise ClosedError("this MemoryDao was closed; what it held is gone")
        joined = current(self)
        return self._catalogs if joined is None else cast(Transaction[Any], joined).session

    @contextmanager
    def _writing(self) -> Generator[dict[UUID, KeptCatalog]]:
        """Let one call write, within the transaction that is open or one of its own."""
        with self.transaction(), self._step:
            yield self._seen()

    def _get(self, catalog_id: UUID) -> KeptCatalog:
        try:
            return self._seen()[check_id(catalog_id, "catalog id")]
        except KeyError:
            raise CatalogNotFoundError(catalog_id) from None

    def close(self) -> None:
        self._closed = True

    # --- catalogs -------------------------------------------------------------------------

    @property
    def store_id(self) -> UUID:
        return self._id

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
        checked = Catalog(
            species=species, version=version, uri=uri, upstream=upstream, global_id=catalog_id
        )
        header = CatalogHeader(checked.global_id, species, checked.version, checked.uri, upstream)
        with self._writing() as catalogs:
            if header.catalog_id in catalogs:
                raise AlreadyExistsError(f"there is a catalog {header.catalog_id} already")
            writing = Writing(KeptCatalog(header, header_revision=1), None, (), free=True)
            catalogs[header.catalog_id] = writing.apply_all(edits)
            return writing.catalog.header

    def get_catalog(self, catalog_id: UUID) -> CatalogHeader:
        return self._get(catalog_id).header

    def list_catalogs(
        self,
        *,
        species: CatalogSpecies | None = None,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[CatalogHeader]:
        check_species(species)
        found = [
            ((key.bytes,), kept.header)
            for key, kept in self._seen().items()
            if species is None or kept.header.species is species
        ]
        return _page(tag_of("catalogs", species), (bytes,), found, cursor, limit)

    def delete_catalog(self, catalog_id: UUID) -> bool:
        with self._writing() as catalogs:
            self.cancel_deletion(catalog_id)
            return catalogs.pop(check_id(catalog_id, "catalog id"), None) is not None

    def catalog_exists(self, catalog_id: UUID) -> bool:
        return check_id(catalog_id, "catalog id") in self._seen()

    def load_catalog(self, catalog_id: UUID, *, only: Collection[str] | None = None) -> Catalog:
        kept = self._get(catalog_id)
        header = kept.header
        only = None if only is None else several(only, "only")
        names = list(kept.hierarchies) if only is None else only
        for name in names:
            if name not in kept.hierarchies:
                raise MissingKeyError(f"catalog has no hierarchy {name!r}")
        catalog = Catalog(
            species=header.species,
            version=header.version,
            uri=header.uri,
            upstream=header.upstream,
            global_id=header.catalog_id,
        )
        for name, known in kept.definitions.items():
            if only is None or name in only:
                catalog.define_without_map(known.definition)
        for name, each in kept.hierarchies.items():
            if name in names:
                catalog.add_hierarchy(load_hierarchy(kept, each))
        part = None if only is None else frozenset(only)
        catalog.settle(Basis(self._id, header.revision, only=part))
        return catalog

    def save_catalog(self, catalog: Catalog, *, replace: bool = False) -> int:
        with self.transaction():
            return super().save_catalog(catalog, replace=replace)

    def _settle(self, catalog: Catalog, basis: Basis, taken: Taken) -> None:
        undo, joined = catalog.settle(basis, taken), current(self)
        if joined is not None:
            joined.undos.append(undo)

    # --- definitions ----------------------------------------------------------------------

    def add_aspect_def(self, catalog_id: UUID, definition: AspectDef) -> int:
        return self.commit(catalog_id, [PutDefinition(definition)]).revision

    def get_aspect_def(self, catalog_id: UUID, name: str | UUID) -> AspectDef:
        for definition in self.list_aspect_defs(catalog_id):
            if name in (definition.name, definition.id):
                return definition
        raise MissingKeyError(f"catalog has no aspect definition {name!r}")

    def list_aspect_defs(self, catalog_id: UUID) -> list[AspectDef]:
        return [each.definition for each in self._get(catalog_id).definitions.values()]

    # --- contents -------------------------------------------------------------------------

    def create_hierarchy(
        self, catalog_id: UUID, name: str, type: HierarchyType, *, indexes: Sequence[str] = ()
    ) -> int:
        edit = CreateHierarchy(name, type, indexes)
        return self.commit(catalog_id, [edit]).revision

    def list_hierarchies(self, catalog_id: UUID) -> list[HierarchyHeader]:
        kept = self._get(catalog_id)
        return [
            HierarchyHeader(
                each.name, each.type, each.revision, len(each.ordered()), tuple(each.indexes)
            )
            for each in kept.hierarchies.values()
        ]

    def read_hierarchy(
        self, catalog_id: UUID, name: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Entry]:
        kept = self._get(catalog_id)
        hierarchy = find_hierarchy(kept, name)
        if hierarchy.type is HierarchyType.ASPECT_MAP:
            readable_definition(kept, name)
        found = [((row.place,), (key, row)) for key, row in hierarchy.ordered()]
        tag = tag_of("items", catalog_id, name)
        page = _page(tag, (int,), found, cursor, limit)
        return Page(tuple(entry_of(kept, hierarchy, *each) for each in page.items), page.next)

    def drop_hierarchy(self, catalog_id: UUID, name: str) -> bool:
        try:
            self.commit(catalog_id, [DropHierarchy(name)])
        except MissingKeyError:
            return False
        return True

    def get_aspects(
        self, catalog_id: UUID, name: str, entities: Collection[UUID]
    ) -> dict[UUID, Aspect]:
        kept = self._get(catalog_id)
        definition, packed = readable_definition(kept, name), find_map(kept, name).packed()
        return {
            entity: aspect_of(definition, entity, packed[entity])
            for entity in map(check_id, several(entities, "entities"))
            if entity in packed
        }

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
        kept = self._get(catalog_id)
        definition = readable_definition(kept, name)
        selection = Selection(definition, where, order_by)
        found: list[tuple[tuple[bytes, bytes], Aspect]] = []
        for entity, packed in find_map(kept, name).packed().items():
            row = codec_of(definition).unpack(packed)
            if selection.matches is None or selection.matches(row):
                key = selection.order_key(row), entity.bytes
                found.append((key, aspect_of(definition, entity, packed)))
        tag = tag_of("find", catalog_id, name, where, selection.order)
        return _page(tag, (bytes, bytes), found, cursor, limit)

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
        with self._writing() as catalogs:
            old = self._get(catalog_id)
            previous = old.header.revision
            check_known(catalog_id, expect, previous, own)
            if not edits:
                return Commit(previous, previous, 0)
            writing = Writing(old, expect, own, free=refresh)
            catalogs[catalog_id] = writing.apply_all(edits)
            return Commit(writing.revision, previous, writing.written)

    # --- following ------------------------------------------------------------------------

    def read_changes(
        self,
        catalog_id: UUID,
        since: int = 0,
        *,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Change]:
        check_since(since)
        kept = self._get(catalog_id)
        check_known(catalog_id, since, kept.header.revision)
        found = [
            ((change.revision, *rank), change)
            for rank, change in changes_of(kept)
            if change.revision > since
        ]
        tag = tag_of("changes", catalog_id, since)
        return _page(tag, (int, int, int, int), found, cursor, limit)

    # --- large values ---------------------------------------------------------------------

    def read_piece(
        self, catalog_id: UUID, name: str, entity: UUID, property: str, offset: int = 0
    ) -> Piece:
        kept = self._get(catalog_id)
        value = large_value(kept, name, entity, property)
        if isinstance(value, LargeValue):
            data = find_map(kept, name).large[entity, property]
        elif value is None:
            raise MissingKeyError(f"property {property!r} of {entity} in {name!r} is null")
        else:
            data = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[arg-type]
            value = stub_for(data)
        if type(offset) is not int or not 0 <= offset < max(1, len(data)):
            raise InvalidQueryError(f"offset: expected 0 to {len(data) - 1:,}, got {show(offset)}")
        end = offset + PIECE_SIZE
        return Piece(data[offset:end], value, end if end < len(data) else None)

    def write_value(
        self,
        catalog_id: UUID,
        name: str,
        entity: UUID,
        property: str,
        pieces: Iterable[bytes | str],
    ) -> LargeValue:
        kept = self._get(catalog_id)
        self._check_place(kept, name, entity, property)
        kind = kept.definitions[name].definition[property].type.python_type
        data = b"".join(checked_piece(name, entity, property, kind, each) for each in pieces)
        with self._writing() as catalogs:
            kept = self._get(catalog_id)
            self._check_place(kept, name, entity, property)
            writing = Writing(kept, None, (), free=False)
            writing.put_large(name, entity, property, stub_for(data), data)
            catalogs[catalog_id] = writing.catalog
        return stub_for(data)

    @staticmethod
    def _check_place(kept: KeptCatalog, name: str, entity: UUID, property: str) -> None:
        """Refuse to write a large value where none belongs."""
        large_value(kept, name, entity, property)
        definition = kept.definitions[name].definition
        if not kept.header.species.rules.editable:
            raise ReadOnlyError(read_only_reason(kept.header.species))
        if not (definition.writable and definition[property].writable):
            raise ReadOnlyError(f"property {property!r} of aspect {name!r} is not writable")


def _page(
    tag: str,
    kinds: tuple[type, ...],
    found: list[tuple[tuple[Any, ...], T]],
    cursor: str | None,
    limit: int,
) -> Page[T]:
    """Return the items after a cursor; each stands behind what it is ordered by."""
    check_limit(limit)
    found.sort(key=lambda each: each[0])
    if cursor is not None:
        after = read_cursor(cursor, (tag, *kinds))[1:]
        found = [each for each in found if each[0] > after]
    items = tuple(item for _, item in found[:limit])
    more = len(found) > limit
    return Page(items, write_cursor(tag, *found[limit - 1][0]) if more else None)
