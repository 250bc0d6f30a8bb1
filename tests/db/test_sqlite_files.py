"""Files that SQLite is pointed at: what is not ours stays as it is, what is wrong is said."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cheap.core import Catalog
from cheap.db.sqlite import APPLICATION_ID, SqliteAdapter, SqliteDao
from cheap.errors import (
    AccessDeniedError,
    BusyError,
    ClosedError,
    ConfigurationError,
    CorruptError,
    NotOursError,
    ReadOnlyError,
    SchemaVersionError,
    StorageFullError,
    StoreError,
)
from tests.contract.samples import PERSON, A, B, entities, full_catalog, map_of, new_catalog
from tests.db.places import PYTHON, SqliteSite

create = SqliteAdapter.create


@contextmanager
def untouched(folder: Path) -> Generator[None]:
    """Nothing in the folder changes: no byte of a file, no name, and no new name."""

    def look() -> dict[str, tuple[bytes, float]]:
        return {
            str(each.relative_to(folder)): (each.read_bytes(), each.stat().st_mtime)
            for each in folder.rglob("*")
            if each.is_file()
        }

    before = look()
    yield
    assert look() == before


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A file of ours, with a catalog in it."""
    path = tmp_path / "ours.db"
    with create(path, init_schema=True) as adapter:
        SqliteDao(adapter).save_catalog(full_catalog())
    assert sorted(tmp_path.iterdir()) == [path]
    return path


# --- what is no database, or another program's -----------------------------------------------

NO_DATABASES = {
    "one byte": b"x",
    "ten bytes": b"0123456789",
    "99 bytes": b"SQLite format 3\0" + bytes(83),
    "text": b"once upon a time\n" * 400,
    "zeros": bytes(8192),
    "random": bytes(i * i * 7919 % 251 for i in range(20_000)),
    "zip": b"PK\3\4" + bytes(5000),
}


@pytest.mark.parametrize("init_schema", [True, False])
@pytest.mark.parametrize("content", NO_DATABASES.values(), ids=NO_DATABASES)
def test_no_database(tmp_path: Path, content: bytes, init_schema: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with (
        untouched(tmp_path),
        pytest.raises(NotOursError, match=r"not a SQLite database.*untouched"),
    ):
        create(path, init_schema=init_schema)


def _foreign(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


FOREIGN = {
    "plain": ["CREATE TABLE t (x)", "INSERT INTO t VALUES (1)"],
    "wal": ["PRAGMA journal_mode = WAL", "CREATE TABLE t (x)"],
    "only a view": ["CREATE VIEW v AS SELECT 1"],
    "marked, empty": ["PRAGMA application_id = 1196444487"],  # a GeoPackage without content
    "marked, in wal": ["PRAGMA journal_mode = WAL", "PRAGMA application_id = 7"],
}


@pytest.mark.parametrize("options", [{}, {"init_schema": True}, {"read_only": True}], ids=str)
@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN)
def test_another_programs_database(
    tmp_path: Path, statements: list[str], options: dict[str, bool]
) -> None:
    path = tmp_path / "theirs.db"
    _foreign(path, *statements)
    if options.get("read_only") and "PRAGMA journal_mode = WAL" in statements:
        before = path.read_bytes()
        with pytest.raises(NotOursError):
            create(path, read_only=True)
        assert path.read_bytes() == before  # SQLite leaves files beside one it may not tidy up
        return
    with untouched(tmp_path), pytest.raises(NotOursError, match=r"something else.*untouched"):
        create(path, **options)  # type: ignore[arg-type]


def test_another_programs_database_in_use(tmp_path: Path) -> None:
    """Its program is in the middle of a transaction, and must not notice that we looked."""
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (1)")
        before = path.read_bytes(), Path(f"{path}-wal").read_bytes()
        with pytest.raises(NotOursError):
            create(path, init_schema=True)
        assert (path.read_bytes(), Path(f"{path}-wal").read_bytes()) == before
        connection.execute("COMMIT")
        assert connection.execute("SELECT * FROM t").fetchall() == [(1,)]


def test_our_table_name_with_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    _foreign(path, "CREATE TABLE cheap_store (price)", "INSERT INTO cheap_store VALUES (1)")
    with untouched(tmp_path), pytest.raises(NotOursError, match="did not make"):
        create(path, init_schema=True)


def test_an_empty_file_and_an_empty_database_are_taken(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    blank = tmp_path / "blank.db"
    _foreign(blank, "VACUUM", "PRAGMA user_version = 1", "PRAGMA user_version = 0")
    assert blank.stat().st_size > 0
    for path in (empty, blank):
        with untouched(tmp_path), pytest.raises(SchemaVersionError, match="init_schema=True"):
            create(path)
        with create(path, init_schema=True) as adapter:
            assert SqliteDao(adapter).list_catalog_ids() == []
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_ours_without_our_mark(ours: Path) -> None:
    """A file that was copied with SQL keeps its tables, not the mark."""
    _foreign(ours, "PRAGMA application_id = 0")
    with create(ours) as adapter:
        assert len(SqliteDao(adapter).list_catalog_ids()) == 1


@pytest.mark.parametrize("part", [0.001, 0.01, 0.3, 0.9])
def test_ours_but_cut_off(ours: Path, part: float) -> None:
    os.truncate(ours, int(ours.stat().st_size * part))
    cut = ours.read_bytes()
    with pytest.raises((NotOursError, CorruptError)), create(ours, init_schema=True) as adapter:
        dao = SqliteDao(adapter)
        for each in dao.list_catalog_ids():
            dao.load_catalog(each)
    assert ours.read_bytes() == cut


def test_ours_but_overwritten_in_the_middle(ours: Path) -> None:
    with ours.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xa5" * 4096 * 12)
    damage = pytest.raises(CorruptError, match=r"ours\.db: .*malformed")
    with damage, create(ours, init_schema=True) as adapter:
        dao = SqliteDao(adapter)
        for each in dao.list_catalog_ids():
            dao.load_catalog(each)


def test_a_damaged_record(ours: Path) -> None:
    catalog = Catalog()
    catalog.define(PERSON)[A] = {"name": "Al"}
    with create(ours) as adapter:
        SqliteDao(adapter).save_catalog(catalog)
    _foreign(ours, """UPDATE cheap_aspect SET document = '{"name' WHERE document LIKE '%"Al"%'""")
    with create(ours) as adapter:
        dao = SqliteDao(adapter)
        with pytest.raises(CorruptError, match="cannot be read"):
            dao.get_aspects(catalog.global_id, PERSON.name, [A])
        loaded = dao.load_catalog(catalog.global_id)
        with pytest.raises(CorruptError):
            assert loaded[PERSON.name][A]["name"]  # type: ignore[index]


# --- paths ------------------------------------------------------------------------------------


def test_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b c" / "ä#?%41.db"
    with pytest.raises(SchemaVersionError, match="not there"):
        create(path)
    assert not (tmp_path / "a").exists()
    with create(path, init_schema=True) as adapter:
        SqliteDao(adapter).save_catalog(full_catalog())
    assert [each.name for each in path.parent.iterdir()] == ["ä#?%41.db"]


ODD_NAMES = ["%2e.db", "?mode=memory", "#x", "a b&c=d", "'", '"', ":x", "😀", "-wal", "file:x"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_file_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with create(name, init_schema=True) as adapter:
        SqliteDao(adapter).save_catalog(full_catalog())
    assert os.listdir() == [name]
    with create(os.path.join(tmp_path, name)) as adapter:
        assert len(SqliteDao(adapter).list_catalog_ids()) == 1


def test_a_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.db")
    with create(path, init_schema=True) as adapter:
        SqliteDao(adapter).save_catalog(full_catalog())
    assert os.listdir(os.fsencode(tmp_path)) == [b"\xff\xfe.db"]


def test_two_slashes_in_front(tmp_path: Path) -> None:
    with create(f"/{tmp_path}/x.db", init_schema=True) as adapter:
        assert SqliteDao(adapter).list_catalog_ids() == []
    assert (tmp_path / "x.db").exists()


def test_the_working_directory_may_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are opened when they are needed: they must not go elsewhere then."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with create("x.db", init_schema=True) as adapter:
        dao = SqliteDao(adapter)
        monkeypatch.chdir("elsewhere")
        dao.save_catalog(full_catalog())
        assert len(dao.list_catalog_ids()) == 1
    assert os.listdir() == []


def test_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "real" / "x.db")
    with create(link, init_schema=True) as adapter:
        SqliteDao(adapter).save_catalog(full_catalog())
    assert link.is_symlink()
    assert os.listdir(tmp_path / "real") == ["x.db"]


WRONG_PATHS = {
    "nothing": "",
    "NUL": "a\0b",
    "bytes": b"x.db",
}


@pytest.mark.parametrize("path", WRONG_PATHS.values(), ids=WRONG_PATHS)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ConfigurationError, match="path"):
        create(path, init_schema=True)


def test_paths_that_cannot_be_opened(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    for path in (
        tmp_path,
        file / "x.db",
        file / "folder" / "x.db",
        tmp_path / "loop",
        tmp_path / "loop" / "x.db",
        tmp_path / "pipe",
        tmp_path / ("n" * 300),
        Path("/dev/null/x.db"),
        Path("/dev/null"),
    ):
        with pytest.raises(AccessDeniedError, match=r"cannot be opened|is not a file"):
            create(path, init_schema=True)
    assert file.read_text() == "x"


# --- permissions ------------------------------------------------------------------------------


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an unprivileged user can reach; those of pytest are root's alone."""
    folder = Path(tempfile.mkdtemp(prefix="cheap-"))
    folder.chmod(0o777)
    yield folder
    for each in [folder, *folder.rglob("*")]:
        with contextlib.suppress(OSError):
            each.chmod(0o777)
    shutil.rmtree(folder)


@contextmanager
def unprivileged() -> Generator[None]:
    """For root, who may do everything: the rights of nobody, as far as files are concerned."""
    if os.geteuid():
        yield
        return
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_a_folder_that_may_not_be_written(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    with unprivileged():
        for path in (open_folder / "x.db", open_folder / "new" / "x.db"):
            with pytest.raises(AccessDeniedError, match="permission"):
                create(path, init_schema=True)
    assert list(open_folder.iterdir()) == []


def test_a_file_that_may_not_be_read(open_folder: Path) -> None:
    path = open_folder / "x.db"
    with unprivileged():
        create(path, init_schema=True).close()
        path.chmod(0o000)
        with pytest.raises(AccessDeniedError, match="permissions"):
            create(path, init_schema=True)
    open_folder.chmod(0o000)
    with unprivileged(), pytest.raises(AccessDeniedError, match="permissions"):
        create(path, init_schema=True)


def test_a_file_that_may_only_be_read(open_folder: Path) -> None:
    path = open_folder / "x.db"
    with unprivileged():
        with create(path, init_schema=True) as adapter:
            catalog = new_catalog(SqliteDao(adapter), *map_of(PERSON, {A: {"name": "Al"}}))
        path.chmod(0o444)
        before = path.read_bytes()
        for options in ({}, {"init_schema": True}, {"read_only": True}):
            with create(path, **options) as adapter:  # type: ignore[arg-type]
                dao = SqliteDao(adapter)
                assert dao.get_aspects(catalog, PERSON.name, [A])[A]["name"] == "Al"
                with pytest.raises(ReadOnlyError, match=r"read.only"):
                    dao.delete_catalog(catalog)
                assert dao.catalog_exists(catalog)
        assert path.read_bytes() == before


def test_read_only(ours: Path) -> None:
    before = ours.read_bytes()
    with create(ours, read_only=True) as adapter:
        dao = SqliteDao(adapter)
        [catalog] = dao.list_catalog_ids()
        assert dao.load_catalog(catalog) == dao.load_catalog(catalog)
        for write in (
            lambda: dao.delete_catalog(catalog),
            lambda: dao.save_catalog(Catalog()),
            lambda: dao.create_catalog(),
            lambda: dao.transaction().__enter__(),
        ):
            with pytest.raises(ReadOnlyError, match="read_only=True"):
                write()
    assert ours.read_bytes() == before


def test_read_only_does_not_make_a_file(tmp_path: Path) -> None:
    with pytest.raises(SchemaVersionError, match="not there"):
        create(tmp_path / "a" / "x.db", read_only=True, init_schema=True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_cannot_write(ours: Path) -> None:
    """Not even by a mistake of ours: the connections for reading refuse it."""
    with create(ours) as adapter, adapter.session() as session, pytest.raises(ReadOnlyError):
        session.run("DELETE FROM cheap_catalog", {})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB; only root can make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_medium_that_cannot_be_written(small_disk: Path) -> None:
    path = small_disk / "x.db"
    with create(path, init_schema=True) as adapter:
        catalog = new_catalog(SqliteDao(adapter), *map_of(PERSON, {A: {"name": "Al"}}))
    (small_disk / "theirs.db").write_bytes(b"x" * 1000)
    _foreign(small_disk / "wal.db", *FOREIGN["wal"])
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with untouched(small_disk):
        with create(path, read_only=True) as adapter:
            dao = SqliteDao(adapter)
            assert dao.get_aspects(catalog, PERSON.name, [A])[A]["name"] == "Al"
            assert dao.load_catalog(catalog)[PERSON.name]
        for name in ("theirs.db", "wal.db"):
            with pytest.raises((NotOursError, AccessDeniedError)):
                create(small_disk / name)
        with pytest.raises((ReadOnlyError, AccessDeniedError)), create(path) as adapter:
            SqliteDao(adapter).delete_catalog(catalog)
        with pytest.raises((ReadOnlyError, AccessDeniedError)):
            create(small_disk / "new.db", init_schema=True)


# --- no room ----------------------------------------------------------------------------------


def _fill_up(store: SqliteDao, catalog: object, count: int = 3000) -> None:
    name = "x" * 1000
    people = {each: {"name": name} for each in entities(count, start=1000)}
    store.commit(catalog, _put(people))  # type: ignore[arg-type]


def _put(people: dict[object, object]) -> list[object]:
    from cheap.core.edits import PutAspects

    return [PutAspects(PERSON.name, people)]  # type: ignore[arg-type]


def test_a_full_disk(small_disk: Path) -> None:
    path = small_disk / "x.db"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(500_000))
    with create(path, init_schema=True) as adapter:
        dao = SqliteDao(adapter)
        catalog = new_catalog(dao, *map_of(PERSON, {A: {"name": "Al"}}))
        revision = dao.get_catalog(catalog).revision
        for _ in range(2):  # the second one begins with a disk that is full
            with pytest.raises(StorageFullError, match="full; nothing was written"):
                _fill_up(dao, catalog)
            assert dao.get_catalog(catalog).revision == revision
            assert len(list(dao.iter_aspects(catalog, PERSON.name))) == 1
        with pytest.raises(StorageFullError), dao.transaction():
            _fill_up(dao, catalog, 10)
            _fill_up(dao, catalog)
        assert len(list(dao.iter_aspects(catalog, PERSON.name))) == 1
        ballast.unlink()  # room is made
        _fill_up(dao, catalog, 100)
        assert len(list(dao.iter_aspects(catalog, PERSON.name))) == 101
        assert dao.delete_catalog(catalog)


def test_a_disk_too_full_to_begin(small_disk: Path) -> None:
    path = small_disk / "x.db"
    with create(path, init_schema=True) as adapter:
        catalog = new_catalog(SqliteDao(adapter), *map_of(PERSON, {A: {"name": "Al"}}))
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    before = path.read_bytes()
    with pytest.raises(StorageFullError, match="full"), create(path) as adapter:
        SqliteDao(adapter).commit(catalog, _put({B: {"name": "Bo"}}))  # type: ignore[arg-type]
    with pytest.raises(StorageFullError, match="full"):
        create(small_disk / "new.db", init_schema=True)
    assert path.read_bytes() == before
    ballast.unlink()
    with create(path) as adapter:
        dao = SqliteDao(adapter)
        dao.commit(catalog, _put({B: {"name": "Bo"}}))  # type: ignore[arg-type]
        assert list(dao.get_aspects(catalog, PERSON.name, [A, B])) == [A, B]
    create(small_disk / "new.db", init_schema=True).close()


def test_a_file_that_may_not_grow(sqlite: SqliteSite) -> None:
    """The same without a file system of our own: SQLite is told that there is no more room."""
    adapter = sqlite.adapter()
    dao = SqliteDao(adapter)  # type: ignore[arg-type]
    catalog = new_catalog(dao, *map_of(PERSON, {A: {"name": "Al"}}))
    with adapter.session(write=True) as session:
        [[pages]] = session.rows("PRAGMA page_count", {})
        session.rows(f"PRAGMA max_page_count = {pages + 50}", {})
    with pytest.raises(StorageFullError, match="full"):
        _fill_up(dao, catalog)
    with pytest.raises(StorageFullError, match="full"), dao.transaction():
        dao.delete_catalog(catalog)
        other = dao.create_catalog().catalog_id
        with pytest.raises(StorageFullError):
            _fill_up(dao, new_catalog(dao, *map_of(PERSON)))
        assert other  # SQLite has given up the transaction: the block cannot go on
        dao.create_catalog()
    assert dao.list_catalog_ids() == [catalog]
    assert len(list(dao.iter_aspects(catalog, PERSON.name))) == 1
    with adapter.session(write=True) as session:
        session.rows("PRAGMA max_page_count = 1000000", {})
    _fill_up(dao, catalog)
    assert len(list(dao.iter_aspects(catalog, PERSON.name))) == 3001


# --- locks ------------------------------------------------------------------------------------

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("INSERT INTO cheap_store VALUES (2, x'00', 1)")
print("held", flush=True)
sys.stdin.read()
connection.rollback()
connection.close()
print("gone", flush=True)
"""


@contextmanager
def held_by_another_process(path: Path, begin: str) -> Generator[None]:
    command = [PYTHON, "-c", HOLD, str(path), begin]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.stdin.close()
            assert process.stdout.readline() == b"gone\n"


def test_another_process_writes_for_too_long(ours: Path) -> None:
    with create(ours, busy_timeout=0.05) as adapter:
        dao = SqliteDao(adapter)
        [catalog] = dao.list_catalog_ids()
        with held_by_another_process(ours, "BEGIN IMMEDIATE"):
            with pytest.raises(BusyError, match="busy_timeout") as caught:
                dao.delete_catalog(catalog)
            assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
            assert caught.value.retryable
            assert dao.load_catalog(catalog)  # readers do not wait
            # Somebody new comes along: opening works, writing waits.
            with create(ours, busy_timeout=0.05) as second, pytest.raises(BusyError):
                SqliteDao(second).create_catalog()
        assert dao.delete_catalog(catalog)


def test_a_file_that_another_process_locks_whole(ours: Path) -> None:
    _foreign(ours, "PRAGMA journal_mode = DELETE")
    with held_by_another_process(ours, "BEGIN EXCLUSIVE"):
        for options in ({}, {"init_schema": True}, {"read_only": True}):
            with pytest.raises(BusyError, match="busy_timeout"):
                create(ours, busy_timeout=0.05, **options)  # type: ignore[arg-type]
    with create(ours) as adapter:
        assert len(SqliteDao(adapter).list_catalog_ids()) == 1


def test_another_thread_writes_for_too_long(ours: Path) -> None:
    with create(ours, busy_timeout=0.05) as adapter:
        dao = SqliteDao(adapter)
        [catalog] = dao.list_catalog_ids()
        errors: list[BaseException] = []

        def write() -> None:
            try:
                dao.delete_catalog(catalog)
            except StoreError as error:
                errors.append(error)

        with dao.transaction():
            thread = threading.Thread(target=write)
            thread.start()
            thread.join(10)
        [error] = errors
        assert isinstance(error, BusyError)
        assert "another thread wrote for longer than 0.05 s" in str(error)
        assert dao.delete_catalog(catalog)


@pytest.mark.parametrize("memory", [True, False], ids=["memory", "file"])
def test_a_call_in_the_middle_of_another_says_so_at_once(tmp_path: Path, memory: bool) -> None:
    """Waiting for oneself would take the whole busy_timeout."""
    with create(":memory:" if memory else tmp_path / "x.db", init_schema=True) as adapter:
        dao = SqliteDao(adapter)
        from tests.contract.samples import NOTE

        catalog = new_catalog(dao, *map_of(NOTE, {A: {"text": "a"}, B: {"text": "b" * 300_000}}))

        def pieces() -> Iterator[str]:
            yield "x"
            dao.create_catalog()

        with pytest.raises(BusyError, match="in the middle of another call"):
            dao.write_value(catalog, "note", A, "text", pieces())
        assert dao.list_catalog_ids() == [catalog]
        with dao.transaction():  # joined, one call inside of the other works
            dao.write_value(catalog, "note", A, "text", pieces())
        assert len(dao.list_catalog_ids()) == 2
        assert b"".join(dao.read_value(catalog, "note", A, "text")) == b"x"


# --- closing ----------------------------------------------------------------------------------


def test_everything_is_given_back(tmp_path: Path, open_files: Callable[[], list[str]]) -> None:
    before = open_files()
    for round_ in range(3):
        adapter = create(tmp_path / "x.db", init_schema=True, readers=3)
        dao = SqliteDao(adapter)
        dao.save_catalog(full_catalog())
        threads = [threading.Thread(target=dao.list_catalog_ids) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert adapter.checked_out == 0
        assert len(open_files()) > len(before)
        adapter.close()
        adapter.close()
        assert open_files() == before, round_
        assert os.listdir(tmp_path) == ["x.db"]
        for call in (
            dao.list_catalog_ids,
            dao.create_catalog,
            dao.transaction().__enter__,
        ):
            with pytest.raises(ClosedError, match="closed"):
                call()
    for wrong in ("text", "foreign"):
        path = tmp_path / wrong
        path.write_text("x" * 1000) if wrong == "text" else _foreign(path, "CREATE TABLE t (x)")
        with pytest.raises(NotOursError):
            create(path)
    assert open_files() == before


def test_readers_alone_tidy_up(ours: Path) -> None:
    with create(ours) as adapter:
        SqliteDao(adapter).list_catalog_ids()
    assert list(ours.parent.iterdir()) == [ours]


def test_closed_while_it_is_used(tmp_path: Path, open_files: Callable[[], list[str]]) -> None:
    """A call that runs ends well; what it held is closed when it gives it back."""
    before = open_files()
    adapter = create(tmp_path / "x.db", init_schema=True)
    dao = SqliteDao(adapter)
    with adapter.session() as reading:
        with dao.transaction():
            made = dao.create_catalog().catalog_id
            adapter.close()
            assert reading.rows("SELECT 1", {}) == [(1,)]
        assert open_files() != before
    assert open_files() == before
    with create(tmp_path / "x.db") as adapter:
        assert SqliteDao(adapter).list_catalog_ids() == [made]


def test_a_driver_that_was_closed_behind_our_back(sqlite: SqliteSite) -> None:
    adapter = sqlite.adapter()
    with adapter.session(write=True) as session:
        session.connection.close()  # type: ignore[attr-defined]
        with pytest.raises(ClosedError, match="closed database"):
            session.run("SELECT 1", {})


def test_the_options(tmp_path: Path) -> None:
    for options in (
        {"durability": "some"},
        {"readers": 0},
        {"busy_timeout": 0},
        {"busy_timeout": -1},
        {"busy_timeout": float("nan")},
        {"busy_timeout": float("inf")},
    ):
        with pytest.raises(ConfigurationError):
            create(tmp_path / "x.db", init_schema=True, **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    for durability, number in (("off", 0), ("normal", 1), ("full", 2)):
        path = tmp_path / durability
        with create(path, init_schema=True, durability=durability) as adapter:  # type: ignore[arg-type]
            with adapter.session(write=True) as session:
                assert session.rows("PRAGMA synchronous", {}) == [(number,)]
                assert session.rows("PRAGMA journal_mode", {}) == [(b"wal",)]
            with adapter.session() as session:
                assert session.rows("PRAGMA query_only", {}) == [(1,)]
            assert stat.S_ISREG(path.stat().st_mode)


@pytest.mark.parametrize("call", ["write", "read"])
def test_a_file_that_was_removed_does_not_come_back_empty(tmp_path: Path, call: str) -> None:
    """Connections are opened when they are needed, and the file may be gone by then."""
    path = tmp_path / "c.db"
    create(path, init_schema=True).close()
    with create(path, init_schema=True) as adapter:
        path.rename(tmp_path / "other.db")
        dao = SqliteDao(adapter)
        # The connection that looked at the schema still has the file; a new one cannot.
        adapter._readers.drop_idle()
        with pytest.raises(AccessDeniedError, match=r"c\.db: .*removed or renamed .*anew"):
            dao.create_catalog() if call == "write" else dao.list_catalogs()
        assert not path.exists()
        (tmp_path / "other.db").rename(path)
        dao.create_catalog()
        assert len(dao.list_catalogs().items) == 1
