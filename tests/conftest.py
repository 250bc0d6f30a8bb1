"""What every test can ask for: a store in each lane, and the rules that hold for all tests."""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from cheap.store import Store
from tests.divergences import DIVERGENCES
from tests.lanes import LANES, Ground, Lane, Place, lanes_of, travels

CONTRACT = Path(__file__).parent / "contract"
NOT_DAILY = (
    *("test_benchmarks.py", "test_modes.py", "test_bench_http.py"),
    *("test_demo.py", "test_cli.py", "test_sockets.py", "test_processes.py"),
    *("test_schema.py", "test_sizes.py", "test_storm.py", "test_slowness.py"),
)
"""Files that ``--fast`` leaves to the whole run: they start servers and programs many times, wait
for what is slow, or try very many or very large things."""

# Examples take as long as they take, and each makes catalogs of its own in the test's store.
settings.register_profile(
    "cheap",
    deadline=None,
    database=DirectoryBasedExampleDatabase(".cache/hypothesis"),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("cheap"), database=None, derandomize=True)
settings.load_profile("ci" if "CI" in os.environ else "cheap")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fast", action="store_true", help="only the lanes that need no server: memory, SQLite"
    )
    parser.addoption(
        "--every-lane", action="store_true", help="each test in all lanes, not in its share of them"
    )


def pytest_configure(config: pytest.Config) -> None:
    for marker in (
        "transactions: only in lanes whose door offers transaction()",
        "against_memory: in every lane but those of the memory store",
        "not_daily: takes long, and is left to whole runs",
    ):
        config.addinivalue_line("markers", marker)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave some files to whole runs, which have what they need."""
    if config.option.fast and collection_path.name in NOT_DAILY:
        return True
    return None


# --- lanes ----------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "lane" not in metafunc.fixturenames:
        return
    option, definition = metafunc.config.option, metafunc.definition
    scenario = f"{definition.path.name}::{definition.name}"
    lanes: list[Lane] = [*LANES] if option.every_lane else lanes_of(scenario)
    if option.fast:
        lanes = [each for each in lanes if each.fast]
    if definition.get_closest_marker("transactions"):
        lanes = [each for each in lanes if each.transactions]
    if definition.get_closest_marker("against_memory"):
        lanes = [each for each in lanes if each.backend != "memory"]
    metafunc.parametrize("lane", lanes, ids=str)


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with Ground(tmp_path_factory.mktemp("lanes")) as ground:
        yield ground


@pytest.fixture
def place(ground: Ground, lane: Lane) -> Iterator[Place]:
    """An empty store, and further ways to it."""
    with ground.open(lane) as place:
        yield place


@pytest.fixture
def store(place: Place) -> Store:
    """An empty store."""
    return place.store


@pytest.fixture
def other(place: Place, store: Store) -> Store:
    """A second store on the same data, with connections of its own (memory: the same object)."""
    return place.another()


def _take_turns(items: list[pytest.Item]) -> None:
    """Leave out the sets of parameters that do not travel a lane: see ``travels``."""
    lanes: dict[str, set[Lane]] = defaultdict(set)
    sets: dict[str, dict[str, int]] = defaultdict(dict)

    def place(item: pytest.Item) -> tuple[Lane, str, str] | None:
        spec = getattr(item, "callspec", None)
        if spec is None or "lane" not in spec.params:
            return None
        lane = spec.params["lane"]
        return lane, item.nodeid.partition("[")[0], spec.id.replace(str(lane), "", 1)

    for item in items:
        if found := place(item):
            lane, scenario, parameters = found
            lanes[scenario].add(lane)
            sets[scenario].setdefault(parameters, len(sets[scenario]))

    def stays(item: pytest.Item) -> bool:
        if (found := place(item)) is None:
            return True
        lane, scenario, parameters = found
        number = sets[scenario][parameters]
        return travels(number, len(sets[scenario]), lane, lanes[scenario])

    items[:] = filter(stays, items)


# --- the ledger -----------------------------------------------------------------------------


def _scenario(item: pytest.Item) -> str:
    name = getattr(item, "originalname", None) or item.name
    return f"{item.path.name}::{name}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.option.every_lane:
        _take_turns(items)
    if config.option.fast:
        items[:] = [each for each in items if not each.get_closest_marker("not_daily")]
    # What takes longest begins first, or one worker ends up with it while the others are idle.
    items.sort(key=lambda item: item.path.name not in NOT_DAILY)
    for item in items:
        lane = getattr(item, "callspec", None) and item.callspec.params.get("lane")  # type: ignore[attr-defined]
        reason = DIVERGENCES.get((str(lane), _scenario(item)))
        if reason is not None:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse an entry of the ledger that speaks of no lane or no scenario."""
    lanes = {str(each) for each in LANES}
    for lane, scenario in DIVERGENCES:
        name, _, test = scenario.partition("::")
        path = CONTRACT / name
        if lane not in lanes or not path.exists() or f"def {test}(" not in path.read_text():
            raise pytest.UsageError(f"tests/divergences.py: there is no {scenario} in {lane}")
    # Ten thousand tests are many objects, and the garbage collector would look at each of them in
    # each of its rounds, and never find one that may go.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a scenario that skips itself: a difference belongs into the ledger."""
    report = yield
    in_contract = item.path.is_relative_to(CONTRACT)
    if report.skipped and in_contract and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped without an entry in tests/divergences.py: {report.longrepr}"
    return report


@pytest.fixture
def reference() -> Iterator[Store]:
    """A memory store: what the store under test is held against."""
    from cheap.db.memory import MemoryDao

    with MemoryDao() as dao:
        yield dao


@pytest.fixture
def closing(place: Place) -> Store:
    """An empty store that may be closed."""
    return place.closing()
