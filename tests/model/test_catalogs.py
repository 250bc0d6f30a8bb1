"""Catalogs: definitions and hierarchies under names, labels, species, and what was edited."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from cheap.core import (
    SPECIES,
    Aspect,
    AspectDef,
    AspectMap,
    Basis,
    Catalog,
    CatalogDef,
    CatalogImpl,
    CatalogSpecies,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    HierarchyDef,
    HierarchyType,
    PropertyDef,
    PropertyType,
)
from cheap.core.edits import (
    AddMembers,
    CreateHierarchy,
    CreateIndex,
    DropHierarchy,
    DropIndex,
    PutAspects,
    PutDefinition,
    SetHeader,
)
from cheap.errors import (
    AlreadyExistsError,
    CheapError,
    InvalidDefinitionError,
    InvalidDocumentError,
    InvalidError,
    InvalidNameError,
    InvalidValueError,
    MissingKeyError,
    ReadOnlyError,
)
from tests.model.applier import PlainStore

T = PropertyType
S = CatalogSpecies
A, B, C = (UUID(int=i) for i in range(1, 4))
STORE = UUID(int=99)
THING = AspectDef("thing", [PropertyDef("x", T.INTEGER), PropertyDef("y", T.TEXT)])


@dataclass
class Person:
    name: str
    age: int | None = None


def saved(catalog: Catalog, revision: int = 1) -> Callable[[], None]:
    return catalog.settle(Basis(STORE, revision))


# --- labels ---------------------------------------------------------------------------------


def test_a_catalog_as_it_comes() -> None:
    catalog = Catalog()
    assert catalog.species is S.SINK
    assert catalog.version == "1.0.0"
    assert catalog.uri is None
    assert catalog.upstream is None
    assert catalog.global_id.version == 7
    assert catalog.revision == 0
    assert catalog.basis is None
    assert catalog.definition == CatalogDef()
    assert list(catalog) == []
    assert len(catalog) == 0
    assert CatalogImpl is Catalog
    assert repr(catalog) == (
        f"<Catalog {catalog.global_id} SINK version='1.0.0' revision=0 hierarchies=[]>"
    )


def test_labels() -> None:
    catalog = Catalog(species=S.MIRROR, version="", uri="not checked", upstream=A, global_id=B)
    assert (catalog.version, catalog.uri, catalog.upstream, catalog.global_id) == (
        "", "not checked", A, B
    )  # fmt: skip
    catalog.uri = ""
    assert catalog.uri is None
    catalog.version, catalog.uri = "2", None
    assert (catalog.version, catalog.uri) == ("2", None)


@pytest.mark.parametrize(
    "labels",
    [
        {"version": None}, {"version": 5}, {"version": "x" * 8193}, {"version": "\0"},
        {"uri": 5}, {"uri": "\ud800"}, {"upstream": "x", "species": S.FORK}, {"global_id": "x"},
        {"species": "SINK"}, {"species": None},
    ],
)  # fmt: skip
def test_labels_that_are_none(labels: dict[str, Any]) -> None:
    with pytest.raises((InvalidNameError, InvalidDefinitionError)):
        Catalog(**labels)
    catalog = Catalog()
    for name, value in labels.items():
        if name in ("version", "uri"):
            with pytest.raises(InvalidNameError):
                setattr(catalog, name, value)


def test_species() -> None:
    assert [each.value for each in S] == ["SOURCE", "SINK", "MIRROR", "CACHE", "CLONE", "FORK"]
    assert set(SPECIES) == set(S)
    assert [each for each in S if each.rules.editable] == [S.SINK, S.CACHE, S.CLONE, S.FORK]
    assert [each for each in S if each.rules.may_have_upstream] == [
        S.MIRROR, S.CACHE, S.CLONE, S.FORK
    ]  # fmt: skip
    for each in S:
        Catalog(species=each)
        if each.rules.may_have_upstream:
            assert Catalog(species=each, upstream=A).upstream == A
        else:
            with pytest.raises(InvalidDefinitionError, match=f"a {each.value} catalog has no upst"):
                Catalog(species=each, upstream=A)


# --- definitions ----------------------------------------------------------------------------


def test_define() -> None:
    catalog = Catalog()
    things = catalog.define(THING, {A: {"x": 1}}, indexes=["x"])
    assert things.indexes == ("x",)
    assert catalog["thing"] is things
    assert catalog.aspect_defs == {"thing": THING}
    assert catalog.define(AspectDef("thing", THING.properties)) is things
    assert catalog.define(THING, {B: {"x": 2}}, indexes=["y"]) is things
    assert list(things) == [A, B]
    assert things.indexes == ("x", "y")
    people = catalog.define(Person)
    people[A] = Person("Al", 30)
    assert catalog.define(Person) is people
    assert people[A].to(Person) == Person("Al", 30)
    assert catalog.aspects_of(A) == {"thing": things[A], "Person": people[A]}
    assert catalog.aspects_of(C) == {}


def test_define_what_is_taken() -> None:
    catalog = Catalog()
    catalog.define(THING)
    catalog.create_list("list")
    with pytest.raises(
        AlreadyExistsError,
        match="a hierarchy is named 'thing' already",
    ):
        catalog.define(AspectDef("thing", []))
    with pytest.raises(AlreadyExistsError):
        catalog.define(AspectDef("list", []))
    with pytest.raises(AlreadyExistsError):
        catalog.create_set("thing")
    with pytest.raises(InvalidValueError):
        catalog.define(AspectDef("new", [PropertyDef("x", T.INTEGER)]), {A: {"x": "y"}})
    assert list(catalog) == ["thing", "list"]
    assert list(catalog.aspect_defs) == ["thing"]


@pytest.mark.parametrize("given", [None, "thing", 5, {"x": T.INTEGER}, [THING]])
def test_define_what_is_no_definition(given: Any) -> None:
    catalog = Catalog()
    for call in (catalog.define, catalog.redefine):
        with pytest.raises(InvalidDefinitionError, match="expected an AspectDef, or a dataclass"):
            call(given)
    assert not catalog.aspect_defs


def test_a_class_defines_and_redefines() -> None:
    @dataclass
    class Thing:
        x: int

    catalog = Catalog()
    made = catalog.define(Thing, {A: {"x": 1}})
    with pytest.raises(InvalidDefinitionError, match="a dataclass or pydantic model itself"):
        catalog.define(Thing(1))  # type: ignore[arg-type]

    @dataclass
    class Wider(Thing):
        y: str = "?"

    Wider.__name__ = "Thing"
    assert catalog.redefine(Wider) is made
    assert made.aspect_def == AspectDef.of(Wider)
    assert dict(made[A]) == {"x": 1, "y": "?"}


def test_arguments_of_the_wrong_shape() -> None:
    catalog, text, ids = Catalog(), r"expected a list, got the text 'x'; write \['x'\]", [A]
    wrong: Any = ids
    for call in (
        lambda: catalog.define(THING, wrong),
        lambda: catalog.create_directory("new", wrong),
        lambda: catalog.create_tree("new", wrong),
    ):
        with pytest.raises(InvalidError, match="expected a mapping such as a dict, got list of 1"):
            call()
    wrong = "x"
    for call in (
        lambda: catalog.define(THING, indexes=wrong),
        lambda: catalog.create_list("new", wrong),
        lambda: catalog.create_set("new", wrong),
        lambda: AspectDef("new", wrong),
    ):
        with pytest.raises(InvalidError, match=text):
            call()
    wrong = A
    for call in (lambda: catalog.create_list("new", wrong), lambda: AspectDef("new", wrong)):
        with pytest.raises(InvalidError, match="expected a list, got UUID"):
            call()
    wrong = None
    for make in (lambda: Aspect(wrong), lambda: AspectMap(wrong)):
        with pytest.raises(InvalidDefinitionError, match="expected an AspectDef, got null"):
            make()
    assert not list(catalog)
    things = catalog.define(THING, indexes=(each for each in ["x"]))
    with pytest.raises(InvalidError, match=text):
        catalog.define(THING, indexes="x")
    assert things.indexes == ("x",)


def test_a_definition_alone_keeps_its_name() -> None:
    catalog = Catalog()
    catalog.define_without_map(THING)
    assert catalog.aspect_defs == {"thing": THING}
    assert "thing" not in catalog
    for take in (
        lambda: catalog.create_set("thing"),
        lambda: catalog.define(AspectDef("thing", [])),
    ):
        with pytest.raises(AlreadyExistsError, match="definition is named 'thing'"):
            take()
    assert isinstance(catalog.define(THING), AspectMap)


def test_redefine() -> None:
    catalog = Catalog()
    things = catalog.define(THING, {A: {"x": 1, "y": "gone"}, B: {}}, indexes=["y", "x"])
    old = things[A]
    wide = AspectDef("thing", [PropertyDef("x", T.BIG_INTEGER), PropertyDef("z", T.CLOB)])
    assert catalog.redefine(wide) is things
    assert catalog["thing"] is things
    assert catalog.aspect_defs == {"thing": wide}
    assert things.aspect_def == wide
    assert things.indexes == ("x",)
    assert {key: each.set_values() for key, each in things.items()} == {A: {"x": 1}, B: {}}
    things[A]["x"] = 2**70
    # What was read before is on its own.
    old["x"] = 7
    assert things[A]["x"] == 2**70
    with pytest.raises(MissingKeyError):
        catalog.redefine(AspectDef("unknown", []))
    catalog.create_list("list")
    with pytest.raises(MissingKeyError, match="'list' is a EntityList, not a AspectMap"):
        catalog.redefine(AspectDef("list", []))


def test_redefine_what_does_not_fit() -> None:
    catalog = Catalog()
    things = catalog.define(THING, {A: {"x": 1}, B: {"y": "text"}}, indexes=["y"])
    held = things[A]
    for refused in (
        AspectDef("thing", [PropertyDef("y", T.INTEGER)]),
        AspectDef("thing", [PropertyDef("new", T.TEXT, nullable=False)]),
        AspectDef("thing", [PropertyDef("x", T.INTEGER, nullable=False)]),
    ):
        with pytest.raises(InvalidValueError):
            catalog.redefine(refused)
        assert catalog.aspect_defs == {"thing": THING}
        assert things.aspect_def == THING
        assert things[A] is held
        assert things.indexes == ("y",)
    held["x"] = 2
    assert things.packed()[A] == b'{"x":2}'


def test_redefine_a_record_that_lost_a_required_property() -> None:
    catalog = Catalog()
    needed = [PropertyDef("x", T.INTEGER, nullable=False)]
    loose = AspectDef("thing", needed, can_remove_properties=True)
    things = catalog.define(loose, {A: {"x": 1}})
    del things[A]["x"]
    catalog.redefine(
        AspectDef("thing", [*needed, *THING.properties[1:]], can_remove_properties=True)
    )
    assert things.packed() == {A: b"{}"}
    with pytest.raises(InvalidValueError, match=r"x: expected a value .it is required."):
        catalog.redefine(AspectDef("thing", needed))


def test_redefine_flags() -> None:
    """A definition that refuses to be read or written can still be changed."""
    catalog = Catalog()
    things = catalog.define(THING, {A: {"x": 1}})
    sealed = AspectDef("thing", THING.properties, readable=False, writable=False)
    catalog.redefine(sealed)
    with pytest.raises(CheapError):
        things[A]
    with pytest.raises(ReadOnlyError):
        things[A] = {}
    catalog.redefine(THING)
    assert things[A]["x"] == 1


# --- hierarchies ----------------------------------------------------------------------------


def test_hierarchies() -> None:
    catalog = Catalog()
    queue = catalog.create_list("queue", [A, A])
    staff = catalog.create_set("staff", [A])
    codes = catalog.create_directory("codes", {"a": A})
    folders = catalog.create_tree("folders", {("a", "b"): A})
    things = catalog.define(THING)
    assert [queue, staff, codes, folders, things] == [catalog[name] for name in catalog]
    assert dict(catalog.hierarchies) == {name: catalog[name] for name in catalog}
    assert catalog.entity_list("queue") is queue
    assert catalog.entity_set("staff") is staff
    assert catalog.directory("codes") is codes
    assert catalog.tree("folders") is folders
    assert catalog.aspect_map("thing") is things
    assert "queue" in catalog
    assert catalog.definition == CatalogDef(
        (THING,),
        (
            HierarchyDef("queue", HierarchyType.ENTITY_LIST),
            HierarchyDef("staff", HierarchyType.ENTITY_SET),
            HierarchyDef("codes", HierarchyType.ENTITY_DIR),
            HierarchyDef("folders", HierarchyType.ENTITY_TREE),
            HierarchyDef("thing", HierarchyType.ASPECT_MAP),
        ),
    )
    with pytest.raises(MissingKeyError, match=r"catalog has no hierarchy 'x'; it has \['queue'"):
        catalog["x"]
    with pytest.raises(MissingKeyError, match="hierarchy 'queue' is a EntityList, not a EntityTr"):
        catalog.tree("queue")
    for name in catalog:
        with pytest.raises(AlreadyExistsError, match=f"named '{name}' already"):
            catalog.create_list(name)


def test_what_is_given_out_is_a_copy() -> None:
    catalog = Catalog()
    catalog.define(THING)
    for mapping in (catalog.aspect_defs, catalog.hierarchies):
        mapping.clear()  # type: ignore[attr-defined]
    assert list(catalog) == list(catalog.aspect_defs) == ["thing"]


def test_drop() -> None:
    catalog = Catalog()
    things, queue = catalog.define(THING, {A: {"x": 1}}), catalog.create_list("queue")
    aspect = things[A]
    catalog.drop("thing")
    catalog.drop("queue")
    assert list(catalog) == []
    assert catalog.aspect_defs == {}
    for edit in (
        lambda: queue.append(A),
        lambda: things.__setitem__(A, {}),
        lambda: aspect.__setitem__("x", 1),
    ):
        with pytest.raises(ReadOnlyError, match="was dropped from its catalog"):
            edit()
    with pytest.raises(MissingKeyError):
        catalog.drop("thing")
    catalog.create_list("thing")


def test_a_hierarchy_belongs_to_one_catalog() -> None:
    one, other = Catalog(), Catalog()
    alone = EntityList("queue", [A])
    assert one.add_hierarchy(alone) is alone
    for catalog in (one, other):
        with pytest.raises(AlreadyExistsError):
            catalog.add_hierarchy(alone)
    one.drop("queue")
    with pytest.raises(AlreadyExistsError, match="'queue' belongs to a catalog already; make a c"):
        one.add_hierarchy(alone)
    assert other.create_list("queue", alone) == alone
    things = AspectMap(THING)
    assert one.add_hierarchy(things) is things
    assert one.aspect_defs == {"thing": THING}


# --- equality -------------------------------------------------------------------------------


def full(**labels: Any) -> Catalog:
    catalog = Catalog(**{"global_id": A, **labels})
    catalog.define(THING, {A: {"x": 1}, B: {"x": 2}})
    catalog.create_list("queue", [A, B])
    catalog.create_set("staff", [A, B])
    catalog.create_directory("codes", {"a": A, "b": B})
    catalog.create_tree("folders", {("a",): A, ("b",): B})
    return catalog


DIFFERENCES: list[Callable[[Catalog], object]] = [
    lambda it: setattr(it, "version", "2"),
    lambda it: setattr(it, "uri", "a:b"),
    lambda it: it.define(AspectDef("other", [])),
    lambda it: it.create_list("other"),
    lambda it: it.drop("queue"),
    lambda it: it.aspect_map("thing")[A].__setitem__("x", 5),
    lambda it: it.aspect_map("thing").__setitem__(A, it.aspect_map("thing").pop(A)),
    lambda it: it.entity_list("queue").reverse(),
    lambda it: it.entity_set("staff").__ior__([it.entity_set("staff").remove(A) or A]),  # type: ignore[func-returns-value]
    lambda it: it.directory("codes").__setitem__("a", it.directory("codes").pop("a")),
    lambda it: it.tree("folders").__setitem__("a", it.tree("folders").pop("a")),
    lambda it: it.redefine(THING.with_properties(PropertyDef("z", T.TEXT))),
]


def test_equality_is_by_content() -> None:
    assert full() == full()
    assert full() != full(global_id=B)
    assert full() != full(species=S.FORK)
    assert full(species=S.FORK) != full(species=S.FORK, upstream=B)
    assert full() != 5
    for number, change in enumerate(DIFFERENCES):
        other = full()
        change(other)
        assert other != full(), number
        assert other == other
    with pytest.raises(TypeError):
        hash(full())


def test_the_order_of_hierarchies_is_content() -> None:
    one, other = Catalog(global_id=A), Catalog(global_id=A)
    for catalog, names in ((one, "ab"), (other, "ba")):
        for name in names:
            catalog.create_list(name)
    assert one != other


# --- edits ----------------------------------------------------------------------------------


def test_a_new_catalog_is_all_edits() -> None:
    catalog = Catalog(global_id=A)
    assert catalog.is_modified
    catalog.define(THING, {A: {"x": 1}}, indexes=["x"])
    catalog.create_set("staff", [A])
    catalog.create_list("empty")
    expected = [
        PutDefinition(THING),
        CreateHierarchy("thing", HierarchyType.ASPECT_MAP, ("x",)),
        PutAspects("thing", AspectMap(THING, {A: {"x": 1}})),
        CreateHierarchy("staff", HierarchyType.ENTITY_SET),
        AddMembers("staff", (A,)),
        CreateHierarchy("empty", HierarchyType.ENTITY_LIST),
    ]
    assert catalog.content_edits() == expected
    assert catalog.pending_edits() == expected


def test_a_saved_catalog_is_its_changes() -> None:
    catalog = full()
    saved(catalog)
    assert catalog.pending_edits() == []
    assert not catalog.is_modified
    assert catalog.revision == 1
    catalog.version = "2"
    catalog.drop("queue")
    catalog.create_list("queue")
    catalog.redefine(THING.with_properties(PropertyDef("z", T.TEXT)))
    catalog.entity_set("staff").add(C)
    assert catalog.is_modified
    assert catalog.pending_edits() == [
        SetHeader("2", ""),
        DropHierarchy("queue"),
        PutDefinition(THING.with_properties(PropertyDef("z", T.TEXT))),
        # A property more changes no record.
        AddMembers("staff", (C,)),
        CreateHierarchy("queue", HierarchyType.ENTITY_LIST),
    ]


def test_an_aspect_map_that_is_dropped_takes_its_definition() -> None:
    catalog = full()
    saved(catalog)
    catalog.drop("thing")
    assert catalog.pending_edits() == [DropHierarchy("thing")]
    catalog.define(THING)
    assert catalog.pending_edits() == [
        DropHierarchy("thing"),
        PutDefinition(THING),
        CreateHierarchy("thing", HierarchyType.ASPECT_MAP),
    ]


def test_redefining_writes_the_records_that_differ() -> None:
    catalog = full()
    things = catalog.aspect_map("thing")
    things.create_index("x")
    things.create_index("y")
    saved(catalog)
    changed = AspectDef("thing", [PropertyDef("x", T.INTEGER), PropertyDef("z", T.TEXT)])
    catalog.redefine(changed)
    assert catalog.pending_edits() == [PutDefinition(changed), DropIndex("thing", "y")]
    wide = AspectDef("thing", [PropertyDef("x", T.FLOAT)])
    catalog.redefine(wide)
    things.create_index("x")
    put = PutAspects("thing", AspectMap(wide, {A: {"x": 1.0}, B: {"x": 2.0}}))
    assert catalog.pending_edits() == [PutDefinition(wide), DropIndex("thing", "y"), put]
    undo = saved(catalog, 2)
    things.create_index("x")
    assert catalog.pending_edits() == []
    undo()
    assert catalog.pending_edits() == [PutDefinition(wide), DropIndex("thing", "y"), put]
    assert CreateIndex("thing", "x") not in catalog.pending_edits()


def test_a_save_can_be_taken_back() -> None:
    catalog = full()
    undo = saved(catalog)
    assert not catalog.is_modified
    undo()
    assert catalog.basis is None
    assert catalog.revision == 0
    assert catalog.pending_edits() == full().content_edits()


def test_what_was_dropped_after_a_save_that_is_taken_back() -> None:
    catalog = full()
    saved(catalog)
    catalog.create_list("new")
    undo = saved(catalog, 2)
    catalog.drop("new")  # the store never had it
    catalog.drop("queue")
    undo()
    assert catalog.pending_edits() == [DropHierarchy("queue")]


def test_revisions() -> None:
    catalog = Catalog()
    catalog.settle(Basis(STORE, 3, frozenset({5, 7})))
    assert catalog.revision == 7
    assert catalog.basis == Basis(STORE, 3, frozenset({5, 7}))


NAMES = ["a", "b", "thing", "other"]
names = st.sampled_from(NAMES)
OTHER = AspectDef("other", [PropertyDef("x", T.TEXT)])
definitions = st.sampled_from(
    [
        THING,
        THING.with_properties(PropertyDef("z", T.TEXT)),
        THING.without_properties("y"),
        AspectDef("thing", [PropertyDef("x", T.FLOAT)]),
        OTHER,
    ]
)
ids = st.sampled_from([A, B, C])
Step = Callable[[Catalog], object]


def touch(catalog: Catalog, name: str, entity: UUID, number: int) -> None:
    match catalog[name]:
        case EntityList() as made:
            made.insert(number, entity)
        case EntitySet() as made:
            made.symmetric_difference_update([entity])
        case EntityDirectory() as made:
            made[str(number)] = entity
        case EntityTree() as made:
            made[str(number), "x"] = entity
        case AspectMap() as made:
            made[entity] = {"x": str(number) if made.name == "other" else number}
            if number == 2:
                del made[entity]
        case _:
            raise TypeError


steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(names, st.sampled_from(["list", "set", "directory", "tree"])).map(
        lambda pair: lambda it: getattr(it, f"create_{pair[1]}")(pair[0])
    ),
    definitions.map(lambda each: lambda it: it.define(each)),
    definitions.map(lambda each: lambda it: it.redefine(each)),
    names.map(lambda name: lambda it: it.drop(name)),
    st.tuples(names, ids, st.integers(0, 2)).map(lambda three: lambda it: touch(it, *three)),
    names.map(lambda name: lambda it: it.aspect_map(name).create_index("x")),
    names.map(lambda name: lambda it: it.aspect_map(name).drop_index("x")),
    st.sampled_from(["1", "2"]).map(lambda label: lambda it: setattr(it, "version", label)),
)


def act(step: Step, catalog: Catalog) -> None:
    with suppress(CheapError):
        step(catalog)


@settings(max_examples=100)
@given(
    st.lists(steps, max_size=8),
    st.lists(st.lists(steps, max_size=4), max_size=3),
    st.lists(steps, max_size=4),
)
def test_a_catalogs_edits_make_the_same_of_a_copy(
    start: list[Step], rounds: list[list[Step]], lost: list[Step]
) -> None:
    catalog, store = Catalog(), PlainStore()
    for step in start:
        act(step, catalog)
    store.apply(catalog.content_edits())
    saved(catalog)
    for revision, edits in enumerate(rounds, 2):
        for step in edits:
            act(step, catalog)
        # One save that the store takes back, with edits before the next.
        undo = saved(catalog, revision)
        for step in lost:
            act(step, catalog)
        undo()
        edited = catalog.pending_edits()
        store.apply(edited)
        if edited:
            assert catalog.is_modified
        assert store.holds(catalog)
        saved(catalog, revision)
        assert not catalog.is_modified


# --- species that are read-only -------------------------------------------------------------


@pytest.mark.parametrize("species", [S.SOURCE, S.MIRROR])
def test_read_only_species_are_filled_until_they_are_saved(species: CatalogSpecies) -> None:
    catalog = full(species=species)
    undo = saved(catalog)
    edits: list[Callable[[], object]] = [
        lambda: catalog.create_list("new"),
        lambda: catalog.define(AspectDef("newer", [])),
        lambda: catalog.define(THING, {C: {}}),
        lambda: catalog.define(THING, indexes=["x"]),
        lambda: catalog.redefine(THING),
        lambda: catalog.entity_list("queue").append(A),
        lambda: catalog.entity_set("staff").add(C),
        lambda: catalog.directory("codes").pop("a"),
        lambda: setattr(catalog.tree("folders")["a"], "entity", C),
        lambda: catalog.aspect_map("thing")[A].__setitem__("x", 9),
        lambda: catalog.drop("queue"),
    ]
    for edit in edits:
        with pytest.raises(ReadOnlyError, match=f"a saved {species.value} catalog is read-only"):
            edit()
    assert catalog == full(species=species)
    assert catalog.define(THING) is catalog["thing"]
    undo()
    for edit in edits:
        edit()


@pytest.mark.parametrize("species", [S.SINK, S.CACHE, S.CLONE, S.FORK])
def test_other_species_are_edited(species: CatalogSpecies) -> None:
    catalog = full(species=species)
    saved(catalog)
    catalog.entity_list("queue").append(A)
    assert catalog.is_modified


# --- the sketch of the design ---------------------------------------------------------------


def test_the_sketch() -> None:
    catalog = Catalog(species=CatalogSpecies.SINK, version="1.0.0")
    people = catalog.define(AspectDef.of(Person))
    alice = catalog.new_entity()
    people[alice] = Person(name="Alice", age=30)
    staff = catalog.create_set("staff")
    staff.add(alice)
    folders = catalog.create_tree("folders")
    folders["reports/2026"] = alice
    assert people[alice].to(Person) == Person("Alice", 30)
    assert folders["reports/2026"].path == ("reports/2026",)
    assert Catalog.from_json(catalog.json()) == catalog


class Holder(BaseModel):
    catalog: Catalog


def test_pydantic_takes_and_gives_documents() -> None:
    catalog = full()
    holder = Holder(catalog=catalog)
    assert holder.catalog is catalog
    document = holder.model_dump_json()
    assert Holder.model_validate_json(document).catalog == catalog
    assert Holder.model_validate(holder.model_dump()).catalog == catalog
    assert Holder.model_validate({"catalog": catalog.json()}).catalog == catalog
    for wrong in (5, "{}", {"globalId": "x"}, {1: object()}, None):
        with pytest.raises(ValueError, match=r"catalog"):
            Holder.model_validate({"catalog": wrong})
    for mode in ("validation", "serialization"):
        described = Holder.model_json_schema(mode=mode)  # type: ignore[arg-type]
        properties = described["properties"]["catalog"]["properties"]
        assert list(properties) == [
            "globalId", "species", "version", "uri", "upstream", "aspectDefs", "hierarchies"
        ]  # fmt: skip


@pytest.mark.parametrize(
    "given", [{"species": "FORK"}, '{"species": "FORK"}'], ids=["dict", "text"]
)
def test_pydantic_takes_documents_of_new_catalogs(given: object) -> None:
    """They have no id yet; documents that are read without pydantic need one."""
    new, other = (Holder.model_validate({"catalog": given}).catalog for _ in range(2))
    assert new.species is other.species is S.FORK
    assert new.global_id != other.global_id
    with pytest.raises(InvalidDocumentError, match=r"\$\.globalId: is missing"):
        Catalog.from_json('{"species": "FORK"}')
    with pytest.raises(ValueError, match=r"\$\.globalId"):
        Holder.model_validate({"catalog": {"species": "FORK", "globalId": None}})


@pytest.mark.parametrize(
    ("mode", "needed"),
    [("validation", ["species"]), ("serialization", ["globalId", "species"])],
)
def test_pydantic_describes_what_it_takes_and_gives(mode: Any, needed: list[str]) -> None:
    described = Holder.model_json_schema(mode=mode)
    assert described["properties"]["catalog"]["required"] == needed
