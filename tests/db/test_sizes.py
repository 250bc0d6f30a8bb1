"""Long lists, crowded places, and more than a packet holds."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

from cheap.core import Catalog
from cheap.core.edits import Append, PutAspects, Splice
from cheap.db import positions
from cheap.db.dao import SqlDao
from tests.contract.samples import NOTE, A, B, entities, items, list_of, map_of, new_catalog
from tests.db.places import ServerSite, Site


def rows_since(site: Site, revision: int) -> int:
    found = 0
    for table in ("cheap_entry", "cheap_removal", "cheap_aspect"):
        rows = site.ask(f"SELECT COUNT(*) FROM {table} WHERE revision > {revision}")
        found += int(rows[0][0])
    return found


# --- lists ------------------------------------------------------------------------------------


def test_the_middle_of_a_list_of_100_000(site: Site) -> None:
    """However long it is, an insertion, a removal and an append write their own rows."""
    dao = site.dao()
    ids = entities(100_000)
    catalog = new_catalog(dao, *list_of("list", ids))
    expected = list(ids)
    for edit in (
        Splice("list", 50_000, 0, (A, B)),
        Splice("list", 50_001, 1, (B, A, B)),
        Splice("list", 0, 0, (B,)),
        Splice("list", 99_000, 3),
        Append("list", (A,)),
    ):
        before = dao.get_catalog(catalog).revision
        done = dao.commit(catalog, [edit], expect=before)
        assert done.written <= 4
        assert rows_since(site, before) <= 4
        if isinstance(edit, Append):
            expected += edit.entities
        else:
            expected[edit.index : edit.index + edit.remove] = edit.insert
    loaded = dao.load_catalog(catalog)
    assert list(loaded["list"]) == expected  # type: ignore[call-overload]
    # The same through a loaded catalog, in one save.
    before = dao.get_catalog(catalog).revision
    there: Any = loaded["list"]
    there.insert(70_000, A)
    del there[10]
    there[20_000] = B
    dao.save_catalog(loaded)
    assert rows_since(site, before) <= 5
    assert list(dao.load_catalog(catalog)["list"]) == list(there)  # type: ignore[call-overload]


def check(dao: SqlDao, catalog: UUID, expected: list[UUID]) -> None:
    assert items(dao, catalog, "list") == expected
    assert list(dao.load_catalog(catalog)["list"]) == expected  # type: ignore[call-overload]


def test_many_insertions_at_one_place(site: Site) -> None:
    """Where there is no room left between two neighbours, some around them move."""
    dao = site.dao()
    expected = entities(300)
    catalog = new_catalog(dao, *list_of("list", expected))
    new = iter(entities(10_000, start=1000))
    for place in (150, 0, 1, 299):
        for _ in range(30):
            entity = next(new)
            done = dao.commit(catalog, [Splice("list", place, 0, (entity,))])
            assert done.written == 1
            expected.insert(place, entity)
        check(dao, catalog, expected)
    # In one commit, whose own numbers lie behind those of all that was there.
    edits = []
    for place in (100, len(expected) - 1, 100, 5):
        for _ in range(40):
            entity = next(new)
            edits.append(Splice("list", place, 0, (entity,)))
            expected.insert(place, entity)
    assert dao.commit(catalog, edits).written == 160
    check(dao, catalog, expected)


def test_crowding_near_the_end_and_appending(site: Site) -> None:
    """The numbers that a crowd moves to must not reach into those of later appends."""
    dao = site.dao()
    new = iter(entities(20_000, start=1000))
    for count in (1, 2, 5, 60, 63, 64, 65, 130):
        expected = [next(new) for _ in range(count)]
        catalog = new_catalog(dao, *list_of("list", expected))
        for together in (True, False):
            edits: list[Any] = []
            for _ in range(45):
                place = max(0, len(expected) - 1)
                entity, behind = next(new), next(new)
                edits.append(Splice("list", place, 0, (entity,)))
                expected.insert(place, entity)
                if len(edits) % 5 == 0:
                    edits.append(Append("list", (behind,)))
                    expected.append(behind)
            for edit in [edits] if together else [[each] for each in edits]:
                dao.commit(catalog, edit)
            assert items(dao, catalog, "list") == expected, (count, together)
        last = next(new)
        dao.commit(catalog, [Append("list", (last,))])
        check(dao, catalog, [*expected, last])


def test_random_edits_of_a_list_in_narrow_places(site: Site) -> None:
    chance = random.Random(7)
    dao = site.dao()
    expected = entities(20)
    catalog = new_catalog(dao, *list_of("list", expected))
    new = iter(entities(100_000, start=1000))
    for _ in range(40):
        edits: list[Any] = []
        for _ in range(chance.choice((1, 3, 30))):
            if chance.random() < 0.2:
                many = [next(new) for _ in range(chance.choice((1, 2, 50)))]
                edits.append(Append("list", many))
                expected += many
                continue
            place = chance.choice((0, len(expected) // 2, max(0, len(expected) - 1)))
            remove = min(chance.choice((0, 0, 0, 1, 2, 5)), len(expected) - place)
            many = [next(new) for _ in range(chance.choice((0, 1, 1, 2, 80)))]
            if not remove and not many:
                continue
            edits.append(Splice("list", place, remove, many))
            expected[place : place + remove] = many
        if edits:
            dao.commit(catalog, edits)
        assert items(dao, catalog, "list") == expected
    check(dao, catalog, expected)


def test_many_appends_in_one_commit(site: Site) -> None:
    """More than have room at the usual distance; the next commit still comes behind them."""
    dao = site.dao()
    ids = entities(6000)
    catalog = new_catalog(dao, *list_of("list"))
    dao.commit(catalog, [Append("list", (each,)) for each in ids[:5000]])
    dao.commit(catalog, [Append("list", (each,)) for each in ids[5000:]])
    dao.commit(catalog, [Splice("list", 4990, 0, (A,))])
    check(dao, catalog, [*ids[:4990], A, *ids[4990:]])


def test_the_room_of_a_revision() -> None:
    """Positions of one revision stay below those of the next one."""
    for used in (0, 10, positions.ROOM // 2, positions.ROOM - 2**20):
        for count in (1, 2, 1000, 100_000):
            found = positions.spread(7, used, count)
            assert len(found) == len(set(found)) == count
            assert found == sorted(found)
            assert positions.first_position(7) + used < found[0]
            assert found[-1] < positions.first_position(8)
    for low, high, count in ((None, 5, 3), (None, -(2**40), 1000), (1, 100, 98), (0, 2, 1)):
        between = positions.between(low, high, count)
        assert between is not None
        assert between == sorted(set(between))
        assert between[-1] < high
        assert low is None or low < between[0]
    assert positions.between(1, 2, 1) is None
    assert positions.between(1, 10, 9) is None


# --- records and batches ----------------------------------------------------------------------


def test_a_record_of_20_mb(site: Site) -> None:
    """More than a packet of MariaDB's, which is 16 MB."""
    dao = site.dao()
    text = "😀'\\x" * 3_000_000  # 21 MB of UTF-8
    catalog = Catalog()
    notes = catalog.define(NOTE)
    notes[A] = {"text": text, "data": bytes(range(256)) * 20_000, "title": "a"}
    dao.save_catalog(catalog)
    loaded = dao.load_catalog(catalog.global_id)
    assert loaded == catalog
    [found] = dao.get_aspects(catalog.global_id, "note", [A]).values()
    assert found["text"] == text
    loaded["note"][A] = {"text": "small"}  # type: ignore[index]
    dao.save_catalog(loaded)
    assert site.ask("SELECT COUNT(*) FROM cheap_piece") == [(0,)]


def test_a_batch_of_50_mb(site: Site) -> None:
    dao = site.dao()
    ids = entities(400)
    texts = {each: {"text": chr(0x100 + i) * 60_000, "title": str(i)} for i, each in enumerate(ids)}
    catalog = new_catalog(dao, *map_of(NOTE))
    for _ in range(2):  # new, and over what is there
        assert dao.commit(catalog, [PutAspects("note", texts)]).written == 400
    loaded = dao.load_catalog(catalog)["note"]
    assert all(loaded[each]["title"] == str(i) for i, each in enumerate(ids))  # type: ignore[index]
    assert loaded[ids[-1]]["text"] == texts[ids[-1]]["text"]  # type: ignore[index]


def test_long_keys_and_many_of_them(site: Site) -> None:
    from tests.contract.samples import directory_of

    dao = site.dao()
    entries = {f"{i} " + "k😀" * 3000: each for i, each in enumerate(entities(1000))}
    catalog = new_catalog(dao, *directory_of("d", entries))
    assert dict(dao.load_catalog(catalog)["d"].items()) == entries  # type: ignore[attr-defined]


def test_a_server_that_takes_1_mb_at_a_time(mariadb: ServerSite) -> None:
    [(before,)] = mariadb.ask("SELECT @@GLOBAL.max_allowed_packet")
    mariadb.ask("SET GLOBAL max_allowed_packet = 1048576")
    try:
        dao = mariadb.dao()
        catalog = Catalog()
        notes = catalog.define(NOTE, indexes=["title"])
        for i, each in enumerate(entities(300)):
            notes[each] = {"text": "ä😀'" * 10_000, "title": str(i), "data": b"\xff" * 30_000}
        notes[A] = {"text": "x" * 5_000_000}
        catalog.create_list("list", entities(20_000))
        dao.save_catalog(catalog)
        assert dao.load_catalog(catalog.global_id) == catalog
        assert len(dao.get_aspects(catalog.global_id, "note", entities(300))) == 300
    finally:
        mariadb.ask(f"SET GLOBAL max_allowed_packet = {before}")
