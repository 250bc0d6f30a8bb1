"""Records as JSON documents, by a codec made for each definition.

A packed record is the JSON object of its set properties, in the order of the definition, each in
its JSON form. Equal records pack to equal bytes, so packed records are compared as bytes, and one
that was just loaded is only decoded when somebody looks at it.

``msgspec`` does the work in C: for ten typed properties 0.9 µs to check, 0.5 µs to write and
1.0 µs to read (CPython 3.11), against 4 to 7 µs each with ``json``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import repeat
from operator import attrgetter, is_
from typing import Any, Final, cast

import msgspec
from msgspec import UNSET, Raw, UnsetType, convert
from msgspec.structs import astuple

from cheap.core.checking import KINDS, NOT_JSON, Checker
from cheap.core.checks import Refused
from cheap.core.definitions import AspectDef, PropertyDef
from cheap.core.forms import decimal_digits, parse_digits, repr_of
from cheap.core.values import (
    LargeValue,
    PropertyType,
    Value,
    read_value,
    show,
    type_of,
    write_value,
)
from cheap.core.wires import (
    NATIVE,
    document_key,
    json_mender,
    json_wire,
    plain_classes,
    python_mender,
    python_wire,
    stored_wire,
)
from cheap.errors import CorruptError, Fault, InvalidDefinitionError, InvalidValueError

__all__ = ["Codec", "Row", "codec_of", "document_key"]

Row = Any
"""A decoded record: an instance of the struct made for its definition."""


_NOT_SURE: Final = (
    msgspec.DecodeError,  # and its ValidationError
    UnicodeError,
    TypeError,  # a subclass of str, when it is written
    RecursionError,
    SystemError,  # msgspec 0.20, at an int beyond every float
    Refused,
)
"""What the fast road raises at a record for which it cannot vouch."""

_UNSETS: Final = repeat(UNSET)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
_NUMBERS: Final = frozenset((float, int))
_WORTH_TRIMMING: Final = 2048
_BACKSLASH: Final = 0x5C
_EXTRA_KEY: Final = "+"
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
        all_fields: property name → name of its field in a decoded row.
        readers: property name → what reads it from a decoded row; readable properties only.
        required: names of the properties that a record must give.
        fixed: names of the properties that are not writable.
        large: names of the CLOB and BLOB properties (multivalued ones stay in the record).
        text_large: the same, and those of type Text.
        digits: names of the BigInteger properties, whose values a row holds as digits.
    """

    def __init__(self, definition: AspectDef) -> None:
        props = definition.properties
        self.definition = definition
        self.all_fields = {prop.name: f"p{i}" for i, prop in enumerate(props)}
        self.required = tuple(prop.name for prop in props if prop.required)
        self.fixed = tuple(prop.name for prop in props if not prop.writable)
        single = [prop for prop in props if not prop.multivalued]
        self.large = tuple(prop.name for prop in single if prop.type.is_large)
        self.text_large = tuple(
            prop.name for prop in single if prop.type.is_large or prop.type is PropertyType.TEXT
        )
        self.digits = {p.name for p in props if p.type is PropertyType.BIG_INTEGER}
        self.readers: dict[str, Callable[[Row], Value | UnsetType]] = {
            prop.name: partial(self.get, name=prop.name)
            if prop.name in self.digits
            else attrgetter(self.all_fields[prop.name])
            for prop in props
            if prop.readable
        }
        # Whether a row's fields are its values, in order, so that msgspec alone can list them.
        self._is_flat = (
            len(self.readers) == len(props)
            and not self.digits
            and not definition.can_add_properties
        )
        self._checker = Checker(definition)
        # Whether the packed form is the JSON form, so that msgspec alone can go between them.
        self._plain = not definition.can_add_properties and all(
            document_key(prop.name) == prop.name for prop in props
        )
        self._encode = msgspec.json.Encoder().encode
        self._row = self._struct("Row", stored_wire, lambda _: False)
        self._decode = msgspec.json.Decoder(self._row).decode
        if self._plain:
            self._prepare_fast_road()

    def _struct(
        self, name: str, wire: Callable[[PropertyDef], Any], required: Callable[[PropertyDef], bool]
    ) -> Any:
        keys: dict[str, str] = {}
        fields: list[Any] = []
        for prop in self.definition.properties:
            field, kind = self.all_fields[prop.name], wire(prop)
            keys[field] = document_key(prop.name)
            fields.append((field, kind) if required(prop) else (field, kind | UnsetType, UNSET))
        if self.definition.can_add_properties:
            keys["extra"] = _EXTRA_KEY
            fields.append(("extra", dict[str, tuple[str, bool, Any]] | UnsetType, UNSET))
        # A definition may lose a property; what is stored may still have it.
        strict = name != "Row"
        made = msgspec.defstruct(
            name, fields, rename=keys, gc=False, kw_only=True, forbid_unknown_fields=strict
        )
        # msgspec finds out about a class when it is first used; two threads that do so at the
        # same moment crash it (0.22.0: a segmentation fault). A decoder finds out now.
        msgspec.json.Decoder(made)
        return made

    def _prepare_fast_road(self) -> None:
        props = self.definition.properties
        lenient = self.definition.can_remove_properties
        self._from_python = self._struct("FromPython", python_wire, lambda prop: prop.required)
        from_json = self._struct("FromJson", json_wire, lambda prop: prop.required and not lenient)
        self._decode_json = msgspec.json.Decoder(from_json).decode
        fields = {self.all_fields[prop.name]: prop for prop in props}
        self._mend_python = python_mender(fields)
        self._mend_json = json_mender(fields)
        self._classes = [
            (prop.name, allowed) for prop in props if (allowed := plain_classes(prop)) is not None
        ]
        self._float_lists = [
            p.name for p in props if p.multivalued and p.type is PropertyType.FLOAT
        ]

    # --- packing --------------------------------------------------------------------------

    def pack(self, record: Mapping[str, object], where: object = None) -> bytes:
        """Check a whole record and return its packed form.

        Args:
            record: property name → value; what is missing stays unset.
            where: what the record belongs to, for the message.

        Raises:
            InvalidValueError: one or more values are wrong or missing; all are named.
        """
        if self._plain and record.__class__ is dict:
            try:
                for name, allowed in self._classes:
                    if record.get(name).__class__ not in allowed:
                        raise Refused
                for name in self._float_lists:
                    items = cast("Sequence[object] | None", record.get(name))
                    if not _NUMBERS.issuperset(map(type, items or ())):
                        raise Refused
                row = convert(record, self._from_python, builtin_types=NATIVE)
                self._mend_python(row)
                return self._vouched(row)
            except _NOT_SURE:
                pass  # the slow road finds out what it is, or that it is right after all
        return self._pack_slow(record, where, complete=True)

    def _vouched(self, row: Row) -> bytes:
        """Pack a row that msgspec let pass and that was mended."""
        packed = self.encode(row)
        # A NUL is written with a backslash; looking for one byte (as an int: 0.02 µs) is fast,
        # for more it is not (0.4 µs).
        if _BACKSLASH in packed and b"\\u0000" in packed:
            raise Refused
        return packed

    def _pack_slow(self, record: Mapping[str, object], where: object, *, complete: bool) -> bytes:
        values, faults = self.check(record, complete=complete)
        if faults:
            place = None if where is None else str(where)
            raise InvalidValueError(self.definition.name, faults, place)
        return self.encode(self.row(values))

    def pack_json(self, document: bytes | memoryview | Raw, where: object = None) -> bytes:
        """Check one record in its JSON form (one from outside) and return its packed form.

        Args:
            document: the JSON object.
            where: what the record belongs to, for the message.

        Raises:
            InvalidValueError: it is no JSON object, or values are wrong or missing; all are named.
        """
        if self._plain:
            try:
                row = self._decode_json(document)
                self._mend_json(row)
                return self._vouched(row)
            except _NOT_SURE:
                pass  # the slow road finds out what it is, or that it is right after all
        place = None if where is None else str(where)
        try:
            forms = _MEMBERS.decode(document)
        except NOT_JSON as error:
            fault = Fault("(record)", "a JSON object of properties", str(error))
            raise InvalidValueError(self.definition.name, [fault], place) from None
        complete = not self.definition.can_remove_properties
        values, faults = self._checker.read(forms, complete=complete)
        if faults:
            raise InvalidValueError(self.definition.name, faults, place)
        return self.encode(self.row(values))

    def repack(self, packed: bytes, old: Codec, where: object = None) -> bytes:
        """Bring a packed record of another definition under this one.

        Properties that this definition does not know are left out, unless it lets a record carry
        them.

        Args:
            packed: the record.
            old: the codec that packed it.
            where: what the record belongs to, for the message.

        Raises:
            InvalidValueError: one or more values do not fit this definition.
        """
        values = old.values(old.unpack(packed))
        if not self.definition.can_add_properties:
            values = {name: each for name, each in values.items() if name in self.all_fields}
        complete = not self.definition.can_remove_properties
        return self._pack_slow(values, where, complete=complete)

    def changed_fixed(self, old: bytes, new: bytes) -> str | None:
        """Return the name of a property that is not writable and differs, or ``None``."""
        if not self.fixed or old == new:
            return None
        before, after = self.unpack(old), self.unpack(new)
        for name in self.fixed:
            one, other = self.get(before, name), self.get(after, name)
            # 1.5 == 1.50, but they are not the same value.
            if one != other or repr_of(one) != repr_of(other):
                return name
        return None

    def check(
        self, record: Mapping[str, object], *, complete: bool = False
    ) -> tuple[dict[str, Value], list[Fault]]:
        """Check the values that are there; return canonical values and all faults.

        Args:
            record: property name → value.
            complete: whether a required property that is missing is a fault.
        """
        return self._checker.check(record, complete=complete)

    # --- rows -----------------------------------------------------------------------------

    def row(self, values: Mapping[str, Value]) -> Row:
        """Build a decoded row of canonical values."""
        row = self._row()
        extra = self.fill(row, values)
        if extra:
            self.put_extra(row, extra)
        return row

    def fill(self, row: Row, values: Mapping[str, Value]) -> dict[str, Value]:
        """Set canonical values of a decoded row; return those that are dynamic properties."""
        extra: dict[str, Value] = {}
        for name, value in values.items():
            if name in self.all_fields:
                self.put(row, name, value)
            else:
                extra[name] = value
        return extra

    def put(self, row: Row, name: str, value: Value) -> None:
        """Set one canonical value of a decoded row."""
        if name in self.digits and value is not None:
            if isinstance(value, tuple):
                value = tuple(decimal_digits(cast("int", each)) for each in value)
            else:
                value = decimal_digits(cast("int", value))
        setattr(row, self.all_fields[name], value)

    def encode(self, row: Row) -> bytes:
        """Return the packed form of a decoded row."""
        packed: bytes = self._encode(row)
        # msgspec hands out its buffer, of which a third may lie unused behind the text.
        return bytes(memoryview(packed)) if len(packed) > _WORTH_TRIMMING else packed

    def unpack(self, packed: bytes | Raw) -> Row:
        """Decode a packed record.

        Raises:
            CorruptError: it does not fit the definition: the store was damaged or edited by hand.
        """
        try:
            return self._decode(packed)
        except NOT_JSON as error:
            raise self._corrupt(error) from error

    def unpack_json(self, document: bytes | Raw) -> Row:
        """Decode one record in its JSON form, as a store of ours wrote it.

        Raises:
            CorruptError: it does not fit the definition.
        """
        if self._plain:
            return self.unpack(document)
        try:
            return self.unpack(self.pack_json(document))
        except InvalidValueError as error:
            raise self._corrupt(error) from error

    def _corrupt(self, what: object) -> CorruptError:
        return CorruptError(f"a stored record of {self.definition.name!r} cannot be read: {what}")

    def get(self, row: Row, name: str) -> Value | UnsetType:
        """Return one value of a decoded row, or ``UNSET``; the name is one of ``all_fields``."""
        value: Value | UnsetType = getattr(row, self.all_fields[name])
        if name in self.digits:
            if isinstance(value, str):
                return parse_digits(value)
            if isinstance(value, tuple):
                return tuple(parse_digits(cast("str", each)) for each in value)
        return value

    def read(self, row: Row) -> Sequence[Value]:
        """Return what reading each of ``readers`` gives: the default, or null, of what is unset."""
        found: Sequence[Value | UnsetType] = (
            astuple(row) if self._is_flat else [read(row) for read in self.readers.values()]
        )
        if not any(map(is_, found, _UNSETS)):  # "in" would ask a UUID, in Python, whether it is
            return cast("Sequence[Value]", found)
        return [
            self.definition[name].unset_value if isinstance(value, UnsetType) else value
            for name, value in zip(self.readers, found, strict=True)
        ]

    def values(self, row: Row) -> dict[str, Value]:
        """Return every property of a decoded row that is set, also those that are not readable."""
        values: dict[str, Value] = {}
        for name in self.all_fields:
            value = self.get(row, name)
            if not isinstance(value, UnsetType):
                values[name] = value
        return values | self.extra(row)

    def extra(self, row: Row) -> dict[str, Value]:
        """Return the dynamic properties of a decoded row.

        Raises:
            CorruptError: one of them does not fit the type that stands beside it.
        """
        if not self.definition.can_add_properties or row.extra is UNSET:
            return {}
        found: dict[str, Value] = {}
        for name, (said, multivalued, form) in row.extra.items():
            kind = KINDS.get(said)
            if kind is None:
                raise self._corrupt(f"{name} is of an unknown type {said!r}")
            value, faults = read_value(name, kind, form, nullable=True, multivalued=multivalued)
            if faults:
                raise self._corrupt(faults[0])
            found[name] = value
        return found

    def put_extra(self, row: Row, extra: Mapping[str, Value]) -> None:
        """Set the dynamic properties of a decoded row (sorted, so that equal rows pack equally)."""
        forms: dict[str, tuple[str, bool, object]] = {}
        for name, value in sorted(extra.items()):
            kind, multivalued = type_of(value) or (PropertyType.TEXT, False)
            forms[name] = (kind.value, multivalued, write_value(kind, value))
        row.extra = forms or UNSET

    def to_json(self, packed: bytes) -> bytes:
        """Return the JSON form of a packed record, as documents have it."""
        if self._plain:
            return packed
        row = self.unpack(packed)
        form: dict[str, object] = {}
        for prop in self.definition.properties:
            value = self.get(row, prop.name)
            if isinstance(value, LargeValue):
                form[prop.name] = value
            elif not isinstance(value, UnsetType):
                form[prop.name] = write_value(prop.type, value)
        for name, value in self.extra(row).items():
            kind, _ = type_of(value) or (PropertyType.TEXT, False)
            json_form = write_value(kind, value)
            plain = kind in _SELF_EVIDENT and value != ()
            form[name] = json_form if plain else {"type": kind.value, "value": json_form}
        return self._encode(form)


def codec_of(definition: AspectDef) -> Codec:
    """Return the codec of a definition; it is made once (some 0.3 ms) and kept.

    The definition itself remembers it, since looking it up compares definitions.

    Raises:
        InvalidDefinitionError: it is something else than a definition.
    """
    if definition.__class__ is not AspectDef and not isinstance(definition, AspectDef):
        raise InvalidDefinitionError(f"expected an AspectDef, got {show(definition)}")
    kept: Codec | None = definition.__dict__.get("_codec")
    if kept is None:
        kept = definition.__dict__["_codec"] = _made_codec(definition)
    return kept


@lru_cache(maxsize=4096)
def _made_codec(definition: AspectDef) -> Codec:
    return Codec(definition)
