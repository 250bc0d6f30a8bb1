"""The few words in which the databases differ. Pure text: no driver, no connection.

Statements are written once, with ``:name`` for a bound value, and translated. Names of catalogs,
hierarchies, properties and keys are always bound values and never part of a statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import msgspec

from cheap.db.schema import Index, Kind, Table

_MARK = re.compile(r"(?<!:):([a-z_]+)")
_ARRAY = re.compile(r"(?<=\))s(?=::[a-z]+\[\])")


class Dialect:
    """How one database says things; a subclass overrides only what it says otherwise."""

    name: ClassVar[str]
    types: ClassVar[Mapping[Kind, str]]
    table_suffix: ClassVar[str] = ""
    documents_are_text: ClassVar[bool] = False
    """Whether a document is bound as text; else as its UTF-8 bytes."""

    def says(self, statement: str) -> str:
        """Translate a statement's ``:name`` markers into the driver's."""
        return _MARK.sub(r"%(\1)s", statement.replace("%", "%%"))

    def any_of(self, column: str, parameter: str) -> str:
        """Return the condition that a 16-byte column equals one of a list, given as one value."""
        raise NotImplementedError

    def any_name(self, column: str, parameter: str) -> str:
        """Return the condition that a text column equals one of a list, given as one value."""
        raise NotImplementedError

    def by_index(self, name: str) -> str:
        """Return what a SELECT says behind a table's name to go by an index of it.

        For a planner that guesses wrong how many values a list parameter holds.
        """
        return ""

    def not_by_index(self, column: str) -> str:
        """Return a column in a way that keeps the planner from choosing an index for it."""
        return column

    def after(self, columns: tuple[str, ...]) -> str:
        """Return the condition that a row comes behind the bound values of the same names."""
        return f"({', '.join(columns)}) > ({', '.join(':' + _bare(c) for c in columns)})"

    def pack_ids(self, ids: list[bytes]) -> object:
        """Return a list of 16-byte values as the one value that ``any_of`` wants."""
        return ids

    def pack_names(self, names: list[str]) -> object:
        """Return a list of texts as the one value that ``any_name`` wants."""
        return names

    def create(self, table: Table) -> list[str]:
        """Return the statements that create a table and its indexes, if they are not there."""
        columns = [
            f"{column.name} {self.types[column.kind]}{'' if column.null else ' NOT NULL'}"
            for column in table.columns
        ]
        body = ",\n    ".join([*columns, f"PRIMARY KEY ({', '.join(table.key)})"])
        return [
            f"CREATE TABLE IF NOT EXISTS {table.name} (\n    {body}\n){self.table_suffix}",
            *(self.create_index(table, index) for index in table.indexes),
        ]

    def create_index(self, table: Table, index: Index) -> str:
        """Return the statement that creates an index, if it is not there."""
        unique = "UNIQUE " if index.unique else ""
        columns = ", ".join(index.columns)
        return f"CREATE {unique}INDEX IF NOT EXISTS {index.name} ON {table.name} ({columns})"

    def insert_into(self, table: Table) -> str:
        """Return the beginning of an INSERT."""
        return f"INSERT INTO {table.name} ({', '.join(table.names)})"

    def on_conflict(self, table: Table) -> str:
        """Return the end of an INSERT whose rows take the place of those that are there."""
        keep = {*table.replaces, *table.keeps}
        changed = [name for name in table.names if name not in keep]
        target = f"ON CONFLICT ({', '.join(table.replaces)})"
        if not changed:
            return f"{target} DO NOTHING"
        return f"{target} DO UPDATE SET " + ", ".join(f"{c} = excluded.{c}" for c in changed)

    def insert_many(self, table: Table) -> str:
        """Return the statement by which the adapter writes many new rows."""
        raise NotImplementedError

    def upsert_many(self, table: Table) -> str:
        """Return the statement by which the adapter writes many rows, new or not."""
        return f"{self.insert_many(table)}\n{self.on_conflict(table)}"


def _bare(column: str) -> str:
    """The name of a column without its table."""
    return column.rpartition(".")[2]


class SqliteDialect(Dialect):
    """SQLite: named markers as they are, lists cut out of one value."""

    name = "sqlite"
    types: ClassVar[Mapping[Kind, str]] = {
        Kind.ID: "BLOB",
        Kind.ITEM: "BLOB",
        Kind.NUMBER: "INTEGER",
        Kind.NAME: "TEXT",
        Kind.TEXT: "TEXT",
        Kind.DOCUMENT: "TEXT",
        Kind.KEY: "BLOB",
        Kind.DATA: "BLOB",
    }
    documents_are_text = True  # bound bytes would make a BLOB, which its JSON functions refuse
    # Rows lie in the order of the key, and the key is not stored twice.
    table_suffix = " WITHOUT ROWID"

    def says(self, statement: str) -> str:
        return statement

    def any_of(self, column: str, parameter: str) -> str:
        # JSON cannot hold bytes, so the ids come joined in one blob and are cut out by place.
        return (
            f"{column} IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut"
            f" WHERE (i + 2) * 16 <= length({parameter}))"
            f" SELECT substr({parameter}, i * 16 + 1, 16) FROM cut)"
        )

    def by_index(self, name: str) -> str:
        return f" INDEXED BY {name}"

    def not_by_index(self, column: str) -> str:
        return f"+{column}"

    def any_name(self, column: str, parameter: str) -> str:
        return f"{column} IN (SELECT value FROM json_each({parameter}))"

    def pack_ids(self, ids: list[bytes]) -> object:
        return b"".join(ids)

    def pack_names(self, names: list[str]) -> object:
        return msgspec.json.encode(names).decode()

    def insert_many(self, table: Table) -> str:
        # So a document can be bound as the bytes it is; a text would be decoded and encoded again.
        marks = ("CAST(? AS TEXT)" if c.kind is Kind.DOCUMENT else "?" for c in table.columns)
        return f"{self.insert_into(table)} VALUES ({', '.join(marks)})"


class PostgresDialect(Dialect):
    """PostgreSQL: lists are arrays, many rows are one array a column."""

    name = "postgres"
    types: ClassVar[Mapping[Kind, str]] = {
        Kind.ID: "bytea",
        Kind.ITEM: "bytea",
        Kind.NUMBER: "bigint",
        Kind.NAME: 'text COLLATE "C"',
        Kind.TEXT: 'text COLLATE "C"',
        Kind.DOCUMENT: "json",
        Kind.KEY: "bytea",
        Kind.DATA: "bytea",
    }
    arrays: ClassVar[Mapping[Kind, str]] = {
        Kind.ID: "bytea[]",
        Kind.ITEM: "bytea[]",
        Kind.NUMBER: "bigint[]",
        Kind.NAME: "text[]",
        Kind.TEXT: "text[]",
        Kind.DOCUMENT: "text[]",
        Kind.KEY: "bytea[]",
        Kind.DATA: "bytea[]",
    }

    def says(self, statement: str) -> str:
        # Arrays travel in binary form: as text, bytes take twice the room and 5 times the time,
        # and depend on the server's standard_conforming_strings.
        return _ARRAY.sub("b", super().says(statement))

    def any_of(self, column: str, parameter: str) -> str:
        return f"{column} = ANY({parameter}::bytea[])"

    def any_name(self, column: str, parameter: str) -> str:
        return f"{column} = ANY({parameter}::text[])"

    def insert_many(self, table: Table) -> str:
        given = ", ".join(
            f"unnest(%({column.name})b::{self.arrays[column.kind]})"
            + ("::json" if column.kind is Kind.DOCUMENT else "")
            for column in table.columns
        )
        return f"{self.insert_into(table)} SELECT {given}"

    def copy_many(self, table: Table) -> str:
        """Return the statement by which very many new rows are written."""
        return f"COPY {table.name} ({', '.join(table.names)}) FROM STDIN (FORMAT BINARY)"


class MariaDbDialect(Dialect):
    """MariaDB: bytewise collation, lists and rows written out by the driver's own quoting."""

    name = "mariadb"
    types: ClassVar[Mapping[Kind, str]] = {
        Kind.ID: "BINARY(16)",
        Kind.ITEM: "BINARY(16)",
        Kind.NUMBER: "BIGINT",
        Kind.NAME: "VARCHAR(255)",
        Kind.TEXT: "LONGTEXT",
        Kind.DOCUMENT: "LONGTEXT",
        Kind.KEY: "VARBINARY(300)",
        Kind.DATA: "LONGBLOB",
    }
    # 'a' and 'A', 'x' and 'x ' are different names; four-byte characters are kept.
    table_suffix = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin"

    def any_of(self, column: str, parameter: str) -> str:
        return f"{column} IN {parameter}"

    any_name = any_of

    def by_index(self, name: str) -> str:
        return f" FORCE INDEX ({name})"

    def after(self, columns: tuple[str, ...]) -> str:
        # MariaDB finds no range for row values; it does for the same thing spelt out.
        cases = [
            " AND ".join(
                [f"{c} = :{_bare(c)}" for c in columns[:i]]
                + [f"{columns[i]} > :{_bare(columns[i])}"]
            )
            for i in range(len(columns))
        ]
        return "(" + " OR ".join(f"({case})" for case in cases) + ")"

    def insert_many(self, table: Table) -> str:
        return f"{self.insert_into(table)} VALUES"

    def on_conflict(self, table: Table) -> str:
        keep = {*table.replaces, *table.keeps}
        changed = [name for name in table.names if name not in keep]
        # Something must be assigned; a key column to itself changes nothing.
        changed = changed or [table.replaces[0]]
        return "ON DUPLICATE KEY UPDATE " + ", ".join(f"{c} = VALUES({c})" for c in changed)
