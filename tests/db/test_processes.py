"""Many processes and many threads on one database: nobody is refused, and nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import cheap
from cheap.core import AspectDef, PropertyDef
from cheap.core.edits import Append, PutAspects
from cheap.db.sqlite import SqliteAdapter, SqliteDao
from cheap.errors import ConflictError
from cheap.store import Store
from tests.contract.samples import NOTE, A, B, T, entities, items, list_of, map_of, new_catalog
from tests.db.places import PYTHON, Site

COUNTER = AspectDef("counter", [PropertyDef("n", T.INTEGER), PropertyDef("who", T.STRING)])
ENVIRONMENT = {**os.environ, "PYTHONPATH": ".", "PYTHONWARNINGS": "error"}


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python program that says when it is ready, and waits for a word."""
    return subprocess.Popen(
        [PYTHON, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def run_together(processes: list[subprocess.Popen[str]]) -> list[str]:
    """Let programs that are ready go at once, and return what each said."""
    for process in processes:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "ready\n", process.communicate()[1]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate() for process in processes]
    assert [errors for _, errors in said] == [""] * len(processes)
    assert [process.returncode for process in processes] == [0] * len(processes)
    return [out for out, _ in said]


def increment(store: Store, catalog: UUID, entity: UUID, who: str) -> int:
    """Add one to a counter that others change, too; return how often somebody was faster."""
    conflicts = 0
    while True:
        header = store.get_catalog(catalog)
        n = store.get_aspects(catalog, "counter", [entity])[entity]["n"]
        try:
            store.commit(
                catalog,
                [PutAspects("counter", {entity: {"n": n + 1, "who": who}})],  # type: ignore[operator]
                expect=header.revision,
            )
            return conflicts
        except ConflictError as error:
            if (error.revision or 0) <= header.revision:
                raise
            conflicts += 1


INCREMENT = """
import sys
from uuid import UUID
import cheap
from cheap.core.edits import Append, PutAspects
from tests.db.test_processes import increment
url, catalog, number, rounds = sys.argv[1], UUID(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
with cheap.connect(url) as dao:
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(rounds):
        increment(dao, catalog, UUID(int=1), str(number))
        mine = UUID(int=1000 * (number + 1) + i)
        dao.commit(catalog, [
            PutAspects("counter", {mine: {"n": i, "who": str(number)}}), Append("list", [mine])
        ])
        assert dao.get_aspects(catalog, "counter", [mine])[mine]["n"] == i
"""


def counted(store: Store) -> UUID:
    first = {UUID(int=1): {"n": 0, "who": "nobody"}}
    return new_catalog(store, *map_of(COUNTER, first, "who"), *list_of("list"))


def assert_counted(store: Store, catalog: UUID, workers: int, rounds: int) -> None:
    shared = store.get_aspects(catalog, "counter", [UUID(int=1)])[UUID(int=1)]
    assert shared["n"] == workers * rounds
    assert store.get_catalog(catalog).revision == 1 + 2 * workers * rounds
    found = items(store, catalog, "list")
    assert len(found) == len(set(found)) == workers * rounds
    for number in range(workers):  # each one's own order is kept
        own = [each.int for each in found if each and each.int // 1000 == number + 1]
        assert own == sorted(own)
    whos = Counter(each["who"] for each in store.iter_aspects(catalog, "counter"))
    assert sum(whos.values()) == workers * rounds + 1
    where = cheap.field("who") == "1"
    by_index = list(store.iter_aspects(catalog, "counter", where))
    assert len(by_index) == whos["1"]


def test_eight_processes_on_one_file(sqlite: Site) -> None:
    """Nothing says "database is locked", and no increment is lost."""
    rounds = 12
    with cheap.connect(sqlite.url) as dao:
        catalog = counted(dao)
        run_together([start(INCREMENT, sqlite.url, catalog, i, rounds) for i in range(8)])
        assert_counted(dao, catalog, 8, rounds)
    assert [each.name for each in Path(sqlite.url[10:]).parent.iterdir()] == ["catalog.db"]


def test_three_processes_on_one_server(server: Site) -> None:
    dao = server.dao()
    catalog = counted(dao)
    run_together([start(INCREMENT, server.url, catalog, i, 12) for i in range(3)])
    assert_counted(dao, catalog, 3, 12)


def test_many_threads_on_one_dao(site: Site) -> None:
    """More of them than there are connections."""
    workers, rounds = 12, 6
    dao = site.dao()
    catalog = counted(dao)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(rounds):
                increment(dao, catalog, UUID(int=1), str(number))
                mine = UUID(int=1000 * (number + 1) + i)
                record = {"n": i, "who": str(number)}
                dao.commit(catalog, [PutAspects("counter", {mine: record}), Append("list", [mine])])
                found = dao.get_aspects(catalog, "counter", [mine])
                assert {e: dict(a) for e, a in found.items()} == {mine: record}
                assert dao.load_catalog(catalog)["counter"][mine]["n"] == i  # type: ignore[index]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert_counted(dao, catalog, workers, rounds)
    assert dao.adapter.checked_out == 0


def test_readers_see_whole_commits(site: Site) -> None:
    """Two records that always change together are never seen apart, nor is half of a large one."""
    dao = site.dao()
    both = {A: {"title": "0", "text": "0" * 400_000}, B: {"title": "0"}}
    catalog = new_catalog(dao, *map_of(NOTE, both))
    done = threading.Event()
    errors: list[BaseException] = []
    seen: set[str] = set()

    def look(read: Callable[[], dict[UUID, Any]]) -> None:
        try:
            while not done.is_set():
                found = read()
                title, text = found[A]["title"], found[A]["text"]
                assert found[B]["title"] == title
                assert set(text) == {title}
                seen.add(title)
        except BaseException as error:
            errors.append(error)
            done.set()

    def get() -> dict[UUID, Any]:
        return dao.get_aspects(catalog, "note", [A, B])

    def load() -> dict[UUID, Any]:
        return dict(dao.load_catalog(catalog)["note"].items())  # type: ignore[attr-defined]

    def find() -> dict[UUID, Any]:
        page = dao.find_aspects(catalog, "note")
        return {each.entity: each for each in page.items if each.entity}

    threads = [threading.Thread(target=look, args=(read,)) for read in (get, load, find)]
    for thread in threads:
        thread.start()
    for i in range(40):
        if done.is_set():
            break
        title = str(i % 10)
        # By turns so large that it lies in pieces, and so small that it does not.
        text = title * (400_000 if i % 3 else 3)
        dao.commit(
            catalog, [PutAspects("note", {A: {"title": title, "text": text}, B: {"title": title}})]
        )
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert seen


def test_a_process_that_is_killed_while_it_writes(sqlite: Site) -> None:
    """Whenever that happens: the file is whole, and nothing of the last commit is in it."""
    script = """
import os, sys
from uuid import UUID
import cheap
from cheap.core.edits import PutAspects
class Dying(dict):
    def items(self):
        for i in range(5000):
            if i == int(sys.argv[3]):
                os.kill(os.getpid(), 9)
            yield UUID(int=i + 10), {"n": i, "who": "x" * 50}
    def __len__(self): return 5000
    def keys(self): return {}.keys()
dao = cheap.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
first = {UUID(int=i + 10): {"n": i, "who": "y"} for i in range(2000)}
with dao.transaction():
    dao.commit(UUID(sys.argv[2]), [PutAspects("counter", first)])
    dao.commit(UUID(sys.argv[2]), [PutAspects("counter", Dying())])
"""
    with cheap.connect(sqlite.url) as dao:
        catalog = counted(dao)
    for when in (0, 2500, 4999):
        process = start(script, sqlite.url, catalog, when)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.communicate("go\n")
        assert process.returncode == -signal.SIGKILL
        with cheap.connect(sqlite.url) as dao:
            assert dao.get_catalog(catalog).revision == 1
            assert len(list(dao.iter_aspects(catalog, "counter"))) == 1
    with closing(sqlite3.connect(sqlite.url[10:])) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_processes_that_are_killed_at_random(sqlite: Site) -> None:
    """While others go on: what was committed stays, in order, without a gap."""
    script = """
import sys
from uuid import UUID
import cheap
from cheap.core.edits import Append
with cheap.connect(sys.argv[1]) as dao:
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(100_000):
        dao.commit(UUID(sys.argv[2]), [Append("list", [UUID(int=i)])])
        print(i, flush=True)
"""
    with cheap.connect(sqlite.url) as dao:
        catalog = counted(dao)
        for round_ in range(3):
            before = len(items(dao, catalog, "list"))
            process = start(script, sqlite.url, catalog)
            assert process.stdout is not None
            assert process.stdin is not None
            process.stdout.readline()
            process.stdin.write("go\n")
            process.stdin.flush()
            said = [process.stdout.readline() for _ in range(random.randint(1, 30))]
            process.kill()
            said += process.stdout
            process.communicate()
            last = int(said[-1])
            found = [each.int for each in items(dao, catalog, "list") if each][before:]
            assert found == list(range(len(found))), round_
            assert len(found) - 1 in (last, last + 1)


def test_many_processes_open_a_new_file_at_once(tmp_path: Path) -> None:
    script = """
import sys, cheap
print("ready", flush=True)
sys.stdin.readline()
with cheap.connect(sys.argv[1]) as dao:
    made = dao.create_catalog().catalog_id
    print(dao.store_id, dao.catalog_exists(made))
"""
    url = f"sqlite:///{tmp_path}/new/folder/x.db"
    said = run_together([start(script, url) for _ in range(4)])
    assert len(set(said)) == 1
    assert said[0].endswith("True\n")
    with cheap.connect(url) as dao:
        assert len(dao.list_catalog_ids()) == 4


def test_threads_that_open_and_close_one_file(tmp_path: Path) -> None:
    """The last connection that is closed tidies up; whoever opens then must not stumble."""
    path = tmp_path / "x.db"
    SqliteAdapter.create(path, init_schema=True).close()
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(8):
                with SqliteAdapter.create(path, init_schema=i % 2 == 0) as adapter:
                    dao = SqliteDao(adapter)
                    if (i + number) % 2:
                        dao.create_catalog()
                    dao.list_catalog_ids()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with SqliteAdapter.create(path) as adapter:
        assert len(SqliteDao(adapter).list_catalog_ids()) == 24
    assert os.listdir(tmp_path) == ["x.db"]


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_a_large_value_is_not_held_in_memory(site: Site) -> None:
    """Neither what is written nor what is read: a process that may not grow does both."""
    script = """
import resource, sys, threading
from uuid import UUID
import cheap
piece = b"x" * 250_000
with cheap.connect(sys.argv[1]) as dao:
    catalog = UUID(sys.argv[2])
    def pieces(count):
        for _ in range(count):
            yield piece
    place = (catalog, "note", UUID(int=1), "data")
    dao.write_value(*place, pieces(8))
    sum(map(len, dao.read_value(*place)))
    print("ready", flush=True)
    sys.stdin.readline()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    dao.write_value(*place, pieces(240))
    assert sum(map(len, dao.read_value(*place))) == 60_000_000
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 20_000, f"grew by {grown:,} KB"
"""
    catalog = new_catalog(site.dao(), *map_of(NOTE, {UUID(int=1): {}}))
    run_together([start(script, site.url, catalog)])
    assert len(entities(1)) == 1
