"""Servers that take less at once than clients are used to."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cheap.core import Catalog, field
from cheap.errors import CorruptError, TooLargeError
from cheap.rest.client import AsyncCheapClient, CheapClient, CheapClientConfig
from cheap.rest.main import create_app
from cheap.rest.settings import Settings
from tests.contract.samples import PERSON, entities
from tests.live import listening
from tests.rest.apps import Site, site

pytestmark = pytest.mark.anyio

PEOPLE = entities(20, start=1_000)


def peopled() -> Catalog:
    catalog = Catalog()
    people = catalog.define(PERSON, indexes=["age"])
    people.update({each: {"name": "n", "age": i} for i, each in enumerate(PEOPLE)})
    return catalog


class Counting(httpx.AsyncBaseTransport):
    """The way to an app, which notes what goes over it.

    Args:
        here: the app's site.
    """

    def __init__(self, here: Site) -> None:
        self._app = httpx.ASGITransport(here.app)
        self.seen: list[tuple[str, int]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(request)
        self.seen.append((request.url.path.rpartition("/")[2], answer.status_code))
        return answer


def over(way: Counting) -> AsyncCheapClient:
    return AsyncCheapClient(config=CheapClientConfig("http://test", max_retries=0), transport=way)


async def test_more_entities_than_the_server_takes() -> None:
    async with site(max_batch=7) as here:
        catalog = peopled()
        here.store.save_catalog(catalog)
        way = Counting(here)
        async with over(way) as client:
            wanted = (catalog.global_id, PERSON.name, PEOPLE)
            expected = here.store.get_aspects(*wanted)
            assert len(expected) == 20
            assert await client.get_aspects(*wanted) == expected
            assert way.seen == [("query", 413), ("api", 200), *[("query", 200)] * 3]
            way.seen.clear()
            assert await client.get_aspects(*wanted) == expected
            assert await client.get_aspects(*wanted[:2], []) == {}
            assert way.seen == [("query", 200)] * 4  # it is known by now


def test_more_entities_than_the_server_takes_blocking() -> None:
    app = create_app("memory:", settings=Settings(max_batch=7))
    with listening(app) as url, CheapClient(url) as client:
        catalog = peopled()
        client.save_catalog(catalog)
        assert [*client.get_aspects(catalog.global_id, PERSON.name, PEOPLE)] == PEOPLE


async def test_larger_pages_than_the_server_gives() -> None:
    async with site(max_page_size=3) as here:
        catalog = peopled()
        here.store.save_catalog(catalog)
        key = catalog.global_id
        for ask in (
            lambda store: store.iter_catalogs(page_size=10),
            lambda store: store.iter_hierarchy(key, PERSON.name),
            lambda store: store.iter_aspects(key, PERSON.name),
            lambda store: store.iter_aspects(key, PERSON.name, field("age") > 4, order_by="-age"),
            lambda store: store.iter_changes(key),
        ):  # fmt: skip
            way = Counting(here)
            async with over(way) as client:
                assert [each async for each in ask(client)] == list(ask(here.store))
            assert [status for _, status in way.seen].count(413) == 1
        async with over(way) as client:
            assert len((await client.wait_for_changes(key, 0, seconds=1)).items) == 3


async def test_what_is_too_large_otherwise() -> None:
    """It is not asked again in smaller parts: the body is what is too large."""
    async with site(max_body=500) as here:
        way = Counting(here)
        async with over(way) as client:
            with pytest.raises(TooLargeError, match="500 bytes"):
                await client.get_aspects(here.id, PERSON.name, PEOPLE)
    assert way.seen == [("query", 413), ("api", 200)]


@pytest.mark.parametrize("about", [{}, [], {"store_id": "x", "limits": {}}], ids=repr)
def test_a_server_that_is_none_of_ours(about: Any) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=about))
    with CheapClient(transport=transport) as client, pytest.raises(CorruptError):
        _ = client.store_id
