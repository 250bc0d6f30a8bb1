"""The tree of errors: as it is drawn, and as it travels."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from cheap import errors
from cheap.errors import (
    CatalogNotFoundError,
    CheapError,
    ConflictError,
    Fault,
    InvalidDocumentError,
    InvalidError,
    InvalidValueError,
    MalformedRequestError,
    MissingIndexError,
    MissingKeyError,
)

CLASSES: list[type[CheapError]] = [
    each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, CheapError)
]


def made(error: type[CheapError]) -> CheapError:
    """An instance, whatever arguments it wants."""
    if error is InvalidValueError:
        faults = [Fault("x[1]", "Integer", "str 'a'"), Fault("y", "a value", "null")]
        return InvalidValueError("person", faults, "here")
    if error is InvalidDocumentError:
        return InvalidDocumentError("$.x", "is missing")
    if error is MalformedRequestError:
        return MalformedRequestError("$.x", "is missing", [Fault("$.x", "a value", "")])
    if error is ConflictError:
        return ConflictError("list 'queue'", 5)
    return error("a sentence")


def drawn() -> dict[str, str]:
    """The tree in the docstring: child → parent."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"    ([│ ├└─]*)(\w+Error)\b.*", line)
        if found is not None:
            depth = len(found[1]) // 4
            del above[depth:]
            if above:
                parents[found[2]] = above[-1]
            above.append(found[2])
    return parents


def test_the_tree_is_drawn_as_it_is() -> None:
    real = {
        each.__name__: next(
            base.__name__ for base in each.__bases__ if issubclass(base, CheapError)
        )
        for each in CLASSES
        if each is not CheapError
    }
    assert drawn() == real
    assert list(drawn()) == list(real)  # drawn in the order of the code


def test_codes_are_unique_and_stable() -> None:
    codes = {each.__name__: each.code for each in CLASSES}
    assert len(set(codes.values())) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes.values())
    known = {
        "CheapError": "error",
        "InvalidError": "invalid",
        "InvalidValueError": "invalid-value",
        "InvalidNameError": "invalid-name",
        "InvalidDefinitionError": "invalid-definition",
        "InvalidDocumentError": "invalid-document",
        "InvalidEditError": "invalid-edit",
        "InvalidQueryError": "invalid-query",
        "NotFoundError": "not-found",
        "CatalogNotFoundError": "catalog-not-found",
        "MissingKeyError": "key-not-found",
        "MissingIndexError": "index-not-found",
        "AlreadyExistsError": "already-exists",
        "ConflictError": "conflict",
        "ReadOnlyError": "read-only",
        "NotReadableError": "not-readable",
        "StoreError": "store",
        "ClosedError": "closed",
        "ConfigurationError": "configuration",
        "AccessDeniedError": "access-denied",
        "NotOursError": "not-ours",
        "SchemaVersionError": "schema-version",
        "StorageFullError": "storage-full",
        "CorruptError": "corrupt",
        "CommitUnknownError": "commit-unknown",
        "TransientError": "transient",
        "BusyError": "busy",
        "PoolTimeoutError": "pool-timeout",
        "UnavailableError": "unavailable",
        "StoppedError": "stopped",
        "MisuseError": "misuse",
    }
    # A code that was given out once stays; new errors may come.
    assert known.items() <= codes.items()


def test_what_is_retryable() -> None:
    retryable = {each.__name__ for each in CLASSES if each.retryable}
    assert {"TransientError", "BusyError", "PoolTimeoutError", "UnavailableError"} <= retryable
    assert not retryable & {each.__name__ for each in CLASSES if issubclass(each, InvalidError)}
    assert "CommitUnknownError" not in retryable


@pytest.mark.parametrize("error", CLASSES)
def test_errors_travel(error: type[CheapError]) -> None:
    one = made(error)
    for other in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert type(other) is error
        assert str(other) == str(one)
        assert vars(other) == vars(one)


@pytest.mark.parametrize("error", CLASSES)
def test_errors_say_a_sentence(error: type[CheapError]) -> None:
    text = str(made(error))
    assert text
    assert text[0] not in "'\""  # a KeyError would print the repr


def test_errors_are_of_pythons_kinds_too() -> None:
    assert issubclass(MissingKeyError, KeyError)
    assert issubclass(MissingIndexError, IndexError)
    assert issubclass(errors.InvalidError, ValueError)
    assert issubclass(errors.NotFoundError, LookupError)
    assert str(MissingKeyError("no 'x' here")) == "no 'x' here"
    assert str(CheapError()) == "CheapError"


def test_what_errors_carry() -> None:
    error = made(InvalidValueError)
    assert isinstance(error, InvalidValueError)
    assert (error.aspect, error.where, len(error.faults)) == ("person", "here", 2)
    assert str(error) == (
        "aspect 'person' of here: x[1]: expected Integer, got str 'a'; "
        "y: expected a value, got null"
    )
    assert str(ConflictError("x", 5)) == (
        "x was changed by somebody else at revision 5; load it again and repeat the edit"
    )
    assert "at revision" not in str(ConflictError("x"))
    assert str(CatalogNotFoundError(5)) == "no catalog 5 in this store"
    assert str(InvalidDocumentError("$.x", "is missing")) == "$.x: is missing"


def test_a_message_of_many_faults_is_short() -> None:
    error = InvalidValueError("a", [Fault(f"x[{i}]", "Integer", "null") for i in range(2_000)])
    assert len(error.faults) == 2_000
    assert len(str(error)) < 1000
    assert str(error).endswith("and 1,980 more")
