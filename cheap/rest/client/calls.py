"""What to send, and what comes back; it knows no socket."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import msgspec

from cheap.core.names import check_id, check_name
from cheap.errors import CorruptError, InvalidNameError, MissingKeyError
from cheap.rest.wire import routes
from cheap.rest.wire.contents import encode
from cheap.rest.wire.routes import BYTES, JSON, TEXT, Route

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """What to send.

    Attributes:
        route: what is called.
        url: its address, with the query.
        body: the body, if any.
        headers: of the request.
        safe: whether the same call may be sent again when its outcome is not known.
        accepts: statuses of errors that are answers to this call.
        patience: seconds that the server may take beyond what is usual.
    """

    route: Route
    url: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    safe: bool = True
    accepts: tuple[int, ...] = ()
    patience: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from a call that went well.

    Attributes:
        status: the HTTP status.
        body: the body.
        headers: by lower-case name.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        """Return the body, decoded.

        Raises:
            CorruptError: it is no JSON.
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CorruptError(f"the server's answer cannot be read: {error}") from error


Steps = Generator[Call, Reply, T]
"""A verb: it yields what is to be sent, and is given the reply, until it returns its result."""


def call(
    route: Route, *values: object, body: object = None, query: Sequence[tuple[str, object]] = ()
) -> Call:
    """Return the call of a route.

    Args:
        route: what is called.
        values: what stands in the place of the path's parameters.
        body: JSON as bytes, or what is to be encoded.
        query: names and values; those that are None are left out.
    """
    url = route.url(*values)
    given = [f"{name}={quote(str(value), safe='')}" for name, value in query if value is not None]
    made = Call(route, f"{url}?{'&'.join(given)}" if given else url)
    if body is not None:
        made.body = body if isinstance(body, bytes) else encode(body)
        made.headers["content-type"] = JSON
    if route.writes:
        # The server keeps its answer under this key: the call may be sent again.
        made.headers["idempotency-key"] = secrets.token_hex(16)
    return made


def value_place(catalog_id: UUID, name: str, entity: UUID, property: str) -> tuple[object, ...]:
    """Return the address of a large value.

    Raises:
        MissingKeyError: no property can have this name.
    """
    if not can_be_a_name(property):
        raise MissingKeyError(f"aspect {name!r} has no property {property!r}"[:200])
    return (
        check_id(catalog_id, "catalog id"),
        check_name(name, "hierarchy"),
        check_id(entity),
        property,
    )


def value_call(catalog_id: UUID, name: str, entity: UUID, property: str, first: object) -> Call:
    """Return the call that writes a large value; its first piece tells text from bytes."""
    made = call(routes.WRITE_VALUE, *value_place(catalog_id, name, entity, property))
    made.headers = {"content-type": TEXT if isinstance(first, str) else BYTES}
    made.safe = False  # pieces come but once
    return made


def can_be_a_name(name: object) -> bool:
    """Tell whether something may be the name of anything; what may not cannot be an address."""
    try:
        check_name(name, "")
    except InvalidNameError:
        return False
    return True
