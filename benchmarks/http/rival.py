"""What somebody would write instead: the same routes on FastAPI, over the same facade.

Bodies and answers are pydantic models, those of the records typed. There is no more to it: no
ETags, no limits, no problems for errors, no metrics. It is run by uvicorn, with the address of the
database in the environment.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import Base64Bytes, BaseModel, ConfigDict

from cheap.aio import AsyncDao, connect
from cheap.core import Aspect, CatalogSpecies
from cheap.core.edits import PutAspects
from cheap.store import CatalogHeader

_LINES = 1_000
"""Lines that are sent at once: one by one it would be slower still."""


class Header(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    catalog_id: UUID
    species: CatalogSpecies
    version: str
    uri: str | None
    upstream: UUID | None
    revision: int


class Reading(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64")

    number: int
    ratio: float
    flag: bool
    name: str
    text: str
    amount: Decimal
    moment: datetime
    key: UUID
    tags: list[str]
    data: bytes


class ReadingIn(Reading):
    data: Base64Bytes


class Item(BaseModel):
    entity: UUID
    aspect: Reading


class Items(BaseModel):
    items: list[Item]
    next: str | None = None


class Query(BaseModel):
    aspect: str
    entities: list[UUID]


class Upsert(BaseModel):
    hierarchy: str
    aspects: dict[UUID, ReadingIn]


class Commit(BaseModel):
    edits: list[Upsert]


class Committed(BaseModel):
    revision: int


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async with await connect(os.environ["CHEAP_DATABASE_URL"]) as dao:
        app.state.dao = dao
        yield


async def get_dao(request: Request) -> AsyncDao:
    dao: AsyncDao = request.app.state.dao
    return dao


Dao = Annotated[AsyncDao, Depends(get_dao)]
app = FastAPI(lifespan=lifespan)


def _item(entity: UUID | None, aspect: Aspect | None) -> Item:
    assert entity is not None
    assert aspect is not None
    return Item(entity=entity, aspect=Reading(**aspect))  # type: ignore[arg-type]


@app.get("/live")
async def live() -> str:
    return "alive"


@app.get("/api/catalog/{catalog_id}", response_model=Header)
async def header(catalog_id: UUID, dao: Dao) -> CatalogHeader:
    return await dao.get_catalog(catalog_id)


@app.post("/api/catalog/{catalog_id}/aspects/query")
async def query(catalog_id: UUID, query: Query, dao: Dao) -> Items:
    found = await dao.get_aspects(catalog_id, query.aspect, query.entities)
    return Items(items=[_item(*each) for each in found.items()])


@app.get("/api/catalog/{catalog_id}/hierarchies/{name}")
async def page(
    catalog_id: UUID, name: str, dao: Dao, cursor: str | None = None, limit: int = 20
) -> Items:
    found = await dao.read_hierarchy(catalog_id, name, cursor=cursor, limit=limit)
    items = [_item(each.entity, each.aspect) for each in found.items]
    return Items(items=items, next=found.next)


@app.post("/api/catalog/{catalog_id}/commit")
async def commit(catalog_id: UUID, commit: Commit, dao: Dao) -> Committed:
    edits = [
        PutAspects(each.hierarchy, {key: dict(record) for key, record in each.aspects.items()})
        for each in commit.edits
    ]
    done = await dao.commit(catalog_id, edits)
    return Committed(revision=done.revision)


@app.get("/api/catalog/{catalog_id}/hierarchies/{name}/stream")
async def stream(catalog_id: UUID, name: str, dao: Dao) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        kept: list[str] = []
        async for each in dao.iter_hierarchy(catalog_id, name):
            kept.append(_item(each.entity, each.aspect).model_dump_json())
            if len(kept) == _LINES:
                yield "\n".join(kept) + "\n"
                kept.clear()
        yield "".join(f"{each}\n" for each in kept)

    return StreamingResponse(lines(), media_type="application/x-ndjson")
