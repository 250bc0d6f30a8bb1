"""Programs of the guide that have a ``main``: the databases, and what goes wrong at the end."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from cheap.aio.mariadb import MariaDbAdapter, MariaDbDao
from cheap.aio.postgres import PostgresAdapter, PostgresDao
from cheap.aio.sqlite import SqliteAdapter, SqliteDao
from cheap.core import CatalogImpl, CatalogSpecies
from cheap.errors import ClosedError
from tests.lanes import Ground, ServerBackend


def login(ground: Ground, name: str) -> dict[str, Any]:
    backend = ground.backend(name)
    assert isinstance(backend, ServerBackend)
    server = backend.server
    url = server.create_database("guide")
    key = "dbname" if name == "postgres" else "database"
    place = {"host": server.host, "port": server.port, key: url.rpartition("/")[2]}
    return {**place, "user": server.user, "password": server.password}


@pytest.fixture
def servers(request: pytest.FixtureRequest, ground: Ground) -> Ground:
    if request.config.option.fast:
        pytest.skip("needs a server")
    return ground


# --- databases ------------------------------------------------------------------------------


def test_sqlite_file(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        adapter = await SqliteAdapter.create("data/catalog.db", init_schema=True)
        dao = SqliteDao(adapter)
        catalog = CatalogImpl(species=CatalogSpecies.SOURCE, version="1.0.0")
        await dao.save_catalog(catalog)
        loaded = await dao.load_catalog(catalog.global_id)
        assert loaded == catalog
        print(f"{loaded.species} {loaded.version}")
        await adapter.close()

    asyncio.run(main())
    assert capsys.readouterr().out == "CatalogSpecies.SOURCE 1.0.0\n"
    assert Path("data/catalog.db").exists()


def test_sqlite_context_manager() -> None:
    async def main() -> None:
        adapter = await SqliteAdapter.create(":memory:", init_schema=True)
        async with adapter:
            dao = SqliteDao(adapter)
            catalog = CatalogImpl(species=CatalogSpecies.SOURCE, version="1.0.0")
            await dao.save_catalog(catalog)
            loaded = await dao.load_catalog(catalog.global_id)
            assert loaded.global_id == catalog.global_id
        with pytest.raises(ClosedError):
            await dao.load_catalog(catalog.global_id)

    asyncio.run(main())


def test_postgres(servers: Ground) -> None:
    where = login(servers, "postgres")

    async def main() -> None:
        adapter = await PostgresAdapter.create(
            **where, init_schema=True, pool_min_size=1, pool_max_size=10
        )
        dao = PostgresDao(adapter)
        catalog = CatalogImpl(species=CatalogSpecies.CACHE, version="2.0.0")
        await dao.save_catalog(catalog)
        loaded = await dao.load_catalog(catalog.global_id)
        assert (loaded.species, loaded.version) == (CatalogSpecies.CACHE, "2.0.0")
        await adapter.close()

    async def pooled() -> None:
        adapter = await PostgresAdapter.create(
            **where, pool_min_size=5, pool_max_size=20, pool_max_idle=60.0
        )
        assert len(await PostgresDao(adapter).list_catalog_ids()) == 1
        await adapter.close()

    asyncio.run(main())
    asyncio.run(pooled())


def test_mariadb(servers: Ground) -> None:
    where = login(servers, "mariadb")

    async def main() -> None:
        adapter = await MariaDbAdapter.create(
            **where, init_schema=True, pool_min_size=1, pool_max_size=10
        )
        dao = MariaDbDao(adapter)
        catalog = CatalogImpl(species=CatalogSpecies.MIRROR, version="1.0.0")
        await dao.save_catalog(catalog)
        assert (await dao.load_catalog(catalog.global_id)).species is CatalogSpecies.MIRROR
        await adapter.close()

    asyncio.run(main())


def test_adapter_as_context_manager_at_once() -> None:
    async def main() -> None:
        async with await SqliteAdapter.create("catalog.db", init_schema=True) as adapter:
            assert await SqliteDao(adapter).list_catalog_ids() == []

    asyncio.run(main())


# --- entry points and the end of programs ---------------------------------------------------


async def saves_one(path: str = "catalog.db") -> int:
    async with await SqliteAdapter.create(path, init_schema=True) as adapter:
        dao = SqliteDao(adapter)
        await dao.save_catalog(CatalogImpl(species=CatalogSpecies.SINK, version="1.0.0"))
        return len(await dao.list_catalog_ids())


def test_entry_point() -> None:
    assert asyncio.run(saves_one()) == 1


def test_run_twice() -> None:
    """What the guide calls an error works: each run has an event loop of its own."""
    assert [asyncio.run(saves_one()), asyncio.run(saves_one())] == [1, 2]


def test_event_loop_made_by_hand() -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert loop.run_until_complete(saves_one()) == 1
    finally:
        loop.close()
        asyncio.set_event_loop(None)


def test_one_adapter_in_two_event_loops() -> None:
    adapter = asyncio.run(SqliteAdapter.create("catalog.db", init_schema=True))
    dao = SqliteDao(adapter)
    catalog = CatalogImpl(species=CatalogSpecies.SINK, version="1.0.0")
    asyncio.run(dao.save_catalog(catalog))
    assert asyncio.run(dao.load_catalog(catalog.global_id)) == catalog
    asyncio.run(adapter.close())


def test_pending_tasks_are_cancelled() -> None:
    async def main() -> None:
        async with await SqliteAdapter.create("catalog.db", init_schema=True) as adapter:
            dao = SqliteDao(adapter)

            async def forever() -> None:
                while True:
                    await dao.list_catalog_ids()

            pending = [asyncio.create_task(forever()) for _ in range(5)]
            await asyncio.sleep(0.01)
            others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
            for each in others:
                each.cancel()
            ends = await asyncio.gather(*others, return_exceptions=True)
            assert {type(each) for each in ends} == {asyncio.CancelledError}
            assert all(each.cancelled() for each in pending)
            assert adapter.checked_out == 0

    asyncio.run(main())


def test_result_is_printed_as_the_guide_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A species in an f-string, an id in another."""
    catalog = CatalogImpl(species=CatalogSpecies.FORK, version="1.0.0")
    print(f"{catalog.species}|{catalog.global_id}")
    assert re.fullmatch(r"CatalogSpecies\.FORK\|[0-9a-f-]{36}\n", capsys.readouterr().out)
