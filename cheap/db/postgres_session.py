"""One PostgreSQL connection at work, through psycopg."""

from __future__ import annotations

import itertools
import re
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeGuard, cast

import psycopg

from cheap.db.adapter import FEW, Params, Row, Session
from cheap.db.copying import COPY_HEAD, COPY_TAIL, packer
from cheap.db.dialect import PostgresDialect
from cheap.db.schema import Kind, Table
from cheap.errors import CommitUnknownError, StoreError, UnavailableError

if TYPE_CHECKING:
    from cheap.db.postgres import PostgresAdapter

CANCEL_TIMEOUT: Final = 5.0
"""Seconds to wait for the server's answer to a request to stop a statement."""

QUEUE_BYTES: Final = 1_000_000
"""How much is put off at most: a large value that is written in pieces is not held in memory."""

PART: Final = 500
"""How many rows of a large answer are taken at a time, while the server finds more."""

COPY_FROM: Final = FEW
"""From so many new rows on, COPY is faster than arrays."""

_ROLLBACKS: Final = itertools.count(1)
_NAMED: Final = re.compile(r"(?<!%)%\((\w+)\)")


class Connection(psycopg.Connection[Row]):
    """A connection that keeps a cursor: to make one takes longer than to read a record with it."""

    kept: psycopg.Cursor[Row] | None = None


class PostgresSession(Session):
    """One PostgreSQL connection, lent by the pool; in autocommit until ``begin``."""

    def __init__(
        self, adapter: PostgresAdapter, connection: Connection, *, pooled: bool = True
    ) -> None:
        super().__init__(adapter)
        self.connection = connection
        self.pooled = pooled
        self._adapter = adapter
        self._asked = False
        self._queue: list[tuple[str, Params]] = []
        self._queued = 0

    def _execute(self, statement: str, params: Params) -> psycopg.Cursor[Row]:
        self.check_call()
        try:
            return self._send(statement, params)
        except psycopg.Error as error:
            raise self._adapter.error(error) from error

    def _send(self, statement: str, params: Params) -> psycopg.Cursor[Row]:
        """Send a statement, and with it what was put off: one way there and back for all."""
        queue = self._queue
        self.forget()
        first, self._asked = not self._asked, True
        try:
            return self._send_on(queue, statement, params)
        except psycopg.OperationalError:
            if not (first and self.connection.closed):
                raise
        # It died while it was idle, and nothing was asked of it before: another one will do.
        self._adapter.replace(self)
        self.check_call()
        return self._send_on(queue, statement, params)

    def _send_on(
        self, queue: list[tuple[str, Params]], statement: str, params: Params
    ) -> psycopg.Cursor[Row]:
        connection = self.connection
        if (cursor := connection.kept) is None:
            cursor = connection.kept = connection.cursor(binary=True)
        if not queue:
            return self._run(cursor, statement, params)
        with connection.pipeline():
            for each, values in queue:
                self._run(connection.cursor(binary=True), each, values)
            return self._run(cursor, statement, params)

    @staticmethod
    def _run(cursor: psycopg.Cursor[Row], statement: str, params: Params) -> psycopg.Cursor[Row]:
        # After five runs the server would plan a prepared statement for any list, and look through
        # the list from its beginning for each row: 2.4 s instead of 0.06 s for 6,000 ids.
        prepare = False if "= ANY(" in statement else None
        if not params:
            return cursor.execute(statement.encode(), prepare=prepare)
        query, names = _in_place(statement)
        values = params if names is None else [params[name] for name in names]
        return cursor.execute(query, values, prepare=prepare)

    def later(self, statement: str, params: Params) -> None:
        self._queue.append((statement, params))

    def forget(self) -> None:
        self._queue, self._queued = [], 0

    def flush(self) -> None:
        if self._queue:
            self._execute(*self._queue.pop())

    def rows(self, statement: str, params: Params) -> list[Row]:
        try:
            found = self._execute(statement, params).fetchall()
        except psycopg.Error as error:
            raise self._adapter.error(error) from error
        if len(found) > 1:
            self.connection.kept = None  # with the cursor goes the answer, which may be large
        return found

    def parts(self, statement: str, params: Params) -> Generator[Sequence[Row]]:
        if not psycopg.capabilities.has_stream_chunked():  # a libpq older than 17
            yield self.rows(statement, params)
            return
        self.flush()
        self.check_call()
        self._asked = True
        try:
            cursor = self.connection.cursor()
            stream = cursor.stream(statement.encode(), params, binary=True, size=PART)
            with closing(cast("Generator[Row]", stream)) as rows:
                while part := [*itertools.islice(rows, PART)]:
                    yield part
        except psycopg.Error as error:
            raise self._adapter.error(error) from error

    def run(self, statement: str, params: Params) -> int:
        return self._execute(statement, params).rowcount

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        if len(rows) < COPY_FROM:
            self._run_arrays(self.statements.inserts[table.name], table, rows)
            return
        self.flush()
        self.check_call()
        statement = cast(PostgresDialect, self.dialect).copy_many(table)
        pack = packer(table)
        try:
            with (
                self.connection.cursor() as cursor,
                cursor.copy(statement) as copy,  # pyright: ignore[reportArgumentType]
            ):
                copy.write(COPY_HEAD)
                for start in range(0, len(rows), COPY_FROM):
                    copy.write(b"".join(map(pack, rows[start : start + COPY_FROM])))
                copy.write(COPY_TAIL)
        except psycopg.Error as error:
            raise self._adapter.error(error) from error

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        # Arrays of some thousand rows: larger ones are not faster and take memory twice.
        for start in range(0, len(rows), 5_000):
            self._run_arrays(
                self.statements.upserts[table.name], table, rows[start : start + 5_000]
            )

    def _run_arrays(self, statement: str, table: Table, rows: Sequence[Row]) -> None:
        if not rows:
            return
        params: dict[str, object] = {}
        for column, values in zip(table.columns, zip(*rows, strict=True), strict=True):
            as_text = column.kind is Kind.DOCUMENT
            params[column.name] = (
                [each.decode() if each.__class__ is bytes else each for each in values]
                if as_text
                else list(values)
            )
        if len(rows) <= FEW:
            self.later(statement, params)
            self._queued += sum(len(each) for row in rows for each in row if _has_length(each))
            if self._queued > QUEUE_BYTES:
                self.flush()
        else:
            self._execute(statement, params)

    def interrupt(self) -> None:
        with suppress(psycopg.Error):  # it may have ended by itself
            self.connection.cancel_safe(timeout=CANCEL_TIMEOUT)

    def begin(self, *, write: bool) -> None:
        # A write sees what others committed before it got the catalog's row; a read sees the
        # database as of one moment. Not READ WRITE: a standby, or a user who may only read, then
        # refuses the write itself.
        self.later(
            "BEGIN ISOLATION LEVEL READ COMMITTED"
            if write
            else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            {},
        )

    def commit(self) -> None:
        if self.connection.closed:
            raise UnavailableError(f"{self._adapter}: the connection broke before the commit")
        self._asked = True  # it is not sent twice
        try:
            done = self._send("COMMIT", {}).statusmessage
        except psycopg.OperationalError as error:
            if self.connection.closed and not _was_refused(error):
                raise CommitUnknownError(
                    f"the connection broke during COMMIT: {error}; "
                    "read the catalog's revision to find out whether it happened"
                ) from error
            raise self._adapter.error(error) from error
        except psycopg.Error as error:
            raise self._adapter.error(error) from error
        if done != "COMMIT":  # after a failed statement it rolls back and calls that a success
            raise StoreError("the transaction had failed before its end and was rolled back")

    def rollback(self) -> None:
        self.forget()
        try:
            if not self.connection.closed:
                # Each is another text: psycopg (3.3.9) counts on statements that it sent to be
                # prepared behind one that failed, until it sees a ROLLBACK, and it looks at the
                # first of each text only.
                self.connection.execute(f"ROLLBACK -- {next(_ROLLBACKS)}".encode())
        except psycopg.Error:
            self.connection.close()  # the pool replaces it


@lru_cache(maxsize=1024)
def _in_place(statement: str) -> tuple[bytes, tuple[str, ...] | None]:
    """Return a statement with its values marked by their place, and their names in this order.

    psycopg sorts named values anew for each call, which takes 8 of the 130 us of reading a record.
    Where one name stands twice it must do so: the server is then told of one value of one type.
    """
    names = tuple(_NAMED.findall(statement))
    if len({*names}) < len(names):
        return statement.encode(), None
    return _NAMED.sub("%", statement).encode(), names


def _has_length(value: object) -> TypeGuard[str | bytes]:
    return value.__class__ is bytes or value.__class__ is str


def _was_refused(error: psycopg.Error) -> bool:
    """Whether the server itself said no (then nothing was committed)."""
    return error.sqlstate is not None and not error.sqlstate.startswith(("08", "57P"))
