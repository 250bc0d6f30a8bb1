"""What goes wrong in a database arrives as one of our errors, with the driver's as its cause."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from cheap.core.edits import PutAspects
from cheap.db import faults
from cheap.errors import (
    AlreadyExistsError,
    BusyError,
    CheapError,
    CorruptError,
    SchemaVersionError,
    StoreError,
    TransientError,
    UnavailableError,
)
from tests.contract.samples import PERSON, A, map_of, new_catalog
from tests.db.places import ServerSite, Site

P = PERSON.name


def test_a_code_has_one_meaning() -> None:
    for table in (faults.SQLITE_FAULTS, faults.POSTGRES_FAULTS, faults.MARIADB_FAULTS):
        for code, kind in table.items():
            assert issubclass(kind, CheapError), code


def test_an_id_that_is_taken(site: Site) -> None:
    dao = site.dao()
    made = dao.create_catalog().catalog_id
    with pytest.raises(AlreadyExistsError, match="in this store already") as caught:
        dao.create_catalog(catalog_id=made)
    assert caught.value.__cause__ is not None
    assert type(caught.value.__cause__).__module__.split(".")[0] in (
        "sqlite3",
        "psycopg",
        "pymysql",
    )


def test_a_table_that_was_dropped(site: Site) -> None:
    dao = site.dao()
    catalog = new_catalog(dao, *map_of(PERSON))
    site.ask("DROP TABLE cheap_aspect")
    with pytest.raises(StoreError, match="cheap_aspect") as caught:
        dao.load_catalog(catalog)
    assert isinstance(caught.value, SchemaVersionError) or site.kind == "sqlite"
    with pytest.raises(StoreError, match="cheap_aspect"):
        dao.commit(catalog, [PutAspects(P, {A: {"name": "x"}})])
    assert dao.get_catalog(catalog).revision == 1
    assert dao.adapter.checked_out == 0


def test_a_statement_that_makes_no_sense(site: Site) -> None:
    adapter = site.adapter()
    for statement in ("SELEC 1", "SELECT nonsense", "INSERT INTO cheap_store VALUES (1)"):
        with adapter.session() as session:
            with pytest.raises(StoreError) as caught:
                session.rows(statement, {})
            assert caught.value.__cause__ is not None
            assert session.rows("SELECT 1", {}) == [(1,)]
    assert adapter.checked_out == 0


def test_a_statement_that_takes_too_long(server: ServerSite) -> None:
    dao = server.dao(statement_timeout=0.1)
    sleep = {"postgres": "SELECT pg_sleep(9)", "mariadb": "SELECT SLEEP(9)"}[server.kind]
    with dao.adapter.session() as session:
        with pytest.raises(TransientError) as caught:
            session.rows(sleep, {})
        assert not isinstance(caught.value, UnavailableError)
        assert session.rows("SELECT 1", {}) == [(1,)]
    assert dao.create_catalog()


def test_a_lock_that_is_not_given_back(server: ServerSite) -> None:
    dao = server.dao()
    catalog = new_catalog(dao, *map_of(PERSON))
    key = catalog.bytes
    with closing(server.connect()) as raw:
        server.ask_on(raw, "BEGIN")
        server.ask_on(raw, "UPDATE cheap_catalog SET version = 'x' WHERE catalog_id = ?", key)
        with dao.transaction():
            with dao._reading() as session:
                session.run(
                    "SET LOCAL lock_timeout = 10"
                    if server.kind == "postgres"
                    else "SET innodb_lock_wait_timeout = 0",
                    {},
                )
            with pytest.raises(BusyError) as caught:
                dao.commit(catalog, [PutAspects(P, {A: {"name": "x"}})])
            assert caught.value.retryable
            dao.create_catalog()  # what waited in vain has left nothing, the rest goes on
        server.ask_on(raw, "ROLLBACK")
    assert len(dao.list_catalog_ids()) == 2
    assert dao.get_catalog(catalog).revision == 1


@contextmanager
def guest_with_one_connection(server: ServerSite) -> Generator[dict[str, Any]]:
    user = f"guest{server.name}"
    if server.kind == "postgres":
        server.ask(f"CREATE USER {user} PASSWORD 'guest' CONNECTION LIMIT 1")
        server.ask(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}")
    else:
        server.ask(f"CREATE USER {user}@'%' IDENTIFIED BY 'guest' WITH MAX_USER_CONNECTIONS 1")
        server.ask(f"GRANT ALL ON {server.name}.* TO {user}@'%'")
    try:
        yield {"user": user, "password": "guest"}
    finally:
        if server.kind == "postgres":
            server.ask(f"DROP OWNED BY {user}")
        with contextlib.suppress(Exception):
            server.ask(f"DROP USER {user}")


def test_a_server_that_gives_no_more_connections(server: ServerSite) -> None:
    """Not the pool's own limit: the server's, and its reason is told."""
    refused = pytest.raises(UnavailableError, match=r"too many connections|max_user_conn")
    with guest_with_one_connection(server) as login:
        adapter = server.adapter(**login, pool_timeout=0.2, pool_max_size=3)
        with adapter.session() as session:
            assert session.rows("SELECT 1", {}) == [(1,)]
            with refused:
                adapter.acquire(write=False)
        with adapter.session() as session:
            assert session.rows("SELECT 1", {}) == [(1,)]
        assert adapter.checked_out == 0
        adapter.close()


def test_every_error_is_chained_and_says_where(site: Site) -> None:
    adapter = site.adapter()
    with pytest.raises(StoreError) as caught, adapter.session() as session:
        session.rows("SELECT nonsense", {})
    said = str(caught.value)
    assert "nonsense" in said
    where = str(site.url).rpartition("/")[2]
    assert where in said


def test_advice_is_for_codes_that_are_known() -> None:
    for advice, table in (
        (faults.POSTGRES_ADVICE, faults.POSTGRES_FAULTS),
        (faults.MARIADB_ADVICE, faults.MARIADB_FAULTS),
    ):
        assert set(advice) <= set(table)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE cheap_definition SET document = '5'", "a stored definition cannot be read"),
        ("UPDATE cheap_definition SET document = '{}'", "a stored definition cannot be read"),
        ("UPDATE cheap_catalog SET species = 'ZZ'", "the species of a stored catalog cannot"),
        ("UPDATE cheap_hierarchy SET type = 'ZZ'", f"hierarchy '{P}' cannot be read"),
        ("UPDATE cheap_hierarchy SET indexes = '5'", f"hierarchy '{P}' cannot be read"),
    ],
)
def test_what_was_garbled_is_told(site: Site, change: str, said: str) -> None:
    dao = site.dao()
    catalog = new_catalog(dao, *map_of(PERSON, {A: {"name": "x"}}))
    site.ask(change)
    calls = [
        lambda: dao.load_catalog(catalog),
        lambda: dao.commit(catalog, [PutAspects(P, {A: {"name": "y"}})]),
    ]
    if "cheap_catalog" in change:
        calls.append(dao.list_catalogs)
    elif "cheap_definition" in change:
        calls.append(lambda: dao.list_aspect_defs(catalog))
    for call in calls:
        with pytest.raises(CorruptError, match=said):
            call()
    assert dao.adapter.checked_out == 0
