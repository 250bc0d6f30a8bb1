"""Errors as data: which of ours each database's codes mean."""

from __future__ import annotations

from typing import Final

from cheap.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    BusyError,
    CheapError,
    ConfigurationError,
    CorruptError,
    NotOursError,
    ReadOnlyError,
    SchemaVersionError,
    StatementTimeoutError,
    StoppedError,
    StorageFullError,
    StoreError,
    UnavailableError,
)

# Primary result codes, https://www.sqlite.org/rescode.html
SQLITE_FAULTS: Final[dict[int, type[CheapError]]] = {
    3: AccessDeniedError,  # PERM
    5: BusyError,
    6: BusyError,  # LOCKED
    8: ReadOnlyError,
    9: StoppedError,  # INTERRUPT
    10: StoreError,  # IOERR
    11: CorruptError,
    13: StorageFullError,
    14: AccessDeniedError,  # CANTOPEN
    19: AlreadyExistsError,  # CONSTRAINT
    23: AccessDeniedError,  # AUTH
    26: NotOursError,  # NOTADB
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html
POSTGRES_FAULTS: Final[dict[str, type[CheapError]]] = {
    "23505": AlreadyExistsError,
    "25006": ReadOnlyError,
    "28000": AccessDeniedError,
    "28P01": AccessDeniedError,
    "3D000": ConfigurationError,
    "40001": BusyError,
    "40P01": BusyError,
    "42P07": AlreadyExistsError,  # a table; two programs made the schema at once
    "42710": AlreadyExistsError,
    "53400": StorageFullError,  # a limit of the server's configuration
    "42501": AccessDeniedError,
    "42P01": SchemaVersionError,
    "53100": StorageFullError,
    "53300": UnavailableError,
    "55P03": BusyError,
    "57014": StoppedError,
    "57P01": UnavailableError,
    "57P02": UnavailableError,
    "57P03": UnavailableError,
}

_LOGIN: Final = "check user and password"
_DATABASE: Final = "correct its name, or create it first: CREATE DATABASE"
_RIGHTS: Final = "let the user in: GRANT CONNECT ON DATABASE"
_BUSY: Final = "let the server take more, or make pools smaller: pool_max_size"

POSTGRES_ADVICE: Final[dict[str, str]] = {
    "28000": _LOGIN,
    "28P01": _LOGIN,
    "3D000": _DATABASE,
    "53300": _BUSY,
}

# What the client says without a code, when it could not connect, and what to do
POSTGRES_WORDS: Final[tuple[tuple[str, type[CheapError], str], ...]] = (
    ("too many connections", UnavailableError, _BUSY),
    ("password authentication failed", AccessDeniedError, _LOGIN),
    ("no password supplied", AccessDeniedError, "give a password"),
    ("no pg_hba.conf entry", AccessDeniedError, "let the user in: pg_hba.conf of the server"),
    ('role "', AccessDeniedError, _LOGIN),
    ("does not exist", ConfigurationError, _DATABASE),
    ("permission denied for database", AccessDeniedError, _RIGHTS),
    ("is not currently accepting connections", ConfigurationError, "choose another database"),
)

# https://mariadb.com/kb/en/mariadb-error-code-reference/ and, from 2000 on, the client's codes
MARIADB_FAULTS: Final[dict[int, type[CheapError]]] = {
    0: UnavailableError,  # pymysql: the connection is gone
    3: StorageFullError,
    1020: BusyError,  # changed since last read (snapshot isolation)
    1021: StorageFullError,
    1040: UnavailableError,  # too many connections
    1203: UnavailableError,  # of this user
    1226: UnavailableError,  # of this account
    1044: AccessDeniedError,
    1045: AccessDeniedError,
    1049: ConfigurationError,
    1053: UnavailableError,  # shutdown
    1062: AlreadyExistsError,
    1114: StorageFullError,
    1142: AccessDeniedError,
    1146: SchemaVersionError,
    1153: ConfigurationError,  # max_allowed_packet
    1205: BusyError,
    1213: BusyError,
    1290: ReadOnlyError,
    1698: AccessDeniedError,
    1792: ReadOnlyError,
    1836: ReadOnlyError,
    1317: StoppedError,
    1969: StatementTimeoutError,  # max_statement_time
    1927: UnavailableError,  # connection was killed
    2002: UnavailableError,
    2003: UnavailableError,
    2006: UnavailableError,
    2013: UnavailableError,
}

MARIADB_ADVICE: Final[dict[int, str]] = {
    1040: _BUSY,
    1044: "let the user in: GRANT ALL ON the database",
    1045: _LOGIN,
    1049: _DATABASE,
    1698: _LOGIN,
    2002: "is the server running?",
    2003: "is the server running?",
}
