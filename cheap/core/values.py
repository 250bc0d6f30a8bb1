"""Property types: what each accepts, its canonical form, its JSON form and its order.

One function per question and type, gathered in :data:`RULES`; nothing else in CheapPy decides
whether a value is right. The codecs (:mod:`cheap.core.codecs`) are a faster road to the same
answers, and a test holds the two against each other.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Final
from uuid import UUID

from cheap.core.names import is_storable_text
from cheap.errors import Fault

Scalar = int | float | bool | str | Decimal | datetime | UUID | bytes
"""One value of a property that is not multivalued."""

MAX_STRING = 8192
"""Longest value of a String property, in characters; Text and CLOB know no limit."""

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**63 - 1


class PropertyType(Enum):
    """The twelve types of a property; the value is the name used in documents."""

    INTEGER = "Integer"
    FLOAT = "Float"
    BOOLEAN = "Boolean"
    STRING = "String"
    TEXT = "Text"
    BIG_INTEGER = "BigInteger"
    BIG_DECIMAL = "BigDecimal"
    DATE_TIME = "DateTime"
    URI = "URI"
    UUID = "UUID"
    CLOB = "CLOB"
    BLOB = "BLOB"

    @property
    def code(self) -> str:
        """The three-letter code that goes into hash versions."""
        return _CODES[self]

    @property
    def python_type(self) -> type[Scalar]:
        """The Python type of a value."""
        return RULES[self].python

    @property
    def is_large(self) -> bool:
        """Whether values can be written and read in pieces."""
        return self in (PropertyType.CLOB, PropertyType.BLOB)


_CODES: Final = {
    PropertyType.INTEGER: "INT",
    PropertyType.FLOAT: "FLT",
    PropertyType.BOOLEAN: "BLN",
    PropertyType.STRING: "STR",
    PropertyType.TEXT: "TXT",
    PropertyType.BIG_INTEGER: "BGI",
    PropertyType.BIG_DECIMAL: "BGF",
    PropertyType.DATE_TIME: "DAT",
    PropertyType.URI: "URI",
    PropertyType.UUID: "UID",
    PropertyType.CLOB: "CLB",
    PropertyType.BLOB: "BLB",
}


@dataclass(frozen=True, slots=True)
class LargeValue:
    """A CLOB or BLOB that was written in pieces and stays in the store until it is asked for.

    It stands in the place of the value; read it with ``store.read_value(...)``.

    Attributes:
        size: length in bytes (of a CLOB: of its UTF-8 form).
        digest: BLAKE2b-128 of those bytes, 32 hexadecimal digits.
    """

    size: int
    digest: str


Value = Scalar | LargeValue | tuple[Scalar, ...] | None
"""What a property can hold: a scalar, a tuple of scalars when multivalued, or null."""


class Refused(Exception):  # noqa: N818 - a signal inside this package, not an error of ours
    """A value does not fit; carries what was expected."""


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("Integer (int, not bool)")
    if not MIN_INTEGER <= value <= MAX_INTEGER:
        raise Refused("Integer within 64 bits (use BigInteger for more)")
    return int(value)


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused("Float (float or int)")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refused("a finite Float")
    return number + 0.0  # -0.0 + 0.0 is 0.0


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused("Boolean (bool)")
    return value


def _plain_text(value: object, word: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"{word} (str)")
    if not is_storable_text(value):
        raise Refused(f"{word} without NUL and lone surrogates")
    return str.__str__(value)


def _string(value: object) -> str:
    text = _plain_text(value, "String")
    if len(text) > MAX_STRING:
        raise Refused(f"String of at most {MAX_STRING:,} characters (use Text for more)")
    return text


def _text(value: object) -> str:
    return _plain_text(value, "Text")


def _clob(value: object) -> str:
    return _plain_text(value, "CLOB")


def _big_integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("BigInteger (int, not bool)")
    return int(value)


def _big_decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal):
        raise Refused("BigDecimal (decimal.Decimal)")
    if not value.is_finite():
        raise Refused("a finite BigDecimal")
    return Decimal(value)


def _date_time(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise Refused("DateTime (datetime.datetime)")
    if value.tzinfo is None or value.utcoffset() is None:
        raise Refused("an aware DateTime (with tzinfo)")
    try:
        moved = value.astimezone(UTC)
    except OverflowError:
        raise Refused("a DateTime between the years 1 and 9999 in UTC") from None
    # A plain datetime, whatever subclass came, and never a fold (UTC has none).
    return datetime(
        moved.year, moved.month, moved.day, moved.hour, moved.minute, moved.second,
        moved.microsecond, UTC,
    )  # fmt: skip


# RFC 3986, appendix A, for what may stand in a URI reference; the split is that of appendix B.
_PCHAR = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_IPV6 = r"\[(?:[0-9A-Fa-f:.]+|v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]"
_REG_NAME = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
_AUTHORITY = (
    rf"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{{2}})*@)?(?:{_IPV6}|{_REG_NAME})(?::[0-9]*)?"
)
_URI = re.compile(
    rf"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):)?"
    rf"(?://{_AUTHORITY}(?:/{_PCHAR}*)*|(?P<path>/?(?:{_PCHAR}+(?:/{_PCHAR}*)*)?))"
    rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:\#(?:{_PCHAR}|[/?])*)?"
)


def _uri(value: object) -> str:
    text = _plain_text(value, "URI")
    match = _URI.fullmatch(text)
    if match is None:
        raise Refused("a URI (RFC 3986)")
    path = match["path"]
    if path and match["scheme"] is None and ":" in path.split("/", 1)[0]:
        raise Refused("a URI (RFC 3986)")
    return text


def _uuid(value: object) -> UUID:
    if not isinstance(value, UUID):
        raise Refused("UUID (uuid.UUID)")
    return value if type(value) is UUID else UUID(int=value.int)


def _blob(value: object) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise Refused("BLOB (bytes)")
    return bytes(value)


# --- JSON forms -----------------------------------------------------------------------------


def decimal_digits(number: int) -> str:
    """Write an integer of any size in decimal.

    ``str(int)`` refuses more than 4,300 digits (``sys.set_int_max_str_digits``); decimals know no
    such limit, and the result is the same.
    """
    if -(10**4000) < number < 10**4000:
        return str(number)
    return format(Decimal(number), "f")


_DIGITS = re.compile(r"-?(?:0|[1-9][0-9]*)")


def parse_digits(text: str) -> int:
    """Read what :func:`decimal_digits` wrote.

    Raises:
        ValueError: it is not a decimal integer.
    """
    if not _DIGITS.fullmatch(text) or text == "-0":
        raise ValueError(text[:40])
    return int(text) if len(text) < 4000 else int(Decimal(text))


def _date_time_text(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _as_text(value: object, word: str) -> str:
    if not isinstance(value, str):
        raise Refused(word)
    return value


def _read_big_integer(value: object) -> int:
    if isinstance(value, int):
        return _big_integer(value)
    try:
        return parse_digits(_as_text(value, "BigInteger as decimal digits in a string"))
    except ValueError:
        raise Refused("BigInteger as decimal digits in a string") from None


_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def _read_big_decimal(value: object) -> Decimal:
    word = "BigDecimal as a string or a number"
    if isinstance(value, bool):
        raise Refused(word)
    if isinstance(value, Decimal):
        return _big_decimal(value)
    text = decimal_digits(value) if isinstance(value, int) else value
    text = repr(text) if isinstance(text, float) else _as_text(text, word)
    if not _DECIMAL.fullmatch(text):
        raise Refused(word)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Refused("BigDecimal with an exponent that decimal.Decimal can hold") from None


def _read_date_time(value: object) -> datetime:
    word = "DateTime as ISO 8601 text with a zone"
    text = _as_text(value, word)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(word) from None
    return _date_time(moment)


def _read_uuid(value: object) -> UUID:
    text = _as_text(value, "UUID as text")
    try:
        return UUID(text)
    except ValueError:
        raise Refused("UUID as text") from None


def _read_blob(value: object) -> bytes:
    text = _as_text(value, "BLOB as base64 text")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("BLOB as base64 text") from None


# --- order ----------------------------------------------------------------------------------
# A sort key is a short byte string: keys compare (memcmp) as the values do, on each database and
# in Python alike. Long values are cut; see MAX_SORT_KEY.

MAX_SORT_KEY: Final = 256
"""Longest sort key of a value, in bytes; values that agree in them are ordered by entity id."""


def _integer_key(value: int) -> bytes:
    return (value - MIN_INTEGER).to_bytes(8, "big")


def _float_key(value: float) -> bytes:
    bits: int = struct.unpack(">Q", struct.pack(">d", value))[0]
    # IEEE 754: flip all bits of a negative, the sign bit of a positive; then bytes order as numbers.
    return (bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else 1 << 63)).to_bytes(8, "big")


def _decimal_key(value: Decimal) -> bytes:
    """Order by number, then by scale: 1.5 before 1.50 (they are not the same value)."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits[: MAX_SORT_KEY + 20])).lstrip("0")
    zero = not text
    # Number = 0.d1d2d3… × 10^magnitude.
    leading = next((i for i, digit in enumerate(digits) if digit), len(digits))
    magnitude = 0 if zero else len(digits) - leading + exponent
    significant = text.rstrip("0") if len(digits) - leading <= len(text) else text
    body = (magnitude + (1 << 63)).to_bytes(9, "big") + significant.encode()[: MAX_SORT_KEY - 32]
    body += b"\0"
    if zero:
        body = b"\0"
    negative = bool(sign) and not zero
    if negative:
        body = bytes(255 - byte for byte in body)
    rank = b"\x00" if negative else b"\x01" if zero else b"\x02"
    return rank + body + (-exponent + (1 << 63)).to_bytes(9, "big") + bytes([1 - sign])


def _big_integer_key(value: int) -> bytes:
    size = (abs(value).bit_length() + 7) // 8
    body = size.to_bytes(6, "big") + abs(value).to_bytes(size, "big")[: MAX_SORT_KEY - 8]
    if value < 0:
        return b"\0" + bytes(255 - byte for byte in body)
    return b"\1" + body


def _text_key(value: str) -> bytes:
    return value.encode()[:MAX_SORT_KEY]  # UTF-8 bytes order as code points do


def _date_time_key(value: datetime) -> bytes:
    since = value - datetime(1, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds).to_bytes(8, "big")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known about one property type.

    Attributes:
        python: the Python type of its values.
        check: returns the canonical form of a Python value, or raises :class:`Refused`.
        write: returns the JSON form (str, int, float or bool) of a canonical value.
        read: returns the canonical value of a JSON form, or raises :class:`Refused`.
        key: returns the sort key of a canonical value.
    """

    python: type[Scalar]
    check: Callable[[object], Scalar]
    write: Callable[..., str | int | float | bool]
    read: Callable[[object], Scalar]
    key: Callable[..., bytes]


def _same(value: str | int | float | bool) -> str | int | float | bool:
    return value


RULES: Final[dict[PropertyType, Rule]] = {
    PropertyType.INTEGER: Rule(int, _integer, _same, _integer, _integer_key),
    PropertyType.FLOAT: Rule(float, _float, _same, _float, _float_key),
    PropertyType.BOOLEAN: Rule(bool, _boolean, _same, _boolean, lambda v: bytes([v])),
    PropertyType.STRING: Rule(str, _string, _same, _string, _text_key),
    PropertyType.TEXT: Rule(str, _text, _same, _text, _text_key),
    PropertyType.BIG_INTEGER: Rule(
        int, _big_integer, decimal_digits, _read_big_integer, _big_integer_key
    ),
    PropertyType.BIG_DECIMAL: Rule(Decimal, _big_decimal, str, _read_big_decimal, _decimal_key),
    PropertyType.DATE_TIME: Rule(
        datetime, _date_time, _date_time_text, _read_date_time, _date_time_key
    ),
    PropertyType.URI: Rule(str, _uri, _same, _uri, _text_key),
    PropertyType.UUID: Rule(UUID, _uuid, str, _read_uuid, lambda v: v.bytes),
    PropertyType.CLOB: Rule(str, _clob, _same, _clob, _text_key),
    PropertyType.BLOB: Rule(
        bytes, _blob, lambda v: base64.b64encode(v).decode(), _read_blob, lambda v: v[:MAX_SORT_KEY]
    ),
}


def show(value: object) -> str:
    """Describe a refused value in a few words: its type and the beginning of it."""
    kind = type(value).__name__
    if value is None:
        return "null"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return f"{kind} of {value.bit_length():,} bits"
    if isinstance(value, (str, bytes)) and len(value) > 40:
        unit = "characters" if isinstance(value, str) else "bytes"
        return f"{kind} of {len(value):,} {unit} {value[:24]!r}…"
    text = repr(value)
    return f"{kind} {text if len(text) <= 60 else text[:59] + '…'}"


def _check_with(rule: Callable[[object], Scalar], path: str, value: object) -> Scalar | Fault:
    try:
        return rule(value)
    except Refused as refused:
        return Fault(path, str(refused), show(value))


def _check_all(
    rule: Callable[[object], Scalar], path: str, value: object, nullable: bool, multivalued: bool
) -> tuple[Value, Sequence[Fault]]:
    if value is None:
        return None, () if nullable else (Fault(path, "a value (it is not nullable)", "null"),)
    if not multivalued:
        found = _check_with(rule, path, value)
        return (None, (found,)) if isinstance(found, Fault) else (found, ())
    if not isinstance(value, (list, tuple)):
        return None, (Fault(path, "a list or tuple (it is multivalued)", show(value)),)
    items = [_check_with(rule, f"{path}[{i}]", item) for i, item in enumerate(value)]
    faults = [item for item in items if isinstance(item, Fault)]
    return tuple(item for item in items if not isinstance(item, Fault)), faults


def check_value(
    path: str, kind: PropertyType, value: object, *, nullable: bool, multivalued: bool
) -> tuple[Value, Sequence[Fault]]:
    """Check one Python value; return its canonical form and the faults found (none when right)."""
    if isinstance(value, LargeValue) and kind.is_large and not multivalued:
        return value, ()
    return _check_all(RULES[kind].check, path, value, nullable, multivalued)


def read_value(
    path: str, kind: PropertyType, value: object, *, nullable: bool, multivalued: bool
) -> tuple[Value, Sequence[Fault]]:
    """Read one JSON value; return its canonical form and the faults found (none when right)."""
    return _check_all(RULES[kind].read, path, value, nullable, multivalued)


def write_value(kind: PropertyType, value: Value) -> object:
    """Return the JSON form of a canonical value."""
    write = RULES[kind].write
    if value is None:
        return None
    if isinstance(value, tuple):
        return [write(item) for item in value]
    return write(value)


def sort_key(kind: PropertyType, value: Value) -> bytes:
    """Return the sort key of one scalar: null first, then by value; at most 256 bytes and a mark.

    The order is that of the Python type: numbers by size (a BigDecimal with the smaller scale
    first where numbers are equal), text by code point, instants by time, ids and bytes by bytes.
    """
    return b"\0" if value is None else b"\1" + RULES[kind].key(value)


def type_of(value: object) -> tuple[PropertyType, bool] | None:
    """Return the property type that fits a Python value best, and whether it is multivalued.

    This is how dynamic properties are typed: ``int`` gives Integer (BigInteger beyond 64 bits),
    ``str`` Text, and so on; a list or tuple is multivalued and takes the type of its first
    element (Text when it is empty). ``None`` and other types have no property type.
    """
    if isinstance(value, (list, tuple)):
        wide = any(type_of(item) == (PropertyType.BIG_INTEGER, False) for item in value)
        if wide:
            return PropertyType.BIG_INTEGER, True
        first = type_of(value[0]) if value else (PropertyType.TEXT, False)
        return None if first is None or first[1] else (first[0], True)
    if isinstance(value, bool):
        return PropertyType.BOOLEAN, False
    if isinstance(value, int):
        small = MIN_INTEGER <= value <= MAX_INTEGER
        return (PropertyType.INTEGER if small else PropertyType.BIG_INTEGER), False
    for kind, python in _BY_PYTHON_TYPE:
        if isinstance(value, python):
            return kind, False
    return None


_BY_PYTHON_TYPE: Final[tuple[tuple[PropertyType, type], ...]] = (
    (PropertyType.FLOAT, float),
    (PropertyType.TEXT, str),
    (PropertyType.BIG_DECIMAL, Decimal),
    (PropertyType.DATE_TIME, datetime),
    (PropertyType.UUID, UUID),
    (PropertyType.BLOB, bytes),
)
