"""What both clients do around a request: how httpx is set up, what an error is, when to repeat."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import httpx

from cheap.errors import (
    CheapError,
    CommitUnknownError,
    ConfigurationError,
    TransientError,
    UnavailableError,
)
from cheap.rest.client.calls import Call, Reply
from cheap.rest.client.config import CheapClientConfig
from cheap.rest.wire.problems import error_of
from cheap.rest.wire.routes import Scope

LONGEST_PAUSE: Final = 30.0
"""Seconds; also for what ``Retry-After`` asks for."""

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class AsyncBody(httpx.AsyncByteStream):
    """A body that is sent as it is made; whoever made it closes it, also when it is left early.

    httpx wraps what it is given into a generator of its own, which nobody would close.

    Attributes:
        failure: what the making of a piece failed with, whatever became of the request then.
    """

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self.failure: Exception | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.failure = error
            raise


def config_of(base_url: str | None, config: CheapClientConfig | None) -> CheapClientConfig:
    """Return the configuration of a client; an address beside it takes the place of its own."""
    if base_url is None:
        return config or CheapClientConfig()
    return replace(config or CheapClientConfig(), base_url=base_url)


def options_of(config: CheapClientConfig) -> dict[str, Any]:
    """Return the options of an httpx client."""
    headers = {"accept-encoding": "gzip" if config.compress else "identity", **config.headers}
    if config.api_key is not None:
        headers["x-api-key"] = config.api_key
    return {
        "base_url": config.base_url,
        "timeout": config.timeout,
        "limits": httpx.Limits(
            max_connections=config.max_connections,
            max_keepalive_connections=config.max_keepalive_connections,
        ),
        "headers": headers,
        "follow_redirects": False,
    }


def request_of(call: Call, config: CheapClientConfig) -> dict[str, Any]:
    """Return the arguments with which httpx builds the request of a call."""
    return {
        "method": call.route.method,
        "url": call.url,
        "content": call.body,
        "headers": call.headers,
        "timeout": httpx.Timeout(config.timeout, read=config.timeout + call.patience),
    }


def reply_of(call: Call, response: httpx.Response) -> Reply:
    """Return the reply of a response that was read.

    Raises:
        CheapError: the server tells of an error.
    """
    if response.status_code >= 400 and response.status_code not in call.accepts:
        raise error_of(response.status_code, response.content, response.headers)
    return Reply(response.status_code, response.content, response.headers)


def failure_of(call: Call, error: httpx.HTTPError | httpx.InvalidURL) -> CheapError:
    """Return our error for what went wrong on the way."""
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
        return ConfigurationError(f"base_url: {what}")
    if call.route.scope is Scope.WRITE and not isinstance(error, _NOT_SENT):
        return CommitUnknownError(
            f"the connection to the server was lost in {call.route.name} ({what}): it may or may "
            "not have happened; read again to see"
        )
    return UnavailableError(f"no answer from the server to {call.route.name} ({what})")


def pauses(config: CheapClientConfig) -> Iterator[float]:
    """Yield the seconds to wait before each repetition, with jitter."""
    for number in range(config.max_retries):
        usual = config.retry_backoff_factor * 2**number
        yield min(random.uniform(0.5, 1.5) * usual, LONGEST_PAUSE)


def may_repeat(call: Call, error: CheapError) -> bool:
    """Tell whether the same call may be sent again after an error.

    Whoever wrote it gave it an idempotency key, or it only reads: twice is as good as once.
    """
    return call.safe and isinstance(error, (TransientError, CommitUnknownError))


def pause_after(headers: Mapping[str, str], pause: float) -> float:
    """Return how long to wait: as long as the server asks for, if it does, else our own pause."""
    asked = headers.get("retry-after", "")
    if not asked.isdecimal():
        return pause
    # With jitter: all that were refused together would come again together.
    return min(int(asked) + random.uniform(0, pause), LONGEST_PAUSE)
