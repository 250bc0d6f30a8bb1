"""How a client reaches its server."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from cheap.errors import ConfigurationError

_WORD: Final = re.compile("[!-~]+")
_TEXT: Final = re.compile("[!-~]([ -~]*[!-~])?|")
"""What a header may hold."""


@dataclass(frozen=True, slots=True)
class CheapClientConfig:
    """How a client reaches its server, and how patient it is.

    Attributes:
        base_url: where the server is, as ``http://host:port``, with a path if it is mounted.
        timeout: seconds to wait for a connection, and for each part of an answer.
        max_retries: how often a call that may be repeated is repeated, at most.
        retry_backoff_factor: seconds of the first pause, on average; each further one is twice as
            long, and 30 at most.
        api_key: the key, if the server asks for one; visible ASCII characters.
        max_connections: most connections at once.
        max_keepalive_connections: most connections that are kept open while nobody uses them.
        page_size: items that iterators and loads ask for at once; servers give at most 1,000,
            unless they say otherwise.
        compress: whether answers may come compressed: less to send, more to compute.
        headers: further headers of every request.

    Raises:
        ConfigurationError: one of them makes no sense.
    """

    base_url: str = "http://localhost:8000"
    timeout: float = 30.0
    max_retries: int = 3
    retry_backoff_factor: float = 0.5
    api_key: str | None = field(default=None, repr=False)
    max_connections: int = 100
    max_keepalive_connections: int = 20
    page_size: int = 1_000
    compress: bool = True
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        url: object = self.base_url
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"base_url: expected http://… or https://…, got {url!r}")
        for name, least in (
            ("timeout", 0.0),
            ("max_retries", 0),
            ("retry_backoff_factor", 0.0),
            ("max_connections", 1),
            ("max_keepalive_connections", 0),
            ("page_size", 1),
        ):
            value = getattr(self, name)
            kinds = (int, float) if isinstance(least, float) else int
            if isinstance(value, bool) or not isinstance(value, kinds) or not value >= least:
                raise ConfigurationError(f"{name}: expected at least {least}, got {value!r}")
        # Without the values: messages end up in logs, and keys are secret.
        if self.api_key is not None and not _fits(_WORD, self.api_key):
            raise ConfigurationError("api_key: expected visible ASCII characters, or None")
        for name, text in self.headers.items():
            if not _fits(_WORD, name) or not _fits(_TEXT, text):
                raise ConfigurationError(f"headers: {name!r}: expected ASCII characters")


def _fits(pattern: re.Pattern[str], text: object) -> bool:
    return isinstance(text, str) and pattern.fullmatch(text) is not None
