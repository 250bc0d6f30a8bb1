"""Measure CheapPy over HTTP: its server, its streams and its clients, on SQLite.

scripts/bench http           everything, twenty minutes
scripts/bench http --quick   everything small: whether it works
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.http.catalogs import Served, fill
from benchmarks.http.clients import measure_clients
from benchmarks.http.loads import MISSING, WRK
from benchmarks.http.plan import FULL, QUICK, Plan
from benchmarks.http.rates import keep_answers, measure_rates, questions
from benchmarks.http.servers import APPS, HttpServer, served
from benchmarks.http.setting import FOLDER, PIECES
from benchmarks.http.streams import measure_streams
from benchmarks.http.tables import judge, report
from benchmarks.machine import about
from benchmarks.places import SqliteGround
from benchmarks.plan import Plan as CommonPlan
from benchmarks.report import write_docs
from benchmarks.results import Results

PAGE: Final = Path(__file__).resolve().parent.parent.parent / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- figures over HTTP: written by scripts/bench http --write-docs -->\n"
PACKAGES: Final = ("starlette", "uvicorn", "uvloop", "httptools", "anyio", "fastapi", "httpx")
Tell = Callable[[str], None]


def main(words: Sequence[str], tell: Tell, plan: Plan | None = None) -> int:
    """Run what the command line asks for, and return the exit code.

    Args:
        words: the command line, behind ``http``.
        tell: says what is going on.
        plan: a plan to go by in the place of those for quick and for full runs.
    """
    asked = _parser().parse_args(words)
    plan = plan or (QUICK if asked.quick else FULL)
    if plan.connections and shutil.which(WRK) is None:
        print(MISSING)
        return 2
    with tempfile.TemporaryDirectory(prefix="cheap-bench-") as folder:
        results = run(plan, Path(folder), tell)
    verdicts = judge(results)
    text = report(results, verdicts)
    print(text)
    results.path = asked.json
    results.write(verdicts)
    if asked.write_docs:
        write_docs(PAGE, text, BEGIN)
    missed = [each for each in verdicts if not each.met]
    for each in missed:
        print(each)
    print(f"{len(verdicts) - len(missed)} of {len(verdicts)} targets met")
    return 1 if asked.strict and missed else 0


def run(plan: Plan, folder: Path, tell: Tell) -> Results:
    """Measure what is planned.

    Args:
        plan: how much.
        folder: where the databases may lie.
        tell: says what is going on.
    """
    common = CommonPlan(("http",), ("sqlite",), rounds=plan.rounds, quick=plan.quick)
    results = Results(about(common, {}))
    results.about["databases"]["sqlite"] = SqliteGround(folder).version()
    results.about["packages"] |= {name: version(name) for name in PACKAGES}
    catalogs = {size: fill(folder, size, tell) for size in plan.sizes}
    _ask(catalogs[plan.sizes[0]], folder, plan, results, tell)
    for each in catalogs.values():
        measure_streams(each, folder, plan, results, tell)
    return results


def _ask(catalog: Served, folder: Path, plan: Plan, results: Results, tell: Tell) -> None:
    """Measure what is asked of a server that runs on."""
    asked = questions(catalog, folder)
    places = {
        name: {
            "CHEAP_DATABASE_URL": catalog.copy(name).url,
            FOLDER: str(folder),
            PIECES: "1",
        }
        for name in APPS
    }
    with ExitStack() as stack:
        names = sorted(APPS, key=lambda name: name == "bare")  # it gives what others have answered
        servers: dict[str, HttpServer] = {}
        for name in names:
            if name == "bare":
                keep_answers(asked, servers, folder)
            servers[name] = stack.enter_context(served(name, places[name]))
        measure_rates(asked, servers, catalog.size, plan, results, tell)
        measure_clients(catalog, servers["cheap"], plan, results, tell)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench http",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few records, one round")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a target is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--write-docs", action="store_true", help="put the tables into docs/benchmarks.md"
    )
    return parser
