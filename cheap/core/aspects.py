"""Aspects: records of typed properties that read and write like a mapping."""

from __future__ import annotations

from collections.abc import (
    ItemsView,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
    ValuesView,
)
from copy import copy
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast
from uuid import UUID

from msgspec import UNSET
from pydantic import ValidationError

from cheap.core.codecs import Codec, Row, codec_of
from cheap.core.definitions import AspectDef
from cheap.core.forms import repr_of
from cheap.core.shapes import allows_extra, fields_of, shape_of
from cheap.core.values import Value, show
from cheap.errors import (
    Fault,
    InvalidDefinitionError,
    InvalidValueError,
    MissingKeyError,
    NotReadableError,
    ReadOnlyError,
)

T = TypeVar("T")


class AspectOwner(Protocol):
    """What an aspect tells about its edits: the map that holds it."""

    def aspect_may_change(self) -> None:
        """Refuse the edit, or let it pass."""
        ...

    def aspect_did_change(self, entity: UUID, aspect: Aspect) -> None:
        """Note that this entity's aspect differs."""
        ...


class Aspect(MutableMapping[str, Value]):
    """One record: the values of one entity under one definition.

    Every value is checked when it is set. Reading a property that is unset gives its default, or
    null. All readable properties of the definition are always there (``len`` counts them), and
    after them those that this one record carries beside its definition.

    Args:
        definition: what properties there are.
        values: the first values: a mapping, a dataclass instance or a pydantic model.

    Raises:
        InvalidValueError: a value does not fit; every fault is listed. A required property may
            still be missing: that is an error once the aspect is put into a map.

    Example:
        >>> person = Aspect(definition, {"name": "Alice"})
        >>> person["age"] = 30
        >>> dict(person)
        {'name': 'Alice', 'age': 30}
    """

    __slots__ = ("__weakref__", "_codec", "_entity", "_extra", "_owner", "_packed", "_row")

    def __init__(self, definition: AspectDef, values: object = None) -> None:
        codec = codec_of(definition)
        record: Mapping[str, Any] = {} if values is None else record_of(values, codec)
        checked, faults = codec.check(record)
        if faults:
            raise InvalidValueError(definition.name, faults)
        self._codec = codec
        self._row: Row = codec.row(checked)
        self._packed: bytes | None = None
        self._extra: dict[str, Value] | None = None
        self._owner: AspectOwner | None = None
        self._entity: UUID | None = None

    @classmethod
    def from_row(
        cls,
        codec: Codec,
        row: Row,
        owner: AspectOwner | None = None,
        entity: UUID | None = None,
        packed: bytes | None = None,
    ) -> Aspect:
        """Wrap a decoded row; for the maps and stores that hold packed records.

        Args:
            codec: packs and unpacks such rows.
            row: the row.
            owner: the map that holds it.
            entity: the entity it belongs to.
            packed: what the row was decoded from; kept until it is edited, so that whoever passes
                the record on need not encode it again.
        """
        aspect = cls.__new__(cls)
        aspect._codec = codec
        aspect._row = row
        aspect._packed = packed
        aspect._extra = None
        aspect._owner = owner
        aspect._entity = entity
        return aspect

    @classmethod
    def from_packed(cls, codec: Codec, packed: bytes, entity: UUID) -> Aspect:
        """Wrap a packed record, which is decoded when somebody looks at it; for stores.

        Args:
            codec: packs and unpacks such records.
            packed: the record.
            entity: the entity it belongs to.
        """
        aspect = cls.__new__(cls)
        aspect._codec = codec
        aspect._packed = packed
        aspect._extra = None
        aspect._owner = None
        aspect._entity = entity
        return aspect  # whose row comes with the first look

    if not TYPE_CHECKING:  # or checkers would believe that there is an attribute of any name

        def __getattr__(self, name: str) -> object:
            # Python asks here for what is not there: of the slots only the row may be empty. Those
            # that are filled are read as fast as ever.
            if name != "_row":
                raise AttributeError(f"an Aspect has no attribute {name!r}; read aspect[{name!r}]")
            self._row = row = self._codec.unpack(self._packed)
            return row

    @property
    def definition(self) -> AspectDef:
        """The definition of this aspect."""
        return self._codec.definition

    @property
    def entity(self) -> UUID | None:
        """The entity this aspect belongs to, or ``None`` while it is in no map."""
        return self._entity

    # --- reading --------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Value:
        try:
            value = self._codec.readers[name](self._row)
        except KeyError:
            return self._other(name)
        if value is UNSET:
            return self._codec.definition[name].unset_value
        return value

    def _other(self, name: str) -> Value:
        if name in self._codec.all_fields:
            raise NotReadableError(
                f"property {name!r} of aspect {self.definition.name!r} is not readable"
            )
        extra = self._extras()
        if name in extra:
            return extra[name]
        raise MissingKeyError(
            f"aspect {self.definition.name!r} has no property {name!r}; it has {list(self)}"
        )

    def __iter__(self) -> Iterator[str]:
        if self._codec.definition.can_add_properties:
            return iter([*self._codec.readers, *self._extras()])
        return iter(self._codec.readers)

    def __len__(self) -> int:
        own = len(self._codec.readers)
        return own + len(self._extras()) if self._codec.definition.can_add_properties else own

    def __contains__(self, name: object) -> bool:
        return name in self._codec.readers or name in self._extras()

    def values(self) -> ValuesView[Value]:
        """Return a view of all values, which reads them at once; so does :meth:`items`.

        To read all that is in a record this is many times as fast as one property after another.

        Example:
            >>> number, name, moment = reading.values()
        """
        return _Values(self)

    def items(self) -> ItemsView[str, Value]:
        """Return a view of all properties: name and value."""
        return _Items(self)

    def read_all(self) -> Sequence[Value]:
        """Return the values of all properties, in order; for the views of this aspect."""
        values = self._codec.read(self._row)
        if not self._codec.definition.can_add_properties:
            return values
        return [*values, *self._extras().values()]

    def is_set(self, name: str) -> bool:
        """Tell whether a property has a value of its own (null counts), not just the default.

        Raises:
            MissingKeyError: there is no such property.
        """
        if name in self._codec.all_fields:
            return getattr(self._row, self._codec.all_fields[name]) is not UNSET
        self._other(name)
        return True

    def set_values(self) -> dict[str, Value]:
        """Return the properties that are set, without those that only read their default.

        Properties that may not be read are among them: this is for copying a record.
        """
        return self._codec.values(self._row)

    def to(self, record: type[T]) -> T:
        """Return this aspect as an instance of a dataclass or pydantic model.

        Properties that the class does not know are left out.

        Raises:
            InvalidDefinitionError: the class needs a field that the aspect does not have.
            InvalidValueError: the pydantic model, or an Enum, refuses the values.

        Example:
            >>> people[alice].to(Person)
            Person(name='Alice', age=30)
        """
        values: dict[str, Any] = {}
        late: dict[str, Any] = {}
        for shape in shape_of(record):
            if shape.name not in self:
                if shape.required:
                    raise InvalidDefinitionError(
                        f"{record.__name__} needs {shape.name!r}, which aspect "
                        f"{self.definition.name!r} does not have"
                    )
                continue
            value: Any = self[shape.name]
            if value is None and shape.has_own_null:
                continue
            if shape.build is not None and value is not None:
                try:
                    value = shape.build(value)
                except ValueError as error:  # an Enum that does not know it
                    expected = f"what {record.__name__}.{shape.name} can be"
                    raise self._refused([Fault(shape.name, expected, show(value))]) from error
            (late if shape.late else values)[shape.keyword] = value
        if allows_extra(record):
            values = self._extras() | values
        try:
            made = record(**values)
        except ValidationError as error:
            raise self._refused(_faults_of(error)) from error
        for name, value in late.items():
            object.__setattr__(made, name, value)  # frozen dataclasses too
        return made

    def packed(self) -> bytes:
        """Return the JSON document of the set properties, as stores keep it."""
        return self._packed or self._codec.encode(self._row)

    # --- writing --------------------------------------------------------------------------

    def __setitem__(self, name: str, value: object) -> None:
        self._set({name: value})

    def update(  # type: ignore[override]  # the mapping's own says the same in four overloads
        self,
        other: Mapping[str, object] | Iterable[tuple[str, object]] = (),
        /,
        **values: object,
    ) -> None:
        """Set several properties: all of them, or none.

        Args:
            other: a mapping, or pairs of name and value.
            values: more, by their names.

        Raises:
            InvalidValueError: values do not fit; every fault is listed, and nothing was set.
            ReadOnlyError: one of the properties is not writable; nothing was set.
        """
        given = dict(other)
        given.update(values)
        if given:
            self._set(given)

    def _set(self, given: Mapping[str, object]) -> None:
        codec = self._codec
        values, faults = codec.check(given)
        if faults:
            raise self._refused(faults)
        self._may_change(values)
        row = copy(self._row)  # which another thread may be saving
        extra = codec.fill(row, values)
        if extra:
            self._extra = self._extras() | extra
            codec.put_extra(row, self._extra)
        self._row = row
        self._did_change()

    def __delitem__(self, name: str) -> None:
        if name in self._codec.all_fields:
            if self._must_keep(name):
                raise self._refused([Fault(name, "a value (it is required)", "nothing")])
            self._may_change((name,))
            setattr(self._row, self._codec.all_fields[name], UNSET)
            self._did_change()
            return
        extra = dict(self._extras())
        if name not in extra:
            self._other(name)
        self._may_change((name,))
        del extra[name]
        self._extra = extra
        self._codec.put_extra(self._row, extra)
        self._did_change()

    def popitem(self) -> tuple[str, Value]:
        """Unset the last property that is set, and return it; KeyError when none is."""
        for name in reversed(list(self)):
            if self.is_set(name):
                return name, self.pop(name)
        raise MissingKeyError(f"no property of aspect {self.definition.name!r} is set")

    def clear(self) -> None:
        """Unset every property.

        Raises:
            InvalidValueError: properties are required; none was unset.
        """
        names = [*filter(self.is_set, self._codec.all_fields), *self._extras()]
        faults = [
            Fault(name, "a value (it is required)", "nothing")
            for name in filter(self._must_keep, names)
        ]
        if faults:
            raise self._refused(faults)
        self._may_change(names)
        for name in names:
            del self[name]

    def _must_keep(self, name: str) -> bool:
        """Whether a property may not be unset: it is required, and the aspect is in a map."""
        definition = self.definition
        prop = definition.get(name)
        owned = self._owner is not None and not definition.can_remove_properties
        return owned and prop is not None and prop.required

    def _may_change(self, names: Iterable[str]) -> None:
        definition = self.definition
        if not definition.writable:
            raise ReadOnlyError(f"aspect {definition.name!r} is not writable")
        if self._owner is not None and self._entity is not None:
            for name in names:
                if name in self._codec.fixed:
                    raise ReadOnlyError(
                        f"property {name!r} of aspect {definition.name!r} is not writable"
                    )
            self._owner.aspect_may_change()
        if self._packed is not None:
            self._row = self._row  # decoded, before what it is decoded from is let go
            self._packed = None

    def _did_change(self) -> None:
        if self._owner is not None and self._entity is not None:
            self._owner.aspect_did_change(self._entity, self)

    def release(self) -> None:
        """Cut the tie to the map that held this aspect; for the maps themselves."""
        self._owner = None

    # --- the rest -------------------------------------------------------------------------

    def _extras(self) -> dict[str, Value]:
        if self._extra is None:
            self._extra = self._codec.extra(self._row)
        return self._extra

    def _refused(self, faults: Sequence[Fault]) -> InvalidValueError:
        where = None if self._entity is None else str(self._entity)
        return InvalidValueError(self.definition.name, faults, where)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Aspect):
            return self.definition == other.definition and self.packed() == other.packed()
        if isinstance(other, Mapping):
            return dict(self) == dict(cast("Mapping[object, object]", other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Aspect({self.definition.name!r}, {repr_of(dict(self))})"


class _Values(ValuesView[Value]):
    _mapping: Aspect

    def __iter__(self) -> Iterator[Value]:
        return iter(self._mapping.read_all())


class _Items(ItemsView[str, Value]):
    _mapping: Aspect

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        return zip(self._mapping, self._mapping.read_all(), strict=True)


def _faults_of(error: ValidationError) -> list[Fault]:
    return [
        Fault(".".join(map(str, each["loc"])), each["msg"], show(each["input"]))
        for each in error.errors()
    ]


def pack_record(values: object, codec: Codec, entity: UUID) -> bytes:
    """Check a whole record in any of its shapes, and return its packed form.

    An aspect of the very same definition is taken as it is where that lets a required property
    be unset again.

    Args:
        values: what :func:`record_of` takes.
        codec: packs the records of the definition.
        entity: what the record belongs to, for the message.

    Raises:
        InvalidValueError: values are wrong or missing; all are named.
    """
    if (
        codec.definition.can_remove_properties
        and isinstance(values, Aspect)
        and values.definition == codec.definition
    ):
        return values.packed()
    return codec.pack(record_of(values, codec), entity)


def record_of(values: object, codec: Codec) -> Mapping[str, Any]:
    """Return the values of a mapping, an aspect, a dataclass or a pydantic model, to be read only.

    Raises:
        InvalidValueError: it is none of these.
    """
    if values.__class__ is dict:
        return cast("dict[str, Any]", values)
    record = fields_of(values)
    if record is not None:
        return record
    if isinstance(values, Aspect):
        return values.set_values()
    if isinstance(values, Mapping):
        return dict(cast("Mapping[str, Any]", values))
    expected = "a mapping, a dataclass, a pydantic model or an Aspect"
    fault = Fault("(record)", expected, show(values))
    raise InvalidValueError(codec.definition.name, [fault])
