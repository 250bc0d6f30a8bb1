"""Definitions: values that check themselves, and their hashes."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cheap.core import (
    NO_DEFAULT,
    AspectDef,
    CatalogDef,
    HierarchyDef,
    HierarchyType,
    LargeValue,
    PropertyDef,
    PropertyType,
)
from cheap.core.hashing import Fnv1a
from cheap.errors import (
    InvalidDefinitionError,
    InvalidNameError,
    InvalidValueError,
    MissingKeyError,
)
from tests.model.strategies import definitions

T = PropertyType
PERSON_ID = UUID("82758400-e24b-41d4-a726-446644440000")
NAME = PropertyDef("name", T.STRING, nullable=False)
AGE = PropertyDef("age", T.INTEGER)
PERSON = AspectDef("person", [NAME, AGE], id=PERSON_ID)

# --- properties -----------------------------------------------------------------------------


def test_a_property_as_it_comes() -> None:
    prop = PropertyDef("age", T.INTEGER)
    assert (prop.readable, prop.writable, prop.nullable, prop.multivalued) == (
        True, True, True, False
    )  # fmt: skip
    assert prop.default is NO_DEFAULT
    assert not prop.has_default
    assert not prop.required
    assert prop.unset_value is None
    assert repr(NO_DEFAULT) == "NO_DEFAULT"


def test_required_means_not_nullable_and_without_default() -> None:
    assert NAME.required
    assert not PropertyDef("x", T.INTEGER, nullable=False, default=1).required
    assert not PropertyDef("x", T.INTEGER, default=None).required


def test_a_default_of_null_is_a_default() -> None:
    prop = PropertyDef("x", T.INTEGER, default=None)
    assert prop.has_default
    assert prop != PropertyDef("x", T.INTEGER)
    assert prop.hash_version != PropertyDef("x", T.INTEGER).hash_version


def test_a_default_becomes_canonical() -> None:
    assert repr(PropertyDef("x", T.FLOAT, default=-0.0).default) == "0.0"
    assert PropertyDef("x", T.STRING, multivalued=True, default=["a"]).default == ("a",)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "flags", "message"),
    [
        (
            T.INTEGER,
            {"default": "x"},
            "default of x.*expected Integer .int, not bool., got str 'x'",
        ),
        (T.INTEGER, {"default": None, "nullable": False}, "not nullable"),
        (T.INTEGER, {"default": [1, "x", 2.5], "multivalued": True}, r"x\[1\].*x\[2\]"),
    ],
)
def test_a_default_that_does_not_fit(kind: PropertyType, flags: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        PropertyDef("x", kind, **flags)


def test_a_default_does_not_lie_in_a_store() -> None:
    with pytest.raises(InvalidDefinitionError):
        PropertyDef("x", T.BLOB, default=LargeValue(1, "0" * 32))


@pytest.mark.parametrize("flag", ["readable", "writable", "nullable", "multivalued"])
def test_flags_are_flags(flag: str) -> None:
    flags: Any = {flag: "yes"}
    with pytest.raises(InvalidDefinitionError, match=f"{flag} is True or False, got 'yes'"):
        PropertyDef("x", T.INTEGER, **flags)


@pytest.mark.parametrize("name", ["", "x" * 256, "\0", "\ud800", None, 5, b"x"])
def test_names_that_no_store_keeps(name: Any) -> None:
    with pytest.raises(InvalidNameError):
        PropertyDef(name, T.INTEGER)
    with pytest.raises(InvalidNameError):
        AspectDef(name, [])
    with pytest.raises(InvalidNameError):
        HierarchyDef(name, HierarchyType.ENTITY_LIST)


@pytest.mark.parametrize("kind", ["Integer", int, None, HierarchyType.ENTITY_SET])
def test_a_type_is_one_of_the_types(kind: Any) -> None:
    with pytest.raises(InvalidDefinitionError, match="expected a PropertyType"):
        PropertyDef("x", kind)


def test_properties_are_values() -> None:
    assert PropertyDef("name", T.STRING, nullable=False) == NAME
    assert hash(PropertyDef("name", T.STRING, nullable=False)) == hash(NAME)
    different = [
        PropertyDef("Name", T.STRING, nullable=False),
        PropertyDef("name", T.TEXT, nullable=False),
        PropertyDef("name", T.STRING),
        PropertyDef("name", T.STRING, nullable=False, readable=False),
        PropertyDef("name", T.STRING, nullable=False, writable=False),
        PropertyDef("name", T.STRING, nullable=False, multivalued=True),
        PropertyDef("name", T.STRING, nullable=False, default=""),
    ]
    for i, each in enumerate([NAME, *different]):
        assert [each == other for other in [NAME, *different]].index(True) == i
    assert NAME != "name"
    assert len({each.hash_version for each in different} | {NAME.hash_version}) == 8
    with pytest.raises(AttributeError):
        NAME.name = "other"  # type: ignore[misc]


def test_defaults_are_equal_exactly() -> None:
    one, other = (
        PropertyDef("x", T.BIG_DECIMAL, default=Decimal(text)) for text in ("1.5", "1.50")
    )
    assert one != other
    assert one.hash_version != other.hash_version


def test_repr_says_what_is_unusual() -> None:
    assert repr(AGE) == "PropertyDef('age', INTEGER)"
    assert repr(NAME) == "PropertyDef('name', STRING, nullable=False)"
    assert (
        repr(PropertyDef("x", T.INTEGER, default=None, readable=False, multivalued=True))
        == "PropertyDef('x', INTEGER, default=None, readable=False, multivalued=True)"
    )


# --- aspects --------------------------------------------------------------------------------


def test_a_definition_reads_like_a_mapping() -> None:
    assert dict(PERSON) == {"name": NAME, "age": AGE}
    assert list(PERSON) == ["name", "age"]
    assert PERSON["age"] is AGE
    assert PERSON.get("x") is None
    assert "name" in PERSON
    assert "x" not in PERSON
    with pytest.raises(MissingKeyError, match=r"no property 'x'; it has \['name', 'age'\]"):
        PERSON["x"]


def test_an_id_comes_from_the_name() -> None:
    assert AspectDef("a", []).id == uuid5(NAMESPACE_URL, "a")
    assert AspectDef("a", []) == AspectDef("a", [])
    given: Any = str(PERSON_ID)
    with pytest.raises(InvalidNameError):
        AspectDef("a", [], id=given)


def test_two_properties_of_one_name() -> None:
    with pytest.raises(InvalidDefinitionError, match=r"\['age'\] repeat"):
        AspectDef("a", [AGE, NAME, PropertyDef("age", T.TEXT)])


@pytest.mark.parametrize("props", [["x"], [None], {"x": T.INTEGER}, [(1, 2)]])
def test_properties_are_property_defs(props: Any) -> None:
    with pytest.raises(InvalidDefinitionError, match="expected PropertyDefs"):
        AspectDef("a", props)


@pytest.mark.parametrize(
    "flag", ["readable", "writable", "can_add_properties", "can_remove_properties"]
)
def test_the_flags_of_an_aspect(flag: str) -> None:
    flags: Any = {flag: 1}
    with pytest.raises(InvalidDefinitionError, match=f"{flag} is True or False"):
        AspectDef("a", [], **flags)
    usual = getattr(PERSON, flag)
    flags = {flag: not usual}
    other = AspectDef("person", [NAME, AGE], id=PERSON_ID, **flags)
    assert other != PERSON
    assert other.hash_version != PERSON.hash_version


def test_a_definition_is_immutable() -> None:
    with pytest.raises(AttributeError, match="make a new one"):
        PERSON.name = "x"
    with pytest.raises(AttributeError):
        del PERSON.name
    changed = PERSON.with_properties(PropertyDef("age", T.FLOAT), PropertyDef("new", T.TEXT))
    assert list(changed) == ["name", "age", "new"]
    assert changed["age"].type is T.FLOAT
    assert changed.id == PERSON.id
    assert list(changed.without_properties("age")) == ["name", "new"]
    with pytest.raises(MissingKeyError):
        PERSON.without_properties("x")
    assert list(PERSON) == ["name", "age"]


def test_the_order_of_properties_is_part_of_a_definition() -> None:
    other = AspectDef("person", [AGE, NAME], id=PERSON_ID)
    assert other != PERSON
    assert other.hash_version != PERSON.hash_version


@settings(max_examples=50)
@given(definitions())
def test_definitions_are_values(definition: AspectDef) -> None:
    for other in (
        pickle.loads(pickle.dumps(definition)),
        copy.deepcopy(definition),
        definition.with_properties(),
    ):
        assert other == definition
        assert hash(other) == hash(definition)
        assert other.hash_version == definition.hash_version
        assert repr(other) == repr(definition)


# --- hierarchies and catalogs ---------------------------------------------------------------


def test_a_hierarchy_is_of_one_of_five_kinds() -> None:
    assert [kind.value for kind in HierarchyType] == ["EL", "ES", "ED", "ET", "AM"]
    kind: Any = "EL"
    with pytest.raises(InvalidDefinitionError):
        HierarchyDef("h", kind)
    assert HierarchyDef("h", HierarchyType.ENTITY_LIST) == HierarchyDef(
        "h", HierarchyType.ENTITY_LIST
    )


# --- hashes ---------------------------------------------------------------------------------


def test_the_known_hashes() -> None:
    """Those of the original project: two sides must agree on them."""
    assert Fnv1a().value == 0xCBF29CE484222325
    assert Fnv1a().text("hello").value == 0xA430D84680AABD0B
    assert Fnv1a().long(12345).value == 0xE71EB185E2EDCC4C
    assert NAME.hash_version == 0x189A706E9B32AE75
    assert AGE.hash_version == 0x1B2224745D657F5E
    assert PERSON.hash_version == 0x9530FD83627FEF00


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (HierarchyType.ENTITY_LIST, 0x32DE10192F8833EE),
        (HierarchyType.ENTITY_SET, 0x32DDFB192F88103F),
        (HierarchyType.ENTITY_DIR, 0x32DE08192F882656),
        (HierarchyType.ENTITY_TREE, 0x32DDF8192F880B26),
        (HierarchyType.ASPECT_MAP, 0x32EB31192F92F65D),
    ],
)
def test_the_known_hashes_of_hierarchies(kind: HierarchyType, expected: int) -> None:
    assert HierarchyDef("h", kind).hash_version == expected


def test_the_fields_of_a_hash() -> None:
    assert Fnv1a().text(None).value == Fnv1a().raw(b"\xff").value
    assert Fnv1a().flag(True).flag(False).value == Fnv1a().raw(b"\1\0").value
    assert Fnv1a().long(-1).value == Fnv1a().raw(b"\xff" * 8).value
    assert Fnv1a().uuid(UUID(int=1)).value == Fnv1a().raw(bytes(8) + b"\1" + bytes(7)).value
    assert Fnv1a().text("é").value == Fnv1a().raw(b"\xc3\xa9").value


@pytest.mark.parametrize(
    ("kind", "default", "text"),
    [
        (T.INTEGER, 5, b"5"),
        (T.BOOLEAN, True, b"true"),
        (T.STRING, "x", b"x"),
        (T.BIG_DECIMAL, Decimal("1.50"), b"1.50"),
        (T.FLOAT, 1, b"1.0"),
    ],
)
def test_the_hash_of_a_default(kind: PropertyType, default: Any, text: bytes) -> None:
    expected = b"\1\1\1\1" + text + kind.code.encode() + b"x"
    assert PropertyDef("x", kind, default=default).hash_version == Fnv1a().raw(expected).value


def test_the_hash_of_a_multivalued_default() -> None:
    prop = PropertyDef("x", T.INTEGER, multivalued=True, default=(1, 2))
    assert prop.hash_version == Fnv1a().raw(b"\1\1\1\1[1,2]\1INTx").value


@settings(max_examples=20)
@given(st.lists(definitions(), max_size=3))
def test_the_hash_of_a_catalog(aspects: list[AspectDef]) -> None:
    hierarchies = (HierarchyDef("h", HierarchyType.ENTITY_LIST),)
    expected = Fnv1a()
    for each in aspects:
        expected.long(each.hash_version)
    expected.long(0x32DE10192F8833EE)
    assert CatalogDef(tuple(aspects), hierarchies).hash_version == expected.value
    assert CatalogDef().hash_version == Fnv1a().value
