"""One commit: its lock, its revision, and what all edits need to look up and check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count
from uuid import UUID

from cheap.core import HierarchyType
from cheap.core.edits import (
    CreateHierarchy,
    DropDefinition,
    DropHierarchy,
    Edit,
    PutDefinition,
    SetHeader,
)
from cheap.core.names import check_id, check_name
from cheap.core.species import read_only_reason
from cheap.db import positions
from cheap.db.adapter import Row, Session
from cheap.db.rows import (
    CHUNK,
    HierarchyRow,
    as_text,
    hierarchy_of,
    missing_hierarchy,
    species_of,
)
from cheap.db.schema import REMOVAL
from cheap.errors import (
    CatalogNotFoundError,
    ConflictError,
    InvalidEditError,
    ReadOnlyError,
)
from cheap.store import check_known


class Work:
    """The edits of one commit, applied one after the other.

    Everything is looked up, checked and written inside the session's transaction, behind the lock
    on the catalog's row: what was read here cannot change before the commit.

    Args:
        session: inside a transaction that writes.
        catalog_id: the catalog; its row is locked and its revision raised here.
        edits: what will be applied, so that the hierarchies they name are read at once.
        expect: see ``Store.commit``.
        own: see ``Store.commit``.
        privileged: whether read-only species and definitions may change (creation, refresh).
        is_new: whether the catalog was created in this very transaction.

    Raises:
        CatalogNotFoundError: there is none.
        ConflictError: the catalog was made anew since the caller read it.
        ReadOnlyError: the species does not allow the edits.
    """

    def __init__(
        self,
        session: Session,
        catalog_id: UUID,
        edits: Sequence[Edit],
        *,
        expect: int | None = None,
        own: Collection[int] = (),
        privileged: bool = False,
        is_new: bool = False,
    ) -> None:
        self.session = session
        self.statements = session.statements
        self.id = check_id(catalog_id, "catalog id").bytes
        self.catalog: dict[str, object] = {"catalog_id": self.id}
        self.expect = expect
        self.own = frozenset(own)
        self.privileged = privileged
        if not is_new:
            session.later(self.statements.raise_revision, self.catalog)
        names = sorted({name for edit in edits if (name := hierarchy_name(edit)) is not None})
        # A list parameter of nothing is not SQL everywhere; no hierarchy has the empty name.
        if len(names) <= 1:
            params = {**self.catalog, "name": names[0] if names else ""}
            rows = session.rows(self.statements.begin_commit_one, params)
        else:
            params = {**self.catalog, "names": session.dialect.pack_names(names)}
            rows = session.rows(self.statements.begin_commit, params)
        if not rows:
            raise CatalogNotFoundError(catalog_id)
        species, self.revision, version, uri, self.header_revision = rows[0][:5]
        check_known(catalog_id, expect, self.revision - 1, own)
        self.labels = (as_text(version), None if uri is None else as_text(uri))
        self.hierarchies = {
            found.name: found
            for found in (hierarchy_of(row[5:]) for row in rows if row[5] is not None)
        }
        self.created: set[int] = set()
        self.positions = count(positions.first_position(self.revision))
        self.list_room: dict[int, int] = {}
        self.empty: set[int] = set()
        self.touched: set[int] = set()
        self.written = 0
        kind = species_of(species)
        only_labels = all(isinstance(edit, SetHeader) for edit in edits)
        if not (kind.rules.editable or privileged or only_labels):
            raise ReadOnlyError(read_only_reason(kind))

    def at(self, number: int, *, revision: bool = False, **more: object) -> dict[str, object]:
        """Return bound values: the catalog, a hierarchy, the new revision if wanted, and more."""
        place: dict[str, object] = {**self.catalog, "hierarchy": number, **more}
        if revision:
            place["revision"] = self.revision
        return place

    def hierarchy(self, name: str, kind: HierarchyType) -> HierarchyRow:
        """Return the hierarchy that an edit names.

        Raises:
            MissingKeyError: there is none of this name.
            ConflictError: somebody else made it since, maybe in the place of one that was dropped.
            InvalidEditError: it is of another kind.
        """
        found = self.hierarchies.get(name)
        if found is None:
            raise missing_hierarchy(name)
        if self.is_foreign(found.created):
            raise ConflictError(f"hierarchy {name!r}", found.created)
        if found.type is not kind:
            raise InvalidEditError(
                f"hierarchy {name!r} is of type {found.type.value}, "
                f"but the edit is for {kind.value}"
            )
        return found

    def is_foreign(self, revision: int) -> bool:
        """Tell whether somebody else made this revision after the caller had read."""
        if self.expect is None or revision <= self.expect or revision == self.revision:
            return False
        return revision not in self.own

    def refuse_removed(self, number: int, items: Mapping[bytes, str]) -> None:
        """Raise ConflictError when somebody else removed one of the items since."""
        if self.expect is None or number in self.empty:
            return
        for chunk in chunks(list(items)):
            params = self.at(number, ids=self.session.dialect.pack_ids(chunk))
            params["revision"] = self.expect
            for item, revision in self.session.rows(self.statements.removed_items, params):
                if self.is_foreign(revision):
                    raise ConflictError(items[item], revision)

    def revisions_since(self, number: int, statement: str) -> list[int]:
        """The revisions after the expected one that a statement finds in a hierarchy."""
        params = {**self.at(number), "revision": self.expect}
        return [row[0] for row in self.session.rows(statement, params)]

    def asked(self, statement: str, number: int, items: Iterable[bytes]) -> list[Row]:
        """Rows of some items; none of a hierarchy that was created just now."""
        rows: list[Row] = []
        if number not in self.empty:
            for chunk in chunks(list(items)):
                ids = self.session.dialect.pack_ids(chunk)
                rows += self.session.rows(statement, self.at(number, ids=ids))
        return rows

    def delete(self, statement: str, number: int, items: Iterable[bytes]) -> None:
        """Run a DELETE for some items."""
        for chunk in chunks(list(items)):
            self.session.later(statement, self.at(number, ids=self.session.dialect.pack_ids(chunk)))

    def bury(self, number: int, items: Mapping[bytes, str | None]) -> None:
        """Leave tombstones."""
        self.session.upsert(
            REMOVAL,
            [(self.id, number, item, self.revision, name) for item, name in items.items()],
        )

    def document(self, document: bytes) -> object:
        """Return a document as the driver wants it bound."""
        return document.decode() if self.session.dialect.documents_are_text else document


def chunks(items: list[bytes]) -> Iterable[list[bytes]]:
    """Cut a list of keys into the sizes that one query asks for."""
    return (items[i : i + CHUNK] for i in range(0, len(items), CHUNK))


def hierarchy_name(edit: Edit) -> str | None:
    """The hierarchy an edit needs to be known, if any."""
    match edit:
        case SetHeader():
            return None
        case PutDefinition(definition):
            return getattr(definition, "name", None)
        case CreateHierarchy(name) | DropHierarchy(name) | DropDefinition(name):
            return check_name(name, "hierarchy")
        case _:
            if not hasattr(edit, "hierarchy"):
                raise InvalidEditError(f"expected an edit, got {type(edit).__name__}")
            return check_name(edit.hierarchy, "hierarchy")
