"""The records that everything is measured with: ten properties, all different, always the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from cheap import AspectDef, PropertyDef, PropertyType

Record = dict[str, Any]

DEFINITION: Final = AspectDef(
    "com.example.reading",
    [
        PropertyDef("number", PropertyType.INTEGER),
        PropertyDef("ratio", PropertyType.FLOAT),
        PropertyDef("flag", PropertyType.BOOLEAN),
        PropertyDef("name", PropertyType.STRING),
        PropertyDef("text", PropertyType.TEXT),
        PropertyDef("amount", PropertyType.BIG_DECIMAL),
        PropertyDef("moment", PropertyType.DATE_TIME),
        PropertyDef("key", PropertyType.UUID),
        PropertyDef("tags", PropertyType.STRING, multivalued=True),
        PropertyDef("data", PropertyType.BLOB),
    ],
)
NAMES: Final = tuple(DEFINITION)
MATCHES: Final = 100
"""How many records the filter finds."""

_EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
_STEP: Final = 7919  # a prime: multiples of it, modulo the size, are all numbers below the size
_WORDS: Final = (
    *("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "harbour", "island"),
    *("jasper", "kelp", "lagoon", "meadow", "nectar", "orchid", "prairie", "quartz", "reef"),
    *("summit", "tundra", "umbra", "valley", "willow", "yarrow", "Zürich", "café", "naïve", "東京"),
)


@dataclass(frozen=True)
class Data:
    """The records of one size.

    Attributes:
        records: entity → record; ids ascend, as those that CheapPy makes.
        spares: further records, to take the place of others.
    """

    records: dict[UUID, Record]
    spares: list[Record]

    @property
    def size(self) -> int:
        """How many records there are."""
        return len(self.records)

    def some(self, count: int, seed: int) -> list[UUID]:
        """Return some of the entities, by chance; the same for the same seed."""
        return Random(seed).choices(list(self.records), k=count)

    def changed(self, count: int, seed: int) -> dict[UUID, Record]:
        """Return a new record for some of the entities."""
        chance = Random(seed)
        entities = chance.sample(list(self.records), min(count, self.size))
        first = chance.randrange(len(self.spares))
        return {
            entity: self.spares[(first + i) % len(self.spares)] for i, entity in enumerate(entities)
        }

    def bounds(self, seed: int) -> tuple[int, int]:
        """Return a range (from, below) of ``number`` in which 100 records lie."""
        low = Random(seed).randrange(max(1, self.size - MATCHES))
        return low, low + MATCHES


def make_data(size: int) -> Data:
    """Make the records of one size."""
    records = dict(zip(make_ids(size), make_records(size), strict=True))
    return Data(records, list(make_records(max(1000, size // 10), seed=2)))


def make_records(size: int, *, seed: int = 1) -> Iterator[Record]:
    """Yield the records of one size."""
    return (_record(i, size, Random(seed << 40 | i)) for i in range(size))


def _record(i: int, size: int, chance: Random) -> Record:
    words = chance.choices(_WORDS, k=24)
    return {
        "number": i * _STEP % size,
        "ratio": chance.uniform(-1000, 1000),
        "flag": chance.random() < 0.5,
        "name": f"{i:08} {words[0]} {words[1]}"[:20],
        "text": " ".join(words).ljust(120, ".")[:120],
        "amount": Decimal(chance.randrange(10**9)).scaleb(-2),
        "moment": _EPOCH + timedelta(microseconds=chance.randrange(10**14)),
        "key": UUID(int=chance.getrandbits(128), version=4),
        "tags": [f"{word}-{chance.randrange(1000)}" for word in words[2:5]],
        "data": chance.randbytes(32),
    }


def make_ids(size: int) -> Iterator[UUID]:
    """Ids like those of ``new_id``, which ascend: some milliseconds and a random part."""
    chance = Random(3)
    for i in range(size):
        bits = (1_600_000_000_000 + i // 16) << 80 | 0x7 << 76 | i % 16 << 72
        yield UUID(int=bits | 0b10 << 62 | chance.getrandbits(62))
