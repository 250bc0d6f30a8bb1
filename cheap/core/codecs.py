"""Records as JSON documents, by a codec made for each definition.

A packed record is the JSON object of its set properties, in the order of the definition, each in
its JSON form. Equal records pack to equal bytes, so packed records are compared as bytes, and one
that was just loaded is only decoded when somebody looks at it.

``msgspec`` does the work in C: for ten typed properties 0.9 µs to check, 0.5 µs to write and
1.0 µs to read (CPython 3.11), against 4 to 7 µs each with ``json``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from math import copysign
from operator import attrgetter
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType, convert

from cheap.core.definitions import AspectDef, PropertyDef
from cheap.core.names import check_name
from cheap.core.values import (
    MAX_INTEGER,
    MAX_STRING,
    MIN_INTEGER,
    LargeValue,
    PropertyType,
    Value,
    check_value,
    decimal_digits,
    parse_digits,
    read_value,
    show,
    type_of,
    write_value,
)
from cheap.errors import CorruptError, Fault, InvalidNameError, InvalidValueError

Row = Any
"""A decoded record: an instance of the struct made for its definition."""

_LARGEST_FLOAT: Final = 1.7976931348623157e308

_WIRE_TYPES: Final[dict[PropertyType, Any]] = {
    PropertyType.INTEGER: Annotated[int, Meta(ge=MIN_INTEGER, le=MAX_INTEGER)],
    # The bounds refuse NaN and the infinities, which msgspec would write as null.
    PropertyType.FLOAT: Annotated[float, Meta(ge=-_LARGEST_FLOAT, le=_LARGEST_FLOAT)],
    PropertyType.BOOLEAN: bool,
    PropertyType.STRING: Annotated[str, Meta(max_length=MAX_STRING)],
    PropertyType.TEXT: str,
    PropertyType.BIG_INTEGER: str,
    PropertyType.BIG_DECIMAL: Decimal,
    PropertyType.DATE_TIME: Annotated[datetime, Meta(tz=True)],
    PropertyType.URI: str,
    PropertyType.UUID: UUID,
    PropertyType.CLOB: str | LargeValue,
    PropertyType.BLOB: bytes | LargeValue,
}

_NATIVE: Final = (datetime, Decimal, UUID, bytes)
_SEQUENCES: Final = frozenset((list, tuple, type(None)))
_EXTRA_KEY: Final = "+"
_PLAIN_KEY = re.compile(r'[^~+"\\\x00-\x1f][^"\\\x00-\x1f]*')

def document_key(name: str) -> str:
    """Return the key under which a property stands in the packed record: mostly its name.

    Names that would need escapes in JSON, or begin with one of our marks, are percent-encoded
    behind a ``~``.
    """
    return name if _PLAIN_KEY.fullmatch(name) else "~" + quote(name, safe="")


# What msgspec lets pass although it is not canonical.
_CANONICAL: Final[dict[PropertyType, Callable[[Any], bool]]] = {
    PropertyType.FLOAT: lambda value: bool(value) or copysign(1.0, value) > 0,
    PropertyType.BIG_DECIMAL: Decimal.is_finite,
    PropertyType.DATE_TIME: lambda value: value.tzinfo is UTC,
}
_KINDS: Final = {kind.value: kind for kind in PropertyType}
_SELF_EVIDENT: Final = (
    PropertyType.INTEGER,
    PropertyType.FLOAT,
    PropertyType.BOOLEAN,
    PropertyType.TEXT,
)
"""Types that a JSON value shows by itself; other dynamic properties carry their type."""


class Codec:
    """Checks, packs and unpacks the records of one definition.

    Attributes:
        definition: the definition.
        fields: property name → name of its field in a decoded row; readable properties only.
        all_fields: the same for every property.
    """

    def __init__(self, definition: AspectDef) -> None:
        self.definition = definition
        props = list(definition.properties)
        self.all_fields = {prop.name: f"p{i}" for i, prop in enumerate(props)}
        self.fields = {p.name: self.all_fields[p.name] for p in props if p.readable}
        self.required = tuple(prop.name for prop in props if prop.required)
        self.fixed = tuple(prop.name for prop in props if not prop.writable)
        self.large = tuple(
            prop.name for prop in props if prop.type.is_large and not prop.multivalued
        )
        self.text_large = tuple(
            prop.name
            for prop in props
            if prop.type in (PropertyType.TEXT, PropertyType.CLOB, PropertyType.BLOB)
            and not prop.multivalued
        )
        keys = {self.all_fields[prop.name]: document_key(prop.name) for prop in props}
        loose = [
            (self.all_fields[prop.name], _wire(prop) | UnsetType, UNSET) for prop in props
        ]
        strict: list[Any] = [
            (field, wire) if prop.required else (field, wire | UnsetType, UNSET)
            for prop in props
            for field, wire in [(self.all_fields[prop.name], _wire(prop))]
        ]
        if definition.can_add_properties:
            keys["extra"] = _EXTRA_KEY
            loose.append(("extra", dict[str, tuple[str, bool, Any]] | UnsetType, UNSET))
        options: dict[str, Any] = {"rename": keys, "gc": False, "kw_only": True}
        self._row: Any = msgspec.defstruct("Row", loose, **options)
        self._strict: Any = msgspec.defstruct("Checked", strict, forbid_unknown_fields=True, **options)
        self._decode = msgspec.json.Decoder(self._row).decode
        self._decode_strict = msgspec.json.Decoder(self._strict).decode
        self._encode = msgspec.json.Encoder().encode

        kinds = {prop.type for prop in props}
        self._fast = (
            not definition.can_add_properties
            and not kinds & {PropertyType.BIG_INTEGER, PropertyType.URI}
            and all(document_key(prop.name) == prop.name for prop in props)
        )
        self._plain_form = not definition.can_add_properties and all(
            document_key(prop.name) == prop.name for prop in props
        )
        self._watched = [
            (attrgetter(self.all_fields[prop.name]), _CANONICAL[prop.type])
            for prop in props
            if prop.type in _CANONICAL
        ]
        self._many = [prop.name for prop in props if prop.multivalued]
        self.digits = {p.name for p in props if p.type is PropertyType.BIG_INTEGER}

    # --- packing --------------------------------------------------------------------------

    def pack(self, record: Mapping[str, object], where: object = None) -> bytes:
        """Check a whole record and return its packed form.

        Args:
            record: property name → value; what is missing stays unset.
            where: what the record belongs to, for the message.

        Raises:
            InvalidValueError: one or more values are wrong or missing; all are named.
        """
        if self._fast and record.__class__ is dict:
            try:
                return self._pack_fast(record)  # type: ignore[arg-type]
            except (msgspec.ValidationError, UnicodeEncodeError, _NotCanonical):
                pass  # the slow road finds out what it is, or that it is right after all
        values, faults = self.check(record)
        faults += self._missing(record)
        if faults:
            raise InvalidValueError(self.definition.name, faults, _place(where))
        return self.encode(self.row(values))

    def _pack_fast(self, record: dict[str, object]) -> bytes:
        row = convert(record, self._strict, builtin_types=_NATIVE)
        for name in self._many:
            if record.get(name).__class__ not in _SEQUENCES:
                raise _NotCanonical
        return self._vouch(row)

    def _vouch(self, row: Row) -> bytes:
        """Pack a row that msgspec let pass, or say that it needs the slow road."""
        for value_of, is_canonical in self._watched:
            value = value_of(row)
            if value.__class__ is tuple:
                if not all(map(is_canonical, value)):
                    raise _NotCanonical
            elif value is not None and value is not UNSET and not is_canonical(value):
                raise _NotCanonical
        packed: bytes = self._encode(row)
        # A NUL is written with a backslash; looking for one byte is fast, for more it is not.
        if b"\\" in packed and b"\\u0000" in packed:
            raise _NotCanonical
        return packed

    def pack_json(self, document: bytes | memoryview) -> bytes:
        """Check one record in its JSON form (one from outside) and return its packed form.

        Raises:
            InvalidValueError: one or more values are wrong or missing; all are named.
            msgspec.DecodeError: it is not JSON.
        """
        if self._fast:
            try:
                return self._vouch(self._decode_strict(document))
            except (msgspec.ValidationError, UnicodeEncodeError, _NotCanonical):
                pass  # the slow road finds out what it is
        record = msgspec.json.decode(document)
        if not isinstance(record, dict):
            fault = Fault("(record)", "an object of properties", show(record))
            raise InvalidValueError(self.definition.name, [fault])
        values: dict[str, Value] = {}
        faults: list[Fault] = []
        for name, form in record.items():
            values[name] = self._read_form(name, form, faults)
        faults += self._missing(record)
        if faults:
            raise InvalidValueError(self.definition.name, faults)
        return self.encode(self.row(values))

    def _read_form(self, name: str, form: object, faults: list[Fault]) -> Value:
        prop = self.definition.get(name)
        if prop is None:
            kind: PropertyType | None = None
            if isinstance(form, dict) and form.keys() == {"type", "value"}:
                kind, form = _KINDS.get(form["type"]), form["value"]
            if kind is None or not self.definition.can_add_properties:
                value, found = self._check_extra(name, form)
            else:
                value, found = read_value(
                    name, kind, form, nullable=True, multivalued=isinstance(form, list)
                )
        elif prop.type.is_large and isinstance(form, dict) and form.keys() == {"size", "digest"}:
            return LargeValue(**form)
        else:
            value, found = read_value(
                name, prop.type, form, nullable=prop.nullable, multivalued=prop.multivalued
            )
        faults.extend(found)
        return value

    def to_json(self, packed: bytes) -> bytes:
        """Return the JSON form of a packed record, as documents have it."""
        if self._plain_form:
            return packed
        row = self.unpack(packed)
        form: dict[str, object] = {}
        for prop in self.definition.properties:
            value = self.get(row, prop.name)
            if isinstance(value, LargeValue):
                form[prop.name] = value
            elif value is not UNSET:
                form[prop.name] = write_value(prop.type, value)
        for name, value in self.extra(row).items():
            kind, _ = type_of(value) or (PropertyType.TEXT, False)
            json_form = write_value(kind, value)
            plain = kind in _SELF_EVIDENT and value != ()
            form[name] = json_form if plain else {"type": kind.value, "value": json_form}
        return self._encode(form)

    def _missing(self, record: Mapping[str, object]) -> list[Fault]:
        return [
            Fault(name, "a value (it is required)", "nothing")
            for name in self.required
            if name not in record
        ]

    def check(self, record: Mapping[str, object]) -> tuple[dict[str, Value], list[Fault]]:
        """Check the values that are there; return canonical values and all faults."""
        values: dict[str, Value] = {}
        faults: list[Fault] = []
        for name, given in record.items():
            prop = self.definition.get(name) if isinstance(name, str) else None
            if prop is not None:
                value, found = check_value(
                    name, prop.type, given, nullable=prop.nullable, multivalued=prop.multivalued
                )
            else:
                value, found = self._check_extra(name, given)
            values[name] = value
            faults.extend(found)
        order = {name: i for i, name in enumerate(self.all_fields)}
        faults.sort(key=lambda fault: order.get(fault.path.split("[")[0], len(order)))
        return values, faults

    def _check_extra(self, name: object, given: object) -> tuple[Value, list[Fault]]:
        if not self.definition.can_add_properties:
            known = ", ".join(self.all_fields) or "none"
            return None, [Fault(str(name)[:80], f"a property of the definition ({known})", "another name")]
        try:
            path = check_name(name, "property")
        except InvalidNameError as refused:
            return None, [Fault(str(name)[:80], "a property name", str(refused))]
        found = type_of(given)
        if given is None:
            return None, []
        if found is None:
            return None, [Fault(path, "a value of a property type", show(given))]
        value, faults = check_value(path, found[0], given, nullable=True, multivalued=found[1])
        return value, list(faults)

    def row(self, values: Mapping[str, Value]) -> Row:
        """Build a decoded row of canonical values."""
        row = self._row()
        extra: dict[str, Value] = {}
        for name, value in values.items():
            if name in self.all_fields:
                self.put(row, name, value)
            else:
                extra[name] = value
        if extra:
            self.put_extra(row, extra)
        return row

    def put(self, row: Row, name: str, value: Value) -> None:
        """Set one canonical value of a decoded row."""
        setattr(row, self.all_fields[name], self._freeze(name, value))

    def encode(self, row: Row) -> bytes:
        """Return the packed form of a decoded row."""
        return self._encode(row)

    # --- unpacking ------------------------------------------------------------------------

    def unpack(self, packed: bytes) -> Row:
        """Decode a packed record.

        Raises:
            CorruptError: it does not fit the definition: the store was damaged or edited by hand.
        """
        try:
            return self._decode(packed)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CorruptError(
                f"a stored record of {self.definition.name!r} cannot be read: {error}"
            ) from error

    def get(self, row: Row, name: str) -> Value | UnsetType:
        """Return one value of a decoded row, or ``UNSET``; the name is one of ``all_fields``."""
        value = getattr(row, self.all_fields[name])
        return self._thaw(value) if name in self.digits else value

    def extra(self, row: Row) -> dict[str, Value]:
        """Return the dynamic properties of a decoded row."""
        if not self.definition.can_add_properties or row.extra is UNSET:
            return {}
        found: dict[str, Value] = {}
        for name, (kind, multivalued, form) in row.extra.items():
            value, faults = read_value(
                name, PropertyType(kind), form, nullable=True, multivalued=multivalued
            )
            if faults:
                raise CorruptError(f"a stored record of {self.definition.name!r}: {faults[0]}")
            found[name] = value
        return found

    def put_extra(self, row: Row, extra: Mapping[str, Value]) -> None:
        """Set the dynamic properties of a decoded row (sorted, so that equal rows pack equally)."""
        forms: dict[str, tuple[str, bool, object]] = {}
        for name, value in sorted(extra.items()):
            kind, multivalued = type_of(value) or (PropertyType.TEXT, False)
            forms[name] = (kind.value, multivalued, write_value(kind, value))
        row.extra = forms or UNSET

    def _freeze(self, name: str, value: Value) -> object:
        if name not in self.digits or value is None:
            return value
        if isinstance(value, tuple):
            return tuple(decimal_digits(each) for each in value if isinstance(each, int))
        assert isinstance(value, int)
        return decimal_digits(value)

    def _thaw(self, value: Any) -> Any:
        if isinstance(value, str):
            return parse_digits(value)
        if isinstance(value, tuple):
            return tuple(map(parse_digits, value))
        return value


class _NotCanonical(Exception):  # noqa: N818 - a signal inside this module
    """The fast road cannot vouch for this record."""


def _wire(prop: PropertyDef) -> Any:
    wire = _WIRE_TYPES[prop.type]
    if prop.multivalued:
        if prop.type.is_large:
            wire = str if prop.type is PropertyType.CLOB else bytes
        wire = tuple[wire, ...]
    return wire | None if prop.nullable else wire


def _place(where: object) -> str | None:
    return None if where is None else str(where)


@lru_cache(maxsize=4096)
def codec_of(definition: AspectDef) -> Codec:
    """Return the codec of a definition; it is made once (some 0.3 ms) and kept."""
    return Codec(definition)
