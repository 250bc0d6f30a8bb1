"""Filters and orders over the properties of aspects, as values; and what they mean.

The meaning stands here, once, in :class:`Selection`; databases only narrow down the records that
are looked at. So every store gives the same answer.

* A null (or an unset property without default) equals nothing, is less than nothing, and has no
  prefix; :func:`Field.is_null` finds it. ``!=`` is the opposite of ``==``, so nulls are found.
* Values compare as in Python; a BigDecimal also by its scale (1.5 comes before 1.50).
* Texts compare by code point. Of a value longer than its sort key (256 bytes) the order sees that
  much; equality sees all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from msgspec import UNSET

from cheap.core.codecs import Codec, Row, codec_of
from cheap.core.definitions import AspectDef, PropertyDef
from cheap.core.values import (
    PropertyType,
    Scalar,
    Value,
    check_value,
    sort_key,
)
from cheap.errors import InvalidQueryError

Operator = Literal["==", "<", "<=", ">", ">="]


class Condition:
    """The root of all filters; combine them with ``&``, ``|`` and ``~``."""

    __slots__ = ()

    def __and__(self, other: Filter) -> And:
        return And((*_parts(self, And), *_parts(other, And)))

    def __or__(self, other: Filter) -> Or:
        return Or((*_parts(self, Or), *_parts(other, Or)))

    def __invert__(self) -> Not:
        return Not(self)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        raise InvalidQueryError("a filter has no truth value: combine filters with &, | and ~")


@dataclass(frozen=True, slots=True)
class Compare(Condition):
    """The property compares so with the value.

    Attributes:
        property: the property's name.
        operator: one of ``== < <= > >=``.
        value: a value of the property's type.
    """

    property: str
    operator: Operator
    value: Scalar


@dataclass(frozen=True, slots=True)
class IsIn(Condition):
    """The property equals one of the values.

    Attributes:
        property: the property's name.
        values: values of the property's type.
    """

    property: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class StartsWith(Condition):
    """The text begins so.

    Attributes:
        property: the property's name; of type String, Text, URI or CLOB.
        prefix: the beginning; case counts.
    """

    property: str
    prefix: str


@dataclass(frozen=True, slots=True)
class IsNull(Condition):
    """The property is null, or is unset and has no default.

    Attributes:
        property: the property's name.
    """

    property: str


@dataclass(frozen=True, slots=True)
class Contains(Condition):
    """The multivalued property has the value among its own.

    Attributes:
        property: the property's name.
        value: a value of the property's type.
    """

    property: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class And(Condition):
    """Every one of the filters holds.

    Attributes:
        filters: the filters.
    """

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or(Condition):
    """At least one of the filters holds.

    Attributes:
        filters: the filters.
    """

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """The filter does not hold.

    Attributes:
        filter: the filter.
    """

    filter: Filter


Filter = Compare | IsIn | StartsWith | IsNull | Contains | And | Or | Not
"""Any of the filters."""


def _parts(condition: Any, kind: type[And] | type[Or]) -> tuple[Filter, ...]:
    return condition.filters if isinstance(condition, kind) else (condition,)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A property, about to be compared; made with :func:`field`."""

    name: str

    def __eq__(self, value: Scalar | None) -> Filter:  # type: ignore[override]
        return IsNull(self.name) if value is None else Compare(self.name, "==", value)

    def __ne__(self, value: Scalar | None) -> Filter:  # type: ignore[override]
        return Not(self == value)

    def __lt__(self, value: Scalar) -> Compare:
        return Compare(self.name, "<", value)

    def __le__(self, value: Scalar) -> Compare:
        return Compare(self.name, "<=", value)

    def __gt__(self, value: Scalar) -> Compare:
        return Compare(self.name, ">", value)

    def __ge__(self, value: Scalar) -> Compare:
        return Compare(self.name, ">=", value)

    __hash__ = None  # type: ignore[assignment]

    def is_in(self, values: Iterable[Scalar]) -> IsIn:
        """The property equals one of these."""
        return IsIn(self.name, tuple(values))

    def starts_with(self, prefix: str) -> StartsWith:
        """The text begins so; case counts."""
        return StartsWith(self.name, prefix)

    def is_null(self) -> IsNull:
        """The property is null, or is unset and has no default."""
        return IsNull(self.name)

    def contains(self, value: Scalar) -> Contains:
        """The multivalued property has this value among its own."""
        return Contains(self.name, value)


def field(name: str) -> Field:
    """Name a property for a filter.

    Example:
        >>> (field("population") > 1_000_000) & field("name").starts_with("San ")
        And(filters=(Compare(...), StartsWith(property='name', prefix='San ')))
    """
    return Field(name)


@dataclass(frozen=True, slots=True)
class Order:
    """One step of an order: a property, and its direction.

    Attributes:
        property: the property's name; not a multivalued one.
        descending: largest first; nulls, the smallest of all, then come last.
    """

    property: str
    descending: bool = False


def order_of(order_by: str | Order | Sequence[str | Order]) -> tuple[Order, ...]:
    """Read an order: names of properties, a ``-`` in front of one for descending, or Orders.

    A property whose own name begins with ``-`` needs an :class:`Order`.
    """
    if isinstance(order_by, (str, Order)):
        order_by = (order_by,)
    return tuple(
        step
        if isinstance(step, Order)
        else Order(step[1:], True)
        if step.startswith("-")
        else Order(step)
        for step in order_by
    )


# --- meaning --------------------------------------------------------------------------------

_TEXTS: Final = (PropertyType.STRING, PropertyType.TEXT, PropertyType.URI, PropertyType.CLOB)
Test = Callable[[Row], bool]
Read = Callable[[Row], Any]

_COMPARE: Final[dict[str, Callable[[bytes, bytes], bool]]] = {
    "<": lambda mine, other: mine < other,
    "<=": lambda mine, other: mine <= other,
    ">": lambda mine, other: mine > other,
    ">=": lambda mine, other: mine >= other,
}


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Sort keys among which every match of a filter lies: ``low <= key <= high``.

    A key is compared with ``high`` only as far as ``high`` goes, so that a prefix is a range.

    Attributes:
        property: whose keys.
        low: the lowest.
        high: the highest, or ``None`` for no bound.
    """

    property: str
    low: bytes
    high: bytes | None


class Selection:
    """A filter and an order, checked against a definition and ready to use.

    Args:
        definition: the definition of the aspects.
        condition: the filter, or ``None`` for all.
        order_by: the order; the entity's id decides between equals, ascending.

    Raises:
        InvalidQueryError: a property is unknown or not readable, a value is not of its type, or
            the operation does not fit.
    """

    def __init__(
        self,
        definition: AspectDef,
        condition: Filter | None = None,
        order_by: str | Order | Sequence[str | Order] = (),
    ) -> None:
        self._codec: Codec = codec_of(definition)
        self._definition = definition
        self.order = order_of(order_by)
        self._conjuncts: list[KeyRange] = []
        self.matches: Test | None = None if condition is None else self._test(condition)
        if condition is not None:
            for part in _parts(condition, And):
                self._note_range(part)
        self._keys: list[tuple[PropertyDef, Read, bool]] = []
        for step in self.order:
            prop = self._property(step.property)
            if prop.multivalued:
                raise InvalidQueryError(f"cannot order by {prop.name!r}: it is multivalued")
            self._refuse_large(prop)
            self._keys.append((prop, self._reader(prop), step.descending))

    def order_key(self, row: Row) -> bytes:
        """Return the place of a row in the order, as bytes: they compare as the rows do."""
        parts: list[bytes] = []
        for prop, read, descending in self._keys:
            parts.append(order_part(sort_key(prop.type, read(row)), descending))
        return b"".join(parts)

    def ranges(self, indexed: Iterable[str]) -> list[KeyRange]:
        """Return, for indexed properties, ranges of sort keys in which all matches must lie."""
        names = set(indexed)
        found = [each for each in self._conjuncts if each.property in names]
        # Equality first: its range is the narrowest.
        return sorted(found, key=lambda each: each.low != each.high)

    def _property(self, name: str) -> PropertyDef:
        prop = self._definition.get(name)
        if prop is None or not prop.readable:
            raise InvalidQueryError(
                f"aspect {self._definition.name!r} has no readable property {name!r}; "
                f"it has {list(self._codec.fields)}"
            )
        return prop

    def _reader(self, prop: PropertyDef) -> Read:
        get, name, unset = self._codec.get, prop.name, prop.unset_value

        def read(row: Row) -> Value:
            value = get(row, name)
            return unset if value is UNSET else value  # type: ignore[return-value]

        return read

    def _refuse_large(self, prop: PropertyDef) -> None:
        if prop.type.is_large:
            raise InvalidQueryError(
                f"cannot filter or order by {prop.name!r}: a {prop.type.value} may lie outside of "
                "the record (only is_null works)"
            )

    def _operand(self, prop: PropertyDef, value: object) -> Scalar:
        self._refuse_large(prop)
        checked, faults = check_value(
            prop.name, prop.type, value, nullable=False, multivalued=False
        )
        if faults:
            raise InvalidQueryError(f"filter on aspect {self._definition.name!r}: {faults[0]}")
        return checked  # type: ignore[return-value]

    def _scalar(self, name: str) -> PropertyDef:
        prop = self._property(name)
        if prop.multivalued:
            raise InvalidQueryError(f"{name!r} is multivalued: use contains()")
        return prop

    def _test(self, condition: Filter) -> Test:
        match condition:
            case And(filters):
                tests = [self._test(each) for each in filters]
                return lambda row: all(test(row) for test in tests)
            case Or(filters):
                tests = [self._test(each) for each in filters]
                return lambda row: any(test(row) for test in tests)
            case Not(inner):
                test = self._test(inner)
                return lambda row: not test(row)
            case IsNull(name):
                read = self._reader(self._property(name))
                return lambda row: read(row) is None
            case Compare(name, operator, value):
                return self._comparison(self._scalar(name), operator, value)
            case IsIn(name, values):
                tests = [self._comparison(self._scalar(name), "==", each) for each in values]
                return lambda row: any(test(row) for test in tests)
            case StartsWith(name, prefix):
                return self._prefix(self._scalar(name), prefix)
            case Contains(name, value):
                return self._containment(self._property(name), value)
        raise InvalidQueryError(f"expected a filter, got {type(condition).__name__}")

    def _comparison(self, prop: PropertyDef, operator: str, value: object) -> Test:
        read, operand = self._reader(prop), self._operand(prop, value)
        if operator == "==":
            equal = _equality(prop.type, operand)
            return lambda row: equal(read(row))
        compare = _COMPARE.get(operator)
        if compare is None:
            raise InvalidQueryError(f"unknown operator {operator!r}: use == < <= > >=")
        key, kind = sort_key(prop.type, operand), prop.type

        def test(row: Row) -> bool:
            mine = read(row)
            return mine is not None and compare(sort_key(kind, mine), key)

        return test

    def _prefix(self, prop: PropertyDef, prefix: object) -> Test:
        if prop.type not in _TEXTS:
            raise InvalidQueryError(f"{prop.name!r} is a {prop.type.value}: it has no prefix")
        self._refuse_large(prop)
        if not isinstance(prefix, str):
            raise InvalidQueryError(f"a prefix is text, got {type(prefix).__name__}")
        read = self._reader(prop)

        def test(row: Row) -> bool:
            mine = read(row)
            return mine is not None and mine.startswith(prefix)

        return test

    def _containment(self, prop: PropertyDef, value: object) -> Test:
        if not prop.multivalued:
            raise InvalidQueryError(f"{prop.name!r} is not multivalued: compare it instead")
        read, equal = self._reader(prop), _equality(prop.type, self._operand(prop, value))

        def test(row: Row) -> bool:
            mine = read(row)
            return mine is not None and any(equal(each) for each in mine)

        return test

    def _note_range(self, condition: Filter) -> None:
        match condition:
            case Compare() | Contains():
                operator = condition.operator if isinstance(condition, Compare) else "=="
                name, value = condition.property, condition.value
                prop = self._property(name)
                key = sort_key(prop.type, self._operand(prop, value))
                # Keys of long values are cut: the bound itself always belongs to the range.
                low = key if operator in ("==", ">", ">=") else b"\1"
                high = key if operator in ("==", "<", "<=") else None
                self._conjuncts.append(KeyRange(name, low, high))
            case StartsWith(name, prefix):
                key = sort_key(PropertyType.TEXT, prefix)
                self._conjuncts.append(KeyRange(name, key, key + b"\xff"))
            case IsNull(name) if not self._property(name).type.is_large:
                self._conjuncts.append(KeyRange(name, b"\0", b"\0"))
            case _:
                pass


def order_part(key: bytes, descending: bool) -> bytes:
    """Return a sort key as one step of an order: ended, and turned around when descending.

    The end mark makes a key that is the beginning of another come first; 00 inside is escaped
    so that it does not look like the mark.
    """
    ended = key.replace(b"\0", b"\0\1") + b"\0\0"
    return bytes(255 - byte for byte in ended) if descending else ended


def _equality(kind: PropertyType, operand: Scalar) -> Callable[[Any], bool]:
    if kind is PropertyType.BIG_DECIMAL:
        exact = operand.as_tuple()  # type: ignore[union-attr]
        return lambda mine: mine is not None and mine.as_tuple() == exact
    return lambda mine: mine is not None and bool(mine == operand)


