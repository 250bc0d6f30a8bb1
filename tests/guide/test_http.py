"""The guide's server and clients, over a socket where it says ``http://localhost:8000``."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import ASGITransport, AsyncClient

from cheap.core import Catalog, CatalogImpl, CatalogSpecies
from cheap.errors import CatalogNotFoundError, UnavailableError
from cheap.rest.client import AsyncCheapClient, CheapClient, CheapClientConfig
from cheap.rest.client.exceptions import (
    CheapRestBadRequestException,
    CheapRestClientException,
    CheapRestNotFoundException,
    CheapRestServerException,
)
from cheap.rest.main import create_app
from cheap.store import CatalogHeader
from tests.live import listening


@pytest.fixture
def url(clean_place: None) -> Iterator[str]:
    """Where the server of the guide listens."""
    with listening(create_app("sqlite:///data/catalog.db")) as url:
        yield url


# --- clients --------------------------------------------------------------------------------


def test_async_client(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        async with AsyncCheapClient(url) as client:
            catalog = await client.create_catalog(species=CatalogSpecies.SOURCE, version="1.0.0")
            print(f"Created: {catalog.catalog_id}")
            loaded = await client.get_catalog(catalog.catalog_id)
            print(f"Loaded: {loaded.species}")
            assert loaded.version == "1.0.0"
            await client.delete_catalog(catalog.catalog_id)
            assert not await client.catalog_exists(catalog.catalog_id)
            health = await client.health_check()
            print(f"Status: {health['status']}")
            assert health["database"] == "sqlite"

    asyncio.run(main())
    told = r"Created: [0-9a-f-]{36}\nLoaded: CatalogSpecies\.SOURCE\nStatus: healthy\n"
    assert re.fullmatch(told, capsys.readouterr().out)


def test_catalogs_created_at_once(url: str) -> None:
    async def create_catalog(client: AsyncCheapClient, species: str) -> CatalogHeader:
        return await client.create_catalog(species=CatalogSpecies(species), version="1.0.0")

    async def main() -> None:
        async with AsyncCheapClient(url) as client:
            wanted = ["SOURCE", "SINK", "CACHE", "MIRROR", "FORK"]
            made = await asyncio.gather(*[create_catalog(client, each) for each in wanted])
            assert [each.species.value for each in made] == wanted
            assert len({each.catalog_id for each in made}) == 5

    asyncio.run(main())


def test_blocking_client(url: str) -> None:
    with CheapClient(url) as client:
        catalog = client.create_catalog(species=CatalogSpecies.SOURCE, version="1.0.0")
        assert isinstance(catalog.catalog_id, UUID)
        loaded = client.get_catalog(catalog.catalog_id)
        assert (loaded.species, loaded.version) == (CatalogSpecies.SOURCE, "1.0.0")
        assert client.health_check()["status"] == "healthy"
        client.delete_catalog(catalog.catalog_id)
        with pytest.raises(CheapRestNotFoundException):
            client.get_catalog(catalog.catalog_id)


def test_client_closed_by_its_block_and_by_hand(url: str) -> None:
    async def main() -> None:
        async with AsyncCheapClient(url) as client:
            await client.create_catalog(version="1.0.0")
        client = AsyncCheapClient(url)
        await client.create_catalog(version="1.0.0")
        await client.close()

    asyncio.run(main())


def test_client_with_a_pool(url: str) -> None:
    config = CheapClientConfig(base_url=url, max_connections=100, max_keepalive_connections=20)

    async def main() -> None:
        async with AsyncCheapClient(config=config) as client:
            await asyncio.gather(*[client.create_catalog(version="1.0.0") for _ in range(30)])
            assert len(await client.list_catalog_ids()) == 30

    asyncio.run(main())


def test_catalog_that_is_not_there(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def safe_get_catalog(client: AsyncCheapClient, catalog_id: UUID) -> CatalogHeader | None:
        try:
            return await client.get_catalog(catalog_id)
        except CheapRestNotFoundException:
            print(f"Catalog {catalog_id} not found")
            return None
        except Exception as e:
            print(f"Error: {e}")
            raise

    missing = uuid4()

    async def main() -> None:
        async with AsyncCheapClient(url) as client:
            made = await client.create_catalog(version="1.0.0")
            assert await safe_get_catalog(client, made.catalog_id) == made
            assert await safe_get_catalog(client, missing) is None

    asyncio.run(main())
    assert capsys.readouterr().out == f"Catalog {missing} not found\n"


def test_exceptions_of_the_guide_are_parents(url: str) -> None:
    with CheapClient(url) as client:
        for each in (CheapRestNotFoundException, CheapRestClientException, CatalogNotFoundError):
            with pytest.raises(each) as caught:
                client.load_catalog(uuid4())
            assert type(caught.value) is CatalogNotFoundError
        with pytest.raises(CheapRestBadRequestException):
            client.list_catalogs(cursor="no cursor")
    nobody = CheapClientConfig("http://127.0.0.1:1", max_retries=0)
    with CheapClient(config=nobody) as client, pytest.raises(CheapRestServerException) as lost:
        client.health_check()
    assert type(lost.value) is UnavailableError


# --- the server, asked without a socket -----------------------------------------------------


def asked(method: str, *asks: tuple[str, dict[str, Any]]) -> list[Any]:
    """Ask ``create_app()``, which takes its settings from the environment."""

    async def main() -> list[Any]:
        transport = ASGITransport(app=create_app())
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.request(method, path, **more) for path, more in asks]

    return asyncio.run(main())


def test_create_catalog_endpoint() -> None:
    (response,) = asked(
        "POST", ("/api/catalog", {"json": {"species": "SOURCE", "version": "1.0.0"}})
    )
    assert response.status_code == 201
    data = response.json()
    assert data["species"] == "SOURCE"


def test_endpoints_of_the_guide(url: str) -> None:
    """What its examples write by hand, the server has: catalogs, a stream, deletion later."""
    catalogs = [CatalogImpl(species=CatalogSpecies.SINK, version=f"{i}.0.0") for i in range(3)]
    with CheapClient(url) as client:
        for each in catalogs:
            client.save_catalog(each)

    async def main() -> None:
        async with AsyncClient(base_url=url) as client:
            answer = await client.get("/api/catalogs/stream")
            assert answer.headers["content-type"] == "application/x-ndjson"
            assert [Catalog.from_json(line) for line in answer.text.splitlines()] == catalogs

            answer = await client.delete(f"/api/catalog/{catalogs[0].global_id}?after=0")
            assert (answer.status_code, answer.json()["status"]) == (202, "deletion scheduled")

            health = (await client.get("/health")).json()
            assert health["status"] == "healthy"
            assert json.dumps(health)

    asyncio.run(main())
