"""Making the schema, and bringing an old one forward, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cheap.core.names import new_id
from cheap.db.adapter import Adapter, Session
from cheap.db.schema import STORE, TABLES, VERSION
from cheap.errors import SchemaVersionError

Step = Callable[[Session], None]
"""One step forward; it may run again after an interruption, so it must not mind its own traces."""

STEPS: Final[dict[int, Step]] = {}
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
        SchemaVersionError: it is missing or old and may not be changed, or it is newer than this
            CheapPy.
    """
    if not exists:
        if not init_schema:
            raise SchemaVersionError(
                "this database has no CheapPy schema; create the adapter with init_schema=True"
            )
        _create(adapter)
    with adapter.session() as session:
        rows = session.rows(adapter.statements.get_store, {})
    if not rows:  # an earlier creation was interrupted between tables and first row
        _create(adapter)
        with adapter.session() as session:
            rows = session.rows(adapter.statements.get_store, {})
    adapter.remember_store_id(bytes(rows[0][0]))
    found = int(rows[0][1])
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
        # A transaction a step: where DDL commits by itself, the version still comes last.
        with adapter.transaction(write=True) as session:
            steps[step](session)
            session.run(adapter.statements.set_version, {"version": step})


def _create(adapter: Adapter) -> None:
    with adapter.transaction(write=True) as session:
        for table in TABLES:
            for statement in adapter.dialect.create(table):
                session.run(statement, {})
        if not session.rows(adapter.statements.get_store, {}):
            session.upsert(STORE, [(1, new_id().bytes, VERSION)])
