"""Lanes: the roads on which a scenario travels. A lane is a backend seen through a door.

A backend keeps catalogs; a door gives what is behind it the shape of a ``Store``. Scenarios know
neither: a new door is a class here and a word in ``DOORS``. Which lanes a scenario travels says
``lanes_of``.

    with Ground(folder) as ground:
        with ground.open(Lane("sqlite", "dao")) as place:
            place.store.save_catalog(catalog)
            place.another().load_catalog(catalog.global_id)
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import unquote, urlsplit
from zlib import crc32

from anyio.from_thread import BlockingPortal

from cheap.db.dao import SqlDao
from cheap.db.mariadb import MariaDbAdapter, MariaDbDao
from cheap.db.memory import MemoryDao
from cheap.db.postgres import PostgresAdapter, PostgresDao
from cheap.db.sqlite import SqliteAdapter, SqliteDao
from cheap.store import Store
from tests.clients import async_client_over, client_over
from tests.facade import Loops, calls_left, is_idle
from tests.servers import Server, mariadb_server, postgres_server

# --- doors ----------------------------------------------------------------------------------


class Door(ABC):
    """A way to what a DAO keeps, with the shape of a ``Store``."""

    name: str
    family: str
    """Doors of one family do the same in nearly the same way, and take turns: see ``lanes_of``."""

    @abstractmethod
    def transactions(self, backend: str) -> bool:
        """Whether ``transaction()`` is offered through this door; HTTP cannot carry it."""

    @abstractmethod
    def wrap(self, dao: Store, ground: Ground) -> AbstractContextManager[Store]:
        """Open the door; what it needs is closed at the end, the DAO is not."""


class DaoDoor(Door):
    """No door at all."""

    name = family = "dao"

    def transactions(self, backend: str) -> bool:
        return True

    def wrap(self, dao: Store, ground: Ground) -> AbstractContextManager[Store]:
        return nullcontext(dao)


class FacadeDoor(Door):
    """The DAO, awaited in an event loop that runs in another thread, for all tests."""

    family = "facade"

    def __init__(self, loop: str) -> None:
        self.name = f"facade-{loop}"
        self._loop = loop

    def transactions(self, backend: str) -> bool:
        return backend != "memory"  # which has no session that could be held

    def wrap(self, dao: Store, ground: Ground) -> AbstractContextManager[Store]:
        return ground.loops.awaited(dao, self._loop)


class ClientDoor(Door):
    """A server over the DAO, and a client of it, with no socket between them.

    Args:
        family: which client.
        loop: the event loop of the server, and of the client if it has one.
        client: the client.
    """

    def __init__(
        self,
        family: str,
        loop: str,
        client: Callable[[Store, BlockingPortal], AbstractContextManager[Store]],
    ) -> None:
        self.family = family
        self.name = f"{family}-{loop}"
        self._loop = loop
        self._client = client

    def transactions(self, backend: str) -> bool:
        return False  # they cannot cross HTTP

    def wrap(self, dao: Store, ground: Ground) -> AbstractContextManager[Store]:
        return self._client(dao, ground.loops.portal(self._loop))


DOORS: dict[str, Door] = {
    door.name: door
    for door in (
        DaoDoor(),
        FacadeDoor("asyncio"),
        FacadeDoor("trio"),
        ClientDoor("client", "asyncio", client_over),
        ClientDoor("aclient", "asyncio", async_client_over),
        ClientDoor("aclient", "trio", async_client_over),
    )
}


# --- backends -------------------------------------------------------------------------------

Opened = tuple[Store, Any]
"""A DAO, and its adapter (``None`` if it has none)."""


class Backend(ABC):
    """One kind of store, and all that it needs for the time of a test run."""

    name: ClassVar[str]
    fast: ClassVar[bool] = True
    """Whether it needs no server."""
    shared: ClassVar[bool] = True
    """Whether DAOs stay open from test to test, on one database which each test leaves empty:
    making and opening one costs more than most scenarios."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._kept: list[Opened] = []

    @abstractmethod
    def open(self, *, own: bool = False) -> Opened:
        """Open a DAO on the database; one of the caller's ``own`` closes what it opened."""

    def opener(self) -> Callable[[], Opened]:
        """Return what opens one DAO after the other for a test."""
        used = 0

        def another() -> Opened:
            nonlocal used
            if used == len(self._kept):
                self._kept.append(self.open())
                self.ground.stack.callback(self._kept[-1][1].close)
            used += 1
            return self._kept[used - 1]

        return another


class MemoryBackend(Backend):
    name = "memory"
    shared = False

    def open(self, *, own: bool = False) -> Opened:
        return MemoryDao(), None

    def opener(self) -> Callable[[], Opened]:
        dao = MemoryDao()
        return lambda: (dao, None)


class SqliteBackend(Backend):
    name = "sqlite"

    def open(self, *, own: bool = False) -> Opened:
        path = self.ground.folder / "catalogs.db"
        adapter = SqliteAdapter.create(path, init_schema=True, durability="off")
        return SqlDao(adapter, owns_adapter=True) if own else SqliteDao(adapter), adapter


class ServerBackend(Backend):
    """A database on a server that is started when the first lane needs it."""

    fast = False

    @abstractmethod
    def start(self) -> AbstractContextManager[Server]: ...

    @cached_property
    def server(self) -> Server:
        return self.ground.stack.enter_context(self.start())

    @cached_property
    def login(self) -> dict[str, Any]:
        """How to reach the database, which is made now, and its name."""
        parts = urlsplit(self.server.create_database("contract"))
        return {
            "host": parts.hostname,
            "port": parts.port,
            "database": parts.path.strip("/"),
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "init_schema": True,
            "pool_min_size": 1,
            "pool_max_size": 4,
        }


class PostgresBackend(ServerBackend):
    name = "postgres"

    def start(self) -> AbstractContextManager[Server]:
        return postgres_server(durable=False)

    def open(self, *, own: bool = False) -> Opened:
        login = dict(self.login)
        adapter = PostgresAdapter.create(dbname=login.pop("database"), **login)
        return SqlDao(adapter, owns_adapter=True) if own else PostgresDao(adapter), adapter


class MariaDbBackend(ServerBackend):
    name = "mariadb"

    def start(self) -> AbstractContextManager[Server]:
        return mariadb_server(durable=False)

    def open(self, *, own: bool = False) -> Opened:
        adapter = MariaDbAdapter.create(**self.login)
        return SqlDao(adapter, owns_adapter=True) if own else MariaDbDao(adapter), adapter


BACKENDS: dict[str, type[Backend]] = {
    kind.name: kind for kind in (MemoryBackend, SqliteBackend, PostgresBackend, MariaDbBackend)
}


# --- lanes ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lane:
    """A backend through a door."""

    backend: str
    door: str

    @property
    def fast(self) -> bool:
        """Whether it belongs to the daily part: no server, and no door to go through."""
        return BACKENDS[self.backend].fast and self.door == DaoDoor.name

    @property
    def transactions(self) -> bool:
        return DOORS[self.door].transactions(self.backend)

    def __str__(self) -> str:
        return f"{self.backend}-{self.door}"


LANES = tuple(Lane(backend, door) for backend in BACKENDS for door in DOORS)


def lanes_of(scenario: str) -> list[Lane]:
    """The lanes that a scenario travels: each backend, through one door of each family.

    The doors of a family take turns from backend to backend, so a scenario goes through all of
    them; and the turns begin elsewhere with each scenario, so each lane is travelled by its share
    of them. ``--every-lane`` has all scenarios travel all lanes.
    """
    families: dict[str, list[str]] = {}
    for door in DOORS.values():
        families.setdefault(door.family, []).append(door.name)
    start = crc32(scenario.encode())  # the same in every process, as hash() is not
    return [
        Lane(backend, doors[(start + number) % len(doors)])
        for number, backend in enumerate(BACKENDS)
        for doors in families.values()
    ]


def travels(number: int, of: int, lane: Lane, lanes: Collection[Lane]) -> bool:
    """Whether one of a scenario's sets of parameters travels one of its lanes.

    All of them travel the lanes of the DAOs. Behind a door it is the same DAO that decides, and
    they take turns there: each goes through a door of every family, and some through each lane.
    ``--every-lane`` has all sets travel all lanes.

    Args:
        number: which set, from 0.
        of: how many there are.
        lane: the lane.
        lanes: all lanes of the scenario.
    """
    family = DOORS[lane.door].family
    if family == DaoDoor.family:
        return True
    # With each family the turns begin elsewhere, so that a set sees as many backends as it can.
    start = [*{door.family: None for door in DOORS.values()}].index(family)
    there = {each.backend for each in lanes if DOORS[each.door].family == family}
    backends = [each for each in BACKENDS if each in there]
    return (start + number + backends.index(lane.backend)) % min(of, len(backends)) == 0


@dataclass
class Place:
    """An empty store, open for one test."""

    lane: Lane
    _backend: Backend
    _open: Callable[[], Opened]
    _stack: ExitStack
    used: bool = False
    """Whether a store was opened."""
    _stores: list[Store] = field(default_factory=list)
    _adapters: list[Any] = field(default_factory=list)
    _threads: set[threading.Thread] = field(default_factory=lambda: set(threading.enumerate()))

    @cached_property
    def store(self) -> Store:
        """The store under test."""
        return self.another()

    def another(self) -> Store:
        """A further store with connections of its own, on the same data."""
        before = set(threading.enumerate())
        store = self._through_door(*self._open())
        self._threads |= set(threading.enumerate()) - before  # a pool's or an event loop's
        return store

    def closing(self) -> Store:
        """A store that the test closes; the memory store is then another, empty one."""
        dao, adapter = self._backend.open(own=True)
        self._stack.callback(dao.close)
        return self._through_door(dao, adapter)

    def _through_door(self, dao: Store, adapter: Any) -> Store:
        self.used = True
        if adapter is not None:
            self._adapters.append(adapter)
        door = DOORS[self.lane.door].wrap(dao, self._backend.ground)
        self._stores.append(self._stack.enter_context(door))
        return self._stores[-1]

    def clear(self) -> None:
        """Delete every catalog."""
        for each in self.store.list_catalog_ids():
            self.store.delete_catalog(each)

    def connections_left(self) -> int:
        """How many connections were not given back."""
        return sum(adapter.checked_out for adapter in self._adapters)

    def calls_left(self) -> int:
        """How many calls on facades have not ended."""
        return calls_left(self._stores)

    def threads_left(self, patience: float = 2.0) -> list[threading.Thread]:
        """The threads that the test started and that do not end."""
        deadline = time.monotonic() + patience
        while left := [
            each
            for each in threading.enumerate()
            if each not in self._threads and not is_idle(each)
        ]:
            if time.monotonic() > deadline:
                return left
            time.sleep(0.001)
        return []


class Ground:
    """All that the lanes of one run share: a folder, the servers, their connections."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = ExitStack()
        self.loops = Loops(self.stack)
        self._backends: dict[str, Backend] = {}

    def backend(self, name: str) -> Backend:
        if name not in self._backends:
            self._backends[name] = BACKENDS[name](self)
        return self._backends[name]

    @contextmanager
    def open(self, lane: Lane) -> Generator[Place]:
        """An empty store for one test, which leaves no connection and no thread behind."""
        backend = self.backend(lane.backend)
        with ExitStack() as stack:
            place = Place(lane, backend, backend.opener(), stack)
            yield place
            assert place.connections_left() == 0, "a connection was not given back"
            assert place.calls_left() == 0, "a call has not ended"
            if backend.shared and place.used:
                place.clear()
        assert place.threads_left() == [], "a thread was left running"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stack.close()
