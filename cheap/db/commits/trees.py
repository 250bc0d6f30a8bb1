"""Edits of trees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from cheap.core import HierarchyType
from cheap.core.edits import (
    Path,
)
from cheap.core.hierarchies.entity_tree import as_path
from cheap.core.names import check_id, check_key
from cheap.db.commits.entries import add_entries, take_out
from cheap.db.commits.work import Work
from cheap.db.rows import (
    ROOT,
    as_text,
    child_item,
    items_of_path,
)
from cheap.errors import (
    ConflictError,
    InvalidEditError,
)


def put_nodes(work: Work, name: str, nodes: Mapping[Path, UUID | None]) -> None:
    """Put nodes into a tree, with those on the way to them."""
    found = work.hierarchy(name, HierarchyType.ENTITY_TREE)
    # Every node on the way, and which of them the edit itself puts.
    above: dict[bytes, tuple[bytes | None, str | None, Path]] = {}
    wanted: dict[bytes, bytes | None] = {}
    items: dict[Path, bytes] = {(): ROOT}
    for given, entity in nodes.items():
        path = as_path(given)
        if entity is not None:
            check_id(entity)
        for depth in range(1, len(path) + 1):
            here = path[:depth]
            if here not in items:
                parent = items[here[:-1]]
                items[here] = child_item(parent, check_key(here[-1], "node name"))
                above[items[here]] = (parent, here[-1], here)
        if not path:
            above[ROOT] = (None, None, ())
        wanted[items[path]] = None if entity is None else entity.bytes
    names = {item: f"node {path!r} of {name!r}" for item, (_, _, path) in above.items()}
    present: set[bytes] = set()
    for row in work.asked(work.statements.get_entries, found.number, above):
        item, revision = row[1], row[5]
        present.add(item)
        if item in wanted and work.is_foreign(revision):
            raise ConflictError(names[item], revision)
    work.refuse_removed(found.number, names)
    add_entries(
        work,
        found,
        [
            (item, parent, own_name, wanted.get(item))
            for item, (parent, own_name, _) in above.items()
            if item in wanted or item not in present
        ],
        present,
        front=ROOT,
    )


def remove_nodes(work: Work, name: str, paths: Iterable[Path]) -> None:
    """Remove nodes from a tree, each with all that is below it."""
    found = work.hierarchy(name, HierarchyType.ENTITY_TREE)
    tops: dict[bytes, Path] = {}
    for given in paths:
        path = as_path(given)
        if not path:
            raise InvalidEditError(f"tree {name!r}: the root cannot be removed")
        for each in path:
            check_key(each, "node name")
        tops[items_of_path(path)[-1]] = path
    rows = work.asked(work.statements.get_entries, found.number, tops)
    there = {row[1]: tops[row[1]] for row in rows}
    doomed: dict[bytes, None] = {}
    of_top = dict(there)
    while rows:
        for row in rows:
            if work.is_foreign(row[5]):
                path = of_top.get(row[1], ())
                raise ConflictError(f"node {path!r} of {name!r}", row[5])
        level = [row[1] for row in rows if row[1] not in doomed]
        doomed |= dict.fromkeys(level)
        rows = work.asked(work.statements.children_of, found.number, level)
        for row in rows:
            of_top[row[1]] = (*of_top[row[2]], as_text(row[3]))
    take_out(
        work,
        found,
        list(doomed),
        {item: msgspec.json.encode(path).decode() for item, path in there.items()},
    )
