"""``cheap.connect``: every form of address, its options, and what is wrong with others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import cheap
from cheap.db.dao import SqlDao
from cheap.db.mariadb import MariaDbAdapter
from cheap.db.memory import MemoryDao
from cheap.db.postgres import PostgresAdapter
from cheap.db.sqlite import SqliteAdapter
from cheap.errors import (
    ClosedError,
    ConfigurationError,
    SchemaVersionError,
    UnavailableError,
)
from tests.db.places import ServerSite


class Made(Exception):
    """Raised in the place of making an adapter: holds what it would have been made from."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """No adapter is made; what it would have been made from is raised."""
    for kind in (SqliteAdapter, PostgresAdapter, MariaDbAdapter):

        def create(*given: Any, **options: Any) -> None:
            raise Made({**({"path": given[0]} if given else {}), **options})

        monkeypatch.setattr(kind, "create", create)


def options_of(url: str) -> dict[str, Any]:
    with pytest.raises(Made) as caught:
        cheap.connect(url)
    return caught.value.options


# --- memory and files -------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["memory:", "memory://"])
def test_memory(url: str) -> None:
    with cheap.connect(url) as dao:
        assert isinstance(dao, MemoryDao)
        made = dao.create_catalog().catalog_id
    with cheap.connect(url) as dao:
        assert not dao.catalog_exists(made)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///x.db", "x.db"),
        ("sqlite:///data/x.db", "data/x.db"),
        ("sqlite:////srv/x.db", "/srv/x.db"),
        ("sqlite:///:memory:", ":memory:"),
        ("sqlite:///a%20b%23%3F%25.db", "a b#?%.db"),
        ("sqlite:///😀.db", "😀.db"),
        ("SQLITE:///x.db", "x.db"),
        ("sqlite:///../x.db", "../x.db"),
    ],
)
def test_sqlite(url: str, path: str, seen: None) -> None:
    assert options_of(url) == {"path": path, "init_schema": True}


def test_sqlite_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with cheap.connect("sqlite:///data/x.db?readers=3&busy_timeout=1.5&durability=full") as dao:
        made = dao.create_catalog().catalog_id
        assert isinstance(dao, SqlDao)
        assert dao.adapter.width == 4
    with pytest.raises(ClosedError):
        dao.list_catalog_ids()
    with cheap.connect(f"sqlite:///{tmp_path}/data/x.db?read_only=true", init_schema=False) as dao:
        assert dao.catalog_exists(made)
        with pytest.raises(cheap.errors.ReadOnlyError):
            dao.create_catalog()
    with pytest.raises(SchemaVersionError):
        cheap.connect("sqlite:///other.db", init_schema=False)
    with cheap.connect("sqlite:///:memory:") as dao:
        dao.create_catalog()
    assert os.listdir() == ["data"]


# --- servers ----------------------------------------------------------------------------------

FORMS = [
    ("u:p@h:1/d", {"host": "h", "port": 1, "user": "u", "password": "p"}),
    ("u@h/d", {"host": "h", "user": "u", "password": None}),
    ("u:@h/d", {"host": "h", "user": "u", "password": ""}),
    ("u:p@/d", {"host": "localhost", "user": "u", "password": "p"}),
    ("u:p@[::1]:7/d", {"host": "::1", "port": 7, "user": "u", "password": "p"}),
    ("u:p%40%2F%3A%23%3F@h/d", {"host": "h", "user": "u", "password": "p@/:#?"}),
    ("u:p@ss@h/d", {"host": "h", "user": "u", "password": "p@ss"}),
    ("%C3%A4%20:p@h/d", {"host": "h", "user": "ä ", "password": "p"}),
    ("u:p@%2Fvar%2FRun:7/d", {"host": "/var/Run", "port": 7, "user": "u", "password": "p"}),
    ("u:p@H.Example/d", {"host": "h.example", "user": "u", "password": "p"}),
]


@pytest.mark.parametrize(("address", "expected"), FORMS)
@pytest.mark.parametrize(
    ("scheme", "database", "port"),
    [
        ("postgresql", "dbname", 5432),
        ("postgres", "dbname", 5432),
        ("mariadb", "database", 3306),
        ("mysql", "database", 3306),
    ],
)
def test_servers(
    address: str, expected: dict[str, Any], scheme: str, database: str, port: int, seen: None
) -> None:
    options = options_of(f"{scheme}://{address}")
    assert options == {"port": port, database: "d", "init_schema": True, **expected}


def test_options_of_servers(seen: None) -> None:
    common = "pool_min_size=2&pool_max_size=20&pool_max_idle=5&pool_timeout=1.5&connect_timeout=3"
    common += "&statement_timeout=0.5"
    expected = {
        "pool_min_size": 2,
        "pool_max_size": 20,
        "pool_max_idle": 5.0,
        "pool_timeout": 1.5,
        "connect_timeout": 3.0,
        "statement_timeout": 0.5,
    }
    found = options_of(f"postgresql://u@h/d?{common}&prepare=false")
    assert found.items() >= {**expected, "prepare": False}.items()
    found = options_of(f"mariadb://u@h/d?{common}&unix_socket=/run/a%20b")
    assert found.items() >= {**expected, "unix_socket": "/run/a b"}.items()
    assert options_of("postgresql://u@h/%C3%A4%20%25")["dbname"] == "ä %"


def test_real_servers(server: ServerSite) -> None:
    with cheap.connect(f"{server.url}?pool_max_size=3&pool_min_size=0") as dao:
        made = dao.create_catalog().catalog_id
        assert isinstance(dao, SqlDao)
        assert dao.adapter.width == 3
    with pytest.raises(ClosedError):
        dao.list_catalog_ids()
    with cheap.connect(server.url, init_schema=False) as dao:
        assert dao.delete_catalog(made)
    if server.server.socket:
        socket = quote(str(server.server.socket), safe="")
        if server.kind == "postgres":
            url = server.url.replace(f"@{server.server.host}:", f"@{socket}:")
        else:
            url = server.url.replace(f":{server.server.port}/", ":9/") + f"?unix_socket={socket}"
        with cheap.connect(url) as dao:
            assert dao.list_catalog_ids() == []
            assert isinstance(dao, SqlDao)
            assert str(server.server.socket) in repr(dao.adapter)


# --- what is wrong ----------------------------------------------------------------------------

WRONG = {
    "": "unknown scheme ''",
    "x.db": "unknown scheme",
    "/srv/x.db": "unknown scheme",
    "oracle://u:p@h/d": "unknown scheme 'oracle'",
    "memory:?x=1": "unknown scheme",
    "sqlite:": "expected memory:",
    "sqlite:///": "expected memory:",
    "sqlite:////": "expected memory:",
    "sqlite://x.db": "expected memory:",
    "sqlite://host/x.db": "expected memory:",
    "sqlite:///x.db#1": "written as %23",
    "sqlite:///x.db?nonsense=1": r"unknown option 'nonsense'; known: .*busy_timeout",
    "sqlite:///x.db?pool_max_size=1": "unknown option 'pool_max_size'",
    "sqlite:///x.db?readers=many": "option readers expects a int, got 'many'",
    "sqlite:///x.db?readers=": "option readers expects a int",
    "sqlite:///x.db?read_only=perhaps": "option read_only expects a bool",
    "sqlite:///x.db?durability=some": "durability: expected",
    "sqlite:///x.db?busy_timeout=nan": "pool times",
    "postgresql://h/d": "user or database is missing",
    "postgresql://u@h": "user or database is missing",
    "postgresql://u@h/": "user or database is missing",
    "postgresql://u@h/a/b": "user or database is missing",
    "postgresql://:p@h/d": "user or database is missing",
    "postgresql://u@h:port/d": "not a number from 1 to 65535",
    "postgresql://u@h:0/d": "not a number from 1 to 65535",
    "postgresql://u@h:65536/d": "not a number from 1 to 65535",
    "postgresql://u@h:-1/d": "not a number from 1 to 65535",
    "postgresql://u@[::1/d": "not a number",
    "postgresql://u@h/d?sslmode=require": "unknown option 'sslmode'",
    "mariadb://u@h/d?prepare=0": "unknown option 'prepare'",
    "mariadb://u@h/d?pool_max_size=0": "pool sizes",
    "mariadb://u@h/d?connect_timeout=-1": "connect_timeout: expected",
    "postgresql://u@h/d?statement_timeout=0": "statement_timeout: expected",
    "postgresql://u@h/d?pool_timeout=inf": "pool times",
}


@pytest.mark.parametrize(("url", "said"), WRONG.items())
def test_what_is_wrong_is_said(
    url: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=said):
        cheap.connect(url)
    assert os.listdir() == []


@pytest.mark.parametrize("url", [None, b"sqlite:///x.db", Path("x.db"), 7])
def test_what_is_no_text(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="expected text"):
        cheap.connect(url)


@pytest.mark.parametrize("mark", ["/", "#", "?", "@", ":", "[", "%"])
@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
def test_a_password_that_was_not_quoted_is_not_shown(scheme: str, mark: str) -> None:
    """Whatever an address is taken for then."""
    with pytest.raises((ConfigurationError, UnavailableError)) as caught:
        cheap.connect(f"{scheme}://user:se{mark}cret@127.0.0.1:9/shop?connect_timeout=1")
    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None or "cret" not in str(caught.value.__cause__)
