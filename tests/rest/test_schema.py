"""The OpenAPI document: valid, complete, and exact enough for schemathesis to hold us to it."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
import requests
import schemathesis
import urllib3
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from requests.adapters import BaseAdapter
from schemathesis.checks import CheckFunction
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from cheap import AspectDef, Catalog, PropertyDef, PropertyType
from cheap.db.memory import MemoryDao
from cheap.rest.openapi import openapi
from cheap.rest.wire.routes import PARAMETERS, ROUTES
from tests.clients import app_over

DOCUMENT = openapi("1.0")


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(copy.deepcopy(DOCUMENT)).validate()


def test_it_shows_every_route_and_nothing_else() -> None:
    shown = [
        (method.upper(), path, operation["operationId"], operation["summary"])
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]
    assert sorted(shown) == sorted(
        (route.method, route.path, route.name, route.summary) for route in ROUTES
    )


# --- schemathesis -------------------------------------------------------------------------------

CATALOG, FIRST, SECOND = (UUID(int=0x0190A0B0_0000_7000_8000_000000000000 + i) for i in range(3))
CITY = AspectDef(
    "city",
    [
        PropertyDef("name", PropertyType.STRING, nullable=False),
        PropertyDef("people", PropertyType.INTEGER),
        PropertyDef("tags", PropertyType.STRING, multivalued=True),
        PropertyDef("map", PropertyType.BLOB),
        PropertyDef("story", PropertyType.CLOB),
    ],
)
KNOWN = {
    "catalog_id": [str(CATALOG)],
    "name": ["city", "list", "tree"],
    "aspect": ["city"],
    "entity": [str(FIRST)],
    "property": ["map", "story"],
}
"""What stands in the addresses of what is there."""
HIERARCHIES = {
    "AppendShape": ["list"],
    "SpliceShape": ["list"],
    "AddMembersShape": ["set"],
    "RemoveMembersShape": ["set"],
    "PutEntriesShape": ["directory"],
    "RemoveEntriesShape": ["directory"],
    "PutNodesShape": ["tree"],
    "RemoveNodesShape": ["tree"],
}
RECORD: dict[str, Any] = {
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": r"^[^\u0000]*$"},
        "people": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
        "tags": {"type": "array", "items": {"type": "string", "pattern": r"^[^\u0000]*$"}},
        "map": {"type": ["string", "null"], "pattern": "^([A-Za-z0-9+/]{4})*(eA==)?$"},
        "story": {"type": ["string", "null"], "pattern": r"^[^\u0000]*$"},
    },
    "additionalProperties": False,
}
WAITING = re.compile(r"\b(wait)=([0-5]?[0-9](?:\.[0-9]*)?(?:e-[0-9]+)?|60(?:\.0*)?)(&|$)")


def made() -> Catalog:
    catalog = Catalog(global_id=CATALOG)
    cities = catalog.define(CITY)
    cities[FIRST] = {"name": "Oslo", "people": 709_037, "map": b"x", "story": "y"}
    cities[SECOND] = {"name": "Bergen", "tags": ["rain"]}
    cities.create_index("people")
    catalog.create_list("list", [FIRST, SECOND, FIRST])
    catalog.create_set("set", [SECOND])
    catalog.create_directory("directory")["Oslo"] = FIRST
    catalog.create_tree("tree")[("Norway", "Vestland")] = SECOND
    return catalog


@schemathesis.serializer("application/x-ndjson")
def lines(_: object, value: Any) -> bytes:
    return json.dumps(value).encode()


class Wire(BaseAdapter):
    """Carries requests into an app over a store that holds one catalog before each of them."""

    def __init__(self, portal: BlockingPortal) -> None:
        super().__init__()
        self._portal = portal
        self._store = MemoryDao()
        self._asgi = httpx.ASGITransport(app_over(self._store))
        self._tidy()

    def close(self) -> None:
        self._store.close()

    def _tidy(self) -> None:
        for each in self._store.list_catalogs(limit=1_000).items:
            self._store.delete_catalog(each.catalog_id)
        self._store.save_catalog(made())
        self._store.forget_answers(2**60)

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        assert request.url is not None
        body = request.body or b""
        sent = httpx.Request(
            request.method or "",
            WAITING.sub(r"\1=0\3", request.url),  # what is right is not waited for
            headers={**request.headers, "accept-encoding": "identity"},
            content=body.encode() if isinstance(body, str) else body,
        )

        async def run() -> httpx.Response:
            answer = await self._asgi.handle_async_request(sent)
            await answer.aread()
            return answer

        got = self._portal.call(run)
        if request.method not in ("GET", "HEAD") and got.status_code < 300:
            self._tidy()
        answer = requests.Response()
        answer.request, answer.url = request, request.url
        answer.status_code, answer.reason = got.status_code, got.reason_phrase
        answer.headers.update(got.headers)
        answer.raw = urllib3.HTTPResponse(
            io.BytesIO(got.content), got.headers, got.status_code, preload_content=False
        )
        return answer


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def session(portal: BlockingPortal) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.mount("http://", Wire(portal))
        yield session


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """All objects in a schema."""
    if isinstance(schema, dict):
        yield schema
    for each in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(each, (dict, list)):
            yield from parts(each)


def furnished() -> dict[str, Any]:
    """The document, where ids and names are those of what is there, for others come to nothing."""
    document = copy.deepcopy(DOCUMENT)
    schemas = document["components"]["schemas"]
    for each in parts(document):
        if each.get("in") == "path":
            each["schema"] = {"enum": KNOWN[each["name"]], **each["schema"]}
        if each.get("in") == "header" and each["name"] == "If-Match":
            each["schema"]["enum"] = ['"1"', '"2"', "*"]
        if "The set properties of a record" in str(each.get("description")):
            each.update(RECORD)
        if each.get("title") == "DocumentForm":
            each["properties"]["globalId"] = {"const": str(CATALOG)}
            each["properties"]["species"] = {"enum": ["sink", "SINK"]}
            each["properties"]["upstream"] = {"type": "null"}
        if each.get("title") == "NewCatalog":
            each["properties"]["upstream"] = {"type": "null"}
    for name, schema in schemas.items():
        for key, place in schema.get("properties", {}).items():
            if key == "hierarchy" and name.endswith("Shape"):
                place["enum"] = HIERARCHIES.get(name, ["city"])
            if key == "aspect" and name == "AspectQuery":
                place["enum"] = ["city"]
            if key == "property":
                place["enum"] = ["name", "people", "tags"]
    return document


@pytest.fixture(scope="module")
def api() -> BaseSchema:
    schema = schemathesis.openapi.from_dict(furnished(), config=SchemathesisConfig())
    schema.config.update(base_url="http://test")
    return schema


BY_DESIGN = (
    (r"412 precondition-failed .*", "the catalog is at another revision"),
    (r"400 malformed-request header.If-Match: lines are .*", "JSON in the same place heeds it"),
    (r"413 too-large limit: .*", "the largest page is a setting, which /api tells"),
    (r"400 invalid-query cursor: .*", "a cursor is what the page before gave"),
    (r"400 invalid-query offset: .*", "the value is shorter"),
    (r"400 invalid-query .*", "a filter's values are those of its property's type"),
    (r"400 malformed-request \$: entities exclude where, .*", "one of two ways to ask"),
    (r"422 invalid-value .*: map: expected pieces of bytes, .*", "text is for a CLOB"),
    (r"422 invalid-value .*: story: expected pieces of text .*", "bytes are for a BLOB"),
    (r"422 invalid-value .*: people: expected Integer .*", "in a record, 1.0 is no Integer"),
    (r"422 invalid-(document|definition|edit) .*", "two places of a body contradict each other, "
     "or what is stored: a default of another type, a map under another name, indexes of a list"),
)  # fmt: skip
"""Refusals of what is right by itself: each looks at what is stored, or at two places."""


def excused(answer: Response) -> list[CheckFunction]:
    """The checks that cannot hold by design."""
    if not 400 <= answer.status_code < 500:
        return []
    problem = answer.json()
    said = f"{answer.status_code} {problem['code']} {problem['detail']}"
    if not any(re.fullmatch(each, said, re.DOTALL) for each, _ in BY_DESIGN):
        return []
    # What is wrong in two ways may be told the one that needs no look at the body.
    return [positive_data_acceptance, negative_data_rejection]


def test_a_bad_name_is_in_the_document(api: BaseSchema) -> None:
    """Whether the address has a name in it, or the body of a query."""
    for each in ROUTES:
        shown = api.find_operation_by_id(each.name).definition.raw["responses"]
        named = any(PARAMETERS[name][0] is str for name in each.parameters)
        if named or each.name == "query_aspects":
            assert "`invalid-name`" in shown["422"]["description"], each.name


EXAMPLES: Final = 100
"""How many of each kind every operation sees at most: those that cover it, and random ones."""


@pytest.mark.parametrize("name", [each.name for each in ROUTES if each.name != "openapi"])
def test_no_mismatch(name: str, api: BaseSchema, session: requests.Session) -> None:
    operation = api.find_operation_by_id(name)
    shown = operation.definition.raw["responses"]

    def call(case: schemathesis.Case) -> None:
        answer = case.call(session=session)
        case.validate_response(answer, excluded_checks=excused(answer))
        known = case.method != operation.method.upper() or str(answer.status_code) in shown
        assert known, f"{answer.status_code} is in the document as any other error only"

    covering = api.iter_coverage_cases(
        operation, generation_modes=list(GenerationMode), generation_config=api.config.generation
    )
    for case in islice(covering, EXAMPLES):
        call(case)
    drawn = st.one_of([operation.as_strategy(generation_mode=each) for each in GenerationMode])
    settings(max_examples=EXAMPLES)(given(drawn)(call))()
