"""Large values, written from what comes piece by piece, and read piece by piece."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from functools import partial
from typing import Any
from uuid import UUID

import anyio
import pytest

from cheap.aio import AsyncDao, Outcome, watch
from cheap.aio.adapter import AsyncAdapter
from cheap.core.edits import CreateHierarchy, PutAspects, PutDefinition
from cheap.errors import ConflictError, InvalidValueError, MissingKeyError, MisuseError
from cheap.store import PIECE_SIZE
from tests.aio.cancelling import cancel, until
from tests.aio.conftest import at_rest
from tests.contract.samples import MAP, NOTE, A

pytestmark = pytest.mark.anyio

PART = bytes(range(256)) * 1000
WHOLE = PART * 4
assert len(WHOLE) > 2 * PIECE_SIZE


@pytest.fixture
async def catalog(dao: AsyncDao) -> UUID:
    edits = [PutDefinition(NOTE), CreateHierarchy(NOTE.name, MAP), PutAspects(NOTE.name, {A: {}})]
    return (await dao.create_catalog(edits=edits)).catalog_id


async def parts(count: int = 4) -> AsyncGenerator[bytes]:
    for _ in range(count):
        await anyio.sleep(0)
        yield PART


async def read(dao: AsyncDao, catalog: UUID) -> bytes:
    return b"".join([each async for each in dao.read_value(catalog, NOTE.name, A, "data")])


async def test_from_an_async_generator(dao: AsyncDao, catalog: UUID) -> None:
    value = await dao.write_value(catalog, NOTE.name, A, "data", parts())
    assert value.size == len(WHOLE)
    assert await read(dao, catalog) == WHOLE


async def test_from_anything_that_is_iterated(dao: AsyncDao, catalog: UUID) -> None:
    class Source:
        def __aiter__(self) -> AsyncIterator[bytes]:
            return parts()

    for source in ([PART] * 4, iter([WHOLE]), (each for each in [PART] * 4), Source()):
        await dao.write_value(catalog, NOTE.name, A, "data", source)
        assert await read(dao, catalog) == WHOLE
        await dao.write_value(catalog, NOTE.name, A, "data", [])
        assert await read(dao, catalog) == b""


async def test_text(dao: AsyncDao, catalog: UUID) -> None:
    async def lines() -> AsyncGenerator[str]:
        yield "ä" * 200_000
        yield "😀"

    await dao.write_value(catalog, NOTE.name, A, "text", lines())
    pieces = dao.read_value(catalog, NOTE.name, A, "text")
    assert b"".join([each async for each in pieces]).decode() == "ä" * 200_000 + "😀"


async def test_the_source_is_iterated_in_one_task(dao: AsyncDao, catalog: UUID) -> None:
    """So it may open what must be closed where it was opened."""

    async def source() -> AsyncGenerator[bytes]:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 0)
            with anyio.fail_after(20):
                for _ in range(4):
                    yield PART

    await dao.write_value(catalog, NOTE.name, A, "data", source())
    assert await read(dao, catalog) == WHOLE


async def test_the_source_is_not_read_far_ahead(dao: AsyncDao, catalog: UUID) -> None:
    """A source that is faster than the database does not fill the memory."""
    ahead = 0

    class Piece(bytes):
        def __del__(self) -> None:
            nonlocal ahead
            ahead -= 1

    async def source() -> AsyncGenerator[bytes]:
        nonlocal ahead
        for _ in range(50):
            ahead += 1
            assert ahead <= 5
            yield Piece(PART)

    value = await dao.write_value(catalog, NOTE.name, A, "data", source())
    assert value.size == 50 * len(PART)


class Oops(Exception):
    pass


async def test_a_source_that_fails(dao: AsyncDao, adapter: AsyncAdapter, catalog: UUID) -> None:
    async def source() -> AsyncGenerator[bytes]:
        yield PART
        raise Oops

    with pytest.raises(Oops):
        await dao.write_value(catalog, NOTE.name, A, "data", source())
    await at_rest(adapter)
    with pytest.raises(MissingKeyError):
        await read(dao, catalog)


async def test_pieces_that_are_refused(dao: AsyncDao, catalog: UUID) -> None:
    closed = False

    async def source() -> AsyncGenerator[Any]:
        nonlocal closed
        try:
            yield PART
            yield "text"
            yield PART
        finally:
            closed = True

    with pytest.raises(InvalidValueError, match="pieces of bytes"):
        await dao.write_value(catalog, NOTE.name, A, "data", source())
    assert closed
    with pytest.raises(MissingKeyError):
        await dao.write_value(catalog, "missing", A, "data", parts())


async def test_none_is_no_piece(dao: AsyncDao, catalog: UUID) -> None:
    async def source() -> AsyncGenerator[Any]:
        yield None

    with pytest.raises(InvalidValueError, match="pieces of bytes"):
        await dao.write_value(catalog, NOTE.name, A, "data", source())


async def test_cancelled_while_the_next_piece_does_not_come(
    way: str, dao: AsyncDao, adapter: AsyncAdapter, catalog: UUID
) -> None:
    """The thread does not wait for it, and neither do its turn and its connection."""
    waiting = threading.Event()

    async def source() -> AsyncGenerator[bytes]:
        yield PART
        waiting.set()
        await anyio.sleep_forever()

    write = partial(dao.write_value, catalog, NOTE.name, A, "data")
    with watch() as seen:
        await cancel(way, lambda: write(source()), partial(until, waiting))
    assert seen.outcome is Outcome.ROLLED_BACK
    await at_rest(adapter)
    await write(parts())
    assert await read(dao, catalog) == WHOLE


async def test_cancelled_while_a_piece_is_being_made(
    dao: AsyncDao, adapter: AsyncAdapter, catalog: UUID
) -> None:
    """A plain iterator runs in the thread; what it waits for cannot be stopped, only left."""
    waiting, go = threading.Event(), threading.Event()

    def source() -> Iterator[bytes]:
        yield PART
        waiting.set()
        assert go.wait(20)
        yield PART

    try:
        write = partial(dao.write_value, catalog, NOTE.name, A, "data")
        await cancel("task group", lambda: write(source()), partial(until, waiting))
        assert adapter.checked_out == 1
    finally:
        go.set()
    await at_rest(adapter)
    with pytest.raises(MissingKeyError):
        await read(dao, catalog)


async def test_in_a_transaction(dao: AsyncDao, catalog: UUID) -> None:
    async def source() -> AsyncGenerator[bytes]:
        yield PART
        with pytest.raises(MisuseError):  # the connection is busy with these very pieces
            await dao.get_catalog(catalog)

    with pytest.raises(Oops):
        async with dao.transaction():
            await dao.write_value(catalog, NOTE.name, A, "data", source())
            assert await read(dao, catalog) == PART
            raise Oops
    with pytest.raises(MissingKeyError):
        await read(dao, catalog)


async def test_a_value_that_is_replaced_while_it_is_read(dao: AsyncDao, catalog: UUID) -> None:
    await dao.write_value(catalog, NOTE.name, A, "data", parts())
    pieces = dao.read_value(catalog, NOTE.name, A, "data")
    assert await anext(pieces) == WHOLE[:PIECE_SIZE]
    await dao.write_value(catalog, NOTE.name, A, "data", [PART[::-1]] * 4)
    with pytest.raises(ConflictError):
        await anext(pieces)
