"""OpenAPI 3.1, made of the route table and the shapes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from cheap.core.forms import is_array, is_object
from cheap.errors import (
    CheapError,
    ForbiddenError,
    InternalError,
    InvalidNameError,
    MalformedRequestError,
    OverloadedError,
    PreconditionError,
    RequestTimeoutError,
    TooLargeError,
    UnauthorizedError,
    UnsupportedMediaError,
)
from cheap.rest.serving import IDEMPOTENCY_KEY
from cheap.rest.wire import shapes
from cheap.rest.wire.problems import MEDIA_TYPE, status_of
from cheap.rest.wire.routes import JSON, PARAMETERS, ROUTES, Route, Scope

_REF: Final = "#/components/schemas/{model}"
_SAID: Final[dict[int, str]] = {
    200: "Done.",
    201: "Made.",
    202: "Noted; it will be done.",
    204: "Done; there is nothing to say.",
    207: "Done in part: some of the records were refused.",
    304: "It is as you know it.",
    503: "The database does not answer.",
}


@lru_cache(maxsize=1)
def openapi(version: str) -> dict[str, Any]:
    """Return the description of the server, as an OpenAPI document."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    _schema(shapes.Problem, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CheapPy",
            "version": version,
            "summary": "Typed working copies of data that lives elsewhere.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{}, {"key": []}, {"bearer": []}],
    }


def _schema(shape: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a shape, or where it stands among the components."""
    found: dict[str, Any] = _tidied(TypeAdapter(shape).json_schema(ref_template=_REF))
    schemas.update(found.pop("$defs", {}))
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        schemas[shape.__name__] = found
        return {"$ref": _REF.format(model=shape.__name__)}
    return found


def _tidied(schema: Any) -> Any:
    """Say of pydantic's schemas what is meant, where they say it otherwise."""
    if is_array(schema):
        return [_tidied(each) for each in schema]
    if not is_object(schema):
        return schema
    found = {
        key: _tidied(each)
        for key, each in schema.items()
        # In a model, a default that is null is how a key may be missing.
        if not (key == "default" and each is None)
    }
    if "patternProperties" in found:  # and no others
        found.setdefault("additionalProperties", False)
    return found


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [_tag(route)],
        "parameters": [*_path(route), *_query(route, schemas), *_headers(route)],
        "responses": _responses(route, schemas),
    }
    if route.takes:
        content: dict[str, Any] = {}
        for media in route.takes:
            name = media.partition(";")[0]
            content[name] = {"schema": _schema(route.body, schemas)} if media == JSON else {}
        operation["requestBody"] = {"required": True, "content": content}
    if route.scope is Scope.NONE:
        operation["security"] = []
    return operation


def _tag(route: Route) -> str:
    if not route.path.startswith("/api"):
        return "server"
    return "contents" if route.path.count("/") > 3 else "catalogs"


def _path(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in route.parameters:
        kind, description = PARAMETERS[name]
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        if kind is not str:
            schema = {"type": "string", "format": "uuid"}
        found.append(
            {"name": name, "in": "path", "required": True, "description": description}
            | {"schema": schema}
        )
    return found


def _query(route: Route, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    shape = _tidied(route.query.model_json_schema(ref_template=_REF))
    schemas.update(shape.pop("$defs", {}))
    return [
        {"name": name, "in": "query", "required": False, "schema": _not_null(schema)}
        for name, schema in shape.get("properties", {}).items()
    ]


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query cannot say null: a parameter is given or not."""
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**kinds[0], **rest}


def _headers(route: Route) -> list[dict[str, Any]]:
    names: dict[str, str] = {}
    forms = dict(_FORMS)
    if route.if_none_match and route.method == "GET":
        names["If-None-Match"] = "Answer 304 if this is the ETag of what is there."
    elif route.if_none_match:
        names["If-None-Match"] = "Refuse with 412 if the catalog is there."
        forms["If-None-Match"] = {"enum": ["*"]}
    if route.if_match:
        names["If-Match"] = "Refuse with 412 unless the catalog is at this ETag."
    if route.writes and (JSON in route.takes or not route.takes):
        names[IDEMPOTENCY_KEY.title()] = "The same key and request get the same answer, once done."
    return [
        {"name": name, "in": "header", "required": False, "description": text}
        | {"schema": {"type": "string", **forms.get(name, {})}}
        for name, text in names.items()
    ]


_FORMS: Final[dict[str, dict[str, Any]]] = {
    "If-Match": {"pattern": r'^(\*|(W/)?"[0-9]{1,18}")$'},
    IDEMPOTENCY_KEY.title(): {"pattern": "^[!-~]{1,200}$"},
}
"""What headers may be. To read, what is no ETag of ours in ``If-None-Match`` never matches."""


def _responses(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    found = {str(route.status): _response(route, route.status, route.answer, schemas)}
    for status, shape in route.others.items():
        found[str(status)] = _response(route, status, shape, schemas)
    if route.if_none_match and route.method == "GET":
        found["304"] = {"description": _SAID[304]}
    by_status: dict[int, list[str]] = {}
    for each in _errors_of(route):
        by_status.setdefault(status_of(each), []).append(f"`{each.code}`")
    problem = {"schema": {"$ref": _REF.format(model="Problem")}}
    for status, codes in sorted(by_status.items()):
        if str(status) not in found:
            found[str(status)] = {
                "description": ", ".join(dict.fromkeys(codes)),
                "content": {MEDIA_TYPE: problem},
            }
    found["default"] = {"description": "Any other error.", "content": {MEDIA_TYPE: problem}}
    return found


def _errors_of(route: Route) -> list[type[CheapError]]:
    found: list[type[CheapError]] = [MalformedRequestError, *route.errors]
    if any(PARAMETERS[name][0] is str for name in route.parameters):
        found.append(InvalidNameError)
    if route.if_match:
        found.append(PreconditionError)
    if route.takes:
        found += [UnsupportedMediaError, TooLargeError]
    if route.query is not None and "limit" in route.query.model_fields:
        found.append(TooLargeError)
    if route.scope is not Scope.NONE:
        found += [UnauthorizedError, OverloadedError, RequestTimeoutError]
    if route.writes:
        found.append(ForbiddenError)
    return [*found, InternalError]


def _response(
    route: Route, status: int, shape: Any | None, schemas: dict[str, Any]
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _SAID[status]}
    if shape is not None:
        answer["content"] = {JSON: {"schema": _schema(shape, schemas)}}
    elif status == route.status and status != 204:
        answer["content"] = {route.gives.partition(";")[0]: {}}
    return answer
