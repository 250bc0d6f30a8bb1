"""Calls that are cancelled: stopped in the database, rolled back, and nothing of them is left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import pytest
from anyio import to_thread

from cheap.aio import AsyncDao, Outcome, watch
from cheap.aio.adapter import AsyncAdapter
from cheap.aio.hop import hop_of
from cheap.core import Catalog
from cheap.core.edits import Append, CreateHierarchy
from cheap.errors import CommitUnknownError, StoppedError
from cheap.store import Store
from tests.aio.cancelling import cancel, until
from tests.aio.conftest import Make, at_rest
from tests.aio.sites import AioSite
from tests.contract.samples import LIST, A, full_catalog

pytestmark = pytest.mark.anyio


async def create(dao: AsyncDao) -> Any:
    """A catalog with an empty list."""
    return (await dao.create_catalog(edits=[CreateHierarchy("list", LIST)])).catalog_id


async def is_whole(dao: AsyncDao, catalog: Catalog) -> bool:
    """Whether a catalog is there with all that is in it; False: nothing of it is."""
    if not await dao.catalog_exists(catalog.global_id):
        return False
    assert await dao.load_catalog(catalog.global_id) == catalog
    return True


# --- statements ---------------------------------------------------------------------------------


async def test_a_read_is_stopped_in_the_database(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    catalog = await create(dao)
    with site.slow() as begun:
        await cancel(way, lambda: dao.read_hierarchy(catalog, "list"), partial(until, begun))
    assert await to_thread.run_sync(site.settled), site.at_work()
    await at_rest(adapter)
    assert (await dao.read_hierarchy(catalog, "list")).items == ()


async def test_a_write_is_stopped_in_the_database(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    catalog = full_catalog()
    with site.slow("insert") as begun, watch() as seen:
        await cancel(way, lambda: dao.save_catalog(catalog), partial(until, begun))
    assert seen.outcome is Outcome.ROLLED_BACK
    assert await to_thread.run_sync(site.settled), site.at_work()
    await at_rest(adapter)
    assert not await is_whole(dao, catalog)
    await dao.save_catalog(catalog)
    assert await is_whole(dao, catalog)


@pytest.mark.on("asyncio")  # elsewhere scopes are cancelled once and for all
async def test_a_second_cancellation_changes_nothing(
    dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    catalog = full_catalog()
    with site.slow("insert") as begun, watch() as seen:
        task = asyncio.create_task(dao.save_catalog(catalog))  # type: ignore[arg-type]
        await until(begun)
        for _ in range(5):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([task])
        assert task.cancelled()
    assert seen.outcome is Outcome.ROLLED_BACK
    assert await to_thread.run_sync(site.settled), site.at_work()
    await at_rest(adapter)


async def test_nobody_waits_for_a_thread_that_cannot_be_stopped(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    """The caller is back while the thread is still at it; turn and connection come back later."""
    catalog = await create(dao)
    hop = hop_of(adapter.blocking)
    with site.held("insert") as (held, go), watch() as seen:
        append = lambda: dao.commit(catalog, [Append("list", [A])])  # noqa: E731
        await cancel(way, append, partial(until, held))
        assert seen.outcome is Outcome.ROLLED_BACK
        assert (hop.taken, adapter.checked_out) == (1, 1)
        go.set()
    await at_rest(adapter)
    assert (await dao.read_hierarchy(catalog, "list")).items == ()
    assert (await dao.get_catalog(catalog)).revision == 1


# --- the way in and out -------------------------------------------------------------------------


async def test_a_call_that_waits_for_its_turn_never_starts(
    way: str, make: Make, site: AioSite
) -> None:
    adapter = await make(pool_max_size=2)
    dao = site.dao(adapter)
    width = adapter.blocking.writers
    catalog = full_catalog()
    queued = threading.Event()

    async def call() -> None:
        queued.set()
        await dao.save_catalog(catalog)

    with site.slow("insert", times=width), watch() as seen:
        async with anyio.create_task_group() as group:
            for _ in range(width):
                group.start_soon(dao.save_catalog, full_catalog())
            while hop_of(adapter.blocking).taken < width:
                await anyio.sleep(0.001)
            before = len(seen.calls)
            await cancel(way, call, partial(until, queued))
            (mine,) = seen.calls[before:]
            assert mine.outcome is Outcome.NOT_STARTED
            group.cancel_scope.cancel()
    await at_rest(adapter)
    assert not await is_whole(dao, catalog)


async def test_one_who_waits_for_a_connection(way: str, make: Make, site: AioSite) -> None:
    """The thread, too, gives up waiting, and long before its patience ends."""
    adapter = await make(pool_max_size=1)
    dao, blocking = site.dao(adapter), adapter.blocking
    lent = await to_thread.run_sync(lambda: blocking.acquire(write=True))
    try:
        call = lambda: dao.save_catalog(full_catalog())  # noqa: E731

        async def reached() -> None:
            while not any(each.has_started for each in hop_of(blocking).flights):
                await anyio.sleep(0.001)
            await anyio.sleep(0.01)  # until it waits, usually

        with watch() as seen:
            await cancel(way, call, reached)
        assert seen.outcome is Outcome.ROLLED_BACK
        with anyio.fail_after(5):
            while hop_of(blocking).taken:
                await anyio.sleep(0.001)
    finally:
        await to_thread.run_sync(blocking.release, lent)
    await at_rest(adapter)
    assert await dao.list_catalog_ids() == []


async def test_one_who_waits_for_another_process(
    way: str, kind: str, make: Make, site: AioSite
) -> None:
    """What another process has locked is waited for in the database, and that is stopped, too."""
    adapter = await make()
    dao = site.dao(adapter)
    catalog = await create(dao)
    lock = {
        "sqlite": ["BEGIN IMMEDIATE"],
        "postgres": ["BEGIN", "SELECT 1 FROM cheap_catalog FOR UPDATE"],
        "mariadb": ["START TRANSACTION", "SELECT 1 FROM cheap_catalog FOR UPDATE"],
    }[kind]

    def take() -> Any:
        connection = site.site.connect()
        for each in lock:
            site.site.ask_on(connection, each)
        return connection

    def let_go(connection: Any) -> None:
        site.site.ask_on(connection, "ROLLBACK")
        connection.close()

    async def reached() -> None:
        while not adapter.checked_out:
            await anyio.sleep(0.001)
        await anyio.sleep(0.05)

    if kind == "sqlite":  # whose connections belong to one thread
        connection = take()
    else:
        connection = await to_thread.run_sync(take)
    try:
        append = lambda: dao.commit(catalog, [Append("list", [A])])  # noqa: E731
        await cancel(way, append, reached)
        await at_rest(adapter)
    finally:
        let_go(connection) if kind == "sqlite" else await to_thread.run_sync(let_go, connection)
    assert (await dao.get_catalog(catalog)).revision == 1


async def test_while_it_begins(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    catalog = full_catalog()
    with site.held("begin") as (held, go), watch() as seen:
        await cancel(way, lambda: dao.save_catalog(catalog), partial(until, held))
        assert seen.outcome is Outcome.ROLLED_BACK
        go.set()
    await at_rest(adapter)
    assert not await is_whole(dao, catalog)


async def test_a_cancelled_task_makes_no_call(dao: AsyncDao) -> None:
    with watch() as seen, anyio.CancelScope() as scope:
        scope.cancel()
        await dao.save_catalog(Catalog())
    assert scope.cancelled_caught
    assert seen.outcome is Outcome.NOT_STARTED
    assert await dao.list_catalog_ids() == []


# --- the commit ---------------------------------------------------------------------------------


async def cancel_while_held(
    way: str, call: Callable[[], Awaitable[Any]], held: threading.Event, go: threading.Event
) -> None:
    """Cancel a call that is held; let it go on when its task knows, and is waiting for it."""

    async def reached() -> None:
        await until(held)
        group.start_soon(let_go)

    async def let_go() -> None:
        await anyio.sleep(0.1)
        assert not back, "the caller did not wait for the commit"
        go.set()

    back = False
    async with anyio.create_task_group() as group:
        await cancel(way, call, reached)
        back = True
        assert go.is_set()


async def test_while_it_commits(way: str, dao: AsyncDao, site: AioSite) -> None:
    """The commit is on its way: its end is awaited, and the caller can tell."""
    catalog = full_catalog()
    with site.held("commit") as (held, go), watch() as seen:
        await cancel_while_held(way, lambda: dao.save_catalog(catalog), held, go)
    assert seen.outcome is Outcome.COMMITTED
    assert await is_whole(dao, catalog)
    assert catalog.revision == 1
    assert await dao.save_catalog(catalog) == 1  # nothing to be done: it counts as saved


async def test_after_its_first_commit(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    """Work of several calls is stopped like a single one; what it had committed stays."""
    first, second = full_catalog(), full_catalog()
    waiting: list[threading.Event] = []

    def work(store: Store) -> None:
        store.save_catalog(first)
        with site.slow("insert") as begun:
            waiting.append(begun)
            store.save_catalog(second)

    async def reached() -> None:
        while not waiting:
            await anyio.sleep(0.001)
        await until(waiting[0])

    with watch() as seen:
        await cancel(way, lambda: dao.run(work), reached)
    assert seen.outcome is Outcome.COMMITTED
    assert await to_thread.run_sync(site.settled), site.at_work()
    await at_rest(adapter)
    assert await dao.list_catalog_ids() == [first.global_id]
    assert (first.revision, second.revision) == (1, 0)


async def test_during_its_first_commit(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    """The commit is awaited, and nothing comes after it, not even in a thread that was left."""
    catalogs = [full_catalog() for _ in range(10)]
    failures: list[Exception] = []

    def work(store: Store) -> None:
        for each in catalogs:
            try:
                store.save_catalog(each)
            except StoppedError as error:
                failures.append(error)

    with site.held("commit") as (held, go), watch() as seen:
        await cancel_while_held(way, lambda: dao.run(work), held, go)
    await at_rest(adapter)
    assert seen.outcome is Outcome.COMMITTED
    assert await dao.list_catalog_ids() == [catalogs[0].global_id]
    assert len(failures) == len(catalogs) - 1
    assert "what it had committed" in str(failures[0])


async def test_a_failure_after_a_commit(dao: AsyncDao, adapter: AsyncAdapter) -> None:
    """It does not undo what was committed, and the outcome does not say so."""

    def work(store: Store) -> None:
        store.save_catalog(full_catalog())
        store.save_catalog(full_catalog())
        raise OSError("no file")

    with watch() as seen, pytest.raises(OSError, match="no file"):
        await dao.run(work)
    assert seen.outcome is Outcome.COMMITTED
    assert len(await dao.list_catalog_ids()) == 2


async def test_a_commit_that_is_lost(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    """It stays in doubt, whatever the work does next; and that is stopped all the same."""
    lost, go_on = threading.Event(), threading.Event()

    def lose(_: object) -> None:
        raise CommitUnknownError("the network is gone")

    def work(store: Store) -> None:
        with pytest.raises(CommitUnknownError):
            store.save_catalog(full_catalog())
        lost.set()
        assert go_on.wait(30)
        store.save_catalog(full_catalog())

    with site.before("commit", lose), watch() as seen:
        await cancel(way, lambda: dao.run(work), partial(until, lost))
        assert seen.outcome is Outcome.UNKNOWN
        go_on.set()
    await at_rest(adapter)
    assert seen.outcome is Outcome.UNKNOWN
    assert await dao.list_catalog_ids() == []


async def test_a_commit_that_fails(dao: AsyncDao, site: AioSite) -> None:
    catalog = full_catalog()

    def fail(_: object) -> None:
        raise OSError("no disk")

    with site.before("commit", fail), watch() as seen, pytest.raises(OSError, match="no disk"):
        await dao.save_catalog(catalog)
    assert seen.outcome is Outcome.ROLLED_BACK
    assert not await is_whole(dao, catalog)


async def test_outcomes_of_calls_that_were_not_cancelled(dao: AsyncDao) -> None:
    with watch() as seen:
        catalog = await create(dao)
        await dao.get_catalog(catalog)
        with pytest.raises(LookupError):
            await dao.read_hierarchy(catalog, "missing")
    outcomes = [each.outcome for each in seen.calls]
    assert outcomes == [Outcome.COMMITTED, Outcome.DONE, Outcome.ROLLED_BACK]


# --- in a transaction ---------------------------------------------------------------------------


async def test_a_call_in_a_transaction(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    first, second = full_catalog(), full_catalog()

    async def call() -> None:
        async with dao.transaction():
            await dao.save_catalog(first)
            with site.slow("insert") as begun:
                waiting.append(begun)
                await dao.save_catalog(second)

    waiting: list[threading.Event] = []

    async def reached() -> None:
        while not waiting:
            await anyio.sleep(0.001)
        await until(waiting[0])

    with watch() as seen:
        await cancel(way, call, reached)
    assert seen.outcome is Outcome.ROLLED_BACK
    await at_rest(adapter)
    assert await to_thread.run_sync(site.settled), site.at_work()
    assert await dao.list_catalog_ids() == []
    assert first.revision == 0
    for each in (first, second):
        await dao.save_catalog(each)
        assert await is_whole(dao, each)


async def test_between_the_calls_of_a_transaction(
    way: str, dao: AsyncDao, adapter: AsyncAdapter
) -> None:
    catalog = full_catalog()
    reached = threading.Event()

    async def call() -> None:
        async with dao.transaction():
            await dao.save_catalog(catalog)
            reached.set()
            await anyio.sleep(30)

    with watch() as seen:
        await cancel(way, call, partial(until, reached))
    assert seen.outcome is Outcome.ROLLED_BACK
    await at_rest(adapter)
    assert not await is_whole(dao, catalog)


async def test_while_a_transaction_begins(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    async def call() -> None:
        async with dao.transaction():
            raise AssertionError("the block was entered")

    with site.held("begin") as (held, go), watch() as seen:
        await cancel(way, call, partial(until, held))
        go.set()
    assert seen.outcome is Outcome.ROLLED_BACK
    await at_rest(adapter)
    assert await dao.list_catalog_ids() == []


async def test_while_a_transaction_commits(way: str, dao: AsyncDao, site: AioSite) -> None:
    catalog = full_catalog()

    async def call() -> None:
        async with dao.transaction():
            await dao.save_catalog(catalog)

    with site.held("commit") as (held, go), watch() as seen:
        await cancel_while_held(way, call, held, go)
    assert seen.outcome is Outcome.COMMITTED
    assert await is_whole(dao, catalog)
    assert catalog.revision == 1


async def test_when_a_transaction_has_not_begun_to_commit(
    dao: AsyncDao, adapter: AsyncAdapter
) -> None:
    """Cancelled between the last call of the block and its end."""
    catalog = full_catalog()
    with watch() as seen, anyio.CancelScope() as scope:
        async with dao.transaction():
            await dao.save_catalog(catalog)
            scope.cancel()
    assert scope.cancelled_caught
    assert seen.outcome is Outcome.ROLLED_BACK
    await at_rest(adapter)
    assert not await is_whole(dao, catalog)
    assert catalog.revision == 0


async def test_a_transaction_does_not_survive_a_call_that_was_stopped(
    dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    """Also when the block lives on: its next call says so, and so does its end."""
    catalog = full_catalog()
    with pytest.raises(StoppedError):
        async with dao.transaction():
            await dao.save_catalog(catalog)
            with site.slow(), anyio.move_on_after(0.1):
                await dao.list_catalog_ids()
            with pytest.raises(StoppedError):
                await dao.list_catalog_ids()
    await at_rest(adapter)
    assert not await is_whole(dao, catalog)
    assert catalog.revision == 0


async def test_nobody_waits_for_a_thread_that_cannot_be_stopped_in_a_transaction(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    catalog = full_catalog()

    async def call() -> None:
        async with dao.transaction():
            await dao.save_catalog(catalog)

    hop = hop_of(adapter.blocking)
    with site.held("insert") as (held, go):
        await cancel(way, call, partial(until, held))
        assert (hop.taken, adapter.checked_out) == (1, 1)
        go.set()
    await at_rest(adapter)
    assert not await is_whole(dao, catalog)
    assert catalog.revision == 0
