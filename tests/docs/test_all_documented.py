"""Every public name has a docstring, stands in the documentation, and is told there as it is."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, get_args

import pytest

import cheap
from cheap import core, errors, store
from cheap.async_store import AsyncStore
from cheap.cli import main
from cheap.connecting import connect
from cheap.core import SPECIES, HierarchyType, PropertyType, edits, filters
from cheap.db.mariadb import MariaDbAdapter
from cheap.db.postgres import PostgresAdapter
from cheap.db.sqlite import SqliteAdapter
from cheap.rest import client
from cheap.rest.client import AsyncCheapClient, CheapClient, CheapClientConfig, exceptions
from cheap.rest.measures import Measures
from cheap.rest.settings import Settings
from cheap.rest.wire import filters as wire_filters
from cheap.rest.wire import shapes
from cheap.rest.wire.problems import status_of
from cheap.rest.wire.routes import ROUTES
from tests.docs.pages import PAGES, ROOT, rows_of

CONCEPTS = ROOT / "docs" / "concepts.md"
CLIENTS = ROOT / "docs" / "clients.md"
HTTP = ROOT / "docs" / "http.md"
ERRORS = ROOT / "docs" / "errors.md"
DEPLOY = ROOT / "docs" / "deploy.md"
ADAPTERS: dict[str, Any] = {
    "sqlite": SqliteAdapter,
    "postgres": PostgresAdapter,
    "mariadb": MariaDbAdapter,
}


WORDS = {word for page in PAGES for word in re.findall(r"\w+", page.read_text())}


def modules() -> Iterator[ModuleType]:
    yield cheap
    for each in pkgutil.walk_packages(cheap.__path__, "cheap."):
        yield importlib.import_module(each.name)


def own(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The public classes and functions that are made in a module."""
    for name, value in vars(module).items():
        is_own = getattr(value, "__module__", None) == module.__name__
        if is_own and not name.startswith("_") and (inspect.isclass(value) or callable(value)):
            yield name, value


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class itself has."""
    for name, value in vars(kind).items():
        found = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        if not name.startswith("_") and (inspect.isfunction(found) or isinstance(found, property)):
            yield name, found


def everything() -> Iterator[tuple[str, Any, type | None]]:
    """Every public class, function and method, with its full name and its class."""
    for module in modules():
        for name, value in own(module):
            yield f"{module.__name__}.{name}", value, None
            if inspect.isclass(value):
                for method, found in methods(value):
                    yield f"{module.__name__}.{name}.{method}", found, value


# --- docstrings -----------------------------------------------------------------------------


def docstring(name: str, value: Any, owner: type | None) -> str | None:
    """A thing's docstring; a method may have that of its contract, which says each verb once."""
    if owner is None:
        return inspect.getdoc(value)
    method = name.rpartition(".")[2]
    return inspect.getdoc(getattr(owner, method)) or inspect.getdoc(
        getattr(store.Store, method, None)
    )


def section(text: str, title: str) -> list[str]:
    """The names explained in a section of a Google-style docstring."""
    found = re.search(rf"^{title}:\n((?:[ ]+.*\n?|\n)+)", text, re.MULTILINE)
    return re.findall(r"^ {4}(\w+):", found[1], re.MULTILINE) if found else []


def parameters(function: Callable[..., Any]) -> list[str]:
    return [each for each in inspect.signature(function).parameters if each not in ("self", "cls")]


def test_everything_has_a_docstring() -> None:
    silent = [name for name, value, owner in everything() if not docstring(name, value, owner)]
    assert silent == []


def test_arguments_are_explained_as_they_are() -> None:
    """An ``Args`` section names every parameter, and nothing else."""
    wrong: dict[str, set[str]] = {}
    for name, value, owner in everything():
        if isinstance(value, property) or dataclasses.is_dataclass(value):
            continue
        explained = section(docstring(name, value, owner) or "", "Args")
        if explained and (missed := set(explained) ^ set(parameters(value))):
            wrong[name] = missed
    assert wrong == {}


def test_fields_are_explained_as_they_are() -> None:
    """An ``Attributes`` section of a dataclass names every field; what users get has one."""
    wrong: dict[str, set[str]] = {}
    for name, value, _ in everything():
        if inspect.isclass(value) and dataclasses.is_dataclass(value):
            explained = section(inspect.getdoc(value) or "", "Attributes")
            fields = {each.name for each in dataclasses.fields(value) if each.name[0] != "_"}
            if (explained or value.__name__ in WORDS) and (missed := set(explained) ^ fields):
                wrong[name] = missed
    assert wrong == {}


def test_the_contract_explains_all_of_its_words() -> None:
    """A parameter is explained where it stands, or under the same name in another method."""
    kinds = dict(methods(store.Store))
    known = {
        word for each in kinds.values() for word in section(inspect.getdoc(each) or "", "Args")
    }
    # Said by the first line of the method's docstring, which each of them has to itself.
    plain = {"definition", "page_size"}
    used = {
        word for each in kinds.values() if inspect.isfunction(each) for word in parameters(each)
    }
    assert used - known - plain == set()


# --- the pages ------------------------------------------------------------------------------


def of_the_window() -> list[str]:
    return sorted({*cheap.__all__, *core.__all__} - {"__version__"})


def of_the_contract() -> list[str]:
    names = [name for name, value in own(store) if inspect.isclass(value)]
    return [*names, *(name for name, _ in methods(store.Store))]


def of_the_edits() -> list[str]:
    return [each.__name__ for each in (*get_args(edits.Edit), *get_args(filters.Filter))]


def of_the_clients() -> list[str]:
    kinds = (CheapClient, AsyncCheapClient)
    return [*client.__all__, *(name for kind in kinds for name, _ in methods(kind))]


@pytest.mark.parametrize("names", [of_the_window, of_the_contract, of_the_edits, of_the_clients])
def test_names_stand_in_the_pages(names: Callable[[], list[str]]) -> None:
    assert [name for name in names() if name not in WORDS] == []


def test_every_room_is_on_the_plan() -> None:
    """The figure of the floors names every file of ``core``, ``db`` and ``rest``."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    figure = page.partition("## Floors")[2].partition("```text")[2].partition("```")[0]
    floors = ("core", "db", "rest", "rest/wire", "rest/client")
    rooms = [path for floor in floors for path in (ROOT / "cheap" / floor).iterdir()]
    names = {path.stem.partition("memory_")[0] for path in rooms} - {"__init__", "__pycache__", ""}
    assert sorted(names - set(re.findall(r"\w+", figure))) == []


# --- tables that repeat what the code says --------------------------------------------------


def test_property_types() -> None:
    rows = {row[0]: row[1:3] for row in rows_of(CONCEPTS, "Property types")}
    assert rows == {each.value: [each.code, each.python_type.__name__] for each in PropertyType}


def test_species() -> None:
    rows = {row[0]: row[2:4] for row in rows_of(CONCEPTS, "Species")}
    words = {True: "yes", False: "no"}
    assert rows == {
        each.value: [words[rules.editable], words[rules.may_have_upstream]]
        for each, rules in SPECIES.items()
    }


def test_hierarchies() -> None:
    rows = {row[1] for row in rows_of(CONCEPTS, "Hierarchies")}
    assert rows == {each.value for each in HierarchyType}


def test_limits() -> None:
    from cheap.core.names import MAX_NAME, MAX_TEXT_LABEL
    from cheap.core.sort_keys import MAX_SORT_KEY

    rows = {row[0]: row[1] for row in rows_of(CONCEPTS, "Limits")}
    assert rows["names of definitions, properties, hierarchies"] == f"1 to {MAX_NAME} characters"
    assert rows["version, uri"] == f"{MAX_TEXT_LABEL:,} characters"
    assert rows["sort key of a value"] == f"{MAX_SORT_KEY} bytes"
    most, usual = store.MAX_LIMIT, store.DEFAULT_LIMIT
    assert rows["items on a page"] == f"1 to {most:,}; {usual} if not said"


@pytest.mark.parametrize("name", ADAPTERS)
def test_arguments_of_adapters(name: str) -> None:
    adapter = ADAPTERS[name]
    page = ROOT / "docs" / f"{name}.md"
    rows = {row[0]: row[1] for row in rows_of(page, f"Arguments of {adapter.__name__}.create")}
    signature = inspect.signature(adapter.create).parameters
    empty = inspect.Parameter.empty
    assert rows == {
        each.name: "" if each.default is empty else repr(each.default)
        for each in signature.values()
    }


def test_options_of_addresses_are_the_adapters() -> None:
    from cheap import connecting

    given = {"path", "host", "port", "dbname", "database", "user", "password", "init_schema"}
    for scheme, adapter in zip(("sqlite", "postgresql", "mariadb"), ADAPTERS.values(), strict=True):
        options = connecting._OPTIONS[scheme]  # pyright: ignore[reportPrivateUsage]
        assert set(options) == set(inspect.signature(adapter.create).parameters) - given
    assert "init_schema" in inspect.signature(connect).parameters


# --- HTTP -----------------------------------------------------------------------------------


def test_routes() -> None:
    rows = list(rows_of(HTTP, "Resources"))
    assert rows == [
        [
            each.method,
            each.path,
            each.summary.removesuffix("."),
            ", ".join(map(str, (each.status, *each.others))),
            each.scope.value,
        ]
        for each in ROUTES
    ]


def test_edits_on_the_wire() -> None:
    rows = {row[0]: row[1] for row in rows_of(HTTP, "Edits")}
    wanted: dict[str, str] = {}
    for shape in get_args(get_args(shapes.EditShape)[0]):
        fields = dict(shape.model_fields)
        (word,) = get_args(fields.pop("edit").annotation)
        wanted[word] = ", ".join(
            f"{name}{'' if each.is_required() else '?'}" for name, each in fields.items()
        )
    assert rows == wanted


def test_filters_on_the_wire() -> None:
    words = [word for row in rows_of(HTTP, "Filters") for word in row[0].split(", ")]
    operators = wire_filters._OPERATORS  # pyright: ignore[reportPrivateUsage]
    assert sorted(words) == sorted([*operators, "and", "or", "not"])


def test_statuses_of_errors() -> None:
    rows = {int(row[0]): set(row[1].split(", ")) for row in rows_of(HTTP, "Problems")}
    wanted: dict[int, set[str]] = {}
    for each in classes():
        wanted.setdefault(status_of(each), set()).add(each.code)
    assert rows == wanted


def test_limits_of_the_server() -> None:
    rows = {row[1]: row[2] for row in rows_of(HTTP, "Limits")}
    fields = Settings.model_fields
    assert rows == {name: repr(fields[name].default) for name in rows}


def test_configuration_of_clients() -> None:
    rows = {row[0]: row[1] for row in rows_of(CLIENTS, "Configuration")}
    assert rows == {
        each.name: repr(
            each.default if each.default is not dataclasses.MISSING else each.default_factory()
        )
        for each in dataclasses.fields(CheapClientConfig)
    }


@pytest.mark.parametrize(
    ("kind", "contract"), [(CheapClient, store.Store), (AsyncCheapClient, AsyncStore)]
)
def test_what_clients_have_beside_the_contract(kind: type, contract: type) -> None:
    rows = {row[0].partition("(")[0] for row in rows_of(CLIENTS, "More than a store")}
    assert rows == {name for name, _ in methods(kind) if not hasattr(contract, name)}


def test_exceptions_of_the_guide() -> None:
    heading = "Errors"
    rows = {row[0]: row[1] for row in rows_of(CLIENTS, heading)}
    assert rows == {
        name: value.__name__
        for name, value in vars(exceptions).items()
        if name.startswith("CheapRest")
    }


# --- errors ---------------------------------------------------------------------------------


def classes() -> list[type[errors.CheapError]]:
    """Every error, in the order in which the module has them."""
    return [
        each
        for each in vars(errors).values()
        if inspect.isclass(each) and issubclass(each, errors.CheapError)
    ]


def tree() -> str:
    """The tree as the module draws it."""
    lines = inspect.getdoc(errors)
    assert lines
    return inspect.cleandoc(lines.partition("::\n\n")[2].partition("\n\nEach class")[0])


def test_the_tree_is_the_inheritance() -> None:
    drawn: dict[str, str | None] = {}
    above: list[str] = []
    for line in tree().splitlines():
        found = re.match(r"([│├└─ ]*)(\w+)", line)
        assert found, line
        depth = len(found[1]) // 4
        del above[depth:]
        drawn[found[2]] = above[-1] if above else None
        above.append(found[2])
    assert drawn == {
        each.__name__: None if each is errors.CheapError else each.__mro__[1].__name__
        for each in classes()
    }


def test_the_page_draws_the_same_tree() -> None:
    assert f"```text\n{tree()}\n```" in ERRORS.read_text()


def test_every_error_says_when_and_what_to_do() -> None:
    rows = {row[0]: row[1:] for row in rows_of(ERRORS, "What to do")}
    assert set(rows) == {each.__name__ for each in classes()}
    for each in classes():
        code, again, when, advice = rows[each.__name__]
        assert (code, again) == (each.code, "yes" if each.retryable else "no"), each
        assert when, each
        assert advice, each


def test_codes_are_unique() -> None:
    codes = [each.code for each in classes()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


# --- the server -----------------------------------------------------------------------------


def test_settings_of_the_server() -> None:
    rows = {row[0]: row[1:] for row in rows_of(DEPLOY, "Settings")}
    assert {variable: row[0] for variable, row in rows.items()} == {
        f"CHEAP_{name.upper()}": "" if each.default == () else str(each.default)
        for name, each in Settings.model_fields.items()
    }
    assert [variable for variable, row in rows.items() if not row[1]] == []


def test_options_of_the_command() -> None:
    rows = {row[0]: row[1] for row in rows_of(DEPLOY, "Start")}
    assert rows == {
        option.opts[0]: "" if not isinstance(option.default, str | int) else str(option.default)
        for option in main.commands["serve"].params
    }


def test_metrics_of_the_server() -> None:
    rows = [(row[0], row[1]) for row in rows_of(DEPLOY, "Metrics")]
    told = re.findall(r"^# TYPE (\w+) (\w+)$", Measures(lambda: 0).text().decode(), re.MULTILINE)
    kinds = {(name.removesuffix("_total"), kind) for name, kind in told}
    assert set(rows) == {each for each in kinds if not each[0].endswith("_created")}
