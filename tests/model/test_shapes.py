"""Definitions made from classes, and aspects read back as instances of them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, NewType, Optional, TypeVar, Union
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PositiveInt,
)

from cheap.core import NO_DEFAULT, Aspect, AspectDef, AspectMap, PropertyDef, PropertyType
from cheap.errors import InvalidDefinitionError, InvalidValueError

T = PropertyType
A = UUID(int=1)
UserId = NewType("UserId", int)
V = TypeVar("V")


class Colour(str, Enum):  # noqa: UP042 - StrEnum is tamer
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 3


@dataclass
class Person:
    name: str
    age: int | None = None
    tags: list[str] = field(default_factory=list)


class PersonModel(BaseModel):
    name: str
    age: int | None = None
    tags: list[str] = []


# --- from annotations -----------------------------------------------------------------------


@dataclass
class Everything:
    boolean: bool
    integer: int
    number: float
    string: str
    decimal: Decimal
    moment: datetime
    id: UUID
    data: bytes
    text: Annotated[str, PropertyType.TEXT]
    uri: Annotated[str, PropertyType.URI]
    clob: Annotated[str, "a note", PropertyType.CLOB]
    big: Annotated[int, PropertyType.BIG_INTEGER]
    maybe: int | None
    optional: Optional[int]  # noqa: UP045 - as it is written in older code
    union: Union[None, str]  # noqa: RUF036, UP007
    many: list[int]
    pairs: tuple[str, ...]
    sequence: Sequence[Decimal]
    maybe_many: list[int] | None
    texts: list[Annotated[str, PropertyType.TEXT]]
    user: UserId
    colour: Colour
    level: Level
    colours: list[Colour]


class EverythingModel(BaseModel):
    boolean: bool
    integer: int
    number: float
    string: str
    decimal: Decimal
    moment: AwareDatetime
    id: UUID
    data: bytes
    text: Annotated[str, PropertyType.TEXT]
    uri: AnyUrl
    clob: Annotated[str, Field(max_length=99), PropertyType.CLOB]
    big: Annotated[int, PropertyType.BIG_INTEGER, Field(ge=0)]
    maybe: int | None
    optional: Optional[PositiveInt]  # noqa: UP045
    union: Union[None, str]  # noqa: RUF036, UP007
    many: list[int]
    pairs: tuple[str, ...]
    sequence: Sequence[Decimal]
    maybe_many: list[int] | None
    texts: list[Annotated[str, PropertyType.TEXT, AfterValidator(str)]]
    user: UserId
    colour: Colour
    level: Level
    colours: list[Colour]


KINDS = {
    "boolean": T.BOOLEAN, "integer": T.INTEGER, "number": T.FLOAT, "string": T.STRING,
    "decimal": T.BIG_DECIMAL, "moment": T.DATE_TIME, "id": T.UUID, "data": T.BLOB,
    "text": T.TEXT, "uri": T.URI, "clob": T.CLOB, "big": T.BIG_INTEGER, "maybe": T.INTEGER,
    "optional": T.INTEGER, "union": T.STRING, "many": T.INTEGER, "pairs": T.STRING,
    "sequence": T.BIG_DECIMAL, "maybe_many": T.INTEGER, "texts": T.TEXT, "user": T.INTEGER,
    "colour": T.STRING, "level": T.INTEGER, "colours": T.STRING,
}  # fmt: skip


@pytest.mark.parametrize("record", [Everything, EverythingModel])
def test_annotations(record: type) -> None:
    definition = AspectDef.of(record)
    assert definition.name == record.__name__
    assert {name: prop.type for name, prop in definition.items()} == KINDS
    nullable = [name for name, prop in definition.items() if prop.nullable]
    assert nullable == ["maybe", "optional", "union", "maybe_many"]
    many = [name for name, prop in definition.items() if prop.multivalued]
    assert many == ["many", "pairs", "sequence", "maybe_many", "texts", "colours"]
    assert not any(prop.has_default for prop in definition.values())


VALUES: dict[str, Any] = {
    "boolean": True, "integer": 1, "number": 1.5, "string": "s", "decimal": Decimal("1.50"),
    "moment": datetime(2026, 1, 1, tzinfo=UTC), "id": UUID(int=1), "data": b"\0", "text": "t",
    "uri": "http://example.com/", "clob": "c", "big": 10**30, "maybe": None, "optional": 5,
    "union": None, "many": [1, 2], "pairs": ("a", "b"), "sequence": [Decimal(1)],
    "maybe_many": None, "texts": [], "user": 7, "colour": Colour.BLUE, "level": Level.HIGH,
    "colours": [Colour.RED, Colour.BLUE],
}  # fmt: skip


@pytest.mark.parametrize("record", [Everything, EverythingModel])
def test_there_and_back(record: Any) -> None:
    one = record(**VALUES)
    aspects = AspectMap(AspectDef.of(record))
    aspects[UUID(int=1)] = one
    other = aspects[UUID(int=1)].to(record)
    other.sequence = list(other.sequence)  # a Sequence is read back as a tuple
    assert other == one
    assert type(other.colour) is Colour
    assert type(other.level) is Level
    assert [type(each) for each in other.colours] == [Colour, Colour]
    assert type(other.many) is list
    assert type(other.pairs) is tuple


@given(
    st.builds(
        PersonModel,
        name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        age=st.none() | st.integers(-(2**63), 2**63 - 1),
        tags=st.lists(st.sampled_from(["a", "b", ""])),
    )
)
def test_any_record_goes_there_and_back(person: PersonModel) -> None:
    assert Aspect(AspectDef.of(PersonModel), person).to(PersonModel) == person
    plain = Person(**dict(person))
    assert Aspect(AspectDef.of(Person), plain).to(Person) == plain
    assert AspectMap(AspectDef.of(PersonModel), {UUID(int=1): person}) == AspectMap(
        AspectDef.of(PersonModel), {UUID(int=1): dict(person)}
    )


# --- names and defaults ---------------------------------------------------------------------


def test_the_name_and_the_id_may_be_given() -> None:
    definition = AspectDef.of(Person, name="com.example.person", id=UUID(int=5))
    assert (definition.name, definition.id) == ("com.example.person", UUID(int=5))
    assert AspectDef.of(Person) == AspectDef.of(Person)


def test_defaults_are_carried_over() -> None:
    for record in (Person, PersonModel):
        definition = AspectDef.of(record)
        assert definition["name"].required
        assert definition["age"].default is None
        assert definition["age"].has_default
        assert definition["tags"].default == ()
        assert Aspect(definition, {"name": "Al"}).to(record) == record(name="Al")


@dataclass
class Made:
    id: UUID = field(default_factory=uuid4)
    names: list[str] = field(default_factory=lambda: ["x"])
    pairs: tuple[int, ...] = field(default_factory=tuple)
    level: Level = Level.LOW
    colour: Colour = Colour.RED
    loose: int = None  # type: ignore[assignment]


class MadeModel(BaseModel):
    id: UUID = Field(default_factory=uuid4)
    names: list[str] = Field(default_factory=lambda: ["x"])
    pairs: tuple[int, ...] = Field(default_factory=tuple)
    level: Level = Level.LOW
    colour: Colour = Colour.RED
    loose: int = None  # type: ignore[assignment]
    late: str = Field(default_factory=lambda: "late")
    url: AnyUrl = AnyUrl("http://example.com")
    urls: list[AnyUrl] = [AnyUrl("http://example.com")]


@pytest.mark.parametrize("record", [Made, MadeModel])
def test_what_a_factory_makes_is_no_default(record: type) -> None:
    """uuid4 gives another each time; a definition is a value and must not."""
    definition = AspectDef.of(record)
    assert definition == AspectDef.of(record)
    assert not definition["id"].has_default
    assert not definition["names"].has_default
    assert definition["pairs"].default == ()
    assert definition["level"].default == 1
    assert definition["colour"].default == "red"
    assert definition["loose"].nullable
    one = record()
    assert Aspect(definition, one).to(record) == one
    # A field that the aspect does not have is made by the class.
    assert len(Aspect(AspectDef("bare", [])).to(record).names) == 1


def test_urls_as_defaults_are_text() -> None:
    definition = AspectDef.of(MadeModel)
    assert definition["url"].default == "http://example.com/"
    assert definition["urls"].default == ("http://example.com/",)


# --- classes of many kinds ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    name: str
    size: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", len(self.name))


def test_frozen_slots_and_late_fields() -> None:
    definition = AspectDef.of(Frozen)
    aspect = Aspect(definition, Frozen(name="abc"))
    assert dict(aspect) == {"name": "abc", "size": 3}
    aspect["size"] = 99
    assert aspect.to(Frozen).size == 99


@dataclass
class Cached:
    name: str

    @cached_property
    def shout(self) -> str:
        return self.name.upper()

    def __post_init__(self) -> None:
        self.beside = 5


class CachedModel(BaseModel):
    name: str

    @cached_property
    def shout(self) -> str:
        return self.name.upper()


@pytest.mark.parametrize("record", [Cached, CachedModel])
def test_what_is_no_field_is_left_out(record: Any) -> None:
    one = record(name="al")
    assert one.shout == "AL"
    assert dict(Aspect(AspectDef.of(record), one)) == {"name": "al"}


def test_a_model_that_lacks_a_field() -> None:
    made = CachedModel.model_construct()
    aspects = AspectMap(AspectDef.of(CachedModel))
    with pytest.raises(InvalidValueError, match=r"name: expected a value .it is required"):
        aspects[UUID(int=1)] = made


class Box(BaseModel, Generic[V]):
    content: V


def test_generic_models() -> None:
    definition = AspectDef.of(Box[int], name="box")
    assert definition["content"].type is T.INTEGER
    assert Aspect(definition, Box[int](content=5)).to(Box[int]) == Box[int](content=5)


def test_local_models() -> None:
    class Local(BaseModel):
        colour: Colour
        when: LocalMoment

    LocalMoment = Annotated[datetime, "aware"]  # defined later than used
    Local.model_rebuild(_types_namespace={"LocalMoment": LocalMoment})
    assert AspectDef.of(Local)["when"].type is T.DATE_TIME


class Aliased(BaseModel):
    name: str = Field(alias="Name")
    size: int = Field(validation_alias="Size", default=1)


class ByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    name: str = Field(alias="Name")


def test_aliases() -> None:
    one = Aliased(Name="x", Size=5)
    assert Aspect(AspectDef.of(Aliased), one).to(Aliased) == one
    other = ByName(name="x")
    assert Aspect(AspectDef.of(ByName), other).to(ByName) == other


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


def test_models_that_allow_more() -> None:
    definition = AspectDef.of(Open)
    assert definition.can_add_properties
    one = Open.model_validate({"name": "x", "size": 5, "url": AnyUrl("http://a.b/")})
    aspect = Aspect(definition, one)
    assert dict(aspect) == {"name": "x", "size": 5, "url": "http://a.b/"}
    assert aspect.to(Open).model_extra == {"size": 5, "url": "http://a.b/"}


class Linked(BaseModel):
    home: HttpUrl
    links: list[AnyUrl] = []


def test_urls() -> None:
    one = Linked.model_validate({"home": "http://example.com", "links": ["http://a.b/"]})
    aspects = AspectMap(AspectDef.of(Linked), {UUID(int=1): one})
    assert dict(aspects[UUID(int=1)]) == {"home": "http://example.com/", "links": ("http://a.b/",)}
    assert aspects[UUID(int=1)].to(Linked) == one


class Strict(BaseModel):
    age: PositiveInt


def test_a_model_that_refuses_what_is_there() -> None:
    aspect = Aspect(AspectDef.of(Strict), {"age": -1})
    with pytest.raises(InvalidValueError, match="age: expected Input should be greater than 0"):
        aspect.to(Strict)


# --- other classes --------------------------------------------------------------------------


@dataclass
class Pair:
    name: str
    size: int


@dataclass
class Less:
    name: str


@dataclass
class More:
    name: str
    colour: str = "red"


def test_reading_as_another_class() -> None:
    aspect = Aspect(AspectDef.of(Pair), Pair("x", 5))
    assert aspect.to(Less) == Less("x")
    assert aspect.to(More) == More("x")
    with pytest.raises(InvalidDefinitionError, match="Pair needs 'size', which aspect 'Less'"):
        Aspect(AspectDef.of(Less), Less("x")).to(Pair)


def test_null_does_not_take_the_place_of_a_default() -> None:
    definition = AspectDef(
        "thing", [PropertyDef("name", T.STRING), PropertyDef("colour", T.STRING)]
    )
    assert Aspect(definition, {"name": "x"}).to(More) == More("x", "red")
    # A class without a default gets what is there.
    assert Aspect(definition, {}).to(Less).name is None


def bad(hint: Any) -> type:
    return dataclasses.make_dataclass("Bad", [("field", hint)])


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        (complex, "Bad.field: no property type for <class 'complex'>"),
        (object, "Bad.field: no property type"),
        (Any, "Bad.field: no property type"),
        (list, "Bad.field: no property type"),
        (dict[str, int], "Bad.field: no property type"),
        (set[int], "Bad.field: no property type"),
        (list[list[int]], "Bad.field: no property type"),
        (tuple[int, int], "Bad.field: no property type"),
        (int | str, "Bad.field: no property type"),
        (int | str | None, "Bad.field: no property type"),
        (None, "Bad.field: no property type"),
        (Literal["a"], "Bad.field: no property type"),
        (Person, "Bad.field: no property type"),
        (list[int | None], "Bad.field: the elements of a list cannot be null"),
        (Annotated[int, PropertyType.TEXT], "Bad.field: a Text is a str, not <class 'int'>"),
        (Annotated[list[str], PropertyType.INTEGER], "Bad.field: a Integer is a int"),
        ("Nowhere", "Bad: an annotation cannot be looked up: name 'Nowhere' is not defined"),
    ],
)
def test_annotations_without_a_type(hint: Any, message: str) -> None:
    with pytest.raises(InvalidDefinitionError) as caught:
        AspectDef.of(bad(hint))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("record", [int, object, Colour, dict, "Person", Person("x"), None, {}])
def test_classes_that_are_no_records(record: Any) -> None:
    with pytest.raises(InvalidDefinitionError):
        AspectDef.of(record)


def test_a_literal_may_be_named() -> None:
    definition = AspectDef.of(bad(Annotated[Literal["a", "b"], PropertyType.STRING]))
    assert definition["field"].type is T.STRING


def test_a_default_that_does_not_fit() -> None:
    record = dataclasses.make_dataclass("Bad", [("field", int, field(default="x"))])
    with pytest.raises(InvalidValueError, match="default of field"):
        AspectDef.of(record)


@pytest.mark.parametrize("value", [5, "text", [("name", "x")], object, Person, None])
def test_values_that_are_no_records(value: Any) -> None:
    aspects = AspectMap(AspectDef.of(Person))
    with pytest.raises(
        InvalidValueError, match="expected a mapping, a dataclass, a pydantic model"
    ):
        aspects[UUID(int=1)] = value


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement is new in Python 3.12")
def test_the_type_statement() -> None:
    names: dict[str, Any] = {}
    exec("type Word = str\ntype Words = list[Word] | None", names)
    definition = AspectDef.of(bad(names["Words"]))
    assert definition["field"] == PropertyDef("field", T.STRING, multivalued=True)


# --- Enums that are no texts or numbers themselves, but hold them -----------------------------


class Plain(Enum):
    RED = "red"
    BLUE = "blue"


class Price(Enum):
    LOW = Decimal("1.50")


class Mixed(Enum):
    ONE = 1
    TWO = "two"


class Empty(Enum):
    pass


@dataclass
class Paint:
    colour: Plain
    price: Price
    named: Annotated[Plain, PropertyType.TEXT] = Plain.BLUE
    others: list[Plain] = field(default_factory=list)
    back: Plain | None = None


class PaintModel(BaseModel):
    colour: Plain
    others: tuple[Plain, ...] = ()


def test_plain_enums_give_their_value() -> None:
    definition = AspectDef.of(Paint)
    assert [(each.type, each.default) for each in definition.properties[:3]] == [
        (T.STRING, NO_DEFAULT),
        (T.BIG_DECIMAL, NO_DEFAULT),
        (T.TEXT, "blue"),
    ]
    paint = Paint(Plain.RED, Price.LOW, Plain.RED, [Plain.BLUE, Plain.RED], Plain.BLUE)
    aspect = Aspect(definition, paint)
    assert aspect.set_values() == {
        "colour": "red",
        "price": Decimal("1.50"),
        "named": "red",
        "others": ("blue", "red"),
        "back": "blue",
    }
    assert {type(each) for each in aspect.set_values().values()} == {str, Decimal, tuple}
    assert aspect.to(Paint) == paint
    model = PaintModel(colour=Plain.RED, others=(Plain.BLUE,))
    kept = Aspect(AspectDef.of(PaintModel), model)
    assert dict(kept) == {"colour": "red", "others": ("blue",)}
    assert kept.to(PaintModel) == model


def test_members_of_enums_are_values_wherever_values_are() -> None:
    aspects = AspectMap(AspectDef.of(Paint), {A: {"colour": Plain.RED, "price": Price.LOW}})
    aspects[A]["colour"] = Plain.BLUE
    aspects[A].update(others=[Plain.RED])
    assert aspects[A]["colour"] == "blue"
    assert aspects[A]["others"] == ("red",)
    loose = Aspect(
        AspectDef("loose", [], can_add_properties=True), {"x": Plain.RED, "y": [Level.LOW]}
    )
    assert dict(loose) == {"x": "red", "y": (1,)}
    assert PropertyDef("x", T.STRING, default=Plain.RED).default == "red"  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match=r"got Mixed <Mixed\.ONE: 1>"):
        aspects[A]["colour"] = Mixed.ONE


def test_an_enum_that_does_not_know_the_value() -> None:
    aspects = AspectMap(AspectDef.of(Paint), {A: {"colour": "green", "price": Price.LOW}})
    with pytest.raises(
        InvalidValueError, match=r"what Paint.colour can be, got str 'green'"
    ) as caught:
        aspects[A].to(Paint)
    assert caught.value.where == str(A)


@pytest.mark.parametrize("kind", [Mixed, Empty, Annotated[Mixed, PropertyType.STRING]])
def test_enums_of_several_types(kind: Any) -> None:
    made = dataclasses.make_dataclass("Made", [("x", kind)])
    with pytest.raises(InvalidDefinitionError, match=r"Made\.x: the values of .* one type"):
        AspectDef.of(made)


def test_an_enum_under_a_type_that_is_not_its_own() -> None:
    made = dataclasses.make_dataclass("Made", [("x", Annotated[Plain, PropertyType.INTEGER])])
    with pytest.raises(InvalidDefinitionError, match="a Integer is a int"):
        AspectDef.of(made)
