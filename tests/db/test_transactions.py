"""``transaction()``: what joins it, what it takes back, and what ends it early."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from cheap.core import Catalog
from cheap.core.edits import PutAspects, RemoveAspects
from cheap.db.dao import SqlDao
from cheap.errors import (
    BusyError,
    CheapError,
    ConflictError,
    InvalidValueError,
    StatementTimeoutError,
    StoreError,
)
from tests.contract.samples import (
    NOTE,
    PERSON,
    A,
    B,
    C,
    full_catalog,
    list_of,
    map_of,
    new_catalog,
)
from tests.db.places import ServerSite, Site

AL, BO = {"name": "Al"}, {"name": "Bo"}
P = PERSON.name


def put(entity: UUID, name: str = "x") -> list[Any]:
    return [PutAspects(P, {entity: {"name": name}})]


def names(dao: SqlDao, catalog: UUID) -> list[object]:
    return [each["name"] for each in dao.iter_aspects(catalog, P)]


class Stop(Exception):
    pass


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


# --- joined and committed, or not -------------------------------------------------------------


def test_calls_join_and_are_committed_together(site: Site) -> None:
    dao, other = site.dao(), site.dao()
    sibling = SqlDao(dao.adapter)  # over the same adapter: it joins, too
    with dao.transaction() as joined:
        assert joined is dao
        catalog = new_catalog(dao, *map_of(PERSON))
        dao.commit(catalog, put(A, "Al"))
        assert names(dao, catalog) == ["Al"]
        assert names(sibling, catalog) == ["Al"]
        sibling.commit(catalog, put(B, "Bo"))
        assert sorted(map(str, names(dao, catalog))) == ["Al", "Bo"]
        assert not other.catalog_exists(catalog)
        assert dao.adapter.checked_out == 1
    assert len(names(other, catalog)) == 2
    assert dao.adapter.checked_out == 0


def test_on_a_pool_of_one(site: Site) -> None:
    """No call inside asks for a second connection, also not the first that is ever made."""
    options = {} if site.kind == "sqlite" else {"pool_max_size": 1, "pool_timeout": 1}
    dao = site.dao(**options)
    catalog = full_catalog()
    with dao.transaction():
        dao.save_catalog(catalog)
        assert dao.load_catalog(catalog.global_id) == catalog
        assert [each.catalog_id for each in dao.iter_catalogs()] == [catalog.global_id]
        assert len(list(dao.iter_aspects(catalog.global_id, P))) == 3
        assert dao.get_aspects(catalog.global_id, P, [A]).keys() == {A}
        assert list(dao.iter_changes(catalog.global_id))
        assert dao.delete_catalog(catalog.global_id)


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, GeneratorExit, ConflictError])
def test_an_error_takes_everything_back(site: Site, error: type[BaseException]) -> None:
    dao = site.dao()
    kept = new_catalog(dao, *map_of(PERSON, {A: AL}))
    before = dao.get_catalog(kept)
    with pytest.raises(error), dao.transaction():
        dao.commit(kept, put(A, "changed"))
        made = new_catalog(dao, *map_of(PERSON, {B: BO}))
        dao.delete_catalog(kept)
        raise error("x")
    assert not dao.catalog_exists(made)
    assert dao.get_catalog(kept) == before
    assert names(dao, kept) == ["Al"]
    assert dao.adapter.checked_out == 0
    for table in ("cheap_aspect", "cheap_hierarchy", "cheap_definition"):
        assert site.ask(f"SELECT COUNT(*) FROM {table}") == [(1,)], table


def test_a_call_that_fails_leaves_nothing_and_the_rest_goes_on(site: Site) -> None:
    dao = site.dao()
    with dao.transaction():
        catalog = new_catalog(dao, *map_of(PERSON, {A: AL}))
        for wrong in (
            [*put(B, "Bo"), PutAspects(P, {C: {"age": "x"}})],
            [*put(B, "Bo"), PutAspects("nonsense", {})],
            [*put(B, "Bo"), *list_of(P)],
        ):
            with pytest.raises(CheapError):
                dao.commit(catalog, wrong)
            assert names(dao, catalog) == ["Al"]
        with pytest.raises(CheapError):
            dao.create_catalog(catalog_id=catalog)
        dao.commit(catalog, put(C, "Cy"))
    assert names(dao, catalog) == ["Al", "Cy"]
    assert dao.get_catalog(catalog).revision == 2


def test_blocks_inside_of_blocks_join_the_outermost(site: Site) -> None:
    dao = site.dao()
    with dao.transaction():
        catalog = new_catalog(dao, *map_of(PERSON))
        with dao.transaction(), dao.transaction():
            dao.commit(catalog, put(A, "Al"))
        assert dao.adapter.checked_out == 1
        with dao.transaction():
            dao.commit(catalog, put(B, "Bo"))
    assert len(names(dao, catalog)) == 2
    with pytest.raises(Stop), dao.transaction():
        with dao.transaction():
            dao.commit(catalog, put(C, "Cy"))
        raise Stop
    assert len(names(dao, catalog)) == 2


def test_a_transaction_of_nothing_and_one_that_only_reads(site: Site) -> None:
    dao = site.dao()
    with dao.transaction():
        pass
    catalog = new_catalog(dao, *map_of(PERSON, {A: AL}))
    with dao.transaction():
        assert names(dao, catalog) == ["Al"]
        assert dao.load_catalog(catalog)
        assert not dao.delete_catalog(UUID(int=1))
    assert dao.get_catalog(catalog).revision == 1


def test_a_call_inside_of_a_call(site: Site) -> None:
    """Pieces that come from the same store, some of which are written there on the way."""
    dao = site.dao()
    catalog = new_catalog(dao, *map_of(NOTE, {A: {"text": "a" * 300_000}, B: {}}))
    made: list[UUID] = []

    def pieces(*, wrong: bool = False) -> Iterator[str]:
        for piece in dao.read_value(catalog, "note", A, "text"):
            made.append(dao.create_catalog().catalog_id)
            with pytest.raises(CheapError):
                dao.create_catalog(catalog_id=catalog)
            yield piece.decode()
        if wrong:
            yield "\0"

    with dao.transaction():
        assert dao.write_value(catalog, "note", B, "text", pieces()).size == 300_000
        with pytest.raises(InvalidValueError):
            dao.write_value(catalog, "note", B, "text", pieces(wrong=True))
    assert [dao.catalog_exists(each) for each in made] == [True, True, False, False]
    assert b"".join(dao.read_value(catalog, "note", B, "text")) == b"a" * 300_000


# --- catalogs that are saved inside -----------------------------------------------------------


def test_a_catalog_that_was_rolled_back_can_be_saved_again(site: Site) -> None:
    dao = site.dao()
    fresh = Catalog()
    fresh.define(PERSON)[A] = AL
    known = Catalog()
    people = known.define(PERSON)
    people[A] = AL
    dao.save_catalog(known)
    loaded = dao.load_catalog(known.global_id)
    with pytest.raises(Stop), dao.transaction():
        dao.save_catalog(fresh)
        people[B] = BO
        dao.save_catalog(known)
        people[B] = {"name": "Bob"}
        dao.save_catalog(known)
        assert known.revision == 3
        assert not known.pending_edits()
        raise Stop
    assert (fresh.revision, known.revision) == (0, 1)
    assert known.pending_edits()
    assert not dao.catalog_exists(fresh.global_id)
    with dao.transaction():
        dao.save_catalog(fresh)
        dao.save_catalog(known)
    assert (fresh.revision, known.revision) == (1, 2)
    assert dao.load_catalog(known.global_id) == known
    assert dao.load_catalog(fresh.global_id) == fresh
    # Somebody who had loaded before meets a conflict, and may save what is unrelated.
    loaded[P][C] = {"name": "Cy"}  # type: ignore[index]
    dao.save_catalog(loaded)
    loaded[P][B] = {"name": "Bea"}  # type: ignore[index]
    with pytest.raises(ConflictError):
        dao.save_catalog(loaded)


def test_a_conflict_inside(site: Site) -> None:
    """It takes back its own call; caught, the block goes on."""
    dao = site.dao()
    catalog = new_catalog(dao, *map_of(PERSON, {A: AL}))
    stale = dao.load_catalog(catalog)
    dao.commit(catalog, put(A, "newer"))
    stale[P][A] = {"name": "mine"}  # type: ignore[index]
    stale[P][B] = BO  # type: ignore[index]
    with dao.transaction():
        dao.commit(catalog, put(C, "Cy"))
        with pytest.raises(ConflictError):
            dao.save_catalog(stale)
        assert stale.pending_edits()
    assert names(dao, catalog) == ["newer", "Cy"]
    with pytest.raises(ConflictError), dao.transaction():
        dao.commit(catalog, [RemoveAspects(P, [C])])
        dao.save_catalog(stale)
    assert names(dao, catalog) == ["newer", "Cy"]


# --- threads ----------------------------------------------------------------------------------


def test_the_transactions_of_two_threads_do_not_mix(site: Site) -> None:
    dao = site.dao()
    mine = new_catalog(dao, *map_of(PERSON, {A: AL}))
    inside, outside = threading.Event(), threading.Event()
    seen: list[object] = []

    def other() -> None:
        inside.wait(10)
        seen.append(names(dao, mine))  # not joined: it does not see what is not committed
        if site.kind != "sqlite":  # where there is one writer at a time
            with pytest.raises(Stop), dao.transaction():
                new_catalog(dao, *map_of(PERSON))
                raise Stop
        outside.set()

    thread = in_thread(other)
    with dao.transaction():
        dao.commit(mine, put(A, "changed"))
        inside.set()
        assert outside.wait(10)
        dao.commit(mine, put(B, "Bo"))
    thread.join(10)
    assert seen == [["Al"]]
    assert sorted(map(str, names(dao, mine))) == ["Bo", "changed"]
    assert len(dao.list_catalog_ids()) == 1


def test_a_writer_waits_for_the_transaction_of_another(site: Site) -> None:
    dao = site.dao()
    catalog = new_catalog(dao, *map_of(PERSON, {A: AL}))
    errors: list[BaseException] = []

    def other() -> None:
        try:
            dao.commit(catalog, put(B, "Bo"), expect=1)
        except BaseException as error:
            errors.append(error)

    with dao.transaction():
        dao.commit(catalog, put(B, "first"))
        thread = in_thread(other)
    thread.join(30)
    [error] = errors
    assert isinstance(error, ConflictError)
    assert error.revision == 2


def test_threads_that_share_a_context_take_turns(site: Site) -> None:
    """As a framework does it that runs a call in a worker thread, in a copy of the context."""
    dao = site.dao()
    catalog = new_catalog(dao, *map_of(PERSON))
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(10):
                dao.commit(catalog, put(UUID(int=number * 100 + i)))
                if i % 3 == 0:
                    with pytest.raises(CheapError):
                        dao.commit(catalog, [*put(A), PutAspects(P, {B: {"age": 1.5}})])
                assert dao.get_aspects(catalog, P, [UUID(int=number * 100 + i)])
        except BaseException as error:
            errors.append(error)

    with pytest.raises(Stop), dao.transaction():
        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(work, number))
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert dao.adapter.checked_out == 1
        assert len(names(dao, catalog)) == 40
        raise Stop
    assert errors == []
    assert names(dao, catalog) == []


def test_a_context_that_outlives_the_block_is_on_its_own(site: Site) -> None:
    dao = site.dao()
    with pytest.raises(Stop), dao.transaction():
        context = contextvars.copy_context()
        made = context.run(dao.create_catalog).catalog_id
        assert dao.catalog_exists(made)
        raise Stop
    assert not context.run(dao.catalog_exists, made)
    made = context.run(dao.create_catalog).catalog_id
    assert dao.catalog_exists(made)
    assert dao.adapter.checked_out == 0


# --- deadlocks --------------------------------------------------------------------------------


def crossing(
    dao: SqlDao, first: UUID, second: UUID, errors: list[BaseException], barrier: Any
) -> Callable[[], None]:
    """Work that locks one catalog, waits until the other is locked, too, and wants that."""

    def work() -> None:
        try:
            with dao.transaction():
                dao.commit(first, put(A, "changed"))
                barrier.wait(10)
                dao.commit(second, put(A, "changed"))
        except BaseException as error:
            errors.append(error)

    return work


def test_a_deadlock_of_transactions(server: ServerSite) -> None:
    """One of them is told, and may begin again; the other one succeeds."""
    dao = server.dao()
    left, right = (new_catalog(dao, *map_of(PERSON, {A: AL})) for _ in range(2))
    errors: list[BaseException] = []
    barrier = threading.Barrier(2)
    threads = [
        in_thread(crossing(dao, left, right, errors, barrier)),
        in_thread(crossing(dao, right, left, errors, barrier)),
    ]
    for thread in threads:
        thread.join(30)
    [error] = errors
    assert isinstance(error, BusyError), error
    assert error.retryable
    assert "eadlock" in str(error)
    cause: Any = error.__cause__
    assert (cause.args[0] == 1213) if server.kind == "mariadb" else (cause.sqlstate == "40P01")
    for catalog in (left, right):
        assert dao.get_catalog(catalog).revision == 2
        assert names(dao, catalog) == ["changed"]
    assert dao.adapter.checked_out == 0


def test_after_a_deadlock_no_half_is_committed(server: ServerSite) -> None:
    """When the error is caught inside: MariaDB has given up all, PostgreSQL that call alone."""
    dao = server.dao()
    left, right = (new_catalog(dao, *map_of(PERSON, {A: AL})) for _ in range(2))
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def work(first: UUID, second: UUID) -> None:
        said = "went through"
        try:
            with dao.transaction():
                dao.commit(first, put(A, "changed"))
                barrier.wait(10)
                try:
                    dao.commit(second, put(A, "changed"))
                except BusyError:
                    said = "lost, went on"
                    if server.kind == "mariadb":
                        with pytest.raises(BusyError):  # the block is doomed, reads and all
                            dao.get_catalog(first)
                        with pytest.raises(BusyError):
                            dao.commit(first, put(B, "more"))
                    else:
                        dao.commit(first, put(B, "more"))
        except BusyError:
            said = "lost, rolled back"
        outcomes.append(said)

    threads = [in_thread(lambda: work(left, right)), in_thread(lambda: work(right, left))]
    for thread in threads:
        thread.join(30)
    found = sorted(len(names(dao, each)) for each in (left, right))
    revisions = sorted(dao.get_catalog(each).revision for each in (left, right))
    if server.kind == "mariadb":
        assert sorted(outcomes) == ["lost, rolled back", "went through"]
        assert (found, revisions) == ([1, 1], [2, 2])
    else:
        assert sorted(outcomes) == ["lost, went on", "went through"]
        assert found == [1, 2]


def test_single_calls_that_deadlock_are_repeated(server: ServerSite) -> None:
    """A raw transaction of another program takes two locks in the other order, once."""
    dao = server.dao()
    catalog = new_catalog(dao, *map_of(PERSON, {A: AL}))
    with server.connect() as raw:
        if server.kind == "mariadb":
            server.ask_on(raw, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        server.ask_on(raw, "BEGIN")
        # MariaDB spares the one that has written more.
        for i in range(50):
            server.ask_on(
                raw,
                "INSERT INTO cheap_removal VALUES (?, 1, ?, 1, NULL)",
                bytes(16),
                i.to_bytes(16, "big"),
            )
        server.ask_on(raw, "UPDATE cheap_aspect SET pieces = 0")
        done: list[object] = []
        thread = in_thread(lambda: done.append(dao.commit(catalog, put(A, "changed"))))
        waiting = {
            "postgres": "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
            # Not of innodb_trx: who reads that all the time never sees anything new (it is a copy
            # that is renewed only when nobody has read it for 100 ms).
            "mariadb": "SELECT CAST(variable_value AS INTEGER)"
            " FROM information_schema.global_status"
            " WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'",
        }[server.kind]
        while server.ask(waiting) == [(0,)]:
            assert thread.is_alive()
        if server.kind == "postgres":  # which lets the one fail that finds out: not this one
            server.ask_on(raw, "SET deadlock_timeout = '1h'")
        server.ask_on(raw, "UPDATE cheap_catalog SET version = 'theirs'")
        server.ask_on(raw, "COMMIT")
        thread.join(30)
    assert len(done) == 1
    assert dao.get_catalog(catalog).version == "theirs"
    assert names(dao, catalog) == ["changed"]


def test_a_read_that_fails_inside_is_not_committed_in_silence(server: ServerSite) -> None:
    dao = server.dao(statement_timeout=0.2)
    catalog = new_catalog(dao, *map_of(PERSON, {A: AL}))
    sleep = {"postgres": "SELECT pg_sleep(10)", "mariadb": "SELECT SLEEP(10)"}[server.kind]
    try:
        with dao.transaction():
            dao.commit(catalog, put(B, "Bo"))
            with pytest.raises(StatementTimeoutError), dao._reading() as session:
                session.rows(sleep, {})
        committed = True
    except StoreError:
        committed = False
    assert committed is (len(names(dao, catalog)) == 2)


def test_a_statement_that_was_to_be_prepared_behind_one_that_failed(site: Site) -> None:
    """psycopg takes it for prepared; a database that was rolled back knows nothing of it."""
    dao = site.dao(**({} if site.kind == "sqlite" else {"pool_min_size": 1, "pool_max_size": 1}))
    question: Any = ("SELECT 42", {})
    with pytest.raises(Stop), dao.transaction():
        raise Stop
    for _ in range(3):  # the next time it is to be prepared
        with dao.adapter.session() as session:
            assert session.rows(*question)[0][0] == 42
    with pytest.raises(StoreError), dao.adapter.transaction(write=True) as session:
        session.later("SELECT * FROM no_such_table", {})
        session.rows(*question)
    with dao.adapter.transaction(write=True) as session:
        assert session.rows(*question)[0][0] == 42
