"""Opening and closing: with calls that still run, again and again, from loop to loop."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import pytest
from anyio import to_thread

from cheap.aio import AsyncDao, connect
from cheap.aio import sqlite as aio_sqlite
from cheap.aio.adapter import AsyncAdapter, opened
from cheap.aio.hop import hop_of
from cheap.aio.sqlite import SqliteAdapter, SqliteDao, get_dao, use_adapter
from cheap.core import Catalog
from cheap.db.memory import MemoryDao
from cheap.db.sqlite import SqliteAdapter as BlockingAdapter
from cheap.errors import (
    ClosedError,
    ConfigurationError,
    MisuseError,
    StoppedError,
    UnavailableError,
)
from tests.aio.cancelling import cancel, until
from tests.aio.conftest import Make, at_rest
from tests.aio.sites import AioSite
from tests.contract.samples import full_catalog

pytestmark = pytest.mark.anyio


# --- calls that still run -----------------------------------------------------------------------


async def test_calls_that_were_made_are_finished(make: Make, site: AioSite) -> None:
    """Those that run as well as those that wait for their turn."""
    adapter = await make(pool_max_size=2)
    dao = site.dao(adapter)
    width = adapter.blocking.width
    revisions: list[int] = []

    async def save() -> None:
        revisions.append(await dao.save_catalog(full_catalog()))

    closed = False
    with site.held("insert") as (held, go):
        async with anyio.create_task_group() as group:
            for _ in range(3 * width):
                group.start_soon(save)
            await until(held)

            async def close() -> None:
                nonlocal closed
                await adapter.close()
                closed = True

            group.start_soon(close)
            await anyio.sleep(0.05)
            assert not closed
            with pytest.raises(ClosedError):
                await dao.list_catalog_ids()
            go.set()
    assert closed
    assert revisions == [1] * 3 * width
    assert await to_thread.run_sync(site.catalogs) == 3 * width


async def test_or_they_are_stopped(make: Make, site: AioSite) -> None:
    adapter = await make(pool_max_size=2)
    dao = site.dao(adapter)
    width = adapter.blocking.width
    failures: list[type[Exception]] = []

    async def save() -> None:
        try:
            await dao.save_catalog(full_catalog())
        except (StoppedError, ClosedError) as error:
            failures.append(type(error))

    with site.slow("insert", times=width) as begun:
        async with anyio.create_task_group() as group:
            for _ in range(3 * width):
                group.start_soon(save)
            await until(begun)
            await adapter.close(cancel=True)
    assert len(failures) == 3 * width
    assert set(failures) == {StoppedError, ClosedError}  # those that ran, and those that did not
    assert await to_thread.run_sync(site.catalogs) == 0
    assert await to_thread.run_sync(site.settled), site.at_work()


async def test_a_commit_on_its_way_is_not_stopped(make: Make, site: AioSite) -> None:
    adapter = await make()
    dao = site.dao(adapter)
    with site.held("commit") as (held, go):
        async with anyio.create_task_group() as group:
            group.start_soon(dao.save_catalog, full_catalog())
            await until(held)
            group.start_soon(partial(adapter.close, cancel=True))
            await anyio.sleep(0.02)
            go.set()
    assert await to_thread.run_sync(site.catalogs) == 1


async def test_who_is_cancelled_while_closing_closes(way: str, make: Make, site: AioSite) -> None:
    """The calls that it waited for are stopped, and nothing stays open."""
    adapter = await make()
    dao = site.dao(adapter)
    waits = threading.Event()

    async def call() -> None:
        try:
            await dao.list_catalog_ids()
        except StoppedError:
            return
        raise AssertionError("not stopped")

    async def close() -> None:
        async with adapter:
            waits.set()

    with site.slow() as begun:
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await until(begun)
            await cancel(way, close, partial(until, waits))
    assert await to_thread.run_sync(site.connections_left) == 0
    with pytest.raises(ClosedError):
        adapter.blocking.check_open()


async def test_leaving_the_block_by_a_cancellation(way: str, make: Make, site: AioSite) -> None:
    adapter = await make()
    dao = site.dao(adapter)
    with site.slow("insert") as begun:

        async def call() -> None:
            async with adapter:
                await dao.save_catalog(full_catalog())

        await cancel(way, call, partial(until, begun))
    assert await to_thread.run_sync(site.connections_left) == 0
    assert await to_thread.run_sync(site.catalogs) == 0


async def test_a_transaction_that_is_open_can_only_be_rolled_back(
    make: Make, site: AioSite
) -> None:
    adapter = await make()
    dao = site.dao(adapter)
    begun, closed = anyio.Event(), anyio.Event()

    async def close() -> None:
        await begun.wait()
        await adapter.close()
        closed.set()

    async with anyio.create_task_group() as group:
        group.start_soon(close)
        with pytest.raises(ClosedError):
            async with dao.transaction():
                await dao.save_catalog(full_catalog())
                begun.set()
                await closed.wait()
                await dao.save_catalog(full_catalog())
    assert await to_thread.run_sync(site.catalogs) == 0
    assert await to_thread.run_sync(site.settled), site.at_work()


async def test_closing_inside_of_a_transaction_is_refused(make: Make, site: AioSite) -> None:
    """It would wait for a call that waits for the transaction, if there is one; so it never does.

    What was in the block goes on, and closing afterwards works.
    """
    adapter = await make(pool_max_size=1)
    dao = site.dao(adapter)
    begun = anyio.Event()

    async def wait() -> None:
        await begun.wait()
        await dao.save_catalog(Catalog())

    async def close_in_another_task() -> None:
        with pytest.raises(MisuseError, match="after the block"):
            await adapter.close()

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        async with dao.transaction():
            await dao.save_catalog(Catalog())
            begun.set()
            while not hop_of(adapter.blocking).flights:
                await anyio.sleep(0.001)
            for cancel_ in (False, True):
                with pytest.raises(MisuseError, match="after the block"):
                    await adapter.close(cancel=cancel_)
            async with anyio.create_task_group() as inner:
                inner.start_soon(close_in_another_task)
            await dao.save_catalog(Catalog())
    await adapter.close()
    assert await to_thread.run_sync(site.catalogs) == 3


async def test_a_store_that_was_connected_neither(tmp_path: Path) -> None:
    async with await connect(f"sqlite:///{tmp_path}/a.db") as dao, dao.transaction():
        with pytest.raises(MisuseError, match="after the block"):
            await dao.close()


async def test_closing_in_the_event_loop_of_nobody(make: Make, site: AioSite) -> None:
    """A call whose task has left it still is a call that runs."""
    adapter = await make()
    dao = site.dao(adapter)
    with site.held("rows") as (held, go):
        await cancel("task group", dao.list_catalog_ids, partial(until, held))
        async with anyio.create_task_group() as group:
            group.start_soon(adapter.close)
            await anyio.sleep(0.02)
            adapter.blocking.check_open()
            go.set()
    assert await to_thread.run_sync(site.connections_left) == 0


# --- closed -------------------------------------------------------------------------------------


VERBS: dict[str, Any] = {
    "save_catalog": lambda dao: dao.save_catalog(Catalog()),
    "list_catalog_ids": lambda dao: dao.list_catalog_ids(),
    "iter_catalogs": lambda dao: anext(dao.iter_catalogs()),
    "write_value": lambda dao: dao.write_value(UUID(int=1), "a", UUID(int=2), "b", [b""]),
    "transaction": lambda dao: dao.transaction().__aenter__(),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_use_after_close(adapter: AsyncAdapter, dao: AsyncDao, verb: str) -> None:
    await adapter.close()
    with pytest.raises(ClosedError):
        await VERBS[verb](dao)


async def test_closing_again_is_harmless(make: Make, site: AioSite) -> None:
    adapter = await make()
    async with adapter as same:
        assert same is adapter
        await site.dao(adapter).save_catalog(Catalog())
        await adapter.close()
        await adapter.close(cancel=True)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(adapter.close)
    assert await to_thread.run_sync(site.connections_left) == 0


async def test_a_dao_does_not_close_an_adapter_that_it_was_given(
    adapter: AsyncAdapter, site: AioSite
) -> None:
    async with site.dao(adapter) as dao:
        await dao.save_catalog(Catalog())
    assert len(await site.dao(adapter).list_catalog_ids()) == 1
    assert len(await dao.list_catalog_ids()) == 1


async def test_connect(site: AioSite) -> None:
    async with await connect(site.site.url) as dao:
        await dao.save_catalog(Catalog())
        assert len(await dao.list_catalog_ids()) == 1
    with pytest.raises(ClosedError):
        await dao.list_catalog_ids()
    await dao.close()
    assert await to_thread.run_sync(site.connections_left) == 0


async def test_connect_to_memory() -> None:
    async with await connect("memory:") as dao:
        assert isinstance(dao.store, MemoryDao)
        await dao.save_catalog(Catalog())
    with pytest.raises(ClosedError):
        await dao.list_catalog_ids()


async def test_connect_to_nothing() -> None:
    with pytest.raises(ConfigurationError):
        await connect("nothing://")
    with pytest.raises(UnavailableError):
        await connect("postgresql://nobody@127.0.0.1:1/nothing")


# --- cancelled while it opens -------------------------------------------------------------------


class Opening:
    """Something that takes its time to open, and must be closed."""

    def __init__(self) -> None:
        self.opens, self.go, self.closed = threading.Event(), threading.Event(), threading.Event()

    def create(self) -> Opening:
        self.opens.set()
        assert self.go.wait(20)
        return self

    def close(self) -> None:
        self.closed.set()


async def test_what_is_opened_for_a_cancelled_task_is_closed(way: str) -> None:
    opening = Opening()
    await cancel(way, lambda: opened(opening.create), partial(until, opening.opens))
    assert not opening.closed.is_set()  # nobody waited for it
    opening.go.set()
    await until(opening.closed)


async def test_what_was_opened_a_moment_before(tmp_path: Path) -> None:
    """At any moment of it: nothing stays open, or Python would warn."""
    for n in range(40):
        adapter = None
        with anyio.move_on_after(n / 10_000):
            adapter = await SqliteAdapter.create(tmp_path / "a.db", init_schema=True)
        if adapter is not None:
            await adapter.close()


# --- event loops --------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "loops.db"


def test_one_loop_after_the_other(path: Path) -> None:
    """One adapter, made outside of any loop, in two of asyncio and two of trio."""
    adapter = SqliteAdapter(BlockingAdapter.create(path, init_schema=True))
    dao = SqliteDao(adapter)

    async def work() -> int:
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(dao.save_catalog, Catalog())
        async with dao.transaction():
            await dao.save_catalog(Catalog())
        return len(await dao.list_catalog_ids())

    assert asyncio.run(work()) == 11
    assert asyncio.run(work()) == 22
    assert anyio.run(work, backend="trio") == 33
    assert anyio.run(work, backend="trio") == 44
    asyncio.run(adapter.close())


def test_an_adapter_in_each_loop(path: Path) -> None:
    async def work() -> int:
        async with await SqliteAdapter.create(path, init_schema=True) as adapter:
            dao = SqliteDao(adapter)
            await dao.save_catalog(Catalog())
            return len(await dao.list_catalog_ids())

    assert [asyncio.run(work()), asyncio.run(work())] == [1, 2]


def test_two_loops_at_once(path: Path) -> None:
    adapter = SqliteAdapter(BlockingAdapter.create(path, init_schema=True))
    dao = SqliteDao(adapter)

    async def work() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(dao.save_catalog, Catalog())
                group.start_soon(dao.list_catalogs)

    threads = [
        threading.Thread(target=partial(anyio.run, work, backend=each))
        for each in ("asyncio", "trio", "asyncio")
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    async def end() -> int:
        async with adapter:
            return len(await dao.list_catalog_ids())

    assert asyncio.run(end()) == 50 * len(threads)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_loop_that_ends_before_its_threads(path: Path, loop: str) -> None:
    """A call that its task has left ends after the event loop, and gives everything back."""
    adapter = SqliteAdapter(BlockingAdapter.create(path, init_schema=True))
    dao = SqliteDao(adapter)
    held, go = threading.Event(), threading.Event()

    def pieces() -> Any:
        held.set()
        assert go.wait(20)
        yield b""

    async def leave() -> None:
        from cheap.core.edits import CreateHierarchy, PutAspects, PutDefinition
        from tests.contract.samples import MAP, NOTE, A

        edits = [
            PutDefinition(NOTE),
            CreateHierarchy(NOTE.name, MAP),
            PutAspects(NOTE.name, {A: {}}),
        ]
        catalog = (await dao.create_catalog(edits=edits)).catalog_id
        write = partial(dao.write_value, catalog, NOTE.name, A, "data", pieces())
        await cancel("task group", write, partial(until, held))
        assert adapter.checked_out == 1

    anyio.run(leave, backend=loop)
    assert adapter.checked_out == 1
    go.set()

    async def end() -> None:
        await at_rest(adapter)
        await dao.save_catalog(Catalog())
        await adapter.close()

    anyio.run(end, backend=loop)


def leave_behind(loop_work: Callable[[list[asyncio.Task[Any]]], Awaitable[None]]) -> list[Any]:
    """Run something in an event loop, and end that without its tasks; they are returned."""
    tasks: list[asyncio.Task[Any]] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(loop_work(tasks))
    loop.close()
    for each in tasks:
        each._log_destroy_pending = False  # type: ignore[attr-defined]
    return tasks


async def close_soon(adapter: AsyncAdapter) -> None:
    async with asyncio.timeout(20):
        await adapter.close()


def test_closing_after_a_loop_that_left_calls_in_the_queue(site: AioSite) -> None:
    adapter = asyncio.run(site.create())
    dao = site.dao(adapter)
    width = adapter.blocking.writers

    async def leave(tasks: list[asyncio.Task[Any]]) -> None:
        for _ in range(width + 3):
            tasks.append(asyncio.create_task(dao.save_catalog(Catalog())))  # type: ignore[arg-type]
        while adapter.checked_out < width:
            await asyncio.sleep(0.001)

    with site.held("insert", times=width):
        left = leave_behind(leave)
    assert len(hop_of(adapter.blocking).flights) >= 3
    asyncio.run(close_soon(adapter))
    assert not hop_of(adapter.blocking).flights
    assert site.catalogs() == width  # those that ran were finished, and the others never began
    assert site.connections_left() == 0
    assert not any(each.done() for each in left)


@pytest.mark.parametrize("thrown_away", [False, True])
def test_closing_after_a_loop_that_left_a_transaction_open(
    site: AioSite, thrown_away: bool
) -> None:
    adapter = asyncio.run(site.create())
    dao = site.dao(adapter)

    async def leave(tasks: list[asyncio.Task[Any]]) -> None:
        begun = asyncio.Event()

        async def work() -> None:
            async with dao.transaction():
                await dao.save_catalog(Catalog())
                begun.set()
                await asyncio.Event().wait()

        tasks.append(asyncio.create_task(work()))
        await begun.wait()

    left = leave_behind(leave)
    assert adapter.checked_out == 1
    if thrown_away:  # then it is rolled back right away
        left.clear()
        gc.collect()
        assert all(each.is_ending for each in hop_of(adapter.blocking).transactions)
    asyncio.run(close_soon(adapter))
    assert adapter.checked_out == 0
    assert site.settled(), site.at_work()
    assert site.catalogs() == 0
    assert site.connections_left() == 0
    left.clear()
    gc.collect()  # nothing is given back twice
    assert adapter.checked_out == 0


async def test_closing_waits_until_a_transaction_is_rolled_back(make: Make, site: AioSite) -> None:
    adapter = await make()
    dao = site.dao(adapter)
    at_work: list[int] = []
    with site.held("rollback") as (held, go):

        async def fail() -> None:
            with pytest.raises(ZeroDivisionError):
                async with dao.transaction():
                    await dao.save_catalog(Catalog())
                    raise ZeroDivisionError

        async def close() -> None:
            await adapter.close()
            at_work.append(adapter.checked_out)

        async with anyio.create_task_group() as group:
            group.start_soon(fail)
            await until(held)
            group.start_soon(close)
            await anyio.sleep(0.05)
            assert not at_work
            go.set()
    assert at_work == [0]
    assert await to_thread.run_sync(site.connections_left) == 0


# --- get_dao ------------------------------------------------------------------------------------


def test_get_dao_makes_one_adapter_for_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio_sqlite, "_shared", None)
    catalog = Catalog()
    daos: list[SqliteDao] = []

    async def save() -> None:
        async def get() -> None:
            daos.append(await get_dao())

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(get)
        assert len({each.store.adapter for each in daos}) == 1  # type: ignore[attr-defined]
        await daos[0].save_catalog(catalog)

    async def load() -> None:
        assert await (await get_dao()).load_catalog(catalog.global_id) == catalog

    asyncio.run(save())
    anyio.run(load, backend="trio")
    asyncio.run(load())
    asyncio.run(aio_sqlite._shared.close())  # type: ignore[attr-defined]


async def test_get_dao_gives_the_adapter_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aio_sqlite, "_shared", None)
    async with await SqliteAdapter.create(tmp_path / "a.db", init_schema=True) as adapter:
        use_adapter(adapter)
        assert (await get_dao()).store.adapter is adapter.blocking  # type: ignore[attr-defined]
        use_adapter(None)
        async with await get_dao() as other:
            assert other.store.adapter is not adapter.blocking  # type: ignore[attr-defined]
        await aio_sqlite._shared.close()  # type: ignore[union-attr]
