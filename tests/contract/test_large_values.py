"""CLOBs and BLOBs, written and read in pieces."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from hashlib import blake2b
from uuid import UUID

import pytest

from cheap.core import AspectDef, LargeValue, PropertyDef, field
from cheap.core.edits import PutAspects, PutDefinition, RemoveAspects
from cheap.db.memory import MemoryDao
from cheap.errors import (
    InvalidEditError,
    InvalidNameError,
    InvalidQueryError,
    InvalidValueError,
    MissingKeyError,
    NotReadableError,
)
from cheap.store import PIECE_SIZE, ChangeKind, Store
from tests.contract.samples import (
    NOTE,
    PERSON,
    A,
    B,
    C,
    T,
    changes_since,
    list_of,
    map_of,
    new_catalog,
    records,
    revision_of,
)


def whole(store: Store, catalog: UUID, entity: UUID = A, name: str = "data") -> bytes:
    pieces = list(store.read_value(catalog, "note", entity, name))
    assert all(0 < len(piece) <= PIECE_SIZE for piece in pieces[:-1])
    return b"".join(pieces)


def digest(data: bytes) -> LargeValue:
    return LargeValue(len(data), blake2b(data, digest_size=16).hexdigest())


@pytest.fixture
def catalog(store: Store) -> UUID:
    return new_catalog(store, *map_of(NOTE, {A: {"title": "a"}, B: {"title": "b"}}, "title"))


SIZES = [0, 1, PIECE_SIZE - 1, PIECE_SIZE, PIECE_SIZE + 1, 3 * PIECE_SIZE, 1_000_003]


@pytest.mark.parametrize("size", SIZES)
def test_a_blob(store: Store, catalog: UUID, size: int) -> None:
    data = bytes(i * i % 251 for i in range(1009)) * (size // 1009 + 1)
    data = data[:size]
    for cut in (1000, PIECE_SIZE, PIECE_SIZE + 1, 10**9):
        pieces = (data[start : start + cut] for start in range(0, size, cut))
        value = store.write_value(catalog, "note", A, "data", pieces)
        assert value == digest(data)
        assert whole(store, catalog) == data
        assert store.get_aspects(catalog, "note", [A])[A]["data"] == value


@pytest.mark.parametrize("size", [0, 1, 100_000, 400_000])
def test_a_clob(store: Store, catalog: UUID, size: int) -> None:
    text = "a😀ä\r\n\x01"[:size] * (size // 6 + 1)
    text = text[:size]
    pieces = (text[start : start + 777] for start in range(0, size, 777))
    value = store.write_value(catalog, "note", A, "text", pieces)
    assert value == digest(text.encode())
    assert whole(store, catalog, name="text").decode() == text


def test_pieces_by_offset(store: Store, catalog: UUID) -> None:
    data = bytes(range(256)) * 3000  # 768,000 bytes
    store.write_value(catalog, "note", A, "data", [data])
    offset: int | None = 0
    seen = 0
    while offset is not None:
        piece = store.read_piece(catalog, "note", A, "data", offset)
        assert 0 < len(piece.data) <= PIECE_SIZE
        assert piece.data == data[offset : offset + len(piece.data)]
        assert piece.value == digest(data)
        assert piece.next in (offset + len(piece.data), None)
        seen, offset = offset + len(piece.data), piece.next
    assert seen == len(data)
    for offset in (1, 255, PIECE_SIZE - 1, PIECE_SIZE + 5, 767_999):
        piece = store.read_piece(catalog, "note", A, "data", offset)
        assert piece.data
        assert piece.data == data[offset : offset + len(piece.data)]
        assert piece.next == (offset + len(piece.data) if offset < 767_999 else None)


@pytest.mark.parametrize("written", [True, False], ids=["written", "inline"])
def test_offsets_that_make_no_sense(store: Store, catalog: UUID, written: bool) -> None:
    if written:
        store.write_value(catalog, "note", A, "data", [b"12345"])
    else:
        store.commit(catalog, [PutAspects("note", {A: {"data": b"12345"}})])
    assert store.read_piece(catalog, "note", A, "data", 4).data == b"5"
    for offset in (-1, 5, 6, 10**12, 2**63, 2**70, True, 1.0, "1", None):
        with pytest.raises(InvalidQueryError, match="offset"):
            store.read_piece(catalog, "note", A, "data", offset)  # type: ignore[arg-type]


def test_an_empty_value_has_one_empty_piece(store: Store, catalog: UUID) -> None:
    for pieces in ([], [b""], [b"", b""]):
        assert store.write_value(catalog, "note", A, "data", pieces) == digest(b"")
        piece = store.read_piece(catalog, "note", A, "data")
        assert (piece.data, piece.next) == (b"", None)
        assert list(store.read_value(catalog, "note", A, "data")) == [b""]


def test_values_in_the_record_are_read_in_the_same_way(store: Store) -> None:
    text, data = "ä" * 300_000, b"x" * 300_000
    catalog = new_catalog(store, *map_of(NOTE, {A: {"text": text, "data": data}, B: {"text": ""}}))
    assert whole(store, catalog, name="text").decode() == text
    assert whole(store, catalog) == data
    assert store.read_piece(catalog, "note", A, "text").value == digest(text.encode())
    assert whole(store, catalog, B, "text") == b""


def test_a_default_is_read_in_the_same_way(store: Store) -> None:
    definition = AspectDef("note", [PropertyDef("text", T.CLOB, default="none yet")])
    catalog = new_catalog(store, *map_of(definition, {A: {}}))
    assert whole(store, catalog, name="text") == b"none yet"


def test_writing_is_a_change_of_the_record(store: Store, catalog: UUID) -> None:
    store.write_value(catalog, "note", A, "data", [b"x"])
    assert revision_of(store, catalog) == 2
    assert store.list_hierarchies(catalog)[0].revision == 2
    changed = changes_since(store, catalog, 1)
    assert [(each.kind, each.key) for each in changed] == [(ChangeKind.ASPECT, A)]
    assert [entity for entity, _ in records(store, catalog, "note")] == [A, B]  # its place stays
    page = store.find_aspects(catalog, "note", field("title") == "a")
    assert page.items[0]["data"] == digest(b"x")


def test_the_rest_of_the_record_stays(store: Store, catalog: UUID) -> None:
    store.commit(
        catalog, [PutAspects("note", {A: {"title": "t", "text": "inline", "parts": ["p"]}})]
    )
    store.write_value(catalog, "note", A, "data", [b"x"])
    store.write_value(catalog, "note", A, "data", [b"y"])
    found = store.get_aspects(catalog, "note", [A, B])
    assert dict(found[A]) == {
        "title": "t",
        "text": "inline",
        "data": digest(b"y"),
        "parts": ("p",),
    }
    assert dict(found[B])["title"] == "b"


def test_shorter_after_longer(store: Store, catalog: UUID) -> None:
    store.write_value(catalog, "note", A, "data", [b"x" * 900_000])
    store.write_value(catalog, "note", A, "data", [b"y" * 10])
    assert whole(store, catalog) == b"y" * 10
    store.write_value(catalog, "note", A, "data", [b"z" * 600_000])
    assert whole(store, catalog) == b"z" * 600_000


def test_values_do_not_mix(store: Store, catalog: UUID) -> None:
    store.write_value(catalog, "note", A, "data", [b"a" * 300_000])
    store.write_value(catalog, "note", B, "data", [b"b" * 300_000])
    store.write_value(catalog, "note", A, "text", ["t" * 300_000])
    second = new_catalog(store, *map_of(NOTE, {A: {}}))
    store.write_value(second, "note", A, "data", [b"2"])
    assert whole(store, catalog) == b"a" * 300_000
    assert whole(store, catalog, B) == b"b" * 300_000
    assert whole(store, catalog, A, "text") == b"t" * 300_000
    store.delete_catalog(second)
    assert whole(store, catalog) == b"a" * 300_000


def test_a_record_beyond_a_piece_with_a_value_beside_it(store: Store) -> None:
    """Two ways in which a record can be large, at once."""
    text = "long " * 100_000
    catalog = new_catalog(store, *map_of(NOTE, {A: {"text": text}}))
    store.write_value(catalog, "note", A, "data", [b"x" * 300_000])
    found = store.get_aspects(catalog, "note", [A])[A]
    assert found["text"] == text
    assert whole(store, catalog) == b"x" * 300_000
    found["text"] = text + "!"
    store.commit(catalog, [PutAspects("note", {A: found})])
    assert whole(store, catalog) == b"x" * 300_000
    assert whole(store, catalog, name="text").decode() == text + "!"
    store.write_value(catalog, "note", A, "text", ["short"])
    assert whole(store, catalog, name="text") == b"short"
    assert store.load_catalog(catalog).aspect_map("note")[A]["data"] == digest(b"x" * 300_000)


# --- stubs ----------------------------------------------------------------------------------


def test_a_stub_stands_for_its_value(store: Store, catalog: UUID) -> None:
    stub = store.write_value(catalog, "note", A, "data", [b"x" * 300_000])
    loaded = store.load_catalog(catalog)
    aspect = loaded.aspect_map("note")[A]
    assert aspect["data"] == stub
    aspect["title"] = "other"
    store.save_catalog(loaded)
    assert whole(store, catalog) == b"x" * 300_000
    store.commit(catalog, [PutAspects("note", {A: {"title": "third", "data": stub}})])
    assert whole(store, catalog) == b"x" * 300_000
    assert store.get_aspects(catalog, "note", [A])[A]["title"] == "third"


def test_a_stub_of_something_else_is_refused(store: Store, catalog: UUID) -> None:
    stub = store.write_value(catalog, "note", A, "data", [b"x"])
    for aspects in (
        {B: {"data": stub}},  # of another entity
        {C: {"data": stub}},  # of a record that is not there
        {A: {"text": stub}},  # of another property
        {A: {"data": LargeValue(1, "0" * 32)}},
        {A: {"data": LargeValue(stub.size + 1, stub.digest)}},
        {A: {"data": stub}, B: {"text": stub}},
    ):
        with pytest.raises(InvalidValueError):
            store.commit(catalog, [PutAspects("note", aspects)])
    second = new_catalog(store, *map_of(NOTE, {A: {}}))
    with pytest.raises(InvalidValueError):
        store.commit(second, [PutAspects("note", {A: {"data": stub}})])
    with pytest.raises(InvalidValueError):
        new_catalog(store, *map_of(NOTE, {A: {"data": stub}}))
    assert whole(store, catalog) == b"x"
    assert revision_of(store, catalog) == 2


def test_an_old_stub_is_refused(store: Store, catalog: UUID) -> None:
    old = store.write_value(catalog, "note", A, "data", [b"x"])
    store.write_value(catalog, "note", A, "data", [b"y"])
    with pytest.raises(InvalidValueError, match="data"):
        store.commit(catalog, [PutAspects("note", {A: {"data": old}})])


def test_a_put_without_the_stub_lets_the_value_go(store: Store, catalog: UUID) -> None:
    for record, expected in (
        ({}, None),
        ({"data": None}, None),
        ({"data": b"in the record"}, b"in the record"),
    ):
        stub = store.write_value(catalog, "note", A, "data", [b"x" * 300_000])
        store.commit(catalog, [PutAspects("note", {A: record})])
        assert store.get_aspects(catalog, "note", [A])[A]["data"] == expected
        with pytest.raises(InvalidValueError):
            store.commit(catalog, [PutAspects("note", {A: {"data": stub}})])


def test_a_removed_record_takes_its_values_along(store: Store, catalog: UUID) -> None:
    stub = store.write_value(catalog, "note", A, "data", [b"x"])
    store.commit(catalog, [RemoveAspects("note", [A])])
    with pytest.raises(MissingKeyError):
        store.read_piece(catalog, "note", A, "data")
    with pytest.raises(InvalidValueError):
        store.commit(catalog, [PutAspects("note", {A: {"data": stub}})])
    store.commit(catalog, [PutAspects("note", {A: {}})])
    with pytest.raises(MissingKeyError):
        store.read_piece(catalog, "note", A, "data")


def test_a_new_definition_keeps_the_values_it_knows(store: Store, catalog: UUID) -> None:
    store.write_value(catalog, "note", A, "data", [b"x" * 300_000])
    store.write_value(catalog, "note", A, "text", ["y" * 300_000])
    store.add_aspect_def(catalog, NOTE.without_properties("text"))
    assert whole(store, catalog) == b"x" * 300_000
    store.add_aspect_def(catalog, NOTE)
    with pytest.raises(MissingKeyError):
        store.read_piece(catalog, "note", A, "text")
    assert whole(store, catalog) == b"x" * 300_000
    changed = NOTE.with_properties(PropertyDef("data", T.STRING))
    with pytest.raises(InvalidValueError):
        store.commit(catalog, [PutDefinition(changed)])
    assert whole(store, catalog) == b"x" * 300_000


def test_a_value_that_changed_while_it_was_read(store: Store, catalog: UUID) -> None:
    from cheap.errors import ConflictError

    store.write_value(catalog, "note", A, "data", [b"x" * 600_000])
    reader = store.read_value(catalog, "note", A, "data")
    next(reader)
    store.write_value(catalog, "note", A, "data", [b"y" * 600_000])
    with pytest.raises(ConflictError, match="data"):
        list(reader)


# --- what cannot be written or read ---------------------------------------------------------


def test_what_is_no_large_value(store: Store, catalog: UUID) -> None:
    for name in ("title", "parts"):  # a String; several CLOBs
        with pytest.raises(InvalidEditError, match=name):
            store.write_value(catalog, "note", A, name, ["x"])
        with pytest.raises(InvalidEditError, match=name):
            store.read_piece(catalog, "note", A, name)


def test_what_is_not_there(store: Store, catalog: UUID) -> None:
    store.commit(catalog, list_of("list"))
    for name, entity, prop in (
        ("note", C, "data"),
        ("note", A, "no such property"),
        ("nowhere", A, "data"),
    ):
        with pytest.raises(MissingKeyError):
            store.read_piece(catalog, name, entity, prop)
        with pytest.raises(MissingKeyError):
            store.write_value(catalog, name, entity, prop, [b"x"])
    with pytest.raises(MissingKeyError, match="null"):
        store.read_piece(catalog, "note", A, "data")
    for call in (
        lambda: store.read_piece(catalog, "list", A, "data"),
        lambda: store.write_value(catalog, "list", A, "data", [b"x"]),
    ):
        with pytest.raises(MissingKeyError):
            call()
    for call in (
        lambda: store.read_piece(catalog, "note", "x", "data"),  # type: ignore[arg-type]
        lambda: store.write_value(catalog, "note", None, "data", [b"x"]),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidNameError):
            call()
    assert revision_of(store, catalog) == 2


def test_what_is_not_readable(store: Store) -> None:
    hidden = AspectDef("note", [PropertyDef("data", T.BLOB, readable=False)])
    catalog = new_catalog(store, *map_of(hidden, {A: {"data": b"x"}}))
    with pytest.raises(NotReadableError):
        store.read_piece(catalog, "note", A, "data")


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("data", ["text"]),
        ("data", [b"ok", "text"]),
        ("data", [5]),
        ("data", [None]),
        ("data", b"bytes"),  # an iterable of numbers
        ("text", [b"bytes"]),
        ("text", ["ok", b"bytes"]),
        ("text", ["a\0b"]),
        ("text", ["ok", "\ud83d", "\ude00"]),
        ("text", [5]),
    ],
    ids=repr,
)
def test_pieces_of_the_wrong_kind(store: Store, catalog: UUID, name: str, pieces: object) -> None:
    store.write_value(catalog, "note", A, "data", [b"before"])
    with pytest.raises(InvalidValueError, match=name) as caught:
        store.write_value(catalog, "note", A, name, pieces)  # type: ignore[arg-type]
    assert caught.value.where == str(A)
    assert whole(store, catalog) == b"before"
    assert revision_of(store, catalog) == 2


def test_pieces_of_any_bytes(store: Store, catalog: UUID) -> None:
    pieces = [b"a", bytearray(b"b"), memoryview(b"xcx")[1:2]]
    store.write_value(catalog, "note", A, "data", pieces)  # type: ignore[arg-type]
    assert whole(store, catalog) == b"abc"


def test_a_source_that_fails_leaves_nothing(store: Store, catalog: UUID) -> None:
    store.write_value(catalog, "note", A, "data", [b"before"])

    def failing() -> Iterator[bytes]:
        yield b"x" * 600_000
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        store.write_value(catalog, "note", A, "data", failing())
    assert whole(store, catalog) == b"before"
    assert revision_of(store, catalog) == 2
    store.write_value(catalog, "note", A, "data", [b"after"])  # the next call works
    assert whole(store, catalog) == b"after"


def test_the_definition_of_people_has_no_large_values(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "x"}}))
    with pytest.raises(InvalidEditError):
        store.read_piece(catalog, PERSON.name, A, "name")


def test_a_catalog_of_another_store_is_copied_and_then_its_large_values(store: Store) -> None:
    text = "ä" * PIECE_SIZE
    with MemoryDao() as source:
        made = new_catalog(source, *map_of(NOTE, {A: {"title": "a"}, B: {"title": "b"}}))
        source.write_value(made, "note", A, "data", [b"x" * PIECE_SIZE, b"y"])
        source.write_value(made, "note", A, "text", [".", text])
        moved = source.load_catalog(made)
        with pytest.raises(InvalidValueError) as caught:
            store.save_catalog(moved)
        of_text, of_data = caught.value.faults
        assert (of_text.path, of_data.path) == ("text", "data")
        assert "write_value(..., other.read_value(...))" in of_data.expected
        assert "write_value(..., codecs.iterdecode(other.read_value(...), 'utf-8'))" in str(of_text)
        assert not store.catalog_exists(made)
        # As it is said there:
        moved.aspect_map("note")[A].update(text=None, data=None)
        store.save_catalog(moved)
        place = (made, "note", A)
        store.write_value(*place, "data", source.read_value(*place, "data"))
        pieces = codecs.iterdecode(source.read_value(*place, "text"), "utf-8")
        store.write_value(*place, "text", pieces)
        assert store.load_catalog(made) == source.load_catalog(made)
