"""The desks of the SQL stores and of the memory store."""

from __future__ import annotations

from uuid import UUID

from cheap.core.names import check_id, ids_from_bytes
from cheap.db.adapter import Adapter, Session
from cheap.db.joining import Joinable
from cheap.db.rows import as_bytes
from cheap.db.schema import ANSWER, DELETION
from cheap.errors import AlreadyExistsError, CatalogNotFoundError
from cheap.store import Desk, KeptAnswer


class SqlDesk(Joinable, Desk):
    """Notes in two tables beside the catalogs'."""

    adapter: Adapter

    def find_answer(self, key: bytes) -> KeptAnswer | None:
        with self._reading() as session:
            rows = session.rows(self.adapter.statements.get_answer, {"answer_id": key})
        if not rows:
            return None
        fingerprint, made, document = rows[0]
        return KeptAnswer(as_bytes(fingerprint), as_bytes(document), made)

    def keep_answer(self, key: bytes, kept: KeptAnswer) -> None:
        def work(session: Session) -> None:
            session.insert(ANSWER, [(key, kept.fingerprint, kept.made, kept.answer)])
            session.flush()

        self._write(work)

    def forget_answers(self, before: int) -> int:
        statement = self.adapter.statements.forget_answers
        return self._write(lambda session: session.run(statement, {"before": before}))

    def schedule_deletion(self, catalog_id: UUID, due: int) -> None:
        place: dict[str, object] = {"catalog_id": check_id(catalog_id, "catalog id").bytes}

        def work(session: Session) -> None:
            if not session.rows(self.adapter.statements.get_catalog, place):
                raise CatalogNotFoundError(catalog_id)
            session.upsert(DELETION, [(catalog_id.bytes, due)])
            session.flush()

        self._write(work)

    def due_deletions(self, now: int) -> list[UUID]:
        with self._reading() as session:
            rows = session.rows(self.adapter.statements.due_deletions, {"now": now})
        return ids_from_bytes([as_bytes(row[0]) for row in rows])

    def cancel_deletion(self, catalog_id: UUID) -> bool:
        place: dict[str, object] = {"catalog_id": check_id(catalog_id, "catalog id").bytes}
        statement = self.adapter.statements.cancel_deletion
        return self._write(lambda session: bool(session.run(statement, place)))


class MemoryDesk(Desk):
    """Notes in dictionaries, which last as long as the store."""

    # Single steps on dictionaries: threads need no lock. A rollback leaves them, which harms
    # nobody: an answer is kept as the last step of its transaction.

    def __init__(self) -> None:
        self._answers: dict[bytes, KeptAnswer] = {}
        self._deletions: dict[UUID, int] = {}

    def find_answer(self, key: bytes) -> KeptAnswer | None:
        return self._answers.get(key)

    def keep_answer(self, key: bytes, kept: KeptAnswer) -> None:
        if self._answers.setdefault(key, kept) is not kept:
            raise AlreadyExistsError("an answer is kept under this key already")

    def forget_answers(self, before: int) -> int:
        old = [key for key, kept in list(self._answers.items()) if kept.made < before]
        for key in old:
            self._answers.pop(key, None)
        return len(old)

    def schedule_deletion(self, catalog_id: UUID, due: int) -> None:
        if not self.catalog_exists(catalog_id):
            raise CatalogNotFoundError(catalog_id)
        self._deletions[catalog_id] = due

    def due_deletions(self, now: int) -> list[UUID]:
        due = [key for key, when in list(self._deletions.items()) if when <= now]
        return sorted(due, key=lambda key: (self._deletions[key], key))

    def cancel_deletion(self, catalog_id: UUID) -> bool:
        return self._deletions.pop(catalog_id, None) is not None
