"""Streams out and in, and changes that are waited for."""

from __future__ import annotations

import json
from typing import Any

import anyio
import httpx
import pytest

from cheap.core import AspectDef, Catalog, PropertyDef, PropertyType
from cheap.core.edits import Append, PutAspects
from cheap.rest.client import AsyncCheapClient, CheapClientConfig
from tests.contract.samples import PERSON, A, B, entities, full_catalog, map_of
from tests.rest.apps import Site, site

pytestmark = pytest.mark.anyio
LINES = {"content-type": "application/x-ndjson"}


def client(here: Site) -> AsyncCheapClient:
    config = CheapClientConfig("http://test", max_retries=0)
    return AsyncCheapClient(config=config, transport=httpx.ASGITransport(here.app))


# --- out ----------------------------------------------------------------------------------------


async def test_catalogs_as_lines() -> None:
    async with site() as here:
        for _ in range(3):
            here.store.save_catalog(full_catalog())
        here.store.save_catalog(Catalog())
        answer = await here.get("/api/catalogs/stream")
        assert answer.headers["content-type"] == "application/x-ndjson"
        ids = here.store.list_catalog_ids()
        lines = answer.content.decode().split("\n")[:-1]
        assert [Catalog.from_json(each) for each in lines] == [
            here.store.load_catalog(each) for each in ids
        ]
        async with client(here) as over:
            assert [each.global_id async for each in over.stream_catalogs()] == ids


async def test_no_catalog_is_no_line() -> None:
    async with site() as here:
        here.store.delete_catalog(here.id)
        answer = await here.get("/api/catalogs/stream")
        assert (answer.status_code, answer.content) == (200, b"")


async def test_many_pages_of_one_map() -> None:
    async with site() as here:
        many = entities(2_500, start=1000)
        here.store.commit(here.id, [PutAspects(PERSON.name, {e: {"name": "n"} for e in many})])
        expected = here.store.load_catalog(here.id)
        [line] = (await here.get("/api/catalogs/stream")).content.decode().split("\n")[:-1]
        assert Catalog.from_json(line) == expected
        assert Catalog.from_json((await here.get(here.path("/document"))).text) == expected
        async with client(here) as over:
            for name in expected:
                streamed = [each async for each in over.stream_hierarchy(here.id, name)]
                assert streamed == list(here.store.iter_hierarchy(here.id, name)), name


async def test_a_stream_of_what_is_not_there_has_a_status() -> None:
    async with site() as here:
        for path in ("/hierarchies/nowhere/stream", "/document?only=nowhere"):
            answer = await here.get(here.path(path))
            assert (answer.status_code, answer.json()["code"]) == (404, "key-not-found"), path


async def test_a_catalog_that_goes_away_meanwhile_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with site() as here:
        later = here.store.create_catalog().catalog_id
        real = here.store.list_hierarchies

        def list_hierarchies(catalog_id: Any) -> Any:
            here.store.delete_catalog(later)
            return real(catalog_id)

        monkeypatch.setattr(here.store, "list_hierarchies", list_hierarchies)
        lines = (await here.get("/api/catalogs/stream")).content.decode().split("\n")[:-1]
        assert [json.loads(each)["globalId"] for each in lines] == [str(here.id)]


# --- in -----------------------------------------------------------------------------------------


def line(entity: object, record: object) -> bytes:
    return json.dumps({"entity": str(entity), "aspect": record}).encode() + b"\n"


async def test_records_in_lines() -> None:
    async with site() as here:
        many = entities(2_500, start=1000)
        body = b"".join(line(each, {"name": str(i)}) for i, each in enumerate(many))
        answer = await here.http.post(
            here.path(f"/aspects/{PERSON.name}"), content=body, headers=LINES
        )
        assert answer.status_code == 200
        # Three batches, each a commit.
        assert answer.json() == {
            "revision": 4, "received": 2_500, "written": 2_500, "refused": []
        }  # fmt: skip
        found = here.store.get_aspects(here.id, PERSON.name, many)
        assert [each["name"] for each in found.values()] == [str(i) for i in range(2_500)]


async def test_what_is_wrong_is_refused_alone() -> None:
    async with site() as here:
        new = entities(4, start=1000)
        body = b"".join(
            [
                line(new[0], {"name": "right"}),
                line(new[1], {"age": "old"}),
                b"{\n",
                b"\n",
                line("no-id", {"name": "x"}),
                line(new[2], {"name": "right", "more": 1}),
                line(new[3], {"name": "last"})[:-1],  # without an end
            ]
        )
        answer = await here.http.post(
            here.path(f"/aspects/{PERSON.name}"), content=body, headers=LINES
        )
        assert answer.status_code == 207
        told = answer.json()
        assert (told["received"], told["written"]) == (6, 2)
        assert [(each["line"], each["code"]) for each in told["refused"]] == [
            (2, "invalid-value"),
            (3, "malformed-request"),
            (4, "malformed-request"),
            (5, "invalid-value"),
        ]
        assert told["refused"][0]["entity"] == str(new[1])
        assert [each["path"] for each in told["refused"][0]["errors"]] == ["name", "age"]
        found = here.store.get_aspects(here.id, PERSON.name, new)
        assert list(found) == [new[0], new[3]]


NOTED = AspectDef("note", [PropertyDef("data", PropertyType.BLOB)])


async def test_a_stub_of_a_large_value_that_is_not_there_is_refused_alone() -> None:
    async with site() as here:
        here.store.commit(here.id, map_of(NOTED))
        stub = {"size": 3, "digest": "0" * 32}
        body = line(A, {"data": stub}) + line(B, {"data": "eA=="}) + b"{\n"
        answer = await here.http.post(here.path("/aspects/note"), content=body, headers=LINES)
        told = answer.json()
        assert (answer.status_code, told["written"]) == (207, 1)
        assert [each["line"] for each in told["refused"]] == [1, 3]  # in their order
        assert list(here.store.get_aspects(here.id, "note", [A, B])) == [B]


async def test_each_line_of_an_entity_is_counted() -> None:
    async with site() as here:
        here.store.commit(here.id, map_of(NOTED))
        stub = {"size": 3, "digest": "0" * 32}
        body = line(A, {"data": "eA=="}) + line(B, {"data": "eA=="}) + line(A, {"data": stub})
        answer = await here.http.post(here.path("/aspects/note"), content=body, headers=LINES)
        told = answer.json()
        assert (told["received"], told["written"]) == (3, 2)
        assert [each["line"] for each in told["refused"]] == [3]
        assert list(here.store.get_aspects(here.id, "note", [A, B])) == [A, B]


async def test_a_map_that_is_not_there_is_told_before_anything_is_read() -> None:
    async with site() as here:
        read = []

        async def body() -> Any:
            for number in range(100):
                read.append(number)
                yield line(A, {"name": "x"})

        answer = await here.http.post(here.path("/aspects/nowhere"), content=body(), headers=LINES)
        assert answer.status_code == 404
        assert not read


async def test_uploads_of_a_client() -> None:
    async with site() as here, client(here) as over:
        new = entities(3, start=1000)
        records = [(each, {"name": "n"}) for each in new]
        done = await over.upload_aspects(here.id, PERSON.name, records)
        assert (done.received, done.written, done.refused) == (3, 3, ())

        async def source() -> Any:
            for each in records:
                yield each

        assert (await over.upload_aspects(here.id, PERSON.name, source())).written == 3


async def test_records_as_json_are_all_or_nothing() -> None:
    async with site() as here:
        path = here.path(f"/aspects/{PERSON.name}")
        new = entities(2, start=1000)
        right = {str(new[0]): {"name": "x"}}
        assert (await here.post(path, {"aspects": right})).json()["written"] == 1
        wrong = {**right, str(new[1]): {}}
        assert (await here.post(path, {"aspects": wrong})).status_code == 422
        assert here.revision() == 2


# --- changes ------------------------------------------------------------------------------------


async def test_a_change_is_waited_for() -> None:
    async with site() as here, client(here) as over:
        found: list[Any] = []

        async def wait() -> None:
            found.append(await over.wait_for_changes(here.id, 1, seconds=30))

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.sleep(0.05)
            assert not found
            here.store.commit(here.id, [Append("queue", [A])])
        assert [each.revision for each in found[0].items] == [2, 2][: len(found[0].items)]


async def test_waiting_ends() -> None:
    async with site() as here:
        answer = await here.get(here.path("/changes?since=1&wait=0.1"))
        assert answer.json()["items"] == []


async def test_waiting_ends_when_the_server_stops() -> None:
    async with site() as here:
        async with anyio.create_task_group() as group:

            async def wait() -> None:
                with anyio.fail_after(10):
                    await here.get(here.path("/changes?since=1&wait=60"))

            group.start_soon(wait)
            await anyio.sleep(0.05)
            here.app.state.serving.stopping.set()


async def test_waiting_for_a_catalog_that_goes_away() -> None:
    async with site() as here:
        answers: list[httpx.Response] = []

        async def wait() -> None:
            answers.append(await here.get(here.path("/changes?since=1&wait=60")))

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.sleep(0.05)
            here.store.delete_catalog(here.id)
        assert answers[0].status_code == 404


async def test_waiting_for_what_was_made_anew() -> None:
    """Its revision would have to come to one that is known already; nobody waits for that."""
    async with site() as here:
        with anyio.fail_after(10):
            answer = await here.get(here.path("/changes?since=9&wait=60"))
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
