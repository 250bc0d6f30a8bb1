"""What each edit does to a catalog in the memory store: the meaning of edits, as plain code."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from cheap.core import (
    AspectDef,
    AspectMap,
    CatalogSpecies,
    HierarchyType,
    LargeValue,
)
from cheap.core.codecs import Codec, codec_of
from cheap.core.edits import (
    AddMembers,
    Append,
    CreateHierarchy,
    CreateIndex,
    DropDefinition,
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
from cheap.core.hierarchies.aspect_map import check_indexable, is_indexable
from cheap.core.hierarchies.entity_tree import as_path
from cheap.core.names import check_id, check_key, check_label, check_name
from cheap.core.records import pack_records
from cheap.core.species import read_only_reason
from cheap.core.values import not_held
from cheap.db.memory_state import Kept, KeptCatalog, KeptDefinition, Key, Row, find_hierarchy
from cheap.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidEditError,
    InvalidValueError,
    MissingKeyError,
    ReadOnlyError,
)

GAP = 1 << 32
"""How far apart list items stand, so that others fit in between."""


class Writing:
    """Edits on their way into a catalog, of which the caller keeps the old state.

    Args:
        old: the catalog as it is.
        expect: the revision that the writer knows, or ``None`` to write in any case.
        own: later revisions that the writer made.
        free: whether read-only things may change: in a refresh, or in a new catalog.
    """

    def __init__(
        self, old: KeptCatalog, expect: int | None, own: Collection[int], *, free: bool
    ) -> None:
        self.catalog = old.copy()
        self._before = old
        self.revision = old.header.revision + 1
        self.catalog.header = replace(old.header, revision=self.revision)
        self.written = 0
        self._free = free
        self._expect = expect
        self._own = {*own, self.revision}
        self._copied: set[str] = set()

    def apply_all(self, edits: Iterable[Edit]) -> KeptCatalog:
        """Apply edits in order and return the catalog as it is then."""
        for edit in edits:
            self.apply(edit)
        return self.catalog

    def apply(self, edit: Edit) -> None:
        """Apply one edit."""
        species: CatalogSpecies = self.catalog.header.species
        if not (self._free or species.rules.editable or isinstance(edit, SetHeader)):
            raise ReadOnlyError(read_only_reason(species))
        name = getattr(edit, "name", None) or getattr(edit, "hierarchy", None)
        if name is not None:
            check_name(name, "hierarchy")
        match edit:
            case SetHeader():
                self._set_header(edit)
            case PutDefinition(definition):
                self._put_definition(definition)
            case CreateHierarchy():
                self._create(edit)
            case DropHierarchy(name):
                self._drop(name)
            case DropDefinition(name):
                if name in self.catalog.hierarchies:
                    raise InvalidEditError(f"definition {name!r} is in use: drop its aspect map")
                known = self.catalog.definitions.pop(name, None)
                if known is not None:
                    self._check(f"definition {name!r}", known.revision)
            case CreateIndex(name, prop):
                kept = self._open(name, HierarchyType.ASPECT_MAP)
                check_indexable(self.catalog.definitions[name].definition, prop)
                kept.indexes[prop] = None
            case DropIndex(name, prop):
                kept = self._open(name, HierarchyType.ASPECT_MAP)
                kept.indexes.pop(prop, None)
            case PutAspects(name, aspects):
                self._put_aspects(name, aspects)
            case RemoveAspects(name, entities):
                kept = self._open(name, HierarchyType.ASPECT_MAP)
                if entities:
                    self._check_writable(self.catalog.definitions[name].definition)
                for entity in map(check_id, entities):
                    self._remove(kept, entity, [entity])
            case Append(name, entities):
                kept = self._open(name, HierarchyType.ENTITY_LIST)
                self._append(kept, [check_id(each) for each in entities])
            case Splice():
                self._splice(edit)
            case AddMembers(name, entities):
                kept = self._open(name, HierarchyType.ENTITY_SET)
                for entity in map(check_id, entities):
                    if entity not in kept.rows:
                        self._put(kept, entity, entity)
            case RemoveMembers(name, entities):
                kept = self._open(name, HierarchyType.ENTITY_SET)
                for entity in map(check_id, entities):
                    self._remove(kept, entity, [entity])
            case PutEntries(name, entries):
                kept = self._open(name, HierarchyType.ENTITY_DIR)
                for key, entity in entries.items():
                    self._put(kept, check_key(key, "directory key"), check_id(entity))
            case RemoveEntries(name, keys):
                kept = self._open(name, HierarchyType.ENTITY_DIR)
                for key in keys:
                    self._remove(kept, check_key(key, "directory key"), [key])
            case PutNodes(name, nodes):
                self._put_nodes(self._open(name, HierarchyType.ENTITY_TREE), nodes)
            case RemoveNodes(name, paths):
                self._remove_nodes(self._open(name, HierarchyType.ENTITY_TREE), paths)
            case _:
                raise InvalidEditError(f"expected an edit, got {type(edit).__name__}")

    # --- labels, definitions, hierarchies -------------------------------------------------

    def _set_header(self, edit: SetHeader) -> None:
        self._check("the header", self.catalog.header_revision)
        header = self.catalog.header
        if edit.version is not None:
            header = replace(header, version=check_label(edit.version, "version"))
        if edit.uri is not None:
            header = replace(header, uri=check_label(edit.uri, "uri") or None)
        self.catalog.header = header
        self.catalog.header_revision = self.revision

    def _put_definition(self, definition: AspectDef) -> None:
        if not isinstance(definition, AspectDef):
            raise InvalidEditError(f"expected an AspectDef, got {type(definition).__name__}")
        name = definition.name
        kept = self.catalog.hierarchies.get(name)
        if kept is not None and kept.type is not HierarchyType.ASPECT_MAP:
            raise AlreadyExistsError(f"a hierarchy that is no aspect map is named {name!r}")
        old = self.catalog.definitions.get(name)
        if old is not None:
            if old.definition == definition:
                return
            self._check(f"definition {name!r}", old.revision)
        if kept is not None and old is not None:
            kept = self._copy(kept)
            self._repack(kept, old.definition, definition)
        number = self.catalog.number() if old is None else old.number
        self.catalog.definitions[name] = KeptDefinition(number, self.revision, definition)

    def _repack(self, kept: Kept, old: AspectDef, new: AspectDef) -> None:
        """Let every record pass under the new definition; what reads otherwise now has changed."""
        for entity, packed in sorted(kept.packed().items()):
            again = codec_of(new).repack(packed, codec_of(old), entity)
            if again != packed:
                self._check_item(kept, entity)
                row = kept.rows[entity]
                kept.rows[entity] = replace(row, value=again, revision=self.revision)
        kept.large = {key: data for key, data in kept.large.items() if key[1] in new}
        kept.indexes = {name: None for name in kept.indexes if is_indexable(new, name)}
        kept.revision = self.revision

    def _create(self, edit: CreateHierarchy) -> None:
        name = check_name(edit.name, "hierarchy")
        if name in self.catalog.hierarchies:
            raise AlreadyExistsError(f"a hierarchy is named {name!r} already")
        indexes = dict.fromkeys(edit.indexes)
        known = self.catalog.definitions.get(name)
        if edit.type is HierarchyType.ASPECT_MAP:
            if known is None:
                raise MissingKeyError(f"no aspect definition is named {name!r}")
            for prop in indexes:
                check_indexable(known.definition, prop)
        elif not isinstance(edit.type, HierarchyType):
            raise InvalidEditError(f"expected a HierarchyType, got {edit.type!r}")
        elif known is not None:
            raise AlreadyExistsError(f"an aspect definition is named {name!r} already")
        elif indexes:
            raise InvalidEditError(f"hierarchy {name!r} is no aspect map: it has no indexes")
        number = self.catalog.number()
        made = Kept(name, edit.type, number, self.revision, self.revision, indexes)
        self.catalog.hierarchies[name] = made
        self._copied.add(name)

    def _drop(self, name: str) -> None:
        kept = find_hierarchy(self.catalog, name)
        before = self._as_it_was(kept)
        if before is not None:
            revisions = [before.revision, before.created]
            if kept.type is HierarchyType.ASPECT_MAP:
                revisions.append(self._before.definitions[name].revision)
            revisions += [row.revision for row in before.rows.values()]
            revisions += [row.revision for row in before.removals.values()]
            for each in revisions:
                self._check(f"hierarchy {name!r}", each)
        del self.catalog.hierarchies[name]
        if kept.type is HierarchyType.ASPECT_MAP:
            del self.catalog.definitions[name]
        self.catalog.dropped[name] = Row(kept.number, self.revision, None)

    # --- aspects --------------------------------------------------------------------------

    def _put_aspects(self, name: str, aspects: Mapping[UUID, object]) -> None:
        kept = self._open(name, HierarchyType.ASPECT_MAP)
        definition = self.catalog.definitions[name].definition
        codec = codec_of(definition)
        if isinstance(aspects, AspectMap) and aspects.aspect_def == definition:
            records = aspects.packed()
        else:
            records = pack_records(aspects, codec)
        if records:
            self._check_writable(definition)
        for entity in records:
            self._check_item(kept, entity)
        for entity, packed in records.items():
            row = kept.rows.get(entity)
            old = row.value if row is not None and isinstance(row.value, bytes) else None
            fixed = None if old is None or self._free else codec.changed_fixed(old, packed)
            if fixed is not None:
                raise ReadOnlyError(f"property {fixed!r} of aspect {name!r} is not writable")
            self._keep_stubs(kept, codec, entity, packed)
            self._put(kept, entity, packed)

    def _keep_stubs(self, kept: Kept, codec: Codec, entity: UUID, packed: bytes) -> None:
        """Refuse stubs of large values that are not here, and let go of those not named now."""
        row = codec.unpack(packed)
        stubs = {name: codec.get(row, name) for name in codec.large}
        faults = [
            not_held(name, codec.definition[name].type, stub)
            for name, stub in stubs.items()
            if isinstance(stub, LargeValue) and stub != self._stub_of(kept, codec, entity, name)
        ]
        if faults:
            raise InvalidValueError(codec.definition.name, faults, str(entity))
        for name, stub in stubs.items():
            if not isinstance(stub, LargeValue):
                kept.large.pop((entity, name), None)

    @staticmethod
    def _stub_of(kept: Kept, codec: Codec, entity: UUID, name: str) -> LargeValue | None:
        """Return what stands for a large value in the stored record, if it was written so."""
        row = kept.rows.get(entity)
        if row is None or not isinstance(row.value, bytes):
            return None
        value = codec.get(codec.unpack(row.value), name)
        return value if isinstance(value, LargeValue) else None

    def put_large(self, name: str, entity: UUID, prop: str, stub: LargeValue, data: bytes) -> None:
        """Put a large value, and what stands for it into the record."""
        kept = self._open(name, HierarchyType.ASPECT_MAP)
        codec = codec_of(self.catalog.definitions[name].definition)
        row = codec.unpack(kept.packed()[entity])
        codec.put(row, prop, stub)
        kept.large[entity, prop] = data
        self._put(kept, entity, codec.encode(row))

    def _check_writable(self, definition: AspectDef) -> None:
        if not (definition.writable or self._free):
            raise ReadOnlyError(f"aspect {definition.name!r} is not writable")

    # --- lists ----------------------------------------------------------------------------

    def _append(self, kept: Kept, entities: Sequence[UUID]) -> None:
        for entity in entities:
            place = kept.next_place
            kept.next_place += GAP
            self._write(kept, place, Row(place, self.revision, entity))

    def _splice(self, edit: Splice) -> None:
        kept = self._open(edit.hierarchy, HierarchyType.ENTITY_LIST)
        before = self._as_it_was(kept)
        if before is not None:
            for row in (*before.rows.values(), *before.removals.values()):
                self._check(f"list {kept.name!r}", row.revision)
        insert = [check_id(each) for each in edit.insert]
        keys = [row.place for _, row in kept.ordered()]
        start, end = edit.index, edit.index + edit.remove
        if not 0 <= start <= end <= len(keys):
            raise InvalidEditError(
                f"list {kept.name!r} has {len(keys)} entities: cannot take {edit.remove} out at "
                f"{edit.index}"
            )
        for key in keys[start:end]:
            self._bury(kept, key, [key])
        if end == len(keys):
            self._append(kept, insert)
            return
        high = keys[end]
        low = keys[start - 1] if start else high - GAP * (len(insert) + 1)
        step = (high - low) // (len(insert) + 1)
        if not step:  # No room: all that comes behind moves to the end.
            moved = [kept.rows[key].value for key in keys[end:]]
            written = self.written
            for key in keys[end:]:
                self._bury(kept, key, [key])
            self._append(kept, [*insert, *(each for each in moved if isinstance(each, UUID))])
            self.written = written + len(insert)
            return
        for place, entity in enumerate(insert, start=1):
            self._write(kept, low + step * place, Row(low + step * place, self.revision, entity))

    # --- trees ----------------------------------------------------------------------------

    def _put_nodes(self, kept: Kept, nodes: Mapping[Path, UUID | None]) -> None:
        put: dict[Path, None] = {}
        before = self.written
        for given, entity in nodes.items():
            path = _checked_path(given)
            for depth in range(1, len(path)):
                above = path[:depth]
                self._check_removed(kept, above)
                if above not in kept.rows:
                    self._put(kept, above, None)
                    put[above] = None
            self._put(kept, path, None if entity is None else check_id(entity))
            put[path] = None
        self.written = before + len(put)  # a node made on the way and then put is one row

    def _remove_nodes(self, kept: Kept, paths: Iterable[Path]) -> None:
        for path in map(_checked_path, paths):
            if not path:
                raise InvalidEditError(f"tree {kept.name!r}: the root cannot be removed")
            if path not in kept.rows:
                continue
            below = [key for key in kept.rows if _is_below(key, path)]
            for each in below:
                self._check_item(kept, each)
            self._remove(kept, path, below)

    # --- rows -----------------------------------------------------------------------------

    def _open(self, name: str, kind: HierarchyType) -> Kept:
        """Return a hierarchy of this kind as a copy that can be changed."""
        kept = find_hierarchy(self.catalog, name)
        self._check(f"hierarchy {name!r}", kept.created)
        if kept.type is not kind:
            raise InvalidEditError(
                f"hierarchy {name!r} is {kept.type.name}: this edit is for {kind.name}"
            )
        return self._copy(kept)

    def _copy(self, kept: Kept) -> Kept:
        """Return a hierarchy as a copy that can be changed."""
        if kept.name not in self._copied:
            kept = self.catalog.hierarchies[kept.name] = kept.copy()
            self._copied.add(kept.name)
        return kept

    def _put(self, kept: Kept, key: Key, value: UUID | bytes | None) -> None:
        """Put an item: in its place when it is there, else at the end (a tree's root in front)."""
        self._check_item(kept, key)
        row = kept.rows.get(key)
        if row is not None:
            place = row.place
        elif key == ():
            place = 0
        else:
            place = kept.next_place
            kept.next_place += 1
        self._write(kept, key, Row(place, self.revision, value))

    def _remove(self, kept: Kept, key: Key, rows: Sequence[Key]) -> None:
        """Remove an item with all the rows that it has, unless it is gone already."""
        if key in kept.rows:
            self._check_item(kept, key)
            self._bury(kept, key, rows)

    def _write(self, kept: Kept, key: Key, row: Row) -> None:
        kept.rows[key] = row
        kept.revision = self.revision
        self.written += 1

    def _bury(self, kept: Kept, key: Key, rows: Sequence[Key]) -> None:
        for each in rows:
            del kept.rows[each]
        kept.large = {at: data for at, data in kept.large.items() if at[0] != key}
        kept.removals[key] = Row(kept.next_place, self.revision, None)
        kept.next_place += 1
        kept.revision = self.revision
        self.written += len(rows)

    def _as_it_was(self, kept: Kept) -> Kept | None:
        """Return a hierarchy as it was before this commit, unless this commit made it."""
        before = self._before.hierarchies.get(kept.name)
        return before if before is not None and before.number == kept.number else None

    def _check_item(self, kept: Kept, key: Key) -> None:
        before = self._as_it_was(kept)
        if before is not None and key in before.rows:
            self._check(_called(kept, key), before.rows[key].revision)
        else:
            self._check_removed(kept, key)

    def _check_removed(self, kept: Kept, key: Key) -> None:
        before = self._as_it_was(kept)
        if before is not None and key in before.removals:
            self._check(_called(kept, key), before.removals[key].revision)

    def _check(self, what: str, revision: int) -> None:
        """Refuse to write what somebody else changed since the writer looked."""
        if self._expect is not None and revision > self._expect and revision not in self._own:
            raise ConflictError(what, revision)


def _called(kept: Kept, key: Key) -> str:
    """Return what an item is called in a conflict."""
    match kept.type:
        case HierarchyType.ASPECT_MAP:
            return f"aspect {kept.name!r} of {key}"
        case HierarchyType.ENTITY_SET:
            return f"member {key} of {kept.name!r}"
        case HierarchyType.ENTITY_DIR:
            return f"key {key!r} of {kept.name!r}"
        case HierarchyType.ENTITY_TREE:
            return f"node {key!r} of {kept.name!r}"
        case HierarchyType.ENTITY_LIST:
            return f"list {kept.name!r}"


def _checked_path(path: object) -> Path:
    return tuple(check_key(name, "node name") for name in as_path(path))


def _is_below(key: Key, path: Path) -> bool:
    return isinstance(key, tuple) and key[: len(path)] == path
