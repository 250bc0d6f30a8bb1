"""Cursors: what was written reads back, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cheap.db.cursors import read_cursor, write_cursor
from cheap.errors import InvalidQueryError

INTS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text().filter(lambda text: "\0" not in text)


@given(INTS, TEXTS, st.binary(), st.none() | INTS)
def test_there_and_back(number: int, text: str, data: bytes, maybe: int | None) -> None:
    cursor = write_cursor("tag", number, text, data, maybe)
    assert cursor.isascii()
    found = read_cursor(cursor, ("tag", int, str, bytes, int | None))
    assert found == ("tag", number, text, data, maybe)


@given(st.text() | st.binary() | st.none() | st.integers())
def test_anything_else_is_refused(text: Any) -> None:
    with pytest.raises(InvalidQueryError, match="cursor"):
        read_cursor(text, ("tag", int))


@pytest.mark.parametrize(
    "parts",
    [
        ("other", 1),  # of another list
        ("tag", "1"),
        ("tag", b"1"),
        ("tag", True),
        ("tag", None),
        ("tag",),
        ("tag", 1, 2),
        ("tag", 2**63),  # no database can bind it
        ("tag", -(2**63) - 1),
        (1, "tag"),
        (),
    ],
    ids=repr,
)
def test_a_cursor_of_something_else_is_refused(parts: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidQueryError):
        read_cursor(write_cursor(*parts), ("tag", int))


def test_text_that_no_database_can_bind_is_refused() -> None:
    with pytest.raises(InvalidQueryError):
        read_cursor(write_cursor("tag", "a\0b"), ("tag", str))


def test_a_damaged_cursor_is_refused() -> None:
    cursor = write_cursor("tag", 123_456_789)
    for i in range(len(cursor)):
        shorter, changed = cursor[:i], cursor[:i] + "*" + cursor[i + 1 :]
        for each in (shorter, changed):
            with pytest.raises(InvalidQueryError):
                read_cursor(each, ("tag", int))
