"""The clients have the contract's verbs, all of them, with the same signatures."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from cheap.aio import AsyncDao
from cheap.errors import Fault
from cheap.rest.client import AsyncCheapClient, CheapClient
from cheap.rest.client.exceptions import (
    CheapRestBadRequestException,
    CheapRestClientException,
    CheapRestNotFoundException,
    CheapRestServerException,
)
from cheap.rest.wire.problems import BY_CODE, encode_problem, error_of, status_of
from cheap.store import Store


def methods(cls: type) -> dict[str, Any]:
    return {
        name: member
        for name, member in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }


def signature(method: Any) -> list[tuple[Any, ...]]:
    found = inspect.signature(method)
    return [(each.name, each.kind, each.default) for each in found.parameters.values()]


MORE = {
    "about",
    "health_check",
    "schedule_deletion",
    "stream_catalogs",
    "stream_hierarchy",
    "upload_aspects",
    "wait_for_changes",
}


def test_a_client_is_a_store() -> None:
    assert set(methods(CheapClient)) == {*methods(Store), *MORE}
    assert CheapClient.__abstractmethods__ == frozenset()


def test_the_async_client_is_an_async_store() -> None:
    assert set(methods(AsyncCheapClient)) == {*methods(Store), *MORE}
    assert AsyncCheapClient.__abstractmethods__ == frozenset()


@pytest.mark.parametrize("verb", methods(Store))
def test_signatures(verb: str) -> None:
    expected = inspect.signature(methods(Store)[verb])
    assert inspect.signature(methods(CheapClient)[verb]) == expected
    if verb == "close":
        return  # the facade may stop calls; a client's end with their tasks
    awaited = methods(AsyncCheapClient)[verb]
    assert inspect.signature(awaited) == inspect.signature(methods(AsyncDao)[verb])
    assert inspect.iscoroutinefunction(awaited) == inspect.iscoroutinefunction(
        methods(AsyncDao)[verb]
    )


@pytest.mark.parametrize("name", sorted(MORE))
def test_what_clients_have_beside_is_the_same_in_both(name: str) -> None:
    ours, awaited = methods(CheapClient)[name], methods(AsyncCheapClient)[name]
    assert signature(ours) == signature(awaited)
    assert inspect.getdoc(ours) == inspect.getdoc(awaited)


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_an_error_crosses_as_the_same_class(code: str) -> None:
    kind = BY_CODE[code]
    made: dict[str, tuple[Any, ...]] = {
        "invalid-value": ("person", [], "entity"),
        "invalid-document": ("$.x", "is missing"),
        "malformed-request": ("$.x", "is missing", [Fault("$.x", "is missing", "")]),
        "conflict": ("aspect 'x'", 7),
        "precondition-failed": ("catalog", None),
    }
    error = kind(*made.get(code, ("what it is",)))
    status = status_of(kind)
    back = error_of(status, encode_problem(error, "/x#1"), {})
    assert type(back) is kind
    assert str(back) == str(error)
    assert {**vars(back), "allowed": ()} == {**vars(error), "allowed": ()}
    assert isinstance(back, CheapRestClientException)
    assert isinstance(back, CheapRestNotFoundException) == (status == 404)
    assert not isinstance(back, CheapRestServerException) or status >= 500
    assert not isinstance(back, CheapRestBadRequestException) or 400 <= status < 500


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid"), (401, "unauthorized"), (403, "forbidden"), (404, "route-not-found"),
        (413, "too-large"), (418, "invalid"), (429, "overloaded"), (500, "internal"),
        (502, "unavailable"), (503, "unavailable"), (504, "unavailable"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"code":"no-such"}', b"[]", b"\xff"])
def test_what_is_no_problem_of_ours(status: int, code: str, body: bytes) -> None:
    """From a proxy, or from another server altogether."""
    assert error_of(status, body, {}).code == code
