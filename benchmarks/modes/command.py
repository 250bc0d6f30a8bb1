"""Measure both modes side by side: calls that block, and calls that are awaited.

scripts/bench modes                       everything, ten minutes
scripts/bench modes --quick               everything small: whether it works
scripts/bench modes --on sqlite,postgres  on these databases
"""

from __future__ import annotations

import argparse
import gc
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from benchmarks.data import make_data
from benchmarks.machine import about
from benchmarks.modes.cancelling import measure_cancels
from benchmarks.modes.measuring import FULL, QUICK, Modes, Plan
from benchmarks.modes.tables import judge, report
from benchmarks.modes.ways import loop
from benchmarks.places import ground
from benchmarks.plan import BACKENDS
from benchmarks.plan import Plan as CommonPlan
from benchmarks.report import write_docs
from benchmarks.results import Results

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "async.md"
PACKAGES = ("anyio", "trio", "aiosqlite", "asyncpg", "aiomysql")
Tell = Callable[[str], None]


def main(words: Sequence[str], tell: Tell, plan: Plan | None = None) -> int:
    """Run what the command line asks for, and return the exit code.

    Args:
        words: the command line, behind ``modes``.
        tell: says what is going on.
        plan: a plan to go by in the place of those for quick and for full runs.
    """
    asked = _parser().parse_args(words)
    plan = plan or (QUICK if asked.quick else FULL)
    plan = replace(plan, backends=tuple(asked.on))
    with tempfile.TemporaryDirectory(prefix="cheap-bench-") as folder:
        results = run(plan, Path(folder), tell, asked.json)
    for each in asked.join:
        results.join(each)
    verdicts = judge(results, BACKENDS)
    text = report(results, verdicts)
    print(text)
    results.write(verdicts)
    if asked.write_docs:
        write_docs(PAGE, text)
    missed = [each for each in verdicts if not each.met]
    for each in missed:
        print(each)
    print(f"{len(verdicts) - len(missed)} of {len(verdicts)} targets met")
    return 1 if asked.strict and missed else 0


def run(plan: Plan, folder: Path, tell: Tell, json: Path | None = None) -> Results:
    """Measure what is planned; write what is found as JSON, as it is found."""
    common = CommonPlan(("modes",), plan.backends, rounds=plan.rounds, quick=plan.quick)
    results = Results(about(common, {}), path=json)
    results.about["packages"] |= {name: version(name) for name in PACKAGES}
    data = make_data(plan.size)
    with ExitStack() as stack:
        # The records are no business of the garbage collector, which is on in what follows.
        gc.collect()
        gc.freeze()
        stack.callback(gc.unfreeze)
        loops = {kind: stack.enter_context(loop(kind)) for kind in ("asyncio", "trio")}
        for backend in plan.backends:
            with ground(backend, folder) as place:
                results.about["databases"][backend] = place.version()

                def told(text: str, backend: str = backend) -> None:
                    tell(f"{backend}: {text}")

                Modes(place, data, plan, results, told).run(loops)
                measure_cancels(place, data, plan.cancels, loops["asyncio"], results, told)
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench modes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--on",
        type=_backends,
        default=BACKENDS,
        metavar="DATABASES",
        help=f"on which databases, with commas between: {','.join(BACKENDS)}",
    )
    parser.add_argument("--quick", action="store_true", help="few aspects, few rounds")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a target is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--join",
        type=Path,
        metavar="FILE",
        nargs="+",
        default=(),
        help="take up what this run does not measure from the --json of others, the latest first",
    )
    parser.add_argument(
        "--write-docs", action="store_true", help="put the tables into docs/async.md"
    )
    return parser


def _backends(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in BACKENDS:
            raise argparse.ArgumentTypeError(f"unknown database {name!r}; known: {BACKENDS}")
    return names
