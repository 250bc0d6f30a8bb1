"""Aspects, alone and in a map: reading, writing, flags, and faults that are told together."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cheap.core import Aspect, AspectDef, AspectMap, PropertyDef, PropertyType
from cheap.core.codecs import codec_of
from cheap.errors import (
    CorruptError,
    Fault,
    InvalidValueError,
    MissingKeyError,
    NotReadableError,
    ReadOnlyError,
)
from tests.model.strategies import definitions, records

T = PropertyType
A, B = UUID(int=1), UUID(int=2)
PERSON = AspectDef(
    "person",
    [
        PropertyDef("name", T.STRING, nullable=False),
        PropertyDef("age", T.INTEGER, default=18),
        PropertyDef("big", T.BIG_INTEGER),
        PropertyDef("tags", T.STRING, multivalued=True, nullable=False, default=()),
    ],
)
OPEN = AspectDef("open", [PropertyDef("name", T.STRING)], can_add_properties=True)


def in_map(definition: AspectDef, values: Any) -> Aspect:
    aspects = AspectMap(definition, {A: values})
    return aspects[A]


# --- reading --------------------------------------------------------------------------------


def test_it_reads_like_a_mapping_of_all_properties() -> None:
    aspect = Aspect(PERSON, {"name": "Al"})
    assert dict(aspect) == {"name": "Al", "age": 18, "big": None, "tags": ()}
    assert len(aspect) == 4
    assert "age" in aspect
    assert "x" not in aspect
    assert aspect.get("x", 5) == 5
    assert list(aspect.values()) == ["Al", 18, None, ()]
    assert aspect.definition == PERSON
    assert aspect.entity is None
    assert repr(aspect) == "Aspect('person', {'name': 'Al', 'age': 18, 'big': None, 'tags': ()})"
    with pytest.raises(MissingKeyError, match="aspect 'person' has no property 'x'; it has"):
        aspect["x"]


def test_unset_null_and_default() -> None:
    aspect = Aspect(PERSON, {"name": "Al"})
    assert not aspect.is_set("age")
    assert aspect["age"] == 18
    aspect["age"] = None
    assert aspect.is_set("age")
    assert aspect["age"] is None
    assert aspect.set_values() == {"name": "Al", "age": None}
    del aspect["age"]
    assert aspect["age"] == 18
    assert aspect.set_values() == {"name": "Al"}
    with pytest.raises(MissingKeyError):
        aspect.is_set("x")


def test_equality_is_by_content() -> None:
    one = Aspect(PERSON, {"name": "Al"})
    assert one == Aspect(PERSON, {"name": "Al"})
    assert one == in_map(PERSON, {"name": "Al"})
    assert one != Aspect(PERSON, {"name": "Al", "age": 18})  # set, not only read
    assert one != Aspect(OPEN, {"name": "Al"})
    assert one == {"name": "Al", "age": 18, "big": None, "tags": ()}
    assert one != {"name": "Al"}
    assert one != 5
    with pytest.raises(TypeError):
        hash(one)


def test_big_integers() -> None:
    aspect = in_map(PERSON, {"name": "Al", "big": 10**5000})
    assert aspect["big"] == 10**5000
    aspect["big"] = -(10**5000)
    assert aspect["big"] == -(10**5000)
    assert aspect.set_values() == {"name": "Al", "big": -(10**5000)}


@settings(max_examples=50)
@given(st.data())
def test_an_aspect_keeps_what_it_is_given(data: st.DataObject) -> None:
    definition = data.draw(definitions())
    record = data.draw(records(definition))
    whole = Aspect(definition, record)
    piece_by_piece = Aspect(definition)
    for name, value in record.items():
        piece_by_piece[name] = value  # type: ignore[assignment]
    assert piece_by_piece == whole
    assert piece_by_piece.packed() == whole.packed()
    assert set(whole) == {*definition, *record}
    held = in_map(definition, whole)
    assert held == whole
    assert held.set_values() == whole.set_values()
    assert Aspect(definition, held) == whole


# --- faults ---------------------------------------------------------------------------------


def test_an_update_sets_all_or_nothing() -> None:
    aspects = AspectMap(PERSON, {A: {"name": "Al", "age": 1}})
    aspects.take()
    person, before = aspects[A], dict(aspects[A])
    with pytest.raises(InvalidValueError) as caught:
        person.update({"age": 2, "name": 5, "tags": "x", "z": 1}, big="5")
    assert [fault.path for fault in caught.value.faults] == ["name", "big", "tags", "z"]
    assert caught.value.where == str(A)
    assert dict(person) == before
    person.update({}), person.update(), person.update([])
    assert aspects.pending_edits() == []
    person.update({"age": 2}, big=5)
    person.update([("name", "Bo"), ("tags", ["x"])])
    assert dict(person) == {"name": "Bo", "age": 2, "big": 5, "tags": ("x",)}
    assert len(aspects.pending_edits()) == 1
    person.update(Aspect(PERSON, {"name": "Cy"}))
    assert dict(person) == {"name": "Cy", "age": 18, "big": None, "tags": ()}


def test_an_update_of_what_is_not_writable_sets_nothing() -> None:
    definition = AspectDef(
        "a", [PropertyDef("n", T.INTEGER), PropertyDef("id", T.INTEGER, writable=False)]
    )
    aspects = AspectMap(definition, {A: {"n": 1, "id": 1}})
    aspects.take()
    with pytest.raises(ReadOnlyError, match="property 'id'"):
        aspects[A].update(n=2, id=2)
    assert dict(aspects[A]) == {"n": 1, "id": 1}
    assert aspects.pending_edits() == []


def test_an_update_of_dynamic_properties() -> None:
    aspect = in_map(OPEN, {"name": "Al", "x": 1})
    aspect.update({"name": "Bo", "y": 2, "z": [3]}, x=4)
    assert dict(aspect) == {"name": "Bo", "x": 4, "y": 2, "z": (3,)}
    assert aspect == in_map(OPEN, {"name": "Bo", "z": [3], "y": 2, "x": 4})


def test_several_faults_are_told_together() -> None:
    wrong = {"tags": ["ok", 5, "\0"], "colour": "red", "age": 2**63, "big": True}
    expected = [
        Fault("name", "a value (it is required)", "nothing"),
        Fault("age", "Integer within 64 bits (use BigInteger for more)", f"int {2**63}"),
        Fault("big", "BigInteger (int, not bool)", "bool True"),
        Fault("tags[1]", "String (str)", "int 5"),
        Fault("tags[2]", "String without NUL and lone surrogates", r"str '\x00'"),
        Fault("colour", "a property of the definition (name, age, big, tags)", "another name"),
    ]
    aspects = AspectMap(PERSON)
    with pytest.raises(InvalidValueError) as caught:
        aspects[A] = wrong
    assert list(caught.value.faults) == expected
    assert caught.value.aspect == "person"
    assert caught.value.where == str(A)
    assert str(caught.value).startswith(f"aspect 'person' of {A}: name: expected a value")
    assert A not in aspects
    # Made alone, what is missing may still come.
    with pytest.raises(InvalidValueError) as caught:
        Aspect(PERSON, wrong)
    assert list(caught.value.faults) == expected[1:]


def test_faults_come_in_the_order_of_the_definition_whatever_the_names() -> None:
    definition = AspectDef(
        "odd", [PropertyDef(name, T.INTEGER, nullable=False) for name in ("b[0]", "a", "[", "b")]
    )
    with pytest.raises(InvalidValueError) as caught:
        AspectMap(definition, {A: {"b": "x", "[": "x", "b[0]": "x"}})
    assert [each.path for each in caught.value.faults] == ["b[0]", "a", "[", "b"]


def test_a_value_is_checked_when_it_is_set() -> None:
    aspect = in_map(PERSON, {"name": "Al"})
    with pytest.raises(InvalidValueError, match=f"of {A}: age: expected Integer.*got str 'x'"):
        aspect["age"] = "x"
    assert aspect["age"] == 18
    with pytest.raises(InvalidValueError, match="colour: expected a property of the definition"):
        aspect["colour"] = "red"
    with pytest.raises(InvalidValueError, match=r"name: expected a value .it is not nullable."):
        aspect["name"] = None


def test_a_required_property_that_is_missing() -> None:
    aspects = AspectMap(PERSON)
    alone = Aspect(PERSON, {"age": 5})
    with pytest.raises(
        InvalidValueError, match=r"name: expected a value .it is required., got noth"
    ):
        aspects[A] = alone
    alone["name"] = "Al"
    aspects[A] = alone
    with pytest.raises(InvalidValueError, match="it is required"):
        del aspects[A]["name"]
    with pytest.raises(InvalidValueError, match="it is required"):
        aspects[A].clear()
    assert aspects[A] == alone
    del alone["name"]
    assert not alone.is_set("name")
    assert aspects[A]["name"] == "Al"


def test_can_remove_properties() -> None:
    definition = AspectDef("loose", PERSON.properties, can_remove_properties=True)
    aspects = AspectMap(definition, {A: {"name": "Al"}})
    del aspects[A]["name"]
    assert aspects[A]["name"] is None
    with pytest.raises(InvalidValueError, match="it is required"):
        aspects[B] = {"age": 5}


# --- flags ----------------------------------------------------------------------------------


def test_a_property_that_is_not_readable() -> None:
    definition = AspectDef(
        "secret", [PropertyDef("key", T.STRING, readable=False), PropertyDef("name", T.STRING)]
    )
    aspect = in_map(definition, {"key": "k", "name": "n"})
    with pytest.raises(NotReadableError, match="property 'key' of aspect 'secret'"):
        aspect["key"]
    with pytest.raises(NotReadableError):
        aspect.get("key")
    assert dict(aspect) == {"name": "n"}
    assert "key" not in aspect
    assert len(aspect) == 1
    assert "k" not in repr(aspect).replace("key", "")
    aspect["key"] = "other"  # but it may be written, and is kept
    assert aspect.is_set("key")
    copied = in_map(definition, aspect)
    assert copied.set_values()["key"] == "other"


def test_an_aspect_that_is_not_readable() -> None:
    definition = AspectDef("secret", [PropertyDef("key", T.STRING)], readable=False)
    aspects = AspectMap(definition)
    aspects[A] = {"key": "k"}
    with pytest.raises(NotReadableError, match="aspect 'secret' is not readable"):
        aspects[A]
    assert A in aspects
    aspects[A] = {"key": "other"}
    del aspects[A]


def test_a_property_that_is_not_writable() -> None:
    definition = AspectDef(
        "fixed",
        [
            PropertyDef("born", T.DATE_TIME, writable=False),
            PropertyDef("price", T.BIG_DECIMAL, writable=False),
            PropertyDef("name", T.STRING),
        ],
    )
    record = {"born": datetime(2026, 1, 1, tzinfo=UTC), "price": Decimal("1.5"), "name": "x"}
    alone = Aspect(definition, record)
    alone["price"] = Decimal(2)  # it is still being made
    alone["price"] = Decimal("1.5")
    aspects = AspectMap(definition)
    aspects[A] = alone
    for name in ("born", "price"):
        with pytest.raises(ReadOnlyError, match=f"property '{name}' of aspect 'fixed' is not wri"):
            aspects[A][name] = record[name]
        with pytest.raises(ReadOnlyError):
            del aspects[A][name]
        with pytest.raises(ReadOnlyError):
            aspects[A] = {**record, name: None}
    with pytest.raises(ReadOnlyError):
        aspects[A] = {**record, "price": Decimal("1.50")}
    with pytest.raises(ReadOnlyError):
        aspects[A].clear()
    aspects[A]["name"] = "y"
    aspects[A] = {**record, "name": "z"}
    assert aspects[A]["name"] == "z"
    del aspects[A]
    aspects[A] = {"name": "w"}  # another record


def test_an_aspect_that_is_not_writable() -> None:
    definition = AspectDef("frozen", [PropertyDef("x", T.INTEGER)], writable=False)
    aspects = AspectMap(definition, {A: {"x": 1}})
    for edit in (
        lambda: aspects.__setitem__(A, {"x": 2}),
        lambda: aspects.__setitem__(B, {"x": 2}),
        lambda: aspects.__delitem__(A),
        lambda: aspects[A].__setitem__("x", 2),
        lambda: aspects[A].__delitem__("x"),
        aspects.clear,
    ):
        with pytest.raises(ReadOnlyError, match="aspect 'frozen' is not writable"):
            edit()
    assert aspects[A]["x"] == 1


# --- dynamic properties ---------------------------------------------------------------------


def test_dynamic_properties() -> None:
    aspects = AspectMap(OPEN, {A: {"name": "n"}})
    aspect = aspects[A]
    aspect["b"] = [1, 2]
    aspect["a"] = None
    assert dict(aspect) == {"name": "n", "b": (1, 2), "a": None}
    assert aspect.is_set("b")
    assert len(aspect) == 3
    assert list(aspect) == ["name", "b", "a"]
    assert AspectMap.of_packed(OPEN, aspects.packed())[A] == aspect
    del aspect["b"]
    assert dict(aspect) == {"name": "n", "a": None}
    with pytest.raises(MissingKeyError):
        del aspect["b"]
    with pytest.raises(MissingKeyError):
        aspect["b"]
    aspect.clear()
    assert dict(aspect) == {"name": None}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("", 1, "expected 1 to 255 characters"),
        ("x" * 256, 1, "expected 1 to 255 characters"),
        ("\0", 1, "without NUL"),
        ("x", {}, "x: expected a value of a property type, got dict of 0 items"),
        ("x", [1, None], r"x\[1\]: expected Integer"),
        ("x", float("nan"), "x: expected a finite Float"),
        ("x", datetime(2026, 1, 1), "x: expected an aware DateTime"),
        ("x", "\0", "x: expected Text without NUL"),
    ],
)
def test_dynamic_properties_are_checked(name: str, value: Any, message: str) -> None:
    aspect = Aspect(OPEN)
    with pytest.raises(InvalidValueError, match=message):
        aspect[name] = value
    with pytest.raises(InvalidValueError, match=message):
        Aspect(OPEN, {name: value})


# --- as a mutable mapping -------------------------------------------------------------------


def test_pop_and_popitem_unset() -> None:
    aspect = Aspect(PERSON, {"name": "Al", "age": 5})
    assert aspect.pop("age") == 5
    assert aspect["age"] == 18
    assert aspect.popitem() == ("name", "Al")
    with pytest.raises(KeyError, match="no property of aspect 'person' is set"):
        aspect.popitem()
    aspect = Aspect(OPEN, {"name": "n", "x": 1})
    assert aspect.popitem() == ("x", 1)
    assert aspect.setdefault("name", "other") == "n"
    aspect.update(name="o", y=2)
    assert dict(aspect) == {"name": "o", "y": 2}
    aspect.clear()
    assert aspect.set_values() == {}


# --- in a map -------------------------------------------------------------------------------


def test_integers_longer_than_python_writes() -> None:
    """``str`` and ``repr`` of an int refuse more than 4,300 digits."""
    big, digits = 10**5000, "1" + "0" * 5000
    prop = PropertyDef("big", T.BIG_INTEGER, default=-big, writable=False)
    many = PropertyDef("many", T.BIG_INTEGER, multivalued=True, default=[big])
    definition = AspectDef("a", [prop, many], can_add_properties=True)
    aspects = AspectMap(definition, {A: {"big": big, "many": [big, 1], "more": [big], "n": 1}})
    words = f"'big': {digits}, 'many': ({digits}, 1), 'more': ({digits},), 'n': 1"
    assert repr(aspects[A]) == f"Aspect('a', {{{words}}})"
    assert repr(prop) == f"PropertyDef('big', BIG_INTEGER, default=-{digits}, writable=False)"
    assert f"default=({digits},)" in repr(definition)
    aspects[A] = {"big": big}
    with pytest.raises(ReadOnlyError, match="property 'big'"):
        aspects[A] = {"big": big + 1}


def test_an_aspect_knows_where_it_is() -> None:
    aspects = AspectMap(PERSON)
    aspects[A] = {"name": "Al"}
    aspect = aspects[A]
    assert aspect.entity == A
    assert aspects[A] is aspect
    aspect["age"] = 5
    assert AspectMap.of_packed(PERSON, aspects.packed())[A]["age"] == 5


def test_what_is_put_is_copied() -> None:
    alone = Aspect(PERSON, {"name": "Al"})
    aspects = AspectMap(PERSON, {A: alone, B: alone})
    alone["name"] = "Bo"
    aspects[A]["name"] = "Cy"
    assert [alone["name"], aspects[A]["name"], aspects[B]["name"]] == ["Bo", "Cy", "Al"]


def test_an_aspect_that_left_its_map_is_on_its_own() -> None:
    aspects = AspectMap(PERSON, {A: {"name": "Al"}, B: {"name": "Bo"}})
    replaced, removed = aspects[A], aspects[B]
    aspects[A] = {"name": "Cy"}
    assert aspects.pop(B) is removed
    replaced["name"] = removed["name"] = "Di"
    assert aspects[A]["name"] == "Cy"
    assert list(aspects) == [A]
    del replaced["name"]  # nothing holds it to what is required


def test_putting_the_same_keeps_the_aspect() -> None:
    aspects = AspectMap(PERSON, {A: {"name": "Al"}})
    aspect = aspects[A]
    aspects[A] = {"name": "Al"}
    aspects[A] = aspect
    assert aspects[A] is aspect


def test_a_packed_record_is_decoded_at_the_first_look() -> None:
    definition = AspectDef("a", [PropertyDef("n", PropertyType.INTEGER)])
    codec, entity = codec_of(definition), UUID(int=1)
    packed = codec.pack({"n": 5})
    assert Aspect.from_packed(codec, packed, entity).packed() is packed
    assert dict(Aspect.from_packed(codec, packed, entity)) == {"n": 5}
    edited = Aspect.from_packed(codec, packed, entity)
    edited["n"] = 6
    assert edited.packed() == codec.pack({"n": 6})
    emptied = Aspect.from_packed(codec, packed, entity)
    del emptied["n"]
    assert emptied.packed() == b"{}"
    broken = Aspect.from_packed(codec, b'{"n":"x"}', entity)
    with pytest.raises(CorruptError):
        broken["n"]
    with pytest.raises(AttributeError, match=r"aspect\['m'\]"):
        broken.m  # type: ignore[attr-defined]  # noqa: B018
