"""A thousand cancellations at random moments of random calls, and nothing is left of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from uuid import UUID

import anyio
import pytest
from anyio import to_thread

from cheap.aio import AsyncDao, Outcome, Watch, watch
from cheap.core import Catalog
from cheap.core.edits import Append, PutAspects
from cheap.errors import CheapError
from tests.aio.conftest import Make, at_rest
from tests.aio.sites import AioSite
from tests.contract.samples import PERSON, full_catalog, one_of_each

pytestmark = pytest.mark.anyio

COUNT = 500
"""Cancellations, on each of the two event loops."""

AT_ONCE = 12


async def test_a_storm_of_cancellations(make: Make, site: AioSite, anyio_backend: str) -> None:
    adapter = await make(pool_max_size=4, pool_timeout=10)
    storm = Storm(
        site.dao(adapter), [cancel_scope, cancel_task][: 1 + (anyio_backend == "asyncio")]
    )
    await storm.begin()
    async with anyio.create_task_group() as group:
        for number in range(AT_ONCE):
            group.start_soon(storm.blow, random.Random(number))
    await at_rest(adapter)
    assert await to_thread.run_sync(site.settled), site.at_work()
    await storm.check()
    # The adapter is as good as new: all of its connections work, and there are no more of them.
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(storm.dao.load_catalog, storm.stock.global_id)
    width = adapter.blocking.width
    assert await to_thread.run_sync(site.connections_left, width) <= width


Call = Callable[[], Coroutine[Any, Any, None]]
Cancel = Callable[[Call, float], Awaitable[bool]]
Verb = Callable[[random.Random, Watch], Awaitable[None]]


class Storm:
    """Calls that are cancelled, and what must be in the store afterwards."""

    def __init__(self, dao: AsyncDao, ways: list[Cancel]) -> None:
        self.dao = dao
        self.ways = ways
        self.stopped = 0
        self.saved: dict[UUID, tuple[Catalog, Outcome]] = {}
        self.appended: list[UUID] = []
        self.unsure = 0
        self.stock = full_catalog()
        self.shared = UUID(int=0)

    async def begin(self) -> None:
        await self.dao.save_catalog(self.stock)
        self.shared = (await self.dao.create_catalog(edits=one_of_each())).catalog_id

    async def blow(self, chance: random.Random) -> None:
        verbs = [self.save, self.save_many, self.append, self.load, self.find, self.follow]
        while self.stopped < COUNT:
            verb, way = chance.choice(verbs), chance.choice(self.ways)
            seconds = chance.expovariate(1 / chance.choice([0.001, 0.005, 0.02, 0.06]))

            async def call(verb: Verb = verb) -> None:
                with watch() as seen:
                    try:
                        await verb(chance, seen)
                    except CheapError as error:
                        assert error.retryable, error  # noqa: PT017

            if await way(call, seconds):
                self.stopped += 1

    async def save(self, chance: random.Random, seen: Watch) -> None:
        catalog = full_catalog()
        try:
            await self.dao.save_catalog(catalog)
        finally:
            self.saved[catalog.global_id] = (catalog, seen.outcome)

    async def save_many(self, chance: random.Random, seen: Watch) -> None:
        """Several catalogs in a transaction: all or none."""
        catalogs = [full_catalog() for _ in range(3)]
        try:
            async with self.dao.transaction():
                for each in catalogs:
                    await self.dao.save_catalog(each)
                    await anyio.sleep(0)
        finally:
            for each in catalogs:
                self.saved[each.global_id] = (each, seen.outcome)

    async def append(self, chance: random.Random, seen: Watch) -> None:
        entity = UUID(int=chance.getrandbits(128))
        edits = [Append("list", [entity]), PutAspects(PERSON.name, {entity: {"name": "x"}})]
        try:
            await self.dao.commit(self.shared, edits)
        finally:
            if seen.outcome is Outcome.COMMITTED:
                self.appended.append(entity)

    async def load(self, chance: random.Random, seen: Watch) -> None:
        assert await self.dao.load_catalog(self.stock.global_id) == self.stock

    async def find(self, chance: random.Random, seen: Watch) -> None:
        async for _ in self.dao.iter_aspects(self.shared, PERSON.name, page_size=3):
            pass

    async def follow(self, chance: random.Random, seen: Watch) -> None:
        async for _ in self.dao.iter_changes(self.shared, page_size=20):
            pass

    async def check(self) -> None:
        kept = set(await self.dao.list_catalog_ids()) - {self.stock.global_id, self.shared}
        outcomes = {Outcome.NOT_STARTED, Outcome.ROLLED_BACK, Outcome.COMMITTED}
        for key, (catalog, outcome) in self.saved.items():
            assert outcome in outcomes
            assert (key in kept) == (outcome is Outcome.COMMITTED)
            assert catalog.revision == (outcome is Outcome.COMMITTED)
            if key in kept:
                assert await self.dao.load_catalog(key) == catalog
        assert kept <= self.saved.keys()
        entries = [each async for each in self.dao.iter_hierarchy(self.shared, "list")]
        found = [each.entity for each in entries][3:]
        assert sorted(map(str, found)) == sorted(map(str, self.appended))
        people = await self.dao.get_aspects(self.shared, PERSON.name, self.appended)
        assert set(people) == set(self.appended)
        revision = (await self.dao.get_catalog(self.shared)).revision
        assert revision == 1 + len(self.appended)


async def cancel_scope(call: Call, seconds: float) -> bool:
    with anyio.move_on_after(seconds) as scope:
        await call()
    return scope.cancelled_caught


async def cancel_task(call: Call, seconds: float) -> bool:
    """Asyncio's own way, twice: the second one comes while the task is on its way out."""
    task = asyncio.create_task(call())
    for _ in range(2):
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return task.cancelled()
