"""What each database is told: ``tests/sql/*.sql`` hold every statement, for a reader to see.

``GOLDEN=write scripts/test --fast tests/test_golden_sql.py`` writes them anew.
"""

from __future__ import annotations

import os
import re
import sqlite3
from inspect import cleandoc
from pathlib import Path

import pytest

from cheap.db.dialect import Dialect, MariaDbDialect, PostgresDialect, SqliteDialect
from cheap.db.schema import DESK, TABLES
from cheap.db.statements import Statements

FOLDER = Path(__file__).parent / "sql"
DIALECTS: list[Dialect] = [SqliteDialect(), PostgresDialect(), MariaDbDialect()]
HEAD = """\
-- What {name} is told. Written by tests/test_golden_sql.py (GOLDEN=write), not by hand, and held
-- against the code in every run of the tests.
"""


def golden(dialect: Dialect) -> str:
    statements: dict[str, str] = {}
    for table in TABLES:
        for i, statement in enumerate(dialect.create(table)):
            statements[f"create {table.name}" + (f", index {i}" if i else "")] = statement
    statements |= Statements(dialect).rendered()
    if isinstance(dialect, PostgresDialect):
        statements |= {f"copies[{table.name}]": dialect.copy_many(table) for table in TABLES}
    parts = [f"-- {name}\n{cleandoc(text)};\n" for name, text in statements.items()]
    text = "\n".join([HEAD.format(name=dialect.name), *parts])
    return "\n".join(line.rstrip() for line in text.split("\n"))


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
def test_golden(dialect: Dialect) -> None:
    path = FOLDER / f"{dialect.name}.sql"
    said = golden(dialect)
    if os.environ.get("GOLDEN") == "write":
        path.write_text(said)
    assert said == path.read_text(), (
        f"{path.name} is old: look at the difference, then GOLDEN=write"
    )


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
def test_every_key_begins_with_the_catalog(dialect: Dialect) -> None:
    """So that a cluster can be cut by catalog; the notes of servers are of no catalog."""
    for table in TABLES:
        if table.name == "cheap_store" or table in DESK:
            continue
        for columns in (table.key, table.replaces, *(each.columns for each in table.indexes)):
            assert columns[0] == "catalog_id", (table.name, columns)


class Nulls(dict[str, None]):
    """A null for every marker."""

    def __missing__(self, marker: str) -> None:
        return None


def test_no_statement_walks_through_a_whole_table() -> None:
    """SQLite's planner finds a key or an index for each, whatever else the table holds."""
    dialect = SqliteDialect()
    connection = sqlite3.connect(":memory:")
    for table in TABLES:
        for statement in dialect.create(table):
            connection.execute(statement)
    for name, statement in Statements(dialect).rendered().items():
        if statement.startswith("INSERT"):
            continue
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", Nulls())]
        # cheap_store has one row; the others walk through a list that was bound.
        walks = [
            step for step in plan if re.match(r"SCAN (?!cheap_store|cut|json_each|CONST)", step)
        ]
        assert not walks, (name, plan)
    connection.close()
