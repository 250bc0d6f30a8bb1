"""API keys: who may call what."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import blake2b

from cheap.errors import ForbiddenError, UnauthorizedError
from cheap.rest.wire.routes import Scope


class Keys:
    """The keys that a server knows.

    Args:
        keys: ``read:KEY`` or ``write:KEY``; a key to write may read. Without any, all may do all.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._known = [
            (_digest(key), Scope(scope)) for scope, _, key in (each.partition(":") for each in keys)
        ]

    def check(self, given: str | None, needed: Scope) -> bytes:
        """Return a digest of the caller's key (of nothing, where none is asked for).

        Args:
            given: the header ``X-API-Key``, or the token of ``Authorization: Bearer``.
            needed: what the call asks for.

        Raises:
            UnauthorizedError: no key was given, or an unknown one.
            ForbiddenError: the key's scope is not enough.
        """
        if not self._known or needed is Scope.NONE:
            return b""
        if not given:
            raise UnauthorizedError("this server asks for an API key: send it as X-API-Key")
        digest, found = _digest(given), None
        for known, scope in self._known:  # all of them, so that time tells nothing
            if hmac.compare_digest(known, digest):
                found = scope
        if found is None:
            raise UnauthorizedError("the API key is not one that this server knows")
        if needed is Scope.WRITE and found is not Scope.WRITE:
            raise ForbiddenError("this API key may read, not write")
        return digest


def _digest(key: str) -> bytes:
    return blake2b(key.encode(errors="surrogatepass"), digest_size=16).digest()
