"""Making the schema and bringing it forward: once, whoever does it, and however often it breaks."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from cheap.core import Catalog
from cheap.db import migrations
from cheap.db.adapter import Session
from cheap.db.dao import SqlDao
from cheap.db.migrations import Step, prepare
from cheap.db.schema import DESK, TABLES, VERSION
from cheap.errors import CheapError, NotOursError, SchemaVersionError
from tests.contract.samples import full_catalog
from tests.db.places import PYTHON, ServerSite, Site, SqliteSite


def version_of(site: Site) -> int:
    [(version,)] = site.ask("SELECT schema_version FROM cheap_store")
    return int(version)


def set_version(site: Site, version: int) -> None:
    site.ask(f"UPDATE cheap_store SET schema_version = {version}")


def everything(site: Site) -> list[Any]:
    """All rows of all tables."""
    return [
        sorted(map(repr, site.ask(f"SELECT * FROM {table}"))) for table in sorted(site.tables())
    ]


# --- making it --------------------------------------------------------------------------------


def test_the_schema_is_made_when_wanted(bare_site: Site) -> None:
    site = bare_site
    with pytest.raises(SchemaVersionError, match="init_schema=True"):
        site.adapter(init_schema=False)
    if site.kind != "sqlite":
        assert site.tables() == set()
    site.adapter()
    assert site.tables() == {each.name for each in TABLES}
    assert version_of(site) == VERSION
    before = everything(site)
    site.adapter(init_schema=False)
    site.adapter()
    assert everything(site) == before


def test_a_creation_that_was_interrupted(site: Site) -> None:
    """After any of its statements, where DDL commits by itself; it is completed later."""
    adapter = site.adapter()
    identity = adapter.store_id
    adapter.close()
    for table in [each.name for each in TABLES[1:]]:
        site.ask(f"DROP TABLE {table}")
    site.ask("DELETE FROM cheap_store")
    with pytest.raises(SchemaVersionError, match="not completed"):
        site.adapter(init_schema=False)
    dao = SqlDao(site.adapter())
    dao.save_catalog(full_catalog())
    assert dao.store_id != identity
    assert site.tables() == {each.name for each in TABLES}


@pytest.mark.parametrize("way", ["threads", "processes"])
def test_two_make_it_at_once(bare_site: Site, way: str) -> None:
    """All of them find one and the same store."""
    site = bare_site
    count = 6 if way == "threads" else 4
    if way == "threads":
        barrier = threading.Barrier(count)
        found: list[object] = []

        def work() -> None:
            barrier.wait(20)
            try:
                with (
                    site.new_adapter(pool_max_size=1)
                    if site.kind != "sqlite"
                    else (site.new_adapter()) as adapter
                ):
                    found.append(str(adapter.store_id))
            except BaseException as error:
                found.append(error)

        threads = [threading.Thread(target=work) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        script = (
            "import sys, cheap\n"
            "print('ready', flush=True); sys.stdin.readline()\n"
            "with cheap.connect(sys.argv[1]) as dao: print(dao.store_id, flush=True)\n"
        )
        processes = [
            subprocess.Popen(
                [PYTHON, "-W", "error", "-c", script, site.url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(count)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        found = [process.communicate()[0].strip() for process in processes]
    assert len(found) == count
    assert len(set(found)) == 1, found
    assert str(site.adapter().store_id) in found


def test_somebody_elses_table_of_our_name(bare_site: Site) -> None:
    site = bare_site
    if isinstance(site, SqliteSite):
        site.ask("CREATE TABLE theirs (x INTEGER)")
        with pytest.raises(NotOursError):
            site.adapter()
        site.ask("DROP TABLE theirs")
    site.ask("CREATE TABLE cheap_store (price INTEGER)")
    site.ask("INSERT INTO cheap_store VALUES (7)")
    for init_schema in (True, False):
        with pytest.raises(NotOursError, match="cheap_store that CheapPy did not make"):
            site.adapter(init_schema=init_schema)
    assert site.tables() == {"cheap_store"}
    assert site.ask("SELECT * FROM cheap_store") == [(7,)]


def test_somebody_elses_rows_in_a_table_like_ours(sqlite: SqliteSite) -> None:
    sqlite.adapter().close()
    sqlite.ask("UPDATE cheap_store SET store_id = 'x'")
    with pytest.raises(NotOursError, match="cheap_store that CheapPy did not make"):
        sqlite.adapter()


def test_tables_of_others_are_left_alone(server: ServerSite) -> None:
    server.ask("CREATE TABLE theirs (x INTEGER)")
    server.ask("INSERT INTO theirs VALUES (7)")
    dao = server.dao()
    dao.delete_catalog(new := dao.create_catalog().catalog_id)
    assert new
    assert server.ask("SELECT * FROM theirs") == [(7,)]


# --- bringing it forward ----------------------------------------------------------------------


class Crash(BaseException):
    """What nobody catches."""


def add_column(session: Session) -> None:
    """A step that does not mind its own traces, in the words of each database."""
    if session.dialect.name == "sqlite":
        names = [row[1] for row in session.rows("PRAGMA table_info(cheap_catalog)", {})]
        if b"note" not in names:
            session.run("ALTER TABLE cheap_catalog ADD COLUMN note INTEGER", {})
    else:
        session.run("ALTER TABLE cheap_catalog ADD COLUMN IF NOT EXISTS note INTEGER", {})


def fill_column(session: Session) -> None:
    session.run("UPDATE cheap_catalog SET note = 7 WHERE note IS NULL", {})


def make_table(session: Session) -> None:
    session.run("CREATE TABLE IF NOT EXISTS cheap_extra (n INTEGER PRIMARY KEY)", {})
    session.run("DELETE FROM cheap_extra", {})
    session.run("INSERT INTO cheap_extra VALUES (1)", {})


def step_two(session: Session) -> None:
    add_column(session)
    fill_column(session)


STEPS: dict[int, Step] = {VERSION + 1: step_two, VERSION + 2: make_table}
LAST = VERSION + 2


def forward(site: Site, steps: dict[int, Step] = STEPS, version: int = LAST) -> None:
    """Open the database as a later CheapPy would, which knows more versions."""
    found = version_of(site)
    set_version(site, VERSION)  # so that the present one opens it
    with site.new_adapter() as adapter:
        set_version(site, found)
        prepare(adapter, exists=True, init_schema=True, steps=steps, version=version)


def test_steps_are_taken_once_and_in_order(site: Site) -> None:
    dao = site.dao()
    catalog = full_catalog()
    dao.save_catalog(catalog)
    taken: list[int] = []
    steps: dict[int, Step] = {
        number: lambda session, number=number, step=step: (  # type: ignore[misc]
            taken.append(number),
            step(session),
        )
        for number, step in STEPS.items()
    }
    forward(site, steps, VERSION + 1)
    assert taken == [VERSION + 1]
    forward(site, steps)
    forward(site, steps)
    assert taken == [VERSION + 1, VERSION + 2]
    assert version_of(site) == LAST
    assert site.ask("SELECT note FROM cheap_catalog") == [(7,)]
    assert site.ask("SELECT n FROM cheap_extra") == [(1,)]
    set_version(site, VERSION)
    assert dao.load_catalog(catalog.global_id) == catalog


@pytest.mark.parametrize("breaks", ["before", "in the middle", "at the end"])
def test_an_interrupted_step_is_taken_again(site: Site, breaks: str) -> None:
    site.dao().save_catalog(Catalog())

    def broken(session: Session) -> None:
        if breaks != "before":
            add_column(session)
        if breaks == "at the end":
            fill_column(session)
        raise Crash

    for _ in range(2):
        with pytest.raises(Crash):
            forward(site, {**STEPS, VERSION + 1: broken})
        assert version_of(site) == VERSION
    with pytest.raises(Crash):
        forward(site, {**STEPS, VERSION + 2: broken})
    assert version_of(site) == VERSION + 1
    forward(site)
    assert version_of(site) == LAST
    assert site.ask("SELECT note FROM cheap_catalog") == [(7,)]
    assert site.ask("SELECT n FROM cheap_extra") == [(1,)]


DIE = """
import os, sys
from cheap.connecting import connect
from cheap.db.migrations import prepare
from tests.db.test_migrations import STEPS, LAST, VERSION, add_column

def die(session):
    add_column(session)
    os.kill(os.getpid(), 9)

with connect(sys.argv[1]) as dao:
    steps = {**STEPS, VERSION + 1: die}
    prepare(dao.adapter, exists=True, init_schema=True, steps=steps, version=LAST)
"""


def test_a_process_that_dies_in_the_middle_of_a_step(site: Site) -> None:
    site.dao().save_catalog(Catalog())
    done = subprocess.run([PYTHON, "-c", DIE, site.url], env={**os.environ, "PYTHONPATH": "."})
    assert done.returncode == -9
    assert version_of(site) == VERSION
    forward(site)
    assert version_of(site) == LAST
    assert site.ask("SELECT note FROM cheap_catalog") == [(7,)]


def test_many_bring_it_forward_at_once(site: Site) -> None:
    """Each step is taken, and the version never goes back."""
    site.dao().save_catalog(Catalog())
    barrier = threading.Barrier(5)
    errors: list[BaseException] = []

    def work() -> None:
        with site.new_adapter() as adapter:
            barrier.wait(20)
            try:
                prepare(adapter, exists=True, init_schema=True, steps=STEPS, version=LAST)
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert version_of(site) == LAST
    assert site.ask("SELECT note FROM cheap_catalog") == [(7,)]
    assert site.ask("SELECT n FROM cheap_extra") == [(1,)]


def test_a_database_of_the_first_version(site: Site) -> None:
    """It had no notes of servers; its catalogs stay."""
    catalog = full_catalog()
    site.dao().save_catalog(catalog)
    site.stack.close()
    for table in DESK:
        site.ask(f"DROP TABLE {table.name}")
    set_version(site, 1)
    dao = site.dao()
    assert version_of(site) == VERSION
    assert site.tables() == {each.name for each in TABLES}
    assert dao.load_catalog(catalog.global_id) == catalog
    dao.schedule_deletion(catalog.global_id, 5)
    assert dao.due_deletions(5) == [catalog.global_id]


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("init_schema", [True, False])
def test_a_newer_schema_is_refused_untouched(site: Site, init_schema: bool) -> None:
    site.dao().save_catalog(full_catalog())
    site.stack.close()
    set_version(site, 99)
    before = everything(site)
    content = site.file.read_bytes() if isinstance(site, SqliteSite) else b""
    with pytest.raises(SchemaVersionError, match=r"version 99, made by a newer.*upgrade"):
        site.adapter(init_schema=init_schema)
    assert everything(site) == before
    if isinstance(site, SqliteSite):
        assert site.file.read_bytes() == content
        assert [each.name for each in site.file.parent.iterdir()] == [site.file.name]


def test_an_old_schema_that_may_not_be_changed(site: Site) -> None:
    site.dao().save_catalog(full_catalog())
    before = everything(site)
    refused = pytest.raises(
        SchemaVersionError, match=rf"version {VERSION}, this CheapPy needs {LAST}.*init_"
    )
    with site.new_adapter() as adapter, refused:
        prepare(adapter, exists=True, init_schema=False, steps=STEPS, version=LAST)
    assert everything(site) == before


def test_a_fault_in_a_step_is_told(site: Site) -> None:
    site.dao()

    def wrong(session: Session) -> None:
        session.run("ALTER TABLE nonsense ADD COLUMN x INTEGER", {})

    steps: dict[int, Callable[[Session], None]] = {VERSION + 1: wrong}
    with pytest.raises(CheapError, match="nonsense"):
        forward(site, steps, VERSION + 1)
    assert version_of(site) == VERSION
    assert migrations.STEPS.keys() == set(range(2, VERSION + 1))


def test_no_connection_is_left_when_it_is_refused(
    site: Site, open_files: Callable[[], list[str]]
) -> None:
    site.adapter().close()
    set_version(site, 99)
    before = open_files()
    with pytest.raises(SchemaVersionError):
        site.new_adapter()
    assert len(open_files()) == len(before)
    with closing(site.connect()):
        assert version_of(site) == 99
