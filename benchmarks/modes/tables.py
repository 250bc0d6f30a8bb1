"""What a run of the modes found, as verdicts and as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.modes.measuring import BATCHES, TASKS, best_threads, paired
from benchmarks.modes.natives import NATIVES
from benchmarks.report import aligned, described, shown
from benchmarks.results import Figure, Results
from benchmarks.targets import Verdict

HOP: Final = 2.0
"""Most that a call may cost, as a multiple of bare ``to_thread.run_sync`` with a limiter."""

BATCH: Final = 1.3
"""Most that a batch of 100 may take when awaited, as a multiple of the blocking one."""

THROUGHPUT: Final = 0.9
"""Least that 100 tasks must read, as a share of what the best number of threads reads."""

NATIVE_ALONE: Final = 1.0
"""Most that a read may take, as a multiple of aiosqlite's time for its statement."""

NATIVE_AMONG: Final = 0.5
"""Least that 100 tasks must read, as a share of what they read through aiosqlite."""

BACK: Final = 50.0
"""Most milliseconds until a cancelled caller is back, in 99 of 100 cases."""

_NAMES: Final = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}
Table = list[list[str]]


def judge(results: Results, backends: Sequence[str]) -> list[Verdict]:
    """Hold what was measured against the targets."""
    return list(_verdicts(results, backends))


def _verdicts(results: Results, backends: Sequence[str]) -> Iterator[Verdict]:
    for backend in backends:
        for task, words in (
            ("nothing_asyncio", "a call that does nothing, asyncio"),
            ("nothing_trio", "a call that does nothing, trio"),
            ("read_1", "read 1"),
        ):
            for count, where in ((1, "alone"), (100, "among 100 tasks")):
                ratio = paired(results, f"{task}_{count}", "awaited", "bare", backend)
                if ratio is not None:
                    yield Verdict(f"{backend}: {words}, {where}, to bare run_sync", ratio, HOP)
        best = best_threads(results, backend)
        if best is not None:
            ratio = paired(results, "throughput", best, "tasks_100", backend)
            assert ratio is not None
            words = f"100 tasks read 100, to {best.partition('_')[2]} threads"
            yield Verdict(f"{backend}: {words}", ratio, THROUGHPUT, at_least=True)
        if backend != "sqlite":
            ratio = paired(results, "batch_100", "awaited", "blocking", backend)
            if ratio is not None:
                yield Verdict(f"{backend}: batch of 100 awaited, to blocking", ratio, BATCH)
        else:
            for task, words in (("read_1", "read 1"), ("read_100", "read 100")):
                for native in NATIVES["sqlite"]:
                    ratio = paired(results, f"{task}_1", "statement", native, backend)
                    if ratio is not None:
                        name = f"statement of {words}, 1 task, to {native}"
                        yield Verdict(name, ratio, NATIVE_ALONE)
                    ratio = paired(results, f"{task}_100", native, "statement", backend)
                    if ratio is not None:
                        name = f"statement of {words}, 100 tasks, to {native}"
                        yield Verdict(name, ratio, NATIVE_AMONG, at_least=True)
        for task in ("cancel_load", "cancel_save"):
            figure = results.find(task, "back", backend)
            if figure is not None:
                words = f"{backend}: {task.replace('_', 'led ')}, back after ms (p99)"
                yield Verdict(words, _p99(figure) * 1000, BACK)


def _p99(figure: Figure) -> float:
    ordered = sorted(figure.rounds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def report(results: Results, verdicts: Sequence[Verdict]) -> str:
    """Return everything that was found, as Markdown."""
    return "\n".join(_parts(results, verdicts))


def _parts(results: Results, verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield described(results)
    backends = [each for each in _NAMES if each in results.about["databases"]]
    for title, table in (
        ("One call", _calls(results, backends)),
        ("Reading 100 aspects a call: calls a second", _throughput(results, backends)),
        ("Records a commit", _batches(results, backends)),
        ("Cancelled at a random moment", _cancels(results, backends)),
    ):
        yield f"### {title}\n"
        yield aligned(table)
    yield "### Targets of the modes\n"
    if results.about["quick"]:
        yield "A quick run: few aspects, few rounds; it shows that things work, not how fast.\n"
    yield aligned([["target", "found", "wanted", ""], *(_verdict_row(each) for each in verdicts)])


def _verdict_row(each: Verdict) -> list[str]:
    wanted = f"{'≥' if each.at_least else '≤'} {each.limit:g}"
    return [each.target, f"{each.found:.2f}", wanted, "met" if each.met else "MISSED"]


def _calls(results: Results, backends: Sequence[str]) -> Table:
    natives = sorted({name for backend in backends for name in NATIVES[backend]})
    ways = ("blocking", "bare", "awaited", "statement", *natives)
    titles = ("blocking", "bare run_sync", "awaited", "to bare", "its statement", *natives)
    table = [["", "", *titles]]
    for backend in backends:
        for task, words in (
            ("nothing_asyncio", "nothing, asyncio"),
            ("nothing_trio", "nothing, trio"),
            ("read_1", "read 1"),
            ("read_100", "read 100"),
        ):
            for count, where in ((1, "alone"), (100, "among 100 tasks")):
                name = f"{task}_{count}"
                ratio = paired(results, name, "awaited", "bare", backend)
                figures = {each: results.find(name, each, backend) for each in ways}
                cells = [shown(each) for each in figures.values()]
                cells.insert(3, "" if ratio is None else f"{ratio:.2f}")
                table.append([f"{_NAMES[backend]}: {words}", where, *cells])
    return table


def _throughput(results: Results, backends: Sequence[str]) -> Table:
    threads = sorted(
        {f.contender for f in results.of_task("throughput") if f.contender.startswith("threads")},
        key=lambda each: int(each.partition("_")[2]),
    )
    columns = [*threads, *(f"tasks_{count}" for count in TASKS)]
    table = [["", *(f"{c.partition('_')[2]} {c.partition('_')[0]}" for c in columns)]]
    for backend in backends:
        figures = [results.find("throughput", each, backend) for each in columns]
        cells = ["—" if each is None else f"{1 / each.value:,.0f}" for each in figures]
        table.append([_NAMES[backend], *cells])
    return table


def _batches(results: Results, backends: Sequence[str]) -> Table:
    table = [["", "records", "blocking", "awaited", "ratio", "a record, awaited"]]
    for backend in backends:
        for size in BATCHES:
            figures = [
                results.find(f"batch_{size}", each, backend) for each in ("blocking", "awaited")
            ]
            if figures[1] is None:
                continue
            ratio = paired(results, f"batch_{size}", "awaited", "blocking", backend)
            each = f"{figures[1].value / size * 1e6:.0f} µs"
            table.append([_NAMES[backend], f"{size:,}", *map(shown, figures), f"{ratio:.2f}", each])
    return table


def _cancels(results: Results, backends: Sequence[str]) -> Table:
    table = [["", "calls", "caller back, median", "p99", "committed already"]]
    for backend in backends:
        for task, words in (("cancel_load", "load"), ("cancel_save", "save")):
            figure = results.find(task, "back", backend)
            if figure is None:
                continue
            committed = results.find(task, "committed", backend)
            count = len(committed.rounds) if committed else 0
            times = [f"{figure.value * 1e3:.1f} ms", f"{_p99(figure) * 1e3:.1f} ms"]
            name = f"{_NAMES[backend]}: {words} of {figure.size:,}"
            table.append([name, f"{len(figure.rounds) + count}", *times, f"{count}"])
    return table
