"""Catalogs: named hierarchies over the aspects of entities, with definitions and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from uuid import UUID

from cheap.core.arguments import mapping, several
from cheap.core.aspects import Aspect
from cheap.core.basis import Basis, Outline
from cheap.core.definitions import AspectDef, CatalogDef, HierarchyType, definition_from
from cheap.core.edits import (
    Edit,
    Path,
)
from cheap.core.hierarchies import (
    AspectMap,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    Hierarchy,
)
from cheap.core.hierarchies.tracking import Taken
from cheap.core.names import check_id, check_label, new_id
from cheap.core.species import CatalogSpecies, read_only_reason
from cheap.errors import (
    AlreadyExistsError,
    InvalidDefinitionError,
    MissingKeyError,
    MisuseError,
    ReadOnlyError,
)

H = TypeVar("H", bound=Hierarchy)

HIERARCHY_CLASSES: Mapping[HierarchyType, type[Hierarchy]] = {
    HierarchyType.ENTITY_LIST: EntityList,
    HierarchyType.ENTITY_SET: EntitySet,
    HierarchyType.ENTITY_DIR: EntityDirectory,
    HierarchyType.ENTITY_TREE: EntityTree,
    HierarchyType.ASPECT_MAP: AspectMap,
}


class Catalog(Mapping[str, Hierarchy]):
    """A typed working copy of data that lives elsewhere, held in memory.

    It maps hierarchy names to hierarchies. Give it definitions, fill hierarchies, and hand it to
    a store: ``dao.save_catalog(catalog)``. Two catalogs are equal when their id, labels,
    definitions and contents are, order included.

    Args:
        species: what it is a copy of; read-only species can be filled until they are saved.
        version: the user's own label.
        uri: where it is known, if anywhere; ``""`` is nowhere, as ``None`` is.
        upstream: the id of the catalog it is a copy of, if any.
        global_id: its id; a new UUIDv7 when not given.

    Raises:
        InvalidDefinitionError: a SOURCE or SINK with an upstream.
        InvalidNameError: a label or an id of the wrong kind.

    Example:
        >>> catalog = Catalog(species=CatalogSpecies.SINK, version="1.0.0")
        >>> people = catalog.define(AspectDef.of(Person))
        >>> alice = catalog.new_entity()
        >>> people[alice] = Person(name="Alice", age=30)
        >>> staff = catalog.create_set("staff", [alice])
    """

    def __init__(
        self,
        *,
        species: CatalogSpecies = CatalogSpecies.SINK,
        version: str = "1.0.0",
        uri: str | None = None,
        upstream: UUID | None = None,
        global_id: UUID | None = None,
    ) -> None:
        if not isinstance(species, CatalogSpecies):
            raise InvalidDefinitionError(f"expected a CatalogSpecies, got {species!r}")
        if upstream is not None and not species.rules.may_have_upstream:
            raise InvalidDefinitionError(
                f"a {species.value} catalog has no upstream: it is a copy of an external source"
            )
        self._global_id = new_id() if global_id is None else check_id(global_id, "catalog id")
        self._species = species
        self._version = check_label(version, "version")
        self._uri = _checked_uri(uri)
        self._upstream = None if upstream is None else check_id(upstream, "upstream")
        self._definitions: dict[str, AspectDef] = {}
        self._hierarchies: dict[str, Hierarchy] = {}
        self._saved = Outline()
        self._is_taken = False
        self._dropped: dict[str, None] = {}
        self._basis: Basis | None = None

    # --- labels ---------------------------------------------------------------------------

    @property
    def global_id(self) -> UUID:
        """The catalog's id."""
        return self._global_id

    @property
    def species(self) -> CatalogSpecies:
        """What it is a copy of."""
        return self._species

    @property
    def upstream(self) -> UUID | None:
        """The id of the catalog it is a copy of, if any."""
        return self._upstream

    @property
    def version(self) -> str:
        """The user's label; may be set."""
        return self._version

    @version.setter
    def version(self, value: str) -> None:
        self._version = check_label(value, "version")

    @property
    def uri(self) -> str | None:
        """Where the catalog is known; may be set."""
        return self._uri

    @uri.setter
    def uri(self, value: str | None) -> None:
        self._uri = _checked_uri(value)

    @property
    def revision(self) -> int:
        """The store's revision at which this copy was loaded or last saved; 0 for a new one."""
        return 0 if self._basis is None else max((self._basis.revision, *self._basis.own))

    @property
    def basis(self) -> Basis | None:
        """What is known of the store this copy came from, or ``None`` for a new one."""
        return self._basis

    # --- definitions ----------------------------------------------------------------------

    @property
    def definition(self) -> CatalogDef:
        """Definitions and hierarchies as a value."""
        return CatalogDef(
            tuple(self._definitions.values()),
            tuple(each.definition for each in self._hierarchies.values()),
        )

    @property
    def aspect_defs(self) -> Mapping[str, AspectDef]:
        """The definitions, by name."""
        return dict(self._definitions)

    def define(
        self,
        definition: AspectDef | type,
        aspects: Mapping[UUID, object] | None = None,
        *,
        indexes: Iterable[str] = (),
    ) -> AspectMap:
        """Add a definition and create its aspect map; return the map that is there already.

        Args:
            definition: the definition, or a dataclass or pydantic model to make one of.
            aspects: the first records.
            indexes: properties to index where the catalog is stored.

        Raises:
            AlreadyExistsError: another definition or hierarchy has this name.
            InvalidDefinitionError: it is neither a definition nor such a class.
            InvalidValueError: a record does not fit.
        """
        definition = definition_from(definition)
        existing = self._hierarchies.get(definition.name)
        if isinstance(existing, AspectMap) and existing.aspect_def == definition:
            for index in several(indexes, "indexes"):
                existing.create_index(index)
            for entity, values in mapping(aspects or {}, "aspects").items():
                existing[entity] = values
            return existing
        return self.add_hierarchy(AspectMap(definition, aspects, indexes=indexes))

    def redefine(self, definition: AspectDef | type) -> AspectMap:
        """Put a definition in the place of its namesake; every record is checked against it.

        Properties that the new definition does not know are left out of the records, unless it
        lets them carry more. Aspects that were read before no longer belong to the map.

        Args:
            definition: the definition, or a dataclass or pydantic model to make one of.

        Returns:
            The map of this name; the same one as before.

        Raises:
            InvalidDefinitionError: it is neither a definition nor such a class.
            MissingKeyError: no aspect map has this name.
            InvalidValueError: a record does not fit the new definition; nothing was changed.
        """
        definition = definition_from(definition)
        aspects = self.aspect_map(definition.name)
        aspects.redefine(definition)
        self._definitions[definition.name] = definition
        return aspects

    # --- hierarchies ----------------------------------------------------------------------

    def __getitem__(self, name: str) -> Hierarchy:
        try:
            return self._hierarchies[name]
        except KeyError:
            raise MissingKeyError(
                f"catalog has no hierarchy {name!r}; it has {list(self._hierarchies)}"
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._hierarchies)

    def __len__(self) -> int:
        return len(self._hierarchies)

    def __contains__(self, name: object) -> bool:
        return name in self._hierarchies

    def __bool__(self) -> bool:
        return True  # also without hierarchies it is a catalog

    @property
    def hierarchies(self) -> Mapping[str, Hierarchy]:
        """The hierarchies by name, in the order in which they were created."""
        return dict(self._hierarchies)

    def create_list(self, name: str, entities: Iterable[UUID] = ()) -> EntityList:
        """Create an ordered list of entities; AlreadyExistsError when the name is taken."""
        return self.add_hierarchy(EntityList(name, entities))

    def create_set(self, name: str, entities: Iterable[UUID] = ()) -> EntitySet:
        """Create a set of entities; AlreadyExistsError when the name is taken."""
        return self.add_hierarchy(EntitySet(name, entities))

    def create_directory(
        self, name: str, entries: Mapping[str, UUID] | None = None
    ) -> EntityDirectory:
        """Create a directory of names for entities; AlreadyExistsError when the name is taken."""
        return self.add_hierarchy(EntityDirectory(name, entries))

    def create_tree(self, name: str, nodes: Mapping[Path, UUID | None] | None = None) -> EntityTree:
        """Create a tree of nodes; AlreadyExistsError when the name is taken."""
        return self.add_hierarchy(EntityTree(name, nodes))

    def add_hierarchy(self, hierarchy: H) -> H:
        """Add a hierarchy that was made on its own, and return it.

        Raises:
            AlreadyExistsError: the name is taken, or the hierarchy belongs to a catalog already.
        """
        self._check_editable()
        name = hierarchy.name
        if name in self._hierarchies:
            raise AlreadyExistsError(f"a hierarchy is named {name!r} already")
        known = self._definitions.get(name)
        if known is not None:
            if not isinstance(hierarchy, AspectMap):
                raise AlreadyExistsError(f"an aspect definition is named {name!r} already")
            if known != hierarchy.aspect_def:
                raise AlreadyExistsError(
                    f"another definition is named {name!r}; use redefine() to put this in its place"
                )
        hierarchy.join()
        if isinstance(hierarchy, AspectMap):
            self._definitions[name] = hierarchy.aspect_def
        self._hierarchies[name] = hierarchy
        return hierarchy

    def drop(self, name: str) -> None:
        """Remove a hierarchy and all that is in it; MissingKeyError when there is none."""
        self._check_editable()
        dropped = self[name]
        dropped.lock(f"hierarchy {name!r} was dropped from its catalog")
        del self._hierarchies[name]
        self._definitions.pop(name, None)
        while True:  # whether the store has it is seen when it is saved
            noted = self._dropped
            noted[name] = None
            if noted is self._dropped:
                return  # else the notes were taken meanwhile, with this one or without

    def aspect_map(self, name: str) -> AspectMap:
        """Return an aspect map; MissingKeyError when there is none of this name and kind."""
        return self._typed(name, AspectMap)

    def entity_list(self, name: str) -> EntityList:
        """Return a list; MissingKeyError when there is none of this name and kind."""
        return self._typed(name, EntityList)

    def entity_set(self, name: str) -> EntitySet:
        """Return a set; MissingKeyError when there is none of this name and kind."""
        return self._typed(name, EntitySet)

    def directory(self, name: str) -> EntityDirectory:
        """Return a directory; MissingKeyError when there is none of this name and kind."""
        return self._typed(name, EntityDirectory)

    def tree(self, name: str) -> EntityTree:
        """Return a tree; MissingKeyError when there is none of this name and kind."""
        return self._typed(name, EntityTree)

    def _typed(self, name: str, kind: type[H]) -> H:
        found = self[name]
        if not isinstance(found, kind):
            raise MissingKeyError(
                f"hierarchy {name!r} is a {type(found).__name__}, not a {kind.__name__}"
            )
        return found

    # --- entities -------------------------------------------------------------------------

    @staticmethod
    def new_entity() -> UUID:
        """Make the id of a new entity (UUIDv7); an entity is its id and nothing else."""
        return new_id()

    def aspects_of(self, entity: UUID) -> dict[str, Aspect]:
        """Return all aspects of one entity, by definition name."""
        return {
            name: each[entity]
            for name, each in self._hierarchies.items()
            if isinstance(each, AspectMap) and entity in each
        }

    # --- documents ------------------------------------------------------------------------

    def json(self) -> str:
        """Return the catalog as a JSON document (see :mod:`cheap.core.documents`)."""
        from cheap.core.documents import write_catalog

        return b"".join(write_catalog(self)).decode()

    @classmethod
    def from_json(cls, document: str | bytes) -> Catalog:
        """Read a catalog from a JSON document; what was written reads back equal.

        Raises:
            InvalidDocumentError: with the path to what is wrong.
        """
        from cheap.core.documents import read_catalog

        return read_catalog(document)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Let pydantic (and so FastAPI) take and give catalogs: as documents in JSON."""
        from cheap.core.documents import catalog_schema

        return catalog_schema()

    @classmethod
    def __get_pydantic_json_schema__(cls, core: object, handler: Any) -> Any:
        """Describe the document: as it is given, and one that is taken needs no id."""
        from cheap.core.documents import document_schema

        return handler(document_schema(has_id=handler.mode == "serialization"))

    # --- for stores -----------------------------------------------------------------------

    @property
    def is_modified(self) -> bool:
        """Whether there is anything to save."""
        return self._basis is None or bool(self.pending_edits())

    def content_edits(self) -> list[Edit]:
        """Return the edits that fill an empty catalog with all that this one holds."""
        edits = self._outline().edits_since(Outline(), ())
        return edits + [edit for h in self._hierarchies.values() for edit in h.creation_edits()]

    def pending_edits(self) -> list[Edit]:
        """Return the edits made since this copy was loaded or saved (all of it, for a new one)."""
        edits = self._outline().edits_since(self._saved, self._dropped)
        for each in self._hierarchies.values():
            edits += each.creation_edits() if each.is_new else each.pending_edits()
        return edits

    def _outline(
        self, hierarchies: Iterable[Hierarchy] = (), others: frozenset[str] = frozenset()
    ) -> Outline:
        """What is there now, when these hierarchies are saved and the store has others."""
        definitions = self._definitions.copy()
        definitions.update((h.name, h.aspect_def) for h in hierarchies if isinstance(h, AspectMap))
        names = others.union(each.name for each in hierarchies)
        return Outline((self._version, self._uri), definitions, names)

    def take(self, *, whole: bool = False) -> Taken:
        """Take the edits since the last save, for they are to be saved.

        What is edited from then on is noted for the save after that. It ends with :meth:`settle`,
        or by giving the edits back.

        Args:
            whole: take the edits that fill an empty catalog instead, as of a new one.

        Raises:
            MisuseError: they are taken already: another call is saving the catalog.
        """
        if self._is_taken:
            raise MisuseError(
                f"catalog {self._global_id} is being saved by another call; wait for its end"
            )
        self._is_taken = True
        # First the notes, then what they speak of: another thread may be editing.
        noted, self._dropped = self._dropped, {}
        dropped, saved = noted.copy(), self._saved
        hierarchies = list(self._hierarchies.values())
        self._saved = present = self._outline(hierarchies, saved.hierarchies.difference(dropped))
        parts = [each.take(whole=whole) for each in hierarchies]

        def edits() -> list[Edit]:
            outline = present.edits_since(Outline() if whole else saved, () if whole else dropped)
            return [*outline, *(edit for part in parts for edit in part.edits())]

        def give_back() -> None:
            self._saved, self._dropped = saved, dropped | self._dropped
            self._is_taken = False
            for part in parts:
                part.give_back()

        return Taken(edits, give_back)

    def settle(self, basis: Basis, taken: Taken | None = None) -> Callable[[], None]:
        """Note that a store holds what was taken (or all there is, after loading it).

        Returns:
            How to take that back.
        """
        noted = self.take() if taken is None else taken
        old, self._basis = self._basis, basis
        self._is_taken = False
        self._lock_if_read_only()

        def undo() -> None:
            noted.give_back()
            self._basis = old
            self._lock_if_read_only()

        return undo

    def _lock_if_read_only(self) -> None:
        if not self._species.rules.editable:
            reason = None if self._basis is None else read_only_reason(self._species)
            for each in self._hierarchies.values():
                each.lock(reason)

    def _check_editable(self) -> None:
        if self._basis is not None and not self._species.rules.editable:
            raise ReadOnlyError(read_only_reason(self._species))

    def define_without_map(self, definition: AspectDef) -> None:
        """Add a definition alone; for loading and for reading documents."""
        self._definitions[definition.name] = definition

    # --- the rest -------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Catalog):
            return NotImplemented
        return (
            self._global_id == other._global_id
            and self._species is other._species
            and self._version == other._version
            and self._uri == other._uri
            and self._upstream == other._upstream
            and list(self._definitions.items()) == list(other._definitions.items())
            and list(self._hierarchies) == list(other._hierarchies)
            and all(
                each.same_content(other._hierarchies[name])
                for name, each in self._hierarchies.items()
            )
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"<Catalog {self._global_id} {self._species.value} version={self._version!r} "
            f"revision={self.revision} hierarchies={list(self._hierarchies)}>"
        )


def _checked_uri(uri: str | None) -> str | None:
    return None if uri is None else check_label(uri, "uri") or None


CatalogImpl = Catalog
"""The name by which the guide calls :class:`Catalog`."""
