"""The change feed: what happened to a catalog after a revision, oldest first."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from uuid import UUID

import msgspec

from cheap.core import HierarchyType
from cheap.core.names import id_from_bytes
from cheap.db import positions
from cheap.db.adapter import Row, Session
from cheap.db.cursors import read_cursor, write_cursor
from cheap.db.rows import (
    HierarchyRow,
    Paths,
    as_bytes,
    as_text,
    aspects_of,
    definition_of,
    header_of,
    packed_records,
)
from cheap.store import Change, ChangeKind, Page

# What comes first within one revision.
_HEADER, _DROPPED, _DEFINED, _CREATED, _REMOVED, _ENTRY, _ASPECT = range(7)
_MIN = -(2**63)

Place = tuple[int, int, int, bytes]
"""Revision, rank, hierarchy, and position or item within it: where a change stands in the feed."""
Step = tuple[Place, Row]


class Feed:
    """One call of ``read_changes``.

    Args:
        session: reads as of one moment.
        catalog: ``catalog_id`` as a bound value.
        header: the row of the catalog.
        hierarchies: all of the catalog, by number.
        definitions: rows of (name, document, revision).
    """

    def __init__(
        self,
        session: Session,
        catalog: Mapping[str, object],
        header: Row,
        hierarchies: Mapping[int, HierarchyRow],
        definitions: list[Row],
    ) -> None:
        self._session = session
        self._statements = session.statements
        self._catalog = dict(catalog)
        self._header = header
        self._hierarchies = hierarchies
        self._definitions = definitions

    def page(self, since: int, tag: str, cursor: str | None, limit: int) -> Page[Change]:
        """Return the page after a cursor, which has the tag of the question, or a revision."""
        after: Place = (since, 99, 0, b"")
        if cursor is not None:
            _, *place = read_cursor(cursor, (tag, int, int, int, bytes))
            after = (place[0], place[1], place[2], place[3])
        steps = list(heapq.merge(*self._sources(after, limit + 1), key=lambda step: step[0]))
        page, rest = steps[:limit], steps[limit:]
        following = write_cursor(tag, *page[-1][0]) if rest else None
        return Page(tuple(self._changes(page)), following)

    # --- where changes are found ----------------------------------------------------------

    def _sources(self, after: Place, limit: int) -> Iterator[list[Step]]:
        small: list[Step] = [((self._header[6], _HEADER, 0, b""), self._header)]
        small += [((row[2], _DEFINED, i, b""), row) for i, row in enumerate(self._definitions)]
        small += [
            ((each.created, _CREATED, each.number, b""), (each,))
            for each in self._hierarchies.values()
        ]
        yield sorted((step for step in small if step[0] > after), key=lambda step: step[0])
        for rank, only_dropped in ((_DROPPED, True), (_REMOVED, False)):
            yield self._removals(after, rank, only_dropped, limit)
        yield self._content(self._statements.feed_entries, _ENTRY, after, limit)
        yield self._content(self._statements.feed_aspects, _ASPECT, after, limit)

    def _start(self, after: Place, rank: int) -> tuple[int, int, bytes]:
        """Where the rows of one rank go on: behind the place, or at its revision's beginning."""
        revision, last, hierarchy, item = after
        if rank == last:
            return revision, hierarchy, item
        return (revision, _MIN, b"") if rank > last else (revision + 1, _MIN, b"")

    def _removals(self, after: Place, rank: int, only_dropped: bool, limit: int) -> list[Step]:
        steps: list[Step] = []
        revision, hierarchy, item = self._start(after, rank)
        while True:
            params = {
                **self._catalog,
                "revision": revision,
                "hierarchy": hierarchy,
                "item": item,
                "limit": limit,
            }
            rows = self._session.rows(self._statements.feed_removals, params)
            for row in rows:
                if (row[1] == 0) is only_dropped:
                    steps.append(((row[0], rank, row[1], row[2]), row))
            if len(rows) < limit or len(steps) >= limit:
                return steps
            revision, hierarchy, item = rows[-1][:3]

    def _content(self, statement: str, rank: int, after: Place, limit: int) -> list[Step]:
        revision, hierarchy, item = self._start(after, rank)
        position = positions.position_of_item(item) if item else _MIN
        params = {
            **self._catalog,
            "revision": revision,
            "hierarchy": hierarchy,
            "position": position,
            "limit": limit,
        }
        return [
            ((row[0], rank, row[1], positions.item_of_position(row[2])), row)
            for row in self._session.rows(statement, params)
        ]

    # --- what they mean -------------------------------------------------------------------

    def _changes(self, steps: list[Step]) -> Iterator[Change]:
        makers: dict[int, Callable[[Row], Change]] = {
            _HEADER: self._header_change,
            _DROPPED: self._dropped,
            _DEFINED: self._definition,
            _CREATED: self._created,
            _REMOVED: self._removed,
            _ENTRY: self._entry(self._rows_of(steps, _ENTRY)),
            _ASPECT: self._aspect(self._rows_of(steps, _ASPECT)),
        }
        for place, row in steps:
            yield makers[place[1]](row)

    @staticmethod
    def _rows_of(steps: list[Step], rank: int) -> list[Row]:
        return [row for place, row in steps if place[1] == rank]

    def _header_change(self, row: Row) -> Change:
        return Change(row[6], ChangeKind.HEADER, False, None, None, header_of(row))

    def _dropped(self, row: Row) -> Change:
        return Change(row[0], ChangeKind.HIERARCHY, True, as_text(row[3]), None, None)

    def _definition(self, row: Row) -> Change:
        name, document, revision = row
        definition = definition_of(as_bytes(document))
        return Change(revision, ChangeKind.DEFINITION, False, as_text(name), None, definition)

    def _created(self, row: Row) -> Change:
        found: HierarchyRow = row[0]
        return Change(found.created, ChangeKind.HIERARCHY, False, found.name, None, found.type)

    def _removed(self, row: Row) -> Change:
        revision, number, item, name = row
        found = self._hierarchies[number]
        key: UUID | str | tuple[str, ...] | int
        if found.type is HierarchyType.ENTITY_DIR:
            key = as_text(name)
        elif found.type is HierarchyType.ENTITY_TREE:
            key = tuple(msgspec.json.decode(as_text(name), type=list[str]))
        elif found.type is HierarchyType.ENTITY_LIST:
            key = positions.position_of_item(item)
        else:
            key = id_from_bytes(item)
        is_aspect = found.type is HierarchyType.ASPECT_MAP
        kind = ChangeKind.ASPECT if is_aspect else ChangeKind.ITEM
        return Change(revision, kind, True, found.name, key, None)

    def _entry(self, rows: list[Row]) -> Callable[[Row], Change]:
        paths: dict[int, Paths] = {}
        for number in {row[1] for row in rows}:
            if self._hierarchies[number].type is HierarchyType.ENTITY_TREE:
                paths[number] = Paths(self._session, {**self._catalog, "hierarchy": number})
                paths[number].note([row[2:] for row in rows if row[1] == number])

        def change(row: Row) -> Change:
            revision, number, position, item, _, name, entity = row
            found = self._hierarchies[number]
            value = None if entity is None else id_from_bytes(entity)
            key: UUID | str | tuple[str, ...] | int | None = value
            if found.type is HierarchyType.ENTITY_LIST:
                key = position
            elif found.type is HierarchyType.ENTITY_DIR:
                key = as_text(name)
            elif found.type is HierarchyType.ENTITY_TREE:
                key = paths[number].of(item)
            return Change(revision, ChangeKind.ITEM, False, found.name, key, value)

        return change

    def _aspect(self, rows: list[Row]) -> Callable[[Row], Change]:
        found = {
            number: aspects_of(
                packed_records(
                    self._session,
                    {**self._catalog, "hierarchy": number},
                    [row[3:] for row in rows if row[1] == number],
                ),
                self._hierarchies[number].codec,
            )
            for number in {row[1] for row in rows}
        }

        def change(row: Row) -> Change:
            entity = id_from_bytes(row[3])
            name = self._hierarchies[row[1]].name
            aspect = found[row[1]][entity]
            return Change(row[0], ChangeKind.ASPECT, False, name, entity, aspect)

        return change
