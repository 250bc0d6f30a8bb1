"""The desk: what a server notes beside the catalogs, so that it survives a restart."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID

from cheap.store.contract import Store


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a request was answered with, for when the same request comes again.

    Attributes:
        fingerprint: digest of the request, 16 bytes: one key must not serve two requests.
        answer: the answer, as the server wrote it.
        made: when, in seconds since 1970.
    """

    fingerprint: bytes
    answer: bytes
    made: int


class Desk(Store):
    """A store that a server can stand on: beside the contract it joins calls, and keeps notes.

    What is added here does not cross HTTP. Every method joins the transaction that is open.
    """

    @abstractmethod
    def transaction(self) -> AbstractContextManager[object]:
        """Join the calls of a ``with`` block into one transaction."""

    @abstractmethod
    def find_answer(self, key: bytes) -> KeptAnswer | None:
        """Return what was kept under a key of 16 bytes."""

    @abstractmethod
    def keep_answer(self, key: bytes, kept: KeptAnswer) -> None:
        """Keep an answer.

        Raises:
            AlreadyExistsError: one is kept under this key.
        """

    @abstractmethod
    def forget_answers(self, before: int) -> int:
        """Forget the answers that were made before a second; return how many."""

    @abstractmethod
    def schedule_deletion(self, catalog_id: UUID, due: int) -> None:
        """Note that a catalog is to be deleted at a second; a later note replaces an earlier one.

        Raises:
            CatalogNotFoundError: there is no such catalog.
        """

    @abstractmethod
    def due_deletions(self, now: int) -> list[UUID]:
        """Return the catalogs that are to be deleted by now; deleting one forgets the note."""

    @abstractmethod
    def cancel_deletion(self, catalog_id: UUID) -> bool:
        """Forget that a catalog is to be deleted; return whether it was."""
