"""The benchmarks over HTTP run, so that they cannot rot: everything they do, once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the benchmarks need SQLAlchemy: scripts/setup bench")
pytest.importorskip("asyncpg", reason="the benchmarks need asyncpg: scripts/setup bench")
pytest.importorskip("fastapi", reason="the benchmarks need FastAPI: scripts/setup bench")

from benchmarks.__main__ import main as bench
from benchmarks.http import command, main, tables
from benchmarks.http.clients import CALLS
from benchmarks.http.command import BEGIN, PAGE
from benchmarks.http.loads import MISSING, WRK
from benchmarks.http.plan import Plan
from benchmarks.http.rates import TASKS
from benchmarks.http.streams import STREAMS
from benchmarks.report import END, write_docs
from benchmarks.results import Results

CONNECTIONS = (2,) if shutil.which(WRK) else ()  # scripts/bench installs it
TINY = Plan(
    sizes=(1_200,),
    connections=CONNECTIONS,
    rounds=1,
    warming=0,
    seconds=1,
    calls=4,
    streamed=1,
    quick=True,
)
EXPECTED = {
    *(f"client_{task}" for task in CALLS),
    *(f"{what}_{stream}" for what in ("stream", "growth") for stream in STREAMS),
    *(
        f"{task}_{count}_{what}"
        for task in TASKS
        for count in CONNECTIONS
        for what in ("rate", "median", "p99", "work")
    ),
}


def test_everything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "figures.json"
    really, runs = command.run, []

    def run(plan: Plan, folder: Path, tell: command.Tell) -> Results:
        runs.append(really(plan, folder, tell))
        return runs[-1]

    monkeypatch.setattr(command, "run", run)
    assert main(["--json", str(out)], lambda _: None, TINY) == 0
    found = json.loads(out.read_text())
    assert {figure["task"] for figure in found["figures"]} == EXPECTED
    for figure in found["figures"]:
        if not figure["task"].startswith("growth") and not figure["task"].endswith("work"):
            assert figure["median"] > 0, figure
    shown = capsys.readouterr().out
    for target in found["targets"]:
        assert target["target"] in shown
    assert "fastapi" in found["about"]["packages"]
    assert found["about"]["asked"] == "http on sqlite"

    # A run that misses a target: the same, since it takes some seconds.
    monkeypatch.setattr(command, "run", lambda *_: runs[0])
    monkeypatch.setattr(tables, "CLIENT", 0.0)
    assert main(["--strict"], lambda _: None, TINY) == 1
    assert "MISSED: CheapClient: a header, to plain httpx" in capsys.readouterr().out


def test_it_is_called_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench(["http", "--help"])
    assert "scripts/bench http" in capsys.readouterr().out


def test_without_wrk_it_says_what_to_type(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main([], lambda _: None, Plan()) == 2
    assert MISSING in capsys.readouterr().out


def test_the_page_has_a_place_for_the_figures(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    write_docs(page, "figures of now\n", BEGIN)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    assert page.read_text() == f"{before}{BEGIN}\nfigures of now\n\n{END}{rest.partition(END)[2]}"
