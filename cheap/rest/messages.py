"""Requests as handlers see them, and what they answer."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec
from pydantic import BaseModel

from cheap.errors import CheapError, PreconditionError, TooLargeError
from cheap.rest.settings import Settings
from cheap.rest.wire.bodies import check_json, plain, shaped
from cheap.rest.wire.routes import JSON, Route
from cheap.store import Desk

M = TypeVar("M", bound=BaseModel)

_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
_WORTH_COMPRESSING: Final = 1024


@dataclass(slots=True)
class Request:
    """A request whose address, key and query are right.

    Attributes:
        route: what is called.
        path: the values of the path's parameters, in order.
        query: the query, in its shape.
        headers: by lower-case name.
        settings: the server's.
        body: the body, as it came.
        caller: a digest of the caller's key.
        target: path and query as they came.
    """

    route: Route
    path: tuple[Any, ...]
    query: Any
    headers: Mapping[str, str]
    settings: Settings
    body: bytes = b""
    caller: bytes = b""
    target: bytes = b""

    def json(self) -> Any:
        """Return the body, decoded.

        Raises:
            MalformedRequestError: it is no JSON.
        """
        check_json(self.body, self.settings.max_depth)
        return plain(self.body, "$")

    def shape(self, model: type[M]) -> M:
        """Return the body in a shape.

        Raises:
            MalformedRequestError: it does not fit.
        """
        return shaped(model, self.json(), "$")

    def limit(self, given: int | None) -> int:
        """Return how many items a page may have.

        Raises:
            TooLargeError: more are asked for than the server gives.
        """
        if given is None:
            return min(self.settings.page_size, self.settings.max_page_size)
        if given > self.settings.max_page_size:
            raise TooLargeError(
                f"limit: this server gives at most {self.settings.max_page_size:,} items a page"
            )
        return given

    def expected_revision(self) -> int | None:
        """Return the revision that ``If-Match`` asks for, if any; its form is checked by now."""
        given = self.headers.get("if-match", "*")
        return None if given == "*" else int(given.removeprefix("W/").strip('"'))

    def knows(self, tag: str) -> bool:
        """Tell whether ``If-None-Match`` names an ETag."""
        given = self.headers.get("if-none-match")
        if given is None:
            return False
        tags = {each.strip().removeprefix("W/") for each in given.split(",")}
        return "*" in tags or tag in tags


@dataclass(slots=True)
class Answer:
    """What a request is answered with.

    Attributes:
        status: the HTTP status.
        body: the body.
        media: its content type.
        headers: further headers.
    """

    status: int = 200
    body: bytes = b""
    media: str = JSON
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def coded(self, accepted: str) -> Answer:
        """Return the same answer with its body compressed, where that is worth it.

        Args:
            accepted: what the caller accepts: the header ``Accept-Encoding``.
        """
        if len(self.body) < _WORTH_COMPRESSING:
            return self
        headers = {**self.headers, "vary": "Accept-Encoding"}
        if not _GZIP.search(accepted):
            return Answer(self.status, self.body, self.media, headers)
        # Level 1: most of what there is to gain, at a fifth of the usual level's time.
        body = zlib.compress(self.body, 1, 31)
        return Answer(self.status, body, self.media, headers | {"content-encoding": "gzip"})


Handler = Callable[[Desk, Request], Answer]
"""Answers a request; runs in a worker thread, in one hop with all its calls on the store."""


def answer(form: object, status: int = 200, **headers: str) -> Answer:
    """Return an answer of JSON; ``_`` in the names of headers stands for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, msgspec.json.encode(form), JSON, named)


def etag(revision: int) -> str:
    """Return the ETag of a catalog at a revision."""
    return f'"{revision}"'


def unchanged(tag: str) -> Answer:
    """Return the answer for who has what is there already."""
    return Answer(304, headers={"etag": tag})


def unmet(catalog_id: object, expected: int, found: int) -> CheapError:
    """Return the error for a catalog that is at another revision than ``If-Match`` says."""
    return PreconditionError(f"catalog {catalog_id} (If-Match: {expected})", found)
