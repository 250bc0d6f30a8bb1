"""The floor: a Starlette app that gives the bytes of CheapPy's answers, read from files.

No query is read, no body decoded, no database asked. It is run by uvicorn, with the folder of the
answers in the environment.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from benchmarks.http.setting import ANSWERS, FOLDER, PIECES, stream_file

_folder: Final = Path(os.environ[FOLDER])
_kept: Final = {name: (_folder / name).read_bytes() for name in ANSWERS}
_JSON: Final = "application/json"


async def header(request: Request) -> Response:
    return Response(_kept["header"], media_type=_JSON, headers={"etag": '"1"'})


async def query(request: Request) -> Response:
    await request.body()
    return Response(_kept["query"], media_type=_JSON)


async def page(request: Request) -> Response:
    return Response(_kept["page"], media_type=_JSON)


async def commit(request: Request) -> Response:
    await request.body()
    return Response(_kept["commit"], media_type=_JSON, headers={"etag": '"1"'})


async def stream(request: Request) -> Response:
    # Read once, and sent as often as there are pages in the real one.
    piece = stream_file(_folder, request.url.path).read_bytes()

    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(int(os.environ[PIECES])):
            yield piece

    return StreamingResponse(pieces(), media_type="application/x-ndjson")


_CATALOG: Final = "/api/catalog/{catalog_id}"
app: Final = Starlette(
    routes=[
        Route("/live", header),
        Route(_CATALOG, header),
        Route(f"{_CATALOG}/aspects/query", query, methods=["POST"]),
        Route(f"{_CATALOG}/hierarchies/{{name}}", page),
        Route(f"{_CATALOG}/commit", commit, methods=["POST"]),
        Route(f"{_CATALOG}/hierarchies/{{name}}/stream", stream),
        Route("/api/catalogs/stream", stream),
    ]
)
