"""How pydantic (and so FastAPI) reads and writes catalogs."""

from __future__ import annotations

import json

from pydantic_core import core_schema

from cheap.core.catalogs import Catalog
from cheap.core.documents.reading import read_catalog
from cheap.errors import InvalidDocumentError


def catalog_schema() -> core_schema.CoreSchema:
    """Return how pydantic reads and writes a catalog: a catalog as it is, or as its document.

    A document without an id is that of a new catalog: so clients of a web framework create one.
    """
    written = core_schema.plain_serializer_function_ser_schema(
        lambda catalog: json.loads(catalog.json()), return_schema=document_schema(has_id=True)
    )
    return core_schema.no_info_plain_validator_function(_catalog_of, serialization=written)


def document_schema(*, has_id: bool) -> core_schema.CoreSchema:
    """Return what a document looks like, for descriptions of interfaces.

    Args:
        has_id: whether there is a ``globalId`` for certain.
    """
    text, anything = core_schema.str_schema(), core_schema.dict_schema()
    maybe = core_schema.nullable_schema(text)
    return core_schema.typed_dict_schema(
        {
            "globalId": core_schema.typed_dict_field(text, required=has_id),
            "species": core_schema.typed_dict_field(text, required=True),
            "version": core_schema.typed_dict_field(text, required=False),
            "uri": core_schema.typed_dict_field(maybe, required=False),
            "upstream": core_schema.typed_dict_field(maybe, required=False),
            "aspectDefs": core_schema.typed_dict_field(anything, required=False),
            "hierarchies": core_schema.typed_dict_field(anything, required=False),
        }
    )


def _catalog_of(given: object) -> Catalog:
    if isinstance(given, Catalog):
        return given
    if isinstance(given, (str, bytes)):
        return read_catalog(given, needs_id=False)
    try:
        document = json.dumps(given)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidDocumentError("$", f"expected a catalog or its document: {error}") from None
    return read_catalog(document, needs_id=False)
