"""The server itself: what it is, how it is, and what it can do."""

from __future__ import annotations

from typing import Final

from cheap.errors import CheapError, OverloadedError
from cheap.rest.endpoints import Chunks, Work
from cheap.rest.measures import Measures
from cheap.rest.messages import Answer, Request, answer
from cheap.rest.openapi import openapi
from cheap.rest.page import page
from cheap.rest.serving import Serving
from cheap.rest.wire import routes
from cheap.rest.wire.routes import HTML, TEXT, Route
from cheap.store import Desk

HEALTH_PATIENCE: Final = 2.0
"""Seconds after which a database that does not answer counts as away; proxies ask, and do not wait
long."""


class Service:
    """Answers the routes that are about the server.

    Args:
        serving: the store.
        measures: what is counted.
        database: what kind the store is.
    """

    def __init__(self, serving: Serving, measures: Measures, database: str) -> None:
        from cheap import __version__

        self._serving = serving
        self._measures = measures
        self._database = database
        self._version = __version__

    def work(self) -> dict[Route, Work]:
        """Return who answers which route."""
        return {
            routes.ABOUT: Work(self._about),
            routes.HEALTH: Work(stream_in=self._health),
            routes.LIVE: Work(stream_in=self._live),
            routes.METRICS: Work(stream_in=self._metrics),
            routes.OPENAPI: Work(stream_in=self._openapi),
            routes.DOCS: Work(stream_in=self._docs),
        }

    def _about(self, store: Desk, request: Request) -> Answer:
        settings = request.settings
        return answer(
            {
                "store_id": store.store_id,
                "database": self._database,
                "version": self._version,
                "limits": {
                    "page_size": settings.max_page_size,
                    "batch_size": settings.max_batch,
                    "body": settings.max_body,
                    "depth": settings.max_depth,
                },
            }
        )

    # These take the body as it comes, that is, they leave it alone; and they need no hop.

    async def _health(self, serving: Serving, request: Request, body: Chunks) -> Answer:
        form = {"database": self._database, "version": self._version}
        try:
            if serving.stopping.is_set():  # so that a proxy sends nothing more here
                raise OverloadedError("the server is stopping")
            await serving.run(lambda store: store.list_catalogs(limit=1), seconds=HEALTH_PATIENCE)
        except CheapError:
            return answer({"status": "unhealthy", **form}, 503, retry_after="1")
        return answer({"status": "healthy", **form})

    async def _live(self, serving: Serving, request: Request, body: Chunks) -> Answer:
        return Answer(200, b"alive\n", TEXT)

    async def _metrics(self, serving: Serving, request: Request, body: Chunks) -> Answer:
        return Answer(200, self._measures.text(), "text/plain; version=0.0.4; charset=utf-8")

    async def _openapi(self, serving: Serving, request: Request, body: Chunks) -> Answer:
        return answer(openapi(self._version))

    async def _docs(self, serving: Serving, request: Request, body: Chunks) -> Answer:
        return Answer(200, page(openapi(self._version)), HTML)
