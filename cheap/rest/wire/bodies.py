"""JSON bodies, read strictly: what is wrong is refused with its place, whoever sends it."""

from __future__ import annotations

import json
import re
from array import array
from itertools import accumulate, islice
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw
from pydantic import BaseModel, ValidationError

from cheap.core.documents.parts import lone_surrogate
from cheap.core.values import show
from cheap.errors import Fault, MalformedRequestError, TooLargeError
from cheap.rest.wire.problems import MAX_FAULTS

M = TypeVar("M", bound=BaseModel)

MAX_DEPTH: Final = 200
"""How deep JSON may be nested in a body, where the server's settings say nothing else."""

_STEPS: Final = bytes(
    1 if each in b"[{" else 255 if each in b"]}" else 0 for each in range(256)
)  # as signed bytes: +1, -1, 0
_NO_BRACKETS: Final = bytes(each for each in range(256) if each not in b'[{]}"')
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_MARKS: Final = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*+")(?P<colon>\s*:)?|[{}]|NaN|-?Infinity'  # a key, or a text
)
_STRETCH: Final = 64 * 1024
_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
_OBJECTS: Final = msgspec.json.Decoder(list[dict[str, Raw]])


def check_json(body: bytes | memoryview, max_depth: int = MAX_DEPTH) -> None:
    """Refuse a body that is no JSON or no text, names a member twice, or is nested too deeply.

    Raises:
        MalformedRequestError: with the place and what is wrong there.
        TooLargeError: it is nested more deeply than ``max_depth``.
    """
    data = bytes(body)
    # Brackets in texts count, too: what passes needs no closer look, and little else does.
    if data.count(b"[") + data.count(b"{") > max_depth and _is_deeper(data, max_depth):
        raise TooLargeError(f"the body is nested more than {max_depth} deep")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        what = f"the text is not UTF-8 at byte {error.start:,} ({error.reason})"
        raise MalformedRequestError("$", what) from None
    try:
        _CHECKER.decode(text)
    except json.JSONDecodeError as error:
        what = f"malformed JSON at {_place_in(text, error.pos)}: {error.msg}"
        raise MalformedRequestError("$", what) from None
    except _Unlike:
        raise MalformedRequestError("$", _unlike(text)) from None
    except RecursionError:
        raise TooLargeError("the body is nested too deeply") from None
    if _HALF.search(data) and (byte := lone_surrogate(data)) is not None:
        raise MalformedRequestError("$", f"a lone surrogate at byte {byte:,}")


def _is_deeper(data: bytes, most: int) -> bool:
    """Tell whether JSON is nested more deeply, in memory that does not grow with the texts."""
    if b"\\" in data:  # so that every quotation mark left begins or ends a text
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    data = data.translate(None, _NO_BRACKETS)
    depth = in_text = 0
    for start in range(0, len(data), _STRETCH):  # so that other threads have their turn
        parts = data[start : start + _STRETCH].split(b'"')
        steps = array("b", b"".join(parts[in_text::2]).translate(_STEPS))
        if depth + max(accumulate(steps), default=0) > most:
            return True
        depth += sum(steps)
        in_text = (in_text + len(parts) - 1) % 2
    return False


class _Unlike(Exception):
    """JSON as Python takes it, and others do not."""


def _once(pairs: list[tuple[str, object]]) -> None:
    """Refuse a name that stands twice; what was read is forgotten."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise _Unlike


def _no_constant(_: str) -> None:
    raise _Unlike


def _unlike(text: str) -> str:
    """Tell what is unlike JSON, and where: the decoder does not know its place."""
    objects: list[set[str]] = []
    for mark in _MARKS.finditer(text):
        match mark[0][0]:
            case "{":
                objects.append(set())
            case "}":
                objects.pop()
            case '"':
                if mark["colon"]:
                    name: str = json.loads(mark["text"])
                    if name in objects[-1]:
                        place = _place_in(text, mark.start())
                        return f"the key {name[:80]!r} stands twice in an object, at {place}"
                    objects[-1].add(name)
            case _:
                return f"{mark[0]} is no JSON, at {_place_in(text, mark.start())}"
    raise AssertionError("the decoder found something")


def _place_in(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def _any_number(_: str) -> None:
    return None


_CHECKER: Final = json.JSONDecoder(
    object_pairs_hook=_once,
    parse_float=_any_number,
    parse_int=_any_number,
    parse_constant=_no_constant,
)


def members(body: bytes | memoryview | Raw, path: str) -> dict[str, Raw]:
    """Return the members of an object, not decoded.

    Raises:
        MalformedRequestError: it is no object.
    """
    try:
        return _MEMBERS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequestError(path, f"expected an object ({error})") from None


def objects(body: bytes | memoryview | Raw, path: str) -> list[dict[str, Raw]]:
    """Return the members of each object of an array, not decoded.

    Raises:
        MalformedRequestError: it is no array, or one of its elements no object.
    """
    try:
        return _OBJECTS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message, _, place = str(error).partition(" - at `$")
        what = "object" if place else "array"
        raise MalformedRequestError(
            path + place.rstrip("`"), f"expected an {what} ({message})"
        ) from None


def plain(body: bytes | memoryview | Raw, path: str) -> Any:
    """Decode JSON that was checked.

    Raises:
        MalformedRequestError: a text in it is no text (half of a surrogate pair), or the like.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequestError(path, str(error)) from None


def shaped(model: type[M], value: object, path: str) -> M:
    """Return decoded JSON in its shape.

    Raises:
        MalformedRequestError: it does not fit; the faults are listed, of an array the first.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refused(error, path) from None


def refused(error: ValidationError, path: str) -> MalformedRequestError:
    """Return our error for what pydantic refused."""
    told = error.errors(include_url=False, include_context=False)
    faults = [
        Fault(_place(path, each["loc"]), each["msg"], show(each["input"]))
        for each in islice(told, MAX_FAULTS)
    ]
    return MalformedRequestError(faults[0].path, _words(faults[0]), faults)


def _words(fault: Fault) -> str:
    return f"{fault.expected} (got {fault.got})"


_OF_SEVERAL_KINDS: Final = ("edits", "order_by")
"""Arrays of which each element is one of several shapes."""


def _place(path: str, location: tuple[int | str, ...]) -> str:
    if location[:1] and location[0] in _OF_SEVERAL_KINDS:
        location = (*location[:2], *location[3:])  # without the kind that pydantic tried
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path
