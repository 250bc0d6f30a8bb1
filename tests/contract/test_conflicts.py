"""Conflicts: two who changed the same thing, and the many who did not.

Each case is a story: somebody else commits ``theirs`` after I read, then I commit ``mine`` with
the revision that I know. The conflict is named, or there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest

from cheap.core import PropertyDef
from cheap.core.edits import (
    AddMembers,
    Append,
    CreateHierarchy,
    CreateIndex,
    DropDefinition,
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
    CatalogNotFoundError,
    ConflictError,
    InvalidEditError,
    InvalidValueError,
    MissingKeyError,
)
from cheap.store import Store
from tests.contract.samples import (
    LIST,
    NOTE,
    PERSON,
    A,
    B,
    C,
    T,
    directory_of,
    items,
    keyed,
    list_of,
    map_of,
    new_catalog,
    revision_of,
    set_of,
    tree_of,
)

P = PERSON.name
OLDER = PERSON.with_properties(PropertyDef("mail", T.STRING))
NARROW = PERSON.without_properties("age")
OTHER = PERSON.with_properties(PropertyDef("fax", T.STRING))


def person(name: str) -> dict[str, object]:
    return {"name": name}


def aged(name: str) -> dict[str, object]:
    """A record that NARROW has to rewrite."""
    return {"name": name, "age": 30}


def start() -> list[Edit]:
    """What everybody has read."""
    return [
        *map_of(PERSON, {A: person("Al"), B: person("Bo")}),
        *list_of("list", [A, B, C]),
        *list_of("tail", [A]),
        *set_of("set", [A, B]),
        *directory_of("dir", {"a": A, "b": B}),
        *tree_of("tree", {(): C, ("a",): A, ("a", "b"): B, ("a", "b", "c"): None, ("d",): None}),
    ]


@dataclass
class Case:
    theirs: Sequence[Edit]
    mine: Sequence[Edit]
    conflict: str | None = None


CLASHES: dict[str, Case] = {
    # aspects
    "put and put": Case(
        [PutAspects(P, {A: person("x")})],
        [PutAspects(P, {B: person("y"), A: person("y")})],
        f"aspect '{P}' of {A}",
    ),
    "put and put of a new one": Case(
        [PutAspects(P, {C: person("x")})],
        [PutAspects(P, {C: person("y")})],
        f"aspect '{P}' of {C}",
    ),
    "equal puts": Case(
        [PutAspects(P, {A: person("x")})],
        [PutAspects(P, {A: person("x")})],
        f"aspect '{P}' of {A}",
    ),
    "put and remove": Case(
        [PutAspects(P, {A: person("x")})], [RemoveAspects(P, [B, A])], f"aspect '{P}' of {A}"
    ),
    "remove and put": Case(
        [RemoveAspects(P, [A])], [PutAspects(P, {A: person("y")})], f"aspect '{P}' of {A}"
    ),
    "replace and remove": Case(
        [RemoveAspects(P, [A]), PutAspects(P, {A: person("x")})],
        [RemoveAspects(P, [A])],
        f"aspect '{P}' of {A}",
    ),
    # sets
    "remove and add a member": Case(
        [RemoveMembers("set", [A])], [AddMembers("set", [C, A])], f"member {A} of 'set'"
    ),
    "add and remove a member": Case(
        [AddMembers("set", [C])], [RemoveMembers("set", [A, C])], f"member {C} of 'set'"
    ),
    "bring back and remove a member": Case(
        [RemoveMembers("set", [A]), AddMembers("set", [A])],
        [RemoveMembers("set", [A])],
        f"member {A} of 'set'",
    ),
    # directories
    "entries put twice": Case(
        [PutEntries("dir", {"a": C})], [PutEntries("dir", {"b": C, "a": B})], "key 'a' of 'dir'"
    ),
    "entries new twice": Case(
        [PutEntries("dir", {"it's": C})], [PutEntries("dir", {"it's": C})], "key \"it's\" of 'dir'"
    ),
    "entry put and removed": Case(
        [PutEntries("dir", {"a": C})], [RemoveEntries("dir", ["b", "a"])], "key 'a' of 'dir'"
    ),
    "entry removed and put": Case(
        [RemoveEntries("dir", ["a"])], [PutEntries("dir", {"a": A})], "key 'a' of 'dir'"
    ),
    # trees
    "nodes put twice": Case(
        [PutNodes("tree", {("a",): C})], [PutNodes("tree", {("a",): B})], "node ('a',) of 'tree'"
    ),
    "new nodes put twice": Case(
        [PutNodes("tree", {("n", "m"): C})],
        [PutNodes("tree", {("n", "m"): B})],
        "node ('n', 'm') of 'tree'",
    ),
    "a node made on the way and put": Case(
        [PutNodes("tree", {("n", "m"): C})],
        [PutNodes("tree", {("n",): B})],
        "node ('n',) of 'tree'",
    ),
    "the root put twice": Case(
        [PutNodes("tree", {(): None})], [PutNodes("tree", {(): B})], "node () of 'tree'"
    ),
    "node removed and put": Case(
        [RemoveNodes("tree", [("d",)])],
        [PutNodes("tree", {("d",): B})],
        "node ('d',) of 'tree'",
    ),
    "branch removed and node put in it": Case(
        [RemoveNodes("tree", [("a",)])],
        [PutNodes("tree", {("a", "b"): B})],
        "node ('a',) of 'tree'",
    ),
    "branch removed and node added to it": Case(
        [RemoveNodes("tree", [("a", "b")])],
        [PutNodes("tree", {("a", "b", "new", "newer"): B})],
        "node ('a', 'b') of 'tree'",
    ),
    "branch removed and made anew, and node added": Case(
        [RemoveNodes("tree", [("a",)]), PutNodes("tree", {("a", "b"): A})],
        [PutNodes("tree", {("a", "b", "new"): B})],
        "node ('a',) of 'tree'",
    ),
    "node put and removed": Case(
        [PutNodes("tree", {("d",): A})],
        [RemoveNodes("tree", [("d",)])],
        "node ('d',) of 'tree'",
    ),
    "node put below what is removed": Case(
        [PutNodes("tree", {("a", "b", "c"): A})],
        [RemoveNodes("tree", [("a",)])],
        "node ('a', 'b', 'c') of 'tree'",
    ),
    "node added below what is removed": Case(
        [PutNodes("tree", {("a", "b", "new"): None})],
        [RemoveNodes("tree", [("a",)])],
        "node ('a', 'b', 'new') of 'tree'",
    ),
    # lists
    "append and splice": Case(
        [Append("list", [A])], [Splice("list", 0, 1)], "list 'list'"
    ),
    "splice and splice": Case(
        [Splice("list", 2, 1)], [Splice("list", 0, 0, [B])], "list 'list'"
    ),
    "removal and splice": Case(
        [Splice("list", 0, 3)], [Splice("list", 0, 0, [B])], "list 'list'"
    ),
    # the rest
    "header": Case([SetHeader(version="2")], [SetHeader(uri="a:b")], "the header"),
    "definition": Case([PutDefinition(OLDER)], [PutDefinition(OTHER)], f"definition '{P}'"),
    "put and drop": Case(
        [PutAspects(P, {A: person("x")})], [DropHierarchy(P)], f"hierarchy '{P}'"
    ),
    "removal and drop": Case(
        [RemoveEntries("dir", ["a"])], [DropHierarchy("dir")], "hierarchy 'dir'"
    ),
    "append and drop": Case([Append("list", [A])], [DropHierarchy("list")], "hierarchy 'list'"),
    "definition and drop": Case([PutDefinition(OLDER)], [DropHierarchy(P)], f"hierarchy '{P}'"),
    "made anew and drop": Case(
        [DropHierarchy("list"), CreateHierarchy("list", LIST)],
        [DropHierarchy("list")],
        "hierarchy 'list'",
    ),
    "definition without a map, and its removal": Case(
        [PutDefinition(NOTE)], [DropDefinition(NOTE.name)], "definition 'note'"
    ),
    # a definition, and then what its records are about
    "put, and define and put": Case(
        [PutAspects(P, {A: aged("x")})],
        [PutDefinition(NARROW), PutAspects(P, {A: person("y")})],
        f"aspect '{P}' of {A}",
    ),
    "put, and define and put where no record has to change": Case(
        [PutAspects(P, {A: aged("x")})],
        [PutDefinition(OLDER), PutAspects(P, {A: person("y")})],
        f"aspect '{P}' of {A}",
    ),
    "put, and define and remove": Case(
        [PutAspects(P, {A: aged("x")})],
        [PutDefinition(NARROW), RemoveAspects(P, [A])],
        f"aspect '{P}' of {A}",
    ),
    "put, and a definition that would rewrite it": Case(
        [PutAspects(P, {C: aged("x")})], [PutDefinition(NARROW)], f"aspect '{P}' of {C}"
    ),
    "remove, and define and put": Case(
        [RemoveAspects(P, [A])],
        [PutDefinition(NARROW), PutAspects(P, {A: person("y")})],
        f"aspect '{P}' of {A}",
    ),
    "put, and define and drop": Case(
        [PutAspects(P, {A: person("x")})],
        [PutDefinition(OLDER), DropHierarchy(P)],
        f"hierarchy '{P}'",
    ),
    # what was dropped and made anew is another thing
    "map made anew and put": Case(
        [DropHierarchy(P), *map_of(PERSON, {B: person("x")})],
        [PutAspects(P, {A: person("y")})],
        f"hierarchy '{P}'",
    ),
    "map made anew and removal": Case(
        [DropHierarchy(P), *map_of(PERSON, {B: person("x")})],
        [RemoveAspects(P, [A])],
        f"hierarchy '{P}'",
    ),
    "map made anew and index": Case(
        [DropHierarchy(P), *map_of(PERSON)], [CreateIndex(P, "age")], f"hierarchy '{P}'"
    ),
    "set made anew and member": Case(
        [DropHierarchy("set"), *set_of("set")], [AddMembers("set", [C])], "hierarchy 'set'"
    ),
    "directory made anew and entry": Case(
        [DropHierarchy("dir"), *directory_of("dir")],
        [PutEntries("dir", {"a": C})],
        "hierarchy 'dir'",
    ),
    "tree made anew and node": Case(
        [DropHierarchy("tree"), *tree_of("tree")],
        [PutNodes("tree", {("a", "x"): C})],
        "hierarchy 'tree'",
    ),
    "list made anew and append": Case(
        [DropHierarchy("list"), *list_of("list", [A, B, C])],
        [Append("list", [A])],
        "hierarchy 'list'",
    ),
    "in the middle of many": Case(
        [Append("list", [A]), PutAspects(P, {A: person("x")}), Append("tail", [A])],
        [Append("list", [A]), AddMembers("set", [C]), PutAspects(P, {A: person("y")})],
        f"aspect '{P}' of {A}",
    ),
}  # fmt: skip

AGREEMENTS: dict[str, Case] = {
    "two aspects": Case([PutAspects(P, {A: person("x")})], [PutAspects(P, {B: person("y")})]),
    "two definitions' aspects": Case(
        map_of(NOTE, {A: {"title": "x"}}), [PutAspects(P, {A: person("y")})]
    ),
    "removed twice": Case([RemoveAspects(P, [A])], [RemoveAspects(P, [A, B])]),
    "put and removed twice": Case(
        [PutAspects(P, {C: person("x")}), RemoveAspects(P, [C])], [RemoveAspects(P, [C])]
    ),
    "two members": Case([AddMembers("set", [C])], [RemoveMembers("set", [A])]),
    "added twice": Case([AddMembers("set", [C])], [AddMembers("set", [C])]),
    "a member that was there": Case([RemoveMembers("set", [A])], [AddMembers("set", [B])]),
    "members removed twice": Case([RemoveMembers("set", [A])], [RemoveMembers("set", [A, B])]),
    "two keys": Case([PutEntries("dir", {"a": C})], [PutEntries("dir", {"b": C, "A": C})]),
    "keys removed twice": Case([RemoveEntries("dir", ["a"])], [RemoveEntries("dir", ["a", "b"])]),
    "two branches": Case([RemoveNodes("tree", [("a",)])], [PutNodes("tree", {("d", "e"): A})]),
    "parent and child": Case([PutNodes("tree", {("a",): B})], [PutNodes("tree", {("a", "x"): B})]),
    "child and parent": Case([PutNodes("tree", {("a", "x"): B})], [PutNodes("tree", {("a",): B})]),
    "two nodes below a new one": Case(
        [PutNodes("tree", {("n", "x"): B})], [PutNodes("tree", {("n", "y"): B})]
    ),
    "nodes removed twice": Case(
        [RemoveNodes("tree", [("a", "b")])], [RemoveNodes("tree", [("a",), ("a", "b")])]
    ),
    "branch removed and node in it": Case(
        [RemoveNodes("tree", [("a",)])], [RemoveNodes("tree", [("a", "b")])]
    ),
    "appended twice": Case([Append("list", [A])], [Append("list", [B])]),
    "spliced and appended": Case([Splice("list", 0, 3)], [Append("list", [B])]),
    "two lists": Case([Splice("list", 0, 3)], [Splice("tail", 0, 1)]),
    "header and content": Case([SetHeader("2")], [Append("list", [B]), Splice("tail", 0)]),
    "content and header": Case([Append("list", [B])], [SetHeader("2")]),
    "definitions of two maps": Case([PutDefinition(OLDER)], [PutDefinition(NOTE)]),
    "equal definitions": Case([PutDefinition(OLDER)], [PutDefinition(OLDER)]),
    "definition and aspect": Case([PutDefinition(OLDER)], [PutAspects(P, {A: person("y")})]),
    "aspect, and definition and another aspect": Case(
        [PutAspects(P, {A: person("x")})],
        [PutDefinition(NARROW), PutAspects(P, {B: person("y")})],
    ),
    "drop of another": Case([Append("list", [A])], [DropHierarchy("tail")]),
    "index and index": Case([CreateIndex(P, "age")], [CreateIndex(P, "age"), DropIndex(P, "name")]),
    "index and aspect": Case([CreateIndex(P, "age")], [PutAspects(P, {A: person("y")})]),
    "aspect and index": Case([PutAspects(P, {A: person("y")})], [CreateIndex(P, "age")]),
    "a new hierarchy": Case([CreateHierarchy("x", LIST)], [CreateHierarchy("y", LIST)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CLASHES)
def test_the_second_writer_is_refused(store: Store, case: str) -> None:
    story = CLASHES[case]
    catalog = new_catalog(store, *start())
    store.commit(catalog, story.theirs)
    store.commit(catalog, [Append("tail", [B])])  # and something else after it
    before = store.load_catalog(catalog)
    with pytest.raises(ConflictError) as caught:
        store.commit(catalog, story.mine, expect=1)
    assert story.conflict is not None
    assert story.conflict in caught.value.what
    assert caught.value.what in str(caught.value)
    assert caught.value.revision == 2
    assert store.load_catalog(catalog) == before
    assert revision_of(store, catalog) == 3
    # Whoever knows the change may write.
    assert store.commit(catalog, story.mine, expect=2).revision == 4


@pytest.mark.parametrize("case", CLASHES)
def test_one_who_expects_nothing_or_did_it_himself(store: Store, case: str) -> None:
    story = CLASHES[case]
    catalog = new_catalog(store, *start())
    store.commit(catalog, story.theirs)
    assert store.commit(catalog, story.mine).revision == 3  # the last writer wins
    catalog = new_catalog(store, *start())
    store.commit(catalog, [Append("tail", [B])])  # somebody else's, elsewhere
    store.commit(catalog, story.theirs)
    assert store.commit(catalog, story.mine, expect=1, own=[3]).revision == 4
    with pytest.raises(ConflictError):
        store.commit(catalog, [Splice("tail", 0)], expect=1, own={3, 4})


@pytest.mark.parametrize("case", AGREEMENTS)
def test_unrelated_changes_go_through(store: Store, case: str) -> None:
    story = AGREEMENTS[case]
    catalog = new_catalog(store, *start())
    store.commit(catalog, story.theirs)
    done = store.commit(catalog, story.mine, expect=1)
    assert (done.revision, done.previous) == (3, 2)


@pytest.mark.parametrize("case", [*CLASHES, *AGREEMENTS])
def test_a_commit_does_not_meet_itself(store: Store, case: str) -> None:
    """What one edit of a commit has done is no conflict for the next."""
    story = CLASHES.get(case) or AGREEMENTS[case]
    catalog = new_catalog(store, *start())
    assert store.commit(catalog, [*story.theirs, *story.mine], expect=1).revision == 2


def test_the_table_is_sound() -> None:
    assert all(case.conflict for case in CLASHES.values())
    assert not any(case.conflict for case in AGREEMENTS.values())


def test_removals_that_agree_write_nothing(store: Store) -> None:
    catalog = new_catalog(store, *start())
    edits = [
        RemoveAspects(P, [A]),
        RemoveMembers("set", [A]),
        RemoveEntries("dir", ["a"]),
        RemoveNodes("tree", [("a",)]),
    ]
    assert store.commit(catalog, edits).written == 6
    assert store.commit(catalog, edits, expect=1).written == 0


def test_appends_of_many_come_one_after_the_other(store: Store, other: Store) -> None:
    catalog = new_catalog(store, *list_of("list", [A]))
    for writer in (store, other, store):
        writer.commit(catalog, [Append("list", [B, C])], expect=1)
    assert items(store, catalog, "list") == [A, B, C, B, C, B, C]


def test_a_hierarchy_that_somebody_dropped_is_missing(store: Store) -> None:
    catalog = new_catalog(store, *start())
    store.drop_hierarchy(catalog, "dir")
    with pytest.raises(MissingKeyError):
        store.commit(catalog, [PutEntries("dir", {"a": A})], expect=1)


def test_a_record_of_an_older_definition_must_fit_the_newer(store: Store) -> None:
    catalog = new_catalog(store, *start())
    loaded = store.load_catalog(catalog)
    loaded.aspect_map(P)[A]["age"] = 5
    store.add_aspect_def(catalog, OLDER)
    store.save_catalog(loaded)
    assert store.get_aspects(catalog, P, [A])[A]["age"] == 5
    loaded.aspect_map(P)[A]["age"] = 6
    store.commit(catalog, [PutDefinition(PERSON.without_properties("age"))])
    with pytest.raises(InvalidValueError, match="age"):
        store.save_catalog(loaded)


def test_a_conflict_is_the_same_for_who_reads_elsewhere(store: Store, other: Store) -> None:
    catalog = new_catalog(store, *start())
    other.commit(catalog, [PutEntries("dir", {"a": B})], expect=1)
    with pytest.raises(ConflictError) as caught:
        store.commit(catalog, [PutEntries("dir", {"a": C})], expect=1)
    assert (caught.value.what, caught.value.revision) == ("key 'a' of 'dir'", 2)
    assert keyed(store, catalog, "dir") == [("a", B), ("b", B)]


def test_another_kind_under_the_name_is_a_conflict(store: Store) -> None:
    catalog = new_catalog(store, *start())
    store.commit(catalog, [DropHierarchy("dir"), *list_of("dir")])
    with pytest.raises(ConflictError, match="hierarchy 'dir'"):
        store.commit(catalog, [PutEntries("dir", {"a": A})], expect=1)
    with pytest.raises(InvalidEditError):
        store.commit(catalog, [PutEntries("dir", {"a": A})], expect=2)


UNSEEN: dict[str, tuple[str, Edit, Edit]] = {
    "appended": ("list", Append("list", [A]), Append("list", [B])),
    "member": ("set", AddMembers("set", [C]), RemoveMembers("set", [A])),
    "gone member": ("set", RemoveMembers("set", [A]), AddMembers("set", [C])),
    "entry": ("dir", PutEntries("dir", {"x": A}), PutEntries("dir", {"y": A})),
    "node": ("tree", PutNodes("tree", {("x",): A}), PutNodes("tree", {("y",): A})),
    "record": (P, PutAspects(P, {A: person("x")}), PutAspects(P, {B: person("y")})),
    "gone record": (P, RemoveAspects(P, [A]), PutAspects(P, {B: person("y")})),
    "definition": (P, PutDefinition(OLDER), PutAspects(P, {B: person("y")})),
}
"""A hierarchy, what somebody else does to it, and what I do to it then without seeing that."""


@pytest.mark.parametrize("case", UNSEEN)
def test_ones_own_change_does_not_hide_that_of_another(store: Store, case: str) -> None:
    name, theirs, mine = UNSEEN[case]
    catalog = new_catalog(store, *start())
    store.commit(catalog, [theirs])
    store.commit(catalog, [mine], expect=1)
    before = store.load_catalog(catalog)
    with pytest.raises(ConflictError) as caught:
        store.commit(catalog, [DropHierarchy(name)], expect=1, own=[3])
    assert (caught.value.what, caught.value.revision) == (f"hierarchy {name!r}", 2)
    assert store.load_catalog(catalog) == before
    assert store.commit(catalog, [DropHierarchy(name)], expect=2, own=[3]).revision == 4


def test_a_revision_that_was_never_reached(store: Store) -> None:
    catalog = new_catalog(store, *start())
    store.commit(catalog, [Append("list", [A])])
    before = store.load_catalog(catalog)
    wrong = PutAspects(P, {A: {"age": 1}})  # which is told after that
    for edits in (
        [Splice("list", 0, 1)],
        [SetHeader("2")],
        [CreateHierarchy("x", LIST)],
        [wrong],
        [],
    ):
        for expect, own in ((3, []), (99, []), (2**62, []), (1, [3])):
            with pytest.raises(ConflictError) as caught:
                store.commit(catalog, edits, expect=expect, own=own)
            assert caught.value.what == f"catalog {catalog} (deleted and made anew)"
            assert caught.value.revision == 2
    assert store.load_catalog(catalog) == before
    assert store.commit(catalog, [Splice("list", 0, 1)], expect=1, own=[2]).revision == 3


def test_a_wrong_record_for_a_catalog_that_is_gone(store: Store) -> None:
    catalog = new_catalog(store, *start())
    store.commit(catalog, [PutAspects(P, {A: person("y")})])
    store.delete_catalog(catalog)
    with pytest.raises(CatalogNotFoundError):
        store.commit(catalog, [PutAspects(P, {A: {"age": 1}})])


def test_a_wrong_record_for_a_map_that_is_gone(store: Store) -> None:
    catalog = new_catalog(store, *start())
    wrong = PutAspects(P, {A: {"age": 1}})
    with pytest.raises(InvalidValueError):
        store.commit(catalog, [PutAspects(P, {A: person("y")}), wrong])
    store.commit(catalog, [DropHierarchy(P)])
    store.commit(catalog, [PutDefinition(PERSON)])
    with pytest.raises(MissingKeyError):
        store.commit(catalog, [wrong])


def test_conflicts_in_lists_of_ids(store: Store) -> None:
    """The one that clashes is named, wherever it stands among many."""
    catalog = new_catalog(store, *start())
    many = {UUID(int=i + 1): person("x") for i in range(7000)}
    store.commit(catalog, [PutAspects(P, many)])
    with pytest.raises(ConflictError, match=str(UUID(int=7000))):
        store.commit(
            catalog, [PutAspects(P, {A: person("y"), UUID(int=7000): person("y")})], expect=1
        )
