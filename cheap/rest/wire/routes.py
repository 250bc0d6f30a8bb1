"""The one table of routes: the app listens by it, clients speak by it, OpenAPI shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, Field

from cheap.errors import (
    AlreadyExistsError,
    CatalogNotFoundError,
    CheapError,
    ConflictError,
    InvalidDocumentError,
    InvalidEditError,
    InvalidNameError,
    InvalidQueryError,
    InvalidValueError,
    MissingKeyError,
    ReadOnlyError,
)
from cheap.rest.wire import forms, shapes
from cheap.rest.wire.parts import MAX_INT, Species
from cheap.rest.wire.shapes import Shape


class Scope(Enum):
    """What an API key must allow for a call."""

    NONE = "none"
    """Nothing: no key is asked for."""
    READ = "read"
    WRITE = "write"


JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
BYTES: Final = "application/octet-stream"
TEXT: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One call that travels.

    Attributes:
        name: what it is called, in the words of the contract where it is a verb.
        method: the HTTP method.
        path: with ``{parameters}``, each of which is one percent-encoded segment.
        summary: what it does, in one sentence.
        scope: what an API key must allow.
        query: the shape of the query, if it has one.
        body: the shape of the body; ``None`` for none, or for one that is no JSON.
        takes: the content types of the body.
        answer: the shape of the answer.
        gives: the content type of the answer.
        status: the status of success.
        others: further statuses of success, and their shapes.
        errors: errors of the verb itself, beside those that any call may meet.
        if_match: whether it heeds ``If-Match``; the others that write refuse it.
        if_none_match: whether it heeds ``If-None-Match``: with its ETag to read, with ``*`` to
            write.
    """

    name: str
    method: str
    path: str
    summary: str
    scope: Scope = Scope.READ
    query: type[BaseModel] | None = None
    body: type[BaseModel] | Any | None = None
    takes: tuple[str, ...] = ()
    answer: type[BaseModel] | Any | None = None
    gives: str = JSON
    status: int = 200
    others: dict[int, type[BaseModel] | None] = field(default_factory=dict)
    errors: tuple[type[CheapError], ...] = ()
    if_match: bool = False
    if_none_match: bool = False

    @property
    def parameters(self) -> list[str]:
        """The names of the path's parameters, in order."""
        return [part.partition("}")[0] for part in self.path.split("{")[1:]]

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.scope is Scope.WRITE

    def url(self, *values: object) -> str:
        """Return the path with values in the place of its parameters, percent-encoded."""
        rest = self.path
        for value in values:
            before, _, rest = rest.partition("{")
            rest = before + _segment(str(value)) + rest.partition("}")[2]
        return rest


def _segment(text: str) -> str:
    """Percent-encode a value; also dots, which would lead upwards, and a word of the table."""
    if text in (".", "..", "query"):
        return "".join(f"%{ord(each):02X}" for each in text)
    return quote(text, safe="")


# --- queries ------------------------------------------------------------------------------------

Limit = Annotated[int | None, Field(ge=1)]


class CatalogsQuery(Shape):
    """Which headers."""

    species: Species | None = None
    cursor: str | None = None
    limit: Limit = None


class HeaderQuery(Shape):
    """What of a header."""

    sizes: bool = False


class PageQuery(Shape):
    """Which page."""

    cursor: str | None = None
    limit: Limit = None


MAX_WAIT: Final = 60
"""Seconds that a request may wait for a change."""


class ChangesQuery(Shape):
    """Which changes; ``wait`` seconds for one if there is none yet."""

    since: Annotated[int, Field(ge=0, le=MAX_INT)] = 0
    cursor: str | None = None
    limit: Limit = None
    wait: Annotated[float, Field(ge=0, le=MAX_WAIT)] = 0.0


class DocumentQuery(Shape):
    """Which hierarchies; all when none is named."""

    only: list[str] | None = None


class DeletionQuery(Shape):
    """When: at once, or ``after`` so many seconds."""

    after: Annotated[int, Field(ge=0, le=10 * 365 * 86400)] | None = None


class PieceQuery(Shape):
    """Where the piece begins; without, the whole value is streamed."""

    offset: Annotated[int, Field(ge=0, le=MAX_INT)] | None = None


# --- the table ----------------------------------------------------------------------------------

_CATALOG = "/api/catalog/{catalog_id}"
_UNKNOWN = (CatalogNotFoundError,)
_MISSING = (CatalogNotFoundError, MissingKeyError)
_WRITING = (
    CatalogNotFoundError,
    MissingKeyError,
    ConflictError,
    ReadOnlyError,
    InvalidEditError,
    InvalidValueError,
)

ABOUT = Route(
    "about", "GET", "/api", "Tell the store's id and the server's limits.", answer=shapes.About
)
CREATE_CATALOG = Route(
    "create_catalog",
    "POST",
    "/api/catalog",
    "Create a catalog, with its first content in one go.",
    Scope.WRITE,
    body=shapes.NewCatalog,
    takes=(JSON,),
    answer=shapes.CatalogAnswer,
    status=201,
    errors=(AlreadyExistsError, MissingKeyError, InvalidEditError, InvalidValueError),
)
LIST_CATALOGS = Route(
    "list_catalogs",
    "GET",
    "/api/catalog",
    "Return headers, ordered by id, in pages.",
    query=CatalogsQuery,
    answer=shapes.CatalogPage,
    errors=(InvalidQueryError,),
)
GET_CATALOG = Route(
    "get_catalog",
    "GET",
    _CATALOG,
    "Return a catalog's header.",
    query=HeaderQuery,
    answer=shapes.CatalogAnswer,
    errors=_UNKNOWN,
    if_none_match=True,
)
REPLACE_CATALOG = Route(
    "replace_catalog",
    "PUT",
    _CATALOG,
    "Save a whole catalog, in the place of what is there.",
    Scope.WRITE,
    body=forms.Document,
    takes=(JSON,),
    answer=shapes.CatalogAnswer,
    others={201: shapes.CatalogAnswer},
    errors=(InvalidDocumentError, InvalidEditError, ConflictError),
    if_match=True,
    if_none_match=True,
)
CHANGE_LABELS = Route(
    "change_labels",
    "PATCH",
    _CATALOG,
    "Change a catalog's version or uri.",
    Scope.WRITE,
    body=shapes.Labels,
    takes=(JSON,),
    answer=shapes.CatalogAnswer,
    errors=(CatalogNotFoundError, ConflictError, ReadOnlyError, InvalidNameError),
    if_match=True,
)
DELETE_CATALOG = Route(
    "delete_catalog",
    "DELETE",
    _CATALOG,
    "Delete a catalog and all that is in it, now or later.",
    Scope.WRITE,
    query=DeletionQuery,
    status=204,
    others={202: shapes.DeletionAnswer},
    errors=(CatalogNotFoundError, ConflictError),
    if_match=True,
)
LOAD_CATALOG = Route(
    "load_catalog",
    "GET",
    f"{_CATALOG}/document",
    "Return a whole catalog as a document, as of one moment, streamed.",
    query=DocumentQuery,
    answer=forms.Document,
    errors=_MISSING,
    if_none_match=True,
)
STREAM_CATALOGS = Route(
    "stream_catalogs",
    "GET",
    "/api/catalogs/stream",
    "Return every catalog as a line of JSON.",
    gives=LINES,
)
ADD_ASPECT_DEF = Route(
    "add_aspect_def",
    "POST",
    f"{_CATALOG}/aspect-defs",
    "Add a definition, or put it in the place of its namesake.",
    Scope.WRITE,
    body=forms.Definition,
    takes=(JSON,),
    answer=shapes.RevisionAnswer,
    status=201,
    errors=(*_WRITING, InvalidDocumentError),
    if_match=True,
)
LIST_ASPECT_DEFS = Route(
    "list_aspect_defs",
    "GET",
    f"{_CATALOG}/aspect-defs",
    "Return the definitions of a catalog, in order.",
    answer=shapes.DefinitionList,
    errors=_UNKNOWN,
)
GET_ASPECT_DEF = Route(
    "get_aspect_def",
    "GET",
    f"{_CATALOG}/aspect-defs/{{name}}",
    "Return a definition by its name or id.",
    answer=forms.Definition,
    errors=_MISSING,
)
CREATE_HIERARCHY = Route(
    "create_hierarchy",
    "POST",
    f"{_CATALOG}/hierarchies",
    "Create an empty hierarchy.",
    Scope.WRITE,
    body=shapes.NewHierarchy,
    takes=(JSON,),
    answer=shapes.RevisionAnswer,
    status=201,
    errors=(*_WRITING, AlreadyExistsError),
    if_match=True,
)
LIST_HIERARCHIES = Route(
    "list_hierarchies",
    "GET",
    f"{_CATALOG}/hierarchies",
    "Return the hierarchies of a catalog, in order.",
    answer=shapes.HierarchyList,
    errors=_UNKNOWN,
)
READ_HIERARCHY = Route(
    "read_hierarchy",
    "GET",
    f"{_CATALOG}/hierarchies/{{name}}",
    "Return a page of a hierarchy's content, in its order.",
    query=PageQuery,
    answer=shapes.EntryPage,
    errors=(*_MISSING, InvalidQueryError),
)
STREAM_HIERARCHY = Route(
    "stream_hierarchy",
    "GET",
    f"{_CATALOG}/hierarchies/{{name}}/stream",
    "Return every item of a hierarchy as a line of JSON.",
    gives=LINES,
    errors=_MISSING,
)
DROP_HIERARCHY = Route(
    "drop_hierarchy",
    "DELETE",
    f"{_CATALOG}/hierarchies/{{name}}",
    "Remove a hierarchy and all that is in it.",
    Scope.WRITE,
    status=204,
    errors=(*_MISSING, ReadOnlyError),
    if_match=True,
)
COMMIT = Route(
    "commit",
    "POST",
    f"{_CATALOG}/commit",
    "Apply edits, all or nothing.",
    Scope.WRITE,
    body=shapes.CommitRequest,
    takes=(JSON,),
    answer=shapes.CommitAnswer,
    errors=(*_WRITING, AlreadyExistsError, InvalidQueryError),
    if_match=True,
)
QUERY_ASPECTS = Route(
    "query_aspects",
    "POST",
    f"{_CATALOG}/aspects/query",
    "Return records: of some entities, or those that a filter finds, in pages.",
    body=shapes.AspectQuery,
    takes=(JSON,),
    answer=shapes.EntryPage,
    errors=(*_MISSING, InvalidNameError, InvalidQueryError, ConflictError),
)
PUT_ASPECTS = Route(
    "put_aspects",
    "POST",
    f"{_CATALOG}/aspects/{{aspect}}",
    "Put records: all or nothing as JSON, or any number as lines of JSON.",
    Scope.WRITE,
    body=shapes.Upsert,
    takes=(JSON, LINES),
    answer=shapes.UpsertAnswer,
    others={207: shapes.UpsertAnswer},
    errors=_WRITING,
    if_match=True,
)
READ_CHANGES = Route(
    "read_changes",
    "GET",
    f"{_CATALOG}/changes",
    "Return what changed after a revision, oldest first, in pages.",
    query=ChangesQuery,
    answer=shapes.ChangePage,
    errors=(CatalogNotFoundError, ConflictError, InvalidQueryError),
)
READ_VALUE = Route(
    "read_value",
    "GET",
    f"{_CATALOG}/aspects/{{aspect}}/{{entity}}/{{property}}",
    "Return one large value, streamed, or a piece of it.",
    query=PieceQuery,
    gives=BYTES,
    errors=(*_MISSING, InvalidQueryError),
    if_none_match=True,
)
WRITE_VALUE = Route(
    "write_value",
    "PUT",
    f"{_CATALOG}/aspects/{{aspect}}/{{entity}}/{{property}}",
    "Write one large value, streamed.",
    Scope.WRITE,
    takes=(BYTES, TEXT),
    answer=shapes.LargeValueAnswer,
    errors=_WRITING,
)
HEALTH = Route(
    "health",
    "GET",
    "/health",
    "Tell whether the database answers.",
    Scope.NONE,
    answer=shapes.Health,
    others={503: shapes.Health},
)
LIVE = Route("live", "GET", "/live", "Tell that the process answers.", Scope.NONE, gives=TEXT)
METRICS = Route("metrics", "GET", "/metrics", "Return metrics for Prometheus.", gives=TEXT)
OPENAPI = Route("openapi", "GET", "/openapi.json", "Return this description.", Scope.NONE)
DOCS = Route("docs", "GET", "/docs", "Show this description.", Scope.NONE, gives=HTML)

ROUTES: Final = tuple(each for each in vars().values() if isinstance(each, Route))
"""Every route, in the order in which they stand above."""

PARAMETERS: Final[dict[str, tuple[type, str]]] = {
    "catalog_id": (UUID, "The catalog's id."),
    "entity": (UUID, "The entity whose record it is."),
    "name": (str, "The name, percent-encoded."),
    "aspect": (str, "The name of the aspect definition, percent-encoded."),
    "property": (str, "The name of the property, percent-encoded."),
}
"""What stands in the place of a path's parameters."""
