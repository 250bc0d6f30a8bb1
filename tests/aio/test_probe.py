"""The probe that watches over the other tests: it does notice what blocks the event loop."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from blockbuster import BlockingError

from cheap.db.calls import Call
from cheap.db.sqlite import SqliteAdapter, SqliteDao

pytestmark = [pytest.mark.anyio, pytest.mark.on("asyncio")]  # blockbuster knows no other


async def test_a_statement_in_the_event_loop(tmp_path: Path) -> None:
    with pytest.raises(BlockingError):
        SqliteDao(SqliteAdapter.create(tmp_path / "a.db", init_schema=True)).list_catalog_ids()


async def test_a_lock_that_a_thread_holds() -> None:
    call = Call()
    with call._state, pytest.raises(BlockingError):
        call.refuse()


async def test_a_lock_that_a_thread_is_about_to_let_go() -> None:
    call = Call()
    call._state.acquire()
    timer = threading.Timer(0.01, call._state.release)
    timer.start()
    call.refuse()
    assert call.stopped
