"""The window of the house: what may be imported, and how little comes with it."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent.parent / "cheap"
WINDOWS = [
    ".".join(file.parent.relative_to(HOUSE.parent).parts)
    for file in sorted(HOUSE.rglob("__init__.py"))
    if "__all__" in file.read_text()
]


def names_in(module: str) -> set[str]:
    """The public names that a module's own text brings into it."""
    found: set[str] = set()
    for node in ast.parse(Path(str(importlib.import_module(module).__file__)).read_text()).body:
        match node:
            case ast.ImportFrom(module=source, names=names) if source != "__future__":
                found |= {each.asname or each.name for each in names}
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case _:
                pass
    return {each for each in found if not each.startswith("_") or each == "__version__"}


def rank(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions; each by name."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("module", WINDOWS)
def test_all_is_complete_and_in_order(module: str) -> None:
    listed = importlib.import_module(module).__all__
    assert listed == sorted(listed, key=rank)
    assert set(listed) == names_in(module)


@pytest.mark.parametrize("module", WINDOWS)
def test_every_name_is_there(module: str) -> None:
    window = importlib.import_module(module)
    assert [name for name in window.__all__ if not hasattr(window, name)] == []


def test_what_the_root_offers_is_the_same_thing_elsewhere() -> None:
    import cheap
    import cheap.core

    shared = set(cheap.__all__) & set(cheap.core.__all__)
    assert [name for name in shared if getattr(cheap, name) is not getattr(cheap.core, name)] == []


def test_importing_brings_no_driver() -> None:
    """A program that uses one database does not pay for the others."""
    drivers = ["sqlite3", "psycopg", "psycopg_pool", "pymysql", "anyio", "httpx", "starlette"]
    code = f"import sys, cheap; print([name for name in {drivers} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_the_package_s() -> None:
    from importlib.metadata import version

    import cheap

    assert cheap.__version__ == version("cheappy")
