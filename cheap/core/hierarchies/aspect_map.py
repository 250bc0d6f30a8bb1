"""A map from entity to aspect: the records of one definition."""

from __future__ import annotations

from collections import deque
from collections.abc import (
    Collection,
    ItemsView,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
    ValuesView,
)
from operator import itemgetter
from typing import Final, cast
from uuid import UUID
from weakref import ref

from cheap.core.arguments import mapping, several
from cheap.core.aspects import Aspect, pack_record
from cheap.core.codecs import codec_of
from cheap.core.definitions import AspectDef, HierarchyType
from cheap.core.edits import (
    CreateHierarchy,
    CreateIndex,
    DropIndex,
    Edit,
    PutAspects,
    RemoveAspects,
)
from cheap.core.hierarchies.looking import RECENT, STEPS, Held, Looked, Walks, packed_of
from cheap.core.hierarchies.tracking import Hierarchy, KeyedHierarchy, Taken, last_key
from cheap.core.names import check_id
from cheap.errors import (
    InvalidDefinitionError,
    MissingKeyError,
    MisuseError,
    NotReadableError,
    ReadOnlyError,
)


class AspectMap(KeyedHierarchy[UUID], MutableMapping[UUID, Aspect]):
    """The aspects of one definition, by entity, in the order in which they were added.

    It is used like a ``dict``. A value may be set from a mapping, a dataclass instance, a
    pydantic model or another aspect, and is checked as a whole; it is read as an
    :class:`~cheap.core.Aspect`, whose edits the map notices. Setting what is there already is no
    edit.

    Args:
        definition: what properties the records have.
        aspects: the first records; also those of a definition that is not writable afterwards.
        indexes: properties to index where the catalog is stored.

    Example:
        >>> people = catalog.define(AspectDef.of(Person))
        >>> people[alice] = Person(name="Alice", age=30)     # or {"name": "Alice", "age": 30}
        >>> people[alice]["age"] = 31
    """

    type = HierarchyType.ASPECT_MAP
    __slots__ = ("_codec", "_held", "_indexes", "_recent", "_saved_indexes", "_walks")

    def __init__(
        self,
        definition: AspectDef,
        aspects: Mapping[UUID, object] | None = None,
        *,
        indexes: Iterable[str] = (),
    ) -> None:
        self._codec = codec_of(definition)
        super().__init__(definition.name)
        self._held: dict[UUID, Held] = {}
        self._recent: deque[Aspect] = deque(maxlen=RECENT)
        self._walks = Walks()
        self._indexes: dict[str, None] = {}
        self._saved_indexes: dict[str, None] = {}
        for name in several(indexes, "indexes"):
            self.create_index(name)
        for entity, values in mapping(aspects or {}, "aspects").items():
            self._held[check_id(entity)] = pack_record(values, self._codec, entity)

    @property
    def aspect_def(self) -> AspectDef:
        """The definition of the aspects."""
        return self._codec.definition

    def __getitem__(self, entity: UUID) -> Aspect:
        held = self._held.get(entity)
        if held is None:
            raise self._missing(entity)
        return self.look(entity, held)

    def look(self, entity: UUID, held: Held) -> Aspect:
        """Return the aspect of a record that is held."""
        if isinstance(held, Aspect):
            return held
        known = held() if isinstance(held, Looked) else self._walks.find(entity)
        if known is not None:
            return known
        packed = held.packed if isinstance(held, Looked) else held
        aspect = self._decoded(entity, packed)
        self._held[entity] = looked = Looked(aspect)
        looked.packed = packed
        self._recent.append(aspect)
        return aspect

    def walk(self) -> Iterator[tuple[UUID, Aspect]]:
        """Look at one record after the other; for the views of this map."""
        held_all, codec, under_way = self._held, self._codec, self._walks.under_way
        if len(held_all) <= RECENT:
            for entity, held in held_all.items():
                yield entity, self.look(entity, held)
            return
        self._check_readable()
        walk = self._walks.begin()
        try:
            for entity, held in held_all.items():
                if held_all is not self._held:
                    raise MisuseError(
                        f"aspect {self.name!r} was redefined in a loop over its map; "
                        "loop over list(map.items())"
                    )
                if not isinstance(held, bytes) or len(under_way) > 1:
                    yield entity, self.look(entity, held)
                    continue
                aspect = Aspect.from_row(codec, codec.unpack(held), self, entity, held)
                walk.append(aspect)
                if len(walk) > STEPS:
                    self._leave(walk)
                yield entity, aspect
        finally:
            while walk:
                self._leave(walk)
            self._walks.end(walk)

    def _leave(self, walk: list[Aspect]) -> None:
        """Forget the first aspect of a walk, unless somebody else has it."""
        there = ref(walk[0])
        del walk[0]
        aspect = there()
        if aspect is not None and aspect.entity is not None:
            held = self._held.get(aspect.entity)
            if isinstance(held, bytes):  # else it was edited, and is held itself
                self._held[aspect.entity] = looked = Looked(aspect)
                looked.packed = held

    def _decoded(self, entity: UUID, packed: bytes) -> Aspect:
        self._check_readable()
        return Aspect.from_row(self._codec, self._codec.unpack(packed), self, entity, packed)

    def _check_readable(self) -> None:
        if not self._codec.definition.readable:
            raise NotReadableError(f"aspect {self.name!r} is not readable")

    def __setitem__(self, entity: UUID, value: object) -> None:
        codec = self._codec
        if self._locked is not None or not codec.definition.writable:
            self._check_writable()
        packed = pack_record(value, codec, entity)
        if entity.__class__ is not UUID:
            check_id(entity)
        # One look-up for the usual case: hashing a UUID is the dearest step of all after packing.
        held = self._held.setdefault(entity, packed)
        if held is not packed:
            if not self._differs(entity, held, packed):
                return
            self._held[entity] = packed
        if not self._is_new:
            self._did_put(entity)

    def __delitem__(self, entity: UUID) -> None:
        self._check_writable()
        if entity not in self._held:
            raise self._missing(entity)
        self._release(entity, self._held.pop(entity))
        self._did_remove(entity)

    def __contains__(self, entity: object) -> bool:
        return entity in self._held

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._held)

    def __reversed__(self) -> Iterator[UUID]:
        return reversed(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def values(self) -> ValuesView[Aspect]:
        return _Values(self)

    def items(self) -> ItemsView[UUID, Aspect]:
        return _Items(self)

    def setdefault(self, entity: UUID, default: object = None) -> Aspect:
        """Return the aspect of an entity; put this record first when there is none."""
        if entity not in self._held:
            self[entity] = default
        return self[entity]

    def popitem(self) -> tuple[UUID, Aspect]:
        """Remove the aspect that was added last, and return it with its entity.

        Raises:
            MissingKeyError: there is none.
        """
        entity = last_key(self._held, self)
        return entity, self.pop(entity)

    def clear(self) -> None:
        """Remove everything."""
        for entity in list(self._held):
            del self[entity]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AspectMap):
            return self.aspect_def == other.aspect_def and self.packed() == other.packed()
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    # --- indexes --------------------------------------------------------------------------

    @property
    def indexes(self) -> tuple[str, ...]:
        """The properties that are indexed where the catalog is stored."""
        return tuple(self._indexes)

    def create_index(self, name: str) -> None:
        """Ask for an index on a property, so that finding and ordering by it need no scan.

        Raises:
            MissingKeyError: there is no such property.
            InvalidDefinitionError: it is a CLOB or BLOB.
        """
        self._check_editable()
        check_indexable(self.aspect_def, name)
        self._indexes[name] = None

    def drop_index(self, name: str) -> None:
        """Give up the index on a property, if there is one."""
        self._check_editable()
        self._indexes.pop(name, None)

    # --- for catalogs and stores ----------------------------------------------------------

    def packed(self, entities: Iterable[UUID] | None = None) -> dict[UUID, bytes]:
        """Return the packed records, all or those of some entities, in order."""
        held = self._held
        # A copy, for another thread may be editing.
        chosen = held.copy() if entities is None else {each: held[each] for each in entities}
        return {
            entity: each if isinstance(each, bytes) else packed_of(each)
            for entity, each in chosen.items()
        }

    def hold(self, packed: Mapping[UUID, bytes]) -> None:
        """Take packed records as they are, without check or note; for loading."""
        self._held.update(packed)

    def selection(self, entities: Iterable[UUID]) -> AspectMap:
        """Return a map of its own with the records of some entities."""
        return self.of_packed(self.aspect_def, self.packed(entities))

    @classmethod
    def of_packed(cls, definition: AspectDef, packed: dict[UUID, bytes]) -> AspectMap:
        """Make a map around packed records, without a check; for loading."""
        made = cls(definition)
        made._held = cast("dict[UUID, Held]", packed)
        return made

    def note_indexes(self, indexes: Iterable[str]) -> None:
        """Take over which properties are indexed in the store; for loading."""
        self._indexes = dict.fromkeys(indexes)
        self._saved_indexes = dict(self._indexes)

    def aspect_may_change(self) -> None:
        """Refuse the edit of an aspect, or let it pass; for the aspects of this map."""
        self._check_editable()

    def aspect_did_change(self, entity: UUID, aspect: Aspect) -> None:
        """Note the edit of an aspect, and keep it; for the aspects of this map."""
        self._held[entity] = aspect
        self._did_put(entity)

    def redefine(self, definition: AspectDef) -> None:
        """Bring every record under another definition of the same name; for catalogs.

        Aspects that were read before no longer belong to the map. Indexes on properties that are
        gone are given up.

        Raises:
            InvalidValueError: a record does not fit; the map is as it was.
        """
        self._check_editable()
        codec = codec_of(definition)
        old = self.packed()
        new = {entity: codec.repack(each, self._codec, entity) for entity, each in old.items()}
        for entity, held in self._held.items():
            self._release(entity, held)
        self._codec = codec
        self._held = cast("dict[UUID, Held]", new)
        for entity, packed in new.items():
            if packed != old[entity]:
                self._did_put(entity)
        self._indexes = {name: None for name in self._indexes if is_indexable(definition, name)}

    def same_content(self, other: Hierarchy) -> bool:
        """Tell whether another map has the same definition and records, in the same order."""
        return (
            isinstance(other, AspectMap)
            and self.aspect_def == other.aspect_def
            and list(self.packed().items()) == list(other.packed().items())
        )

    def creation_edits(self) -> list[Edit]:
        """Return the edits that create this map with all of its content."""
        return [CreateHierarchy(self.name, self.type, self.indexes), *self.content_edits()]

    def content_edits(self) -> list[Edit]:
        """Return the edits that fill an empty map with the records of this one."""
        packed = self.packed()
        return [PutAspects(self.name, self.of_packed(self.aspect_def, packed))] if packed else []

    def pending_edits(self) -> list[Edit]:
        """Return the edits made since the last save."""
        return self._between_indexes(
            self._saved_indexes, super().pending_edits(), tuple(self._indexes)
        )

    def _between_indexes(
        self, before: Collection[str], edits: list[Edit], after: Collection[str]
    ) -> list[Edit]:
        """Return edits with the dropping and creating of indexes around them."""
        return [
            *(DropIndex(self.name, name) for name in before if name not in after),
            *edits,
            *(CreateIndex(self.name, name) for name in after if name not in before),
        ]

    def _take_notes(self) -> Taken:
        before, after = self._saved_indexes, dict(self._indexes)
        self._saved_indexes = after
        notes = super()._take_notes()

        def give_back() -> None:
            notes.give_back()
            self._saved_indexes = before

        return Taken(lambda: self._between_indexes(before, notes.edits(), after), give_back)

    def _removal(self, keys: Sequence[UUID]) -> Edit:
        return RemoveAspects(self.name, tuple(keys))

    def _addition(self, keys: Sequence[UUID]) -> list[Edit]:
        held = {key: each for key in keys if (each := self._held.get(key)) is not None}
        packed = {key: packed_of(each) for key, each in held.items()}
        return [PutAspects(self.name, self.of_packed(self.aspect_def, packed))] if packed else []

    def _missing(self, entity: object) -> MissingKeyError:
        return MissingKeyError(f"no aspect {self.name!r} of entity {entity}")

    def _check_writable(self) -> None:
        self._check_editable()
        if not self.aspect_def.writable:
            raise ReadOnlyError(f"aspect {self.name!r} is not writable")

    def _differs(self, entity: UUID, held: Held, packed: bytes) -> bool:
        """Let go of the aspect that is to be replaced; False when it would be by its equal."""
        old = packed_of(held)
        if old == packed:
            return False
        fixed = self._codec.changed_fixed(old, packed)
        if fixed is not None:
            raise ReadOnlyError(f"property {fixed!r} of aspect {self.name!r} is not writable")
        self._release(entity, held)
        return True

    def _release(self, entity: UUID, held: Held) -> None:
        """Cut the tie to the aspect of a record that is no longer held, if somebody has it."""
        aspect = held() if isinstance(held, Looked) else held
        if isinstance(aspect, Aspect):
            aspect.release()
        self._walks.release(entity)  # a loop may remember it, edited or not

    def __repr__(self) -> str:
        return f"<AspectMap {self.name!r} of {len(self)} aspects>"


# The views of MutableMapping would look up each entity again, and hashing a UUID is dear.


_SECOND: Final = itemgetter(1)


class _Values(ValuesView[Aspect]):
    _mapping: AspectMap

    def __iter__(self) -> Iterator[Aspect]:
        return map(_SECOND, self._mapping.walk())


class _Items(ItemsView[UUID, Aspect]):
    _mapping: AspectMap

    def __iter__(self) -> Iterator[tuple[UUID, Aspect]]:
        return self._mapping.walk()


def check_indexable(definition: AspectDef, name: str) -> None:
    """Say whether a property can be indexed: it is one of the definition's, of almost any type.

    Raises:
        MissingKeyError: there is no such property.
        InvalidDefinitionError: it is a CLOB or BLOB, which may lie outside of the record.
    """
    if definition[name].type.is_large:
        raise InvalidDefinitionError(
            f"property {name!r} of aspect {definition.name!r} is a "
            f"{definition[name].type.value}, which cannot be indexed"
        )


def is_indexable(definition: AspectDef, name: str) -> bool:
    """Tell whether a definition has this property, and of a type that can be indexed."""
    return name in definition and not definition[name].type.is_large
