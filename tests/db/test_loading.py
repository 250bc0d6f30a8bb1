"""Large maps come some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import cheap.db.rows
from cheap.core.names import ids_from_bytes
from cheap.store import PIECE_SIZE
from tests.contract.samples import NOTE, entities, map_of, new_catalog
from tests.db.places import Site

MANY = entities(1_700)
"""More than come at once, and no multiple of it."""


def test_records_that_lie_in_pieces_keep_their_place(site: Site) -> None:
    """They are fetched last."""
    dao = site.dao()
    sizes = dict.fromkeys(MANY, 10)
    for place in (0, 3, 499, 500, 501, 1_000, 1_699):
        sizes[MANY[place]] = PIECE_SIZE + place
    records: dict[Any, Any] = {
        entity: {"text": chr(97 + number % 26) * sizes[entity]}
        for number, entity in enumerate(MANY)
    }
    catalog = new_catalog(dao, *map_of(NOTE, records))
    lying = site.ask("SELECT COUNT(*) FROM cheap_aspect WHERE document IS NULL")
    assert int(lying[0][0]) == 7
    found = dao.load_catalog(catalog).aspect_map(NOTE.name)
    assert [(entity, aspect["text"]) for entity, aspect in found.items()] == [
        (entity, record["text"]) for entity, record in records.items()
    ]


class _Broken(BaseException):
    """Ctrl-C, or whatever else may come between two parts."""


def test_a_load_that_is_left_between_two_parts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is as good as before: what follows does not read the rest of the answer."""
    dao = site.dao()
    catalog = new_catalog(dao, *map_of(NOTE, {each: {"text": "x" * 3_000} for each in MANY}))
    whole = dao.load_catalog(catalog)

    def failing(values: list[bytes]) -> Iterator[Any]:
        raise _Broken

    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(cheap.db.rows, ids_from_bytes.__name__, failing)
            with pytest.raises(_Broken):
                dao.load_catalog(catalog)
        assert dao.adapter.checked_out == 0
        with dao.transaction():
            assert dao.get_catalog(catalog).revision == 1
    assert dao.load_catalog(catalog) == whole
