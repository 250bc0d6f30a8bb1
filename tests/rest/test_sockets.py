"""Real servers on real sockets: both clients, stopping, vanishing, dying, and doing things once."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

import cheap
from cheap.aio.hop import hop_of
from cheap.core.edits import Append, PutAspects
from cheap.errors import ConflictError, MissingKeyError, OverloadedError, UnavailableError
from cheap.rest.client import AsyncCheapClient, CheapClient, CheapClientConfig
from cheap.rest.running import Server, listen
from cheap.rest.settings import Settings
from tests.contract.samples import (
    NOTE,
    PERSON,
    A,
    B,
    entities,
    items,
    list_of,
    map_of,
    new_catalog,
)
from tests.lanes import Ground, ServerBackend
from tests.rest.served import PATIENCE, Served, until

ONCE = CheapClientConfig(max_retries=0)
STUBBORN = CheapClientConfig(max_retries=60, retry_backoff_factor=0.02)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/catalog.db"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool


@pytest.fixture
def whole_run(request: pytest.FixtureRequest) -> None:
    """For tests that take too long for the daily part."""
    if request.config.option.fast:
        pytest.skip("only in a whole run")


# --- both clients ---------------------------------------------------------------------------


class Awaited:
    """The async client in an event loop of another thread; what it iterates becomes a list."""

    def __init__(self, client: AsyncCheapClient, portal: Any) -> None:
        self._client = client
        self._portal = portal

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*args: Any, **options: Any) -> Any:
            async def run() -> Any:
                found = method(*args, **options)
                if hasattr(found, "__aiter__"):
                    return [each async for each in found]
                return await found

            return self._portal.call(run)

        return call


@contextmanager
def client_of(kind: str, address: str) -> Generator[Any]:
    if kind == "sync":
        with CheapClient(address) as client:
            yield client
    else:
        with start_blocking_portal(kind) as portal:
            client = Awaited(AsyncCheapClient(address), portal)
            try:
                yield client
            finally:
                client.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = tmp_path_factory.mktemp("sockets") / "catalog.db"
    with Served(f"sqlite:///{file}") as served:
        yield served
        assert served.stop() == 0
        assert served.said == ""


@pytest.mark.parametrize("kind", ["sync", "asyncio", "trio"])
def test_calls_through_a_socket(served: Served, kind: str) -> None:
    people = [(each, {"name": f"n{i}", "age": i}) for i, each in enumerate(entities(2_500))]
    with client_of(kind, served.address) as client:
        assert client.health_check()["status"] == "healthy"
        catalog = cheap.Catalog()
        persons = catalog.define(PERSON, indexes=["age"])
        persons.update(dict(people[:500]))
        catalog.create_list("list", [A, B, A])
        assert client.save_catalog(catalog) == 1
        key = catalog.global_id
        assert client.load_catalog(key) == catalog
        assert client.get_catalog(key).revision == 1

        old = cheap.field("age") >= 490
        found = client.iter_aspects(key, PERSON.name, old, order_by="age")
        assert [each["age"] for each in found] == [*range(490, 500)]
        uploaded = client.upload_aspects(key, PERSON.name, people)
        assert (uploaded.received, uploaded.written) == (2_500, 2_500)
        streamed = list(client.stream_hierarchy(key, PERSON.name))
        assert {each.entity: each.aspect["age"] for each in streamed} == {
            entity: record["age"] for entity, record in people
        }

        client.commit(key, [*map_of(NOTE, {A: {}})])
        piece = bytes(range(256)) * 1024
        value = client.write_value(key, "note", A, "data", [piece] * 8)
        assert value.size == 8 * len(piece)
        read = client.read_value(key, "note", A, "data")
        assert b"".join(read) == piece * 8

        with pytest.raises(ConflictError) as conflict:
            client.commit(key, [PutAspects(PERSON.name, dict(people[:1]))], expect=1)
        assert conflict.value.revision == 2
        with pytest.raises(MissingKeyError):
            client.read_hierarchy(key, "no such thing")
        assert client.delete_catalog(key)
        assert not client.catalog_exists(key)


# --- stopping -------------------------------------------------------------------------------


@contextmanager
def locked(url: str) -> Generator[Callable[[], None]]:
    """Hold the file's lock, so that whoever writes waits; call what is lent to let go."""
    with closing(sqlite3.connect(url[10:], isolation_level=None, check_same_thread=False)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield lambda: raw.execute("ROLLBACK") and None
        if raw.in_transaction:
            raw.execute("ROLLBACK")


def in_hand(served: Served) -> float:
    return served.metric("cheap_requests_in_hand")


def test_a_call_in_hand_is_finished(url: str, pool: ThreadPoolExecutor) -> None:
    with Served(url) as served, CheapClient(served.address, config=ONCE) as client:
        catalog = new_catalog(client, *list_of("list"))
        with locked(url) as let_go:
            call = pool.submit(client.commit, catalog, [Append("list", [A])])
            until(lambda: in_hand(served) == 1, "the call is in hand")
            served.signal()
            until(served.refuses, "new connections are refused")
            with CheapClient(served.address, config=ONCE) as late:
                with pytest.raises(UnavailableError):
                    late.get_catalog(catalog)
            assert not call.done()
            let_go()
            assert call.result(PATIENCE).revision == 2
        assert served.ended() == 0
        assert served.said == ""
    with cheap.connect(url) as store:
        assert items(store, catalog, "list") == [A]


def test_a_call_that_takes_too_long_is_rolled_back(url: str, pool: ThreadPoolExecutor) -> None:
    with Served(url, stop_timeout=0.5) as served, CheapClient(served.address, config=ONCE) as one:
        catalog = new_catalog(one, *list_of("list"))
        with locked(url):
            call = pool.submit(one.commit, catalog, [Append("list", [A])])
            until(lambda: in_hand(served) == 1, "the call is in hand")
            start = time.monotonic()
            served.signal()
            with pytest.raises(OverloadedError, match="rolled back"):
                call.result(PATIENCE)
            assert served.ended() == 0
            assert time.monotonic() - start < 5
            assert "Traceback" not in served.said
    with cheap.connect(url) as store:
        assert store.get_catalog(catalog).revision == 1


def test_a_connection_that_is_open_already_is_refused_too(
    url: str, pool: ThreadPoolExecutor
) -> None:
    """What comes after the signal and before the sockets are closed is told to come again."""
    with running(url) as server, CheapClient(address_of(server), config=ONCE) as client:
        catalog = new_catalog(client, *list_of("list"))
        server.serving.stopping.set()
        with pytest.raises(OverloadedError, match="the server is stopping"):
            client.get_catalog(catalog)
        assert client.health_check()["status"] == "unhealthy"
        assert httpx.get(f"{address_of(server)}/live").status_code == 200


def test_who_waits_for_changes_is_answered_at_once(url: str, pool: ThreadPoolExecutor) -> None:
    with Served(url) as served, CheapClient(served.address, config=ONCE) as client:
        catalog = new_catalog(client, *list_of("list"))
        call = pool.submit(client.wait_for_changes, catalog, 1, seconds=50)
        until(lambda: in_hand(served) == 1, "the call is in hand")
        start = time.monotonic()
        served.signal()
        assert call.result(PATIENCE).items == ()
        assert served.ended() == 0
        assert time.monotonic() - start < 5


def test_a_stream_is_read_to_its_end(url: str) -> None:
    with cheap.connect(url) as store:
        catalog = filled(store)
    with Served(url) as served, CheapClient(served.address, config=ONCE) as client:
        lines = client.stream_hierarchy(catalog, "note")
        found = [next(lines)]
        served.signal()
        until(served.refuses, "new connections are refused")
        found += lines
        assert len(found) == COUNT
        assert served.ended() == 0
        assert served.said == ""


@pytest.mark.usefixtures("whole_run")
def test_who_reads_nothing_does_not_hold_it_up(url: str) -> None:
    with cheap.connect(url) as store:
        catalog = filled(store)
    with Served(url, stop_timeout=0.5) as served:
        with asking(served.port, f"/api/catalog/{catalog}/hierarchies/note/stream"):
            until(lambda: in_hand(served) == 1, "the stream is in hand")
            start = time.monotonic()
            assert served.stop() == 0
            assert time.monotonic() - start < 5


@pytest.mark.usefixtures("whole_run")
def test_a_second_ctrl_c_does_not_wait(url: str, pool: ThreadPoolExecutor) -> None:
    with Served(url) as served, CheapClient(served.address, config=ONCE) as client:
        catalog = new_catalog(client, *list_of("list"))
        with locked(url):
            call = pool.submit(client.commit, catalog, [Append("list", [A])])
            until(lambda: in_hand(served) == 1, "the call is in hand")
            served.signal(signal.SIGINT)
            until(served.refuses, "new connections are refused")
            start = time.monotonic()
            served.signal(signal.SIGINT)
            served.ended()
            assert time.monotonic() - start < 5
            with pytest.raises(cheap.CheapError):
                call.result(PATIENCE)
    with cheap.connect(url) as store:
        assert store.get_catalog(catalog).revision == 1


# --- clients that vanish --------------------------------------------------------------------

COUNT = 20_000


def filled(store: Any) -> UUID:
    """A catalog whose stream is larger than all buffers on the way."""
    records = {each: {"title": f"{i} {'x' * 1_000}"} for i, each in enumerate(entities(COUNT))}
    return new_catalog(store, *map_of(NOTE, records))


@contextmanager
def running(url: str, **settings: Any) -> Generator[Any]:
    """A server in a thread, whose inside can be looked at."""
    ready = threading.Event()
    with listen("127.0.0.1", 0) as door:
        server: Any = Server(Settings(database_url=url, **settings), "warning", ready.set)
        server.port = door.getsockname()[1]
        server.serving = server.config.app.state.serving
        thread = threading.Thread(target=server.run, args=([door],))
        thread.start()
        try:
            assert ready.wait(PATIENCE)
            server.adapter = server.serving._dao.store.adapter
            yield server
        finally:
            server.stop()
            thread.join(PATIENCE)
        assert not thread.is_alive()
        assert server.adapter.checked_out == 0


def address_of(server: Any) -> str:
    return f"http://127.0.0.1:{server.port}"


@contextmanager
def asking(port: int, path: str) -> Generator[socket.socket]:
    """A request by hand, whose answer is read by nobody."""
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", port))
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        yield raw


def assert_at_rest(server: Any) -> None:
    """No request is in hand, every connection and every turn was given back."""
    hop = hop_of(server.adapter)
    until(lambda: not server.serving.in_hand, "no request is in hand")
    until(lambda: not hop.flights, "no call is under way")
    until(lambda: server.adapter.checked_out == 0, "all connections are given back")
    turns = [each for both in hop._turns.values() for each in both]
    until(lambda: all(each.taken == 0 for each in turns), "no turn is taken")


@pytest.mark.usefixtures("whole_run")
def test_clients_that_vanish_in_the_middle_of_a_stream(url: str) -> None:
    """More of them than there are turns; the server is as before."""
    with cheap.connect(url) as store:
        catalog = filled(store)
    with running(url) as server:
        for path in (f"{catalog}/hierarchies/note/stream", f"{catalog}/document"):
            for _ in range(server.adapter.width + 3):
                with asking(server.port, f"/api/catalog/{path}") as raw:
                    assert raw.recv(9) == b"HTTP/1.1 "
                    until(lambda: server.serving.in_hand, "the stream is in hand")
            assert_at_rest(server)
        with CheapClient(address_of(server), config=ONCE) as client:
            assert sum(1 for _ in client.stream_hierarchy(catalog, "note")) == COUNT
            assert client.commit(catalog, list_of("list")).revision == 2
        assert_at_rest(server)


def test_clients_that_vanish_while_they_send(url: str) -> None:
    """A large value that was sent by half is not there, and nothing is held for it."""
    with cheap.connect(url) as store:
        catalog = new_catalog(store, *map_of(NOTE, {A: {"data": b"before"}}))
    with running(url) as server:
        for _ in range(server.adapter.width + 3):
            with socket.create_connection(("127.0.0.1", server.port)) as raw:
                head = (
                    f"PUT /api/catalog/{catalog}/aspects/note/{A}/data HTTP/1.1\r\nHost: x\r\n"
                    "Content-Type: application/octet-stream\r\nContent-Length: 5000000\r\n\r\n"
                )
                raw.sendall(head.encode() + b"x" * 1_000_000)
                until(lambda: server.serving.in_hand, "the value is in hand")
        assert_at_rest(server)
        with CheapClient(address_of(server), config=ONCE) as client:
            assert client.get_aspects(catalog, "note", [A])[A]["data"] == b"before"
            assert client.get_catalog(catalog).revision == 1


# --- what is no HTTP, or too much of it ------------------------------------------------------


def told(server: Any, *pieces: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """The last that a server says to some bytes before it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as wire:
        with suppress(ConnectionError):  # it has heard enough
            for each in pieces:
                wire.sendall(each)
        heard = b""
        with suppress(ConnectionError):
            while chunk := wire.recv(65_536):
                heard += chunk
    head, _, body = heard[heard.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(each.split(": ", 1) for each in lines)
    return int(first.split()[1]), headers, json.loads(body)


GET = b"GET /api HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/catalog HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
JSON = {"content-type": "application/json"}
BLOB = {"name": "data", "type": "BLOB"}
MUCH = b"x" * 200_000


@pytest.mark.parametrize(
    "pieces",
    [
        (GET, b"X-Big: ", *[MUCH] * 10),
        (GET, *[b"X-%d: %s\r\n" % (i, b"x" * 1_000) for i in range(200)]),
        (b"GET /", *[MUCH] * 10),
        (GET, b"\r\n", GET, b"X-Big: ", *[MUCH] * 10),
        (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;", MUCH),
    ],
    ids=["one header", "many headers", "an address", "a second request", "a chunk's extension"],
)
def test_heads_are_bounded(url: str, pieces: tuple[bytes, ...]) -> None:
    with running(url) as server:
        status, headers, problem = told(server, *pieces)
        assert status == problem["status"] == 431
        assert problem["code"] == "too-large"
        assert headers["content-type"] == "application/problem+json"
        assert problem["instance"] == f"#{headers['x-request-id']}"


@pytest.mark.parametrize(
    "data",
    [
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"BREW /api HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01garbage\r\n\r\n",
    ],
    ids=["two lengths", "a chunk", "a method", "no HTTP"],
)
def test_what_is_no_http_is_a_problem(url: str, data: bytes) -> None:
    with running(url) as server:
        status, headers, problem = told(server, data)
        assert (status, problem["code"]) == (400, "malformed-request")
        assert problem["instance"] == f"#{headers['x-request-id']}"
        assert headers["connection"] == "close"


def test_heads_and_bodies_of_some_size_pass(url: str) -> None:
    with running(url) as server, httpx.Client(base_url=address_of(server)) as http:
        for _ in range(3):
            answer = http.get("/api", headers={"x-big": "x" * 50_000})
            assert answer.status_code == 200
            answer = http.post("/api/catalog", json={"version": "x" * 1_000, "edits": []})
            assert answer.status_code == 201
            large = http.post("/api/catalog", content=b" " * 5_000_000 + b"{}", headers=JSON)
            assert large.status_code == 201
        many = GET + b"Connection: keep-alive\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as wire:
            wire.sendall(many * 2_000 + GET + b"Connection: close\r\n\r\n")
            heard = b""
            while chunk := wire.recv(1_000_000):
                heard += chunk
        assert heard.count(b"HTTP/1.1 200 OK") == 2_001


# --- servers that die -----------------------------------------------------------------------


class LosesAnswers(httpx.HTTPTransport):
    """The server dies after it did what was asked, before the answer arrives; once."""

    def __init__(self, served: Served) -> None:
        super().__init__()
        self._served = served
        self.lost = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if request.url.path.endswith("/commit") and not self.lost:
            self.lost = response.status_code
            response.close()
            self._served.kill()
            self._served.start()
            raise httpx.ReadError("the server died", request=request)
        return response


def test_an_answer_that_is_lost(url: str) -> None:
    with Served(url) as served:
        carrier = LosesAnswers(served)
        with CheapClient(served.address, config=STUBBORN, transport=carrier) as client:
            catalog = new_catalog(client, *list_of("list"))
            assert client.commit(catalog, [Append("list", [A])]).revision == 2
            assert carrier.lost == 200
            assert items(client, catalog, "list") == [A]
        assert served.stop() == 0


def test_a_server_that_is_killed_before_it_writes(url: str, pool: ThreadPoolExecutor) -> None:
    with Served(url) as served, CheapClient(served.address, config=STUBBORN) as client:
        catalog = new_catalog(client, *list_of("list"))
        with locked(url):
            call = pool.submit(client.commit, catalog, [Append("list", [A])])
            until(lambda: in_hand(served) == 1, "the call is in hand")
            served.kill()
        served.start()
        assert call.result(PATIENCE).revision == 2
        assert items(client, catalog, "list") == [A]


@pytest.mark.usefixtures("whole_run")
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_server_that_is_killed_again_and_again(
    kind: str, url: str, pool: ThreadPoolExecutor
) -> None:
    """Whenever that happens: everything is done once, and in order."""
    done = 0
    enough = threading.Event()

    def append(client: Any) -> int:
        nonlocal done
        while not enough.is_set():
            client.commit(catalog, [Append("list", [UUID(int=done)])])
            done += 1
        return done

    def reached(goal: int) -> bool:
        return done >= goal or work.done()

    with Served(url) as served, start_blocking_portal() as portal:
        client: Any = CheapClient(served.address, config=STUBBORN)
        if kind == "async":
            client = Awaited(AsyncCheapClient(served.address, config=STUBBORN), portal)
        catalog = new_catalog(client, *list_of("list"))
        work = pool.submit(append, client)
        for round_ in range(4):
            before = done
            until(
                lambda before=before, more=3 + 7 * round_: done > before + more or work.done(), ""
            )  # type: ignore[misc]
            served.kill()
            served.start()
        enough.set()
        count = work.result(PATIENCE)
        client.close()
        assert served.stop() == 0
    with cheap.connect(url) as store:
        found = [each.int for each in items(store, catalog, "list") if each]
        assert found == list(range(count))
        assert store.get_catalog(catalog).revision == 1 + count


# --- several servers on one database --------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def shared(request: pytest.FixtureRequest, ground: Ground, url: str) -> Iterator[str]:
    """The address of a database that processes can share."""
    if request.param == "sqlite":
        yield url
        return
    backend = ground.backend(request.param)
    assert isinstance(backend, ServerBackend)
    yield backend.server.create_database("sockets")
    backend.server.drop_database("sockets")


@pytest.mark.usefixtures("whole_run")
def test_servers_share_idempotency_keys(shared: str, pool: ThreadPoolExecutor) -> None:
    """The same request, sent to two servers at once and again and again, happens once."""
    with Served(shared) as one, Served(shared) as two, CheapClient(one.address) as client:
        catalog = new_catalog(client, *list_of("list"))
        recorder = Recorder()
        with CheapClient(one.address, transport=recorder) as recorded:
            recorded.commit(catalog, [Append("list", [A])])
        request = recorder.requests[-1]
        assert request.headers["idempotency-key"]

        def send(number: int) -> httpx.Response:
            address = (one, two)[number % 2].address
            headers = {**request.headers, "idempotency-key": f"the-same-key-{number // 16}"}
            del headers["host"]
            path = f"{address}{request.url.path}"
            return httpx.post(path, content=request.content, headers=headers, timeout=PATIENCE)

        for number in range(3):
            answers = list(pool.map(send, range(16 * number, 16 * (number + 1))))
            assert {each.status_code for each in answers} == {200}
            assert {each.json()["revision"] for each in answers} == {3 + number}
            replayed = [each.headers.get("idempotency-replayed") for each in answers]
            assert replayed.count(None) == 1
        assert items(client, catalog, "list") == [A] * 4
        assert [one.stop(), two.stop()] == [0, 0]


@pytest.mark.usefixtures("whole_run")
def test_conditions_hold_in_every_database(shared: str) -> None:
    with running(shared) as server, httpx.Client(base_url=address_of(server)) as http:
        made = http.post("/api/catalog", json={})
        path, tag = made.headers["location"], made.headers["etag"]
        one = {"aspects": {str(A): {"data": "eA=="}}}
        old = '"999"'
        for method, more, form in (
            ("POST", "/aspect-defs", {"name": "note", "propertyDefs": [BLOB]}),
            ("POST", "/hierarchies", {"name": "note", "type": "AM"}),
            ("POST", "/aspects/note", one),
            ("DELETE", "/hierarchies/note", None),
        ):
            for given, status in ((old, 412), (tag, 200), (tag, 412)):
                headers = {"if-match": given}
                answer = http.request(method, path + more, json=form, headers=headers)
                assert answer.status_code == status or 200 == status <= answer.status_code < 300
                if status == 200:
                    tag = answer.headers["etag"]
        document = http.get(f"{path}/document", headers={"if-none-match": old})
        headers = {"content-type": "application/json", "if-none-match": "*"}
        assert http.put(path, content=document.content, headers=headers).status_code == 412
        assert http.get(path).headers["etag"] == tag
        assert http.delete(path).status_code == 204
        assert http.put(path, content=document.content, headers=headers).status_code == 201


class Recorder(httpx.HTTPTransport):
    """Keeps what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        return super().handle_request(request)


@pytest.mark.usefixtures("whole_run")
def test_workers_serve_many_clients(shared: str, pool: ThreadPoolExecutor) -> None:
    """While one of them is killed, too: no call is lost, and none is made twice."""
    workers, rounds = 8, 10
    with Served(shared, "--workers", "2") as served:
        until(lambda: len(served.workers()) == 2, "two workers")
        with CheapClient(served.address, config=STUBBORN) as client:
            catalog = new_catalog(client, *list_of("list"), *map_of(PERSON, {}))

        def work(number: int) -> None:
            with CheapClient(served.address, config=STUBBORN) as client:
                for i in range(rounds):
                    mine = UUID(int=1000 * (number + 1) + i)
                    record = {"name": str(number), "age": i}
                    edits = [Append("list", [mine]), PutAspects(PERSON.name, {mine: record})]
                    client.commit(catalog, edits)

        calls: list[Future[None]] = [pool.submit(work, number) for number in range(workers)]
        with cheap.connect(shared) as store:
            until(lambda: store.get_catalog(catalog).revision > 20, "some of it is done")
            os.kill(served.workers()[0], signal.SIGKILL)
            for each in calls:
                each.result(4 * PATIENCE)
            found = [each.int for each in items(store, catalog, "list") if each]
            assert len(found) == len(set(found)) == workers * rounds
            assert store.get_catalog(catalog).revision == 1 + workers * rounds
        assert served.stop() == 0
