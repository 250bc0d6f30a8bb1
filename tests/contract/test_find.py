"""Finding aspects by their properties: the same answer with and without an index, everywhere.

Expectations are written in plain Python over the same records.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from cheap.core import AspectDef, Order, PropertyDef, field
from cheap.core.edits import DropHierarchy, PutAspects, PutDefinition
from cheap.core.filters import Compare, Condition, Contains, IsIn, Not, StartsWith
from cheap.errors import InvalidQueryError, MissingKeyError
from cheap.store import Store
from tests.contract.samples import (
    NOTE,
    PERSON,
    SAMPLES,
    A,
    B,
    C,
    T,
    entities,
    map_of,
    new_catalog,
)
from tests.lanes import Lane

CITY = AspectDef(
    "city",
    [
        PropertyDef("name", T.STRING, nullable=False),
        PropertyDef("people", T.INTEGER),
        PropertyDef("height", T.FLOAT, default=0.5),
        PropertyDef("area", T.BIG_DECIMAL),
        PropertyDef("founded", T.DATE_TIME),
        PropertyDef("capital", T.BOOLEAN, default=False),
        PropertyDef("tags", T.STRING, multivalued=True),
    ],
)
NAMES = ["San José", "San Jose", "Santiago", "sand", "", "Zürich", "Zurich", "😀", "S", "San"]


def cities() -> dict[UUID, dict[str, Any]]:
    """Records with many equals, nulls and unset properties."""
    made: dict[UUID, dict[str, Any]] = {}
    for i, entity in enumerate(entities(70)):
        record: dict[str, Any] = {"name": NAMES[i % 10]}
        if i % 3:
            record["people"] = None if i % 7 == 0 else (i * 37) % 50 - 20
        if i % 4:
            record["height"] = ((i * 13) % 9 - 4) / 2
        record["area"] = [None, Decimal("1.5"), Decimal("1.50"), Decimal("-3E+2"), Decimal(0)][
            i % 5
        ]
        if i % 2:
            record["founded"] = datetime(1900 + i % 6, 1, 1, tzinfo=UTC) + timedelta(microseconds=i)
        if i % 5 == 0:
            record["capital"] = True
        record["tags"] = [None, [], ["a"], ["a", "b", "a"], ["B"]][i % 5]
        made[entity] = record
    return made


CITIES = cities()
DEFAULTS = {prop.name: prop.unset_value for prop in CITY.properties}


def plain(record: Mapping[str, Any], name: str) -> Any:
    return record.get(name, DEFAULTS[name])


INDEXES = ["name", "people", "height", "area", "founded", "capital", "tags"]


@pytest.fixture(params=[(), INDEXES], ids=["scanned", "indexed"])
def catalog(store: Store, request: pytest.FixtureRequest) -> UUID:
    return new_catalog(store, *map_of(CITY, CITIES, *request.param))


def found(
    store: Store, catalog: UUID, where: Any = None, name: str = "city", **how: Any
) -> list[UUID | None]:
    return [each.entity for each in store.iter_aspects(catalog, name, where, **how)]


Test = Callable[[Mapping[str, Any]], bool]
f = field
FILTERS: dict[str, tuple[Condition, Test]] = {
    "equal": (f("people") == 17, lambda r: plain(r, "people") == 17),
    "unequal finds nulls": (f("people") != 17, lambda r: plain(r, "people") != 17),
    "less": (f("people") < 0, lambda r: (p := plain(r, "people")) is not None and p < 0),
    "at most": (f("people") <= 0, lambda r: (p := plain(r, "people")) is not None and p <= 0),
    "more": (f("people") > 0, lambda r: (p := plain(r, "people")) is not None and p > 0),
    "at least": (f("people") >= 0, lambda r: (p := plain(r, "people")) is not None and p >= 0),
    "null": (f("people").is_null(), lambda r: plain(r, "people") is None),
    "equal to none": (f("people") == None, lambda r: plain(r, "people") is None),  # noqa: E711
    "not null": (~f("people").is_null(), lambda r: plain(r, "people") is not None),
    "default": (f("height") == 0.5, lambda r: plain(r, "height") == 0.5),
    "int for a float": (f("height") == 1, lambda r: plain(r, "height") == 1.0),
    "negative floats": (f("height") < -0.5, lambda r: plain(r, "height") < -0.5),
    "minus zero": (f("height") == -0.0, lambda r: plain(r, "height") == 0),
    "true": (f("capital") == True, lambda r: plain(r, "capital")),  # noqa: E712
    "false": (f("capital") == False, lambda r: not plain(r, "capital")),  # noqa: E712
    "true is more than false": (f("capital") > False, lambda r: plain(r, "capital")),
    "text": (f("name") == "San Jose", lambda r: r["name"] == "San Jose"),
    "empty text": (f("name") == "", lambda r: r["name"] == ""),
    "text before": (f("name") < "San", lambda r: r["name"] < "San"),
    "text from": (f("name") >= "Zu", lambda r: r["name"] >= "Zu"),
    "prefix": (f("name").starts_with("San"), lambda r: r["name"].startswith("San")),
    "empty prefix": (f("name").starts_with(""), lambda r: True),
    "whole prefix": (f("name").starts_with("Zürich"), lambda r: r["name"] == "Zürich"),
    "emoji prefix": (f("name").starts_with("😀"), lambda r: r["name"] == "😀"),
    "in": (f("name").is_in(["S", "", "nowhere"]), lambda r: r["name"] in ("S", "")),
    "in nothing": (f("name").is_in([]), lambda r: False),
    "decimal": (f("area") == Decimal("1.500"), lambda r: r["area"] == Decimal("1.5")),
    "decimal more": (f("area") > Decimal("0.0"), lambda r: (p := r["area"]) is not None and p > 0),
    "decimal less": (f("area") < Decimal(0), lambda r: str(r["area"]) == "-3E+2"),
    "moment": (
        f("founded") >= datetime(1903, 1, 1, tzinfo=UTC),
        lambda r: "founded" in r and r["founded"] >= datetime(1903, 1, 1, tzinfo=UTC),
    ),
    "contains": (f("tags").contains("a"), lambda r: "a" in (r["tags"] or ())),
    "contains by case": (f("tags").contains("b"), lambda r: "b" in (r["tags"] or ())),
    "contains nothing": (f("tags").contains(""), lambda r: False),
    "no tags": (f("tags").is_null(), lambda r: r["tags"] is None),
    "and": (
        (f("people") > 0) & (f("capital") == True) & f("name").starts_with("S"),  # noqa: E712
        lambda r: (plain(r, "people") or 0) > 0 and plain(r, "capital") and r["name"][:1] == "S",
    ),
    "or": (
        (f("people") > 20) | (f("name") == "S") | f("people").is_null(),
        lambda r: (p := plain(r, "people")) is None or p > 20 or r["name"] == "S",
    ),
    "not": (
        ~((f("people") > 0) | f("name").starts_with("San")),
        lambda r: not ((plain(r, "people") or 0) > 0 or r["name"].startswith("San")),
    ),
    "range": (
        (f("people") >= -5) & (f("people") <= 5),
        lambda r: (p := plain(r, "people")) is not None and -5 <= p <= 5,
    ),
    "nobody": ((f("people") > 5) & (f("people") < 5), lambda r: False),
    "not in": (~f("name").is_in(["S", "sand"]), lambda r: r["name"] not in ("S", "sand")),
    "deep": (
        (((f("people") == 1) | (f("people") == 2)) & ~(f("name") == "S")) | (f("height") > 1),
        lambda r: (plain(r, "people") in (1, 2) and r["name"] != "S") or plain(r, "height") > 1,
    ),
}  # fmt: skip


def by_id(ids: Sequence[UUID]) -> list[UUID]:
    return sorted(ids, key=lambda each: each.bytes)


class Price(Enum):
    LOW = Decimal("1.50")
    HIGH = Decimal(7)


def test_members_of_an_enum_stand_for_their_values(store: Store) -> None:
    definition = AspectDef("a", [PropertyDef("price", T.BIG_DECIMAL)])
    records = {A: {"price": Price.LOW}, B: {"price": Decimal(7)}}
    catalog = new_catalog(store, *map_of(definition, records))
    high: Any = Price.HIGH
    for where, prices in (
        (field("price") == high, ["7"]),
        (field("price").is_in([high]), ["7"]),
        (field("price") < high, ["1.50"]),
    ):
        found = store.find_aspects(catalog, "a", where).items
        assert [str(each["price"]) for each in found] == prices


def test_integers_longer_than_python_writes(store: Store) -> None:
    big = 10**5000
    definition = AspectDef("a", [PropertyDef("n", T.BIG_INTEGER)])
    catalog = new_catalog(store, *map_of(definition, {A: {"n": big}, B: {"n": big}, C: {"n": 1}}))
    for where in (field("n") == big, field("n").is_in([big, -big]), ~(field("n") < big)):
        page = store.find_aspects(catalog, "a", where, order_by="n", limit=1)
        assert page.next is not None
        more = store.find_aspects(catalog, "a", where, order_by="n", limit=1, cursor=page.next)
        assert {each.entity for each in (*page.items, *more.items)} == {A, B}
        assert more.next is None
        for text in (repr(where), repr(page)):
            assert "1" + "0" * 5000 in text
    with pytest.raises(InvalidQueryError, match="cursor"):
        store.find_aspects(catalog, "a", field("n") >= big, order_by="n", cursor=page.next)
    assert repr(field("n").contains(big)).endswith("0)")


@pytest.fixture
def sizes(lane: Lane) -> Sequence[int]:
    """Sizes of pages. How a page is cut the DAO decides: behind a door one size shows the way."""
    return (1000, 7) if lane.door == "dao" else (7,)


def test_filters(store: Store, catalog: UUID, sizes: Sequence[int]) -> None:
    for name, (where, test) in FILTERS.items():
        expected = by_id([entity for entity, record in CITIES.items() if test(record)])
        for size in sizes:
            assert found(store, catalog, where, page_size=size) == expected, name


def test_the_table_is_sound() -> None:
    """A filter that finds everything or nothing shows little."""
    counts = {name: sum(map(test, CITIES.values())) for name, (_, test) in FILTERS.items()}
    flat = {name for name, count in counts.items() if count in (0, len(CITIES))}
    assert flat == {"empty prefix", "in nothing", "contains nothing", "nobody"}


def sort_value(record: Mapping[str, Any], name: str, last: bool) -> Any:
    value = plain(record, name)
    if value is None:
        return (0,)
    if isinstance(value, Decimal) and last:
        return (1, value, -value.as_tuple().exponent)  # type: ignore[operator]
    return (1, value.encode() if isinstance(value, str) else value)


def ordered(order: Sequence[tuple[str, bool]], test: Test = lambda r: True) -> list[UUID]:
    expected = by_id([entity for entity, record in CITIES.items() if test(record)])
    for name, descending in reversed(order):
        # Equals stay as they were, also with reverse=True.
        last = name == order[-1][0]
        expected.sort(key=lambda e: sort_value(CITIES[e], name, last), reverse=descending)
    return expected


SCALARS = [name for name in INDEXES if name != "tags"]


def test_orders(store: Store, catalog: UUID, sizes: Sequence[int]) -> None:
    for name, descending in itertools.product(SCALARS, (False, True)):
        expected = ordered([(name, descending)])
        word = f"-{name}" if descending else name
        for size in sizes:
            assert found(store, catalog, order_by=word, page_size=size) == expected, word
        assert found(store, catalog, order_by=Order(name, descending)) == expected, word
    assert found(store, catalog, order_by="-people", page_size=1) == ordered([("people", True)])


def test_orders_of_two(store: Store, catalog: UUID) -> None:
    for steps in itertools.permutations(["capital", "people", "name", "area"], 2):
        for directions in itertools.product((False, True), repeat=2):
            order = list(zip(steps, directions, strict=True))
            words = [f"-{name}" if down else name for name, down in order]
            assert found(store, catalog, order_by=words, page_size=50) == ordered(order), words


def test_filter_and_order(store: Store, catalog: UUID, sizes: Sequence[int]) -> None:
    filters = ["more", "prefix", "null", "equal", "range", "deep", "text"]
    for filtered, name in itertools.product(filters, ["people", "name", "founded"]):
        where, test = FILTERS[filtered]
        for descending in (False, True):
            expected = ordered([(name, descending)], test)
            word = f"-{name}" if descending else name
            for size in sizes:
                answer = found(store, catalog, where, order_by=word, page_size=size)
                assert answer == expected, (filtered, word)


def test_all_by_entity(store: Store, catalog: UUID) -> None:
    assert found(store, catalog, page_size=11) == by_id(list(CITIES))
    assert store.find_aspects(catalog, "city", limit=3).items[2].entity == by_id(list(CITIES))[2]


def test_what_is_found_is_whole(store: Store, catalog: UUID) -> None:
    for aspect in store.iter_aspects(catalog, "city", f("people") > 10, order_by="-people"):
        assert aspect.entity is not None
        assert aspect.definition == CITY
        given = CITIES[aspect.entity]
        expected = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        assert aspect.set_values() == expected


def test_found_after_changes(store: Store, catalog: UUID) -> None:
    """An index is kept up when records change."""
    first, second, third = list(CITIES)[:3]
    assert found(store, catalog, f("people") == 999) == []
    store.commit(catalog, [PutAspects("city", {first: {"name": "new", "people": 999}})])
    store.commit(catalog, [PutAspects("city", {second: {"name": "new", "people": 999}})])
    new = entities(1, start=9000)[0]
    store.commit(catalog, [PutAspects("city", {new: {"name": "new", "people": 999}})])
    expected = by_id([first, second, new])
    assert found(store, catalog, f("people") == 999) == expected
    assert found(store, catalog, f("name") == "new", order_by="-people") == expected
    store.commit(catalog, [PutAspects("city", {first: {"name": "old"}})])
    assert found(store, catalog, f("people") == 999) == by_id([second, new])
    assert first in found(store, catalog, f("people").is_null())
    assert third in found(store, catalog, ~(f("name") == "new"))


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.value)
def test_every_type(store: Store, kind: T) -> None:
    """Equality, order and comparison of the awkward values of each type."""
    definition = AspectDef("t", [PropertyDef("x", kind), PropertyDef("xs", kind, multivalued=True)])
    ids = entities(len(SAMPLES[kind]) + 2)
    given: dict[UUID, dict[str, Any]] = {
        e: {"x": value, "xs": [value]} for e, value in zip(ids, SAMPLES[kind], strict=False)
    }
    given |= {ids[-2]: {"x": None, "xs": SAMPLES[kind]}, ids[-1]: {"xs": []}}
    scanned = new_catalog(store, *map_of(definition, given))
    if kind.is_large:
        page = store.find_aspects(scanned, "t", field("x").is_null())
        assert [each.entity for each in page.items] == by_id(ids[-2:])
        for where in (field("x") == SAMPLES[kind][0], field("xs").contains(SAMPLES[kind][0])):
            with pytest.raises(InvalidQueryError, match=kind.value):
                store.find_aspects(scanned, "t", where)
        with pytest.raises(InvalidQueryError):
            store.find_aspects(scanned, "t", order_by="x")
        return
    indexed = new_catalog(store, *map_of(definition, given, "x", "xs"))

    def answers(where: Any = None, **how: Any) -> list[UUID | None]:
        """The answer of both, which is the same."""
        scan, index = (
            [each.entity for each in store.iter_aspects(catalog, "t", where, **how)]
            for catalog in (scanned, indexed)
        )
        assert scan == index
        return scan

    samples: list[tuple[UUID, Any]] = list(zip(ids, SAMPLES[kind], strict=False))
    for _, value in samples:
        equal = by_id([entity for entity, other in samples if other == value])
        below = by_id([entity for entity, other in samples if other < value])
        assert answers(field("x") == value) == equal
        assert answers(field("xs").contains(value)) == by_id([*equal, ids[-2]])
        assert answers(field("x") < value) == below
        assert answers(field("x") >= value) == by_id(list(set(ids[:-2]) - set(below)))
    for word in ("x", "-x"):
        in_order = [given[each].get("x") for each in answers(order_by=word, page_size=2) if each]
        found = [value for value in in_order if value is not None]
        key: Any = (lambda v: v.bytes) if kind is T.UUID else (lambda v: v)
        if kind in (T.STRING, T.TEXT, T.URI):
            key = lambda v: v.encode()[:256]  # noqa: E731 - all that the order sees
        keys = [key(value) for value in found]
        assert keys == sorted(keys, reverse=word.startswith("-"))
        assert len(keys) == len(SAMPLES[kind])


PRICE = AspectDef(
    "price",
    [
        PropertyDef("now", T.BIG_DECIMAL),
        PropertyDef("name", T.STRING),
        PropertyDef("before", T.BIG_DECIMAL, multivalued=True),
    ],
)
PRICES = ["2E+1", "20", "20.0", "20.00", "19.99", "20.01", "2E+2", "0", "-0.0", "0E+5", "-20.0"]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.mark.parametrize("indexes", [(), ("now", "before")], ids=["scanned", "indexed"])
def test_equal_numbers_of_several_scales(store: Store, indexes: tuple[str, ...]) -> None:
    """20.00 is 20 to a filter, as it is to Python, with whatever scale either was written."""
    ids = entities(len(PRICES))
    prices = {e: Decimal(text) for e, text in zip(ids, PRICES, strict=True)}
    before = {e: [price, Decimal("20"), Decimal("20.00")] for e, price in prices.items()}
    given: dict[UUID, dict[str, Any]] = {e: {"now": prices[e], "before": before[e]} for e in ids}
    given[entities(1, start=100)[0]] = {"now": None, "before": None}
    catalog = new_catalog(store, *map_of(PRICE, given, *indexes))

    def answer(where: Any, page_size: int = 3) -> list[UUID | None]:
        return found(store, catalog, where, name="price", page_size=page_size)

    for text in ("20", "20.000", "2E+1", "0.00", "-2E+1", "20.0000001"):
        value, now = Decimal(text), f("now")
        for word, compare in COMPARE.items():
            expected = by_id([e for e, price in prices.items() if compare(price, value)])
            assert answer(Compare("now", word, value)) == expected, (word, text)  # type: ignore[arg-type]
        equal = answer(now == value)
        assert answer((now >= value) & (now <= value)) == equal, text
        assert set(answer(now != value)) == set(given) - set(equal), text
        some = [value, Decimal("20.0"), Decimal(7)]
        expected = by_id([e for e, price in prices.items() if price in some])
        assert answer(now.is_in(some)) == expected, text
        expected = by_id([e for e, past in before.items() if value in past])
        # A record may be in the index twice: also where a page ends.
        for size in (1, 2, 1000):
            assert answer(f("before").contains(value), size) == expected, text


def test_an_order_of_equal_numbers(store: Store) -> None:
    """Scale decides between them, and only when no further step can."""
    ids = entities(4)
    given = {
        e: {"now": Decimal(text), "name": name}
        for e, text, name in zip(ids, PRICES, "cadb", strict=False)
    }
    for indexes in ((), ("now",)):
        catalog = new_catalog(store, *map_of(PRICE, given, *indexes))
        for where, size in itertools.product((None, f("now") == Decimal("20.000")), (1, 1000)):

            def answer(*order: str, where: Any = where, size: int = size) -> list[int]:
                hits = found(store, catalog, where, "price", order_by=order, page_size=size)  # noqa: B023
                return [ids.index(each) for each in hits if each]

            assert answer("now") == [0, 1, 2, 3]
            assert answer("-now") == [3, 2, 1, 0]
            assert answer("now", "name") == answer("-now", "name") == [1, 3, 0, 2]
            assert answer("now", "-name") == [2, 0, 3, 1]


def test_minus_zero_is_zero(store: Store) -> None:
    definition = AspectDef(
        "t", [PropertyDef("x", T.FLOAT), PropertyDef("y", T.FLOAT, default=-0.0)]
    )
    given = {e: {"x": value} for e, value in zip(entities(3), (0.0, -0.0, 0), strict=True)}
    for indexes in ((), ("x", "y")):
        catalog = new_catalog(store, *map_of(definition, given, *indexes))
        for zero in (0.0, -0.0, 0):
            for where in (f("x") == zero, f("x") <= zero, f("x").is_in([zero]), f("y") == zero):
                assert found(store, catalog, where, name="t") == by_id(list(given))
            assert found(store, catalog, f("x") > zero, name="t") == []


def test_long_texts_that_begin_alike(store: Store) -> None:
    definition = AspectDef("t", [PropertyDef("x", T.TEXT)])
    base = "ä" * 200  # 400 bytes: longer than a sort key
    texts = [base, base + "b", base + "a", base[:-1], base + "😀"]
    ids = entities(5)
    given = {e: {"x": text} for e, text in zip(ids, texts, strict=True)}
    for indexes in ((), ("x",)):
        catalog = new_catalog(store, *map_of(definition, given, *indexes))
        for entity, text in zip(ids, texts, strict=True):
            page = store.find_aspects(catalog, "t", field("x") == text)
            assert [each.entity for each in page.items] == [entity]
            page = store.find_aspects(catalog, "t", field("x").is_in([text, "no"]))
            assert [each.entity for each in page.items] == [entity]
        page = store.find_aspects(catalog, "t", field("x").starts_with(base))
        assert {each.entity for each in page.items} == {ids[0], ids[1], ids[2], ids[4]}
        page = store.find_aspects(catalog, "t", field("x").starts_with(base + "b"))
        assert [each.entity for each in page.items] == [ids[1]]
        # All keys agree in what the order sees: the entity decides.
        for word in ("x", "-x"):
            hits = store.iter_aspects(catalog, "t", order_by=word, page_size=2)
            assert [each.entity for each in hits] == by_id(ids)


def test_texts_order_by_code_point(store: Store) -> None:
    definition = AspectDef("t", [PropertyDef("x", T.STRING)])
    texts = ["", "\x01", " ", "A", "B", "Z", "a", "a ", "a\x01", "aa", "z", "Ä", "ä", "ﬀ", "😀"]
    expected = sorted(texts)
    given = dict(zip(entities(len(texts)), [{"x": text} for text in texts], strict=True))
    for indexes in ((), ("x",)):
        catalog = new_catalog(store, *map_of(definition, given, *indexes))
        hits = store.iter_aspects(catalog, "t", order_by="x", page_size=4)
        assert [each["x"] for each in hits] == expected
        hits = store.iter_aspects(catalog, "t", order_by="-x", page_size=4)
        assert [each["x"] for each in hits] == expected[::-1]


def test_many_equals_on_an_index(store: Store) -> None:
    """Pages of an order in which hundreds agree."""
    ids = entities(1300)
    definition = AspectDef("t", [PropertyDef("x", T.INTEGER), PropertyDef("y", T.INTEGER)])
    given = {e: {"x": i % 2, "y": i} for i, e in enumerate(ids)}
    catalog = new_catalog(store, *map_of(definition, given, "x"))
    evens, odds = by_id(ids[::2]), by_id(ids[1::2])
    hits = [each.entity for each in store.iter_aspects(catalog, "t", order_by="x", page_size=400)]
    assert hits == evens + odds
    hits = [each.entity for each in store.iter_aspects(catalog, "t", order_by="-x", page_size=400)]
    assert hits == odds + evens
    few = store.find_aspects(catalog, "t", field("y") >= 1290, order_by="-x")
    assert [each.entity for each in few.items] == by_id(ids[1291::2]) + by_id(ids[1290::2])


def test_a_page_goes_on_while_records_change(store: Store, catalog: UUID) -> None:
    """Who was on the first page, or is behind it and stays as it is, is met once."""
    expected = found(store, catalog, order_by="people")
    page = store.find_aspects(catalog, "city", order_by="people", limit=45)
    last = page.items[-1].entity
    assert last is not None
    store.commit(catalog, [PutAspects("city", {last: {"name": "moved", "people": 10**9}})])
    new = entities(1, start=8000)[0]
    store.commit(catalog, [PutAspects("city", {new: {"name": "new", "people": -(10**9)}})])
    seen = [each.entity for each in page.items]
    while page.next:
        page = store.find_aspects(catalog, "city", order_by="people", cursor=page.next, limit=10)
        seen += [each.entity for each in page.items]
    assert seen == [*expected, last]


BAD_FILTERS: dict[str, Any] = {
    "no such property": field("size") == 5,
    "another case": field("Name") == "x",
    "wrong type": field("people") == "5",
    "bool for int": field("people") == True,  # noqa: E712
    "float for int": field("people") > 1.5,
    "too large": field("people") < 2**63,
    "nan": field("height") == float("nan"),
    "naive": field("founded") == datetime(2020, 1, 1),
    "nul": field("name") == "a\0",
    "surrogate": field("name") == "\ud800",
    "nul prefix": field("name").starts_with("a\0"),
    "surrogate prefix": field("name").starts_with("\ud800"),
    "prefix of a number": field("people").starts_with("1"),
    "prefix that is no text": StartsWith("name", 5),  # type: ignore[arg-type]
    "one of many": field("tags") == "a",
    "many for one": field("name").contains("a"),
    "in many": field("tags").is_in(["a"]),
    "none in": IsIn("people", (None,)),  # type: ignore[arg-type]
    "list for one": field("name") == ["a"],
    "wrong operator": Compare("people", "!=", 5),  # type: ignore[arg-type]
    "contains wrong": Contains("tags", 5),
    "inside": (field("people") > 1) & ~(field("nope") == 1),
    "inside or": (field("people") > 1) | (field("people") == "x"),
    "no filter": "people > 5",
    "not of nothing": Not("x"),  # type: ignore[arg-type]
}


def test_filters_that_make_no_sense(store: Store, catalog: UUID) -> None:
    for name, where in BAD_FILTERS.items():
        with pytest.raises(InvalidQueryError):
            pytest.fail(f"{name}: {store.find_aspects(catalog, 'city', where)}")


def test_orders_that_make_no_sense(store: Store, catalog: UUID) -> None:
    orders: list[Any] = ["size", "-size", "", "-", "tags", Order("tags"), [5], [None]]
    for order in orders:
        with pytest.raises(InvalidQueryError):
            pytest.fail(f"{order}: {store.find_aspects(catalog, 'city', order_by=order)}")


def test_what_is_not_there_comes_before_what_makes_no_sense(store: Store, catalog: UUID) -> None:
    """Also where the definition is there still, and may be remembered."""
    for _ in range(2):
        with pytest.raises(InvalidQueryError):
            store.find_aspects(catalog, "city", field("nothing") == 1)
    (city,) = store.list_aspect_defs(catalog)
    store.commit(catalog, [DropHierarchy("city")])
    store.commit(catalog, [PutDefinition(city)])
    with pytest.raises(MissingKeyError):
        store.find_aspects(catalog, "city", field("nothing") == 1)


def test_a_property_whose_name_begins_with_a_minus(store: Store) -> None:
    definition = AspectDef("t", [PropertyDef("-x", T.INTEGER), PropertyDef("x", T.INTEGER)])
    catalog = new_catalog(store, *map_of(definition, {A: {"-x": 1, "x": 2}, B: {"-x": 2, "x": 1}}))
    down = store.find_aspects(catalog, "t", order_by="-x").items
    assert [each.entity for each in down] == [A, B]
    named = store.find_aspects(catalog, "t", order_by=Order("-x", descending=True)).items
    assert [each.entity for each in named] == [B, A]


def test_find_in_nothing(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, None, "age"))
    assert store.find_aspects(catalog, PERSON.name).items == ()
    assert store.find_aspects(catalog, PERSON.name, field("age") > 5, order_by="age").items == ()
    with pytest.raises(MissingKeyError):
        store.find_aspects(catalog, "nothing", field("age") > 5)


def test_null_of_a_large_value(store: Store) -> None:
    catalog = new_catalog(store, *map_of(NOTE, {A: {"text": "x"}, B: {}, C: {"text": None}}))
    store.write_value(catalog, "note", B, "text", ["y"])
    page = store.find_aspects(catalog, "note", field("text").is_null())
    assert [each.entity for each in page.items] == [C]
