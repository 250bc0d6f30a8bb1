"""Making the schema, and bringing an old one forward, step by step."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Final

from cheap.core.names import new_id
from cheap.db.adapter import Adapter, Session
from cheap.db.schema import DESK, STORE, TABLES, VERSION
from cheap.errors import (
    AlreadyExistsError,
    BusyError,
    NotOursError,
    SchemaVersionError,
    StoreError,
)

TRIES: Final = 10
"""How often making the schema is tried while others make it, too."""

Step = Callable[[Session], None]
"""One step forward; it may run again after an interruption, so it must not mind its own traces."""


def _add_desk(session: Session) -> None:
    """Version 2: the notes of servers."""
    for table in DESK:
        for statement in session.dialect.create(table):
            session.run(statement, {})


STEPS: Final[dict[int, Step]] = {2: _add_desk}
"""Version → the step that leads to it from the one before. Version 1 is the first."""


def prepare(
    adapter: Adapter,
    *,
    exists: bool,
    init_schema: bool,
    steps: Mapping[int, Step] = STEPS,
    version: int = VERSION,
) -> None:
    """Make the schema if it is missing and wanted, and bring an old one forward.

    Args:
        adapter: the database.
        exists: whether it has our tables.
        init_schema: whether it may be made and brought forward.
        steps: the steps that are known.
        version: the version to reach.

    Raises:
        NotOursError: somebody else's tables have our names.
        SchemaVersionError: it is missing or old and may not be changed, or it is newer than this
            CheapPy.
    """
    if not exists:
        if not init_schema:
            raise SchemaVersionError(
                "this database has no CheapPy schema; create the adapter with init_schema=True"
            )
        _create(adapter)
    found = _version(adapter)
    if found is None:  # an earlier creation was interrupted between tables and first row
        if not init_schema:
            raise SchemaVersionError(
                "the schema of this database was not completed; create the adapter with "
                "init_schema=True to complete it"
            )
        _create(adapter)
        found = _version(adapter)
        assert found is not None
    if found > version:
        raise SchemaVersionError(
            f"this database has schema version {found}, made by a newer CheapPy; "
            f"this one knows {version}: upgrade the package"
        )
    if found < version and not init_schema:
        raise SchemaVersionError(
            f"this database has schema version {found}, this CheapPy needs {version}; "
            "create the adapter with init_schema=True to bring it forward"
        )
    for step in range(found + 1, version + 1):
        _repeated(lambda: _take(adapter, step, steps[step]))  # noqa: B023 - called at once


def _take(adapter: Adapter, number: int, step: Step) -> None:
    # A transaction a step: where DDL commits by itself, the version still comes last.
    with adapter.transaction(write=True) as session:
        session.run(adapter.statements.lock_store, {})
        # Another program may have taken the step while this one waited.
        if session.rows(adapter.statements.get_store, {})[0][1] < number:
            step(session)
            session.run(adapter.statements.set_version, {"version": number})


def _version(adapter: Adapter) -> int | None:
    """Return the version of the schema; ``None`` when its first row is not there yet."""
    try:
        with adapter.session() as session:
            rows = session.rows(adapter.statements.get_store, {})
        if not rows:
            return None
        adapter.remember_store_id(rows[0][0])
        return int(rows[0][1])
    except (StoreError, ValueError, TypeError) as error:
        if isinstance(error, StoreError) and type(error) is not StoreError:
            raise
        # Nobody answers like that but a table of other columns, or with other things in them.
        raise NotOursError(
            f"this database has a table cheap_store that CheapPy did not make: {error}"
        ) from (error.__cause__ or error)


def _repeated(work: Callable[[], None]) -> None:
    """Do some work that meets others who do the same: neither IF NOT EXISTS nor DDL is a lock."""
    tries = TRIES
    while True:
        try:
            return work()
        except (AlreadyExistsError, BusyError):
            tries -= 1
            if not tries:
                raise
        time.sleep(random.uniform(0.01, 0.05))


def _create(adapter: Adapter) -> None:
    _repeated(lambda: _create_once(adapter))


def _create_once(adapter: Adapter) -> None:
    with adapter.transaction(write=True) as session:
        for table in TABLES:
            for statement in adapter.dialect.create(table):
                session.run(statement, {})
        session.upsert(STORE, [(1, new_id().bytes, VERSION)])
