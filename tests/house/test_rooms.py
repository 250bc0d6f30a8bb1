"""The rooms: what may stand in which file, and how much of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).parent.parent.parent / "cheap"
FILES = {str(path.relative_to(HOUSE)): path.read_text() for path in sorted(HOUSE.rglob("*.py"))}

DRIVERS: dict[str, str | tuple[str, ...]] = {
    "sqlite3": "db/sqlite.py",
    "psycopg": ("db/postgres.py", "db/postgres_session.py"),
    "psycopg_pool": "db/postgres.py",
    "pymysql": "db/mariadb.py",
    "httpx": "rest/client/",
    "starlette": "rest/",
    "uvicorn": ("rest/running.py", "rest/protocol.py"),
    "click": "cli.py",
}
MOST_LINES = 500
VAGUE = {"utils", "util", "helpers", "manager", "base", "common", "misc"}
SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|INDEX)"
    r"|ORDER\s+BY|PRAGMA\s|BEGIN\s+(IMMEDIATE|ISOLATION)|ROLLBACK|SAVEPOINT)\b",
    re.DOTALL,
)


def texts(source: str) -> Iterator[str]:
    """The texts of a file that are not docstrings."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield text
            case _:
                pass


def imports(source: str) -> Iterator[str]:
    """The packages that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (each.name.partition(".")[0] for each in names)
            case ast.ImportFrom(module=str(module)):
                yield module.partition(".")[0]
            case _:
                pass


def test_sql_stands_under_db_only() -> None:
    said = [
        (file, text)
        for file, source in FILES.items()
        if not file.startswith("db/")
        for text in texts(source)
        if SQL.search(text)
    ]
    assert said == []


def test_sql_is_noticed() -> None:
    """The net of the test above has no hole."""
    for statement in (
        "SELECT a, b\n FROM t",
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "CREATE TABLE t (a)",
        "PRAGMA synchronous",
    ):
        assert SQL.search(statement), statement
    assert not SQL.search("select one of these; update it from there, or delete it")


def test_a_driver_is_imported_in_its_own_file_only() -> None:
    strangers = [
        (file, name)
        for file, source in FILES.items()
        for name in imports(source)
        if not file.startswith(DRIVERS.get(name, ""))
    ]
    assert strangers == []


def test_the_environment_is_read_in_settings_only() -> None:
    reads = re.compile(r"\b(os\.environ|getenv|from os import .*environ)\b")
    found = [file for file, source in FILES.items() if reads.search(source)]
    assert [file for file in found if Path(file).name != "settings.py"] == []


def test_a_file_can_be_read_in_one_sitting() -> None:
    """What is longer is two rooms."""
    lines = {file: len(source.splitlines()) for file, source in FILES.items()}
    assert {file: count for file, count in lines.items() if count > MOST_LINES} == {}


def test_files_bear_names_of_the_domain() -> None:
    assert [file for file in FILES if Path(file).stem in VAGUE] == []
