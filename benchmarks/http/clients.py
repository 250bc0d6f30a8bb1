"""Both clients, beside the same calls in plain httpx."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import httpx
import msgspec

from benchmarks.cores import cores_awake, one_core
from benchmarks.data import Record
from benchmarks.http.catalogs import NAME, Served, changed, commit_form, query_form, some_entities
from benchmarks.http.plan import Plan
from benchmarks.http.servers import HttpServer
from benchmarks.modes.ways import AsyncCall, Call, Loop, from_tasks, in_a_row, loop
from benchmarks.results import Results
from benchmarks.timing import Turn, turn_by_turn
from cheap.core.edits import PutAspects
from cheap.rest.client import AsyncCheapClient, CheapClient

Tell = Callable[[str], None]
Given = tuple[Any, Any]
"""What a client of ours is given in a call, and what httpx is given for the same."""

CLIENTS: Final = {"sync": "CheapClient", "async": "AsyncCheapClient"}
CALLS: Final = ("header", "query", "commit")
_FEWER: Final = 5
"""So many times fewer calls, where each has a hundred records."""


def measure_clients(
    catalog: Served, server: HttpServer, plan: Plan, results: Results, tell: Tell
) -> None:
    """Make the same calls in all ways, one after the other; the answers are decoded."""
    with (
        httpx.Client(base_url=server.url, trust_env=False) as http,
        CheapClient(server.url) as client,
        loop("asyncio") as events,
    ):
        async_http, async_client = events.run(_opened, server.url)
        try:
            with cores_awake(), one_core(server.process):
                for task in CALLS:
                    given = _given(task, catalog)
                    count = plan.calls if task == "header" else max(2, plan.calls // _FEWER)
                    ways: dict[str, Call] = {
                        "httpx_sync": _by_httpx(task, catalog, http),
                        "client_sync": _by_client(task, catalog, client),
                    }
                    async_ways: dict[str, AsyncCall] = {
                        "httpx_async": _awaited_httpx(task, catalog, async_http),
                        "client_async": _by_client(task, catalog, async_client),
                    }
                    turns = {name: _turn(call, given, count) for name, call in ways.items()}
                    turns |= {
                        name: _awaited_turn(events, call, given, count)
                        for name, call in async_ways.items()
                    }
                    found = turn_by_turn(turns, plan.rounds, _behind(task, tell))
                    results.add(f"client_{task}", found, backend="sqlite", size=catalog.size)
        finally:
            events.run(async_http.aclose)
            events.run(async_client.close)


async def _opened(url: str) -> tuple[httpx.AsyncClient, AsyncCheapClient]:
    return httpx.AsyncClient(base_url=url, trust_env=False), AsyncCheapClient(url)


def _given(task: str, catalog: Served) -> list[Given]:
    """What is asked: of our clients with Python's values, of httpx with those of JSON."""
    if task == "header":
        return [(catalog.catalog_id, None)]
    given: list[Given] = []
    for seed in range(100, 140):
        if task == "query":
            entities = some_entities(catalog.size, seed)
            given.append((entities, _plain(query_form(entities))))
        else:
            records = changed(catalog.size, seed)
            given.append((records, _plain(commit_form(records))))
    return given


def _plain(form: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(form))


# --- ways ---------------------------------------------------------------------------------------


def _by_client(task: str, catalog: Served, client: Any) -> Any:
    """The same for both clients: what one returns is awaited."""

    def header(given: Given) -> Any:
        return client.get_catalog(given[0])

    def query(given: Given) -> Any:
        entities: list[UUID] = given[0]
        return client.get_aspects(catalog.catalog_id, NAME, entities)

    def commit(given: Given) -> Any:
        records: dict[UUID, Record] = given[0]
        return client.commit(catalog.catalog_id, [PutAspects(NAME, records)])

    return {"header": header, "query": query, "commit": commit}[task]


def _by_httpx(task: str, catalog: Served, http: httpx.Client) -> Call:
    path, headers = _address(task, catalog)
    if task == "header":
        return lambda _: http.get(path).json()
    return lambda given: http.post(path, json=given[1], headers=headers()).json()


def _awaited_httpx(task: str, catalog: Served, http: httpx.AsyncClient) -> AsyncCall:
    path, headers = _address(task, catalog)

    async def get(_: Given) -> object:
        return (await http.get(path)).json()

    async def post(given: Given) -> object:
        return (await http.post(path, json=given[1], headers=headers())).json()

    return get if task == "header" else post


def _address(task: str, catalog: Served) -> tuple[str, Callable[[], dict[str, str]]]:
    """Return the path of a call, and what makes its headers."""
    if task == "commit":
        # As our clients do: without, a call could not be repeated, and the server has less to do.
        return catalog.path("/commit"), lambda: {"idempotency-key": secrets.token_hex(16)}
    return catalog.path("" if task == "header" else "/aspects/query"), dict


def _turn(call: Call, given: list[Given], count: int) -> Turn:
    return lambda number: in_a_row(call, _feed(given, count, number))


def _awaited_turn(events: Loop, call: AsyncCall, given: list[Given], count: int) -> Turn:
    return lambda number: events.run(from_tasks, call, _feed(given, count, number), 1)


def _feed(given: list[Given], count: int, number: int) -> list[Given]:
    return [given[(number * count + i) % len(given)] for i in range(count)]


def _behind(words: str, tell: Tell) -> Tell:
    return lambda text: tell(f"clients, {words}: {text}")
