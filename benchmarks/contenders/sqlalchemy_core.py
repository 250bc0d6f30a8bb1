"""SQLAlchemy Core on a typed table: rows in, rows out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Insert, insert, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.typed_table import COLUMNS, TABLE, make_tables
from benchmarks.data import NAMES, Record
from benchmarks.places import engine_of

_PAGE = 1000
_ALL = select(TABLE)


class Core(Contender):
    """Dicts to rows with ``insert``; rows as named tuples back."""

    name = "core"
    title = "SQLAlchemy Core"

    def open(self) -> None:
        self._engine = engine_of(self.place)
        make_tables(self._engine, indexed=self.indexed)
        self._upsert = upsert_into(self.place.backend)

    def close(self) -> None:
        self._engine.dispose()

    def save(self, feed: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(TABLE), _rows(feed))

    def load(self) -> object:
        with self._engine.connect() as connection:
            return connection.execute(_ALL).all()

    def read(self) -> object:
        rows: Any = self.load()
        for row in rows:
            for _ in row:
                pass
        return rows

    def read_names(self) -> object:
        rows: Any = self.load()
        for row in rows:
            for name in NAMES:
                getattr(row, name)
        return rows

    def point(self, entity: UUID) -> Any:
        with self._engine.connect() as connection:
            row = connection.execute(_ALL.where(TABLE.c.entity_id == entity)).one()
            return [getattr(row, name) for name in NAMES]

    def some(self, entities: Collection[UUID]) -> Any:
        with self._engine.connect() as connection:
            rows = connection.execute(_ALL.where(TABLE.c.entity_id.in_(entities)))
            return [[getattr(row, name) for name in NAMES] for row in rows]

    def upsert(self, records: Mapping[UUID, Record]) -> None:
        with self._engine.begin() as connection:
            connection.execute(self._upsert, _rows(records))

    def start_edits(self) -> None:
        pass

    def edit(self, feed: Any) -> None:
        entity, number = feed
        with self._engine.begin() as connection:
            connection.execute(
                update(TABLE).where(TABLE.c.entity_id == entity).values(number=number)
            )

    def pages(self) -> int:
        found = 0
        statement = _ALL.order_by(TABLE.c.entity_id).limit(_PAGE)
        with self._engine.connect() as connection:
            while rows := connection.execute(statement).all():
                found += len(rows)
                statement = (
                    _ALL.where(TABLE.c.entity_id > rows[-1].entity_id)
                    .order_by(TABLE.c.entity_id)
                    .limit(_PAGE)
                )
        return found

    def filter(self, low: int, below: int) -> int:
        number = TABLE.c.number
        with self._engine.connect() as connection:
            rows = connection.execute(_ALL.where(number >= low, number < below))
            return sum(1 for row in rows if [getattr(row, name) for name in NAMES])


def _rows(records: Mapping[UUID, Record]) -> list[Record]:
    return [{"entity_id": entity, **record} for entity, record in records.items()]


def upsert_into(backend: str) -> Insert:
    """Return the statement that writes a record that may be there already."""
    names = [name for name in COLUMNS if name != "entity_id"]
    if backend == "mariadb":
        mine = mysql.insert(TABLE)
        return mine.on_duplicate_key_update({name: mine.inserted[name] for name in names})
    make = sqlite.insert if backend == "sqlite" else postgresql.insert
    made = make(TABLE)
    return made.on_conflict_do_update(
        index_elements=["entity_id"], set_={name: made.excluded[name] for name in names}
    )
