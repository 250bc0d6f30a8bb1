"""What holds for every request: an id, a bound on how many there are, errors as problems, a log."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cheap.aio import Watch, watch
from cheap.errors import (
    CheapError,
    InternalError,
    InvalidError,
    MalformedRequestError,
    MethodNotAllowedError,
    OverloadedError,
    RequestTimeoutError,
    UnauthorizedError,
    UnknownRouteError,
)
from cheap.rest.endpoints import ROUTE, send_answer
from cheap.rest.in_hand import IN_HAND, InHand
from cheap.rest.measures import Measures
from cheap.rest.messages import Answer
from cheap.rest.serving import Serving
from cheap.rest.wire.problems import MEDIA_TYPE, RETRY_AFTER, encode_problem, status_of

log: Final = logging.getLogger("cheap.rest")
REQUEST_ID: Final = b"x-request-id"
_ID = re.compile(rb"[\w.-]{1,128}")
_NO_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_EXPOSED: Final = (
    "ETag", "Location", "X-Request-ID", "Retry-After", "Cheap-Size", "Cheap-Next",
    "Idempotency-Replayed",
)  # fmt: skip
"""Headers of answers that pages of other origins may read."""
_UNCOUNTED: Final = ("/live", "/health", "/metrics")


class Manners:
    """The outermost floor of the app, in pure ASGI.

    Args:
        app: the rest of it.
        serving: the store.
        measures: what is counted.
    """

    def __init__(self, app: ASGIApp, serving: Serving, measures: Measures) -> None:
        origins = serving.settings.cors_origins
        self._cors = Cors(app, origins) if origins else None
        self._app = self._cors or app
        self._serving = serving
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        request_id = _request_id(scope)
        # Names may hold anything, also a slash: paths are matched as they were sent.
        path = scope["path"]
        raw: bytes | None = scope.get("raw_path")
        quoted = scope["path"] = quote(path) if raw is None else raw.decode("latin-1")
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID, request_id)]
            await send(message)

        try:
            counted = path.removeprefix(scope.get("root_path", "")) not in _UNCOUNTED
            await self._guarded(scope, receive, noting, counted=counted)
        except ClientDisconnect:
            status = status or 499  # nobody is there to hear more; the number is nginx's
        except Exception as error:
            if status:  # the answer has begun: whoever reads it must see that it breaks off
                log.warning("%s: the answer broke off: %s", request_id.decode(), error)
                raise
            if not isinstance(error, CheapError):
                log.exception("%s: %s %s", request_id.decode(), scope["method"], quoted)
                error = InternalError(
                    f"a fault of the server's own; its log says more about {request_id.decode()}"
                )
            instance = f"{_reference(quoted)}#{request_id.decode()}"
            answering = noting if self._cors is None else self._cors.around(noting, scope)
            await send_answer(problem(error, instance), answering)
        finally:
            seconds = time.perf_counter() - start
            self._measures.note(scope.get(ROUTE, "none"), scope["method"], status, seconds)
            log.info(
                "%s %s %s %d %.1f ms",
                *(request_id.decode(), scope["method"], quoted, status, seconds * 1000),
            )

    async def _guarded(self, scope: Scope, receive: Receive, send: Send, *, counted: bool) -> None:
        serving, most = self._serving, self._serving.settings.max_requests
        if counted and serving.stopping.is_set():
            raise OverloadedError("the server is stopping")
        if counted and len(serving.in_hand) >= most:
            raise OverloadedError(f"this server has {most:,} requests in hand")
        # A stream out makes many calls, and none of them matters.
        watching = nullcontext(Watch()) if scope["method"] in ("GET", "HEAD") else watch()
        with watching as seen:
            scope[IN_HAND] = in_hand = InHand(serving.clock(), seen)
            if counted:
                serving.in_hand.add(in_hand)
            try:
                with in_hand.scope:
                    await self._app(scope, receive, send)
            finally:
                serving.in_hand.discard(in_hand)
        if in_hand.scope.cancelled_caught:
            raise in_hand.error()


class Cors(CORSMiddleware):
    """Lets pages of other origins call, also when the answer is an error.

    Args:
        app: the rest of it.
        origins: those that may.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a browser that asks what it may send.

        Raises:
            MalformedRequestError: not this.
        """
        found = super().preflight_response(request_headers)
        if found.status_code >= 400:
            said = bytes(found.body).decode()
            raise MalformedRequestError("header.Origin", f"refused: {said}; see CHEAP_CORS_ORIGINS")
        return found

    def around(self, send: Send, scope: Scope) -> Send:
        """Return what sends an answer with the headers for the page that asked."""
        return partial(self.send, send=send, request_headers=Headers(scope=scope))


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == REQUEST_ID and _ID.fullmatch(value):
            return bytes(value)
    return secrets.token_hex(8).encode()


def _reference(path: str) -> str:
    """Return a path as URIs may have it: callers send what they like."""
    return quote(_NO_ESCAPE.sub("%25", path).encode("latin-1"), safe="/%:@!$&'()*+,;=~")


def problem(error: CheapError, instance: str) -> Answer:
    """Return the answer that tells of an error."""
    status = status_of(type(error))
    headers: dict[str, str] = {}
    if error.retryable:
        headers["retry-after"] = str(RETRY_AFTER)
    if isinstance(error, RequestTimeoutError):
        headers["connection"] = "close"  # nobody waits for the rest of its body
    if isinstance(error, UnauthorizedError):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowedError):
        headers["allow"] = ", ".join(error.allowed)
    return Answer(status, encode_problem(error, instance), MEDIA_TYPE, headers)


async def no_route(request: object, error: Exception) -> None:
    """Turn what Starlette's router raises into our errors."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        raise UnknownRouteError("no resource has this address; see /docs") from None
    raise InvalidError(error.detail) from None
