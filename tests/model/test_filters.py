"""Filters and orders: what they mean, held against a naive evaluation in Python."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cheap.core import AspectDef, Order, PropertyDef, PropertyType, field
from cheap.core.codecs import codec_of
from cheap.core.filters import (
    And,
    Compare,
    Contains,
    Filter,
    IsIn,
    IsNull,
    KeyRange,
    Not,
    Or,
    Selection,
    StartsWith,
    order_of,
)
from cheap.core.filters.selection import MAX_DEPTH
from cheap.core.values import equal_keys, sort_key
from cheap.errors import InvalidError, InvalidQueryError
from tests.model.strategies import ACCEPTED

T = PropertyType
COMPARABLE = [kind for kind in PropertyType if not kind.is_large]
THING = AspectDef(
    "thing",
    [PropertyDef(kind.code, kind) for kind in PropertyType]
    + [PropertyDef(f"{kind.code}*", kind, multivalued=True) for kind in COMPARABLE]
    + [
        PropertyDef("size", T.INTEGER, default=5),
        PropertyDef("secret", T.INTEGER, readable=False),
    ],
)
Record = dict[str, Any]


# --- a naive evaluation ---------------------------------------------------------------------


def value_of(record: Record, name: str) -> Any:
    return record.get(name, THING[name].unset_value)


def fits(record: Record, condition: Filter) -> bool:
    match condition:
        case And(filters):
            return all(fits(record, each) for each in filters)
        case Or(filters):
            return any(fits(record, each) for each in filters)
        case Not(inner):
            return not fits(record, inner)
        case IsNull(name):
            return value_of(record, name) is None
        case Contains(name, value):
            return value in (value_of(record, name) or ())
        case StartsWith(name, prefix):
            mine = value_of(record, name)
            return mine is not None and mine.startswith(prefix)
        case IsIn(name, values):
            return value_of(record, name) in values
        case Compare(name, operator, value):
            mine = value_of(record, name)
            if mine is None:
                return False
            return bool(
                {"==": mine == value, "<": mine < value, "<=": mine <= value, ">": mine > value,
                 ">=": mine >= value}[operator]
            )  # fmt: skip


few: dict[PropertyType, Any] = {
    T.INTEGER: st.integers(-2, 2),
    T.FLOAT: st.sampled_from([-1.5, 0, 0.0, -0.0, 1.5, 1e300]),
    T.BOOLEAN: st.booleans(),
    T.STRING: st.text("ab", max_size=3),
    T.TEXT: st.sampled_from(["", "a", "aé", "a😀", "x" * 300, "x" * 300 + "y", "x" * 256]),
    T.BIG_INTEGER: st.sampled_from([-(2**64), 0, 1, 2**64, 10**700, 10**700 + 1]),
    T.BIG_DECIMAL: st.sampled_from(
        [Decimal(text) for text in ("-1", "-1.0", "0", "-0.0", "1.5", "1.50", "1E+5", "100000")]
        + [Decimal("1." + "3" * 300 + more) for more in ("", "0", "3")]
    ),
    T.DATE_TIME: st.sampled_from(
        [
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
            datetime(2026, 1, 2, tzinfo=UTC),
        ]
    ),
    T.URI: st.sampled_from(["a:b", "a:", "http://x/"]),
    T.UUID: st.sampled_from([UUID(int=1), UUID(int=2**127)]),
}
"""Few values, so that they meet."""


@st.composite
def some_records(draw: st.DrawFn) -> Record:
    record: Record = {}
    for kind in COMPARABLE:
        if kind in few:
            if draw(st.booleans()):
                record[kind.code] = draw(st.none() | few[kind])
            if draw(st.booleans()):
                record[f"{kind.code}*"] = draw(st.none() | st.lists(few[kind], max_size=2))
    if draw(st.booleans()):
        record["size"] = draw(st.none() | st.sampled_from([4, 5]))
    return record


@st.composite
def leaves(draw: st.DrawFn) -> Filter:
    kind = draw(st.sampled_from(list(few)))
    name = kind.code
    match draw(st.integers(0, 6)):
        case 0:
            return IsNull(draw(st.sampled_from([name, f"{name}*", "CLB", "size"])))
        case 1:
            return IsIn(name, tuple(draw(st.lists(few[kind], max_size=3))))
        case 2:
            return Contains(f"{name}*", draw(few[kind]))
        case 3:
            text = draw(st.sampled_from([T.STRING, T.TEXT, T.URI]))
            return StartsWith(text.code, draw(st.sampled_from(["", "a", "ab", "x" * 300])))
        case 4:
            return Compare("size", "==", 5)
        case _:
            word = draw(st.sampled_from(["==", "<", "<=", ">", ">="]))
            return Compare(name, word, draw(few[kind]))  # type: ignore[arg-type]


filters: Any = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(lambda each: And(tuple(each))),
        st.lists(inner, max_size=3).map(lambda each: Or(tuple(each))),
    ),
    max_leaves=5,
)
codec = codec_of(THING)


def index_keys(record: Record, name: str) -> list[bytes]:
    """The keys under which an index finds a record: of each element, if there are several."""
    value, kind = value_of(record, name), THING[name].type
    if isinstance(value, (list, tuple)):
        return [sort_key(kind, each) for each in value]
    return [sort_key(kind, value)]


def within(key: bytes, span: KeyRange) -> bool:
    return span.low <= key and (span.high is None or key <= span.high)


@settings(max_examples=100)
@given(some_records(), filters)
def test_filters(record: Record, condition: Filter) -> None:
    selection = Selection(THING, condition)
    assert selection.matches is not None
    row = codec.unpack(codec.pack(record))
    expected = fits(record, condition)
    assert selection.matches(row) == expected
    # What fits lies in every range that an index may be asked for.
    if expected:
        for span in selection.ranges(THING):
            assert any(within(key, span) for key in index_keys(record, span.property)), span
        points = selection.points(THING)
        assert not points or any(
            within(key, each) for each in points for key in index_keys(record, each.property)
        )


@pytest.mark.parametrize("kind", COMPARABLE)
def test_comparisons_of_any_values(kind: PropertyType) -> None:
    name = kind.code

    @settings(max_examples=30)
    @given(ACCEPTED[kind], ACCEPTED[kind])
    def check(one: Any, other: Any) -> None:
        values, _ = codec.check({"x": one} | {name: one})
        canonical = values[name]
        row = codec.unpack(codec.pack({name: one}))
        for value in (one, other):
            operand = codec.check({name: value})[0][name]
            for word in ("==", "<", "<=", ">", ">="):
                condition = Compare(name, word, value)  # type: ignore[arg-type]
                matches = Selection(THING, condition).matches
                assert matches is not None
                assert matches(row) == fits({name: canonical}, Compare(name, word, operand))  # type: ignore[arg-type]

    check()


steps = st.sampled_from([kind.code for kind in few] + ["size"]).flatmap(
    lambda name: st.booleans().map(lambda descending: Order(name, descending))
)


@settings(max_examples=50)
@given(st.lists(some_records(), max_size=6), st.lists(steps, max_size=3))
def test_orders(records: list[Record], order: list[Order]) -> None:
    for record in records:  # the order sees 256 bytes of a long value, so leave those out
        if len(record.get("TXT") or "") > 250 or (record.get("BGI") or 0) > 2**70:
            record.pop("TXT", None)
            record.pop("BGI", None)
        if len(str(record.get("BGF"))) > 200:
            del record["BGF"]
    expected = list(records)
    for step in reversed(order):

        def key(record: Record, name: str = step.property, last: bool = step is order[-1]) -> Any:
            value = value_of(record, name)
            if last and isinstance(value, Decimal):
                sign, _, exponent = value.as_tuple()
                return 1, value, -exponent, -sign  # type: ignore[operator]
            return (0,) if value is None else (1, value)

        expected.sort(key=key, reverse=step.descending)
    selection = Selection(THING, None, order)
    assert selection.matches is None
    packed = [(codec.unpack(codec.pack(record)), record) for record in records]
    found = [each for _, each in sorted(packed, key=lambda pair: selection.order_key(pair[0]))]
    order_keys = [selection.order_key(codec.unpack(codec.pack(each))) for each in expected]
    assert order_keys == sorted(order_keys)
    assert [selection.order_key(codec.unpack(codec.pack(each))) for each in found] == order_keys


# --- writing filters ------------------------------------------------------------------------


def test_fields_make_filters() -> None:
    x = field("x")
    assert (x == 5) == Compare("x", "==", 5)
    assert (x != 5) == Not(Compare("x", "==", 5))
    assert (x == None) == IsNull("x")  # noqa: E711 - it is how one would write it
    assert (x != None) == Not(IsNull("x"))  # noqa: E711
    assert (x < 5) == Compare("x", "<", 5)
    assert (x <= 5) == Compare("x", "<=", 5)
    assert (x > 5) == Compare("x", ">", 5)
    assert (x >= 5) == Compare("x", ">=", 5)
    assert x.is_in([1, 2]) == IsIn("x", (1, 2))
    assert x.starts_with("a") == StartsWith("x", "a")
    assert x.is_null() == IsNull("x")
    assert x.contains(5) == Contains("x", 5)


def test_filters_combine() -> None:
    a, b, c = (field(name) == 1 for name in "abc")
    assert a & b & c == And((a, b, c))
    assert a | b | c == Or((a, b, c))
    assert a & (b | c) == And((a, Or((b, c))))
    assert ~a == Not(a)
    assert ~~a == a
    assert ~(a & b) == Not(And((a, b)))
    assert len({a, b, a & b, a & b}) == 3


def test_a_filter_is_no_truth() -> None:
    x = field("INT")
    for mistake in (
        lambda: (x > 1) and (x < 5),
        lambda: 1 < x < 5,
        lambda: not (x > 1),
        lambda: bool(x == 1),
    ):
        with pytest.raises(InvalidQueryError, match=r"combine filters with &, \| and ~"):
            mistake()


def test_writing_an_order() -> None:
    assert order_of("a") == (Order("a"),)
    assert order_of("-a") == (Order("a", descending=True),)
    assert order_of(["a", "-b", Order("-c")]) == (Order("a"), Order("b", True), Order("-c"))
    assert order_of(Order("-c")) == (Order("-c"),)
    assert order_of(()) == ()


# --- what makes no sense --------------------------------------------------------------------


def loop(depth: int, make: Callable[[Filter], Filter]) -> Filter:
    condition: Filter = IsNull("INT")
    for _ in range(depth):
        condition = make(condition)
    return condition


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (field("x") == 1, "aspect 'thing' has no readable property 'x'; it has .*'INT'"),
        (field("secret") == 1, "no readable property 'secret'"),
        (field("INT") == "x", "filter on aspect 'thing': INT: expected Integer .* got str 'x'"),
        (field("INT") == True, "got bool True"),  # noqa: E712
        (field("INT") == 2**63, "Integer within 64 bits"),
        (Compare("INT", "==", None), "it is not nullable"),  # type: ignore[arg-type]
        (field("INT").is_in([1, None]), "it is not nullable"),  # type: ignore[list-item]
        (field("FLT") < float("nan"), "a finite Float"),
        (field("DAT") < datetime(2026, 1, 1), "an aware DateTime"),
        (field("CLB") == "x", "cannot filter or order by 'CLB': a CLOB may lie outside"),
        (field("BLB") == b"x", "cannot filter or order by 'BLB'"),
        (field("CLB").starts_with("x"), "cannot filter or order by 'CLB'"),
        (field("CLB").is_in([]), "cannot filter or order by 'CLB'"),
        (field("INT").starts_with("x"), "'INT' is a Integer: it has no prefix"),
        (StartsWith("STR", 5), "prefix on aspect 'thing': STR: expected Text"),  # type: ignore[arg-type]
        (field("STR").starts_with("\ud800"), "without NUL and lone surrogates"),
        (field("STR").starts_with("\0"), "without NUL and lone surrogates"),
        (field("INT*") == 1, r"'INT\*' is multivalued: use contains"),
        (field("INT*").is_in([1]), "is multivalued"),
        (field("STR*").starts_with("a"), "is multivalued"),
        (field("INT").contains(1), "'INT' is not multivalued: compare it instead"),
        (Compare("INT", "!=", 1), "unknown operator '!='"),  # type: ignore[arg-type]
        (Compare(["INT"], "==", 1), "no readable property"),  # type: ignore[arg-type]
        (And((IsNull("INT"), True)), "expected a filter, got bool True"),  # type: ignore[arg-type]
        ("INT == 1", "expected a filter, got str 'INT == 1'"),
        (IsNull, "expected a filter, got type"),
        (loop(MAX_DEPTH + 1, Not), "more than 100 deep"),
        (loop(100_000, Not), "more than 100 deep"),
        (loop(5000, lambda each: And((each,))), "more than 100 deep"),
    ],
)  # fmt: skip
def test_filters_that_make_no_sense(condition: Any, message: str) -> None:
    with pytest.raises(InvalidQueryError, match=message):
        Selection(THING, condition)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("x", "no readable property 'x'"),
        ("", "no readable property ''"),
        ("--INT", "no readable property '-INT'"),
        ("secret", "no readable property 'secret'"),
        ("INT*", "cannot order by 'INT\\*': it is multivalued"),
        ("BLB", "cannot filter or order by 'BLB'"),
        ([5], "expected names of properties or Orders, got int 5"),
        ([None], "expected names of properties or Orders, got null"),
    ],
)
def test_orders_that_make_no_sense(order: Any, message: str) -> None:
    with pytest.raises(InvalidQueryError, match=message):
        Selection(THING, None, order)


def test_wide_filters() -> None:
    numbers = list(range(3000))
    random.Random(1).shuffle(numbers)
    condition: Filter = Or(tuple(field("INT") == number for number in numbers))
    matches = Selection(THING, condition).matches
    assert matches is not None
    assert matches(codec.unpack(codec.pack({"INT": 2999})))
    assert not matches(codec.unpack(codec.pack({"INT": 3000})))


# --- ranges for indexes ---------------------------------------------------------------------


def test_ranges() -> None:
    condition = (field("INT") > 1) & (field("STR") == "x") & field("TXT").starts_with("ab")
    assert isinstance(condition, And)
    low, text = sort_key(T.INTEGER, 1), sort_key(T.STRING, "x")
    prefix = sort_key(T.TEXT, "ab")
    ranges = Selection(THING, condition).ranges(["INT", "STR", "TXT", "size"])
    assert ranges == [
        KeyRange("STR", text, text),
        KeyRange("TXT", prefix, prefix + b"\xff"),
        KeyRange("INT", low, None),
    ]
    assert Selection(THING, condition).ranges(["INT"]) == [KeyRange("INT", low, None)]
    assert Selection(THING, condition | (field("INT") == 1)).ranges(["INT"]) == []
    assert Selection(THING, ~(field("INT") == 1)).ranges(["INT"]) == []
    null = Selection(THING, field("INT").is_null()).ranges(["INT"])
    assert null == [KeyRange("INT", b"\0", b"\0")]
    both = Selection(THING, (field("INT") >= 1) & (field("INT") < 2)).ranges(["INT"])
    assert both == [KeyRange("INT", low, sort_key(T.INTEGER, 2))]
    each = Selection(THING, field("INT*").contains(1) & field("INT*").contains(2)).ranges(THING)
    assert len(each) == 2  # different elements may fulfil them
    less = Selection(THING, field("INT") < 1).ranges(["INT"])
    assert less == [KeyRange("INT", b"\1", low)]  # nulls are not less than anything


def test_a_point_holds_all_equal_numbers() -> None:
    twenty = KeyRange("BGF", *equal_keys(T.BIG_DECIMAL, Decimal(20)))
    forms = [Decimal(text) for text in ("20", "20.00", "2E+1")]
    assert twenty.high is not None
    for form in forms:
        assert twenty.low < sort_key(T.BIG_DECIMAL, form) < twenty.high
        assert Selection(THING, field("BGF") == form).points(["BGF"]) == [twenty]
        assert Selection(THING, field("BGF*").contains(form)).points(["BGF*"]) == [
            KeyRange("BGF*", twenty.low, twenty.high)
        ]
        assert Selection(THING, field("BGF") > form).ranges(["BGF"]) == [
            KeyRange("BGF", twenty.low, None)
        ]
        assert Selection(THING, field("BGF") <= form).ranges(["BGF"]) == [
            KeyRange("BGF", b"\1", twenty.high)
        ]
    # One point for all of them, or a record would be found once for each.
    assert Selection(THING, field("BGF").is_in(forms)).points(["BGF"]) == [twenty]


def test_points() -> None:
    one, two = (sort_key(T.INTEGER, number) for number in (1, 2))
    condition = field("INT").is_in([2, 1, 2])
    assert sorted(Selection(THING, condition).points(["INT"]), key=lambda each: each.low) == [
        KeyRange("INT", one, one),
        KeyRange("INT", two, two),
    ]
    assert Selection(THING, condition).points(["STR"]) == []
    assert Selection(THING, condition & (field("STR") == "x")).points(THING) == [
        KeyRange("STR", sort_key(T.STRING, "x"), sort_key(T.STRING, "x"))
    ]  # the fewest
    both = Selection(THING, (field("INT") >= 1) & (field("INT") <= 1))
    assert both.points(["INT"]) == [KeyRange("INT", one, one)]
    assert Selection(THING, ~condition).points(["INT"]) == []


def test_a_text_is_not_a_list_of_values() -> None:
    with pytest.raises(InvalidError, match=r"is_in: expected a list, got the text 'DE'"):
        field("code").is_in("DE")


def test_an_order_is_a_name_or_a_list() -> None:
    wrong: Any = 5
    with pytest.raises(InvalidError, match="order_by: expected a list, got int 5"):
        Selection(THING, order_by=wrong)
    with pytest.raises(InvalidQueryError, match="expected names of properties or Orders"):
        Selection(THING, order_by=[wrong])
