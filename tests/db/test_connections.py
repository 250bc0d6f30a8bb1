"""Servers that are not there, refuse, or go away: a typed error, nothing half, and then on."""

from __future__ import annotations

import gc
import logging
import pickle
import re
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID

import pytest

import cheap
from cheap.core.edits import PutAspects
from cheap.db.dao import SqlDao
from cheap.errors import (
    AccessDeniedError,
    CheapError,
    ClosedError,
    CommitUnknownError,
    ConfigurationError,
    PoolTimeoutError,
    ReadOnlyError,
    SchemaVersionError,
    StoreError,
    UnavailableError,
)
from tests.contract.samples import (
    NOTE,
    PERSON,
    A,
    B,
    entities,
    full_catalog,
    map_of,
    new_catalog,
)
from tests.db.places import PYTHON, SITES, ServerSite, Site
from tests.servers import Server, ServerMissing, mariadb_server, postgres_server

P = PERSON.name
MANY = entities(20_000)


def put(entity: UUID, name: str = "x") -> list[Any]:
    return [PutAspects(P, {entity: {"name": name}})]


def names(dao: SqlDao, catalog: UUID) -> list[object]:
    return [each["name"] for each in dao.iter_aspects(catalog, P)]


# --- not there, or not for us -----------------------------------------------------------------


def test_no_server(server_kind: str) -> None:
    scheme = {"postgres": "postgresql", "mariadb": "mariadb"}[server_kind]
    with pytest.raises(UnavailableError, match="is the server running") as caught:
        cheap.connect(f"{scheme}://user:s3cret@127.0.0.1:9/shop")
    assert caught.value.retryable
    assert caught.value.__cause__ is not None
    assert "127.0.0.1:9" in str(caught.value)
    with pytest.raises(UnavailableError):
        cheap.connect(f"{scheme}://user:s3cret@no-such-host.invalid/shop")


def test_no_socket(server_kind: str, tmp_path: Any) -> None:
    if server_kind == "postgres":
        from cheap.db.postgres import PostgresAdapter

        with pytest.raises(UnavailableError, match="is the server running"):
            PostgresAdapter.create(host=str(tmp_path), dbname="x", user="x")
    else:
        from cheap.db.mariadb import MariaDbAdapter

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # pymysql forgets to close its own
            with pytest.raises(UnavailableError, match="no-socket"):
                MariaDbAdapter.create(unix_socket=f"{tmp_path}/no-socket", database="x", user="x")
            gc.collect()


def test_something_else_listens_there(server_kind: str) -> None:
    """A program that says nothing we understand, and hangs up."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def answer() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        scheme = {"postgres": "postgresql", "mariadb": "mariadb"}[server_kind]
        with pytest.raises(StoreError):
            cheap.connect(f"{scheme}://user:s3cret@127.0.0.1:{port}/shop?connect_timeout=2")
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _said(error: BaseException) -> str:
    """All that an error shows anywhere, with its causes and where they were raised."""
    return "".join(traceback.format_exception(error)) + repr(error)


def test_a_wrong_password_is_refused_and_not_told(
    server: ServerSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for password in ("s3cr3t-w0rd", "", None):
        with pytest.raises(AccessDeniedError) as caught:
            server.adapter(password=password)
        assert "s3cr3t-w0rd" not in _said(caught.value)
        assert re.search(r"\((check user and password|give a password)\)$", str(caught.value))
    with pytest.raises(AccessDeniedError, match=r"\(check user and password\)$"):
        server.adapter(user="nobody-here")
    assert "s3cr3t-w0rd" not in caplog.text


def test_the_password_is_never_shown(server: ServerSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    password = server.server.password
    dao = server.dao()
    dao.create_catalog()
    assert password not in repr(dao.adapter) + str(dao.adapter) + repr(dao)
    with pytest.raises(ConfigurationError) as caught:
        server.new_adapter(name="none")
    assert password not in _said(caught.value)
    for address in (
        server.url + "?nonsense=1",
        server.url + "?pool_max_size=many",
        server.url.replace("@", "/@"),
        server.url.replace("@", "#@"),
        server.url.replace("@", "?@"),
        server.url.replace(":" + password, ":" + password + "/x"),
        server.url.replace("://", "sql://"),
        server.url.rpartition("/")[0],
    ):
        with pytest.raises(CheapError) as caught:
            cheap.connect(address)
        assert password not in _said(caught.value).replace(address, ""), address
        assert password not in str(caught.value)
    server.end_connections()
    with pytest.raises(CheapError) as caught, dao.transaction():
        dao.create_catalog()
        server.end_connections()
        dao.create_catalog()
    assert password not in _said(caught.value)
    assert password not in caplog.text


def test_no_such_database(server: ServerSite) -> None:
    with pytest.raises(ConfigurationError, match=r"does not exist|Unknown database") as caught:
        server.new_adapter(name="no such database")
    assert "correct its name, or create it first: CREATE DATABASE" in str(caught.value)


@pytest.mark.parametrize("name", ["", None, 5, "a\0"])
def test_a_database_must_be_named(server: ServerSite, name: Any) -> None:
    """Else PostgreSQL takes the one that is called like the user, and our tables end up there."""
    with pytest.raises(ConfigurationError, match=r"^(dbname|database): expected the name of a"):
        server.new_adapter(name=name, init_schema=True)


def test_a_user_who_may_not(server: ServerSite) -> None:
    """Connecting is allowed, our tables are not."""
    server.adapter()
    user = f"guest{server.name}"
    if server.kind == "postgres":
        server.ask(f"CREATE USER {user} PASSWORD 'guest'")
    else:
        server.ask(f"CREATE USER {user}@'%' IDENTIFIED BY 'guest'")
        server.ask("CREATE TABLE theirs (x INTEGER)")
        server.ask(f"GRANT SELECT ON {server.name}.theirs TO {user}@'%'")
    try:
        for init_schema in (True, False):
            # MariaDB does not even tell that a table is there.
            with pytest.raises((AccessDeniedError, SchemaVersionError)) as caught:
                server.new_adapter(user=user, password="guest", init_schema=init_schema)
            assert init_schema is False or isinstance(caught.value, AccessDeniedError)
    finally:
        server.ask(f"DROP USER {user}")
        if server.kind == "mariadb":
            server.ask("DROP TABLE theirs")


def test_wrong_options(server: ServerSite) -> None:
    for options in (
        {"port": 0},
        {"port": 70_000},
        {"pool_max_size": 0},
        {"pool_min_size": -1},
        {"pool_min_size": 5, "pool_max_size": 4},
        {"pool_timeout": 0},
        {"pool_timeout": float("nan")},
        {"pool_timeout": float("inf")},
        {"pool_max_idle": -1},
        {"connect_timeout": 0},
        {"connect_timeout": float("inf")},
        {"statement_timeout": 0},
        {"statement_timeout": -1},
    ):
        with pytest.raises(ConfigurationError):
            server.new_adapter(**options)


# --- the settings that are in force -----------------------------------------------------------


def test_the_settings_of_a_session(server: ServerSite) -> None:
    dao = server.dao(statement_timeout=1.5)
    with dao.adapter.transaction(write=True) as session:
        if server.kind == "postgres":
            assert session.rows("SHOW transaction_isolation", {}) == [("read committed",)]
            assert session.rows("SHOW client_encoding", {}) == [("UTF8",)]
            assert session.rows("SHOW statement_timeout", {}) == [("1500ms",)]
            assert session.rows("SHOW application_name", {}) == [("cheappy",)]
        else:
            asked = "@@tx_isolation, @@time_zone, @@collation_connection, @@max_statement_time"
            [found] = session.rows(f"SELECT {asked}", {})
            assert found[:3] == ("READ-COMMITTED", "+00:00", "utf8mb4_nopad_bin")
            assert float(found[3]) == 1.5
            names = "@@character_set_client, @@character_set_connection, @@character_set_results"
            assert session.rows(f"SELECT {names}", {}) == [("utf8mb4",) * 3]
            [(mode,)] = session.rows("SELECT @@sql_mode", {})
            assert "STRICT_ALL_TABLES" in mode
            assert "NO_ENGINE_SUBSTITUTION" in mode
    with dao.adapter.transaction(write=False) as session:
        if server.kind == "postgres":
            assert session.rows("SHOW transaction_isolation", {}) == [("repeatable read",)]
            assert session.rows("SHOW transaction_read_only", {}) == [("on",)]
    with pytest.raises(ReadOnlyError), dao.adapter.transaction(write=False) as session:
        session.run("DELETE FROM cheap_catalog", {})


def test_a_read_is_of_one_moment_and_a_write_sees_the_last(server: ServerSite) -> None:
    dao, other = server.dao(), server.dao()
    count = "SELECT COUNT(*) FROM cheap_catalog"
    with dao.adapter.transaction(write=False) as session:
        before = session.rows(count, {})
        other.create_catalog()
        assert session.rows(count, {}) == before
    with dao.adapter.transaction(write=True) as session:
        before = session.rows(count, {})
        other.create_catalog()
        assert session.rows(count, {}) != before
    with dao.adapter.session() as session:  # and the next one is not in any transaction
        before = session.rows(count, {})
        other.create_catalog()
        assert session.rows(count, {}) != before


def test_a_database_that_may_only_be_read(server: ServerSite) -> None:
    """A standby, a server in maintenance, or a user with such a setting."""
    catalog = new_catalog(server.dao(), *map_of(PERSON, {A: {"name": "Al"}}))
    if server.kind == "postgres":
        on = f'ALTER DATABASE "{server.name}" SET default_transaction_read_only = on'
        off = f'ALTER DATABASE "{server.name}" RESET default_transaction_read_only'
    else:
        on, off = "SET GLOBAL tx_read_only = 1", "SET GLOBAL tx_read_only = 0"
    server.ask(on)
    try:
        dao = server.dao(init_schema=False)
        assert names(dao, catalog) == ["Al"]
        for write in (
            lambda: dao.commit(catalog, put(B)),
            lambda: dao.create_catalog(),
            lambda: dao.delete_catalog(catalog),
            lambda: dao.commit(catalog, [PutAspects(P, {e: {"name": "x"} for e in MANY[:500]})]),
        ):
            with pytest.raises(ReadOnlyError, match=r"(?i)read.only"):
                write()
        with pytest.raises(ReadOnlyError), dao.transaction():
            dao.commit(catalog, put(B))
        assert names(dao, catalog) == ["Al"]
    finally:
        with closing(server.connect()) as raw:
            if server.kind == "postgres":
                server.ask_on(raw, "SET default_transaction_read_only = off")
            else:
                server.ask_on(raw, "SET tx_read_only = 0")
            server.ask_on(raw, off)


def test_old_clocks_and_modes_of_the_server_do_not_matter(server: ServerSite) -> None:
    """The session says what it needs: the server's own settings are others."""
    if server.kind == "postgres":
        on = [
            f'ALTER DATABASE "{server.name}" SET {setting}'
            for setting in (
                "timezone = 'Asia/Kathmandu'",
                "datestyle = 'SQL, DMY'",
                "bytea_output = 'escape'",
                "default_transaction_isolation = 'serializable'",
                "standard_conforming_strings = off",
                "extra_float_digits = -15",
            )
        ]
        off = [f'ALTER DATABASE "{server.name}" RESET ALL']
    else:
        on = [
            "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH'",
            "SET GLOBAL time_zone = '+05:45'",
            "SET GLOBAL tx_isolation = 'SERIALIZABLE'",
            "SET GLOBAL character_set_server = 'latin1'",
        ]
        off = [
            "SET GLOBAL sql_mode = DEFAULT",
            "SET GLOBAL time_zone = DEFAULT",
            "SET GLOBAL tx_isolation = DEFAULT",
            "SET GLOBAL character_set_server = DEFAULT",
        ]
    for statement in on:
        server.ask(statement)
    try:
        dao = server.dao()
        catalog = full_catalog()
        dao.save_catalog(catalog)
        assert dao.load_catalog(catalog.global_id) == catalog
        bad = "\\' \" ` \\\\ %s \\0 \n"
        made = new_catalog(dao, *map_of(PERSON, {A: {"name": bad}}, "name"))
        assert names(dao, made) == [bad]
    finally:
        for statement in off:
            server.ask(statement)


# --- connections that end ---------------------------------------------------------------------


class Ending(Mapping[UUID, object]):
    """Records that end the connection of whoever reads them, in the middle."""

    def __init__(self, server: ServerSite, count: int = 3000) -> None:
        self.server = server
        self.ids = MANY[:count]
        self.ended = 0

    def __getitem__(self, key: UUID) -> object:
        return {"name": "x"}

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[UUID]:
        for i, each in enumerate(self.ids):
            if i == len(self.ids) // 2:
                self.ended += self.server.end_connections()
            yield each


def test_killed_in_the_middle_of_a_commit(server: ServerSite) -> None:
    dao = server.dao()
    catalog = new_catalog(dao, *map_of(PERSON, {A: {"name": "Al"}}, "name"))
    records = Ending(server)
    with pytest.raises(UnavailableError) as caught:
        dao.commit(catalog, [*put(B, "Bo"), PutAspects(P, records), *put(A, "changed")])
    assert records.ended >= 1
    assert caught.value.retryable
    assert caught.value.__cause__ is not None
    assert server.kind[:5].lower() in str(caught.value).lower()
    # The next call works, and nothing is half.
    assert names(dao, catalog) == ["Al"]
    assert dao.get_catalog(catalog).revision == 1
    assert dao.commit(catalog, put(B, "Bo")).revision == 2
    assert dao.adapter.checked_out == 0


def test_killed_in_the_middle_of_a_creation_and_of_a_save(server: ServerSite) -> None:
    dao = server.dao()
    records = Ending(server)
    with pytest.raises(UnavailableError):
        dao.create_catalog(edits=[*map_of(PERSON), PutAspects(P, records)])
    assert dao.list_catalog_ids() == []
    for table in ("cheap_aspect", "cheap_hierarchy", "cheap_definition"):
        assert server.ask(f"SELECT COUNT(*) FROM {table}") == [(0,)]
    catalog = cheap.Catalog()
    catalog.define(PERSON).update({each: {"name": "x"} for each in MANY[:300]})
    with dao.transaction():
        server.end_connections()
        dao.save_catalog(catalog)  # the first statement: another connection does it
    loaded = dao.load_catalog(catalog.global_id)
    loaded[P][A] = {"name": "new"}  # type: ignore[index]
    with pytest.raises(UnavailableError), dao.transaction():
        dao.list_catalog_ids()
        server.end_connections()
        dao.save_catalog(loaded)
    assert loaded.pending_edits()
    dao.save_catalog(loaded)
    assert dao.load_catalog(catalog.global_id) == loaded


def test_killed_while_a_large_value_is_written(server: ServerSite) -> None:
    dao = server.dao()
    catalog = new_catalog(dao, *map_of(NOTE, {A: {"text": "old"}}))

    def pieces() -> Iterator[str]:
        for i in range(20):
            if i == 15:
                server.end_connections()
            yield "x" * 300_000

    with pytest.raises(UnavailableError):
        dao.write_value(catalog, "note", A, "text", pieces())
    assert b"".join(dao.read_value(catalog, "note", A, "text")) == b"old"
    assert server.ask("SELECT COUNT(*) FROM cheap_piece") == [(0,)]


def test_killed_inside_of_a_transaction(server: ServerSite) -> None:
    dao = server.dao()
    catalog = new_catalog(dao, *map_of(PERSON, {A: {"name": "Al"}}))
    with pytest.raises(UnavailableError), dao.transaction():
        dao.commit(catalog, put(B))
        server.end_connections()
        with pytest.raises(UnavailableError):
            dao.commit(catalog, put(A, "changed"))
        with pytest.raises(UnavailableError):  # the block is doomed
            dao.commit(catalog, put(A, "changed"))
    assert names(dao, catalog) == ["Al"]


def test_killed_between_a_read_and_the_commit(server: ServerSite) -> None:
    """The error was caught, as if a read did not matter: still nothing is committed."""
    dao = server.dao()
    catalog = new_catalog(dao, *map_of(PERSON, {A: {"name": "Al"}}))
    with pytest.raises(UnavailableError), dao.transaction():
        dao.commit(catalog, put(B))
        server.end_connections()
        with pytest.raises(UnavailableError):
            dao.get_catalog(catalog)
    assert names(dao, catalog) == ["Al"]


def test_killed_before_the_commit(server: ServerSite) -> None:
    """The answer to COMMIT does not come: whether it happened is not known, and said so."""
    dao = server.dao()
    catalog = new_catalog(dao, *map_of(PERSON, {A: {"name": "Al"}}))
    unknown = pytest.raises(CommitUnknownError, match="read the catalog's revision")
    with unknown as caught, dao.transaction():
        dao.commit(catalog, put(B))
        server.end_connections()
    assert not caught.value.retryable
    assert caught.value.__cause__ is not None
    assert dao.get_catalog(catalog).revision == 1
    assert names(dao, catalog) == ["Al"]


def test_idle_connections_that_died_are_not_noticed(server: ServerSite) -> None:
    """All of the pool, as after a restart of the server: no call fails."""
    dao = server.dao(pool_min_size=3)
    catalog = new_catalog(dao, *map_of(PERSON, {A: {"name": "Al"}}))
    for call in (
        lambda: dao.get_catalog(catalog),
        lambda: dao.get_aspects(catalog, P, [A]),
        lambda: dao.load_catalog(catalog),
        lambda: dao.list_hierarchies(catalog),
        lambda: dao.find_aspects(catalog, P),
        lambda: dao.read_changes(catalog),
        lambda: dao.commit(catalog, put(B)),
        lambda: dao.commit(catalog, [PutAspects(P, {e: {"name": "x"} for e in MANY[:500]})]),
        lambda: dao.create_catalog(),
        lambda: dao.list_catalogs(),
    ):
        assert server.end_connections() >= 1
        assert call() is not None
        assert call() is not None
    assert dao.adapter.checked_out == 0


@pytest.fixture
def ctrl_c() -> Generator[None]:
    """Ctrl-C raises, also where the tests run in the background of a script, and it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_in_the_middle_of_a_query_leaves_the_pool_clean(server: ServerSite) -> None:
    """What comes next does not read the rest of the answer that nobody waited for."""
    dao = server.dao(pool_max_size=1)
    catalog = new_catalog(dao, *map_of(PERSON, {e: {"name": str(e)} for e in MANY[:2000]}))
    sleep = {"postgres": "SELECT pg_sleep(1), 7", "mariadb": "SELECT SLEEP(1), 7"}[server.kind]

    def run(work: Callable[[], object]) -> None:
        timer = threading.Timer(0.1, lambda: signal.pthread_kill(main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            work()
        timer.join()

    main = threading.get_ident()

    def one_statement() -> None:
        with dao.adapter.session() as session:
            session.rows(sleep, {})

    def in_a_transaction() -> None:
        with dao.transaction():
            dao.commit(catalog, put(A, "never"))
            with dao._reading() as session:
                session.rows(sleep, {})

    for work in (one_statement, in_a_transaction):
        for _ in range(2):
            run(work)
            assert dao.adapter.checked_out == 0
            assert dao.get_catalog(catalog).revision == 1
            assert [str(e) for e in MANY[:2000]] == [
                entry.aspect["name"]  # type: ignore[index]
                for entry in dao.iter_hierarchy(catalog, P)
            ]
    assert dao.commit(catalog, put(A)).revision == 2


@pytest.mark.usefixtures("ctrl_c")
def test_what_was_caught_after_ctrl_c_is_not_committed_wrongly(server: ServerSite) -> None:
    """A block that goes on after it is either whole, or refused."""
    dao = server.dao(pool_max_size=1)
    catalog = new_catalog(dao, *map_of(PERSON))
    sleep = {"postgres": "SELECT pg_sleep(1)", "mariadb": "SELECT SLEEP(1)"}[server.kind]
    main = threading.get_ident()
    timer = threading.Timer(0.1, lambda: signal.pthread_kill(main, signal.SIGINT))
    committed = False
    try:
        with dao.transaction():
            dao.commit(catalog, put(A, "one"))
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                dao._write(lambda session: session.rows(sleep, {}))
            dao.commit(catalog, put(B, "two"))
        committed = True
    except (StoreError, KeyboardInterrupt):
        pass
    timer.join()
    assert len(names(dao, catalog)) == (2 if committed else 0)
    assert dao.adapter.checked_out == 0


# --- the pool ---------------------------------------------------------------------------------


def test_all_connections_are_in_use(server: ServerSite) -> None:
    dao = server.dao(pool_max_size=2, pool_timeout=0.1)
    catalog = dao.create_catalog().catalog_id
    with dao.adapter.session(), dao.adapter.session():
        assert dao.adapter.checked_out == 2
        for call in (dao.list_catalog_ids, dao.create_catalog, dao.transaction().__enter__):
            with pytest.raises(PoolTimeoutError, match=r"all 2 connections were in use for 0.1 s"):
                call()
    assert dao.catalog_exists(catalog)
    assert dao.adapter.checked_out == 0


def test_one_connection_for_many_threads(server: ServerSite) -> None:
    dao = server.dao(pool_max_size=1, pool_min_size=0)
    catalog = new_catalog(dao, *map_of(PERSON))
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(5):
                dao.commit(catalog, put(UUID(int=number * 10 + i), f"{number} {i}"))
                found = dao.get_aspects(catalog, P, [UUID(int=number * 10 + i)])
                assert next(iter(found.values()))["name"] == f"{number} {i}"
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(names(dao, catalog)) == 60


def test_closing(server: ServerSite, open_files: Callable[[], list[str]]) -> None:
    before = open_files()
    adapter = server.new_adapter(pool_min_size=2)
    dao = SqlDao(adapter)
    dao.create_catalog()
    with adapter.session() as session:
        adapter.close()
        adapter.close()
        assert session.rows("SELECT 1", {}) == [(1,)]
        for call in (dao.list_catalog_ids, dao.create_catalog, dao.transaction().__enter__):
            with pytest.raises(ClosedError, match="closed"):
                call()
    assert adapter.checked_out == 0
    assert open_files() == before
    count = {
        "postgres": "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'cheappy'"
        f" AND datname = '{server.name}'",
        "mariadb": "SELECT COUNT(*) - 1 FROM information_schema.processlist"
        f" WHERE db = '{server.name}'",
    }[server.kind]
    while server.ask(count) != [(0,)]:  # the server has heard of it, too
        pass


def test_threads_and_files_are_given_back_after_failures(
    server: ServerSite, open_files: Callable[[], list[str]]
) -> None:
    before = open_files()
    for options in ({"password": "wrong"}, {"port": 9}, {"user": "nobody-here"}):
        with pytest.raises(CheapError):
            server.new_adapter(**options)
    for _ in range(3):
        with server.new_adapter(pool_min_size=2) as adapter:
            dao = SqlDao(adapter)
            server.end_connections()
            dao.create_catalog()
            server.end_connections()
            with pytest.raises(CommitUnknownError), dao.transaction():
                dao.create_catalog()
                server.end_connections()
    assert open_files() == before


FORK = """
import os, sys, cheap
dao = cheap.connect(sys.argv[1])
made = dao.create_catalog().catalog_id
child = os.fork()
if child == 0:
    try:
        dao.catalog_exists(made)
    except cheap.errors.ClosedError as error:
        assert "fork" in str(error)
        dao.close()
        if sys.argv[1].startswith("sqlite"):
            os._exit(7)  # one and the same file must not be opened on both sides
        with cheap.connect(sys.argv[1]) as own:
            assert own.catalog_exists(made)
            os._exit(7)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert dao.catalog_exists(made)
dao.create_catalog()
dao.close()
print("fine")
"""


def test_after_a_fork(site: Site) -> None:
    site.adapter().close()
    quiet = [] if sys.version_info < (3, 12) else ["-W", "ignore::DeprecationWarning"]
    done = subprocess.run(
        [PYTHON, "-W", "error", *quiet, "-c", FORK, site.url], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("fine\n", "")


def test_errors_travel(server: ServerSite) -> None:
    with pytest.raises(CheapError) as caught:
        server.new_adapter(password="wrong")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (type(caught.value), str(caught.value))


# --- servers that stop ------------------------------------------------------------------------


@contextmanager
def private_server(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that may be stopped: the one that is named in the environment may not."""
    for variable in ("CHEAP_TEST_POSTGRES_URL", "CHEAP_TEST_MARIADB_URL"):
        monkeypatch.delenv(variable, raising=False)
    made = {"postgres": postgres_server, "mariadb": mariadb_server}[kind]()
    try:
        server = made.__enter__()
    except ServerMissing:
        pytest.skip("the server is named in the environment, and none is here to be stopped")
    try:
        yield server
    finally:
        made.__exit__(None, None, None)


def test_a_server_that_stops_and_comes_back(
    server_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_server(server_kind, monkeypatch) as server:
        site = SITES[server_kind](server, server.create_database("one"))
        with site.stack:
            dao = site.dao(pool_min_size=2, pool_timeout=10)
            catalog = new_catalog(dao, *map_of(PERSON, {A: {"name": "Al"}}))
            for crash in (False, True):
                # Between two calls: nobody notices.
                server.stop(crash=crash)
                server.start()
                assert names(dao, catalog) == ["Al"]
                revision = dao.commit(catalog, put(A, "Al")).revision
                # While it is down every call says so, and does not wait for the pool.
                server.stop(crash=crash)
                for call in (
                    lambda: dao.get_catalog(catalog),
                    lambda: dao.load_catalog(catalog),
                    lambda: dao.commit(catalog, put(B)),
                    lambda: dao.transaction().__enter__() and dao.create_catalog(),
                    lambda: dao.get_aspects(catalog, P, [A]),
                ):
                    with pytest.raises(UnavailableError, match="is the server running"):
                        call()
                assert dao.adapter.checked_out == 0
                server.start()
                assert dao.get_catalog(catalog).revision == revision
                # In the middle of a transaction.
                with pytest.raises(UnavailableError), dao.transaction():
                    dao.commit(catalog, put(B))
                    server.stop(crash=crash)
                    dao.commit(catalog, put(B))
                server.start()
                assert dao.get_catalog(catalog).revision == revision
                # Before the commit: a stop lets it not happen, but that cannot be known.
                with pytest.raises((CommitUnknownError, UnavailableError)), dao.transaction():
                    dao.commit(catalog, put(B))
                    server.stop(crash=crash)
                server.start()
                assert dao.get_catalog(catalog).revision == revision
                assert names(dao, catalog) == ["Al"]
            assert dao.adapter.checked_out == 0


def test_no_connection_reads_the_certificates_again(
    mariadb: ServerSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That would take longer than all else that there is to do, also when a statement is killed."""
    mariadb.adapter().close()

    def read(*_: object, **__: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr("ssl.create_default_context", read)
    adapter = mariadb.adapter()
    with adapter.session() as first, adapter.session() as second:
        assert first.rows("SELECT 1", {}) == second.rows("SELECT 1", {})
        second.interrupt()
