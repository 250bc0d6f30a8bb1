"""The guide's FastAPI examples: the facade as a dependency, catalogs as bodies and as answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import pytest
from anyio.to_thread import run_sync
from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.responses import StreamingResponse

from cheap.aio.sqlite import SqliteAdapter, SqliteDao, get_dao, use_adapter
from cheap.core import AspectDef, Catalog, CatalogImpl, CatalogSpecies, PropertyDef, PropertyType
from cheap.db.dao import SqlDao
from cheap.errors import ClosedError

pytestmark = pytest.mark.anyio

Dao = Annotated[SqliteDao, Depends(get_dao)]
app = FastAPI()


@app.get("/api/catalog/{catalog_id}")
async def get_catalog(catalog_id: UUID, dao: Dao) -> Catalog:
    return await dao.load_catalog(catalog_id)


@app.post("/api/catalog")
async def create_catalog(catalog: Catalog, dao: Dao) -> Catalog:
    await dao.save_catalog(catalog)
    return catalog


async def clean_up(catalog_id: UUID, dao: SqliteDao) -> None:
    await asyncio.sleep(60)
    await dao.delete_catalog(catalog_id)


@app.delete("/api/catalog/{catalog_id}")
async def delete_later(catalog_id: UUID, background_tasks: BackgroundTasks, dao: Dao) -> Any:
    background_tasks.add_task(clean_up, catalog_id, dao)
    return {"status": "scheduled"}


async def lines(dao: SqliteDao) -> AsyncIterator[str]:
    for catalog_id in await dao.list_catalog_ids():
        catalog = await dao.load_catalog(catalog_id)
        yield f"{catalog.json()}\n"


@app.get("/api/catalogs/stream")
async def stream(dao: Dao) -> StreamingResponse:
    return StreamingResponse(lines(dao), media_type="application/x-ndjson")


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


@pytest.fixture
async def client(adapter: SqliteAdapter) -> AsyncIterator[httpx.AsyncClient]:
    use_adapter(adapter)
    async with client_of(app) as client:
        yield client
    use_adapter(None)


def filled() -> Catalog:
    catalog = CatalogImpl(species=CatalogSpecies.SINK, version="1.0.0")
    person = AspectDef("person", [PropertyDef("name", PropertyType.STRING)])
    people = catalog.define(person)
    for name in ("Alice", "Bob"):
        people[catalog.new_entity()] = {"name": name}
    catalog.create_list("queue", people)
    return catalog


async def test_catalog_as_body_and_as_answer(client: httpx.AsyncClient) -> None:
    catalog = filled()
    document = json.loads(catalog.json())
    answer = await client.post("/api/catalog", json=document)
    assert (answer.status_code, answer.json()) == (200, document)
    answer = await client.get(f"/api/catalog/{catalog.global_id}")
    assert (answer.status_code, answer.json()) == (200, document)
    assert Catalog.from_json(answer.content) == catalog


async def test_body_of_a_new_catalog(client: httpx.AsyncClient, dao: SqliteDao) -> None:
    """The guide's own body: without an id, and with its species in upper case."""
    answer = await client.post("/api/catalog", json={"species": "SOURCE", "version": "1.0.0"})
    assert answer.status_code == 200
    made = await dao.load_catalog(UUID(answer.json()["globalId"]))
    assert (made.species, made.version) == (CatalogSpecies.SOURCE, "1.0.0")
    assert answer.json()["species"] == "source"


async def test_body_that_is_no_catalog(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/catalog", json={"globalId": str(uuid4()), "species": "?"})
    assert answer.status_code == 422
    assert "$.species" in answer.json()["detail"][0]["msg"]


async def test_routes_are_described(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")
    body = answer.json()["paths"]["/api/catalog"]["post"]["requestBody"]
    assert "globalId" in str(body)


async def test_get_dao_of_the_library(client: httpx.AsyncClient, dao: SqliteDao) -> None:
    """It gives DAOs over one adapter; without one that was named, over a database in memory."""
    catalog = filled()
    await (await get_dao()).save_catalog(catalog)
    assert await dao.load_catalog(catalog.global_id) == catalog

    use_adapter(None)
    first, second = await asyncio.gather(get_dao(), get_dao())
    assert await first.list_catalog_ids() == []
    await first.save_catalog(catalog)
    assert await second.load_catalog(catalog.global_id) == catalog
    assert isinstance(first.store, SqlDao)
    await run_sync(first.store.adapter.close)


async def test_get_dao_of_ones_own() -> None:
    held: SqliteAdapter | None = None

    async def own_dao() -> SqliteDao:
        nonlocal held
        if held is None:
            held = await SqliteAdapter.create(":memory:", init_schema=True)
        return SqliteDao(held)

    own = FastAPI()

    @own.get("/count")
    async def count(dao: Annotated[SqliteDao, Depends(own_dao)]) -> int:
        await dao.save_catalog(filled())
        return len(await dao.list_catalog_ids())

    async with client_of(own) as client:
        answers = [(await client.get("/count")).json() for _ in range(3)]
    assert answers == [1, 2, 3]
    assert held is not None
    await held.close()


async def test_lifespan() -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        adapter = await SqliteAdapter.create("data/catalog.db", init_schema=True)
        app.state.adapter = adapter
        yield
        await adapter.close()

    own = FastAPI(lifespan=lifespan)
    async with own.router.lifespan_context(own):
        dao = SqliteDao(own.state.adapter)
        await dao.save_catalog(filled())
    with pytest.raises(ClosedError):
        await dao.list_catalog_ids()


async def test_background_task(
    client: httpx.AsyncClient, dao: SqliteDao, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = filled()
    await dao.save_catalog(catalog)
    slept: list[float] = []
    really: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def sleep(seconds: float) -> None:
        if seconds == 60:
            slept.append(seconds)
            assert await dao.catalog_exists(catalog.global_id)
            seconds = 0
        await really(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    answer = await client.delete(f"/api/catalog/{catalog.global_id}")
    assert answer.json() == {"status": "scheduled"}
    assert slept == [60]
    assert not await dao.catalog_exists(catalog.global_id)


async def test_stream(client: httpx.AsyncClient, dao: SqliteDao) -> None:
    catalogs = [filled() for _ in range(5)]
    for each in catalogs:
        await dao.save_catalog(each)
    async with client.stream("GET", "/api/catalogs/stream") as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        found = [Catalog.from_json(line) async for line in answer.aiter_lines()]
    assert found == catalogs
