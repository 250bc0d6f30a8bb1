"""Edits and questions, written under the definition that a client knows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from msgspec import Raw

from cheap.core import AspectDef, AspectMap, Filter, Order
from cheap.core.codecs import codec_of
from cheap.core.edits import Edit, PutAspects
from cheap.core.filters import Selection
from cheap.core.names import check_id
from cheap.core.records import hash_text, pack_records
from cheap.rest.wire.edits import write_edit
from cheap.rest.wire.filters import write_filter, write_order

UNKNOWN: Final = "0" * 16
"""Hash version of a definition that is not known: the server finds the reason, or a conflict."""


def written_by(definition: AspectDef | None, edit: Edit) -> dict[str, Any]:
    """Return the form of an edit, its records under the definition that is known, if any is."""
    return write_edit(edit, partial(_records, definition))


def question(
    definition: AspectDef, where: Filter | None, order_by: str | Order | Sequence[str | Order]
) -> dict[str, Any]:
    """Return the part of a query that a definition is needed for."""
    selection = Selection(definition, where, order_by)
    return {
        "definition": hash_text(codec_of(definition)),
        "where": None if where is None else write_filter(where, definition),
        "order_by": write_order(selection.order),
    }


def _records(definition: AspectDef | None, edit: PutAspects) -> tuple[dict[str, Raw], str]:
    aspects = edit.aspects
    if definition is None:
        return {str(check_id(entity)): Raw(b"{}") for entity in aspects}, UNKNOWN
    codec = codec_of(definition)
    if isinstance(aspects, AspectMap) and aspects.aspect_def == definition:
        packed = aspects.packed()
    else:
        packed = pack_records(aspects, codec)
    forms = {str(entity): Raw(codec.to_json(each)) for entity, each in packed.items()}
    return forms, hash_text(codec)
