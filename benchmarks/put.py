"""Putting a record into a catalog, which checks it, beside making a pydantic model of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from benchmarks.data import DEFINITION, Data
from benchmarks.timing import clocked, turn_by_turn
from cheap import Catalog


class Reading(BaseModel):
    """The same ten properties with the same limits."""

    number: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    ratio: Annotated[float, Field(allow_inf_nan=False)]
    flag: bool
    name: Annotated[str, Field(max_length=8192)]
    text: str
    amount: Decimal
    moment: AwareDatetime
    key: UUID
    tags: list[Annotated[str, Field(max_length=8192)]]
    data: bytes


def measure_put(data: Data, rounds: int, tell: Callable[[str], None]) -> dict[str, list[float]]:
    """Return the seconds of one record, both ways; all that is made is kept, by entity."""

    def put() -> object:
        made = Catalog().define(DEFINITION)
        for entity, record in data.records.items():
            made[entity] = record
        return made

    def model() -> object:
        made: dict[UUID, Reading] = {}
        for entity, record in data.records.items():
            made[entity] = Reading(**record)
        return made

    turns = {
        "cheap": lambda _: clocked(put) / data.size,
        "pydantic": lambda _: clocked(model) / data.size,
    }
    return turn_by_turn(turns, rounds, tell)
