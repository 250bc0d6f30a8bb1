"""The contract: what everything that holds catalogs can do, and the only place with its prose.

A store is a SQL DAO, the memory store, an async facade or a client of a server. Values
travel, not objects with connections; edits are values; lists come in pages. One test-suite runs
against every store, and a program moves between them by changing one line.
"""

from cheap.store.answers import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    PIECE_SIZE,
    CatalogHeader,
    Change,
    ChangeKind,
    Commit,
    Entry,
    HierarchyHeader,
    Page,
    Piece,
    check_expect,
    check_known,
    check_limit,
    check_own,
    check_since,
    check_species,
)
from cheap.store.contract import Store
from cheap.store.desk import Desk, KeptAnswer

__all__ = [
    "DEFAULT_LIMIT",
    "MAX_LIMIT",
    "PIECE_SIZE",
    "CatalogHeader",
    "Change",
    "ChangeKind",
    "Commit",
    "Desk",
    "Entry",
    "HierarchyHeader",
    "KeptAnswer",
    "Page",
    "Piece",
    "Store",
    "check_expect",
    "check_known",
    "check_limit",
    "check_own",
    "check_since",
    "check_species",
]
