"""How many calls work at once, and what becomes of those that wait."""

from __future__ import annotations

import threading

import anyio
import pytest
from anyio import to_thread

from cheap.aio import AsyncDao
from cheap.aio.hop import hop_of
from cheap.core import Catalog
from cheap.db.memory import MemoryDao
from cheap.errors import PoolTimeoutError, StoreError
from tests.aio.conftest import Make, at_rest
from tests.aio.sites import AioSite
from tests.contract.samples import full_catalog

pytestmark = pytest.mark.anyio


# --- calls --------------------------------------------------------------------------------------


async def test_five_hundred_calls_at_once(make: Make, site: AioSite) -> None:
    adapter = await make(pool_max_size=4)
    dao = site.dao(adapter)
    catalogs = [Catalog() for _ in range(250)]
    turns = hop_of(adapter.blocking).turns()
    most = 0

    async def look() -> None:
        nonlocal most
        while True:
            assert adapter.checked_out <= turns.taken
            most = max(most, turns.taken)
            await anyio.sleep(0.001)

    async with anyio.create_task_group() as watching:
        watching.start_soon(look)
        async with anyio.create_task_group() as group:
            for each in catalogs:
                group.start_soon(dao.save_catalog, each)
                group.start_soon(dao.list_catalogs)
        watching.cancel_scope.cancel()
    assert set(await dao.list_catalog_ids()) == {each.global_id for each in catalogs}
    assert most == adapter.blocking.width


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
    width = adapter.blocking.width
    with site.held("rows", times=width) as (_, go):
        async with anyio.create_task_group() as group:
            for each in daos * 3:
                group.start_soon(each.list_catalog_ids)
            turns = hop_of(adapter.blocking).turns()
            while turns.taken < width:
                await anyio.sleep(0.001)
            await anyio.sleep(0.02)
            assert turns.taken == width
            assert len(hop_of(adapter.blocking).flights) == 15
            go.set()


async def test_calls_begin_in_the_order_in_which_they_were_made() -> None:
    dao = AsyncDao(MemoryDao())  # one at a time
    order: list[int] = []

    async def save(number: int) -> None:
        await dao.save_catalog(Catalog())
        order.append(number)

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
