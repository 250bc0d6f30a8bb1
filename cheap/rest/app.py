"""The app: every route of the table, and who answers it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route as AppRoute

from cheap.rest import streams, uploads
from cheap.rest.endpoints import Chunks, Endpoint, Resource, Work
from cheap.rest.handlers import catalogs, contents
from cheap.rest.handlers.service import Service
from cheap.rest.keys import Keys
from cheap.rest.manners import Manners, no_route
from cheap.rest.measures import Measures
from cheap.rest.messages import Request
from cheap.rest.serving import Serving
from cheap.rest.settings import Settings
from cheap.rest.wire import routes
from cheap.rest.wire.routes import LINES, ROUTES, Route
from cheap.store import Desk


def _in_lines(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith(LINES)


def _plainly(
    make: Callable[[Serving, Request], Chunks],
) -> Callable[[Serving, Request], object]:
    async def headed(serving: Serving, request: Request) -> tuple[dict[str, str], Chunks]:
        return {}, make(serving, request)

    return headed


WORK: Final[dict[Route, Work]] = {
    routes.CREATE_CATALOG: Work(catalogs.create_catalog),
    routes.LIST_CATALOGS: Work(catalogs.list_catalogs),
    routes.GET_CATALOG: Work(catalogs.get_catalog),
    routes.REPLACE_CATALOG: Work(catalogs.replace_catalog),
    routes.CHANGE_LABELS: Work(catalogs.change_labels),
    routes.DELETE_CATALOG: Work(catalogs.delete_catalog),
    routes.LOAD_CATALOG: Work(stream_out=streams.document),
    routes.STREAM_CATALOGS: Work(stream_out=_plainly(streams.catalog_lines)),  # type: ignore[arg-type]
    routes.ADD_ASPECT_DEF: Work(contents.add_aspect_def),
    routes.LIST_ASPECT_DEFS: Work(contents.list_aspect_defs),
    routes.GET_ASPECT_DEF: Work(contents.get_aspect_def),
    routes.CREATE_HIERARCHY: Work(contents.create_hierarchy),
    routes.LIST_HIERARCHIES: Work(contents.list_hierarchies),
    routes.READ_HIERARCHY: Work(contents.read_hierarchy),
    routes.STREAM_HIERARCHY: Work(stream_out=_plainly(streams.hierarchy_lines)),  # type: ignore[arg-type]
    routes.DROP_HIERARCHY: Work(contents.drop_hierarchy),
    routes.COMMIT: Work(contents.commit),
    routes.QUERY_ASPECTS: Work(contents.query_aspects),
    routes.PUT_ASPECTS: Work(
        contents.put_aspects, stream_in=uploads.upsert_lines, is_streamed_in=_in_lines
    ),
    routes.READ_CHANGES: Work(contents.read_changes, wait=streams.awaited_changes),
    routes.READ_VALUE: Work(
        contents.read_piece,
        stream_out=streams.large_value,
        is_streamed_out=lambda request: request.query.offset is None,
    ),
    routes.WRITE_VALUE: Work(stream_in=uploads.write_value),
}
"""Who answers a route; those of the server itself are added by each app."""


def make_app(
    settings: Settings, open_store: Callable[[], Desk], database: str, *, owns_store: bool
) -> Starlette:
    """Return an app over a store.

    Args:
        settings: of the server.
        open_store: opens the store, when it is first needed.
        database: what kind it is, for ``/health``.
        owns_store: whether the app closes the store.
    """
    serving = Serving(settings, open_store, owns_store=owns_store)
    measures = Measures(lambda: len(serving.in_hand))
    service = Service(serving, measures, database)
    keys = Keys(settings.api_keys)
    work = WORK | service.work()
    by_path: dict[str, dict[str, Endpoint]] = {}
    for route in ROUTES:
        endpoint = Endpoint(route, work[route], serving, keys)
        by_path.setdefault(route.path, {})[route.method] = endpoint

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with serving.lifespan():
            yield

    app = Starlette(
        routes=[AppRoute(path, Resource(each)) for path, each in by_path.items()],
        middleware=[Middleware(partial(Manners, serving=serving, measures=measures))],
        exception_handlers={HTTPException: no_route},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # an address is right or wrong
    app.state.serving = serving
    return app
