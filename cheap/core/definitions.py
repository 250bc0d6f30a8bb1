"""Definitions: what properties an aspect has, and what a catalog is made of.

Definitions are immutable values; changing one means making a new one. Each has a hash version
(:mod:`cheap.core.hashing`) by which two sides tell whether they speak of the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from cheap.core.arguments import several
from cheap.core.forms import repr_of
from cheap.core.hashing import Fnv1a
from cheap.core.names import check_id, check_name
from cheap.core.shapes import allows_extra, shape_of
from cheap.core.values import LargeValue, PropertyType, Value, check_value, show, write_value
from cheap.errors import InvalidDefinitionError, InvalidValueError, MissingKeyError


class Unset(Enum):
    """The type of :data:`NO_DEFAULT`."""

    TOKEN = "no default"

    def __repr__(self) -> str:
        return "NO_DEFAULT"


NO_DEFAULT: Final = Unset.TOKEN
"""Says that a property has no default; a default of ``None`` is something else."""


def _check_flags(owner: object, what: str, *flags: str) -> None:
    for flag in flags:
        value: object = getattr(owner, flag)
        if not isinstance(value, bool):
            raise InvalidDefinitionError(f"{what}: {flag} is True or False, got {value!r}")


@dataclass(frozen=True, slots=True, eq=False)
class PropertyDef:
    """One property of an aspect: a column, if the aspect were a row.

    Attributes:
        name: unique in its definition, 1 to 255 characters.
        type: one of the twelve property types.
        default: read when the property is unset; without one, it is null that is read.
        readable: whether the value may be read.
        writable: whether the value may change after the record was made.
        nullable: whether null is a value. A property that is not nullable and has no default is
            required.
        multivalued: whether the value is a tuple of values of the type.

    Example:
        >>> PropertyDef("name", PropertyType.STRING, nullable=False)
        PropertyDef('name', STRING, nullable=False)

    Raises:
        InvalidNameError: the name cannot be kept.
        InvalidValueError: the default does not fit the type.
    """

    name: str
    type: PropertyType
    default: Value | Unset = field(default=NO_DEFAULT, kw_only=True)
    readable: bool = field(default=True, kw_only=True)
    writable: bool = field(default=True, kw_only=True)
    nullable: bool = field(default=True, kw_only=True)
    multivalued: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", check_name(self.name, "property"))
        what = f"property {self.name!r}"
        if not isinstance(self.type, PropertyType):
            raise InvalidDefinitionError(f"{what}: expected a PropertyType, got {self.type!r}")
        _check_flags(self, what, "readable", "writable", "nullable", "multivalued")
        if isinstance(self.default, LargeValue):
            raise InvalidDefinitionError(f"{what}: a default cannot lie in a store")
        if not isinstance(self.default, Unset):
            value, faults = check_value(
                self.name,
                self.type,
                self.default,
                nullable=self.nullable,
                multivalued=self.multivalued,
            )
            if faults:
                raise InvalidValueError(f"default of {self.name}", faults)
            object.__setattr__(self, "default", value)

    @property
    def has_default(self) -> bool:
        """Whether there is a default (which may be null)."""
        return self.default is not NO_DEFAULT

    @property
    def required(self) -> bool:
        """Whether a record must give this property: not nullable and without default."""
        return not self.nullable and not self.has_default

    @property
    def unset_value(self) -> Value:
        """What reading gives while the property is unset: the default, or null."""
        return None if isinstance(self.default, Unset) else self.default

    @property
    def hash_version(self) -> int:
        """The FNV-1a hash over every field (see :mod:`cheap.core.hashing`)."""
        hash_ = Fnv1a().flag(self.readable).flag(self.writable).flag(self.nullable)
        hash_.flag(self.has_default)
        if self.has_default and self.default is not None:
            hash_.text(_canonical_text(self.type, self.unset_value))
        if self.multivalued:
            hash_.flag(True)
        return hash_.text(self.type.code).text(self.name).value

    @property
    def _fields(self) -> tuple[object, ...]:
        # The default in its JSON form: 1.5 == 1.50, but they are not the same value.
        default: object = self.default
        if not isinstance(self.default, Unset):
            default = (write_value(self.type, self.default),)
        flags = (self.readable, self.writable, self.nullable, self.multivalued)
        return (self.name, self.type, default, flags)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PropertyDef):
            return NotImplemented
        return self is other or self._fields == other._fields

    def __hash__(self) -> int:
        return hash((self.name, self.type))

    def __repr__(self) -> str:
        flags = [
            f"{name}={repr_of(value)}"
            for name, value, usual in (
                ("default", self.default, NO_DEFAULT),
                ("readable", self.readable, True),
                ("writable", self.writable, True),
                ("nullable", self.nullable, True),
                ("multivalued", self.multivalued, False),
            )
            if value is not usual
        ]
        return f"PropertyDef({', '.join([repr(self.name), self.type.name, *flags])})"


def _canonical_text(kind: PropertyType, value: Value) -> str:
    """The JSON form as text: what the original hashes for a default."""
    if isinstance(value, tuple):
        return "[" + ",".join(_canonical_text(kind, item) for item in value) + "]"
    form = write_value(kind, value)
    return str(form).lower() if isinstance(form, bool) else str(form)


class AspectDef(Mapping[str, PropertyDef]):
    """A kind of record: named, with ordered properties. It reads like a mapping of its properties.

    Attributes:
        name: unique within a catalog; reverse domain names are the custom.
        properties: the PropertyDefs, in order; their names are unique.
        id: identifies the definition; by default a UUIDv5 made from the name.
        readable: whether aspects may be read.
        writable: whether aspects may be put, changed and removed.
        can_add_properties: whether one aspect may carry properties that are not defined here.
        can_remove_properties: whether a property that is required may be unset again.

    Example:
        >>> person = AspectDef("com.example.person", [
        ...     PropertyDef("name", PropertyType.STRING, nullable=False),
        ...     PropertyDef("age", PropertyType.INTEGER),
        ... ])
        >>> list(person)
        ['name', 'age']

    Raises:
        InvalidNameError: the name cannot be kept.
        InvalidDefinitionError: two properties have one name, or something is no PropertyDef.
    """

    name: str
    properties: tuple[PropertyDef, ...]
    id: UUID
    readable: bool
    writable: bool
    can_add_properties: bool
    can_remove_properties: bool
    _by_name: dict[str, PropertyDef]

    def __init__(
        self,
        name: str,
        properties: Iterable[PropertyDef],
        *,
        id: UUID | None = None,
        readable: bool = True,
        writable: bool = True,
        can_add_properties: bool = False,
        can_remove_properties: bool = False,
    ) -> None:
        name = check_name(name, "aspect definition")
        properties = several(properties, f"aspect {name!r}, properties")
        for prop in properties:
            if not isinstance(prop, PropertyDef):
                raise InvalidDefinitionError(
                    f"aspect {name!r}: expected PropertyDefs, got {type(prop).__name__}"
                )
        by_name = {prop.name: prop for prop in properties}
        if len(by_name) < len(properties):
            names = [prop.name for prop in properties]
            twice = sorted({each for each in names if names.count(each) > 1})
            raise InvalidDefinitionError(
                f"aspect {name!r}: each property needs a name of its own, but {twice} repeat"
            )
        # Straight into __dict__: __setattr__ below refuses, since definitions are values.
        self.__dict__.update(
            name=name,
            properties=properties,
            id=uuid5(NAMESPACE_URL, name) if id is None else check_id(id, "definition id"),
            readable=readable,
            writable=writable,
            can_add_properties=can_add_properties,
            can_remove_properties=can_remove_properties,
            _by_name=by_name,
        )
        _check_flags(self, f"aspect {name!r}", "readable", "writable")
        _check_flags(self, f"aspect {name!r}", "can_add_properties", "can_remove_properties")

    def __setattr__(self, attribute: str, value: object) -> None:
        raise AttributeError(f"an AspectDef is immutable; make a new one to change {attribute!r}")

    def __delattr__(self, attribute: str) -> None:
        raise AttributeError(f"an AspectDef is immutable; {attribute!r} stays")

    def __repr__(self) -> str:
        return f"AspectDef({self.name!r}, {list(self.properties)!r})"

    @classmethod
    def of(cls, record: type, *, name: str | None = None, id: UUID | None = None) -> AspectDef:
        """Make a definition from a dataclass or a pydantic model.

        Annotations give the types (``int`` Integer, ``str`` String, ``bytes`` BLOB, ...),
        ``X | None`` makes a property nullable, ``list[X]`` or ``tuple[X, ...]`` multivalued, an
        Enum of texts or numbers its value. ``Annotated[str, PropertyType.TEXT]`` names a type
        itself. Defaults are carried over; of default factories only ``list`` and ``tuple``, for
        what others make is not part of a definition. A pydantic model with ``extra="allow"``
        gives ``can_add_properties``.

        Args:
            record: the class.
            name: the definition's name; the class's name when not given.
            id: the definition's id; made from the name when not given.

        Raises:
            InvalidDefinitionError: an annotation has no property type.

        Example:
            >>> @dataclass
            ... class Person:
            ...     name: str
            ...     age: int | None = None
            >>> AspectDef.of(Person)["age"]
            PropertyDef('age', INTEGER, default=None)
        """
        properties = [
            PropertyDef(
                each.name,
                each.type,
                default=each.default[0] if each.default else NO_DEFAULT,
                nullable=each.nullable,
                multivalued=each.multivalued,
            )
            for each in shape_of(record)
        ]
        return cls(
            name or record.__name__, properties, id=id, can_add_properties=allows_extra(record)
        )

    def __getitem__(self, name: str) -> PropertyDef:
        try:
            return self._by_name[name]
        except KeyError:
            raise MissingKeyError(
                f"aspect {self.name!r} has no property {name!r}; it has {list(self._by_name)}"
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AspectDef):
            return NotImplemented
        return self is other or self._fields == other._fields

    def __hash__(self) -> int:
        return hash((self.name, self.id))

    @property
    def _fields(self) -> tuple[object, ...]:
        return (
            self.name,
            self.properties,
            self.id,
            self.readable,
            self.writable,
            self.can_add_properties,
            self.can_remove_properties,
        )

    @cached_property
    def hash_version(self) -> int:
        """The FNV-1a hash over every field and every property, in order."""
        hash_ = Fnv1a().flag(self.readable).flag(self.writable)
        hash_.flag(self.can_add_properties).flag(self.can_remove_properties)
        hash_.text(self.name).uuid(self.id)
        for prop in self.properties:
            hash_.long(prop.hash_version)
        return hash_.value

    def with_properties(self, *properties: PropertyDef) -> AspectDef:
        """Return a copy with these properties added, or in the place of their namesakes."""
        merged = dict(self._by_name) | {prop.name: prop for prop in properties}
        return self._copy(merged.values())

    def without_properties(self, *names: str) -> AspectDef:
        """Return a copy without these properties.

        Raises:
            MissingKeyError: there is no such property.
        """
        for name in names:
            self[name]
        return self._copy(prop for prop in self.properties if prop.name not in names)

    def _copy(self, properties: Iterable[PropertyDef]) -> AspectDef:
        return AspectDef(
            self.name,
            properties,
            id=self.id,
            readable=self.readable,
            writable=self.writable,
            can_add_properties=self.can_add_properties,
            can_remove_properties=self.can_remove_properties,
        )


def definition_from(given: AspectDef | type) -> AspectDef:
    """Return a definition, or the one that a dataclass or a pydantic model describes.

    Raises:
        InvalidDefinitionError: it is something else, or an annotation has no property type.
    """
    if isinstance(given, type):
        return AspectDef.of(given)
    if not isinstance(given, AspectDef):
        raise InvalidDefinitionError(
            f"expected an AspectDef, or a dataclass or pydantic model itself, got {show(given)}"
        )
    return given


class HierarchyType(Enum):
    """The five kinds of hierarchy; the value is the code used in documents."""

    ENTITY_LIST = "EL"
    ENTITY_SET = "ES"
    ENTITY_DIR = "ED"
    ENTITY_TREE = "ET"
    ASPECT_MAP = "AM"


@dataclass(frozen=True, slots=True)
class HierarchyDef:
    """A hierarchy's name and kind.

    Attributes:
        name: unique in its catalog; an aspect map bears the name of its definition.
        type: one of the five kinds.
    """

    name: str
    type: HierarchyType

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", check_name(self.name, "hierarchy"))
        if not isinstance(self.type, HierarchyType):
            raise InvalidDefinitionError(
                f"hierarchy {self.name!r}: expected a HierarchyType, got {self.type!r}"
            )

    @property
    def hash_version(self) -> int:
        """The FNV-1a hash of name and type code."""
        return Fnv1a().text(self.name).text(self.type.value).value


@dataclass(frozen=True, slots=True)
class CatalogDef:
    """What a catalog is made of: its definitions and its hierarchies, in order.

    Attributes:
        aspect_defs: the definitions.
        hierarchy_defs: the hierarchies, aspect maps included.
    """

    aspect_defs: tuple[AspectDef, ...] = ()
    hierarchy_defs: tuple[HierarchyDef, ...] = ()

    @property
    def hash_version(self) -> int:
        """The FNV-1a hash of the definitions' hashes, then of the hierarchies' hashes."""
        hash_ = Fnv1a()
        for definition in self.aspect_defs:
            hash_.long(definition.hash_version)
        for hierarchy in self.hierarchy_defs:
            hash_.long(hierarchy.hash_version)
        return hash_.value
