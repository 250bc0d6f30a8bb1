"""How the databases would answer our statements: by an index, and not by reading everything."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from cheap.core import AspectDef, PropertyDef, PropertyType
from cheap.core import field as property_
from cheap.core.edits import PutAspects, PutEntries, RemoveAspects, Splice
from cheap.db.dao import SqlDao
from tests.contract.samples import (
    PERSON,
    directory_of,
    entities,
    list_of,
    map_of,
    new_catalog,
    tree_of,
)
from tests.db.places import SITES, ServerSite, Site, SqliteSite
from tests.lanes import Ground

COUNT = 3000
"""Enough for planners to think about it."""
IDS = entities(COUNT)
P = PERSON.name
PEOPLE = AspectDef(P, [*PERSON.properties, PropertyDef("debt", PropertyType.BIG_DECIMAL)])
age, name, tags, debt = map(property_, ("age", "name", "tags", "debt"))


@dataclass
class Asked:
    """What a DAO asked the database."""

    site: Site
    statements: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def plan_of(self, *words: str, without: Sequence[str] = ()) -> str:
        """The plans of those queries that hold all of these words; ``without`` see ``plan``."""
        found = [
            each
            for each in self.statements
            if each[0].lstrip().startswith(("SELECT", "DELETE"))
            and all(word in each[0] for word in words)
        ]
        assert found, [each[0] for each in self.statements]
        return "\n".join(self.site.plan(*each, without=without) for each in found)


@contextmanager
def noted(dao: SqlDao, site: Site, monkeypatch: pytest.MonkeyPatch) -> Generator[Asked]:
    asked = Asked(site)
    with dao.adapter.session() as session:
        kind = type(session)
    with monkeypatch.context() as patch:
        for verb in ("rows", "parts", "run", "later"):
            real: Callable[..., Any] = getattr(kind, verb)

            def note(
                self: object, statement: str, params: Any, real: Callable[..., Any] = real
            ) -> Any:
                asked.statements.append((statement, params))
                return real(self, statement, params)

            patch.setattr(kind, verb, note)
        yield asked


@dataclass
class Filled:
    """A database with two catalogs of some thousand rows of each kind, made once for all tests."""

    site: Site
    catalog: UUID


Fill = Callable[[str], Filled]


@pytest.fixture(scope="module")
def filled(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fill]:
    made: dict[str, Filled] = {}

    def get(kind: str) -> Filled:
        if kind not in made:
            if kind == "sqlite":
                site: Site = SqliteSite(tmp_path_factory.mktemp("plans") / "catalog.db")
            else:
                server = ground.backend(kind).server  # type: ignore[attr-defined]
                site = SITES[kind](server, server.create_database("plans"))
            made[kind] = Filled(site, _fill(site))
        return made[kind]

    yield get
    for each in made.values():
        if isinstance(each.site, ServerSite):
            each.site.server.drop_database("plans")


def _fill(site: Site) -> UUID:
    people = {
        each: {
            "name": f"n{i % 100}",
            "age": i,
            "tags": [f"t{i % 50}", "all"],
            "debt": Decimal(f"{i % 100}.{'0' * (i % 3)}"),
        }
        for i, each in enumerate(IDS)
    }
    edits = [
        *map_of(PEOPLE, people, "age", "name", "tags", "debt"),
        *list_of("list", IDS),
        *directory_of("directory", {f"key {i}": each for i, each in enumerate(IDS)}),
        *tree_of("tree", {(f"a{i % 30}", f"b{i}"): each for i, each in enumerate(IDS)}),
    ]
    with site.new_adapter() as adapter:
        dao = SqlDao(adapter)
        new_catalog(dao, *edits)
        made = new_catalog(dao, *edits)
    # So that the planners know the tables.
    if site.kind == "postgres":
        site.ask("ANALYZE")
    elif site.kind == "mariadb":
        for table in ("aspect", "entry", "property", "removal"):
            site.ask(f"ANALYZE TABLE cheap_{table}")
    return made


@pytest.fixture
def site(kind: str, filled: Fill) -> Iterator[Site]:
    site = filled(kind).site
    with site.stack:
        yield site


@pytest.fixture
def dao(site: Site) -> SqlDao:
    return site.dao()


@pytest.fixture
def catalog(kind: str, filled: Fill) -> UUID:
    return filled(kind).catalog


@contextmanager
def taken_back(dao: SqlDao) -> Generator[None]:
    """Take back what is written inside: other tests have the same catalog."""
    with pytest.raises(TakeBack), dao.transaction():
        yield
        raise TakeBack


class TakeBack(Exception):
    pass


SCANS = {
    "sqlite": re.compile(r"SCAN (?!cut|CONSTANT|json_each|\d|CTE)"),
    # A table of a few rows is read whole, which is right.
    "postgres": re.compile(r"Seq Scan on cheap_(aspect|entry|property|piece)"),
    "mariadb": re.compile(r"table=[a-z]\S* type=(ALL|index)\b"),
}
SORTS = {
    "sqlite": re.compile("USE TEMP B-TREE"),
    "postgres": re.compile(r"\bSort\b"),
    "mariadb": re.compile("filesort|temporary"),
}


def assert_by_index(site: Site, plan: str, index: str, *, sorts: bool = False) -> None:
    assert not SCANS[site.kind].search(plan), plan
    if not sorts:
        assert not SORTS[site.kind].search(plan), plan
    if index == "primary":
        index = {
            "sqlite": "PRIMARY KEY",
            "postgres": "_pkey",
            "mariadb": "key=PRIMARY",
        }[site.kind]
    assert index in plan, plan


FINDS = {
    "equal": {"where": age == 1234},
    "range": {"where": (age >= 100) & (age < 120)},
    "any of": {"where": name.is_in(["n7", "n8"])},
    "contains": {"where": tags.contains("t7")},
    "order": {"order_by": "age"},
    "order, descending": {"order_by": "-age"},
    "range in order": {"where": age > 2000, "order_by": "age"},
    "with another condition": {"where": (age == 1234) & (name != "x")},
    "equal numbers": {"where": debt == Decimal(20)},
    "any of the numbers": {"where": debt.is_in([Decimal(20), Decimal("20.0"), Decimal(21)])},
    "range of numbers": {"where": (debt > Decimal(20)) & (debt <= Decimal(21))},
    "range of numbers in order": {"where": debt >= Decimal(20), "order_by": "debt"},
}


@pytest.mark.parametrize("find", FINDS.values(), ids=FINDS)
def test_an_index_on_a_property_is_used(
    dao: SqlDao, site: Site, catalog: UUID, find: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with noted(dao, site, monkeypatch) as asked:
        page = dao.find_aspects(catalog, P, limit=10, **find)
    assert page.items
    assert not [each for each in asked.statements if each[0] == dao.adapter.statements.scan_aspects]
    plan = asked.plan_of("cheap_property", "cheap_aspect")
    # Some ranges are put into the order of the entities, which is another one than the index has.
    assert_by_index(site, plan, "primary", sorts="order_by" not in find)
    assert "cheap_aspect_entity" in plan
    if page.next:
        with noted(dao, site, monkeypatch) as asked:
            dao.find_aspects(catalog, P, limit=10, cursor=page.next, **find)
        plan = asked.plan_of("cheap_property", "cheap_aspect")
        assert_by_index(site, plan, "primary", sorts="order_by" not in find)


def test_without_an_index_the_records_are_read_by_entity(
    dao: SqlDao, site: Site, catalog: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with noted(dao, site, monkeypatch) as asked:
        dao.find_aspects(catalog, P, limit=10)
    plan = asked.plan_of("cheap_aspect", "entity_id > ")
    assert_by_index(site, plan, "cheap_aspect_entity")


@pytest.mark.parametrize("count", [1, 2, 20, 100, 2900])
def test_records_are_fetched_by_entity(
    dao: SqlDao, site: Site, catalog: UUID, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the list is: a planner that guesses would read the catalog for a long one."""
    for _ in range(2):
        with noted(dao, site, monkeypatch) as asked:
            assert len(dao.get_aspects(catalog, P, IDS[:count])) == count
        if site.kind == "postgres" and count >= 100:
            # So much of so small a map is read as it lies, which is right, and by any index.
            plan = asked.plan_of("cheap_aspect", "entity_id", without=("seqscan",))
            assert_by_index(site, plan, "cheap_aspect_", sorts=True)
        else:
            plan = asked.plan_of("cheap_aspect", "entity_id")
            assert_by_index(site, plan, "cheap_aspect_entity", sorts=True)


def test_pages_go_on_where_they_stopped(
    dao: SqlDao, site: Site, catalog: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hierarchy, table in ((P, "cheap_aspect"), ("list", "cheap_entry"), ("tree", "cheap_entry")):
        page = dao.read_hierarchy(catalog, hierarchy, limit=1000)
        with noted(dao, site, monkeypatch) as asked:
            dao.read_hierarchy(catalog, hierarchy, cursor=page.next, limit=10)
        assert_by_index(site, asked.plan_of(table, "position >"), "primary")


def test_what_a_commit_asks(
    dao: SqlDao, site: Site, catalog: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = dao.get_catalog(catalog).revision
    edits = [
        PutAspects(P, {each: {"name": "x", "age": 1} for each in IDS[:50]}),
        RemoveAspects(P, IDS[100:120]),
        PutEntries("directory", {"key 7": IDS[0], "new": IDS[1]}),
        Splice("list", 1500, 1, (IDS[0],)),
    ]
    with taken_back(dao):
        with noted(dao, site, monkeypatch) as asked:
            dao.commit(catalog, edits, expect=revision)
        for statement, params in asked.statements:
            if statement.lstrip().startswith(("SELECT", "DELETE")):
                plan = site.plan(statement, params, without=("seqscan",))
                assert not SCANS[site.kind].search(plan), (statement, plan)


def test_the_change_feed(
    dao: SqlDao, site: Site, catalog: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = dao.get_catalog(catalog).revision
    edits = [PutAspects(P, {IDS[0]: {"name": "x"}}), RemoveAspects(P, IDS[1:3])]
    with taken_back(dao), noted(dao, site, monkeypatch) as asked:
        dao.commit(catalog, edits)
        asked.statements.clear()
        assert len(dao.read_changes(catalog, revision).items) == 3
    assert_by_index(site, asked.plan_of("cheap_aspect", "revision"), "cheap_aspect_revision")
    assert_by_index(site, asked.plan_of("cheap_entry", "revision"), "cheap_entry_revision")
    plan = asked.plan_of("cheap_removal", "revision", without=("seqscan",))  # there are two rows
    assert_by_index(site, plan, "cheap_removal_revision")


def test_loading_reads_straight_through(
    dao: SqlDao, site: Site, catalog: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of the key: nothing is sorted, whatever else is in the tables."""
    with noted(dao, site, monkeypatch) as asked:
        dao.load_catalog(catalog)
    # Half of a table, PostgreSQL would rather read as it lies, and sort.
    without = ("seqscan", "bitmapscan")
    for table in ("cheap_aspect", "cheap_entry"):
        assert_by_index(site, asked.plan_of(table, "position", without=without), "primary")
