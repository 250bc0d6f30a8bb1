"""Any value of any type: kept to the bit, or refused before a store sees it. By hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cheap.core import AspectDef, PropertyDef, field
from cheap.core.edits import PutAspects, PutEntries, PutNodes
from cheap.core.filters import Condition
from cheap.core.values import check_value
from cheap.errors import InvalidNameError, InvalidValueError
from cheap.store import Store
from tests.contract.samples import (
    DIRECTORY,
    MAP,
    T,
    contents,
    entities,
    map_of,
    new_catalog,
    records,
    revision_of,
    tree_of,
)

ANY_TEXT = st.text(st.characters(codec=None), max_size=40)
"""Also with NUL and lone surrogates, which are refused."""
TEXT = st.text(max_size=40).filter(lambda text: "\0" not in text)
ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INTS = st.one_of(
    st.integers(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 2**31, 2**53 + 1]),
    st.integers(1, 400).map(lambda digits: -(10**digits)),
)
AWARE = st.datetimes(timezones=ZONES)
DECIMALS = st.one_of(
    st.decimals(),
    st.builds(
        lambda sign, digits, exponent: Decimal((sign, tuple(map(int, digits)), exponent)),
        st.integers(0, 1),
        st.text("0123456789", min_size=1, max_size=60),
        st.integers(-400, 400),
    ),
)
URIS = st.one_of(
    ANY_TEXT,
    st.builds(
        lambda scheme, host, path, query: f"{scheme}://{host}/{quote(path)}?{quote(query)}",
        st.sampled_from(["http", "urn", "a+b.c-d"]),
        st.sampled_from(["example.com", "[::1]", "", "a.b:80", "u:p@h"]),
        st.text(max_size=9),
        st.text(max_size=9),
    ),
)
VALUES: dict[T, st.SearchStrategy[Any]] = {
    T.INTEGER: INTS,
    T.FLOAT: st.one_of(st.floats(), INTS),
    T.BOOLEAN: st.booleans(),
    T.STRING: ANY_TEXT,
    T.TEXT: ANY_TEXT,
    T.BIG_INTEGER: INTS,
    T.BIG_DECIMAL: DECIMALS,
    T.DATE_TIME: st.one_of(AWARE, st.datetimes(), st.just(datetime.max)),
    T.URI: URIS,
    T.UUID: st.uuids(),
    T.CLOB: ANY_TEXT,
    T.BLOB: st.binary(max_size=60),
}
OF_ANY_KIND = st.one_of(
    *VALUES.values(), st.none(), st.just(()), st.lists(st.integers(), max_size=2)
)

few = settings(max_examples=12)


@pytest.fixture
def few_here(lane: object) -> settings:
    """Fewer behind a door, for those that take long: what becomes of values the DAO decides."""
    return few if str(lane).endswith("-dao") else settings(few, max_examples=4)


def definition(kind: T) -> AspectDef:
    return AspectDef("v", [PropertyDef("one", kind), PropertyDef("many", kind, multivalued=True)])


def exact(value: Any) -> Any:
    """A value so that only the very same equals it."""
    if isinstance(value, tuple):
        return tuple(map(exact, value))
    return type(value), value.as_tuple() if isinstance(value, Decimal) else repr(value)


def accepted(kind: T, record: dict[str, Any]) -> dict[str, Any] | None:
    """What core makes of a record, by the rules; None if it refuses it."""
    canonical: dict[str, Any] = {}
    for name, value in record.items():
        checked, faults = check_value(name, kind, value, nullable=True, multivalued=name == "many")
        if faults:
            return None
        canonical[name] = checked
    return canonical


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.value)
def test_any_value(store: Store, few_here: settings, kind: T) -> None:
    @few_here
    @given(
        st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "one": VALUES[kind] | st.none(),
                    "many": st.lists(VALUES[kind], max_size=4) | st.none(),
                },
            ),
            max_size=40,
        )
    )
    def check(batch: list[dict[str, Any]]) -> None:
        catalog = new_catalog(store, *map_of(definition(kind)))
        ids = entities(len(batch))
        good: dict[UUID, dict[str, Any]] = {}
        right: dict[UUID, dict[str, Any]] = {}
        for entity, record in zip(ids, batch, strict=True):
            canonical = accepted(kind, record)
            if canonical is None:
                with pytest.raises(InvalidValueError):
                    store.commit(catalog, [PutAspects("v", {entity: record})])
            else:
                good[entity], right[entity] = record, canonical
        assert revision_of(store, catalog) == 1
        store.commit(catalog, [PutAspects("v", good)])
        expected = {
            entity: {name: exact(value) for name, value in record.items()}
            for entity, record in right.items()
        }
        for found in (
            {e: a for e, a in records(store, catalog, "v") if e},
            store.get_aspects(catalog, "v", ids),
            dict(store.load_catalog(catalog).aspect_map("v")),
        ):
            assert {
                entity: {name: exact(value) for name, value in aspect.set_values().items()}
                for entity, aspect in found.items()
            } == expected

    check()


@few
@given(st.lists(st.tuples(st.sampled_from(list(T)), OF_ANY_KIND), max_size=60))
def test_values_of_any_kind_for_any_type(store: Store, pairs: list[tuple[T, Any]]) -> None:
    """A value is taken when core's rules take it, whatever it is."""
    kinds = list(T)
    many = AspectDef("v", [PropertyDef(kind.value, kind) for kind in kinds])
    catalog = new_catalog(store, *map_of(many))
    good: dict[UUID, dict[str, Any]] = {}
    for entity, (kind, value) in zip(entities(len(pairs)), pairs, strict=True):
        checked, faults = check_value("x", kind, value, nullable=True, multivalued=False)
        if faults:
            with pytest.raises(InvalidValueError):
                store.commit(catalog, [PutAspects("v", {entity: {kind.value: value}})])
        else:
            good[entity] = {kind.value: value}
    store.commit(catalog, [PutAspects("v", good)])
    found = store.get_aspects(catalog, "v", list(good))
    for entity, record in good.items():
        ((name, value),) = record.items()
        checked, _ = check_value("x", T(name), value, nullable=True, multivalued=False)
        assert exact(found[entity][name]) == exact(checked)


@pytest.mark.parametrize(
    "kind", [kind for kind in VALUES if not kind.is_large], ids=lambda kind: kind.value
)
def test_any_order(store: Store, few_here: settings, kind: T) -> None:
    """An index and a scan order alike, up and down."""

    @few_here
    @given(st.lists(VALUES[kind] | st.none(), max_size=30))
    def check(values: list[Any]) -> None:
        right = [v for v in values if accepted(kind, {"one": v}) is not None]
        given_ = {e: {"one": v} for e, v in zip(entities(len(right)), right, strict=True)}
        scanned = new_catalog(store, *map_of(definition(kind), given_))
        indexed = new_catalog(store, *map_of(definition(kind), given_, "one", "many"))
        for word in ("one", "-one"):
            orders = [
                [
                    (each.entity, exact(each["one"]))
                    for each in store.iter_aspects(catalog, "v", order_by=word, page_size=7)
                ]
                for catalog in (scanned, indexed)
            ]
            assert orders[0] == orders[1]
            assert len(orders[0]) == len(right)

    check()


def another_form(value: Any, number: int) -> Any:
    """A value that Python says is equal, written in another way if there is one."""
    match value:
        case Decimal():
            sign, digits, exponent = value.as_tuple()
            assert isinstance(exponent, int)
            sign = sign if value else number % 2
            return Decimal((sign, digits + (0,) * number, exponent - number))
        case datetime() if 1 < value.year < 9999:
            return value.astimezone(timezone(timedelta(hours=number)))
        case float() if value.is_integer() and number:
            return int(value)
        case _:
            return value


def forms_of_few(kind: T) -> st.SearchStrategy[st.SearchStrategy[Any]]:
    """Values of a type, so few that they meet, each in several forms."""
    # Two of three datetimes of any kind are refused, and to leave out so many is an error.
    any_ = AWARE if kind is T.DATE_TIME else VALUES[kind]
    good = any_.filter(lambda value: accepted(kind, {"one": value}) is not None)
    return st.lists(good, min_size=1, max_size=3).map(
        lambda few_: st.builds(another_form, st.sampled_from(few_), st.integers(0, 2))
    )


@pytest.mark.parametrize(
    "kind", [kind for kind in VALUES if not kind.is_large], ids=lambda kind: kind.value
)
def test_any_filter(store: Store, few_here: settings, kind: T) -> None:
    """A filter finds what Python's own comparison finds, with an index and without."""

    @few_here
    @given(st.data())
    def check(data: st.DataObject) -> None:
        forms = data.draw(forms_of_few(kind))
        record = st.fixed_dictionaries(
            {"one": forms | st.none(), "many": st.lists(forms, max_size=3)}
        )
        batch = data.draw(st.lists(record, min_size=1, max_size=8))
        operand, other = data.draw(forms), data.draw(forms)
        given_ = dict(zip(entities(len(batch)), batch, strict=True))
        held: dict[UUID, Any] = {e: accepted(kind, each) for e, each in given_.items()}
        mine = accepted(kind, {"one": operand, "many": [operand, other]})
        assert mine is not None
        value, either = mine["one"], mine["many"]
        one = field("one")
        tests: list[tuple[Condition, Callable[[Any], bool]]] = [
            (one == operand, lambda r: r["one"] == value),
            (one != operand, lambda r: r["one"] != value),
            (one < operand, lambda r: r["one"] is not None and r["one"] < value),
            (one <= operand, lambda r: r["one"] is not None and r["one"] <= value),
            (one > operand, lambda r: r["one"] is not None and r["one"] > value),
            (one >= operand, lambda r: r["one"] is not None and r["one"] >= value),
            (one.is_in([operand, other]), lambda r: r["one"] in either),
            (field("many").contains(operand), lambda r: value in r["many"]),
        ]
        for indexes in ((), ("one", "many")):
            catalog = new_catalog(store, *map_of(definition(kind), given_, *indexes))
            for where, test in tests:
                expected = [entity for entity, record in held.items() if test(record)]
                found = store.iter_aspects(catalog, "v", where, page_size=3)
                assert [each.entity for each in found] == sorted(expected, key=lambda e: e.bytes)

    check()


@few
@given(st.dictionaries(ANY_TEXT, st.uuids(), max_size=30))
def test_any_key(store: Store, entries: dict[str, UUID]) -> None:
    catalog = store.create_catalog().catalog_id
    store.create_hierarchy(catalog, "dir", DIRECTORY)
    good = {key: entity for key, entity in entries.items() if _storable(key)}
    for key in entries.keys() - good.keys():
        with pytest.raises(InvalidNameError):
            store.commit(catalog, [PutEntries("dir", {key: entries[key]})])
    store.commit(catalog, [PutEntries("dir", good)])
    found = [(each.key, each.entity) for each in contents(store, catalog, "dir")]
    assert found == list(good.items())


@few
@given(st.dictionaries(st.lists(TEXT, max_size=4).map(tuple), st.uuids() | st.none(), max_size=20))
def test_any_path(store: Store, nodes: dict[tuple[str, ...], UUID | None]) -> None:
    catalog = new_catalog(store, *tree_of("tree"))
    store.commit(catalog, [PutNodes("tree", nodes)])
    found = {each.key: each.entity for each in contents(store, catalog, "tree")}
    shown = {path: entity for path, entity in nodes.items() if path or entity}
    assert {path: entity for path, entity in found.items() if path in nodes} == shown
    on_the_way = {path[:depth] for path in nodes for depth in range(1, len(path))}
    assert found.keys() == shown.keys() | on_the_way
    loaded = store.load_catalog(catalog).tree("tree")
    assert {node.path: node.entity for node in loaded.walk()} == {
        path: entity for path, entity in found.items() if path
    }


@few
@given(st.lists(st.text(min_size=1, max_size=255), unique=True, max_size=20))
def test_any_name(store: Store, names: list[str]) -> None:
    good = [name for name in names if _storable(name)]
    catalog = store.create_catalog().catalog_id
    edits = [edit for name in good for edit in map_of(AspectDef(name, []))]
    store.commit(catalog, edits)
    assert [each.name for each in store.list_hierarchies(catalog)] == good
    assert {each.type for each in store.list_hierarchies(catalog)} <= {MAP}
    assert [each.name for each in store.list_aspect_defs(catalog)] == good
    assert list(store.load_catalog(catalog)) == good


def _storable(text: str) -> bool:
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def test_moments_are_told_in_utc(store: Store) -> None:
    @few
    @given(st.lists(st.datetimes(timezones=ZONES), max_size=30))
    def check(moments: list[datetime]) -> None:
        right = [m for m in moments if accepted(T.DATE_TIME, {"one": m}) is not None]
        ids = entities(len(right))
        given_ = {e: {"one": m} for e, m in zip(ids, right, strict=True)}
        catalog = new_catalog(store, *map_of(definition(T.DATE_TIME), given_))
        found = store.get_aspects(catalog, "v", ids)
        for entity, moment in zip(ids, right, strict=True):
            told = found[entity]["one"]
            assert isinstance(told, datetime)
            assert told.tzinfo is UTC
            assert told == moment

    check()
