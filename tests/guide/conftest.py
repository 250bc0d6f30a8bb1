"""What the guide's programs need: an event loop of asyncio, and a DAO made as the guide does."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cheap.aio.sqlite import SqliteAdapter, SqliteDao


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # the guide calls asyncio by its name


@pytest.fixture
async def adapter() -> AsyncIterator[SqliteAdapter]:
    adapter = await SqliteAdapter.create(":memory:", init_schema=True)
    yield adapter
    await adapter.close()


@pytest.fixture
async def dao(adapter: SqliteAdapter) -> SqliteDao:
    return SqliteDao(adapter)


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder to work in, and no thread that outlives a program which closes."""
    monkeypatch.chdir(tmp_path)
    before = set(threading.enumerate())
    yield
    left = [each for each in threading.enumerate() if each not in before]
    for each in left:
        each.join(timeout=2)
    assert [each.name for each in left if each.is_alive()] == []
