"""Every error that CheapPy raises, drawn as one tree.

::

    CheapError
    ├── InvalidError                  what was given is wrong; asking again does not help
    │   ├── InvalidValueError         values that their definition refuses (has .faults)
    │   ├── InvalidNameError          a name that is empty, too long or not text
    │   ├── InvalidDefinitionError    a definition that contradicts itself
    │   ├── InvalidDocumentError      JSON that is not a catalog document (has .path)
    │   ├── InvalidEditError          an edit that does not fit the hierarchy it names
    │   ├── InvalidQueryError         a filter, order, cursor or limit that makes no sense
    │   ├── MisuseError               used in a way that cannot work: by two tasks at once, ...
    │   ├── MalformedRequestError     an HTTP request that cannot be read (has .path)
    │   ├── MethodNotAllowedError     an HTTP method that this address does not know
    │   ├── UnsupportedMediaError     a content type that this address does not read
    │   └── TooLargeError             a body, a batch or a page above the server's limit
    ├── NotFoundError                 the named thing is not there
    │   ├── CatalogNotFoundError      no catalog has this id
    │   ├── MissingKeyError           also a KeyError: a hierarchy, an entity, a key, a property
    │   ├── MissingIndexError         also an IndexError: a place in a list
    │   └── UnknownRouteError         no resource has this address
    ├── AlreadyExistsError            the name or id is taken
    ├── ConflictError                 somebody else changed it since (has .what, .revision)
    │   └── PreconditionError         what If-Match named is no longer so
    ├── ReadOnlyError                 this may not be changed: a species, a definition, a file
    ├── NotReadableError              the definition does not let this be read
    ├── UnauthorizedError             no API key, or one that the server does not know
    ├── ForbiddenError                the API key's scope does not allow this
    └── StoreError                    the place where catalogs are kept has trouble
        ├── ClosedError               used after close()
        ├── ConfigurationError        an address or an option that cannot work
        ├── AccessDeniedError         wrong user, password or file permission
        ├── NotOursError              a file or database that CheapPy did not make
        ├── SchemaVersionError        made by a newer CheapPy
        ├── StorageFullError          no room left
        ├── CorruptError              what was read back is damaged
        ├── StoppedError              the call was stopped from outside, nothing was written
        ├── CommitUnknownError        the connection was lost while the commit was on its way
        ├── InternalError             the server met a fault of its own
        └── TransientError            the same call may succeed a moment later (retryable)
            ├── BusyError             a lock or a serialization failure outlived the retries
            ├── StatementTimeoutError   a statement took longer than it may
            ├── PoolTimeoutError      no connection came free in time
            ├── OverloadedError       the server has too much in hand, or is stopping
            ├── RequestTimeoutError   an HTTP request took longer than the server allows
            └── UnavailableError      no server answers, or the connection broke

Each class has a stable ``code`` (kebab case, for logs and for the wire) and says with
``retryable`` whether the very same call may succeed later. A driver's own exception is chained
as ``__cause__``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class CheapError(Exception):
    """The root of everything CheapPy raises on purpose."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __str__(self) -> str:
        # KeyError prints the repr of its argument; a sentence should stay a sentence.
        return str(self.args[0]) if self.args else self.__class__.__name__


class InvalidError(CheapError, ValueError):
    """Something given to CheapPy is wrong in itself."""

    code = "invalid"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one value.

    Attributes:
        path: where it stands: the property's name, with ``[index]`` for an element.
        expected: what would have been accepted, in words.
        got: what came instead, shortened.
    """

    path: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, got {self.got}"


_FAULTS_SHOWN = 20


class InvalidValueError(InvalidError):
    """Values that do not fit their property definitions; every fault of the record is listed.

    Attributes:
        aspect: name of the aspect definition.
        faults: each fault, in the order of the definition.
        where: what the record belongs to (usually the entity), or ``None``.
    """

    code = "invalid-value"

    def __init__(self, aspect: str, faults: Sequence[Fault], where: str | None = None) -> None:
        self.aspect = aspect
        self.faults = tuple(faults)
        self.where = where
        at = f" of {where}" if where else ""
        words = [str(fault) for fault in self.faults[:_FAULTS_SHOWN]]
        if len(self.faults) > _FAULTS_SHOWN:
            words.append(f"and {len(self.faults) - _FAULTS_SHOWN:,} more")
        super().__init__(f"aspect {aspect!r}{at}: " + "; ".join(words))

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.aspect, self.faults, self.where))


class InvalidNameError(InvalidError):
    """A name that is empty, longer than the limit, or holds characters no store can keep."""

    code = "invalid-name"


class InvalidDefinitionError(InvalidError):
    """A definition that contradicts itself, or two that cannot stand side by side."""

    code = "invalid-definition"


class InvalidDocumentError(InvalidError):
    """A JSON document that does not describe a catalog.

    Attributes:
        path: where in the document, as ``$.key[index]``.
    """

    code = "invalid-document"

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.reason = message
        super().__init__(f"{path}: {message}")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.path, self.reason))


class InvalidEditError(InvalidError):
    """An edit that does not fit the kind of hierarchy it names."""

    code = "invalid-edit"


class InvalidQueryError(InvalidError):
    """A filter, an order, a cursor or a limit that cannot be answered."""

    code = "invalid-query"


class MisuseError(InvalidError):
    """Something was used in a way that cannot work: by two tasks at once, out of its block."""

    code = "misuse"


class MalformedRequestError(InvalidError):
    """An HTTP request that cannot be read.

    Attributes:
        path: where in the request: ``query.limit``, ``path.catalog_id``, or ``$.edits[2].name``
            in a body.
        faults: everything that does not fit, where there is more to say than the first fault.
    """

    code = "malformed-request"

    def __init__(self, path: str, message: str, faults: Sequence[Fault] = ()) -> None:
        self.path = path
        self.reason = message
        self.faults = tuple(faults)
        super().__init__(f"{path}: {message}")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.path, self.reason, self.faults))


class MethodNotAllowedError(InvalidError):
    """The address is right, but it does not know this HTTP method.

    Attributes:
        allowed: the methods it knows.
    """

    code = "method-not-allowed"

    def __init__(self, message: str, allowed: Sequence[str] = ()) -> None:
        self.allowed = tuple(allowed)
        super().__init__(message)


class UnsupportedMediaError(InvalidError):
    """A body of a content type that this address does not read."""

    code = "unsupported-media"


class TooLargeError(InvalidError):
    """A body, a batch or a page is larger than the server takes."""

    code = "too-large"


class NotFoundError(CheapError, LookupError):
    """The named thing does not exist."""

    code = "not-found"


class CatalogNotFoundError(NotFoundError):
    """No catalog has this id in this store.

    Attributes:
        catalog_id: the id.
        advice: what to do about it, where there is more to say than that.
    """

    code = "catalog-not-found"

    def __init__(self, catalog_id: object, advice: str = "") -> None:
        self.catalog_id = catalog_id
        self.advice = advice
        more = f"; {advice}" if advice else ""
        super().__init__(f"no catalog {catalog_id} in this store{more}")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.catalog_id, self.advice))


class MissingKeyError(NotFoundError, KeyError):
    """A hierarchy, entity, key, node or property that is not there."""

    code = "key-not-found"


class MissingIndexError(NotFoundError, IndexError):
    """A place outside of a list."""

    code = "index-not-found"


class UnknownRouteError(NotFoundError):
    """No resource of the server has this address."""

    code = "route-not-found"


class AlreadyExistsError(CheapError):
    """The name or the id is taken."""

    code = "already-exists"


class ConflictError(CheapError):
    """Somebody else changed the same thing since it was read; nothing was written.

    Load the catalog again (or the named part), apply your edit to it, and save.

    Attributes:
        what: what was changed by somebody else, in words.
        revision: the catalog revision of that change, or ``None`` when it is not known.
    """

    code = "conflict"

    def __init__(self, what: str, revision: int | None = None) -> None:
        self.what = what
        self.revision = revision
        at = "" if revision is None else f" at revision {revision}"
        super().__init__(
            f"{what} was changed by somebody else{at}; load it again and repeat the edit"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.what, self.revision))


class PreconditionError(ConflictError):
    """The catalog is not as ``If-Match`` or ``If-None-Match`` says."""

    code = "precondition-failed"


class ReadOnlyError(CheapError):
    """The species, the definition or the store does not allow this change."""

    code = "read-only"


class NotReadableError(CheapError):
    """The definition says that this aspect or property may not be read."""

    code = "not-readable"


class UnauthorizedError(CheapError):
    """The server asks for an API key, and got none or one that it does not know."""

    code = "unauthorized"


class ForbiddenError(CheapError):
    """The server knows the API key, but its scope does not allow this call."""

    code = "forbidden"


class StoreError(CheapError):
    """The place where catalogs are kept has trouble."""

    code = "store"


class ClosedError(StoreError):
    """The adapter, the DAO or the iterator was closed before this call."""

    code = "closed"


class ConfigurationError(StoreError):
    """An address or an option that cannot work."""

    code = "configuration"


class AccessDeniedError(StoreError):
    """The store refused the user, the password, or access to the file."""

    code = "access-denied"


class NotOursError(StoreError):
    """The file or the database holds something that CheapPy did not make; it was left untouched."""

    code = "not-ours"


class SchemaVersionError(StoreError):
    """The store was made by a newer CheapPy, or its schema is missing."""

    code = "schema-version"


class StorageFullError(StoreError):
    """No room is left on the device, or a quota is used up; the transaction was rolled back."""

    code = "storage-full"


class CorruptError(StoreError):
    """What was read back from the store is damaged."""

    code = "corrupt"


class StoppedError(StoreError):
    """The call was stopped from outside (a cancelled task); nothing more of it was written."""

    code = "stopped"


class CommitUnknownError(StoreError):
    """The connection was lost while the commit was on its way: it may or may not have happened.

    Read the catalog's revision again to find out. A DAO never repeats such a call by itself; a
    client does, since its server does nothing twice.
    """

    code = "commit-unknown"


class InternalError(StoreError):
    """The server met a fault of its own; its log says more, under the request's id."""

    code = "internal"


class TransientError(StoreError):
    """The same call may succeed a moment later; nothing was written."""

    code = "transient"
    retryable = True


class BusyError(TransientError):
    """A lock, a deadlock or a serialization failure outlived the automatic retries."""

    code = "busy"


class StatementTimeoutError(TransientError):
    """A statement took longer than ``statement_timeout`` allows, and was stopped."""

    code = "statement-timeout"


class PoolTimeoutError(TransientError):
    """No connection came free within the pool's time-out."""

    code = "pool-timeout"


class OverloadedError(TransientError):
    """The server has as many requests in hand as it takes, or is about to stop."""

    code = "overloaded"


class RequestTimeoutError(TransientError):
    """An HTTP request took longer than the server allows; it was stopped and rolled back."""

    code = "request-timeout"


class UnavailableError(TransientError):
    """No server answers at this address, or the connection broke in the middle of the call."""

    code = "unavailable"
