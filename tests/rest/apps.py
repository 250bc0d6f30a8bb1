"""An app without a socket, and plain httpx to call it with."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
from starlette.applications import Starlette

from cheap.db.memory import MemoryDao
from cheap.rest.main import create_app
from cheap.rest.settings import Settings
from cheap.store import Desk
from tests.contract.samples import PERSON, A, full_catalog

LOOPS = ("asyncio", "trio")


class Site:
    """An app, its store, and a way to call it.

    Attributes:
        store: the blocking store behind the app.
        app: the app.
        http: calls it; errors of the server come as answers.
        id: a catalog of the store with something of everything.
    """

    def __init__(self, store: Desk, app: Starlette, http: httpx.AsyncClient) -> None:
        self.store = store
        self.app = app
        self.http = http
        catalog = full_catalog()
        store.save_catalog(catalog)
        self.id = catalog.global_id

    def revision(self) -> int:
        return self.store.get_catalog(self.id).revision

    def path(self, more: str = "") -> str:
        return f"/api/catalog/{self.id}{more}"

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=named(headers))

    async def post(self, path: str, form: object, **headers: str) -> httpx.Response:
        return await self.http.post(path, json=form, headers=named(headers))


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@asynccontextmanager
async def site(store: Desk | None = None, **settings: Any) -> AsyncGenerator[Site]:
    """Open a site; its lifespan runs meanwhile."""
    store = store or MemoryDao()
    app = create_app(store=store, settings=Settings(**settings))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as http,
    ):
        yield Site(store, app, http)


def put_person(entity: UUID = A, name: str = "Al") -> dict[str, Any]:
    """An edit that puts a record."""
    aspects = {str(entity): {"name": name}}
    return {"edit": "put_aspects", "hierarchy": PERSON.name, "aspects": aspects}


def append(*entities: UUID) -> dict[str, Any]:
    """An edit that appends to a list."""
    return {"edit": "append", "hierarchy": "queue", "entities": [str(each) for each in entities]}
