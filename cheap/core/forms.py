"""The JSON form of each property type, out and in.

Reading accepts what JSON has for the type and what a person would write by hand; it returns the
canonical value or raises :class:`~cheap.core.checks.Refused`. Parsed JSON comes from
:func:`decode_json`, which keeps numbers exact.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final, TypeGuard, cast
from uuid import UUID

import msgspec

from cheap.core import checks
from cheap.core.checks import Refused


def _exact(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:  # an exponent beyond 10^18
        return Decimal("Infinity")  # which every type refuses (so is the NaN of lax contexts)


_DECODER: Final = msgspec.json.Decoder(float_hook=_exact)


def decode_json(document: bytes | memoryview | msgspec.Raw) -> Any:
    """Parse JSON. Numbers with a point or an exponent come as Decimal, so that none is rounded.

    Raises:
        msgspec.DecodeError: it is not JSON.
        UnicodeDecodeError: it is not UTF-8.
    """
    return _DECODER.decode(document)


def is_object(form: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether parsed JSON is an object."""
    return isinstance(form, dict)


def is_array(form: object) -> TypeGuard[list[Any]]:
    """Tell whether parsed JSON is an array."""
    return isinstance(form, list)


_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def decode_exact(raw: msgspec.Raw) -> Any:
    """Parse JSON for BigInteger and BigDecimal: a number comes as its own text.

    Raises:
        msgspec.DecodeError: it is not JSON.
        UnicodeDecodeError: it is not UTF-8.
    """
    text = bytes(raw)
    if text[:1] == b"[":
        return [decode_exact(each) for each in _RAWS.decode(text)]
    return text.decode() if text[:1] in _NUMBER_STARTS else decode_json(text)


_NUMBER_STARTS: Final = {b"-", *(b"%d" % digit for digit in range(10))}


def without_decimals(form: Any) -> Any:
    """Turn what :func:`decode_json` gave for a number, or a list of them, into floats."""
    if isinstance(form, Decimal):
        return float(form)
    if is_array(form):
        return [float(each) if isinstance(each, Decimal) else each for each in form]
    return form


# --- integers of any size -------------------------------------------------------------------

# str(int) and int(str) refuse more than 4,300 digits (sys.set_int_max_str_digits, which a
# program may have lowered to 640); decimals know no such limit and give the same.
_SAFE_DIGITS: Final = 600
_SAFE_BITS: Final = 1990
_DIGITS = re.compile(r"0|-?[1-9][0-9]*")


def decimal_digits(number: int) -> str:
    """Write an integer of any size in decimal."""
    if number.bit_length() < _SAFE_BITS:
        return str(number)
    return format(Decimal(number), "f")


def repr_of(value: object) -> str:
    """Write what ``repr`` does, also of integers of any size, alone or in a tuple, list or dict."""
    match value:
        case int() if not isinstance(value, Enum) and value.bit_length() >= _SAFE_BITS:
            return decimal_digits(value)
        case tuple():
            items = cast("tuple[object, ...]", value)
            return f"({', '.join(map(repr_of, items))}{',' * (len(items) == 1)})"
        case list():
            return f"[{', '.join(map(repr_of, cast('list[object]', value)))}]"
        case dict():
            pairs = cast("dict[object, object]", value).items()
            return f"{{{', '.join(f'{key!r}: {repr_of(each)}' for key, each in pairs)}}}"
        case _:
            return repr(value)


def parse_digits(text: str) -> int:
    """Read what :func:`decimal_digits` wrote.

    Raises:
        ValueError: it is not a decimal integer.
    """
    if not _DIGITS.fullmatch(text):
        raise ValueError(text[:40])
    return int(text) if len(text) < _SAFE_DIGITS else int(Decimal(text))


# --- writing --------------------------------------------------------------------------------


def same(value: Any) -> Any:
    """Integers, floats, booleans and texts are themselves in JSON."""
    return value


def write_date_time(value: datetime) -> str:
    """ISO 8601 with Z."""
    return value.isoformat().replace("+00:00", "Z")


def write_blob(value: bytes) -> str:
    """Base64."""
    return base64.b64encode(value).decode()


# --- reading --------------------------------------------------------------------------------


def _as_text(value: object, word: str) -> str:
    if not isinstance(value, str):
        raise Refused(word)
    return value


def read_float(value: object) -> float:
    """A JSON number."""
    return checks.finite_float(float(value) if isinstance(value, Decimal) else value)


def read_big_integer(value: object) -> int:
    """Decimal digits in a string, or a JSON integer."""
    if isinstance(value, int):
        return checks.big_integer(value)
    word = "BigInteger as decimal digits in a string"
    try:
        return parse_digits(_as_text(value, word))
    except ValueError:
        raise Refused(word) from None


_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def parse_decimal(text: str) -> Decimal:
    """Read a number of any size, every digit kept."""
    if not _DECIMAL.fullmatch(text):  # Decimal() also takes blanks, underscores and NaN
        raise Refused("BigDecimal as a string or a number")
    number = _exact(text)
    if not number.is_finite():
        raise Refused("BigDecimal with an exponent that decimal.Decimal can hold")
    return number


def read_big_decimal(value: object) -> Decimal:
    """A number in a string, or a JSON number."""
    if isinstance(value, Decimal):
        return checks.big_decimal(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return parse_decimal(_as_text(value, "BigDecimal as a string or a number"))


def read_date_time(value: object) -> datetime:
    """ISO 8601 text with a zone."""
    word = "DateTime as ISO 8601 text with a zone"
    text = _as_text(value, word)
    try:
        # As the codecs read it: RFC 3339, nanoseconds rounded.
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        try:
            moment = datetime.fromisoformat(text)  # the rest of ISO 8601
        except ValueError:
            raise Refused(word) from None
    return checks.date_time(moment)


def read_uuid(value: object) -> UUID:
    """A UUID as text, with or without hyphens."""
    word = "UUID as text"
    try:
        # Not UUID(text), which lets braces, prefixes, blanks and underscores pass.
        return msgspec.convert(_as_text(value, word), UUID)
    except msgspec.ValidationError:
        raise Refused(word) from None


def read_blob(value: object) -> bytes:
    """Base64 text."""
    word = "BLOB as base64 text"
    try:
        return msgspec.convert(_as_text(value, word), bytes)
    except msgspec.ValidationError:
        raise Refused(word) from None
