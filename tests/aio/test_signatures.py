"""The facade has the contract's verbs, all of them, with the same signatures."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from cheap import aio, connecting
from cheap.aio import AsyncDao
from cheap.aio import mariadb as aio_mariadb
from cheap.aio import postgres as aio_postgres
from cheap.aio import sqlite as aio_sqlite
from cheap.aio.adapter import AsyncAdapter
from cheap.async_store import AsyncStore
from cheap.db import mariadb, postgres, sqlite
from cheap.store import Store


def methods(cls: type) -> dict[str, Callable[..., Any]]:
    return {
        name: member
        for name, member in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }


VERBS = methods(Store)
MORE = {"close": ["cancel"]}
"""Parameters that the facade adds; each has a default."""


def awaited(annotation: object) -> str:
    """What an annotation of the contract is where it is awaited."""
    return re.sub(r"\b(?<!Async)(Iterator|Iterable)\b", r"Async\1", str(annotation))


def signature(method: Callable[..., Any], *, without: object = ()) -> dict[str, tuple[Any, ...]]:
    """Names, kinds, defaults and annotations, in their order, and what is returned."""
    found = inspect.signature(method)
    parameters = {
        each.name: (each.kind, each.default, each.annotation)
        for each in found.parameters.values()
        if each.name not in without  # type: ignore[operator]
    }
    return {**parameters, "return": (found.return_annotation,)}


def expected(verb: str) -> dict[str, tuple[Any, ...]]:
    """The contract's signature as it should be where it is awaited."""
    found = signature(VERBS[verb])
    if inspect.isgeneratorfunction(VERBS[verb]) or "Iterator" in str(found["return"]):
        found["return"] = (awaited(found["return"][0]),)
    if verb == "write_value":  # whose pieces may come either way
        kind, default, pieces = found["pieces"]
        found["pieces"] = (kind, default, f"{pieces} | {awaited(pieces)}")
    return found


def test_there_are_verbs() -> None:
    assert len(VERBS) >= 25


@pytest.mark.parametrize("cls", [AsyncStore, AsyncDao])
def test_no_verb_is_missing(cls: type) -> None:
    ours = set(methods(cls))
    assert VERBS.keys() <= ours
    assert ours - VERBS.keys() <= {"run", "transaction"}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("cls", [AsyncStore, AsyncDao])
def test_signatures_are_the_contract_s(cls: type, verb: str) -> None:
    method = methods(cls)[verb]
    found = signature(method, without=MORE.get(verb, ()))
    # The facade's iterators can be closed as well.
    found["return"] = (found["return"][0].replace("AsyncPages", "AsyncIterator"),)
    assert found == expected(verb)
    # In their own order, keyword or not.
    assert [each for each in signature(method) if each not in MORE.get(verb, ())] == list(
        expected(verb)
    )
    for name in MORE.get(verb, ()):
        if name in inspect.signature(method).parameters:
            assert inspect.signature(method).parameters[name].default is not inspect.Parameter.empty


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("cls", [AsyncStore, AsyncDao])
def test_what_does_not_iterate_is_a_coroutine(cls: type, verb: str) -> None:
    iterates = "Iterator" in str(inspect.signature(VERBS[verb]).return_annotation)
    assert inspect.iscoroutinefunction(methods(cls)[verb]) == (not iterates)


def test_the_dao_is_a_store() -> None:
    assert issubclass(AsyncDao, AsyncStore)
    assert AsyncDao.__abstractmethods__ == frozenset()


@pytest.mark.parametrize(
    ("awaited_class", "cls"),
    [
        (aio_sqlite.SqliteAdapter, sqlite.SqliteAdapter),
        (aio_postgres.PostgresAdapter, postgres.PostgresAdapter),
        (aio_mariadb.MariaDbAdapter, mariadb.MariaDbAdapter),
    ],
)
def test_adapters_are_made_with_the_same_arguments(awaited_class: type, cls: type) -> None:
    create, blocking = awaited_class.create, cls.create  # type: ignore[attr-defined]
    without_module = {
        name: tuple(str(each).replace("blocking.", "") for each in values)
        for name, values in signature(create).items()
    }
    assert without_module == {
        name: tuple(map(str, values)) for name, values in signature(blocking).items()
    }
    assert inspect.iscoroutinefunction(create)
    assert issubclass(awaited_class, AsyncAdapter)


def test_connect_takes_the_same_arguments() -> None:
    ours, theirs = signature(aio.connect), signature(connecting.connect)
    del ours["return"], theirs["return"]
    assert ours == theirs
    assert inspect.iscoroutinefunction(aio.connect)


@pytest.mark.parametrize(
    ("awaited_module", "module"),
    [(aio_sqlite, sqlite), (aio_postgres, postgres), (aio_mariadb, mariadb)],
)
def test_the_names_are_the_same(awaited_module: Any, module: Any) -> None:
    """What is imported from ``cheap.db.X`` is there in ``cheap.aio.X``."""
    names = [name for name in vars(module) if re.fullmatch(r"[A-Z]\w+(Adapter|Dao)", name)]
    ours = [name for name in names if getattr(module, name).__module__ == module.__name__]
    assert len(ours) == 2
    for name in ours:
        assert getattr(awaited_module, name).__module__ == awaited_module.__name__
