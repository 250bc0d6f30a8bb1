"""The floor: the bare driver's best way to do the same rows, with every payload already encoded.

CheapPy's own tables and indexes, on a connection with CheapPy's settings; but no catalog, no
revision, no conflict, nothing checked, nothing decoded.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any, ClassVar
from uuid import UUID

from benchmarks.contenders.contender import Contender
from benchmarks.data import DEFINITION, Data, Record
from benchmarks.places import Place
from cheap import Catalog
from cheap.core.codecs import codec_of
from cheap.core.sort_keys import integer_key
from cheap.db.postgres import PostgresSession
from cheap.db.schema import ASPECT, PROPERTY

Rows = list[tuple[Any, ...]]
_CATALOG = UUID(int=1).bytes
_MAP = 1
_PROPERTY = 1
_HERE = "catalog_id = {} AND hierarchy = {}"
_PAGE = 1000


class Raw(Contender):
    """What the three have in common: the rows."""

    name = "raw"
    title = "raw driver"
    marker: ClassVar[str]
    """How a bound value is written."""
    as_text: ClassVar[bool] = False
    """Whether documents are bound as text."""

    def open(self) -> None:
        self._dao = self.place.connect()
        self._session: Any = self._dao.adapter.acquire(write=True)
        self._connection = self._session.connection
        self._dialect = self._session.dialect
        mark = self.marker
        here = _HERE.format(mark, mark)
        self._load = f"SELECT entity_id, document FROM cheap_aspect WHERE {here} ORDER BY position"
        self._point = f"SELECT document FROM cheap_aspect WHERE {here} AND entity_id = {mark}"
        self._page = (
            f"SELECT entity_id, document, position FROM cheap_aspect WHERE {here}"
            f" AND position > {mark} ORDER BY position LIMIT {_PAGE}"
        )
        self._filter = (
            "SELECT a.entity_id, a.document FROM cheap_property p JOIN cheap_aspect a"
            " ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy"
            f" AND a.entity_id = p.entity_id WHERE p.catalog_id = {mark} AND p.hierarchy = {mark}"
            f" AND p.property = {mark} AND p.sort_key >= {mark} AND p.sort_key < {mark}"
        )

    def close(self) -> None:
        self._dao.adapter.release(self._session)
        self._dao.close()

    # --- rows -----------------------------------------------------------------------------

    def feed(self) -> Any:
        catalog = Catalog()
        packed = catalog.define(DEFINITION, self.data.records).packed()
        return self._prepared(self._rows(packed))

    def upsert_feed(self, records: Mapping[UUID, Record]) -> Any:
        codec = codec_of(DEFINITION)
        return self._rows({each: codec.pack(record) for each, record in records.items()})

    def _rows(self, packed: Mapping[UUID, bytes]) -> Rows:
        return [
            (_CATALOG, _MAP, i, entity.bytes, 1, 0, packed.decode() if self.as_text else packed)
            for i, (entity, packed) in enumerate(packed.items(), 1)
        ]

    def _index_rows(self) -> Rows:
        return [
            (_CATALOG, _MAP, _PROPERTY, integer_key(record["number"]), entity.bytes)
            for entity, record in self.data.records.items()
        ]

    def _prepared(self, rows: Rows) -> Any:
        """Return rows in the form in which the driver sends them fastest."""
        return rows

    def save(self, feed: Any) -> None:
        self._insert(feed)
        if self.indexed:
            self._session.insert(PROPERTY, self._index_rows())

    @abstractmethod
    def _insert(self, rows: Any) -> None: ...

    # --- reading --------------------------------------------------------------------------

    @abstractmethod
    def _query(self, statement: str, values: Sequence[Any]) -> Sequence[Any]: ...

    def load(self) -> object:
        return self._query(self._load, (_CATALOG, _MAP))

    def read(self) -> object:
        return self.load()

    def point(self, entity: UUID) -> Any:
        return self._query(self._point, (_CATALOG, _MAP, entity.bytes))

    def pages(self) -> int:
        after, found = -1, 0
        while rows := self._query(self._page, (_CATALOG, _MAP, after)):
            found += len(rows)
            after = rows[-1][2]
        return found

    def filter(self, low: int, below: int) -> int:
        keys = (integer_key(low), integer_key(below))
        return len(self._query(self._filter, (_CATALOG, _MAP, _PROPERTY, *keys)))

    # --- writing --------------------------------------------------------------------------

    def start_edits(self) -> None:
        spares = self.upsert_feed(self.data.changed(1000, seed=9))
        self._edits = {i: [row] for i, row in enumerate(spares)}
        self._numbers = count()

    def edit(self, entity: UUID, number: int) -> None:
        # One upsert: the least that an edit can cost.
        self.upsert(self._edits[next(self._numbers) % len(self._edits)])  # type: ignore[arg-type]


class SqliteRaw(Raw):
    """``executemany`` in one transaction."""

    marker = "?"
    as_text = True

    def open(self) -> None:
        super().open()
        self._add = self._dialect.insert_many(ASPECT)
        self._put = self._dialect.upsert_many(ASPECT)
        self._some = f"{self._point.rpartition('=')[0]} IN ({{}})".replace(
            "SELECT document", "SELECT entity_id, document"
        )

    def _insert(self, rows: Any) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(self._add, rows)
        self._connection.execute("COMMIT")

    def _query(self, statement: str, values: Sequence[Any]) -> Sequence[Any]:
        return self._connection.execute(statement, values).fetchall()  # type: ignore[no-any-return]

    def some(self, entities: Collection[UUID]) -> Any:
        marks = ",".join("?" * len(entities))
        values = (_CATALOG, _MAP, *(each.bytes for each in entities))
        return self._query(self._some.format(marks), values)

    def upsert(self, records: Any) -> None:
        if len(records) == 1:
            self._connection.execute(self._put, records[0])
        else:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(self._put, records)
            self._connection.execute("COMMIT")


class PostgresRaw(Raw):
    """Binary ``COPY`` of a buffer that is packed beforehand; arrays through ``unnest``."""

    marker = "%s"

    def open(self) -> None:
        super().open()
        self._cursor = self._connection.cursor(binary=True)
        self._some = self._point.replace("SELECT document", "SELECT entity_id, document").replace(
            "entity_id = %s", "entity_id = ANY(%s)"
        )
        names = ", ".join(f"%({name})s" for name in ASPECT.names)
        self._put = f"{self._dialect.insert_into(ASPECT)} VALUES ({names}){self._on_conflict()}"

    def _on_conflict(self) -> str:
        return " " + str(self._dialect.on_conflict(ASPECT))

    def _prepared(self, rows: Rows) -> Any:
        buffers: list[bytes] = []
        copied = _Copied(buffers)
        PostgresSession.insert(copied, ASPECT, rows)  # type: ignore[arg-type]
        return buffers

    def _insert(self, rows: Any) -> None:
        with self._cursor.copy(self._dialect.copy_many(ASPECT)) as copy:
            for each in rows:
                copy.write(each)
