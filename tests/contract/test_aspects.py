"""Records: put, read, replaced and removed, by entity."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel

from cheap.core import Aspect, AspectDef, PropertyDef
from cheap.core.edits import PutAspects, PutDefinition, RemoveAspects
from cheap.errors import InvalidNameError, InvalidValueError, MissingKeyError
from cheap.store import Store
from tests.contract.samples import (
    EVERYTHING,
    MAP,
    ODD_MOMENT,
    ODD_NAMES,
    PERSON,
    SAMPLES,
    A,
    B,
    C,
    D,
    T,
    entities,
    map_of,
    new_catalog,
    records,
    revision_of,
    sample_records,
    set_of,
    values,
)


@dataclass
class Person:
    name: str
    age: int | None = None
    tags: list[str] = field(default_factory=list)


class PersonModel(BaseModel):
    name: str
    age: int | None = None
    tags: list[str] | None = None


def test_a_record_in_any_shape(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON))
    shapes: dict[object, object] = {
        A: {"name": "Al", "age": 30, "tags": ["x"]},
        B: Person("Al", 30, ["x"]),
        C: PersonModel(name="Al", age=30, tags=["x"]),
        D: Aspect(PERSON, {"name": "Al", "age": 30, "tags": ("x",)}),
    }
    store.commit(catalog, [PutAspects(PERSON.name, shapes)])  # type: ignore[arg-type]
    found = store.get_aspects(catalog, PERSON.name, [A, B, C, D])
    assert list(found) == [A, B, C, D]
    for entity, aspect in found.items():
        assert dict(aspect) == {"name": "Al", "age": 30, "tags": ("x",)}
        assert aspect.entity == entity
        assert aspect.definition == PERSON
        assert aspect.to(Person) == Person("Al", 30, ["x"])


def test_get_leaves_out_what_is_not_there(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "Al"}, B: {"name": "Bo"}}))
    assert list(store.get_aspects(catalog, PERSON.name, [C, B, D, B])) == [B]
    assert store.get_aspects(catalog, PERSON.name, [C]) == {}
    assert store.get_aspects(catalog, PERSON.name, []) == {}
    assert set(store.get_aspects(catalog, PERSON.name, {A, B})) == {A, B}


def test_get_many(store: Store) -> None:
    ids = entities(6000)
    there = ids[::2]
    catalog = new_catalog(store, *map_of(PERSON, {e: {"name": str(e)} for e in there}))
    found = store.get_aspects(catalog, PERSON.name, ids)
    assert list(found) == there
    assert all(aspect["name"] == str(entity) for entity, aspect in found.items())


def test_get_takes_ids_only(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON))
    for wrong in (["x"], [None], [A, A.bytes]):
        with pytest.raises(InvalidNameError, match=r"uuid\.UUID"):
            store.get_aspects(catalog, PERSON.name, wrong)  # type: ignore[arg-type]


def test_what_is_no_aspect_map_has_no_aspects(store: Store) -> None:
    catalog = new_catalog(store, *set_of("staff", [A]), PutDefinition(PERSON))
    for name in ("staff", "nowhere", PERSON.name):
        with pytest.raises(MissingKeyError, match=name):
            store.get_aspects(catalog, name, [A])
        with pytest.raises(MissingKeyError, match=name):
            store.get_aspects(catalog, name, [A, B])
        with pytest.raises(MissingKeyError, match=name):
            store.find_aspects(catalog, name)


def test_every_value_of_every_type(store: Store) -> None:
    given = sample_records()
    catalog = new_catalog(store, *map_of(EVERYTHING, given))
    expected = {e: values(Aspect(EVERYTHING, record)) for e, record in given.items()}
    found = store.get_aspects(catalog, EVERYTHING.name, list(given))
    assert {entity: values(aspect) for entity, aspect in found.items()} == expected
    read = records(store, catalog, EVERYTHING.name)
    assert [(entity, values(aspect)) for entity, aspect in read] == list(expected.items())
    loaded = store.load_catalog(catalog).aspect_map(EVERYTHING.name)
    assert {entity: values(loaded[entity]) for entity in loaded} == expected


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.value)
def test_each_value_alone(store: Store, kind: T) -> None:
    """One record a value, so that no neighbour hides a fault."""
    given = dict(zip(entities(len(SAMPLES[kind])), SAMPLES[kind], strict=True))
    catalog = new_catalog(
        store, *map_of(EVERYTHING, {e: {kind.value: value} for e, value in given.items()})
    )
    for entity, value in given.items():
        found = store.get_aspects(catalog, EVERYTHING.name, [entity])[entity][kind.value]
        assert (found, type(found)) == (value, type(value))
        assert str(found) == str(value)  # the scale of a decimal


def test_values_are_made_canonical(store: Store) -> None:
    catalog = new_catalog(
        store,
        *map_of(
            EVERYTHING,
            {A: {"Float": -0.0, "DateTime": ODD_MOMENT, "BLOB": bytearray(b"x"), "Floats": [1]}},
        ),
    )
    found = store.get_aspects(catalog, EVERYTHING.name, [A])[A]
    assert str(found["Float"]) == "0.0"
    assert found["DateTime"] == datetime(2026, 3, 29, 2, 30, 0, 1, tzinfo=UTC)
    assert found["DateTime"].tzinfo is UTC  # type: ignore[union-attr]
    assert found["BLOB"] == b"x"
    assert found["Floats"] == (1.0,)


def test_null_unset_and_default_are_three_things(store: Store) -> None:
    definition = AspectDef("d", [PropertyDef("x", T.INTEGER, default=5)])
    catalog = new_catalog(store, *map_of(definition, {A: {}, B: {"x": None}, C: {"x": 5}}))
    found = store.get_aspects(catalog, "d", [A, B, C])
    assert [found[e]["x"] for e in (A, B, C)] == [5, None, 5]
    assert [found[e].is_set("x") for e in (A, B, C)] == [False, True, True]


def test_a_put_replaces_the_whole_record(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "Al", "age": 1, "tags": ["x"]}}))
    store.commit(catalog, [PutAspects(PERSON.name, {A: {"name": "Bo"}})])
    found = store.get_aspects(catalog, PERSON.name, [A])[A]
    assert dict(found) == {"name": "Bo", "age": None, "tags": None}
    assert not found.is_set("age")


def test_a_replaced_record_keeps_its_place(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {e: {"name": "x"} for e in (C, A, B)}))
    store.commit(catalog, [PutAspects(PERSON.name, {D: {"name": "y"}, A: {"name": "z"}})])
    found = records(store, catalog, PERSON.name)
    assert [(e, aspect["name"]) for e, aspect in found] == [
        (C, "x"),
        (A, "z"),
        (B, "x"),
        (D, "y"),
    ]


def test_removed_and_put_again_goes_to_the_end(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {e: {"name": "x"} for e in (C, A, B)}))
    store.commit(catalog, [RemoveAspects(PERSON.name, [C])])
    store.commit(catalog, [PutAspects(PERSON.name, {C: {"name": "y"}})])
    assert [e for e, _ in records(store, catalog, PERSON.name)] == [A, B, C]
    both = [RemoveAspects(PERSON.name, [A]), PutAspects(PERSON.name, {A: {"name": "y"}})]
    store.commit(catalog, both)
    assert [e for e, _ in records(store, catalog, PERSON.name)] == [B, C, A]
    assert list(store.load_catalog(catalog).aspect_map(PERSON.name)) == [B, C, A]


def test_remove(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {e: {"name": "x"} for e in (C, A, B)}, "name"))
    done = store.commit(catalog, [RemoveAspects(PERSON.name, [A, D, A])])
    assert done.written == 1
    assert [e for e, _ in records(store, catalog, PERSON.name)] == [C, B]
    assert store.get_aspects(catalog, PERSON.name, [A]) == {}
    assert len(store.find_aspects(catalog, PERSON.name, order_by="name").items) == 2


def test_all_faults_of_a_record_are_told(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON))
    wrong = {"age": "old", "tags": ["ok", 5, "a\0b"], "shoe": 1}
    with pytest.raises(InvalidValueError) as caught:
        store.commit(catalog, [PutAspects(PERSON.name, {B: {"name": "Bo"}, A: wrong})])
    assert caught.value.aspect == PERSON.name
    assert caught.value.where == str(A)
    assert sorted(fault.path for fault in caught.value.faults) == [
        "age",
        "name",
        "shoe",
        "tags[1]",
        "tags[2]",
    ]
    assert revision_of(store, catalog) == 1
    assert records(store, catalog, PERSON.name) == []


ODD_RECORDS = [None, 5, "name", [("name", "x")], object]


@pytest.mark.parametrize("record", ODD_RECORDS, ids=repr)
def test_only_records_are_records(store: Store, record: object) -> None:
    catalog = new_catalog(store, *map_of(PERSON))
    with pytest.raises(InvalidValueError, match=r"\(record\)"):
        store.commit(catalog, [PutAspects(PERSON.name, {A: record})])


def test_what_was_read_is_a_value(store: Store) -> None:
    """Changing an aspect that was read changes nothing in the store."""
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "Al"}}))
    for found in (
        store.get_aspects(catalog, PERSON.name, [A])[A],
        store.find_aspects(catalog, PERSON.name).items[0],
        store.read_hierarchy(catalog, PERSON.name).items[0].aspect,
    ):
        assert found is not None
        found["name"] = "changed"
        assert store.get_aspects(catalog, PERSON.name, [A])[A]["name"] == "Al"


def test_an_edited_aspect_can_be_put_back(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "Al", "age": 1}}))
    found = store.get_aspects(catalog, PERSON.name, [A])[A]
    found["age"] = 2
    del found["tags"]
    store.commit(catalog, [PutAspects(PERSON.name, {A: found})])
    assert store.get_aspects(catalog, PERSON.name, [A])[A]["age"] == 2


def test_odd_property_names(store: Store) -> None:
    definition = AspectDef("odd", [PropertyDef(name, T.STRING) for name in ODD_NAMES])
    record = {name: name for name in ODD_NAMES}
    catalog = new_catalog(store, *map_of(definition, {A: record}, *ODD_NAMES))
    assert dict(store.get_aspects(catalog, "odd", [A])[A]) == record
    assert store.list_hierarchies(catalog)[0].indexes == ODD_NAMES
    store.commit(catalog, [PutAspects("odd", {A: dict.fromkeys(ODD_NAMES, "")})])
    assert set(store.get_aspects(catalog, "odd", [A])[A].values()) == {""}


def test_a_wide_record(store: Store) -> None:
    definition = AspectDef("wide", [PropertyDef(f"p{i}", T.INTEGER) for i in range(500)])
    record = {f"p{i}": i for i in range(500)}
    catalog = new_catalog(store, *map_of(definition, {A: record}))
    assert dict(store.get_aspects(catalog, "wide", [A])[A]) == record


def test_a_record_without_properties(store: Store) -> None:
    mark = AspectDef("mark", [])
    catalog = new_catalog(store, *map_of(mark, {A: {}, B: {}}))
    assert [(e, dict(aspect)) for e, aspect in records(store, catalog, "mark")] == [
        (A, {}),
        (B, {}),
    ]
    assert [each.entity for each in store.find_aspects(catalog, "mark").items] == sorted([A, B])


def test_a_long_record(store: Store) -> None:
    """More than a piece, and more than what some columns hold."""
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 20_000))) * 20  # 1.2 MB
    definition = AspectDef("long", [PropertyDef("text", T.TEXT), PropertyDef("n", T.INTEGER)])
    catalog = new_catalog(
        store, *map_of(definition, {A: {"text": text, "n": 1}, B: {"text": "", "n": 2}})
    )
    assert store.get_aspects(catalog, "long", [A])[A]["text"] == text
    store.commit(catalog, [PutAspects("long", {A: {"text": text[:-1], "n": 3}})])
    assert store.load_catalog(catalog).aspect_map("long")[A]["text"] == text[:-1]
    store.commit(catalog, [PutAspects("long", {A: {"text": "short", "n": 4}})])
    found = records(store, catalog, "long")
    assert [(e, aspect["text"], aspect["n"]) for e, aspect in found] == [
        (A, "short", 4),
        (B, "", 2),
    ]


def test_one_entity_in_many_maps(store: Store) -> None:
    definitions = [AspectDef(f"d{i}", [PropertyDef("x", T.INTEGER)]) for i in range(5)]
    edits = [edit for i, each in enumerate(definitions) for edit in map_of(each, {A: {"x": i}})]
    catalog = new_catalog(store, *edits)
    store.commit(catalog, [RemoveAspects("d2", [A])])
    found = [store.get_aspects(catalog, each.name, [A]) for each in definitions]
    assert [aspects[A]["x"] if aspects else None for aspects in found] == [0, 1, None, 3, 4]
    assert list(store.load_catalog(catalog).aspects_of(A)) == ["d0", "d1", "d3", "d4"]


def test_decimals_keep_their_scale(store: Store) -> None:
    catalog = new_catalog(store, *map_of(EVERYTHING, {A: {"BigDecimal": Decimal("1.5")}}))
    store.commit(catalog, [PutAspects(EVERYTHING.name, {A: {"BigDecimal": Decimal("1.500")}})])
    assert str(store.get_aspects(catalog, EVERYTHING.name, [A])[A]["BigDecimal"]) == "1.500"


def test_a_map_of_another_kind_is_made_by_name(store: Store) -> None:
    catalog = new_catalog(store, PutDefinition(PERSON))
    assert store.create_hierarchy(catalog, PERSON.name, MAP, indexes=["age"]) == 2
    store.commit(catalog, [PutAspects(PERSON.name, {A: {"name": "Al"}})])
    assert list(store.get_aspects(catalog, PERSON.name, [A])) == [A]


def test_records_that_are_read_twice_are_equal(store: Store) -> None:
    """The second time they come by a shorter way: the store knows the map by then."""
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "Al"}, B: {"name": "Bo"}}))
    first, second = (store.get_aspects(catalog, PERSON.name, [A, B]) for _ in range(2))
    assert first == second
    assert [type(each.packed()) for each in second.values()] == [bytes, bytes]
