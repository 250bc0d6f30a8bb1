"""What each property type accepts from Python, and the canonical form it keeps.

One function for each type: it returns the canonical value, or raises :class:`Refused` with what
it had expected. They are gathered in :data:`cheap.core.values.RULES`.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import AddressValueError, IPv6Address
from typing import Final
from uuid import UUID

from cheap.core.names import is_storable_text

MAX_STRING: Final = 8192
"""Longest value of a String property, in characters; Text and CLOB know no limit."""

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**63 - 1


class Refused(Exception):
    """A value does not fit; carries what was expected. A signal inside this package."""


def integer(value: object) -> int:
    """An int (no bool) of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("Integer (int, not bool)")
    if not MIN_INTEGER <= value <= MAX_INTEGER:
        raise Refused("Integer within 64 bits (use BigInteger for more)")
    return int(value)


def finite_float(value: object) -> float:
    """A finite float or an int (no bool); -0.0 becomes 0.0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused("Float (float or int)")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refused("a finite Float")
    return number + 0.0  # -0.0 + 0.0 is 0.0


def boolean(value: object) -> bool:
    """A bool and nothing else."""
    if not isinstance(value, bool):
        raise Refused("Boolean (bool)")
    return value


def _plain_text(value: object, word: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"{word} (str)")
    if not is_storable_text(value):
        raise Refused(f"{word} without NUL and lone surrogates")
    return str.__str__(value)  # a plain str, whatever subclass came (str() asks an Enum's own)


def string(value: object) -> str:
    """A text of at most 8,192 characters."""
    plain = _plain_text(value, "String")
    if len(plain) > MAX_STRING:
        raise Refused(f"String of at most {MAX_STRING:,} characters (use Text for more)")
    return plain


def text(value: object) -> str:
    """A text of any length."""
    return _plain_text(value, "Text")


def clob(value: object) -> str:
    """A text of any length."""
    return _plain_text(value, "CLOB")


def big_integer(value: object) -> int:
    """An int (no bool) of any size."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("BigInteger (int, not bool)")
    return int(value)


def big_decimal(value: object) -> Decimal:
    """A finite Decimal; its scale is kept."""
    if not isinstance(value, Decimal):
        raise Refused("BigDecimal (decimal.Decimal)")
    if not value.is_finite():
        raise Refused("a finite BigDecimal")
    return Decimal(value)


def date_time(value: object) -> datetime:
    """An aware datetime, as an instant in UTC."""
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
# The possessive quantifiers (*+) keep a long text that is no URI from being tried over and over.
_PCHAR = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_USER = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*+"
_NAME = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*+"
_LITERAL = r"\[(?:(?P<ipv6>[0-9A-Fa-f:.]++)|v[0-9A-Fa-f]++\.[A-Za-z0-9\-._~!$&'()*+,;=:]++)\]"
_AUTHORITY = rf"(?:{_USER}@)?(?:{_LITERAL}|{_NAME})(?::[0-9]*+)?"
_URI = re.compile(
    rf"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*+):)?"
    rf"(?://{_AUTHORITY}(?:/{_PCHAR}*+)*+|(?P<path>/?(?:{_PCHAR}++(?:/{_PCHAR}*+)*+)?))"
    rf"(?:\?(?:{_PCHAR}|[/?])*+)?(?:\#(?:{_PCHAR}|[/?])*+)?"
)


def uri(value: object) -> str:
    """A URI or a relative reference, as RFC 3986 writes them."""
    plain = _plain_text(value, "URI")
    match = _URI.fullmatch(plain)
    if match is None or not _is_address(match["ipv6"]):
        raise Refused("a URI (RFC 3986)")
    path = match["path"]
    if path and match["scheme"] is None and ":" in path.split("/", 1)[0]:
        raise Refused("a URI (RFC 3986)")
    return plain


def _is_address(literal: str | None) -> bool:
    if literal is None:
        return True
    try:
        IPv6Address(literal)
    except AddressValueError:
        return False
    return True


def uuid(value: object) -> UUID:
    """A UUID."""
    if not isinstance(value, UUID):
        raise Refused("UUID (uuid.UUID)")
    return value if type(value) is UUID else UUID(int=value.int)


def blob(value: object) -> bytes:
    """Bytes, or what can be read as bytes at once."""
    match value:
        case bytes():
            return bytes(value)
        case bytearray():
            return bytes(value)
        case memoryview():
            return value.tobytes()
        case _:
            raise Refused("BLOB (bytes)")
