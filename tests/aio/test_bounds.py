"""How many calls work at once, and what becomes of those that wait."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from uuid import UUID

import anyio
import pytest
from anyio import to_thread

from cheap.aio import AsyncDao
from cheap.aio.hop import hop_of
from cheap.aio.sqlite import SqliteAdapter, SqliteDao
from cheap.core import Catalog
from cheap.core.edits import CreateHierarchy
from cheap.db.memory import MemoryDao
from cheap.errors import PoolTimeoutError, StoreError
from tests.aio.cancelling import cancel, until
from tests.aio.conftest import Make, at_rest
from tests.aio.sites import AioSite
from tests.contract.samples import LIST, NOTE, A, full_catalog

pytestmark = pytest.mark.anyio


# --- calls --------------------------------------------------------------------------------------


async def test_five_hundred_calls_at_once(make: Make, site: AioSite) -> None:
    adapter = await make(pool_max_size=4)
    dao = site.dao(adapter)
    catalogs = [Catalog() for _ in range(250)]
    hop = hop_of(adapter.blocking)
    most = 0

    async def look() -> None:
        nonlocal most
        while True:
            assert adapter.checked_out <= hop.taken
            most = max(most, hop.taken)
            await anyio.sleep(0.001)

    async with anyio.create_task_group() as watching:
        watching.start_soon(look)
        async with anyio.create_task_group() as group:
            for each in catalogs:
                group.start_soon(dao.save_catalog, each)
                group.start_soon(dao.list_catalogs)
        watching.cancel_scope.cancel()
    assert set(await dao.list_catalog_ids()) == {each.global_id for each in catalogs}
    # Of SQLite's readers one works, and others help out only where it takes long.
    store = adapter.blocking
    least = store.width if store.writers == store.width else store.writers + store.eager_readers
    assert least <= most <= store.width


async def test_other_threads_of_the_program_are_not_delayed(make: Make, site: AioSite) -> None:
    """Not even when every call stands still, and as many wait as anyio has threads."""
    adapter = await make()
    dao = site.dao(adapter)
    with site.held("rows", times=4) as (held, go):
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(dao.list_catalog_ids)
            while not held.is_set():
                await anyio.sleep(0.001)
            with anyio.fail_after(10):
                for _ in range(20):
                    await to_thread.run_sync(threading.get_ident)
            assert not go.is_set()
            go.set()


async def test_facades_over_one_adapter_share_its_turns(make: Make, site: AioSite) -> None:
    adapter = await make()
    daos = [site.dao(adapter) for _ in range(5)]
    width = adapter.blocking.writers
    with site.held("insert", times=width) as (_, go):
        async with anyio.create_task_group() as group:
            for each in daos * 3:
                group.start_soon(each.save_catalog, full_catalog())
            hop = hop_of(adapter.blocking)
            while hop.taken < width:
                await anyio.sleep(0.001)
            await anyio.sleep(0.02)
            assert hop.taken == width
            assert len(hop_of(adapter.blocking).flights) == 15
            go.set()


WRITES: dict[str, Callable[[AsyncDao, UUID], Awaitable[object]]] = {
    "create_catalog": lambda dao, at: dao.create_catalog(),
    "delete_catalog": lambda dao, at: dao.delete_catalog(UUID(int=1)),
    "save_catalog": lambda dao, at: dao.save_catalog(Catalog()),
    "add_aspect_def": lambda dao, at: dao.add_aspect_def(at, NOTE),
    "create_hierarchy": lambda dao, at: dao.create_hierarchy(at, "list", LIST),
    "drop_hierarchy": lambda dao, at: dao.drop_hierarchy(at, "missing"),
    "commit": lambda dao, at: dao.commit(at, [CreateHierarchy("list", LIST)]),
    "write_value": lambda dao, at: dao.write_value(at, "missing", A, "data", [b""]),
    "run, writing": lambda dao, at: dao.run(lambda store: store.create_catalog(), write=True),
}
READS: dict[str, Callable[[AsyncDao, UUID], Awaitable[object]]] = {
    "get_catalog": lambda dao, at: dao.get_catalog(at),
    "list_catalogs": lambda dao, at: dao.list_catalogs(),
    "catalog_exists": lambda dao, at: dao.catalog_exists(at),
    "load_catalog": lambda dao, at: dao.load_catalog(at),
    "list_catalog_ids": lambda dao, at: dao.list_catalog_ids(),
    "load_catalogs_page": lambda dao, at: dao.load_catalogs_page(0),
    "get_aspect_def": lambda dao, at: dao.get_aspect_def(at, "missing"),
    "list_aspect_defs": lambda dao, at: dao.list_aspect_defs(at),
    "list_hierarchies": lambda dao, at: dao.list_hierarchies(at),
    "read_hierarchy": lambda dao, at: dao.read_hierarchy(at, "missing"),
    "get_aspects": lambda dao, at: dao.get_aspects(at, "missing", [A]),
    "find_aspects": lambda dao, at: dao.find_aspects(at, "missing"),
    "read_changes": lambda dao, at: dao.read_changes(at),
    "read_piece": lambda dao, at: dao.read_piece(at, "missing", A, "data"),
    "run": lambda dao, at: dao.run(lambda store: store.get_catalog(at)),
}


def test_every_verb_is_among_them() -> None:
    awaited = {
        name
        for name, each in inspect.getmembers(AsyncDao, inspect.iscoroutinefunction)
        if not name.startswith("_")
    }
    assert awaited - {"close"} == {each.split(",")[0] for each in WRITES | READS}


@pytest.mark.parametrize("verb", [*WRITES, *READS])
async def test_who_waits_to_write_holds_up_nobody_who_reads(
    verb: str, make: Make, site: AioSite
) -> None:
    """And who writes waits, where one at a time can, for the end of the transaction."""
    adapter = await make()
    dao = site.dao(adapter)
    catalog = (await dao.create_catalog()).catalog_id
    begun, called, ended = anyio.Event(), anyio.Event(), anyio.Event()
    asked = 0
    committed: list[bool] = []

    async def write() -> None:
        nonlocal asked
        await begun.wait()
        asked += 1  # there is nothing to wait for between this and the queue
        await dao.save_catalog(Catalog())

    async def call() -> None:
        while asked < 3:
            await anyio.sleep(0.001)
        called.set()
        with suppress(LookupError):
            await (READS | WRITES)[verb](dao, catalog)
        committed.append(is_over)
        ended.set()

    alone = verb in WRITES and adapter.blocking.writers == 1
    is_over = False
    async with anyio.create_task_group() as group:
        for each in (write, write, write, call):
            group.start_soon(each)
        async with dao.transaction():
            await dao.save_catalog(Catalog())
            begun.set()
            with anyio.fail_after(20):
                await (called if alone else ended).wait()
        is_over = True
    assert committed == [alone]
    assert len(await dao.list_catalog_ids()) >= 5


@pytest.mark.parametrize("waiting", ["save", "transaction"])
async def test_who_gives_up_waiting_to_write_leaves_the_place(
    way: str, waiting: str, make: Make, site: AioSite
) -> None:
    adapter = await make()
    dao = site.dao(adapter)
    hop = hop_of(adapter.blocking)
    queued = threading.Event()
    doomed = Catalog()

    async def call() -> None:
        queued.set()
        if waiting == "save":
            await dao.save_catalog(doomed)
        async with dao.transaction():
            raise AssertionError("the block was entered")

    others = adapter.blocking.writers
    with site.held("insert", times=others) as (_, go):
        async with anyio.create_task_group() as group:
            for _ in range(others):
                group.start_soon(dao.save_catalog, full_catalog())
            while adapter.checked_out < others:
                await anyio.sleep(0.001)
            await cancel(way, call, partial(until, queued))
            assert hop.taken == others
            go.set()
    await at_rest(adapter)
    await dao.save_catalog(Catalog())
    assert doomed.global_id not in await dao.list_catalog_ids()


async def test_memory_of_sqlite_has_one_connection_for_all() -> None:
    async with await SqliteAdapter.create(":memory:", init_schema=True) as adapter:
        dao = SqliteDao(adapter)
        hop = hop_of(adapter.blocking)
        assert hop.turns(write=True) is hop.turns(write=False)
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(dao.save_catalog, Catalog())
                group.start_soon(dao.list_catalogs)
        assert len(await dao.list_catalog_ids()) == 20


async def test_calls_begin_in_the_order_in_which_they_were_made() -> None:
    dao = AsyncDao(MemoryDao())  # one at a time
    order: list[int] = []

    async def save(number: int) -> None:
        await dao.run(lambda _: order.append(number))  # in the thread: tasks go on in any order

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(save, number)
            await anyio.sleep(0)
    assert order == list(range(50))


# --- no connection --------------------------------------------------------------------------------


async def test_waiting_for_a_connection_ends(make: Make, site: AioSite) -> None:
    """Others, who do not go through the facade, have all of them."""
    adapter = await make(pool_max_size=1, pool_timeout=0.2)
    blocking = adapter.blocking
    dao = site.dao(adapter)
    lent = await to_thread.run_sync(lambda: blocking.acquire(write=True))
    try:
        # SQLite's only writer is no pool: BusyError, and both may be tried again.
        with pytest.raises(StoreError) as raised:
            await dao.save_catalog(Catalog())
        assert raised.value.retryable
    finally:
        await to_thread.run_sync(blocking.release, lent)
    assert await dao.save_catalog(Catalog()) == 1


async def test_waiting_for_a_turn_ends(make: Make, site: AioSite) -> None:
    """Calls of the facade, which do not end, have all of them."""
    adapter = await make(pool_max_size=2, pool_timeout=0.2)
    dao = site.dao(adapter)
    catalog = Catalog()
    await dao.save_catalog(catalog)
    width = adapter.blocking.width
    with site.held("begin", times=width) as (_, go):
        async with anyio.create_task_group() as group:
            group.start_soon(dao.save_catalog, Catalog())
            for _ in range(width - 1):
                group.start_soon(dao.list_hierarchies, catalog.global_id)
            while adapter.checked_out < width:
                await anyio.sleep(0.001)
            for _ in range(2):
                with pytest.raises(PoolTimeoutError):
                    await dao.list_catalog_ids()
            go.set()
    await at_rest(adapter)


async def test_transactions_that_stay_open_end_the_waiting_of_others(
    make: Make, site: AioSite
) -> None:
    adapter = await make(pool_max_size=2, pool_timeout=0.2)
    dao = site.dao(adapter)
    async with dao.transaction():
        await dao.save_catalog(full_catalog())
        # Outside of this task's transaction, where its turn is one of two, on SQLite the only one.
        failures: list[StoreError] = []

        async def another() -> None:
            try:
                async with site.dao(adapter).transaction():
                    await anyio.sleep(0.5)
            except StoreError as error:
                failures.append(error)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                _outside(group, another)
        assert len(failures) >= 2
        assert all(each.retryable for each in failures)


def _outside(group: anyio.abc.TaskGroup, work: object) -> None:
    """Start a task that does not inherit the transaction."""
    import contextvars

    contextvars.Context().run(group.start_soon, work)
