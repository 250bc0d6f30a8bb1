"""Records in their JSON form, on the way into a store that reads them by its own definition."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from msgspec import Raw

from cheap.core.aspects import pack_record
from cheap.core.codecs import Codec
from cheap.core.names import check_id
from cheap.errors import ConflictError

__all__ = ["JsonRecords", "hash_text", "pack_records"]


class JsonRecords(dict[UUID, bytes | memoryview | Raw]):
    """Records by entity, each the JSON object that documents have; read when they are put.

    It may stand in the place of the records in :class:`~cheap.core.edits.PutAspects`.

    Args:
        records: entity → JSON object.
        definition: hash version of the definition by which they were written, 16 hexadecimal
            digits; ``None`` when the writer leaves that to the reader.
    """

    def __init__(
        self,
        records: Mapping[UUID, bytes | memoryview | Raw] = {},
        definition: str | None = None,
    ) -> None:
        super().__init__(records)
        self.definition = definition

    def pack(self, codec: Codec) -> dict[UUID, bytes]:
        """Read and check every record by a definition; return them packed.

        Raises:
            ConflictError: they were written by another definition.
            InvalidValueError: a record does not fit.
        """
        definition = codec.definition
        if self.definition is not None and self.definition != hash_text(codec):
            raise ConflictError(f"aspect definition {definition.name!r}")
        return {
            check_id(entity): codec.pack_json(record, entity) for entity, record in self.items()
        }


def hash_text(codec: Codec) -> str:
    """Return the hash version of a codec's definition as 16 hexadecimal digits."""
    return f"{codec.definition.hash_version:016x}"


def pack_records(records: Mapping[UUID, object], codec: Codec) -> dict[UUID, bytes]:
    """Check and pack records of any kind that ``PutAspects`` takes.

    Raises:
        InvalidValueError: a record does not fit; all that is wrong with it is named.
        ConflictError: see :class:`JsonRecords`.
    """
    if isinstance(records, JsonRecords):
        return records.pack(codec)
    return {
        check_id(entity): pack_record(values, codec, entity) for entity, values in records.items()
    }
