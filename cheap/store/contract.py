"""The contract: what everything that holds catalogs can do, and the only place with its prose."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self
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
from cheap.core.edits import DropDefinition, DropHierarchy, Edit, SetHeader
from cheap.core.hierarchies.tracking import Taken
from cheap.errors import ConflictError, InvalidEditError
from cheap.store.answers import (
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
    check_offset,
)
from cheap.store.saving import (
    basis_after,
    basis_of,
    being_saved,
    check_whole,
    creation_of,
    is_new_to,
)


class Store(ABC):
    """Everything that holds catalogs has this shape.

    Every method is one transaction: it happens wholly or not at all. Methods that are given an
    unknown catalog raise :class:`~cheap.errors.CatalogNotFoundError`, an unknown hierarchy or
    definition :class:`~cheap.errors.MissingKeyError`; wrong values, names and filters raise a
    kind of :class:`~cheap.errors.InvalidError` before anything is written; trouble with the
    database arrives as a kind of :class:`~cheap.errors.StoreError`.
    """

    # --- catalogs -------------------------------------------------------------------------

    @property
    @abstractmethod
    def store_id(self) -> UUID:
        """Identifies this store; catalogs remember where they came from by it."""

    @abstractmethod
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
        """Create a catalog, with its first content in one go.

        Args:
            species: what it is a copy of.
            version: the user's label.
            uri: where it is known.
            upstream: the catalog it is a copy of.
            catalog_id: its id; a new one when not given.
            edits: its first definitions, hierarchies and content.

        Returns:
            The header, at revision 1.

        Raises:
            AlreadyExistsError: a catalog has this id.
        """

    @abstractmethod
    def get_catalog(self, catalog_id: UUID) -> CatalogHeader:
        """Return a catalog's header."""

    @abstractmethod
    def list_catalogs(
        self,
        *,
        species: CatalogSpecies | None = None,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[CatalogHeader]:
        """Return headers, ordered by id: ids made by CheapPy sort by time.

        Args:
            species: only catalogs of this species.
            cursor: where to go on: the ``next`` of the page before.
            limit: most items on the page, 1 to 10,000.
        """

    @abstractmethod
    def delete_catalog(self, catalog_id: UUID) -> bool:
        """Delete a catalog and all that is in it.

        Returns:
            Whether there was one.
        """

    @abstractmethod
    def catalog_exists(self, catalog_id: UUID) -> bool:
        """Tell whether a catalog has this id."""

    @abstractmethod
    def load_catalog(self, catalog_id: UUID, *, only: Collection[str] | None = None) -> Catalog:
        """Load a catalog into memory, as of one moment.

        Args:
            catalog_id: which.
            only: names of the hierarchies to load; all when not given. A catalog that was loaded
                in part can be edited and saved like any other; the rest stays as it is.

        Returns:
            The catalog. Its records stay encoded until they are looked at.
        """

    def save_catalog(self, catalog: Catalog, *, replace: bool = False) -> int:
        """Save a catalog: all of it when it is new here, else what was edited since.

        Args:
            catalog: the catalog; afterwards it counts as saved.
            replace: put it in the place of whatever the store has under its id (a refresh, the
                way to change a read-only species).

        Returns:
            The catalog's revision in the store.

        Raises:
            ConflictError: somebody else changed the same thing since it was loaded; the error
                names it, nothing was written, and the catalog still holds its edits.
            AlreadyExistsError: the catalog is new here, but the store has one of its id.
            CatalogNotFoundError: it was deleted meanwhile.
            ReadOnlyError: the species does not allow edits of its content.
            MisuseError: another call is saving this catalog. Edits are fine meanwhile; they wait
                for the next save (but ``replace`` over HTTP, from a blocking client, writes a
                document, and no other thread may edit then).
        """
        is_new = is_new_to(self.store_id, catalog)
        with being_saved(catalog, whole=replace or is_new) as taken:
            if replace:
                basis = Basis(self.store_id, self._replace(catalog, taken))
            elif is_new:
                made = self.create_catalog(**creation_of(catalog, taken))
                basis = Basis(self.store_id, made.revision)
            else:
                basis = basis_of(catalog)
                if edits := taken.edits():
                    done = self.commit(
                        catalog.global_id, edits, expect=basis.revision, own=basis.own
                    )
                    basis = basis_after(done, catalog)
                else:
                    present = self.get_catalog(catalog.global_id).revision
                    check_known(catalog.global_id, catalog.revision, present)
            self._settle(catalog, basis, taken)
        return catalog.revision

    def _replace(self, catalog: Catalog, taken: Taken) -> int:
        """Put a catalog in the place of what is there; inside of one transaction."""
        check_whole(catalog)
        if not self.catalog_exists(catalog.global_id):
            return self.create_catalog(**creation_of(catalog, taken)).revision
        header = self.get_catalog(catalog.global_id)
        if (header.species, header.upstream) != (catalog.species, catalog.upstream):
            raise InvalidEditError(
                f"catalog {header.catalog_id} is a {header.species.value} with upstream "
                f"{header.upstream}: species and upstream stay; delete it first to change them"
            )
        edits: list[Edit] = [SetHeader(catalog.version, catalog.uri or "")]
        present = self.list_hierarchies(catalog.global_id)
        edits += [DropHierarchy(each.name) for each in present]
        edits += [DropDefinition(each.name) for each in self.list_aspect_defs(catalog.global_id)]
        edits += taken.edits()
        return self.commit(catalog.global_id, edits, refresh=True).revision

    def _settle(self, catalog: Catalog, basis: Basis, taken: Taken) -> None:
        """Note that a catalog was saved; stores with transactions take it back on rollback."""
        catalog.settle(basis, taken)

    def list_catalog_ids(self) -> list[UUID]:
        """Return the ids of all catalogs (the guide's spelling; prefer ``iter_catalogs``)."""
        return [each.catalog_id for each in self.iter_catalogs(page_size=MAX_LIMIT)]

    def load_catalogs_page(self, offset: int, page_size: int = 10) -> list[Catalog]:
        """Load catalogs by offset (the guide's spelling).

        An offset walks over all that it skips, and shifts when catalogs come and go: prefer
        ``iter_catalogs``.
        """
        check_offset(offset)
        check_limit(page_size)
        found: list[UUID] = []
        for i, header in enumerate(self.iter_catalogs()):
            if i >= offset + page_size:
                break
            if i >= offset:
                found.append(header.catalog_id)
        return [self.load_catalog(each) for each in found]

    def iter_catalogs(
        self, *, species: CatalogSpecies | None = None, page_size: int = DEFAULT_LIMIT
    ) -> Iterator[CatalogHeader]:
        """Yield every header, page by page."""
        page = self.list_catalogs(species=species, limit=page_size)
        yield from page.items
        while page.next is not None:
            page = self.list_catalogs(species=species, cursor=page.next, limit=page_size)
            yield from page.items

    # --- definitions ----------------------------------------------------------------------

    @abstractmethod
    def add_aspect_def(self, catalog_id: UUID, definition: AspectDef) -> int:
        """Add a definition, or put it in the place of its namesake; return the revision.

        Raises:
            InvalidValueError: a stored record does not fit the new definition.
        """

    @abstractmethod
    def get_aspect_def(self, catalog_id: UUID, name: str | UUID) -> AspectDef:
        """Return a definition by its name or id."""

    @abstractmethod
    def list_aspect_defs(self, catalog_id: UUID) -> list[AspectDef]:
        """Return the definitions of a catalog, in order."""

    # --- contents -------------------------------------------------------------------------

    @abstractmethod
    def create_hierarchy(
        self, catalog_id: UUID, name: str, type: HierarchyType, *, indexes: Sequence[str] = ()
    ) -> int:
        """Create an empty hierarchy; return the revision.

        Args:
            catalog_id: where.
            name: its name; for an aspect map that of a definition which is there.
            type: its kind.
            indexes: properties of an aspect map to index.

        Raises:
            AlreadyExistsError: the name is taken.
        """

    @abstractmethod
    def list_hierarchies(self, catalog_id: UUID) -> list[HierarchyHeader]:
        """Return the hierarchies of a catalog, in the order in which they were created."""

    @abstractmethod
    def read_hierarchy(
        self, catalog_id: UUID, name: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Entry]:
        """Return a page of a hierarchy's content, in its order (a tree: parents before children).

        A page costs the same wherever it stands.
        """

    @abstractmethod
    def drop_hierarchy(self, catalog_id: UUID, name: str) -> bool:
        """Remove a hierarchy and all that is in it.

        Returns:
            Whether there was one.
        """

    @abstractmethod
    def get_aspects(
        self, catalog_id: UUID, name: str, entities: Collection[UUID]
    ) -> dict[UUID, Aspect]:
        """Return the records of some entities; an entity without one is left out.

        Args:
            catalog_id: where.
            name: the definition's name.
            entities: whose records.
        """

    @abstractmethod
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
        """Find records by their properties.

        Args:
            catalog_id: where.
            name: the definition's name.
            where: the filter; all records when not given. See :mod:`cheap.core.filters`.
            order_by: properties to order by, ``"-name"`` for descending; between equals, and when
                nothing is given, the entity's id decides, ascending.
            cursor: where to go on: the ``next`` of the page before, with the same filter and
                order.
            limit: most items on the page, 1 to 10,000.

        Returns:
            Aspects, each of which knows its ``entity``. With an index on a property that the
            filter narrows, or on the one that orders, only matching records are read.
        """

    def iter_aspects(
        self,
        catalog_id: UUID,
        name: str,
        where: Filter | None = None,
        *,
        order_by: str | Order | Sequence[str | Order] = (),
        page_size: int = 1000,
    ) -> Iterator[Aspect]:
        """Yield every record that ``find_aspects`` finds, page by page."""
        cursor: str | None = None
        while True:
            page = self.find_aspects(
                catalog_id, name, where, order_by=order_by, cursor=cursor, limit=page_size
            )
            yield from page.items
            if (cursor := page.next) is None:
                return

    def iter_hierarchy(
        self, catalog_id: UUID, name: str, *, page_size: int = 1000
    ) -> Iterator[Entry]:
        """Yield every item of a hierarchy, page by page."""
        cursor: str | None = None
        while True:
            page = self.read_hierarchy(catalog_id, name, cursor=cursor, limit=page_size)
            yield from page.items
            if (cursor := page.next) is None:
                return

    # --- writing --------------------------------------------------------------------------

    @abstractmethod
    def commit(
        self,
        catalog_id: UUID,
        edits: Sequence[Edit],
        *,
        expect: int | None = None,
        own: Collection[int] = (),
        refresh: bool = False,
    ) -> Commit:
        """Apply edits, all or nothing.

        Args:
            catalog_id: where.
            edits: what to do, in order. See :mod:`cheap.core.edits`.
            expect: the revision at which the caller read what the edits touch. When somebody
                changed one of these things since, the commit is refused; changes elsewhere in the
                catalog do not matter. A revision that the catalog has not come to is refused, too:
                it was made anew. ``None`` writes in any case.
            own: revisions after ``expect`` that were the caller's own.
            refresh: allow edits of a read-only species: this commit is what it is a copy of.

        Raises:
            ConflictError: as said; it names the thing.
            ReadOnlyError: the species or a definition does not allow the edit.
            InvalidEditError: an edit does not fit its hierarchy.
        """

    # --- following ------------------------------------------------------------------------

    @abstractmethod
    def read_changes(
        self,
        catalog_id: UUID,
        since: int = 0,
        *,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Change]:
        """Return what changed after a revision, oldest first.

        Each item appears once, with the last thing that happened to it; removals come before
        what was put at the same revision.

        Args:
            catalog_id: which.
            since: the revision that is known; 0 for all.
            cursor: where to go on: the ``next`` of the page before.
            limit: most items on the page, 1 to 10,000.

        Raises:
            ConflictError: the catalog has not come to ``since``: it was made anew.
        """

    def iter_changes(
        self, catalog_id: UUID, since: int = 0, *, page_size: int = 1000
    ) -> Iterator[Change]:
        """Yield every change after a revision, page by page."""
        cursor: str | None = None
        while True:
            page = self.read_changes(catalog_id, since, cursor=cursor, limit=page_size)
            yield from page.items
            if (cursor := page.next) is None:
                return

    # --- large values ---------------------------------------------------------------------

    @abstractmethod
    def read_piece(
        self, catalog_id: UUID, name: str, entity: UUID, property: str, offset: int = 0
    ) -> Piece:
        """Return a piece of a CLOB or BLOB, whichever way it was written.

        Args:
            catalog_id: where.
            name: the definition's name.
            entity: whose record.
            property: a CLOB or BLOB property.
            offset: first byte of the piece; that of the piece before plus its length.

        Raises:
            MissingKeyError: no such record, or the property is null.
        """

    def read_value(
        self, catalog_id: UUID, name: str, entity: UUID, property: str
    ) -> Iterator[bytes]:
        """Yield a CLOB or BLOB in pieces of at most 256 KB.

        Raises:
            ConflictError: it was written anew while it was being read.
        """
        piece = self.read_piece(catalog_id, name, entity, property)
        yield piece.data
        whole = piece.value
        while piece.next is not None:
            piece = self.read_piece(catalog_id, name, entity, property, piece.next)
            if piece.value != whole:
                raise ConflictError(f"property {property!r} of {entity} in {name!r}")
            yield piece.data

    @abstractmethod
    def write_value(
        self,
        catalog_id: UUID,
        name: str,
        entity: UUID,
        property: str,
        pieces: Iterable[bytes | str],
    ) -> LargeValue:
        """Write a CLOB or BLOB from pieces, none of which is kept in memory.

        Args:
            catalog_id: where.
            name: the definition's name.
            entity: whose record; it must be there.
            property: a CLOB or BLOB property.
            pieces: bytes for a BLOB, text for a CLOB, cut anywhere.

        Returns:
            Size and digest; loaded records show it in the place of the value.
        """

    # --- closing --------------------------------------------------------------------------

    @abstractmethod
    def close(self) -> None:
        """Give back what the store opened; closing twice is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
