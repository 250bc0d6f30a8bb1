"""``async with dao.transaction()``: one task, one connection, all or nothing."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator
from contextvars import Context
from uuid import UUID

import anyio
import pytest

from cheap.aio import AsyncDao, Outcome, watch
from cheap.aio.adapter import AsyncAdapter
from cheap.aio.hop import hop_of
from cheap.core import Catalog
from cheap.core.edits import Append, CreateHierarchy
from cheap.db.memory import MemoryDao
from cheap.errors import AlreadyExistsError, MisuseError
from tests.aio.conftest import Make, at_rest
from tests.aio.sites import AioSite
from tests.contract.samples import LIST, A, B, full_catalog

pytestmark = pytest.mark.anyio


class Oops(Exception):
    pass


async def ids(dao: AsyncDao) -> set[UUID]:
    return set(await dao.list_catalog_ids())


async def test_it_is_committed_at_the_end(dao: AsyncDao, adapter: AsyncAdapter) -> None:
    first, second = full_catalog(), full_catalog()
    with watch() as seen:
        async with dao.transaction() as same:
            assert same is dao
            await dao.save_catalog(first)
            await dao.save_catalog(second)
            assert await dao.load_catalog(first.global_id) == first
            assert adapter.checked_out == 1
    assert adapter.checked_out == 0
    assert seen.outcome is Outcome.COMMITTED
    assert await ids(dao) == {first.global_id, second.global_id}


async def test_it_is_rolled_back_on_an_error(dao: AsyncDao, adapter: AsyncAdapter) -> None:
    kept, doomed = full_catalog(), full_catalog()
    await dao.save_catalog(kept)
    kept.drop("staff")
    with watch() as seen, pytest.raises(Oops):
        async with dao.transaction():
            await dao.save_catalog(doomed)
            await dao.save_catalog(kept)
            raise Oops
    assert adapter.checked_out == 0
    assert seen.outcome is Outcome.ROLLED_BACK
    assert await ids(dao) == {kept.global_id}
    # The catalogs know that they are not saved.
    assert (doomed.revision, kept.revision) == (0, 1)
    await dao.save_catalog(kept)
    await dao.save_catalog(doomed)
    for each in (kept, doomed):
        assert await dao.load_catalog(each.global_id) == each


async def test_a_call_that_fails_leaves_nothing_and_the_rest_goes_on(dao: AsyncDao) -> None:
    catalog = full_catalog()
    async with dao.transaction():
        await dao.save_catalog(catalog)
        with pytest.raises(AlreadyExistsError):
            await dao.create_catalog(catalog_id=catalog.global_id)
        with pytest.raises(LookupError):
            await dao.read_hierarchy(catalog.global_id, "missing")
        await dao.create_catalog()
    assert len(await ids(dao)) == 2


async def test_blocks_inside_of_blocks_join_the_outermost(dao: AsyncDao) -> None:
    with pytest.raises(Oops):
        async with dao.transaction():
            async with dao.transaction():
                await dao.create_catalog()
            with pytest.raises(LookupError):
                async with dao.transaction():
                    await dao.create_catalog()
                    raise LookupError
            assert len(await ids(dao)) == 2
            raise Oops
    assert await ids(dao) == set()


async def test_facades_over_one_adapter_join(
    dao: AsyncDao, adapter: AsyncAdapter, site: AioSite
) -> None:
    with pytest.raises(Oops):
        async with dao.transaction():
            other = site.dao(adapter)
            await other.create_catalog()
            async with other.transaction():
                assert len(await ids(other)) == 1
            raise Oops
    assert await ids(dao) == set()


async def test_two_adapters_have_a_transaction_each(make: Make, site: AioSite, kind: str) -> None:
    """Also one inside of the other: each call finds its own."""
    other_path = {"sqlite": ":memory:"}.get(kind)
    first = await make(pool_max_size=1)
    dao = site.dao(first)
    from cheap.aio.sqlite import SqliteAdapter, SqliteDao

    async with await SqliteAdapter.create(other_path or ":memory:", init_schema=True) as second:
        other = SqliteDao(second)
        with pytest.raises(Oops):
            async with dao.transaction():
                async with other.transaction():
                    await dao.create_catalog()
                    await other.create_catalog()
                    assert len(await ids(dao)) == len(await ids(other)) == 1
                await dao.create_catalog()
                raise Oops
        assert await ids(dao) == set()
        assert len(await ids(other)) == 1


# --- tasks --------------------------------------------------------------------------------------


async def test_other_tasks_are_refused(dao: AsyncDao) -> None:
    async with dao.transaction():
        await dao.create_catalog()

        async def call() -> None:
            with pytest.raises(MisuseError, match="another task"):
                await dao.create_catalog()

        async def begin() -> None:
            with pytest.raises(MisuseError, match="another task"):
                async with dao.transaction():
                    raise AssertionError("the block was entered")

        async def iterate() -> None:
            with pytest.raises(MisuseError, match="another task"):
                await anext(dao.iter_catalogs())

        async with anyio.create_task_group() as group:
            for each in (call, begin, iterate):
                group.start_soon(each)
    assert len(await ids(dao)) == 1


@pytest.mark.on("asyncio")
async def test_what_gather_makes_are_other_tasks(dao: AsyncDao) -> None:
    with pytest.raises(MisuseError, match="another task"):
        async with dao.transaction():
            await asyncio.gather(dao.create_catalog(), dao.create_catalog())
    assert await ids(dao) == set()


@pytest.mark.on("asyncio")
async def test_a_timeout_inside(dao: AsyncDao) -> None:
    async with dao.transaction():
        async with asyncio.timeout(20):
            await dao.create_catalog()
        with anyio.fail_after(20):
            await dao.create_catalog()
    assert len(await ids(dao)) == 2


async def test_a_task_that_outlives_the_block_is_on_its_own_again(dao: AsyncDao) -> None:
    over = anyio.Event()

    async def later() -> None:
        await over.wait()
        await dao.create_catalog()
        async with dao.transaction():
            await dao.create_catalog()

    async with anyio.create_task_group() as group:
        async with dao.transaction():
            group.start_soon(later)
            await dao.create_catalog()
        over.set()
    assert len(await ids(dao)) == 3


@pytest.mark.on("asyncio")  # trio wants generators closed
@pytest.mark.parametrize("inside", [False, True])
async def test_an_asynchronous_generator_that_is_left_early(
    dao: AsyncDao, adapter: AsyncAdapter, inside: bool
) -> None:
    """The event loop ends it in another context; the transaction is rolled back all the same."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def saving() -> AsyncGenerator[int]:
        with watch():
            async with dao.transaction():
                await dao.create_catalog()
                yield len(await ids(dao))

    with watch() as seen:
        async for count in saving():
            assert count == 1
            break
        gc.collect()
        await at_rest(adapter)
        calls = len(seen.calls)
        if inside:  # what was open here before is still open, and nothing else
            async with dao.transaction():
                await dao.create_catalog()
        else:
            await dao.create_catalog()
        assert len(seen.calls) > calls
    assert len(await ids(dao)) == 1
    gc.collect()  # asyncio tells of a failure when it throws its task away
    await asyncio.sleep(0)
    assert told == []


async def test_tasks_that_were_there_before_go_on(make: Make, site: AioSite) -> None:
    """They neither see what is not committed, nor are they held up by it (but by its locks)."""
    adapter = await make()
    dao = site.dao(adapter)
    begun, over = anyio.Event(), anyio.Event()
    seen: list[int] = []

    async def read() -> None:
        await begun.wait()
        seen.append(len(await ids(dao)))
        over.set()

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await anyio.sleep(0)
        async with dao.transaction():
            await dao.create_catalog()
            begun.set()
            await over.wait()
    assert seen == [0]
    assert len(await ids(dao)) == 1


# --- connections --------------------------------------------------------------------------------


async def test_on_a_pool_of_one(make: Make, site: AioSite) -> None:
    adapter = await make(pool_max_size=1, pool_timeout=5)
    dao = site.dao(adapter)
    async with dao.transaction():
        catalog = full_catalog()
        await dao.save_catalog(catalog)
        assert [each.catalog_id async for each in dao.iter_catalogs()] == [catalog.global_id]
        assert await dao.load_catalog(catalog.global_id) == catalog


async def test_more_transactions_than_connections(make: Make, site: AioSite) -> None:
    """All of them end, for the calls inside wait for no connection."""
    adapter = await make(pool_max_size=2)
    dao = site.dao(adapter)

    async def work() -> None:
        async with dao.transaction():
            await dao.save_catalog(Catalog())
            await anyio.sleep(0.001)
            await dao.save_catalog(Catalog())

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for _ in range(20):
                Context().run(group.start_soon, work)
                group.start_soon(dao.list_catalogs)
    assert len(await ids(dao)) == 40
    await at_rest(adapter)


async def test_it_holds_a_turn_and_gives_it_back(dao: AsyncDao, adapter: AsyncAdapter) -> None:
    hop = hop_of(adapter.blocking)
    for fails in (False, True):
        try:
            async with dao.transaction():
                assert (hop.taken, adapter.checked_out) == (1, 1)
                if fails:
                    raise Oops
        except Oops:
            pass
        await at_rest(adapter)


async def test_it_cannot_begin(make: Make, site: AioSite) -> None:
    adapter = await make()
    dao = site.dao(adapter)

    def fail(_: object) -> None:
        raise OSError("no network")

    with site.before("begin", fail), pytest.raises(OSError, match="no network"):
        async with dao.transaction():
            raise AssertionError("the block was entered")
    await at_rest(adapter)


async def test_it_cannot_be_committed(dao: AsyncDao, adapter: AsyncAdapter, site: AioSite) -> None:
    catalog = full_catalog()

    def fail(_: object) -> None:
        raise OSError("no disk")

    with watch() as seen, site.before("commit", fail), pytest.raises(OSError, match="no disk"):
        async with dao.transaction():
            await dao.save_catalog(catalog)
    assert seen.outcome is Outcome.ROLLED_BACK
    assert catalog.revision == 0
    await at_rest(adapter)
    assert await ids(dao) == set()


async def test_the_rollback_of_a_block_that_failed_is_awaited(dao: AsyncDao, site: AioSite) -> None:
    ended = threading.Event()
    with pytest.raises(Oops), site.before("rollback", lambda _: ended.wait(0.1)):
        async with dao.transaction():
            await dao.create_catalog()
            raise Oops
    assert await ids(dao) == set()


async def test_edits_of_one_catalog(dao: AsyncDao) -> None:
    async with dao.transaction():
        catalog = (await dao.create_catalog()).catalog_id
        await dao.commit(catalog, [CreateHierarchy("list", LIST), Append("list", [A])])
        await dao.commit(catalog, [Append("list", [B])])
    entries = [each.entity async for each in dao.iter_hierarchy(catalog, "list")]
    assert entries == [A, B]
    assert (await dao.get_catalog(catalog)).revision == 3


async def test_the_memory_store_has_none() -> None:
    with pytest.raises(MisuseError, match="SQL"):
        async with AsyncDao(MemoryDao()).transaction():
            raise AssertionError("the block was entered")
