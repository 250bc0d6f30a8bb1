"""The change feed: what happened after a revision, tombstones included."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from cheap.core import Aspect, AspectDef, HierarchyType
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
from cheap.errors import ConflictError, InvalidQueryError
from cheap.store import Change, ChangeKind, Store
from tests.contract.samples import (
    DIRECTORY,
    LIST,
    MAP,
    NOTE,
    PERSON,
    SET,
    TREE,
    A,
    B,
    C,
    changes_since,
    directory_of,
    entities,
    full_catalog,
    items,
    list_of,
    map_of,
    new_catalog,
    one_of_each,
    records,
    set_of,
    told,
    tree_of,
)

P = PERSON.name


def test_all_of_a_new_catalog(store: Store) -> None:
    catalog = new_catalog(store, SetHeader("2"), *one_of_each())
    found = changes_since(store, catalog)
    kinds = [each.kind for each in found]
    assert kinds == [
        ChangeKind.HEADER,
        ChangeKind.DEFINITION,
        *[ChangeKind.HIERARCHY] * 5,
        *[ChangeKind.ITEM] * 10,
        *[ChangeKind.ASPECT] * 2,
    ]
    assert {each.revision for each in found} == {1}
    assert not any(each.removed for each in found)
    assert found[0].value == store.get_catalog(catalog)
    assert (found[1].hierarchy, found[1].value) == (P, PERSON)
    assert [(each.hierarchy, each.value) for each in found[2:7]] == [
        ("list", LIST),
        ("set", SET),
        ("directory", DIRECTORY),
        ("tree", TREE),
        (P, MAP),
    ]
    assert [each.value for each in found[7:10]] == [A, B, A]  # the list, in order
    assert [(each.key, each.value) for each in found[10:12]] == [(B, B), (A, A)]
    assert [(each.key, each.value) for each in found[12:14]] == [("b", B), ("a", A)]
    assert [(each.key, each.value) for each in found[14:17]] == [
        (("x",), A),
        (("x", "y"), None),
        (("z",), B),
    ]
    assert [each.key for each in found[17:]] == [B, A]
    alice = found[-1].value
    assert isinstance(alice, Aspect)
    assert dict(alice) == {"name": "Alice", "age": 30, "tags": None}
    assert alice.entity == A


def test_nothing_new(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    page = store.read_changes(catalog, 1)
    assert (page.items, page.next) == ((), None)


@pytest.mark.parametrize("since", [2, 10**6, 2**62])
def test_a_revision_that_was_never_reached(store: Store, since: int) -> None:
    """Whoever knows it follows another catalog, which had this id before."""
    catalog = new_catalog(store, *one_of_each())
    with pytest.raises(ConflictError, match="made anew") as caught:
        store.read_changes(catalog, since)
    assert caught.value.revision == 1


@pytest.mark.parametrize("since", [-1, -(2**63)])
def test_there_is_no_time_before_the_beginning(store: Store, since: int) -> None:
    catalog = new_catalog(store)
    with pytest.raises(InvalidQueryError, match="since"):
        store.read_changes(catalog, since)


ONE_CHANGE: dict[str, tuple[Edit, tuple[object, ...]]] = {
    "header": (SetHeader("3"), (2, "header")),
    "definition": (PutDefinition(NOTE), (2, "put", "definition", "note", None)),
    "hierarchy": (CreateHierarchy("x", LIST), (2, "put", "hierarchy", "x", None)),
    "dropped": (DropHierarchy("set"), (2, "removed", "hierarchy", "set", None)),
    "dropped map": (DropHierarchy(P), (2, "removed", "hierarchy", P, None)),
    "member": (AddMembers("set", [C]), (2, "put", "item", "set", C)),
    "gone member": (RemoveMembers("set", [A]), (2, "removed", "item", "set", A)),
    "entry": (PutEntries("directory", {"a": C}), (2, "put", "item", "directory", "a")),
    "gone entry": (RemoveEntries("directory", ["a"]), (2, "removed", "item", "directory", "a")),
    "node": (PutNodes("tree", {("x",): C}), (2, "put", "item", "tree", ("x",))),
    "gone nodes": (RemoveNodes("tree", [("x",)]), (2, "removed", "item", "tree", ("x",))),
    "root": (PutNodes("tree", {(): C}), (2, "put", "item", "tree", ())),
    "aspect": (PutAspects(P, {A: {"name": "x"}}), (2, "put", "aspect", P, A)),
    "gone aspect": (RemoveAspects(P, [A]), (2, "removed", "aspect", P, A)),
}


@pytest.mark.parametrize("case", ONE_CHANGE)
def test_one_change(store: Store, case: str) -> None:
    edit, expected = ONE_CHANGE[case]
    catalog = new_catalog(store, *one_of_each())
    store.commit(catalog, [edit])
    found = changes_since(store, catalog, 1)
    assert [told(each) for each in found] == [expected]
    assert (found[0].value is None) is found[0].removed


@pytest.mark.parametrize("edit", [CreateIndex(P, "age"), DropIndex(P, "name"), Append("list", [])])
def test_what_is_not_content_is_no_change(store: Store, edit: Edit) -> None:
    catalog = new_catalog(store, *one_of_each(), CreateIndex(P, "name"))
    store.commit(catalog, [edit])
    assert changes_since(store, catalog, 1) == []


def test_each_item_appears_once(store: Store) -> None:
    catalog = new_catalog(store, *directory_of("dir"), *map_of(PERSON))
    for i in range(5):
        store.commit(catalog, [PutEntries("dir", {"a": A}), PutAspects(P, {A: {"name": str(i)}})])
    found = changes_since(store, catalog, 2)
    assert [told(each) for each in found] == [
        (6, "put", "item", "dir", "a"),
        (6, "put", "aspect", P, A),
    ]
    assert isinstance(found[1].value, Aspect)
    assert found[1].value["name"] == "4"


def test_the_order_within_a_revision(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    store.commit(
        catalog,
        [
            PutAspects(P, {C: {"name": "c"}}),
            RemoveAspects(P, [A]),
            AddMembers("set", [C]),
            CreateHierarchy("new", LIST),
            RemoveMembers("set", [A]),
            PutDefinition(NOTE),
            DropHierarchy("list"),
            SetHeader("9"),
            Append("new", [A]),
        ],
    )
    found = changes_since(store, catalog, 1)
    assert [(each.kind, each.removed) for each in found] == [
        (ChangeKind.HEADER, False),
        (ChangeKind.HIERARCHY, True),
        (ChangeKind.DEFINITION, False),
        (ChangeKind.HIERARCHY, False),
        *[(each.kind, True) for each in found[4:6]],
        (ChangeKind.ITEM, False),
        (ChangeKind.ITEM, False),
        (ChangeKind.ASPECT, False),
    ]
    assert {(each.kind, each.key) for each in found[4:6]} == {
        (ChangeKind.ITEM, A),
        (ChangeKind.ASPECT, A),
    }


def test_revisions_ascend(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    store.commit(catalog, [AddMembers("set", [C])])
    store.commit(catalog, [PutEntries("directory", {"a": C})])
    store.commit(catalog, [SetHeader("x"), RemoveNodes("tree", [("z",)])])
    store.commit(catalog, [PutAspects(P, {A: {"name": "x"}})])
    found = changes_since(store, catalog)
    revisions = [each.revision for each in found]
    assert revisions == sorted(revisions)
    for since in range(6):
        assert changes_since(store, catalog, since) == [c for c in found if c.revision > since]


def test_a_dropped_hierarchy_leaves_one_tombstone(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    store.commit(catalog, [RemoveMembers("set", [A])])
    store.drop_hierarchy(catalog, "set")
    assert [told(each) for each in changes_since(store, catalog, 1)] == [
        (3, "removed", "hierarchy", "set", None)
    ]
    store.commit(catalog, set_of("set", [C]))
    assert [told(each) for each in changes_since(store, catalog, 1)] == [
        (3, "removed", "hierarchy", "set", None),
        (4, "put", "hierarchy", "set", None),
        (4, "put", "item", "set", C),
    ]


def test_a_removed_branch_leaves_one_tombstone(store: Store) -> None:
    nodes: dict[tuple[str, ...], UUID | None] = {("a", str(i), str(i)): None for i in range(9)}
    catalog = new_catalog(store, *tree_of("tree", nodes))
    store.commit(catalog, [RemoveNodes("tree", [("a",)])])
    assert [told(each) for each in changes_since(store, catalog, 1)] == [
        (2, "removed", "item", "tree", ("a",))
    ]


def test_what_came_and_went_unseen_may_leave_a_tombstone_only(store: Store) -> None:
    catalog = new_catalog(store, *set_of("set"))
    store.commit(catalog, [AddMembers("set", [A]), RemoveMembers("set", [A])])
    found = changes_since(store, catalog, 1)
    assert all(each.removed for each in found)


def test_a_return_comes_after_its_tombstone(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    store.commit(catalog, [RemoveMembers("set", [A]), RemoveAspects(P, [A])])
    store.commit(catalog, [AddMembers("set", [A]), PutAspects(P, {A: {"name": "x"}})])
    found = changes_since(store, catalog, 1)
    for kind in (ChangeKind.ITEM, ChangeKind.ASPECT):
        assert [each.removed for each in found if each.kind is kind][-1] is False


def test_places_in_a_list_ascend_and_stay(store: Store) -> None:
    catalog = new_catalog(store, *list_of("list", [A, B, C]))

    def places() -> dict[object, UUID]:
        kept: dict[object, UUID] = {}
        for each in changes_since(store, catalog):
            if each.hierarchy == "list" and each.kind is ChangeKind.ITEM:
                if each.removed:
                    kept.pop(each.key, None)
                else:
                    assert isinstance(each.value, UUID)
                    kept[each.key] = each.value
        assert all(isinstance(key, int) for key in kept)
        return kept

    first = places()
    store.commit(catalog, [Splice("list", 1, 0, [C]), Append("list", [A])])
    second = places()
    assert first.items() <= second.items()
    assert [second[key] for key in sorted(second)] == items(store, catalog, "list")  # type: ignore[type-var]


# --- following ------------------------------------------------------------------------------


class Follower:
    """Somebody who holds a copy and knows nothing but the feed."""

    def __init__(self) -> None:
        self.known = 0
        self.header: object = None
        self.definitions: dict[str, object] = {}
        self.kinds: dict[str, HierarchyType] = {}
        self.content: dict[str, dict[object, object]] = {}

    def follow(self, store: Store, catalog: UUID, page_size: int = 100) -> None:
        revision = store.get_catalog(catalog).revision
        for change in store.iter_changes(catalog, self.known, page_size=page_size):
            self.apply(change)
        self.known = revision

    def apply(self, change: Change) -> None:
        name = change.hierarchy or ""
        if change.kind is ChangeKind.HEADER:
            self.header = change.value
        elif change.kind is ChangeKind.DEFINITION:
            # What was held under the old one is brought along, as the store does.
            self.definitions[name] = new = change.value
            assert isinstance(new, AspectDef)
            for key, held in self.content.get(name, {}).items():
                assert isinstance(held, Aspect)
                kept = {k: v for k, v in held.set_values().items() if k in new}
                self.content[name][key] = Aspect(new, kept)
        elif change.kind is ChangeKind.HIERARCHY:
            self.content.pop(name, None)
            if self.kinds.pop(name, None) is MAP and change.removed:
                self.definitions.pop(name, None)
            if not change.removed:
                assert isinstance(change.value, HierarchyType)
                self.kinds[name], self.content[name] = change.value, {}
        elif not change.removed:
            self.content[name][change.key] = change.value
        elif isinstance(change.key, tuple):
            depth = len(change.key)
            for path in [p for p in self.content[name] if p[:depth] == change.key]:  # type: ignore[index]
                del self.content[name][path]
        else:
            self.content[name].pop(change.key, None)

    def check(self, store: Store, catalog: UUID) -> None:
        """What the follower holds is what the store holds."""
        header = store.get_catalog(catalog)
        assert getattr(self.header, "version", None) == header.version
        defined = store.list_aspect_defs(catalog)
        assert self.definitions == {each.name: each for each in defined}
        kinds = {each.name: each.type for each in store.list_hierarchies(catalog)}
        assert self.kinds == kinds
        for name, kind in kinds.items():
            content = self.content[name]
            if kind is MAP:
                assert content == dict(records(store, catalog, name))
            elif kind is LIST:
                in_order = sorted(content)  # type: ignore[type-var]
                assert [content[key] for key in in_order] == items(store, catalog, name)
            elif kind is SET:
                assert set(content) == set(items(store, catalog, name))
            else:
                content = {
                    key: value for key, value in content.items() if (key, value) != ((), None)
                }
                assert content == {e.key: e.entity for e in store.iter_hierarchy(catalog, name)}


STEPS: list[Callable[[], list[Edit]]] = [
    lambda: [SetHeader("2"), *one_of_each()],
    lambda: [Append("list", [C, C]), Splice("list", 1, 1, [C, A])],
    lambda: [RemoveMembers("set", [A]), RemoveEntries("directory", ["a"]), RemoveAspects(P, [A])],
    lambda: [
        AddMembers("set", [A]),
        PutEntries("directory", {"a": C}),
        PutAspects(P, {A: {"name": "2"}}),
    ],
    lambda: [RemoveNodes("tree", [("x",)]), PutNodes("tree", {("x", "q", "r"): A, (): C})],
    lambda: [RemoveNodes("tree", [("x", "q")]), PutNodes("tree", {(): None})],
    lambda: [PutDefinition(PERSON.without_properties("age")), PutAspects(P, {C: {"name": "3"}})],
    lambda: [DropHierarchy("set"), *directory_of("set", {"now": A})],
    lambda: [DropHierarchy(P), *map_of(NOTE, {A: {"title": "t"}}, "title")],
    lambda: [Splice("list", 0, 3), DropHierarchy("tree"), DropHierarchy("set")],
    lambda: [*map_of(PERSON, {B: {"name": "back"}}), *tree_of("tree", {("y",): None})],
    lambda: [Splice("list", 0, 0, entities(40)), *(Splice("list", 1, 0, [C]) for _ in range(40))],
    lambda: [Splice("list", 0, 82), Append("list", [B])],
]


@pytest.mark.parametrize("page_size", [1, 3, 50])
def test_who_follows_the_feed_holds_the_same(store: Store, page_size: int) -> None:
    """Whether he looks after every step, now and then, or once."""
    catalog = new_catalog(store)
    followers = {stride: Follower() for stride in (1, 5, len(STEPS))}
    for number, step in enumerate(STEPS, start=1):
        store.commit(catalog, step())
        for stride, follower in followers.items():
            if number % stride == 0:
                follower.follow(store, catalog, page_size)
                follower.check(store, catalog)


def test_a_follower_of_a_full_catalog(store: Store) -> None:
    catalog = full_catalog()
    store.save_catalog(catalog)
    follower = Follower()
    follower.follow(store, catalog.global_id, page_size=7)
    follower.check(store, catalog.global_id)


def test_pages_do_not_depend_on_their_size(store: Store) -> None:
    catalog = new_catalog(store)
    for step in STEPS[:7]:
        store.commit(catalog, step())
    expected = changes_since(store, catalog)
    for size in (1, 2, 3, 5, len(expected) - 1, len(expected), len(expected) + 1):
        assert list(store.iter_changes(catalog, page_size=size)) == expected
    assert store.read_changes(catalog, limit=len(expected)).next is None


def test_a_page_goes_on_where_the_last_one_ended(store: Store) -> None:
    """Whatever is committed in between: nothing that stays is passed over."""
    ids = entities(20)
    catalog = new_catalog(store, *set_of("set", ids))
    page = store.read_changes(catalog, 0, limit=10)
    seen = {each.key for each in page.items if each.kind is ChangeKind.ITEM}
    gone = ids[7:12]
    store.commit(catalog, [RemoveMembers("set", gone), AddMembers("set", [ids[8]])])
    while page.next:
        page = store.read_changes(catalog, 0, cursor=page.next, limit=3)
        for each in page.items:
            (seen.discard if each.removed else seen.add)(each.key)
    assert seen == set(items(store, catalog, "set"))


def test_many_changes(store: Store) -> None:
    ids = entities(3000)
    catalog = new_catalog(
        store, *map_of(PERSON, {e: {"name": "x"} for e in ids}), *set_of("s", ids)
    )
    store.commit(catalog, [RemoveAspects(P, ids[::2]), RemoveMembers("s", ids[1::2])])
    found = changes_since(store, catalog, 1)
    assert all(each.removed for each in found)
    assert {(each.hierarchy, each.key) for each in found} == {
        *((P, e) for e in ids[::2]),
        *(("s", e) for e in ids[1::2]),
    }
    assert len(found) == 3000


def test_another_store_reads_the_same(store: Store, other: Store) -> None:
    catalog = new_catalog(store)
    for step in STEPS[:6]:
        store.commit(catalog, step())
    assert changes_since(other, catalog) == changes_since(store, catalog)
