"""ETags: nothing is sent twice, and nothing is overwritten unseen."""

from __future__ import annotations

from typing import Any

import pytest

from cheap.core import Catalog
from cheap.core.edits import Append
from cheap.rest.wire.routes import ROUTES, Route
from tests.contract.samples import NOTE, PERSON, A, B, map_of
from tests.rest.apps import Site, append, site

pytestmark = pytest.mark.anyio


async def test_what_is_known_is_not_sent_again() -> None:
    async with site() as here:
        first = await here.get(here.path())
        assert first.headers["etag"] == '"1"'
        for known in ('"1"', 'W/"1"', '"7", "1"', "*"):
            answer = await here.get(here.path(), if_none_match=known)
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == '"1"'
        here.store.commit(here.id, [Append("queue", [A])])
        assert (await here.get(here.path(), if_none_match='"1"')).json()["revision"] == 2


async def put(here: Site, tag: str) -> Any:
    catalog = Catalog.from_json((await here.get(here.path("/document"))).text)
    catalog.version = "new"
    return await here.http.put(
        here.path(),
        content=catalog.json(),
        headers={"if-match": tag, "content-type": "application/json"},
    )


async def patch(here: Site, tag: str) -> Any:
    return await here.http.patch(here.path(), json={"version": "new"}, headers={"if-match": tag})


async def commit(here: Site, tag: str) -> Any:
    return await here.post(here.path("/commit"), {"edits": [append(B)]}, if_match=tag)


async def delete(here: Site, tag: str) -> Any:
    return await here.http.delete(here.path(), headers={"if-match": tag})


async def define(here: Site, tag: str) -> Any:
    form = {"name": "new", "propertyDefs": []}
    return await here.post(here.path("/aspect-defs"), form, if_match=tag)


async def create(here: Site, tag: str) -> Any:
    return await here.post(here.path("/hierarchies"), {"name": "new", "type": "EL"}, if_match=tag)


async def drop(here: Site, tag: str) -> Any:
    return await here.http.delete(here.path("/hierarchies/queue"), headers={"if-match": tag})


async def upsert(here: Site, tag: str) -> Any:
    form = {"aspects": {str(B): {"name": "new"}}}
    return await here.post(here.path(f"/aspects/{PERSON.name}"), form, if_match=tag)


CHANGES = (put, patch, commit, delete, define, create, drop, upsert)


async def test_a_deletion_to_come_is_noted_at_the_revision_that_is_named() -> None:
    async with site() as here:
        for tag, status in (('"7"', 412), ('"1"', 202)):
            answer = await here.http.delete(here.path("?after=99"), headers={"if-match": tag})
            assert answer.status_code == status
            assert bool(here.store.due_deletions(2**40)) == (status == 202)


@pytest.mark.parametrize("change", CHANGES)
async def test_nothing_is_overwritten_unseen(change: Any) -> None:
    async with site() as here:
        here.store.commit(here.id, [Append("queue", [A])])
        refused = await change(here, '"1"')
        assert refused.status_code == 412
        problem = refused.json()
        assert (problem["code"], problem["revision"]) == ("precondition-failed", 2)
        assert here.revision() == 2
        done = await change(here, '"2"')
        assert done.status_code in (200, 201, 204)
        assert change is delete or done.headers["etag"] == '"3"'
        assert not here.store.catalog_exists(here.id) or here.revision() == 3


@pytest.mark.parametrize("change", CHANGES)
async def test_somebody_between_the_look_and_the_lock(
    change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site() as here:
        real, looked = here.store.get_catalog, []

        def get_catalog(catalog_id: Any) -> Any:
            header = real(catalog_id)
            if not looked:
                looked.append(here.store.commit(catalog_id, [Append("queue", [A])]))
            return header

        monkeypatch.setattr(here.store, "get_catalog", get_catalog)
        assert (await change(here, '"1"')).status_code == 412
        assert looked


@pytest.mark.parametrize("tag", ["1x", '"one"', "", '"1", "2"'])
async def test_what_is_no_etag(tag: str) -> None:
    async with site() as here:
        answer = await patch(here, tag)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["path"] == "header.If-Match"


async def test_an_etag_that_a_proxy_weakened() -> None:
    async with site() as here:
        assert (await patch(here, 'W/"2"')).status_code == 412
        assert (await patch(here, 'W/"1"')).status_code == 200


async def test_a_read_has_nothing_to_refuse() -> None:
    async with site() as here:
        for path in (here.path(), here.path("/hierarchies"), "/health"):
            for tag in ('"999"', "*", '"of another"'):
                answer = await here.http.get(path, headers={"if-match": tag})
                assert answer.status_code == 200


async def test_any_revision_will_do() -> None:
    async with site() as here:
        assert (await patch(here, "*")).status_code == 200


async def test_replacing_what_is_not_there() -> None:
    async with site() as here:
        catalog = Catalog(version="1")
        headers = {"content-type": "application/json"}
        path = f"/api/catalog/{catalog.global_id}"
        for tag in ('"1"', "*"):
            answer = await here.http.put(
                path, content=catalog.json(), headers={**headers, "if-match": tag}
            )
            assert (answer.status_code, answer.json()["code"]) == (412, "precondition-failed")
        assert not here.store.catalog_exists(catalog.global_id)
        made = await here.http.put(path, content=catalog.json(), headers=headers)
        assert (made.status_code, made.headers["location"]) == (201, path)
        again = await here.http.put(path, content=catalog.json(), headers=headers)
        assert again.status_code == 200


async def test_what_is_there_is_not_replaced_by_what_is_to_be_new() -> None:
    async with site() as here:
        catalog = Catalog(version="1")
        path = f"/api/catalog/{catalog.global_id}"
        headers = {"content-type": "application/json", "if-none-match": "*"}
        made = await here.http.put(path, content=catalog.json(), headers=headers)
        assert (made.status_code, made.headers["location"]) == (201, path)
        catalog.version = "2"
        refused = await here.http.put(path, content=catalog.json(), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition-failed")
        assert here.store.get_catalog(catalog.global_id).version == "1"
        headers["if-none-match"] = '"1"'
        answer = await here.http.put(path, content=catalog.json(), headers=headers)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["path"] == "header.If-None-Match"


@pytest.mark.parametrize("route", [each for each in ROUTES if each.writes], ids=lambda r: r.name)
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
async def test_a_condition_is_heeded_or_refused(route: Route, name: str) -> None:
    if route.if_match if name == "If-Match" else route.if_none_match:
        return  # as above
    async with site() as here:
        values = {"catalog_id": here.id, "aspect": "note", "entity": A, "property": "data"}
        path = route.url(*(values.get(each, "queue") for each in route.parameters))
        headers = {name: '"999"'} | ({"content-type": route.takes[0]} if route.takes else {})
        answer = await here.http.request(route.method, path, content=b"{}", headers=headers)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["path"] == f"header.{name}"
        assert here.revision() == 1


async def test_lines_have_no_condition() -> None:
    async with site() as here:
        answer = await here.http.post(
            here.path(f"/aspects/{PERSON.name}"),
            content=b"{}",
            headers={"content-type": "application/x-ndjson", "if-match": '"1"'},
        )
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["path"] == "header.If-Match"


async def test_what_is_streamed_and_known_is_not_sent_again() -> None:
    async with site() as here:
        here.store.commit(here.id, [*map_of(NOTE, {A: {"data": b"12345"}})])
        value = f"/aspects/note/{A}/data"
        for more in ("/document", value, f"{value}?offset=2"):
            tag = (await here.get(here.path(more))).headers["etag"]
            answer = await here.get(here.path(more), if_none_match=tag)
            assert (answer.status_code, answer.content) == (304, b""), more
            assert answer.headers["etag"] == tag
            other = await here.get(here.path(more), if_none_match='"other"')
            assert (other.status_code, other.headers["etag"]) == (200, tag)
            assert other.content


async def test_the_document_s_id_is_the_address() -> None:
    async with site() as here:
        answer = await here.http.put(
            here.path(),
            content=Catalog().json(),
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["path"] == "$.globalId"
