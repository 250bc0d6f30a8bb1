"""Sort keys: bytes that order as the values do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cheap.core import PropertyType
from cheap.core.filters.selection import order_part
from cheap.core.values import MAX_SORT_KEY, check_value, equal_keys, sort_key
from tests.model.strategies import ACCEPTED

T = PropertyType


def canonical(kind: PropertyType, value: object) -> Any:
    found, faults = check_value("x", kind, value, nullable=False, multivalued=False)
    assert not faults
    return found


def rank(kind: PropertyType) -> Callable[[Any], Any]:
    """What keys order by: the value; then decimals by scale, and zeros by sign."""
    if kind is T.BIG_DECIMAL:
        return lambda value: (value, -value.as_tuple().exponent, -value.as_tuple().sign)
    return lambda value: value


@pytest.mark.parametrize("kind", PropertyType)
def test_keys_order_as_values_do(kind: PropertyType) -> None:
    of = rank(kind)

    @settings(max_examples=60)
    @given(st.lists(ACCEPTED[kind], min_size=2, max_size=4))
    def check(values: list[object]) -> None:
        held = [canonical(kind, value) for value in values]
        for one in held:
            assert len(sort_key(kind, one)) <= MAX_SORT_KEY + 1
            for other in held:
                less, same = of(one) < of(other), of(one) == of(other)
                assert (sort_key(kind, one) < sort_key(kind, other)) == less
                assert (sort_key(kind, one) == sort_key(kind, other)) == same
                assert sort_key(kind, None) < sort_key(kind, one)

    check()


def within(key: bytes, bounds: tuple[bytes, bytes]) -> bool:
    return bounds[0] <= key <= bounds[1]


@pytest.mark.parametrize("kind", PropertyType)
def test_the_keys_of_equal_values_have_bounds(kind: PropertyType) -> None:
    @settings(max_examples=60)
    @given(st.lists(ACCEPTED[kind], min_size=2, max_size=4))
    def check(values: list[object]) -> None:
        held = [canonical(kind, value) for value in values]
        for one in held:
            bounds = equal_keys(kind, one)
            assert not within(sort_key(kind, None), bounds)
            for other in held:
                assert within(sort_key(kind, other), bounds) == (one == other)

    check()
    assert equal_keys(kind, None) == (sort_key(kind, None), sort_key(kind, None))


def test_known_decimals_that_are_equal() -> None:
    numbers = [Decimal(text) for text in DECIMALS]
    assert len(set(numbers)) < len(numbers)
    for one in numbers:
        for other in numbers:
            key = sort_key(T.BIG_DECIMAL, other)
            assert within(key, equal_keys(T.BIG_DECIMAL, one)) == (one == other), (one, other)


INTEGERS = [-(2**63), -(2**32), -256, -255, -1, 0, 1, 255, 256, 2**63 - 1]
FLOATS = [-1.7976931348623157e308, -1e10, -1.5, -5e-324, 0.0, 5e-324, 1.5, 1e10, 1.79e308]
BIG = [-(10**700), -(10**600) - 1, -(2**64), -256, -255, -1, 0, 1, 255, 256, 2**64, 10**600]
TEXTS = ["", "\x01", " ", "A", "a", "a ", "a!", "aa", "ab", "z", "é", "\u2028", "\uffff", "😀"]
MOMENTS = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=1),
    datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
]
DECIMALS = [
    "-1E+999999999999999999", "-1E+100", "-100.0", "-100.00", "-20", "-10.5", "-10", "-9.9", "-2",
    "-1.5", "-1.50", "-1", "-0.1", "-1E-100", "-1E-999999999999999999", "0E+10", "0", "-0.0",
    "0.0", "0.00", "0E-10", "1E-999999999999999999", "1E-100", "0.1", "0.10", "0.11", "1E+0",
    "1.0", "1.00", "1.5", "1.50", "2", "9.9", "1E+1", "10", "10.0", "10.5", "20", "1E+2", "100",
    "100.0", "1E+100", "9E+999999999999999999",
]  # fmt: skip
IDS = [UUID(int=0), UUID(int=1), UUID(int=2**64), UUID(int=2**127), UUID(int=2**128 - 1)]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (T.INTEGER, INTEGERS),
        (T.FLOAT, FLOATS),
        (T.BOOLEAN, [False, True]),
        (T.TEXT, TEXTS),
        (T.BIG_INTEGER, BIG),
        (T.BIG_DECIMAL, [Decimal(text) for text in dict.fromkeys(DECIMALS)]),
        (T.DATE_TIME, MOMENTS),
        (T.UUID, IDS),
        (T.BLOB, [b"", b"\0", b"\0\0", b"\0\1", b"\1", b"\xff", b"\xff\0", b"\xff\xff"]),
    ],
)
def test_known_orders(kind: PropertyType, values: list[Any]) -> None:
    keys = [sort_key(kind, value) for value in [None, *values]]
    assert keys == sorted(set(keys))


LONG = 224
"""Digits of a decimal that its key holds."""


@given(
    st.text("0159", min_size=LONG - 2, max_size=LONG + 4),
    st.text("0159", min_size=LONG - 2, max_size=LONG + 4),
    st.integers(0, LONG + 4),
    st.integers(-5, 5),
    st.integers(0, 5),
    st.booleans(),
)
@example("1" * LONG + "5", "1" * LONG + "6", 0, 0, 3, False)
@example("1" * LONG + "6", "1" * LONG + "5", 0, 0, 3, False)
@example("1" * LONG + "6", "1" * LONG + "5", 0, 0, 3, True)
@example("1" * (LONG - 1), "1" * (LONG - 1) + "5", 0, 0, 0, False)
@example("1" * (LONG - 1), "1" * (LONG - 1) + "5", 0, 0, 0, True)
@example("0" * (LONG + 3) + "5", "", 0, 0, 0, True)
def test_long_decimals_never_stand_wrong(
    one: str, other: str, shared: int, scale: int, zeros: int, negative: bool
) -> None:
    """Long ones may be taken for equal, but never for larger than what is larger."""
    sign = "-" if negative else ""
    first = Decimal(f"{sign}1.{one}E{scale}")
    second = Decimal(f"{sign}1.{one[:shared]}{other[shared:]}{'0' * zeros}E{scale}")
    keys = sort_key(T.BIG_DECIMAL, first), sort_key(T.BIG_DECIMAL, second)
    if first < second:
        assert keys[0] <= keys[1]
    elif first > second:
        assert keys[0] >= keys[1]
    else:
        assert within(keys[0], equal_keys(T.BIG_DECIMAL, second))
        assert within(keys[1], equal_keys(T.BIG_DECIMAL, first))


@pytest.mark.parametrize("kind", [T.TEXT, T.BLOB, T.BIG_INTEGER, T.BIG_DECIMAL, T.URI])
def test_long_values_never_stand_wrong(kind: PropertyType) -> None:
    def make(number: int) -> Any:
        match kind:
            case T.BLOB:
                return b"\xff" * 300 + bytes([number])
            case T.BIG_INTEGER:
                return 7 * 2**4000 + number
            case T.BIG_DECIMAL:
                return Decimal("1" * 400 + f".{number}")
            case _:
                return "é" * 127 + "x" * 200 + str(number)

    keys = [sort_key(kind, make(number)) for number in (1, 2, 3)]
    assert keys == sorted(keys)
    assert all(len(key) <= MAX_SORT_KEY + 1 for key in keys)


def test_a_key_of_a_million_digits_is_made_at_once() -> None:
    assert len(sort_key(T.BIG_DECIMAL, Decimal("9" * 10**6))) < 260
    assert len(sort_key(T.TEXT, "😀" * 10**6)) == 257


@given(st.lists(st.tuples(st.binary(max_size=4), st.binary(max_size=4)), max_size=5))
def test_steps_of_an_order(pairs: list[tuple[bytes, bytes]]) -> None:
    def key(pair: tuple[bytes, bytes]) -> bytes:
        return order_part(pair[0], False) + order_part(pair[1], True)

    expected = sorted(sorted(pairs, key=lambda pair: pair[1], reverse=True), key=lambda p: p[0])
    assert sorted(pairs, key=key) == expected
