"""Bad input: each time a 4xx that says where and what, nothing written, and memory stays flat."""

from __future__ import annotations

import gzip
import json
import re
import socket
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from anyio import to_thread
from pydantic import ValidationError

from cheap import connect
from cheap.core.edits import PutAspects
from cheap.db.memory import MemoryDao
from cheap.errors import ConfigurationError, InvalidQueryError, MalformedRequestError
from cheap.rest.client import CheapClientConfig
from cheap.rest.main import create_app
from cheap.rest.settings import Settings
from cheap.rest.wire import bodies
from tests.contract.samples import NOTE, PERSON, A, B, entities, full_catalog
from tests.live import listening
from tests.rest.apps import Site, put_person, site

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
PEOPLE = f"/aspects/{PERSON.name}"
LINES = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}
DEEP = 10_000
LONG = "n" * 10_000
BATCH = 1_000


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=["memory", "sqlite"])
async def here(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """A site on each kind of store: what one does not mind may break the other."""
    path = tmp_path_factory.mktemp("bad")
    store = MemoryDao() if request.param == "memory" else connect(f"sqlite:///{path}/bad.db")
    with store:
        async with site(store, max_body=2 * MB) as found:
            yield found


def told(answer: httpx.Response, status: int | tuple[int, ...], path: str) -> dict[str, Any]:
    """See that an answer tells of a fault at a place."""
    allowed = (status,) if isinstance(status, int) else status
    assert answer.status_code in allowed, answer.text[:500]
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    paths = [each["path"] for each in problem["errors"]]
    assert path in paths, problem
    assert all(each["expected"] for each in problem["errors"])
    assert len(answer.content) < 100_000
    return problem


@contextmanager
def unchanged(here: Site) -> Iterator[None]:
    """See that nothing is written meanwhile, half or whole: every write raises the revision."""
    before = here.revision(), here.store.list_catalog_ids()
    yield
    assert (here.revision(), here.store.list_catalog_ids()) == before


async def send(here: Site, method: str, more: str, body: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await here.http.request(method, here.path(more), content=body, headers=JSON | named)


BODIES = (
    ("POST", "/commit"),
    ("POST", "/hierarchies"),
    ("POST", "/aspect-defs"),
    ("POST", PEOPLE),
    ("POST", "/aspects/query"),
    ("PATCH", ""),
    ("PUT", ""),
)
"""Every address of a catalog that takes JSON."""

every_body = pytest.mark.parametrize(("method", "more"), BODIES)


# --- JSON that is none --------------------------------------------------------------------------

BROKEN = {
    "nothing": b"",
    "blanks": b"  \n",
    "half": b'{"edits": [{"edit"',
    "half a text": b'{"edits": "',
    "half an escape": b'{"edits": "\\u00',
    "two values": b"{} {}",
    "a comma too many": b'{"edits": [],}',
    "single quotes": b"{'edits': []}",
    "a comment": b"{} // nothing",
    "a BOM": b"\xef\xbb\xbf{}",
    "a control character": b'{"edits": "\x01"}',
    "NaN": b'{"edits": NaN}',
    "Infinity": b'{"limit": Infinity}',
    "-Infinity": b'{"limit": -Infinity}',
    "a plus": b'{"limit": +1}',
    "a leading zero": b'{"limit": 01}',
    "hexadecimal": b'{"limit": 0x10}',
    "not UTF-8": b'{"name": "\xff"}',
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "overlong UTF-8": b'{"name": "\xc0\x80"}',
    "UTF-16": '{"edits": []}'.encode("utf-16"),
    "Python": b"None",
    "compressed": gzip.compress(b'{"edits": []}'),
    "duplicate": b'{"version": "1", "version": "1"}',
    "duplicate, escaped": b'{"version": "1", "\\u0076ersion": "1"}',
    "duplicate, deep": b'{"edits": [{"a": [[{"b": {"c": 1, "c": 2}}]]}]}',
    "duplicate, empty": b'{"": 1, "": 2}',
}


@every_body
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_broken_json(here: Site, method: str, more: str, body: bytes) -> None:
    with unchanged(here):
        told(await send(here, method, more, body), (400, 422), "$")


@every_body
@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"version": "\\ud800"}', "a lone surrogate at byte 13"),
        (b'{"\\\\ud800": "\\ud83d\\ude00\\uDC00"}', "a lone surrogate at byte 25"),
        (b'{"a": "\xff"}', "the text is not UTF-8 at byte 7 (invalid start byte)"),
        (b'{"a": [1,\n  {"b": NaN}]}', "NaN is no JSON, at line 2, column 9"),
        (b'{"a": "NaN", "b": -Infinity}', "-Infinity is no JSON, at line 1, column 19"),
        (
            b'{"a": "{\\"", "b": [{"a": "c"}, {"c": {}, \n"d": ["c"], "\\u0063" : 1}]}',
            "the key 'c' stands twice in an object, at line 2, column 13",
        ),
        (b'{"a": 1,\n]', "malformed JSON at line 2, column 1: "),
    ],
)
async def test_the_place_of_what_is_no_json(
    here: Site, method: str, more: str, body: bytes, what: str
) -> None:
    with unchanged(here):
        problem = told(await send(here, method, more, body), 400, "$")
    assert problem["detail"].startswith(f"$: {what}")


@every_body
@pytest.mark.parametrize("body", [b"null", b"[]", b'""', b"1", b"true", b"1e400"])
async def test_json_that_is_no_object(here: Site, method: str, more: str, body: bytes) -> None:
    with unchanged(here):
        answer = await send(here, method, more, body)
        told(answer, (400, 422), "$")


# A document's own reader passes over keys of later versions.
@pytest.mark.parametrize(("method", "more"), [each for each in BODIES if each[0] != "PUT"])
async def test_unknown_fields(here: Site, method: str, more: str) -> None:
    with unchanged(here):
        answer = await send(here, method, more, b'{"Edits": [], "what": 1}')
        assert answer.status_code in (400, 422)
        paths = {each["path"] for each in answer.json()["errors"]}
        assert paths & {"$.what", "$.Edits"}


@every_body
@pytest.mark.parametrize("bracket", [b"[", b'{"a":'], ids=["arrays", "objects"])
async def test_deep(here: Site, method: str, more: str, bracket: bytes) -> None:
    closing = b"]" if bracket == b"[" else b"1}"[1:]
    closed = bracket * DEEP + b"1" + closing * DEEP
    for body in (closed, bracket * DEEP, b'{"a":' + closed + b"}"):
        with unchanged(here):
            answer = await send(here, method, more, body)
            assert answer.status_code == 413
            assert told(answer, 413, "$")["code"] == "too-large"


async def test_brackets_in_texts_are_not_deep(here: Site) -> None:
    for name in ("[" * DEEP, r"\"" + "{" * DEEP + r"\\", r"[\u0022" * 100):
        body = (
            b'{"edits": [{"edit": "put_entries", "hierarchy": "by code", "entries": {"%s": "%s"}}]}'
        )
        answer = await send(here, "POST", "/commit", body % (name.encode(), str(A).encode()))
        assert answer.status_code == 200, answer.text


# --- wrong types --------------------------------------------------------------------------------


def edit(**more: Any) -> dict[str, Any]:
    return {"edits": [more]}


HUGE = 10**30
WRONG: dict[str, tuple[str, str, object, int | tuple[int, ...], str]] = {
    "edits": ("POST", "/commit", {"edits": {}}, 400, "$.edits"),
    "an edit": ("POST", "/commit", {"edits": [1]}, 400, "$.edits[0]"),
    "no edit": ("POST", "/commit", {}, 400, "$.edits"),
    "a kind": ("POST", "/commit", edit(edit="explode"), 400, "$.edits[0]"),
    "no kind": ("POST", "/commit", edit(hierarchy="x"), 400, "$.edits[0]"),
    "expect, huge": ("POST", "/commit", {"edits": [], "expect": HUGE}, 400, "$.expect"),
    "expect, text": ("POST", "/commit", {"edits": [], "expect": "1"}, 400, "$.expect"),
    "expect, half": ("POST", "/commit", {"edits": [], "expect": 1.5}, 400, "$.expect"),
    "expect, true": ("POST", "/commit", {"edits": [], "expect": True}, 400, "$.expect"),
    "own": ("POST", "/commit", {"edits": [], "own": [1, "2"]}, 400, "$.own[1]"),
    "refresh": ("POST", "/commit", {"edits": [], "refresh": 1}, 400, "$.refresh"),
    "entities": (
        "POST",
        "/commit",
        edit(edit="append", hierarchy="queue", entities=[str(A), "no"]),
        400,
        "$.edits[0].entities[1]",
    ),
    "a record": (
        "POST",
        "/commit",
        edit(edit="put_aspects", hierarchy=PERSON.name, aspects={str(A): {"name": 5}}),
        422,
        "name",
    ),
    "a record that is none": ("POST", PEOPLE, {"aspects": {str(A): [1]}}, (400, 422), "(record)"),
    "an id": ("POST", PEOPLE, {"aspects": {"7": {}}}, 400, "$.aspects.7.[key]"),
    "an id, twice": (
        "POST",
        PEOPLE,
        {"aspects": {str(A).upper(): {"name": "a"}, str(A).lower(): {"name": "b"}}},
        400,
        "$.aspects",
    ),
    "a definition": ("POST", "/aspect-defs", {"name": "x"}, 422, "$.propertyDefs"),
    "a property": (
        "POST",
        "/aspect-defs",
        {"name": "x", "propertyDefs": [{"name": "y", "type": "Int"}]},
        422,
        "$.propertyDefs[0].type",
    ),
    "a hierarchy": ("POST", "/hierarchies", {"name": "x", "type": "XX"}, 400, "$.type"),
    "a label": ("PATCH", "", {"version": 1}, 400, "$.version"),
    "a document": ("PUT", "", {"globalId": "x", "species": "sink"}, 422, "$.globalId"),
    "a species": ("PUT", "", {"globalId": str(A), "species": "big"}, 422, "$.species"),
    "another document": ("PUT", "", {"globalId": str(A), "species": "sink"}, 400, "$.globalId"),
    "a page": ("POST", "/aspects/query", {"aspect": "open", "limit": -1}, 400, "$.limit"),
    "no page": ("POST", "/aspects/query", {"aspect": "open", "limit": 0}, 400, "$.limit"),
    "a huge page": ("POST", "/aspects/query", {"aspect": "open", "limit": HUGE}, 413, "limit"),
    "a cursor": ("POST", "/aspects/query", {"aspect": "open", "cursor": "x"}, 400, "cursor"),
    "a filter": ("POST", "/aspects/query", {"aspect": "open", "where": []}, 400, "$.where"),
    "an operator": (
        "POST",
        "/aspects/query",
        {"aspect": "open", "where": {"property": "name", "op": "like", "value": 1}},
        400,
        "$.where.op",
    ),
    "a filter's value": (
        "POST",
        "/aspects/query",
        {"aspect": "open", "where": {"property": "name", "op": "==", "value": {}}},
        400,
        "$.where",
    ),
    "both ways": (
        "POST",
        "/aspects/query",
        {"aspect": "open", "entities": [], "cursor": "x"},
        400,
        "$",
    ),
    "a place, negative": (
        "POST",
        "/commit",
        edit(edit="splice", hierarchy="queue", index=-1),
        (400, 422),
        "$",
    ),
    "a place, huge": (
        "POST",
        "/commit",
        edit(edit="splice", hierarchy="queue", index=HUGE, remove=HUGE),
        (400, 422),
        "$",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
async def test_wrong_types(
    here: Site, case: tuple[str, str, object, int | tuple[int, ...], str]
) -> None:
    method, more, form, status, path = case
    with unchanged(here):
        answer = await send(here, method, more, json.dumps(form).encode())
        if path == "$":
            assert answer.json()["errors"]
            path = answer.json()["errors"][0]["path"]
        told(answer, status, path)


async def test_a_revision_that_never_was(here: Site) -> None:
    """It is refused as it is without HTTP."""
    with unchanged(here), pytest.raises(InvalidQueryError):
        here.store.commit(here.id, [PutAspects(PERSON.name, {A: {"name": "x"}})], expect=-1)
    form = {"edits": [put_person(A)], "expect": -1}
    with unchanged(here):
        answer = await here.post(here.path("/commit"), form)
    assert told(answer, 400, "expect")["code"] == "invalid-query"


async def test_many_faults_are_told_in_bounded_words(here: Site) -> None:
    record = {f"unknown {i} {'x' * 100}": i for i in range(5_000)}
    with unchanged(here):
        answer = await here.post(here.path(PEOPLE), {"aspects": {str(A): record}})
        assert answer.status_code == 422
        assert len(answer.content) < 1 * MB
        answer = await here.post(here.path("/commit"), {"edits": [{"edit": "x"}] * 20_000})
        assert answer.status_code == 400
        assert len(answer.content) < 1 * MB


MANY = 3_000
NUMBERED: dict[str, Any] = {f"k{i}": 1 for i in range(MANY)}


@pytest.mark.parametrize(
    ("more", "form", "first", "most"),
    [
        ("/aspects/query", {"aspect": "open", "entities": [1] * MANY}, "$.entities[0]", 1),
        ("/aspects/query", {"aspect": "open", **NUMBERED}, "$.k0", 1_001),
        ("/aspects/query", {"aspect": "open", "order_by": [NUMBERED]}, "$.order_by[0]", 1_005),
        (PEOPLE, {"aspects": NUMBERED}, "$.aspects.k0.[key]", 1_000),
        ("/commit", {"edits": [1] * MANY}, "$.edits[0]", 1),
        ("/commit", {"edits": [{}] * MANY}, "$.edits[0]", 1),
        ("/commit", edit(edit="drop_hierarchy", name="x", **NUMBERED), "$.edits[0].k0", 1_001),
        (
            "/commit",
            edit(edit="put_entries", hierarchy="by code", entries=NUMBERED),
            "$.edits[0].entries.k0",
            1_000,
        ),
        (
            "/commit",
            edit(edit="put_nodes", hierarchy="tree", nodes=[{"path": [], **NUMBERED}] * 2),
            "$.edits[0].nodes[0].k0",
            1_001,
        ),
    ],
    ids=lambda case: case if isinstance(case, (str, int)) else "",
)
async def test_faults_are_looked_for_until_there_are_enough(
    here: Site, more: str, form: object, first: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pydantic makes an error of each: so it must not be shown more than are told."""
    seen: list[int] = []
    monkeypatch.setattr(bodies, "refused", refused_in(seen))
    with unchanged(here):
        answer = await here.post(here.path(more), form)
    paths = [each["path"] for each in answer.json()["errors"]]
    assert answer.status_code == 400
    assert first in paths
    assert len(paths) <= 1_000
    assert len(answer.content) < 200_000
    assert all(each <= most for each in seen), seen


def refused_in(counts: list[int]) -> Any:
    """Refuses as before, and notes how many errors pydantic made."""
    real = bodies.refused

    def refused(error: ValidationError, path: str) -> MalformedRequestError:
        counts.append(error.error_count())
        return real(error, path)

    return refused


async def test_many_members_are_read_whole(here: Site) -> None:
    """Also where they are looked at piece by piece."""
    people = {str(each): {"name": f"n{i}"} for i, each in enumerate(entities(MANY, start=5_000))}
    answer = await here.post(here.path(PEOPLE), {"aspects": people})
    assert answer.json()["written"] == MANY
    first = next(iter(people))
    twice = {"aspects": {**people, first.upper(): {"name": "x"}}}
    if first.upper() != first:
        told(await here.post(here.path(PEOPLE), twice), 400, "$.aspects")
    form = edit(edit="put_entries", hierarchy="by code", entries=dict.fromkeys(NUMBERED, str(A)))
    assert (await here.post(here.path("/commit"), form)).json()["written"] == MANY


# --- names, cursors, headers, queries -----------------------------------------------------------


@pytest.mark.parametrize("name", [LONG, "", "a\0b"], ids=["long", "empty", "NUL"])
async def test_names_in_bodies(here: Site, name: str) -> None:
    with unchanged(here):
        for more, form in (
            ("/hierarchies", {"name": name, "type": "EL"}),
            ("/aspect-defs", {"name": name, "propertyDefs": []}),
            ("/aspect-defs", {"name": "x", "propertyDefs": [{"name": name, "type": "Text"}]}),
            ("/commit", edit(edit="create_hierarchy", name=name, type="ES")),
        ):
            answer = await here.post(here.path(more), form)
            assert answer.status_code == 422, answer.text[:300]
            assert answer.json()["errors"][0]["path"]


@pytest.mark.parametrize(
    "text", [r"\ud800", r"a\udfffb", r"\udc00\ud800"], ids=["high", "low", "swapped"]
)
async def test_lone_surrogates(here: Site, text: str) -> None:
    with unchanged(here):
        for method, more, body in (
            ("POST", "/hierarchies", '{"name": "%s", "type": "EL"}'),
            ("POST", "/aspect-defs", '{"name": "%s", "propertyDefs": []}'),
            ("POST", PEOPLE, '{"aspects": {"' + str(A) + '": {"name": "%s"}}}'),
            ("POST", PEOPLE, '{"%s": 1}'),
            ("PATCH", "", '{"version": "%s"}'),
            ("POST", "/aspects/query", '{"aspect": "%s"}'),
            ("PUT", "", '{"globalId": "%s"}'),
        ):
            answer = await send(here, method, more, (body % text).encode())
            assert answer.status_code in (400, 422), (more, answer.text)
            assert answer.json()["errors"][0]["path"]


@pytest.mark.parametrize("name", [LONG, "%00", "a%00b", "%F0%9F%98%80", "%2E%2E"])
async def test_names_in_addresses_that_are_not_there(here: Site, name: str) -> None:
    with unchanged(here):
        for method, more in (
            ("GET", f"/hierarchies/{name}"),
            ("GET", f"/hierarchies/{name}/stream"),
            ("DELETE", f"/hierarchies/{name}"),
            ("GET", f"/aspect-defs/{name}"),
            ("GET", f"/document?only={name}"),
            ("GET", f"/aspects/{name}/{A}/name"),
            ("GET", f"/aspects/{PERSON.name}/{A}/{name}"),
        ):
            answer = await here.http.request(method, here.path(more))
            assert answer.status_code in (400, 404, 422), (more, answer.text[:300])


@pytest.mark.parametrize("name", ["%FF", "%ED%A0%80", "%C0%80", "a%E2%28%A1"])
async def test_names_in_addresses_that_are_no_text(here: Site, name: str) -> None:
    told(await here.get(here.path(f"/hierarchies/{name}")), 400, "path.name")
    told(await here.get(here.path(f"/document?only={name}")), 400, "query")
    told(await here.get(f"/api/catalog?cursor={name}"), 400, "query")


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ("/changes?since=-1", "query.since"),
        ("/changes?since=x", "query.since"),
        (f"/changes?since={HUGE}", "query.since"),
        (f"/changes?since={'9' * 5_000}", "query.since"),
        ("/changes?since=1&since=2", "query.since"),
        ("/changes?wait=61", "query.wait"),
        ("/changes?wait=nan", "query.wait"),
        ("/changes?wait=inf", "query.wait"),
        ("/changes?wait=-1", "query.wait"),
        ("/hierarchies/queue?limit=0", "query.limit"),
        ("/hierarchies/queue?limit=-5", "query.limit"),
        ("/hierarchies/queue?limit=1.5", "query.limit"),
        ("/hierarchies/queue?limit=", "query.limit"),
        (f"/hierarchies/queue?limit={'9' * 5_000}", "query.limit"),
        ("/hierarchies/queue?cursor=", "cursor"),
        ("/hierarchies/queue?cursor=%00", "cursor"),
        ("/hierarchies/queue?cursor=WzFd", "cursor"),
        (f"/hierarchies/queue?cursor={LONG}", "cursor"),
        ("?sizes=perhaps", "query.sizes"),
        (f"/aspects/note/{A}/text?offset=-1", "query.offset"),
        (f"/aspects/note/{A}/text?offset={HUGE}", "query.offset"),
    ],
)
async def test_queries(here: Site, more: str, path: str) -> None:
    told(await here.get(here.path(more)), 400, path)


async def test_deletions_at_no_time(here: Site) -> None:
    with unchanged(here):
        for text in ("-1", "x", "1e9", str(HUGE), "nan"):
            told(await here.http.delete(here.path(f"?after={text}")), 400, "query.after")
    assert here.store.due_deletions(2**40) == []


async def test_a_page_above_the_limit(here: Site) -> None:
    for more in ("/hierarchies/queue", "/changes"):
        told(await here.get(here.path(f"{more}?limit=1001")), 413, "limit")


async def test_cursors_of_something_else(here: Site) -> None:
    """Of another verb."""

    async def cursor(more: str) -> str:
        answer = await here.get(here.path(f"{more}?limit=1"))
        found: str = answer.json()["next"]
        assert found
        return found

    lists = "/hierarchies/queue"
    for one, other in (("/changes", lists), (lists, "/changes")):
        answer = await here.get(here.path(f"{other}?cursor={await cursor(one)}"))
        told(answer, 400, "cursor")
    asked = {"aspect": PERSON.name, "order_by": ["name"], "limit": 1}
    page = (await here.post(here.path("/aspects/query"), asked)).json()["next"]
    told(await here.get(f"/api/catalog?cursor={page}"), 400, "cursor")
    told(await here.get(here.path(f"{lists}?cursor={page}")), 400, "cursor")


@pytest.mark.parametrize(
    "change",
    [
        {"order_by": ["-name"]},
        {"order_by": ["age"]},
        {"where": {"property": "age", "op": "null"}},
    ],
    ids=str,
)
async def test_cursors_of_another_question(here: Site, change: dict[str, Any]) -> None:
    asked = {"aspect": PERSON.name, "order_by": ["name"], "limit": 1}
    page = (await here.post(here.path("/aspects/query"), asked)).json()["next"]
    form = asked | change | {"cursor": page}
    told(await here.post(here.path("/aspects/query"), form), 400, "cursor")


async def test_cursors_of_another_hierarchy(here: Site) -> None:
    first = await here.get(here.path(f"/hierarchies/{PERSON.name}?limit=1"))
    cursor = first.json()["next"]
    told(await here.get(here.path(f"/hierarchies/queue?cursor={cursor}")), 400, "cursor")


@pytest.mark.parametrize(
    ("name", "text", "path"),
    [
        ("If-Match", "x", "header.If-Match"),
        ("If-Match", "1", "header.If-Match"),
        ("If-Match", '"-1"', "header.If-Match"),
        ("If-Match", '"1_0"', "header.If-Match"),
        ("If-Match", f'"{"9" * 5_000}"', "header.If-Match"),
        ("Idempotency-Key", "", "header.Idempotency-Key"),
        ("Idempotency-Key", "two words", "header.Idempotency-Key"),
        ("Idempotency-Key", "k" * 201, "header.Idempotency-Key"),
    ],
)
async def test_headers(here: Site, name: str, text: str, path: str) -> None:
    with unchanged(here):
        for method, more, body in (
            ("PATCH", "", b'{"version": "9"}'),
            ("DELETE", "", b""),
            ("POST", "/commit", b'{"edits": [{"edit": "set_header", "version": "9"}]}'),
        ):
            answer = await send(here, method, more, body, **{name: text})
            told(answer, 400, path)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "GZIP", "gzip, gzip", "made-up"])
async def test_compressed_bodies(here: Site, coding: str) -> None:
    body = gzip.compress(b'{"version": "9"}')
    with unchanged(here):
        answer = await send(here, "PATCH", "", body, content_encoding=coding)
        told(answer, 415, "content-encoding")


@pytest.mark.parametrize(
    "media",
    ["application/json; charset=utf-16", "application/json;charset=latin-1", "text/json", "json"],
)
async def test_other_media(here: Site, media: str) -> None:
    with unchanged(here):
        answer = await send(here, "PATCH", "", b'{"version": "9"}', content_type=media)
        told(answer, 415, "content-type")
    for media in ("Application/JSON", 'application/json; charset="UTF-8"', "application/x+json"):
        answer = await send(here, "PATCH", "", b"{}", content_type=media)
        assert answer.status_code == 200


# --- lines and large values ---------------------------------------------------------------------


async def test_lines_that_are_broken(here: Site) -> None:
    """Each is refused by itself, with its number and its reason; the others are put."""
    right = json.dumps({"entity": str(A), "aspect": {"name": "Al"}})
    broken = [
        "what?", "{", "[]", "1", "null", '{"entity": 1, "aspect": {}}', '{"entity": "x"}',
        f'{{"entity": "{A}", "aspect": []}}', f'{{"entity": "{A}", "aspect": {{"name": 1}}}}',
        f'{{"entity": "{A}", "entity": "{B}", "aspect": {{}}}}', "[" * 300,
        f'{{"entity": "{A}", "aspect": {{"name": "\\ud800"}}}}',
        f'{{"entity": "{A}", "aspect": {{"name": "\\u0000"}}}}',
        f'{{"entity": "{A}", "aspect": {{"name": NaN}}}}',
    ]  # fmt: skip
    body = "\n".join([right, "", *broken, right]).encode() + b"\n\xff\xfe"
    answer = await here.http.post(here.path(PEOPLE), content=body, headers=LINES)
    told_of = answer.json()
    assert answer.status_code == 207
    assert (told_of["received"], told_of["written"]) == (len(broken) + 3, 2)
    assert [each["line"] for each in told_of["refused"]] == [
        *range(2, len(broken) + 2), len(broken) + 3
    ]  # fmt: skip
    for each in told_of["refused"]:
        assert each["code"] in ("malformed-request", "invalid-value", "too-large"), each
        assert each["errors"], each
        assert each["errors"][0]["path"], each


async def test_two_thousand_refused_lines(here: Site) -> None:
    with unchanged(here):
        body = b'{"entity": "x"}\n' * (2 * BATCH)
        answer = await here.http.post(here.path(PEOPLE), content=body, headers=LINES)
    form = answer.json()
    assert answer.status_code == 207
    assert (form["received"], form["written"], len(form["refused"])) == (2 * BATCH, 0, BATCH)


async def test_lines_for_a_map_that_is_not_there(here: Site) -> None:
    for more in ("/aspects/nobody", "/aspects/queue", "/aspects/%00"):
        answer = await here.http.post(here.path(more), content=b"{}\n", headers=LINES)
        assert answer.status_code in (404, 422), answer.text


async def test_text_that_is_none(here: Site) -> None:
    here.store.add_aspect_def(here.id, NOTE)
    here.store.create_hierarchy(here.id, "note", here.store.list_hierarchies(here.id)[0].type)
    form = {"aspects": {str(A): {"title": "t", "text": "old", "data": "AAAA"}}}
    assert (await here.post(here.path("/aspects/note"), form)).status_code == 200
    text, data = here.path(f"/aspects/note/{A}/text"), here.path(f"/aspects/note/{A}/data")
    octets = {"content-type": "application/octet-stream"}
    plain = {"content-type": "Text/Plain"}
    with unchanged(here):
        for body in (b"\xff", b"new\xed\xa0\x80", b"new" * 100_000 + b"\xe2\x82"):
            told(await here.http.put(text, content=body, headers=plain), 400, "$")
        told(await here.http.put(text, content=b"a\0b", headers=plain), 422, "text")
        told(await here.http.put(text, content=b"new", headers=octets), 422, "text")
        told(await here.http.put(data, content=b"new", headers=plain), 422, "data")
        latin = {"content-type": "text/plain; charset=latin-1"}
        told(await here.http.put(text, content=b"new", headers=latin), 415, "content-type")
        squeezed = {**octets, "content-encoding": "gzip"}
        told(await here.http.put(data, content=b"new", headers=squeezed), 415, "content-encoding")
        title = here.path(f"/aspects/note/{A}/title")
        assert (await here.http.put(title, content=b"new", headers=plain)).status_code == 422
    assert (await here.http.get(text)).content == b"old"
    assert (await here.http.get(data)).content == bytes(3)
    assert (await here.http.put(text, content=b"new", headers=plain)).status_code == 200


# --- huge, and half -----------------------------------------------------------------------------


async def asked(
    here: Site, method: str, more: str, chunks: list[bytes], *, ends: bool = True, **headers: str
) -> tuple[int, bytes, int]:
    """Call the app itself: the status, the body, and how many pieces it asked for."""
    left = list(chunks)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if left:
            return {
                "type": "http.request",
                "body": left.pop(0),
                "more_body": bool(left) or not ends,
            }
        return {"type": "http.disconnect"}

    async def collect(message: dict[str, Any]) -> None:
        sent.append(message)

    path = here.path(more)
    named = {"content-type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "http_version": "1.1", "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }  # fmt: skip
    await here.app(scope, receive, collect)  # type: ignore[arg-type]
    status = sent[0]["status"] if sent else 0
    return status, b"".join(each.get("body", b"") for each in sent), len(chunks) - len(left)


PIECE = b" " * (64 * 1024)


@every_body
async def test_huge_bodies(here: Site, method: str, more: str) -> None:
    """With a length that says so, not a byte is read; without, no more than the limit."""
    with unchanged(here):
        status, _, taken = await asked(here, method, more, [PIECE] * 99, content_length="9" * 5_000)
        assert (status, taken) == (413, 0)
        status, _, taken = await asked(here, method, more, [PIECE] * 99, content_length="6488064")
        assert (status, taken) == (413, 0)
        status, body, taken = await asked(here, method, more, [PIECE] * 99)
        assert (status, taken) == (413, 2 * MB // len(PIECE) + 1)
        assert json.loads(body)["errors"][0]["path"] == "$"


@pytest.mark.parametrize("said", ["-1", "1.5", "x", "", "0x10", "10"])
async def test_a_length_that_lies(here: Site, said: str) -> None:
    """What comes counts, not what was said."""
    with unchanged(here):
        status, _, _ = await asked(here, "PATCH", "", [PIECE] * 99, content_length=said)
        assert status == 413


@every_body
async def test_half_a_body(here: Site, method: str, more: str) -> None:
    """Whoever goes away in the middle gets no answer, and nothing is done."""
    whole = b'{"version": "9", "edits": [{"edit": "set_header", "version": "9"}]}'
    with unchanged(here):
        status, body, _ = await asked(here, method, more, [whole[:-1]], ends=False)
        assert (status, body) == (0, b"")
        status, body, _ = await asked(here, method, more, [], ends=False)
        assert (status, body) == (0, b"")


async def test_half_a_large_value(here: Site) -> None:
    with unchanged(here):
        more = f"/aspects/{NOTE.name}/{A}/text"
        status, _, _ = await asked(
            here, "PUT", more, [b"half"], ends=False, content_type="text/plain"
        )
        assert status in (0, 404)


async def test_an_endless_line(here: Site) -> None:
    with unchanged(here):
        status, body, taken = await asked(
            here, "POST", PEOPLE, [b"x" * len(PIECE)] * 99, content_type="application/x-ndjson"
        )
        assert (status, taken) == (413, 2 * MB // len(PIECE) + 1)
        assert b"too-large" in body


@pytest.mark.not_daily
async def test_memory_stays_flat(here: Site) -> None:
    """Whatever comes, the server holds some times the limit of a body at most."""
    huge = [PIECE] * 1_000
    deep = [b"[" * len(PIECE)] * 31
    texts = [b"[" + b'"[",' * (len(PIECE) // 4)] * 31
    wrong = [b'{"aspect": "open", "entities": [1', b",1" * 900_000, b"]}"]
    unknown = [b'{"edits": []', *(b',"%d": 1' % i for i in range(100_000)), b"}"]
    for method, more, chunks, media, most in (
        ("PATCH", "", huge, "application/json", 4 * MB),
        ("PUT", "", deep, "application/json", 16 * MB),
        ("POST", "/commit", texts, "application/json", 40 * MB),
        ("POST", PEOPLE, [b"x" * len(PIECE)] * 1_000, "application/x-ndjson", 8 * MB),
        # Lines as long as they may be, each of them refused.
        ("POST", PEOPLE, [*[b"x" * len(PIECE)] * 20, b"\n"] * 30, "application/x-ndjson", 24 * MB),
        ("POST", PEOPLE, [b"\n" * len(PIECE)] * 100, "application/x-ndjson", 16 * MB),
        # A fault in every element.
        ("POST", "/aspects/query", wrong, "application/json", 24 * MB),
        ("POST", "/commit", unknown, "application/json", 40 * MB),
    ):
        tracemalloc.start()
        try:
            status, _, _ = await asked(here, method, more, chunks, content_type=media)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert 200 <= status < 500
        assert peak < most, (more, media, len(chunks), peak)


# --- on a socket --------------------------------------------------------------------------------


def spoken(address: str, data: bytes, *, ends: bool = False) -> bytes:
    """Say some bytes to a server; return all that it says until it closes, or its first answer."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=30) as wire:
        with suppress(ConnectionError):  # it has heard enough, and says so below
            wire.sendall(data)
            if ends:
                wire.shutdown(socket.SHUT_WR)
        heard = b""
        with suppress(ConnectionError):
            while chunk := wire.recv(65_536):
                heard += chunk
                if not ends and b"\r\n\r\n" in heard:
                    break
        return heard


async def test_on_a_socket() -> None:
    """Lengths that lie, broken chunks, half requests: never a 500, nothing written."""
    with MemoryDao() as store:
        catalog = full_catalog()
        store.save_catalog(catalog)
        path = f"/api/catalog/{catalog.global_id}"
        app = create_app(store=store, settings=Settings(max_body=1 * MB))
        with listening(app) as address:
            start = f"PATCH {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            head, body = start.encode(), b'{"version": "9"}'
            chunked = head + b"transfer-encoding: chunked\r\n\r\n"
            for data, statuses in (
                (head + b"content-length: 9\r\n\r\n" + body, (400,)),
                (head + b"content-length: 99\r\n\r\n" + body, ()),
                (head + b"content-length: -1\r\n\r\n" + body, (400,)),
                (head + b"content-length: x\r\n\r\n" + body, (400,)),
                (head + b"content-length: " + b"9" * 30 + b"\r\n\r\n" + body, (400, 413)),
                (head + b"content-length: 999999999\r\n\r\n" + body, (413,)),
                (chunked + b"zz\r\n" + body, (400,)),
                (chunked + b"10\r\n" + body, ()),
                (chunked + b"400000\r\n" + b" " * (4 * MB) + b"\r\n0\r\n\r\n", (413,)),
                (head + b"\r\n", (400,)),
                (head, ()),
                (b"\x16\x03\x01\x02\x00", (400,)),
                (b"GET /api/%ff HTTP/1.1\r\nhost: x\r\n\r\n", (404,)),
                (b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n", (400, 404)),
                (b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", (400, 404)),
            ):
                # In a thread of its own the server has a loop of its own: blocking here is right.
                heard = await to_thread.run_sync(partial(spoken, address, data, ends=not statuses))
                said = re.findall(rb"^HTTP/1.1 (\d+)", heard)
                assert all(int(each) in statuses or int(each) == 400 for each in said), (
                    data,
                    heard,
                )
                assert bool(said) or not statuses, data
        assert store.get_catalog(catalog.global_id).revision == 1
        assert store.get_catalog(catalog.global_id).version == catalog.version


# --- clients and their configuration ------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": ""},
        {"base_url": "localhost:8000"},
        {"base_url": "ftp://localhost"},
        {"timeout": -1.0},
        {"timeout": float("nan")},
        {"max_retries": -1},
        {"retry_backoff_factor": -0.1},
        {"max_connections": 0},
        {"max_keepalive_connections": -1},
        {"page_size": 0},
    ],
    ids=str,
)
def test_configurations(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{next(iter(given))}: "):
        CheapClientConfig(**given)


@pytest.mark.parametrize("given", [{"timeout": "1"}, {"base_url": None}, {"page_size": None}])
def test_configurations_of_other_types(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        CheapClientConfig(**given)
