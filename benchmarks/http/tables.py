"""What a run over HTTP found, as verdicts and as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.http.clients import CALLS, CLIENTS
from benchmarks.http.rates import TASKS
from benchmarks.http.servers import TITLES
from benchmarks.http.streams import STREAMS
from benchmarks.modes.measuring import paired
from benchmarks.report import aligned, described, shown
from benchmarks.results import Figure, Results
from benchmarks.targets import Verdict

HEADER_TO_BARE: Final = 0.2
"""Least headers that are read in a second, as a share of the bare route's."""

HEADER_TO_FASTAPI: Final = 1.5
"""Least headers that are read in a second, as a multiple of FastAPI's."""

HUNDRED_TO_FASTAPI: Final = 1.3
"""The same for 100 records."""

SPEED: Final = 80.0
"""Least megabytes of a stream in a second."""

GROWTH: Final = 20.0
"""Most megabytes by which a server may grow while it streams, whatever the size."""

CLIENT: Final = 1.25
"""Most that a call of a client may take, as a multiple of the same call in plain httpx."""

_ON: Final = "sqlite"
_MB: Final = 1e6
Table = list[list[str]]


def judge(results: Results) -> list[Verdict]:
    """Hold what was measured against the targets."""
    return list(_verdicts(results))


def _verdicts(results: Results) -> Iterator[Verdict]:
    for task, rival, limit in (
        ("header", "bare", HEADER_TO_BARE),
        ("header", "fastapi", HEADER_TO_FASTAPI),
        ("query", "fastapi", HUNDRED_TO_FASTAPI),
        ("page", "fastapi", HUNDRED_TO_FASTAPI),
    ):
        for connections in _connections(results):
            ratio = paired(results, f"{task}_{connections}_rate", "cheap", rival, _ON)
            if ratio is not None:
                name = f"{TASKS[task]}, {_many(connections)}, to {TITLES[rival]}"
                yield Verdict(name, ratio, limit, at_least=True)
    for stream, words in STREAMS.items():
        for speed in _of_cheap(results, f"stream_{stream}"):
            name = f"stream of {words}, {speed.size:,} records, MB/s"
            yield Verdict(name, speed.value / _MB, SPEED, at_least=True)
        for growth in _of_cheap(results, f"growth_{stream}"):
            name = f"stream of {words}, {growth.size:,} records, growth in MB"
            yield Verdict(name, growth.value / _MB, GROWTH)
    for task in CALLS:
        for kind, client in CLIENTS.items():
            ratio = paired(results, f"client_{task}", f"client_{kind}", f"httpx_{kind}", _ON)
            if ratio is not None:
                yield Verdict(f"{client}: {TASKS[task]}, to plain httpx", ratio, CLIENT)


def _of_cheap(results: Results, task: str) -> Iterator[Figure]:
    return (each for each in results.of_task(task) if each.contender == "cheap")


def _connections(results: Results) -> list[int]:
    tasks = (each.task for each in results.figures if each.unit == "1/s")
    return sorted({int(each.split("_")[1]) for each in tasks})


def _many(connections: int) -> str:
    return f"{connections} connection{'s' if connections > 1 else ''}"


# --- tables -------------------------------------------------------------------------------------


def report(results: Results, verdicts: list[Verdict]) -> str:
    """Return everything that was found, as Markdown."""
    return "\n".join(_parts(results, verdicts))


def _parts(results: Results, verdicts: list[Verdict]) -> Iterator[str]:
    yield described(results)
    for title, table in (
        ("Requests a second", _rates(results)),
        ("Until an answer is there, and the processor's work for it", _times(results)),
        ("Streams", _streams(results)),
        ("A call of a client", _calls(results)),
    ):
        if len(table) > 1:
            yield f"### {title}\n"
            yield aligned(table)
    yield "### Targets over HTTP\n"
    if results.about["quick"]:
        yield "A quick run: few records, few rounds; it shows that things work, not how fast.\n"
    yield aligned([["target", "found", "wanted", ""], *map(_verdict_row, verdicts)])


def _verdict_row(each: Verdict) -> list[str]:
    wanted = f"{'≥' if each.at_least else '≤'} {each.limit:g}"
    return [each.target, f"{each.found:.2f}", wanted, "met" if each.met else "MISSED"]


def _rates(results: Results) -> Table:
    ratios = ["to bare", "to FastAPI"]
    table = [["", "connections", *TITLES.values(), *ratios]]
    for task, words in TASKS.items():
        for connections in _connections(results):
            name = f"{task}_{connections}_rate"
            rates = [results.find(name, each, _ON) for each in TITLES]
            cells = ["—" if each is None else f"{each.value:,.0f}" for each in rates]
            for rival in ("bare", "fastapi"):
                ratio = paired(results, name, "cheap", rival, _ON)
                cells.append("—" if ratio is None else f"{ratio:.2f}")
            table.append([words, str(connections), *cells])
    return table


def _times(results: Results) -> Table:
    columns = [(what, who) for what in ("median", "p99", "work") for who in TITLES]
    table = [["", "connections", *(f"{TITLES[who]}: {what}" for what, who in columns)]]
    for task, title in TASKS.items():
        for connections in _connections(results):
            name = f"{task}_{connections}"
            found = [results.find(f"{name}_{what}", who, _ON) for what, who in columns]
            table.append([title, str(connections), *map(shown, found)])
    return table


def _streams(results: Results) -> Table:
    titles = [f"{title}, MB/s" for title in TITLES.values()]
    table = [["", "records", *titles, *(f"{title} grew by" for title in TITLES.values())]]
    for stream, words in STREAMS.items():
        for size in sorted({each.size for each in results.of_task(f"stream_{stream}")}):
            speeds = [results.find(f"stream_{stream}", each, _ON, size) for each in TITLES]
            growths = [results.find(f"growth_{stream}", each, _ON, size) for each in TITLES]
            cells = ["—" if each is None else f"{each.value / _MB:,.0f}" for each in speeds]
            cells += ["—" if each is None else f"{each.value / _MB:,.1f} MB" for each in growths]
            table.append([words, f"{size:,}", *cells])
    return table


def _calls(results: Results) -> Table:
    table = [["", "client", "CheapPy's", "plain httpx", "ratio"]]
    for task in CALLS:
        for kind, client in CLIENTS.items():
            name = f"client_{task}"
            figures = [results.find(name, f"{each}_{kind}", _ON) for each in ("client", "httpx")]
            ratio = paired(results, name, f"client_{kind}", f"httpx_{kind}", _ON)
            if ratio is not None:
                table.append([TASKS[task], client, *map(shown, figures), f"{ratio:.2f}"])
    return table
