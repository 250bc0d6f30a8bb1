"""Every route of the table: who may call it, and how it says no."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx
import pytest
from starlette.routing import Route as AppRoute

from cheap.rest.wire.problems import BY_CODE, status_of
from cheap.rest.wire.routes import BYTES, JSON, PARAMETERS, ROUTES, Route, Scope
from tests.rest.apps import Site, site

pytestmark = pytest.mark.anyio

READ, WRITE, WRONG = "abcdefghijklmnop", "zyxwvutsrqponmlk", "a guess that is wrong"
NOBODY = UUID(int=7)
GUARDED = [each for each in ROUTES if each.scope is not Scope.NONE]
OPEN = [each for each in ROUTES if each.scope is Scope.NONE]
PATHS = {each.path: each for each in ROUTES}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MADE-UP")


def name_of(route: Route) -> str:
    return route.name


@pytest.fixture
async def guarded() -> AsyncIterator[Site]:
    async with site(api_keys=(f"read:{READ}", f"write:{WRITE}")) as found:
        yield found


async def call(
    found: Site, route: Route, key: str | None = None, *, bearer: bool = False
) -> httpx.Response:
    """Call a route about a catalog that is not there, with a body that is none."""
    headers = {b"content-type": route.takes[0].encode()} if route.takes else {}
    if key is not None:
        text = key.encode("latin-1")
        headers |= {b"Authorization": b"bearer " + text} if bearer else {b"X-API-Key": text}
    return await found.http.request(
        route.method, url_of(route), headers=headers, content=b"?" if route.takes else None
    )


def url_of(route: Route) -> str:
    names = re.findall(r"{(\w+)}", route.path)
    return route.url(*(NOBODY if PARAMETERS[each][0] is UUID else "it" for each in names))


REFERENCE = re.compile(r"(?:[\w.~:@!$&'()*+,;=/-]|%[0-9A-Fa-f]{2})+", re.ASCII)
"""A path as URIs may have it."""


def problem_of(answer: httpx.Response, code: str | None = None) -> dict[str, Any]:
    """What an error says, which has the shape of all errors."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert code in (None, problem["code"]), problem
    kind = BY_CODE[problem["code"]]
    assert problem["type"] == f"urn:cheap:error:{problem['code']}"
    assert problem["title"] == kind.__name__
    assert problem["status"] == answer.status_code == status_of(kind)
    assert problem["detail"] == problem["message"] != ""
    assert problem["retryable"] is kind.retryable
    for fault in problem["errors"]:
        assert fault.keys() == {"path", "expected", "got"}
        assert fault["path"]
        assert fault["expected"]
    request_id = answer.headers["x-request-id"]
    assert request_id
    path, _, told_id = problem["instance"].partition("#")
    assert (unquote(path), told_id) == (answer.request.url.path, request_id)
    assert REFERENCE.fullmatch(path)
    return problem


# --- keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", GUARDED, ids=name_of)
async def test_no_key_or_a_wrong_one(guarded: Site, route: Route) -> None:
    for key, bearer in ((None, False), (WRONG, False), (WRONG, True), ("", False), ("é", False)):
        answer = await call(guarded, route, key, bearer=bearer)
        problem_of(answer, "unauthorized")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert WRONG not in answer.text


@pytest.mark.parametrize("route", GUARDED, ids=name_of)
async def test_a_key_to_read(guarded: Site, route: Route) -> None:
    answer = await call(guarded, route, READ)
    if route.scope is Scope.WRITE:
        problem_of(answer, "forbidden")
        assert answer.status_code == 403
    else:
        assert answer.status_code not in (401, 403)


@pytest.mark.parametrize("route", GUARDED, ids=name_of)
@pytest.mark.parametrize("bearer", [False, True], ids=["header", "bearer"])
async def test_a_key_to_write(guarded: Site, route: Route, bearer: bool) -> None:
    answer = await call(guarded, route, WRITE, bearer=bearer)
    assert answer.status_code not in (401, 403)
    assert answer.status_code < 500
    if answer.status_code >= 400:
        problem_of(answer)


@pytest.mark.parametrize("route", OPEN, ids=name_of)
@pytest.mark.parametrize("key", [None, WRONG])
async def test_open_to_everybody(guarded: Site, route: Route, key: str | None) -> None:
    answer = await call(guarded, route, key)
    assert answer.status_code == route.status


async def test_nothing_is_done_without_a_key(guarded: Site) -> None:
    before = guarded.revision()
    for headers in ({}, {"X-API-Key": READ}):
        for method, more, form in (
            ("PATCH", "", {"version": "2"}),
            ("DELETE", "", None),
            ("DELETE", "?after=0", None),
            ("POST", "/commit", {"edits": [{"edit": "set_header", "version": "2"}]}),
        ):
            answer = await guarded.http.request(
                method, guarded.path(more), json=form, headers=headers
            )
            assert answer.status_code in (401, 403)
    assert guarded.revision() == before
    assert guarded.store.due_deletions(2**40) == []


async def test_an_unknown_catalog_is_no_secret_channel(guarded: Site) -> None:
    """Without a key, what is there and what is not look the same."""
    there = await guarded.get(guarded.path())
    not_there = await guarded.get(f"/api/catalog/{NOBODY}")
    assert there.json()["detail"] == not_there.json()["detail"]


# --- addresses and methods ----------------------------------------------------------------------


async def test_every_route_of_the_app_is_in_the_table(guarded: Site) -> None:
    listening = guarded.app.routes
    assert all(type(each) is AppRoute for each in listening)
    assert {each.path for each in listening} == {each.path for each in ROUTES}  # type: ignore[attr-defined]
    assert len({(each.method, each.path) for each in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("path", PATHS)
async def test_methods(guarded: Site, path: str) -> None:
    known = {each.method for each in ROUTES if each.path == path}
    known |= {"HEAD"} if "GET" in known else set()
    for method in METHODS:
        answer = await guarded.http.request(
            method, url_of(PATHS[path]), headers={"X-API-Key": WRITE}
        )
        if method in known:
            assert answer.status_code != 405
            continue
        assert answer.status_code == 405
        assert answer.headers["allow"] == ", ".join(sorted(known))
        if method != "HEAD":
            problem_of(answer, "method-not-allowed")


@pytest.mark.parametrize("route", [each for each in ROUTES if each.method == "GET"], ids=name_of)
async def test_head(guarded: Site, route: Route) -> None:
    """The same status and type; what is counted on the way may differ in length."""
    headers = {"X-API-Key": WRITE}
    got = await guarded.http.get(url_of(route), headers=headers)
    head = await guarded.http.head(url_of(route), headers=headers)
    assert head.status_code == got.status_code
    assert head.headers.get("content-type") == got.headers.get("content-type")
    assert head.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/catalogs",
        "/API/catalog",
        "//api/catalog",
        "/api//catalog",
        "/openapi.yaml",
        "/favicon.ico",
        f"/api/catalog/{NOBODY}/nothing",
        f"/api/catalog/{NOBODY}/hierarchies/a/b",
        f"/api/catalog/{NOBODY}/aspects",
        "/api/%2e%2e/api",
        "/%00",
        "/%ff",
        "/" + "a" * 10_000,
    ],
)
async def test_unknown_addresses(guarded: Site, path: str) -> None:
    for method in METHODS:
        answer = await guarded.http.request(method, path)
        assert answer.status_code == 404, method
        if method != "HEAD":
            assert answer.json()["code"] == "route-not-found"


@pytest.mark.parametrize("path", ["/api/", "/api/catalog/", "/health/", f"/api/catalog/{NOBODY}/"])
async def test_no_redirects(guarded: Site, path: str) -> None:
    answer = await guarded.http.get(path)
    assert answer.status_code == 404
    problem_of(answer, "route-not-found")


async def test_request_ids(guarded: Site) -> None:
    for given, is_kept in (
        ("mine-1.2_3", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("", False),
        ("two words", False),
        ("line\tbreak", False),
    ):
        answer = await guarded.http.get("/nowhere", headers={"X-Request-ID": given})
        assert (answer.headers["x-request-id"] == given) is is_kept
        problem_of(answer, "route-not-found")
    ids = {(await guarded.http.get("/live")).headers["x-request-id"] for _ in range(10)}
    assert len(ids) == 10


# --- what each route refuses --------------------------------------------------------------------


@pytest.mark.parametrize("route", [each for each in ROUTES if each.query is None], ids=name_of)
async def test_no_query_where_none_is_known(guarded: Site, route: Route) -> None:
    headers = {"X-API-Key": WRITE, "content-type": (route.takes or (JSON,))[0]}
    answer = await guarded.http.request(route.method, f"{url_of(route)}?a=1", headers=headers)
    assert answer.status_code == 400
    assert problem_of(answer, "malformed-request")["errors"][0]["path"] == "query"


@pytest.mark.parametrize("route", [each for each in ROUTES if each.query], ids=name_of)
async def test_unknown_words_of_a_query(guarded: Site, route: Route) -> None:
    headers = {"X-API-Key": WRITE}
    answer = await guarded.http.request(route.method, f"{url_of(route)}?Limit=1", headers=headers)
    assert answer.status_code == 400
    assert problem_of(answer, "malformed-request")["errors"][0]["path"] == "query.Limit"


@pytest.mark.parametrize("route", [each for each in ROUTES if each.takes], ids=name_of)
async def test_content_types(guarded: Site, route: Route) -> None:
    for media in ("", "image/png", "application/jso", "text", ";", "a" * 10_000, "application/xml"):
        headers = {"X-API-Key": WRITE, "content-type": media}
        answer = await guarded.http.request(
            route.method, url_of(route), headers=headers, content=b"{}"
        )
        assert answer.status_code == 415, media
        assert problem_of(answer, "unsupported-media")["errors"][0]["path"] == "content-type"
        assert len(answer.content) < 2_000


@pytest.mark.parametrize("route", [each for each in ROUTES if "{" in each.path], ids=name_of)
async def test_ids_that_are_none(guarded: Site, route: Route) -> None:
    for text in ("1", "no-id", "{0190a0b0-0000-7000-8000-000000000000}", "%FF", "a" * 10_000):
        url = url_of(route).replace(str(NOBODY), text, 1)
        headers = {"X-API-Key": WRITE, "content-type": (route.takes or (BYTES,))[0]}
        answer = await guarded.http.request(route.method, url, headers=headers)
        assert answer.status_code == 400
        problem = problem_of(answer, "malformed-request")
        assert problem["errors"][0]["path"] == "path.catalog_id"
