"""Commits: edits in order, all or nothing; and which edit fits which hierarchy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cheap.core import HierarchyType
from cheap.core.edits import (
    AddMembers,
    Append,
    CreateHierarchy,
    CreateIndex,
    DropHierarchy,
    DropIndex,
    Edit,
    PutAspects,
    PutDefinition,
    PutEntries,
    PutNodes,
    RemoveAspects,
    RemoveEntries,
    RemoveMembers,
    RemoveNodes,
    SetHeader,
    Splice,
)
from cheap.errors import (
    AlreadyExistsError,
    InvalidDefinitionError,
    InvalidEditError,
    InvalidNameError,
    InvalidValueError,
    MissingKeyError,
)
from cheap.store import Commit, Store
from tests.contract.samples import (
    DIRECTORY,
    LIST,
    MAP,
    NOTE,
    ODD_NAMES,
    PERSON,
    SET,
    TREE,
    A,
    B,
    C,
    items,
    keyed,
    list_of,
    map_of,
    new_catalog,
    one_of_each,
    records,
    revision_of,
    set_of,
)

EDITS: dict[str, tuple[HierarchyType, Callable[[str], Edit]]] = {
    "Append": (LIST, lambda name: Append(name, [A])),
    "Splice": (LIST, lambda name: Splice(name, 0, 0, [A])),
    "AddMembers": (SET, lambda name: AddMembers(name, [A])),
    "RemoveMembers": (SET, lambda name: RemoveMembers(name, [A])),
    "PutEntries": (DIRECTORY, lambda name: PutEntries(name, {"a": A})),
    "RemoveEntries": (DIRECTORY, lambda name: RemoveEntries(name, ["a"])),
    "PutNodes": (TREE, lambda name: PutNodes(name, {("a",): A})),
    "RemoveNodes": (TREE, lambda name: RemoveNodes(name, [("x",)])),
    "PutAspects": (MAP, lambda name: PutAspects(name, {A: {"name": "Al"}})),
    "RemoveAspects": (MAP, lambda name: RemoveAspects(name, [A])),
    "CreateIndex": (MAP, lambda name: CreateIndex(name, "age")),
    "DropIndex": (MAP, lambda name: DropIndex(name, "age")),
}
NAMES = {LIST: "list", SET: "set", DIRECTORY: "directory", TREE: "tree", MAP: PERSON.name}


def test_each_commit_raises_the_revision_by_one(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list"))
    for revision in range(2, 5):
        done = store.commit(catalog, [Append("list", [A]), Append("list", [B])])
        assert done == Commit(revision, revision - 1, 2)
        assert revision_of(store, catalog) == revision


def test_no_edits_no_revision(store: Store) -> None:
    catalog = new_catalog(store)
    assert store.commit(catalog, []) == Commit(1, 1, 0)
    assert store.commit(catalog, (), expect=0) == Commit(1, 1, 0)
    assert revision_of(store, catalog) == 1


def test_edits_that_change_nothing_raise_it_all_the_same(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    edits = [
        Append("list", []),
        Splice("list", 3),
        AddMembers("set", [A]),
        RemoveMembers("set", [C]),
        RemoveEntries("directory", ["no"]),
        PutEntries("directory", {}),
        RemoveNodes("tree", [("no",)]),
        RemoveAspects(PERSON.name, [C]),
        PutAspects(PERSON.name, {}),
        DropIndex(PERSON.name, "age"),
        PutDefinition(PERSON),
    ]
    for edit in edits:
        before = revision_of(store, catalog)
        assert store.commit(catalog, [edit]) == Commit(before + 1, before, 0)
    assert store.read_changes(catalog, 1).items == ()
    assert {each.revision for each in store.list_hierarchies(catalog)} == {1}


def test_edits_are_applied_in_order(store: Store) -> None:
    catalog = new_catalog(store)
    done = store.commit(
        catalog,
        [
            CreateHierarchy("x", LIST),
            Append("x", [A]),
            DropHierarchy("x"),
            CreateHierarchy("x", SET),
            AddMembers("x", [B, A]),
            RemoveMembers("x", [B]),
            *map_of(PERSON, {A: {"name": "Al"}}),
            DropHierarchy(PERSON.name),
            *map_of(NOTE, {B: {"title": "t"}}, "title"),
            DropIndex("note", "title"),
            PutAspects("note", {B: {"title": "u"}}),
        ],
    )
    assert done.revision == 2
    assert items(store, catalog, "x") == [A]
    assert [each.name for each in store.list_hierarchies(catalog)] == ["x", "note"]
    assert store.list_aspect_defs(catalog) == [NOTE]
    assert [aspect["title"] for _, aspect in records(store, catalog, "note")] == ["u"]


BAD = [
    (Append("nowhere", [A]), MissingKeyError),
    (Append("set", [A]), InvalidEditError),
    (Splice("list", 9), InvalidEditError),
    (PutAspects(PERSON.name, {A: {"age": 5}}), InvalidValueError),
    (CreateHierarchy("set", LIST), AlreadyExistsError),
    (PutEntries("directory", {"\0": A}), InvalidNameError),
    (CreateIndex(PERSON.name, "no"), MissingKeyError),
    ("no edit", InvalidEditError),
]


@pytest.mark.parametrize(("bad", "error"), BAD, ids=str)
def test_all_or_nothing(store: Store, bad: Edit, error: type[Exception]) -> None:
    catalog = new_catalog(store, *one_of_each())
    before = store.load_catalog(catalog)
    good: list[Edit] = [
        SetHeader("9", "x:y"),
        Append("list", [C]),
        Splice("list", 0, 2),
        AddMembers("set", [C]),
        RemoveEntries("directory", ["b"]),
        PutNodes("tree", {("n",): C}),
        RemoveNodes("tree", [("x",)]),
        PutAspects(PERSON.name, {A: {"name": "new"}, C: {"name": "new"}}),
        CreateIndex(PERSON.name, "name"),
        *map_of(NOTE, {A: {}}),
        *list_of("more", [A]),
    ]
    with pytest.raises(error):
        store.commit(catalog, [*good, bad])
    assert store.load_catalog(catalog) == before
    assert store.get_catalog(catalog).revision == 1
    assert store.read_changes(catalog, 1).items == ()
    assert store.list_hierarchies(catalog)[-1].indexes == ()
    store.commit(catalog, good)  # the next call works


@pytest.mark.parametrize("thing", ["edit", None, 5, {}, [Append("list", [A])]], ids=repr)
def test_only_edits_are_edits(store: Store, thing: object) -> None:
    catalog = new_catalog(store, *list_of("list"))
    with pytest.raises(InvalidEditError, match="expected an edit"):
        store.commit(catalog, [thing])  # type: ignore[list-item]


@pytest.mark.parametrize("edit", EDITS)
def test_each_edit_is_for_one_kind(store: Store, edit: str) -> None:
    catalog = new_catalog(store, *one_of_each())
    kind, make = EDITS[edit]
    for other, name in NAMES.items():
        if other is kind:
            assert store.commit(catalog, [make(name)]).revision == revision_of(store, catalog)
        else:
            with pytest.raises(InvalidEditError, match=name):
                store.commit(catalog, [make(name)])


@pytest.mark.parametrize("edit", [*EDITS, "DropHierarchy"])
def test_an_edit_needs_its_hierarchy(store: Store, edit: str) -> None:
    catalog = new_catalog(store, *one_of_each())
    make = EDITS[edit][1] if edit in EDITS else DropHierarchy
    for name in ("nowhere", "LIST", "list ", NOTE.name):
        with pytest.raises(MissingKeyError):
            store.commit(catalog, [make(name)])
    for name in ("", "x\0", "\ud800", "n" * 256, "n" * 10_000):
        with pytest.raises(InvalidNameError):
            store.commit(catalog, [make(name)])


# --- the header -----------------------------------------------------------------------------


def test_set_header(store: Store) -> None:
    catalog = store.create_catalog(version="1", uri="a:b").catalog_id
    store.commit(catalog, [SetHeader(version="2")])
    assert store.get_catalog(catalog).version == "2"
    assert store.get_catalog(catalog).uri == "a:b"
    store.commit(catalog, [SetHeader(uri="c:d")])
    assert store.get_catalog(catalog).uri == "c:d"
    store.commit(catalog, [SetHeader(uri="")])
    header = store.get_catalog(catalog)
    assert (header.version, header.uri, header.revision) == ("2", None, 4)
    store.commit(catalog, [SetHeader("3", "e:f"), SetHeader("4")])
    assert store.get_catalog(catalog).version == "4"
    assert store.load_catalog(catalog).uri == "e:f"


@pytest.mark.parametrize("label", ["", "v" * 8192, "😀'\"\\;--", " x "], ids=repr)
def test_any_text_is_a_label(store: Store, label: str) -> None:
    catalog = store.create_catalog(version=label, uri=label).catalog_id
    header = store.get_catalog(catalog)
    assert (header.version, header.uri) == (label, label or None)
    store.commit(catalog, [SetHeader("x", "x"), SetHeader(label, label)])
    loaded = store.load_catalog(catalog)
    assert (loaded.version, loaded.uri) == (label, label or None)


@pytest.mark.parametrize("label", ["a\0", "\ud800", "v" * 8193, 5], ids=lambda x: repr(x)[:9])
def test_what_cannot_be_a_label(store: Store, label: str) -> None:
    catalog = store.create_catalog(version="1").catalog_id
    for call in (
        lambda: store.create_catalog(version=label),
        lambda: store.create_catalog(uri=label),
        lambda: store.commit(catalog, [SetHeader(version=label)]),
        lambda: store.commit(catalog, [SetHeader(uri=label)]),
    ):
        with pytest.raises(InvalidNameError):
            call()
    assert store.get_catalog(catalog).version == "1"
    assert store.list_catalog_ids() == [catalog]


# --- hierarchies ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [LIST, SET, DIRECTORY, TREE], ids=lambda kind: kind.name)
def test_create_and_drop(store: Store, kind: HierarchyType) -> None:
    catalog = new_catalog(store, *one_of_each())
    assert store.create_hierarchy(catalog, "new", kind) == 2
    assert store.list_hierarchies(catalog)[-1].type is kind
    assert store.read_hierarchy(catalog, "new").items == ()
    assert store.drop_hierarchy(catalog, "new") is True
    assert store.drop_hierarchy(catalog, "new") is False
    assert revision_of(store, catalog) == 3
    with pytest.raises(MissingKeyError, match="new"):
        store.read_hierarchy(catalog, "new")


def test_list_hierarchies(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    store.commit(catalog, [Append("list", [A])])
    store.commit(catalog, [CreateIndex(PERSON.name, "age"), CreateIndex(PERSON.name, "name")])
    found = [(h.name, h.type, h.size, h.indexes) for h in store.list_hierarchies(catalog)]
    assert found == [
        ("list", LIST, 4, ()),
        ("set", SET, 2, ()),
        ("directory", DIRECTORY, 2, ()),
        ("tree", TREE, 3, ()),
        (PERSON.name, MAP, 2, ("age", "name")),
    ]
    assert [h.revision for h in store.list_hierarchies(catalog)][:4] == [2, 1, 1, 1]


def test_a_name_is_taken_once(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    for name in NAMES.values():
        for kind in HierarchyType:
            with pytest.raises(AlreadyExistsError, match=name):
                store.create_hierarchy(catalog, name, kind)
    assert [len(items(store, catalog, name)) for name in NAMES.values()] == [3, 2, 2, 3, 2]


def test_the_name_of_a_definition_is_taken(store: Store) -> None:
    catalog = new_catalog(store, PutDefinition(PERSON))
    for kind in (LIST, SET, DIRECTORY, TREE):
        with pytest.raises(AlreadyExistsError, match=PERSON.name):
            store.create_hierarchy(catalog, PERSON.name, kind)
    store.create_hierarchy(catalog, PERSON.name, MAP)


def test_odd_names(store: Store) -> None:
    catalog = new_catalog(store, *(CreateHierarchy(name, LIST) for name in ODD_NAMES))
    store.commit(catalog, [Append(name, [A] * i) for i, name in enumerate(ODD_NAMES)])
    assert [each.name for each in store.list_hierarchies(catalog)] == list(ODD_NAMES)
    assert [len(items(store, catalog, name)) for name in ODD_NAMES] == list(range(len(ODD_NAMES)))
    for name in ODD_NAMES:
        assert store.drop_hierarchy(catalog, name)
    assert [each.hierarchy for each in store.iter_changes(catalog, 2)] == list(ODD_NAMES)


@pytest.mark.parametrize(
    "name", ["", "a\0b", "\udc00", "n" * 256, "n" * 10_000, None, 5], ids=lambda x: repr(x)[:9]
)
def test_what_cannot_be_a_name(store: Store, name: str) -> None:
    catalog = new_catalog(store)
    with pytest.raises((InvalidNameError, InvalidEditError)):
        store.create_hierarchy(catalog, name, LIST)
    assert store.list_hierarchies(catalog) == []


def test_only_kinds_are_kinds(store: Store) -> None:
    catalog = new_catalog(store)
    with pytest.raises(InvalidEditError):
        store.create_hierarchy(catalog, "x", "EL")  # type: ignore[arg-type]


def test_dropping_a_map_drops_its_definition(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "Al"}}, "name"), *map_of(NOTE))
    store.drop_hierarchy(catalog, PERSON.name)
    assert store.list_aspect_defs(catalog) == [NOTE]
    with pytest.raises(MissingKeyError):
        store.get_aspect_def(catalog, PERSON.name)
    with pytest.raises(MissingKeyError):
        store.create_hierarchy(catalog, PERSON.name, MAP)
    store.create_hierarchy(catalog, PERSON.name, LIST)  # the name is free


def test_what_was_dropped_does_not_come_back(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    for kind, name in NAMES.items():
        store.drop_hierarchy(catalog, name)
        if kind is MAP:
            store.add_aspect_def(catalog, PERSON)
        store.create_hierarchy(catalog, name, kind)
        assert items(store, catalog, name) == []
    assert [each.size for each in store.list_hierarchies(catalog)] == [0] * 5
    store.commit(catalog, [PutAspects(PERSON.name, {A: {"name": "new"}}), Append("list", [B])])
    assert store.get_aspects(catalog, PERSON.name, [A, B]).keys() == {A}
    assert items(store, catalog, "list") == [B]


def test_a_created_hierarchy_goes_to_the_end(store: Store) -> None:
    catalog = new_catalog(store, *list_of("a"), *list_of("b"))
    store.drop_hierarchy(catalog, "a")
    store.commit(catalog, [*set_of("a"), *list_of("c")])
    assert [each.name for each in store.list_hierarchies(catalog)] == ["b", "a", "c"]
    assert list(store.load_catalog(catalog)) == ["b", "a", "c"]


def test_indexes_are_for_maps(store: Store) -> None:
    catalog = new_catalog(store, PutDefinition(NOTE))
    with pytest.raises(InvalidEditError):
        store.create_hierarchy(catalog, "x", LIST, indexes=["a"])
    with pytest.raises(MissingKeyError):
        store.create_hierarchy(catalog, "note", MAP, indexes=["no"])
    with pytest.raises(InvalidDefinitionError):
        store.create_hierarchy(catalog, "note", MAP, indexes=["text"])
    assert store.list_hierarchies(catalog) == []


def test_written_counts_rows(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    done = store.commit(
        catalog,
        [
            SetHeader("2"),  # no content
            PutDefinition(NOTE),
            CreateHierarchy("note", MAP),
            PutAspects("note", {A: {}, B: {}}),  # 2
            RemoveAspects(PERSON.name, [A, C]),  # 1
            Splice("list", 0, 2, [C]),  # 3
            Append("list", [A, A]),  # 2
            AddMembers("set", [A, C]),  # 1
            RemoveMembers("set", [B, A]),  # 2
            PutEntries("directory", {"a": A, "c": C}),  # 2
            RemoveEntries("directory", ["b", "no"]),  # 1
            RemoveNodes("tree", [("x",)]),  # 2
            PutNodes("tree", {("n", "m"): A, ("z",): None}),  # 3
            CreateIndex(PERSON.name, "age"),
            DropHierarchy("list"),
        ],
    )
    assert done.written == 19
    assert keyed(store, catalog, "tree") == [(("z",), None), (("n",), None), (("n", "m"), A)]
