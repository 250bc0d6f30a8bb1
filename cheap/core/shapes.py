"""How a class describes a record: dataclasses and pydantic models read as property shapes."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import (
    Annotated,
    Any,
    Final,
    TypeGuard,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

from pydantic import AnyUrl, AwareDatetime, BaseModel

from cheap.core.values import PropertyType, show
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
        keyword: the constructor's argument for it: the name, or a pydantic alias.
        type: the property type of its annotation.
        nullable: whether ``None`` is allowed.
        multivalued: whether it holds a list or tuple.
        required: whether the class cannot be made without it.
        late: whether it is set after the class was made (``field(init=False)``).
        default: a tuple of the default, or ``None`` when there is none that is always the same.
        build: makes the field's value of the property's (a list, an Enum), if that is needed.
    """

    name: str
    keyword: str
    type: PropertyType
    nullable: bool
    multivalued: bool
    required: bool
    late: bool
    default: tuple[Any] | None
    build: Callable[[Any], Any] | None

    @property
    def has_own_null(self) -> bool:
        """Whether null is better left to the class: it has a default, and null is that or wrong."""
        return not self.required and (not self.nullable or self.default == (None,))


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a class, as the class has it."""

    name: str
    hint: Any
    required: bool
    default: tuple[Any] | None
    keyword: str
    late: bool = False


def shape_of(record: type[Any]) -> tuple[Shape, ...]:
    """Read the fields of a dataclass or a pydantic model.

    Raises:
        InvalidDefinitionError: it is neither, or an annotation has no property type.
    """
    if not isinstance(record, type):
        raise InvalidDefinitionError(f"expected a class, got {show(record)}")
    return _shapes(record)  # type: ignore[arg-type]  # hashable


@lru_cache(maxsize=1024)
def _shapes(record: type[Any]) -> tuple[Shape, ...]:
    if issubclass(record, BaseModel):
        fields = _model_fields(record)
    elif dataclasses.is_dataclass(record):
        fields = _dataclass_fields(record)
    else:
        raise InvalidDefinitionError(
            f"{record.__name__}: expected a dataclass or a pydantic model (or use AspectDef itself)"
        )
    return tuple(_shape(record, field) for field in fields)


def _model_fields(record: type[BaseModel]) -> list[_Field]:
    fields: list[_Field] = []
    for name, info in record.model_fields.items():
        # pydantic keeps what was in Annotated[...] apart, and has resolved forward references.
        hint: Any = info.annotation
        for extra in info.metadata:
            hint = Annotated[hint, extra]
        default: tuple[Any] | None = None
        if not info.is_required():
            factory = cast("object", info.default_factory)
            default = (info.default,) if factory is None else _made_by(factory)
        alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
        by_name = record.model_config.get("populate_by_name") or record.model_config.get(
            "validate_by_name"
        )
        keyword = name if by_name or alias is None else alias
        fields.append(_Field(name, hint, info.is_required(), default, keyword))
    return fields


def _dataclass_fields(record: type[Any]) -> list[_Field]:
    try:
        hints = get_type_hints(record, include_extras=True)
    except NameError as error:
        raise InvalidDefinitionError(
            f"{record.__name__}: an annotation cannot be looked up: {error}"
        ) from error
    fields: list[_Field] = []
    for each in dataclasses.fields(record):
        default: tuple[Any] | None = None
        if each.default is not dataclasses.MISSING:
            default = (each.default,)
        elif each.default_factory is not dataclasses.MISSING:
            default = _made_by(each.default_factory)
        required = (
            each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        )
        hint = hints[each.name]
        fields.append(_Field(each.name, hint, required, default, each.name, not each.init))
    return fields


def _made_by(factory: object) -> tuple[Any] | None:
    # Of a factory only an empty list is certain: uuid4 or datetime.now give another value each
    # time, and a default is part of the definition.
    return ((),) if factory is list or factory is tuple else None


def _shape(record: type[Any], field: _Field) -> Shape:
    where = f"{record.__name__}.{field.name}"
    named: PropertyType | None = None
    container: Any = None
    nullable = False
    hint = field.hint
    while True:
        origin, args = get_origin(hint), get_args(hint)
        if hasattr(hint, "__supertype__"):  # a NewType
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":  # type X = ... (Python 3.12)
            hint = hint.__value__
        elif origin is Annotated:
            named = named or next((arg for arg in args[1:] if isinstance(arg, PropertyType)), None)
            hint = args[0]
        elif origin in (Union, types.UnionType) and type(None) in args and len(args) == 2:
            if container is not None:
                raise InvalidDefinitionError(f"{where}: the elements of a list cannot be null")
            nullable = True
            hint = args[0] if args[1] is type(None) else args[1]
        elif container is None and (
            origin in (list, Sequence) or (origin is tuple and args[1:] == (Ellipsis,))
        ):
            container, hint = origin, args[0]
        else:
            break
    default = None if field.default is None else (without_urls(field.default[0]),)
    return Shape(
        field.name,
        field.keyword,
        _kind(where, hint, named),
        nullable or default == (None,),
        container is not None,
        field.required and not field.late,
        field.late,
        default,
        _builder(hint, container),
    )


def _kind(where: str, hint: Any, named: PropertyType | None) -> PropertyType:
    natural = _natural(hint)
    if natural is None and _is_enum(hint):
        raise InvalidDefinitionError(
            f"{where}: the values of {hint!r} are not all of one type; give it texts or numbers"
        )
    if natural is None and named is None:
        words = sorted(getattr(each, "__name__", str(each)) for each in _TYPES)
        raise InvalidDefinitionError(
            f"{where}: no property type for {hint!r}; use one of {words}, X | None, list[X], or "
            "Annotated[X, PropertyType.…]"
        )
    if named is None:
        return cast("PropertyType", natural)
    if natural is not None and natural.python_type is not named.python_type:
        raise InvalidDefinitionError(
            f"{where}: a {named.value} is a {named.python_type.__name__}, not {hint!r}"
        )
    return named


def _natural(hint: Any) -> PropertyType | None:
    """The property type of a class; of an Enum, that of all its values."""
    if not isinstance(hint, type):
        return None
    for each in hint.__mro__:
        if each in _TYPES:
            return _TYPES[each]
    kinds = {_natural(type(each.value)) for each in hint} if issubclass(hint, Enum) else {None}
    return kinds.pop() if len(kinds) == 1 else None


def _is_enum(hint: Any) -> TypeGuard[type[Enum]]:
    return isinstance(hint, type) and issubclass(hint, Enum)


def _builder(hint: Any, container: Any) -> Callable[[Any], Any] | None:
    """What turns a property's value (a tuple, a str, an int) into what the field wants."""
    if _is_enum(hint):
        if container is None:
            return hint
        outer: Any = tuple if container is tuple else list
        return lambda values: outer(map(hint, values))
    return list if container is list else None


# --- instances ------------------------------------------------------------------------------


def allows_extra(record: type[Any]) -> bool:
    """Tell whether instances may carry values beside their fields (``extra="allow"``)."""
    return issubclass(record, BaseModel) and record.model_config.get("extra") == "allow"


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to take the field values out of an instance.

    Attributes:
        names: the fields.
        size: how many there are.
        direct: whether its ``__dict__`` will do when it has as many entries.
        extra: whether values beside the fields may be there.
    """

    names: tuple[str, ...]
    size: int
    direct: bool
    extra: bool


@lru_cache(maxsize=1024)
def _plan(record: type[Any]) -> _Plan | None:
    if issubclass(record, BaseModel):
        names = tuple(record.model_fields)
    elif dataclasses.is_dataclass(record):
        names = tuple(each.name for each in dataclasses.fields(record))
    else:
        return None
    try:
        urls = any(shape.type is PropertyType.URI for shape in shape_of(record))
    except InvalidDefinitionError:
        urls = True
    extra = allows_extra(record)
    # A dataclass may hold anything in its __dict__; a pydantic model only cached properties.
    direct = issubclass(record, BaseModel) and not urls and not extra
    return _Plan(names, len(names), direct, extra)


def fields_of(record: object) -> dict[str, Any] | None:
    """Return the field values of a dataclass or pydantic instance, by name; else ``None``.

    The dict may be the instance's own: it is to be read only.
    """
    plan = _plan(record.__class__)  # type: ignore[arg-type]  # hashable
    if plan is None:
        return None
    if plan.direct:
        own: dict[str, Any] = record.__dict__
        if len(own) == plan.size:
            return own
    values = {name: getattr(record, name) for name in plan.names if hasattr(record, name)}
    if plan.extra:
        values |= cast("BaseModel", record).model_extra or {}
    return {name: without_urls(value) for name, value in values.items()}


def without_urls(value: Any) -> Any:
    """Turn pydantic's URL objects, alone or in a list, into text."""
    if isinstance(value, AnyUrl):
        return str(value)
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[object]", value)
        if any(isinstance(item, AnyUrl) for item in items):
            return [str(item) if isinstance(item, AnyUrl) else item for item in items]
    return value  # pyright: ignore[reportUnknownVariableType]
