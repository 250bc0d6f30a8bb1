"""The parts of a JSON document, each of which knows where it stands."""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import Raw

from cheap.core.checks import Refused
from cheap.core.documents.tokens import Tokens, split_object
from cheap.core.forms import decode_json, is_array, is_object, read_uuid
from cheap.core.values import show
from cheap.errors import CheapError, InvalidDocumentError, InvalidValueError

T = TypeVar("T")

Json = bytes | memoryview | mmap.mmap | Raw
"""A document, or a part of it, not decoded yet."""

_PLAIN = re.compile(r"[\w-]+")


def at(path: str, key: str) -> str:
    """Return the path of a member: ``$.key``, or ``$["a key"]`` where a dot would mislead."""
    if _PLAIN.fullmatch(key):
        return f"{path}.{key}"
    shown = key if len(key) <= 80 else key[:79] + "…"
    return f"{path}[{msgspec.json.encode(shown).decode()}]"


# --- decoding -------------------------------------------------------------------------------

_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
_ITEMS: Final = msgspec.json.Decoder(list[Any])


def members(document: Json, path: str) -> dict[str, Raw]:
    """Return the members of an object, not decoded (of two with one name the last).

    Raises:
        InvalidDocumentError: it is not JSON, or no object.
    """
    try:
        return _decoded(_MEMBERS.decode, document, path)
    except RecursionError:
        # A deep tree; what is wrong in its parts is found when they are read.
        return split_object(Tokens(memoryview(document), path))


def items(document: Json, path: str) -> list[Any]:
    """Return the items of an array.

    Raises:
        InvalidDocumentError: it is not JSON, or no array.
    """
    try:
        return _decoded(_ITEMS.decode, document, path)
    except RecursionError:
        raise InvalidDocumentError(path, "nested too deeply") from None


def value_of(document: Json, path: str) -> Any:
    """Decode a part whole.

    Raises:
        InvalidDocumentError: it is not JSON.
    """
    try:
        return _decoded(decode_json, document, path)
    except RecursionError:
        raise InvalidDocumentError(path, "nested too deeply") from None


def _decoded(decode: Callable[[Any], T], document: Json, path: str) -> T:
    try:
        return decode(document)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        raise InvalidDocumentError(path + place.rstrip("`"), message) from None
    except msgspec.DecodeError as error:
        byte = lone_surrogate(document)
        message = str(error) if byte is None else f"a lone surrogate at byte {byte:,}"
        raise InvalidDocumentError(path, message) from None
    except UnicodeDecodeError as error:
        raise InvalidDocumentError(path, f"the text is not UTF-8 ({error.reason})") from None


_SURROGATES = re.compile(
    rb"\\\\"  # an escaped backslash, which escapes nothing
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def lone_surrogate(document: Json) -> int | None:
    """Return the place of an escaped half of a character, of which msgspec says strange things."""
    for found in _SURROGATES.finditer(memoryview(document)):
        if found[1]:
            return found.start()
    return None


# --- refusals by the model ------------------------------------------------------------------


_FAULT = re.compile(r"(.*?)((?:\[\d+\])?)", re.DOTALL)


def refusal(path: str, error: CheapError) -> InvalidDocumentError:
    """Return the error that names the place in the document of what the model refuses."""
    if isinstance(error, InvalidDocumentError):
        return error
    if isinstance(error, InvalidValueError) and error.faults:
        found = _FAULT.fullmatch(error.faults[0].path)
        if found is not None and found[1] != "(record)":
            path = at(path, found[1]) + found[2]
    return InvalidDocumentError(path, str(error))


@contextmanager
def located(path: str) -> Generator[None]:
    """Turn a refusal by the model into an error that names the place in the document."""
    try:
        yield
    except CheapError as error:
        raise refusal(path, error) from error


def read_id(text: object, path: str) -> UUID:
    """Read an id.

    Raises:
        InvalidDocumentError: it is no UUID in text.
    """
    try:
        return read_uuid(text)
    except Refused:
        raise InvalidDocumentError(path, f"expected a UUID, got {kind_of(text)}") from None


def kind_of(value: object) -> str:
    """Say in the words of JSON what a decoded value is."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return f"text {show(value).removeprefix('str ')}"
        case dict():
            return "an object"
        case list():
            return "an array"
        case _:
            return "a number"


class Reader:
    """Reads the members of one decoded object.

    Args:
        document: what was decoded.
        path: where it stands.
        known: the keys it may have; ``None`` for any.

    Attributes:
        document: the members.
        path: where it stands.

    Raises:
        InvalidDocumentError: it is no object, or has a key that is not known.
    """

    def __init__(self, document: object, path: str, known: tuple[str, ...] | None = None) -> None:
        self.path = path
        if not is_object(document):
            raise InvalidDocumentError(path, f"expected an object, got {kind_of(document)}")
        self.document = document
        for key in self.document:
            if known is not None and key not in known:
                raise InvalidDocumentError(
                    at(path, key), f"unknown key; known are {', '.join(known)}"
                )

    def at(self, key: str) -> str:
        """Return the path of a member."""
        return at(self.path, key)

    def need(self, key: str) -> Any:
        """Return a member that must be there."""
        if key not in self.document:
            raise InvalidDocumentError(self.at(key), "is missing")
        return self.document[key]

    def text(self, key: str) -> str:
        """Return a text."""
        value = self.need(key)
        if not isinstance(value, str):
            raise InvalidDocumentError(self.at(key), f"expected text, got {kind_of(value)}")
        return value

    def flag(self, key: str, usual: bool) -> bool:
        """Return a boolean, or the usual one when it is not there."""
        value = self.document.get(key, usual)
        if not isinstance(value, bool):
            raise InvalidDocumentError(
                self.at(key), f"expected true or false, got {kind_of(value)}"
            )
        return value

    def id(self, key: str) -> UUID:
        """Return an id."""
        return read_id(self.need(key), self.at(key))

    def items(self, key: str) -> list[Any]:
        """Return an array."""
        value = self.need(key)
        if not is_array(value):
            raise InvalidDocumentError(self.at(key), f"expected an array, got {kind_of(value)}")
        return value
