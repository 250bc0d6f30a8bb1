"""Callers who send or read slowly, or are gone: none of them keeps what others need."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from cheap import connect
from cheap.core.edits import PutAspects
from cheap.db.calls import current_call
from cheap.db.memory import MemoryDao
from cheap.rest import in_hand
from cheap.store import Commit, Desk
from tests.contract.samples import NOTE, PERSON, A, entities, map_of
from tests.rest.apps import Site, put_person, site

pytestmark = pytest.mark.anyio

MOMENT = 0.3
PATIENCE = 30.0
JSON = "application/json"
LINES = "application/x-ndjson"
OCTETS = "application/octet-stream"


class Caller:
    """Speaks ASGI with an app: sends some pieces, and reads some messages.

    Args:
        here: the app.
        pieces: of the body; after them there is silence.
        reads: how many messages it takes; it is still there, but takes no more.
        leaves: set when it goes away.
    """

    def __init__(
        self,
        here: Site,
        *pieces: bytes,
        reads: float = float("inf"),
        leaves: anyio.Event | None = None,
    ) -> None:
        self._here = here
        self._pieces = list(pieces)
        self._reads = reads
        self._leaves = leaves or anyio.Event()
        self.answer: list[dict[str, Any]] = []

    async def ask(self, method: str, path: str, media: str = JSON) -> None:
        name, _, query = path.partition("?")
        scope = {
            "type": "http", "method": method, "path": name, "raw_path": name.encode(),
            "query_string": query.encode(), "root_path": "", "http_version": "1.1",
            "scheme": "http", "headers": [(b"content-type", media.encode())],
        }  # fmt: skip
        await self._here.app(scope, self._receive, self._send)  # type: ignore[arg-type]

    async def _receive(self) -> dict[str, Any]:
        if self._pieces:
            return {"type": "http.request", "body": self._pieces.pop(0), "more_body": True}
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if len(self.answer) >= self._reads:
            await anyio.sleep_forever()
        self.answer.append(message)

    @property
    def problem(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.answer[1]["body"])
        return found


@pytest.fixture
async def here() -> AsyncIterator[Site]:
    async with site(request_timeout=MOMENT) as here:
        for edit in map_of(NOTE, {A: {"data": b"before"}}):
            here.store.commit(here.id, [edit])
        with anyio.fail_after(PATIENCE):
            yield here
        assert not here.app.state.serving.in_hand


@pytest.mark.parametrize(
    ("method", "more", "media"),
    [
        ("POST", "/commit", JSON),
        ("POST", f"/aspects/{PERSON.name}", LINES),
        ("PUT", f"/aspects/note/{A}/data", OCTETS),
    ],
)
@pytest.mark.parametrize("pieces", [(), (b'{"edits"',)], ids=["nothing", "half"])
async def test_who_stops_sending_is_told_so(
    here: Site, method: str, more: str, media: str, pieces: tuple[bytes, ...]
) -> None:
    before = here.revision()
    caller = Caller(here, *pieces)
    await caller.ask(method, here.path(more), media)
    assert caller.answer[0]["status"] == 503
    assert (b"connection", b"close") in caller.answer[0]["headers"]
    assert caller.problem["code"] == "request-timeout"
    assert "body" in caller.problem["detail"]
    assert here.revision() == before
    assert here.store.get_aspects(here.id, "note", [A])[A]["data"] == b"before"


@pytest.mark.parametrize("more", ["/hierarchies/queue/stream", "/document", ""])
@pytest.mark.parametrize("reads", [0, 1])
async def test_who_reads_nothing_is_cut_off(here: Site, more: str, reads: int) -> None:
    caller = Caller(here, reads=reads)
    with pytest.raises(Exception, match="nothing of the answer was read within"):
        await caller.ask("GET", here.path(more))
    assert len(caller.answer) == reads


async def test_large_pages_are_sent_in_pieces() -> None:
    """So that a slow reader has time for each of them, and not only for all."""
    people = {each: {"name": "n" * 4_000} for each in entities(200, start=1_000)}
    async with site() as here:
        here.store.commit(here.id, [PutAspects(PERSON.name, people)])
        caller = Caller(here)
        await caller.ask("GET", here.path(f"/hierarchies/{PERSON.name}/stream"))
    sizes = [len(each.get("body", b"")) for each in caller.answer]
    assert sum(sizes) > 800_000
    assert max(sizes) <= 256 * 1024


async def test_who_waits_for_changes_and_goes_away_keeps_no_place() -> None:
    async with site() as here:
        leaves = anyio.Event()
        caller = Caller(here, leaves=leaves)
        path = here.path(f"/changes?since={here.revision()}&wait=60")
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as group:
                group.start_soon(caller.ask, "GET", path)
                while not here.app.state.serving.in_hand:
                    await anyio.sleep(0.001)
                leaves.set()
        assert not caller.answer
        assert not here.app.state.serving.in_hand


async def test_a_call_that_waits_for_the_database(tmp_path: Path) -> None:
    """It is told so in time, and nothing of it is written."""
    file = tmp_path / "catalog.db"
    with connect(f"sqlite:///{file}") as store, closing(sqlite3.connect(file)) as other:
        assert isinstance(store, Desk)
        async with site(store, request_timeout=MOMENT) as here:
            before = here.revision()
            other.execute("BEGIN IMMEDIATE")
            with anyio.fail_after(PATIENCE):
                found = await here.post(here.path("/commit"), {"edits": [put_person()]})
            other.rollback()
            assert found.status_code == 503
            assert found.json()["code"] == "request-timeout"
            assert "took longer than 0.3 s" in found.json()["detail"]
            assert here.revision() == before
            again = await here.post(here.path("/commit"), {"edits": [put_person()]})
            assert again.status_code == 200


class _SlowAfterwards(MemoryDao):
    """Commits, and goes on until it is stopped."""

    def commit(self, *args: Any, **options: Any) -> Commit:
        done = super().commit(*args, **options)
        call = current_call.get()
        while call is not None:
            call.check()
            time.sleep(0.001)
        return done


async def test_a_call_that_is_late_after_its_commit() -> None:
    async with site(_SlowAfterwards(), request_timeout=MOMENT) as here:
        before = here.revision()
        with anyio.fail_after(PATIENCE):
            found = await here.post(here.path("/commit"), {"edits": [put_person()]})
        assert found.json()["code"] == "commit-unknown"
        assert here.revision() == before + 1


async def test_each_step_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although one timer is set for all of them."""
    now = 1_000.0
    timers: list[float] = []
    loop = SimpleNamespace(call_later=lambda seconds, _: timers.append(seconds))
    monkeypatch.setattr(in_hand, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(in_hand, "asyncio", SimpleNamespace(get_running_loop=lambda: loop))
    clock = in_hand.OneTimer(60)
    first, second, third, fourth = scopes = [anyio.CancelScope() for _ in range(4)]
    clock.begin(first)
    clock.begin(second)
    now += 40
    clock.begin(third)
    clock.end(second)
    now += 20
    clock._look()
    assert [each.cancel_called for each in scopes] == [True, False, False, False]
    assert timers == [60, 40]  # until the third is late
    clock.begin(fourth)
    clock.end(third)
    now += 40
    clock._look()
    assert timers == [60, 40, 20]
    clock.end(fourth)
    now += 20
    clock._look()
    assert timers == [60, 40, 20]  # nobody is left to wait for
    assert not any(each.cancel_called for each in (second, third, fourth))
    clock.begin(second)
    assert timers == [60, 40, 20, 60]
