"""When clients repeat a call, and when they do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import httpx
import pytest

from cheap.core import Catalog
from cheap.core.edits import Append, CreateHierarchy, PutAspects, PutDefinition
from cheap.errors import (
    CatalogNotFoundError,
    ClosedError,
    CommitUnknownError,
    ConfigurationError,
    ConflictError,
    CorruptError,
    InvalidValueError,
    OverloadedError,
    UnavailableError,
)
from cheap.rest.client import AsyncCheapClient, CheapClient, CheapClientConfig
from cheap.rest.client import async_client as module
from tests.contract.samples import EVERYTHING, LIST, MAP, PERSON, A, entities, items
from tests.rest.apps import Site, site

pytestmark = pytest.mark.anyio


class Line(httpx.AsyncBaseTransport):
    """A line to the app on which things get lost, as told.

    Args:
        here: the site.
        fates: of the requests to come: an exception before it is sent, ``after`` an exception
            when it was answered, an answer in the place of the app's, or None.
    """

    def __init__(self, here: Site, *fates: Any) -> None:
        self._app = httpx.ASGITransport(here.app)
        self.fates = list(fates)
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        fate = self.fates.pop(0) if self.fates else None
        if isinstance(fate, httpx.Response):
            return fate
        if isinstance(fate, Exception):
            raise fate
        response = await self._app.handle_async_request(request)
        if callable(fate):
            await response.aread()
            raise fate()
        return response


def after() -> Exception:
    return httpx.ReadError("the connection broke")


LOST = httpx.ConnectError("nobody listens")


def client(line: Line, **options: Any) -> AsyncCheapClient:
    config = CheapClientConfig("http://test", retry_backoff_factor=0.001, **options)
    return AsyncCheapClient(config=config, transport=line)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, which take no time here."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(module, "anyio", type("Quick", (), {"sleep": staticmethod(sleep)}))
    return found


CLOB_OF = entities(1, start=100)[0]


async def listed(found: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in found]


READS: dict[str, Callable[[AsyncCheapClient, Site], Any]] = {
    "get_catalog": lambda over, here: over.get_catalog(here.id),
    "load_catalog": lambda over, here: over.load_catalog(here.id),
    "get_aspects": lambda over, here: over.get_aspects(here.id, PERSON.name, [A]),
    "iter_hierarchy": lambda over, here: listed(over.iter_hierarchy(here.id, "queue")),
    "read_value": lambda over, here: listed(
        over.read_value(here.id, EVERYTHING.name, CLOB_OF, "CLOB")
    ),
    "stream_catalogs": lambda over, here: listed(over.stream_catalogs()),
}


@pytest.mark.parametrize("verb", READS)
async def test_reads_are_repeated(verb: str, pauses: list[float]) -> None:
    async with site() as here:
        unavailable = httpx.Response(503, content=b"upstream is away")
        line = Line(here, LOST, after, unavailable)
        async with client(line) as over:
            over._store_id = here.store.store_id  # asked for once, in another request
            assert await READS[verb](over, here)
        assert len(line.seen) == 4
        assert len(pauses) == 3


async def test_the_opening_of_a_stream_is_repeated(pauses: list[float]) -> None:
    async with site() as here:
        line = Line(here, None, LOST, after, httpx.Response(503))
        async with client(line) as over:
            found = await listed(over.stream_hierarchy(here.id, "queue"))
        assert found == list(here.store.iter_hierarchy(here.id, "queue"))
        assert [each.url.path.rpartition("/")[2] for each in line.seen] == [
            "queue",  # its definition, of which there is none
            *["stream"] * 4,
        ]
        assert len(pauses) == 3


@pytest.mark.parametrize("fate", [LOST, after], ids=["never sent", "answer lost"])
async def test_writes_are_repeated_and_happen_once(fate: Any, pauses: list[float]) -> None:
    async with site() as here:
        line = Line(here, fate, fate)
        async with client(line) as over:
            done = await over.commit(here.id, [Append("queue", [A])])
        assert (done.revision, done.previous) == (2, 1)
        assert len(line.seen) == 3
        assert len({each.headers["idempotency-key"] for each in line.seen}) == 1
        assert here.revision() == 2
        assert len(pauses) == 2


async def test_a_catalog_whose_answer_was_lost_is_made_once(pauses: list[float]) -> None:
    async with site() as here:
        line = Line(here, after)
        async with client(line) as over:
            header = await over.create_catalog()
        assert here.store.get_catalog(header.catalog_id) == header
        assert len(here.store.list_catalog_ids()) == 2


async def test_a_deletion_whose_answer_was_lost_did_happen(pauses: list[float]) -> None:
    async with site() as here:
        async with client(Line(here, after)) as over:
            assert await over.delete_catalog(here.id) is True


async def test_patience_ends(pauses: list[float]) -> None:
    async with site() as here:
        line = Line(here, *[LOST] * 10)
        async with client(line, max_retries=2) as over:
            with pytest.raises(UnavailableError, match="get_catalog"):
                await over.get_catalog(here.id)
        assert len(line.seen) == 3


async def test_a_write_that_may_have_happened_says_so(pauses: list[float]) -> None:
    async with site() as here:
        async with client(Line(here, *[after] * 10), max_retries=1) as over:
            with pytest.raises(CommitUnknownError):
                await over.commit(here.id, [Append("queue", [A])])
        assert here.revision() == 2
        async with client(Line(here, *[LOST] * 10), max_retries=1) as over:
            with pytest.raises(UnavailableError):  # it was never sent
                await over.commit(here.id, [Append("queue", [A])])


async def test_what_would_fail_again_is_not_repeated() -> None:
    async with site() as here:
        line = Line(here)
        async with client(line) as over:
            with pytest.raises(CatalogNotFoundError):
                await over.get_catalog(A)
            with pytest.raises(ConflictError):
                await over.commit(here.id, [Append("queue", [A])])
                here.store.commit(here.id, [PutAspects(PERSON.name, {A: {"name": "x"}})])
                await over.commit(here.id, [PutAspects(PERSON.name, {A: {"name": "y"}})], expect=2)
        assert len([each for each in line.seen if each.url.path.endswith("commit")]) == 2


async def test_pieces_come_but_once() -> None:
    async with site() as here:
        line = Line(here, LOST, LOST)
        async with client(line) as over:
            with pytest.raises(UnavailableError):
                await over.write_value(here.id, "everything", A, "CLOB", ["x"])
        assert len(line.seen) == 1


async def test_pauses_grow_and_obey_the_server(pauses: list[float]) -> None:
    async with site() as here:
        told = httpx.Response(503, headers={"retry-after": "7"})
        line = Line(here, LOST, told, httpx.Response(429, headers={"retry-after": "30"}), LOST)
        config = CheapClientConfig("http://test", max_retries=4, retry_backoff_factor=1)
        async with AsyncCheapClient(config=config, transport=line) as over:
            await over.get_catalog(here.id)
        assert 0.5 <= pauses[0] <= 1.5
        assert 7 <= pauses[1] <= 10
        assert 30 <= pauses[2] <= 36  # never earlier
        assert 4 <= pauses[3] <= 12


NOON = "Sun, 06 Nov 1994 12:00:00 GMT"


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("Sun, 06 Nov 1994 12:00:07 GMT", 7),
        ("Sunday, 06-Nov-94 12:00:07 GMT", 7),
        ("Sun Nov  6 12:00:07 1994", 7),
        ("Sun, 06 Nov 1994 11:00:00 GMT", 0),
        ("soon", 0), ("-5", 0), ("Sun, 99 Nov 1994 12:00:00 GMT", 0), ("", 0),
    ],
)  # fmt: skip
async def test_the_server_tells_the_time(asked: str, seconds: int, pauses: list[float]) -> None:
    """A date counts by the server's clock. What is none is passed over."""
    async with site() as here:
        told = httpx.Response(503, headers={"retry-after": asked, "date": NOON})
        async with client(Line(here, told)) as over:
            await over.get_catalog(here.id)
    assert seconds <= pauses[0] < seconds + 0.1


async def test_a_date_without_the_server_s_clock(pauses: list[float]) -> None:
    async with site() as here:
        asked = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
        told = httpx.Response(503, headers={"retry-after": asked})
        async with client(Line(here, told)) as over:
            await over.get_catalog(here.id)
    assert 0 < pauses[0] < 21


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("31", "wait 31 s"),
        ("3600", "wait 3,600 s"),
        ("Sun, 06 Nov 1994 13:00:00 GMT", "wait 3,600 s"),
        ("9" * 5_000, "wait inf s"),
    ],
    ids=["just", "number", "date", "ever"],
)
async def test_nobody_comes_earlier_than_asked(asked: str, words: str, pauses: list[float]) -> None:
    """Who would have to wait for longer than a client does is told so at once."""
    async with site() as here:
        told = httpx.Response(429, headers={"retry-after": asked, "date": NOON})
        line = Line(here, told)
        async with client(line) as over:
            with pytest.raises(OverloadedError, match=words):
                await over.get_catalog(here.id)
    assert (len(line.seen), pauses) == (1, [])


async def test_too_many_requests_are_told_to_come_again() -> None:
    async with site(max_requests=1) as here:
        line = Line(here)
        async with client(line, max_retries=0) as over, anyio.create_task_group() as group:
            group.start_soon(over.wait_for_changes, here.id, 1)
            while not here.app.state.serving.in_hand:
                await anyio.sleep(0.001)
            with pytest.raises(OverloadedError):
                await over.get_catalog(here.id)
            assert (await over.health_check())["status"] == "healthy"
            group.cancel_scope.cancel()


async def test_an_answer_that_cannot_be_read() -> None:
    async with site() as here:
        for content in (b"", b"<html>", b'{"revision":"x"}'):
            line = Line(here, httpx.Response(200, content=content))
            async with client(line) as over:
                with pytest.raises(CorruptError):
                    await over.get_catalog(here.id)


# --- definitions ----------------------------------------------------------------------------------


async def test_records_are_checked_before_anything_is_sent() -> None:
    async with site() as here:
        line = Line(here)
        async with client(line) as over:
            with pytest.raises(InvalidValueError, match="age"):
                await over.commit(here.id, [PutAspects(PERSON.name, {A: {"age": "x"}})])
        assert [each.method for each in line.seen] == ["GET"]  # the definition


async def test_a_definition_that_changed_meanwhile_is_read_again() -> None:
    async with site() as here:
        new = PERSON.without_properties("tags")
        line = Line(here)
        async with client(line) as over:
            await over.commit(here.id, [PutAspects(PERSON.name, {A: {"name": "x"}})])
            here.store.commit(here.id, [PutDefinition(new)])
            done = await over.commit(here.id, [PutAspects(PERSON.name, {A: {"name": "y"}})])
            assert done.revision == 4
            assert await over.get_aspect_def(here.id, PERSON.name) == new
        paths = [each.url.path.rpartition("/")[2] for each in line.seen]
        assert paths.count("commit") == 3  # of which one was refused


async def test_a_definition_of_one_s_own_is_not_asked_for() -> None:
    async with site() as here:
        line = Line(here)
        new = here.store.create_catalog().catalog_id
        async with client(line) as over:
            edits = [PutDefinition(PERSON), CreateHierarchy(PERSON.name, MAP)]
            await over.commit(new, [*edits, PutAspects(PERSON.name, {A: {"name": "x"}})])
            await over.commit(new, [PutAspects(PERSON.name, {A: {"name": "y"}})])
        assert [each.method for each in line.seen] == ["POST", "POST"]


# --- opening and closing --------------------------------------------------------------------------


async def test_use_after_close() -> None:
    async with site() as here:
        over = client(Line(here))
        async with over:
            pass
        await over.close()
        with pytest.raises(ClosedError):
            await over.get_catalog(here.id)
        with pytest.raises(ClosedError):
            _ = [each async for each in over.stream_catalogs()]


async def test_the_key_is_sent_and_not_told() -> None:
    key = "k" * 20
    async with site(api_keys=("write:" + key,)) as here:
        line = Line(here)
        config = CheapClientConfig("http://test", api_key=key)
        assert key not in repr(config)
        async with AsyncCheapClient(config=config, transport=line) as over:
            await over.get_catalog(here.id)
        assert line.seen[0].headers["x-api-key"] == key


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "localhost:8000"}, {"base_url": ""}, {"timeout": -1},
        {"timeout": float("nan")},
        {"max_retries": -1}, {"max_connections": 0}, {"page_size": 0},
        {"retry_backoff_factor": -0.1}, {"max_keepalive_connections": -1},
        {"api_key": "schlüssel"}, {"api_key": "two words"}, {"api_key": "line\n"},
        {"api_key": "\x7f"}, {"api_key": ""}, {"api_key": b"bytes"},
        {"headers": {"x": "schlüssel"}}, {"headers": {"x": "a\r\ny: b"}}, {"headers": {"ü": "a"}},
        {"headers": {"a b": "c"}}, {"headers": {"x": " a"}}, {"headers": {"x": 3}},
    ],
    ids=repr,
)  # fmt: skip
def test_a_configuration_that_makes_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))) as caught:
        CheapClientConfig(**options)
    assert "schlüssel" not in str(caught.value)


def test_what_headers_may_hold() -> None:
    headers = {"X-Request-ID": "nightly", "x": "", "y": "a b", "z": "~"}
    config = CheapClientConfig(api_key="!key~", headers=headers)
    with CheapClient(config=config, transport=httpx.MockTransport(echo)) as over:
        assert over.about().items() >= {"x-api-key": "!key~", "x": "", "y": "a b"}.items()


def echo(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=dict(request.headers))


async def test_saving_and_loading_over_a_mounted_app() -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    async with site() as here:
        outer = Starlette(routes=[Mount("/shop", here.app)])
        transport = httpx.ASGITransport(outer)
        async with AsyncCheapClient("http://test/shop", transport=transport) as over:
            catalog = Catalog()
            catalog.create_list("a/b", [A])
            await over.save_catalog(catalog)
            assert await over.load_catalog(catalog.global_id) == catalog
            page = await over.read_hierarchy(catalog.global_id, "a/b")
            assert [each.entity for each in page.items] == [A]
            assert items(here.store, catalog.global_id, "a/b") == [A]
            assert LIST is catalog["a/b"].type
