"""Measure CheapPy beside the bare driver and what one would use instead.

scripts/bench                        everything, half an hour
scripts/bench --quick                everything small: whether it works
scripts/bench save load --on sqlite  two benchmarks on one database
scripts/bench put --join a.json      one benchmark; the others as an earlier run found them
scripts/bench modes                  blocking and awaited, side by side: has a --help of its own
scripts/bench http                   the server and its clients: has a --help of its own
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import http, modes
from benchmarks.plan import BACKENDS, BENCHMARKS, CONTENDERS, FULL, QUICK, Plan
from benchmarks.report import report, write_docs
from benchmarks.running import run
from benchmarks.targets import Verdict, judge

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def main(words: Sequence[str] | None = None, plan: Plan | None = None) -> int:
    """Run what the command line asks for, and return the exit code.

    Args:
        words: the command line; that of the process, if not given.
        plan: a plan to go by in the place of those for quick and for full runs.
    """
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["modes"]:
        return modes.main(words[1:], _Progress())
    if words[:1] == ["http"]:
        return http.main(words[1:], _Progress())
    asked = _parser().parse_args(words)
    plan = plan or (QUICK if asked.quick else FULL)
    if asked.names:
        plan = replace(plan, names=tuple(asked.names))
    plan = replace(plan, backends=tuple(asked.on), contenders=tuple(asked.of))
    with tempfile.TemporaryDirectory(prefix="cheap-bench-") as folder:
        results = run(plan, Path(folder), _Progress(), asked.json)
    for each in asked.join:
        results.join(each)
    verdicts = judge(results, BACKENDS, plan.sizes[-1])
    text = report(results, verdicts)
    print(text)
    results.write(verdicts)
    if asked.write_docs:
        write_docs(PAGE, text)
    return _finish(verdicts, strict=asked.strict)


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {name:8} {text}" for name, text in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=f"{__doc__}\nbenchmarks:\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", type=_name, metavar="name", help="what to measure")
    parser.add_argument(
        "--on",
        type=_backends,
        default=BACKENDS,
        metavar="DATABASES",
        help=f"on which databases, with commas between: {','.join(BACKENDS)}",
    )
    parser.add_argument(
        "--of",
        type=_contenders,
        default=CONTENDERS,
        metavar="CONTENDERS",
        help=f"which contenders, the raw driver always among them: {','.join(CONTENDERS)}",
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
        "--write-docs", action="store_true", help="put the tables into docs/benchmarks.md"
    )
    return parser


def _name(text: str) -> str:
    if text not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"unknown benchmark {text!r}; known: {[*BENCHMARKS]}")
    return text


def _backends(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in BACKENDS:
            raise argparse.ArgumentTypeError(f"unknown database {name!r}; known: {[*BACKENDS]}")
    return names


def _contenders(text: str) -> tuple[str, ...]:
    names = {*text.split(","), "raw"}
    for name in names:
        if name not in CONTENDERS:
            raise argparse.ArgumentTypeError(f"unknown contender {name!r}; known: {[*CONTENDERS]}")
    return tuple(each for each in CONTENDERS if each in names)


def _finish(verdicts: Sequence[Verdict], *, strict: bool) -> int:
    missed = [each for each in verdicts if not each.met]
    for each in missed:
        print(each)
    print(f"{len(verdicts) - len(missed)} of {len(verdicts)} targets met")
    return 1 if strict and missed else 0


class _Progress:
    """Says what is going on: on a terminal in one line, else now and then in a line of its own."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()
        self._start = self._last = time.monotonic()

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        line = f"{now - self._start:5.0f} s  {text}"
        if self._shows:
            print(f"\r\033[K{line[:100]}", end="", file=sys.stderr, flush=True)
        elif now - self._last > 5:
            self._last = now
            print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
