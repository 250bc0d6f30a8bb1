"""How a class describes a record: dataclasses and pydantic models read as property shapes."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import AnyUrl, AwareDatetime, BaseModel

from cheap.core.values import PropertyType
from cheap.errors import InvalidDefinitionError

_TYPES: Final[dict[object, PropertyType]] = {
    bool: PropertyType.BOOLEAN,
    int: PropertyType.INTEGER,
    float: PropertyType.FLOAT,
    str: PropertyType.STRING,
    Decimal: PropertyType.BIG_DECIMAL,
    datetime: PropertyType.DATE_TIME,
    AwareDatetime: PropertyType.DATE_TIME,
    UUID: PropertyType.UUID,
    bytes: PropertyType.BLOB,
    AnyUrl: PropertyType.URI,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One field of a class, seen as a property.

    Attributes:
        name: the field's name.
        type: the property type of its annotation.
        nullable: whether ``None`` is allowed.
        multivalued: whether it holds a list or tuple.
        default: a tuple of the default, or ``None`` when there is none.
    """

    name: str
    type: PropertyType
    nullable: bool
    multivalued: bool
    default: tuple[Any] | None


def shape_of(record: type) -> list[Shape]:
    """Read the fields of a dataclass or a pydantic model.

    Raises:
        InvalidDefinitionError: it is neither, or an annotation has no property type.
    """
    if not isinstance(record, type):
        raise InvalidDefinitionError(f"expected a class, got {record!r}")
    if issubclass(record, BaseModel):
        defaults = {
            name: _default(info.default, info.default_factory, info.is_required())
            for name, info in record.model_fields.items()
        }
    elif dataclasses.is_dataclass(record):
        defaults = {
            each.name: _default(
                each.default,
                each.default_factory,
                each.default is dataclasses.MISSING
                and each.default_factory is dataclasses.MISSING,
            )
            for each in dataclasses.fields(record)
        }
    else:
        raise InvalidDefinitionError(
            f"{record.__name__}: expected a dataclass or a pydantic model (or use AspectDef itself)"
        )
    hints = get_type_hints(record, include_extras=True)
    return [_shape(record, name, hints[name], default) for name, default in defaults.items()]


def _default(value: Any, factory: Any, required: bool) -> tuple[Any] | None:
    if required:
        return None
    if factory is not None and factory is not dataclasses.MISSING:
        return (factory(),)
    return (value,)


def _shape(record: type, name: str, hint: Any, default: tuple[Any] | None) -> Shape:
    named: PropertyType | None = None
    nullable = multivalued = False
    while (origin := get_origin(hint)) is not None and hint not in _TYPES:
        args = get_args(hint)
        if origin is Annotated:
            named = named or next((arg for arg in args[1:] if isinstance(arg, PropertyType)), None)
            hint = args[0]
        elif origin in (Union, types.UnionType) and type(None) in args and len(args) == 2:
            nullable = nullable or not multivalued
            hint = next(arg for arg in args if arg is not type(None))
        elif (origin is list or origin is Sequence) and not multivalued:
            multivalued, hint = True, args[0]
        elif origin is tuple and not multivalued and len(args) == 2 and args[1] is Ellipsis:
            multivalued, hint = True, args[0]
        else:
            break
    kind = named
    if kind is None and isinstance(hint, type):
        kind = next((_TYPES[each] for each in hint.__mro__ if each in _TYPES), None)
    kind = kind or _TYPES.get(hint)
    if kind is None:
        words = sorted(getattr(each, "__name__", str(each)) for each in _TYPES)
        raise InvalidDefinitionError(
            f"{record.__name__}.{name}: no property type for {hint!r}; use one of {words}, "
            "X | None, list[X], or Annotated[X, PropertyType.…]"
        )
    if default is not None and isinstance(default[0], AnyUrl):
        default = (str(default[0]),)
    return Shape(name, kind, nullable, multivalued, default)


def fields_of(record: object) -> dict[str, Any]:
    """Return the field values of a dataclass or pydantic instance, by name, unchanged.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(record, BaseModel):
        names = list(type(record).model_fields)
    elif dataclasses.is_dataclass(record) and not isinstance(record, type):
        names = [each.name for each in dataclasses.fields(record)]
    else:
        raise TypeError(type(record).__name__)
    values = {name: getattr(record, name) for name in names}
    for name, value in values.items():
        if isinstance(value, AnyUrl):
            values[name] = str(value)
    return values
