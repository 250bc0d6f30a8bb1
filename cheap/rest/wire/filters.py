"""Filters and orders as JSON, in and out; values stand in the JSON form of their property."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cheap.core import AspectDef
from cheap.core.documents.parts import kind_of
from cheap.core.filters import (
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
)
from cheap.core.filters.selection import MAX_DEPTH
from cheap.core.forms import is_array, is_object
from cheap.core.values import Scalar, check_value, read_value, write_value
from cheap.errors import InvalidQueryError, MalformedRequestError
from cheap.rest.wire.shapes import OrderShape

_COMPARISONS = ("==", "<", "<=", ">", ">=")
_OPERATORS = (*_COMPARISONS, "in", "prefix", "null", "contains")

# --- in -----------------------------------------------------------------------------------------


def read_filter(form: object, definition: AspectDef, path: str, depth: int = 0) -> Filter:
    """Return the filter that decoded JSON describes.

    Raises:
        MalformedRequestError: it describes none; with the place.
        InvalidQueryError: a value is not of its property's type, or it is nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise InvalidQueryError(f"filters stand in one another more than {MAX_DEPTH} deep")
    if not is_object(form):
        raise MalformedRequestError(path, f"expected a filter, got {kind_of(form)}")
    match form:
        case {"and": parts, **more} if not more:
            return And(_filters(parts, definition, f"{path}.and", depth))
        case {"or": parts, **more} if not more:
            return Or(_filters(parts, definition, f"{path}.or", depth))
        case {"not": part, **more} if not more:
            return Not(read_filter(part, definition, f"{path}.not", depth + 1))
        case {"property": str(name), "op": str(word)}:
            return _comparison(name, word, form, definition, path)
        case _:
            raise MalformedRequestError(
                path, 'expected {"property", "op", "value"}, {"and"}, {"or"} or {"not"} alone'
            )


def _filters(parts: object, definition: AspectDef, path: str, depth: int) -> tuple[Filter, ...]:
    if not is_array(parts):
        raise MalformedRequestError(path, f"expected an array of filters, got {kind_of(parts)}")
    return tuple(
        read_filter(each, definition, f"{path}[{i}]", depth + 1) for i, each in enumerate(parts)
    )


def _comparison(
    name: str, word: str, form: dict[str, Any], definition: AspectDef, path: str
) -> Filter:
    known = {"property", "op"} if word == "null" else {"property", "op", "value"}
    if word not in _OPERATORS:
        raise MalformedRequestError(f"{path}.op", f"expected one of {', '.join(_OPERATORS)}")
    if form.keys() != known:
        raise MalformedRequestError(path, f"expected the keys {', '.join(sorted(known))}")
    if word == "null":
        return IsNull(name)
    given = form["value"]
    if word == "in":
        if not is_array(given):
            raise MalformedRequestError(f"{path}.value", f"expected an array, got {kind_of(given)}")
        return IsIn(name, tuple(_value(name, each, definition, path) for each in given))
    if word == "prefix":
        return StartsWith(name, given)
    value = _value(name, given, definition, path)
    return Contains(name, value) if word == "contains" else Compare(name, word, value)  # type: ignore[arg-type]


def _value(name: str, form: object, definition: AspectDef, path: str) -> Any:
    prop = definition.get(name)
    if prop is None or prop.type.is_large:
        return form  # the selection says what is wrong with that
    value, faults = read_value(name, prop.type, form, nullable=False, multivalued=False)
    if faults:
        raise InvalidQueryError(f"{path}: {faults[0]}")
    return value


def read_order(given: Sequence[str | OrderShape]) -> tuple[Order, ...]:
    """Return the order that shapes and names describe."""
    return order_of(
        [each if isinstance(each, str) else Order(each.property, each.descending) for each in given]
    )


# --- out ----------------------------------------------------------------------------------------


def write_filter(condition: Filter, definition: AspectDef) -> dict[str, Any]:
    """Return a filter as JSON, to be encoded; it was checked against the definition."""
    match condition:
        case And(filters):
            return {"and": [write_filter(each, definition) for each in filters]}
        case Or(filters):
            return {"or": [write_filter(each, definition) for each in filters]}
        case Not(inner):
            return {"not": write_filter(inner, definition)}
        case IsNull(name):
            return {"property": name, "op": "null"}
        case StartsWith(name, prefix):
            return {"property": name, "op": "prefix", "value": prefix}
        case IsIn(name, values):
            forms = [_form(name, each, definition) for each in values]
            return {"property": name, "op": "in", "value": forms}
        case Contains(name, value):
            return {"property": name, "op": "contains", "value": _form(name, value, definition)}
        case Compare(name, word, value):
            return {"property": name, "op": word, "value": _form(name, value, definition)}


def _form(name: str, value: Scalar, definition: AspectDef) -> object:
    kind = definition[name].type
    canonical, _ = check_value(name, kind, value, nullable=False, multivalued=False)
    return write_value(kind, canonical)


def write_order(order: Sequence[Order]) -> list[dict[str, Any]]:
    """Return an order as JSON, to be encoded."""
    return [{"property": each.property, "descending": each.descending} for each in order]
