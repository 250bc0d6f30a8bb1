"""Databases of their own for tests that look behind the DAOs."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.db.places import SITES, ServerSite, Site, SqliteSite
from tests.lanes import Ground

_numbers = itertools.count()
KINDS = ("sqlite", "postgres", "mariadb")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    fast = metafunc.config.option.fast
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", KINDS[:1] if fast else KINDS)
    if "server_kind" in metafunc.fixturenames:
        metafunc.parametrize("server_kind", () if fast else KINDS[1:])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.fast:
        needing = {"postgres", "mariadb", "server_kind"}
        items[:] = [
            each
            for each in items
            if not (
                each.path.is_relative_to(Path(__file__).parent)
                and needing.intersection(getattr(each, "fixturenames", ()))
            )
        ]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No thread and no open file outlives a test."""
    threads = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while left := [each for each in threading.enumerate() if each not in threads]:
        assert time.monotonic() < deadline, f"left running: {left}"
        time.sleep(0.001)


@pytest.fixture
def open_files() -> Callable[[], list[str]]:
    """What this process has open right now, by name."""

    def names() -> list[str]:
        found: list[str] = []
        for number in os.listdir("/proc/self/fd"):
            try:
                found.append(os.readlink(f"/proc/self/fd/{number}"))
            except OSError:
                continue  # the listing itself
        return sorted(found)

    return names


@pytest.fixture(scope="session")
def databases() -> dict[str, list[str]]:
    """Databases with our schema and nothing in it, for the next test: making one takes long."""
    return {kind: [] for kind in KINDS}


def _server_site(
    ground: Ground, kind: str, databases: dict[str, list[str]], *, bare: bool = False
) -> Iterator[ServerSite]:
    server = ground.backend(kind).server  # type: ignore[attr-defined]
    kept = databases[kind]
    if kept and not bare:
        name = kept.pop()
        site = SITES[kind](server, server.url(name))
    else:
        name = f"db{next(_numbers)}"
        site = SITES[kind](server, server.create_database(name))
        if not bare:
            site.new_adapter().close()
    with site.stack:
        yield site
        site.stack.close()
        if site.clear():
            kept.append(name)
        else:
            server.drop_database(name)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteSite]:
    site = SqliteSite(tmp_path / "catalog.db")
    with site.stack:
        yield site


@pytest.fixture
def postgres(ground: Ground, databases: dict[str, list[str]]) -> Iterator[ServerSite]:
    yield from _server_site(ground, "postgres", databases)


@pytest.fixture
def mariadb(ground: Ground, databases: dict[str, list[str]]) -> Iterator[ServerSite]:
    yield from _server_site(ground, "mariadb", databases)


@pytest.fixture
def bare_site(kind: str, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A database of each kind without our schema."""
    if kind == "sqlite":
        yield request.getfixturevalue("sqlite")
    else:
        ground, databases = map(request.getfixturevalue, ("ground", "databases"))
        yield from _server_site(ground, kind, databases, bare=True)


@pytest.fixture
def server(server_kind: str, request: pytest.FixtureRequest) -> ServerSite:
    """A database with our schema on each of the servers, one after the other."""
    site: ServerSite = request.getfixturevalue(server_kind)
    return site


@pytest.fixture
def site(kind: str, request: pytest.FixtureRequest) -> Site:
    """A database of each kind, one after the other; on a server with our schema already."""
    site: Site = request.getfixturevalue(kind)
    return site
