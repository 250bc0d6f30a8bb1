"""Names, keys, labels and ids."""

from __future__ import annotations

import threading
import time
from enum import Enum
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cheap.core import new_id
from cheap.core.names import (
    check_id,
    check_key,
    check_label,
    check_name,
    id_from_bytes,
    ids_from_bytes,
    is_storable_text,
)
from cheap.errors import InvalidNameError


class Code(str, Enum):  # noqa: UP042 - StrEnum is tamer
    GERMANY = "DE"


@pytest.mark.parametrize("name", ["x", "x" * 255, "😀" * 255, " ", "a/b", "'; --", "\n", "\x7f"])
def test_names(name: str) -> None:
    assert check_name(name, "hierarchy") == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "hierarchy name: expected 1 to 255 characters, got 0"),
        ("x" * 256, "hierarchy name: expected 1 to 255 characters, got 256"),
        ("a\0", r"hierarchy name: expected text without NUL and lone surrogates, got 'a\x00'"),
        ("\ud800", r"hierarchy name: expected text without NUL and lone surrogates, got '\ud800'"),
        (None, "hierarchy name: expected text, got NoneType"),
        (b"x", "hierarchy name: expected text, got bytes"),
    ],
)
def test_no_names(name: object, message: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        check_name(name, "hierarchy")
    assert str(caught.value) == message


def test_keys_may_be_empty_and_long() -> None:
    for key in ("", "x" * 10_000):
        assert check_key(key, "key") == key
    with pytest.raises(InvalidNameError):
        check_key(5, "key")


def test_labels() -> None:
    assert check_label("x" * 8192, "version") == "x" * 8192
    with pytest.raises(InvalidNameError, match="version: expected at most 8,192 characters"):
        check_label("x" * 8193, "version")


def test_a_kind_of_str_becomes_a_str() -> None:
    for check in (check_name, check_key, check_label):
        found = check(Code.GERMANY, "x")
        assert found == "DE"
        assert type(found) is str


@given(st.text())
def test_storable_text_is_what_utf_8_takes(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        assert not is_storable_text(text)
    else:
        assert is_storable_text(text) == ("\0" not in text)


def test_ids() -> None:
    one = UUID(int=1)
    assert check_id(one) is one
    with pytest.raises(InvalidNameError, match=r"entity id: expected a uuid.UUID, got str 'x'"):
        check_id("x")
    with pytest.raises(InvalidNameError, match=r"catalog id: expected a uuid.UUID, got NoneType"):
        check_id(None, "catalog id")


@given(st.lists(st.uuids()))
def test_ids_from_bytes(ids: list[UUID]) -> None:
    assert ids_from_bytes([each.bytes for each in ids]) == ids
    assert [id_from_bytes(each.bytes) for each in ids] == ids
    assert [hash(each) for each in ids_from_bytes([each.bytes for each in ids])] == [
        *map(hash, ids)
    ]


def test_new_ids_are_version_7() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    assert made.version == 7
    assert made.variant == RFC_4122
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_new_ids_ascend(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [new_id() for _ in range(10_000)]
    assert sorted(set(made)) == made
    monkeypatch.setattr(time, "time_ns", lambda: 0)  # the clock steps back
    later = [new_id() for _ in range(10_000)]
    assert sorted({*made, *later}) == made + later


def test_threads_get_ids_of_their_own() -> None:
    made: list[UUID] = []
    threads = [
        threading.Thread(target=lambda: made.extend(new_id() for _ in range(2000)))
        for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(set(made)) == 8000
