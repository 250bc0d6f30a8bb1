"""Arguments of the wrong shape: one thing where several are meant, a list where a mapping is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from cheap.core.values import show
from cheap.errors import InvalidError

K = TypeVar("K")
V = TypeVar("V")

_SHOWN = 40


def several(given: Iterable[V], what: str) -> tuple[V, ...]:
    """Return what was given as a tuple.

    A text is refused, for it would be taken letter by letter.

    Args:
        given: a list or anything else to iterate over, once.
        what: what it is called, for the message.

    Raises:
        InvalidError: it is a text, or nothing to iterate over.
    """
    if isinstance(given, (list, tuple)):
        return tuple(given)  # at once: to ask whether it is an Iterable takes a microsecond
    if isinstance(given, str):
        shown = repr(given if len(given) <= _SHOWN else f"{given[:_SHOWN]}…")
        raise InvalidError(f"{what}: expected a list, got the text {shown}; write [{shown}]")
    if not isinstance(given, Iterable):
        raise InvalidError(f"{what}: expected a list, got {show(given)}")
    return tuple(given)


def mapping(given: Mapping[K, V], what: str) -> Mapping[K, V]:
    """Return the mapping that was given.

    Args:
        given: the mapping.
        what: what it is called, for the message.

    Raises:
        InvalidError: it is something else.
    """
    if not isinstance(given, Mapping):
        raise InvalidError(f"{what}: expected a mapping such as a dict, got {show(given)}")
    return given
