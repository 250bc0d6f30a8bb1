"""The benchmarks of the modes run, so that they cannot rot: everything they do, once, on SQLite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the benchmarks need SQLAlchemy: scripts/setup bench")
pytest.importorskip("aiosqlite", reason="the benchmarks need aiosqlite: scripts/setup bench")

from benchmarks.__main__ import main as bench
from benchmarks.modes import command, main, tables
from benchmarks.modes.measuring import Plan
from benchmarks.report import BEGIN, END
from benchmarks.results import Results

TINY = Plan(size=300, rounds=1, calls=4, cancels=2, quick=True)
TASKS = {
    *(f"nothing_{loop}_{count}" for loop in ("asyncio", "trio") for count in (1, 100)),
    *(f"read_{size}_{count}" for size in (1, 100) for count in (1, 100)),
    *(f"batch_{size}" for size in (1, 10, 100, 1000)),
    *("throughput", "cancel_load", "cancel_save"),
}


def test_everything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "figures.json"
    really, runs = command.run, []

    def run(plan: Plan, folder: Path, tell: command.Tell, json: Path | None) -> Results:
        runs.append(really(plan, folder, tell, json))
        return runs[-1]

    monkeypatch.setattr(command, "run", run)
    assert main(["--on", "sqlite", "--json", str(out)], lambda _: None, TINY) == 0
    found = json.loads(out.read_text())
    assert {figure["task"] for figure in found["figures"]} == TASKS
    assert all(figure["median"] > 0 for figure in found["figures"])
    shown = capsys.readouterr().out
    for target in found["targets"]:
        assert target["target"] in shown
    assert "aiosqlite" in found["about"]["packages"]

    # A run that misses a target: the same, since it takes some seconds.
    monkeypatch.setattr(command, "run", lambda *_: runs[0])
    monkeypatch.setattr(tables, "HOP", 0.0)
    assert main(["--on", "sqlite", "--strict"], lambda _: None, TINY) == 1
    assert "MISSED: sqlite: a call that does nothing" in capsys.readouterr().out


def test_it_is_called_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench(["modes", "--on", "oracle"])
    assert "known: " in capsys.readouterr().err


def test_the_page_has_a_place_for_the_figures() -> None:
    text = command.PAGE.read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)
