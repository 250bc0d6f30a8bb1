"""What shapes are made of: values that are checked, and arrays and objects of them."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import (
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from cheap.core import CatalogSpecies
from cheap.core.forms import is_object
from cheap.rest.wire.forms import Key, Record
from cheap.rest.wire.problems import MAX_FAULTS

T = TypeVar("T")

MAX_INT = 2**63 - 1


def _upper(word: object) -> object:
    return word.upper() if isinstance(word, str) else word


def _whole(number: object) -> object:
    return int(number) if isinstance(number, float) and number.is_integer() else number


Species = Annotated[CatalogSpecies, BeforeValidator(_upper)]


# Pydantic makes an error of every fault there is, and one takes more memory than the body that has
# a million of them. So arrays end at their first fault, objects after some.
Many = Annotated[list[T], Field(fail_fast=True)]


def _by_pieces(given: object, handler: ValidatorFunctionWrapHandler) -> Any:
    """Look at the members of an object until there are faults; refuse a UUID that stands twice."""
    if not is_object(given):
        return handler(given)
    members, found = iter(given.items()), dict[Any, Any]()
    while piece := dict(islice(members, MAX_FAULTS)):
        found |= handler(piece)
    if len(found) < len(given):
        raise ValueError("an entity stands twice, in two spellings of its id")
    return found


Records = Annotated[dict[UUID, Record], WrapValidator(_by_pieces)]
Entries = Annotated[dict[Key, UUID], WrapValidator(_by_pieces)]
# Integers as JSON Schema means them: 1.0 is one, too.
Count = Annotated[int, Field(ge=1, strict=True), BeforeValidator(_whole)]
Revision = Annotated[int, Field(ge=0, le=MAX_INT, strict=True), BeforeValidator(_whole)]
_FROM_0 = WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_INT})
Expected = Annotated[int, Field(le=MAX_INT, strict=True), BeforeValidator(_whole), _FROM_0]
"""A revision that may have been: that none is below 0, the store says."""
Place = Annotated[int, Field(strict=True), BeforeValidator(_whole), _FROM_0]
"""A place in a list: which ones there are, the store knows."""
