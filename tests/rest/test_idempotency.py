"""Requests with an idempotency key are answered once, however often they come."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import anyio
import httpx
import pytest

from cheap.connecting import connect
from cheap.core.edits import Append
from cheap.errors import BusyError
from cheap.rest.serving import Serving
from tests.contract.samples import PERSON, A, B, items
from tests.rest.apps import append, site

pytestmark = pytest.mark.anyio
KEY = "b7c1"


async def test_the_same_request_gets_the_same_answer() -> None:
    async with site() as here:
        form = {"edits": [append(A)]}
        first, again = [
            await here.post(here.path("/commit"), form, idempotency_key=KEY) for _ in range(2)
        ]
        assert first.json() == again.json() == {"revision": 2, "previous": 1, "written": 1}
        assert first.headers["etag"] == again.headers["etag"]
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert here.revision() == 2


async def test_without_a_key_it_happens_again() -> None:
    async with site() as here:
        for _ in range(2):
            await here.post(here.path("/commit"), {"edits": [append(A)]})
        assert here.revision() == 3


@pytest.mark.parametrize("change", ["body", "path", "query", "method"])
async def test_a_key_serves_one_request(change: str) -> None:
    async with site() as here:
        await here.post(here.path("/commit"), {"edits": [append(A)]}, idempotency_key=KEY)
        form = {"edits": [append(B if change == "body" else A)]}
        url = {"path": "/api/catalog", "query": here.path("/commit?x=1")}.get(
            change, here.path("/commit")
        )
        if change == "method":
            answer = await here.http.delete(here.path(), headers={"idempotency-key": KEY})
        else:
            answer = await here.post(url, form, idempotency_key=KEY)
        assert answer.status_code == 400
        assert answer.json()["code"] == ("malformed-request" if change == "query" else "misuse")
        assert here.revision() == 2


async def test_what_failed_is_not_kept() -> None:
    """Nothing was written, so the same request may succeed another time."""
    async with site() as here:
        form = {"edits": [{"edit": "append", "hierarchy": "later", "entities": [str(A)]}]}
        refused = await here.post(here.path("/commit"), form, idempotency_key=KEY)
        assert refused.status_code == 404
        await here.post(here.path("/hierarchies"), {"name": "later", "type": "EL"})
        done = await here.post(here.path("/commit"), form, idempotency_key=KEY)
        assert done.status_code == 200
        assert items(here.store, here.id, "later") == [A]


async def test_keys_of_two_callers_do_not_meet() -> None:
    keys = ("write:" + "a" * 16, "write:" + "b" * 16)
    async with site(api_keys=keys) as here:
        for key in "ab":
            answer = await here.post(
                here.path("/commit"),
                {"edits": [append(A)]},
                idempotency_key=KEY,
                x_api_key=key * 16,
            )
            assert "idempotency-replayed" not in answer.headers
        assert here.revision() == 3


async def test_many_at_once_happen_once(tmp_path: Path) -> None:
    store = connect(f"sqlite:///{tmp_path}/a.db")
    async with site(store) as here:
        answers: list[httpx.Response] = []

        async def send() -> None:
            form = {"edits": [append(A)]}
            answers.append(await here.post(here.path("/commit"), form, idempotency_key=KEY))

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(send)
        assert {each.status_code for each in answers} == {200}
        assert len({each.text for each in answers}) == 1
        assert here.revision() == 2


async def test_a_new_catalog_is_made_once() -> None:
    async with site() as here:
        answers = [
            await here.post("/api/catalog", {"species": "SINK"}, idempotency_key=KEY)
            for _ in range(2)
        ]
        assert [each.status_code for each in answers] == [201, 201]
        assert answers[0].headers["location"] == answers[1].headers["location"]
        assert len(here.store.list_catalog_ids()) == 2


async def test_a_deletion_that_is_repeated_was_done() -> None:
    async with site() as here:
        headers = {"idempotency-key": KEY}
        for _ in range(2):
            assert (await here.http.delete(here.path(), headers=headers)).status_code == 204
        assert (await here.http.delete(here.path())).status_code == 404


async def test_an_answer_is_kept_with_what_it_tells_of(tmp_path: Path) -> None:
    """In one transaction: after a crash between the two neither is there."""
    store = connect(f"sqlite:///{tmp_path}/a.db")
    async with site(store) as here:
        with sqlite3.connect(tmp_path / "a.db") as raw:
            raw.execute("ALTER TABLE cheap_answer RENAME TO away")
        answer = await here.post(here.path("/commit"), {"edits": [append(A)]}, idempotency_key=KEY)
        assert answer.status_code >= 500
        assert here.revision() == 1
        raw.execute("ALTER TABLE away RENAME TO cheap_answer")
        raw.close()


async def test_a_deadlock_is_met_again_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    async with site() as here:
        real, failures = here.store.commit, [BusyError("deadlock"), BusyError("deadlock")]

        def commit(*args: object, **kwargs: object) -> object:
            if failures:
                raise failures.pop()
            return real(*args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(here.store, "commit", commit)
        answer = await here.post(here.path("/commit"), {"edits": [append(A)]}, idempotency_key=KEY)
        assert answer.status_code == 200
        assert not failures


async def test_old_answers_are_forgotten() -> None:
    async with site(answer_lifetime=1, deletion_interval=0.01) as here:
        await here.post(here.path("/commit"), {"edits": [append(A)]}, idempotency_key=KEY)
        serving: Serving = here.app.state.serving
        kept = here.store._answers  # type: ignore[attr-defined]
        assert len(kept) == 1
        for name, each in list(kept.items()):
            kept[name] = type(each)(each.fingerprint, each.answer, each.made - 10)
        with anyio.fail_after(10):
            while kept:
                await anyio.sleep(0.01)
        assert not serving.stopping.is_set()
        here.store.commit(here.id, [Append("queue", [B])])


async def test_what_only_reads_is_not_kept() -> None:
    async with site() as here:
        query = {"aspect": PERSON.name}
        for _ in range(2):
            answer = await here.post(here.path("/aspects/query"), query, idempotency_key=KEY)
            assert "idempotency-replayed" not in answer.headers
