"""Values, definitions and records for hypothesis to make up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from cheap.core import NO_DEFAULT, AspectDef, LargeValue, PropertyDef, PropertyType

T = PropertyType


class Colour(str, Enum):  # noqa: UP042 - StrEnum is tamer
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Words(str):
    """A str that is not quite one."""


# --- values ---------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
odd_texts = st.sampled_from(
    ["", " ", "x ", '"', "\\", "\\u0000", "\n\t\x01\x7f", "é", "日本", "😀", "a\u0301", "\u2028"]
)
decimals = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.builds(
        lambda sign, digits, exponent: Decimal((sign, tuple(digits), exponent)),
        st.integers(0, 1),
        st.lists(st.integers(0, 9), min_size=1, max_size=30),
        st.one_of(st.integers(-30, 30), st.integers(-(10**17), 10**17)),
    ),
)
zones = st.one_of(
    st.just(UTC),
    st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
moments = st.datetimes(
    min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=zones
)
integers = st.integers(-(2**63), 2**63 - 1)
big_integers = st.one_of(st.integers(), st.integers(0, 4000).map(lambda bits: -(1 << bits)))
floats = st.floats(allow_nan=False, allow_infinity=False)
uris = st.builds(
    lambda scheme, host, path, query: f"{scheme}://{host}/{path}{query}",
    st.sampled_from(["http", "urn+x", "a"]),
    st.sampled_from(["", "example.com", "u:p@h:80", "[::1]", "%41"]),
    st.text("abc/%-._~!$&'()*+,;=:@", max_size=8).map(lambda path: path.replace("%", "%25")),
    st.sampled_from(["", "?", "?a=b/?", "#", "?x#y"]),
)

ACCEPTED: Mapping[PropertyType, SearchStrategy[object]] = {
    T.INTEGER: st.one_of(integers, st.just(Level.HIGH)),
    T.FLOAT: st.one_of(floats, st.integers(-(10**300), 10**300), st.just(-0.0)),
    T.BOOLEAN: st.booleans(),
    T.STRING: st.one_of(texts, odd_texts, st.sampled_from([Colour.RED, Words("w")])),
    T.TEXT: st.one_of(texts, odd_texts),
    T.BIG_INTEGER: big_integers,
    T.BIG_DECIMAL: decimals,
    T.DATE_TIME: moments,
    T.URI: uris,
    T.UUID: st.uuids(),
    T.CLOB: st.one_of(texts, odd_texts),
    T.BLOB: st.one_of(st.binary(max_size=12), st.binary(max_size=3).map(bytearray)),
}
"""For each type, Python values that it takes."""

ODD_VALUES: list[object] = [
    None, True, 0, -1, 2**63, 10**400, Level.HIGH, 0.0, -0.0, 1.5, float("nan"), float("inf"),
    Decimal(0), Decimal("-0.0"), Decimal("1.50"), Decimal("NaN"), Decimal("sNaN"),
    Decimal("-Infinity"), "", "x", "a b", "http://x", "1", "\0", "\ud800", "\\u0000", "x" * 8193,
    Colour.RED, Words("w"), b"", b"x", bytearray(b"x"), memoryview(b"x"),
    datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), datetime(2026, 1, 1).date(),
    UUID(int=1), str(UUID(int=1)), 1j, object(), (), [], [[1]], {}, {1}, frozenset({"x"}), range(3),
    {"size": 1, "digest": "0" * 32}, LargeValue(1, "0" * 32), iter([1]),
]  # fmt: skip
anything: SearchStrategy[object] = st.one_of(*ACCEPTED.values(), st.sampled_from(ODD_VALUES))
"""Values of which each type takes some."""

# --- definitions ----------------------------------------------------------------------------

ODD_NAMES = [
    "name", "p0", "extra", "+", "~", "~x", "+x", "x+~", '"', "\\", "a\"b", "a b", "a.b", "a/b",
    "é", "日本", "😀", "\n", "\x01", "\x7f", "'; DROP", "[0]", "a[1]", "type", "x" * 255,
]  # fmt: skip

names = st.one_of(st.sampled_from(ODD_NAMES), st.text("abc", min_size=1, max_size=2))


@st.composite
def property_defs(draw: st.DrawFn, name: str | None = None) -> PropertyDef:
    kind = draw(st.sampled_from(PropertyType))
    multivalued = draw(st.booleans())
    nullable = draw(st.booleans())
    values = ACCEPTED[kind]
    if multivalued:
        values = st.lists(values, max_size=3)
    if nullable:
        values = st.one_of(st.none(), values)
    return PropertyDef(
        draw(names) if name is None else name,
        kind,
        default=draw(st.one_of(st.just(NO_DEFAULT), values)),  # type: ignore[arg-type]
        nullable=nullable,
        multivalued=multivalued,
    )


@st.composite
def definitions(draw: st.DrawFn, *, plain: bool = False) -> AspectDef:
    """Definitions of up to five properties; plain ones have no odd names and nothing dynamic."""
    if plain:
        props = [draw(property_defs(f"p{i}")) for i in range(draw(st.integers(0, 5)))]
    else:
        props = draw(st.lists(property_defs(), max_size=5, unique_by=lambda prop: prop.name))
    return AspectDef(
        "thing",
        props,
        id=UUID(int=1),
        can_add_properties=not plain and draw(st.booleans()),
        can_remove_properties=draw(st.booleans()),
    )


def values_for(prop: PropertyDef) -> SearchStrategy[object]:
    """Values that fit a property."""
    values = ACCEPTED[prop.type]
    if prop.multivalued:
        lists = st.lists(values, max_size=3)
        values = st.one_of(lists, lists.map(tuple))
    return st.one_of(st.none(), values) if prop.nullable else values


dynamic_scalars = st.one_of(
    integers, big_integers, floats, st.booleans(), texts, decimals, moments, st.uuids(),
    st.binary(max_size=5),
)  # fmt: skip
dynamic_values: SearchStrategy[object] = st.one_of(
    st.none(),
    dynamic_scalars,
    *(
        st.lists(each, max_size=3).map(tuple)
        for each in (integers, big_integers, floats, texts, decimals, moments, st.uuids())
    ),
)
"""Values of dynamic properties."""


@st.composite
def records(draw: st.DrawFn, definition: AspectDef) -> dict[str, object]:
    """Records that fit a definition."""
    record: dict[str, object] = {}
    for prop in draw(st.permutations(list(definition.properties))):
        if prop.required or draw(st.booleans()):
            record[prop.name] = draw(values_for(prop))
    if definition.can_add_properties:
        extra = draw(st.dictionaries(names, dynamic_values, max_size=2))
        record |= {name: value for name, value in extra.items() if name not in definition}
    return record


@st.composite
def wild_records(draw: st.DrawFn, definition: AspectDef) -> dict[str, object]:
    """Records of which some do not fit."""
    record = draw(records(definition))
    for prop in definition.properties:
        match draw(st.integers(0, 5)):
            case 0:
                record[prop.name] = draw(anything)
            case 1:
                record[prop.name] = draw(st.lists(anything, max_size=3))
            case 2:
                record.pop(prop.name, None)
            case _:
                pass
    if draw(st.integers(0, 9)) == 0:
        record[draw(names)] = draw(anything)
    return record
