"""How answers look: compressed, in pages, with ids; and what the server says about itself."""

from __future__ import annotations

import gzip
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import anyio
import pytest

import cheap
from cheap.aio import AsyncDao
from cheap.aio.hop import hop_of
from cheap.connecting import connect
from cheap.core import Catalog
from cheap.core.edits import SetHeader
from cheap.db.dao import SqlDao
from cheap.db.memory import MemoryDao
from cheap.errors import UnavailableError
from cheap.rest.handlers import service
from tests.contract.samples import PERSON, A, entities
from tests.rest.apps import append, put_person, site

pytestmark = pytest.mark.anyio


async def test_large_answers_are_compressed_when_asked_for() -> None:
    async with site() as here:
        path = here.path("/changes?limit=1000")
        plain = await here.get(path, accept_encoding="identity")
        assert "content-encoding" not in plain.headers
        assert plain.headers["vary"] == "Accept-Encoding"
        packed = await here.get(path, accept_encoding="gzip, br")
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "Accept-Encoding"
        assert packed.content == plain.content
        assert int(packed.headers["content-length"]) < len(plain.content) / 2
        for refused in ("gzip;q=0", "br, gzip; q=0.00", ""):
            answer = await here.get(path, accept_encoding=refused)
            assert "content-encoding" not in answer.headers, refused
        small = await here.get(here.path(), accept_encoding="gzip")
        assert "content-encoding" not in small.headers
        for path in ("/openapi.json", "/docs", "/metrics"):
            answer = await here.get(path, accept_encoding="gzip")
            assert answer.headers["content-encoding"] == "gzip", path


async def test_compressed_bodies_are_not_read() -> None:
    async with site() as here:
        answer = await here.http.post(
            here.path("/commit"),
            content=gzip.compress(b'{"edits":[]}'),
            headers={"content-type": "application/json", "content-encoding": "gzip"},
        )
        assert answer.status_code in (400, 415)


async def test_a_request_has_an_id() -> None:
    async with site() as here:
        mine = await here.get(here.path(), x_request_id="from-a.proxy_7")
        assert mine.headers["x-request-id"] == "from-a.proxy_7"
        made = [await here.get("/nowhere", x_request_id=each) for each in ("", "a b", "x" * 129)]
        ids = {each.headers["x-request-id"] for each in made}
        assert len(ids) == 3
        assert all(len(each) == 16 for each in ids)
        assert made[0].json()["instance"] == f"/nowhere#{made[0].headers['x-request-id']}"


@pytest.mark.parametrize(
    ("sent", "instance"),
    [
        (b"/a%2Fb%C3%A9", "/a%2Fb%C3%A9"),
        (b'/a b"<\xff>', "/a%20b%22%3C%FF%3E"),
        (b"/100%/%zz", "/100%25/%25zz"),
    ],
)
async def test_an_instance_is_a_reference(sent: bytes, instance: str) -> None:
    async with site() as here:
        scope = {
            "type": "http", "method": "GET", "path": unquote(sent.decode("latin-1")),
            "raw_path": sent, "query_string": b"", "root_path": "", "headers": [],
        }  # fmt: skip
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        await here.app(scope, receive, send)  # type: ignore[arg-type]
        found = json.loads(told[1]["body"])["instance"]
        assert found.partition("#")[0] == instance


async def test_pages_of_headers() -> None:
    async with site(page_size=2, max_page_size=3) as here:
        for _ in range(6):
            here.store.create_catalog()
        ids: list[str] = []
        path = "/api/catalog"
        while path:
            page = (await here.get(path)).json()
            assert len(page["items"]) <= 2
            ids += [each["catalog_id"] for each in page["items"]]
            path = page["next"] and f"/api/catalog?cursor={page['next']}"
        assert ids == sorted(ids)
        assert len(ids) == len(set(ids)) == 7
        assert len((await here.get("/api/catalog?limit=3")).json()["items"]) == 3
        refused = await here.get("/api/catalog?limit=4")
        assert refused.status_code == 413
        assert "at most 3" in refused.json()["detail"]


async def test_catalogs_of_a_species() -> None:
    async with site() as here:
        made = (await here.post("/api/catalog", {"species": "fork"})).json()
        for word in ("FORK", "fork"):
            found = (await here.get(f"/api/catalog?species={word}")).json()
            assert [each["catalog_id"] for each in found["items"]] == [made["catalog_id"]]


async def test_sizes_when_asked_for() -> None:
    async with site() as here:
        assert "sizes" not in (await here.get(here.path())).json()
        sizes = (await here.get(here.path("?sizes=true"))).json()["sizes"]
        assert sizes["queue"] == 4
        assert sizes[PERSON.name] == 3


async def test_definitions_by_name_and_by_id() -> None:
    async with site() as here:
        by_name, by_id = [
            (await here.get(here.path(f"/aspect-defs/{each}"))).json()
            for each in (PERSON.name, PERSON.id)
        ]
        assert by_name == by_id
        assert by_name["name"] == PERSON.name


async def test_any_name_is_an_address() -> None:
    names = ("a/b", "..", "%2F", "ä ö", "?#&", "a+b", "'; --", "😀")
    async with site() as here:
        for name in names:
            made = await here.post(here.path("/hierarchies"), {"name": name, "type": "EL"})
            assert made.status_code == 201, name
            segment = quote(name, safe="").replace(".", "%2E")
            assert made.headers["location"] == here.path(f"/hierarchies/{segment}")
            found = await here.get(made.headers["location"])
            assert found.json()["items"] == [], name


async def test_records_by_entity_and_by_filter() -> None:
    async with site() as here:
        some = entities(3, start=50)
        edits = [put_person(each, name) for each, name in zip(some, "xyz", strict=True)]
        assert (await here.post(here.path("/commit"), {"edits": edits})).status_code == 200
        query = {"aspect": PERSON.name, "entities": [str(some[1]), str(entities(1, start=99)[0])]}
        found = (await here.post(here.path("/aspects/query"), query)).json()
        assert [each["aspect"]["name"] for each in found["items"]] == ["y"]
        where = {
            "and": [
                {"property": "name", "op": "in", "value": ["x", "z"]},
                {"not": {"property": "name", "op": "prefix", "value": "x"}},
            ]
        }
        query = {"aspect": PERSON.name, "where": where, "order_by": ["-name"]}
        found = (await here.post(here.path("/aspects/query"), query)).json()
        assert [each["aspect"]["name"] for each in found["items"]] == ["z"]
        assert found["definition"]["name"] == PERSON.name


async def test_commits_are_all_or_nothing() -> None:
    async with site() as here:
        form = {"edits": [append(*entities(1)), put_person(name="n" * 9000)]}
        refused = await here.post(here.path("/commit"), form)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["path"] == "name"
        assert here.revision() == 1


# --- the server ---------------------------------------------------------------------------------


class Busy(MemoryDao):
    """A store in which somebody else commits right after each catalog that is saved."""

    def save_catalog(self, catalog: Catalog, *, replace: bool = False) -> int:
        revision = super().save_catalog(catalog, replace=replace)
        self.commit(catalog.global_id, [SetHeader(version="theirs")])
        return revision


async def test_a_replacement_is_told_its_own_revision() -> None:
    """Not a later one: whoever knows that would overwrite what it did not see."""
    async with site(Busy()) as here:
        catalog = here.store.load_catalog(here.id)
        catalog.version = "mine"
        for known, status in ((here.revision(), 200), (0, 201)):
            answer = await here.http.put(here.path(), json=json.loads(catalog.json()))
            assert answer.status_code == status
            assert answer.headers["etag"] == f'"{known + 1}"'
            assert (answer.json()["version"], answer.json()["revision"]) == ("mine", known + 1)
            here.store.delete_catalog(here.id)


async def test_health_asks_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    async with site() as here:
        fine = await here.get("/health")
        assert fine.json() == {
            "status": "healthy", "database": "memory", "version": cheap.__version__
        }  # fmt: skip

        def fail(**_: object) -> None:
            raise UnavailableError("no server answers")

        monkeypatch.setattr(here.store, "list_catalogs", fail)
        ill = await here.get("/health")
        assert (ill.status_code, ill.json()["status"]) == (503, "unhealthy")
        assert (await here.get("/live")).status_code == 200


async def test_health_does_not_wait_for_a_database_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = threading.Event()
    monkeypatch.setattr(service, "HEALTH_PATIENCE", 0.01)
    async with site() as here:
        with monkeypatch.context() as hanging:
            hanging.setattr(here.store, "list_catalogs", lambda **_: done.wait())
            try:
                with anyio.fail_after(30):
                    ill = await here.get("/health")
            finally:
                done.set()
        assert (ill.status_code, ill.json()["status"]) == (503, "unhealthy")


async def test_metrics() -> None:
    async with site() as here:
        await here.get(here.path())
        await here.get("/nowhere")
        text = (await here.get("/metrics")).text
        assert 'cheap_requests_total{method="GET",route="get_catalog",status="200"} 1.0' in text
        assert 'cheap_requests_total{method="GET",route="none",status="404"} 1.0' in text
        assert 'cheap_request_seconds_count{route="get_catalog"} 1.0' in text


async def test_about() -> None:
    async with site(max_page_size=7) as here:
        about = (await here.get("/api")).json()
        assert about["store_id"] == str(here.store.store_id)
        assert about["limits"]["page_size"] == 7


async def test_the_page_needs_nothing_from_elsewhere() -> None:
    async with site() as here:
        page = await here.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert "/api/catalog/{catalog_id}/commit" in page.text
        for elsewhere in ("http://", "https://", "<script", "//cdn"):
            assert elsewhere not in page.text


async def test_cors_is_off_unless_asked_for() -> None:
    origin = {"origin": "https://app.example.com"}
    async with site() as here:
        answer = await here.http.get(here.path(), headers=origin)
        assert "access-control-allow-origin" not in answer.headers
    async with site(cors_origins=("https://app.example.com",)) as here:
        answer = await here.http.get(here.path(), headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"


async def test_pages_of_other_origins_read_errors_and_are_told_ids() -> None:
    mine, other = "https://app.example.com", "https://evil.example.com"
    preflight = {"access-control-request-method": "PUT"}
    async with site(cors_origins=(mine,)) as here:
        for path, status in ((here.path(), 200), (here.path("/hierarchies/nowhere"), 404)):
            answer = await here.http.get(path, headers={"origin": mine})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == mine
            assert "Origin" in answer.headers["vary"]
            exposed = answer.headers["access-control-expose-headers"].split(", ")
            assert {"ETag", "Cheap-Size", "Cheap-Next", "Idempotency-Replayed"} <= set(exposed)
            assert len(answer.headers.get_list("x-request-id")) == 1
        for origin, status in ((mine, 200), (other, 400)):
            headers = {"origin": origin, "x-request-id": "mine", **preflight}
            answer = await here.http.options(here.path(), headers=headers)
            assert answer.status_code == status
            assert answer.headers["x-request-id"] == "mine"
        assert answer.json()["errors"][0]["path"] == "header.Origin"
        assert "access-control-allow-origin" not in answer.headers


async def test_head_is_get_without_a_body() -> None:
    async with site() as here:
        for path in (here.path(), here.path("/document"), "/api/catalogs/stream", "/health"):
            answer = await here.http.head(path)
            assert answer.status_code == 200, path
        assert (await here.http.head(here.path("/document"))).headers["etag"] == '"1"'
        assert (await here.http.head(here.path("/document?only=nowhere"))).status_code == 404


async def test_a_store_that_was_given_stays_open() -> None:
    store = MemoryDao()
    async with site(store) as here:
        await here.get(here.path())
    assert store.list_catalog_ids() == [here.id]


async def test_requests_that_wait_to_write_hold_up_none_that_read(tmp_path: Path) -> None:
    """On SQLite, where somebody writes for long: a slow upload, another process, a transaction."""
    with connect(f"sqlite:///{tmp_path}/a.db") as store:
        assert isinstance(store, SqlDao)
        hop = hop_of(store.adapter)
        async with site(store, deletion_interval=1000) as here, anyio.create_task_group() as group:
            begun, ended = anyio.Event(), anyio.Event()

            async def write(path: str, content: bytes, kind: str) -> None:
                await begun.wait()
                headers = {"content-type": kind}
                answer = await here.http.post(here.path(path), content=content, headers=headers)
                assert answer.status_code == 200

            async def read() -> None:
                await begun.wait()
                while len(hop.flights) < 4:
                    await anyio.sleep(0.001)
                assert (await here.get(here.path())).status_code == 200
                ended.set()

            edits = json.dumps({"edits": [append(*entities(1))]}).encode()
            line = json.dumps({"entity": str(A), "aspect": {"name": "Al"}}).encode()
            for _ in range(2):
                group.start_soon(write, "/commit", edits, "application/json")
                group.start_soon(write, f"/aspects/{PERSON.name}", line, "application/x-ndjson")
            group.start_soon(read)
            async with AsyncDao(store).transaction():
                begun.set()
                with anyio.fail_after(20):
                    await ended.wait()
        assert here.revision() == 5


async def test_the_place_of_a_fault_in_an_edit() -> None:
    async with site() as here:
        form = {"edits": [append(), {"edit": "create_hierarchy", "name": "x", "type": "XX"}]}
        answer = await here.post(here.path("/commit"), form)
        assert answer.status_code == 400
        assert [each["path"] for each in answer.json()["errors"]] == ["$.edits[1].type"]
        query = {"aspect": "open", "order_by": [5]}
        answer = await here.post(here.path("/aspects/query"), query)
        assert {each["path"] for each in answer.json()["errors"]} == {"$.order_by[0]"}
