"""The floor: the bare driver's best way to do the same rows, with every payload already encoded.

CheapPy's own tables and indexes, on a connection with CheapPy's settings; but no catalog, no
revision, no conflict, nothing checked, nothing decoded.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from benchmarks.contenders.contender import Contender
from benchmarks.data import DEFINITION, Record
from cheap import Catalog
from cheap.core.codecs import codec_of
from cheap.core.sort_keys import integer_key
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

    def open(self) -> None:
        self._dao = self.place.connect()
        session: Any = self._dao.adapter.acquire(write=True)
        self._session = session
        self._connection = session.connection
        self._dialect = session.dialect
        self._positions = itertools.count(1)
        self._revisions = itertools.count(2)
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
        return self._rows(packed)

    def upsert_feed(self, records: Mapping[UUID, Record]) -> Any:
        codec = codec_of(DEFINITION)
        packed = {each: codec.pack(record) for each, record in records.items()}
        # The row that CheapPy would write: another revision, so that its index changes too.
        return self._rows(packed, next(self._revisions))

    def _rows(self, packed: Mapping[UUID, bytes], revision: int = 1) -> Rows:
        return [
            (_CATALOG, _MAP, position, entity.bytes, revision, 0, document.decode())
            for (entity, document), position in zip(packed.items(), self._positions, strict=False)
        ]

    def _index_rows(self) -> Rows:
        return [
            (_CATALOG, _MAP, _PROPERTY, integer_key(record["number"]), entity.bytes)
            for entity, record in self.data.records.items()
        ]

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

    def read_names(self) -> object:
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
        pass

    def edit_feed(self, entity: UUID, number: int) -> Any:
        return self.upsert_feed({entity: self.data.records[entity] | {"number": number}})

    def edit(self, feed: Any) -> None:
        self.upsert(feed)  # the least that an edit can cost


class SqliteRaw(Raw):
    """``executemany`` in one transaction."""

    marker = "?"

    def open(self) -> None:
        super().open()
        self._add = self._dialect.insert_many(ASPECT)
        self._put = self._dialect.upsert_many(ASPECT)
        self._some = self._point.replace(
            "document FROM cheap_aspect",
            "entity_id, document FROM cheap_aspect INDEXED BY cheap_aspect_entity",
        ).replace("entity_id = ?", "entity_id IN ({})")

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
    """Binary ``COPY``, row by row (a buffer packed beforehand is no faster); arrays to upsert."""

    marker = "%s"

    def open(self) -> None:
        super().open()
        self._cursor = self._connection.cursor(binary=True)
        self._some = self._point.replace("SELECT document", "SELECT entity_id, document").replace(
            "entity_id = %s", "entity_id = ANY(%s)"
        )
        marks = ", ".join(["%s"] * len(ASPECT.columns))
        end = self._dialect.on_conflict(ASPECT)
        self._put = f"{self._dialect.insert_into(ASPECT)} VALUES ({marks}) {end}"
        self._put_many = self._dialect.upsert_many(ASPECT)

    def _insert(self, rows: Any) -> None:
        with self._cursor.copy(self._dialect.copy_many(ASPECT)) as copy:
            copy.set_types(("bytea", "int8", "int8", "bytea", "int8", "int8", "text"))
            for row in rows:
                copy.write_row(row)

    def _query(self, statement: str, values: Sequence[Any]) -> Sequence[Any]:
        return self._cursor.execute(statement, values).fetchall()  # type: ignore[no-any-return]

    def some(self, entities: Collection[UUID]) -> Any:
        return self._query(self._some, (_CATALOG, _MAP, [each.bytes for each in entities]))

    def upsert(self, records: Any) -> None:
        if len(records) == 1:
            self._cursor.execute(self._put, records[0])
        else:
            columns = map(list, zip(*records, strict=True))
            self._cursor.execute(
                self._put_many, dict(zip(ASPECT.names, columns, strict=True)), prepare=False
            )


class MariaDbRaw(Raw):
    """Multi-row ``INSERT`` of about 1 MB, quoted by hand: the driver's own quoting takes longer."""

    marker = "{}"

    def open(self) -> None:
        super().open()
        self._cursor = self._connection.cursor()
        self._add = self._dialect.insert_many(ASPECT)
        self._end = " " + self._dialect.on_conflict(ASPECT)
        self._some = self._point.replace("SELECT document", "SELECT entity_id, document").replace(
            "entity_id = {}", "entity_id IN ({})"
        )

    def _insert(self, rows: Any) -> None:
        self._cursor.execute("START TRANSACTION")
        self._send(rows, "")
        self._cursor.execute("COMMIT")

    def _send(self, rows: Any, end: str) -> None:
        batch: list[str] = []
        size = 0
        for catalog, number, position, entity, revision, pieces, document in rows:
            # JSON has no character that needs quoting but these two.
            text = document.replace("\\", "\\\\").replace("'", "''")
            values = (
                f"(x'{catalog.hex()}',{number},{position},x'{entity.hex()}',"
                f"{revision},{pieces},'{text}')"
            )
            batch.append(values)
            size += len(values)
            if size > 1 << 20:
                self._cursor.execute(f"{self._add} {','.join(batch)}{end}")
                batch, size = [], 0
        if batch:
            self._cursor.execute(f"{self._add} {','.join(batch)}{end}")

    def _query(self, statement: str, values: Sequence[Any]) -> Sequence[Any]:
        self._cursor.execute(statement.format(*map(_quoted, values)))
        return self._cursor.fetchall()  # type: ignore[no-any-return]

    def some(self, entities: Collection[UUID]) -> Any:
        ids = ",".join(f"x'{each.hex}'" for each in entities)
        return self._query(self._some, (_CATALOG, _MAP, ids))

    def upsert(self, records: Any) -> None:
        self._send(records, self._end)  # one statement, which commits itself


def _quoted(value: Any) -> str:
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return str(value)


RAW = {"sqlite": SqliteRaw, "postgres": PostgresRaw, "mariadb": MariaDbRaw}
