"""What the facade's tests share: databases, watched adapters, a watchful event loop."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from cheap.aio.adapter import AsyncAdapter
from cheap.aio.dao import AsyncDao
from cheap.aio.hop import hop_of
from tests.aio.cancelling import WAYS
from tests.aio.probe import no_blocking
from tests.aio.sites import AIO_SITES, AioSite
from tests.db.places import ServerSite, SqliteSite
from tests.lanes import Ground

LOOPS = ("asyncio", "trio")
_numbers = itertools.count()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        kinds = list(AIO_SITES)
        metafunc.parametrize("kind", kinds[:1] if metafunc.config.option.fast else kinds)
    if "way" in metafunc.fixturenames:
        ways = [(loop, way) for loop in LOOPS for way, loops in WAYS.items() if loop in loops]
        metafunc.parametrize(("anyio_backend", "way"), ways)
    elif "anyio_backend" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("on")
        metafunc.parametrize("anyio_backend", only.args if only else LOOPS)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "on(loop): only on this event loop")


@pytest.fixture
def anyio_backend() -> str:
    raise NotImplementedError("given above")


# --- nothing may block the event loop, and nothing may be left -------------------------------


@pytest.fixture(autouse=True)
def event_loop_is_never_blocked() -> Iterator[None]:
    with no_blocking():
        yield


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 10
    while left := [each for each in threading.enumerate() if each not in before]:
        # Trio keeps threads that have nothing to do, for ten seconds, under this name.
        if all(each.name.startswith("Trio thread ") for each in left):
            break
        assert time.monotonic() < deadline, f"left running: {left}"
        time.sleep(0.001)


# --- databases --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def databases(ground: Ground) -> dict[str, ServerSite]:
    """A database on each server, made when the first test needs it."""
    return {}


@pytest.fixture
def site(
    kind: str, ground: Ground, databases: dict[str, ServerSite], tmp_path: Path
) -> Iterator[AioSite]:
    """An empty database of each kind, one after the other."""
    aio, bare = AIO_SITES[kind]
    if bare is SqliteSite:
        yield aio(SqliteSite(tmp_path / "catalog.db"))
        return
    if kind not in databases:
        server = ground.backend(kind).server  # type: ignore[attr-defined]
        databases[kind] = bare(server, server.create_database(f"aio{next(_numbers)}"))  # type: ignore[call-arg]
        databases[kind].new_adapter().close()
    site = aio(databases[kind])
    yield site
    site.clear()


Make = Callable[..., Awaitable[AsyncAdapter]]


@pytest.fixture
async def make(site: AioSite) -> AsyncIterator[Make]:
    """Make an adapter that is closed when the test ends, and must then have nothing in use."""
    made: list[AsyncAdapter] = []

    async def create(**options: Any) -> AsyncAdapter:
        made.append(await site.create(**options))
        return made[-1]

    try:
        yield create
        for adapter in made:
            await at_rest(adapter)
    finally:
        for adapter in made:
            await adapter.close(cancel=True)
    assert await to_thread.run_sync(site.settled), site.at_work()


async def at_rest(adapter: AsyncAdapter) -> None:
    """Wait until an adapter has nothing in use: no call, no turn, no connection."""
    hop = hop_of(adapter.blocking)
    with anyio.move_on_after(10):
        while hop.flights or hop.taken or adapter.checked_out:
            await anyio.sleep(0.002)
    assert (hop.flights, hop.taken, adapter.checked_out) == (set(), 0, 0)


@pytest.fixture
async def adapter(make: Make) -> AsyncAdapter:
    return await make()


@pytest.fixture
async def dao(adapter: AsyncAdapter, site: AioSite) -> AsyncDao:
    return site.dao(adapter)
