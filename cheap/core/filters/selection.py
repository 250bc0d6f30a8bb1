"""What filters and orders mean: which records fit, and which comes first."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from msgspec import UNSET

from cheap.core.codecs import Row, codec_of
from cheap.core.definitions import AspectDef, PropertyDef
from cheap.core.filters.conditions import (
    And,
    Compare,
    Contains,
    Filter,
    IsIn,
    IsNull,
    Not,
    Or,
    Order,
    StartsWith,
    order_of,
    parts_of,
)
from cheap.core.values import (
    PropertyType,
    Scalar,
    Value,
    check_value,
    equal_keys,
    show,
    sort_key,
)
from cheap.errors import InvalidQueryError

Test = Callable[[Row], bool]
Read = Callable[[Row], Any]

MAX_DEPTH: Final = 100
"""How deep filters may stand in one another."""

_TEXTS: Final = (PropertyType.STRING, PropertyType.TEXT, PropertyType.URI)
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Sort keys among which every match of a filter lies: ``low <= key <= high``.

    Attributes:
        property: whose keys.
        low: the lowest.
        high: the highest, or ``None`` for no bound.
    """

    property: str
    low: bytes
    high: bytes | None

    def within(self, other: KeyRange) -> KeyRange:
        """Return what lies in this range and in another one of the same property."""
        highs = [each for each in (self.high, other.high) if each is not None]
        return KeyRange(self.property, max(self.low, other.low), min(highs, default=None))


class Selection:
    """A filter and an order, checked against a definition and ready to use.

    Args:
        definition: the definition of the aspects.
        condition: the filter, or ``None`` for all.
        order_by: the order; the entity's id decides between equals, ascending.

    Attributes:
        order: the steps of the order.
        matches: tells whether a decoded row fits the filter; ``None`` when all do.

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
        self._codec = codec_of(definition)
        self._definition = definition
        self.order = order_of(order_by)
        self.matches: Test | None = None if condition is None else self._test(condition, 0)
        self._conjuncts: list[KeyRange] = []
        self._points: list[list[KeyRange]] = []
        for part in () if condition is None else parts_of(condition, And):
            self._note_range(part)
        self._keys: list[tuple[PropertyType, Read, bool]] = []
        for step in self.order:
            prop = self._property(step.property)
            if prop.multivalued:
                raise InvalidQueryError(f"cannot order by {prop.name!r}: it is multivalued")
            self._refuse_large(prop)
            self._keys.append((prop.type, self._reader(prop), step.descending))

    def order_key(self, row: Row) -> bytes:
        """Return the place of a row in the order, as bytes: they compare as the rows do."""
        # The last step has the whole sort key, by which an index has its rows. In one before it,
        # the scale of a number would keep the next step from deciding between equals.
        last = len(self._keys) - 1
        parts: list[bytes] = []
        for number, (kind, read, descending) in enumerate(self._keys):
            value = read(row)
            key = sort_key(kind, value) if number == last else equal_keys(kind, value)[0]
            parts.append(order_part(key, descending))
        return b"".join(parts)

    def ranges(self, indexed: Iterable[str]) -> list[KeyRange]:
        """Return, for indexed properties, ranges of sort keys in which all matches must lie."""
        names = set(indexed)
        found: list[KeyRange] = []
        spans: dict[str, KeyRange] = {}
        for each in self._conjuncts:
            if each.property not in names:
                continue
            if self._definition[each.property].multivalued:
                found.append(each)  # another value may fulfil another condition
            else:
                known = spans.get(each.property)
                spans[each.property] = each if known is None else known.within(each)
        # One key first: no range is narrower. Then what has an end on both sides.
        found += spans.values()
        return sorted(found, key=lambda each: (each.low != each.high, each.high is None))

    def points(self, indexed: Iterable[str]) -> list[KeyRange]:
        """Return ranges of equal values, one of which every match lies in; none if unknown.

        They are as few as the filter tells.
        """
        names = set(indexed)
        known = [each for each in self._points if each[0].property in names]
        known += [[each] for each in self.ranges(names) if each.low == each.high]
        return min(known, key=len) if known else []

    # --- properties and values ------------------------------------------------------------

    def _property(self, name: object) -> PropertyDef:
        prop = self._definition.get(name) if isinstance(name, str) else None
        if prop is None or not prop.readable:
            raise InvalidQueryError(
                f"aspect {self._definition.name!r} has no readable property {name!r}; "
                f"it has {list(self._codec.readers)}"
            )
        return prop

    def _scalar(self, name: str) -> PropertyDef:
        prop = self._property(name)
        if prop.multivalued:
            raise InvalidQueryError(f"{name!r} is multivalued: use contains()")
        return prop

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
        return cast("Scalar", checked)

    def _reader(self, prop: PropertyDef) -> Read:
        get, name, unset = self._codec.get, prop.name, prop.unset_value

        def read(row: Row) -> Value:
            value = get(row, name)
            return unset if value is UNSET else value

        return read

    # --- filters --------------------------------------------------------------------------

    def _test(self, condition: Filter, depth: int) -> Test:
        if depth > MAX_DEPTH:
            raise InvalidQueryError(f"filters stand in one another more than {MAX_DEPTH} deep")
        match condition:
            case And(filters):
                tests = [self._test(each, depth + 1) for each in filters]
                return lambda row: all(test(row) for test in tests)
            case Or(filters):
                tests = [self._test(each, depth + 1) for each in filters]
                return lambda row: any(test(row) for test in tests)
            case Not(inner):
                test = self._test(inner, depth + 1)
                return lambda row: not test(row)
            case IsNull(name):
                read = self._reader(self._property(name))
                return lambda row: read(row) is None
            case Compare(name, word, value):
                return self._comparison(self._scalar(name), word, value)
            case IsIn(name, values):
                return self._membership(self._scalar(name), values)
            case StartsWith(name, prefix):
                return self._prefix(self._scalar(name), prefix)
            case Contains(name, value):
                return self._containment(self._property(name), value)
            case _:
                raise InvalidQueryError(f"expected a filter, got {show(condition)}")

    def _comparison(self, prop: PropertyDef, word: str, value: object) -> Test:
        read, compare = self._reader(prop), _COMPARE.get(word)
        if compare is None:
            raise InvalidQueryError(f"unknown operator {word!r}: use one of {list(_COMPARE)}")
        operand = self._operand(prop, value)

        def test(row: Row) -> bool:
            mine = read(row)
            return mine is not None and compare(mine, operand)

        return test

    def _membership(self, prop: PropertyDef, values: Iterable[object]) -> Test:
        self._refuse_large(prop)
        read = self._reader(prop)
        operands = {self._operand(prop, each) for each in values}

        def test(row: Row) -> bool:
            mine = read(row)
            return mine is not None and mine in operands

        return test

    def _prefix(self, prop: PropertyDef, prefix: object) -> Test:
        self._refuse_large(prop)
        if prop.type not in _TEXTS:
            raise InvalidQueryError(f"{prop.name!r} is a {prop.type.value}: it has no prefix")
        _, faults = check_value(
            prop.name, PropertyType.TEXT, prefix, nullable=False, multivalued=False
        )
        if faults:
            raise InvalidQueryError(f"prefix on aspect {self._definition.name!r}: {faults[0]}")
        read, beginning = self._reader(prop), cast("str", prefix)

        def test(row: Row) -> bool:
            mine = read(row)
            return mine is not None and mine.startswith(beginning)

        return test

    def _containment(self, prop: PropertyDef, value: object) -> Test:
        if not prop.multivalued:
            raise InvalidQueryError(f"{prop.name!r} is not multivalued: compare it instead")
        read, operand = self._reader(prop), self._operand(prop, value)

        def test(row: Row) -> bool:
            mine = read(row)
            return mine is not None and operand in mine

        return test

    def _note_range(self, condition: Filter) -> None:
        match condition:
            case Compare() | Contains():
                word = condition.operator if isinstance(condition, Compare) else "=="
                prop = self._property(condition.property)
                low, high = equal_keys(prop.type, self._operand(prop, condition.value))
                # Keys of long values are cut: the bound itself always belongs to the range.
                span = KeyRange(
                    prop.name,
                    low if word in ("==", ">", ">=") else b"\1",
                    high if word in ("==", "<", "<=") else None,
                )
                self._conjuncts.append(span)
                if word == "==":
                    self._points.append([span])
            case StartsWith(name, prefix):
                key = sort_key(PropertyType.TEXT, prefix)
                self._conjuncts.append(KeyRange(name, key, key + b"\xff"))
            case IsIn(name, values):
                prop = self._property(name)
                keys = sorted({equal_keys(prop.type, self._operand(prop, each)) for each in values})
                if keys:
                    self._conjuncts.append(KeyRange(name, keys[0][0], keys[-1][1]))
                    self._points.append([KeyRange(name, low, high) for low, high in keys])
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
