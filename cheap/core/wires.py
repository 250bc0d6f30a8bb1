"""What ``msgspec`` is told about each property, and what it must be helped with.

There are three kinds of rows: *stored* ones, decoded from packed records; those *from Python*,
converted from a dict; and those *from JSON*, decoded from a document. ``msgspec`` refuses most of
what :mod:`cheap.core.checks` refuses; a *mend* does the rest: it makes one value canonical, or
raises ``Refused``, which sends the record to the slow road.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from cheap.core import checks
from cheap.core.checks import MAX_INTEGER, MAX_STRING, MIN_INTEGER, Refused
from cheap.core.definitions import PropertyDef
from cheap.core.forms import decimal_digits, parse_decimal, read_big_integer
from cheap.core.values import LargeValue, PropertyType

NATIVE: Final = (datetime, Decimal, UUID, bytes)
"""Types that ``msgspec.convert`` takes as they are, and does not read from text."""

_LARGEST_FLOAT: Final = 1.7976931348623157e308

_STORED: Final[dict[PropertyType, Any]] = {
    PropertyType.INTEGER: Annotated[int, Meta(ge=MIN_INTEGER, le=MAX_INTEGER)],
    # The bounds refuse NaN and the infinities, which msgspec would write as null.
    PropertyType.FLOAT: Annotated[float, Meta(ge=-_LARGEST_FLOAT, le=_LARGEST_FLOAT)],
    PropertyType.BOOLEAN: bool,
    PropertyType.STRING: Annotated[str, Meta(max_length=MAX_STRING)],
    PropertyType.TEXT: str,
    PropertyType.BIG_INTEGER: Annotated[str, Meta(pattern=r"^(?:0|-?[1-9][0-9]*)\Z")],
    PropertyType.BIG_DECIMAL: Decimal,
    PropertyType.DATE_TIME: Annotated[datetime, Meta(tz=True)],
    PropertyType.URI: str,
    PropertyType.UUID: UUID,
    PropertyType.CLOB: str | LargeValue,
    PropertyType.BLOB: bytes | LargeValue,
}
_MANY: Final[dict[PropertyType, Any]] = {PropertyType.CLOB: str, PropertyType.BLOB: bytes}
msgspec.json.Decoder(LargeValue)  # which finds out about the class; see Codec._struct
# From Python, large values take the slow road: msgspec would make one of any dict that fits.
_PYTHON: Final[dict[PropertyType, Any]] = {PropertyType.BIG_INTEGER: int, **_MANY}
# From JSON, numbers are read by ourselves: msgspec also takes "1_000", " 1 " and "NaN".
_JSON: Final[dict[PropertyType, Any]] = {
    PropertyType.BIG_INTEGER: Raw,
    PropertyType.BIG_DECIMAL: Raw,
}


def stored_wire(prop: PropertyDef) -> Any:
    """Return the type of a property in a stored row."""
    return _wire(prop, _STORED | _MANY if prop.multivalued else _STORED)


def python_wire(prop: PropertyDef) -> Any:
    """Return the type of a property in a row from Python."""
    return _wire(prop, _STORED | _PYTHON)


def json_wire(prop: PropertyDef) -> Any:
    """Return the type of a property in a row from JSON."""
    return _wire(prop, (_STORED | _MANY if prop.multivalued else _STORED) | _JSON)


def _wire(prop: PropertyDef, types: dict[PropertyType, Any]) -> Any:
    wire: Any = types[prop.type]
    if prop.multivalued:
        wire = tuple.__class_getitem__((wire, ...))
    elif wire is Raw:
        return Raw | UnsetType  # which also takes null; the mend decides
    return wire | None if prop.nullable else wire


# --- mends ----------------------------------------------------------------------------------

Mender = Callable[[Any], None]
"""Makes the fields of a row canonical, or raises ``Refused``."""


def _number_text(raw: Raw) -> str:
    """The text of a number, or of a string that holds one (with an escape it is refused later)."""
    text = bytes(raw).decode()
    return text[1:-1] if text[:1] == '"' else text


def _raw_decimal(raw: Raw) -> Decimal:
    return parse_decimal(_number_text(raw))


def _raw_digits(raw: Raw) -> str:
    return decimal_digits(read_big_integer(_number_text(raw)))


_CANONICAL: Final[dict[PropertyType, Callable[[Any], Any]]] = {
    PropertyType.FLOAT: checks.finite_float,
    PropertyType.BIG_INTEGER: decimal_digits,
    PropertyType.BIG_DECIMAL: checks.big_decimal,
    PropertyType.DATE_TIME: checks.date_time,
    PropertyType.URI: checks.uri,
}
_FROM_RAW: Final[dict[PropertyType, Callable[[Raw], Any]]] = {
    PropertyType.BIG_INTEGER: _raw_digits,
    PropertyType.BIG_DECIMAL: _raw_decimal,
}
# The same for scalars, as statements: most values are canonical, so that a test is all it takes.
_STATEMENTS: Final = {
    PropertyType.FLOAT: "if row.{0} == 0.0: row.{0} = 0.0",  # it may have been -0.0
    PropertyType.BIG_DECIMAL: (
        "if row.{0}.__class__ is Decimal and not row.{0}.is_finite(): raise Refused"
    ),
    PropertyType.DATE_TIME: (
        "if row.{0}.__class__ is datetime and row.{0}.tzinfo is not UTC: "
        "row.{0} = date_time(row.{0})"
    ),
}


def _anyhow(canonical: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let null and unset pass, and go through tuples."""

    def mend(value: Any) -> Any:
        if value is None or value is UNSET:
            return value
        return tuple(map(canonical, value)) if value.__class__ is tuple else canonical(value)

    return mend


def python_mender(fields: Mapping[str, PropertyDef]) -> Mender:
    """Return what mends a row from Python.

    Args:
        fields: the field of the row (a plain identifier) → its property.
    """
    return _mender(fields, {})


def json_mender(fields: Mapping[str, PropertyDef]) -> Mender:
    """Return what mends a row from JSON; arguments as for :func:`python_mender`."""
    return _mender(
        fields,
        {
            field: _or_null(_FROM_RAW[prop.type])
            if prop.nullable and not prop.multivalued
            else _FROM_RAW[prop.type]
            for field, prop in fields.items()
            if prop.type in _FROM_RAW
        },
    )


def _or_null(from_raw: Callable[[Raw], Any]) -> Callable[[Raw], Any]:
    return lambda raw: None if bytes(raw) == b"null" else from_raw(raw)


def _mender(
    fields: Mapping[str, PropertyDef], special: Mapping[str, Callable[[Any], Any]]
) -> Mender:
    # One function made of a line for each field, as dataclasses does it: a loop over closures
    # takes 0.25 µs longer, of the 3 µs that putting a record takes.
    lines: list[str] = []
    names: dict[str, Any] = {"Decimal": Decimal, "datetime": datetime, "UTC": UTC}
    names |= {"Refused": Refused, "date_time": checks.date_time}
    for field, prop in fields.items():
        canonical = special.get(field, _CANONICAL.get(prop.type))
        if field not in special and not prop.multivalued and prop.type in _STATEMENTS:
            lines.append(_STATEMENTS[prop.type].format(field))
        elif canonical is not None:
            lines.append(f"row.{field} = mend_{field}(row.{field})")
            names[f"mend_{field}"] = _anyhow(canonical)
    exec("def mend(row):\n  " + "\n  ".join([*lines, "pass"]), names)
    mender: Mender = names["mend"]
    return mender


# --- what msgspec.convert would turn into another type --------------------------------------

_SEQUENCES: Final[frozenset[type]] = frozenset((list, tuple, type(None)))
_NUMBERS: Final[frozenset[type]] = frozenset((float, int, type(None)))


def plain_classes(prop: PropertyDef) -> frozenset[type] | None:
    """Return which classes a value from Python may have on the fast road; None for any.

    ``msgspec.convert`` makes a tuple of a set and a float of a Decimal; the model does not.
    """
    if prop.multivalued:
        return _SEQUENCES
    return _NUMBERS if prop.type is PropertyType.FLOAT else None


# --- keys -----------------------------------------------------------------------------------

_PLAIN_KEY = re.compile(r'[^~+"\\\x00-\x1f][^"\\\x00-\x1f]*')


def document_key(name: str) -> str:
    """Return the key under which a property stands in the packed record: mostly its name.

    Names that would need escapes in JSON, or begin with one of our marks, are percent-encoded
    behind a ``~``.
    """
    return name if _PLAIN_KEY.fullmatch(name) else "~" + quote(name, safe="")
