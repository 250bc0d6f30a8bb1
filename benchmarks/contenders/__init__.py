"""The ways of keeping records that are measured against each other."""

from __future__ import annotations

from benchmarks.contenders.cheap import Cheap, CheapBuilt
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.property_rows import PropertyRows
from benchmarks.contenders.raw import RAW
from benchmarks.contenders.sqlalchemy_core import Core
from benchmarks.contenders.sqlalchemy_orm import Orm
from benchmarks.data import Data
from benchmarks.places import Place

__all__ = ["TITLES", "Cheap", "CheapBuilt", "Contender", "make_contender"]

_COMMON: dict[str, type[Contender]] = {
    each.name: each for each in (Cheap, CheapBuilt, Core, Orm, PropertyRows)
}
TITLES = {name: each.title for name, each in _COMMON.items()} | {"raw": "raw driver"}


def make_contender(name: str, place: Place, data: Data, *, indexed: bool = False) -> Contender:
    """Make a contender by its name."""
    kind: type[Contender] = RAW[place.backend] if name == "raw" else _COMMON[name]
    return kind(place, data, indexed=indexed)
