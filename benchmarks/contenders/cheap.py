"""CheapPy, through the doors that its users have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from benchmarks.contenders.contender import Contender
from benchmarks.data import DEFINITION, NAMES, Record
from cheap import Catalog
from cheap.core import AspectMap, field, new_id
from cheap.core.edits import PutAspects


class Cheap(Contender):
    """A catalog: saved from Python values, loaded, edited, and read through the contract."""

    name = "cheap"
    title = "CheapPy"

    def open(self) -> None:
        self._dao = self.place.connect()
        ids = self._dao.list_catalog_ids()
        self._id = ids[0] if ids else new_id()

    def close(self) -> None:
        self._dao.close()

    def save(self, feed: Any) -> None:
        catalog = Catalog(global_id=self._id)
        catalog.define(DEFINITION, feed, indexes=["number"] if self.indexed else ())
        self._dao.save_catalog(catalog)

    def load(self) -> object:
        return self._dao.load_catalog(self._id)

    def read(self) -> object:
        catalog = self._dao.load_catalog(self._id)
        for aspect in catalog.aspect_map(DEFINITION.name).values():
            for _ in aspect.values():
                pass
        return catalog

    def read_names(self) -> object:
        catalog = self._dao.load_catalog(self._id)
        for aspect in catalog.aspect_map(DEFINITION.name).values():
            for name in NAMES:
                aspect[name]
        return catalog

    def point(self, entity: UUID) -> Any:
        aspect = self._dao.get_aspects(self._id, DEFINITION.name, [entity])[entity]
        return [*aspect.values()]

    def some(self, entities: Collection[UUID]) -> Any:
        found = self._dao.get_aspects(self._id, DEFINITION.name, entities)
        return [[*aspect.values()] for aspect in found.values()]

    def upsert(self, records: Mapping[UUID, Record]) -> None:
        self._dao.commit(self._id, [PutAspects(DEFINITION.name, records)])

    def start_edits(self) -> None:
        self._catalog = self._dao.load_catalog(self._id)
        self._map: AspectMap = self._catalog.aspect_map(DEFINITION.name)

    def edit(self, feed: Any) -> None:
        entity, number = feed
        self._map[entity]["number"] = number
        self._dao.save_catalog(self._catalog)

    def pages(self) -> int:
        entries = self._dao.iter_hierarchy(self._id, DEFINITION.name, page_size=1000)
        return sum(1 for _ in entries)

    def find_pages(self) -> int:
        aspects = self._dao.iter_aspects(self._id, DEFINITION.name, page_size=1000)
        return sum(1 for _ in aspects)

    def filter(self, low: int, below: int) -> int:
        number = field("number")
        found = self._dao.find_aspects(
            self._id, DEFINITION.name, (number >= low) & (number < below), limit=1000
        )
        return sum(1 for aspect in found.items if [*aspect.values()])


class CheapBuilt(Cheap):
    """A catalog that was built before the clock starts: saving alone."""

    name = "cheap_built"
    title = "CheapPy, catalog built"

    def feed(self) -> Any:
        catalog = Catalog(global_id=self._id)
        catalog.define(DEFINITION, self.data.records)
        return catalog

    def save(self, feed: Any) -> None:
        self._dao.save_catalog(feed)
