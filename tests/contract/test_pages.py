"""Pages: their sizes, their cursors, and going on where one ended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from cheap.core.edits import (
    AddMembers,
    Append,
    PutAspects,
    PutEntries,
    PutNodes,
    RemoveAspects,
    RemoveEntries,
    RemoveMembers,
    RemoveNodes,
    Splice,
)
from cheap.errors import InvalidQueryError
from cheap.store import MAX_LIMIT, Page, Store
from tests.contract.samples import (
    PERSON,
    A,
    directory_of,
    entities,
    items,
    list_of,
    map_of,
    new_catalog,
    set_of,
    tree_of,
)

IDS = entities(12)
NAMES = ("list", "set", "directory", "tree", PERSON.name)
Verb = Callable[..., Page[Any]]


def twelve(store: Store) -> UUID:
    """A catalog with twelve items in each hierarchy."""
    return new_catalog(
        store,
        *list_of("list", IDS),
        *set_of("set", IDS),
        *directory_of("directory", {str(each): each for each in IDS}),
        *tree_of("tree", {(str(each),): each for each in IDS}),
        *map_of(PERSON, {each: {"name": "x", "age": i} for i, each in enumerate(IDS)}),
    )


def verbs(store: Store, catalog: UUID) -> dict[str, Verb]:
    return {
        "list_catalogs": store.list_catalogs,
        "find_aspects": lambda **k: store.find_aspects(catalog, PERSON.name, **k),
        "find_in_order": lambda **k: store.find_aspects(catalog, PERSON.name, order_by="age", **k),
        "read_changes": lambda **k: store.read_changes(catalog, **k),
        **{name: partial(store.read_hierarchy, catalog, name) for name in NAMES},
    }


ALL = ["list_catalogs", "find_aspects", "find_in_order", "read_changes", *NAMES]


@pytest.mark.parametrize("verb", ALL)
def test_pages_fit_together(store: Store, verb: str) -> None:
    catalog = twelve(store)
    for _ in range(11):
        store.create_catalog()
    call = verbs(store, catalog)[verb]
    whole = call(limit=MAX_LIMIT)
    assert whole.next is None
    assert len(whole.items) >= 12
    for size in (1, 2, 5, 11, 12, 13):
        collected: list[object] = []
        cursor: str | None = None
        while True:
            page = call(limit=size, cursor=cursor)
            assert len(page.items) <= size
            collected += page.items
            cursor = page.next
            if cursor is None:
                break
            assert len(page.items) == size
        assert collected == list(whole.items)


@pytest.mark.parametrize("verb", ALL)
def test_a_page_of_all_is_the_last(store: Store, verb: str) -> None:
    call = verbs(store, twelve(store))[verb]
    count = len(call(limit=MAX_LIMIT).items)
    assert call(limit=count).next is None
    if count > 1:
        assert call(limit=count - 1).next is not None


LIMITS = (0, -1, MAX_LIMIT + 1, 2**70, 1.5, "5", None, True)
CURSORS = ("", "x", "ä", "0", "W10", "bnVsbA", "=" * 9, "x" * 100_000, b"x", 5, "\ud800")


def test_limits(store: Store) -> None:
    for verb, call in verbs(store, twelve(store)).items():
        for limit in LIMITS:
            with pytest.raises(InvalidQueryError, match="limit"):
                pytest.fail(f"{verb} {limit!r}: {call(limit=limit)}")


def test_malformed_cursors(store: Store) -> None:
    for verb, call in verbs(store, twelve(store)).items():
        for cursor in CURSORS:
            with pytest.raises(InvalidQueryError, match="cursor"):
                pytest.fail(f"{verb} {cursor!r}: {call(cursor=cursor)}")


def test_cursors_of_other_verbs(store: Store) -> None:
    catalog = twelve(store)
    store.create_catalog()
    calls = verbs(store, catalog)
    kinds = {"find_in_order": "find_aspects", **dict.fromkeys(NAMES, "read_hierarchy")}
    cursors = {verb: call(limit=1).next for verb, call in calls.items()}
    assert None not in cursors.values()
    for giver, cursor in cursors.items():
        for taker, call in calls.items():
            if kinds.get(giver, giver) != kinds.get(taker, taker):
                with pytest.raises(InvalidQueryError, match="cursor"):
                    call(cursor=cursor)


def test_a_cursor_is_text_that_can_stand_in_an_address(store: Store) -> None:
    catalog = twelve(store)
    store.create_catalog()
    for call in verbs(store, catalog).values():
        cursor = call(limit=1).next
        assert isinstance(cursor, str)
        assert set(cursor) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        )


def test_a_cursor_works_twice_and_elsewhere(store: Store, other: Store) -> None:
    catalog = twelve(store)
    for verb, call in verbs(store, catalog).items():
        if verb != "list_catalogs":
            cursor = call(limit=4).next
            expected = call(limit=4, cursor=cursor)
            assert call(limit=4, cursor=cursor) == expected
            assert verbs(other, catalog)[verb](limit=4, cursor=cursor) == expected


REMOVALS: dict[str, Callable[[UUID], Any]] = {
    "list": lambda e: Splice("list", IDS.index(e), 1),
    "set": lambda e: RemoveMembers("set", [e]),
    "directory": lambda e: RemoveEntries("directory", [str(e)]),
    "tree": lambda e: RemoveNodes("tree", [(str(e),)]),
    PERSON.name: lambda e: RemoveAspects(PERSON.name, [e]),
}
ADDITIONS: dict[str, Callable[[UUID], Any]] = {
    "list": lambda e: Append("list", [e]),
    "set": lambda e: AddMembers("set", [e]),
    "directory": lambda e: PutEntries("directory", {str(e): e}),
    "tree": lambda e: PutNodes("tree", {(str(e),): e}),
    PERSON.name: lambda e: PutAspects(PERSON.name, {e: {"name": "x"}}),
}


@pytest.mark.parametrize("name", NAMES)
def test_reading_goes_on_behind_what_is_gone(store: Store, name: str) -> None:
    catalog = twelve(store)
    page = store.read_hierarchy(catalog, name, limit=4)
    # Where the page ended, before it, and behind it; and one more at the end.
    store.commit(catalog, [REMOVALS[name](IDS[i]) for i in (8, 3, 0)])
    new = entities(1, start=700)[0]
    store.commit(catalog, [ADDITIONS[name](new)])
    rest = store.read_hierarchy(catalog, name, cursor=page.next)
    assert [each.entity for each in rest.items] == [*IDS[4:8], *IDS[9:], new]
    assert rest.next is None


@pytest.mark.parametrize("name", NAMES)
def test_a_page_behind_the_end_is_empty(store: Store, name: str) -> None:
    catalog = twelve(store)
    page = store.read_hierarchy(catalog, name, limit=11)
    store.commit(catalog, [REMOVALS[name](IDS[11])])
    rest = store.read_hierarchy(catalog, name, cursor=page.next)
    assert (rest.items, rest.next) == ((), None)


def test_the_usual_page_has_a_hundred(store: Store) -> None:
    ids = entities(150)
    catalog = new_catalog(
        store, *list_of("list", ids), *map_of(PERSON, {e: {"name": "x"} for e in ids})
    )
    assert len(store.read_hierarchy(catalog, "list").items) == 100
    assert len(store.find_aspects(catalog, PERSON.name).items) == 100
    assert len(store.read_changes(catalog).items) == 100
    assert items(store, catalog, "list") == ids


def test_iterators_read_page_by_page(store: Store) -> None:
    catalog = twelve(store)
    for iterate in (
        lambda: store.iter_hierarchy(catalog, "list", page_size=5),
        lambda: store.iter_aspects(catalog, PERSON.name, page_size=5),
        lambda: store.iter_changes(catalog, page_size=5),
        lambda: store.iter_catalogs(page_size=5),
    ):
        assert next(iter(iterate())) is not None
    with pytest.raises(InvalidQueryError):
        list(store.iter_hierarchy(catalog, "list", page_size=0))
    reader = store.iter_hierarchy(catalog, "list", page_size=6)
    seen = [next(reader).entity for _ in range(6)]
    store.commit(catalog, [Splice("list", 6, 6, [A])])
    assert [*seen, *(each.entity for each in reader)] == [*IDS[:6], A]
