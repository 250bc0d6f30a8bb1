"""The slow road: a record checked value by value, so that every fault is found and named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, convert

from cheap.core.definitions import AspectDef
from cheap.core.forms import decode_exact, decode_json, is_array, is_object, without_decimals
from cheap.core.names import check_name
from cheap.core.values import (
    LargeValue,
    PropertyType,
    Value,
    check_value,
    read_value,
    show,
    type_of,
)
from cheap.errors import Fault, InvalidNameError

Found = tuple[Value, Sequence[Fault]]

NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What ``msgspec`` raises at a text that is not JSON, or not the JSON that is wanted."""

KINDS: Final = {kind.value: kind for kind in PropertyType}
"""Property types by their name in documents."""


class Checker:
    """Checks the records of one definition, those from Python and those from JSON.

    Args:
        definition: the definition.
    """

    def __init__(self, definition: AspectDef) -> None:
        self._definition = definition
        self._places = {prop.name: i for i, prop in enumerate(definition.properties)}
        self._required = [prop.name for prop in definition.properties if prop.required]

    def check(
        self, record: Mapping[str, object], *, complete: bool
    ) -> tuple[dict[str, Value], list[Fault]]:
        """Check Python values; return canonical values and all faults, in order.

        Args:
            record: property name → value.
            complete: whether a required property that is missing is a fault.
        """
        return self._gather(record, self._check_one, complete=complete)

    def read(
        self, record: Mapping[str, Raw], *, complete: bool
    ) -> tuple[dict[str, Value], list[Fault]]:
        """Read values in their JSON form; arguments and result as for :meth:`check`."""
        return self._gather(record, self._read_form, complete=complete)

    def _gather(
        self,
        record: Mapping[str, Any],
        read: Callable[[str, Any], Found],
        *,
        complete: bool,
    ) -> tuple[dict[str, Value], list[Fault]]:
        values: dict[str, Value] = {}
        faults: list[tuple[int, Fault]] = []
        last = len(self._places)
        for name, given in record.items():
            values[name], found = read(name, given)
            faults += [(self._places.get(name, last), fault) for fault in found]
        if complete:
            faults += [
                (self._places[name], Fault(name, "a value (it is required)", "nothing"))
                for name in self._required
                if name not in record
            ]
        faults.sort(key=lambda each: each[0])
        return values, [fault for _, fault in faults]

    def _check_one(self, name: str, given: object) -> Found:
        if name not in self._places:
            return self._check_extra(name, given)
        prop = self._definition[name]
        return check_value(
            name, prop.type, given, nullable=prop.nullable, multivalued=prop.multivalued
        )

    def _check_extra(self, name: object, given: object) -> Found:
        found = self._check_extra_name(name)
        if found is not None or given is None:
            return None, () if found is None else (found,)
        kind = type_of(given)
        if kind is None:
            return None, (Fault(str(name), "a value of a property type", show(given)),)
        return check_value(str(name), kind[0], given, nullable=True, multivalued=kind[1])

    def _check_extra_name(self, name: object) -> Fault | None:
        shown = name[:80] if isinstance(name, str) else show(name)
        if not self._definition.can_add_properties:
            known = ", ".join(self._places) or "none"
            return Fault(shown, f"a property of the definition ({known})", "another name")
        try:
            check_name(name, "property")
        except InvalidNameError as refused:
            return Fault(shown, "a property name", str(refused))
        return None

    def _read_form(self, name: str, raw: Raw) -> Found:
        prop = self._definition.get(name)
        exact = prop is not None and prop.type in (
            PropertyType.BIG_INTEGER,
            PropertyType.BIG_DECIMAL,
        )
        try:
            form = decode_exact(raw) if exact else decode_json(raw)
        except NOT_JSON as error:
            return None, (Fault(name, "a value in JSON", str(error)),)
        if prop is None:
            return self._read_extra(name, form)
        if is_object(form) and prop.type.is_large and not prop.multivalued:
            try:
                return convert(form, LargeValue), ()
            except msgspec.ValidationError as refused:
                return None, (Fault(name, "a large value (size and digest)", str(refused)),)
        return read_value(
            name, prop.type, form, nullable=prop.nullable, multivalued=prop.multivalued
        )

    def _read_extra(self, name: str, form: Any) -> Found:
        if not is_object(form) or form.keys() != {"type", "value"}:
            return self._check_extra(name, without_decimals(form))
        refused = self._check_extra_name(name)
        if refused is not None:
            return None, (refused,)
        said = form["type"]
        kind = KINDS.get(said) if isinstance(said, str) else None
        if kind is None:
            return None, (Fault(f"{name}.type", f"one of {list(KINDS)}", show(said)),)
        value = form["value"]
        return read_value(name, kind, value, nullable=True, multivalued=is_array(value))
