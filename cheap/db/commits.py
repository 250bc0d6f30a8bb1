"""Applying edits inside one transaction: what each edit means as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final
from uuid import UUID

import msgspec

from cheap.core import AspectDef, CatalogSpecies, HierarchyType
from cheap.core.aspects import Aspect, record_of
from cheap.core.codecs import Codec, codec_of
from cheap.core.edits import (
    AddMembers,
    Append,
    CreateHierarchy,
    CreateIndex,
    DropHierarchy,
    DropIndex,
    Edit,
    Path,
    PutAspects,
    PutDefinition,
    PutEntries,
    PutNodes,
    RemoveAspects,
    RemoveEntries,
    RemoveMembers,
    RemoveNodes,
    SetHeader,
    Splice,
)
from cheap.core.hierarchies.aspect_map import AspectMap, check_indexable
from cheap.core.hierarchies.entity_tree import as_path
from cheap.core.names import check_id, check_key, check_label, check_name
from cheap.core.species import read_only_reason
from cheap.core.values import LargeValue
from cheap.db import positions
from cheap.db.adapter import Row, Session
from cheap.db.finding import index_keys
from cheap.db.large import PieceCutter, large_property
from cheap.db.rows import (
    ROOT,
    HierarchyRow,
    Paths,
    as_text,
    child_item,
    definition_of,
    document_of,
    hierarchy_of,
    id_of_value,
    item_of_key,
    items_of_path,
    missing_hierarchy,
    number_of_property,
    packed_records,
)
from cheap.db.schema import ASPECT, DEFINITION, ENTRY, HIERARCHY, PIECE, PROPERTY, REMOVAL
from cheap.errors import (
    AlreadyExistsError,
    CatalogNotFoundError,
    ConflictError,
    Fault,
    InvalidEditError,
    InvalidValueError,
    MissingKeyError,
    ReadOnlyError,
)
from cheap.store import PIECE_SIZE

_CHUNK: Final = 5_000
"""Keys that one query asks for."""


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

    Raises:
        CatalogNotFoundError: there is none.
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
        self._session = session
        self._statements = session.statements
        self._catalog: dict[str, object] = {"catalog_id": catalog_id.bytes}
        self._id = catalog_id.bytes
        self._expect = expect
        self._own = frozenset(own)
        self._privileged = privileged
        if not is_new and not session.run(self._statements.raise_revision, self._catalog):
            raise CatalogNotFoundError(catalog_id)
        names = sorted({name for edit in edits if (name := _hierarchy_name(edit)) is not None})
        # A list parameter of nothing is not SQL everywhere; no hierarchy has the empty name.
        rows = session.rows(
            self._statements.begin_commit,
            {**self._catalog, "names": session.dialect.pack_names(names or [""])},
        )
        species, self.revision, version, uri, self._header_revision = rows[0][:5]
        self._labels = (as_text(version), None if uri is None else as_text(uri))
        self._hierarchies = {
            found.name: found
            for found in (hierarchy_of(row[5:]) for row in rows if row[5] is not None)
        }
        self._created = count(self.revision * positions.HIERARCHY_ROOM)
        self._positions = count(positions.first_position(self.revision))
        self._list_room: dict[int, int] = {}
        self._empty: set[int] = set()
        self._touched: set[int] = set()
        self.written = 0
        rules = CatalogSpecies(as_text(species)).rules
        if not rules.editable and not privileged:
            if any(not isinstance(edit, SetHeader) for edit in edits):
                raise ReadOnlyError(read_only_reason(CatalogSpecies(as_text(species))))

    def apply(self, edits: Iterable[Edit]) -> None:
        """Apply the edits, in order."""
        for edit in merged(edits):
            self._apply(edit)
        for number in self._touched:
            self._session.run(self._statements.touch_hierarchy, self._at(number, revision=True))

    def _apply(self, edit: Edit) -> None:
        match edit:
            case PutAspects():
                self.put_aspects(edit.hierarchy, edit.aspects)
            case RemoveAspects():
                self._remove_aspects(edit.hierarchy, edit.entities)
            case Append():
                self._append(edit.hierarchy, edit.entities)
            case Splice():
                self._splice(edit)
            case AddMembers():
                self._add_members(edit.hierarchy, edit.entities)
            case RemoveMembers(name, entities):
                found = self._hierarchy(name, HierarchyType.ENTITY_SET)
                items = {check_id(each).bytes: (None, f"member {each} of {name!r}") for each in entities}
                self._remove_entries(found, items)
            case PutEntries():
                self._put_entries(edit.hierarchy, edit.entries)
            case RemoveEntries(name, keys):
                found = self._hierarchy(name, HierarchyType.ENTITY_DIR)
                for key in keys:
                    check_key(key, "directory key")
                self._remove_entries(
                    found, {item_of_key(key): (key, f"key {key!r} of {name!r}") for key in keys}
                )
            case PutNodes():
                self._put_nodes(edit.hierarchy, edit.nodes)
            case RemoveNodes():
                self._remove_nodes(edit.hierarchy, edit.paths)
            case SetHeader():
                self._set_header(edit)
            case PutDefinition():
                self._put_definition(edit.definition)
            case CreateHierarchy():
                self._create_hierarchy(edit)
            case DropHierarchy():
                self._drop_hierarchy(edit.name)
            case CreateIndex():
                self._create_index(edit.hierarchy, edit.property)
            case DropIndex():
                self._drop_index(edit.hierarchy, edit.property)
            case _:
                raise InvalidEditError(f"expected an edit, got {type(edit).__name__}")

    # --- small things ---------------------------------------------------------------------

    def _at(self, number: int, *, revision: bool = False, **more: object) -> dict[str, object]:
        place: dict[str, object] = {**self._catalog, "hierarchy": number, **more}
        if revision:
            place["revision"] = self.revision
        return place

    def _hierarchy(self, name: str, kind: HierarchyType) -> HierarchyRow:
        found = self._hierarchies.get(name)
        if found is None:
            raise missing_hierarchy(name)
        if found.type is not kind:
            raise InvalidEditError(
                f"hierarchy {name!r} is of type {found.type.value}, "
                f"but the edit is for {kind.value}"
            )
        return found

    def _is_foreign(self, revision: int) -> bool:
        return self._expect is not None and revision > self._expect and revision not in self._own

    def _refuse_removed(self, number: int, items: Mapping[bytes, str]) -> None:
        """Raise ConflictError when somebody else removed one of the items since."""
        if self._expect is None or number in self._empty:
            return
        for chunk in _chunks(list(items)):
            params = self._at(number, ids=self._session.dialect.pack_ids(chunk))
            params["revision"] = self._expect
            for item, revision in self._session.rows(self._statements.removed_items, params):
                if self._is_foreign(revision):
                    raise ConflictError(items[item], revision)

    def _asked(self, statement: str, number: int, items: Iterable[bytes]) -> list[Row]:
        """Rows of some items; none of a hierarchy that was created just now."""
        rows: list[Row] = []
        if number not in self._empty:
            for chunk in _chunks(list(items)):
                ids = self._session.dialect.pack_ids(chunk)
                rows += self._session.rows(statement, self._at(number, ids=ids))
        return rows

    def _delete(self, statement: str, number: int, items: Iterable[bytes]) -> None:
        for chunk in _chunks(list(items)):
            self._session.run(statement, self._at(number, ids=self._session.dialect.pack_ids(chunk)))

    def _bury(self, number: int, items: Mapping[bytes, str | None]) -> None:
        """Leave tombstones."""
        self._session.upsert(
            REMOVAL,
            [(self._id, number, item, self.revision, name) for item, name in items.items()],
        )

    # --- header, definitions, hierarchies -------------------------------------------------

    def _set_header(self, edit: SetHeader) -> None:
        if self._is_foreign(self._header_revision):
            raise ConflictError("the header", self._header_revision)
        version, uri = self._labels
        if edit.version is not None:
            version = check_label(edit.version, "version")
        if edit.uri is not None:
            uri = check_label(edit.uri, "uri") or None
        self._labels = (version, uri)
        self._session.run(
            self._statements.set_header,
            {**self._catalog, "version": version, "uri": uri, "revision": self.revision},
        )

    def _put_definition(self, definition: AspectDef) -> None:
        if not isinstance(definition, AspectDef):
            raise InvalidEditError(f"expected an AspectDef, got {type(definition).__name__}")
        name = definition.name
        hierarchy = self._hierarchies.get(name)
        if hierarchy is not None and hierarchy.type is not HierarchyType.ASPECT_MAP:
            raise AlreadyExistsError(f"a hierarchy is named {name!r} already")
        rows = self._session.rows(self._statements.get_definition, {**self._catalog, "name": name})
        document = document_of(definition)
        if rows:
            if definition_of(_bytes(rows[0][1])) == definition:
                return
            if self._is_foreign(rows[0][2]):
                raise ConflictError(f"definition {name!r}", rows[0][2])
        row = (self._id, name, next(self._positions), self.revision, self._document(document))
        self._session.upsert(DEFINITION, [row])
        if hierarchy is not None:
            self._redefine(hierarchy, definition)

    def _redefine(self, hierarchy: HierarchyRow, definition: AspectDef) -> None:
        """Bring the stored records of a map under a new definition."""
        number = hierarchy.number
        old, new = hierarchy.codec, codec_of(definition)
        kept = tuple(each for each in hierarchy.indexes if each in definition)
        for each in hierarchy.indexes:
            if each not in kept:
                self._forget_index(number, each)
        changed = _with(hierarchy, definition=definition, indexes=kept)
        self._hierarchies[hierarchy.name] = changed
        self._session.run(self._statements.set_defined, self._at(number, revision=True))
        if kept != hierarchy.indexes:
            self._store_indexes(changed)
        after = b""
        while True:
            params = self._at(number, after=after, limit=_CHUNK)
            rows = self._session.rows(self._statements.scan_aspects, params)
            if not rows:
                return
            packed = packed_records(self._session, self._at(number), rows)
            again: dict[UUID, bytes] = {}
            for entity, document in packed.items():
                record = _set_values(old, document, definition)
                fresh = new.pack(record, entity)
                if fresh != document or kept:
                    again[entity] = fresh
            self._write_aspects(changed, again, known=None)
            after = rows[-1][0]

    def _create_hierarchy(self, edit: CreateHierarchy) -> None:
        name = check_name(edit.name, "hierarchy")
        if not isinstance(edit.type, HierarchyType):
            raise InvalidEditError(f"expected a HierarchyType, got {edit.type!r}")
        if name in self._hierarchies:
            raise AlreadyExistsError(f"a hierarchy is named {name!r} already")
        rows = self._session.rows(self._statements.get_definition, {**self._catalog, "name": name})
        definition: AspectDef | None = None
        if edit.type is HierarchyType.ASPECT_MAP:
            if not rows:
                raise MissingKeyError(f"catalog has no aspect definition {name!r}: add it first")
            definition = definition_of(_bytes(rows[0][1]))
            for each in edit.indexes:
                check_indexable(definition, each)
        elif rows:
            raise AlreadyExistsError(f"an aspect definition is named {name!r} already")
        elif edit.indexes:
            raise InvalidEditError(f"hierarchy {name!r}: only an aspect map has indexes")
        found = HierarchyRow(
            next(self._created),
            name,
            edit.type,
            self.revision,
            self.revision,
            self.revision,
            tuple(dict.fromkeys(edit.indexes)),
            definition,
        )
        self._session.insert(
            HIERARCHY,
            [
                (
                    self._id,
                    found.number,
                    name,
                    edit.type.value,
                    self.revision,
                    self.revision,
                    self.revision,
                    self._document(msgspec.json.encode(found.indexes)),
                )
            ],
        )
        self._hierarchies[name] = found
        self._empty.add(found.number)

    def _drop_hierarchy(self, name: str) -> None:
        found = self._hierarchies.get(name)
        if found is None:
            raise missing_hierarchy(name)
        if self._is_foreign(found.revision):
            raise ConflictError(f"hierarchy {name!r}", found.revision)
        self._session.run_all(self._statements.drop_hierarchy, self._at(found.number))
        if found.type is HierarchyType.ASPECT_MAP:
            self._session.run(
                self._statements.delete_definition, {**self._catalog, "name": name}
            )
        self._bury(0, {item_of_key(name): name})
        del self._hierarchies[name]
        self._touched.discard(found.number)

    # --- indexes --------------------------------------------------------------------------

    def _create_index(self, name: str, property_: str) -> None:
        found = self._hierarchy(name, HierarchyType.ASPECT_MAP)
        check_indexable(found.codec.definition, property_)
        if property_ in found.indexes:
            return
        changed = _with(found, indexes=(*found.indexes, property_))
        self._hierarchies[name] = changed
        self._store_indexes(changed)
        after = b""
        while found.number not in self._empty:
            params = self._at(found.number, after=after, limit=_CHUNK)
            rows = self._session.rows(self._statements.scan_aspects, params)
            if not rows:
                return
            packed = packed_records(self._session, self._at(found.number), rows)
            self._index(found, packed, (property_,))
            after = rows[-1][0]

    def _drop_index(self, name: str, property_: str) -> None:
        found = self._hierarchy(name, HierarchyType.ASPECT_MAP)
        if property_ in found.indexes:
            kept = tuple(each for each in found.indexes if each != property_)
            self._hierarchies[name] = _with(found, indexes=kept)
            self._store_indexes(self._hierarchies[name])
            self._forget_index(found.number, property_)

    def _store_indexes(self, hierarchy: HierarchyRow) -> None:
        document = self._document(msgspec.json.encode(hierarchy.indexes))
        params = self._at(hierarchy.number, indexes=document)
        self._session.run(self._statements.set_indexes, params)

    def _forget_index(self, number: int, property_: str) -> None:
        params = self._at(number, property=number_of_property(property_))
        self._session.run(self._statements.drop_index, params)

    def _index(
        self, hierarchy: HierarchyRow, packed: Mapping[UUID, bytes], indexes: tuple[str, ...]
    ) -> None:
        codec, number = hierarchy.codec, hierarchy.number
        rows = [
            (self._id, number, property_, key, entity.bytes)
            for entity, document in packed.items()
            for property_, key in index_keys(hierarchy, codec.unpack(document), indexes)
        ]
        self._session.insert(PROPERTY, rows)

    # --- aspects --------------------------------------------------------------------------

    def put_aspects(self, name: str, aspects: Mapping[UUID, object]) -> None:
        """Put whole records into an aspect map."""
        found = self._hierarchy(name, HierarchyType.ASPECT_MAP)
        codec = found.codec
        if not codec.definition.writable and not self._privileged:
            raise ReadOnlyError(f"aspect {name!r} is not writable")
        packed = _packed(aspects, codec)
        if not packed:
            return
        known: dict[bytes, tuple[int, int]] = {}
        if found.number not in self._empty:
            rows = self._asked(
                self._statements.known_aspects, found.number, [each.bytes for each in packed]
            )
            known = {entity: (revision, pieces) for entity, revision, pieces in rows}
            self._refuse_changed(found, packed, known)
            if codec.fixed and known and not self._privileged:
                self._refuse_fixed(found, packed)
        self._write_aspects(found, packed, known)
        self._empty.discard(found.number)
        self._touched.add(found.number)
        self.written += len(packed)

    def _refuse_changed(
        self,
        hierarchy: HierarchyRow,
        entities: Iterable[UUID],
        known: Mapping[bytes, tuple[int, int]],
    ) -> None:
        if self._expect is None:
            return
        what = f"aspect {hierarchy.name!r} of "
        gone: dict[bytes, str] = {}
        for entity in entities:
            row = known.get(entity.bytes)
            if row is None:
                gone[entity.bytes] = what + str(entity)
            elif self._is_foreign(row[0]):
                raise ConflictError(what + str(entity), row[0])
        self._refuse_removed(hierarchy.number, gone)

    def _refuse_fixed(self, hierarchy: HierarchyRow, packed: Mapping[UUID, bytes]) -> None:
        codec = hierarchy.codec
        for entity, old in self._stored(hierarchy.number, packed).items():
            before, after = codec.unpack(old), codec.unpack(packed[entity])
            for name in codec.fixed:
                if codec.get(before, name) != codec.get(after, name):
                    raise ReadOnlyError(
                        f"property {name!r} of aspect {hierarchy.name!r} is not writable"
                    )

    def _stored(self, number: int, entities: Iterable[UUID]) -> dict[UUID, bytes]:
        rows = self._asked(
            self._statements.known_documents, number, [each.bytes for each in entities]
        )
        return packed_records(self._session, self._at(number), rows)

    def _write_aspects(
        self,
        hierarchy: HierarchyRow,
        packed: Mapping[UUID, bytes],
        known: Mapping[bytes, tuple[int, int]] | None,
    ) -> None:
        """Write records; ``known`` are the rows that are there (``None``: all of them are)."""
        number, revision, catalog = hierarchy.number, self.revision, self._id
        with_pieces = self._spill(hierarchy, packed, known)
        as_document = self._document
        fresh: list[Row] = []
        present: list[Row] = []
        for (entity, document), position in zip(packed.items(), self._positions, strict=False):
            key = entity.bytes
            rows = present if known is None or key in known else fresh
            if with_pieces and entity in with_pieces:
                kept = with_pieces[entity]
                whole = None if kept is None else as_document(kept)
                rows.append((catalog, number, position, key, revision, 1, whole))
            else:
                rows.append((catalog, number, position, key, revision, 0, as_document(document)))
        if fresh:
            self._session.insert(ASPECT, fresh)
        if present:
            self._session.upsert(ASPECT, present)
        if hierarchy.indexes:
            if present:
                self._delete(self._statements.unindex_aspects, number, [row[3] for row in present])
            self._index(hierarchy, packed, hierarchy.indexes)

    def _spill(
        self,
        hierarchy: HierarchyRow,
        packed: Mapping[UUID, bytes],
        known: Mapping[bytes, tuple[int, int]] | None,
    ) -> dict[UUID, bytes | None]:
        """Sort out records that have, or had, something in pieces.

        Returns:
            The records that keep pieces: ``None`` for one that lies in pieces wholly, else the
            document, in which a LargeValue stands for what does.
        """
        codec = hierarchy.codec
        had = {
            entity
            for entity in packed
            if known is None or known.get(entity.bytes, (0, 0))[1]
        }
        found: dict[UUID, bytes | None] = {}
        stubs = {
            entity: held
            for entity, document in packed.items()
            # An object inside of the record is a stub; looking for one byte is fast.
            if codec.large
            and document.find(b"{", 1) > 0
            and (held := _large_values(codec, document))
        }
        if stubs:
            self._check_stubs(hierarchy, stubs)
        stale: list[bytes] = []
        for entity in had:
            kept = stubs.get(entity, {})
            stale += [
                id_of_value(entity.bytes, name) for name in ("", *codec.large) if name not in kept
            ]
        self._delete(self._statements.delete_pieces, hierarchy.number, stale)
        for entity, document in packed.items():
            if entity in stubs:
                found[entity] = document
            elif len(document) > PIECE_SIZE:
                self._write_pieces(hierarchy.number, id_of_value(entity.bytes, ""), document)
                found[entity] = None
        return found

    def _check_stubs(
        self, hierarchy: HierarchyRow, stubs: Mapping[UUID, Mapping[str, LargeValue]]
    ) -> None:
        stored = self._stored(hierarchy.number, stubs)
        for entity, held in stubs.items():
            old = _large_values(hierarchy.codec, stored[entity]) if entity in stored else {}
            faults = [
                Fault(name, "a LargeValue that this store holds for the entity", str(value))
                for name, value in held.items()
                if old.get(name) != value
            ]
            if faults:
                raise InvalidValueError(hierarchy.name, faults, str(entity))

    def _write_pieces(self, number: int, value_id: bytes, data: bytes) -> None:
        for i, start in enumerate(range(0, len(data), PIECE_SIZE)):
            row = (self._id, number, value_id, i, data[start : start + PIECE_SIZE])
            self._session.insert(PIECE, [row])

    def write_large(
        self, name: str, entity: UUID, property_: str, pieces: Iterable[bytes | str]
    ) -> LargeValue:
        """Write a CLOB or BLOB from pieces. See ``Store.write_value``."""
        found = self._hierarchy(name, HierarchyType.ASPECT_MAP)
        codec, number = found.codec, found.number
        prop = large_property(codec, property_)
        if not (codec.definition.writable and prop.writable):
            raise ReadOnlyError(f"property {property_!r} of aspect {name!r} is not writable")
        stored = self._stored(number, [entity])
        if entity not in stored:
            raise MissingKeyError(f"no aspect {name!r} of entity {entity}")
        value_id = id_of_value(entity.bytes, property_)
        stale = [value_id, id_of_value(entity.bytes, "")]
        self._delete(self._statements.delete_pieces, number, stale)
        cutter = PieceCutter(name, prop, entity)
        for i, piece in enumerate(cutter.cut(pieces)):
            self._session.insert(PIECE, [(self._id, number, value_id, i, piece)])
        row = codec.unpack(stored[entity])
        codec.put(row, property_, cutter.value)
        document = self._document(codec.encode(row))
        place = next(self._positions)
        self._session.upsert(
            ASPECT, [(self._id, number, place, entity.bytes, self.revision, 1, document)]
        )
        self._session.run(self._statements.touch_hierarchy, self._at(number, revision=True))
        return cutter.value

    def _remove_aspects(self, name: str, entities: Iterable[UUID]) -> None:
        found = self._hierarchy(name, HierarchyType.ASPECT_MAP)
        codec, number = found.codec, found.number
        if not codec.definition.writable and not self._privileged:
            raise ReadOnlyError(f"aspect {name!r} is not writable")
        wanted = {check_id(each).bytes: each for each in entities}
        rows = self._asked(self._statements.known_aspects, number, wanted)
        for entity, revision, _ in rows:
            if self._is_foreign(revision):
                raise ConflictError(f"aspect {name!r} of {wanted[entity]}", revision)
        if not rows:
            return
        keys = [row[0] for row in rows]
        self._delete(self._statements.delete_aspects, number, keys)
        if found.indexes:
            self._delete(self._statements.unindex_aspects, number, keys)
        stale = [
            id_of_value(row[0], each) for row in rows if row[2] for each in ("", *codec.large)
        ]
        self._delete(self._statements.delete_pieces, number, stale)
        self._bury(number, dict.fromkeys(keys))
        self._touched.add(number)
        self.written += len(rows)

    # --- sets and directories -------------------------------------------------------------

    def _add_members(self, name: str, entities: Iterable[UUID]) -> None:
        found = self._hierarchy(name, HierarchyType.ENTITY_SET)
        wanted = {check_id(each).bytes: f"member {each} of {name!r}" for each in entities}
        for row in self._asked(self._statements.get_entries, found.number, wanted):
            del wanted[row[1]]
        self._refuse_removed(found.number, wanted)
        self._add_entries(found, [(item, None, None, item) for item in wanted])

    def _put_entries(self, name: str, entries: Mapping[str, UUID]) -> None:
        found = self._hierarchy(name, HierarchyType.ENTITY_DIR)
        wanted: dict[bytes, tuple[str, bytes]] = {}
        for key, entity in entries.items():
            check_key(key, "directory key")
            wanted[item_of_key(key)] = (key, check_id(entity).bytes)
        names = {item: f"key {key!r} of {name!r}" for item, (key, _) in wanted.items()}
        present = self._refuse_entries(found.number, names)
        self._add_entries(
            found,
            [(item, None, key, entity) for item, (key, entity) in wanted.items()],
            present,
        )

    def _refuse_entries(self, number: int, names: Mapping[bytes, str]) -> set[bytes]:
        """Return which items are there; raise ConflictError when somebody else changed one."""
        present: set[bytes] = set()
        for row in self._asked(self._statements.get_entries, number, names):
            item, revision = row[1], row[5]
            present.add(item)
            if self._is_foreign(revision):
                raise ConflictError(names[item], revision)
        gone = {item: what for item, what in names.items() if item not in present}
        self._refuse_removed(number, gone)
        return present

    def _add_entries(
        self,
        hierarchy: HierarchyRow,
        entries: Sequence[tuple[bytes, bytes | None, str | None, bytes | None]],
        present: Collection[bytes] = (),
    ) -> None:
        """Write rows of (item, parent, name, entity); those present keep their place."""
        if not entries:
            return
        number = hierarchy.number
        rows = [
            (self._id, number, position, item, self.revision, parent, name, entity)
            for (item, parent, name, entity), position in zip(
                entries, self._positions, strict=False
            )
        ]
        fresh = [row for row in rows if row[3] not in present]
        if fresh:
            self._session.insert(ENTRY, fresh)
        if len(fresh) < len(rows):
            self._session.upsert(ENTRY, [row for row in rows if row[3] in present])
        self._empty.discard(number)
        self._touched.add(number)
        self.written += len(rows)

    def _remove_entries(
        self, hierarchy: HierarchyRow, wanted: Mapping[bytes, tuple[str | None, str]]
    ) -> None:
        """Remove items, given as item → (name for the tombstone, words for the conflict)."""
        rows = self._asked(self._statements.get_entries, hierarchy.number, wanted)
        for row in rows:
            if self._is_foreign(row[5]):
                raise ConflictError(wanted[row[1]][1], row[5])
        self._take_out(hierarchy, [row[1] for row in rows], {r[1]: wanted[r[1]][0] for r in rows})

    def _take_out(
        self, hierarchy: HierarchyRow, items: Sequence[bytes], buried: Mapping[bytes, str | None]
    ) -> None:
        if items:
            self._delete(self._statements.delete_entries, hierarchy.number, items)
            self._bury(hierarchy.number, buried)
            self._touched.add(hierarchy.number)
            self.written += len(items)

    # --- trees ----------------------------------------------------------------------------

    def _put_nodes(self, name: str, nodes: Mapping[Path, UUID | None]) -> None:
        found = self._hierarchy(name, HierarchyType.ENTITY_TREE)
        # Every node on the way, and which of them the edit itself puts.
        above: dict[bytes, tuple[bytes | None, str | None, Path]] = {}
        wanted: dict[bytes, bytes | None] = {}
        items: dict[Path, bytes] = {(): ROOT}
        for given, entity in nodes.items():
            path = as_path(given)
            if entity is not None:
                check_id(entity)
            for depth in range(1, len(path) + 1):
                here = path[:depth]
                if here not in items:
                    parent = items[here[:-1]]
                    items[here] = child_item(parent, check_key(here[-1], "node name"))
                    above[items[here]] = (parent, here[-1], here)
            if not path:
                above[ROOT] = (None, None, ())
            wanted[items[path]] = None if entity is None else entity.bytes
        names = {item: f"node {path!r} of {name!r}" for item, (_, _, path) in above.items()}
        present: set[bytes] = set()
        for row in self._asked(self._statements.get_entries, found.number, above):
            item, revision = row[1], row[5]
            present.add(item)
            if item in wanted and self._is_foreign(revision):
                raise ConflictError(names[item], revision)
        self._refuse_removed(found.number, names)
        self._add_entries(
            found,
            [
                (item, parent, own_name, wanted.get(item))
                for item, (parent, own_name, _) in above.items()
                if item in wanted or item not in present
            ],
            present,
        )

    def _remove_nodes(self, name: str, paths: Iterable[Path]) -> None:
        found = self._hierarchy(name, HierarchyType.ENTITY_TREE)
        tops: dict[bytes, Path] = {}
        for given in paths:
            path = as_path(given)
            if not path:
                raise InvalidEditError(f"tree {name!r}: the root cannot be removed")
            for each in path:
                check_key(each, "node name")
            tops[items_of_path(path)[-1]] = path
        rows = self._asked(self._statements.get_entries, found.number, tops)
        there = {row[1]: tops[row[1]] for row in rows}
        doomed: dict[bytes, None] = {}
        of_top = dict(there)
        while rows:
            for row in rows:
                if self._is_foreign(row[5]):
                    path = of_top.get(row[1], ())
                    raise ConflictError(f"node {path!r} of {name!r}", row[5])
            level = [row[1] for row in rows if row[1] not in doomed]
            doomed |= dict.fromkeys(level)
            rows = self._asked(self._statements.children_of, found.number, level)
            for row in rows:
                of_top[row[1]] = (*of_top[row[2]], as_text(row[3]))
        self._take_out(
            found,
            list(doomed),
            {item: msgspec.json.encode(path).decode() for item, path in there.items()},
        )

    # --- lists ----------------------------------------------------------------------------

    def _append(self, name: str, entities: Sequence[UUID]) -> None:
        found = self._hierarchy(name, HierarchyType.ENTITY_LIST)
        self._append_to(found, [check_id(each).bytes for each in entities])

    def _append_to(self, hierarchy: HierarchyRow, entities: list[bytes]) -> None:
        if entities:
            used = self._list_room.get(hierarchy.number, 0)
            places = positions.spread(self.revision, used, len(entities))
            self._list_room[hierarchy.number] = places[-1] - positions.first_position(self.revision)
            self._put_items(hierarchy, places, entities)

    def _put_items(
        self, hierarchy: HierarchyRow, places: Sequence[int], entities: Sequence[bytes]
    ) -> None:
        number = hierarchy.number
        self._session.insert(
            ENTRY,
            [
                (
                    self._id,
                    number,
                    place,
                    positions.item_of_position(place),
                    self.revision,
                    None,
                    None,
                    entity,
                )
                for place, entity in zip(places, entities, strict=True)
            ],
        )
        self._empty.discard(number)
        self._touched.add(number)
        self.written += len(places)

    def _splice(self, edit: Splice) -> None:
        found = self._hierarchy(edit.hierarchy, HierarchyType.ENTITY_LIST)
        self._refuse_list(found)
        entities = [check_id(each).bytes for each in edit.insert]
        start, remove = edit.index, edit.remove
        if min(start, remove) < 0:
            raise self._outside(found, edit)
        # From the item before the place to the one behind what is taken out.
        offset = max(0, start - 1)
        params = self._at(found.number, limit=remove + (start > 0) + 1, offset=offset)
        rows = self._session.rows(self._statements.slice_list, params)
        before = rows[:1] if start > 0 else []
        doomed = rows[len(before) : len(before) + remove]
        if len(doomed) < remove or len(before) < (start > 0):
            raise self._outside(found, edit)
        behind = rows[len(before) + remove :]
        if doomed:
            items = [positions.item_of_position(row[0]) for row in doomed]
            self._take_out(found, items, dict.fromkeys(items))
        if not entities:
            return
        if not behind:
            self._append_to(found, entities)
            return
        low = before[0][0] if before else None
        places = positions.between(low, behind[0][0], len(entities))
        if places is None:
            self._make_room(found, before, behind[0][0], entities)
        else:
            self._put_items(found, places, entities)

    def _make_room(
        self, hierarchy: HierarchyRow, before: Sequence[Row], behind: int, entities: list[bytes]
    ) -> None:
        """Insert where two neighbours stand too close: spread them and more around them anew."""
        number = hierarchy.number
        size = 64
        while True:
            params = self._at(number, position=behind, limit=size)
            left = self._session.rows(self._statements.list_before, params)[::-1]
            right = self._session.rows(self._statements.list_from, params)
            moved = [*left, *right]
            low = left[0][0] - 1 if len(left) == size else None
            high = right[-1][0] + 1 if len(right) == size else right[-1][0] + positions.ROOM
            everything = [*(r[1] for r in left), *entities, *(r[1] for r in right)]
            places = positions.between(low, high, len(everything))
            if places is not None:
                break
            size *= 4
        items = [positions.item_of_position(row[0]) for row in moved]
        self._take_out(hierarchy, items, dict.fromkeys(items))
        self._put_items(hierarchy, places, everything)
        self.written -= 2 * len(moved)  # they only moved

    def _refuse_list(self, hierarchy: HierarchyRow) -> None:
        """Raise ConflictError when somebody else changed the list: then its places have shifted."""
        if self._expect is None or hierarchy.revision <= self._expect:
            return
        params = self._at(hierarchy.number)
        params["revision"] = self._expect
        for statement in (self._statements.changed_entries, self._statements.removed_entries):
            for (revision,) in self._session.rows(statement, params):
                if revision != self.revision and self._is_foreign(revision):
                    raise ConflictError(f"list {hierarchy.name!r}", revision)

    def _outside(self, hierarchy: HierarchyRow, edit: Splice) -> InvalidEditError:
        rows = self._session.rows(self._statements.count_list, self._at(hierarchy.number))
        return InvalidEditError(
            f"list {hierarchy.name!r} has {rows[0][0]} items: cannot take out {edit.remove} "
            f"from place {edit.index}"
        )

    def _document(self, document: bytes) -> object:
        return document.decode() if self._session.dialect.documents_are_text else document


# --- values ---------------------------------------------------------------------------------


def _bytes(document: Any) -> bytes:
    return document.encode() if isinstance(document, str) else bytes(document)


def _with(hierarchy: HierarchyRow, **changes: Any) -> HierarchyRow:
    return replace(hierarchy, **changes)


def _chunks(items: list[bytes]) -> Iterable[list[bytes]]:
    return (items[i : i + _CHUNK] for i in range(0, len(items), _CHUNK))


def _hierarchy_name(edit: Edit) -> str | None:
    """The hierarchy an edit needs to be known, if any."""
    match edit:
        case SetHeader():
            return None
        case PutDefinition(definition):
            return getattr(definition, "name", None)
        case CreateHierarchy(name) | DropHierarchy(name):
            return check_name(name, "hierarchy")
        case _:
            name = getattr(edit, "hierarchy", None)
            if name is None:
                raise InvalidEditError(f"expected an edit, got {type(edit).__name__}")
            return check_name(name, "hierarchy")


def merged(edits: Iterable[Edit]) -> list[Edit]:
    """Join neighbouring puts into one aspect map, so that many small edits cost like a large one."""
    result: list[Edit] = []
    for edit in edits:
        last = result[-1] if result else None
        if (
            isinstance(edit, PutAspects)
            and isinstance(last, PutAspects)
            and last.hierarchy == edit.hierarchy
        ):
            joined: dict[UUID, object] = dict(last.aspects)
            joined.update(edit.aspects)
            result[-1] = PutAspects(edit.hierarchy, joined)
        else:
            result.append(edit)
    return result


def _packed(aspects: Mapping[UUID, object], codec: Codec) -> dict[UUID, bytes]:
    """Check and pack records; a map of the same definition has done so already."""
    if isinstance(aspects, AspectMap) and aspects.aspect_def == codec.definition:
        return aspects.packed()
    return {
        check_id(entity): codec.pack(record_of(values, codec), entity)
        for entity, values in aspects.items()
    }


def _large_values(codec: Codec, document: bytes) -> dict[str, LargeValue]:
    row = codec.unpack(document)
    values = {name: codec.get(row, name) for name in codec.large}
    return {name: value for name, value in values.items() if isinstance(value, LargeValue)}


def _set_values(codec: Codec, document: bytes, definition: AspectDef) -> dict[str, object]:
    """The set values of a record that another definition still knows."""
    values = Aspect.from_row(codec, codec.unpack(document)).set_values()
    keep_all = definition.can_add_properties
    return {k: v for k, v in values.items() if keep_all or k in definition}
