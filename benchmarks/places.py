"""Places: the databases that contenders work in, each in one of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, create_engine, event, inspect

from cheap import connect
from cheap.db.dao import SqlDao
from tests.servers import Server, mariadb_server, postgres_server


@dataclass(frozen=True)
class Place:
    """A database for one contender.

    Attributes:
        backend: sqlite, postgres or mariadb.
        url: its address, as ``cheap.connect`` takes it.
    """

    backend: str
    url: str

    def connect(self) -> SqlDao:
        """Open it as CheapPy does, with CheapPy's tables."""
        dao = connect(self.url)
        assert isinstance(dao, SqlDao)
        return dao

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return Path("/" + self.url.removeprefix("sqlite:////"))


class Ground(ABC):
    """One kind of database, for the time of a run."""

    backend: ClassVar[str]
    process: int | None = None
    """The server's process, if there is one that is ours."""

    @abstractmethod
    def place(self, name: str) -> Place:
        """Make an empty place, also where there is one of this name already."""

    @abstractmethod
    def version(self) -> str:
        """The database and its version, in words."""

    def size(self, place: Place) -> int:
        """How many bytes a place takes on disk."""
        with _plain_connection(place) as connection:
            self._settle(connection)
            return int(connection.exec_driver_sql(self._size).scalar_one())

    def calm(self, place: Place) -> None:
        """Let the database finish what it would otherwise do in somebody else's turn."""
        with _plain_connection(place) as connection:
            self._settle(connection)

    _size: ClassVar[str]

    @abstractmethod
    def _settle(self, connection: Connection) -> None:
        """See ``calm``."""


def engine_of(place: Place) -> Engine:
    """Connect with SQLAlchemy; on SQLite with the settings that CheapPy uses, else with its own."""
    url = urlsplit(place.url)
    if place.backend != "sqlite":
        driver = {"postgres": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}[place.backend]
        return create_engine(url._replace(scheme=driver).geturl())
    engine = create_engine(place.url)

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _: object) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -16384"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


@contextmanager
def _plain_connection(place: Place) -> Generator[Connection]:
    """Lend a connection beside those of the contender, each statement on its own."""
    engine = engine_of(place)
    try:
        with engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
    finally:
        engine.dispose()


class SqliteGround(Ground):
    """Files in a folder."""

    backend = "sqlite"
    _size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, name: str) -> Place:
        place = Place("sqlite", f"sqlite:///{self._folder / name}.db")
        for ending in ("", "-wal", "-shm"):
            Path(f"{place.path}{ending}").unlink(missing_ok=True)
        return place

    def version(self) -> str:
        with connect("sqlite:///:memory:") as dao:
            assert isinstance(dao, SqlDao)
            return f"SQLite {dao.adapter.server_version()}"

    def _settle(self, connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


class ServerGround(Ground):
    """Databases of a private server, which waits for the disk at every commit."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.process = server.pid

    def place(self, name: str) -> Place:
        self._server.drop_database(name)
        return Place(self.backend, self._server.create_database(name))

    def version(self) -> str:
        place = self.place("version")
        with place.connect() as dao:
            return f"{self._server.kind} {dao.adapter.server_version()}"


class PostgresGround(ServerGround):
    """PostgreSQL."""

    backend = "postgres"
    _size = """
        SELECT sum(pg_total_relation_size(oid)) FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""

    def _settle(self, connection: Connection) -> None:
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("CHECKPOINT")


class MariaDbGround(ServerGround):
    """MariaDB."""

    backend = "mariadb"
    _size = """
        SELECT sum(data_length + index_length) FROM information_schema.tables
        WHERE table_schema = DATABASE()"""

    def _settle(self, connection: Connection) -> None:
        tables = inspect(connection).get_table_names()
        connection.exec_driver_sql(f"ANALYZE TABLE {', '.join(tables)}")


@contextmanager
def ground(backend: str, folder: Path) -> Generator[Ground]:
    """Open the ground of one kind: a folder, or a server that is stopped at the end."""
    if backend == "sqlite":
        yield SqliteGround(folder)
    elif backend == "postgres":
        with postgres_server(durable=True) as server:
            yield PostgresGround(server)
    else:
        with mariadb_server(durable=True) as server:
            yield MariaDbGround(server)
