"""Every store against the memory store: the same calls, in any order, with the same outcome.

A machine (hypothesis) makes up edits, saves, reloads, clashes and questions, does each on both
stores, and compares what came back: values, revisions, counts of rows, kinds of error. After each
step both hold equal catalogs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cheap.core import (
    Aspect,
    AspectDef,
    AspectMap,
    Catalog,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    HierarchyType,
    Order,
    PropertyDef,
    PropertyType,
    field,
)
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
from cheap.db.memory import MemoryDao
from cheap.errors import CheapError, ConflictError
from cheap.store import Change, ChangeKind, Store
from tests.lanes import Lane, Place

T = PropertyType
ENTITIES = [UUID(int=(i * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128) for i in range(1, 5)]
TALL = AspectDef(
    "people",
    [
        PropertyDef("name", T.STRING, nullable=False),
        PropertyDef("age", T.INTEGER, default=7),
        PropertyDef("tags", T.STRING, multivalued=True),
        PropertyDef("text", T.CLOB),
    ],
)
SHORT = TALL.without_properties("age")
FIRM = TALL.with_properties(PropertyDef("age", T.INTEGER, nullable=False))
SPARE = AspectDef("spare", [PropertyDef("x", T.STRING)])
SPARE_TOO = AspectDef("spare", [PropertyDef("y", T.STRING, default="")])
KINDS = {
    "list": HierarchyType.ENTITY_LIST,
    "set": HierarchyType.ENTITY_SET,
    "dir": HierarchyType.ENTITY_DIR,
    "tree": HierarchyType.ENTITY_TREE,
    "people": HierarchyType.ASPECT_MAP,
}


def anew(name: str) -> tuple[Edit, ...]:
    """A hierarchy is dropped, and made anew with nothing in it."""
    made: list[Edit] = [DropHierarchy(name)]
    if name == "people":
        made.append(PutDefinition(TALL))
    return (*made, CreateHierarchy(name, KINDS[name]))


class Long(str):
    """More than fits into a piece, and easy to read in a report."""

    def __repr__(self) -> str:
        return "LONG"


LONG = Long("l" * 300_000)
entity = st.sampled_from(ENTITIES)
entities = st.lists(entity, max_size=3)
key = st.sampled_from(["a", "A", "ä", "", "a/b", "'; --"])
path = st.lists(st.sampled_from(["x", "", "y"]), min_size=1, max_size=2).map(tuple)
spare = st.sampled_from(["spare", "Spare", "list", "people"])
record = st.fixed_dictionaries(
    {"name": st.sampled_from(["", "Al", "al", "Bo"])},
    optional={
        "age": st.none() | st.integers(-2, 2),
        "tags": st.lists(key, max_size=3),
        "text": st.sampled_from(["", LONG]),
    },
)
aged = st.fixed_dictionaries({"name": st.just("Al"), "age": st.integers(-2, 2)})
brief = st.fixed_dictionaries({"name": st.sampled_from(["", "Al"])})
EDITS: dict[str, st.SearchStrategy[Any]] = {
    "append": st.builds(Append, st.just("list"), entities),
    "splice": st.builds(
        Splice, st.just("list"), st.integers(0, 6), st.integers(0, 3), entities
    ),
    "add": st.builds(AddMembers, st.just("set"), entities),
    "remove members": st.builds(RemoveMembers, st.just("set"), entities),
    "put entries": st.builds(
        PutEntries, st.just("dir"), st.dictionaries(key, entity, max_size=3)
    ),
    "remove entries": st.builds(RemoveEntries, st.just("dir"), st.lists(key, max_size=3)),
    "put nodes": st.builds(
        PutNodes,
        st.just("tree"),
        st.dictionaries(path | st.just(()), entity | st.none(), max_size=3),
    ),
    "remove nodes": st.builds(RemoveNodes, st.just("tree"), st.lists(path, max_size=2)),
    "put aspects": st.builds(
        PutAspects, st.just("people"), st.dictionaries(entity, record, max_size=3)
    ),
    "remove aspects": st.builds(RemoveAspects, st.just("people"), entities),
    "header": st.builds(
        SetHeader, st.none() | st.sampled_from(["1", "2"]), st.sampled_from([None, "", "a:b"])
    ),
    "define": st.builds(PutDefinition, st.sampled_from([TALL, SHORT, FIRM])),
    "create": st.builds(
        CreateHierarchy, spare, st.sampled_from([*KINDS.values()]), st.just(())
    ),
    "drop": st.builds(DropHierarchy, spare),
    "drop list": st.just(DropHierarchy("list")),
    "define without map": st.builds(PutDefinition, st.sampled_from([SPARE, SPARE_TOO])),
    "drop definition": st.builds(DropDefinition, spare),
    "index": st.builds(CreateIndex, st.just("people"), st.sampled_from(["name", "age", "tags"])),
    "unindex": st.builds(DropIndex, st.just("people"), st.sampled_from(["name", "age"])),
    **{f"make {name} anew": st.just(anew(name)) for name in KINDS},
    "wrong kind": st.builds(Append, st.sampled_from(["set", "people", "spare"]), entities),
}  # fmt: skip
# Edits that can get into each other's way.
GROUPS = (
    ("append", "splice", "drop list", "make list anew"),
    ("add", "remove members", "make set anew"),
    ("put entries", "remove entries", "make dir anew"),
    ("put nodes", "remove nodes", "make tree anew"),
    ("put aspects", "remove aspects", "define", "index", "make people anew"),
    ("header",),
)
# The last thing that may be in a commit: what goes before it must be undone with it.
WRONG: st.SearchStrategy[Any] = st.sampled_from(
    [
        Splice("list", 99, 1),
        RemoveNodes("tree", [()]),
        PutAspects("people", {ENTITIES[0]: {"age": "x"}}),
        CreateIndex("people", "text"),
        Append("nowhere", []),
    ]
)


def flat(edits: Iterable[Edit | tuple[Edit, ...]]) -> list[Edit]:
    """The edits, of which some come several together."""
    made: list[Edit] = []
    for edit in edits:
        made += edit if isinstance(edit, tuple) else [edit]
    return made


def few(group: Iterable[str]) -> st.SearchStrategy[list[Edit]]:
    """One or two edits of a group."""
    return st.lists(st.one_of(*(EDITS[name] for name in group)), min_size=1, max_size=2).map(flat)


clashing = st.sampled_from(GROUPS).flatmap(
    lambda group: st.tuples(few(group), few(group), few(group))
)
some_edits = st.lists(st.one_of(*EDITS.values()), min_size=1, max_size=4).map(flat)
where = st.sampled_from(
    [
        None,
        field("name") == "Al",
        field("name").starts_with("A"),
        field("age") > 0,
        field("age").is_null(),
        (field("age") <= 7) & ~(field("name") == ""),
        field("tags").contains("a") | (field("name") == "Bo"),
        field("text").is_null(),
        field("nothing") == 1,
    ]
)
order = st.sampled_from([(), "name", "-name", "age", ("-age", "name"), (Order("name"), "-age")])
number = st.integers(0, 99)


class Machine(RuleBasedStateMachine):
    """Two stores, and two users who have each loaded a copy from both."""

    def __init__(self, store: Store, transactions: bool) -> None:
        super().__init__()
        self.memory = MemoryDao()
        self.stores: tuple[Store, Store] = (store, self.memory)
        self.transactions = transactions
        header = store.create_catalog()
        self.id = header.catalog_id
        self.memory.create_catalog(catalog_id=self.id)
        start: list[Edit] = [PutDefinition(TALL)]
        start += [CreateHierarchy(name, kind) for name, kind in KINDS.items()]
        start += [
            Append("list", ENTITIES[:3]),
            AddMembers("set", ENTITIES[:2]),
            PutEntries("dir", {"a": ENTITIES[0], "A": ENTITIES[1]}),
            PutNodes("tree", {("x", "y"): ENTITIES[0], ("",): None}),
            PutAspects("people", {e: {"name": "Al"} for e in ENTITIES[:3]}),
        ]
        self.both(lambda each: each.commit(self.id, start))
        self.copies = [self.load() for _ in range(2)]

    def teardown(self) -> None:
        self.stores[0].delete_catalog(self.id)

    def load(self) -> tuple[Catalog, Catalog]:
        first, second = (each.load_catalog(self.id) for each in self.stores)
        assert first == second
        return first, second

    def both(self, call: Callable[[Store], Any], shown: Callable[[Any], Any] | None = None) -> Any:
        """Do the same on both stores; the outcomes must be the same."""
        return self.pair([lambda each=each: call(each) for each in self.stores], shown)

    def pair(self, calls: Sequence[Callable[[], Any]], shown: Any = None) -> Any:
        outcomes: list[tuple[str, Any]] = []
        for call in calls:
            try:
                value = call()
                outcomes.append(("answered", shown(value) if shown else value))
            except CheapError as error:
                outcomes.append(("raised", (type(error), subject(error))))
        assert outcomes[0] == outcomes[1]
        return outcomes[0]

    # --- writing --------------------------------------------------------------------------

    @rule(edits=some_edits, back=st.none() | st.integers(-1, 5), own=st.booleans())
    def commit(self, edits: list[Edit], back: int | None, own: bool) -> None:
        revision = self.memory.get_catalog(self.id).revision
        expect = None if back is None else max(0, revision - back)
        mine = [revision] if own else []
        self.both(lambda each: each.commit(self.id, edits, expect=expect, own=mine))

    @rule(edits=clashing, own=st.booleans(), between=st.booleans())
    def clash(
        self, edits: tuple[list[Edit], list[Edit], list[Edit]], own: bool, between: bool
    ) -> None:
        """One commits after another had read, who then commits twice."""
        theirs, *mine = edits
        self.contend(theirs, mine, own, between)

    def contend(
        self, theirs: list[Edit], mine: Sequence[list[Edit]], own: bool, between: bool
    ) -> None:
        revision = self.memory.get_catalog(self.id).revision
        how, _ = self.both(lambda each: each.commit(self.id, theirs))
        if between:
            self.both(lambda each: each.commit(self.id, [SetHeader("between")]))
        known = [revision + 1] if own and how == "answered" else []
        for batch in mine:
            how, done = self.both(
                lambda each, batch=batch, known=known: each.commit(
                    self.id, batch, expect=revision, own=known
                )
            )
            if how == "answered":
                known = [*known, done.revision]

    @rule(
        theirs=st.dictionaries(entity, aged, max_size=2),
        mine=st.dictionaries(entity, brief, max_size=2),
        gone=entities,
        own=st.booleans(),
    )
    def clash_with_a_definition(
        self, theirs: dict[UUID, Any], mine: dict[UUID, Any], gone: list[UUID], own: bool
    ) -> None:
        """One defines, and puts and removes records that another may just have put."""
        self.both(lambda each: each.commit(self.id, [PutDefinition(TALL)]))
        edits = [
            PutDefinition(SHORT), PutAspects("people", mine), RemoveAspects("people", gone)
        ]  # fmt: skip
        self.contend([PutAspects("people", theirs)], [edits], own, between=False)

    @rule(what=st.integers(0, 9), e=entity, k=key, p=path, r=record, n=number)
    def clash_of_copies(
        self, what: int, e: UUID, k: str, p: tuple[str, ...], r: dict[str, Any], n: int
    ) -> None:
        """Both users do the same, and both save."""
        for who in (0, 1):
            self.edit_copy(who, what, e, k, p, r, n + who)
        for who in (0, 1):
            self.save(who)

    @rule(edits=some_edits, wrong=WRONG)
    def commit_in_vain(self, edits: list[Edit], wrong: Edit) -> None:
        self.both(lambda each: each.commit(self.id, [*edits, wrong]))

    @rule(edits=st.lists(some_edits, min_size=1, max_size=3), rolled_back=st.booleans())
    def transaction(self, edits: list[list[Edit]], rolled_back: bool) -> None:
        if not self.transactions:
            return

        def call(store: Store) -> list[Any]:
            done: list[Any] = []
            with contextlib.suppress(ZeroDivisionError), store.transaction():  # type: ignore[attr-defined]
                for batch in edits:
                    try:
                        done.append(store.commit(self.id, batch))
                    except CheapError as error:
                        done.append(type(error))
                if rolled_back:
                    raise ZeroDivisionError
            return done

        self.both(call)

    @rule(which=entity, text=st.sampled_from(["", "short", LONG]))
    def write_value(self, which: UUID, text: str) -> None:
        self.both(lambda each: each.write_value(self.id, "people", which, "text", [text, "!"]))

    # --- copies ---------------------------------------------------------------------------

    @rule(
        who=st.integers(0, 1), what=st.integers(0, 9), e=entity, k=key, p=path, r=record, n=number
    )
    def edit_copy(
        self, who: int, what: int, e: UUID, k: str, p: tuple[str, ...], r: dict[str, Any], n: int
    ) -> None:
        first, second = self.copies[who]
        self.pair(
            [lambda: edit(first, what, e, k, p, r, n), lambda: edit(second, what, e, k, p, r, n)]
        )
        assert first == second

    @rule(who=st.integers(0, 1))
    def save(self, who: int) -> None:
        copies = self.copies[who]
        how, _ = self.pair(
            [lambda s=s, c=c: s.save_catalog(c) for s, c in zip(self.stores, copies, strict=True)]
        )
        assert copies[0].is_modified == copies[1].is_modified
        if how == "raised":
            self.copies[who] = self.load()

    @rule(who=st.integers(0, 1))
    def reload(self, who: int) -> None:
        self.copies[who] = self.load()

    @rule(who=st.integers(0, 1), names=st.lists(st.sampled_from([*KINDS, "spare"]), max_size=2))
    def load_part(self, who: int, names: list[str]) -> None:
        how, _ = self.both(lambda each: each.load_catalog(self.id, only=names))
        if how == "answered":
            first, second = (each.load_catalog(self.id, only=names) for each in self.stores)
            self.copies[who] = (first, second)

    @rule(who=st.integers(0, 1))
    def replace(self, who: int) -> None:
        copies = self.copies[who]
        how, _ = self.pair(
            [
                lambda s=s, c=c: s.save_catalog(c, replace=True)
                for s, c in zip(self.stores, copies, strict=True)
            ]
        )
        if how == "raised":
            self.copies[who] = self.load()

    # --- questions ------------------------------------------------------------------------

    @rule(where=where, order=order, size=st.sampled_from([1, 2, 1000]))
    def find(self, where: Any, order: Any, size: int) -> None:
        self.both(
            lambda each: list(
                each.iter_aspects(self.id, "people", where, order_by=order, page_size=size)
            ),
            lambda found: [(a.entity, a.set_values()) for a in found],
        )

    @rule(wanted=st.lists(entity, max_size=4))
    def get(self, wanted: list[UUID]) -> None:
        self.both(
            lambda each: each.get_aspects(self.id, "people", wanted),
            lambda found: {e: (a.definition, a.set_values()) for e, a in found.items()},
        )

    @rule(name=st.sampled_from([*KINDS, "spare"]), size=st.sampled_from([1, 3, 1000]))
    def read(self, name: str, size: int) -> None:
        self.both(lambda each: list(each.iter_hierarchy(self.id, name, page_size=size)))

    @rule(which=entity, offset=st.sampled_from([0, 0, 1, 299_999, 300_000, -1]))
    def read_piece(self, which: UUID, offset: int) -> None:
        self.both(lambda each: each.read_piece(self.id, "people", which, "text", offset).value)
        self.both(lambda each: b"".join(each.read_value(self.id, "people", which, "text")))

    @rule(back=st.integers(0, 6), size=st.sampled_from([1, 5, 1000]))
    def changes(self, back: int, size: int) -> None:
        since = max(0, self.memory.get_catalog(self.id).revision - back)
        self.both(lambda each: told(each.iter_changes(self.id, since, page_size=size)))

    @invariant()
    def hold_the_same(self) -> None:
        self.both(lambda each: each.get_catalog(self.id))
        self.both(lambda each: each.list_hierarchies(self.id))
        self.both(lambda each: each.list_aspect_defs(self.id))
        first, second = self.load()
        assert [m.indexes for m in maps(first)] == [m.indexes for m in maps(second)]


def subject(error: CheapError) -> tuple[str, ...]:
    """What a conflict is about: of which kind, and in which hierarchy. Of several, any is named."""
    if not isinstance(error, ConflictError):
        return ()
    names = [name for name in (*KINDS, "spare") if repr(name) in error.what]
    return (error.what.split()[0], *names)


def maps(catalog: Catalog) -> list[AspectMap]:
    return [each for each in catalog.hierarchies.values() if isinstance(each, AspectMap)]


def edit(
    catalog: Catalog,
    what: int,
    e: UUID,
    k: str,
    p: tuple[str, ...],
    r: dict[str, Any],
    n: int,
) -> None:
    """Do one edit on a loaded copy, if it has what the edit is for."""
    chosen: Any = catalog.hierarchies.get([*KINDS][what % 5])
    away = what >= 5
    match chosen:
        case EntityList() if away:
            del chosen[n % 3 : n % 5]
        case EntityList():
            chosen.insert(n % (len(chosen) + 1), e)
        case EntitySet():
            (chosen.discard if away else chosen.add)(e)
        case EntityDirectory() if away:
            chosen.pop(k, None)
        case EntityDirectory():
            chosen[k] = e
        case EntityTree() if away:
            if p in chosen:
                del chosen[p]
        case EntityTree():
            chosen[p] = e if n % 2 else None
        case AspectMap() if away:
            chosen.pop(e, None)
        case AspectMap() if e in chosen and n % 2:
            chosen[e]["name"] = r["name"]
        case AspectMap():
            chosen[e] = r
        case _ if n % 10 == 0 and "spare" not in catalog:
            catalog.create_set("spare", [e])
        case _:
            catalog.version = str(n)


def told(changes: Iterable[Change]) -> list[tuple[Any, ...]]:
    """What a feed says, without what it may say or not.

    A tombstone of something that came back may be missing, and so may one below another. List
    items may have moved, and with them their numbers.
    """
    found = list(changes)
    assert [each.revision for each in found] == sorted(each.revision for each in found)
    last: dict[tuple[Any, Any], Change] = {}
    for each in found:
        if each.kind is ChangeKind.ITEM or each.kind is ChangeKind.ASPECT:
            last[each.hierarchy, each.key] = each
    lists = {
        each.hierarchy
        for each in found
        if isinstance(each.key, int) and not isinstance(each.key, bool)
    }
    shown: list[tuple[Any, ...]] = []
    for each in found:
        if each.hierarchy in lists and each.kind is ChangeKind.ITEM:
            continue
        if each.removed and last.get((each.hierarchy, each.key), each) is not each:
            continue
        if each.removed and isinstance(each.key, tuple):
            above = (
                last.get((each.hierarchy, each.key[:depth])) for depth in range(1, len(each.key))
            )
            if any(a is not None and a.removed and a.revision >= each.revision for a in above):
                continue
        value: Any = each.value
        if isinstance(value, Aspect):
            value = (value.definition, value.set_values())
        shown.append(
            (each.revision, each.kind.value, each.removed, each.hierarchy, repr(each.key), value)
        )
    return sorted(shown, key=lambda each: [str(part) for part in each[:5]])


def examples(lane: Lane, *, daily: bool) -> int:
    """How many. Behind a door it is the same DAO; what a door adds shows in a few of them."""
    if lane.door != "dao":
        return 4
    return 60 if lane.fast and not daily else 20


@pytest.mark.against_memory
def test_against_memory(place: Place, lane: Lane, pytestconfig: pytest.Config) -> None:
    run_state_machine_as_test(
        lambda: Machine(place.store, lane.transactions),
        settings=settings(
            max_examples=examples(lane, daily=pytestconfig.option.fast),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )
