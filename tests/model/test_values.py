"""Property types: what each accepts, and what it makes of it. The table of the design, and more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Context, Decimal, localcontext
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cheap.core import LargeValue, PropertyType
from cheap.core.forms import decimal_digits, parse_digits
from cheap.core.values import RULES, check_value, read_value, show, type_of, write_value
from cheap.errors import Fault, InvalidError
from tests.model.strategies import ACCEPTED, Colour, Level, Words, anything

T = PropertyType
ID = UUID("82758400-e24b-41d4-a726-446644440000")
HUGE = 10**5000
EAST, WEST = timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))


class Moment(datetime):
    """A datetime that is not quite one."""


class Nowhere(tzinfo):
    """A zone that does not know its offset."""

    def utcoffset(self, moment: datetime | None) -> None:
        return None


class Id(UUID):
    """A UUID that is not quite one."""


def named(value: object) -> str | None:
    """Cases are named by their type: pytest cannot write 10**5000."""
    return value.name if isinstance(value, PropertyType) else "_"


def check(kind: PropertyType, value: object) -> object:
    canonical, faults = check_value("x", kind, value, nullable=False, multivalued=False)
    assert not faults, faults[0]
    return canonical


def fault(kind: PropertyType, value: object) -> Fault:
    _, faults = check_value("x", kind, value, nullable=False, multivalued=False)
    (found,) = faults
    assert found.path == "x"
    assert len(str(found)) < 300
    return found


def test_there_are_twelve_types() -> None:
    assert len(PropertyType) == len(RULES) == 12
    assert [kind.value for kind in PropertyType] == [
        "Integer", "Float", "Boolean", "String", "Text", "BigInteger", "BigDecimal", "DateTime",
        "URI", "UUID", "CLOB", "BLOB",
    ]  # fmt: skip
    assert [kind.code for kind in PropertyType] == [
        "INT", "FLT", "BLN", "STR", "TXT", "BGI", "BGF", "DAT", "URI", "UID", "CLB", "BLB"
    ]  # fmt: skip
    assert [kind.python_type for kind in PropertyType] == [
        int, float, bool, str, str, int, Decimal, datetime, str, UUID, str, bytes
    ]  # fmt: skip


ACCEPTED_TABLE: list[tuple[PropertyType, object, object]] = [
    (T.INTEGER, 0, 0),
    (T.INTEGER, 2**63 - 1, 2**63 - 1),
    (T.INTEGER, -(2**63), -(2**63)),
    (T.INTEGER, Level.HIGH, 3),
    (T.FLOAT, 1.5, 1.5),
    (T.FLOAT, 7, 7.0),
    (T.FLOAT, -0.0, 0.0),
    (T.FLOAT, 5e-324, 5e-324),
    (T.FLOAT, sys.float_info.max, sys.float_info.max),
    (T.BOOLEAN, True, True),
    (T.STRING, "", ""),
    (T.STRING, "x" * 8192, "x" * 8192),
    (T.STRING, "😀" * 8192, "😀" * 8192),
    (T.STRING, Colour.RED, "red"),
    (T.STRING, Words("w"), "w"),
    (T.TEXT, "x" * 100_000, "x" * 100_000),
    (T.BIG_INTEGER, HUGE, HUGE),
    (T.BIG_INTEGER, -HUGE, -HUGE),
    (T.BIG_DECIMAL, Decimal("1.50"), Decimal("1.50")),
    (T.BIG_DECIMAL, Decimal("9" * 400 + ".5"), Decimal("9" * 400 + ".5")),
    (T.BIG_DECIMAL, Decimal("1E+999999999999999999"), Decimal("1E+999999999999999999")),
    (T.DATE_TIME, datetime(2026, 1, 1, 5, 30, tzinfo=EAST), datetime(2026, 1, 1, tzinfo=UTC)),
    (T.DATE_TIME, datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)),
    (T.DATE_TIME, Moment(2026, 1, 1, fold=1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
    (T.UUID, ID, ID),
    (T.UUID, Id(int=5), UUID(int=5)),
    (T.CLOB, "clob", "clob"),
    (T.BLOB, b"\0\xff", b"\0\xff"),
    (T.BLOB, bytearray(b"x"), b"x"),
    (T.BLOB, memoryview(b"abcd")[::2], b"ac"),
]


@pytest.mark.parametrize(("kind", "value", "canonical"), ACCEPTED_TABLE, ids=named)
def test_accepted(kind: PropertyType, value: object, canonical: object) -> None:
    found = check(kind, value)
    assert found == canonical
    assert type(found) is kind.python_type
    if kind in (T.FLOAT, T.BIG_DECIMAL):
        assert str(found) == str(canonical)


@contextmanager
def _digits(limit: int) -> Iterator[None]:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(limit)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)


REFUSED_TABLE: list[tuple[PropertyType, object, str, str]] = [
    (T.INTEGER, True, "Integer (int, not bool)", "bool True"),
    (T.INTEGER, 1.0, "Integer (int, not bool)", "float 1.0"),
    (T.INTEGER, "1", "Integer (int, not bool)", "str '1'"),
    (T.INTEGER, 2**63, "Integer within 64 bits (use BigInteger for more)", f"int {2**63}"),
    (T.INTEGER, -(2**63) - 1, "Integer within 64 bits (use BigInteger for more)", "int -922"),
    (T.INTEGER, HUGE, "Integer within 64 bits (use BigInteger for more)", "int of 16,610 bits"),
    (T.INTEGER, None, "a value (it is not nullable)", "null"),
    (T.FLOAT, False, "Float (float or int)", "bool False"),
    (T.FLOAT, Decimal("1.5"), "Float (float or int)", "Decimal Decimal('1.5')"),
    (T.FLOAT, float("nan"), "a finite Float", "float nan"),
    (T.FLOAT, float("inf"), "a finite Float", "float inf"),
    (T.FLOAT, float("-inf"), "a finite Float", "float -inf"),
    (T.FLOAT, HUGE, "a finite Float", "int of 16,610 bits"),
    (T.BOOLEAN, 1, "Boolean (bool)", "int 1"),
    (T.BOOLEAN, "true", "Boolean (bool)", "str 'true'"),
    (T.STRING, "x" * 8193, "String of at most 8,192 characters (use Text for more)", "8,193"),
    (T.STRING, b"x", "String (str)", "bytes b'x'"),
    (T.STRING, "a\0b", "String without NUL and lone surrogates", r"str 'a\x00b'"),
    (T.TEXT, "\ud800", "Text without NUL and lone surrogates", r"str '\ud800'"),
    (T.CLOB, "\udfff", "CLOB without NUL and lone surrogates", r"str '\udfff'"),
    (T.URI, "a\0", "URI without NUL and lone surrogates", r"str 'a\x00'"),
    (T.BIG_INTEGER, True, "BigInteger (int, not bool)", "bool True"),
    (T.BIG_INTEGER, "5", "BigInteger (int, not bool)", "str '5'"),
    (T.BIG_DECIMAL, 1.5, "BigDecimal (decimal.Decimal)", "float 1.5"),
    (T.BIG_DECIMAL, 1, "BigDecimal (decimal.Decimal)", "int 1"),
    (T.BIG_DECIMAL, Decimal("NaN"), "a finite BigDecimal", "Decimal Decimal('NaN')"),
    (T.BIG_DECIMAL, Decimal("sNaN"), "a finite BigDecimal", "Decimal Decimal('sNaN')"),
    (T.BIG_DECIMAL, Decimal("-Infinity"), "a finite BigDecimal", "Decimal Decimal('-Infinity')"),
    (T.DATE_TIME, datetime(2026, 1, 1), "an aware DateTime (with tzinfo)", "datetime datetime"),
    (T.DATE_TIME, datetime(2026, 1, 1, tzinfo=Nowhere()), "an aware DateTime", "datetime"),
    (T.DATE_TIME, datetime(1, 1, 1, tzinfo=EAST), "between the years 1 and 9999", "datetime"),
    (T.DATE_TIME, datetime(9999, 12, 31, 23, tzinfo=WEST), "between the years", "datetime"),
    (T.DATE_TIME, "2026-01-01T00:00:00Z", "DateTime (datetime.datetime)", "str"),
    (T.DATE_TIME, datetime(2026, 1, 1).date(), "DateTime (datetime.datetime)", "date"),
    (T.UUID, str(ID), "UUID (uuid.UUID)", "str"),
    (T.UUID, ID.bytes, "UUID (uuid.UUID)", "bytes"),
    (T.BLOB, "text", "BLOB (bytes)", "str 'text'"),
    (T.BLOB, [1, 2], "BLOB (bytes)", "list of 2 items"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "expected", "got"), REFUSED_TABLE, ids=named)
def test_refused(kind: PropertyType, value: object, expected: str, got: str) -> None:
    found = fault(kind, value)
    assert expected in found.expected
    assert got in found.got


URIS = [
    "http://example.com", "http://example.com:8080/a/b?c=d#e", "https://u:p@example.com/",
    "urn:isbn:0451450523", "mailto:a@b.c", "file:///etc/fstab", "a:", "a:b:c", "tel:+1-816-555",
    "ldap://[2001:db8::7]/c=GB?one", "http://[v1.x:y]/", "http://[::ffff:1.2.3.4]/", "//host/path",
    "/a/b", "a/b:c", "../x", "", "#x", "?x", "%41", "x-1+2.3:y", "http://", "http://a:/", "./a:b",
    "news:comp.infosystems", "http://a/b//c", "http://%e4/",
]  # fmt: skip
NO_URIS = [
    "http://example.com/a b", "http://[::1", "http://[1::2::3]/", "http://[fe80::1%25eth0]/",
    "http://a:b/", "%4", "%zz", "a[b", "1a:b", ":a", "a\\b", "http://é/", "<x>", "a#b#c", "\n",
    "http://a\n", "a b", "http://[v.x]/", "{x}", '"', "^", "`", "|", "http://[12345::]/",
]  # fmt: skip


@pytest.mark.parametrize("uri", URIS)
def test_uris(uri: str) -> None:
    assert check(T.URI, uri) == uri


@pytest.mark.parametrize("uri", NO_URIS)
def test_no_uris(uri: str) -> None:
    assert fault(T.URI, uri).expected == "a URI (RFC 3986)"


def test_a_long_text_that_is_no_uri_is_refused_at_once() -> None:
    for piece in ("a", "a/", "%41", "a:", "//", "a@", "?/"):
        fault(T.URI, "http://" + piece * 200_000 + " ")


@given(st.sampled_from(PropertyType), anything)
def test_a_canonical_value_is_its_own_canonical_form(kind: PropertyType, value: object) -> None:
    canonical, faults = check_value("x", kind, value, nullable=True, multivalued=False)
    if not faults and canonical is not None:
        assert type(canonical) in (kind.python_type, LargeValue)
        again, none = check_value("x", kind, canonical, nullable=True, multivalued=False)
        assert not none
        assert again == canonical
        assert str(again) == str(canonical)


@given(st.data(), st.sampled_from(PropertyType), st.booleans())
def test_json_forms_read_back(data: st.DataObject, kind: PropertyType, many: bool) -> None:
    values = st.lists(ACCEPTED[kind], max_size=3) if many else ACCEPTED[kind]
    value, faults = check_value("x", kind, data.draw(values), nullable=False, multivalued=many)
    assert not faults
    form = write_value(kind, value)
    again, faults = read_value("x", kind, form, nullable=False, multivalued=many)
    assert not faults
    assert again == value
    assert repr(again) == repr(value)


FORMS: list[tuple[PropertyType, object, object]] = [
    (T.FLOAT, 1, 1.0),
    (T.FLOAT, Decimal("0.1"), 0.1),
    (T.BIG_INTEGER, 5, 5),
    (T.BIG_INTEGER, "-12", -12),
    (T.BIG_DECIMAL, "1.50", Decimal("1.50")),
    (T.BIG_DECIMAL, "-1E+5", Decimal("-1E+5")),
    (T.BIG_DECIMAL, ".5", Decimal("0.5")),
    (T.BIG_DECIMAL, 7, Decimal(7)),
    (T.BIG_DECIMAL, Decimal("1.50"), Decimal("1.50")),
    (T.DATE_TIME, "2026-01-01T05:30:00+05:30", datetime(2026, 1, 1, tzinfo=UTC)),
    (T.DATE_TIME, "2026-01-01T00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
    (T.DATE_TIME, "2026-01-01t00:00:00z", datetime(2026, 1, 1, tzinfo=UTC)),
    (T.DATE_TIME, "2026-01-01T00:00:00.1234567Z", datetime(2026, 1, 1, 0, 0, 0, 123457, UTC)),
    (T.UUID, ID.hex, ID),
    (T.UUID, str(ID).upper(), ID),
    (T.BLOB, "AP8=", b"\0\xff"),
]


@pytest.mark.parametrize(("kind", "form", "value"), FORMS, ids=named)
def test_forms_that_are_read(kind: PropertyType, form: object, value: object) -> None:
    found, faults = read_value("x", kind, form, nullable=False, multivalued=False)
    assert not faults
    assert found == value
    assert repr(found) == repr(value)


BAD_FORMS: list[tuple[PropertyType, object]] = [
    (T.INTEGER, 1.0), (T.INTEGER, "1"), (T.INTEGER, True), (T.FLOAT, "1.0"), (T.FLOAT, True),
    (T.FLOAT, Decimal("1E+400")), (T.BOOLEAN, "true"), (T.BOOLEAN, 0), (T.BIG_INTEGER, "1e3"),
    (T.BIG_INTEGER, "-0"), (T.BIG_INTEGER, "01"), (T.BIG_INTEGER, " 1"), (T.BIG_INTEGER, "1_0"),
    (T.BIG_INTEGER, "١"), (T.BIG_INTEGER, "1\n"), (T.BIG_INTEGER, True), (T.BIG_INTEGER, 1.0),
    (T.BIG_DECIMAL, "NaN"), (T.BIG_DECIMAL, "1_000"), (T.BIG_DECIMAL, " 1.5"),
    (T.BIG_DECIMAL, "Infinity"), (T.BIG_DECIMAL, ""), (T.BIG_DECIMAL, "1.5\n"),
    (T.BIG_DECIMAL, "1E+99999999999999999999"), (T.BIG_DECIMAL, True), (T.BIG_DECIMAL, "١"),
    (T.DATE_TIME, "2026-01-01"), (T.DATE_TIME, "2026-01-01T00:00:00"), (T.DATE_TIME, 5),
    (T.DATE_TIME, "2026-02-30T00:00:00Z"), (T.DATE_TIME, "0001-01-01T00:00:00+05:00"),
    (T.UUID, "{82758400-e24b-41d4-a726-446644440000}"), (T.UUID, "x"), (T.UUID, 5),
    (T.UUID, "urn:uuid:82758400-e24b-41d4-a726-446644440000"), (T.UUID, "8275840_" * 4),
    (T.BLOB, "AP8"), (T.BLOB, "AP_-"), (T.BLOB, " AP8="), (T.BLOB, "QUFB="), (T.BLOB, 5),
    (T.STRING, 5), (T.STRING, "\0"), (T.URI, "a b"), (T.TEXT, ["x"]), (T.CLOB, {}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "form"), BAD_FORMS, ids=named)
def test_forms_that_are_refused(kind: PropertyType, form: object) -> None:
    _, faults = read_value("x", kind, form, nullable=False, multivalued=False)
    assert len(faults) == 1


def test_multivalued() -> None:
    def many(value: object, nullable: bool = False) -> tuple[object, list[Fault]]:
        found, faults = check_value("x", T.INTEGER, value, nullable=nullable, multivalued=True)
        return found, list(faults)

    assert many([1, 2]) == ((1, 2), [])
    assert many((1,)) == ((1,), [])
    assert many([]) == ((), [])
    assert many(None, nullable=True) == (None, [])
    _, faults = many(None)
    assert str(faults[0]) == "x: expected a value (it is not nullable), got null"
    _, faults = many(5)
    assert str(faults[0]) == "x: expected a list or tuple (it is multivalued), got int 5"
    _, faults = many([1, "2", None, 2**63], nullable=True)
    assert [fault.path for fault in faults] == ["x[1]", "x[2]", "x[3]"]
    assert faults[1].got == "null"
    for wrong in ({1}, "12", b"12", range(3), {1: 2}, iter([1])):
        assert len(many(wrong)[1]) == 1


def test_large_values_stand_for_clobs_and_blobs_only() -> None:
    large = LargeValue(5, "0" * 32)
    for kind in PropertyType:
        found, faults = check_value("x", kind, large, nullable=False, multivalued=False)
        assert (found is large and not faults) == kind.is_large
        _, faults = check_value("x", kind, large, nullable=False, multivalued=True)
        assert faults
    for size, digest in ((-1, "0" * 32), (1, "0" * 31), (1, "A" * 32), (1, "0" * 32 + "\n")):
        with pytest.raises(InvalidError):
            LargeValue(size, digest)


@given(st.one_of(st.integers(), st.integers(0, 20_000).map(lambda bits: -(7 << bits))))
def test_digits_of_any_number(number: int) -> None:
    with _digits(640):  # the lowest limit that Python allows
        digits = decimal_digits(number)
        assert parse_digits(digits) == number
    with _digits(0):
        assert digits == str(number)


def test_decimals_do_not_depend_on_the_context() -> None:
    digits = "1234567890" * 60
    with localcontext(Context(prec=3, traps=[])):
        assert parse_digits(digits) == int(digits)
        assert decimal_digits(int(digits)) == digits
        assert str(check(T.BIG_DECIMAL, Decimal(digits + ".50"))) == digits + ".50"
        for form in (digits + ".50", Decimal(digits + ".50")):
            value, _ = read_value("x", T.BIG_DECIMAL, form, nullable=False, multivalued=False)
            assert str(value) == digits + ".50"
        _, faults = read_value(
            "x", T.BIG_DECIMAL, "1E+99999999999999999999", nullable=False, multivalued=False
        )
        assert faults


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_show_is_short_and_never_fails() -> None:
    itself: list[object] = []
    itself.append(itself)
    for value in (
        HUGE, -HUGE, "x" * 10**6, b"x" * 10**6, bytearray(10**6), [0] * 10**6, {1: "x" * 10**6},
        Decimal("1" * 10**5), Rude(), itself, None, Level.HIGH, ((),), object, 1j,
    ):  # fmt: skip
        assert 0 < len(show(value)) < 150
    assert show("x" * 41) == f"str of 41 characters {'x' * 24!r}…"
    assert show([1]) == "list of 1 item"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, (T.INTEGER, False)),
        (2**63, (T.BIG_INTEGER, False)),
        (True, (T.BOOLEAN, False)),
        (1.5, (T.FLOAT, False)),
        ("x", (T.TEXT, False)),
        (Decimal(1), (T.BIG_DECIMAL, False)),
        (datetime(2026, 1, 1, tzinfo=UTC), (T.DATE_TIME, False)),
        (ID, (T.UUID, False)),
        (b"x", (T.BLOB, False)),
        (bytearray(b"x"), (T.BLOB, False)),
        ([], (T.TEXT, True)),
        ([1, 2], (T.INTEGER, True)),
        ([1, 2**63], (T.BIG_INTEGER, True)),
        ([1, 2.5], (T.FLOAT, True)),
        ([True, 1], (T.BOOLEAN, True)),
        (("a",), (T.TEXT, True)),
        (None, None),
        ([None], None),
        ([[1]], None),
        ({}, None),
        (1j, None),
    ],
)
def test_dynamic_properties_are_typed_by_their_value(value: object, expected: object) -> None:
    assert type_of(value) == expected


def test_a_list_in_itself_has_no_type() -> None:
    itself: list[object] = []
    itself.append(itself)
    assert type_of(itself) is None
