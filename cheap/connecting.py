"""``connect``: a store from an address."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import TypeAdapter, ValidationError

from cheap.db.adapter import check_port
from cheap.db.dao import SqlDao
from cheap.db.memory import MemoryDao
from cheap.errors import ConfigurationError

FORMS = (
    "memory:, sqlite:///relative.db, sqlite:////absolute.db, sqlite:///:memory:, "
    "postgresql://user:password@host:port/database or mariadb://user:password@host:port/database"
)

_OPTIONS: dict[str, dict[str, type]] = {
    "sqlite": {
        "readers": int,
        "busy_timeout": float,
        "durability": str,
        "read_only": bool,
    },
    "postgresql": {
        "pool_min_size": int,
        "pool_max_size": int,
        "pool_max_idle": float,
        "pool_timeout": float,
        "connect_timeout": float,
        "statement_timeout": float,
        "prepare": bool,
    },
    "mariadb": {
        "pool_min_size": int,
        "pool_max_size": int,
        "pool_max_idle": float,
        "pool_timeout": float,
        "connect_timeout": float,
        "statement_timeout": float,
        "unix_socket": str,
    },
}


def connect(url: str, *, init_schema: bool = True) -> SqlDao | MemoryDao:
    """Open the store at an address; it closes what it opened.

    Args:
        url: ``memory:``, ``sqlite:///catalog.db`` (relative; four slashes make it absolute),
            ``postgresql://user:password@host:port/database`` or ``mariadb://…`` alike. Options of
            the adapter may follow: ``?pool_max_size=20``.
        init_schema: make the schema if it is missing, and bring an old one forward.

    Raises:
        ConfigurationError: the address is not of these forms.
        StoreError: as the adapter's ``create`` says.

    Example:
        >>> with connect("sqlite:///catalog.db") as dao:
        ...     dao.save_catalog(catalog)
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"address: expected text, got {type(url).__name__}")
    if url in ("memory:", "memory://"):
        return MemoryDao()
    try:
        parts = urlsplit(url)
        port = parts.port
        if port is not None:
            check_port(port)
    except (ValueError, ConfigurationError):
        # The reason would show what stands in the place of the port: a part of the password.
        raise ConfigurationError(
            "address: the port is not a number from 1 to 65535 (a password with / # ? or @ in it "
            f"is written with %2F %23 %3F %40); expected {FORMS}"
        ) from None
    if parts.fragment:
        raise ConfigurationError("address: a # is written as %23")
    scheme = {"postgres": "postgresql", "mysql": "mariadb"}.get(parts.scheme, parts.scheme)
    if scheme not in _OPTIONS:
        raise ConfigurationError(f"address: unknown scheme {parts.scheme!r}; expected {FORMS}")
    options = _options(scheme, parts)
    if scheme == "sqlite":
        from cheap.db.sqlite import SqliteAdapter

        if parts.netloc or not parts.path.strip("/"):
            raise ConfigurationError(f"address: expected {FORMS}")
        path = unquote(parts.path.removeprefix("/"))
        return SqlDao(
            SqliteAdapter.create(path, init_schema=init_schema, **options), owns_adapter=True
        )
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database or not parts.username:
        raise ConfigurationError(f"address: user or database is missing; expected {FORMS}")
    server: dict[str, Any] = {
        "host": _host(parts),
        "user": unquote(parts.username),
        "password": None if parts.password is None else unquote(parts.password),
        "init_schema": init_schema,
        **options,
    }
    if scheme == "postgresql":
        from cheap.db.postgres import PostgresAdapter

        return SqlDao(
            PostgresAdapter.create(dbname=database, port=port or 5432, **server),
            owns_adapter=True,
        )
    from cheap.db.mariadb import MariaDbAdapter

    return SqlDao(
        MariaDbAdapter.create(database=database, port=port or 3306, **server), owns_adapter=True
    )


def _host(parts: SplitResult) -> str:
    """The host, or the folder of a socket, written with %2F: unlike a host its case matters."""
    if parts.hostname and "%" in parts.hostname:
        return unquote(parts.netloc.rpartition("@")[2].partition(":")[0])
    return parts.hostname or "localhost"


def _options(scheme: str, parts: SplitResult) -> dict[str, Any]:
    known = _OPTIONS[scheme]
    found: dict[str, Any] = {}
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            raise ConfigurationError(f"address: unknown option {name!r}; known: {sorted(known)}")
        try:
            found[name] = TypeAdapter(known[name]).validate_python(text)
        except ValidationError:
            raise ConfigurationError(
                f"address: option {name} expects a {known[name].__name__}, got {text!r}"
            ) from None
    return found
