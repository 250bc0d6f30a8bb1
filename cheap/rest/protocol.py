"""What comes before the app: a bound on the head of a request, and problems for what is no HTTP."""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus
from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cheap.errors import CheapError, MalformedRequestError, TooLargeError
from cheap.rest.wire.problems import MEDIA_TYPE, problem_of

log: Final = logging.getLogger("cheap.rest")

MAX_HEAD: Final = 64 * 1024
"""Bytes of a request's line and headers, or of what else stands around a body."""

_STEP: Final = 16 * 1024


class Protocol(HttpToolsProtocol):
    """Uvicorn's protocol, whose parser keeps a head of any size until it is whole."""

    _kept = 0
    """Bytes that came since the parser gave something away."""

    def data_received(self, data: bytes) -> None:
        """Parse some bytes, in steps where they may be too many."""
        step = _STEP if self._kept + len(data) > MAX_HEAD else len(data)
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            self._kept += len(piece)
            super().data_received(piece)
            if self.transport.is_closing():
                return
            if self._kept > MAX_HEAD:
                what = f"the request's line and headers are larger than {MAX_HEAD:,} bytes"
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TooLargeError(what))
                return

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._kept = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of a request."""
        self._kept = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused."""
        what = "this is no HTTP, or its length is not the one that it names"
        self._refuse(HTTPStatus.BAD_REQUEST, MalformedRequestError("request", what))

    def _refuse(self, status: HTTPStatus, error: CheapError) -> None:
        request_id = secrets.token_hex(8)
        problem: dict[str, Any] = problem_of(error, f"#{request_id}") | {"status": status.value}
        body = msgspec.json.encode(problem)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"content-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\n"
            "connection: close\r\n\r\n"
        )
        log.warning("%s: %s", request_id, error)
        self.transport.write(head.encode() + body)
        self.transport.close()
