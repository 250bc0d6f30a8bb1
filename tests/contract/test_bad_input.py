"""Input that is wrong, hostile or odd: refused alike everywhere, or kept to the letter."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from cheap.core import AspectDef, Catalog, PropertyDef
from cheap.core.edits import PutAspects, PutDefinition
from cheap.errors import InvalidNameError, InvalidValueError, MissingKeyError
from cheap.store import Store
from tests.contract.samples import (
    EVERYTHING,
    LIST,
    ODD_NAMES,
    OPEN,
    PERSON,
    A,
    B,
    T,
    contents,
    map_of,
    new_catalog,
    one_of_each,
    records,
    revision_of,
)

TEXTS = ("a\0b", "\0", "\ud800", "a\udfff", "\ud83d\ude00")
WRONG: dict[T, tuple[Any, ...]] = {
    T.INTEGER: (2**63, -(2**63) - 1, True, 1.0, "1", Decimal(1), b"1", [1]),
    T.FLOAT: (float("nan"), float("inf"), float("-inf"), True, "1.0", Decimal("1.5"), 10**400),
    T.BOOLEAN: (0, 1, "true", 0.0, "", []),
    T.STRING: (*TEXTS, "x" * 8193, 5, b"x", ["x"], A),
    T.TEXT: (*TEXTS, 5, b"x"),
    T.BIG_INTEGER: (True, 1.0, "1", Decimal(1)),
    T.BIG_DECIMAL: (Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), 1, 1.5, "1.5", True),
    T.DATE_TIME: (datetime(2026, 1, 1), "2026-01-01T00:00:00Z", 0, 1.5),
    T.URI: (*TEXTS, "a b", "http://a/{b}", "http://[", "%zz", "ä", "1:2", 5),
    T.UUID: (str(A), A.bytes, A.int, "", 5),
    T.CLOB: (*TEXTS, 5, b"x"),
    T.BLOB: ("x", 5, [1, 2], A),
}
"""Values that no store may take, for their type."""


@pytest.mark.parametrize("kind", WRONG, ids=lambda kind: kind.value)
def test_wrong_values(store: Store, kind: T) -> None:
    catalog = new_catalog(store, *map_of(EVERYTHING, {B: {}}))
    name = kind.value
    for value in WRONG[kind]:
        cases: list[tuple[dict[str, Any], str]] = [
            ({name: value}, name),
            ({f"{name}s": [value]}, f"{name}s[0]"),
        ]
        if not isinstance(value, list):
            cases.append(({f"{name}s": value}, f"{name}s"))
        for record, path in cases:
            with pytest.raises(InvalidValueError) as caught:
                store.commit(catalog, [PutAspects(EVERYTHING.name, {A: record})])
            assert [fault.path for fault in caught.value.faults] == [path]
            assert caught.value.where == str(A)
    assert revision_of(store, catalog) == 1
    assert [entity for entity, _ in records(store, catalog, EVERYTHING.name)] == [B]


@pytest.mark.parametrize(
    "name", ["a\0", "\ud800", "n" * 256, "n" * 10_000, ""], ids=lambda x: repr(x)[:9]
)
def test_names_that_nothing_can_have(store: Store, name: str) -> None:
    catalog = new_catalog(store, *one_of_each(), *map_of(OPEN))
    with pytest.raises(InvalidNameError):
        AspectDef(name, [])
    with pytest.raises(InvalidNameError):
        PropertyDef(name, T.STRING)
    with pytest.raises(InvalidNameError):
        store.create_hierarchy(catalog, name, LIST)
    with pytest.raises(InvalidValueError):
        store.commit(catalog, [PutAspects("open", {A: {name: 1}})])
    for call in (
        lambda: store.read_hierarchy(catalog, name),
        lambda: store.get_aspects(catalog, name, [A]),
        lambda: store.get_aspects(catalog, name, [A, B]),
        lambda: store.get_aspects(catalog, name, []),
        lambda: store.find_aspects(catalog, name),
        lambda: store.read_piece(catalog, name, A, "x"),
        lambda: store.write_value(catalog, name, A, "x", ["x"]),
        lambda: store.drop_hierarchy(catalog, name),
    ):
        with pytest.raises((InvalidNameError, MissingKeyError)):
            call()
    with pytest.raises(MissingKeyError):
        store.load_catalog(catalog, only=[name])
    with pytest.raises(MissingKeyError):
        store.get_aspect_def(catalog, name)
    assert revision_of(store, catalog) == 1


def test_names_that_are_merely_unknown(store: Store) -> None:
    catalog = new_catalog(store, *one_of_each())
    for name in (*ODD_NAMES, "LIST", "list\n", "lis", "list%", "l_st"):
        for call in (
            lambda name=name: store.read_hierarchy(catalog, name),
            lambda name=name: store.get_aspects(catalog, name, [A]),
            lambda name=name: store.get_aspects(catalog, name, [A, B]),
            lambda name=name: store.find_aspects(catalog, name),
            lambda name=name: store.read_piece(catalog, name, A, "x"),
            lambda name=name: store.load_catalog(catalog, only=[name]),
        ):
            with pytest.raises(MissingKeyError):
                call()
        assert store.drop_hierarchy(catalog, name) is False


def test_names_are_never_part_of_a_statement(store: Store) -> None:
    """Everything in a catalog that can bear a name bears an odd one."""
    for name in ODD_NAMES:
        catalog = Catalog(version=name, uri=name)
        people = catalog.define(
            AspectDef(f"d{name}"[:255], [PropertyDef(name, T.STRING)]), indexes=[name]
        )
        people[A] = {name: name}
        catalog.create_list(f"l{name}"[:255], [A])
        catalog.create_directory(f"k{name}"[:255], {name: A})
        catalog.create_tree(f"t{name}"[:255], {(name, name): A})
        store.save_catalog(catalog)
        assert store.load_catalog(catalog.global_id) == catalog
        found = store.find_aspects(catalog.global_id, people.name, order_by=[_order(name)])
        assert found.items[0][name] == name
        assert len(list(store.iter_changes(catalog.global_id))) == 11
        for each in list(catalog):
            assert contents(store, catalog.global_id, each)
            assert store.drop_hierarchy(catalog.global_id, each)


def _order(name: str) -> Any:
    from cheap.core import Order

    return Order(name)


def test_the_texts_of_the_samples_are_different() -> None:
    assert len(set(ODD_NAMES)) == len(ODD_NAMES)


def test_a_record_with_many_faults_names_them_all(store: Store) -> None:
    catalog = new_catalog(store, *map_of(EVERYTHING))
    record = {kind.value: WRONG[kind][0] for kind in WRONG}
    with pytest.raises(InvalidValueError) as caught:
        store.commit(catalog, [PutAspects(EVERYTHING.name, {A: record})])
    assert [fault.path for fault in caught.value.faults] == [kind.value for kind in T]
    assert all(fault.expected and fault.got for fault in caught.value.faults)


def test_the_next_call_works(store: Store) -> None:
    """After each refusal the store is as it was and takes the right thing."""
    catalog = new_catalog(store, PutDefinition(PERSON))
    for _ in range(5):
        with pytest.raises(InvalidValueError):
            store.commit(catalog, map_of(PERSON, {A: {"name": 5}}))
        assert store.list_hierarchies(catalog) == []
    store.commit(catalog, map_of(PERSON, {A: {"name": "Al"}}))
    assert len(records(store, catalog, PERSON.name)) == 1
