"""What both clients do around a request: how httpx is set up, what an error is, when to repeat."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
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

LONGEST_PAUSE: Final = 30.0
"""Seconds; a call that is asked by ``Retry-After`` to stay away for longer is not repeated."""

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


def is_refused(call: Call, response: httpx.Response) -> bool:
    """Tell whether a response tells of an error."""
    return response.status_code >= 400 and response.status_code not in call.accepts


def reply_of(response: httpx.Response) -> Reply:
    """Return the reply of a response that was read."""
    return Reply(response.status_code, response.content, response.headers)


def failure_of(call: Call, error: httpx.HTTPError | httpx.InvalidURL) -> CheapError:
    """Return our error for what went wrong on the way."""
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
        return ConfigurationError(f"base_url: {what}")
    if call.route.writes and not isinstance(error, _NOT_SENT):
        return CommitUnknownError(
            f"the connection to the server was lost in {call.route.name} ({what}): it may or may "
            "not have happened; read again to see"
        )
    return UnavailableError(f"no answer from the server to {call.route.name} ({what})")


class Tries:
    """The tries of one call: whether there is another one, and when.

    Args:
        call: what is sent.
        config: how often, and how far apart.
    """

    def __init__(self, call: Call, config: CheapClientConfig) -> None:
        self._call = call
        self._pauses = _pauses(config)

    def pause_after(self, failure: CheapError, headers: Mapping[str, str]) -> float:
        """Return how many seconds to wait before the next try.

        Args:
            failure: how this one ended.
            headers: of the answer, if there was one.

        Raises:
            CheapError: the failure, where there is no other try.
        """
        pause = next(self._pauses, None)
        if pause is None or not _may_repeat(self._call, failure):
            raise failure
        asked = _asked(headers)
        if asked is None:
            return pause
        if asked > LONGEST_PAUSE:
            failure.args = (
                f"{failure}; the server asks to wait {asked:,.0f} s, and a client waits "
                f"{LONGEST_PAUSE:g} at most: call again then",
            )
            raise failure
        # With jitter: all that were refused together would come again together.
        return asked + random.uniform(0, pause)


def _pauses(config: CheapClientConfig) -> Iterator[float]:
    """Yield the seconds to wait before each repetition, with jitter."""
    for number in range(config.max_retries):
        usual = config.retry_backoff_factor * 2**number
        yield min(random.uniform(0.5, 1.5) * usual, LONGEST_PAUSE)


def _may_repeat(call: Call, error: CheapError) -> bool:
    """Tell whether the same call may be sent again after an error.

    Whoever wrote it gave it an idempotency key, or it only reads: twice is as good as once.
    """
    return call.safe and isinstance(error, (TransientError, CommitUnknownError))


def _asked(headers: Mapping[str, str]) -> float | None:
    """Return after how many seconds the server asks to be called again, if it does."""
    asked = headers.get("retry-after", "")
    if asked.isdecimal():
        return float(asked)
    moment = _moment(asked)
    if moment is None:
        return None
    # By the server's own clock, where it tells the time.
    now = _moment(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (moment - now).total_seconds())


def _moment(date: str) -> datetime | None:
    """Return the time that an HTTP date tells; None for what is none."""
    try:
        found = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
