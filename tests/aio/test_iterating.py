"""``async for`` over what a store holds: page by page, safe to leave, one task at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import Any
from uuid import UUID

import anyio
import pytest

from cheap.aio import AsyncDao
from cheap.aio.adapter import AsyncAdapter
from cheap.aio.pages import AsyncPages
from cheap.core import Aspect, Catalog
from cheap.core.edits import Append, CreateHierarchy, PutAspects, PutDefinition
from cheap.errors import CatalogNotFoundError, MisuseError
from cheap.store import Page
from tests.aio.sites import AioSite
from tests.contract.samples import LIST, MAP, PERSON, entities

pytestmark = pytest.mark.anyio

IDS = entities(25)


@pytest.fixture
async def catalog(dao: AsyncDao) -> UUID:
    made = await dao.create_catalog(
        edits=[
            PutDefinition(PERSON),
            CreateHierarchy(PERSON.name, MAP),
            PutAspects(PERSON.name, {each: {"name": str(n)} for n, each in enumerate(IDS)}),
            CreateHierarchy("list", LIST),
            Append("list", IDS),
        ]
    )
    return made.catalog_id


async def test_catalogs(dao: AsyncDao) -> None:
    saved = [Catalog() for _ in range(7)]
    for each in saved:
        await dao.save_catalog(each)
    found = [each.catalog_id async for each in dao.iter_catalogs(page_size=3)]
    assert found == sorted(each.global_id for each in saved)


@pytest.mark.parametrize("page_size", [1, 10, 25, 1000])
async def test_aspects_hierarchies_and_changes(
    dao: AsyncDao, catalog: UUID, page_size: int
) -> None:
    aspects = dao.iter_aspects(catalog, PERSON.name, order_by="name", page_size=page_size)
    assert [a["name"] async for a in aspects] == sorted(str(n) for n in range(25))
    entries = dao.iter_hierarchy(catalog, "list", page_size=page_size)
    assert [each.entity async for each in entries] == IDS
    changes = [each async for each in dao.iter_changes(catalog, page_size=page_size)]
    assert sum(isinstance(each.value, Aspect) for each in changes) == 25


async def test_nothing_at_all(dao: AsyncDao) -> None:
    assert [each async for each in dao.iter_catalogs()] == []
    with pytest.raises(CatalogNotFoundError):
        await anext(dao.iter_hierarchy(UUID(int=1), "list"))


ITERATORS: list[Callable[[AsyncDao, UUID], AsyncPages[Any]]] = [
    lambda dao, catalog: dao.iter_catalogs(page_size=2),
    lambda dao, catalog: dao.iter_aspects(catalog, PERSON.name, page_size=2),
    lambda dao, catalog: dao.iter_hierarchy(catalog, "list", page_size=2),
    lambda dao, catalog: dao.iter_changes(catalog, page_size=2),
]


@pytest.mark.parametrize("iterate", ITERATORS)
async def test_leaving_early_leaves_nothing_behind(
    dao: AsyncDao,
    adapter: AsyncAdapter,
    catalog: UUID,
    iterate: Callable[[AsyncDao, UUID], AsyncPages[Any]],
) -> None:
    async for _ in iterate(dao, catalog):
        assert adapter.checked_out == 0  # nor is anything held from page to page
        break
    await dao.delete_catalog(catalog)


@pytest.mark.parametrize("iterate", ITERATORS)
async def test_it_can_be_closed(
    dao: AsyncDao, catalog: UUID, iterate: Callable[[AsyncDao, UUID], AsyncPages[Any]]
) -> None:
    async with aclosing(iterate(dao, catalog)) as items:
        await anext(items)
    assert items.at_hand == 0
    with pytest.raises(StopAsyncIteration):
        await anext(items)
    await items.aclose()


async def test_it_cannot_be_closed_under_the_hands_of_another_task(
    dao: AsyncDao, catalog: UUID, site: AioSite
) -> None:
    entries = dao.iter_hierarchy(catalog, "list")
    found: list[UUID | None] = []

    async def iterate() -> None:
        async for each in entries:
            found.append(each.entity)

    with site.held("rows") as (held, go):
        async with anyio.create_task_group() as group:
            group.start_soon(iterate)
            while not held.is_set():
                await anyio.sleep(0.001)
            with pytest.raises(MisuseError, match="two tasks"):
                await entries.aclose()
            go.set()
    assert found == IDS


async def test_cancelled_in_the_middle_it_goes_on(
    dao: AsyncDao, catalog: UUID, site: AioSite
) -> None:
    """A page that was not fetched is fetched by the next attempt; nothing is skipped."""
    entries = dao.iter_hierarchy(catalog, "list", page_size=10)
    found = [(await anext(entries)).entity for _ in range(10)]
    with site.slow(), anyio.move_on_after(0.1) as scope:
        await anext(entries)
    assert scope.cancelled_caught
    found += [each.entity async for each in entries]
    assert found == IDS


async def test_two_tasks_on_one_iterator(dao: AsyncDao, catalog: UUID, site: AioSite) -> None:
    entries = dao.iter_hierarchy(catalog, "list")
    with site.held("rows") as (held, go):
        async with anyio.create_task_group() as group:

            async def first() -> None:
                assert (await anext(entries)).entity == IDS[0]

            group.start_soon(first)
            while not held.is_set():
                await anyio.sleep(0.001)
            with pytest.raises(MisuseError, match="two tasks"):
                await anext(entries)
            go.set()
    assert [each.entity async for each in entries] == IDS[1:]  # one after the other is fine


async def test_an_iterator_each(dao: AsyncDao, catalog: UUID) -> None:
    found: list[list[UUID | None]] = []

    async def collect() -> None:
        entries = dao.iter_hierarchy(catalog, "list", page_size=3)
        found.append([each.entity async for each in entries])

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(collect)
    assert found == [IDS] * 10


async def test_no_more_than_a_page_is_held() -> None:
    """However long it goes on."""
    fetched = 0

    async def fetch(cursor: str | None) -> Page[int]:
        nonlocal fetched
        start = int(cursor or 0)
        fetched += 1
        await anyio.sleep(0)
        return Page(tuple(range(start, start + 100)), str(start + 100))

    seen = 0
    pages = AsyncPages(fetch)
    async for number in pages:
        assert number == seen
        seen += 1
        assert pages.at_hand < 100
        assert fetched == (number // 100) + 1
        if seen == 10_000:
            break


async def test_empty_pages_in_between() -> None:
    """A page may be empty and yet not the last one."""
    pages = {None: Page((), "a"), "a": Page((1,), "b"), "b": Page((), "c"), "c": Page((2,), None)}

    async def fetch(cursor: str | None) -> Page[int]:
        return pages[cursor]  # type: ignore[return-value]

    assert [each async for each in AsyncPages(fetch)] == [1, 2]
