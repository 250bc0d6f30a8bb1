"""Finding aspects by their properties: the index narrows, the selection decides."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from uuid import UUID

from msgspec import UNSET

from cheap.core import Aspect
from cheap.core.codecs import Row as Record
from cheap.core.filters import KeyRange, Selection
from cheap.core.values import sort_key
from cheap.db.adapter import Row, Session
from cheap.db.cursors import read_cursor, write_cursor
from cheap.db.rows import HierarchyRow, number_of_property, packed_records
from cheap.store import Page

_CHUNK = 1000
_POINTS = 100
"""Most values of one filter that are looked up one by one."""
_LAST_KEY = b"\xff"
Found = tuple[bytes, UUID, Record]
"""Place in the order, entity, decoded record."""


class Finder:
    """One call of ``find_aspects``.

    Args:
        session: runs the queries.
        place: ``catalog_id`` and ``hierarchy`` as bound values.
        hierarchy: the aspect map.
        selection: filter and order.
    """

    def __init__(
        self,
        session: Session,
        place: dict[str, object],
        hierarchy: HierarchyRow,
        selection: Selection,
    ) -> None:
        self._session = session
        self._place = place
        self._hierarchy = hierarchy
        self._codec = hierarchy.readable_codec()
        self._selection = selection

    def page(self, tag: str, cursor: str | None, limit: int) -> Page[Aspect]:
        """Return the page after a cursor, which has the tag of the question."""
        key, entity = b"", b""
        if cursor is not None:
            _, key, entity = read_cursor(cursor, (tag, bytes, bytes))
        indexes = self._hierarchy.indexes
        points = self._selection.points(indexes)
        if len(points) > _POINTS:
            points = []
        spans = points or self._selection.ranges(indexes)[:1]
        order = self._selection.order
        if not order:
            in_order = self._narrowed(spans, entity, limit)
        elif len(order) == 1 and order[0].property in indexes and not points:
            in_order = self._by_index(key, entity, limit)
        else:
            everything = self._narrowed(spans, b"", _CHUNK)
            in_order = iter(self._sorted(everything, (key, entity), limit))
        return self._cut(in_order, tag, limit)

    def _cut(self, in_order: Iterator[Found], tag: str, limit: int) -> Page[Aspect]:
        items: list[Aspect] = []
        last: Found | None = None
        for found in in_order:
            if len(items) == limit:
                assert last is not None
                return Page(tuple(items), write_cursor(tag, last[0], last[1].bytes))
            items.append(Aspect.from_row(self._codec, found[2], None, found[1]))
            last = found
        return Page(tuple(items))

    def _sorted(
        self, everything: Iterator[Found], after: tuple[bytes, bytes], limit: int
    ) -> list[Found]:
        rest = (each for each in everything if (each[0], each[1].bytes) > after)
        return heapq.nsmallest(limit + 1, rest, key=lambda each: (each[0], each[1].bytes))

    # --- ways through the records ---------------------------------------------------------

    def _matching(self, rows: list[Row]) -> Iterator[Found]:
        """Yield those of the rows (entity, document) that the filter lets pass."""
        matches, codec = self._selection.matches, self._codec
        for entity, document in packed_records(self._session, self._place, rows).items():
            record = codec.unpack(document)
            if matches is None or matches(record):
                yield self._selection.order_key(record), entity, record

    def _narrowed(self, spans: list[KeyRange], after: bytes, first: int) -> Iterator[Found]:
        """Records in one of some ranges of an index, by entity; all when there is no range."""
        if not spans:
            return self._by_entity(after, first)
        share = first // len(spans) + 1
        ways = [self._within(each, after, share) for each in spans]
        return ways[0] if len(ways) == 1 else heapq.merge(*ways, key=lambda each: each[1].bytes)

    def _by_entity(self, after: bytes, first: int) -> Iterator[Found]:
        limit = first + 1
        while True:
            params = {**self._place, "after": after, "limit": limit}
            rows = self._session.rows(self._session.statements.scan_aspects, params)
            yield from self._matching(rows)
            if len(rows) < limit:
                return
            after, limit = rows[-1][0], _CHUNK

    def _within(self, span: KeyRange, after: bytes, first: int) -> Iterator[Found]:
        """Records in a range of an index, by entity.

        One with several values in the range has several rows, next to each other, and is still
        found once: packed records are a dict, and the next query begins behind the entity.
        """
        limit = first + 1
        place = self._index_place(span.property)
        statement = self._session.statements.find_in_range
        while True:
            params = {
                **place,
                "low": span.low,
                "high": _high(span),
                "entity_id": after,
                "limit": limit,
            }
            rows = self._session.rows(statement, params)
            yield from self._matching([row[1:] for row in rows])
            if len(rows) < limit:
                return
            after, limit = rows[-1][1], _CHUNK

    def _by_index(self, key: bytes, entity: bytes, first: int) -> Iterator[Found]:
        """Records in the order of an indexed property, from a place in that order on."""
        step = self._selection.order[0]
        span = next(
            (
                each
                for each in self._selection.ranges(self._hierarchy.indexes)
                if each.property == step.property
            ),
            KeyRange(step.property, b"", None),
        )
        place = self._index_place(step.property)
        start: tuple[bytes, bytes] | None = None
        if key:
            start = (self._stored_key(key), entity)
        if step.descending:
            return self._descending(place, span, start, first)
        return self._ascending(place, span, start, first)

    def _stored_key(self, order_key: bytes) -> bytes:
        """Turn a place in the order back into the sort key it was made of."""
        if self._selection.order[0].descending:
            order_key = bytes(255 - byte for byte in order_key)
        return order_key[:-2].replace(b"\0\1", b"\0")

    def _ascending(
        self,
        place: dict[str, object],
        span: KeyRange,
        start: tuple[bytes, bytes] | None,
        first: int,
    ) -> Iterator[Found]:
        limit = first + 1
        key, entity = start or (b"", b"")
        while True:
            params = {
                **place,
                "low": max(span.low, key),
                "high": _high(span),
                "sort_key": key,
                "entity_id": entity,
                "limit": limit,
            }
            rows = self._session.rows(self._session.statements.find_ascending, params)
            yield from self._matching([row[1:] for row in rows])
            if len(rows) < limit:
                return
            key, entity = rows[-1][0], rows[-1][1]
            limit = _CHUNK

    def _descending(
        self,
        place: dict[str, object],
        span: KeyRange,
        start: tuple[bytes, bytes] | None,
        first: int,
    ) -> Iterator[Found]:
        # Keys fall while the entities of one key rise; no index is ordered like that. So groups
        # of one key that a query gave completely are turned around here, and the last group, which
        # may be cut off, is read by itself.
        statements = self._session.statements
        limit = max(first + 1, 2)
        key = _high(span) + b"\xff"
        if start is not None:
            key = start[0]
            yield from self._same_key(place, key, start[1], limit)
        while True:
            params = {**place, "low": span.low, "sort_key": key, "limit": limit}
            rows = self._session.rows(statements.find_descending, params)
            if not rows:
                return
            complete = len(rows) < limit
            lowest = rows[-1][0]
            whole = rows if complete else [row for row in rows if row[0] != lowest]
            for each in sorted({row[0] for row in whole}, reverse=True):
                group = sorted((row for row in whole if row[0] == each), key=lambda row: row[1])
                yield from self._matching([row[1:] for row in group])
            if complete:
                return
            yield from self._same_key(place, lowest, b"", limit)
            key, limit = lowest, _CHUNK

    def _same_key(
        self, place: dict[str, object], key: bytes, after: bytes, limit: int
    ) -> Iterator[Found]:
        while True:
            params = {**place, "sort_key": key, "entity_id": after, "limit": limit}
            rows = self._session.rows(self._session.statements.find_same_key, params)
            yield from self._matching([row[1:] for row in rows])
            if len(rows) < limit:
                return
            after, limit = rows[-1][1], _CHUNK

    def _index_place(self, name: str) -> dict[str, object]:
        return {**self._place, "property": number_of_property(name)}


def _high(span: KeyRange) -> bytes:
    return _LAST_KEY if span.high is None else span.high


def index_keys(
    hierarchy: HierarchyRow, record: Record, indexes: tuple[str, ...]
) -> list[tuple[int, bytes]]:
    """Return (property number, sort key) for each indexed value of a record."""
    codec = hierarchy.codec
    keys: list[tuple[int, bytes]] = []
    for name in indexes:
        prop = codec.definition[name]
        value = codec.get(record, name)
        if value is UNSET:
            value = prop.unset_value
        values = value if isinstance(value, tuple) else (value,)
        number = number_of_property(name)
        keys += sorted({(number, sort_key(prop.type, each)) for each in values})
    return keys
