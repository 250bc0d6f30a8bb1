"""The benchmarks run, so that they cannot rot: everything they do, with a few aspects on SQLite."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the benchmarks need SQLAlchemy: scripts/setup bench")

from benchmarks.__main__ import main
from benchmarks.plan import BENCHMARKS, Plan
from benchmarks.report import BEGIN, END, ROWS, write_docs

TINY = Plan(
    sizes=(40, 300), rounds=1, calls=4, large=500, puts=50, memory_of=("cheap",), quick=True
)


@pytest.fixture(autouse=True)
def garbage_stays_out() -> Iterator[None]:
    """The benchmarks let the collector look at all that a test run holds; not so what follows."""
    yield
    gc.freeze()


def test_everything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each of some hundred clocks begins with a round of the collector, which in a test run takes
    # a quarter of a second. The other test with a clock has them.
    monkeypatch.setattr("benchmarks.timing._as_a_program_has_it", nullcontext)
    out = tmp_path / "figures.json"
    assert main(["--on", "sqlite", "--json", str(out)], TINY) == 0
    found = json.loads(out.read_text())
    tasks = {figure["task"] for figure in found["figures"]}
    # One row of the tables is a further contender of another's task.
    assert tasks >= (ROWS.keys() - {"save_built"}) | {"disk", "peak_save", "aspect", "put"}
    assert {figure["size"] for figure in found["figures"]} == {5, 50, 500, *TINY.sizes}
    assert all(figure["median"] > 0 for figure in found["figures"] if "peak" not in figure["task"])
    shown = capsys.readouterr().out
    for target in found["targets"]:
        assert target["target"] in shown

    # A run of one benchmark, with the rest of that one.
    both = tmp_path / "both.json"
    assert main(["put", "--join", str(out), "--json", str(both)], TINY) == 0
    joined = json.loads(both.read_text())
    assert [each["target"] for each in joined["targets"]] == [
        each["target"] for each in found["targets"]
    ]
    rounds, old = (
        {(f["task"], f["contender"], f["size"]): f["rounds"] for f in each["figures"]}
        for each in (joined, found)
    )
    assert {key[0] for key, each in rounds.items() if each != old[key]} == {"put"}
    assert rounds.keys() == old.keys()
    assert joined["others"] == [found["about"]]
    assert "* " + found["about"]["date"] in capsys.readouterr().out


def test_strict_names_what_is_missed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.targets.PUT", 0.0)
    assert main(["put", "--strict"], TINY) == 1
    assert "MISSED: a record put" in capsys.readouterr().out
    monkeypatch.setattr("benchmarks.targets.PUT", 1e6)
    assert main(["put", "--strict"], TINY) == 0


@pytest.mark.parametrize("words", [["nothing"], ["--on", "oracle"], ["--of", "nobody"]])
def test_unknown_names_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert "known: " in capsys.readouterr().err


def test_the_page_has_a_place_for_the_figures(tmp_path: Path) -> None:
    page = Path(__file__).parent.parent / "docs" / "benchmarks.md"
    copy = tmp_path / "page.md"
    copy.write_text(page.read_text())
    write_docs(copy, "figures of now\n")
    text = copy.read_text()
    before, _, rest = page.read_text().partition(BEGIN)
    assert text == f"{before}{BEGIN}\nfigures of now\n\n{END}{rest.partition(END)[2]}"


def test_every_benchmark_is_explained() -> None:
    page = Path(__file__).parent.parent / "docs" / "benchmarks.md"
    assert [name for name in BENCHMARKS if f"`{name}`" not in page.read_text()] == []
