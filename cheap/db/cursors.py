"""Cursors: where a page ended, as one opaque word that a caller hands back for the next page.

The values by which the list is ordered, as JSON, in base64 that may stand in a URL. The first of
them is a tag of the question, so that the cursor of another one is refused.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from cheap.core.names import is_storable_text
from cheap.core.values import MAX_INTEGER, MIN_INTEGER
from cheap.errors import InvalidQueryError


def tag_of(verb: str, *question: object) -> str:
    """Return the tag of a list: what was asked for, and a digest of all that was asked about it."""
    digest = blake2b(repr(question).encode(errors="surrogatepass"), digest_size=6)
    return f"{verb} {digest.hexdigest()}"


def write_cursor(*parts: int | str | bytes | None) -> str:
    """Return a cursor that holds these values.

    Args:
        parts: the tag of the list, then the values that stand for the last item of the page.
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()


def read_cursor(text: object, kinds: tuple[object, ...]) -> tuple[Any, ...]:
    """Return the values of a cursor, its tag the first of them.

    Args:
        text: the cursor.
        kinds: the tag, then for each value its type (``int``, ``str``, ``bytes``, or one of them
            ``| None``).

    Raises:
        InvalidQueryError: it is not a cursor, or that of another list.
    """
    try:
        if not isinstance(text, str):
            raise TypeError
        padded = text.encode() + b"=" * (-len(text) % 4)
        decode = _decoder((str, *kinds[1:])).decode
        parts = decode(base64.b64decode(padded, b"-_", validate=True))
        if parts[0] != kinds[0] or not all(map(_can_be_bound, parts)):
            raise ValueError
    except (TypeError, ValueError, binascii.Error, msgspec.MsgspecError):
        shown = text[:40] if isinstance(text, str) else type(text).__name__
        raise InvalidQueryError(
            f"cursor: expected the `next` of the page before, got {shown!r}"
        ) from None
    return parts


@lru_cache(maxsize=64)
def _decoder(kinds: tuple[object, ...]) -> msgspec.json.Decoder[tuple[Any, ...]]:
    return msgspec.json.Decoder(tuple.__class_getitem__(kinds))


def _can_be_bound(part: object) -> bool:
    """A cursor may be forged: what no database takes must not get that far."""
    if isinstance(part, int):
        return MIN_INTEGER <= part <= MAX_INTEGER
    return not isinstance(part, str) or is_storable_text(part)
