"""Errors as ``application/problem+json`` (RFC 9457), and back as the same class."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from cheap import errors
from cheap.core.forms import is_array, is_object
from cheap.errors import (
    AlreadyExistsError,
    CatalogNotFoundError,
    CheapError,
    ClosedError,
    ConflictError,
    Fault,
    ForbiddenError,
    InternalError,
    InvalidDocumentError,
    InvalidError,
    InvalidQueryError,
    InvalidValueError,
    MalformedRequestError,
    MethodNotAllowedError,
    MisuseError,
    NotFoundError,
    NotReadableError,
    OverloadedError,
    PreconditionError,
    ReadOnlyError,
    StoppedError,
    StorageFullError,
    StoreError,
    TooLargeError,
    TransientError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedMediaError,
)

MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[dict[type[CheapError], int]] = {
    CheapError: 500,
    InvalidError: 422,
    InvalidQueryError: 400,
    MisuseError: 400,
    MalformedRequestError: 400,
    MethodNotAllowedError: 405,
    UnsupportedMediaError: 415,
    TooLargeError: 413,
    NotFoundError: 404,
    AlreadyExistsError: 409,
    ConflictError: 409,
    PreconditionError: 412,
    ReadOnlyError: 403,
    NotReadableError: 403,
    UnauthorizedError: 401,
    ForbiddenError: 403,
    StoreError: 500,
    ClosedError: 503,
    StoppedError: 503,
    StorageFullError: 507,
    TransientError: 503,
}
"""Which status an error has; one that is not here has that of its parent."""

RETRY_AFTER: Final = 1
"""Seconds after which a call may be repeated, where nothing better is known."""

MAX_FAULTS: Final = 1000
"""Faults of one request that are looked for, and told."""

_LONGEST_PLACE: Final = 300

BY_CODE: Final[dict[str, type[CheapError]]] = {
    each.code: each
    for each in vars(errors).values()
    if inspect.isclass(each) and issubclass(each, CheapError)
}


def status_of(kind: type[CheapError]) -> int:
    """Return the HTTP status of an error."""
    return next(STATUS[each] for each in kind.__mro__ if each in STATUS)


def problem_of(error: CheapError, instance: str) -> dict[str, Any]:
    """Return the problem that tells of an error, to be encoded.

    Args:
        error: what went wrong.
        instance: what it happened to: the path of the request, and its id.
    """
    status = status_of(type(error))
    detail = str(error)
    return {
        "type": f"urn:cheap:error:{error.code}",
        "title": type(error).__name__,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": error.code,
        "message": detail,
        "retryable": error.retryable,
        "errors": faults_of(error),
        **_carried(error),
    }


def faults_of(error: CheapError) -> list[dict[str, str]]:
    """Return each thing that is wrong, with its path."""
    match error:
        case InvalidValueError() | MalformedRequestError() if error.faults:
            faults = error.faults
        case InvalidDocumentError() | MalformedRequestError():
            faults = (Fault(error.path, error.reason, ""),)
        case InvalidError() if not isinstance(error, (InvalidValueError, MethodNotAllowedError)):
            faults = (_fault_of(str(error)),)
        case _:
            faults = ()
    return [
        {"path": each.path, "expected": each.expected, "got": each.got}
        for each in faults[:MAX_FAULTS]
    ]


def _fault_of(message: str) -> Fault:
    """What is wrong, by a message that begins with the place of it, or with none."""
    place, colon, reason = message.partition(": ")
    if colon and len(place) <= _LONGEST_PLACE:
        return Fault(place, reason, "")
    return Fault("$", message, "")


def _carried(error: CheapError) -> dict[str, Any]:
    """What a class needs to be made again, beside its message."""
    match error:
        case InvalidValueError():
            return {"aspect": error.aspect, "where": error.where}
        case InvalidDocumentError() | MalformedRequestError():
            return {"path": error.path, "reason": error.reason}
        case CatalogNotFoundError():
            return {"catalog_id": str(error.catalog_id)}
        case ConflictError():
            return {"what": error.what, "revision": error.revision}
        case _:
            return {}


def encode_problem(error: CheapError, instance: str) -> bytes:
    """Return the problem as JSON."""
    problem = problem_of(error, instance)
    try:
        return msgspec.json.encode(problem)
    except UnicodeEncodeError:  # the message quotes half of a surrogate pair
        return msgspec.json.encode(_storable(problem))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if is_object(value):
        return {key: _storable(each) for key, each in value.items()}
    if is_array(value):
        return [_storable(each) for each in value]
    return value


def error_of(status: int, body: bytes, headers: Mapping[str, str]) -> CheapError:
    """Return the error that an answer tells of: of the class that the server raised."""
    try:
        problem = msgspec.json.decode(body)
        kind = BY_CODE[problem["code"]]
        return _made(kind, problem)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        return _unknown(status, body, headers)


def _made(kind: type[CheapError], problem: dict[str, Any]) -> CheapError:
    faults = [Fault(**each) for each in problem["errors"]]
    if issubclass(kind, InvalidValueError):
        return kind(problem["aspect"], faults, problem["where"])
    if issubclass(kind, InvalidDocumentError):
        return kind(problem["path"], problem["reason"])
    if issubclass(kind, MalformedRequestError):
        return kind(problem["path"], problem["reason"], faults)
    if issubclass(kind, CatalogNotFoundError):
        return kind(problem["catalog_id"])
    if issubclass(kind, ConflictError):
        return kind(problem["what"], problem["revision"])
    return kind(problem["detail"])


def _unknown(status: int, body: bytes, headers: Mapping[str, str]) -> CheapError:
    """An answer that is none of ours: of a proxy, or of another server altogether."""
    text = f"HTTP status {status} from {headers.get('server', 'the server')}: {body[:200]!r}"
    match status:
        case 401:
            return UnauthorizedError(text)
        case 403:
            return ForbiddenError(text)
        case 404:
            return errors.UnknownRouteError(text)
        case 413:
            return TooLargeError(text)
        case 429:
            return OverloadedError(text)
        case 502 | 503 | 504:
            return UnavailableError(text)
        case _ if 400 <= status < 500:
            return InvalidError(text)
        case _:
            return InternalError(text)
