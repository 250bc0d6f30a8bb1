"""Filters and orders over the properties of aspects, as values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from cheap.core.arguments import several
from cheap.core.forms import repr_of
from cheap.core.values import Scalar, show
from cheap.errors import InvalidQueryError

Operator = Literal["==", "<", "<=", ">", ">="]


class Condition:
    """The root of all filters; combine them with ``&``, ``|`` and ``~``."""

    __slots__ = ()

    def __and__(self, other: Filter) -> And:
        return And((*parts_of(self, And), *parts_of(other, And)))

    def __or__(self, other: Filter) -> Or:
        return Or((*parts_of(self, Or), *parts_of(other, Or)))

    def __invert__(self) -> Filter:
        return self.filter if isinstance(self, Not) else Not(cast("Filter", self))

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

    def __repr__(self) -> str:
        value = repr_of(self.value)
        return f"Compare(property={self.property!r}, operator={self.operator!r}, value={value})"


@dataclass(frozen=True, slots=True)
class IsIn(Condition):
    """The property equals one of the values.

    Attributes:
        property: the property's name.
        values: values of the property's type.
    """

    property: str
    values: tuple[Scalar, ...]

    def __repr__(self) -> str:
        return f"IsIn(property={self.property!r}, values={repr_of(self.values)})"


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

    def __repr__(self) -> str:
        return f"Contains(property={self.property!r}, value={repr_of(self.value)})"


@dataclass(frozen=True, slots=True)
class And(Condition):
    """Every one of the filters holds.

    Attributes:
        filters: the filters; without any, every record fits.
    """

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or(Condition):
    """At least one of the filters holds.

    Attributes:
        filters: the filters; without any, no record fits.
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


def parts_of(condition: Any, kind: type[And] | type[Or]) -> tuple[Filter, ...]:
    """Return the filters that an And (or Or) joins; of any other filter, the filter itself."""
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
        return IsIn(self.name, several(values, "is_in"))

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

    Raises:
        InvalidQueryError: a step is something else.
        InvalidError: it is no list.
    """
    steps = (order_by,) if isinstance(order_by, (str, Order)) else several(order_by, "order_by")
    return tuple(map(_step, steps))


def _step(step: object) -> Order:
    if isinstance(step, Order):
        return step
    if isinstance(step, str):
        return Order(step[1:], True) if step.startswith("-") else Order(step)
    raise InvalidQueryError(f"order: expected names of properties or Orders, got {show(step)}")
