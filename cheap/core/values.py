"""Property types, and what each accepts, how it stands in JSON, and how it orders.

One function per question and type (:mod:`~cheap.core.checks`, :mod:`~cheap.core.forms`,
:mod:`~cheap.core.sort_keys`), gathered in :data:`RULES`; nothing else in CheapPy decides whether
a value is right. The codecs (:mod:`~cheap.core.codecs`) are a faster road to the same answers,
and a test holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, cast
from uuid import UUID

from cheap.core import checks, forms, sort_keys
from cheap.core.checks import MAX_INTEGER, MAX_STRING, MIN_INTEGER, Refused
from cheap.core.sort_keys import MAX_SORT_KEY
from cheap.errors import Fault, InvalidError

__all__ = [
    "MAX_INTEGER",
    "MAX_SORT_KEY",
    "MAX_STRING",
    "MIN_INTEGER",
    "RULES",
    "LargeValue",
    "PropertyType",
    "Rule",
    "Scalar",
    "Value",
    "check_value",
    "equal_keys",
    "not_held",
    "read_value",
    "show",
    "sort_key",
    "type_of",
    "write_value",
]

Scalar = int | float | bool | str | Decimal | datetime | UUID | bytes
"""One value of a property that is not multivalued."""


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
        return RULES[self].code

    @property
    def python_type(self) -> type[Scalar]:
        """The Python type of a value."""
        return RULES[self].python

    @property
    def is_large(self) -> bool:
        """Whether values can be written and read in pieces."""
        return self in (PropertyType.CLOB, PropertyType.BLOB)


@dataclass(frozen=True, slots=True)
class LargeValue:
    """A CLOB or BLOB that was written in pieces and stays in the store until it is asked for.

    It stands in the place of the value; read it with ``store.read_value(...)``.

    Attributes:
        size: length in bytes (of a CLOB: of its UTF-8 form).
        digest: BLAKE2b-128 of those bytes, 32 hexadecimal digits.

    Raises:
        InvalidError: the size is negative, or the digest is something else.
    """

    size: int
    digest: str

    def __post_init__(self) -> None:
        if self.size < 0 or not _DIGEST.fullmatch(self.digest):
            raise InvalidError(
                "expected a large value of a size and 32 hexadecimal digits, "
                f"got {self.size} and {self.digest[:40]!r}"
            )


def not_held(path: str, kind: PropertyType, value: LargeValue) -> Fault:
    """Return the fault of a LargeValue whose bytes the store that it is put into does not have."""
    pieces = "other.read_value(...)"
    if kind is PropertyType.CLOB:
        pieces = f"codecs.iterdecode({pieces}, 'utf-8')"
    return Fault(
        path,
        "the value, or a LargeValue that this store holds for the entity (to copy it from another "
        f"store, save the record without it, then write_value(..., {pieces}))",
        f"LargeValue of {value.size:,} bytes",
    )


_DIGEST = re.compile(r"[0-9a-f]{32}")

Value = Scalar | LargeValue | tuple[Scalar, ...] | None
"""What a property can hold: a scalar, a tuple of scalars when multivalued, or null."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known about one property type.

    Attributes:
        code: the three-letter code that goes into hash versions.
        python: the Python type of its values.
        check: returns the canonical form of a Python value, or raises ``Refused``.
        write: returns the JSON form (str, int, float or bool) of a canonical value.
        read: returns the canonical value of a JSON form, or raises ``Refused``.
        key: returns the sort key of a canonical value.
        keys: returns bounds of the sort keys of all values that equal a canonical one; ``None``
            when there is but one such key.
    """

    code: str
    python: type[Scalar]
    check: Callable[[object], Scalar]
    write: Callable[[Any], str | int | float | bool]
    read: Callable[[object], Scalar]
    key: Callable[[Any], bytes]
    keys: Callable[[Any], tuple[bytes, bytes]] | None = None


def _plain_rule(
    code: str, python: type[Scalar], check: Callable[[object], Scalar], key: Callable[[Any], bytes]
) -> Rule:
    """The rule of a type that is itself in JSON."""
    return Rule(code, python, check, forms.same, check, key)


RULES: Final[dict[PropertyType, Rule]] = {
    PropertyType.INTEGER: _plain_rule("INT", int, checks.integer, sort_keys.integer_key),
    PropertyType.FLOAT: Rule(
        "FLT", float, checks.finite_float, forms.same, forms.read_float, sort_keys.float_key
    ),
    PropertyType.BOOLEAN: _plain_rule("BLN", bool, checks.boolean, sort_keys.boolean_key),
    PropertyType.STRING: _plain_rule("STR", str, checks.string, sort_keys.text_key),
    PropertyType.TEXT: _plain_rule("TXT", str, checks.text, sort_keys.text_key),
    PropertyType.BIG_INTEGER: Rule(
        "BGI",
        int,
        checks.big_integer,
        forms.decimal_digits,
        forms.read_big_integer,
        sort_keys.big_integer_key,
    ),
    PropertyType.BIG_DECIMAL: Rule(
        "BGF",
        Decimal,
        checks.big_decimal,
        str,
        forms.read_big_decimal,
        sort_keys.big_decimal_key,
        sort_keys.big_decimal_keys,
    ),
    PropertyType.DATE_TIME: Rule(
        "DAT",
        datetime,
        checks.date_time,
        forms.write_date_time,
        forms.read_date_time,
        sort_keys.date_time_key,
    ),
    PropertyType.URI: _plain_rule("URI", str, checks.uri, sort_keys.text_key),
    PropertyType.UUID: Rule("UID", UUID, checks.uuid, str, forms.read_uuid, sort_keys.uuid_key),
    PropertyType.CLOB: _plain_rule("CLB", str, checks.clob, sort_keys.text_key),
    PropertyType.BLOB: Rule(
        "BLB", bytes, checks.blob, forms.write_blob, forms.read_blob, sort_keys.blob_key
    ),
}
"""The one table of what property types do."""


# --- checking -------------------------------------------------------------------------------


def show(value: object) -> str:
    """Describe a refused value in a few words: its type and the beginning of it."""
    kind = type(value).__name__
    match value:
        case None:
            return "null"
        case bool() | float():
            return f"{kind} {value!r}"
        case int() if value.bit_length() > 256:
            return f"{kind} of {value.bit_length():,} bits"
        case str() if len(value) > 40:
            return f"{kind} of {len(value):,} characters {value[:24]!r}…"
        case bytes() | bytearray() if len(value) > 40:
            return f"{kind} of {len(value):,} bytes {bytes(value[:24])!r}…"
        case list() | tuple() | dict() | set() | frozenset():
            size = len(cast("Sequence[object]", value))
            return f"{kind} of {size:,} {'item' if size == 1 else 'items'}"
        case _:
            pass
    try:
        text = repr(value)
    except Exception:  # a foreign object's repr failed; the fault is about its type
        return kind
    return f"{kind} {text if len(text) <= 60 else text[:59] + '…'}"


def without_enum(value: object) -> object:
    """Return the value of an Enum's member; anything else as it is."""
    return value.value if isinstance(value, Enum) else value


def _each(
    rule: Callable[[object], Scalar], path: str, value: object, nullable: bool, multivalued: bool
) -> tuple[Value, Sequence[Fault]]:
    if value is None:
        return None, () if nullable else (Fault(path, "a value (it is not nullable)", "null"),)
    if not multivalued:
        try:
            return rule(without_enum(value)), ()
        except Refused as refused:
            return None, (Fault(path, str(refused), show(value)),)
    if not isinstance(value, (list, tuple)):
        return None, (Fault(path, "a list or tuple (it is multivalued)", show(value)),)
    kept: list[Scalar] = []
    faults: list[Fault] = []
    for i, item in enumerate(cast("Sequence[object]", value)):
        try:
            kept.append(rule(without_enum(item)))
        except Refused as refused:
            faults.append(Fault(f"{path}[{i}]", str(refused), show(item)))
    return tuple(kept), faults


def check_value(
    path: str, kind: PropertyType, value: object, *, nullable: bool, multivalued: bool
) -> tuple[Value, Sequence[Fault]]:
    """Check one Python value; return its canonical form and the faults found (none when right)."""
    if isinstance(value, LargeValue) and kind.is_large and not multivalued:
        return value, ()
    return _each(RULES[kind].check, path, value, nullable, multivalued)


def read_value(
    path: str, kind: PropertyType, value: object, *, nullable: bool, multivalued: bool
) -> tuple[Value, Sequence[Fault]]:
    """Read one JSON value; return its canonical form and the faults found (none when right)."""
    return _each(RULES[kind].read, path, value, nullable, multivalued)


def write_value(kind: PropertyType, value: Value) -> object:
    """Return the JSON form of a canonical value."""
    if value is None:
        return None
    write = RULES[kind].write
    if isinstance(value, tuple):
        return [write(item) for item in value]
    return write(value)


def sort_key(kind: PropertyType, value: Value) -> bytes:
    """Return the sort key of one scalar: null first, then by value; at most 256 bytes and a mark.

    The order is that of the Python type: numbers by size (a BigDecimal with the smaller scale
    first where numbers are equal), text by code point, instants by time, ids and bytes by bytes.
    """
    return b"\0" if value is None else b"\1" + RULES[kind].key(value)


def equal_keys(kind: PropertyType, value: Value) -> tuple[bytes, bytes]:
    """Return bounds between which the sort keys of all scalars lie that equal this one.

    They are the same, its sort key, unless values of the type can be equal and yet differ, as
    BigDecimals of several scales do. Of long values, others may lie between them.
    """
    keys = RULES[kind].keys
    if value is None or keys is None:
        key = sort_key(kind, value)
        return key, key
    low, high = keys(value)
    return b"\1" + low, b"\1" + high


# --- dynamic properties ---------------------------------------------------------------------

_BY_PYTHON_TYPE: Final[tuple[tuple[PropertyType, tuple[type, ...]], ...]] = (
    (PropertyType.BOOLEAN, (bool,)),
    (PropertyType.FLOAT, (float,)),
    (PropertyType.TEXT, (str,)),
    (PropertyType.BIG_DECIMAL, (Decimal,)),
    (PropertyType.DATE_TIME, (datetime,)),
    (PropertyType.UUID, (UUID,)),
    (PropertyType.BLOB, (bytes, bytearray, memoryview)),
)


def _type_of_scalar(value: object) -> PropertyType | None:
    value = without_enum(value)
    for kind, python in _BY_PYTHON_TYPE:
        if isinstance(value, python):
            return kind
    if isinstance(value, int):
        small = MIN_INTEGER <= value <= MAX_INTEGER
        return PropertyType.INTEGER if small else PropertyType.BIG_INTEGER
    return None


def _type_of_all(values: Iterable[object]) -> PropertyType | None:
    kinds = list(map(_type_of_scalar, values))
    for wider in (PropertyType.FLOAT, PropertyType.BIG_INTEGER):
        if wider in kinds and set(kinds) <= {wider, PropertyType.INTEGER}:
            return wider
    return kinds[0] if kinds else PropertyType.TEXT


def type_of(value: object) -> tuple[PropertyType, bool] | None:
    """Return the property type that fits a Python value best, and whether it is multivalued.

    This is how dynamic properties are typed: ``int`` gives Integer (BigInteger beyond 64 bits),
    ``str`` Text, and so on; a list or tuple is multivalued and takes the type of its elements
    (Text when it is empty). ``None`` and other types have no property type.
    """
    multivalued = isinstance(value, (list, tuple))
    kind = _type_of_all(cast("Sequence[object]", value)) if multivalued else _type_of_scalar(value)
    return None if kind is None else (kind, multivalued)
