"""What only clients have: errors that cross, calls that are repeated, names that lead elsewhere."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Mount

from cheap import errors
from cheap.core import AspectDef, Catalog, HierarchyType, PropertyDef, PropertyType, field
from cheap.core.edits import PutAspects
from cheap.errors import (
    BusyError,
    CatalogNotFoundError,
    CheapError,
    CommitUnknownError,
    ConfigurationError,
    ConflictError,
    CorruptError,
    Fault,
    InternalError,
    InvalidDocumentError,
    InvalidQueryError,
    InvalidValueError,
    MalformedRequestError,
    OverloadedError,
    PreconditionError,
    UnavailableError,
)
from cheap.rest.client import AsyncCheapClient, CheapClient, CheapClientConfig
from cheap.rest.main import create_app
from cheap.rest.wire.problems import encode_problem, error_of, status_of
from cheap.store import Change, Page
from tests.live import listening

PERSON = AspectDef("person", [PropertyDef("age", PropertyType.INTEGER)])
QUICK = CheapClientConfig(retry_backoff_factor=0.001)


@pytest.fixture
def client() -> Iterator[CheapClient]:
    """A client of a server on a socket."""
    with listening(create_app("memory:")) as url, CheapClient(url) as client:
        yield client


# --- errors ---------------------------------------------------------------------------------


def every_error() -> list[CheapError]:
    fault = Fault("people[2]", "Integer", "str 'ü'")
    made: list[CheapError] = [
        InvalidValueError("city", [fault, fault], str(uuid4())),
        InvalidValueError("city", [fault]),
        InvalidDocumentError("$.x[1]", "wrong"),
        MalformedRequestError("query.limit", "wrong", [fault]),
        CatalogNotFoundError(str(uuid4())),
        ConflictError("entity 7", 12),
        ConflictError("entity 7"),
        PreconditionError("catalog", 3),
    ]
    special = {type(each) for each in made}
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, CheapError) and kind not in special:
            made.append(kind("what went wrong: “…”"))
    return made


@pytest.mark.parametrize("error", every_error(), ids=lambda each: type(each).__name__)
def test_an_error_comes_out_as_it_went_in(error: CheapError) -> None:
    found = error_of(status_of(type(error)), encode_problem(error, "/x#1"), {})
    assert type(found) is type(error)
    assert str(found) == str(error)
    attributes = {k: v for k, v in vars(error).items() if k != "faults" or v}
    assert {k: v for k, v in vars(found).items() if k in attributes} == attributes


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, b"<html>Bad gateway</html>", UnavailableError),
        (429, b"slow down", OverloadedError),
        (404, b'{"detail": "Not Found"}', errors.UnknownRouteError),
        (401, b"", errors.UnauthorizedError),
        (418, b"\xff\xfe", errors.InvalidError),
        (500, b'{"code": "no such code"}', InternalError),
    ],
)
def test_answers_of_others(status: int, body: bytes, kind: type[CheapError]) -> None:
    """Of a proxy, say, or of a server that is not CheapPy's."""
    config = CheapClientConfig(max_retries=0)
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    with CheapClient(config=config, transport=transport) as client, pytest.raises(kind) as caught:
        client.get_catalog(uuid4())
    assert type(caught.value) is kind


def test_an_answer_that_is_no_catalog() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b"<html>hello</html>"))
    with CheapClient(transport=transport) as client, pytest.raises(CorruptError):
        client.get_catalog(uuid4())


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", ""])
def test_an_address_that_makes_no_sense(url: str) -> None:
    with pytest.raises(ConfigurationError):
        CheapClient(url)


# --- repeating ------------------------------------------------------------------------------


class Played(httpx.MockTransport):
    """A server that has trouble so many times, and then does what it is asked for.

    Args:
        trouble: what it does at first; an answer, or an error to raise.
        times: how often.
        answer: what it answers afterwards: JSON, or a stream of bytes.
    """

    def __init__(self, trouble: Any, times: int, answer: Any) -> None:
        self.keys: list[str | None] = []
        self._trouble = trouble
        self._times = times
        self._answer = answer
        super().__init__(self._respond)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("idempotency-key"))
        if len(self.keys) > self._times:
            if isinstance(self._answer, dict):
                return httpx.Response(200, json=self._answer)
            return httpx.Response(200, stream=self._answer)
        if isinstance(self._trouble, Exception):
            raise self._trouble
        error, headers = self._trouble
        status = status_of(type(error))
        return httpx.Response(status, content=encode_problem(error, "/"), headers=headers)


BUSY = (BusyError("busy"), {"retry-after": "0"})
LOST = httpx.ReadError("reset")
UNREACHED = httpx.ConnectError("refused")
COMMITTED = {"revision": 2, "previous": 1, "written": 1}
EMPTY = {"items": [], "next": None, "definitions": {}}
Verb = Callable[[CheapClient], object]


def write(client: CheapClient) -> object:
    return client.commit(UUID(int=1), [])


def read(client: CheapClient) -> object:
    return client.read_changes(UUID(int=1))


@pytest.mark.parametrize("trouble", [BUSY, LOST, UNREACHED], ids=["busy", "lost", "unreached"])
@pytest.mark.parametrize(("verb", "answer"), [(write, COMMITTED), (read, EMPTY)])
def test_what_is_repeated(verb: Verb, answer: dict[str, Any], trouble: Any) -> None:
    """What reads, and what writes with a key: the same one each time."""
    played = Played(trouble, 3, answer)
    with CheapClient(config=QUICK, transport=played) as client:
        verb(client)
    assert len(played.keys) == 4
    assert len(set(played.keys)) == 1
    assert (played.keys[0] is None) == (verb is read)


@pytest.mark.parametrize(
    ("verb", "trouble", "kind"),
    [
        (write, BUSY, BusyError),
        (write, LOST, CommitUnknownError),
        (write, UNREACHED, UnavailableError),
        (read, LOST, UnavailableError),
    ],
)
def test_when_it_does_not_help(verb: Verb, trouble: Any, kind: type[CheapError]) -> None:
    played = Played(trouble, 100, {})
    with CheapClient(config=QUICK, transport=played) as client, pytest.raises(kind) as caught:
        verb(client)
    assert type(caught.value) is kind
    assert len(played.keys) == 4


@pytest.mark.parametrize(
    "error", [ConflictError("x", 3), InternalError("x"), MalformedRequestError("$", "x")]
)
def test_what_is_not_repeated(error: CheapError) -> None:
    played = Played((error, {}), 100, {})
    with CheapClient(config=QUICK, transport=played) as client, pytest.raises(type(error)):
        write(client)
    assert len(played.keys) == 1


def test_retry_after_is_waited_for() -> None:
    played = Played((OverloadedError("x"), {"retry-after": "1"}), 1, COMMITTED)
    start = time.monotonic()
    with CheapClient(config=QUICK, transport=played) as client:
        write(client)
    assert 1 <= time.monotonic() - start < 3


# --- streams --------------------------------------------------------------------------------


class Torn(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off after its first line."""

    def __init__(self, line: bytes) -> None:
        self._line = line

    def __iter__(self) -> Iterator[bytes]:
        yield self._line
        raise LOST

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._line
        raise LOST


Found = list[Catalog]


def stream(transport: Any, found: Found) -> None:
    """Read a stream of the blocking client."""
    with CheapClient(config=QUICK, transport=transport) as client:
        for each in client.stream_catalogs():
            found.append(each)


def astream(transport: Any, found: Found) -> None:
    """Read a stream of the awaited client."""

    async def main() -> None:
        async with AsyncCheapClient(config=QUICK, transport=transport) as client:
            async for each in client.stream_catalogs():
                found.append(each)

    asyncio.run(main())


@pytest.mark.parametrize("trouble", [BUSY, LOST, UNREACHED], ids=["busy", "lost", "unreached"])
@pytest.mark.parametrize("read_all", [stream, astream])
def test_a_stream_is_opened_again(read_all: Callable[..., None], trouble: Any) -> None:
    catalog = Catalog()
    line = httpx.ByteStream(catalog.json().encode() + b"\n")
    played, found = Played(trouble, 3, line), Found()
    read_all(played, found)
    assert (found, len(played.keys)) == ([catalog], 4)

    played = Played(trouble, 100, line)
    with pytest.raises(BusyError if trouble is BUSY else UnavailableError):
        read_all(played, found)
    assert (found, len(played.keys)) == ([catalog], 4)


@pytest.mark.parametrize("read_all", [stream, astream])
def test_a_stream_that_breaks_off_is_not_begun_anew(read_all: Callable[..., None]) -> None:
    """Its first line was handed out already."""
    catalog = Catalog()
    played, found = Played(None, 0, Torn(catalog.json().encode() + b"\n")), Found()
    with pytest.raises(UnavailableError):
        read_all(played, found)
    assert (found, len(played.keys)) == ([catalog], 1)


# --- over a socket --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["query", "stream", ".", "..", "a/b", "%2F", "a?b#c", "ü ", "\n", "..%2f..", "x.ndjson"]
)
def test_names_that_lead_elsewhere(client: CheapClient, name: str) -> None:
    """A name is one segment of the path, whatever it holds."""
    other = client.create_catalog()
    catalog = client.create_catalog()
    place, entity = catalog.catalog_id, Catalog.new_entity()
    large = PropertyDef(name, PropertyType.BLOB)
    client.add_aspect_def(place, AspectDef(name, [*PERSON.values(), large]))
    client.create_hierarchy(place, name, HierarchyType.ASPECT_MAP)
    assert client.get_aspect_def(place, name).name == name
    assert client.upload_aspects(place, name, [(entity, {"age": 7})]).written == 1
    assert client.write_value(place, name, entity, name, [b"large"]).size == 5
    assert b"".join(client.read_value(place, name, entity, name)) == b"large"
    assert [each.entity for each in client.read_hierarchy(place, name).items] == [entity]
    with closing(client.stream_hierarchy(place, name)) as items:
        assert [each.entity for each in items] == [entity]
    assert client.drop_hierarchy(place, name)
    assert not client.drop_hierarchy(place, name)
    assert client.get_catalog(place).catalog_id == place
    assert client.get_catalog(other.catalog_id) == other


def waiting(config: CheapClientConfig, catalog_id: UUID, seconds: Any) -> Page[Change]:
    """What the blocking client waits for."""
    with CheapClient(config=config) as client:
        return client.wait_for_changes(catalog_id, 1, seconds=seconds)


def awaiting(config: CheapClientConfig, catalog_id: UUID, seconds: Any) -> Page[Change]:
    """What the awaited client waits for."""

    async def main() -> Page[Change]:
        async with AsyncCheapClient(config=config) as client:
            return await client.wait_for_changes(catalog_id, 1, seconds=seconds)

    return asyncio.run(main())


@pytest.mark.parametrize("wait", [waiting, awaiting])
def test_waiting_longer_than_the_timeout(client: CheapClient, wait: Callable[..., Any]) -> None:
    """The time for an answer begins when the server has waited as long as it was asked to."""
    catalog_id = client.create_catalog().catalog_id
    url = str(client._http.base_url)  # pyright: ignore[reportPrivateUsage]
    page = wait(CheapClientConfig(url, timeout=0.3, max_retries=0), catalog_id, 1)
    assert (page.items, page.next) == ((), None)


@pytest.mark.parametrize("seconds", [-100, 61, float("nan"), float("inf"), "1", None], ids=repr)
@pytest.mark.parametrize("wait", [waiting, awaiting])
def test_a_wait_that_makes_no_sense(wait: Callable[..., Any], seconds: Any) -> None:
    with pytest.raises(InvalidQueryError, match="seconds"):
        wait(QUICK, uuid4(), seconds)


def test_a_definition_that_was_replaced_meanwhile(client: CheapClient) -> None:
    """The client remembers definitions; the server sees when one is another by now."""
    catalog = Catalog()
    people = catalog.define(PERSON)
    people[catalog.new_entity()] = {"age": 7}
    client.save_catalog(catalog)
    found = client.find_aspects(catalog.global_id, "person", field("age") == 7)
    assert len(found.items) == 1

    wider = AspectDef("person", [PropertyDef("age", PropertyType.FLOAT)])
    with CheapClient(str(client._http.base_url)) as other:  # pyright: ignore[reportPrivateUsage]
        other.drop_hierarchy(catalog.global_id, "person")
        other.add_aspect_def(catalog.global_id, wider)
        other.create_hierarchy(catalog.global_id, "person", HierarchyType.ASPECT_MAP)
    client.commit(catalog.global_id, [PutAspects("person", {catalog.new_entity(): {"age": 7.5}})])
    found = client.find_aspects(catalog.global_id, "person", field("age") > 7.25)
    assert [each["age"] for each in found.items] == [7.5]


class Racing(dict[Any, AspectDef]):
    """Definitions that another thread forgets between one's look and one's removal."""

    def get(self, key: Any, default: Any = None) -> Any:
        return self.pop(key, default)


def test_a_definition_that_two_threads_forget(client: CheapClient) -> None:
    catalog = Catalog()
    people = catalog.define(PERSON)
    people[catalog.new_entity()] = {"age": 7}
    client.save_catalog(catalog)
    known = Racing({(catalog.global_id, "person"): PERSON})
    client._verbs._definitions = known  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(InvalidQueryError, match="height"):
        client.find_aspects(catalog.global_id, "person", field("height") == 7)


# --- mounted --------------------------------------------------------------------------------


def mounted() -> FastAPI:
    inner = create_app("memory:")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> Any:
        async with inner.router.lifespan_context(inner):
            yield

    outer = FastAPI(lifespan=lifespan)
    outer.mount("/deep/down", inner)

    @outer.get("/hello")
    async def hello() -> str:
        return "hello"

    return outer


def test_mounted_in_fastapi() -> None:
    outer = mounted()
    assert any(isinstance(each, Mount) for each in outer.routes)

    async def main() -> None:
        transport = httpx.ASGITransport(outer)
        catalog = Catalog()
        catalog.create_set("a/b")
        async with (
            outer.router.lifespan_context(outer),
            httpx.AsyncClient(transport=transport, base_url="http://test") as asked,
            AsyncCheapClient("http://test/deep/down", transport=transport) as client,
        ):
            await client.save_catalog(catalog)
            assert (await client.read_hierarchy(catalog.global_id, "a/b")).items == ()
            answer = await asked.post("/deep/down/api/catalog", json={})
            assert answer.status_code == 201
            assert (await asked.get(answer.headers["location"])).json() == answer.json()
            answer = await asked.get("/deep/down/nothing")
            assert (answer.status_code, answer.json()["code"]) == (404, "route-not-found")
            assert (await asked.get("/hello")).json() == "hello"
            assert (await asked.get("/nothing")).json() == {"detail": "Not Found"}

    asyncio.run(main())
