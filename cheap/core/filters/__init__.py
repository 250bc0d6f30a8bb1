"""Filters and orders over the properties of aspects, as values; and what they mean.

The meaning stands once, in :class:`Selection`; databases only narrow down the records that are
looked at. So every store gives the same answer.

* A null (or an unset property without default) equals nothing, is less than nothing, and has no
  prefix; :meth:`Field.is_null` finds it. ``!=`` is the opposite of ``==``, so nulls are found.
* Values compare as in Python, so 1.5 equals 1.50. The last step of an order puts 1.5 first.
* Texts compare by code point. Comparisons see all of a value; an order sees as much as its sort
  key holds (256 bytes), and then the entity's id.
"""

from cheap.core.filters.conditions import (
    And,
    Compare,
    Condition,
    Contains,
    Field,
    Filter,
    IsIn,
    IsNull,
    Not,
    Operator,
    Or,
    Order,
    StartsWith,
    field,
    order_of,
)
from cheap.core.filters.selection import KeyRange, Selection

__all__ = [
    "And",
    "Compare",
    "Condition",
    "Contains",
    "Field",
    "Filter",
    "IsIn",
    "IsNull",
    "KeyRange",
    "Not",
    "Operator",
    "Or",
    "Order",
    "Selection",
    "StartsWith",
    "field",
    "order_of",
]
