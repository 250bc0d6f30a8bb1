"""The clients' doors: a server without a socket, seen through either client as a ``Store``."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import httpx
from anyio.from_thread import BlockingPortal
from starlette.applications import Starlette

from cheap.rest.client import AsyncCheapClient, CheapClient, CheapClientConfig
from cheap.rest.main import create_app
from cheap.rest.settings import Settings
from cheap.store import Desk, Store
from tests.facade import Waiting

CONFIG = CheapClientConfig("http://test", max_retries=0, compress=False)


class Wire(httpx.BaseTransport):
    """Carries a blocking client's requests into an app, in an event loop of another thread.

    Args:
        app: the app.
        portal: its event loop.
    """

    def __init__(self, app: Starlette, portal: BlockingPortal) -> None:
        self._asgi = httpx.ASGITransport(app)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()

        async def run() -> httpx.Response:
            answer = await self._asgi.handle_async_request(
                httpx.Request(request.method, request.url, headers=request.headers, content=body)
            )
            return httpx.Response(
                answer.status_code, headers=answer.headers, content=await answer.aread()
            )

        return self._portal.call(run)


def app_over(dao: Store, **settings: Any) -> Starlette:
    """An app over a DAO, which it does not close."""
    return create_app(store=cast(Desk, dao), settings=Settings(**settings))


@contextmanager
def client_over(dao: Store, portal: BlockingPortal) -> Generator[Store]:
    """The blocking client of an app over a DAO."""
    with CheapClient(config=CONFIG, transport=Wire(app_over(dao), portal)) as client:
        yield client


@contextmanager
def async_client_over(dao: Store, portal: BlockingPortal) -> Generator[Store]:
    """The async client of an app over a DAO, in the event loop of both."""
    client = AsyncCheapClient(config=CONFIG, transport=httpx.ASGITransport(app_over(dao)))
    with Waiting(client, portal, dao) as waiting:
        yield cast(Store, waiting)
