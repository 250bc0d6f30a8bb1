"""Figures as tables, for the terminal and for the page of the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.contenders import TITLES
from benchmarks.plan import CONTENDERS
from benchmarks.results import Figure, Results
from benchmarks.targets import FLOOR, Verdict, floor_ratio

BEGIN: Final = "<!-- figures: written by scripts/bench --write-docs -->\n"
END: Final = "<!-- end of figures -->\n"

ROWS: Final = {
    "save": "save new, from Python values",
    "save_built": "save new, catalog built before",
    "load": "load",
    "read": "load, read every record's values",
    "read_names": "load, read property by property",
    "pages": "all, in pages of 1,000",
    "find_pages": "all, in pages ordered by id",
    "point": "read 1 by id",
    "point_100": "read 100 by id",
    "upsert": "write 1, committed",
    "upsert_100": "write 100, committed",
    "edit": "save after 1 edit",
    "filter": "find 100 by an index",
}
"""The tasks, in words and in the order of the tables."""

_BACKENDS: Final = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}
Table = list[list[str]]


def report(results: Results, verdicts: Sequence[Verdict]) -> str:
    """Return everything that was found, as Markdown."""
    return "\n".join(_parts(results, verdicts))


def _parts(results: Results, verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield described(results)
    places = {(f.backend, f.size) for f in results.figures if f.task in ROWS}
    for backend, size in sorted(places, key=lambda each: ([*_BACKENDS].index(each[0]), each[1])):
        name = results.about["databases"][backend]
        yield f"### {name}, {size:,} aspects\n"
        yield aligned(_tasks(results, backend, size))
    for title, table in (
        ("Memory and disk", _memory(results)),
        ("Large catalogs", _growth(results)),
        ("A record put into a catalog", _put(results)),
    ):
        if len(table) > 1:
            yield f"### {title}\n"
            yield aligned(table)
    yield "### Targets\n"
    if results.about["quick"]:
        yield "A quick run: few aspects, few rounds; it shows that things work, not how fast.\n"
    yield aligned(
        [
            ["target", "found", "wanted", ""],
            *(
                [
                    each.target,
                    f"{each.found:.2f}" if each.found < 100 else f"{each.found:.0f}",
                    f"{'≥' if each.at_least else '≤'} {each.limit:g}",
                    "met" if each.met else "MISSED",
                ]
                for each in verdicts
            ),
        ]
    )


def described(results: Results) -> str:
    """Return when, where and with what a run was made."""
    about = results.about
    packages = ", ".join(f"{name} {number}" for name, number in about["packages"].items())
    databases = ", ".join(about["databases"].values())
    runs = [
        f"* {each['date']}: {each['asked']}; commit {each['commit']}, medians of {each['rounds']} "
        f"rounds, load of the machine at the start {each['load']}"
        for each in (about, *results.others)
    ]
    return (
        f"{about['machine']}.\n{about['python']}, {databases}; {packages}.\n\nRuns, the latest "
        "first; a figure is of the latest that measured it:\n\n" + "\n".join(runs) + "\n"
    )


# --- tables ---------------------------------------------------------------------------------


def _tasks(results: Results, backend: str, size: int) -> Table:
    table = [["task", *(TITLES[name] for name in CONTENDERS), "to the raw driver", "target"]]
    for row, title in ROWS.items():
        task, ours = ("save", "cheap_built") if row == "save_built" else (row, "cheap")
        figures = [results.find(task, ours, backend, size)]
        figures += [results.find(task, name, backend, size) for name in CONTENDERS[1:]]
        if figures[0] is None:
            continue
        if row == "save_built":
            figures[2:] = [None] * len(figures[2:])
        ratio, target = "", ""
        if figures[1] is not None:
            ratio = f"{figures[0].value / figures[1].value:.2f}"
        if row in FLOOR:
            found = floor_ratio(results, task, backend, size)
            limit = FLOOR[row][backend]
            met = found is not None and found <= limit
            target = f"≤ {limit:g} {'met' if met else 'MISSED'}"
        table.append([title, *map(shown, figures), ratio, target])
    return table


def _memory(results: Results) -> Table:
    table = [["", *(TITLES[name] for name in CONTENDERS)]]
    for task, title in (
        ("peak_save", "peak memory of a save"),
        ("peak_load", "peak memory of a load"),
        ("disk", "bytes on disk"),
    ):
        for backend, size in dict.fromkeys((f.backend, f.size) for f in results.of_task(task)):
            figures = [results.find(task, name, backend, size) for name in CONTENDERS]
            table.append([f"{_BACKENDS[backend]}, {size:,}: {title}", *map(shown, figures)])
    for figure in results.of_task("aspect"):
        table.append(
            [f"a loaded aspect, beyond document and id, among {figure.size:,}", shown(figure)]
            + [""] * (len(CONTENDERS) - 1)
        )
    return table


def _growth(results: Results) -> Table:
    table = [["", "aspects", "time"]]
    for task, title in (("scale_save", "save, one record"), ("scale_load", "load, one record")):
        for figure in results.of_task(task):
            table.append([f"SQLite: {title}", f"{figure.size:,}", shown(figure)])
    for figure in results.of_task("large_page"):
        title = f"{_BACKENDS[figure.backend]}: page of 100 at the {figure.contender}"
        table.append([title, f"{figure.size:,}", shown(figure)])
    return table


def _put(results: Results) -> Table:
    titles = {"cheap": "put into a catalog", "pydantic": "made a pydantic model"}
    table = [["one record", "time"]]
    table += [[titles[f.contender], shown(f)] for f in results.of_task("put")]
    return table


# --- text -----------------------------------------------------------------------------------


def shown(figure: Figure | None) -> str:
    """Return a figure as a cell of a table."""
    if figure is None:
        return "—"
    if figure.unit == "bytes":
        return f"{figure.value:.0f} B" if figure.value < 10_000 else f"{figure.value / 1e6:.1f} MB"
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if figure.value * factor >= 1 or unit == "µs":
            return f"{figure.value * factor:#.3g} {unit}".replace(". ", " ")
    raise AssertionError


def aligned(table: Table) -> str:
    """Return a Markdown table that can be read as it is; numbers stand at the right."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]

    def line(row: list[str]) -> str:
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = ["-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join([line(table[0]), line(rule), *map(line, table[1:])]) + "\n"


def write_docs(page: Path, text: str, place: str = BEGIN) -> None:
    """Put the figures into their place on a page."""
    before, begin, rest = page.read_text().partition(place)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the figures: {place.strip()} … {END.strip()}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")
