"""The layout of the Java original: one row for each value of a property, as text.

Its three tables of content, with its keys and indexes, but without its foreign keys, with ids of 16
bytes, and with rows written in bulk as CheapPy writes its own. So what differs is the layout alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from benchmarks.contenders.contender import Contender
from benchmarks.data import DEFINITION, NAMES, Record
from cheap.core.names import id_from_bytes
from cheap.db.adapter import Adapter, Session
from cheap.db.schema import Column, Index, Kind, Table

_CATALOG: Final = UUID(int=1).bytes
_DEF: Final = DEFINITION.id.bytes
_PAGE: Final = 1000

_ASPECT: Final = Table(
    "aspect",
    (
        Column("entity_id", Kind.ID),
        Column("aspect_def_id", Kind.ID),
        Column("catalog_id", Kind.ID),
        Column("hierarchy_name", Kind.NAME),
    ),
    key=("entity_id", "aspect_def_id", "catalog_id"),
    indexes=(Index("idx_aspect_hierarchy_name", ("hierarchy_name",)),),
    replaces=("entity_id", "aspect_def_id", "catalog_id"),
)
_MAP: Final = Table(
    "hierarchy_aspect_map",
    (
        Column("catalog_id", Kind.ID),
        Column("hierarchy_name", Kind.NAME),
        Column("entity_id", Kind.ID),
        Column("aspect_def_id", Kind.ID),
        Column("map_order", Kind.NUMBER),
    ),
    key=("catalog_id", "hierarchy_name", "entity_id"),
    indexes=(Index("idx_hierarchy_aspect_map_name", ("hierarchy_name",)),),
    replaces=("catalog_id", "hierarchy_name", "entity_id"),
    keeps=("map_order",),
)
_VALUE: Final = Table(
    "property_value",
    (
        Column("entity_id", Kind.ID),
        Column("aspect_def_id", Kind.ID),
        Column("catalog_id", Kind.ID),
        Column("property_name", Kind.NAME),
        Column("property_index", Kind.NUMBER),
        Column("value_index", Kind.NUMBER),
        Column("value_text", Kind.TEXT, null=True),
        Column("value_binary", Kind.DATA, null=True),
    ),
    key=("entity_id", "aspect_def_id", "catalog_id", "property_name", "value_index"),
    indexes=(Index("idx_property_value_name", ("property_name",)),),
    replaces=("entity_id", "aspect_def_id", "catalog_id", "property_name", "value_index"),
    keeps=("property_index",),
)
# Beside those on names, which all three databases have.
_MORE: Final = tuple(
    (table, Index(f"idx_{table.name}_{column}", (column,)))
    for table, columns in (
        (_ASPECT, ("entity_id", "aspect_def_id", "catalog_id")),
        (_MAP, ("catalog_id", "entity_id", "aspect_def_id")),
        (_VALUE, ("entity_id", "aspect_def_id", "catalog_id")),
    )
    for column in columns
)

_READ: Final[dict[str, Callable[[str], Any]]] = {
    "number": int,
    "ratio": float,
    "flag": lambda text: text == "true",
    "name": str,
    "text": str,
    "amount": Decimal,
    "moment": datetime.fromisoformat,
    "key": UUID,
    "tags": str,
}


class PropertyRows(Contender):
    """A row a value."""

    name = "rows"
    title = "a row a value"

    def open(self) -> None:
        self._dao = self.place.connect()
        self._adapter: Adapter = self._dao.adapter
        dialect = self._adapter.dialect
        indexes = () if self.place.backend == "mariadb" else _MORE  # optional there
        with self._adapter.session(write=True) as session:
            for table in (_ASPECT, _MAP, _VALUE):
                session.statements.inserts[table.name] = dialect.insert_many(table)
                session.statements.upserts[table.name] = dialect.upsert_many(table)
                for statement in dialect.create(table):
                    # SQLite: ordinary tables, as the original's.
                    session.run(statement.removesuffix(" WITHOUT ROWID"), {})
            for table, index in indexes:
                session.run(dialect.create_index(table, index), {})
        one = "entity_id = :entity AND aspect_def_id = :def AND catalog_id = :catalog"
        columns = "entity_id, property_name, value_index, value_text, value_binary"
        value = f"SELECT {columns} FROM property_value WHERE"
        here = "catalog_id = :catalog AND hierarchy_name = :name"
        ids = f"SELECT entity_id FROM hierarchy_aspect_map WHERE {here}"
        self._all = dialect.says(f"{value} catalog_id = :catalog AND aspect_def_id = :def")
        self._ids = dialect.says(f"{ids} ORDER BY map_order")
        self._page = dialect.says(f"{ids} AND entity_id > :after ORDER BY entity_id LIMIT {_PAGE}")
        self._one = dialect.says(f"{value} {one}")
        self._some = dialect.says(
            f"{value} {dialect.any_of('entity_id', ':ids')}"
            " AND aspect_def_id = :def AND catalog_id = :catalog"
        )
        self._set = dialect.says(
            f"UPDATE property_value SET value_text = :text WHERE {one}"
            " AND property_name = :property AND value_index = 0"
        )
        number = "SIGNED" if self.place.backend == "mariadb" else "BIGINT"
        self._found = dialect.says(
            "SELECT entity_id FROM property_value WHERE catalog_id = :catalog"
            " AND aspect_def_id = :def AND property_name = :property"
            f" AND CAST(value_text AS {number}) >= :low AND CAST(value_text AS {number}) < :below"
        )
        self._here = {"catalog": _CATALOG, "def": _DEF}
        self._map = {"catalog": _CATALOG, "name": DEFINITION.name}

    def close(self) -> None:
        self._dao.close()

    # --- writing --------------------------------------------------------------------------

    def save(self, feed: Any) -> None:
        with self._adapter.transaction(write=True) as session:
            session.insert(_ASPECT, [_aspect_row(entity) for entity in feed])
            session.insert(_MAP, [_map_row(entity, i) for i, entity in enumerate(feed)])
            session.insert(_VALUE, list(_value_rows(feed)))

    def upsert(self, records: Mapping[UUID, Record]) -> None:
        with self._adapter.transaction(write=True) as session:
            session.upsert(_ASPECT, [_aspect_row(entity) for entity in records])
            session.upsert(_MAP, [_map_row(entity, i) for i, entity in enumerate(records)])
            session.upsert(_VALUE, list(_value_rows(records)))

    def start_edits(self) -> None:
        pass

    def edit(self, feed: Any) -> None:
        entity, number = feed
        text = {"text": str(number), "property": "number"}
        with self._adapter.transaction(write=True) as session:
            session.run(self._set, {**self._here, "entity": entity.bytes, **text})

    # --- reading --------------------------------------------------------------------------

    def load(self) -> object:
        with self._adapter.session() as session:
            order = session.rows(self._ids, self._map)
            records = _records(session.rows(self._all, self._here))
        return {id_from_bytes(entity): records[entity] for (entity,) in order}

    def read(self) -> object:
        records: Any = self.load()
        for record in records.values():
            for _ in record.values():
                pass
        return records

    def read_names(self) -> object:
        records: Any = self.load()
        for record in records.values():
            for name in NAMES:
                record[name]
        return records

    def point(self, entity: UUID) -> Any:
        with self._adapter.session() as session:
            rows = session.rows(self._one, {**self._here, "entity": entity.bytes})
        record = _records(rows)[entity.bytes]
        return [record[name] for name in NAMES]

    def some(self, entities: Collection[UUID]) -> Any:
        with self._adapter.session() as session:
            found = self._read_some(session, [each.bytes for each in entities])
        return [[record[name] for name in NAMES] for record in found.values()]

    def _read_some(self, session: Session, ids: list[bytes]) -> dict[bytes, Record]:
        packed = session.dialect.pack_ids(ids)
        return _records(session.rows(self._some, {**self._here, "ids": packed}))

    def pages(self) -> int:
        found, after = 0, b""
        with self._adapter.session() as session:
            while rows := session.rows(self._page, {**self._map, "after": after}):
                found += len(self._read_some(session, [row[0] for row in rows]))
                after = rows[-1][0]
        return found

    def filter(self, low: int, below: int) -> int:
        bounds = {"property": "number", "low": low, "below": below}
        with self._adapter.session() as session:
            rows = session.rows(self._found, {**self._here, **bounds})
            found = self._read_some(session, [row[0] for row in rows])
        return sum(1 for record in found.values() if [record[name] for name in NAMES])


# --- rows -----------------------------------------------------------------------------------


def _aspect_row(entity: UUID) -> tuple[Any, ...]:
    return (entity.bytes, _DEF, _CATALOG, DEFINITION.name)


def _map_row(entity: UUID, order: int) -> tuple[Any, ...]:
    return (_CATALOG, DEFINITION.name, entity.bytes, _DEF, order)


def _value_rows(records: Mapping[UUID, Record]) -> Iterable[tuple[Any, ...]]:
    for entity, record in records.items():
        key = entity.bytes
        for i, (name, value) in enumerate(record.items()):
            if value.__class__ is list:
                for j, each in enumerate(value):
                    yield key, _DEF, _CATALOG, name, i, j, each, None
            elif value.__class__ is bytes:
                yield key, _DEF, _CATALOG, name, i, 0, None, value
            else:
                yield key, _DEF, _CATALOG, name, i, 0, _text(value), None


def _text(value: Any) -> str:
    if value.__class__ is bool:
        return "true" if value else "false"
    return str(value)


def _records(rows: Iterable[tuple[Any, ...]]) -> dict[bytes, Record]:
    """Gather values, in whatever order they come, into typed records."""
    found: dict[bytes, Record] = {}
    for entity, name, i, text, binary in rows:
        record = found.get(entity)
        if record is None:
            record = found[entity] = {}
        if name.__class__ is bytes:  # SQLite gives text as its bytes
            name, text = name.decode(), None if text is None else text.decode()
        if binary is not None:
            record[name] = binary
        elif name == "tags":
            record.setdefault(name, {})[i] = text
        else:
            record[name] = _READ[name](text)
    for record in found.values():
        tags = record["tags"]
        record["tags"] = [tags[i] for i in sorted(tags)]
    return found
