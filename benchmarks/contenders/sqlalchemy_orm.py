"""SQLAlchemy's ORM on a typed table: objects in, objects out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.typed_table import Reading, make_tables
from benchmarks.data import NAMES, Record
from benchmarks.places import engine_of

_PAGE = 1000
_ALL = select(Reading)


class Orm(Contender):
    """One session for each task; nothing expires at a commit."""

    name = "orm"
    title = "SQLAlchemy ORM"

    def open(self) -> None:
        self._engine = engine_of(self.place)
        make_tables(self._engine, indexed=self.indexed)
        self._editing: Session | None = None

    def close(self) -> None:
        if self._editing is not None:
            self._editing.close()
        self._engine.dispose()

    def _session(self) -> Session:
        return Session(self._engine, expire_on_commit=False)

    def save(self, feed: Any) -> None:
        with self._session() as session:
            session.add_all(_objects(feed))
            session.commit()

    def load(self) -> object:
        with self._session() as session:
            return session.scalars(_ALL).all()

    def read(self) -> object:
        return self.read_names()  # an object has no other way

    def read_names(self) -> object:
        objects: Any = self.load()
        for each in objects:
            for name in NAMES:
                getattr(each, name)
        return objects

    def point(self, entity: UUID) -> Any:
        with self._session() as session:
            found = session.get_one(Reading, entity)
            return [getattr(found, name) for name in NAMES]

    def some(self, entities: Collection[UUID]) -> Any:
        with self._session() as session:
            found = session.scalars(_ALL.where(Reading.entity_id.in_(entities)))
            return [[getattr(each, name) for name in NAMES] for each in found]

    def upsert(self, records: Mapping[UUID, Record]) -> None:
        with self._session() as session:
            if len(records) == 1:
                session.merge(*_objects(records))
            else:
                known = {
                    each.entity_id: each
                    for each in session.scalars(_ALL.where(Reading.entity_id.in_(records)))
                }
                for entity, record in records.items():
                    if entity in known:
                        for name, value in record.items():
                            setattr(known[entity], name, value)
                    else:
                        session.add(Reading(entity_id=entity, **record))
            session.commit()

    def start_edits(self) -> None:
        self._editing = self._session()
        objects = self._editing.scalars(_ALL).all()
        self._objects = {each.entity_id: each for each in objects}

    def edit(self, feed: Any) -> None:
        entity, number = feed
        assert self._editing is not None
        self._objects[entity].number = number
        self._editing.commit()

    def pages(self) -> int:
        found = 0
        statement = _ALL.order_by(Reading.entity_id).limit(_PAGE)
        with self._session() as session:
            while objects := session.scalars(statement).all():
                found += len(objects)
                after = Reading.entity_id > objects[-1].entity_id
                statement = _ALL.where(after).order_by(Reading.entity_id).limit(_PAGE)
        return found

    def filter(self, low: int, below: int) -> int:
        with self._session() as session:
            found = session.scalars(_ALL.where(Reading.number >= low, Reading.number < below))
            return sum(1 for each in found if [getattr(each, name) for name in NAMES])


def _objects(records: Mapping[UUID, Record]) -> list[Reading]:
    return [Reading(entity_id=entity, **record) for entity, record in records.items()]
