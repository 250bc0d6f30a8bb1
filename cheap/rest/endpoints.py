"""Endpoints: from an ASGI scope to a request, and from an answer to ASGI messages."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, quote, unquote
from uuid import UUID

import anyio
from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from cheap.core.checks import Refused
from cheap.core.forms import read_uuid
from cheap.core.values import show
from cheap.errors import (
    MalformedRequestError,
    MethodNotAllowedError,
    RequestTimeoutError,
    TooLargeError,
    UnsupportedMediaError,
)
from cheap.rest.in_hand import IN_HAND, InHand
from cheap.rest.keys import Keys
from cheap.rest.messages import Answer, Handler, Request
from cheap.rest.serving import IDEMPOTENCY_KEY, Serving
from cheap.rest.wire.bodies import refused
from cheap.rest.wire.routes import PARAMETERS, Route

T = TypeVar("T")
Chunks = AsyncIterator[bytes]
ROUTE: Final = "cheap.route"
"""Where the scope of a request has the name of its route."""

_HEADERS: Final = (
    ("If-Match", re.compile(r'\*|(W/)?"[0-9]{1,18}"'), "an ETag of ours, in quotes, or *"),
    (IDEMPOTENCY_KEY.title(), re.compile(r"[!-~]{1,200}"), "1 to 200 visible characters of ASCII"),
)
"""Headers that are checked on every route that writes, and what they may be.

A proxy that compresses an answer weakens its ETag to ``W/"1"``: the revision is the same.
"""
_CHARSET: Final = re.compile(r';\s*charset="?([^";\s]*)')

_UNREAD: Final = "nothing of the answer was read within {}"
_PIECE: Final = 256 * 1024
"""Bytes of a stream that are sent at once, so that a slow reader has time for each."""

Outgoing = Callable[[Serving, Request], Awaitable[tuple[dict[str, str], Chunks] | Answer]]
Incoming = Callable[[Serving, Request, Chunks], Awaitable[Answer]]
Pause = Callable[[float], Awaitable[None]]
Waiting = Callable[[Serving, Request, Callable[[], Awaitable[Answer]], Pause], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Work:
    """Who answers a route; the first that fits does.

    Attributes:
        handle: answers in one hop.
        stream_in: takes the body as it comes.
        is_streamed_in: whether it does, for a request; without, always.
        stream_out: gives the headers, and the body as it is made; or an answer without one.
        is_streamed_out: whether it does, for a request; without, always.
        wait: waits before ``handle`` answers, with pauses that end when the caller goes away.
    """

    handle: Handler | None = None
    stream_in: Incoming | None = None
    is_streamed_in: Callable[[Request], bool] = lambda _: True
    stream_out: Outgoing | None = None
    is_streamed_out: Callable[[Request], bool] = lambda _: True
    wait: Waiting | None = None


class Resource:
    """One address, and the methods it knows.

    Args:
        endpoints: by method.
    """

    def __init__(self, endpoints: dict[str, Endpoint]) -> None:
        self._endpoints = endpoints
        heads = {"HEAD"} if "GET" in endpoints else set[str]()
        self._allowed: list[str] = sorted(heads.union(endpoints))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        endpoint = self._endpoints.get(method)
        if endpoint is None:
            known = ", ".join(self._allowed)
            raise MethodNotAllowedError(
                f"{scope['method']} is not for this address; it knows {known}", self._allowed
            )
        await endpoint(scope, receive, send)


class Endpoint:
    """One route of the app.

    Args:
        route: what is called.
        work: who answers.
        serving: the store.
        keys: who may call.
    """

    def __init__(self, route: Route, work: Work, serving: Serving, keys: Keys) -> None:
        self._route = route
        self._work = work
        self._serving = serving
        self._keys = keys
        self._no_query = None if route.query is None else route.query()
        self._parameters = [(name, PARAMETERS[name][0]) for name in route.parameters]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = self._route.name
        request = self._request(scope)
        work, serving, in_hand = self._work, self._serving, scope[IN_HAND]
        if work.stream_in is not None and work.is_streamed_in(request):
            more = partial(self._more, receive)
            async with aclosing(_body(more)) as body:
                found = await work.stream_in(serving, request, body)
            found = found.coded(request.headers.get("accept-encoding", ""))
        elif work.stream_out is not None and work.is_streamed_out(request):
            made = await work.stream_out(serving, request)
            if not isinstance(made, Answer):
                await self._stream(*made, scope, receive, send)
                return
            found = made
        else:
            assert work.handle is not None
            if self._route.takes:
                whole = partial(_whole_body, receive, request)
                request.body = await in_hand.within(whole, "the body did not come within {}")
            answer = partial(serving.answer, work.handle, request, in_hand)
            waits = work.wait is not None and request.query.wait
            pause = partial(_pause, receive)
            found = await (work.wait(serving, request, answer, pause) if waits else answer())  # type: ignore[misc]
        if "location" in found.headers:  # it begins at the app, which may be mounted elsewhere
            found.headers["location"] = (
                quote(scope.get("root_path", "")) + found.headers["location"]
            )
        await in_hand.within(partial(send_answer, found, send), _UNREAD)

    async def _more(self, receive: Receive) -> Message:
        """Wait for more of a body that is written as it comes: what was written is told of."""
        seconds = self._serving.settings.request_timeout
        with anyio.CancelScope(deadline=anyio.current_time() + seconds):
            return await receive()
        raise RequestTimeoutError(f"no more of the body came within {seconds:g} s")

    # --- reading --------------------------------------------------------------------------

    def _request(self, scope: Scope) -> Request:
        route = self._route
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        caller = self._keys.check(_key(headers), route.scope)
        path = scope["path_params"]
        values = tuple(_parameter(name, kind, path[name]) for name, kind in self._parameters)
        target = scope["path"].encode() + b"?" + scope["query_string"]
        settings = self._serving.settings
        request = Request(route, values, None, headers, settings, caller=caller, target=target)
        request.query = self._query(scope["query_string"])
        if route.takes:
            self._check_media(headers)
        if route.writes:
            self._check_conditions(headers)
        return request

    def _check_conditions(self, headers: dict[str, str]) -> None:
        """Refuse what a write would pass over; a read may, for it changes nothing."""
        route = self._route
        for name, heeded in (
            ("If-Match", route.if_match),
            ("If-None-Match", route.if_none_match),
        ):
            if not heeded and name.lower() in headers:
                raise MalformedRequestError(f"header.{name}", "this address does not heed it")
        for name, form, expected in _HEADERS:
            given = headers.get(name.lower())
            if given is not None and not form.fullmatch(given):
                what = f"expected {expected}, got {show(given)}"
                raise MalformedRequestError(f"header.{name}", what)

    def _query(self, text: bytes) -> Any:
        if not text:
            return self._no_query
        shape = self._route.query
        if shape is None:
            raise MalformedRequestError("query", "this address takes no query")
        given: dict[str, Any] = {}
        try:
            pairs = parse_qsl(text.decode(), keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise MalformedRequestError("query", "percent-encoded UTF-8 is expected") from None
        for name, value in pairs:
            if name == "only":
                given.setdefault(name, []).append(value)
            elif name in given:
                raise MalformedRequestError(f"query.{name}", "is given twice")
            else:
                given[name] = value
        try:
            return shape.model_validate(given)
        except ValidationError as error:
            raise refused(error, "query") from None

    def _check_media(self, headers: dict[str, str]) -> None:
        given = headers["content-type"] = headers.get("content-type", "").strip().lower()
        media = given.partition(";")[0].strip()
        takes = [each.partition(";")[0] for each in self._route.takes]
        if media not in takes and not (media.endswith("+json") and "application/json" in takes):
            raise UnsupportedMediaError(
                f"content-type: expected {' or '.join(takes)}, got {media[:80] or 'none'}"
            )
        charset = _CHARSET.search(given)
        if charset is not None and charset[1] not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedMediaError(
                f"content-type: expected text in UTF-8, got {charset[1][:80]}"
            )
        if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise UnsupportedMediaError(
                "content-encoding: bodies are not decompressed; send them as they are"
            )

    # --- writing --------------------------------------------------------------------------

    async def _stream(
        self,
        headers: dict[str, str],
        chunks: Chunks,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        # The first piece before the first line of the answer: what fails at once has a status.
        first = await anext(chunks, b"")
        if scope["method"] == "HEAD":
            await chunks.aclose()  # type: ignore[attr-defined]
            response = Response(None, self._route.status, headers, self._route.gives)
            if "content-length" not in headers:  # who knows how long it would be
                del response.headers["content-length"]
            await response(scope, receive, send)
            return

        async def all_of_them() -> AsyncGenerator[bytes]:
            chunk: bytes | None = first
            while chunk is not None:
                for start in range(0, len(chunk), _PIECE):
                    yield chunk[start : start + _PIECE]
                chunk = await anext(chunks, None)

        in_hand: InHand = scope[IN_HAND]

        async def send_in_time(message: Message) -> None:
            await in_hand.within(partial(send, message), _UNREAD)

        try:
            async with aclosing(all_of_them()) as pieces:
                stream = StreamingResponse(
                    pieces, self._route.status, headers, media_type=self._route.gives
                )
                await stream(scope, receive, send_in_time)
        except ClientDisconnect:
            pass  # who asked is gone, and so is the stream
        finally:
            await chunks.aclose()  # type: ignore[attr-defined]


def _key(headers: dict[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key") or (token if scheme.lower() == "bearer" else None)


def _parameter(name: str, kind: type, text: str) -> Any:
    try:
        value = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise MalformedRequestError(f"path.{name}", "percent-encoded UTF-8 is expected") from None
    if kind is not UUID:
        return value
    try:
        return read_uuid(value)
    except Refused:
        raise MalformedRequestError(
            f"path.{name}", f"expected a UUID, got {value[:60]!r}"
        ) from None


async def _body(receive: Receive) -> AsyncGenerator[bytes]:
    """Yield the body as it comes.

    Raises:
        ClientDisconnect: whoever sends it went away in the middle.
    """
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if chunk := message.get("body", b""):
            yield chunk
        if not message.get("more_body", False):
            return


async def _pause(receive: Receive, seconds: float) -> None:
    """Let some time pass.

    Raises:
        ClientDisconnect: whoever asked went away meanwhile.
    """
    with anyio.move_on_after(seconds):
        while (await receive())["type"] != "http.disconnect":
            pass
        raise ClientDisconnect


async def _whole_body(receive: Receive, request: Request) -> bytes:
    most = request.settings.max_body
    said = request.headers.get("content-length", "")
    parts: list[bytes] = []
    size = int(said[:18]) if said.isdecimal() else 0  # as many digits as no body has bytes
    if size <= most:
        size = 0
        async with aclosing(_body(receive)) as body:
            async for chunk in body:
                size += len(chunk)
                if size > most:
                    break
                parts.append(chunk)
    if size > most:
        raise TooLargeError(f"the body is larger than the {most:,} bytes that this server takes")
    return b"".join(parts)


async def send_answer(found: Answer, send: Send) -> None:
    """Send an answer."""
    headers = [(b"content-length", str(len(found.body)).encode())]
    if found.status in (204, 304):
        headers = []
    elif found.body:
        headers.append((b"content-type", found.media.encode()))
    headers += [(name.encode(), value.encode("latin-1")) for name, value in found.headers.items()]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.body})
