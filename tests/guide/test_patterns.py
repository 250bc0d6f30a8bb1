"""What the guide does with a DAO: practices, patterns, and how tests are written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from cheap.aio.sqlite import SqliteDao
from cheap.core import Catalog, CatalogImpl, CatalogSpecies
from cheap.errors import CatalogNotFoundError

pytestmark = pytest.mark.anyio


def some(count: int) -> list[Catalog]:
    return [CatalogImpl(species=CatalogSpecies.SINK, version=f"{i}.0.0") for i in range(count)]


async def saved(dao: SqliteDao, count: int) -> list[UUID]:
    catalogs = some(count)
    for each in catalogs:
        await dao.save_catalog(each)
    return [each.global_id for each in catalogs]


# --- best practices -------------------------------------------------------------------------


async def test_gather_loads(dao: SqliteDao) -> None:
    ids = await saved(dao, 3)
    results = await asyncio.gather(*(dao.load_catalog(each) for each in ids))
    assert [each.global_id for each in results] == ids

    found, missing = await asyncio.gather(
        dao.load_catalog(ids[0]), dao.load_catalog(uuid4()), return_exceptions=True
    )
    assert isinstance(found, Catalog)
    assert isinstance(missing, CatalogNotFoundError)


async def test_calls_that_depend_on_each_other(dao: SqliteDao) -> None:
    (catalog_id,) = await saved(dao, 1)
    catalog = await dao.load_catalog(catalog_id)
    catalog.version = "2.0.0"
    await dao.save_catalog(catalog)
    loaded = await dao.load_catalog(catalog_id)
    assert loaded.version == "2.0.0"


async def test_version_of_a_read_only_species(dao: SqliteDao) -> None:
    catalog = CatalogImpl(species=CatalogSpecies.SOURCE, version="1.0.0")
    await dao.save_catalog(catalog)
    catalog.version = "2.0.0"
    await dao.save_catalog(catalog)
    assert (await dao.load_catalog(catalog.global_id)).version == "2.0.0"


async def test_wait_for_in_time_and_too_late(dao: SqliteDao) -> None:
    (catalog_id,) = await saved(dao, 1)
    catalog = await asyncio.wait_for(dao.load_catalog(catalog_id), timeout=5.0)
    assert catalog.global_id == catalog_id
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(dao.load_catalog(catalog_id), timeout=0)


# --- patterns -------------------------------------------------------------------------------


async def batch_save(dao: SqliteDao, catalogs: list[Catalog]) -> None:
    await asyncio.gather(*[dao.save_catalog(each) for each in catalogs])


async def test_batch(dao: SqliteDao) -> None:
    species = (CatalogSpecies.SOURCE, CatalogSpecies.SINK, CatalogSpecies.CACHE)
    catalogs = [CatalogImpl(species=each, version="1.0.0") for each in species]
    await batch_save(dao, catalogs)
    assert {*await dao.list_catalog_ids()} == {each.global_id for each in catalogs}


async def paginated(dao: SqliteDao, page_size: int = 10) -> AsyncIterator[Catalog]:
    offset = 0
    while catalogs := await dao.load_catalogs_page(offset, page_size):
        for each in catalogs:
            yield each
        offset += page_size


async def test_pages_by_offset(dao: SqliteDao) -> None:
    ids = await saved(dao, 23)
    assert [each.global_id async for each in paginated(dao)] == ids
    assert [each.global_id async for each in paginated(dao, page_size=1)] == ids
    assert await dao.load_catalogs_page(23, 10) == []


# --- testing --------------------------------------------------------------------------------


async def test_save_and_load(dao: SqliteDao) -> None:
    catalog = CatalogImpl(species=CatalogSpecies.SOURCE, version="1.0.0")
    await dao.save_catalog(catalog)
    loaded = await dao.load_catalog(catalog.global_id)
    assert loaded.global_id == catalog.global_id
    assert loaded.species == catalog.species


async def test_concurrent_saves(dao: SqliteDao) -> None:
    catalogs = some(10)
    await asyncio.gather(*[dao.save_catalog(each) for each in catalogs])
    for each in catalogs:
        loaded = await dao.load_catalog(each.global_id)
        assert loaded.version == each.version


# --- performance ----------------------------------------------------------------------------


async def test_saves_in_a_row_and_at_once(dao: SqliteDao) -> None:
    catalogs = some(20)
    await batch_save(dao, catalogs)
    for each in catalogs:
        await dao.save_catalog(each)  # unchanged: nothing is written
    assert {(await dao.get_catalog(each.global_id)).revision for each in catalogs} == {1}


async def test_semaphore(dao: SqliteDao) -> None:
    async def save_with_limit(dao: SqliteDao, catalogs: list[Catalog], most: int = 10) -> None:
        semaphore = asyncio.Semaphore(most)

        async def save_one(catalog: Catalog) -> None:
            async with semaphore:
                await dao.save_catalog(catalog)

        await asyncio.gather(*[save_one(each) for each in catalogs])

    await save_with_limit(dao, some(50))
    assert len(await dao.list_catalog_ids()) == 50


# --- troubleshooting ------------------------------------------------------------------------


async def test_work_for_the_processor_in_a_pool(dao: SqliteDao) -> None:
    def encode(catalog: Catalog) -> str:
        return catalog.json()

    async def in_a_thread(data: Any) -> str:
        running = asyncio.get_event_loop()
        with ThreadPoolExecutor() as pool:
            return await running.run_in_executor(pool, encode, data)

    (catalog_id,) = await saved(dao, 1)
    catalog = await dao.load_catalog(catalog_id)
    assert Catalog.from_json(await in_a_thread(catalog)) == catalog
