"""The catalogs that are served, and what is asked of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec

from benchmarks.data import DEFINITION, Record, make_ids, make_records
from cheap import HierarchyType, connect
from cheap.core.codecs import codec_of
from cheap.core.edits import CreateHierarchy, Edit, PutAspects, PutDefinition

Tell = Callable[[str], None]

HUNDRED: Final = 100
"""How many records a query asks for, and an upsert writes."""

NAME: Final = DEFINITION.name
_AT_ONCE: Final = 10_000
_ID: Final = UUID("018f0000-0000-7000-8000-00000000b33f")
_BODIES: Final = 40


@dataclass(frozen=True)
class Served:
    """A SQLite file with one catalog in it.

    Attributes:
        file: the file.
        size: how many records the catalog has.
    """

    file: Path
    size: int
    catalog_id: UUID = _ID

    @property
    def url(self) -> str:
        """The address of the database."""
        return f"sqlite:///{self.file}"

    def path(self, rest: str = "") -> str:
        """Return an address below the catalog's."""
        return f"/api/catalog/{self.catalog_id}{rest}"

    def copy(self, name: str) -> Served:
        """Copy it, so that one contender's writing is no matter of another."""
        return Served(
            Path(shutil.copy(self.file, self.file.with_name(f"{name}.sqlite"))), self.size
        )


def fill(folder: Path, size: int, tell: Tell) -> Served:
    """Make a catalog of so many records, in a file of its own."""
    made = Served(folder / f"{size}.sqlite", size)
    records = zip(make_ids(size), make_records(size), strict=True)
    with connect(made.url) as store:
        first: list[Edit] = [
            PutDefinition(DEFINITION),
            CreateHierarchy(NAME, HierarchyType.ASPECT_MAP),
        ]
        store.create_catalog(catalog_id=_ID, edits=first)
        done = 0
        while batch := dict(islice(records, _AT_ONCE)):
            store.commit(_ID, [PutAspects(NAME, batch)])
            done += len(batch)
            tell(f"{done:,} of {size:,} records written")
    return made


def some_entities(size: int, seed: int) -> list[UUID]:
    """Return a hundred of the entities, by chance."""
    return Random(seed).sample(list(make_ids(size)), min(HUNDRED, size))


def write_queries(file: Path, size: int) -> Path:
    """Write bodies that ask for a hundred records each, one a line."""
    return _write(file, map(query_form, (some_entities(size, seed) for seed in range(_BODIES))))


def write_commits(file: Path, size: int) -> Path:
    """Write bodies that put a hundred records each, one a line.

    Each puts others than the one before, and whenever an entity comes again its record is another.
    """
    return _write(file, map(commit_form, (changed(size, seed) for seed in range(_BODIES))))


def query_form(entities: list[UUID]) -> dict[str, Any]:
    """Return what asks for some records."""
    return {"aspect": NAME, "entities": entities}


def changed(size: int, seed: int) -> dict[UUID, Record]:
    """Return new records for a hundred of the entities, by chance.

    Other seeds give other records, and every twentieth the same entities.
    """
    entities = some_entities(size, seed % (_BODIES // 2))
    return dict(zip(entities, make_records(len(entities), seed=seed + 2), strict=True))


def commit_form(records: Mapping[UUID, Record]) -> dict[str, Any]:
    """Return what puts some records, in their JSON form."""
    codec = codec_of(DEFINITION)
    aspects = {
        str(entity): msgspec.Raw(codec.to_json(codec.pack(record)))
        for entity, record in records.items()
    }
    return {"edits": [{"edit": "put_aspects", "hierarchy": NAME, "aspects": aspects}]}


def _write(file: Path, bodies: Iterator[object]) -> Path:
    file.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in bodies))
    return file
